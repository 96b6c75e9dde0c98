"""What differs between two versions of one conversation: turn by turn, and word by word within a turn."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, Literal

from .blocks import canonical_json
from .model import Conversation, Message
from .turns import encodable

# A word, or one character of a script without blanks, with the blanks before it; blanks alone would tie unlike texts together.
_IDEOGRAPHS = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_TOKEN = re.compile(rf"\s*[{_IDEOGRAPHS}]|\s*[^\s{_IDEOGRAPHS}]+|\s+")
_ALIGNED = 2_000  # so many words or turns are aligned; where more differ, they are one change

Piece = tuple[Literal["=", "-", "+"], str]
Opcode = tuple[str, int, int, int, int]


@dataclass(frozen=True, slots=True)
class TurnChange:
    """One turn that was added, removed or changed.

    Attributes:
        kind: ``added``, ``removed`` or ``changed``.
        before, after: position of the turn in the conversation before and after, None where there is none.
        role: its role after (before, if it was removed), or its label where the role is not known.
        pieces: the text cut into what stayed (``=``), went (``-``) and came (``+``).
        role_before: the role before, where it is another.
    """

    kind: Literal["added", "removed", "changed"]
    before: int | None
    after: int | None
    role: str | None
    pieces: Sequence[Piece]
    role_before: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """The form of ``compare --json``."""
        return {
            "kind": self.kind,
            "before": self.before,
            "after": self.after,
            "role": self.role,
            "role_before": self.role_before,
            "pieces": [list(piece) for piece in self.pieces],
        }


def turn_changes(before: Conversation, after: Conversation) -> list[TurnChange]:
    """The turns that differ, in order."""
    left, right = before.messages, after.messages
    found: list[TurnChange] = []
    keys = [[_key(message) for message in messages] for messages in (left, right)]
    for kind, a, b, c, d in _opcodes(keys[0], keys[1]):
        if kind == "equal":
            continue
        for old, new in zip_longest(range(a, b), range(c, d)):
            if old is None or new is None or (b - a != d - c and _role(left[old]) != _role(right[new])):
                if old is not None:
                    found.append(_gone(left[old], old))
                if new is not None:
                    found.append(_new(right[new], new))
            else:
                found.append(_changed(left[old], right[new], old, new))
    return found


def _key(message: Message) -> tuple[object, ...]:
    return _role(message), message.name, message.text, message.side == "rejected", beyond_text(message)


def beyond_text(message: Message) -> bytes | None:
    """What a message holds beside its role, its name and a text: calls, typed parts, other keys. None if nothing."""
    content = None if isinstance(message.content, str) else [message.content]
    own = (message.role_key, message.content_key, "name")
    rest = (
        {key: value for key, value in message.raw.items() if key not in own}
        if isinstance(message.raw, dict)
        else {}
    )
    return canonical_json([content, rest]) if content or rest else None


def _role(message: Message) -> str | None:
    return message.role or message.role_raw


def _gone(message: Message, turn: int) -> TurnChange:
    return TurnChange("removed", turn, None, _role(message), [("-", encodable(message.text))])


def _new(message: Message, turn: int) -> TurnChange:
    return TurnChange("added", None, turn, _role(message), [("+", encodable(message.text))])


def _changed(before: Message, after: Message, old: int, new: int) -> TurnChange:
    role = _role(before)
    pieces = word_pieces(encodable(before.text), encodable(after.text))
    return TurnChange("changed", old, new, _role(after), pieces, role if role != _role(after) else None)


def word_pieces(before: str, after: str) -> list[Piece]:
    """Two texts as one, cut into what stayed, went and came, by words; joined without ``+`` it is the first, without ``-`` the second."""
    left, right = _TOKEN.findall(before), _TOKEN.findall(after)
    pieces: list[Piece] = []
    for kind, a, b, c, d in _opcodes(left, right):
        if kind == "equal":
            pieces.append(("=", "".join(left[a:b])))
            continue
        if a < b:
            pieces.append(("-", "".join(left[a:b])))
        if c < d:
            pieces.append(("+", "".join(right[c:d])))
    return pieces


def _opcodes(left: Sequence[Any], right: Sequence[Any]) -> Iterator[Opcode]:
    """How one list becomes the other, as ``difflib`` says it; what both begin and end with is not looked at."""
    most = min(len(left), len(right))
    start = next((n for n in range(most) if left[n] != right[n]), most)
    most -= start
    stop = next((n for n in range(most) if left[-1 - n] != right[-1 - n]), most)
    if start:
        yield "equal", 0, start, 0, start
    middle, other = left[start : len(left) - stop], right[start : len(right) - stop]
    if middle and other and max(len(middle), len(other)) <= _ALIGNED:
        for kind, a, b, c, d in difflib.SequenceMatcher(None, middle, other).get_opcodes():
            yield kind, a + start, b + start, c + start, d + start
    elif middle or other:
        yield "replace", start, len(left) - stop, start, len(right) - stop
    if stop:
        yield "equal", len(left) - stop, len(left), len(right) - stop, len(right)
