"""What a check found: a measurement for each rule, one for its findings about the dataset and one for the others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import polars as pl

from ..checks.rule import RELATED_LIMIT, Rule
from ..core.edits import Record
from ..core.model import SEVERITIES, Issue
from ..core.query import Query
from ..core.report import Report
from ..core.wording import plural
from .behind import listed
from .measurement import LEVELS, Example, Measurement

_AROUND = 40  # characters on either side of a stretch of text
_STRETCH = 80
_WHOLE = "conversations, copies included"
_OWN_SHARE = "; the share in the sentence is the rule’s own"


def measured(report: Report) -> Iterator[Measurement]:
    """A measurement for every rule that found something."""
    table = report.findings.numbered
    total = report.index.conversations.height
    for number, rule in enumerate(report.rules):
        own = table.filter(pl.col("rule") == number)
        if not own.height:
            continue
        about_all = own.filter(pl.col("index").is_null())
        level = LEVELS[int(own["severity"].to_numpy().min())]
        places = own.drop_nulls("index").select("source", "index").unique(maintain_order=True)
        if about_all.height:
            yield _of_dataset(report, rule, about_all, level, total)
        if places.height:
            yield Measurement(
                sentence=_sentence(rule, places.height, total, own.height - about_all.height),
                level=level,
                code=rule.code,
                count=places.height,
                of=total,
                whole=_WHOLE,
                query=_query(report, rule, _listed(places)) if about_all.height else f"code:{rule.code}",
                example=_example(
                    report, own.drop_nulls("index").row(0, named=True), told=rule.family != "privacy"
                ),
                places=partial(_listed, places),
            )


def _sentence(rule: Rule, conversations: int, total: int, findings: int) -> str:
    times = "" if findings == conversations else f", {plural(findings, 'time')} in all"
    return f"{rule.title}: in {percent(conversations, total)} of the conversations ({conversations:,} of {total:,}){times}."


def _of_dataset(report: Report, rule: Rule, found: pl.DataFrame, level: Any, total: int) -> Measurement:
    """A finding about the dataset says its own sentence; of several the first does."""
    first = report.issue(found["n"][0])
    related = [(one["source"], one["conversation"]) for one in first.related]
    places = list(dict.fromkeys(related))
    count = min(_behind(first, len(places)), total)
    more = found.height - 1
    said = first.message.rstrip(".") + (f"; {more:,} more like it" if more else "")
    if len(places) < count:
        said += f"; the first {plural(len(places), 'conversation')} of them can be opened"
    example = None
    if related and (conversation := report.conversation(*related[0])) is not None:
        example = Example(related[0], conversation.id)
    return Measurement(
        sentence=f"{said}.",
        level=level,
        code=rule.code,
        count=count,
        of=total,
        whole=_WHOLE + (_OWN_SHARE if "share" in first.evidence else ""),
        query=_query(report, rule, places),
        example=example,
        places=lambda: places,
    )


def _query(report: Report, rule: Rule, places: Sequence[Record]) -> str:
    """The query of the rule if it finds just these conversations, else one that names them; empty where there is neither."""
    index = report.index.conversations
    named = pl.DataFrame(places, schema={"source": pl.UInt32, "index": pl.UInt32}, orient="row")
    keys = index.select(pl.col("source", "index").cast(pl.UInt32)).with_row_index("row")
    rows = keys.join(named, on=["source", "index"], how="semi", maintain_order="left")["row"].to_list()
    query = f"code:{rule.code}"
    if Query(query).conversation_rows(report.dataset, report) == rows:
        return query
    return listed(index, np.array(rows, dtype=np.int64))


def _behind(found: Issue, named: int) -> int:
    """How many conversations a finding is about. It names them all, unless they are too many; then its evidence has their number."""
    if len(found.related) < RELATED_LIMIT:
        return named
    evidence = found.evidence
    counted = evidence.get(
        "conversations" if "replies" in evidence else "count", evidence.get("conversations")
    )
    return max(counted, named) if isinstance(counted, int) else named


def _example(report: Report, row: dict[str, Any], *, told: bool) -> Example | None:
    """A place where it can be seen; what is private is not ``told``."""
    place = (row["source"], row["index"])
    conversation = report.conversation(*place)
    if conversation is None:
        return None
    if row["turn"] is None or row["turn"] >= len(conversation.messages):
        return Example(place, conversation.id)
    if not told:
        return Example(place, conversation.id, row["turn"])
    text = conversation.messages[row["turn"]].text
    start, end = row["start"], max(row["start"], row["end"])
    if start == end:
        return Example(
            place,
            conversation.id,
            row["turn"],
            text=text[:_STRETCH],
            after="…" if len(text) > _STRETCH else "",
        )
    cut = text[start:end] if end - start <= _STRETCH else f"{text[start : start + _STRETCH]}…"
    before = text[max(0, start - _AROUND) : start]
    after = text[end : end + _AROUND]
    return Example(
        place,
        conversation.id,
        row["turn"],
        f"{'…' if start > _AROUND else ''}{before}",
        cut,
        f"{after}{'…' if end + _AROUND < len(text) else ''}",
    )


def _listed(places: pl.DataFrame) -> Sequence[Record]:
    return [(int(source), int(index)) for source, index in places.iter_rows()]


def percent(part: int, whole: int) -> str:
    """A share that says 0 and 100 only where it is exactly that."""
    share = 100 * part / whole if whole else 0.0
    if 0 < share < 0.1:
        return "under 0.1 %"
    if 99.9 < share < 100:
        return "over 99.9 %"
    return f"{share:.0f} %" if share in (0, 100) or share >= 10 else f"{share:.1f} %"


assert LEVELS[:3] == SEVERITIES
