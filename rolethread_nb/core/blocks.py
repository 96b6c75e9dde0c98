"""Blocks: a few thousand records at a time, decoded, recognised and laid out as a turn table.

The block is the unit of work. Rules and sums run on one block and are merged, so memory does not grow with the file and
the first findings come at once.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import msgspec
import numpy as np
import polars as pl

from ..sources.decoding import (
    TOO_DEEP,
    Bad,
    Remark,
    TooDeepError,
    decode,
    decode_together,
    duplicate_keys,
    key_count,
    may_hold_separator,
    may_repeat_keys,
    separators,
)
from ..sources.formats import no_layout, recognise
from ..sources.reading import Format, Reading
from ..sources.records import Region
from ..sources.roles import Role
from .hashing import Words, hashed
from .model import Conversation
from .turns import TurnRows
from .word_table import Flags, WordTable, words_of

_encode_sorted = msgspec.json.Encoder(order="sorted").encode

# What makes two conversations the same beside their turns.
_COMPARED = frozenset(("system", "chosen", "rejected", "label", "tools"))


@dataclass(frozen=True, slots=True)
class Rejected:
    """A record that could not become a conversation."""

    source: int
    index: int
    line: int | None
    column: int | None
    reason: str
    code: str
    head: str

    def as_dict(self) -> dict[str, Any]:
        """The form of ``check --json``."""
        return {
            "source": self.source,
            "index": self.index,
            "line": self.line,
            "column": self.column,
            "reason": self.reason,
        }


@dataclass
class Block:
    """Conversations of one source, next to each other. The lists run in parallel, one element a conversation.

    ``repeated`` names records whose written id came before: (id, record of the first). ``names`` are the keys under which records
    stand in a map, by record.
    """

    source: int
    source_name: str
    roles: Mapping[str, Role]
    indices: list[int] = field(default_factory=list)
    lines: list[int | None] = field(default_factory=list)
    raws: list[Any] = field(default_factory=list)
    readings: list[Reading] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    remarks: list[tuple[int, Remark]] = field(default_factory=list)
    repeated: dict[int, tuple[str, int]] = field(default_factory=dict)
    names: Mapping[int, str] = field(default_factory=dict)
    rejected: list[Rejected] = field(default_factory=list)
    rows: TurnRows = field(default_factory=lambda: TurnRows({}))
    _hashes: dict[int, bytes] = field(default_factory=dict)
    _made: dict[int, Conversation] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.indices)

    @cached_property
    def turns(self) -> pl.DataFrame:
        """The turn table; its column ``conversation`` is the position in this block. Made when first asked for."""
        return self.rows.frame()

    @cached_property
    def text_hashes(self) -> tuple[Words, Words]:
        """Two hashes of 64 bits of the text of each turn."""
        text = self.turns["text"]
        return text.hash(3).to_numpy(), text.hash(4).to_numpy()

    @cached_property
    def words(self) -> WordTable:
        """The words of each turn, as numbers; its texts are the rows of the turn table."""
        return words_of(self.turns["text"])

    @cached_property
    def fresh(self) -> Flags:
        """Which conversations are not the same as an earlier one; a check knows, elsewhere all are."""
        return np.ones(len(self), dtype=bool)

    @property
    def notes(self) -> list[tuple[int, str, dict[str, Any]]]:
        """Facts about turns that no column holds: row of the table, rule code, detail."""
        return self.rows.notes

    @cached_property
    def content_keys(self) -> list[tuple[object, ...]]:
        """What two conversations have in common exactly if their turns, label, tools and preference sides are equal.

        Clean turns are compared by two 64-bit hashes each, worked out column by column; the others by ``turn_hash``.
        """
        odd = set(self.turns.filter(pl.col("odd"))["conversation"].to_list())
        sums = _content_sums(self)
        keys: list[tuple[object, ...]] = []
        for at, (raw, reading) in enumerate(zip(self.raws, self.readings, strict=True)):
            said = (self.turn_hash(at), reading.system) if at in odd else (reading.role_keys[0], sums[at])
            compared = type(raw) is dict and not _COMPARED.isdisjoint(raw)
            keys.append((*said, _beside(raw)) if compared else said)
        return keys

    def turn_hash(self, at: int) -> bytes:
        """See :func:`turn_hash`; each is worked out once."""
        if (found := self._hashes.get(at)) is None:
            found = self._hashes[at] = turn_hash(self.readings[at])
        return found

    def conversation(self, at: int) -> Conversation:
        """The conversation at a position in the block."""
        if at not in self._made:
            self._made[at] = Conversation(
                self.ids[at],
                self.source_name,
                self.source,
                self.indices[at],
                self.lines[at],
                self.readings[at],
                self.raws[at],
                self.roles,
            )
        return self._made[at]


def read_block(
    region: Region,
    source: int,
    source_name: str,
    *,
    formats: tuple[Format, ...],
    roles: Mapping[str, Role],
    has_lines: bool,
    size: int,
) -> Block:
    """Decode the records of a region. ``size`` is that of the source: a record at its end may be cut off."""
    block = Block(source, source_name, roles, rows=TurnRows(roles), names=region.names)
    rows = block.rows
    keys: list[int] = []
    read: list[int] = []
    for at, decoded in _decoded(region, size):
        index = region.place(at)
        line = region.lines[at] if has_lines else None
        if isinstance(decoded, Bad):
            block.rejected.append(_rejected(decoded, source, index, line, region.record(at)))
            continue
        raw, remarks = decoded
        try:
            reading = recognise(raw, formats)
            if reading is None or reading.slots is not None:
                count = key_count(raw)
            else:
                count = _keys_beside(raw, reading)
            if reading is not None:
                count += rows.add(reading)
        except TooDeepError:
            block.rejected.append(_rejected(TOO_DEEP, source, index, line, region.record(at)))
            continue
        if reading is None:
            code, reason = no_layout(raw, formats)
            block.rejected.append(_rejected(Bad(code, reason), source, index, line, region.record(at)))
            continue
        if remarks:
            block.remarks.extend((len(block.indices), remark) for remark in remarks)
        block.indices.append(index)
        block.lines.append(line)
        block.raws.append(raw)
        block.readings.append(reading)
        keys.append(count)
        read.append(at)
    _remark_on_bytes(block, region, read, keys)
    return block


def _remark_on_bytes(block: Block, region: Region, read: list[int], keys: list[int]) -> None:
    """What decoding does not show: line breaks of other readers, and keys that stand twice in one object.

    ``read`` are the positions in the region of the block's records, ``keys`` how many keys each has.
    """
    if block.rejected:
        records = [region.record(at) for at in read]
        data = b"\n".join(records)
        ends = np.cumsum([len(one) + 1 for one in records], dtype=np.int64) - 1
        starts = ends - np.array([len(one) for one in records], dtype=np.int64)
    else:
        data = region.data
        within = np.array(region.cuts or region.spans, dtype=np.int64).reshape(-1, 2)
        starts, ends = (within - (0 if region.cuts else region.base)).T
    if may_hold_separator(data):
        for at, place in enumerate(read):
            block.remarks += [(at, remark) for remark in separators(region.record(place))]
    for at in may_repeat_keys(data, starts, ends, keys):
        block.remarks += [(at, remark) for remark in duplicate_keys(region.record(read[at]))]


def _decoded(region: Region, size: int) -> Iterator[tuple[int, tuple[Any, Sequence[Remark]] | Bad]]:
    """The records of a region with their positions in it: all in one go where they are sound, else one by one."""
    if region.parted is not None and not region.bad:
        together = decode_together(region.data, len(region.spans), commas=region.parted == "comma")
        if together is not None:
            yield from ((at, (raw, ())) for at, raw in enumerate(together))
            return
    for at, (_, end) in enumerate(region.spans):
        yield at, region.bad.get(at) or decode(region.record(at), last=end >= size, measured=True)


def _keys_beside(raw: Any, reading: Reading) -> int:
    """Keys of a record that are not its messages'."""
    if type(raw) is not dict:
        return 0
    count = len(raw)
    for value in raw.values():
        if (type(value) is dict or type(value) is list) and value is not reading.turns:
            count += key_count(value, 2)
    return count


def _rejected(bad: Bad, source: int, index: int, line: int | None, data: bytes) -> Rejected:
    parsed = bad.code.startswith("record.")
    return Rejected(
        source,
        index,
        None if line is None else line + bad.line,
        None if parsed or line is None else bad.column,
        bad.reason,
        bad.code,
        data[:800].decode(errors="replace")[:200],
    )


def canonical_json(value: Any) -> bytes:
    """Sorted keys, no blanks, UTF-8: the form that ids are made from."""
    try:
        return _encode_sorted(value)
    except (ValueError, TypeError, OverflowError, RecursionError):
        text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return text.encode("utf-8", "surrogatepass")


def _beside(raw: Mapping[str, Any]) -> bytes:
    """A hash of what stands beside the turns and makes them another conversation."""
    digest = hashlib.sha256()
    for key in sorted(_COMPARED):
        if raw.get(key) is not None:
            digest.update(b"\0" + key.encode() + canonical_json(raw[key]))
    return digest.digest()


def _content_sums(block: Block) -> list[bytes]:
    """For each conversation: its turns, and two sums of hashes over role, speaker, text and place of every turn, as 24 bytes."""
    turns = block.turns
    sums = np.zeros((len(block), 3), dtype=np.uint64)
    if turns.height:
        conversation = turns["conversation"].to_numpy()
        starts = np.flatnonzero(np.diff(conversation.astype(np.int64), prepend=-1))
        having = conversation[starts]
        sums[having, 0] = np.diff(starts, append=len(conversation))
        place = turns["turn"].to_numpy().astype(np.uint64)
        who = hashed(_hash_of(turns["role_raw"], 5) ^ hashed(_hash_of(turns["speaker"], 6) ^ hashed(place)))
        for column, text in zip((1, 2), block.text_hashes, strict=True):
            sums[having, column] = np.add.reduceat(hashed(text ^ who), starts)
    whole, size = sums.tobytes(), sums.itemsize * 3
    return [whole[at : at + size] for at in range(0, len(whole), size)]


def _hash_of(column: pl.Series, seed: int) -> Words:
    """The hash of each text of a column; 0 for null."""
    found: Words = column.hash(seed).to_numpy().copy()
    found[column.is_null().to_numpy()] = 0
    return found


def turn_hash(reading: Reading) -> bytes:
    """SHA-256 over the turns of a conversation, as sorted-key, compact UTF-8 JSON."""
    return hashlib.sha256(canonical_json(reading.turns)).digest()


def written_id(raw: Any) -> str | None:
    """The id that a record carries itself, if it does."""
    if type(raw) is not dict:
        return None
    stamp = raw.get("_rolethread")
    for value in (stamp.get("entry_uuid") if type(stamp) is dict else None, raw.get("id")):
        if (type(value) is str and value) or type(value) is int:
            return str(value)
    return None
