"""What LLaMA-Factory's converters make of a row: questions and answers in turn, or an empty row, or an error."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .reasons import RowError, because
from .records import Numbering, message_keys, shown, turns_key
from .target import Outcome, Reason, Shape

_ADDED, _OTHER = "detailed thinking off", "detailed thinking on"


class DroppedError(RowError):
    """The row becomes an empty one, which is dropped later; a line in the log says so."""

    outcome: Outcome = "dropped"


class StoppedError(RowError):
    """The run ends with an error."""


@dataclass(frozen=True, slots=True)
class Columns:
    """An entry of dataset_info.json: where things stand, and what the roles are called.

    Attributes:
        openai: whether the converter is ``openai``; else ``sharegpt``.
        messages: column of the turns.
        system, tools: columns, None where they are not named.
        role, content: keys of a message.
        user, assistant, observation, function, system_role: what the roles are called; None where that is not named.
    """

    openai: bool
    messages: str
    system: str | None
    tools: str | None
    role: str
    content: str
    user: str
    assistant: str
    observation: str
    function: str | None
    system_role: str = "system"

    @classmethod
    def of(cls, shape: Shape, formatting: str) -> Columns:
        """As a user would write it for this file, after its first record."""
        key = turns_key(shape)
        role, content = message_keys(shape, key)
        openai = formatting == "openai"
        first = shape.first if isinstance(shape.first, Mapping) else {}
        system = "system" if "system" in shape.keys else None
        # The converter for ShareGPT wants the tools as a text of JSON.
        tools = "tools" if "tools" in shape.keys and (openai or isinstance(first.get("tools"), str)) else None
        if role == "role" or openai:
            if openai:
                role, content, key = "role", "content", "messages"
            return cls(openai, key, system, tools, role, content, "user", "assistant", "tool", None)
        return cls(openai, key, system, tools, role, content, "human", "gpt", "observation", "function_call")

    @property
    def tags(self) -> Mapping[Any, str]:
        return {
            self.user: "user",
            self.assistant: "assistant",
            self.observation: "observation",
            self.function: "function",
            self.system_role: "system",
        }


@dataclass(slots=True)
class Aligned:
    """A row as it is written.

    Attributes:
        messages: as a template takes them, the system prompt first.
        turns: the number of each in ``Conversation.messages``; None for text that is LLaMA-Factory's own.
        tools: tool definitions.
        reasons: what has been changed on the way.
    """

    messages: list[dict[str, Any]] = field(default_factory=list)
    turns: list[int | None] = field(default_factory=list)
    tools: Sequence[Any] | None = None
    reasons: list[Reason] = field(default_factory=list)


@dataclass(slots=True)
class _Turn:
    role: str
    content: Any
    at: int
    calls: Any = None


def align(record: Any, columns: Columns, system_beside: bool, turn_of: Numbering) -> Aligned:
    """A row as it is written.

    Raises:
        DroppedError: it is dropped.
        StoppedError: the run ends.
    """
    messages = record.get(columns.messages) if isinstance(record, Mapping) else None
    if not isinstance(messages, list):
        says = f"There is no list under `{columns.messages}`, which is {shown(messages)}: TypeError."
        raise StoppedError("not_a_conversation", says)
    made = Aligned()
    system, place = record.get(columns.system) if columns.system else "", 0 if system_beside else None
    begin = 0
    if messages and _object(messages[0], 0).get(columns.role) == columns.system_role:
        system, place, begin = messages[0].get(columns.content), turn_of(0), 1
    if columns.openai:
        turns = _openai(messages, begin, columns, made, turn_of)
        for at, turn in enumerate(turns):
            _in_turn(turn, at)
    else:
        turns = list(_sharegpt(messages, begin, columns))
    _even(turns)
    made.tools = _tools(record, columns, made)
    _system(system, place, columns, bool(columns.tools and record.get(columns.tools)), made)
    for turn in turns:
        made.messages.append(_written(turn))
        made.turns.append(turn_of(turn.at))
    return made


def _object(message: Any, at: int) -> Mapping[str, Any]:
    if not isinstance(message, Mapping):
        raise StoppedError("not_a_conversation", f"This message is {shown(message)}: TypeError.", at)
    return message


def _sharegpt(messages: Sequence[Any], begin: int, columns: Columns) -> Iterator[_Turn]:
    """The turns, up to the first that is out of turn."""
    for at, message in enumerate(messages[begin:], start=begin):
        role = _object(message, at).get(columns.role)
        known = columns.tags.get(role) if isinstance(role, str | None) else None
        if known is None:
            says = f"Invalid role tag {shown(role)}. Skipping this abnormal example."
            raise DroppedError("role_unknown", says, at)
        turn = _Turn(known, message.get(columns.content), at)
        _in_turn(turn, at - begin)
        yield turn


def _openai(
    messages: Sequence[Mapping[str, Any]], begin: int, columns: Columns, made: Aligned, turn_of: Numbering
) -> list[_Turn]:
    turns: list[_Turn] = []
    answers: list[tuple[int, Any]] = []
    for at, message in enumerate(messages[begin:], start=begin):
        role, content = _object(message, at).get(columns.role), message.get(columns.content)
        if role == columns.observation:
            answers.append((at, content))
            continue
        if not isinstance(role, str | None) or role not in columns.tags:
            raise StoppedError("role_unknown", f"The role is {shown(role)}: KeyError.", at)
        known, calls = columns.tags[role], None
        if known in ("assistant", "function") and message.get("tool_calls"):
            calls = _functions(message["tool_calls"], at)
            if isinstance(content, str) and content.strip():
                says = "The text beside a tool call is not in what the model gets."
                made.reasons.append(because("turn_lost", says, turn_of(at)))
            known, content = "function", json.dumps(calls, ensure_ascii=False)
        if answers:
            turns.append(_merged(answers))
            answers = []
        turns.append(_Turn(known, content, at, calls))
    for at, _ in answers:
        says = "Answers of tools at the end are left out."
        made.reasons.append(because("turn_lost", says, turn_of(at)))
    return turns


def _functions(calls: Any, at: int) -> list[Any]:
    """The ``function`` of each tool call."""
    if isinstance(calls, list) and all(isinstance(call, Mapping) and "function" in call for call in calls):
        return [call["function"] for call in calls]
    raise StoppedError("tools_invalid", "A tool call has no `function`: KeyError or TypeError.", at)


def _merged(answers: Sequence[tuple[int, Any]]) -> _Turn:
    """Neighbouring answers of tools as one turn."""
    for at, content in answers:
        if not isinstance(content, str):
            raise StoppedError("content_type", f"A tool's answer is {shown(content)}: TypeError.", at)
    text = "\n</tool_response>\n<tool_response>\n".join(content for _, content in answers)
    return _Turn("observation", text, answers[0][0])


def _in_turn(turn: _Turn, place: int) -> None:
    """Questions and answers have to alternate."""
    if turn.role not in (("user", "observation"), ("assistant", "function"))[place % 2]:
        who = "the user or a tool" if place % 2 == 0 else "the assistant"
        says = f"Invalid role tag: {who} should speak here, not {turn.role}. Skipping this abnormal example."
        raise DroppedError("role_order", says, turn.at)


def _even(turns: Sequence[_Turn]) -> None:
    """Each question has its answer, and each is a text."""
    if len(turns) % 2:
        says = "Invalid message count: there is a question without an answer. Skipping this abnormal example."
        raise DroppedError("role_order", says, turns[-1].at)
    if not turns:
        raise DroppedError("no_turns", "There is no question and answer: Dropped invalid example.")
    for turn in turns:
        _checked(turn)


def _checked(turn: _Turn) -> None:
    if not isinstance(turn.content, str):
        says = f"RuntimeError: Expected a string, got {shown(turn.content)}."
        raise StoppedError("content_type", says, turn.at)
    if turn.role != "function":
        return
    try:
        found = json.loads(turn.content) if turn.calls is None else turn.calls
    except ValueError:
        raise StoppedError(
            "tools_invalid", "RuntimeError: Invalid JSON format in function message.", turn.at
        ) from None
    calls = found if isinstance(found, list) else [found]
    if not all(isinstance(call, Mapping) and "name" in call and "arguments" in call for call in calls):
        raise StoppedError("tools_invalid", "A call has no `name` or no `arguments`: KeyError.", turn.at)
    turn.calls = calls


def _written(turn: _Turn) -> dict[str, Any]:
    if turn.role == "function":
        return {
            "role": "assistant",
            "content": "",
            "tool_calls": [{"type": "function", "function": call} for call in turn.calls],
        }
    return {"role": "tool" if turn.role == "observation" else turn.role, "content": turn.content}


def _tools(record: Mapping[str, Any], columns: Columns, made: Aligned) -> Sequence[Any] | None:
    tools = record.get(columns.tools) if columns.tools else None
    if columns.tools is None and record.get("tools"):
        says = (
            "The converter for ShareGPT takes tools only as a text of JSON; these are not given to the model."
        )
        made.reasons.append(because("tools_ignored", says))
    if not tools:
        return None
    try:
        found = json.loads(tools) if isinstance(tools, str) else tools
    except ValueError:
        says = "RuntimeError: Invalid JSON format in tool description."
        raise StoppedError("tools_invalid", says) from None
    if not isinstance(tools, str) and not columns.openai:
        raise StoppedError("tools_invalid", f"`tools` is {shown(tools)}, no text of JSON: TypeError.")
    if isinstance(found, list) and not all(isinstance(tool, Mapping) for tool in found):
        raise StoppedError("tools_invalid", "A tool is no object: AttributeError.")
    return found if isinstance(found, list) and found else None


def _system(system: Any, place: int | None, columns: Columns, has_tools: bool, made: Aligned) -> None:
    """The system prompt, with what the converter for OpenAI adds to it."""
    if system and not isinstance(system, str):
        raise StoppedError("content_type", f"The system prompt is {shown(system)}: TypeError.", 0)
    text = system or ""
    if columns.openai and not has_tools and _ADDED not in text and _OTHER not in text:
        text = f"{text}\n{_ADDED}" if text else _ADDED
        says = f"LLaMA-Factory's converter for OpenAI adds “{_ADDED}” to the system prompt."
        made.reasons.append(because("text_added", says, place))
    elif columns.openai and has_tools and text:
        text += "\n"
    if text:
        made.messages.insert(0, {"role": "system", "content": text})
        made.turns.insert(0, place)
