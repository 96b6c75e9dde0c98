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
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

import zstandard

from ..core.errors import SourceChangedError, SourceError
from .decoding import Remark
from .objects import encode_record

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
    b"PAR1": "a Parquet file, which this version does not read",
    b"ARROW1": "an Arrow file, which this version does not read",
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
        has_lines: False for data that never was a file.
    """

    def __init__(
        self, name: str, handle: IO[bytes], *, path: Path | None = None, has_lines: bool = True
    ) -> None:
        self.name = name
        self.path = path
        self.has_lines = has_lines
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


def open_source(given: object) -> Source:
    """Open one path, bytes, open file, or iterable of records.

    Raises:
        SourceError: in one sentence, if there is nothing to read.
    """
    if isinstance(given, str | os.PathLike):
        return _open_path(Path(given))
    if isinstance(given, bytes | bytearray | memoryview):
        return _unpacked(Source("bytes in memory", _spool([bytes(given)])))
    if isinstance(given, io.IOBase) or (hasattr(given, "read") and callable(given.read)):
        return _open_stream(given)
    if isinstance(given, dict):
        raise SourceError(
            "A dict of columns is not read; pass a list of records, or a path, bytes, a Hugging Face Dataset."
        )
    if type(given).__module__.partition(".")[0] in ("pandas", "polars", "pyarrow"):
        raise SourceError(
            f"A {type(given).__name__} is not read; pass its rows as a list of dicts, or write it to a .jsonl file."
        )
    if isinstance(given, Iterable):
        return _open_objects(given)
    raise SourceError(f"Cannot read conversations from {type(given).__name__}.")


def _open_path(path: Path) -> Source:
    try:
        if path.is_dir():
            raise SourceError(f"{path} is a folder; name the files in it.")
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
        return _unpacked(source)
    source = Source(str(path), handle, path=path.absolute())
    source.watch()
    return _unpacked(source)


def _open_stream(stream: Any) -> Source:
    def chunks() -> Iterator[bytes]:
        while part := stream.read(_CHUNK):
            yield part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part

    return _unpacked(Source(str(getattr(stream, "name", "<stream>")), _spool(chunks())))


def _open_objects(records: Iterable[object]) -> Source:
    lines = (encode_record(record) + b"\n" for record in records)
    return Source(f"{type(records).__name__} in memory", _spool(lines), has_lines=False)


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
