"""Leakage: duplicates, prompts and system prompts that stand in several parts of a dataset, or in two datasets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import combinations, product
from typing import TYPE_CHECKING

import numpy as np

from .blocks import Block
from .differences import turn_changes
from .duplicate_groups import Difference
from .duplicate_search import KINDS, LISTED, Found, find_duplicates
from .errors import QueryError
from .found_duplicates import ids_of
from .model import Conversation
from .prompt_keys import prompt_keys
from .prompt_variants import PromptVariants
from .word_table import Places
from .wording import plural

if TYPE_CHECKING:
    import pandas as pd

    from .dataset import Dataset

# A part, or a dataset: its name, the dataset that its conversations are of, and how many it has.
Side = tuple[str, "Dataset", int]

LEAKS = (*KINDS, "prompt", "system")

_Pair = tuple[int, int]


def leakage_among(
    blocks: Iterable[tuple[Places, Block]], near: float | None, sides: Sequence[Side]
) -> Leakage:
    """Look for what several parts have in common.

    Args:
        blocks: blocks with the part that each of their conversations is of.
        near: the Jaccard index from which on two conversations are near-duplicates; None: look for exact ones and dialogues only.
        sides: the parts.
    """
    prompts: list[str | None] = []
    systems = PromptVariants()

    def read() -> Iterator[tuple[Places, Block]]:
        for part, block in blocks:
            prompts.extend(prompt_keys(block, chats=False))
            systems.add(block)
            yield part, block

    return Leakage(find_duplicates(read(), near), prompts, systems, sides)


class Leakage:
    """What parts have in common (see :meth:`Division.leakage`, :meth:`Dataset.leakage`). ``len`` is the number of pairs.

    These are duplicates, records of preference pairs, KTO, prompts and completions that share a prompt, and system prompts that stand
    in several parts, also where they are only nearly the same: of each of these one pair of conversations for any two parts.
    """

    def __init__(
        self, found: Found, prompts: Sequence[str | None], systems: PromptVariants, sides: Sequence[Side]
    ) -> None:
        self._found = found
        self._sides = list(sides)
        pairs = found.pairs
        part = found.part
        between = part[pairs.left] != part[pairs.right]
        named = set(zip(pairs.left[between].tolist(), pairs.right[between].tolist(), strict=True))
        asked = sorted(_sharing(prompts, part) - named)
        system = systems.found()
        told = _told_alike(system, part, named.union(asked))
        self._systems = len({int(system[row]) for row, _ in told})
        others = np.array([*asked, *sorted(told)], dtype=np.int64).reshape(-1, 2)
        left = np.concatenate([pairs.left[between], others[:, 0]])
        right = np.concatenate([pairs.right[between], others[:, 1]])
        turned = part[left] > part[right]
        self._left, self._right = np.where(turned, right, left), np.where(turned, left, right)
        kinds = [LEAKS.index("prompt")] * len(asked) + [LEAKS.index("system")] * len(told)
        self._kind = np.concatenate([pairs.kind[between], np.array(kinds, dtype=np.int8)])
        self._similarity = np.concatenate([pairs.similarity[between], np.full(len(others), np.nan)])

    def __len__(self) -> int:
        return len(self._left)

    @cached_property
    def pairs(self) -> pd.DataFrame:
        """One row a pair, with the columns left, left_part, right, right_part, kind, similarity.

        ``left`` and ``right`` are ids; ``kind`` is ``exact``, ``dialogue`` (the same turns under another system prompt), ``near``,
        ``prompt`` where two are no duplicates and were asked the same, or ``system`` for a system prompt, near-identical ones as one, that
        two parts share: one pair of conversations stands for it. Every similarity was counted; those that share a prompt alone have
        none. In groups of more than 8 members each is compared with the first 8 of every other part only.
        """
        import pandas as pd

        names = np.array([name for name, *_ in self._sides], dtype=object)
        columns = {
            "left": self._ids(self._left),
            "left_part": names[self._found.part[self._left]],
            "right": self._ids(self._right),
            "right_part": names[self._found.part[self._right]],
            "kind": [LEAKS[kind] for kind in self._kind.tolist()],
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
        """By the name of the part: how many of its conversations have a duplicate, or share a prompt, in another.

        Those that share no more than a system prompt do not count.
        """
        counted = self._kind != LEAKS.index("system")
        rows = np.unique(np.concatenate([self._left[counted], self._right[counted]]))
        counts = np.bincount(self._found.part[rows], minlength=len(self._sides))
        return {name: int(count) for (name, *_), count in zip(self._sides, counts.tolist(), strict=True)}

    @property
    def counts(self) -> dict[str, int]:
        """Pairs by kind."""
        counts = np.bincount(self._kind, minlength=len(LEAKS))
        return dict(zip(LEAKS, counts.tolist(), strict=True))

    def diff(self, pair: int) -> Difference:
        """What the two conversations of a pair differ in, by its number.

        Raises:
            QueryError: if it is no number, or there is no such pair.
        """
        if not isinstance(pair, int):
            raise QueryError(f"A pair is asked for by its number, not by {pair!r}.")
        if not -len(self) <= pair < len(self):
            has = f"has {plural(len(self), 'pair')}" if len(self) else "has no pairs"
            raise QueryError(f"The report {has}; {pair} is none of them.")
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
        kinds = {kind: count for kind, count in self.counts.items() if count}
        asked, told = kinds.pop("prompt", 0), kinds.pop("system", 0)
        copies = len(self) - asked - told
        how = ", ".join(f"{count:,} {kind}" for kind, count in kinds.items())
        said = (
            f"{plural(copies, 'pair')} of duplicates between the parts ({how})"
            if copies
            else "No duplicates between the parts"
        )
        if asked:
            said += f", {plural(asked, 'pair')} that {'shares' if asked == 1 else 'share'} a prompt"
        if told:
            said += f", {plural(self._systems, 'system prompt')} that parts share"
        if told == len(self):
            return f"{said}."
        counts = self.conversations
        parts = ", ".join(f"{counts[name]:,} of {size:,} in {name}" for name, _, size in self._sides)
        return f"{said}: {parts}."

    def __repr__(self) -> str:
        return f"<Leakage: {self.summary}>"

    def _repr_html_(self) -> str:
        from ..outputs.duplicates_view import leakage_html

        return leakage_html(self)


def _sharing(prompts: Sequence[str | None], part: Places) -> set[_Pair]:
    """The pairs of conversations in different parts that were asked the same, the earlier one left."""
    asked: dict[str, list[int]] = {}
    for row, prompt in enumerate(prompts):
        if prompt is not None:
            asked.setdefault(prompt, []).append(row)
    found: set[_Pair] = set()
    for rows in asked.values():
        by_part: dict[int, list[int]] = {}
        for row in rows:
            by_part.setdefault(int(part[row]), []).append(row)
        for number, own in by_part.items() if len(by_part) > 1 else ():
            for first in own[:LISTED]:
                found.update((min(first, row), max(first, row)) for row in rows if part[row] != number)
    return found


def _told_alike(systems: Places, part: Places, named: set[_Pair]) -> set[_Pair]:
    """For each system prompt that stands in several parts, and any two of these, a pair of conversations that is not named yet."""
    by_part: dict[int, dict[int, list[int]]] = {}
    for row in np.flatnonzero(systems >= 0).tolist():
        own = by_part.setdefault(int(systems[row]), {}).setdefault(int(part[row]), [])
        if len(own) < LISTED:
            own.append(row)
    found: set[_Pair] = set()
    for parts in by_part.values():
        for one, other in combinations(parts.values(), 2):
            pairs = ((min(pair), max(pair)) for pair in product(one, other))
            if (pair := next((pair for pair in pairs if pair not in named), None)) is not None:
                found.add(pair)
    return found
