"""Charts of shares: bars, stacked rows, two facets against each other, and the spectrum from narration to dialogue."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ...checks.charts.wording import Chart, counted, label, percent, sentence, value_axis
from ..distributions import Distributions
from ..facet import Facet
from ..selection import OTHERS
from .said import (
    ASKED,
    HABITS,
    LENGTH,
    MAKEUP,
    UNITS,
    VOICE,
    Base,
    base_of,
    base_of_both,
    percents,
    quartiles,
    rows_of,
    share_text,
)

_MOST = 8
_ROWS = 10
_WORDS = ("opening", "closing", "user_opening", "phrase")  # facets whose values are words of a text
_FEWEST = 5  # replies that a row of its own needs

_GROUPS = {"speech_marks": VOICE, "form": VOICE, "ending": HABITS, "language": MAKEUP}
# The most frequent value, its share, and what it is a share of.
_SENTENCES: dict[str, Callable[[str, str, Base], str]] = {
    "speech_marks": lambda top, share, base: (
        f"{share} of the {base.count:,} replies that mark speech do it by {top}"
    ),
    "form": lambda top, share, base: (
        f"{share} of replies are {top}" if top == "plain text" else f"{share} of replies have {top}"
    ),
    "ending": lambda top, share, base: f"{share} of {base.of()} end with {top}",
    "language": lambda top, share, base: f"{share} of {base.of()} are in {top}",
    "tag": lambda top, share, base: f"{share} of conversations are tagged {top}",
    "source": lambda top, share, base: f"{share} of conversations come from {top}",
    "format": lambda top, share, base: f"{share} of records are laid out as {top}",
    "copies": lambda top, share, base: f"{share} of {base.of()}: {top}",
}


def bars(balance: Distributions, name: str) -> Chart | None:
    """The most frequent values of a facet; None where there is only one, or too little has any."""
    frame, base = balance[name], base_of(balance, name)
    if len(frame) < 2 or not base.enough:
        return None
    facet = balance.facet(name)
    shown, rest = frame.head(_MOST), frame.iloc[_MOST:]
    # Values of a list overlap, so that those that are left out cannot be added up.
    others = 0 if facet.kind == "list" else int(rest["count"].sum())
    axis, top = value_axis(UNITS[facet.unit][1], max(int(frame["count"].max()), others), 3)

    def mark(said: str, count: int, tone: str, query: str) -> dict[str, Any]:
        return {
            "label": said,
            "length": round(count / top, 5),
            "value": count,
            "text": f"{count:,} · {percent(count, base.count)}",
            "tone": tone,
            "filter": query,
        }

    rows = [
        mark(label(str(row["label"])), row["count"], "plain", facet.found_by(row["value"]))
        for row in rows_of(shown)
    ]
    if others:
        rows.append(mark(f"{len(rest):,} others", others, "plain", ""))
    first = rows_of(frame)[0]
    said = _SENTENCES[name](_named(name, str(first["label"])), percent(int(first["count"]), base.count), base)
    return {
        "id": name,
        "kind": "bars",
        "group": _GROUPS.get(name, MAKEUP),
        "title": sentence(said),
        "subtitle": f"{facet.title.lower()}, {base.counted}"
        + (f", the first {len(shown)} of {len(frame):,}" if len(rest) else ""),
        "x": axis,
        "marks": rows,
    }


def _named(name: str, value: str) -> str:
    if name == "speech_marks" and value.rsplit(maxsplit=1)[-1] in ("straight", "curly", "low", "corner"):
        return f"{value} quotation marks"
    return value


def user_share(balance: Distributions) -> Chart | None:
    """The user's share of the words of each conversation, as a histogram."""
    frame, base = balance["user_share"], base_of(balance, "user_share")
    if not base.enough:
        return None
    facet = balance.facet("user_share")
    axis, top = value_axis("conversations", int(frame["count"].max()), 4)
    marks = [
        {
            "x0": at / len(frame),
            "x1": (at + 1) / len(frame),
            "height": round(row["count"] / top, 5),
            "value": row["count"],
            "label": f"{row['label']} of the words",
            "text": f"{counted(row['count'], 'conversation', 'conversations')}, {percent(row['count'], base.count)}",
            "tone": "user",
            "filter": facet.found_by(row["value"]),
        }
        for at, row in enumerate(rows_of(frame))
    ]
    numbers = balance.described("user_share")
    middle = numbers["median"]
    where = "In the middle conversation" if base.count == base.total else f"In the middle one of {base.of()}"
    return {
        "id": "user_share",
        "kind": "histogram",
        "group": LENGTH,
        "title": f"{where} the user says {middle} % of the words",
        "subtitle": f"the user’s share of the words, {base.counted}",
        "x": {
            "label": "% of the words",
            "ticks": [[(at + 0.5) / len(frame), row] for at, row in enumerate(_ticks(frame))],
        },
        "y": axis,
        "marks": marks,
        "rules": quartiles(numbers, lambda value: _place(list(frame["value"]), value), " %"),
    }


def _place(bands: list[str], value: int) -> float:
    """Where a number lies on an axis that gives each band the same room."""
    ends = [(int(low), int(high or low)) for low, _, high in (band.partition("..") for band in bands)]
    at, (low, high) = next((at, band) for at, band in enumerate(ends) if value <= band[1])
    return round((at + (value - low + 0.5) / (high - low + 1)) / len(bands), 5)


def _ticks(frame: Any) -> list[str]:
    return [str(value).partition("..")[0] for value in frame["value"]]


def dialogue(balance: Distributions) -> Chart | None:
    """Where each speaker stands between narration and dialogue; all replies where nobody has a name."""
    numbers, base = balance.described("dialogue"), base_of(balance, "dialogue")
    if not base.enough:
        return None
    everyone = {key: numbers[key] for key in ("count", "q25", "median", "q75")}
    # All percents together find what has one.
    rows = [("all replies", everyone, balance.facet("dialogue").found_by("0..100"))]
    frame = balance.by("dialogue", "speaker", most=_ROWS)
    facet = balance.facet("speaker")
    for row in rows_of(frame.reset_index()):
        if row["count"] >= _FEWEST:
            own = {key: int(row[key]) for key in everyone}
            rows.append((row["speaker"], own, facet.found_by(row["speaker"])))
    marks = [
        {
            "at": own["median"] / 100,
            "from": own["q25"] / 100,
            "to": own["q75"] / 100,
            "value": own["median"],
            "label": label(name),
            "text": f"median {own['median']} % dialogue, middle half {own['q25']} to {own['q75']} %, {counted(own['count'], 'reply', 'replies')}",
            "tone": "assistant" if at == 0 else "plain",
            "filter": query,
        }
        for at, (name, own, query) in enumerate(rows)
    ]
    return {
        "id": "dialogue",
        "kind": "spectrum",
        "group": VOICE,
        "title": f"In the middle reply {everyone['median']} % of the text is dialogue"
        if base.count == base.total
        else f"Of {base.of()}, the middle one is {everyone['median']} % dialogue",
        "subtitle": f"share of quoted speech a reply, {base.counted}",
        "x": percents(),
        "ends": ["narration", "dialogue"],
        "marks": marks,
    }


def stacked(balance: Distributions, name: str) -> Chart | None:
    """The values of a facet as shares of a row: all, and those speakers who say enough; None where too little has any."""
    frame, base = balance[name], base_of(balance, name)
    if not base.enough:
        return None
    facet = balance.facet(name)
    labels = list(frame["label"])
    tones = {one: f"hue-{at % 8}" for at, one in enumerate(labels)}
    rows = [("all", frame.set_index("label")["count"])]
    table = balance.table("speaker", name, most=_ROWS)
    rows += [(str(speaker), counts) for speaker, counts in table.iterrows() if counts.sum() >= _FEWEST]
    values = dict(zip(labels, frame["value"], strict=True))
    speaker = balance.facet("speaker")
    marks: list[dict[str, Any]] = []
    for at, (who, counts) in enumerate(rows):
        whole, x = int(counts.sum()), 0.0
        for one in labels:
            count = int(counts.get(one, 0))
            if not count:
                continue
            own = facet.found_by(values[one])
            named = "" if who == OTHERS else speaker.found_by(who)
            terms = [own] if at == 0 else [named, own]
            marks.append(
                {
                    "row": at,
                    "x0": round(x, 5),
                    "x1": round(x + count / whole, 5),
                    "value": count,
                    "label": f"{label(who)}, {one}" if at else str(one),
                    "text": share_text(count, whole, facet.unit),
                    "tone": tones[one],
                    "filter": " ".join(terms) if all(terms) else "",
                }
            )
            x += count / whole
    first = rows_of(frame)[0]
    return {
        "id": name,
        "kind": "stack",
        "group": VOICE,
        "title": f"{percent(first['count'], base.count)} of {base.of()} are in {_manner(name, first['label'])}",
        "subtitle": f"{facet.title.lower()}, {base.counted}",
        "x": percents(),
        "rows": [label(who) for who, _ in rows],
        "legend": [[one, tones[one]] for one in labels],
        "marks": marks,
    }


def _manner(name: str, value: str) -> str:
    if value.startswith("mixed"):
        return value
    return f"the {value}{' tense' if name == 'tense' else ''}"


def crossed(balance: Distributions, rows: str, columns: str, *, asked: bool = False) -> Chart | None:
    """Two facets against each other, as shares of all that has both; None where that is too little, but if it was ``asked`` for.

    Raises:
        QueryError: if there is no such facet.
    """
    table = balance.table(rows, columns, most=_MOST)
    left, top = balance.facet(rows), balance.facet(columns)
    # Terms about turns mean one and the same turn, and terms of one name are alternatives.
    sayable = rows != columns and {left.unit, top.unit} != {"reply", "user turn"}
    base = base_of_both(balance, left, top)
    if not asked and (min(table.shape) < 2 or not base.enough):
        return None
    counts = table.to_numpy()
    # What is added up would be the darkest everywhere.
    own = table.drop(index=OTHERS, columns=OTHERS, errors="ignore").to_numpy()
    most = max(int(own.max(initial=0)), 1)
    marks: list[dict[str, Any]] = []
    terms = [_terms(balance, left), _terms(balance, top)]
    for row, one in enumerate(table.index):
        for column, other in enumerate(table.columns):
            count = int(counts[row, column])
            found_by = [terms[0].get(one, ""), terms[1].get(other, "")]
            marks.append(
                {
                    "row": row,
                    "column": column,
                    "depth": round(min(1.0, count / most), 5),
                    "value": count,
                    "label": f"{label(str(one))}, {label(str(other))}",
                    "text": share_text(count, base.count, base.unit),
                    "filter": " ".join(found_by) if sayable and all(found_by) else "",
                }
            )
    return {
        "id": f"{rows}_{columns}",
        "kind": "heat",
        "group": ASKED if asked else VOICE,
        "title": _together(table, base, left, top),
        "subtitle": f"{left.title.lower()} (rows) against {top.title.lower()} (columns), {base.counted}",
        "x": {"label": top.title},
        "y": {"label": left.title},
        "rows": _heads(balance, left, table.index),
        "columns": _heads(balance, top, table.columns),
        "marks": marks,
    }


def _heads(balance: Distributions, facet: Facet, labels: Iterable[str]) -> list[str]:
    """What stands at the rows or columns of a table; of a number its band alone, for the subtitle says of what."""
    if facet.kind != "number":
        return [label(str(one)) for one in labels]
    bands = {row["label"]: row["value"].partition("..") for row in rows_of(balance[facet.name])}
    return [
        f"{low}–{high}" if high else f"{low}+" if dots else low
        for low, dots, high in (bands[one] for one in labels)
    ]


def _terms(balance: Distributions, facet: Facet) -> dict[str, str]:
    """The query of each value that is told by its label."""
    frame = balance[facet.name]
    return {row["label"]: facet.found_by(row["value"]) for row in rows_of(frame)}


def _together(table: Any, base: Base, *facets: Facet) -> str:
    """The two values that come together most often, but for those that are added up."""
    cells = table.drop(index=OTHERS, columns=OTHERS, errors="ignore").stack()
    if cells.empty or not base.count:
        return f"None of {counted(base.total, *UNITS[base.unit])} has both"
    pair = [
        f"“{label(str(value))}”" if facet.name in _WORDS else label(str(value))
        for facet, value in zip(facets, cells.idxmax(), strict=True)
    ]
    said = percent(int(cells.max()), base.count)
    return f"Most often together: {' and '.join(pair)}, in {said} of {base.of()}"
