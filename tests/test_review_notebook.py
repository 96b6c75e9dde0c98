"""The review notebook: it is written beside the data, runs from top to bottom, and takes parameters as papermill gives them."""

from __future__ import annotations

import contextlib
import csv
import gzip
import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import nbformat
import pytest
import zstandard
from conftest import real_files
from hypothesis import given
from hypothesis import strategies as st
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

import rolethread_nb as rt
from rolethread_nb.cli import main
from rolethread_nb.notebook.review_notebook import write_review_notebook

RECORD = {"messages": [{"role": "user", "content": "Hi\n"}, {"role": "assistant", "content": "Ho"}]}
LINES = (json.dumps(RECORD) + "\n").encode() * 2


def code_of(notebook: Path) -> list[str]:
    """The code cells, the parameters first."""
    return [cell.source for cell in nbformat.read(notebook, 4).cells if cell.cell_type == "code"]


def run_here(notebook: Path, **parameters: Any) -> dict[str, Any]:
    """Run the cells in this process, from the notebook's folder, and give what they named."""
    first, *others = code_of(notebook)
    shared: dict[str, Any] = {"display": lambda shown: shown}
    with contextlib.chdir(notebook.parent):
        exec(first, shared)
        shared |= parameters
        for cell in others:
            exec(cell, shared)
    return shared


def run_in_jupyter(path: Path, **parameters: Any) -> nbformat.NotebookNode:
    """The notebook as a kernel of its own runs it. Parameters are put where papermill puts them, in a cell like papermill's."""
    notebook = nbformat.read(path, 4)
    if parameters:
        (at,) = (n for n, c in enumerate(notebook.cells) if "parameters" in c.metadata.get("tags", ()))
        lines = "\n".join(f"{name} = {value!r}" for name, value in parameters.items())
        injected = nbformat.v4.new_code_cell(
            f"# Parameters\n{lines}\n", metadata={"tags": ["injected-parameters"]}
        )
        notebook.cells.insert(at + 1, injected)
    where = {"metadata": {"path": str(path.parent)}}
    NotebookClient(notebook, timeout=120, resources=where).execute()
    return notebook


def shown(notebook: nbformat.NotebookNode, code: str) -> str:
    """What the cell with this code shows, as text."""
    (cell,) = (one for one in notebook.cells if one.cell_type == "code" and code in one.source)
    return "".join(output.get("text", "") or output.data["text/plain"] for output in cell.outputs)


@pytest.fixture
def chats(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "chats.jsonl"
    path.write_bytes(LINES)
    return path


# ---------------------------------------------------------------- where it lies


_names = (
    st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=40)
    | st.sampled_from(
        ['it\'s "mine".jsonl', "a b\n#.json", "données \u202e لغة.jsonl.gz", "[1]*?.jsonl", "-", "~", "\\"]
    )
    | st.binary(min_size=1, max_size=40).map(
        lambda raw: os.fsdecode(raw.replace(b"/", b"").replace(b"\0", b""))
    )
).filter(lambda name: name not in ("", ".", ".."))


@given(_names)
def test_whatever_the_data_is_called_the_notebook_beside_it_loads_it(name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder, name)
        data.write_bytes(LINES)
        path, fresh = write_review_notebook(data)

        assert fresh
        assert path.parent == data.parent
        assert path.name.endswith(".review.ipynb")
        nbformat.validate(nbformat.read(path, 4))
        parameters, load = code_of(path)[:2]
        shared: dict[str, Any] = {}
        with contextlib.chdir(folder):
            exec(f"{parameters}\n{load}", shared)
        assert shared["data"] == name
        assert len(shared["ds"]) == 2
        assert data.read_bytes() == LINES


def test_two_files_whose_short_names_are_the_same_have_each_their_own(chats: Path) -> None:
    packed = chats.with_name("chats.jsonl.gz")
    packed.write_bytes(gzip.compress(LINES))

    assert write_review_notebook(chats) == (chats.with_name("chats.review.ipynb"), True)
    assert write_review_notebook(packed) == (chats.with_name("chats.jsonl.gz.review.ipynb"), True)
    assert write_review_notebook(packed) == (chats.with_name("chats.jsonl.gz.review.ipynb"), False)
    assert write_review_notebook(chats) == (chats.with_name("chats.review.ipynb"), False)


def _no_new_file_in(folders: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """As if these folders were read-only: permissions do not bind root, who runs some machines' tests."""
    make = tempfile.mkstemp

    def refuse(*, dir: Path, **more: Any) -> tuple[int, str]:
        if Path(dir).resolve() in folders:
            raise PermissionError(13, "Permission denied")
        return make(dir=dir, **more)

    monkeypatch.setattr(tempfile, "mkstemp", refuse)


def test_where_the_folder_is_read_only_notebook_and_journal_are_in_the_working_directory(
    chats: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = [chats.parent / "a", chats.parent / "b"]
    for folder in folders:
        folder.mkdir()
        shutil.copy(chats, folder)
    _no_new_file_in(folders, monkeypatch)
    status = [main(["review", f"{folder.name}/chats.jsonl", "--no-open"]) for folder in folders]
    done = capsys.readouterr()

    assert (status, done.err) == ([0, 0], "")
    assert "Beside the data nothing can be written" in done.out
    names = ["chats.review.ipynb", "chats.jsonl.review.ipynb"]
    assert [run_here(Path(name))["data"] for name in names] == ["a/chats.jsonl", "b/chats.jsonl"]
    assert code_of(Path("chats.review.ipynb"))[0].count("journal = 'chats.review'") == 1


def test_where_nothing_can_be_written_at_all_it_says_so_in_a_sentence(
    chats: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _no_new_file_in([chats.parent], monkeypatch)

    assert main(["review", "chats.jsonl", "--no-open"]) == 2
    done = capsys.readouterr()
    assert done.out == ""
    assert done.err.count("\n") == 1
    assert "chats.review.ipynb cannot be written: Permission denied." in done.err


def test_a_name_that_leaves_no_room_for_an_ending_is_refused_in_a_sentence(
    chats: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(chats, "x" * 245)

    assert main(["review", "x" * 245, "--no-open"]) == 2
    assert "cannot be written: File name too long." in capsys.readouterr().err


# ---------------------------------------------------------------- what it runs on


def _gz(folder: Path) -> Path:
    (path := folder / "chats.jsonl.gz").write_bytes(gzip.compress(LINES))
    return path


def _zst(folder: Path) -> Path:
    (path := folder / "chats.jsonl.zst").write_bytes(zstandard.compress(LINES))
    return path


def _csv(folder: Path) -> Path:
    with (path := folder / "chats.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("prompt", "completion"), ("Hi", "Ho"), ("Hi again", "Ho")])
    return path


def _folder(folder: Path) -> Path:
    (path := folder / "chats").mkdir()
    for name in ("a.jsonl", "b.json"):
        (path / name).write_text(json.dumps(RECORD))
    return path


def _notebook(folder: Path) -> Path:
    cells = [nbformat.v4.new_code_cell("%%thread\nuser: Hi\nassistant: Ho") for _ in range(2)]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path := folder / "chats.ipynb")
    return path


@pytest.mark.parametrize("made", [_gz, _zst, _csv, _folder, _notebook])
def test_every_container_is_reviewed_and_exported(made: Any, tmp_path: Path) -> None:
    data = made(tmp_path)
    path, _ = write_review_notebook(data)
    run = run_here(path, export="out.jsonl")

    assert len(run["ds"]) == 2
    assert len(rt.load(tmp_path / "out.jsonl")) == 2


def test_a_folder_is_found_also_by_where_one_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(_folder(tmp_path))

    assert main(["review", ".", "--no-open"]) == 0
    assert capsys.readouterr().out == f"{Path('..', 'chats.review.ipynb')} written.\n"
    assert len(run_here(tmp_path / "chats.review.ipynb")["ds"]) == 2


def test_what_is_no_file_or_folder_is_refused_in_a_sentence(
    chats: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["review", "*.jsonl", "--no-open"]) == 2
    assert "no file or folder" in capsys.readouterr().err


def test_what_the_command_line_says_of_the_data_are_parameters(chats: Path) -> None:
    said = ["--profile", "roleplay", "--role", "client=user", "--no-settings", "--no-review"]

    assert main(["review", "chats.jsonl", "--no-open", *said]) == 0
    run = run_here(Path("chats.review.ipynb"))
    assert (run["profile"], run["roles"], run["settings"], run["journal"]) == (
        "roleplay",
        {"client": "user"},
        False,
        False,
    )
    assert run["report"].profile == "roleplay"


# ---------------------------------------------------------------- running it


def test_it_runs_from_top_to_bottom_and_again_after_decisions_which_are_then_a_table(
    tmp_path: Path,
) -> None:
    data = Path(
        shutil.copy(
            next(path for path in real_files() if path.name.startswith("persona_agents_en")), tmp_path
        )
    )
    before = data.read_bytes()
    path, _ = write_review_notebook(data)
    run = run_in_jupyter(path)

    assert "Nothing has been decided yet" in shown(run, "ds.history()")
    assert "Nothing is written" in shown(run, "ds.export(")
    panel = next(cell for cell in run.cells if "rt.review(" in cell.source).outputs
    assert "application/vnd.jupyter.widget-view+json" in panel[0].data
    ds = rt.load(data)
    ds.decide(0, "keep", note="the tone we want")
    ds.decide([1, 2], "reject")
    again = shown(run_in_jupyter(path), "ds.history()")
    assert "the tone we want" in again
    assert "decided reject on 2 conversations" in again
    assert data.read_bytes() == before


def test_a_cell_injected_after_the_parameters_decides_and_an_export_is_not_replaced_unasked(
    chats: Path,
) -> None:
    path, _ = write_review_notebook(chats)
    without_trainers = (
        "import sys\nsys.modules |= dict.fromkeys(('torch', 'transformers', 'trl', 'tokenizers'))"
    )
    notebook = nbformat.read(path, 4)
    notebook.cells.insert(0, nbformat.v4.new_code_cell(without_trainers))
    nbformat.write(notebook, path)
    done = run_in_jupyter(path, profile="roleplay", export="out.jsonl", apply_repairs=True)

    assert "TRL SFT" in shown(done, "ds.preflight(")
    assert json.loads(Path("out.jsonl").read_text().splitlines()[0])["messages"][0]["content"] == "Hi"
    assert chats.read_bytes() == LINES
    Path("out.jsonl").write_text("of an earlier run")
    with pytest.raises(CellExecutionError, match="exists already"):
        run_in_jupyter(path, export="out.jsonl")
    assert Path("out.jsonl").read_text() == "of an earlier run"


def test_an_export_is_replaced_when_that_is_said_and_the_source_never(chats: Path) -> None:
    path, _ = write_review_notebook(chats)
    Path("out.jsonl").write_text("of an earlier run")
    run_here(path, export="out.jsonl", overwrite=True)

    assert len(rt.load("out.jsonl")) == 2
    with pytest.raises(rt.ExportError, match="source itself"):
        run_here(path, export="chats.jsonl", overwrite=True)
    assert chats.read_bytes() == LINES


def test_what_was_rejected_stays_out_of_the_export(chats: Path) -> None:
    path, _ = write_review_notebook(chats)
    rt.load(chats).decide(0, "reject")
    run_here(path, export="out.jsonl")

    assert len(rt.load("out.jsonl")) == 1
