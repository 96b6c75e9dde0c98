"""Phrases of a language pack, to be found in many texts at once and in one text with their places."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import polars as pl

from .packs import pack

_APOSTROPHES = ("'", "\u2019", "")


def holds_any(texts: pl.Expr, phrases: Iterable[str]) -> pl.Expr:
    """Whether one of some phrases stands in a text, even within words, in whatever case. One pass, however many there are."""
    spelled = {one.replace("'", mark) for one in phrases for mark in _APOSTROPHES}
    return texts.str.contains_any(sorted(spelled), ascii_case_insensitive=True)


def alternatives(phrases: Iterable[str]) -> str:
    """A pattern that matches one of some phrases, the longest first; where there are none it matches nothing.

    An apostrophe may be straight, curly or missing.
    """
    return _alternatives(tuple(phrases))


@lru_cache(maxsize=256)
def _alternatives(phrases: tuple[str, ...]) -> str:
    ordered = sorted(dict.fromkeys(phrases), key=len, reverse=True)
    if not ordered:
        return r"[^\s\S]"
    return "(?:" + "|".join(re.escape(one).replace("'", "['’]?") for one in ordered) + ")"


@lru_cache(maxsize=256)
def compiled(pattern: str) -> re.Pattern[str]:
    """A pattern for Python, without regard to case."""
    return re.compile(pattern, re.IGNORECASE)


def english(subject: str, *names: str) -> Any:
    """A value of the English pack, by the names of the tables that it stands in."""
    found: Any = pack("en").get(subject, names[0])
    for name in names[1:]:
        found = found[name]
    return found
