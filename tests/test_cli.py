"""The command line: what a script or a CI job relies on."""

from __future__ import annotations

import gzip
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import zstandard
from conftest import ROOT

import rolethread_nb as rt
from rolethread_nb.checks.catalogue import rules
from rolethread_nb.cli import main

CLEAN = b'{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}]}\n'
NOTED = CLEAN.replace(b"Hi", b"Hi ")
WARNED = CLEAN.replace(b'"user"', b'"USER"')
WRONG = CLEAN.replace(b'"Ho"', b'""')


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, data in (("clean", CLEAN), ("noted", NOTED), ("warned", WARNED), ("wrong", WRONG)):
        Path(f"{name}.jsonl").write_bytes(data)


class Run:
    """What one run of the command line left."""

    def __init__(self, capsys: pytest.CaptureFixture[str], *arguments: str) -> None:
        try:
            self.status: Any = main(arguments)
        except SystemExit as stop:  # argparse
            self.status = stop.code
        self.out, self.err = capsys.readouterr()


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Any:
    return lambda *arguments: Run(capsys, *arguments)


def refused(done: Run) -> str:
    """The sentence with which a run was refused: on stderr, alone, without a traceback."""
    assert done.status == 2
    assert done.out == ""
    assert "Traceback" not in done.err
    (sentence,) = done.err.splitlines()
    assert sentence.startswith("rolethread-nb")
    return sentence


# ---------------------------------------------------------------- check


@pytest.mark.parametrize(
    ("name", "threshold", "status"),
    [
        ("clean", "info", 0),
        ("noted", "error", 0),
        ("noted", "warning", 0),
        ("noted", "info", 1),
        ("warned", "error", 0),
        ("warned", "warning", 1),
        ("warned", "info", 1),
        ("wrong", "error", 1),
        ("wrong", "never", 0),
    ],
)
def test_the_status_says_whether_something_is_as_bad_as_that(
    name: str, threshold: str, status: int, run: Any
) -> None:
    done = run("check", f"{name}.jsonl", "--fail-on", threshold)

    assert done.status == status
    assert done.err == ""
    assert f"{name}.jsonl: 1 conversation, 2 turns" in done.out


def test_a_rejected_record_among_good_ones_is_an_error(run: Any) -> None:
    Path("mixed.jsonl").write_bytes(CLEAN + b'{"messages": [\n')

    assert run("check", "mixed.jsonl").status == 1


def test_json_is_one_object_and_the_same_every_time(run: Any) -> None:
    first, second = (json.loads(run("check", "wrong.jsonl", "noted.jsonl", "--json").out) for _ in range(2))

    assert {**first, "seconds": 0} == {**second, "seconds": 0}
    assert [source["path"] for source in first["sources"]] == ["wrong.jsonl", "noted.jsonl"]
    assert {(issue["code"], issue["source"]) for issue in first["issues"]} == {
        ("turn.empty", 0),
        ("text.whitespace", 1),
    }
    assert run("check", "wrong.jsonl", "--json").status == 1


def test_standard_input_is_a_file_too(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(gzip.compress(WRONG))))

    assert json.loads(run("check", "-", "--json").out)["counts"] == {"turn.empty": 1}


def test_a_folder_is_all_its_files_and_the_report_is_the_same_every_time(run: Any) -> None:
    Path("more").mkdir()
    Path("more/wrong.jsonl").write_bytes(WRONG)
    Path("more/clean.jsonl").write_bytes(CLEAN)
    first, second = (json.loads(run("check", "more", "noted.jsonl", "--json").out) for _ in range(2))

    assert [source["path"] for source in first["sources"]] == [
        "more/clean.jsonl",
        "more/wrong.jsonl",
        "noted.jsonl",
    ]
    assert {**first, "seconds": 0} == {**second, "seconds": 0}


def test_a_table_that_is_no_dataset_parses_and_is_a_finding(run: Any) -> None:
    Path("table.csv").write_bytes(b"role,content\nuser,Hi\n")
    done = run("check", "table.csv", "--json")

    assert done.status == 1
    assert json.loads(done.out)["counts"] == {"record.no_messages": 1}


def test_a_query_chooses_the_findings_that_count(run: Any) -> None:
    Path("both.jsonl").write_bytes(WRONG + NOTED)

    assert run("check", "both.jsonl", "--where", "#1").status == 0
    found = json.loads(run("check", "both.jsonl", "--where", "#0 role:assistant", "--json").out)
    assert found["counts"] == {"turn.empty": 1}
    assert found["settings"]["where"] == {"value": "#0 role:assistant", "from": "argument"}


def test_a_query_chooses_what_is_repaired(run: Any) -> None:
    Path("both.jsonl").write_bytes(NOTED + NOTED)
    run("repair", "both.jsonl", "-o", "out.jsonl", "--where", "#1")

    assert Path("out.jsonl").read_bytes() == NOTED + CLEAN


def test_codes_profiles_and_roles_can_be_chosen(run: Any) -> None:
    Path("named.jsonl").write_bytes(CLEAN.replace(b'"user"', b'"client=x"'))

    assert json.loads(run("check", "wrong.jsonl", "--select", "text,turn.empty", "--json").out)["counts"] == {
        "turn.empty": 1
    }
    assert run("check", "wrong.jsonl", "--ignore", "turn").status == 0
    assert (
        json.loads(run("check", "clean.jsonl", "--profile", "roleplay", "--json").out)["profile"]
        == "roleplay"
    )
    assert run("check", "named.jsonl").status == 1
    assert run("check", "named.jsonl", "--role", "client=x=user").status == 0


PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(range(256))


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("missing.jsonl", None, "no such file"),
        ("empty.jsonl", b"", "empty"),
        ("blank.jsonl", b"\n \r\n\n", "empty"),
        ("bom.jsonl", b"\xef\xbb\xbf", "empty"),
        (
            "pointer.jsonl",
            b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
            "Git LFS pointer",
        ),
        ("picture.jsonl", PICTURE, "PNG"),
        ("noise.jsonl", bytes(range(128, 256)) * 20, "no dataset"),
        ("page.html", b"<!doctype html>\n<title>404</title>\n", "no dataset"),
        ("archive.zip", b"PK\x03\x04" + bytes(40), "zip archive"),
        ("cut.jsonl.gz", gzip.compress(CLEAN, mtime=0)[:15], "gzip"),
        ("empty.jsonl.gz", gzip.compress(b"", mtime=0), "empty"),
    ],
)
@pytest.mark.parametrize("command", ["check", "export", "repair", "review"])
def test_what_is_no_dataset_is_refused_in_a_sentence(
    command: str, name: str, data: bytes | None, says: str, run: Any
) -> None:
    if data is not None:
        Path(name).write_bytes(data)
    before = sorted(path.name for path in Path().iterdir())
    output = (
        ["-o", "out.jsonl"]
        if command in ("export", "repair")
        else ["--no-open"]
        if command == "review"
        else []
    )

    assert says in refused(run(command, name, *output))
    assert sorted(path.name for path in Path().iterdir()) == before


@pytest.mark.parametrize(
    "arguments",
    [
        ["check", "nothing*.jsonl"],
        ["check", "clean.jsonl", "-"],
        ["check", "clean.jsonl", "--field", "messages"],
        ["check", "clean.jsonl", "--field", "turns=dialog"],
        ["check", "clean.jsonl", "--where", "colour:red"],
        ["check", "clean.jsonl", "--settings", "missing.toml"],
        ["check", "clean.jsonl", "--baseline", "missing.jsonl"],
        ["check", "clean.jsonl", "--baseline", "noted.jsonl"],
        ["check", "clean.jsonl", "--baseline", "noted.jsonl", "--write-baseline"],
        ["check", "clean.jsonl", "--write-baseline"],
        ["compare", "clean.jsonl"],
        ["compare", "clean.jsonl", "missing.jsonl"],
        ["compare", "-", "-"],
        ["check", "clean.jsonl", "--select", "turn.emtpy"],
        ["check", "clean.jsonl", "--ignore", "nope"],
        ["check", "clean.jsonl", "--profile", "chatty"],
        ["check", "clean.jsonl", "--fail-on", "fatal"],
        ["check", "clean.jsonl", "--role", "client"],
        ["check", "clean.jsonl", "--role", "client=boss"],
        ["check"],
        ["weather"],
        ["check", "clean.jsonl", "--colour"],
        ["export", "clean.jsonl", "-o", "out.jsonl", "--format", "chatmal"],
        ["export", "clean.jsonl"],
        ["export", "clean.jsonl", "-o", "out.jsonl", "--where", "colour:red"],
        ["export", "clean.jsonl", "-o", "no/such/folder.jsonl"],
        ["export", "clean.jsonl", "noted.jsonl", "-o", "wrong.jsonl", "--format", "same"],
        ["repair", "clean.jsonl"],
        ["rules", "turn.emtpy"],
    ],
)
def test_wrong_use_is_refused_in_a_sentence(arguments: list[str], run: Any) -> None:
    assert len(refused(run(*arguments))) > 20
    assert not Path("out.jsonl").exists()


def test_one_source_that_is_no_data_beside_one_that_is_does_not_stop_the_check(run: Any) -> None:
    Path("picture.jsonl").write_bytes(PICTURE)
    done = run("check", "clean.jsonl", "picture.jsonl", "--json")

    assert done.status == 1
    assert json.loads(done.out)["sources"][0]["conversations"] == 1


# ---------------------------------------------------------------- repair


def test_repair_writes_a_copy_and_leaves_the_source_as_it_is(run: Any) -> None:
    data = NOTED + b'{"messages": [\n' + WRONG + WARNED
    Path("in.jsonl").write_bytes(data)
    done = run("repair", "in.jsonl", "-o", "out.jsonl.gz")

    assert (done.status, done.err) == (0, "")
    assert "2 repairs" in done.out
    assert Path("in.jsonl").read_bytes() == data
    assert gzip.decompress(Path("out.jsonl.gz").read_bytes()) == CLEAN + b'{"messages": [\n' + WRONG + CLEAN


def test_unsafe_repairs_need_to_be_asked_for(run: Any) -> None:
    turns = [("user", "Hi"), ("assistant", ""), ("user", "Well?"), ("assistant", "Ho")]
    record = {"messages": [{"role": role, "content": text} for role, text in turns]}
    Path("wrong.jsonl").write_text(json.dumps(record))
    run("repair", "wrong.jsonl", "-o", "safe.jsonl")
    run("repair", "wrong.jsonl", "-o", "unsafe.jsonl", "--unsafe", "--select", "turn.empty")

    assert Path("safe.jsonl").read_bytes() == Path("wrong.jsonl").read_bytes()
    assert len(json.loads(Path("unsafe.jsonl").read_bytes())["messages"]) == 3


def test_a_repair_that_would_make_a_new_error_is_not_made_and_said(run: Any) -> None:
    done = run("repair", "wrong.jsonl", "-o", "out.jsonl", "--unsafe", "--select", "turn.empty")

    assert done.status == 0
    assert "Not repaired: turn.empty, 1 time: " in done.out
    assert Path("out.jsonl").read_bytes() == WRONG


def test_a_diff_only_shows(run: Any) -> None:
    before = sorted(Path().iterdir())
    done = run("repair", "noted.jsonl", "--diff")

    assert done.status == 0
    assert "- Hi·" in done.out
    assert "+ Hi\n" in done.out
    assert sorted(Path().iterdir()) == before


@pytest.mark.parametrize("command", ["repair", "export"])
def test_nothing_is_replaced_unasked_and_a_source_never(command: str, run: Any) -> None:
    Path("mine.jsonl").write_text("mine")

    assert "--force" in refused(run(command, "noted.jsonl", "-o", "mine.jsonl"))
    assert Path("mine.jsonl").read_text() == "mine"
    assert run(command, "noted.jsonl", "-o", "mine.jsonl", "--force").status == 0
    assert len(rt.load("mine.jsonl")) == 1
    for forced in ([], ["--force"]):
        assert "never written to" in refused(run(command, "noted.jsonl", "-o", "./noted.jsonl", *forced))
        if command == "repair":
            assert "never written to" in refused(
                run(command, "noted.jsonl", "wrong.jsonl", "-o", ".", *forced)
            )
    assert Path("noted.jsonl").read_bytes() == NOTED


# ---------------------------------------------------------------- export


def test_export_converts_and_says_what_it_did(run: Any) -> None:
    done = run("export", "clean.jsonl", "-o", "out.json", "--format", "sharegpt")

    assert done.status == 0
    assert "1 conversation" in done.out
    assert json.loads(Path("out.json").read_bytes()) == [
        {"conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Ho"}]}
    ]


def test_export_can_clean_choose_and_leave_out(run: Any) -> None:
    mine = CLEAN.replace(b"Hi", b"Hello there").replace(b"}]}", b'}], "mood": 3}')
    Path("all.jsonl").write_bytes(NOTED + WRONG + b"5\n" + mine)
    run("export", "all.jsonl", "-o", "clean.out.jsonl", "--clean", "--only-valid")
    run("export", "all.jsonl", "-o", "some.zst", "--where", "hello")

    assert [c.messages[0].text for c in rt.load("clean.out.jsonl")] == ["Hi ", "Hello there"]
    assert all("mood" not in c.raw for c in rt.load("clean.out.jsonl"))
    packed = Path("some.zst").read_bytes()
    assert b"Hello there" in zstandard.ZstdDecompressor().decompressobj().decompress(packed)
    assert [c.raw["mood"] for c in rt.load("some.zst")] == [3]


def test_an_export_can_be_tried_first(run: Any) -> None:
    done = run("export", "clean.jsonl", "-o", "out.json", "--format", "alpaca", "--dry-run")

    assert done.status == 0
    assert not Path("out.json").exists()


def test_several_files_leave_as_they_came_into_a_folder(run: Any) -> None:
    assert run("export", "clean.jsonl", "wrong.jsonl", "-o", "out", "--format", "same").status == 0
    assert Path("out/clean.jsonl").read_bytes() == CLEAN
    assert Path("out/wrong.jsonl").read_bytes() == WRONG
    run("export", "clean.jsonl", "wrong.jsonl", "-o", "both.jsonl")
    assert Path("both.jsonl").read_bytes() == CLEAN + WRONG


# ---------------------------------------------------------------- rules, review


def test_the_catalogue_lists_every_rule_and_shows_each_page(run: Any) -> None:
    listed = run("rules").out
    as_json = json.loads(run("rules", "--json").out)

    for rule in rules():
        assert f"\n{rule.code} " in "\n" + listed
        page = run("rules", rule.code).out
        for part in ("What it does", "Why it is bad for training", "Example", "Repair"):
            assert part in page
    assert [row["code"] for row in as_json] == [rule.code for rule in rules()]
    assert {"code", "severity", "scope", "title", "repair"} <= as_json[0].keys()
    one = json.loads(run("rules", "turn.empty", "--json").out)
    assert (one["code"], one["severity"], one["repair"]) == ("turn.empty", "error", "unsafe")


def test_the_reference_page_is_made_from_the_rules(run: Any) -> None:
    page = run("rules", "--markdown").out

    assert all(f"\n## {rule.code}\n" in page for rule in rules())
    assert (ROOT / "docs" / "rules.md").read_text(encoding="utf-8") == page


def test_review_writes_a_notebook_beside_the_file_and_keeps_one_that_is_there(run: Any) -> None:
    Path("chats.jsonl.gz").write_bytes(gzip.compress(CLEAN))
    done = run("review", "chats.jsonl.gz", "--no-open")
    notebook = json.loads(Path("chats.review.ipynb").read_text())

    assert done.status == 0
    assert "chats.review.ipynb" in done.out
    code = "\n".join("".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code")
    compile(code, "notebook", "exec")
    assert "data = 'chats.jsonl.gz'" in code
    Path("chats.review.ipynb").write_text("mine")
    assert "is there already" in run("review", "chats.jsonl.gz", "--no-open").out
    assert Path("chats.review.ipynb").read_text() == "mine"


# ---------------------------------------------------------------- settings


def test_options_can_stand_in_a_file_and_the_command_line_wins(run: Any) -> None:
    Path("rolethread_nb.toml").write_text(
        'fail-on = "info"\nprofile = "roleplay"\nignore = ["turn"]\n[roles]\nclient = "user"\n'
    )
    Path("named.jsonl").write_bytes(CLEAN.replace(b'"user"', b'"client"'))

    assert run("check", "noted.jsonl").status == 1
    assert run("check", "noted.jsonl", "--fail-on", "error").status == 0
    assert run("check", "wrong.jsonl").status == 0
    assert run("check", "named.jsonl").status == 0
    assert json.loads(run("check", "clean.jsonl", "--json").out)["profile"] == "roleplay"
    assert json.loads(run("check", "clean.jsonl", "--json", "--profile", "chat").out)["profile"] == "chat"


def test_settings_of_a_project_hold_below_it(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("pyproject.toml").write_text('[project]\nname = "x"\n[tool.rolethread_nb]\nfail-on = "never"\n')
    Path("below").mkdir()
    monkeypatch.chdir("below")

    assert run("check", "../wrong.jsonl").status == 0


@pytest.mark.parametrize(
    "text",
    [
        "profile = 5",
        'fail-on = "fatal"',
        'colour = "red"',
        "select = [5]",
        'select = "turn"',
        'select = ["turn.emtpy"]',
        'profile = "chatty"',
        '[roles]\nclient = "boss"',
        "[roles]\nclient = 5",
        "not toml",
    ],
)
def test_settings_that_make_no_sense_are_refused_in_a_sentence(text: str, run: Any) -> None:
    Path("rolethread_nb.toml").write_text(text)

    assert len(refused(run("check", "clean.jsonl"))) > 20


@pytest.mark.parametrize("text", ["tool = 5", "not toml", "[tool]\nrolethread_nb = 5", "[tool.other]\nx = 1"])
def test_a_project_file_that_says_nothing_to_us_is_let_be(text: str, run: Any) -> None:
    Path("pyproject.toml").write_text(text)

    assert run("check", "clean.jsonl").status == 0


# ---------------------------------------------------------------- as a process


def process(*arguments: str, **how: Any) -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **how.pop("env", {})}
    return subprocess.run(
        [sys.executable, "-m", "rolethread_nb", *arguments],
        capture_output=True,
        check=False,
        env=environment,
        **how,
    )


def test_it_runs_as_a_module_and_reads_a_pipe() -> None:
    done = process("check", "-", "--json", input=WRONG)

    assert (done.returncode, done.stderr) == (1, b"")
    assert json.loads(done.stdout)["counts"] == {"turn.empty": 1}


def test_it_stops_quietly_when_the_reader_of_a_pipe_has_seen_enough() -> None:
    Path("long.jsonl").write_bytes(NOTED * 5000)
    command = [sys.executable, "-m", "rolethread_nb", "check", "long.jsonl", "--json"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    ) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        assert running.stdout.read(1) == b"{"
        running.stdout.close()
        assert running.stderr.read() == b""
    assert running.returncode == 0


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_a_terminal_that_knows_few_characters_gets_a_report_all_the_same(encoding: str) -> None:
    Path("odd.jsonl").write_bytes(
        '{"messages": [{"role": "Größe\\ud83d", "content": "中\\udc00 "}, {"role": "assistant", "content": "x\u200by"}]}'.encode()
    )
    for arguments in (
        ["check", "odd.jsonl"],
        ["repair", "odd.jsonl", "--diff"],
        ["rules"],
        ["rules", "text.mojibake"],
    ):
        done = process(*arguments, env={"PYTHONIOENCODING": encoding})
        assert done.returncode in (0, 1)
        assert done.stderr == b""
        assert done.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="file names are bytes on Linux only")
def test_a_file_name_that_is_no_text_is_a_file_name() -> None:
    name = os.fsdecode(b"caf\xe9.jsonl")
    Path(name).write_bytes(WRONG)

    done = process("check", name)
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr
    assert json.loads(process("check", name, "--json").stdout)["counts"] == {"turn.empty": 1}
    assert process("export", name, "-o", "out.jsonl").returncode == 0


def test_a_family_of_another_tools_codes_is_listed_when_it_is_named(run: Any) -> None:
    listed = run("rules", "chatml")
    assert listed.status == 0
    assert "chatml.wrong_role" in listed.out
    assert "chatml." not in run("rules").out
