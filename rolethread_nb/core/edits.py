"""Edits: the records that are not as they came. Every state a record was in is kept, so that what saw it can look again."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

# A record: its source and its place in it. Those that were made of others have places behind the last of the source.
Record = tuple[int, int]
# What becomes of a record: other bytes; None, and it is gone; or several records in its place.
Change = bytes | None | tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class State:
    """A record that is not as it came.

    Attributes:
        data: its bytes, None if it is gone.
        id: the id of its conversation, where it is another than at first.
        parts: the places of the records that were made of it; they come right after it.
        part_of: the place of the record that it was made of.
    """

    data: bytes | None
    id: str | None = None
    parts: tuple[int, ...] = ()
    part_of: int | None = None


class History:
    """The states of records, by version. Nothing is taken out: to undo is to put the state before on top."""

    def __init__(self) -> None:
        self._states: dict[Record, tuple[list[int], list[State | None]]] = {}
        self._touched: list[tuple[Record, ...]] = [()]
        self._made: dict[int, int] = {}

    @property
    def version(self) -> int:
        """The number of the newest version; 0 is the source as it came."""
        return len(self._touched) - 1

    def put(self, states: Mapping[Record, State | None]) -> Edits:
        """A new version in which these records are in these states (None: as they came)."""
        self._touched.append(tuple(states))
        for record, state in states.items():
            versions, known = self._states.setdefault(record, ([], []))
            versions.append(self.version)
            known.append(state)
        return Edits(self, self.version)

    def put_back(self, step: int, edits: Edits) -> Edits:
        """A new version in which the records that the version ``step`` changed are in the states that ``edits`` has them in."""
        return self.put({record: edits.state(record) for record in self._touched[step]})

    def changed_by(self, version: int) -> tuple[Record, ...]:
        """The records that a version changed."""
        return self._touched[version]

    def state(self, record: Record, version: int) -> tuple[int, State | None]:
        """A record's state in a version, and the version it is from."""
        if (found := self._states.get(record)) is None:
            return 0, None
        at = bisect_right(found[0], version) - 1
        return (0, None) if at < 0 else (found[0][at], found[1][at])

    def states(self, version: int) -> Iterator[tuple[Record, State]]:
        """The records that are not as they came."""
        for record in self._states:
            state = self.state(record, version)[1]
            if state is not None:
                yield record, state

    def touched(self, first: int, last: int) -> dict[Record, None]:
        """The records that changed after one version and up to another."""
        return dict.fromkeys(record for records in self._touched[first + 1 : last + 1] for record in records)

    def places(self, source: int, first: int, count: int) -> list[int]:
        """Places for records that are made of others, the first of a source at ``first``; none is given twice."""
        made = self._made.get(source, 0)
        self._made[source] = made + count
        return list(range(first + made, first + made + count))


class Edits:
    """What a dataset differs in from its sources, at one version. It never changes; ``is`` tells whether two are the same state."""

    def __init__(self, history: History, version: int) -> None:
        self._history = history
        self.version = version

    def state(self, record: Record) -> State | None:
        """The state of a record, None if it is as it came."""
        return self._history.state(record, self.version)[1]

    def since(self, record: Record) -> int:
        """The version that gave a record its state, 0 if it is as it came."""
        return self._history.state(record, self.version)[0]

    def __contains__(self, record: Record) -> bool:
        return self.state(record) is not None

    def __len__(self) -> int:
        return sum(len(records) for records in self._by_source.values())

    def of_source(self, source: int) -> Mapping[int, State]:
        """The records of a source that are not as they came, by place."""
        return self._by_source.get(source, {})

    @cached_property
    def _by_source(self) -> dict[int, dict[int, State]]:
        found: dict[int, dict[int, State]] = {}
        for (source, place), state in self._history.states(self.version):
            found.setdefault(source, {})[place] = state
        return found

    def in_place_of(self, source: int, place: int) -> Iterator[int]:
        """The places of the record itself and of all that were made of it, in their order."""
        yield place
        state = self.state((source, place))
        for part in () if state is None else state.parts:
            yield from self.in_place_of(source, part)

    def positions(self) -> dict[Record, tuple[int, int]]:
        """Where the records stand that are made of others: the place in the source it began with, and their number behind it."""
        return {
            (source, place): (root, number)
            for source, states in self._by_source.items()
            for root, state in states.items()
            if state.parts and state.part_of is None
            for number, place in enumerate(self.in_place_of(source, root))
            if number
        }

    def origin(self, source: int, place: int) -> int:
        """The place in the source that a record comes from; its own, if it was made of no other."""
        while (state := self.state((source, place))) is not None and state.part_of is not None:
            place = state.part_of
        return place
