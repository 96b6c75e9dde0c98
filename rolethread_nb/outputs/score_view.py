"""RoleThread Lite's score as HTML without a kernel and without a script: every number with its formula."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..compat.score import MOST, Part, Term, inputs_of, said
from .markup import QUIET, inline, note, root, section, short

if TYPE_CHECKING:
    from ..compat.score import RolethreadScore

_CELL = "padding:2px 16px 2px 0;border:0;text-align:left;vertical-align:top;background:transparent;font-weight:normal"
_NUMBER = f"{_CELL};text-align:right;font-variant-numeric:tabular-nums"


def score_html(score: RolethreadScore) -> str:
    """The sum, and of each part its points with the formulas that gave them."""
    head = (
        f'<div style="padding:0 0 8px 0"><b style="font-size:15px">RoleThread Lite: {score.composite:g} of 100, {score.label}</b>'
        f' &nbsp; <span style="{QUIET}">{inline(short(score.name))}, {score.entries:,} entries</span></div>'
    )
    says = note(
        "By that app's own formulas, for comparison: words are counted, not read, and a quarter of the points is for its own bookkeeping."
    )
    return root(head + "".join(section(_part(part)) for part in score.parts.values()) + says)


def _part(part: Part) -> str:
    rows = "".join(map(_row, part.terms)) or f'<tr><td style="{_CELL}">nothing to reckon with</td></tr>'
    return (
        f"<div><b>{part.name}: {part.score:g} of {MOST}</b></div>"
        f'<table style="border-collapse:collapse">{rows}</table>'
    )


def _row(term: Term) -> str:
    return (
        f'<tr><td style="{_NUMBER}">{said(term.points)}</td><td style="{_CELL}">{inline(term.formula)}</td>'
        f'<td style="{_CELL};{QUIET}">{inline(inputs_of(term))}</td></tr>'
    )
