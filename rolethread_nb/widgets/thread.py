"""The conversation thread."""

from __future__ import annotations

import json
from typing import Any

from ..core.dataset import Dataset
from ..core.errors import QueryError
from ..core.report import Report
from ..outputs.static import thread_html
from ._base import ReportComponent, as_json, as_report, bundle


class Thread(ReportComponent):
    """One conversation, with every finding marked at its characters.

    Args:
        shown: a dataset (which is checked) or a report.
        at: which conversation: its id, or its position in its source. Default: the first with a finding.

    Raises:
        QueryError: if there is no such conversation.
    """

    _esm = bundle("thread")["_esm"]
    _css = bundle("thread")["_css"]

    def __init__(self, shown: Dataset | Report, at: int | str | None = None, **traits: Any) -> None:
        super().__init__(as_report(shown), **traits)
        first = self._view.first_place() if at is None else {"key": key_of(self.report, at)}
        key = first.get("key")
        self.selection = as_json(first)
        self.state = as_json(
            {"thread": self._view.thread(key) if key else None, "empty": "No conversation to show."}
        )

    def _static_html(self) -> str:
        payload = json.loads(self.state)
        return thread_html(payload["thread"]) if payload["thread"] else f"<p>{payload['empty']}</p>"


def key_of(report: Report, at: int | str) -> str:
    """The key of a conversation named by its id, its key, or the position of its record.

    Raises:
        QueryError: if there is none.
    """
    index = report.index
    if isinstance(at, int):
        if (0, at) in index.row_of:
            return f"0:{at}"
        raise QueryError(f"Record {at} is no conversation.")
    if at in index.row_of_id:
        row = index.row_of_id[at]
        return f"{index.conversations['source'][row]}:{index.conversations['index'][row]}"
    raise QueryError(f"No conversation has the id {at!r}.")
