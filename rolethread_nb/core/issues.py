"""From a row of the findings to an issue in full: its path, its sentence, its evidence."""

from __future__ import annotations

from typing import Any

from ..checks.rule import Rule
from ..sources.reading import escaped
from .model import SEVERITIES, Conversation, Issue, Span


def issue_of(
    found: Rule,
    severity: int,
    source: int | None,
    index: int | None,
    turn: int | None,
    span: Span,
    noted: dict[str, Any] | None,
    conversation: Conversation | None,
) -> Issue:
    """One finding in full: ``noted`` is the evidence that was kept with it, ``conversation`` the one it was found in."""
    messages = conversation.messages if conversation is not None else []
    message = messages[turn] if turn is not None and turn < len(messages) else None
    evidence: dict[str, Any] = {}
    if noted is not None:
        evidence = dict(noted)
    elif found.evidence is not None and message is not None:
        evidence = found.measured(message, span)
    related = [
        dict(zip(("source", "conversation", "turn"), place, strict=False))
        for place in evidence.pop("related", ())
    ]
    path = None
    if message is not None:
        path = {
            "content": message.pointer_at(span.start),
            "role": message.role_pointer,
            "message": message.pointer,
        }[found.where]
        if found.code == "turn.stray_key":
            path = f"{message.pointer}/{escaped(evidence['key'])}"
    elif conversation is not None:
        path = conversation.reading.pointer
    return Issue(
        code=found.code,
        severity=SEVERITIES[severity],
        source=source,
        conversation=index,
        id=conversation.id if conversation is not None else None,
        line=noted_line(conversation, noted),
        turn=turn,
        path=path,
        start=span.start if turn is not None else None,
        end=span.end if turn is not None else None,
        message=found.message(evidence),
        evidence={key: value for key, value in evidence.items() if key not in ("turn", "line")},
        related=related,
        repair=found.repair_of(evidence, fixed=conversation is not None and conversation.fixed),
    )


def noted_line(conversation: Conversation | None, noted: dict[str, Any] | None) -> int | None:
    """The line of a finding: its conversation's, or the one a rejected record was noted with."""
    if conversation is not None:
        return conversation.line
    line = (noted or {}).get("line")
    return line if isinstance(line, int) else None
