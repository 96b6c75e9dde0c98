"""Writing out what nobody sees: blanks at the ends, zero-width and control characters."""

from __future__ import annotations

import unicodedata

_SIGNS = {"\n": "↵", "\t": "→", "\r": "␍", "\u00a0": "⍽"}


def visible(text: str) -> str:
    """``text`` on one line: edge blanks as dots, line breaks as ↵, what is invisible as its code point."""
    start = len(text) - len(text.lstrip(" "))
    end = len(text.rstrip(" "))
    return "".join(
        "·" if char == " " and (at < start or at >= end) else _sign(char) for at, char in enumerate(text)
    )


def _sign(char: str) -> str:
    if char in _SIGNS:
        return _SIGNS[char]
    if char == " " or unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Zl", "Zp", "Zs"):
        return char
    return f"⟨U+{ord(char):04X}⟩"
