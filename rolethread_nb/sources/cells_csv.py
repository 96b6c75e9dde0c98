"""Cells of a CSV file as JSON values, both ways.

CSV knows texts only. The rule, by which what was written is what is read:

* A list or an object is written as JSON; a cell that begins with ``[`` or ``{`` and parses is read as JSON.
* A text is written as it stands, and read as it stands. Only a text that would be read as something else (JSON in a string, or
  half a character) is written as a JSON string in quotation marks, and only such a cell loses its quotation marks again: a line
  of speech like ``"Hello."`` is no such cell.
* Numbers, ``true``, ``false`` and ``null`` are written as JSON and come back as texts.
* A key that is missing is written as an empty cell; an empty cell is read as an empty text.
"""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec

from .decoding import Bad, decode, decode_exactly, decode_string
from .objects import encode_record

_SURROGATE = re.compile("[\x00\ud800-\udfff]")
_encode = msgspec.json.Encoder().encode


def cell_of(value: Any) -> str:
    """A JSON value as the text of a cell, before the quotation marks of CSV."""
    if not isinstance(value, str):
        return encode_record(value).decode()
    return value if _stands_for_itself(value) else json.dumps(value)


def value_of(cell: str) -> Any:
    """The value that the text of a cell stands for: a list, an object, or a text."""
    if cell[:1] == '"' and (text := _literal(cell)) is not None:
        return text
    if cell[:1] in ("[", "{") and _is_json(data := cell.encode("utf-8", "surrogatepass")):
        return decode_exactly(data)
    return cell


def json_of(cell: bytes) -> bytes:
    """The same as JSON bytes. What is JSON in the cell stays as it is written there: digits, blanks, escapes, order.

    Raises:
        UnicodeDecodeError: if the cell is not UTF-8.
    """
    first = cell[:1]
    if first in (b"[", b"{") and _is_json(cell):
        return cell
    text = cell.decode()
    if first == b'"' and _literal(text) is not None:
        return cell
    return _encode(text)


def _stands_for_itself(text: str) -> bool:
    first = text[:1]
    if first in ("[", "{") and _is_json(text.encode("utf-8", "surrogatepass")):
        return False
    if first == '"' and _literal(text) is not None:
        return False
    return _SURROGATE.search(text) is None


def _is_json(data: bytes) -> bool:
    return data.rstrip()[-1:] in (b"]", b"}") and not isinstance(decode(data), Bad)


def _literal(cell: str) -> str | None:
    """The text in a cell that is a JSON string of a text that could not stand there by itself; None for any other cell."""
    if len(cell) < 2 or cell[-1] != '"':
        return None
    try:
        text = decode_string(cell.encode())
    except (ValueError, RecursionError):
        return None
    return None if _stands_for_itself(text) else text
