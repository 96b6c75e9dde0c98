"""Marks: which rare characters a turn holds, found in one pass over the bytes of a block.

Most rules can hold only where some character stands: a control token needs ``<`` or ``[``, an e-mail address ``@``. A rule names
what it ``needs``, and its condition is asked of the turns that have it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

_LAST_BLANK = 32  # in ASCII; below it there are control characters alone

Bytes = np.ndarray[Any, np.dtype[np.uint8]]
Marks = np.ndarray[Any, np.dtype[np.uint16]]

# One bit each; names that share a bit are looked for together.
_GROUPS = ("control", "<", "[{", "\\&", "@0K", "#:D", "beyond", "latin", "edge", "invisible")
MARKS: dict[str, int] = {
    name: 1 << at for at, group in enumerate(_GROUPS) for name in ([group] if len(group) > 3 else group)
}

# ``control``: C0 but tab, newline, carriage return, and DEL. ``0``: any digit. ``beyond``: all beyond ASCII. ``latin``: U+0080 to
# U+00FF, and U+FFFD. ``edge``: a blank or a control character at an end.
_TABLE = bytearray(256)
for _byte in range(256):
    _TABLE[_byte] = MARKS.get(chr(_byte), 0) if _byte < 128 else MARKS["beyond"]
for _byte in (*(n for n in range(32) if n not in (9, 10, 13)), 127):
    _TABLE[_byte] = MARKS["control"]
for _byte in b"0123456789":
    _TABLE[_byte] = MARKS["0"]
for _byte in (0xC2, 0xC3):
    _TABLE[_byte] |= MARKS["latin"]


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
    edge = (codes[starts] <= _LAST_BLANK) | (codes[ends - 1] <= _LAST_BLANK)
    far = found & np.uint16(MARKS["beyond"]) != 0  # only these can end in a blank beyond ASCII
    wide = np.concatenate([codes, codes[:2]])
    edge[far] |= (
        _is_blank(wide, starts[far]) | _is_blank(wide, ends[far] - 3) | _is_blank(wide, ends[far] - 2)
    )
    found[edge & (lengths > 0)] |= np.uint16(MARKS["edge"])
    if (found & np.uint16(MARKS["beyond"])).any():
        for at, mark in _beyond(codes):
            found[np.searchsorted(ends, at)] |= np.uint16(MARKS[mark])
    return found


def _is_blank(codes: Bytes, at: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Whether a blank beyond ASCII begins there: U+0085, U+00A0, U+1680, U+2000 to A, U+2028, U+2029, U+202F, U+205F, U+3000."""
    first, second, third = codes[at], codes[at + 1], codes[at + 2]
    narrow = (first == 0xC2) & ((second == 0x85) | (second == 0xA0))
    general = ((third >= 0x80) & (third <= 0x8A)) | (third == 0xA8) | (third == 0xA9) | (third == 0xAF)
    wide = ((first == 0xE2) & (second == 0x80) & general) | (
        (first == 0xE2) & (second == 0x81) & (third == 0x9F)
    )
    other = ((first == 0xE1) & (second == 0x9A) | (first == 0xE3) & (second == 0x80)) & (third == 0x80)
    result: np.ndarray[Any, Any] = narrow | wide | other
    return result


def _beyond(data: Bytes) -> Iterable[tuple[np.ndarray[Any, Any], str]]:
    """Where invisible characters and U+FFFD stand: U+00AD, U+200B, U+202A to E, U+2066 to 9, U+FEFF, U+E0000 to 7F."""
    at = np.flatnonzero(data == 0xE2)
    if len(at):
        second, third = data[at + 1], data[at + 2]
        general = (second == 0x80) & ((third == 0x8B) | ((third >= 0xAA) & (third <= 0xAE)))
        yield at[general | ((second == 0x81) & (third >= 0xA6) & (third <= 0xA9))], "invisible"
    at = np.flatnonzero(data == 0xEF)
    if len(at):
        yield at[(data[at + 1] == 0xBB) & (data[at + 2] == 0xBF)], "invisible"
        yield at[(data[at + 1] == 0xBF) & (data[at + 2] == 0xBD)], "latin"
    at = np.flatnonzero(data == 0xC2)
    yield at[data[at + 1] == 0xAD], "invisible"
    at = np.flatnonzero(data == 0xF3)
    yield at[data[at + 1] == 0xA0], "invisible"
