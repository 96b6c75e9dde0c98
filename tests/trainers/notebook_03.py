"""The third example notebook with a real trainer: it has to come to a training step, and the witness to agree.

Run it in an environment with trl, torch, datasets, accelerate, nbclient, ipykernel and anywidget:

    python tests/trainers/notebook_03.py

It ends with 1 if a cell fails, if no step was trained, or if the forecast is not what the trainer does.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "example_notebooks"


def executed(folder: Path) -> nbformat.NotebookNode:
    """The notebook after a run with this Python, in a copy of its folder.

    Raises:
        CellExecutionError: a cell failed.
    """
    shutil.copytree(EXAMPLES / "data", folder / "data")
    notebook = nbformat.read(EXAMPLES / "03_before_training.ipynb", as_version=4)
    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(folder)}}).execute()
    return notebook


def texts(notebook: nbformat.NotebookNode) -> str:
    """Everything that the cells have written."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return "\n".join(one.get("text") or one.get("data", {}).get("text/plain", "") for one in outputs)


def problems(notebook: nbformat.NotebookNode) -> list[str]:
    """What is not as it should be, in sentences."""
    said = texts(notebook)
    found = []
    if not re.search(r"loss after 1 step: \d+\.\d+", said):
        found.append("No step was trained.")
    if not re.search(r"Our forecast is right for \d+ sequences, token by token\.", said):
        found.append("The forecast is not what the trainer does, or nothing was compared.")
    if "WitnessPanel" not in said:
        found.append("The witness was not shown.")
    return found


def main() -> int:
    # The kernel reads the package from this folder, and reaches for no hub.
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    os.environ["HF_HUB_OFFLINE"] = os.environ["HF_DATASETS_OFFLINE"] = "1"
    with tempfile.TemporaryDirectory(prefix="notebook-03-") as folder:
        os.environ["HF_HOME"] = folder
        try:
            notebook = executed(Path(folder) / "run")
        except CellExecutionError as error:
            print(error)
            return 1
    found = problems(notebook)
    print("\n".join(line for line in texts(notebook).splitlines() if "forecast" in line or "loss" in line))
    print("\n".join(found) if found else "the notebook has trained a step")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
