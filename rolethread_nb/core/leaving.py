"""Leaving: a dataset as a file, or as a table of another library."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import polars as pl

from .errors import QueryError
from .model import Conversation
from .part import Part

if TYPE_CHECKING:
    import pandas as pd

    from ..outputs.exported import Exported


_ONLY = {"kept": "decision:keep", "not-rejected": "-decision:reject"}


class Leaving(Part):
    """The part of a dataset that gives it away. :class:`Dataset` has all of it."""

    def export(
        self,
        path: str | os.PathLike[str],
        format: str = "messages",
        *,
        target: str | None = None,
        overwrite: bool = False,
        keep: Callable[[Conversation], bool] | None = None,
        where: str | None = None,
        only: Literal["kept", "not-rejected"] | None = None,
        only_valid: bool = False,
        clean: bool = False,
        strict: bool = False,
        dry_run: bool = False,
    ) -> Exported:
        """Write the conversations to a file, all of it or nothing.

        Args:
            path: the file; ``.gz`` and ``.zst`` at its end compress it, ``.json`` makes one array of it.
            format: ``messages``, ``sharegpt``, ``alpaca``, ``prompt-completion``, ``preference``, a layout of your own that can be
                written, ``csv`` or ``parquet`` (one row a conversation, one column a key of the records as they are), or ``same``
                for the records as they came: what was not changed is equal to the byte, records that could not be read and
                separators included.
            target: a trainer (docs/preflight.md lists them): the records go in the layout it reads best, and beside the file what
                it needs. What it would refuse all the same is named, and left out only with ``only_valid``.
            overwrite: replace files that exist. A source of this dataset is never replaced.
            keep: only conversations for which this is true.
            where: only conversations that match this query.
            only: ``kept``: only conversations that were decided to be kept; ``not-rejected``: all but those that were rejected.
            only_valid: only conversations in which a check, with the settings of the dataset, finds no error, and which the target
                takes.
            clean: only the keys that trainers read, in records and messages; what goes is listed in ``losses``.
            strict: write nothing if the layout cannot hold everything.
            dry_run: write nothing, only say what would be written and lost.

        Returns:
            What was written, and, conversation by conversation, what the target cannot hold.

        Raises:
            ExportError: if a file exists, is a source, the format is unknown, or ``strict`` was asked for and something is lost.
            QueryError: if the query or ``only`` is not understood, or no trainer is called as the target is.
        """
        from ..outputs.export import export

        if only is not None and only not in _ONLY:
            raise QueryError(f"only takes {' or '.join(_ONLY)}, not {only!r}.")
        wanted: set[str] | None = None
        for query in filter(None, (where, only and _ONLY[only])):
            found = {conversation.key for conversation in self._dataset.where(query)}
            wanted = found if wanted is None else wanted & found
        if only_valid:
            valid = self._dataset.check(baseline=False).valid_keys()
            wanted = valid if wanted is None else wanted & valid

        def asked_for(conversation: Conversation) -> bool:
            return (wanted is None or conversation.key in wanted) and (keep is None or keep(conversation))

        return export(
            self._dataset,
            Path(path),
            format,
            overwrite=overwrite,
            keep=None if wanted is None and keep is None else asked_for,
            target=target,
            only_valid=only_valid,
            clean=clean,
            strict=strict,
            dry_run=dry_run,
        )

    def to_notebook(
        self, path: str | os.PathLike[str], *, overwrite: bool = False, where: str | None = None
    ) -> Exported:
        """Write the conversations to a notebook, one a cell, to be edited there (docs/cells.md). ``load`` reads it back as equal records.

        A conversation that the syntax of cells can hold becomes a cell ``%%thread``; any other (tool calls, typed parts, damaged turns,
        keys beside those of the syntax) a raw cell with its JSON. Ids and metadata of cells that conversations came from are kept.

        Args:
            path: the file. A source of this dataset is never replaced.
            overwrite: replace a file that exists.
            where: only conversations that match this query.

        Returns:
            What was written.

        Raises:
            ExportError: if the file exists, is a source, or cannot be written.
            QueryError: if the query is not understood.
        """
        from ..outputs.to_notebook import to_notebook

        wanted = None if where is None else {found.key for found in self._dataset.where(where)}
        return to_notebook(self._dataset, Path(path), overwrite=overwrite, wanted=wanted)

    def to_hf(self) -> Any:
        """A Hugging Face ``Dataset`` of the records as they are now (needs the package ``datasets``).

        The features of the dataset it was loaded from are kept where they still fit.
        """
        from ..sources.frames import to_hf

        return to_hf([conversation.raw for conversation in self._dataset], self._dataset.features)

    def to_pandas(self) -> pd.DataFrame:
        """A pandas ``DataFrame`` of the records as they are now: one row a conversation, one column a top-level key.

        Lists and objects stay Python lists and dicts. A key that a record lacks is NaN, a null is None; a column of several types
        has the dtype ``object``. ``load`` reads the frame back as equal records.

        Raises:
            SourceError: if a record is no object (a bare list of messages).
        """
        from ..sources.frames import to_pandas

        return to_pandas([conversation.raw for conversation in self._dataset])

    def to_polars(self) -> pl.DataFrame:
        """A polars ``DataFrame`` of the records as they are now: one row a conversation, one column a top-level key.

        Lists and objects become lists and structs; what a record lacks is null. A column whose types conflict (a text here, a list
        there) is kept as JSON text, and a warning names it.

        Raises:
            SourceError: if a record is no object (a bare list of messages).
        """
        from ..sources.frames import to_polars

        return to_polars([conversation.raw for conversation in self._dataset])
