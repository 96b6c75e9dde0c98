"""The types of a message, a content part and a tool, as the models of mistral-common declare them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from .reasons import because
from .records import shown
from .target import Reason

_NAME = re.compile(r"^[a-zA-Z0-9_-]{1,64}$")
_NAME_RULE = "must be a-z, A-Z, 0-9, or contain underscores and dashes, with a maximum length of 64"

_KEYS: Mapping[str, tuple[str, ...]] = {
    "system": ("role", "content"),
    "user": ("role", "content"),
    "assistant": ("role", "content", "tool_calls", "prefix", "weight"),
    "tool": ("role", "content", "tool_call_id", "name"),
}
# Content parts a role may hold, by the tokenizer version from which on it may.
_PARTS: Mapping[str, Mapping[str, int]] = {
    "system": {"text": 1, "thinking": 7},
    "user": {"text": 1, "image": 3, "image_url": 3},
    "assistant": {"text": 1, "thinking": 11},
    "tool": {"text": 1},
}
_PART_KEYS: Mapping[str, tuple[str, ...]] = {
    "text": ("type", "text"),
    "thinking": ("type", "thinking", "closed"),
    "image": ("type", "image"),
    "image_url": ("type", "image_url"),
}
_TRUE = frozenset("1 true t yes y on".split())
_FALSE = frozenset("0 false f no n off".split())
_TYPES = frozenset("array boolean integer null number object string".split())


def flag(value: Any) -> bool | None:
    """A value where true or false is wanted, as pydantic understands it; None if it does not."""
    if isinstance(value, bool | int | float):
        return bool(value) if value in (0, 1) else None
    if isinstance(value, str):
        word = value.lower()
        return True if word in _TRUE else False if word in _FALSE else None
    return None


def message_problems(message: Any, turn: int | None, images: bool, version: str) -> Iterator[Reason]:
    """What is wrong with one message by itself, its place left aside."""
    if not isinstance(message, dict):
        yield because("not_a_conversation", f"Mistral wants objects; this message is {shown(message)}.", turn)
        return
    role = message.get("role")
    if not isinstance(role, str) or role not in _KEYS:
        says = f"Mistral takes the roles system, user, assistant and tool, not {shown(role)}."
        yield because("role_unknown" if "role" in message else "key_missing", says, turn)
        return
    for key in message:
        if key not in _KEYS[role]:
            says = f"Mistral: Extra inputs are not permitted: `{key}` in a message of the {role}."
            yield because("key_unknown", says, turn)
    if "content" not in message and role != "assistant":
        yield because("key_missing", f"Mistral wants a `content` in a message of the {role}.", turn)
    elif (content := message.get("content")) is not None or role != "assistant":
        yield from _content(content, role, turn, images, int(version[1:]))
    if role == "assistant":
        yield from _assistant(message, turn)
    elif role == "tool":
        yield from _tool_answer(message, turn)


def _content(content: Any, role: str, turn: int | None, images: bool, version: int) -> Iterator[Reason]:
    if isinstance(content, str):
        return
    if not isinstance(content, list):
        says = f"Mistral wants a text or a list of parts; the content is {shown(content)}."
        yield because("content_type", says, turn)
        return
    for part in content:
        kind = part.get("type") if isinstance(part, dict) else None
        if not isinstance(kind, str):
            yield because("content_type", "Mistral wants parts that are objects with a `type`.", turn)
        elif version < _PARTS[role].get(kind, 99):
            says = f"Mistral takes no part of type {shown(kind)} in a message of the {role}."
            yield because("part_refused", says, turn)
        elif (wrong := _part(part, kind, images)) is not None:
            yield because("part_refused" if "image" in kind else "content_type", wrong, turn)


def _part(part: Mapping[str, Any], kind: str, images: bool) -> str | None:
    """What is wrong with a part of a type that is allowed."""
    stray = next((key for key in part if key not in _PART_KEYS[kind]), None)
    if stray is not None:
        return f"Mistral: Extra inputs are not permitted: `{stray}` in a part of type {kind}."
    if kind in ("text", "thinking"):
        if not isinstance(part.get(kind), str):
            return f"Mistral wants a text under `{kind}` in a part of type {kind}."
        return None
    if not images:
        return "Mistral: the tokenizer has no image encoder (images: true for one that has)."
    held = part.get(kind)
    url = held.get("url") if isinstance(held, dict) else held
    return None if isinstance(url, str) else f"Mistral wants a text under `{kind}`, or under its `url`."


def _assistant(message: Mapping[str, Any], turn: int | None) -> Iterator[Reason]:
    if "prefix" in message and flag(message["prefix"]) is None:
        yield because("content_type", "Mistral wants true or false under `prefix`.", turn)
    weight = message.get("weight")
    if weight is not None and _number(weight) not in (0, 1):
        says = f"Mistral: Assistant message weight must be either 0 or 1; it is {shown(weight)}."
        yield because("weight_invalid", says, turn)
    calls = message.get("tool_calls")
    if calls is not None and not isinstance(calls, list):
        says = f"Mistral wants a list under `tool_calls`, not {shown(calls)}."
        yield because("tools_invalid", says, turn)
        return
    for call in calls or ():
        if (wrong := _call(call)) is not None:
            yield because("tools_invalid", wrong, turn)


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _call(call: Any) -> str | None:
    """What is wrong with a tool call."""
    if not isinstance(call, dict):
        return f"Mistral wants tool calls that are objects, not {shown(call)}."
    stray = next((key for key in call if key not in ("id", "type", "function")), None)
    if stray is not None:
        return f"Mistral: Extra inputs are not permitted: `{stray}` in a tool call."
    if not isinstance(call.get("id", ""), str) or call.get("type", "function") != "function":
        return "Mistral wants a text as the `id` of a tool call, and the `type` function."
    function = call.get("function")
    if not isinstance(function, dict) or set(function) != {"name", "arguments"}:
        return "Mistral wants `name` and `arguments`, and nothing else, in the `function` of a tool call."
    if not isinstance(function["arguments"], str | dict | None):
        return f"Mistral wants the arguments as a text or an object, not {shown(function['arguments'])}."
    return _name(function["name"])


def _name(name: Any) -> str | None:
    if isinstance(name, str) and _NAME.match(name):
        return None
    return f"Mistral: Function name was {name if isinstance(name, str) else shown(name)} but {_NAME_RULE}."


def _tool_answer(message: Mapping[str, Any], turn: int | None) -> Iterator[Reason]:
    one = message.get("tool_call_id")
    if one is not None and not isinstance(one, str):
        says = f"Mistral wants a text as the id of a tool call, not {shown(one)}."
        yield because("tools_invalid", says, turn)
    name = message.get("name")
    if name is not None and (wrong := _name(name)) is not None:
        yield because("tools_invalid", wrong, turn)


def tool_problems(tools: Any) -> Iterator[Reason]:
    """What is wrong with the tool definitions of a row."""
    if tools is None:
        return
    if not isinstance(tools, list):
        yield because("tools_invalid", f"Mistral wants a list under `tools`, not {shown(tools)}.")
        return
    for tool in tools:
        if (wrong := _tool(tool)) is not None:
            yield because("tools_invalid", wrong)


def _tool(tool: Any) -> str | None:
    """What is wrong with a tool definition."""
    function = tool.get("function") if isinstance(tool, dict) else None
    if not isinstance(function, dict) or tool.get("type", "function") != "function":
        return "Mistral wants tools of type function, each with an object under `function`."
    stray = next((key for key in tool if key not in ("type", "function")), None)
    if stray is None:
        known = ("name", "description", "parameters", "strict")
        stray = next((key for key in function if key not in known), None)
    if stray is not None:
        return f"Mistral: Extra inputs are not permitted: `{stray}` in a tool."
    if not isinstance(function.get("description", ""), str) or flag(function.get("strict", False)) is None:
        return "Mistral wants a text as the description of a tool, and true or false under `strict`."
    if not isinstance(function.get("parameters"), dict):
        return "Mistral wants an object under `parameters` of a tool."
    if not _is_schema(function["parameters"]):
        return "Mistral: Invalid tool schema; `parameters` is no JSON Schema (draft 7)."
    return _name(function.get("name"))


def _is_schema(schema: Any) -> bool:
    """Whether the commonest keywords of JSON Schema have values of the right type; the rarer ones are not looked at."""
    if not isinstance(schema, dict):
        return isinstance(schema, bool)
    kind = schema.get("type", "object")
    kinds = kind if isinstance(kind, list) and kind else [kind]
    required = schema.get("required", [])
    properties = schema.get("properties", {})
    items = schema.get("items", True)
    return (
        all(isinstance(one, str) and one in _TYPES for one in kinds)
        and isinstance(required, list)
        and all(isinstance(one, str) for one in required)
        and len(set(required)) == len(required)
        and isinstance(properties, dict)
        and all(map(_is_schema, properties.values()))
        and all(map(_is_schema, items if isinstance(items, list) else [items]))
        and isinstance(schema.get("enum", []), list)
        and all(isinstance(schema.get(key, ""), str) for key in ("description", "title", "format", "pattern"))
        and _is_schema(schema.get("additionalProperties", True))
    )
