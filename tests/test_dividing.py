"""Dividing: what belongs together stays together, the same seed gives the same parts, and what leaks is named."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

import rolethread_nb as rt
from rolethread_nb.core.shares import shares_of

WORDS = [
    f"{a}{b}" for a in "bdfgklmnprst" for b in ("ana", "eso", "iru", "ola", "uma", "arin", "ebel", "otis")
]


def text(seed: object, length: int = 40) -> str:
    return " ".join(random.Random(str(seed)).choices(WORDS, k=length))


def record(number: int, answer: str, system: str | None = None, name: str | None = None) -> dict[str, Any]:
    turns = [] if system is None else [{"role": "system", "content": system}]
    reply = {"role": "assistant", "content": answer} | ({} if name is None else {"name": name})
    return {"id": f"c{number}", "messages": [*turns, {"role": "user", "content": "Well?"}, reply]}


def dataset(count: int, first: int = 0) -> rt.Dataset:
    """Every tenth conversation is nearly the same as the one before it."""
    return rt.load(
        [record(n, text(n - 1) + " changed" if n % 10 == 9 else text(n)) for n in range(first, first + count)]
    )


def where_each_is(division: Any) -> dict[str, str]:
    return {name: part.name for part in division for name in part.ids}


# ---------------------------------------------------------------- parts


def test_a_share_gives_two_parts_that_are_the_whole() -> None:
    ds = dataset(200)
    train, validation = ds.split(0.1)

    assert (train.name, len(train), validation.name, len(validation)) == ("train", 180, "validation", 20)
    assert sorted([*train.ids, *validation.ids]) == sorted(one.id for one in ds)
    assert [one.id for one in validation] == validation.ids
    assert validation[0] in validation
    assert validation[0] not in train
    assert validation.ids[0] in validation
    assert ds.split(0.1)["train"].ids == train.ids
    assert not ds.history().shape[0]


def test_several_parts_have_the_names_and_shares_that_were_asked_for() -> None:
    division = dataset(1_000).split({"train": 0.8, "dev": 0.15, "test": 0.05})

    assert {part.name: len(part) for part in division} == {"train": 800, "dev": 150, "test": 50}
    assert division.shares == {"train": 0.8, "dev": 0.15, "test": 0.05}
    assert division.notes == ()
    assert repr(division) == "<Split of list in memory: train 800 (80.0%), dev 150 (15.0%), test 50 (5.0%).>"
    assert "15.0%" in division._repr_html_()


def test_near_duplicates_are_never_parted() -> None:
    ds = dataset(300)
    for seed in range(5):
        place = where_each_is(ds.split(0.5, seed=seed))
        assert all(place[f"c{n}"] == place[f"c{n - 1}"] for n in range(9, 300, 10))
        assert len(ds.split(0.5, seed=seed).leakage()) == 0


def test_a_seed_gives_the_same_parts_and_another_gives_others() -> None:
    assert where_each_is(dataset(200).split(0.2, seed=3)) == where_each_is(dataset(200).split(0.2, seed=3))
    assert where_each_is(dataset(200).split(0.2, seed=3)) != where_each_is(dataset(200).split(0.2, seed=4))


def test_the_order_of_the_file_does_not_matter() -> None:
    records = [one.raw for one in dataset(200)]
    assert where_each_is(rt.load(records[::-1]).split(0.2)) == where_each_is(rt.load(records).split(0.2))


def test_what_is_added_moves_little() -> None:
    before, after = where_each_is(dataset(1_000).split(0.1)), where_each_is(dataset(1_050).split(0.1))
    moved = [name for name in before if before[name] != after[name]]

    assert len(moved) <= 15


@given(
    old=st.integers(2, 60),
    copied=st.lists(st.one_of(st.none(), st.integers(0, 59)), max_size=20),
    share=st.floats(0.05, 0.95),
    seed=st.integers(0, 5),
)
@hypothesis_settings(deadline=None, max_examples=60)
def test_what_is_added_moves_only_what_stands_at_the_edge(
    old: int, copied: list[int | None], share: float, seed: int
) -> None:
    """Newcomers are alone or belong to one that is there; their ids count on, so no group is called otherwise than before."""

    def placed(books: list[int]) -> list[str]:
        ds = rt.load([record(n, f"answer {n}", f"book {book}") for n, book in enumerate(books)])
        place = where_each_is(ds.split(share, seed=seed, by=["system", "character"]))
        return [place[f"c{n}"] for n in range(old)]

    added = [old + at if of is None else of % old for at, of in enumerate(copied)]
    before, after = placed(list(range(old))), placed([*range(old), *added])
    largest = max(added.count(book) for book in range(old)) + 1

    assert sum(one != other for one, other in zip(before, after, strict=True)) <= len(added) + 2 * largest
    if not added:
        assert before == after


def test_copies_with_later_ids_leave_their_originals_where_they_were() -> None:
    records = [one.raw for one in dataset(1_000)]
    added = [records[n] | {"id": f"c{n}-b" if n % 2 else f"c{n + 5_000}"} for n in range(0, 1_000, 3)]
    before = where_each_is(rt.load(records).split(0.1))
    after = where_each_is(rt.load([*added, *records]).split(0.1))

    assert sum(before[name] != after[name] for name in before) <= 10


def test_a_large_group_is_held_out_no_more_often_than_a_small_one() -> None:
    """Drawn by the least hash of its members, it would be in nearly every validation part."""
    ds = rt.load([record(n, f"answer {n}", f"prompt {max(n, 29)}") for n in range(400)])
    held = ["c0" in ds.split(0.1, seed=seed, by=["system", "character"])["validation"] for seed in range(60)]

    assert 1 <= sum(held) <= 15


def test_files_can_be_named_in_any_order(tmp_path: Path) -> None:
    for name in "abcd":
        records = [record(n, text(f"{name}{n}")) | {"id": f"{name}{n}"} for n in range(25)]
        rt.load(records).export(tmp_path / f"{name}.jsonl", "same")
    files = sorted(tmp_path.glob("*.jsonl"))
    first, last = (
        where_each_is(rt.load(paths, review=False).split(0.25, by="source")) for paths in (files, files[::-1])
    )

    assert first == last


@pytest.mark.parametrize("by", [None, "duplicates"])
def test_records_with_equal_ids_are_drawn_by_their_content(by: str | None) -> None:
    records = [record(n % 20, text(n)) for n in range(100)]
    unnamed = [{"messages": record(0, text(n % 20))["messages"], "label": n} for n in range(100)]
    for these in (records, unnamed):
        first, last = (
            [
                {one.messages[1].text + str(one.raw.get("label")) for one in part}
                for part in rt.load(order).split(0.3, by=by)
            ]
            for order in (these, these[::-1])
        )
        assert first == last


def test_the_first_of_several_with_one_id_is_drawn_as_if_it_were_alone() -> None:
    before = where_each_is(dataset(100).split(0.3))
    again = where_each_is(rt.load([one.raw for one in dataset(100) for _ in range(2)]).split(0.3))

    assert sum(before[name] != again[name] for name in before) <= 2


def test_a_stratum_of_a_group_does_not_hang_on_the_order_of_the_file() -> None:
    records = [record(n, text(n), f"prompt {n % 3}") | {"book": n // 2} for n in range(100)]
    first, last = (
        where_each_is(rt.load(order).split(0.2, by=lambda one: one.raw["book"], stratify="system"))
        for order in (records, records[::-1])
    )
    assert first == last


@given(
    groups=st.lists(st.integers(0, 12), min_size=2, max_size=60),
    share=st.floats(0.05, 0.95),
    seed=st.integers(0, 5),
)
@hypothesis_settings(deadline=None, max_examples=60)
def test_groups_stay_whole_and_every_conversation_is_in_one_part(
    groups: list[int], share: float, seed: int
) -> None:
    ds = rt.load([record(n, f"answer {n}", f"prompt {group}") for n, group in enumerate(groups)])
    division = ds.split(share, seed=seed, by="system")
    place = where_each_is(division)

    assert len(place) == len(groups) == sum(map(len, division))
    assert len({(group, place[f"c{n}"]) for n, group in enumerate(groups)}) == len(set(groups))
    largest = max(groups.count(group) for group in groups)
    assert abs(len(division["validation"]) - share * len(groups)) <= largest


def test_a_group_that_is_too_large_is_named() -> None:
    ds = rt.load([record(n, text(n), "one prompt" if n < 60 else f"prompt {n}") for n in range(100)])
    division = ds.split(0.1, by="system")

    assert {part.name: len(part) for part in division} == {"train": 90, "validation": 10}
    assert division.notes == (
        "A group of 60 conversations (60.0% of all) is too large for the smallest part; it is in train as a whole.",
    )
    (only,) = {
        part.name
        for part in rt.load([record(n, "x", "p") for n in range(9)]).split(0.1, by="system")
        if len(part)
    }
    assert only == "train"
    assert "validation has 0 conversations" in repr(
        rt.load([record(n, "x", "p") for n in range(9)]).split(0.1)
    )


# ---------------------------------------------------------------- what is kept together, and strata


def test_characters_stay_together_by_name_else_by_prompt() -> None:
    records = [
        record(n, text(n), f"You are {n % 7}.", f"name {n % 5}" if n % 2 else None) for n in range(200)
    ]
    place = where_each_is(rt.load(records).split(0.3, by="character"))

    assert len({(n % 5, place[f"c{n}"]) for n in range(1, 200, 2)}) == 5
    assert len({(n % 7, place[f"c{n}"]) for n in range(0, 200, 2)}) == 7
    assert set(place.values()) == {"train", "validation"}


def test_sources_stay_together(tmp_path: Path) -> None:
    for name in "abcd":
        rt.load([record(n, text(f"{name}{n}")) for n in range(25)]).export(tmp_path / f"{name}.jsonl", "same")
    division = rt.load(sorted(tmp_path.glob("*.jsonl")), review=False).split(0.25, by="source")

    assert [len(part) for part in division] == [75, 25]
    assert len({one.source_index for one in division["validation"]}) == 1


def test_several_ties_hold_at_once_and_a_function_is_one() -> None:
    ds = dataset(200)
    place = where_each_is(ds.split(0.5, by=["duplicates", lambda one: int(one.id[1:]) // 4]))

    assert all(place[f"c{n}"] == place[f"c{n - 1}"] for n in range(9, 200, 10))
    assert all(place[f"c{n}"] == place[f"c{n // 4 * 4}"] for n in range(200))
    assert set(place.values()) == {"train", "validation"}


def test_strata_have_their_share_in_each_part() -> None:
    ds = rt.load([record(n, text(n), "rare" if n % 20 == 0 else "common") for n in range(400)])
    _, validation = ds.split(0.1, by=None, stratify="system")

    assert len(validation) == 40
    assert sum(one.messages[0].text == "rare" for one in validation) == 2
    _, odd = ds.split(0.25, stratify=lambda one: int(one.id[1:]) % 2)
    assert sum(int(name[1:]) % 2 for name in odd.ids) == 50


def pair(number: int, prompt: str | list[Any], **more: Any) -> dict[str, Any]:
    return {
        "id": f"p{number}",
        "prompt": prompt,
        "chosen": text(f"+{number}"),
        "rejected": text(f"-{number}"),
    } | more


def test_rows_that_share_a_prompt_stay_together() -> None:
    rows = [
        *(
            pair(n, text(f"question {n % 20}").upper() if n % 2 else text(f"question {n % 20}"))
            for n in range(60)
        ),
        *(
            {
                "id": f"k{n}",
                "prompt": text(f"question {n % 20}"),
                "completion": text(f"k{n}"),
                "label": n % 2 == 0,
            }
            for n in range(60)
        ),
        *(
            {"id": f"o{n}", "prompt": text(f"question {n % 20}"), "completion": text(f"o{n}")}
            for n in range(60)
        ),
    ]
    ds = rt.load(rows)
    place = where_each_is(ds.split(0.3, by="prompt"))

    assert {one.format for one in ds} == {"preference", "kto", "prompt-completion"}
    assert all(place[f"{kind}{n}"] == place[f"p{n % 20}"] for kind in "pko" for n in range(60))
    assert set(place.values()) == {"train", "validation"}


def test_the_prompt_of_a_pair_is_all_that_was_said_and_of_a_chat_the_first_question() -> None:
    def asked(*texts: str) -> list[dict[str, str]]:
        roles = ("user", "assistant") * len(texts)
        return [{"role": role, "content": said} for role, said in zip(roles, texts, strict=False)]

    rules = {"role": "system", "content": "Be brief."}
    pairs = [
        pair(0, asked("a", "b", "c")),
        pair(1, [rules, *asked("a", "b", "c")]),
        pair(2, asked("a", "x", "c")),
    ]
    chats = [{"id": f"c{n}", "messages": asked("Well?", f"yes {n}", f"and {n % 2}?", "so")} for n in range(4)]
    ds = rt.load([*pairs, *chats, *(pair(n, text(n)) for n in range(3, 15))])
    seeds = [where_each_is(ds.split(0.5, by="prompt", seed=seed)) for seed in range(12)]

    assert all(place["p0"] == place["p1"] for place in seeds)
    assert any(place["p0"] != place["p2"] for place in seeds)
    assert all(len({place[f"c{n}"] for n in range(4)}) == 1 for place in seeds)


# ---------------------------------------------------------------- leaving


def test_a_part_is_exported_and_loads_again(tmp_path: Path) -> None:
    ds = dataset(100)
    train, validation = ds.split(0.2)
    ds.edit(validation.ids[0], 1, text="Edited later.")
    train.export(tmp_path / "train.jsonl")
    done = validation.export(
        tmp_path / "validation.jsonl", "sharegpt", keep=lambda one: one.id != validation.ids[1]
    )

    assert [one.id for one in rt.load(tmp_path / "train.jsonl")] == train.ids
    again = rt.load(tmp_path / "validation.jsonl")
    assert [one.id for one in again] == [validation.ids[0], *validation.ids[2:]]
    assert again[0].messages[1].text == "Edited later."
    assert done.conversations == 19
    assert len(validation.to_pandas()) == validation.to_polars().height == 20


def test_a_part_is_tagged_and_found_again() -> None:
    ds = dataset(50)
    _, validation = ds.split(0.2)
    validation.tag()

    assert [one.id for one in ds.where("tag:validation")] == validation.ids
    ds.undo()
    assert ds.where("tag:validation") == []


def test_what_is_gone_by_now_is_left_out_and_named_when_asked_for() -> None:
    ds = dataset(50)
    _, validation = ds.split(0.2)
    ds.exclude(validation.ids[0])

    assert [one.id for one in validation] == validation.ids[1:]
    with pytest.raises(KeyError, match="gone"):
        validation[0]


# ---------------------------------------------------------------- leakage


def test_what_stands_in_both_parts_is_reported_with_its_kind() -> None:
    same = [record(n, text(0), "Sing." if n == 2 else "Be kind.") for n in range(3)]
    ds = rt.load([*same, record(3, text(0) + " more"), *(record(n, text(n)) for n in range(4, 40))])
    division = ds.split(0.5, by=lambda one: one.id)
    leakage = division.leakage()
    place = where_each_is(division)

    expected = {
        (a, b): kind
        for a, b, kind in [
            ("c0", "c1", "exact"),
            ("c0", "c2", "dialogue"),
            ("c1", "c2", "dialogue"),
            *((f"c{n}", "c3", "near") for n in range(3)),
        ]
        if place[a] != place[b]
    }
    rows = leakage.pairs.itertuples()
    found = {tuple(sorted((row.left, row.right))): row.kind for row in rows}
    assert found == expected
    assert set(leakage.pairs["left_part"]) <= {"train"}
    assert sum(leakage.counts.values()) == len(leakage) == len(expected)
    assert len(ds.split(0.5).leakage()) == 0


def test_another_dataset_is_compared(tmp_path: Path) -> None:
    ds = dataset(50)
    other = rt.load([record(0, text(3)), record(1, text(4) + " changed"), record(2, text("new"))])
    leakage = ds.leakage(other)

    assert leakage.pairs[["left", "right", "kind"]].values.tolist() == [
        ["c3", "c0", "exact"],
        ["c4", "c1", "near"],
    ]
    assert list(leakage.conversations.values()) == [2, 2]
    assert "changed" in str(leakage.diff(1))
    assert "2 of 50 in list in memory" in repr(leakage)
    assert "near" in leakage._repr_html_()
    assert len(ds.leakage(other, near=None)) == 1
    assert len(ds.leakage(rt.load([]))) == 0
    assert ds.leakage(rt.load([]))._repr_html_()


def test_prompts_that_parts_share_are_a_leak_of_their_own() -> None:
    rows = [pair(n, text(f"question {n % 10}")) for n in range(20)]
    ds = rt.load([*rows, *({"id": f"c{n}"} | record(n, text(n)) for n in range(20))])
    division = ds.split(0.5)
    leakage = division.leakage()
    place = where_each_is(division)
    torn = {(f"p{n}", f"p{n + 10}") for n in range(10) if place[f"p{n}"] != place[f"p{n + 10}"]}

    assert torn
    assert {
        tuple(sorted(ids, key=lambda one: int(one[1:]))) for ids in leakage.pairs[["left", "right"]].values
    } == torn
    assert leakage.counts == {"exact": 0, "dialogue": 0, "near": 0, "prompt": len(torn), "system": 0}
    assert leakage.pairs["similarity"].isna().all()
    assert leakage.conversations == {"train": len(torn), "validation": len(torn)}
    assert leakage.summary == (
        f"No duplicates between the parts, {len(torn)} pairs that share a prompt:"
        f" {len(torn)} of 20 in train, {len(torn)} of 20 in validation."
    )
    assert "prompt" in leakage._repr_html_()
    assert "nan" not in leakage._repr_html_()
    assert leakage.diff(0).turns
    assert len(ds.split(0.5, by="prompt").leakage()) == 0


CARD = (
    "You are Mara, the keeper of the old lighthouse above the bay. You are patient and dry, you never leave the tower at night, and you"
    " speak of the sea as of an old friend. Answer in two or three sentences, stay in character, and let the stranger lead the talk."
)
VARIANTS = [CARD, f"{CARD} Be kind.", CARD.replace("patient and dry", "patient, and dry")]


def spoken_under(prompts: list[str]) -> rt.Dataset:
    return rt.load([record(n, text(n), prompt) for n, prompt in enumerate(prompts)])


def test_variants_of_a_system_prompt_stay_together() -> None:
    prompts = [VARIANTS[n] if n < 3 else f"You are number {n}. {text(n)}" for n in range(60)]
    for seed in range(20):
        for by in ("system", "character"):
            division = spoken_under(prompts).split(0.5, by=by, seed=seed)
            place = where_each_is(division)
            assert len({place[f"c{n}"] for n in range(3)}) == 1
            assert division.leakage().counts["system"] == 0


def test_variants_are_what_the_balance_takes_for_one() -> None:
    ds = spoken_under([*VARIANTS, "Sing.", CARD])
    (most, lone) = ds.balance()["system_variant"]["count"]

    assert (most, lone) == (4, 1)
    assert sorted(map(len, ds.split(0.2, by="system"))) == [1, 4]


def test_the_order_of_the_file_does_not_change_what_variants_are_called() -> None:
    rows = [
        record(n, text(n), VARIANTS[n % 3] if n < 9 else f"You are number {n}. {text(n)}") for n in range(40)
    ]
    place = where_each_is(rt.load(rows).split(0.3, by="system"))

    assert where_each_is(rt.load(rows[::-1]).split(0.3, by="system")) == place


def test_system_prompts_that_parts_share_are_a_leak_of_their_own() -> None:
    ds = spoken_under([*VARIANTS * 4, *(f"You are number {n}. {text(n)}" for n in range(12, 40))])
    division = ds.split({"train": 0.4, "validation": 0.3, "test": 0.3}, by=None)
    leakage = division.leakage()

    assert leakage.counts == {"exact": 0, "dialogue": 0, "near": 0, "prompt": 0, "system": 3}
    assert {(one.left_part, one.right_part) for one in leakage.pairs.itertuples()} == {
        ("train", "validation"),
        ("train", "test"),
        ("validation", "test"),
    }
    assert leakage.conversations == {"train": 0, "validation": 0, "test": 0}
    assert leakage.summary == "No duplicates between the parts, 1 system prompt that parts share."
    assert "system" in leakage._repr_html_()
    assert spoken_under(VARIANTS[:1]).leakage(spoken_under(["Sing."])).counts["system"] == 0
    other = rt.load([record(1, text("else"), VARIANTS[2])])
    assert spoken_under(VARIANTS[:1]).leakage(other).counts["system"] == 1


def test_a_duplicate_is_not_named_again_for_its_prompt() -> None:
    ds = rt.load([pair(0, text("q")), pair(1, text("q"))])
    same = rt.load([pair(0, text("q"))])

    assert sorted(ds.leakage(same).pairs["kind"]) == ["exact", "prompt"]


def test_leakage_of_a_large_group_names_every_conversation_that_leaks() -> None:
    ds = rt.load([record(n, f"{text(0)} {n}") for n in range(200)])
    division = ds.split(0.3, by=None)

    assert division.leakage().conversations == {"train": 140, "validation": 60}


def test_parts_of_an_older_state_are_no_report() -> None:
    ds = dataset(30)
    division = ds.split(0.2)
    ds.edit("c3", 1, text="Edited.")
    with pytest.raises(rt.StalePlanError, match="split it again"):
        division.leakage()


# ---------------------------------------------------------------- wrong use


@pytest.mark.parametrize(
    "wanted", [0.0, 1.0, -0.5, 2.5, {"a": 1.0}, {"a": 0.5, "b": 0.4}, {"a": 1.5, "b": -0.5}]
)
def test_shares_that_are_none_are_refused(wanted: Any) -> None:
    with pytest.raises(rt.QueryError):
        dataset(10).split(wanted)


def test_unknown_names_are_refused() -> None:
    ds = dataset(10)
    with pytest.raises(rt.QueryError, match="duplicates, source, character, system"):
        ds.split(0.1, by="speaker")
    with pytest.raises(rt.QueryError, match="stratified by"):
        ds.split(0.1, stratify="length")
    with pytest.raises(KeyError, match="train, validation"):
        ds.split(0.1)["test"]
    with pytest.raises(rt.QueryError, match="2 parts, numbers 0 to 1; 2 is none"):
        ds.split(0.1)[2]
    with pytest.raises(IndexError, match="9 conversations"):
        ds.split(0.1)[0][9]


@pytest.mark.parametrize(
    "wanted", [{"a": "0.5", "b": 0.5}, {"a": None, "b": 0.5}, {1: 0.5, 2: 0.5}, {"": 0.5, "b": 0.5}]
)
def test_shares_of_another_type_are_refused_in_a_sentence(wanted: Any) -> None:
    with pytest.raises(rt.QueryError, match=r"of (a|each) part"):
        dataset(10).split(wanted)


@pytest.mark.parametrize(
    "options",
    [
        {"by": 5},
        {"by": [5]},
        {"by": [None]},
        {"by": True},
        {"stratify": 5},
        {"stratify": ["turns"]},
        {"seed": None},
        {"seed": "x"},
        {"near": "x"},
    ],
)
def test_options_of_another_type_are_refused_in_a_sentence(options: dict[str, Any]) -> None:
    with pytest.raises(rt.QueryError):
        dataset(10).split(0.1, **options)


@pytest.mark.parametrize("other", ["other.jsonl", None, [{}]])
def test_leakage_takes_a_dataset(other: Any) -> None:
    with pytest.raises(rt.QueryError, match="compared with another one"):
        dataset(10).leakage(other)


def test_places_in_a_report_or_a_part_are_numbers() -> None:
    ds = dataset(20)
    for wrong in (
        lambda: ds.leakage(ds).diff("c1"),  # type: ignore[arg-type]
        lambda: ds.split(0.1)[0]["c1"],  # type: ignore[index]
        lambda: ds.leakage(ds, near="x"),  # type: ignore[arg-type]
        lambda: ds.split(0.1).leakage(near=True),
    ):
        with pytest.raises(rt.QueryError):
            wrong()
    with pytest.raises(rt.QueryError, match="9999 is none of them"):
        ds.leakage(ds).diff(9_999)
    with pytest.raises(rt.QueryError, match="has no pairs"):
        ds.leakage(rt.load([])).diff(0)
    assert ["c1"] not in ds.split(0.1)[0]


def test_a_conversation_is_still_split_by_its_id_or_position() -> None:
    turns = [{"role": role, "content": text(n)} for n, role in enumerate(("user", "assistant") * 2)]
    ds = rt.load([{"id": "x", "messages": turns}])

    assert [one.id for one in ds.split("x", 2)] == ["x/1", "x/2"]
    ds.undo()
    assert [one.id for one in ds.split(0, 2)] == ["x/1", "x/2"]


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_tiny_datasets_are_divided(count: int) -> None:
    division = dataset(count).split(0.1)

    assert sum(map(len, division)) == count
    assert division._repr_html_()
    assert len(division.leakage()) == 0


def test_shares_that_add_up_but_for_rounding_are_taken() -> None:
    assert shares_of({"a": 0.1, "b": 0.2, "c": 0.7}) == {"a": 0.1, "b": 0.2, "c": 0.7}
