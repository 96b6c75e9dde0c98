"""Chart payloads as standalone SVG text, for places where no script draws them.

A picture cannot know the page it stands on, so it has no background and every colour is a middle tone that keeps at
least 3 : 1 on white and on the near-black of the dark themes. Title and subtitle are left to the page around it.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

TONES = {
    "system": "#7d858e",
    "developer": "#7d858e",
    "user": "#0b7cc1",
    "assistant": "#0b8a6a",
    "tool": "#a8619f",
    "error": "#d1453b",
    "warning": "#a8741a",
    "info": "#7d858e",
    "plain": "#7d858e",
}
_TEXT = "#777d85"
_SIZE = 11
_ROW = 22

_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]")


def visible(text: str) -> str:
    """Return `text` with the characters that XML forbids, or that draw nothing, replaced by a visible sign."""
    return _UNSEEN.sub(lambda found: _sign(ord(found[0])), text.replace("\r\n", "\n"))


def _sign(code: int) -> str:
    if code < 0x20:
        return chr(0x2400 + code)
    return "␡" if code == 0x7F else f"\\u{code:04x}"


def chart_svg(chart: Mapping[str, Any], *, width: int = 360, height: int = 180) -> str:
    """Return a chart payload as the text of an SVG file.

    `height` is that of a histogram; a bar chart is as tall as its rows. Labels too long for their column are cut with
    an ellipsis (`chart_alt` has them whole).
    """
    if not chart["marks"]:
        body, height = _text(chart["title"], 0, 20, "start"), 28
    elif chart["kind"] == "histogram":
        body = _histogram(chart, width, height)
    else:
        body, height = _bars(chart["marks"], width)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" font-family="system-ui,sans-serif" font-size="{_SIZE}">'
        f"<title>{_escape(chart['title'])}</title>{body}</svg>"
    )


def chart_alt(chart: Mapping[str, Any]) -> str:
    """Return what the picture of a chart says, every number included, as one line of text."""
    marks = "; ".join(f"{mark['label']}: {mark['text']}" for mark in chart["marks"])
    rules = ", ".join(str(text) for _, text in chart.get("rules", ()))
    parts = [chart["title"], chart["subtitle"], marks, rules]
    return " ".join(visible(". ".join(part for part in parts if part)).split()) + "."


def text_width(text: str) -> float:
    """Return about how many pixels `text` takes at the size of the labels, erring to the wide side."""
    return sum(_advance(letter) for letter in text) * _SIZE


def _advance(letter: str) -> float:
    if unicodedata.combining(letter):
        return 0
    if unicodedata.east_asian_width(letter) in "WF":
        return 1.05
    if letter in " .,:;'|!ijlt·":
        return 0.34
    return 0.88 if letter in "mwMW@%…" else 0.7 if letter.isupper() else 0.6


def _histogram(chart: Mapping[str, Any], width: int, height: int) -> str:
    ticks: Sequence[Any] = chart["y"]["ticks"]
    left = 4 + max(text_width(text) for _, text in ticks)
    right = width - 10
    span = right - left
    flags, rows = _flags(chart, left, right)
    top, base = 6 + 14 * rows, height - 34
    parts = []
    for at, text in ticks:
        y = base - at * (base - top)
        parts.append(_line(left, y, right, y, "0.9" if at == 0 else "0.3"))
        parts.append(_text(text, left - 5, y + 4, "end"))
    for mark in chart["marks"]:
        x = left + mark["x0"] * span
        wide = max((mark["x1"] - mark["x0"]) * span - 1.5, 1)
        high = mark["height"] * (base - top)
        if mark["value"]:
            parts.append(_bar(x + 0.75, base - max(high, 1), wide, max(high, 1), mark))
    for at, text in chart["x"]["ticks"]:
        centre = min(left + at * span, width - text_width(text) / 2)
        parts.append(_text(text, centre, base + 14, "middle"))
    parts.append(_text(chart["x"]["label"], right, height - 6, "end"))
    parts.append(_text(chart["y"]["label"], 0, 11, "start"))
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
        y = 2 + 14 * self.row
        x = self.x - 4 if self.turned else self.x + 4
        return (
            _line(self.x, y, self.x, bar, "1")
            + f'<line x1="{self.x:.1f}" y1="{bar:.1f}" x2="{self.x:.1f}" y2="{base:.1f}" stroke="#fff"/>'
            + _text(self.text, x, y + 9, "end" if self.turned else "start")
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


def _bars(marks: Sequence[Mapping[str, Any]], width: int) -> tuple[str, int]:
    labels = [_cut(mark["label"], width * 0.48) for mark in marks]
    left = max(text_width(text) for text in labels) + 8
    room = width - left - max(text_width(mark["text"]) for mark in marks) - 10
    height = _ROW * len(marks) + 8
    parts = [_line(left, 2, left, height - 2, "0.9")]
    for row, (mark, text) in enumerate(zip(marks, labels, strict=True)):
        y = 4 + _ROW * row
        long = max(mark["length"] * max(room, 10), 1)
        parts.append(_label(text, left - 8, y + 15))
        parts.append(_bar(left, y + 3, long, _ROW - 6, mark))
        parts.append(_text(mark["text"], left + long + 6, y + 15, "start"))
    return "".join(parts), height


def _bar(x: float, y: float, wide: float, high: float, mark: Mapping[str, Any]) -> str:
    colour = TONES.get(mark.get("tone", "plain"), TONES["plain"])
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{wide:.1f}" height="{high:.1f}" fill="{colour}">'
        f"<title>{_escape(mark['label'])}: {_escape(mark['text'])}</title></rect>"
    )


def _line(x1: float, y1: float, x2: float, y2: float, opacity: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{_TEXT}" stroke-opacity="{opacity}"/>'


def _text(text: str, x: float, y: float, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{_TEXT}">{_escape(text)}</text>'


def _label(text: str, x: float, y: float) -> str:
    """A label that ends at `x`; one that begins with a right-to-left letter has its start there."""
    strong = next((kind for kind in map(unicodedata.bidirectional, text) if kind in ("L", "R", "AL")), "L")
    if strong == "L":
        return _text(text, x, y, "end")
    return f'<text x="{x:.1f}" y="{y:.1f}" direction="rtl" text-anchor="start" fill="{_TEXT}">{_escape(text)}</text>'


def _cut(text: str, room: float) -> str:
    line = " ".join(visible(text).split())
    if text_width(line) <= room:
        return line
    while line and text_width(line + "…") > room:
        line = line[:-1]
    return line.rstrip() + "…"


def _escape(text: str) -> str:
    return html.escape(" ".join(visible(str(text)).split()))
