"""The catalogue: every rule, in the order in which it is listed and run."""

from __future__ import annotations

from collections.abc import Sequence

from ..compat import rolethread_lite
from ..core.errors import QueryError
from . import (
    duplicates,
    files,
    habits,
    leaks,
    markup,
    near,
    order,
    preference,
    privacy,
    profiles,
    prompts,
    records,
    structure,
    text,
    tools,
    weights,
)
from .rule import Page, Rule

_FAILED = Rule(
    code="rule.failed",
    severity="warning",
    scope="dataset",
    title="A rule raised an error",
    says="The rule {rule} stopped with {error}",
    page=Page(
        "Says that a rule, ours or a user's, raised an exception. The other rules went on.",
        "What that rule looks for was not looked for from there on.",
        "A user's rule that divides by the number of words.",
    ),
)

PROFILES = tuple(profiles.PROFILES)

_CATALOGUE: list[Rule] = [
    *files.RULES,
    *records.RULES,
    *order.RULES,
    *structure.RULES,
    *text.RULES,
    *leaks.RULES,
    *markup.RULES,
    *privacy.RULES,
    *tools.RULES,
    *weights.RULES,
    *preference.RULES,
    *habits.RULES,
    *duplicates.RULES,
    *near.RULES,
    *prompts.RULES,
    _FAILED,
]
_OWN: dict[str, Rule] = {}


def rules() -> Sequence[Rule]:
    """Every rule but those that only reproduce another tool: ours, then the user's own in the order of their registration."""
    return (*_CATALOGUE, *_OWN.values())


def compat_rules() -> Sequence[Rule]:
    """The rules that reproduce RoleThread Lite; they run in profile ``rolethread`` and nowhere else."""
    return rolethread_lite.RULES


def rules_of(profile: str) -> Sequence[Rule]:
    """The rules that a profile can run: what it leaves out runs when it is named."""
    if profiles.PROFILES[profile].only is None:
        return rules()
    return [rule for rule in (*_CATALOGUE, *compat_rules()) if profiles.runs(profile, rule.code)]


def own_rules() -> Sequence[Rule]:
    """The user's own rules."""
    return tuple(_OWN.values())


def add_own(rule: Rule) -> None:
    """Take a user's rule in; one of the same code is replaced where it stands."""
    _OWN[rule.code] = rule


def remove_own(code: str) -> bool:
    """Take a user's rule out. False if there is none of that code."""
    return _OWN.pop(code, None) is not None


def shipped_families() -> Sequence[str]:
    """The families of the rules that are not the user's."""
    return tuple(dict.fromkeys(rule.family for rule in (*_CATALOGUE, *compat_rules())))


def rule(code: str) -> Rule:
    """The rule with a code.

    Raises:
        QueryError: if there is none, naming what is close.
    """
    for candidate in (*rules(), *compat_rules()):
        if candidate.code == code:
            return candidate
    raise unknown_code(code)


def check_codes(names: Sequence[str], profile: str | None = None) -> None:
    """Refuse names that are neither a code nor a family (of a profile, if one is given).

    Raises:
        QueryError: in one sentence.
    """
    for name in names:
        if not any(rule.goes_by(name) for rule in (*rules(), *compat_rules())):
            raise unknown_code(name)
        if profile is not None and not any(rule.goes_by(name) for rule in rules_of(profile)):
            where = "only in profile 'rolethread'" if profile != "rolethread" else "in every other profile"
            raise QueryError(f"{name!r} does not run in profile {profile!r}, but {where}.")


def unknown_code(name: str) -> QueryError:
    """The refusal of a code, with the codes of its family."""
    known = (*rules(), *compat_rules())
    family = name.partition(".")[0]
    near = [rule.code for rule in known if rule.family == family]
    listed = (
        ", ".join(near) if near else "the families " + ", ".join(dict.fromkeys(rule.family for rule in known))
    )
    return QueryError(f"No rule or family is called {name!r}; there are {listed}.")
