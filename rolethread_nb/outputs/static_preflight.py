"""A preflight as HTML without a kernel and without a script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..training.targets.target import OUTCOMES
from .markup import CODE, HAIR, QUIET, inline, literal, note, root, section, short
from .preflight_text import SIGNS, counted_by, looked_at, trained_of

if TYPE_CHECKING:
    from ..training.preflight import Preflight

_CELL = "padding:2px 16px 2px 0;border:0;text-align:left;vertical-align:top;background:transparent;font-weight:normal"
_NUMBER = f"{_CELL};text-align:right;font-variant-numeric:tabular-nums"
_TONES = {"taken": "#3f8f5f", "altered": "#b07a12", "dropped": "#b0521e", "refused": "#c03a30"}
_REASONS = 12  # of one trainer
_TEXT = 20_000  # characters of a rendered text
_LOSS = {
    "trained": "background-color:rgba(63,143,95,.22);border-bottom:2px solid #3f8f5f",
    "masked": "opacity:0.65",
    "cut": "opacity:0.5;text-decoration:line-through",
}
_NOTHING = "·"


def preflight_html(preflight: Preflight) -> str:
    """The grid of trainers by outcome, then for each trainer what is trained and why conversations are not simply taken.

    It is of what is known by now.
    """
    known = preflight.so_far
    rows = {row["target"]: row for row in known.numbers.rows(named=True)}
    causes = known.causes.rows(named=True)
    head = (
        f'<div style="padding:0 0 8px 0"><b style="font-size:15px">{inline(short(preflight.dataset.name))}</b> &nbsp; '
        f'<span style="{QUIET}">{looked_at(preflight)} ·'
        f" template {inline(short(preflight.template.name, 60))} · {inline(short(counted_by(preflight), 90))}</span></div>"
    )
    parts = [head, _grid(preflight, rows)]
    for one in preflight.targets:
        own = [cause for cause in causes if cause["target"] == one.name]
        refused = preflight.refused.get(one.name)
        if own or refused is not None:
            parts.append(
                section(
                    _reasons(f"{one.title} {one.version}", own, refused, several=len(preflight.targets) > 1)
                )
            )
    parts += [note(inline(short(said, 500))) for said in preflight.notes]
    return root("".join(parts))


def panel_html(preflight: Preflight, case: Mapping[str, Any] | None) -> str:
    """The same, with what the model gets of one conversation."""
    return preflight_html(preflight) + ("" if case is None else root(section(_case(case))))


def _case(case: Mapping[str, Any]) -> str:
    name = case["title"] or case["id"]
    limit = "" if case["limit"] is None else f" at {case['limit']:,} tokens"
    head = f'<div style="padding:0 0 4px 0"><b>#{case["index"]} {inline(short(name, 80))}</b> &nbsp; {_sign(case["outcome"])} {case["outcome"]}{limit}</div>'
    reasons = "".join(
        f'<div>{_sign(one["outcome"])} <code style="{CODE}">{inline(one["code"])}</code>'
        f" {_turn(one)}{inline(short(one['says']))}</div>"
        for one in case["reasons"]
    )
    drawn, room = [], _TEXT
    for text, loss, turn in case["pieces"]:
        shown = text[:room]
        room -= len(shown)
        font = CODE if turn is None else ""
        drawn.append(f'<span style="{_LOSS[loss]};{font}">{literal(shown)}</span>')
        if room <= 0:
            drawn.append(f'<span style="{QUIET}"> … the rest is left out here.</span>')
            break
    legend = " &nbsp; ".join(f'<span style="{_LOSS[loss]}">{loss}</span>' for loss in _LOSS)
    text = f'<pre style="white-space:pre-wrap;word-break:normal;text-align:left;margin:8px 0;padding:0;background:transparent;font-family:inherit">{"".join(drawn)}</pre>'
    lost = "".join(
        f"<div>turn {one['turn']} {inline(str(one['role']))} {one['what']}, {one['state']}: <s>{inline(short(one['text']))}</s></div>"
        for one in case["lost"]
    )
    missing = f"<div><b>Not in what the model gets as it is</b>{lost}</div>" if lost else ""
    return f"{head}{reasons}{text if drawn else ''}{missing}{note(legend) if drawn else ''}"


def _turn(reason: Mapping[str, Any]) -> str:
    return "" if reason["turn"] is None else f"turn {reason['turn']}: "


def _grid(preflight: Preflight, rows: Mapping[str, Mapping[str, Any]]) -> str:
    titles = "".join(
        f'<th scope="col" style="{_NUMBER};white-space:nowrap">{_sign(outcome)} {outcome}</th>'
        for outcome in OUTCOMES
    )
    body = []
    for one in preflight.targets:
        row = rows[one.name]
        numbers = "".join(
            f'<td style="{_NUMBER}">{f"{row[outcome]:,}" if row[outcome] else _NOTHING}</td>'
            for outcome in OUTCOMES
        )
        basis = "" if one.basis == "measured" else f' <span style="{QUIET}">from documentation</span>'
        trained = trained_of(dict(row))
        body.append(
            f'<tr style="background:transparent;border-top:{HAIR}"><th scope="row" style="{_CELL};white-space:nowrap">'
            f'<b>{inline(one.title)}</b> <span style="{QUIET}">{inline(one.version)}</span>{basis}</th>{numbers}'
            f'<td style="{_CELL};width:100%;{QUIET}">{trained or "which tokens it trains on is not said"}</td></tr>'
        )
    return (
        '<table style="border-collapse:collapse;table-layout:auto;margin:0;border:0;width:100%">'
        f'<thead><tr style="background:transparent"><th scope="col" style="{_CELL}">trainer</th>{titles}'
        f'<th scope="col" style="{_CELL}">loss</th></tr></thead><tbody>{"".join(body)}</tbody></table>'
    )


def _reasons(title: str, causes: Sequence[Mapping[str, Any]], refused: str | None, *, several: bool) -> str:
    lines = "".join(
        f'<tr style="background:transparent"><td style="{_CELL};white-space:nowrap">{_sign(cause["outcome"])} {cause["outcome"]}</td>'
        f'<td style="{_NUMBER}">{cause["conversations"]:,}</td>'
        f'<td style="{_CELL};white-space:nowrap"><code style="{CODE}">{inline(cause["code"])}</code></td>'
        f'<td style="{_CELL};width:100%">{inline(short(cause["says"]))} <span style="{QUIET}">{inline(short(cause["id"], 40))}</span></td></tr>'
        for cause in causes[:_REASONS]
    )
    more = note(f"{len(causes) - _REASONS:,} other reasons.") if len(causes) > _REASONS else ""
    whole = (
        f'<div style="padding:0 0 4px 0">{_sign("refused")} Refuses the file as a whole: {inline(short(refused))}</div>'
        if refused is not None
        else ""
    )
    heading = f'<div style="padding:0 0 4px 0"><b>{inline(title)}</b></div>' if several else ""
    table = (
        f'<table style="border-collapse:collapse;table-layout:auto;margin:0;border:0;width:100%"><tbody>{lines}</tbody></table>'
        if lines
        else ""
    )
    return f"{heading}{whole}{table}{more}"


def _sign(outcome: str) -> str:
    return f'<span style="color:{_TONES[outcome]}">{SIGNS[outcome]}</span>'
