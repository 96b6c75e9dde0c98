"""Mends of text: how the text of a turn is rewritten, and when it is better left as it is."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from ..core.model import Conversation
from .rule import Edit, Evidence, Mend
from .tokens import CONTROL

Change = Callable[[str], str]


def rewriting(change: Change) -> Mend:
    """A mend that rewrites the text of a turn, also inside typed parts."""

    def mend(conversation: Conversation, turn: int | None, evidence: Evidence) -> Sequence[Edit]:
        return [] if turn is None else rewritten(conversation, turn, change)

    return mend


def rewritten(conversation: Conversation, turn: int, change: Change) -> Sequence[Edit]:
    """The edits that rewrite the text of a turn, also inside typed parts."""
    return [Edit(*edit) for edit in conversation.messages[turn].rewritten(change)]


def forges_a_token(before: str, after: str) -> bool:
    """Whether a change would make a control string of a chat template that was not there."""
    if not any(mark in after for mark in "<["):
        return False
    return sum(1 for _ in CONTROL.finditer(after)) > sum(1 for _ in CONTROL.finditer(before))


def breaks_json(before: str, after: str) -> bool:
    """Whether a change would make a text that is a JSON object or list unreadable."""
    return before.lstrip()[:1] in ("{", "[") and _is_json(before) and not _is_json(after)


def _is_json(value: str) -> bool:
    try:
        json.loads(value)
    except (ValueError, RecursionError):
        return False
    return True
