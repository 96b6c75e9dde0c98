"""The spreadsheet views: a sheet of conversations or findings, what is decided on the chosen row, and its thread."""

from __future__ import annotations

import html
import json
import sys
import threading
from importlib import import_module
from typing import Any

import anywidget
import traitlets
from ipywidgets import HTML, Dropdown, HBox, Text, VBox

from ..core.dataset import Dataset
from ..core.errors import RolethreadError
from ..core.live import Live
from ..core.model import Conversation
from ..core.report import Report
from ..core.review_state import DECISIONS
from ..outputs.datagrid_cells import write
from ..outputs.datagrid_rows import ConversationRows, FindingRows, Place, Rows
from ..outputs.requests import address
from ..outputs.static import findings_html, review_html
from ..outputs.views import ReviewView
from ._base import as_json, front_end, with_twin
from .issues import Issues
from .review import Review
from .thread import Thread, place_of

_STREAMED = "A sheet this long is read only; the fields below it take decision, tags and note."
_PLAIN = "margin:0;font:13px/1.5 var(--jp-ui-font-family,system-ui,sans-serif);color:var(--jp-ui-font-color1,inherit)"
_ALERT = f"{_PLAIN};padding-left:8px;border-left:3px solid #b3261e"


class _Page(anywidget.AnyWidget):
    """The page around a grid: keeps the notebook's shortcuts out of it (``d d`` on a row would delete the cell), and tells the theme."""

    theme = traitlets.Unicode("", help="``light`` or ``dark``; empty until it is known.").tag(sync=True)
    _esm = """
    const theme = () => (document.body.dataset.jpThemeLight === "false" ? "dark" : "light");
    export default {
      initialize({ model }) {
        const tell = () => {
          if (model.get("theme") === theme()) return;
          model.set("theme", theme());
          model.save_changes();
        };
        const watch = new MutationObserver(tell);
        watch.observe(document.body, { attributeFilter: ["data-jp-theme-light"] });
        tell();
        return () => watch.disconnect();
      },
      render({ el }) {
        let tries = 100;
        const keep = () => {
          const box = el.closest(".rt-datagrid");
          if (!box) return tries-- ? setTimeout(keep, 50) : undefined;
          const own = (node) => node.setAttribute("data-lm-suppress-shortcuts", "true");
          own(box);
          // Notebook 7 asks only the element that has the focus.
          box.addEventListener("focusin", (event) => own(event.target));
        };
        keep();
      },
    };
    """


class DataGrid(VBox):
    """Base of the spreadsheet views.

    Attributes:
        selection: what is chosen, as JSON: ``{"key", "turn", "n"}``, as in every component; it can be set, and linked.
        sheet: the ipydatagrid widget.
        thread: the thread of the chosen conversation.
    """

    selection = traitlets.Unicode("{}", help='What is chosen, as JSON: {"key", "turn", "n"}.')
    thread: Thread
    sheet: Any

    def __init__(self, rows: Rows) -> None:
        self._lock = threading.RLock()
        self._showing = False
        self._decision = Dropdown(
            options=[("undecided", ""), *((name, name) for name in DECISIONS)], **_field("Decision", "200px")
        )
        self._tags = Text(continuous_update=False, **_field("Tags", "260px"))
        self._note = Text(continuous_update=False, **_field("Note", "auto"))
        self._note.layout.flex = "1 1 240px"
        self._fields = {"decision": self._decision, "tags": self._tags, "note": self._note}
        self._notice, self._said = HTML(), HTML()
        self._linked: Any = None
        self._page = _Page(layout={"display": "none"}, **front_end())
        self._page.observe(self._on_theme, "theme")
        super().__init__()
        self.add_class("rt-datagrid")
        for column, field in self._fields.items():
            field.observe(lambda change, column=column: self._on_field(column, change["new"]), "value")
        self.observe(self._on_selection, "selection")
        self._open(rows)
        self._choose_first()

    @property
    def report(self) -> Report:
        """The report whose findings are shown."""
        return self._rows.report

    @property
    def dataset(self) -> Dataset:
        """The dataset that is reviewed."""
        return self._rows.report.dataset

    def select(self, at: int | str) -> None:
        """Choose a row, and open its conversation.

        Args:
            at: the conversation's id, its position in its source, or ``"id#turn"``.

        Raises:
            QueryError: if there is no such conversation or turn.
        """
        self.selection = as_json(place_of(self.report, at))

    def refresh(self) -> None:
        """Show what the review says now: what was decided, tagged, ignored or taken back elsewhere."""
        with self._lock:
            self._renew()
            self._mark()
            self._show_fields()
            self._say("")

    # ------------------------------------------------------------------ what is shown

    def _open(self, rows: Rows) -> None:
        """Show rows, and a thread on their report."""
        before: Rows | None = getattr(self, "_rows", None)
        self._rows = rows
        self._show_sheet(rows, before)
        if self._linked is not None:
            self._linked.unlink()
            self.thread.close()
        self.thread = Thread(rows.report)
        self._linked = traitlets.link((self, "selection"), (self.thread, "selection"))
        remarks = [remark for remark in (rows.notice, "" if self.sheet.editable else _STREAMED) if remark]
        self._notice.value = _sentence(" ".join(remarks))
        self._notice.layout.display = "" if remarks else "none"
        fields = HBox(list(self._fields.values()), layout={"flex_flow": "row wrap", "grid_gap": "0 16px"})
        self.children = [self._notice, self.sheet, fields, self._said, self.thread, self._page]

    def _show_sheet(self, rows: Rows, before: Rows | None) -> None:
        """Show rows in the sheet there is, so that it stays where it was scrolled and sorted; in a new one of the other kind else."""
        from .spreadsheet import STREAMED_ABOVE, sheet_of

        streamed = len(rows) > STREAMED_ABOVE
        if before is not None and self.sheet.editable is not streamed:
            changed = before.differing(rows)
            self.sheet.show(rows) if changed is None else self.sheet.put(changed, rows)
        else:
            self._watch(sheet_of(rows, streamed=streamed))

    def _watch(self, sheet: Any) -> None:
        """Have this be the sheet."""
        self.sheet = sheet
        sheet.observe(self._on_sheet, "selections")
        sheet.observe(self._on_order, ["_visible_rows", "_row_count"])
        sheet.on_cell_change(self._on_cell)

    def _on_theme(self, change: Any) -> None:
        """Have the sheet follow: of itself ipydatagrid leaves the heads of columns, and a streamed sheet, in the colours they had."""
        from .spreadsheet import header, sheet_of

        with self._lock:
            if not change["old"]:
                return
            if self.sheet.editable:
                self.sheet.header_renderer = header()
                return
            before = self.sheet
            self._watch(sheet_of(self._rows, streamed=True))
            self.sheet.transform(before.transforms)
            self._mark()
            self.children = [self.sheet if child is before else child for child in self.children]
            before.close()

    def _choose_first(self) -> None:
        """Choose the first row that has a conversation."""
        for row in range(min(len(self._rows), 50)):
            place = self._rows.place(row)
            if place is not None and self._checked(place) is not None:
                self.selection = _selected(place)
                return

    def _renew(self) -> None:
        if changed := self._rows.reread():
            self.sheet.put(changed)

    # ------------------------------------------------------------------ choosing

    def _on_sheet(self, change: Any) -> None:
        with self._lock:
            if self._showing or not change["new"]:
                return  # nothing selected: a sort or a filter took the mark away, and it comes back
            row = self.sheet.at(change["new"][-1]["r1"])
            place = None if row is None else self._rows.place(row)
            if place is not None and row != self._row:
                self.selection = _selected(place)

    def _on_order(self, _: Any) -> None:
        with self._lock:
            self._mark()

    def _on_selection(self, _: Any) -> None:
        with self._lock:
            self._mark()
            self._show_fields()
            self._say("")

    def _mark(self) -> None:
        """Select the chosen row in the sheet, wherever it stands now."""
        showing, self._showing = self._showing, True
        try:
            self.sheet.mark(self._row)
        finally:
            self._showing = showing

    @property
    def _row(self) -> int | None:
        """The row that is chosen."""
        chosen = _read(self.selection)
        key, turn, n = (chosen.get(name) for name in ("key", "turn", "n"))
        if not isinstance(key, str):
            return self._rows.row_of_finding(n) if isinstance(n, int) else None
        whole = (value if isinstance(value, int) else None for value in (turn, n))
        return self._rows.row_of(*address(key), *whole)

    # ------------------------------------------------------------------ editing

    def _on_cell(self, cell: dict[str, Any]) -> None:
        with self._lock:
            self._write(int(cell["row"]), str(cell["column"]), cell["value"])

    def _on_field(self, column: str, value: str) -> None:
        with self._lock:
            if not self._showing and (row := self._row) is not None:
                self._write(row, column, value)

    def _write(self, row: int, column: str, value: Any) -> None:
        """Carry out what was typed. Where it cannot be, what was there comes back, and a sentence says why."""
        place = self._rows.place(row)
        if place is None:
            return
        was = self._rows.cells([row])[column][0]
        if value == was or (value is None and was == ""):
            return
        changed: list[int] = []
        try:
            issue = None if place.n is None else self.report.issue(place.n)
            write(self.dataset, self._current(place), issue, column, "" if value is None else str(value))
        except (RolethreadError, KeyError, IndexError) as problem:
            self._say(str(problem.args[0] if problem.args else problem))
        else:
            self._say("")
            changed = self._rows.reread()
        self.sheet.put(sorted({row, *changed}))
        self._show_fields()

    def _show_fields(self) -> None:
        """Fill the fields with what is decided on the chosen row."""
        row = self._row
        place = None if row is None else self._rows.place(row)
        conversation = None if place is None else self._current(place)
        self._showing = True
        try:
            for column, field in self._fields.items():
                field.value = "" if row is None else self._rows.cells([row])[column][0]
                field.disabled = conversation is None
        finally:
            self._showing = False

    def _say(self, sentence: str) -> None:
        self._said.value = _sentence(sentence, alert=True)
        self._said.layout.display = "" if sentence else "none"

    def _checked(self, place: Place) -> Conversation | None:
        """The conversation of a row as it was checked."""
        if place.source is None or place.index is None:
            return None
        return self.report.conversation(place.source, place.index)

    def _current(self, place: Place) -> Conversation | None:
        """The conversation of a row as it is now."""
        if place.source is None or place.index is None:
            return None
        return self.dataset.conversation_at(place.source, place.index)

    # ------------------------------------------------------------------ drawing

    def _static_html(self) -> str:
        raise NotImplementedError

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        return with_twin(super()._repr_mimebundle_(**kwargs), self._static_html, repr(self))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self.dataset.name}: {len(self._rows):,} rows>"


class ConversationGrid(DataGrid):
    """One row a conversation. Use :meth:`Dataset.datagrid`."""

    def __init__(self, report: Report, where: str | None = None) -> None:
        self._where = where
        self._live = Live(report)
        super().__init__(ConversationRows(report, where))

    def _renew(self) -> None:
        if self._live.follow():
            self._open(ConversationRows(self._live.report, self._where))

    def _static_html(self) -> str:
        return review_html(ReviewView(self.report).state())


class FindingGrid(DataGrid):
    """One row a finding. Use :meth:`Report.datagrid`."""

    def __init__(self, report: Report) -> None:
        super().__init__(FindingRows(report))

    def _static_html(self) -> str:
        view = ReviewView(self.report)
        return findings_html(view.findings(), empty=view.empty)


def conversation_grid(
    dataset: Dataset, report: Report | None, where: str | None
) -> ConversationGrid | Review:
    """The spreadsheet of a dataset; the panel, which says why, where ipydatagrid cannot be shown."""
    checked = dataset.check() if report is None else report
    if (why := cannot_show()) is not None:
        return Review(
            checked, error=f"{why}; this is the panel instead of the spreadsheet.", filters=where or ""
        )
    return ConversationGrid(checked, where)


def finding_grid(report: Report) -> FindingGrid | Issues:
    """The spreadsheet of a report; the issue grid, which says why, where ipydatagrid cannot be shown."""
    if (why := cannot_show()) is not None:
        return Issues(report, error=f"{why}; this is the issue grid instead of the spreadsheet.")
    return FindingGrid(report)


def cannot_show() -> str | None:
    """Why ipydatagrid cannot be shown here, as far as a kernel can know; None where nothing speaks against it."""
    if "google.colab" in sys.modules:
        return "Colab does not show ipydatagrid"
    marimo = sys.modules.get("marimo")
    if marimo is not None and getattr(marimo, "running_in_notebook", lambda: True)():
        return "marimo does not show ipydatagrid"
    if "pyodide" in sys.modules or sys.platform == "emscripten":
        return "JupyterLite does not show ipydatagrid"
    try:
        import_module(".spreadsheet", __package__)
    except ImportError as problem:
        return f"ipydatagrid cannot be imported ({problem})"
    return None


def _field(description: str, width: str) -> dict[str, Any]:
    return {
        "description": description,
        "style": {"description_width": "initial"},
        "layout": {"width": width},
    }


def _selected(place: Place) -> str:
    key = None if place.source is None or place.index is None else f"{place.source}:{place.index}"
    return as_json({"key": key, "turn": place.turn, "n": place.n})


def _read(selection: str) -> dict[str, Any]:
    try:
        read = json.loads(selection)
    except ValueError:
        return {}
    return read if isinstance(read, dict) else {}


def _sentence(text: str, *, alert: bool = False) -> str:
    if not text:
        return ""
    more = f' role="alert" style="{_ALERT}"' if alert else f' style="{_PLAIN}"'
    return f"<p{more}>{html.escape(text)}</p>"
