"""The list of conversations: those that match a query, in an order, a page at a time."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import polars as pl

from ..core.errors import QueryError
from ..core.query import Query
from ..core.query_terms import sample_of
from ..core.report import Report
from ..core.sampling import drawn
from .review_state_view import decided
from .shortening import shortened
from .thread_view import Payload

TITLE = 80  # characters of a title that are shown
_ORDERS: dict[str, list[str]] = {
    "file": [],
    "findings": ["errors", "warnings", "infos"],
    "turns": ["turns"],
    "words": ["words"],
}


class ConversationList:
    """The conversations of one report.

    Attributes:
        report: the report.
    """

    def __init__(self, report: Report) -> None:
        self.report = report

    def page(self, query: str, sort: str, descending: bool, offset: int, limit: int) -> Payload:
        """One page. By findings, turns or words, those with most come first."""
        frame = self.ordered(query, sort, descending)
        return {
            "query": query,
            "sort": sort,
            "descending": descending,
            "offset": offset,
            "matched": frame.height,
            "total": self._table.height,
            "rows": [
                {
                    "key": f"{row['source']}:{row['index']}",
                    "index": row["index"],
                    "id": shortened(row["id"]),
                    "title": row["title"][:TITLE],
                    **{name: row[name] for name in ("turns", "words", "errors", "warnings", "infos")},
                    **decided(self.report.dataset, row["source"], row["id"]),
                }
                for row in frame.slice(offset, limit).iter_rows(named=True)
            ],
        }

    def ordered(self, query: str, sort: str = "file", descending: bool = False) -> pl.DataFrame:
        """The rows of the index, with numbers of findings, that match a query.

        Raises:
            QueryError: if the query is not understood, or there is no such order.
        """
        frame = self._table
        if query.strip():
            rows = Query(query).conversation_rows(self.report.dataset, self.report)
            if sort == "file" and (sample := sample_of(query)) is not None:
                # A sample is read in the order in which it was drawn: what was read so far is a sample, too.
                wanted = set(rows)
                rows = [row for row in drawn(frame, sample[1]).tolist() if row in wanted]
            frame = frame[rows]
        if sort not in _ORDERS:
            raise QueryError(f"Conversations cannot be sorted by {sort!r}.")
        if _ORDERS[sort]:
            return frame.sort(_ORDERS[sort], descending=not descending, maintain_order=True)
        return frame.reverse() if descending else frame

    @cached_property
    def _table(self) -> pl.DataFrame:
        report = self.report
        height = report.index.conversations.height
        rows = report.findings.placed(report.index).conversations
        severity = report.findings.table["severity"].to_numpy()
        counts = {
            name: np.bincount(rows[(severity == level) & (rows >= 0)], minlength=height)
            for level, name in enumerate(("errors", "warnings", "infos"))
        }
        return report.index.conversations.with_columns(
            pl.Series(name, values, dtype=pl.UInt32) for name, values in counts.items()
        )
