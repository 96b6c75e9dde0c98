"""Sketches of sets: a few small numbers of each, of which two sets share about as large a part as of what they hold; and buckets, in
which sets meet that share several of them.

The sketch is the fast similarity sketch of Dahlgaard, Knudsen and Thorup (FOCS 2017); the buckets are locality-sensitive hashing.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np

from .hashing import Words
from .shingles import Hashes
from .word_table import Flags, Places

BINS = 128  # numbers of a sketch

_SHIFT = np.uint64(32 - 7)  # a shingle's bin is its upper seven bits
_ROUNDS = (
    5  # times the shingles are dealt out anew to fill empty bins, before each empty bin looks at all of them
)
_SEED = 20_261
_MISSED = 0.002  # share of the pairs at the threshold that may meet in no bucket
_CHANCE = 0.1  # share of them that meets in one bucket; the lower, the fewer unlike texts do
_NEIGHBOURS = 16  # in a bucket, each text meets so many that follow, and the first two
_LEADERS = 2
_AT_ONCE = 1 << 16  # pairs that are made or compared together
_HALF = np.uint64(32)

Sketches = np.ndarray[Any, np.dtype[np.uint16]]


def sketched(values: Hashes, counts: Places) -> Sketches:
    """The sketch of each set of shingles; zeros for an empty set.

    The shingles are dealt out to the bins, and each bin keeps the lowest. Bins that stay empty are filled in further rounds with
    other dealings; those that are still empty then each take the lowest of all shingles in an order of their own. So any bin of two
    sets is equal with the probability of their Jaccard index, however small they are.
    """
    sketches = np.zeros((len(counts), BINS), dtype=np.uint16)
    empty: Flags = np.repeat((counts > 0)[:, None], BINS, axis=1)
    owners = np.repeat(np.arange(len(counts), dtype=np.uint64), counts)
    left, dealt = values, values
    for number in range(_ROUNDS):
        if number:
            owners, left = _of_poor(empty, owners, left)
            dealt = _mixed(left, number)
        keys = (owners << _HALF) | dealt
        if number:
            keys.sort()
        bins = keys >> _SHIFT
        first = np.flatnonzero(np.concatenate([[True], bins[1:] != bins[:-1]])[: len(bins)])
        row, bin_ = np.divmod(bins[first].astype(np.int64), BINS)
        vacant = empty[row, bin_]
        row, bin_, first = row[vacant], bin_[vacant], first[vacant]
        sketches[row, bin_] = keys[first].astype(np.uint16)
        empty[row, bin_] = False
    owners, left = _of_poor(empty, owners, left)
    _fill(sketches, empty, left, owners.astype(np.int64))
    return sketches


def _of_poor(empty: Flags, owners: Words, values: Hashes) -> tuple[Words, Hashes]:
    """The shingles of the texts that have an empty bin."""
    poor: Flags = np.logical_or.reduce(empty, axis=1)
    kept = poor[owners.astype(np.int64)]
    return owners[kept], values[kept]


def _fill(sketches: Sketches, empty: Flags, values: Hashes, owners: Places) -> None:
    for bin_ in np.flatnonzero(np.logical_or.reduce(empty, axis=0)).tolist():
        asked = empty[owners, bin_]
        mixed, whose = _mixed(values[asked], _ROUNDS + bin_), owners[asked]
        begins = np.flatnonzero(np.diff(whose, prepend=-1))
        sketches[whose[begins], bin_] = np.minimum.reduceat(mixed, begins).astype(np.uint16)


def _mixed(values: Hashes, number: int) -> Hashes:
    """The shingles under other numbers of 32 bits: each ``number`` puts them in another order."""
    factor, mask = _order(number)
    found: Hashes = values ^ mask
    found *= factor
    found ^= found >> np.uint32(15)
    found *= np.uint32(0x2C1B3C6D)
    found ^= found >> np.uint32(16)
    return found


@cache
def _order(number: int) -> tuple[np.uint32, np.uint32]:
    factor, mask = np.random.default_rng((_SEED, number)).integers(1 << 32, size=2, dtype=np.uint32)
    return factor | np.uint32(1), mask


def agreement(sketches: Sketches, left: Places, right: Places) -> Places:
    """How many numbers the sketches of pairs share."""
    found = np.zeros(len(left), dtype=np.int64)
    for start in range(0, len(left), _AT_ONCE):
        piece = slice(start, start + _AT_ONCE)
        found[piece] = (sketches[left[piece]] == sketches[right[piece]]).sum(axis=1)
    return found


def spread(similarity: float) -> float:
    """The standard deviation of the agreement of two sets with this Jaccard index."""
    return math.sqrt(similarity * (1 - similarity) * BINS)


def every_pair(count: int) -> Iterator[tuple[Places, Places]]:
    left, right = np.triu_indices(count, 1)
    for start in range(0, len(left), _AT_ONCE):
        yield left[start : start + _AT_ONCE], right[start : start + _AT_ONCE]


def in_buckets(sketches: Sketches, similarity: float) -> Iterator[tuple[Places, Places]]:
    """Pairs of texts that agree in all of several numbers of their sketches, for many choices of these numbers."""
    if similarity == 1 or not len(sketches):
        return
    rows = min(max(round(math.log(_CHANCE) / math.log(similarity)), 2), 16)
    choices = math.ceil(math.log(_MISSED) / math.log(1 - similarity**rows))
    random = np.random.default_rng(_SEED)
    numbers = np.arange(len(sketches), dtype=np.uint64)
    low = np.uint64((1 << max(len(sketches) - 1, 1).bit_length()) - 1)
    for _ in range(choices):
        key = np.zeros(len(sketches), dtype=np.uint64)
        for column in random.choice(BINS, rows, replace=False).tolist():
            key = key * np.uint64(0x9E3779B97F4A7C15) + sketches[:, column]
            key ^= key >> np.uint64(29)
        key = (key * np.uint64(0xBF58476D1CE4E5B9)) & ~low | numbers
        key.sort()
        yield from _neighbours(key & ~low, (key & low).astype(np.int64))


def _neighbours(buckets: Words, texts: Places) -> Iterator[tuple[Places, Places]]:
    """Pairs within buckets: neighbours of all degrees in small ones; in large ones each with the first few and with those that follow."""
    begins = np.flatnonzero(np.diff(buckets, prepend=~buckets[:1]))
    sizes = np.diff(begins, append=len(buckets))
    several = np.repeat(sizes > 1, sizes)
    texts, sizes = texts[several], sizes[sizes > 1]
    ends = np.repeat(np.cumsum(sizes), sizes)
    firsts = np.repeat(np.cumsum(sizes) - sizes, sizes)
    at = np.arange(len(texts))
    for number in range(_LEADERS):
        far = at - firsts > _NEIGHBOURS
        if far.any():
            yield texts[firsts[far] + number], texts[far]
    for step in range(1, min(_NEIGHBOURS, int(sizes.max(initial=1)) - 1) + 1):
        near = np.flatnonzero(at + step < ends)
        yield texts[near], texts[near + step]
