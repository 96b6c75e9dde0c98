"""Verdicts as columns: what is known of a preflight at one moment, and the numbers that follow from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import polars as pl

from ..core.model import Conversation
from ..core.turns import encodable
from .lengths import Lengths, Strategy
from .targets.target import OUTCOMES, Forecast

VERDICTS: dict[str, Any] = {
    "source": pl.Int32,
    "index": pl.Int64,
    "id": pl.String,
    "target": pl.String,
    "outcome": pl.Enum(OUTCOMES),
    "tokens": pl.UInt32,
    "kept_tokens": pl.UInt32,
    "trained_tokens": pl.UInt32,
    "first_trained": pl.Int64,
    "last_trained": pl.Int64,
    "title": pl.String,
}
REASONS: dict[str, Any] = {
    "source": pl.Int32,
    "index": pl.Int64,
    "id": pl.String,
    "target": pl.String,
    "code": pl.String,
    "outcome": pl.Enum(OUTCOMES),
    "turn": pl.Int32,
    "says": pl.String,
}

_ROWS = 5_000  # that are kept as rows before they become columns
_TITLE = 80  # characters of a title that are kept


@dataclass(frozen=True)
class Verdicts:
    """What is known at one moment.

    Attributes:
        targets: names of the trainers, in their order.
        frame: one row a conversation and trainer, with the columns of `VERDICTS`.
        reasons: one row a reason, with the columns of `REASONS`.
    """

    targets: Sequence[str]
    frame: pl.DataFrame
    reasons: pl.DataFrame

    @cached_property
    def numbers(self) -> pl.DataFrame:
        """By trainer: conversations, taken, altered, dropped, refused, tokens, kept_tokens, trained_tokens, longest, share."""
        stays = pl.col("outcome").is_in(["taken", "altered"])
        counted = self.frame.group_by("target").agg(
            pl.len().alias("conversations"),
            *[(pl.col("outcome") == outcome).sum().alias(outcome) for outcome in OUTCOMES],
            pl.col("tokens").cast(pl.UInt64).sum(),
            *[
                pl.col(name).cast(pl.UInt64).filter(stays).sum().alias(name)
                for name in ("kept_tokens", "trained_tokens")
            ],
            pl.col("tokens").max().alias("longest"),
        )
        share = pl.when(pl.col("kept_tokens") > 0).then(pl.col("trained_tokens") / pl.col("kept_tokens"))
        order = pl.DataFrame({"target": list(self.targets)})
        return order.join(counted, on="target", how="left", maintain_order="left").with_columns(share=share)

    @cached_property
    def causes(self) -> pl.DataFrame:
        """How often each reason occurs: target, code, outcome, conversations, an example's sentence; the worst and commonest first."""
        place = pl.struct("source", "index")
        return (
            self.reasons.group_by("target", "code", "outcome", maintain_order=True)
            .agg(place.n_unique().alias("conversations"), pl.col("says").first(), pl.col("id").first())
            .sort(
                pl.col("target").replace_strict({name: at for at, name in enumerate(self.targets)}),
                pl.col("outcome").to_physical(),
                "conversations",
                descending=[False, True, True],
                maintain_order=True,
            )
        )

    def lengths(self, target: str, strategy: Strategy | None) -> Lengths:
        """How long the conversations are that a trainer renders, which does so with those over its limit."""
        rows = self.frame.filter((pl.col("target") == target) & pl.col("tokens").is_not_null())
        tokens, first, last = (
            rows[column].cast(pl.Int64).to_numpy() for column in ("tokens", "first_trained", "last_trained")
        )
        return Lengths(tokens, first, last, strategy)


class Collected:
    """Verdicts as they come in. What is held is put in place at once, so that an interrupt leaves all of it or nothing."""

    def __init__(self, targets: Sequence[str]) -> None:
        self._targets = targets
        self._held = _Held((_columns(()),))
        self._known: tuple[_Held, Verdicts] | None = None

    @property
    def conversations(self) -> int:
        """How many conversations have a verdict of every trainer."""
        return self._held.conversations

    def add(self, judged: Sequence[tuple[Conversation, Mapping[str, Forecast]]]) -> None:
        """Take what the trainers say of some conversations."""
        piece = _Rows([], [])
        for conversation, forecasts in judged:
            title, own = encodable(conversation.title[:_TITLE]), encodable(conversation.id)
            for target, forecast in forecasts.items():
                place = (conversation.source_index, conversation.index, own, target)
                counts = (forecast.tokens, forecast.kept_tokens, forecast.trained_tokens)
                piece.verdicts.append((*place, forecast.outcome, *counts, *forecast.trained_range, title))
                piece.reasons.extend(
                    (*place, one.code, one.outcome, one.turn, encodable(one.says)) for one in forecast.reasons
                )
        held = self._held
        columns, rows = held.columns, (*held.rows, piece)
        if sum(len(one.verdicts) for one in rows) >= _ROWS:
            columns, rows = (*columns, _columns(rows)), ()
        self._held = _Held(columns, rows, held.conversations + len(judged))

    def so_far(self) -> Verdicts:
        """What is known now."""
        held = self._held
        if self._known is None or self._known[0] is not held:
            parts = (*held.columns, _columns(held.rows))
            frame, reasons = (pl.concat([part[at] for part in parts]) for at in (0, 1))
            self._known = held, Verdicts(self._targets, frame, reasons)
        return self._known[1]


_Columns = tuple[pl.DataFrame, pl.DataFrame]


class _Rows(NamedTuple):
    """Verdicts and reasons of some conversations."""

    verdicts: list[tuple[Any, ...]]
    reasons: list[tuple[Any, ...]]


class _Held(NamedTuple):
    """All that was taken, the older of it as columns."""

    columns: tuple[_Columns, ...]
    rows: tuple[_Rows, ...] = ()
    conversations: int = 0


def _columns(rows: Sequence[_Rows]) -> _Columns:
    verdicts, reasons = ([row for one in rows for row in one[at]] for at in (0, 1))
    return (
        pl.DataFrame(verdicts, schema=VERDICTS, orient="row"),
        pl.DataFrame(reasons, schema=REASONS, orient="row"),
    )
