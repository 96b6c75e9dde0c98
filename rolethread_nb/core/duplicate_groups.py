"""Duplicates as they are looked at: groups, pairs, what differs, and what is done with them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np

from .differences import turn_changes
from .duplicate_group import Difference, DuplicateGroup
from .duplicate_keepers import Dropped, kept_for, kept_in_groups
from .duplicate_search import KINDS
from .edits import Record
from .errors import QueryError
from .found_duplicates import found_in, ids_of
from .model import Conversation
from .word_table import Places
from .wording import plural

if TYPE_CHECKING:
    import pandas as pd

    from .dataset import Dataset

__all__ = ["Difference", "Dropped", "DuplicateGroup", "Duplicates", "How"]

How = Literal["reject", "exclude"]

_NAMED = 3  # so many of those that are kept a note names


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
            raise QueryError(self._no_such(number))
        number %= len(self)
        own = self._own(number)
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

    def _own(self, number: int) -> slice:
        """Where the members of a group stand among those of all."""
        return slice(int(self._ends[number - 1]) if number else 0, int(self._ends[number]))

    def _no_such(self, number: int) -> str:
        count = len(self)
        if not count:
            return f"There are no duplicates, so there is no group {number}."
        numbers = "number 0" if count == 1 else f"numbers 0 to {count - 1}"
        is_ = "is" if count == 1 else "are"
        return f"There {is_} {plural(count, 'group')} of duplicates, {numbers}; {number} is none of them."

    def kept_in_place(self, number: int) -> Places:
        """For each member of a group the position of the one that is kept in its place, where nothing is rejected yet."""
        own = self._own(number)
        kept: Places = self._kept[own] - own.start
        return kept

    @cached_property
    def _kept(self) -> Places:
        """For each member of all groups, which of them is kept in its place."""
        like_first = self._found.kind[self._rows] != KINDS.index("near")
        if self.near is not None:
            like_first |= self._found.similarity[self._rows] >= self.near
        begins = np.append(0, self._ends[:-1]) if len(self) else self._ends
        return kept_in_groups(self._rows, begins, like_first, self._found.likeness.alike)

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
        """One row a group, in file order, with the columns group, kind, size, kept, representative, similarity, members.

        ``kept`` is how many stay where the others are dropped: more than one where members are duplicates only by way of another.
        ``representative`` is the id of the first member in the file, ``members`` are the ids of all; ``similarity`` is the lowest
        Jaccard index of a member with the first.
        """
        import pandas as pd

        rows = [
            (
                one.number,
                one.kind,
                len(one),
                len(one.kept),
                one.representative,
                one.similarity,
                list(one.ids),
            )
            for one in self
        ]
        titles = ["group", "kind", "size", "kept", "representative", "similarity", "members"]
        return pd.DataFrame(rows, columns=titles)

    @cached_property
    def members(self) -> pd.DataFrame:
        """One row a member, by group and in file order, with the columns group, id, source, index, kind, similarity, kept,
        kept_similarity.

        ``kind`` and ``similarity`` say how it is like the first of its group, which is of kind ``first``. ``kept`` is the id of the one
        that is kept in its place where the group is dropped, its own where it is kept itself; ``kept_similarity`` the Jaccard index
        with that one.
        """
        import pandas as pd

        similarity = self._found.likeness.of(self._rows, self._rows[self._kept])[1]
        sizes = np.diff(self._ends, prepend=0)
        columns = {
            "group": np.repeat(np.arange(len(self)), sizes),
            "id": self._ids,
            "source": self._found.source[self._rows],
            "index": self._found.index[self._rows],
            "kind": [(*KINDS, "first")[kind] for kind in self._found.kind[self._rows].tolist()],
            "similarity": self._found.similarity[self._rows],
            "kept": [self._ids[at] for at in self._kept.tolist()],
            "kept_similarity": similarity,
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
    ) -> Dropped:
        """Keep one conversation of a group and drop its duplicates, as one step of the journal that ``ds.undo()`` takes back.

        What hangs together with it by way of others alone is no duplicate of it: of those so many are kept that each of the others is
        a duplicate of one of them. The result names them (``.kept``).

        Dropped conversations are decided to be rejected, with a note that names what is kept. They stay in the dataset, in
        reports and in the panel, each can be looked at and taken back by itself, and ``ds.export(only="not-rejected")`` leaves them
        out: whether a near-duplicate is one too many is a judgement, and it is kept where the others are.

        Args:
            group: the group, its number, or the id of a member.
            id: the member that is kept. None: the first in the file that is not rejected yet.
            how: ``reject``, or ``exclude`` to take the others out of the dataset.

        Returns:
            The ids of those that were dropped; what was rejected before is not decided again.

        Raises:
            QueryError: if there is no such group or member, or the member is rejected.
            JournalError: if the journal's disk does not take it.
        """
        return self._dropped([self._group(group)], id, None, how)

    def drop(self, kind: str | None = None, *, how: How = "reject") -> Dropped:
        """Keep the first conversation of every group that is not rejected yet and drop the others, all as one step of the journal.

        Of those that are no duplicates of the first so many are kept that each of the others is a duplicate of one of them.

        Args:
            kind: only members that are in this way like the one that is kept in their place: ``exact``, ``dialogue`` or ``near``.
                None: all.
            how: as for :meth:`keep`.

        Returns:
            The ids of those that were dropped, with ``.kept`` for those that stay.

        Raises:
            QueryError: if there is no such kind.
            JournalError: if the journal's disk does not take it.
        """
        if kind is not None and kind not in KINDS:
            raise QueryError(f"A duplicate is {', '.join(KINDS)}, not {kind!r}.")
        return self._dropped(list(self), None, kind, how)

    def _dropped(
        self, groups: Sequence[DuplicateGroup], chosen: str | None, kind: str | None, how: How
    ) -> Dropped:
        gone: list[int] = []
        stay: list[int] = []
        for group in groups:
            left, kept = self._left(group, chosen)
            wanted = left != kept
            if kind is not None:
                wanted &= self._kinds(left, kept) == KINDS.index(kind)
            if wanted.any():
                gone += left[wanted].tolist()
                stay += left[~wanted].tolist()
        names = Dropped([self._ids[at] for at in gone], [self._ids[at] for at in stay])
        if gone:
            which = self._which([self._records[at] for at in gone], names)
            if how == "exclude":
                self.dataset.exclude(which)
            else:
                self.dataset.decide(which, "reject", note=_note(names.kept))
        return names

    def _left(self, group: DuplicateGroup, chosen: str | None) -> tuple[Places, Places]:
        """The members that are not rejected, and for each the one that is kept in its place; by their positions among all."""
        own = self._own(group.number)
        left = np.array(
            [self._is_left(self._records[at], self._ids[at]) for at in range(own.start, own.stop)]
        )
        at = None if chosen is None else group.at(chosen)
        if at is not None and not left[at]:
            raise QueryError(
                f"{group.ids[at]} is rejected or gone, so nothing can stay for it; take that back before it is kept."
            )
        if left.all() and not at:
            return np.arange(own.start, own.stop), self._kept[own]
        places = own.start + np.flatnonzero(left)
        if not len(places):
            return places, places
        first = 0 if at is None else int(np.searchsorted(places, own.start + at))
        return places, places[kept_for(self._rows[places], self._found.likeness.alike, first)]

    def _kinds(self, left: Places, right: Places) -> Places:
        return self._found.likeness.of(self._rows[left], self._rows[right])[0].astype(np.int64)

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
        stay = len(np.unique(self._kept))
        said = (
            f"{plural(len(self), 'group')} of duplicates ({kinds}) with {plural(len(self._rows), 'conversation')};"
            f" {len(self._rows) - stay:,} of {len(self._found.group):,} could go."
        )
        if (more := stay - len(self)) and self.near is not None:
            more_stay = "more stays" if more == 1 else "more stay"
            said += f" Beside the first of each group, {more:,} {more_stay}, being less than {self.near:g} like any that is kept."
        return said

    def __repr__(self) -> str:
        return f"<Duplicates of {self.dataset.name}: {self.summary}>"

    def _repr_html_(self) -> str:
        from ..outputs.duplicates_view import duplicates_html

        return duplicates_html(self)


def _note(kept: Sequence[str]) -> str:
    """What is said of those that are dropped: what stays for them, where that is few."""
    if len(kept) > _NAMED:
        return "duplicate of one that is kept"
    return "duplicate of " + " or ".join([", ".join(kept[:-1]), kept[-1]] if len(kept) > 1 else kept)


def _two_ids(ids: object) -> tuple[str, str]:
    match ids:
        case str(one), str(other):
            return one, other
    raise QueryError("diff takes a group, or the ids of two conversations.")
