"""Gates: limits in a file that a check must keep, the same in Python, on the command line and in what CI reads."""

from __future__ import annotations

import contextlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, real_files
from hypothesis import given, settings
from hypothesis import strategies as st

import rolethread_nb as rt
from rolethread_nb.cli import main
from rolethread_nb.core.report import Report


def chat(*texts: str, **more: Any) -> dict[str, Any]:
    """A record in which user and assistant say these by turns."""
    roles = ("user", "assistant")
    return {"messages": [{"role": roles[n % 2], "content": text} for n, text in enumerate(texts)], **more}


CLEAN = chat("Where is the ship?", "It left at dawn.")
EMPTY = chat("Where is the captain?", "")  # an error
BLANK = chat("Who sails her? ", "Mara does.")  # a note
LEFT_OPEN = chat("Who sails her?", "{{char}} does.", "Who else?", "Nobody.")  # a warning


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    lines = (json.dumps(record) for record in (CLEAN, EMPTY, BLANK, LEFT_OPEN))
    Path("chats.jsonl").write_text("\n".join(lines) + "\n")


def checked(**how: Any) -> Report:
    return rt.load("chats.jsonl").check(**how)


def say(text: str, path: str = "gates.toml") -> str:
    Path(path).write_text(text, encoding="utf-8")
    return path


# ---------------------------------------------------------------- what is measured


@pytest.mark.parametrize(
    ("gate", "says", "ok"),
    [
        ({"severity:error": 0}, "severity:error: 1 finding, at most 0", False),
        ({"severity:error": 1}, "severity:error: 1 finding, at most 1", True),
        ({"turn.empty": 0}, "turn.empty: 1 finding, at most 0", False),
        ({"text": {"max": 1}}, "text: 1 finding, at most 1", True),
        ({"findings": {"min": 9}}, "findings: 3 findings, at least 9", False),
        ({"leak": {"share": 0.25}}, "leak: 1 of 4 conversations (25 %), at most 25 %", True),
        ({"leak": {"share": 0.2}}, "leak: 1 of 4 conversations (25 %), at most 20 %", False),
        ({"leak": {"share": 0.2, "of": "replies"}}, "leak: 1 of 5 replies (20 %), at most 20 %", True),
        ({"text": {"share": 0, "of": "replies"}}, "text: 0 of 5 replies (0 %), at most 0 %", True),
        ({"duplicates": {"share": 0}}, "duplicates: 0 of 4 conversations (0 %), at most 0 %", True),
        (
            {"findings": {"max": 0, "where": "role:user"}},
            "findings with role:user: 1 finding, at most 0",
            False,
        ),
        ({"code:turn severity:warning": 0}, "code:turn severity:warning: 0 findings, at most 0", True),
        ({"conversations": {"min": 4, "max": 9}}, "conversations: 4 conversations, from 4 to 9", True),
        ({"turns": {"min": 11}}, "turns: 10 turns, at least 11", False),
        ({"replies": {"min": 5}}, "replies: 5 replies, at least 5", True),
        ({"words": {"max": 1000}}, "words: 25 words, at most 1,000", True),
        ({"rejected": 0}, "rejected: 0 rejected records, at most 0", True),
        ({"rejected": {"share": 0.01}}, "rejected: 0 of 4 records (0 %), at most 1 %", True),
        (
            {"no empty replies": {"measure": "turn.empty", "max": 0}},
            "no empty replies (turn.empty): 1 finding, at most 0",
            False,
        ),
    ],
)
def test_a_gate_says_in_a_sentence_what_it_measured_and_what_it_allows(
    gate: dict[str, Any], says: str, ok: bool
) -> None:
    gates = checked().gates(gate)

    assert [result.says for result in gates] == [says]
    assert gates.ok is ok
    assert says in repr(gates)


def test_a_share_says_as_many_digits_as_it_takes_to_see_why_it_fails() -> None:
    records = [chat("Hi", ""), *[chat("Hi", f"Number {n}.") for n in range(296)]]
    (result,) = rt.load(records).check(select="turn").gates({"turn.empty": {"share": 0.00336}})

    assert not result.ok
    assert result.says == "turn.empty: 1 of 297 conversations (0.34 %), at most 0.336 %"


def test_rejected_records_have_a_share_of_their_own() -> None:
    ds = rt.load(json.dumps(CLEAN).encode() + b'\n{"messages": [\n5\n')
    (result,) = ds.check().gates({"rejected": {"share": 0.5}})

    assert (result.ok, result.says) == (False, "rejected: 2 of 3 records (67 %), at most 50 %")
    assert result.query is None
    assert result.conversations() == []


def test_a_finding_about_the_dataset_counts_for_the_conversations_that_it_names() -> None:
    record = {"messages": [{"role": "client", "content": "Hi"}, {"role": "assistant", "content": "Ho"}]}
    (result,) = rt.load([record, CLEAN, record | {"mood": 1}]).check().gates({"role.unknown": {"share": 0}})

    assert result.value == 2 / 3
    assert [conversation.index for conversation in result.conversations()] == [0, 2]


def test_each_number_opens() -> None:
    report = checked()
    gates = report.gates(
        {"leak": 0, "severity:error": 0, "text": {"max": 9, "where": "role:user"}, "turns": 1}
    )

    assert [[c.index for c in result.conversations()] for result in gates] == [[3], [1], [2], [0, 1, 2, 3]]
    assert [result.query for result in gates] == ["code:leak", "severity:error", "code:text role:user", ""]
    for result in gates:  # the query says the same to the panel
        assert report.dataset.where(result.query or "") == result.conversations()


def test_nothing_at_all_passes_where_nothing_may_be_and_fails_where_something_must() -> None:
    report = rt.load([]).check()

    assert report.gates({"severity:error": 0, "leak": 0, "role.user": 0}).ok
    assert not report.gates({"conversations": {"min": 1}}).ok


@pytest.mark.parametrize(
    ("gate", "says"),
    [
        ({"leak": {"share": 0.5}}, "leak: not measured (there are no conversations), at most 50 %"),
        (
            {"leak": {"share": 0.5, "of": "replies"}},
            "leak: not measured (there are no replies), at most 50 %",
        ),
        ({"rejected": {"share": 0.5}}, "rejected: not measured (there are no records), at most 50 %"),
        (
            {"viewpoint.second": {"share": 0.5}},
            "viewpoint.second: not measured (there are no replies with a viewpoint), at most 50 %",
        ),
        ({"role.top_share": 0.5}, "role.top_share: not measured (nothing has a role), at most 0.5"),
    ],
)
def test_a_share_of_nothing_is_not_measured_and_does_not_pass(gate: dict[str, Any], says: str) -> None:
    (result,) = rt.load([]).check().gates(gate)

    assert (result.ok, result.value, result.says) == (False, None, says)
    assert result.conversations() == []


def test_a_share_of_a_list_is_one_of_all_that_could_have_the_value() -> None:
    records = [{**CLEAN, "tags": ["Sea"]}, BLANK, chat("Hi", "Ho"), chat("Hi", "Hm")]
    gates = (
        rt.load(records)
        .check()
        .gates(
            {
                "tag.sea": {"share": 0.2},
                "finding.text.whitespace": {"share": 0.2},
                "finding.turn.empty": {"share": 0},
            }
        )
    )

    assert [result.value for result in gates] == [1 / 4, 1 / 4, 0]


def test_a_baseline_and_a_query_narrow_what_is_counted() -> None:
    checked().write_baseline("known.jsonl")

    assert checked(baseline="known.jsonl").gates({"findings": 0}).ok
    assert checked(where="severity:warning").gates({"findings": 1}).ok


@pytest.mark.parametrize(
    ("how", "gate", "why"),
    [
        ({"select": ["turn"]}, "leak", "'leak' did not run: 'select' leaves it out"),
        ({"ignore": ["leak"]}, "leak", "'leak' did not run: 'ignore' leaves it out"),
        (
            {"profile": "rolethread"},
            "leak.macro",
            "'leak.macro' did not run: profile 'rolethread' never runs it; check with another one",
        ),
        (
            {},
            "roleplay.name_prefix",
            "'roleplay.name_prefix' did not run: profile 'chat' leaves it out; name it in 'select'",
        ),
        (
            {},
            "reply.filler",
            "'reply.filler' did not run: it is a preview rule; name it in 'select'",
        ),
        ({}, "chatml.wrong_role", "'chatml.wrong_role' did not run: it runs in profile 'rolethread' alone"),
        ({"select": ["turn"]}, "duplicates", "'dup.exact' did not run: 'select' leaves it out"),
        ({"ignore": ["leak"]}, "finding.leak.macro", "'leak.macro' did not run: 'ignore' leaves it out"),
        (
            {"ignore": ["leak"]},
            "code:text code:leak.macro",
            "'leak.macro' did not run: 'ignore' leaves it out",
        ),
    ],
)
def test_a_rule_that_did_not_run_is_no_reason_to_pass(how: dict[str, Any], gate: str, why: str) -> None:
    (result,) = checked(**how).gates({gate: 0})

    assert (result.ok, result.value) == (False, None)
    assert result.says == f"{gate}: not measured ({why}), at most 0"


def test_a_family_says_which_of_its_rules_did_not_run() -> None:
    family, whole, one = checked(ignore=["style.repeated_opening"]).gates(
        {"style": 100, "turn": 9, "style.overused_phrase": 100}
    )

    assert family.ok
    assert set(family.not_run) >= {"style.loop", "style.repeated_opening"}
    assert re.fullmatch(
        r"style: 0 findings, at most 100; not run: style\.[a-z_, .]+(and [1-9] more)?", family.says
    )
    assert family.as_dict()["not_run"] == list(family.not_run)
    assert (whole.not_run, one.not_run) == ((), ())
    assert "not run" not in whole.says


def test_a_rule_that_stopped_did_not_run_to_its_end() -> None:
    def stops(message: rt.Message) -> list[Any]:
        raise RuntimeError("on purpose")

    rt.rule("own.stops", when=rt.vocabulary.role == "assistant", spans=stops, title="Stops")
    try:
        (result,) = checked(select="own.stops").gates({"own.stops": 0})
    finally:
        rt.forget_rule("own.stops")
    assert not result.ok
    assert "'own.stops' stopped with an error" in result.says


# ---------------------------------------------------------------- the balance

LONG = [chat("Tell me more", "word " * count + "end.") for count in (9, 19, 29, 399)]


@pytest.mark.parametrize(
    ("gate", "says", "behind"),
    [
        ({"reply_words.median": {"min": 10, "max": 20}}, "reply_words.median: 20, from 10 to 20", [2, 3]),
        ({"reply_words.median": {"min": 30}}, "reply_words.median: 20, at least 30", [0, 1]),
        ({"reply_words.max": 100}, "reply_words.max: 400, at most 100", [3]),
        ({"reply_words.mean": 115}, "reply_words.mean: 115, at most 115", [3]),
        ({"reply_words.count": {"min": 4}}, "reply_words.count: 4, at least 4", [0, 1, 2, 3]),
        ({"speaker.missing": 0}, "speaker.missing: 8, at most 0", [0, 1, 2, 3]),
        ({"role.top_share": 0.5}, "role.top_share: 0.5, at most 0.5", [0, 1, 2, 3]),
        ({"role.effective": {"min": 3}}, "role.effective: 2, at least 3", [0, 1, 2, 3]),
        (
            {"role.assistant": {"share": 0.4}},
            "role.assistant: 4 of 8 turns (50 %), at most 40 %",
            [0, 1, 2, 3],
        ),
        ({"role.system": {"share": 0}}, "role.system: 0 of 8 turns (0 %), at most 0 %", []),
        ({"role.user": {"max": 3}}, "role.user: 4 turns, at most 3", [0, 1, 2, 3]),
        (
            {"speaker.top_share": 0.5},
            "speaker.top_share: not measured (nothing has a speaker), at most 0.5",
            [],
        ),
    ],
)
def test_any_number_of_the_balance_can_be_a_gate(gate: dict[str, Any], says: str, behind: list[int]) -> None:
    (result,) = rt.load(LONG).check().gates(gate)

    assert result.says == says
    assert [conversation.index for conversation in result.conversations()] == behind


def words(count: int) -> dict[str, Any]:
    return chat("Go on.", " ".join(["sea"] * count))


def test_any_quantile_can_be_a_gate() -> None:
    report = rt.load([words(count) for count in range(1, 201)]).check()
    names = ("q1", "q01", "q05", "q5", "q50", "median", "q90", "q99", "q99.5", "q99.9")
    gates = report.gates({f"reply_words.{name}": 1_000 for name in names})

    assert [result.value for result in gates] == [2, 2, 10, 10, 100, 100, 180, 198, 199, 200]
    (tail,) = report.gates({"reply_words.q99": {"max": 190}})
    assert tail.says == "reply_words.q99: 198, at most 190"
    assert tail.query == "reply_words:191.."
    assert len(tail.conversations()) == 10


@given(counts=st.lists(st.integers(1, 30), min_size=1, max_size=40), percent=st.integers(1, 99))
@settings(deadline=None, max_examples=25)
def test_a_quantile_is_the_smallest_value_that_so_large_a_share_does_not_exceed(
    counts: list[int], percent: int
) -> None:
    (result,) = rt.load([words(count) for count in counts]).check().gates({f"reply_words.q{percent}": 99})
    value = int(result.value or 0)

    assert value in counts
    assert 100 * sum(count <= value for count in counts) >= percent * len(counts)
    assert 100 * sum(count < value for count in counts) < percent * len(counts)


@pytest.mark.parametrize(
    ("gate", "says", "behind"),
    [
        ({"reply_words:..4": {"share": 0.05}}, "reply_words:..4: 2 of 5 replies (40 %), at most 5 %", [0, 2]),
        (
            {"reply_words:<5": {"share": 0.5, "of": "replies"}},
            "reply_words:<5: 2 of 5 replies (40 %), at most 50 %",
            [0, 2],
        ),
        (
            {"reply_words:..2 reply_words:9..": 1},
            "reply_words:..2 reply_words:9..: 2 replies, at most 1",
            [0, 4],
        ),
        (
            {"no short replies": {"measure": "reply_words:..4", "share": 0.4}},
            "no short replies (reply_words:..4): 2 of 5 replies (40 %), at most 40 %",
            [0, 2],
        ),
        ({"reply_words:90..": 0}, "reply_words:90..: 0 replies, at most 0", []),
        (
            {"turns:2": {"share": 0.5}},
            "turns:2: 5 of 6 conversations (83 %), at most 50 %",
            [0, 1, 2, 3, 4],
        ),
    ],
)
def test_the_share_of_a_range_can_be_a_gate(gate: dict[str, Any], says: str, behind: list[int]) -> None:
    ds = rt.load([*map(words, (2, 7, 4, 5, 9)), chat("Hi")])
    (result,) = ds.check().gates(gate)

    assert result.says == says
    assert [conversation.index for conversation in result.conversations()] == behind
    assert ds.where(result.query or "") == result.conversations()


def test_a_range_of_nothing_is_not_measured() -> None:
    (result,) = rt.load([chat("Hi")]).check().gates({"reply_words:..4": {"share": 0.05}})

    assert result.value is None
    assert not result.ok
    assert "not measured (there are no replies with a reply_words)" in result.says


def test_a_range_stands_in_a_file_as_in_a_mapping() -> None:
    path = say('[gates]\n"reply_words:..4" = { share = 0.1 }\nreply_words.q99.9 = 3\n')

    assert [result.value for result in checked().gates(path)] == [1, 4]


def test_a_value_that_nobody_can_know_beforehand_counts_as_none() -> None:
    gates = (
        rt.load(LONG)
        .check()
        .gates({"speaker.Mara": 0, "tag.sea": 0, "opening.once upon a": 0, "label.human": 0})
    )

    assert gates.ok
    assert [result.value for result in gates] == [0, 0, 0, 0]


ENDS = "Yes. Yes? Yes! Yes… Yes” Yes* Yes: Yes, Yes) Yes` Yes Yes+".split()
TOLD = [
    "你好吗，我很好。",
    "これはペンです。",
    "Это так.",
    '"No," she said and she left. *Oh.*',
    "# Heading\n\n* One\n* two",
]
CLOSED = ("role", "ending", "form", "speech_marks", "viewpoint", "tense", "language", "script", "copies", "format", "source", "finding")  # fmt: skip


@pytest.mark.parametrize("path", [None, *real_files()[:3]], ids=str)
def test_every_value_that_the_data_has_can_be_a_gate(path: Path | None) -> None:
    texts = [chat("Hi", text) for text in [*ENDS, *TOLD, "Yes.", "I saw that I was late and I ran home."]]
    ds = rt.load(texts if path is None else path, review=False)
    balance = ds.balance()
    gates = {f"{name}.{value}": {"min": 1} for name in CLOSED for value in balance[name]["value"]}

    assert len(gates) > 3
    assert ds.check().gates(gates).ok


def test_the_case_of_a_value_does_not_matter_unless_the_data_has_it() -> None:
    named = chat("Hi", "Ho")
    named["messages"][0]["name"], named["messages"][1]["name"] = "mara", "Mara"
    ds = rt.load([{**named, "tags": ["Sea"]}])
    gates = ds.check().gates({"tag.SEA": 0, "speaker.MARA": 0, "speaker.mara": 0, "viewpoint.First": 0})

    assert [result.value for result in gates] == [1, 2, 1, 0]
    for result in gates:
        assert ds.where(result.query or "") == result.conversations()


def test_replies_are_what_the_balance_counts_as_replies() -> None:
    call = {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}],
    }
    called = {"messages": [{"role": "user", "content": "Go"}, call, {"role": "tool", "content": "1"}]}
    pair = {
        "prompt": [{"role": "user", "content": "Hi"}],
        "chosen": [{"role": "assistant", "content": "{{char}} waves."}],
        "rejected": [{"role": "assistant", "content": "{{char}} frowns."}],
    }
    report = rt.load([called, pair, chat("Hi", "Ho")]).check()
    gates = report.gates(
        {"replies": {"min": 3}, "reply_words.count": {"min": 3}, "leak": {"share": 0.4, "of": "replies"}}
    )

    assert [result.value for result in gates] == [2, 2, 1 / 2]
    assert gates["replies"].query is not None
    assert [one.index for one in gates["replies"].conversations()] == [1, 2]
    assert report.dataset.where(gates["replies"].query) == gates["replies"].conversations()


def test_what_is_behind_a_number_of_the_balance_is_a_query_too() -> None:
    ds = rt.load([*LONG, chat("Hi")])
    gates = ds.check().gates(
        {
            "role.top_share": 0.9,
            "role.top3_share": {"min": 1},
            "reply_words.median": {"min": 15, "max": 100},
            "role.assistant": {"share": 0.1},
            "role.effective": {"min": 9},
        }
    )

    assert [result.query for result in gates] == [
        "role:user",
        "role:user role:assistant",
        "reply_words:..14 reply_words:101..",
        "role:assistant",
        "",
    ]
    assert [result.value for result in gates][:2] == [5 / 9, 1]
    for result in gates:
        assert ds.where(result.query or "") == result.conversations()


def test_nothing_to_measure_is_no_reason_to_pass() -> None:
    for limits in ({"max": 10_000}, {"min": 1}):
        (result,) = rt.load([chat("Hi")]).check().gates({"reply_words.median": limits})
        assert (result.ok, result.value) == (False, None)


def test_a_dataset_that_has_changed_has_to_be_checked_again_for_its_balance() -> None:
    ds = rt.load([chat("Hi ", "Ho")])
    report = ds.check()
    report.repairs().apply()

    assert report.gates({"text": 1}).ok  # what was found is still known
    with pytest.raises(rt.StalePlanError, match="check it again"):
        report.gates({"reply_words.median": 1})


# ---------------------------------------------------------------- the object


def test_gates_are_a_frame_a_mapping_a_text_and_a_page() -> None:
    gates = checked().gates({"severity:error": 0, "turns": {"min": 1}})

    assert gates.results[["name", "ok", "value"]].to_dict("records") == [
        {"name": "severity:error", "ok": False, "value": 1},
        {"name": "turns", "ok": True, "value": 10},
    ]
    assert [result.name for result in gates.failed] == ["severity:error"]
    assert gates["turns"].ok
    assert repr(gates).startswith("<Gates: 1 of 2 failed")
    assert "✗ failed" in gates._repr_html_()
    for name in ("severity:warning", 0, None, ["turns"]):
        with pytest.raises(rt.QueryError, match=r"No gate is called .*; there are severity:error, turns\."):
            gates[name]  # type: ignore[index]
    with pytest.raises(TypeError, match="ok"):
        bool(gates)


def test_text_in_a_file_of_gates_is_no_markup() -> None:
    gates = checked().gates({"<b>|": {"measure": "turns", "max": 1}})

    assert "<b>|" not in gates._repr_html_()
    assert "&lt;b&gt;" in gates._repr_html_()


# ---------------------------------------------------------------- the file


@pytest.mark.parametrize(
    "text",
    [
        '[gates]\n"turn.empty" = 0\n',
        "[gates]\nturn.empty = 0\n",
        "[gates.turn]\nempty = 0\n",
        "[gates]\nturn.empty = {max = 0}\n",
        "[gates.turn.empty]\nmax = 0\n",
        "\ufeff[gates]\nturn.empty = 0\n",
    ],
)
def test_a_code_can_be_written_with_and_without_quotation_marks(text: str) -> None:
    gates = checked().gates(say(text))

    assert [result.says for result in gates] == ["turn.empty: 1 finding, at most 0"]
    assert gates.path == "gates.toml"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("turn = ", "not valid TOML"),
        ("turn = 0", "sets 'turn'; a file of gates holds the table"),
        ("[gates]\n[limits]", "sets 'limits'"),
        ("", "holds no table"),
        ("gates = 5", "holds no table"),
        ("[gates]", "holds no gate"),
        ("[gates]\nturn = 'none'", "gate 'turn': the limit is 'none', which is no number"),
        ("[gates]\nturn = true", "is True, which is no number"),
        ("[gates]\nturn = nan", "is nan, which is no number"),
        ("[gates]\nturn = [0]", "which is no number"),
        ("[gates]\nturn = inf", "beyond anything that can be counted"),
        (f"[gates]\nturn = {{min = -1{'0' * 400}}}", "beyond anything that can be counted"),
        ("[gates]\nturn = {max = 1, where = 'code:leak'}", "'where' says code: again"),
        ("[gates]\nturn = {max = '0'}", "'max' is '0', which is no number"),
        ("[gates]\nturn = {max = 0, mim = 1}", "'mim' is no part of a gate; did you mean 'min'"),
        ("[gates]\nturn = {max = 0, colour = 1}", "there are max, min, share, of, where, measure"),
        ("[gates]\nturn = {where = 'role:user'}", "there is no limit"),
        ("[gates]\nturn = {share = 0.1, max = 3}", "without 'max' and 'min'"),
        ("[gates]\nturn = {share = 1.5}", "from 0 to 1 \\(0.01 is 1 %\\), not to 1.5"),
        ("[gates]\nturn = {share = -0.1}", "'share' is -0.1, and nothing is below 0"),
        ("[gates]\nturn = {share = 1}", "'share' 1 is everything, so this can never fail"),
        ("[gates]\nturn = -1", "the limit is -1, and nothing is below 0"),
        ("[gates]\nturn = {max = -1}", "'max' is -1, and nothing is below 0"),
        ("[gates]\nreply_words.median = {max = -0.5}", "'max' is -0.5, and nothing is below 0"),
        ("[gates]\nturns = {min = -1, max = 5}", "'min' is -1, and nothing is below 0"),
        ("[gates]\nturns = {min = 0}", "'min' 0 without 'max' can never fail"),
        ("[gates]\nrole.top_share = 1", "goes to 1, so 'max' 1 can never fail"),
        ("[gates]\nrole.top_share = {min = 1.5}", "goes to 1, so 'min' 1.5 can never be met"),
        ("[gates]\nuser_share.median = 100", "goes to 100, so 'max' 100 can never fail"),
        ("[gates]\nuser_share.median = {min = 101, max = 200}", "so 'min' 101 can never be met"),
        ("[gates]\nturn = {share = 0.1, of = 'turns'}", "'of' takes conversations or replies, not 'turns'"),
        ("[gates]\nturn = {max = 1, of = 'replies'}", "say 'share' as well"),
        ("[gates]\nturn = {min = 2, max = 1}", "'min' 2 is above 'max' 1"),
        ("[gates]\nturn = {max = 1, where = 'colour:red'}", "'where' is not understood: No term is called"),
        ("[gates]\nturn = {max = 1, where = 5}", "'where' is 5, which is no text"),
        (
            "[gates]\nturn.emtpy = 0",
            "gate 'turn.emtpy': no code, family, count or facet is called 'turn.emtpy'; did you mean turn.empty",
        ),
        ("[gates]\nweather = 0", "'weather'; docs/gates.md lists"),
        ("[gates]\n'severity:fatal' = 0", "severity: takes error, warning, info"),
        ("[gates]\n'code:turn.emtpy' = 0", "No rule or family"),
        ("[gates]\n'role:user' = 0", "this finds no findings; name them with code: or severity:"),
        ("[gates]\nturns = {share = 0.1}", "'share' is about findings"),
        ("[gates]\nturns = {max = 1, where = 'role:user'}", "'where' is about findings"),
        ("[gates]\nrejected = {share = 0.1, of = 'replies'}", "'share' is about findings"),
        ("[gates]\nreply_words.q0 = 5", "a quantile goes from q01 to q99 .*there is no q0"),
        ("[gates]\nreply_words.q100 = 5", "there is no q100"),
        ("[gates]\nreply_words.p90 = 5", "no number 'p90'; there are count, .*q01 to q99"),
        ("[gates]\n'reply_words:9..3' = 5", "no number lies in '9..3'"),
        ("[gates]\n'user_share:101..' = 5", "goes to 100, so nothing lies in '101..'"),
        ("[gates]\n'reply_words:few' = 5", "takes a number or a range"),
        ("[gates]\n'reply_wrods:..4' = 5", "did you mean reply_words:"),
        ("[gates]\n'words:..4' = 5", "Ranges are of the numbers of ds.balance\\(\\), as reply_words:..4"),
        ("[gates]\n'viewpoint:second' = 5", "with a dot, as role.user"),
        ("[gates]\n'reply_words:..4 role:user' = 5", "a range of reply_words stands alone"),
        ("[gates]\n'-reply_words:..4' = 5", "a range of reply_words stands alone"),
        ("[gates]\n'reply_words:..4' = {max = 1, where = 'role:user'}", "'where' is about findings"),
        ("[gates]\n'turns:..4' = {share = 0.1, of = 'replies'}", "turns is not about replies"),
        ("[gates]\nreply_words = 5", "reply_words is no number itself; say which of it; there are count"),
        ("[gates]\nreply_words.medain = 5", "did you mean reply_words.median"),
        ("[gates]\nreply_wrods.median = 5", "did you mean reply_words.median"),
        ("[gates]\nreply_words.median = {share = 0.1}", "'share' is about findings and values"),
        ("[gates]\nreply_words.median = {max = 1, where = 'role:user'}", "'where' is about findings"),
        ("[gates]\nrole.user = {share = 0.1, of = 'replies'}", "role is not about replies"),
        (
            "[gates]\nviewpoint.secnd = {share = 0.2}",
            "viewpoint has no value 'secnd'; there are first, second, third, mixed.",
        ),
        ("[gates]\nrole.asistant = 0", "role has no value 'asistant'; there are .*assistant.*unknown"),
        ("[gates]\nending.dot = 0", "ending has no value 'dot'; there are a full stop, a question mark"),
        ("[gates]\nsource.7 = 0", "source has no value '7'; there are 0."),
        ("[gates]\n'finding.turn.emtpy' = 0", "No rule is called 'turn.emtpy'; there are .*turn.empty"),
        ("[gates]\n'finding.leak' = 0", "No rule is called 'leak'; there are .*leak.macro"),
        ("[gates]\n'finding.X' = 0", "No rule is called 'X'; there are the families file, record"),
    ],
)
def test_what_makes_no_sense_is_refused_with_file_and_gate(
    text: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    say(text)
    with pytest.raises(rt.QueryError, match=says) as refused:
        checked().gates("gates.toml")
    assert str(refused.value).startswith("gates.toml")
    assert "\n" not in str(refused.value)

    assert main(["check", "chats.jsonl", "--gate", "gates.toml", "--json"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err == f"rolethread-nb: {refused.value}\n"


def test_a_file_that_cannot_be_read_is_refused() -> None:
    Path("folder").mkdir()
    Path("binary.toml").write_bytes(b"\xff\xfe")
    for path, says in (
        ("missing.toml", "no file of gates missing.toml"),
        ("folder", "cannot be read"),
        ("binary.toml", "not valid TOML"),
    ):
        with pytest.raises(rt.RolethreadError, match=says):
            checked().gates(path)
    with pytest.raises(rt.QueryError, match="Say which gates"):
        checked().gates()
    for wrong in (5, True, 0.5, b"gates.toml", ["gates.toml"], {"turns"}):
        with pytest.raises(rt.QueryError, match="Gates are a file or a mapping, not"):
            checked().gates(wrong)  # type: ignore[arg-type]
    with pytest.raises(rt.QueryError, match="the name of a gate is 5, which is no text"):
        checked().gates({5: 0})  # type: ignore[dict-item]


@settings(deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.just(10**400) | st.text(max_size=5),
        lambda inner: st.dictionaries(
            st.sampled_from(
                ["turn", "turns", "max", "min", "share", "of", "where", "measure", "severity:error"]
            )
            | st.text(max_size=5),
            inner,
            max_size=3,
        ),
        max_leaves=8,
    )
)
def test_no_mapping_does_worse_than_a_sentence(given_gates: Any) -> None:
    report = rt.load([CLEAN]).check()
    mapping = given_gates if isinstance(given_gates, dict) else {"turns": given_gates}
    with contextlib.suppress(rt.QueryError):
        assert "gates" in repr(report.gates(mapping)).lower()


# ---------------------------------------------------------------- the exit status

PASSES, FAILS = '[gates]\n"severity:error" = 1\n', '[gates]\n"severity:error" = 0\n'


@pytest.mark.parametrize(
    ("gates", "more", "status"),
    [
        (PASSES, [], 0),  # an error, but the gates allow one
        (FAILS, [], 1),
        (PASSES, ["--fail-on", "error"], 1),  # said, so it counts as well
        (PASSES, ["--fail-on", "never"], 0),
        (FAILS, ["--fail-on", "never"], 1),
        (FAILS, ["--fail-on", "error"], 1),
        ("[gates]\ntext = 1\n", ["--fail-on", "info", "--select", "text"], 1),
        ("[gates]\ntext = 1\n", ["--fail-on", "warning", "--select", "text"], 0),
    ],
)
def test_with_gates_the_status_is_theirs_and_that_of_fail_on_if_it_is_said(
    gates: str, more: list[str], status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "chats.jsonl", "--gate", say(gates), *more]) == status
    assert "gates gates.toml: " in capsys.readouterr().out


def test_gates_and_fail_on_can_stand_in_the_settings(capsys: pytest.CaptureFixture[str]) -> None:
    Path("limits").mkdir()
    say(FAILS, "limits/strict.toml")
    say(PASSES)
    say('gate = "limits/strict.toml"\n', "rolethread_nb.toml")
    assert main(["check", "chats.jsonl"]) == 1
    assert main(["check", "chats.jsonl", "--gate", "gates.toml"]) == 0
    assert main(["check", "chats.jsonl", "--no-settings", "--gate", "gates.toml"]) == 0
    say('gate = "gates.toml"\nfail-on = "error"\n', "rolethread_nb.toml")
    assert main(["check", "chats.jsonl"]) == 1
    say('[tool.rolethread_nb]\ngate = "gates.toml"\n', "pyproject.toml")
    Path("rolethread_nb.toml").unlink()
    assert main(["check", "chats.jsonl"]) == 0
    say("gate = 5\n", "rolethread_nb.toml")
    assert main(["check", "chats.jsonl"]) == 2
    assert "'gate' to 5, which is no text" in capsys.readouterr().err


def test_python_and_the_command_line_say_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    say(FAILS)
    say('gate = "gates.toml"\n', "rolethread_nb.toml")
    main(["check", "chats.jsonl", "--json"])
    by_command = json.loads(capsys.readouterr().out)
    report = checked()

    assert {**by_command, "seconds": 0} == {**json.loads(report.to_json()), "seconds": 0}
    assert by_command["gates"] == report.gates().as_dict()
    assert by_command["gates"] == {
        "ok": False,
        "file": "gates.toml",
        "results": [
            {
                "name": "severity:error",
                "measure": "severity:error",
                "ok": False,
                "value": 1,
                "min": None,
                "max": 0,
                "share_of": None,
                "says": "severity:error: 1 finding, at most 0",
                "not_run": [],
                "query": "severity:error",
            }
        ],
    }
    assert by_command["settings"]["gate"] == {"value": "gates.toml", "from": "rolethread_nb.toml"}


def test_without_gates_nothing_is_said_of_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "chats.jsonl", "--json"]) == 1
    assert "gates" not in json.loads(capsys.readouterr().out)


def test_gates_are_read_before_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: Any, **__: Any) -> None:
        raise AssertionError("the check has begun")

    say("[gates]\nturn = 'none'\n")
    monkeypatch.setattr(rt.Dataset, "check", never)
    assert main(["check", "chats.jsonl", "--gate", "gates.toml"]) == 2


# ---------------------------------------------------------------- the page


def test_the_file_and_the_table_of_the_page_are_true() -> None:
    page = (ROOT / "docs" / "gates.md").read_text(encoding="utf-8")
    (example, *_) = re.findall(r"^```toml\n(.*?)^```", page, flags=re.MULTILINE | re.DOTALL)
    gates = checked().gates(say(example))

    assert len(gates) >= 5
    for name in ("findings", "duplicates", "conversations", "turns", "replies", "words", "rejected"):
        assert f"`{name}`" in page


def test_the_panel_says_in_its_header_which_gates_passed() -> None:
    ds = rt.load([{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": ""}]}])
    panel = rt.review(ds, gates={"severity:error": 0, "turns": {"min": 1}})
    gates = json.loads(panel.state)["header"]["gates"]
    assert (gates["ok"], gates["says"]) == (False, "Gates: 1 of 2 failed")
    assert [(one["ok"], one["query"]) for one in gates["results"]] == [(False, "severity:error"), (True, "")]
    assert "✗ <bdi>Gates: 1 of 2 failed" in panel._repr_mimebundle_()[0]["text/html"]
    assert "gates" not in json.loads(rt.review(ds).state)["header"]


def test_an_output_does_not_take_the_place_of_what_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from rolethread_nb.cli import main

    data, gates = tmp_path / "a.jsonl", tmp_path / "gates.toml"
    data.write_text(
        '{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}]}\n',
        encoding="utf-8",
    )
    gates.write_text("[gates]\nturns = { min = 1 }\n", encoding="utf-8")
    assert main(["check", str(data), "--gate", str(gates), "--sarif", str(gates)]) == 2
    assert "read by this check" in capsys.readouterr().err
    assert gates.read_text(encoding="utf-8").startswith("[gates]")
    assert main(["check", str(data), "--sarif", str(tmp_path / "x"), "--markdown", str(tmp_path / "x")]) == 2
