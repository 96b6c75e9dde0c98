"""Laying conversations down in another layout, and saying what it cannot hold."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ..core.model import Conversation, Message
from ..sources.lists import pair_keys
from ..sources.reading import escaped, steps
from ..sources.roles import SHAREGPT, role_word, understand
from .written_numbers import as_text, read


@dataclass(frozen=True, slots=True)
class Loss:
    """Something that a target layout cannot hold as it was.

    Attributes:
        conversation: 0-based position of the record in its source.
        turn: the turn, None for the conversation as a whole.
        what: what is lost or changed, in a few words.
        source: number of the source.
    """

    conversation: int
    turn: int | None
    what: str
    source: int = 0


class CannotHold(Exception):  # noqa: N818 - an outcome, not an error of the program
    """A layout has no place for a conversation; the message says why, in a few words."""


class Losses:
    """Collects the losses of one conversation."""

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation
        self.found: list[Loss] = []

    def add(self, turn: int | None, what: str) -> None:
        """One loss."""
        self.found.append(Loss(self._conversation.index, turn, what, self._conversation.source_index))


# A target: the record of a conversation in another layout, given where losses go. It raises CannotHold where there is none.
Target = Callable[[Conversation, Losses], dict[str, Any]]


def to_messages(conversation: Conversation, losses: Losses) -> dict[str, Any]:
    """The record as ``{"messages": [{"role", "content"}]}``; other keys stay."""
    return with_turns(conversation, {"messages": _sided(conversation, losses, as_message)}, losses)


def to_sharegpt(conversation: Conversation, losses: Losses) -> dict[str, Any]:
    """The record as ``{"conversations": [{"from", "value"}]}``; other keys stay."""
    turns = _sided(conversation, losses, _as_sharegpt)
    flat = [one for turn in turns for one in (turn if isinstance(turn, list) else [turn])]
    return with_turns(conversation, {"conversations": flat}, losses)


AsTurn = Callable[[Message, int, Losses], Any]


def _sided(conversation: Conversation, losses: Losses, lay: AsTurn) -> list[Any]:
    """The turns, of a preference pair those of the prompt and the chosen side."""
    turns = []
    lost = False
    for turn, message in enumerate(conversation.messages):
        if message.side == "rejected":
            lost = True
            continue
        turns.append(lay(message, turn, losses))
    if lost:
        losses.add(None, "The rejected answer was left out, since the layout has one answer")
    return turns


def as_message(message: Message, turn: int, losses: Losses, asks_for_ids: str | None = "OpenAI") -> Any:
    """One turn as ``{"role", "content"}``, with the other keys it has. ``asks_for_ids``: who wants an id in a tool call."""
    if message.kind == "not_object":
        losses.add(turn, "A turn that is no object was kept as it is")
        return message.raw
    if message.role is None:
        losses.add(turn, "A role that is not known was kept as it is")
    out: dict[str, Any] = {"role": message.role or message.role_raw, "content": message.content}
    named = _named(message)
    if not isinstance(message.raw, dict) or _is_put_together(message):
        return {**out, **named}
    if message.role_raw in ("function_call", "tool_call") and (call := _call(message.text)) is not None:
        out = {"role": "assistant", "content": None, "tool_calls": [call]}
        others = other_keys(message)
        if "tool_call_id" in others:
            call["id"] = others.pop("tool_call_id")
            return {**out, **others}
        if asks_for_ids is not None:
            losses.add(turn, f"A tool call has no id, which {asks_for_ids} asks for")
    return {**_beside(out, message, turn, losses), **named}


def _named(message: Message) -> dict[str, str]:
    """The speaker's name: the one a layout knows, or a label of the speaker's own that was mapped to a role."""
    if message.name is not None:
        return {"name": message.name}
    label = message.role_raw
    if message.role is None or label is None or understand(label, SHAREGPT).role is not None:
        return {}
    return {"name": label}


def _is_put_together(message: Message) -> bool:
    """Whether the text was put together from keys of the record itself, rather than from those of a message."""
    return bool(message.parts) and not message.parts[0].pointer.startswith(f"{message.pointer}/")


def _as_sharegpt(message: Message, turn: int, losses: Losses) -> Any:
    if message.kind == "not_object":
        losses.add(turn, "A turn that is no object was kept as it is")
        return message.raw
    word = message.role_raw if message.role is None else role_word(message.role, "sharegpt")
    if message.role_raw in ("function_call", "tool_call"):
        word = "function_call"
    named = _named(message)
    if message.role == "developer":
        losses.add(turn, "The role developer became system")
    elif message.role is None:
        losses.add(turn, "A role that is not known was kept as it is")
    out = {"from": word, "value": message.content}
    if isinstance(message.content, list):
        losses.add(turn, "Typed parts were kept as a list, where ShareGPT expects text")
    if named:
        losses.add(turn, "A speaker's name was kept as an extra key, which ShareGPT readers ignore")
    if not isinstance(message.raw, dict) or _is_put_together(message):
        return {**out, **named}
    others = {**_beside(dict(out), message, turn, losses), **named}
    del others["from"], others["value"]
    calls = others.get("tool_calls")
    if not (isinstance(calls, list) and calls):
        return {**out, **others}
    del others["tool_calls"]
    turns: list[dict[str, Any]] = []
    if message.content not in (None, "", []):
        turns.append({**out, **others})
        others = {}
    for call in calls:
        named = {"tool_call_id": call["id"]} if isinstance(call, dict) and call.get("id") else {}
        turns.append({"from": "function_call", "value": _call_text(call), **named, **others})
        others = {}
        if named:
            losses.add(turn, "The id of a tool call was kept as an extra key, which ShareGPT readers ignore")
    if len(calls) > 1:
        losses.add(turn, "Parallel tool calls became one turn each")
    return turns


def consumed_keys(conversation: Conversation) -> list[str]:
    """The top-level keys of the record that its turns were read from, in the record's order."""
    reading, raw = conversation.reading, conversation.raw
    if not isinstance(raw, dict):
        return []
    names = {*steps(reading.pointer)[:1], *reading.keys}
    if reading.system is not None:
        names.add(reading.system_key)
    return [key for key in raw if key in names]


def with_turns(conversation: Conversation, laid: dict[str, Any], losses: Losses) -> dict[str, Any]:
    """The record with ``laid`` in the place of what its turns were read from; other keys stay."""
    raw = conversation.raw
    _say_what_stands_beside_turns(conversation, losses)
    if not isinstance(raw, dict):
        return laid
    consumed = consumed_keys(conversation)
    record: dict[str, Any] = {}
    for key, value in raw.items():
        if key in consumed:
            if key == consumed[0] or (laid.keys().isdisjoint(record) and key == consumed[-1]):
                record.update(laid)
            if key == "input" and isinstance(value, dict):  # OpenAI keeps tools there
                record.update(
                    {name: kept for name, kept in value.items() if name != "messages" and name not in raw}
                )
        elif key in laid:
            if isinstance(value, list):
                losses.add(None, f"A second list of turns under {key} was left out")
            else:
                losses.add(None, f"What stood under {key} was left out")
        else:
            record[key] = value
    return record if consumed else {**laid, **record}


def _say_what_stands_beside_turns(conversation: Conversation, losses: Losses) -> None:
    """Name the keys of an exchange that are no part of its turns, and that no turn can carry."""
    if conversation.reading.slots is None:
        return
    raw = conversation.raw
    used = {slot.pointer for slot in conversation.reading.slots}
    lists: list[tuple[str, Any]] = [("", raw)]
    if isinstance(raw, dict):
        lists = [(f"/{escaped(key)}", raw[key]) for key in consumed_keys(conversation)]
    for place, items in lists:
        for at, item in enumerate(items if isinstance(items, list) else ()):
            if pair_keys(item) is None:
                continue
            for key, value in item.items():
                if f"{place}/{at}/{escaped(key)}" not in used and value not in (None, ""):
                    losses.add(None, f"The key {key} beside a turn was left out")


def _beside(out: dict[str, Any], message: Message, turn: int, losses: Losses) -> dict[str, Any]:
    """A converted turn with the other keys of its message. One that would stand in the place of the role or text is a loss."""
    for key, value in other_keys(message).items():
        if key not in out:
            out[key] = value
        elif value is not None and value != out[key]:
            losses.add(turn, f"A second {key} beside the one that was read was left out")
    return out


def other_keys(message: Message) -> dict[str, Any]:
    """The keys of a message that neither its role nor its text was read from."""
    if not isinstance(message.raw, dict) or _is_put_together(message):
        return {}
    read = {message.role_key, message.content_key}
    if message.parts:
        read |= {part.pointer[len(message.pointer) + 1 :].partition("/")[0] for part in message.parts}
        read.add(next((key for key, value in message.raw.items() if value == message.role_raw), None))
    return {key: value for key, value in message.raw.items() if key not in read}


def _call(text: str) -> dict[str, Any] | None:
    try:
        value = read(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict) or not isinstance(value.get("name"), str):
        return None
    arguments = value.get("arguments", {})
    if not isinstance(arguments, str):
        arguments = as_text(arguments, {})
    return {"type": "function", "function": {"name": value["name"], "arguments": arguments}}


def _call_text(call: Any) -> str:
    function = call.get("function", call) if isinstance(call, dict) else call
    if not isinstance(function, dict):
        return json.dumps(call, ensure_ascii=False)
    arguments = function.get("arguments")
    if isinstance(arguments, str):
        with contextlib.suppress(ValueError, RecursionError):
            arguments = read(arguments)
    return as_text({"name": function.get("name"), "arguments": arguments}, {})


def messages_of(messages: Sequence[tuple[int, Message]], losses: Losses) -> list[Any]:
    """Turns as messages."""
    return [as_message(message, turn, losses) for turn, message in messages]
