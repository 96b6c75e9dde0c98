"""What charts of the balance have in common: filters, sentences, what they are about, the names of groups."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...checks.charts.wording import counted, percent
from ..distributions import Distributions
from ..facet import Codes, Facet, Unit
from ..selection import common_unit

LENGTH, VOICE, HABITS, MAKEUP = "Length", "How it is told", "Habits", "What it is made of"
ASKED = "One against another"
UNITS = {
    "turn": ("turn", "turns"),
    "reply": ("reply", "replies"),
    "user turn": ("user turn", "user turns"),
    "conversation": ("conversation", "conversations"),
}
#: What is said of a part of the units rests on at least this share of them, and on so many, or on half of all.
LEAST, FEWEST = 0.05, 30

# Those that have a value of a facet, where not all of a unit have one.
_HAVING = {
    "copies": "with turns",
    "dialogue": "that quote or narrate",
    "ending": "with text",
    "language": "with letters",
    "speech_marks": "that mark speech",
    "tense": "whose tense can be told",
    "user_share": "with words of user or assistant",
    "viewpoint": "whose person can be told",
}


@dataclass(frozen=True)
class Base:
    """The units that a chart counts, and all that there are.

    Attributes:
        count: how many are counted.
        total: how many there are.
        unit: what they are.
        having: what those that are counted have, and the others have not.
    """

    count: int
    total: int
    unit: Unit
    having: str = ""

    @property
    def enough(self) -> bool:
        """Whether something can be said of them; see ``LEAST`` and ``FEWEST``."""
        fewest = min(FEWEST, self.total / 2)
        return self.count > 0 and self.count >= max(fewest, LEAST * self.total)

    @property
    def named(self) -> str:
        """What they are, in the plural: ``replies that mark speech``."""
        many = UNITS[self.unit][1]
        return many if self.count == self.total or not self.having else f"{many} {self.having}"

    @property
    def counted(self) -> str:
        """For a subtitle: ``194 of 1,522 replies``; the sentence above it says which."""
        part = "" if self.count == self.total else f"{self.count:,} of "
        return part + counted(self.total, *UNITS[self.unit])

    def of(self) -> str:
        """For a sentence: ``replies``, or ``the 194 replies that mark speech`` where these are a part of them."""
        return self.named if self.count == self.total else f"the {self.count:,} {self.named}"


def base_of(balance: Distributions, name: str) -> Base:
    """What the distribution of a facet counts: what has a value, of a list everything."""
    facet, row = balance.facet(name), balance.described(name)
    total = row["count"] + row["missing"]
    count = total if facet.kind == "list" else row["count"]
    return Base(count, total, facet.unit, _HAVING.get(name, "with a value"))


def base_of_both(balance: Distributions, one: Facet, other: Facet) -> Base:
    """What a table of two facets counts: what has a value of both."""
    selection, unit = balance.selection(one.name, other.name), common_unit(one, other)
    held = selection.units(unit)
    both = held & ~selection.having(unit, one, None) & ~selection.having(unit, other, None)
    return Base(int(both.sum()), int(held.sum()), unit, "that have both")


def share_text(part: int, whole: int, unit: str) -> str:
    """``38 %, 120 replies``: the share comes first, up to the comma."""
    return f"{percent(part, whole)}, {counted(part, *UNITS[unit])}"


def quartiles(numbers: Mapping[str, Any], place: Callable[[int], float], unit: str = "") -> list[list[Any]]:
    """The lines of a histogram: median and quartiles, said once where they fall on one value."""
    named = (("Q1", "q25"), ("median", "median"), ("Q3", "q75"))
    return [
        [place(numbers[key]), f"{name} {numbers[key]:,}{unit}"]
        for name, key in named
        if name == "median" or numbers[key] != numbers["median"]
    ]


def percents() -> dict[str, Any]:
    """An axis of shares."""
    return {"label": "share", "ticks": [[0.0, "0 %"], [0.5, "50 %"], [1.0, "100 %"]]}


def rows_of(frame: Any) -> list[dict[str, Any]]:
    """The rows of a frame by the names of their columns."""
    found: list[dict[str, Any]] = frame.to_dict("records")
    return found


def values_of(balance: Distributions, name: str) -> Codes:
    """The values of a facet that are counted."""
    return balance.selection(name).pairs(balance.facet(name))[1]


def having_any(balance: Distributions, name: str, values: Iterable[str]) -> int:
    """How many turns or conversations have one of some values."""
    facet, selection = balance.facet(name), balance.selection(name)
    held = np.zeros(len(selection.units(facet.unit)), dtype=bool)
    for value in values:
        held |= selection.having(facet.unit, facet, value)
    return int((held & selection.units(facet.unit)).sum())
