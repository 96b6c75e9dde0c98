"""The part of a dataset that is counted, as the values of its facets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from ..core.errors import QueryError
from ..core.word_table import Flags
from .bands import Bands, bands_of, range_of, said
from .facet import MISSING, Codes, Column, Facet, Rows, Unit
from .gathered import Gathered
from .measures import effective_number, spread

_PARTS = 10
NONE, OTHERS = "(none)", "(others)"


class Selection:
    """Some conversations of a dataset, and what is counted in them.

    Attributes:
        gathered: the columns of all conversations.
        conversations: which of them are counted, by their rows.
    """

    def __init__(self, gathered: Gathered, rows: Sequence[int] | None) -> None:
        self.gathered = gathered
        self._reviewed: dict[str, Column] = {}
        count = gathered.index.conversations.height
        self.conversations: Flags = (
            np.ones(count, dtype=bool) if rows is None else np.zeros(count, dtype=bool)
        )
        if rows is not None:
            self.conversations[list(rows)] = True

    def column(self, facet: Facet) -> Column:
        """The values of a facet, with what the review said when this was made."""
        found = self.gathered.column(facet)
        if found.reviewed is None:
            return found
        if facet.name not in self._reviewed:
            self._reviewed[facet.name] = found.reviewed(found, self.gathered)
        return self._reviewed[facet.name]

    def units(self, unit: Unit) -> Flags:
        """Which units are counted."""
        found: Flags = self.conversations[self.gathered.conversation(unit)]
        return found

    def pairs(self, facet: Facet) -> tuple[Rows, Codes]:
        """Each value that is counted, with its unit; units rise."""
        column = self.column(facet)
        held = self.units(facet.unit)
        owners = np.arange(len(column.values)) if column.owners is None else column.owners
        kept = (column.values != MISSING) & held[owners]
        return owners[kept], column.values[kept]

    def bands(self, facet: Facet) -> Bands:
        """The bands of a number."""
        return bands_of(self.pairs(facet)[1], facet.measure)

    def keyed(self, facet: Facet, values: Codes) -> tuple[list[str], Codes]:
        """The values that a distribution counts, and which of them each value is."""
        if facet.kind == "number":
            bands = self.bands(facet)
            return bands.keys, bands.of(values)
        labels = self.column(facet).labels
        different, codes = np.unique(values, return_inverse=True)
        keys = [] if labels is None else labels.gather(different).to_list()
        return keys, codes.astype(np.int32)

    def labels(self, facet: Facet, keys: Sequence[str]) -> list[str]:
        """Values for people. Where two would be called the same, each has the beginning of its own name behind it."""
        if facet.kind == "number":
            return [said(key, facet.measure) for key in keys]
        found = [facet.label(self.gathered, key) for key in keys]
        seen: dict[str, int] = {}
        for label in found:
            seen[label] = seen.get(label, 0) + 1
        return [
            label if seen[label] == 1 else f"{label} · {key[:4]}"
            for label, key in zip(found, keys, strict=True)
        ]

    def described(
        self, facet: Facet, units: Any = None, values: Codes | None = None, total: int | None = None
    ) -> dict[str, Any]:
        """A row of :attr:`Distributions.numbers`: of all that is counted, or of some values and their units."""
        if values is None:
            units, values = self.pairs(facet)
        if total is None:
            total = int(self.units(facet.unit).sum())
        having = len(np.unique(units))
        row: dict[str, Any] = {"title": facet.title, "unit": facet.unit, "kind": facet.kind}
        row |= {"count": having, "missing": total - having}
        if facet.kind == "number":
            return row | spread(values)
        keys, codes = self.keyed(facet, values)
        counts = np.bincount(codes, minlength=len(keys))
        order = by_count(counts)
        row |= {"distinct": len(keys), "effective": effective_number(counts)}
        if not keys:
            return row | {"top": None, "top_share": None, "top3_share": None}
        first = len(np.unique(units[np.isin(codes, order[:3])]))
        whole = total if facet.kind == "list" else having
        (label,) = self.labels(facet, [keys[order[0]]])
        return row | {"top": label, "top_share": float(counts[order[0]] / whole), "top3_share": first / whole}

    # ------------------------------------------------------------------ several facets at once

    def joined(self, one: Facet, other: Facet) -> pl.DataFrame:
        """The values of two facets side by side: columns unit, one, other; -1 where there is none."""
        base = common_unit(one, other)
        held = pl.Series(self.units(base))
        left, right = (
            self._onto(base, facet).filter(held if self.column(facet).owners is None else pl.lit(True))
            for facet in (one, other)
        )
        if (
            left.height == right.height
            and left["unit"].equals(right["unit"])
            and left["unit"].n_unique() == left.height
        ):
            found = left.rename({"code": "one"}).with_columns(right["code"].alias("other"))
        else:
            found = left.rename({"code": "one"}).join(
                right.rename({"code": "other"}), on="unit", maintain_order="left_right"
            )
        return found.filter(held.gather(found["unit"]))

    def _onto(self, base: Unit, facet: Facet) -> pl.DataFrame:
        """The values of a facet for the units of another kind: columns unit and code."""
        at, column = self._units_of(facet, base), self.column(facet)
        units = pl.DataFrame({"unit": np.arange(len(at)), "at": at})
        if column.owners is None:
            own = np.append(column.values, np.int32(MISSING))  # where there is no unit, there is no value
            return units.select("unit", code=pl.Series(own[at], dtype=pl.Int32))
        listed = pl.DataFrame({"at": column.owners, "code": column.values})
        found = units.join(listed, on="at", how="left", maintain_order="left")
        return found.select("unit", pl.col("code").fill_null(MISSING))

    def _units_of(self, facet: Facet, base: Unit) -> Rows:
        """The unit of a facet that each unit of another kind belongs to; of a reply, the user turn before it; -1 where there is none."""
        if (base, facet.unit) == ("reply", "user turn"):
            return self._asked_by()
        if facet.unit == base:
            return np.arange(len(self.gathered.rows(base)))
        return self.gathered.conversation(base) if facet.unit == "conversation" else self.gathered.rows(base)

    def _asked_by(self) -> Rows:
        """The last user turn before each reply in its conversation; -1 where there is none."""
        before = np.searchsorted(self.gathered.rows("user turn"), self.gathered.rows("reply")) - 1
        asking = np.append(self.gathered.conversation("user turn"), -1)  # the last stands for none
        found: Rows = np.where(asking[before] == self.gathered.conversation("reply"), before, -1)
        return found

    # ------------------------------------------------------------------ places

    def having(self, base: Unit, facet: Facet, value: Any) -> Flags:
        """Which units of a kind have a value of a facet; a number may be asked for by a range, None is no value.

        Raises:
            QueryError: if there is no such value.
        """
        column = self.column(facet)
        count = len(self.gathered.rows(facet.unit))
        owners = np.arange(count) if column.owners is None else column.owners
        having = np.zeros(count, dtype=bool)
        if value is None:
            having[owners[column.values != MISSING]] = True
            having = ~having
        elif column.labels is None:
            low, high = range_of(facet.name, value)
            having[owners[(column.values >= max(low, 0)) & (column.values <= high)]] = True
        else:
            code = column.labels.index_of(str(value)) if len(column.labels) else None
            if code is None:
                raise QueryError(
                    f"{facet.name} has no value {value!r} here; balance[{facet.name!r}] lists them all."
                )
            having[owners[column.values == code]] = True
        found: Flags = np.append(having, value is None)[self._units_of(facet, base)]
        return found

    def placed(self, unit: Unit, numbers: Rows) -> pl.DataFrame:
        """Where units stand: id, source, index, and turn (null for conversations)."""
        index = self.gathered.index
        rows = self.gathered.conversation(unit)[numbers]
        found = index.conversations[rows].select("id", "source", "index")
        if unit == "conversation":
            return found.with_columns(turn=pl.lit(None, dtype=pl.Int32))
        return found.with_columns(turn=index.turns["turn"].gather(self.gathered.rows(unit)[numbers]))

    def usual_parts(self, facet: Facet, axis: str) -> int:
        """Into how many parts conversations (or the file) are divided where nobody says: ten, or the median of what they have."""
        sizes = np.bincount(self.gathered.conversation(facet.unit)[self.units(facet.unit)])
        several = np.sort(sizes[sizes > 1])
        if axis == "file" or not len(several):
            return _PARTS
        return min(_PARTS, int(several[(len(several) - 1) // 2]))

    def parts(self, facet: Facet, axis: str, parts: int) -> Rows:
        """The part of its conversation, or of the file, that each unit of a facet stands in, from 0; -1 for none.

        Raises:
            QueryError: if there is no such axis, or the facet has one value a conversation.
        """
        if parts < 1:
            raise QueryError(f"There is at least one part, not {parts}.")
        conversation, held = self.gathered.conversation(facet.unit), self.units(facet.unit)
        if axis == "file":
            rank = np.cumsum(self.conversations) - 1
            count = max(int(self.conversations.sum()), 1)
            return np.where(held, rank[conversation] * parts // count, -1)
        if axis != "conversation":
            raise QueryError(f"axis takes conversation or file, not {axis!r}.")
        if facet.unit == "conversation":
            raise QueryError(f"{facet.name} has one value a conversation: it can drift along the file alone.")
        sizes = np.bincount(conversation, minlength=len(self.conversations))
        place = np.arange(len(conversation)) - (np.cumsum(sizes) - sizes)[conversation]
        last = sizes[conversation] - 1
        return np.where(held & (last > 0), (2 * place * (parts - 1) + last) // np.maximum(2 * last, 1), -1)


def common_unit(*facets: Facet) -> Unit:
    """What is counted where several facets come together: the narrowest of their units; replies, where some are of user turns, too."""
    units = {facet.unit for facet in facets}
    narrow: tuple[Unit, ...] = ("reply", "user turn", "turn", "conversation")
    return next(unit for unit in narrow if unit in units)


def categories(column: Column, codes: pl.Series) -> Codes:
    """The values that occur, the most frequent first, then those that come first."""
    known = codes.filter(codes != MISSING).to_numpy()
    counts = np.bincount(known, minlength=0 if column.labels is None else len(column.labels))
    order = by_count(counts)
    found: Codes = order[counts[order] > 0].astype(np.int32)
    return found


def by_count(counts: Rows) -> Rows:
    """Positions by their counts, the largest first; equal ones in their order."""
    found: Rows = np.argsort(-counts, kind="stable")
    return found
