"""The balance of a dataset in numbers: each is what a plain loop would count, and each opens."""

from __future__ import annotations

import json
import math
import unicodedata
from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from conftest import real_files
from hypothesis import given, settings
from hypothesis import strategies as st

import rolethread_nb as rt
from rolethread_nb.balance.distributions import Distributions
from rolethread_nb.balance.texts import closings, openings
from rolethread_nb.core import found_duplicates
from rolethread_nb.core.word_table import word_spans
from rolethread_nb.language.scripts import HEAD, JAPANESE, SCRIPTS, scripts

User, Reply, System = ("user", "assistant", "system")


def chat(*turns: tuple[str, str], **more: Any) -> dict[str, Any]:
    return {"messages": [{"role": role, "content": text} for role, text in turns], **more}


def asked(*replies: str) -> dict[str, Any]:
    return chat(*[turn for reply in replies for turn in ((User, "Go on."), (Reply, reply))])


SMALL = [
    chat((System, "Be brief."), (User, "Hello there"), (Reply, "Hi! How are you?"), tags=["Calm", "short"]),
    chat((User, "one two three"), (Reply, "four"), (User, "five"), (Reply, "six seven"), tags=["calm"]),
    chat((User, "one two three"), (Reply, "four"), (User, "five"), (Reply, "six seven"), tags=["calm"]),
]


def counted(balance: Any, name: str) -> dict[str, int]:
    frame = balance[name]
    return dict(zip(frame["value"], frame["count"].tolist(), strict=True))


# ---------------------------------------------------------------------- what is counted


def test_the_numbers_of_a_small_dataset_are_those_counted_by_hand() -> None:
    balance = rt.load(SMALL).balance()
    words = balance.numbers.loc["reply_words"]
    assert [words[name] for name in ("count", "missing", "min", "q25", "median", "q75", "max")] == [
        5,
        0,
        1,
        1,
        2,
        2,
        4,
    ]
    assert words["mean"] == 2.0
    assert counted(balance, "role") == {"user": 5, "assistant": 5, "system": 1}
    assert counted(balance, "turns") == {"3": 1, "4": 2}
    assert counted(balance, "user_share") == {
        **dict.fromkeys(balance["user_share"]["value"], 0),
        "30..39": 1,
        "50..59": 2,
    }
    assert counted(balance, "tag") == {"Calm": 3, "short": 1}
    assert counted(balance, "copies") == {"only one": 1, "first of several": 1, "repeats an earlier one": 1}
    assert counted(balance, "ending") == {"a letter or digit": 4, "a question mark": 1}


def test_turns_are_measured_in_characters_by_role_and_by_place() -> None:
    balance = rt.load(SMALL).balance()
    assert balance.by("turn_chars", "role")["max"].to_dict() == {"user": 13, "assistant": 16, "system": 9}
    assert balance.by("turn_chars", "position").index.tolist() == ["0", "1", "2", "3"]
    assert balance.numbers.loc["turn_chars", "count"] == 11


TALE = "He waited until the ice was thick enough, then he tied a rope around his waist and pulled a flat boat behind him all the way."


def test_duplicates_are_counted_with_those_that_are_nearly_the_same() -> None:
    alike = [asked(TALE), asked(f"{TALE} Thank you!"), asked(TALE)]
    dataset = rt.load([*alike, asked("Something else."), {"messages": []}])
    balance = dataset.balance()

    assert balance.by("near_copies", "copies")["max"].to_dict() == {
        "first of several": 3,
        "only one": 3,
        "repeats an earlier one": 3,
    }
    assert counted(balance, "near_copies") == {"1": 1, "2": 0, "3": 3}
    assert balance.numbers.loc["near_copies", ["count", "missing"]].tolist() == [4, 1]
    assert balance.places("near_copies", "2..")["index"].tolist() == [0, 1, 2]


def test_near_duplicates_are_looked_for_only_where_they_are_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    searches: list[float | None] = []
    search = found_duplicates.find_duplicates
    monkeypatch.setattr(
        found_duplicates,
        "find_duplicates",
        lambda blocks, near: searches.append(near) or search(blocks, near),
    )
    dataset = rt.load(SMALL)
    Distributions(dataset, report=dataset.check(select="turn")).compute()
    assert searches == []
    assert counted(dataset.balance(), "near_copies")
    assert len(searches) == 1

    checked = rt.load(SMALL)
    checked.check()  # dup.near has looked
    assert counted(checked.balance(), "near_copies")
    assert len(searches) == 1


def test_the_effective_number_is_the_exponential_of_the_entropy() -> None:
    roles = rt.load(SMALL).balance().numbers.loc["role"]
    entropy = -sum(share * math.log(share) for share in (5 / 11, 5 / 11, 1 / 11))
    assert roles["effective"] == pytest.approx(math.exp(entropy))
    assert (roles["distinct"], roles["top"], roles["top_share"], roles["top3_share"]) == (
        3,
        "user",
        5 / 11,
        1.0,
    )


def test_four_values_that_are_equally_frequent_count_as_four() -> None:
    dataset = rt.load([asked(reply) for reply in ("A b c.", "D e f!", "G h i?", "J k l:")])
    assert dataset.balance().numbers.loc["ending", "effective"] == pytest.approx(4)


texts = st.text(st.sampled_from("ab '’!?.\n*\"“”我很好"), max_size=30)
conversations = st.lists(
    st.lists(st.tuples(st.sampled_from([User, Reply, System]), texts), min_size=1, max_size=6).map(
        lambda turns: chat(*turns)
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=20, deadline=None)
@given(conversations)
def test_every_distribution_adds_up(records: list[dict[str, Any]]) -> None:
    balance = rt.load(records).balance()
    numbers = balance.numbers
    for name, about in numbers.iterrows():
        frame = balance[str(name)]
        assert (
            about["count"] + about["missing"] >= frame["count"].max() if len(frame) else about["count"] == 0
        )
        if about["kind"] != "list" and about["count"]:
            assert frame["count"].sum() == about["count"]
            assert frame["share"].sum() == pytest.approx(1)
        if about["kind"] == "number" and about["count"]:
            assert about["min"] <= about["q05"] <= about["median"] <= about["q95"] <= about["max"]
            assert about["min"] <= about["mean"] <= about["max"]
        if about["kind"] != "number" and about["count"]:
            assert about["effective"] >= 1 - 1e-9
            assert about["effective"] <= about["distinct"] + 1e-9
        assert about["distinct"] is not None


@settings(max_examples=20, deadline=None)
@given(conversations)
def test_columns_say_what_a_plain_loop_says(records: list[dict[str, Any]]) -> None:
    dataset = rt.load(records)
    balance = dataset.balance()
    replies = [message for c in dataset for message in c.messages if message.role == Reply]
    assert sum(counted(balance, "ending").values()) == sum(bool(r.text.strip()) for r in replies)
    lengths = sorted(len(message.text) for message in replies)
    found = balance.numbers.loc["reply_chars"]
    if lengths:
        assert [found[name] for name in ("min", "max", "median")] == [
            lengths[0],
            lengths[-1],
            lengths[(len(lengths) - 1) // 2],
        ]
        assert found["mean"] == pytest.approx(sum(lengths) / len(lengths))
    pairs = Counter(
        (message.role or "unknown", str(at)) for c in dataset for at, message in enumerate(c.messages)
    )
    table = balance.table("role", "position")
    assert {(role, place): n for role, row in table.iterrows() for place, n in row.items() if n} == dict(
        pairs
    )


# ---------------------------------------------------------------------- every number opens


@pytest.mark.parametrize("path", real_files(), ids=lambda path: path.name)
def test_every_number_of_a_real_file_opens(path: Path) -> None:
    dataset = rt.load(path, review=False)
    balance = dataset.balance().compute()
    height = {"turn": dataset.index.turns.height, "conversation": len(dataset)}
    for name, about in balance.numbers.iterrows():
        missing = balance.places(str(name), None)
        assert len(missing) == about["missing"]
        assert about["count"] + about["missing"] == height.get(
            about["unit"], about["count"] + about["missing"]
        )
        for value, count, query in (
            balance[str(name)].head(2)[["value", "count", "query"]].itertuples(index=False)
        ):
            places = balance.places(str(name), value)
            assert len(places) == count
            assert (
                places["turn"].isna().all()
                if about["unit"] == "conversation"
                else places["turn"].notna().all()
            )
            if query and count:
                found = [(c.source_index, c.index) for c in dataset.where(query)]
                behind = dict.fromkeys(zip(places["source"], places["index"], strict=True))
                assert found == list(behind), (name, value, query)


def test_a_query_finds_replies_and_no_calls_or_rejected_answers() -> None:
    call = {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}],
    }
    plain = rt.load([asked("A plain answer.")]).balance()
    assert plain["reply_words"]["query"].tolist() == ["reply_words:3"]
    rejected = {
        "prompt": [{"role": "user", "content": "Go on."}],
        "chosen": [{"role": "assistant", "content": "Yes, do."}],
        "rejected": [{"role": "assistant", "content": "Never in my life."}],
    }
    pairs = rt.load([rejected]).balance()
    assert pairs["reply_words"]["count"].tolist() == [1]
    (query,) = pairs["reply_words"]["query"].tolist()
    assert len(rt.load([rejected]).find(query)) == 1
    calls = rt.load([{"messages": [{"role": "user", "content": "Go"}, call]}]).balance()
    assert calls.numbers.loc["reply_words", "count"] == 0


def test_the_top_values_come_with_a_line_and_its_place() -> None:
    dataset = rt.load([asked("It’s a fine day."), asked("Well,", "It's — a walk!"), asked("No.")])
    top = dataset.balance().top("opening")
    assert top["value"].tolist() == ["it's a fine", "well", "it's a walk", "no"]
    assert top["example"].tolist()[:2] == ["It’s a fine day.", "Well,"]
    assert top[["index", "turn"]].values.tolist() == [[0, 1], [1, 1], [1, 3], [2, 1]]
    with pytest.raises(rt.QueryError, match="is a number"):
        dataset.balance().top("turns")


def test_two_values_together_open_as_well() -> None:
    balance = rt.load(SMALL).balance()
    places = balance.places("reply_words", "1", also={"tag": "Calm", "reply_number": 1})
    assert places[["index", "turn"]].values.tolist() == [[1, 1], [2, 1]]
    assert [c.index for c in balance.conversations("tag", "short")] == [0]
    assert [c.index for c in balance.conversations("reply_words", "2..")] == [0, 1, 2]


# ---------------------------------------------------------------------- one against another


def test_a_value_of_a_conversation_is_that_of_its_turns() -> None:
    table = rt.load(SMALL).balance().table("tag", "role")
    assert table.loc["Calm"].to_dict() == {"user": 5, "assistant": 5, "system": 1}
    assert table.loc["short"].to_dict() == {"user": 1, "assistant": 1, "system": 1}


def test_the_shares_of_a_table_are_of_rows_columns_or_all() -> None:
    balance = rt.load(SMALL).balance()
    rows, columns, whole = (
        balance.table("role", "format", share=share) for share in ("row", "column", "all")
    )
    assert rows["messages"].tolist() == [1, 1, 1]
    assert columns["messages"].tolist() == [5 / 11, 5 / 11, 1 / 11] == whole["messages"].tolist()
    with pytest.raises(rt.QueryError, match="share takes"):
        balance.table("role", "format", share="both")  # type: ignore[arg-type]


def test_what_has_no_value_is_shown_when_asked_for() -> None:
    dataset = rt.load([chat((User, "Go."), (Reply, "123")), asked("Yes, I am here.")])
    assert dataset.balance().table("script", "role").index.tolist() == ["Latin"]
    shown = dataset.balance().table("script", "role", missing=True)
    assert shown.loc["(none)", "assistant"] == 1


def test_less_frequent_values_are_added_up() -> None:
    dataset = rt.load([asked(*"abc") for _ in range(3)] + [asked("d"), asked("e")])
    table = dataset.balance().table("opening", "role", most=2)
    assert table["assistant"].to_dict() == {"a": 3, "b": 3, "(others)": 5}


def test_a_reply_is_crossed_with_the_user_turn_before_it() -> None:
    dataset = rt.load(
        [
            chat((Reply, "Welcome in."), (User, "Hello there"), (Reply, "Hi!"), (Reply, "Tea?")),
            chat((User, "Hello there"), (User, "And one question"), (Reply, "Ask.")),
            chat((User, "Hello there"), (System, "Be kind."), (Reply, "Hi!")),
        ]
    )
    balance = dataset.balance()
    table = balance.table("opening", "user_opening", missing=True)

    assert table.loc["hi", "hello there"] == 2  # whatever stands between
    assert table.loc["tea", "hello there"] == 1  # each reply, not the first alone
    assert table.loc["ask", "and one question"] == 1  # the last one
    assert table.loc["welcome in", "(none)"] == 1
    assert table.to_numpy().sum() == 5
    assert balance.table("user_opening", "opening").T.equals(balance.table("opening", "user_opening"))
    assert balance.by("reply_words", "user_opening")["count"].to_dict() == {
        "hello there": 3,
        "and one question": 1,
    }
    behind = balance.places("user_opening", "hello there", also={"opening": "hi"})
    assert list(zip(behind["index"], behind["turn"], strict=True)) == [(0, 2), (2, 2)]
    nobody = balance.places("user_opening", None, also={"reply_words": "2..2"})
    assert list(zip(nobody["index"], nobody["turn"], strict=True)) == [(0, 0)]


def test_every_facet_goes_with_every_other() -> None:
    balance = rt.load(SMALL).balance()
    names = balance.numbers.index
    for one in names:
        for other in names:
            table = balance.table(one, other, missing=True)
            assert (table.index.name, table.columns.name) == (one, other)


def test_the_numbers_of_a_facet_by_another() -> None:
    by = rt.load(SMALL).balance().by("turn_words", "role")
    assert by["count"].to_dict() == {"user": 5, "assistant": 5, "system": 1}
    assert by["median"].to_dict() == {"user": 2, "assistant": 2, "system": 2}
    assert by.loc["user", "mean"] == 2.0
    openings = rt.load(SMALL).balance().by("opening", "tag")
    assert openings.loc["Calm", "distinct"] == 3


def test_a_speaker_who_is_called_like_what_is_added_up_is_told_apart() -> None:
    names = ["(others)", "(others)", "(others)", "(none)", "(none)", "Ada", "Ben"]
    dataset = rt.load([{"messages": [{"role": "user", "name": name, "content": "Hi."}]} for name in names])
    balance = dataset.balance()

    assert balance.by("turn_words", "speaker", most=2)["count"].to_dict() == {'"(others)"': 3, '"(none)"': 2}
    table = balance.table("speaker", "role", most=2, missing=True)
    assert table["user"].to_dict() == {"(none)": 0, '"(others)"': 3, '"(none)"': 2, "(others)": 2}
    assert counted(balance, "speaker") == {"(others)": 3, "(none)": 2, "Ada": 1, "Ben": 1}


# ---------------------------------------------------------------------- drift


def test_drift_along_conversations_goes_from_the_first_to_the_last() -> None:
    dataset = rt.load([asked(*["word " * n for n in range(1, 5)]), asked("alone")])
    along = dataset.balance().along("reply_words", parts=4)
    assert along["median"].tolist() == [1, 2, 3, 4]
    assert along["count"].sum() == 4  # a single reply has no course
    assert dataset.balance().along("reply_words", parts=2)["count"].tolist() == [2, 2]


def test_drift_along_the_file_parts_the_conversations_equally() -> None:
    dataset = rt.load([asked("short.")] * 5 + [asked("much longer than that!")] * 5)
    balance = dataset.balance()
    assert balance.along("reply_words", axis="file", parts=2)["median"].tolist() == [1, 4]
    assert balance.along("ending", axis="file", parts=2)["a full stop"].tolist() == [1, 0]
    assert balance.along("turns", axis="file", parts=5)["count"].tolist() == [2] * 5
    with pytest.raises(rt.QueryError, match="along the file"):
        balance.along("turns")
    with pytest.raises(rt.QueryError, match="axis takes"):
        balance.along("reply_words", axis="sideways")  # type: ignore[arg-type]


# ---------------------------------------------------------------------- changes and parts


def test_tags_of_a_review_count_as_those_of_records_do() -> None:
    dataset = rt.load(SMALL)
    balance = dataset.balance()
    assert counted(balance, "tag") == {"Calm": 3, "short": 1}
    dataset.tag(1, "SHORT", "new", "calm")

    assert counted(balance, "tag") == {"Calm": 3, "short": 2, "new": 1}
    assert dict(zip(balance["tag"]["value"], balance["tag"]["query"], strict=True)).keys() == {
        "Calm",
        "short",
        "new",
    }
    for value, count, query in balance["tag"][["value", "count", "query"]].itertuples(index=False):
        assert len(dataset.where(query)) == count
        assert [c.id for c in balance.conversations("tag", value)] == [c.id for c in dataset.where(query)]
    assert balance.table("tag", "role").loc["new"].to_dict() == {"user": 2, "assistant": 2, "system": 0}
    assert balance.numbers.loc["tag", "distinct"] == 3
    assert balance.top("tag", 3)["id"].tolist()[2] == dataset[1].id
    dataset.undo()
    assert counted(balance, "tag") == {"Calm": 3, "short": 1}


def test_tags_of_a_review_alone_are_tags() -> None:
    dataset = rt.load([asked("a"), asked("b"), asked("c")])
    balance = dataset.balance()
    assert counted(balance, "tag") == {}
    dataset.tag([0, 2], "odd")
    assert counted(balance, "tag") == {"odd": 2}
    assert balance.numbers.loc["tag", "missing"] == 1
    dataset.exclude(0)
    assert counted(balance, "tag") == {"odd": 1}


def test_a_part_that_is_asked_for_by_the_review_follows_it() -> None:
    dataset = rt.load([asked("a"), asked("b b"), asked("c c c")])
    tagged, kept = dataset.balance(where="tag:odd"), dataset.balance(where="decision:keep")
    assert tagged.described("turns")["count"] == kept.described("turns")["count"] == 0
    dataset.tag([0, 2], "odd")
    dataset.decide(1, "keep")

    assert tagged.described("reply_words")["max"] == 3
    assert kept.described("reply_words")["max"] == 2


def test_the_numbers_follow_a_change_and_its_undoing() -> None:
    dataset = rt.load([asked("One reply here."), asked("Another.")])
    balance = dataset.balance()
    assert counted(balance, "reply_words") == {"1": 1, "2": 0, "3": 1}
    record = json.dumps(asked("This reply is quite a bit longer now.")).encode()
    dataset.apply({(0, 1): record}, "made longer")
    assert balance.numbers.loc["reply_words", "max"] == 8
    dataset.undo()
    assert balance.numbers.loc["reply_words", "max"] == 3
    dataset.apply({(0, 0): None}, "removed")
    assert balance.numbers.loc["turns", "count"] == 1


def test_only_the_conversations_that_match_are_counted() -> None:
    dataset = rt.load(SMALL)
    fresh = dataset.balance(where="-code:dup.exact")
    assert fresh.numbers.loc["turns", "count"] == 2
    short = dataset.balance(where="tag:short")
    assert counted(short, "role") == {"system": 1, "user": 1, "assistant": 1}
    assert short["reply_words"]["query"].tolist() == ["tag:short reply_words:4"]
    assert counted(dataset.balance(where="tag:nothing"), "role") == {}
    with pytest.raises(rt.QueryError):
        dataset.balance(where="rolle:user")


@pytest.mark.parametrize("data", [b"", b"nothing\nof this\n", b'{"messages": []}\n'])
def test_a_dataset_without_turns_has_a_balance_without_numbers(data: bytes) -> None:
    balance = rt.load(data).balance()
    assert (balance.numbers.loc[["role", "opening", "phrase"], "count"] == 0).all()
    for name, kind in balance.facets[["name", "kind"]].itertuples(index=False):
        assert balance[name]["count"].sum() in (0, 1)
        assert balance.by(name, "role").empty
        assert balance.along(name, axis="file")["count"].sum() in (0, 1)
        if kind != "number":
            assert len(balance.top(name)) <= 1
    assert balance.table("role", "speaker").empty


def test_odd_texts_are_counted_like_any_other() -> None:
    odd = [
        "\ud800 half",
        "w" * 1_000_000,
        "again " * 100_000,
        "",
        "\u202e\u200b",
        "`" * 1000,
        '"' * 999,
        "*" * 999,
    ]
    balance = rt.load([asked(*odd)]).balance()
    numbers = balance.numbers
    assert numbers.loc["reply_words", "count"] == len(odd)
    assert numbers.loc["reply_words", "max"] == 100_000


def test_a_facet_that_does_not_exist_is_refused_in_a_sentence() -> None:
    balance = rt.load(SMALL).balance()
    with pytest.raises(rt.QueryError, match="did you mean reply_words"):
        balance["reply_word"]
    with pytest.raises(rt.QueryError, match="has no value"):
        balance.places("role", "wizard")
    with pytest.raises(rt.QueryError, match="takes a number or a range"):
        balance.places("turns", "many")


def test_the_dict_is_the_same_for_equal_input() -> None:
    first, second = (rt.load(SMALL).balance().as_dict() for _ in range(2))
    assert json.dumps(first) == json.dumps(second)
    assert first["role"] == {
        "unit": "turn", "count": 11, "missing": 0, "distinct": 3, "effective": 2.5466, "top_share": 0.4545,
        "top3_share": 1.0, "most": [["user", 5], ["assistant", 5], ["system", 1]],
    }  # fmt: skip
    assert "speaker" not in first


def test_tokens_are_counted_by_what_is_brought() -> None:
    balance = rt.load(SMALL).balance(tokens=lambda text: 7)
    assert counted(balance, "reply_tokens") == {"7": 5}
    assert "reply_tokens" not in rt.load(SMALL).balance().facets["name"].tolist()


# ---------------------------------------------------------------------- how replies begin, and what they repeat

_UNSPACED = "\u3040\u30ff\u3400\u4dbf\u4e00\u9fff\uac00\ud7af"


def unspaced(char: str) -> bool:
    return any(low <= char <= high for low, high in zip(_UNSPACED[::2], _UNSPACED[1::2], strict=True))


def words_by_hand(text: str) -> str:
    """The first three words, or six characters of a script without blanks, one character after the other."""
    apart = [char.isspace() or char < " " or unicodedata.category(char)[0] in "PS" for char in text]
    at = next((n for n, between in enumerate(apart) if not between), None)
    if at is None:
        return ""
    found: list[str] = [""]
    close = unspaced(text[at])
    while at < len(text):
        if not apart[at]:
            if close and (not unspaced(text[at]) or len("".join(found)) == 6):
                break
            found[-1] += text[at]
        elif not close and text[at] in "'’" and found[-1] and at + 1 < len(text) and not apart[at + 1]:
            found[-1] += "'"
        elif found[-1]:
            if not close and len(found) == 3:
                break
            found.append("")
        at += 1
    return ("" if close else " ").join(word.lower() for word in found if word)


@given(st.text(st.sampled_from("abÉ ’'-.!\n我很好 1"), max_size=25))
def test_an_opening_is_the_first_words_whatever_stands_between_them(text: str) -> None:
    assert (openings(pl.Series([text]))[0] or "") == words_by_hand(text)


@given(st.text(st.sampled_from("abÉ -.!\n1"), max_size=25))
def test_a_closing_is_an_opening_backwards(text: str) -> None:
    backwards = (openings(pl.Series([text[::-1]]))[0] or "")[::-1]
    assert (closings(pl.Series([text]))[0] or "") == backwards


def test_openings_without_blanks_are_characters() -> None:
    found = openings(
        pl.Series(
            [
                "不客气，我很高兴能够帮到你。",
                "ありがとうございます",
                "  «Да», — сказал он тихо",
                "...",
                "שלום, מה שלומך היום?",
            ]
        )
    )
    assert found.to_list() == ["不客气我很高", "ありがとうご", "да сказал он", None, "שלום מה שלומך"]


PHRASES = st.lists(
    st.lists(st.sampled_from(["go", "on", "it's", "a", "day"]), max_size=9).map(" ".join),
    min_size=1,
    max_size=12,
)


@settings(max_examples=30, deadline=None)
@given(PHRASES)
def test_a_phrase_is_counted_once_a_reply(replies: list[str]) -> None:
    balance = rt.load([asked(reply) for reply in replies]).balance()
    runs: Counter[str] = Counter()
    for reply in replies:
        words = [reply[span.start : span.end] for span in word_spans(reply)]
        runs.update({" ".join(words[at : at + 4]) for at in range(len(words) - 3)})
    for phrase, count in counted(balance, "phrase").items():
        assert runs[" ".join(phrase.replace("'", " ").split())] == count >= 3
    most = max(runs.values(), default=0)
    assert max(counted(balance, "phrase").values(), default=0) == (most if most >= 3 else 0)


def test_pieces_of_one_run_are_one_phrase() -> None:
    replies = [
        f"{start} Let me know if you have any questions." for start in ("Sure!", "Yes.", "Done:", "Right —")
    ]
    top = rt.load([asked(reply) for reply in replies]).balance().top("phrase")
    assert len(top) <= 2
    assert top["count"].tolist()[0] == 4
    assert "et me know if" in top["example"][0]


# ---------------------------------------------------------------------- speech, person and tense


def test_where_no_quotes_are_in_use_nobody_can_tell_how_much_is_said() -> None:
    balance = rt.load(
        [
            asked(
                "A plain answer, and one “word” in it that is quoted from somewhere else entirely.",
                "Another.",
            )
        ]
    ).balance()
    assert balance.numbers.loc["dialogue", ["count", "missing"]].tolist() == [0, 2]


@pytest.mark.parametrize(
    ("replies", "shares"),
    [
        (['"Come in," she said.', '"Go."', "She left the room."], [53, 100, 0]),  # 9 characters of 17
        (["“Come in,” she said.", "He nodded."], [53, 0]),
        (["„Geh“, sagte sie."], [33]),  # 5 of 15
        (["「行け」と言った。"], [44]),  # 4 of 9
        (["*nods* Come in.", "Sit down."], [64, 100]),  # 7 of 11, asterisks apart
        (['```\nprint("x", "y", "z")\n```'], []),
    ],
)
def test_the_dialogue_share_is_that_of_the_characters_that_are_said(
    replies: list[str], shares: list[int]
) -> None:
    balance = rt.load([asked(*replies)]).balance()
    for number, share in enumerate(shares, start=1):
        assert balance.places("dialogue", share, also={"reply_number": number}).shape[0] == 1, number
    assert balance.numbers.loc["dialogue", "count"] == len(shares)


def test_point_of_view_and_tense_are_those_of_english_narration() -> None:
    told = [
        '"Well, let us see," I said. I looked at my hands and thought of her. They were cold.',
        '"Well, let us see," she says. She looks at him and takes his hand. The night is cold.',
        '"Well, let us see." You turn to your left, and you see your reflection in the mirror. It is pale, and the room is cold.',
        '"Gut, mal sehen", sagte sie. Er sah sie an, und sie ging mit ihm zu seinem Haus.',
    ]
    balance = rt.load([asked(text) for text in told]).balance()
    assert [
        balance.places("viewpoint", person)["index"].tolist() for person in ("first", "third", "second")
    ] == [[0], [1], [2]]
    assert balance.places("tense", "past")["index"].tolist() == [0]
    assert balance.places("tense", "present")["index"].tolist() == [1, 2]
    assert balance.places("viewpoint", None)["index"].tolist() == [3]


# ---------------------------------------------------------------------- languages, prompts, layouts


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("Plain words", "Latin"),
        ("Слово word", "Cyrillic"),
        ("שלום לכם", "Hebrew"),
        ("سلام دنیا", "Arabic"),
        ("我很好", "Han"),
        ("日本語です", JAPANESE),
        ("안녕하세요", "Hangul"),
        ("สวัสดี", "Thai"),
        ("123 !?", None),
        ("", None),
        ("é", "Latin"),
    ],
)
def test_the_script_of_a_text_is_that_of_most_letters(text: str, script: str | None) -> None:
    assert scripts(pl.Series([text], dtype=pl.String)).to_list() == [script]


letters = st.characters(min_codepoint=0x41, max_codepoint=0x2FFFF, exclude_categories=("Cs", "Cn", "Co"))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text(letters, max_size=12), min_size=1, max_size=4))
def test_scripts_are_those_of_unicode(many: list[str]) -> None:
    for text, found in zip(many, scripts(pl.Series(many, dtype=pl.String)).to_list(), strict=True):
        basic = "".join(char for char in text[:HEAD] if char <= "\ud7ff")
        if basic != text:
            continue  # beyond, only the ideographs and the forms of Hebrew and Arabic are told
        series = pl.Series([basic])
        counts = {name: int(series.str.count_matches(rf"\p{{{name}}}")[0]) for name in SCRIPTS}
        kana = counts["Hiragana"] + counts["Katakana"]
        if kana:
            assert found in (JAPANESE, *(name for name, count in counts.items() if count > kana))
        else:
            most = max(counts.values())
            assert found == (next(name for name in SCRIPTS if counts[name] == most) if most else None)


def test_prompts_that_are_nearly_the_same_are_one_variant() -> None:
    prompt = "You are a patient teacher of physics who explains one step at a time and asks what the learner thinks about it."
    changed = prompt.replace("physics", "chemistry")
    dataset = rt.load(
        [
            chat((System, one), (User, "Hi"), (Reply, "Hello"))
            for one in (changed, prompt, prompt, "Be a pirate.")
        ]
    )
    balance = dataset.balance()
    assert balance["system"]["count"].tolist() == [2, 1, 1]
    assert balance["system_variant"]["count"].tolist() == [3, 1]
    assert balance["system_variant"]["label"][0].startswith("You are a patient teacher of physics")


def test_form_is_told_by_its_marks() -> None:
    replies = [
        "# Title\n\n- one\n- two",
        "1. first\n2. second",
        "```\ncode\n```",
        "**bold** and [x](https://a.b)",
        "Just words.",
        "😀 hi",
    ]
    found = counted(rt.load([asked(*replies)]).balance(), "form")
    assert found == {
        "heading": 1, "bullet list": 1, "several paragraphs": 1, "numbered list": 1, "code block": 1, "bold": 1, "link": 1,
        "plain text": 1, "emoji": 1,
    }  # fmt: skip


def test_findings_and_layouts_are_facets_too() -> None:
    dataset = rt.load([asked("Fine words."), asked("Hello  "), {"instruction": "Say hi", "output": "Hi"}])
    balance = dataset.balance()
    assert counted(balance, "format") == {"messages": 2, "alpaca": 1}
    codes = counted(balance, "finding")
    assert codes
    assert all(len(dataset.where(f"code:{code}")) == count for code, count in codes.items())
    assert balance.table("format", "finding").to_numpy().sum() == sum(codes.values())
