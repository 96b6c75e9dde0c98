"""Chart payloads as standalone SVG text, for places where no script draws them.

A picture cannot know the page it stands on, so it has no background and every colour is a middle tone that keeps at
least 3 : 1 on white and on the near-black of the dark themes. Title and subtitle are left to the page around it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .svg_parts import ROW, SIZE, bar, cut, escaped, label, line, text_at, text_width, visible
from .svg_rows import heat, spectrum, stack


def chart_svg(chart: Mapping[str, Any], *, width: int = 360, height: int = 180) -> str:
    """Return a chart payload as the text of an SVG file.

    `height` is that of a histogram; what has rows is as tall as they are, and phrases are drawn as bars. Labels too long for their column are cut with
    an ellipsis (`chart_alt` has them whole).
    """
    if not chart["marks"]:
        body, height = text_at(chart["title"], 0, 20, "start"), 28
    elif chart["kind"] == "histogram":
        body = _histogram(chart, width, height)
    else:
        body, height = _DRAWN.get(chart["kind"], _bars)(chart, width)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" font-family="system-ui,sans-serif" font-size="{SIZE}">'
        f"<title>{escaped(chart['title'])}</title>{body}</svg>"
    )


def chart_alt(chart: Mapping[str, Any]) -> str:
    """Return what the picture of a chart says, every number included, as one line of text."""
    marks = "; ".join(f"{mark['label']}: {mark['text']}" for mark in chart["marks"])
    panels = [(f"{one['label']} ", one["rules"]) for one in chart.get("panels", ())] or [
        ("", chart.get("rules", ()))
    ]
    rules = ", ".join(f"{name}{text}" for name, ruled in panels for _, text in ruled)
    parts = [chart["title"], chart["subtitle"], marks, rules]
    return " ".join(visible(". ".join(part for part in parts if part)).split()) + "."


def _histogram(chart: Mapping[str, Any], width: int, height: int) -> str:
    ticks: Sequence[Any] = chart["y"]["ticks"]
    left = 4 + max(text_width(text) for _, text in ticks)
    right = width - 10
    span = right - left
    flags, rows = _flags(chart, left, right)
    top, base = 6 + _NAME * rows, height - 34
    parts = []
    for at, text in ticks:
        y = base - at * (base - top)
        parts.append(line(left, y, right, y, "0.9" if at == 0 else "0.3"))
        parts.append(text_at(text, left - 5, y + 4, "end"))
    for mark in chart["marks"]:
        x = left + mark["x0"] * span
        wide = max((mark["x1"] - mark["x0"]) * span - 1.5, 1)
        high = mark["height"] * (base - top)
        if mark["value"]:
            parts.append(bar(x + 0.75, base - max(high, 1), wide, max(high, 1), mark))
    for at, text in chart["x"]["ticks"]:
        centre = min(left + at * span, width - text_width(text) / 2)
        parts.append(text_at(text, centre, base + 14, "middle"))
    parts.append(text_at(chart["x"]["label"], right, height - 6, "end"))
    parts.append(text_at(chart["y"]["label"], 0, 11, "start"))
    for at, flag in zip(chart.get("rules", ()), flags, strict=True):
        tops = [mark["height"] for mark in chart["marks"] if mark["x0"] <= at[0] <= mark["x1"]]
        parts.append(flag.draw(base - max(tops, default=0) * (base - top), base))
    return "".join(parts)


@dataclass(frozen=True)
class _Flag:
    """The name of a rule beside its line: to the right, or to the left where the picture ends."""

    text: str
    x: float
    row: int
    turned: bool

    def draw(self, bar: float, base: float) -> str:
        """The line is grey above the bar and white on it: no one tone is seen on both."""
        y = 2 + _NAME * self.row
        x = self.x - 4 if self.turned else self.x + 4
        return (
            line(self.x, y, self.x, bar, "1")
            + f'<line x1="{self.x:.1f}" y1="{bar:.1f}" x2="{self.x:.1f}" y2="{base:.1f}" stroke="#fff"/>'
            + text_at(self.text, x, y + 9, "end" if self.turned else "start")
        )


def _flags(chart: Mapping[str, Any], left: float, right: float) -> tuple[list[_Flag], int]:
    """Place the names of the rules above the plot so that no line runs through a name, and count the rows."""
    flags = []
    ends = [text_width(chart["y"]["label"])]
    for at, text in chart.get("rules", ()):
        x = left + at * (right - left)
        turned = x + 4 + text_width(text) > right + 10
        start = x - 4 - text_width(text) if turned else x
        row = next(
            (row for row in range(len(ends)) if all(end + 6 <= start for end in ends[row:])), len(ends)
        )
        ends[row : row + 1] = [x if turned else x + 4 + text_width(text)]
        flags.append(_Flag(text, x, row, turned))
    return flags, len(ends)


def _bars(chart: Mapping[str, Any], width: int) -> tuple[str, int]:
    marks = chart["marks"]
    labels = [cut(mark["label"], width * 0.48) for mark in marks]
    left = max(text_width(text) for text in labels) + 8
    room = width - left - max(text_width(mark["text"]) for mark in marks) - 10
    height = ROW * len(marks) + 8
    parts = [line(left, 2, left, height - 2, "0.9")]
    for row, (mark, text) in enumerate(zip(marks, labels, strict=True)):
        y = 4 + ROW * row
        long = max(mark["length"] * max(room, 10), 1)
        parts.append(label(text, left - 8, y + 15))
        parts.append(bar(left, y + 3, long, ROW - 6, mark))
        parts.append(text_at(mark["text"], left + long + 6, y + 15, "start"))
    return "".join(parts), height


def _multiples(chart: Mapping[str, Any], width: int) -> tuple[str, int]:
    """Histograms on the same axes, each under its name."""
    parts = []
    tall = _PANEL + _NAME * max(len(one["rules"]) for one in chart["panels"])
    for panel, named in enumerate(chart["panels"]):
        marks = [mark for mark in chart["marks"] if mark["panel"] == panel]
        own = {**chart, "marks": marks, "rules": named["rules"]}
        name = text_at(cut(named["label"], width / 2), width - 10, 11, "end")
        parts.append(
            f'<g transform="translate(0 {tall * panel})">{name}{_histogram(own, width, tall - 10)}</g>'
        )
    return "".join(parts), tall * len(chart["panels"])


_PANEL = 116  # without the names of its rules
_NAME = 14  # pixels of a line of names
_DRAWN = {"stack": stack, "heat": heat, "spectrum": spectrum, "multiples": _multiples}
