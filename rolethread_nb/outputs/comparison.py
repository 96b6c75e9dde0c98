"""A comparison of two versions of a dataset, as HTML without scripts and as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

from ..core.compare import Change, Comparison
from ..core.differences import Piece, TurnChange
from ..core.turns import encodable
from ..core.visible import visible
from .markup import CODE, HAIR, QUIET, escape, inline, note, root, section, short, size

_BUDGET = 200_000  # bytes of the page, as for every static view
_CHANGES = 20  # changed conversations that are drawn
_TURNS = 20  # turns of one of them
_IDS = 20
_AROUND = 60  # characters that stay beside a change
_LINES = 10  # changed conversations in a terminal
_CELL = "padding:2px 16px 2px 0;border:0;text-align:left;vertical-align:top;background:transparent"
_NUMBER = f"{_CELL};text-align:right;font-variant-numeric:tabular-nums"
_TINT = {"-": "rgba(220,60,50,.14)", "+": "rgba(40,160,90,.16)"}
_SIGN = {"added": "+", "removed": "−", "changed": "~"}


def comparison_html(comparison: Comparison) -> str:
    """The comparison as one static HTML page part of at most 200 kB."""
    names = f"{_told(comparison.before.name)} → {_told(comparison.after.name)}"
    head = f'<div style="padding:0 0 8px 0"><b style="font-size:15px">{names}</b> &nbsp; <span style="{QUIET}">{inline(comparison.summary)}</span></div>'
    parts = [head]
    for title, ids in (
        ("Added", comparison.added),
        ("Removed", comparison.removed),
        ("Moved", comparison.moved),
    ):
        if ids:
            parts.append(section(_id_list(title, ids)))
    room = _BUDGET - 40_000 - sum(map(size, parts))
    parts.append(_changed(comparison, room))
    codes = {code: numbers for code, numbers in comparison.counts.items() if numbers[0] != numbers[1]}
    parts.append(section(_table("Findings by code", codes, len(comparison.counts) - len(codes))))
    measures = {name: numbers for name, numbers in comparison.balance.items() if numbers[0] != numbers[1]}
    parts.append(section(_table("Balance", measures, len(comparison.balance) - len(measures))))
    return root("".join(parts))


def _id_list(title: str, ids: Sequence[str]) -> str:
    shown = ", ".join(f'<code style="{CODE}">{_told(name, 80)}</code>' for name in ids[:_IDS])
    more = f", and {len(ids) - _IDS:,} more" if len(ids) > _IDS else ""
    return f"<b>{title}</b> &nbsp; {len(ids):,}<br>{shown}{more}"


def _changed(comparison: Comparison, room: int) -> str:
    count = len(comparison.changed)
    if not count:
        return ""
    drawn = []
    for change in islice(comparison.changes(), _CHANGES):
        piece = _change(change)
        if size(piece) > room:
            break
        drawn.append(piece)
        room -= size(piece)
    cut = note(f"Showing {len(drawn):,} of {count:,} changed conversations.") if len(drawn) < count else ""
    return section(f"<b>Changed</b> &nbsp; {count:,}{''.join(drawn)}{cut}")


def _change(change: Change) -> str:
    renamed = "" if change.before.id == change.after.id else f" (was {_told(change.before.id, 80)})"
    said = f"found by {change.by} · {', '.join(change.what)}"
    head = (
        f'<div style="padding:8px 0 2px 0"><b>#{change.after.index} {_told(change.after.id, 80)}</b>{renamed}'
        f' &nbsp; <span style="{QUIET}">{inline(said)}</span></div>'
    )
    keys = f"<div>Other values of {_told(', '.join(change.keys))}</div>" if change.keys else ""
    layout = ""
    if "layout" in change.what:
        layout = f"<div>{inline(_layout(change))}</div>"
    turns = "".join(_turn(turn) for turn in change.turns[:_TURNS])
    rest = len(change.turns) - _TURNS
    cut = note(f"{rest:,} more turns differ.") if rest > 0 else ""
    return f"{head}{layout}{keys}{turns}{cut}"


def _layout(change: Change) -> str:
    if change.before.format == change.after.format:
        return "The same turns, written otherwise"
    return f"Layout {change.before.format} → {change.after.format}"


def _turn(turn: TurnChange) -> str:
    place = turn.after if turn.before is None or turn.after is not None else turn.before
    role = _told(turn.role or "no role", 40)
    if turn.role_before is not None:
        role = f"{_told(turn.role_before, 40)} → {role}"
    pieces = "".join(
        f'<span style="background-color:{_TINT[kind]};unicode-bidi:isolate">{"<s>" if kind == "-" else ""}{escape(text)}'
        f"{'</s>' if kind == '-' else ''}</span>"
        if kind in _TINT
        else escape(text)
        for kind, text in _near(turn.pieces)
    )
    return (
        f'<div style="padding:2px 0 2px 8px;border-left:{HAIR}"><span style="{QUIET}">{_SIGN[turn.kind]} turn {place} {role}</span>'
        f'<div style="white-space:pre-wrap;text-align:left" dir="auto">{pieces}</div></div>'
    )


def _near(pieces: Sequence[Piece], most: int = 2_000) -> Iterator[Piece]:
    """The pieces with what stayed cut to what stands beside a change, and everything to a length."""
    for at, (kind, text) in enumerate(pieces):
        if kind == "=":
            first, last = at == 0, at == len(pieces) - 1
            if first and last:
                yield kind, text if len(text) <= 2 * _AROUND else text[: 2 * _AROUND] + "…"
            elif first and len(text) > _AROUND:
                yield kind, "…" + text[-_AROUND:]
            elif last and len(text) > _AROUND:
                yield kind, text[:_AROUND] + "…"
            elif len(text) > 2 * _AROUND:
                yield kind, f"{text[:_AROUND]} … {text[-_AROUND:]}"
            else:
                yield kind, text
        else:
            yield kind, text if len(text) <= most else text[:most] + "…"


def _table(title: str, rows: Mapping[str, tuple[float, float]], equal: int) -> str:
    body = "".join(
        f'<tr style="background:transparent"><td style="{_CELL}">{inline(name)}</td><td style="{_NUMBER}">{before:,}</td>'
        f'<td style="{_NUMBER}">{after:,}</td><td style="{_NUMBER}">{after - before:+,}</td></tr>'
        for name, (before, after) in rows.items()
    )
    words = "others are equal" if rows else "counts, all equal"
    same = note(f"{equal:,} {words}.") if equal else ""
    if not rows:
        return f"<b>{title}</b> &nbsp; no change{same}"
    head = "".join(
        f'<th scope="col" style="{style};font-weight:normal;{QUIET}">{name}</th>'
        for name, style in (("", _CELL), ("before", _NUMBER), ("after", _NUMBER), ("change", _NUMBER))
    )
    table = f'<table style="border-collapse:collapse;margin:0;border:0;font-size:13px"><tr>{head}</tr>{body}</table>'
    return f"<b>{title}</b>{table}{same}"


def comparison_text(comparison: Comparison) -> str:
    """The comparison for a terminal."""
    lines = [f"{comparison.before.name} → {comparison.after.name}: {comparison.summary}"]
    for title, ids in (
        ("added", comparison.added),
        ("removed", comparison.removed),
        ("moved", comparison.moved),
    ):
        if ids:
            more = f" … and {len(ids) - _LINES:,} more" if len(ids) > _LINES else ""
            lines.append(f"{title}: {', '.join(_line(name, 60) for name in ids[:_LINES])}{more}")
    for change in islice(comparison.changes(), _LINES):
        lines += ["", f"#{change.after.index} {_line(change.after.id, 60)}  {', '.join(change.what)}"]
        if "layout" in change.what:
            lines.append(f"    {_line(_layout(change), 120)}")
        if change.keys:
            lines.append(f"    other values of {_line(', '.join(change.keys), 120)}")
        for turn in change.turns[:_LINES]:
            place = turn.before if turn.after is None else turn.after
            lines.append(
                f"    {_SIGN[turn.kind]} turn {place} {_line(turn.role or 'no role', 40)}: {_words(turn)}"
            )
        if len(change.turns) > _LINES:
            lines.append(f"    … and {len(change.turns) - _LINES:,} more turns")
    if len(comparison.changed) > _LINES:
        lines += ["", f"… and {len(comparison.changed) - _LINES:,} more changed conversations"]
    for title, table in (("Findings", comparison.counts), ("Balance", comparison.balance)):
        differing = {name: numbers for name, numbers in table.items() if numbers[0] != numbers[1]}
        if differing:
            lines += ["", title]
            lines += [
                f"    {name}: {old:,} → {new:,} ({new - old:+,})" for name, (old, new) in differing.items()
            ]
    return "\n".join(lines)


def _words(turn: TurnChange) -> str:
    marked = {"-": "[-{}-]", "+": "{{+{}+}}", "=": "{}"}
    if turn.kind != "changed":
        return _line("".join(text for _, text in turn.pieces), 120)
    text = "".join(marked[kind].format(part) for kind, part in _near(turn.pieces, 200))
    role = "" if turn.role_before is None else f"(was {_line(turn.role_before, 40)}) "
    return role + _line(text, 400)


def _told(text: str, most: int = 300) -> str:
    """Text of the data within a line."""
    return inline(short(encodable(text), most))


def _line(text: str, most: int) -> str:
    shown = "".join(char if char.isprintable() else "�" for char in visible(text))
    return shown if len(shown) <= most else shown[: most - 1] + "…"
