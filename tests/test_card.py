"""The health card: every line says its numbers, and opens what it counts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import SHARED

import rolethread_nb as rt
from rolethread_nb.health.measurement import LEVELS


def chat(*texts: str, system: str = "") -> dict[str, object]:
    roles = ("user", "assistant")
    turns = [{"role": roles[n % 2], "content": text} for n, text in enumerate(texts)]
    return {"messages": [{"role": "system", "content": system}, *turns] if system else turns}


CHATS = [chat(f"What is {n} and {n}?", f"Well, let me see: {n} and {n} make {2 * n}.") for n in range(1, 10)]
DIRTY = [
    *CHATS,
    chat("Hi there, who is it?", ""),
    chat("And now what happens?", "Write to mara.lind@harbour-mail.com, please."),
]


def test_a_line_says_its_numbers_and_opens_what_it_counts() -> None:
    card = rt.load(DIRTY).check("chat", select=["turn.empty", "privacy.pii"]).card()
    first = card[0]
    assert first.sentence == "Empty turn: in 9.1 % of the conversations (1 of 11)."
    assert (first.level, first.code, first.count, first.of, first.query) == (
        "error",
        "turn.empty",
        1,
        11,
        "code:turn.empty",
    )
    assert [one.index for one in card.conversations(0)] == [9]
    assert first.share == pytest.approx(1 / 11)


def test_the_worst_comes_first_and_what_was_not_found_is_said() -> None:
    card = rt.load(DIRTY).check("chat", select=["turn", "privacy", "leak"]).card()
    order = [(LEVELS.index(one.level), -one.share) for one in card]
    assert order == sorted(order)
    assert card.clean == ("leak",)
    assert "Looked for and not found: <bdi>leak</bdi>." in card.to_html()


def test_a_habit_is_told_with_its_share_and_a_place() -> None:
    card = rt.load(CHATS).check("chat", select=["turn"]).card()
    opening = next(one for one in card if one.code == "opening")
    assert opening.sentence == "100 % of replies open with the same words."
    assert (opening.level, opening.count, opening.of) == ("measure", 9, 9)
    assert opening.example is not None
    assert opening.example.text == "Well, let me"
    assert len(card.conversations(card.to_pandas()["code"].tolist().index("opening"))) == 9


def test_what_is_private_is_not_repeated() -> None:
    card = rt.load(DIRTY).check("chat", select=["privacy"]).card()
    assert any(one.code == "privacy.pii" for one in card)
    assert "mara.lind" not in card.to_html() + card.to_markdown() + repr(card)


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", "**bold** | a | [x](http://a.b) <img src=x>"])
def test_text_of_the_dataset_is_neither_html_nor_markdown(text: str) -> None:
    card = rt.load([chat("Hi", f"{text} {{{{user}}}}")]).check("chat", select=["leak"]).card()
    assert card[0].example is not None
    assert "<script>" not in card.to_html()
    assert "<img" not in card.to_html()
    assert "<" not in card.to_markdown().replace("&#60;", "")


def test_a_finding_about_the_dataset_says_its_own_sentence() -> None:
    labelled = [{**one, "label": True} for one in CHATS]
    card = rt.load(labelled).check("preference", select=["pref.one_label"]).card()
    assert card[0].code == "pref.one_label"
    assert card[0].level == "error"
    assert card[0].sentence.endswith(".")


def test_it_is_a_frame_and_can_be_kept(tmp_path: Path) -> None:
    card = rt.load(DIRTY).check("chat", select=["turn"]).card()
    frame = card.to_pandas()
    assert list(frame.columns) == [
        "sentence",
        "level",
        "code",
        "count",
        "of",
        "unit",
        "whole",
        "share",
        "query",
    ]
    assert len(frame) == len(card) == len(list(card))
    assert card.to_html(tmp_path / "card.html") == (tmp_path / "card.html").read_text(encoding="utf-8")
    assert card.to_markdown(tmp_path / "card.md").startswith("## ")


def test_its_lines_open_the_panel() -> None:
    panel = rt.load(DIRTY).check("chat", select=["turn"]).card().open(0)
    assert panel.filters == "code:turn.empty"
    rows = json.loads(panel.state)["findings"]["rows"]
    assert [row["code"] for row in rows] == ["turn.empty"]


def test_nothing_at_all_has_a_card() -> None:
    card = rt.load([]).check("chat").card()
    assert len(card) == 0
    assert "0 conversations" in card.to_html()


def test_every_number_of_a_real_card_is_behind_its_line() -> None:
    if not SHARED.is_dir():
        pytest.skip("left out: the real datasets of ../shared/data are not beside this clone")
    card = rt.load(SHARED / "persona_agents_en.jsonl.gz", review=False).check("roleplay").card()
    for n, one in enumerate(card):
        found = card.conversations(n)
        assert 0 <= one.count <= max(one.of, one.count)
        if one.unit == "conversations" and one.level != "measure" and one.query and one.of:
            assert len(found) <= one.count or one.count == one.of
        if one.level != "measure" and one.example and one.example.turn is not None:
            assert len(found) == one.count


def test_a_card_of_another_state_is_refused() -> None:
    ds = rt.load(CHATS)
    report = ds.check("chat", select=["turn"])
    ds.edit(ds[0], 1, text="Something else.")
    with pytest.raises(rt.StalePlanError, match="check it again"):
        report.card()


def test_a_line_about_the_dataset_opens_the_conversations_that_it_names() -> None:
    labelled = [{**one, "label": True} for one in CHATS]
    ds = rt.load(labelled)
    card = ds.check("preference", select=["pref.one_label"]).card()
    assert len(card.conversations(0)) == 9
    from rolethread_nb.core.query import Query

    assert (
        len(Query(card[0].query).conversation_rows(ds, ds.check("preference", select=["pref.one_label"])))
        == 9
    )


def test_the_phrases_of_a_line_are_all_in_its_query() -> None:
    chats = [
        chat(f"Why {n}?", f"{['Well, you see', 'That is so', 'Now look here'][n % 3]}: {n} words.")
        for n in range(9)
    ]
    card = rt.load(chats).check("chat", select=["turn"]).card()
    n = next(n for n, one in enumerate(card) if one.code == "opening")
    assert card[n].count == len(card.conversations(n)) == 9


def test_a_family_that_was_not_wholly_looked_for_is_not_called_clean() -> None:
    assert "style" not in rt.load(CHATS).check("roleplay").card().clean


GREETED = [
    chat(f"Tell me of the {n}th ship, please.", f"Hello there! It is ship number {n}.") for n in range(24)
]


def test_each_line_says_what_it_is_a_share_of() -> None:
    card = rt.load([*GREETED, *DIRTY, *CHATS]).check("chat").card()
    said = {one.code: (one.unit, one.whole) for one in card if one.of}

    assert said["turn.empty"] == ("conversations", "conversations, copies included")
    assert said["opening"] == ("replies", "replies, copies included")
    assert said["phrase"] == ("replies", "replies, copies included")
    assert said["copies"] == ("conversations", "conversations, copies included")
    assert all(whole.startswith(unit) for unit, whole in said.values())
    assert "of 44 conversations, copies included" in card.to_html()
    assert "of 44 conversations, copies included" in card.to_markdown()


def test_a_line_about_the_dataset_counts_the_conversations_that_it_names() -> None:
    ds = rt.load([*GREETED, *GREETED[:2], *DIRTY])
    card = ds.check("chat", select=["balance"]).card()
    n = next(n for n, one in enumerate(card) if one.code == "balance.dominant")

    assert "69% of 35 conversations" in card[n].sentence  # the rule counts exact copies once
    assert (card[n].count, card[n].of) == (len(card.conversations(n)), 37)
    assert card[n].whole == "conversations, copies included; the share in the sentence is the rule’s own"


@pytest.mark.parametrize("wrong", ["x", None, 1.5, slice(0, 1), 99, -99])
def test_a_line_that_is_not_there_is_refused_in_a_sentence(wrong: object) -> None:
    card = rt.load(DIRTY).check("chat", select=["turn"]).card()
    for ask in (card.__getitem__, card.conversations, card.open):
        with pytest.raises(
            rt.QueryError, match=rf"asked for by its number, from 0 to {len(card) - 1}, not"
        ) as no:
            ask(wrong)  # type: ignore[arg-type]
        assert "\n" not in str(no.value)
    assert card[-1] is list(card)[-1]
    with pytest.raises(rt.QueryError, match="The card has no line"):
        rt.load([]).check("chat").card()[0]


def test_every_line_opens_what_its_sentence_is_about() -> None:
    lines = [chat(f"Go on, {n}.", " ".join(["word"] * (3 + n % 10))) for n in range(200)]
    ds = rt.load(lines)
    card = ds.check("chat").card()
    for n, one in enumerate(card):
        assert card.conversations(n), one.code
        assert one.query, one.code
        assert len(ds.where(one.query)) == len(card.conversations(n)), one.code


def test_the_line_of_a_middle_opens_what_lies_far_from_it_and_says_so() -> None:
    ds = rt.load([chat(f"Go on, {n}.", " ".join(["word"] * (3 + n % 10))) for n in range(200)])
    card = ds.check("chat", select=["turn"]).card()
    n, line = next((n, one) for n, one in enumerate(card) if one.code == "words_by_role")
    assert line.sentence.endswith("; 40 of 200 replies have 11 words or more.")
    assert (line.count, line.of, line.query) == (40, 200, "reply_words:11..")
    assert len(card.conversations(n)) == 40


def test_replies_of_one_length_are_said_to_be_alike() -> None:
    card = rt.load([chat(f"Go on, {n}.", "Yes, of course.") for n in range(9)]).check("chat").card()
    line = next(one for one in card if one.code == "words_by_role")
    assert line.sentence.endswith("; all 9 replies have 3 words.")


def test_the_line_of_a_drift_opens_the_conversations_that_show_it() -> None:
    longer = [chat("One?", "Yes.", "Two?", "Yes, two.", "Three?", "Yes, three of them.") for _ in range(60)]
    other = [chat("One?", "Yes.", "Two?", "Yes.", "Three?", "Yes.") for _ in range(7)]
    ds = rt.load([*other, *longer])
    card = ds.check("chat", select=["turn"]).card()
    n, line = next((n, one) for n, one in enumerate(card) if one.code == "reply_words_conversation")
    assert line.sentence.startswith("Replies grow along the conversation: the median goes from 1 to 4 words")
    assert "in 60 of 67 conversations the last reply is more than a fifth longer" in line.sentence
    assert (line.count, line.of, line.query) == (60, 67, "index:7..66")
    assert [one.index for one in card.conversations(n)] == list(range(7, 67))


def test_of_several_findings_of_a_rule_a_line_opens_its_own() -> None:
    asked = [chat("And now?", f"Ship {n}. Shall I tell you more of it?") for n in range(40)]
    begun = [chat("And then?", f"It was, as ever, a calm evening on pier {n}.") for n in range(30)]
    rest = [
        chat(f"What of {n}?", f"Nothing {' '.join('abcdefgh'[n % 8] * 4)} happened {n}.") for n in range(60)
    ]
    ds = rt.load([*asked, *begun, *rest])
    report = ds.check("roleplay", select=["style.overused_phrase"])
    assert report.counts["style.overused_phrase"] > 1
    card = report.card()
    n, line = next((n, one) for n, one in enumerate(card) if one.code == "style.overused_phrase")
    assert line.count == len(card.conversations(n)) == len(ds.where(line.query))
    assert line.count < len(ds.where("code:style.overused_phrase"))


def test_a_line_that_names_the_first_conversations_alone_says_so() -> None:
    turns = [{"role": name, "content": "Hi."} for _ in range(20) for name in ("narrator", "user")]
    ds = rt.load([{"messages": [*turns, {"role": "assistant", "content": "Yes."}]} for _ in range(80)])
    card = ds.check("chat", select=["role"]).card()
    n, line = next((n, one) for n, one in enumerate(card) if one.code == "role.unknown")
    assert line.count == 80
    assert len(card.conversations(n)) == 50
    assert "; the first 50 conversations of them can be opened." in line.sentence


def test_a_line_without_a_query_is_not_opened_unfiltered(tmp_path: Path) -> None:
    several = [chat("One?", "Yes.", "Two?", "Yes, two.", "Three?", "Yes, three of them.") for _ in range(40)]
    for name in ("one", "two"):
        (tmp_path / f"{name}.json").write_text(json.dumps(several), encoding="utf-8")
    card = rt.load(sorted(tmp_path.glob("*.json")), review=False).check("chat", select=["turn"]).card()
    n, line = next((n, one) for n, one in enumerate(card) if one.code == "reply_words_conversation")
    assert (line.count, line.query) == (80, "")
    assert len(card.conversations(n)) == line.count
    assert f"card.conversations({n})" in card.to_html()
    with pytest.raises(rt.QueryError, match="No query finds just what is behind this line"):
        card.open(n)
