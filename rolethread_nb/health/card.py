"""The card: every measurement, the worst first, and what was looked for and not found."""

from __future__ import annotations

from collections.abc import Iterator
from operator import index
from pathlib import Path
from typing import TYPE_CHECKING

from ..checks.catalogue import rules
from ..core.errors import QueryError
from ..core.model import Conversation
from ..core.report import Report
from . import from_balance, from_findings
from .measurement import LEVELS, Measurement

if TYPE_CHECKING:
    import pandas as pd

    from ..widgets.review import Review


class Card:
    """What was measured in a dataset, in plain sentences. There is no score: each line has its own numbers.

    ``len(card)``, iteration and ``card[0]`` give :class:`Measurement`. Errors come before warnings, notes and measures without a
    judgement; among them what is true of the largest share comes first.

    Attributes:
        report: the report that it was made from.
        clean: families of rules that ran and found nothing.
    """

    def __init__(self, report: Report) -> None:
        self.report = report
        every = [*from_findings.measured(report), *from_balance.measured(report)]
        self._lines = sorted(every, key=lambda one: (LEVELS.index(one.level), -one.share))
        ran = {rule.code for rule in report.rules}
        # A family is clean only if all of it was looked for.
        found = {"rule", *(code.partition(".")[0] for code in report.counts)}
        found |= {rule.family for rule in rules() if rule.code not in ran}
        self.clean = tuple(dict.fromkeys(rule.family for rule in report.rules if rule.family not in found))

    def __len__(self) -> int:
        return len(self._lines)

    def __iter__(self) -> Iterator[Measurement]:
        return iter(self._lines)

    def __getitem__(self, n: int) -> Measurement:
        """A line by its number, from 0; negative ones count from the end.

        Raises:
            QueryError: if there is no such line.
        """
        try:
            return self._lines[index(n)]
        except (TypeError, IndexError):
            last = len(self._lines) - 1
            if last < 0:
                raise QueryError("The card has no line.") from None
            raise QueryError(
                f"A line of the card is asked for by its number, from 0 to {last}, not {n!r}."
            ) from None

    def conversations(self, n: int) -> list[Conversation]:
        """The conversations behind a line, as they were when they were checked; of a finding about the dataset those that it names."""
        found = (self.report.conversation(*place) for place in self[n].places())
        return [one for one in found if one is not None]

    def open(self, n: int) -> Review:
        """The review panel with what is behind a line.

        Raises:
            QueryError: if there is no such line, or no query finds just what is behind it.
        """
        from ..widgets.review import review

        query = self[n].query
        if not query:
            raise QueryError(
                f"No query finds just what is behind this line; card.conversations({n}) has the conversations."
            )
        return review(self.report, filters=query)

    def to_pandas(self) -> pd.DataFrame:
        """One row a line: sentence, level, code, count, of, unit, whole, share (0 to 1), query."""
        import pandas as pd

        names = ["sentence", "level", "code", "count", "of", "unit", "whole", "share", "query"]
        return pd.DataFrame([[getattr(one, name) for name in names] for one in self], columns=names)

    def to_html(self, path: str | Path | None = None) -> str:
        """The card as a part of an HTML page, without scripts; written to ``path`` as well if one is given."""
        from ..outputs.card_view import card_html

        return self._kept(card_html(self), path)

    def to_markdown(self, path: str | Path | None = None) -> str:
        """The card as Markdown; text of the dataset can be neither HTML nor Markdown in it."""
        from ..outputs.card_view import card_markdown

        return self._kept(card_markdown(self), path)

    def _kept(self, text: str, path: str | Path | None) -> str:
        if path is not None:
            from ..outputs.export import refuse_a_source
            from ..outputs.writing import write_atomically

            refuse_a_source(self.report.dataset, Path(path))
            write_atomically(Path(path), [text.encode("utf-8", "replace")], overwrite=True)
        return text

    def _repr_html_(self) -> str:
        return self.to_html()

    def __repr__(self) -> str:
        lines = [f"<Card of {self.report.dataset.name}: {len(self)} measurements>"]
        return "\n".join([*lines, *(f"{_SIGNS[one.level]} {one.sentence}" for one in self)])


_SIGNS = {"error": "■", "warning": "▲", "info": "○", "measure": "·"}
