"""The views as HTML without a kernel and without a script: for GitHub, nbviewer, an untrusted or a dead notebook.

The same payloads as the live widgets (docs/protocol.md), drawn with what the sanitisers of notebook readers let
through: semantic tags and inline styles. Three things follow from them. Headings are bold text, for a heading would
enter the notebook's table of contents. A page's theme is unknown, so text keeps the page's colour, surfaces are thin
tints, and marks have middle tones. And without any style the order of the tags still reads as a transcript.

Nothing is cut silently: whatever a limit leaves out is counted in words where it would stand.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ..core.review_state import DECISIONS
from .markup import (
    CODE,
    HAIR,
    QUIET,
    SHAPES,
    WORDS,
    escape,
    inline,
    note,
    plural,
    root,
    section,
    shape,
    short,
    size,
)
from .static_thread import draw_thread
from .svg import chart_alt, chart_svg

__all__ = ["chart_svg", "charts_html", "findings_html", "review_html", "thread_html"]

BUDGET = 200_000  # bytes of one output

_CHARTS_BYTES = 70_000
_FINDINGS_BYTES = 50_000
_TABLES_BYTES = 60_000
_LEFT = "text-align:left;border:0;padding:0 12px 0 0"
_CELL = "text-align:left;vertical-align:top;padding:2px 16px 2px 0;border:0"


def thread_html(thread: Mapping[str, Any], *, limit_turns: int = 40) -> str:
    """Return a conversation as HTML: its turns with marks, and what was found in each.

    At most `limit_turns` turns and 200 kB are shown; the last line says how many there are.
    """
    return root(draw_thread(thread, limit_turns, BUDGET - 1_000))


def findings_html(page: Mapping[str, Any], *, limit: int = 50, empty: str = "") -> str:
    """Return a findings page as HTML: the counts by severity and a table grouped by code.

    At most `limit` findings are shown, shared out among the codes so that each code has its examples. `empty` is the
    sentence for a page without findings.
    """
    return root(_findings(page, limit, BUDGET - 1_000, empty))


def charts_html(charts: Sequence[Mapping[str, Any]]) -> str:
    """Return charts as HTML: a sentence each, a picture whose alternative text holds all its numbers, and these as a folded table."""
    return root(_charts(charts, BUDGET - 1_000, _TABLES_BYTES))


def review_html(state: Mapping[str, Any], *, limit: int = 20, limit_turns: int = 40, footer: str = "") -> str:
    """Return the state of a review as HTML: header, findings, the conversation looked at, charts."""
    parts = []
    if header := state.get("header"):
        profile = f" · profile {inline(header['profile'])}" if header.get("profile") else ""
        parts.append(
            f'<div style="padding:0 0 8px 0"><b style="font-size:15px">{inline(short(header["name"]))}</b>'
            f' &nbsp; <span style="{QUIET}">{inline(short(header["numbers"]))}{profile}{_reviewed(state)}</span></div>'
        )
        if gates := header.get("gates"):
            parts.append(_gates(gates))
    charts = _charts(state.get("charts") or (), _CHARTS_BYTES)
    if page := state.get("findings"):
        parts.append(section(_findings(page, limit, _FINDINGS_BYTES, state.get("empty") or "")))
    if thread := state.get("thread"):
        room = BUDGET - 2_000 - size(charts) - sum(map(size, parts))
        parts.append(section(draw_thread(thread, limit_turns, room)))
    if charts:
        parts.append(section(charts))
    if footer:
        parts.append(note(inline(short(footer, 1_000))))
    return root("".join(parts))


def _gates(gates: Mapping[str, Any]) -> str:
    """How many gates passed, and the sentences of those that did not."""
    failed = "".join(note(f"✗ {inline(short(one['says']))}") for one in gates["results"] if not one["ok"])
    return f"<div>{'✓' if gates['ok'] else '✗'} {inline(gates['says'])}</div>{failed}"


def _reviewed(state: Mapping[str, Any]) -> str:
    """How much was reviewed, if anything was."""
    status = state.get("status") or {}
    decided = status.get("decided") or {}
    made = [(int(decided[name]), name) for name in DECISIONS if decided.get(name)]
    if not made:
        return ""
    by_decision = ", ".join(f"{count:,} {name}" for count, name in made)
    return (
        f" · {sum(count for count, _ in made):,} of {int(status['conversations']):,} reviewed: {by_decision}"
    )


def _findings(page: Mapping[str, Any], limit: int, room: int, empty: str) -> str:
    matched, total = page["matched"], page["total"]
    query = page.get("query") or ""
    filtered = f' for <code style="{CODE}">{inline(short(query))}</code>' if query.strip() else ""
    if not matched:
        return note(f"No findings{filtered}.") if filtered or not empty else note(inline(empty))
    groups: Sequence[Mapping[str, Any]] = page["groups"]
    rows = _shared({group["code"]: [] for group in groups}, page["rows"], limit)
    sources = len({row["source"] for row in page["rows"]}) > 1
    counts = " &nbsp; ".join(
        f"{shape(name)} {plural(page['severities'][name], *WORDS[name])}"
        for name in SHAPES
        if page["severities"].get(name)
    )
    pieces: list[str] = []
    shown = 0
    room -= 1_500
    for group in groups:
        piece = _group(group, rows[group["code"]], sources=sources)
        if size(piece) > room:
            break
        pieces.append(piece)
        shown += len(rows[group["code"]])
        room -= size(piece)
    said = f"Showing {shown:,} of {plural(matched, 'finding', 'findings')}{filtered}"
    if matched < total:
        said += f" ({total:,} without the filter)"
    if len(pieces) < len(groups):
        said += f", {len(pieces):,} of {len(groups):,} codes"
    return (
        f'<div style="padding:0 0 8px 0"><b>{counts}</b> &nbsp; <span style="{QUIET}">{said}.</span></div>'
        f'<table style="border-collapse:collapse;table-layout:auto;width:100%;margin:0;border:0">{"".join(pieces)}</table>'
    )


def _shared(
    rows: dict[str, list[Mapping[str, Any]]], found: Iterable[Mapping[str, Any]], limit: int
) -> dict[str, list[Mapping[str, Any]]]:
    """Share `limit` rows out among the codes: one each in turn, until all are given."""
    waiting: dict[str, list[Mapping[str, Any]]] = {code: [] for code in rows}
    for row in found:
        waiting.setdefault(row["code"], []).append(row)
        rows.setdefault(row["code"], [])
    for depth in range(max(map(len, waiting.values()), default=0)):
        for code, queue in waiting.items():
            if depth < len(queue) and limit > 0:
                rows[code].append(queue[depth])
                limit -= 1
    return rows


def _group(group: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], *, sources: bool) -> str:
    clear = "background:transparent"
    head = (
        f'<tr style="{clear};border-top:{HAIR}"><th scope="rowgroup" colspan="4" style="{_CELL};padding:8px 0 4px 0;font-weight:normal">'
        f"{shape(group['severity'])} <b>{inline(short(group['code'], 80))}</b> &nbsp; <b>{group['count']:,}</b> &nbsp; "
        f'<span style="{QUIET}">{inline(short(group["title"]))}</span></th></tr>'
    )
    body = "".join(
        f'<tr style="{clear}">'
        + "".join(
            f'<td style="{_CELL};white-space:nowrap">{cell}</td>' for cell in _place(row, sources=sources)
        )
        + f'<td style="{_CELL};width:100%;overflow-wrap:anywhere">{inline(short(row["message"]))}</td></tr>'
        for row in rows
    )
    if rest := group["count"] - len(rows):
        body += (
            f'<tr style="{clear}"><td colspan="4" style="{_CELL};{QUIET}">'
            f"{f'{rest:,} more' if rows else 'none of them shown here'}</td></tr>"
        )
    body += f'<tr style="{clear}"><td colspan="4" style="{_CELL};padding:0 0 6px 0"></td></tr>'
    return f"<tbody>{head}{body}</tbody>"


def _place(row: Mapping[str, Any], *, sources: bool) -> Iterator[str]:
    """Where a finding stands: conversation, turn, role."""
    if row["key"] is None:
        yield from ("dataset", "", "")
        return
    file = f"file {row['source'] + 1} " if sources else ""
    line = f' <span style="{QUIET}">line {row["line"]:,}</span>' if row.get("line") is not None else ""
    yield f"{file}#{row['index']}{line}"
    yield f"turn {row['turn']}" if row["turn"] is not None else "all turns"
    yield inline(short(row["role"], 40)) if row["role"] else ""


def _charts(charts: Sequence[Mapping[str, Any]], room: int, for_tables: int = 0) -> str:
    """As many charts as there is room for, then as many of their tables."""
    figures: list[tuple[str, str]] = []
    for chart in charts:
        head, table = _figure(chart), _table(chart)
        if size(head) + 300 > room:
            break
        figures.append((head, table))
        room -= size(head) + len("</figure>")
    if not charts:
        return ""
    drawn, room = "", min(room, for_tables)
    for head, table in figures:
        shown = size(table) + 300 <= room
        room -= size(table) if shown else 0
        drawn += f"{head}{table if shown else ''}</figure>"
    grid = "display:grid;grid-template-columns:repeat(auto-fill, minmax(300px, 1fr));gap:12px"
    cut = note(f"Showing {len(figures):,} of {len(charts):,} charts.") if len(figures) < len(charts) else ""
    return f'<div style="{grid}">{drawn}</div>{cut}'


def _figure(chart: Mapping[str, Any]) -> str:
    """The picture of a chart under its sentence; the figure is left open for its table."""
    picture = base64.b64encode(chart_svg(chart).encode()).decode()
    return (
        f'<figure style="margin:0;min-width:0;padding:8px 12px;border:{HAIR};border-radius:4px">'
        f'<figcaption style="padding:0 0 8px 0"><b>{inline(chart["title"])}</b><br>'
        f'<span style="font-size:12px;{QUIET}">{inline(chart["subtitle"])}</span></figcaption>'
        f'<img alt="{escape(chart_alt(chart))}" src="data:image/svg+xml;base64,{picture}" '
        f'style="max-width:100%;height:auto">'
    )


def _table(chart: Mapping[str, Any]) -> str:
    """The numbers of a chart, folded."""
    if not chart["marks"]:
        return ""
    # A style sheet would not reach the page, so a row says little of itself.
    rows = "".join(
        f'<tr style="background:transparent"><th scope="row" style="{_LEFT};font-weight:normal">{inline(mark["label"])}</th>'
        f'<td style="{_LEFT}">{inline(mark["text"])}</td></tr>'
        for mark in chart["marks"]
    )
    return (
        f'<details><summary style="cursor:pointer;font-size:12px;{QUIET}">as table</summary>'
        f'<table style="border-collapse:collapse;margin:0;border:0;font-size:12px"><tbody>{rows}</tbody></table></details>'
    )


def diff_html(lines: Sequence[tuple[str, str]]) -> str:
    """A diff for a notebook cell: pairs of (kind, text), kind being ``head``, ``-``, ``+`` or ``note``."""
    tint = {"-": "rgba(220,60,50,.14)", "+": "rgba(40,160,90,.16)"}
    drawn = []
    for kind, text in lines:
        if kind in tint:
            style = f"background-color:{tint[kind]};padding:2px 8px;margin:0;white-space:pre-wrap;word-break:normal;text-align:left"
            drawn.append(f'<pre style="{style}">{"−" if kind == "-" else "+"} {escape(text)}</pre>')
        else:
            drawn.append(f'<p style="margin:8px 0 2px 0;text-align:left">{escape(text)}</p>')
    return root("".join(drawn))
