"""Duplicates, their differences, and the parts of a split, as HTML without scripts and as text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from math import isnan
from typing import TYPE_CHECKING

from ..core.differences import Piece, TurnChange
from ..core.turns import encodable
from ..core.visible import visible
from .markup import HAIR, QUIET, escape, inline, note, root, section, short, size

if TYPE_CHECKING:
    from ..core.dividing import Division
    from ..core.duplicate_groups import Difference, DuplicateGroup, Duplicates
    from ..core.leakage import Leakage

_BUDGET = 200_000  # bytes of the page, as for every static view
_GROUPS = 50
_IDS = 6
_TURNS = 40
_AROUND = 60  # characters that stay beside a change
_PIECE = 2_000  # characters of one change
_CELL = "padding:2px 16px 2px 0;border:0;text-align:left;vertical-align:top;background:transparent"
_NUMBER = f"{_CELL};text-align:right;font-variant-numeric:tabular-nums"
_TINT = {"-": "rgba(220,60,50,.14)", "+": "rgba(40,160,90,.16)"}
_SIGN = {"added": "+", "removed": "−", "changed": "~"}


def duplicates_html(duplicates: Duplicates) -> str:
    """The groups as a table, and what the first of them differ in."""
    head = _head("Duplicates", duplicates.summary)
    groups = list(islice(duplicates, _GROUPS))
    if not groups:
        return root(head)
    rows = [
        (
            str(group.number),
            group.kind,
            f"{len(group):,}",
            f"{len(group.kept):,}",
            f"{group.similarity:.2f}",
            _names(group),
            inline(short(_opening(group), 100)),
        )
        for group in groups
    ]
    titles = ("group", "kind", "size", "kept", "similarity", "members", "begins")
    body = table(titles, rows, numbers=(0, 2, 3, 4))
    cut = (
        note(f"Showing {len(groups):,} of {len(duplicates):,} groups.")
        if len(groups) < len(duplicates)
        else ""
    )
    said = note(
        "Similarity is the lowest Jaccard index of a member with the first. Kept is how many .drop() leaves, so that each of the others is"
        " a duplicate of one of them; .diff(group) shows what differs."
    )
    return root(head + section(body + cut + said))


def difference_html(difference: Difference) -> str:
    """What two conversations differ in."""
    head = _head(f"{difference.before.id} → {difference.after.id}", _count(difference.turns))
    drawn, room = [], _BUDGET - size(head) - 1_000
    for turn in difference.turns[:_TURNS]:
        piece = _turn(turn)
        if size(piece) > room:
            break
        drawn.append(piece)
        room -= size(piece)
    rest = len(difference.turns) - len(drawn)
    return root(head + section("".join(drawn)) + (note(f"{rest:,} more turns differ.") if rest else ""))


def difference_text(difference: Difference) -> str:
    """The same for a terminal: ``[-gone-]{+come+}``."""
    lines = [f"{difference.before.id} → {difference.after.id}: {_count(difference.turns)}"]
    marked = {"-": "[-{}-]", "+": "{{+{}+}}", "=": "{}"}
    for turn in difference.turns[:_TURNS]:
        text = "".join(marked[kind].format(part) for kind, part in near_changes(turn.pieces))
        lines.append(f"{_SIGN[turn.kind]} turn {_place(turn)} {turn.role or 'no role'}: {_plain(text)}")
    if len(difference.turns) > _TURNS:
        lines.append(f"… and {len(difference.turns) - _TURNS:,} more turns")
    return "\n".join(lines)


def division_html(division: Division) -> str:
    """The parts with their sizes, and what is to be said about them."""
    rows = [
        (inline(name), f"{len(part):,}", f"{division.shares[name]:.1%}", f"{division.wanted[name]:.1%}")
        for name, part in ((one.name, one) for one in division)
    ]
    body = table(("part", "conversations", "share", "wanted"), rows, numbers=(1, 2, 3))
    notes = "".join(note(escape(one)) for one in division.notes)
    return root(_head("Split", division.summary) + section(body + notes))


def leakage_html(leakage: Leakage) -> str:
    """How many duplicates and prompts parts share, and the first pairs."""
    pairs = leakage.pairs.head(_GROUPS)
    rows = [
        (
            inline(short(one[0], 80)),
            inline(short(one[2], 80)),
            inline(one[1]),
            inline(one[3]),
            one[4],
            "" if isnan(one[5]) else f"{one[5]:.2f}",
        )
        for one in pairs.itertuples(index=False, name=None)
    ]
    titles = ("left", "right", "part", "part", "kind", "similarity")
    body = section(table(titles, rows, numbers=(5,))) if rows else ""
    cut = (
        note(f"Showing {len(rows):,} of {len(leakage.pairs):,} pairs.")
        if len(rows) < len(leakage.pairs)
        else ""
    )
    return root(_head("Leakage", leakage.summary) + body + cut)


def table(titles: Sequence[str], rows: Sequence[Sequence[str]], *, numbers: Sequence[int] = ()) -> str:
    """A plain table. Cells are HTML already."""
    styles = [_NUMBER if at in numbers else _CELL for at in range(len(titles))]
    head = "".join(
        f'<th scope="col" style="{style};font-weight:normal;{QUIET}">{title}</th>'
        for title, style in zip(titles, styles, strict=True)
    )
    body = "".join(
        '<tr style="background:transparent">'
        + "".join(f'<td style="{style}">{cell}</td>' for cell, style in zip(row, styles, strict=True))
        + "</tr>"
        for row in rows
    )
    return f'<table style="border-collapse:collapse;margin:0;border:0;font-size:13px"><tr>{head}</tr>{body}</table>'


def near_changes(pieces: Sequence[Piece]) -> Iterator[Piece]:
    """The pieces of a changed turn; what stayed is cut to what stands beside a change."""
    for at, (kind, text) in enumerate(pieces):
        if kind != "=":
            yield kind, text if len(text) <= _PIECE else text[:_PIECE] + "…"
            continue
        before = text[:_AROUND] if at else ""
        after = text[-_AROUND:] if at + 1 < len(pieces) else ""
        yield kind, text if len(text) <= len(before) + len(after) else f"{before}…{after}"


def _turn(turn: TurnChange) -> str:
    role = inline(short(turn.role or "no role", 40))
    if turn.role_before is not None:
        role = f"{inline(short(turn.role_before, 40))} → {role}"
    pieces = "".join(_piece(kind, text) for kind, text in near_changes(turn.pieces))
    return (
        f'<div style="padding:2px 0 2px 8px;border-left:{HAIR}"><span style="{QUIET}">{_SIGN[turn.kind]} turn {_place(turn)}'
        f' {role}</span><div style="white-space:pre-wrap;text-align:left" dir="auto">{pieces}</div></div>'
    )


def _piece(kind: str, text: str) -> str:
    if kind == "=":
        return escape(text)
    tag = "del" if kind == "-" else "ins"
    return f'<{tag} style="background-color:{_TINT[kind]};text-decoration:{"line-through" if kind == "-" else "none"};unicode-bidi:isolate">{escape(text)}</{tag}>'


def _place(turn: TurnChange) -> int | None:
    return turn.before if turn.after is None else turn.after


def _head(title: str, said: str) -> str:
    return (
        f'<div style="padding:0 0 8px 0"><b style="font-size:15px">{inline(short(encodable(title)))}</b> &nbsp;'
        f' <span style="{QUIET}">{inline(said)}</span></div>'
    )


def _names(group: DuplicateGroup) -> str:
    more = f", and {len(group) - _IDS:,} more" if len(group) > _IDS else ""
    return ", ".join(inline(short(name, 40)) for name in group.ids[:_IDS]) + more


def _opening(group: DuplicateGroup) -> str:
    """The first thing that is said in a group."""
    said = (one.text for one in group[0].messages if one.role not in ("system", "developer") and one.text)
    return encodable(next(said, ""))


def _count(turns: Sequence[TurnChange]) -> str:
    if not turns:
        return "no turn differs; what stands beside the turns may"
    return f"{len(turns):,} turn differs" if len(turns) == 1 else f"{len(turns):,} turns differ"


def _plain(text: str) -> str:
    return "".join(char if char.isprintable() else "�" for char in visible(text))
