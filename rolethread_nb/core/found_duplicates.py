"""The duplicates of a dataset, looked for once for each state of it."""

from __future__ import annotations

from numbers import Real
from typing import TYPE_CHECKING, TypeGuard
from weakref import WeakKeyDictionary

import numpy as np

from .duplicate_search import Found, find_duplicates
from .edits import Edits
from .errors import QueryError
from .word_table import Places

if TYPE_CHECKING:
    from .dataset import Dataset

_FOUND: WeakKeyDictionary[Dataset, tuple[Edits, dict[float | None, Found]]] = WeakKeyDictionary()


def found_in(dataset: Dataset, near: float | None) -> Found:
    """The duplicates of a dataset as it is now; they are looked for once for each state of it.

    Raises:
        QueryError: if ``near`` is no Jaccard index above 0.
    """
    checked_near(near)
    edits = dataset.edits
    known = _known(dataset, edits)
    if near not in known:
        blocks = ((np.zeros(len(block), dtype=np.int64), block) for block in dataset.blocks())
        known[near] = find_duplicates(blocks, near)
    return known[near]


def remember(dataset: Dataset, edits: Edits, near: float, found: Found) -> None:
    """Keep what a check found out on its way about one state of a dataset, so that nobody looks for it again."""
    if dataset.edits is edits:
        _known(dataset, edits)[near] = found


def _known(dataset: Dataset, edits: Edits) -> dict[float | None, Found]:
    held = _FOUND.get(dataset)
    if held is None or held[0] is not edits:
        held = _FOUND[dataset] = edits, {}
    return held[1]


def checked_near(near: object) -> None:
    """Refuse what is no threshold.

    Raises:
        QueryError: in one sentence.
    """
    if near is not None and not (_is_number(near) and 0 < near <= 1):
        raise QueryError(f"near is a Jaccard index above 0 and at most 1, or None, not {near!r}.")


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, Real) and not isinstance(value, bool)


def ids_of(dataset: Dataset, found: Found, rows: Places) -> list[str]:
    """The ids of conversations, by their numbers in what was found."""
    index = dataset.index
    at = np.empty(len(rows), dtype=np.int64)
    for source in np.unique(found.source[rows]).tolist():
        own = found.source[rows] == source
        at[own] = index.rows(source, found.index[rows[own]].tolist())
    names: list[str] = index.conversations["id"].gather(at).to_list()
    return names
