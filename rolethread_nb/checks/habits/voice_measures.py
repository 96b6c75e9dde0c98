"""Measures of form: how often marks stand in what a character says, and how long its words and replies are. Any language."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from ...language.speech import QUOTED

Numbers = np.ndarray[Any, np.dtype[np.float64]]
Sums = np.ndarray[Any, np.dtype[np.uint32]]

# How often something stands in a hundred words.
_MARKS: dict[str, str] = {
    "sentences": r"[.!?…؟۔。！？]+",
    "commas": "[,،、，;；]",
    "exclamation marks": "[!！]",
    "question marks": "[?？؟]",
    "ellipses": r"\.\.\.|…",
    "dashes": r"—|–|--| - ",
    "quotation marks": '["“”„«»「」]',
    "asterisks": r"\*",
    "line breaks": "\n",
}
_COLUMNS = (*_MARKS, "chars", "quoted", "words", "turns")
# Each measure: what is counted, in how much of what, and by how much it is multiplied.
_OF: dict[str, tuple[str, str, int]] = {
    **{name: (name, "words", 100) for name in _MARKS},
    "letters in a word": ("chars", "words", 1),
    "percent in quotation marks": ("quoted", "chars", 100),
    "words in a reply": ("words", "turns", 1),
}
MEASURES = tuple(_OF)
#: So many of them, from the first on, are those of Burrows' Delta.
STYLE = len(_MARKS) + 1
FIRST, _MIDDLE, LAST = range(3)
_TOP = [_COLUMNS.index(counted) for counted, _, _ in _OF.values()]
_BOTTOM = [_COLUMNS.index(of) for _, of, _ in _OF.values()]
_SCALE = np.array([scale for _, _, scale in _OF.values()], dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Amounts:
    """What was counted, and in how much: one row a conversation, one column a measure."""

    counts: Numbers
    of: Numbers

    @property
    def values(self) -> Numbers:
        """The measures themselves."""
        return self.counts / self.of


def counted(said: pl.DataFrame, entries: int) -> Sums:
    """The counts of each third of each entry: entries by thirds by what is counted.

    ``said`` has one row a reply with its ``entry``, ``text``, ``words`` and ``chars``. The first and the last third are never more than a third of
    the replies; of fewer than three, all are in the middle.
    """
    text = pl.col("text")
    place, replies = pl.int_range(pl.len()).over("entry"), pl.len().over("entry")
    third = (
        pl.when(place < replies // 3)
        .then(FIRST)
        .when(place >= replies - replies // 3)
        .then(LAST)
        .otherwise(_MIDDLE)
    )
    sums = (
        said.select(
            "entry",
            "chars",
            "words",
            *(text.str.count_matches(mark).alias(name) for name, mark in _MARKS.items()),
            text.str.extract_all(QUOTED).list.join("").str.len_chars().alias("quoted"),
            pl.lit(1, pl.UInt32).alias("turns"),
            third.alias("third"),
        )
        .group_by("entry", "third")
        .sum()
    )
    found = np.zeros((entries, 3, len(_COLUMNS)), dtype=np.uint32)
    found[sums["entry"].to_numpy(), sums["third"].to_numpy()] = sums.select(_COLUMNS).to_numpy()
    return found


def amounts(sums: Sums, third: int | None = None) -> Amounts:
    """What the measures are made of, from the counts of :func:`counted`: of one third, or (None) of all replies."""
    chosen = (sums.sum(axis=1) if third is None else sums[:, third]).astype(np.float64)
    return Amounts(_SCALE * chosen[:, _TOP], np.maximum(chosen[:, _BOTTOM], 1))


def has_words(sums: Sums, third: int) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Which entries say anything in a third."""
    return sums[:, third, _COLUMNS.index("words")] > 0
