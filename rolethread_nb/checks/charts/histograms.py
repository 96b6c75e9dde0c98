"""Whole numbers as histograms: round bins, a gathered tail, median and quartiles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl

from .wording import Chart, counted, percent, round_step, sentence, value_axis

_MOST_BINS = 14


@dataclass(frozen=True, kw_only=True)
class Measure:
    """What a histogram counts: its things, the unit they are measured in, and the terms that find a bin."""

    one: str
    many: str
    unit: str
    units: str
    term: str
    tone: str


EXCHANGES = Measure(
    one="conversation",
    many="conversations",
    unit="exchange",
    units="exchanges",
    term="exchanges:",
    tone="plain",
)
REPLIES = Measure(
    one="reply",
    many="replies",
    unit="word",
    units="words",
    term="role:assistant words:",
    tone="assistant",
)
USER_TURNS = Measure(
    one="user turn",
    many="user turns",
    unit="word",
    units="words",
    term="role:user words:",
    tone="user",
)


class Spread:
    """How often each whole number occurs: exact quantiles and counts without the single values."""

    def __init__(self, counts: pl.DataFrame) -> None:
        """Take a frame with the columns `value` and `count`; values may repeat."""
        self.counts = (
            counts.group_by("value")
            .agg(pl.col("count").sum())
            .sort("value")
            .with_columns(upto=pl.col("count").cum_sum())
        )
        self.total = int(self.counts["count"].sum())

    def quantile(self, percent: int) -> int:
        """Return the smallest value that at least `percent` of 100 do not exceed; it always occurs in the data."""
        rank = max(1, -(-percent * self.total // 100))
        return int(self.counts["value"][int(self.counts["upto"].search_sorted(rank))])

    def within(self, low: int, high: int | None) -> int:
        """Return how many lie between `low` and `high`, both included; `None` is no upper end."""
        inside = pl.col("value") >= low
        if high is not None:
            inside = inside & (pl.col("value") <= high)
        return int(self.counts.filter(inside)["count"].sum())


@dataclass(frozen=True)
class Bins:
    """Equal bins of whole numbers from `start`, and an open last one where the data has a long tail."""

    start: int
    width: int
    number: int
    tail: bool

    _GAP = 0.4  # of a bin, between the equal bins and the open one, which has another width
    _FEWEST = 5

    @classmethod
    def of(cls, spread: Spread) -> Bins:
        """Choose round bins for the values up to the 98th percentile; what lies above is gathered.

        Where the tail is so long that three quarters would share the first two bins, the open bin begins earlier.
        """
        low, high = spread.quantile(0), spread.quantile(100)
        if high - low < _MOST_BINS:
            return cls(low, 1, high - low + 1, tail=False)
        for usual in (98, 95, 90):
            bins = cls._up_to(low, spread.quantile(usual))
            if spread.quantile(75) >= bins.start + 2 * bins.width:
                break
        if high < bins.end + bins.width:
            return cls(bins.start, bins.width, (high - bins.start) // bins.width + 1, tail=False)
        return bins

    @classmethod
    def _up_to(cls, low: int, usual: int) -> Bins:
        width = 1
        while True:
            start = low // width * width
            if width > 1 and start <= 3 * width:
                start = 0
            number = (usual - start) // width + 1
            if number <= _MOST_BINS:
                return cls(start, width, number, tail=True)
            width = round_step(width + 1, 1, (1, 2, 2.5, 5))

    @property
    def end(self) -> int:
        """The first value above the equal bins."""
        return self.start + self.number * self.width

    @property
    def slots(self) -> float:
        """The length of the axis in bins; a few bins do not fill it."""
        return max(self.number + (1 + self._GAP if self.tail else 0), self._FEWEST)

    @property
    def margin(self) -> float:
        """The bins left free before the first one."""
        return (self.slots - self.number - (1 + self._GAP if self.tail else 0)) / 2

    def ranges(self) -> list[tuple[int, int | None]]:
        """Return the bins as inclusive ranges; the open one ends in `None`."""
        equal: list[tuple[int, int | None]] = [
            (low, low + self.width - 1) for low in range(self.start, self.end, self.width)
        ]
        return [*equal, (self.end, None)] if self.tail else equal

    def edges(self, position: int) -> tuple[float, float]:
        """Return where the bin at `position` begins and ends on the unit axis."""
        left = self.margin + position + (self._GAP if position == self.number else 0)
        return round(left / self.slots, 5), round((left + 1) / self.slots, 5)

    def place(self, value: int) -> float:
        """Return where `value` lies on the unit axis; a value of the open bin lies at its middle."""
        if value >= self.end:
            return round((self.margin + self.number + self._GAP + 0.5) / self.slots, 5)
        return round((self.margin + (value - self.start + 0.5) / self.width) / self.slots, 5)

    def _edge(self, value: int) -> float:
        return round((self.margin + (value - self.start) / self.width) / self.slots, 5)

    def ticks(self) -> list[list[Any]]:
        """Return the axis labels: under the bar where a bin is one value, at the left edge of the bin where it is not."""
        if self.width == 1:
            every = round_step(self.number, 10)
            shown = [low for low in range(self.start, self.end) if low % every == 0]
            ticks: list[list[Any]] = [[self.place(low), f"{low:,}"] for low in shown]
        else:
            every = self.width * round_step(self.number, 6)
            last = self.end - 1 if self.tail else self.end
            shown = [edge for edge in range(self.start, last + 1, self.width) if edge % every == 0]
            ticks = [[self._edge(edge), f"{edge:,}"] for edge in shown]
        return [*ticks, [self.place(self.end), f"{self.end:,}+"]] if self.tail else ticks


def histogram(name: str, spread: Spread, measure: Measure) -> Chart | None:
    if not spread.total:
        return None
    bins = Bins.of(spread)
    filled = [(low, high, spread.within(low, high)) for low, high in bins.ranges()]
    axis, top = value_axis(measure.many, max(value for _, _, value in filled), 4)
    marks = []
    for position, (low, high, value) in enumerate(filled):
        left, right = bins.edges(position)
        marks.append(
            {
                "x0": left,
                "x1": right,
                "height": round(value / top, 5),
                "value": value,
                "label": _range(low, high, measure),
                "text": f"{counted(value, measure.one, measure.many)}, {percent(value, spread.total)}",
                "tone": measure.tone,
                "filter": f"{measure.term}{low}..{'' if high is None else high}",
            }
        )
    return {
        "id": name,
        "kind": "histogram",
        "title": _spread_title(spread, measure),
        "subtitle": f"{measure.units} a {measure.one}, {counted(spread.total, measure.one, measure.many)}",
        "x": {"label": measure.units, "ticks": bins.ticks()},
        "y": axis,
        "marks": marks,
        "rules": _rules(spread, bins),
    }


def _range(low: int, high: int | None, measure: Measure) -> str:
    if high is None:
        return f"{counted(low, measure.unit, measure.units)} or more"
    if low == high:
        return counted(low, measure.unit, measure.units)
    return f"{low:,} to {high:,} {measure.units}"


def _rules(spread: Spread, bins: Bins) -> list[list[Any]]:
    """Median and quartiles, said once where they fall on one value."""
    middle = spread.quantile(50)
    named = [(spread.quantile(25), "Q1"), (middle, "median"), (spread.quantile(75), "Q3")]
    return [
        [bins.place(value), f"{name} {value:,}"]
        for value, name in named
        if name == "median" or value != middle
    ]


def _spread_title(spread: Spread, measure: Measure) -> str:
    low, high = spread.quantile(25), spread.quantile(75)
    share = spread.within(low, high)
    said = _range(low, high, measure)
    if spread.total == 1:
        return f"The only {measure.one} has {said}"
    if share == spread.total:
        everything = "Both" if share == 2 else f"All {share:,}"
        return f"{everything} {measure.many} have {said}"
    if low != high and share <= 0.57 * spread.total:
        return f"Half of all {measure.many} have {said}"
    return sentence(f"{percent(share, spread.total)} of {measure.many} have {said}")
