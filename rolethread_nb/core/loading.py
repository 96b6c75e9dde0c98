"""Loading: from what the user names to a dataset."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..settings import Settings, find_settings, read_settings
from ..sources.discovery import files_of
from ..sources.formats import ANSWER_FIELDS, LIST_FIELDS, described, formats
from ..sources.opening import Source, open_source
from ..sources.reading import Format
from ..sources.roles import ROLES, Role
from ..sources.tables import library
from .dataset import Dataset
from .errors import QueryError
from .segments import Folder, folder_of

READ_ONLY = "read-only"


def load(
    source: Any,
    *,
    format: str = "auto",
    roles: Mapping[str, str] | None = None,
    fields: Mapping[str, str] | None = None,
    progress: bool | None = None,
    settings: str | os.PathLike[str] | bool | None = True,
    review: str | os.PathLike[str] | bool | None = True,
) -> Dataset:
    """Open conversations. Nothing is decoded yet, and no record is ever refused with an exception.

    Args:
        source: a path, a folder, a glob pattern, or a list of them; bytes or an open file; a list or iterator of records (dicts); a
            data frame of pandas or polars, an Arrow table, a Hugging Face ``Dataset`` or ``DatasetDict`` (one source a
            split); a dict of columns, one record, or an object of records by id. Files may hold JSON lines, an array, one
            object that holds records by id or in lists, CSV with a first row of keys, Parquet or Arrow, or be notebooks with
            conversations in their cells (docs/cells.md), each also compressed with gzip or zstandard; the content decides, not
            the extension. In tables, null means missing: such keys are left out (:mod:`rolethread_nb.sources.tables`).
        format: ``"auto"``, or the name of the one layout to accept (``messages``, ``sharegpt``, ``kto``, ``bare``).
        roles: what labels mean that are not known, for example ``{"client": "user"}``.
        fields: names of keys in a layout that is not known: ``{"messages": "dialog", "role": "who", "text": "utterance"}``,
            each optional.
        progress: show a bar when reading lasts longer than a second: always, never, or (None) in notebooks and on terminals.
        settings: where ``roles``, ``fields`` and what :meth:`Dataset.check` starts from are taken from: the nearest settings file above
            the data, else above the working directory (True); this file; or none (False or None). What is said here wins.
        review: where decisions and changes are kept (docs/journal.md): the folder ``<file name>.review`` beside each file (True), from
            which those of earlier runs are taken up; this folder, for all sources; or nowhere (False or None). ``"read-only"`` takes
            up those of earlier runs and writes nothing.

    Raises:
        SourceError: if there is nothing to open. What is inside a file never raises.
        QueryError: if ``format``, ``roles`` or ``fields`` name something that does not exist.
        JournalError: if there is a journal that cannot be read.
    """
    sources = list(_sources(source))
    chosen = _settings(settings, sources)
    chosen = chosen.given({"roles": roles, "fields": fields})
    known = _formats(format, chosen.table("fields"))
    folders = _folders(review, sources)
    roles_known = _roles(chosen.table("roles"))
    dataset = Dataset(sources, known, roles_known, _hf(source), progress, chosen, folders)
    dataset.journal.read()
    if review == READ_ONLY:
        dataset.journal.keep_in_memory()
    return dataset


def _folders(review: str | os.PathLike[str] | bool | None, sources: Sequence[Source]) -> list[Folder | None]:
    """The folder of the journal of each source."""
    if review is None or review is False:
        return [None] * len(sources)
    if review is True or review == READ_ONLY:
        return [None if source.path is None else Folder(folder_of(source.path)) for source in sources]
    shared = Folder(Path(review))
    return [shared] * len(sources)


def _settings(asked: str | os.PathLike[str] | bool | None, sources: Sequence[Source]) -> Settings:
    if asked is None or asked is False:
        return Settings()
    if asked is not True:
        return read_settings(Path(asked))
    return find_settings([source.path for source in sources if source.path is not None])


def _sources(source: Any) -> Iterator[Source]:
    if isinstance(source, str | os.PathLike):
        for path in files_of(source):
            yield open_source(path)
    elif (
        isinstance(source, list | tuple) and source and all(isinstance(i, str | os.PathLike) for i in source)
    ):
        for item in source:
            yield from _sources(item)
    elif isinstance(source, Mapping) and library(source) == "datasets":
        for split, rows in source.items():
            yield open_source(rows, name=str(split))
    else:
        yield open_source(source)


def _formats(name: str, fields: Mapping[str, str] | None) -> tuple[Format, ...]:
    known = formats()
    if name != "auto":
        names = list(dict.fromkeys(form.name for form in known))
        known = tuple(form for form in known if form.name == name)
        if not known:
            raise QueryError(f"No format is called {name!r}; there are auto, {', '.join(names)}.")
    if fields:
        names = [*LIST_FIELDS, *ANSWER_FIELDS]
        if unknown := sorted(set(fields) - set(names)):
            raise QueryError(f"fields names {unknown[0]!r}; it can name {', '.join(names)}.")
        known = (*described(fields, known), *known)
    return known


def _roles(roles: Mapping[str, str] | None) -> dict[str, Role]:
    named: dict[str, Role] = {}
    for label, role in (roles or {}).items():
        if role not in ROLES:
            raise QueryError(f"{role!r} is no role; a label can be mapped to {', '.join(ROLES)}.")
        named[label] = role
    return named


def _hf(source: Any) -> Any:
    """The features of a Hugging Face dataset; of several splits, if they have the same."""
    if library(source) != "datasets":
        return None
    if isinstance(source, Mapping):
        found = [getattr(rows, "features", None) for rows in source.values()]
        return found[0] if found and all(features == found[0] for features in found) else None
    return getattr(source, "features", None)
