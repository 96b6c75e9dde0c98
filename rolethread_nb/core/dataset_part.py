"""A part of a dataset, for example what is kept for validation: it knows places and ids, and holds no text."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any

import polars as pl

from .errors import QueryError
from .model import Conversation
from .wording import plural

if TYPE_CHECKING:
    import pandas as pd

    from ..outputs.exported import Exported
    from .dataset import Dataset


class DatasetPart:
    """Some conversations of a dataset. ``len``, iteration, ``[3]`` and ``in`` (a conversation or an id) work.

    Attributes:
        dataset: the dataset that it is a part of.
        name: what it is called.
    """

    def __init__(self, dataset: Dataset, name: str, places: pl.DataFrame) -> None:
        self.dataset = dataset
        self.name = name
        self._places = places  # source, index, id

    @property
    def ids(self) -> list[str]:
        """The ids of its conversations, in file order."""
        return self._places["id"].to_list()

    @cached_property
    def _records(self) -> frozenset[tuple[int, int]]:
        return frozenset(self._places.select("source", "index").iter_rows())

    @cached_property
    def _names(self) -> frozenset[str]:
        return frozenset(self.ids)

    def __len__(self) -> int:
        return self._places.height

    def __iter__(self) -> Iterator[Conversation]:
        """Its conversations as they are now; those that are gone by now are left out."""
        for source, index in self._places.select("source", "index").iter_rows():
            if (found := self.dataset.conversation_at(source, index)) is not None:
                yield found

    def __getitem__(self, at: int) -> Conversation:
        if not isinstance(at, int):
            raise QueryError(f"A conversation of a part is asked for by its position, not by {at!r}.")
        if not -len(self) <= at < len(self):
            raise IndexError(f"{self.name} has {plural(len(self), 'conversation')}; {at} is none of them.")
        source, index, name = self._places.row(at)
        found = self.dataset.conversation_at(source, index)
        if found is None:
            raise KeyError(f"The conversation {name} is gone.")
        return found

    def __contains__(self, one: object) -> bool:
        if isinstance(one, Conversation):
            return (one.source_index, one.index) in self._records
        return isinstance(one, str) and one in self._names

    def export(
        self,
        path: str | os.PathLike[str],
        format: str = "messages",
        *,
        keep: Callable[[Conversation], bool] | None = None,
        **options: Any,
    ) -> Exported:
        """Write the conversations of this part to a file.

        Args:
            path, format, options: as for :meth:`Dataset.export`, which also says what is raised.
            keep: only those of its conversations for which this is true.
        """

        def asked_for(conversation: Conversation) -> bool:
            return conversation in self and (keep is None or keep(conversation))

        return self.dataset.export(path, format, keep=asked_for, **options)

    def to_hf(self) -> Any:
        """A Hugging Face ``Dataset`` of its records (needs the package ``datasets``)."""
        from ..sources.frames import to_hf

        return to_hf([one.raw for one in self], self.dataset.features)

    def to_pandas(self) -> pd.DataFrame:
        """A pandas ``DataFrame`` of its records, as :meth:`Dataset.to_pandas` makes it."""
        from ..sources.frames import to_pandas

        return to_pandas([one.raw for one in self])

    def to_polars(self) -> pl.DataFrame:
        """A polars ``DataFrame`` of its records, as :meth:`Dataset.to_polars` makes it."""
        from ..sources.frames import to_polars

        return to_polars([one.raw for one in self])

    def tag(self, tag: str | None = None) -> None:
        """Tag its conversations in the journal, so that the query ``tag:validation`` finds them from now on.

        Args:
            tag: another tag than the name of the part.

        Raises:
            JournalError: if the journal's disk does not take it.
        """
        named = len(self.dataset.sources) == 1  # ids of several sources may be the same
        self.dataset.tag(self.ids if named else list(self), self.name if tag is None else tag)

    def __repr__(self) -> str:
        return f"<{self.name} of {self.dataset.name}: {len(self):,} of {len(self.dataset):,} conversations>"
