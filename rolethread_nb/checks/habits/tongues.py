"""Rules about languages and scripts that mix."""

from __future__ import annotations

import re
from bisect import bisect_left
from typing import Any

import numpy as np
import polars as pl

from ...core.blocks import Block
from ...core.word_table import Flags, Places
from ...language.speech import QUOTED
from ...language.tongues import (
    Tongue,
    language_names,
    may_name_language,
    names_language,
    probable,
    tongue,
    votes,
    words_apart,
)
from ..rule import RELATED_LIMIT, DatasetFinding, Evidence, Page, Rule
from .reply_rows import reply_rows
from .script_votes import LATIN, scripts_of

_SAMPLE = 48  # words by which a turn is told to be worth a look
_OTHER = 0.1  # share of the letters of a script that is more than a name
_OWN_WORDS = 3  # function words that of two languages only one has
_MARGIN = 3  # so many times those that only the other has
_BOTH = 2
_TWO_SCRIPTS = ("sr", "hi")  # languages that are written in Latin letters and in others
_TECHNICAL = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`|https?://\S+|<[^<>\n]{1,200}>|\$\$.*?\$\$", re.DOTALL)
_IN_CODE = re.compile(r"(?m)^.*(?:[{};=]|\bSELECT\b|\(\)).*$")
_quoted = re.compile(QUOTED)


class _Mix:
    """Asks the conversations in which a reply seems to be in another language than the user's turn before it.

    Where most replies of a stretch of the dataset seem to be, they are counted and not asked.
    """

    def __init__(self, letters: float, pairs: float, most: float) -> None:
        self._letters, self._pairs, self._most = letters, pairs, most
        self._found: list[DatasetFinding] = []
        self._counted, self._other = 0, 0
        self._examples: list[tuple[int, ...]] = []

    def partial(self, block: Block) -> None:
        replies = reply_rows(block)
        asked = _asked(block, replies)
        replies, asked = replies[asked >= 0], asked[asked >= 0]
        if not len(replies):
            return
        others = _candidates(block, replies, asked)
        if len(replies) >= self._pairs and len(others[0]) > self._most * len(replies):
            self._count(block, others[0], len(replies))
            return
        turns = _Turns(block, others[0])
        for reply, user in zip(*others, strict=True):
            found = self._compare(block, turns, int(reply), int(user))
            if found is not None:
                self._found.append(found)

    def _count(self, block: Block, others: Places, pairs: int) -> None:
        self._counted += pairs
        self._other += len(others)
        shown = block.turns.select("conversation", "turn")[others[: RELATED_LIMIT - len(self._examples)]]
        self._examples += [(block.source, block.indices[at], turn) for at, turn in shown.iter_rows()]

    def _compare(self, block: Block, turns: _Turns, reply: int, user: int) -> DatasetFinding | None:
        texts = block.turns["text"]
        (answer, said), (question, asked) = turns.read(reply), turns.read(user)
        if min(said.letters, asked.letters) < self._letters or not _differ(said, asked):
            return None
        if said.script == asked.script and not (
            _is_in(answer, said, asked) and _is_in(question, asked, said)
        ):
            return None
        at, source = int(block.turns["conversation"][reply]), block.source
        if turns.is_meant(said, asked, reply):
            return None
        turn_of = block.turns["turn"]
        start = len(texts[reply]) - len(texts[reply].lstrip())
        evidence: Evidence = {
            "turn": int(turn_of[reply]),
            "user_turn": int(turn_of[user]),
            "reply": said.name,
            "user": asked.name,
            "scripts": said.shares,
            "user_scripts": asked.shares,
            "letters": said.letters,
            "threshold": self._letters,
        }
        own = (source, block.indices[at])
        span = (start, len(texts[reply].rstrip()))
        return DatasetFinding(evidence, [(*own, evidence["user_turn"])], conversation=own, span=span)

    def finish(self) -> list[DatasetFinding]:
        if not self._counted:
            return self._found
        evidence: Evidence = {
            "pairs": self._counted,
            "other": self._other,
            "share": round(self._other / self._counted, 3),
            "threshold": self._most,
        }
        return [DatasetFinding(evidence, self._examples), *self._found]


class _Turns:
    """The turns of a block that are asked, each read once."""

    def __init__(self, block: Block, asked: Places) -> None:
        self._texts, self._role = block.turns["text"], block.turns["role"]
        self._conversation = block.turns["conversation"].to_numpy()
        self._read: dict[int, tuple[str, Tongue]] = {}
        concerned = np.isin(self._conversation, self._conversation[asked])
        others = concerned & (self._role != "assistant").fill_null(True).to_numpy()
        rows = np.flatnonzero(others)
        may = self._texts.gather(rows).to_frame("text").select(may=may_name_language(pl.col("text")))["may"]
        self._naming = [row for row in rows[may.to_numpy()].tolist() if names_language(self._texts[row])]

    def read(self, row: int) -> tuple[str, Tongue]:
        """What a turn says in plain words, and the language of it."""
        if row not in self._read:
            prose = _prose(self._texts[row])
            self._read[row] = prose, tongue(prose)
        return self._read[row]

    def is_meant(self, said: Tongue, asked: Tongue, reply: int) -> bool:
        """Whether another language is asked for, named, or already spoken in the conversation."""
        first = int(np.searchsorted(self._conversation, self._conversation[reply]))
        named = bisect_left(self._naming, first)
        if named < len(self._naming) and self._naming[named] < reply:
            return True
        mixed = asked.shares.get(said.script or "", 0) >= _OTHER and asked.script != "Kana"
        if said.script != asked.script and mixed:
            return True
        return any(self.read(row)[1].name == said.name for row in range(first, reply))


def _asked(block: Block, replies: Places) -> Places:
    """For each reply the row of the last user's turn before it in its conversation; -1 where there is none."""
    user = (block.turns["role"] == "user").fill_null(False).to_numpy()
    conversation = block.turns["conversation"].to_numpy()
    last = np.maximum.accumulate(np.where(user, np.arange(len(user)), -1))
    found: Places = last[replies]
    return np.where((found >= 0) & (conversation[found] == conversation[replies]), found, -1)


def _candidates(block: Block, replies: Places, asked: Places) -> tuple[Places, Places]:
    """The pairs whose first words or letters tell of two languages or scripts."""
    rows = np.unique(np.concatenate([replies, asked]))
    language = np.full(block.turns.height, -1, dtype=np.int8)
    language[rows] = probable(votes(block.words.first_words(rows, _SAMPLE)))
    script = np.full(block.turns.height, -1, dtype=np.int8)
    script[rows] = scripts_of(block.turns["text"].gather(rows))
    script[(script == LATIN) & (language < 0)] = -1  # names or code
    other: Flags = _unlike(language, replies, asked) | _unlike(script, replies, asked)
    return replies[other], asked[other]


def _unlike(values: Any, replies: Places, asked: Places) -> Flags:
    found: Flags = (values[replies] >= 0) & (values[asked] >= 0) & (values[replies] != values[asked])
    return found


def _prose(text: str) -> str:
    """A text without code, links, tags and quoted speech."""
    return _quoted.sub(" ", _IN_CODE.sub(" ", _TECHNICAL.sub(" ", text)))


def _differ(said: Tongue, asked: Tongue) -> bool:
    """Whether two texts are surely of two languages. Latin letters tell of a language only by its words: else they are names or code."""
    if said.script is None or asked.script is None:
        return False
    if said.script == asked.script:
        return said.language is not None and asked.language is not None and said.language != asked.language
    languages = [one.language for one in (said, asked) if one.script == "Latin" or one.language]
    if None in languages or not languages:
        return False
    return said.name != asked.name and (len(languages) == _BOTH or languages[0] not in _TWO_SCRIPTS)


def _is_in(text: str, own: Tongue, other: Tongue) -> bool:
    """Whether a text has words that only its own language has of the two, and hardly any that only the other has."""
    mine, theirs = words_apart(text, own.name, other.name)
    return mine >= _OWN_WORDS and mine >= _MARGIN * theirs


def _says(evidence: Evidence) -> str:
    if "pairs" in evidence:
        return (
            f"{evidence['other']:,} of {evidence['pairs']:,} replies ({evidence['share']:.1%}) are in another language or script than the turn"
            " before them"
        )
    return f"A reply in {_name(evidence['reply'])} to a turn in {_name(evidence['user'])}"


def _name(code: str) -> str:
    return language_names().get(code, f"{code} script")


def _chat(question: str, answer: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]


_ENGLISH = "Hello, I would like to know when the shop opens on the day after tomorrow."
_GERMAN = "Der Laden öffnet um neun, aber an diesem Tag ist er wegen der Inventur nicht vor zehn für Sie da."

RULES: tuple[Rule, ...] = (
    Rule(
        code="style.language_mix",
        severity="warning",
        scope="turn",
        preview=True,
        title="A reply in another language",
        wave=_Mix,
        thresholds={"letters": 20, "pairs": 50, "most": 0.5},
        severity_of=lambda e: "info" if "pairs" in e else "warning",
        says=_says,
        where="content",
        page=Page(
            "Finds replies in another script or language than the user's turn before them, both of at least 20 letters (threshold letters)"
            " once code, links and quoted speech are left out. The script is that of 60 % of the letters (a Chinese character counts as"
            " three); the language is told by a vote of function words of some thirty languages: at least 3, 15 % of the words, and twice as many as of any"
            " other. Danish, Norwegian and Swedish count as one, so do Czech and Slovak, and Serbian in its two scripts. Nothing is reported where an earlier turn names a language or asks for a"
            " translation, is in the language of the reply, or mixes the two, nor for names, titles and code. Where over half (most) of at least 50"
            " replies (pairs) that stand close together in the dataset seem to be in another language, that is how the data are: they are counted, and"
            " reported once.",
            "A model that answers German questions in English for no reason will do so at random.",
            "A question in English, an answer in German.",
        ),
        fires=(
            _chat(_ENGLISH, _GERMAN),
            _chat(_GERMAN, _ENGLISH),
            _chat(_ENGLISH, "商店明天上午九点开门，但是后天因为盘点要到十点才能为您服务。"),
        ),
        silent=(
            _chat(_ENGLISH, _ENGLISH),
            _chat(f"{_ENGLISH} Answer in German, please.", _GERMAN),
            _chat("Hi", _GERMAN),
            _chat(_GERMAN, "`SELECT name FROM users` and then London, New York, Los Angeles"),
            [*_chat(_GERMAN, _GERMAN), *_chat(_ENGLISH, _GERMAN)],
        ),
    ),
)
