"""Pictures that are made of rows: stacked shares, tables of two facets, and where something lies between two ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .svg_parts import ROW, TONES, bar, cut, escaped, label, line, text_at, text_width

Chart = Mapping[str, Any]

_FOOT = 18
_LEGEND = 16
_DARKEST = 0.5  # opacity of the darkest cell


def _left(labels: Sequence[str], width: int) -> tuple[list[str], float]:
    """Labels cut to their column, and where the column ends."""
    shown = [cut(text, width * 0.4) for text in labels]
    return shown, max(map(text_width, shown), default=0) + 8


def _scale(chart: Chart, left: float, wide: float, y: float) -> list[str]:
    parts = []
    for at, text in chart["x"]["ticks"]:
        parts.append(
            text_at(text, left + at * wide, y, "start" if at == 0 else "end" if at == 1 else "middle")
        )
    return parts


def stack(chart: Chart, width: int) -> tuple[str, int]:
    """Rows of one length, each parted by shares, under a legend."""
    labels, left = _left(chart["rows"], width)
    wide = max(width - left - 14, 10)
    parts, x, top = [], 0.0, 0
    for name, tone in chart["legend"]:
        long = text_width(name) + 26
        if x and x + long > width:
            x, top = 0.0, top + _LEGEND
        parts.append(
            f'<rect x="{x:.1f}" y="{top + 3}" width="9" height="9" fill="{TONES.get(tone, TONES["plain"])}"/>'
        )
        parts.append(text_at(name, x + 14, top + 11, "start"))
        x += long
    top += _LEGEND + 4
    for row, text in enumerate(labels):
        parts.append(label(text, left - 8, top + row * ROW + 15))
    for mark in chart["marks"]:
        start, end = left + mark["x0"] * wide, left + mark["x1"] * wide
        parts.append(bar(start, top + mark["row"] * ROW + 3, max(end - start - 1, 0.5), ROW - 6, mark))
    foot = top + len(labels) * ROW
    return "".join([*parts, *_scale(chart, left, wide, foot + 13)]), foot + _FOOT


def heat(chart: Chart, width: int) -> tuple[str, int]:
    """A table: the darker a cell, the larger its share."""
    labels, left = _left(chart["rows"], width)
    columns = chart["columns"]
    wide = max((width - left - 2) / max(1, len(columns)), 4)
    slanted = any(text_width(name) > wide - 4 for name in columns)
    head = 74 if slanted else 20
    parts = []
    for at, name in enumerate(columns):
        middle = left + at * wide + wide / 2
        if slanted:
            turned = f'<g transform="translate({middle + 4:.1f} {head - 6}) rotate(-45)">'
            parts.append(f"{turned}{text_at(cut(name, 90), 0, 0, 'start')}</g>")
        else:
            parts.append(text_at(name, middle, head - 6, "middle"))
    for row, text in enumerate(labels):
        parts.append(label(text, left - 8, head + row * ROW + 15))
    for mark in chart["marks"]:
        x, y = left + mark["column"] * wide, head + mark["row"] * ROW
        parts.append(
            f'<rect x="{x + 1:.1f}" y="{y + 1}" width="{max(wide - 2, 1):.1f}" height="{ROW - 2}" fill="{TONES["user"]}"'
            f' fill-opacity="{mark["depth"] * _DARKEST:.3f}">'
            f"<title>{escaped(mark['label'])}: {escaped(mark['text'])}</title></rect>"
        )
        share = mark["text"].split(",")[0].replace("under ", "<").replace("over ", ">")
        if text_width(share) < wide - 2:
            parts.append(text_at(share, x + wide / 2, y + 15, "middle"))
    return "".join(parts), head + len(labels) * ROW + 4


def spectrum(chart: Chart, width: int) -> tuple[str, int]:
    """One row a mark: a point where the middle lies, a line over the middle half."""
    labels, left = _left([mark["label"] for mark in chart["marks"]], width)
    wide = max(width - left - 16, 10)
    head = 18
    foot = head + len(labels) * ROW
    parts = [
        text_at(f"← {chart['ends'][0]}", left, 11, "start"),
        text_at(f"{chart['ends'][1]} →", left + wide, 11, "end"),
        *(line(left + at * wide, head, left + at * wide, foot, "0.3") for at, _ in chart["x"]["ticks"]),
    ]
    for row, (mark, text) in enumerate(zip(chart["marks"], labels, strict=True)):
        y = head + row * ROW + ROW / 2
        parts.append(label(text, left - 8, y + 4))
        start, end = left + mark["from"] * wide, left + mark["to"] * wide
        colour = TONES.get(mark.get("tone", "plain"), TONES["plain"])
        parts.append(
            f'<rect x="{start:.1f}" y="{y - 1.5:.1f}" width="{max(end - start, 1):.1f}" height="3" fill="{colour}" fill-opacity="0.5"/>'
        )
        parts.append(
            f'<circle cx="{left + mark["at"] * wide:.1f}" cy="{y:.1f}" r="5" fill="{colour}">'
            f"<title>{escaped(mark['label'])}: {escaped(mark['text'])}</title></circle>"
        )
    return "".join([*parts, *_scale(chart, left, wide, foot + 13)]), foot + _FOOT
