"""The script that many texts begin in, told by the first bytes of their letters: a quick look, column by column."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

_HEAD = 100  # characters that are looked at; a count of them fits into a byte
_GROUPS = ("Latin", "Greek", "Cyrillic", "Hebrew", "Arabic", "South Asian", "East Asian")
LATIN, _EAST = 0, 6
_FEWEST = 5  # letters that tell
_SHARE = 0.5


def _table() -> np.ndarray[Any, np.dtype[np.uint64]]:
    """For each byte of UTF-8 the group of the letter that it begins, as a count of one in the byte of that group."""
    begins = {
        0: [*range(0x41, 0x5B), *range(0x61, 0x7B), *range(0xC3, 0xCA)],
        1: [0xCE, 0xCF],
        2: [0xD0, 0xD1, 0xD2, 0xD3],
        3: [0xD7],
        4: [0xD8, 0xD9, 0xDA, 0xDB],
        5: [0xE0],
        6: [0xE3, *range(0xE4, 0xEA), *range(0xEA, 0xEE)],
    }
    table = np.zeros((256, 8), dtype=np.uint8)
    for group, bytes_ in begins.items():
        table[bytes_, group] = 1
    return table.view(np.uint64)[:, 0]


_COUNTS = _table()
_KANA, _HANGUL = "[\u3041-\u30fa]", "[\uac00-\ud7af]"


def scripts_of(texts: pl.Series) -> np.ndarray[Any, np.dtype[np.int8]]:
    """For each text the number of a group of scripts, -1 where its first letters do not tell. Japanese and Korean are numbers of their own."""
    found = np.zeros(len(texts), dtype=np.int8)
    beyond = np.flatnonzero((texts.str.len_bytes() > texts.str.len_chars()).to_numpy())
    if not len(beyond):
        return found
    heads = texts.gather(beyond).str.head(_HEAD)
    codes = np.frombuffer("\n".join(heads.to_list()).encode() + b"\n", dtype=np.uint8)
    starts = np.cumsum(heads.str.len_bytes().to_numpy().astype(np.int64) + 1)
    starts = np.concatenate([[0], starts[:-1]])
    counts = np.add.reduceat(_COUNTS[codes], starts).view(np.uint8).reshape(-1, 8)
    total = counts.sum(axis=1, dtype=np.int64)
    best = counts.argmax(axis=1)
    told = (total >= _FEWEST) & (counts.max(axis=1) >= _SHARE * total)
    found[beyond] = np.where(told, best, -1)
    east = beyond[told & (best == _EAST)]
    if len(east):
        letters = texts.gather(east)
        kana, hangul = (letters.str.count_matches(pattern).to_numpy() for pattern in (_KANA, _HANGUL))
        length = letters.str.len_chars().to_numpy()
        found[east[kana > length * 0.1]] = len(_GROUPS)
        found[east[hangul > length * 0.3]] = len(_GROUPS) + 1
    return found
