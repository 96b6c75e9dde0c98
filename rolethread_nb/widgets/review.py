"""The review panel: grid, thread and balance in one, linked."""

from __future__ import annotations

import json
from typing import Any

from ..core.dataset import Dataset
from ..core.report import Report
from ..outputs.static import review_html
from ._base import ReportComponent, as_json, as_report, bundle
from .thread import key_of


class Review(ReportComponent):
    """The panel. Use :func:`review`."""

    _esm = bundle("review")["_esm"]
    _css = bundle("review")["_css"]

    def __init__(self, shown: Dataset | Report, at: int | str | None = None, **traits: Any) -> None:
        super().__init__(as_report(shown), **traits)
        place, turn = _place(at)
        chosen: dict[str, Any] = self._view.first_place(self.filters)
        if place is not None:
            chosen = {"key": key_of(self.report, place), "turn": turn}
        self.selection = as_json(chosen)
        self.state = as_json(self._view.state(chosen.get("key"), self.filters))

    def _static_html(self) -> str:
        return review_html(json.loads(self.state))


def _place(at: int | str | None) -> tuple[int | str | None, int | None]:
    """A place given as position, id, or ``"id#turn"``."""
    if isinstance(at, str) and "#" in at:
        name, _, turn = at.rpartition("#")
        if turn.isdecimal():
            return name, int(turn)
    return at, None


def review(shown: Dataset | Report, at: int | str | None = None, *, filters: str = "") -> Review:
    """Show a dataset for review: its findings, its conversations and its balance, linked.

    Args:
        shown: a dataset (which is checked with profile ``chat``) or a report.
        at: the conversation to open: its id, ``"id#turn"``, or the position of its record in the source.
        filters: a query to begin with, for example ``"severity:error"``.

    Raises:
        QueryError: if ``at`` names no conversation.
    """
    return Review(shown, at, filters=filters)
