"""Duplicates as they are looked at: groups, pairs, what differs, and what is done with them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np

from .differences import TurnChange, turn_changes
from .duplicate_search import KINDS
from .edits import Record
from .errors import QueryError
from .found_duplicates import found_in, ids_of
from .model import Conversation
from .wording import plural

if TYPE_CHECKING:
    import pandas as pd

    from .dataset import Dataset

__all__ = ["Difference", "DuplicateGroup", "Duplicates", "How"]

How = Literal["reject", "exclude"]


@dataclass(frozen=True)
class DuplicateGroup:
    """Conversations that are the same, or nearly. Iteration gives them, in file order.

    Attributes:
        number: its number among the groups.
        ids: the ids of the members, in file order.
        kinds: how each member is like the first: ``exact``, ``dialogue`` or ``near``; of the first itself ``first``.
        similarities: the Jaccard index of each member with the first. It lies below the threshold where a member belongs to the group
            only by way of another.
        records: source and record of each member.
    """

    number: int
    ids: tuple[str, ...]
    kinds: tuple[str, ...] = field(repr=False)
    similarities: tuple[float, ...] = field(repr=False)
    records: tuple[Record, ...] = field(repr=False)
    _duplicates: Duplicates = field(repr=False, compare=False)

    @property
    def kind(self) -> str:
        """``exact``, ``dialogue`` or ``near``: what the member that is least like the first is."""
        return max(self.kinds[1:], key=KINDS.index)

    @property
    def representative(self) -> str:
        """The id of the member that stands for the others: the first one in the file."""
        return self.ids[0]

    @property
    def similarity(self) -> float:
        """The lowest Jaccard index of a member with the first."""
        return min(self.similarities)

    @property
    def query(self) -> str:
        """A query that finds the members, for ``ds.where``, exports and the panel: ``index:3 index:17``.

        In a dataset of several sources it finds what stands at these places in any of the sources concerned, which may be more.
        """
        places = [f"index:{index}" for _, index in self.records]
        if len(self._duplicates.dataset.sources) == 1:
            return " ".join(places)
        return " ".join(
            [*(f"source:{source}" for source in sorted({one for one, _ in self.records})), *places]
        )

    def __len__(self) -> int:
        return len(self.ids)

    def __iter__(self) -> Iterator[Conversation]:
        return (self[at] for at in range(len(self)))

    def __getitem__(self, at: int) -> Conversation:
        return self._duplicates.conversation(self.records[at])

    def at(self, member: int | str) -> int:
        """The position of a member.

        Raises:
            QueryError: if the group has no such member.
        """
        if isinstance(member, int) and -len(self) <= member < len(self):
            return member % len(self)
        if member in self.ids:
            return self.ids.index(str(member))
        raise QueryError(f"Group {self.number} has no member {member!r}; it has {', '.join(self.ids[:20])}.")


@dataclass(frozen=True)
class Difference:
    """What two conversations differ in; shown as text, and in a notebook as HTML.

    Attributes:
        before, after: the two conversations.
        turns: the turns that differ, system prompts included.
    """

    before: Conversation
    after: Conversation
    turns: Sequence[TurnChange]

    def __str__(self) -> str:
        from ..outputs.duplicates_view import difference_text

        return difference_text(self)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        from ..outputs.duplicates_view import difference_html

        return difference_html(self)


class Duplicates:
    """The duplicates of a dataset (see :meth:`Dataset.duplicates`). ``len``, iteration and ``[n]`` give the groups, in file order.

    They are those of the dataset as it was when it was asked; after a change, ask again.

    Attributes:
        dataset: where they were looked for.
        near: the Jaccard index from which on two conversations are near-duplicates; None if these were not looked for.
    """

    def __init__(self, dataset: Dataset, near: float | None) -> None:
        self.dataset = dataset
        self.near = near
        self._found = found_in(dataset, near)
        self._edits = dataset.edits
        members = self._found.several()
        rows = np.concatenate([np.empty(0, dtype=np.int64), *members])
        self._ends = np.cumsum([len(own) for own in members], dtype=np.int64)
        self._rows = rows
        self._records = list(
            zip(self._found.source[rows].tolist(), self._found.index[rows].tolist(), strict=True)
        )
        self._ids = ids_of(dataset, self._found, rows)

    def __len__(self) -> int:
        return len(self._ends)

    def __iter__(self) -> Iterator[DuplicateGroup]:
        return (self[number] for number in range(len(self)))

    def __getitem__(self, number: int) -> DuplicateGroup:
        if not isinstance(number, int):
            raise QueryError(f"A group is asked for by its number, not by {number!r}; group_of takes an id.")
        if not -len(self) <= number < len(self):
            raise IndexError(
                f"There are {plural(len(self), 'group')} of duplicates; {number} is none of them."
            )
        number %= len(self)
        own = slice(int(self._ends[number - 1]) if number else 0, int(self._ends[number]))
        kinds = [KINDS[kind] for kind in self._found.kind[self._rows[own]][1:].tolist()]
        similarities = self._found.similarity[self._rows[own]].tolist()
        return DuplicateGroup(
            number,
            tuple(self._ids[own]),
            ("first", *kinds),
            tuple(similarities),
            tuple(self._records[own]),
            self,
        )

    def group_of(self, id: str) -> DuplicateGroup | None:
        """The group of a conversation, by its id; None if it has no duplicate."""
        if id not in self._ids:
            return None
        return self[int(np.searchsorted(self._ends, self._ids.index(id), side="right"))]

    def conversation(self, record: Record) -> Conversation:
        """A conversation as it was when the duplicates were looked for."""
        found = self.dataset.conversation_at(*record, self._edits)
        assert found is not None
        return found

    # ------------------------------------------------------------------ tables

    @cached_property
    def groups(self) -> pd.DataFrame:
        """One row a group, in file order, with the columns group, kind, size, representative, similarity, members.

        ``representative`` is the id of the first member in the file, ``members`` are the ids of all; ``similarity`` is the lowest
        Jaccard index of a member with the first.
        """
        import pandas as pd

        rows = [
            (one.number, one.kind, len(one), one.representative, one.similarity, list(one.ids))
            for one in self
        ]
        return pd.DataFrame(
            rows, columns=["group", "kind", "size", "representative", "similarity", "members"]
        )

    @cached_property
    def members(self) -> pd.DataFrame:
        """One row a member, by group and in file order, with the columns group, id, source, index, kind, similarity.

        ``kind`` and ``similarity`` say how it is like the first of its group, which is of kind ``first``.
        """
        import pandas as pd

        sizes = np.diff(self._ends, prepend=0)
        columns = {
            "group": np.repeat(np.arange(len(self)), sizes),
            "id": self._ids,
            "source": self._found.source[self._rows],
            "index": self._found.index[self._rows],
            "kind": [(*KINDS, "first")[kind] for kind in self._found.kind[self._rows].tolist()],
            "similarity": self._found.similarity[self._rows],
        }
        return pd.DataFrame(columns)

    @cached_property
    def pairs(self) -> pd.DataFrame:
        """One row a verified pair, in file order, with the columns group, left, right, kind, similarity.

        Of groups of up to 8 members these are all pairs that are duplicates; of larger ones so many that the group hangs together.
        ``left`` and ``right`` are ids, the earlier one left. Every similarity was counted on the full sets.
        """
        import pandas as pd

        found = self._found.pairs
        at = {row: place for place, row in enumerate(self._rows.tolist())}
        left, right = ([at[row] for row in side.tolist()] for side in (found.left, found.right))
        columns = {
            "group": np.searchsorted(self._ends, left, side="right"),
            "left": [self._ids[place] for place in left],
            "right": [self._ids[place] for place in right],
            "kind": [KINDS[kind] for kind in found.kind.tolist()],
            "similarity": found.similarity,
        }
        return pd.DataFrame(columns)

    @property
    def counts(self) -> dict[str, int]:
        """Groups by kind."""
        kinds = [one.kind for one in self]
        return {kind: kinds.count(kind) for kind in KINDS}

    # ------------------------------------------------------------------ looking and deciding

    def diff(
        self, which: int | str | DuplicateGroup | tuple[str, str], other: int | str | None = None
    ) -> Difference:
        """What two conversations differ in, turn by turn and word by word.

        Args:
            which: a group or its number: its first member is compared with another. Or the id of a conversation, or two ids.
            other: which other: the id of a conversation, or the position of a member in the group (1 if nothing is said).

        Raises:
            QueryError: if there is no such group or member.
            KeyError: if no conversation has the id.
        """
        if isinstance(which, int | DuplicateGroup):
            group = self._group(which)
            before, after = group[0], group[group.at(1 if other is None else other)]
        else:
            before, after = map(
                self.dataset.__getitem__, _two_ids((which, other) if isinstance(which, str) else which)
            )
        return Difference(before, after, turn_changes(before, after))

    def keep(
        self, group: int | str | DuplicateGroup, id: str | None = None, *, how: How = "reject"
    ) -> list[str]:
        """Keep one conversation of a group and drop the others, as one step of the journal that ``ds.undo()`` takes back.

        Dropped conversations are decided to be rejected, with a note that names the one that is kept. They stay in the dataset, in
        reports and in the panel, each can be looked at and taken back by itself, and ``ds.export(only="not-rejected")`` leaves them
        out: whether a near-duplicate is one too many is a judgement, and it is kept where the others are.

        Args:
            group: the group, its number, or the id of a member.
            id: the member that is kept. None: the first in the file that is not rejected yet.
            how: ``reject``, or ``exclude`` to take the others out of the dataset.

        Returns:
            The ids of those that were dropped; what was rejected before is not decided again.

        Raises:
            QueryError: if there is no such group or member.
            JournalError: if the journal's disk does not take it.
        """
        return self._dropped([self._group(group)], id, None, how)

    def drop(self, kind: str | None = None, *, how: How = "reject") -> list[str]:
        """Keep the first conversation of every group that is not rejected yet and drop the others, all as one step of the journal.

        Args:
            kind: only members that are in this way like the first of their group: ``exact``, ``dialogue`` or ``near``. None: all.
            how: as for :meth:`keep`.

        Returns:
            The ids of those that were dropped.

        Raises:
            QueryError: if there is no such kind.
            JournalError: if the journal's disk does not take it.
        """
        if kind is not None and kind not in KINDS:
            raise QueryError(f"A duplicate is {', '.join(KINDS)}, not {kind!r}.")
        return self._dropped(list(self), None, kind, how)

    def _dropped(
        self, groups: Sequence[DuplicateGroup], kept: str | None, kind: str | None, how: How
    ) -> list[str]:
        gone: list[Record] = []
        names: list[str] = []
        for group in groups:
            left = [at for at, record in enumerate(group.records) if self._is_left(record, group.ids[at])]
            stays = (left[0] if left else 0) if kept is None else group.at(kept)
            dropped = [at for at in left if at != stays and kind in (None, group.kinds[at])]
            gone += [group.records[at] for at in dropped]
            names += [group.ids[at] for at in dropped]
        if not gone:
            return []
        which = self._which(gone, names)
        if how == "exclude":
            self.dataset.exclude(which)
        else:
            of = groups[0].ids[stays] if len(groups) == 1 else "an earlier conversation"
            self.dataset.decide(which, "reject", note=f"duplicate of {of}")
        return names

    def _is_left(self, record: Record, name: str) -> bool:
        """Whether a member is still there and not rejected."""
        made = self.dataset.journal.review.decisions.get((record[0], name))
        return (made is None or made.decision != "reject") and self.dataset.index.row(*record) is not None

    def _which(self, records: Sequence[Record], names: Sequence[str]) -> list[Conversation | str | int]:
        """How conversations are named to the dataset: by id, which reads none of them, where no two sources can share one."""
        if len(self.dataset.sources) == 1:
            return list(names)
        found = [self.dataset.conversation_at(*record) for record in records]
        return [one for one in found if one is not None]

    def _group(self, which: int | str | DuplicateGroup) -> DuplicateGroup:
        if isinstance(which, DuplicateGroup):
            return which
        if isinstance(which, int):
            return self[which]
        if (found := self.group_of(which)) is None:
            raise QueryError(f"{which!r} has no duplicate.")
        return found

    # ------------------------------------------------------------------ showing

    @property
    def summary(self) -> str:
        """How many there are, in one sentence."""
        if not len(self):
            return f"No duplicates among {plural(len(self._found.group), 'conversation')}."
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in self.counts.items() if count)
        more = len(self._rows) - len(self)
        return (
            f"{plural(len(self), 'group')} of duplicates ({kinds}) with {plural(len(self._rows), 'conversation')};"
            f" {more:,} of {len(self._found.group):,} could go."
        )

    def __repr__(self) -> str:
        return f"<Duplicates of {self.dataset.name}: {self.summary}>"

    def _repr_html_(self) -> str:
        from ..outputs.duplicates_view import duplicates_html

        return duplicates_html(self)


def _two_ids(ids: object) -> tuple[str, str]:
    match ids:
        case str(one), str(other):
            return one, other
    raise QueryError("diff takes a group, or the ids of two conversations.")
