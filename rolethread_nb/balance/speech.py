"""How much of a reply is said and how much is told, and in which person and tense it is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from ..core.word_table import WordSet, words_of
from ..language.packs import pack
from ..language.prose import Flags, tells
from ..language.speech import FAMILIES, MARKS, QUOTED, SURE_MARKS, marked_narration
from .facet import MISSING, Codes, Rows

_CODE = r"(?s)```.*?(?:```|\z)|`[^`\n]*`"  # quotation marks there are not speech
_LEAST = 0.1  # share of a conversation's replies that is said where quotes mark speech
_NEITHER, _QUOTES, _ACTIONS = 0, 1, 2
Kinds = np.ndarray[Any, np.dtype[np.int8]]
Numbers = np.ndarray[Any, np.dtype[np.float64]]
#: What marks no quoted speech but actions.
ACTIONS = "asterisks or underscores"


@dataclass(frozen=True)
class Speech:
    """Speech and narration of replies, one value each.

    Attributes:
        share: percent of the characters, blanks apart, that are said; -1 where neither quotes nor actions are in use and no scene is told,
            or there is no text.
        marks: how speech or actions are marked; null where a reply has neither.
        narration: what is told; null where nothing is, or nobody can tell.
    """

    share: Codes
    marks: pl.Series
    narration: pl.Series


def speech_of(texts: pl.Series, conversation: pl.Series) -> Speech:
    """Speech and narration of replies, given the conversation that each stands in.

    Quotes or actions are in use in a conversation where at least half of its replies have them, and at least a tenth of what these
    say or tell is said: a word in quotation marks here and there is no speech. A reply there that has none is all narration where
    quotes are in use, all speech where actions are; and one that shows by itself that it tells a scene (``prose``) is all narration, whatever
    is in use around it, and has no part in that. Code does not count.
    """
    fenced = texts.str.contains("`", literal=True)
    text = texts.clone().scatter(fenced.arg_true(), texts.filter(fenced).str.replace_all(_CODE, ""))
    shown = text.str.contains(f"[{MARKS}*_]").arg_true()
    found = _measured(text.gather(shown))
    at = shown.to_numpy()
    by = np.zeros(len(texts), dtype=np.int8)
    by[at] = found["by"].to_numpy()
    said, told_chars = np.zeros((2, len(texts)))
    said[at], told_chars[at] = found["said"].to_numpy(), found["told_chars"].to_numpy()
    scene = tells(text.zip_with(pl.Series(by == _NEITHER), text.clear(len(text))))["prose"].to_numpy()
    used = _in_use(by, said, told_chars, ~scene, conversation.to_numpy().astype(np.int64))
    plain = (by == _NEITHER) & ((used == _QUOTES) | scene)
    told_chars[plain] = _chars(text.filter(pl.Series(plain)))
    spoken = (by == _NEITHER) & (used == _ACTIONS) & ~scene
    said[spoken] = _chars(text.filter(pl.Series(spoken)))
    whole = said + told_chars
    known = ((used != _NEITHER) | scene) & (whole > 0)
    share = np.full(len(texts), MISSING, dtype=np.int32)
    share[known] = np.rint(100 * said[known] / whole[known])
    told = pl.Series("narration", [None], dtype=pl.String).new_from_index(0, len(texts))
    told = told.scatter(shown, found["told"]).scatter(np.flatnonzero(plain), text.filter(pl.Series(plain)))
    told = told.scatter(np.flatnonzero(~known | (told_chars == 0)), None)
    return Speech(share, _marks_of(text, shown, found), told)


def _measured(text: pl.Series) -> pl.DataFrame:
    """Of texts with quotation marks, asterisks or underscores: what they have (``by``), characters said and told, narration."""
    frame = pl.DataFrame(
        {
            "text": text,
            "quoted": text.str.extract_all(QUOTED).list.join(""),
            "told": marked_narration(text),
        }
    ).with_columns(marked=pl.col("text").str.contains(f"[{SURE_MARKS}]") | (pl.col("quoted") != ""))
    by = (
        pl.when(pl.col("marked") & (pl.col("quoted") != ""))
        .then(_QUOTES)
        .when(~pl.col("marked") & pl.col("told").is_not_null())
        .then(_ACTIONS)
        .otherwise(_NEITHER)
    )
    counted = frame.select(
        "told",
        "marked",
        by=by,
        said=_visible(pl.when(by != _NEITHER).then(pl.when("marked").then("quoted").otherwise("text"))),
        told_chars=_visible(pl.when(by != _NEITHER).then("told")),
    ).with_columns(pl.col("said", "told_chars").fill_null(0))
    acted = (pl.col("said") - pl.col("told_chars")).clip(0)
    return counted.select("told", "by", "told_chars", said=pl.when("marked").then("said").otherwise(acted))


def _chars(text: pl.Series) -> Numbers:
    found: Numbers = text.to_frame("text").select(_visible(pl.col("text")))["text"].to_numpy().astype(float)
    return found


def _visible(text: pl.Expr) -> pl.Expr:
    """How many characters are no blanks, and no marks of actions."""
    return text.str.len_chars().cast(pl.Int64) - text.str.count_matches(r"[\s*_]").cast(pl.Int64)


def _in_use(by: Kinds, said: Numbers, told: Numbers, counts: Flags, conversation: Rows) -> Kinds:
    """What is in use where each reply stands: quotes, actions or neither; ``counts`` says which replies have a part in it."""
    if not len(by):
        return by
    count = int(conversation[-1]) + 1
    quotes, actions = (np.bincount(conversation[by == kind], minlength=count) for kind in (_QUOTES, _ACTIONS))
    speech = np.bincount(conversation, weights=said, minlength=count)
    whole = speech + np.bincount(conversation, weights=told, minlength=count)
    used = 2 * (quotes + actions) >= np.bincount(conversation[counts], minlength=count)
    used &= speech >= _LEAST * whole
    kind = np.where(used, np.where(quotes >= actions, _QUOTES, _ACTIONS), _NEITHER)[conversation]
    found: Kinds = np.where((kind != _NEITHER) & (by != _NEITHER), by, kind)
    return found


def _marks_of(texts: pl.Series, shown: pl.Series, found: pl.DataFrame) -> pl.Series:
    """The family of quotation marks that opens the first quote of each reply, or that it has actions."""
    marks = pl.Series("marks", [None], dtype=pl.String).new_from_index(0, len(texts))
    quoted = shown.filter(found["by"] == _QUOTES)
    opening = texts.gather(quoted).str.extract(f"({QUOTED})").str.slice(0, 1)
    names = {pair[0]: name for name, pair in reversed(FAMILIES.items())}
    marks = marks.scatter(quoted, opening.replace_strict(names, default=None, return_dtype=pl.String))
    return marks.scatter(shown.filter(found["by"] == _ACTIONS), ACTIONS)


def viewpoints(narrations: pl.Series, english: pl.Series) -> pl.Series:
    """The person that each narration is told in: ``first``, ``second``, ``third`` or ``mixed``; null where nobody can tell.

    Only English is read; its pack says which words are pronouns and how large a share of them makes a person.
    """
    known = pack("en").get("telling", "viewpoint")
    rows, (first, second, third) = _counted(narrations, english, known, ("first", "second", "third"))
    count = first + second + third
    person = np.select(
        [
            count < known["fewest"],
            first >= known["first_share"] * count,
            second >= known["second_share"] * count,
            third >= known["third_share"] * count,
        ],
        ["", "first", "second", "third"],
        "mixed",
    )
    return _told(len(narrations), rows, person)


def tenses(narrations: pl.Series, english: pl.Series) -> pl.Series:
    """The tense of each narration: ``past``, ``present`` or ``mixed``; null where nobody can tell. Only English is read."""
    known = pack("en").get("telling", "tense")
    rows, (past, present) = _counted(narrations, english, known, ("past", "present"))
    count = past + present
    tense = np.select(
        [count < known["fewest"], past >= known["share"] * count, present >= known["share"] * count],
        ["", "past", "present"],
        "mixed",
    )
    return _told(len(narrations), rows, tense)


def _counted(
    narrations: pl.Series, english: pl.Series, known: Mapping[str, Any], names: tuple[str, ...]
) -> tuple[pl.Series, list[np.ndarray[Any, Any]]]:
    """Which narrations are read, and how many words of each set they have."""
    rows = (narrations.is_not_null() & english).arg_true()
    words = words_of(narrations.gather(rows))
    return rows, [words.count(WordSet(known[name])) for name in names]


def _told(count: int, rows: pl.Series, values: np.ndarray[Any, Any]) -> pl.Series:
    found = pl.Series("told", [None], dtype=pl.String).new_from_index(0, count)
    return found.scatter(rows, pl.Series(values.tolist(), dtype=pl.String).replace("", None))
