"""Records: where each one begins and ends in a source, whatever the container.

Six containers occur, and the content decides, not the extension: **lines** (one JSON value a line, or a list of records),
an **array** (records between brackets), a **stream** (one or more JSON values, each spread over lines), a **map** (one object that
holds records by id, or lists of them), the rows of **CSV**, and the cells of a **notebook**. Lines are cut at ``\\n`` only: other
line breaks stand inside text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from .csv_rows import CsvRows, unreadable
from .decoding import Bad, Remark, decode
from .nested import in_a_list, in_an_object
from .notebooks import NotebookRecords
from .opening import Source
from .reading import looks_like_message
from .spans import bracket_spans, value_spans

Container = Literal["lines", "array", "stream"]  # a map is found within a stream

FIRST_BYTES = 2 << 20  # of the first block, so that something is found at once
BLOCK_BYTES = 8 << 20
BLOCK_RECORDS = 16_000
_BLANK = b" \t\r\n"
_LIST = ord("[")


@dataclass(frozen=True, slots=True)
class Region:
    """A stretch of a source with whole records in it.

    ``data`` are the bytes from ``base``; ``spans`` are absolute ``(start, end)``; ``lines`` are 1-based line numbers of
    the starts. ``first`` is the position of its first record in the source. Where records are made of the bytes rather
    than being them (CSV), ``cuts`` says where each stands in ``data``, and ``bad``, by position in the region, why a row is no record.
    ``names`` holds the keys under which records stand in a map, by position in the source. ``parted`` is what alone stands
    between the records, None where it is something else. ``places`` are the positions in the source where they are not ``first`` and
    those after it.
    """

    first: int
    base: int
    data: bytes
    spans: list[tuple[int, int]]
    lines: list[int]
    cuts: list[tuple[int, int]] | None = None
    names: Mapping[int, str] = field(default_factory=dict)
    bad: Mapping[int, Bad] = field(default_factory=dict)
    parted: Literal["line", "comma"] | None = None
    places: list[int] | None = None

    def place(self, at: int) -> int:
        """The position in the source of a record of this stretch."""
        return self.first + at if self.places is None else self.places[at]

    def record(self, at: int) -> bytes:
        if self.cuts is not None:
            start, end = self.cuts[at]
            return self.data[start:end]
        start, end = self.spans[at]
        return self.data[start - self.base : end - self.base]


def regions(source: Source) -> Iterator[Region]:
    """The records of a source, in file order, a few thousand at a time."""
    if source.csv is not None:
        yield from _csv_regions(source, source.csv)
        return
    if source.notebook is not None:
        yield from _notebook_regions(source.notebook)
        return
    container, at = sniff(source)
    if container == "lines":
        yield from _line_regions(source)
    else:
        yield from _value_regions(source, container, at)


def sniff(source: Source) -> tuple[Container, int]:
    """The container of a source, and where its first value begins."""
    if source.lines_only:  # records that were objects, written one a line
        return "lines", source.start
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
        return ("lines" if second else "stream"), at
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
    data = source.read(at, min(at + FIRST_BYTES, source.size))
    for start, end in bracket_spans(data, "array", 0):
        value = decode(data[start:end])
        return not isinstance(value, Bad) and looks_like_message(value[0])
    return False


def _line_regions(source: Source) -> Iterator[Region]:
    first, line, at, held = 0, 1, source.start, b""
    end = source.start
    while end < source.size or held:
        size = max(BLOCK_BYTES if first else min(FIRST_BYTES, BLOCK_BYTES), len(held))
        fresh = source.read(end, min(end + size, source.size))
        end += len(fresh)
        held += fresh
        cut = len(held) if end >= source.size else held.rfind(b"\n") + 1
        if cut == 0:
            continue
        data, held = held[:cut], held[cut:]
        spans: list[tuple[int, int]] = []
        lines: list[int] = []
        start, plain = 0, True
        for text in data.split(b"\n"):
            if text and (kept := text if text[0] > 32 and text[-1] > 32 else text.strip(_BLANK)):
                begin = at + start + (0 if text[0] not in _BLANK else text.index(kept))
                if kept[0] == _LIST and (inner := in_a_list(kept)):
                    plain = False
                    spans += [(begin + one, begin + other) for one, other in inner]
                    lines += [line] * len(inner)
                else:
                    spans.append((begin, begin + len(kept)))
                    lines.append(line)
            start += len(text) + 1
            line += 1
        line -= 1  # the last piece continues in the next block
        yield from _cut(first, at, data, spans, lines, "line" if plain else None)
        first += len(spans)
        at += cut


def _cut(
    first: int,
    base: int,
    data: bytes,
    spans: list[tuple[int, int]],
    lines: list[int],
    parted: Literal["line"] | None,
) -> Iterator[Region]:
    if len(spans) <= BLOCK_RECORDS:
        if spans:
            yield Region(first, base, data, spans, lines, parted=parted)
        return
    for low in range(0, len(spans), BLOCK_RECORDS):
        part = spans[low : low + BLOCK_RECORDS]
        start, end = part[0][0], part[-1][1]
        yield Region(
            first + low,
            start,
            data[start - base : end - base],
            part,
            lines[low : low + BLOCK_RECORDS],
            parted=parted,
        )


def _value_regions(source: Source, container: Literal["array", "stream"], at: int) -> Iterator[Region]:
    data = source.read(at, source.size)
    line = source.read(0, at).count(b"\n") + 1
    nested = in_an_object(data) if container == "stream" else None
    found, names = (value_spans(data, container), {}) if nested is None else nested
    spans = [(start + at, end + at) for start, end in found]
    lines, seen = [], at
    for start, _ in spans:
        line += data.count(b"\n", seen - at, start - at)
        lines.append(line)
        seen = start
    parted: Literal["comma"] | None = None
    if container == "array":
        source.remarks = list(_array_damage(data, at, spans, source))
        parted = None if source.remarks else "comma"
    low = 0
    while low < len(spans):
        base, high = spans[low][0], low
        limit = BLOCK_BYTES if low else min(FIRST_BYTES, BLOCK_BYTES)
        while high < len(spans) and high - low < BLOCK_RECORDS and spans[high][1] - base <= limit:
            high += 1
        high = max(high, low + 1)
        part = data[base - at : spans[high - 1][1] - at]
        named = {place: names[place] for place in range(low, high) if place in names} if names else {}
        yield Region(low, base, part, spans[low:high], lines[low:high], names=named, parted=parted)
        low = high


def _csv_regions(source: Source, table: CsvRows) -> Iterator[Region]:
    first, line = 0, source.read(0, table.start).count(b"\n") + 1
    for data, base, rows in table.rows():
        records: list[bytes] = []
        lines: list[int] = []
        cuts: list[tuple[int, int]] = []
        bad: dict[int, Bad] = {}
        seen = at = 0
        for number, row in enumerate(rows):
            record = table.record(row, data)
            if isinstance(record, Bad):
                bad[number] = record
                record = unreadable(data[row.start : row.end])
            records.append(record)
            cuts.append((at, at + len(record)))
            at += len(record) + 1
            line += data.count(b"\n", seen, row.start)
            lines.append(line)
            seen = row.start
        spans = [(base + row.start, base + row.end) for row in rows]
        yield Region(first, base, b"\n".join(records), spans, lines, cuts, bad=bad, parted="line")
        line += data.count(b"\n", seen, rows[-1].after)
        first += len(rows)


def _notebook_regions(notebook: NotebookRecords) -> Iterator[Region]:
    for low in range(0, len(notebook.spans), BLOCK_RECORDS):
        spans = notebook.spans[low : low + BLOCK_RECORDS]
        places = range(low, low + len(spans))
        yield Region(
            low,
            spans[0][0],
            notebook.data[spans[0][0] : spans[-1][1]],
            spans,
            [notebook.cells[place].line for place in places],
            names={place: notebook.names[place] for place in places if place in notebook.names},
            bad={place - low: notebook.bad[place] for place in places if place in notebook.bad},
        )


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
