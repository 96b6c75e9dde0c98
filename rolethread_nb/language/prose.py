"""Narration that no mark shows: plain prose that tells a scene, in English.

A chat assistant says *you* and *he* as well, so prose has to show by itself that it tells. What counts is what somebody does before one's
eyes (*she walked*, *Mara nods*, *the door slams*, *you draw your sword*; the verbs of ``prose.toml`` in the language pack): three such
clauses in three sentences or more, one of them with a verb that neither manuals nor news say (*nods*, *whispers*), or three of *he*, *she*
or *they*. Long prose needs two clauses in five sentences that say of somebody what he does. The reader's deeds make no scene unless
something else happens around him. A teller who says *I* cannot be told from somebody who speaks of himself; ``beside`` is for those who
know of narration around him.

Whoever explains or advises is no teller: text with lists, labels, code, long numbers, more than one question, or one of the words that
``prose.toml`` has for it.

Measured on real text without marks: of 225,418 different turns of chats, personas, support, tutors and drama two are called scenes, and both
are; of 417 passages of four novels 55, and all are; of 431 passages of a manual and two books on music none. So it is hardly ever wrong,
and finds prose that is full of gestures, as role-play is, but not summaries and reflection.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from .packs import Pack, pack
from .verb_forms import forms, pasts, third_forms

Flags = np.ndarray[Any, np.dtype[np.bool_]]
Counts = dict[str, Any]

_FEWEST = 3  # clauses that tell, and sentences
_SHARE = 0.4  # clauses that tell, by sentences
_SCENE = 0.15  # those of a scene, by sentences
_MOST_ASKED = 1
_SHORTEST = 24  # bytes
# Whoever is told of.
_MAY = r"\b(?:[Hh]e|[Ss]he|[Tt]hey|[Yy]ou|[Tt]he|[Hh]is|[Hh]er|I)[ \n]"
# Lists, headings, labels, links, code, tables, numbers of three digits.
_NO_PROSE = r"(?m)^[ \t]*(?:[-•*#>|]|[0-9]{1,3}[.)]|[A-Za-z0-9][.)] )|^[^\n.!?]{1,40}:(?:[ \t]|$)|https?://|[`{}<>=\[\]|]|[0-9]{3}|[0-9] ?%"
_AUXILIARIES = ("was", "were", "had", "did", "is", "are", "has")
_I = r"\b(?:I|me|my|mine|myself|[Ww]e|us|[Oo]ur|My)\b"
_SENTENCE = r"[.!?…][\"”’»)]*(?:[ \n]|$)"


@dataclass(frozen=True)
class _Patterns:
    """What is counted, the same in Rust and in Python; the last two are of the text in small letters: what none may stand in it, and advice."""

    counted: dict[str, str]
    refused: str
    advises: str


# Those of the pack that was asked for last.
_made: list[tuple[Pack, _Patterns]] = []


def _patterns() -> _Patterns:
    words = pack("en")
    if not _made or _made[0][0] is not words:
        _made[:] = [(words, _made_of(words))]
    return _made[0][1]


def _made_of(words: Pack) -> _Patterns:
    scene, inner, vivid = (words.get("prose", name) for name in ("scene", "inner", "vivid"))
    adverb = f"(?:(?:[a-z]+ly|{_any(words.get('narration', 'between'))})[ \\n]+)?"
    # What somebody else does, what I or you do, what anybody was or did.
    shown, own = f"{adverb}(?:{_any(third_forms(words, scene))})", f"{adverb}(?:{_any(forms(words, scene))})"
    irregular = (form for verb in words.get("verbs", "past") for form in pasts(verb, words))
    finite = f"{adverb}(?:{_any([*_AUXILIARIES, *irregular])}|[a-z]{{2,}}(?:ed|s))"
    begins, somebody = r"(?:^|[.!?…][ \n]+|\n)", r"\b(?:[Hh]e|[Ss]he|[Tt]hey)[ \n]+"
    counted = {
        "third": rf"{somebody}{shown}\b",
        "any": rf"{somebody}{finite}\b",
        "names": rf"{begins}[A-Z][a-z]{{2,}}[ \n]+{shown}\b",
        "no_names": rf"{begins}(?:{_any(words.get('prose', 'no_names'))})[ \n]+{shown}\b",
        "world": rf"\b(?:[Tt]he|[Aa]n?|[Hh]is|[Hh]er|[Ii]ts|[Yy]our)[ \n]+(?:[a-z-]+[ \n]+){{1,2}}{shown}\b",
        "joined": rf"\band[ \n]+{shown}\b",
        "you": rf"\b[Yy]ou[ \n]+{own}\b",
        "inner": rf"\b[Yy]ou[ \n]+{adverb}(?:{_any(forms(words, inner))})\b",
        "first": rf"\bI[ \n]+{own}\b",
        "vivid": rf"\b(?:{_any([*forms(words, vivid), *third_forms(words, vivid)])})\b",
        "i": _I,
        "sentences": _SENTENCE,
        "asked": r"\?",
        "addressed": r"\b[Yy]our?\b",
    }
    explains, advises = (rf"\b(?:{_any(words.get('prose', name))})\b" for name in ("explains", "advises"))
    return _Patterns(counted, f"{_NO_PROSE}|{explains}", advises)


def _any(words: Iterable[str]) -> str:
    return "|".join(re.escape(word) for word in sorted(set(words), key=lambda word: (-len(word), word)))


def tells(texts: pl.Series) -> pl.DataFrame:
    """Which texts tell a scene; null counts as no text.

    Columns: ``prose`` (it shows so by itself), ``beside`` (it does beside another reply that tells: what its teller does he may as well be
    saying, and a manual or the news may say what is done), ``hints`` (somebody does something in it, and nothing speaks against a scene).
    """
    patterns = _patterns()
    text, small = pl.col("text"), pl.col("small")
    frame = pl.DataFrame({"text": texts.fill_null("")}).with_row_index("row")
    # Most texts are sorted out by what costs little. Patterns for any case cost ten times those for small letters.
    may = frame.filter((text.str.len_bytes() >= _SHORTEST) & text.str.contains(_quick(_MAY)))
    may = may.with_columns(text.str.replace_all("’", "'", literal=True)).with_columns(
        small=text.str.to_lowercase()
    )
    counts = {name: text.str.count_matches(_quick(pattern)) for name, pattern in patterns.counted.items()}
    counts["advises"] = small.str.count_matches(_quick(patterns.advises))
    counted = may.filter(~small.str.contains(_quick(patterns.refused))).select(
        "row", *(count.cast(pl.Int64).alias(name) for name, count in counts.items())
    )
    found = {name: counted[name].to_numpy() for name in counts}
    rows = counted["row"].to_numpy()
    columns = {}
    for name, decide in (("prose", _tells), ("beside", _may_belong), ("hints", _hints)):
        flags = np.zeros(len(texts), dtype=bool)
        flags[rows] = decide(found)
        columns[name] = flags
    return pl.DataFrame(columns)


def _quick(pattern: str) -> str:
    """A pattern for polars whose words end where ASCII letters do: with the boundaries of Unicode it is ten times as slow."""
    return pattern.replace(r"\b", r"(?-u:\b)")


def tells_by_itself(text: str) -> bool:
    """Whether one text tells a scene, by itself."""
    patterns = _patterns()
    read = text.replace("’", "'")
    long = len(text.encode(errors="surrogatepass")) >= _SHORTEST
    if not long or not re.search(_MAY, read, re.ASCII) or re.search(patterns.refused, read.lower(), re.ASCII):
        return False
    found = {
        name: np.int64(len(re.findall(pattern, read, re.ASCII))) for name, pattern in patterns.counted.items()
    }
    found["advises"] = np.int64(len(re.findall(patterns.advises, read.lower(), re.ASCII)))
    return bool(_tells(found))


def _tells(found: Counts) -> Any:
    """Whether counts are those of a scene, shown beyond doubt."""
    return _may_tell(found) & ((found["vivid"] >= 1) | (found["third"] >= _FEWEST))


def _may_tell(found: Counts) -> Any:
    """Whether counts may be those of a scene that is told of others, or of the reader."""
    names = found["names"] - found["no_names"]
    others = found["third"] + names
    around = others + found["world"]
    scene = around + found["joined"]
    of_others = (
        (others >= 1)
        & (scene >= np.maximum(_FEWEST, _SCENE * found["sentences"]))
        & (found["any"] + names + found["world"] + found["joined"] >= _SHARE * found["sentences"])
    )
    reader = found["you"] + found["inner"]
    of_reader = (
        (found["you"] >= 1)
        & (reader >= 2)
        & (around >= 1)
        & (reader + scene >= np.maximum(_FEWEST, _SHARE * found["sentences"]))
    )
    return (of_others | of_reader) & (found["i"] == 0) & _is_prose(found)


def _may_belong(found: Counts) -> Any:
    """Whether counts may be those of a scene, or of somebody's own deeds."""
    own = found["first"] + found["world"] + found["joined"]
    enough = own >= np.maximum(_FEWEST, _SHARE * found["sentences"])
    return _may_tell(found) | ((found["first"] >= 2) & enough & _is_prose(found))


def _hints(found: Counts) -> Any:
    """Whether counts are those of a text in which somebody does something."""
    somebody = found["any"] + found["names"] - found["no_names"] + found["world"]
    return (somebody + found["you"] + found["first"] >= 1) & _no_advice(found)


def _is_prose(found: Counts) -> Any:
    return (found["sentences"] >= _FEWEST) & _no_advice(found)


def _no_advice(found: Counts) -> Any:
    advises = (found["addressed"] > 0) & (found["advises"] > 0)
    return (found["asked"] <= _MOST_ASKED) & ~advises
