"""The conversation thread."""

from __future__ import annotations

import json
from typing import Any

from ..core.dataset import Dataset
from ..core.errors import QueryError
from ..core.report import Report
from ..outputs.conversation_view import ConversationView
from ..outputs.recorded_panels import record_thread
from ..outputs.recording import Recording
from ..outputs.static import thread_html
from ..outputs.views import ReviewView
from ..training.tokens import tokens_of
from ._base import Component, as_json, as_report, bundle

_EMPTY = "No conversation to show."


class Thread(Component):
    """One conversation, with every finding marked at its characters.

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
        self._report = as_report(shown)
        view = ConversationView(self._report, tokens_of(tokenizer))
        place = ReviewView(self._report).first_place() if at is None else place_of(self._report, at)
        key = place.get("key")
        self._thread = view.first_page(key, place.get("turn")) if key else None
        # What is drawn travels with the widget, not after it.
        first = {"selection": as_json(place), "state": as_json({"thread": self._thread, "empty": _EMPTY})}
        self._view = view
        super().__init__(view, self._report.dataset.name, **{**first, **traits})

    @property
    def report(self) -> Report:
        """The report that is shown."""
        return self._report

    @property
    def _dataset(self) -> Dataset:
        return self._report.dataset

    def _saved(self, recording: Recording) -> tuple[Any, str]:
        chosen = json.loads(self.selection or "{}")
        key = chosen.get("key")
        thread = self._view.first_page(key, chosen.get("turn")) if key else None
        return {"thread": thread, "empty": _EMPTY}, record_thread(recording, key)

    def _static_html(self) -> str:
        return thread_html(self._thread) if self._thread else f"<p>{_EMPTY}</p>"


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
