"""Findings that a review ignores: they are known by what they were found in, and left out of later reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from .baseline import fingerprint

if TYPE_CHECKING:
    from .report import Report


def ignored_rows(report: Report) -> list[int]:
    """The numbers of the findings of a report that the review of its dataset ignores, in order."""
    dataset = report.dataset
    ignored = dataset.journal.review.ignored
    if not ignored:
        return []
    wanted: dict[tuple[int | None, int | None], frozenset[str]] = {}
    for (source, name), prints in ignored.items():
        if source is None:
            wanted[None, None] = prints
        elif (record := dataset.record_named(source, name)) is not None:
            wanted[record] = prints
    places = pl.DataFrame(list(wanted), schema={"source": pl.Int64, "index": pl.Int64}, orient="row")
    table = report.findings.numbered.select(
        "n", pl.col("source").cast(pl.Int64), pl.col("index").cast(pl.Int64)
    )
    about = table.join(places, on=["source", "index"], how="semi", nulls_equal=True)
    found = []
    for n, source, index in about.sort("n").iter_rows():
        issue = report.issue(n)
        text = ""
        conversation = None if source is None or index is None else report.conversation(source, index)
        if conversation is not None and issue.turn is not None and issue.turn < len(conversation.messages):
            text = conversation.messages[issue.turn].text
        if fingerprint(issue, text) in wanted[source, index]:
            found.append(n)
    return found


def without_ignored(report: Report) -> Report:
    """The report without the findings that the review ignores; ``report.ignored`` has those."""
    rows = ignored_rows(report)
    if not rows:
        return report
    numbers = report.findings.numbered["n"]
    kept = report.with_findings(numbers.filter(~numbers.is_in(rows)))
    kept.ignored = report.with_findings(rows)
    return kept
