"""A notebook that opens a dataset for review, and runs from top to bottom with other parameters."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from itertools import chain, count
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from ..checks.catalogue import PROFILES
from ..core.errors import ExportError, SourceError
from ..core.segments import folder_of
from ..outputs.markdown import literal
from ..outputs.writing import write_atomically

_OURS = "rolethread_nb"  # in the notebook's metadata: whose review it is
_ABOUT = (
    "It runs from top to bottom, as often as you like. What varies stands in the next cell, "
    "which is also where papermill puts its parameters."
)

# What a reader sees of each step, and the cell. What varies stands in the first cell alone.
_STEPS = (
    (
        "## 1. Load\n\nThe source is never written to; decisions and changes are kept in a journal beside it, "
        "and are taken up here when this cell runs again.",
        "import rolethread_nb as rt\n\nds = rt.load(data, roles=roles, fields=fields, settings=settings, review=journal)\nds",
    ),
    (
        "## 2. Check\n\nWhat was found and measured, in sentences, the worst first; "
        "`report.issues` has every finding as a table.",
        "report = ds.check(profile, balance=True)\nreport.card()",
    ),
    (
        "## 3. Review\n\nClick into the panel and decide: `1` keep, `2` fix, `3` reject, `4` later; "
        "`j` goes to the next finding, `n` to the next conversation, `?` shows all keys, `Esc` leads back to the notebook.",
        "rt.review(report, filters=show)",
    ),
    (
        "## 4. Repair\n\nWhat can be repaired without changing what is meant, as a diff; "
        "`apply_repairs = True` above takes all of it over, and `ds.undo()` takes it back.",
        "plan = report.repairs()\ndisplay(plan.preview(limit=6))\nif apply_repairs:\n    plan.apply()",
    ),
    (
        "## 5. Preflight\n\nWhat the trainer would do with each conversation as it is now; "
        "`rt.PreflightPanel(flight)` shows the text that the model would get.",
        "flight = ds.preflight(tokenizer, targets=targets, max_tokens=max_tokens)\nflight",
    ),
    (
        "## 6. Decisions so far\n\nWhat was decided and changed, the latest first; run this cell again after a round in the panel.",
        "history = ds.history()[::-1]\n"
        "if history.empty:\n"
        '    print("Nothing has been decided yet: decide in the panel above, then run this cell again.")\n'
        "else:\n"
        '    display(history[["at", "by", "what", "note", "state"]].assign(at=history["at"].dt.strftime("%Y-%m-%d %H:%M UTC")))',
    ),
    (
        "## 7. Export\n\nThe conversations that `only` lets through, as they were changed; "
        "a file that is there already is replaced only with `overwrite = True`.",
        "if export is None:\n"
        '    print("Nothing is written: give `export` in the first cell the name of a file.")\n'
        "else:\n"
        "    display(ds.export(export, export_format, only=only, overwrite=overwrite))",
    ),
)


def write_review_notebook(
    data: Path,
    *,
    profile: str | None = None,
    roles: Mapping[str, str] | None = None,
    fields: Mapping[str, str] | None = None,
    settings: str | bool | None = None,
    journal: bool = True,
) -> tuple[Path, bool]:
    """Write ``<name>.review.ipynb`` beside a dataset; where its folder cannot be written to, in the working directory.

    A notebook that is there already stays as it is. Where it is the review of another file (``chats.json`` beside ``chats.jsonl``),
    the whole name is used: ``chats.json.review.ipynb``.

    Args:
        data: the file or folder.
        profile: what is normal. None leaves it to the settings of the dataset.
        roles: what labels mean that are not known.
        fields: names of keys in a layout that is not known.
        settings: a settings file; None for those above the data, False for none.
        journal: whether decisions and changes are kept.

    Returns:
        The notebook's path, and whether it is new.

    Raises:
        SourceError: if ``data`` is no file or folder.
        ExportError: if the notebook can be written neither beside the data nor in the working directory.
    """
    data = Path(os.path.abspath(data))  # noqa: PTH100 - a link stays the link it is
    if not data.exists():
        raise SourceError(f"{data.name} is no file or folder, and a review notebook lies beside one.")
    said = {"profile": profile, "roles": dict(roles or {}), "fields": dict(fields or {})}
    problems = []
    for folder in dict.fromkeys((data.parent, Path.cwd())):
        seen = os.path.relpath(data, folder)
        named = os.path.relpath(settings, folder) if isinstance(settings, str) else settings
        path = _path(folder, data.name, seen)
        kept: bool | str = journal
        if journal and folder != data.parent and not folder_of(data).exists():
            kept = path.name.removesuffix(".ipynb")  # beside the data nothing can be written
        try:
            if path.exists():
                return path, False
            _write(path, data.name, {"data": seen, "settings": named, "journal": kept, **said})
        except ExportError as problem:
            problems.append(problem)
        except OSError as problem:  # a name that is too long with an ending more
            problems.append(ExportError(f"{path} cannot be written: {problem.strerror}."))
        else:
            return path, True
    raise problems[0]


def _path(folder: Path, name: str, seen: str) -> Path:
    """Where the notebook of some data lies: the first of its names that is not the review of other data."""
    names = chain((_stem(name), name), (f"{name}-{number}" for number in count(2)))
    paths = (folder / f"{one}.review.ipynb" for one in names)
    return next(path for path in paths if _reviewed_in(path) in (None, _text(seen)))


def _stem(name: str) -> str:
    for suffix in (".gz", ".zst", ".jsonl", ".json"):
        name = name.removesuffix(suffix)
    return name


def _reviewed_in(notebook: Path) -> str | None:
    """The name of the data that a notebook of ours reviews; None if it is not there, or not known to be ours."""
    try:
        reviewed = json.loads(notebook.read_bytes())["metadata"][_OURS]["reviews"]
    except (OSError, ValueError, LookupError, TypeError):
        return None
    return reviewed if isinstance(reviewed, str) else None


def _text(name: str) -> str:
    """A name as JSON can hold it: what is not Unicode in it is replaced."""
    return name.encode("utf-8", "replace").decode()


def _write(path: Path, name: str, given: Mapping[str, object]) -> None:
    cells = [new_markdown_cell(f"# Review of {literal(name)}\n\n{_ABOUT}"), _parameters(name, given)]
    for sentence, code in _STEPS:
        cells += [new_markdown_cell(sentence), new_code_cell(code)]
    for number, cell in enumerate(cells):
        cell["id"] = f"review-{number}"
    notebook = new_notebook(
        cells=cells,
        metadata={
            "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
            _OURS: {"reviews": _text(str(given["data"]))},
        },
    )
    write_atomically(path, [nbformat.writes(notebook).encode()], overwrite=False)


def _parameters(name: str, given: Mapping[str, object]) -> nbformat.NotebookNode:
    """The cell that papermill puts its own parameters after."""
    lines = (
        f"{f'{parameter} = {value!r}':<28}  # {meaning}" for parameter, value, meaning in _listed(name, given)
    )
    cell: nbformat.NotebookNode = new_code_cell("\n".join(lines), metadata={"tags": ["parameters"]})
    return cell


def _listed(name: str, given: Mapping[str, object]) -> Iterator[tuple[str, object, str]]:
    """Each parameter, its value, and what it means."""
    settings = given["settings"]
    yield "data", given["data"], "the file or folder, seen from this notebook"
    yield (
        "profile",
        given["profile"],
        f"{', '.join(PROFILES[1:4])}, ...; None: as the settings say, else chat",
    )
    yield "roles", given["roles"], 'what unknown labels mean: {"client": "user"}'
    yield "fields", given["fields"], 'what unknown keys mean: {"messages": "dialog"}'
    yield "settings", True if settings is None else settings, "those above the data; or a file; False: none"
    yield "journal", given["journal"], "decisions are kept beside the data; or in a folder; False: nowhere"
    yield "show", "", 'a query that the panel begins with: "severity:error"'
    yield "apply_repairs", False, "True: take the safe repairs over"
    yield "targets", ["trl"], "trainers to look ahead at"
    yield "tokenizer", None, "a tokenizer.json; None: tokens are estimated"
    yield "max_tokens", None, "None: the trainer's own limit"
    yield "export", None, f"the file to write, for example {_text(_stem(name)) + '.train.jsonl'!r}"
    yield "export_format", "messages", "messages, sharegpt, alpaca, ...; same: as they came"
    yield "only", "not-rejected", 'or "kept"; None: every conversation'
    yield "overwrite", False, "True: replace an export of an earlier run"


def open_in_jupyterlab(notebook: Path, arguments: Sequence[str]) -> int:
    """Run JupyterLab on a notebook until it is closed; returns its exit status.

    Raises:
        SourceError: if JupyterLab is not installed.
    """
    if find_spec("jupyterlab") is None:
        raise SourceError("JupyterLab is not installed: pip install 'rolethread-nb[demo]'.")
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    command = [
        sys.executable,
        "-m",
        "jupyterlab",
        str(notebook),
        *(["--allow-root"] if root else []),
        *arguments,
    ]
    return subprocess.call(command)
