"""The terms of a query: how a line is cut into them, and what each may take."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches

from . import review_state
from .errors import QueryError
from .model import SEVERITIES
from .search import literal_pattern, regex_pattern, word_pattern

_TERM = re.compile(
    r'(?P<negated>(?:-|not:)(?=\S))?(?:(?P<name>[a-z][a-z_0-9]*):)?(?:"(?P<quoted>[^"]*)"?|(?P<plain>\S+))'
)
_RANGE = re.compile(
    r"(?:(?P<sign><=|>=|<|>)(?P<edge>\d+)|(?P<low>\d*)(?P<dots>\.\.)?(?P<high>\d*))\Z", re.ASCII
)

_SAMPLE = re.compile(r"(?P<size>\d{1,9})(?:@(?P<seed>\d{1,9}))?", re.ASCII)
_MOST, _DIGITS = 2**31, 9  # more than there are of anything

ANYWHERE = ""  # the name of a word that stands alone
TEXT_TERMS = ("text", "word", "re")
FINDING_TERMS = ("code", "severity")
TURN_TERMS = ("role", "speaker", "words", "chars")
CONVERSATION_TERMS = (
    "exchanges",
    "turns",
    "system",
    "format",
    "tag",
    "source",
    "id",
    "index",
    "decision",
    "note",
    "sample",
)
NAMES = (*FINDING_TERMS, *TURN_TERMS, *TEXT_TERMS, *CONVERSATION_TERMS)
RANGES = ("words", "chars", "exchanges", "turns", "index")
DECISIONS = ("none", *review_state.DECISIONS)


@dataclass(frozen=True, slots=True)
class Term:
    """One term: a name, its value, and whether it is to be left out; the name is empty for a word that stands alone."""

    name: str
    value: str
    negated: bool = False


def parse(query: str) -> list[Term]:
    """The terms of a query.

    Raises:
        QueryError: in one sentence, if a name is not known, a range is not one, or a regular expression is not understood.
    """
    terms = []
    for match in _TERM.finditer(query):
        name, quoted, plain = match.group("name", "quoted", "plain")
        value = quoted if quoted is not None else plain
        negated = match.group("negated") is not None
        if name is None and quoted is None and re.fullmatch(r"#[0-9]+", value):
            terms.append(Term("index", value[1:], negated))
        elif name is None:
            if value:
                terms.append(Term(ANYWHERE, value, negated))
        else:
            _check(name, value)
            terms.append(Term(name, value, negated))
    return terms


def _check(name: str, value: str) -> None:
    if name not in NAMES:
        from ..balance.terms import check_value, facet_names

        if name in facet_names():
            check_value(name, value)
            return
        near = get_close_matches(name, (*NAMES, *facet_names()), 1)
        meant = f"did you mean {near[0]}:? There are" if near else "there are"
        raise QueryError(
            f"No term is called {name}:; {meant} {', '.join(NAMES)}, and the facets of ds.balance(). Put words with a colon in quotation marks."
        )
    if name in RANGES:
        range_of(name, value)
    if name == "severity" and value not in SEVERITIES:
        raise QueryError(f"severity: takes {', '.join(SEVERITIES)}, not {value!r}.")
    if name == "sample":
        size_and_seed(value)
    if name == "decision" and value not in DECISIONS:
        raise QueryError(f"decision: takes {', '.join(DECISIONS)}, not {value!r}.")
    if name in TEXT_TERMS:
        if not value:
            raise QueryError(f"{name}: takes what to look for.")
        pattern_of(name, value)


def range_of(name: str, value: str) -> tuple[int, int]:
    match = _RANGE.match(value)
    if match is None or not value.strip("."):
        raise QueryError(f"{name}: takes a number or a range such as 3..5, >10 or <=5, not {value!r}.")
    sign, edge, low, dots, high = match.group("sign", "edge", "low", "dots", "high")
    if sign is not None:
        number = _number(edge)
        return {
            ">": (number + 1, _MOST),
            ">=": (number, _MOST),
            "<": (0, number - 1),
            "<=": (0, number),
        }[sign]
    if not dots:
        return _number(low), _number(low)
    return _number(low or "0"), _number(high) if high else _MOST


def _number(digits: str) -> int:
    return _MOST if len(digits) > _DIGITS else int(digits)


def pattern_of(name: str, value: str) -> str:
    """The regular expression of a text term."""
    if name == "re":
        return regex_pattern(value)
    return word_pattern(value) if name == "word" else literal_pattern(value)


def sample_of(query: str) -> tuple[int, int] | None:
    """Size and seed of the sample that a query asks for, None if it asks for none, or for several.

    Raises:
        QueryError: if the query is not understood.
    """
    asked = [term.value for term in parse(query) if term.name == "sample" and not term.negated]
    return size_and_seed(asked[0]) if len(asked) == 1 else None


def without(query: str, name: str) -> str:
    """The query without its terms of one name."""
    kept = [m.group() for m in _TERM.finditer(query) if m.group("name") != name]
    return " ".join(kept)


def size_and_seed(value: str) -> tuple[int, int]:
    """Size and seed of a sample.

    Raises:
        QueryError: if it is none.
    """
    found = _SAMPLE.fullmatch(value)
    if found is None or int(found["size"]) < 1:
        raise QueryError(
            f"sample: takes a number of conversations, with @ and a seed if you like: sample:200@7, not {value!r}."
        )
    return int(found["size"]), int(found["seed"] or 0)
