"""The nouns of the package: message, conversation, span, issue."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal, NamedTuple

from ..sources.formats import describe
from ..sources.reading import Part, Reading, Side, Slot, escaped
from ..sources.roles import NO_LABEL, Label, Role, fits_position, understand

Severity = Literal["error", "warning", "info"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")

Kind = Literal["text", "parts", "call", "result", "null", "other", "not_object"]

# Types of content parts that a published format uses (OpenAI chat and responses, Anthropic, Qwen-VL, TRL).
KNOWN_PARTS = frozenset(
    "text input_text output_text image image_url input_image audio audio_url input_audio video video_url file document"
    " refusal reasoning thinking tool_call tool_use tool_result".split()
)
_TEXT_PART_KEYS = ("text", "value", "content")

# Message keys that a published format uses; anything else is a stray.
KNOWN_KEYS = frozenset(
    "role from speaker content value text name tool_calls tool_call_id function_call weight train loss refusal audio"
    " prefix reasoning reasoning_content thinking images image audios videos id tools masked end_turn recipient"
    " annotations timestamp metadata".split()
)


class Span(NamedTuple):
    """A stretch of a turn's text in code points, ``end`` excluded."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Message:
    """One turn as read.

    Attributes:
        role: ``system`` ``developer`` ``user`` ``assistant`` ``tool``, or None if the label is missing or not known.
        role_raw: the label as it stands in the record, None if there is none.
        text: the text of the turn; ``""`` for null, typed text parts joined by a newline.
        content: the content as it stands in the record.
        name: the speaker's name, or None.
        raw: the message itself as it stands in the record, of any type.
        kind: ``text``, ``parts``, ``call`` (tool calls), ``result`` (a tool's answer), ``null``, ``other`` (content of a
            wrong type) or ``not_object``.
        pointer: JSON Pointer of the message in its record.
        content_key: the key the content was found under, or None.
        role_key: the key the role was found under, or None.
        side: ``chosen`` or ``rejected`` for the answers of a preference pair, else None.
        parts: the strings of the record that the text is put together from, where it is not simply the content.
        placed: False where the text does not stand in the record as it is, so that no repair can change it there.
    """

    role: Role | None
    role_raw: str | None
    text: str
    content: Any
    name: str | None
    raw: Any
    kind: Kind
    pointer: str
    content_key: str | None = None
    role_key: str | None = None
    label: Label = NO_LABEL
    side: Side | None = None
    parts: tuple[Part, ...] = ()
    placed: bool = True

    @property
    def content_pointer(self) -> str:
        """JSON Pointer of the content (of the message itself where it has none)."""
        if self.content_key is None or not self.placed:
            return self.pointer
        return f"{self.pointer}/{escaped(self.content_key)}"

    @property
    def role_pointer(self) -> str:
        """JSON Pointer of the role label (of the message itself where it has none)."""
        if self.role_key is None or not self.placed:
            return self.pointer
        return f"{self.pointer}/{escaped(self.role_key)}"

    def pointer_at(self, start: int) -> str:
        """JSON Pointer of the string that holds the character at ``start`` of the text."""
        for part in self.parts[:-1]:
            if start <= len(part.text):
                return part.pointer
            start -= len(part.text) + 1
        return self.parts[-1].pointer if self.parts else self.content_pointer

    def rewritten(self, change: Callable[[str], str]) -> list[tuple[str, str, str]]:
        """The strings of the record that hold this turn's text and that ``change`` alters: JSON Pointer, before, after."""
        if not self.placed:
            return []
        pieces: list[tuple[str, str, Part | None]]
        if self.parts:
            pieces = [(part.pointer, part.text, part) for part in self.parts]
        elif isinstance(self.content, str):
            pieces = [(self.content_pointer, self.content, None)]
        elif isinstance(self.content, list):
            pieces = [
                (f"{self.content_pointer}/{at}/{key}", text, None)
                for at, part in enumerate(self.content)
                if (text := part_text(part)) is not None
                for key in [next(key for key in _TEXT_PART_KEYS if part.get(key) is text)]
            ]
        else:
            return []
        found = []
        for pointer, before, part in pieces:
            if (after := change(before)) == before:
                continue
            if part is None or part.end is None:
                found.append((pointer, before, after))
            else:
                found.append((pointer, part.whole, part.whole[: part.start] + after + part.whole[part.end :]))
        return found


# The role of the turn before, where it matters.
Before = Callable[[], str | None]


def read_messages(reading: Reading, roles: Mapping[str, Role]) -> list[Message]:
    """The messages of one record, one for each element of its turn list, whatever that element is."""
    own = {**reading.own, **roles}
    messages: list[Message] = []
    if reading.system is not None:
        messages.append(_system_beside(reading, reading.system))

    def before() -> str | None:
        return messages[-1].role if messages else None

    for at, raw in enumerate(reading.turns):
        if reading.slots is None:
            messages.append(_message(raw, f"{reading.pointer}/{at}", reading, own, len(messages), before))
        else:
            slot = reading.slots[at]
            messages.append(_slotted(raw, slot, reading, own, roles, len(messages), before))
    return messages


def _system_beside(reading: Reading, text: str) -> Message:
    """The system prompt that stands beside the turn list."""
    return Message("system", "system", text, text, None, text, "text", "/" + escaped(reading.system_key))


def _slotted(
    raw: Any,
    slot: Slot,
    reading: Reading,
    own: dict[str, Role],
    roles: Mapping[str, Role],
    turn: int,
    before: Before,
) -> Message:
    if slot.label is None:
        return replace(
            _message(raw, slot.pointer, reading, own, turn, before), side=slot.side, placed=slot.placed
        )
    label = Label(roles.get(slot.label, slot.role)) if slot.role is not None else understand(slot.label, own)
    if label.role is not None and label.by_position and not fits_position(label.role, turn, before()):
        label = NO_LABEL
    text = slot.text() if slot.parts else text_of(raw)
    content = text if slot.parts else raw
    kind = slot_kind(slot, raw)
    return Message(
        label.role,
        slot.label,
        text,
        content,
        slot.name,
        raw,
        kind,
        slot.pointer,
        label=label,
        side=slot.side,
        parts=slot.parts,
        placed=slot.placed,
    )


def slot_kind(slot: Slot, raw: Any) -> Kind:
    """What sort of turn stands in a place whose role the layout says."""
    return "text" if slot.parts else kind_of(raw, slot.role, slot.label, {})


def _message(
    raw: Any, pointer: str, reading: Reading, own: dict[str, Role], turn: int, before: Before
) -> Message:
    if not isinstance(raw, dict):
        return Message(None, None, "", raw, None, raw, "not_object", pointer)
    role_key = next((key for key in reading.role_keys if isinstance(raw.get(key), str)), None)
    role_raw = raw[role_key] if role_key is not None else None
    label = understand(role_raw, own) if role_raw is not None else NO_LABEL
    role = label.role
    if role is not None and label.by_position and not fits_position(role, turn, before()):
        label, role = NO_LABEL, None
    content_key = content_key_of(raw, reading.text_keys)
    content = raw[content_key] if content_key is not None else None
    name = raw.get("name")
    return Message(
        role,
        role_raw,
        text_of(content),
        content,
        name if isinstance(name, str) and name else None,
        raw,
        kind_of(content, role, role_raw, raw),
        pointer,
        content_key,
        role_key,
        label,
    )


def content_key_of(raw: Mapping[str, Any], keys: tuple[str, ...]) -> str | None:
    """The key of a message under which its content stands: the first that is not null, else the first that is there."""
    held = next((key for key in keys if raw.get(key) is not None), None)
    return held if held is not None else next((key for key in keys if key in raw), None)


def text_of(content: Any) -> str:
    """The text of a message's content: the string itself, text parts joined by a newline, ``""`` for anything else."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "\n".join(text for part in content if (text := part_text(part)) is not None)
    return ""


def part_text(part: Any) -> str | None:
    """The text of one typed part, None if it is of another type."""
    if not isinstance(part, dict) or "text" not in str(part.get("type", "text")):
        return None
    return next((part[key] for key in _TEXT_PART_KEYS if isinstance(part.get(key), str)), None)


def part_problem(part: Any) -> tuple[str, dict[str, str]] | None:
    """What is wrong with one element of a content list: a rule code and what was seen, or None."""
    if not isinstance(part, dict):
        return "turn.content_type", {"seen": f"a list that holds {describe(part)}"}
    kind = part.get("type")
    if kind is None and (part_text(part) is not None or any(key in KNOWN_PARTS for key in part)):
        return None
    known = isinstance(kind, str) and kind in KNOWN_PARTS
    return None if known else ("turn.unknown_part", {"type": str(kind)})


def has_calls(raw: Mapping[str, Any]) -> bool:
    """Whether a message carries tool calls (OpenAI's two forms, or a typed part)."""
    return bool(raw.get("tool_calls") or raw.get("function_call"))


def kind_of(content: Any, role: str | None, role_raw: str | None, raw: Mapping[str, Any]) -> Kind:
    """What sort of turn a message object is."""
    if has_calls(raw) or role_raw in ("function_call", "tool_call"):
        return "call"
    if content is None:
        return "null"
    if isinstance(content, str):
        return "result" if role == "tool" else "text"
    if content == []:
        return "text"  # a list without parts says as little as an empty string
    return "parts" if isinstance(content, list) else "other"


def tags_of(raw: Any) -> list[str]:
    """The ``tags`` (or ``metadata.tags``) of a record that are strings."""
    if not isinstance(raw, dict):
        return []
    metadata = raw.get("metadata")
    found = raw.get("tags") or (metadata.get("tags") if isinstance(metadata, dict) else None)
    return [tag for tag in found if isinstance(tag, str)] if isinstance(found, list) else []


def title_of(raw: Any) -> str:
    """A name for people: a record's or its metadata's ``title`` or ``name``, else empty."""
    if type(raw) is not dict:
        return ""
    for place in (raw, raw.get("metadata")):
        if type(place) is dict:
            for key in ("title", "name"):
                if type(found := place.get(key)) is str and found.strip():
                    return found
    return ""


@dataclass(frozen=True)
class Conversation:
    """One record that was recognised.

    Attributes:
        id: stable name of the conversation (docs/how-it-works.md says how it is made).
        source: name of the source it came from.
        index: 0-based position of its record in the source, rejected records counted.
        line: 1-based line where the record begins, None where there are no lines.
        format: name of the layout, for example ``messages``.
        raw: the record as decoded, of any type.
        messages: the turns, in order.
    """

    id: str
    source: str
    source_index: int
    index: int
    line: int | None
    reading: Reading = field(repr=False)
    raw: Any = field(repr=False)
    roles: Mapping[str, Role] = field(default_factory=dict, repr=False)

    @property
    def format(self) -> str:
        return self.reading.format

    @cached_property
    def messages(self) -> list[Message]:
        return read_messages(self.reading, self.roles)

    def message(self, turn: int) -> Message:
        """One of the messages; the others are made only where they are needed to tell its role."""
        reading = self.reading
        place = turn - (reading.system is not None)
        if "messages" in self.__dict__ or reading.slots is not None or place < 0:
            return self.messages[turn]
        own = {**reading.own, **self.roles}
        raw, pointer = reading.turns[place], f"{reading.pointer}/{place}"
        return _message(
            raw, pointer, reading, own, turn, lambda: self.messages[turn - 1].role if turn else None
        )

    @property
    def tags(self) -> list[str]:
        """The record's ``tags`` (or ``metadata.tags``) that are strings."""
        return tags_of(self.raw)

    @property
    def title(self) -> str:
        """A name for people: the record's or its metadata's ``title`` or ``name``, else empty."""
        return title_of(self.raw)

    @property
    def fixed(self) -> bool:
        """Whether turns cannot be taken out or joined, because the layout has one place for each."""
        return self.reading.fixed

    @property
    def key(self) -> str:
        """``"<source>:<index>"``, the address the widgets use."""
        return f"{self.source_index}:{self.index}"

    def __len__(self) -> int:
        return len(self.messages)

    def __iter__(self) -> Iterator[Message]:
        return iter(self.messages)


@dataclass(frozen=True, slots=True)
class Issue:
    """One finding, in full. The fields are those of ``rolethread-nb check --json``."""

    code: str
    severity: Severity
    source: int | None
    conversation: int | None
    id: str | None
    line: int | None
    turn: int | None
    path: str | None
    start: int | None
    end: int | None
    message: str
    evidence: Mapping[str, Any]
    related: list[dict[str, int]]
    repair: Literal["safe", "unsafe"] | None

    def as_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


# A CJK or kana character, or a Hangul syllable, is a word; so are up to four letters of the scripts of South-East Asia that are
# written without blanks (an estimate, since finding their words needs a dictionary); in other scripts a word is what stands
# between blanks and control characters. Both patterns say the same, to polars and to Python.
IDEOGRAPHS = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"
WORD_PATTERN = f"[{IDEOGRAPHS}]|[{UNSPACED}]{{1,4}}|[^\\s\x00-\x1f{IDEOGRAPHS}{UNSPACED}]+"
_WORD = re.compile(WORD_PATTERN)


def count_words(text: str) -> int:
    """Words of a text by the rule above."""
    return sum(1 for _ in _WORD.finditer(text))
