"""Dividing: a dataset in parts for training, validation and test, none of which holds a copy of another's conversations."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np

from .blocks import Block
from .dataset_part import DatasetPart
from .errors import QueryError, StalePlanError
from .found_duplicates import checked_near
from .kept_together import GROUPED, STRATA, Key, groups_of, strata_of
from .leakage import Leakage, leakage_among
from .near_duplicates import SIMILARITY
from .shares import dealt, shares_of
from .word_table import Places
from .wording import plural

if TYPE_CHECKING:
    from .dataset import Dataset

__all__ = ["Division", "Key", "divide", "leakage_between"]

_OFF = 0.02  # a part that is further from its share than this share of the dataset is named
_TOLD = 5  # so many groups that are too large are named


class Division:
    """A dataset in parts (see :meth:`Dataset.split`).

    ``train, validation = ds.split(0.1)``: iteration and ``[0]`` give the parts, in order; ``["train"]`` gives one by its name.

    Attributes:
        dataset: the dataset that was split.
        parts: its parts, in order.
        wanted: the share that was wanted of each, 0 to 1, by name.
        seed: what the draw began with.
        notes: what could not be as it was wanted, in sentences.
    """

    def __init__(
        self,
        dataset: Dataset,
        wanted: Mapping[str, float],
        seed: int,
        by: Sequence[Key],
        stratify: Key | None,
        near: float,
    ) -> None:
        self.dataset = dataset
        self.wanted = dict(wanted)
        self.seed = seed
        self._edits = dataset.edits
        frame = dataset.index.conversations
        groups, names, standing = groups_of(dataset, by, near)
        sizes = np.bincount(groups, minlength=len(names))
        strata = strata_of(dataset, stratify, standing)
        part, large = dealt(sizes, _drawn(names, seed), strata, list(self.wanted.values()))
        self._part: Places = part[groups]
        self.parts = tuple(
            DatasetPart(dataset, name, frame.filter(self._part == number).select("source", "index", "id"))
            for number, name in enumerate(self.wanted)
        )
        self.notes = tuple(self._said(sizes, part, large))

    def _said(self, sizes: Places, part: Places, large: Places) -> Iterator[str]:
        count = len(self._part)
        for group in large[:_TOLD].tolist():
            yield (
                f"A group of {plural(int(sizes[group]), 'conversation')} ({sizes[group] / count:.1%} of all) is too large for the"
                f" smallest part; it is in {self.parts[part[group]].name} as a whole."
            )
        if len(large) > _TOLD:
            yield f"{plural(len(large) - _TOLD, 'more group')} {'is' if len(large) == _TOLD + 1 else 'are'} too large for the smallest part."
        for one in self.parts:
            off = len(one) - self.wanted[one.name] * count
            if count and (not len(one) or abs(off) > max(_OFF * count, 1)):
                less = "more" if off > 0 else "fewer"
                yield (
                    f"{one.name} has {plural(len(one), 'conversation')}, {abs(off):,.0f} {less} than its share:"
                    " what belongs together is not parted."
                )

    @property
    def shares(self) -> dict[str, float]:
        """The share of the conversations that each part has, by name."""
        return {one.name: len(one) / max(len(self._part), 1) for one in self.parts}

    def __len__(self) -> int:
        return len(self.parts)

    def __iter__(self) -> Iterator[DatasetPart]:
        return iter(self.parts)

    def __getitem__(self, which: int | str) -> DatasetPart:
        if isinstance(which, int):
            if not -len(self) <= which < len(self):
                raise QueryError(
                    f"The split has {plural(len(self), 'part')}, numbers 0 to {len(self) - 1}; {which} is none of them."
                )
            return self.parts[which]
        for one in self.parts:
            if one.name == which:
                return one
        raise KeyError(f"No part is called {which!r}; there are {', '.join(self.wanted)}.")

    def leakage(self, near: float | None = SIMILARITY) -> Leakage:
        """The duplicates, exact and near, of which one stands in one part and one in another, and the prompts and system prompts that
        parts share.

        Args:
            near: the Jaccard index from which on two conversations are near-duplicates; None: look for exact ones and dialogues only.

        Raises:
            StalePlanError: if the dataset has changed since it was split.
            QueryError: if ``near`` is no Jaccard index above 0.
        """
        checked_near(near)
        if self.dataset.edits is not self._edits:
            raise StalePlanError("The dataset has changed since it was split; split it again.")
        index = self.dataset.index

        def blocks() -> Iterator[tuple[Places, Block]]:
            for block in self.dataset.blocks():
                yield self._part[index.rows(block.source, block.indices)], block

        return leakage_among(blocks(), near, [(one.name, self.dataset, len(one)) for one in self.parts])

    @property
    def summary(self) -> str:
        """The sizes of the parts, in one line."""
        shares = self.shares
        return ", ".join(f"{one.name} {len(one):,} ({shares[one.name]:.1%})" for one in self.parts)

    def __repr__(self) -> str:
        return f"<Split of {self.dataset.name}: {' '.join([self.summary + '.', *self.notes])}>"

    def _repr_html_(self) -> str:
        from ..outputs.duplicates_view import division_html

        return division_html(self)


def divide(
    dataset: Dataset,
    wanted: float | Mapping[str, float],
    *,
    seed: int,
    by: Key | Sequence[Key] | None,
    stratify: Key | None,
    near: float,
) -> Division:
    """See :meth:`Dataset.split`."""
    checked_near(near)
    keys: list[Any] = (
        [] if by is None else list(by) if isinstance(by, list | tuple | set | frozenset) else [by]
    )
    for key in keys:
        if not (callable(key) or key in GROUPED):
            raise QueryError(
                f"Conversations are kept together by {', '.join(GROUPED)} or a function, not by {key!r}."
            )
    if not (stratify is None or callable(stratify) or stratify in STRATA):
        raise QueryError(f"A split is stratified by {', '.join(STRATA)} or a function, not by {stratify!r}.")
    _checked_seed(seed)
    return Division(dataset, shares_of(wanted), seed, keys, stratify, near)


def _checked_seed(seed: object) -> None:
    if not isinstance(seed, Integral):
        raise QueryError(f"A seed is a whole number, not {seed!r}.")


def _drawn(names: Sequence[str], seed: int) -> Places:
    """The groups in the order in which a seed draws them. It hangs on their names alone, so that what is added moves little."""
    marks = [hashlib.blake2b(f"{seed}:{name}".encode(), digest_size=8).digest() for name in names]
    return np.argsort(np.frombuffer(b"".join(marks), dtype=">u8"), kind="stable")


def leakage_between(dataset: Dataset, other: Dataset, near: float | None) -> Leakage:
    """See :meth:`Dataset.leakage`."""
    from .dataset import Dataset

    if not isinstance(other, Dataset):
        raise QueryError(
            f"A dataset is compared with another one, as rt.load gives it, not with {other!r:.60}."
        )
    checked_near(near)

    def blocks() -> Iterator[tuple[Places, Block]]:
        for number, one in enumerate((dataset, other)):
            for block in one.blocks():
                yield np.full(len(block), number), block

    names = [dataset.name, other.name if other.name != dataset.name else f"{other.name} (other)"]
    sides = [(name, one, len(one)) for name, one in zip(names, (dataset, other), strict=True)]
    return leakage_among(blocks(), near, sides)
