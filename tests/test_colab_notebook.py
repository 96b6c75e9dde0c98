"""The example notebook for Colab, run as on Colab: its module is there, a Drive may be mounted, and ipydatagrid cannot be shown."""

from __future__ import annotations

import shutil
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

EXAMPLES = Path(__file__).parent.parent / "example_notebooks"

# Stand-ins for what Colab has: its module, and a package that is yet to be installed by the command that is printed.
COLAB = """
import importlib.util, sys, types

colab = types.ModuleType("google.colab")
colab.output = types.SimpleNamespace(enable_custom_widget_manager=lambda: print("third-party widgets are shown"))
sys.modules["google.colab"] = colab
found = importlib.util.find_spec
importlib.util.find_spec = lambda name, *more: None if name == "rolethread_nb" else found(name, *more)
get_ipython().system = lambda command: print("ran", get_ipython().var_expand(command))
"""


@pytest.fixture
def runtime(tmp_path: Path) -> Path:
    """What the disk of a runtime holds once the install line has run."""
    ignored = shutil.ignore_patterns("*.review")
    shutil.copytree(EXAMPLES / "data", tmp_path / "rolethread/example_notebooks/data", ignore=ignored)
    return tmp_path


def run(folder: Path, drive: Path | None = None) -> list[str]:
    """What each code cell of the notebook shows, as text, and last what its widgets hold."""
    notebook = nbformat.read(EXAMPLES / "04_colab.ipynb", 4)
    if drive is not None:
        for cell in notebook.cells:
            cell.source = cell.source.replace("/content/drive/MyDrive", str(drive))
    notebook.cells.insert(0, nbformat.v4.new_code_cell(COLAB))
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(folder)}}).execute()
    cells = [
        "".join(output.get("text", "") + str(output.get("data", "")) for output in cell.outputs)
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]
    return [*cells[1:], str(notebook.metadata.widgets)]


def test_without_drive_it_installs_shows_what_can_be_shown_and_warns_of_what_will_be_lost(
    runtime: Path,
) -> None:
    installed, widgets, loaded, *_, shown = run(runtime)

    assert installed.startswith('ran git clone --quiet --depth 1 "https://')
    assert "third-party widgets are shown" in widgets
    assert "gone when this Colab runtime ends; mount Drive" in loaded
    assert "Colab does not show ipydatagrid; this is the issue grid" in shown
    assert (runtime / "train.jsonl").stat().st_size > 0


def test_with_drive_the_journal_and_the_file_are_there_and_the_next_runtime_goes_on(
    runtime: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    drive = tmp_path_factory.mktemp("MyDrive")
    run(runtime, drive)
    kept = [path for path in drive.rglob("*.review/*.jsonl") if path.stat().st_size]
    before = {path: path.read_bytes() for path in kept}

    assert kept
    assert (drive / "train.jsonl").stat().st_size > 0
    assert not list(runtime.rglob("*.review"))
    again = run(runtime, drive)
    assert "lobe:dba/en-US" in again[-2]
    assert {path: path.read_bytes() for path in drive.rglob("*.review/*.jsonl")} == before


def test_the_address_of_the_repository_stands_in_one_place() -> None:
    assert (EXAMPLES / "04_colab.ipynb").read_text(encoding="utf-8").count("https://") == 1
