"""The balance charts."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from ..core.dataset import Dataset
from ..core.errors import QueryError
from ..core.report import Report
from ..outputs.recording import Recording
from ..outputs.static import charts_html
from ..outputs.views import ReviewView
from ._base import ReportComponent, as_json, as_report, bundle


class Balance(ReportComponent):
    """What the dataset is made of and how it is told: lengths, speakers, dialogue, openings, findings, one idea a chart.

    A chosen mark is written into ``filters`` as a query, and the other charts are drawn for it. Every text is read once for it.

    Args:
        shown: a dataset (which is checked) or a report.
        tables: pairs of facets (see :attr:`Distributions.facets`) that are drawn one against the other as well:
            ``[("opening", "source")]`` for rows and columns.

    Raises:
        QueryError: if there is no such facet, or something in ``tables`` is no pair.
    """

    _esm = bundle("balance")["_esm"]
    _css = bundle("balance")["_css"]

    def __init__(
        self, shown: Dataset | Report, *, tables: Iterable[tuple[str, str]] = (), **traits: Any
    ) -> None:
        report = as_report(shown)
        super().__init__(report, ReviewView(report, whole_balance=True, tables=_pairs(tables)), **traits)
        self.state = as_json(self._drawn(""))

    def _drawn(self, query: str) -> dict[str, Any]:
        return {
            "charts": self._view.charts(query),
            "empty": "No conversations, so nothing to weigh.",
        }

    def _saved(self, recording: Recording) -> tuple[Any, str]:
        return self._drawn(self.filters), "This file holds the charts. Filtering them needs the notebook."

    def _static_html(self) -> str:
        return charts_html(json.loads(self.state)["charts"])


def _pairs(tables: Iterable[Any]) -> list[tuple[str, str]]:
    """The pairs of facets, each once."""
    found: dict[tuple[str, str], None] = {}
    for one in tables:
        if isinstance(one, str) or len(one) != 2:
            raise QueryError(f'tables takes pairs of facets such as [("opening", "source")], not {one!r}.')
        found[str(one[0]), str(one[1])] = None
    return list(found)
