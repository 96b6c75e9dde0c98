"""The reference tables of docs/preflight.md."""

from __future__ import annotations

import json
from collections.abc import Iterator

from .reasons import CODES
from .registry import NAMES, target


def preflight_markdown() -> str:
    """The trainers with their settings, and the reasons."""
    return "\n".join([*_trainers(), "", *_reasons(), ""])


def _trainers() -> Iterator[str]:
    yield from (
        "## Trainers",
        "",
        "| name | trainer | version | settings and their defaults |",
        "|---|---|---|---|",
    )
    for name in NAMES:
        one = target(name)
        basis = "" if one.basis == "measured" else ", from its documentation"
        settings = ", ".join(f"`{key}` {json.dumps(value)}" for key, value in one.settings.items()) or "none"
        yield f"| `{name}` | {one.title} | {one.version}{basis} | {settings} |"


def _reasons() -> Iterator[str]:
    yield from (
        "## Reasons",
        "",
        "What a reason leads to is what it usually leads to; a trainer may do otherwise.",
        "",
    )
    yield from ("| reason | means | leads to |", "|---|---|---|")
    for code, about in CODES.items():
        yield f"| `{code}` | {about.means} | {about.outcome} |"
