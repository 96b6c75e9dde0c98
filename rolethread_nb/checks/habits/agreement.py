"""Rules about replies that always give way."""

from __future__ import annotations

import polars as pl

from ...core.blocks import Block
from ...core.wording import plural
from ...language.packs import pack
from ...language.phrases import alternatives, english, holds_any
from ..rule import RELATED_LIMIT, DatasetFinding, Page, Rule
from .replied import exchange, place_columns, records, reply_rows

_HEAD = 80  # characters of a reply in which it agrees


class _Agreement:
    """Counts English replies that begin by agreeing, and beside them those that ask or bring something of their own."""

    def __init__(self, share: float, replies: float) -> None:
        self._share, self._fewest = share, replies
        self._replies = self._agreeing = self._leading = 0
        self._places: list[pl.DataFrame] = []

    def partial(self, block: Block) -> None:
        if not block.turns.height:
            return
        fresh = block.fresh[block.turns["conversation"].to_numpy()]
        rows = (reply_rows(block) & fresh & pack("en").spoken(block.words)).nonzero()[0]
        text = block.turns["text"].gather(rows)
        agrees = rf"(?i)^\W*{alternatives(english('balance', 'agreement'))}(?:[\s,.!?…;:)\-–—]|$)"
        agreeing = text.str.slice(0, _HEAD).str.contains(agrees)
        self._replies += len(text)
        self._agreeing += int(agreeing.sum())
        self._leading += _leading(text)
        if agreeing.any():
            places = place_columns(block, rows[agreeing.to_numpy()])
            self._places.append(pl.DataFrame(places).head(RELATED_LIMIT))

    def finish(self) -> list[DatasetFinding]:
        if self._replies < self._fewest or self._agreeing <= self._share * self._replies:
            return []
        evidence = {
            "count": self._agreeing,
            "replies": self._replies,
            "share": round(self._agreeing / self._replies, 3),
            "threshold": self._share,
            "leading": round(self._leading / self._replies, 3),
        }
        return [DatasetFinding(evidence, pl.concat(self._places).head(RELATED_LIMIT).rows())]


def _leading(texts: pl.Series) -> int:
    """How many replies ask, or bring something of their own."""
    asks = texts.str.contains(r"[?？]")
    words = english("balance", "initiative")
    others = texts.filter(~asks)
    others = others.to_frame("text").filter(holds_any(pl.col("text"), words))["text"]
    return int(asks.sum()) + int(others.str.contains(rf"(?i)\b{alternatives(words)}\b").sum())


_STEPS = [exchange(f"I open door {n}.", f"Behind door {n} the floor is gone.") for n in range(30)]
_YES = [
    exchange(f"I open door {n} and then the next.", f"Of course! You open door {n}, as you wish.")
    for n in range(30)
]

RULES: tuple[Rule, ...] = (
    Rule(
        code="balance.agreement",
        severity="info",
        scope="dataset",
        title="Replies mostly agree",
        wave=_Agreement,
        thresholds={"share": 0.35, "replies": 30},
        says=lambda e: (
            f"{e['count']:,} of {plural(e['replies'], 'English reply').replace('replys', 'replies')} begin by agreeing; {e['leading']:.0%} ask or"
            " propose something"
        ),
        page=Page(
            "Finds datasets over 35 % (share) of whose English replies (at least 30) begin by agreeing: yes, sure, of course, great idea. Beside it stands"
            " the share of replies that ask a question or bring something of their own. Conversations that occur again count once. The words stand in the"
            " language pack (balance.toml).",
            "A character that never says no has no will, and a model that learned to agree agrees with what is wrong.",
            "Of course! Great idea!",
            "There is no automatic repair. Add replies that hesitate, object and propose.",
        ),
        fires=(records(*_STEPS, *_YES),),
        silent=(records(*_STEPS, *_YES[:10]), records(*_YES[:20]), records(*_STEPS)),
    ),
)
