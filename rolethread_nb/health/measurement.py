"""One measurement of a dataset: a sentence, the numbers in it, and the conversations behind it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from ..core.edits import Record

Level = Literal["error", "warning", "info", "measure"]
LEVELS: tuple[Level, ...] = ("error", "warning", "info", "measure")


@dataclass(frozen=True)
class Example:
    """A place where it can be seen.

    Attributes:
        place: number of the source, and of the record in it.
        id: id of the conversation.
        turn: the turn, None for the conversation as a whole.
        before, text, after: the stretch of text that is meant, and what is around it.
    """

    place: Record
    id: str
    turn: int | None = None
    before: str = ""
    text: str = ""
    after: str = ""


def _none() -> Sequence[Record]:
    return ()


@dataclass(frozen=True)
class Measurement:
    """One line of the card.

    Attributes:
        sentence: what was measured, with its numbers.
        level: ``error``, ``warning`` or ``info``, as the findings behind it are; ``measure`` where nothing is wrong by itself.
        code: the rule, or the facet of the balance, that measured it.
        count: conversations (or what ``unit`` says) that it is true of.
        of: how many there are.
        unit: what is counted, in the plural.
        whole: what ``of`` counts, so what ``share`` is a share of: ``replies that mark speech, copies included``; empty where it is one of nothing.
        query: the query that opens what is behind it and nothing else (docs/queries.md); it names the conversations (``#3 #17``) where nothing
            shorter does. Empty where the language cannot say it, as for many conversations of several sources.
        example: a place where it can be seen, None if there is none.
    """

    sentence: str
    level: Level
    code: str
    count: int
    of: int
    unit: str = "conversations"
    whole: str = ""
    query: str = ""
    example: Example | None = None
    places: Callable[[], Sequence[Record]] = field(default=_none, repr=False, compare=False)

    @property
    def share(self) -> float:
        """``count`` of ``of``, 0 to 1."""
        return self.count / self.of if self.of else 0.0
