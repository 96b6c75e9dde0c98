"""The most frequent words of a dataset, found on the way, and how often each stands in what is said."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...core.blocks import Block
from ...core.model import Span
from ...core.word_table import Places, WordTable, word_spans

_A_BLOCK = 50  # words of a block that are counted from there on
_MOST = 150  # words that are counted at all
_SAMPLE = 100_000  # words of a block in which the frequent ones are looked for
_LOW = np.uint64(0xFFFF)
Counts = np.ndarray[Any, np.dtype[np.uint16]]


class FrequentWords:
    """Words that were frequent in a block are counted from there on."""

    def __init__(self) -> None:
        self._words: dict[int, str] = {}

    @property
    def words(self) -> list[str]:
        """In lower case, in the order of the columns of :meth:`count`."""
        return list(self._words.values())

    def learn(self, block: Block, entry_of: Places) -> None:
        """Take the most frequent words of the block's entries in, while there is room; ``entry_of`` is the entry of each turn, -1 for none."""
        table = block.words
        at = np.flatnonzero(entry_of[table.rows] >= 0)[:_SAMPLE]
        hashes, first, counts = np.unique(table.hashes[at], return_index=True, return_counts=True)
        low = {word & int(_LOW) for word in self._words}
        spans: dict[int, list[Span]] = {}
        for place in np.argsort(-counts, kind="stable")[:_A_BLOCK]:
            word = int(hashes[place])
            if len(self._words) == _MOST or word & int(_LOW) in low:
                continue
            low.add(word & int(_LOW))
            position = int(at[first[place]])
            row = int(table.rows[position])
            text = block.turns["text"][row]
            if row not in spans:
                spans[row] = word_spans(text)
            span = spans[row][position - int(table.starts[row])]
            self._words[word] = text[span.start : span.end].lower()

    def count(self, table: WordTable, entry_of: Places, entries: int) -> Counts:
        """How often each of the words stands in each entry."""
        known = np.fromiter(self._words, dtype=np.uint64)
        column = np.full(1 << 16, -1, dtype=np.int16)
        column[known & _LOW] = np.arange(len(known))
        at = np.flatnonzero(column[table.hashes & _LOW] >= 0)
        at = at[entry_of[table.rows[at]] >= 0]
        found = column[table.hashes[at] & _LOW].astype(np.int64)
        same = known[found] == table.hashes[at]
        cells = entry_of[table.rows[at[same]]] * len(known) + found[same]
        counts = np.bincount(cells, minlength=entries * len(known)).reshape(entries, len(known))
        return np.minimum(counts, np.iinfo(np.uint16).max).astype(np.uint16)
