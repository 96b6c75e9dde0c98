"""The index of a dataset: what is kept of every conversation after its text has been let go."""

from __future__ import annotations

import hashlib
from array import array
from dataclasses import dataclass, field
from functools import cached_property

import polars as pl

from ..sources.roles import ROLES
from .blocks import Block, Rejected, written_id
from .model import title_of

ROLE_TYPE = pl.Enum([*ROLES])
CONVERSATIONS = {
    "source": pl.UInt16,
    "index": pl.UInt32,
    "line": pl.UInt32,
    "id": pl.String,
    "format": pl.String,
    "title": pl.String,
    "turns": pl.UInt32,
    "words": pl.UInt32,
    "exchanges": pl.UInt32,
    "system": pl.String,
    "system_head": pl.String,
}


class Spans:
    """Byte spans and lines of the records of one source, compactly."""

    def __init__(self) -> None:
        self.starts, self.ends, self.lines = array("Q"), array("Q"), array("Q")

    def __len__(self) -> int:
        return len(self.starts)


@dataclass
class Index:
    """What is known of a dataset after one pass.

    ``conversations`` has one row a conversation; ``turns`` one row a turn without its text, its column ``conversation`` is the row
    in ``conversations``.
    """

    conversations: pl.DataFrame
    turns: pl.DataFrame
    rejected: list[Rejected]

    @cached_property
    def row_of(self) -> dict[tuple[int, int], int]:
        """Row of a conversation by (source, record index)."""
        keys = zip(self.conversations["source"].to_list(), self.conversations["index"].to_list(), strict=True)
        return {key: row for row, key in enumerate(keys)}

    @cached_property
    def row_of_id(self) -> dict[str, int]:
        """Row of a conversation by id; the first where two sources share one."""
        found: dict[str, int] = {}
        for row, name in enumerate(self.conversations["id"].to_list()):
            found.setdefault(name, row)
        return found


class Identities:
    """Gives each conversation its id, once, in file order."""

    def __init__(self) -> None:
        self._first: dict[tuple[int, str], int] = {}
        self.repeated: dict[tuple[int, int], tuple[str, int]] = {}

    def assign(self, block: Block) -> list[str]:
        """The ids of a block. A written id that came before is noted in ``repeated`` as (id, record of the first)."""
        return [self._one(block, at) for at in range(len(block))]

    def _one(self, block: Block, at: int) -> str:
        index, own = block.indices[at], written_id(block.raws[at])
        digest = block.turn_hashes[at].hex()
        name = own if own is not None else digest[:16]
        if own is not None and (block.source, own) in self._first:
            self.repeated[block.source, index] = (own, self._first[block.source, own])
            name = f"{own}~{digest[:8]}"
        unique, count = name, 1
        while (block.source, unique) in self._first:
            count += 1
            unique = f"{name}~{count}"
        self._first[block.source, unique] = index
        return unique


def fresh_id(block: Block, at: int) -> str:
    """An id for a record that became a conversation only through a change."""
    return written_id(block.raws[at]) or block.turn_hashes[at].hex()[:16]


@dataclass
class IndexBuilder:
    """Collects blocks into an index."""

    _conversations: list[pl.DataFrame] = field(default_factory=list)
    _turns: list[pl.DataFrame] = field(default_factory=list)
    _rejected: list[Rejected] = field(default_factory=list)
    _count: int = 0
    _heads: dict[str, tuple[str, str]] = field(default_factory=dict)

    def add(self, block: Block) -> None:
        """Take the measures of one block."""
        self._rejected.extend(block.rejected)
        if not len(block):
            return
        turns = block.turns
        sums = turns.group_by("conversation", maintain_order=True).agg(
            turns=pl.len(),
            words=pl.col("words").sum(),
            exchanges=(
                (pl.col("role") == "assistant") & (pl.col("role").shift(1) == "user").fill_null(False)
            ).sum(),
            prompt=pl.col("text").filter(pl.col("role").is_in(["system", "developer"])).first(),
        )
        prompts = dict(zip(sums["conversation"].to_list(), sums["prompt"].to_list(), strict=True))
        systems = [self._system(prompts.get(at)) for at in range(len(block))]
        base = pl.DataFrame(
            {
                "conversation": pl.Series(range(len(block)), dtype=pl.UInt32),
                "source": pl.Series([block.source] * len(block), dtype=pl.UInt16),
                "index": pl.Series(block.indices, dtype=pl.UInt32),
                "line": pl.Series(block.lines, dtype=pl.UInt32),
                "id": pl.Series([_encodable(name) for name in block.ids], dtype=pl.String),
                "format": pl.Series([reading.format for reading in block.readings], dtype=pl.String),
                "title": pl.Series([_encodable(title_of(raw)) for raw in block.raws], dtype=pl.String),
                "system": pl.Series([name for name, _ in systems], dtype=pl.String),
                "system_head": pl.Series([head for _, head in systems], dtype=pl.String),
            }
        )
        joined = base.join(sums.drop("prompt"), on="conversation", how="left", maintain_order="left")
        counts = [pl.col(name).fill_null(0).cast(pl.UInt32) for name in ("turns", "words", "exchanges")]
        self._conversations.append(joined.with_columns(counts).select(list(CONVERSATIONS)))
        self._turns.append(
            turns.select(
                (pl.col("conversation") + self._count).cast(pl.UInt32).alias("conversation"),
                "turn",
                pl.col("role").cast(ROLE_TYPE),
                pl.col("speaker").cast(pl.Categorical),
                pl.col("kind").cast(pl.Categorical),
                "words",
                "chars",
            )
        )
        self._count += len(block)

    def _system(self, text: str | None) -> tuple[str | None, str | None]:
        """A short name for a system prompt, the same on every run, and its first words."""
        if not text:
            return None, None
        name = hashlib.sha256(text.encode()).hexdigest()[:10]
        if name not in self._heads:
            self._heads[name] = (name, " ".join(text[:200].split())[:60])
        return self._heads[name]

    def finish(self) -> Index:
        """The index of all blocks."""
        conversations = (
            pl.concat(self._conversations) if self._conversations else pl.DataFrame(schema=CONVERSATIONS)
        )
        if self._turns:
            turns = pl.concat(self._turns)
        else:
            turns = pl.DataFrame(
                schema={
                    "conversation": pl.UInt32,
                    "turn": pl.Int32,
                    "role": ROLE_TYPE,
                    "speaker": pl.Categorical,
                    "kind": pl.Categorical,
                    "words": pl.UInt32,
                    "chars": pl.UInt32,
                }
            )
        return Index(conversations, turns, self._rejected)


def _encodable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
