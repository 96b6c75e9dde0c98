"""Profiles: what is normal in a kind of dataset, as data. Which rules run, and how severe a finding is.

What a rule says of a profile itself (``Rule.profiles``) comes first; here stands what a profile changes for many rules.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ..core.model import Severity

# What stays when only the rules of another tool are asked for: a record that nobody can read, and a rule that raised.
_ALWAYS = ("file.not_utf8", "file.bad_json", "rule.failed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One profile.

    Attributes:
        name: what is typed.
        data: the datasets it is meant for, in a few words.
        normal: what is normal in them, and so no finding, or a lesser one.
        without: codes and families that do not run.
        only: codes and families that run, and nothing else; None: all.
        severities: severity by code, where it is another than in profile ``chat``.
    """

    name: str
    data: str
    normal: str
    without: tuple[str, ...] = ()
    only: tuple[str, ...] | None = None
    severities: Mapping[str, Severity] = field(default_factory=dict)


_PROFILES: tuple[Profile, ...] = (
    Profile(
        name="chat",
        data="conversations of a person with an assistant",
        normal="Turns alternate, the person begins and the assistant ends. Rules about role-play do not run.",
        without=("roleplay",),
    ),
    Profile(
        name="roleplay",
        data="scenes, characters, stories told in turns",
        normal="A character may open the scene, speak twice in a row and have the last word; labels may be names.",
    ),
    Profile(
        name="instruction",
        data="single instructions with their answers",
        normal=(
            "One exchange is a whole record and needs no system prompt. Answers may be one word, a list, code or JSON,"
            " and a letter to fill in has its gaps left open."
        ),
        without=(
            "roleplay",
            "order.no_system",
            "leak.markup",
            "reply.short",
            "reply.filler",
            "style.pov_drift",
            "style.tense_drift",
            "style.format_drift",
        ),
        severities={"leak.macro": "info", "order.last_not_assistant": "error"},
    ),
    Profile(
        name="tools",
        data="conversations in which the assistant calls functions",
        normal=(
            "Calls, results and replies follow one another in any number, replies hold JSON, and a system prompt may be"
            " missing where the functions are declared. A function that is called without being declared is an error."
        ),
        without=("roleplay", "order.no_system", "leak.markup", "reply.short", "style.format_drift"),
        severities={
            "tool.undeclared": "error",
            "tool.bad_schema": "error",
            "order.repeat": "info",
            "order.first_assistant": "info",
        },
    ),
    Profile(
        name="preference",
        data="pairs of a better and a worse reply (DPO, ORPO) and single replies with a thumb (KTO)",
        normal=(
            "One prompt comes with several replies, a reply may be meant to be bad, and no system prompt is needed. Sides that"
            " are equal or do not share their prompt are errors, as everywhere."
        ),
        without=("roleplay", "order.no_system", "dup.prompt", "dup.dialogue", "balance.agreement"),
        severities={
            "dup.near": "info",
            "reply.refusal": "info",
            "reply.meta": "info",
            "reply.placeholder": "info",
            "reply.truncated": "info",
            "style.loop": "info",
            "style.language_mix": "info",
        },
    ),
    Profile(
        name="rolethread",
        data="comparison with RoleThread Lite 1.0.0",
        normal=(
            "A system prompt, then complete exchanges of user and assistant, and tags, as RoleThread Lite asks for. Its 22"
            " codes and nothing else, apart from records that cannot be read."
        ),
        only=("base", "chatml", *_ALWAYS),
    ),
)

PROFILES: Mapping[str, Profile] = {profile.name: profile for profile in _PROFILES}


def severity_change(profile: str, code: str) -> Severity | None:
    """The severity that a profile gives to a code, None where it leaves it alone."""
    known = PROFILES.get(profile)
    return None if known is None else known.severities.get(code)


def goes_by(code: str, names: Sequence[str]) -> bool:
    """Whether one of the names is the code, or a family that it belongs to."""
    return any(code == name or code.startswith(f"{name}.") for name in names)


def runs(profile: str, code: str, *, named: Sequence[str] = ()) -> bool:
    """Whether a profile runs a rule.

    Args:
        profile: name of the profile.
        code: code of the rule.
        named: codes and families that were asked for by name; they run in every profile but one that has ``only``.
    """
    chosen = PROFILES[profile]
    if chosen.only is not None:
        return goes_by(code, chosen.only)
    return goes_by(code, named) or not goes_by(code, chosen.without)
