"""Phrases: runs of words that many replies share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from ..core.hashing import Words
from ..core.model import Span
from ..core.word_table import Flags, word_spans
from .facet import Column, Rows
from .texts import phrase_of

if TYPE_CHECKING:
    from .gathered import Gathered
    from .view import View

Cells = np.ndarray[Any, np.dtype[np.uint32]]

WORDS, CHARACTERS = 4, 8  # of a phrase; of one in a script without blanks
MOST = 300  # so many phrases are kept
_SIZE = 1 << 22  # cells of the table of rough counts
_LAST = np.uint64(_SIZE - 1)
_FULL = 20_000  # so many cells are looked at first
_FEWEST = 3  # in so many replies a phrase has to stand
_ALIKE = 0.7  # of the replies that a phrase stands in; where it overlaps another one in so many, the two are pieces of one
_UNSPACED = ("Han", "Japanese", "Hangul", "Thai", "Lao", "Khmer", "Myanmar")


@dataclass
class Phrases:
    """Gathers a hash of each run of words of the replies: 8 bytes a word until the phrases are chosen.

    The 300 that stand in most replies are kept, of those that stand in three at least. Of those that overlap in most replies, pieces of
    one longer run, only the most frequent is kept.
    """

    _hashes: list[Words] = field(default_factory=list)
    _counts: list[Rows] = field(default_factory=list)
    _unspaced: list[Flags] = field(default_factory=list)
    _cells: Cells = field(default_factory=lambda: np.zeros(_SIZE, dtype=np.uint32))

    def add(self, view: View) -> None:
        words = view.reply_words
        unspaced = view.script.gather(view.rows("reply")).is_in(_UNSPACED).fill_null(False).to_numpy()
        runs = [
            (words.phrases(length), own)
            for length, own in ((WORDS, ~unspaced), (CHARACTERS, unspaced))
            if own.any()
        ]
        hashes, rows = [np.empty(0, np.uint64)], [np.empty(0, np.int64)]
        for (values, at), own in runs:
            kept = own[words.rows[at]]
            hashes.append(values[kept])
            rows.append(words.rows[at][kept])
        row, found = np.concatenate(rows), np.concatenate(hashes)
        order = np.argsort(row, kind="stable") if len(runs) > 1 else slice(None)
        np.add.at(self._cells, (found & _LAST).astype(np.int64), np.uint32(1))
        self._unspaced.append(unspaced)
        self._hashes.append(found[order])
        self._counts.append(np.bincount(row, minlength=words.texts))

    def finish(self, gathered: Gathered) -> Column:
        if not len(gathered.rows("reply")):
            return Column(np.empty(0, np.int32), pl.Series([], dtype=pl.String), np.empty(0, np.int64))
        found, ranked = self._most_frequent()
        self._hashes.clear()
        unspaced = pl.Series(np.concatenate(self._unspaced)).gather(ranked["owner"])
        lengths = pl.DataFrame({"long": unspaced}).select(pl.when("long").then(CHARACTERS).otherwise(WORDS))
        ranked = ranked.with_columns(length=lengths.to_series())
        kept = _apart(ranked, found)
        kept = kept.with_columns(phrase=self._texts(gathered, kept))
        members = found.join(kept.with_row_index("code").select("hash", "code"), on="hash").sort(
            "owner", "code"
        )
        codes = members["code"].to_numpy().astype(np.int32)
        return Column(codes, kept["phrase"], members["owner"].to_numpy().astype(np.int64))

    def _most_frequent(self) -> tuple[pl.DataFrame, pl.DataFrame]:
        """The runs that stand in most replies, and one row for each reply that has one of those that were looked at.

        A cell counts all runs that fall on it, so one of a rare cell is rare. Only those of full cells are counted; if the rarest of the
        most frequent ones is rarer than a cell that was left out may be, more cells are looked at.
        """
        least = int(np.partition(self._cells, -_FULL)[-_FULL])
        while True:
            least = max(least, _FEWEST)
            found = self._standing(least)
            ranked = (
                found.group_by("hash", maintain_order=True)
                .agg(count=pl.len(), owner=pl.col("owner").first(), at=pl.col("at").first())
                .filter(pl.col("count") >= _FEWEST)
                .sort("count", descending=True, maintain_order=True)
                .head(2 * MOST)
            )
            if least == _FEWEST or (ranked.height == 2 * MOST and ranked["count"][-1] >= least):
                return found, ranked
            least //= 4

    def _standing(self, least: int) -> pl.DataFrame:
        """The runs of cells that are so full, each once a reply: hash, the reply, and the first word there."""
        before, parts = 0, []
        for hashes, counts in zip(self._hashes, self._counts, strict=True):
            starts = np.cumsum(counts) - counts
            kept = np.flatnonzero(self._cells[(hashes & _LAST).astype(np.int64)] >= least)
            owners = np.repeat(np.arange(len(counts)), counts)[kept]
            columns = {"hash": hashes[kept], "owner": owners + before, "at": kept - starts[owners]}
            parts.append(pl.DataFrame(columns).unique(["hash", "owner"], keep="first", maintain_order=True))
            before += len(counts)
        return pl.concat(parts)

    def _texts(self, gathered: Gathered, ranked: pl.DataFrame) -> pl.Series:
        """The words of phrases, from the replies they first stand in."""
        unspaced = np.concatenate(self._unspaced)
        words: dict[int, tuple[str, list[Span]]] = {}
        found = []
        for owner, at in ranked.select("owner", "at").iter_rows():
            if owner not in words:
                text = gathered.text("reply", owner)
                words[owner] = text, word_spans(text)
            text, spans = words[owner]
            found.append(phrase_of(text, spans[at : at + (CHARACTERS if unspaced[owner] else WORDS)]))
        return pl.Series("phrase", found, dtype=pl.String)


def _apart(ranked: pl.DataFrame, found: pl.DataFrame) -> pl.DataFrame:
    """The phrases in their order, without those that are pieces of a longer run with one before them.

    A piece is what overlaps another phrase in most of the replies that it stands in. Pieces of pieces are of the same run, so that of
    "would you like me", "like me to help" and "help you with that" the first stands for all.
    """
    overlaps = _overlaps(ranked, found)
    pieces = {
        piece
        for piece, together in overlaps.select("code", "together").iter_rows()
        if together >= _ALIKE * ranked["count"][piece]
    }
    kept = [code for code in range(ranked.height) if code not in pieces]
    return ranked[kept].head(MOST)


def _overlaps(ranked: pl.DataFrame, found: pl.DataFrame) -> pl.DataFrame:
    """In how many replies each phrase overlaps one before it in rank: columns code, other, together."""
    standing = (
        found.join(ranked.with_row_index("code").select("hash", "code", "length"), on="hash")
        .sort("owner", "at")
        .select("owner", "at", "code", "length")
    )
    parts = []
    for step in range(1, CHARACTERS):  # no more than so many begin before the first one ends
        near = standing.with_columns(pl.all().shift(-step).name.suffix("_next")).filter(
            (pl.col("owner") == pl.col("owner_next")) & (pl.col("at_next") < pl.col("at") + pl.col("length"))
        )
        parts.append(
            near.select(
                code=pl.max_horizontal("code", "code_next"), other=pl.min_horizontal("code", "code_next")
            )
        )
    return pl.concat(parts).group_by("code", "other").agg(together=pl.len())
