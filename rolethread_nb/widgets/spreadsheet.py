"""The sheet of a spreadsheet view: ipydatagrid, told what to show. Importing this module imports ipydatagrid.

Rows are named by their number among the `Rows` that are shown; what a person sorts and filters in the browser changes only where they stand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd
import polars as pl
import traitlets
from ipydatagrid import BarRenderer, CellRenderer, DataGrid, StreamingDataGrid, TextRenderer, VegaExpr

from ..outputs.datagrid_rows import COUNTED, Rows

STREAMED_ABOVE = 20_000
_MOST_SINGLE_ROWS = 200  # more rows than that are sent again all together
_KEY = "ipydguuid"  # ipydatagrid's own number of a row
_ROW = 26
_MOST_IN_SIGHT = 14
_AROUND = 58  # header, scroll bar and edge

# The font's colour that ipydatagrid hands to an expression is white in dark themes: no other sign of the theme reaches a cell.
_DARK = "indexof(default_value, '255, 255, 255') >= 0"
_COLOURS = {  # light, dark: those of the components (js/src/lib/base.css)
    "error": ("#b3261e", "#ff9389"),
    "warning": ("#855400", "#e5b84c"),
    "info": ("#57606a", "#a0a9b3"),
    "mute": ("#59626b", "#a0a9b3"),
    "keep": ("#00704f", "#4acba8"),
    "fix": ("#855400", "#e5b84c"),
    "reject": ("#b3261e", "#ff9389"),
    "later": ("#59626b", "#a0a9b3"),
}
_BAR = "rgba(91, 120, 150, 0.32)"  # lies under the number in light and in dark
_FONT = "13px system-ui, -apple-system, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif"

_WIDTHS = {
    "id": 150,
    "file": 130,
    "title": 210,
    "turns": 76,
    "words": 84,
    "exchanges": 112,
    **dict(zip(COUNTED.values(), (100, 120, 92), strict=True)),
    "severity": 96,
    "code": 170,
    "turn": 64,
    "role": 88,
    "message": 380,
    "decision": 92,
    "tags": 130,
    "note": 220,
    "ignored": 84,
}
_LINE = "rgba(128, 128, 128, 0.28)"  # a hairline in light and in dark


class Sheet(Protocol):
    """What the two kinds of sheets have in common, besides being widgets."""

    selections: list[dict[str, int]]

    def seen(self, row: int) -> int | None:
        """Where a row stands now, None where it is filtered out."""
        ...

    def at(self, position: int) -> int | None:
        """The row that stands at a position now."""
        ...

    def mark(self, row: int | None) -> None:
        """Select a row, or nothing."""
        ...

    def put(self, changed: Sequence[int], rows: Rows | None = None) -> None:
        """Show the cells of some rows again; ``rows``: where they are from now on."""
        ...

    def show(self, rows: Rows) -> None:
        """Show other rows."""
        ...


def sheet_of(rows: Rows, *, streamed: bool) -> Any:
    """A sheet for rows. One that is streamed is sent only what is in sight; its cells cannot be edited (ipydatagrid drops what is typed)."""
    names = rows.columns
    traits = {
        "renderers": _renderers(rows),
        "header_renderer": header(),
        "default_renderer": _text(),
        "column_widths": {name: _WIDTHS[name] for name in names},
        "base_row_size": _ROW,
        "base_row_header_size": _WIDTHS[names[0]],
        "base_column_header_size": _ROW + 4,
        "grid_style": {
            "grid_line_color": _LINE,
            "vertical_grid_line_color": "rgba(0, 0, 0, 0)",
            "header_grid_line_color": _LINE,
        },
        "selection_mode": "row",
        "editable": not streamed,
        "layout": {"height": f"{_ROW * min(max(len(rows), 3), _MOST_IN_SIGHT) + _AROUND}px"},
    }
    return (StreamedSheet if streamed else WholeSheet)(rows, **traits)


def header() -> TextRenderer:
    """How the heads of the columns look."""
    return _text(font=f"600 {_FONT}")


class _Marking:
    """How a row is selected. Positions are where rows stand in the browser."""

    selections: list[dict[str, int]]

    def mark(self: Any, row: int | None) -> None:
        position = None if row is None else self.seen(row)
        if position is None:
            self.selections = []
        elif not self.selections or self.selections[-1]["r1"] != position:
            last = len(self.rows.columns) - 2
            self.selections = [{"r1": position, "c1": 0, "r2": position, "c2": last}]


def _as_lists(data: Mapping[str, Any], _: Any) -> dict[str, Any]:
    """Columns as lists. ipydatagrid's own way makes fixed-width texts of them: one long note costs its length times the rows."""
    if not data:
        return {}
    columns = {
        str(name): [None if cell is pd.NA else cell for cell in column.tolist()]
        for name, column in data["data"].items()
    }
    return {"data": columns, "schema": data["schema"], "fields": data["fields"]}


class WholeSheet(_Marking, DataGrid):
    """A sheet that is sent whole; its cells can be edited."""

    _data = traitlets.Dict().tag(sync=True, to_json=_as_lists)

    def __init__(self, rows: Rows, **traits: Any) -> None:
        self.rows = rows
        super().__init__(_frame(rows, range(len(rows))), **traits)

    def at(self, position: int) -> int | None:
        order = self._visible_rows
        if not order:
            return position if 0 <= position < len(self.rows) else None
        return order[position] if 0 <= position < len(order) else None

    def seen(self, row: int) -> int | None:
        order = self._visible_rows
        if not order:
            return row
        return order.index(row) if row in order else None

    def put(self, changed: Sequence[int], rows: Rows | None = None) -> None:
        self.rows = self.rows if rows is None else rows
        if len(changed) > _MOST_SINGLE_ROWS:
            self.show(self.rows)
            return
        cells = self.rows.cells(changed)
        kept = self._data["data"]
        for name in cells.columns[1:]:
            kept.loc[list(changed), name] = cells[name].to_list()
        # As whole rows: for a single cell the browser would answer as if a person had typed it.
        for row, values in zip(changed, cells.select(cells.columns[1:]).iter_rows(), strict=True):
            self.send({"event_type": "row-changed", "row": row, "value": list(values)})

    def show(self, rows: Rows) -> None:
        self.rows = rows
        self.data = _frame(rows, range(len(rows)))
        self.selections = []  # the browser forgets the mark with the old rows


def _only_keys(data: Mapping[str, Any], _: Any) -> dict[str, Any]:
    """No rows, but the columns that the browser looks up a clicked row in: without them each click is an error in its console."""
    if not data:
        return {}
    keys: dict[str, list[Any]] = {name: [] for name in data["schema"]["primaryKey"]}
    return {"data": keys, "schema": data["schema"], "fields": data["fields"]}


class StreamedSheet(_Marking, StreamingDataGrid):
    """A sheet that is sent only what is in sight. It sorts and filters here, over columns."""

    _data = traitlets.Dict().tag(sync=True, to_json=_only_keys)

    def __init__(self, rows: Rows, **traits: Any) -> None:
        self.rows = rows
        self._order: npt.NDArray[np.uint32] | None = None
        super().__init__(_frame(rows, ()), _row_count=len(rows), **traits)

    def at(self, position: int) -> int | None:
        count = len(self.rows) if self._order is None else len(self._order)
        if not 0 <= position < count:
            return None
        return position if self._order is None else int(self._order[position])

    def seen(self, row: int) -> int | None:
        if self._order is None:
            return row
        found = np.flatnonzero(self._order == row)
        return int(found[0]) if len(found) else None

    def put(self, changed: Sequence[int], rows: Rows | None = None) -> None:
        self.show(self.rows if rows is None else rows)

    def show(self, rows: Rows) -> None:
        self.rows = rows
        self._arrange()

    @property
    def transforms(self) -> list[dict[str, Any]]:
        """How the browser sorts and filters it."""
        return list(self._transforms)

    @traitlets.observe("_transforms")
    def _on_transforms_changed(self, _: Any) -> None:
        marked = self.selections[-1]["r1"] if self.selections else None
        row = None if marked is None else self.at(marked)
        self._arrange()
        self.mark(row)

    def _arrange(self) -> None:
        """Sort and filter as the browser asked, and have it ask for what it shows."""
        self._order = arranged(self.rows, self._transforms) if self._transforms else None
        self._row_count = len(self.rows) if self._order is None else len(self._order)
        self.tick()

    def _handle_comm_msg(self, _: Any, content: Mapping[str, Any], __: Any) -> None:
        kind = content.get("type")
        if kind == "data-request":
            first, last = max(int(content["r1"]), 0), int(content["r2"])
            rows = [row for at in range(first, last + 1) if (row := self.at(at)) is not None]
            cells = self.rows.cells(rows)
            columns = {**cells.to_dict(as_series=False), _KEY: rows}
            reply = {"event_type": "data-reply", **{name: content[name] for name in ("r1", "r2", "c1", "c2")}}
            about = {"schema": self._data["schema"], "fields": self._data["fields"]}
            self.send({**reply, "value": {"data": columns, **about}})
        elif kind == "unique-values-request":
            name = str(content["column"])
            values = self.rows.column(name).drop_nulls().unique().sort().to_list()
            self.send(
                {"event_type": "unique-values-reply", "column": name, "value": {"data": {name: values}}}
            )


def arranged(rows: Rows, transforms: Sequence[Mapping[str, Any]]) -> npt.NDArray[np.uint32]:
    """The numbers of the rows that a sheet's filters leave, in the order of its sorting. Texts are searched as they are, in any case."""
    order = pl.DataFrame({"row": pl.arange(0, len(rows), eager=True, dtype=pl.UInt32)})
    for transform in transforms:
        column = rows.column(str(transform["column"])).gather(order["row"])
        if transform["type"] == "filter":
            order = order.filter(_passes(column, str(transform["operator"]), transform.get("value")))
        elif transform["type"] == "sort":
            order = (
                order.with_columns(by=column)
                .sort("by", descending=bool(transform.get("desc")), nulls_last=True, maintain_order=True)
                .select("row")
            )
    return order["row"].to_numpy()


def _passes(column: pl.Series, operator: str, value: Any) -> pl.Series:
    text = column.cast(pl.String)
    if operator in ("empty", "notempty"):
        missing = text.is_null() | (text == "")
        return missing if operator == "empty" else ~missing
    if operator == "in":
        return text.is_in([str(one) for one in value])
    if operator in ("contains", "stringContains", "!contains"):
        holds = text.str.to_lowercase().str.contains(str(value).lower(), literal=True).fill_null(False)
        return ~holds if operator == "!contains" else holds
    if operator in ("startswith", "endswith"):
        ends = text.str.starts_with if operator == "startswith" else text.str.ends_with
        return ends(str(value)).fill_null(False)
    if operator == "between":
        low, high = (_alike(column, edge) for edge in value)
        return column.is_between(low, high).fill_null(False)
    edge = _alike(column, value)
    compared = {
        "=": column == edge,
        "!=": column != edge,
        "<": column < edge,
        ">": column > edge,
        "<=": column <= edge,
        ">=": column >= edge,
    }.get(operator)
    return (
        pl.repeat(True, len(column), eager=True) if compared is None else compared.fill_null(operator == "!=")
    )


def _alike(column: pl.Series, value: Any) -> Any:
    """A value from the browser as the column's kind; a number that is none is above all."""
    if column.dtype == pl.String:
        return str(value)
    try:
        return float(value)
    except (TypeError, ValueError):
        return float("inf")


def _frame(rows: Rows, numbers: Sequence[int]) -> pd.DataFrame:
    cells = rows.cells(numbers)
    columns: dict[str, Any] = {}
    for name in cells.columns:
        column = cells[name]
        kind: Any = object if column.dtype == pl.String else "Int64"
        columns[name] = pd.array(column.to_list(), dtype=kind)
    return pd.DataFrame(columns).set_index(cells.columns[0])


# ---------------------------------------------------------------- how cells look


def _renderers(rows: Rows) -> dict[str, CellRenderer]:
    found: dict[str, CellRenderer] = {
        rows.columns[0]: _text(_one_of("mute")),
        "severity": _text(
            " : ".join(
                f"indexof(cell.value, '{mark.split()[1][:-1]}') >= 0 ? {_one_of(name)}"
                for name, mark in COUNTED.items()
            )
            + " : default_value"
        ),
        "code": _text(),
        "role": _text(_one_of("mute")),
        "turn": _number(),
        "decision": _text(
            " : ".join(
                f"cell.value == '{name}' ? {_one_of(name)}" for name in ("keep", "fix", "reject", "later")
            )
            + " : default_value",
            font=f"600 {_FONT}",
        ),
        "ignored": _text(_one_of("mute")),
    }
    for name, column in COUNTED.items():
        found[column] = _number(f"cell.value > 0 ? {_one_of(name)} : {_one_of('mute')}")
    for name in ("turns", "words", "exchanges"):
        if name in rows.columns:
            found[name] = _bar(_full(rows.column(name)))
    return {name: renderer for name, renderer in found.items() if name in rows.columns}


def _full(counts: pl.Series) -> int:
    """The count that fills a bar: the 99th percentile, so that one very long conversation does not flatten all others."""
    return max(int(counts.quantile(0.99, "higher") or 0), 1) if len(counts) else 1


def _one_of(name: str) -> str:
    light, dark = _COLOURS[name]
    return f"({_DARK} ? '{dark}' : '{light}')"


def _text(colour: str = "default_value", font: str = _FONT) -> TextRenderer:
    return TextRenderer(font=font, text_color=VegaExpr(colour))


_GROUPED = "isNumber(cell.value) ? ',' : null"  # what is still on its way is no number


def _number(colour: str = "default_value") -> TextRenderer:
    return TextRenderer(
        font=_FONT, text_color=VegaExpr(colour), format=VegaExpr(_GROUPED), horizontal_alignment="right"
    )


def _bar(full: int) -> BarRenderer:
    return BarRenderer(
        font=_FONT,
        text_color=VegaExpr("default_value"),
        format=VegaExpr(_GROUPED),
        horizontal_alignment="right",
        bar_color=_BAR,
        bar_value=VegaExpr(f"isNumber(cell.value) ? cell.value / {full} : 0"),
    )
