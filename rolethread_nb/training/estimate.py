"""The estimate of tokens: how many a text would have with one of today's tokenizers, where none is at hand.

Each character weighs a share of a token, by its script and its place in a run of such characters: the first letter of a word
much, the next ones little. A text has as many tokens as its characters weigh together. Control strings of chat templates
(``<|im_end|>``) are one token each, as they are to the model whose template wrote them.

The weights were fitted by ``tests/trainers/token_error.py`` on the vocabularies of Llama 3, Qwen 2, Gemma 4, Tekken, DeepSeek
and o200k; its run of 21 November 2026, on the texts they were fitted on, gave `BAND` and `ENGLISH_BAND`. Older vocabularies of
32,000 words (Mistral v3) need more tokens: about a tenth more for English, 1.5 to 2.5 times as many for Chinese, Korean, Arabic.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np

from ..core.model import Span

Codes = np.ndarray[Any, Any]
Counts = np.ndarray[Any, np.dtype[np.int64]]

# Error, estimate / exact - 1: 5th and 95th percentile of conversations with those six tokenizers, each kind of text and each
# tokenizer counting alike. 32 kinds: English, ten more European languages, Turkish, Arabic, Persian, Yiddish, Chinese, Japanese,
# Korean, Vietnamese; tool calls, Python.
BAND = (-0.23, 0.19)
# The same of English, tool calls and Python alone.
ENGLISH_BAND = (-0.09, 0.13)

# What a character weighs, in hundredths of a token, at the first, second, ... place of its run; the last number goes on.
WEIGHTS: dict[str, tuple[int, ...]] = {
    "blank": (0,),
    "line": (143, 0),
    "lower": (79, 0, 0, 7, 7, 7, 7, 7, 7, 39),
    "upper": (134, 2),
    "accented": (136,),
    "digit": (124, 69),
    "punctuation": (87, 0, 0, 0, 20),
    "symbol": (311, 17),
    "wide": (102, 24),
    "cyrillic": (140, 11),
    "greek": (59, 46),
    "arabic": (37,),
    "hebrew": (169, 25),
    "point": (204,),
    "indic": (68,),
    "thai": (41,),
    "rare": (82,),
    "hangul": (110, 55),
    "kana": (63,),
    "han": (66,),
    "emoji": (214, 99),
    "other": (0,),
}

_RUNS = {"upper": "lower", "accented": "lower", "point": "hebrew"}  # these stand in one run with others

# First and last code point of the stretches of each class; what is in none is "rare". The last one that fits counts.
_CLASSES: tuple[tuple[str, int, int], ...] = (
    ("punctuation", 0x21, 0x7F),
    ("other", 0x00, 0x1F),
    ("blank", 0x20, 0x20),
    ("blank", 0x09, 0x09),
    ("line", 0x0A, 0x0A),
    ("line", 0x0D, 0x0D),
    ("digit", 0x30, 0x39),
    ("upper", 0x41, 0x5A),
    ("lower", 0x61, 0x7A),
    ("symbol", 0x80, 0xBF),
    ("blank", 0xA0, 0xA0),
    ("accented", 0xC0, 0x24F),
    ("symbol", 0xD7, 0xD7),
    ("symbol", 0xF7, 0xF7),
    ("lower", 0x1A0, 0x1A1),  # Vietnamese words are mostly known whole, whatever their accents
    ("lower", 0x1AF, 0x1B0),
    ("accented", 0x300, 0x36F),
    ("greek", 0x370, 0x3FF),
    ("cyrillic", 0x400, 0x52F),
    ("hebrew", 0x590, 0x5FF),
    ("point", 0x591, 0x5C7),
    ("arabic", 0x600, 0x77F),
    ("indic", 0x900, 0xDFF),
    ("thai", 0xE00, 0xE7F),
    ("hangul", 0x1100, 0x11FF),
    ("lower", 0x1E00, 0x1EFF),
    ("greek", 0x1F00, 0x1FFF),
    ("symbol", 0x2000, 0x2BFF),
    ("emoji", 0x2600, 0x27BF),
    ("wide", 0x3000, 0x303F),
    ("kana", 0x3040, 0x30FF),
    ("hangul", 0x3130, 0x318F),
    ("han", 0x3400, 0x9FFF),
    ("hangul", 0xAC00, 0xD7AF),
    ("han", 0xF900, 0xFAFF),
    ("point", 0xFB1D, 0xFB4F),
    ("arabic", 0xFB50, 0xFDFF),
    ("emoji", 0xFE00, 0xFE0F),
    ("arabic", 0xFE70, 0xFEFE),
    ("wide", 0xFF00, 0xFFEF),
    ("emoji", 0x1F000, 0x1FAFF),
    ("han", 0x20000, 0x3FFFF),
)

# Two patterns, since each begins with one certain character: so they are found ten times as fast.
_CONTROLS = (
    re.compile(r"<(?:\|[^<>|\s]{1,40}\||｜[^<>｜\s]{1,40}｜|/?s|(?:start|end)_of_turn|[be]os)>"),
    re.compile(r"\[/?INST\]"),
)
_CONTROL_WEIGHT = 100

_BLOCK = 1 << 20  # characters that are weighed together


class Estimate:
    """Estimates tokens. See `Tokens` for what it gives.

    ``band`` is the error of nine conversations in ten, of all languages that were tried at length together: English is nearer
    (`ENGLISH_BAND`). Scripts on which tokenizers disagree (Hindi, Bengali, Tamil, Georgian, Khmer) are outside of it: there the
    number may be half of the exact one, or 1.7 times as high.
    """

    name = "estimate"
    exact = False
    exact_spans = False
    band = BAND

    def count(self, text: str) -> int:
        """About how many tokens a text has; at least 1 where there is text."""
        return max((int(weighed([text]).sum()) + 50) // 100, 1) if text else 0

    def count_many(self, texts: Sequence[str]) -> Counts:
        """The same of many texts at once."""
        sums = [_sums(block) for block in _blocks(texts)]
        weight = np.concatenate(sums) if sums else np.empty(0, dtype=np.int64)
        empty = np.fromiter((not text for text in texts), dtype=bool, count=len(texts))
        counts: Counts = np.where(empty, 0, np.maximum((weight + 50) // 100, 1))
        return counts

    def spans(self, text: str) -> list[Span]:
        """As many stretches as the text has tokens, one after the other, each of about the weight of one token."""
        return placed(text, self.count(text))


def placed(text: str, count: int) -> list[Span]:
    """``count`` stretches of about the same weight, which make up the text; some are empty if there are more than characters."""
    if count <= 0:
        return []
    weights = (
        weighed([text]).astype(np.int64) * 1000 + 1
    )  # so that each character has a place, and a text without weight too
    ends = np.cumsum(weights)
    total = int(ends[-1]) if len(ends) else 0
    cuts = np.searchsorted((ends - weights) * count, np.arange(count + 1) * total)
    cuts[-1] = len(text)
    edges = cuts.tolist()
    return [Span(start, end) for start, end in pairwise(edges)]


def weighed(texts: Sequence[str]) -> Codes:
    """What each character of the texts weighs, in hundredths of a token, one text after the other."""
    kinds, place, controls = places(texts)
    table = _tables()[2]
    columns = table.shape[1]
    np.minimum(place, columns - 1, out=place)
    place += np.multiply(kinds, columns, dtype=place.dtype)
    weights: Codes = table.ravel().take(place)
    for start, end in controls:
        weights[start:end] = 0
        weights[start] = _CONTROL_WEIGHT
    return weights


def places(texts: Sequence[str]) -> tuple[Codes, Codes, list[tuple[int, int]]]:
    """The class of each character (its number in `WEIGHTS`), its place in its run, and where the control strings stand."""
    classes, runs, _ = _tables()
    kinds = classes.take(_codes(texts))
    run = runs.take(kinds)
    lengths = np.fromiter(map(len, texts), dtype=np.int64, count=len(texts))
    firsts = np.cumsum(lengths) - lengths
    controls = list(_controls(texts, firsts.tolist()))
    begins = np.ones(len(run), dtype=bool)
    np.not_equal(run[1:], run[:-1], out=begins[1:])
    begins[firsts[lengths > 0]] = True
    for start, end in controls:
        begins[start] = begins[end : end + 1] = True
    # Most of the time goes here, so no number is wider than it must be.
    starts = np.flatnonzero(begins).astype(np.int32)
    place: Codes = np.arange(len(run), dtype=np.int32)
    place -= np.repeat(starts, np.diff(starts, append=np.int32(len(run))))
    return kinds, place, controls


def _controls(texts: Sequence[str], firsts: Sequence[int]) -> Iterator[tuple[int, int]]:
    for text, first in zip(texts, firsts, strict=True):
        for pattern in _CONTROLS:
            for found in pattern.finditer(text):
                yield first + found.start(), first + found.end()


def _sums(texts: Sequence[str]) -> Counts:
    ends = np.cumsum(np.fromiter(map(len, texts), dtype=np.int64, count=len(texts)))
    running = np.concatenate([[0], np.cumsum(weighed(texts), dtype=np.int64)])
    sums: Counts = np.diff(running[ends], prepend=0)
    return sums


def _codes(texts: Sequence[str]) -> Codes:
    whole = "".join(texts)
    if whole.isascii():
        return np.frombuffer(whole.encode("ascii"), dtype=np.uint8)
    return np.frombuffer(whole.encode("utf-32-le", "surrogatepass"), dtype="<u4")


def _blocks(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    start = size = 0
    for at, text in enumerate(texts):
        size += len(text)
        if size >= _BLOCK:
            yield texts[start : at + 1]
            start, size = at + 1, 0
    if start < len(texts):
        yield texts[start:]


@cache
def _tables() -> tuple[Codes, Codes, Codes]:
    """The class of each code point, the run of each class, the weight of each class at each place of a run."""
    names = list(WEIGHTS)
    classes = np.full(0x110000, names.index("rare"), dtype=np.uint8)
    for name, first, last in _CLASSES:
        classes[first : last + 1] = names.index(name)
    runs = np.array([names.index(_RUNS.get(name, name)) for name in names], dtype=np.uint8)
    places = max(map(len, WEIGHTS.values()))
    table = np.array(
        [weights + weights[-1:] * (places - len(weights)) for weights in WEIGHTS.values()], dtype=np.int32
    )
    return classes, runs, table
