"""The report for a terminal."""

from __future__ import annotations

import polars as pl

from ..core.model import SEVERITIES
from ..core.report import Report
from ..core.wording import plural
from .markup import SHAPES, WORDS

_COLOURS = {"error": "\x1b[31m", "warning": "\x1b[33m", "info": "\x1b[2m"}
_EXAMPLES = 3
_WIDTH = 160


def report_text(report: Report, *, colour: bool = False) -> str:
    """What was read, what was found, code by code with the first places, and what to do next."""

    def painted(severity: str, text: str) -> str:
        return f"{_COLOURS[severity]}{text}\x1b[0m" if colour else text

    index = report.index
    lines = [
        f"{report.dataset.name}: {plural(index.conversations.height, 'conversation')}, {plural(index.turns.height, 'turn')},"
        f" profile {report.profile}"
    ]
    if report.settings.changed:
        lines.append(f"settings: {_short(report.settings.summary)}")
    if report.baseline is not None:
        lines.append(f"baseline: {_short(str(report.baseline))}")
    if index.rejected:
        lines.append(f"{plural(len(index.rejected), 'record')} could not be read")
    counts = report.severities
    lines.append(
        "  ".join(
            painted(name, f"{SHAPES[name]} {counts[name]:,} {WORDS[name][counts[name] != 1]}")
            for name in SEVERITIES
        )
    )
    several = len(report.dataset.sources) > 1
    for severity, number, count, first in _grouped(report):
        rule = report.rules[number]
        lines += ["", painted(severity, f"{SHAPES[severity]} {rule.code}") + f"  {rule.title}  {count:,}"]
        for n in first:
            issue = report.issue(n)
            source = (
                f"{report.dataset.sources[issue.source].name} "
                if several and issue.source is not None
                else ""
            )
            place = "" if issue.conversation is None else f"#{issue.conversation}"
            turn = "" if issue.turn is None else f"turn {issue.turn}"
            line = "" if issue.line is None else f"(line {issue.line})"
            place = source + " ".join(part for part in (place, turn, line) if part)
            lines.append("    " + _short(f"{place}: {issue.message}" if place else issue.message))
        if count > len(first):
            lines.append(f"    … and {count - len(first):,} more")
    safe = sum(count for code, count in report.counts.items() if _safety(report, code) == "safe")
    if safe:
        lines += ["", f"{plural(safe, 'finding')} can be repaired safely: rolethread-nb repair FILE -o OUT"]
    if not len(report):
        lines.append("No findings." if report.baseline is None else "No new findings.")
    return "\n".join(lines)


def _grouped(report: Report) -> list[tuple[str, int, int, list[int]]]:
    table = report.findings.table.with_row_index("n")
    groups = table.group_by("severity", "rule").agg(pl.len(), pl.col("n").sort().head(_EXAMPLES))
    ordered = sorted(groups.iter_rows(), key=lambda row: (row[0], -row[2], report.rules[row[1]].code))
    return [(SEVERITIES[severity], rule, count, first) for severity, rule, count, first in ordered]


def _safety(report: Report, code: str) -> str | None:
    return next((rule.repair.safety for rule in report.rules if rule.code == code and rule.repair), None)


def _short(text: str) -> str:
    text = "".join(char if char.isprintable() else "�" for char in text)
    return text if len(text) <= _WIDTH else text[: _WIDTH - 1] + "…"
