"""The thread: what travels of a conversation, in pages, what a turn holds besides its text, and its text for the clipboard."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import real_files
from hypothesis import given, settings
from hypothesis import strategies as st

import rolethread_nb as rt
from rolethread_nb.outputs.conversation_view import ConversationView
from rolethread_nb.outputs.literal_json import indented, laid_out
from rolethread_nb.outputs.requests import answered
from rolethread_nb.outputs.speakers import HUES, hue_of, initials_of

CALLS = [
    {"role": "user", "content": "High water?"},
    {
        "role": "assistant",
        "content": None,
        "reasoning_content": "Two calls.",
        "tool_calls": [
            {
                "id": "a",
                "type": "function",
                "function": {"name": "tide", "arguments": '{"day": 3, "n": 123456789012345678901234567890}'},
            },
            {"id": "b", "type": "function", "function": {"name": "wind", "arguments": {"place": "Lisbon"}}},
        ],
    },
    {"role": "tool", "tool_call_id": "b", "content": "NW 4"},
    {"role": "tool", "tool_call_id": "a", "content": "04:10"},
    {"role": "assistant", "content": "At 04:10."},
]


def opened(*records: Any, **options: Any) -> ConversationView:
    return ConversationView(rt.load(list(records)).check(), **options)


def turns(*messages: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = opened({"id": "c", "messages": list(messages)}).page("0:0")["turns"]
    return found


def long(count: int, text: str = "Where does the river go? ", **other: Any) -> dict[str, Any]:
    messages = [{"role": ("user", "assistant")[n % 2], "content": f"{text}{n}"} for n in range(count)]
    return {"id": "long", "messages": messages, **other}


# ---------------------------------------------------------------------- pages


def test_pages_of_a_long_conversation_join_without_gap_or_repetition() -> None:
    view = opened(long(2_500, "x <|im_end|> "))
    seen: list[int] = []
    found: list[int] = []
    while len(seen) < 2_500:
        page = view.page("0:0", len(seen))
        assert len(page["turns"]) <= 1_000
        assert len(json.dumps(page)) < 1_100_000
        assert page["turn_count"] == 2_500
        for turn in page["turns"]:
            marks = {at for _, positions in turn["segments"] for at in positions}
            assert marks <= set(turn["issues"])
            assert all(page["issues"][at]["turn"] == turn["turn"] for at in turn["issues"])
        seen += [turn["turn"] for turn in page["turns"]]
        found += [issue["n"] for issue in page["issues"] if issue["turn"] is not None]

    assert seen == list(range(2_500))
    assert len(found) == len(set(found))
    whole = [issue for issue in page["issues"] if issue["turn"] is None]
    assert len(found) + len(whole) == page["finding_count"]


def test_what_is_saved_with_a_notebook_stays_small_whatever_the_conversation() -> None:
    for text in ("word " * 400, "<|im_end|>" * 10, "أين يصب النهر؟ " * 40):
        page = opened(long(3_000, text)).first_page("0:0")
        assert 0 < len(page["turns"]) <= 200
        assert len(json.dumps(page)) < 110_000


def test_a_turn_that_is_larger_than_a_page_is_sent_alone() -> None:
    page = opened(long(3, "x" * 2_000_000)).page("0:0")

    assert [turn["turn"] for turn in page["turns"]] == [0]
    assert len(page["turns"][0]["segments"][0][0]) == 2_000_001


def test_a_conversation_opens_at_a_turn_with_some_before_it() -> None:
    page = opened(long(3_000)).first_page("0:0", 1_500)

    assert page["from"] == 1_480
    assert 1_500 in [turn["turn"] for turn in page["turns"]]


def test_a_page_tells_words_tokens_and_quoted_speech_of_each_turn() -> None:
    text = 'She said "south" and left.'
    view = opened({"messages": [{"role": "user", "content": text}, {"role": "assistant", "content": ""}]})
    page = view.page("0:0")

    assert [(turn["words"], turn["quoted"]) for turn in page["turns"]] == [(5, round(700 / 26)), (0, 0)]
    assert page["turns"][0]["tokens"] > 4
    assert page["exact"] is False


def test_tokens_are_exact_with_a_tokenizer() -> None:
    records = [{"messages": [{"role": "user", "content": "abc"}, {"role": "assistant", "content": "de"}]}]
    thread = rt.Thread(rt.load(records), tokenizer=len)
    page = json.loads(thread.state)["thread"]

    assert page["exact"] is True
    assert [turn["tokens"] for turn in page["turns"]] == [3, 2]


@pytest.mark.parametrize("path", real_files(), ids=lambda path: path.name)
def test_the_segments_of_every_turn_of_real_files_are_its_text(path: Path) -> None:
    dataset = rt.load(path)
    view = ConversationView(dataset.check())
    for conversation in dataset[:: max(1, len(dataset) // 25)]:
        page = view.page(conversation.key)
        json.dumps(page, allow_nan=False).encode()
        for turn, message in zip(page["turns"], conversation.messages, strict=False):
            assert "".join(piece for piece, _ in turn["segments"]) == message.text
            assert set(turn["issues"]) >= {at for _, marks in turn["segments"] for at in marks}


def test_no_repair_is_shown_where_a_layout_has_one_place_for_each_turn() -> None:
    page = opened({"prompt": "User: Hi\nUser: You there?\nTIM:", "completion": " Yes."}).page("0:0")

    (issue,) = page["issues"]
    assert (issue["code"], issue["repair"], issue["before"]) == ("order.repeat", None, None)
    assert [turn["side"] for turn in page["turns"]] == [None, None, None]


# ---------------------------------------------------------------------- what a turn holds


def test_calls_and_results_are_joined_by_their_ids() -> None:
    _, calling, second, first, _ = turns(*CALLS)

    assert [(call["name"], call["id"], call["answer"]) for call in calling["calls"]] == [
        ("tide", "a", 3),
        ("wind", "b", 2),
    ]
    assert second["results"] == [{"name": "wind", "id": "b", "call": 1, "text": None}]
    assert first["results"] == [{"name": "tide", "id": "a", "call": 1, "text": None}]
    assert calling["note"] == ""
    assert first["extra"] == calling["extra"] == []


def test_arguments_are_laid_out_token_for_token() -> None:
    calls = turns(*CALLS)[1]["calls"]

    assert calls[0]["arguments"] == '{\n  "day": 3,\n  "n": 123456789012345678901234567890\n}'
    assert calls[1]["arguments"] == '{\n  "place": "Lisbon"\n}'
    assert laid_out("{not json") == "{not json"
    assert indented('{"a":[],"b":{},"c":"x\\u00e9, {y}:"}') == (
        '{\n  "a": [],\n  "b": {},\n  "c": "x\\u00e9, {y}:"\n}'
    )


def test_results_without_ids_go_to_the_call_before_them() -> None:
    record = {
        "conversations": [
            {"from": "human", "value": "High water?"},
            {"from": "function_call", "value": '{"name": "tide", "arguments": {}}'},
            {"from": "observation", "value": "04:10"},
        ]
    }
    page = opened(record).page("0:0")

    assert page["turns"][2]["results"] == [{"name": "tide", "id": None, "call": 1, "text": None}]
    assert "".join(piece for piece, _ in page["turns"][1]["segments"]).startswith('{"name"')


def test_a_result_in_a_part_has_its_text() -> None:
    use = {"type": "tool_use", "id": "t", "name": "tide", "input": {"day": 3}}
    result = {"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": "04:10"}]}
    calling, answering = turns(
        {"role": "assistant", "content": [{"type": "text", "text": "Let me look."}, use]},
        {"role": "user", "content": [result]},
    )

    assert [(call["name"], call["answer"]) for call in calling["calls"]] == [("tide", 1)]
    assert answering["results"] == [{"name": "tide", "id": "t", "call": 0, "text": "04:10"}]
    assert "parts" not in calling


def test_reasoning_is_told_from_the_answer() -> None:
    beside, within, part = turns(
        {"role": "assistant", "content": "South.", "reasoning_content": "It flows down."},
        {"role": "assistant", "content": "<think>\nHm.\n</think>\n\nSouth. <think>no</think>"},
        {
            "role": "assistant",
            "content": [{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "S."}],
        },
    )

    assert beside["reasoning"] == [["reasoning_content", "It flows down."]]
    assert (
        "".join(text for text, _ in within["segments"][: within["thought"]]) == "<think>\nHm.\n</think>\n\n"
    )
    assert part["reasoning"] == [["thinking", "Hm."]]
    assert "thought" not in beside
    assert "thought" not in turns({"role": "user", "content": "<think>a</think> b"})[0]


def test_parts_say_their_type_size_and_address_and_nothing_is_fetched() -> None:
    data = "data:image/png;base64," + "A" * 4_000
    (turn,) = turns(
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "See:"},
                {
                    "type": "image_url",
                    "image_url": {"url": "https://harbour.example/a.png", "detail": "high"},
                },
                {"type": "image_url", "image_url": {"url": data}},
                {"type": "input_audio", "input_audio": {"data": "A" * 40_000, "format": "wav"}},
                {"type": "image", "source": {"type": "base64", "media_type": "image/jpeg", "data": "A" * 8}},
                {"type": "image"},
                {"type": "image_url", "image_url": {"url": "javascript:alert(1)"}},
            ],
        }
    )

    assert turn["parts"] == [
        {"type": "image_url", "facts": ["high"], "where": "https://harbour.example/a.png"},
        {"type": "image_url", "facts": ["image/png", "3,000 bytes"], "where": ""},
        {"type": "input_audio", "facts": ["wav", "30 kB"], "where": ""},
        {"type": "image", "facts": ["image/jpeg", "6 bytes"], "where": ""},
        {"type": "image", "facts": [], "where": '{"type": "image"}'},
        {"type": "image_url", "facts": [], "where": "javascript:alert(1)"},
    ]


# ---------------------------------------------------------------------- speakers


def test_a_speaker_has_the_same_colour_everywhere_and_in_every_session() -> None:
    here = [hue_of(name) for name in ("Kai", "Captain Mara", "אברהם", "")]
    program = "from rolethread_nb.outputs.speakers import hue_of; print([hue_of(n) for n in ('Kai', 'Captain Mara', 'אברהם', '')])"
    there = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout

    assert str(here) == there.strip()
    assert hue_of(None) is None
    assert len({hue_of(f"speaker {n}") for n in range(60)}) == HUES


@pytest.mark.parametrize(
    ("name", "initials"),
    [("Captain Mara", "CM"), ("kai", "K"), ("User 1", "U1"), ("كاي مارا", "ك"), ("船长", "船"), ("🦊", "🦊"), ("*", "*"), ("", "")],
)  # fmt: skip
def test_initials_stand_for_a_name(name: str, initials: str) -> None:
    assert initials_of(name) == initials


# ---------------------------------------------------------------------- copying


def copied(view: ConversationView, turn: int | None, form: str) -> str:
    reply = answered(view, "copy", {"key": "0:0", "turn": turn, "form": form})
    assert reply["ok"], reply
    text: str = reply["result"]["text"]
    return text


def test_a_copy_as_json_is_the_record_token_for_token(tmp_path: Path) -> None:
    line = '{"id":"c","n":123456789012345678901234567890,"messages":[{"role":"user","content":"caf\\u00e9","w":1.50}]}'
    (tmp_path / "c.jsonl").write_text(line)
    view = ConversationView(rt.load(tmp_path / "c.jsonl").check())

    assert "".join(copied(view, None, "json").split()) == line
    assert copied(view, 0, "json") == '{\n  "role": "user",\n  "content": "caf\\u00e9",\n  "w": 1.50\n}'


def test_a_copy_as_markdown_has_a_heading_for_each_turn_and_fences_that_hold() -> None:
    fenced = {"role": "assistant", "content": None, "function_call": {"name": "run", "arguments": "````x"}}
    view = opened(
        {
            "id": "c",
            "title": "Tides",
            "messages": [{"role": "user", "name": "Kai", "content": "*Hi* "}, fenced],
        }
    )

    assert copied(view, None, "markdown") == (
        "# Tides\n\n### 0 · user · Kai\n\n*Hi* \n\n### 1 · assistant\n\nCalls `run`:\n\n`````json\n````x\n`````"
    )
    assert copied(view, 0, "markdown") == "### 0 · user · Kai\n\n*Hi* "


@pytest.mark.parametrize(
    "record",
    [
        {"prompt": "User: Hi\nTIM:", "completion": " Yes."},
        {"instruction": "Say hi.", "input": "", "output": "Hi."},
        {"messages": [{"role": "user", "content": "Hi"}], "label": True},
        [{"role": "user", "content": "Hi"}, 5],
    ],
)
def test_every_layout_can_be_copied(record: Any) -> None:
    view = opened(record)
    assert json.loads(copied(view, None, "json")) == record
    for turn in range(view.page("0:0")["turn_count"]):
        json.loads(copied(view, turn, "json"))
        assert copied(view, turn, "markdown").startswith(f"### {turn} · ")


@pytest.mark.parametrize("args", [{"turn": 9}, {"form": "pdf"}, {"key": "0:9"}, {"key": "x"}])
def test_what_cannot_be_copied_is_said_in_a_sentence(args: dict[str, Any]) -> None:
    reply = answered(opened(long(2)), "copy", {"key": "0:0", "turn": 0, "form": "json", **args})
    assert reply["ok"] is False
    assert reply["error"].endswith(".")
    assert "Error" not in reply["error"]


# ---------------------------------------------------------------------- the widget


def test_the_widget_opens_at_a_turn_by_its_address() -> None:
    dataset = rt.load([long(2), {**long(900), "id": "deep#1"}])
    thread = rt.Thread(dataset, at="deep#1#700")

    assert json.loads(thread.selection) == {"key": "0:1", "turn": 700}
    assert 700 in [turn["turn"] for turn in json.loads(thread.state)["thread"]["turns"]]
    assert json.loads(rt.Thread(dataset, at="deep#1").selection)["turn"] is None  # an id may hold the sign
    assert json.loads(rt.Thread(dataset, at=1).selection)["key"] == "0:1"


@pytest.mark.parametrize("at", ["long#2", "long#x", "short", "short#1", 7, "#1", ""])
def test_an_address_that_is_none_is_refused_in_a_sentence(at: int | str) -> None:
    with pytest.raises(rt.QueryError) as said:
        rt.Thread(rt.load([long(2)]), at=at)
    assert str(said.value).endswith(".")


def test_the_widget_of_a_dataset_without_conversations_says_so() -> None:
    thread = rt.Thread(rt.load([5]))

    assert json.loads(thread.state)["thread"] is None
    assert "No conversation to show." in thread._static_html()


# ---------------------------------------------------------------------- hostile text

HOSTILE = [
    "<script>alert(1)</script>",
    "x" * 1_000_000,
    "e" + "\u0301" * 10_000,
    "\u202e\u2066\u200b right to left",
    "<think>" * 20_000,
    "<think>a</think>" * 20_000,
    '{"a":' * 5_000,
    "\x00\ufffe\u2028",
]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: text[:12])
def test_hostile_text_is_answered_and_comes_back_as_it_is(text: str) -> None:
    message = {
        "role": "assistant",
        "name": text[:5_000],
        "content": text,
        "reasoning_content": text,
        "other": [text],
    }
    view = opened(
        {
            "id": "c",
            "messages": [
                message,
                {
                    "role": "tool",
                    "content": text,
                    "tool_calls": [{"function": {"name": text, "arguments": text}}],
                },
            ],
        }
    )
    reply = answered(view, "conversation", {"key": "0:0"})

    assert reply["ok"], reply
    json.dumps(reply, allow_nan=False).encode()
    assert "".join(piece for piece, _ in reply["result"]["turns"][0]["segments"]) == text
    assert copied(view, 0, "markdown")
    assert copied(view, None, "json")


def test_deep_nesting_is_said_and_breaks_nothing() -> None:
    deep: Any = "end"
    for _ in range(40):
        deep = {"a": [deep]}
    page = opened(
        {
            "messages": [
                {"role": "user", "content": deep, "other": deep},
                {
                    "role": "assistant",
                    "content": [{"type": "image", "image": deep}],
                    "tool_calls": [{"function": {"name": "f", "arguments": deep}}],
                },
            ]
        }
    ).page("0:0")

    assert len(json.dumps(page)) < 200_000


@settings(deadline=None, max_examples=20)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from(
                    "type text id name function arguments image_url url data source tool_use_id content input".split()
                ),
                inner | st.sampled_from("text image_url tool_use tool_result thinking".split()),
                max_size=5,
            )
        ),
        max_leaves=12,
    )
)
def test_whatever_a_message_holds_it_is_answered(held: Any) -> None:
    for key in ("content", "tool_calls", "function_call", "reasoning_content", "tool_call_id"):
        message = {"role": "assistant", "content": "x", key: held}
        view = opened(
            {"messages": [{"role": "user", "content": "Hi"}, message, {"role": "tool", "content": held}]}
        )
        reply = answered(view, "conversation", {"key": "0:0"})
        assert reply["ok"], reply
        json.dumps(reply)
        for form in ("json", "markdown"):
            assert answered(view, "copy", {"key": "0:0", "turn": 1, "form": form})["ok"]
