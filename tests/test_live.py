"""A report that keeps up says what a new check would say, but for what only the whole dataset can show."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rolethread_nb as rt
from rolethread_nb.checks.catalogue import rules
from rolethread_nb.core.live import Live
from rolethread_nb.core.report import Report

OF_ALL = {rule.code for rule in rules() if rule.wave is not None}
TEXTS = ["", " a", "b ", "word", "<|im_end|>", "{{user}} said"]


def record(*texts: str) -> dict[str, Any]:
    roles = ("user", "assistant")
    return {"messages": [{"role": roles[n % 2], "content": text} for n, text in enumerate(texts)]}


def found(report: Report) -> list[tuple[Any, ...]]:
    """What a report says of single conversations."""
    return [
        (i.code, i.severity, i.id, i.turn, i.start, i.end, i.message, json.dumps(dict(i.evidence)))
        for i in report
        if i.code not in OF_ALL
    ]


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("edit"), st.integers(0, 5), st.integers(0, 1), st.sampled_from(TEXTS)),
        st.tuples(st.just("split"), st.integers(0, 5)),
        st.tuples(st.just("exclude"), st.integers(0, 5)),
        st.tuples(st.just("undo")),
        st.tuples(st.just("repair")),
    ),
    max_size=6,
)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.lists(st.sampled_from(TEXTS), min_size=2, max_size=4), min_size=3, max_size=6), STEPS)
def test_it_says_what_a_new_check_says_of_every_conversation(
    said: list[list[str]], steps: list[tuple[Any, ...]]
) -> None:
    ds = rt.load([record(*texts) for texts in said])
    live = Live(ds.check())
    for name, *args in steps:
        at = args[0] % len(ds) if args and len(ds) else 0
        if name == "undo":
            ds.undo()
        elif name == "repair":
            ds.check().repairs().apply()
        elif not len(ds):
            continue
        elif name == "edit":
            ds.edit(at, args[1] % len(ds[at]), text=args[2])
        elif name == "split" and len(ds[at]) > 1:
            ds.split(at, 1)
        elif name == "exclude":
            ds.exclude(at)
        live.follow()

        assert found(live.report) == found(ds.check())
        numbers = live.report.findings.numbered["n"]
        assert numbers.n_unique() == len(numbers)
        assert [live.report.issue(n).code for n in numbers] == [issue.code for issue in live.report]


def test_a_finding_keeps_its_number_while_others_come_and_go() -> None:
    ds = rt.load([record(" a", "b"), record("c ", "d"), record("", "f")])
    live = Live(ds.check())
    numbers = {
        (i.id, i.code, i.turn): n
        for n, i in zip(live.report.findings.numbered["n"], live.report, strict=True)
    }
    ds.edit(1, 1, text="d ")
    assert live.follow()
    assert not live.follow()
    after = {
        (i.id, i.code, i.turn): n
        for n, i in zip(live.report.findings.numbered["n"], live.report, strict=True)
    }

    assert {key: after[key] for key in numbers} == numbers
    assert len(after) == len(numbers) + 1
    assert live.checked_anew == 1


def test_what_is_said_of_the_whole_dataset_stays_until_the_next_check() -> None:
    ds = rt.load([record("a", "b"), record("a", "b"), record("c", "d")])
    live = Live(ds.check())
    assert live.report.counts["dup.exact"] == 1
    ds.edit(2, 0, text="e")
    live.follow()
    assert live.report.counts["dup.exact"] == 1
    ds.exclude(1)
    live.follow()
    assert "dup.exact" not in live.report.counts


def test_an_ignored_finding_leaves_and_comes_back() -> None:
    ds = rt.load([record(" a", "b"), record("c ", "d")])
    live = Live(ds.check())
    issue = live.report.issue(0)
    ds.ignore(issue)
    live.follow()

    assert [i.id for i in live.report] == [ds[1].id]
    assert live.ignored == [0]
    with pytest.raises(IndexError, match="no finding 0 any more"):
        live.report.issue(0)
    ds.restore(issue)
    live.follow()
    assert [i.id for i in live.report] == [ds[0].id, ds[1].id]


def test_following_looks_at_nothing_but_what_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    ds = rt.load([record("a ", f"b{n}") for n in range(20)])
    live = Live(ds.check())
    monkeypatch.setattr(ds, "blocks", lambda: pytest.fail("everything was read"))
    ds.edit(3, 0, text="a")
    live.follow()

    assert live.report.counts == {"text.whitespace": 19}
