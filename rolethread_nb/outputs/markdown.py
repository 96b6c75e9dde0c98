"""The report as Markdown: a summary for the page of a CI job.

Text of the dataset is written so that it stays text: what Markdown, HTML or GitHub would read as a sign stands as a character
reference, which none of them reads as one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import polars as pl

from ..core.model import SEVERITIES, Issue
from ..core.report import Report
from ..core.visible import visible
from ..core.wording import plural
from .markup import SHAPES, WORDS, short

_SIGN = re.compile(r"[][!#$&*:<>@\\_`|~]|(?<=www)\.", re.IGNORECASE)
_WORST, _OF_A_CODE = 20, 5
_PASSED = {True: "✓ passed", False: "✗ failed"}


def report_markdown(report: Report) -> str:
    """What was read, the gates, the findings by code, and the worst of them with their lines."""
    return "\n".join([*_head(report), *_gates(report), *_codes(report), *_worst(report)]) + "\n"


def literal(text: str, most: int = 300) -> str:
    """Text on one line that is neither Markdown nor HTML, and fits into a table."""
    line = visible(short(text, most)).encode("utf-8", "replace").decode()
    return _SIGN.sub(lambda sign: f"&#{ord(sign[0])};", line)


def _head(report: Report) -> Iterator[str]:
    counts = report.severities
    said = ", ".join(
        f"{SHAPES[name]} {counts[name]:,} {WORDS[name][counts[name] != 1]}" for name in SEVERITIES
    )
    index = report.index
    yield f"## {literal(report.dataset.name)}"
    yield ""
    yield f"**{said}** in {plural(index.conversations.height, 'conversation')}, {plural(index.turns.height, 'turn')}."
    if index.rejected:
        yield f"{plural(len(index.rejected), 'record')} could not be read."
    yield ""
    yield literal(report.footer, 2_000)


def _gates(report: Report) -> Iterator[str]:
    gates = report.gated
    if gates is None:
        return
    yield from ("", f"### Gates: {gates.summary}", "", "| outcome | gate |", "|---|---|")
    for result in gates:
        yield f"| {_PASSED[result.ok]} | {literal(result.says)} |"


def _codes(report: Report) -> Iterator[str]:
    if not len(report):
        yield from ("", "No findings." if report.baseline is None else "No new findings.")
        return
    yield from ("", "### Findings", "", "| severity | code | what | count |", "|---|---|---|--:|")
    for severity, rule, count, _ in _grouped(report):
        found = report.rules[rule]
        cells = (_severity(severity), f"`{found.code}`", literal(found.title), f"{count:,}")
        yield f"| {' | '.join(cells)} |"


def _worst(report: Report) -> Iterator[str]:
    numbers = [n for *_, first in _grouped(report) for n in first][:_WORST]
    if not numbers:
        return
    head = "### The worst of them" if len(numbers) < len(report) else "### Each of them"
    yield from ("", head, "", "| severity | code | where | what |", "|---|---|---|---|")
    for issue in map(report.issue, numbers):
        cells = (
            _severity(issue.severity),
            f"`{issue.code}`",
            literal(_where(report, issue)),
            literal(issue.message),
        )
        yield f"| {' | '.join(cells)} |"


def _where(report: Report, issue: Issue) -> str:
    source = (
        report.dataset.sources[issue.source].name
        if issue.source is not None and len(report.dataset.sources) > 1
        else ""
    )
    parts = [
        source,
        "" if issue.line is None else f"line {issue.line}",
        "" if issue.conversation is None else f"#{issue.conversation}",
        "" if issue.turn is None else f"turn {issue.turn}",
    ]
    return ", ".join(part for part in parts if part) or "the dataset"


def _grouped(report: Report) -> list[tuple[str, int, int, list[int]]]:
    """Severity, rule, how many, and the numbers of the first few; errors come first, then what is found most often."""
    groups = report.findings.numbered.group_by("severity", "rule").agg(
        pl.len(), pl.col("n").sort().head(_OF_A_CODE)
    )
    ordered = sorted(groups.iter_rows(), key=lambda row: (row[0], -row[2], report.rules[row[1]].code))
    return [(SEVERITIES[severity], rule, count, first) for severity, rule, count, first in ordered]


def _severity(name: str) -> str:
    return f"{SHAPES[name]} {WORDS[name][0]}"
