"""Layouts that keep their turns in one list of messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from .reading import ROLE_KEYS, TEXT_KEYS, Part, Reading, Slot, Slots, escaped, looks_like_message
from .roles import SHAREGPT, understand

LIST_KEYS = ("messages", "conversations")

# Names that datasets give to the list of turns, the usual ones first.
_LIST_NAMES = (
    "conversation dialog dialogue dialogs dialogues turns utterances chat thread history log trajectory traj rounds lines exchanges"
    " transcript posts"
).split()
# Every name under which a list of turns is looked for.
TURN_LISTS = (*LIST_KEYS, *_LIST_NAMES, "prompt", "completion", "chosen", "rejected")
# Names of what a role and a text are called in lists of that kind (Topical-Chat, MultiWOZ, Taskmaster, ESConv, SMILE).
_NAMED_ROLES = (*ROLE_KEYS, "agent", "author", "sender", "participant", "who", "name")
_NAMED_TEXTS = (*TEXT_KEYS, "message", "utterance", "sentences", "sentence", "body")
# Lists of objects that are no turns, whatever their keys.
_ASKS = ("question", "query", "prompt", "instruction", "input")
_NEVER = frozenset("tools functions documents images tool_calls annotations chosen rejected".split())
# What the two halves of an exchange are called, in lists of exchanges (xtuner, MOSS, Belle and others).
PAIRS = (
    ("input", "output"),
    ("instruction", "output"),
    ("instruction", "response"),
    ("question", "answer"),
    ("query", "response"),
    ("prompt", "response"),
    ("prompt", "completion"),
    ("user", "assistant"),
    ("human", "assistant"),
    ("human", "gpt"),
    ("human", "bot"),
)


def are_texts(turns: list[Any]) -> bool:
    """Whether a list holds several texts and nothing else: nobody says who speaks."""
    return len(turns) > 1 and all(type(turn) is str for turn in turns)


def pair_keys(value: Any) -> tuple[str, str] | None:
    """The names of the two halves, if a value is an exchange: a question and its answer, and no message."""
    if type(value) is not dict or any(key in value for key in ROLE_KEYS):
        return None
    return next(((ask, answer) for ask, answer in PAIRS if ask in value and answer in value), None)


def is_exchange_list(value: Any) -> bool:
    """Whether a value is a list of exchanges rather than of messages: objects of two halves, or pairs of texts."""
    if type(value) is not list or not value:
        return False
    if type(value[0]) is dict:
        return pair_keys(value[0]) is not None
    return all(
        type(item) is list and len(item) == 2 and type(item[0]) is str and type(item[1]) is str
        for item in value
    )


def is_preference(record: dict[str, Any]) -> bool:
    """Whether a record is a preference pair, which holds more than the list beside its sides."""
    return ("chosen" in record and "rejected" in record) or "preferred_output" in record


def turn_lists(record: Any) -> tuple[str, ...]:
    """The usual keys under which a record has a list of messages."""
    if type(record) is not dict or is_preference(record):
        return ()
    return tuple(
        key
        for key in LIST_KEYS
        if type(turns := record.get(key)) is list
        and not is_exchange_list(turns)
        and not _is_named(turns)
        and not are_texts(turns)
    )


def _is_named(turns: list[Any]) -> bool:
    """Whether the turns have other names for their role or their text than the usual ones, or for both."""
    first = turns[0] if turns and type(turns[0]) is dict else None
    if first is None:
        return False
    role, text = (any(key in first for key in keys) for keys in (ROLE_KEYS, TEXT_KEYS))
    if role and (text or "tool_calls" in first):
        return False
    return _is_turn(first, _NAMED_ROLES) or _is_role_named(turns)


def _is_role_named(turns: list[Any]) -> bool:
    """Whether each turn is an object whose one key is its role: ``[{"user": "Hi"}, {"assistant": "Hello"}]``."""
    return bool(turns) and all(
        type(turn) is dict
        and len(turn) == 1
        and all(type(text) is str and understand(key, SHAREGPT).role for key, text in turn.items())
        for turn in turns
    )


def system_of(record: Mapping[str, Any]) -> str | None:
    """The system prompt that stands beside the turns."""
    return system if type(system := record.get("system")) is str and system else None


def _reading(record: dict[str, Any], name: str, key: str, **names: Any) -> Reading:
    both = type(record.get(LIST_KEYS[0])) is list and type(record.get(LIST_KEYS[1])) is list
    return Reading(
        name,
        record[key],
        f"/{key}",
        system=system_of(record),
        ambiguous=LIST_KEYS if both and record[LIST_KEYS[0]] != record[LIST_KEYS[1]] else (),
        **names,
    )


def _first_message(turns: list[Any]) -> dict[str, Any]:
    return next((turn for turn in turns if isinstance(turn, dict)), {})


class Messages:
    """OpenAI and ChatML: ``{"messages": [{"role": ..., "content": ...}]}``."""

    name = "messages"

    def matches(self, record: Any) -> bool:
        if type(record) is not dict or type(turns := record.get("messages")) is not list:
            return False
        if is_preference(record):
            return False
        if not turns:
            return type(record.get("conversations")) is not list
        first = turns[0] if type(turns[0]) is dict else _first_message(turns)
        if "role" in first and ("content" in first or "tool_calls" in first):
            return True
        if is_exchange_list(turns) or _is_named(turns) or are_texts(turns):
            return False
        return "role" in first or not ("from" in first or "value" in first)

    def read(self, record: Any) -> Reading:
        return _reading(record, self.name, "messages")


class ShareGPT:
    """``{"conversations": [{"from": "human", "value": ...}]}``, with every spelling of the three keys."""

    name = "sharegpt"

    def matches(self, record: Any) -> bool:
        return bool(turn_lists(record))

    def read(self, record: Any) -> Reading:
        lists = turn_lists(record)
        return _reading(
            record,
            self.name,
            "conversations" if "conversations" in lists else lists[0],
            role_keys=("from", "role", "speaker"),
            text_keys=("value", "content", "text", "markdown"),
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
    """A turn list under another name, with its own names for the role and the text."""

    name = "named"

    def matches(self, record: Any) -> bool:
        return type(record) is dict and bool(_named_lists(record))

    def read(self, record: Any) -> Reading:
        lists = _named_lists(record)
        key = lists[0]
        differing = tuple(name for name in lists if name == key or record[name] != record[key])
        if _is_role_named(record[key]):
            return _role_named(record[key], "/" + escaped(key), key, record)
        reading = Reading(
            self.name,
            record[key],
            "/" + escaped(key),
            system=system_of(record),
            role_keys=_NAMED_ROLES,
            text_keys=_NAMED_TEXTS,
            own=SHAREGPT,
            ambiguous=differing if len(differing) > 1 else (),
        )
        return (
            in_sentences(reading)
            if any(type(_sentences(turn)) is list for turn in reading.turns)
            else reading
        )


def _role_named(turns: list[Any], pointer: str, key: str, record: dict[str, Any]) -> Reading:
    slots = Slots("named", pointer, (key,))
    slots.reading.own = SHAREGPT
    if (system := system_of(record)) is not None:
        slots.system(system, "system")
    for at, turn in enumerate(turns):
        ((label, text),) = turn.items()
        place = f"{pointer}/{at}/{escaped(label)}"
        slots.slot(text, Slot(place, label, parts=(Part(place, text),)))
    return slots.reading


def _named_lists(record: dict[str, Any]) -> list[str]:
    """The keys of turn lists, those of a usual name first."""
    found = [
        key
        for key, value in record.items()
        if type(value) is list
        and _holds_turns(key, value)
        # earlier turns are not the whole of a record that asks beside them
        and not (key == "history" and any(name in record for name in _ASKS))
    ]
    return sorted(found, key=lambda key: _LIST_NAMES.index(key) if key in _LIST_NAMES else len(_LIST_NAMES))


def _holds_turns(key: str, value: list[Any]) -> bool:
    if key in _NEVER:
        return False
    if _is_role_named(value):
        return True
    names = _NAMED_ROLES if key in _LIST_NAMES else _NAMED_ROLES[:-2]
    turns = sum(_is_turn(turn, names) for turn in value)
    return turns > 0 and 2 * turns >= len(value)


def _is_turn(value: Any, role_names: Sequence[str]) -> bool:
    if type(value) is not dict:
        return False
    return any(type(value.get(key)) is str for key in role_names) and (
        any(key in value for key in _NAMED_TEXTS) or "tool_calls" in value
    )


def _sentences(turn: Any) -> Any:
    return turn.get("sentences") if type(turn) is dict else None


def in_sentences(reading: Reading) -> Reading:
    """The same turns, where the text of some is a list of sentences."""
    slots = Slots(reading.format, reading.pointer)
    if reading.system is not None:
        slots.system(reading.system, reading.system_key)
    for at, turn in enumerate(reading.turns):
        pointer = f"{reading.pointer}/{at}"
        sentences = _sentences(turn)
        label = (
            next((turn[key] for key in reading.role_keys if type(turn.get(key)) is str), None)
            if sentences
            else None
        )
        if (
            type(sentences) is list
            and sentences
            and label is not None
            and all(type(s) is str for s in sentences)
        ):
            parts = tuple(Part(f"{pointer}/sentences/{n}", text) for n, text in enumerate(sentences))
            slots.slot(turn, Slot(pointer, label, parts=parts))
        else:
            slots.slot(turn, Slot(pointer))
    return replace(
        reading, turns=slots.reading.turns, system=None, slots=slots.reading.slots, keys=slots.reading.keys
    )


class Described:
    """A turn list that the user describes: which keys hold the turns, the role and the text."""

    name = "named"

    def __init__(self, fields: Mapping[str, str]) -> None:
        self._list = fields.get("messages")
        self._role = (fields["role"], *ROLE_KEYS) if "role" in fields else _NAMED_ROLES
        self._text = (fields["text"], *TEXT_KEYS) if "text" in fields else _NAMED_TEXTS

    def matches(self, record: Any) -> bool:
        return isinstance(record, dict) and any(isinstance(record.get(key), list) for key in self._keys())

    def _keys(self) -> Sequence[str]:
        return (self._list,) if self._list is not None else (*LIST_KEYS, *_LIST_NAMES)

    def read(self, record: Any) -> Reading:
        key = next(key for key in self._keys() if isinstance(record.get(key), list))
        return Reading(
            self.name,
            record[key],
            "/" + escaped(key),
            system=system_of(record),
            role_keys=self._role,
            text_keys=self._text,
            own=SHAREGPT,
        )
