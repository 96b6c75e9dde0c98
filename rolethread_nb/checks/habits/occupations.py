"""What somebody is said to do for a living."""

from __future__ import annotations

import re
from collections.abc import Iterator

import polars as pl

from ...language.packs import Pack
from .narrated import words_pattern

_ENDS = r"(?=\s*(?:[.,;!?)*\"”]|$|\b(?:who|with|and|that|from|in|so|by|at|on|for|here|but|named|called)\b))"
_AGED = r"[\w-]+[\s-]year[\s-]old"


class Occupations:
    """Reads the occupations of a language pack.

    Only those that take a person's days are in it, and only statements that leave no doubt are read: a person may well have two.
    """

    def __init__(self, pack: Pack) -> None:
        self._lines = [frozenset(line) for line in pack.get("facts", "occupations")]
        self._names = sorted({name for line in self._lines for name in line})
        self._beside = re.compile(rf"(?i)\b(?:{words_pattern(pack.get('facts', 'beside'))})\b")
        name = words_pattern(self._names)
        before = words_pattern(pack.get("facts", "kinds_of_work"))
        kind = rf"(?:(?:{before}|{_AGED}),?\s+){{0,3}}"
        another = rf"(?!\s*,\s+an?\s|\s*(?:,|and|or|/)\s*(?:an?\s+)?{kind}(?:{name})\b)"
        self._said = rf"an?\s+{kind}(?P<value>{name})\b(?!-){another}{_ENDS}"
        #: Where in a text such a statement may be.
        self.near = re.compile(rf" an?\s+{kind}(?:{name})\b")
        self._stated = rf"\b(?:am|m|are|re|is|as|[A-Z][\w'-]+,)\s+an?\s+{kind}(?:{name})\b"

    def candidates(self, texts: pl.Series) -> pl.Series:
        """Which texts may state an occupation."""
        named = texts.str.contains_any([f" {name}" for name in self._names])
        rows = named.arg_true()
        # The second look is the dear one, and names of occupations are in many texts.
        return named.scatter(rows, texts.gather(rows).str.contains(self._stated))

    def patterns(self, be: str, work: str, name: str) -> Iterator[str]:
        """The patterns of one person, the occupation in group ``value``.

        Args:
            be: a pattern for "I am".
            work: for "I work".
            name: for the name in "I am Tom, a baker".
        """
        yield rf"{be}\s+(?:{name},\s+)?{self._said}"
        yield rf"{work}\s+as\s+{self._said}"

    def in_doubt(self, text: str) -> bool:
        """Whether a text speaks of what somebody does besides, did before or learns."""
        return self._beside.search(text) is not None

    def together(self, one: str, other: str) -> bool:
        """Whether one person may be both."""
        return any(one in line and other in line for line in self._lines)
