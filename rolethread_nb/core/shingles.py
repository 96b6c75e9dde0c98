"""Word 3-shingles: the set of all runs of three words of a text, as numbers of 32 bits, and how much two sets share.

Sets are kept as they are, so that every similarity that is reported was counted and not estimated. Where they outgrow a part of the
memory they go into a temporary file, and only the sets that are compared come back.
"""

from __future__ import annotations

import io
import tempfile
from typing import IO, Any

import numpy as np

from .hashing import Words
from .word_table import Flags, Places, WordTable

Hashes = np.ndarray[Any, np.dtype[np.uint32]]
Shares = np.ndarray[Any, np.dtype[np.float64]]

LENGTH = 3
_HALF = np.uint64(32)
_PIECE = 1 << 16  # words that are made into shingles together, so that they stay in the fast memory
_KEPT = 1 << 26  # bytes of sets that stay in memory; more go into a file
_COMPARED = 1 << 22  # shingles that are compared together
_TAKEN = 4_096  # sets that are taken together
_NONE = np.empty(0, dtype=np.uint32)


def shingles(words: WordTable) -> tuple[Hashes, Places]:
    """The shingles of each text, each once and in rising order, and how many each text has.

    A text of one or two words has one shingle, all its words; a text without words has none.
    """
    values, counts = [_NONE], [np.empty(0, dtype=np.int64)]
    edges = np.searchsorted(words.rows, np.arange(words.texts + 1))
    first = 0
    while first < words.texts:
        last = int(np.searchsorted(edges, edges[first] + _PIECE, side="right")) - 1
        last = min(max(last, first + 1), words.texts)
        low, high = edges[first], edges[last]
        piece = WordTable(words.hashes[low:high], words.rows[low:high] - first, last - first)
        made = _of_piece(piece)
        values.append(made[0])
        counts.append(made[1])
        first = last
    return np.concatenate(values), np.concatenate(counts)


def _of_piece(words: WordTable) -> tuple[Hashes, Places]:
    phrases, at = words.phrases(LENGTH)
    keys = (words.rows[at].astype(np.uint64) << _HALF) | (phrases >> _HALF)
    for length in range(1, LENGTH):
        few = np.flatnonzero(words.counts == length)
        if len(few):
            short = words.openings(length)[few] >> _HALF
            keys = np.concatenate([keys, (few.astype(np.uint64) << _HALF) | short])
    keys.sort()
    keys = keys[_first_of_each(keys)]
    return keys.astype(np.uint32), np.bincount((keys >> _HALF).astype(np.int64), minlength=words.texts)


def _first_of_each(keys: Words) -> Flags:
    first = np.ones(len(keys), dtype=bool)
    np.not_equal(keys[1:], keys[:-1], out=first[1:])
    return first


class ShingleSets:
    """Many sets of shingles, by their number, in the order in which they were added.

    Args:
        kept: bytes that stay in memory; what is more goes into a temporary file, which is gone with the object.
    """

    def __init__(self, kept: int = _KEPT) -> None:
        self._kept = kept
        self._parts: list[Hashes] = []
        self._counts: list[Places] = []
        self._size = 0  # bytes in memory
        self._file: IO[bytes] | None = None
        self._joined: tuple[Hashes, Places, Places] | None = None

    def add(self, values: Hashes, counts: Places) -> None:
        """Take some more sets, as :func:`shingles` makes them."""
        self._joined = None
        self._counts.append(counts.astype(np.int64))
        if self._file is not None:
            self._file.seek(0, io.SEEK_END)
            self._file.write(values.data)
            return
        self._parts.append(values)
        self._size += values.nbytes
        if self._size > self._kept:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115 (it lives as long as the object)
            for part in self._parts:
                self._file.write(part.data)
            self._parts = []

    @property
    def counts(self) -> Places:
        """How many shingles each set has."""
        return self._table()[1]

    def _table(self) -> tuple[Hashes, Places, Places]:
        """The values in memory, the size of each set, and where each begins."""
        if self._joined is None:
            counts = np.concatenate([np.empty(0, dtype=np.int64), *self._counts])
            values = np.concatenate([_NONE, *self._parts])
            self._parts, self._counts = [values] if self._file is None else [], [counts]
            self._joined = values, counts, np.cumsum(counts) - counts
        return self._joined

    def take(self, numbers: Places) -> Hashes:
        """The shingles of some sets, one set after the other."""
        values, counts, starts = self._table()
        if self._file is None:
            return values[_ranges(starts[numbers], counts[numbers])]
        taken = [_NONE]
        for start, count in zip(starts[numbers].tolist(), counts[numbers].tolist(), strict=True):
            self._file.seek(4 * start)
            taken.append(np.frombuffer(self._file.read(4 * count), dtype=np.uint32))
        return np.concatenate(taken)

    def only(self, numbers: Places) -> ShingleSets:
        """Some of the sets, in this order; a few thousand at a time are in memory where the others are in a file."""
        made = ShingleSets(self._kept)
        for first in range(0, max(len(numbers), 1), _TAKEN):
            piece = numbers[first : first + _TAKEN]
            made.add(self.take(piece), self.counts[piece])
        return made

    def jaccard(self, left: Places, right: Places) -> Shares:
        """The Jaccard index of pairs of sets: what they share, as a part of what is in either. Two empty sets share nothing."""
        counts = self.counts
        sizes = counts[left] + counts[right]
        found = np.zeros(len(left))
        pieces = np.cumsum(sizes) // _COMPARED
        for piece in np.split(np.arange(len(left)), np.flatnonzero(np.diff(pieces)) + 1):
            if len(piece):
                shared = self._shared(left[piece], right[piece])
                found[piece] = shared / np.maximum(sizes[piece] - shared, 1)
        return found

    def _shared(self, left: Places, right: Places) -> Places:
        """How many shingles the sets of each pair have in common."""
        numbers, at = np.unique(np.concatenate([left, right]), return_inverse=True)
        counts = self.counts[numbers]
        starts = np.cumsum(counts) - counts
        values = self.take(numbers)[_ranges(starts[at], counts[at])]
        pairs = np.arange(len(left), dtype=np.uint64)
        keys = (np.repeat(np.concatenate([pairs, pairs]), counts[at]) << _HALF) | values
        keys.sort()
        twice = (keys[1:][keys[1:] == keys[:-1]] >> _HALF).astype(np.int64)
        return np.bincount(twice, minlength=len(left))


def _ranges(starts: Places, counts: Places) -> Places:
    """The numbers from each start on, so many as its count says, one range after the other."""
    ends = np.cumsum(counts)
    found: Places = np.arange(ends[-1] if len(ends) else 0) + np.repeat(starts - (ends - counts), counts)
    return found
