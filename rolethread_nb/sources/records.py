"""Records: where each one begins and ends in a source, whatever the container.

Three containers occur, and the content decides, not the extension: **lines** (one JSON value a line), an **array**
(records between brackets), and a **stream** (one or more JSON values, each spread over lines). Lines are cut at ``\\n``
only: other line breaks stand inside text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import msgspec

from .decoding import Bad, Remark, decode
from .formats import looks_like_message
from .opening import Source

Container = Literal["lines", "array", "stream"]

BLOCK_BYTES = 2 << 20
BLOCK_RECORDS = 4000
_BLANK = b" \t\r\n"
_BLANKS = re.compile(rb"[ \t\r\n]*")
# A string ends at its quote or at the end of its line: a raw newline cannot stand in a JSON string, so a lost quote
# spoils one line and not the rest of the file.
_TOKEN = re.compile(rb'"(?:[^"\\\n]|\\.)*("?)|[\[\]{},]', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Region:
    """A stretch of a source with whole records in it.

    ``data`` are the bytes from ``base``; ``spans`` are absolute ``(start, end)``; ``lines`` are 1-based line numbers of
    the starts. ``first`` is the position of its first record in the source.
    """

    first: int
    base: int
    data: bytes
    spans: list[tuple[int, int]]
    lines: list[int]

    def record(self, at: int) -> bytes:
        start, end = self.spans[at]
        return self.data[start - self.base : end - self.base]


def regions(source: Source) -> Iterator[Region]:
    """The records of a source, in file order, a few thousand at a time."""
    container, at = sniff(source)
    if container == "lines":
        yield from _line_regions(source)
    else:
        yield from _value_regions(source, container, at)


def sniff(source: Source) -> tuple[Container, int]:
    """The container of a source, and where its first value begins."""
    at, first = _line_from(source, source.start)
    if first[:1] not in (b"{", b"["):
        return "lines", at
    _, second = _line_from(source, at + len(first))
    whole = decode(first, last=not second)
    if isinstance(whole, Bad):
        opens = first.rstrip()[-1:] in (b"[", b"{", b",", b":")
        if second and not opens and not isinstance(decode(second.rstrip()), Bad):
            return "lines", at  # a bad line among good ones
        if not second and first[:1] == b"{":
            return "lines", at
        if first[:1] == b"{":
            return ("stream", at) if opens else ("lines", at)
        return ("stream" if _holds_messages(source, at) else "array"), at
    if first[:1] == b"{" or second or not isinstance(whole[0], list):
        return "lines", at
    return ("lines" if whole[0] and looks_like_message(whole[0][0]) else "array"), at


def _line_from(source: Source, at: int) -> tuple[int, bytes]:
    """The first line with something on it at or after ``at``: where it begins, and its bytes to the line's end."""
    held = b""
    while at + len(held) < source.size:
        size = max(1 << 16, len(held))
        held += source.read(at + len(held), min(at + len(held) + size, source.size))
        lead = len(held) - len(held.lstrip(_BLANK))
        at, held = at + lead, held[lead:]
        if (stop := held.find(b"\n")) >= 0:
            return at, held[:stop]
    return at, held


def _holds_messages(source: Source, at: int) -> bool:
    """Whether the array at ``at`` is itself one conversation: a bare list of messages spread over lines."""
    data = source.read(at, min(at + BLOCK_BYTES, source.size))
    for start, end in _spans(data, "array", 0):
        value = decode(data[start:end])
        return not isinstance(value, Bad) and looks_like_message(value[0])
    return False


def _line_regions(source: Source) -> Iterator[Region]:
    first, line, at, held = 0, 1, source.start, b""
    end = source.start
    while end < source.size or held:
        size = max(BLOCK_BYTES, len(held))
        fresh = source.read(end, min(end + size, source.size))
        end += len(fresh)
        held += fresh
        cut = len(held) if end >= source.size else held.rfind(b"\n") + 1
        if cut == 0:
            continue
        data, held = held[:cut], held[cut:]
        spans: list[tuple[int, int]] = []
        lines: list[int] = []
        start = 0
        for text in data.split(b"\n"):
            if text and (kept := text if text[0] > 32 and text[-1] > 32 else text.strip(_BLANK)):
                lead = 0 if text[0] not in _BLANK else text.index(kept)
                spans.append((at + start + lead, at + start + lead + len(kept)))
                lines.append(line)
            start += len(text) + 1
            line += 1
        line -= 1  # the last piece continues in the next block
        yield from _cut(first, at, data, spans, lines)
        first += len(spans)
        at += cut


def _cut(
    first: int, base: int, data: bytes, spans: list[tuple[int, int]], lines: list[int]
) -> Iterator[Region]:
    if len(spans) <= BLOCK_RECORDS:
        if spans:
            yield Region(first, base, data, spans, lines)
        return
    for low in range(0, len(spans), BLOCK_RECORDS):
        part = spans[low : low + BLOCK_RECORDS]
        start, end = part[0][0], part[-1][1]
        yield Region(
            first + low, start, data[start - base : end - base], part, lines[low : low + BLOCK_RECORDS]
        )


def _value_regions(source: Source, container: Container, at: int) -> Iterator[Region]:
    data = source.read(at, source.size)
    line = source.read(0, at).count(b"\n") + 1
    spans = [(start + at, end + at) for start, end in _fast_spans(data, container)]
    lines, seen = [], at
    for start, _ in spans:
        line += data.count(b"\n", seen - at, start - at)
        lines.append(line)
        seen = start
    if container == "array":
        source.remarks = list(_array_damage(data, at, spans, source))
    low = 0
    while low < len(spans):
        base, high = spans[low][0], low
        while high < len(spans) and high - low < BLOCK_RECORDS and spans[high][1] - base <= BLOCK_BYTES:
            high += 1
        high = max(high, low + 1)
        part = data[base - at : spans[high - 1][1] - at]
        yield Region(low, base, part, spans[low:high], lines[low:high])
        low = high


def _fast_spans(data: bytes, container: Container) -> list[tuple[int, int]]:
    if container == "array":
        try:
            items = msgspec.json.decode(data, type=list[msgspec.Raw])
        except (ValueError, RecursionError):
            return list(_spans(data, container, 0))
        spans, at = [], data.index(b"[") + 1
        for item in items:
            start = _after_blanks(data, at)
            end = start + memoryview(item).nbytes
            spans.append((start, end))
            at = _after_blanks(data, end) + 1
        return spans
    return list(_spans(data, container, 0))


def _array_damage(data: bytes, at: int, spans: list[tuple[int, int]], source: Source) -> Iterator[Remark]:
    """What is wrong with an array between its records, which load all the same; strict readers refuse the whole file."""

    def gap(left: int, right: int) -> bytes:
        return b"".join(data[left - at : right - at].split())

    end = at + 1
    for number, (start, after) in enumerate(spans):
        between = gap(end, start)
        if between.startswith(b"]"):
            return  # what follows the array is a record of its own
        if between != (b"," if number else b""):
            yield _between(data, at, end, "a comma too many or too few between two records of the array")
        end = after
    tail = gap(end, source.size)
    whole = not spans or not isinstance(decode(data[spans[-1][0] - at : spans[-1][1] - at]), Bad)
    if tail.startswith(b","):
        yield _between(data, at, end, "a comma before the closing bracket of the array")
    elif not tail and whole:
        yield _between(data, at, source.size, "the array is not closed")


def _between(data: bytes, at: int, where: int, reason: str) -> Remark:
    line = data.count(b"\n", 0, where - at) + 1
    return Remark("file.bad_json", {"reason": reason, "line": line, "container": True})


def _after_blanks(data: bytes, at: int) -> int:
    match = _BLANKS.match(data, at)
    return match.end() if match else at


def _spans(data: bytes, container: Container, at: int) -> Iterator[tuple[int, int]]:
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
    first = _after_blanks(data, start)
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
