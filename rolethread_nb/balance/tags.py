"""Tags of records."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

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
        return column_of(pl.Series("tags", self._lists, dtype=pl.List(pl.String)))
