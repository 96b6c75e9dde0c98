"""Tables: one row a conversation, one column a key of the records."""

from __future__ import annotations

import csv
import io
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..core.dataset import Dataset
from ..core.errors import ExportError
from ..core.model import Conversation
from ..sources.cells_csv import cell_of
from ..sources.frames import to_polars
from .cleaning import cleaned
from .converting import Keep, kept
from .exported import Exported
from .layouts import Loss, Losses

TABLES = ("csv", "parquet")


def table(
    dataset: Dataset, path: Path, format: str, keep: Keep | None, done: Exported, *, clean: bool
) -> Iterator[bytes]:
    """The conversations as a CSV or Parquet file, in the layout that each record has."""
    if format == "csv":
        return _csv(dataset, keep, done, clean=clean)
    if path.suffix in (".gz", ".zst"):
        raise ExportError(
            f"{path.name}: a Parquet file is compressed inside; leave {path.suffix} out of its name."
        )
    return _parquet(dataset, keep, done, clean=clean)


def _records(
    dataset: Dataset, keep: Keep | None, done: Exported, *, clean: bool
) -> Iterator[tuple[dict[str, Any], Losses]]:
    for conversation in kept(dataset, keep, done):
        losses = Losses(conversation)
        record = _object(conversation, losses)
        yield (cleaned(record, losses) if clean else record), losses
        done.conversations += 1
        done.losses.extend(losses.found)


def _object(conversation: Conversation, losses: Losses) -> dict[str, Any]:
    """The record; a bare list gets a key."""
    raw = conversation.raw
    if isinstance(raw, dict):
        return raw
    losses.add(None, "A list without a name stands under messages")
    return {"messages": raw}


def _csv(dataset: Dataset, keep: Keep | None, done: Exported, *, clean: bool) -> Iterator[bytes]:
    """UTF-8, comma, CRLF; lists and objects as one JSON cell each, so that they come back equal."""
    columns: dict[str, None] = {}
    scan = Exported(done.path)
    for record, _ in _records(dataset, keep, scan, clean=clean):
        columns.update(dict.fromkeys(record))
    if not columns:
        columns = {"messages": None}
    yield _row(list(columns))
    for record, losses in _records(dataset, keep, done, clean=clean):
        for key, value in record.items():
            if not isinstance(value, str | list | dict):
                losses.add(None, f"What is no text under {key} comes back from a CSV file as text")
        for key in columns:
            if key not in record:
                losses.add(None, f"A record without {key} has an empty cell there")
        yield _row([cell_of(record[key]) if key in record else "" for key in columns])


def _row(cells: list[str]) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerow(cells)
    return out.getvalue().encode("utf-8", "surrogatepass")


def _parquet(dataset: Dataset, keep: Keep | None, done: Exported, *, clean: bool) -> Iterator[bytes]:
    records = []
    for record, losses in _records(dataset, keep, done, clean=clean):
        for key, value in record.items():
            if _holds_null(value):
                losses.add(None, f"A null under {key} is the same as a missing key in a Parquet file")
        records.append(record)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        frame = to_polars(records)
    done.losses += [Loss(0, None, str(warning.message).rstrip(".")) for warning in said]
    out = io.BytesIO()
    frame.write_parquet(out)
    yield out.getvalue()


def _holds_null(value: Any) -> bool:
    if value is None:
        return True
    if isinstance(value, dict):
        return any(map(_holds_null, value.values()))
    return isinstance(value, list) and any(map(_holds_null, value))
