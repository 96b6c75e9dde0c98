"""Layouts: where a record keeps its turns, and under which names. One small adapter each, in one registry.

An adapter says whether a record is its own (``matches``), where the turns are (``read``), and how turns are laid down again
(``write``). The layout is decided for each record. What no adapter matches is reported, never guessed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from .roles import SHAREGPT, Role

ROLE_KEYS = ("role", "from", "speaker")
TEXT_KEYS = ("content", "value", "text")
LIST_KEYS = ("messages", "conversations")


@dataclass(slots=True)
class Reading:
    """The turns of one record as they stand in it.

    ``turns`` is the record's own list; ``pointer`` its JSON Pointer. ``system`` is a system prompt that stands beside the
    list, as turn 0. ``own`` are the layout's own role words.
    """

    format: str
    turns: list[Any]
    pointer: str
    system: str | None = None
    role_keys: tuple[str, ...] = ROLE_KEYS
    text_keys: tuple[str, ...] = TEXT_KEYS
    own: Mapping[str, Role] = field(default_factory=dict)
    ambiguous: tuple[str, ...] = ()


class Format(Protocol):
    """A layout of conversations."""

    @property
    def name(self) -> str: ...

    def matches(self, record: Any) -> bool:
        """Whether this record is laid out so."""
        ...

    def read(self, record: Any) -> Reading:
        """Where the turns of a matching record are."""
        ...


def looks_like_message(value: Any) -> bool:
    """Whether a value is a message rather than a record: a role, and no list of turns."""
    if not isinstance(value, dict) or any(isinstance(value.get(key), list) for key in LIST_KEYS):
        return False
    return any(key in value for key in ROLE_KEYS) and any(key in value for key in (*TEXT_KEYS, "tool_calls"))


def _turn_lists(record: Any) -> tuple[str, ...]:
    if not isinstance(record, dict) or _is_pair(record):
        return ()
    return tuple(key for key in LIST_KEYS if isinstance(record.get(key), list))


def _is_pair(record: dict[str, Any]) -> bool:
    """A preference pair, which holds more than the list beside its sides."""
    return "chosen" in record or "rejected" in record


def _reading(record: dict[str, Any], name: str, key: str, **names: Any) -> Reading:
    system = record.get("system")
    return Reading(
        name,
        record[key],
        f"/{key}",
        system=system if isinstance(system, str) and system else None,
        ambiguous=LIST_KEYS
        if all(type(record.get(other)) is list for other in LIST_KEYS) and _differ(record)
        else (),
        **names,
    )


def _differ(record: dict[str, Any]) -> bool:
    return bool(record[LIST_KEYS[0]] != record[LIST_KEYS[1]])


def _first_message(turns: list[Any]) -> dict[str, Any]:
    return next((turn for turn in turns if isinstance(turn, dict)), {})


class Messages:
    """OpenAI and ChatML: ``{"messages": [{"role": ..., "content": ...}]}``."""

    name = "messages"

    def matches(self, record: Any) -> bool:
        if type(record) is not dict or type(turns := record.get("messages")) is not list or _is_pair(record):
            return False
        if not turns:
            return type(record.get("conversations")) is not list
        first = turns[0] if type(turns[0]) is dict else _first_message(turns)
        return "role" in first or not ("from" in first or "value" in first)

    def read(self, record: Any) -> Reading:
        return _reading(record, self.name, "messages")


class KTO(Messages):
    """A conversation with a thumb: ``messages`` and a boolean ``label``."""

    name = "kto"

    def matches(self, record: Any) -> bool:
        return type(record) is dict and type(record.get("label")) is bool and super().matches(record)


class ShareGPT:
    """``{"conversations": [{"from": "human", "value": ...}]}``, with every spelling of the three keys."""

    name = "sharegpt"

    def matches(self, record: Any) -> bool:
        return bool(_turn_lists(record))

    def read(self, record: Any) -> Reading:
        lists = _turn_lists(record)
        key = "conversations" if "conversations" in lists else lists[0]
        return _reading(
            record,
            self.name,
            key,
            role_keys=("from", "role", "speaker"),
            text_keys=("value", "content", "text"),
            own=SHAREGPT,
        )


class Bare:
    """A list of messages with no object around it."""

    name = "bare"

    def matches(self, record: Any) -> bool:
        return isinstance(record, list) and any(looks_like_message(turn) for turn in record)

    def read(self, record: Any) -> Reading:
        first = _first_message(record)
        own = SHAREGPT if "from" in first else {}
        return Reading(self.name, record, "", own=own)


class Named:
    """A layout described by the user: which keys hold the turns, the role and the text."""

    name = "named"

    def __init__(self, fields: Mapping[str, str]) -> None:
        self._list = fields.get("messages")
        self._role = (fields["role"], *ROLE_KEYS) if "role" in fields else ROLE_KEYS
        self._text = (fields["text"], *TEXT_KEYS) if "text" in fields else TEXT_KEYS

    def matches(self, record: Any) -> bool:
        return isinstance(record, dict) and any(isinstance(record.get(key), list) for key in self._keys())

    def _keys(self) -> tuple[str, ...]:
        return (self._list,) if self._list is not None else LIST_KEYS

    def read(self, record: Any) -> Reading:
        key = next(key for key in self._keys() if isinstance(record.get(key), list))
        return Reading(
            self.name,
            record[key],
            "/" + escaped(key),
            role_keys=self._role,
            text_keys=self._text,
            own=SHAREGPT,
        )


FORMATS: tuple[Format, ...] = (KTO(), Messages(), ShareGPT(), Bare())


def recognise(record: Any, formats: tuple[Format, ...] = FORMATS) -> Reading | None:
    """The reading of a record by the first format that matches it."""
    for form in formats:
        if form.matches(record):
            return form.read(record)
    return None


def no_layout(record: Any) -> tuple[str, str]:
    """Why no format took a record: the rule code, and a reason that names what was seen."""
    if isinstance(record, list):
        return "record.no_messages", "a list without a single message in it"
    if not isinstance(record, dict):
        return "record.not_object", f"the record is {describe(record)}, not an object"
    for key in LIST_KEYS:
        if key in record and not isinstance(record[key], list):
            return "record.no_messages", f"{key} is {describe(record[key])}, not a list of turns"
    if _is_pair(record):
        return "record.no_messages", "a preference pair (chosen, rejected), which this version does not read"
    if not record:
        return "record.no_messages", "the object is empty"
    keys = ", ".join(json.dumps(key, ensure_ascii=False) for key in list(record)[:12])
    more = f" and {len(record) - 12} more" if len(record) > 12 else ""
    return "record.no_messages", f"no list of turns under a known name; the keys are {keys}{more}"


def describe(value: Any) -> str:
    """A value of the wrong kind in words: ``null``, ``the number 5``, ``a text``, ``a list of 3``."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return f"the number {value}"
    if isinstance(value, str):
        return "a text" if value.strip() else "an empty text"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    return "an object"


def escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")
