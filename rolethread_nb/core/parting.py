"""Parting a record: several records in the place of one, each with some of its turns and everything else it holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from ..checks.rule import CannotMendError
from ..sources.decoding import decode_string
from ..sources.reading import escaped
from . import splice
from .model import Conversation

# Where a record says its own id, by keys.
_IDS = (("id",), ("_rolethread", "entry_uuid"))


@dataclass(frozen=True, slots=True)
class Parts:
    """A pseudo-value of an edit: the record becomes several, each with these of its turns, in this order."""

    turns: tuple[tuple[int, ...], ...]

    @property
    def says(self) -> str:
        """How many they are, and with which turn of the record each begins to say something new."""
        seen: set[int] = set()
        begins = []
        for part in self.turns:
            begins.append(next(turn for turn in part if turn not in seen))
            seen.update(part)
        where = ", ".join(str(turn) for turn in begins[1:])
        return f"split into {len(self.turns)} conversations, before turn {where}"


class Parting:
    """Makes records of some of a record's turns. What is not a turn is in each of them as it came.

    Args:
        conversation: what is parted.
        data: its record.

    Raises:
        CannotMendError: the layout has a place of its own for each turn.
    """

    def __init__(self, conversation: Conversation, data: bytes) -> None:
        reading = conversation.reading
        if reading.slots is not None:
            raise CannotMendError("in this layout each turn has its own place, and none can be taken out")
        self._data = data
        self._before = int(reading.system is not None)
        self._list = splice.locate(data, reading.pointer)
        self._items = splice.locate(data, f"{reading.pointer}/0").siblings if reading.turns else ()

    def record(self, turns: Sequence[int]) -> bytes:
        """The record with only these turns. A system prompt that stands beside them stays."""
        data, items = self._data, self._items
        usual = data[items[0][1] : items[1][0]] if len(items) > 1 else b", "
        chosen = [turn - self._before for turn in turns if turn >= self._before]
        pieces = [data[slice(*items[element])] for element in chosen[:1]]
        for last, element in pairwise(chosen):
            pieces.append(data[items[last][1] : items[element][0]] if element == last + 1 else usual)
            pieces.append(data[slice(*items[element])])
        begin, end = (items[0][0], items[-1][1]) if items else (self._list.start + 1,) * 2
        return data[:begin] + b"".join(pieces) + data[end:]


def parted(conversation: Conversation, data: bytes, parts: Parts) -> tuple[bytes, ...]:
    """The records of the parts; a written id gets ``/1``, ``/2``.

    Raises:
        CannotMendError: the layout has a place of its own for each turn.
    """
    parting = Parting(conversation, data)
    return tuple(_named(parting.record(part), number) for number, part in enumerate(parts.turns, start=1))


def _named(data: bytes, number: int) -> bytes:
    """The record with its written ids followed by the number of the part."""
    ids: dict[str, Any] = {}
    for keys in _IDS:
        held = splice.members(data)
        for key in keys[:-1]:
            held = splice.members(held[key]) if held.get(key, b"").startswith(b"{") else {}
        written = held.get(keys[-1], b"")
        if (name := _name(written)) is not None:
            ids["".join(f"/{escaped(key)}" for key in keys)] = f"{name}/{number}"
    return splice.replace_all(data, ids) if ids else data


def _name(written: bytes) -> str | None:
    """The id as a text; None if it is none."""
    if written.startswith(b'"'):
        return decode_string(written) or None
    return written.decode() if written.lstrip(b"-").isdigit() else None
