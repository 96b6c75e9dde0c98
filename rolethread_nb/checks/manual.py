"""The manual: pages of rules, made from the rules themselves."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

from .profiles import PROFILES, runs
from .rule import Rule


def page_text(rule: Rule) -> str:
    """One page for a terminal."""
    repair = "none" if rule.repair is None else f"{rule.repair.safety}: {rule.repair.says}"
    origin = f"since {rule.since}" if rule.since else "a rule of your own"
    head = f"{rule.code}: {rule.title}\n{rule.severity} · about a {rule.scope} · {origin} · repair {repair}"
    head = "\n".join([head, *_facts(rule)])
    parts = {
        "What it does": rule.page.does,
        "Why it is bad for training": rule.page.why,
        "Example": rule.page.example,
        "Repair": rule.page.repair,
    }
    body = "\n\n".join(f"{title}\n{_wrapped(text)}" for title, text in parts.items())
    return f"{head}\n\n{body}"


def severities(rule: Rule) -> dict[str, str]:
    """The severity of a rule by profile, where it is another than in profile ``chat``; ``off`` where it does not run."""
    changed: dict[str, str] = {}
    for name, profile in PROFILES.items():
        if not runs(name, rule.code):
            if profile.only is None:  # a profile with only its own rules says so itself
                changed[name] = "off"
        elif (severity := rule.severity_in(name)) != rule.severity:
            changed[name] = severity
    return changed


def _facts(rule: Rule) -> list[str]:
    """What else there is to say in the head of a page: profiles, thresholds, preview."""
    facts = []
    if changed := severities(rule):
        facts.append("In profile " + ", ".join(f"{name}: {severity}" for name, severity in changed.items()))
    if rule.thresholds:
        facts.append(
            "Thresholds " + ", ".join(f"{name} = {value:g}" for name, value in rule.thresholds.items())
        )
    if rule.preview:
        facts.append("Preview: runs only when it is named with select")
    return facts


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
            "profiles": severities(rule),
            "thresholds": dict(rule.thresholds),
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
        facts = [line for fact in _facts(rule) for line in (f"{fact}.", "")]
        lines += [
            "",
            f"## {rule.code}",
            "",
            f"**{rule.title}** · {rule.severity} · since {rule.since}",
            "",
            *facts,
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


def profiles_markdown(rules: Iterable[Rule]) -> str:
    """The reference part of ``docs/profiles.md``: each profile, and what it changes."""
    rules = list(rules)
    lines = []
    for name, profile in PROFILES.items():
        lines += [f"## {name}", "", f"For {profile.data}.", "", profile.normal, ""]
        if profile.only is not None:
            only = ", ".join(f"`{code}`" for code in profile.only)
            lines += [f"Runs only {only}; users' own rules do not run.", ""]
            continue
        if off := [name for name in profile.without if any(rule.goes_by(name) for rule in rules)]:
            lines += ["Does not run, unless named: " + ", ".join(f"`{code}`" for code in off) + ".", ""]
        changed = [
            f"`{rule.code}` {level}"
            for rule in rules
            if (level := severities(rule).get(name, "off")) != "off"
        ]
        if changed:
            lines += ["Other severities than in `chat`: " + ", ".join(changed) + ".", ""]
    return "\n".join(lines)


def _escaped(text: str) -> str:
    return text.replace("<", "\\<").replace("*", "\\*").replace("[", "\\[").replace("|", "\\|")
