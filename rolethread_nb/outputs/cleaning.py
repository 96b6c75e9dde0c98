"""Training keys: what of a record a trainer reads."""

from __future__ import annotations

from typing import Any

from .layouts import Loss, Losses

# Top-level keys that the trainers of ``docs/formats.md`` read, in any of the layouts that are written.
RECORD_KEYS = frozenset(
    "messages conversations prompt completion chosen rejected label instruction input output system history tools"
    " parallel_tool_calls chat_template_kwargs images videos audios".split()
)
# Keys of a message that they read.
MESSAGE_KEYS = frozenset(
    "role content from value name tool_calls tool_call_id function_call weight train refusal reasoning reasoning_content thinking"
    " prefix images audio".split()
)
_TURNS = ("messages", "conversations", "prompt", "completion", "chosen", "rejected")


def cleaned(record: dict[str, Any], losses: Losses) -> dict[str, Any]:
    """The record with nothing but training keys, in the record and in its messages. What goes is said."""
    kept = {key: value for key, value in record.items() if key in RECORD_KEYS}
    for key in record:
        if key not in kept:
            losses.add(None, f"The key {key} was left out, as asked (clean)")
    for key in _TURNS:
        if isinstance(kept.get(key), list):
            kept[key] = [_cleaned_turn(turn, at, losses) for at, turn in enumerate(kept[key])]
        elif isinstance(kept.get(key), dict):
            kept[key] = _cleaned_turn(kept[key], None, losses)
    return kept


def _cleaned_turn(turn: Any, at: int | None, losses: Losses) -> Any:
    if not isinstance(turn, dict) or MESSAGE_KEYS.issuperset(turn):
        return turn
    for key in turn:
        if key not in MESSAGE_KEYS:
            losses.add(at, f"The key {key} of a turn was left out, as asked (clean)")
    return {key: value for key, value in turn.items() if key in MESSAGE_KEYS}


def is_clean(loss: Loss) -> bool:
    """Whether something was left out because that was asked for."""
    return loss.what.endswith("(clean)")
