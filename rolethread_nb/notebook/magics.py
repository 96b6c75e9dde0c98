"""The magics: ``%%thread`` for a conversation in a cell, ``%rolethread`` for what is done with a dataset of them."""

from __future__ import annotations

import argparse
from inspect import getdoc
from typing import Any, NoReturn

from IPython.core.error import UsageError
from IPython.core.magic import Magics, cell_magic, line_magic, magics_class, no_var_expand
from IPython.utils.process import arg_split  # type: ignore[attr-defined]

from ..checks.profiles import PROFILES
from ..core.errors import RolethreadError
from ..sources.cells import MAGIC, OPTIONS, CellError, first_line, lines_of, read_cell, read_header
from .collecting import Mark, Shelf

INTO = "threads"
_FORMATS = ("messages", "sharegpt", "alpaca", "prompt-completion", "preference", "csv", "parquet", "same")


class _Parser(argparse.ArgumentParser):
    """Arguments of a magic: what is wrong with them is one sentence."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}. Try: %rolethread help")


def _parser() -> _Parser:
    parser = _Parser(prog="%rolethread", add_help=False)
    commands = parser.add_subparsers(dest="command")
    commands.add_parser("help", add_help=False)
    check = commands.add_parser("check", add_help=False)
    check.add_argument("dataset", nargs="?", default=INTO)
    check.add_argument("--profile")
    export = commands.add_parser("export", add_help=False)
    export.add_argument("dataset")
    export.add_argument("path")
    export.add_argument("--format", default="messages")
    export.add_argument("--target")
    export.add_argument("--overwrite", action="store_true")
    return parser


@magics_class
class RolethreadMagics(Magics):
    """The magics of one kernel, and the datasets that its cells were collected in."""

    def __init__(self, shell: Any) -> None:
        super().__init__(shell)
        self._shelf = Shelf(shell.user_ns)

    @no_var_expand
    @cell_magic
    def thread(self, line: str, cell: str) -> Any:
        """A conversation, shown as a thread with its findings, and collected in a dataset.

        %%thread [name] [--tags a,b] [--id X] [--into ds]

        A role and a colon at the start of a line begin a turn: system: user: assistant: developer: tool:
        A speaker stands in brackets, as in assistant (Mara):
        Blank lines around a turn only keep it apart; a line of one backslash is a blank line that counts.
        A backslash before a label, and a closed code fence around it, make it text.

        --tags a,b  the tags of the conversation
        --id X      its id; a cell that is run again with the same id takes the place of the first
        --into ds   the variable of the dataset that takes it (threads)
        """
        from ..widgets.thread import Thread

        try:
            header = read_header(line)
            record = read_cell(f"{MAGIC} {line}\n{cell}")
        except CellError as error:
            raise UsageError(f"Line {error.line + self._above()} of the cell: {error}.") from None
        if not record["messages"]:
            raise UsageError("The cell holds no turn; write one below, for example user: Hello")
        try:
            dataset, name = self._shelf.take(header.into or INTO, record, self._marks(record))
            return Thread(dataset.check(), name)
        except RolethreadError as error:
            raise UsageError(str(error)) from None

    @line_magic
    def rolethread(self, line: str) -> Any:
        """What is done with a dataset that was collected from cells, or with any other.

        %rolethread check [ds] [--profile P]      every finding in it
        %rolethread export ds out.jsonl [--format F] [--target T] [--overwrite]
                                                  write it to a file
        %rolethread help                          this text

        ds is the name of a variable, threads if none is said.
        """
        asked = _parser().parse_args(arg_split(line))
        if asked.command in (None, "help"):
            print(_HELP)  # noqa: T201 - help is printed
            return None
        try:
            dataset = self._shelf.dataset(asked.dataset)
            if asked.command == "check":
                return dataset.check(asked.profile) if asked.profile else dataset.check()
            return dataset.export(asked.path, asked.format, target=asked.target, overwrite=asked.overwrite)
        except RolethreadError as error:
            raise UsageError(str(error)) from None

    def complete(self, _shell: Any, event: Any) -> list[str]:
        """What can stand at the cursor behind one of the two magics."""
        words = event.text_until_cursor.split()
        if event.text_until_cursor[-1:].isspace():
            words.append("")
        before = words[-2] if len(words) > 1 else ""
        if words[0].endswith("thread") and words[0].startswith(MAGIC):
            return self._shelf.names() if before == "--into" else [f"--{option}" for option in OPTIONS]
        if len(words) == 2:
            return ["check", "export", "help"]
        if before == "--profile":
            return sorted(PROFILES)
        if before == "--format":
            return list(_FORMATS)
        if len(words) == 3:
            return self._shelf.names()
        return {"check": ["--profile"], "export": ["--format", "--overwrite", "--target"]}.get(words[1], [])

    def _marks(self, record: dict[str, Any]) -> frozenset[Mark]:
        """What a conversation is known by when its cell is run again: its id and its cell, else its name, else what it says."""
        cell = self._request().get("metadata", {}).get("cellId")
        marks = [("id", record["id"])] if "id" in record else []
        if isinstance(cell, str):
            marks.append(("cell", cell))
        if not marks:
            marks = (
                [("title", record["title"])] if "title" in record else [("text", repr(record["messages"]))]
            )
        return frozenset(marks)

    def _above(self) -> int:
        """How many blank lines stand in the cell before the magic; IPython takes them away."""
        code = self._request().get("content", {}).get("code")
        if not isinstance(code, str) or not code.lstrip().startswith(MAGIC):
            return 0
        return first_line(lines_of(code))

    def _request(self) -> dict[str, Any]:
        """The message of the notebook that runs the cell; empty outside of a notebook."""
        ask = getattr(self.shell, "get_parent", None)
        found = ask() if callable(ask) else None
        return found if isinstance(found, dict) else {}


_HELP = f"{getdoc(RolethreadMagics.rolethread)}\n\n{getdoc(RolethreadMagics.thread)}"


def register(shell: Any) -> None:
    """Make the magics known to a shell, with their completion."""
    magics = RolethreadMagics(shell)
    shell.register_magics(magics)
    for name in (MAGIC, "%rolethread"):
        shell.set_hook("complete_command", magics.complete, str_key=name)
