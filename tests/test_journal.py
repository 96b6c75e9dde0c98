"""The journal: nothing that was decided or edited is lost, and nothing is applied to what it was not made on."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import rolethread_nb as rt
from rolethread_nb.core.errors import QueryError, RolethreadError
from rolethread_nb.core.record_diff import followed, instructions


def record(*texts: str, **more: Any) -> dict[str, Any]:
    roles = ("user", "assistant")
    return {**more, "messages": [{"role": roles[n % 2], "content": text} for n, text in enumerate(texts)]}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return written(tmp_path / "data.jsonl", [record(f"question {n}", f"answer {n}") for n in range(6)])


def written(path: Path, records: list[Any]) -> Path:
    path.write_bytes(b"".join(json.dumps(one).encode() + b"\n" for one in records))
    return path


def segments(path: Path) -> list[Path]:
    return sorted((path.parent / f"{path.name}.review").glob("*.jsonl"))


def said(dataset: Any) -> list[list[str]]:
    return [[message.text for message in conversation.messages] for conversation in dataset]


def work(dataset: Any) -> None:
    """One of everything that a review does."""
    dataset.decide(0, "keep", note="good")
    dataset.decide([1, 2], "reject")
    dataset.tag(0, "calm", "short")
    dataset.edit(3, 1, text="rewritten, mit Umlaut: ä")
    dataset.edit(3, 0, role="system")
    dataset.edit(3, 1, speaker="Mara")
    dataset.insert_turn(4, 2, "user", "one more")
    dataset.remove_turn(4, 0)
    dataset.save_query("mine", "decision:keep")
    dataset.decide(1, "later")
    dataset.undo()
    dataset.split(5, 1)
    dataset.exclude(2)


def state(dataset: Any) -> Any:
    """Everything that a review makes of a dataset."""
    return (
        said(dataset),
        [(c.id, c.line) for c in dataset],
        dict(dataset.decisions),
        [dataset.tags(c) for c in dataset],
        dict(dataset.queries),
    )


# ---------------------------------------------------------------- kept and taken up again


def test_what_was_done_is_there_again_when_the_file_is_loaded_again(path: Path) -> None:
    before = path.read_bytes()
    dataset = rt.load(path)
    work(dataset)
    again = rt.load(path)

    assert state(again) == state(dataset)
    assert again.decisions == {
        again[0].id: "keep",
        again[1].id: "reject",
        **dict(list(dataset.decisions.items())[2:]),
    }
    assert again.decision(0).note == "good"  # type: ignore[union-attr]
    assert path.read_bytes() == before
    assert again.journal.set_aside == []
    assert rt.load(path, review=False).decisions == {}


def test_every_step_can_be_taken_back_and_made_again_also_after_loading_again(path: Path) -> None:
    dataset = rt.load(path)
    fresh = state(dataset)
    states = [fresh]
    for step in (
        lambda: dataset.decide(0, "keep"),
        lambda: dataset.edit(0, 1, text="other"),
        lambda: dataset.split(1, 1),
        lambda: dataset.join(dataset[1], dataset[2]),
        lambda: dataset.tag(0, "x"),
    ):
        step()
        states.append(state(dataset))
    dataset = rt.load(path)
    for wanted in reversed(states[:-1]):
        assert dataset.undo() is not None
        assert state(dataset) == wanted
    assert dataset.undo() is None
    dataset = rt.load(path)
    for wanted in states[1:]:
        assert dataset.redo() is not None
        assert state(dataset) == wanted
    assert dataset.redo() is None


def test_nothing_is_written_before_something_is_done(path: Path) -> None:
    dataset = rt.load(path)
    dataset.check()
    _ = dataset.decisions

    assert segments(path) == []


def test_each_kernel_writes_a_segment_of_its_own_and_rewrites_none(path: Path) -> None:
    rt.load(path).decide(0, "keep")
    (first,) = segments(path)
    before = first.read_bytes()
    rt.load(path).decide(1, "reject")

    assert first.read_bytes() == before
    assert len(segments(path)) == 2
    assert len(rt.load(path).decisions) == 2


def test_a_line_says_what_when_by_whom_and_on_which_state(path: Path) -> None:
    dataset = rt.load(path)
    dataset.journal.author = "ann"
    dataset.edit(0, 1, text="other")
    (line,) = segments(path)[0].read_text(encoding="utf-8").splitlines()
    op = json.loads(line)

    assert (op["op"], op["by"]) == ("edit", "ann")
    assert op["at"].endswith("+00:00")
    (item,) = op["each"]
    assert (item["in"], item["on"]) == ("data.jsonl", dataset[0].id)
    assert item["do"] == [["set", "/messages/1/content", "answer 0", "other"]]
    assert len(item["state"]) == len(item["then"]) == 16


def test_a_bulk_repair_is_one_line_and_holds_after_loading_again(tmp_path: Path) -> None:
    path = written(tmp_path / "data.jsonl", [record(f" question {n}  ", "answer ") for n in range(50)])
    dataset = rt.load(path)
    found = dataset.check()
    found.repairs().apply()
    lines = segments(path)[0].read_text(encoding="utf-8").splitlines()
    again = rt.load(path)

    assert len(lines) == 1
    assert json.loads(lines[0])["op"] == "repair"
    assert json.loads(lines[0])["codes"] == {"text.whitespace": 100}
    assert said(again) == said(dataset)
    assert "text.whitespace" not in again.check().counts
    assert again.undo() is not None
    assert again.check().counts == found.counts


def test_the_history_is_a_table(path: Path) -> None:
    dataset = rt.load(path)
    work(dataset)
    history = dataset.history()

    assert list(history["op"]) == (
        "decide decide tag edit role speaker insert remove query decide undo split exclude".split()
    )
    assert history["note"][0] == "good"
    assert history["state"][9] == "taken back"
    assert list(history["conversations"])[:3] == [1, 2, 1]
    assert history["what"][3] == f"edited turn 1 of {dataset[2].id}"
    assert history["at"].is_monotonic_increasing
    assert list(rt.load(path).history()["n"]) == list(history["n"])


def test_a_dataset_without_a_file_keeps_its_journal_in_memory_until_it_is_saved(tmp_path: Path) -> None:
    records = [record("a", "b"), record("c", "d")]
    dataset = rt.load(records)
    dataset.decide(0, "keep")
    assert "memory" in (dataset.journal.notice or "")
    dataset.save_review(tmp_path / "mine")
    dataset.decide(1, "reject")
    again = rt.load(records, review=tmp_path / "mine")

    assert dataset.journal.notice is None
    assert again.decisions == dataset.decisions != {}
    with pytest.raises(RolethreadError, match="holds a journal already"):
        rt.load(records).save_review(tmp_path / "mine")


def test_several_files_have_a_journal_each_or_one_together(tmp_path: Path) -> None:
    one = written(tmp_path / "one.jsonl", [record("a ", "b")])
    two = written(tmp_path / "two.jsonl", [record("a ", "c")])
    dataset = rt.load([one, two])
    dataset.decide([0, 1], "keep")
    dataset.check().repairs().apply()

    assert len(segments(one)) == len(segments(two)) == 1
    assert state(rt.load([one, two])) == state(dataset)
    assert said(rt.load(two)) == [["a", "c"]]
    assert rt.load([one, two]).history()["conversations"].tolist() == [2, 2]
    together = rt.load([one, two], review=tmp_path / "all")
    together.decide(0, "later")
    assert len(list((tmp_path / "all").iterdir())) == 1


def test_the_journal_of_a_folder_of_files_is_no_source(path: Path) -> None:
    rt.load(path).decide(0, "keep")

    assert len(rt.load(path.parent).sources) == 1
    assert len(rt.load(str(path.parent / "**")).sources) == 1


def test_a_read_only_load_takes_up_and_writes_nothing(path: Path) -> None:
    rt.load(path).decide(0, "keep")
    dataset = rt.load(path, review="read-only")
    dataset.decide(1, "reject")

    assert len(dataset.decisions) == 2
    assert len(segments(path)) == 1


def test_a_disk_that_does_not_last_is_said_with_the_way_out(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLAB_RELEASE_TAG", "release")
    dataset = rt.load(path)
    with pytest.warns(UserWarning, match=r"Colab runtime ends.*save_review") as said:
        dataset.decide(0, "keep")
    assert [one.filename for one in said] == [__file__]  # the user's line, and none of ours
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        dataset.decide(1, "keep")
    monkeypatch.delenv("COLAB_RELEASE_TAG")
    monkeypatch.setenv("BINDER_SERVICE_HOST", "x")
    assert "Binder" in (dataset.journal.notice or "")


def test_where_nothing_can_be_written_the_review_goes_on_in_memory(tmp_path: Path) -> None:
    path = written(tmp_path / "data.jsonl", [record("a", "b")])
    (tmp_path / "data.jsonl.review").write_text("a file is in the way", encoding="utf-8")
    with pytest.raises(RolethreadError, match="cannot be read"):
        rt.load(path)
    (tmp_path / "data.jsonl.review").unlink()
    dataset = rt.load(path)
    (tmp_path / "data.jsonl.review").write_text("a file is in the way", encoding="utf-8")
    with pytest.warns(UserWarning, match="cannot be written to"):
        dataset.decide(0, "keep")

    assert dataset.decisions == {dataset[0].id: "keep"}
    assert "save_review" in (dataset.journal.notice or "")


# ---------------------------------------------------------------- killed at any byte


def test_cut_off_at_any_byte_nothing_before_the_last_whole_line_is_lost(path: Path) -> None:
    dataset = rt.load(path)
    states = [state(dataset)]
    for step in (
        lambda: dataset.decide(0, "keep", note="ä"),
        lambda: dataset.edit(1, 1, text="other"),
        dataset.undo,
        lambda: dataset.exclude(2),
    ):
        step()
        states.append(state(dataset))
    dataset.journal.close()
    (segment,) = segments(path)
    whole = segment.read_bytes()
    ends = [at for at, byte in enumerate(whole) if byte == ord("\n")]
    for size in range(len(whole) + 1):
        segment.write_bytes(whole[:size])
        lines = sum(1 for end in ends if end < size)
        torn = size > 0 and whole[size - 1 : size] != b"\n"
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            again = rt.load(path)
        if size % 7 == 0 or not torn:  # what it says is the same between two line ends
            assert state(again) == states[lines]
        assert len(again.history()) == lines
        assert bool(again.journal.lost) == torn
        assert (["left out" in str(one.message) for one in warned] == [True]) == torn


def test_killed_in_a_loop_of_edits_it_has_every_edit_that_was_reported(path: Path, tmp_path: Path) -> None:
    code = (
        "import sys, rolethread_nb as rt\n"
        "ds = rt.load(sys.argv[1])\n"
        "n = 0\n"
        "while True:\n"
        "    n += 1\n"
        "    ds.edit(n % 6, 1, text=f'edit {n}')\n"
        "    print(n, flush=True)\n"
    )
    running = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE)
    assert running.stdout is not None
    reported = 0
    while reported < 25:
        reported = int(running.stdout.readline())
    running.send_signal(signal.SIGKILL)
    rest = running.stdout.read().split()
    running.wait()
    reported = int(rest[-1]) if rest else reported
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        again = rt.load(path)

    edits = [op for op in again.journal.operations if op["op"] == "edit"]
    assert len(edits) in (reported, reported + 1)
    assert again.journal.set_aside == []
    last = {n % 6: n for n in range(1, len(edits) + 1)}
    assert [c.messages[1].text for c in again] == [f"edit {last[at]}" for at in range(6)]


def test_a_line_that_is_no_operation_is_named_and_the_others_hold(path: Path) -> None:
    rt.load(path).decide(0, "keep")
    (segment,) = segments(path)
    line = segment.read_bytes()
    segment.write_bytes(
        b"\xff\xfe garbage\n" + line + b'{"op": "decide"}\n[]\n{"op":"fly","n":"1","at":"2026"}\n'
    )
    with pytest.warns(UserWarning, match=r"line 1 is no operation.*line 3.*line 4.*newer version"):
        again = rt.load(path)

    assert list(again.decisions.values()) == ["keep"]


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_journal_of_any_shape_never_raises(data: st.DataObject, tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl"
    if not path.exists():
        written(path, [record("a", "b"), record("c", "d")])
    folder = tmp_path / "data.jsonl.review"
    shutil.rmtree(folder, ignore_errors=True)
    rt.load(path).decide(0, "keep")
    (segment,) = segments(path)
    op = json.loads(segment.read_text(encoding="utf-8"))
    junk = st.recursive(
        st.none() | st.integers() | st.text(max_size=5) | st.booleans(),
        lambda inner: (
            st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(sorted(op)), inner, max_size=3)
        ),
        max_leaves=5,
    )
    names = ["decide", "tag", "ignore", "query", "edit", "join", "undo", "redo"]
    broken = {
        **op,
        "op": data.draw(st.sampled_from(names)),
        data.draw(st.sampled_from([*sorted(op), "of"])): data.draw(junk),
    }
    segment.write_text(json.dumps(broken) + "\n", encoding="utf-8")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        again = rt.load(path)
        assert len(again) == 2
        again.decide(1, "keep")
        again.history()


# ---------------------------------------------------------------- two reviewers


def test_two_kernels_at_once_are_merged_and_what_is_on_the_same_state_is_a_conflict(path: Path) -> None:
    one, other = rt.load(path), rt.load(path)
    one.decide(0, "keep")
    other.decide(1, "reject")
    one.edit(2, 1, text="first")
    other.edit(2, 1, text="second")
    other.edit(3, 1, text="third")
    one.decide(4, "keep")
    other.decide(4, "keep")
    one.decide(5, "keep")
    other.decide(5, "reject")
    both = rt.load(path)

    assert [both.decisions.get(c.id) for c in both] == ["keep", "reject", None, None, "keep", "keep"]
    assert both[2].messages[1].text == "first"
    assert both[3].messages[1].text == "third"
    assert [(one.op["op"], one.source_changed) for one in both.journal.set_aside] == [
        ("edit", False),
        ("decide", False),
    ]
    assert both.history()["state"].tolist().count("set aside") == 2
    assert said(rt.load(path)) == said(both)


def test_the_folders_of_two_reviewers_are_merged_by_copying_the_files_together(
    path: Path, tmp_path: Path
) -> None:
    ann, ben = tmp_path / "ann", tmp_path / "ben"
    for folder in (ann, ben):
        folder.mkdir()
        shutil.copy(path, folder / path.name)
    first, second = rt.load(ann / path.name), rt.load(ben / path.name)
    work(first)
    second.tag(0, "loud")
    second.edit(1, 1, text="from ben")
    for segment in segments(ben / path.name):
        shutil.copy(segment, ann / f"{path.name}.review")
    merged = rt.load(ann / path.name)

    assert merged.tags(0) == ["calm", "loud", "short"]
    assert merged[1].messages[1].text == "from ben"
    assert {**merged.decisions} == {**first.decisions}


def test_the_same_edit_twice_is_no_conflict(path: Path) -> None:
    one, other = rt.load(path), rt.load(path)
    for dataset in (one, other):
        dataset.edit(0, 1, text="the same")
        dataset.exclude(1)

    both = rt.load(path)
    assert both.journal.set_aside == []
    assert both[0].messages[1].text == "the same"
    assert len(both) == 5


def test_an_undo_of_what_another_kernel_built_upon_is_set_aside(path: Path) -> None:
    one = rt.load(path)
    one.edit(0, 1, text="first")
    other = rt.load(path)
    other.edit(0, 1, text="first and second")
    one.undo()
    both = rt.load(path)

    assert both[0].messages[1].text == "first and second"
    assert [aside.op["op"] for aside in both.journal.set_aside] == ["undo"]


# ---------------------------------------------------------------- the source changed


def test_an_edit_of_a_conversation_that_changed_is_offered_and_not_applied(tmp_path: Path) -> None:
    records = [record("a", "b", id="one"), record("c", "d", id="two")]
    path = written(tmp_path / "data.jsonl", records)
    dataset = rt.load(path)
    dataset.edit("one", 1, text="edited")
    dataset.decide("two", "keep")
    written(path, [record("a", "b!", id="one"), record("new", "newer", id="three"), records[1]])
    again = rt.load(path)

    assert said(again) == [["a", "b!"], ["new", "newer"], ["c", "d"]]
    assert again.decisions == {"two": "keep"}
    assert [one.source_changed for one in again.journal.set_aside] == [True]


def test_records_may_move_and_ids_made_of_content_find_them_again(path: Path) -> None:
    dataset = rt.load(path)
    dataset.edit(0, 1, text="edited")
    dataset.decide(5, "keep")
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(reversed(lines)))
    again = rt.load(path)

    assert again[5].messages[1].text == "edited"
    assert again.decisions == {again[0].id: "keep"}


def test_a_near_match_is_offered_and_taken_only_when_asked_for(tmp_path: Path) -> None:
    path = written(tmp_path / "data.jsonl", [record("a", "b", "c", "d", "e", "f"), record("x", "y")])
    dataset = rt.load(path)
    dataset.edit(0, 5, text="edited")
    dataset.decide(0, "keep", note="mine")
    written(path, [record("a", "b", "c", "D!", "e", "f"), record("x", "y")])
    again = rt.load(path)
    assert again.decisions == {}
    edit, decision = again.journal.offers()

    assert (edit.conversation.id, edit.likeness) == (again[0].id, 5 / 6)
    again.journal.take(edit)
    assert again[0].messages[5].text == "edited"
    again.journal.take(decision)
    assert again.decision(0).note == "mine"  # type: ignore[union-attr]
    assert again.journal.set_aside == []
    assert rt.load(path).journal.set_aside == []
    assert said(rt.load(path))[0][5] == "edited"


def test_what_was_set_aside_can_be_dismissed_for_good(path: Path) -> None:
    one, other = rt.load(path), rt.load(path)
    one.decide(0, "keep")
    other.decide(0, "reject")
    both = rt.load(path)
    both.journal.dismiss(*both.journal.set_aside)

    assert both.journal.set_aside == []
    assert rt.load(path).journal.set_aside == []


# ---------------------------------------------------------------- edits of a turn


@pytest.mark.parametrize(
    ("edit", "texts"),
    [
        (lambda ds: ds.edit(0, 0, text="A"), ["A", "b", "c"]),
        (lambda ds: ds.insert_turn(0, 0, "system", "s"), ["s", "a", "b", "c"]),
        (lambda ds: ds.insert_turn(0, 3, "assistant", "d"), ["a", "b", "c", "d"]),
        (lambda ds: ds.remove_turn(0, 1), ["a", "c"]),
    ],
)
@pytest.mark.parametrize("layout", ["messages", "sharegpt"])
def test_turns_are_edited_in_every_list_layout(
    layout: str, edit: Callable[[Any], None], texts: list[str]
) -> None:
    turns = [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": "b"},
        {"role": "user", "content": "c"},
    ]
    if layout == "sharegpt":
        words = {"user": "human", "assistant": "gpt"}
        turns = [{"from": words[turn["role"]], "value": turn["content"]} for turn in turns]
    key = "messages" if layout == "messages" else "conversations"
    dataset = rt.load([{key: turns, "kept": 1.10}])
    edit(dataset)

    assert said(dataset) == [texts]
    assert dataset[0].format == layout
    assert all(message.role is not None for message in dataset[0].messages)
    assert dataset[0].raw["kept"] == 1.10
    dataset.undo()
    assert said(dataset) == [["a", "b", "c"]]


def test_neighbours_are_merged_and_two_conversations_joined() -> None:
    turns = [
        {"role": role, "content": text}
        for role, text in (("user", "a"), ("assistant", "b"), ("assistant", "c"))
    ]
    system = {"role": "system", "content": "s"}
    dataset = rt.load([{"messages": [system, *turns]}, {"messages": [system, *turns[:2]]}])
    dataset.merge_turns(0, 2)
    dataset.join(0, 1)

    assert said(dataset) == [["s", "a", "b\n\nc", "a", "b"]]


def test_a_split_has_the_system_prompt_in_every_part() -> None:
    messages = [{"role": "system", "content": "s"}] + record(*"abcdef")["messages"]
    dataset = rt.load([{"messages": messages, "id": "x"}])
    parts = dataset.split("x", 3, 5)

    assert [c.id for c in parts] == ["x/1", "x/2", "x/3"]
    assert said(dataset) == [["s", "a", "b"], ["s", "c", "d"], ["s", "e", "f"]]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda ds: ds.decide(0, "maybe"), "is no decision"),
        (lambda ds: ds.edit(0, 9, text="x"), "2 turns"),
        (lambda ds: ds.edit(0, 0, role="narrator"), "No role"),
        (lambda ds: ds.split(0, 0), "cannot be split|can be split"),
        (lambda ds: ds.split(0, 7), "can be split"),
        (lambda ds: ds.join(0, 0), "to itself"),
        (lambda ds: ds.join(0, 1), "layouts"),
        (lambda ds: ds.remove_turn(1, 0), "own place"),
        (lambda ds: ds.insert_turn(1, 0, "user", "x"), "own place"),
        (lambda ds: ds.tag(0, " "), "not empty"),
        (lambda ds: ds.save_query("x", "nonsense:1"), "nonsense"),
        (lambda ds: ds.export("x.jsonl", only="all"), "only takes"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence_and_nothing_is_written(
    wrong: Callable[[Any], None], says: str
) -> None:
    dataset = rt.load([record("a", "b"), {"instruction": "i", "output": "o"}])
    with pytest.raises(QueryError, match=says):
        wrong(dataset)

    assert dataset.journal.operations == []


def test_a_conversation_that_changed_since_it_was_looked_at_is_not_edited_blindly() -> None:
    dataset = rt.load([record("a", "b")])
    seen = dataset[0]
    dataset.edit(0, 1, text="other")
    with pytest.raises(RolethreadError, match="has changed since"):
        dataset.edit(seen, 1, text="third")


# ---------------------------------------------------------------- findings


def test_an_ignored_finding_is_not_reported_until_its_turn_changes(tmp_path: Path) -> None:
    path = written(tmp_path / "data.jsonl", [record("", "b"), record("", "d")])
    dataset = rt.load(path)
    report = dataset.check(select=["turn.empty"])
    assert report.counts == {"turn.empty": 2}
    dataset.ignore(report.issue(0))
    again = rt.load(path).check(select=["turn.empty"])

    assert again.counts == {"turn.empty": 1}
    assert again.ignored is not None
    assert [issue.id for issue in again.ignored] == [dataset[0].id]
    fresh = again.dataset
    fresh.restore(*again.ignored)
    assert fresh.check(select=["turn.empty"]).counts == {"turn.empty": 2}
    fresh.undo()
    fresh.edit(0, 1, text="  ")
    assert fresh.check(select=["turn.empty"]).counts == {"turn.empty": 2}


def test_findings_of_one_conversation_that_are_ignored_together_stay_ignored(tmp_path: Path) -> None:
    path = written(tmp_path / "data.jsonl", [record("", "", "", "b")])
    dataset = rt.load(path)
    dataset.ignore(*dataset.check(select=["turn.empty"]))
    dataset.undo()
    dataset.redo()

    assert dataset.check(select=["turn.empty"]).counts == {}
    assert rt.load(path).check(select=["turn.empty"]).counts == {}


def test_what_others_did_meanwhile_is_not_taken_back_with_a_step(path: Path) -> None:
    one = rt.load(path)
    one.decide(0, "keep")
    one.tag(0, "mine", "ours")
    other = rt.load(path)
    other.decide(0, "reject")
    other.tag(0, "yours")
    one.undo()
    one.undo()
    both = rt.load(path)

    assert both.tags(0) == ["yours"]
    assert both.decisions == {both[0].id: "reject"}
    assert [aside.op["op"] for aside in both.journal.set_aside] == ["undo"]


def test_decisions_and_tags_are_found_by_queries_and_obeyed_by_exports(path: Path, tmp_path: Path) -> None:
    dataset = rt.load(path)
    dataset.decide([0, 1], "keep")
    dataset.decide(2, "reject")
    dataset.tag(3, "Calm")

    assert [c.index for c in dataset.where("decision:keep")] == [0, 1]
    assert [c.index for c in dataset.where("decision:none tag:calm")] == [3]
    dataset.export(tmp_path / "kept.jsonl", only="kept")
    dataset.export(tmp_path / "rest.jsonl", only="not-rejected", where="index:1..")
    assert said(rt.load(tmp_path / "kept.jsonl")) == said(dataset[:2])
    assert len(rt.load(tmp_path / "rest.jsonl")) == 4


# ---------------------------------------------------------------- what one step costs, and the instructions


def test_a_step_reads_its_own_conversation_and_nothing_else(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = rt.load(path)
    _ = dataset.index
    reads: list[int] = []
    source = dataset.sources[0]
    record_of = type(source).record
    monkeypatch.setattr(
        type(source), "record", lambda self, start, end: reads.append(start) or record_of(self, start, end)
    )
    monkeypatch.setattr(dataset, "blocks", lambda: pytest.fail("the whole dataset was read"))
    dataset.edit(2, 1, text="other")
    dataset.decide(2, "keep")

    assert len(set(reads)) == 1


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(st.characters(codec="utf-8"), max_size=4),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=12,
)


@given(JSON, JSON, st.booleans())
def test_instructions_lead_from_one_record_to_the_other_to_the_byte(
    before: Any, after: Any, ascii: bool
) -> None:
    one, other = (json.dumps(value, ensure_ascii=ascii).encode() for value in (before, after))

    assert followed(one, instructions(one, other)) == other


def test_a_reader_of_the_journal_sees_a_change_and_not_the_whole_record() -> None:
    before = json.dumps(
        {"messages": [{"role": "user", "content": "x" * 5000}, {"role": "assistant", "content": "b"}]}
    ).encode()

    assert instructions(before, before.replace(b'"b"', b'"B"')) == [["set", "/messages/1/content", "b", "B"]]


def test_steps_are_in_order_when_the_clock_jumps_back(path: Path) -> None:
    dataset = rt.load(path)
    for n in range(3):
        dataset.edit(0, 1, text=f"edit {n}")
    later = rt.load(path)
    later.journal._latest = later.journal._latest.replace(year=3000)
    later.edit(0, 1, text="from the future")
    last = rt.load(path)
    last.edit(0, 1, text="after it")

    assert rt.load(path)[0].messages[1].text == "after it"
