"""Layouts of the user's own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import rolethread_nb as rt

FORUM = {"posts": [{"by": "guest", "body": "Hi "}, {"by": "host", "body": "Ho"}], "kept": 1.10}


@pytest.fixture(autouse=True)
def _none_is_left() -> Iterator[None]:
    yield
    rt.forget_format("forum")


def read_forum(record: Any) -> list[rt.Turn] | None:
    if not isinstance(record, dict) or "posts" not in record:
        return None
    roles = {"guest": "user", "host": "assistant"}
    return [
        rt.Turn(roles[post["by"]], f"/posts/{at}/body", name=post["by"])
        for at, post in enumerate(record["posts"])
    ]


def test_a_layout_of_ones_own_is_read_checked_and_repaired_in_its_place() -> None:
    rt.register_format("forum", read_forum)
    dataset = rt.load([FORUM])

    assert [(m.role, m.text, m.name) for m in dataset[0]] == [
        ("user", "Hi ", "guest"),
        ("assistant", "Ho", "host"),
    ]
    assert dataset[0].format == "forum"
    (issue,) = dataset.check()
    assert (issue.code, issue.path) == ("text.whitespace", "/posts/0/body")
    dataset.check().repairs().apply()
    assert dataset[0].raw == {**FORUM, "posts": [{"by": "guest", "body": "Hi"}, FORUM["posts"][1]]}


def test_it_is_asked_before_ours_and_only_while_it_is_registered() -> None:
    record = {"posts": [], "messages": [{"role": "user", "content": "Hi"}]}
    rt.register_format("forum", read_forum)
    assert rt.load([record])[0].format == "forum"
    rt.forget_format("forum")
    assert rt.load([record])[0].format == "messages"


def test_messages_will_do_but_cannot_be_repaired_in_the_record() -> None:
    @rt.register_format("forum")
    def read(record: Any) -> list[dict[str, str]] | None:
        return [
            {"role": "user", "content": record["a"]},
            {"role": "assistant", "content": record["b"].upper()},
        ]

    dataset = rt.load([{"a": "Hi ", "b": "ho"}])
    assert [(m.role, m.text) for m in dataset[0]] == [("user", "Hi "), ("assistant", "HO")]
    report = dataset.check()
    assert report.counts == {"text.whitespace": 1}
    report.repairs(unsafe=True).apply()
    assert dataset[0].raw == {"a": "Hi ", "b": "ho"}


@pytest.mark.parametrize(
    ("path", "text"),
    [("/posts/7/body", None), ("/posts/x", None), ("/posts/0/body/x", None), ("/nope", "said")],
)
def test_a_path_that_leads_nowhere_refuses_the_record_in_a_sentence(path: str, text: str | None) -> None:
    rt.register_format("forum", lambda record: [rt.Turn("user", path, text)])
    (issue,) = rt.load([FORUM]).check(select="record.no_messages")

    assert (
        issue.message.startswith("no list of turns under a known name")
        or "the format forum stopped with" in issue.message
    )
    assert path in issue.message


def test_an_error_in_it_refuses_the_record_and_names_the_error() -> None:
    rt.register_format("forum", lambda record: record["absent"])
    dataset = rt.load([FORUM, {"messages": [{"role": "user", "content": "Hi"}]}])

    assert len(dataset) == 1
    (issue,) = dataset.check(select="record.no_messages")
    assert "the format forum stopped with KeyError: 'absent'" in issue.message


@pytest.mark.parametrize("name", ["messages", "Forum", "", "a b", "same", "csv"])
def test_a_name_that_is_taken_or_none_is_refused(name: str) -> None:
    with pytest.raises(rt.QueryError, match=r"built in|no name"):
        rt.register_format(name, read_forum)


def test_running_the_cell_again_replaces_it() -> None:
    rt.register_format("forum", lambda record: None)
    rt.register_format("forum", read_forum)
    assert rt.load([FORUM], format="forum")[0].format == "forum"
