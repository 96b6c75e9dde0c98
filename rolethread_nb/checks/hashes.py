"""Hashes of turns, 64 bits each, worked out column by column. They are the same in every run on one machine."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import polars as pl

from ..core.blocks import Block, canonical_json
from ..core.hashing import Words, hashed

Places = np.ndarray[Any, np.dtype[Any]]


def of_bytes(data: bytes) -> int:
    """64 bits of the BLAKE2 hash of some bytes."""
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "little")


def turn_hashes(block: Block) -> Words:
    """One hash a turn: of its text, or of the whole message where it is more than a text (calls, parts)."""
    turns = block.turns
    found: Words = block.text_hashes[0].copy()
    more = turns.with_row_index("row").filter(~pl.col("kind").is_in(["text", "result", "null"]))
    for row, at, turn in more.select("row", "conversation", "turn").iter_rows():
        found[row] = of_bytes(canonical_json(block.conversation(at).messages[turn].raw))
    return found


def summed(at: Places, values: Words, count: int) -> tuple[Words, Places]:
    """For each of ``count`` conversations: one hash over its values in their order, and how many there are.

    ``at`` is the conversation of each value, in rising order.
    """
    sums, counts = np.zeros(count, dtype=np.uint64), np.zeros(count, dtype=np.int64)
    if len(at):
        starts = np.flatnonzero(np.diff(at.astype(np.int64), prepend=-1))
        lengths = np.diff(starts, append=len(at))
        place = (np.arange(len(at)) - np.repeat(starts, lengths)).astype(np.uint64)
        sums[at[starts]] = hashed(np.add.reduceat(hashed(values ^ hashed(place)), starts))
        counts[at[starts]] = lengths
    return sums, counts
