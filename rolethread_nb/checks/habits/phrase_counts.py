"""Counting of phrases in one pass and in bounded memory.

Every run of four words is a hash of 32 bits. The hashes of the replies are kept in their order, with their texts eight bytes a word, up to a fixed number of
words; rough counts of all of them stand in a table of a fixed size. At the end only the runs that the table calls frequent are
counted exactly. Where a dataset has more words than are kept, the runs that are rare so far are forgotten; what is frequent in the
end is then counted from where it was half as frequent as it has to be, and its counts are a lower bound.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ...core.hashing import Words, hashed
from ...core.word_table import Flags, Places

SHORTEST, LONGEST = 4, 8
_NEARLY = 0.8  # of the conversations with a phrase: a longer one that stands in these is named in its place
_SLOTS = 1 << 22
_KEPT = 1 << 24  # words
_LOW = np.uint64(0xFFFFFFFF)
Hashes = np.ndarray[Any, np.dtype[np.uint32]]


@dataclass(frozen=True)
class Common:
    """A phrase and where it stands.

    Attributes:
        runs: the hashes of its runs of four words, one after the other.
        words: how many words it has.
        at: the replies that have it, as numbers in the order in which they were added, one for each time.
    """

    runs: tuple[int, ...]
    words: int
    at: Places


class PhraseCounts:
    """Counts of the phrases of texts that belong to conversations."""

    def __init__(self, kept: int = _KEPT) -> None:
        self._kept = kept
        self._table = np.zeros(_SLOTS, dtype=np.uint32)
        self._runs: list[Hashes] = []  # one a word; 0 where fewer than four words are left of a text
        self._rows: list[Places] = []  # the text of each run
        self._texts = 0
        self._words = 0

    def add(self, runs: Hashes, counts: Places) -> None:
        """Texts: a hash for each run of four words, 0 where a text ends; how many words each text has."""
        count_into(self._table, runs[runs != 0])
        self._runs.append(runs)
        self._rows.append(
            np.repeat(np.arange(self._texts, self._texts + len(counts), dtype=np.int32), counts)
        )
        self._texts += len(counts)
        self._words += len(runs)

    def often(self, runs: Hashes, least: float) -> Flags:
        """Which runs may have been seen so often so far."""
        found: Flags = (self._table >= least)[runs & np.uint32(_SLOTS - 1)] & (runs != 0)
        return found

    def seen(self, runs: Hashes) -> Hashes:
        """How often each run may have been seen so far; 0 for none."""
        return np.where(runs != 0, self._table[runs & np.uint32(_SLOTS - 1)], np.uint32(0))

    def forget(self, least: float) -> None:
        """Drop what is rarer, if more words are kept than there is room for."""
        if self._words <= self._kept:
            return
        for n, runs in enumerate(self._runs):
            near = widened(self.often(runs, least))
            self._runs[n] = np.where(self.often(runs, least), runs, 0)[near]
            self._rows[n] = self._rows[n][near]
        self._words = sum(map(len, self._runs))

    def common(
        self, chats: Places, least: float, most: int, tells: Callable[[Common, int], bool]
    ) -> list[Common]:
        """The phrases that stand in so many conversations, as :func:`distinct` tells them apart.

        Args:
            chats: the conversation of each text, by its number.
            least: conversations that a phrase has to stand in.
            most: occurrences that are looked at; where there are more, only the more frequent runs are.
            tells: whether a phrase, in so many conversations, can be reported.
        """
        if not self._runs:
            return []
        runs, rows = self.kept()
        at = np.flatnonzero(self.often(runs, self._least(runs, least, most)))
        return distinct(runs, runs, rows, at, chats, least, tells)

    def kept(self) -> tuple[Hashes, Places]:
        """The hashes of all words that are kept, and the text that each stands in."""
        self._runs, self._rows = [np.concatenate(self._runs)], [np.concatenate(self._rows)]
        return self._runs[0], self._rows[0]

    def _least(self, runs: Hashes, least: float, most: int) -> float:
        """How often a run has to occur, so that there are not too many of them."""
        while int(self.often(runs, least).sum()) > most:
            least *= 1.5
        return least


def low(hashes: Words) -> Hashes:
    """32 bits of each hash; 0 is none of them."""
    found: Hashes = (hashes & _LOW).astype(np.uint32) | np.uint32(1)
    return found


def distinct(
    keys: Hashes,
    runs: Hashes,
    rows: Places,
    at: Places,
    chats: Places,
    least: float,
    tells: Callable[[Common, int], bool],
) -> list[Common]:
    """The phrases that stand in so many conversations; of those that overlap the most frequent, the others only where they mostly stand apart from it.

    A longer phrase is named in the place of one that it holds, if it is nearly as frequent.

    Args:
        keys: what tells the runs of four words apart; the runs themselves, or those of one character each.
        runs, rows: the runs, and the text that each stands in.
        at: the places of the runs that phrases are made of.
        chats: the conversation of each text.
        least: conversations that a phrase has to stand in.
        tells: whether a phrase, in so many conversations, can be reported.
    """
    lengths = {
        length: _of_length(keys, rows, at, length, chats, least) for length in range(SHORTEST, LONGEST + 1)
    }
    explained = np.zeros(len(runs), dtype=bool)

    def phrase_at(places: Places, length: int) -> Common:
        own = runs[places[0] : places[0] + length - SHORTEST + 1]
        return Common(tuple(own.tolist()), length, rows[places])

    def is_explained(places: Places, length: int) -> bool:
        """Whether the phrase mostly begins or ends in one that is named already."""
        return bool((explained[places] | explained[places + length - SHORTEST]).mean() > 0.5)

    def whole(places: Places, length: int, count: int) -> tuple[Places, int]:
        for longer in range(LONGEST, length, -1):
            for held, often in lengths[longer].holding(places, length, _NEARLY * count):
                if not is_explained(held, longer) and tells(phrase_at(held, longer), often):
                    return held, longer
        return places, length

    found = []
    for places, length, count in _most_frequent_first(lengths):
        if is_explained(places, length) or not tells(phrase_at(places, length), count):
            continue
        named = whole(places, length, count)
        found.append(phrase_at(*named))
        for begins, words in ((places, length), named):
            for step in range(1 - SHORTEST, words):
                inside = begins + step
                explained[inside[(inside >= 0) & (inside < len(runs))]] = True
    return found


@dataclass(frozen=True, eq=False)
class _OfLength:
    """The frequent phrases of one length.

    Attributes:
        length: in words.
        begins: where they begin: the places of the first phrase, rising, of the next, ...
        ends: where the places of each phrase end in ``begins``.
        counts: the conversations that each phrase stands in.
    """

    length: int
    begins: Places
    ends: Places
    counts: Places

    def places(self, phrase: int) -> Places:
        """Where a phrase begins."""
        return self.begins[self.ends[phrase - 1] if phrase else 0 : self.ends[phrase]]

    @cached_property
    def firsts(self) -> Places:
        """The first place of each phrase."""
        found: Places = self.begins[np.append(0, self.ends)[:-1]]
        return found

    @cached_property
    def _in_order(self) -> tuple[Places, Places]:
        """All places, rising, and the phrase that begins at each."""
        order = np.argsort(self.begins)
        which = np.repeat(np.arange(len(self.ends)), np.diff(self.ends, prepend=0))
        return self.begins[order], which[order]

    def holding(self, places: Places, length: int, least: float) -> Iterator[tuple[Places, int]]:
        """The places of phrases that hold the shorter one at some places, and how many conversations they stand in: so many; most first."""
        if not len(self.begins):
            return
        begins, which = self._in_order
        wanted = (places[:, None] - np.arange(self.length - length + 1)).ravel()
        near = np.minimum(np.searchsorted(begins, wanted), len(begins) - 1)
        phrases = np.unique(which[near[begins[near] == wanted]])
        phrases = phrases[self.counts[phrases] >= least]
        for one in phrases[np.lexsort((self.firsts[phrases], -self.counts[phrases]))].tolist():
            yield self.places(one), int(self.counts[one])


def _of_length(keys: Hashes, rows: Places, at: Places, length: int, chats: Places, least: float) -> _OfLength:
    """The phrases of so many words that stand in enough conversations."""
    hashes, begins = _extended(keys, rows, at, length)
    if not len(begins):
        return _OfLength(length, begins, begins, begins)
    order = np.argsort(hashes, kind="stable")
    hashes, begins = hashes[order], begins[order]
    first = np.ones(len(begins), dtype=bool)
    first[1:] = hashes[1:] != hashes[:-1]
    in_chats = chats[rows[begins]]
    apart = first.copy()
    apart[1:] |= in_chats[1:] != in_chats[:-1]
    starts = np.flatnonzero(first)
    counts = np.add.reduceat(apart.astype(np.int64), starts)
    sizes = np.diff(starts, append=len(begins))
    often = counts >= least
    return _OfLength(length, begins[np.repeat(often, sizes)], np.cumsum(sizes[often]), counts[often])


def _most_frequent_first(lengths: dict[int, _OfLength]) -> Iterator[tuple[Places, int, int]]:
    """The places of phrases, their words, and how many conversations they stand in; of those in as many, the longest and then the earliest first."""
    every = lengths.values()
    counts = np.concatenate([one.counts for one in every])
    firsts = np.concatenate([one.firsts for one in every])
    words = np.concatenate([np.full(len(one.counts), one.length) for one in every])
    numbers = np.concatenate([np.arange(len(one.counts)) for one in every])
    order = np.lexsort((firsts, -words, -counts))
    for length, phrase, count in zip(
        words[order].tolist(), numbers[order].tolist(), counts[order].tolist(), strict=True
    ):
        yield lengths[length].places(phrase), length, count


def count_into(table: Hashes, runs: Hashes) -> None:
    """Add some hashes to a table of rough counts; its size is a power of two."""
    size = np.uint32(len(table) - 1)
    np.add.at(table, runs & size, np.uint32(1))


def widened(flags: Flags) -> Flags:
    """The places of the flags and of what lies between the first and the last word of their runs, and the next."""
    found = flags.copy()
    for step in range(1, SHORTEST + 1):
        found[step:] |= flags[:-step]
    return found


def _extended(runs: Hashes, rows: Places, at: Places, length: int) -> tuple[Words, Places]:
    """The phrases of so many words that begin at some runs and are made of frequent runs, as hashes with their first four words below."""
    known = np.zeros(len(runs) + LONGEST, dtype=bool)
    known[at] = True
    begins = at
    for step in range(1, length - SHORTEST + 1):
        begins = begins[known[begins + step]]
    last = begins + length - SHORTEST
    whole = last < len(runs)
    begins, last = begins[whole], last[whole]
    same = rows[last] == rows[begins]
    begins, last = begins[same], last[same]
    first = runs[begins].astype(np.uint64)
    if length == SHORTEST:
        return first, begins
    rest = hashed(hashed(runs[last].astype(np.uint64)) + runs[(begins + last) // 2].astype(np.uint64))
    return first | (rest << np.uint64(32)), begins
