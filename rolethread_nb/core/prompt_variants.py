"""System prompts that are nearly the same, as one: an edit of a prompt that was not carried through makes no other character."""

from __future__ import annotations

import numpy as np
import polars as pl

from ..checks.sketches import Sketches
from .blocks import Block
from .duplicate_keys import SYSTEM
from .groups import Groups
from .word_table import Places

_SIMILARITY = 0.8  # as of prompt.variants and the facet system_variant


class PromptVariants:
    """Feed it conversations, then ask which of them have the same system prompt, or nearly; the first one of each counts."""

    def __init__(self) -> None:
        self._known: dict[int, int] = {}
        self._sketches = Sketches()
        self._prompts: list[Places] = [np.empty(0, dtype=np.int64)]

    def add(self, block: Block) -> None:
        """Take the conversations of a block."""
        own = np.full(len(block), -1, dtype=np.int64)
        self._prompts.append(own)
        if not block.turns.height:
            return
        said = pl.col("role").is_in(SYSTEM).fill_null(False) & (pl.col("text") != "")
        first = block.turns.filter(said).unique("conversation", keep="first", maintain_order=True)
        if not first.height:
            return
        keys = first["text"].hash(7).to_list()
        fresh = []
        for row, key in enumerate(keys):
            if key not in self._known:
                self._known[key] = len(self._known)
                fresh.append(row)
        if fresh:
            self._sketches.add(first["text"].gather(fresh))
        own[first["conversation"].to_numpy()] = [self._known[key] for key in keys]

    def found(self) -> Places:
        """For each conversation, in the order in which they came, the number of its prompt and all variants; -1 where it has none."""
        groups = Groups(len(self._known) + 1)  # the last one stands for none
        if self._known:
            for left, right, _ in self._sketches.neighbours(_SIMILARITY):
                groups.tie(left, right)
        group = groups.of(np.arange(len(self._known) + 1))
        group[-1] = -1
        found: Places = group[np.concatenate(self._prompts)]
        return found
