"""The words of many texts as numbers: a hash of 64 bits each, so that openings, phrases and what is said again are found column by column.

A word is a run of letters and digits, without regard to case; a character of a script without blanks is one (South-East Asian
letters: up to four). An apostrophe parts words: ``don't`` is two.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl

from .hashing import Words, hashed
from .model import IDEOGRAPHS, UNSPACED, WORD_PATTERN, Span

Places = np.ndarray[Any, np.dtype[np.int64]]
Flags = np.ndarray[Any, np.dtype[np.bool_]]

# ASCII: letters in lower case and digits stay, what stands between words becomes a blank.
_PARTED = bytes(n if n > 127 else ord(chr(n).lower()) if chr(n).isalnum() else 32 for n in range(256))
_MARKS = r"[[\p{P}\p{S}\s]&&[^\x00-\x7f]]"  # the same beyond ASCII
_UNSPACED = f"[{IDEOGRAPHS}{UNSPACED}]"
_LETTERS: Words = hashed(np.arange(256, dtype=np.uint64))
_BASE = 0x9E3779B97F4A7C15
_BLANK = ord(" ")
_PIECE = 1 << 16  # bytes that are hashed together, so that sums stay in the fast memory
_LOW = np.uint64(0xFFFF)
_WORD = re.compile(WORD_PATTERN)


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


def phrase_hash(words: Sequence[str]) -> int:
    """The hash that :meth:`WordTable.phrases` gives to a run of words."""
    hashes, _ = words_of(pl.Series([" ".join(words)], dtype=pl.String)).phrases(len(words))
    return int(hashes[0])


def word_spans(text: str) -> list[Span]:
    """Where the words of one text stand, by the same rule: for the few texts that are looked at."""
    cleaned = "".join([" " if _parts(char) else char for char in text])
    return [Span(*found.span()) for found in _WORD.finditer(cleaned)]


@lru_cache(maxsize=1 << 14)
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
    beyond = texts.str.len_bytes() != texts.str.len_chars()
    if beyond.any():
        lower = texts.filter(beyond).str.to_lowercase().str.replace_all(_MARKS, " ")
        unspaced = lower.str.contains(_UNSPACED)
        if unspaced.any():
            parted = lower.filter(unspaced).str.extract_all(WORD_PATTERN).list.join(" ")
            lower = lower.clone().scatter(unspaced.arg_true(), parted)
        texts = texts.clone().scatter(beyond.arg_true(), lower)
    codes = np.frombuffer(" ".join(texts.to_list()).encode().translate(_PARTED), dtype=np.uint8)
    inside = np.concatenate([[False], codes != _BLANK, [False]])
    starts, stops = np.flatnonzero(inside[1:] & ~inside[:-1]), np.flatnonzero(inside[:-1] & ~inside[1:])
    ends = np.cumsum(texts.str.len_bytes().to_numpy().astype(np.int64) + 1)
    return WordTable(_hashes(codes, starts, stops), np.searchsorted(ends, starts, side="right"), len(texts))


def _hashes(codes: np.ndarray[Any, Any], starts: Places, stops: Places) -> Words:
    """A hash of each stretch of bytes: a polynomial in powers of an odd number, modulo 2^64.

    All stretches of a piece come from one running sum; what stands before a stretch is taken off, and its place divided out.
    """
    found = np.empty(len(starts), dtype=np.uint64)
    bounds = np.searchsorted(starts, np.arange(0, len(codes) + _PIECE, _PIECE))
    for low, high in pairwise(bounds):
        if low == high:
            continue
        base, end = starts[low], stops[high - 1]
        up, down = _powers(max(2 * _PIECE, int(end - base)))
        sums = np.zeros(end - base + 1, dtype=np.uint64)
        np.cumsum(np.take(_LETTERS, codes[base:end]) * up[: end - base], out=sums[1:])
        first, last = starts[low:high] - base, stops[low:high] - base
        found[low:high] = (sums[last] - sums[first]) * down[first]
    return hashed(found ^ (stops - starts).astype(np.uint64))


@lru_cache(maxsize=1)
def _powers(count: int) -> tuple[Words, Words]:
    """1, base, base², ... modulo 2^64, and what divides by them."""
    up, down = (np.full(count, base, dtype=np.uint64) for base in (_BASE, pow(_BASE, -1, 1 << 64)))
    up[0] = down[0] = 1
    return np.cumprod(up), np.cumprod(down)
