"""What pictures of charts are put together from: colours, lines, bars, labels of a known width."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Mapping
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
    # Okabe and Ito's hues, in middle tones.
    "hue-0": "#b37a10",
    "hue-1": "#3d8fc0",
    "hue-2": "#0b8a6a",
    "hue-3": "#8d8412",
    "hue-4": "#3f7fd1",
    "hue-5": "#cc6a2c",
    "hue-6": "#b56a9b",
    "hue-7": "#7d858e",
}
INK = "#777d85"
SIZE = 11
ROW = 22

_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]")


def visible(text: str) -> str:
    """Return `text` with the characters that XML forbids, or that draw nothing, replaced by a visible sign."""
    return _UNSEEN.sub(lambda found: _sign(ord(found[0])), text.replace("\r\n", "\n"))


def _sign(code: int) -> str:
    if code < 0x20:
        return chr(0x2400 + code)
    return "␡" if code == 0x7F else f"\\u{code:04x}"


def text_width(text: str) -> float:
    """Return about how many pixels `text` takes at the size of the labels, erring to the wide side."""
    return sum(_advance(letter) for letter in text) * SIZE


def _advance(letter: str) -> float:
    if unicodedata.combining(letter):
        return 0
    if unicodedata.east_asian_width(letter) in "WF":
        return 1.05
    if letter in " .,:;'|!ijlt·":
        return 0.34
    return 0.88 if letter in "mwMW@%…" else 0.7 if letter.isupper() else 0.6


def bar(x: float, y: float, wide: float, high: float, mark: Mapping[str, Any]) -> str:
    colour = TONES.get(mark.get("tone", "plain"), TONES["plain"])
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{wide:.1f}" height="{high:.1f}" fill="{colour}">'
        f"<title>{escaped(mark['label'])}: {escaped(mark['text'])}</title></rect>"
    )


def line(x1: float, y1: float, x2: float, y2: float, opacity: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{INK}" stroke-opacity="{opacity}"/>'


def text_at(text: str, x: float, y: float, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{INK}">{escaped(text)}</text>'


def label(text: str, x: float, y: float) -> str:
    """A label that ends at `x`; one that begins with a right-to-left letter has its start there."""
    strong = next((kind for kind in map(unicodedata.bidirectional, text) if kind in ("L", "R", "AL")), "L")
    if strong == "L":
        return text_at(text, x, y, "end")
    return f'<text x="{x:.1f}" y="{y:.1f}" direction="rtl" text-anchor="start" fill="{INK}">{escaped(text)}</text>'


def cut(text: str, room: float) -> str:
    line = " ".join(visible(text).split())
    if text_width(line) <= room:
        return line
    while line and text_width(line + "…") > room:
        line = line[:-1]
    return line.rstrip() + "…"


def escaped(text: str) -> str:
    return html.escape(" ".join(visible(str(text)).split()))
