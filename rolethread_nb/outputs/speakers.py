"""How a speaker is told from others: a colour and initials, made from the name alone."""

from __future__ import annotations

import unicodedata
import zlib

HUES = 8


def hue_of(name: str | None) -> int | None:
    """The number of a speaker's colour, 0 to 7: the same for a name in every conversation, dataset and session."""
    if name is None:
        return None
    return zlib.crc32(unicodedata.normalize("NFC", name).encode(errors="replace")) % HUES


def initials_of(name: str | None) -> str:
    """One or two letters that stand for a name, empty where there is none.

    Scripts whose letters join, and those without capitals, give their first letter alone: two of them would read as a word.
    """
    if name is None:
        return ""
    firsts = [first for word in name.split() if (first := _first(word))]
    if not firsts:
        return next((char for char in name if not char.isspace()), "")
    if len(firsts) == 1 or firsts[0].upper() == firsts[0].lower():
        return firsts[0].upper()
    return (firsts[0] + firsts[-1]).upper()


def _first(word: str) -> str:
    return next((char for char in word if char.isalnum()), "")
