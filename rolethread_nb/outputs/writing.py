"""Writing a file whole or not at all."""

from __future__ import annotations

import contextlib
import gzip
import os
import stat
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

import zstandard

from ..core.errors import ExportError


def write_atomically(path: Path, pieces: Iterable[bytes], *, overwrite: bool) -> int:
    """Write ``pieces`` to a temporary file beside ``path``, sync it, and put it in place. Returns the bytes before compression.

    A name that ends in ``.gz`` or ``.zst`` is compressed; equal input gives equal files.

    Raises:
        ExportError: if the path is a folder, a device or a pipe, the file exists and ``overwrite`` is False, or the folder cannot be written to.
    """
    if path.is_symlink():
        path = path.resolve()  # the link stays, its target is written
    if path.is_dir():
        raise ExportError(f"{path} is a folder; name a file.")
    if path.exists() and not path.is_file():
        raise ExportError(f"{path} is no ordinary file; name a file.")
    if path.exists() and not overwrite:
        raise ExportError(f"{path} exists already; say overwrite=True (--force) to replace it.")
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name[:40]}.", suffix=".part", dir=path.parent)
    except OSError as problem:
        raise ExportError(f"{path} cannot be written: {problem.strerror}.") from None
    temporary = Path(name)
    try:
        total = 0
        with os.fdopen(handle, "wb") as file:
            with _compressed(file, path.suffix) as out:
                for piece in pieces:
                    out.write(piece)
                    total += len(piece)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(_mode(path))
        if overwrite:
            temporary.replace(path)
        else:
            _place_new(temporary, path)
        _sync_folder(path.parent)
        return total
    except OSError as problem:
        raise ExportError(f"{path} cannot be written: {problem.strerror or problem}.") from None
    finally:
        temporary.unlink(missing_ok=True)


def _place_new(temporary: Path, path: Path) -> None:
    """Put the file in place only if nobody else has made one of that name meanwhile."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise ExportError(f"{path} exists already; say overwrite=True (--force) to replace it.") from None
    except OSError:  # a file system without hard links
        temporary.replace(path)


@contextlib.contextmanager
def _compressed(file: IO[bytes], suffix: str) -> Iterator[Any]:
    if suffix == ".gz":
        with gzip.GzipFile(filename="", fileobj=file, mode="wb", mtime=0) as out:
            yield out
    elif suffix == ".zst":
        with zstandard.ZstdCompressor().stream_writer(file, closefd=False) as out:
            yield out
    else:
        yield file


def _mode(path: Path) -> int:
    if path.exists():
        return stat.S_IMODE(path.stat().st_mode)
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def _sync_folder(folder: Path) -> None:
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
