"""Rules about how long a reply is among the replies of its dataset, and whether it comes to its end."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from ...core.blocks import Block
from ...core.hashing import Words
from ..hashes import summed
from ..rule import DatasetFinding, Page, Rule
from . import endings
from .replied import exchange, place_columns, records, reply_rows

_THRESHOLDS = {"score": 4, "ratio": 4, "most": 0.01, "replies": 30, "spread": 0.25}
_NORMAL = 1.4826  # the median deviation of a normal distribution, times this, is its standard deviation


class _Lengths:
    """Collects the words of every reply with its place, and compares each with the replies under the same system prompt.

    Where fewer than ``replies`` stand under a prompt they are compared with all that do not have a group of their own. Where replies are of
    nearly one length, they are taken to spread by ``spread`` (of the logarithm), so that not every other one is an outlier.
    """

    def __init__(self, score: float, ratio: float, most: float, replies: float, spread: float) -> None:
        self._score, self._ratio, self._most, self._fewest = score, ratio, most, replies
        self._least = spread
        self._parts: list[pl.DataFrame] = []

    def partial(self, block: Block) -> None:
        turns = block.turns
        if not turns.height:
            return
        rows = np.flatnonzero(reply_rows(block) & (turns["words"] > 0).to_numpy())
        if not len(rows):
            return
        conversation = turns["conversation"].to_numpy()[rows]
        self._parts.append(
            pl.DataFrame(
                {
                    **place_columns(block, rows),
                    "words": turns["words"].gather(rows),
                    "prompt": pl.Series(prompts_of(block)[conversation]),
                    "fresh": pl.Series(block.fresh[conversation]),
                    "chars": turns["chars"].gather(rows),
                }
            )
        )

    def finish(self) -> list[DatasetFinding]:
        if not self._parts:
            return []
        replies = pl.concat(self._parts).with_columns(log=pl.col("words").cast(pl.Float64).log())
        count = pl.col("fresh").sum().over("prompt")
        replies = replies.with_columns(prompt=pl.when(count >= self._fewest).then("prompt").otherwise(None))
        return [
            found
            for _, group in replies.group_by("prompt", maintain_order=True)
            for found in self._outliers(group)
        ]

    def _outliers(self, group: pl.DataFrame) -> list[DatasetFinding]:
        fresh = group.filter("fresh")["log"].to_numpy()
        if len(fresh) < self._fewest:
            return []
        middle = float(np.median(fresh))
        spread = max(self._least, _NORMAL * float(np.median(np.abs(fresh - middle))))
        limit = max(self._score * spread, float(np.log(self._ratio)))
        found: list[DatasetFinding] = []
        for code, side in (("reply.short", -1), ("reply.long", 1)):
            beyond = side * (fresh - middle) > limit
            if not 0 < beyond.sum() <= max(1, self._most * len(fresh)):
                continue  # what so many do is another kind of reply, and no outlier
            odd = group.filter(side * (pl.col("log") - middle) > limit)
            found += [
                self._finding(code, row, middle, spread, len(fresh)) for row in odd.iter_rows(named=True)
            ]
        return found

    def _finding(
        self, code: str, row: dict[str, Any], middle: float, spread: float, replies: int
    ) -> DatasetFinding:
        evidence = {
            "turn": row["turn"],
            "words": row["words"],
            "median": round(float(np.exp(middle))),
            "score": round((row["log"] - middle) / spread, 1),
            "threshold": self._score,
            "replies": replies,
        }
        place = (row["source"], row["index"])
        return DatasetFinding(evidence, (), conversation=place, span=(0, row["chars"]), code=code)


def prompts_of(block: Block) -> Words:
    """A hash of the system prompts of each conversation."""
    system = block.turns["role"].is_in(["system", "developer"]).fill_null(False).to_numpy()
    at = block.turns["conversation"].to_numpy()[system]
    return summed(at, block.text_hashes[0][system], len(block))[0]


def _says(evidence: dict[str, Any]) -> str:
    words = f"{evidence['words']:,} {'word' if evidence['words'] == 1 else 'words'}"
    return f"{words}, where replies have {evidence['median']:,} in the middle"


_STORY = " ".join(
    f"{one} came home at night and told nobody where the boat had been" for one in "ABCDEFGHIJKL"
)
_PLAIN = [exchange("What then?", " ".join(_STORY.split()[: 30 + 7 * (n % 6)]) + f" {n}.") for n in range(120)]
_SHORT = exchange("And in the end?", "Yes.")
_LONG = exchange("And in the end?", " ".join([_STORY] * 15))
_DIALOGUE = [exchange("And?", " ".join(_STORY.split()[: 1 + n % 60]) + f" {n}.") for n in range(120)]
_GUARDS = (
    " The words of a reply are compared with the median of those under its system prompt (of the dataset where fewer than 30 stand under it), on a"
    " logarithmic scale, in units of the median deviation (score 4), which is taken to be 0.25 at least (spread), and never if less than 4 times off (ratio). Where over 1 % of the replies are so"
    " far off (most; one always may be), they are another kind of reply and none is reported. Characters of Chinese, Japanese and Korean count as words. Conversations that"
    " occur again count once."
)

RULES: tuple[Rule, ...] = (
    Rule(
        code="reply.short",
        severity="info",
        scope="turn",
        title="A reply far shorter than the others",
        wave=_Lengths,
        thresholds=_THRESHOLDS,
        says=_says,
        where="content",
        page=Page(
            "Finds replies that are far shorter than the others of their dataset." + _GUARDS,
            "Length is among the first things a model learns; a stray one-word reply teaches it to break off at random.",
            '"Yes.", among replies of sixty words.',
        ),
        fires=(records(*_PLAIN, _SHORT),),
        silent=(records(*_PLAIN), records(*_PLAIN, *[_SHORT] * 2, *_DIALOGUE), records(_SHORT, *_PLAIN[:20])),
    ),
    Rule(
        code="reply.long",
        severity="info",
        scope="turn",
        title="A reply far longer than the others",
        wave=_Lengths,
        thresholds=_THRESHOLDS,
        says=_says,
        where="content",
        page=Page(
            "Finds replies that are far longer than the others of their dataset." + _GUARDS,
            "One such reply weighs as much in the loss as fifty others, and often holds what does not belong there: a document, a log, a second story.",
            "A reply of two thousand words, among replies of sixty.",
        ),
        fires=(records(*_PLAIN, _LONG),),
        silent=(records(*_PLAIN), records(_LONG, *_PLAIN[:20]), records(*_DIALOGUE)),
    ),
    *endings.RULES,
)
