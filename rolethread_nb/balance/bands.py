"""Whole numbers in bands: round ones, and an open last one where the data has a long tail."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from ..checks.charts.histograms import Bins, Spread
from ..core.errors import QueryError
from .facet import Codes

_RANGE = re.compile(r"(?P<low>\d*)(?P<dots>\.\.)?(?P<high>\d*)", re.ASCII)
_PERCENT = (0, 1, *range(10, 101, 10))  # nothing and everything stand apart
_ONE_BY_ONE = 10  # places that are told apart; those after them lie in tens
_MOST = 2**31 - 1


@dataclass(frozen=True)
class Bands:
    """Bands that follow each other without a gap.

    Attributes:
        keys: each as a range of the query language: ``7``, ``20..39``, ``700..``.
        lows: where each begins.
    """

    keys: list[str]
    lows: list[int]

    def of(self, values: Codes) -> Codes:
        """The number of the band that each value lies in."""
        found: Codes = (np.searchsorted(self.lows, values, side="right") - 1).astype(np.int32)
        return found


def bands_of(values: Codes, measure: str) -> Bands:
    """Bands for some values, none of them negative.

    Percents lie in tenths, with 0 and 100 apart; places (which measure nothing) one by one up to the tenth, then in tens up to fifty.
    """
    if not len(values):
        return Bands([], [])
    ranges: list[tuple[int, int | None]]
    if measure == "%":
        ranges = [(low, high - 1) for low, high in zip(_PERCENT, (*_PERCENT[1:], 101), strict=True)]
    elif not measure:
        first, last = int(values.min()), int(values.max())
        edge = first + _ONE_BY_ONE
        ranges = [(place, place) for place in range(first, min(edge, last + 1))]
        ranges += [(place, place + 9) for place in range(edge, min(last + 1, edge + 40), 10)]
        ranges += [(edge + 40, None)] if last >= edge + 40 else []
    else:
        different, counts = np.unique(values, return_counts=True)
        ranges = Bins.of(Spread(pl.DataFrame({"value": different, "count": counts}))).ranges()
    return Bands([_key(low, high) for low, high in ranges], [low for low, _ in ranges])


def _key(low: int, high: int | None) -> str:
    if high is None:
        return f"{low}.."
    return str(low) if low == high else f"{low}..{high}"


def said(key: str, measure: str) -> str:
    """A band for people: ``20 to 39 words``."""
    low, dots, high = key.partition("..")
    unit = "" if not measure else " %" if measure == "%" else f" {measure}"
    if not dots:
        return f"{int(low):,}{unit.removesuffix('s') if low == '1' else unit}"
    return f"{int(low):,} to {int(high):,}{unit}" if high else f"{int(low):,}{unit} or more"


def range_of(name: str, value: Any) -> tuple[int, int]:
    """A number or a range as in queries (``20..39``, ``700..``, ``..9``), both ends included.

    Raises:
        QueryError: if it is neither.
    """
    match = _RANGE.fullmatch(str(value))
    if match is None or not (match["low"] or match["high"]):
        raise QueryError(f"{name} takes a number or a range such as 20..39, not {value!r}.")
    if not match["dots"]:
        return int(match["low"]), int(match["low"])
    return int(match["low"] or 0), int(match["high"]) if match["high"] else _MOST
