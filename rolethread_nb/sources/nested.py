"""Records within records: an object that holds them by id or in lists, a line that is a list of them.

The layouts decide. A value that is itself a conversation by some layout is never taken apart, with three exceptions that no single
conversation looks like: a turn list of whole records, lists of instructions under the name of a split, and several conversations
under names of their own, some of which are bare lists.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from .decoding import Bad, decode, decode_string
from .formats import formats, recognise
from .reading import Reading, looks_like_message, steps
from .spans import after_blanks, bracket_spans, value_spans

Span = tuple[int, int]

_SAMPLE = 40
_LARGE = 1 << 16
_KEY = re.compile(rb'("(?:[^"\\]|\\.)*")[ \t\r\n]*:[ \t\r\n]*', re.DOTALL)
_KEYED = re.compile(rb'"(?:[^"\\]|\\.)*"[ \t\r\n]*:[ \t\r\n]*$', re.DOTALL)
_SEPARATOR = re.compile(rb"[ \t\r\n]*,[ \t\r\n]*|[ \t\r]*\n[ \t\r\n]*")
_MARK = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{},]', re.DOTALL)
_BLANK = b" \t\r\n"
_SPLITS = frozenset(
    "data train validation valid dev test eval examples records instances rows samples items".split()
)
_TURN_LISTS = frozenset(
    "messages conversations conversation dialog dialogue dialogs dialogues turns utterances chat history thread".split()
)


def in_a_list(data: bytes) -> list[Span] | None:
    """Spans of the records in a list of records; None for any other list, a bare list of messages above all."""
    try:
        items = msgspec.json.decode(data, type=list[msgspec.Raw])
    except (ValueError, RecursionError):
        return None
    if items and looks_like_message(_value(bytes(items[0]))):
        return None
    return value_spans(data, "array") if _holds_records(_decoded(items)) else None


def in_an_object(data: bytes) -> tuple[list[Span], dict[int, str]] | None:
    """Spans of the records that one object holds, with the keys of those that stand by themselves; None if it holds none."""
    items = _items(data)
    if not items or not _is_container(data, items):
        return None
    keyed = _keyed(data, items)
    spans: list[Span] = []
    names: dict[int, str] = {}
    for key, start, end in items:
        first = data[start : start + 1]
        inner = value_spans(data[start:end], "array") if first == b"[" else []
        parts = [_value(data[start + one : start + other]) for one, other in inner[:_SAMPLE]]
        single = first == b"{" or any(looks_like_message(part) for part in parts)
        if single and keyed:
            names[len(spans)] = key
            spans.append((start, end))
        elif not single and any(isinstance(part, dict | list) for part in parts):
            spans += [(start + one, start + other) for one, other in inner]
    return spans, names


def _items(data: bytes) -> list[tuple[str, int, int]]:
    """Keys and value spans of the object in ``data``; of a damaged one, what its brackets still tell."""
    try:
        values = msgspec.json.decode(data, type=dict[str, msgspec.Raw])
    except (ValueError, RecursionError):
        return _damaged_items(data)
    items: list[tuple[str, int, int]] = []
    at = after_blanks(data, 0) + 1
    for key, value in values.items():
        match = _KEY.match(data, after_blanks(data, at))
        if match is None:
            return []
        start, view = match.end(), memoryview(value)
        end = start + view.nbytes
        if data[start:end] != view:  # a key that stands twice
            return _damaged_items(data)
        items.append((key, start, end))
        at = after_blanks(data, end) + 1
    return items


def _damaged_items(data: bytes) -> list[tuple[str, int, int]]:
    if len(value_spans(data, "stream")) != 1:
        return []
    items = []
    for start, end in bracket_spans(data, "array", 0):
        match = _KEY.match(data, start, end)
        if match is None:
            return []
        try:
            items.append((decode_string(match.group(1)), match.end(), end))
        except ValueError:
            return []
    return items


def _is_container(data: bytes, items: Sequence[tuple[str, int, int]]) -> bool:
    shown = {key: _shown(data[start:end]) for key, start, end in items[: 5 * _SAMPLE]}
    lists = {key: value for key, value in shown.items() if isinstance(value, list)}
    reading = _reading(shown)
    if reading is not None:
        key = next(iter(steps(reading.pointer)), "")
        held = lists.get(key, [])
        if reading.format in ("messages", "sharegpt") and held:
            return 2 * sum(_holds_turns(item) for item in held) > len(held)
        if reading.format == "pairs" and key in _SPLITS:
            return all(isinstance(item, dict) and _reading(item) is not None for item in held)
        records = [value for value in shown.values() if _is_record(value)]
        several = len(records) > 2 or any(isinstance(value, dict) for value in records)
        return reading.format == "named" and key not in _TURN_LISTS and several and len(records) == len(shown)
    return _keyed(data, items) or any(_holds_records(value) for value in lists.values())


def _keyed(data: bytes, items: Sequence[tuple[str, int, int]]) -> bool:
    """Whether most values of an object are conversations themselves."""
    sample = items[: 5 * _SAMPLE]
    return 2 * sum(_is_record(_shown(data[start:end])) for _, start, end in sample) > len(sample)


def _holds_records(values: list[Any]) -> bool:
    """Whether a list, by its first elements, is one of records and no conversation itself."""
    if not values or _reading(values) is not None:
        return False
    return 2 * sum(_is_record(value) for value in values) > len(values)


def _is_record(value: Any) -> bool:
    return isinstance(value, dict | list) and not looks_like_message(value) and _reading(value) is not None


def _reading(value: Any) -> Reading | None:
    return recognise(value, formats())


def _holds_turns(value: Any) -> bool:
    return isinstance(value, dict) and any(isinstance(value.get(key), list) for key in _TURN_LISTS)


def _shown(data: bytes) -> Any:
    """A value, or enough of it to see what it is: the first elements of a list that is long or damaged."""
    value = None if len(data) > _LARGE else _value(data)
    if value is None and data[:1] == b"[":
        return [_value(data[start:end]) for start, end in value_spans(data, "array")[:_SAMPLE]]
    return _value(data) if value is None else value


def _value(data: bytes) -> Any:
    decoded = decode(data)
    return None if isinstance(decoded, Bad) else decoded[0]


def _decoded(items: Sequence[msgspec.Raw]) -> list[Any]:
    return [_value(bytes(item)) for item in items[:_SAMPLE]]


class Gaps:
    """What stands between records, as some of them are left out: separators go with them, brackets and other keys stay.

    ``plain`` says that the gaps are no JSON.
    """

    def __init__(self, *, plain: bool) -> None:
        self._plain = plain
        self._written = self._dropped = self._begun = False

    def before(self, gap: bytes, *, keep: bool) -> bytes:
        """What to write for the gap before a record, which itself is kept or left out."""
        kept, separator, lead = (b"", gap, b"") if self._plain else _parted(gap)
        if not self._begun:
            kept, separator, self._begun = kept + separator, b"", True
        out = self._without_comma(kept)
        if kept[-1:] in (b"[", b"{") or kept.rstrip(_BLANK)[-1:] in (b"[", b"{"):
            self._written = self._dropped = False
        elif kept.strip(_BLANK) and not self._plain:
            self._written = True
        if not keep:
            self._dropped = True
            return out
        out += (b"" if self._dropped and not self._written else separator) + lead
        self._written = True
        return out

    def after(self, gap: bytes) -> bytes:
        """What to write behind the last record."""
        return gap if self._plain else self._without_comma(gap)

    def _without_comma(self, gap: bytes) -> bytes:
        bare = gap.lstrip(_BLANK)
        return bare[1:].lstrip(_BLANK) if self._dropped and not self._written and bare[:1] == b"," else gap


def gap_like(before: bytes, after: bytes, name: str | None) -> bytes:
    """What to put between a record and one that is added behind it.

    Args:
        before: what stands before the record.
        after: what stands behind it.
        name: the key of the added record, where records stand under keys.
    """
    for gap in (after, before):
        if _SEPARATOR.fullmatch(gap):
            return gap
    if _KEYED.search(before):
        return b", " + msgspec.json.encode(name) + b": "
    return b", " if before.rstrip(_BLANK)[-1:] in (b"[", b",") else b"\n"


def _parted(gap: bytes) -> tuple[bytes, bytes, bytes]:
    """A gap as what must stay, the separator, and the key of the record that follows."""
    marks = [match for match in _MARK.finditer(gap) if match.group()[:1] != b'"']
    end = marks[-1].end() if marks else 0
    lead = len(gap)
    if (quote := gap.find(b'"', end)) >= 0:
        lead = quote
    stop = end
    if marks and marks[-1].group() == b",":
        stop = len(gap[: marks[-1].start()].rstrip(_BLANK))
    elif marks and marks[-1].group() in (b"[", b"{"):
        stop = lead
    return gap[:stop], gap[stop:lead], gap[lead:]
