"""The conversation thread."""

from __future__ import annotations

import json
from typing import Any

from ..core.dataset import Dataset
from ..core.errors import QueryError
from ..core.report import Report
from ..outputs.recorded_panels import record_thread
from ..outputs.recording import Recording
from ..outputs.static import thread_html
from ..outputs.views import ReviewView
from ..training.tokens import tokens_of
from ._base import ReportComponent, as_json, as_report, bundle

_EMPTY = "No conversation to show."


class Thread(ReportComponent):
    """One conversation, with every finding marked at its characters. It follows edits, tags and decisions wherever they are made.

    Args:
        shown: a dataset (which is checked) or a report.
        at: what to open: a conversation's id, its position in its source, or ``"id#turn"``. Default: the first finding.
        tokenizer: counts the tokens of each turn; anything that ``Dataset.preflight`` takes. Default: an estimate.

    Raises:
        QueryError: if there is no such conversation or turn.
    """

    _esm = bundle("thread")["_esm"]
    _css = bundle("thread")["_css"]

    def __init__(
        self, shown: Dataset | Report, at: int | str | None = None, *, tokenizer: Any = None, **traits: Any
    ) -> None:
        report = as_report(shown)
        view = ReviewView(report, tokens=tokens_of(tokenizer))
        place = view.first_place() if at is None else place_of(report, at)
        thread = view.thread(place.get("key"), place.get("turn"))
        state = {"thread": thread, "empty": _EMPTY, "serial": report.dataset.journal.serial}
        # What is drawn travels with the widget, not after it.
        first = {"selection": as_json(place), "state": as_json(state)}
        super().__init__(report, view, **{**first, **traits})

    def _saved(self, recording: Recording) -> tuple[Any, str]:
        thread = self._opened()
        key = None if thread is None else thread["key"]
        return {"thread": thread, "empty": _EMPTY}, record_thread(recording, key)

    def _static_html(self) -> str:
        thread = self._opened()
        return thread_html(thread) if thread else f"<p>{_EMPTY}</p>"

    def _opened(self) -> dict[str, Any] | None:
        """The conversation that is open, as it is now; None if it is gone."""
        chosen = json.loads(self.selection or "{}")
        return self._view.thread(chosen.get("key"), chosen.get("turn"))


def place_of(report: Report, at: int | str) -> dict[str, Any]:
    """The key, and the turn if one is named, of a conversation given by its position, its id or ``"id#turn"``.

    Raises:
        QueryError: if there is no such conversation or turn.
    """
    name, _, turn = str(at).rpartition("#")
    if isinstance(at, int) or at in report.index.row_of_id or not (name and turn.isdecimal()):
        return {"key": key_of(report, at), "turn": None}
    key = key_of(report, name)
    row = report.index.row_of_id[name]
    if int(turn) >= (count := report.index.conversations["turns"][row]):
        raise QueryError(
            f"The conversation {name!r} has {count} turns, counted from 0: there is no turn {turn}."
        )
    return {"key": key, "turn": int(turn)}


def key_of(report: Report, at: int | str) -> str:
    """The key of a conversation named by its id, or by the position of its record.

    Raises:
        QueryError: if there is none.
    """
    index = report.index
    if isinstance(at, int):
        if at >= 0 and index.row(0, at) is not None:
            return f"0:{at}"
        raise QueryError(f"Record {at} is no conversation.")
    if at in index.row_of_id:
        row = index.row_of_id[at]
        return f"{index.conversations['source'][row]}:{index.conversations['index'][row]}"
    raise QueryError(f"No conversation has the id {at!r}.")
