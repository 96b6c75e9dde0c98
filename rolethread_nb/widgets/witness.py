"""The witness panel: what a built trainer really trains on, conversation by conversation."""

from __future__ import annotations

import json
from typing import Any

from ..core.errors import QueryError
from ..outputs.recorded_panels import record_witness
from ..outputs.recording import Recording
from ..outputs.witness_static import panel_html
from ..outputs.witness_view import STATES, WitnessView
from ..training.witness import Witness, witness
from ._base import Component, as_json, bundle


class WitnessPanel(Component):
    """What a trainer trains on: how much arrives, and each conversation as a thread with what the loss sees of it.

    Args:
        shown: what :func:`witness` gave, or a trainer (which is looked at without a dataset).
        at: the conversation to open: its id or its position in the dataset. Default: the first that was not simply taken.

    Raises:
        QueryError: if there is no such conversation.
        WitnessError: if a trainer was passed that does not show what it trains on.
    """

    _esm = bundle("witness")["_esm"]
    _css = bundle("witness")["_css"]

    def __init__(self, shown: Any, at: int | str | None = None, **traits: Any) -> None:
        found = shown if isinstance(shown, Witness) else witness(shown)
        self._witness = found
        self._view = view = WitnessView(found)
        super().__init__(view, found.trainer, **traits)
        state = view.state(self.filters, None if at is None else _key_of(found, at))
        opened = state["open"]
        self.selection = as_json({} if opened is None else {"key": opened["key"], "turn": None})
        self.state = as_json(state)

    @property
    def witness(self) -> Witness:
        """The witness that is shown."""
        return self._witness

    def _saved(self, recording: Recording) -> tuple[Any, str]:
        key = json.loads(self.selection or "{}").get("key")
        return self._view.state(self.filters, key), record_witness(recording, self.filters, list(STATES))

    def _static_html(self) -> str:
        return panel_html(json.loads(self.state))


def _key_of(found: Witness, at: int | str) -> str:
    """The key of a conversation, by its position or its id."""
    for position, conversation in enumerate(found.given):
        if at in (position, conversation.id):
            return conversation.key
    raise QueryError(f"The witness knows no conversation {at!r}.")
