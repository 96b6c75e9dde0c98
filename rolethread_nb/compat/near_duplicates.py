"""RoleThread Lite's near-duplicates: entries whose sets of words are nearly the same.

Its search is not exhaustive: two entries are compared only if their words are the same, or one of four parts of a 64-bit simhash is
(its ``core/qualitative_analysis.py``, commit 992ec7d). The same pairs are looked for here, by other means.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

import numpy as np

ALIKE = 0.9  # Jaccard similarity and ratio of sizes that a pair must exceed
_BITS = 64
_BANDS = (0, 16, 32, 48)
_BAND = np.uint64(0xFFFF)


def near_duplicates(words: Sequence[frozenset[str]]) -> list[int]:
    """The entries that are in a pair of near-duplicates, by position. ``words`` are the words of each; who has none is in no pair."""
    groups: dict[frozenset[str], list[int]] = {}
    for at, own in enumerate(words):
        if own:
            groups.setdefault(own, []).append(at)
    sets = list(groups)
    paired = [len(members) > 1 for members in groups.values()]
    for bucket in _buckets(sets):
        for one in bucket:
            if paired[one]:
                continue
            other = next((at for at in bucket if at != one and _alike(sets[one], sets[at])), None)
            if other is not None:
                paired[one] = paired[other] = True
    return sorted(at for members, held in zip(groups.values(), paired, strict=True) if held for at in members)


def _buckets(sets: Sequence[frozenset[str]]) -> Iterator[list[int]]:
    """Those that share a part of their hash."""
    hashes = np.array([simhash(own) for own in sets], dtype=np.uint64)
    for shift in _BANDS:
        band = (hashes >> np.uint64(shift)) & _BAND
        order = np.argsort(band, kind="stable")
        edges = np.flatnonzero(np.diff(band[order])) + 1
        yield from (bucket.tolist() for bucket in np.split(order, edges))


def _alike(one: frozenset[str], other: frozenset[str]) -> bool:
    if min(len(one), len(other)) / max(len(one), len(other)) <= ALIKE:
        return False
    both = len(one & other)
    return both / (len(one) + len(other) - both) > ALIKE


def simhash(words: Iterable[str]) -> int:
    """The 64-bit simhash of a set of words: a bit is 1 where at least half of the words' hashes have it."""
    digests = b"".join(map(_digest, words))
    bits = np.unpackbits(np.frombuffer(digests, dtype=np.uint8).reshape(-1, _BITS // 8), axis=1)
    ones = bits.sum(axis=0, dtype=np.int64)
    return int.from_bytes(np.packbits(2 * ones >= len(bits)).tobytes(), "big")


@lru_cache(maxsize=1 << 18)
def _digest(word: str) -> bytes:
    return hashlib.blake2b(word.encode("utf-8", "surrogatepass"), digest_size=_BITS // 8).digest()
