"""Rules about phrases that are used too often."""

from __future__ import annotations

import json
import re
from itertools import pairwise

import numpy as np

from ...core.blocks import Block
from ...core.hashing import Words
from ...core.model import IDEOGRAPHS, UNSPACED
from ...core.word_table import Places, WordTable, word_spans
from ...language.tongues import content_words
from ..rule import RELATED_LIMIT, DatasetFinding, Page, Rule
from .phrase_counts import LONGEST, SHORTEST, Common, Hashes, PhraseCounts, count_into
from .reply_rows import reply_rows

_MOST = 30  # so many phrases are reported
_OCCURRENCES = 2_000_000
_RUNS = 50_000  # runs of four words that are kept as texts
_LOW = np.uint64(0xFFFFFFFF)
_SLOTS = 1 << 20
_unspaced = re.compile(f"[{IDEOGRAPHS}{UNSPACED}]")
_WORD = re.compile(r"[^\W\d_]{2,}")
_OWN_WORDS = 3  # words of two letters and more that a phrase has


class _Phrases:
    """Counts runs of words in replies, and roughly in everything else; a text is kept for those that are frequent so far."""

    def __init__(self, conversations: float, share: float, others: float) -> None:
        self._fewest, self._share, self._others = conversations, share, others
        self._counts = PhraseCounts()
        self._elsewhere = np.zeros(_SLOTS, dtype=np.uint32)
        self._words = [0, 0]  # of replies, of everything else
        self._runs: dict[int, tuple[list[str], list[str]]] = {}
        self._places: list[tuple[Places, Places, Places]] = []
        self._chats = 0

    def partial(self, block: Block) -> None:
        rows = reply_rows(block)
        chats = block.turns["conversation"].to_numpy()
        self._chats += len(np.unique(chats[rows]))
        self._count_elsewhere(block, chats)
        if not len(rows):
            return
        table = block.words.part(rows)
        runs = np.zeros(len(table), dtype=np.uint32)
        hashes, at = table.phrases(SHORTEST)
        runs[at] = _low(hashes)
        self._words[0] += len(table)
        self._counts.add(runs, table.counts)
        indices = np.array(block.indices, dtype=np.int64)[chats[rows]]
        turns = block.turns["turn"].to_numpy()[rows]
        self._places.append((np.full(len(rows), block.source, dtype=np.int32), indices, turns))
        self._remember(block, rows, table, runs)
        self._counts.forget(self._least() / 2)

    def _least(self) -> float:
        return max(self._fewest, self._share * self._chats)

    def _count_elsewhere(self, block: Block, chats: Places) -> None:
        """Phrases of users and of system prompts; what is usual there is no habit of the replies."""
        turns = block.turns
        if not turns.height:
            return
        theirs = turns["role"].is_in(["user", "system", "developer"]).fill_null(False).to_numpy()
        rows = np.flatnonzero(theirs & block.fresh[chats])
        table = block.words.part(rows)
        hashes, _ = table.phrases(SHORTEST)
        count_into(self._elsewhere, _low(hashes))
        self._words[1] += len(table)

    def _remember(self, block: Block, rows: Places, table: WordTable, runs: Hashes) -> None:
        """Keep the four words of each run that is frequent so far, as they stand."""
        hot = np.flatnonzero(self._counts.often(runs, self._least()))
        keys, first = np.unique(runs[hot], return_index=True)
        fresh = [n for n, key in enumerate(keys.tolist()) if key not in self._runs]
        wanted: dict[int, list[tuple[int, int]]] = {}
        for n in fresh[: max(0, _RUNS - len(self._runs))]:
            at = int(hot[first[n]])
            text = int(table.rows[at])
            wanted.setdefault(text, []).append((int(keys[n]), at - int(table.starts[text])))
        for text, found in wanted.items():
            whole = block.turns["text"][int(rows[text])]
            spans = word_spans(whole)
            for key, word in found:
                four = spans[word : word + SHORTEST]
                gaps = [whole[left.end : right.start] for left, right in pairwise(four)]
                self._runs[key] = ([whole[one.start : one.end] for one in four], gaps)

    def finish(self) -> list[DatasetFinding]:
        if not self._places:
            return []
        sources, indices, turns = map(np.concatenate, zip(*self._places, strict=True))
        apart = np.ones(len(indices), dtype=bool)
        apart[1:] = (indices[1:] != indices[:-1]) | (sources[1:] != sources[:-1])
        chats = np.cumsum(apart) - 1
        found = []
        for phrase in self._counts.common(chats, self._least(), _OCCURRENCES):
            rows = np.unique(phrase.at)
            in_chats = len(np.unique(chats[rows]))
            said = self._said(phrase, in_chats)
            if said is None or self._usual_elsewhere(phrase):
                continue
            evidence = {
                "phrase": said,
                "words": phrase.words,
                "conversations": in_chats,
                "turns": len(rows),
                "share": round(in_chats / self._chats, 4),
                "threshold": round(self._least(), 1),
            }
            related = list(
                zip(sources[rows].tolist(), indices[rows].tolist(), turns[rows].tolist(), strict=True)
            )
            found.append(DatasetFinding(evidence, related[:RELATED_LIMIT]))
        found.sort(key=lambda one: -one.evidence["conversations"])
        return found[:_MOST]

    def _usual_elsewhere(self, phrase: Common) -> bool:
        """Whether users and system prompts say it as often: of as many words, or as many times."""
        if not self._words[1]:
            return False
        theirs = min(int(self._elsewhere[run % _SLOTS]) for run in phrase.runs)
        ratio = min(1.0, self._words[1] / max(1, self._words[0]))
        return theirs >= max(1.0, self._others * len(phrase.at) * ratio)

    def _said(self, phrase: Common, conversations: int) -> str | None:
        """A phrase as it stands; None for what holds too little of its own, and for half a phrase of a script without blanks."""
        if any(run not in self._runs for run in phrase.runs):
            return None
        words, gaps = (list(part) for part in self._runs[phrase.runs[0]])
        for run in phrase.runs[1:]:
            words.append(self._runs[run][0][-1])
            gaps.append(self._runs[run][1][-1])
        single = sum(1 for word in words if _unspaced.match(word))
        if (single > 1 and phrase.words < LONGEST) or any("\n" in gap for gap in gaps):
            return None
        if not single and sum(1 for word in words if _WORD.fullmatch(word)) < _OWN_WORDS:
            return None
        own = len(content_words(words))
        if own == 0 or (own == 1 and conversations < 2 * self._least()):
            return None
        return "".join(word + gap for word, gap in zip(words, [*gaps, ""], strict=True))


def _low(hashes: Words) -> Hashes:
    """32 bits of each hash; 0 is none of them."""
    found: Hashes = (hashes & _LOW).astype(np.uint32) | np.uint32(1)
    return found


def _says(evidence: dict[str, object]) -> str:
    return f"“{evidence['phrase']}” stands in replies of {evidence['conversations']:,} conversations ({evidence['share']:.1%})"


def _dataset(*replies: str) -> bytes:
    records = [
        {"messages": [{"role": "user", "content": f"Question {n}"}, {"role": "assistant", "content": reply}]}
        for n, reply in enumerate(replies)
    ]
    return "\n".join(json.dumps(record) for record in records).encode()


_HABIT = [f"{n}: a shiver runs down her spine, {n} times." for n in range(8)]

RULES: tuple[Rule, ...] = (
    Rule(
        code="style.overused_phrase",
        severity="info",
        scope="dataset",
        title="A phrase that is used too often",
        wave=_Phrases,
        thresholds={"conversations": 8, "share": 0.01, "others": 0.5},
        says=_says,
        page=Page(
            "Finds phrases of 4 to 8 words that stand in the replies of at least 8 conversations and of 1 % of all (thresholds conversations"
            " and share), whatever the case and the punctuation. The longest are named; a part of one only if it mostly stands without it. Left out are phrases"
            " of function words alone (with one word of another kind it takes twice the conversations), those over the end of a line, and those that users and system prompts say half as often (others). The 30 most"
            " frequent are reported. Scripts without blanks count by runs of eight characters. Duplicates count once. Of a dataset with more than 16"
            " million words in replies, counts are a lower bound.",
            "A catchphrase in one reply of a hundred comes back in one of ten: a model takes the likeliest way to go on.",
            "“A shiver runs down her spine” in 1,200 of 40,000 chats.",
        ),
        fires=(_dataset(*_HABIT),),
        silent=(
            _dataset(*_HABIT[:7]),
            b"\n".join([_dataset(*_HABIT[:7])] * 2),
            _dataset(*[f"{n} it is that you are in the {n}" for n in range(9)]),
        ),
    ),
)
