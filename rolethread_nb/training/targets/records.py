"""What a trainer finds in the raw record: it knows nothing of our reading, only keys and values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ...core.model import Conversation
from ...sources.formats import describe
from ...sources.reading import escaped
from .target import Shape

# From a place in the trainer's list of messages to the turn in ``Conversation.messages``; None where that is no turn of ours.
Numbering = Callable[[int], int | None]


def numbering(conversation: Conversation, *keys: str) -> Numbering:
    """How the elements of the list under these keys are numbered with us: a system prompt beside the list is our turn 0."""
    reading = conversation.reading
    pointer = "".join(f"/{escaped(key)}" for key in keys)
    if reading.slots is not None or reading.pointer != pointer:
        # Read from several places, such as a prompt and two answers.
        numbers = {message.pointer: turn for turn, message in enumerate(conversation.messages)}
        return lambda at: numbers.get(f"{pointer}/{at}")
    before = int(reading.system is not None)
    turns = len(reading.turns)
    return lambda at: at + before if 0 <= at < turns else None


def shown(value: Any) -> str:
    """A value of the record in a sentence: short texts as they are, the rest described."""
    return repr(value) if isinstance(value, str) and len(value) <= 40 else describe(value)


def turns_key(shape: Shape) -> str:
    """The key under which the turns of a file stand, as a user would write it into a configuration."""
    first = shape.first
    if isinstance(first, Mapping):
        for key in ("messages", "conversations"):
            if key in first:
                return key
    return "messages"


def message_keys(shape: Shape, key: str) -> tuple[str, str]:
    """The keys of role and text, as a user would write them into a configuration: those of the first turn there is."""
    for record in shape.head:
        turns = record.get(key) if isinstance(record, Mapping) else None
        for turn in turns if isinstance(turns, list) else ():
            if isinstance(turn, Mapping):
                return ("from", "value") if "from" in turn and "role" not in turn else ("role", "content")
    return ("role", "content")


def _plain_weight(message: Mapping[str, Any]) -> float:
    return message.get("weight", 1)  # type: ignore[no-any-return]


def loss_weights(
    conversation: Conversation, weight_of: Callable[[Mapping[str, Any]], float] = _plain_weight
) -> dict[int, float]:
    """The weights of the assistant's turns under `messages`, by turn, if any of them is not 1."""
    record = conversation.raw
    messages = record.get("messages") if isinstance(record, Mapping) else None
    turn_of = numbering(conversation, "messages")
    found: dict[int, float] = {}
    for at, message in enumerate(messages if isinstance(messages, list) else ()):
        turn = turn_of(at)
        if turn is not None and isinstance(message, Mapping) and message.get("role") == "assistant":
            found[turn] = float(weight_of(message))
    return found if any(weight != 1 for weight in found.values()) else {}
