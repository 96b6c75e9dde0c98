"""Which of the conversations that no turn ties together say the same: in the same words, else in most of their words.

Only what is left over is read again, block by block. Of each conversation 128 hashes of words are kept, those of the smallest value,
and each is measured against a bounded number of others, so the cost grows with the leftovers and not with their square.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import polars as pl

from .blocks import Block
from .hashing import Words, hashed
from .model import IDEOGRAPHS, UNSPACED

_KEPT = 128  # hashes of words that are kept of a conversation
_ALIKE = 0.5  # Jaccard index of the words that two conversations must have in common to be versions of one
_LEAST = 3  # so many words must be the same, whatever the share
_COMMON = 0.2  # a word in more than this share of the leftovers (and in more than _FEW) says nothing
_FEW = 20
_NEAR = 2  # places to either side, between the same matched neighbours, that are looked at
_RARE = 4  # rarest words of a conversation by which others are looked up
_HOLDERS = 5  # conversations of one version that may hold such a word
_SLICE = 4_096  # pairs that are measured at a time

_NONE = np.uint64(2**64 - 1)
_WORD = f"[{IDEOGRAPHS}]|[{UNSPACED}]{{1,4}}|[\\w&&[^{IDEOGRAPHS}{UNSPACED}]]+"
_PAIRS: dict[str, Any] = {"row": pl.UInt32, "row_after": pl.UInt32, "near": pl.Int64}


class Said:
    """What leftover conversations of one version say.

    Attributes:
        rows: which they are, in order.
        plain: for each, a hash of its words in their order: the same where only blanks, case or punctuation differ. Rows without turns
            are not in it.
        words: hashes of its words, each once, the smallest of them; turns that many conversations share are left out.
        up_to: for each, the value up to which ``words`` are all there are.
    """

    def __init__(self, blocks: Iterable[Block], rows: pl.Series, often: pl.Series) -> None:
        """``often`` says of each turn of the version whether many conversations share it."""
        self.rows = rows
        wanted = np.zeros(int(rows[-1]) + 1, dtype=bool)
        wanted[rows.to_numpy()] = True
        plain, words, count, turns = [], [], 0, 0
        for block in blocks:
            after = turns + block.turns.height
            here = np.flatnonzero(wanted[count : count + len(block)])
            if len(here):
                table = block.turns.select("conversation", "turn", "text", often=often[turns:after])
                table = table.filter(pl.col("conversation").is_in(here.astype(np.uint32).tolist()))
                table = table.with_columns(row=pl.col("conversation") + pl.lit(count, dtype=pl.UInt32))
                plain.append(_plain(table))
                words.append(_smallest(table.filter(~pl.col("often"))))
            count, turns = count + len(block), after
        self.plain = pl.concat(plain)
        self.words = pl.concat(words)
        self.up_to = self.words.group_by("row").agg(
            up_to=pl.when(pl.len() < _KEPT)
            .then(pl.lit(_NONE, dtype=pl.UInt64))
            .otherwise(pl.col("word").max())
        )

    def keep(self, rows: pl.Series) -> None:
        """Forget the other conversations."""
        kept = rows.to_frame("row")
        self.rows = rows
        self.words = self.words.join(kept, on="row", how="semi", maintain_order="left")


def _plain(table: pl.DataFrame) -> pl.DataFrame:
    text = pl.col("text")
    bare = text.str.to_lowercase().str.replace_all(r"\W+", " ").str.strip_chars()
    said = table.select(bare=pl.when(bare == "").then(text.str.strip_chars()).otherwise(bare))["bare"].hash(7)
    place = table["turn"].to_numpy().astype(np.uint64)
    mixed: Words = hashed(said.to_numpy() ^ hashed(place))
    return (
        table.select("row", plain=pl.Series(mixed))
        .group_by("row")
        .agg(pl.col("plain").sum(), turns=pl.len())
        .sort("row")
    )


def _smallest(table: pl.DataFrame) -> pl.DataFrame:
    found = table.select("row", word=pl.col("text").str.to_lowercase().str.extract_all(_WORD)).explode("word")
    each = found.drop_nulls().select("row", pl.col("word").hash(8)).unique().sort("row", "word")
    return each.filter(pl.int_range(pl.len()).over("row") < _KEPT)


def alike(before: Said, after: Said, pairs: pl.DataFrame) -> pl.DataFrame:
    """Pairs of leftovers that have at least half of their words in common, the most alike first, then the nearest.

    Two are measured if they stand within two places of each other between the same neighbours of ``pairs`` (``before``, ``after``), or
    share one of the four rarest words of either, which at most five conversations of each version hold. Measured is the Jaccard index
    of their words, without those that more than a fifth of all leftovers hold; of long conversations, of a sample.
    """
    total = before.rows.len() + after.rows.len()
    held = pl.concat([before.words, after.words]).group_by("word").len("held")
    common = held.filter(pl.col("held") > max(_FEW, _COMMON * total))
    words = [one.words.join(common, on="word", how="anti", maintain_order="left") for one in (before, after)]
    measured = _near(before.rows, after.rows, pairs)
    measured = pl.concat([measured, *_by_rare_words(*words)])
    measured = measured.group_by("row", "row_after").agg(pl.col("near").min()).sort("row", "row_after")
    share = _jaccard(measured, (before, after), words)
    return measured.with_columns(share=share).filter(pl.col("share") >= _ALIKE)


def _near(left: pl.Series, right: pl.Series, pairs: pl.DataFrame) -> pl.DataFrame:
    """Rows that stand in nearly the same place after the same matched neighbour, or before it."""
    found = [pl.DataFrame(schema=_PAIRS)]
    sides = [_gaps(left, pairs["before"], pairs["after"]), _gaps(right, pairs["after"], pairs["after"])]
    for gap, nth in (("behind", "nth"), ("ahead", "last")):
        one, other = (side.select("row", gap=gap, nth=nth) for side in sides)
        for step in range(-_NEAR, _NEAR + 1):
            there = other.with_columns(nth=pl.col("nth") + step)
            met = one.join(there, on=["gap", "nth"], suffix="_after")
            found.append(met.select("row", "row_after", near=pl.lit(abs(step), dtype=pl.Int64)))
    return pl.concat(found)


def _gaps(rows: pl.Series, own: pl.Series, names: pl.Series) -> pl.DataFrame:
    """Of each row: its matched neighbours on either side, by ``names``, and its place among the rows between them, from both ends."""
    order = own.arg_sort()
    matched = own.gather(order).to_numpy()
    called = np.concatenate(([-1], names.gather(order).to_numpy().astype(np.int64), [-1]))
    at = np.searchsorted(matched, rows.to_numpy())
    frame = pl.DataFrame({"row": rows, "behind": called[at], "ahead": called[at + 1], "gap": at})
    nth = pl.int_range(pl.len()).over("gap")
    return frame.with_columns(nth=nth, last=pl.len().over("gap").cast(pl.Int64) - 1 - nth)


def _by_rare_words(left: pl.DataFrame, right: pl.DataFrame) -> list[pl.DataFrame]:
    """Rows that share one of the rarest words of either, among the words that both versions hold."""
    held = [words.group_by("word").len("held").filter(pl.col("held") <= _HOLDERS) for words in (left, right)]
    rare = held[0].join(held[1], on="word").select("word", rarity=pl.col("held") + pl.col("held_right"))
    sides = [words.join(rare, on="word").sort("row", "rarity", "word") for words in (left, right)]
    first = [side.filter(pl.int_range(pl.len()).over("row") < _RARE) for side in sides]
    far = pl.lit(_NEAR + 1, dtype=pl.Int64)
    return [
        one.join(other, on="word", suffix="_after").select("row", "row_after", near=far)
        for one, other in ((first[0], sides[1]), (sides[0], first[1]))
    ]


def _jaccard(pairs: pl.DataFrame, sides: tuple[Said, Said], words: list[pl.DataFrame]) -> pl.Series:
    """The Jaccard index of each pair, over the hashes that the samples of both hold completely; 0 where too few words are the same."""
    sketches, limits, places = [], [], []
    for side, own, name in zip(sides, words, ("row", "row_after"), strict=True):
        at = pl.DataFrame({"row": side.rows}).with_row_index("at")
        placed = own.join(at, on="row").with_columns(nth=pl.int_range(pl.len()).over("row"))
        sketch = np.full((side.rows.len(), _KEPT), _NONE, dtype=np.uint64)
        sketch[placed["at"].to_numpy(), placed["nth"].to_numpy()] = placed["word"].to_numpy()
        up_to = at.join(side.up_to, on="row", how="left", maintain_order="left")["up_to"].fill_null(_NONE)
        sketches.append(sketch)
        limits.append(up_to.to_numpy())
        places.append(np.searchsorted(side.rows.to_numpy(), pairs[name].to_numpy()))
    found = np.zeros(pairs.height)
    for start in range(0, pairs.height, _SLICE):
        here = slice(start, start + _SLICE)
        one, other = (place[here] for place in places)
        limit = np.minimum(limits[0][one], limits[1][other])[:, None]
        both = np.sort(np.concatenate((sketches[0][one], sketches[1][other]), axis=1), axis=1)
        counted = (both <= limit) & (both != _NONE)
        again = np.zeros_like(counted)
        again[:, 1:] = counted[:, 1:] & (both[:, 1:] == both[:, :-1])
        shared = again.sum(axis=1)
        found[here] = np.where(shared >= _LEAST, shared / np.maximum(counted.sum(axis=1) - shared, 1), 0)
    return pl.Series(found, dtype=pl.Float64)
