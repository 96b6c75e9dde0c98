"""Splices: changing one value in a JSON record by its bytes, so that every other byte stays as it came."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

_BLANKS = re.compile(rb"[ \t\r\n]*")
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_SCALAR = re.compile(rb"[^\s,\]}]+")
_NON_ASCII_ESCAPE = re.compile(rb"(?<!\\)(?:\\\\)*\\u(?!00[0-7])[0-9a-fA-F]{4}")


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
    for step in pointer.split("/")[1:]:
        place = _child(record, place.start, step.replace("~1", "/").replace("~0", "~"))
    return place


def _child(record: bytes, at: int, step: str) -> Place:
    opening = record[at : at + 1]
    if opening not in (b"{", b"["):
        raise KeyError(step)
    closing = b"}" if opening == b"{" else b"]"
    items: list[tuple[int, int]] = []
    found: tuple[int, int, int] | None = None
    at = _skip(record, at + 1)
    while record[at : at + 1] != closing:
        begins = at
        if opening == b"{":
            end = _string_end(record, at)
            name = json.loads(record[at:end])
            at = _skip(record, _skip(record, end) + 1)  # over the colon
        else:
            name = str(len(items))
        start, at = _value_span(record, at)
        if name == step:
            found = (start, at, len(items))
        items.append((begins, at))
        at = _skip(record, at)
        if record[at : at + 1] == b",":
            at = _skip(record, at + 1)
        elif record[at : at + 1] != closing:
            raise KeyError(step)
    if found is None:
        raise KeyError(step)
    start, end, position = found
    return Place(start, end, items[position], tuple(items), position)


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
        depth, end = 0, at
        while end < len(record):
            char = record[end : end + 1]
            if char == b'"':
                end = _string_end(record, end)
                continue
            depth += (char in (b"{", b"[")) - (char in (b"}", b"]"))
            end += 1
            if depth == 0:
                return at, end
        raise KeyError(at)
    match = _SCALAR.match(record, at)
    if match is None:
        raise KeyError(at)
    return at, match.end()


def replace(record: bytes, pointer: str, value: Any) -> bytes:
    """The record with another value at the pointer, in the escape style of the record."""
    place = locate(record, pointer)
    return record[: place.start] + encoded_like(record, value) + record[place.end :]


def rename(record: bytes, pointer: str, name: str) -> bytes:
    """The record with another key at the pointer; the value keeps its bytes."""
    place = locate(record, pointer)
    end = _string_end(record, place.item[0])
    return record[: place.item[0]] + encoded_like(record, name) + record[end:]


def remove(record: bytes, pointer: str) -> bytes:
    """The record without the item at the pointer and without one comma beside it."""
    place = locate(record, pointer)
    start, end = place.item
    if place.position + 1 < len(place.siblings):
        end = place.siblings[place.position + 1][0]
    elif place.position > 0:
        start = place.siblings[place.position - 1][1]
    return record[:start] + record[end:]


def encoded_like(record: bytes, value: Any) -> bytes:
    """``value`` as JSON: escaped to ASCII where the record escapes what is not, else as UTF-8."""
    escapes = record.isascii() and _NON_ASCII_ESCAPE.search(record) is not None
    try:
        return json.dumps(value, ensure_ascii=escapes).encode()
    except UnicodeEncodeError:
        return json.dumps(value).encode()
