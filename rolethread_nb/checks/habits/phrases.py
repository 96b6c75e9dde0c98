"""Rules about phrases that are used too often."""

from __future__ import annotations

import json
import re
from itertools import pairwise

import numpy as np

from ...core.blocks import Block
from ...core.model import IDEOGRAPHS, UNSPACED
from ...core.word_table import Places, WordTable, word_spans
from ...language.tongues import content_words
from ..rule import RELATED_LIMIT, DatasetFinding, Evidence, Page, Rule
from .catchphrases import Catchphrases, Character
from .phrase_counts import LONGEST, SHORTEST, Common, Hashes, PhraseCounts, count_into, low
from .reply_rows import reply_rows

_MOST = 30  # so many phrases are reported, and so many of characters
_NAMED = 3  # characters that are named beside a phrase of the whole dataset
_SHOWN = 60  # characters of a system prompt that are shown
_OCCURRENCES = 2_000_000
_RUNS = 50_000  # runs of four words that are kept as texts
_SLOTS = 1 << 20
_unspaced = re.compile(f"[{IDEOGRAPHS}{UNSPACED}]")
_WORD = re.compile(r"[^\W\d_]{2,}")
_OWN_WORDS = 3  # words of two letters and more that a phrase has

Runs = dict[int, tuple[list[str], list[str]]]  # by hash: four words and what is between them


class _Phrases:
    """Counts runs of words in replies, and roughly in everything else; a text is kept for those that are frequent so far."""

    def __init__(
        self,
        conversations: float,
        share: float,
        others: float,
        turns: float,
        character_share: float,
        z: float,
    ) -> None:
        self._fewest, self._share, self._others = conversations, share, others
        self._thresholds = {
            "character_share": character_share,
            "z": z,
            "turns": turns,
            "conversations": conversations,
        }
        self._catchphrases = Catchphrases(conversations, turns, character_share, z)
        self._counts = PhraseCounts()
        self._elsewhere = np.zeros(_SLOTS, dtype=np.uint32)
        self._words = [0, 0]  # of replies, of everything else
        self._runs: Runs = {}
        self._runs_of_characters: Runs = {}
        self._places: list[tuple[Places, Places, Places]] = []
        self._chats = 0

    def partial(self, block: Block) -> None:
        rows = reply_rows(block)
        chats = block.turns["conversation"].to_numpy()
        self._chats += len(np.unique(chats[rows]))
        elsewhere = self._count_elsewhere(block, chats)
        if not len(rows):
            return
        table = block.words.part(rows)
        runs = np.zeros(len(table), dtype=np.uint32)
        hashes, at = table.phrases(SHORTEST)
        runs[at] = low(hashes)
        self._words[0] += len(table)
        self._counts.add(runs, table.counts)
        indices = np.array(block.indices, dtype=np.int64)[chats[rows]]
        turns = block.turns["turn"].to_numpy()[rows]
        self._places.append((np.full(len(rows), block.source, dtype=np.int32), indices, turns))
        seen = self._counts.seen(runs)
        often = np.flatnonzero(seen >= self._least())
        of_characters = self._catchphrases.add(block, rows, table, runs, seen)
        self._catchphrases.hear(elsewhere)
        _remember(self._runs, block, rows, table, runs, often)
        _remember(self._runs_of_characters, block, rows, table, runs, of_characters)
        self._counts.forget(self._least() / 2)

    def _least(self) -> float:
        return max(self._fewest, self._share * self._chats)

    def _count_elsewhere(self, block: Block, chats: Places) -> Hashes:
        """Phrases of users and of system prompts; what is usual there is no habit of the replies."""
        turns = block.turns
        if not turns.height:
            return np.empty(0, dtype=np.uint32)
        theirs = turns["role"].is_in(["user", "system", "developer"]).fill_null(False).to_numpy()
        rows = np.flatnonzero(theirs & block.fresh[chats])
        table = block.words.part(rows)
        hashes, _ = table.phrases(SHORTEST)
        found = low(hashes)
        count_into(self._elsewhere, found)
        self._words[1] += len(table)
        return found

    def finish(self) -> list[DatasetFinding]:
        if not self._places:
            return []
        sources, indices, turns = map(np.concatenate, zip(*self._places, strict=True))
        apart = np.ones(len(indices), dtype=bool)
        apart[1:] = (indices[1:] != indices[:-1]) | (sources[1:] != sources[:-1])
        chats = np.cumsum(apart) - 1
        places = np.stack([sources, indices, turns], axis=1)
        common = self._common(chats, places)
        of_characters = []
        for phrase, finding in self._of_characters(chats, places):
            known = next((one.evidence for other, one in common if _within(phrase, other)), None)
            if known is None:
                of_characters.append(finding)
            elif len(whose := known.setdefault("characters", [])) < _MOST:
                whose.append({key: value for key, value in finding.evidence.items() if key != "phrase"})
        return [finding for _, finding in common] + of_characters[:_MOST]

    def _common(self, chats: Places, places: Places) -> list[tuple[Common, DatasetFinding]]:
        """The phrases of the whole dataset, the most frequent first."""
        found = []
        for phrase in self._counts.common(chats, self._least(), _OCCURRENCES, self._tells):
            rows = np.unique(phrase.at)
            in_chats = len(np.unique(chats[rows]))
            words = _said(phrase, self._runs, in_chats, self._least())
            assert words is not None
            evidence = {
                "phrase": "".join(words),
                "words": phrase.words,
                "conversations": in_chats,
                "turns": len(rows),
                "share": round(in_chats / self._chats, 4),
                "of": self._chats,
                "threshold": round(self._least(), 1),
            }
            found.append((phrase, DatasetFinding(evidence, _related(places[rows]))))
        found.sort(key=lambda one: -one[1].evidence["conversations"])
        return found[:_MOST]

    def _tells(self, phrase: Common, conversations: int) -> bool:
        """Whether a phrase in so many conversations says something, and is none that users and system prompts say as often."""
        if _said(phrase, self._runs, conversations, self._least()) is None:
            return False
        return not self._usual_elsewhere(
            phrase, min(int(self._elsewhere[run % _SLOTS]) for run in phrase.runs)
        )

    def _of_characters(self, chats: Places, places: Places) -> list[tuple[Common, DatasetFinding]]:
        """The phrases of one character each, those that tell it best from the others first."""
        found = []
        for one in self._catchphrases.finish(self._counts, chats, self._tells_of):
            phrase = one.phrase
            rows = np.unique(phrase.at)
            in_chats = len(np.unique(chats[rows]))
            words = _said(phrase, self._runs_of_characters, in_chats, self._fewest)
            assert words is not None
            evidence = {
                "phrase": "".join(words),
                "words": phrase.words,
                "character": one.character.name,
                "named_by": one.character.by,
                "conversations": in_chats,
                "turns": len(rows),
                "replies": one.replies,
                "share": round(len(rows) / one.replies, 4),
                "others_share": round(one.elsewhere, 4),
                "z": round(one.z, 2),
                "thresholds": self._thresholds,
            }
            found.append((phrase, DatasetFinding(evidence, _related(places[rows]))))
        return found

    def _tells_of(self, phrase: Common, conversations: int, character: Character) -> bool:
        """The same of a phrase of one character; one with its name tells nothing."""
        words = _said(phrase, self._runs_of_characters, conversations, self._fewest)
        if words is None or character.is_named_in(words[::2]):
            return False
        return not self._usual_elsewhere(phrase, self._catchphrases.asked(phrase))

    def _usual_elsewhere(self, phrase: Common, theirs: int) -> bool:
        """Whether users and system prompts say it as often: of as many words, or as many times."""
        if not self._words[1]:
            return False
        ratio = min(1.0, self._words[1] / max(1, self._words[0]))
        return theirs >= max(1.0, self._others * len(phrase.at) * ratio)


def _said(phrase: Common, known: Runs, conversations: int, least: float) -> list[str] | None:
    """The words of a phrase as they stand, with what is between them; None for what holds too little of its own, and for half a phrase of a script without blanks."""
    if any(run not in known for run in phrase.runs):
        return None
    words, gaps = (list(part) for part in known[phrase.runs[0]])
    for run in phrase.runs[1:]:
        words.append(known[run][0][-1])
        gaps.append(known[run][1][-1])
    single = sum(1 for word in words if _unspaced.match(word))
    if (single > 1 and phrase.words < LONGEST) or any("\n" in gap for gap in gaps):
        return None
    if not single and sum(1 for word in words if _WORD.fullmatch(word)) < _OWN_WORDS:
        return None
    own = len(content_words(words))
    if own == 0 or (own == 1 and conversations < 2 * least):
        return None
    return [part for pair in zip(words, [*gaps, ""], strict=True) for part in pair]


def _remember(known: Runs, block: Block, rows: Places, table: WordTable, runs: Hashes, hot: Places) -> None:
    """Keep the four words of runs that are frequent so far, as they stand; ``hot`` are their places."""
    keys, first = np.unique(runs[hot], return_index=True)
    fresh = [n for n, key in enumerate(keys.tolist()) if key not in known]
    wanted: dict[int, list[tuple[int, int]]] = {}
    for n in fresh[: max(0, _RUNS - len(known))]:
        at = int(hot[first[n]])
        text = int(table.rows[at])
        wanted.setdefault(text, []).append((int(keys[n]), at - int(table.starts[text])))
    for text, found in wanted.items():
        whole = block.turns["text"][int(rows[text])]
        spans = word_spans(whole)
        for key, word in found:
            four = spans[word : word + SHORTEST]
            gaps = [whole[left.end : right.start] for left, right in pairwise(four)]
            known[key] = ([whole[one.start : one.end] for one in four], gaps)


def _within(phrase: Common, other: Common) -> bool:
    """Whether most of a phrase stands in another one."""
    return 2 * len(set(phrase.runs) & set(other.runs)) >= len(phrase.runs)


def _related(places: Places) -> list[tuple[int, ...]]:
    return [tuple(place) for place in places[:RELATED_LIMIT].tolist()]


def _says(evidence: Evidence) -> str:
    if "character" in evidence:
        return (
            f"“{evidence['phrase']}” stands in {_of_character(evidence)}"
            f" ({evidence['turns']:,} of {evidence['replies']:,}, in {evidence['conversations']:,} conversations)"
            f" and in {evidence['others_share']:.1%} of other characters’"
        )
    whose = "; ".join(f"in {_of_character(one)}" for one in evidence.get("characters", ())[:_NAMED])
    return (
        f"“{evidence['phrase']}” stands in replies of {evidence['conversations']:,} conversations"
        f" ({evidence['share']:.1%} of {evidence['of']:,} with replies)" + (f", {whose}" if whose else "")
    )


def _of_character(evidence: Evidence) -> str:
    name = str(evidence["character"])
    if evidence["named_by"] == "prompt":
        name = f"the character of “{name if len(name) <= _SHOWN else name[:_SHOWN] + '…'}”"
    return f"{evidence['share']:.1%} of the replies of {name}"


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
        thresholds={
            "conversations": 8,
            "share": 0.01,
            "others": 0.5,
            "turns": 20,
            "character_share": 0.3,
            "z": 4,
        },
        says=_says,
        page=Page(
            "Finds phrases of 4 to 8 words that stand in the replies of at least 8 conversations and of 1 % of all (thresholds conversations"
            " and share), whatever the case and the punctuation. Of phrases that hold or overlap each other the most frequent is named, or the longest that holds it"
            " and stands in 80 % of its conversations; another one only if it mostly stands apart from it. Left out are phrases"
            " of function words alone (with one word of another kind it takes twice the conversations), those over the end of a line, and those that users and system prompts say half as often (others). The 30 most"
            " frequent are reported. Scripts without blanks count by runs of eight characters. Duplicates count once. Of a dataset with more than 16"
            " million words in replies, counts are a lower bound. Also finds the catchphrases of one character (a speaker's name, else a system prompt)"
            " with at least 20 replies (turns): phrases in at least 8 conversations and more than 30 % (character_share) of its replies, that the other characters"
            " use so much less that the log-odds ratio with an informative Dirichlet prior (what all say, at a quarter of its weight) is above 4 (z)"
            " standard deviations. Phrases with the character's name are left out. The 30 with the highest ratio are reported; where the phrase is reported"
            " already, its character is named there.",
            "A catchphrase in one reply of a hundred comes back in one of ten: a model takes the likeliest way to go on. A character that says its line"
            " in every second reply becomes the line.",
            "“A shiver runs down her spine” in 1,200 of 40,000 chats; “by the salt of the sea” in 40 % of the replies of Captain Mara.",
        ),
        fires=(_dataset(*_HABIT),),
        silent=(
            _dataset(*_HABIT[:7]),
            b"\n".join([_dataset(*_HABIT[:7])] * 2),
            _dataset(*[f"{n} it is that you are in the {n}" for n in range(9)]),
        ),
    ),
)
