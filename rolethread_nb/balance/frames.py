"""What a balance counts, as frames of pandas."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from .facet import MISSING, Codes, Facet
from .measures import QUANTILES
from .selection import NONE, OTHERS, Selection, categories

if TYPE_CHECKING:
    import pandas as pd

_WHOLE = ("count", "missing", *QUANTILES, "distinct")


def shown_as(selection: Selection, facet: Facet, values: pl.Series, most: int) -> tuple[Codes, list[str]]:
    """Values as a table shows them: the number of the label of each, and the labels.

    A value that is called like what is added up, or like what has no value, is in quotation marks.
    """
    known = values.to_numpy()
    if facet.kind == "number":
        bands = selection.bands(facet)
        return np.where(known == MISSING, MISSING, bands.of(known)).astype(np.int32), selection.labels(
            facet, bands.keys
        )
    column = selection.column(facet)
    order = categories(column, values)
    names = [] if column.labels is None else column.labels.gather(order[:most]).to_list()
    rest = order[most:]
    numbers = np.full((0 if column.labels is None else len(column.labels)) + 1, MISSING, dtype=np.int32)
    numbers[order] = np.minimum(np.arange(len(order)), most)
    labels = [f'"{label}"' if label in (NONE, OTHERS) else label for label in selection.labels(facet, names)]
    return numbers[known], [*labels, *([OTHERS] if len(rest) else [])]


def crossed(
    selection: Selection, one: Facet, other: Facet, most: int, *, raw: bool = False
) -> tuple[pl.DataFrame, tuple[list[str], list[str]]]:
    """Two facets side by side, their values numbered as they are shown, and the labels; -1, the last label, is no value.

    With ``raw`` the values of the first stay as they are, and have no labels.
    """
    joined = selection.joined(one, other)
    labels: list[list[str]] = [[], []]
    for at, facet in enumerate((one, other)):
        if raw and at == 0:
            continue
        column = ("one", "other")[at]
        codes, own = shown_as(selection, facet, joined[column], most)
        joined = joined.with_columns(pl.Series(column, codes, dtype=pl.Int32))
        labels[at] = [*own, NONE]
    return joined, (labels[0], labels[1])


def frame_of(rows: Mapping[Any, Mapping[str, Any]], name: str, columns: Sequence[str]) -> pd.DataFrame:
    """Rows of numbers, whole ones as such; missing where a row has none."""
    import pandas as pd

    frame = pd.DataFrame({column: [row.get(column) for row in rows.values()] for column in columns})
    frame.index = pd.Index(list(rows), name=name)
    return frame.astype(
        {column: "Int64" for column in columns if column in _WHOLE}
        | {column: float for column in columns if column in ("mean", "effective", "top_share", "top3_share")}
    )


def places_frame(frame: pl.DataFrame) -> pd.DataFrame:
    import pandas as pd

    found = pd.DataFrame({name: frame[name].to_list() for name in frame.columns})
    return found.astype({"id": object} | dict.fromkeys(("source", "index", "turn"), "Int64"))
