"""Rules that look at replies one by one and have thresholds."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import polars as pl

from ...core.blocks import Block
from ...core.model import Conversation
from ..rule import DatasetFinding, Mark
from .replied import reply_rows


class LookedAt:
    """A wave that shows each reply that may be meant to a function.

    Args:
        may: whether the text of a turn may be meant; asked in columns.
        look: what is found in a turn of a conversation, by its number.
    """

    def __init__(self, may: pl.Expr, look: Callable[[Conversation, int], Iterable[Mark]]) -> None:
        self._may, self._look = may, look
        self._found: list[DatasetFinding] = []

    def partial(self, block: Block) -> None:
        """Look at a block."""
        if not block.turns.height:
            return
        replies = block.turns.select("conversation", "turn", "text").filter(reply_rows(block))
        for at, turn in replies.filter(self._may).select("conversation", "turn").iter_rows():
            place = block.source, block.indices[at]
            for mark in self._look(block.conversation(at), turn):
                evidence = {**(mark.evidence or {}), "turn": turn}
                self._found.append(DatasetFinding(evidence, (), conversation=place, span=mark.span))

    def finish(self) -> list[DatasetFinding]:
        """What was found."""
        return self._found
