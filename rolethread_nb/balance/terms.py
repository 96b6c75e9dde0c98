"""Facets as terms of a query: ``viewpoint:first``, ``dialogue:..30``, ``opening:"she smiled and"``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from ..checks.charts.wording import term
from ..core.query_terms import NAMES, range_of
from ..core.word_table import Flags
from ..language.packs import languages
from ..language.tongues import language_names
from ..sources.formats import formats
from .distributions import Distributions
from .facet import Facet
from .registry import facets
from .selection import Selection

if TYPE_CHECKING:
    from ..core.dataset import Dataset

_ALL = {facet.name: facet for facet in facets()}
_FACETS = {name: facet for name, facet in _ALL.items() if name not in NAMES}


def facet_names() -> tuple[str, ...]:
    """The facets that a query can name."""
    return tuple(_FACETS)


def exact_term(facet: Facet, value: str) -> str:
    """The term that finds the units with a value and no others; empty where there is none."""
    return (term(facet.name, value) if value else "") if facet.name in _FACETS else facet.found_by(value)


def values_of(name: str, dataset: Dataset) -> Sequence[str] | None:
    """The values that a category can have in a dataset; None where the data alone says which there are, as of speakers or tags."""
    if name == "source":
        return [str(number) for number in range(len(dataset.sources))]
    if name == "format":
        described = dataset.index.conversations["format"].unique(maintain_order=True)
        return list(dict.fromkeys([*described, *(form.name for form in formats())]))
    if name == "language":
        return [
            *dict.fromkeys([*language_names(), *languages()]),
            *(f"{script} script" for script in _ALL["script"].values),
        ]
    return (_ALL[name].values if name in _ALL else ()) or None


def check_value(name: str, value: str) -> None:
    """Refuse what is no value of a facet.

    Raises:
        QueryError: if it is a number and this is none.
    """
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
    having = units_having(selection, facet, value)
    found: pl.DataFrame = selection.placed(facet.unit, np.flatnonzero(having))
    return found


def units_having(selection: Selection, facet: Facet, value: str) -> Flags:
    """Which units have a value of a facet, of a number one in a range as queries have it.

    Case counts only where the data has the value just as it is written, so that each of two spellings can be asked for.
    """
    labels = selection.column(facet).labels
    if facet.kind == "number":
        low, high = range_of(facet.name, value)
        asked = [f"{low}..{high}"] if low <= high else []
    elif labels is None:
        asked = []
    else:
        exact = labels.filter(labels == value)
        asked = (exact if len(exact) else labels.filter(labels.str.to_lowercase() == value.lower())).to_list()
    found: Flags = np.zeros(len(selection.gathered.rows(facet.unit)), dtype=bool)
    for one in asked:
        found |= selection.having(facet.unit, facet, one)
    return found
