"""What was asked in a conversation: rows that share a prompt have the same key."""

from __future__ import annotations

import hashlib

import numpy as np
import polars as pl

from .blocks import Block
from .duplicate_keys import SYSTEM
from .turns import encodable

# Layouts of one prompt and what was answered to it; several records may share the prompt, by design or not.
_ASKING = frozenset(("preference", "kto", "prompt-completion", "alpaca", "query-response"))


def prompt_keys(block: Block, *, chats: bool = True) -> list[str | None]:
    """A hash of what was asked in each conversation; None where nothing was.

    In layouts of one prompt and its answer that is everything up to the last turn of the user; in chats it is his first turn. System
    prompts, case and blanks do not count.

    Args:
        block: the conversations.
        chats: False: chats have no key.
    """
    asking = np.array([reading.format in _ASKING for reading in block.readings], dtype=bool)
    keys: list[str | None] = [None] * len(block)
    if not block.turns.height or not (chats or asking.any()):
        return keys
    of_turns = pl.Series("asking", asking[block.turns["conversation"].to_numpy()])
    user = (pl.col("role") == "user").fill_null(False)
    asked = (
        block.turns.select("conversation", "role", "side", "text", of_turns, user.alias("user"))
        .filter(pl.col("side").is_null() & ~pl.col("role").is_in(SYSTEM).fill_null(False))
        .with_columns(
            before=pl.col("user").cum_sum().over("conversation"),
            behind=pl.col("user").cum_sum(reverse=True).over("conversation"),
        )
        .filter(
            pl.when("asking")
            .then(pl.col("behind") > 0)
            .otherwise(pl.col("user") & (pl.col("before") == 1) & chats)
        )
        .with_columns(pl.col("text").str.to_lowercase().str.extract_all(r"\S+").list.join(" "))
        .group_by("conversation", maintain_order=True)
        .agg(pl.col("text").str.join("\n"))
        .filter(pl.col("text").str.contains(r"\S"))
    )
    for at, text in asked.iter_rows():
        keys[at] = hashlib.blake2b(encodable(text).encode(), digest_size=16).hexdigest()
    return keys
