"""Markup among plain replies: where it is marked, and that it is found by what it looks like, in whatever language people ask for it."""

from __future__ import annotations

from typing import Any

import pytest
from labelled import passages

import rolethread_nb as rt

_PLAIN = ("The kettle is on.", "He shrugged and looked at the bridge.", "Your parcel left Lyon this morning.")
_FENCED_COMMANDS = "{}:\n\n```\nvlan batch 10 20\ninterface vlanif 10\n```"


def chat(*texts: str) -> dict[str, Any]:
    return {
        "messages": [
            {"role": ("user", "assistant")[at % 2], "content": text} for at, text in enumerate(texts)
        ]
    }


def planted(*conversations: dict[str, Any], plain: int = 100) -> list[int]:
    """In which of some conversations markup is found, among many plain ones."""
    others = [chat("Go on.", _PLAIN[at % len(_PLAIN)]) for at in range(plain)]
    report = rt.load([*others, *conversations]).check("roleplay", select="leak.markup")
    return [issue.conversation - plain for issue in report if issue.conversation is not None]


def test_markup_is_marked_at_its_characters() -> None:
    shown = [one for one in passages("leak.markup") if one.fires and one.flagged]

    assert len([one for one in shown if one.seen]) >= 30
    assert [(one.line, one.seen, one.found) for one in shown if one.seen not in one.found] == []


def test_leftovers_are_told_from_what_was_meant_in_one_dataset() -> None:
    both = [one for one in passages("leak.markup") if len(one.messages) == 2]
    found = planted(*({"messages": list(one.messages)} for one in both), plain=2400)

    assert [both[at].line for at in set(found) if not both[at].fires] == []
    assert len(set(found)) >= 0.95 * sum(one.fires for one in both)


def test_where_every_second_reply_is_marked_up_nothing_is_reported() -> None:
    every = [{"messages": list(one.messages)} for one in passages("leak.markup") if len(one.messages) == 2]

    assert planted(*every, plain=0) == []


@pytest.mark.parametrize(
    ("question", "says"),
    [
        ("Donne-moi la suite pour le commutateur.", "Voici"),
        ("スイッチの設定を作ってください。", "こちらです"),
        ("لطفاً دستورات سوئیچ را آماده کن.", "بفرمایید"),
        ("Proszę o ustawienia przełącznika.", "Oto one"),
        ("Моля, помогни ми с настройките.", "Ето ги"),
    ],
)
def test_commands_that_are_fenced_are_an_answer_in_every_language(question: str, says: str) -> None:
    assert planted(chat(question, _FENCED_COMMANDS.format(says))) == []


def test_a_fence_around_a_sentence_is_a_leftover_in_every_language() -> None:
    told = (
        "Nikt nie otworzył drzwi aż do rana.",
        "店は七時に閉まります、また明日どうぞ。",
        "The tape ends here.",
    )

    assert planted(*(chat("…", f"```\n{one}\n```") for one in told)) == [0, 1, 2]
    assert planted(chat("Go on.", "The tape ends here.\n```")) == [0]


def test_a_worksheet_is_no_leftover() -> None:
    sheet = "**Übung 1**\n\n1. Haus\n2. Hof\n\n**Übung 2**\n\n1. Katze"

    assert planted(chat("Mach mir ein Blatt zum Üben.", sheet)) == []
    assert planted(chat("Go on.", "That is **not** so.")) == [0]


def test_a_reply_to_somebody_who_writes_code_may_hold_some() -> None:
    for said in ("Pourquoi `x` est vide ?", "a_b", "f();", "notes.py", "C++", "JSON形式で"):
        assert planted(chat(said, "Parce que **rien** ne s'y trouve.")) == []


def test_what_is_left_of_a_forum_is_found() -> None:
    assert planted(chat("Go on.", "[b]Kneel,[/b] says the queen.")) == [0]
    assert planted(chat("Go on.", "See [url=http://a.example]there[/url].")) == [0]
    assert planted(chat("Go on.", "He said it [quietly]. [b or c] [i]")) == []
