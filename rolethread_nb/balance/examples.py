"""One line of a turn that shows what a value stands for."""

from __future__ import annotations

from ..core.word_table import word_spans
from .facet import Facet
from .gathered import Gathered
from .texts import words_in

_LENGTH = 100  # characters of a line
_BEFORE = 30  # of them before a phrase
_AT_END = ("closing", "ending")


def example(gathered: Gathered, facet: Facet, number: int, value: str) -> str:
    """A line of the turn of a unit, with the value in it; empty for facets of conversations."""
    if facet.unit == "conversation":
        return ""
    text = gathered.text(facet.unit, number)
    if facet.name in _AT_END:
        line = " ".join(text.split())
        return line if len(line) <= _LENGTH else f"…{line[1 - _LENGTH :]}"
    start = _start(text, words_in(value)) if facet.name == "phrase" else 0
    begin = max(0, start - _BEFORE)
    line = " ".join(text[begin : begin + 2 * _LENGTH].split())
    cut = line if len(line) <= _LENGTH else f"{line[: _LENGTH - 1]}…"
    return f"…{cut}" if begin else cut


def _start(text: str, words: list[str]) -> int:
    """Where a run of words begins in a text; 0 where it is not found."""
    spans = word_spans(text)
    said = [text[start:end].lower() for start, end in spans]
    found = (at for at in range(len(said) - len(words) + 1) if said[at : at + len(words)] == words)
    return next((spans[at].start for at in found), 0)
