"""Baselines: what is known stays known, whatever line it stands on; what is new is new."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from conftest import real_files
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import rolethread_nb as rt
from rolethread_nb.cli import main


def chat(*texts: str, **keys: Any) -> dict[str, Any]:
    turns = [{"role": ("user", "assistant")[at % 2], "content": text} for at, text in enumerate(texts)]
    return {**keys, "messages": turns}


DATA = [
    chat("Hi {{user}}", "Hello {{user}} and {{char}}", id="a"),
    chat("Well?", "", "Yes?", "Yes. ", id="b"),
    chat("One", "Two<|im_end|>"),
    chat("One", "Two<|im_end|>"),
]


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def known(records: list[Any], path: str = "known.jsonl") -> rt.Report:
    report = rt.load(records).check()
    report.write_baseline(path)
    return report


def later(records: list[Any], **how: Any) -> rt.Report:
    return rt.load(records).check(baseline="known.jsonl", **how)


def test_what_is_known_is_not_reported() -> None:
    first = known(DATA)
    again = later(DATA)

    assert len(first) > 6
    assert (len(again), again.ok) == (0, True)
    assert again.baseline is not None
    assert (again.baseline.known, again.baseline.gone) == (len(first), 0)


def test_known_findings_can_be_looked_at() -> None:
    first = known(DATA)
    again = later([*DATA, chat("New", "")])
    assert again.baseline is not None
    everything = rt.load([*DATA, chat("New", "")]).check(baseline=False)

    assert [everything.issue(n).code for n in again.baseline.rows] == [issue.code for issue in first]


@settings(deadline=None, max_examples=25, suppress_health_check=list(HealthCheck))
@given(st.randoms(use_true_random=False), st.integers(0, 3))
def test_order_and_new_records_make_nothing_new(random: random.Random, more: int) -> None:
    known(DATA)
    clean = [chat(f"Question {n}", f"Answer {n}", id=f"clean{n}") for n in range(more)]
    records = [*DATA, *clean]
    random.shuffle(records)

    assert later(records).counts == {}


def test_a_new_finding_is_new_and_one_more_of_the_same_too() -> None:
    known(DATA)

    assert later([*DATA, chat("x", "", id="c")]).counts == {"turn.empty": 1}
    twice = [*DATA, DATA[2]]
    assert later(twice).counts == {"leak.control_token": 1, "dup.exact": 1}


def test_a_turn_that_was_edited_is_looked_at_anew_and_the_others_are_not() -> None:
    known(DATA)
    edited = json.loads(json.dumps(DATA))
    edited[0]["messages"][1]["content"] = "Hello {{user}} and {{char}}!"
    edited[1]["messages"][3]["content"] = "Yes."
    report = later(edited)

    assert report.counts == {"leak.macro": 2}
    assert report.baseline is not None
    assert report.baseline.gone == 3  # the two, and the blank that was repaired


def test_an_edit_in_a_conversation_without_an_id_leaves_its_other_findings_known() -> None:
    record = chat("Hi {{user}}", "Ho", "Well?", "")
    known([record])
    record["messages"][1]["content"] = "Hello"

    assert later([record]).counts == {}


def test_the_same_turn_in_another_conversation_without_an_id_is_another_finding() -> None:
    known([chat("One?", ""), chat("Two?", "Yes")])
    report = later([chat("One?", "Yes"), chat("Two?", "")])

    assert report.counts == {"turn.empty": 1}


def test_records_that_cannot_be_read_are_known_by_what_they_hold() -> None:
    lines = [b'{"messages" 5}', b'{"text": "Once"}', json.dumps(DATA[1]).encode()]
    rt.load(b"\n".join(lines)).check().write_baseline("known.jsonl")
    moved = rt.load(b"\n".join([*lines[::-1], b'{"messages": "no"}'])).check(baseline="known.jsonl")

    assert set(moved.counts) <= {"record.no_messages", "record.key_drift"}
    assert moved.counts["record.no_messages"] == 1


def test_a_finding_about_the_dataset_stays_known_while_its_numbers_grow() -> None:
    named = [chat("Hi", "Ho")]
    named[0]["messages"][0]["role"] = "Kai"
    known(named)

    assert "role.unknown" not in later([*named, {**named[0], "id": 2}]).counts
    other = json.loads(json.dumps(named).replace("Kai", "Mara"))
    assert later([*named, *other]).counts["role.unknown"] == 1


def test_findings_are_counted_as_gone_only_where_their_rules_ran() -> None:
    known(DATA)
    report = later([chat("Hi", "Ho")], select=["turn"])

    assert report.baseline is not None
    assert report.baseline.gone == 1


def test_a_query_narrows_what_is_new() -> None:
    known(DATA)
    report = later([*DATA, chat("x", "", id="c"), chat("{{user}}", "y", id="d")], where="code:leak")

    assert report.counts == {"leak.macro": 1}
    assert report.baseline is not None
    assert report.baseline.gone == 0


def test_the_file_is_sorted_equal_on_every_run_and_holds_no_text() -> None:
    known(DATA, "one.jsonl")
    known(DATA[::-1], "two.jsonl")
    text = Path("one.jsonl").read_text()
    lines = [json.loads(line) for line in text.splitlines()]

    assert text == Path("two.jsonl").read_text()
    assert lines[0] == {"rolethread_nb": "baseline", "schema": 1}
    assert lines[1:] == sorted(lines[1:], key=lambda line: (line["code"], line["hash"]))
    assert all(list(line) == ["code", "hash", "count"] and len(line["hash"]) == 16 for line in lines[1:])
    for word in ("user", "Hello", "Well", "im_end"):
        assert word not in text.replace('{"code": "leak', "")


def test_writing_again_keeps_what_rules_that_did_not_run_know() -> None:
    known(DATA)
    rt.load(DATA[:1]).check(select=["leak"]).write_baseline("known.jsonl")
    codes = {json.loads(line).get("code") for line in Path("known.jsonl").read_text().splitlines()}

    assert {"turn.empty", "leak.macro"} <= codes
    assert "leak.control_token" not in codes


def test_a_narrowed_report_writes_everything_that_its_check_found() -> None:
    known(DATA, "whole.jsonl")
    rt.load(DATA).check(where="code:turn").write_baseline("narrowed.jsonl")

    assert Path("whole.jsonl").read_bytes() == Path("narrowed.jsonl").read_bytes()


def test_an_older_baseline_is_brought_up_to_date() -> None:
    known(DATA)
    more = [*DATA, chat("x", "", id="c")]
    later(more).write_baseline("known.jsonl")

    assert later(more).counts == {}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is no baseline"),
        (b"\xff\xfe", "is no baseline"),
        (b"[]\n", "is no baseline"),
        (b'{"messages": []}\n', "is no baseline"),
        (b'{"rolethread_nb": "baseline", "schema": 2}\n', "another version"),
        (b'{"rolethread_nb": "baseline", "schema": 1}\n<<<<<<< HEAD\n', "line 2 is no entry"),
        (
            b'{"rolethread_nb": "baseline", "schema": 1}\n{"code": "a", "hash": "b", "count": 0}\n',
            "line 2 is no entry",
        ),
        (
            b'{"rolethread_nb": "baseline", "schema": 1}\n{"code": "a", "hash": "b", "count": true}\n',
            "line 2 is no entry",
        ),
        (b'{"rolethread_nb": "baseline", "schema": 1}\n' + b"[" * 100_000, "line 2 is no entry"),
    ],
)
def test_a_broken_baseline_is_one_sentence(
    content: bytes, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("known.jsonl").write_bytes(content)
    Path("chats.jsonl").write_text(json.dumps(DATA[0]))
    with pytest.raises(rt.SourceError, match=says):
        later(DATA)

    assert main(["check", "chats.jsonl", "--baseline", "known.jsonl"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1


def test_two_lines_for_one_finding_as_a_merge_leaves_them_are_one() -> None:
    known(DATA)
    lines = Path("known.jsonl").read_text().splitlines(keepends=True)
    Path("known.jsonl").write_text("".join([*lines, *lines[1:], "\n"]))

    assert (
        later([*DATA, chat("Hi {{user}}", "Hello {{user}} and {{char}}", id="a")]).counts["leak.macro"] == 3
    )


def test_nothing_but_a_baseline_is_replaced() -> None:
    report = known(DATA)
    Path("chats.jsonl").write_text(json.dumps(DATA[0]) + "\n")
    Path("mine.txt").write_text("mine")
    with pytest.raises(rt.ExportError, match="is no baseline"):
        report.write_baseline("mine.txt")
    with pytest.raises(rt.ExportError, match="source itself"):
        rt.load("chats.jsonl").check().write_baseline("chats.jsonl")
    Path("known.jsonl").write_text('{"rolethread_nb": "baseline", "schema": 1}\n<<<<<<<\n')
    report.write_baseline("known.jsonl")

    assert Path("mine.txt").read_text() == "mine"
    assert later(DATA).counts == {}


def test_a_dataset_that_has_changed_since_is_checked_again_first() -> None:
    ds = rt.load(DATA)
    report = ds.check()
    report.repairs().apply()
    with pytest.raises(rt.StalePlanError, match="check it again"):
        report.write_baseline("known.jsonl")
    ds.undo()
    assert report.write_baseline("known.jsonl") == len(report)


def test_the_command_line_fails_on_new_findings_only(capsys: pytest.CaptureFixture[str]) -> None:
    Path("chats.jsonl").write_text("".join(json.dumps(record) + "\n" for record in DATA))
    check = ["check", "chats.jsonl", "--baseline", "known.jsonl"]
    assert main(["check", "chats.jsonl"]) == 1
    assert main([*check, "--write-baseline"]) == 0
    assert "known from now on" in capsys.readouterr().out

    assert main([*check, "--fail-on", "info"]) == 0
    assert "No new findings." in capsys.readouterr().out
    Path("chats.jsonl").write_text(
        "".join(json.dumps(record) + "\n" for record in [*DATA[1:], chat("x", "")])
    )
    assert main([*check, "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["counts"] == {"turn.empty": 1}
    assert found["baseline"] == {"path": "known.jsonl", "known": 6, "gone": 3}


def test_settings_can_name_the_baseline_and_repairs_do_not_mind_it() -> None:
    Path("chats.jsonl").write_text("".join(json.dumps(record) + "\n" for record in DATA))
    Path("rolethread_nb.toml").write_text('baseline = "known.jsonl"\n')
    assert main(["check", "chats.jsonl", "--write-baseline"]) == 0

    assert main(["check", "chats.jsonl"]) == 0
    assert rt.load("chats.jsonl").check().counts == {}
    assert len(rt.load("chats.jsonl").check(baseline=False)) > 6
    assert main(["repair", "chats.jsonl", "-o", "out.jsonl"]) == 0
    assert Path("out.jsonl").read_bytes() != Path("chats.jsonl").read_bytes()
    main(["export", "chats.jsonl", "-o", "valid.jsonl", "--only-valid"])
    assert [c.id for c in rt.load("valid.jsonl")] == ["a"]


@pytest.mark.parametrize("path", real_files(), ids=lambda path: path.name)
def test_real_files_have_nothing_new_when_they_are_read_again(path: Path) -> None:
    report = rt.load(path).check()
    count = report.write_baseline("known.jsonl")
    again = rt.load(path).check(baseline="known.jsonl")

    assert count == len(report)
    assert len(again) == 0
    assert again.baseline is not None
    assert (again.baseline.known, again.baseline.gone) == (count, 0)
