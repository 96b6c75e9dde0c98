"""What a panel does is a step of the journal, and every view of the dataset says so at once."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

import rolethread_nb as rt
from rolethread_nb.outputs.requests import answered
from rolethread_nb.outputs.views import ReviewView


def record(*texts: str, **more: Any) -> dict[str, Any]:
    roles = ("user", "assistant")
    return {**more, "messages": [{"role": roles[n % 2], "content": text} for n, text in enumerate(texts)]}


RECORDS = [record(f"a{n} ", f"b{n}", f"c{n}", f"d{n}", id=f"c{n}") for n in range(6)]


@pytest.fixture
def view() -> ReviewView:
    return ReviewView(rt.load(RECORDS).check())


def do(view: ReviewView, op: str, **args: Any) -> Any:
    reply = answered(view, "do", {"op": op, **args})
    assert reply["ok"], reply
    json.dumps(reply)
    return reply["result"]


def refused(view: ReviewView, op: str, **args: Any) -> str:
    reply = answered(view, "do", {"op": op, **args})
    assert not reply["ok"]
    return str(reply["error"])


def dataset(view: ReviewView) -> Any:
    return view._live.report.dataset


def test_a_decision_shows_in_both_lists_and_in_the_status(view: ReviewView) -> None:
    result = do(view, "decide", keys=["0:1", "0:2"], **{"as": "keep", "note": "fine"})

    assert result["said"] == "Decided keep on 2 conversations."
    assert result["status"]["decided"] == {"keep": 2, "fix": 0, "reject": 0, "later": 0}
    assert (result["status"]["conversations"], result["status"]["undo"]) == (
        6,
        "decided keep on 2 conversations",
    )
    assert [row["decision"] for row in view.conversations()["rows"]] == [
        None,
        "keep",
        "keep",
        None,
        None,
        None,
    ]
    assert view.conversations()["rows"][1]["note"] == "fine"
    assert [row["decision"] for row in view.findings()["rows"]] == [None, "keep", "keep", None, None, None]


def test_what_is_decided_leaves_the_queue_and_can_be_called_back(view: ReviewView) -> None:
    do(view, "decide", keys=["0:0"], **{"as": "reject"})
    queue = "decision:none"

    assert [row["id"] for row in view.conversations(queue)["rows"]] == ["c1", "c2", "c3", "c4", "c5"]
    assert view.findings(queue)["matched"] == 5
    assert do(view, "undo")["said"] == "Took back: decided reject on c0."
    assert view.conversations(queue)["matched"] == 6
    assert do(view, "redo")["said"].startswith("Made again")
    assert do(view, "redo")["said"] == "Nothing to make again."


def test_all_that_match_a_query_are_decided_on_in_one_step(view: ReviewView) -> None:
    do(view, "decide", query="index:2..4", **{"as": "later"})
    do(view, "tag", query="decision:later", tags=["slow"])

    assert dataset(view).decisions == {"c2": "later", "c3": "later", "c4": "later"}
    assert view.conversations("tag:slow")["matched"] == 3
    assert view.conversations("tag:slow")["rows"][0]["tags"] == ["slow"]
    assert len(dataset(view).journal.steps) == 2


def test_a_plan_is_shown_before_it_is_made_and_the_repaired_findings_are_gone(view: ReviewView) -> None:
    plan = answered(view, "plan", {"query": "code:text.whitespace"})["result"]
    assert (plan["repairs"], plan["counts"], plan["unsafe"], plan["left"]) == (
        6,
        {"text.whitespace": 6},
        0,
        0,
    )
    assert ["-", "a0␠"] in plan["lines"] or any(kind == "-" for kind, _ in plan["lines"])
    assert dataset(view).journal.operations == []
    one = view.findings()["rows"][2]["n"]
    assert do(view, "repair", findings=[one])["said"] == "Repaired 1 place: text.whitespace."

    assert dataset(view)[2].messages[0].text == "a2"
    assert view.findings()["total"] == 5
    assert do(view, "repair", query="code:text.whitespace")["said"] == "Repaired 5 places: text.whitespace."
    assert view.findings()["total"] == 0
    assert "nothing to repair" in refused(view, "repair", query="").lower()
    do(view, "undo")
    assert view.findings()["total"] == 5


def test_an_edit_is_looked_at_again_at_once(view: ReviewView) -> None:
    do(view, "edit", key="0:3", turn=1, text="")
    rows = view.findings("code:turn.empty")["rows"]

    assert [(row["key"], row["turn"]) for row in rows] == [("0:3", 1)]
    assert view.status["changed"] == 1
    assert view.conversations("id:c3")["rows"][0]["errors"] == 1


def test_turns_and_conversations_are_put_in_taken_out_split_and_joined(view: ReviewView) -> None:
    do(view, "insert", key="0:0", at=4, role="user", text="more")
    do(view, "remove", key="0:1", turn=3)
    do(view, "split", key="0:2", turns=[2])
    do(view, "join", key="0:3", other="0:4")
    do(view, "edit", key="0:5", turn=0, role="system")
    do(view, "exclude", keys=["0:1"])

    assert [c.id for c in dataset(view)] == ["c0", "c2/1", "c2/2", "c3", "c5"]
    assert [len(c) for c in dataset(view)] == [5, 2, 2, 8, 4]
    assert view.conversations()["matched"] == 5


def test_a_finding_is_ignored_and_restored(view: ReviewView) -> None:
    n = view.findings()["rows"][1]["n"]
    assert do(view, "ignore", findings=[n])["status"]["ignored"] == 1
    assert [row["index"] for row in view.findings()["rows"]] == [0, 2, 3, 4, 5]
    do(view, "restore", findings=[n])

    assert [row["n"] for row in view.findings()["rows"]][1] == n


@pytest.mark.parametrize(
    ("op", "args", "says"),
    [
        ("fly", {}, "'fly'"),
        ("decide", {"keys": ["0:0"], "as": "maybe"}, "is no decision"),
        ("decide", {"keys": ["0:99"], "as": "keep"}, "no conversation"),
        ("decide", {"keys": ["x"], "as": "keep"}, "no conversation"),
        ("edit", {"key": "0:0", "turn": 77, "text": "x"}, "4 turns"),
        ("insert", {"key": "0:0", "at": 0, "role": "narrator"}, "No role"),
        ("split", {"key": "0:0", "turns": [0]}, "can be split"),
        ("tag", {"keys": ["0:0"], "tags": [""]}, "not empty"),
        ("query", {"name": "x", "query": "bogus:1"}, "bogus"),
        ("ignore", {"findings": [4711]}, "4711|index|finding"),
    ],
)
def test_what_cannot_be_done_is_said_and_nothing_is_done(
    view: ReviewView, op: str, args: Any, says: str
) -> None:
    import re

    assert re.search(says, refused(view, op, **args))
    assert dataset(view).journal.operations == []


def test_facets_count_under_the_rest_of_the_query(view: ReviewView) -> None:
    do(view, "edit", key="0:3", turn=1, text="")
    do(view, "decide", keys=["0:0"], **{"as": "keep"})
    facets = view.facets("severity:error")

    assert dict(facets["severity"]) == {"error": 1, "info": 6} or dict(facets["severity"]).keys() >= {"error"}
    assert dict(facets["code"]) == {"turn.empty": 1}
    assert dict(facets["role"]) == {"assistant": 1}
    assert dict(facets["decision"]) == {"none": 1}
    assert dict(view.facets("")["decision"]) == {"none": 6, "keep": 1}


def test_every_panel_of_a_dataset_hears_of_each_step() -> None:
    ds = rt.load(RECORDS)
    one, other = rt.review(ds), rt.review(ds)
    before = one.changes
    ds.decide(0, "keep")
    assert one.changes == other.changes == before + 1
    one._on_message(None, {"kind": "request", "id": 1, "name": "do", "args": {"op": "undo"}}, [])
    assert one.changes == other.changes == before + 2
    other.close()
    del other
    ds.decide(0, "keep")
    assert one.changes == before + 3


def test_a_panel_opens_where_the_review_was_left(tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in RECORDS), encoding="utf-8")
    ds = rt.load(path)
    panel = rt.review(ds)
    ds.decide(0, "keep")
    panel.filters = "decision:none"
    panel.selection = json.dumps({"key": "0:4", "turn": 2, "n": None})
    assert json.loads(rt.review(ds).selection)["key"] == "0:4"
    again = rt.review(rt.load(path))

    assert json.loads(again.selection) == {"key": "0:4", "turn": 2, "n": None}
    assert again.filters == "decision:none"
    assert json.loads(again.state)["thread"]["id"] == "c4"
    assert json.loads(rt.review(rt.load(path), at="c1").selection)["key"] == "0:1"
    assert rt.review(rt.load(path), filters="").filters == ""


def test_two_threads_lose_no_step() -> None:
    ds = rt.load(RECORDS)
    views = [ReviewView(ds.check()), ReviewView(ds.check())]

    def work(view: ReviewView, number: int) -> None:
        for n in range(20):
            do(view, "edit", key=f"0:{number}", turn=1, text=f"{number} {n}")
            do(view, "tag", keys=["0:5"], tags=[f"t{number}-{n}"])
            view.findings()
            view.conversations()

    threads = [threading.Thread(target=work, args=(view, number)) for number, view in enumerate(views)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(ds.journal.steps) == 80
    assert len(ds.tags(5)) == 40
    assert [ds[at].messages[1].text for at in (0, 1)] == ["0 19", "1 19"]


def test_the_status_says_what_a_sample_says_of_the_whole(view: ReviewView) -> None:
    status = answered(view, "status", {"query": "sample:4@7 -role:system"})["result"]
    assert status["estimate"] == "None of 4 conversations of the sample is decided on yet."
    ids = dataset(view).sample(4, seed=7).ids
    dataset(view).decide(ids[:2], "keep")
    dataset(view).decide(ids[2], "reject")
    said = answered(view, "status", {"query": "sample:4@7"})["result"]["estimate"]

    assert said == "3 read at random, 1 bad: 6.1% to 79.2% (Wilson, 95 %)."
    assert answered(view, "status", {"query": "code:leak"})["result"]["estimate"] is None
    assert answered(view, "status", {})["result"]["estimate"] is None
    assert "sample:" in answered(view, "status", {"query": "sample:x"})["error"]


def test_the_static_twin_says_how_much_is_reviewed() -> None:
    ds = rt.load(RECORDS)
    assert "reviewed" not in rt.review(ds)._static_html()
    ds.decide([0, 1], "keep")
    ds.decide(2, "later")

    assert "3 of 6 reviewed: 2 keep, 1 later" in rt.review(ds)._static_html()


def test_a_sample_is_read_in_the_order_in_which_it_was_drawn(view: ReviewView) -> None:
    order = dataset(view).sample(4, seed=3).ids
    assert [row["id"] for row in view.conversations("sample:4@3")["rows"]] == order
    for name in order[:2]:
        do(view, "decide", keys=[f"0:{name[1:]}"], **{"as": "keep"})
    assert [row["id"] for row in view.conversations("sample:4@3 decision:none")["rows"]] == order[2:]
    assert "passed over" not in answered(view, "status", {"query": "sample:4@3"})["result"]["estimate"]
