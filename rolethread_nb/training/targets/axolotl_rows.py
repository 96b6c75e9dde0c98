"""What of a record Axolotl reads: its turns, as they go to the chat template, and its tools."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...core.model import Conversation
from ..prepared import plain
from .reasons import RowError
from .records import Numbering, message_keys, shown, turns_key
from .target import Context, Shape

_ROLES: Mapping[str, str] = {
    "human": "user",
    "user": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "system": "system",
    "tool": "tool",
}
THINKING = "reasoning_content"


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn as Axolotl gives it to the template.

    Attributes:
        message: what the template gets.
        turn: its number in ``Conversation.messages``.
        wish: what the record says about training it, if ``message_field_training`` names a key.
        parts: of a list of parts with training flags: each text with its flag.
        lost: the kind of a content part that has no text, and so is left out.
    """

    message: Mapping[str, Any]
    turn: int | None
    wish: Any = None
    parts: Sequence[tuple[str, bool]] = ()
    lost: Any = None


def without_null(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: without_null(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [without_null(item) for item in value]
    return value


class Reader:
    """Reads the records of one file, as one entry of a configuration says."""

    def __init__(self, shape: Shape, context: Context) -> None:
        settings = context.settings
        self._settings = settings
        self.key: str = settings["field_messages"] or turns_key(shape)
        found = message_keys(shape, self.key)
        self._role_key = settings["field_role"] or found[0]
        self._text_key = settings["field_content"] or found[1]
        self.roles: Mapping[str, str] = {
            source: role
            for role, sources in (settings["roles"] or {}).items()
            for source in ([sources] if isinstance(sources, str) else sources)
        } or _ROLES
        # Keys that the template does not read are not handed to it, and not looked at.
        self._reads_calls = "tool_calls" in context.template.text

    def turns(self, conversation: Conversation, turn_of: Numbering) -> list[Turn]:
        """The turns as they go to the template.

        Raises:
            RowError: it stops here.
        """
        record = without_null(conversation.raw)
        messages = record.get(self.key) if isinstance(record, Mapping) else None
        if messages is None:
            says = "ValueError: Messages is null. Please check `field_messages`."
            raise RowError("not_a_conversation", says)
        if isinstance(messages, str):
            messages = _read(messages)
        if not isinstance(messages, list):
            says = f"ValueError: Unknown messages format. `{self.key}` is {shown(messages)}."
            raise RowError("not_a_conversation", says)
        if not messages:
            says = "The conversation has no turns: IndexError: list index out of range."
            raise RowError("no_turns", says)
        turns = [self._turn(message, at, turn_of(at)) for at, message in enumerate(messages)]
        beside = record.get(self._settings["field_system"])
        if turns[0].message["role"] != "system" and beside is not None:
            before = 0 if conversation.reading.system is not None else None
            turns.insert(0, Turn({"role": "system", "content": beside}, before))
        if self._settings["drop_system_message"] and turns[0].message["role"] == "system":
            turns = turns[1:]
        return turns

    def _turn(self, message: Any, at: int, turn: int | None) -> Turn:
        if not isinstance(message, Mapping):
            raise RowError("not_a_conversation", f"This message is {shown(message)}, no object.", at)
        given: dict[str, Any] = {}
        for name, key in (("role", self._role_key), ("content", self._text_key), (THINKING, THINKING)):
            if key in message:
                given[name] = message[key]
        if "role" not in given:
            raise RowError("key_missing", f"There is no `{self._role_key}`: KeyError: 'role'.", at)
        role = given["role"]
        if isinstance(role, list | dict):
            raise RowError("role_unknown", f"The role is {shown(role)}: TypeError: unhashable type.", at)
        given["role"] = self.roles.get(role, role)
        taken = {self._role_key, self._text_key, THINKING}
        given |= {key: value for key, value in message.items() if key not in taken and key not in given}
        if not self._reads_calls:
            given.pop("tool_calls", None)
        elif "tool_calls" in given:
            given["tool_calls"] = _calls(given["tool_calls"], at)
        field = self._settings["message_field_training"]
        wish = message.get(field) if field else None
        content = given.get("content")
        if not isinstance(content, list):
            return Turn(given, turn, wish)
        given["content"], parts = _joined(content, at)
        return Turn(given, turn, wish, parts, _lost(content))

    def tools(self, record: Mapping[str, Any]) -> list[Any] | None:
        tools = without_null(record).get(self._settings["field_tools"])
        if isinstance(tools, str):
            try:
                tools = json.loads(tools)
            except ValueError as error:
                raise RowError("tools_invalid", f"`tools` is a text that is no JSON: {error}.") from None
        if tools is None:
            return None
        if not isinstance(tools, list):
            says = f"ValueError: Unknown tools format. Please convert it into a list[dict]; it is {shown(tools)}."
            raise RowError("tools_invalid", says)
        return [_tool(tool) for tool in tools] or None


def _read(messages: str) -> Any:
    """Messages that stand in the record as a text of JSON."""
    try:
        return json.loads(messages)
    except ValueError as error:
        raise RowError("not_a_conversation", f"The messages are a text that is no JSON: {error}.") from None


def _calls(calls: Any, at: int) -> Any:
    """Tool calls with their arguments as objects."""
    if not calls:
        return calls
    changed = plain(calls)
    if not isinstance(changed, list | tuple):
        raise RowError("tools_invalid", f"`tool_calls` is {shown(calls)}, not a list.", at)
    for call in changed:
        function = call.get("function") if isinstance(call, dict) else None
        if not isinstance(call, dict | str | list) or ("function" in call and not isinstance(function, dict)):
            raise RowError("tools_invalid", "A tool call is not an object with a `function`.", at)
        if isinstance(function, dict) and isinstance(function.get("arguments"), str):
            try:
                function["arguments"] = json.loads(function["arguments"])
            except ValueError as error:
                says = f"JSONDecodeError: the arguments of a tool call are a text that is no JSON: {error}."
                raise RowError("tools_invalid", says, at) from None
    return changed


def _tool(tool: Any) -> Any:
    """A tool definition with its parameters as an object."""
    function = tool.get("function") if isinstance(tool, Mapping) else None
    if (
        isinstance(tool, Mapping)
        and isinstance(function, Mapping)
        and isinstance(function.get("parameters"), str)
    ):
        try:
            parameters = json.loads(function["parameters"])
        except ValueError as error:
            says = f"JSONDecodeError: the parameters of a tool are a text that is no JSON: {error}."
            raise RowError("tools_invalid", says) from None
        return {**tool, "function": {**function, "parameters": parameters}}
    return tool


def _lost(content: Sequence[Any]) -> Any:
    """The kind of the first content part that has no text, None if all have."""
    for part in content:
        if not isinstance(part, Mapping):
            return shown(part)
        if not (part.get("text") or part.get("content") or part.get("value")) and part.get("type") != "text":
            return part.get("type", "of no type")
    return None


def _joined(content: Sequence[Any], at: int) -> tuple[str, list[tuple[str, bool]]]:
    """A list of parts as one text, and each part with its training flag if any has one."""
    texts, flags, marked = [], [], False
    for part in content:
        if isinstance(part, Mapping):
            text = part.get("text") or part.get("content") or part.get("value") or ""
            if not isinstance(text, str):
                raise RowError("content_type", f"A part holds {shown(text)} where text is wanted.", at)
            train, weight = part.get("train"), part.get("weight")
            marked = marked or train is not None or weight is not None
            texts.append(text)
            flags.append(bool(train) if train is not None else weight is None or weight != 0)
    return "".join(texts), list(zip(texts, flags, strict=True)) if marked else []
