"""A number that a gate is about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Measured:
    """A number.

    Attributes:
        value: the number, None where it was not measured.
        says: the number in words.
        query: the query that finds what is behind it in the panel, empty for all conversations, None where no query can say it.
        rows: the conversations behind it, as rows of the report's index.
        parts: where the value is a share, how many of how many.
        not_run: the codes of the rules that belong to it and did not run.
    """

    value: float | None
    says: str
    query: str | None
    rows: Sequence[int]
    parts: tuple[int, int] | None = None
    not_run: Sequence[str] = ()


def not_measured(why: str) -> Measured:
    """No number, and the reason."""
    return Measured(None, f"not measured ({why})", None, ())


def share_of(count: int, whole: int, one: str, many: str, query: str | None, rows: Sequence[int]) -> Measured:
    """A share as a number: so many of so many. There is none of nothing."""
    if not whole:
        return not_measured(f"there are no {many}")
    says = f"{count:,} of {whole:,} {one if whole == 1 else many}"
    return Measured(count / whole, says, query, rows, (count, whole))
