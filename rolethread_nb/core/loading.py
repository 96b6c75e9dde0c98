"""Loading: from what the user names to a dataset."""

from __future__ import annotations

import glob
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..sources.formats import FORMATS, Format, Named
from ..sources.opening import open_source
from ..sources.roles import ROLES, Role
from .dataset import Dataset
from .errors import QueryError, SourceError

_FIELD_NAMES = ("messages", "role", "text")


def load(
    source: Any,
    *,
    format: str = "auto",
    roles: Mapping[str, str] | None = None,
    fields: Mapping[str, str] | None = None,
) -> Dataset:
    """Open conversations. Nothing is decoded yet, and no record is ever refused with an exception.

    Args:
        source: a path, a glob pattern, a list of paths, bytes, an open file, a list or iterator of records (dicts), or a
            Hugging Face ``Dataset``. Files may be ``.jsonl``, ``.json`` or either of them compressed with gzip or
            zstandard; the content decides, not the extension.
        format: ``"auto"``, or the name of the one layout to accept (``messages``, ``sharegpt``, ``kto``, ``bare``).
        roles: what labels mean that are not known, for example ``{"client": "user"}``.
        fields: names of keys in a layout that is not known: ``{"messages": "dialog", "role": "who", "text": "utterance"}``,
            each optional.

    Raises:
        SourceError: if there is nothing to open. What is inside a file never raises.
        QueryError: if ``format``, ``roles`` or ``fields`` name something that does not exist.
    """
    return Dataset(
        [open_source(item) for item in _listed(source)], _formats(format, fields), _roles(roles), _hf(source)
    )


def _listed(source: Any) -> list[Any]:
    if isinstance(source, str) and glob.has_magic(source) and not _exists(source):
        found = sorted(glob.glob(source, recursive=True))  # noqa: PTH207 - a pattern may be absolute
        if not found:
            raise SourceError(f"{source}: no file matches.")
        return list(found)
    if (
        isinstance(source, list | tuple)
        and source
        and all(isinstance(item, str | os.PathLike) for item in source)
    ):
        return [found for item in source for found in _listed(os.fspath(item))]
    return [source]


def _exists(path: str) -> bool:
    try:
        return Path(path).exists()
    except (OSError, ValueError):
        return False


def _formats(name: str, fields: Mapping[str, str] | None) -> tuple[Format, ...]:
    formats = FORMATS
    if name != "auto":
        formats = tuple(form for form in FORMATS if form.name == name)
        if not formats:
            known = ", ".join(sorted(form.name for form in FORMATS))
            raise QueryError(f"No format is called {name!r}; there are auto, {known}.")
    if fields:
        if unknown := sorted(set(fields) - set(_FIELD_NAMES)):
            raise QueryError(f"fields names {unknown[0]!r}; it can name {', '.join(_FIELD_NAMES)}.")
        formats = (Named(fields), *formats)
    return formats


def _roles(roles: Mapping[str, str] | None) -> dict[str, Role]:
    named: dict[str, Role] = {}
    for label, role in (roles or {}).items():
        if role not in ROLES:
            raise QueryError(f"{role!r} is no role; a label can be mapped to {', '.join(ROLES)}.")
        named[label] = role
    return named


def _hf(source: Any) -> Any:
    return (
        source.features
        if type(source).__module__.startswith("datasets.") and hasattr(source, "features")
        else None
    )
