"""Tables as records: data frames of pandas, polars and Arrow, Hugging Face datasets, columns in a dict, and the files of Parquet and
Arrow.

One row is one record, one column one key. A table has one type a column, so a key that one row lacks stands there as null; therefore
**null in a table means missing**: such keys are left out, in the row and in every object within it. Without that, each message
would show the keys of all others. The lists and objects of a pandas frame that are plain Python stay as they are, nulls included;
of its own cells NaN, NaT and NA mean missing.

A list of turns that one typed column cannot hold is kept as JSON text in tables; under the name of a turn list such a text is read.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from ..core.errors import SourceError
from .cells_csv import value_of
from .formats import recognise
from .lists import TURN_LISTS
from .reading import looks_like_message

ROWS = 2000
PARQUET, ARROW = b"PAR1", b"ARROW1"


def library(given: object) -> str:
    """The top-level package that a value's type comes from."""
    return type(given).__module__.partition(".")[0]


def is_hf(given: object) -> bool:
    """Whether a value is a Hugging Face dataset of one split."""
    return library(given) == "datasets" and hasattr(given, "features") and not isinstance(given, Mapping)


def rows_of(table: Any) -> Iterator[dict[str, Any]]:
    """The rows of a data frame as records.

    Raises:
        SourceError: if the table is of a kind that is not read, or two of its columns have one name.
    """
    return map(_with_lists, _rows_of(table))


def _with_lists(row: dict[str, Any]) -> dict[str, Any]:
    """The row with the turn lists that stand in it as JSON text."""
    for name in TURN_LISTS:
        if (
            type(text := row.get(name)) is str
            and text[:1] == "["
            and type(turns := value_of(text)) is list
            and any(type(turn) is dict for turn in turns)
        ):
            row[name] = turns
    return row


def _rows_of(table: Any) -> Iterator[dict[str, Any]]:
    if is_hf(table):
        return (present(row) for row in table)
    if library(table) == "pandas" and hasattr(table, "columns"):
        return _pandas_rows(table)
    if library(table) == "polars" and isinstance(table, pl.DataFrame | pl.LazyFrame):
        return _polars_rows(table)
    if library(table) == "pyarrow" and (hasattr(table, "to_batches") or hasattr(table, "to_pylist")):
        return _arrow_rows(table)
    if library(table) == "pyarrow" and hasattr(table, "read_next_batch"):
        return (present(row) for batch in table for row in batch.to_pylist())
    raise SourceError(f"A {type(table).__name__} of {library(table)} is not read; pass a data frame.")


def present(value: Any) -> Any:
    """A cell or row of a typed table without the keys that are null in it."""
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if type(value) is dict:
        return {key: present(item) for key, item in value.items() if item is not None}
    if type(value) is list:
        return [present(item) for item in value]
    return value


def _pandas_rows(frame: Any) -> Iterator[dict[str, Any]]:
    names = [str(name) for name in frame.columns]
    if len(set(names)) < len(names):
        double = next(name for name in names if names.count(name) > 1)
        raise SourceError(f"Two columns of the DataFrame are called {double!r}; rename one.")

    def rows() -> Iterator[dict[str, Any]]:
        for start in range(0, len(frame), ROWS):
            part = frame.iloc[start : start + ROWS]
            columns = [part.iloc[:, at].tolist() for at in range(len(names))]
            missing = [part.iloc[:, at].isna().tolist() for at in range(len(names))]
            for row in range(len(part)):
                yield {
                    name: present(cell) if isinstance(cell, np.ndarray) else cell
                    for name, column, gone in zip(names, columns, missing, strict=True)
                    if (cell := column[row]) is None or not gone[row]
                }

    return rows()


def _polars_rows(frame: pl.DataFrame | pl.LazyFrame) -> Iterator[dict[str, Any]]:
    for part in _parts(frame):
        for row in part.iter_rows(named=True):
            yield present(row)


def _parts(frame: pl.DataFrame | pl.LazyFrame) -> Iterable[pl.DataFrame]:
    if isinstance(frame, pl.DataFrame):
        return frame.iter_slices(ROWS)
    if hasattr(frame, "collect_batches"):
        return frame.collect_batches(chunk_size=ROWS, maintain_order=True)
    return frame.collect().iter_slices(ROWS)  # polars before 1.34


def _arrow_rows(table: Any) -> Iterator[dict[str, Any]]:
    names = list(table.schema.names) if hasattr(table, "schema") else []
    if not names and not hasattr(table, "schema"):
        raise SourceError(f"A {type(table).__name__} of pyarrow is not read; pass a table.")
    if len(set(names)) < len(names):
        double = next(name for name in names if names.count(name) > 1)
        raise SourceError(f"Two columns of the table are called {double!r}; rename one.")
    batches = table.to_batches() if hasattr(table, "to_batches") else [table]
    return (
        present(row)
        for batch in batches
        for start in range(0, batch.num_rows, ROWS)
        for row in batch.slice(start, ROWS).to_pylist()
    )


def file_rows(kind: bytes, file: Path | bytes) -> Iterator[dict[str, Any]]:
    """The rows of a Parquet or Arrow file, read a part at a time.

    Raises:
        SourceError: if it cannot be read; the reason alone.
    """
    place: Any = file if isinstance(file, Path) else io.BytesIO(file)
    try:
        frame = pl.scan_parquet(place) if kind == PARQUET else pl.scan_ipc(place)
        yield from map(_with_lists, _polars_rows(frame))
    except (pl.exceptions.PolarsError, OSError, ValueError) as problem:
        reason = (str(problem).strip().splitlines() or ["it is damaged"])[0]
        raise SourceError(reason[:160]) from None


def columns_of(given: Mapping[str, Any]) -> Iterator[dict[str, Any]] | None:
    """The rows of a dict that holds columns, None if it is a record or a container of records.

    Columns are lists of equal length; where the dict is also a record as it stands, it is a record.
    """
    lists = [
        value
        for value in given.values()
        if isinstance(value, Sequence | np.ndarray) and not isinstance(value, str | bytes)
    ]
    if not lists or len(lists) < len(given) or len({len(value) for value in lists}) > 1 or not len(lists[0]):
        return None
    first = {key: present(value[0]) for key, value in given.items()}
    is_row, is_record = recognise(first) is not None, recognise(dict(given)) is not None
    if is_record and (not is_row or any(looks_like_message(cell) for cell in first.values())):
        return None
    if all(isinstance(cell, dict) for cell in first.values()) and not is_row:
        return None  # records or messages in lists, by split or id
    return (
        {
            key: present(value[row]) if isinstance(value, np.ndarray) else value[row]
            for key, value in given.items()
        }
        for row in range(len(lists[0]))
    )
