"""System prompts with their near-identical variants, and conversations that occur more than once, or nearly."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from ..checks.sketches import Sketches
from ..core.found_duplicates import found_in
from ..core.groups import Groups
from ..core.near_duplicates import SIMILARITY
from .facet import Column, column_of

if TYPE_CHECKING:
    from .gathered import Gathered
    from .view import View

_SIMILARITY = 0.8  # as of prompt.variants
ONLY, FIRST, AGAIN = "only one", "first of several", "repeats an earlier one"


@dataclass
class Variants:
    """Gathers the first system prompt of each conversation; those that are nearly the same go by the name of the most frequent one."""

    _known: dict[int, int] = field(default_factory=dict)
    _sketches: Sketches = field(default_factory=Sketches)
    _parts: list[pl.DataFrame] = field(default_factory=list)
    _conversations: int = 0

    def add(self, view: View) -> None:
        if view.turns.height:
            role = pl.col("role").is_in(["system", "developer"]).fill_null(False)
            first = view.turns.filter(role & (pl.col("chars") > 0)).unique(
                "conversation", keep="first", maintain_order=True
            )
            keys = first["text"].hash(7)
            fresh: list[int] = []
            for row, key in enumerate(keys.to_list()):
                if key not in self._known:
                    self._known[key] = len(self._known)
                    fresh.append(row)
            if fresh:
                self._sketches.add(first["text"].gather(fresh))
            numbers = pl.Series("prompt", [self._known[key] for key in keys.to_list()], dtype=pl.UInt32)
            place = (first["conversation"] + self._conversations).cast(pl.UInt32).alias("conversation")
            self._parts.append(pl.DataFrame([place, numbers]))
        self._conversations += len(view.block)

    def finish(self, gathered: Gathered) -> Column:
        names = gathered.index.conversations.select("system").with_row_index("conversation")
        if not self._parts:
            return column_of(names["system"])
        groups = Groups(len(self._known))
        for left, right, _ in self._sketches.neighbours(_SIMILARITY):
            groups.tie(left, right)
        group = groups.of(np.arange(len(self._known))).tolist()
        used = pl.concat(self._parts).join(names, on="conversation")
        used = used.with_columns(
            pl.col("prompt").replace_strict(dict(enumerate(group)), default=None).alias("group")
        )
        often = used.group_by("group", "system").agg(count=pl.len(), first=pl.col("conversation").min())
        chosen = (
            often.sort("count", "first", descending=[True, False])
            .group_by("group", maintain_order=True)
            .agg(pl.col("system").first().alias("variant"))
        )
        found = names.join(
            used.join(chosen, on="group").select("conversation", "variant"), on="conversation", how="left"
        )
        return column_of(found.sort("conversation")["variant"])


@dataclass
class Copies:
    """Gathers whether conversations occur more than once, word for word (as of dup.exact); those without turns do not count."""

    _first: dict[tuple[object, ...], int] = field(default_factory=dict)
    _copies: set[int] = field(default_factory=set)
    _states: list[str | None] = field(default_factory=list)

    def add(self, view: View) -> None:
        for key, reading in zip(view.block.content_keys, view.block.readings, strict=True):
            row = len(self._states)
            if not reading.turns:
                self._states.append(None)
                continue
            first = self._first.setdefault(key, row)
            self._states.append(ONLY if first == row else AGAIN)
            if first != row:
                self._copies.add(first)

    def finish(self, gathered: Gathered) -> Column:
        self._first.clear()
        for row in self._copies:
            self._states[row] = FIRST
        return column_of(pl.Series("copies", self._states, dtype=pl.String))


def near_copies(gathered: Gathered) -> pl.Series:
    """How many conversations are in the group of duplicates of each, near ones included; null for those without turns.

    The search is that of a check with ``dup.near`` or of :meth:`Dataset.duplicates`, where there was one.
    """
    group = found_in(gathered.dataset, SIMILARITY).group
    sizes = pl.Series("near_copies", np.bincount(group, minlength=1)[group], dtype=pl.Int64)
    turns = gathered.index.conversations["turns"]
    return sizes.to_frame().select(pl.when(turns > 0).then("near_copies"))["near_copies"]
