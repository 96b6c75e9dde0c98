"""What a line of the card opens: how many units it is about, and the query and the conversations behind them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from ..balance import Distributions
from ..balance.bands import said
from ..balance.charts.lengths import Way, moved
from ..balance.charts.said import UNITS, Base, base_of
from ..balance.facet import Rows
from ..balance.measures import quantile
from ..core.edits import Record

_RUNS = 200  # of records one behind the other; a query of more is no line any more
_SHOWS: dict[Way, str] = {
    "grow": "is more than a fifth longer than the first",
    "shrink": "is more than a fifth shorter than the first",
    "steady": "is as long as the first, give or take a fifth",
    "there and back": "is as long as the first, give or take a fifth",
}


@dataclass(frozen=True)
class Behind:
    """What stands behind a sentence.

    Attributes:
        count, of: units that it is true of, and all that could have it.
        unit: what is counted, in the plural.
        whole: what ``of`` counts.
        query: finds them; empty where the language cannot say it.
        rows: the rows of their conversations in the index.
        more: what the sentence has to say of them besides.
    """

    count: int
    of: int
    unit: str
    whole: str
    query: str
    rows: Rows
    more: str = ""


def having(balance: Distributions, name: str, values: Sequence[str], base: Base) -> Behind:
    """The units that have one of some values of a facet, of a base of such units."""
    facet, selection = balance.facet(name), balance.selection(name)
    held = np.zeros(len(selection.units(facet.unit)), dtype=bool)
    for value in values:
        held |= selection.having(facet.unit, facet, value)
    units = np.flatnonzero(held & selection.units(facet.unit))
    # Terms of one name are alternatives.
    terms = [facet.found_by(value) for value in values]
    rows = np.unique(selection.gathered.conversation(facet.unit)[units])
    return Behind(
        len(units),
        base.count,
        UNITS[facet.unit][1],
        base.named,
        " ".join(terms) if all(terms) else "",
        rows,
    )


def far_from_the_middle(balance: Distributions, name: str) -> Behind:
    """The tenth of the units, or a little more of them, in which a number is highest."""
    facet, selection, base = balance.facet(name), balance.selection(name), base_of(balance, name)
    units, values = selection.pairs(facet)
    ordered = np.sort(values)
    edge = quantile(ordered, 90)
    if edge <= quantile(ordered, 50):
        edge = int(ordered[np.searchsorted(ordered, edge, side="right") :].min(initial=int(ordered[-1])))
    far = units[values >= edge]
    many = UNITS[facet.unit][1]
    alike = len(far) == len(units)
    band = str(edge) if alike else f"{edge}.."
    whole = f"all {len(units):,}" if alike else f"{len(far):,} of {len(units):,}"
    return Behind(
        len(far),
        len(units),
        many,
        base.named,
        facet.found_by(band),
        np.unique(selection.gathered.conversation(facet.unit)[far]),
        f"{whole} {many} have {said(band, facet.measure)}",
    )


def drifted(balance: Distributions, way: Way) -> Behind:
    """The conversations whose last reply shows against the first where replies go."""
    rows, several = moved(balance, way)
    index = balance.selection().gathered.index.conversations
    more = f"in {len(rows):,} of {several:,} conversations the last reply {_SHOWS[way]}"
    whole = "conversations with several replies"
    return Behind(len(rows), several, "conversations", whole, listed(index, rows), rows, more)


def listed(index: pl.DataFrame, rows: Rows) -> str:
    """The query that finds some conversations by their places: ``#3 index:8..12``.

    It is empty where they stand in several sources, for positions and sources must hold each for itself, or where it would be too long.
    """
    if not len(rows):
        return ""
    places = index[rows]
    if places["source"].n_unique() > 1:
        return ""
    numbers = np.sort(places["index"].to_numpy().astype(np.int64))
    runs = np.split(numbers, np.flatnonzero(np.diff(numbers) > 1) + 1)
    if len(runs) > _RUNS:
        return ""
    terms = [f"#{run[0]}" if len(run) == 1 else f"index:{run[0]}..{run[-1]}" for run in runs]
    of_source = [f"source:{places['source'][0]}"] if index["source"].n_unique() > 1 else []
    return " ".join([*of_source, *terms])


def records(index: pl.DataFrame, rows: Rows) -> list[Record]:
    """The places of conversations, by their rows."""
    return list(index[rows].select("source", "index").iter_rows())
