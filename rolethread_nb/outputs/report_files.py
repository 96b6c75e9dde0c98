"""The report as JSON and as CSV."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import polars as pl

from .._version import __version__
from ..core.index import Index
from ..core.model import Issue
from ..core.report import Report


def report_dict(report: Report) -> dict[str, Any]:
    """The object of ``check --json``."""
    index = report.index
    formats: dict[int, dict[str, int]] = {}
    by_format = (
        index.conversations.group_by("source", "format")
        .len()
        .sort("source", "len", "format", descending=[False, True, False])
    )
    for source, name, count in by_format.iter_rows():
        formats.setdefault(source, {})[name] = count
    rejected: dict[int, int] = {}
    for record in index.rejected:
        rejected[record.source] = rejected.get(record.source, 0) + 1
    return {
        "schema": 1,
        "version": __version__,
        "profile": report.profile,
        "settings": report.settings.as_dict(),
        **({} if report.baseline is None else {"baseline": report.baseline.as_dict()}),
        "sources": [
            {
                "path": source.name,
                "records": sum(formats.get(number, {}).values()) + rejected.get(number, 0),
                "conversations": sum(formats.get(number, {}).values()),
                "formats": formats.get(number, {}),
                "rejected": rejected.get(number, 0),
            }
            for number, source in enumerate(report.dataset.sources)
        ],
        "conversations": index.conversations.height,
        "turns": index.turns.height,
        "rejected": [record.as_dict() for record in index.rejected],
        "issues": [issue.as_dict() for issue in report],
        "counts": report.counts,
        "balance": balance(index),
        "seconds": round(report.seconds, 3),
    }


def balance(index: Index) -> dict[str, Any]:
    """Turns and words by role, and how many system prompts there are."""
    turns, frame = index.turns, index.conversations
    role = pl.col("role").cast(pl.String).fill_null("unknown")
    roles = turns.group_by(role).len().sort("role")
    words = turns.group_by(role).agg(pl.col("words").sum()).sort("role")
    return {
        "roles": dict(roles.iter_rows()),
        "words": dict(words.iter_rows()),
        "system_prompts": frame["system"].drop_nulls().n_unique(),
        "without_system_prompt": int(frame["system"].is_null().sum()),
    }


def report_csv(report: Report) -> str:
    """The findings as CSV. Cells that a spreadsheet would take for a formula get a quotation mark in front."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")  # so that a cell with either of the two is quoted
    writer.writerow(Issue.__slots__)
    for issue in report:
        cells = (
            json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value
            for value in issue.as_dict().values()
        )
        writer.writerow([_defused(cell) for cell in cells])
    return out.getvalue()


def _defused(cell: object) -> object:
    text = cell.encode("utf-8", "replace").decode() if isinstance(cell, str) else cell
    return f"'{text}" if isinstance(text, str) and text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
