"""Where findings stand in the index: the row of its conversation and of its turn for each, so that no query has to look them up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import polars as pl

if TYPE_CHECKING:
    from .index import Index

Rows = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Placed:
    """Rows of findings in an index, -1 where a finding has none.

    Attributes:
        index: the index they are rows of.
        conversations: rows of ``index.conversations``.
        turns: rows of ``index.turns``.
    """

    index: Index
    conversations: Rows
    turns: Rows

    def in_conversations(self, mask: Mask) -> Mask:
        """Which findings are in a conversation whose row is true."""
        return _taken(self.conversations, mask)

    def in_turns(self, mask: Mask) -> Mask:
        """Which findings are in a turn whose row is true."""
        return _taken(self.turns, mask)


def placed(table: pl.DataFrame, index: Index) -> Placed:
    """Find the rows of findings: a table with the columns source, index and turn."""
    source = table["source"].fill_null(-1).to_numpy()
    record = table["index"].fill_null(-1).to_numpy()
    conversations = _conversations(source, record, index)
    turn = table["turn"].fill_null(-1).to_numpy().astype(np.int64)
    first, count = starts(index)
    having = (conversations >= 0) & (turn >= 0)
    having[having] = turn[having] < count[conversations[having]]
    turns = np.full(len(turn), -1, dtype=np.int64)
    turns[having] = first[conversations[having]] + turn[having]
    return Placed(index, conversations, turns)


def starts(index: Index) -> tuple[Rows, Rows]:
    """The row of the first turn of each conversation, and how many turns it has."""
    of_turn = index.turns["conversation"].to_numpy()
    edges = np.searchsorted(of_turn, np.arange(index.conversations.height + 1))
    return edges[:-1], np.diff(edges)


def turn_mask(places: pl.DataFrame, index: Index) -> Mask:
    """Which turns of an index are at these places: a table with the columns source, index and turn."""
    mask = np.zeros(index.turns.height, dtype=bool)
    rows = placed(places, index).turns
    mask[rows[rows >= 0]] = True
    return mask


def _conversations(source: npt.NDArray[np.int32], record: Rows, index: Index) -> Rows:
    """Findings stand together by record, so one look-up for each run of them is enough."""
    if not len(record):
        return np.empty(0, dtype=np.int64)
    begins = np.flatnonzero(
        np.concatenate(([True], (record[1:] != record[:-1]) | (source[1:] != source[:-1])))
    )
    rows = np.full(len(begins), -1, dtype=np.int64)
    heads, sources = record[begins], source[begins]
    for one in np.unique(sources[sources >= 0]).tolist():
        own = (sources == one) & (heads >= 0)
        rows[own] = index.rows(one, heads[own])
    return np.repeat(rows, np.diff(np.append(begins, len(record))))


def _taken(rows: Rows, mask: Mask) -> Mask:
    return np.append(mask, False)[rows]  # row -1 is the one at the end
