"""Rules about tool calls: what a call is made of, whether it is answered, and whether its tool is declared."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import polars as pl

from ..core.blocks import Block
from ..core.model import Message
from ..sources.reading import SIDES, Side
from .rule import DatasetFinding, Evidence, Page, Rule
from .tool_calls import Call, calls_of, has_tool_parts, results_of
from .tool_schema import Declared, declared, written_tools

_NAMED = 12  # so many declared names are shown with an undeclared one


@dataclass(slots=True)
class _Open:
    """A call that waits for its result."""

    turn: int
    call: Call
    answered: bool = False


class _ToolCalls:
    """Reads the conversations that call tools, answer calls or declare tools, and no other."""

    def __init__(self) -> None:
        self._found: list[DatasetFinding] = []

    def partial(self, block: Block) -> None:
        said = self._declarations(block)
        for at in sorted({*_with_calls(block.turns), *said}):
            messages = block.conversation(at).messages
            tools = said.get(at)
            if (own := _in_messages(messages)) is not None:
                names = (
                    own.names if tools is None or tools.names is None else tools.names | (own.names or set())
                )
                tools = Declared(frozenset(names) if names is not None else None)
            known: dict[str, None] = {}
            for code, evidence in _findings(messages, tools):
                key = code + json.dumps(evidence, default=str)
                if key not in known:  # what stands in the prompt of two answers is seen twice
                    known[key] = None
                    self._add(block, at, code, evidence)

    def _declarations(self, block: Block) -> dict[int, Declared]:
        """The tools of the records that say what they are."""
        read: dict[str, Declared] = {}
        found: dict[int, Declared] = {}
        for at, raw in enumerate(block.raws):
            tools = written_tools(raw) if type(raw) is dict else None
            if tools is None:
                continue
            if type(tools) is str:
                if tools not in read:
                    read[tools] = declared(tools)
                found[at] = read[tools]
            else:
                found[at] = declared(tools)
            if found[at].problem:
                evidence = {"problem": found[at].problem, "place": found[at].place}
                self._add(block, at, "tool.bad_schema", evidence)
        return found

    def _add(self, block: Block, at: int, code: str, evidence: Evidence) -> None:
        place = (block.source, block.indices[at])
        self._found.append(DatasetFinding(evidence, (), conversation=place, code=code))

    def finish(self) -> list[DatasetFinding]:
        return self._found


def _with_calls(turns: pl.DataFrame) -> list[int]:
    """Positions of the conversations in which a turn calls a tool or answers a call; typed parts are looked at later."""
    if not turns.height:
        return []
    holds = pl.col("kind").is_in(["call", "result", "parts"]) | pl.col("calls") | (pl.col("role") == "tool")
    found: list[int] = turns.filter(holds.fill_null(False))["conversation"].unique().to_list()
    return found


def _in_messages(messages: Sequence[Message]) -> Declared | None:
    """Tools that a system message declares itself."""
    for message in messages:
        if message.role in ("system", "developer") and isinstance(message.raw, dict):
            tools = written_tools({"tools": message.raw.get("tools")})
            if tools is not None:
                return declared(tools)
    return None


def _findings(messages: Sequence[Message], tools: Declared | None) -> Iterator[tuple[str, Evidence]]:
    sides: list[Side | None] = [side for side in SIDES if any(message.side == side for message in messages)]
    for side in sides or [None]:
        turns = [(turn, message) for turn, message in enumerate(messages) if message.side in (None, side)]
        if any(_takes_part(message) for _, message in turns):
            yield from _of_one_thread(turns, tools)


def _takes_part(message: Message) -> bool:
    return message.kind == "call" or message.role == "tool" or has_tool_parts(message)


def _of_one_thread(
    turns: Sequence[tuple[int, Message]], tools: Declared | None
) -> Iterator[tuple[str, Evidence]]:
    waiting: list[_Open] = []
    known = tools.names if tools is not None else None
    last_unknown = max((turn for turn, message in turns if message.role is None), default=-1)
    for turn, message in turns:
        for own_id, name in results_of(message):
            if not _answer(waiting, own_id, name):
                ids = [one.call.id for one in waiting if not one.answered and one.call.id]
                yield "tool.orphan_result", {"turn": turn, "id": own_id, "name": name, "open": ids}
        for number, call in enumerate(calls_of(message)):
            waiting.append(_Open(turn, call))
            which = {"turn": turn, "call": number, "name": call.name}
            if call.missing:
                yield "tool.call_shape", {**which, "wrong": call.missing, "excerpt": call.excerpt}
            if call.arguments:
                yield "tool.bad_arguments", {**which, "wrong": call.arguments, "excerpt": call.excerpt}
            if known is not None and call.name is not None and call.name not in known:
                yield "tool.undeclared", {**which, "declared": sorted(known)[:_NAMED], "count": len(known)}
    calling = {one.turn for one in waiting}
    after = [turn for turn, _ in turns if turn not in calling]
    for one in waiting:
        if not one.answered and one.call.judged and last_unknown < one.turn:
            final = all(turn < one.turn for turn in after)
            evidence = {"turn": one.turn, "name": one.call.name, "id": one.call.id, "final": final}
            yield "tool.unanswered", evidence


def _answer(waiting: Sequence[_Open], own_id: str | None, name: str | None) -> bool:
    """Match a result with its call: by id, else by the function's name, else by order. False if there is no call for it."""
    free = [one for one in waiting if not one.answered]
    if own_id is not None:
        match = next((one for one in free if one.call.id == own_id), None)
        if match is None and any(one.call.id == own_id for one in waiting):
            return True  # another piece of a result that is there already
        if match is None:
            match = next((one for one in free if one.call.id is None), None)
    else:
        named = [one for one in free if name is not None and one.call.name == name]
        match = next(iter(named or free), None)
    if match is None:
        return bool(waiting) and waiting[-1].call.many
    for one in free:
        if one is match or (match.call.many and one.turn == match.turn):
            one.answered = True
    return True


def _wrong(evidence: Evidence) -> str:
    return (
        f"Tool call {evidence['call'] + 1} {evidence['wrong']}"
        if evidence["call"]
        else (f"The tool call {evidence['wrong']}")
    )


def _wrong_arguments(evidence: Evidence) -> str:
    whose = f"of {evidence['name']} " if evidence["name"] else ""
    return f"The arguments {whose}{evidence['wrong']}"


def _unanswered(evidence: Evidence) -> str:
    whose = evidence["name"] or "the tool"
    if evidence["final"]:
        return f"The conversation ends with a call of {whose}"
    return f"The call of {whose} has no result"


def _orphan(evidence: Evidence) -> str:
    if evidence["id"] is None:
        return "A tool result without a call before it"
    other = f"; {', '.join(evidence['open'])} waits for one" if len(evidence["open"]) == 1 else ""
    return f"No call before has the id {evidence['id']} of this result{other}"


def _undeclared(evidence: Evidence) -> str:
    if not evidence["count"]:
        return f"{evidence['name']} is called, and the record declares no tool"
    return f"{evidence['name']} is called and not among the tools that the record declares"


def _bad_schema(evidence: Evidence) -> str:
    if not evidence["place"]:
        return f"The tools of the record are {evidence['problem']}"
    return f"The tools of the record hold {evidence['problem']} (at {evidence['place']})"


_USER = {"role": "user", "content": "What is 6 times 7?"}
_REPLY = {"role": "assistant", "content": "42"}
_FUNCTION = {"name": "times", "arguments": '{"a": 6, "b": 7}'}
_CALL = {"role": "assistant", "tool_calls": [{"id": "c1", "type": "function", "function": _FUNCTION}]}
_RESULT = {"role": "tool", "tool_call_id": "c1", "content": "42"}
_CLEAN = [_USER, _CALL, _RESULT, _REPLY]
_LEGACY = [
    _USER,
    {"role": "assistant", "content": None, "function_call": _FUNCTION},
    {"role": "function", "name": "times", "content": "42"},
    _REPLY,
]
_PARTS = [
    _USER,
    {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "times", "input": {"a": 6}}]},
    {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "42"}]},
    _REPLY,
]
_PARALLEL = [
    _USER,
    {"role": "assistant", "tool_calls": [{"id": name, "function": _FUNCTION} for name in ("a", "b")]},
    {"role": "tool", "tool_call_id": "b", "content": "42"},
    {"role": "tool", "tool_call_id": "a", "content": "42"},
    _REPLY,
]
_HERMES = [
    _USER,
    {"role": "assistant", "content": '<tool_call>\n{"name": "times", "arguments": {"a": 6}}\n</tool_call>'},
    {"role": "tool", "content": "<tool_response>42</tool_response>"},
    _REPLY,
]


def _called(function: object) -> list[object]:
    return [_USER, {"role": "assistant", "tool_calls": [{"id": "c1", "function": function}]}, _RESULT, _REPLY]


def _sharegpt(call: str, tools: object = None) -> bytes:
    turns = [("human", "What is 6 times 7?"), ("function_call", call), ("observation", "42"), ("gpt", "42")]
    record: dict[str, object] = {"conversations": [{"from": role, "value": text} for role, text in turns]}
    return json.dumps(record if tools is None else {**record, "tools": tools}).encode()


def _with_tools(tools: object, messages: Sequence[object] = _CLEAN) -> bytes:
    return json.dumps({"messages": messages, "tools": tools}).encode()


def _tool(parameters: object, name: str = "times") -> dict[str, object]:
    return {"type": "function", "function": {"name": name, "parameters": parameters}}


_SCHEMA = {
    "type": "object",
    "properties": {"a": {"type": "integer"}, "b": {"type": ["number", "null"]}},
    "required": ["a"],
}
_GOOD = json.dumps(_FUNCTION)
_BARE = json.dumps([{"name": "times", "parameters": _SCHEMA}])

RULES: tuple[Rule, ...] = (
    Rule(
        code="tool.call_shape",
        severity="error",
        scope="turn",
        title="A tool call without name or arguments",
        wave=_ToolCalls,
        says=_wrong,
        page=Page(
            "Finds tool calls that have no function name or no arguments, or are no object: in tool_calls, function_call, typed parts,"
            " and in ShareGPT's function_call turns, whose text must be the JSON of a call.",
            "Chat templates fail on the record or print an empty call, which the model then learns to make.",
            '{"role": "assistant", "tool_calls": [{"id": "c1", "function": {"name": "times"}}]}',
        ),
        fires=(
            _called({"name": "times"}),
            _called({"arguments": "{}"}),
            [_USER, {"role": "assistant", "tool_calls": ["times"]}, _RESULT, _REPLY],
            [_USER, {"role": "assistant", "tool_calls": {"name": "times"}}, _RESULT, _REPLY],
            _sharegpt("times(6, 7)"),
            _sharegpt('{"arguments": {}}'),
        ),
        silent=(
            _CLEAN,
            _LEGACY,
            _PARTS,
            _PARALLEL,
            _HERMES,
            _sharegpt(_GOOD),
            _sharegpt(f"[{_GOOD}, {_GOOD}]"),
        ),
    ),
    Rule(
        code="tool.bad_arguments",
        severity="error",
        scope="turn",
        title="Arguments that cannot be read",
        wave=_ToolCalls,
        says=_wrong_arguments,
        page=Page(
            "Finds calls whose arguments are neither an object nor the JSON text of one.",
            "Trainers that parse the arguments stop the run; the others teach the model to write broken calls.",
            '{"name": "times", "arguments": "{\'a\': 6}"}',
        ),
        fires=(
            _called({"name": "times", "arguments": "{'a': 6}"}),
            _called({"name": "times", "arguments": [6, 7]}),
            _called({"name": "times", "arguments": ""}),
            _sharegpt('{"name": "times", "arguments": 5}'),
        ),
        silent=(
            _CLEAN,
            _LEGACY,
            _PARTS,
            _called({"name": "times", "arguments": {"a": 6}}),
            _called({"name": "now", "arguments": "{}"}),
            _sharegpt(_GOOD),
        ),
    ),
    Rule(
        code="tool.unanswered",
        severity="warning",
        scope="turn",
        title="A tool call without its result",
        wave=_ToolCalls,
        severity_of=lambda evidence: "info" if evidence["final"] else "warning",
        says=_unanswered,
        page=Page(
            "Finds tool calls for which no result comes later. Results are matched by the id of the call, else by order."
            " A call that ends the conversation is only a note: often the call is what shall be learned.",
            "The reply that follows rests on a result that nobody saw: the model learns to make results up. OpenAI refuses the record.",
            "user, assistant (calls a tool), assistant (answers)",
        ),
        fires=(
            [_USER, _CALL, _REPLY],
            [_USER, _CALL],
            _PARALLEL[:3] + _PARALLEL[4:],
            b'{"conversations": [{"from": "human", "value": "Hi"}, {"from": "function_call", "value": "{}"}, {"from": "gpt", "value": "x"}]}',
        ),
        silent=(_CLEAN, _LEGACY, _PARTS, _PARALLEL, _HERMES, _HERMES[:2], _sharegpt(_GOOD)),
    ),
    Rule(
        code="tool.orphan_result",
        severity="error",
        scope="turn",
        title="A tool result without its call",
        wave=_ToolCalls,
        says=_orphan,
        page=Page(
            "Finds tool results before which there is no call that they could answer, or none with their id.",
            "Several chat templates fail; the model learns to answer from results that appear out of nowhere.",
            '{"role": "tool", "tool_call_id": "c2", "content": "42"} after a call with the id c1',
        ),
        fires=(
            [_USER, _RESULT, _REPLY],
            [_USER, _CALL, {**_RESULT, "tool_call_id": "c2"}, _REPLY],
            [_USER, {"role": "function", "name": "times", "content": "42"}, _REPLY],
            [*_CLEAN, {"role": "tool", "content": "43"}, _REPLY],
        ),
        silent=(_CLEAN, _LEGACY, _PARTS, _PARALLEL, _HERMES, _sharegpt(f"[{_GOOD}, {_GOOD}]")),
    ),
    Rule(
        code="tool.undeclared",
        severity="warning",
        scope="turn",
        title="A tool that is not declared",
        wave=_ToolCalls,
        says=_undeclared,
        page=Page(
            "Finds calls of functions that are not among the tools of the record. Records without tools are left alone.",
            "The model learns to call what it was not given.",
            'tools declare "plus", the assistant calls "times".',
        ),
        fires=(
            _with_tools([_tool(_SCHEMA, "plus")]),
            _with_tools([]),
            _sharegpt(_GOOD, '[{"name": "plus", "parameters": {}}]'),
        ),
        silent=(
            _CLEAN,
            _with_tools([_tool(_SCHEMA)]),
            _sharegpt(_GOOD, _BARE),
            _sharegpt(_GOOD, ""),
            _with_tools("?"),
        ),
    ),
    Rule(
        code="tool.bad_schema",
        severity="warning",
        scope="conversation",
        title="Tools that cannot be read",
        wave=_ToolCalls,
        says=_bad_schema,
        page=Page(
            "Finds records whose tools are no list of tools (or the JSON text of one), and tools whose parameters are no JSON Schema.",
            "Templates print such tools wrongly or fail; the model then meets calls of tools it was never shown.",
            '{"name": "times", "parameters": {"a": "int"}}',
        ),
        fires=(
            _with_tools("times(a, b)"),
            _with_tools({"times": _SCHEMA}),
            _with_tools([_tool({"type": "dict", "properties": {}})]),
            _with_tools([_tool({"type": "object", "properties": {"a": "integer"}})]),
            _with_tools([_tool({"a": {"type": "integer"}})]),
            _with_tools([{"type": "function", "function": {"parameters": {}}}]),
        ),
        silent=(
            _CLEAN,
            _with_tools([_tool(_SCHEMA)]),
            _with_tools(_BARE),
            _with_tools([{"type": "function", "function": {"name": "now"}}, {"type": "web_search"}]),
            _with_tools([{"name": "times", "input_schema": _SCHEMA}]),
            _sharegpt(_GOOD, "[]"),
        ),
    ),
)
