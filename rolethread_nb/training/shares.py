"""How the loss is spread over the roles, the speakers, the openings and the conversations of a dataset."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any, Literal, get_args

import numpy as np
import polars as pl

from ..core.errors import QueryError
from ..core.model import Conversation, Message
from .targets.target import Forecast, Judge
from .tokens import Tokens

By = Literal["role", "speaker", "opening", "conversation"]

_OPENING = 3  # words

Counts = np.ndarray[Any, np.dtype[np.int64]]


def shares(
    by: By,
    frame: pl.DataFrame,
    conversation_at: Callable[[int, int], Conversation | None],
    judge: Judge,
    tokens: Tokens,
) -> pl.DataFrame:
    """See `Preflight.shares`.

    Args:
        by: what to add up.
        frame: the verdicts of one trainer.
        conversation_at: gives the conversation of a source and index.
        judge: the trainer's.
        tokens: how tokens are counted.

    Raises:
        QueryError: if ``by`` is not known.
    """
    if by not in get_args(By):
        raise QueryError(f"The loss cannot be added up by {by!r}, only by {', '.join(get_args(By))}.")
    taken = frame.filter(
        pl.col("outcome").is_in(["taken", "altered"]) & pl.col("trained_tokens").is_not_null()
    )
    if by == "conversation":
        found = taken.select(
            "source",
            "index",
            pl.col("id").alias(by),
            pl.col("tokens").cast(pl.Int64),
            pl.col("kept_tokens").cast(pl.Int64).alias("kept"),
            pl.col("trained_tokens").cast(pl.Int64).alias("trained"),
        )
    else:
        sums: dict[str | None, Counts] = defaultdict(lambda: np.zeros(3, dtype=np.int64))
        for place in taken.select("source", "index").iter_rows():
            conversation = conversation_at(*place)
            assert conversation is not None
            for name, counts in _of_conversation(by, conversation, judge(conversation), tokens):
                sums[name] += counts
        columns = dict(
            zip(("tokens", "kept", "trained"), np.array([*sums.values()]).reshape(-1, 3).T, strict=True)
        )
        found = pl.DataFrame({by: pl.Series(list(sums), dtype=pl.String), **columns})
    share = pl.when(pl.col("kept") > 0).then(pl.col("trained") / pl.col("kept"))
    of_loss = pl.when(pl.col("trained").sum() > 0).then(pl.col("trained") / pl.col("trained").sum())
    return found.with_columns(share=share, of_loss=of_loss).sort(
        "trained", "tokens", descending=True, maintain_order=True
    )


def _of_conversation(
    by: By, conversation: Conversation, forecast: Forecast, tokens: Tokens
) -> Iterator[tuple[str | None, Counts]]:
    """Tokens, kept ones and trained ones of each turn and of what stands around the turns."""
    if forecast.text is None:
        return
    starts = np.fromiter((span.start for span in tokens.spans(forecast.text)), dtype=np.int64)
    kept = np.zeros(len(starts), dtype=bool)
    count = forecast.kept_tokens or 0
    from_end = forecast.kept is not None and forecast.kept.start > 0
    kept[len(starts) - count if from_end else 0 : len(starts) if from_end else count] = True
    trained = kept & _within(starts, [(span.start, span.end) for span in forecast.trained])
    messages = conversation.messages
    spoken = [one for one in forecast.located if one.turn < len(messages)]
    turn = np.full(len(starts), -1, dtype=np.int64)
    for one in spoken:
        for start, end in one.spans:
            turn[np.searchsorted(starts, start) : np.searchsorted(starts, end)] = one.turn
    for at in np.unique(turn):
        here = turn == at
        name = _name_of(by, messages[at]) if at >= 0 else None
        yield name, np.array([here.sum(), (here & kept).sum(), (here & trained).sum()])


def _within(starts: Counts, stretches: list[tuple[int, int]]) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Which positions lie in one of some stretches, which are in order and apart from each other."""
    inside = np.zeros(len(starts), dtype=bool)
    for start, end in stretches:
        inside[np.searchsorted(starts, start) : np.searchsorted(starts, end)] = True
    return inside


def _name_of(by: By, message: Message) -> str | None:
    if by == "speaker":
        return message.name
    if by == "role":
        return message.role or message.role_raw
    words = message.text.split(None, _OPENING)[:_OPENING]
    return " ".join(words).lower() if message.role == "assistant" and words else None
