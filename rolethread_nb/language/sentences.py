"""Sentences: where they end, by their marks, in whatever script."""

from __future__ import annotations

import re

from ..core.model import Span

# Full stops of the great scripts; what closes a quotation or a bracket goes with them. A blank has to follow where words have blanks.
_END = re.compile(r"[.!?…؟۔।]+[\"”’»)\]*_]*(?=\s|$)|[。！？]+[」』”）]*|\n")
# A full stop behind these ends no sentence; nor does one behind a single capital letter, as in J. Smith.
_SHORT = re.compile(
    r"(?:\b(?:Mr|Mrs|Ms|Dr|Prof|St|Sr|Jr|Lt|Col|Capt|Sgt|vs|etc|e\.g|i\.e|No|ca|bzw|z\.B)|\b[A-Z])\.$"
)
_LONGEST_SHORT = 6


def sentences(text: str, within: Span | None = None) -> list[Span]:
    """The sentences of a text, or of a stretch of it, without the blanks around them."""
    start, end = within if within is not None else (0, len(text))
    found: list[Span] = []
    at = start
    for mark in _END.finditer(text, start, end):
        if _SHORT.search(text, max(at, mark.end() - _LONGEST_SHORT), mark.end()):
            continue
        _add(found, text, at, mark.end())
        at = mark.end()
    _add(found, text, at, end)
    return found


def _add(found: list[Span], text: str, start: int, end: int) -> None:
    stretch = text[start:end]
    begins = start + len(stretch) - len(stretch.lstrip())
    ends = start + len(stretch.rstrip())
    if any(char.isalnum() for char in text[begins:ends]):
        found.append(Span(begins, ends))
