"""Steps over several files: each file has its part in its own journal, and a part that is missing is listed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import rolethread_nb as rt
from rolethread_nb.core.segments import Folder, JournalError


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    found = []
    for name in "ab":
        path = tmp_path / f"{name}.jsonl"
        turns = [{"role": "user", "content": f"question {name}"}, {"role": "assistant", "content": "yes"}]
        path.write_text(json.dumps({"id": name, "messages": turns}) + "\n")
        found.append(path)
    return found


def segments(path: Path) -> list[Path]:
    return sorted((path.parent / f"{path.name}.review").glob("*.jsonl"))


def cut_off(path: Path) -> None:
    """As if the kernel had died before the last line of a journal was written."""
    [segment] = segments(path)
    segment.write_bytes(b"".join(segment.read_bytes().splitlines(keepends=True)[:-1]))


def decided(*paths: Path) -> dict[str, str]:
    return dict(rt.load(list(paths)).decisions)


STEPS: dict[str, Any] = {
    "decide": lambda ds: ds.decide(["a", "b"], "keep"),
    "note": lambda ds: ds.note(["a", "b"], "ask Mara"),
    "tag": lambda ds: ds.tag(["a", "b"], "sea"),
    "exclude": lambda ds: ds.exclude(["a", "b"]),
}


def state(ds: Any) -> Any:
    return [c.id for c in ds], dict(ds.decisions), dict(ds.notes), [ds.tags(c) for c in ds]


@pytest.mark.parametrize("step", STEPS)
def test_a_step_that_is_whole_is_no_more_than_each_file_s_own_part(paths: list[Path], step: str) -> None:
    ds = rt.load(paths)
    STEPS[step](ds)
    again = rt.load(paths)
    assert state(again) == state(ds)
    assert again.journal.set_aside == []
    for path in paths:
        alone = rt.load(path)
        assert alone.journal.set_aside == []
        assert len(alone.history()) == 1


@pytest.mark.parametrize("step", STEPS)
def test_a_part_that_was_not_written_is_listed_and_can_be_taken(paths: list[Path], step: str) -> None:
    ds = rt.load(paths)
    ds.tag("b", "first")
    STEPS[step](ds)
    cut_off(paths[1])

    again = rt.load(paths)
    [aside] = again.journal.set_aside
    assert aside.item["on"] == "b"
    assert (
        aside.why == "its part for b.jsonl was not written (the kernel stopped, or the disk did not take it)"
    )
    assert again.history()["state"].tolist() == ["holds", "in part"]
    assert again.journal.offers() == []
    again.journal.take(aside)
    both = rt.load(paths)
    assert both.journal.set_aside == []
    whole = rt.load(paths, review="read-only")
    assert "a" not in [c.id for c in whole] or [state(whole)[index] for index in (1, 2)] == [
        state(ds)[index] for index in (1, 2)
    ]
    assert rt.load(paths[1]).journal.set_aside == []


def test_a_join_over_two_files_is_made_whole_or_not_at_all(paths: list[Path]) -> None:
    ds = rt.load(paths)
    ds.join("a", "b")
    assert [len(c.messages) for c in rt.load(paths)] == [4]
    segments(paths[1])[0].unlink()
    again = rt.load(paths)
    assert [len(c.messages) for c in again] == [2, 2]
    assert {aside.item["on"] for aside in again.journal.set_aside} == {"a", "b"}


def test_a_step_that_one_disk_did_not_take_is_taken_back_on_the_others(
    paths: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    ds = rt.load(paths)
    append = Folder.append

    def full(self: Folder, op: Any) -> None:
        if self.path.name.startswith("b"):
            raise JournalError("The journal cannot be written to (No space left on device).")
        append(self, op)

    monkeypatch.setattr(Folder, "append", full)
    with pytest.raises(JournalError):
        ds.decide(["a", "b"], "keep")
    assert ds.decisions == {}
    monkeypatch.undo()
    again = rt.load(paths)
    assert again.decisions == {}
    ds.decide("a", "reject")
    assert decided(*paths) == {"a": "reject"}
    assert decided(paths[0]) == {"a": "reject"}


def test_an_undo_that_was_not_written_everywhere_holds_everywhere_where_the_files_are_loaded_together(
    paths: list[Path],
) -> None:
    ds = rt.load(paths)
    ds.decide(["a", "b"], "keep")
    ds.undo()
    cut_off(paths[1])
    assert decided(*paths) == {}
    assert decided(paths[1]) == {"b": "keep"}
