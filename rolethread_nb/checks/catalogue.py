"""The catalogue: every rule, in the order in which it is listed and run."""

from __future__ import annotations

from collections.abc import Sequence

from ..core.errors import QueryError
from . import duplicates, files, leaks, order, records, structure, text
from .rule import Page, Rule

_FAILED = Rule(
    code="rule.failed",
    severity="warning",
    scope="dataset",
    title="A rule raised an error",
    says="The rule {rule} stopped with {error}",
    page=Page(
        "Says that a rule, ours or a user's, raised an exception. The other rules went on.",
        "What that rule looks for was not looked for.",
        "A user's rule that divides by the number of words.",
    ),
)

PROFILES = ("chat", "roleplay")

_CATALOGUE: list[Rule] = [
    *files.RULES,
    *records.RULES,
    *order.RULES,
    *structure.RULES,
    *text.RULES,
    *leaks.RULES,
    *duplicates.RULES,
    _FAILED,
]


def rules() -> Sequence[Rule]:
    """Every known rule."""
    return tuple(_CATALOGUE)


def rule(code: str) -> Rule:
    """The rule with a code.

    Raises:
        QueryError: if there is none, naming what is close.
    """
    for candidate in _CATALOGUE:
        if candidate.code == code:
            return candidate
    raise unknown_code(code)


def check_codes(names: Sequence[str]) -> None:
    """Refuse names that are neither a code nor a family.

    Raises:
        QueryError: in one sentence.
    """
    for name in names:
        if not any(rule.goes_by(name) for rule in _CATALOGUE):
            raise unknown_code(name)


def unknown_code(name: str) -> QueryError:
    """The refusal of a code, with the codes of its family."""
    family = name.partition(".")[0]
    near = [rule.code for rule in _CATALOGUE if rule.family == family]
    known = (
        ", ".join(near)
        if near
        else "the families " + ", ".join(dict.fromkeys(rule.family for rule in _CATALOGUE))
    )
    return QueryError(f"No rule or family is called {name!r}; there are {known}.")
