"""Conversations as they are typed in a cell: what is written is read as an equal record."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rolethread_nb.sources.cells import CellError, Header, read_cell, read_header, written
from rolethread_nb.sources.roles import ROLES


def turns(cell: str) -> list[tuple[str, str]]:
    return [(message["role"], message["content"]) for message in read_cell(cell)["messages"]]


def of(*texts: str) -> dict[str, Any]:
    return {
        "messages": [
            {"role": ("user", "assistant")[at % 2], "content": text} for at, text in enumerate(texts)
        ]
    }


# ---------------------------------------------------------------- reading


def test_a_conversation_is_typed_as_one_would_type_it() -> None:
    cell = """%%thread The lamp --tags calm,night --id lamp-1
system: You are Mara, a lighthouse keeper.

user: Is the lamp lit?
I cannot see it.

assistant (Mara): *looks up*

It is. Always.
"""
    assert read_cell(cell) == {
        "id": "lamp-1",
        "title": "The lamp",
        "tags": ["calm", "night"],
        "messages": [
            {"role": "system", "content": "You are Mara, a lighthouse keeper."},
            {"role": "user", "content": "Is the lamp lit?\nI cannot see it."},
            {"role": "assistant", "name": "Mara", "content": "*looks up*\n\nIt is. Always."},
        ],
    }


@pytest.mark.parametrize("label", ["user:", "User:", "USER:", "user :"])
def test_the_case_of_a_label_does_not_matter_and_a_blank_before_the_colon_makes_it_none(label: str) -> None:
    if label == "user :":
        with pytest.raises(CellError, match="'user : Hi'"):
            read_cell(f"{label} Hi")
    else:
        assert turns(f"{label} Hi") == [("user", "Hi")]


@pytest.mark.parametrize(
    ("typed", "text"),
    [
        ("user:Hi", "Hi"),
        ("user:  Hi", " Hi"),
        ("user:\n\nHi\n\n", "Hi"),
        ("user: Hi \t", "Hi \t"),
        ("user:\nassistant was the word", "assistant was the word"),
        ("user: a\n\\user: b", "a\nuser: b"),
        ("user: a\n\\\\user: b", "a\n\\user: b"),
        ("user: a\n\\alpha\n\\\\server", "a\n\\alpha\n\\\\server"),
        ("user: assistant: no label", "assistant: no label"),
        ("user:\n\\\nHi\n\\", "\nHi\n"),
        ("user: a\r\nb\r\n", "a\nb"),
        ("user:", ""),
    ],
)
def test_the_text_of_a_turn(typed: str, text: str) -> None:
    assert turns(typed) == [("user", text)]


def test_a_label_in_a_closed_code_fence_is_text() -> None:
    cell = "user: Look:\n```yaml\nuser: root\n\\user: x\n```\nassistant: ```\nsystem: up\n```"

    assert turns(cell) == [
        ("user", "Look:\n```yaml\nuser: root\n\\user: x\n```"),
        ("assistant", "```\nsystem: up\n```"),
    ]


def test_a_code_fence_that_is_never_closed_protects_nothing() -> None:
    assert turns("user: a\n```python\nassistant: b") == [("user", "a\n```python"), ("assistant", "b")]


def test_text_before_the_first_label_is_an_error_with_its_line() -> None:
    with pytest.raises(CellError, match="before the first one stands 'Hello'") as error:
        read_cell("\n%%thread x\n\nHello\nuser: Hi")
    assert error.value.line == 4


# ---------------------------------------------------------------- the line %%thread


@pytest.mark.parametrize(
    ("line", "header"),
    [
        ("", Header()),
        ("the keeper's night", Header("the keeper's night")),
        ("--tags a,b --id 7 --into ds", Header(None, ("a", "b"), "7", "ds")),
        ("--tags a, b lamp", Header("lamp", ("a", "b"))),
        ('--tags="night shift,b" "a  b"', Header("a  b", ("night shift", "b"))),
        ('"--id" --id "--x"', Header("--id", None, "--x")),
    ],
)
def test_what_stands_behind_thread(line: str, header: Header) -> None:
    assert read_header(line) == header


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("--colour red", "no option '--colour'; there are --tags, --id, --into"),
        ("--id", "--id needs a value"),
        ("--id --tags a", "--id needs a value"),
        ("--id a --id b", "--id stands twice"),
    ],
)
def test_a_wrong_option_is_an_error_with_its_line(line: str, says: str) -> None:
    with pytest.raises(CellError, match=says) as error:
        read_cell(f"\n%%thread {line}\nuser: Hi")
    assert error.value.line == 2


# ---------------------------------------------------------------- there and back

LINES = st.sampled_from(
    [
        *("", " ", "\t", "\\", "\\\\", "text", " text", "text "),
        *(
            "user:",
            "User: x",
            "\\user: x",
            "assistant (Mara): hi",
            "system:x",
            "tool ",
            "tool (x):",
            "%%thread",
        ),
        *("```", "```py", "````", "  ```", "\\```", "``` `"),
    ]
)
TEXTS = st.one_of(
    st.lists(LINES, max_size=7).map("\n".join),
    st.text(max_size=12),
    st.text(alphabet=" \\\n`:u", max_size=12),
)
SPEAKERS = st.one_of(st.sampled_from(["Mara", "Mr. (x)", "a): b", " ", ""]), st.text(max_size=4))
MESSAGES = st.fixed_dictionaries(
    {"role": st.sampled_from(ROLES), "content": TEXTS}, optional={"name": SPEAKERS}
)
TITLES = st.one_of(TEXTS, st.sampled_from(["--id", "a  b", 'say "x"', "it's", "a,", "a b"]))
RECORDS = st.fixed_dictionaries(
    {"messages": st.lists(MESSAGES, max_size=4)},
    optional={"id": TITLES, "title": TITLES, "tags": st.lists(TITLES, max_size=3)},
)


@settings(max_examples=400)
@given(RECORDS)
def test_what_is_written_is_read_as_an_equal_record(record: dict[str, Any]) -> None:
    cell = written(record)

    assert cell is None or read_cell(cell) == record
    assert cell is None or read_cell(cell + "\n") == record  # IPython ends each cell with a line break


@settings(max_examples=400)
@given(st.lists(st.one_of(TEXTS, LINES), min_size=1, max_size=4))
def test_every_text_that_can_be_typed_stands_in_a_cell(texts: list[str]) -> None:
    typed = [text for text in texts if text.replace("\n", "").replace("\t", "").isprintable()]

    cell = written(of(*typed))

    assert cell is not None
    assert read_cell(cell) == of(*typed)


@given(st.text(alphabet=" \\\n`:use r(t)%\r", max_size=60))
def test_whatever_a_cell_holds_it_is_read_or_refused_with_a_line(cell: str) -> None:
    try:
        read_cell(cell)
    except CellError as error:
        line = error.line
    else:
        line = 1
    assert 1 <= line <= cell.count("\n") + 1


@pytest.mark.parametrize(
    "record",
    [
        {"messages": [{"role": "user", "content": None}]},
        {"messages": [{"role": "user"}]},
        {"messages": [{"role": "human", "content": "Hi"}]},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}]},
        {"messages": [{"role": "assistant", "content": "", "tool_calls": [{"id": "1"}]}]},
        {"messages": [{"role": "user", "content": "Hi", "weight": 0}]},
        {"messages": [{"role": "user", "content": "a\rb"}]},
        {"messages": [{"role": "user", "content": "\ud800"}]},
        {"messages": ["Hi"]},
        {"messages": [], "source": "forum"},
        {"messages": [], "id": 7},
        {"messages": [], "tags": ["a,b"]},
        {"messages": [], "title": "two\nlines"},
        {"conversations": []},
        {},
        [{"role": "user", "content": "Hi"}],
        "user: Hi",
        None,
    ],
)
def test_what_the_syntax_cannot_hold_is_not_written(record: Any) -> None:
    assert written(record) is None


def test_a_cell_is_laid_out_for_its_reader() -> None:
    record = {
        "id": "7",
        "title": "the keeper's night",
        "tags": ["night shift", "b"],
        "messages": [
            {"role": "user", "content": "Hi\n\nuser: no label\n"},
            {"role": "assistant", "name": "Mara", "content": "```\nuser: x\n```"},
            {"role": "user", "content": ""},
        ],
    }
    assert written(record) == (
        '%%thread the keeper\'s night --tags "night shift,b" --id 7\n'
        "user: Hi\n\n\\user: no label\n\\\n\n"
        "assistant (Mara): ```\nuser: x\n```\n\n"
        "user:"
    )


def test_many_code_fences_that_are_never_closed_are_read_at_once() -> None:
    assert len(read_cell("user: a\n" + "```py\n" * 20_000)["messages"]) == 1
