"""Whether a character keeps its voice: from one conversation to the others, from one source to another, and along its conversations.

A voice is how often the most frequent words stand in it, and some measures of form; none of it depends on the language. One conversation
is compared with all of them by Burrows' Delta; of many conversations the measures of form are compared one by one (``voice_drifts.py``).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from ...core.blocks import Block
from ...core.hashing import Words
from ...core.word_table import Places
from ..rule import DatasetFinding, Evidence, Page, Rule
from . import voice_drifts
from .cast import character_replies
from .frequent_words import Counts, FrequentWords
from .voice_drifts import Character, Drifts
from .voice_measures import MEASURES, STYLE, Sums, amounts, counted

_FREQUENT = 50  # words of a character that are compared
_NAMED = 3
_NAME = 80  # characters of a system prompt that stand for a name


@dataclass(frozen=True, slots=True)
class _Part:
    """The entries of one block: what one character says in one conversation each.

    ``names`` has the ``name`` of each ``key``; ``places`` are as in :class:`Character`.
    """

    keys: Words
    names: pl.DataFrame
    places: Places
    turns: Places
    words: Places
    sums: Sums
    counts: Counts


class _Voices:
    """Counts words and measures for each conversation of a character, and compares them at the end."""

    def __init__(
        self,
        turns: float,
        conversations: float,
        words: float,
        spread: float,
        replies: float,
        delta: float,
        chance: float,
        most: float,
    ) -> None:
        self._turns, self._entries, self._words, self._spread = turns, conversations, words, spread
        self._drifts = Drifts(conversations, replies, delta, chance, most)
        self._sources: dict[int, str] = {}
        self._frequent = FrequentWords()
        self._parts: list[_Part] = []

    def partial(self, block: Block) -> None:
        if not block.turns.height:
            return
        replies = character_replies(block)
        long = replies.group_by("conversation", "key", maintain_order=True).agg(
            pl.len().alias("turns"),
            pl.col("words").sum().alias("length"),
            pl.col("row").first(),
            pl.col("row").last().alias("last"),
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
        self._frequent.learn(block, entry_of)
        self._sources[block.source] = block.source_name.replace("\\", "/").rpartition("/")[2]
        self._parts.append(
            _Part(
                entries["key"].to_numpy(),
                _names(block, entries),
                _places(block, entries),
                entries["turns"].to_numpy().astype(np.int64),
                np.bincount(entry_of[entry_of >= 0], table.counts[entry_of >= 0], entries.height).astype(
                    np.int64
                ),
                counted(said, entries.height),
                self._frequent.count(table, entry_of, entries.height),
            )
        )

    def finish(self) -> list[DatasetFinding]:
        if not self._parts:
            return []
        keys = np.concatenate([part.keys for part in self._parts])
        turns = np.concatenate([part.turns for part in self._parts])
        where = [(number, row) for number, part in enumerate(self._parts) for row in range(len(part.keys))]
        order = np.argsort(keys, kind="stable")
        bounds = np.flatnonzero(np.diff(keys[order], prepend=keys[order][:1] ^ np.uint64(1)))
        found: list[DatasetFinding] = []
        characters: list[Character] = []
        for members in np.split(order, bounds[1:]):
            if len(members) >= self._entries and turns[members].sum() >= self._turns:
                own = [where[member] for member in members.tolist()]
                found += self._compare(own)
                characters.append(self._character(keys[members[0]], own))
        characters.sort(key=lambda one: tuple(one.places[0].tolist()))
        return [
            *sorted(found, key=lambda one: one.conversation or (0, 0)),
            *self._drifts.between_sources(characters, self._sources),
            *self._drifts.along_conversations(characters),
        ]

    def _character(self, key: np.uint64, members: Sequence[tuple[int, int]]) -> Character:
        return Character(
            self._parts[members[0][0]].names.row(by_predicate=pl.col("key") == key)[1],
            np.array([self._parts[part].places[row] for part, row in members]),
            np.array([self._parts[part].sums[row] for part, row in members]),
            np.array([self._parts[part].turns[row] for part, row in members]),
        )

    def _compare(self, members: Sequence[tuple[int, int]]) -> list[DatasetFinding]:
        """The conversations of one character that are far from the others."""
        width = min(self._parts[part].counts.shape[1] for part, _ in members)
        counts = np.array([self._parts[part].counts[row, :width] for part, row in members], dtype=np.float64)
        words = np.array([self._parts[part].words[row] for part, row in members], dtype=np.float64)
        form = amounts(np.array([self._parts[part].sums[row] for part, row in members])).values[:, :STYLE]
        frequent = np.argsort(-counts.sum(axis=0), kind="stable")[:_FREQUENT]
        values = np.hstack([100 * counts[:, frequent] / words[:, None], form])
        names = [*(f"“{self._frequent.words[at]}”" for at in frequent), *MEASURES[:STYLE]]
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
            most = np.argsort(-np.abs(scores[at]).round(9), kind="stable")[:_NAMED]
            part, row = members[at]
            source, index = self._parts[part].places[row, :2].tolist()
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
            found.append(DatasetFinding(evidence, (), conversation=(source, index)))
        return found


def _names(block: Block, entries: pl.DataFrame) -> pl.DataFrame:
    """Each key once, with the speaker of its rows or else the beginning of the system prompt."""
    first = entries.unique("key", keep="first", maintain_order=True)
    turns = block.turns
    prompts = (
        turns.filter(pl.col("role").is_in(["system", "developer"]) & (pl.col("words") > 0))
        .unique("conversation", keep="first", maintain_order=True)
        .select("conversation", prompt=pl.col("text").str.slice(0, _NAME))
    )
    return (
        first.select("key", "conversation", speaker=turns["speaker"].gather(first["row"]))
        .join(prompts, on="conversation", how="left", maintain_order="left")
        .select("key", name=pl.coalesce("speaker", "prompt"))
    )


def _places(block: Block, entries: pl.DataFrame) -> Places:
    """Source, index, and the turns of the first reply and of the last one of each entry."""
    index = np.array(block.indices, dtype=np.int64)[entries["conversation"].to_numpy()]
    turn = block.turns["turn"].to_numpy().astype(np.int64)
    ends = (turn[entries[name].to_numpy()] for name in ("row", "last"))
    return np.column_stack([np.full_like(index, block.source), index, *ends])


def _says(evidence: Evidence) -> str:
    if "against" in evidence:
        return voice_drifts.says(evidence)
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
_SAYINGS = (
    "We took the {0} along, and it rained.",
    "The {0} is an old one.",
    "Do you see the {0} there, by the wall?",
    "I never had a {0} in the house before that winter.",
    "Well, the {0}!",
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


def _along(sentences: Iterable[int]) -> bytes:
    """A character in sixteen conversations whose replies have so many sentences, in this order."""
    sizes = list(sentences)
    records = []
    for at in range(len(_THINGS)):
        messages = [{"role": "system", "content": "You are Tom."}]
        for n, size in enumerate(sizes):
            told = [
                _SAYINGS[(at + n + m) % len(_SAYINGS)].format(_THINGS[(at * 5 + n + 3 * m) % 16])
                for m in range(size)
            ]
            messages += [
                {"role": "user", "content": f"Go on {n}."},
                {"role": "assistant", "content": " ".join(told)},
            ]
        records.append(messages)
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
        thresholds={
            "turns": 20,
            "conversations": 8,
            "words": 80,
            "spread": 3,
            "replies": 6,
            "delta": 0.33,
            "chance": 0.05,
            "most": 0.5,
        },
        says=_says,
        page=Page(
            "Looks for another voice in three ways. A character is a speaker's name, else a system prompt, with at least 20 turns (threshold turns) in at"
            " least 8 conversations (conversations) of at least 80 words (words). Any language."
            " (1) Burrows' Delta of what the character says in one conversation to what it says in all of them: the mean distance, in standard deviations,"
            " of its 50 most frequent words and ten measures of form (sentences, commas, dashes, quotation marks, length of words ...). Named is what lies"
            " beyond the third quartile by three times (spread) the distance of the quartiles, with the three features that differ most."
            " (2) One source against another, for each two of the character's ten largest sources with at least 8 conversations: the ten measures, the percent of"
            " the text in quotation marks and the words in a reply, by Cliff's delta: how often a conversation of the second has more than one of the first, less how"
            " often it has less, as a share of all pairs. Named are measures from 0.33 on (delta; Romano and others, 2006, call 0.147 small, 0.33 medium, 0.474 large)."
            " (3) The first third of the replies against the last, over at least 8 conversations with at least 6 replies (replies): the same measures, where delta is"
            " the share of conversations in which one rises less the share in which it falls."
            " In (2) and (3) the weaker of two tests must also speak against chance: Mann-Whitney, z = (U - nm/2) / s with s corrected for ties, or the sign test,"
            " z = (|rises - falls| - 1) / sqrt(rises + falls); and the difference of the totals by its standard error over the conversations, since a rare mark stands in"
            " fewer of the shorter texts without being rarer. Each of the two is silent by this in at least 19 of 20 datasets where there is nothing (chance 0.05; divided by the number of"
            " comparisons in the dataset, after Bonferroni). The sentence has the totals, the evidence the medians too."
            " What more than half (most) of at least three characters do in the same way (their z joined by Stouffer's method) is said once, of all, and"
            " left out of the findings of each: where most characters ask their questions early in a scene, that is how these scenes are built and no habit of one"
            " character. The rule cannot tell a writer from a topic, and takes two characters of one name for one. Conversations that occur again count once.",
            "Another writer's batch under the same name teaches two voices at once, and the model speaks in a mixture. A character that begins vivid and"
            " ends as any assistant teaches to forget the character.",
            "Sixteen calm letters by Tom, and one in capitals with three exclamation marks a sentence; a second file in which Tom never uses a comma;"
            " replies of Tom that begin at ninety words and end at ten.",
        ),
        fires=(_character(_ODD), _along(range(9, 0, -1))),
        silent=(
            _character(),
            _along([5] * 9),
            _character(f"{_PLAIN} {_TURNS[0].format('fox', 'yard')} {_TURNS[1].format('fox', 'yard')}"),
            b'{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}',
        ),
    ),
)
