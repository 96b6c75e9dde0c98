"""A number that a gate is about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Measured:
    """A number.

    Attributes:
        value: the number, None where there is nothing to measure.
        says: the number in words.
        query: the query that finds what is behind it in the panel, empty for all conversations, None where no query can say it.
        rows: the conversations behind it, as rows of the report's index.
        parts: where the value is a share, how many of how many.
    """

    value: float | None
    says: str
    query: str | None
    rows: Sequence[int]
    parts: tuple[int, int] | None = None


def share_of(count: int, whole: int, one: str, many: str, query: str | None, rows: Sequence[int]) -> Measured:
    """A share as a number: so many of so many; of nothing it is 0."""
    says = f"{count:,} of {whole:,} {one if whole == 1 else many}"
    return Measured(count / whole if whole else 0.0, says, query, rows, (count, whole))
