"""The balance of a dataset as chart payloads: what is counted, how it is binned, and the sentence that says it.

A chart is a list of marks in a unit square with final labels (docs/protocol.md), so that whatever draws it only places
rectangles. Every mark carries the query that finds the turns or conversations it counts; where the query language
cannot say it ("29 more speakers") the filter is empty.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from .bars import findings_by_code, roles, speakers, system_prompts
from .histograms import EXCHANGES, REPLIES, USER_TURNS, Spread, histogram
from .wording import Chart

__all__ = ["Chart", "charts"]


def charts(
    turns: pl.DataFrame,
    conversations: pl.DataFrame,
    findings: Mapping[str, int],
    severities: Mapping[str, str],
) -> list[Chart]:
    """Return the chart payloads of a dataset, or of the part of it that a query selects.

    `turns` has one row a message (`role`, `speaker`, `words` are read), `conversations` one row a conversation
    (`exchanges`, `system`, `system_head`). `findings` counts by code, `severities` names the severity of a code.
    A chart that would have nothing to show is left out; nothing at all gives an empty list.
    """
    words = turns.group_by("role", pl.col("words").fill_null(0).cast(pl.Int64).alias("value")).agg(
        pl.len().cast(pl.Int64).alias("count")
    )
    exchanges = conversations.group_by(pl.col("exchanges").fill_null(0).cast(pl.Int64).alias("value")).agg(
        pl.len().cast(pl.Int64).alias("count")
    )
    drawn = [
        roles(words),
        histogram("exchanges", Spread(exchanges), EXCHANGES),
        histogram("reply_words", Spread(words.filter(pl.col("role") == "assistant")), REPLIES),
        histogram("user_words", Spread(words.filter(pl.col("role") == "user")), USER_TURNS),
        system_prompts(conversations),
        findings_by_code(findings, severities),
        speakers(turns),
    ]
    return [chart for chart in drawn if chart is not None]
