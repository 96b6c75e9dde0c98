"""The preflight panel: trainers by outcome, the cases behind each count, and what the model gets."""

from __future__ import annotations

import json
from typing import Any

from ..core.dataset import Dataset
from ..outputs.preflight_view import PreflightView
from ..outputs.static_preflight import panel_html
from ..training.preflight import Preflight
from ._base import Component, as_json, bundle


class PreflightPanel(Component):
    """What trainers would do with each conversation, linked to the text that the model gets.

    Args:
        shown: a preflight, or a dataset (for which one is made).
        at: the conversation to open: its id or its position. Default: the first that is not taken as it is.

    Raises:
        QueryError: if there is no such conversation.
    """

    _esm = bundle("preflight")["_esm"]
    _css = bundle("preflight")["_css"]

    def __init__(self, shown: Preflight | Dataset, at: int | str | None = None, **traits: Any) -> None:
        preflight = shown.preflight() if isinstance(shown, Dataset) else shown
        self._preflight = preflight
        view = PreflightView(preflight)
        super().__init__(view, preflight.dataset.name, **traits)
        key = None if at is None else preflight.dataset[at].key
        state = view.state(self.filters, key)
        case = state["case"]
        self.selection = as_json(
            {} if case is None else {"key": case["key"], "target": case["target"], "turn": None}
        )
        self.state = as_json(state)

    @property
    def preflight(self) -> Preflight:
        """The preflight that is shown."""
        return self._preflight

    def _static_html(self) -> str:
        return panel_html(self._preflight, json.loads(self.state)["case"])
