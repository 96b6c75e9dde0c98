"""The balance as charts: what the component draws, from the same numbers as the frames.

A chart is a list of marks in a unit square with final labels (docs/protocol.md). Its title is a sentence that its numbers make true;
a chart that would show nothing, or one value alone, or that rests on too small a part of the dataset (``said.LEAST``, ``said.FEWEST``), is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ...checks.charts.wording import Chart
from ..distributions import Distributions
from . import lengths, lists, shares

__all__ = ["charts_of"]


def charts_of(balance: Distributions, tables: Iterable[tuple[str, str]] = ()) -> Sequence[Chart]:
    """The charts of a balance beyond those of its index, in the order in which they are shown.

    Args:
        balance: the balance.
        tables: pairs of facets that are drawn one against the other as well, on however little they rest.

    Raises:
        QueryError: if there is no such facet.
    """
    balance.compute()
    drawn: list[Chart | None] = [
        lengths.exchanges(balance),
        lengths.by_role(balance),
        lengths.along(balance, "reply_words", "conversation"),
        lengths.along(balance, "reply_words", "file"),
        shares.user_share(balance),
        shares.dialogue(balance),
        *(shares.stacked(balance, name) for name in ("viewpoint", "tense")),
        shares.crossed(balance, "viewpoint", "tense"),
        *(shares.bars(balance, name) for name in ("speech_marks", "form", "ending")),
        *(lists.phrases(balance, name) for name in ("opening", "closing", "phrase")),
        *(shares.bars(balance, name) for name in ("language", "tag", "source", "format", "copies")),
        *(shares.crossed(balance, *pair, asked=True) for pair in tables),
    ]
    return [chart for chart in drawn if chart is not None]
