"""Splices: changing one value in a JSON record by its bytes, so that every other byte stays as it came."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from ..sources.decoding import decode_string
from ..sources.reading import steps

_BLANKS = re.compile(rb"[ \t\r\n]*")
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_MARKS = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)
_SCALAR = re.compile(rb"[^\s,\]}]+")
_NON_ASCII_ESCAPE = re.compile(rb"(?<!\\)(?:\\\\)*\\u(?!00[0-7])[0-9a-fA-F]{4}")


_decode_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value stands in a record. ``item`` is the value with its key, ``siblings`` the items around it."""

    start: int
    end: int
    item: tuple[int, int]
    siblings: tuple[tuple[int, int], ...]
    position: int


def locate(record: bytes, pointer: str) -> Place:
    """The place of the value at a JSON Pointer. Of a key that stands twice it is the last, as parsers have it.

    Raises:
        KeyError: if there is nothing at the pointer.
    """
    place = Place(*_value_span(record, _skip(record, 0)), item=(0, len(record)), siblings=(), position=0)
    for step in steps(pointer):
        place = _child(record, place.start, step)
    return place


def _child(record: bytes, at: int, step: str) -> Place:
    items: list[tuple[int, int]] = []
    found: tuple[int, int, int] | None = None
    for name, begins, start, end in _items(record, at):
        if name == step:
            found = (start, end, len(items))
        items.append((begins, end))
    if found is None:
        raise KeyError(step)
    start, end, position = found
    return Place(start, end, items[position], tuple(items), position)


def _items(record: bytes, at: int) -> Iterator[tuple[str, int, int, int]]:
    """What stands in the object or array at ``at``: key or position, where the item begins, where its value begins and ends."""
    opening = record[at : at + 1]
    if opening not in (b"{", b"["):
        return
    closing = b"}" if opening == b"{" else b"]"
    count = 0
    at = _skip(record, at + 1)
    while record[at : at + 1] != closing:
        begins = at
        if opening == b"{":
            end = _string_end(record, at)
            name = decode_string(record[at:end])
            at = _skip(record, _skip(record, end) + 1)  # over the colon
        else:
            name = str(count)
        start, at = _value_span(record, at)
        yield name, begins, start, at
        count += 1
        at = _skip(record, at)
        if record[at : at + 1] == b",":
            at = _skip(record, at + 1)
        elif record[at : at + 1] != closing:
            raise KeyError(name)


def _skip(record: bytes, at: int) -> int:
    match = _BLANKS.match(record, at)
    return match.end() if match else at


def _string_end(record: bytes, at: int) -> int:
    match = _STRING.match(record, at)
    if match is None:
        raise KeyError(at)
    return match.end()


def _value_span(record: bytes, at: int) -> tuple[int, int]:
    first = record[at : at + 1]
    if first == b'"':
        return at, _string_end(record, at)
    if first in (b"{", b"["):
        depth = 0
        for mark in _MARKS.finditer(record, at):
            char = record[mark.start()]
            depth += (char in b"{[") - (char in b"}]")
            if depth == 0:
                return at, mark.end()
        raise KeyError(at)
    match = _SCALAR.match(record, at)
    if match is None:
        raise KeyError(at)
    return at, match.end()


def replace(record: bytes, pointer: str, value: Any) -> bytes:
    """The record with another value at the pointer, in the escape style of the record."""
    place = locate(record, pointer)
    return record[: place.start] + encoded_like(record, value) + record[place.end :]


def replace_all(record: bytes, values: Mapping[str, Any]) -> bytes:
    """The record with other values at several JSON Pointers, none of which lies inside another, in one pass."""
    wanted: dict[str, Any] = {}
    for pointer, value in values.items():
        *outer, last = steps(pointer)
        level = wanted
        for step in outer:
            level = level.setdefault(step, {})
        level[last] = _Value(value)
    places: list[tuple[int, int, Any]] = []
    _find(record, _skip(record, 0), wanted, places)
    if len(places) < len(values):
        raise KeyError(f"{len(values) - len(places)} of {len(values)} pointers lead nowhere")
    escapes = _escapes(record)
    pieces, at = [], 0
    for start, end, value in sorted(places, key=lambda place: place[0]):
        pieces += [record[at:start], _encoded(value, escapes)]
        at = end
    return b"".join([*pieces, record[at:]])


@dataclass(frozen=True, slots=True)
class WithKey:
    """A value of an object, and another key that is put behind it."""

    value: Any
    key: str
    other: Any


@dataclass(frozen=True, slots=True)
class _Value:
    value: Any


def _find(record: bytes, at: int, wanted: Mapping[str, Any], places: list[tuple[int, int, Any]]) -> None:
    last = {name: (start, end) for name, _, start, end in _items(record, at) if name in wanted}
    for name, (start, end) in last.items():
        below = wanted[name]
        if isinstance(below, _Value):
            places.append((start, end, below.value))
        else:
            _find(record, start, below, places)


def remove(record: bytes, pointer: str) -> bytes:
    """The record without the item at the pointer and without one comma beside it."""
    place = locate(record, pointer)
    start, end = place.item
    if place.position + 1 < len(place.siblings):
        end = place.siblings[place.position + 1][0]
    elif place.position > 0:
        start = place.siblings[place.position - 1][1]
    return record[:start] + record[end:]


def remove_all(record: bytes, parent: str, names: Collection[str]) -> bytes:
    """The record without several items of one array or object, as if they were removed one by one from the last on, in one pass.

    Raises:
        KeyError: if one of them is not there.
    """
    found = list(_items(record, locate(record, parent).start))
    last = {name: at for at, (name, *_) in enumerate(found) if name in names}
    if len(last) < len(names):
        raise KeyError(f"{len(names) - len(last)} of {len(names)} items are not there")
    gone = set(last.values())
    pieces, at, kept_end, after = [], 0, None, len(found) - 1
    while after in gone:
        after -= 1  # what is left at the end loses the comma before it
    for position, (_, begins, _, end) in enumerate(found):
        if position not in gone:
            kept_end = end
            continue
        start = begins if position < after or kept_end is None else kept_end
        stop = found[position + 1][1] if position < after else found[-1][3]
        pieces.append(record[at : max(at, start)])
        at = stop
    return b"".join([*pieces, record[at:]])


def insert(record: bytes, pointer: str, value: Any) -> bytes:
    """The record with one more element before the one at the pointer, set apart as its siblings are."""
    place = locate(record, pointer)
    between = b", "
    if len(place.siblings) > 1:
        between = record[place.siblings[0][1] : place.siblings[1][0]]
    at = place.item[0]
    return record[:at] + encoded_like(record, value) + between + record[at:]


def append(record: bytes, pointer: str, value: Any, key: str | None = None) -> bytes:
    """The record with one more element at the end of the array at the pointer, or member of the object, set apart as the others are."""
    place = locate(record, pointer)
    items = [(begins, end) for _, begins, _, end in _items(record, place.start)]
    own = encoded_like(record, value)
    if key is not None:
        own = encoded_like(record, key) + b": " + own
    if not items:
        return record[: place.start + 1] + own + record[place.start + 1 :]
    between = record[items[-2][1] : items[-1][0]] if len(items) > 1 else b", "
    at = items[-1][1]
    return record[:at] + between + own + record[at:]


def encoded_like(record: bytes, value: Any) -> bytes:
    """``value`` as JSON: escaped to ASCII where the record escapes what is not, else as UTF-8."""
    return _encoded(value, _escapes(record))


def _escapes(record: bytes) -> bool:
    return record.isascii() and _NON_ASCII_ESCAPE.search(record) is not None


def _encoded(value: Any, escapes: bool) -> bytes:
    if isinstance(value, WithKey):
        parts = (_encoded(part, escapes) for part in (value.value, value.key, value.other))
        return b"%b, %b: %b" % tuple(parts)
    try:
        return json.dumps(value, ensure_ascii=escapes).encode()
    except UnicodeEncodeError:
        return json.dumps(value).encode()


def members(record: bytes) -> dict[str, bytes]:
    """The bytes of the values in a record that is an object, by key; of a key that stands twice the last."""
    try:
        return {name: bytes(value) for name, value in _decode_members(record).items()}
    except (ValueError, RecursionError):  # not strict JSON: NaN, half a character
        return {name: record[start:end] for name, _, start, end in _items(record, _skip(record, 0))}
