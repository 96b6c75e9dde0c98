"""Views: what the panel draws, as docs/protocol.md says it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import rolethread_nb as rt
from rolethread_nb.outputs.requests import answered
from rolethread_nb.outputs.thread_view import direction, segments
from rolethread_nb.outputs.views import ReviewView

RECORDS = [
    {
        "id": "a",
        "title": "Harbour",
        "messages": [{"role": "user", "content": "😀 Hi <|im_end|>"}, {"role": "assistant", "content": ""}],
    },
    5,
    {
        "id": "b",
        "messages": [
            {"role": "system", "content": "Be kind. "},
            {"role": "user", "name": "Mara", "content": "שלום", "mood": 1},
            {"role": "assistant", "content": None, "tool_calls": [{"function": {"name": "f"}}]},
            {"role": "tool", "content": "4"},
            "role:",
            {"role": "Kai", "content": 5},
        ],
    },
]


def view(records: Any = RECORDS) -> ReviewView:
    return ReviewView(rt.load(records).check())


def asked(name: str, **args: Any) -> Any:
    reply = answered(view(), name, args)
    assert reply["ok"], reply
    return reply["result"]


def test_a_findings_page_is_as_the_protocol_says() -> None:
    page = asked("findings")

    assert list(page) == "query sort descending offset matched total severities groups rows".split()
    assert (
        page["matched"]
        == page["total"]
        == sum(page["severities"].values())
        == sum(g["count"] for g in page["groups"])
    )
    assert page["rows"][0].keys() == {
        "n",
        "code",
        "severity",
        "key",
        "index",
        "source",
        "line",
        "turn",
        "role",
        "message",
        "decision",
    }
    in_groups = [group["code"] for group in page["groups"] for _ in range(group["count"])]
    assert [row["code"] for row in page["rows"]] == in_groups
    order = [
        (["error", "warning", "info"].index(g["severity"]), -g["count"], g["code"]) for g in page["groups"]
    ]
    assert order == sorted(order)


def test_a_finding_about_a_rejected_record_or_the_dataset_has_no_key() -> None:
    rows = {row["code"]: row for row in asked("findings", limit=500)["rows"]}

    assert (rows["record.not_object"]["key"], rows["record.not_object"]["index"]) == (None, 1)
    assert (rows["role.unknown"]["key"], rows["role.unknown"]["index"]) == (None, None)
    assert rows["turn.empty"]["key"] == "0:0"
    assert rows["turn.empty"]["role"] == "assistant"


def test_severities_count_what_matches_without_the_severity_terms() -> None:
    everything, errors = asked("findings"), asked("findings", query="severity:error")

    assert errors["severities"] == everything["severities"]
    assert errors["matched"] == everything["severities"]["error"]
    assert errors["total"] == everything["total"]


@pytest.mark.parametrize("sort", ["group", "severity", "code", "conversation", "turn", "role"])
@pytest.mark.parametrize("descending", [False, True])
def test_pages_of_any_order_join_without_gap_or_repetition(sort: str, descending: bool) -> None:
    drawn = view()
    whole = drawn.findings(sort=sort, descending=descending)
    pieces = [
        drawn.findings(sort=sort, descending=descending, offset=at, limit=3)["rows"] for at in range(0, 20, 3)
    ]

    assert [row for piece in pieces for row in piece] == whole["rows"]
    assert sorted(row["n"] for row in whole["rows"]) == list(range(whole["total"]))


def test_every_order_is_that_of_what_it_sorts_by_with_the_file_order_behind_it() -> None:
    drawn = view([*RECORDS, *RECORDS[2:]] * 3)
    rows = drawn.findings(limit=500, sort="conversation")["rows"]
    severities = ["error", "warning", "info"]

    def key(sort: str, row: dict[str, Any]) -> Any:
        return severities.index(row["severity"]) if sort == "severity" else row[sort]

    for sort in ("severity", "code", "turn", "role"):
        having = [row for row in rows if key(sort, row) is not None]
        without = [row for row in rows if key(sort, row) is None]
        for descending in (False, True):
            expected = sorted(having, key=lambda row: key(sort, row), reverse=descending)
            assert drawn.findings(sort=sort, descending=descending, limit=500)["rows"] == expected + without
    places = [(row["source"], row["index"]) for row in rows if row["index"] is not None]
    assert places == sorted(places)
    backward = [
        (row["source"], row["index"])
        for row in drawn.findings(sort="conversation", descending=True, limit=500)["rows"]
    ]
    assert [place for place in backward if place[1] is not None] == sorted(places, reverse=True)
    assert all(index is None for _, index in backward[len(places) :])


@pytest.mark.parametrize("descending", [False, True])
def test_lines_are_the_findings_with_a_heading_above_each_conversation(descending: bool) -> None:
    drawn = view([*RECORDS, *RECORDS[2:]] * 3)
    findings = drawn.findings(sort="conversation", descending=descending, limit=500)["rows"]
    lines = drawn.lines(descending=descending, limit=500)
    pieces = [
        drawn.lines(descending=descending, offset=at, limit=4)["rows"] for at in range(0, lines["matched"], 4)
    ]

    assert [row for row in lines["rows"] if "head" not in row] == findings
    assert [row for piece in pieces for row in piece] == lines["rows"]
    assert len(lines["rows"]) == lines["matched"]
    assert lines["total"] == len(findings)
    for at, head in enumerate(lines["rows"]):
        if "head" in head:
            below = lines["rows"][at + 1 : at + 1 + head["count"]]
            assert {(row["source"], row["index"]) for row in below} == {(head["source"], head["index"])}
    assert (lines["rows"][0]["title"], lines["rows"][0]["id"]) == ("Harbour", "a") or descending
    for row in findings:
        near = drawn.answer("lines", {"near": row["n"], "limit": 3, "descending": descending})
        assert row in near["rows"]
        assert near["offset"] % 3 == 0


def test_ignored_findings_are_listed_apart() -> None:
    drawn = view()
    before = drawn.findings(limit=500)["rows"]
    answered(drawn, "do", {"op": "ignore", "findings": [before[0]["n"]]})
    page = answered(drawn, "ignored", {})["result"]

    assert page["rows"] == [before[0]]
    assert (page["matched"], page["total"]) == (1, 1)
    assert before[0] not in drawn.findings(limit=500)["rows"]
    answered(drawn, "do", {"op": "restore", "findings": [before[0]["n"]]})
    assert answered(drawn, "ignored", {})["result"]["rows"] == []
    assert drawn.findings(limit=500)["rows"] == before


def test_a_conversations_page_is_as_the_protocol_says() -> None:
    page = asked("conversations")

    assert [row["key"] for row in page["rows"]] == ["0:0", "0:2"]
    assert page["rows"][0] | {"words": 0} == {
        "key": "0:0", "index": 0, "id": "a", "title": "Harbour", "turns": 2, "words": 0, "errors": 2, "warnings": 0, "infos": 0,
        "decision": None, "note": "", "tags": [],
    }  # fmt: skip
    for sort, first in (("file", "0:0"), ("turns", "0:2"), ("findings", "0:2")):
        assert asked("conversations", sort=sort)["rows"][0]["key"] == first
        assert asked("conversations", sort=sort, descending=True)["rows"][-1]["key"] == first


def test_a_thread_is_as_the_protocol_says() -> None:
    thread = asked("conversation", key="0:0")

    assert (thread["key"], thread["index"], thread["turn_count"], thread["from"]) == ("0:0", 0, 2, 0)
    assert [turn["segments"] for turn in thread["turns"]] == [[["😀 Hi ", []], ["<|im_end|>", [0]]], []]
    assert [turn["issues"] for turn in thread["turns"]] == [[0], [1]]
    assert [issue["code"] for issue in thread["issues"]] == ["leak.control_token", "turn.empty"]
    assert thread["issues"][0]["before"] == "😀 Hi <|im_end|>"
    assert thread["turns"][1]["note"] == "empty text"

    odd = asked("conversation", key="0:2")["turns"]
    assert [turn["kind"] for turn in odd] == ["text", "text", "call", "result", "not_object", "other"]
    assert (odd[1]["speaker"], odd[1]["dir"], odd[1]["extra"]) == ("Mara", "rtl", [["mood", "1"]])
    assert [call["name"] for call in odd[2]["calls"]] == ["f"]
    assert (odd[5]["role"], odd[5]["role_raw"]) == (None, "Kai")
    assert "role:" in odd[4]["note"]


def test_a_thread_is_paged() -> None:
    thread = asked("conversation", key="0:2", **{"from": 2, "count": 2})

    assert [turn["turn"] for turn in thread["turns"]] == [2, 3]
    assert thread["turn_count"] == 6
    assert asked("conversation", key="0:2", **{"from": 99})["turns"] == []


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("conversation", {"key": "0:1"}),
        ("conversation", {"key": "0:99"}),
        ("conversation", {"key": "7:0"}),
        ("conversation", {"key": "x"}),
        ("conversation", {"key": "²:0"}),
        ("conversation", {}),
        ("findings", {"query": "colour:red"}),
        ("findings", {"query": "words:many"}),
        ("findings", {"sort": "mood"}),
        ("conversations", {"sort": "mood"}),
        ("conversations", {"query": "severity:fatal"}),
        ("weather", {}),
    ],
)
def test_a_request_that_cannot_be_met_gets_a_sentence(name: str, args: dict[str, Any]) -> None:
    reply = answered(view(), name, args)

    assert reply["ok"] is False
    assert reply["error"].endswith(".")
    assert "Error" not in reply["error"]


@pytest.mark.parametrize("odd", [-1, None, "5", 1e300, float("nan"), 2**80, [], {"a": 1}])
def test_odd_arguments_are_answered_too(odd: Any) -> None:
    for name in ("findings", "lines", "ignored", "facets", "conversations", "conversation", "charts"):
        for argument in ("offset", "limit", "from", "count", "query", "key", "sort"):
            reply = answered(view(), name, {"key": "0:0", argument: odd})
            assert set(reply) in ({"ok", "result"}, {"ok", "error"})
            assert "Error" not in reply.get("error", "")
            json.dumps(reply)


def test_one_page_holds_at_most_500_rows() -> None:
    turns = [{"role": ("user", "assistant")[n % 2], "content": " x "} for n in range(700)]

    assert len(answered(view([{"messages": turns}]), "findings", {"limit": 9999})["result"]["rows"]) == 500


def test_there_is_a_state_for_anything() -> None:
    for records in ([], [5], [{"messages": []}], RECORDS, b"\x00\xff", b""):
        state = view(records).state()
        assert list(state) == "header findings conversations thread charts roles empty status".split()
        assert json.loads(json.dumps(state, allow_nan=False)) == state
    assert view([{"messages": []}]).state()["thread"]["turns"] == []


@settings(deadline=None, max_examples=80, suppress_health_check=list(HealthCheck))
@given(st.text(max_size=12), st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), max_size=4))
def test_segments_cut_a_text_into_pieces_that_make_it_up_again(
    text: str, drawn: list[tuple[int, int]]
) -> None:
    spans = [
        (min(start, end, len(text)), min(max(start, end), len(text)), number)
        for number, (start, end) in enumerate(drawn)
    ]
    pieces = segments(text, spans)

    assert "".join(piece for piece, _ in pieces) == text
    assert all(piece for piece, _ in pieces)
    cut = len(text) // 2
    assert any(
        "".join(piece for piece, _ in segments(text, spans, cut)[:at]) == text[:cut] for at in range(99)
    )
    for start, end, number in spans:
        assert "".join(piece for piece, marks in pieces if number in marks) == text[start:end]


def test_the_direction_is_that_of_the_first_strong_letter() -> None:
    assert [direction(text) for text in ("שלום abc", "1. سلام", "abc שלום", "", "42 …")] == [
        "rtl",
        "rtl",
        "ltr",
        "ltr",
        "ltr",
    ]


def test_a_page_is_found_by_a_row_that_is_on_it() -> None:
    records = [
        {
            "id": f"c{n}",
            "messages": [{"role": "user", "content": f"x{n} "}, {"role": "assistant", "content": "y"}],
        }
        for n in range(250)
    ]
    view = ReviewView(rt.load(records).check(select="text"))
    page = view.answer("findings", {"near": 123, "limit": 50})
    assert page["offset"] == 100
    assert 123 in [row["n"] for row in page["rows"]]
    page = view.answer("conversations", {"near": "0:249", "limit": 100})
    assert page["offset"] == 200
    assert page["rows"][-1]["key"] == "0:249"
    assert view.answer("findings", {"near": 123, "query": "code:leak", "limit": 50})["offset"] == 0


def test_texts_are_found_as_they_are_now_after_every_step() -> None:
    records = [
        {"id": f"c{n}", "messages": [{"role": "user", "content": f"stone {n} "}]} for n in range(5)
    ]  # a blank at the end: one finding each
    ds = rt.load(records)
    drawn = ReviewView(ds.check())

    def found(query: str) -> list[int]:
        return [row["index"] for row in drawn.findings(query)["rows"]]

    assert found('text:"stone 3"') == [3]
    ds.edit(3, 0, text="river ")
    assert (found('text:"stone 3"'), found("text:river")) == ([], [3])
    ds.exclude(1)
    assert found("text:stone") == [0, 2, 4]
    ds.undo()
    ds.undo()
    assert (found("text:stone"), found("text:river")) == ([0, 1, 2, 3, 4], [])
    ds.redo()
    assert found("text:river") == [3]


def test_charts_are_those_of_the_dataset_as_it_is_now() -> None:
    ds = rt.load(RECORDS)
    drawn = ReviewView(ds.check())
    before = drawn.charts()

    assert drawn.charts() == before
    ds.exclude("a")
    assert drawn.charts() != before
    ds.undo()
    assert drawn.charts() == before
