"""Openings that many conversations of a dataset have in common."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...core.blocks import Block
from ...core.word_table import Places
from ..rule import RELATED_LIMIT, DatasetFinding, Evidence
from .opening_tree import LENGTHS, Opening, OpeningTree

_LOW = np.uint64(0xFFFFFFFF)
_SLOTS = 1 << 16
_HEAD = 400  # characters that the first words of a text are looked for in
_MOST = 30  # so many openings are reported
_CONTINUES = 3  # so many of the ways in which an opening goes on are named


class CommonOpenings:
    """Keeps 40 bytes a reply: its place and a hash of each opening, 32 bits (two in four billion are taken for one).

    Texts are not kept. An opening that is frequent in the end was frequent when it was last seen, so a text is remembered for those
    that are frequent so far, by rough counts.

    Args:
        conversations: an opening is common if so many conversations have it,
        shares: and this share of the replies and of the conversations: openings of one word, of two, of more.
        nearly: a longer opening that this share of the replies with a shorter one have is named in its place.
    """

    def __init__(self, conversations: float, shares: tuple[float, float, float], nearly: float) -> None:
        self._fewest, self._shares, self._nearly = conversations, shares, nearly
        self._hashes: list[np.ndarray[Any, np.dtype[np.uint32]]] = []
        self._chats: list[Places] = []
        self._turns: list[Places] = []
        self._sources: list[Places] = []
        self._rough = np.zeros((len(LENGTHS), _SLOTS), dtype=np.uint32)
        self._heads: dict[tuple[int, int], str] = {}
        self._replies = 0

    def add(self, block: Block, rows: Places) -> None:
        """Count the openings of the replies at some rows of the turn table."""
        at = block.turns["conversation"].to_numpy()[rows]
        table = block.words.first_words(rows, LENGTHS[-1])
        hashes = np.stack([(table.openings(n) & _LOW).astype(np.uint32) for n in LENGTHS])
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
        """The common openings, those of the most conversations first."""
        if not self._replies:
            return []
        sources, chats, turns = map(np.concatenate, (self._sources, self._chats, self._turns))
        begins = np.ones(len(chats), dtype=bool)
        begins[1:] = (chats[1:] != chats[:-1]) | (sources[1:] != sources[:-1])
        hashes = np.concatenate(self._hashes, axis=1)
        tree = OpeningTree(
            hashes, np.cumsum(begins) - 1, self._heads, self._fewest, self._shares, self._nearly
        )
        found = []
        for opening in tree.common():
            rows = opening.rows[:RELATED_LIMIT]
            places = zip(sources[rows].tolist(), chats[rows].tolist(), turns[rows].tolist(), strict=True)
            found.append(DatasetFinding(self._evidence(tree, opening), list(places)))
        found.sort(key=lambda one: (-one.evidence["conversations"], -one.evidence["count"]))
        return found[:_MOST]

    def _evidence(self, tree: OpeningTree, opening: Opening) -> Evidence:
        count = len(opening.rows)
        return {
            "opening": opening.text,
            "words": opening.words,
            "count": count,
            "replies": self._replies,
            "share": round(count / self._replies, 4),
            "conversations": tree.conversations(opening),
            "threshold": tree.needed(opening),
            "continues": [
                {"opening": longer.text, "count": len(longer.rows)}
                for longer in tree.continuations(opening)[:_CONTINUES]
            ],
        }
