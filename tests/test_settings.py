"""Settings: one file says it for Python and the command line alike, and the report says what was used."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT

import rolethread_nb as rt
from rolethread_nb.cli import main

RECORD = {"messages": [{"role": "client", "content": "Hi "}, {"role": "assistant", "content": ""}]}
PROMPT = [
    {"messages": [{"role": "user", "content": "Tell me one"}, {"role": "assistant", "content": answer}]}
    for answer in ("Once.", "There was.")
]


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a dataset in a folder of it, and a folder beside it."""
    (tmp_path / "project" / "data").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "project" / "data" / "chats.jsonl").write_text(json.dumps(RECORD) + "\n")
    monkeypatch.chdir(tmp_path / "project")
    return tmp_path


def say(text: str, path: str = "rolethread_nb.toml") -> None:
    Path(path).write_text(text)


def counts(*, path: str = "data/chats.jsonl", **how: Any) -> dict[str, int]:
    return rt.load(path, **how).check().counts


# ---------------------------------------------------------------- which file


def test_python_and_the_command_line_say_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    say('ignore = ["text"]\nprofile = "roleplay"\n[roles]\nclient = "user"\n')
    status = main(["check", "data/chats.jsonl", "--json"])
    by_command = json.loads(capsys.readouterr().out)
    by_python = json.loads(rt.load("data/chats.jsonl").check().to_json())

    assert status == 1
    assert {**by_command, "seconds": 0} == {**by_python, "seconds": 0}
    assert by_python["counts"] == {"turn.empty": 1}


def test_settings_are_found_above_the_data_wherever_the_check_is_started(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    say('ignore = ["text", "turn"]\n[roles]\nclient = "user"\n')
    (project / "elsewhere" / "rolethread_nb.toml").write_text('select = ["file"]\n')
    here = counts()
    monkeypatch.chdir(project / "elsewhere")

    assert here == counts(path="../project/data/chats.jsonl") == {}


def test_the_nearest_file_counts_alone() -> None:
    say('ignore = ["turn", "role"]\n')
    say('ignore = ["text", "role"]\n', "data/rolethread_nb.toml")

    assert set(counts()) == {"turn.empty"}


def test_an_empty_file_is_a_file() -> None:
    say('ignore = ["turn"]\n')
    say("", "data/rolethread_nb.toml")

    assert "turn.empty" in counts()


def test_files_of_several_folders_have_the_settings_above_all_of_them(project: Path) -> None:
    (project / "elsewhere" / "more.jsonl").write_text(json.dumps(RECORD) + "\n")
    say('ignore = ["turn"]\n')
    (project / "rolethread_nb.toml").write_text('ignore = ["text"]\n')
    ds = rt.load(["data/chats.jsonl", "../elsewhere/more.jsonl"])

    assert "turn.empty" in ds.check().counts
    assert "text.whitespace" not in ds.check().counts


def test_what_is_no_file_has_the_settings_above_the_working_directory() -> None:
    say('ignore = ["text", "role"]\n')

    assert set(rt.load([RECORD]).check().counts) == {"turn.empty"}


def test_a_project_file_is_as_good_and_the_own_file_goes_first() -> None:
    say('[tool.rolethread_nb]\nignore = ["turn", "role"]\n', "pyproject.toml")
    assert set(counts()) == {"text.whitespace"}

    say('ignore = ["text", "role"]\n')
    assert set(counts()) == {"turn.empty"}


def test_settings_can_be_named_or_switched_off() -> None:
    say('ignore = ["turn", "role"]\n')
    say('ignore = ["text", "role"]\n', "other.toml")
    say('[project]\nname = "x"\n', "pyproject.toml")

    assert set(counts(settings="other.toml")) == {"turn.empty"}
    assert (
        set(counts(settings=False))
        == set(counts(settings=None))
        == {"role.unknown", "text.whitespace", "turn.empty"}
    )
    for name, says in (("missing.toml", "no settings file"), ("pyproject.toml", "no table")):
        with pytest.raises(rt.QueryError, match=says):
            rt.load("data/chats.jsonl", settings=name)


def test_the_command_line_can_name_a_file_or_none(capsys: pytest.CaptureFixture[str]) -> None:
    say('select = ["text"]\n')
    say('select = ["file"]\nfail-on = "never"\n', "other.toml")

    assert main(["check", "data/chats.jsonl"]) == 0
    assert main(["check", "data/chats.jsonl", "--no-settings"]) == 1
    assert main(["check", "data/chats.jsonl", "--settings", "other.toml", "--fail-on", "info"]) == 0
    assert "select file (other.toml)" in capsys.readouterr().out


# ---------------------------------------------------------------- which value


def test_an_argument_wins_and_says_so() -> None:
    say('profile = "roleplay"\nignore = ["text"]\n[roles]\nclient = "user"\n')
    ds = rt.load("data/chats.jsonl", roles={"client": "tool", "x": "user"})
    report = ds.check("tools", ignore=["order"])

    assert report.profile == "tools"
    assert report.settings["ignore"] == ["order"]
    assert {
        name: report.settings.origin(name) for name in ("profile", "ignore", "roles.client", "select")
    } == {
        "profile": "argument",
        "ignore": "argument",
        "roles.client": "argument",
        "select": "default",
    }
    assert report.settings.table("roles") == {"client": "tool", "x": "user"}


def test_fields_can_stand_in_the_file() -> None:
    Path("data/odd.jsonl").write_text(
        '{"dialog": [{"who": "user", "line": "Hi"}, {"who": "assistant", "line": "Ho"}]}\n'
    )
    say('[fields]\nmessages = "dialog"\nrole = "who"\ntext = "line"\n')

    assert [m.text for m in rt.load("data/odd.jsonl")[0]] == ["Hi", "Ho"]


def test_the_command_line_names_keys_and_labels(capsys: pytest.CaptureFixture[str]) -> None:
    Path("odd.jsonl").write_text(
        '{"dialog": [{"who": "client", "line": "Hi"}, {"who": "assistant", "line": "Ho"}]}\n'
    )
    named = [
        "--field",
        "messages=dialog",
        "--field",
        "role=who",
        "--field",
        "text=line",
        "--role",
        "client=user",
    ]

    assert main(["check", "odd.jsonl", *named]) == 0
    assert main(["review", "odd.jsonl", "--no-open", *named]) == 0
    capsys.readouterr()
    cells = json.loads(Path("odd.review.ipynb").read_text())["cells"]
    code = "".join("".join(cell["source"]) for cell in cells)
    assert "fields = {'messages': 'dialog', 'role': 'who', 'text': 'line'}" in code


@pytest.mark.parametrize(
    "table",
    [
        '[thresholds]\n"dup.prompt.words" = 2\n',
        '[thresholds."dup.prompt"]\nwords = 2\n',
        "[thresholds.dup.prompt]\nwords = 2\n",
        "thresholds = {dup = {prompt = {words = 2}}}\n",
    ],
)
def test_thresholds_can_stand_in_the_file(table: str) -> None:
    assert "dup.prompt" not in rt.load(PROMPT).check().counts
    say(table)
    report = rt.load(PROMPT).check()

    assert report.counts["dup.prompt"] == 1
    assert report.settings.as_dict()["thresholds.dup.prompt.words"] == {
        "value": 2,
        "from": "rolethread_nb.toml",
    }


@pytest.mark.parametrize(
    "given", [{"dup.prompt": {"words": 2}}, {"dup.prompt.words": 2}, {"dup": {"prompt.words": 2.0}}]
)
def test_thresholds_can_be_said_for_one_check(given: Any) -> None:
    ds = rt.load(PROMPT)
    report = ds.check(thresholds=given)

    assert report.counts["dup.prompt"] == 1
    assert report.issues.set_index("code").loc["dup.prompt", "evidence"]["words"] == 2
    assert "dup.prompt" not in ds.check().counts


def test_every_threshold_of_every_rule_that_ran_is_said() -> None:
    report = rt.load(PROMPT).check()
    for rule in report.rules:
        for name, usual in rule.thresholds.items():
            assert report.settings[f"thresholds.{rule.code}.{name}"] == usual


def test_the_report_says_its_settings_everywhere(capsys: pytest.CaptureFixture[str]) -> None:
    say('ignore = ["text"]\n[thresholds]\n"dup.prompt.words" = 2\n')
    report = rt.load("data/chats.jsonl").check("roleplay")
    main(["check", "data/chats.jsonl", "--profile", "roleplay"])

    for shown in (repr(report), report.to_html(), capsys.readouterr().out):
        assert (
            "profile roleplay (argument), ignore text (rolethread_nb.toml), dup.prompt.words 2 (rolethread_nb.toml)"
            in shown
        )
    assert json.loads(report.to_json())["settings"]["ignore"] == {
        "value": ["text"],
        "from": "rolethread_nb.toml",
    }


def test_iter_issues_follows_the_settings() -> None:
    say('ignore = ["text", "role", "order", "record"]\n')

    assert [issue.code for issue in rt.load("data/chats.jsonl").iter_issues()] == ["turn.empty"]


# ---------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("profil = 'chat'", "did you mean 'profile'"),
        ("colour = 'red'", "there are profile, select"),
        ("profile = 5", "is no text"),
        ("select = 'turn'", "is no list"),
        ("roles = 5", "is no table"),
        ("[fields]\nmessages = 5", "is no text"),
        ('[fields]\nturns = "dialog"', "it can name"),
        ('[thresholds]\n"dup.prompt.words" = "many"', "is no number"),
        ('[thresholds]\n"dup.prompt.words" = true', "is no number"),
        ('[thresholds]\n"dup.prompt.words" = nan', "is no number"),
        ('[thresholds]\n"dup.prompt.wrods" = 3', "it has words"),
        ('[thresholds]\n"turn.empty.words" = 3', "it has none"),
        ('[thresholds]\n"dup.promt.words" = 3', "there are .*dup.prompt.words"),
        ('[thresholds]\n"dup.prompt" = 3', "say which threshold"),
        ('ignore = ["nope"]', "No rule or family"),
        ('profile = "chatty"', "No profile is called"),
        ('baseline = "missing.jsonl"', "no baseline"),
        ("not toml", "not valid TOML"),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_sentence(text: str, says: str) -> None:
    say(text)
    with pytest.raises(rt.RolethreadError, match=says) as refused:
        rt.load("data/chats.jsonl").check()
    assert "\n" not in str(refused.value)


def test_a_refusal_names_the_file_that_says_it() -> None:
    say('[thresholds]\n"dup.prompt.wrods" = 3')
    with pytest.raises(rt.QueryError, match=r"^rolethread_nb.toml: "):
        rt.load("data/chats.jsonl").check()


# ---------------------------------------------------------------- the pages


@pytest.mark.parametrize("name", ["settings.md", "queries.md"])
def test_the_python_of_the_page_runs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (ROOT / "docs" / name).read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", page, flags=re.MULTILINE | re.DOTALL)
    assert len(blocks) > 2
    monkeypatch.chdir(tmp_path / "elsewhere")
    names: dict[str, Any] = {}
    for block in blocks:
        exec(compile(block, name, "exec"), names)


def test_the_commands_and_the_file_of_the_page_do_as_it_says(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"^```toml\n(.*?)^```", page, flags=re.MULTILINE | re.DOTALL)
    monkeypatch.chdir(project / "elsewhere")
    Path("chats.jsonl").write_text(json.dumps(RECORD) + "\n")
    commands = [line.split()[1:] for line in page.splitlines() if line.startswith("    rolethread-nb")]
    assert [main(command) for command in commands] == [0, 0]
    say(example)
    assert set(rt.load("chats.jsonl").settings) >= {
        "roles.client",
        "fields.messages",
        "thresholds.dup.prompt.words",
    }


def test_the_page_lists_every_name_of_a_term() -> None:
    from rolethread_nb.core.query_terms import NAMES

    page = (ROOT / "docs" / "queries.md").read_text(encoding="utf-8")
    assert [name for name in NAMES if f"`{name}:" not in page] == []
