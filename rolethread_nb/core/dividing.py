"""Dividing: a dataset in parts for training, validation and test, none of which holds a copy of another's conversations."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from .blocks import Block
from .dataset_part import DatasetPart
from .duplicate_groups import checked_near, found_in
from .duplicate_search import find_duplicates
from .errors import QueryError, StalePlanError
from .groups import Groups
from .leakage import Leakage
from .model import Conversation
from .near_duplicates import SIMILARITY
from .shares import dealt, shares_of
from .word_table import Places
from .wording import plural

if TYPE_CHECKING:
    from .dataset import Dataset
from .turns import encodable

# What keeps conversations together, or what they are stratified by: a name, or a question to each conversation.
Key = str | Callable[[Conversation], object]

GROUPED = ("duplicates", "source", "character", "system")
STRATA = ("source", "format", "character", "system", "turns")
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
        groups, names = _groups(dataset, by, near)
        sizes = np.bincount(groups, minlength=len(names))
        strata = _strata(dataset, stratify, groups)
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
            return self.parts[which]
        for one in self.parts:
            if one.name == which:
                return one
        raise KeyError(f"No part is called {which!r}; there are {', '.join(self.wanted)}.")

    def leakage(self, near: float | None = SIMILARITY) -> Leakage:
        """The duplicates, exact and near, of which one stands in one part and one in another.

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

        sides = [(one.name, self.dataset, len(one)) for one in self.parts]
        return Leakage(find_duplicates(blocks(), near), sides)

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
    keys = [] if by is None else [by] if isinstance(by, str) or callable(by) else list(by)
    for key in keys:
        if isinstance(key, str) and key not in GROUPED:
            raise QueryError(
                f"Conversations are kept together by {', '.join(GROUPED)} or a function, not by {key!r}."
            )
    if isinstance(stratify, str) and stratify not in STRATA:
        raise QueryError(f"A split is stratified by {', '.join(STRATA)} or a function, not by {stratify!r}.")
    return Division(dataset, shares_of(wanted), seed, keys, stratify, near)


def _groups(dataset: Dataset, by: Sequence[Key], near: float) -> tuple[Places, list[str]]:
    """The number of the group of each conversation, and a name for each group that lasts when others are added."""
    index = dataset.index
    count = index.conversations.height
    tied = Groups(count)
    values: list[str | None] = [None] * count
    for key in by:
        if key == "duplicates":
            found = found_in(dataset, near)
            rows = np.empty(len(found.group), dtype=np.int64)
            for source in np.unique(found.source).tolist():
                own = found.source == source
                rows[own] = index.rows(source, found.index[own].tolist())
            tied.join(rows[found.group], rows)
            continue
        first: dict[str, int] = {}
        pairs = [(first.setdefault(value, row), row, value) for row, value in _values(dataset, key)]
        tied.join(
            np.array([one for one, _, _ in pairs], dtype=np.int64),
            np.array([row for _, row, _ in pairs], dtype=np.int64),
        )
        for _, row, value in pairs:
            values[row] = value
    ids = index.conversations["id"]
    # Named after what its members share where that is one value; else after the first id in alphabetical order.
    shared = (
        pl.Series(values, dtype=pl.String)
        if len(by) == 1
        else pl.Series([None], dtype=pl.String).new_from_index(0, count)
    )
    frame = pl.DataFrame({"group": tied.of(np.arange(count)), "id": ids, "value": shared})
    names = (
        frame.group_by("group")
        .agg(pl.col("id").min(), pl.col("value").min())
        .sort("group")
        .with_columns(name=pl.coalesce("value", "id"))
    )
    numbers = np.searchsorted(names["group"].to_numpy(), frame["group"].to_numpy())
    return numbers, names["name"].to_list()


def _values(dataset: Dataset, key: Key) -> Iterator[tuple[int, str]]:
    """What each conversation is grouped or stratified by, as (row, value); several rows of one conversation are possible."""
    index = dataset.index
    frame = index.conversations
    if callable(key):
        for row, conversation in enumerate(dataset):
            if (value := key(conversation)) is not None:
                yield row, encodable(str(value))
    elif key == "source":
        names = [f"{number} {source.name}" for number, source in enumerate(dataset.sources)]
        yield from enumerate(names[number] for number in frame["source"].to_list())
    elif key == "character":
        yield from _characters(dataset)
    elif key == "turns":
        edges = [frame["turns"].quantile(share) or 0 for share in (0.25, 0.5, 0.75)]
        quarters = np.searchsorted(edges, frame["turns"].to_numpy())
        yield from enumerate(map(str, quarters.tolist()))
    else:
        yield from ((row, value) for row, value in enumerate(frame[key].to_list()) if value is not None)


def _characters(dataset: Dataset) -> Iterator[tuple[int, str]]:
    """The names under which the assistant speaks; of a conversation without names its system prompt, which says who it is."""
    turns = dataset.index.turns.filter((pl.col("role") == "assistant") & pl.col("speaker").is_not_null())
    named = turns.select("conversation", pl.col("speaker").cast(pl.String)).unique(maintain_order=True)
    yield from named.iter_rows()
    having = set(named["conversation"].to_list())
    for row, system in enumerate(dataset.index.conversations["system"].to_list()):
        if system is not None and row not in having:
            yield row, f"system {system}"


def _strata(dataset: Dataset, key: Key | None, groups: Places) -> list[Places]:
    """The groups of each stratum; a group is where its first conversation is. Strata come in the order of their names."""
    numbers = np.unique(groups)
    if key is None:
        return [numbers]
    values = [""] * len(groups)
    for row, value in _values(dataset, key):
        values[row] = values[row] or value
    first = np.unique(groups, return_index=True)[1]
    own = np.array(values, dtype=object)[first]
    return [numbers[own == value] for value in sorted(set(own.tolist()))]


def _drawn(names: Sequence[str], seed: int) -> Places:
    """The groups in the order in which a seed draws them. It hangs on their names alone, so that what is added moves little."""
    marks = [hashlib.blake2b(f"{seed}:{name}".encode(), digest_size=8).digest() for name in names]
    return np.argsort(np.frombuffer(b"".join(marks), dtype=">u8"), kind="stable")


def leakage_between(dataset: Dataset, other: Dataset, near: float | None) -> Leakage:
    """See :meth:`Dataset.leakage`."""
    checked_near(near)

    def blocks() -> Iterator[tuple[Places, Any]]:
        for number, one in enumerate((dataset, other)):
            for block in one.blocks():
                yield np.full(len(block), number), block

    names = [dataset.name, other.name if other.name != dataset.name else f"{other.name} (other)"]
    sides = [(name, one, len(one)) for name, one in zip(names, (dataset, other), strict=True)]
    return Leakage(find_duplicates(blocks(), near), sides)
