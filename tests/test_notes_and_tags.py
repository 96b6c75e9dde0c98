"""Notes need no decision and outlive it; a tag edit that adds and takes away is one step."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import rolethread_nb as rt
from rolethread_nb.outputs.views import ReviewView


@pytest.fixture
def path(tmp_path: Path) -> Path:
    records = [
        {
            "id": f"c{n}",
            "messages": [
                {"role": "user", "content": f"question {n}"},
                {"role": "assistant", "content": f"answer {n}"},
            ],
        }
        for n in range(4)
    ]
    path = tmp_path / "data.jsonl"
    path.write_bytes(b"".join(json.dumps(one).encode() + b"\n" for one in records))
    return path


def lines(path: Path) -> list[dict[str, Any]]:
    found = sorted((path.parent / f"{path.name}.review").glob("*.jsonl"))
    return [json.loads(line) for one in found for line in one.read_text().splitlines()]


# ---------------------------------------------------------------- notes


def test_a_note_needs_no_decision_and_is_there_again(path: Path) -> None:
    ds = rt.load(path)
    ds.note(0, "ask Mara about this")
    again = rt.load(path)

    assert again.notes == {"c0": "ask Mara about this"}
    assert again.decision(0) is None
    assert again.decisions == {}
    row = again.history().iloc[0]
    assert (row["op"], row["what"], row["note"], row["id"]) == (
        "note",
        "noted c0",
        "ask Mara about this",
        "c0",
    )


def test_a_note_stays_when_a_decision_is_made_changed_and_taken_back(path: Path) -> None:
    ds = rt.load(path)
    ds.note(0, "ask Mara about this")
    for decision in ("keep", "reject", None):
        ds.decide(0, decision)
        again = rt.load(path)
        assert again.notes == {"c0": "ask Mara about this"}
        made = again.decision(0)
        assert (made and (made.decision, made.note)) == (decision and (decision, "ask Mara about this"))
    ds.decide(0, "fix", note="Mara says no")
    assert rt.load(path).notes == {"c0": "Mara says no"}


def test_a_note_that_a_decision_repeats_can_be_changed_later(path: Path) -> None:
    ds = rt.load(path)
    ds.note(0, "ask Mara")
    ds.decide(0, "keep", note="ask Mara")
    ds.note(0, "Mara agrees")
    again = rt.load(path)
    assert again.notes == {"c0": "Mara agrees"}
    assert again.journal.set_aside == []


def test_a_note_is_one_step_and_an_empty_one_takes_it_away(path: Path) -> None:
    ds = rt.load(path)
    ds.note([0, 1], "ask Mara")
    ds.note([0, 1], "")
    ds.note(2, "")
    assert ds.notes == {}
    assert len(ds.history()) == 2
    assert ds.undo() == "took away the note of 2 conversations"
    assert ds.notes == {"c0": "ask Mara", "c1": "ask Mara"}
    assert ds.undo() == "noted 2 conversations"
    assert rt.load(path).notes == {}
    ds.redo()
    assert rt.load(path).notes == {"c0": "ask Mara", "c1": "ask Mara"}


def test_notes_are_found_by_a_query_and_no_decision_for_an_export(path: Path, tmp_path: Path) -> None:
    ds = rt.load(path)
    ds.note(0, "ask Mara")
    ds.decide(1, "keep", note="the tone")

    assert [c.id for c in ds.where("note:mara")] == ["c0"]
    assert [c.id for c in ds.where("note:yes")] == ["c0", "c1"]
    assert [c.id for c in ds.where("note:no")] == ["c2", "c3"]
    assert [c.id for c in ds.where("decision:none note:yes")] == ["c0"]
    ds.export(tmp_path / "kept.jsonl", only="kept")
    ds.export(tmp_path / "rest.jsonl", only="not-rejected")
    assert [c.id for c in rt.load(tmp_path / "kept.jsonl")] == ["c1"]
    assert len(rt.load(tmp_path / "rest.jsonl")) == 4


def test_a_note_and_a_decision_made_side_by_side_both_hold(path: Path) -> None:
    one, other = rt.load(path), rt.load(path)
    one.note(0, "ask Mara")
    other.decide(0, "keep")
    both = rt.load(path)

    assert (both.decisions, both.notes) == ({"c0": "keep"}, {"c0": "ask Mara"})
    assert both.journal.set_aside == []


@pytest.mark.parametrize("second", ["note", "decide"])
def test_of_two_notes_made_side_by_side_the_first_stands_and_the_other_is_listed(
    path: Path, second: str
) -> None:
    one, other = rt.load(path), rt.load(path)
    one.note(0, "ask Mara")
    if second == "note":
        other.note(0, "ask Kai")
    else:
        other.decide(0, "keep", note="ask Kai")
    both = rt.load(path)

    assert both.notes == {"c0": "ask Mara"}
    [aside] = both.journal.set_aside
    assert aside.why == "another note was written meanwhile"
    both.journal.take(aside)
    again = rt.load(path)
    assert again.notes == {"c0": "ask Kai"}
    assert again.journal.set_aside == []


def test_a_journal_of_before_notes_were_steps_of_their_own_is_read_as_it_was_meant(path: Path) -> None:
    """Lines of ``decide`` said nothing of the note that they replaced."""
    ds = rt.load(path)
    ds.decide(0, "keep", note="good")
    ds.decide(0, "fix", note="not so good")
    [segment] = (path.parent / f"{path.name}.review").glob("*.jsonl")
    old = [json.loads(line) for line in segment.read_text().splitlines()]
    for op in old:
        for item in op["each"]:
            del item["noted"]
    segment.write_text("".join(json.dumps(op) + "\n" for op in old))
    again = rt.load(path)

    assert again.notes == {"c0": "not so good"}
    assert again.journal.set_aside == []


def test_the_panel_notes_without_a_decision() -> None:
    view = ReviewView(rt.load([{"id": "c0", "messages": [{"role": "user", "content": "a"}]}]).check())
    said = view.answer("do", {"op": "note", "keys": ["0:0"], "note": "ask Mara"})
    [row] = view.conversations()["rows"]

    assert said["said"] == "Noted c0."
    assert (row["decision"], row["note"]) == (None, "ask Mara")
    assert said["status"]["undo"] == "noted c0"


def test_a_cell_of_the_spreadsheet_takes_a_note_without_a_decision(path: Path) -> None:
    from rolethread_nb.outputs.datagrid_cells import write
    from rolethread_nb.outputs.datagrid_rows import ConversationRows

    ds = rt.load(path)
    write(ds, ds[0], None, "note", "ask↵Mara")
    assert ds.notes == {"c0": "ask\nMara"}
    rows = ConversationRows(ds.check())
    assert rows.column("note").to_list() == ["ask↵Mara", "", "", ""]
    assert rows.column("decision").to_list() == [""] * 4


# ---------------------------------------------------------------- tags


def test_tags_are_added_and_taken_away_in_one_step(path: Path) -> None:
    ds = rt.load(path)
    ds.tag([0, 1], "b")
    ds.tag(0, "a", without=["b"])
    again = rt.load(path)

    assert (again.tags(0), again.tags(1)) == (["a"], ["b"])
    assert [op["op"] for op in lines(path)] == ["tag", "retag"]
    assert again.undo() == "tagged a, untagged b: c0"
    assert rt.load(path).tags(0) == ["b"]
    again.redo()
    assert rt.load(path).tags(0) == ["a"]


def test_a_step_on_tags_that_changes_nothing_is_none(path: Path) -> None:
    ds = rt.load(path)
    ds.tag(0, "a", without=["b"])
    ds.tag(0, "a", without=["b"])
    assert len(ds.history()) == 1
    with pytest.raises(rt.QueryError, match="both"):
        ds.tag(0, "a", without=["a"])


def test_tags_changed_side_by_side_are_no_conflict(path: Path, tmp_path: Path) -> None:
    rt.load(path).tag(0, "old")
    ann, ben = rt.load(path), rt.load(path)
    ann.tag(0, "ann", without=["old"])
    ben.tag(0, "ben", without=["old"])
    both = rt.load(path)
    assert both.tags(0) == ["ann", "ben"]
    assert both.journal.set_aside == []
    shutil.rmtree(tmp_path / f"{path.name}.review")


def test_a_cell_of_the_spreadsheet_changes_tags_in_one_step(path: Path) -> None:
    from rolethread_nb.outputs.datagrid_cells import write

    ds = rt.load(path)
    ds.tag(0, "b")
    write(ds, ds[0], None, "tags", "a")
    assert ds.tags(0) == ["a"]
    assert len(ds.history()) == 2


def test_the_panel_changes_tags_in_one_step(path: Path) -> None:
    ds = rt.load(path)
    ds.tag(0, "b")
    view = ReviewView(ds.check())
    view.answer("do", {"op": "retag", "keys": ["0:0"], "tags": ["a"], "without": ["b"]})
    assert ds.tags(0) == ["a"]
    view.answer("do", {"op": "undo"})
    assert ds.tags(0) == ["b"]
