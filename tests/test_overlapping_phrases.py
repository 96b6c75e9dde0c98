"""Of phrases that hold or overlap each other the habit is named once, with all of its conversations."""

from __future__ import annotations

from typing import Any

import pytest

import rolethread_nb as rt

PHRASE = "style.overused_phrase"


def word(n: int) -> str:
    """A word of its own for each number, in Latin letters."""
    return "".join(chr(ord("a") + int(digit)) for digit in f"{n:05}")


def told(phrases: list[str], others: int = 0) -> list[dict[str, Any]]:
    """A conversation for each phrase, with words of its own before and after it; and some without a phrase."""
    return [
        {
            "messages": [
                {"role": "user", "content": f"{word(n)}?"},
                {"role": "assistant", "content": f"{word(20_000 + n)} {phrase} {word(40_000 + n)}."},
            ]
        }
        for n, phrase in enumerate([*phrases, *[""] * others])
    ]


def habits(records: list[dict[str, Any]]) -> list[tuple[str, int]]:
    """The phrases that are found, each with the conversations it stands in."""
    report = rt.load(records).check("roleplay", select=[PHRASE])
    assert "rule.failed" not in report.counts
    return [(one.evidence["phrase"], one.evidence["conversations"]) for one in report]


FRIEND = "Ah, my dear friend"


def test_ten_words_that_follow_make_no_ten_habits() -> None:
    phrases = [f"{FRIEND}, {word(60_000 + n % 10)}" for n in range(200)]
    assert habits(told(phrases, others=100)) == [(FRIEND, 200)]


def test_ten_words_before_and_after_make_none_either() -> None:
    phrases = [f"{word(70_000 + n % 7)} {FRIEND}, {word(60_000 + n % 10)}" for n in range(210)]
    assert habits(told(phrases, others=100)) == [(FRIEND, 210)]


def test_the_same_in_arabic() -> None:
    after = ["البحر", "الجبل", "السماء", "المدينة", "الطريق"]
    phrases = [f"بالطبع يا صديقي العزيز {after[n % 5]}" for n in range(100)]
    assert habits(told(phrases, others=100)) == [("بالطبع يا صديقي العزيز", 100)]


@pytest.mark.parametrize(("longer", "named"), [(82, (f"{FRIEND}, of the sea", 82)), (78, (FRIEND, 100))])
def test_a_longer_phrase_that_nearly_all_have_is_named_in_place_of_the_shorter(
    longer: int, named: tuple[str, int]
) -> None:
    phrases = [f"{FRIEND}, of the sea"] * longer + [FRIEND] * (100 - longer)
    assert habits(told(phrases)) == [named]


def test_what_follows_the_habit_is_named_without_it() -> None:
    phrases = [f"{FRIEND}, certainly! Here is the silver map"] * 15 + [FRIEND] * 85
    assert habits(told(phrases)) == [(FRIEND, 100), ("certainly! Here is the silver map", 15)]


def test_what_mostly_stands_without_the_habit_is_a_habit_of_its_own() -> None:
    wave = "my dear friend, waves whisper"
    phrases = [FRIEND] * 60 + [f"Ah, {wave}"] * 10 + [wave] * 20
    assert habits(told(phrases)) == [(FRIEND, 70), (wave, 30)]


def test_a_catchphrase_that_goes_on_in_many_ways_is_named_once_too() -> None:
    salt = "by the salt of the sea"
    records = told([f"{salt}, {word(60_000 + n % 2)}" for n in range(30)], others=3_000)
    for n, record in enumerate(records):
        record["messages"][1]["name"] = "Captain Mara" if n < 40 else f"Sailor {n % 20}"
    assert habits(records) == [(salt, 30)]
