"""What a panel shows of the review: how far it is, what was decided, and the facets of the findings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import polars as pl

from ..core.model import SEVERITIES
from ..core.query import without
from ..core.turns import encodable
from .thread_view import Payload

if TYPE_CHECKING:
    from ..core.dataset import Dataset
    from ..core.report import Report

_MOST = 200  # values of a facet that are listed


def review_status(dataset: Dataset, ignored: int, changed: int) -> Payload:
    """How far a review is, and what a person has to know of its journal.

    Args:
        dataset: what is reviewed.
        ignored: findings of the report that are ignored.
        changed: records that changed since they were checked.
    """
    journal = dataset.journal
    made = Counter(one.decision for one in journal.review.decisions.values())
    return {
        "serial": journal.serial,
        "conversations": len(dataset),
        "decided": {name: made[name] for name in ("keep", "fix", "reject", "later")},
        "ignored": ignored,
        "changed": changed,
        "undo": journal.next_undo,
        "redo": journal.next_redo,
        "notice": journal.notice,
        "set_aside": len(journal.set_aside),
        "lost": list(journal.lost),
        "queries": {encodable(name): encodable(query) for name, query in journal.review.queries.items()},
    }


def decided(dataset: Dataset, source: int, name: str) -> Payload:
    """What the review says of one conversation: decision, note and tags."""
    review = dataset.journal.review
    made = review.decisions.get((source, name))
    return {
        "decision": None if made is None else made.decision,
        "note": "" if made is None else encodable(made.note),
        "tags": sorted(encodable(tag) for tag in review.tags.get((source, name), ())),
    }


def finding_facets(report: Report, matching: Callable[[str], pl.DataFrame], query: str) -> Payload:
    """Findings by severity, code, role and decision: each counted under the rest of the query."""
    codes = [rule.code for rule in report.rules]

    def counted(name: str, column: Callable[[pl.DataFrame], pl.Series]) -> list[list[Any]]:
        values = column(matching(without(query, name))).value_counts(sort=True, name="count").head(_MOST)
        return [[value, count] for value, count in values.iter_rows() if value is not None]

    def code(table: pl.DataFrame) -> pl.Series:
        numbers = table["rule"].cast(pl.Int64)
        return numbers.replace_strict(list(range(len(codes))), codes, return_dtype=pl.String)

    def severity(table: pl.DataFrame) -> pl.Series:
        return table["severity"].replace_strict([0, 1, 2], list(SEVERITIES), return_dtype=pl.String)

    return {
        "severity": counted("severity", severity),
        "code": counted("code", code),
        "role": counted("role", lambda table: _with_roles(report, table)),
        "decision": counted("decision", lambda table: _with_decisions(report, table)),
    }


def _places(report: Report) -> pl.DataFrame:
    return report.index.conversations.select(
        pl.col("source").cast(pl.Int32), pl.col("index").cast(pl.Int64), "id"
    )


def _with_roles(report: Report, table: pl.DataFrame) -> pl.Series:
    places = _places(report).with_row_index("conversation")
    turns = report.index.turns.select(
        "conversation", "turn", pl.col("role").cast(pl.String).fill_null("unknown")
    )
    having = table.select("source", "index", "turn").drop_nulls()
    held = having.join(places, on=["source", "index"]).join(turns, on=["conversation", "turn"])
    return held["role"]


def _with_decisions(report: Report, table: pl.DataFrame) -> pl.Series:
    made = report.dataset.journal.review.decisions.items()
    rows = [(source, name, one.decision) for (source, name), one in made]
    frame = pl.DataFrame(
        rows, schema={"source": pl.Int32, "id": pl.String, "decision": pl.String}, orient="row"
    )
    held = table.select("source", "index").drop_nulls().join(_places(report), on=["source", "index"])
    return held.join(frame, on=["source", "id"], how="left")["decision"].fill_null("none")
