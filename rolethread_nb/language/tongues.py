"""Which language a text is in: a histogram of its scripts, and a vote of its function words.

Some thirty languages are told apart by the words of ``function_words.toml``; where a script is one language's own, the script tells.
Languages that are too alike to be told apart so count as one.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from ..core.word_table import WordTable, word_spans, words_of

_FILE = Path(__file__).parent / "function_words.toml"
_SLOTS = 1 << 20
_LANES = 32  # languages there is room for, eight to a number of 64 bits
Counts = np.ndarray[Any, np.dtype[np.uint8]]

#: Scripts by their Unicode blocks. A Chinese character says as much as two or three letters.
SCRIPTS: dict[str, str] = {
    "Latin": "A-Za-z\u00aa\u00ba\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u1e00-\u1eff",
    "Greek": "\u0370-\u03ff\u1f00-\u1fff",
    "Cyrillic": "\u0400-\u052f",
    "Armenian": "\u0531-\u058f",
    "Hebrew": "\u05d0-\u05f4",
    "Arabic": "\u0620-\u065f\u066e-\u06d3\u06d5-\u06ef\u06fa-\u06ff\u0750-\u077f\ufb50-\ufdff\ufe70-\ufefc",
    "Devanagari": "\u0900-\u097f",
    "Bengali": "\u0980-\u09ff",
    "Tamil": "\u0b80-\u0bff",
    "Telugu": "\u0c00-\u0c7f",
    "Thai": "\u0e01-\u0e4e",
    "Georgian": "\u10a0-\u10ff",
    "Kana": "\u3041-\u3096\u30a1-\u30fa",
    "Han": "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff",
    "Hangul": "\u1100-\u11ff\uac00-\ud7af",
}
_WORTH = {"Han": 3, "Kana": 2, "Hangul": 2}
_letters = {name: re.compile(f"[{blocks}]") for name, blocks in SCRIPTS.items()}
_FEWEST = 3  # function words that a vote needs
_SHARE = 0.15  # share of the words that they have to be
_MARGIN = 1.5  # so many times the votes of any other language
_READ = 4000  # characters by which the language of a text is told
_MOST = 0.6  # share of the letters by which a script is the text's


@cache
def _data() -> dict[str, Any]:
    return tomllib.loads(_FILE.read_text(encoding="utf-8"))


@cache
def function_words() -> dict[str, frozenset[str]]:
    """The function words of each language, in lower case."""
    return {language: frozenset(words.split()) for language, words in _data()["words"].items()}


def language_names() -> dict[str, str]:
    """The languages that can be told, with their English names; those that are told apart from no other stand under the first of them."""
    found: dict[str, str] = _data()["names"]
    return found


def names_language(text: str) -> bool:
    """Whether a text has the name of a language, or a word that asks for one: then another language is meant.

    The stems are looked for one by one, which is many times as fast as one expression for all of them; of many texts, those that
    :func:`may_name_language` tells need not be asked.
    """
    lower = text.lower()
    for stem in _stems():
        at = lower.find(stem)
        while at >= 0:
            if not (stem[0].isascii() and at and lower[at - 1].isalnum()):
                return True
            at = lower.find(stem, at + 1)
    return False


def may_name_language(texts: pl.Expr) -> pl.Expr:
    """Whether one of the stems that :func:`names_language` looks for stands in a text at all."""
    return texts.str.to_lowercase().str.contains_any(list(_stems()))


@cache
def _stems() -> tuple[str, ...]:
    return tuple(" ".join(_data()["asks"].values()).split())


def content_words(words: Collection[str]) -> list[str]:
    """Those of some words that are no function words of the language that has most of the others among its own, in lower case."""
    lower = [word.lower() for word in words]
    return min(
        ([word for word in lower if word not in known] for known in function_words().values()), key=len
    )


def only_function_words(words: Collection[str]) -> bool:
    """Whether some words are all function words of one language, so that they say nothing by themselves."""
    return not content_words(words)


@cache
def _languages() -> tuple[str, ...]:
    return tuple(function_words())


@cache
def _family() -> dict[str, str]:
    """The name under which a language counts."""
    return {one: group[0] for group in _data()["family"] for one in group}


@cache
def _slots() -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """For the low bits of a word's hash the kind of word it is (0: none), and for each kind its languages, a byte each."""
    known: dict[str, set[int]] = {}
    for number, words in enumerate(function_words().values()):
        for word in words:
            known.setdefault(word, set()).add(number)
    hashes = words_of(pl.Series(list(known), dtype=pl.String)).hashes
    kinds: dict[frozenset[int], int] = {frozenset(): 0}
    of_word = [kinds.setdefault(frozenset(languages), len(kinds)) for languages in known.values()]
    slots = np.zeros(_SLOTS, dtype=np.uint16)
    slots[(hashes % _SLOTS).astype(np.int64)] = of_word
    lanes = np.zeros((len(kinds), _LANES), dtype=np.uint8)
    for languages, kind in kinds.items():
        lanes[kind, list(languages)] = _weight(len(languages))
    return slots, lanes.view(np.uint64)


def function_word_flags(table: WordTable) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Which words of a table are function words of some language; one other word in a thousand is taken for one."""
    slots, _ = _slots()
    found: np.ndarray[Any, np.dtype[np.bool_]] = slots[table.hashes & np.uint64(_SLOTS - 1)] != 0
    return found


def votes(table: WordTable) -> Counts:
    """The votes of the function words of each text for each language; texts are to have at most 60 words."""
    slots, lanes = _slots()
    kinds = slots[table.hashes & np.uint64(_SLOTS - 1)]
    at = np.flatnonzero(kinds)
    counts = np.zeros((table.texts, _LANES), dtype=np.uint8)
    if len(at):
        rows = table.rows[at]
        begins = np.flatnonzero(np.diff(rows, prepend=-1))
        sums = np.add.reduceat(lanes[kinds[at]], begins, axis=0)
        counts[rows[begins]] = sums.view(np.uint8)
    return counts


def probable(counts: np.ndarray[Any, Any]) -> np.ndarray[Any, np.dtype[np.int8]]:
    """The number of the language that leads each vote; -1 where it has too few votes, or another nearly as many."""
    counts = counts.copy()
    number = {language: n for n, language in enumerate(function_words())}
    for language, name in _family().items():
        if language != name:
            counts[:, number[name]] = np.maximum(counts[:, number[name]], counts[:, number[language]])
            counts[:, number[language]] = 0
    found: np.ndarray[Any, np.dtype[np.int8]] = counts.argmax(axis=1).astype(np.int8)
    second, first = np.sort(counts, axis=1)[:, -2:].T.astype(np.int64)
    found[(first < _FEWEST * _weight(2)) | (first < _MARGIN * second)] = -1
    return found


@dataclass(frozen=True, slots=True)
class Tongue:
    """What is known of the language of one text.

    Attributes:
        letters: how many letters it has.
        script: the script that most of them are in; None where none has 60 %.
        language: the language that its function words tell; None where they do not.
        shares: share of the letters by script, those of one in a hundred and more.
    """

    letters: int
    script: str | None
    language: str | None
    shares: dict[str, float]

    @property
    def name(self) -> str:
        """The language, or else the script."""
        return self.language or self.script or "unknown"


def tongue(text: str) -> Tongue:
    """The language of one text."""
    counts = {
        name: len(pattern.findall(text))
        for name, pattern in _letters.items()
        if text.isascii() <= (name == "Latin")
    }
    weights = {name: count * _WORTH.get(name, 1) for name, count in counts.items() if count}
    total = sum(weights.values())
    if not total:
        return Tongue(0, None, None, {})
    shares = {name: round(weight / total, 3) for name, weight in weights.items() if weight >= total / 100}
    script = _script(shares)
    return Tongue(sum(counts.values()), script, _language(text, script), shares)


def _script(shares: dict[str, float]) -> str | None:
    """The leading script; Japanese is Chinese characters with kana among them."""
    if shares.get("Kana", 0) >= 0.1 and shares.get("Kana", 0) + shares.get("Han", 0) >= _MOST:
        return "Kana"
    name = max(shares, key=lambda one: shares[one])
    return name if shares[name] >= _MOST else None


def _language(text: str, script: str | None) -> str | None:
    if script in _OWN:
        return _OWN[script]
    spoken = [text[span.start : span.end].lower() for span in word_spans(text[:_READ])]
    ranked = _ranked(spoken)
    if not ranked:
        return None
    language, most = ranked[0]
    known = _known(language)
    own = sum(word in known for word in spoken)
    if len(known.intersection(spoken)) < _FEWEST or own < _SHARE * len(spoken):
        return None
    return language if len(ranked) == 1 or most >= _MARGIN * ranked[1][1] else None


# Scripts that are one language's own.
_OWN = {"Kana": "ja", "Hangul": "ko", "Thai": "th", "Greek": "el", "Han": "zh"}


@cache
def _known(name: str) -> frozenset[str]:
    """The function words of a language, or of a family."""
    members = [one for one in function_words() if _family().get(one, one) == name]
    return frozenset().union(*(function_words()[one] for one in members))


@cache
def _speakers() -> dict[str, tuple[str, ...]]:
    """The languages, families as one, that each word is a function word of."""
    found: dict[str, dict[str, None]] = {}
    for language, words in function_words().items():
        for word in words:
            found.setdefault(word, {})[_family().get(language, language)] = None
    return {word: tuple(names) for word, names in found.items()}


def _weight(languages: int) -> int:
    """What the vote of a word counts that so many languages share."""
    return 4 if languages == 1 else 2 if languages == 2 else 1


def _ranked(spoken: Sequence[str]) -> list[tuple[str, int]]:
    """The languages by their votes, families as one."""
    found: dict[str, int] = {}
    for word in spoken:
        names = _speakers().get(word, ())
        for name in names:
            found[name] = found.get(name, 0) + _weight(len(names))
    return sorted(found.items(), key=lambda one: -one[1])


def words_apart(text: str, one: str, other: str) -> tuple[int, int]:
    """How many different words of a text are function words of one language and not of another, and the other way round.

    Single letters, as they stand behind an apostrophe, count for neither.
    """
    spans = word_spans(text[:_READ])
    spoken = {text[span.start : span.end].lower() for span in spans if span.end - span.start > 1}
    left, right = _known(one), _known(other)
    return len(spoken & left - right), len(spoken & right - left)
