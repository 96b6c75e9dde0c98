"""What an adapter says about a record: which turns it holds, and where each of them stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol

from .roles import SHAREGPT, Role

ROLE_KEYS = ("role", "from", "speaker")
TEXT_KEYS = ("content", "value", "text")

# The two answers of a preference pair.
Side = Literal["chosen", "rejected"]
SIDES: tuple[Side, Side] = ("chosen", "rejected")


class Part(NamedTuple):
    """A stretch of a string in the record: ``whole[start:end]``, the string at ``pointer`` (a JSON Pointer)."""

    pointer: str
    whole: str
    start: int = 0
    end: int | None = None

    @property
    def text(self) -> str:
        return self.whole if self.end is None else self.whole[self.start : self.end]


class Slot(NamedTuple):
    """The place of one turn, in layouts whose turns are not simply the elements of one list.

    Attributes:
        pointer: JSON Pointer of the value that the turn was read from.
        label: the label of its role. None: the value is a message that carries its own.
        role: the role, where the layout decides it whatever the label says.
        name: the speaker, where the layout knows one.
        side: the side of a preference pair.
        parts: the strings that the text is put together from, joined by a newline. Empty: the value itself is the content.
        placed: False where the text does not stand in the record as it is, so that it cannot be changed there.
    """

    pointer: str
    label: str | None = None
    role: Role | None = None
    name: str | None = None
    side: Side | None = None
    parts: tuple[Part, ...] = ()
    placed: bool = True

    def text(self) -> str:
        """The text of a turn that is put together from strings."""
        if len(self.parts) == 1:
            return self.parts[0].text
        return "\n".join(part.text for part in self.parts)


@dataclass(slots=True)
class Reading:
    """The turns of one record as they stand in it.

    Attributes:
        format: name of the layout.
        turns: the raw turns. Without ``slots`` this is the record's own list.
        pointer: JSON Pointer of that list, or of what holds the turns.
        system: a system prompt that stands beside the list, as turn 0.
        system_key: the key under which the system prompt stands beside the turns, in the list's layout or any other.
        role_keys, text_keys: the keys of a message that hold its role and its content; the first that is there counts.
        own: the layout's own role words.
        ambiguous: the keys of turn lists that stand side by side and differ.
        slots: where each turn stands, one a turn; None if they are the elements of the list at ``pointer``.
        keys: top-level keys of the record that the turns were read from, beside the one in ``pointer``.
        prompt_only: the record asks and leaves the answer open, by its layout.
    """

    format: str
    turns: list[Any]
    pointer: str
    system: str | None = None
    system_key: str = "system"
    role_keys: tuple[str, ...] = ROLE_KEYS
    text_keys: tuple[str, ...] = TEXT_KEYS
    own: Mapping[str, Role] = field(default_factory=dict)
    ambiguous: tuple[str, ...] = ()
    slots: Sequence[Slot] | None = None
    keys: tuple[str, ...] = ()
    prompt_only: bool = False

    @property
    def fixed(self) -> bool:
        """Whether turns cannot be taken out or joined, because each has its own place in the record."""
        return self.slots is not None


class Format(Protocol):
    """A layout of conversations: one small adapter."""

    @property
    def name(self) -> str: ...

    def matches(self, record: Any) -> bool:
        """Whether this record is laid out so."""
        ...

    def read(self, record: Any) -> Reading:
        """Where the turns of a matching record are."""
        ...


class Slots:
    """Collects the turns of a record one after the other, each with its place."""

    def __init__(self, format: str, pointer: str = "", keys: tuple[str, ...] = ()) -> None:
        self.reading = Reading(format, [], pointer, keys=keys)
        self._slots: list[Slot] = []
        self.reading.slots = self._slots

    def value(self, raw: Any, pointer: str, role: Role, side: Side | None = None) -> None:
        """A turn whose role the layout says, and whose content is the value at ``pointer``."""
        parts = (Part(pointer, raw),) if type(raw) is str else ()
        self.reading.turns.append(raw)
        self._slots.append(Slot(pointer, role, role, side=side, parts=parts))

    def system(self, text: str, key: str) -> None:
        """The system prompt, which stands beside the turns under ``key``."""
        self.value(text, "/" + escaped(key), "system")
        self.reading.keys += (key,)
        self.reading.system_key = key

    def joined(self, raw: Any, strings: Sequence[tuple[str, str]], role: Role) -> None:
        """A turn put together from several strings, each with its pointer."""
        parts = tuple(Part(pointer, text) for pointer, text in strings)
        self.reading.turns.append(raw)
        self._slots.append(Slot(parts[0].pointer, role, role, parts=parts))

    def message(self, raw: Any, pointer: str, side: Side | None = None) -> None:
        """A message that carries its own role."""
        if type(raw) is dict and "from" in raw:
            self.reading.own = SHAREGPT
        self.reading.turns.append(raw)
        self._slots.append(Slot(pointer, side=side))

    def slot(self, raw: Any, slot: Slot) -> None:
        """A turn whose place was worked out elsewhere."""
        self.reading.turns.append(raw)
        self._slots.append(slot)

    def content(self, value: Any, pointer: str, role: Role, side: Side | None = None) -> None:
        """What stands under a key for one speaker: a list of messages, one message, or the content of one turn."""
        if type(value) is list and any(looks_like_message(turn) for turn in value):
            for at, turn in enumerate(value):
                self.message(turn, f"{pointer}/{at}", side)
        elif looks_like_message(value):
            self.message(value, pointer, side)
        else:
            self.value(value, pointer, role, side)


def looks_like_message(value: Any) -> bool:
    """Whether a value is a message rather than a record: a role, a content, and no list of turns."""
    if (
        not isinstance(value, dict)
        or isinstance(value.get("messages"), list)
        or isinstance(value.get("conversations"), list)
    ):
        return False
    return any(key in value for key in ROLE_KEYS) and any(key in value for key in (*TEXT_KEYS, "tool_calls"))


def escaped(key: str) -> str:
    """A key as a step of a JSON Pointer."""
    return key.replace("~", "~0").replace("/", "~1")


def unescaped(step: str) -> str:
    """The key that a step of a JSON Pointer names."""
    return step.replace("~1", "/").replace("~0", "~")


def steps(pointer: str) -> list[str]:
    """The keys and positions that a JSON Pointer goes through, from the outermost on."""
    return [unescaped(step) for step in pointer.split("/")[1:]]
