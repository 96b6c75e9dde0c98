"""The payload of a conversation thread: turns cut into segments, findings with their repairs (see docs/protocol.md)."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from ..checks.rule import REMOVE, Rule
from ..core.model import Conversation, Issue, Message, count_words
from ..core.repair import difference
from ..core.turns import encodable
from ..core.visible import visible
from ..sources.formats import describe
from .layouts import other_keys

Payload = dict[str, Any]
Difference = tuple[str | None, str | None]


def turn_payload(
    turn: int, message: Message, at: Sequence[int], issues: Sequence[Issue], hue: int | None
) -> Payload:
    """One turn, its text cut at the findings in it. ``at`` are the positions of its findings in ``issues``."""
    text = encodable(message.text)
    extra = [
        [encodable(str(name)), encodable(json.dumps(value, ensure_ascii=False))]
        for name, value in other_keys(message).items()
        if name != "name" and value is not None
    ]
    if isinstance(message.content, list):
        others = [
            part for part in message.content if not (isinstance(part, dict) and part.get("type") == "text")
        ]
        extra += [["part", encodable(json.dumps(part, ensure_ascii=False))] for part in others]
    return {
        "turn": turn,
        "role": message.role,
        "role_raw": None if message.role_raw is None else encodable(message.role_raw),
        "speaker": None if message.name is None else encodable(message.name),
        "side": message.side,
        "hue": hue,
        "kind": message.kind,
        "words": count_words(text),
        "chars": len(text),
        "dir": direction(text),
        "segments": segments(text, [(issues[n].start or 0, issues[n].end or 0, n) for n in at]),
        "issues": list(at),
        "extra": extra,
        "note": _note(message),
    }


def issue_payload(n: int, issue: Issue, rule: Rule, difference: Difference) -> Payload:
    """A finding of a thread, with what its repair would do."""
    return {
        "n": n,
        "code": issue.code,
        "severity": issue.severity,
        "title": rule.title,
        "message": encodable(issue.message),
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


def segments(text: str, spans: Sequence[tuple[int, int, int]]) -> list[list[Any]]:
    """A text cut at the edges of its spans: ``[[piece, [numbers of the spans over it]], ...]``."""
    begins: dict[int, list[int]] = {}
    ends: dict[int, list[int]] = {}
    for start, end, n in spans:
        if start < end <= len(text):
            begins.setdefault(start, []).append(n)
            ends.setdefault(end, []).append(n)
    over: dict[int, None] = {}
    pieces: list[list[Any]] = []
    for left, right in pairwise(sorted({0, len(text), *begins, *ends})):
        for n in ends.get(left, ()):
            over.pop(n, None)
        over.update(dict.fromkeys(begins.get(left, ())))
        pieces.append([text[left:right], sorted(over)])
    return pieces


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
        shown = message.raw if isinstance(message.raw, str) else json.dumps(message.raw, ensure_ascii=False)
        return encodable(f"no message object, but {describe(message.raw)}: {visible(shown)[:2000]}")
    if message.kind == "null":
        return "no content" if message.content_key is None else "content is null"
    if message.kind == "other":
        shown = json.dumps(message.content, ensure_ascii=False)
        return encodable(f"content is {describe(message.content)}: {visible(shown)[:2000]}")
    if message.text == "" and message.kind in ("text", "result"):
        return "empty text"
    return ""
