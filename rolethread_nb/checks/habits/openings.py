"""Rules about replies that begin alike."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

import polars as pl

from ...core.blocks import Block
from ...core.model import IDEOGRAPHS, UNSPACED, Span
from ...core.word_table import Places, word_spans
from ...language.tongues import only_function_words
from ..rule import DatasetFinding, Evidence, Page, Rule
from .common_openings import CommonOpenings
from .opening_tree import FORM
from .reply_rows import reply_rows

_WORDS = 3
_UNSPACED_WORDS = 6  # characters of a script without blanks that say as much as three words
_LABEL = re.compile(r"\W{0,3}[^\W\d_]\w*(?: \w+){0,2}\W{0,2}:\W*")
_unspaced = re.compile(f"[{IDEOGRAPHS}{UNSPACED}]")


class _Openings:
    """Looks at each conversation by itself, and counts openings for the dataset."""

    def __init__(
        self,
        replies: float,
        share: float,
        conversations: float,
        often: float,
        two: float,
        one: float,
        nearly: float,
    ) -> None:
        self._replies, self._share = replies, share
        self._common = CommonOpenings(conversations, (one, two, often), nearly)
        self._found: list[DatasetFinding] = []

    def partial(self, block: Block) -> None:
        rows = reply_rows(block)
        if not len(rows):
            return
        self._common.add(block, rows)
        opening = block.words.first_words(rows, _WORDS).openings(_WORDS)
        for at, these in self._candidates(block, rows, opening):
            found = self._of_conversation(block, at, these)
            if found is not None:
                self._found.append(found)

    def _candidates(self, block: Block, rows: Places, opening: Any) -> list[tuple[int, list[int]]]:
        """Conversations in which an opening is shared by enough replies, with the rows of all its replies; a reply that is said
        again word for word counts once.
        """
        replies = pl.DataFrame(
            {
                "at": block.turns["conversation"].to_numpy()[rows],
                "row": rows,
                "opening": opening,
                "text": block.text_hashes[0][rows],
            }
        ).unique(["at", "text"], keep="first", maintain_order=True)
        shared = (
            replies.filter(pl.col("opening") != 0)
            .group_by("at", "opening")
            .agg(same=pl.len())
            .group_by("at")
            .agg(pl.col("same").max())
            .join(replies.group_by("at").agg(all=pl.len(), rows=pl.col("row")), on="at")
        )
        met = shared.filter(
            (pl.col("same") >= self._replies) & (pl.col("same") >= self._share * pl.col("all"))
        ).sort("at")
        return [(at, rows_) for at, rows_ in met.select("at", "rows").iter_rows()]

    def _of_conversation(self, block: Block, at: int, rows: Sequence[int]) -> DatasetFinding | None:
        texts = [block.turns["text"][row] for row in rows]
        begins = _after_labels(texts)
        starts = [_opening_of(text, begin) for text, begin in zip(texts, begins, strict=True)]
        key, same = next(iter(Counter(start for start in starts if start).most_common(1)), (None, 0))
        if same < max(self._share * len(rows), self._replies):
            return None
        which = [n for n, start in enumerate(starts) if start == key]
        words = _common_words([texts[n][begins[n] :] for n in which])
        alike = same / len(rows)
        if not self._tells(words, alike) or _is_asked_for(block, [rows[n] for n in which], words[:_WORDS]):
            return None
        places = []
        for n in which:
            spans = [
                Span(begins[n] + one.start, begins[n] + one.end) for one in word_spans(texts[n][begins[n] :])
            ]
            last = spans[min(len(words), len(spans)) - 1]
            places.append(
                (int(block.turns["turn"][rows[n]]), begins[n] + _lead(texts[n][begins[n] :]), last.end)
            )
        turn, start, stop = places[1]
        evidence: Evidence = {
            "opening": texts[which[1]][start:stop],
            "count": same,
            "replies": len(rows),
            "share": round(alike, 3),
            "threshold": self._share,
            "turn": turn,
            "places": [list(place) for place in places],
        }
        own = (block.source, block.indices[at])
        related = [(*own, place[0]) for place in places if place[0] != turn]
        return DatasetFinding(evidence, related, conversation=own, span=(start, stop))

    def _tells(self, words: Sequence[str], alike: float) -> bool:
        """Whether a common opening says something: enough characters, and not function words alone, unless all replies have it."""
        if sum(1 for word in words if _unspaced.match(word)) == len(words):
            return len(words) >= _UNSPACED_WORDS
        return alike >= min(1.0, 2 * self._share) or not only_function_words(words)

    def finish(self) -> list[DatasetFinding]:
        return [*self._found, *self._common.finish()]


def _is_asked_for(block: Block, rows: Sequence[int], opening: Sequence[str]) -> bool:
    """Whether a prompt or a user says the opening before the second reply that has it, or the turns before these replies are alike, too."""
    chats = block.turns["conversation"]
    first = int(chats.search_sorted(chats[rows[0]], "left"))
    before = block.turns.select("role", "text")[first : rows[1]].filter(pl.col("role") != "assistant")
    if any(f" {' '.join(opening)} " in f" {' '.join(_words(text))} " for text in before["text"]):
        return True
    asked = [_words(block.turns["text"][row - 1]) for row in rows if row > first]
    ends = [{tuple(words[:_WORDS]) for words in asked}, {tuple(words[-_WORDS:]) for words in asked}]
    return any(len(end) == 1 and len(next(iter(end))) == _WORDS for end in ends)


def _words(text: str) -> list[str]:
    return [text[span.start : span.end].lower() for span in word_spans(text)]


def _after_labels(texts: Sequence[str]) -> list[int]:
    """Where each text begins once a speaker's label is cut off; 0 where not all have one."""
    labels = [_LABEL.match(text) for text in texts]
    return [label.end() if label and all(labels) else 0 for label in labels]


def _lead(text: str) -> int:
    """Where the first word stands."""
    return word_spans(text)[0].start


def _opening_of(text: str, begin: int) -> tuple[str, ...] | None:
    """The first words of a text in lower case; None for what is a form, or too short."""
    rest = text[begin:]
    if FORM.match(rest):
        return None
    spans = word_spans(rest[:400])[:_WORDS]
    return tuple(rest[span.start : span.end].lower() for span in spans) if len(spans) == _WORDS else None


def _common_words(texts: Sequence[str]) -> list[str]:
    """The words that all of some texts begin with, in lower case; the first hundred at most."""
    spoken = [
        [text[span.start : span.end].lower() for span in word_spans(text[:2000])[:100]] for text in texts
    ]
    found = []
    for words in zip(*spoken, strict=False):
        if len(set(words)) > 1:
            break
        found.append(words[0])
    return found


def _says(evidence: Evidence) -> str:
    if "places" in evidence:
        return (
            f"{evidence['count']} of {evidence['replies']} replies begin with “{_short(evidence['opening'])}”"
        )
    return (
        f"{evidence['share']:.1%} of the replies begin with “{_short(evidence['opening'])}”"
        f" ({evidence['count']:,} replies in {evidence['conversations']:,} conversations)"
    )


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= 80 else flat[:79] + "…"


def _chat(*replies: str) -> list[dict[str, str]]:
    turns = []
    for reply in replies:
        turns += [{"role": "user", "content": "Go on."}, {"role": "assistant", "content": reply}]
    return turns


def _dataset(*openings: str, others: int = 20) -> bytes:
    said = [f"{opening} {n}." for n, opening in enumerate(openings)]
    said += [f"{n} it is." for n in range(others)]
    return "\n".join(json.dumps({"messages": _chat(one)}) for one in said).encode()


RULES: tuple[Rule, ...] = (
    Rule(
        code="style.repeated_opening",
        severity="warning",
        scope="conversation",
        title="Replies that begin alike",
        wave=_Openings,
        thresholds={
            "replies": 3,
            "share": 0.6,
            "conversations": 5,
            "often": 0.02,
            "two": 0.05,
            "one": 0.1,
            "nearly": 0.8,
        },
        severity_of=lambda e: "warning" if "places" in e else "info",
        says=_says,
        where="content",
        page=Page(
            "In a conversation, finds an opening that at least 3 replies (threshold replies) and 60 % of them (share) have in"
            " common: their first three words, whatever the case and the punctuation, after a speaker's label; six characters where a script has no blanks."
            " An opening of function words alone counts if all replies have it, what begins with code, data, a heading or a number never; nor one that a prompt or"
            " the user says before, or that answers turns which themselves begin or end alike. About the dataset, it reports an"
            " opening of three words and more that at least 2 % of the replies and of the conversations have (often), of two words at 5 % (two),"
            " of one at 10 % (one), in at least 5 conversations (conversations); function words alone need twice that, and one of them is none."
            " Of openings that begin with each other the shortest that is common is named, once, with up to three frequent ways in which it goes on (continues)."
            " A longer one is named in its place if 80 % of its replies have it (nearly); half of them, where the shorter one is function words alone."
            " Duplicates count once.",
            "The first words of a reply are what a model learns first: an opening that is fine once becomes the way every answer begins.",
            "“I completely understand” at the head of three replies out of four.",
        ),
        fires=(
            _chat(
                "Of course, my lord. The gate is open.", "Of course, my dear. Sit.", "Of course, my friend!"
            ),
            _chat("*She smiles softly* Hi.", "She smiles softly. No.", "Rain.", "SHE SMILES SOFTLY, again."),
            _dataset(*["I completely understand number"] * 5),
        ),
        silent=(
            _chat("Of course, my lord.", "Of course, my dear.", "No."),
            _chat("Of course, my lord."),
            _chat("It is a dog.", "It is a cat.", "It is the rain.", "No, thank you, sir."),
            _chat('{"name": "x", "id": 1}', '{"name": "x", "id": 2}', '{"name": "x", "id": 3}'),
            _dataset(*["I completely understand number"] * 4),
        ),
    ),
)
