"""The reader of a dataset: its sources become blocks of conversations, in the layouts and with the roles that were asked for."""

from __future__ import annotations

import itertools
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

from ..sources.decoding import Bad, decode, decode_exactly
from ..sources.formats import recognise
from ..sources.opening import Source
from ..sources.reading import Format, Reading
from ..sources.records import Region, regions
from ..sources.roles import Role
from .blocks import Block, Rejected, read_block
from .edits import Edits
from .index import Spans
from .progress import Progress


@dataclass(frozen=True)
class Reader:
    """Reads records, block by block or one at a time. It keeps nothing of what it reads.

    Attributes:
        sources: the opened sources, in order.
        formats: the layouts that are accepted, the first that fits wins.
        roles: what labels mean beside what is known of them.
        progress: show a bar when reading lasts longer than a second: always, never, or (None) in notebooks and on terminals.
    """

    sources: Sequence[Source]
    formats: tuple[Format, ...]
    roles: Mapping[str, Role]
    progress: bool | None = None

    def blocks(self, edits: Edits, spans: Sequence[Spans]) -> Iterator[Block]:
        """Every source as it stands, with ``edits`` in it; ``spans`` collects where the records of each are."""
        done, bar = 0, Progress(sum(source.size for source in self.sources), self.progress)
        with closing(bar):
            for number, source in enumerate(self.sources):
                ends = spans[number].ends
                for block in self._source(number, source, edits, spans[number]):
                    yield block
                    bar.reached(done + (ends[-1] if ends else 0))
                done += source.size

    def _source(self, number: int, source: Source, edits: Edits, spans: Spans) -> Iterator[Block]:
        changed = sorted(edits.of_source(number))
        for region in regions(source):
            spans.starts.extend(start for start, _ in region.spans)
            spans.ends.extend(end for _, end in region.spans)
            spans.lines.extend(region.lines)
            last = region.first + len(region.spans)
            if bisect_left(changed, region.first) < bisect_left(changed, last):
                block = self._block(_with_edits(region, number, edits), number)
            else:
                block = self._block(region, number)
            if source.foreign is not None:
                block.rejected = [
                    replace(record, reason=f"the file is {source.foreign}") for record in block.rejected
                ]
            yield block
        if source.damage is not None:
            lost = Block(number, source.name, self.roles)
            lost.rejected.append(Rejected(number, len(spans), None, None, source.damage, "file.bad_json", ""))
            yield lost

    def _block(self, region: Region, number: int) -> Block:
        source = self.sources[number]
        return read_block(
            region,
            number,
            source.name,
            formats=self.formats,
            roles=self.roles,
            has_lines=source.has_lines,
            size=source.size,
        )

    def some(self, number: int, records: Sequence[tuple[int, int, bytes]]) -> Block:
        """Some records of a source as a block: each its place, its line and its bytes."""
        return self._block(_region_of(records), number)

    def alone(self, datas: Sequence[bytes]) -> Block:
        """Records that stand in no source, as a block: what a check would make of them. Their positions are their numbers."""
        region = _region_of([(at, 1, data) for at, data in enumerate(datas)])
        block = read_block(region, 0, "", formats=self.formats, roles=self.roles, has_lines=False, size=0)
        block.ids = [""] * len(block)
        return block

    def one(self, data: bytes) -> tuple[Any, Reading] | None:
        """A record as decoded, with integers of any size kept whole, and how it is read; None if it is no conversation."""
        if isinstance(decode(data), Bad):
            return None
        raw = decode_exactly(data)
        reading = recognise(raw, self.formats)
        return None if reading is None else (raw, reading)


# The span of a record that stands in no source: no source ends there.
_NOWHERE = (0, -1)


def _region_of(records: Sequence[tuple[int, int, bytes]]) -> Region:
    """Records that need not stand next to each other, as a stretch of a source: each its place, its line and its bytes."""
    ends = list(itertools.accumulate(len(data) + 1 for _, _, data in records))
    cuts = [(end - len(data) - 1, end - 1) for (_, _, data), end in zip(records, ends, strict=True)]
    data = b"\n".join(data for _, _, data in records)
    return Region(
        first=0,
        base=0,
        data=data,
        spans=[_NOWHERE] * len(records),
        lines=[line for _, line, _ in records],
        cuts=cuts,
        parted="line" if data.count(b"\n") == len(records) - 1 else None,
        places=[place for place, _, _ in records],
    )


def _with_edits(region: Region, source: int, edits: Edits) -> Region:
    """A stretch of a source with the changes to its records: those that are gone left out, those made of others after them."""
    records: list[tuple[int, int, bytes]] = []
    spans: list[tuple[int, int]] = []
    bad: dict[int, Bad] = {}
    for at, line in enumerate(region.lines):
        for place in edits.in_place_of(source, region.place(at)):
            state = edits.state((source, place))
            data = region.record(at) if state is None else state.data
            if data is None:
                continue
            if state is None and at in region.bad:
                bad[len(records)] = region.bad[at]
            records.append((place, line, data))
            spans.append(region.spans[at] if state is None else _NOWHERE)
    return replace(_region_of(records), spans=spans, bad=bad, names=region.names)
