"""Rules about conversations that go round in circles."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import polars as pl

from ...core.blocks import Block
from ...core.word_table import Places
from ...language.packs import pack
from ..rule import DatasetFinding, Evidence, Page, Rule
from .loop_candidates import candidates
from .novelty import Signs, signs_of
from .reply_rows import reply_rows

_APOSTROPHES = str.maketrans("\u2019\u02bc", "''")


class _Loops:
    """Looks for replies that say the same again, and for families of phrases that come in every other reply."""

    def __init__(
        self,
        words: float,
        novelty: float,
        run: float,
        alike: float,
        repeated: float,
        replies: float,
        share: float,
        **more: float,
    ) -> None:
        self._least = words
        self._limits = {"novelty": novelty, "run": run, "alike": alike, "repeated": repeated, **more}
        self._replies, self._share = replies, share
        self._families: Mapping[str, Sequence[str]] = pack("en").subjects.get("families", {})
        self._found: list[DatasetFinding] = []

    def partial(self, block: Block) -> None:
        rows = reply_rows(block)
        long = rows[block.turns["words"].to_numpy()[rows] >= self._least]
        soothing = self._soothing(block, rows)
        circles = set(candidates(block, long, self._limits))
        chats = block.turns["conversation"].to_numpy()[rows]
        for at in sorted(circles | soothing.keys()):
            mine = rows[np.searchsorted(chats, at) : np.searchsorted(chats, at, side="right")].tolist()
            signs = self._circle(block, mine) if at in circles else None
            if signs is not None or at in soothing:
                self._found.append(self._finding(block, at, mine, signs, soothing.get(at, {})))

    def _circle(self, block: Block, rows: Sequence[int]) -> Signs | None:
        """How the replies of one conversation go round in circles, if they do."""
        texts = block.turns["text"]
        long = [row for row in rows if block.turns["words"][row] >= self._least]
        return signs_of([(row, texts[row]) for row in long], **self._limits)

    def _soothing(self, block: Block, rows: Places) -> dict[int, dict[str, list[int]]]:
        """The conversations in which a family of phrases comes in so many replies: the rows by family."""
        if not len(rows) or not self._families:
            return {}
        replies = (
            pl.DataFrame(
                {
                    "at": block.turns["conversation"].gather(rows),
                    "row": rows,
                    "text": block.turns["text"].gather(rows),
                }
            )
            .with_columns(all=pl.len().over("at"))
            .filter(pl.col("all") >= self._replies)
        )
        found: dict[int, dict[str, list[int]]] = {}
        for family, phrases in self._families.items():
            either = [*phrases, *(phrase.replace("'", "\u2019") for phrase in phrases if "'" in phrase)]
            met = replies.filter(pl.col("text").str.contains_any(either, ascii_case_insensitive=True))
            often = (
                met.group_by("at", "all")
                .agg("row")
                .filter(
                    (pl.col("row").list.len() >= self._replies)
                    & (pl.col("row").list.len() >= self._share * pl.col("all"))
                )
            )
            for at, rows_ in often.select("at", "row").iter_rows():
                found.setdefault(at, {})[family] = rows_
        return found

    def _finding(
        self,
        block: Block,
        at: int,
        rows: Sequence[int],
        signs: Signs | None,
        families: Mapping[str, list[int]],
    ) -> DatasetFinding:
        turn_of = block.turns["turn"]
        evidence: Evidence = {"replies": len(rows)}
        own = (block.source, block.indices[at])
        involved = sorted(
            {row for rows_ in families.values() for row in rows_} | set(signs.rows if signs else ())
        )
        if signs is not None:
            evidence |= {"sign": signs.kind, "value": round(signs.value, 3), "threshold": signs.threshold}
            row, span = signs.row, signs.span
        else:
            family = max(families, key=lambda name: len(families[name]))
            row = families[family][1]
            span = self._phrase(block.turns["text"][row], family)
            evidence |= {"value": round(len(families[family]) / len(rows), 3), "threshold": self._share}
        if families:
            evidence["families"] = {family: len(rows_) for family, rows_ in families.items()}
        evidence |= {"turn": int(turn_of[row]), "turns": [int(turn_of[one]) for one in involved]}
        related = [(*own, turn) for turn in evidence["turns"] if turn != evidence["turn"]]
        return DatasetFinding(evidence, related, conversation=own, span=span)

    def _phrase(self, text: str, family: str) -> tuple[int, int]:
        """Where a phrase of a family stands first."""
        phrases = "|".join(re.escape(phrase) for phrase in self._families[family])
        found = re.search(phrases, text.translate(_APOSTROPHES), re.IGNORECASE)
        return found.span() if found else (0, 0)

    def finish(self) -> list[DatasetFinding]:
        return self._found


def _says(evidence: Evidence) -> str:
    families = evidence.get("families", {})
    soothes = ", ".join(f"{name} in {count}" for name, count in families.items())
    of_all = f"{soothes} of {evidence['replies']} replies"
    if "sign" not in evidence:
        return of_all[:1].upper() + of_all[1:]
    turns, value = len(evidence["turns"]), evidence["value"]
    said = {
        "novelty": f"{turns} replies on end say little that is new: {value:.0%} of their words",
        "alike": f"Neighbouring replies share {value:.0%} of their words",
        "repeated": f"{value:.0%} of the sentences were said before",
    }[evidence["sign"]]
    return f"{said}; {of_all}" if families else said


def _chat(*replies: str) -> list[dict[str, str]]:
    def turns() -> Iterator[dict[str, str]]:
        for reply in replies:
            yield {"role": "user", "content": "Go on."}
            yield {"role": "assistant", "content": reply}

    return list(turns())


_TROLL = (
    "The troll roars and swings its massive club. You barely dodge as the ground shakes beneath your feet.",
    "The massive troll roars in fury, swings its club, and the ground shakes beneath your feet as you barely dodge.",
    "Roaring, the massive troll swings its club again. The ground shakes beneath your feet, you barely dodge.",
)
_STORY = (
    "The troll roars and swings its massive club. You barely dodge as the ground shakes beneath your feet.",
    "One side of the bridge drops with a groan, and water glitters far below through the gap it leaves behind.",
    "It sniffs. Then, very slowly, the creature lays its weapon down and holds out a palm as broad as a shield.",
)

RULES: tuple[Rule, ...] = (
    Rule(
        code="style.loop",
        severity="warning",
        scope="conversation",
        preview=True,
        title="A conversation that goes round in circles",
        wave=_Loops,
        thresholds={
            "words": 15,
            "novelty": 0.25,
            "run": 3,
            "alike": 0.5,
            "repeated": 0.3,
            "replies": 3,
            "share": 0.5,
            "window": 8,
            "content": 5,
            "nearly": 0.8,
            "sentence": 5,
            "again": 3,
        },
        severity_of=lambda e: "warning" if "sign" in e else "info",
        says=_says,
        where="content",
        page=Page(
            "Looks at the replies of at least 15 words (threshold words) of a conversation that has three of them, in every language; code, verse and lists aside. A"
            " loop is: three on end (run) of whose content words less than 25 % (novelty) are new against the 8 before (window); two"
            " pairs of neighbours that share over 50 % (alike, Jaccard index) of their content words, or one that shares 80 % (nearly); or over 30 %"
            " (repeated) of the sentences of 5 words and more (sentence) said before, 3 at least (again). Replies of fewer than 5 content words (content) are passed over. In English, it also looks for phrases that apologise, reassure, understand or"
            " caress: one family in at least 3 replies (replies) and half of them (share). Alone that is an info. A script without blanks is"
            " read in pairs of characters. Duplicates count once.",
            "A model that sees the scene stand still learns to stand still: it comforts, apologises and describes the same thing again, and"
            " long chats collapse into one reply.",
            "Three replies in which the troll roars, swings its club and is barely dodged.",
        ),
        fires=(
            _chat(*_TROLL),
            _chat(
                "Oh no! I'm sorry to hear that.",
                "I\u2019m so sorry.",
                "Well, I am sorry, what can one do?",
                "No.",
            ),
        ),
        silent=(
            _chat(*_STORY),
            _chat("Yes, sir.", "Yes, sir.", "Yes, sir."),
            _chat("I'm sorry to hear that.", "I'm so sorry.", "What can one do?", "Nothing.", "A lot."),
        ),
    ),
)
