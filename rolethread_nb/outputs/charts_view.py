"""Charts for the components: of a report, or of the part of it that a query lets through."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import polars as pl

from ..balance import Distributions
from ..balance.charts import charts_of
from ..checks.charts import charts
from ..core.query import Query
from ..core.report import Report
from .shortening import shortened_each

_KEPT = 8  # queries

Payload = dict[str, Any]


class ChartsView:
    """The charts of one report. Those of the last few queries are kept.

    Args:
        report: the report.
        whole: all of the balance, for which every text is read once; else what is known without.
        tables: pairs of facets that are drawn one against the other as well, where all of the balance is drawn.
    """

    def __init__(
        self, report: Report, *, whole: bool = False, tables: Sequence[tuple[str, str]] = ()
    ) -> None:
        self._report = report
        self._tables = tables
        self._balance = Distributions(report.dataset, report=report) if whole else None
        self._known: OrderedDict[str, list[Payload]] = OrderedDict()

    def charts(self, query: str = "") -> list[Payload]:
        """The charts of the conversations that match a query.

        Raises:
            QueryError: if the query is not understood.
        """
        query = query.strip()
        if query not in self._known:
            self._known[query] = self._drawn(query)
            while len(self._known) > _KEPT:
                self._known.popitem(last=False)
        self._known.move_to_end(query)
        return self._known[query]

    def _drawn(self, query: str) -> list[Payload]:
        index = self._report.index
        turns = index.turns.with_columns(pl.col("role", "speaker", "kind").cast(pl.String))
        conversations = index.conversations.with_row_index("conversation").join(
            index.system_heads, on="system", how="left", maintain_order="left"
        )
        counts = self._report.counts
        if query:
            rows = Query(query).conversation_rows(self._report.dataset, self._report)
            wanted = pl.Series(rows, dtype=pl.UInt32).implode()
            conversations = conversations.filter(pl.col("conversation").is_in(wanted))
            turns = turns.filter(pl.col("conversation").is_in(wanted))
            counts = self._counts(query)
        severities = {rule.code: rule.severity for rule in self._report.rules}
        light = charts(turns, conversations, counts, severities)
        if self._balance is None:
            return [shortened_each(chart) for chart in light]
        # What the index shows comes first, under headings of its own.
        # Lengths are those of the balance there, which counts replies and no calls or rejected answers.
        lengths = ("exchanges", "reply_words", "user_words")
        named = [{"group": "Shape", **chart} for chart in light if chart["id"] not in lengths]
        balance = self._balance.narrowed(query) if query else self._balance
        return [shortened_each(chart) for chart in (*named, *charts_of(balance, self._tables))]

    def _counts(self, query: str) -> dict[str, int]:
        """Findings by code among those that match."""
        rules = self._report.findings.table.filter(pl.Series(Query(query).finding_mask(self._report)))["rule"]
        found = dict(rules.value_counts().iter_rows())
        return {rule.code: found[n] for n, rule in enumerate(self._report.rules) if n in found}
