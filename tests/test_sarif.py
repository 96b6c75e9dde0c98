"""What CI reads: SARIF for code scanning, Markdown for the page of a job, and the workflow of the documentation."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import mistune
import pytest
import yaml
from conftest import ROOT, real_files
from hypothesis import given, settings
from hypothesis import strategies as st

import rolethread_nb as rt
from rolethread_nb.cli import main
from rolethread_nb.outputs import sarif as writer
from rolethread_nb.outputs.markdown import literal


def chat(*texts: Any, **more: Any) -> dict[str, Any]:
    """A record in which user and assistant say these by turns."""
    roles = ("user", "assistant")
    return {"messages": [{"role": roles[n % 2], "content": text} for n, text in enumerate(texts)], **more}


RECORDS = [
    chat("Where is the ship?", "It left at dawn."),
    chat("Where is the captain?", "", id="empty"),
    chat("Who sails her? ", "{{char}} does."),
    chat("Where is the ship?", "It left at dawn."),
    chat("Where is the ship?", "It sank."),
]


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(RECORDS)


def write(records: list[Any], path: str = "chats.jsonl") -> None:
    Path(path).write_text("".join(json.dumps(record) + "\n" for record in records))


def run_of(source: Any = "chats.jsonl", **how: Any) -> dict[str, Any]:
    """The one run in the SARIF of a check, held against the schema."""
    found = json.loads(rt.load(source, review=False).check(**how).to_sarif())
    held_by_the_schema(found)
    run: dict[str, Any] = found["runs"][0]
    return run


def held_by_the_schema(found: dict[str, Any]) -> None:
    """What the schema of SARIF 2.1.0 asks of the parts that are written, and what GitHub asks beyond it."""
    assert found.keys() == {"$schema", "version", "runs"}
    assert found["version"] == "2.1.0"
    assert found["$schema"].endswith("sarif-2.1.0.json")
    (run,) = found["runs"]
    assert run.keys() <= {"tool", "invocations", "artifacts", "results", "properties"}
    driver = run["tool"]["driver"]
    assert driver["name"] == "rolethread-nb"
    assert driver["version"] == rt.__version__
    identities = [rule["id"] for rule in driver["rules"]]
    assert len(set(identities)) == len(identities)
    for rule in driver["rules"]:
        assert rule["shortDescription"]["text"]
        assert rule["fullDescription"]["text"]
        assert rule["help"]["text"]
        assert rule["help"]["markdown"]
        assert rule["defaultConfiguration"]["level"] in ("none", "note", "warning", "error")
        assert len(set(rule["properties"]["tags"])) == len(rule["properties"]["tags"])
    for invocation in run["invocations"]:
        assert invocation["executionSuccessful"] is True
    uris = [artifact["location"]["uri"] for artifact in run["artifacts"]]
    assert all(re.fullmatch(r"[A-Za-z0-9%/:._~-]+", uri) and urlsplit(uri) for uri in uris)
    known_by = []
    for result in run["results"]:
        assert identities[result["ruleIndex"]] == result["ruleId"]
        assert result["level"] in ("note", "warning", "error")
        assert result["message"]["text"]
        (location,) = result["locations"]
        numbered = result.get("relatedLocations", [])
        assert [other["id"] for other in numbered] == list(range(1, len(numbered) + 1))
        for place in (location, *numbered):
            physical = place["physicalLocation"]
            assert uris[physical["artifactLocation"]["index"]] == physical["artifactLocation"]["uri"]
            assert physical["region"]["startLine"] >= 1
        assert all(isinstance(value, str) for value in result["partialFingerprints"].values())
        assert isinstance(result["properties"], dict)
        known_by.append(tuple(result["partialFingerprints"].values()))
    assert len(set(known_by)) == len(known_by)


def fingerprints(run: dict[str, Any], code: str) -> list[str]:
    return [
        result["partialFingerprints"]["rolethreadFinding/v1"]
        for result in run["results"]
        if result["ruleId"] == code
    ]


# ---------------------------------------------------------------- SARIF


def test_a_finding_stands_at_its_line_with_its_rule_and_its_level() -> None:
    run = run_of()
    result = next(one for one in run["results"] if one["ruleId"] == "turn.empty")

    assert result["level"] == "error"
    assert result["message"]["text"] == "The turn has no visible character"
    (location,) = result["locations"]
    assert location["physicalLocation"] == {
        "artifactLocation": {"uri": "chats.jsonl", "index": 0},
        "region": {"startLine": 2},
    }
    assert location["logicalLocations"] == [{"fullyQualifiedName": "/messages/1/content", "kind": "value"}]
    assert result["properties"] == {
        "conversation": 1,
        "id": "empty",
        "turn": 1,
        "start": 0,
        "end": 0,
        "repair": "unsafe",
    }


def test_every_finding_is_in_it_and_only_rules_that_found_something() -> None:
    report = rt.load("chats.jsonl").check()
    run = run_of()

    assert [result["ruleId"] for result in run["results"]] == [issue.code for issue in report]
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == list(report.counts)
    assert {result["level"] for result in run["results"]} >= {"error", "warning", "note"}
    empty = next(rule for rule in run["tool"]["driver"]["rules"] if rule["id"] == "turn.empty")
    assert empty["help"]["text"] == report.explain("turn.empty")
    assert "**Why it is bad for training**" in empty["help"]["markdown"]


def test_a_finding_names_the_conversations_that_it_is_about() -> None:
    run = run_of()
    same = next(one for one in run["results"] if one["ruleId"] == "dup.exact")

    assert same["locations"][0]["physicalLocation"]["region"]["startLine"] == 4
    (other,) = same["relatedLocations"]
    assert other["physicalLocation"]["region"]["startLine"] == 1
    assert other["message"]["text"] == "conversation #0"


def test_a_finding_is_known_again_when_the_file_around_it_changes() -> None:
    before = run_of()
    write([chat("New?", "Yes."), *reversed(RECORDS)])
    after = run_of()
    for code in ("turn.empty", "leak.macro", "text.whitespace"):
        assert fingerprints(before, code) == fingerprints(after, code) != []

    write([chat("Where is the mate?", "", id="empty"), chat("Who sails her? ", "{{user}} does.")])
    edited = run_of()
    assert fingerprints(edited, "turn.empty") == fingerprints(before, "turn.empty")  # another turn was edited
    assert fingerprints(edited, "text.whitespace") == fingerprints(before, "text.whitespace")
    assert fingerprints(edited, "leak.macro") != fingerprints(before, "leak.macro")


def test_findings_that_are_alike_are_told_apart_by_number() -> None:
    run = run_of([chat("Hi", "{{char}}"), chat("Hi", "{{char}}", mood=1)], select="leak")

    first, second = fingerprints(run, "leak.macro")
    assert first.removesuffix(":1") == second.removesuffix(":2")


def test_what_has_no_line_stands_at_the_first_one_of_its_file() -> None:
    write([{"messages": [{"role": "client", "content": "Hi"}, {"role": "assistant", "content": "Ho"}]}] * 2)
    for source in ("chats.jsonl", [chat("Hi", "")]):
        for result in run_of(source, select=["role.unknown", "turn.empty"])["results"]:
            assert result["locations"][0]["physicalLocation"]["region"] == {"startLine": 1}


def test_a_line_within_a_cell_is_no_line_of_the_notebook() -> None:
    cell = {"cell_type": "code", "id": "b", "metadata": {}, "outputs": [], "execution_count": None}
    said = ["%%thread\n", "user: Hi\n", "assistant: {{char}} waves.\n"]
    page = {"cell_type": "markdown", "id": "a", "metadata": {}, "source": "Scenes"}
    cells = [page, {**cell, "source": ["\n", "\n", *said]}, {**cell, "id": "c", "source": said}]
    notebook = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    Path("scenes.ipynb").write_text(json.dumps(notebook, indent=1), encoding="utf-8")
    leaks = [one for one in run_of("scenes.ipynb")["results"] if one["ruleId"] in ("leak.macro", "dup.exact")]

    places = [result["locations"][0]["physicalLocation"]["region"] for result in leaks]
    assert places == [{"startLine": 1}] * 3
    cells = [(result["properties"]["cell"], result["properties"]["cell_line"]) for result in leaks]
    assert sorted(cells) == [(2, 3), (3, 1), (3, 1)]
    same = next(one for one in leaks if one["ruleId"] == "dup.exact")
    assert same["relatedLocations"][0]["physicalLocation"]["region"] == {"startLine": 1}
    assert "cell" not in run_of()["results"][0]["properties"]


@pytest.mark.parametrize("source", [RECORDS, json.dumps(RECORDS[1]).encode()], ids=["list", "bytes"])
def test_data_that_is_no_file_has_a_relative_address_all_the_same(source: Any) -> None:
    (artifact,) = run_of(source)["artifacts"]

    assert re.fullmatch(r"[A-Za-z%0-9]+", artifact["location"]["uri"])
    assert unquote(artifact["location"]["uri"]).endswith("in memory")


def test_rejected_records_and_several_files_have_their_places() -> None:
    Path("größe und #1.jsonl").write_text('{"messages": [\n' + json.dumps(RECORDS[0]) + "\n{5\n")
    run = run_of(["chats.jsonl", "größe und #1.jsonl"])
    places = {
        (
            unquote(result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]),
            result["locations"][0]["physicalLocation"]["region"]["startLine"],
        )
        for result in run["results"]
        if result["ruleId"] == "file.bad_json"
    }

    assert len(places) > 0
    assert {name for name, _ in places} == {"größe und #1.jsonl"}


@pytest.mark.skipif(sys.platform != "linux", reason="file names are bytes on Linux only")
def test_a_file_name_that_is_no_text_has_an_address() -> None:
    name = os.fsdecode(b"caf\xe9.jsonl")
    write(RECORDS, name)

    assert run_of(name)["artifacts"] == [{"location": {"uri": "caf%E9.jsonl"}}]


def test_the_text_of_a_finding_is_no_link_and_no_half_a_character() -> None:
    label = "[click](https://example.org) \ud83d"
    record = {"messages": [{"role": label, "content": "Hi"}, {"role": "assistant", "content": "Ho"}]}
    text = rt.load(json.dumps(record).encode()).check(select="role").to_sarif()
    message = json.loads(text)["runs"][0]["results"][0]["message"]["text"]

    assert "click\\](https" in message
    text.encode("utf-8")
    assert "\\ud83d" not in text


def test_the_same_data_gives_the_same_bytes() -> None:
    first, second = (rt.load("chats.jsonl").check().to_sarif("out.sarif") for _ in range(2))

    assert first == second == Path("out.sarif").read_text()


def test_a_run_too_long_for_github_keeps_the_worst_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "_MOST", 2)
    run = run_of(select=["turn", "leak", "text"])

    assert [result["ruleId"] for result in run["results"]] == ["turn.empty", "leak.macro"]
    (said,) = run["invocations"][0]["toolExecutionNotifications"]
    assert said["message"]["text"].startswith("1 finding of the lowest severity left out")


def test_a_narrowed_report_writes_what_it_has() -> None:
    report = rt.load("chats.jsonl").check().narrowed("code:leak")

    assert [one["ruleId"] for one in json.loads(report.to_sarif())["runs"][0]["results"]] == ["leak.macro"]
    assert "turn.empty" not in report.to_markdown()


@pytest.mark.parametrize("path", real_files(), ids=lambda path: path.name)
def test_a_real_file_gives_sarif_and_markdown(path: Path) -> None:
    report = rt.load(path, review=False).check()
    found = json.loads(report.to_sarif())

    held_by_the_schema(found)
    assert len(found["runs"][0]["results"]) == min(len(report), 25_000)
    assert len(report.to_markdown().encode()) < 100_000


# ---------------------------------------------------------------- Markdown


def test_the_summary_has_gates_counts_and_the_worst_with_their_lines() -> None:
    Path("gates.toml").write_text('[gates]\n"severity:error" = 0\n"turns" = { min = 1 }\n')
    Path("rolethread_nb.toml").write_text('gate = "gates.toml"\n')
    page = rt.load("chats.jsonl").check().to_markdown("summary.md")

    assert Path("summary.md").read_text(encoding="utf-8") == page
    assert page.startswith("## chats.jsonl\n")
    assert "in 5 conversations, 10 turns." in page
    assert "### Gates: 1 of 2 failed" in page
    assert "| ✗ failed | severity&#58;error&#58; 1 finding, at most 0 |" in page
    assert "| ■ error | `turn.empty` | Empty turn | 1 |" in page
    assert "| ■ error | `turn.empty` | line 2, &#35;1, turn 1 |" in page


def test_a_clean_dataset_has_a_short_summary() -> None:
    page = rt.load([RECORDS[0]]).check().to_markdown()

    assert "No findings." in page
    assert "| code |" not in page


HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "[click](https://example.org)",
    "![x](https://example.org/x.png)",
    "**bold** _it_ ~~no~~ `code` $x$",
    "a | b | c",
    "\n\n# Heading\n\n- list",
    "https://example.org www.example.org mail@example.org",
    "<!-- -->",
    "&lt;b&gt; \\",
    "<details><summary>",
    "</td></tr></table>",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_text_of_the_dataset_is_neither_markup_nor_html(text: str) -> None:
    record = {"messages": [{"role": text, "content": "Hi"}, {"role": "assistant", "content": "Ho"}]}
    page = rt.load(json.dumps(record).encode()).check(select="role").to_markdown()
    drawn = str(
        mistune.create_markdown(escape=False, plugins=["table", "url", "strikethrough", "math"])(page)
    )

    assert set(re.findall(r"<(/?[a-z0-9]+)", drawn)) <= {
        f"{slash}{tag}"
        for tag in "h2 h3 p strong code table thead tbody tr th td".split()
        for slash in ("", "/")
    }
    assert drawn.count("<table>") == 2
    assert drawn.count("<strong>") == 1


@settings(deadline=None)
@given(st.text())
def test_no_text_is_markup(text: str) -> None:
    drawn = str(
        mistune.create_markdown(escape=False, plugins=["table", "url", "strikethrough"])(f"x {literal(text)}")
    )

    assert re.findall(r"<[^>]*>", drawn) == ["<p>", "</p>"]


# ---------------------------------------------------------------- the command line


def test_one_run_writes_everything(capsys: pytest.CaptureFixture[str]) -> None:
    status = main(["check", "chats.jsonl", "--json", "--sarif", "out.sarif", "--markdown", "out.md"])
    report = rt.load("chats.jsonl").check()

    assert status == 1
    assert json.loads(capsys.readouterr().out)["counts"] == report.counts
    assert Path("out.sarif").read_text() == report.to_sarif()
    assert Path("out.md").read_text(encoding="utf-8") == report.to_markdown()
    assert not list(Path().glob(".*.part"))


@pytest.mark.parametrize("option", ["--sarif", "--markdown"])
def test_a_source_is_never_written_to(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    before = Path("chats.jsonl").read_bytes()
    for path, says in (("chats.jsonl", "never written to"), ("no/such/folder", "cannot be written")):
        assert main(["check", "chats.jsonl", option, path]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert says in err
    assert Path("chats.jsonl").read_bytes() == before


# ---------------------------------------------------------------- the page

PAGE = ROOT / "docs" / "ci.md"


def blocks(language: str) -> list[str]:
    text = PAGE.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)


def shell(command: str) -> subprocess.CompletedProcess[str]:
    """A command as a runner would run it; the gates are those of the page."""
    Path("gates.toml").write_text(blocks("toml")[0])
    scripts = Path(sys.executable).parent
    Path("bin").mkdir(exist_ok=True)
    start = Path("bin/rolethread-nb")
    start.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m rolethread_nb "$@"\n')
    start.chmod(0o755)
    environment = {
        **os.environ,
        "PATH": os.pathsep.join([str(start.parent.absolute()), str(scripts), os.environ["PATH"]]),
        "PYTHONPATH": str(ROOT),
        "GITHUB_STEP_SUMMARY": str(Path("step.md").absolute()),
    }
    return subprocess.run(
        ["bash", "-e", "-c", command], env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.skipif(sys.platform == "win32", reason="the runner of the page has a shell")
@pytest.mark.parametrize(("records", "status"), [(RECORDS[:1], 0), (RECORDS, 1)])
def test_the_workflow_of_the_page_runs(records: list[Any], status: int) -> None:
    write(records)
    workflow = yaml.safe_load(blocks("yaml")[0])
    steps = workflow["jobs"]["check"]["steps"]
    commands = [step["run"] for step in steps if "run" in step and not step["run"].startswith("pip install")]
    assert [shell(command).returncode for command in commands] == [status, 0]

    (upload,) = [step for step in steps if "upload-sarif" in step.get("uses", "")]
    held_by_the_schema(json.loads(Path(upload["with"]["sarif_file"]).read_text()))
    assert workflow["permissions"]["security-events"] == "write"
    assert "### Gates: " in Path("step.md").read_text(encoding="utf-8")


@pytest.mark.skipif(sys.platform == "win32", reason="the runner of the page has a shell")
def test_the_hook_of_the_page_runs() -> None:
    (hook,) = yaml.safe_load(blocks("yaml")[1])["repos"][0]["hooks"]

    assert re.match(hook["files"], "chats.jsonl")
    assert shell(hook["entry"]).returncode == 1
    write(RECORDS[:1])
    assert shell(hook["entry"]).returncode == 0
