"""The words of many texts as numbers: a hash of 64 bits each, so that openings, phrases and what is said again are found column by column.

A word is a run of letters and digits, without regard to case; a character of a script without blanks is one (South-East Asian
letters: up to four). An apostrophe parts words: ``don't`` is two.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl

from .hashing import Words, hashed
from .model import IDEOGRAPHS, UNSPACED, Span

Places = np.ndarray[Any, np.dtype[np.int64]]
Flags = np.ndarray[Any, np.dtype[np.bool_]]

_APART, _LETTER, _IDEOGRAPH, _UNSPACED = range(4)  # what a character is to words
_TOGETHER = 4  # so many South-East Asian letters are a word at most
_CODES = 0x110000
_CASED = 0x20000  # beyond it there is neither case nor punctuation
_BASE = 0x9E3779B97F4A7C15
_PIECE = 1 << 18  # characters that are looked at together, so that all of it stays in the fast memory
_LOW = np.uint64(0xFFFF)


@dataclass(frozen=True)
class WordTable:
    """Words of texts.

    Attributes:
        hashes: one a word, in the order of the texts.
        rows: the text that each word stands in, rising.
        texts: how many texts there are.
    """

    hashes: Words
    rows: Places
    texts: int

    def __len__(self) -> int:
        return len(self.hashes)

    @cached_property
    def counts(self) -> Places:
        """How many words each text has."""
        return np.bincount(self.rows, minlength=self.texts)

    @cached_property
    def starts(self) -> Places:
        """Where the words of each text begin."""
        found: Places = np.cumsum(self.counts) - self.counts
        return found

    def part(self, rows: Places) -> WordTable:
        """The words of some texts, as a table whose texts are these in their order."""
        return self.stretches(self.starts[rows], self.counts[rows])

    def first_words(self, rows: Places, count: int) -> WordTable:
        """The first ``count`` words of some texts, as a table whose texts are these in their order."""
        return self.stretches(self.starts[rows], np.minimum(self.counts[rows], count))

    def stretches(self, starts: Places, counts: Places) -> WordTable:
        """So many words from some places on, each stretch a text of a new table."""
        before = np.cumsum(counts) - counts
        at = np.arange(counts.sum()) + np.repeat(starts - before, counts)
        return WordTable(self.hashes[at], np.repeat(np.arange(len(starts)), counts), len(starts))

    def phrases(self, length: int) -> tuple[Words, Places]:
        """A hash of each run of so many words of one text, and where the run begins."""
        last = max(len(self) - length + 1, 0)
        at = np.flatnonzero(self.rows[:last] == self.rows[len(self) - last :])
        return self._runs(at, length), at

    def openings(self, length: int) -> Words:
        """A hash of the first words of each text, as of :meth:`phrases`; 0 where it has fewer."""
        found = np.zeros(self.texts, dtype=np.uint64)
        long = np.flatnonzero(self.counts >= length)
        found[long] = self._runs(self.starts[long], length)
        return found

    def _runs(self, at: Places, length: int) -> Words:
        found = self.hashes[at].copy()
        for step in range(1, length):
            found *= np.uint64(_BASE)
            found += self.hashes[at + step]
        return hashed(found)

    def among(self, words: WordSet) -> Flags:
        """Which words are in a set."""
        return words.holds(self.hashes)

    def count(self, words: WordSet) -> Places:
        """How many words of each text are in a set."""
        return np.bincount(self.rows[self.among(words)], minlength=self.texts)


class WordSet:
    """Some words, to be found in tables of words.

    Raises:
        ValueError: if one of them is none, or more than one.
    """

    def __init__(self, words: Iterable[str]) -> None:
        self.words = tuple(dict.fromkeys(words))
        table = words_of(pl.Series(self.words, dtype=pl.String))
        wrong = [word for word, count in zip(self.words, table.counts, strict=True) if count != 1]
        if wrong:
            raise ValueError(f"{wrong[0]!r} is not one word")
        self._sorted = np.unique(table.hashes)
        self._may = np.zeros(1 << 16, dtype=bool)
        self._may[self._sorted & _LOW] = True

    def holds(self, hashes: Words) -> Flags:
        """Which of some hashes of words are among these."""
        found: Flags = self._may[hashes & _LOW]
        if len(self._sorted):
            at = np.flatnonzero(found)
            near = np.minimum(np.searchsorted(self._sorted, hashes[at]), len(self._sorted) - 1)
            found[at] = self._sorted[near] == hashes[at]
        return found


def word_spans(text: str) -> list[Span]:
    """Where the words of one text stand, by the same rule: for the few texts that are looked at."""
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    starts, stops = _stretches(_alphabet()[0][codes])
    return [Span(*ends) for ends in zip(starts.tolist(), stops.tolist(), strict=True)]


def _parts(char: str) -> bool:
    """Whether a character parts words."""
    if char.isascii():
        return not char.isalnum()
    return char.isspace() or unicodedata.category(char)[0] in "PS"


def words_of(texts: pl.Series) -> WordTable:
    """The words of some texts, one after the other.

    Words are runs of letters and digits, without regard to case; a character of a script without blanks is one (South-East Asian
    letters: up to four).
    """
    ends = np.cumsum(texts.str.len_chars().to_numpy().astype(np.int64) + 1)
    cuts = np.searchsorted(ends, np.arange(0, ends[-1] if len(ends) else 0, _PIECE), side="right").tolist()
    found = [(np.empty(0, dtype=np.uint64), np.empty(0, dtype=np.int64))]
    for first, last in pairwise(sorted({*cuts, len(texts)})):
        hashes, rows = _words_of(texts[first:last])
        found.append((hashes, rows + first))
    hashes, rows = (np.concatenate(part) for part in zip(*found, strict=True))
    return WordTable(hashes, rows, len(texts))


def _words_of(texts: pl.Series) -> tuple[Words, Places]:
    """The words of some texts, and the text that each stands in."""
    codes = np.frombuffer(texts.str.join(" ").item().encode("utf-32-le"), dtype=np.uint32)
    starts, stops = _stretches(_alphabet()[0][codes])
    before = np.searchsorted(starts, np.cumsum(texts.str.len_chars().to_numpy().astype(np.int64) + 1))
    return _hashes(codes, starts, stops), np.repeat(np.arange(len(texts)), np.diff(before, prepend=0))


def _stretches(kinds: np.ndarray[Any, Any]) -> tuple[Places, Places]:
    """Where words begin and end, by the kinds of the characters."""
    parts = np.ones(len(kinds) + 1, dtype=bool)
    np.not_equal(kinds[1:], kinds[:-1], out=parts[1:-1])
    if kinds.max(initial=0) > _LETTER:
        parts[:-1] |= kinds == _IDEOGRAPH
        unspaced = np.flatnonzero(kinds == _UNSPACED)
        begins = np.maximum.accumulate(np.where(np.diff(unspaced, prepend=-2) > 1, unspaced, 0))
        parts[unspaced[(unspaced - begins) % _TOGETHER == 0]] = True
    at = np.flatnonzero(parts)
    words = np.flatnonzero(kinds[at[:-1]])
    return at[words], at[words + 1]


@lru_cache(maxsize=1)
def _alphabet() -> tuple[np.ndarray[Any, Any], Words]:
    """What each character is to words, and a number for it in lower case."""
    kinds = np.full(_CODES, _LETTER, dtype=np.uint8)
    lower = np.arange(_CODES, dtype=np.uint64)
    for code, char in enumerate(map(chr, range(_CASED))):
        if _parts(char):
            kinds[code] = _APART
        elif char != (small := char.lower()):
            lower[code] = ord(small[0])
    lower[ord("ς")] = ord("σ")  # the same letter at the end of a word
    for kind, ranges in ((_IDEOGRAPH, IDEOGRAPHS), (_UNSPACED, UNSPACED)):
        for first, last in zip(ranges[::3], ranges[2::3], strict=True):
            part = kinds[ord(first) : ord(last) + 1]
            part[part != _APART] = kind
    return kinds, hashed(lower)


def _hashes(codes: np.ndarray[Any, Any], starts: Places, stops: Places) -> Words:
    """A hash of each stretch of characters: a polynomial in powers of an odd number, modulo 2^64.

    All come from one running sum; what stands before a stretch is taken off, and its place divided out.
    """
    up, down = _powers(max(2 * _PIECE, len(codes)))
    sums = np.zeros(len(codes) + 1, dtype=np.uint64)
    np.cumsum(_alphabet()[1][codes] * up[: len(codes)], out=sums[1:])
    return hashed(((sums[stops] - sums[starts]) * down[starts]) ^ (stops - starts).astype(np.uint64))


@lru_cache(maxsize=1)
def _powers(count: int) -> tuple[Words, Words]:
    """1, base, base², ... modulo 2^64, and what divides by them."""
    up, down = (np.full(count, base, dtype=np.uint64) for base in (_BASE, pow(_BASE, -1, 1 << 64)))
    up[0] = down[0] = 1
    return np.cumprod(up), np.cumprod(down)
