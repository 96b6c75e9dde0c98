"""Whether a character keeps its voice: Burrows' Delta of each of its conversations to what it says in all of them.

A voice is how often the most frequent words stand in it, and some measures of form; none of it depends on the language.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from ...core.blocks import Block
from ...core.hashing import Words
from ...core.model import Span
from ...core.word_table import Places, WordTable, word_spans
from ..rule import DatasetFinding, Evidence, Page, Rule

Numbers = np.ndarray[Any, np.dtype[np.float64]]

_FREQUENT = 50  # words of a block that are counted from there on, and words of a character that are compared
_MOST = 150  # words that are counted at all
_SAMPLE = 100_000  # words of a block in which the frequent ones are looked for
_LOW = np.uint64(0xFFFF)
_NAMED = 3
# Measures of form: how often something stands in a hundred words.
_FORM: dict[str, str] = {
    "sentences": r"[.!?…؟۔。！？]+",
    "commas": "[,،、，;；]",
    "exclamation marks": "[!！]",
    "question marks": "[?？؟]",
    "ellipses": r"\.\.\.|…",
    "dashes": r"—|–|--| - ",
    "quotation marks": '["“”„«»「」]',
    "asterisks": r"\*",
    "line breaks": "\n",
}
_LETTERS = "letters in a word"
_MEASURES = (*_FORM, _LETTERS)


@dataclass(frozen=True, slots=True)
class _Part:
    """The entries of one block: what one character says in one conversation each."""

    keys: Words
    places: list[tuple[int, int]]
    turns: Places
    words: Places
    form: Numbers
    counts: np.ndarray[Any, np.dtype[np.uint16]]


class _Voices:
    """Counts words and measures for each conversation of a character, and compares them at the end."""

    def __init__(self, turns: float, conversations: float, words: float, spread: float) -> None:
        self._turns, self._entries, self._words, self._spread = turns, conversations, words, spread
        self._vocabulary: dict[int, str] = {}
        self._parts: list[_Part] = []

    def partial(self, block: Block) -> None:
        if not block.turns.height:
            return
        replies = _replies(block)
        long = replies.group_by("conversation", "key", maintain_order=True).agg(
            pl.len().alias("turns"), pl.col("words").sum().alias("length"), pl.col("row").first()
        )
        entries = long.filter(pl.col("length") >= self._words).with_row_index("entry")
        if not entries.height:
            return
        said = replies.join(
            entries.select("entry", "conversation", "key"), on=["conversation", "key"], maintain_order="left"
        )
        entry_of = np.full(block.turns.height, -1, dtype=np.int64)
        entry_of[said["row"].to_numpy()] = said["entry"].to_numpy()
        table = block.words
        self._learn(block, table, entry_of)
        self._parts.append(
            _Part(
                entries["key"].to_numpy(),
                [(block.source, block.indices[at]) for at in entries["conversation"].to_list()],
                entries["turns"].to_numpy().astype(np.int64),
                np.bincount(entry_of[entry_of >= 0], table.counts[entry_of >= 0], entries.height).astype(
                    np.int64
                ),
                _form(said, entries.height),
                self._count(table, entry_of, entries.height),
            )
        )

    def _learn(self, block: Block, table: WordTable, entry_of: Places) -> None:
        """Take the most frequent words of the block into the vocabulary, while there is room."""
        at = np.flatnonzero(entry_of[table.rows] >= 0)[:_SAMPLE]
        hashes, first, counts = np.unique(table.hashes[at], return_index=True, return_counts=True)
        low = {word & int(_LOW) for word in self._vocabulary}
        spans: dict[int, list[Span]] = {}
        for place in np.argsort(-counts, kind="stable")[:_FREQUENT]:
            word = int(hashes[place])
            if len(self._vocabulary) == _MOST or word & int(_LOW) in low:
                continue
            low.add(word & int(_LOW))
            position = int(at[first[place]])
            row = int(table.rows[position])
            text = block.turns["text"][row]
            if row not in spans:
                spans[row] = word_spans(text)
            span = spans[row][position - int(table.starts[row])]
            self._vocabulary[word] = text[span.start : span.end].lower()

    def _count(
        self, table: WordTable, entry_of: Places, entries: int
    ) -> np.ndarray[Any, np.dtype[np.uint16]]:
        """How often each word of the vocabulary stands in each entry."""
        known = np.fromiter(self._vocabulary, dtype=np.uint64)
        column = np.full(1 << 16, -1, dtype=np.int16)
        column[known & _LOW] = np.arange(len(known))
        at = np.flatnonzero(column[table.hashes & _LOW] >= 0)
        at = at[entry_of[table.rows[at]] >= 0]
        found = column[table.hashes[at] & _LOW].astype(np.int64)
        same = known[found] == table.hashes[at]
        cells = entry_of[table.rows[at[same]]] * len(known) + found[same]
        counts = np.bincount(cells, minlength=entries * len(known)).reshape(entries, len(known))
        return np.minimum(counts, np.iinfo(np.uint16).max).astype(np.uint16)

    def finish(self) -> list[DatasetFinding]:
        if not self._parts:
            return []
        keys = np.concatenate([part.keys for part in self._parts])
        turns = np.concatenate([part.turns for part in self._parts])
        where = [(number, row) for number, part in enumerate(self._parts) for row in range(len(part.keys))]
        order = np.argsort(keys, kind="stable")
        bounds = np.flatnonzero(np.diff(keys[order], prepend=keys[order][:1] ^ np.uint64(1)))
        found: list[DatasetFinding] = []
        for members in np.split(order, bounds[1:]):
            if len(members) >= self._entries and turns[members].sum() >= self._turns:
                found += self._compare([where[member] for member in members.tolist()])
        return sorted(found, key=lambda one: one.conversation or (0, 0))

    def _compare(self, members: Sequence[tuple[int, int]]) -> list[DatasetFinding]:
        """The conversations of one character that are far from the others."""
        width = min(self._parts[part].counts.shape[1] for part, _ in members)
        counts = np.array([self._parts[part].counts[row, :width] for part, row in members], dtype=np.float64)
        words = np.array([self._parts[part].words[row] for part, row in members], dtype=np.float64)
        form = np.array([self._parts[part].form[row] for part, row in members])
        frequent = np.argsort(-counts.sum(axis=0), kind="stable")[:_FREQUENT]
        values = np.hstack([100 * counts[:, frequent] / words[:, None], form])
        names = [*(f"“{list(self._vocabulary.values())[at]}”" for at in frequent), *_MEASURES]
        mean, deviation = values.mean(axis=0), values.std(axis=0)
        varies = deviation > 0
        if not varies.any():
            return []
        # What is short varies more by chance alone.
        certain = np.sqrt(np.minimum(1, words / np.median(words)))[:, None]
        scores = certain * (values[:, varies] - mean[varies]) / deviation[varies]
        delta = np.abs(scores).mean(axis=1)
        low, high = np.quantile(delta, [0.25, 0.75])
        threshold = high + self._spread * (high - low)
        shown = [name for name, one in zip(names, varies, strict=True) if one]
        found = []
        for at in np.flatnonzero(delta > threshold).tolist():
            most = np.argsort(-np.abs(scores[at]), kind="stable")[:_NAMED]
            part, row = members[at]
            evidence: Evidence = {
                "delta": round(float(delta[at]), 3),
                "threshold": round(float(threshold), 3),
                "conversations": len(members),
                "features": [
                    {
                        "feature": shown[n],
                        "here": round(float(values[at][varies][n]), 2),
                        "mean": round(float(mean[varies][n]), 2),
                    }
                    for n in most
                ],
            }
            found.append(DatasetFinding(evidence, (), conversation=self._parts[part].places[row]))
        return found


def _replies(block: Block) -> pl.DataFrame:
    """The replies of characters: of a speaker with a name, else under a system prompt. Repeated conversations count once."""
    turns = block.turns.with_row_index("row")
    prompts = (
        turns.filter(pl.col("role").is_in(["system", "developer"]) & (pl.col("words") > 0))
        .unique("conversation", keep="first", maintain_order=True)
        .select("conversation", prompt=pl.col("text").hash(11))
    )
    fresh = pl.Series(block.fresh[turns["conversation"].to_numpy()], dtype=pl.Boolean)
    return (
        turns.filter(
            fresh
            & (pl.col("role") == "assistant")
            & pl.col("kind").is_in(["text", "parts"])
            & (pl.col("side") != "rejected").fill_null(True)
        )
        .select("row", "conversation", "speaker", "text", "chars", "words")
        .join(prompts, on="conversation", how="left", maintain_order="left")
        .with_columns(
            key=pl.when(pl.col("speaker").is_null()).then("prompt").otherwise(pl.col("speaker").hash(12))
        )
        .filter(pl.col("key").is_not_null())
    )


def _form(said: pl.DataFrame, entries: int) -> Numbers:
    """The measures of form of each entry."""
    text = pl.col("text")
    counted = said.select(
        "entry", "words", "chars", *(text.str.count_matches(mark).alias(name) for name, mark in _FORM.items())
    )
    sums = counted.group_by("entry").sum().sort("entry")
    words = pl.max_horizontal(pl.col("words"), pl.lit(1))
    values = sums.select(
        *((pl.col(name) * 100 / words).alias(name) for name in _FORM),
        (pl.col("chars") / words).alias(_LETTERS),
    )
    found: Numbers = values.to_numpy().reshape(entries, len(_MEASURES))
    return found


def _says(evidence: Evidence) -> str:
    named = ", ".join(
        f"{one['feature']} {one['here']:g} instead of {one['mean']:g}" for one in evidence["features"]
    )
    return f"Another voice than in the character's other {evidence['conversations'] - 1:,} conversations: {named}"


_PLAIN = (
    "Well, I was at the market and the rain came down on all of us. I took my bag and ran to the tree by the gate, and the dog ran with me."
    " It was cold, but we had bread and a bit of cheese, and the old man told us of the sea."
)
_TURNS = (
    "The {0} was in the {1}, and I saw it there. We went to the {1} with the {0}, and it was good to see the {0} again. I do not know of a better {1}.",
    "I have a {0} and a {1}. In the morning the {0} is on the table, and the {1} is by the door. It is the way of the house, and I like it so.",
)
_THINGS = (
    "cat",
    "hill",
    "cup",
    "boat",
    "coat",
    "book",
    "lamp",
    "road",
    "song",
    "tree",
    "bell",
    "shoe",
    "fish",
    "star",
    "coin",
    "rope",
)


def _character(*odd: str) -> bytes:
    """A character in sixteen conversations, and one for each odd reply."""
    usual = [
        f"{_PLAIN} " + " ".join(text.format(thing, _THINGS[at - 1]) for text in _TURNS)
        for at, thing in enumerate(_THINGS)
    ]
    records = [
        [{"role": "system", "content": "You are Tom."}]
        + [
            turn
            for n in range(2)
            for turn in ({"role": "user", "content": f"Go on {n}."}, {"role": "assistant", "content": reply})
        ]
        for reply in [*usual, *odd]
    ]
    return "\n".join(json.dumps({"messages": record}) for record in records).encode()


_ODD = "OMG!!! So cute!!! Wow!!! " * 40

RULES: tuple[Rule, ...] = (
    Rule(
        code="roleplay.character_drift",
        severity="info",
        scope="conversation",
        preview=True,
        title="A character in another voice",
        wave=_Voices,
        thresholds={"turns": 20, "conversations": 8, "words": 80, "spread": 3},
        says=_says,
        page=Page(
            "Compares what a character says in one conversation with what it says in all of them, by Burrows' Delta: the mean distance, in standard"
            " deviations, of its 50 most frequent words and ten measures of form (sentences, commas, dashes, quotation marks, length of words ...)."
            " A character is a speaker's name, else a system prompt, with at least 20 turns (threshold turns) in at least 8 conversations"
            " (conversations) of at least 80 words (words). Named is what lies beyond the third quartile by three times (spread) the distance of the"
            " quartiles, with the three features that differ most. Any language.",
            "Another writer's batch under the same name teaches two voices at once, and the model speaks in a mixture.",
            "Sixteen calm letters by Tom, and one in capitals with three exclamation marks a sentence.",
        ),
        fires=(_character(_ODD),),
        silent=(
            _character(),
            _character(f"{_PLAIN} {_TURNS[0].format('fox', 'yard')} {_TURNS[1].format('fox', 'yard')}"),
            b'{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}',
        ),
    ),
)
