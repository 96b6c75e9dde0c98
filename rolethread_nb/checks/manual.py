"""The manual: pages of rules, made from the rules themselves."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

from .rule import Rule


def page_text(rule: Rule) -> str:
    """One page for a terminal."""
    repair = "none" if rule.repair is None else f"{rule.repair.safety}: {rule.repair.says}"
    profiles = "".join(f", {severity} in profile {name}" for name, severity in rule.profiles.items())
    head = f"{rule.code}: {rule.title}\n{rule.severity}{profiles} · about a {rule.scope} · since {rule.since} · repair {repair}"
    parts = {
        "What it does": rule.page.does,
        "Why it is bad for training": rule.page.why,
        "Example": rule.page.example,
        "Repair": rule.page.repair,
    }
    body = "\n\n".join(f"{title}\n{_wrapped(text)}" for title, text in parts.items())
    return f"{head}\n\n{body}"


def _wrapped(text: str) -> str:
    return textwrap.fill(text, 88, initial_indent="  ", subsequent_indent="  ")


def catalogue_text(rules: Iterable[Rule]) -> str:
    """The list of rules for a terminal: one line each."""
    rows = [
        (rule.code, rule.severity, rule.repair.safety if rule.repair else "-", rule.title) for rule in rules
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return "\n".join(
        "  ".join([*(cell.ljust(width) for cell, width in zip(row[:3], widths, strict=True)), row[3]])
        for row in rows
    )


def catalogue_dicts(rules: Iterable[Rule]) -> list[dict[str, object]]:
    """The catalogue for ``rules --json``."""
    return [
        {
            "code": rule.code,
            "severity": rule.severity,
            "scope": rule.scope,
            "title": rule.title,
            "since": rule.since,
            "preview": rule.preview,
            "repair": rule.repair.safety if rule.repair else None,
            "profiles": dict(rule.profiles),
            "does": rule.page.does,
            "why": rule.page.why,
            "example": rule.page.example,
            "mend": rule.page.repair,
        }
        for rule in rules
    ]


def catalogue_markdown(rules: Iterable[Rule]) -> str:
    """The reference page ``docs/rules.md``."""
    rules = list(rules)
    lines = [
        "# Rules",
        "",
        "Made from the rules themselves by `make docs`; do not edit.",
        "",
        "| code | severity | about a | repair | title |",
        "|---|---|---|---|---|",
    ]
    for rule in rules:
        repair = rule.repair.safety if rule.repair else "none"
        lines.append(
            f"| [`{rule.code}`](#{rule.code.replace('.', '')}) | {rule.severity} | {rule.scope} | {repair} | {rule.title} |"
        )
    for rule in rules:
        profiles = "".join(f" · {severity} in profile `{name}`" for name, severity in rule.profiles.items())
        lines += [
            "",
            f"## {rule.code}",
            "",
            f"**{rule.title}** · {rule.severity}{profiles} · since {rule.since}",
            "",
            f"*What it does.* {_escaped(rule.page.does)}",
            "",
            f"*Why it is bad for training.* {_escaped(rule.page.why)}",
            "",
            "*Example.*",
            "",
            "```",
            rule.page.example,
            "```",
            "",
            f"*Repair.* {_escaped(rule.page.repair)}",
        ]
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    return text.replace("<", "\\<").replace("*", "\\*").replace("[", "\\[").replace("|", "\\|")
