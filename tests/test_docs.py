"""What the documentation shows is true: its examples run, and what is made from the code is up to date."""

from __future__ import annotations

import importlib
import json
import re
import shlex
import shutil
import sys
import textwrap
import tomllib
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
import yaml
from IPython.core.interactiveshell import InteractiveShell
from nbclient import NotebookClient
from packaging.requirements import Requirement

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


# ------------------------------------------------------------------ blocks that are no Python

# What is shown and cannot be run here, by its first words, and where it is held instead.
SHOWN = {
    "papermill ": "another program; tests/test_review_notebook.py hands the parameters over",
    "report.ipynb: 6 outputs frozen": "what a command prints; tests/test_freeze.py",
    "✗ leak.macro: not measured": "what a command prints; tests/test_gates.py",
    "trainer = SFTTrainer(": "needs TRL; tests/test_trl.py",
    "SFTTrainer holds 157 sequences": "what the witness prints; tests/test_witness.py",
}


def other_blocks() -> Iterator[tuple[str, str, str]]:
    """Page, language and text of every block that is no Python, fenced or indented."""
    for page in ["README.md", "CONTRIBUTING.md", *PAGES]:
        if page == "docs/rules.md":  # examples of data, made from the rules
            continue
        text = (ROOT / page).read_text(encoding="utf-8")
        fences = re.compile(r"^```([^\n]*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
        yield from ((page, kind, body) for kind, body in fences.findall(text) if kind != "python")
        indented = re.compile(r"(?<=\n\n)(?: {4}[^\n]*\n(?:\n(?= {4}))?)+")
        yield from ((page, "", textwrap.dedent(body)) for body in indented.findall(fences.sub("", text)))


BLOCKS = list(other_blocks())


def lines_of(*first: str) -> list[tuple[str, str]]:
    """Page and line of every command that begins with one of these words."""
    blocks = [(page, body) for page, kind, body in BLOCKS if kind in ("", "bash")]
    return [(page, line) for page, body in blocks for line in body.splitlines() if line.startswith(first)]


@pytest.mark.parametrize("page", sorted({page for page, _ in lines_of("rolethread-nb ")}))
def test_the_commands_of_a_page_run(page: str, clone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("chats.jsonl", "calls.jsonl"):
        shutil.copy("example_notebooks/data/persona_agents_en.jsonl", name)
    (clone / "gates.toml").write_text('[gates]\n"severity:error" = 0\n', encoding="utf-8")
    (clone / "docs").mkdir()
    nbformat.write(nbformat.v4.new_notebook(), clone / "report.ipynb")
    for where, line in lines_of("rolethread-nb "):
        if where != page:
            continue
        words = shlex.split(line.partition(" #")[0])[1:]
        status = main([*words, *(["--no-open"] if words[0] == "review" else [])])
        finds = words[0] in ("check", "compare", "preflight") and "--write-baseline" not in words
        assert status in ((0, 1) if finds else (0,)), f"{line}: {capsys.readouterr().err}"
    assert "Traceback" not in capsys.readouterr().err


def test_the_commands_of_the_readme_exit_as_it_says(clone: Path) -> None:
    shutil.copy("example_notebooks/data/persona_agents_en.jsonl", "chats.jsonl")
    assert main(["check", "chats.jsonl", "--fail-on", "error"]) == 1
    assert main(["repair", "chats.jsonl", "-o", "clean.jsonl"]) == 0
    assert main(["compare", "chats.jsonl", "clean.jsonl"]) == 1
    assert main(["compare", "chats.jsonl", "chats.jsonl"]) == 0


def test_make_knows_every_command_that_is_told() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    told = {line.split()[1] for _, line in lines_of("make ")}
    assert {"review", "test"} <= told <= targets


def test_what_is_to_be_installed_exists() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for page, line in lines_of("pip install"):
        for word in shlex.split(line.partition(" #")[0])[2:]:
            wanted = Requirement(word)
            assert wanted.name == project["name"], page
            assert wanted.extras <= set(project["optional-dependencies"])


@pytest.mark.parametrize("page", sorted({page for page, kind, _ in BLOCKS if kind == "toml"}))
def test_the_toml_of_a_page_is_understood(page: str, clone: Path) -> None:
    shutil.copy("example_notebooks/data/persona_agents_en.jsonl", "chats.jsonl")
    ds = rt.load("chats.jsonl", review=False)
    ds.check().write_baseline("known.jsonl")
    (clone / "gates.toml").write_text('[gates]\n"rejected" = 0\n', encoding="utf-8")
    for body in [body for where, kind, body in BLOCKS if (where, kind) == (page, "toml")]:
        if "[gates" in body:
            (clone / "gates.toml").write_text(body, encoding="utf-8")
            assert len(ds.check().gates("gates.toml"))
        else:
            (clone / "rolethread_nb.toml").write_text(body, encoding="utf-8")
            assert rt.load("chats.jsonl", review=False).check().settings["profile"] == "roleplay"


def test_the_workflows_of_a_page_are_yaml_and_run_our_command() -> None:
    told = {line for _, line in lines_of("rolethread-nb ")}
    for page, body in [(page, body) for page, kind, body in BLOCKS if kind == "yaml"]:
        assert yaml.safe_load(body), page
        ours = re.findall(r"(?:run|entry): (rolethread-nb .*)", body)
        assert ours
        assert all(any(line.startswith(command) for line in told) for command in ours)


def test_the_json_of_a_page_is_json() -> None:
    decoder = json.JSONDecoder()
    for page, body in [(page, body.strip()) for page, kind, body in BLOCKS if kind == "json"]:
        at = 0
        while at < len(body):  # one value after the other
            value, at = decoder.raw_decode(body, at)
            assert value, page
            at += len(body[at:]) - len(body[at:].lstrip())


def test_the_cells_of_a_page_run_in_a_notebook(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cells = [body for _, kind, body in BLOCKS if not kind and body.startswith("%")]
    assert len(cells) >= 2
    monkeypatch.setenv("IPYTHONDIR", str(clone / "ipython"))
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance()
    for cell in cells:
        shell.run_cell(cell).raise_error()
    assert [conversation.id for conversation in shell.user_ns["ds"]] == ["lamp-1"]
    shell.history_manager.end_session()
    InteractiveShell.clear_instance()


def test_the_query_of_the_readme_is_understood(clone: Path) -> None:
    ds = rt.load("example_notebooks/data/persona_agents_en.jsonl", review=False)
    queries = [body.strip() for _, kind, body in BLOCKS if not kind and body.startswith("code:")]
    assert queries
    for query in queries:
        ds.where(query)


def test_no_block_of_the_documentation_is_held_by_nothing() -> None:
    held = ("rolethread-nb ", "make ", "pip install", "%", "code:", *SHOWN)
    loose = [
        (page, body) for page, kind, body in BLOCKS if kind in ("", "bash") and not body.startswith(held)
    ]
    assert not loose
    assert {kind for _, kind, _ in BLOCKS} <= {"", "bash", "toml", "yaml", "json"}
    for shown in SHOWN:
        assert any(body.startswith(shown) for _, _, body in BLOCKS), f"{shown!r} is no longer shown"


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


@pytest.mark.parametrize("name", sorted(path.name for path in EXAMPLES.glob("[0-9]*.ipynb")))
def test_an_example_notebook_runs_from_top_to_bottom(clone: Path, name: str) -> None:
    notebook = nbformat.read(clone / "example_notebooks" / name, as_version=4)
    NotebookClient(
        notebook, timeout=120, resources={"metadata": {"path": str(clone / "example_notebooks")}}
    ).execute()
    shown = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert any("application/vnd.jupyter.widget-view+json" in output.get("data", {}) for output in shown)
    assert not [output for output in shown if output.output_type == "error"]


def test_the_index_of_the_example_notebooks_names_each_of_them_once() -> None:
    (cell,) = nbformat.read(EXAMPLES / "index.ipynb", as_version=4).cells
    named = re.findall(r"\]\(([^)]+)\)", cell.source)
    assert named == sorted(path.name for path in EXAMPLES.glob("[0-9]*.ipynb"))


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.ipynb")), ids=lambda path: path.name)
def test_an_example_notebook_is_shipped_clean(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert "widgets" not in notebook.metadata
    assert all(not cell.get("outputs") and cell.get("execution_count") is None for cell in notebook.cells)
