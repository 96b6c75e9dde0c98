"""The index of a dataset: what is kept of every conversation after its text has been let go."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from ..sources.reading import Reading
from ..sources.roles import ROLES
from .blocks import Block, Rejected, turn_hash, written_id
from .edits import Record
from .model import title_of
from .turns import encodable

ROLE_TYPE = pl.Enum([*ROLES])
CONVERSATIONS: dict[str, Any] = {
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
}


_KEPT = {name: kind for name, kind in CONVERSATIONS.items() if name not in ("turns", "words", "exchanges")}
TURNS: dict[str, Any] = {
    "conversation": pl.UInt32,
    "turn": pl.Int32,
    "role": ROLE_TYPE,
    "speaker": pl.Categorical,
    "kind": pl.Categorical,
    "words": pl.UInt32,
    "chars": pl.UInt32,
}


Rows = npt.NDArray[np.int64]

_HALF = np.uint64(32)
_FEW = 100  # so many conversations are put in place one by one
_CHUNKS = 64  # so many pieces a frame may be in


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
    in ``conversations``. ``prompts`` holds the beginning of each system prompt by its short name.
    """

    conversations: pl.DataFrame
    turns: pl.DataFrame
    rejected: list[Rejected]
    prompts: dict[str, str]

    @cached_property
    def system_heads(self) -> pl.DataFrame:
        """The first 60 characters of each system prompt, by its short name."""
        heads = [" ".join(text.split())[:60] for text in self.prompts.values()]
        schema = {"system": pl.String, "system_head": pl.String}
        return pl.DataFrame({"system": list(self.prompts), "system_head": heads}, schema=schema)

    def _in_place(self, before: Sequence[tuple[int, Rows]], now: Index) -> Index | None:
        """The index with other rows for some conversations, where none came, went or was renamed; else None. It copies nothing else."""
        count = sum(len(rows) for _, rows in before)
        if count != now.conversations.height or count > _FEW or now.rejected:
            return None
        at = np.concatenate([rows for _, rows in before]) if before else np.empty(0, dtype=np.int64)
        if (at < 0).any() or not self.conversations["id"].gather(at).equals(now.conversations["id"]):
            return None
        order = np.argsort(at)
        rows = at[order]
        edges = np.searchsorted(self.turns["conversation"].to_numpy(), np.stack((rows, rows + 1)))
        own = np.searchsorted(now.turns["conversation"].to_numpy(), np.stack((order, order + 1)))
        turns = [
            now.turns.slice(low, high - low).with_columns(conversation=pl.lit(row, dtype=pl.UInt32))
            for row, low, high in zip(rows.tolist(), *own.tolist(), strict=True)
        ]
        changed = [now.conversations.slice(n, 1) for n in order.tolist()]
        prompts = (
            self.prompts if now.prompts.keys() <= self.prompts.keys() else {**self.prompts, **now.prompts}
        )
        made = Index(
            _replaced(self.conversations, rows, rows + 1, changed),
            _replaced(self.turns, edges[0], edges[1], turns),
            self.rejected,
            prompts,
        )
        for name in ("_places", "row_of_id"):  # they are about what stayed
            if name in self.__dict__:
                made.__dict__[name] = self.__dict__[name]
        return made

    def row(self, source: int, index: int) -> int | None:
        """The row of the conversation of a record, None if it is none."""
        (row,) = self.rows(source, [index])
        return None if row < 0 else int(row)

    def rows(self, source: int, indices: Sequence[int]) -> npt.NDArray[np.int64]:
        """The rows of the conversations of records, -1 for what is none."""
        keys, rows = self._places
        wanted = (np.uint64(source) << _HALF) | np.asarray(indices, dtype=np.uint64)
        if not len(keys):
            return np.full(len(wanted), -1)
        at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        return np.where(keys[at] == wanted, rows[at], -1)

    def place_of(self, source: int, name: str) -> int | None:
        """The record of the conversation with an id in a source, None if there is none."""
        row = self.row_of_id.get(name)
        if row is not None and self.conversations["source"][row] != source:
            having = (pl.col("source") == source) & (pl.col("id") == name)
            found = self.conversations.filter(having)["index"]
            return int(found[0]) if len(found) else None
        return None if row is None else int(self.conversations["index"][row])

    def ids(self, source: int, indices: Sequence[int]) -> list[str | None]:
        """The ids of the conversations of records, None for what is none."""
        if len(indices) == 1:
            only = self.row(source, indices[0])
            return [None if only is None else str(self.conversations["id"][only])]
        rows = self.rows(source, indices)
        known = iter(self.conversations["id"].gather(rows[rows >= 0]).to_list())
        return [next(known) if row >= 0 else None for row in rows.tolist()]

    @cached_property
    def _places(self) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64]]:
        """The records that are conversations, as one number each, in order; and their rows."""
        source, index = (
            self.conversations[name].to_numpy().astype(np.uint64) for name in ("source", "index")
        )
        keys = (source << _HALF) | index
        order = np.argsort(keys, kind="stable")
        return keys[order], order

    def with_changes(
        self, changed: Mapping[int, Sequence[int]], now: Index, places: Mapping[Record, tuple[int, int]]
    ) -> Index:
        """The index after a change.

        Args:
            changed: by source, the records that changed.
            now: what these are now.
            places: where the records stand that are made of others: the record that it all began with, and their number after it.
        """
        before = [(source, self.rows(source, indices)) for source, indices in changed.items()]
        if (same := self._in_place(before, now)) is not None:
            return same
        kept = np.ones(self.conversations.height, dtype=bool)
        for _, rows in before:
            kept[rows[rows >= 0]] = False
        conversations = pl.concat([self.conversations.filter(kept), now.conversations])
        order = _file_order(conversations, places)
        moved = np.empty(len(order), dtype=np.uint32)
        moved[order] = np.arange(len(order), dtype=np.uint32)
        among = np.cumsum(kept) - 1  # the row of each conversation among those kept
        of_turn = self.turns["conversation"].to_numpy()
        staying = self.turns.filter(kept[of_turn])
        rows = np.concatenate(
            (moved[among[of_turn[kept[of_turn]]]], moved[now.turns["conversation"].to_numpy() + kept.sum()])
        )
        turns = pl.concat([staying, now.turns]).with_columns(conversation=pl.Series(rows, dtype=pl.UInt32))
        touched = {(source, index) for source, indices in changed.items() for index in indices}
        rejected = [one for one in self.rejected if (one.source, one.index) not in touched] + now.rejected
        return Index(
            conversations[order],
            turns[np.argsort(rows, kind="stable")],
            sorted(
                rejected, key=lambda one: (one.source, *places.get((one.source, one.index), (one.index, 0)))
            ),
            {**self.prompts, **now.prompts},
        )

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
        self._counts: dict[tuple[int, str], int] = {}
        self.repeated: dict[tuple[int, int], tuple[str, int]] = {}

    def assign(self, block: Block) -> None:
        """Set the ids of a block. A written id that came before goes into ``repeated`` with the record of the first."""
        first, source = self._first, block.source
        for at, (index, raw) in enumerate(zip(block.indices, block.raws, strict=True)):
            own = written_id(raw) or block.names.get(index)
            name = block.turn_hash(at).hex()[:16] if own is None else own
            if first.setdefault((source, name), index) != index:
                if own is not None:
                    block.repeated[index] = self.repeated[source, index] = (own, first[source, own])
                    name = f"{own}~{block.turn_hash(at).hex()[:8]}"
                name = self._unused(source, name)
                first[source, name] = index
            block.ids.append(name)

    def _unused(self, source: int, name: str) -> str:
        """``name`` itself, or with the next number that is free."""
        unique, count = name, self._counts.get((source, name), 1)
        while (source, unique) in self._first:
            count += 1
            unique = f"{name}~{count}"
        self._counts[source, name] = count
        return unique


def fresh_id(block: Block, at: int) -> str:
    """An id for a record that became a conversation only through a change."""
    return id_of(block.raws[at], block.readings[at])


def id_of(raw: Any, reading: Reading) -> str:
    """The id that a record says it has, else one made of its turns."""
    return written_id(raw) or turn_hash(reading).hex()[:16]


class IndexBuilder:
    """Collects blocks into an index."""

    def __init__(self) -> None:
        self._columns: dict[str, list[Any]] = {name: [] for name in _KEPT}
        self._turns: list[pl.DataFrame] = []
        self._rejected: list[Rejected] = []
        self._prompts: dict[str, str] = {}

    def add(self, block: Block) -> None:
        """Take the measures of one block."""
        self._rejected.extend(block.rejected)
        if not len(block):
            return
        columns = self._columns
        count = len(columns["index"])
        columns["source"] += [block.source] * len(block)
        columns["index"] += block.indices
        columns["line"] += block.lines
        columns["id"] += block.ids
        columns["format"] += [reading.format for reading in block.readings]
        columns["title"] += [title_of(raw) for raw in block.raws]
        columns["system"] += self._systems(block)
        place = (pl.col("conversation") + count).cast(pl.UInt32)
        self._turns.append(
            block.turns.lazy()
            .select(
                place,
                "turn",
                pl.col("role").cast(ROLE_TYPE),
                pl.col("speaker", "kind").cast(pl.Categorical),
                "words",
                "chars",
            )
            .collect()
        )

    def _systems(self, block: Block) -> list[str | None]:
        """A short name for the system prompt of each conversation, the same on every run."""
        names: list[str | None] = [None] * len(block)
        systems = block.turns.filter(pl.col("role").is_in(["system", "developer"]))
        for at, text in zip(systems["conversation"].to_list(), systems["text"].to_list(), strict=True):
            if names[at] is None and text:
                name = names[at] = hashlib.sha256(text.encode()).hexdigest()[:10]
                self._prompts[name] = text[:200]
        return names

    def finish(self) -> Index:
        """The index of all blocks."""
        turns = pl.concat(self._turns) if self._turns else pl.DataFrame(schema=TURNS)
        columns = {**self._columns}
        for name in ("id", "title"):
            columns[name] = [encodable(text) for text in columns[name]]
        conversations = (
            pl.LazyFrame(columns, schema=_KEPT)
            .with_columns(_sums(turns, len(columns["index"])))
            .select(list(CONVERSATIONS))
            .collect()
        )
        return Index(conversations, turns, self._rejected, self._prompts)


def _replaced(frame: pl.DataFrame, starts: Rows, ends: Rows, pieces: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """The frame with other rows in the place of some stretches, which are in order."""
    parts, at = [], 0
    for start, end, piece in zip(starts.tolist(), ends.tolist(), pieces, strict=True):
        parts += [frame.slice(at, start - at), piece]
        at = end
    joined = pl.concat([*parts, frame.slice(at)])
    return joined.rechunk() if joined.n_chunks() > _CHUNKS else joined


def _file_order(
    conversations: pl.DataFrame, places: Mapping[Record, tuple[int, int]]
) -> npt.NDArray[np.int64]:
    """The rows of conversations as they stand in their sources; what is made of a record stands right after it."""
    source, first = (conversations[name].to_numpy().astype(np.int64) for name in ("source", "index"))
    after = np.zeros_like(first)
    if places:
        numbers = {number for number, _ in places}
        for row in np.flatnonzero(np.isin(source, list(numbers))):
            if (place := places.get((int(source[row]), int(first[row])))) is not None:
                first[row], after[row] = place
    return np.lexsort((after, first, source))


def _sums(turns: pl.DataFrame, count: int) -> list[pl.Series]:
    """Turns, words and exchanges of each conversation. An exchange is an assistant's turn right after a user's."""
    conversation = turns["conversation"].to_numpy()
    sums = np.zeros((3, count), dtype=np.uint32)
    if len(conversation):
        role = turns["role"].to_physical().fill_null(255).to_numpy()
        answers = np.zeros(len(role), dtype=bool)
        answers[1:] = (role[1:] == ROLES.index("assistant")) & (role[:-1] == ROLES.index("user"))
        answers[1:] &= conversation[1:] == conversation[:-1]
        starts = np.flatnonzero(np.diff(conversation.astype(np.int64), prepend=-1))
        having = conversation[starts]
        sums[0, having] = np.diff(starts, append=len(conversation))
        sums[1, having] = np.add.reduceat(turns["words"].to_numpy(), starts)
        sums[2, having] = np.add.reduceat(answers.astype(np.uint32), starts)
    return [
        pl.Series(name, values) for name, values in zip(("turns", "words", "exchanges"), sums, strict=True)
    ]
