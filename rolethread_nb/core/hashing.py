"""Hashes of 64 bits in columns. They are the same in every run on one machine."""

from __future__ import annotations

from typing import Any

import numpy as np

Words = np.ndarray[Any, np.dtype[np.uint64]]

_ODD = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))


def hashed(values: Words) -> Words:
    """Spread 64-bit values (the finisher of SplitMix64)."""
    found: Words = values + _ODD[0]
    found ^= found >> np.uint64(30)
    found *= _ODD[1]
    found ^= found >> np.uint64(27)
    found *= _ODD[2]
    found ^= found >> np.uint64(31)
    return found
