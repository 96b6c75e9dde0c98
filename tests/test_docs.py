"""What the documentation shows is true: its examples run, and what is made from the code is up to date."""

from __future__ import annotations

import importlib
import re
import shutil
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

import rolethread_nb as rt
from rolethread_nb.checks.catalogue import own_rules, rules
from rolethread_nb.checks.manual import catalogue_markdown
from rolethread_nb.cli import main

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tools"))
real_files_page = importlib.import_module("real_files").page
EXAMPLES = ROOT / "example_notebooks"


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the example notebooks in it, as a reader of the README has it before them."""
    ignored = shutil.ignore_patterns(".ipynb_checkpoints", "*.review", "train.jsonl")
    shutil.copytree(EXAMPLES, tmp_path / "example_notebooks", ignore=ignored)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def fenced(page: str, language: str) -> list[str]:
    """The code blocks of a page in a language."""
    parts = re.split(r"^```(.*)$", (ROOT / page).read_text(encoding="utf-8"), flags=re.MULTILINE)
    return [body for name, body in zip(parts[1::4], parts[2::4], strict=True) if name == language]


def test_the_python_of_the_readme_runs(clone: Path) -> None:
    blocks = fenced("README.md", "python")
    assert blocks
    for block in blocks:
        exec(compile(block, "README.md", "exec"), {})
    assert (clone / "train.jsonl").stat().st_size > 0


PAGES = sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("docs/*.md"))


@pytest.mark.parametrize("page", [page for page in PAGES if fenced(page, "python")])
def test_the_python_of_a_page_runs(page: str, clone: Path) -> None:
    shutil.copy("example_notebooks/data/persona_agents_en.jsonl", "chats.jsonl")
    shared: dict[str, object] = {
        "rt": rt,
        "ds": rt.load("chats.jsonl"),
    }  # as every page takes them for granted
    try:
        for block in fenced(page, "python"):
            exec(compile(block, page, "exec"), shared)
    finally:
        for added in own_rules():
            rt.forget_rule(added.code)


def test_the_commands_of_the_readme_exit_as_it_says(clone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copy("example_notebooks/data/persona_agents_en.jsonl", "chats.jsonl")
    commands = [
        line.split("#")[0].split() for block in fenced("README.md", "") for line in block.splitlines()
    ]
    ours = [words[1:] for words in commands if words[:1] == ["rolethread-nb"]]
    assert len(ours) >= 6
    for words in ours:
        more = ["--no-open"] if words[0] == "review" else []
        status = main([*words, *more])
        assert status == (1 if words[0] in ("check", "compare") else 0), words
    assert "Traceback" not in capsys.readouterr().err


def test_every_link_of_the_documentation_leads_somewhere() -> None:
    for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), EXAMPLES / "data" / "README.md"]:
        text = page.read_text(encoding="utf-8")
        targets = re.findall(
            r"\]\(([^)#]+)[^)]*\)|(?:src|srcset)=\"([^\"]+)\"",
            re.sub(r"```.*?```", "", text, flags=re.DOTALL),
        )
        for target in (one or other for one, other in targets):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_the_rule_reference_is_that_of_the_rules() -> None:
    page = (ROOT / "docs" / "rules.md").read_text(encoding="utf-8")
    assert page == catalogue_markdown(rules()), "run make docs"


def test_the_table_of_real_files_is_what_is_found_in_them(shared_data: Path) -> None:
    assert (ROOT / "docs" / "real-files.md").read_text(encoding="utf-8") == real_files_page(shared_data), (
        "run make docs"
    )


@pytest.mark.parametrize("name", sorted(path.name for path in EXAMPLES.glob("*.ipynb")))
def test_an_example_notebook_runs_from_top_to_bottom(clone: Path, name: str) -> None:
    notebook = nbformat.read(clone / "example_notebooks" / name, as_version=4)
    NotebookClient(
        notebook, timeout=120, resources={"metadata": {"path": str(clone / "example_notebooks")}}
    ).execute()
    shown = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert any("application/vnd.jupyter.widget-view+json" in output.get("data", {}) for output in shown)
    assert not [output for output in shown if output.output_type == "error"]


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.ipynb")), ids=lambda path: path.name)
def test_an_example_notebook_is_shipped_clean(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert "widgets" not in notebook.metadata
    assert all(not cell.get("outputs") and cell.get("execution_count") is None for cell in notebook.cells)
