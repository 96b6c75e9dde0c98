"""Notebooks as sources: the conversations in the cells of an ``.ipynb`` file (docs/cells.md).

Notebooks of formats 4.0 to 4.5 are read, and older ones. The bytes are read with the JSON reader of records rather than with nbformat,
so that a notebook that is damaged or cut off gives the cells that are whole, and what is wrong with the others is listed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from .cells import CellError, first_line, is_label, is_magic, lines_of, read_cell, read_header
from .csv_rows import unreadable
from .decoding import Bad, decode
from .objects import encode_record
from .reading import looks_like_message
from .spans import bracket_spans, value_spans

TAG = "conversation"
# How much of a file is looked at to see whether it begins as notebooks do.
SEEN = 1 << 16
_BEGINS = re.compile(rb'\s*\{\s*"(?:cells|metadata|nbformat|nbformat_minor|worksheets)"\s*:')
_CELLS = re.compile(rb'"cells"\s*:\s*(?=\[)')
_JSON_LIKE = re.compile(r'[\[{]\s*(?:["\[{]|\Z)')
_BLANK = " \t\r\n"


@dataclass(frozen=True, slots=True)
class Cell:
    """Where in a notebook a record stands.

    Attributes:
        number: the position of the cell, counted from 1.
        id: the cell's id, None in notebooks before 4.5.
        line: the line of the cell where the record begins, counted from 1.
        metadata: the metadata of the cell.
        into: the variable that the cell names for its dataset, None if it names none.
        alone: whether the cell holds no other record.
    """

    number: int
    id: str | None
    line: int
    metadata: Mapping[str, Any]
    into: str | None = None
    alone: bool = True


@dataclass
class NotebookRecords:
    """The records of a notebook, in the order of its cells.

    Attributes:
        data: their JSON, one after the other.
        spans: where each stands in ``data``.
        cells: the cell that each stands in.
        names: the ids of conversations that carry none, by position: that of their cell.
        bad: why some cannot be read, by position.
        metadata: the metadata of the notebook.
        damage: what is wrong with the notebook as a whole, None if it can be read to its end.
    """

    data: bytes = b""
    spans: list[tuple[int, int]] = field(default_factory=list)
    cells: list[Cell] = field(default_factory=list)
    names: dict[int, str] = field(default_factory=dict)
    bad: dict[int, Bad] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    damage: str | None = None


@dataclass(frozen=True, slots=True)
class _Found:
    """A record in a cell: its first line counted from 1, its JSON, why it is none, and the variable it goes to."""

    line: int
    data: bytes
    bad: Bad | None = None
    into: str | None = None


def begins_like_notebook(head: bytes) -> bool:
    """Whether a file whose first ``SEEN`` bytes are these can be a notebook: its first key is one of theirs, and no record by itself."""
    if _BEGINS.match(head) is None:
        return False
    first, _, rest = head.lstrip().partition(b"\n")
    return not rest.strip() or isinstance(decode(first), Bad)


def read_notebook(data: bytes) -> NotebookRecords | None:
    """The records in the cells of a notebook; None if the bytes are no notebook. Whatever they hold, nothing is raised."""
    if b'"nbformat"' not in data and b'"cell_type"' not in data:
        return None
    decoded = decode(data)
    if isinstance(decoded, Bad):
        return _of_damaged(data, decoded)
    notebook, _ = decoded
    if (cells := _cells_of(notebook)) is None:
        return None
    metadata = notebook.get("metadata")
    return _gathered(cells, metadata if type(metadata) is dict else {})


def _cells_of(notebook: Any) -> list[Any] | None:
    """The cells of a notebook, None if a value is none."""
    if type(notebook) is not dict:
        return None
    sheets = notebook.get("worksheets")  # before format 4
    if type(sheets) is list and "nbformat" in notebook:
        inner = [sheet.get("cells") for sheet in sheets if type(sheet) is dict]
        return [cell for cells in inner if type(cells) is list for cell in cells]
    cells = notebook.get("cells")
    if type(cells) is not list:
        return None
    return cells if "nbformat" in notebook or any(_is_cell(cell) for cell in cells) else None


def _is_cell(value: Any) -> bool:
    return type(value) is dict and "cell_type" in value


def _of_damaged(data: bytes, why: Bad) -> NotebookRecords | None:
    """The cells that are whole in a notebook that does not parse."""
    begins = _CELLS.search(data)
    if begins is None or b'"cell_type"' not in data:
        return None
    cells: list[Any] = []
    for start, end in bracket_spans(data, "array", begins.end()):
        piece = data[start:end]
        decoded = decode(piece)
        if isinstance(decoded, Bad):
            if b'"cell_type"' in piece or b'"source"' in piece:
                cells.append(Bad("file.bad_json", f"the cell is damaged: {decoded.reason}"))
        elif _is_cell(decoded[0]):
            cells.append(decoded[0])
    if not cells:
        return None
    records = _gathered(cells, {})
    records.damage = (
        f"the notebook is damaged (line {why.line + 1}: {why.reason}); the cells that are whole were read"
    )
    return records


def _gathered(cells: list[Any], metadata: Mapping[str, Any]) -> NotebookRecords:
    records = NotebookRecords(metadata=metadata)
    pieces: list[bytes] = []
    at = 0
    for number, cell in enumerate(cells, 1):
        name = cell.get("id") if type(cell) is dict else None
        name = name if type(name) is str and name else None
        own = cell.get("metadata") if type(cell) is dict else None
        found = list(_found_in(cell))
        for place, record in enumerate(found, 1):
            index = len(records.spans)
            records.spans.append((at, at + len(record.data)))
            alone = len(found) == 1
            records.cells.append(
                Cell(number, name, record.line, own if type(own) is dict else {}, record.into, alone)
            )
            if name is not None:
                records.names[index] = name if alone else f"{name}:{place}"
            if record.bad is not None:
                called = f"cell {number}" + (f" ({name})" if name is not None else "")
                records.bad[index] = replace(record.bad, reason=f"{called}: {record.bad.reason}")
            pieces.append(record.data)
            at += len(record.data) + 1
    records.data = b"\n".join(pieces)
    return records


def _found_in(cell: Any) -> Iterator[_Found]:
    """The records of one cell, in order."""
    if isinstance(cell, Bad):
        yield _Found(1, b"", cell)
        return
    text = _text_of(cell)
    if text is None:
        yield _Found(1, b"", Bad("file.bad_json", "the cell is damaged: it has no text"))
        return
    lines = lines_of(text)
    first = first_line(lines)
    if first == len(lines):
        return
    kind, tagged = cell.get("cell_type"), is_tagged(cell.get("metadata"))
    head = lines[first]
    if is_magic(head):
        yield _typed(text, head, first + 1)
    elif head.lstrip(_BLANK)[:1] in ("[", "{") and (tagged or kind == "raw"):
        found = list(json_records(text))
        if tagged or _JSON_LIKE.match(head.lstrip(_BLANK)) or any(record.bad is None for record in found):
            yield from found
    elif tagged or (kind in ("raw", "markdown", "heading") and _is_conversation(lines)):
        yield _typed(text, "", first + 1)


def is_tagged(metadata: Any) -> bool:
    """Whether the metadata of a cell say that it holds conversations."""
    tags = metadata.get("tags") if type(metadata) is dict else None
    return type(tags) is list and TAG in tags


def _text_of(cell: Any) -> str | None:
    """The text of a cell, which stands in one string or in several; None if it has none."""
    if type(cell) is not dict:
        return None
    text = cell.get("source", cell.get("input"))
    if type(text) is list and all(type(line) is str for line in text):
        return "".join(text)
    return text if type(text) is str else None


def _is_conversation(lines: list[str]) -> bool:
    """Whether untagged text is one: it begins with a label, and another follows. One alone may be prose (``System: Linux``)."""
    return is_label(lines[first_line(lines)]) and sum(map(is_label, lines)) > 1


def _typed(text: str, head: str, line: int) -> _Found:
    try:
        record = read_cell(text)
        into = read_header(head.partition(" ")[2]).into if head else None
    except CellError as problem:
        lines = unreadable(text.encode("utf-8", "surrogatepass"))
        return _Found(1, lines, Bad("file.bad_json", str(problem), problem.line - 1))
    return _Found(line, encode_record(record), into=into)


def json_records(text: str) -> Iterator[_Found]:
    """The records in a cell of JSON: one value, a list of records, or one a line."""
    kept = text.strip(_BLANK)
    above = text[: len(text) - len(text.lstrip(_BLANK))].count("\n") + 1
    data = kept.encode("utf-8", "surrogatepass")
    for start, end in _json_spans(data):
        record = data[start:end]
        decoded = decode(record)
        line = above + data.count(b"\n", 0, start)
        if isinstance(decoded, Bad):
            yield _Found(line, record, decoded)
        else:
            yield _Found(line, record)


def _json_spans(data: bytes) -> list[tuple[int, int]]:
    whole = [(0, len(data))]
    decoded = decode(data)
    if not isinstance(decoded, Bad):
        value, _ = decoded
        is_records = type(value) is list and not any(looks_like_message(item) for item in value)
        return value_spans(data, "array") if is_records else whole
    lines = list(_line_spans(data))
    if all(data[start : start + 1] in (b"{", b"[") for start, _ in lines) and _some_parse(data, lines):
        return lines
    for kind in ("stream", "array") if data[:1] == b"{" else ("array", "stream"):
        spans = list(bracket_spans(data, kind, 0))
        if len(spans) > 1 and _some_parse(data, spans):
            return spans
    return whole


def _line_spans(data: bytes) -> Iterator[tuple[int, int]]:
    at = 0
    for line in data.split(b"\n"):
        if kept := line.strip():
            start = at + line.index(kept)
            yield start, start + len(kept)
        at += len(line) + 1


def _some_parse(data: bytes, spans: list[tuple[int, int]]) -> bool:
    return any(not isinstance(decode(data[start:end]), Bad) for start, end in spans)
