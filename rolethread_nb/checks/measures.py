"""Measures of turns that are worked out only when a rule asks for them: columns of the turn table by name."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from ..core.blocks import Block
from ..language.packs import pack
from ..language.speech import narration

#: Before the name of a language: whether a turn is in it.
IN_LANGUAGE = "in:"
NARRATION = "narration"


def measures(block: Block, names: Iterable[str]) -> list[pl.Series]:
    """Those of some columns that are measures, for the rows of the turn table."""
    found = []
    for name in sorted(set(names)):
        if name == NARRATION:
            found.append(narration(block.turns["text"]))
        elif name.startswith(IN_LANGUAGE):
            found.append(pl.Series(name, pack(name.removeprefix(IN_LANGUAGE)).spoken(block.words)))
    return found
