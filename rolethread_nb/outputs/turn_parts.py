"""What a turn holds besides its text: reasoning, tool calls and their results, pictures, sounds and files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..checks.tool_calls import CALL_PARTS, NAMES, RESULT_PARTS, calls_of, first_text, results_of
from ..core.model import Message, part_text
from ..core.turns import encodable
from .layouts import other_keys
from .literal_json import compact, laid_out
from .shortening import shortened

Payload = dict[str, Any]

_REASONING_KEYS = ("reasoning_content", "reasoning", "thinking")
_REASONING_PARTS = ("reasoning", "thinking", "redacted_thinking")
_ARGUMENTS = ("arguments", "parameters", "args", "input")
RESULT_IDS = ("tool_call_id", "tool_use_id", "call_id", "toolCallId")
_ADDRESSES = ("url", "path", "uri", "file_id", "filename")
_THOUGHT = re.compile(r"\A\s*<(think|thinking|thought|reasoning)>.*?</\1>\s*", re.DOTALL)
_DATA = re.compile(r"\Adata:([\w.+-]+/[\w.+-]+)?[^,]{0,200},")
_MOST_ADDRESS = 2_000


@dataclass(slots=True)
class Links:
    """Which turn answers a call and which it answers, by turn and place in it; None where there is none."""

    answers: dict[tuple[int, int], int] = field(default_factory=dict)
    calls: dict[tuple[int, int], tuple[int, str | None]] = field(default_factory=dict)


def links_of(messages: Sequence[Message]) -> Links:
    """Join calls and results: by id, else each result to the first call before it that waits for one."""
    links = Links()
    waiting: list[tuple[int, int, str | None, str | None, bool]] = []
    for turn, message in enumerate(messages):
        for place, (call_id, _) in enumerate(results_of(message)):
            found = next(
                (one for one in reversed(waiting) if call_id is not None and one[2] == call_id), None
            )
            if found is None:
                found = next((one for one in waiting if call_id is None or one[2] is None), None)
            if found is None:
                continue
            called, at, _, name, many = found
            links.calls[turn, place] = called, name
            links.answers.setdefault((called, at), turn)
            if not many:
                waiting.remove(found)
        if message.kind == "text" and message.role == "user":
            waiting.clear()  # what comes after a person has spoken answers no earlier call
        for place, call in enumerate(calls_of(message)):
            waiting.append((turn, place, call.id, call.name, call.many))
    return links


def parts_payload(turn: int, message: Message, links: Links) -> Payload:
    """The keys of a turn's payload for what is not its text; only those that say something."""
    others = other_keys(message)
    reasoning = [
        [key, encodable(others.pop(key))]
        for key in _REASONING_KEYS
        if isinstance(others.get(key), str) and others[key]
    ]
    calls = _calls(turn, message, links, others)
    results = _results(turn, message, links)
    for key in RESULT_IDS:
        held = others.get(key)
        if isinstance(held, str) and any(named(held) == result["id"] for result in results):
            others.pop(key, None)
    parts = []
    for part in message.content if isinstance(message.content, list) else ():
        kind = part.get("type") if isinstance(part, dict) else None
        if kind == "text" or part_text(part) is not None or _is_of(part, (*CALL_PARTS, *RESULT_PARTS)):
            continue
        if kind in _REASONING_PARTS and (said := first_text(part, ("thinking", "reasoning", "text", "data"))):
            reasoning.append([str(kind), encodable(said)])
        else:
            parts.append(placeholder(part))
    extra = [
        [named(str(key)), encodable(compact(value))]
        for key, value in others.items()
        if key != "name" and value is not None
    ]
    found = {"reasoning": reasoning, "calls": calls, "results": results, "parts": parts}
    return {"extra": extra, **{key: value for key, value in found.items() if value}}


def named(name: str | None) -> str | None:
    """A name as it is shown; None for none."""
    return None if name is None else shortened(encodable(name))


def thought_end(message: Message) -> int:
    """Where the reasoning ends that an answer's text begins with (``<think>``), 0 where there is none."""
    if message.role != "assistant" or not (found := _THOUGHT.match(message.text)):
        return 0
    return found.end()


def placeholder(part: Any) -> Payload:
    """What stands for a typed part that is no text: its type, what is known of it, and its address as text.

    Nothing is ever fetched, and data that stands in the record itself is only measured.
    """
    if not isinstance(part, dict):
        return {"type": "part", "facts": [], "where": encodable(compact(part)[:_MOST_ADDRESS])}
    kind = part.get("type") if isinstance(part.get("type"), str) else next(iter(part), "part")
    facts: list[str] = []
    where = ""
    for value in _holders(part, str(kind)):
        if isinstance(value, str):
            value = {"url": value}  # noqa: PLW2901 - a bare string is an address
        for key in ("media_type", "mime_type", "format", "detail", "filename"):
            if isinstance(fact := value.get(key), str) and fact not in facts:
                facts.append(fact[:80])
        for key in ("data", "file_data"):
            if isinstance(data := value.get(key), str):
                facts += _measured(data)
        address = first_text(value, _ADDRESSES)
        if address and (found := _DATA.match(address)):
            facts += [*filter(None, [found[1]]), *_measured(address[found.end() :])]
        elif address and not where and address not in facts:
            where = address[:_MOST_ADDRESS]
    if not facts and not where:
        where = compact(part)[:_MOST_ADDRESS]
    return {
        "type": named(str(kind)),
        "facts": [encodable(fact) for fact in dict.fromkeys(facts)],
        "where": encodable(where),
    }


def _holders(part: Mapping[str, Any], kind: str) -> Iterator[Any]:
    """The part itself and the values in it that may say where its content is."""
    yield {key: value for key, value in part.items() if key != "type"}
    for key in (
        kind,
        "source",
        "image",
        "image_url",
        "audio",
        "input_audio",
        "audio_url",
        "video",
        "video_url",
        "file",
    ):
        value = part.get(key)
        if isinstance(value, str | dict):
            yield value


def _measured(data: str) -> list[str]:
    """The size of base64 data, decoded."""
    size = len(data.rstrip("=")) * 3 // 4
    return [f"{size:,} bytes" if size < 10_000 else f"{round(size / 1000):,} kB"]


def _calls(turn: int, message: Message, links: Links, others: dict[str, Any]) -> list[Payload]:
    """The tool calls beside the text. A call that cannot be read stays among the other keys."""
    written: list[Mapping[str, Any]] = []
    calls = others.get("tool_calls")
    if isinstance(calls, list) and all(isinstance(call, dict) for call in calls):
        written += others.pop("tool_calls")
    single = others.get("function_call")
    if isinstance(single, dict) and not (isinstance(calls, list) and not written and calls):
        written.append(others.pop("function_call"))
    written += _parts(message, CALL_PARTS)
    return [_call(call, links.answers.get((turn, place))) for place, call in enumerate(written)]


def _call(call: Mapping[str, Any], answer: int | None) -> Payload:
    body = call.get("function") if isinstance(call.get("function"), dict) else call
    assert body is not None
    key = next((key for key in _ARGUMENTS if body.get(key) is not None), None)
    name = first_text(body, NAMES)
    call_id = first_text(call, ("id", "tool_call_id", "tool_use_id", "call_id", "toolCallId"))
    shown = {"id", "function", "index", *NAMES, *_ARGUMENTS}
    rest = {
        one: value
        for one, value in call.items()
        if one not in shown and value not in ("function", *CALL_PARTS)
    }
    found: Payload = {
        "name": named(name),
        "id": named(call_id),
        "arguments": "" if key is None else encodable(laid_out(body[key])),
        "answer": answer,
    }
    return {**found, "rest": encodable(compact(rest))} if rest else found


def _results(turn: int, message: Message, links: Links) -> list[Payload]:
    """The results of tools: of which call each is, and its text where that is not the text of the turn."""
    texts = [_result_text(part) for part in _parts(message, RESULT_PARTS)]
    found = []
    for place, (call_id, name) in enumerate(results_of(message)):
        called, called_name = links.calls.get((turn, place), (None, None))
        name = name or called_name  # noqa: PLW2901 - most results do not repeat it
        found.append(
            {
                "name": named(name),
                "id": named(call_id),
                "call": called,
                "text": encodable(texts[place]) if place < len(texts) else None,
            }
        )
    return found


def _result_text(part: Mapping[str, Any]) -> str:
    content = next((part[key] for key in ("content", "output", "result") if part.get(key) is not None), "")
    if isinstance(content, list) and all(part_text(one) is not None for one in content):
        return "\n".join(part_text(one) or "" for one in content)
    return content if isinstance(content, str) else laid_out(content)


def _is_of(part: Any, kinds: Sequence[str]) -> bool:
    if not isinstance(part, dict):
        return False
    return part.get("type") in kinds or (
        "type" not in part and any(isinstance(part.get(kind), dict) for kind in kinds)
    )


def _parts(message: Message, kinds: Sequence[str]) -> Iterator[Mapping[str, Any]]:
    """The typed parts of these kinds; a part may be keyed by its type."""
    for part in message.content if isinstance(message.content, list) else ():
        if not _is_of(part, kinds):
            continue
        if "type" not in part:
            yield from (part[kind] for kind in kinds if isinstance(part.get(kind), dict))
        elif isinstance(inner := part.get(str(part["type"])), dict):
            yield {**part, **inner}
        else:
            yield part
