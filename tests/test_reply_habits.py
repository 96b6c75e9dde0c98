"""What replies are: refusals, placeholders, echoes, too short, too long, cut off; and what the balance of a dataset is."""

from __future__ import annotations

from typing import Any

import pytest

import rolethread_nb as rt

Chat = list[dict[str, str]]


def chat(*said: str, system: str = "") -> Chat:
    turns = [{"role": ("user", "assistant")[at % 2], "content": text} for at, text in enumerate(said)]
    return [{"role": "system", "content": system}, *turns] if system else turns


def check(*chats: Chat, code: str, **settings: Any) -> rt.Report:
    return rt.load([{"messages": one} for one in chats]).check("roleplay", select=[code], **settings)


def found(reply: str, code: str, question: str = "Go on with it.", system: str = "") -> list[Any]:
    return [one for one in check(chat(question, reply, system=system), code=code) if one.code == code]


STORY = (
    "It rained all night and the boat drifted down the river past the mill and the sleeping town of Greywater"
)
TOLD = [chat(f"And on day {n}?", f"On day {n} we rowed on. {STORY}.") for n in range(40)]


# ---------------------------------------------------------------- refusals, talk about itself


@pytest.mark.parametrize(
    "reply",
    [
        "“I cannot help you with that request,” said the guard.",
        "„Ich kann das nicht.“ I cannot stay, she wrote.",
        "«I can't assist with that», murmura-t-il.",
        "I cannot help you, my lord; the bridge is burnt.",
        "*shakes her head* I won't help you with that, stranger.",
        "I can't continue until the wound has been cleaned.",
        "> I cannot fulfill this request.\nThat is what it wrote back.",
    ],
)
def test_i_cannot_is_no_refusal_in_quoted_or_in_character_speech(reply: str) -> None:
    assert not found(reply, "reply.refusal")


@pytest.mark.parametrize("mark", ["'", "\u2019", ""])
def test_a_refusal_is_known_by_any_apostrophe_and_its_sentence_is_marked(mark: str) -> None:
    (one,) = found(
        f"Oh dear. I{mark}m sorry, but I can{mark}t assist with that request. Bye.", "reply.refusal"
    )

    assert (one.start, one.severity) == (9, "warning")
    assert one.evidence["said"].endswith("with that request.")


def test_who_asks_about_it_gets_talk_about_it_as_info() -> None:
    reply = "As an AI language model, I have no favourite colour."

    assert [one.severity for one in found(reply, "reply.meta")] == ["warning"]
    assert [one.severity for one in found(reply, "reply.meta", "Are you a robot?")] == ["info"]
    assert [one.severity for one in found(reply, "reply.meta", system="You are ARIA, an AI.")] == ["info"]


def test_a_sentence_that_refuses_as_an_ai_is_one_damage() -> None:
    refusing = "I'm sorry, but as an AI, I don't have the capability to perform external tasks."
    both = ["reply.refusal", "reply.meta"]

    def codes(reply: str) -> list[str]:
        return [one.code for one in rt.load([{"messages": chat("Go on.", reply)}]).check(select=both)]

    assert codes(refusing) == ["reply.refusal"]
    assert sorted(codes(f"{refusing} As a language model, I can tell you a story.")) == sorted(both)
    assert sorted(codes(f"I am an AI. {refusing}")) == sorted(both)
    assert codes("As an AI, I like it.") == ["reply.meta"]


def test_a_finding_about_a_reply_says_what_was_measured_and_against_what() -> None:
    refusal = found("Oh dear. I'm sorry, but I can't assist with that.", "reply.refusal")[0].evidence
    assert (refusal["begins"], refusal["threshold"], refusal["words"], refusal["short"]) == (9, 200, 10, 80)
    assert (refusal["matched"], refusal["list"]) == ("I can't", "refusal.unable")

    meta = found("As an AI, I like it.", "reply.meta", "Are you a robot?")[0].evidence
    assert (meta["said"], meta["list"], meta["asked_by"]) == ("As an AI", "meta.beings", "robot")
    assert found("Disclaimer: made up.", "reply.meta")[0].evidence["list"] == "meta.heading"

    placeholder = found("TBD.", "reply.placeholder")[0].evidence
    assert (placeholder["said"], placeholder["characters"], placeholder["threshold"]) == ("TBD", 4, 80)

    filler = found("Okay, great.", "reply.filler", "I walked all night and at dawn the wolves had come.")[0]
    assert (filler.evidence["asked"], filler.evidence["threshold"]) == (11, 8)
    assert filler.evidence["list"] == "filler.answers"


@pytest.mark.parametrize(
    ("code", "name", "value", "question", "reply"),
    [
        ("reply.refusal", "begins", 5, "Go on.", "Oh dear. I'm sorry, but I can't assist with that."),
        ("reply.refusal", "words", 5, "Go on.", "Oh dear. I'm sorry, but I can't assist with that."),
        ("reply.refusal", "characters", 20, "Go on.", "Oh dear. I'm sorry, but I can't assist with that."),
        ("reply.placeholder", "characters", 3, "Go on.", "asdfasdf"),
        ("reply.filler", "words", 20, "I walked all night and at dawn the wolves had come.", "Okay, great."),
        (
            "reply.filler",
            "offered",
            20,
            "I walked all night and at dawn the wolves had come.",
            "I'm here to help.",
        ),
    ],
)
def test_the_numbers_that_decide_can_be_set(
    code: str, name: str, value: int, question: str, reply: str
) -> None:
    usual = check(chat(question, reply), code=code)
    other = check(chat(question, reply), code=code, thresholds={code: {name: value}})

    assert [one.code for one in usual] == [code]
    assert not len(other)


def test_the_words_of_a_pack_of_ones_own_are_read(tmp_path: Any) -> None:
    folder = tmp_path / "en"
    folder.mkdir()
    (folder / "replies.toml").write_text(
        '[filler]\nempty = ["quite so"]\nanswers = []\noffers = []\npolite = []\n', encoding="utf-8"
    )
    try:
        rt.language_pack(folder)
        assert found("Quite so!", "reply.filler", "The river is higher than it was.")
        assert not found("I see.", "reply.filler", "The river is higher than it was.")
    finally:
        rt.forget_language_pack("en")


# ---------------------------------------------------------------- placeholders


@pytest.mark.parametrize(
    "reply", ["The latest contest", "a test of faith", "Lo sé todo.", "todo está bien", "Todo."]
)
def test_words_that_hold_a_placeholder_are_none(reply: str) -> None:
    assert not found(reply, "reply.placeholder")


def test_a_placeholder_needs_no_language_pack() -> None:
    for reply in ("TODO", "测试", "тест", "lorem ipsum dolor", "Ja. TODO: mehr"):
        assert found(reply, "reply.placeholder", "Что дальше?"), reply


# ---------------------------------------------------------------- lengths


def test_the_odd_one_out_is_found_by_its_words_and_says_what_it_was_measured_against() -> None:
    (short,) = check(*TOLD, chat("And then?", "Yes."), code="reply.short")
    (long,) = check(*TOLD, chat("And then?", f"{STORY}. " * 20), code="reply.long")

    assert short.evidence["words"] == 1
    assert short.evidence["median"] == 26
    assert short.evidence["threshold"] == 4
    assert long.evidence["words"] == 400
    assert (short.conversation, short.turn, long.turn) == (40, 1, 1)


def test_characters_of_a_script_without_blanks_are_words() -> None:
    chinese = [chat(f"第{n}天呢?", "下了一整夜的雨小船顺着河水漂过磨坊和沉睡的小镇天亮了") for n in range(40)]

    assert not check(*chinese, code="reply.long").counts
    assert check(*chinese, chat("然后呢?", "好"), code="reply.short").counts == {"reply.short": 1}


def test_a_reply_is_measured_among_those_under_its_system_prompt() -> None:
    brief = [
        chat(f"Is {n} even?", "Yes." if n % 2 == 0 else "No, odd.", system="One word.") for n in range(40)
    ]
    told = [
        chat(*one_of["said"], system="Tell it at length.")
        for one_of in ({"said": [m["content"] for m in one]} for one in TOLD)
    ]

    assert not check(*brief, *told, code="reply.short").counts
    assert check(*brief, *told, chat("And?", "Yes.", system="Tell it at length."), code="reply.short").counts


def test_duplicates_count_once_in_what_is_usual() -> None:
    same = [chat("And then?", "Yes.")] * 60

    assert check(*TOLD, *same, code="reply.short").counts == {"reply.short": 60}


# ---------------------------------------------------------------- endings


CUT = "We rowed on. The water was black and still, and behind the mill somebody was waving a lantern and"


@pytest.mark.parametrize(
    "end", ["...", "…", " —", "!", '."', ".*", ". 🙂", "。", "？", "।", "؟", "۔", "។", "）"]
)
def test_whatever_closes_a_sentence_closes_a_reply(end: str) -> None:
    assert found(CUT, "reply.truncated")
    assert not found(CUT + end, "reply.truncated")


def test_where_replies_do_not_end_with_a_mark_that_is_the_custom() -> None:
    loose = [chat(f"and day {n}?", f"on day {n} we rowed on down the river past the mill") for n in range(30)]

    assert check(*TOLD, chat("And?", CUT), code="reply.truncated").counts == {"reply.truncated": 1}
    assert not check(*loose, chat("And?", CUT), code="reply.truncated").counts


def test_the_custom_of_one_script_says_nothing_about_another() -> None:
    loose = [chat(f"第{n}天呢", "下了一整夜的雨小船顺着河水漂过磨坊和沉睡的小镇") for n in range(30)]

    report = check(
        *TOLD,
        *loose,
        chat("And?", CUT),
        chat("然后呢", "天亮了。我们在磨坊后面看见一个人提着灯向我们招手然后"),
        code="reply.truncated",
    )

    assert [(one.conversation, one.turn) for one in report] == [(70, 1)]


def test_what_is_left_open_is_named() -> None:
    kinds = {
        "He came in. “Where have you been all night?": "speech",
        "Like so:\n\n```python\nfor row in rows:\n    print(row": "code",
        CUT: "sentence",
    }
    for reply, kind in kinds.items():
        (one,) = found(reply, "reply.truncated")
        assert one.evidence["kind"] == kind
        assert one.end == len(reply)


# ---------------------------------------------------------------- echoes


def test_an_echo_is_found_in_any_language_with_its_share_and_the_limit_can_be_changed() -> None:
    said = "Meine Schwester hat gestern ihren Laden am Hafen geschlossen und niemand hat etwas gemerkt."
    back = "Deine Schwester hat gestern ihren Laden am Hafen geschlossen und niemand hat etwas gemerkt."

    (one,) = found(back, "reply.echo", said)

    assert one.evidence["threshold"] == 0.7
    assert 0.7 < one.evidence["share"] < 1
    strict = check(chat(said, back), code="reply.echo", thresholds={"reply.echo": {"share": 0.99}})
    assert not strict.counts


# ---------------------------------------------------------------- balance


def test_greetings_that_lead_nowhere_are_counted_once_each_and_name_their_conversations() -> None:
    talk = [chat(f"Where is boat {n}?", f"Boat {n} is behind the mill.") for n in range(20)]
    hello = [chat(f"Hello, I am number {n}!", "Hi! How are you?") for n in range(8)]

    (one,) = check(*talk, *hello, code="balance.opening_heavy")

    assert (one.evidence["count"], one.evidence["conversations"]) == (8, 28)
    assert [place["conversation"] for place in one.related] == list(range(20, 28))
    assert not check(*talk, *hello[:1] * 8, code="balance.opening_heavy").counts


def test_one_exchange_conversations_are_not_heavy_at_their_beginning() -> None:
    assert not check(*TOLD, code="balance.opening_heavy").counts


@pytest.mark.parametrize("facet", ["prompt", "speaker", "opening", "tag"])
def test_what_holds_most_of_a_dataset_is_named_by_its_kind(facet: str) -> None:
    def record(n: int, main: bool) -> dict[str, Any]:
        name = "Mara" if main else f"Keeper {n}"
        said = "Tell me about" if main and facet == "opening" else f"{n} or {n + 1}, which is"
        turns: list[dict[str, Any]] = [
            {"role": "user", "content": f"{said} boat {n}?"},
            {"role": "assistant", "content": f"Boat {n}."} | ({"name": name} if facet == "speaker" else {}),
        ]
        prompt = [{"role": "system", "content": f"You are {name}."}] if facet == "prompt" else []
        return {"messages": [*prompt, *turns], "tags": [name] if facet == "tag" else []}

    records = [record(n, n < 25) for n in range(40)]

    (one,) = rt.load(records).check("roleplay", select=["balance.dominant"])
    assert (one.evidence["facet"], one.evidence["count"], one.evidence["share"]) == (facet, 25, 0.625)
    assert 1 < one.evidence["effective"] < 16
    assert len(one.related) == 25
    assert not rt.load(records[:25]).check("roleplay", select=["balance.dominant"]).counts


# ---------------------------------------------------------------- odd data


@pytest.mark.parametrize(
    "reply",
    [
        "",
        " ",
        '"' * 5_000,
        "as an AI " * 10_000,
        "I can't " * 10_000,
        "test " * 20_000,
        "```\n" * 9_999,
        "ล" * 9_999,
    ],
)
def test_no_text_is_too_odd(reply: str) -> None:
    report = rt.load([{"messages": chat(reply, reply, reply, reply)}]).check(
        "roleplay", select=["reply", "balance"]
    )

    assert "rule.failed" not in report.counts
