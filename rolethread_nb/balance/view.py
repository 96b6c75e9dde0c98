"""A block as facets read it: its units, and measures that several facets share, each worked out once."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import polars as pl

from ..core.blocks import Block
from ..core.word_table import WordTable, words_of
from ..language.scripts import scripts
from ..language.spoken import spoken
from .facet import Rows, Unit
from .speech import Speech, speech_of


class View:
    """A block and what is measured in it. Texts and rows of a unit are in the order of the turn table."""

    def __init__(self, block: Block) -> None:
        self.block = block
        self.turns = block.turns
        self._rows: dict[Unit, Rows] = {}

    def rows(self, unit: Unit) -> Rows:
        """The rows of the turn table that are such turns; for ``conversation`` the numbers of the conversations."""
        if unit not in self._rows:
            self._rows[unit] = self._find(unit)
        return self._rows[unit]

    def _find(self, unit: Unit) -> Rows:
        if unit == "conversation":
            return np.arange(len(self.block))
        if unit == "turn" or not self.turns.height:
            return np.arange(self.turns.height)
        said = pl.col("kind").is_in(["text", "parts"]) & (pl.col("side").fill_null("") != "rejected")
        role = pl.lit("user") if unit == "user turn" else pl.lit("assistant")
        own = (pl.col("role") == role).fill_null(False) & said & ~pl.col("prompt_only")
        found: Rows = self.turns.select(own.alias("own"))["own"].arg_true().to_numpy().astype(np.int64)
        return found

    def of(self, unit: Unit, column: str) -> pl.Series:
        """A column of the turn table for the turns of a unit."""
        whole = self.turns[column]
        return whole if unit == "turn" else whole.gather(self.rows(unit))

    def first_of(self, unit: Unit) -> Rows:
        """How many turns of the unit come before each of them in its conversation."""
        at = self.of(unit, "conversation").to_numpy().astype(np.int64)
        starts = np.flatnonzero(np.diff(at, prepend=-1))
        counts = np.diff(starts, append=len(at))
        found: Rows = np.arange(len(at)) - np.repeat(starts, counts)
        return found

    @cached_property
    def speech(self) -> Speech:
        """Quoted speech and narration of the replies."""
        return speech_of(self.of("reply", "text"), self.of("reply", "conversation"))

    @cached_property
    def reply_words(self) -> WordTable:
        """The words of the replies: of those of all turns, where somebody else has wanted these."""
        if "words" in vars(self.block):
            return self.block.words.part(self.rows("reply"))
        return words_of(self.of("reply", "text"))

    @cached_property
    def script(self) -> pl.Series:
        """The script of each turn, null where it has no letters."""
        return scripts(self.turns["text"])

    @cached_property
    def language(self) -> pl.Series:
        """The language of each turn, null where nobody can tell."""
        conversation = self.turns["conversation"].to_numpy().astype(np.int64)
        return spoken(self.block.words, self.script, conversation)
