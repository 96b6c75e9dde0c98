"""Profile ``rolethread`` says what RoleThread Lite says. What it says was recorded from the app itself (docs/rolethread-lite.md)."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rolethread_nb as rt
from rolethread_nb.checks.catalogue import compat_rules, rule, rules
from rolethread_nb.checks.manual import page_text
from rolethread_nb.checks.rule import Rule
from rolethread_nb.compat.mapping import COUNTERPARTS, mapping_markdown

ROOT = Path(__file__).parent.parent
RECORDED = json.loads((ROOT / "tests" / "recorded" / "rolethread_lite.json").read_text(encoding="utf-8"))

# Facts of the app, in the order in which it reports: code and severity.
ITS_CODES = {
    "base.not_dict": "error",
    "base.unknown_top_level_key": "info",
    "base.missing_tags": "error",
    "base.tags_not_list": "error",
    "base.invalid_tag_value": "error",
    "base.empty_tag": "info",
    "chatml.missing_messages": "error",
    "chatml.messages_not_list": "error",
    "chatml.duplicate_system_message": "warning",
    "chatml.insufficient_messages": "error",
    "chatml.incomplete_exchanges": "error",
    "chatml.system_not_dict": "error",
    "chatml.missing_system_role": "error",
    "chatml.empty_system_content": "error",
    "chatml.message_not_dict": "error",
    "chatml.role_canonicalization": "warning",
    "chatml.wrong_role": "error",
    "chatml.content_whitespace": "warning",
    "chatml.empty_content": "error",
    "chatml.ai_refusal_language": "warning",
    "chatml.formatting_leakage": "info",
    "chatml.split_candidate": "info",
}

every_code = pytest.mark.parametrize("its", compat_rules(), ids=lambda its: its.code)


def codes(*records: Any) -> list[list[str]]:
    """The codes of each record, in a file of these records."""
    found: list[list[str]] = [[] for _ in records]
    for issue in rt.load("\n".join(map(json.dumps, records)).encode()).check("rolethread"):
        assert issue.conversation is not None
        found[issue.conversation].append(issue.code)
    return found


def turns(*pairs: tuple[str, Any]) -> dict[str, Any]:
    """A record with these roles and contents, and tags."""
    return {"messages": [{"role": role, "content": content} for role, content in pairs], "tags": []}


def test_the_profile_has_its_22_codes_and_severities() -> None:
    assert {its.code: its.severity for its in compat_rules()} == ITS_CODES


@pytest.mark.parametrize("name", sorted(RECORDED["files"]))
def test_a_real_file_gets_the_codes_that_the_app_gives(shared_data: Path, name: str) -> None:
    path = next(path for path in (shared_data / name, shared_data / "dirty" / name) if path.exists())
    dataset = rt.load(path)
    found: list[list[str]] = [[] for _ in range(dataset.record_count(0))]
    for issue in dataset.check("rolethread"):
        assert issue.conversation is not None
        found[issue.conversation].append(issue.code)

    theirs = RECORDED["files"][name]
    assert len(found) == theirs["entries"]
    assert dict(Counter(code for one in found for code in one)) == theirs["counts"]
    listed = json.dumps([sorted(one) for one in found])
    assert hashlib.sha256(listed.encode()).hexdigest()[:16] == theirs["digest"]


@every_code
def test_a_code_fires_on_its_example_and_is_silent_on_a_clean_entry(its: Rule) -> None:
    (case,), (clean,) = its.fires, its.silent
    report = rt.load(case + b"\n" + clean).check("rolethread")

    issues = [issue for issue in report if issue.code == its.code]
    assert [issue.conversation for issue in issues] == [0]
    assert issues[0].severity == ITS_CODES[its.code]
    assert "{" not in issues[0].message
    assert rt.load(clean).check("rolethread").counts == {}
    assert report.rules == rt.load(clean).check("rolethread").rules


# What the app itself gave for these entries, one file each.
ENTRIES: list[tuple[Any, list[str]]] = [
    (turns(("system", "S"), ("user", "U"), ("assistant", "A")), []),
    (turns(("SYSTEM", "S"), ("human", "U"), ("Bot", "A")), ["chatml.role_canonicalization"] * 3),
    (turns(("user", "U"), ("user", "U"), ("assistant", "A")), ["chatml.missing_system_role"]),
    (turns(("user", "U"), ("assistant", "A")), ["chatml.insufficient_messages"]),
    (
        turns(("system", "S"), ("system", "S"), ("user", "U"), ("assistant", "A")),
        ["chatml.duplicate_system_message", "chatml.incomplete_exchanges"],
    ),
    (
        turns(("system", "S"), ("Anna", "U"), ("Ben", "A"), ("anna ", "U"), ("Ben", "A")),
        ["chatml.wrong_role"] * 2,
    ),
    (turns(("system", "S"), ("assistant", "U"), ("user", "A")), ["chatml.wrong_role"] * 2),
    (
        turns(("system", " "), ("user", "U"), ("assistant", "A")),
        ["chatml.content_whitespace", "chatml.empty_system_content"],
    ),
    (turns(("system", "S"), ("user", "U"), ("assistant", "I CANNOT ASSIST")), ["chatml.ai_refusal_language"]),
    (turns(("system", "S"), ("user", "I cannot assist"), ("assistant", "I can’t assist")), []),
    (turns(("system", "S"), ("user", "U"), ("assistant", "**a**")), []),
    (turns(("system", "S"), ("user", "U"), ("assistant", "**ab**")), ["chatml.formatting_leakage"]),
    (turns(("system", "S"), ("user", "U"), ("assistant", "**a\nb**")), ["chatml.formatting_leakage"]),
    (turns(("system", "S"), ("user", "U"), ("assistant", "x\n    # a")), []),
    (turns(("system", "S"), ("user", "U"), ("assistant", '{ "a" : 1')), ["chatml.formatting_leakage"]),
    (turns(("system", "S"), *[("user", "U"), ("assistant", "A")] * 7), []),
    (turns(("system", "S"), *[("user", "U"), ("assistant", "A")] * 8), ["chatml.split_candidate"]),
    (turns(("system", "S"), ("user", "U"), ("assistant", "it's " * 2000)), ["chatml.content_whitespace"]),
    (
        turns(("system", "S"), ("user", "U"), ("assistant", "it's " * 2001)),
        ["chatml.split_candidate", "chatml.content_whitespace"],
    ),
    (
        {"messages": [], "tags": "x", "b": 1, "a": 1},
        ["base.unknown_top_level_key"] * 2 + ["base.tags_not_list", "chatml.insufficient_messages"],
    ),
    (
        {"conversations": [{"from": "human", "value": "U"}, {"from": "gpt", "value": " A"}], "tags": []},
        ["chatml.content_whitespace"],
    ),
    ({"conversations": [{"value": "U"}, "x", {"from": "gpt"}], "tags": []}, ["chatml.insufficient_messages"]),
    (
        {"conversations": [{"from": "human", "value": "U"}, {"from": "Anna", "value": None}], "tags": []},
        ["chatml.wrong_role", "chatml.empty_content"],
    ),
    ({"conversations": [], "messages": [], "tags": []}, ["chatml.insufficient_messages"]),
]


@pytest.mark.parametrize(("record", "expected"), ENTRIES)
def test_an_entry_gets_the_codes_that_the_app_gives(record: Any, expected: list[str]) -> None:
    assert Counter(codes(record)[0]) == Counter(expected)


def test_a_file_is_imported_from_sharegpt_if_most_records_are() -> None:
    shared = {"conversations": [{"from": "human", "value": "U"}, {"from": "gpt", "value": "A"}], "tags": []}
    clean = turns(("system", "S"), ("user", "U"), ("assistant", "A"))

    assert codes(shared, clean, shared) == [[], ["chatml.insufficient_messages"], []]
    assert codes(shared, clean, clean) == [["chatml.missing_messages"], [], []]
    assert codes(shared, clean) == [["chatml.missing_messages"], []]


def test_a_finding_points_at_the_turn_that_it_is_about() -> None:
    shared = {
        "conversations": [
            {"from": "human", "value": "U"},
            {"from": "system", "value": "S "},
            {"from": "gpt", "value": " A"},
        ]
    }
    found = list(rt.load([shared]).check("rolethread", select="chatml"))

    assert [(issue.turn, issue.path) for issue in found] == [
        (1, "/conversations/1/value"),
        (2, "/conversations/2/value"),
    ]


@pytest.mark.parametrize("content", [None, 5, ["x"], {"a": 1}])
def test_where_the_app_stops_with_an_error_the_closest_code_says_so(content: Any) -> None:
    record = turns(("system", "S"), ("user", "U"), ("assistant", content))
    (issue,) = rt.load([record]).check("rolethread")

    assert issue.code == "chatml.empty_content"
    assert "stops" in issue.message


def test_other_profiles_know_nothing_of_its_codes() -> None:
    dataset = rt.load([{"messages": "x"}, {"messages": [{"role": "user", "content": " "}]}])

    for profile in ("chat", "roleplay", "instruction", "tools", "preference"):
        assert not set(dataset.check(profile).counts) & set(ITS_CODES)
        with pytest.raises(rt.QueryError, match="only in profile 'rolethread'"):
            dataset.check(profile, select="chatml")
    assert set(dataset.check("rolethread").counts) <= set(ITS_CODES)
    with pytest.raises(rt.QueryError, match="does not run in profile 'rolethread'"):
        dataset.check("rolethread", select="turn.empty")


def test_its_codes_can_be_selected_ignored_and_streamed() -> None:
    dataset = rt.load(b'{"text": "x"}\n{"messages": [{"role": "user", "content": "U"}]}\n{"messages": [')
    everything = dataset.check("rolethread")

    assert set(everything.counts) == {
        "file.bad_json",
        "base.unknown_top_level_key",
        "base.missing_tags",
        "chatml.missing_messages",
        "chatml.insufficient_messages",
    }
    assert dataset.check("rolethread", select=["chatml.insufficient_messages"]).counts == {
        "chatml.insufficient_messages": 1
    }
    assert set(dataset.check("rolethread", ignore="base").counts) == set(everything.counts) - {
        "base.unknown_top_level_key",
        "base.missing_tags",
    }
    streamed = Counter(issue.code for issue in dataset.iter_issues("rolethread"))
    assert streamed == Counter(everything.counts)


def test_its_findings_are_drawn_and_written_like_any_other() -> None:
    report = rt.load([turns(("user", " U"), ("Anna", "A"), ("Anna", "B")), {"messages": 5}]).check(
        "rolethread"
    )

    for written in (report.to_html(), report.to_csv(), report.to_json(), str(report.issues["code"].tolist())):
        assert "chatml.missing_system_role" in written
        assert "chatml.messages_not_list" in written


def test_the_python_of_the_page_runs() -> None:
    page = (ROOT / "docs" / "rolethread-lite.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^```python\n(.*?)^```", page, flags=re.MULTILINE | re.DOTALL)
    exec(compile(block, "rolethread-lite.md", "exec"), {"ds": rt.load([{"messages": []}])})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["messages", "conversations", "role", "from", "content", "value", "tags", "x"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@settings(max_examples=60, deadline=None)
@given(st.lists(JSON, min_size=1, max_size=4))
def test_no_record_makes_the_profile_fail(records: list[Any]) -> None:
    report = rt.load("\n".join(map(json.dumps, records)).encode()).check("rolethread")

    assert "rule.failed" not in report.counts
    assert json.loads(report.to_json())["profile"] == "rolethread"


def test_hostile_markup_is_read_in_one_pass() -> None:
    reply = "**a\n" * 20_000 + "{" * 20_000 + "#" * 20_000  # 120 kB; a pattern that looks back takes minutes

    assert codes(turns(("system", "S"), ("user", "U"), ("assistant", reply))) == [["chatml.split_candidate"]]


@every_code
def test_each_of_its_codes_has_a_page_and_a_counterpart(its: Rule) -> None:
    assert its.code in page_text(rule(its.code))
    assert its.page.does.endswith(".")
    (counterpart,) = [one for one in COUNTERPARTS if one.theirs == its.code]
    assert counterpart.difference.endswith(".")
    assert counterpart.ours or counterpart.difference.startswith(("No issue", "Not looked for"))


def test_each_counterpart_is_a_rule_of_ours() -> None:
    ours = {one.code for one in rules()}
    assert {code for one in COUNTERPARTS for code in one.ours} <= ours
    assert not ours & set(ITS_CODES)


def test_the_page_about_it_holds_the_table() -> None:
    page = (ROOT / "docs" / "rolethread-lite.md").read_text(encoding="utf-8")
    assert mapping_markdown() in page, "run tools/reference_pages.py"
