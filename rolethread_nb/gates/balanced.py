"""Numbers of the balance for gates: ``reply_words.q90``, ``speaker.top_share``, and how often a value occurs, ``viewpoint.second``, or
one of a range, ``reply_words:..4``."""

from __future__ import annotations

import math
import re
from collections.abc import Hashable, Iterable, Sequence
from difflib import get_close_matches
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ..balance import Distributions
from ..balance.terms import exact_term, units_having, values_of
from ..checks.catalogue import rule
from ..core.errors import QueryError, StalePlanError
from ..core.query_terms import Term, parse, range_of
from ..core.word_table import Flags
from .measured import Measured, not_measured, share_of
from .ran import why_not
from .reading import Gate
from .wording import beside

if TYPE_CHECKING:
    import pandas as pd

    from ..balance.facet import Facet
    from ..core.report import Report

# The facet that every reply has a value of, and the query that finds them all.
_OF_REPLIES = "reply_number"
REPLIES = f"{_OF_REPLIES}:1.."
_OF_NUMBERS = ("count", "missing", "min", "q05", "q25", "median", "q75", "q95", "max", "mean")
_NUMBERS_SAID = "count, missing, min, median, max, mean, and q01 to q99"
_QUANTILE = re.compile(r"q(\d{1,3}(?:\.\d{1,3})?)", re.ASCII)
_OF_CATEGORIES = ("count", "missing", "distinct", "effective", "top_share", "top3_share")


class Balance:
    """The balance of what a report is about, made when a gate first asks for it.

    Args:
        report: the report.
        gates: all gates, so that their facets are computed in one pass.
    """

    def __init__(self, report: Report, gates: Sequence[Gate]) -> None:
        self._report = report
        self._wanted = {re.split("[.:]", gate.measure, maxsplit=1)[0] for gate in gates}
        if any(gate.measure == "replies" or gate.of == "replies" for gate in gates):
            self._wanted.add(_OF_REPLIES)

    def knows(self, name: str) -> bool:
        """Whether a name begins with that of a facet."""
        return name.partition(".")[0] in self._about

    def is_number(self, name: str) -> bool:
        """Whether a facet is a number, so that ranges of it can be asked for."""
        return name in self._about and self._about[name]["kind"] == "number"

    @property
    def names(self) -> list[str]:
        """The names of all numbers."""
        return [
            f"{facet}.{number}"
            for facet, about in self._about.items()
            for number in (_OF_NUMBERS if about["kind"] == "number" else _OF_CATEGORIES)
        ]

    @cached_property
    def _made(self) -> Distributions:
        if self._report.dataset.edits is not self._report.edits:
            raise StalePlanError(
                "The dataset has changed since it was checked; check it again for its gates."
            )
        made = Distributions(self._report.dataset, report=self._report)
        return made.compute(name for name in made.facets["name"] if name in self._wanted)

    @cached_property
    def _about(self) -> dict[Hashable, dict[Hashable, Any]]:
        return self._made.facets.set_index("name").to_dict("index")

    def replies(self) -> Flags:
        """Which turns of the report's index are replies: texts of the assistant that may be trained on, as the balance counts them."""
        gathered = self._made.selection(_OF_REPLIES).gathered
        found = np.zeros(self._report.index.turns.height, dtype=bool)
        found[gathered.rows("reply")] = True
        return found

    def measure(self, gate: Gate) -> Measured:
        """The number that a gate is about.

        Raises:
            QueryError: if the facet has no such number.
        """
        if gate.where:
            raise gate.refused("'where' is about findings; this is none of them.")
        facet, _, of = gate.measure.partition(".")
        kind = self._about[facet]["kind"]
        known = _OF_NUMBERS if kind == "number" else _OF_CATEGORIES
        if of in known or (kind == "number" and _QUANTILE.fullmatch(of)):
            return self._number(facet, of, gate)
        if kind == "number" or not of:
            near = get_close_matches(of, known, 1)
            there = _NUMBERS_SAID if kind == "number" else ", ".join(known)
            hint = f"did you mean {facet}.{near[0]}?" if near else f"there are {there}."
            said = f"{facet} has no number {of!r}" if of else f"{facet} is no number itself; say which of it"
            raise gate.refused(f"{said}; {hint}")
        return self._value(facet, of, gate)

    def _number(self, facet: str, of: str, gate: Gate) -> Measured:
        if gate.of:
            raise gate.refused("'share' is about findings and values; say 'max' or 'min'.")
        self._refuse_beyond(facet, of, gate)
        quantile = self.is_number(facet) and of not in _OF_NUMBERS
        value = self._quantile(facet, of, gate) if quantile else self._made.described(facet)[of]
        if value is None:
            return not_measured(f"nothing has a {facet}")
        query, rows = self._behind(facet, of, gate)
        edges = [edge for edge in (gate.most, gate.least) if edge is not None]
        return Measured(value, beside(value, edges), query, rows)

    def _quantile(self, facet: str, of: str, gate: Gate) -> int | None:
        """The smallest value that so large a share does not exceed; None of nothing."""
        percent = Fraction(of[1:])
        if not 0 < percent < 100:
            raise gate.refused(f"a quantile goes from q01 to q99 (q99.9 has a decimal), so there is no {of}.")
        values = np.sort(self._made.selection(facet).pairs(self._made.facet(facet))[1])
        return int(values[math.ceil(percent * len(values) / 100) - 1]) if len(values) else None

    def _refuse_beyond(self, facet: str, of: str, gate: Gate) -> None:
        """Refuse limits beyond what a share or a percentage can be: they say nothing, or nothing keeps them."""
        percent = self._made.facet(facet).measure == "%" and of not in ("count", "missing")
        top = 100 if percent else 1 if of in ("top_share", "top3_share") else None
        if top is None:
            return
        if gate.least is not None and gate.least > top:
            raise gate.refused(f"it goes to {top}, so 'min' {gate.least:g} can never be met.")
        if gate.most is not None and gate.most >= top and gate.least is None:
            raise gate.refused(f"it goes to {top}, so 'max' {gate.most:g} can never fail.")

    def _behind(self, facet: str, of: str, gate: Gate) -> tuple[str | None, list[int]]:
        """What is behind a number: of a size what is beyond the limits, of a share what has the value, else everything."""
        if of == "missing":
            return None, self._rows(self._made.places(facet, None))
        if of in ("top_share", "top3_share"):
            values = list(self._made[facet]["value"].head(1 if of == "top_share" else 3))
            return self._having(facet, values)
        if of == "count" or self._about[facet]["kind"] != "number":
            return "", list(range(self._report.index.conversations.height))
        beyond = []
        if gate.least is not None and gate.least > 0:
            beyond.append(f"..{math.ceil(gate.least) - 1}")
        if gate.most is not None:
            beyond.append(f"{max(math.floor(gate.most) + 1, 0)}..")
        return self._having(facet, beyond)

    def _having(self, facet: str, values: Sequence[str]) -> tuple[str | None, list[int]]:
        """The query and the conversations of some values of a facet."""
        terms = [exact_term(self._made.facet(facet), value) for value in values]
        query = " ".join(terms) if terms and all(terms) else None
        found = [self._rows(self._made.places(facet, value)) for value in values]
        return query, sorted({row for rows in found for row in rows})

    def _value(self, name: str, value: str, gate: Gate) -> Measured:
        """How often a category has a value; one that never occurs has it 0 times."""
        facet = self._made.facet(name)
        self._refuse_of(gate, facet)
        if why := self._never(name, value, gate):
            return not_measured(why)
        selection = self._made.selection(name)
        return self._often(
            gate, facet, units_having(selection, facet, value), exact_term(facet, value) or None
        )

    def measure_range(self, gate: Gate) -> Measured:
        """How often a number lies in a range, or in one of several.

        Raises:
            QueryError: if nothing can lie there, or the gate says something besides.
        """
        terms = parse(gate.measure)
        facet = self._made.facet(terms[0].name)
        if any(term.negated or term.name != facet.name for term in terms):
            raise gate.refused(f"a range of {facet.name} stands alone; {facet.name}:..4 is one.")
        if gate.where:
            raise gate.refused("'where' is about findings; this is none of them.")
        self._refuse_of(gate, facet)
        for term in terms:
            self._refuse_empty(gate, facet, term)
        selection = self._made.selection(facet.name)
        having = np.logical_or.reduce([units_having(selection, facet, term.value) for term in terms])
        return self._often(gate, facet, having, gate.measure)

    def _refuse_empty(self, gate: Gate, facet: Facet, term: Term) -> None:
        low, high = range_of(facet.name, term.value)
        if low > high:
            raise gate.refused(f"no number lies in {term.value!r}, so this can never fail.")
        if facet.measure == "%" and low > 100:
            raise gate.refused(f"{facet.name} goes to 100, so nothing lies in {term.value!r}.")

    @staticmethod
    def _refuse_of(gate: Gate, facet: Facet) -> None:
        if gate.of == "replies" and facet.unit != "reply":
            raise gate.refused(f"{facet.name} is not about replies; leave 'of' out.")

    def _often(self, gate: Gate, facet: Facet, having: Flags, query: str | None) -> Measured:
        """How many units have what is asked for, or their share of those that have a value."""
        selection, count = self._made.selection(facet.name), int(having.sum())
        rows = np.unique(selection.gathered.conversation(facet.unit)[having]).tolist()
        many = {"reply": "replies"}.get(facet.unit, f"{facet.unit}s")
        if gate.of is None:
            return Measured(count, f"{count:,} {facet.unit if count == 1 else many}", query, rows)
        numbers = self._made.described(facet.name)
        if facet.kind == "list":  # what has no tag at all is not tagged either
            return share_of(count, numbers["count"] + numbers["missing"], facet.unit, many, query, rows)
        if not numbers["count"]:
            return not_measured(f"there are no {many} with a {facet.name}")
        return share_of(count, numbers["count"], facet.unit, many, query, rows)

    def _never(self, facet: str, value: str, gate: Gate) -> str:
        """Why nothing can have a value in this check, empty if something can.

        Raises:
            QueryError: if nothing can have it in any.
        """
        if facet == "finding":
            try:
                found = why_not(self._report, rule(value))
            except QueryError as problem:
                raise gate.refused(str(problem).replace("rule or family", "rule", 1)) from None
            return f"{value!r} {found}" if found else ""
        known = values_of(facet, self._report.dataset)
        if known is not None and value.lower() not in map(str.lower, known):
            raise gate.refused(f"{facet} has no value {value!r}; there are {', '.join(known)}.")
        return ""

    def _rows(self, places: pd.DataFrame) -> list[int]:
        pairs: Iterable[tuple[Any, Any]] = zip(places["source"], places["index"], strict=True)
        rows = (self._report.index.row(int(source), int(index)) for source, index in pairs)
        return sorted({row for row in rows if row is not None})
