"""What the balance of a dataset says in sentences, whether or not it is a fault: the titles of its charts."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from ..balance import Distributions
from ..balance.charts import charts_of
from ..balance.charts.lengths import way_of
from ..balance.charts.lists import FEWEST, TOLD
from ..balance.charts.said import base_of
from ..core.errors import StalePlanError
from ..core.report import Report
from .behind import Behind, drifted, far_from_the_middle, having, records
from .measurement import Example, Measurement

# What is drawn because it is looked at, not because it says something by itself.
_LEFT_OUT = ("exchanges", "reply_words_file", "viewpoint_tense", "ending", "source", "format")
# Charts of a middle, and the facet whose highest values are opened for them.
_MIDDLES = {"words_by_role": "reply_words", "user_share": "user_share", "dialogue": "dialogue"}


def measured(report: Report) -> Iterator[Measurement]:
    """The measures that a person should know of before a run."""
    if report.dataset.edits is not report.edits:
        raise StalePlanError("The dataset has changed since it was checked; check it again for its card.")
    balance = Distributions(report.dataset, report=report)
    for chart in charts_of(balance):
        if chart["id"] not in _LEFT_OUT and chart["marks"]:
            yield _of(report, chart, _behind(balance, chart))


def _behind(balance: Distributions, chart: dict[str, Any]) -> Behind:
    """What a chart's title is about."""
    name = chart["id"]
    if name in _MIDDLES:
        return far_from_the_middle(balance, _MIDDLES[name])
    if name == "reply_words_conversation":
        return drifted(balance, way_of([mark["value"] for mark in chart["marks"]]))
    frame = balance[name]
    if chart["kind"] != "phrases":
        return having(balance, name, list(frame["value"].head(1)), base_of(balance, name))
    shown = frame[frame["count"] >= FEWEST].head(TOLD)
    return having(balance, name, list(shown["value"]), base_of(balance, "reply_words"))


def _of(report: Report, chart: dict[str, Any], behind: Behind) -> Measurement:
    more = f"; {behind.more}" if behind.more else ""
    return Measurement(
        sentence=f"{chart['title']}{more}.",
        level="measure",
        code=chart["id"],
        count=behind.count,
        of=behind.of,
        unit=behind.unit,
        whole=f"{behind.whole}, copies included",
        query=behind.query,
        example=_example(report, chart["marks"][0]) if chart["kind"] == "phrases" else None,
        places=partial(records, report.index.conversations, behind.rows),
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
