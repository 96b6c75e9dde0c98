"""Conversations that are typed in cells, collected in datasets under the names of variables."""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import dataclass, field
from keyword import iskeyword
from typing import Any

from ..core.dataset import Dataset
from ..core.errors import QueryError
from ..core.loading import load

# Two cells hold the same conversation if one of their marks is the same: ("id", "lamp-1"), ("cell", "a1b2").
Mark = tuple[str, str]


@dataclass
class Collected:
    """A dataset whose conversations come from cells.

    It is made anew whenever a cell adds to it, from its conversations as they are then.

    Attributes:
        dataset: the dataset as it is now.
        marks: by id of a conversation, what it is known by when its cell is run again.
    """

    dataset: Dataset = field(default_factory=lambda: _loaded([]))
    marks: dict[str, frozenset[Mark]] = field(default_factory=dict)

    def take(self, record: dict[str, Any], marks: frozenset[Mark]) -> str:
        """Put a record in the place of the one with the same marks, or at the end. Returns its id."""
        raws: list[Any] = []
        known: list[frozenset[Mark]] = []
        at: int | None = None
        for conversation in self.dataset:
            own = self.marks.get(conversation.id, frozenset())
            if own & marks:
                if at is not None:
                    continue
                at = len(raws)
            raws.append(conversation.raw)
            known.append(own)
        if at is None:
            at = len(raws)
            raws.append(record)
            known.append(marks)
        raws[at], known[at] = record, marks
        self.dataset = _loaded(raws)
        ids = [conversation.id for conversation in self.dataset]
        self.marks = dict(zip(ids, known, strict=True))
        return ids[at]


class Shelf:
    """The collected datasets of a kernel, by the variables that hold them."""

    def __init__(self, variables: MutableMapping[str, Any]) -> None:
        self._variables = variables
        self._collected: dict[str, Collected] = {}

    def take(self, name: str, record: dict[str, Any], marks: frozenset[Mark]) -> tuple[Dataset, str]:
        """Add a record to the dataset in a variable, which is made if need be. Returns the dataset and the id.

        Raises:
            QueryError: if the variable holds something else, or the name is none.
        """
        if not name.isidentifier() or iskeyword(name):
            raise QueryError(f"--into takes the name of a variable, not {name!r}.")
        collected = self._collected.get(name)
        if name not in self._variables:
            collected = Collected()
        elif collected is None or self._variables[name] is not collected.dataset:
            raise QueryError(
                f"{name} is already something that was not collected from cells; choose another name with --into."
            )
        found = collected.take(record, marks)
        self._collected[name] = collected
        self._variables[name] = collected.dataset
        return collected.dataset, found

    def dataset(self, name: str) -> Dataset:
        """The dataset in a variable, collected or not.

        Raises:
            QueryError: if there is none.
        """
        if isinstance(found := self._variables.get(name), Dataset):
            return found
        names = self.names()
        known = (
            f"there {'is' if len(names) == 1 else 'are'} {', '.join(names)}" if names else "there is none yet"
        )
        raise QueryError(f"{name} is no dataset; {known}.")

    def names(self) -> list[str]:
        """The variables that hold a dataset, collected or not."""
        return sorted(
            name
            for name, value in self._variables.items()
            if isinstance(value, Dataset) and not name.startswith("_")
        )


def _loaded(raws: list[Any]) -> Dataset:
    return load(raws, progress=False)
