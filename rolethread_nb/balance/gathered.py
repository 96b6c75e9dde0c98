"""What is kept of a dataset for its balance: facets as compact columns, gathered in one pass over the blocks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from ..core.turns import encodable
from .facet import UNITS, Collector, Column, Facet, Rows, Unit
from .view import View

if TYPE_CHECKING:
    from ..core.dataset import Dataset
    from ..core.index import Index
    from ..core.report import Report

_Units = dict[Unit, Rows]


class Gathered:
    """The columns of one version of a dataset.

    Attributes:
        dataset: the dataset.
        version: the version of it that the columns are of.
        report: the check that findings are counted of; None until one is needed.
    """

    def __init__(self, dataset: Dataset, report: Report | None = None) -> None:
        self.dataset: Dataset = dataset
        self.version = dataset.version
        self.report = report
        self._edits = dataset.edits
        self._columns: dict[str, Column] = {}
        self._units: _Units = {}
        self._index: Index | None = None

    @property
    def index(self) -> Index:
        """The index of this version."""
        return self.dataset.index if self._index is None else self._index

    def compute(self, facets: Iterable[Facet]) -> None:
        """Gather those of some facets that are not there yet, in one pass."""
        fresh = {facet.name: facet.collect() for facet in facets if facet.name not in self._columns}
        if not fresh:
            return
        units: dict[Unit, list[Rows]] = {unit: [] for unit in UNITS}
        before = dict.fromkeys(UNITS, 0)
        total = 0
        with ThreadPoolExecutor(1) as beside:
            # One block is measured while the next one is read.
            running: Future[None] | None = None
            for block in self.dataset.blocks():
                if running is not None:
                    running.result()
                view = View(block)
                running = beside.submit(_add, view, fresh, units, total, before["conversation"])
                total += block.turns.height
                before["conversation"] += len(block)
            if running is not None:
                running.result()
        self._units = {
            unit: np.concatenate(rows) if rows else np.empty(0, dtype=np.int64)
            for unit, rows in units.items()
        }
        self._index = self.dataset.index
        for name, collector in fresh.items():
            self._columns[name] = collector.finish(self)

    @property
    def checked(self) -> Report:
        """The check whose findings are counted: the one that was given, if nothing has changed since; else a new one."""
        if self.report is None or self.report.edits is not self._edits:
            self.report = self.dataset.check(baseline=False)
        return self.report

    @cached_property
    def beside(self) -> tuple[bool, bool]:
        """Whether turns of the user or the assistant do not count as such (tool calls, rejected answers): some with a text, some without.

        A query about the role finds them too.
        """
        turns = self.index.turns
        other = (
            turns.select(pl.col("role").is_in(["user", "assistant"]).fill_null(False))
            .to_series()
            .to_numpy()
            .copy()
        )
        for unit in ("reply", "user turn"):
            other[self.rows(unit)] = False
        chars = turns["chars"].to_numpy()[other]
        return bool((chars > 0).any()), bool((chars == 0).any())

    def column(self, facet: Facet) -> Column:
        """The column of a facet, gathered now if it is not there yet."""
        self.compute([facet])
        return self._columns[facet.name]

    def rows(self, unit: Unit) -> Rows:
        """The rows of the index's turns (conversations) that are such units."""
        return self._units[unit]

    def conversation(self, unit: Unit) -> Rows:
        """The row of the conversation of each unit."""
        if unit == "conversation":
            return self.rows(unit)
        found: Rows = self.index.turns["conversation"].to_numpy()[self.rows(unit)].astype(np.int64)
        return found

    def text(self, unit: Unit, number: int) -> str:
        """The text of one turn."""
        row = int(self.rows(unit)[number])
        turns, conversations = self.index.turns, self.index.conversations
        at = int(turns["conversation"][row])
        found = self.dataset.conversation_at(
            conversations["source"][at], conversations["index"][at], self._edits
        )
        return "" if found is None else encodable(found.message(int(turns["turn"][row])).text)


def _add(
    view: View,
    collectors: Mapping[str, Collector],
    units: Mapping[Unit, list[Any]],
    turns: int,
    conversations: int,
) -> None:
    for unit, rows in units.items():
        rows.append(view.rows(unit) + (conversations if unit == "conversation" else turns))
    for collector in collectors.values():
        collector.add(view)
