"""How long the conversations of a dataset are, and how many of them a length limit cuts or drops."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np

from ..core.errors import QueryError

# As TRL calls them. `drop` takes a conversation out that is too long (Axolotl's default).
Strategy = Literal["keep_start", "keep_end", "drop"]

# By what settings call it; of Unsloth and KTO, which have no setting for it, by their own names.
_STRATEGIES: Mapping[str, Strategy] = {
    "keep_start": "keep_start",
    "keep_end": "keep_end",
    "truncate": "keep_start",
    "drop": "drop",
    "unsloth": "keep_start",
    "trl-kto": "keep_start",
}

Counts = np.ndarray[Any, np.dtype[np.int64]]


def strategy_in(settings: Mapping[str, Any], target: str) -> Strategy | None:
    """What a trainer with these settings does with a conversation over its limit; None where it is none of these."""
    if settings.get("packing"):
        return None
    named = settings.get("excess_length_strategy", settings.get("truncation_mode", target))
    return _STRATEGIES.get(str(named))


class Quantiles(NamedTuple):
    """Lengths, in tokens, that so many percent of the conversations do not exceed; each is the length of one of them."""

    p50: int
    p90: int
    p95: int
    p99: int
    longest: int


class AtLimit(NamedTuple):
    """What a limit does to a dataset: numbers of conversations, and of tokens.

    Attributes:
        longer: conversations above the limit.
        cut: of those, the ones that are left in part; 0 with ``drop``.
        clipped: of those, the ones that lose trained tokens and keep some.
        dropped: conversations that are taken out: too long with ``drop``, without a trained token with any strategy.
        tokens: tokens that are left.
    """

    longer: int
    cut: int
    clipped: int
    dropped: int
    tokens: int


@dataclass(frozen=True)
class Lengths:
    """How long the conversations of a dataset are, and between which tokens they are trained: enough to ask for any limit.

    Attributes:
        tokens: tokens of each conversation.
        first_trained: number of its first trained token, from 0; -1 where none is trained.
        last_trained: number of its last trained token; -1 where none is trained.
        strategy: what the trainer does with a conversation over the limit; None where it is none of these.
    """

    tokens: Counts
    first_trained: Counts
    last_trained: Counts
    strategy: Strategy | None = "keep_start"

    def quantiles(self) -> Quantiles | None:
        """How long the conversations are; None without any."""
        if not len(self.tokens):
            return None
        found = np.quantile(self.tokens, (0.5, 0.9, 0.95, 0.99, 1), method="inverted_cdf")
        return Quantiles(*map(int, found))

    def at(self, limit: int) -> AtLimit:
        """What a limit does to the dataset; quick enough to be asked by a slider.

        Raises:
            ValueError: the limit is below 1.
            QueryError: the trainer cuts in another way than at one end (LLaMA-Factory shares the limit out between questions and
                answers; packing).
        """
        if limit < 1:
            raise ValueError(f"A length limit is at least 1 token, not {limit}.")
        strategy = self.strategy
        if strategy is None:
            raise QueryError(
                "What another limit would do is not known from the lengths here, as the trainer does not cut at one end only;"
                f" ds.preflight(max_tokens={limit}) says it."
            )
        longer = self.tokens > limit
        start = np.maximum(self.tokens - limit, 0) if strategy == "keep_end" else np.zeros_like(self.tokens)
        stop = self.tokens if strategy == "keep_end" else np.minimum(self.tokens, limit)
        dropped = (self.last_trained < start) | (self.first_trained >= stop) | (self.last_trained < 0)
        if strategy == "drop":
            dropped |= longer
        loses = (self.first_trained < start) | (self.last_trained >= stop)
        left = ~dropped
        return AtLimit(
            longer=int(np.count_nonzero(longer)),
            cut=int(np.count_nonzero(longer & left)),
            clipped=int(np.count_nonzero(longer & left & loses)),
            dropped=int(np.count_nonzero(dropped)),
            tokens=int((stop - start)[left].sum()),
        )
