"""Laying turns down in another layout, and saying what it cannot hold."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..core.model import Conversation, Message
from ..sources.roles import role_word


@dataclass(frozen=True, slots=True)
class Loss:
    """Something that a target layout cannot hold as it was."""

    conversation: int
    turn: int | None
    what: str


def to_messages(conversation: Conversation) -> tuple[dict[str, Any], list[Loss]]:
    """The record as ``{"messages": [{"role", "content"}]}``; other keys stay."""
    losses: list[Loss] = []
    turns: list[Any] = []
    for turn, message in enumerate(conversation.messages):
        if not isinstance(message.raw, dict):
            turns.append(_text_or_raw(message))
            if message.kind == "not_object":
                losses.append(Loss(conversation.index, turn, "A turn that is no object was kept as it is"))
            continue
        if message.role is None:
            losses.append(Loss(conversation.index, turn, "A role that is not known was kept as it is"))
        out: dict[str, Any] = {"role": message.role or message.role_raw, "content": message.content}
        if message.role_raw in ("function_call", "tool_call") and (call := _call(message.text)) is not None:
            out = {"role": "assistant", "content": None, "tool_calls": [call]}
            if "tool_call_id" in message.raw:
                call["id"] = message.raw["tool_call_id"]
                turns.append({**out, **{k: v for k, v in _others(message).items() if k != "tool_call_id"}})
                continue
            losses.append(Loss(conversation.index, turn, "A tool call has no id, which OpenAI asks for"))
        turns.append(_beside(out, message, turn, conversation, losses))
    return _record(conversation, "messages", turns, losses), losses


def to_sharegpt(conversation: Conversation) -> tuple[dict[str, Any], list[Loss]]:
    """The record as ``{"conversations": [{"from", "value"}]}``; other keys stay."""
    losses: list[Loss] = []
    turns: list[Any] = []

    def lose(turn: int, what: str) -> None:
        losses.append(Loss(conversation.index, turn, what))

    for turn, message in enumerate(conversation.messages):
        if message.kind == "not_object":
            turns.append(message.raw)
            lose(turn, "A turn that is no object was kept as it is")
            continue
        if not isinstance(message.raw, dict):
            turns.append({"from": "system", "value": message.text})
            continue
        word = message.role_raw if message.role is None else role_word(message.role, "sharegpt")
        if message.role == "developer":
            lose(turn, "The role developer became system")
        elif message.role is None:
            lose(turn, "A role that is not known was kept as it is")
        others = _beside({"from": word, "value": message.content}, message, turn, conversation, losses)
        del others["from"], others["value"]
        if message.name is not None:
            lose(turn, "A speaker's name was kept as an extra key, which ShareGPT readers ignore")
        if isinstance(message.content, list):
            lose(turn, "Typed parts were kept as a list, where ShareGPT expects text")
        calls = others.get("tool_calls")
        if not (isinstance(calls, list) and calls):
            turns.append({"from": word, "value": message.content, **others})
            continue
        del others["tool_calls"]
        if message.content not in (None, "", []):
            turns.append({"from": word, "value": message.content, **others})
            others = {}
        for call in calls:
            named = {"tool_call_id": call["id"]} if isinstance(call, dict) and call.get("id") else {}
            turns.append({"from": "function_call", "value": _call_text(call), **named, **others})
            others = {}
            if named:
                lose(turn, "The id of a tool call was kept as an extra key, which ShareGPT readers ignore")
        if len(calls) > 1:
            lose(turn, "Parallel tool calls became one turn each")
    return _record(conversation, "conversations", turns, losses), losses


def _record(conversation: Conversation, key: str, turns: list[Any], losses: list[Loss]) -> dict[str, Any]:
    """The record with its turns under ``key``, in the place of the old list."""
    raw = conversation.raw
    if not isinstance(raw, dict):
        return {key: turns}
    old = conversation.reading.pointer[1:].replace("~1", "/").replace("~0", "~")
    record: dict[str, Any] = {}
    for name, value in raw.items():
        if name == old:
            record[key] = turns
        elif name == key:
            losses.append(Loss(conversation.index, None, f"A second list of turns under {name} was left out"))
        elif not (name == "system" and conversation.reading.system is not None):
            record[name] = value
    return record


def _beside(
    out: dict[str, Any], message: Message, turn: int, conversation: Conversation, losses: list[Loss]
) -> dict[str, Any]:
    """A converted turn with the other keys of its message. One that would stand in the place of the role or text is a loss."""
    for key, value in message.raw.items():
        if key in (message.role_key, message.content_key):
            continue
        if key not in out:
            out[key] = value
        elif value is not None and value != out[key]:
            losses.append(
                Loss(conversation.index, turn, f"A second {key} beside the one that was read was left out")
            )
    return out


def _others(message: Message) -> dict[str, Any]:
    return {
        key: value for key, value in message.raw.items() if key not in (message.role_key, message.content_key)
    }


def _text_or_raw(message: Message) -> Any:
    """A system prompt that stood beside the list becomes a message; what is no object stays."""
    return {"role": "system", "content": message.text} if message.kind == "text" else message.raw


def _call(text: str) -> dict[str, Any] | None:
    try:
        value = json.loads(text)
    except ValueError:
        return None
    if not isinstance(value, dict) or not isinstance(value.get("name"), str):
        return None
    arguments = value.get("arguments", {})
    if not isinstance(arguments, str):
        arguments = json.dumps(arguments, ensure_ascii=False)
    return {"type": "function", "function": {"name": value["name"], "arguments": arguments}}


def _call_text(call: Any) -> str:
    function = call.get("function", call) if isinstance(call, dict) else call
    if not isinstance(function, dict):
        return json.dumps(call, ensure_ascii=False)
    arguments = function.get("arguments")
    if isinstance(arguments, str):
        with contextlib.suppress(ValueError):
            arguments = json.loads(arguments)
    return json.dumps({"name": function.get("name"), "arguments": arguments}, ensure_ascii=False)


TARGETS: dict[str, Callable[[Conversation], tuple[dict[str, Any], list[Loss]]]] = {
    "messages": to_messages,
    "sharegpt": to_sharegpt,
}
