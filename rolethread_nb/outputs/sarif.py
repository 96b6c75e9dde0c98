"""The findings as SARIF 2.1.0: what code scanning shows at the lines of a file.

Equal input gives equal bytes: no times, and findings in the order of the report.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from .._version import __version__
from ..checks.manual import page_text
from ..checks.rule import Rule
from ..core.baseline import fingerprint
from ..core.blocks import written_id
from ..core.model import Issue
from ..core.report import Report
from ..core.wording import plural
from ..settings import shown

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {"error": "error", "warning": "warning", "info": "note"}
# A name of our own: GitHub's upload fills in primaryLocationLineHash itself, and warns of each value there that is not its own.
_FINGERPRINT = "rolethreadFinding/v1"
_DIGITS = 16  # of a SHA-256, in hexadecimal
_MOST = 25_000  # GitHub refuses a file with more results in a run
_RELATED = 10


def report_sarif(report: Report) -> str:
    """The report as SARIF: one run, the rules that found something with their manual pages, and one result a finding.

    Beyond 25,000 findings the least severe are left out, and a notification of the run says how many.
    """
    numbers = _chosen(report)
    rules = _found(report, numbers)
    run: dict[str, Any] = {
        "tool": {
            "driver": {
                "name": "rolethread-nb",
                "version": __version__,
                "semanticVersion": __version__,
                "rules": [_descriptor(rule) for rule in rules],
            }
        },
        "invocations": [{"executionSuccessful": True, **_left_out(len(report) - len(numbers))}],
        "artifacts": [{"location": {"uri": uri}} for uri in _uris(report)],
        "results": list(_results(report, numbers, rules)),
        "properties": {"profile": report.profile},
    }
    if (gates := report.gated) is not None:
        run["properties"]["gates"] = [
            {"name": _clean(result.name), "ok": result.ok, "says": _clean(result.says)} for result in gates
        ]
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}) + "\n"


def _chosen(report: Report) -> list[int]:
    """The numbers of the findings that are written, in the order of the report."""
    worst = report.findings.numbered.sort("severity", maintain_order=True).head(_MOST)
    return worst["n"].sort().to_list()


def _found(report: Report, numbers: Sequence[int]) -> list[Rule]:
    """The rules of some findings, in the order of the catalogue."""
    positions = list(report.findings.positions(numbers))
    having = report.findings.table["rule"].gather(positions).unique().sort()
    return [report.rules[n] for n in having.to_list()]


def _left_out(count: int) -> dict[str, Any]:
    if not count:
        return {}
    text = f"{plural(count, 'finding')} of the lowest severity left out: a run holds {_MOST:,} at most."
    return {"toolExecutionNotifications": [{"level": "warning", "message": {"text": text}}]}


def _descriptor(rule: Rule) -> dict[str, Any]:
    page = rule.page
    parts = {
        "What it does": page.does,
        "Why it is bad for training": page.why,
        "Example": f"```\n{page.example}\n```",
        "Repair": page.repair,
    }
    return {
        "id": rule.code,
        "shortDescription": {"text": _clean(rule.title)},
        "fullDescription": {"text": _clean(page.does)},
        "help": {
            "text": _clean(page_text(rule)),
            "markdown": _clean("\n\n".join(f"**{title}**\n\n{text}" for title, text in parts.items())),
        },
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
        "properties": {"tags": [rule.family]},
    }


def _results(report: Report, numbers: Sequence[int], rules: Sequence[Rule]) -> Iterator[dict[str, Any]]:
    places = {rule.code: n for n, rule in enumerate(rules)}
    uris = _uris(report)
    seen: Counter[str] = Counter()
    for issue in map(report.issue, numbers):
        known_by = _known_by(report, issue)
        seen[known_by] += 1
        yield {
            "ruleId": issue.code,
            "ruleIndex": places[issue.code],
            "level": _LEVELS[issue.severity],
            "message": {"text": _message(issue.message)},
            "locations": [_location(report, issue, uris)],
            **_related(report, issue, uris),
            # Findings that are alike in everything are told apart by their number, as GitHub does it.
            "partialFingerprints": {_FINGERPRINT: f"{known_by}:{seen[known_by]}"},
            "properties": {
                "conversation": issue.conversation,
                "id": None if issue.id is None else _clean(issue.id),
                "turn": issue.turn,
                "start": issue.start,
                "end": issue.end,
                "repair": issue.repair,
                **_cell(report, issue),
            },
        }


def _location(report: Report, issue: Issue, uris: Sequence[str]) -> dict[str, Any]:
    """Where a finding is. What has no line of its own is shown at the first line of the file, as is a finding about the dataset."""
    first = issue.related[0]["source"] if issue.source is None and issue.related else issue.source
    place: dict[str, Any] = {"physicalLocation": _physical(report, first or 0, issue.line, uris)}
    if issue.path is not None:
        place["logicalLocations"] = [{"fullyQualifiedName": _clean(issue.path), "kind": "value"}]
    return place


def _physical(report: Report, source: int, line: int | None, uris: Sequence[str]) -> dict[str, Any]:
    # In a notebook lines are counted in their cell: they say nothing of where it stands in the file.
    known = None if report.dataset.sources[source].notebook is not None else line
    return {
        "artifactLocation": {"uri": uris[source], "index": source},
        "region": {"startLine": known or 1},
    }


def _cell(report: Report, issue: Issue) -> dict[str, int]:
    """The cell of a notebook and the line in it, each counted from 1."""
    if issue.source is None or issue.conversation is None:
        return {}
    notebook = report.dataset.sources[issue.source].notebook
    if notebook is None or issue.conversation >= len(notebook.cells):
        return {}
    cell = notebook.cells[issue.conversation]
    return {"cell": cell.number, "cell_line": cell.line}


def _related(report: Report, issue: Issue, uris: Sequence[str]) -> dict[str, Any]:
    """The other conversations that a finding names, the first ten of them."""
    lines = report.index.conversations["line"]
    found = []
    for number, other in enumerate(issue.related[:_RELATED], 1):
        row = report.index.row(other["source"], other["conversation"])
        line = None if row is None else lines[row]
        found.append(
            {
                "id": number,
                "message": {"text": f"conversation #{other['conversation']}"},
                "physicalLocation": _physical(report, other["source"], line, uris),
            }
        )
    return {"relatedLocations": found} if found else {}


def _known_by(report: Report, issue: Issue) -> str:
    """A hash that stays while the file around the finding changes, as that of a baseline does (docs/settings.md)."""
    conversation = (
        None
        if issue.source is None or issue.conversation is None
        else report.conversation(issue.source, issue.conversation)
    )
    if conversation is None:
        whose, text = "", ""
    elif issue.turn is None:
        whose, text = written_id(conversation.raw) or conversation.id, ""
    else:
        # Without an id of its own a conversation is named after its content; the turn before has to do then.
        messages = conversation.messages
        before = messages[issue.turn - 1].text if issue.turn else ""
        whose, text = written_id(conversation.raw) or before, messages[issue.turn].text
    name = f"{len(whose)}:{whose}{fingerprint(issue, text)}"
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGITS]


def _uris(report: Report) -> list[str]:
    """The sources as addresses: relative to the working directory where they are below it."""
    found = []
    for source in report.dataset.sources:
        name = source.name if source.path is None else shown(source.path)
        path = Path(name)
        found.append(path.as_uri() if path.is_absolute() else quote(os.fsencode(path.as_posix())))
    return found


def _message(text: str) -> str:
    """A sentence in which no text of the dataset can become a link."""
    return _clean(text).replace("](", "\\](")


def _clean(text: str) -> str:
    """Text without halves of characters, which are no Unicode."""
    return text.encode("utf-8", "replace").decode()
