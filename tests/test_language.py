"""Words as numbers, quoted speech, language packs."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import rolethread_nb as rt
from rolethread_nb.core.word_table import WordSet, word_spans, words_of
from rolethread_nb.language import packs
from rolethread_nb.language.packs import pack
from rolethread_nb.language.speech import narration, parts_of

# Characters that are assigned: which of the others are symbols is not agreed upon.
letters = st.characters(exclude_categories=("Cs", "Cn", "Co"))
texts = st.text(letters | st.sampled_from("aé \"\n.*_“”„‚‘’«»‹›「」＂״אב'日本ไทย"), max_size=60)


def words(text: str) -> list[str]:
    return [text[span.start : span.end] for span in word_spans(text)]


def phrase_hash(words: list[str]) -> int:
    return int(words_of(pl.Series([" ".join(words)])).phrases(len(words))[0][0])


@given(st.lists(texts, min_size=1, max_size=5))
def test_the_words_of_a_text_are_the_same_one_by_one_and_in_columns(many: list[str]) -> None:
    table = words_of(pl.Series(many))
    assert table.counts.tolist() == [len(word_spans(text)) for text in many]
    alone = [words_of(pl.Series([word])).hashes.tolist() for text in many for word in words(text)]
    assert table.hashes.tolist() == [hash_ for one in alone for hash_ in one]


@pytest.mark.parametrize("letter", ["a", "é", "𝒳"])
@pytest.mark.parametrize("length", [1, 2, 3, 7, 8, 9, 16, 17, 32, 33, 127, 128, 129, 5_000])
def test_a_word_of_any_length_is_known_by_all_its_letters(letter: str, length: int) -> None:
    word = letter * length
    others = [letter * (length + 1), "b" + word[1:], word[:-1] + "b", word[: length // 2] + "b" + word]
    found = words_of(pl.Series([f"{word} {one} – {word.upper()}." for one in others]))
    for row in range(len(others)):
        first, other, again = found.hashes[3 * row : 3 * row + 3].tolist()
        assert first == again != other


def test_words_are_runs_of_letters_and_digits_or_characters_of_scripts_without_blanks() -> None:
    assert words("Don't—stop, naïve 3x!") == ["Don", "t", "stop", "naïve", "3x"]
    assert words("我很好 ok") == ["我", "很", "好", "ok"]
    assert words("") == []


def test_openings_and_phrases_know_one_another_whatever_the_case() -> None:
    table = words_of(pl.Series(["The old man sat", "the OLD, man!", "the old", ""]))
    first, second, third, fourth = table.openings(3).tolist()
    assert first == second == phrase_hash(["the", "old", "man"])
    assert third == fourth == 0
    hashes, at = table.phrases(2)
    assert at.tolist() == [0, 1, 2, 4, 5, 7]
    assert hashes[0] == hashes[3] == hashes[5] == phrase_hash(["the", "old"])
    assert words_of(pl.Series([], dtype=pl.String)).phrases(2)[0].tolist() == []


def test_a_set_of_words_counts_them() -> None:
    table = words_of(pl.Series(["you and You", "me", ""]))
    assert table.count(WordSet(["you", "they"])).tolist() == [2, 0, 0]
    assert table.count(WordSet([])).tolist() == [0, 0, 0]
    with pytest.raises(ValueError, match="not one word"):
        WordSet(["don't"])


def shown(text: str) -> tuple[str | None, list[str], list[str]]:
    parts = parts_of(text)
    told = [text[span.start : span.end].strip() for span in parts.narration]
    return parts.by, [text[span.start : span.end].strip() for span in parts.speech], told


@pytest.mark.parametrize(
    ("text", "speech", "told"),
    [
        ('"Go," she said. "Now!"', ['"Go,"', '"Now!"'], ["she said."]),
        ("“Go,” she said.", ["“Go,”"], ["she said."]),
        ("„Geh“, sagte sie. „Los”", ["„Geh“", "„Los”"], [", sagte sie."]),
        ("«Va», dit-elle.", ["«Va»"], [", dit-elle."]),
        ("»Geh«, sagte sie.", ["»Geh«"], [", sagte sie."]),
        ("「行け」と言った。", ["「行け」"], ["と言った。"]),
        ("‘Don’t go,’ she said to the boys’ mother.", ["‘Don’t go,’"], ["she said to the boys’ mother."]),
        ("‘He said “go” to me,’ she said.", ["‘He said “go” to me,’"], ["she said."]),
        ("“He said ‘go,’ to me,” she said.", ["“He said ‘go,’ to me,”"], ["she said."]),
        ("‚Ich hab’s!‘, sagte sie. ‚Komm!’", ["‚Ich hab’s!‘", "‚Komm!’"], [", sagte sie."]),
        ("‹Va›, dit-elle.", ["‹Va›"], [", dit-elle."]),
        ("›Geh‹, sagte sie.", ["›Geh‹"], [", sagte sie."]),
        ("＂行け＂と言った。", ["＂行け＂"], ["と言った。"]),
        ("צה״ל אמר ״לכו לצה״ל עכשיו״ בלילה.", ["״לכו לצה״ל עכשיו״"], ["צה״ל אמר", "בלילה."]),
        ('A line.\n"Left open\nAnother.', [], ["A line.", "Another."]),
        ('She said "go" and "left', [], []),
    ],
)
def test_speech_stands_in_quotation_marks_of_every_family(
    text: str, speech: list[str], told: list[str]
) -> None:
    by, said, narrated = shown(text)
    assert by == "quotes"
    assert (said, [one for one in narrated if one != "\n"]) == (speech, told)


@pytest.mark.parametrize(
    "text",
    [
        "It was the ‘90s, and rock ‘n’ roll; the boys’ room, don’t you know.",
        "O‘zbekiston va o‘g‘il, deb.",
        "צה״ל הודיע, ארה״ב ענתה. יש דו״חות.",
        "File › Open › Recent",
        "The prefix ‘trans-’ means across, and ‘freedom’ is a noun.",
    ],
)
def test_apostrophes_abbreviations_and_steps_of_a_menu_quote_nothing(text: str) -> None:
    assert shown(text) == (None, [], [])
    assert narration(pl.Series([text])).to_list() == [None]


def test_actions_are_the_narration_where_nothing_is_quoted() -> None:
    assert shown("*She nods.* Hello there. _sits_") == ("actions", ["Hello there."], ["She nods.", "sits"])
    assert shown("2 * 3 * 4 and a_b_c and **bold**")[0] is None
    assert shown("No marks at all.") == (None, [], [])


@given(st.lists(texts, min_size=1, max_size=5))
def test_narration_in_columns_has_the_words_of_each_text_alone(many: list[str]) -> None:
    told = narration(pl.Series(many))
    for text, found in zip(many, told.to_list(), strict=True):
        parts = parts_of(text)
        assert (found is None) == (parts.by is None)
        alone = " ".join(text[span.start : span.end] for span in parts.narration)
        assert words(found or "") == words(alone)


def test_a_text_is_told_to_be_english_by_its_stop_words() -> None:
    said = [
        "What would you like to do about it?",
        "Sure, I can help with that.",
        "Das ist ein Test und mehr nicht, die Frau war in der Stadt.",
        "Il me dit que c'est bon et on va là-bas.",
        "我很好，谢谢你。",
        "SELECT name FROM users",
        "",
    ]
    assert (
        pack("en").spoken(words_of(pl.Series(said))).tolist()
        == [True, True, False, False, False, True, False][:7]
    )


def test_a_pack_of_ones_own_replaces_files_of_the_shipped_one(tmp_path: Path) -> None:
    folder = tmp_path / "en"
    folder.mkdir()
    (folder / "words.toml").write_text('stop_words = ["zum", "beispiel"]\nshare = 0.5\n', encoding="utf-8")
    try:
        mine = rt.language_pack(folder)
        assert mine.spoken(words_of(pl.Series(["zum Beispiel", "for example"]))).tolist() == [True, False]
        assert pack("en") is mine
    finally:
        rt.forget_language_pack("en")
    assert pack("en") is not mine


def test_a_pack_that_cannot_be_used_is_refused_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(rt.QueryError, match="no folder"):
        rt.language_pack(tmp_path / "missing")
    with pytest.raises(rt.QueryError, match="no language pack 'xx'"):
        pack("xx")
    folder = tmp_path / "fr"
    folder.mkdir()
    with pytest.raises(rt.QueryError, match=r"has no 'share' in words\.toml"):
        rt.language_pack(folder)
    (folder / "words.toml").write_text("stop_words = [", encoding="utf-8")
    with pytest.raises(rt.QueryError, match="cannot be read"):
        rt.language_pack(folder)
    (folder / "words.toml").write_text('stop_words = ["qu\'il"]\nshare = 0.1', encoding="utf-8")
    with pytest.raises(rt.QueryError, match="not one word"):
        rt.language_pack(folder)


def shipped(subject: str) -> str:
    return (Path(packs.__file__).parent / "packs" / "en" / f"{subject}.toml").read_text(encoding="utf-8")


SUBJECTS = ("balance", "endings", "facts", "families", "narration", "replies", "telling", "verbs", "words")


def test_what_is_shipped_is_a_pack_of_ones_own_too(tmp_path: Path) -> None:
    folder = tmp_path / "en"
    folder.mkdir()
    for subject in SUBJECTS:
        (folder / f"{subject}.toml").write_text(shipped(subject), encoding="utf-8")
    (folder / "families.toml").write_text('thanks = ["thank you so much"]\n', encoding="utf-8")
    try:
        assert rt.language_pack(folder).subjects["families"] == {"thanks": ["thank you so much"]}
    finally:
        rt.forget_language_pack("en")


def test_what_a_file_leaves_out_stays_as_it_is_shipped(tmp_path: Path) -> None:
    before = pack("en").subjects
    folder = tmp_path / "en"
    folder.mkdir()
    (folder / "words.toml").write_text("share = 0.3\n", encoding="utf-8")
    (folder / "telling.toml").write_text("[tense]\nshare = 0.9\n", encoding="utf-8")
    (folder / "facts.toml").write_text("numbers = { one = 1 }\n", encoding="utf-8")
    try:
        mine = rt.language_pack(folder).subjects
    finally:
        rt.forget_language_pack("en")

    assert mine["words"] == {**before["words"], "share": 0.3}
    assert mine["telling"] == {**before["telling"], "tense": {**before["telling"]["tense"], "share": 0.9}}
    assert mine["facts"] == {**before["facts"], "numbers": {"one": 1}}
    assert pack("en").subjects == before


def test_a_pack_of_a_language_that_is_not_shipped_has_to_be_whole(tmp_path: Path) -> None:
    folder = tmp_path / "de"
    folder.mkdir()
    (folder / "words.toml").write_text('stop_words = ["und"]\n', encoding="utf-8")
    with pytest.raises(rt.QueryError, match=r"words\.toml: there is no 'share'\."):
        rt.language_pack(folder)


@pytest.mark.parametrize(
    ("subject", "old", "new", "says"),
    [
        ("balance", "greetings = [", "greeting = [", "'greeting' is no key of it; there are greetings, agreement,"),
        ("balance", "greetings = [", "more = [", "'more' is no key of it"),
        ("endings", "go_on = [", "go_on = [[], ", "'go_on' holds [], which is no text"),
        ("endings", "go_on = [", 'go_on = ["", ', "'go_on' holds '', which is no word"),
        ("narration", 'between = ["just",', 'between = [5, "just",', "'between' holds 5, which is no text"),
        ("narration", 'third_subjects = ["he", "she"]', 'third_subjects = "he"', "'third_subjects' is 'he', which is no list"),
        ("narration", 'third_subjects = ["he", "she"]', "third_subjects = []", "'third_subjects' is an empty list"),
        ("facts", "one = 1", 'one = "1"', "'numbers.one' is '1', which is no number"),
        ("facts", 'mom = "mother"', "mom = 5", "'synonyms.mom' is 5, which is no text"),
        ("facts", '["blue"], ["green"]', '"blue", ["green"]', "'hair' holds 'blue', which is no list"),
        ("facts", '["bus driver"],', '"bus driver",', "'occupations' holds 'bus driver', which is no list"),
        ("facts", "[changes]\nheight", "[changes]\nweight", "'changes.weight' is no key of it; there are changes.height, changes.occupation"),
        ("families", "apology = [", "apology = 1\nregret = [", "'apology' is 1, which is no list"),
        ("replies", "[refusal]", "[refused]", "'refused' is no key of it; there are refusal,"),
        ("replies", "unable = [", "unabel = [", "'refusal.unabel' is no key of it; there are refusal.unable,"),
        ("telling", "fewest = ", "fewest = -", "'viewpoint.fewest' is -2, and nothing is below 0"),
        ("telling", "first_share = 0", "first_share = 7", "'viewpoint.first_share' is 7.3, and a share goes from 0 to 1"),
        ("telling", 'first = ["', 'first = ["don\'t", "', "'viewpoint.first' is to hold single words, and \"don't\" is not one word"),
        ("verbs", 'be = ["was", "were"]', 'be = "was"', "'past.be' is 'was', which is no list"),
        ("words", "share = 0.1", "share = nan", "'share' is nan, which is no number"),
        ("words", "share = 0.1", "share = true", "'share' is True, which is no number"),
        ("words", "share = 0.1", "share = 10", "'share' is 10, and a share goes from 0 to 1"),
        ("words", "share = 0.1", "share = 0.1\nlanguage = 'en'", "'language' is no key of it; there are share, stop_words."),
        ("wrods", "", "share = 0.1", "no file of a language pack is called so; there are balance.toml,"),
    ],
)  # fmt: skip
def test_a_wrong_key_or_type_in_any_file_is_one_sentence_with_file_and_key(
    tmp_path: Path, subject: str, old: str, new: str, says: str
) -> None:
    before = shipped(subject) if subject in SUBJECTS else ""
    folder = tmp_path / "en"
    folder.mkdir()
    (folder / f"{subject}.toml").write_text(before.replace(old, new, 1) if old else new, encoding="utf-8")
    with pytest.raises(rt.QueryError) as refused:
        rt.language_pack(folder)
    said = str(refused.value)
    assert said.startswith(f"{folder / subject}.toml: ")
    assert says in said
    assert "\n" not in said
    assert pack("en").get("words", "share") == 0.1


def test_a_rule_may_ask_for_a_language_and_for_the_narration() -> None:
    from rolethread_nb.vocabulary import in_language, narration, role

    rt.rule(
        "own.told", when=(role == "assistant") & in_language("en") & narration.contains("you"), title="Told"
    )
    try:
        chats = [
            {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": text}]}
            for text in (
                '"Oh," she said, and you saw that she was sad.',
                '"You," she said to him.',
                "You are there.",
            )
        ]
        assert rt.load(chats).check(select="own.told").counts == {"own.told": 1}
    finally:
        rt.forget_rule("own.told")
    with pytest.raises(rt.QueryError, match="no language pack"):
        in_language("tlh")
