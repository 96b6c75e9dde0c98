"""The charts say true sentences about whole numbers, and every bar opens."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rolethread_nb.checks.charts import charts

TURNS = {
    "conversation": pl.UInt32,
    "turn": pl.Int32,
    "role": pl.Utf8,
    "speaker": pl.Utf8,
    "kind": pl.Utf8,
    "words": pl.UInt32,
    "chars": pl.UInt32,
}
CONVERSATIONS = {
    "conversation": pl.UInt32,
    "format": pl.Utf8,
    "turns": pl.UInt32,
    "exchanges": pl.UInt32,
    "system": pl.Utf8,
    "system_head": pl.Utf8,
}
Turn = tuple[str | None, str | None, int]
Conversation = tuple[int, str | None]


def turns_of(rows: Sequence[Turn]) -> pl.DataFrame:
    filled = [
        (0, turn, role, speaker, "text", words, words) for turn, (role, speaker, words) in enumerate(rows)
    ]
    return pl.DataFrame(filled, schema=TURNS, orient="row")


def conversations_of(rows: Sequence[Conversation]) -> pl.DataFrame:
    filled = [
        (
            number,
            "messages",
            2 * exchanges,
            exchanges,
            system,
            None if system is None else f"You are {system}.",
        )
        for number, (exchanges, system) in enumerate(rows)
    ]
    return pl.DataFrame(filled, schema=CONVERSATIONS, orient="row")


def drawn(
    turns: Sequence[Turn] = (),
    conversations: Sequence[Conversation] = (),
    findings: Mapping[str, int] | None = None,
    severities: Mapping[str, str] | None = None,
) -> dict[str, dict[str, Any]]:
    made = charts(turns_of(turns), conversations_of(conversations), findings or {}, severities or {})
    return {chart["id"]: chart for chart in made}


def replies(*words: int) -> dict[str, Any]:
    return drawn([("assistant", None, number) for number in words])["reply_words"]


def bounds(mark: Mapping[str, Any]) -> tuple[int, float]:
    low, high = re.search(r"(\d+)\.\.(\d*)$", mark["filter"]).groups()  # type: ignore[union-attr]
    return int(low), int(high) if high else float("inf")


words = st.one_of(st.integers(0, 30), st.integers(0, 2_000), st.integers(0, 2**32 - 1))


@given(st.lists(words, min_size=1, max_size=300))
def test_every_value_is_in_exactly_one_bin_and_the_counts_add_up(numbers: list[int]) -> None:
    chart = replies(*numbers)
    assert sum(mark["value"] for mark in chart["marks"]) == len(numbers)
    assert len(chart["marks"]) <= 16
    above = -1.0
    edge = 0.0
    for mark in chart["marks"]:
        low, high = bounds(mark)
        assert above < low <= high
        assert mark["value"] == sum(low <= number <= high for number in numbers)
        assert 0 <= edge <= mark["x0"] < mark["x1"] <= 1
        assert 0 <= mark["height"] <= 1
        above, edge = high, mark["x1"]
    assert all(0 <= at <= 1 for at, _ in [*chart["x"]["ticks"], *chart["y"]["ticks"], *chart["rules"]])


@given(st.lists(words, min_size=1, max_size=300))
def test_the_title_of_a_histogram_is_true(numbers: list[int]) -> None:
    title = replies(*numbers)["title"]
    found = re.search(r"(?:has|have) (?:exactly )?([\d,]+)(?: to ([\d,]+))? words?$", title)
    assert found, title
    low = int(found[1].replace(",", ""))
    high = int((found[2] or found[1]).replace(",", ""))
    share = sum(low <= number <= high for number in numbers) / len(numbers)
    if title.startswith("Half of all"):
        assert 0.5 <= share <= 0.57
    elif title.startswith(("All", "Both", "The only")):
        assert share == 1
    elif percent := re.match(r"(\d+) % ", title):
        assert int(percent[1]) == pytest.approx(100 * share, abs=0.51)
    else:
        assert title.startswith("Over 99 %")
        assert 0.995 <= share < 1


def test_half_of_the_replies_is_said_with_its_range_and_marked_with_rules() -> None:
    chart = replies(*range(1, 1_001))
    assert chart["title"] == "Half of all replies have 250 to 750 words"
    assert chart["subtitle"] == "words a reply, 1,000 replies"
    assert [text for _, text in chart["rules"]] == ["Q1 250", "median 500", "Q3 750"]
    assert chart["marks"][0]["label"] == "0 to 99 words"
    assert chart["marks"][0]["text"] == "99 replies, 10 %"
    assert chart["marks"][0]["filter"] == "role:assistant words:0..99"


def test_a_long_tail_is_gathered_in_a_last_bin_that_says_so() -> None:
    chart = replies(*[10, 40, 60, 90] * 100, 9_000, 80_000)
    last = chart["marks"][-1]
    assert last["label"] == "100 words or more"
    assert last["text"] == "2 replies, under 1 %"
    assert last["filter"] == "role:assistant words:100.."
    assert chart["x"]["ticks"][-1][1] == "100+"


def test_a_very_long_tail_leaves_the_usual_lengths_apart() -> None:
    chart = replies(*range(1, 101), *range(1_000, 20_000, 2_000))
    assert max(mark["value"] for mark in chart["marks"]) < 20


def test_numbers_are_written_for_people() -> None:
    assert replies(1)["title"] == "The only reply has 1 word"
    assert replies(1)["subtitle"] == "words a reply, 1 reply"
    assert replies(3, 9)["title"] == "Both replies have 3 to 9 words"
    assert replies(1_200, 1_200, 1_200)["title"] == "All 3 replies have 1,200 words"
    assert replies(5, 5, 5, 1, 9)["title"] == "60 % of replies have 5 words"
    assert replies(0, 0)["marks"][0]["label"] == "0 words"


def test_exchanges_are_counted_by_conversation() -> None:
    chart = drawn(conversations=[(1, None)] * 3 + [(2, None)] * 5 + [(4, None)])["exchanges"]
    assert [(mark["label"], mark["value"], mark["filter"]) for mark in chart["marks"]] == [
        ("1 exchange", 3, "exchanges:1..1"),
        ("2 exchanges", 5, "exchanges:2..2"),
        ("3 exchanges", 0, "exchanges:3..3"),
        ("4 exchanges", 1, "exchanges:4..4"),
    ]
    assert chart["marks"][0]["text"] == "3 conversations, 33 %"


def test_roles_are_counted_and_what_is_not_understood_is_named() -> None:
    chart = drawn([("user", None, 3), ("assistant", None, 9), (None, None, 1), ("tool", None, 2)])["roles"]
    assert chart["title"] == "25 % of turns have a role that is not understood"
    assert [(mark["label"], mark["tone"], mark["filter"]) for mark in chart["marks"]] == [
        ("user", "user", "role:user"),
        ("assistant", "assistant", "role:assistant"),
        ("tool", "tool", "role:tool"),
        ("not understood", "plain", "role:unknown"),
    ]
    assert drawn([(None, None, 3)] * 2)["roles"]["title"] == "No role is understood"
    assert drawn([("user", None, 3)])["roles"]["title"] == "No turn is the assistant’s"


def test_system_prompts_that_all_differ_are_said_in_a_sentence() -> None:
    chart = drawn(conversations=[(1, f"captain {number}") for number in range(505)])["system_prompts"]
    assert chart["title"] == "505 different system prompts, none used twice"
    assert [(mark["value"], mark["filter"]) for mark in chart["marks"]] == [(505, "system:yes")]


def test_the_most_used_system_prompts_are_shown_with_their_share() -> None:
    chart = drawn(conversations=[(1, "a")] * 6 + [(1, "b")] * 2 + [(1, "c"), (1, None)])["system_prompts"]
    assert chart["title"] == "One system prompt stands in 60 % of conversations"
    assert [(mark["label"], mark["text"], mark["filter"]) for mark in chart["marks"]] == [
        ("You are a.", "6 · 60 %", "system:a"),
        ("You are b.", "2 · 20 %", "system:b"),
        ("1 other prompt, used once", "1 · 10 %", ""),
        ("no system prompt", "1 · 10 %", "system:no"),
    ]
    assert (
        drawn(conversations=[(1, None)] * 3)["system_prompts"]["title"]
        == "No conversation has a system prompt"
    )
    shared = drawn(conversations=[(1, "a")] * 3)["system_prompts"]
    assert shared["title"] == "All 3 conversations share one system prompt"


@given(
    st.lists(st.tuples(st.integers(0, 9), st.sampled_from([None, *"abcdefghijkl"])), min_size=1, max_size=60)
)
def test_bars_add_up_to_the_conversations(rows: list[Conversation]) -> None:
    chart = drawn(conversations=rows)["system_prompts"]
    assert sum(mark["value"] for mark in chart["marks"]) == len(rows)
    assert all(0 < mark["length"] <= 1 for mark in chart["marks"])


def test_findings_stand_in_the_order_of_the_list_with_the_tone_of_their_severity() -> None:
    found = {"text.whitespace": 50, "turn.empty": 2, "leak.control_token": 4, "reply.meta": 0}
    severities = {"text.whitespace": "info", "turn.empty": "error", "leak.control_token": "error"}
    chart = drawn(findings=found, severities=severities)["findings"]
    assert chart["title"] == "89 % of findings are text.whitespace"
    assert [(mark["label"], mark["tone"], mark["filter"]) for mark in chart["marks"]] == [
        ("leak.control_token", "error", "code:leak.control_token"),
        ("turn.empty", "error", "code:turn.empty"),
        ("text.whitespace", "info", "code:text.whitespace"),
    ]


def test_more_than_twelve_codes_are_gathered_and_counted() -> None:
    chart = drawn(findings={f"text.c{number:02}": 20 - number for number in range(17)})["findings"]
    assert len(chart["marks"]) == 13
    assert chart["marks"][-1]["label"] == "5 more codes"
    assert chart["marks"][-1]["value"] == 8 + 7 + 6 + 5 + 4
    assert chart["marks"][-1]["filter"] == ""


def test_speakers_are_shown_only_when_turns_name_them() -> None:
    assert "speakers" not in drawn([("user", None, 3), ("assistant", " ", 3)])
    chart = drawn(
        [("user", "User 1", 3), ("assistant", "Mara", 3), ("assistant", "Mara", 3), ("user", None, 1)]
    )
    assert chart["speakers"]["title"] == "Mara speaks 67 % of the named turns"
    assert chart["speakers"]["subtitle"] == "turns by speaker, 3 of 4 turns name one"
    assert [(mark["label"], mark["tone"], mark["filter"]) for mark in chart["speakers"]["marks"]] == [
        ("Mara", "assistant", "speaker:Mara"),
        ("User 1", "user", 'speaker:"User 1"'),
    ]


def test_a_right_to_left_name_does_not_turn_the_sentence_around_it() -> None:
    assert drawn([("user", "ليلى", 1)])["speakers"]["title"] == "\u2068ليلى\u2069 is the only named speaker"


@pytest.mark.parametrize("name", ['The "Captain"', "two\nlines"])
def test_a_name_that_no_query_can_hold_gets_no_filter(name: str) -> None:
    assert drawn([("user", name, 1)])["speakers"]["marks"][0]["filter"] == ""


def test_nothing_gives_no_chart_and_little_gives_no_exception() -> None:
    assert drawn() == {}
    assert set(drawn(conversations=[(0, None)])) == {"exchanges", "system_prompts"}
    assert set(drawn([(None, None, 0)])) == {"roles"}
    assert replies(0, 2**32 - 1)["marks"]


def test_the_same_dataset_in_another_order_gives_the_same_charts() -> None:
    rows: Sequence[Turn] = [("user", f"Speaker {n % 7}", n % 13) for n in range(200)] + [
        ("assistant", "Mara", n) for n in range(90)
    ]
    conversations = [(n % 5, "abc"[n % 3]) for n in range(30)]
    assert drawn(rows, conversations) == drawn(rows[::-1], conversations)
