"""A thread that stands by itself follows the review: it is told of each step, and answers with the conversation as it is now."""

from __future__ import annotations

import json
from typing import Any

import pytest

import rolethread_nb as rt
from rolethread_nb.outputs.requests import answered


def record(n: int) -> dict[str, Any]:
    texts = [f"question {n}", f"answer {n} "]
    roles = ("user", "assistant")
    return {
        "id": f"c{n}",
        "messages": [{"role": role, "content": text} for role, text in zip(roles, texts, strict=True)],
    }


@pytest.fixture
def ds() -> Any:
    return rt.load([record(n) for n in range(3)])


def asked(thread: Any, key: str = "0:0", **args: Any) -> Any:
    reply = answered(thread._answers, "conversation", {"key": key, "from": 0, "count": 100, **args})
    assert reply["ok"], reply
    return reply["result"]


def texts(page: Any) -> list[str]:
    return ["".join(text for text, _ in turn["segments"]) for turn in page["turns"]]


def test_it_shows_an_edit_its_undo_and_the_findings_as_they_are_now(ds: Any) -> None:
    thread = rt.Thread(ds, at="c0")
    before = asked(thread)
    assert before["finding_count"] == 1
    assert not before["edited"]
    ds.edit("c0", 1, text="a better answer")
    after = asked(thread)

    assert texts(after) == ["question 0", "a better answer"]
    assert after["edited"]
    assert after["finding_count"] == 0
    assert after["state"] != before["state"]
    ds.undo()
    again = asked(thread)
    assert (texts(again), again["edited"], again["finding_count"]) == (texts(before), False, 1)


def test_it_says_what_was_decided_noted_and_tagged(ds: Any) -> None:
    thread = rt.Thread(ds, at="c0")
    before = asked(thread)
    assert (before["decision"], before["note"], before["tags"]) == (None, "", [])
    ds.decide("c0", "keep", note="the tone")
    ds.tag("c0", "sea")
    after = asked(thread, count=0)

    assert (after["decision"], after["note"], after["tags"]) == ("keep", "the tone", ["sea"])
    assert (after["state"], after["edited"], after["turns"]) == (before["state"], False, [])


def test_a_finding_that_is_ignored_changes_the_state_of_its_conversation_alone(ds: Any) -> None:
    report = ds.check()
    thread = rt.Thread(report, at="c0")
    states = [asked(thread, f"0:{n}")["state"] for n in range(2)]
    ds.ignore(report.issue(0))
    assert asked(thread)["state"] != states[0]
    assert asked(thread, "0:1")["state"] == states[1]


def test_a_step_in_a_panel_is_told_to_every_thread_that_is_open(ds: Any) -> None:
    report = ds.check()
    thread, panel = rt.Thread(report, at="c0"), rt.review(report)
    assert json.loads(thread.state)["serial"] == thread.changes == 0
    reply = answered(panel._answers, "do", {"op": "edit", "key": "0:0", "turn": 0, "text": "by hand"})
    assert reply["ok"]
    assert thread.changes == ds.journal.serial == 1
    assert texts(asked(thread))[0] == "by hand"


def test_a_conversation_that_is_gone_is_said_and_comes_back_with_undo(ds: Any) -> None:
    thread = rt.Thread(ds, at="c0")
    ds.exclude("c0")
    reply = answered(thread._answers, "conversation", {"key": "0:0"})
    assert (reply["ok"], reply["error"]) == (False, "There is no conversation '0:0'.")
    assert "question 0" not in thread.to_html()
    ds.undo()
    assert texts(asked(thread))[0] == "question 0"


def test_a_thread_that_is_made_after_steps_shows_what_they_made(ds: Any) -> None:
    report = ds.check()
    ds.edit("c0", 0, text="by hand")
    thread = rt.Thread(report, at="c0")
    state = json.loads(thread.state)
    assert texts(state["thread"])[0] == "by hand"
    assert state["serial"] == thread.changes == 1


def test_its_tokens_stay_those_of_its_tokenizer(ds: Any) -> None:
    thread = rt.Thread(ds, at="c0", tokenizer=len)
    ds.edit("c0", 0, text="four")
    page = asked(thread)
    assert page["turns"][0]["tokens"] == 4
    assert page["exact"]
