"""The dataset: sources read lazily, block by block, with the changes that were made to them."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import polars as pl

from ..settings import Settings
from ..sources.opening import Source
from ..sources.reading import Format
from ..sources.records import BLOCK_RECORDS
from ..sources.roles import Role
from .blocks import Block, Rejected
from .changing import Changing
from .edits import Change, Edits, Record, State
from .index import Identities, Index, IndexBuilder, Spans, fresh_id, id_of
from .journal import Journal
from .leaving import Leaving
from .measuring import Measuring
from .model import Conversation
from .reader import Reader
from .review_state import Named
from .reviewing import Reviewing
from .search import Searches
from .segments import Folder
from .wording import plural

if TYPE_CHECKING:
    import pandas as pd


_CACHED = 256
_ALL = 2**62


class Dataset(Measuring, Reviewing, Changing, Leaving):
    """Conversations from one or more sources.

    ``len(ds)``, iteration, ``ds[3]`` (by position among the conversations), ``ds["id"]`` and slices give
    :class:`Conversation`. The sources are never written to; changes live in the dataset and can be undone.

    Attributes:
        settings: the values that :meth:`check` starts from, and where each came from (docs/settings.md).
        journal: what was done to it, and the folders where that is kept (docs/journal.md).
    """

    def __init__(
        self,
        sources: Sequence[Source],
        formats: tuple[Format, ...],
        roles: Mapping[str, Role],
        features: Any = None,
        progress: bool | None = None,
        settings: Settings | None = None,
        folders: Sequence[Folder | None] | None = None,
    ) -> None:
        self.settings = settings or Settings()
        self._reader = Reader(list(sources), formats, dict(roles), progress)
        self.features = features
        self.journal = Journal(self, folders or [None] * len(sources))
        self._spans = [Spans() for _ in sources]
        self._index: Index | None = None
        self._index_version = 0
        self._original: Index | None = None
        self._repeated: dict[tuple[int, int], tuple[str, int]] = {}
        self._renamed: dict[Named, int] = {}  # places of conversations by the ids that a split gave them
        self._cache: OrderedDict[tuple[int, int, int], Conversation] = OrderedDict()
        self.searches = Searches()
        self._lock = threading.RLock()

    # ------------------------------------------------------------------ reading

    def blocks(self) -> Iterator[Block]:
        """Every conversation, a few thousand at a time. A complete run leaves the index behind."""
        edits, version = self.journal.edits, self.journal.version
        builder = IndexBuilder()
        identities = Identities()
        spans = [Spans() for _ in self._reader.sources]
        for block in self._reader.blocks(edits, spans):
            if self._original is None:
                identities.assign(block)
            else:
                self._name(block, edits)
            builder.add(block)
            yield block
        with self._lock:
            index = builder.finish()
            if self._original is None:
                self._repeated = identities.repeated
                self._original = index
            self._spans = spans
            self._index, self._index_version = index, version

    def _name(self, block: Block, edits: Edits) -> None:
        """Set the ids of a block: those that its conversations had at first."""
        assert self._original is not None
        names = self._original.ids(block.source, block.indices)
        for at, index in enumerate(block.indices):
            state = edits.state((block.source, index)) if edits.version else None
            if state is not None and state.id is not None:
                names[at] = state.id
        block.ids = [fresh_id(block, at) if name is None else name for at, name in enumerate(names)]
        for index in block.indices if self._repeated else ():
            if (block.source, index) in self._repeated:
                block.repeated[index] = self._repeated[block.source, index]

    @property
    def index(self) -> Index:
        """What is kept of every conversation; made by reading the sources once, and again only the records that change."""
        with self._lock:
            if self._index is None:
                for _ in self.blocks():
                    pass
            elif self._index_version != self.journal.version:
                self._index, self._index_version = self._reindexed(self._index), self.journal.version
            assert self._index is not None
            return self._index

    def _reindexed(self, index: Index) -> Index:
        """The index with what has changed since it was made."""
        edits, history = self.journal.edits, self.journal.history
        changed: dict[int, list[int]] = {}
        for source, place in history.touched(self._index_version, self.journal.version):
            if place >= 0:
                changed.setdefault(source, []).append(place)
        builder = IndexBuilder()
        for block in self.some((source, place) for source, places in changed.items() for place in places):
            builder.add(block)
        return index.with_changes(changed, builder.finish(), edits.positions())

    def some(self, records: Iterable[Record]) -> Iterator[Block]:
        """The conversations of some records as they are now, a few thousand at a time."""
        by_source: dict[int, list[int]] = {}
        for source, place in records:
            by_source.setdefault(source, []).append(place)
        for source, places in by_source.items():
            for start in range(0, len(places), BLOCK_RECORDS):
                now = list(self._now(source, places[start : start + BLOCK_RECORDS]))
                block = self._reader.some(source, now)
                self._name(block, self.journal.edits)
                yield block

    def _now(self, source: int, places: Sequence[int]) -> Iterator[tuple[int, int, bytes]]:
        """Place, line and bytes of those of some records that are there."""
        for place in places:
            data = self.record_bytes(source, place)
            if data is not None:
                yield place, self._line(source, place), data

    def _line(self, source: int, place: int, edits: Edits | None = None) -> int:
        origin = (self.journal.edits if edits is None else edits).origin(source, place)
        return self._spans[source].lines[origin]

    @property
    def sources(self) -> list[Source]:
        """The opened sources, in order."""
        return list(self._reader.sources)

    @property
    def edits(self) -> Edits:
        """The records that differ from their source now."""
        return self.journal.edits

    @property
    def version(self) -> int:
        """Rises with every change, undo and redo."""
        return self.journal.version

    @property
    def name(self) -> str:
        """What the dataset is called in headings: its file's name, or how many files it has."""
        names = [Path(source.name).name or source.name for source in self._reader.sources]
        return names[0] if len(names) == 1 else f"{len(names)} sources"

    def record_count(self, source: int) -> int:
        """Records of a source, rejected ones counted."""
        self._ensure_read()
        return len(self._spans[source])

    def record_span(self, source: int, index: int) -> tuple[int, int]:
        """Byte span of a record in its (unpacked) source."""
        self._ensure_read()
        spans = self._spans[source]
        return spans.starts[index], spans.ends[index]

    def _ensure_read(self) -> None:
        if self._index is None:
            _ = self.index

    def record_bytes(self, source: int, index: int, edits: Edits | None = None) -> bytes | None:
        """The bytes of a record as it is now (or under ``edits``); None if it was removed, or is none."""
        state = (self.journal.edits if edits is None else edits).state((source, index))
        if state is not None:
            return state.data
        if not (0 <= source < len(self._reader.sources) and 0 <= index < self.record_count(source)):
            return None
        return self._reader.sources[source].record(*self.record_span(source, index))

    def conversation_at(self, source: int, index: int, edits: Edits | None = None) -> Conversation | None:
        """The conversation of a record, None if the record is none (any more)."""
        edits = self.journal.edits if edits is None else edits
        key = (source, index, edits.since((source, index)))
        with self._lock:
            if key in self._cache:
                self._cache.move_to_end(key)
                return self._cache[key]
        data = self.record_bytes(source, index, edits)
        if data is None or (read := self._reader.one(data)) is None:
            return None
        raw, reading = read
        opened = self._reader.sources[source]
        line = self._line(source, index, edits) if opened.has_lines else None
        name = self._id_of(source, index, edits) or id_of(raw, reading)
        found = Conversation(name, opened.name, source, index, line, reading, raw, self._reader.roles)
        with self._lock:
            self._cache[key] = found
            while len(self._cache) > _CACHED:
                self._cache.popitem(last=False)
        return found

    def _id_of(self, source: int, index: int, edits: Edits) -> str | None:
        """The id that a conversation was given, None if the record became one only through a change."""
        state = edits.state((source, index))
        if state is not None and state.id is not None:
            return state.id
        self._ensure_read()
        assert self._original is not None
        (name,) = self._original.ids(source, [index])
        return name

    def reread(self, conversation: Conversation, data: bytes) -> Conversation | None:
        """The conversation with other bytes for its record, None if it would be none."""
        if (read := self._reader.one(data)) is None:
            return None
        raw, reading = read
        return replace(conversation, raw=raw, reading=reading)

    def block_of(self, datas: Sequence[bytes]) -> Block:
        """Records that stand in no source, as a block: what a check would make of them. Their positions are their numbers."""
        return self._reader.alone(datas)

    # ------------------------------------------------------------------ looking

    def __len__(self) -> int:
        return self.index.conversations.height

    def _row(self, row: int) -> Conversation:
        frame = self.index.conversations
        found = self.conversation_at(frame["source"][row], frame["index"][row])
        assert found is not None
        return found

    def __iter__(self) -> Iterator[Conversation]:
        return (self._row(row) for row in range(len(self)))

    def __contains__(self, key: object) -> bool:
        """Whether a conversation has this id, or is one of the dataset's."""
        name = key.id if isinstance(key, Conversation) else key
        return isinstance(name, str) and name in self.index.row_of_id

    @overload
    def __getitem__(self, key: int | str) -> Conversation: ...
    @overload
    def __getitem__(self, key: slice) -> list[Conversation]: ...
    def __getitem__(self, key: int | str | slice) -> Conversation | list[Conversation]:
        if isinstance(key, slice):
            return [self._row(row) for row in range(*key.indices(len(self)))]
        if isinstance(key, str):
            if key not in self.index.row_of_id:
                raise KeyError(f"No conversation has the id {key!r}.")
            return self._row(self.index.row_of_id[key])
        row = key + len(self) if key < 0 else key
        if not 0 <= row < len(self):
            raise IndexError(f"There are {len(self)} conversations; {key} is none of them.")
        return self._row(row)

    def where(self, query: str) -> list[Conversation]:
        """The conversations that match a query, in file order; docs/queries.md describes the language.

        Raises:
            QueryError: if a term is not understood.
        """
        from .query import Query

        rows = Query(query).conversation_rows(self)
        return [self._row(row) for row in rows]

    def find(self, query: str, *, limit: int | None = None) -> pd.DataFrame:
        """Where a query holds: one row a place, in file order, with the columns id, source, index, turn, start, end, text.

        With text terms the places are the stretches of text that were found; with ``code:`` or ``severity:`` those of the findings;
        with terms about turns alone whole turns; else conversations (turn, start and end are missing then). ``start`` and ``end``
        count code points of the turn's text; ``text`` is that stretch with 40 characters on either side.

        Args:
            query: as in :meth:`where`.
            limit: so many places at most; None for all.

        Raises:
            QueryError: if a term is not understood.
        """
        from .query import Query
        from .search import find

        found = _pandas(find(self, Query(query)).head(_ALL if limit is None else limit))
        return found.astype(dict.fromkeys(("source", "index", "turn", "start", "end"), "Int64"))

    def conversations(self) -> pd.DataFrame:
        """One row a conversation: source, index, line, id, format, title, turns, words, exchanges, system prompt."""
        return _pandas(self.index.conversations)

    def turns(self) -> pd.DataFrame:
        """The turn table: one row a message, with its text and measures (characters, words, share of quoted speech)."""
        from .turns import quote_share

        parts, count = [], 0
        for block in self.blocks():
            shifted = block.turns.with_columns(
                (pl.col("conversation") + count).cast(pl.UInt32), quote_share()
            )
            parts.append(shifted.drop("calls", "alias", "marks", "odd"))
            count += len(block)
        return _pandas(pl.concat(parts) if parts else pl.DataFrame())

    @property
    def rejected(self) -> list[Rejected]:
        """Records that could not be read as conversations, with line and reason."""
        return list(self.index.rejected)

    def __repr__(self) -> str:
        turns = self.index.turns.height
        lost = len(self.index.rejected)
        parts = [plural(len(self), "conversation"), plural(turns, "turn")]
        if lost:
            parts.append(f"{plural(lost, 'record')} could not be read")
        if changed := len(self.journal.edits):
            parts.append(f"{plural(changed, 'record')} changed")
        parts += [
            f"{source.name} is {source.foreign}"
            for source in self._reader.sources
            if source.foreign is not None
        ]
        return f"<Dataset {self.name}: {', '.join(parts)}>"

    # ------------------------------------------------------------------ changing

    def states_of(self, record: Record, change: Change) -> Iterator[tuple[Record, State]]:
        """The states of records that a change to one of them brings about."""
        self._ensure_read()
        edits = self.journal.edits
        before = edits.state(record) or State(None)
        if not isinstance(change, tuple):
            yield record, replace(before, data=change)
            return
        source, place = record
        name = self._id_of(source, place, edits)
        more = self.journal.history.places(source, self.record_count(source), len(change) - 1)
        self._renamed |= {(source, f"{name}/{at}"): one for at, one in enumerate((place, *more), start=1)}
        yield record, replace(before, data=change[0], id=f"{name}/1", parts=(*more, *before.parts))
        for number, (part, data) in enumerate(zip(more, change[1:], strict=True), start=2):
            yield (source, part), State(data, f"{name}/{number}", part_of=place)

    def record_named(self, source: int, name: str) -> Record | None:
        """The record of the conversation with an id, also where it is gone by now; None if there is none."""
        self._ensure_read()
        assert self._original is not None
        place = self._renamed.get((source, name))
        if place is None:
            place = self._original.place_of(source, name)
        if place is None or self._id_of(source, place, self.journal.edits) != name:
            return None
        return source, place


def _pandas(frame: Any) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame({name: frame[name].to_list() for name in frame.columns})
