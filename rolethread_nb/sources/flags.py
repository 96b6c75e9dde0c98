"""Turns that say with a boolean whether a person speaks: ``is_human`` (PIPPA), ``is_user`` (SillyTavern)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .lists import is_preference, system_of
from .reading import ROLE_KEYS, TEXT_KEYS, Part, Reading, Slot, Slots, escaped
from .roles import Role

FLAGS = ("is_human", "is_user")
_FLAGS = frozenset(FLAGS)
TEXTS = (*TEXT_KEYS, "message", "mes")
# A message that SillyTavern keeps from the model: a note, a narrator. What it is to a trainer, nobody says.
_NOTE = "is_system"


def flag_of(turn: Any) -> tuple[str, str] | None:
    """The keys of the flag and of the text, if a value is a message that says by a flag who speaks."""
    if type(turn) is not dict or any(key in turn for key in ROLE_KEYS):
        return None
    flag = next((key for key in FLAGS if type(turn.get(key)) is bool), None)
    text = next((key for key in TEXTS if type(turn.get(key)) is str), None)
    return None if flag is None or text is None else (flag, text)


def _flagged_list(record: Mapping[str, Any]) -> str | None:
    for key, value in record.items():
        if type(value) is not list or not value or type(value[0]) is not dict:
            continue
        if not _FLAGS.isdisjoint(value[0]) and all(map(flag_of, value)):
            return key
    return None


class Flagged:
    """A list of turns, each with a text and a flag that is true where the user speaks and false where the assistant does."""

    name = "named"

    def matches(self, record: Any) -> bool:
        return type(record) is dict and not is_preference(record) and _flagged_list(record) is not None

    def read(self, record: Any) -> Reading:
        key = _flagged_list(record)
        assert key is not None
        slots = Slots(self.name, "/" + escaped(key), (key,))
        if (system := system_of(record)) is not None:
            slots.system(system, "system")
        for at, turn in enumerate(record[key]):
            slots.slot(*_placed(turn, f"/{escaped(key)}/{at}"))
        return slots.reading


def _placed(turn: Mapping[str, Any], pointer: str) -> tuple[str, Slot]:
    found = flag_of(turn)
    assert found is not None
    flag, text = found
    role: Role | None = "user" if turn[flag] else "assistant"
    if turn.get(_NOTE) is True:
        role = None
    name = turn.get("name")
    place, said = f"{pointer}/{text}", turn[text]
    spoken = name if type(name) is str and name else None
    return said, Slot(place, role or _NOTE, role, spoken, parts=(Part(place, said),))
