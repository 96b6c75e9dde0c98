"""JSON as text for people: laid out in lines without changing a single token of it."""

from __future__ import annotations

import json
import re
from typing import Any

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{},:]|[^\s\[\]{},:"]+')
_DEPTH = 12  # deeper levels are not moved further in, or they would be more blanks than text
TOO_DEEP = "nested too deeply to be shown"


def compact(value: Any) -> str:
    """A value as JSON in one line."""
    try:
        return json.dumps(value, ensure_ascii=False)
    except RecursionError:
        return TOO_DEEP


def laid_out(value: Any) -> str:
    """A value as JSON in lines. A string is taken for JSON text, and left as it is where it is none."""
    if not isinstance(value, str):
        return indented(compact(value))
    try:
        json.loads(value)
    except (ValueError, RecursionError):
        return value
    return indented(value)


def indented(text: str) -> str:
    """JSON text with a line for each item. Numbers, strings and their escapes stay as they are written."""
    pieces: list[str] = []
    depth = 0
    before = ""
    for found in _TOKEN.finditer(text):
        token = found[0]
        if token in ("]", "}"):
            depth -= 1
            if before not in ("[", "{"):
                pieces.append(_line(depth))
        elif before in ("[", "{", ","):
            pieces.append(_line(depth))
        pieces.append(": " if token == ":" else token)
        if token in ("[", "{"):
            depth += 1
        before = token
    return "".join(pieces)


def _line(depth: int) -> str:
    return "\n" + "  " * min(depth, _DEPTH)
