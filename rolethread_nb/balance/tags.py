"""Tags of conversations: those of the record, and those that a review gave."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from ..core.model import tags_of
from ..core.turns import encodable
from .facet import Column, column_of

if TYPE_CHECKING:
    from .gathered import Gathered
    from .view import View


@dataclass
class Tags:
    """Gathers the tags of each conversation; those that differ in case alone are one, as it was first written."""

    _lists: list[list[str] | None] = field(default_factory=list)
    _written: dict[str, str] = field(default_factory=dict)

    def add(self, view: View) -> None:
        for raw in view.block.raws:
            tags = map(encodable, tags_of(raw))
            own = dict.fromkeys(self._written.setdefault(tag.lower(), tag) for tag in tags)
            self._lists.append(list(own) or None)

    def finish(self, gathered: Gathered) -> Column:
        of_records = column_of(pl.Series("tags", self._lists, dtype=pl.List(pl.String)))
        return replace(of_records, reviewed=_with_given)


def _with_given(column: Column, gathered: Gathered) -> Column:
    """The tags of the records with those that the review has given by now."""
    given = _given(gathered)
    if not given.height or column.labels is None or column.owners is None:
        return column
    names = column.labels.to_list()
    written = {name.lower(): name for name in reversed(names)}
    tags = [names[code] for code in column.values.tolist()]
    tags += [written.setdefault(tag.lower(), tag) for tag in given["tag"].to_list()]
    owners = np.concatenate([column.owners, given["row"].to_numpy().astype(np.int64)])
    together = (
        pl.DataFrame({"owner": owners, "tag": tags}, schema_overrides={"tag": pl.String})
        .unique(maintain_order=True)
        .sort("owner", maintain_order=True)
    )
    coded = column_of(together["tag"])
    return replace(coded, owners=together["owner"].to_numpy())


def _given(gathered: Gathered) -> pl.DataFrame:
    """The tags of the review, in file order: columns row, tag."""
    named: Mapping[tuple[int, str], frozenset[str]] = gathered.dataset.journal.review.tags
    rows = [(source, name, encodable(tag)) for (source, name), tags in named.items() for tag in sorted(tags)]
    schema = {"source": pl.UInt16, "id": pl.String, "tag": pl.String}
    given = pl.DataFrame(rows, schema=schema, orient="row")
    places = gathered.index.conversations.select("source", "id").with_row_index("row")
    found = given.join(places, on=["source", "id"], maintain_order="left")
    return found.select("row", "tag").sort("row", maintain_order=True)
