"""The reader of a dataset: its sources become blocks of conversations, in the layouts and with the roles that were asked for."""

from __future__ import annotations

import itertools
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
from .index import Spans
from .journal import Edits
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
        for region in regions(source):
            spans.starts.extend(start for start, _ in region.spans)
            spans.ends.extend(end for _, end in region.spans)
            spans.lines.extend(region.lines)
            block = self._block(region, number, source, edits.of_source(number))
            if source.foreign is not None:
                block.rejected = [
                    replace(record, reason=f"the file is {source.foreign}") for record in block.rejected
                ]
            yield block
        if source.damage is not None:
            lost = Block(number, source.name, self.roles)
            lost.rejected.append(Rejected(number, len(spans), None, None, source.damage, "file.bad_json", ""))
            yield lost

    def _block(self, region: Region, number: int, source: Source, edits: Mapping[int, bytes | None]) -> Block:
        return read_block(
            region,
            number,
            source.name,
            formats=self.formats,
            roles=self.roles,
            edits=edits,
            has_lines=source.has_lines,
            size=source.size,
        )

    def alone(self, datas: Sequence[bytes]) -> Block:
        """Records that stand in no source, as a block: what a check would make of them. Their positions are their numbers."""
        ends = list(itertools.accumulate(len(data) + 1 for data in datas))
        spans = [(end - len(data) - 1, end - 1) for data, end in zip(datas, ends, strict=True)]
        region = Region(0, 0, b"\n".join(datas), spans, [1] * len(datas))
        size = len(region.data) + 1  # none of them is the last of a file, which may be cut off
        block = read_block(
            region, 0, "", formats=self.formats, roles=self.roles, edits={}, has_lines=False, size=size
        )
        block.ids = [""] * len(block)
        return block

    def one(self, data: bytes) -> tuple[Any, Reading] | None:
        """A record as decoded, with integers of any size kept whole, and how it is read; None if it is no conversation."""
        if isinstance(decode(data), Bad):
            return None
        raw = decode_exactly(data)
        reading = recognise(raw, self.formats)
        return None if reading is None else (raw, reading)
