"""Charts of lengths: the words of each role on one scale, and how they drift."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from ...checks.charts.histograms import Bins, Spread
from ...checks.charts.wording import Chart, counted, percent, value_axis
from ..distributions import Axis, Distributions
from .said import LENGTH, rows_of, values_of

_ROLES = (("user_words", "user", "user turn", "user turns"), ("reply_words", "assistant", "reply", "replies"))
_FEWEST = 20  # replies a part, below which a drift is chance
_STEADY = 0.2  # a median that moves by less is called steady


def by_role(balance: Distributions) -> Chart | None:
    """The words of user turns and of replies, one below the other."""
    values = {name: values_of(balance, name) for name, *_ in _ROLES}
    if any(len(one) == 0 for one in values.values()):
        return None
    spreads = {name: _spread(one) for name, one in values.items()}
    bins = Bins.of(_spread(np.concatenate(list(values.values()))))
    shares = {
        name: [spread.within(low, high) / spread.total for low, high in bins.ranges()]
        for name, spread in spreads.items()
    }
    # Roles say different numbers of turns, so shares stand side by side, not counts.
    highest = max(max(own) for own in shares.values())
    axis, top = value_axis("% of turns", max(1, round(100 * highest)), 3)
    marks: list[dict[str, Any]] = []
    panels = []
    for panel, (name, role, one, many) in enumerate(_ROLES):
        spread = spreads[name]
        middle = spread.quantile(50)
        panels.append({"label": role, "rules": [[bins.place(middle), f"median {middle:,}"]]})
        for position, (low, high) in enumerate(bins.ranges()):
            left, right = bins.edges(position)
            count = spread.within(low, high)
            said = (
                f"{low:,} words or more"
                if high is None
                else f"{low:,} to {high:,} words"
                if low != high
                else counted(low, "word", "words")
            )
            marks.append(
                {
                    "panel": panel,
                    "x0": left,
                    "x1": right,
                    "height": round(min(1.0, 100 * shares[name][position] / top), 5),
                    "value": count,
                    "label": f"{role}, {said}",
                    "text": f"{percent(count, spread.total)}, {counted(count, one, many)}",
                    "tone": role,
                    "filter": f"{name}:{low}..{'' if high is None else high}",
                }
            )
    user, reply = (spreads[name].quantile(50) for name, *_ in _ROLES)
    return {
        "id": "words_by_role",
        "kind": "multiples",
        "group": LENGTH,
        "title": _compared(user, reply),
        "subtitle": "words a turn by role, on one scale",
        "x": {"label": "words", "ticks": bins.ticks()},
        "y": axis,
        "panels": panels,
        "marks": marks,
    }


def _compared(user: int, reply: int) -> str:
    if reply > user:
        times = f", {reply / user:.1f} times as long" if user and reply >= 1.5 * user else ""
        return f"The middle reply has {counted(reply, 'word', 'words')}, the middle user turn {user:,}{times}"
    if reply == user:
        return f"The middle reply and the middle user turn have {counted(user, 'word', 'words')} each"
    return f"The middle user turn has {counted(user, 'word', 'words')}, the middle reply {reply:,}"


def along(balance: Distributions, name: str, axis: Axis) -> Chart | None:
    """How the words of replies drift: a row a part, with the middle half of its replies."""
    frame = balance.along(name, axis)
    frame = frame[frame["count"] > 0]
    if len(frame) < 3 or frame["count"].mean() < _FEWEST:
        return None
    top_value = int(frame["q75"].max())
    scale, top = value_axis("words", top_value, 4)
    parts = len(frame)
    marks: list[dict[str, Any]] = []
    for part, row in enumerate(rows_of(frame.reset_index()), start=1):
        where = _part(part, parts, axis)
        low, middle, high = (int(row[key]) for key in ("q25", "median", "q75"))
        marks.append(
            {
                "at": round(middle / top, 5),
                "from": round(low / top, 5),
                "to": round(high / top, 5),
                "value": middle,
                "label": where,
                "text": f"median {counted(middle, 'word', 'words')}, middle half {low:,} to {high:,}, {counted(int(row['count']), 'reply', 'replies')}",
                "tone": "assistant",
                "filter": "",
            }
        )
    span = "the conversation" if axis == "conversation" else "the file"
    return {
        "id": f"{name}_{axis}",
        "kind": "spectrum",
        "group": LENGTH,
        "title": _drift([mark["value"] for mark in marks], span),
        "subtitle": f"words a reply, along {span}: median and middle half",
        "x": scale,
        "ends": ["shorter", "longer"],
        "marks": marks,
    }


def _part(part: int, parts: int, axis: Axis) -> str:
    if part in (1, parts):
        named = {
            ("conversation", 1): "first reply",
            ("conversation", parts): "last reply",
            ("file", 1): "first part",
            ("file", parts): "last part",
        }
        return named[axis, part]
    return f"{part} of {parts}"


def _drift(middles: Sequence[int], span: str) -> str:
    first, last = middles[0], middles[-1]
    if max(middles) - min(middles) <= _STEADY * max(first, 1):
        return f"Replies keep their length along {span}"
    if abs(last - first) <= _STEADY * max(first, 1):
        return f"Replies end {span} as long as they begin it, and have medians from {min(middles):,} to {max(middles):,} words between"
    way = "grow" if last > first else "shrink"
    return f"Replies {way} along {span}: the median goes from {first:,} to {counted(last, 'word', 'words')}"


def _spread(values: Any) -> Spread:
    different, counts = np.unique(values, return_counts=True)
    return Spread(pl.DataFrame({"value": different.astype(np.int64), "count": counts}))
