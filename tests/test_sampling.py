"""Samples: what is drawn hangs on the seed and the ids alone, and an estimate says no more than was read."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rolethread_nb as rt
from rolethread_nb.core.sampling import wilson


def dataset(count: int, first: int = 0) -> rt.Dataset:
    kinds = ("messages", "conversations")
    records = []
    for n in range(first, first + count):
        if n % 5 == 0:
            turns = [{"from": "human", "value": f"q{n}"}, {"from": "gpt", "value": f"a{n}"}]
        else:
            turns = [{"role": "user", "content": f"q{n}"}, {"role": "assistant", "content": f"a{n}"}] * (
                1 + n % 3
            )
        records.append({"id": f"c{n}", kinds[n % 5 == 0]: turns})
    return rt.load(records)


def test_a_seed_draws_the_same_whatever_is_added_and_a_smaller_sample_is_its_beginning() -> None:
    small, large = dataset(100), dataset(130)
    drawn = small.sample(30, seed=7).ids

    assert drawn == dataset(100).sample(30, seed=7).ids
    assert drawn[:10] == small.sample(10, seed=7).ids
    assert [name for name in large.sample(130, seed=7).ids if int(name[1:]) < 100][:30] == drawn
    assert drawn != small.sample(30, seed=8).ids
    assert len(set(small.sample(500).ids)) == 100


def test_the_query_stands_for_the_sample(tmp_path: Path) -> None:
    ds = dataset(100)

    assert {c.id for c in ds.where("sample:20@7")} == set(ds.sample(20, seed=7).ids)
    assert {c.id for c in ds.where("sample:20")} == set(ds.sample(20).ids)
    ds.export(tmp_path / "out.jsonl", "same", where="sample:20")
    assert len(rt.load(tmp_path / "out.jsonl")) == 20


def test_a_stratified_sample_has_each_stratum_by_its_share_from_its_beginning() -> None:
    ds = dataset(100)
    drawn = ds.sample(20, by="format")

    assert Counter(c.format for c in drawn) == {"messages": 16, "sharegpt": 4}
    assert Counter(c.format for c in list(drawn)[:5]) == {"messages": 4, "sharegpt": 1}
    assert len(ds.sample(7, by="turns")) == 7


def test_every_conversation_is_drawn_about_as_often() -> None:
    ds = dataset(50)
    drawn = Counter(name for seed in range(200) for name in ds.sample(10, seed=seed).ids)

    assert len(drawn) == 50
    assert (
        15 < min(drawn.values()) <= 40 <= max(drawn.values()) < 70
    )  # 40 on average; the chance of these bounds is below 1e-4


def test_the_estimate_is_of_what_was_read_and_says_so() -> None:
    ds = dataset(1000)
    sample = ds.sample(250, seed=1)
    assert "None of 250 conversations" in str(sample.estimate())
    ds.decide(sample.ids[:200], "keep")
    ds.decide(sample.ids[:3], "reject")
    found = sample.estimate()

    assert (found.read, found.bad, found.skipped) == (200, 3, 0)
    assert str(found) == "200 read at random, 3 bad: 0.5% to 4.3% (Wilson, 95 %)."
    ds.decide(sample.ids[10], "later")
    assert sample.estimate().skipped == 1
    assert "1 conversation before the last one read was passed over" in str(sample.estimate())


@given(st.integers(0, 400), st.integers(0, 400))
def test_the_interval_holds_the_share_and_narrows(bad: int, good: int) -> None:
    low, high = wilson(bad, bad + good)

    assert 0 <= low <= high <= 1
    if bad + good:
        assert low <= bad / (bad + good) <= high
        wider = wilson(bad, bad + good)
        narrow = wilson(10 * bad, 10 * (bad + good))
        assert narrow[1] - narrow[0] <= wider[1] - wider[0]


def test_the_interval_is_wilsons() -> None:
    """81 of 263 is the example of Newcombe (1998), "Two-sided confidence intervals for the single proportion"."""
    assert wilson(3, 200) == pytest.approx((0.005116, 0.043168), abs=1e-5)
    assert wilson(0, 10) == pytest.approx((0.0, 0.277535), abs=1e-5)
    assert wilson(81, 263) == pytest.approx((0.255333, 0.366171), abs=1e-4)


def test_a_sample_that_cannot_be_is_refused() -> None:
    ds = dataset(10)
    with pytest.raises(rt.QueryError, match="at least one"):
        ds.sample(0)
    with pytest.raises(rt.QueryError, match="stratified by source"):
        ds.sample(5, by="mood")
    for wrong in ("sample:0", "sample:x", "sample:5@"):
        with pytest.raises(rt.QueryError):
            ds.where(wrong)


def test_the_precision_of_a_rule_is_what_was_not_ignored_of_what_was_judged() -> None:
    records = [
        {"messages": [{"role": "user", "content": ""}, {"role": "assistant", "content": f"a{n}"}]}
        for n in range(10)
    ]
    ds = rt.load(records)
    report = ds.check(select=["turn.empty"])
    ds.ignore(*(report.issue(n) for n in range(2)))
    ds.decide(range(4), "keep")
    ds.decide(9, "later")
    (row,) = ds.check(select=["turn.empty"]).precision().to_dict("records")

    assert (row["code"], row["found"], row["judged"], row["ignored"], row["precision"]) == (
        "turn.empty",
        10,
        4,
        2,
        0.5,
    )
    assert (row["low"], row["high"]) == wilson(2, 4)
