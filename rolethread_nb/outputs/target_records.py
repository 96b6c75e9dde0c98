"""The record of a conversation as a trainer reads it best: one small entry for each trainer, and the writing of one record."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ..core.model import Conversation, Message
from ..training.targets.registry import target as trainer
from .layouts import CannotHold, Losses, as_message, with_turns
from .written_numbers import Spelling, as_text, read

# The conversation's turns by the key of the record under which they go.
Sides = Mapping[str, Sequence[int]]

_AS_DECODED: Spelling = {}
_CALLS = ("function_call", "tool_call")
_TAGS = {"user": "human", "assistant": "gpt", "tool": "observation", "system": "system"}


@dataclass(frozen=True, kw_only=True)
class Way:
    """How a trainer's records are written.

    Attributes:
        sides: which turns go under which key of the record.
        row_keys: keys of a record it reads, beside those of ``sides``.
        message_keys: keys of a message it reads, by role; a role that is not here has no place.
        arguments: what it wants as the arguments of a tool call.
        tools: what it wants as the tool definitions of a record; None: either.
        tagged: turns are ``from`` and ``value``, with a tool call as a turn of its own.
        text_only: a content that is no text makes it refuse the whole file.
        call_ids: it wants an id in a tool call.
        call_text: a turn that only calls tools has an empty text rather than none, which templates stumble over.
        suffixes: the names of files it reads end so; empty for any.
    """

    sides: Callable[[Conversation, Losses], Sides]
    row_keys: frozenset[str]
    message_keys: Mapping[str, frozenset[str]]
    arguments: Literal["text", "object"] = "text"
    tools: Literal["text", "list"] | None = None
    tagged: bool = False
    text_only: bool = False
    call_ids: bool = False
    call_text: bool = False
    suffixes: tuple[str, ...] = ()


def _under(key: str) -> Callable[[Conversation, Losses], Sides]:
    """All turns in one list, of a preference pair those of the prompt and the chosen side."""

    def sides(conversation: Conversation, losses: Losses) -> Sides:
        messages = conversation.messages
        turns = [turn for turn, message in enumerate(messages) if message.side != "rejected"]
        if len(turns) < len(messages):
            losses.add(None, "The rejected answer was left out, since the layout has one answer")
        return {key: turns}

    return sides


def _pair(conversation: Conversation, losses: Losses) -> Sides:
    turns: dict[str | None, list[int]] = {None: [], "chosen": [], "rejected": []}
    for turn, message in enumerate(conversation.messages):
        turns[message.side].append(turn)
    if not (turns["chosen"] and turns["rejected"]):
        raise CannotHold("that have no two answers to choose from")
    return {key or "prompt": value for key, value in turns.items()}


def _pair_or_labelled(conversation: Conversation, losses: Losses) -> Sides:
    """A pair, or a prompt with one answer that has a label."""
    raw = conversation.raw
    if not (isinstance(raw, dict) and isinstance(raw.get("label"), bool)):
        return _pair(conversation, losses)
    turns = range(len(conversation.messages))
    if not turns or conversation.messages[-1].role != "assistant":
        raise CannotHold("that end without an answer of the assistant")
    return {"prompt": turns[:-1], "completion": turns[-1:]}


def _keys(everyone: str, *, assistant: str = "", tool: str = "") -> dict[str, frozenset[str]]:
    common = frozenset(["role", "content", *everyone.split()])
    return {
        "system": common,
        "user": common,
        "assistant": common | set(assistant.split()),
        "tool": common | set(tool.split()),
    }


_REASONING = "reasoning reasoning_content thinking"
_TEMPLATE_KEYS = _keys("name", assistant=f"tool_calls {_REASONING}", tool="tool_call_id")
_TRL = frozenset({"tools", "chat_template_kwargs", "images"})
_OPENAI = _keys("name", assistant="weight refusal audio tool_calls function_call")
_JSONL = (".jsonl",)

WAYS: Mapping[str, Way] = {
    "trl": Way(
        sides=_under("messages"),
        row_keys=_TRL,
        message_keys=_TEMPLATE_KEYS,
        arguments="object",
        call_text=True,
    ),
    "trl-dpo": Way(
        sides=_pair, row_keys=_TRL, message_keys=_TEMPLATE_KEYS, arguments="object", call_text=True
    ),
    "trl-kto": Way(
        sides=_pair_or_labelled,
        row_keys=_TRL | {"label"},
        message_keys=_TEMPLATE_KEYS,
        arguments="object",
        call_text=True,
    ),
    "unsloth": Way(
        sides=_under("conversations"),
        row_keys=frozenset(),
        message_keys={role: frozenset({"role", "content"}) for role in ("system", "user", "assistant")},
        text_only=True,
    ),
    "axolotl": Way(
        sides=_under("messages"),
        row_keys=frozenset({"tools", "images"}),
        message_keys=_keys("name", assistant=f"tool_calls weight train {_REASONING}", tool="tool_call_id"),
        call_text=True,
    ),
    "llamafactory": Way(
        sides=_under("conversations"),
        row_keys=frozenset({"tools", "images", "videos", "audios"}),
        message_keys=_keys("", assistant="tool_calls"),
        arguments="object",
        tools="text",
        tagged=True,
        suffixes=(".jsonl", ".json"),
    ),
    "together": Way(
        sides=_under("messages"),
        row_keys=frozenset({"tools"}),
        message_keys=_keys("name weight", assistant=f"tool_calls {_REASONING}", tool="tool_call_id"),
        tools="list",
        suffixes=_JSONL,
    ),
    "mistral": Way(
        sides=_under("messages"),
        call_ids=True,
        row_keys=frozenset({"tools"}),
        message_keys=_keys("", assistant="tool_calls prefix weight", tool="tool_call_id name"),
        tools="list",
        suffixes=_JSONL,
    ),
    "openai": Way(
        sides=_under("messages"),
        call_ids=True,
        row_keys=frozenset({"tools", "parallel_tool_calls", "functions"}),
        message_keys={
            **_OPENAI,
            "tool": frozenset({"role", "content", "tool_call_id"}),
            "function": frozenset({"role", "content", "name"}),
        },
        tools="list",
        suffixes=_JSONL,
    ),
    "fireworks": Way(
        sides=_under("messages"),
        row_keys=frozenset({"tools", "weight"}),
        message_keys=_keys("name weight", assistant="tool_calls reasoning_content", tool="tool_call_id"),
        tools="list",
        suffixes=_JSONL,
    ),
}


# ---------------------------------------------------------------- one record


def laid_for(
    name: str,
    conversation: Conversation,
    losses: Losses,
    *,
    clean: bool = False,
    spelling: Spelling = _AS_DECODED,
) -> dict[str, Any]:
    """The record of a conversation as a trainer reads it. No text is altered, no turn merged or left out.

    Args:
        name: of the trainer.
        conversation: to be written.
        losses: takes what the trainer has no place for.
        clean: keys that go were asked to go.
        spelling: how the numbers of the record are written.

    Raises:
        CannotHold: the trainer has no place for it as a whole.
    """
    way, one = WAYS[name], _OneRecord(name, losses, clean, spelling)
    sides = way.sides(conversation, losses)
    laid = {
        key: [written for turn in turns for written in one.turns(conversation.messages[turn], turn)]
        for key, turns in sides.items()
    }
    return one.row(with_turns(conversation, laid, losses), frozenset(laid))


class _OneRecord:
    """Writes the turns of one conversation, and says what goes."""

    def __init__(self, name: str, losses: Losses, clean: bool, spelling: Spelling) -> None:
        self._way = WAYS[name]
        self._title = trainer(name).title
        self._losses = losses
        self._spelling = spelling
        self._why = "as asked (clean)" if clean else f"since {self._title} does not read it"

    def row(self, record: dict[str, Any], turns: frozenset[str]) -> dict[str, Any]:
        """The record with nothing but the keys that are read."""
        row = {}
        for key, value in record.items():
            if key in turns or key in self._way.row_keys:
                row[key] = self._tools(value) if key == "tools" else value
            else:
                self._losses.add(None, f"The key {key} was left out, {self._why}")
        return row

    def turns(self, message: Message, turn: int) -> list[dict[str, Any]]:
        """One turn as the trainer reads it: with tags, a text beside a tool call is a turn of its own."""
        role = self._role(message, turn)
        if self._way.tagged and message.role_raw in _CALLS:
            return [{"from": "function_call", "value": message.content}]
        asking = self._title if self._way.call_ids else None
        said = {**as_message(message, turn, self._losses, asking), "role": role}
        self._call(said, message)
        keys = self._way.message_keys[role]
        if said.get("tool_calls") and "tool_calls" not in keys:
            raise CannotHold(f"that call tools, for which {self._title} has no place")
        if self._way.text_only and not isinstance(message.content, str):
            raise CannotHold(f"with content that is no text, for which {self._title} refuses the whole file")
        for key in [key for key in said if key not in keys]:
            self._losses.add(turn, f"The key {key} of a turn was left out, {self._why}")
        said = {key: value for key, value in said.items() if key in keys}
        return self._tagged(said, turn) if self._way.tagged else [said]

    def _role(self, message: Message, turn: int) -> str:
        if message.kind == "not_object":
            raise CannotHold("with a turn that is no object")
        if message.role is None:
            raise CannotHold("with a role that is not known")
        if message.role_raw == "function" and "function" in self._way.message_keys:
            return "function"
        role: str = message.role
        if role == "developer":
            self._losses.add(turn, "The role developer became system")
            role = "system"
        if role not in self._way.message_keys:
            raise CannotHold(f"with the role {role}, for which {self._title} has no place")
        return role

    def _call(self, said: dict[str, Any], message: Message) -> None:
        """Tool calls in the form that is wanted, and a content beside them that templates can read."""
        old = said.get("function_call")
        if old and not said.get("tool_calls") and "function_call" not in self._way.message_keys["assistant"]:
            said["tool_calls"] = [{"type": "function", "function": said.pop("function_call")}]
        if isinstance(said.get("tool_calls"), list):
            said["tool_calls"] = [self._with_arguments(call) for call in said["tool_calls"]]
        if said["content"] is not None:
            return
        if self._way.call_text and said.get("tool_calls"):
            said["content"] = ""
        elif isinstance(message.raw, dict) and message.content_key is None and message.role_raw not in _CALLS:
            del said["content"]

    def _tagged(self, said: dict[str, Any], turn: int) -> list[dict[str, Any]]:
        """A turn as ``from`` and ``value``; all calls of a turn are one turn, as LLaMA-Factory reads them."""
        word, content, calls = _TAGS[said["role"]], said.get("content"), said.get("tool_calls")
        if not calls:
            return [{"from": word, "value": content}]
        turns = [] if content in (None, "", []) else [{"from": word, "value": content}]
        bare = [call.get("function", call) if isinstance(call, dict) else call for call in calls]
        if any(isinstance(call, dict) and call.get("id") for call in calls):
            self._losses.add(turn, f"The id of a tool call was left out, {self._why}")
        value = as_text(bare[0] if len(bare) == 1 else bare, self._spelling)
        return [*turns, {"from": "function_call", "value": value}]

    def _tools(self, tools: Any) -> Any:
        if self._way.tools == "text" and isinstance(tools, list | dict):
            return as_text(tools, self._spelling)
        if self._way.tools == "list" and isinstance(tools, str):
            found = _json(tools)
            return found if isinstance(found, list) else tools
        return tools

    def _with_arguments(self, call: Any) -> Any:
        """A tool call with its arguments as a text or as an object; what cannot be either stays."""
        function = call.get("function") if isinstance(call, dict) else None
        arguments = function.get("arguments") if isinstance(function, dict) else None
        changed: Any = None
        if self._way.arguments == "text" and isinstance(arguments, dict):
            changed = as_text(arguments, self._spelling)
        elif (
            self._way.arguments == "object"
            and isinstance(arguments, str)
            and isinstance(_json(arguments), dict)
        ):
            changed = _json(arguments)
        if changed is None or not isinstance(function, dict):
            return call
        return {**call, "function": {**function, "arguments": changed}}


def _json(text: str) -> Any:
    try:
        return read(text)
    except (ValueError, RecursionError):
        return None
