"""What of a conversation has to arrive in the rendered text, piece by piece, and how to put other text in its place."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from ..sources.reading import escaped
from .prepared import REASONING_KEYS

What = Literal["content", "reasoning", "name", "arguments"]

THINK_TAG = re.compile(r"(</?think>)")

# Roles whose text is never searched for reasoning: there ``<think>`` is only text.
NOT_THINKING = frozenset({"user", "system", "developer", "tool", "function"})


@dataclass(frozen=True, slots=True)
class Piece:
    """A text of one message.

    Attributes:
        turn: index of the message.
        what: ``content``; ``reasoning`` (a key of its own, or a ``<think>`` block of the content); ``name`` and
            ``arguments`` of a tool call.
        pointer: JSON Pointer into the message. Several pieces may have the same.
        text: the text as it stands in the record; what is no text (a number) as None.
    """

    turn: int
    what: What
    pointer: str
    text: str | None


def role_of(message: Mapping[str, Any]) -> str | None:
    """The role as the message spells it; None if that is no text."""
    role = message.get("role")
    return role if isinstance(role, str) else None


class _Slot(int):
    """The place of a piece in a skeleton, by its index."""


class _Row(list[Any]):
    """Texts and slots that stand in one string."""


@dataclass(slots=True)
class Skeleton:
    """The messages with every piece taken out.

    Attributes:
        pieces: what was taken out, in the order of the record.
    """

    pieces: list[Piece] = field(default_factory=list)
    _messages: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def of(cls, messages: Sequence[Mapping[str, Any]]) -> Skeleton:
        skeleton = cls()
        for turn, message in enumerate(messages):
            skeleton._messages.append(skeleton._message(turn, message))
        return skeleton

    def filled(self, texts: Mapping[int, str]) -> list[dict[str, Any]]:
        """The messages with other texts in the places of some pieces."""
        return [self._fill(message, texts) for message in self._messages]

    def _fill(self, value: Any, texts: Mapping[int, str]) -> Any:
        if isinstance(value, _Slot):
            return texts.get(value, self._original(value))
        if isinstance(value, _Row):
            return "".join(self._fill(part, texts) for part in value)
        if isinstance(value, _Other):
            return texts.get(value.slot, value.value)
        if isinstance(value, dict):
            return {key: self._fill(item, texts) for key, item in value.items()}
        return [self._fill(item, texts) for item in value] if isinstance(value, list) else value

    def _original(self, slot: int) -> Any:
        return self.pieces[slot].text

    def _message(self, turn: int, message: Mapping[str, Any]) -> dict[str, Any]:
        thinks = role_of(message) not in NOT_THINKING
        shape: dict[str, Any] = {}
        for key, value in message.items():
            if value is None:
                continue
            if key == "content":
                shape[key] = self._content(turn, value, thinks)
            elif key in REASONING_KEYS:
                shape[key] = self._take(turn, "reasoning", f"/{key}", value)
            elif key == "tool_calls" and isinstance(value, list):
                shape[key] = [self._call(turn, f"/{key}/{at}", call) for at, call in enumerate(value)]
            elif key == "function_call":
                shape[key] = self._function(turn, f"/{key}", value)
            else:
                shape[key] = value
        return shape

    def _content(self, turn: int, content: Any, thinks: bool) -> Any:
        if isinstance(content, list):
            return [self._part(turn, f"/content/{at}", part) for at, part in enumerate(content)]
        if thinks and isinstance(content, str) and "think>" in content:
            return self._thinking(turn, content)
        return self._take(turn, "content", "/content", content)

    def _part(self, turn: int, pointer: str, part: Any) -> Any:
        if isinstance(part, str):
            return self._take(turn, "content", pointer, part)
        if isinstance(part, Mapping) and isinstance(part.get("text"), str):
            return {**part, "text": self._take(turn, "content", f"{pointer}/text", part["text"])}
        return part

    def _thinking(self, turn: int, content: str) -> _Row:
        """A content with ``<think>`` tags: the tags and the blanks beside them stay, since templates look for them."""
        row = _Row()
        segments = THINK_TAG.split(content)
        for at, segment in enumerate(segments):
            bare = segment.strip()
            if THINK_TAG.fullmatch(segment) or not bare:
                row.append(segment)
                continue
            start = segment.index(bare)
            inside = at + 1 < len(segments) and segments[at + 1] == "</think>"
            what: What = "reasoning" if inside or (at and segments[at - 1] == "<think>") else "content"
            row += [segment[:start], self._take(turn, what, "/content", bare), segment[start + len(bare) :]]
        return row

    def _call(self, turn: int, pointer: str, call: Any) -> Any:
        if isinstance(call, Mapping) and isinstance(call.get("function"), Mapping):
            return {**call, "function": self._function(turn, f"{pointer}/function", call["function"])}
        return self._function(turn, pointer, call)

    def _function(self, turn: int, pointer: str, function: Any) -> Any:
        if not isinstance(function, Mapping):
            return function
        shape = dict(function)
        if isinstance(shape.get("name"), str):
            shape["name"] = self._take(turn, "name", f"{pointer}/name", shape["name"])
        if "arguments" in shape:
            shape["arguments"] = self._arguments(turn, f"{pointer}/arguments", shape["arguments"])
        return shape

    def _arguments(self, turn: int, pointer: str, value: Any) -> Any:
        """Every text among the arguments is a piece; keys, numbers and truth values stay where they are."""
        if isinstance(value, str):
            return self._take(turn, "arguments", pointer, value)
        if isinstance(value, Mapping):
            return {key: self._arguments(turn, f"{pointer}/{escaped(str(key))}", value[key]) for key in value}
        if isinstance(value, list):
            return [self._arguments(turn, f"{pointer}/{at}", item) for at, item in enumerate(value)]
        return value

    def _take(self, turn: int, what: What, pointer: str, value: Any) -> Any:
        slot = _Slot(len(self.pieces))
        if isinstance(value, str):
            self.pieces.append(Piece(turn, what, pointer, value))
            return slot
        self.pieces.append(Piece(turn, what, pointer, None))
        return _Other(slot, value)


@dataclass(frozen=True, slots=True)
class _Other:
    """The place of a value that is no text."""

    slot: int
    value: Any
