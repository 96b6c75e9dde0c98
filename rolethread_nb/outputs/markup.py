"""What the static views are written with: styles, escapes and short texts.

The theme of the page is unknown, so text keeps the page's colour, surfaces are thin tints and marks have middle tones.
"""

from __future__ import annotations

import html

from .svg_parts import TONES, visible

ROOT = "font-family:system-ui,sans-serif;font-size:13px;line-height:1.5;overflow-wrap:break-word"
HAIR = "1px solid rgba(127,127,127,0.35)"
QUIET = "opacity:0.75"
CODE = "font-family:ui-monospace,monospace;font-size:12px;padding:0;border:0;background:transparent;color:inherit"
SHAPES = {"error": "■", "warning": "▲", "info": "○"}
WORDS = {"error": ("error", "errors"), "warning": ("warning", "warnings"), "info": ("note", "notes")}
_MOST = 300


def root(body: str) -> str:
    return f'<section style="{ROOT}">{body}</section>'


def section(body: str) -> str:
    return f'<div style="padding:12px 0;border-top:{HAIR}">{body}</div>'


def note(said: str) -> str:
    return f'<div style="padding:4px 0;{QUIET}">{said}</div>'


def shape(severity: str) -> str:
    colour = TONES.get(severity, TONES["info"])
    return f'<span title="{WORDS.get(severity, ("note",))[0]}" style="color:{colour}">{SHAPES.get(severity, "○")}</span>'


def plural(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"


def short(text: object, most: int = _MOST) -> str:
    """One line; a cut is shown."""
    line = " ".join(str(text)[: 4 * most].split())
    return line if len(line) <= most and len(str(text)) <= 4 * most else line[: most - 1] + "…"


def inline(text: str) -> str:
    """Text within a line, which cannot turn the direction of what stands beside it."""
    return f"<bdi>{escape(text)}</bdi>"


def escape(text: str) -> str:
    """Text for a tag or an attribute."""
    return html.escape(visible(text), quote=True)


def literal(text: str) -> str:
    """Text for the inside of a tag only, where quotation marks cost one byte."""
    return html.escape(visible(text), quote=False)


def size(text: str) -> int:
    return len(text.encode())
