"""What every component shares: four traits, a request channel, and a static twin."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, overload

import anywidget
import traitlets

from ..core.dataset import Dataset
from ..core.report import Report
from ..outputs.export import refuse_a_source
from ..outputs.page import page_html
from ..outputs.recording import CONVERSATIONS, Recording
from ..outputs.requests import View, answered
from ..outputs.views import ReviewView
from ..outputs.writing import write_atomically

_STATIC = Path(__file__).parent / "static"
_MISSING = (
    "export default { render({ el }) { el.textContent ="
    " 'The browser part of rolethread_nb was not built. Run: pip install -e .'; } };"
)


def bundle(name: str) -> dict[str, str]:
    """The built module and style of a component, as anywidget takes them."""
    module, style = _STATIC / f"{name}.js", _STATIC / f"{name}.css"
    return {
        "_esm": module.read_text(encoding="utf-8") if module.exists() else _MISSING,
        "_css": style.read_text(encoding="utf-8") if style.exists() else "",
    }


def front_end() -> dict[str, str]:
    """Which anywidget in the page draws a widget: any of the 0 line, since a hub's server seldom has that of the kernel.

    Colab loads it from a CDN, which would give the newest; there it stays that of the kernel.
    """
    if "google.colab" in sys.modules:
        return {}
    return {"_model_module_version": "0", "_view_module_version": "0"}


def with_twin(shown: Any, html: Callable[[], str], text: str) -> Any:
    """What a widget shows, with its static twin beside it for readers without a kernel; None where it shows nothing."""
    if shown is None:
        return None
    data, metadata = shown if isinstance(shown, tuple) else (shown, {})
    return {**data, "text/html": html(), "text/plain": text}, metadata


class Component(anywidget.AnyWidget):
    """Base of the components. The traits are those of docs/protocol.md."""

    state = traitlets.Unicode("{}", help="What is drawn at once, as JSON.").tag(sync=True)
    selection = traitlets.Unicode("{}", help='The selected place as JSON: {"key", "turn", "n"}.').tag(
        sync=True
    )
    filters = traitlets.Unicode("", help="The query that findings and conversations are filtered by.").tag(
        sync=True
    )
    changes = traitlets.Int(
        0, help="Rises with every step of the journal; what is drawn is asked for again."
    ).tag(sync=True)
    error = traitlets.Unicode("", help="One sentence to show above the component, or empty.").tag(sync=True)

    def __init__(self, view: View, shows: str, **traits: Any) -> None:
        unknown = sorted(name for name in traits if not self.has_trait(name))
        if unknown:
            raise TypeError(f"{type(self).__name__}() does not know {unknown[0]!r}.")
        self._answers = view
        self._shows = shows
        super().__init__(**front_end(), **traits)
        self.on_msg(self._on_message)

    def _on_message(self, _: Any, content: Any, __: Any) -> None:
        if not isinstance(content, dict) or content.get("kind") != "request":
            return
        args = content.get("args")
        reply = answered(self._answers, str(content.get("name")), args if isinstance(args, dict) else {})
        self.send({"kind": "reply", "id": content.get("id"), **reply})

    def _static_html(self) -> str:
        raise NotImplementedError

    @overload
    def to_html(self, path: None = None, *, conversations: int = ...) -> str: ...
    @overload
    def to_html(self, path: str | Path, *, conversations: int = ...) -> Path: ...
    def to_html(self, path: str | Path | None = None, *, conversations: int = CONVERSATIONS) -> str | Path:
        """What is shown, as one HTML file to read in a browser without a kernel and without a network (docs/freeze.md).

        Reading on, folding, sorting, searching in a conversation and the filters of one click work in it; its first line says how
        many conversations are in it, and what needs the notebook.

        Args:
            path: where the file goes; one that is there is replaced. Default: the text is returned.
            conversations: how many conversations are written into the file at most, beside 10 MB of them.

        Returns:
            The path, or without one the text of the file.

        Raises:
            ExportError: if the path cannot be written, or is a source of the dataset.
        """
        recording = Recording(self._answers, max(conversations, 1))
        state, says = self._saved(recording)
        saved = {
            "state": state,
            "selection": self.selection or "{}",
            "filters": self.filters,
            "answers": recording.answers(says),
        }
        parts = {"module": str(self._esm), "style": str(self._css), "twin": self._static_html()}
        page = page_html(title=f"{type(self).__name__} of {self._shows}", saved=saved, says=says, **parts)
        if path is None:
            return page
        target = Path(path)
        if (dataset := self._dataset) is not None:
            refuse_a_source(dataset, target)
        write_atomically(target, [page.encode()], overwrite=True)
        return target

    def _saved(self, recording: Recording) -> tuple[Any, str]:
        """What is drawn now, and a sentence on how much of the whole was recorded."""
        raise NotImplementedError

    @property
    def _dataset(self) -> Dataset | None:
        """The dataset that is shown, if there is one."""
        return None

    # Widgets of ipywidgets 7 show themselves by this method, which would leave the twin out.
    _ipython_display_ = None

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        return with_twin(super()._repr_mimebundle_(**kwargs), self._static_html, repr(self))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._shows}>"


class ReportComponent(Component):
    """Base of the components that show a report, and follow what is done to its dataset."""

    def __init__(self, report: Report, view: ReviewView | None = None, **traits: Any) -> None:
        self._view = ReviewView(report) if view is None else view
        self._report = report
        super().__init__(self._view, report.dataset.name, **traits)
        self.changes = report.dataset.journal.serial
        report.dataset.journal.watch(self._on_step)

    def _on_step(self) -> None:
        if self.comm is not None:
            self.changes = self._report.dataset.journal.serial

    @property
    def report(self) -> Report:
        """The report that is shown."""
        return self._report

    @property
    def _dataset(self) -> Dataset:
        return self._report.dataset


def as_report(shown: Dataset | Report) -> Report:
    """The report to show for what a user passed in."""
    if isinstance(shown, Report):
        return shown
    if isinstance(shown, Dataset):
        return shown.check()
    raise TypeError(f"Pass a Dataset or a Report, not {type(shown).__name__}.")


def as_json(payload: Any) -> str:
    """JSON for a trait; ASCII only, so that no host can stumble over it."""
    return json.dumps(payload, separators=(",", ":"))
