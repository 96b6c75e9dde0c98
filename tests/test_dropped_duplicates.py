"""What is dropped of a group of duplicates is like one that is kept, by words that were compared."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rolethread_nb as rt
from rolethread_nb.core.duplicate_keepers import kept_for
from rolethread_nb.core.near_duplicates import SIMILARITY


def record(answer: str, id: str = "", **more: Any) -> dict[str, Any]:
    turns = [{"role": "user", "content": "go"}, {"role": "assistant", "content": answer}]
    return {"messages": turns, **({"id": id} if id else {}), **more}


def chain(length: int, step: int = 8, words: int = 100) -> list[dict[str, Any]]:
    """Records of which each has a few other words than the one before, and the last has next to nothing of the first."""
    said, records = [f"w{at}" for at in range(words)], []
    for number in range(length):
        records.append(record(" ".join(said), f"c{number}"))
        for at in range(number * step, (number + 1) * step):
            said[at % words] = f"x{number}y{at}"
    return records


def triples(record: dict[str, Any]) -> set[tuple[str, ...]]:
    words = [word for turn in record["messages"] for word in turn["content"].split()]
    return {tuple(words[at : at + 3]) for at in range(max(len(words) - 2, 1))}


def unlike(records: Sequence[dict[str, Any]], dropped: Sequence[str], near: float = SIMILARITY) -> list[str]:
    """Those dropped that are like none of those kept, by comparing each with each."""
    sets = {one["id"]: triples(one) for one in records}
    kept = [own for name, own in sets.items() if name not in dropped]
    return [
        name
        for name in dropped
        if not any(len(sets[name] & own) >= near * len(sets[name] | own) - 1e-9 for own in kept)
    ]


def test_a_chain_keeps_so_many_that_each_dropped_one_is_like_one_of_them() -> None:
    records = chain(12)
    ds = rt.load(records)
    dropped = ds.duplicates().drop("near")

    assert unlike(records, dropped) == []
    assert 4 <= len(records) - len(dropped) <= 6
    assert dict(ds.decisions) == dict.fromkeys(dropped, "reject")


@given(
    seed=st.integers(0, 10_000),
    count=st.integers(2, 90),
    step=st.integers(1, 14),
    near=st.sampled_from([0.5, 0.7, 0.9]),
)
@settings(deadline=None, max_examples=40)
def test_of_any_chain_each_dropped_one_is_like_a_kept_one(
    seed: int, count: int, step: int, near: float
) -> None:
    records = chain(count, step, words=60)
    random.Random(seed).shuffle(records)
    ds = rt.load(records)
    found = ds.duplicates(near)
    dropped = found.drop()

    assert unlike(records, dropped, near) == []
    for group in found:
        assert group.representative not in dropped
        assert set(group.ids) - set(dropped) == set(group.kept)


@given(st.data())
@settings(deadline=None, max_examples=60)
def test_no_two_kept_ones_are_alike_and_each_other_is_like_its_own(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 90))
    rng = random.Random(data.draw(st.integers(0, 10**6)))
    alike = np.array([[rng.random() < 0.1 for _ in range(count)] for _ in range(count)])
    alike |= alike.T
    first = data.draw(st.integers(0, count - 1))
    kept = kept_for(np.arange(count), lambda left, right: alike[left, right], first)
    stay = np.flatnonzero(kept == np.arange(count))

    assert kept[first] == first
    assert all(kept[at] in stay and alike[at, kept[at]] for at in range(count) if at not in stay)
    assert not any(alike[one, other] for one in stay for other in stay if one != other)


def test_a_template_filled_in_many_times_keeps_one() -> None:
    said = "Here is a poem about what you asked for and I hope that it pleases you very much indeed my friend"
    ds = rt.load([record(f"{said} {number}", f"t{number}") for number in range(700)])
    found = ds.duplicates()

    assert [group.kept for group in found] == [("t0",)]
    assert len(found.drop()) == 699


def test_the_table_and_the_sentence_say_how_many_stay_and_why() -> None:
    ds = rt.load([*chain(12), record("One", "one"), record("One", "two")])
    found = ds.duplicates()
    dropped = found.drop()
    stay = 14 - len(dropped)

    assert found.groups["kept"].tolist() == [stay - 1, 1]
    members = found.members
    assert sorted(members[members["kept"] != members["id"]]["id"]) == sorted(dropped)
    assert members["kept_similarity"].min() >= SIMILARITY
    assert f"{len(dropped)} of 14 could go" in found.summary
    assert f"{stay - 2} more stay, being less than 0.7 like any that is kept" in found.summary
    assert dropped.kept == (*found[0].kept, "one")
    assert f"{len(dropped)} dropped, {stay} kept" in repr(dropped)
    assert "kept" in found._repr_html_()


def test_a_chosen_one_is_kept_and_what_is_unlike_it_is_not_dropped_for_it() -> None:
    records = chain(6)
    ds = rt.load(records)
    dropped = ds.duplicates().keep(0, "c5")

    assert "c5" not in dropped
    assert unlike(records, dropped) == []


def test_what_is_rejected_stands_for_nothing() -> None:
    records = chain(7)
    ds = rt.load(records)
    kept = ds.duplicates()[0].kept
    ds.decide(kept, "reject")
    dropped = ds.duplicates().drop()

    assert not set(dropped) & set(kept)
    assert unlike([one for one in records if one["id"] not in kept], dropped) == []
    with pytest.raises(rt.QueryError, match=r"is rejected.*take that back"):
        ds.duplicates().keep(0, kept[0])


def test_the_note_names_what_is_kept_in_its_place() -> None:
    ds = rt.load([record("One two", "a"), record("One two", "b"), record("Six", "c"), record("Six", "d")])
    ds.duplicates().drop()
    made = ds.decision("b")

    assert made is not None
    assert made.note == "duplicate of a or c"


def test_dropping_the_findings_keeps_as_much_as_dropping_the_groups(tmp_path: Path) -> None:
    records = chain(12)
    ds = rt.load(records)
    ds.check(select=["dup.near"]).repairs(unsafe=True, select="dup.near").apply()
    left = [one.id for one in ds]
    gone = [one["id"] for one in records if one["id"] not in left]

    assert gone == list(rt.load(records).duplicates().drop())
    assert unlike(records, gone) == []


@pytest.mark.parametrize("number", [7, -2, True])
def test_a_number_that_no_group_has_is_refused_in_a_sentence(number: Any) -> None:
    one = rt.load([record("One two three", "a"), record("One two three", "b")]).duplicates()
    with pytest.raises(rt.QueryError, match="There is 1 group of duplicates, number 0; 7 is none"):
        one[7]
    with pytest.raises(rt.QueryError):
        one[number]
    with pytest.raises(rt.QueryError, match="There are no duplicates"):
        rt.load([record("One", "a")]).duplicates()[0]
