"""Scripts: in which writing system most letters of a text are."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import polars as pl

#: Names of scripts as Unicode has them; where two have equally many letters the earlier one counts.
SCRIPTS = (
    "Latin Cyrillic Greek Arabic Hebrew Han Hiragana Katakana Hangul Thai Devanagari Bengali Gurmukhi Gujarati Oriya Tamil Telugu"
    " Kannada Malayalam Sinhala Lao Tibetan Myanmar Georgian Armenian Ethiopic Khmer Mongolian Bopomofo Syriac Thaana Nko Tifinagh"
    " Cherokee Yi"
).split()
JAPANESE = "Japanese"
#: So many characters of a text are looked at.
HEAD = 100

# Where all letters there may be are Latin ones: ASCII to Latin Extended-B, Latin Extended Additional, General Punctuation.
_OTHER_THAN_LATIN = r"[^\x00-\x{24F}\x{1E00}-\x{1EFF}\x{2000}-\x{206F}]"
_LETTER = r"\p{Latin}"
_FIRST, _SURROGATES = ord("A"), 0xD800
_IDEOGRAPHS = range(0x20000, 0x40000)  # beyond the first plane there are hardly any letters but these
_HAN, _KANA = SCRIPTS.index("Han") + 1, [SCRIPTS.index(name) + 1 for name in ("Hiragana", "Katakana")]
_KANA_SHARE = 20  # one kana among so many characters makes a text Japanese


def scripts(texts: pl.Series) -> pl.Series:
    """The script that most letters of each text are in, null where it has none.

    The first 100 characters count. Han characters with kana among them are ``Japanese``.
    """
    heads = texts.str.slice(0, HEAD)
    letters = heads.str.contains(_LETTER)
    found = pl.DataFrame({"letters": letters}).select(
        pl.when("letters").then(pl.lit("Latin")).otherwise(None).alias("script")
    )["script"]
    other = heads.str.contains(_OTHER_THAN_LATIN)
    if other.any():
        found = found.scatter(other.arg_true(), _by_counts(heads.filter(other)))
    return found


def _by_counts(texts: pl.Series) -> pl.Series:
    codes = np.frombuffer("".join(texts.to_list()).encode("utf-32-le"), dtype=np.uint32)
    lengths = texts.str.len_chars().to_numpy().astype(np.int64)
    kinds = len(SCRIPTS) + 1
    keys = np.repeat(np.arange(len(texts)) * kinds, lengths) + _table()[codes]
    counts = np.bincount(keys, minlength=len(texts) * kinds).reshape(-1, kinds)
    counts[:, 0] = 0
    kana = counts[:, _KANA].sum(axis=1)
    japanese = (kana > 0) & (kana * _KANA_SHARE >= kana + counts[:, _HAN])
    counts[japanese, _KANA[0]] = (kana + counts[:, _HAN])[japanese]
    names = np.array(["", *SCRIPTS], dtype=object)
    names[_KANA] = JAPANESE
    best = counts.argmax(axis=1)
    best[counts.max(axis=1) == 0] = 0
    return pl.Series("script", names[best], dtype=pl.String).replace("", None)


@cache
def _table() -> np.ndarray[Any, np.dtype[np.uint8]]:
    """The number of the script of each character, from 1; 0 for what is no letter of one of them."""
    table = np.zeros(0x110000, dtype=np.uint8)
    chars = pl.Series([chr(code) for code in range(_FIRST, _SURROGATES)])
    for number, name in enumerate(SCRIPTS, start=1):
        table[_FIRST:_SURROGATES][chars.str.contains(rf"\p{{{name}}}").to_numpy()] = number
    table[0xF900:0xFB00] = _HAN
    table[0xFB1D:0xFB50] = SCRIPTS.index("Hebrew") + 1
    table[0xFB50:0xFE00] = table[0xFE70:0xFEFD] = SCRIPTS.index("Arabic") + 1
    table[0xFF66:0xFF9E] = _KANA[1]
    table[_IDEOGRAPHS.start : _IDEOGRAPHS.stop] = _HAN
    return table
