"""A notebook that opens a dataset for review."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from ..core.errors import SourceError
from ..outputs.writing import write_atomically


def write_review_notebook(
    data: Path,
    *,
    profile: str | None = None,
    roles: Mapping[str, str] | None = None,
    fields: Mapping[str, str] | None = None,
    settings: str | bool | None = None,
) -> tuple[Path, bool]:
    """Write ``<name>.review.ipynb`` beside a dataset. One that is there already stays. Returns its path and whether it is new.

    What is not said (None or empty) is left to the settings of the dataset; ``settings=False`` switches them off.
    """
    stem = data.name
    for suffix in (".gz", ".zst", ".jsonl", ".json"):
        stem = stem.removesuffix(suffix)
    path = data.with_name(f"{stem}.review.ipynb")
    if path.exists():
        return path, False
    mapped = f", roles={dict(roles)!r}" if roles else ""
    mapped += f", fields={dict(fields)!r}" if fields else ""
    if settings is not None:
        named = os.path.relpath(settings, data.parent) if isinstance(settings, str) else settings
        mapped += f", settings={named!r}"
    chosen = "" if profile is None else repr(profile)
    cells = [
        new_markdown_cell(f"# Review of {data.name}"),
        new_code_cell(f"import rolethread_nb as rt\n\nds = rt.load({data.name!r}{mapped})\nds"),
        new_code_cell(f"report = ds.check({chosen})\nreport.counts"),
        new_code_cell("rt.review(report)"),
        new_markdown_cell("What can be repaired without changing what is meant:"),
        new_code_cell("plan = report.repairs()\nplan.preview()"),
        new_markdown_cell(
            "Take the repairs over with `plan.apply()`, take them back with `ds.undo()`, and write the result:"
        ),
        new_code_cell(f'# plan.apply()\n# ds.export("{stem}.clean.jsonl", format="messages")'),
    ]
    for number, cell in enumerate(cells):
        cell["id"] = f"review-{number}"
    notebook = new_notebook(
        cells=cells,
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
    )
    write_atomically(path, [nbformat.writes(notebook).encode()], overwrite=False)
    return path, True


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
