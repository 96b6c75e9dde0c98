"""RoleThread Lite's score: its own formulas, reckoned by hand here, and what the app itself gave for real files."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from conftest import SHIPPED, real_files
from hypothesis import given, settings
from hypothesis import strategies as st

import rolethread_nb as rt
from rolethread_nb.compat.near_duplicates import near_duplicates, simhash
from rolethread_nb.compat.registry import BUILT_IN
from rolethread_nb.compat.score import RolethreadScore, label_of

PARTS = ["response quality", "diversity", "structure", "metadata"]
PROMPT = "You are Mara, the captain of a ship that has never sunk."  # 56 characters


def words(count: int, start: int = 0) -> str:
    """So many different words."""
    return " ".join(f"w{n}" for n in range(start, start + count))


def entry(*turns: str, prompt: str | None = PROMPT, **more: Any) -> dict[str, Any]:
    """A record: the system prompt, then user and assistant by turns."""
    roles = ("user", "assistant")
    messages = [{"role": roles[n % 2], "content": text} for n, text in enumerate(turns)]
    head = [] if prompt is None else [{"role": "system", "content": prompt}]
    return {"messages": [*head, *messages], **more}


def score(*records: Any, **how: Any) -> RolethreadScore:
    return rt.load(list(records)).check(select="turn").rolethread_score(**how)


def points(found: RolethreadScore, part: str) -> list[float]:
    """The summands of a part, on three digits."""
    return [round(term.points, 3) for term in found.parts[part].terms]


# ---------------------------------------------------------------- response quality


def test_replies_of_300_words_to_questions_of_100_are_full_marks() -> None:
    found = score(entry(words(100), words(300)))

    assert points(found, "response quality") == [15, 5, 5, 0]
    assert found.parts["response quality"].score == 25
    assert found.conversations("response quality") == []


def test_short_empty_and_placeholder_replies_cost_points() -> None:
    # Four replies: 60, 1, 0 and 19 words, the last with "latest", which the app takes for a test.
    found = score(
        entry(words(40), words(60), words(40), "Yes"),
        entry(words(40), "", words(40), f"{words(18)} latest"),
    )

    mean = (60 + 1 + 0 + 19) / 4
    assert points(found, "response quality") == [
        15 * mean / 300,
        5 * (1 - (1 / 4 + 2 / 4)),
        5,  # 40 / 20 is 2
        -5 * 3 / 4,
    ]
    assert found.parts["response quality"].score == round(1 + 1.25 + 5 - 3.75, 2)
    assert [c.index for c in found.conversations("response quality")] == [0, 1]


@pytest.mark.parametrize(
    ("user", "expected"), [(4, 0), (10, 3), (19, 3), (20, 5), (200, 5), (201, 3), (500, 3), (501, 0)]
)
def test_the_ratio_of_words_has_three_steps(user: int, expected: int) -> None:
    assert points(score(entry(words(user), words(100))), "response quality")[2] == expected


def test_without_a_reply_there_is_nothing_to_reckon_with() -> None:
    part = score(entry("Hi")).parts["response quality"]

    assert (part.score, part.terms) == (0, ())
    assert "nothing to reckon with" in score(entry("Hi"))._repr_html_()


# ---------------------------------------------------------------- diversity


def test_prompts_and_tags_are_counted_as_the_app_counts_them() -> None:
    found = score(
        entry("A", "B", prompt="One  prompt", tags=["dialogue", "Greeting"]),
        entry("C", "D", prompt="one PROMPT", tags=["dialogue"]),
        entry("E", "F", prompt="Another", tags=["dialogue", "my own"]),
        entry("G", "H", prompt=None),
    )

    # Tags that are known: dialogue three times, greeting once.
    evenness = -(0.75 * -0.415037 + 0.25 * -2)
    assert points(found, "diversity") == [
        8 * 2 / 4,
        6 * 3 / 4,
        round(5 * -evenness * -1, 3),
        3 * 2 / 4,
        3,
        -2 * 1 / 4,
    ]
    assert [c.index for c in found.conversations("diversity")] == [2]


def test_tags_of_your_own_can_be_made_known() -> None:
    record = entry("A", "B", tags=["my own", "dialogue"])

    assert points(score(record), "diversity")[1:4] == [6, 0, 0.75]
    assert points(score(record), "diversity")[5] == -2
    mine = score(record, tags={"my_own": "Mine", "dialogue": None})
    assert points(mine, "diversity")[1:] == [6, 5, 0.75, 3, 0]


def test_ten_different_prompts_are_enough() -> None:
    records = [entry("A", words(20, 20 * n), prompt=f"Prompt {n} of many") for n in range(20)]

    assert points(score(*records), "diversity")[0] == 8
    assert points(score(*records[:1]), "diversity")[0] == 8


@pytest.mark.parametrize(("copies", "expected"), [(0, 3), (1, 0.6), (2, 0), (9, 0)])
def test_a_quarter_of_near_duplicates_costs_all_their_points(copies: int, expected: float) -> None:
    different = [entry(words(30, 100 * n), words(30, 100 * n + 30), prompt=f"P{n}") for n in range(9)]
    records = different + [entry(words(30), words(30, 30), prompt="P0")] * copies

    share = 0 if not copies else (copies + 1) / (9 + copies)
    assert points(score(*records), "diversity")[4] == pytest.approx(max(3 * (1 - share / 0.25), 0), abs=0.001)
    if copies == 1:
        assert share == 0.2
        assert points(score(*records), "diversity")[4] == expected


# ---------------------------------------------------------------- structure


def test_structure_is_validity_depth_and_prompts() -> None:
    found = score(
        entry(*["Hi", "Ho"] * 3),  # all right
        entry(*["Hi", "Ho"] * 2),  # too few exchanges
        entry(*["Hi", "Ho"] * 8, prompt="Short."),  # too many, a short prompt
        entry(*["Hi", "Ho"] * 3, prompt=None),  # no prompt, which makes it invalid
    )

    assert points(found, "structure") == [10 * 3 / 4, 8 * 2 / 4, 3 * 3 / 4, 4 * 2 / 4]
    assert found.parts["structure"].score == 15.75
    assert [c.index for c in found.conversations("structure")] == [2, 3]


def test_what_its_loader_tidies_costs_nothing() -> None:
    untidy = {
        "messages": [
            {"role": "SYSTEM", "content": f"  {PROMPT}\n"},
            {"role": "Human", "content": " Hi"},
            {"role": "bot", "content": "Ho "},
        ],
        "tags": "dialogue",
    }

    assert points(score(untidy), "structure") == [10, 0, 3, 4]


def test_a_file_of_sharegpt_is_imported_first() -> None:
    turns = [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Ho"}] * 3
    found = score({"conversations": turns})

    assert points(found, "structure") == [10, 8, 3, 4]  # it puts a prompt of its own in front


def test_a_record_without_messages_is_an_entry_and_what_is_no_object_is_none() -> None:
    found = rt.load(b'{"text": "x"}\n5\n{"messages": [\n').check().rolethread_score()

    assert found.entries == 1
    assert found.parts["structure"].score == 0
    assert found.conversations("structure") == []  # a record that is no conversation


# ---------------------------------------------------------------- metadata


def stamped(name: str, **more: Any) -> dict[str, Any]:
    return entry("Hi", "Ho", _rolethread={"native": True, "entry_uuid": name, "dataset_uuid": "d"}, **more)


def sidecar(path: Path, **changed: Any) -> None:
    found = {
        "metadata": {"schema_version": 1, "kind": "rolethread.tag_registry", "exported_at": "now"},
        "dataset": {"dataset_uuid": "d", "filename": "chats.jsonl", "entry_count": 2},
        "categories": [{"slug": "sea", "name": "Sea"}],
        "tags": [{"slug": "calm", "name": "Calm", "category_slug": "sea"}],
        "entry_character_mappings": [{"entry_uuid": "a", "turns": []}],
    }
    path.write_text(json.dumps({**found, **changed}))


def test_stamps_tags_and_the_sidecar_are_a_quarter_of_the_points(tmp_path: Path) -> None:
    path = tmp_path / "chats.jsonl"
    path.write_text(
        "".join(json.dumps(one) + "\n" for one in (stamped("a", tags=["calm"]), entry("Hi", "Ho")))
    )
    report = rt.load(path).check()
    assert points(report.rolethread_score(), "metadata") == [4, 0, 5, 0, 0]

    sidecar(tmp_path / "chats.registry.json")
    found = report.rolethread_score()
    assert points(found, "metadata") == [4, 3.5, 2.5, 2, 3]
    assert points(found, "diversity")[3] == 0.75  # its tags are known, with their category
    assert [c.index for c in found.conversations("metadata")] == [1]


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"dataset": {"dataset_uuid": "other", "filename": "x", "entry_count": 2}}, [2, 0]),
        ({"dataset": {"dataset_uuid": "d", "filename": "x", "entry_count": 3}}, [2, 0]),
        (
            {"metadata": {"schema_version": 2, "kind": "rolethread.tag_registry", "exported_at": "now"}},
            [2, 0],
        ),
        ({"metadata": 5}, [2, 0]),
        ({"tags": 5}, [2, 0]),
        ({"entry_character_mappings": []}, [2, 3]),
    ],
)
def test_a_sidecar_of_something_else_is_present_and_not_current(
    changed: dict[str, Any], expected: list[float], tmp_path: Path
) -> None:
    path = tmp_path / "chats.jsonl"
    path.write_text("".join(json.dumps(stamped(name)) + "\n" for name in "ab"))
    sidecar(tmp_path / "chats.registry.json", **changed)

    assert points(rt.load(path).check().rolethread_score(), "metadata")[3:] == expected


# ---------------------------------------------------------------- the sum


@pytest.mark.parametrize(
    ("sum_of_points", "label"),
    [
        (100, "Excellent"),
        (90, "Excellent"),
        (89.99, "Good"),
        (70, "Good"),
        (69.99, "Fair"),
        (50, "Fair"),
        (49.99, "Needs Attention"),
        (30, "Needs Attention"),
        (29.99, "Significant Issues"),
        (0, "Significant Issues"),
    ],
)
def test_the_label_is_the_apps(sum_of_points: float, label: str) -> None:
    assert label_of(sum_of_points) == label


def test_an_ideal_set_without_bookkeeping_is_fair_in_the_apps_eyes() -> None:
    records = [
        entry(*[words(100, 500 * n), words(310, 500 * n + 100)] * 5, prompt=f"{PROMPT} This is voyage {n}.")
        for n in range(100)
    ]
    found = score(*records)

    assert [found.parts[name].score for name in PARTS] == [25, 11, 25, 5]
    assert (found.composite, found.label) == (66, "Fair")


def test_an_empty_dataset_has_no_points() -> None:
    found = score()

    assert (found.composite, found.label, found.entries) == (0, "Significant Issues", 0)
    assert all(part.score == 0 and part.terms == () for part in found.parts.values())
    assert "0 of 100" in repr(found)
    assert found._repr_html_()


def test_every_number_stands_beside_its_formula() -> None:
    found = score(entry(words(50), words(150), tags=["dialogue"]))

    for shown in (repr(found), found._repr_html_()):
        assert f"{found.composite:g} of 100" in shown
        for part in found.parts.values():
            assert part.name in shown
            for term in part.terms:
                assert term.formula.split("'")[0] in shown
                assert all(name.split("'")[0] in shown for name in term.inputs)
    as_dict = found.as_dict()
    assert json.loads(json.dumps(as_dict)) == as_dict
    assert as_dict["parts"]["response quality"]["terms"][0] == {
        "formula": "15 × min(mean words of a reply / 300, 1)",
        "inputs": {"mean words of a reply": 150},
        "points": 7.5,
    }


def test_the_name_of_the_data_is_no_markup() -> None:
    found = rt.load({"<b>.jsonl": [entry("Hi", "Ho")]}).check().rolethread_score()

    assert "<b>.jsonl" not in found._repr_html_()


def test_a_dataset_that_has_changed_has_to_be_checked_again() -> None:
    ds = rt.load([entry("Hi ", "Ho")])
    report = ds.check()
    report.repairs().apply()

    with pytest.raises(rt.StalePlanError, match="check it again"):
        report.rolethread_score()
    assert ds.check().rolethread_score().entries == 1


# What the app gave: its load_dataset_with_summary and analyze_dataset_quality, commit 992ec7d, with the tags it comes with.
RECORDED = {
    "persona_agents_en.jsonl": [11.77, 11.0, 23.56, 5.0, 51.33, "Fair"],
    "agents_structural_damage.jsonl": [11.8, 10.43, 10.83, 5.0, 38.06, "Needs Attention"],
    "alpaca_roleplay_gpteacher.json": [0.0, 3.0, 0.0, 5.0, 8.0, "Significant Issues"],
    "chinese_counselling_smile.jsonl": [0.0, 3.0, 0.0, 5.0, 8.0, "Significant Issues"],
    "completion_tutor_transcripts.jsonl": [0.0, 3.0, 0.0, 5.0, 8.0, "Significant Issues"],
    "messages_kto_en.json": [19.57, 3.0, 1.97, 5.0, 29.54, "Significant Issues"],
    "missing_turns.json": [13.79, 11.0, 15.0, 5.0, 44.79, "Needs Attention"],
    "mixed_schema_zh_en.jsonl": [10.0, 3.0, 1.08, 5.0, 19.08, "Significant Issues"],
    "personachat_named_speakers_en.jsonl": [0.0, 3.73, 7.32, 5.0, 16.05, "Significant Issues"],
    "preference_dpo_en_sharegpt.json": [20.46, 10.6, 8.28, 5.0, 44.34, "Needs Attention"],
    "rolethread_lite_auto_fixable.jsonl": [0.05, 1.33, 10.83, 5.0, 17.21, "Significant Issues"],
    "sharegpt_glaive_toolcall.json": [12.19, 0.8, 16.86, 5.0, 34.85, "Needs Attention"],
}


@pytest.mark.parametrize("name", sorted(RECORDED))
def test_a_real_file_gets_the_points_that_the_app_gives(name: str) -> None:
    path = next((path for path in real_files() if path.name == name), SHIPPED / name)
    if not path.exists():
        pytest.skip("left out: the real datasets of ../shared/data are not beside this clone")
    found = rt.load(path, review=False).check(select="turn").rolethread_score()

    assert [*(found.parts[part].score for part in PARTS), found.composite, found.label] == RECORDED[name]


MESSAGE = st.fixed_dictionaries(
    {
        "role": st.sampled_from(["system", "user", "assistant", "Human", "Anna"]),
        "content": st.none() | st.text(max_size=20) | st.sampled_from([words(30), words(400), "test"]),
    }
)
RECORD = st.fixed_dictionaries(
    {"messages": st.none() | st.lists(MESSAGE | st.integers(), max_size=6)},
    optional={
        "tags": st.lists(st.sampled_from([*BUILT_IN, "my own", " ", "日本語"]) | st.integers(), max_size=4),
        "_rolethread": st.fixed_dictionaries(
            {"native": st.booleans() | st.integers(), "entry_uuid": st.text(max_size=2)}
        ),
    },
)


@settings(max_examples=60, deadline=None)
@given(st.lists(RECORD, max_size=6))
def test_every_part_is_between_0_and_25_and_the_sum_is_theirs(records: list[Any]) -> None:
    data = "".join(json.dumps(record) + "\n" for record in records).encode()
    found = rt.load(data).check(select="turn").rolethread_score()

    scores = [part.score for part in found.parts.values()]
    assert all(0 <= one <= 25 for one in scores)
    assert found.composite == pytest.approx(sum(scores), abs=0.005)
    assert found.entries == len(records)
    for part in found.parts.values():
        total = sum(term.points for term in part.terms)
        assert part.score == pytest.approx(min(max(total, 0), 25), abs=0.0051)
        assert len(set(part.flagged)) == len(part.flagged) <= len(records)


# ---------------------------------------------------------------- near-duplicates


def test_a_pair_is_alike_above_nine_tenths_of_words_and_size() -> None:
    base = frozenset(words(100).split())

    assert near_duplicates([base, base]) == [0, 1]
    assert (
        near_duplicates([base, frozenset()])
        == near_duplicates([])
        == near_duplicates([frozenset()] * 3)
        == []
    )
    assert near_duplicates([base, frozenset(words(100, 10).split())]) == []
    assert near_duplicates([base, frozenset(words(90).split())]) == []  # exactly nine tenths


def bit_by_bit(tokens: frozenset[str]) -> int:
    """The simhash as its definition says."""
    hashes = [
        int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest(), "big") for word in tokens
    ]
    return sum(1 << bit for bit in range(64) if 2 * sum(one >> bit & 1 for one in hashes) >= len(hashes))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.frozensets(st.sampled_from(words(60).split()), min_size=20), max_size=12))
def test_the_same_pairs_are_found_as_by_comparing_all_that_share_a_part_of_their_hash(
    sets: list[frozenset[str]],
) -> None:
    def paired(one: int, other: int) -> bool:
        a, b = sets[one], sets[other]
        bands = any(
            bit_by_bit(a) >> shift & 0xFFFF == bit_by_bit(b) >> shift & 0xFFFF for shift in (0, 16, 32, 48)
        )
        return (
            one != other
            and (a == b or bands)
            and min(len(a), len(b)) / max(len(a), len(b)) > 0.9
            and len(a & b) / len(a | b) > 0.9
        )

    every = range(len(sets))
    assert near_duplicates(sets) == [one for one in every if any(paired(one, other) for other in every)]
    assert [simhash(one) for one in sets] == [bit_by_bit(one) for one in sets]


def test_many_chats_under_one_long_prompt_take_no_square_of_time() -> None:
    prompt = words(900)
    records = [entry("Hi there", f"Reply {n}", prompt=prompt) for n in range(3000)]

    assert points(score(*records), "diversity")[4] == 0  # all of them, as in the app
