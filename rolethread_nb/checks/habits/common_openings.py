"""Openings that many conversations of a dataset have in common."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from ...core.blocks import Block
from ...core.model import IDEOGRAPHS, UNSPACED
from ...core.word_table import Places, word_spans
from ...language.tongues import only_function_words
from ..rule import RELATED_LIMIT, DatasetFinding
from .reply_rows import first_words

_LENGTHS = (1, 2, 3, 4, 5, 6, 8, 12)  # words of the openings that are counted
_LOW = np.uint64(0xFFFFFFFF)
_SLOTS = 1 << 16
_HEAD = 400  # characters that the first words of a text are looked for in
_MOST = 30  # so many openings are reported
#: Code, data, headings, tables, numbered lists: they begin alike because their form asks for it.
FORM = re.compile(r'\s*(?:[{\[<`|#!]|\*\*|\d+[.)]|---|"[^"\n]{0,80}"\s*[,:]\s*")')
_unspaced = re.compile(f"[{IDEOGRAPHS}{UNSPACED}]")


class CommonOpenings:
    """Keeps 40 bytes a reply: its place and a hash of each opening, 32 bits (two in four billion are taken for one).

    Texts are not kept. An opening that is frequent in the end was frequent when it was last seen, so a text is remembered for those
    that are frequent so far, by rough counts.

    Args:
        conversations: an opening is common if so many conversations have it,
        shares: and this share of the replies and of the conversations: openings of one word, of two, of more.
    """

    def __init__(self, conversations: float, shares: tuple[float, float, float]) -> None:
        self._fewest, self._shares = conversations, shares
        self._hashes: list[np.ndarray[Any, np.dtype[np.uint32]]] = []
        self._chats: list[Places] = []
        self._turns: list[Places] = []
        self._sources: list[Places] = []
        self._rough = np.zeros((len(_LENGTHS), _SLOTS), dtype=np.uint32)
        self._heads: dict[tuple[int, int], str] = {}
        self._replies = 0

    def add(self, block: Block, rows: Places) -> None:
        """Count the openings of the replies at some rows of the turn table."""
        at = block.turns["conversation"].to_numpy()[rows]
        table = first_words(block.words, rows, _LENGTHS[-1])
        hashes = np.stack([(table.openings(n) & _LOW).astype(np.uint32) for n in _LENGTHS])
        self._hashes.append(hashes)
        self._chats.append(np.array(block.indices, dtype=np.int64)[at])
        self._sources.append(np.full(len(rows), block.source, dtype=np.int32))
        self._turns.append(block.turns["turn"].to_numpy()[rows])
        self._replies += len(rows)
        for level, of_length in enumerate(hashes):
            self._remember(block, rows, level, of_length)

    def _remember(self, block: Block, rows: Places, level: int, hashes: np.ndarray[Any, Any]) -> None:
        slots = hashes % _SLOTS
        self._rough[level] += np.bincount(slots, minlength=_SLOTS).astype(np.uint32)
        hot = (self._rough[level][slots] >= max(self._fewest, min(self._shares) * self._replies)) & (
            hashes != 0
        )
        if not hot.any():
            return
        values, first = np.unique(hashes[hot], return_index=True)
        where = np.flatnonzero(hot)[first]
        for value, row in zip(values.tolist(), rows[where].tolist(), strict=True):
            if (level, value) not in self._heads:
                self._heads[level, value] = block.turns["text"][row][:_HEAD]

    def finish(self) -> list[DatasetFinding]:
        """The common openings, the most frequent first."""
        if not self._replies:
            return []
        hashes = np.concatenate(self._hashes, axis=1)
        sources, chats, turns = map(np.concatenate, (self._sources, self._chats, self._turns))
        begins = np.ones(len(chats), dtype=bool)
        begins[1:] = (chats[1:] != chats[:-1]) | (sources[1:] != sources[:-1])
        group = np.cumsum(begins) - 1
        explained = np.zeros(len(chats), dtype=bool)
        found = []
        for level in reversed(range(len(_LENGTHS))):
            for value, head in self._frequent(level, hashes[level], group):
                rows = np.flatnonzero(hashes[level] == value)
                share = self._needed(head)
                rest = rows[~explained[rows]]
                if share is None or not self._enough(rest, group, share):
                    continue
                explained[rows] = True
                places = list(
                    zip(sources[rows].tolist(), chats[rows].tolist(), turns[rows].tolist(), strict=True)
                )
                evidence = {
                    "opening": head,
                    "words": _LENGTHS[level],
                    "count": len(rows),
                    "replies": self._replies,
                    "share": round(len(rows) / self._replies, 4),
                    "conversations": len(np.unique(group[rows])),
                    "threshold": share,
                }
                found.append(DatasetFinding(evidence, places[:RELATED_LIMIT]))
        found.sort(key=lambda one: -one.evidence["count"])
        return found[:_MOST]

    def _frequent(self, level: int, hashes: np.ndarray[Any, Any], group: Places) -> list[tuple[int, str]]:
        """The openings of one length that may be common, with their words as they stand; the most frequent first."""
        values, counts = np.unique(hashes, return_counts=True)
        least = max(self._fewest, min(self._shares) * self._replies)
        order = np.argsort(-counts, kind="stable")
        found = []
        for n in order[counts[order] >= least].tolist():
            head = self._heads.get((level, int(values[n])))
            if head is not None and not FORM.match(head):
                spans = word_spans(head)[: _LENGTHS[level]]
                found.append((int(values[n]), head[spans[0].start : spans[-1].end]))
        return found

    def _needed(self, head: str) -> float | None:
        """The share that an opening has to have; None for what is less than a word, or one function word."""
        words = [head[span.start : span.end] for span in word_spans(head)]
        worth = sum(0.5 if _unspaced.match(word) else 1 for word in words)
        share = self._shares[min(int(worth), 3) - 1] if worth >= 1 else None
        if share is None or not only_function_words(words):
            return share
        return 2 * share if worth > 1 else None

    def _enough(self, rows: Places, group: Places, share: float) -> bool:
        """Whether some replies, and the conversations they stand in, are that share of all."""
        chats = len(np.unique(group[rows]))
        everywhere = int(group[-1]) + 1
        return len(rows) >= share * self._replies and chats >= max(self._fewest, share * everywhere)
