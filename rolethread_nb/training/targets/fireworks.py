"""Fireworks fine-tuning: what its documentation says of a row. Its client looks at no row; nothing here is measured."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ...core.model import Conversation
from .reasons import because
from .records import Numbering, loss_weights, numbering, shown
from .target import Context, Forecast, Judge, Reason, Shape, documented

_LEAST_ROWS, _MOST_ROWS = 3, 3_000_000
_ROLES = ("system", "user", "assistant", "tool")


def _refuses_file(shape: Shape, context: Context) -> str | None:
    if not _LEAST_ROWS <= shape.rows <= _MOST_ROWS:
        return f"Fireworks takes {_LEAST_ROWS} to {_MOST_ROWS:,} examples; there are {shape.rows:,}."
    return None


def _judge(shape: Shape, context: Context) -> Judge:
    row_weights = "weight" in shape.keys

    def judge(conversation: Conversation) -> Forecast:
        reasons = tuple(_row(conversation, row_weights))
        harmed = any(reason.outcome == "refused" for reason in reasons)
        return Forecast(reasons, weights={} if harmed else _weights(conversation))

    return judge


def _row(conversation: Conversation, row_weights: bool) -> Iterator[Reason]:
    record = conversation.raw
    messages = record.get("messages") if isinstance(record, dict) else None
    if not isinstance(messages, list):
        yield because("not_a_conversation", "Fireworks reads a list under `messages`, and there is none.")
        return
    if not messages:
        yield because("no_turns", "Fireworks wants at least one message.")
        return
    if row_weights and not _is_number(record.get("weight")):
        says = "Fireworks wants a number as the `weight` of every row or of none; other rows have one."
        yield because("weight_invalid", says)
    turn_of = numbering(conversation, "messages")
    wrong = [reason for at, message in enumerate(messages) for reason in _message(message, turn_of(at))]
    yield from wrong
    if not wrong:
        yield from _answers(messages, turn_of)


def _message(message: Any, turn: int | None) -> Iterator[Reason]:
    if not isinstance(message, dict):
        yield because(
            "not_a_conversation", f"Fireworks wants objects; this message is {shown(message)}.", turn
        )
        return
    role = message.get("role")
    if not isinstance(role, str) or role not in _ROLES:
        says = f"Fireworks takes the roles {', '.join(_ROLES)}, not {shown(role)}."
        yield because("role_unknown" if "role" in message else "key_missing", says, turn)
    content = message.get("content")
    if content is None and role == "assistant" and message.get("tool_calls"):
        content = ""
    if not isinstance(content, str | list):
        code = "content_type" if "content" in message else "key_missing"
        yield because(code, f"Fireworks wants a text as the content, which is {shown(content)}.", turn)
    weight = message.get("weight", 1)
    if not isinstance(weight, int) or weight not in (0, 1):
        yield because("weight_invalid", f"Fireworks takes the weights 0 and 1, not {shown(weight)}.", turn)


def _answers(messages: list[Any], turn_of: Numbering) -> Iterator[Reason]:
    answers = [message for message in messages if message["role"] == "assistant"]
    if not answers:
        yield because("no_answer", "Fireworks trains the assistant's messages, and there are none.")
    elif not any(message.get("weight", 1) for message in answers):
        yield because("nothing_trained", "Every message of the assistant has the weight 0.")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _weights(conversation: Conversation) -> dict[int, float]:
    """Those of the turns, times the one of the row."""
    whole = float(conversation.raw.get("weight", 1))
    return loss_weights(conversation, lambda message: whole * message.get("weight", 1))


TARGETS = (
    documented(
        "fireworks",
        "Fireworks",
        _judge,
        _refuses_file,
        "Fireworks's client checks only the file's extension and that it is not empty; the rows are looked at after the upload.",
    ),
)
