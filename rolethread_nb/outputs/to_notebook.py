"""A dataset as a notebook: one conversation a cell, to be edited there and loaded again."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..sources.cells import written
from ..sources.decoding import decode_exactly, repeated_keys
from ..sources.notebooks import TAG, Cell, is_tagged, json_records
from .export import refuse_a_source
from .exported import Exported
from .writing import write_atomically

if TYPE_CHECKING:
    from ..core.dataset import Dataset
    from ..core.model import Conversation

_CELL_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_SETUP = "%load_ext rolethread_nb"
_KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}


def to_notebook(
    dataset: Dataset, path: Path, *, overwrite: bool, wanted: Collection[str] | None = None
) -> Exported:
    """Write the conversations (those with a key in ``wanted``, if it is given) to a notebook. See :meth:`Dataset.to_notebook`."""
    refuse_a_source(dataset, path)
    done = Exported(path)
    ids = {"setup"}
    cells = [_cell("code", _SETUP, "setup", {})]
    for conversation in dataset:
        if wanted is not None and conversation.key not in wanted:
            done.leave_out("not asked for")
            continue
        place = (conversation.source_index, conversation.index)
        data = dataset.record_bytes(*place)
        assert data is not None
        cells.append(_cell_of(conversation, data, _came_from(dataset, conversation), ids))
        done.conversations += 1
        done.unchanged += dataset.edits.state(place) is None
    for _ in dataset.index.rejected:
        done.leave_out("that could not be read")
    notebook = {"cells": cells, "metadata": _metadata(dataset), "nbformat": 4, "nbformat_minor": 5}
    write_atomically(path, [_encoded(notebook)], overwrite=overwrite)
    return done


def _cell_of(
    conversation: Conversation, data: bytes, came_from: Cell | None, ids: set[str]
) -> dict[str, Any]:
    """The cell of a conversation: typed where that holds all of it, else its JSON."""
    name = _cell_id(conversation.id, ids)
    metadata = dict(came_from.metadata) if came_from is not None and came_from.alone else {}
    text = None
    if not repeated_keys(data):
        text = written(conversation.raw, came_from.into if came_from is not None else None)
    if text is not None:
        return _cell("code", text, name, metadata)
    if not is_tagged(metadata):
        tags = metadata.get("tags")
        metadata["tags"] = [*(tags if isinstance(tags, list) else []), TAG]
    return _cell("raw", _json(data), name, metadata)


def _json(data: bytes) -> str:
    """The text of a raw cell that is read as this one record: indented, where that changes no value."""
    text = data.decode()
    if not repeated_keys(data):
        value = decode_exactly(data)
        with contextlib.suppress(ValueError):  # NaN and the like stay as they are written
            text = json.dumps(value, indent=2, ensure_ascii=not _encodable(value), allow_nan=False)
    found = [record.data for record in json_records(text)]
    return text if found == [text.strip().encode()] else f"[{text}]"


def _encodable(value: Any) -> bool:
    """Whether every text in a value can be written as UTF-8."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _came_from(dataset: Dataset, conversation: Conversation) -> Cell | None:
    """The cell that a conversation was read from, None if it comes from no notebook."""
    notebook = dataset.sources[conversation.source_index].notebook
    if notebook is None or not 0 <= conversation.index < len(notebook.cells):
        return None
    return notebook.cells[conversation.index]


def _cell_id(name: str, ids: set[str]) -> str:
    """The id of a conversation where it can be that of a cell, so that it has the same when it is read; else one made of it."""
    if not _CELL_ID.fullmatch(name):
        name = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    found, count = name, 1
    while found in ids:
        count += 1
        found = f"{name[:56]}-{count}"
    ids.add(found)
    return found


def _cell(kind: str, text: str, name: str, metadata: Mapping[str, Any]) -> dict[str, Any]:
    ran: dict[str, Any] = {"execution_count": None, "outputs": []} if kind == "code" else {}
    return {
        "cell_type": kind,
        "id": name,
        "metadata": metadata,
        "source": text.splitlines(keepends=True),
        **ran,
    }


def _metadata(dataset: Dataset) -> Mapping[str, Any]:
    """The metadata of the first notebook among the sources, without the states of its widgets; else a Python kernel."""
    for source in dataset.sources:
        if source.notebook is not None and source.notebook.metadata:
            return {key: value for key, value in source.notebook.metadata.items() if key != "widgets"}
    return _KERNEL


def _encoded(notebook: Mapping[str, Any]) -> bytes:
    """A notebook as Jupyter writes it."""
    try:
        return (json.dumps(notebook, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()
    except UnicodeEncodeError:
        return (json.dumps(notebook, indent=1, sort_keys=True) + "\n").encode()
