"""Who speaks: the characters of a block."""

from __future__ import annotations

import polars as pl

from ...core.blocks import Block


def character_replies(block: Block) -> pl.DataFrame:
    """The replies of characters: of a speaker with a name, else under a system prompt. Repeated conversations count once.

    The column ``row`` is that of the turn table, ``key`` a hash of 64 bits of the character, ``prompt`` one of the system prompt.
    """
    turns = block.turns.with_row_index("row")
    prompts = (
        turns.filter(pl.col("role").is_in(["system", "developer"]) & (pl.col("words") > 0))
        .unique("conversation", keep="first", maintain_order=True)
        .select("conversation", prompt=pl.col("text").hash(11))
    )
    fresh = pl.Series(block.fresh[turns["conversation"].to_numpy()], dtype=pl.Boolean)
    return (
        turns.filter(
            fresh
            & (pl.col("role") == "assistant")
            & pl.col("kind").is_in(["text", "parts"])
            & (pl.col("side") != "rejected").fill_null(True)
        )
        .select("row", "conversation", "speaker", "text", "chars", "words")
        .join(prompts, on="conversation", how="left", maintain_order="left")
        .with_columns(
            key=pl.when(pl.col("speaker").is_null()).then("prompt").otherwise(pl.col("speaker").hash(12))
        )
        .filter(pl.col("key").is_not_null())
    )
