"""Quoted speech and narration.

Speech stands in quotation marks, in whichever family a text uses: straight, curly, low and high, guillemets either way, corner
brackets. A pair opens and closes in one line; a line in which a mark is left over is neither speech nor narration. Where a text
quotes nothing, what stands between asterisks or underscores is the narration, as role-play is often typed, and the rest is speech.
Where it has neither, nobody can tell, and it has no narration.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import polars as pl

from ..core.model import Span

#: Opening and closing mark of each family.
FAMILIES: dict[str, tuple[str, str]] = {
    "straight": ('"', '"'),
    "curly": ("\u201c", "\u201d"),
    "low": ("\u201e", "\u201c\u201d"),
    "guillemets": ("\u00ab", "\u00bb"),
    "inward guillemets": ("\u00bb", "\u00ab"),
    "corner": ("\u300c", "\u300d"),
    "white corner": ("\u300e", "\u300f"),
}
MARKS = "".join(sorted({mark for pair in FAMILIES.values() for mark in "".join(pair)}))
# Low marks are closed by what opens curly ones, so they come first; guillemets inside out last.
_ORDER = ("low", "straight", "curly", "guillemets", "inward guillemets", "corner", "white corner")
#: Quoted speech with its marks; linear, and the same in Rust and in Python.
QUOTED = "|".join(
    f"{open_}[^{open_}{close}\\n]*[{close}]" for open_, close in map(FAMILIES.__getitem__, _ORDER)
)
#: An action between asterisks or underscores, without them in group 1: ``*she nods*``, not ``2 * 3 * 4``, ``**bold**`` or ``a_b_c``.
ACTION = r"(?:^|[\s(])[*_]([^\s*_](?:[^*_\n]*[^\s*_])?)[*_]"
_LEFT_OVER = f"(?m)^.*[{MARKS}].*$"
_quoted, _action, _left_over = re.compile(QUOTED), re.compile(f"(?m){ACTION}"), re.compile(_LEFT_OVER)


@dataclass(frozen=True, slots=True)
class Parts:
    """What of a text is said and what is told.

    Attributes:
        by: ``quotes``, ``actions`` (asterisks or underscores), or None where the text shows neither.
        speech: quoted speech, its marks included; with ``actions`` what stands between them.
        narration: what is told.
        unsure: lines in which a quotation mark is left over.
    """

    by: str | None
    speech: tuple[Span, ...]
    narration: tuple[Span, ...]
    unsure: tuple[Span, ...]


def parts_of(text: str) -> Parts:
    """Speech and narration of one text."""
    quoted = [Span(*found.span()) for found in _quoted.finditer(text)]
    blanked = _quoted.sub(lambda found: " " * len(found[0]), text)
    unsure = [Span(*found.span()) for found in _left_over.finditer(blanked)]
    if quoted or unsure:
        taken = sorted([*quoted, *unsure])
        speech = [span for span in quoted if not any(one.start <= span.start < one.end for one in unsure)]
        return Parts("quotes", tuple(speech), _between(text, taken), tuple(unsure))
    actions = [Span(*found.span(1)) for found in _action.finditer(text)]
    if actions:
        around = [Span(one.start - 1, one.end + 1) for one in actions]
        return Parts("actions", _between(text, around), tuple(actions), ())
    return Parts(None, (), (), ())


def _between(text: str, taken: list[Span]) -> tuple[Span, ...]:
    """What no span covers, blank stretches left out."""
    found, at = [], 0
    for span in [*taken, Span(len(text), len(text))]:
        if span.start > at and text[at : span.start].strip():
            found.append(Span(at, span.start))
        at = max(at, span.end)
    return tuple(found)


def narration(texts: pl.Series) -> pl.Series:
    """The narration of many texts, column by column; null where a text shows neither quotes nor actions.

    Speech is replaced by a blank, so two words that it parts stay two.
    """
    frame = pl.DataFrame({"text": texts})
    marked = pl.col("text").str.contains(f"[{MARKS}]")
    told = pl.col("text").str.replace_all(QUOTED, " ").str.replace_all(_LEFT_OVER, "")
    acted = pl.col("text").str.contains("[*_]")
    actions = pl.col("text").str.extract_all(f"(?m){ACTION}").list.join(" ")
    out = frame.with_columns(pl.lit(None, dtype=pl.String).alias("told"), marked.alias("m"), acted.alias("a"))
    by_quotes = out.filter("m").select(told.alias("told"))["told"]
    by_actions = out.filter(~pl.col("m") & pl.col("a")).select(actions.alias("told"))["told"]
    result = out["told"]
    if len(by_quotes):
        result = result.scatter(out["m"].arg_true(), by_quotes)
    if len(by_actions):
        where = (~out["m"] & out["a"]).arg_true()
        result = result.scatter(where, by_actions.replace("", None))
    return result.rename("narration")
