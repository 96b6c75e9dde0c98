"""The language of many turns, column by column: by a vote of the function words of each, else of its conversation, else by its script."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import polars as pl

from ..core.word_table import Places, WordTable
from .packs import languages, pack
from .scripts import JAPANESE, scripts
from .tongues import function_words, language_names, probable, votes

#: So many words of a turn are looked at.
READ = 20
# Scripts that are one language's own. Chinese characters are Japanese where the conversation is.
_OWN = {JAPANESE: "ja", "Hangul": "ko", "Thai": "th", "Greek": "el", "Han": "zh"}


def spoken(words: WordTable, script: pl.Series, conversation: Places) -> pl.Series:
    """The language of each turn, as a code; null where nobody can tell.

    A turn whose function words do not tell is in the language that those of its whole conversation tell, if that is written in its script.
    Languages that there is a pack of and no function words are told by the stop words of the pack.

    Args:
        words: the words of each turn.
        script: the script of each turn.
        conversation: the number of the conversation that each turn stands in, rising.
    """
    head = words.first_words(np.arange(words.texts), READ)
    counts = votes(head)
    begins = np.flatnonzero(np.diff(conversation, prepend=-1))
    together = np.add.reduceat(counts, begins, axis=0, dtype=np.int64) if len(begins) else counts
    turns = np.diff(begins, append=len(conversation))
    frame = pl.DataFrame(
        {
            "script": script,
            "own": _named(probable(counts)),
            "whole": _named(np.repeat(probable(together), turns)),
        }
    ).with_columns(alone=pl.col("script").replace_strict(_OWN, default=None, return_dtype=pl.String))
    written = _written()
    told = [
        pl.when(pl.concat_str("script", pl.lit(" "), name).is_in(written)).then(name)
        for name in ("own", "whole")
    ]
    found = frame.select(language=pl.coalesce(*told, "alone"))["language"]
    for name in languages():
        if name not in language_names():
            found = found.scatter(np.flatnonzero(pack(name).spoken(head)), name)
    return found


def _named(numbers: np.ndarray[Any, np.dtype[np.int8]]) -> pl.Series:
    known = pl.Series([*function_words(), None], dtype=pl.String)
    return known.gather(np.where(numbers < 0, len(known) - 1, numbers))


@cache
def _written() -> list[str]:
    """The scripts of each language, as ``script language``."""
    found = [
        f"{script} {language}"
        for language, words in function_words().items()
        for script in scripts(pl.Series(sorted(words))).drop_nulls().unique().to_list()
    ]
    return [*found, f"{JAPANESE} ja", "Han ja"]
