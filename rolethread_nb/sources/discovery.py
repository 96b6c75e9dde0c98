"""Discovery: which files a path, a folder or a pattern names."""

from __future__ import annotations

import glob
import os
from pathlib import Path

from ..core.errors import SourceError

DATA = (".jsonl", ".json", ".ndjson", ".txt", ".csv", ".tsv", ".parquet", ".arrow", ".feather")
PACKED = ("", ".gz", ".zst")
REVIEW = ".review"


def files_of(place: str | os.PathLike[str]) -> list[Path]:
    """The files at a place, in sorted order: the path itself, the data files below a folder, or what a pattern matches.

    A folder gives files whose names end in ``.jsonl .json .ndjson .txt .csv .tsv .parquet .arrow .feather``, each also ``.gz`` or ``.zst``.
    Hidden files and folders and the ``.review`` folders of this package are left out, also of a pattern.

    Raises:
        SourceError: if a folder has no data file, or nothing matches a pattern.
    """
    path = Path(place)
    if _exists(path):
        return _below(path) if path.is_dir() else [path]
    pattern = os.fspath(place)
    if not isinstance(place, str) or not glob.has_magic(pattern):
        return [path]
    found = [Path(name) for name in sorted(glob.glob(pattern, recursive=True))]  # noqa: PTH207 - a pattern may be absolute
    asked_for = {part for part in path.parts if part.endswith(REVIEW)}
    kept = [
        name
        for name in found
        if not any(part.endswith(REVIEW) and part not in asked_for for part in name.parts)
    ]
    files = [name for name in kept if name.is_file()] or [file for name in kept for file in _data_files(name)]
    if not files:
        raise SourceError(f"{pattern}: no file matches.")
    return files


def _below(folder: Path) -> list[Path]:
    if not (files := _data_files(folder)):
        endings = " ".join(DATA)
        raise SourceError(f"{folder} is a folder without data files ({endings}, each also .gz or .zst).")
    return files


def _data_files(folder: Path) -> list[Path]:
    found: list[Path] = []
    for at, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".") and not name.endswith(REVIEW)]
        found += [Path(at) / name for name in names if _is_data(name)]
    return sorted(found)


def _is_data(name: str) -> bool:
    return not name.startswith(".") and name.lower().endswith(
        tuple(kind + packed for kind in DATA for packed in PACKED)
    )


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        return False
