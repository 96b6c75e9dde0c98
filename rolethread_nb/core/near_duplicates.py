"""Near-duplicates: which of many texts are nearly the same, found without comparing each with each.

Two steps. A cheap one finds candidates: texts whose sketches have several numbers in common meet in a bucket (``core/sketching.py``).
The second counts what the full sets of two candidates share. Only what was counted is reported; what the first step may miss is said
in docs/duplicates.md.

Texts are put in order by their content before anything else, so the result does not hang on the order in which they came.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .groups import Groups
from .hashing import Words, hashed
from .shingles import Hashes, Shares, ShingleSets, shingles
from .sketching import BINS, Sketches, agreement, every_pair, in_buckets, sketched, spread
from .word_table import Flags, Places, WordTable

SIMILARITY = 0.7

_ALL_PAIRS = 500  # up to so many texts all sketches are compared
_SLACK = 2.5  # standard deviations that the sketches of two texts may agree less than their threshold
_SLACK_ALL = 4.5  # the same where all are compared
_TRIES = 24  # so often a text is compared in vain with others whose sketches agree less than the threshold
_SEEN = 1 << 20  # pairs that were compared in vain and are remembered
_HALF = np.uint64(32)
_LOW = np.uint64(0xFFFFFFFF)
_NOTHING = np.empty(0, dtype=np.uint64)


class Links(NamedTuple):
    """Verified pairs, so many that every group hangs together: numbers of the texts, the lower one left, and the Jaccard index."""

    left: Places
    right: Places
    similarity: Shares


class NearDuplicates:
    """The search: feed it texts, then ask for the links.

    Args:
        similarity: Jaccard index of the sets of word 3-shingles from which on two texts are near-duplicates; above 0, at most 1.
        all_pairs: up to so many different texts every sketch is compared with every other.
    """

    def __init__(self, similarity: float = SIMILARITY, *, all_pairs: int = _ALL_PAIRS) -> None:
        if not 0 < similarity <= 1:
            raise ValueError(f"A similarity lies above 0 and is at most 1, not {similarity}.")
        self.similarity = similarity
        self._all_pairs = all_pairs
        self._whole = ShingleSets()
        self._answers: ShingleSets | None = None
        self._sketches: list[Sketches] = []
        self._contents: list[Words] = []
        self._strict: list[Flags] = [np.empty(0, dtype=bool)]
        self._labels: list[Words] = [np.empty(0, dtype=np.uint64)]
        self._questions: list[Words] = [np.empty(0, dtype=np.uint64)]
        self._count = 0
        self._links: Links | None = None

    def __len__(self) -> int:
        return self._count

    def add(
        self,
        words: WordTable,
        answers: WordTable | None = None,
        strict: Flags | None = None,
        labels: Words | None = None,
        questions: Words | None = None,
    ) -> None:
        """Take some more texts.

        Args:
            words: their words.
            answers: the words of the part of each text that answers the rest. Texts that have none there are compared as a whole only.
            strict: texts whose answers must be as much alike as the whole: those that share their beginning by design.
            labels: texts with different labels are not alike, whatever they say.
            questions: a number for the rest of each text, 0 if there is none: where it is the same and the answers share nothing, two
                texts are not alike.
        """
        self._links = None
        values, counts = shingles(words)
        self._whole.add(values, counts)
        self._sketches.append(sketched(values, counts))
        content = _sums(values, counts)
        if answers is not None and self._answers is None:
            self._answers = ShingleSets()
            self._answers.add(values[:0], np.zeros(self._count, dtype=np.int64))
        if self._answers is not None:
            own, sizes = shingles(answers) if answers is not None else (values[:0], np.zeros_like(counts))
            self._answers.add(own, sizes)
            content = content + hashed(_sums(own, sizes)) * (sizes > 0)
        self._strict.append(np.zeros(len(counts), dtype=bool) if strict is None else strict)
        nothing = np.zeros(len(counts), dtype=np.uint64)
        self._labels.append(nothing if labels is None else labels)
        self._questions.append(nothing if questions is None else questions)
        self._contents.append(content ^ self._labels[-1])
        self._count += len(counts)

    def similarities(self, left: Places, right: Places) -> Shares:
        """The Jaccard index of pairs of texts; of strict ones that of the answers if it is lower; 0 for what :meth:`add` says is not alike."""
        found = self._whole.jaccard(left, right)
        self._strict, self._labels = [np.concatenate(self._strict)], [np.concatenate(self._labels)]
        self._questions = [np.concatenate(self._questions)]
        if self._answers is not None:
            answered = (self._answers.counts[left] > 0) & (self._answers.counts[right] > 0)
            of_answers = self._answers.jaccard(left[answered], right[answered])
            strict = (self._strict[0][left] & self._strict[0][right])[answered]
            asked, also = self._questions[0][left][answered], self._questions[0][right][answered]
            most = np.where(strict, of_answers, (of_answers > 0) | (asked != also) | (asked == 0))
            found[answered] = np.minimum(found[answered], most)
        return np.where(self._labels[0][left] == self._labels[0][right], found, 0)

    def alike(self, left: Places, right: Places) -> Flags:
        """Which pairs of texts are near-duplicates. Full sets are compared where sizes and sketches leave it open."""
        sizes = self._whole.counts
        small, large = np.minimum(sizes[left], sizes[right]), np.maximum(sizes[left], sizes[right])
        found: Flags = (small > 0) & (small >= self.similarity * large)
        open_ = np.flatnonzero(found)
        least = self.similarity * BINS - _SLACK_ALL * spread(self.similarity)
        found[open_] = agreement(self._sketched(), left[open_], right[open_]) >= least
        open_ = np.flatnonzero(found)
        found[open_] = self.similarities(left[open_], right[open_]) >= self.similarity
        return found

    def only(self, rows: Places) -> NearDuplicates:
        """A search that holds these texts alone, in this order: what is still to be compared once the others are let go."""
        made = NearDuplicates(self.similarity, all_pairs=self._all_pairs)
        made._whole = self._whole.only(rows)
        made._answers = None if self._answers is None else self._answers.only(rows)
        made._sketches = [self._sketched()[rows]]
        made._contents = [np.concatenate([_NOTHING, *self._contents])[rows]]
        made._strict = [np.concatenate(self._strict)[rows]]
        made._labels = [np.concatenate(self._labels)[rows]]
        made._questions = [np.concatenate(self._questions)[rows]]
        made._count = len(rows)
        return made

    def _sketched(self) -> Sketches:
        self._sketches = [np.concatenate([np.empty((0, BINS), dtype=np.uint16), *self._sketches])]
        return self._sketches[0]

    def links(self) -> Links:
        """Find the pairs. They are looked for once."""
        if self._links is None:
            self._links = self._found()
        return self._links

    def _found(self) -> Links:
        sizes = self._whole.counts
        content = np.concatenate([_NOTHING, *self._contents])
        order = np.lexsort((content, sizes))
        order = order[sizes[order] > 0]
        same = np.zeros(len(order), dtype=bool)
        same[1:] = (content[order[1:]] == content[order[:-1]]) & (sizes[order[1:]] == sizes[order[:-1]])
        leader = np.maximum.accumulate(np.where(same, 0, np.arange(len(order))))
        different = order[~same]
        sketches = self._sketched()[different]
        if len(different) <= self._all_pairs:
            candidates, slack = every_pair(len(different)), _SLACK_ALL
        else:
            candidates, slack = in_buckets(sketches, self.similarity), _SLACK
        least = self.similarity * BINS - slack * spread(self.similarity)
        walk = _Walk(self, self._count)
        walk.verify(order[leader[same]], order[same])
        for left, right in candidates:
            one, other = different[left], different[right]
            likely = walk.possible(one, other, sizes)
            agree = agreement(sketches, left[likely], right[likely])
            one, other = one[likely][agree >= least], other[likely][agree >= least]
            walk.verify(one, other, agree[agree >= least] >= self.similarity * BINS)
        return walk.links()


class _Walk:
    """What is known while candidates are gone through: which texts hang together, and what was compared in vain."""

    def __init__(self, search: NearDuplicates, count: int) -> None:
        self._search = search
        self._groups = Groups(count)
        self._tries = np.zeros(count, dtype=np.int32)
        self._seen = np.zeros(_SEEN, dtype=np.uint64)
        self._found: list[Links] = []

    def possible(self, left: Places, right: Places, sizes: Places) -> Flags:
        """Which pairs are of like size and do not hang together yet."""
        small, large = np.minimum(sizes[left], sizes[right]), np.maximum(sizes[left], sizes[right])
        found: Flags = (small >= self._search.similarity * large) & self._groups.apart(left, right)
        return found

    def verify(self, left: Places, right: Places, sure: Flags | None = None) -> None:
        """Compare the full sets of pairs; those that are alike hang together from now on.

        Pairs that are not ``sure`` are passed over where both texts were compared in vain too often: texts that all share the same long
        passage would else cost a comparison of each with each.
        """
        keys = (np.minimum(left, right).astype(np.uint64) << _HALF) | np.maximum(left, right).astype(
            np.uint64
        )
        slots = (hashed(keys) & np.uint64(_SEEN - 1)).astype(np.int64)
        wanted = self._seen[slots] != keys
        if sure is not None:
            wanted &= sure | (np.minimum(self._tries[left], self._tries[right]) < _TRIES)
        keys = np.unique(keys[wanted])
        left, right = (keys >> _HALF).astype(np.int64), (keys & _LOW).astype(np.int64)
        similarity = self._search.similarities(left, right)
        holds = similarity >= self._search.similarity
        self._groups.join(left[holds], right[holds])
        self._found.append(Links(left[holds], right[holds], similarity[holds]))
        for side in (left[~holds], right[~holds]):
            np.add.at(self._tries, side, 1)
        slots = (hashed(keys[~holds]) & np.uint64(_SEEN - 1)).astype(np.int64)
        self._seen[slots] = keys[~holds]

    def links(self) -> Links:
        """The pairs that are alike."""
        return Links(*(np.concatenate(column) for column in zip(*self._found, strict=True)))


def _sums(values: Hashes, counts: Places) -> Words:
    """One hash of each set."""
    sums = np.zeros(len(counts), dtype=np.uint64)
    filled = np.flatnonzero(counts)
    if len(filled):
        starts = (np.cumsum(counts) - counts)[filled]
        sums[filled] = np.add.reduceat(hashed(values.astype(np.uint64)), starts)
    return sums
