"""The review panel: grid, thread and balance in one, linked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..core.dataset import Dataset
from ..core.errors import QueryError
from ..core.query import Query
from ..core.report import Report
from ..outputs.recorded_panels import record_review
from ..outputs.recording import Recording
from ..outputs.static import review_html
from ._base import ReportComponent, as_json, as_report, bundle
from .thread import place_of


class Review(ReportComponent):
    """The panel. Use :func:`review`."""

    _esm = bundle("review")["_esm"]
    _css = bundle("review")["_css"]

    def __init__(
        self,
        shown: Dataset | Report,
        at: int | str | None = None,
        gates: str | Path | Mapping[str, Any] | None = None,
        **traits: Any,
    ) -> None:
        super().__init__(as_report(shown), **traits)
        self._view.gates = self.report.gated if gates is None else self.report.gates(gates)
        journal = self.report.dataset.journal
        if at is not None:
            chosen: dict[str, Any] = place_of(self.report, at)
        else:
            if "filters" not in traits:
                self.filters = _query(journal.place.get("filters"))
            chosen = self._left(journal.place) or self._view.first_place(self.filters)
        self.selection = as_json(chosen)
        self.state = as_json(self._drawn())
        self.observe(self._on_place, ["selection", "filters"])

    def _left(self, place: dict[str, Any]) -> dict[str, Any] | None:
        """The conversation and turn that were open last, None if they are gone."""
        row = self.report.index.row_of_id.get(str(place.get("id")))
        if row is None:
            return None
        frame = self.report.index.conversations
        turn = place.get("turn")
        known = isinstance(turn, int) and 0 <= turn < frame["turns"][row]
        return {
            "key": f"{frame['source'][row]}:{frame['index'][row]}",
            "turn": turn if known else None,
            "n": None,
        }

    def _on_place(self, _: Any) -> None:
        chosen = json.loads(self.selection or "{}")
        source, _, index = str(chosen.get("key")).partition(":")
        conversation = None
        if source.isdecimal() and index.isdecimal():
            conversation = self.report.dataset.conversation_at(int(source), int(index))
        if conversation is not None:
            place = {"id": conversation.id, "turn": chosen.get("turn"), "filters": self.filters}
            self.report.dataset.journal.remember(place)

    def _drawn(self) -> dict[str, Any]:
        """What is shown now."""
        chosen = json.loads(self.selection or "{}")
        return self._view.state(chosen.get("key"), self.filters, chosen.get("turn"))

    def _saved(self, recording: Recording) -> tuple[Any, str]:
        state = self._drawn()
        state["status"]["notice"] = None  # how a review is kept does not matter where none can be made
        opened = None if state["thread"] is None else state["thread"]["key"]
        return state, record_review(recording, self.filters, self._view.roles, opened)

    def _static_html(self) -> str:
        return review_html(json.loads(as_json(self._drawn())))


def _query(text: Any) -> str:
    """A query that was kept, empty if it is not understood any more."""
    try:
        return Query(text).text if isinstance(text, str) else ""
    except QueryError:
        return ""


def review(
    shown: Dataset | Report,
    at: int | str | None = None,
    *,
    filters: str | None = None,
    gates: str | Path | Mapping[str, Any] | None = None,
) -> Review:
    """Show a dataset for review: its findings, its conversations and its balance, linked.

    Args:
        shown: a dataset (which is checked with profile ``chat``) or a report.
        at: the conversation to open: its id, ``"id#turn"``, or the position of its record in the source. Default: where the review was
            left, else the first finding.
        filters: a query to begin with, for example ``"severity:error"``. Default: the one the review was left with.
        gates: limits that the header measures the report against: a file, or a mapping (docs/gates.md). Default: the file that the
            settings name.

    Raises:
        QueryError: if ``at`` names no conversation, or a turn that it does not have; if a gate makes no sense.
    """
    return Review(shown, at, gates) if filters is None else Review(shown, at, gates, filters=filters)
