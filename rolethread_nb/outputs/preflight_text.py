"""A preflight for a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..core.wording import plural
from ..training.targets.target import OUTCOMES

if TYPE_CHECKING:
    from ..training.preflight import Preflight

_WIDTH = 160
# Shapes that say without colour how bad it is.
SIGNS = {"taken": "✓", "altered": "~", "dropped": "−", "refused": "✗"}
_REASONS = 12


def preflight_text(preflight: Preflight) -> str:
    """What each trainer makes of the conversations: how many it takes, alters, drops and refuses, and why, as far as is known by now."""
    lines = [
        f"{preflight.dataset.name}: {looked_at(preflight)}, template {preflight.template.name},"
        f" {counted_by(preflight)}"
    ]
    known = preflight.so_far
    rows = {row["target"]: row for row in known.numbers.rows(named=True)}
    causes = known.causes.rows(named=True)
    for one in preflight.targets:
        lines += ["", f"{one.title} {one.version}: {outcomes_of(rows[one.name])}"]
        if (refused := preflight.refused.get(one.name)) is not None:
            lines.append(f"    refuses the file: {_short(refused)}")
        if (trained := trained_of(rows[one.name])) is not None:
            lines.append(f"    {trained}")
        own = [cause for cause in causes if cause["target"] == one.name]
        lines += [f"    {line}" for line in _reasons(own[:_REASONS])]
        if len(own) > _REASONS:
            lines.append(f"    … and {len(own) - _REASONS:,} other reasons")
    if preflight.notes:
        lines += ["", *(_short(note, 400) for note in preflight.notes)]
    return "\n".join(lines)


def looked_at(preflight: Preflight) -> str:
    """``505 conversations``, or how far the work has come."""
    if preflight.done:
        return plural(preflight.conversation_count, "conversation")
    return f"{preflight.looked_at:,} of {plural(preflight.records, 'record')} looked at so far"


def counted_by(preflight: Preflight) -> str:
    """How tokens were counted."""
    return f"tokens counted by {preflight.tokens.name}" if preflight.tokens.exact else "tokens estimated"


def outcomes_of(row: dict[str, Any]) -> str:
    """``338 taken, 4 dropped``; every outcome that occurs."""
    named = [f"{row[outcome]:,} {outcome}" for outcome in OUTCOMES if row[outcome]]
    return ", ".join(named) or "no conversations"


def trained_of(row: dict[str, Any]) -> str | None:
    """How much of what is kept is trained; None where that is not foretold, because the trainer's text is not."""
    if row["longest"] is None:
        return None
    if row["share"] is None:
        return "trains on nothing"
    cut = row["tokens"] - row["kept_tokens"]
    said = (
        f"trains on {row['trained_tokens']:,} of {plural(row['kept_tokens'], 'token')} ({row['share']:.0%})"
    )
    return f"{said}; {cut:,} are cut off or dropped" if cut else said


def _reasons(causes: list[dict[str, Any]]) -> Iterator[str]:
    for cause in causes:
        example = _short(f"{cause['says']} (first: {cause['id']})")
        yield f"{SIGNS[cause['outcome']]} {cause['code']}  {cause['conversations']:,} {cause['outcome']}: {example}"


def _short(text: str, width: int = _WIDTH) -> str:
    text = "".join(char if char.isprintable() else "�" for char in text)
    return text if len(text) <= width else text[: width - 1] + "…"
