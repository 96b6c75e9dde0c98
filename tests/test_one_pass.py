"""A check knows more than it reports: who asks for the duplicates or the balance afterwards does not have the files read again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

import rolethread_nb as rt
from rolethread_nb.balance import Distributions
from rolethread_nb.core.blocks import Block
from rolethread_nb.core.dataset import Dataset

DATA = Path(__file__).parent.parent.parent / "shared" / "data"
REAL = DATA / "persona_agents_en.jsonl.gz"


def copied() -> Dataset:
    """Real conversations, some of them twice."""
    records = [one.raw for one in rt.load(REAL, review=False)[:60]]
    return rt.load([*records, *records[:20]])


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> list[Dataset]:
    """The datasets that were read from beginning to end, once for each time."""
    seen: list[Dataset] = []
    read = Dataset.blocks

    def counted(self: Dataset) -> Iterator[Block]:
        seen.append(self)
        return read(self)

    monkeypatch.setattr(Dataset, "blocks", counted)
    return seen


def test_after_a_check_the_duplicates_are_known(passes: list[Dataset]) -> None:
    ds = copied()
    known = len(passes)
    ds.check("roleplay")
    assert len(passes) == known + 1
    found = ds.duplicates()
    assert len(passes) == known + 1
    afresh = copied().duplicates()
    assert len(found) >= 20
    pd.testing.assert_frame_equal(found.members, afresh.members)
    pd.testing.assert_frame_equal(found.pairs, afresh.pairs)


def test_a_change_makes_what_was_known_void(passes: list[Dataset]) -> None:
    ds = copied()
    ds.check(balance=True)
    before = ds.duplicates()
    ds.exclude(before[0].ids[1])
    known = len(passes)
    assert len(ds.duplicates()) == len(before) - 1
    ds.balance()["role"]
    assert len(passes) == known + 2


def test_other_likeness_is_looked_for_anew(passes: list[Dataset]) -> None:
    ds = rt.load(REAL, review=False)
    ds.check()
    ds.duplicates(0.9)
    assert len(passes) == 2


def test_the_balance_can_come_along(passes: list[Dataset]) -> None:
    ds = rt.load(REAL, review=False)
    report = ds.check("roleplay", balance=True)
    assert len(passes) == 1
    numbers = ds.balance().compute(
        name for name in ds.balance().facets["name"] if not name.startswith("finding")
    )
    card = report.card()
    assert len(passes) == 1
    other = rt.load(REAL, review=False)
    pd.testing.assert_frame_equal(numbers["opening"], other.balance()["opening"])
    pd.testing.assert_frame_equal(numbers["phrase"], other.balance()["phrase"])
    assert [line.sentence for line in card] == [line.sentence for line in other.check("roleplay").card()]
    assert report.counts == other.check("roleplay").counts


def test_facets_are_gathered_once_for_all_who_ask(passes: list[Dataset]) -> None:
    ds = rt.load(REAL, review=False)
    ds.balance()["opening"]
    ds.balance(where="turns:>2")["opening"]
    ds.balance()["opening"]
    assert len(passes) == 1


def test_findings_of_one_check_are_not_those_of_another() -> None:
    ds = rt.load(REAL, review=False)
    first, second = ds.check(select="privacy"), ds.check(ignore="privacy")
    for report in (first, second):
        named = {issue.code for issue in report if issue.conversation is not None}
        assert set(Distributions(ds, report=report)["finding"]["value"]) == named
