"""Which conversations of two versions of a dataset are the same: by id, else by content, else by most of their turns or words.

Everything is compared by hashes, block by block; no text is kept.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import polars as pl

from ..sources.reading import Reading, steps
from .blocks import Block, canonical_json
from .dataset import Dataset
from .differences import beyond_text
from .hashing import Words, hashed
from .likeness import Said, alike
from .turns import encodable

By = Literal["id", "content", "turns", "words"]

_OFTEN = 10  # a turn that more conversations share says little about which of them are the same
_ALIKE = 0.5  # share of turns that two conversations must have in common to be versions of one

_NOBODY = pl.Series([0], dtype=pl.UInt64)

_ROWS: dict[str, Any] = {
    "id": pl.String,
    "format": pl.String,
    "turns": pl.Int64,
    "one": pl.UInt64,
    "two": pl.UInt64,
    "record": pl.UInt64,
    "beside": pl.UInt64,
}
_TURNS: dict[str, Any] = {"row": pl.UInt32, "said": pl.UInt64}
_PAIRS: dict[str, Any] = {"before": pl.UInt32, "after": pl.UInt32}
_CONTENT = ("turns", "one", "two")


@dataclass(frozen=True, slots=True)
class Pair:
    """One conversation in both versions: its rows in the two indexes, how it was found again, and what differs.

    ``what`` holds ``turns``, ``layout`` (the same turns are written otherwise) and ``keys`` (something beside the turns); it is empty
    if nothing differs.
    """

    before: int
    after: int
    by: By
    what: tuple[str, ...]


@dataclass(frozen=True)
class Matched:
    """Two versions laid side by side: pairs in the order of the second, and the rows that stand alone."""

    pairs: list[Pair]
    removed: list[int]
    added: list[int]


class Print:
    """The hashes of one version: of each conversation's content and record, and of each turn."""

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        rows, turns, count = [pl.DataFrame(schema=_ROWS)], [pl.DataFrame(schema=_TURNS)], 0
        for block in dataset.blocks():
            if len(block):
                frame, said = _block_print(block, count)
                rows.append(frame)
                turns.append(said)
                count += len(block)
        self.rows = pl.concat(rows).with_row_index("row")
        self.turns = pl.concat(turns)
        self.rejected = sorted(
            hashlib.sha256(dataset.record_bytes(one.source, one.index) or b"").digest()
            for one in dataset.index.rejected
            if one.index < dataset.record_count(one.source)
        )

    def said(self, rows: pl.Series) -> Said:
        """What some of the conversations say, read again; ``rows`` in order."""
        often = self.turns.select((pl.len().over("said") > _OFTEN).alias("often"))["often"]
        return Said(self._dataset.blocks(), rows, often)


def _block_print(block: Block, count: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    table = block.turns
    who = _who(table)
    hashes = {name: hashed(text ^ who) for name, text in zip(("one", "two"), block.text_hashes, strict=True)}
    odd = table.with_row_index("n").filter(pl.col("odd")).select("n", "conversation", "turn")
    for n, at, turn in odd.iter_rows():
        if (more := beyond_text(block.conversation(at).messages[turn])) is None:
            continue
        raw = hashlib.sha256(more).digest()
        for name, part in (("one", raw[:8]), ("two", raw[8:16])):
            hashes[name][n] ^= np.uint64(int.from_bytes(part, "little"))
    sums = np.zeros((3, len(block)), dtype=np.uint64)
    if table.height:
        at = table["conversation"].to_numpy()
        starts = np.flatnonzero(np.diff(at.astype(np.int64), prepend=-1))
        sums[0, at[starts]] = np.diff(starts, append=len(at))
        place = hashed(table["turn"].to_numpy().astype(np.uint64))
        for column, values in enumerate(hashes.values(), 1):
            sums[column, at[starts]] = np.add.reduceat(hashed(values ^ place), starts)
    records = [_number(raw) for raw in block.raws]
    others = [_number(beside(raw, reading)) for raw, reading in zip(block.raws, block.readings, strict=True)]
    rows = pl.DataFrame(
        {
            "id": [encodable(name) for name in block.ids],
            "format": [reading.format for reading in block.readings],
            "turns": pl.Series(sums[0].astype(np.int64)),
            "one": pl.Series(sums[1]),
            "two": pl.Series(sums[2]),
            "record": pl.Series(records, dtype=pl.UInt64),
            "beside": pl.Series(others, dtype=pl.UInt64),
        },
        schema=_ROWS,
    )
    row = (table["conversation"].cast(pl.UInt32) + count).alias("row")
    return rows, pl.DataFrame({"row": row, "said": pl.Series(hashes["one"])}, schema=_TURNS)


def _who(table: pl.DataFrame) -> Words:
    """A hash of who says each turn: role (the label, where it is not known), speaker, and whether it is the rejected answer."""
    rejected = (pl.col("side") == "rejected").fill_null(False).cast(pl.UInt64).alias("rejected")
    columns = table.select(pl.coalesce("role", "role_raw").alias("who"), "speaker", rejected)
    found: Words = columns["rejected"].to_numpy()
    for seed, name in enumerate(("who", "speaker"), 5):
        named = columns[name]
        found = hashed(found ^ named.hash(seed).zip_with(named.is_not_null(), _NOBODY).to_numpy())
    return found


def _number(value: Any) -> int:
    return int.from_bytes(hashlib.blake2b(canonical_json(value), digest_size=8).digest(), "little")


def beside(raw: Any, reading: Reading) -> dict[str, Any]:
    """What stands in a record beside its turns, by top-level key."""
    if not isinstance(raw, dict):
        return {}
    turns = {*steps(reading.pointer)[:1], *reading.keys}
    if reading.system is not None:
        turns.add(reading.system_key)
    return {key: value for key, value in raw.items() if key not in turns}


def match(before: Print, after: Print) -> Matched:
    """Find each conversation again.

    Equal records first, then by id, those left by content, those still left by most of their turns, and the last by their words.
    """
    left, right = before.rows, after.rows
    parts: list[pl.DataFrame] = []

    def take(found: pl.DataFrame, by: By) -> None:
        nonlocal left, right
        parts.append(found.with_columns(by=pl.lit(by)))
        left = left.join(found, left_on="row", right_on="before", how="anti", maintain_order="left")
        right = right.join(found, left_on="row", right_on="after", how="anti", maintain_order="left")

    take(_joined(left, right, ["record"]), "content")
    take(_joined(left, right, ["id"]), "id")
    take(_joined(left, right, list(_CONTENT)), "content")
    take(_alike(left, right, before.turns, after.turns), "turns")
    if left.height and right.height:
        read = before.said(left["row"]), after.said(right["row"])
        take(_joined(read[0].plain, read[1].plain, ["plain", "turns"]), "words")
        read[0].keep(left["row"])
        read[1].keep(right["row"])
        take(_best(alike(*read, pl.concat(parts))), "words")
    pairs = pl.concat(parts).sort("after")
    for side, rows in (("before", before.rows), ("after", after.rows)):
        renamed = rows.rename({name: f"{name}_{side}" for name in rows.columns if name != "row"})
        pairs = pairs.join(renamed, left_on=side, right_on="row", how="left", maintain_order="left")
    said = pl.any_horizontal(*(pl.col(f"{name}_before") != pl.col(f"{name}_after") for name in _CONTENT))
    pairs = pairs.select(
        "before",
        "after",
        pl.when((pl.col("by") == "content") & (pl.col("id_before") == pl.col("id_after")))
        .then(pl.lit("id"))
        .otherwise("by")
        .alias("by"),
        turns=said,
        layout=pl.col("format_before") != pl.col("format_after"),
        keys=pl.col("beside_before") != pl.col("beside_after"),
        record=pl.col("record_before") != pl.col("record_after"),
    )
    listed = []
    for old, new, by, turns, layout, keys, record in pairs.iter_rows():
        differs = {"turns": turns, "layout": layout or (record and not turns and not keys), "keys": keys}
        listed.append(Pair(old, new, by, tuple(name for name, is_so in differs.items() if is_so)))
    return Matched(listed, left["row"].to_list(), right["row"].to_list())


def _joined(left: pl.DataFrame, right: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    """Rows with equal keys, the first with the first, the second with the second."""
    numbered = [
        rows.select("row", *keys, pl.int_range(pl.len()).over(keys).alias("nth")) for rows in (left, right)
    ]
    found = numbered[0].join(numbered[1], on=[*keys, "nth"], suffix="_after")
    return found.select(before=pl.col("row"), after=pl.col("row_after"))


def _alike(
    left: pl.DataFrame, right: pl.DataFrame, before: pl.DataFrame, after: pl.DataFrame
) -> pl.DataFrame:
    """Rows that have most of their turns in common, the most alike first."""
    if not left.height or not right.height:
        return pl.DataFrame(schema=_PAIRS)
    own = [
        turns.join(rows.select("row"), on="row", how="semi").unique()
        for rows, turns in ((left, before), (right, after))
    ]
    rare = [turns.filter(pl.len().over("said") <= _OFTEN) for turns in own]
    candidates = rare[0].join(rare[1], on="said", suffix="_after").select("row", "row_after").unique()
    there = own[1].rename({"row": "row_after"})
    shared = (
        candidates.join(own[0], on="row")
        .join(there, on=["row_after", "said"])
        .group_by("row", "row_after")
        .len()
    )
    scored = (
        shared.join(left.select("row", "turns"), on="row")
        .join(
            right.select(pl.col("row").alias("row_after"), pl.col("turns").alias("turns_after")),
            on="row_after",
        )
        .with_columns(share=2 * pl.col("len") / (pl.col("turns") + pl.col("turns_after")), near=0)
        .filter(pl.col("share") >= _ALIKE)
    )
    return _best(scored)


def _best(scored: pl.DataFrame) -> pl.DataFrame:
    """The most alike first, each row once. Ties are settled so that the two versions can change places."""
    apart = (pl.col("row").cast(pl.Int64) - pl.col("row_after").cast(pl.Int64)).abs()
    together = pl.col("row").cast(pl.Int64) + pl.col("row_after").cast(pl.Int64)
    ordered = scored.sort(-pl.col("share"), "near", together, apart, "row")
    taken: set[int] = set()
    used: set[int] = set()
    pairs = []
    for old, new in ordered.select("row", "row_after").iter_rows():
        if old not in taken and new not in used:
            taken.add(old)
            used.add(new)
            pairs.append((old, new))
    return pl.DataFrame(pairs, schema=_PAIRS, orient="row")


def moved(pairs: list[Pair]) -> list[int]:
    """Positions in ``pairs`` of the conversations that stand elsewhere among the others: all but the longest run in the old order."""
    tails: list[int] = []
    ends: list[int] = []
    previous: list[int] = []
    for at, pair in enumerate(pairs):
        place = bisect_left(tails, pair.before)
        previous.append(ends[place - 1] if place else -1)
        if place == len(tails):
            tails.append(pair.before)
            ends.append(at)
        else:
            tails[place], ends[place] = pair.before, at
    stayed = set()
    at = ends[-1] if ends else -1
    while at >= 0:
        stayed.add(at)
        at = previous[at]
    return [at for at in range(len(pairs)) if at not in stayed]
