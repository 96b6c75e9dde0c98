"""What the balance of a dataset says in sentences, whether or not it is a fault: the titles of its charts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from ..balance import Distributions
from ..balance.charts import charts_of
from ..core.edits import Record
from ..core.errors import StalePlanError
from ..core.query import Query
from ..core.report import Report
from .measurement import Example, Measurement

_THREE = 3  # phrases that a title adds up
# What is drawn because it is looked at, not because it says something by itself.
_LEFT_OUT = ("reply_words_file", "viewpoint_tense", "ending", "source", "format")

# What the others are about, and what their shares are shares of where that is not all of it.
_UNITS = {
    "tag": "conversations",
    "copies": "conversations",
    "user_share": "conversations",
    "language": "turns",
    "words_by_role": "turns",
}
_OF = {
    "copies": "conversations with turns",
    "language": "turns with letters",
    "speech_marks": "replies that mark speech",
    "viewpoint": "replies whose person can be told",
    "tense": "replies whose tense can be told",
}


def measured(report: Report) -> Iterator[Measurement]:
    """The measures that a person should know of before a run."""
    if report.dataset.edits is not report.edits:
        raise StalePlanError("The dataset has changed since it was checked; check it again for its card.")
    for chart in charts_of(Distributions(report.dataset, report=report)):
        if chart["id"] not in _LEFT_OUT and chart["marks"]:
            yield _of(report, chart)


def _of(report: Report, chart: dict[str, Any]) -> Measurement:
    marks: Sequence[dict[str, Any]] = chart["marks"]
    listed = chart["kind"] == "phrases"
    count = chart["told"] if listed else marks[0]["value"]
    total, unit = chart.get("total", 0), _UNITS.get(chart["id"], "replies")
    query = "" if chart["kind"] in ("multiples", "spectrum", "histogram") else marks[0]["filter"]
    if listed:  # terms of one name are alternatives
        query = " ".join(mark["filter"] for mark in marks[:_THREE])
    return Measurement(
        sentence=f"{chart['title']}.",
        level="measure",
        code=chart["id"],
        count=min(count, total),
        of=total,
        unit=unit,
        whole=f"{_OF.get(chart['id'], unit)}, copies included" if total else "",
        query=query,
        example=_example(report, marks[0]) if listed else None,
        places=partial(_places, report, query),
    )


def _example(report: Report, mark: dict[str, Any]) -> Example | None:
    if not mark["lines"]:
        return None
    line = mark["lines"][0]
    source, _, index = line["key"].partition(":")
    place = (int(source), int(index))
    conversation = report.conversation(*place)
    if conversation is None:
        return None
    return Example(place, conversation.id, line["turn"], line["before"], line["phrase"], line["after"])


def _places(report: Report, query: str) -> Sequence[Record]:
    if not query:
        return ()
    frame = report.index.conversations
    rows = Query(query).conversation_rows(report.dataset, report)
    return [(int(frame["source"][row]), int(frame["index"][row])) for row in rows]
