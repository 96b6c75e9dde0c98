"""Charts of lengths: exchanges, the words of each role on one scale, and how they drift."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import polars as pl

from ...checks.charts.histograms import EXCHANGES, Bins, Spread, histogram
from ...checks.charts.wording import Chart, counted, percent, value_axis
from ..distributions import Axis, Distributions
from ..facet import Codes, Rows
from .said import LENGTH, Base, quartiles, rows_of, values_of

_ROLES = (("user_words", "user", "user turn", "user turns"), ("reply_words", "assistant", "reply", "replies"))
_FEWEST = 20  # replies a part, below which a drift is chance
STEADY = 0.2  # a median that moves by less is called steady

Way = Literal["steady", "there and back", "grow", "shrink"]


def exchanges(balance: Distributions) -> Chart | None:
    """How many exchanges conversations have, with median and quartiles."""
    spread = _spread(values_of(balance, "exchanges"))
    chart = histogram("exchanges", spread, EXCHANGES)
    return None if chart is None else {"group": LENGTH, **chart}


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
        numbers = {key: spread.quantile(at) for key, at in (("q25", 25), ("median", 50), ("q75", 75))}
        panels.append({"label": role, "rules": quartiles(numbers, bins.place)})
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
    every = balance.along(name, axis)
    frame = every[every["count"] > 0]
    base = _drifting(balance, axis)
    if len(frame) < 3 or frame["count"].mean() < _FEWEST or not base.enough:
        return None
    filters = _filters(balance, axis, len(every))
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
                "filter": filters[part - 1],
            }
        )
    span = "the conversation" if axis == "conversation" else "the file"
    told = span if base.count == base.total else base.of()
    return {
        "id": f"{name}_{axis}",
        "kind": "spectrum",
        "group": LENGTH,
        "title": _drift([mark["value"] for mark in marks], told),
        "subtitle": f"words a reply, median and middle half, {base.counted}",
        "x": scale,
        "ends": ["shorter", "longer"],
        "marks": marks,
    }


def _drifting(balance: Distributions, axis: Axis) -> Base:
    """The conversations in which something can drift: along themselves those with several replies."""
    selection = balance.selection("reply_words")
    held = selection.units("reply")
    replies = np.bincount(selection.gathered.conversation("reply")[held])
    least = 2 if axis == "conversation" else 1
    return Base(
        int((replies >= least).sum()), int((replies > 0).sum()), "conversation", "with several replies"
    )


def _filters(balance: Distributions, axis: Axis, parts: int) -> list[str]:
    """The query of each part; empty where none finds it and nothing else."""
    selection, facet = balance.selection("reply_words", "reply_number"), balance.facet("reply_words")
    where = selection.parts(facet, axis, parts)
    rows = selection.gathered.conversation("reply")
    index = selection.gathered.index.conversations
    found = []
    for part in range(parts):
        own = np.flatnonzero(where == part)
        if not len(own):
            continue
        if axis == "file":
            found.append(_places(index, int(rows[own[0]]), int(rows[own[-1]])))
            continue
        numbers = selection.column(balance.facet("reply_number")).values
        low, high = int(numbers[own].min()), int(numbers[own].max())
        within = selection.units("reply") & (numbers >= low) & (numbers <= high)
        exact = int(within.sum()) == len(own)
        found.append(balance.facet("reply_number").found_by(f"{low}..{high}") if exact else "")
    return found


def _places(index: pl.DataFrame, first: int, last: int) -> str:
    """The query of the conversations from one row of the index to another, if they stand in one source."""
    source = index["source"]
    if source[first] != source[last]:
        return ""
    of_source = f"source:{source[first]} " if source.n_unique() > 1 else ""
    return f"{of_source}index:{index['index'][first]}..{index['index'][last]}"


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


def way_of(middles: Sequence[int]) -> Way:
    """Where medians go, from the first part to the last."""
    first, last = middles[0], middles[-1]
    if max(middles) - min(middles) <= STEADY * max(first, 1):
        return "steady"
    if abs(last - first) <= STEADY * max(first, 1):
        return "there and back"
    return "grow" if last > first else "shrink"


def _drift(middles: Sequence[int], span: str) -> str:
    first, last, way = middles[0], middles[-1], way_of(middles)
    if way == "steady":
        return f"Replies keep their length along {span}"
    if way == "there and back":
        return f"Replies end {span} as long as they begin, with medians from {min(middles):,} to {max(middles):,} words between"
    return f"Replies {way} along {span}: the median goes from {first:,} to {counted(last, 'word', 'words')}"


def moved(balance: Distributions, way: Way) -> tuple[Rows, int]:
    """The rows of the conversations whose last reply shows that way against the first, and how many have several replies.

    A last reply that is longer or shorter by up to a fifth is as long as the first.
    """
    selection = balance.selection("reply_words")
    units, words = selection.pairs(balance.facet("reply_words"))
    rows, begins, counts = np.unique(
        selection.gathered.conversation("reply")[units], return_index=True, return_counts=True
    )
    several = counts > 1
    first: Codes = words[begins[several]]
    step = words[(begins + counts - 1)[several]] - first
    far = STEADY * np.maximum(first, 1)
    shown = step > far if way == "grow" else step < -far if way == "shrink" else np.abs(step) <= far
    return rows[several][shown], int(several.sum())


def _spread(values: Any) -> Spread:
    different, counts = np.unique(values, return_counts=True)
    return Spread(pl.DataFrame({"value": different.astype(np.int64), "count": counts}))
