"""The history of a review as a table: one row an operation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .journal import Journal

if TYPE_CHECKING:
    import pandas as pd

_COLUMNS = ["at", "by", "op", "what", "conversations", "id", "note", "state", "n"]


def history_frame(journal: Journal) -> pd.DataFrame:
    """See :meth:`Dataset.history`."""
    import pandas as pd

    holding = {step.op["n"] for step in journal.steps}
    aside: dict[str, int] = {}
    for one in journal.set_aside:
        aside[one.op["n"]] = aside.get(one.op["n"], 0) + 1
    rows = [_row(op, holding, aside) for op in journal.operations]
    frame = pd.DataFrame(rows, columns=_COLUMNS)
    return frame.assign(at=pd.to_datetime(frame["at"], utc=True, errors="coerce", format="ISO8601"))


def _row(op: Mapping[str, Any], holding: set[str], aside: Mapping[str, int]) -> list[Any]:
    each = op.get("each") or []
    names = [item.get("on") for item in each]
    return [
        op["at"],
        op.get("by", ""),
        op["op"],
        op.get("what", ""),
        len(each),
        names[0] if len(names) == 1 else None,
        op.get("note", ""),
        _state(op, holding, aside),
        op["n"],
    ]


def _state(op: Mapping[str, Any], holding: set[str], aside: Mapping[str, int]) -> str:
    if op["op"] in ("undo", "redo", "settle"):
        return "set aside" if op["n"] in aside else ""
    if op["n"] in holding:
        return "in part" if op["n"] in aside else "holds"
    return "set aside" if op["n"] in aside else "taken back"
