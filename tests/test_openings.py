"""Of openings that begin with each other one is the habit: it is named once, by the words that its replies share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

import rolethread_nb as rt

OPENING = "style.repeated_opening"


def word(n: int) -> str:
    """A word of its own for each number, in Latin letters."""
    return "".join(chr(ord("a") + int(digit)) for digit in f"{n:05}")


def arabic(n: int) -> str:
    return "".join("ابتثجحخدرز"[int(digit)] for digit in f"{n:05}")


def chinese(n: int) -> str:
    return "".join("山水火木金土风雨雪云"[int(digit)] for digit in reversed(f"{n:05}"))


def replying(
    openings: Sequence[str], others: int = 0, rest: Callable[[int], str] = word
) -> list[dict[str, Any]]:
    """A conversation for each opening, and others that have none in common; all go on with words of their own."""
    replies = [f"{opening} {rest(n)}。" for n, opening in enumerate(openings)]
    replies += [f"{rest(10_000 + n)} {rest(20_000 + n)}." for n in range(others)]
    return [
        {
            "messages": [
                {"role": "user", "content": f"{word(n)}?"},
                {"role": "assistant", "content": reply},
            ]
        }
        for n, reply in enumerate(replies)
    ]


def habits(records: list[dict[str, Any]]) -> list[tuple[str, float]]:
    """The openings that are found, each with the share of the replies that have it."""
    return [(one.evidence["opening"], one.evidence["share"]) for one in found(records)]


def found(records: list[dict[str, Any]]) -> list[rt.Issue]:
    report = rt.load(records).check("roleplay", select=[OPENING])
    assert "rule.failed" not in report.counts
    return list(report)


FEELINGS = ["feel", "felt", "felt", "must feel", "see it"]
ABOUT = ["this", "that", "it", "your day"]
UNDERSTANDING = [f"I understand how you {FEELINGS[n % 5]} about {ABOUT[n // 5 % 4]}." for n in range(150)]


def test_what_half_of_the_replies_share_is_said_once_and_as_one_half() -> None:
    (issue,) = found(replying(UNDERSTANDING, others=150))

    assert issue.message == (
        "50.0% of the replies begin with “I understand how you” (150 replies in 150 conversations)"
    )
    assert issue.evidence["continues"] == [
        {"opening": "I understand how you felt about", "count": 60},
        {"opening": "I understand how you feel about", "count": 30},
        {"opening": "I understand how you must feel", "count": 30},
    ]


def test_the_card_and_the_balance_tell_the_same_share() -> None:
    dataset = rt.load(replying(UNDERSTANDING, others=150))
    (line,) = (one for one in dataset.check("roleplay", select=[OPENING]).card() if one.code == OPENING)

    assert (line.count, line.of) == (150, 300)
    assert line.sentence == (
        "50.0% of the replies begin with “I understand how you” (150 replies in 150 conversations)."
    )
    first = dataset.balance().top("opening", 1)
    assert first[["value", "count"]].values.tolist() == [["i understand how", 150]]


@pytest.mark.parametrize(
    ("opening", "after", "rest"),
    [
        ("Of course my dear friend", [word(n) for n in range(1, 11)], word),
        ("بالطبع يا صديقي العزيز", [arabic(n) for n in range(1, 11)], arabic),
        ("我完全理解你的感受", list("山水火木金土风雨雪云"), chinese),
    ],
    ids=["English", "Arabic", "Chinese"],
)
def test_ten_words_that_follow_make_no_ten_habits(
    opening: str, after: list[str], rest: Callable[[int], str]
) -> None:
    openings = [f"{opening} {after[n % 10]}" for n in range(100)]
    ((said, share),) = habits(replying(openings, others=100, rest=rest))

    assert opening.startswith(said)
    assert len(said) >= len(opening) - 1  # nine characters are not counted, eight are
    assert share == 0.5


def test_five_thousand_continuations_are_one_habit_without_a_frequent_continuation() -> None:
    (issue,) = found(replying([f"Ah, my dear friend, {word(n)}" for n in range(5_000)], others=5_000))

    assert issue.message == (
        "50.0% of the replies begin with “Ah, my dear friend” (5,000 replies in 5,000 conversations)"
    )
    assert issue.evidence["continues"] == []


def test_a_frequent_continuation_is_named_with_the_habit_and_is_none_beside_it() -> None:
    openings = ["Of course, my love,"] * 40 + ["Of course,"] * 80
    (issue,) = found(replying(openings, others=180))

    assert (issue.evidence["opening"], issue.evidence["share"]) == ("Of course", 0.4)
    assert issue.evidence["continues"] == [{"opening": "Of course, my love", "count": 40}]


def test_a_longer_opening_that_nearly_all_have_is_the_opening() -> None:
    of_course = ["Of course, my love,"] * 82 + ["Of course,"] * 18
    assert habits(replying(of_course, others=100)) == [("Of course, my love", 0.41)]
    of_course = ["Of course, my love,"] * 78 + ["Of course,"] * 22
    assert habits(replying(of_course, others=100)) == [("Of course", 0.5)]


def test_an_opening_shrinks_to_four_fifths_once_and_not_word_by_word() -> None:
    shrinking = (
        ["Dear"] * 19 + ["Dear silver"] * 16 + ["Dear silver moon"] * 13 + ["Dear silver moon rises"] * 52
    )
    assert habits(replying(shrinking, others=100)) == [("Dear silver", 0.405)]


def test_openings_with_only_function_words_in_common_stand_side_by_side() -> None:
    openings = ["It is wonderful"] * 30 + ["It is terrible"] * 10
    assert habits(replying(openings, others=360)) == [("It is wonderful", 0.075), ("It is terrible", 0.025)]


def test_function_words_give_way_to_what_most_of_their_replies_say() -> None:
    openings = ["It is wonderful"] * 30 + ["It is"] * 20
    assert habits(replying(openings, others=150)) == [("It is wonderful", 0.15)]


def test_function_words_that_go_on_in_many_ways_are_the_habit_if_they_are_frequent_enough() -> None:
    openings = [f"It is {word(n % 10)}" for n in range(100)]
    assert habits(replying(openings, others=100)) == [("It is", 0.5)]


def test_a_contraction_is_one_word() -> None:
    """“That's” is as unspecific as “That”, and “Sure, I'd” is two words."""
    openings = ["That's a great question,"] * 10 + [f"That's {word(n)}" for n in range(50)]
    assert habits(replying(openings, others=140)) == [("That's a great question", 0.05)]
    assert habits(replying(["Sure, I'd"] * 8, others=192)) == []
    assert habits(replying(["Sure, I'd"] * 10, others=190)) == [("Sure, I'd", 0.05)]


def test_the_opening_of_the_most_conversations_comes_first() -> None:
    records = replying(["Silver moonlight falls"] * 12 + ["Certainly, dear traveller,"] * 10, others=100)
    again = [
        {"role": role, "content": f"{said}{word(30_000 + n)}"}
        for n in range(8)
        for role, said in (("user", ""), ("assistant", "Certainly, dear traveller, "))
    ]
    records[15]["messages"] += again

    issues = [one for one in found(records) if one.conversation is None]
    assert [(one.evidence["conversations"], one.evidence["count"]) for one in issues] == [(12, 12), (10, 18)]


def test_a_common_form_is_no_opening_but_words_that_begin_like_it_are() -> None:
    numbered = [f"1. {word(n)}" for n in range(50)]
    assert habits(replying(numbered, others=50)) == []
    assert habits(replying(numbered + ["Certainly, dear traveller,"] * 20, others=30)) == [
        ("Certainly, dear traveller", 0.2)
    ]


def test_copies_of_a_conversation_count_once() -> None:
    records = replying(UNDERSTANDING, others=150)
    assert habits(records + records[:1] * 100) == [("I understand how you", 0.5)]


FOLLOWS = [
    "I will follow the rules: here is a loop.",
    "I will follow the rules: here is a class.",
    "I will follow the rules, and test it.",
]


def answers(asked: Sequence[str], replies: Sequence[str], system: str = "Be kind.") -> dict[str, Any]:
    turns = [("system", system)]
    for question, reply in zip(asked, replies, strict=True):
        turns += [("user", question), ("assistant", reply)]
    return {"messages": [{"role": role, "content": content} for role, content in turns]}


def test_an_opening_that_was_asked_for_is_no_habit_of_a_conversation() -> None:
    asked = ["Write a loop.", "Now a class, please.", "And tests?"]
    assert len(found([answers(asked, FOLLOWS)])) == 1
    assert found([answers(asked, FOLLOWS, 'Begin with "I will follow the rules" each time.')]) == []
    assert found([answers(["Say “I will follow the rules” first.", *asked[1:]], FOLLOWS)]) == []
    assert len(found([answers([*asked[:2], "I will follow the rules, you say?"], FOLLOWS)])) == 1


def test_turns_that_ask_alike_are_answered_alike() -> None:
    meanings = ["This word means love.", "This word means curious.", "This word means to learn."]
    assert (
        len(found([answers(["Go on.", "Hm, and what is that?", "What else do they write?"], meanings)])) == 1
    )
    asked = [
        "Wow, what does this word mean?",
        "Oh, so what's this word mean?",
        "Ha, and then this word mean?",
    ]
    assert found([answers(asked, meanings)]) == []
