"""Rows of a CSV file as JSON records, each with its bytes, so that what was not changed leaves as it came.

The first row names the keys. A row is read to its own end even where it holds line breaks; a row that is damaged costs its own
line and no other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import msgspec

from ..core.errors import ExportError
from .cells_csv import cell_of, json_of
from .decoding import Bad, decode, decode_exactly
from .objects import encode_record

if TYPE_CHECKING:
    from .opening import Source

BLOCK_BYTES = 2 << 20
BLOCK_ROWS = 4000
_SAMPLE = 1 << 18
_BLANK = b" \t\r\n"
_BOOLEANS = {b"true": b"true", b"false": b"false"}
# A quoted field to its closing mark: marks inside are doubled.
_QUOTED = re.compile(rb'"[^"]*(?:""[^"]*)*"?')
_FIELDS = {
    mark: re.compile(rb'(?:"([^"]*(?:""[^"]*)*)"\r?|((?!")[^%b\n]*))(%b|\n|\Z)' % (mark, mark))
    for mark in (b",", b";", b"\t")
}
_NEEDS_MARKS = re.compile(r'[",;\t\r\n]|\A[ \ufeff]|[ ]\Z')
_NAME = re.compile(r"[\w][\w .:/-]{0,59}")
# Columns by which a file is known as a dataset where its name does not say that it is CSV.
_KNOWN_NAMES = frozenset(
    "messages conversations conversation dialog dialogue chosen rejected prompt completion instruction output response query"
    " history question answer transcript".split()
)


@dataclass(slots=True)
class Row:
    """One row: ``start`` and ``end`` of its bytes without the line break, ``after`` where the next begins."""

    start: int
    end: int
    after: int
    cells: list[bytes]
    raw: list[tuple[int, int]]
    broken: str | None = None


class CsvRows:
    """How the rows of one CSV source are read and written.

    Attributes:
        names: the keys, from the first row.
        delimiter: a comma, a semicolon or a tab.
        start: where the second row begins in the source.
    """

    def __init__(self, source: Source, delimiter: bytes, names: list[str], start: int) -> None:
        self.names = names
        self.delimiter = delimiter
        self.start = start
        self._source = source
        self._keys = [msgspec.json.encode(name) + b":" for name in names]
        self._label: int | None = None
        self._label = self._boolean_label()

    def rows(self) -> Iterator[tuple[bytes, int, list[Row]]]:
        """The rows a block at a time: the bytes, the position of their first in the source, and the rows within them."""
        source, at, end, held = self._source, self.start, self.start, b""
        while end < source.size or held:
            found = list(islice(parse(held, self.delimiter, last=end >= source.size), BLOCK_ROWS))
            if not found or (len(found) < BLOCK_ROWS and end < source.size and len(held) < BLOCK_BYTES):
                if end >= source.size:
                    return
                fresh = source.read(end, min(end + max(BLOCK_BYTES, len(held)), source.size))
                end += len(fresh)
                held += fresh
                continue
            cut = found[-1].after
            if source.damage is not None and at + cut >= source.size and held[-1:] != b"\n":
                found[-1].broken = "the row is cut off: the file ends inside it"
            yield held, at, found
            at, held = at + cut, held[cut:]

    def _boolean_label(self) -> int | None:
        """The column ``label``, if all of its cells are ``true`` or ``false``: the thumbs of KTO."""
        if self.names.count("label") != 1:
            return None
        column = self.names.index("label")
        seen = False
        for _, _, rows in self.rows():
            for row in rows:
                if row.broken is None and len(row.cells) == len(self.names):
                    if row.cells[column].lower() not in _BOOLEANS:
                        return None
                    seen = True
        return column if seen else None

    def record(self, row: Row, data: bytes) -> bytes | Bad:
        """A row as the JSON of an object, or why it is none."""
        if row.broken is not None:
            return Bad("file.bad_json", row.broken)
        if len(row.cells) != len(self.names):
            return Bad(
                "file.bad_json",
                f"the row has {len(row.cells)} cell{'s' if len(row.cells) != 1 else ''}, the first row names {len(self.names)}",
            )
        parts = []
        try:
            for at, cell in enumerate(row.cells):
                parts.append(
                    self._keys[at] + (_BOOLEANS[cell.lower()] if at == self._label else json_of(cell))
                )
        except UnicodeDecodeError:
            return _not_utf8(data[row.start : row.end])
        return b"{" + b",".join(parts) + b"}"

    def record_of(self, data: bytes) -> bytes:
        """The JSON of a record by the bytes of its row; the bytes themselves where they are none."""
        row = next(parse(data, self.delimiter, last=True), None)
        record = None if row is None else self.record(row, data)
        return unreadable(data) if record is None or isinstance(record, Bad) else record

    def written(self, record: bytes, data: bytes) -> bytes:
        """The row of a record that was changed; the cells that were not keep the bytes they have in ``data``.

        Raises:
            ExportError: if the record has a key without a column.
        """
        row = next(parse(data, self.delimiter, last=True))
        old, new = _values(self.record_of(data)), _values(record)
        if new is None or old is None or (lost := [key for key in new if key not in self.names]):
            what = "is no object any more" if new is None else f"has the key {lost[0]!r}, which is no column"
            raise ExportError(
                f"{self._source.name}: a record that was changed {what}; export to messages instead."
            )
        cells = []
        for at, name in enumerate(self.names):
            value = new.get(name)
            if value is not None and value == old[name]:
                start, end = row.raw[at]
                cells.append(data[start:end])
            else:
                cells.append(b"" if value is None else quoted(_text(value)).encode("utf-8", "surrogatepass"))
        return self.delimiter.join(cells)


def quoted(text: str) -> str:
    """The text of a cell as it stands in a CSV file, in quotation marks where it needs them."""
    return '"' + text.replace('"', '""') + '"' if _NEEDS_MARKS.search(text) else text


def unreadable(data: bytes) -> bytes:
    """Bytes of a row that is no record, as something that is none either."""
    if isinstance(decode(data), Bad):
        return data
    return msgspec.json.encode(data.decode("utf-8", "replace"))


def parse(data: bytes, delimiter: bytes, *, last: bool) -> Iterator[Row]:
    """The rows in ``data`` that are whole; the rest of them if ``last`` says that nothing follows."""
    match_field = _FIELDS[delimiter].match
    at, size = 0, len(data)
    while at < size:
        start, cells, raw = at, [], []
        broken: str | None = None
        while True:
            match = match_field(data, at)
            if match is None:
                mark = _QUOTED.match(data, at)
                assert mark is not None
                if mark.end() >= size and not last:
                    return  # the closing mark may still come
                broken = (
                    "a quotation mark that is never closed"
                    if mark.end() >= size
                    else "text behind a closing quotation mark"
                )
                break
            if match.end() >= size and not last and match.group(3) != b"\n":
                return
            text = match.group(1)
            if text is None:
                text, end = match.group(2), match.end(2)
                if match.group(3) != delimiter and text.endswith(b"\r"):
                    text, end = text[:-1], end - 1
            else:
                text = text.replace(b'""', b'"') if b'"' in text else text
                end = match.end(1) + 1
            raw.append((match.start(), end))
            cells.append(text)
            at = match.end()
            if match.group(3) != delimiter:
                break
        if broken is not None:
            stop = data.find(b"\n", start)
            if stop < 0 and not last:
                return
            at = size if stop < 0 else stop + 1
            end = at if stop < 0 else stop - (data[stop - 1 : stop] == b"\r")
            yield Row(start, end, at, [], [], broken)
        elif len(cells) > 1 or data[start:end].strip(_BLANK):
            yield Row(start, end, at, cells, raw)


def sniff(source: Source) -> CsvRows | None:
    """How to read a source as CSV, None if it is none.

    The content decides. A name that ends in ``.csv`` or ``.tsv`` makes any plausible first row do; without it, the first row must name
    a key that conversations have and the next rows must have as many cells. What begins like JSON, or has rows that are JSON, is
    not CSV.
    """
    if not source.has_lines or source.foreign is not None or source.lines_only:
        return None
    head = source.read(source.start, min(source.start + _SAMPLE, source.size))
    lead = len(head) - len(head.lstrip(_BLANK))
    head = head[lead:]
    if not head or head[:1] in (b"{", b"[") or b"\0" in head:
        return None
    whole = source.start + lead + len(head) >= source.size
    hinted = source.hint in (".csv", ".tsv")
    best: tuple[float, int, bytes, list[str], int] | None = None
    for mark in (b"\t", b";", b",") if source.hint == ".tsv" else (b",", b";", b"\t"):
        rows = []
        for row in parse(head, mark, last=whole):
            rows.append(row)
            if len(rows) > 50:
                break
        names = _names(rows[0], hinted) if rows else None
        if names is None or any(_is_json(head[row.start : row.end]) for row in rows[1:]):
            continue
        if not hinted and not _is_evident(names, rows[1:]):
            continue
        agree = sum(len(row.cells) == len(names) for row in rows[1:]) / max(1, len(rows) - 1)
        if best is None or (len(names) > 1, agree, len(names)) > (len(best[3]) > 1, best[0], best[1]):
            best = (agree, len(names), mark, names, source.start + lead + rows[0].after)
    return None if best is None else CsvRows(source, best[2], best[3], best[4])


def _names(row: Row, hinted: bool) -> list[str] | None:
    """The keys that a first row names, None if it cannot be one."""
    if row.broken is not None:
        return None
    try:
        names = [cell.decode() for cell in row.cells]
    except UnicodeDecodeError:
        return None
    if hinted:
        plausible = any(names) and not any(len(name) > 200 or "\n" in name for name in names)
    else:
        plausible = len(set(names)) == len(names) and all(
            _NAME.fullmatch(name) or (not name and not at) for at, name in enumerate(names)
        )
    return names if plausible and not any(name[:1] in ("{", "[") or '{"' in name for name in names) else None


def _is_evident(names: list[str], rows: list[Row]) -> bool:
    known = any(name.lower() in _KNOWN_NAMES for name in names)
    fitting = [row for row in rows if len(row.cells) == len(names)]
    if len(names) == 1:
        fitting = [row for row in fitting if row.cells[0][:1] in (b"[", b"{") and _is_json(row.cells[0])]
    return known and bool(fitting) and len(fitting) * 5 >= len(rows) * 4


def _is_json(data: bytes) -> bool:
    return data[:1] in (b"{", b"[") and not isinstance(decode(data), Bad)


def _values(record: bytes) -> dict[str, bytes] | None:
    """The values of an object by key, as they are written."""
    try:
        return {
            key: bytes(value)
            for key, value in msgspec.json.decode(record, type=dict[str, msgspec.Raw]).items()
        }
    except ValueError:
        value = decode_exactly(record)
        return {key: encode_record(part) for key, part in value.items()} if isinstance(value, dict) else None


def _text(value: bytes) -> str:
    """A JSON value, as it is written, as the text of a cell."""
    return value.decode() if value[:1] in (b"[", b"{") else cell_of(decode_exactly(value))


def _not_utf8(data: bytes) -> Bad:
    try:
        data.decode()
    except UnicodeDecodeError as problem:
        before = data[: problem.start].decode(errors="replace")
        return Bad(
            "file.not_utf8",
            f"byte 0x{data[problem.start]:02X} is not UTF-8",
            before.count("\n"),
            len(before) - (before.rfind("\n") + 1) + 1,
        )
    return Bad("file.not_utf8", "the row is not UTF-8")
