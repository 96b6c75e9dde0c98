"""Reading tool calls and their results, in every form that is seen.

OpenAI's ``tool_calls`` and ``function_call``, ShareGPT's turns whose text is a call, and typed parts come out as the same few facts.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from ..core.model import Message
from ..sources.formats import describe

CALL_LABELS = ("function_call", "tool_call")  # roles whose text is the call
CALL_PARTS = ("tool_call", "tool_use")
RESULT_PARTS = ("tool_result",)
# What a call looks like inside a reply (Hermes, Glaive, Mistral, Llama, Qwen): read by the model itself, so it is not judged here.
MARKS_OF_CALLS = (
    "<tool_call",
    "<|tool_call",
    "<function_call",
    "<functioncall",
    "<function=",
    "[TOOL_CALLS]",
    "<|python_tag|>",
    "<tool_use",
)
NAMES = ("name", "tool_name", "toolName")
_ARGUMENTS = ("arguments", "parameters", "args", "input")
_IDS = ("id", "tool_call_id", "tool_use_id", "call_id", "toolCallId")
_RESULT_IDS = ("tool_call_id", "tool_use_id", "call_id", "toolCallId")
_WRAPPERS = ("<tool_call>", "</tool_call>")
_EXCERPT = 60


class NotJsonError(ValueError):
    """A text that is no JSON."""


@dataclass(slots=True)
class Call:
    """One tool call.

    Attributes:
        name: the function, None if there is none.
        id: the id that its result carries, None if there is none.
        missing: what the call lacks, in words; empty if nothing.
        arguments: what is wrong with its arguments, in words; empty if nothing.
        many: it stands for several, and any number of results may follow.
        judged: whether anything is said about it.
    """

    name: str | None = None
    id: str | None = None
    missing: str = ""
    arguments: str = ""
    excerpt: str = ""
    many: bool = False
    judged: bool = True


def parsed(text: str) -> Any:
    """The value of a JSON text.

    Raises:
        NotJsonError: if it is none, saying why.
    """
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        pass
    try:
        return json.loads(text)
    except RecursionError:
        raise NotJsonError("it is nested too deeply") from None
    except ValueError as problem:
        raise NotJsonError(str(problem)) from None


def calls_of(message: Message) -> list[Call]:
    """The tool calls of a turn, in order."""
    raw = message.raw
    if not isinstance(raw, dict):
        return []
    found: list[Call] = []
    written = raw.get("tool_calls")
    if isinstance(written, list):
        found += map(_call, written)
    elif written:
        found.append(Call(missing=f"is {describe(written)}, not a list of calls"))
    if raw.get("function_call"):
        found.append(_call(raw["function_call"]))
    if message.role_raw in CALL_LABELS and not found:
        return _calls_in_text(message)
    for part in _parts(message, CALL_PARTS):
        found.append(_call(part))
    if not found and message.role == "assistant" and any(mark in message.text for mark in MARKS_OF_CALLS):
        found.append(Call(many=True, judged=False))
    return found


def results_of(message: Message) -> list[tuple[str | None, str | None]]:
    """The tool results of a turn as (id of the call, name of the function), each None where it does not say."""
    raw = message.raw
    if not isinstance(raw, dict):
        return []
    parts = list(_parts(message, RESULT_PARTS))
    if parts:
        return [(first_text(part, (*_RESULT_IDS, "id")), first_text(part, NAMES)) for part in parts]
    return [(first_text(raw, _RESULT_IDS), message.name)] if message.role == "tool" else []


def has_tool_parts(message: Message) -> bool:
    """Whether a turn has typed parts that call a tool or answer a call."""
    return any(True for _ in _parts(message, (*CALL_PARTS, *RESULT_PARTS)))


def _parts(message: Message, kinds: Sequence[str]) -> Iterator[Mapping[str, Any]]:
    """The typed parts of these kinds; a part may be keyed by its type."""
    if not isinstance(message.content, list):
        return
    for part in message.content:
        if not isinstance(part, dict):
            continue
        if part.get("type") in kinds:
            inner = part.get(str(part["type"]))
            yield {**part, **inner} if isinstance(inner, dict) else part
        elif "type" not in part:
            yield from (part[kind] for kind in kinds if isinstance(part.get(kind), dict))


def _calls_in_text(message: Message) -> list[Call]:
    """ShareGPT: the text of the turn is the call, or a list of calls. One result may answer all of them."""
    content = message.content
    if isinstance(content, str):
        pieces = [content]
        if _WRAPPERS[0] in content:
            pieces = [piece.partition(_WRAPPERS[1])[0] for piece in content.split(_WRAPPERS[0])[1:]]
        try:
            values = [parsed(piece) for piece in pieces]
        except NotJsonError as problem:
            return [Call(missing=f"is no JSON ({problem})", excerpt=content[:_EXCERPT], many=True)]
    else:
        values = [content]
    flat = [one for value in values for one in (value if isinstance(value, list) else [value])]
    if not flat:
        return [Call(missing="is an empty list")]
    calls = [_call(value) for value in flat]
    if len(calls) > 1:
        for call in calls:
            call.many = True
    return calls


def _call(value: Any) -> Call:
    if not isinstance(value, dict):
        return Call(missing=f"is {describe(value)}, not an object")
    own_id = first_text(value, _IDS)
    if value.get("type") == "custom" and isinstance(value.get("custom"), dict):
        name = first_text(value["custom"], NAMES)
        return Call(name, own_id, "" if name else "has no function name")
    body: Any = value.get("function", value)
    keys: Sequence[str] = _ARGUMENTS if body is value else ("arguments",)
    if isinstance(body, str):
        body = {**value, "name": body}
        keys = _ARGUMENTS
    if not isinstance(body, dict):
        return Call(id=own_id, missing=f"has {describe(body)} in place of a function")
    name = first_text(body, NAMES)
    given = next((body[key] for key in keys if body.get(key) is not None), None)
    lacks = [what for what, there in (("function name", name), ("arguments", given is not None)) if not there]
    missing = f"has no {' and no '.join(lacks)}" if lacks else ""
    arguments, excerpt = ("", "") if given is None else _wrong_arguments(given)
    return Call(name, own_id, missing, arguments, excerpt)


def _wrong_arguments(given: Any) -> tuple[str, str]:
    """What is wrong with the arguments of a call, and how they begin; two empty texts if nothing is."""
    if isinstance(given, dict):
        return "", ""
    if not isinstance(given, str):
        return f"are {describe(given)}, neither an object nor JSON text", ""
    if not given.strip():
        return "are an empty text, neither an object nor JSON text", ""
    try:
        value = parsed(given)
    except NotJsonError as problem:
        return f"are no JSON text ({problem})", given[:_EXCERPT]
    if isinstance(value, dict):
        return "", ""
    return f"are JSON text of {describe(value)}, not of an object", given[:_EXCERPT]


def first_text(value: Mapping[str, Any], keys: Sequence[str]) -> str | None:
    for key in keys:
        found = value.get(key)
        if isinstance(found, str) and found.strip():
            return found
        if isinstance(found, int) and not isinstance(found, bool):
            return str(found)
    return None
