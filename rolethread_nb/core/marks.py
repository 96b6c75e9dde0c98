"""Marks: which rare characters a turn holds, found in one pass over the bytes of a block.

Most rules can hold only where some character stands: a control token needs ``<`` or ``[``, an e-mail address ``@``. A rule names
what it ``needs``, and its condition is asked of the turns that have it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

_LAST_BLANK = 32  # in ASCII; below it there are control characters alone
_LAST_ASCII = 127

Bytes = np.ndarray[Any, np.dtype[np.uint8]]
Marks = np.ndarray[Any, np.dtype[np.uint16]]

# One bit each; names that share a bit are looked for together. The first eight are seen byte by byte.
_GROUPS = ("control", "<", "[{", "\\&", "@0K", "#:D", "latin", "apart", "edge", "invisible")
MARKS: dict[str, int] = {
    name: 1 << at for at, group in enumerate(_GROUPS) for name in ([group] if len(group) > 3 else group)
}

# ``control``: C0 but tab, newline, carriage return, and DEL. ``0``: any digit. ``latin``: U+0080 to U+00FF, and U+FFFD. ``apart``:
# words may be parted by other blanks than ASCII's, or by none. ``edge``: a blank or a control character at an end.
_TABLE = bytearray(256)
for _byte in range(128):
    _TABLE[_byte] = MARKS.get(chr(_byte), 0)
for _byte in (*(n for n in range(32) if n not in (9, 10, 13)), 127):
    _TABLE[_byte] = MARKS["control"]
for _byte in b"0123456789":
    _TABLE[_byte] = MARKS["0"]
for _byte in (0xC2, 0xC3):
    _TABLE[_byte] = MARKS["latin"]
# What begins U+0800 to U+1FFF, U+3000 to U+FFFF and all beyond: most of it has no blanks. U+2000 to U+2FFF is looked at more closely.
for _byte in (0xE0, 0xE1, *range(0xE3, 0xF5)):
    _TABLE[_byte] = MARKS["apart"]


def bits(names: Iterable[str]) -> int:
    """The bits of some marks together."""
    return sum({MARKS[name] for name in names})


def marks_of(data: bytes, lengths: np.ndarray[Any, Any]) -> Marks:
    """The marks of each text. ``data`` are the texts in UTF-8 with a newline behind each, ``lengths`` their bytes without it."""
    codes = np.frombuffer(data, dtype=np.uint8)
    ends = np.cumsum(lengths + 1) - 1
    starts = ends - lengths
    seen = np.bitwise_or.reduceat(np.frombuffer(data.translate(_TABLE), dtype=np.uint8), starts)
    found: Marks = seen.astype(np.uint16)
    first, last = codes[starts], codes[ends - 1]
    edge = (first <= _LAST_BLANK) | (last <= _LAST_BLANK)
    far = np.flatnonzero(
        (first > _LAST_ASCII) | (last > _LAST_ASCII)
    )  # only these can end in a blank beyond ASCII
    edge[far] |= (
        _is_blank(codes, starts[far]) | _is_blank(codes, ends[far] - 3) | _is_blank(codes, ends[far] - 2)
    )
    found[edge & (lengths > 0)] |= np.uint16(MARKS["edge"])
    if not data.isascii():
        for at, mark in _beyond(codes):
            if len(at):
                found[np.searchsorted(ends, at)] |= np.uint16(MARKS[mark])
    return found


def _is_blank(codes: Bytes, at: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Whether a blank beyond ASCII begins there: U+0085, U+00A0, U+1680, U+2000 to A, U+2028, U+2029, U+202F, U+205F, U+3000."""
    last = len(codes) - 1
    first, second, third = codes[at], codes[np.minimum(at + 1, last)], codes[np.minimum(at + 2, last)]
    other = ((first == 0xE1) & (second == 0x9A) | (first == 0xE3) & (second == 0x80)) & (third == 0x80)
    result: np.ndarray[Any, Any] = (
        ((first == 0xC2) & _blank_after_c2(second))
        | ((first == 0xE2) & _blank_after_e2(second, third))
        | other
    )
    return result


def _blank_after_c2(second: Bytes) -> np.ndarray[Any, Any]:
    """U+0085, U+00A0."""
    found: np.ndarray[Any, Any] = (second == 0x85) | (second == 0xA0)
    return found


def _blank_after_e2(second: Bytes, third: Bytes) -> np.ndarray[Any, Any]:
    """U+2000 to U+200A, U+2028, U+2029, U+202F, U+205F."""
    general = ((third >= 0x80) & (third <= 0x8A)) | (third == 0xA8) | (third == 0xA9) | (third == 0xAF)
    found: np.ndarray[Any, Any] = ((second == 0x80) & general) | ((second == 0x81) & (third == 0x9F))
    return found


def _beyond(data: Bytes) -> Iterable[tuple[np.ndarray[Any, Any], str]]:
    """Where blanks beyond ASCII, invisible characters and U+FFFD stand.

    Invisible are U+00AD, U+200B, U+202A to E, U+2066 to 9, U+FEFF, U+E0000 to 7F.
    """
    at = np.flatnonzero(data == 0xE2)
    if len(at):
        second = data[at + 1]
        near = second <= 0x81  # U+2000 to U+207F
        at, second = at[near], second[near]
        third = data[at + 2]
        general = (second == 0x80) & ((third == 0x8B) | ((third >= 0xAA) & (third <= 0xAE)))
        yield at[general | ((second == 0x81) & (third >= 0xA6) & (third <= 0xA9))], "invisible"
        yield at[_blank_after_e2(second, third)], "apart"
    at = np.flatnonzero(data == 0xEF)
    if len(at):
        yield at[(data[at + 1] == 0xBB) & (data[at + 2] == 0xBF)], "invisible"
        yield at[(data[at + 1] == 0xBF) & (data[at + 2] == 0xBD)], "latin"
    at = np.flatnonzero(data == 0xC2)
    if len(at):
        second = data[at + 1]
        yield at[second == 0xAD], "invisible"
        yield at[_blank_after_c2(second)], "apart"
    at = np.flatnonzero(data == 0xF3)
    if len(at):
        yield at[data[at + 1] == 0xA0], "invisible"
