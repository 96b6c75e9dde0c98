"""The rules: every one fires where it should, is silent where it should, and has a page."""

from __future__ import annotations

import json
import re
from collections import Counter
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rolethread_nb as rt
from rolethread_nb.checks.catalogue import rules
from rolethread_nb.checks.rule import Rule

# The contract: code, severity in profile chat, repair (s safe, u unsafe, - none), and what another profile changes.
CATALOGUE = """
file.not_utf8           error    -
file.bad_json           error    u
file.bom                info     s
file.control_separator  info     s
file.duplicate_key      warning  -
file.nonfinite          warning  -
file.lone_surrogate     error    u
record.not_object       error    -
record.no_messages      error    -
record.ambiguous        warning  -
record.empty            error    u
record.duplicate_id     warning  -
record.mixed_formats    info     -
record.key_drift        info     -
role.missing            error    -
role.alias              warning  s
role.unknown            error    u  roleplay=warning
order.system_late       warning  u
order.system_repeat     warning  u
order.first_assistant   warning  u  roleplay=info
order.repeat            warning  u  roleplay=info
order.last_not_assistant warning u  roleplay=info
order.no_assistant      error    -
order.no_system         info     -
turn.empty              error    u
turn.null               error    -
turn.not_object         error    -
turn.content_type       error    -
turn.unknown_part       warning  -
turn.stray_key          info     -
text.whitespace         info     s
text.mojibake           warning  u
text.invisible          warning  s
text.control            warning  u
text.entity             info     u
text.escape             info     u
leak.control_token      error    u
leak.template           warning  -
leak.macro              warning  u
leak.thinking           info     -
leak.markup             info     -
reply.refusal           warning  -
reply.meta              warning  -
reply.placeholder       warning  -
reply.filler            info     -
reply.echo              info     -
reply.short             info     -
reply.long              info     -
reply.truncated         warning  -
style.repeated_opening  warning  -
style.overused_phrase   info     -
style.loop              warning  -
style.format_drift      warning  -
style.pov_drift         warning  -
style.tense_drift       info     -
style.language_mix      warning  -
roleplay.speaks_for_user error   -
roleplay.user_agency    warning  -
roleplay.name_prefix    info     u
roleplay.contradiction  warning  -
roleplay.character_drift info    -
tool.call_shape         error    -
tool.bad_arguments      error    -
tool.unanswered         warning  -
tool.orphan_result      error    -
tool.undeclared         warning  -
tool.bad_schema         warning  -
weight.value            error    -
weight.role             warning  -
pref.same               error    -
pref.prompt_differs     error    -
pref.one_label          error    -
dup.exact               warning  u
dup.dialogue            info     -
dup.near                warning  u
dup.prompt              info     -
prompt.variants         info     -
balance.opening_heavy   info     -
balance.agreement       info     -
balance.dominant        info     -
privacy.pii             info     u
rule.failed             warning  -
"""
CONTRACT = {line.split()[0]: line.split()[1:] for line in CATALOGUE.strip().splitlines()}
DATASET_RULES = {
    "role.unknown",
    "record.mixed_formats",
    "record.key_drift",
    "order.no_system",
    "pref.one_label",
    "dup.prompt",
    "prompt.variants",
    "style.overused_phrase",
    "balance.opening_heavy",
    "balance.agreement",
    "balance.dominant",
}
MENDS = {None: "-", "safe": "s", "unsafe": "u"}

every_rule = pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.code)
CASES = [
    pytest.param(rule, case, kind == "fires", id=f"{rule.code}-{kind}-{at}")
    for rule in rules()
    for kind in ("fires", "silent")
    for at, case in enumerate(getattr(rule, kind))
]


def loaded(case: Any) -> rt.Dataset:
    """A case is a whole source as bytes, or the messages of one conversation."""
    return rt.load(case if isinstance(case, bytes) else [{"messages": case}])


def codes(*contents: Any, roles: tuple[str, ...] = ("user", "assistant"), **keys: Any) -> set[str]:
    """Codes found in one conversation that alternates between the roles."""
    messages = [{"role": roles[at % len(roles)], "content": content} for at, content in enumerate(contents)]
    return set(rt.load([{"messages": messages, **keys}]).check().counts)


@pytest.mark.parametrize(("rule", "case", "fires"), CASES)
def test_a_rule_fires_and_is_silent_as_its_cases_say(rule: Rule, case: Any, fires: bool) -> None:
    report = loaded(case).check("roleplay", select=[rule.code])

    assert (rule.code in report.counts) == fires
    assert "rule.failed" not in report.counts


@every_rule
def test_a_rule_has_cases_of_both_kinds_and_a_full_page(rule: Rule) -> None:
    if rule.code != "rule.failed":
        assert rule.fires
        assert rule.silent
    assert rule.title
    assert len(rule.title) < 60
    for part in (rule.page.does, rule.page.why, rule.page.example, rule.page.repair):
        assert part.strip()
    for part in (rule.page.does, rule.page.why, rule.page.repair):
        assert part.endswith((".", ")", "?"))
    if rule.repair is not None:
        assert rule.page.repair != "There is no automatic repair."
        assert rule.repair.says


@every_rule
def test_a_rule_keeps_its_contract(rule: Rule) -> None:
    severity, repair, *profiles = CONTRACT[rule.code]

    assert rule.severity == severity
    assert MENDS[rule.repair.safety if rule.repair else None] == repair
    assert dict(rule.profiles) == dict(pair.split("=") for pair in profiles)
    assert (rule.scope == "dataset") == (rule.code in DATASET_RULES | {"rule.failed"})


@pytest.mark.parametrize(("rule", "case", "fires"), [case for case in CASES if case.values[2]])
def test_a_finding_says_what_it_means_and_where(rule: Rule, case: Any, fires: bool) -> None:
    dataset = loaded(case)
    for issue in dataset.check(select=[rule.code]):
        assert issue.message
        assert not re.search(r"\{[a-z]+\}", issue.message.replace("{{user}}", "").replace("{{char}}", ""))
        assert issue.severity in ("error", "warning", "info")
        assert json.loads(json.dumps(issue.as_dict())) == issue.as_dict()
        if issue.turn is not None:
            text = dataset[0].messages[issue.turn].text if len(dataset) == 1 else None
            assert issue.start is not None
            assert issue.end is not None
            assert 0 <= issue.start <= issue.end
            assert text is None or issue.end <= len(text)


ALPHABET = [
    " ",
    "\x1f",
    *(
        "aZ é ß Ü Ã Â â € ™ © £ ³ ‰ ‡ … — “ ” » « ’ \u00a0 \u3000 \u200b \u200c \u200d \ufeff \u00ad \u202b \u202c \u2066 \u2069"
        " \u0634 \u05e9 \u0e01 \U0001f3f4 \U000e0067 \U000e007f \U0001f469 \ufffd \x80 \x85 \x1c \x0b \t \n \u2028 中 か 한"
        " <|im_end|> <|x|> </s> <s> [INST] {{user}} {{ char }} <USER> [insert name] ` ``` {% (x)"
    ).split(" "),
]


@settings(deadline=None, max_examples=150)
@given(st.lists(st.sampled_from(ALPHABET), max_size=10).map("".join))
def test_every_turn_that_a_condition_flags_has_spans_inside_its_text_or_is_withdrawn(text: str) -> None:
    dataset = rt.load(
        [{"messages": [{"role": "user", "content": text}, {"role": "assistant", "content": "Hello"}]}]
    )
    report = dataset.check("roleplay")

    assert "rule.failed" not in report.counts
    spans: dict[str, list[tuple[int, int]]] = {}
    for issue in report:
        if issue.turn is not None and issue.end:
            spans.setdefault(issue.code, []).append((issue.start or 0, issue.end))
    for found in spans.values():
        assert all(0 <= start < end <= len(text) for start, end in found)
        assert all(left[1] <= right[0] for left, right in pairwise(found))


@settings(deadline=None, max_examples=80)
@given(st.lists(st.sampled_from(ALPHABET), max_size=8).map("".join))
def test_what_python_would_mark_rust_has_flagged(text: str) -> None:
    """Conditions run in Rust, spans in Python; a span function asked of every turn finds what was found, no more and no less."""
    dataset = rt.load(
        [{"messages": [{"role": "user", "content": text}, {"role": "assistant", "content": "Hello"}]}]
    )
    message = dataset[0].messages[0]
    found = Counter(issue.code for issue in dataset.check("roleplay") if issue.turn == 0)
    if "turn.empty" in found:
        return  # one damage, one rule
    for rule in rules():
        if rule.when is not None and rule.spans is not None:
            assert found[rule.code] == len(rule.spans(message)), rule.code


# ---------------------------------------------------------------- never flagged


@pytest.mark.parametrize(
    "text",
    [
        "می\u200cخواهم بدانم",  # ZWNJ in Persian
        "👩\u200d🚀 and 👨\u200d👩\u200d👧",  # ZWJ in emoji
        "क\u094d\u200dष",  # ZWJ in Indic scripts
        "שלום\u200f! \u202bעולם\u202c \u2067א\u2069",  # bidi marks in right-to-left text
        "ภาษา\u200bไทย",
        "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
        "São João, IRMÃ, AÇÃO — “VOILÀ”, „MENÜ“, «CAFÉ», CAFÉ™, L’ÉTÉ…",
        "Il a dit « café\u00a0» puis « été\u00a0» : 5\u00a0€, déjà\u00a0— oui…»",
        "a < b | c > d, <b>bold</b>, <s>struck</s> out, [instead], x[i]",
        "```\n{{user}}\n```",
        "\u3000\u3000段落",
        "...",
    ],
)
def test_sound_text_is_never_flagged(text: str) -> None:
    assert codes(text, "Hello") == set()
    assert codes("Hello", text) == set()


def test_runs_of_users_with_different_names_are_no_repetition() -> None:
    turns = [{"role": "user", "name": name, "content": name} for name in ("Kai", "Mara", "Kai")]
    assert rt.load([{"messages": [*turns, {"role": "assistant", "content": "Ho"}]}]).check().counts == {}


def test_content_may_be_missing_beside_tool_calls() -> None:
    calls = [{"id": own_id, "function": {"name": "f", "arguments": "{}"}} for own_id in ("1", "2")]
    call = {"role": "assistant", "tool_calls": calls}
    for content in ({}, {"content": None}, {"content": ""}):
        record = {
            "messages": [
                {"role": "user", "content": "Hi"},
                {**call, **content},
                {"role": "tool", "tool_call_id": "1", "content": "42"},
                {"role": "tool", "tool_call_id": "2", "content": "43"},
                {"role": "assistant", "content": "42"},
            ]
        }
        assert rt.load([record]).check().counts == {}


def test_headings_in_a_system_prompt_are_none_of_our_business() -> None:
    prompt = "### Response:\nBe kind.\n\n### Instruction:\nSay hello."
    assert codes(prompt, "Hi", "Hello", roles=("system", "user", "assistant")) == set()


def test_the_words_of_a_layout_are_its_own() -> None:
    turns = [
        ("human", "Hi"),
        ("function_call", '{"name": "f", "arguments": {}}'),
        ("observation", "4"),
        ("gpt", "Hello"),
    ]
    record = {"conversations": [{"from": role, "value": text} for role, text in turns]}
    assert rt.load([record]).check().counts == {}
    named = rt.load([{"messages": [{"role": role, "content": text} for role, text in (turns[0], turns[3])]}])
    assert named.check().counts == {"role.alias": 2}


@pytest.mark.parametrize(
    ("label", "role"),
    [
        ("Chatbot", "assistant"),
        ("prompter", "user"),
        ("USER ", "user"),
        ("Bot", "assistant"),
        ("SYSTEM", "system"),
    ],
)
def test_known_spellings_are_read_and_reported(label: str, role: str) -> None:
    dataset = rt.load([{"messages": [{"role": label, "content": "x"}, {"role": "user", "content": "Hi"}]}])

    assert dataset[0].messages[0].role == role
    assert [i.evidence for i in dataset.check(select="role.alias")] == [{"label": label, "role": role}]


def test_a_word_that_may_mean_something_else_counts_only_in_its_place() -> None:
    def roles(*labels: str) -> list[str | None]:
        (conversation,) = rt.load([{"messages": [{"role": label, "content": "x"} for label in labels]}])
        return [message.role for message in conversation]

    assert roles("context", "user", "assistant") == ["system", "user", "assistant"]
    assert roles("user", "context", "assistant") == ["user", None, "assistant"]
    assert roles("prompt", "assistant", "player") == ["user", "assistant", "user"]
    assert roles("user", "input") == ["user", None]


# ---------------------------------------------------------------- one damage, one rule


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (" \u200b\n", {"turn.empty"}),
        ("\u200b", {"turn.empty"}),
        ([], {"turn.empty"}),
        ("MarÃ\u00ada", {"text.mojibake"}),  # half of the letter looks like a soft hyphen
        ("voilÃ\u00a0", {"text.mojibake"}),  # and here like a blank at the end
        ("Belle Ã\x89poque", {"text.mojibake"}),
        ("voilÃ\u00a0 ", {"text.mojibake", "text.whitespace"}),
        ("\u3000 x ", {"text.whitespace"}),
        (None, {"turn.null"}),
        (5, {"turn.content_type"}),
        (["x"], {"turn.content_type"}),
    ],
)
def test_where_several_rules_could_speak_the_most_specific_does(text: Any, found: set[str]) -> None:
    assert codes(text, "Hello") == found


def test_an_empty_record_has_no_second_finding() -> None:
    assert rt.load([{"messages": []}]).check().counts == {"record.empty": 1}


def test_order_is_not_judged_before_the_labels_are_understood() -> None:
    record = {"messages": [{"role": "Mara", "content": "a"}, {"role": "Kai", "content": "b"}]}

    assert rt.load([record]).check().counts == {"role.unknown": 2}
    mapped = rt.load([record], roles={"Mara": "user", "Kai": "user"}).check()
    assert set(mapped.counts) == {"order.repeat", "order.no_assistant"}


def test_a_label_is_one_finding_with_its_turns() -> None:
    turns = [
        {"from": "User 1", "value": "a"},
        {"from": "gpt", "value": "b"},
        {"from": "User 1", "value": "c"},
    ]
    (issue,) = rt.load([{"conversations": turns}, {"conversations": turns[:2]}]).check(select="role.unknown")

    assert (issue.conversation, issue.turn, issue.severity) == (None, None, "error")
    assert issue.related == [
        {"source": 0, "conversation": 0, "turn": 0},
        {"source": 0, "conversation": 0, "turn": 2},
        {"source": 0, "conversation": 1, "turn": 0},
    ]
    assert issue.evidence["turns"] == 3
    assert issue.evidence["conversations"] == 2
    assert "'User 1': 'user'" in issue.message


def test_a_control_token_in_a_system_prompt_is_a_warning() -> None:
    record = {
        "messages": [
            {"role": "system", "content": "End with <|im_end|>"},
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": "Ho<|im_end|>"},
        ]
    }
    assert [(i.turn, i.severity) for i in rt.load([record]).check()] == [(0, "warning"), (2, "error")]


def test_a_stray_key_of_most_records_is_reported_once_and_a_torn_sentence_each_time() -> None:
    def record(key: str) -> dict[str, Any]:
        return {
            "messages": [{"role": "user", "content": key, key: 1}, {"role": "assistant", "content": "Ho"}]
        }

    (once,) = rt.load([record("mood")] * 1 + [record("mood") | {"n": 1}]).check(select="turn.stray_key")
    assert (once.conversation, once.severity, once.evidence["turns"]) == (None, "info", 2)

    torn = list(rt.load([record('"},{"'), record(" the mirror ")]).check(select="turn.stray_key"))
    assert [(i.conversation, i.turn, i.severity) for i in torn] == [(0, 0, "warning"), (1, 0, "warning")]


def test_an_exact_duplicate_names_the_first_which_is_not_flagged() -> None:
    record = {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}]}
    labelled = [{**record, "label": True}, {**record, "label": False}]
    given_records = [
        5,
        record,
        {**record, "id": "x"},
        *labelled,
        {"messages": record["messages"][::-1]},
        record,
    ]
    found = list(rt.load(given_records).check(select="dup"))

    assert [(i.conversation, i.related) for i in found] == [
        (2, [{"source": 0, "conversation": 1}]),
        (6, [{"source": 0, "conversation": 1}]),
    ]


def test_a_duplicate_in_another_file_names_that_file() -> None:
    record = b'{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}]}'
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        for name in ("a", "b"):
            (Path(folder) / f"{name}.jsonl").write_bytes(record)
        (issue,) = rt.load(f"{folder}/*.jsonl").check(select="dup")

    assert (issue.source, issue.conversation, issue.related) == (1, 0, [{"source": 0, "conversation": 0}])


def test_equal_content_without_written_ids_is_no_id_problem() -> None:
    record = {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}]}

    assert set(rt.load([record, record]).check().counts) == {"dup.exact"}
    twice = rt.load([{**record, "id": "a"}, {**record, "id": "a", "n": 1}]).check(
        select="record.duplicate_id"
    )
    assert [(i.conversation, i.evidence["id"]) for i in twice] == [(1, "a")]


def test_two_lists_side_by_side_are_ambiguous_only_where_they_differ() -> None:
    messages = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}]

    assert not rt.load([{"messages": messages, "conversations": messages}]).check().counts
    other = [{"from": "human", "value": "Else"}]
    assert rt.load([{"messages": messages, "conversations": other}]).check().counts == {"record.ambiguous": 1}


@pytest.mark.parametrize(
    "record",
    [
        b'{"id": 1, "id": 2, "messages": [{"role": "user", "content": "say \\"a\\": 1"}]}',
        b'{"messages": [{"role" : "user", "role" : "user", "content" : "x"}]}',
        b'{"messages": [{"role": "user", "content": "x", "meta": {"a": 1, "b": {"c": 1, "c": 2}}}]}',
    ],
)
def test_a_repeated_key_is_found_at_any_depth_and_in_any_block(record: bytes) -> None:
    filler = b'{"messages": [{"role": "user", "content": "a \\": b"}]}\n'

    found = list(rt.load(filler * 50 + record + b"\n" + filler).check(select="file.duplicate_key"))
    assert [issue.conversation for issue in found] == [50]


def test_a_rule_that_fails_is_a_finding_and_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    from rolethread_nb.checks import catalogue

    def broken(message: Any) -> Any:
        raise ZeroDivisionError("by the number of words")

    rule = next(rule for rule in rules() if rule.code == "text.whitespace")
    others = [other for other in rules() if other.code != rule.code]
    monkeypatch.setattr(catalogue, "_CATALOGUE", [replace(rule, spans=broken), *others])
    report = rt.load(
        [{"messages": [{"role": "user", "content": " Hi "}, {"role": "gpt", "content": ""}]}]
    ).check()

    assert set(report.counts) == {"role.alias", "turn.empty", "rule.failed"}
    (issue,) = [issue for issue in report if issue.code == "rule.failed"]
    assert "text.whitespace" in issue.message
    assert "ZeroDivisionError" in issue.message


def test_roleplay_softens_what_is_normal_there() -> None:
    greeting = [{"role": "assistant", "content": "Welcome."}, {"role": "user", "content": "Hi"}]
    dataset = rt.load([{"messages": greeting}])

    assert {i.code: i.severity for i in dataset.check()} == {
        "order.first_assistant": "warning",
        "order.last_not_assistant": "warning",
    }
    assert {i.severity for i in dataset.check("roleplay")} == {"info"}
