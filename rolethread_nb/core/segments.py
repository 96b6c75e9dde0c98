"""Segments: the files of a journal. Each kernel appends to files of its own and rewrites nobody's, so that no lock is needed."""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from ..sources.discovery import REVIEW
from .errors import RolethreadError

_ENDING = ".jsonl"
_IDLE = (
    600.0  # seconds after which a segment is not appended to any more: it may have been synced or committed
)


class JournalError(RolethreadError):
    """A journal cannot be written or read."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a segment that is an operation."""

    at: str
    segment: str
    number: int
    op: Mapping[str, Any] = field(hash=False)


@dataclass(slots=True)
class Read:
    """What a folder holds: the operations in the order in which they are replayed, and what could not be read, in sentences."""

    lines: list[Line]
    lost: list[str]


def folder_of(path: Path) -> Path:
    """Where the journal of a file is kept: the folder ``<full file name>.review`` beside it."""
    return path.with_name(path.name + REVIEW)


class Folder:
    """The journal's files in one folder. The folder and a segment are made with the first operation."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: IO[bytes] | None = None
        self._last = 0.0

    def read(self) -> Read:
        """Every operation of every segment, in the order of their times; within a segment the order of its lines wins.

        A last line without its end was being written when the kernel died: it is left out and named, as is a line that is no operation.

        Raises:
            JournalError: if the folder is there and cannot be read.
        """
        found = Read([], [])
        try:
            names = sorted(one.name for one in self.path.iterdir() if one.name.endswith(_ENDING))
        except FileNotFoundError:
            return found
        except OSError as problem:
            raise JournalError(f"The journal {self.path} cannot be read: {problem.strerror}.") from None
        for name in names:
            self._read_one(name, found)
        found.lines.sort(key=lambda line: (line.at, line.segment, line.number))
        return found

    def _read_one(self, name: str, found: Read) -> None:
        try:
            data = (self.path / name).read_bytes()
        except OSError as problem:
            raise JournalError(
                f"The journal {self.path / name} cannot be read: {problem.strerror}."
            ) from None
        *lines, rest = data.split(b"\n")
        latest = ""
        for number, text in enumerate(lines, 1):
            if not text.strip():
                continue
            op = _operation(text)
            if op is None:
                found.lost.append(f"{name} line {number} is no operation and was left out.")
                continue
            latest = max(latest, op["at"])
            found.lines.append(Line(latest, name, number, op))
        if rest.strip():
            found.lost.append(
                f"{name} ends in the middle of line {len(lines) + 1}, which was being written and was left out."
            )

    def append(self, op: Mapping[str, Any]) -> None:
        """Write one operation and wait until the disk has it.

        Raises:
            JournalError: if it cannot be written; nothing of it counts then.
        """
        data = _encoded(op)
        try:
            file = self._open()
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        except OSError as problem:
            self.close()
            raise JournalError(
                f"The journal {self.path} cannot be written to ({problem.strerror}); ds.save_review(folder) keeps it elsewhere."
            ) from None

    def place(self, author: str) -> dict[str, Any]:
        """Where somebody was reading last; empty if that is not known."""
        try:
            found = json.loads(self._place_of(author).read_bytes())
        except (OSError, ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}

    def put_place(self, author: str, place: Mapping[str, Any]) -> None:
        """Keep where somebody is reading, if the folder is there; that it may fail does no harm."""
        if not self.path.is_dir():
            return
        path = self._place_of(author)
        part = path.with_suffix(f".{secrets.token_hex(4)}.part")
        with contextlib.suppress(OSError):
            part.write_bytes(json.dumps(place).encode())
            part.replace(path)

    def _place_of(self, author: str) -> Path:
        name = re.sub(r"[^\w.-]", "_", author)[:60] or "reader"
        return self.path / f"place-{name}.json"

    def _open(self) -> IO[bytes]:
        now = time.monotonic()
        if self._file is not None and now - self._last > _IDLE:
            self.close()
        self._last = now
        if self._file is None:
            self.path.mkdir(parents=True, exist_ok=True)
            stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
            self._file = (self.path / f"{stamp}-{secrets.token_hex(4)}{_ENDING}").open("xb")
            _sync(self.path)
            _sync(self.path.parent)
        return self._file

    def close(self) -> None:
        """Seal the segment; the next operation begins another."""
        if self._file is not None:
            self._file.close()
            self._file = None


def _operation(text: bytes) -> dict[str, Any] | None:
    try:
        op = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(op, dict) or not all(isinstance(op.get(key), str) for key in ("op", "n", "at")):
        return None
    return op


def _encoded(op: Mapping[str, Any]) -> bytes:
    try:
        return json.dumps(op, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
    except UnicodeEncodeError:  # half a character
        return json.dumps(op, separators=(",", ":")).encode() + b"\n"


def _sync(folder: Path) -> None:
    """Wait until the disk knows the folder's new entry, where the system can say so."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        with contextlib.suppress(OSError):
            os.fsync(handle)
    finally:
        os.close(handle)


def short_lived(path: Path) -> str | None:
    """Why a folder will not last, and what to do; None where nothing is known against it."""
    path = path.absolute()
    if ("google.colab" in sys.modules or "COLAB_RELEASE_TAG" in os.environ) and not path.is_relative_to(
        "/content/drive"
    ):
        return (
            f"{path} is gone when this Colab runtime ends; mount Drive and call ds.save_review('/content/drive/MyDrive/...'),"
            " or download the folder."
        )
    if "BINDER_SERVICE_HOST" in os.environ or "BINDER_LAUNCH_HOST" in os.environ:
        return f"{path} is gone when this Binder session ends; download the folder before."
    return None


def writable(path: Path) -> bool:
    """Whether a folder is there to be written to, or can be made."""
    for one in (path, *path.parents):
        if one.exists():
            return one.is_dir() and os.access(one, os.W_OK)
    return False
