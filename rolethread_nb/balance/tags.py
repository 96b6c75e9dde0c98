"""Tags of records."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import polars as pl

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
        for at, raw in enumerate(view.block.raws):
            tagged = type(raw) is dict and ("tags" in raw or "metadata" in raw)
            tags = [encodable(tag) for tag in view.block.conversation(at).tags] if tagged else []
            own = dict.fromkeys(self._written.setdefault(tag.lower(), tag) for tag in tags)
            self._lists.append(list(own) or None)

    def finish(self, gathered: Gathered) -> Column:
        return column_of(pl.Series("tags", self._lists, dtype=pl.List(pl.String)))
