"""Opening: whatever the user names becomes bytes that can be read by position.

A file is read through a descriptor of our own with ``os.pread``, never mapped: a mapped file that is rewritten under
us ends the process. Compressed and UTF-16 files are unpacked once into an unnamed temporary file.
"""

from __future__ import annotations

import gzip
import io
import os
import tempfile
import threading
import weakref
import zlib
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import IO, Any

import zstandard

from ..core.errors import SourceChangedError, SourceError
from . import csv_rows
from .decoding import Remark
from .notebooks import SEEN, NotebookRecords, begins_like_notebook, read_notebook
from .objects import encode_record
from .tables import ARROW, PARQUET, columns_of, file_rows, is_hf, library, rows_of

UTF8_BOM = b"\xef\xbb\xbf"
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_UTF16 = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
_CHUNK = 1 << 20

# Kinds of file that are often named by mistake, by their first bytes.
_FOREIGN = {
    b"version https://git-lfs.github.com/spec/": "a Git LFS pointer, not the data itself (fetch it with: git lfs pull)",
    b"\x89PNG": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"GIF8": "a GIF picture",
    b"%PDF": "a PDF document",
    b"PK\x03\x04": "a zip archive (unpack it first)",
    b"SQLite format 3": "an SQLite database",
    b"\x7fELF": "a program",
}


class Source:
    """Bytes that can be read by position, with a name for messages.

    Attributes:
        name: what messages call it: the path as given, or ``<list>``, ``<bytes>``.
        path: the file behind it, or None.
        size: length in bytes after unpacking.
        start: where the text begins (after a byte order mark).
        encoding: ``utf-8``, or the UTF-16 form the file was in.
        foreign: what the file is when it is no dataset at all, else None.
        damage: why unpacking ended early, else None.
        remarks: what is wrong with the container itself, known once its records have been read.
        has_lines: False for data that never was a file, or is no text.
        lines_only: True where each line is known to be one record.
        whole_file: True where these bytes are the very ones at ``path``.
        packed: the file that these records were taken out of, where they do not stand in it as text (Parquet, Arrow, notebooks), else None.
        notebook: the cells that these records stand in, where the file is a notebook, else None.
    """

    def __init__(
        self, name: str, handle: IO[bytes], *, path: Path | None = None, has_lines: bool = True
    ) -> None:
        self.name = name
        self.path = path
        self.has_lines = has_lines
        self.lines_only = False
        self.whole_file = False
        self.packed: Source | None = None
        self.notebook: NotebookRecords | None = None
        self.encoding = "utf-8"
        self.damage: str | None = None
        self.remarks: list[Remark] = []
        self._handle = handle
        self._turn = threading.Lock()
        self._stamp: tuple[int, int, int] | None = None
        weakref.finalize(self, handle.close)
        self._measure()

    def _measure(self) -> None:
        self.size = os.fstat(self._handle.fileno()).st_size
        head = self._pread(0, 64)
        self.start = len(UTF8_BOM) if head.startswith(UTF8_BOM) else 0
        self.foreign = next((what for mark, what in _FOREIGN.items() if head.startswith(mark)), None)

    def read(self, start: int, end: int) -> bytes:
        """The bytes from ``start`` to ``end``.

        Raises:
            SourceChangedError: if the file was written, replaced or cut since it was opened.
        """
        if self._stamp is not None and self.path is not None and _stamp(self.path) != self._stamp:
            raise SourceChangedError(f"{self.name} has changed on disk since it was loaded; load it again.")
        data = self._pread(start, end - start)
        if len(data) != end - start:
            raise SourceChangedError(f"{self.name} has become shorter since it was loaded; load it again.")
        return data

    def _pread(self, start: int, length: int) -> bytes:
        parts = []
        while length > 0 and (part := self._read_once(start, length)):
            parts.append(part)
            start, length = start + len(part), length - len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _read_once(self, start: int, length: int) -> bytes:
        if hasattr(os, "pread"):
            return os.pread(self._handle.fileno(), length, start)
        with self._turn:  # Windows has one position a file
            self._handle.seek(start)
            return self._handle.read(length)

    def head(self, length: int) -> bytes:
        """The first bytes."""
        return self._pread(0, length)

    def stream(self) -> IO[bytes]:
        """The bytes from the beginning, to be read once."""
        self._handle.seek(0)
        return io.BufferedReader(io.FileIO(self._handle.fileno(), closefd=False))

    @property
    def hint(self) -> str:
        """The ending of the name, in small letters, without that of a compression: ``.csv``."""
        name = self.name.lower()
        for packed in (".gz", ".zst"):
            name = name.removesuffix(packed)
        return Path(name).suffix

    @cached_property
    def csv(self) -> csv_rows.CsvRows | None:
        """How to read the source as CSV, None if it is no CSV."""
        return csv_rows.sniff(self)

    def record(self, start: int, end: int) -> bytes:
        """The JSON of the record at a span, whatever it is written in.

        Raises:
            SourceChangedError: as for ``read``.
        """
        data = self.read(start, end)
        return data if self.csv is None else self.csv.record_of(data)

    def written(self, record: bytes, start: int, end: int) -> bytes:
        """A changed record in the form of the source, in place of the one at a span.

        Raises:
            ExportError: if that form cannot hold it.
        """
        return record if self.csv is None else self.csv.written(record, self.read(start, end))

    def watch(self) -> None:
        """From now on, refuse to read if the file has changed on disk."""
        if self.path is not None:
            self._stamp = _stamp(self.path)

    def original(self, data: bytes) -> bytes:
        """``data`` in the encoding that the file came in."""
        return (
            data if self.encoding == "utf-8" else data.decode("utf-8").encode(self.encoding, "surrogatepass")
        )


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns, status.st_ino


def open_source(given: object, name: str | None = None) -> Source:
    """Open one path, bytes, open file, table, dict, or iterable of records. ``name`` replaces the name for messages.

    Raises:
        SourceError: in one sentence, if there is nothing to read.
    """
    if isinstance(given, str | os.PathLike):
        return _open_path(Path(given))
    if isinstance(given, bytes | bytearray | memoryview):
        return _opened(Source("bytes in memory", _spool([bytes(given)])))
    if isinstance(given, io.IOBase) or (hasattr(given, "read") and callable(given.read)):
        return _open_stream(given)
    name = name or f"{type(given).__name__} in memory"
    if isinstance(given, Mapping):
        return _open_dict(given, name)
    if is_hf(given) or library(given) in ("pandas", "polars", "pyarrow"):
        return _open_objects(rows_of(given), name)
    if isinstance(given, Iterable):
        return _open_objects(given, name)
    raise SourceError(f"Cannot read conversations from {type(given).__name__}.")


def _open_path(path: Path) -> Source:
    try:
        if path.is_dir():
            raise SourceError(f"{path} is a folder; name a file.")
        handle = path.open("rb", buffering=0)
    except FileNotFoundError:
        raise SourceError(f"{path}: no such file.") from None
    except (OSError, ValueError) as problem:
        raise SourceError(
            f"{path} cannot be opened: {getattr(problem, 'strerror', None) or problem}."
        ) from None
    if not path.is_file():  # a pipe or a device: read it once
        with handle:
            source = Source(str(path), _spool(iter(lambda: handle.read(_CHUNK), b"")))
        return _opened(source)
    source = Source(str(path), handle, path=path.absolute())
    source.whole_file = True
    source.watch()
    return _opened(source)


def _open_stream(stream: Any) -> Source:
    def chunks() -> Iterator[bytes]:
        while part := stream.read(_CHUNK):
            yield part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part

    return _opened(Source(str(getattr(stream, "name", "<stream>")), _spool(chunks())))


def _open_objects(records: Iterable[object], name: str) -> Source:
    lines = (encode_record(record) + b"\n" for record in records)
    source = Source(name, _spool(lines), has_lines=False)
    source.lines_only = True
    return source


def _open_dict(given: Mapping[Any, Any], name: str) -> Source:
    """Columns, one record, or an object that holds records."""
    if (rows := columns_of(given)) is not None:
        return _open_objects(rows, name)
    return Source(name, _spool([encode_record(given)]), has_lines=False)


def _opened(source: Source) -> Source:
    """What a file holds: unpacked, and as JSON where it is a table or a notebook."""
    source = _unpacked(source)
    kind = next((mark for mark in (PARQUET, ARROW) if source.head(8).startswith(mark)), None)
    if kind is None:
        return _from_cells(source)
    what = "a Parquet file" if kind == PARQUET else "an Arrow file"
    file = source.path if source.whole_file and source.path else source.read(0, source.size)
    lines = (encode_record(row) + b"\n" for row in file_rows(kind, file))
    try:
        inner = Source(source.name, _spool(lines), path=source.path, has_lines=False)
    except SourceError as problem:
        source.foreign = f"{what} that cannot be read: {problem}"
        return source
    inner.lines_only = True
    inner.packed = source
    return inner


def _from_cells(source: Source) -> Source:
    """The conversations in the cells of a notebook; the source itself if it is none."""
    if not begins_like_notebook(source.head(source.start + SEEN)[source.start :]):
        return source
    records = read_notebook(source.read(source.start, source.size))
    if records is None:
        return source
    inner = Source(source.name, _spool([records.data]), path=source.path)
    inner.lines_only = True
    inner.packed = source
    inner.notebook = records
    inner.damage = source.damage or records.damage
    return inner


def _spool(chunks: Iterable[bytes]) -> IO[bytes]:
    handle = tempfile.TemporaryFile(prefix="rolethread_nb_")  # noqa: SIM115 - lives as long as its source
    for chunk in chunks:
        handle.write(chunk)
    handle.flush()
    return handle


def _unpacked(source: Source) -> Source:
    """``source`` itself, or what is inside it when it is compressed or UTF-16."""
    head = source.head(4)
    if head.startswith(_GZIP):
        return _inflated(source, gzip.GzipFile(fileobj=source.stream()), "gzip")
    if head.startswith(_ZSTD):
        stream = zstandard.ZstdDecompressor().stream_reader(source.stream(), read_across_frames=True)
        return _inflated(source, stream, "zstandard")
    if (encoding := _UTF16.get(head[:2])) is not None:
        packed = source.read(0, source.size)
        try:
            text = packed.decode(encoding).encode("utf-8")
        except UnicodeError:
            return source  # not UTF-16 after all; its lines will say that they are not UTF-8
        return _replacing(source, _spool([text]), encoding=encoding)
    return source


def _inflated(source: Source, stream: Any, what: str) -> Source:
    damage: list[str] = []

    def chunks() -> Iterator[bytes]:
        try:
            while part := stream.read1(_CHUNK):  # read() would throw away what came before the damage
                yield part
        except (EOFError, OSError, zlib.error, zstandard.ZstdError):
            damage.append(f"the {what} stream is damaged or ends early, what follows is lost")

    inner = _replacing(source, _spool(chunks()))
    inner.damage = damage[0] if damage else None
    return _unpacked(inner) if inner.damage is None else inner


def _replacing(outer: Source, handle: IO[bytes], encoding: str = "utf-8") -> Source:
    inner = Source(outer.name, handle, path=outer.path)
    inner.encoding = encoding
    return inner
