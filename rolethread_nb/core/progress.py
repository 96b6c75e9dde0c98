"""Progress: a bar for what lasts longer than a second, where somebody can see it."""

from __future__ import annotations

import sys
import threading
import time
from typing import Any

DELAY = 1.0  # seconds before a bar is shown


class Progress:
    """How far the reading of some bytes has come.

    Args:
        total: bytes to read.
        wanted: True always, False never, None only in a notebook or on a terminal.
    """

    def __init__(self, total: int, wanted: bool | None) -> None:
        self._total = total
        self._wanted = wanted
        self._began = time.monotonic()
        self._bar: Any = None

    def reached(self, done: int) -> None:
        """Say that so many bytes have been read by now."""
        if self._bar is None and (
            self._wanted is False
            or time.monotonic() - self._began < DELAY
            or done >= self._total
            or not self._shown()
        ):
            return
        if self._bar is None:
            self._bar = _bar(self._total)
            self._bar.start_t -= time.monotonic() - self._began
        self._bar.update(min(done, self._total) - self._bar.n)

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.total = self._bar.n  # a bar of widgets that is not full turns red and stays
            self._bar.close()
            self._bar = None

    def _shown(self) -> bool:
        if threading.current_thread() is not threading.main_thread():
            return False  # work beside what the user waits for
        if self._wanted is None:
            self._wanted = _in_notebook() or (sys.stderr is not None and sys.stderr.isatty())
        return self._wanted


def _in_notebook() -> bool:
    """Whether a Jupyter kernel runs this; IPython is asked only if it is there."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return type(shell).__name__ == "ZMQInteractiveShell"


def _bar(total: int) -> Any:
    """A bar of widgets where widgets are at work already, else one of text on standard error."""
    import tqdm.std

    made: Any = tqdm.std.tqdm
    if _in_notebook() and "ipywidgets" in sys.modules:
        import tqdm.auto

        made = tqdm.auto.tqdm
    return made(total=total, unit="B", unit_scale=True, desc="Reading", leave=False, smoothing=0)
