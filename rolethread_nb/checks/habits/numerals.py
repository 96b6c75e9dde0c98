"""Whole numbers in digits and in the words of a language pack."""

from __future__ import annotations

import re
from collections.abc import Mapping

from .narrated import words_pattern


class Numerals:
    """Reads whole numbers.

    Attributes:
        pattern: what a number looks like, without groups.
    """

    def __init__(self, words: Mapping[str, int]) -> None:
        self._words = words
        word = words_pattern(list(words))
        self.pattern = rf"(?:\d{{1,4}}|(?:{word})(?:[\s-](?:and\s)?(?:{word})){{0,3}})"

    def value(self, said: str) -> int | None:
        """The number that is said, or None if a word of it is no number."""
        if said.isdigit():
            return int(said)
        total = 0
        for word in re.findall(r"[a-z]+", said.lower()):
            if word == "and":
                continue
            if (one := self._words.get(word)) is None:
                return None
            total = max(total, 1) * one if one == 100 else total + one
        return total or None
