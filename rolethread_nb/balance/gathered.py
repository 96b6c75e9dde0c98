"""What is kept of a dataset for its balance: facets as compact columns, gathered in one pass over the blocks."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np
import polars as pl

from ..core.turns import encodable
from .facet import UNITS, Column, Facet, FromIndex, Rows, Unit
from .view import View

if TYPE_CHECKING:
    from ..core.blocks import Block
    from ..core.dataset import Dataset
    from ..core.edits import Edits
    from ..core.index import Index
    from ..core.report import Report

_Units = dict[Unit, Rows]


@dataclass
class _Known:
    """What is known of one state of a dataset, whoever asked for it."""

    edits: Edits
    index: Index | None = None
    columns: dict[str, Column] = field(default_factory=dict)
    units: _Units = field(default_factory=dict)


_KNOWN: WeakKeyDictionary[Dataset, _Known] = WeakKeyDictionary()


def _known_of(dataset: Dataset) -> _Known:
    edits = dataset.edits
    held = _KNOWN.get(dataset)
    if held is None or held.edits is not edits:
        held = _KNOWN[dataset] = _Known(edits)
    return held


class Gathered:
    """The columns of one version of a dataset. Those that hang on nothing but the dataset are gathered once for all who ask.

    Attributes:
        dataset: the dataset.
        version: the version of it that the columns are of.
        report: the check that findings are counted of; None until one is needed.
    """

    def __init__(self, dataset: Dataset, report: Report | None = None) -> None:
        self.dataset: Dataset = dataset
        self.version = dataset.version
        self.report = report
        self._known = _known_of(dataset)
        self._edits = self._known.edits
        self._own: dict[str, Column] = {}

    @property
    def index(self) -> Index:
        """The index of this version."""
        return self.dataset.index if self._known.index is None else self._known.index

    @property
    def units(self) -> _Units:
        """Where each unit stands (see :meth:`rows`); empty as long as nothing was gathered."""
        return self._known.units

    def compute(self, facets: Iterable[Facet]) -> None:
        """Gather those of some facets that are not there yet, in one pass."""
        gathering = self.begin(facets)
        if gathering is None or gathering.finished_without():
            return
        with ThreadPoolExecutor(1) as beside:
            # One block is measured while the next one is read.
            running: Future[None] | None = None
            for block in self.dataset.blocks():
                if running is not None:
                    running.result()
                running = beside.submit(gathering.add, block)
            if running is not None:
                running.result()
        gathering.finish()

    def begin(self, facets: Iterable[Facet]) -> Gathering | None:
        """A pass that gathers those of some facets that are not there yet; None if all are."""
        fresh = [facet for facet in facets if self._held(facet) is None]
        return Gathering(self, fresh) if fresh else None

    def keep(self, index: Index, units: _Units, columns: Iterable[tuple[Facet, Column]]) -> None:
        """Take what a pass has gathered."""
        self._known.index, self._known.units = index, units
        for facet, column in columns:
            (self._own if facet.apart else self._known.columns)[facet.name] = column

    def _held(self, facet: Facet) -> Column | None:
        return (self._own if facet.apart else self._known.columns).get(facet.name)

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
        found = self._held(facet)
        assert found is not None
        return found

    def rows(self, unit: Unit) -> Rows:
        """The rows of the index's turns (conversations) that are such units."""
        return self._known.units[unit]

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


def everything(dataset: Dataset) -> Gathering | None:
    """A pass that gathers every facet that hangs on nothing but the dataset; None if all are known."""
    from .registry import facets

    return Gathered(dataset).begin(facet for facet in facets() if not facet.apart)


class Gathering:
    """One pass over the blocks of a dataset that gathers some facets of it."""

    def __init__(self, gathered: Gathered, facets: Iterable[Facet]) -> None:
        self._gathered = gathered
        self._collectors = [(facet, facet.collect()) for facet in facets]
        self._units: dict[Unit, list[Rows]] = {unit: [] for unit in UNITS}
        self._turns = self._conversations = 0

    def add(self, block: Block) -> None:
        """Take the next block."""
        view = View(block)
        for unit, rows in self._units.items():
            before = self._conversations if unit == "conversation" else self._turns
            rows.append(view.rows(unit) + before)
        self._turns += block.turns.height
        self._conversations += len(block)
        for _, collector in self._collectors:
            collector.add(view)

    def finished_without(self) -> bool:
        """Let the dataset have the columns, if the blocks have nothing to say that is not known."""
        units = self._gathered.units
        if units and all(isinstance(collector, FromIndex) for _, collector in self._collectors):
            self._keep(units)
            return True
        return False

    def finish(self) -> None:
        """Let the dataset have the columns, once it has given its last block."""
        empty = np.empty(0, dtype=np.int64)
        units = {unit: np.concatenate([empty, *rows]) for unit, rows in self._units.items()}
        self._keep(units)

    def _keep(self, units: _Units) -> None:
        finished = ((facet, collector.finish(self._gathered)) for facet, collector in self._collectors)
        self._gathered.keep(self._gathered.dataset.index, units, finished)
