"""One group of duplicates, and what two conversations differ in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from .differences import TurnChange
from .duplicate_search import KINDS
from .edits import Record
from .errors import QueryError
from .model import Conversation

if TYPE_CHECKING:
    from .duplicate_groups import Duplicates


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
    def kept(self) -> tuple[str, ...]:
        """The ids of those that :meth:`Duplicates.drop` keeps: the first, and of those that are unlike it so many that each of the others
        is a duplicate of one of them. No two of them are duplicates of each other."""
        places = self._duplicates.kept_in_place(self.number)
        return tuple(self.ids[at] for at in np.unique(places).tolist())

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
