"""Habits of narration and of characters: who tells, in which tense, whose part is played, who says what of himself."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rolethread_nb as rt
from rolethread_nb.core.model import Span
from rolethread_nb.language.packs import pack
from rolethread_nb.language.sentences import sentences

CODES = [
    "style.pov_drift",
    "style.tense_drift",
    "roleplay.user_agency",
    "roleplay.speaks_for_user",
    "roleplay.name_prefix",
    "roleplay.contradiction",
    "roleplay.character_drift",
]
FIRST = '"Wait," I said. I took my {0}, and I ran after the {0}.'
THIRD = '"Wait," she said. She took her {0}, and she ran after the {0}.'
PRESENT = '"Wait," she says. She takes her {0}, and she runs after it. She laughs.'
THINGS = [
    f"{one}{two}"
    for one in ("cat", "dog", "hat", "cup", "key")
    for two in ("bird", "fish", "moon", "rock", "tree", "ship")
]


def chat(*texts: str, system: str = "", names: tuple[str, str] | None = None) -> dict[str, Any]:
    """A conversation of user and assistant in turn."""
    messages: list[dict[str, str]] = [{"role": "system", "content": system}] if system else []
    for at, text in enumerate(texts):
        named = {"name": names[at % 2]} if names else {}
        messages.append({"role": ("user", "assistant")[at % 2], **named, "content": text})
    return {"messages": messages}


def told(*replies: str) -> dict[str, Any]:
    return chat(*(text for reply in replies for text in ("Go on.", reply)))


def found(records: list[dict[str, Any]], code: str, **settings: float) -> list[rt.Issue]:
    return list(rt.load(records).check("roleplay", select=[code], **settings))


# ---------------------------------------------------------------- person and tense


def test_a_drift_names_the_rarer_person_and_shows_both_sentences() -> None:
    replies = [FIRST.format("hat"), FIRST.format("cup"), THIRD.format("key")]
    (issue,) = found([told(*replies)], "style.pov_drift")

    assert (issue.turn, issue.severity) == (5, "warning")
    assert issue.evidence["way"] == "third"
    assert issue.evidence["hits"] >= issue.evidence["threshold"] == 3
    assert replies[2][issue.start : issue.end] == "she said."
    start, end = issue.evidence["other_span"]
    assert replies[0][start:end] == "I said."
    assert issue.evidence["other_turn"] == 1


def test_what_is_said_has_no_part_in_how_it_is_told() -> None:
    said = '"I came, I saw, I won, and I left with my horse," he said. He laughed, and he raised his cup.'
    assert not found([told(said, THIRD.format("hat"))], "style.pov_drift")


@pytest.mark.parametrize("code", ["style.pov_drift", "style.tense_drift"])
def test_a_conversation_against_nearly_all_of_the_dataset_is_a_note(code: str) -> None:
    usual = [told(THIRD.format(thing)) for thing in THINGS]
    other = told((FIRST if code == "style.pov_drift" else PRESENT).format("lamp"))
    (issue,) = found([*usual, other], code)

    assert (issue.conversation, issue.turn, issue.severity) == (len(usual), 1, "info")
    assert issue.evidence["against"] == "dataset"
    assert issue.evidence["share"] >= issue.evidence["threshold"]
    assert not found([*usual[:10], other], code)


def test_the_same_conversation_again_makes_no_majority() -> None:
    assert not found([*[told(THIRD.format("hat"))] * 30, told(FIRST.format("lamp"))], "style.pov_drift")


def test_a_change_of_tense_is_shown_with_its_verbs() -> None:
    replies = [
        '"Wait," she said. She took her hat, and she ran after it. She laughed.',
        PRESENT.format("cup"),
        PRESENT.format("key"),
    ]
    (issue,) = found([told(*replies)], "style.tense_drift")

    assert (issue.turn, issue.severity) == (1, "info")
    assert issue.evidence["hits"] >= issue.evidence["threshold"] == 3
    assert issue.evidence["decided"] == 0.8
    assert "past" in issue.message
    assert "present" in issue.message


# ---------------------------------------------------------------- the user's part


def test_what_the_user_said_himself_may_be_told_again() -> None:
    reply = '"Oh," she says. You open the door and walk out.'
    assert found([chat("Hm.", reply)], "roleplay.user_agency")
    assert not found([chat("I open the door and walk out.", reply)], "roleplay.user_agency")


def test_where_most_replies_act_for_the_user_it_is_said_once() -> None:
    acting = [
        told(f'"Come," says the {thing}. You nod and follow. You take the {thing}.') for thing in THINGS
    ]
    (issue,) = found(acting, "roleplay.user_agency")

    assert (issue.conversation, issue.severity) == (None, "info")
    assert issue.evidence["acting"] == len(acting)
    assert len(issue.related) == len(acting)


def test_a_prompt_that_asks_for_the_second_person_makes_it_no_fault() -> None:
    reply = '"Halt!" You draw your sword and attack. You win.'
    (issue,) = found([chat("Go.", reply, system="You run a text adventure.")], "roleplay.user_agency")
    assert (issue.conversation, issue.severity, issue.evidence["convention"]) == (None, "info", "asked")


def test_what_the_user_perceives_is_a_note() -> None:
    (issue,) = found([told('"Look," he says. You see a ship. You hear the gulls.')], "roleplay.user_agency")
    assert issue.severity == "info"


def test_a_whole_transcript_is_leak_templates_and_is_not_flagged_twice() -> None:
    record = chat("Hi", "Hello.\nUser: And you?\nAssistant: Fine.")
    report = rt.load([record]).check("roleplay", select=["leak.template", "roleplay.speaks_for_user"])
    assert set(report.counts) == {"leak.template"}


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("Аня", "Аня: Я уже иду."),
        ("小明", "小明：我马上到。"),
        ("سامي", "سامي: أنا قادم الآن."),
        ("Frau Kern", "Frau Kern: Ich komme."),
    ],
)
def test_the_name_of_the_user_is_his_label_in_every_script(name: str, line: str) -> None:
    (issue,) = found([chat("…", f"—\n{line}", names=(name, "X"))], "roleplay.speaks_for_user")
    assert (issue.turn, issue.severity) == (1, "error")
    assert f"—\n{line}"[issue.start : issue.end] == line


def test_labels_that_were_mapped_to_the_user_count_as_his_name() -> None:
    record = {
        "conversations": [
            {"from": "Kunde", "value": "Hallo"},
            {"from": "gpt", "value": "Guten Tag.\nKunde: Ich brauche Hilfe."},
        ]
    }
    report = rt.load([record], roles={"Kunde": "user"}).check("roleplay", select=["roleplay.speaks_for_user"])
    assert report.counts == {"roleplay.speaks_for_user": 1}


# ---------------------------------------------------------------- names


def test_a_name_in_front_goes_into_name() -> None:
    ds = rt.load(
        [
            {
                "messages": [
                    {"role": "user", "content": "Hi"},
                    {"role": "assistant", "content": "Lena: It's me.", "name": "Lena"},
                ]
            },
            chat("Who?", "**Lena:** Me.", system="You are Lena."),
        ]
    )
    report = ds.check("roleplay", select=["roleplay.name_prefix"])
    assert {issue.repair for issue in report} == {"unsafe"}
    report.repairs(unsafe=True).apply()

    assert [(chat.messages[-1].name, chat.messages[-1].text) for chat in ds] == [
        ("Lena", "It's me."),
        ("Lena", "Me."),
    ]


def test_names_in_front_of_most_replies_are_the_convention() -> None:
    named = [chat("Who?", f"Lena: The {thing}.", names=("Jonas", "Lena")) for thing in THINGS]
    assert not found(named, "roleplay.name_prefix")
    assert len(found(named[:10], "roleplay.name_prefix")) == 10


# ---------------------------------------------------------------- facts


def test_both_sides_of_a_contradiction_are_shown() -> None:
    texts = ("You?", "I have green eyes.", "And?", "People look at my blue eyes.")
    (issue,) = found([chat(*texts)], "roleplay.contradiction")

    assert texts[3][issue.start : issue.end] == "my blue eyes"
    start, end = issue.evidence["other_span"]
    assert texts[issue.evidence["other_turn"]][start:end] == "I have green eyes"
    assert (issue.severity, issue.evidence["other_conversation"]) == ("warning", None)


def test_two_conversations_of_one_prompt_that_contradict_one_another_are_a_note() -> None:
    records = [
        chat("Age?", "I'm 24 years old.", system="You are Mira, a baker."),
        chat("How old?", "I'm 31 years old.", system="You are Mira, a baker."),
        chat("How old?", "I'm 56 years old.", system="You are Tom, a smith."),
    ]
    (issue,) = found(records, "roleplay.contradiction")
    assert (issue.conversation, issue.severity) == (1, "info")
    assert issue.related == [{"source": 0, "conversation": 0, "turn": 2}]


@pytest.mark.parametrize(
    "said",
    [
        "I used to have blue eyes.",
        "I wear contacts for my blue eyes.",
        "In disguise I have blue eyes.",
        "If I have blue eyes, sue me.",
    ],
)
def test_what_was_or_seems_is_no_contradiction(said: str) -> None:
    assert not found([chat("You?", "I have green eyes.", "And?", said)], "roleplay.contradiction")


HEIGHTS = ["six feet tall", "6 feet tall", "6'0\"", "5’11”", "6ft 0", "183cm", "1.83 m tall", "1,80 m tall", "5-foot-11", "six foot one", "71 inches tall"]  # fmt: skip


@pytest.mark.parametrize("height", HEIGHTS)
def test_one_height_in_other_units_is_no_contradiction_and_another_height_is(height: str) -> None:
    said = f"I'm {height}."
    assert not found([chat("You?", "I'm six feet tall.", "And?", said)], "roleplay.contradiction")
    (issue,) = found([chat("You?", "I'm five feet tall.", "And?", said)], "roleplay.contradiction")

    assert said[issue.start : issue.end] == said[:-1]
    assert issue.evidence["slot"] == "height"
    assert issue.evidence["value"] == pytest.approx(183, abs=3)
    assert issue.message.endswith("cm here, 152 cm in turn 1")


@pytest.mark.parametrize(
    "said",
    [
        "I'm almost six feet tall.",
        "I'm over six feet tall.",
        "I'm six feet tall or so.",
        "I'm six feet away.",
        "In heels I'm six feet tall.",
        "I grew. I'm six feet tall.",
        "When you smile, I'm six feet tall.",
        "Next to you I'm two feet tall.",
        "The wave is six feet tall.",
        "I'm ten inches taller than you.",
    ],
)
def test_what_is_not_an_exact_height_of_somebody_states_none(said: str) -> None:
    assert not found([chat("You?", "I'm five feet tall.", "And?", said)], "roleplay.contradiction")


def test_a_building_has_no_height_as_people_have() -> None:
    texts = ("What is it?", "Grey Tower is 40 metres tall.", "And?", "Grey Tower is 60 metres tall.")
    assert not found([chat(*texts)], "roleplay.contradiction")


def test_an_age_is_no_number_before_a_point() -> None:
    texts = ("You?", "I'm 34 years old.", "And?", "I'm 5.5 feet tall.")
    assert not found([chat(*texts)], "roleplay.contradiction")


@pytest.mark.parametrize(
    ("one", "other", "contradicts"),
    [
        ("I am a blacksmith.", "I work as a nurse.", True),
        ("I'm a young detective.", "I'm a plumber by trade.", True),
        ("Tom is a fisherman with an old boat.", "Tom works as a tailor by the harbour.", True),
        ("I'm a doctor.", "I'm a surgeon.", False),
        ("I'm a doctor.", "I'm a father.", False),
        ("I'm a nurse.", "I'm a doctor's daughter.", False),
        ("I'm a nurse.", "I'm a doctor of philosophy.", False),
        ("I'm a nurse.", "I'm also a bartender.", False),
        ("I'm a nurse.", "I'm a retired teacher.", False),
        ("I'm a nurse.", "I'm a pilot in training.", False),
        ("I'm a nurse and a baker.", "I'm a baker.", False),
        ("I'm a nurse.", "Tonight I'm a cook for the two of us.", False),
        ("I'm a nurse.", "You make it sound like I'm a butcher.", False),
        ("I'm a nurse.", "I'm a cook, a driver and a teacher.", False),
        ("I'm a nurse.", "Well, I'm a baker, and you know it.", True),
        ("Mom is a nurse at the clinic.", "Mom is a baker at the market.", False),
    ],
)
def test_only_occupations_that_exclude_one_another_contradict(
    one: str, other: str, contradicts: bool
) -> None:
    assert bool(found([chat("Who?", one, "And?", other)], "roleplay.contradiction")) is contradicts


@pytest.mark.parametrize(
    ("one", "between", "other"),
    [
        ("I'm a cashier.", "I heard you got fired!", "I'm a baker."),
        ("I'm six feet tall.", "Here, the potion.", "I'm six inches tall."),
    ],
)
def test_a_change_between_two_facts_makes_both_true(one: str, between: str, other: str) -> None:
    assert not found([chat("You?", one, between, other)], "roleplay.contradiction")
    assert found([chat("You?", one, "And?", other)], "roleplay.contradiction")


# ---------------------------------------------------------------- voices


def test_a_voice_unlike_the_others_is_named_with_three_features() -> None:
    def says(at: int) -> str:
        return " ".join(
            f"The {THINGS[(at + n) % 30]} is by the door, and I was on my way to the {THINGS[(at * 7 + n) % 30]}, as it was late."
            for n in range(6)
        )

    usual = [chat("Go.", says(at), "On.", says(at + 3), names=("Kai", "Tom")) for at in range(16)]
    odd = chat("Go.", "WOW!!! So cute!!! LOVE it!!! " * 20, names=("Kai", "Tom"))
    assert not found(usual, "roleplay.character_drift")
    (issue,) = found([*usual, odd], "roleplay.character_drift")

    assert (issue.conversation, issue.turn, issue.severity) == (16, None, "info")
    assert len(issue.evidence["features"]) == 3
    assert issue.evidence["delta"] > issue.evidence["threshold"]
    assert all(one["feature"] in issue.message for one in issue.evidence["features"])


# ---------------------------------------------------------------- all of them


@settings(deadline=None, max_examples=40)
@given(
    st.lists(
        st.lists(
            st.sampled_from(
                'You I she he " “ ” * _ said, says: nod walk Lena: User: {{user}} my blue eyes . ? ! \n 用户： … 24 years old « » ` - Mr. feel are afraid'.split(
                    " "
                )
            ),
            max_size=14,
        ).map(" ".join),
        min_size=2,
        max_size=6,
    )
)
def test_no_text_stops_a_rule_and_spans_lie_inside(texts: list[str]) -> None:
    ds = rt.load([chat(*texts, names=("Lena", "Mr."))])
    report = ds.check("roleplay", select=CODES)
    assert "rule.failed" not in report.counts
    for issue in report:
        if issue.turn is not None:
            assert 0 <= (issue.start or 0) <= (issue.end or 0) <= len(ds[0].messages[issue.turn].text)


@pytest.mark.parametrize(
    "text",
    [
        "you " * 200_000,
        '"' * 100_000,
        "*a b* " * 50_000,
        "Lena" * 100_000 + ":",
        "I have " * 100_000,
        "a" * 1_000_000,
    ],
)
def test_long_texts_are_read_in_linear_time(text: str) -> None:
    record = chat("Hi", f'"Go," she said. {text}', names=("Lena", "Tom"))
    assert "rule.failed" not in rt.load([record]).check("roleplay", select=CODES).counts


def test_sentences_end_at_their_marks_in_any_script() -> None:
    def cut(text: str, within: Span | None = None) -> list[str]:
        return [text[one.start : one.end] for one in sentences(text, within)]

    assert cut('Mr. Hale left. "Why?" she asked. 3.5 miles!') == [
        "Mr. Hale left.",
        '"Why?"',
        "she asked.",
        "3.5 miles!",
    ]
    assert cut("他走了。她笑了！好") == ["他走了。", "她笑了！", "好"]
    assert cut("one\n\ntwo …") == ["one", "two …"]
    assert cut("a. b. c.", Span(3, 5)) == ["b."]
    assert cut("") == cut("...") == []


def test_words_of_ones_own_pack_are_used(tmp_path: Any) -> None:
    folder = tmp_path / "en"
    folder.mkdir()
    words = dict(pack("en").subjects["narration"])
    words["asks_for_second_person"] = ["tell me of myself"]
    lines = [f"{name} = {list(values)!r}" for name, values in words.items()]
    (folder / "narration.toml").write_text("\n".join(lines), encoding="utf-8")
    record = chat("Please tell me of myself.", '"Come," she says. You nod and follow.')
    assert found([record], "roleplay.user_agency")[0].conversation == 0
    try:
        rt.language_pack(folder)
        assert found([record], "roleplay.user_agency")[0].conversation is None
    finally:
        rt.forget_language_pack("en")
