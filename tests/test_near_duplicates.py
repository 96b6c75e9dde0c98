"""Near-duplicates: what is reported was counted, little is missed, and a shared prompt makes nobody alike."""

from __future__ import annotations

import random
import re
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

import rolethread_nb as rt
from rolethread_nb.core.near_duplicates import Groups, NearDuplicates
from rolethread_nb.core.shingles import ShingleSets, shingles
from rolethread_nb.core.word_table import words_of

VOCABULARY = [
    f"{a}{b}" for a in "bdfgklmnprst" for b in ("ana", "eso", "iru", "ola", "uma", "arin", "ebel", "otis")
]
Pair = tuple[int, int]


def record(question: str, answer: str, system: str | None = None, **more: Any) -> dict[str, Any]:
    turns = [] if system is None else [{"role": "system", "content": system}]
    turns += [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    return {"messages": turns, **more}


def triples(text: str) -> set[tuple[str, ...]]:
    words = re.findall(r"[^\W_]+", text.lower())
    return {tuple(words[at : at + 3]) for at in range(max(len(words) - 2, 1))} if words else set()


def jaccard(one: str, other: str) -> float:
    a, b = triples(one), triples(other)
    return len(a & b) / len(a | b) if a | b else 0.0


def joined(texts: list[str], similarity: float) -> dict[Pair, float]:
    """Every pair that is alike, by comparing each with each."""
    found = {(a, b): jaccard(texts[a], texts[b]) for a, b in combinations(range(len(texts)), 2)}
    return {pair: alike for pair, alike in found.items() if alike >= similarity}


def hanging_together(count: int, pairs: Any) -> list[int]:
    groups = Groups(count)
    pairs = list(pairs)
    groups.join(*(np.array([pair[side] for pair in pairs], dtype=np.int64) for side in (0, 1)))
    return groups.of(np.arange(count)).tolist()


def searched(
    texts: list[str], similarity: float = 0.7, *, all_pairs: int = 500, block: int = 7
) -> dict[Pair, float]:
    search = NearDuplicates(similarity, all_pairs=all_pairs)
    for start in range(0, len(texts), block):
        search.add(words_of(pl.Series(texts[start : start + block], dtype=pl.String)))
    left, right, alike = (column.tolist() for column in search.links())
    return dict(zip(zip(left, right, strict=True), alike, strict=True))


def edited(words: list[str], changes: int, rng: random.Random) -> list[str]:
    """A copy in which so many words, far from one another, are others."""
    copy = list(words)
    for at in range(0, len(copy), max(len(copy) // changes, 1)):
        copy[at] = f"new{rng.randrange(10**9)}"
    return copy


@pytest.fixture(scope="module")
def planted() -> tuple[list[str], list[Pair]]:
    """2,000 texts of 20 to 400 words and a changed copy of every fifth, with a Jaccard index from 0.75 to 0.95."""
    rng = random.Random(5)
    words = [f"w{n}" for n in range(3_000)]
    texts = [rng.choices(words, k=rng.randint(20, 400)) for _ in range(2_000)]
    pairs = []
    for number in range(0, 2_000, 5):
        goal = rng.uniform(0.75, 0.95)
        changes = max(1, round(len(texts[number]) * (1 - goal) / (3 * (1 + goal))))
        pairs.append((number, len(texts)))
        texts.append(edited(texts[number], changes, rng))
    said = [" ".join(text) for text in texts]
    return said, [pair for pair in pairs if jaccard(said[pair[0]], said[pair[1]]) >= 0.75]


# ---------------------------------------------------------------- the search


SHORT = st.lists(st.sampled_from(["a", "b", "c", "ж", "東", "don't", "é"]), max_size=9).map(" ".join)


@given(texts=st.lists(SHORT, max_size=25), similarity=st.sampled_from([0.3, 0.5, 0.7, 1.0]))
@hypothesis_settings(deadline=None, max_examples=80)
def test_what_is_found_is_what_comparing_each_with_each_finds(texts: list[str], similarity: float) -> None:
    found, true = searched(texts, similarity), joined(texts, similarity)

    assert found == {pair: pytest.approx(true[pair]) for pair in found}
    assert hanging_together(len(texts), found) == hanging_together(len(texts), true)


@given(texts=st.lists(SHORT, min_size=1, max_size=25))
@hypothesis_settings(deadline=None, max_examples=40)
def test_in_buckets_no_pair_is_reported_that_was_not_counted(texts: list[str]) -> None:
    true = joined(texts, 0.7)
    for pair, alike in searched(texts, all_pairs=0).items():
        assert alike == pytest.approx(true[pair])


def test_planted_copies_are_found_and_nothing_else(planted: tuple[list[str], list[Pair]]) -> None:
    texts, pairs = planted
    found = searched(texts, block=500)
    groups = hanging_together(len(texts), found)

    assert len(pairs) >= 350
    assert sum(groups[a] == groups[b] for a, b in pairs) >= 0.99 * len(pairs)
    for (a, b), alike in found.items():
        assert alike == pytest.approx(jaccard(texts[a], texts[b]))
        assert alike >= 0.7


def test_neither_order_nor_blocks_matter(planted: tuple[list[str], list[Pair]]) -> None:
    texts = planted[0][:300] + planted[0][2_000:2_060]
    order = list(range(len(texts)))
    random.Random(3).shuffle(order)
    plain = searched(texts, all_pairs=0, block=11)
    shuffled = searched([texts[at] for at in order], all_pairs=0, block=100)

    assert plain
    assert {
        (min(order[a], order[b]), max(order[a], order[b])): alike for (a, b), alike in shuffled.items()
    } == plain
    assert searched(texts, all_pairs=0, block=11) == plain


def test_thousands_of_copies_of_one_template_are_one_group() -> None:
    rng = random.Random(1)
    words = [f"w{n}" for n in range(5_000)]
    base = rng.choices(words, k=150)
    texts = [" ".join(edited(base, 2, rng)) for _ in range(3_000)]
    texts += [" ".join(rng.choices(words, k=150)) for _ in range(500)]
    found = searched(texts, block=1_000)

    groups = hanging_together(len(texts), found)
    assert groups[:3_000] == [0] * 3_000
    assert groups[3_000:] == list(range(3_000, 3_500))
    assert len(found) < 10 * len(texts)


def test_a_passage_that_all_share_makes_nobody_alike() -> None:
    rng = random.Random(1)
    words = [f"w{n}" for n in range(5_000)]
    shared = rng.choices(words, k=130)
    assert searched([" ".join([*shared, *rng.choices(words, k=70)]) for _ in range(2_000)], block=1_000) == {}


def test_texts_of_one_or_two_words_are_one_shingle_and_empty_ones_none() -> None:
    assert searched(["Hi", "hi!", "ho", "", "", "good day", "Good day.", "good night"]) == {
        (0, 1): 1.0,
        (5, 6): 1.0,
    }


def test_scripts_without_blanks_have_a_word_a_character() -> None:
    text = "老守塔人把绳子系在腰上拖着一条小船慢慢走过去他的妹妹在对岸点着灯等他回来"
    assert list(searched([text, text.replace("妹妹", "姐姐"), text[::-1]])) == [(0, 1)]


def test_sets_that_went_into_a_file_are_the_same_as_those_in_memory() -> None:
    rng = random.Random(2)
    texts = pl.Series([" ".join(rng.choices(VOCABULARY, k=rng.randint(0, 60))) for _ in range(200)])
    kept, filed = ShingleSets(), ShingleSets(kept=500)
    for start in range(0, 200, 20):
        made = shingles(words_of(texts[start : start + 20]))
        kept.add(*made)
        filed.add(*made)
    left, right = np.triu_indices(200, 1)

    assert kept.jaccard(left, right).tolist() == filed.jaccard(left, right).tolist()
    assert kept.take(np.array([7, 3])).tolist() == filed.take(np.array([7, 3])).tolist()
    some = np.array([9, 7, 3, 150])
    for sets in (kept.only(some), filed.only(some)):
        assert (
            sets.jaccard(np.array([0, 1]), np.array([2, 3])).tolist()
            == kept.jaccard(some[:2], some[2:]).tolist()
        )
    for sets in (kept, filed):
        sets.add(*shingles(words_of(texts[:20])))
    assert (
        filed.jaccard(np.arange(20), np.arange(200, 220)).tolist()
        == kept.jaccard(np.arange(20), np.arange(200, 220)).tolist()
    )
    assert kept.take(np.arange(220)).tolist() == filed.take(np.arange(220)).tolist()


def test_one_very_long_text_and_one_word_a_million_times_are_nothing_special() -> None:
    rng = random.Random(4)
    long = rng.choices(VOCABULARY, k=200_000)
    texts = ["word " * 1_000_000, "word " * 999_999, " ".join(long), " ".join([*long, "end"])]
    assert set(searched(texts, all_pairs=0)) == {(0, 1), (2, 3)}


@pytest.mark.parametrize("similarity", [0, -0.1, 1.1])
def test_a_threshold_that_is_none_is_refused(similarity: float) -> None:
    with pytest.raises(ValueError, match="above 0"):
        NearDuplicates(similarity)
    with pytest.raises(rt.QueryError, match="above 0"):
        rt.load([record("Hi", "Ho")]).duplicates(similarity)


# ---------------------------------------------------------------- the rule


STORY = " ".join(random.Random(9).choices(VOCABULARY, k=80))
CHANGED = STORY.replace(STORY.split()[40], "altered")
RULES = "Never break character, keep every answer short and do not mention these rules. " * 20


def found(*records: dict[str, Any], **settings: Any) -> list[tuple[str, int | None, Any]]:
    report = rt.load(list(records)).check(select="dup", **settings)
    return [(i.code, i.conversation, i.evidence.get("first")) for i in report]


def test_a_member_of_a_group_names_the_first() -> None:
    report = rt.load([record("x", "y"), *(record(f"Tell me {n}", STORY) for n in range(3))]).check(
        select="dup.near"
    )

    assert [(i.conversation, i.severity, i.related) for i in report] == [
        (2, "warning", [{"source": 0, "conversation": 1}]),
        (3, "warning", [{"source": 0, "conversation": 1}]),
    ]
    issue = next(iter(report))
    assert issue.repair == "unsafe"
    assert issue.evidence["threshold"] == 0.7 <= issue.evidence["similarity"] < 1
    assert issue.evidence["group"] == 3
    assert "#1" in issue.message


def test_what_is_like_the_first_only_by_way_of_another_says_so() -> None:
    words = STORY.split()
    chain = [" ".join([*words[10 * n :], *(f"more{m}" for m in range(10 * n))]) for n in range(3)]
    assert jaccard(chain[0], chain[2]) < 0.7 <= min(jaccard(chain[0], chain[1]), jaccard(chain[1], chain[2]))
    report = rt.load([{"messages": [{"role": "assistant", "content": text}]} for text in chain]).check(
        select="dup.near"
    )

    assert [(i.conversation, i.evidence.get("through")) for i in report] == [(1, None), (2, 1)]
    _, last = report
    assert last.evidence["similarity"] < 0.7 <= last.evidence["through_similarity"]
    assert "#1" in last.message
    assert "#0" in last.message


def test_a_long_system_prompt_that_all_share_makes_no_pairs() -> None:
    rng = random.Random(0)
    records = [
        record(" ".join(rng.choices(VOCABULARY, k=5)), " ".join(rng.choices(VOCABULARY, k=9)), RULES)
        for _ in range(50)
    ]
    assert found(*records) == []


def test_the_most_specific_rule_speaks() -> None:
    one, near = record("Well?", STORY, "Be kind."), record("Well?", CHANGED, "Be kind.")
    other = record("Well?", STORY, "Sing.")

    assert found(one, near, one, other) == [("dup.near", 1, 0), ("dup.exact", 2, 0), ("dup.dialogue", 3, 0)]
    assert found(one, near, near) == [("dup.near", 1, 0), ("dup.exact", 2, 1)]


def test_the_same_turns_under_other_names_are_near() -> None:
    one, other = record("Well?", STORY), record("Well?", STORY)
    other["messages"][1]["name"] = "Mira"

    assert found(one, other) == [("dup.near", 1, 0)]


def test_pairs_that_share_their_prompt_are_alike_only_with_like_answers() -> None:
    def pair(chosen: str, rejected: str = "No.") -> dict[str, Any]:
        return {"prompt": RULES, "chosen": chosen, "rejected": rejected}

    assert (
        found(pair(STORY), pair("Something else altogether, told briefly."), pair("And a third.", STORY))
        == []
    )
    assert found(pair(STORY), pair(CHANGED, "Nothing like it.")) == [("dup.near", 1, 0)]
    kto = [
        {
            "messages": [{"role": "user", "content": RULES}, {"role": "assistant", "content": text}],
            "label": True,
        }
        for text in (STORY, "Something else altogether.", CHANGED)
    ]
    assert [row for row in found(*kto) if row[0] == "dup.near"] == [("dup.near", 2, 0)]


def test_one_question_with_wholly_different_answers_is_no_duplicate() -> None:
    assert found(record(STORY, "Positive."), record(STORY, "Negative."))[0][0] == "dup.prompt"
    assert found(record(STORY, "Positive."), record(f"{STORY} end", "Positive.")) == [("dup.near", 1, 0)]
    assert found(record(STORY, STORY, label=True), record(STORY, STORY, label=False)) == []


def test_calls_are_said_and_their_ids_are_not() -> None:
    def called(name: str, number: int) -> dict[str, Any]:
        function = {"name": name, "arguments": "{}"}
        turns = [
            {"role": "user", "content": "Look it up"},
            {
                "role": "assistant",
                "tool_calls": [{"id": f"call_{number}", "type": "function", "function": function}],
            },
            {"role": "tool", "tool_call_id": f"call_{number}", "content": "4"},
            {"role": "assistant", "content": "It is four."},
        ]
        return {"messages": turns}

    assert found(called("search", 1), called("open", 1)) == []
    assert found(called("search", 1), called("search", 2)) == [("dup.near", 1, 0)]


def test_the_threshold_is_a_setting_and_the_preference_profile_only_notes() -> None:
    records = [record("Well?", STORY), record("Well?", CHANGED)]

    assert found(*records, thresholds={"dup.near": {"similarity": 0.99}}) == []
    assert [i.severity for i in rt.load(records).check("preference", select="dup.near")] == ["info"]


def test_blocks_and_sources_do_not_matter(tmp_path: Path) -> None:
    rng = random.Random(8)
    for name, text in (("a", STORY), ("b", CHANGED)):
        filler = [record("Well?", " ".join(rng.choices(VOCABULARY, k=900))) for _ in range(1_200)]
        rows = [*filler, record("Well?", text)]
        rt.load(rows).export(tmp_path / f"{name}.jsonl")
    report = rt.load([tmp_path / "a.jsonl", tmp_path / "b.jsonl"]).check(select="dup")

    assert [(i.code, i.source, i.conversation, i.related) for i in report] == [
        ("dup.near", 1, 1_200, [{"source": 0, "conversation": 1_200}])
    ]


# ---------------------------------------------------------------- groups


@pytest.fixture
def ds() -> rt.Dataset:
    return rt.load(
        [
            record("Well?", STORY, "Be kind.", id="first"),
            record("Hi", "Ho", id="lone"),
            record("Well?", STORY, "Sing.", id="sung"),
            record("Well?", CHANGED, "Be kind.", id="changed"),
            record("Well?", STORY, "Be kind.", id="again"),
            record("One", "Two", id="one"),
            record("One", "Two", id="two"),
        ]
    )


def test_groups_have_a_kind_a_representative_and_members(ds: rt.Dataset) -> None:
    groups = ds.duplicates().groups

    assert groups.drop(columns=["similarity", "kept"]).values.tolist() == [
        [0, "near", 4, "first", ["first", "sung", "changed", "again"]],
        [1, "exact", 2, "one", ["one", "two"]],
    ]
    assert groups["similarity"].tolist() == pytest.approx([jaccard(f"Well {STORY}", f"Well {CHANGED}"), 1.0])
    members = ds.duplicates().members
    assert members[members["group"] == 0]["kind"].tolist() == ["first", "dialogue", "near", "exact"]
    assert ds.duplicates().counts == {"exact": 1, "dialogue": 0, "near": 1}


def test_pairs_of_a_small_group_are_all_pairs(ds: rt.Dataset) -> None:
    pairs = ds.duplicates().pairs

    assert list(zip(pairs["left"], pairs["right"], pairs["kind"], strict=True)) == [
        ("first", "sung", "dialogue"),
        ("first", "changed", "near"),
        ("first", "again", "exact"),
        ("sung", "changed", "near"),
        ("sung", "again", "dialogue"),
        ("changed", "again", "near"),
        ("one", "two", "exact"),
    ]
    assert pairs["similarity"].min() >= 0.7


def test_a_group_gives_its_conversations_and_a_query_that_finds_them(ds: rt.Dataset) -> None:
    group = ds.duplicates()[0]

    assert [one.id for one in group] == ["first", "sung", "changed", "again"]
    assert [one.id for one in ds.where(group.query)] == list(group.ids)
    assert ds.duplicates().group_of("two") == ds.duplicates()[1]
    assert ds.duplicates().group_of("lone") is None
    with pytest.raises(rt.QueryError, match="2 groups of duplicates, numbers 0 to 1"):
        ds.duplicates()[2]


def test_without_near_only_equal_ones_are_looked_for(ds: rt.Dataset) -> None:
    found = ds.duplicates(near=None)

    assert [one.ids for one in found] == [("first", "sung", "again"), ("one", "two")]
    assert [one.kind for one in found] == ["dialogue", "exact"]


def test_a_difference_shows_the_words(ds: rt.Dataset) -> None:
    duplicates = ds.duplicates()
    said = str(duplicates.diff(0, "changed"))

    assert "+altered+" in said.replace(" ", "")
    assert "turn 2 assistant" in said
    assert "altered" in duplicates.diff("first", "changed")._repr_html_()
    assert [turn.role for turn in duplicates.diff(0).turns] == ["system"]
    assert duplicates.diff(("one", "two")).turns == []
    for wrong in (lambda: duplicates.diff(0, "lone"), lambda: duplicates.diff("one")):
        with pytest.raises(rt.QueryError):
            wrong()


@pytest.mark.parametrize("near", ["0.7", True, [0.7], float("nan"), 0, 1.5])
def test_what_is_no_threshold_is_refused_in_a_sentence(ds: rt.Dataset, near: Any) -> None:
    with pytest.raises(rt.QueryError, match="near is a Jaccard index"):
        ds.duplicates(near=near)


def test_groups_are_asked_for_by_number_and_differences_by_ids(ds: rt.Dataset) -> None:
    found = ds.duplicates()
    for wrong in ("a", None, slice(2)):
        with pytest.raises(rt.QueryError, match="by its number"):
            found[wrong]  # type: ignore[index]
    for pair in (None, ("a",), ("a", 1)):
        with pytest.raises(rt.QueryError, match="ids of two"):
            found.diff(pair)  # type: ignore[arg-type]
    assert len(ds.duplicates(near=np.float32(1))) <= len(found)  # type: ignore[arg-type]


def test_keeping_one_rejects_the_others_in_one_step(ds: rt.Dataset) -> None:
    gone = ds.duplicates().keep(0, "changed")

    assert gone == ["first", "sung", "again"]
    assert dict(ds.decisions) == dict.fromkeys(gone, "reject")
    made = ds.decision("sung")
    assert made is not None
    assert made.note == "duplicate of changed"
    ds.undo()
    assert not ds.decisions


def test_dropping_keeps_one_of_each_group_that_is_not_rejected_yet(ds: rt.Dataset, tmp_path: Path) -> None:
    ds.decide("first", "reject")

    assert ds.duplicates().drop() == ["changed", "again", "two"]
    ds.export(tmp_path / "out.jsonl", only="not-rejected")
    assert [one.id for one in rt.load(tmp_path / "out.jsonl")] == ["lone", "sung", "one"]
    assert ds.duplicates().drop() == []


def test_dropping_one_kind_and_excluding(ds: rt.Dataset) -> None:
    assert ds.duplicates().drop("exact", how="exclude") == ["again", "two"]
    assert len(ds) == 5
    assert [one.ids for one in ds.duplicates()] == [("first", "sung", "changed")]
    ds.undo()
    assert len(ds) == 7
    with pytest.raises(rt.QueryError, match="exact, dialogue, near"):
        ds.duplicates().drop("alike")


def test_edits_are_followed(ds: rt.Dataset) -> None:
    before = ds.duplicates()
    ds.edit("changed", 2, text="Something else.")
    ds.edit("lone", 1, text=f"Well? {STORY}")

    assert ds.duplicates()[0].ids == ("first", "lone", "sung", "again")
    assert [one.messages[-1].text for one in before[0]][2] == CHANGED
    ds.undo()
    ds.undo()
    assert ds.duplicates()[0].ids == before[0].ids


def test_sources_with_the_same_ids_are_told_apart(tmp_path: Path) -> None:
    for name in "ab":
        rt.load([record("Well?", STORY, id="x"), record(name, name, id="y")]).export(
            tmp_path / f"{name}.jsonl", "same"
        )
    ds = rt.load([tmp_path / "a.jsonl", tmp_path / "b.jsonl"], review=False)
    (group,) = ds.duplicates()

    assert [(one.source_index, one.index) for one in group] == [(0, 0), (1, 0)]
    assert len(ds.where(group.query)) == 2
    ds.duplicates().drop()
    assert list(ds.journal.review.decisions) == [(1, "x")]


@pytest.mark.parametrize("records", [[], [{"messages": []}], [{"messages": []}] * 3, [record("", "")] * 2])
def test_an_empty_dataset_has_none_and_nothing_breaks(records: list[Any]) -> None:
    ds = rt.load(records)
    found = ds.duplicates()

    assert len(found) == (1 if records and records[0]["messages"] else 0)
    assert list(found.groups.columns) == [
        *("group", "kind", "size", "kept", "representative", "similarity", "members")
    ]
    assert "similarity" in found.pairs
    assert "kind" in found.members
    assert repr(found).startswith("<Duplicates of ")
    assert found._repr_html_().startswith("<section")


def test_html_is_escaped_and_counts_what_it_leaves_out() -> None:
    words = [f"w{n}" for n in range(9_000)]
    rng = random.Random(0)
    records = []
    for n in range(70):
        text = " ".join(rng.choices(words, k=60))
        records += [record("<b>bold</b>", f"{text} {end}", id=f"<{n}{end}>") for end in ("<i>", "</i>")]
    html = rt.load(records).duplicates()._repr_html_()

    assert "<b>bold" not in html
    assert "&lt;b&gt;bold" in html
    assert "Showing 50 of 70 groups." in html
    assert len(html.encode()) < 200_000


def test_the_real_files_hold_what_is_known_of_them(shared_data: Path) -> None:
    tools = rt.load(shared_data / "sharegpt_glaive_toolcall.json", review=False)
    exact = tools.duplicates().members.query("kind == 'exact'")

    assert len(tools.check(select="dup.exact")) == 35 <= len(exact) + 5
    pairs = rt.load(shared_data / "preference_dpo_en_sharegpt.json", review=False).duplicates()
    assert len(pairs) <= 5  # five prompts stand twice there, with other answers
