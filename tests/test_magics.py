"""The magics in a real IPython shell: type a conversation, look at it, check and export what was collected."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell

import rolethread_nb as rt

CELL = """%%thread The lamp --tags calm --id lamp-1 --into ds
user: Is the lamp lit?

assistant (Mara): It is. Always.
"""


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[InteractiveShell]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance()
    shell.run_line_magic("load_ext", "rolethread_nb")
    yield shell
    shell.history_manager.end_session()
    InteractiveShell.clear_instance()


def run(shell: InteractiveShell, cell: str) -> Any:
    """The value of a cell that runs without an error."""
    done = shell.run_cell(cell)
    done.raise_error()
    return done.result


def complaint(shell: InteractiveShell, cell: str, capsys: pytest.CaptureFixture[str]) -> str:
    """What a cell that fails says: one line, no traceback."""
    capsys.readouterr()
    shell.run_cell(cell)
    shown = capsys.readouterr()
    text = (shown.out + shown.err).strip()
    assert text.startswith("UsageError: ")
    assert "\n" not in text
    return text.removeprefix("UsageError: ")


def test_a_conversation_is_shown_and_collected(shell: InteractiveShell) -> None:
    shown = run(shell, CELL)

    assert isinstance(shown, rt.Thread)
    ds = shell.user_ns["ds"]
    assert isinstance(ds, rt.Dataset)
    assert ds["lamp-1"].title == "The lamp"
    assert ds["lamp-1"].tags == ["calm"]
    assert [(m.role, m.name, m.text) for m in ds[0]] == [
        ("user", None, "Is the lamp lit?"),
        ("assistant", "Mara", "It is. Always."),
    ]


def test_it_is_shown_with_its_findings(shell: InteractiveShell) -> None:
    shown = run(shell, "%%thread\nuser: Hi\nassistant: Hello <|im_end|>")

    assert any(issue.code.startswith("leak.") for issue in shown.report)


def test_a_cell_that_is_run_again_takes_its_own_place(shell: InteractiveShell) -> None:
    run(shell, CELL)
    run(shell, CELL.replace("lamp-1", "lamp-2"))
    run(shell, CELL.replace("Always.", "Tonight."))

    ds = shell.user_ns["ds"]
    assert [conversation.id for conversation in ds] == ["lamp-1", "lamp-2"]
    assert ds[0].messages[1].text == "It is. Tonight."


def test_the_cell_is_known_by_what_the_notebook_calls_it(shell: InteractiveShell) -> None:
    shell.get_parent = lambda: {"metadata": {"cellId": "a1"}}  # as ipykernel has it
    run(shell, "%%thread first name\nuser: Hi\nassistant: Hello")
    run(shell, "%%thread second name\nuser: Hi\nassistant: Hello you")

    assert [conversation.title for conversation in shell.user_ns["threads"]] == ["second name"]


def test_conversations_without_a_name_are_collected_once_each(shell: InteractiveShell) -> None:
    for said in ("Hi", "Hello", "Hi"):
        run(shell, f"%%thread\nuser: {said}\nassistant: Yes")

    assert [c.messages[0].text for c in shell.user_ns["threads"]] == ["Hi", "Hello"]


def test_changes_to_the_collected_dataset_stay(shell: InteractiveShell) -> None:
    run(shell, "%%thread one\nuser: Hi \nassistant: Hello ")
    run(shell, "threads.check().repairs().apply()")
    run(shell, "%%thread two\nuser: Ho\nassistant: Hello")

    assert [c.messages[1].text for c in shell.user_ns["threads"]] == ["Hello", "Hello"]


def test_what_a_cell_says_is_not_filled_in_from_variables(shell: InteractiveShell) -> None:
    run(shell, "name = 'x'\nHOME = 1")
    run(shell, "%%thread {name} $HOME\nuser: Hi {name} $HOME\nassistant: !ls {{char}}")

    ds = shell.user_ns["threads"]
    assert ds[0].title == "{name} $HOME"
    assert [m.text for m in ds[0]] == ["Hi {name} $HOME", "!ls {{char}}"]


@pytest.mark.parametrize(
    ("cell", "says"),
    [
        ("%%thread\n\nHello\nuser: Hi", "Line 3 of the cell: a turn begins with its role"),
        ("%%thread --colour red\nuser: Hi", "Line 1 of the cell: %%thread has no option '--colour'"),
        ("%%thread\n\n", "The cell holds no turn"),
        ("%%thread --into 7up\nuser: Hi", "--into takes the name of a variable, not '7up'."),
        ("%%thread --into other\nuser: Hi", "other is already something that was not collected from cells"),
        ("%rolethread check nothing", "nothing is no dataset; there is none yet."),
        ("%rolethread frobnicate", "argument command: invalid choice: 'frobnicate'"),
        ("%rolethread export", "the following arguments are required: dataset, path"),
    ],
)
def test_a_mistake_is_one_sentence(
    shell: InteractiveShell, cell: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run(shell, "other = 5")

    assert complaint(shell, cell, capsys).startswith(says)


def test_a_line_is_counted_from_the_top_of_the_cell(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    cell = "\n\n%%thread\nHello"
    shell.get_parent = lambda: {"content": {"code": cell}}

    assert complaint(shell, cell, capsys).startswith("Line 4 of the cell: ")


def test_a_loaded_dataset_is_never_replaced(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    shell.user_ns["ds"] = loaded = rt.load([{"messages": [{"role": "user", "content": "Hi"}]}])

    assert complaint(shell, CELL, capsys).startswith("ds is already something")
    assert shell.user_ns["ds"] is loaded


def test_check_and_export(shell: InteractiveShell, tmp_path: Path) -> None:
    run(shell, CELL)

    report = run(shell, "%rolethread check ds --profile roleplay")
    done = run(shell, "%rolethread export ds out.jsonl")

    assert report.dataset is shell.user_ns["ds"]
    assert done.conversations == 1
    (line,) = (tmp_path / "out.jsonl").read_text().splitlines()
    assert json.loads(line)["messages"][0] == {"role": "user", "content": "Is the lamp lit?"}


def test_a_file_that_exists_is_replaced_only_when_asked(
    shell: InteractiveShell, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(shell, CELL)
    (tmp_path / "out.jsonl").write_text("mine")

    assert "exists already" in complaint(shell, "%rolethread export ds out.jsonl", capsys)
    assert (tmp_path / "out.jsonl").read_text() == "mine"
    run(shell, "%rolethread export ds out.jsonl --overwrite")
    assert "lamp" in (tmp_path / "out.jsonl").read_text()


@pytest.mark.parametrize("asked", ["%rolethread", "%rolethread help"])
def test_help_says_what_there_is(
    shell: InteractiveShell, asked: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run(shell, asked)

    shown = capsys.readouterr().out
    for word in ("check", "export", "%%thread [name]", "--into ds", "assistant (Mara):"):
        assert word in shown


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("%rolethread ", {"check", "export", "help"}),
        ("%rolethread check d", {"ds"}),
        ("%rolethread check ds --profile role", {"roleplay", "rolethread"}),
        ("%rolethread export ds out.jsonl --f", {"--format"}),
        ("%rolethread export ds out.jsonl --format me", {"messages"}),
        ("%%thread x --i", {"--id", "--into"}),
        ("%%thread x --into d", {"ds"}),
    ],
)
def test_completion_knows_commands_options_and_datasets(
    shell: InteractiveShell, typed: str, offered: set[str]
) -> None:
    run(shell, CELL)

    with provisionalcompleter():  # as kernels ask
        found = {completion.text for completion in shell.Completer.completions(typed, len(typed))}

    assert found >= offered
