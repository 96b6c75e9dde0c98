"""Rules about replies that give back what was said."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ...core.blocks import Block
from ...core.hashing import hashed
from ...core.model import IDEOGRAPHS, Span
from ...core.word_table import Places, word_spans
from ...language.packs import pack
from ..rule import DatasetFinding, Page, Rule
from .replied import Reply, exchange, replies_of, reply_rows

# Places in which words of user turns are noted; two words that share one make a reply look nearer than it is.
_SEATS = 1 << 22
_MANY = 300  # words of a reply, at most: nobody gives back more of a talk than that
_LETTERS = 4  # so many letters make a content word where no stop words are known
_HEAD = 2_000  # characters of those that are compared
_DIGIT = re.compile(r"\d")
_IDEOGRAPH = re.compile(f"[{IDEOGRAPHS}]")
# English is often typed without marks.
_QUESTION = re.compile(r"[?？؟;]|(?i:\b(?:how|what|why|calculate|compute|solve)\b)")
# The user hands over a text: behind a colon, in quotation marks or code, on a line of its own.
_HANDED = re.compile(r"[:：]\s*\S|[\"“”«»„「」『』`<>{}|]|\S\s*\n\s*\S")
# What turns texts into other texts, in the languages of the prompts that were seen.
_TASK = re.compile(
    r"(?i)\b(?:repeat|say|read|echo|quote|copy|correct|proofread|rewrite|rephrase|paraphrase|reword|polish|translat\w*|summari[sz]\w*|simplify|grammar|spelling"
    r"|edit\w*|improve|extract|convert|format|punctuat\w*|übersetz\w*|korrigier\w*|wiederhol\w*|traduc\w*|traduis\w*|corrig\w*|répèt\w*|repite|resum\w*|ripeti)\b"
    r"|перевед|исправ|повтори|перефраз|翻译|翻譯|润色|潤色|校对|校對|改写|改寫|纠正|重复|複述|复述|总结|摘要|翻訳|校正|言い換え|添削|要約|번역|교정|요약|ترجم|صحح|لخص|ترجمه|ویرایش"
)


@dataclass(frozen=True)
class _Echo:
    """How much of a reply stands in the turn before it."""

    share: float
    words: int
    run: int


class _Echoes:
    """Compares each reply with the user's turn before it: by hashes of words all of them, in Python the few that come near."""

    def __init__(
        self,
        share: float,
        words: float,
        run: float,
        near: float,
        longer: float,
        content: float,
        work: float,
        others: float,
    ) -> None:
        self._share, self._words, self._run = share, words, run
        self._near, self._longer = near, longer
        self._content, self._work, self._others = content, work, others
        self._found: list[DatasetFinding] = []

    def partial(self, block: Block) -> None:
        if block.turns.height < 2:
            return
        rows = _near(block, self._words, self._near, self._longer)
        for at, turn in block.turns.select("conversation", "turn")[rows].iter_rows():
            reply = Reply(block.conversation(at), turn)
            one = _echo(reply, words=self._words, content=self._content)
            if one is None or one.share <= self._share or one.run < self._run:
                continue
            if _is_work(reply, self._work, self._others):
                continue
            evidence = {
                "turn": turn,
                "share": round(one.share, 2),
                "threshold": self._share,
                "words": one.words,
                "run": one.run,
            }
            place = (block.source, block.indices[at])
            span = Span(0, len(reply.text))
            self._found.append(DatasetFinding(evidence, (), conversation=place, span=span))

    def finish(self) -> list[DatasetFinding]:
        return self._found


def _near(block: Block, words: float, near: float, longer: float) -> Places:
    """Rows of replies such a share of whose words stand in the user's turn just before them, which is at most so many times longer."""
    turns, table = block.turns, block.words
    said = (turns["role"] == "user").fill_null(False).to_numpy()
    at = turns["conversation"].to_numpy()
    rows = np.flatnonzero(reply_rows(block)[1:] & said[:-1] & (at[1:] == at[:-1])) + 1
    here, before = table.counts[rows], table.counts[rows - 1]
    rows = rows[(here >= words) & (here <= _MANY) & (2 * before >= here) & (before <= longer * here)]
    if not len(rows):
        return rows
    pair = np.zeros(turns.height, dtype=np.uint64)
    pair[rows] = pair[rows - 1] = hashed(rows.astype(np.uint64))
    replying = np.zeros(turns.height, dtype=bool)
    replying[rows] = True
    involved = np.flatnonzero(pair[table.rows] != 0)
    where = table.rows[involved]
    keys = table.hashes[involved] ^ pair[where]
    mine = replying[where]
    given = np.zeros(_SEATS, dtype=bool)
    given[keys[~mine] & np.uint64(_SEATS - 1)] = True
    given_back = given[keys[mine] & np.uint64(_SEATS - 1)]
    share = np.bincount(where[mine][given_back], minlength=turns.height)[rows] / table.counts[rows]
    return rows[share >= near]


def _echo(reply: Reply, *, words: float, content: float) -> _Echo | None:
    """How much of a reply is the user's own words; None where that was asked for, or nothing can be said."""
    asked = reply.question
    if any(pattern.search(asked) for pattern in (_QUESTION, _HANDED, _TASK)) or _TASK.search(reply.system):
        return None
    mine, theirs = _folded(reply.text), _folded(asked)
    own, given = _content(mine), set(_content(theirs))
    drawn = sum(_IDEOGRAPH.match(word) is not None for word in mine)
    if len(set(own)) < content or len(mine) - drawn / 2 < words:
        return None
    if any(_DIGIT.search(word) and word not in theirs for word in mine):
        return None  # a number that was not said is an answer
    share = sum(word in given for word in own) / max(1, len(own))
    return _Echo(share, len(own), _longest_run(mine, theirs))


def _is_work(reply: Reply, share: float, fewest: float) -> bool:
    """Whether a system prompt may have texts worked on: other replies, too, are made of the words before them, or there are few."""
    if not reply.system:
        return False
    others = [one for one in replies_of(reply.conversation) if one.turn != reply.turn]
    alike = sum(_shared(one) >= share for one in others)
    return len(others) < fewest or 3 * alike >= len(others)


def _shared(reply: Reply) -> float:
    """The share of the words of a reply that stand in the turn before it."""
    mine, theirs = _folded(reply.text[:_HEAD]), set(_folded(reply.question[:_HEAD]))
    return sum(word in theirs for word in mine) / max(1, len(mine))


def _folded(text: str) -> list[str]:
    return [text[span.start : span.end].casefold() for span in word_spans(text)]


def _content(words: list[str]) -> list[str]:
    """Words that say something: no stop words, no numbers, none of few letters; of ideographs each two that follow one another."""
    stop = set(pack("en").stop_words.words)
    pairs = [a + b for a, b in pairwise(words) if _IDEOGRAPH.match(a) and _IDEOGRAPH.match(b)]
    return pairs + [
        word for word in words if len(word) >= _LETTERS and word not in stop and not _DIGIT.search(word)
    ]


def _longest_run(mine: list[str], theirs: list[str]) -> int:
    """Words in a row that both have, at most."""
    best, before = 0, [0] * (len(theirs) + 1)
    for word in mine:
        row = [0] * (len(theirs) + 1)
        for at, other in enumerate(theirs):
            if word == other:
                row[at + 1] = before[at] + 1
                best = max(best, row[at + 1])
        before = row
    return best


RULES: tuple[Rule, ...] = (
    Rule(
        code="reply.echo",
        severity="info",
        scope="turn",
        title="The reply gives back what was said",
        wave=_Echoes,
        thresholds={
            "share": 0.7,
            "words": 8,
            "run": 4,
            "near": 0.6,
            "longer": 2.5,
            "content": 6,
            "work": 0.35,
            "others": 2,
        },
        says=lambda e: (
            f"{e['share']:.0%} of the reply's content words are the user's, {e['run']} words in a row"
        ),
        where="content",
        page=Page(
            "Finds replies of at least 8 words (threshold words), 6 of them different content words (content), of which 60 % (near) of all words and over 70 %"
            " of the content words (share) stand in the user's turn just before, at least 4 in a row (run). Content words are those of 4 letters or more that are no English stop words; of ideographs, each pair, and two of them count as one word. Questions, texts that are"
            " handed over (behind a colon, in quotes, over several lines) and prompts about repeating, correcting or translating are left alone, so are conversations with a system prompt in which a third of the other replies, too, share 35 % (work) of their words with"
            " the turn before them (or there are fewer than 2 others), and turns over 2.5 times (longer) as long as the reply, which is an extract.",
            "The model learns to say again what it was told, and calls it listening.",
            "I lost my job and I can't sleep. -> You lost your job and you can't sleep.",
        ),
        fires=(
            exchange(
                "I lost my job at the harbour last week and since then I lie awake at night.",
                "You lost your job at the harbour last week, and since then you lie awake at night.",
            ),
            exchange(
                "昨天下午老板当着全组同事的面狠狠地批评了我。", "昨天下午老板当着全组同事的面狠狠地批评了你。"
            ),
        ),
        silent=(
            exchange(
                "Repeat after me: the quick brown fox jumps over the dog.",
                "The quick brown fox jumps over the dog.",
            ),
            exchange(
                "Is the river deeper than the lake behind the mill?",
                "The river is deeper than the lake behind the mill.",
            ),
            exchange(
                "I lost my job last week.", "That must have been a shock. How did they tell you about it?"
            ),
            exchange("I love you.", "I love you too."),
        ),
    ),
)
