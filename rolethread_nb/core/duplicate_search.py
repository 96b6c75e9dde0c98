"""The duplicates of one dataset or between several: what hangs together, as columns of numbers. No dataset is kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from .blocks import Block
from .duplicate_keys import add_block, dialogue_keys, exact_keys
from .groups import Groups
from .near_duplicates import NearDuplicates
from .shingles import Shares
from .word_table import Flags, Places

KINDS = ("exact", "dialogue", "near")  # from the most specific on
EXACT, DIALOGUE, NEAR, ALONE = range(4)

LISTED = 8  # in groups of up to so many, every pair is compared
_ROWS = np.empty(0, dtype=np.int64)

Numbers = np.ndarray[Any, np.dtype[np.int8]]


@dataclass(frozen=True)
class Pairs:
    """Verified pairs: numbers of two conversations, the earlier one left; what kind they are (a number of ``KINDS``); their Jaccard index."""

    left: Places
    right: Places
    kind: Numbers
    similarity: Shares


class Likeness:
    """How conversations are like one another.

    Args:
        rows: the conversations that are known, by their numbers, in rising order.
        exact, dialogue: what is the same of copies and of the same turns under another prompt; 0 where nothing can be.
        search: the words of each; None where nobody looks for near-duplicates.
    """

    def __init__(
        self, rows: Places, exact: Places, dialogue: np.ndarray[Any, Any], search: NearDuplicates | None
    ) -> None:
        self._rows, self._exact, self._dialogue, self._search = rows, exact, dialogue, search

    def only(self, rows: Places) -> Likeness:
        """That of some conversations, without what is held of the others."""
        at = np.searchsorted(self._rows, rows)
        search = None if self._search is None else self._search.only(at)
        return Likeness(rows, self._exact[at], self._dialogue[at], search)

    def of(self, left: Places, right: Places) -> tuple[Numbers, Shares]:
        """Kind and Jaccard index of pairs; those of which nothing else is known are near."""
        left, right = np.searchsorted(self._rows, left), np.searchsorted(self._rows, right)
        kind = self._kind(left, right)
        similarity = np.ones(len(left))
        near = np.flatnonzero(kind == NEAR)
        if len(near) and self._search is not None:
            similarity[near] = self._search.similarities(left[near], right[near])
        return kind, similarity

    def alike(self, left: Places, right: Places) -> Flags:
        """Which pairs are duplicates of any kind."""
        left, right = np.searchsorted(self._rows, left), np.searchsorted(self._rows, right)
        found: Flags = self._kind(left, right) != NEAR
        near = np.flatnonzero(~found)
        if len(near) and self._search is not None:
            found[near] = self._search.alike(left[near], right[near])
        return found

    def _kind(self, left: Places, right: Places) -> Numbers:
        kind = np.full(len(left), NEAR, dtype=np.int8)
        kind[(self._dialogue[left] == self._dialogue[right]) & (self._dialogue[left] != 0)] = DIALOGUE
        kind[(self._exact[left] == self._exact[right]) & (self._exact[left] != 0)] = EXACT
        return kind


@dataclass(frozen=True)
class Found:
    """The duplicates among conversations, which are numbered in the order in which they were read.

    Attributes:
        part: which of the datasets or parts each conversation is of.
        source, index: its record.
        group: the number of the first conversation that it hangs together with; its own where it has no duplicate.
        kind: how it is like the first of its group: a number of ``KINDS``, or ``ALONE`` for the first itself and those without duplicate.
        similarity: its Jaccard index with the first of its group; 1 for the first itself.
        pairs: all verified pairs of small groups; of larger ones so many that the group hangs together.
        likeness: what tells how members of groups are like one another.
    """

    part: Places
    source: Places
    index: Places
    group: Places
    kind: Numbers
    similarity: Shares
    pairs: Pairs
    likeness: Likeness

    def several(self) -> list[Places]:
        """The members of each group that has more than one, in order."""
        return _several(self.group)


def find_duplicates(blocks: Iterable[tuple[Places, Block]], near: float | None) -> Found:
    """Look for duplicates.

    Args:
        blocks: blocks with the part that each of their conversations is of.
        near: the Jaccard index from which on two conversations are near-duplicates; None: look for exact ones and dialogues only.
    """
    collected = Collected(near)
    with ThreadPoolExecutor(1) as beside:
        # One block is taken in while the next one is read, as a check does it.
        running: Future[None] | None = None
        for part, block in blocks:
            if running is not None:
                running.result()
            running = beside.submit(collected.add, part, block)
        if running is not None:
            running.result()
    return collected.found()


class Collected:
    """What is known of every conversation before they are compared.

    Attributes:
        search: what knows which are nearly the same; None if they are not looked for.
    """

    def __init__(self, near: float | None) -> None:
        self.search = None if near is None else NearDuplicates(near)
        self._columns: list[tuple[Any, ...]] = [(_ROWS, _ROWS, _ROWS, _ROWS, np.empty(0, dtype=np.uint64))]

    def add(self, part: Places, block: Block) -> None:
        """Take the conversations of a block, with the part that each is of."""
        if self.search is not None:
            add_block(self.search, block)
        place = np.full(len(block), block.source), np.array(block.indices, dtype=np.int64)
        self._columns.append((part, *place, exact_keys(block), dialogue_keys(block)[0]))

    def found(self) -> Found:
        """Compare them."""
        part, source, index, exact, dialogue = map(np.concatenate, zip(*self._columns, strict=True))
        return _Linked(part, exact, dialogue, self.search).found(source, index)


class _Linked:
    """Conversations with everything that ties them together."""

    def __init__(
        self, part: Places, exact: Places, dialogue: np.ndarray[Any, Any], search: NearDuplicates | None
    ) -> None:
        self._part, self._search = part, search
        self._likeness = Likeness(np.arange(len(part)), exact, dialogue, search)
        self._groups = Groups(len(part))
        self._ties = [_repeated(exact), _repeated(dialogue)]
        if search is not None and len(search):
            links = search.links()
            self._ties.append((links.left, links.right))
        for left, right in self._ties:
            self._groups.join(left, right)

    def found(self, source: Places, index: Places) -> Found:
        rows = np.arange(len(self._part))
        group = self._groups.of(rows)
        members = np.flatnonzero(group != rows)
        kind, similarity = np.full(len(rows), ALONE, dtype=np.int8), np.ones(len(rows))
        kind[members], similarity[members] = self._likeness.of(group[members], members)
        grouped = np.flatnonzero(np.bincount(group, minlength=1)[group] > 1)
        likeness = self._likeness.only(grouped)
        return Found(self._part, source, index, group, kind, similarity, self._pairs(group), likeness)

    def _pairs(self, group: Places) -> Pairs:
        wanted = [*self._ties]
        several = _several(group)
        listed = [pair for one in several if len(one) <= LISTED for pair in combinations(one.tolist(), 2)]
        left, right = np.array(listed, dtype=np.int64).reshape(-1, 2).T
        wanted.append((left, right))
        if self._part.max(initial=0) > 0:
            wanted += [pair for one in several if len(one) > LISTED for pair in _across(one, self._part[one])]
        left, right = (np.concatenate(side) for side in zip(*wanted, strict=True))
        count = max(len(group), 1)
        left, right = np.divmod(np.unique(np.minimum(left, right) * count + np.maximum(left, right)), count)
        kind, similarity = self._likeness.of(left, right)
        least = 0.0 if self._search is None else self._search.similarity
        kept = (kind != NEAR) | (similarity >= least)
        return Pairs(left[kept], right[kept], kind[kept], similarity[kept])


def _several(group: Places) -> list[Places]:
    """The members of each group that has more than one, by the lowest number that each hangs together with."""
    members = np.flatnonzero(np.bincount(group, minlength=1)[group] > 1)
    members = members[np.argsort(group[members], kind="stable")]
    begins = np.flatnonzero(np.diff(group[members], prepend=-1))
    return np.split(members, begins)[1:]


def _repeated(keys: np.ndarray[Any, Any]) -> tuple[Places, Places]:
    """The first with a key that is not 0, and each other with the same one."""
    filled = np.flatnonzero(keys)
    _, first, at = np.unique(keys[filled], return_index=True, return_inverse=True)
    begin = filled[first][at] if len(filled) else filled
    later: Flags = begin != filled
    return begin[later], filled[later]


def _across(members: Places, parts: Places) -> Iterator[tuple[Places, Places]]:
    """Each member of a large group with the first few of every other part."""
    for part in np.unique(parts).tolist():
        for first in members[parts == part][:LISTED].tolist():
            others = members[parts != part]
            yield np.full(len(others), first), others
