"""Profiles: what is normal in a kind of dataset, and what each of them changes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import rolethread_nb as rt
from rolethread_nb.checks.catalogue import PROFILES, compat_rules, rules
from rolethread_nb.checks.manual import (
    catalogue_dicts,
    catalogue_markdown,
    page_text,
    profiles_markdown,
    severities,
)
from rolethread_nb.checks.profiles import PROFILES as AS_DATA
from rolethread_nb.checks.profiles import runs
from rolethread_nb.checks.rule import Page, Rule
from rolethread_nb.core.model import Span

ROOT = Path(__file__).parent.parent
LATER = {"dup.near"}  # in the catalogue to come, like the families reply, style, roleplay and balance


def talk(*roles: str) -> list[dict[str, str]]:
    return [{"role": role, "content": f"Text number {at}."} for at, role in enumerate(roles)]


def found(profile: str, *records: Any) -> dict[str, str]:
    """Severity by code."""
    return {issue.code: issue.severity for issue in rt.load(list(records)).check(profile)}


def test_there_are_six_profiles_and_chat_is_the_usual_one() -> None:
    assert PROFILES == ("chat", "roleplay", "instruction", "tools", "preference", "rolethread")
    dataset = rt.load([{"messages": talk("assistant", "user")}])
    assert dataset.check().profile == "chat"
    with pytest.raises(rt.QueryError, match="there are chat, roleplay, instruction"):
        dataset.check("poetry")


@pytest.mark.parametrize("profile", AS_DATA.values(), ids=lambda profile: profile.name)
def test_a_profile_says_what_it_is_for_and_what_is_normal(profile: Any) -> None:
    assert profile.data
    assert profile.normal.endswith(".")


@pytest.mark.parametrize("profile", AS_DATA.values(), ids=lambda profile: profile.name)
def test_a_profile_names_only_rules_that_there_are(profile: Any) -> None:
    every = [*rules(), *compat_rules()]
    families = {rule.family for rule in every}
    for name in (*profile.without, *(profile.only or ()), *profile.severities):
        if name.partition(".")[0] in families and name not in LATER:
            assert any(rule.goes_by(name) for rule in every), name


def test_chat_leaves_roleplay_out_unless_it_is_named() -> None:
    assert not runs("chat", "roleplay.user_agency")
    assert runs("chat", "roleplay.user_agency", named=["roleplay"])
    assert runs("roleplay", "roleplay.user_agency")


def test_in_roleplay_a_character_may_begin_and_end() -> None:
    scene = {"messages": talk("assistant", "assistant", "user")}

    assert set(found("chat", scene).values()) == {"warning"}
    assert set(found("roleplay", scene).values()) == {"info"}


def test_missing_system_prompts_are_not_mentioned_among_instructions() -> None:
    mixed = [{"messages": talk("system", "user", "assistant")}, {"messages": talk("user", "assistant")}]
    mixed[1]["messages"][0]["content"] = "Something else."

    assert "order.no_system" in found("chat", *mixed)
    for profile in ("instruction", "tools", "preference"):
        assert "order.no_system" not in found(profile, *mixed)
    assert "order.no_system" in rt.load(mixed).check("instruction", select="order.no_system").counts


def test_an_instruction_without_its_answer_is_an_error() -> None:
    unanswered = {"messages": talk("user", "assistant", "user")}

    assert found("chat", unanswered)["order.last_not_assistant"] == "warning"
    assert found("instruction", unanswered)["order.last_not_assistant"] == "error"


def test_what_a_profile_changes_stands_on_the_page_of_the_rule() -> None:
    by_code = {rule.code: rule for rule in rules()}

    assert severities(by_code["order.no_system"]) == {
        "instruction": "off",
        "tools": "off",
        "preference": "off",
    }
    assert severities(by_code["order.repeat"]) == {"roleplay": "info", "tools": "info"}
    assert "roleplay: info" in page_text(by_code["order.repeat"])
    listed = {entry["code"]: entry for entry in catalogue_dicts(rules())}
    assert listed["order.no_system"]["profiles"] == severities(by_code["order.no_system"])


def test_a_page_tells_thresholds_preview_and_the_first_version() -> None:
    rule = Rule(
        code="reply.long",
        severity="info",
        scope="turn",
        title="Long",
        page=Page("Does.", "Why.", "Example."),
        since="0.2",
        preview=True,
        thresholds={"ratio": 4.0},
    )
    for page in (page_text(rule), catalogue_markdown([rule])):
        assert "0.2" in page
        assert "Preview" in page
        assert "ratio = 4" in page
    assert catalogue_dicts([rule])[0]["thresholds"] == {"ratio": 4.0}


def test_a_profile_changes_the_usual_severity_and_not_a_measured_one(monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    from rolethread_nb.checks import catalogue

    def decide(evidence: dict[str, Any]) -> Any:
        return "warning" if evidence["text"] == "Text number 0." else "error"

    ours = next(rule for rule in rules() if rule.code == "text.whitespace")
    rule = replace(
        ours,
        severity="warning",
        when=rt.vocabulary.text.contains("Text"),
        needs=(),
        spans=lambda message: [Span(0, 1)],
        evidence=lambda message, span: {"text": message.text},
        severity_of=decide,
        says="x",
        profiles={"roleplay": "info"},
    )
    monkeypatch.setattr(catalogue, "_CATALOGUE", [rule])

    def levels(profile: str) -> list[str]:
        report = rt.load([{"messages": talk("user", "assistant")}]).check(profile)
        return [issue.severity for issue in report]

    assert levels("chat") == ["warning", "error"]
    assert levels("roleplay") == ["info", "error"]


def test_the_python_of_the_page_runs() -> None:
    page = (ROOT / "docs" / "profiles.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^```python\n(.*?)^```", page, flags=re.MULTILINE | re.DOTALL)
    exec(compile(block, "profiles.md", "exec"), {"ds": rt.load([{"messages": talk("user")}])})


def test_the_page_about_profiles_is_made_from_them() -> None:
    page = (ROOT / "docs" / "profiles.md").read_text(encoding="utf-8")
    assert profiles_markdown(rules()) in page, "run tools/reference_pages.py"
