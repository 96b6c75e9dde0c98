"""The journal: what was changed, in memory, step by step, so that each step can be taken back."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

_serials = itertools.count()


class Edits:
    """Records that differ from their source: (source, record) to new bytes, or None for a removed one. Never changed in place."""

    def __init__(self, changed: Mapping[int, Mapping[int, bytes | None]] | None = None) -> None:
        self._changed = changed or {}
        self.serial = next(_serials)

    def of_source(self, source: int) -> Mapping[int, bytes | None]:
        """The changed records of one source."""
        return self._changed.get(source, {})

    def __contains__(self, place: tuple[int, int]) -> bool:
        return place[1] in self.of_source(place[0])

    def __len__(self) -> int:
        return sum(len(records) for records in self._changed.values())

    def with_changes(self, changes: Mapping[tuple[int, int], bytes | None]) -> Edits:
        """These edits with others on top."""
        merged: dict[int, dict[int, bytes | None]] = {
            source: dict(kept) for source, kept in self._changed.items()
        }
        for (source, index), data in changes.items():
            merged.setdefault(source, {})[index] = data
        return Edits(merged)


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
        self.version = 0
        self.edits = Edits()

    def apply(self, changes: Mapping[tuple[int, int], bytes | None], what: str) -> None:
        """One step; steps that were taken back before it are forgotten."""
        after = self.edits.with_changes(changes)
        del self._steps[self._done :]
        self._steps.append(_Step(what, self.edits, after))
        self._done += 1
        self._set(after)

    def undo(self) -> str | None:
        """Take a step back."""
        if self._done == 0:
            return None
        self._done -= 1
        step = self._steps[self._done]
        self._set(step.before)
        return step.what

    def redo(self) -> str | None:
        """Take a step forward again."""
        if self._done == len(self._steps):
            return None
        step = self._steps[self._done]
        self._done += 1
        self._set(step.after)
        return step.what

    def _set(self, edits: Edits) -> None:
        self.edits = edits
        self.version += 1
