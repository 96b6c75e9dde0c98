"""OpenAI fine-tuning: what its API reference and guides say of a row. The service checks it after the upload; nothing here is measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ...core.model import Conversation
from .reasons import because
from .records import Numbering, loss_weights, numbering, shown
from .target import Context, Forecast, Judge, Reason, Shape, documented

_LEAST_ROWS = 10
_ROW_KEYS = ("messages", "tools", "parallel_tool_calls", "functions")
_PREFERENCE_KEYS = ("input", "preferred_output", "non_preferred_output")
_ROLES = ("system", "user", "assistant", "tool", "function")
_MESSAGE_KEYS: Mapping[str, tuple[str, ...]] = {
    "system": ("role", "content", "name"),
    "user": ("role", "content", "name"),
    "assistant": ("role", "content", "name", "weight", "refusal", "audio", "tool_calls", "function_call"),
    "tool": ("role", "content", "tool_call_id"),
    "function": ("role", "content", "name"),
}


def _refuses_file(shape: Shape, context: Context) -> str | None:
    if shape.rows < _LEAST_ROWS:
        return f"OpenAI wants at least {_LEAST_ROWS} examples; there are {shape.rows}."
    return None


def _judge(shape: Shape, context: Context) -> Judge:
    def judge(conversation: Conversation) -> Forecast:
        reasons = tuple(_row(conversation))
        return Forecast(reasons, weights={} if reasons else loss_weights(conversation))

    return judge


def _row(conversation: Conversation) -> Iterator[Reason]:
    record = conversation.raw
    if isinstance(record, dict) and all(key in record for key in _PREFERENCE_KEYS):
        yield from _preference(record, numbering(conversation, "input", "messages"))
        return
    if not isinstance(record, dict) or not isinstance(record.get("messages"), list):
        yield because("not_a_conversation", "OpenAI reads a list under `messages`, and there is none.")
        return
    yield from _strays(record, _ROW_KEYS)
    messages, turn_of = record["messages"], numbering(conversation, "messages")
    yield from _messages(messages, turn_of)
    if messages and not any(isinstance(one, dict) and one.get("role") == "assistant" for one in messages):
        yield because("no_answer", "OpenAI wants a message of the assistant in every example.")


def _strays(record: Mapping[str, Any], known: tuple[str, ...]) -> Iterator[Reason]:
    for key in record:
        if key not in known:
            says = f"OpenAI names the keys {', '.join(known)} for a row; `{key}` is none of them."
            yield because("key_unknown", says)


def _messages(messages: list[Any], turn_of: Numbering) -> Iterator[Reason]:
    if not messages:
        yield because("no_turns", "OpenAI wants at least one message.")
    for at, message in enumerate(messages):
        yield from _message(message, turn_of(at))


def _message(message: Any, turn: int | None) -> Iterator[Reason]:
    if not isinstance(message, dict):
        yield because("not_a_conversation", f"OpenAI wants objects; this message is {shown(message)}.", turn)
        return
    role = message.get("role")
    if not isinstance(role, str) or role not in _ROLES:
        says = f"OpenAI takes the roles {', '.join(_ROLES)}, not {shown(role)}."
        yield because("role_unknown" if "role" in message else "key_missing", says, turn)
        return
    for key in message:
        if key == "weight" and role != "assistant":
            yield because(
                "weight_invalid", f"OpenAI takes a weight on the assistant, not on the {role}.", turn
            )
        elif key not in _MESSAGE_KEYS[role]:
            says = f"OpenAI names no key `{key}` for a message of the {role}."
            yield because("key_unknown", says, turn)
    weight = message.get("weight", 1)
    if role == "assistant" and (
        not isinstance(weight, int) or isinstance(weight, bool) or weight not in (0, 1)
    ):
        yield because("weight_invalid", f"OpenAI takes the weights 0 and 1, not {shown(weight)}.", turn)
    yield from _content(message, role, turn)
    yield from _calls(message, role, turn)


def _content(message: Mapping[str, Any], role: str, turn: int | None) -> Iterator[Reason]:
    content = message.get("content")
    silent = role == "function" or (role == "assistant" and _says_otherwise(message))
    if (content is None and silent) or isinstance(content, str):
        return
    if not isinstance(content, list):
        code = "content_type" if "content" in message else "key_missing"
        yield because(code, f"OpenAI wants a text or a list of parts; the content is {shown(content)}.", turn)
        return
    allowed = {"user": ("text", "image_url"), "assistant": ("text", "refusal")}.get(role, ("text",))
    for part in content:
        kind = part.get("type") if isinstance(part, dict) else None
        if kind not in allowed:
            says = f"OpenAI takes parts of type {' or '.join(allowed)} from the {role}, not {shown(kind)}."
            yield because("part_refused", says, turn)


def _says_otherwise(message: Mapping[str, Any]) -> bool:
    """Whether the assistant calls a tool or declines, and needs no content."""
    return any(message.get(key) for key in ("tool_calls", "function_call", "refusal", "audio"))


def _calls(message: Mapping[str, Any], role: str, turn: int | None) -> Iterator[Reason]:
    if role == "tool" and not isinstance(message.get("tool_call_id"), str):
        yield because("tools_invalid", "OpenAI wants a `tool_call_id` in the answer of a tool.", turn)
    calls = message.get("tool_calls") if role == "assistant" else None
    if calls is not None and not isinstance(calls, list):
        yield because("tools_invalid", f"OpenAI wants a list of tool calls, not {shown(calls)}.", turn)
        return
    for call in calls or ():
        function = call.get("function") if isinstance(call, dict) else None
        if not isinstance(function, dict) or not isinstance(function.get("name"), str):
            yield because("tools_invalid", "OpenAI wants a function with a name in a tool call.", turn)
        elif not isinstance(function.get("arguments"), str):
            says = f"OpenAI wants the arguments as a text, not {shown(function.get('arguments'))}."
            yield because("tools_invalid", says, turn)
        elif not isinstance(call.get("id"), str):
            yield because("tools_invalid", "OpenAI wants an `id` in a tool call.", turn)


def _preference(record: Mapping[str, Any], turn_of: Numbering) -> Iterator[Reason]:
    yield from _strays(record, _PREFERENCE_KEYS)
    asked = record["input"]
    messages = asked.get("messages") if isinstance(asked, dict) else None
    if not isinstance(messages, list):
        yield because("key_missing", "OpenAI wants an object with `messages` under `input`.")
    else:
        yield from _messages(messages, turn_of)
    for key in _PREFERENCE_KEYS[1:]:
        answer = record[key]
        if not isinstance(answer, list) or len(answer) != 1:
            yield because("not_a_conversation", f"OpenAI wants a list of exactly one message under `{key}`.")
        elif not isinstance(answer[0], dict) or answer[0].get("role") != "assistant":
            yield because("role_unknown", f"OpenAI wants a message of the assistant under `{key}`.")
        else:
            yield from _message(answer[0], None)


TARGETS = (
    documented(
        "openai",
        "OpenAI",
        _judge,
        _refuses_file,
        "OpenAI cuts examples at the token limit of the model; which that is, is not said here.",
    ),
)
