"""Tables of agreement: counted row by row, printed, and added to the record that docs/trainers.md is made of."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from rolethread_nb.training.targets.registry import target

# What a trainer does with one row, and its own words for it.
Theirs = tuple[str, str]
# Name of the file, row, their verdict, ours: why they differ, None if that is not known.
Explained = Callable[[str, Any, str, str], str | None]
# Where tools/trainers.py wants the record, one table a line.
RECORD = os.environ.get("AGREEMENT_RECORD")
VERBOSE = "--verbose" in sys.argv
SHOWN = 3


def _unexplained(name: str, row: Any, theirs: str, ours: str) -> str | None:
    return None


@dataclass
class File:
    """Agreement on one file."""

    rows: int = 0
    agree: int = 0
    unread: int = 0
    different: int = 0
    explained: Counter[str] = field(default_factory=Counter)

    def to_dict(self) -> dict[str, Any]:
        more: dict[str, Any] = {"unread": self.unread, "different": self.different}
        more["explained"] = dict(sorted(self.explained.items()))
        return {"rows": self.rows, "agree": self.agree, **{key: one for key, one in more.items() if one}}


@dataclass
class Table:
    """Agreement of one trainer under one setting, file by file.

    Attributes:
        target: the trainer's name in the registry.
        setting: what differs from its defaults.
        compares: what is held against each other, row by row.
        explained: why a row differs, where that is known.
    """

    target: str
    setting: str = "defaults"
    compares: str = "outcome"
    explained: Explained = _unexplained
    files: dict[str, File] = field(default_factory=dict)

    def add(self, name: str, row: Any, theirs: Theirs, ours: str | None, why: Any = "") -> None:
        """One row. ``ours`` is None for one that we do not read as a conversation."""
        file = self.files.setdefault(name, File())
        if ours is None:
            file.unread += 1
            return
        file.rows += 1
        if theirs[0] == ours:
            file.agree += 1
        elif (reason := self.explained(name, row, theirs[0], ours)) is not None:
            file.explained[reason] += 1
        else:
            file.different += 1
            if VERBOSE or file.different <= SHOWN:
                self._show(name, row, theirs, ours, why)

    def count(self, name: str, rows: int, agree: int, why: str | None = None) -> None:
        """Several rows at once, told apart elsewhere. ``why``: what explains those that do not agree."""
        file = self.files.setdefault(name, File())
        file.rows += rows
        file.agree += agree
        if rows > agree and why:
            file.explained[why] += rows - agree
        else:
            file.different += rows - agree

    def _show(self, name: str, row: Any, theirs: Theirs, ours: str, why: Any) -> None:
        said = " ".join(theirs)[:800]
        print(f"{self.title}: {name}\n  they {said}\n  we   {ours[:800]} {why}\n  {json.dumps(row)[:600]}")

    @property
    def title(self) -> str:
        return f"{self.target}, {self.setting}, {self.compares}"

    def done(self) -> int:
        """Prints one line and adds to the record; 1 if something differs that is not explained."""
        files = self.files.values()
        total = {
            key: sum(getattr(file, key) for file in files) for key in ("rows", "agree", "unread", "different")
        }
        explained: Counter[str] = sum((file.explained for file in files), Counter())
        line = f"{total['agree']:6} of {total['rows']:6} rows agree"
        if explained:
            line += f", {explained.total()} explained"
        if total["unread"]:
            line += f", {total['unread']} not read by us"
        if total["different"]:
            line += f", {total['different']} DIFFERENT"
        print(f"{self.title:60} {line}", flush=True)
        for reason, count in explained.items():
            print(f"       {count:5}: {reason}")
        if RECORD:
            with Path(RECORD).open("a", encoding="utf-8") as record:
                record.write(json.dumps(self.to_dict(), ensure_ascii=False) + "\n")
        return int(total["different"] > 0)

    def to_dict(self) -> dict[str, Any]:
        """The table as it stands in the record."""
        package = target(self.target).package
        assert package is not None
        return {
            "script": Path(sys.argv[0]).stem,
            "target": self.target,
            "setting": self.setting,
            "compares": self.compares,
            "package": package,
            "version": metadata.version(package),
            "files": {name: file.to_dict() for name, file in self.files.items()},
        }
