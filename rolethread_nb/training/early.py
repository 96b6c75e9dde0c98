"""Conversations of a dataset that has not been read to its end: found in the file, without the index."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ..core.dataset import Dataset
from ..core.edits import Edits
from ..core.model import Conversation
from ..sources.records import Region, regions


class EarlyReader:
    """Reads single conversations of a dataset in one state; the stretch of the file that was read last is kept."""

    def __init__(self, dataset: Dataset, edits: Edits) -> None:
        self._dataset = dataset
        self._edits = edits
        self._source = -1
        self._coming: Iterator[Region] = iter(())
        self._region: Region | None = None

    def conversation_at(self, source: int, index: int, name: str) -> Conversation | None:
        """The conversation of a record, None if it is none; ``name`` is its id."""
        state = self._edits.state((source, index))
        place = self._edits.origin(source, index)
        region = self._region_of(source, place)
        if region is None:
            return None
        data = region.record(place - region.first) if state is None else state.data
        block = self._dataset.block_of([] if data is None else [data])
        if not len(block):
            return None
        opened = self._dataset.sources[source]
        line = region.lines[place - region.first] if opened.has_lines else None
        found = block.conversation(0)
        return replace(found, id=name, source=opened.name, source_index=source, index=index, line=line)

    def _region_of(self, source: int, place: int) -> Region | None:
        known = self._region
        if source != self._source or known is None or place < known.first:
            self._source, self._coming = source, regions(self._dataset.sources[source])
            known = next(self._coming, None)
        while known is not None and place >= known.first + len(known.spans):
            known = next(self._coming, None)
        self._region = known
        return known
