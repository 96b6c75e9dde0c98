"""Facets as terms of a query: ``viewpoint:first``, ``dialogue:..30``, ``opening:"she smiled and"``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from ..checks.charts.wording import term
from ..core.errors import QueryError
from ..core.query_terms import NAMES
from .distributions import Distributions
from .facet import Facet
from .registry import facets

if TYPE_CHECKING:
    from ..core.dataset import Dataset

_FACETS = {facet.name: facet for facet in facets() if facet.name not in NAMES}


def facet_names() -> tuple[str, ...]:
    """The facets that a query can name."""
    return tuple(_FACETS)


def exact_term(facet: Facet, value: str) -> str:
    """The term that finds the units with a value and no others; empty where there is none."""
    return (term(facet.name, value) if value else "") if facet.name in _FACETS else facet.found_by(value)


def check_value(name: str, value: str) -> None:
    """Refuse what is no value of a facet.

    Raises:
        QueryError: if it is a number and this is none.
    """
    from .bands import range_of

    if _FACETS[name].kind == "number":
        range_of(name, value)


def of_conversations(name: str) -> bool:
    """Whether conversations have a facet, and not turns."""
    return _FACETS[name].unit == "conversation"


def hits(dataset: Dataset, name: str, value: str) -> pl.DataFrame:
    """Where a facet has a value: source, index, and turn, which is null where conversations have it."""
    if dataset.searches.balance is None:
        dataset.searches.balance = Distributions(dataset)
    facet, selection = _FACETS[name], dataset.searches.balance.selection(name)
    try:
        having = selection.having(facet.unit, facet, value)
    except QueryError:  # nothing has that value
        having = np.zeros(len(selection.gathered.rows(facet.unit)), dtype=bool)
    found: pl.DataFrame = selection.placed(facet.unit, np.flatnonzero(having))
    return found
