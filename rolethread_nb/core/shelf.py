"""The shelf: in which folder the journal of each source is kept, and what is written where."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from .segments import Folder, JournalError, Read, short_lived, writable
from .warning import warn


class Shelf:
    """The folders of a journal. Several sources may share one; a source without one has its operations in memory only.

    Attributes:
        names: what the journal calls each source.
    """

    def __init__(self, names: Sequence[str], folders: Sequence[Folder | None]) -> None:
        self.names = _unlike(names)
        self._folders = list(folders)
        self._place: dict[str, Any] | None = None
        self._warned = False

    @property
    def _each(self) -> list[Folder]:
        return [folder for folder in dict.fromkeys(self._folders) if folder is not None]

    @property
    def paths(self) -> list[Path]:
        """The folders that operations are written to."""
        return list(dict.fromkeys(folder.path for folder in self._each))

    @property
    def notice(self) -> str | None:
        """Why what is done now may be lost, and what to do; None if it is on a disk that lasts."""
        if None in self._folders:
            return "Decisions and edits are in memory only; ds.save_review(folder) keeps them."
        return next((why for path in self.paths if (why := short_lived(path)) is not None), None)

    def read(self) -> list[Read]:
        """What each folder holds.

        Raises:
            JournalError: if a folder is there and cannot be read.
        """
        return [folder.read() for folder in self._each]

    def write(self, op: Mapping[str, Any], items: Iterable[Mapping[str, Any]] | None = None) -> None:
        """Append an operation to the folders of its sources, to each what is about them; the first has a copy of the rest.

        Where one disk does not take it, it is taken back on those that did.

        Args:
            op: the operation.
            items: what it is about, where it does not say so itself.

        Raises:
            JournalError: if a disk does not take it.
        """
        each = list(op.get("each", ()) if items is None else items)
        written: list[Folder] = []
        try:
            for folder in self._each:
                if not self._takes(folder):
                    continue
                own, rest = self._parted(folder, each)
                if each and not own:
                    continue
                part: dict[str, Any] = {"each": own} if "each" in op else {}
                if part and rest and not written:
                    part["elsewhere"] = rest
                folder.append({**op, **part})
                written.append(folder)
                if not each:
                    break  # about no source: the first folder has it
        except JournalError:
            for folder in written:
                with contextlib.suppress(JournalError):
                    folder.append(_opposite(op))
            raise

    def _parted(self, folder: Folder, each: Sequence[Mapping[str, Any]]) -> tuple[list[Any], list[Any]]:
        """What is about the sources of a folder, and what is about those of others."""
        names = {name for name, kept in zip(self.names, self._folders, strict=True) if kept is folder}
        kept_elsewhere = {
            name
            for name, kept in zip(self.names, self._folders, strict=True)
            if kept is not folder and kept is not None
        }
        own = [item for item in each if item.get("in") in names]
        return own, [item for item in each if item.get("in") in kept_elsewhere]

    def _takes(self, folder: Folder) -> bool:
        """Whether a folder takes operations; where it does not, they are kept in memory, and that is said."""
        if writable(folder.path):
            if not self._warned and (why := short_lived(folder.path)) is not None:
                self._warned = True
                warn(why)
            return True
        self._folders = [None if kept is folder else kept for kept in self._folders]
        warn(
            f"{folder.path} cannot be written to, so decisions and edits are in memory only; ds.save_review(folder) keeps them elsewhere."
        )
        return False

    def place(self, author: str) -> dict[str, Any]:
        """Where somebody was reading last; empty if that is not known."""
        if self._place is None:
            self._place = next((folder.place(author) for folder in self._each), {})
        return self._place

    def put_place(self, author: str, place: dict[str, Any]) -> None:
        """Keep where somebody is reading."""
        self._place = place
        for folder in self._each[:1]:
            folder.put_place(author, place)

    def move_to(self, path: Path, operations: Iterable[Mapping[str, Any]]) -> None:
        """Use one folder for all sources from now on, and begin it with these operations.

        Raises:
            JournalError: if the folder cannot be written to, or holds a journal already.
        """
        folder = Folder(path)
        if folder.read().lines:
            raise JournalError(
                f"{path} holds a journal already; load the data with review={str(path)!r} to go on with it."
            )
        for op in operations:
            folder.append(op)
        folder.close()
        self.seal()
        self._folders = [folder] * len(self._folders)

    def clear(self) -> None:
        """Write nothing from now on."""
        self.seal()
        self._folders = [None] * len(self._folders)

    def seal(self) -> None:
        """Seal the segments; the next operation begins others."""
        for folder in self._each:
            folder.close()


def _opposite(op: Mapping[str, Any]) -> dict[str, Any]:
    """The operation that takes another one back."""
    name = "redo" if op["op"] == "undo" else "undo"
    of = op["of"] if op["op"] in ("undo", "redo") else op["n"]
    return {"op": name, "n": f"{op['n']}-", "at": op["at"], "by": op.get("by", ""), "of": of}


def _unlike(names: Sequence[str]) -> list[str]:
    """The names, each told from those before it that are the same."""
    return [
        name if name not in names[:at] else f"{name}#{names[:at].count(name) + 1}"
        for at, name in enumerate(names)
    ]
