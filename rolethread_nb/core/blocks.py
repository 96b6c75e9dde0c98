"""Blocks: a few thousand records at a time, decoded, recognised and laid out as a turn table.

The block is the unit of work. Rules and sums run on one block and are merged, so memory does not grow with the file and
the first findings come at once.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
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
    _hashed: tuple[list[bytes], list[bytes]] | None = None
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

    @property
    def notes(self) -> list[tuple[int, str, dict[str, Any]]]:
        """Facts about turns that no column holds: row of the table, rule code, detail."""
        return self.rows.notes

    @cached_property
    def content_keys(self) -> list[tuple[object, ...]]:
        """What two conversations have in common exactly if their turns, label, tools and preference sides are equal.

        Clean turns are compared by two 64-bit hashes each, worked out column by column; the others by ``digests``.
        """
        odd = set(self.turns.filter(pl.col("odd"))["conversation"].to_list())
        sums = _content_sums(self)
        keys: list[tuple[object, ...]] = []
        for at, (raw, reading) in enumerate(zip(self.raws, self.readings, strict=True)):
            if at in odd or (type(raw) is dict and not _COMPARED.isdisjoint(raw)):
                keys.append((self.digests[at],))
            else:
                keys.append((reading.role_keys[0], sums[at]))
        return keys

    @property
    def turn_hashes(self) -> list[bytes]:
        """SHA-256 over the turns of each conversation, as sorted-key, compact UTF-8 JSON."""
        return self._hashes()[0]

    @property
    def digests(self) -> list[bytes]:
        """The same over all that makes two conversations equal (label, tools and preference sides as well)."""
        return self._hashes()[1]

    def _hashes(self) -> tuple[list[bytes], list[bytes]]:
        if self._hashed is None:
            turns = [hashlib.sha256(canonical_json(reading.turns)) for reading in self.readings]
            own = [digest.digest() for digest in turns]
            whole = [
                _content_digest(raw, digest) if type(raw) is dict and not _COMPARED.isdisjoint(raw) else plain
                for raw, digest, plain in zip(self.raws, turns, own, strict=True)
            ]
            self._hashed = own, whole
        return self._hashed

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
    edits: Mapping[int, bytes | None],
    has_lines: bool,
    size: int,
) -> Block:
    """Decode the records of a region. ``edits`` stand in for records that were changed (None: removed)."""
    block = Block(source, source_name, roles, rows=TurnRows(roles), names=region.names)
    rows = block.rows
    keys: list[int] = []

    def record(at: int) -> bytes:
        return (edits.get(region.first + at) if edits else None) or region.record(at)

    for at, decoded in _decoded(region, record, edits, size):
        index = region.first + at
        line = region.lines[at] if has_lines else None
        if isinstance(decoded, Bad):
            block.rejected.append(_rejected(decoded, source, index, line, record(at)))
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
            block.rejected.append(_rejected(TOO_DEEP, source, index, line, record(at)))
            continue
        if reading is None:
            code, reason = no_layout(raw, formats)
            block.rejected.append(_rejected(Bad(code, reason), source, index, line, record(at)))
            continue
        if remarks:
            block.remarks.extend((len(block.indices), remark) for remark in remarks)
        block.indices.append(index)
        block.lines.append(line)
        block.raws.append(raw)
        block.readings.append(reading)
        keys.append(count)
    read = [record(index - region.first) for index in block.indices] if edits or block.rejected else None
    whole = region.data if read is None else b"\n".join(read)
    if may_hold_separator(whole):
        for at, index in enumerate(block.indices):
            block.remarks += [(at, remark) for remark in separators(record(index - region.first))]
    if may_repeat_keys(whole, sum(keys)):
        for at, (index, count) in enumerate(zip(block.indices, keys, strict=True)):
            if may_repeat_keys(data := record(index - region.first), count):
                block.remarks += [(at, remark) for remark in duplicate_keys(data)]
    return block


def _decoded(
    region: Region, record: Callable[[int], bytes], edits: Mapping[int, bytes | None], size: int
) -> Iterator[tuple[int, tuple[Any, Sequence[Remark]] | Bad]]:
    """The records of a region with their positions in it: all in one go where they are sound, else one by one."""
    if region.parted is not None and not edits and not region.bad:
        together = decode_together(region.data, len(region.spans), commas=region.parted == "comma")
        if together is not None:
            yield from ((at, (raw, ())) for at, raw in enumerate(together))
            return
    for at, (_, end) in enumerate(region.spans):
        if edits and edits.get(region.first + at, b"") is None:
            continue  # the record was removed
        yield at, region.bad.get(at) or decode(record(at), last=end >= size, measured=True)


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


def _content_digest(raw: Any, turn_hash: Any) -> bytes:
    """The hash of the turns; conversations that differ in what stands beside them differ in it, too."""
    digest = turn_hash.copy()
    for key in sorted(_COMPARED):
        if raw.get(key) is not None:
            digest.update(b"\0" + key.encode() + canonical_json(raw[key]))
    result: bytes = digest.digest()
    return result


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


def written_id(raw: Any) -> str | None:
    """The id that a record carries itself, if it does."""
    if type(raw) is not dict:
        return None
    stamp = raw.get("_rolethread")
    for value in (stamp.get("entry_uuid") if type(stamp) is dict else None, raw.get("id")):
        if (type(value) is str and value) or type(value) is int:
            return str(value)
    return None
