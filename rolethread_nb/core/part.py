"""A part of a dataset: methods that stand in a room of their own. :class:`Dataset` is put together from them."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING

from .edits import Record
from .errors import StalePlanError
from .model import Conversation
from .review_state import Named

if TYPE_CHECKING:
    from .dataset import Dataset
    from .journal import Journal

# A conversation, its id, or its position among the conversations.
Which = Conversation | str | int


class Part:
    """Base of the parts."""

    journal: Journal
    _lock: threading.RLock

    @property
    def _dataset(self) -> Dataset:
        from .dataset import Dataset

        assert isinstance(self, Dataset)
        return self

    def _conversation(self, which: Which) -> Conversation:
        if not isinstance(which, Conversation):
            return self._dataset[which]
        now = self._dataset.conversation_at(which.source_index, which.index)
        if now is None:
            raise KeyError(f"The conversation {which.id} is gone.")
        if now.raw != which.raw:
            raise StalePlanError(f"{which.id} has changed since it was looked at; look at it again.")
        return now

    def _places(self, which: Which | Iterable[Which]) -> list[tuple[Record, str]]:
        """Record and id of conversations. Those that are named by their id are not read."""
        several = [which] if isinstance(which, Conversation | str | int) else list(which)
        index = self._dataset.index
        sources, indices = index.conversations["source"], index.conversations["index"]
        found: list[tuple[Record, str]] = []
        for one in several:
            if isinstance(one, str) and (row := index.row_of_id.get(one)) is not None:
                found.append(((int(sources[row]), int(indices[row])), one))
            else:
                conversation = self._conversation(one)
                found.append(((conversation.source_index, conversation.index), conversation.id))
        return found

    @staticmethod
    def _named(conversation: Conversation) -> Named:
        return conversation.source_index, conversation.id
