"""Catchphrases: what one character says again and again, and the others do not.

A phrase is compared by the log-odds ratio with an informative Dirichlet prior, in standard deviations (Monroe, Colaresi & Quinn 2008,
"Fightin' Words: Lexical Feature Selection and Evaluation for Identifying the Content of Political Conflict", Political Analysis 16:4).
What is counted are replies that have the phrase; the prior is what all characters say, at a quarter of its weight.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...core.blocks import Block
from ...core.word_table import Flags, Places, WordTable, word_spans
from ...language.tongues import content_words
from .cast import character_replies
from .phrase_counts import Common, Hashes, PhraseCounts, count_into, distinct, low, widened

Numbers = np.ndarray[Any, np.dtype[np.float64]]
_PRIOR = 0.25
_SLOTS = 1 << 20  # of the characters' counts, and of what is said to them
_USES = 1 << 22  # of the counts of a character's runs
_UNSEEN = 3  # times that a run is not counted at first: most never come again
_NAMES = 10_000  # characters whose names are kept
_PIECE = 1 << 20  # words that are looked at together
_HEAD = 200  # characters of a prompt that are kept


@dataclass(frozen=True)
class Character:
    """Who says something.

    Attributes:
        name: the speaker's name, else the beginning of the system prompt.
        by: which of the two, ``speaker`` or ``prompt``.
    """

    name: str
    by: str

    def is_named_in(self, words: Collection[str]) -> bool:
        """Whether some words name the character: with all words of its name, or with one that both write with a capital."""
        own = content_words([self.name[span.start : span.end] for span in word_spans(self.name)])
        if self.by == "speaker" and own and {word.lower() for word in words}.issuperset(own):
            return True
        proper = {word.lower() for word in re.findall(r"\w+", self.name) if word[0].isupper()}
        return not proper.isdisjoint(content_words([word for word in words if word[0].isupper()]))


Tells = Callable[[Common, int, Character], bool]


@dataclass(frozen=True)
class Catchphrase:
    """A phrase of one character, how many replies have it, and the score of the comparison with the others."""

    phrase: Common
    character: Character
    replies: int  # of the character
    elsewhere: float  # share of the others' replies that have it
    z: float


class Catchphrases:
    """Counts what each character says, roughly, and at the end exactly what seems to be a habit.

    Nothing but a number a reply is kept as long as no character speaks in two conversations.

    Args:
        conversations: that a phrase has to stand in, and that a character has to speak in.
        turns: replies that a character has to have.
        share: of its replies that have to have a phrase, at least.
        z: what the score has to be above.
    """

    def __init__(self, conversations: float, turns: float, share: float, z: float) -> None:
        self._fewest, self._turns, self._share, self._z = conversations, turns, share, z
        self._keys: list[Hashes] = []  # one a reply; 0 where nobody speaks
        self._greetings: list[Hashes] = []  # of each reply that is the first of its conversation; else 0
        self._talks = np.zeros(_SLOTS, dtype=np.uint32)
        self._replies = np.zeros(_SLOTS, dtype=np.uint32)
        self._uses = np.zeros(0, dtype=np.uint32)
        self._used_at_all = np.zeros(0, dtype=bool)
        self._asked = np.zeros(0, dtype=np.uint32)
        self._names: dict[int, Character] = {}

    def add(self, block: Block, rows: Places, table: WordTable, runs: Hashes, seen: Hashes) -> Places:
        """Take the replies of a block.

        Args:
            rows: of the turn table.
            table: their words.
            runs: the run of four words at each word.
            seen: how often each run was seen so far.

        Returns:
            The places of the runs that a character uses often so far.
        """
        nothing = np.empty(0, dtype=np.int64)
        spoken = character_replies(block)
        if not spoken.height:
            self._keys.append(np.zeros(len(rows), dtype=np.uint32))
            self._greetings.append(np.zeros(len(rows), dtype=np.uint32))
            return nothing
        of_turns = np.zeros(block.turns.height, dtype=np.uint32)
        of_turns[spoken["row"].to_numpy()] = low(spoken["key"].to_numpy())
        chats = block.turns["conversation"].to_numpy()[rows].astype(np.uint64)
        greetings = np.zeros(len(rows), dtype=np.uint32)
        first = np.flatnonzero(np.diff(chats, prepend=chats[0] + np.uint64(1)))
        greetings[first] = low(block.turns["text"][rows[first]].hash(13).to_numpy())
        keys = _greet_once(of_turns[rows], greetings)
        self._keys.append(keys)
        self._greetings.append(greetings)
        talks = np.unique((chats << np.uint64(32)) | keys)
        count_into(self._talks, talks.astype(np.uint32))
        count_into(self._replies, keys)
        talked = self._talks[keys & np.uint32(_SLOTS - 1)]
        if not ((keys != 0) & (talked > 1)).any():
            return nothing
        at = np.flatnonzero((seen > _UNSEEN) & (keys != 0)[table.rows])
        return self._count_uses(block, rows, runs, at, table.rows[at], keys)

    def _count_uses(
        self, block: Block, rows: Places, runs: Hashes, at: Places, texts: Places, keys: Hashes
    ) -> Places:
        """Count the runs at some places for the character that says them; ``texts`` are the replies they stand in."""
        if not len(self._uses):
            self._uses = np.zeros(_USES, dtype=np.uint32)
            self._used_at_all = np.zeros(_SLOTS, dtype=bool)
            self._asked = np.zeros(_SLOTS, dtype=np.uint32)
        used = runs[at] ^ keys[texts]
        count_into(self._uses, used)
        self._used_at_all[runs[at] & np.uint32(_SLOTS - 1)] = True
        slots = keys & np.uint32(_SLOTS - 1)
        replies = self._replies[slots]
        speaks = (keys != 0) & (self._talks[slots] >= self._fewest) & (replies >= self._turns)
        if not speaks.any():
            return np.empty(0, dtype=np.int64)
        need = np.where(speaks, np.maximum(self._fewest, self._share * replies), np.inf)
        often = np.flatnonzero(self._often(used, need[texts]))
        having = np.unique(texts[often])
        self._name(block, rows[having], keys[having])
        return at[often]

    def _often(self, used: Hashes, need: Numbers) -> Flags:
        """Which runs of a character may have been said as often as they need to be."""
        found: Flags = self._uses[used & np.uint32(_USES - 1)] >= need - _UNSEEN
        return found

    def _name(self, block: Block, rows: Places, keys: Hashes) -> None:
        """Keep the names of characters that have a phrase which is frequent so far."""
        values, first = np.unique(keys, return_index=True)
        turns = block.turns
        for key, at in zip(values.tolist(), rows[first].tolist(), strict=True):
            if key in self._names or len(self._names) == _NAMES:
                continue
            if (speaker := turns["speaker"][at]) is not None:
                self._names[key] = Character(speaker, "speaker")
                continue
            chat = turns["conversation"][at]
            begins = int(turns["conversation"].search_sorted(chat, "left"))
            ends = int(turns["conversation"].search_sorted(chat, "right"))
            prompt = next(
                text
                for role, text, words in turns.select("role", "text", "words")[begins:ends].iter_rows()
                if role in ("system", "developer") and words
            )
            self._names[key] = Character(" ".join(prompt[:_HEAD].split()), "prompt")

    def hear(self, runs: Hashes) -> None:
        """Count what users and system prompts say, where characters say it too."""
        if len(self._asked):
            count_into(self._asked, runs[self._used_at_all[runs & np.uint32(_SLOTS - 1)]])

    def asked(self, phrase: Common) -> int:
        """How often users and system prompts say a phrase, roughly."""
        return min(int(self._asked[run % _SLOTS]) for run in phrase.runs)

    def finish(self, counts: PhraseCounts, chats: Places, tells: Tells) -> list[Catchphrase]:
        """The catchphrases, those with the highest scores first.

        Args:
            counts: of the phrases of all replies.
            chats: the conversation of each reply.
            tells: whether a phrase of a character, in so many conversations, can be reported.
        """
        if not self._names:
            return []
        keys = _greet_once(np.concatenate(self._keys), np.concatenate(self._greetings))
        values, who, replies = np.unique(keys, return_inverse=True, return_counts=True)
        if np.count_nonzero(values) < 2:
            return []
        talks = np.unique(who.astype(np.int64) << 32 | chats) >> 32
        speaks = (replies >= self._turns) & (np.bincount(talks) >= self._fewest)
        speaks &= np.isin(values, list(self._names))
        if not speaks.any():
            return []
        runs, rows = counts.kept()
        needed = np.where(speaks, self._share * replies, np.inf)[who]
        candidates = self._candidates(runs, rows, chats, keys, needed, tells)
        everybody = int(replies[values != 0].sum())
        found = []
        for phrase, texts in zip(candidates, _texts_of(candidates, runs, rows), strict=True):
            key = int(keys[phrase.at[0]])
            speakers = keys[texts]
            theirs = int(np.count_nonzero((speakers != 0) & (speakers != key)))
            mine = int(np.count_nonzero(speakers == key))
            own = int(replies[who[phrase.at[0]]])
            z = _score(mine, own, theirs, everybody - own)
            if z > self._z:
                elsewhere = theirs / (everybody - own)
                found.append(Catchphrase(phrase, self._names[key], own, elsewhere, z))
        return sorted(found, key=lambda one: -one.z)

    def _candidates(
        self, runs: Hashes, rows: Places, chats: Places, keys: Hashes, needed: Numbers, tells: Tells
    ) -> list[Common]:
        """The phrases that are frequent in what one character says; ``needed`` is the replies that have to be more, infinite for characters that say too little."""
        at = self._frequent(runs, rows, keys, np.maximum(needed, self._fewest))
        mixed = runs[at] ^ keys[rows[at]]
        order = np.lexsort((rows[at], mixed))
        at, mixed = at[order], mixed[order]
        _, group = np.unique(mixed, return_inverse=True)
        apart = np.ones(len(at), dtype=bool)
        apart[1:] = (group[1:] != group[:-1]) | (rows[at[1:]] != rows[at[:-1]])
        having = np.bincount(group, apart)[group]
        kept = np.zeros(len(runs), dtype=bool)
        kept[at[having > needed[rows[at]]]] = True
        near = widened(kept)
        runs, rows = np.where(kept, runs, 0)[near], rows[near]

        def frequent(phrase: Common, conversations: int) -> bool:
            texts = np.unique(phrase.at)
            if len(texts) <= needed[texts[0]]:
                return False
            return tells(phrase, conversations, self._names[int(keys[texts[0]])])

        return distinct(runs ^ keys[rows], runs, rows, np.flatnonzero(runs), chats, self._fewest, frequent)

    def _frequent(self, runs: Hashes, rows: Places, keys: Hashes, need: Numbers) -> Places:
        """The places of runs that their character may use often enough; ``need`` is how often, for each text."""
        found = [np.empty(0, dtype=np.int64)]
        speaks = np.isfinite(need)
        for first in range(0, len(runs), _PIECE):
            texts = rows[first : first + _PIECE]
            part = runs[first : first + _PIECE]
            at = np.flatnonzero(speaks[texts] & (part != 0))
            found.append(first + at[self._often(part[at] ^ keys[texts[at]], need[texts[at]])])
        return np.concatenate(found)


def _greet_once(keys: Hashes, greetings: Hashes) -> Hashes:
    """Take from a character the greetings that are word for word an earlier one: a card's first message is no habit of speech."""
    at = np.flatnonzero((greetings != 0) & (keys != 0))
    _, first = np.unique((keys[at].astype(np.uint64) << np.uint64(32)) | greetings[at], return_index=True)
    again = np.delete(at, first)
    found = keys.copy()
    found[again] = 0
    return found


def _texts_of(phrases: Sequence[Common], runs: Hashes, rows: Places) -> Iterator[Places]:
    """The texts that have each phrase, whoever says it."""
    wanted = np.unique(np.array([run for one in phrases for run in one.runs], dtype=np.uint32))
    flags = np.zeros(_SLOTS, dtype=bool)
    flags[wanted & np.uint32(_SLOTS - 1)] = True
    at = np.flatnonzero(flags[runs & np.uint32(_SLOTS - 1)])
    order = np.argsort(runs[at], kind="stable")
    at, values = at[order], runs[at[order]].astype(np.int64)
    for phrase in phrases:
        first, last = np.searchsorted(values, [phrase.runs[0], phrase.runs[0] + 1])
        places = at[first:last]
        for step, run in enumerate(phrase.runs[1:], 1):
            places = places[places + step < len(runs)]
            places = places[runs[places + step] == np.uint32(run)]
        yield np.unique(rows[places])


def _score(having: int, replies: int, others_having: int, others: int) -> float:
    """The log-odds ratio of a phrase with an informative Dirichlet prior, in standard deviations."""
    if having == replies and others_having == others:
        return 0.0
    own, theirs = _PRIOR * (having + others_having), _PRIOR * (replies + others)
    mine, mine_of = having + own, replies + theirs
    yours, yours_of = others_having + own, others + theirs
    ratio = math.log(mine / (mine_of - mine)) - math.log(yours / (yours_of - yours))
    return ratio / math.sqrt(1 / mine + 1 / yours)
