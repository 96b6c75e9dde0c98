"""The preflight panel: trainers by outcome, the cases behind each count, and what the model gets."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

from ..core.dataset import Dataset
from ..core.errors import RolethreadError
from ..outputs.preflight_view import PreflightView
from ..outputs.recorded_panels import record_preflight
from ..outputs.recording import Recording
from ..outputs.shortening import SENTENCE, shortened_each
from ..outputs.static_preflight import panel_html
from ..training.preflight import Preflight
from ._base import Component, as_json, bundle

# Seconds between two pieces of work, in which whoever waits for the preflight has his turn.
_PAUSE = 0.002
# Seconds after which nobody looks any more: the output was cleared, the page is closed.
_UNSEEN = 90
_CASE = 150_000  # characters of a case that travels with the panel


class PreflightPanel(Component):
    """What trainers would do with each conversation, linked to the text that the model gets.

    A preflight that has conversations left to look at goes on in a thread of its own, until it is done, the panel is closed or out
    of sight for a while, or reading fails; what is known by then is shown, and grows.

    Args:
        shown: a preflight, or a dataset (for which one is made).
        at: the conversation to open: its id or its position. Default: the first that is not taken as it is.

    Raises:
        QueryError: if there is no such conversation.
    """

    _esm = bundle("preflight")["_esm"]
    _css = bundle("preflight")["_css"]

    def __init__(self, shown: Preflight | Dataset, at: int | str | None = None, **traits: Any) -> None:
        self._closed = threading.Event()
        self._worker: threading.Thread | None = None
        self._seen = 0.0
        preflight = shown.preflight() if isinstance(shown, Dataset) else shown
        self._preflight = preflight
        self._view = view = PreflightView(preflight)
        super().__init__(view, preflight.dataset.name, **traits)
        key = None if at is None else preflight.dataset[at].key
        view.working = not preflight.done
        view.on_look = self._go_on
        state = view.state(self.filters, key)
        self._case = case = state["case"]
        self.selection = as_json(
            {} if case is None else {"key": case["key"], "target": case["target"], "turn": None}
        )
        self.state = _sent(state)
        self._go_on()

    @property
    def preflight(self) -> Preflight:
        """The preflight that is shown."""
        return self._preflight

    @property
    def _dataset(self) -> Dataset:
        return self._preflight.dataset

    def _saved(self, recording: Recording) -> tuple[Any, str]:
        self._preflight.finish()  # nobody goes on with it in a page
        chosen = json.loads(self.selection or "{}")
        state = self._view.state(self.filters, chosen.get("key"))
        opened = [case for case in (chosen, state["case"]) if case and case.get("target")]
        return state, record_preflight(recording, self.filters, state["preflight"], opened)

    def close(self) -> None:
        """Take the panel away. Work in the background comes to its end first."""
        self._closed.set()
        if self._worker is not None and self._worker is not threading.current_thread():
            self._worker.join()
        super().close()

    def _go_on(self) -> None:
        """Work in the background, for as long as somebody looks."""
        self._seen = time.monotonic()
        if self._view.working and (self._worker is None or not self._worker.is_alive()):
            self._worker = threading.Thread(target=self._work, name="preflight", daemon=True)
            self._worker.start()

    def _work(self) -> None:
        try:
            while not self._preflight.done and time.monotonic() - self._seen < _UNSEEN:
                self._preflight.advance()
                if self._closed.wait(_PAUSE):
                    break
        except RolethreadError as error:
            self.error = str(error)
            self._view.working = False
        self._view.working &= not (self._preflight.done or self._closed.is_set())
        if not self._closed.is_set():
            self._refresh()

    def _refresh(self) -> None:
        """Keep what is known now for views that are drawn later."""
        case = self._case
        state = self._view.state(self.filters, None if case is None else case["key"])
        self._case = state["case"] if case is None else case
        self.state = _sent({**state, "case": self._case})

    def _static_html(self) -> str:
        return panel_html(self._preflight, self._case)


def _sent(state: dict[str, Any]) -> str:
    """The state as it travels: names are shortened, and a case of many bytes is left for the browser to ask for."""
    case = as_json(state["case"])
    drawn = shortened_each({**state, "case": None}, SENTENCE)
    return as_json({**drawn, "case": state["case"] if len(case) <= _CASE else None})
