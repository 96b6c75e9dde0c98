"""A value of 1 MB does not travel with a widget: its beginning and its length do, and the whole is asked for when it is needed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from huge import HUGE, chat, corpus

import rolethread_nb as rt
from rolethread_nb.outputs.requests import answered
from rolethread_nb.outputs.shortening import shortened
from rolethread_nb.outputs.views import ReviewView

MOST = 300_000
CORPUS = corpus()


def reviewed() -> Any:
    ds = rt.load(list(CORPUS.values()))
    last = len(CORPUS) - 1
    ds.tag(last, HUGE)
    ds.decide(last, "keep", note=HUGE)
    ds.save_query(HUGE, "castle")
    ds.save_query("long", f"text:{HUGE}")
    ds.tag(last, HUGE + "y")  # what undo would take back
    return ds


@pytest.fixture(scope="module")
def report() -> Any:
    return reviewed().check(profile="roleplay")


def size(widget: Any) -> int:
    return len(widget.state) + len(widget.selection) + len(widget.filters)


@pytest.mark.parametrize("component", ["Issues", "Balance", "Thread", "Review"])
def test_the_state_of_a_component_stays_small(report: Any, component: str) -> None:
    widget = rt.review(report) if component == "Review" else getattr(rt, component)(report)
    assert size(widget) < MOST
    assert len(widget._static_html()) < MOST


@pytest.mark.parametrize("place", CORPUS)
def test_a_conversation_with_a_huge_value_can_be_opened_in_a_small_state(report: Any, place: str) -> None:
    at = list(CORPUS).index(place)
    view = ReviewView(report)
    assert len(json.dumps(view.state(f"0:{at}"))) < MOST
    assert view.thread(f"0:{at}")["turns"]  # type: ignore[index]


@pytest.mark.parametrize("place", ["role", "speaker", "id", "record key", "part", "word"])
def test_the_state_of_a_preflight_stays_small(place: str) -> None:
    ds = rt.load([CORPUS[place], chat(0)])
    panel = rt.PreflightPanel(ds.preflight(targets=["openai"]), at=0)
    assert size(panel) < MOST
    panel._preflight.finish()
    panel._refresh()
    assert size(panel) < MOST
    place_ = json.loads(panel.selection)
    reply = answered(panel._answers, "case", {**place_, "max_tokens": None})
    assert reply["ok"]  # a case that was left out of the state is there when it is asked for


def pieces(turn: Any) -> str:
    return "".join(text for text, _ in turn["segments"])


def test_a_cut_is_said_with_the_length_and_the_whole_comes_when_it_is_asked_for(report: Any) -> None:
    view = ReviewView(report)
    key = f"0:{list(CORPUS).index('word')}"
    first = view.thread(key)
    assert first is not None
    assert first["cut"]
    assert pieces(first["turns"][0]) == HUGE[:8_000] + "… (1,000,000 characters)"
    whole = view.answer("conversation", {"key": key, "from": 0, "count": 200})
    assert "cut" not in whole
    assert pieces(whole["turns"][0]) == HUGE


def test_findings_on_a_cut_turn_are_those_of_its_beginning() -> None:
    text = "x" * 90_000 + " </s>" * 400 + HUGE
    ds = rt.load([{"messages": [{"role": "user", "content": text}, {"role": "assistant", "content": "b"}]}])
    first = ReviewView(ds.check()).thread("0:0")
    assert first is not None
    assert len(json.dumps(first)) < MOST
    count = len(first["issues"])
    assert all(n < count for turn in first["turns"] for n in turn["issues"])
    assert all(n < count for turn in first["turns"] for _, over in turn["segments"] for n in over)


def test_a_long_tag_is_taken_away_by_what_is_shown_of_it() -> None:
    ds = rt.load([chat(0)])
    ds.tag(0, HUGE)
    view = ReviewView(ds.check())
    [shown] = view.conversations()["rows"][0]["tags"]
    assert shown == shortened(HUGE) == HUGE[:300] + "… (1,000,000 characters)"
    view.answer("do", {"op": "retag", "keys": ["0:0"], "tags": [], "without": [shown]})
    assert ds.tags(0) == []


def test_a_long_note_is_not_written_over_by_what_is_shown_of_it() -> None:
    ds = rt.load([chat(0)])
    ds.note(0, HUGE)
    view = ReviewView(ds.check())
    [row] = view.conversations()["rows"]
    assert len(row["note"]) < 1_100
    with pytest.raises(rt.QueryError, match="longer than what is shown of it"):
        view.answer("do", {"op": "note", "keys": ["0:0"], "note": row["note"] + " and more"})
    assert ds.notes == {"c0": HUGE}
    view.answer("do", {"op": "note", "keys": ["0:0"], "note": ""})
    assert ds.notes == {}


def marks(value: Any) -> Iterator[dict[str, Any]]:
    for one in value if isinstance(value, list) else value.values() if isinstance(value, dict) else ():
        if isinstance(one, dict) and "filter" in one:
            yield one
        yield from marks(one)


def test_a_mark_whose_query_would_be_too_long_cannot_be_chosen() -> None:
    report = rt.load([CORPUS["speaker"], chat(0)]).check()
    found = list(marks(ReviewView(report, whole_balance=True).charts()))
    assert any(mark["filter"] == "" and mark["label"].startswith("xxx") for mark in found)
    assert all("…" not in mark["filter"] for mark in found)
