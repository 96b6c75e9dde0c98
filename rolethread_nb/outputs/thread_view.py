"""The payload of a conversation thread: turns cut into segments, findings with their repairs (see docs/protocol.md)."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Any

from ..checks.rule import REMOVE, Rule
from ..core.model import Conversation, Issue, Message, count_words
from ..core.repair import difference
from ..core.turns import encodable
from ..core.visible import visible
from ..sources.formats import describe
from .literal_json import compact
from .shortening import SENTENCE, shortened
from .speakers import initials_of
from .turn_parts import Links, named, parts_payload, thought_end

Payload = dict[str, Any]
Difference = tuple[str | None, str | None]


def turn_payload(
    turn: int,
    message: Message,
    at: Sequence[int],
    issues: Sequence[Issue],
    hue: int | None,
    links: Links | None = None,
) -> Payload:
    """One turn, its text cut at the findings in it. ``at`` are the positions of its findings in ``issues``."""
    text = encodable(message.text)
    thought = thought_end(message)
    spans = [(issues[n].start or 0, issues[n].end or 0, n) for n in at]
    payload = {
        "turn": turn,
        "role": message.role,
        "role_raw": named(message.role_raw),
        "speaker": named(message.name),
        "initials": encodable(initials_of(message.name)),
        "side": message.side,
        "hue": hue,
        "kind": message.kind,
        "words": count_words(text),
        "chars": len(text),
        "dir": direction(text[thought:]),
        "segments": segments(text, spans, thought),
        "issues": list(at),
        "note": _note(message),
        **parts_payload(turn, message, links or Links()),
    }
    if payload.get("calls") or payload.get("results"):
        payload["note"] = payload["note"] if message.kind in ("other", "not_object") else ""
    if thought:
        payload["thought"] = _pieces_before(payload["segments"], thought)
    return payload


def issue_payload(n: int, issue: Issue, rule: Rule, difference: Difference) -> Payload:
    """A finding of a thread, with what its repair would do."""
    return {
        "n": n,
        "code": issue.code,
        "severity": issue.severity,
        "title": rule.title,
        "message": shortened(encodable(issue.message), SENTENCE),
        "turn": issue.turn,
        "repair": issue.repair,
        "before": difference[0],
        "after": difference[1],
    }


def repair_difference(issue: Issue, rule: Rule, conversation: Conversation) -> Difference:
    """What the repair of a finding would change, cut to where it does; (None, None) where there is none."""
    if rule.repair is None or issue.repair is None:
        return None, None
    edits = rule.repair.mend(conversation, issue.turn, dict(issue.evidence))
    edit = next((edit for edit in edits if isinstance(edit.before, str)), None)
    if edit is None or not (isinstance(edit.after, str) or edit.after is REMOVE):
        return None, None
    before, after = difference(edit.before, edit.after if isinstance(edit.after, str) else "")
    return encodable(before), encodable(after)


def segments(text: str, spans: Sequence[tuple[int, int, int]], cut: int = 0) -> list[list[Any]]:
    """A text cut at the edges of its spans, and at ``cut``: ``[[piece, [numbers of the spans over it]], ...]``."""
    begins: dict[int, list[int]] = {}
    ends: dict[int, list[int]] = {}
    for start, end, n in spans:
        if start < end <= len(text):
            begins.setdefault(start, []).append(n)
            ends.setdefault(end, []).append(n)
    over: dict[int, None] = {}
    pieces: list[list[Any]] = []
    for left, right in pairwise(sorted({0, len(text), cut, *begins, *ends})):
        for n in ends.get(left, ()):
            over.pop(n, None)
        over.update(dict.fromkeys(begins.get(left, ())))
        pieces.append([text[left:right], sorted(over)])
    return pieces


def _pieces_before(pieces: Sequence[Sequence[Any]], end: int) -> int:
    """How many of the pieces make up the text before ``end``."""
    return next(
        at for at, length in enumerate(accumulate(len(text) for text, _ in pieces), 1) if length == end
    )


def direction(text: str) -> str:
    """``rtl`` or ``ltr``, by the first strong character (Unicode bidirectional algorithm, rule P2)."""
    for char in text:
        kind = unicodedata.bidirectional(char)
        if kind in ("R", "AL"):
            return "rtl"
        if kind == "L":
            return "ltr"
    return "ltr"


def _note(message: Message) -> str:
    if message.kind == "not_object":
        shown = message.raw if isinstance(message.raw, str) else compact(message.raw)
        return encodable(f"no message object, but {describe(message.raw)}: {visible(shown)[:2000]}")
    if message.kind == "null":
        return "no content" if message.content_key is None else "content is null"
    if message.kind == "other":
        shown = compact(message.content)
        return encodable(f"content is {describe(message.content)}: {visible(shown)[:2000]}")
    if message.text == "" and message.kind in ("text", "result"):
        return "empty text"
    return ""
