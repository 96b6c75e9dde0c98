"""What charts of the balance have in common: filters, sentences, the names of groups."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ...checks.charts.wording import percent
from ..distributions import Distributions
from ..facet import Codes

LENGTH, VOICE, HABITS, MAKEUP = "Length", "How it is told", "Habits", "What it is made of"
UNITS = {
    "turn": ("turn", "turns"),
    "reply": ("reply", "replies"),
    "user turn": ("user turn", "user turns"),
    "conversation": ("conversation", "conversations"),
}


def share_text(part: int, whole: int, unit: str) -> str:
    """``38 %, 120 replies``: the share comes first, up to the comma."""
    return f"{percent(part, whole)}, {part:,} {UNITS[unit][part != 1]}"


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
