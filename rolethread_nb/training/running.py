"""The work of a preflight: a dataset is judged a piece at a time, so that the first verdicts are there at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from itertools import islice

import polars as pl

from ..core.blocks import Block
from ..core.dataset import Dataset
from ..core.errors import StalePlanError
from ..core.model import Conversation
from .early import EarlyReader
from .targets.target import Judge
from .verdicts import Collected, Verdicts

PIECE = 64  # conversations that one trainer judges before others may have their turn
_LEAST = 8


class Run:
    """Judges the conversations of a dataset in the state it was in at the beginning. Any thread may push it on.

    Attributes:
        lock: held while a piece is judged; judges learn, so whoever asks one of them besides takes it too.
        edits: the state of the dataset that this is about.
        records: how many records there are to look at, those that cannot be read counted.
        done: whether all of them have been looked at.
        rejected: records among those looked at that could not be read as conversations.
    """

    def __init__(self, dataset: Dataset, judges: Mapping[str, Judge], records: int) -> None:
        self.lock = threading.RLock()
        self.edits = dataset.edits
        self.records = records
        self.done = False
        self.rejected = 0
        self._dataset = dataset
        self._judges = judges
        self._collected = Collected(list(judges))
        self._blocks: Iterator[Block] = dataset.blocks()
        self._piece = max(_LEAST, PIECE // max(1, len(judges)))
        self._early = EarlyReader(dataset, self.edits)
        self._speakers: dict[str, int] = {}
        self._begun = 0  # blocks
        self._block: Block | None = None
        self._before = 0  # conversations in the blocks before this one
        self._next_block()  # which fixes the state of the dataset

    @property
    def looked_at(self) -> int:
        """Records that were looked at, those that could not be read counted."""
        return self.records if self.done else min(self._collected.conversations + self.rejected, self.records)

    @property
    def conversations(self) -> int:
        """How many conversations have been judged."""
        return self._collected.conversations

    def so_far(self) -> Verdicts:
        """What is known now."""
        with self.lock:
            return self._collected.so_far()

    @property
    def speakers(self) -> Mapping[str, int]:
        """The names of turns in the blocks that were read, numbered as they come up."""
        return self._speakers

    def conversation_at(self, source: int, index: int) -> Conversation | None:
        """A conversation as it was at the beginning, None if there is none. One that was looked at needs no index of the dataset."""
        here = (pl.col("source") == source) & (pl.col("index") == index)
        with self.lock:
            names = [] if self.done else self.so_far().frame.filter(here)["id"].to_list()
            if names:
                return self._early.conversation_at(source, index, names[0])
        return self._dataset.conversation_at(source, index, self.edits)

    def advance(self) -> bool:
        """Judge the next few conversations; False once there is nothing left to do.

        Raises:
            SourceError: a file has changed or cannot be read any more.
            StalePlanError: the dataset has changed, and reading was interrupted before.
        """
        with self.lock:
            block = self._block
            if block is None:
                return False
            at = self._collected.conversations - self._before
            piece = [block.conversation(one) for one in range(at, min(at + self._piece, len(block)))]
            self._collected.add(
                [
                    (conversation, {name: judge(conversation) for name, judge in self._judges.items()})
                    for conversation in piece
                ]
            )
            if at + len(piece) >= len(block):
                self._next_block()
            return not self.done

    def finish(self) -> Verdicts:
        """Do all that is left, and say what is known then.

        Raises:
            SourceError, StalePlanError: as `advance` does.
        """
        while self.advance():
            pass
        return self.so_far()

    def _next_block(self) -> None:
        begun, before = self._begun, self._collected.conversations
        try:
            block = next(self._blocks, None)
        except BaseException:
            # A generator that was interrupted is at its end; what is left is read by another.
            self._blocks = self._again(begun)
            raise
        rejected = 0 if block is None else len(block.rejected)
        self._begun, self._before, self._block = begun + 1, before, block
        self.rejected += rejected
        if block is not None:
            for name in block.turns["speaker"].cast(pl.String).drop_nulls().unique(maintain_order=True):
                self._speakers.setdefault(name, len(self._speakers))
        self.done = block is None

    def _again(self, begun: int) -> Iterator[Block]:
        if self._dataset.edits is not self.edits:
            raise StalePlanError("The dataset has changed since this preflight was begun; make it again.")
        yield from islice(self._dataset.blocks(), begun, None)
