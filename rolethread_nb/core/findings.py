"""Findings in compact columns: codes and positions as integers. Sentences are made for the page that is looked at."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import polars as pl

from .model import SEVERITIES
from .placing import Placed, placed

if TYPE_CHECKING:
    from .index import Index

_NONE = -1


@dataclass
class Findings:
    """All findings of one check, in order: by source, conversation, turn and position; those about the dataset last.

    ``table`` has one row a finding: ``rule`` (number of the rule), ``severity`` (0 error, 1 warning, 2 info), ``source``, ``index``
    (record; null for the dataset), ``turn``, ``start``, ``end``, ``detail`` (position in ``details``, -1 for none). ``numbers`` are
    the numbers that the findings go by where these are not their positions: they stay while others come and go.
    """

    table: pl.DataFrame
    details: list[dict[str, Any]]
    numbers: pl.Series | None = None
    _placed: Placed | None = field(default=None, init=False, repr=False, compare=False)

    def __len__(self) -> int:
        return self.table.height

    @property
    def numbered(self) -> pl.DataFrame:
        """The table with the numbers as its first column, ``n``."""
        if self.numbers is None:
            return self.table.with_row_index("n")
        return self.table.select(self.numbers.alias("n"), pl.all())

    def placed(self, index: Index) -> Placed:
        """The rows of the findings in an index; kept for the index that was asked for last."""
        known = self._placed
        if known is None or known.index is not index:
            known = self._placed = placed(self.table, index)
        return known

    def position(self, n: int) -> int:
        """Where the finding of a number stands.

        Raises:
            IndexError: if there is none.
        """
        if self.numbers is None:
            return n
        found = self.numbers.index_of(n)
        if found is None:
            raise IndexError(f"There is no finding {n} any more.")
        return found

    def positions(self, numbers: Sequence[int] | pl.Series) -> pl.Series | Sequence[int]:
        """Where the findings of some numbers stand; those that are gone are left out."""
        if self.numbers is None:
            return numbers
        places = pl.DataFrame({"n": self.numbers}).with_row_index("at")
        wanted = pl.DataFrame({"n": pl.Series(list(numbers), dtype=self.numbers.dtype)})
        return wanted.join(places, on="n", how="inner", maintain_order="left")["at"]


class FindingsBuilder:
    """Collects findings."""

    def __init__(self, severities: list[str]) -> None:
        self._severities = [SEVERITIES.index(name) for name in severities]
        self._rule, self._severity = array("H"), array("b")
        self._source, self._index, self._turn = array("i"), array("q"), array("i")
        self._start, self._end, self._detail = array("I"), array("I"), array("q")
        self.details: list[dict[str, Any]] = []

    def add(
        self,
        rule: int,
        source: int | None,
        index: int | None,
        turn: int | None,
        start: int,
        end: int,
        detail: dict[str, Any] | None,
        severity: str | None = None,
    ) -> None:
        """One finding. ``detail`` is kept only where the evidence cannot be measured again from the turn."""
        level = self._severities[rule] if severity is None else SEVERITIES.index(severity)
        self._rule.append(rule)
        self._severity.append(level)
        self._source.append(_NONE if source is None else source)
        self._index.append(_NONE if index is None else index)
        self._turn.append(_NONE if turn is None else turn)
        self._start.append(start)
        self._end.append(end)
        self._detail.append(_NONE if detail is None else len(self.details))
        if detail is not None:
            self.details.append(detail)

    def add_turns(self, rule: int, source: int, indices: Sequence[int], turns: Sequence[int] | None) -> None:
        """Findings of one rule about turns as a whole, or (``turns`` None) about conversations, one for each of ``indices``."""
        count = len(indices)
        self._rule.extend([rule] * count)
        self._severity.extend([self._severities[rule]] * count)
        self._source.extend([source] * count)
        self._index.extend(indices)
        self._turn.extend([_NONE] * count if turns is None else turns)
        self._start.extend([0] * count)
        self._end.extend([0] * count)
        self._detail.extend([_NONE] * count)

    def since(self, seen: int) -> list[tuple[Any, ...]]:
        """Findings from number ``seen`` on: rule, severity, source, record, turn, start, end, detail."""
        rows = zip(
            self._rule[seen:],
            self._severity[seen:],
            self._source[seen:],
            self._index[seen:],
            self._turn[seen:],
            self._start[seen:],
            self._end[seen:],
            self._detail[seen:],
            strict=True,
        )
        return [
            (rule, severity, *(None if value == _NONE else value for value in place), start, end, detail)
            for rule, severity, *place, start, end, detail in rows
        ]

    def finish(self) -> Findings:
        """The sorted table."""

        def column(values: array[int], kind: Any) -> pl.Series:
            return pl.Series(values=values.tolist(), dtype=kind, strict=False)

        table = pl.DataFrame(
            {
                "rule": column(self._rule, pl.UInt16),
                "severity": column(self._severity, pl.UInt8),
                "source": column(self._source, pl.Int32),
                "index": column(self._index, pl.Int64),
                "turn": column(self._turn, pl.Int32),
                "start": column(self._start, pl.UInt32),
                "end": column(self._end, pl.UInt32),
                "detail": column(self._detail, pl.Int64),
            }
        ).with_columns(pl.col("source", "index", "turn").replace(_NONE, None))
        order = table.sort(
            pl.col("index").is_null(),
            pl.col("source"),
            pl.col("index"),
            pl.col("turn").fill_null(-1),
            "start",
            "rule",
            "end",
            maintain_order=True,
        )
        return Findings(order, self.details)
