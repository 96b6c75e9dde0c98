"""Drift: a way of telling that changes within a conversation, or differs from the dataset's.

A turn is decided for one way or another, or for none. Where turns of one conversation are decided differently, those of the rarer way
are named (the later ones, where neither is rarer); where a conversation is told throughout in another way than nearly all of the dataset,
its first decided turn is.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence

import polars as pl

from ...core.blocks import Block
from ...core.model import Span
from ..rule import RELATED_LIMIT, DatasetFinding, Evidence
from .narrated import plain, told_replies, told_sentences

_SHOWN = 5  # so many deciding sentences of a turn are kept


class Drift:
    """The wave of a drift rule.

    Args:
        ways: the two ways, for example ``("first", "third")``.
        decide: the narrated replies of a block with the columns ``way`` (null: undecided) and ``hits``.
        mark: the pattern that decides for each way, to find the sentences.
        limits: what decides a turn, as its finding shows it beside ``hits``.
        share: a dataset is told in one way if so large a share of its decided turns are.
        turns: fewer decided turns make no such dataset.
    """

    def __init__(
        self,
        ways: tuple[str, str],
        decide: Callable[[pl.DataFrame], pl.DataFrame],
        mark: dict[str, re.Pattern[str]],
        limits: Evidence,
        share: float,
        turns: float,
    ) -> None:
        self._ways, self._decide, self._mark = ways, decide, mark
        self._limits, self._share, self._fewest = limits, share, turns
        self._found: list[DatasetFinding] = []
        self._decided: Counter[str] = Counter()
        self._told: dict[str, list[tuple[tuple[int, int], int, Span, int]]] = {way: [] for way in ways}
        self._conversations: Counter[str] = Counter()

    def partial(self, block: Block) -> None:
        told = told_replies(block)
        if not told.height:
            return
        decided = self._decide(told).filter(pl.col("way").is_not_null())
        if not decided.height:
            return
        for way, count in decided.filter("fresh").group_by("way").len().iter_rows():
            self._decided[way] += count
        ways = pl.col("way").n_unique().over("conversation")
        for _, turns in decided.filter(ways > 1).group_by("conversation", maintain_order=True):
            self._drifts(block, turns.rows(named=True))
        alike = decided.filter((ways == 1) & pl.col("fresh")).unique(
            "conversation", keep="first", maintain_order=True
        )
        for row in alike.iter_rows(named=True):
            self._conversations[row["way"]] += 1
            kept = self._told[row["way"]]
            if len(kept) < RELATED_LIMIT:
                spans = self._spans(row)
                place = (block.source, block.indices[row["conversation"]])
                kept.append((place, row["turn"], spans[0], row["hits"]))

    def _drifts(self, block: Block, turns: Sequence[dict[str, object]]) -> None:
        """The findings of one conversation that is told in both ways."""
        counts = Counter(str(row["way"]) for row in turns)
        first = str(turns[0]["way"])
        rare = min(self._ways, key=lambda way: (counts[way], way == first))
        other = next(row for row in turns if row["way"] != rare)
        beside = self._spans(other)[0]
        place = (block.source, block.indices[int(str(turns[0]["conversation"]))])
        for row in turns:
            if row["way"] != rare:
                continue
            spans = self._spans(row)
            evidence: Evidence = {
                "turn": row["turn"],
                "way": rare,
                "hits": row["hits"],
                **self._limits,
                "sentences": [list(span) for span in spans[:_SHOWN]],
                "against": "conversation",
                "other": str(other["way"]),
                "other_turn": other["turn"],
                "other_span": list(beside),
            }
            self._found.append(DatasetFinding(evidence, (), conversation=place, span=spans[0]))

    def _spans(self, row: dict[str, object]) -> list[Span]:
        """The sentences that decide a turn; the turn as a whole if none does alone."""
        text = str(row["text"])
        read, pattern = plain(text), self._mark[str(row["way"])]
        found = [span for span in told_sentences(text) if pattern.search(read, span.start, span.end)]
        return found or [Span(0, len(text))]

    def finish(self) -> list[DatasetFinding]:
        return [*self._found, *self._against_the_dataset()]

    def _against_the_dataset(self) -> list[DatasetFinding]:
        total = sum(self._decided.values())
        if not total or total < self._fewest:
            return []
        main, count = self._decided.most_common(1)[0]
        if count < self._share * total:
            return []
        rare = next(way for way in self._ways if way != main)
        shared: Evidence = {
            "way": rare,
            "against": "dataset",
            "other": main,
            "share": round(count / total, 4),
            "threshold": self._share,
            "turns": total,
            "conversations": self._conversations[rare],
        }
        return [
            DatasetFinding({"turn": turn, "hits": hits, **shared}, (), conversation=place, span=span)
            for place, turn, span, hits in self._told[rare]
        ]
