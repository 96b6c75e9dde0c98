"""The turn table with what conditions ask of it: the place of each turn in its conversation, and measures."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import polars as pl

from ..core.blocks import Block
from ..core.word_table import Flags
from .measures import measures

_PLACE: dict[str, Any] = {
    **dict.fromkeys(
        "begins ordered has_assistant is_first is_last is_second_system after_other_role".split(), pl.Boolean
    ),
    **dict.fromkeys("previous_role previous_speaker previous_kind".split(), pl.String),
}


def with_place(turns: pl.DataFrame) -> pl.DataFrame:
    """The turn table with the place of each turn in its conversation (the last fields of the vocabulary).

    The rejected side of a preference pair has no place: order is judged on the prompt with the chosen side.
    """
    rejected = (turns["side"] == "rejected").fill_null(False)
    if rejected.any():
        return pl.concat([with_place(turns.filter(~rejected)), turns.filter(rejected)], how="diagonal")
    if not turns.height:
        return turns.with_columns(pl.lit(None, dtype=kind).alias(name) for name, kind in _PLACE.items())
    conversation = turns["conversation"].to_numpy()
    begins = np.ones(len(conversation), dtype=bool)
    begins[1:] = conversation[1:] != conversation[:-1]
    first_rows = np.flatnonzero(begins)
    group = np.cumsum(begins) - 1
    roles = turns["role"]
    system = roles.is_in(["system", "developer"]).fill_null(False).to_numpy()
    is_last = np.ones(len(conversation), dtype=bool)
    is_last[:-1] = begins[1:]

    def before(flag: Flags) -> np.ndarray[Any, Any]:
        """How many earlier turns of the same conversation have the flag."""
        total: np.ndarray[Any, Any] = np.cumsum(flag) - flag
        counted: np.ndarray[Any, Any] = total - total[first_rows][group]
        return counted

    def anywhere(flag: Flags) -> Flags:
        """Whether any turn of the same conversation has the flag."""
        found: Flags = np.logical_or.reduceat(flag, first_rows)[group]
        return found

    others_before = before(~system)
    flags = {
        "begins": begins,
        "ordered": ~anywhere(roles.is_null().to_numpy()),
        "has_assistant": anywhere((roles == "assistant").fill_null(False).to_numpy()),
        "is_first": ~system & (others_before == 0),
        "is_last": is_last,
        "is_second_system": system & (before(system) > 0),
        "after_other_role": others_before > 0,
    }
    return turns.with_columns(pl.Series(name, flag) for name, flag in flags.items()).with_columns(
        pl.when(~pl.col("begins")).then(pl.col(name).shift(1)).alias(f"previous_{name}")
        for name in ("role", "speaker", "kind")
    )


def turns_for(block: Block, conditions: Iterable[pl.Expr]) -> pl.DataFrame:
    """The turn table with everything that some conditions ask of it."""
    asked = {name for condition in conditions for name in condition.meta.root_names()}
    return with_place(block.turns.with_columns(measures(block, asked)))
