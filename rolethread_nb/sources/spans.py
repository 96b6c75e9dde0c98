"""Spans: where the values of a JSON text begin and end, damaged ones included."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

import msgspec

Kind = Literal["array", "stream"]

_BLANK = b" \t\r\n"
_BLANKS = re.compile(rb"[ \t\r\n]*")
# A string ends at its quote or at the end of its line: a raw newline cannot stand in a JSON string, so a lost quote
# spoils one line and not the rest of the file.
_TOKEN = re.compile(rb'"(?:[^"\\\n]|\\.)*("?)|[\[\]{},]', re.DOTALL)


def value_spans(data: bytes, container: Kind) -> list[tuple[int, int]]:
    """Spans of the elements of an array, or of the values of a stream."""
    if container == "array":
        try:
            items = msgspec.json.decode(data, type=list[msgspec.Raw])
        except (ValueError, RecursionError):
            return list(bracket_spans(data, container, 0))
        spans, at = [], data.index(b"[") + 1
        for item in items:
            start = after_blanks(data, at)
            end = start + memoryview(item).nbytes
            spans.append((start, end))
            at = after_blanks(data, end) + 1
        return spans
    return list(bracket_spans(data, container, 0))


def after_blanks(data: bytes, at: int) -> int:
    match = _BLANKS.match(data, at)
    return match.end() if match else at


def bracket_spans(data: bytes, container: Kind, at: int) -> Iterator[tuple[int, int]]:
    """Spans of the values in ``data`` by brackets alone, so that a damaged one does not hide the others.

    After a lost quotation mark the brackets of a line are not to be trusted: the next value begins where a line is indented like
    the one that is damaged.
    """
    base = 1 if container == "array" else 0  # the depth at which a value stands
    depth, start, torn = 0, at, False
    for token in _TOKEN.finditer(data, at):
        mark = token.group()[:1]
        if mark == b'"':
            torn = torn or not token.group(1)
        elif mark in (b"[", b"{"):
            if torn and (ends := _indented_alike(data, start, token.start())) is not None:
                yield from _trimmed(data, start, ends)
                depth, start, torn = base, token.start(), False
            depth += 1
            if base and depth == 1:
                start = token.end()
        elif mark in (b"]", b"}"):
            depth -= 1
            if base and depth == 0:
                yield from _trimmed(data, start, token.start())
                start, base, torn = token.end(), 0, False  # what follows the array is a stream
            elif depth <= 0:
                depth = 0
                yield from _trimmed(data, start, token.end())
                start, torn = token.end(), False
        elif mark == b"," and base and depth == 1:
            yield from _trimmed(data, start, token.start())
            start, torn = token.end(), False
    yield from _trimmed(data, start, len(data))


def _indented_alike(data: bytes, start: int, at: int) -> int | None:
    """Where a value that began behind ``start`` ends, if the bracket at ``at`` begins its line at the same column; else None."""
    first = after_blanks(data, start)
    line = data.rfind(b"\n", 0, at) + 1
    column = first - (data.rfind(b"\n", 0, first) + 1)
    if line <= first or at - line != column or data[line:at].strip(_BLANK):
        return None
    return start + len(data[start:line].rstrip(_BLANK).removesuffix(b","))


def _trimmed(data: bytes, start: int, end: int) -> Iterator[tuple[int, int]]:
    piece = data[start:end]
    kept = piece.strip(_BLANK)
    if kept:
        lead = len(piece) - len(piece.lstrip(_BLANK))
        yield start + lead, start + lead + len(kept)
