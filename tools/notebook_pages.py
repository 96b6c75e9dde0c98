"""A notebook as a page: its prose, its code, and what its cells show when they are run."""

from __future__ import annotations

import hashlib
import html
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

# What is run behind each cell, unseen: a component of ours as a file of its own, which works in the page.
LIVE = """
_shown = _oh.get(len(In) - 2)
if hasattr(_shown, "to_html") and hasattr(_shown, "selection"):
    print(_shown.to_html())
"""
PACKAGE = Path(__file__).parent.parent / "rolethread_nb"


def notebook_page(path: Path, stage: Path, *, run: bool) -> str:
    """The notebook as Markdown. Interactive files of its components go to ``stage/live``.

    A notebook is run once for each state of it and of the package; what it showed is kept in ``stage``.
    """
    source = path.read_text(encoding="utf-8")
    if not run:
        return "".join(_cells(nbformat.reads(source, as_version=4), path.stem, stage))
    kept = stage.parent / "notebooks" / f"{path.stem}-{_state(source)}.ipynb"
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        for old in kept.parent.glob(f"{path.stem}-*.ipynb"):
            old.unlink()
        nbformat.write(_run(path), kept)
    return "".join(_cells(nbformat.read(kept, as_version=4), path.stem, stage))


def _state(source: str) -> str:
    digest = hashlib.sha256(source.encode())
    for file in sorted([*PACKAGE.rglob("*.py"), *PACKAGE.rglob("*.toml"), *PACKAGE.rglob("static/*.js")]):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def _run(path: Path) -> nbformat.NotebookNode:
    """The notebook after a run in a copy of its folder, so that no review of the reader's is seen or changed."""
    notebook = nbformat.read(path, as_version=4)
    cells = []
    for cell in notebook.cells:
        cells.append(cell)
        if cell.cell_type == "code":
            cells.append(nbformat.v4.new_code_cell(LIVE, metadata={"live": True}))
    notebook.cells = cells
    with tempfile.TemporaryDirectory() as folder:
        beside = Path(folder) / "notebooks"
        shutil.copytree(path.parent, beside, ignore=shutil.ignore_patterns("*.review", ".ipynb_checkpoints"))
        NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(beside)}}).execute()
    return notebook


def _cells(notebook: nbformat.NotebookNode, name: str, stage: Path) -> Iterator[str]:
    yield "---\nhide-toc: true\n---\n\n"  # components want the room
    live = 0
    shown: list[str] = []
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            yield from shown
            shown = []
            yield f"{cell.source}\n\n"
        elif cell.metadata.get("live"):
            page = "".join(output.text for output in cell.outputs if output.output_type == "stream")
            if page:
                live += 1
                shown = [_frame(page, f"{name}-{live}.html", stage)]
        else:
            yield from shown
            yield _fenced(cell.source, "python")
            shown = [_output(output) for output in cell.get("outputs", [])]
    yield from shown


def _fenced(text: str, kind: str) -> str:
    fence = "`" * 12  # longer than any that a text holds
    return f"{fence}{kind}\n{text.rstrip()}\n{fence}\n\n"


def _output(output: Any) -> str:
    if output.output_type == "stream":
        return _text(output.text)
    found = output.data.get("text/html")
    if found:
        return _fenced(f'<div class="cell-output">{found}</div>', "{raw} html")
    return _text(output.data["text/plain"])


def _text(text: str) -> str:
    return _fenced(f'<pre class="cell-output">{html.escape(text.rstrip())}</pre>', "{raw} html")


def _frame(page: str, name: str, stage: Path) -> str:
    """A component at work: its own file, shown in the page."""
    path = stage / "_static" / "live" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page, encoding="utf-8")
    frame = f'<iframe class="live" src="_static/live/{name}" title="The component, at work" loading="lazy"></iframe>'
    return _fenced(
        f'{frame}\n<p class="live"><a href="_static/live/{name}">In a window of its own</a></p>', "{raw} html"
    )
