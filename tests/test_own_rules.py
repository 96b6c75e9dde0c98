"""Users' own rules: written in a cell, they run with ours and have the same powers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import rolethread_nb as rt
from rolethread_nb import vocabulary
from rolethread_nb.checks.catalogue import own_rules, rules
from rolethread_nb.checks.manual import catalogue_text
from rolethread_nb.vocabulary import role, text, words

ROOT = Path(__file__).parent.parent


@pytest.fixture(autouse=True)
def no_rule_stays() -> Iterator[None]:
    yield
    for rule in own_rules():
        rt.forget_rule(rule.code)


def talk(*texts: Any) -> list[dict[str, Any]]:
    """A conversation of a user and an assistant by turns."""
    return [{"role": ("user", "assistant")[at % 2], "content": content} for at, content in enumerate(texts)]


def data(*conversations: list[dict[str, Any]]) -> rt.Dataset:
    return rt.load([{"messages": messages} for messages in conversations])


SIGHS = text.contains("sighs") & (role == "assistant")
DRAMA = (
    talk("Well?", "She sighs. He sighs too."),
    talk("He sighs.", "Does he?"),
    talk("And now?", "Now she sighs."),
)


def places(report: rt.Report, code: str) -> list[tuple[Any, ...]]:
    return [
        (issue.conversation, issue.turn, issue.start, issue.end) for issue in report if issue.code == code
    ]


# ---------------------------------------------------------------- a condition


def test_a_condition_flags_the_turns_that_meet_it() -> None:
    rule = rt.rule("my.sighs", title="A sigh", when=SIGHS, severity="info")
    report = data(*DRAMA).check()

    assert places(report, "my.sighs") == [(0, 1, 0, 0), (2, 1, 0, 0)]
    assert {issue.severity for issue in report} == {"info"}
    assert {issue.message for issue in report} == {"A sigh"}
    assert repr(rule) == "<Rule my.sighs: A sigh (info)>"


@pytest.mark.parametrize(
    "spans",
    ["sighs", re.compile("sighs"), lambda message: [m.span() for m in re.finditer("sighs", message.text)]],
)
def test_spans_say_which_characters_are_meant(spans: Any) -> None:
    rt.rule("my.sighs", title="A sigh", when=SIGHS, spans=spans, says="“{text}” again {and} again")
    report = data(*DRAMA).check()

    assert places(report, "my.sighs") == [(0, 1, 4, 9), (0, 1, 14, 19), (2, 1, 8, 13)]
    assert next(iter(report)).message == "“sighs” again {and} again"
    assert next(iter(report)).path == "/messages/1/content"


def test_a_function_that_gives_no_span_withdraws_the_flag_and_an_expression_does_not() -> None:
    rt.rule("my.none", title="None", when=SIGHS, spans=lambda message: [])
    rt.rule("my.whole", title="Whole", when=SIGHS, spans="laughs")
    report = data(*DRAMA).check()

    assert report.counts == {"my.whole": 2}
    assert places(report, "my.whole")[0] == (0, 1, 0, 0)


def test_the_vocabulary_counts_what_a_pattern_finds() -> None:
    rt.rule("my.often", title="Often", when=text.count(r"sighs") >= 2)
    assert places(data(*DRAMA).check(), "my.often") == [(0, 1, 0, 0)]


# ---------------------------------------------------------------- a function


def test_a_function_looks_at_every_conversation_or_at_those_with_a_candidate() -> None:
    seen: dict[str, list[int]] = {"my.all": [], "my.some": []}

    @rt.rule("my.all", title="All")
    def every(conversation: rt.Conversation) -> None:
        seen["my.all"].append(conversation.index)

    @rt.rule("my.some", title="Some", among=SIGHS)
    def some(conversation: rt.Conversation) -> bool:
        seen["my.some"].append(conversation.index)
        return conversation.index == 2

    report = data(*DRAMA).check()
    assert seen == {"my.all": [0, 1, 2], "my.some": [0, 2]}
    assert report.counts == {"my.some": 1}
    assert every.__name__ == "every"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (None, []),
        (False, []),
        ([], []),
        (True, [(None, None, None)]),
        (1, [(1, 0, 0)]),
        (-1, [(1, 0, 0)]),
        ((1, 4, 9), [(1, 4, 9)]),
        ((1,), [(1, 0, 0)]),
        ([0, (1, 4, 9)], [(0, 0, 0), (1, 4, 9)]),
        (iter([1, None, False]), [(1, 0, 0)]),
        ({"turn": 1, "start": 4}, [(1, 4, 24)]),
        ({"share": 0.5}, [(None, None, None)]),
    ],
)
def test_a_function_answers_with_turns_stretches_or_values(answer: Any, expected: list[Any]) -> None:
    rt.rule("my.answer", title="Answer")(lambda conversation: answer)
    report = data(DRAMA[0]).check()

    assert [(issue.turn, issue.start, issue.end) for issue in report] == expected


def test_values_become_evidence_and_stand_in_the_message() -> None:
    @rt.rule("my.share", title="Share", says="{share:.0%} of {words} words, {missing}")
    def share(conversation: rt.Conversation) -> Any:
        return {
            "turn": 0,
            "share": 0.25,
            "words": 4,
            "odd": {1},
            "far": float("inf"),
            "self": conversation,
        }

    report = data(DRAMA[0]).check()
    (issue,) = report
    assert issue.message == "25% of 4 words, {missing}"
    assert issue.evidence["odd"] == [1]
    assert json.loads(report.to_json())["issues"][0]["evidence"]["far"] == "inf"
    assert "my.share" in report.to_html()
    assert "my.share" in report.to_csv()


@pytest.mark.parametrize("answer", [7, -3, (1, 2), (1, 5, 2), (1, 0, 999), "text", [object()], 2.5])
def test_an_answer_that_names_nothing_is_a_failed_rule(answer: Any) -> None:
    rt.rule("my.wrong", title="Wrong")(lambda conversation: answer)
    report = data(*DRAMA).check()

    assert report.counts == {"rule.failed": 1}


# ---------------------------------------------------------------- a class


def test_a_class_sees_the_whole_dataset_and_is_made_anew_for_each_check() -> None:
    @rt.rule("my.total", title="Total", severity="info", says="{count} conversations")
    class Total:
        """Counts conversations."""

        def __init__(self) -> None:
            self.seen: list[rt.Conversation] = []

        def partial(self, block: Any) -> None:
            self.seen += [block.conversation(at) for at in range(len(block))]

        def finish(self) -> Iterator[dict[str, Any]]:
            yield {"count": len(self.seen), "related": self.seen}

    dataset = data(*DRAMA)
    for report in (dataset.check(), dataset.check()):
        (issue,) = report
        assert issue.conversation is None
        assert issue.message == "3 conversations"
        assert [place["conversation"] for place in issue.related] == [0, 1, 2]
    assert "Counts conversations." in report.explain("my.total")


# ---------------------------------------------------------------- with ours


def test_an_own_rule_is_selected_ignored_streamed_listed_and_explained() -> None:
    rt.rule("my.sighs", title="A sigh", when=SIGHS, why="Habits.", example="She sighs.")
    dataset = data(talk(" Well?", "She sighs."))

    assert set(dataset.check().counts) == {"text.whitespace", "my.sighs"}
    assert set(dataset.check(select="my").counts) == {"my.sighs"}
    assert set(dataset.check(ignore="my.sighs").counts) == {"text.whitespace"}
    assert {issue.code for issue in dataset.iter_issues()} == {"text.whitespace", "my.sighs"}
    assert "my.sighs" in catalogue_text(rules())
    page = dataset.check().explain("my.sighs")
    assert "Habits." in page
    assert "a rule of your own" in page
    assert "my.sighs" not in dataset.check("rolethread").counts
    for profile in ("roleplay", "instruction", "tools", "preference"):
        assert "my.sighs" in dataset.check(profile).counts


def test_running_the_cell_again_replaces_the_rule() -> None:
    for word in ("sighs", "nods"):
        rt.rule("my.word", title=word, when=text.contains(word))

    assert [rule.code for rule in own_rules()] == ["my.word"]
    assert data(*DRAMA).check().counts == {}


def test_a_forgotten_rule_runs_no_more_and_its_findings_stay_readable() -> None:
    rt.rule("my.sighs", title="A sigh", when=SIGHS, spans="sighs", repair=lambda value: value.upper())
    dataset = data(*DRAMA)
    before = dataset.check()
    rt.forget_rule("my.sighs")

    assert dataset.check().counts == {}
    assert "A sigh" in before.explain("my.sighs")
    assert "my.sighs" in before.to_html()
    with pytest.raises(rt.RuleError, match="No rule of yours"):
        rt.forget_rule("my.sighs")
    with pytest.raises(rt.QueryError):
        dataset.check(select="my.sighs")


def test_a_rule_that_raises_is_one_finding_and_stops_no_other() -> None:
    rt.rule("my.sighs", title="A sigh", when=SIGHS, spans=lambda message: 1 / 0)

    @rt.rule("my.broken", title="Broken")
    def broken(conversation: rt.Conversation) -> bool:
        return conversation.index / (conversation.index - 1) > 5

    rt.rule("my.fine", title="Fine", when=words > 3)
    many = [{"messages": messages} for messages in DRAMA] * 3000  # more than one block
    dataset = rt.load(many)
    report = dataset.check(select="my")

    failed = [issue for issue in report if issue.code == "rule.failed"]
    assert sorted(issue.evidence["rule"] for issue in failed) == ["my.broken", "my.sighs"]
    assert all("ZeroDivisionError" in issue.message for issue in failed)
    (where,) = [issue.related for issue in failed if issue.evidence["rule"] == "my.broken"]
    assert where == [{"source": 0, "conversation": 1}]
    assert report.counts["my.fine"] == 3000
    assert sum(issue.code == "rule.failed" for issue in dataset.iter_issues()) == 2


# ---------------------------------------------------------------- a repair


def calm(value: str) -> str:
    """Takes sighs out."""
    return value.replace(" sighs", "")


def test_a_repair_rewrites_the_text_and_can_be_undone() -> None:
    rt.rule("my.sighs", title="A sigh", when=SIGHS, repair=calm)
    dataset = data(*DRAMA)
    report = dataset.check()

    assert {issue.repair for issue in report} == {"unsafe"}
    assert len(report.repairs()) == 0
    plan = report.repairs(unsafe=True)
    assert "Takes sighs out" in str(plan.preview())
    plan.apply()
    assert dataset[0].messages[1].text == "She. He too."
    assert dataset.check().counts == {}
    dataset.undo()
    assert dataset[0].messages[1].text == "She sighs. He sighs too."


def test_a_safe_repair_is_offered_unasked() -> None:
    rt.rule("my.sighs", title="A sigh", when=SIGHS, repair=calm, safe=True)
    assert len(data(*DRAMA).check().repairs()) == 2


def test_a_finding_about_a_whole_conversation_has_no_text_to_repair() -> None:
    rt.rule("my.whole", title="Whole", repair=calm, safe=True)(lambda conversation: True)
    report = data(DRAMA[0]).check()

    assert [issue.repair for issue in report] == [None]
    assert len(report.repairs()) == 0


@pytest.mark.parametrize("repair", [lambda value: 5, lambda value: value.nothing])
def test_a_repair_that_fails_says_where_and_does_not_hide_the_panel(repair: Any) -> None:
    rt.rule("my.sighs", title="A sigh", when=SIGHS, repair=repair)
    report = data(*DRAMA).check()

    assert "my.sighs" in report.to_html()
    with pytest.raises(rt.RuleError, match=r"repair of my\.sighs stopped .* turn 1 of conversation #0"):
        report.repairs(unsafe=True)


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("code", "keys", "says"),
    [
        ("turn.empty", {}, "family of rolethread_nb's own rules"),
        ("turn.mine", {}, "my.mine"),
        ("chatml.wrong_role", {}, "own rules"),
        ("sighs", {}, "words with dots"),
        ("my.", {}, "words with dots"),
        ("my sighs.x", {}, "words with dots"),
        ("my.x", {"severity": "fatal"}, "error, warning, info"),
        ("my.x", {"when": True}, "takes a condition"),
        ("my.x", {"when": text.matches("(")}, "cannot be evaluated"),
        ("my.x", {"when": vocabulary.Condition(lambda: 1 / 0)}, "cannot be evaluated"),
        ("my.x", {"among": lambda conversation: True}, "takes a condition"),
        ("my.x", {"when": SIGHS, "among": SIGHS}, "which belongs to a function"),
        ("my.x", {"spans": "a"}, "spans= without when="),
        ("my.x", {"when": SIGHS, "spans": "("}, "no regular expression"),
    ],
)
def test_a_rule_that_cannot_be_is_refused_in_one_sentence(code: str, keys: Any, says: str) -> None:
    with pytest.raises(rt.RuleError, match=re.escape(says)) as refusal:
        rt.rule(code, title="X", **keys)
    assert "\n" not in str(refusal.value)
    assert own_rules() == ()


def test_what_stands_below_a_rule_must_fit_it() -> None:
    with pytest.raises(rt.RuleError, match="complete with when="):
        rt.rule("my.x", title="X", when=SIGHS)(lambda conversation: True)
    with pytest.raises(rt.RuleError, match=r"partial\(block\) and finish"):
        rt.rule("my.x", title="X")(int)
    with pytest.raises(rt.RuleError, match="no function"):
        rt.rule("my.x", title="X")("text")  # type: ignore[type-var]
    assert "not registered yet" in repr(rt.rule("my.y", title="Y"))


def test_cases_are_run_when_the_rule_is_registered() -> None:
    sigh, calm_talk = talk("Well?", "She sighs."), talk("Well?", "She nods.")
    keys: dict[str, Any] = {"title": "A sigh", "when": SIGHS}

    rt.rule("my.sighs", fires=[sigh, {"messages": sigh}, json.dumps({"messages": sigh}).encode()], **keys)
    rt.rule("my.sighs", fires=[sigh], silent=[calm_talk], repair=calm, **keys)
    with pytest.raises(rt.RuleError, match="does not fire on case 1 of fires="):
        rt.rule("my.sighs", fires=[sigh, calm_talk], **keys)
    with pytest.raises(rt.RuleError, match="fires on case 0 of silent="):
        rt.rule("my.sighs", silent=[sigh], **keys)
    with pytest.raises(rt.RuleError, match="fires again on case 0"):
        rt.rule("my.sighs", fires=[sigh], repair=lambda value: value + "!", **keys)
    with pytest.raises(rt.RuleError, match="stopped on case 0 of fires, with ZeroDivisionError"):
        rt.rule("my.broken", title="X", fires=[sigh])(lambda conversation: 1 / 0)
    assert [rule.code for rule in own_rules()] == ["my.sighs"]


# ---------------------------------------------------------------- the page


def test_the_python_of_the_page_runs() -> None:
    page = (ROOT / "docs" / "own-rules.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", page, flags=re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {}
    for block in blocks:
        exec(compile(block, "own-rules.md", "exec"), names)

    speakers = [
        {"role": "user", "content": "Hi", "name": "Anna"},
        {"role": "assistant", "content": "word " * 30},
    ]
    report = data(speakers, talk("Well?", "She sighs.")).check(select="my")
    assert report.counts == {"my.sighs": 1, "my.monologue": 1}


def test_users_have_every_word_that_our_rules_are_written_in() -> None:
    from rolethread_nb.checks import vocabulary as ours

    words_of_ours = {name for name, word in vars(ours).items() if isinstance(word, ours.Field)}
    assert words_of_ours == set(vocabulary.__all__) - {"Condition", "in_language"}


def test_the_page_lists_every_word_of_the_vocabulary() -> None:
    page = (ROOT / "docs" / "own-rules.md").read_text(encoding="utf-8")
    assert [word for word in vocabulary.__all__ if f"`{word}`" not in page] == []
