"""Narration that shows neither quotation marks nor asterisks."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import rolethread_nb as rt
from rolethread_nb.language.prose import tells, tells_by_itself
from rolethread_nb.language.speech import narration, parts_of

FIGHT = "You draw your sword and charge at the beast. You feel rage. You decide to kill it. The beast roars."
SHE = "She walked to the window. She opened it and she looked out. Her hands shook. She closed it."
I_DID = "I walked to the door. I opened it and I looked out. My hands shook. I closed it."

SCENES = [
    FIGHT,
    SHE,
    "He waits by the well. The rope creaks. Mara nods and throws him the lamp.",
    "The lamp flickered. They ran for the stairs, and the door slammed behind them. Nobody spoke.",
]
CHAT = [
    I_DID,  # somebody may be saying so
    "You can open the settings. You feel tired? You should look at the second page.",
    "You open the settings and press the red key. You pick a language. The app asks for your password.",
    "You lift the handle and pull the door towards you. The lamp lights. You push the tray inside.",
    "He called this morning. He sounded happy. They are fine, and she sends her love.",
    "She was born in Lyon. She studied law, she became a judge, and she laughed at her critics.",
    "You feel tired, and you want to be left alone. You think that nobody sees it. He does.",
    "1. She walks to the door.\n2. She opens it.\n3. She looks out.",
    "Who knocked? She opened the door. She looked out. Who stood there?",
    "Sie ging zum Fenster. Sie sah hinaus. Sie seufzte.",
]


def exchange(*replies: str) -> dict[str, Any]:
    messages = []
    for reply in replies:
        messages += [{"role": "user", "content": "Go on."}, {"role": "assistant", "content": reply}]
    return {"messages": messages}


def counts(code: str, *replies: str) -> dict[str, int]:
    return dict(rt.load([exchange(*replies)]).check("roleplay", select=[code]).counts)


@pytest.mark.parametrize("text", SCENES)
def test_a_scene_without_any_mark_is_all_narration(text: str) -> None:
    parts = parts_of(text)
    assert (parts.by, parts.speech, parts.narration) == ("prose", (), ((0, len(text)),))
    assert narration(pl.Series([text])).to_list() == [text]


@pytest.mark.parametrize("text", CHAT)
def test_who_advises_explains_or_chats_tells_nothing(text: str) -> None:
    assert parts_of(text).by is None
    assert narration(pl.Series([text])).to_list() == [None]


@given(st.lists(st.sampled_from([*" ".join([*SCENES, *CHAT]).split(), "’", "\n", "é"]), max_size=60))
def test_one_text_and_a_column_of_texts_are_judged_alike(words: list[str]) -> None:
    text = " ".join(words)
    assert tells(pl.Series([text, None]))["prose"].to_list() == [tells_by_itself(text), False]


def test_plain_prose_that_acts_for_the_user_is_found() -> None:
    assert counts("roleplay.user_agency", FIGHT) == {"roleplay.user_agency": 1}


def test_plain_prose_changes_its_person_and_its_tense() -> None:
    shows = SHE.replace("walked", "walks").replace("opened", "opens").replace("looked", "looks")
    shows = shows.replace("shook", "shake").replace("closed", "closes")
    assert counts("style.tense_drift", SHE, shows) == {"style.tense_drift": 1}
    assert counts("style.pov_drift", SHE, I_DID) == {"style.pov_drift": 1}


def test_what_somebody_says_he_did_is_no_story_unless_others_around_it_are() -> None:
    assert not counts("style.pov_drift", I_DID, "She is a nurse. Her cat is grey, and she loves her garden.")


def test_where_replies_quote_what_is_said_one_without_quotes_is_told() -> None:
    said = '"Come," she says. She opens the gate, and she goes first.'
    plain = "You nod. You pick up the lamp and follow her."
    assert counts("roleplay.user_agency", said, said.replace("gate", "door"), plain)
    assert not counts("roleplay.user_agency", "Of course.", "With pleasure.", plain)


def test_the_balance_of_plain_prose_has_person_tense_and_no_dialogue() -> None:
    balance = rt.load([exchange(SHE, "Of course, gladly."), exchange("A plain answer.")]).balance()
    assert balance.places("viewpoint", "third")["index"].tolist() == [0]
    assert balance.places("tense", "past")["index"].tolist() == [0]
    assert balance.numbers.loc["dialogue", ["count", "max", "missing"]].tolist() == [1, 0, 2]


def test_plain_prose_takes_quotes_from_no_conversation() -> None:
    replies = [SHE, SHE.replace("window", "stove"), SHE.replace("window", "gate"), '"Come," she said.']
    balance = rt.load([exchange(*replies)]).balance()
    assert balance.numbers.loc["dialogue", ["count", "min", "missing"]].tolist() == [4, 0, 0]
