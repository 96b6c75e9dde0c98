"""The journal: what was changed, in memory, step by step, so that each step can be taken back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .edits import Edits, History, Record, State


@dataclass(frozen=True, slots=True)
class _Step:
    what: str
    before: Edits
    after: Edits


class Journal:
    """A stack of steps with a position in it."""

    def __init__(self) -> None:
        self._steps: list[_Step] = []
        self._done = 0
        self.history = History()
        self.edits = Edits(self.history, 0)

    @property
    def version(self) -> int:
        """Rises with every step, also with one that is taken back."""
        return self.history.version

    def apply(self, states: Mapping[Record, State | None], what: str) -> None:
        """One step; steps that were taken back before it are forgotten."""
        before, self.edits = self.edits, self.history.put(states)
        del self._steps[self._done :]
        self._steps.append(_Step(what, before, self.edits))
        self._done += 1

    def undo(self) -> str | None:
        """Take a step back."""
        if self._done == 0:
            return None
        self._done -= 1
        step = self._steps[self._done]
        self.history.put_back(step.after.version, step.before)
        self.edits = step.before
        return step.what

    def redo(self) -> str | None:
        """Take a step forward again."""
        if self._done == len(self._steps):
            return None
        step = self._steps[self._done]
        self._done += 1
        self.history.put_back(step.after.version, step.after)
        self.edits = step.after
        return step.what
