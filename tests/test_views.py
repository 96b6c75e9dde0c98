"""Views: what the panel draws, as docs/protocol.md says it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import real_files
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


def test_a_conversations_page_is_as_the_protocol_says() -> None:
    page = asked("conversations")

    assert [row["key"] for row in page["rows"]] == ["0:0", "0:2"]
    assert page["rows"][0] | {"words": 0} == {
        "key": "0:0", "index": 0, "id": "a", "title": "Harbour", "turns": 2, "words": 0, "errors": 2, "warnings": 0, "infos": 0,
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
    assert odd[2]["extra"][0][0] == "tool_calls"
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
    for name in ("findings", "conversations", "conversation", "charts"):
        for argument in ("offset", "limit", "from", "count", "query", "key", "sort"):
            reply = answered(view(), name, {"key": "0:0", argument: odd})
            assert set(reply) in ({"ok", "result"}, {"ok", "error"})
            assert "Error" not in reply.get("error", "")
            json.dumps(reply)


def test_one_page_holds_at_most_500_rows_and_200_turns() -> None:
    turns = [{"role": ("user", "assistant")[n % 2], "content": " x "} for n in range(700)]
    drawn = view([{"messages": turns}])

    assert len(answered(drawn, "findings", {"limit": 9999})["result"]["rows"]) == 500
    assert len(answered(drawn, "conversation", {"key": "0:0", "count": 9999})["result"]["turns"]) == 200


def test_there_is_a_state_for_anything() -> None:
    for records in ([], [5], [{"messages": []}], RECORDS, b"\x00\xff", b""):
        state = view(records).state()
        assert list(state) == "header findings conversations thread charts roles empty".split()
        assert json.loads(json.dumps(state, allow_nan=False)) == state
    assert view([{"messages": []}]).state()["thread"]["turns"] == []


@pytest.mark.parametrize("path", real_files(), ids=lambda path: path.name)
def test_the_segments_of_every_turn_of_real_files_are_its_text(path: Path) -> None:
    dataset = rt.load(path)
    drawn = ReviewView(dataset.check())
    json.dumps(drawn.state(), allow_nan=False).encode()
    for conversation in dataset[:: max(1, len(dataset) // 25)]:
        thread = drawn.thread(conversation.key)
        for turn, message in zip(thread["turns"], conversation.messages, strict=False):
            assert "".join(piece for piece, _ in turn["segments"]) == message.text
            assert set(turn["issues"]) >= {at for _, marks in turn["segments"] for at in marks}


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


def test_no_repair_is_shown_where_a_layout_has_one_place_for_each_turn() -> None:
    record = {"prompt": "User: Hi\nUser: You there?\nTIM:", "completion": " Yes."}
    view = ReviewView(rt.load([record]).check())
    thread = view.thread("0:0")

    (issue,) = thread["issues"]
    assert (issue["code"], issue["repair"], issue["before"], issue["after"]) == (
        "order.repeat",
        None,
        None,
        None,
    )
    assert [turn["side"] for turn in thread["turns"]] == [None, None, None]
