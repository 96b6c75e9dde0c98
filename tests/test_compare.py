"""Comparing two versions of a dataset: what came, went, changed and moved, down to the word."""

from __future__ import annotations

import json
import random
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from conftest import real_files
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import rolethread_nb as rt
from rolethread_nb.cli import main
from rolethread_nb.core.differences import word_pieces


def chat(*texts: str, **keys: Any) -> dict[str, Any]:
    turns = [{"role": ("user", "assistant")[at % 2], "content": text} for at, text in enumerate(texts)]
    return {**keys, "messages": turns}


def copied(records: list[Any]) -> list[Any]:
    found: list[Any] = json.loads(json.dumps(records))
    return found


NAMED = [
    chat(f"Question {n}", f"The answer to {n} is long", "Thanks", f"Welcome {n}", id=f"c{n}", tags=["x"])
    for n in range(6)
]
NAMELESS = [{key: value for key, value in record.items() if key != "id"} for record in NAMED]


def test_equal_datasets_are_equal() -> None:
    comparison = rt.compare(NAMED, copied(NAMED))

    assert comparison.equal
    assert (comparison.added, comparison.removed, comparison.changed, comparison.moved) == ([], [], [], [])
    assert comparison.unchanged == 6
    assert "the same 6 conversations" in repr(comparison)


@pytest.mark.parametrize("records", [NAMED, NAMELESS])
def test_what_was_added_removed_and_changed_is_told_apart(records: list[Any]) -> None:
    after = copied(records)
    after[2]["messages"][1]["content"] = "The reply to 2 is long"
    after[3]["tags"] = ["y"]
    del after[0]
    after.insert(1, chat("A new one", "Indeed"))
    comparison = rt.compare(records, after)
    before, ds = comparison.before, comparison.after

    assert comparison.removed == [before[0].id]
    assert comparison.added == [ds[1].id]
    assert comparison.changed == [ds[2].id, ds[3].id]
    assert comparison.moved == []
    assert comparison.unchanged == 3
    assert not comparison.equal
    turns, keys = comparison.changes()
    assert (turns.what, keys.what, keys.keys) == (("turns",), ("keys",), ["tags"])
    (turn,) = turns.turns
    assert (turn.kind, turn.before, turn.after, turn.role) == ("changed", 1, 1, "assistant")
    assert list(turn.pieces) == [("=", "The"), ("-", " answer"), ("+", " reply"), ("=", " to 2 is long")]


def test_an_id_goes_before_content() -> None:
    after = copied(NAMED)
    after[0]["id"], after[1]["id"] = "c1", "c0"
    comparison = rt.compare(NAMED, after)

    assert comparison.changed == ["c1", "c0"]
    assert comparison.moved != []


def test_a_new_id_for_the_same_content_is_a_change_of_a_key() -> None:
    after = copied(NAMED)
    after[4]["id"] = "renamed"
    (change,) = rt.compare(NAMED, after).changes()

    assert (change.before.id, change.after.id, change.by, list(change.keys)) == (
        "c4",
        "renamed",
        "content",
        ["id"],
    )


def test_conversations_without_ids_that_have_little_in_common_are_not_the_same() -> None:
    after = copied(NAMELESS)
    after[5]["messages"] = chat("Quite another", "matter", "Thanks", "indeed")["messages"]
    comparison = rt.compare(NAMELESS, after)

    assert (len(comparison.added), len(comparison.removed), len(comparison.changed)) == (1, 1, 0)


SAID = (
    "Could you tell me where the ferry to Dunmore leaves from, please?",
    "It leaves from the northern pier, every hour until nine in the evening.",
    "How much is a ticket for two adults and a bicycle?",
    "Eleven pounds for both of you; the bicycle travels free of charge.",
)


def told(town: str) -> dict[str, Any]:
    return chat(*(text.replace("Dunmore", town).replace("northern", town[::-1]) for text in SAID))


TOLD = [told(town) for town in ("Arklow", "Bray", "Cobh", "Dingle", "Ennis")]


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text + " ",
        lambda text: "\n" + text.replace(" ", "  "),
        lambda text: text.upper(),
        lambda text: text.replace(",", ""),
    ],
)
@pytest.mark.parametrize("times", [1, 40])
def test_a_clean_up_of_every_turn_changes_every_conversation(change: Any, times: int) -> None:
    before = copied(TOLD * times)
    after = copied(before)
    for record in after:
        for turn in record["messages"]:
            turn["content"] = change(turn["content"])
        record["messages"][2]["content"] += "!"
    comparison = rt.compare(before, after)

    assert (comparison.added, comparison.removed, comparison.moved) == ([], [], [])
    assert {change.by for change in comparison.changes()} == {"words"}
    assert len(comparison.changed) == 5 * times


def test_a_word_mended_in_every_turn_is_a_change() -> None:
    after = copied(TOLD)
    for record in after:
        for turn, (old, new) in zip(
            record["messages"],
            [("please", "plz"), ("evening", "night"), ("ticket", "fare"), ("Eleven", "Ten")],
            strict=True,
        ):
            turn["content"] = turn["content"].replace(old, new)
    after.insert(2, chat("Quite another matter", "Indeed, it is"))
    del after[4]
    comparison = rt.compare(TOLD, after)

    assert [(pair.before.raw, pair.by) for pair in comparison.changes()] == [
        (TOLD[at], "words") for at in (0, 1, 2, 4)
    ]
    assert comparison.added == [comparison.after[2].id]
    assert comparison.removed == [comparison.before[3].id]


def test_a_system_prompt_in_common_does_not_make_two_conversations_one() -> None:
    prompt = {"role": "system", "content": " ".join(f"rule{n}" for n in range(200))}
    before, after = (
        [chat(*(f"{word}{n}{m} says {word}{n}" for m in "abcd")) for n in range(30)]
        for word in ("left", "right")
    )
    for record in (*before, *after):
        record["messages"].insert(0, prompt)
    comparison = rt.compare(before, after)

    assert (len(comparison.added), len(comparison.removed), comparison.changed) == (30, 30, [])


def test_a_few_words_in_common_are_no_evidence() -> None:
    comparison = rt.compare([chat("Hi", "Hello there")], [chat("Hi there", "Hello")])
    assert comparison.changed == [comparison.after[0].id]  # the same words, parted otherwise

    comparison = rt.compare([chat("Hi Kai", "Hello")], [chat("Hi Mara", "Hello.")])
    assert (len(comparison.added), len(comparison.removed)) == (1, 1)


def test_long_conversations_are_measured_by_a_sample() -> None:
    rng = random.Random(4)
    words = [f"w{n}" for n in range(4_000)]
    before = [chat(*(" ".join(rng.sample(words, 300)) for _ in range(4))) for _ in range(20)]
    after = copied(before)
    for record in after:
        for turn in record["messages"]:
            turn["content"] = turn["content"].replace(turn["content"].split()[7], "changed")
    rng.shuffle(after)
    comparison = rt.compare(before, after)

    assert len(comparison.changed) == 20
    assert rt.compare(before, [chat(" ".join(rng.sample(words, 300))) for _ in range(20)]).changed == []


def test_moved_ones_are_the_fewest_that_explain_the_order() -> None:
    assert rt.compare(NAMED, [*NAMED[1:], NAMED[0]]).moved == ["c0"]
    assert rt.compare(NAMED, [NAMED[5], *NAMED[:5]]).moved == ["c5"]
    assert len(rt.compare(NAMED, NAMED[::-1]).moved) == 5
    assert rt.compare(NAMED, NAMED[2:]).moved == []


def test_another_layout_with_the_same_turns_is_a_change_of_layout() -> None:
    after = [
        {
            "conversations": [
                {"from": {"user": "human", "assistant": "gpt"}[m["role"]], "value": m["content"]}
                for m in r["messages"]
            ]
        }
        for r in NAMELESS
    ]
    comparison = rt.compare(NAMELESS, after)

    assert {(change.by, change.what, len(change.turns), *change.keys) for change in comparison.changes()} == {
        ("content", ("layout", "keys"), 0, "tags")
    }
    assert set(comparison.to_pandas()["what"]) == {"layout, keys"}


def test_turns_under_another_key_are_written_otherwise() -> None:
    record = {"id": 1, "messages": [{"role": "user", "content": "Hi"}]}
    (change,) = rt.compare([record], [{"id": 1, "conversations": record["messages"]}]).changes()

    assert change.what == ("layout",)


def test_turns_that_came_went_or_changed_their_role_are_told_apart() -> None:
    before = chat("Hi", "Ho", "Bye", "See you", id=1)
    after = copied([before])[0]
    after["messages"].insert(0, {"role": "system", "content": "Be kind."})
    after["messages"][3]["role"] = "tool"
    del after["messages"][4]
    (change,) = rt.compare([before], [after]).changes()

    kinds = [(turn.kind, turn.before, turn.after, turn.role, turn.role_before) for turn in change.turns]
    assert kinds[0] == ("added", None, 0, "system", None)
    assert ("removed", 3, None, "assistant", None) in kinds


def test_odd_content_that_changes_is_a_change() -> None:
    before = {"id": 1, "messages": [{"role": "user", "content": [{"type": "image_url", "image_url": "a"}]}]}
    after = json.loads(json.dumps(before).replace('"a"', '"b"'))
    comparison = rt.compare([before], [after])

    assert comparison.changed == ["1"]
    (change,) = comparison.changes()
    assert [turn.kind for turn in change.turns] == ["changed"]


def test_records_that_cannot_be_read_count() -> None:
    good = json.dumps(NAMED[0]).encode() + b"\n"

    assert rt.compare(good + b"5\n", good + b"5\n").equal
    assert not rt.compare(good + b"5\n", good + b"6\n").equal
    assert "other records that cannot be read" in repr(rt.compare(good, good + b"6\n"))


def test_blanks_and_the_order_of_keys_do_not_count() -> None:
    record = {"tags": [1], "id": "a", "messages": [{"content": "Hi", "role": "user"}]}
    other = b'{"id":"a",   "messages":[{"role":"user","content":"H\\u0069"}],"tags":[1]}'

    assert rt.compare([record], other).equal


def test_the_same_conversation_twice_is_matched_once() -> None:
    comparison = rt.compare([NAMELESS[0]], [NAMELESS[0], NAMELESS[0]])

    assert (comparison.unchanged, len(comparison.added)) == (1, 1)


def test_findings_and_balance_are_counted_on_both_sides() -> None:
    after = [*copied(NAMED)[1:], chat("", "Ho", id="new")]
    comparison = rt.compare(NAMED, after)

    assert comparison.counts["turn.empty"] == (0, 1)
    assert comparison.balance["turns"] == (24, 22)
    assert comparison.balance["turns of user"] == (12, 11)
    assert comparison.balance["conversations"] == (6, 6)
    assert comparison.reports[0].profile == "chat"
    assert rt.compare(NAMED, after, profile="roleplay").reports[0].profile == "roleplay"


def test_both_are_checked_with_the_settings_of_the_second(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "chats.jsonl").write_text(json.dumps(chat("Hi ", "")) + "\n")
    (tmp_path / "two" / "rolethread_nb.toml").write_text('ignore = ["turn"]\n')
    comparison = rt.compare(tmp_path / "one" / "chats.jsonl", tmp_path / "two" / "chats.jsonl")

    assert comparison.counts == {"text.whitespace": (1, 1)}


def test_a_dataset_can_be_compared_with_itself_before_its_repairs() -> None:
    records = [chat("Hi ", "Ho", id=1), chat("Hi", "Ho", id=2)]
    ds = rt.load(records)
    ds.check().repairs().apply()
    comparison = rt.compare(records, ds)
    assert comparison.changed == ["1"]

    ds.undo()
    assert [piece for turn in comparison.change("1").turns for piece in turn.pieces] == [
        ("=", "Hi"),
        ("-", " "),
    ]
    with pytest.raises(rt.StalePlanError, match="compare again"):
        _ = comparison.counts


def test_a_conversation_that_is_not_in_both_is_refused_in_a_sentence() -> None:
    with pytest.raises(rt.QueryError, match="No conversation 'nobody' is in both"):
        rt.compare(NAMED, NAMED).change("nobody")


def test_the_frame_names_every_difference() -> None:
    after = [chat("x", "y", id="new"), *copied(NAMED)[1:]]
    after[2]["tags"] = []
    frame = rt.compare(NAMED, after).to_pandas()

    assert [tuple(row) for row in frame[["status", "what"]].itertuples(index=False)] == [
        ("added", ""),
        ("removed", ""),
        ("changed", "keys"),
    ]
    assert list(frame["index"].fillna(-1)) == [0, -1, 2]
    assert list(frame["index_before"].fillna(-1)) == [-1, 0, 2]


def test_the_json_says_all_of_it(tmp_path: Path) -> None:
    after = copied(NAMED)[1:]
    after[0]["messages"][0]["content"] = "Questions 1"
    comparison = rt.compare(NAMED, after)
    found = json.loads(comparison.to_json(tmp_path / "difference.json"))

    assert json.loads((tmp_path / "difference.json").read_text()) == found
    assert found["equal"] is False
    assert found["removed"] == [{"id": "c0", "source": 0, "conversation": 0}]
    assert found["changed"][0]["turns"][0]["pieces"] == [["-", "Question"], ["+", "Questions"], ["=", " 1"]]
    assert found["before"]["conversations"] == 6
    assert found["balance"]["turns"] == [24, 20]


# ---------------------------------------------------------------- pictures


class Tags(HTMLParser):
    """The tags of a page part, and whether they are closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        if tag not in ("br", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_a_cell_shows_it_with_hostile_text_as_text() -> None:
    after = copied(NAMED)[1:]
    after[0]["messages"][1]["content"] = "<script>alert(1)</script>\ud800\u202e"
    after[1]["<img src=x>"] = 1
    after[2]["id"] = "</b>\ud800<script>"
    after.append(chat("<script>", "y", id="\"'><script>"))
    page = rt.compare(NAMED, after)._repr_html_()
    tags = Tags(page)

    assert tags.open == []
    assert not tags.seen & {"script", "img", "style", "link"}
    assert "&lt;script&gt;" in page


def test_a_cell_stays_small_whatever_differs() -> None:
    before = [chat("word " * 3_000, "reply", id=n) for n in range(300)]
    after = [chat("other " * 3_000, "reply", id=n) for n in range(300)]

    page = rt.compare(before, after)._repr_html_()
    assert len(page.encode()) < 200_000
    assert "of 300 changed conversations" in page


def test_an_equal_pair_is_shown_as_such() -> None:
    page = rt.compare(NAMED, NAMED)._repr_html_()
    assert "the same 6 conversations" in page
    assert re.search("Findings by code.*no change", page)


# ---------------------------------------------------------------- the command line


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    monkeypatch.chdir(tmp_path)
    after = copied(NAMED)
    after[2]["messages"][1]["content"] = "The reply\n\x1b[31m to 2 is long"
    for name, records in (("before", NAMED), ("after", after)):
        Path(f"{name}.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    return after


def test_the_status_says_whether_they_differ(files: list[Any], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "before.jsonl", "before.jsonl"]) == 0
    assert "the same 6 conversations" in capsys.readouterr().out
    assert main(["compare", "before.jsonl", "after.jsonl"]) == 1
    shown = capsys.readouterr().out
    assert "1 changed, 5 unchanged" in shown
    assert "~ turn 1 assistant: The[- answer-]{+ reply" in shown
    assert "\x1b" not in shown


def test_its_json_is_that_of_python_and_equal_every_time(
    files: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    main(["compare", "before.jsonl", "after.jsonl", "--json"])
    first = capsys.readouterr().out
    main(["compare", "before.jsonl", "after.jsonl", "--json"])

    assert first == capsys.readouterr().out
    assert first == rt.compare("before.jsonl", "after.jsonl").to_json()


# ---------------------------------------------------------------- promises


@settings(deadline=None, max_examples=200)
@given(st.text(alphabet="ab \n猫.", max_size=40), st.text(alphabet="ab \n猫.", max_size=40))
def test_the_pieces_hold_both_texts(before: str, after: str) -> None:
    pieces = word_pieces(before, after)

    assert "".join(text for kind, text in pieces if kind != "+") == before
    assert "".join(text for kind, text in pieces if kind != "-") == after
    assert before != after or all(kind == "=" for kind, _ in pieces)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["messages", "role", "content", "id", "x"]), inner)
    ),
    max_leaves=8,
)


@settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
@given(st.lists(JSON, max_size=4), st.lists(JSON, max_size=4))
def test_anything_can_be_compared_and_every_conversation_is_somewhere(
    one: list[Any], other: list[Any]
) -> None:
    before, after = (
        b"\n".join(json.dumps(record).encode() for record in records) + b"\n" for records in (one, other)
    )
    comparison = rt.compare(before, after)
    comparison.to_json()
    comparison._repr_html_()

    both = comparison.unchanged + len(comparison.changed)
    assert both + len(comparison.added) == len(comparison.after)
    assert both + len(comparison.removed) == len(comparison.before)
    assert rt.compare(before, before).equal


WORDS = st.sampled_from([f"{a}{b}{c}" for a in "bdfgklmnprst" for b in "aeiou" for c in "bdfgklmnprst"])
CHATS = st.lists(
    st.lists(st.lists(WORDS, min_size=5, max_size=9, unique=True).map(" ".join), min_size=1, max_size=5).map(
        lambda texts: chat(*texts)
    ),
    max_size=9,
    unique_by=json.dumps,
)


def placed_ids(dataset: Any, ids: list[str]) -> list[int]:
    return [dataset[name].index for name in ids]


@settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_the_two_versions_can_change_places(data: Any) -> None:
    before = data.draw(CHATS)
    mixed = [*copied(before), *data.draw(CHATS)]
    for record in mixed:
        for turn in record["messages"]:
            if data.draw(st.integers(0, 2)):
                turn["content"] = " ".join([data.draw(WORDS), *turn["content"].split()[1:]])
    after = data.draw(st.permutations(mixed))[: data.draw(st.integers(0, 12))]
    there, back = rt.compare(before, after), rt.compare(after, before)

    assert placed_ids(there.after, there.added) == placed_ids(back.before, back.removed)
    assert placed_ids(there.before, there.removed) == placed_ids(back.after, back.added)
    pairs = {(change.before.index, change.after.index, change.by) for change in there.changes()}
    assert pairs == {(change.after.index, change.before.index, change.by) for change in back.changes()}
    assert len(there.moved) == len(back.moved)
    assert there.unchanged + len(there.changed) + len(there.added) == len(after)
    assert there.unchanged + len(there.changed) + len(there.removed) == len(before)


@settings(deadline=None, max_examples=40, suppress_health_check=list(HealthCheck))
@given(CHATS, st.data())
def test_every_conversation_with_one_word_changed_in_each_turn_is_changed(
    before: list[Any], data: Any
) -> None:
    after = copied(before)
    for n, record in enumerate(after):
        for m, turn in enumerate(record["messages"]):
            words = turn["content"].split()
            words[data.draw(st.integers(0, len(words) - 1))] = f"other{n}x{m}"
            turn["content"] = " ".join(words)
    comparison = rt.compare(before, after)

    assert (comparison.added, comparison.removed) == ([], [])
    assert len(comparison.changed) == len(before)


@settings(deadline=None, max_examples=40, suppress_health_check=list(HealthCheck))
@given(CHATS, CHATS)
def test_two_unrelated_files_have_nothing_in_common(before: list[Any], other: list[Any]) -> None:
    after = copied(other)
    for record in after:
        for turn in record["messages"]:
            turn["content"] = " ".join(f"z{word}" for word in turn["content"].split())
    comparison = rt.compare(before, after)

    assert (len(comparison.removed), len(comparison.added)) == (len(before), len(after))


@pytest.mark.parametrize("path", real_files(), ids=lambda path: path.name)
def test_real_files_are_equal_to_themselves_and_to_their_shuffled_records_but_for_the_order(
    path: Path,
) -> None:
    ds = rt.load(path)
    assert rt.compare(path, ds).equal
    records = [c.raw for c in ds if isinstance(c.raw, dict)]
    if len(records) < 3 or len({json.dumps(record) for record in records}) < len(records):
        return
    random.Random(0).shuffle(records)
    comparison = rt.compare([c.raw for c in ds if isinstance(c.raw, dict)], records)
    assert (comparison.added, comparison.removed, comparison.changed) == ([], [], [])
    assert comparison.moved
