"""Changes to records: what a dataset looks like afterwards is what its file would look like, read again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

import rolethread_nb as rt
from rolethread_nb.core.edits import Change


def record(*texts: str, **more: Any) -> bytes:
    roles = ("user", "assistant")
    turns = [{"role": roles[n % 2], "content": text} for n, text in enumerate(texts)]
    return json.dumps({**more, "messages": turns}).encode()


def texts(dataset: Any) -> list[list[str]]:
    return [[message.text for message in conversation.messages] for conversation in dataset]


RECORDS = [record(f"q{n}", f"a{n}") for n in range(5)]
LINES = b"\n".join(RECORDS) + b"\n"


# ---------------------------------------------------------------- one record becomes several


def test_a_split_record_is_several_conversations_in_its_place_with_ids_of_their_own() -> None:
    dataset = rt.load(LINES)
    name = dataset[1].id
    dataset.apply({(0, 1): (record("q1"), record("more"), record("last"))}, "split")

    assert texts(dataset) == [
        ["q0", "a0"],
        ["q1"],
        ["more"],
        ["last"],
        ["q2", "a2"],
        ["q3", "a3"],
        ["q4", "a4"],
    ]
    assert [c.id for c in dataset][1:4] == [f"{name}/1", f"{name}/2", f"{name}/3"]
    assert [c.line for c in dataset] == [1, 2, 2, 2, 3, 4, 5]
    assert [block.ids for block in dataset.blocks()] == [[c.id for c in dataset]]
    assert dataset[f"{name}/3"].messages[0].text == "last"


def test_a_part_can_be_split_again_and_each_step_be_taken_back() -> None:
    dataset = rt.load(LINES)
    name = dataset[0].id
    before = texts(dataset)
    dataset.apply({(0, 0): (record("q0"), record("a0", "more"))}, "split")
    once = texts(dataset)
    part = dataset[f"{name}/2"]
    dataset.apply({(0, part.index): (record("a0"), record("more"))}, "split again")

    assert [c.id for c in dataset][:3] == [f"{name}/1", f"{name}/2/1", f"{name}/2/2"]
    assert dataset.undo() == "split again"
    assert texts(dataset) == once
    assert dataset.undo() == "split"
    assert texts(dataset) == before
    assert next(iter(dataset)).id == name
    assert dataset.redo() == "split"
    assert texts(dataset) == once


def test_a_report_shows_the_conversations_it_saw_whatever_was_changed_since() -> None:
    dataset = rt.load(LINES)
    report = dataset.check()
    dataset.apply({(0, 1): (record("one"), record("two"))}, "split")
    dataset.apply({(0, 2): None}, "removed")

    seen = report.conversation(0, 1), report.conversation(0, 2)
    assert [c and c.messages[0].text for c in seen] == ["q1", "q2"]
    assert dataset.conversation_at(0, 2) is None


@pytest.mark.parametrize(
    ("layout", "after"),
    [
        (b"%b\n%b\n%b\n", b"%b\n%b\n%b\n%b\n"),
        (b"%b\r\n%b\r\n%b", b"%b\r\n%b\r\n%b\r\n%b"),
        (b"[%b, %b, %b]", b"[%b, %b, %b, %b]"),
        (b"[\n  %b,\n  %b,\n  %b\n]\n", b"[\n  %b,\n  %b,\n  %b,\n  %b\n]\n"),
        (b'{"a": %b, "b": %b, "c": %b}', b'{"a": %b, "b": %b, "b/2": %b, "c": %b}'),
    ],
)
def test_the_parts_leave_with_the_separators_of_their_file(
    layout: bytes, after: bytes, tmp_path: Path
) -> None:
    dataset = rt.load(layout % tuple(RECORDS[:3]))
    one, two = record("q1"), record("a1")
    dataset.apply({(0, 1): (one, two)}, "split")
    dataset.export(tmp_path / "out.json", "same")

    assert (tmp_path / "out.json").read_bytes() == after % (RECORDS[0], one, two, RECORDS[2])
    assert texts(rt.load(tmp_path / "out.json")) == texts(dataset)


@pytest.mark.parametrize("layout", [b"%b", b"%b\n", b"[%b]", b"[\n%b\n]", b'{"a": %b}', b'{"train": [%b]}'])
def test_a_file_of_one_record_can_be_split(layout: bytes, tmp_path: Path) -> None:
    dataset = rt.load(layout % record("q", "a"))
    dataset.apply({(0, 0): (record("one"), record("two"))}, "split")
    dataset.export(tmp_path / "out.json", "same")

    assert texts(rt.load(tmp_path / "out.json")) == [["one"], ["two"]]


# ---------------------------------------------------------------- the index follows

CHANGES = st.lists(
    st.tuples(
        st.integers(0, 9),
        st.one_of(
            st.none(),
            st.just(b'{"x": 1}'),
            st.just(b'{"mess'),
            st.lists(st.sampled_from("abc"), max_size=3).map(lambda said: record(*said)),
            st.lists(st.sampled_from("abc"), min_size=2, max_size=3).map(
                lambda said: tuple(record(one, "answer") for one in said)
            ),
        ),
    ),
    max_size=6,
)


@settings(deadline=None, max_examples=60)
@given(CHANGES, st.integers(0, 6))
def test_an_index_that_follows_changes_is_the_index_of_the_exported_file(
    changes: list[tuple[int, Change]], undone: int
) -> None:
    dataset = rt.load(LINES)
    _ = dataset.index
    for at, change in changes:
        places = [(c.source_index, c.index) for c in dataset]
        if places:
            dataset.apply({places[at % len(places)]: change}, "change")
            _ = dataset.index.conversations
    for _ in range(undone):
        dataset.undo()
    followed = dataset.index
    dataset._index = None  # read everything again
    again = dataset.index

    def bare(frame: pl.DataFrame) -> pl.DataFrame:
        return frame.with_columns(pl.selectors.categorical().cast(pl.String))

    assert_frame_equal(followed.conversations, again.conversations)
    assert_frame_equal(bare(followed.turns), bare(again.turns))
    assert followed.rejected == again.rejected
    assert len(dataset) == len(list(dataset)) == followed.conversations.height


def test_following_a_change_reads_nothing_but_what_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = rt.load(LINES)
    _ = dataset.index

    def refuse() -> None:
        raise AssertionError("the whole dataset was read again")

    monkeypatch.setattr(dataset, "blocks", refuse)
    dataset.apply({(0, 3): record("changed", "answer")}, "edit")

    assert dataset[3].messages[0].text == "changed"
    assert dataset.conversations()["words"].tolist() == [2, 2, 2, 2, 2]
    assert dataset.undo() == "edit"
    assert dataset[3].messages[0].text == "q3"
