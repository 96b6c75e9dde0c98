"""Charts of shares: bars, stacked rows, two facets against each other, and the spectrum from narration to dialogue."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...checks.charts.wording import Chart, counted, label, percent, sentence, value_axis
from ...core.errors import QueryError
from ..distributions import Distributions
from ..selection import OTHERS
from .said import HABITS, LENGTH, MAKEUP, UNITS, VOICE, percents, rows_of, share_text

_MOST = 8
_ROWS = 10
_FEWEST = 5  # replies that a row of its own needs

_GROUPS = {"speech_marks": VOICE, "form": VOICE, "ending": HABITS, "language": MAKEUP}
_SENTENCES: dict[str, Callable[[str, str], str]] = {
    "speech_marks": lambda top, share: f"{share} of the replies that mark speech do it by {top}",
    "form": lambda top, share: (
        f"{share} of replies are {top}" if top == "plain text" else f"{share} of replies have {top}"
    ),
    "ending": lambda top, share: f"{share} of replies end with {top}",
    "language": lambda top, share: f"{share} of turns are in {top}",
    "tag": lambda top, share: f"{share} of conversations are tagged {top}",
    "source": lambda top, share: f"{share} of conversations come from {top}",
    "format": lambda top, share: f"{share} of records are laid out as {top}",
    "copies": lambda top, share: f"{share} of conversations: {top}",
}


def bars(balance: Distributions, name: str) -> Chart | None:
    """The most frequent values of a facet; None where there is only one."""
    frame = balance[name]
    if len(frame) < 2:
        return None
    facet = balance.facet(name)
    unit = UNITS[facet.unit]
    shown, rest = frame.head(_MOST), frame.iloc[_MOST:]
    whole = round(int(frame["count"].iloc[0]) / max(float(frame["share"].iloc[0]), 1e-9))
    # Values of a list overlap, so that those that are left out cannot be added up.
    others = 0 if facet.kind == "list" else int(rest["count"].sum())
    axis, top = value_axis(unit[1], max(int(frame["count"].max()), others), 3)

    def mark(said: str, count: int, tone: str, query: str) -> dict[str, Any]:
        return {
            "label": said,
            "length": round(count / top, 5),
            "value": count,
            "text": f"{count:,} · {percent(count, whole)}",
            "tone": tone,
            "filter": query,
        }

    rows = [
        mark(label(_named(name, row["label"])), row["count"], "plain", facet.found_by(row["value"]))
        for row in rows_of(shown)
    ]
    if others:
        rows.append(mark(f"{len(rest):,} others", others, "plain", ""))
    first = rows_of(frame)[0]
    said = _SENTENCES[name](_named(name, str(first["label"])), percent(int(first["count"]), whole))
    return {
        "id": name,
        "kind": "bars",
        "group": _GROUPS.get(name, MAKEUP),
        "title": sentence(said),
        "subtitle": f"{facet.title.lower()}, {counted(whole, *unit)}"
        + (f", the first {len(shown)} of {len(frame):,}" if len(rest) else ""),
        "total": whole,
        "x": axis,
        "marks": rows,
    }


def _named(name: str, value: str) -> str:
    if name == "speech_marks" and value.rsplit(maxsplit=1)[-1] in ("straight", "curly", "low", "corner"):
        return f"{value} quotation marks"
    return value


def user_share(balance: Distributions) -> Chart | None:
    """The user's share of the words of each conversation, as a histogram."""
    frame = balance["user_share"]
    total = int(frame["count"].sum())
    if not total:
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
            "text": f"{counted(row['count'], 'conversation', 'conversations')}, {percent(row['count'], total)}",
            "tone": "user",
            "filter": facet.found_by(row["value"]),
        }
        for at, row in enumerate(rows_of(frame))
    ]
    middle = balance.described("user_share")["median"]
    return {
        "id": "user_share",
        "kind": "histogram",
        "group": LENGTH,
        "title": f"In the middle conversation the user says {middle} % of the words",
        "subtitle": f"the user’s share of the words, {counted(total, 'conversation', 'conversations')}",
        "x": {
            "label": "% of the words",
            "ticks": [[(at + 0.5) / len(frame), row] for at, row in enumerate(_ticks(frame))],
        },
        "y": axis,
        "marks": marks,
        "rules": [],
    }


def _ticks(frame: Any) -> list[str]:
    return [str(value).partition("..")[0] for value in frame["value"]]


def dialogue(balance: Distributions) -> Chart | None:
    """Where each speaker stands between narration and dialogue; all replies where nobody has a name."""
    numbers = balance.described("dialogue")
    if not numbers["count"]:
        return None
    everyone = {key: numbers[key] for key in ("count", "q25", "median", "q75")}
    rows = [("all replies", everyone, "")]
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
        "title": f"In the middle reply {everyone['median']} % of the text is dialogue",
        "subtitle": f"share of quoted speech a reply, {counted(everyone['count'], 'reply', 'replies')} that quote or narrate",
        "x": percents(),
        "ends": ["narration", "dialogue"],
        "marks": marks,
    }


def stacked(balance: Distributions, name: str) -> Chart | None:
    """The values of a facet as shares of a row: all, and those speakers who say enough."""
    frame = balance[name]
    if frame.empty:
        return None
    facet, total = balance.facet(name), int(frame["count"].sum())
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
        "title": f"{percent(first['count'], total)} of the narrated replies are told in {_manner(name, first['label'])}",
        "subtitle": f"replies by {facet.title.lower()}, {counted(total, *UNITS[facet.unit])} in which it can be told",
        "total": total,
        "x": percents(),
        "rows": [label(who) for who, _ in rows],
        "legend": [[one, tones[one]] for one in labels],
        "marks": marks,
    }


def _manner(name: str, value: str) -> str:
    if value.startswith("mixed"):
        return value
    return f"the {value}{' tense' if name == 'tense' else ''}"


def crossed(balance: Distributions, rows: str, columns: str) -> Chart | None:
    """Two facets against each other, as shares of all that has both."""
    try:
        table = balance.table(rows, columns, most=_MOST)
    except QueryError:
        return None
    counts = table.to_numpy()
    total = int(counts.sum())
    if not total or min(table.shape) < 2:
        return None
    left, top = balance.facet(rows), balance.facet(columns)
    keys = [
        dict(zip(balance[one.name]["label"], balance[one.name]["value"], strict=True)) for one in (left, top)
    ]
    most = int(counts.max())
    marks: list[dict[str, Any]] = []
    for row, one in enumerate(table.index):
        for column, other in enumerate(table.columns):
            count = int(counts[row, column])
            terms = [
                facet.found_by(own.get(value, ""))
                for facet, own, value in ((left, keys[0], one), (top, keys[1], other))
            ]
            marks.append(
                {
                    "row": row,
                    "column": column,
                    "depth": round(count / most, 5),
                    "value": count,
                    "label": f"{one}, {other}",
                    "text": share_text(count, total, "reply"),
                    "filter": " ".join(terms) if all(terms) else "",
                }
            )
    best = max(marks, key=lambda mark: mark["value"])
    return {
        "id": f"{rows}_{columns}",
        "kind": "heat",
        "group": VOICE,
        "title": f"{percent(best['value'], total)} are {best['label'].replace(', ', ' and ')}",
        "subtitle": f"{left.title.lower()} against {top.title.lower()}, {counted(total, *UNITS['reply'])}",
        "x": {"label": top.title},
        "y": {"label": left.title},
        "rows": [label(str(one)) for one in table.index],
        "columns": [label(str(one)) for one in table.columns],
        "marks": marks,
    }
