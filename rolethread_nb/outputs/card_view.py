"""The health card as HTML and as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from .markdown import literal as plain
from .markup import CODE, HAIR, QUIET, SHAPES, escape, inline, note, plural, root, shape, short
from .svg_parts import TONES

if TYPE_CHECKING:
    from ..health import Card, Measurement

_HEADINGS = {
    "error": "Breaks training, or teaches garbage",
    "warning": "Very likely not meant",
    "info": "Look once",
    "measure": "What it is made of",
}
_CELL = "font-size:13px;padding:6px 16px 6px 0;border:0;text-align:left;vertical-align:top;background:transparent;font-weight:normal"
_BAR = 96  # pixels of a full bar
_QUERY = 120  # characters of a query that is shown


def card_html(card: Card) -> str:
    """Every measurement with its bar, an example and the query that opens it."""
    report = card.report
    rows = "".join(
        _heading(level) + "".join(_row(n, one) for n, one in lines) for level, lines in _by_level(card)
    )
    head = (
        f'<div style="padding:0 0 4px 0"><b style="font-size:15px">{inline(short(report.dataset.name))}</b> &nbsp; '
        f'<span style="{QUIET}">{plural(report.index.conversations.height, "conversation", "conversations")}, '
        f"{plural(report.index.turns.height, 'turn', 'turns')} · profile {inline(report.profile)}</span></div>"
    )
    table = (
        f'<table style="border-collapse:collapse;table-layout:auto;width:100%;max-width:880px;margin:0;border:0"><tbody>{rows}</tbody></table>'
        if rows
        else ""
    )
    clean = ", ".join(card.clean)
    fine = note(f"Looked for and not found: {inline(clean)}.") if clean else ""
    return root(f"{head}{table}{fine}{note(inline(short(report.footer, 1_000)))}")


def _heading(level: str) -> str:
    return (
        f'<tr style="background:transparent"><th scope="rowgroup" colspan="2" style="{_CELL};padding:16px 0 4px 0">'
        f"<b>{_HEADINGS[level]}</b></th></tr>"
    )


def _by_level(card: Card) -> Iterator[tuple[str, Iterator[tuple[int, Measurement]]]]:
    """The lines under their headings, each with its number."""
    return groupby(enumerate(card), key=lambda line: line[1].level)


def _row(n: int, one: Measurement) -> str:
    sign = shape(one.level) if one.level in SHAPES else f'<span style="{QUIET}">·</span>'
    long = max(round(one.share * _BAR), 2 if one.count else 0)
    colour = TONES.get(one.level, TONES["user"])
    bar = (
        f'<div title="{escape(f"{one.count:,} of {one.of:,} {one.whole}")}" style="width:{_BAR}px;height:7px;margin:6px 0 0 0;'
        f'background-color:rgba(127,127,127,.18)"><div style="width:{long}px;height:7px;background-color:{colour}"></div></div>'
    )
    below = [
        _example(one),
        inline(_whole(one)),
        f'<code style="{CODE}">{inline(_opens(n, one))}</code>',
    ]
    more = " &nbsp; ".join(part for part in below if part)
    return (
        f'<tr style="background:transparent;border-top:{HAIR}"><td style="{_CELL};width:100%">{sign} {inline(short(one.sentence, 400))}'
        + (f'<div style="font-size:12px;padding:2px 0 0 16px;{QUIET}">{more}</div>' if more else "")
        + f'</td><td style="{_CELL};padding-right:0">{bar if one.of else ""}</td></tr>'
    )


def _example(one: Measurement) -> str:
    shown = one.example
    if shown is None:
        return ""
    turn = "" if shown.turn is None else f" turn {shown.turn}"
    where = f"#{shown.place[1]}{turn}"
    if not (shown.before or shown.text or shown.after):
        return where
    text = f"{inline(short(shown.before, 60))} <b>{inline(short(shown.text, 90))}</b> {inline(short(shown.after, 60))}"
    return f"{where}: {text}"


def card_markdown(card: Card) -> str:
    """The same for a page of Markdown: headings by level, a line each."""
    report = card.report
    said = [
        f"## {plain(report.dataset.name)}",
        "",
        f"{plural(report.index.conversations.height, 'conversation', 'conversations')}, "
        f"{plural(report.index.turns.height, 'turn', 'turns')}, profile {plain(report.profile)}",
    ]
    for level, lines in _by_level(card):
        said += ["", f"### {_HEADINGS[level]}", "", *(_line(n, one) for n, one in lines)]
    if card.clean:
        said += ["", f"Looked for and not found: {_listed(card.clean)}."]
    return "\n".join([*said, "", plain(report.footer, 1_000), ""])


def _line(n: int, one: Measurement) -> str:
    below = [part for part in (plain(_whole(one)), plain(_opens(n, one))) if part]
    return f"- {plain(one.sentence, 400)}" + (f" ({'; '.join(below)})" if below else "")


def _opens(n: int, one: Measurement) -> str:
    """What opens a line: its query, unless that is too long to be read and copied."""
    return one.query if 0 < len(one.query) <= _QUERY else f"card.conversations({n})"


def _whole(one: Measurement) -> str:
    """What a line is a share of."""
    return f"{one.count:,} of {one.of:,} {one.whole}" if one.of else ""


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(plain, names))
