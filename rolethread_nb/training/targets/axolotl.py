"""Axolotl: a dataset of ``type: chat_template``, which masks turn by turn and leaves out what is too long."""

from __future__ import annotations

import json
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...core.model import Conversation, Span
from ..labels import Labels, kept_tokens
from ..locating import common_prefix
from ..prepared import plain
from ..templates import TemplateRefusedError
from .reasons import because
from .records import Numbering, message_keys, numbering, shown, turns_key
from .rendering import Text, Writer, cut_reasons, in_order, numbered
from .target import Context, Forecast, Reason, Shape, Target

_ROLES: Mapping[str, str] = {
    "human": "user",
    "user": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "system": "system",
    "tool": "tool",
}
_THINKING = "reasoning_content"
# How far behind a turn its end-of-turn token may stand, in tokens.
_NEAR = 3
# In place of a turn, to see where it stands; no two begin or end alike.
_DUMMIES = ("[[dummy_message]]", "zzdummymessagezz")


class _AxolotlError(Exception):
    """Why Axolotl stops at a row."""

    def __init__(self, code: str, says: str, at: int | None = None) -> None:
        super().__init__(says)
        self.code = code
        self.says = says
        self.at = at


@dataclass(frozen=True, slots=True)
class _Turn:
    """One turn as Axolotl gives it to the template.

    Attributes:
        message: what the template gets.
        turn: its number in ``Conversation.messages``.
        wish: what the record says about training it, if ``message_field_training`` names a key.
        parts: of a list of parts with training flags: each text with its flag.
    """

    message: Mapping[str, Any]
    turn: int | None
    wish: Any = None
    parts: Sequence[tuple[str, bool]] = ()


def _without_null(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_null(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_null(item) for item in value]
    return value


class _Judge:
    def __init__(self, shape: Shape, context: Context) -> None:
        settings = context.settings
        self._settings = settings
        self._writer = Writer(context)
        self._key = settings["field_messages"] or turns_key(shape)
        found = message_keys(shape, self._key)
        self._role_key = settings["field_role"] or found[0]
        self._text_key = settings["field_content"] or found[1]
        self._roles = {
            source: role
            for role, sources in (settings["roles"] or {}).items()
            for source in ([sources] if isinstance(sources, str) else sources)
        } or _ROLES
        self._trained_roles = {self._roles.get(role, role) for role in settings["roles_to_train"] or ()}
        self._eos_when: str | None = settings["train_on_eos"]
        self._limit: int = settings["sequence_len"]
        # Keys that the template does not read are not handed to it, and not looked at.
        self._reads_calls = "tool_calls" in context.template.text
        self._eos = settings["eos_token"] or context.template.special_tokens.get("eos_token")

    def __call__(self, conversation: Conversation) -> Forecast:
        turn_of = numbering(conversation, self._key)
        try:
            turns = self._turns(conversation, turn_of)
            tools = self._tools(conversation.raw)
        except _AxolotlError as error:
            where = turn_of(error.at) if error.at is not None else None
            return Forecast((because(error.code, error.says, where),))
        text = self._writer.write([one.message for one in turns], [one.turn for one in turns], tools)
        if isinstance(text, Reason):
            return Forecast((text,))
        reasons = [*self._writer.text_reasons(text), *self._weights(conversation, turns)]
        return self._forecast(text, turns, reasons)

    # ------------------------------------------------------------------ turns

    def _turns(self, conversation: Conversation, turn_of: Numbering) -> list[_Turn]:
        """The turns as they go to the template.

        Raises:
            _AxolotlError: it stops here.
        """
        record = _without_null(conversation.raw)
        messages = record.get(self._key) if isinstance(record, Mapping) else None
        if messages is None:
            says = "ValueError: Messages is null. Please check `field_messages`."
            raise _AxolotlError("not_a_conversation", says)
        if isinstance(messages, str):
            messages = _read(messages)
        if not isinstance(messages, list):
            says = f"ValueError: Unknown messages format. `{self._key}` is {shown(messages)}."
            raise _AxolotlError("not_a_conversation", says)
        if not messages:
            says = "The conversation has no turns: IndexError: list index out of range."
            raise _AxolotlError("no_turns", says)
        turns = [self._turn(message, at, turn_of(at)) for at, message in enumerate(messages)]
        beside = record.get(self._settings["field_system"])
        if turns[0].message["role"] != "system" and beside is not None:
            before = 0 if conversation.reading.system is not None else None
            turns.insert(0, _Turn({"role": "system", "content": beside}, before))
        if self._settings["drop_system_message"] and turns[0].message["role"] == "system":
            turns = turns[1:]
        return turns

    def _turn(self, message: Any, at: int, turn: int | None) -> _Turn:
        if not isinstance(message, Mapping):
            raise _AxolotlError("not_a_conversation", f"This message is {shown(message)}, no object.", at)
        given: dict[str, Any] = {}
        for name, key in (("role", self._role_key), ("content", self._text_key), (_THINKING, _THINKING)):
            if key in message:
                given[name] = message[key]
        if "role" not in given:
            raise _AxolotlError("key_missing", f"There is no `{self._role_key}`: KeyError: 'role'.", at)
        role = given["role"]
        if isinstance(role, list | dict):
            raise _AxolotlError("role_unknown", f"The role is {shown(role)}: TypeError: unhashable type.", at)
        given["role"] = self._roles.get(role, role)
        taken = {self._role_key, self._text_key, _THINKING}
        given |= {key: value for key, value in message.items() if key not in taken and key not in given}
        if not self._reads_calls:
            given.pop("tool_calls", None)
        elif "tool_calls" in given:
            given["tool_calls"] = _calls(given["tool_calls"], at)
        field = self._settings["message_field_training"]
        parts: Sequence[tuple[str, bool]] = ()
        if isinstance(given.get("content"), list):
            given["content"], parts = _joined(given["content"], at)
        return _Turn(given, turn, message.get(field) if field else None, parts)

    def _tools(self, record: Mapping[str, Any]) -> list[Any] | None:
        tools = _without_null(record).get(self._settings["field_tools"])
        if isinstance(tools, str):
            try:
                tools = json.loads(tools)
            except ValueError as error:
                raise _AxolotlError("tools_invalid", f"`tools` is a text that is no JSON: {error}.") from None
        if tools is None:
            return None
        if not isinstance(tools, list):
            says = f"ValueError: Unknown tools format. Please convert it into a list[dict]; it is {shown(tools)}."
            raise _AxolotlError("tools_invalid", says)
        return [_tool(tool) for tool in tools] or None

    def _weights(self, conversation: Conversation, turns: Sequence[_Turn]) -> Iterator[Reason]:
        if self._settings["message_field_training"]:
            return
        for one in turns:
            if one.message.get("weight") not in (None, 1) and one.message["role"] == "assistant":
                says = "Axolotl does not look at the weight without `message_field_training: weight`."
                yield because("weights_ignored", says, one.turn)

    # ------------------------------------------------------------------ loss

    def _forecast(self, text: Text, turns: Sequence[_Turn], reasons: list[Reason]) -> Forecast:
        spans = self._writer.tokens.spans(text.text)
        flags = [False] * len(spans)
        last_end = -1
        for at, one in enumerate(turns):
            wanted = self._wanted(one)
            if not wanted and self._eos_when != "all":
                continue
            place = self._place(text, at)
            if place is None:
                if wanted:
                    says = (
                        "Its text is not found in what the template writes, so that nothing of it is trained."
                    )
                    reasons.append(because("answer_not_trained", says, one.turn))
                continue
            first, after = _tokens_of(spans, place)
            if wanted:
                self._flag(flags, spans, one, first, after)
            end = self._end_token(text.text, spans, after)
            if end is not None:
                last_end = end
                if self._eos_when == "all" or (self._eos_when == "turn" and wanted):
                    flags[end] = True
        if self._eos_when == "last" and last_end >= 0:
            flags[last_end] = True
        return self._cut(text, Labels(spans, flags, (0, len(spans))), reasons)

    def _wanted(self, one: _Turn) -> bool:
        if one.wish is not None:
            return bool(one.wish)
        if one.parts:
            return True
        return bool(self._settings["train_on_inputs"]) or one.message["role"] in self._trained_roles

    def _place(self, text: Text, at: int) -> Span | None:
        """The stretch of a turn, as Axolotl finds it: what differs when other text stands in its place."""
        found = [one for one in text.located if one.turn == at]
        message = text.messages[at]
        only_text = not (message.keys() & {"tool_calls", "function_call", _THINKING, "reasoning", "thinking"})
        if only_text and len(found) == 1 and found[0].state == "whole" and len(found[0].spans) == 1:
            span = found[0].spans[0]
            return span if span.end > span.start else None
        return self._by_difference(text, at)

    def _by_difference(self, text: Text, at: int) -> Span | None:
        start, end = len(text.text), 0
        for dummy in _DUMMIES:
            instead = {"role": text.messages[at].get("role"), "content": dummy}
            messages = [*text.messages[:at], instead, *text.messages[at + 1 :]]
            try:
                other = self._writer.template.render(messages, text.tools).text
            except TemplateRefusedError:
                return None
            alike = common_prefix(text.text, other)
            room = min(len(text.text), len(other)) - alike
            behind = min(room, common_prefix(text.text[::-1], other[::-1]))
            start, end = min(start, alike), max(end, len(text.text) - behind)
        return Span(start, end) if end > start else None

    def _flag(self, flags: list[bool], spans: Sequence[Span], one: _Turn, first: int, after: int) -> None:
        if not one.parts:
            flags[first:after] = [True] * (after - first)
            return
        # The parts' tokens are counted alone, and laid on from the beginning of the turn.
        content = "".join(part for part, _ in one.parts)
        alone = self._writer.tokens.spans(content)
        begin = 0
        for part, trained in one.parts:
            end = begin + len(part)
            for at, (start, stop) in enumerate(alone):
                if trained and start >= begin and stop <= end and first + at < len(flags):
                    flags[first + at] = True
            begin = end

    def _end_token(self, text: str, spans: Sequence[Span], after: int) -> int | None:
        """The end-of-turn token that stands right behind a turn."""
        for at in range(after, min(after + _NEAR + 1, len(spans))):
            if text[spans[at].start : spans[at].end] == self._eos:
                return at
        return None

    # ------------------------------------------------------------------ what is left out

    def _cut(self, text: Text, labels: Labels, reasons: list[Reason]) -> Forecast:
        count, how = len(labels.spans), self._settings["excess_length_strategy"] or "drop"
        limit = self._limit
        if count > limit and how == "truncate":
            labels.kept = kept_tokens(count, limit, "keep_start")
            kept = labels.stretch_kept()
            reasons += cut_reasons(text, kept, limit) if kept is not None else ()
        elif count > limit:
            outcome = "refused" if how == "raise" else "dropped"
            says = f"{count:,} tokens are more than sequence_len {limit:,}: Axolotl " + (
                "stops." if how == "raise" else "leaves the row out."
            )
            reasons.append(because("too_long", says, None, outcome))  # type: ignore[arg-type]
        trained = labels.trained
        if not trained:
            says = "No token of it is trained; Axolotl leaves the row out, and counts it."
            reasons.append(because("nothing_trained", says, None, "dropped"))
        start, end = labels.kept
        return Forecast(
            reasons=in_order(reasons),
            text=text.text,
            trained=labels.stretches(),
            kept=labels.stretch_kept(),
            located=numbered(text),
            tokens=count,
            trained_tokens=len(trained),
            kept_tokens=end - start,
        )


def _tokens_of(spans: Sequence[Span], place: Span) -> tuple[int, int]:
    """The tokens that have a part in a stretch: the first, and the one after the last."""
    return (
        bisect_right(spans, place.start, key=lambda span: span.end),
        bisect_left(spans, place.end, key=lambda span: span.start),
    )


def _read(messages: str) -> Any:
    """Messages that stand in the record as a text of JSON."""
    try:
        return json.loads(messages)
    except ValueError as error:
        raise _AxolotlError(
            "not_a_conversation", f"The messages are a text that is no JSON: {error}."
        ) from None


def _calls(calls: Any, at: int) -> Any:
    """Tool calls with their arguments as objects."""
    if not calls:
        return calls
    changed = plain(calls)
    if not isinstance(changed, list | tuple):
        raise _AxolotlError("tools_invalid", f"`tool_calls` is {shown(calls)}, not a list.", at)
    for call in changed:
        function = call.get("function") if isinstance(call, dict) else None
        if not isinstance(call, dict | str | list) or ("function" in call and not isinstance(function, dict)):
            raise _AxolotlError("tools_invalid", "A tool call is not an object with a `function`.", at)
        if isinstance(function, dict) and isinstance(function.get("arguments"), str):
            try:
                function["arguments"] = json.loads(function["arguments"])
            except ValueError as error:
                says = f"JSONDecodeError: the arguments of a tool call are a text that is no JSON: {error}."
                raise _AxolotlError("tools_invalid", says, at) from None
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
            raise _AxolotlError("tools_invalid", says) from None
        return {**tool, "function": {**function, "parameters": parameters}}
    return tool


def _joined(content: Sequence[Any], at: int) -> tuple[str, list[tuple[str, bool]]]:
    """A list of parts as one text, and each part with its training flag if any has one."""
    texts, flags, marked = [], [], False
    for part in content:
        if isinstance(part, Mapping):
            text = part.get("text") or part.get("content") or part.get("value") or ""
            if not isinstance(text, str):
                raise _AxolotlError("content_type", f"A part holds {shown(text)} where text is wanted.", at)
            train, weight = part.get("train"), part.get("weight")
            marked = marked or train is not None or weight is not None
            texts.append(text)
            flags.append(bool(train) if train is not None else weight is None or weight != 0)
    return "".join(texts), list(zip(texts, flags, strict=True)) if marked else []


TARGETS = (
    Target(
        name="axolotl",
        title="Axolotl",
        package="axolotl",
        version="0.19.0",
        basis="measured",
        settings={
            "field_messages": None,
            "field_role": None,
            "field_content": None,
            "field_system": "system",
            "field_tools": "tools",
            "roles": None,
            "roles_to_train": ("assistant",),
            "train_on_inputs": False,
            "train_on_eos": "turn",
            "eos_token": None,
            "message_field_training": None,
            "drop_system_message": False,
            "sequence_len": 2048,
            "excess_length_strategy": "drop",
        },
        judge=_Judge,
        notes=(
            "Where field_messages, role and content are not set, they are taken as a configuration for this file would name"
            " them: after its first record.",
            "Axolotl trains the end of a turn only as the token that eos_token (or eot_tokens) names.",
        ),
        limit="sequence_len",
    ),
)
