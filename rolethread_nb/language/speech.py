"""Quoted speech and narration.

Speech stands in quotation marks, in whichever family a text uses: straight, curly, low and high, guillemets either way, corner
brackets, full-width marks, single ones, gershayim. A pair opens and closes in one line; a line in which a mark is left over is neither
speech nor narration. Where a text quotes nothing, what stands between asterisks or underscores is the narration, as role-play is often
typed, and the rest is speech. Where it has neither, it is narration if it shows by itself that it tells a scene (``prose``); else nobody
can tell, and it has none.

A dash at the beginning of a line opens speech in Russian, Spanish and French prose, but in plays, lists and verse it is a pause or a point;
of 373 replies of real plays with such a line it opened a quote in none, and a comma and another dash behind it do not tell either. So it
is not read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import polars as pl

from ..core.model import Span
from .prose import tells, tells_by_itself

#: Opening and closing mark of each family.
FAMILIES: dict[str, tuple[str, str]] = {
    "straight": ('"', '"'),
    "curly": ("\u201c", "\u201d"),
    "single curly": ("\u2018", "\u2019"),
    "low": ("\u201e", "\u201c\u201d"),
    "single low": ("\u201a", "\u2018\u2019"),
    "guillemets": ("\u00ab", "\u00bb"),
    "inward guillemets": ("\u00bb", "\u00ab"),
    "single guillemets": ("\u2039", "\u203a"),
    "inward single guillemets": ("\u203a", "\u2039"),
    "corner": ("\u300c", "\u300d"),
    "white corner": ("\u300e", "\u300f"),
    "full-width straight": ("\uff02", "\uff02"),
    "gershayim": ("\u05f4", "\u05f4"),
}
# These stand for other things as well: apostrophes, abbreviations, steps of a menu. One that is left over says nothing.
_SHY = ("single curly", "single low", "single guillemets", "inward single guillemets", "gershayim")
#: Marks that stand for nothing but quotation.
SURE_MARKS = "".join(
    sorted({mark for name, pair in FAMILIES.items() if name not in _SHY for mark in "".join(pair)})
)
#: Without one of these, nothing is quoted.
MARKS = SURE_MARKS + "".join(FAMILIES[name][0] for name in _SHY)
# Low marks are closed by what opens curly ones, so they come first; guillemets inside out last.
_ORDER = (
    "low", "straight", "curly", "guillemets", "inward guillemets", "single guillemets", "inward single guillemets",
    "corner", "white corner", "full-width straight",
)  # fmt: skip
_LETTER = "[A-Za-z\u00c0-\u024f\u0370-\u03ff\u0400-\u04ff]"
_HEBREW = "[\u05d0-\u05ea]"
# A single mark that closes is the apostrophe too: between letters it is one, and behind speech stands a full stop, a comma or the like.
_SAID = f"[^\u2018\u2019%s\\n]*(?:\u2019{_LETTER}[^\u2018\u2019%s\\n]*)*"
_STOP = "[.,;:!?\u2026\u2014\u2013]"
_SINGLE = (
    "\u201a" + _SAID % ("\u201a", "\u201a") + f"(?:\u2018|{_STOP}\u2019)",
    "\u2018" + _SAID % ("", "") + f"{_STOP}\u2019",
)
# Gershayim stand before the last letter of an abbreviation as well, so what opens has two letters or a mark behind it, what closes none.
_GERSHAYIM = (
    f"\u05f4(?:{_HEBREW}{{2}}|[^ \\t\\n\u05f4\u05d0-\u05ea])[^\u05f4\\n]*(?:\u05f4{_HEBREW}[^\u05f4\\n]*){{0,9}}"
    "\u05f4(?:[^\u05f4\u05d0-\u05ea\\n]|(?m:$))"
)
#: Quoted speech with its marks; linear, and the same in Rust and in Python.
QUOTED = "|".join(
    [
        *(f"{open_}[^{open_}{close}\\n]*[{close}]" for open_, close in map(FAMILIES.__getitem__, _ORDER)),
        *_SINGLE,
        _GERSHAYIM,
    ]
)
#: An action between asterisks or underscores, without them in group 1: ``*she nods*``, not ``2 * 3 * 4``, ``**bold**`` or ``a_b_c``.
ACTION = r"(?:^|[\s(])[*_]([^\s*_](?:[^*_\n]*[^\s*_])?)[*_]"
_LEFT_OVER = f"(?m)^.*[{SURE_MARKS}].*$"
_quoted, _action, _left_over = re.compile(QUOTED), re.compile(f"(?m){ACTION}"), re.compile(_LEFT_OVER)


@dataclass(frozen=True, slots=True)
class Parts:
    """What of a text is said and what is told.

    Attributes:
        by: ``quotes``, ``actions`` (asterisks or underscores), ``prose`` where it has neither and tells a scene, or None.
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
    quoted = [_closed(text, *found.span()) for found in _quoted.finditer(text)]
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
    if tells_by_itself(text):
        return Parts("prose", (), (Span(0, len(text)),), ())
    return Parts(None, (), (), ())


def _closed(text: str, start: int, end: int) -> Span:
    """Where a quote stands: what shows that gershayim close is no part of it."""
    return Span(start, text.rindex(text[start], start, end) + 1 if text[start] == "\u05f4" else end)


def _between(text: str, taken: list[Span]) -> tuple[Span, ...]:
    """What no span covers, blank stretches left out."""
    found, at = [], 0
    for span in [*taken, Span(len(text), len(text))]:
        if span.start > at and text[at : span.start].strip():
            found.append(Span(at, span.start))
        at = max(at, span.end)
    return tuple(found)


def narration(texts: pl.Series) -> pl.Series:
    """The narration of many texts, column by column; null where nobody can tell."""
    frame = pl.DataFrame({"text": texts, "told": marked_narration(texts)})
    prose = tells(frame.select(pl.when(pl.col("told").is_null()).then("text"))["text"])["prose"]
    return frame.select(narration=pl.coalesce("told", pl.when(prose).then("text")))["narration"]


def marked_narration(texts: pl.Series) -> pl.Series:
    """The narration of many texts by their marks alone; null where a text shows neither quotes nor actions.

    Speech is replaced by a blank, so two words that it parts stay two.
    """
    frame = pl.DataFrame({"text": texts})
    told = pl.col("text").str.replace_all(QUOTED, " ").str.replace_all(_LEFT_OVER, "")
    actions = pl.col("text").str.extract_all(f"(?m){ACTION}").list.join(" ")
    result = pl.Series("narration", [None], dtype=pl.String).new_from_index(0, len(texts))
    marked = texts.str.contains(f"[{MARKS}]").fill_null(False).arg_true()
    by_quotes = frame[marked].with_columns(told=told).with_columns(quotes=pl.col("told") != pl.col("text"))
    quoted = marked.filter(by_quotes["quotes"])
    result = result.scatter(quoted, by_quotes.filter("quotes")["told"])
    acted = texts.str.contains("[*_]").fill_null(False)
    acted = acted.scatter(quoted, False).arg_true()
    by_actions = frame[acted].select(told=actions)["told"]
    return result.scatter(acted, by_actions.replace("", None))
