"""Leakage: duplicates that stand in several parts of a dataset, or in two datasets."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from .differences import turn_changes
from .duplicate_groups import Difference, ids_of
from .duplicate_search import KINDS, Found
from .model import Conversation
from .word_table import Places
from .wording import plural

if TYPE_CHECKING:
    import pandas as pd

    from .dataset import Dataset

# A part, or a dataset: its name, the dataset that its conversations are of, and how many it has.
Side = tuple[str, "Dataset", int]


class Leakage:
    """The duplicates between parts (see :meth:`Division.leakage`, :meth:`Dataset.leakage`). ``len`` is the number of pairs."""

    def __init__(self, found: Found, sides: Sequence[Side]) -> None:
        self._found = found
        self._sides = list(sides)
        pairs = found.pairs
        part = found.part
        between = part[pairs.left] != part[pairs.right]
        left, right = pairs.left[between], pairs.right[between]
        turned = part[left] > part[right]
        self._left, self._right = np.where(turned, right, left), np.where(turned, left, right)
        self._kind, self._similarity = pairs.kind[between], pairs.similarity[between]

    def __len__(self) -> int:
        return len(self._left)

    @cached_property
    def pairs(self) -> pd.DataFrame:
        """One row a pair, with the columns left, left_part, right, right_part, kind, similarity.

        ``left`` and ``right`` are ids; ``kind`` is ``exact``, ``dialogue`` (the same turns under another system prompt) or ``near``;
        every similarity was counted. In groups of more than 8 members each is compared with the first 8 of every other part only.
        """
        import pandas as pd

        names = np.array([name for name, *_ in self._sides], dtype=object)
        columns = {
            "left": self._ids(self._left),
            "left_part": names[self._found.part[self._left]],
            "right": self._ids(self._right),
            "right_part": names[self._found.part[self._right]],
            "kind": [KINDS[kind] for kind in self._kind.tolist()],
            "similarity": self._similarity,
        }
        return pd.DataFrame(columns)

    def _ids(self, rows: Places) -> list[str]:
        names = np.empty(len(rows), dtype=object)
        part = self._found.part[rows]
        for number, (_, dataset, _) in enumerate(self._sides):
            names[part == number] = ids_of(dataset, self._found, rows[part == number])
        found: list[str] = names.tolist()
        return found

    @property
    def conversations(self) -> dict[str, int]:
        """By the name of the part: how many of its conversations have a duplicate in another."""
        rows = np.unique(np.concatenate([self._left, self._right]))
        counts = np.bincount(self._found.part[rows], minlength=len(self._sides))
        return {name: int(count) for (name, *_), count in zip(self._sides, counts.tolist(), strict=True)}

    @property
    def counts(self) -> dict[str, int]:
        """Pairs by kind."""
        counts = np.bincount(self._kind, minlength=len(KINDS))
        return dict(zip(KINDS, counts.tolist(), strict=True))

    def diff(self, pair: int) -> Difference:
        """What the two conversations of a pair differ in, by its number."""
        left, right = (self._conversation(int(rows[pair])) for rows in (self._left, self._right))
        return Difference(left, right, turn_changes(left, right))

    def _conversation(self, row: int) -> Conversation:
        dataset = self._sides[int(self._found.part[row])][1]
        found = dataset.conversation_at(int(self._found.source[row]), int(self._found.index[row]))
        if found is None:
            raise KeyError("The conversation is gone by now.")
        return found

    @property
    def summary(self) -> str:
        """What leaks, in one sentence."""
        if not len(self):
            return f"No duplicates between {' and '.join(name for name, *_ in self._sides)}."
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in self.counts.items() if count)
        told = self.conversations
        parts = ", ".join(f"{told[name]:,} of {size:,} in {name}" for name, _, size in self._sides)
        return f"{plural(len(self), 'pair')} of duplicates between the parts ({kinds}): {parts}."

    def __repr__(self) -> str:
        return f"<Leakage: {self.summary}>"

    def _repr_html_(self) -> str:
        from ..outputs.duplicates_view import leakage_html

        return leakage_html(self)
