"""A witness as HTML without a kernel and without a script."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..training.witnessed import Witness
from .markup import CODE, HAIR, QUIET, inline, literal, note, plural, root, section, short
from .svg_parts import TONES
from .witness_view import STATES, WitnessView

_CELL = "padding:2px 16px 2px 0;border:0;text-align:left;vertical-align:top;background:transparent;font-weight:normal"
_NUMBER = f"{_CELL};text-align:right;font-variant-numeric:tabular-nums"
_TABLE = "border-collapse:collapse;table-layout:auto;margin:0;border:0"
_ROWS = 12  # of the list
_TEXT = 12_000  # characters of the open conversation
_TURN = 1_500  # characters of one turn
_MARKS = {
    "trained": "background-color:rgba(63,143,95,.22);border-bottom:2px solid #3f8f5f",
    "masked": "opacity:0.65",
    "cut": "opacity:0.5;text-decoration:line-through",
    "missing": "opacity:0.6;text-decoration:line-through",
}
_PRE = (
    "white-space:pre-wrap;overflow-wrap:break-word;word-break:normal;text-align:left;margin:0;padding:0;border:0;background:transparent;"
    "color:inherit;font-family:inherit;font-size:14px;max-width:640px;unicode-bidi:plaintext"
)


def witness_html(found: Witness) -> str:
    """What arrives, what the loss sees, whether we foretold it, and the first conversation that was not simply taken."""
    return panel_html(WitnessView(found).state())


def panel_html(state: Mapping[str, Any]) -> str:
    """The state of a panel."""
    parts = [_summary(state["witness"]), _list(state["entries"])]
    if state["open"] is not None:
        parts.append(section(_open(state["open"])))
    parts += [note(inline(short(said, 500))) for said in state["witness"]["notes"]]
    return root("".join(parts))


def _summary(witness: Mapping[str, Any]) -> str:
    given = " &nbsp; ".join(
        f'<b>{said}</b> <span style="{QUIET}">{name}</span>' for name, said in witness["facts"]
    )
    tokens = " &nbsp; ".join(
        f'<span style="{_MARKS[mark]}">{mark}</span> {_count(count)}'
        for mark, count in witness["tokens"].items()
    )
    counted = " &nbsp; ".join(
        f'<b>{one["count"]:,}</b> <span style="{QUIET}">{one["title"]}</span>'
        for one in witness["states"]
        if one["count"] and one["name"] != "dropped"
    )
    agrees, says = witness["agreement"]["holds"], witness["agreement"]["says"]
    sign = {True: _coloured("✓", "#3f8f5f"), False: _coloured("■", TONES["error"]), None: "○"}[agrees]
    return (
        f'<div style="padding:0 0 4px 0"><b style="font-size:15px">{inline(witness["name"])}</b> &nbsp; {given}</div>'
        f'<div style="padding:2px 0">{tokens} <span style="{QUIET}">tokens</span></div>'
        + (f'<div style="padding:2px 0">{counted}</div>' if counted else "")
        + f'<div style="padding:2px 0 8px 0">{sign} {inline(says)}</div>'
    )


def _count(count: int | None) -> str:
    return "not known" if count is None else f"{count:,}"


def _list(page: Mapping[str, Any]) -> str:
    """Conversations that something befell, as far as the first page has them."""
    rows = [row for row in page["rows"] if row["states"]][:_ROWS]
    if not rows:
        return ""
    lines = "".join(
        f'<tr style="background:transparent"><td style="{_NUMBER};{QUIET}">{_place(row)}</td>'
        f'<td style="{_CELL};width:100%">{inline(short(row["title"] or row["id"] or "untitled", 80))}</td>'
        f'<td style="{_CELL};white-space:nowrap">{", ".join(STATES[state] for state in row["states"])}</td>'
        f'<td style="{_NUMBER};white-space:nowrap">{_share(row)}</td></tr>'
        for row in rows
    )
    left = note(f"rt.WitnessPanel(found) opens all {page['total']:,}.") if page["total"] > len(rows) else ""
    return section(f'<table style="{_TABLE};width:100%"><tbody>{lines}</tbody></table>{left}')


def _share(row: Mapping[str, Any]) -> str:
    return (
        f"{row['trained']:,} of {plural(row['tokens'], 'token', 'tokens')} trained"
        if row["tokens"]
        else "no row"
    )


def _place(row: Mapping[str, Any]) -> str:
    return f"row {row['row']}" if row["index"] is None else f"#{row['index']}"


def _open(shown: Mapping[str, Any]) -> str:
    states = ", ".join(STATES[state] for state in shown["states"])
    head = (
        f'<div style="padding:0 0 4px 0"><b>{_place(shown)} {inline(short(shown["title"] or shown["id"] or "untitled", 80))}</b>'
        f' &nbsp; <span style="{QUIET}">{states}</span></div>'
    )
    why = f"<div>{inline(short(shown['why']))}</div>" if shown["why"] else ""
    differences = "".join(
        f"<div>{_coloured('■', TONES['error'])} <b>{one['what']}</b> {_of(one['side'])}we said"
        f" {inline(short(one['foretold']))}; the trainer: {inline(short(one['found']))}</div>"
        for one in shown["differences"]
    )
    drawn, room = [], _TEXT
    for sequence in shown["sequences"]:
        heading = (
            f'<div style="padding:8px 0 0 0"><b>{sequence["side"]}</b></div>' if sequence["side"] else ""
        )
        drawn.append(heading)
        for turn in sequence["turns"]:
            if room <= 0:
                drawn.append(note("The rest is left out here."))
                break
            drawn.append(_turn(turn))
            room -= min(_TURN, sum(len(text) for text, _, _ in turn["pieces"]))
    legend = " &nbsp; ".join(f'<span style="{style}">{mark}</span>' for mark, style in _MARKS.items())
    return f"{head}{why}{differences}{''.join(drawn)}{note(legend)}"


def _of(side: str | None) -> str:
    return "" if side is None else f"({side}) "


def _turn(turn: Mapping[str, Any]) -> str:
    number = "" if turn["turn"] is None else f"{turn['turn']} "
    who = " ".join(inline(one) for one in (turn["role"], turn["speaker"]) if one)
    lost = f" · {', '.join(turn['lost'])} missing" if turn["lost"] else ""
    ours = turn["foretold"]
    foretold = (
        f'<div style="padding:2px 0 0 12px;border-left:2px solid {TONES["error"]}"><span style="{QUIET}">we foretold:'
        f" {ours['fate'] if ours['pieces'] else 'nothing of it'}</span>{_text(ours['pieces'])}</div>"
        if ours is not None
        else ""
    )
    return (
        f'<div style="padding:6px 0;border-top:{HAIR}"><div><span style="{QUIET}">{number}</span><b>{who}</b> &nbsp; '
        f'<span style="{QUIET}">{turn["fate"]}{lost}</span></div>{_text(turn["pieces"])}{foretold}</div>'
    )


def _text(pieces: Sequence[Sequence[Any]]) -> str:
    left = sum(len(text) for text, _, _ in pieces) - _TURN
    more = note(f"… {plural(left, 'more character', 'more characters')}") if left > 0 else ""
    return f'<pre style="{_PRE}">{"".join(_spans(pieces))}</pre>{more}' if pieces else ""


def _spans(pieces: Sequence[Sequence[Any]]) -> Iterator[str]:
    room = _TURN
    for text, mark, own in pieces:
        if room <= 0:
            return
        yield f'<span style="{_MARKS[mark]}{"" if own else f";{CODE}"}">{literal(text[:room])}</span>'
        room -= len(text)


def _coloured(sign: str, colour: str) -> str:
    return f'<span style="color:{colour}">{sign}</span>'
