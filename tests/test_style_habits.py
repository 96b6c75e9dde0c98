"""Habits of style: openings, phrases, loops, marks of form, languages."""

from __future__ import annotations

import itertools
import json
from typing import Any

import numpy as np
import polars as pl
import pytest

import rolethread_nb as rt
from rolethread_nb.core.word_table import words_of
from rolethread_nb.language.tongues import (
    function_words,
    names_language,
    only_function_words,
    tongue,
    votes,
)


def chat(*replies: str, question: str = "Go on.", system: str | None = None) -> dict[str, Any]:
    turns = [] if system is None else [{"role": "system", "content": system}]
    for reply in replies:
        turns += [{"role": "user", "content": question}, {"role": "assistant", "content": reply}]
    return {"messages": turns}


def found(records: list[dict[str, Any]], code: str, **more: Any) -> list[rt.Issue]:
    report = rt.load(records).check("roleplay", select=[code], **more)
    assert "rule.failed" not in report.counts
    return list(report)


def number(n: int) -> str:
    """A word of its own for each number."""
    return "".join(chr(ord("a") + int(digit)) for digit in f"{n:05}")


# ---------------------------------------------------------------- openings

OPENING = "style.repeated_opening"


def test_an_opening_names_its_turns_and_their_spans() -> None:
    (issue,) = found(
        [chat("Of course, my lord. Enter.", "“Of course, my dear.”", "No.", "*Of course, my* boy!")], OPENING
    )

    assert (issue.severity, issue.conversation, issue.turn) == ("warning", 0, 3)
    assert issue.evidence["places"] == [[1, 0, 13], [3, 1, 14], [7, 1, 14]]
    assert (issue.evidence["share"], issue.evidence["threshold"]) == (0.75, 0.6)
    assert [place["turn"] for place in issue.related] == [1, 7]
    assert issue.message == "3 of 4 replies begin with “Of course, my”"


def test_a_reply_that_is_said_again_word_for_word_counts_once() -> None:
    assert found([chat(*["The old tavern is shut."] * 4)], OPENING) == []


def test_a_speakers_label_is_no_opening() -> None:
    assert found([chat("Mara: Yes, sir.", "Mara: No, never.", "Mara: Go away, cat.")], OPENING) == []
    assert (
        len(found([chat("Mara: Oh my dear sir.", "Mara: Oh my dear!", "Mara: Oh my dear cat.")], OPENING))
        == 1
    )


def test_characters_of_a_script_without_blanks_are_half_a_word() -> None:
    assert found([chat("我觉得很好。", "我觉得不行。", "我觉得可以。")], OPENING) == []
    assert len(found([chat("我能感受到你累。", "我能感受到你怕。", "我能感受到你烦。")], OPENING)) == 1


def opened(common: int, others: int = 40) -> list[dict[str, Any]]:
    said = [f"I understand completely, {number(n)}." for n in range(common)]
    return [
        chat(reply)
        for reply in [*said, *(f"{number(n)} is next, and {number(n)} after." for n in range(others))]
    ]


def test_an_opening_of_many_conversations_is_one_finding_about_the_dataset() -> None:
    (issue,) = found(opened(6), OPENING)

    assert (issue.severity, issue.conversation) == ("info", None)
    assert issue.evidence["opening"] == "I understand completely"
    assert (issue.evidence["count"], issue.evidence["conversations"]) == (6, 6)
    assert issue.evidence["share"] == pytest.approx(6 / 46, abs=1e-4)
    assert [place["conversation"] for place in issue.related] == list(range(6))
    assert found(opened(4), OPENING) == []


def test_one_long_chat_makes_no_habit_and_duplicates_count_once() -> None:
    long = chat(*(f"I understand completely, {number(n)}." for n in range(30)))
    assert [i.conversation for i in found([long, *opened(3)], OPENING)] == [0]
    assert found(opened(1, 40) + opened(1, 0) * 9, OPENING) == []


def test_a_longer_opening_stands_for_its_beginning() -> None:
    replies = [f"I understand completely how you feel about {number(n)}." for n in range(9)]
    (issue,) = found([chat(reply) for reply in replies] + opened(0), OPENING)
    assert issue.evidence["opening"] == "I understand completely how you feel"


# ---------------------------------------------------------------- phrases

PHRASE = "style.overused_phrase"


def told(n: int, phrase: str) -> dict[str, Any]:
    return chat(f"{number(n)}. Then {phrase}, {number(n + 1)}.", question=f"And {number(n)}?")


def test_a_phrase_is_found_with_its_conversations() -> None:
    plain = [told(n, number(7 * n)) for n in range(100, 200)]
    (issue,) = found([told(n, "a Shiver runs down\tHER spine") for n in range(9)] + plain, PHRASE)

    assert issue.evidence["phrase"].lower().split() == "then a shiver runs down her spine".split()
    assert (issue.evidence["conversations"], issue.evidence["turns"]) == (9, 9)
    assert issue.evidence["threshold"] == 8
    assert [place["conversation"] for place in issue.related] == list(range(9))
    assert found(plain, PHRASE) == []


def test_what_users_say_as_often_is_no_habit_of_the_replies() -> None:
    phrase = "a shiver runs down her spine"
    records = [chat(f"{number(n)}, {phrase}.", question=f"{phrase}, {number(n)}?") for n in range(20)]
    assert found(records, PHRASE) == []


def test_a_long_sentence_is_named_once_and_not_word_by_word() -> None:
    sentence = "the candle gutters while the old wolf howls beyond the frozen river and nobody answers"
    issues = found([chat(f"{number(n)}: {sentence}.") for n in range(20)], PHRASE)
    assert 1 <= len(issues) <= 2


def test_the_counts_are_those_of_a_plain_loop() -> None:
    words = ["ash", "birch", "cedar", "elm", "fir"]
    random = np.random.default_rng(5)
    texts = [" ".join(random.choice(words, 12)) for _ in range(60)]
    counted: dict[str, set[int]] = {}
    for n, text in enumerate(texts):
        for at in range(9):
            counted.setdefault(" ".join(text.split()[at : at + 4]), set()).add(n)
    for issue in found([chat(text, question=str(n)) for n, text in enumerate(texts)], PHRASE):
        if issue.evidence["words"] == 4:
            assert issue.evidence["conversations"] == len(counted[issue.evidence["phrase"]])
    assert found([chat(text) for text in texts[:7]], PHRASE) == []


def test_blocks_do_not_matter() -> None:
    filler = [chat(f"{number(n)} " * 40, question=number(n)) for n in range(3000)]
    habit = [told(n, "a shiver runs down her spine") for n in range(40)]
    mixed = list(itertools.chain(habit[:1], filler[:1500], habit[1:20], filler[1500:], habit[20:]))
    (issue,) = found(mixed, PHRASE)
    assert issue.evidence["conversations"] == 40


# ---------------------------------------------------------------- loops

LOOP = "style.loop"
CIRCLE = (
    "The troll roars and swings its massive club. You barely dodge as the ground shakes beneath your feet.",
    "The massive troll roars in fury, swings its club, and the ground shakes beneath your feet as you barely dodge.",
    "Roaring, the massive troll swings its club again. The ground shakes beneath your feet, you barely dodge.",
)


def test_a_loop_is_a_warning_and_soothing_alone_an_info() -> None:
    (loop,) = found([chat(*CIRCLE)], LOOP)
    assert (loop.severity, loop.evidence["sign"], loop.evidence["threshold"]) == ("warning", "alike", 0.5)
    (soothing,) = found([chat("I’m sorry.", "Oh, I'm so sorry!", "Well, I am sorry.", "No.")], LOOP)
    assert soothing.severity == "info"
    assert soothing.evidence["families"] == {"apology": 3}
    assert soothing.message == "Apology in 3 of 4 replies"
    (both,) = found([chat(*(f"{reply} I'm so sorry, my love." for reply in CIRCLE))], LOOP)
    assert both.severity == "warning"
    assert set(both.evidence["families"]) == {"apology", "affection"}


def test_code_and_verse_that_repeat_are_no_loop() -> None:
    code = "```python\ndef add(first, second):\n    return first + second + something + another + third\n```"
    assert found([chat(code, code + " ", code + "  ")], LOOP) == []
    verse = "Oh the captain was drunk on the first of May,\nheave away, lads, heave away,\nand he steered by the moon all day."
    assert found([chat(verse, verse + " ", verse + "  ")], LOOP) == []


def test_a_threshold_can_be_changed() -> None:
    assert found([chat(*CIRCLE)], LOOP, thresholds={LOOP: {"words": 40}}) == []
    drift = [chat("Wait... what?", "Well… no.")]
    assert found(drift, "style.format_drift") == []
    assert len(found(drift, "style.format_drift", thresholds={"style.format_drift": {"turns": 2}})) == 1


# ---------------------------------------------------------------- marks of form

DRIFT = "style.format_drift"


@pytest.mark.parametrize(
    ("usual", "other", "facet"),
    [
        ('"Go," she said.', "“Go,” she said.", "quotation marks"),
        ("«Va», dit-elle.", '"Va", dit-elle.', "quotation marks"),
        ("*nods slowly* Yes.", "(nods slowly) Yes.", "actions"),
        ("Well... no.", "Well… no.", "dots"),
        ("He came -- late.", "He came—late.", "dashes"),
        ("She isn't here.", "She isn’t here.", "apostrophes"),
        ("- one\n- two", "* one\n* two", "bullets"),
        (
            "It was a size nine, left foot. I shall keep it.",
            "it was a size nine, left foot. i shall keep it.",
            "case",
        ),
    ],
)
def test_the_turn_that_differs_is_named_with_its_mark(usual: str, other: str, facet: str) -> None:
    (issue,) = found([chat(usual, other, usual)], DRIFT)

    assert (issue.severity, issue.turn, issue.evidence["facet"]) == ("warning", 3, facet)
    assert issue.end is not None
    assert 0 <= (issue.start or 0) < issue.end <= len(other)
    assert issue.evidence["forms"][issue.evidence["usual"]] == 2


def test_where_many_mix_it_is_the_way_of_the_data() -> None:
    mixing = [chat('"Go," she said.', f"“Go,” said {number(n)}.", '"Go," she said.') for n in range(25)]
    (issue,) = found(mixing, DRIFT)
    assert (issue.conversation, issue.severity, issue.evidence["mixing"]) == (None, "info", 25)


def test_a_dataset_without_a_convention_is_told_by_source() -> None:
    straight, curly = (
        [chat(f"{mark}Go,{end} said {number(n)}.") for n in range(12)] for mark, end in ('""', "“”")
    )
    (issue,) = found([*straight, *curly], DRIFT)
    assert issue.evidence["sources"] == {"0": {'straight "…"': 12, "curly “…”": 12}}
    assert found(straight + curly[:2], DRIFT) == []


def test_a_system_prompt_and_a_language_have_conventions_of_their_own() -> None:
    by_prompt = [
        chat(f"{mark}Go,{end} said {number(n)}.", system=system)
        for system, (mark, end) in (("You are A.", '""'), ("You are B.", "“”"))
        for n in range(12)
    ]
    assert found(by_prompt, DRIFT) == []
    german = [chat(f"„Geh“, sagte die Frau, und sie ging mit ihm, {number(n)}.") for n in range(12)]
    english = [chat(f'"Go," said the woman, and she went with him, {number(n)}.') for n in range(12)]
    assert found(german + english, DRIFT) == []


# ---------------------------------------------------------------- languages

MIX = "style.language_mix"
GERMAN = "Der Laden öffnet um neun, aber an diesem Tag ist er wegen der Inventur nicht vor zehn für Sie da."
ENGLISH = (
    "The shop opens at nine, but on that day it is not there for you before ten because of the inventory."
)


def test_a_reply_in_another_language_says_in_which() -> None:
    (issue,) = found([chat(ENGLISH, question=GERMAN)], MIX)
    assert (issue.turn, issue.severity) == (1, "warning")
    assert (issue.evidence["reply"], issue.evidence["user"]) == ("en", "de")
    assert issue.message == "A reply in English to a turn in German"
    assert (issue.start, issue.end) == (0, len(ENGLISH))


def test_where_most_replies_are_in_another_language_that_is_how_the_data_are() -> None:
    mixed = [chat(f"{ENGLISH} {number(n)}", question=f"{GERMAN} {number(n)}") for n in range(40)]
    alike = [chat(f"{GERMAN} {number(n)}", question=f"{GERMAN} {number(n)}") for n in range(30)]
    (issue,) = found(mixed + alike, MIX)
    assert (issue.turn, issue.severity) == (None, "info")
    assert (issue.evidence["pairs"], issue.evidence["other"], issue.evidence["share"]) == (70, 40, 0.571)
    assert (
        issue.message
        == "40 of 70 replies (57.1%) are in another language or script than the turn before them"
    )
    assert len(issue.related) == 40
    assert len(found(mixed[:15] + alike, MIX)) == 15
    assert len(found(mixed[:20], MIX)) == 20  # too few to be a convention


@pytest.mark.parametrize(
    "system",
    [
        "You are a translator.",
        "Antworte immer auf Englisch.",
        "请用英语回答。",
        "Réponds en allemand ou en anglais.",
    ],
)
def test_a_prompt_that_asks_for_a_language_is_obeyed(system: str) -> None:
    assert found([chat(ENGLISH, question=GERMAN, system=system)], MIX) == []


def test_each_word_of_the_lists_is_one_word_and_languages_fit_into_the_table() -> None:
    for language, words in function_words().items():
        assert words_of(pl.Series(sorted(words))).counts.tolist() == [1] * len(words), language
    assert len(function_words()) <= 32


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (ENGLISH, "en"),
        (GERMAN, "de"),
        ("Je ne sais pas ce que vous voulez dire avec cette lettre.", "fr"),
        ("Не знам како да стигнем до станице, да ли можеш да ми помогнеш?", "sr"),
        ("Naravno, do stanice možeš da stigneš autobusom koji ide preko mosta.", "sr"),
        ("می‌خواهم برای سفر به شیراز برنامه‌ریزی کنم، از کجا شروع کنم؟", "fa"),
        ("من الأفضل أن تبدأ بزيارة المدينة القديمة في اليوم الأول ثم تذهب إلى الحدائق.", "ar"),
        ("明日の会議の資料をどうやってまとめればいいですか。", "ja"),
        ("会议资料可以先列出要点。", "zh"),
        ("이번 주말에 갈 만한 곳을 추천해 주세요.", "ko"),
        ("12 + 12", "unknown"),
    ],
)
def test_languages_are_told_apart(text: str, name: str) -> None:
    assert tongue(text).name == name


def test_votes_in_columns_and_one_by_one_agree_on_the_leader() -> None:
    table = words_of(pl.Series([ENGLISH, GERMAN, ""]))
    leaders = [list(function_words())[n] for n in votes(table).argmax(axis=1)[:2]]
    assert leaders == ["en", "de"]
    assert votes(table)[2].sum() == 0
    assert only_function_words(["IT", "is", "the"])
    assert not only_function_words(["it", "is", "raining"])
    assert names_language("Sag es auf Deutsch.")
    assert not names_language("Sag es ihm.")


# ---------------------------------------------------------------- odd data


@pytest.mark.parametrize(
    "text", ["", " ", "word " * 20_000, "字" * 20_000, "\ud800" * 40, "*" * 5000, '"' * 5000, "a\x00b" * 50]
)
def test_nothing_stops_on_odd_text(text: str) -> None:
    record = json.loads(json.dumps(chat(text, text + "x", text + "y", question=text)))
    for code in (OPENING, PHRASE, LOOP, DRIFT, MIX):
        found([record] * 2, code)
