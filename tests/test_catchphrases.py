"""Catchphrases of one character among others: phrases that ``style.overused_phrase`` finds by who says them."""

from __future__ import annotations

import math
from typing import Any

import pytest

import rolethread_nb as rt

PHRASE = "style.overused_phrase"
SALT = "by the salt of the sea"


def word(n: int) -> str:
    """A word of its own for each number."""
    return "".join(chr(ord("a") + int(digit)) for digit in f"{n:06}")


def talk(n: int, *replies: str, name: str | None = None, system: str = "", asks: str = "") -> dict[str, Any]:
    turns: list[dict[str, str]] = [{"role": "system", "content": system}] if system else []
    who = {"name": name} if name else {}
    for at, reply in enumerate(replies):
        turns.append({"role": "user", "content": f"{word(7 * n + at)}? {asks}"})
        turns.append({"role": "assistant", "content": reply, **who})
    return {"messages": turns}


def says(phrase: str, times: int, count: int = 3) -> list[tuple[str, ...]]:
    """The replies of twenty conversations, ``count`` each; ``times`` conversations have the phrase in two of them."""
    numbers = iter(range(100_000, 200_000))
    return [
        tuple(
            f"{word(next(numbers))} {phrase}, {word(next(numbers))}."
            if n < times and at < 2
            else " ".join(word(next(numbers)) for _ in range(6))
            for at in range(count)
        )
        for n in range(20)
    ]


def others(count: int) -> list[dict[str, Any]]:
    """One-turn conversations of thirty other characters; eleven hundred are so many that a habit of one is none of the dataset."""
    return [
        talk(n, f"{word(3 * n)} {word(3 * n + 1)} {word(3 * n + 2)} {word(5 * n)}.", name=f"Sailor {n % 30}")
        for n in range(1000, 1000 + count)
    ]


def mara(times: int = 10, phrase: str = SALT, **more: Any) -> list[dict[str, Any]]:
    """Captain Mara in twenty conversations, sixty replies."""
    who: dict[str, Any] = {"name": "Captain Mara", **more}
    return [talk(n, *replies, **who) for n, replies in enumerate(says(phrase, times))]


def found(records: list[dict[str, Any]], **more: Any) -> list[rt.Issue]:
    report = rt.load(records).check("roleplay", select=[PHRASE], **more)
    assert "rule.failed" not in report.counts
    return list(report)


def test_a_catchphrase_names_its_character_and_the_share_of_its_replies() -> None:
    (issue,) = found(mara(10) + others(1100))

    assert issue.evidence["phrase"] == SALT
    assert (issue.evidence["character"], issue.evidence["named_by"]) == ("Captain Mara", "speaker")
    assert (issue.evidence["turns"], issue.evidence["replies"], issue.evidence["conversations"]) == (
        20,
        60,
        10,
    )
    assert (issue.evidence["share"], issue.evidence["others_share"]) == (0.3333, 0.0)
    assert issue.evidence["z"] > 4
    assert issue.evidence["thresholds"] == {
        "character_share": 0.3,
        "z": 4,
        "turns": 20,
        "conversations": 8,
    }
    assert issue.message == (
        "“by the salt of the sea” stands in 33.3% of the replies of Captain Mara (20 of 60, in 10 conversations)"
        " and in 0.0% of other characters’"
    )
    assert {place["conversation"] for place in issue.related} == set(range(10))
    assert (issue.conversation, issue.severity) == (None, "info")


def test_a_character_without_a_name_is_a_system_prompt() -> None:
    prompt = "You are a captain of few words. Stay in your part, whatever is said."
    (issue,) = found(mara(10, name=None, system=prompt) + others(1100))
    assert (issue.evidence["character"], issue.evidence["named_by"]) == (prompt, "prompt")
    assert "the character of “You are a captain of few words." in issue.message


def test_a_system_prompt_may_come_late() -> None:
    records = mara(10, name=None, system="You are a captain of few words.")
    for record in records:
        record["messages"].append(record["messages"].pop(0))
    (issue,) = found(records + others(1100))
    assert issue.evidence["character"] == "You are a captain of few words."


def test_a_phrase_of_the_whole_dataset_is_reported_once_and_says_whose_it_is() -> None:
    (issue,) = found(mara(12) + others(300))
    assert (issue.evidence["conversations"], issue.evidence["threshold"]) == (12, 8)
    (whose,) = issue.evidence["characters"]
    assert (whose["character"], whose["share"]) == ("Captain Mara", 0.4)
    assert issue.message == (
        "“by the salt of the sea” stands in replies of 12 conversations (3.8% of 320 with replies), in 40.0% of the replies of Captain Mara"
    )


def test_nobody_to_compare_with_is_no_catchphrase() -> None:
    plain = [
        {"messages": talk(n, f"{word(3 * n)} {word(3 * n + 1)}.")["messages"]} for n in range(1000, 2500)
    ]
    assert found(mara(10) + plain) == []
    (issue,) = found(mara(10))
    assert "characters" not in issue.evidence


@pytest.mark.parametrize("times", [7, 9])
def test_what_is_rarer_in_conversations_or_replies_is_no_catchphrase(times: int) -> None:
    assert found(mara(times) + others(1100)) == []


def test_a_character_with_few_replies_has_none() -> None:
    few = [talk(n, f"{word(n)} {SALT}.", name="Captain Mara") for n in range(19)]
    rest = others(2500)
    assert found(few + rest) == []
    (issue,) = found([talk(50, f"{word(50)} {SALT}.", name="Captain Mara"), *few, *rest])
    assert (issue.evidence["turns"], issue.evidence["replies"]) == (20, 20)


def test_duplicates_count_once() -> None:
    assert found((mara(20)[:6] + mara(0)[6:]) * 3 + others(1100)) == []


def test_what_other_characters_say_too_is_a_way_of_the_dataset() -> None:
    crew = [talk(n, f"{word(n)} {SALT}.", name=f"Sailor {n % 30}") for n in range(1000, 1008)]
    scarce = {PHRASE: {"share": 0.5}}
    (issue,) = found(mara(10) + crew + others(1100), thresholds=scarce)
    assert issue.evidence["others_share"] > 0
    loud = [talk(n, f"{word(n)} {SALT}.", name=f"Sailor {n % 30}") for n in range(1000, 1300)]
    assert found(mara(10) + loud + others(600)[200:], thresholds=scarce) == []


def test_the_score_is_the_log_odds_ratio_with_an_informative_prior() -> None:
    crew = [talk(n, f"{word(n)} {SALT}.", name=f"Sailor {n % 30}") for n in range(2500, 2504)]
    (issue,) = found(mara(10) + crew + others(1096), thresholds={PHRASE: {"share": 0.5}})
    having, replies, others_having, other_replies = 20, 60, 4, 1100
    prior, prior_of = (having + others_having) / 4, (replies + other_replies) / 4
    mine, mine_of = having + prior, replies + prior_of
    yours, yours_of = others_having + prior, other_replies + prior_of
    ratio = math.log(mine / (mine_of - mine)) - math.log(yours / (yours_of - yours))
    assert issue.evidence["z"] == pytest.approx(ratio / math.sqrt(1 / mine + 1 / yours), abs=0.01)
    assert issue.evidence["others_share"] == pytest.approx(4 / 1100, abs=1e-4)


def test_what_users_say_to_it_is_its_theme() -> None:
    assert found(mara(10, asks=f"They say {SALT}!") + others(1100)) == []
    assert found(mara(10, system=f"You are Mara and say {SALT}.") + others(1100)) == []


def test_the_name_of_the_speaker_is_no_catchphrase() -> None:
    for phrase in ("said Captain Mara and smiled", "and the old Captain laughed aloud"):
        assert found(mara(10, phrase) + others(1100)) == []
    assert len(found(mara(10, "said captain nobody and smiled") + others(1100))) == 1


@pytest.mark.parametrize("name", ["A", "***", "The"])
def test_a_name_of_no_word_of_its_own_hides_no_phrase(name: str) -> None:
    (issue,) = found(mara(10, "by the salt of a sea", name=name) + others(1100))
    assert issue.evidence["character"] == name


def test_a_catchphrase_of_a_script_without_blanks_is_found() -> None:
    issues = found(mara(10, "以大海的盐起誓永不回头", name="马拉船长") + others(1100))
    assert issues
    assert all(issue.evidence["character"] == "马拉船长" for issue in issues)
    assert found(mara(10, "众人听马拉船长说道好", name="马拉船长") + others(1100)) == []


def test_a_greeting_that_begins_all_conversations_is_no_catchphrase() -> None:
    greeting = f"Welcome aboard, {SALT}! The wind is fair and the rum is cold."
    stories = says("", 0, count=1)
    chats = [talk(n, greeting, *replies, name="Captain Mara") for n, replies in enumerate(stories)]
    assert found(chats + others(2500)) == []
    later = [talk(n, *replies, greeting, name="Captain Mara") for n, replies in enumerate(stories)]
    assert len(found(later + others(2500))) >= 1


def test_the_longest_phrase_is_named_once() -> None:
    phrase = "by the salt of the sea and my father's beard"
    issues = found(mara(10, phrase) + others(1100))
    assert 1 <= len(issues) <= 2


@pytest.mark.parametrize("order", ["first", "last", "spread"])
def test_neither_blocks_nor_their_order_matter_to_a_catchphrase(
    monkeypatch: pytest.MonkeyPatch, order: str
) -> None:
    tale, rest = mara(10), others(1100)
    spread = [one for n, part in enumerate(tale) for one in [part, *rest[n * 55 : n * 55 + 55]]]
    records = {"first": tale + rest, "last": rest + tale, "spread": spread}[order]
    (whole,) = found(records)
    for size in (5, 100):
        monkeypatch.setattr("rolethread_nb.sources.records.BLOCK_RECORDS", size)
        (issue,) = found(records)
        assert issue.evidence == whole.evidence


def test_thresholds_of_a_catchphrase_can_be_changed() -> None:
    records = mara(9) + others(1100)
    (issue,) = found(records, thresholds={PHRASE: {"character_share": 0.25}})
    assert issue.evidence["share"] == 0.3
    assert found(mara(10) + others(1100), thresholds={PHRASE: {"z": 20}}) == []
    assert found(mara(10) + others(1100), thresholds={PHRASE: {"turns": 61}}) == []
