"""The words that the condition of a rule is written in: ``from rolethread_nb.vocabulary import role, text``.

A word stands for something about a turn; compared with a value it gives a condition, and conditions are combined with ``&``,
``|`` and ``~``: ``text.contains("sighs") & (role == "assistant")``. ``docs/own-rules.md`` lists them.
"""

from __future__ import annotations

from .checks.vocabulary import (
    Condition,
    after_other_role,
    alias,
    calls,
    chars,
    has_assistant,
    in_language,
    is_first,
    is_last,
    is_second_system,
    kind,
    narration,
    ordered,
    previous_kind,
    previous_role,
    previous_speaker,
    prompt_only,
    role,
    role_raw,
    speaker,
    text,
    turn,
    weight,
    words,
)

__all__ = [
    "Condition",
    "after_other_role",
    "alias",
    "calls",
    "chars",
    "has_assistant",
    "in_language",
    "is_first",
    "is_last",
    "is_second_system",
    "kind",
    "narration",
    "ordered",
    "previous_kind",
    "previous_role",
    "previous_speaker",
    "prompt_only",
    "role",
    "role_raw",
    "speaker",
    "text",
    "turn",
    "weight",
    "words",
]
