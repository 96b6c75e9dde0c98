"""Numbers as they were written: 1.10 is not 1.1, and 1e400 is no infinity, also where a record is laid out anew."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Self

_FRACTION = re.compile(rb"[0-9][.eE]|[0-9]{4300}")
_LONGEST = 4300  # digits of an integer that Python reads

# The text of numbers, by the identity of the value that was decoded. The values have to be kept as long as it is used.
Spelling = Mapping[int, str]


class Written(float):
    """A number that knows how it was written."""

    text: str

    def __new__(cls, text: str) -> Self:
        made = super().__new__(cls, text)
        made.text = text
        return made


def read(text: str | bytes) -> Any:
    """The value of a JSON text, its numbers as they are written.

    Raises:
        ValueError: it is no JSON.
        RecursionError: it is nested too deeply.
    """
    return json.loads(text, parse_float=Written, parse_int=_integer, strict=False)


def _integer(digits: str) -> int | Written:
    return int(digits) if len(digits) < _LONGEST else Written(digits)


def may_hold_fractions(data: bytes) -> bool:
    """Whether a record may hold a number that a decoder changes."""
    return _FRACTION.search(data) is not None


def spelling_of(data: bytes, value: Any) -> Spelling:
    """How the numbers in a record are written that a decoder changes.

    Args:
        data: the record.
        value: what it was decoded to.
    """
    if not may_hold_fractions(data):
        return {}
    return {id(number): written.text for number, written in _numbers(value, read(data))}


def _numbers(value: Any, exact: Any) -> Iterator[tuple[Any, Written]]:
    """The numbers of a value, each with its like of the same record read again."""
    if isinstance(exact, Written):
        yield value, exact
    elif isinstance(exact, dict):
        for key, one in exact.items():
            yield from _numbers(value[key], one)
    elif isinstance(exact, list):
        for before, one in zip(value, exact, strict=True):
            yield from _numbers(before, one)


def as_text(value: Any, spelling: Spelling, *, ascii_only: bool = False) -> str:
    """A value as JSON text, its numbers as they were written."""
    return "".join(_pieces(value, spelling, ascii_only))


def _pieces(value: Any, spelling: Spelling, ascii_only: bool) -> Iterator[str]:
    if isinstance(value, float) and (text := getattr(value, "text", spelling.get(id(value)))) is not None:
        yield text
    elif isinstance(value, dict) and value:
        for at, (key, one) in enumerate(value.items()):
            yield f"{', ' if at else '{'}{json.dumps(key, ensure_ascii=ascii_only)}: "
            yield from _pieces(one, spelling, ascii_only)
        yield "}"
    elif isinstance(value, list) and value:
        for at, one in enumerate(value):
            yield ", " if at else "["
            yield from _pieces(one, spelling, ascii_only)
        yield "]"
    else:
        yield json.dumps(value, ensure_ascii=ascii_only)
