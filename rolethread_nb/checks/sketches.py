"""Sketches: which of many texts are nearly the same, without comparing each with each.

A sketch of a text is every hash of its words and pairs of neighbouring words that is below a limit; the limit is lower for longer
texts, so that a sketch has about 100 hashes at most. Two sketches, cut to the lower limit of the two, have the Jaccard index of the
two texts: exactly for texts of up to 50 words, and within 0.05 or so for longer ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from ..core.groups import Groups
from ..core.word_table import words_of

_SIZE = 100  # hashes kept of a long text
_LIMIT = 1 << 32
_ROUNDS = 6  # orders in which neighbours are compared
_FIRST = 3  # minima that decide an order
_SEED = 20_241
_AGREE = 0.68  # share of the minima in which two texts must agree before they are compared

Hashes = np.ndarray[Any, np.dtype[np.uint32]]


@dataclass
class Sketches:
    """The sketches of texts, in the order in which they were added."""

    _values: list[Hashes] = field(default_factory=list)
    _counts: list[np.ndarray[Any, Any]] = field(default_factory=list)
    _limits: list[np.ndarray[Any, Any]] = field(default_factory=list)

    def add(self, texts: pl.Series) -> None:
        """Sketch some more texts."""
        table = words_of(texts)
        single, owner = table.hashes, table.rows
        lengths = np.bincount(owner, minlength=len(texts))
        pair = (single[:-1] * np.uint64(0x9E3779B97F4A7C15)) ^ (single[1:] >> np.uint64(7)) * np.uint64(
            0xC2B2AE3D27D4EB4F
        )
        inside = owner[1:] == owner[:-1]
        every = np.concatenate([single, pair[inside]]) >> np.uint64(32)
        owners = np.concatenate([owner, owner[1:][inside]])
        limits = np.minimum(_LIMIT, _LIMIT * _SIZE // np.maximum(2 * lengths - 1, 1))
        keys = _sorted_keys(owners, every, every < limits[owners])
        counts = np.bincount((keys >> np.uint64(32)).astype(np.int64), minlength=len(texts))
        poor = (counts < _SIZE // 4) & (limits < _LIMIT)
        if (
            poor.any()
        ):  # texts that say the same again and again: fewer different words than their length let expect
            again = poor[owners]
            whole = _sorted_keys(owners, every, again)
            distinct = np.bincount((whole >> np.uint64(32)).astype(np.int64), minlength=len(texts))
            limits[poor] = np.minimum(_LIMIT, _LIMIT * _SIZE // np.maximum(distinct[poor], 1))
            keys = _sorted_keys(owners, every, every < limits[owners])
            counts = np.bincount((keys >> np.uint64(32)).astype(np.int64), minlength=len(texts))
        self._values.append((keys & np.uint64(0xFFFFFFFF)).astype(np.uint32))
        self._counts.append(counts)
        self._limits.append(limits)

    def neighbours(self, similarity: float) -> list[tuple[int, int, float]]:
        """Pairs of texts with at least this Jaccard index, so many that every group of near-identical texts hangs together.

        The search is by neighbours in several orders of minimal hashes, so its time grows with n log n; a pair at the threshold is
        missed now and then, one well above it hardly ever.
        """
        if not self._values or sum(map(len, self._counts)) < 2:
            return []
        values = np.concatenate(self._values)
        counts = np.concatenate(self._counts)
        limits = np.concatenate(self._limits)
        filled = np.flatnonzero(counts)
        ends = np.cumsum(counts)
        starts = ends - counts
        minima = _minima(values, starts[filled])
        groups = Groups(len(counts))
        found: list[tuple[int, int, float]] = []
        for left, right in _candidates(minima, filled):
            apart = groups.apart(left, right)
            for a, b in zip(left[apart].tolist(), right[apart].tolist(), strict=True):
                if groups.top(a) == groups.top(b):
                    continue
                limit = min(limits[a], limits[b])
                one, other = (
                    set(
                        values[
                            starts[n] : starts[n] + np.searchsorted(values[starts[n] : ends[n]], limit)
                        ].tolist()
                    )
                    for n in (a, b)
                )
                shared = len(one & other)
                alike = shared / (len(one) + len(other) - shared or 1)
                if alike >= similarity:
                    groups.tie(a, b)
                    found.append((min(a, b), max(a, b), alike))
        return found


def _sorted_keys(
    owners: np.ndarray[Any, Any], hashes: np.ndarray[Any, Any], kept: np.ndarray[Any, Any]
) -> Any:
    """The kept hashes, each once for each text, sorted by text and hash: the text in the upper 32 bits."""
    keys = (owners[kept].astype(np.uint64) << np.uint64(32)) | hashes[kept]
    keys.sort()
    return keys[np.flatnonzero(np.diff(keys, prepend=~keys[:1]))]


def _minima(values: Hashes, starts: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """For each text and each of several mixings of the hashes: the lowest one."""
    random = np.random.default_rng(_SEED)
    factors, masks = random.integers(1, _LIMIT, (2, 2 * _ROUNDS), dtype=np.uint32)
    found = np.empty((len(starts), 2 * _ROUNDS), dtype=np.uint32)
    for n, (factor, mask) in enumerate(zip(factors | np.uint32(1), masks, strict=True)):
        mixed = (values ^ mask) * factor  # an order of all 32-bit numbers
        found[:, n] = np.minimum.reduceat(mixed ^ (mixed >> np.uint32(15)), starts)
    return found


def _candidates(
    minima: np.ndarray[Any, Any], texts: np.ndarray[Any, Any]
) -> Iterator[tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]]:
    """Neighbours and neighbours of neighbours in each order, where enough of the minima agree."""
    columns = minima.shape[1]
    for start in range(0, columns, 2):
        keys = [minima[:, (start + step) % columns] for step in range(_FIRST)]
        order = np.lexsort(keys[::-1])
        for step in (1, 2):
            left, right = order[:-step], order[step:]
            near = np.flatnonzero(keys[0][left] == keys[0][right])
            left, right = left[near], right[near]
            alike = (minima[left] == minima[right]).mean(axis=1) >= _AGREE
            yield texts[left[alike]], texts[right[alike]]
