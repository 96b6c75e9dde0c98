"""Which of a group of duplicates are kept: so many that each of the others is like one of them.

A group is all that hangs together, so its ends may have nothing in common. What is dropped must be like something that stays, or the
dataset loses what stood nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from .word_table import Flags, Places

# Which of these pairs, left and right, are duplicates.
Alike = Callable[[Places, Places], Flags]

COMPARED = 64  # up to so many that are unlike the first, each is compared with each


def kept_in_groups(members: Places, begins: Places, like_first: Flags, alike: Alike) -> Places:
    """Which member of its group is kept in the place of each, for many groups that stand one behind the other.

    Args:
        members: the numbers of the members.
        begins: the position at which each group begins; its first member is kept.
        like_first: which members are duplicates of the first of their group, or are it.
        alike: as for :func:`kept_for`.

    Returns:
        The position of the kept one for each member.
    """
    ends = np.append(begins[1:], len(members))
    kept = np.repeat(begins, ends - begins)
    simple = np.logical_and.reduceat(like_first, begins) if len(begins) else like_first
    for begin, end in zip(begins[~simple].tolist(), ends[~simple].tolist(), strict=True):
        kept[begin:end] = begin + kept_for(members[begin:end], alike)
    return kept


def kept_for(members: Places, alike: Alike, first: int = 0) -> Places:
    """Which member is kept in the place of each.

    One member is kept first. Of those that are unlike it the one that is like most others of them is kept next, the earlier one of
    several; and so on until each is kept or like one that is. Where more than 64 are unlike the first, they are kept in their order.
    So no two that are kept are alike.

    Args:
        members: the numbers of the members, by which ``alike`` knows them.
        alike: which pairs of them are duplicates.
        first: the position of the member that is kept first.

    Returns:
        The position of the kept one for each member; its own for those that are kept.
    """
    kept = np.full(len(members), -1)
    rest = _kept_next(kept, members, alike, first)
    if len(rest) <= COMPARED:
        _kept_by_most(kept, members, alike, rest)
    while len(rest := np.flatnonzero(kept < 0)):
        _kept_next(kept, members, alike, int(rest[0]))
    return kept


def _kept_next(kept: Places, members: Places, alike: Alike, at: int) -> Places:
    """Keep a member for all that are like it and have none yet; gives the positions of those that are left."""
    kept[at] = at
    rest = np.flatnonzero(kept < 0)
    same = alike(np.full(len(rest), members[at]), members[rest])
    kept[rest[same]] = at
    return rest[~same]


def _kept_by_most(kept: Places, members: Places, alike: Alike, rest: Places) -> None:
    """Keep those of the rest that are like most others, one after the other."""
    left, right = np.triu_indices(len(rest), 1)
    like = np.eye(len(rest), dtype=bool)
    like[left, right] = like[right, left] = alike(members[rest[left]], members[rest[right]])
    open_ = np.ones(len(rest), dtype=bool)
    while open_.any():
        best = int(np.argmax((like & open_).sum(axis=1) * open_))
        kept[rest[like[best] & open_]] = rest[best]
        open_ &= ~like[best]


class Dropped(list[str]):
    """The ids of the conversations that were dropped, by group and in file order.

    Attributes:
        kept: the ids of those that stay in the groups concerned: each of the others is a duplicate of one of them.
    """

    def __init__(self, ids: Sequence[str] = (), kept: Sequence[str] = ()) -> None:
        super().__init__(ids)
        self.kept = tuple(kept)

    def __repr__(self) -> str:
        return f"<{len(self):,} dropped, {len(self.kept):,} kept: {super().__repr__()}>"
