"""What a facet is: one thing that is counted about the turns or conversations of a dataset."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
import polars as pl

from ..checks.charts.wording import term

if TYPE_CHECKING:
    from .gathered import Gathered
    from .view import View

Unit = Literal["turn", "reply", "user turn", "conversation"]
Kind = Literal["number", "category", "list"]
#: Units in the order in which they nest: replies and user turns are turns, and turns stand in conversations.
UNITS: tuple[Unit, ...] = ("turn", "reply", "user turn", "conversation")

Codes = np.ndarray[Any, np.dtype[np.int32]]
Rows = np.ndarray[Any, np.dtype[np.int64]]
MISSING = -1


@dataclass(frozen=True)
class Column:
    """The values of a facet in compact form.

    Attributes:
        values: whole numbers, or codes of categories; -1 where there is none.
        labels: the categories by code, None for numbers.
        owners: for lists the unit that each value belongs to, rising; None where each unit has one value.
        reviewed: makes of it the column with what a review adds, which changes without the records; None where it adds nothing.
    """

    values: Codes
    labels: pl.Series | None = None
    owners: Rows | None = None
    reviewed: Callable[[Column, Gathered], Column] | None = None


class Collector(Protocol):
    """Gathers one facet from the blocks of a dataset."""

    def add(self, view: View) -> None:
        """Take what is needed from a block."""
        ...

    def finish(self, gathered: Gathered) -> Column:
        """The column, once all blocks were seen."""
        ...


def _as_it_is(gathered: Gathered, value: str) -> str:
    return value


def unsayable(value: str) -> str:
    """No query finds the value."""
    return ""


@dataclass(frozen=True)
class Facet:
    """One facet.

    Attributes:
        name: by which it is asked for.
        title: what a chart or table of it is called.
        unit: what has a value: a ``turn``, a ``reply`` (a text of the assistant that may be trained on), a ``user turn`` or a ``conversation``.
        kind: ``number`` (whole numbers), ``category`` (one of several values) or ``list`` (any number of values).
        about: how it is defined, in a sentence or two.
        collect: makes what gathers it.
        measure: what a number counts (``words``, ``%``); empty for the others.
        label: says a value for people.
        query: the query that finds a value (docs/queries.md), of numbers a range; None: the facet is a term of its own (``viewpoint:first``).
        values: all that a category can be; empty where the data alone says it, as of speakers or tags.
        apart: whether its values hang on more than the dataset: on a check, or on a tokenizer.
        searches: whether it needs a search through the whole dataset, so that it is computed only where it is named.
    """

    name: str
    title: str
    unit: Unit
    kind: Kind
    about: str
    collect: Callable[[], Collector]
    measure: str = ""
    label: Callable[[Gathered, str], str] = field(default=_as_it_is)
    query: Callable[[str], str] | None = None
    values: tuple[str, ...] = ()
    apart: bool = False
    searches: bool = False

    def found_by(self, value: str) -> str:
        """The query that finds a value; empty where there is none."""
        if self.query is not None:
            return self.query(value)
        return term(self.name, value) if value else ""


class Each:
    """Gathers one value a unit, or one list of values, as a function of each block."""

    def __init__(self, values: Callable[[View], pl.Series]) -> None:
        self._values = values
        self._parts: list[pl.Series] = []

    def add(self, view: View) -> None:
        self._parts.append(self._values(view))

    def finish(self, gathered: Gathered) -> Column:
        return column_of(pl.concat(self._parts)) if self._parts else NOTHING


class FromIndex:
    """Takes a facet from what is known once all blocks were seen."""

    def __init__(self, values: Callable[[Gathered], pl.Series]) -> None:
        self._values = values

    def add(self, view: View) -> None:
        """Nothing is needed from the blocks."""

    def finish(self, gathered: Gathered) -> Column:
        return column_of(self._values(gathered))


def column_of(values: pl.Series) -> Column:
    """Whole numbers, texts, or lists of texts as a column; null for none. Categories are numbered as they come."""
    if isinstance(values.dtype, pl.List):
        counts = values.list.len().fill_null(0).to_numpy()
        owners = np.repeat(np.arange(len(values)), counts)
        inner = values.filter(values.list.len() > 0).explode() if len(owners) else values.clear().explode()
        one = column_of(inner.cast(pl.String))
        return Column(one.values, one.labels, owners)
    if values.dtype == pl.String:
        labels = values.drop_nulls().unique(maintain_order=True)
        codes = values.cast(pl.Enum(labels)).to_physical().cast(pl.Int64)
        return Column(codes.fill_null(MISSING).to_numpy().astype(np.int32), labels)
    return Column(values.fill_null(MISSING).to_numpy().astype(np.int32))


NOTHING = Column(np.empty(0, dtype=np.int32))
