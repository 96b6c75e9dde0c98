"""The query: one line of text that stands for findings, conversations or places, in the panel, in code and on the command line.

docs/queries.md describes the language.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from ..sources.roles import ROLES
from .model import SEVERITIES
from .placing import Mask, turn_mask
from .query_terms import (
    ANYWHERE,
    FINDING_TERMS,
    NAMES,
    TEXT_TERMS,
    TURN_TERMS,
    Term,
    parse,
    pattern_of,
    range_of,
    size_and_seed,
)
from .sampling import drawn
from .search import literal_pattern

if TYPE_CHECKING:
    from ..checks.rule import Rule
    from .dataset import Dataset
    from .index import Index
    from .report import Report
    from .review_state import Named


def facet_hits(dataset: Dataset, name: str, value: str) -> pl.DataFrame:
    """Where a facet has a value. The balance is a room above this one, asked only where a query names a facet."""
    from ..balance.terms import hits

    return hits(dataset, name, value)


def is_of_conversations(name: str) -> bool:
    """Whether a facet is one of conversations."""
    from ..balance.terms import of_conversations

    return of_conversations(name)


class Query:
    """A parsed query.

    Terms of the same name are alternatives; words and different names must all hold; what a negated term finds by itself is left out.
    Terms about turns and texts are about the same turn.
    """

    def __init__(self, query: str) -> None:
        self.text = query.strip()
        terms = parse(query)
        self._wanted = _Terms([term for term in terms if not term.negated])
        self._unwanted = [_Terms([term]) for term in terms if term.negated]

    @property
    def names(self) -> set[str]:
        """The names of the terms that must hold."""
        return self._wanted.names

    @property
    def patterns(self) -> list[str]:
        """The regular expressions that are looked for in the texts of turns."""
        return self._wanted.patterns

    def finding_rows(self, report: Report) -> list[int]:
        """Numbers of the findings that match, in the report's order."""
        return self.finding_numbers(report).to_list()

    def finding_numbers(self, report: Report) -> pl.Series:
        """The same as a column."""
        return report.findings.numbered["n"].filter(pl.Series(self.finding_mask(report)))

    def finding_mask(self, report: Report) -> Mask:
        """Which findings match: true or false for each, in the report's order."""
        self._look(report.dataset)
        mask = self._wanted.findings(report)
        for terms in self._unwanted:
            mask &= ~terms.findings(report)
        return mask

    def conversation_rows(self, dataset: Dataset, report: Report | None = None) -> list[int]:
        """Rows (in the index) of the conversations that match, in file order."""
        self._look(dataset)
        if report is None and any(not terms.names.isdisjoint(FINDING_TERMS) for terms in self._all):
            report = dataset.check(baseline=False)
        rows = self._wanted.conversations(dataset, report)
        for terms in self._unwanted:
            left_out = set(terms.conversations(dataset, report))
            rows = [row for row in rows if row not in left_out]
        return rows

    @property
    def about_turns(self) -> bool:
        """Whether a term that must hold is about turns."""
        return self._wanted.about_turns

    def turns(self, dataset: Dataset) -> pl.DataFrame:
        """The turns that meet the terms about turns: columns conversation (row), turn, chars."""
        found = self._wanted.turns(dataset.index).select("conversation", "turn", "chars")
        for places in self._wanted.facet_turns(dataset):
            held = dataset.index.turns.select("conversation", "turn").filter(
                pl.Series(turn_mask(places, dataset.index))
            )
            found = found.join(held, on=["conversation", "turn"], how="semi", maintain_order="left")
        return found

    @property
    def _all(self) -> list[_Terms]:
        return [self._wanted, *self._unwanted]

    def _look(self, dataset: Dataset) -> None:
        """Look for all texts and tags at once, so that each term finds its answer waiting."""
        patterns = [pattern for terms in self._all for pattern in terms.patterns]
        dataset.searches.look(dataset, patterns, tags=any("tag" in terms.names for terms in self._all))


class _Terms:
    """Terms that must hold together."""

    def __init__(self, terms: Sequence[Term]) -> None:
        self._values: dict[str, list[str]] = {}
        self._words: list[str] = []
        for term in terms:
            if term.name == ANYWHERE:
                self._words.append(term.value)
            else:
                self._values.setdefault(term.name, []).append(term.value)

    @property
    def names(self) -> set[str]:
        return {*self._values, *([ANYWHERE] if self._words else [])}

    @property
    def patterns(self) -> list[str]:
        named = [pattern_of(name, value) for name in TEXT_TERMS for value in self._values.get(name, ())]
        return [*named, *map(literal_pattern, self._words)]

    def _facets(self, *, of_conversations: bool) -> list[str]:
        """Names of the terms that are facets: of conversations, or of turns."""
        return [
            name
            for name in self._values
            if name not in NAMES and is_of_conversations(name) is of_conversations
        ]

    def _any(self, name: str, test: Callable[[str], pl.Expr]) -> Iterable[pl.Expr]:
        if name in self._values:
            yield pl.any_horizontal(*(test(value) for value in self._values[name]))

    def _conversation_tests(self, dataset: Dataset) -> list[pl.Expr]:
        review = dataset.journal.review

        def between(name: str) -> Callable[[str], pl.Expr]:
            return lambda value: pl.col(name).is_between(*range_of(name, value))

        def system(value: str) -> pl.Expr:
            if value in ("yes", "no"):
                return pl.col("system").is_null() == (value == "no")
            return (pl.col("system") == value).fill_null(False)

        def source(value: str) -> pl.Expr:
            named = [
                number
                for number, source in enumerate(dataset.sources)
                if (str(number) == value if value.isdecimal() else value.lower() in source.name.lower())
            ]
            return pl.col("source").is_in(named)

        def tag(value: str) -> pl.Expr:
            tags = dataset.searches.tags(dataset)
            having = tags.filter(tags["tag"].str.to_lowercase() == value.lower())
            given = [name for name, own in review.tags.items() if value.lower() in map(str.lower, own)]
            of_record = pl.struct("source", "index").is_in(
                having.select(pl.struct("source", "index"))["source"].implode()
            )
            return of_record | _is_one_of(given)

        def decision(value: str) -> pl.Expr:
            made = review.decisions.items()
            held = _is_one_of([name for name, one in made if value in (one.decision, "none")])
            return ~held if value == "none" else held

        def facet(name: str) -> Callable[[str], pl.Expr]:
            def having(value: str) -> pl.Expr:
                places = facet_hits(dataset, name, value).select(pl.struct("source", "index").alias("place"))
                return pl.struct("source", "index").is_in(places["place"].implode())

            return having

        def sample(value: str) -> pl.Expr:
            size, seed = size_and_seed(value)
            rows = drawn(dataset.index.conversations, seed)[:size]
            names = dataset.index.conversations[rows].select("source", "id").iter_rows()
            return _is_one_of(names)

        return [
            *self._any("sample", sample),
            *self._any("exchanges", between("exchanges")),
            *self._any("turns", between("turns")),
            *self._any("index", between("index")),
            *self._any("system", system),
            *self._any("format", lambda value: pl.col("format") == value),
            *self._any("id", lambda value: pl.col("id").str.contains(value, literal=True)),
            *self._any("source", source),
            *self._any("tag", tag),
            *self._any("decision", decision),
            *(test for name in self._facets(of_conversations=True) for test in self._any(name, facet(name))),
        ]

    def _turn_tests(self) -> list[pl.Expr]:
        def role(value: str) -> pl.Expr:
            if value == "unknown":
                return pl.col("role").is_null()
            return (pl.col("role") == value).fill_null(False) if value in ROLES else pl.lit(False)

        def between(name: str) -> Callable[[str], pl.Expr]:
            return lambda value: pl.col(name).is_between(*range_of(name, value))

        return [
            *self._any("role", role),
            *self._any(
                "speaker", lambda value: (pl.col("speaker").cast(pl.String) == value).fill_null(False)
            ),
            *self._any("words", between("words")),
            *self._any("chars", between("chars")),
        ]

    def _finding_tests(self, rules: Sequence[Rule]) -> list[pl.Expr]:
        def code(value: str) -> pl.Expr:
            numbers = [n for n, rule in enumerate(rules) if rule.goes_by(value)]
            return pl.col("rule").is_in(numbers)

        return [
            *self._any("code", code),
            *self._any("severity", lambda value: pl.col("severity") == SEVERITIES.index(value)),
        ]

    def _said(self, dataset: Dataset) -> list[tuple[pl.DataFrame, str | None]]:
        """What must be said: for each the turns that say it, and the word if it may also stand elsewhere."""
        found = dataset.searches.turns

        groups: list[tuple[pl.DataFrame, str | None]] = [
            (
                pl.concat([found(dataset, pattern_of(name, value)) for value in self._values[name]]).unique(),
                None,
            )
            for name in TEXT_TERMS
            if name in self._values
        ]
        groups += [(places, None) for places in self.facet_turns(dataset)]
        return groups + [(found(dataset, literal_pattern(word)), word.lower()) for word in self._words]

    @property
    def about_turns(self) -> bool:
        return not self.names.isdisjoint(TURN_TERMS) or bool(self._facets(of_conversations=False))

    def facet_turns(self, dataset: Dataset) -> list[pl.DataFrame]:
        """For each facet of turns that is named: the places that have one of its values."""
        return [
            pl.concat(
                [
                    facet_hits(dataset, name, value).select("source", "index", "turn")
                    for value in self._values[name]
                ]
            ).unique()
            for name in self._facets(of_conversations=False)
        ]

    def turns(self, index: Index) -> pl.DataFrame:
        tests = self._turn_tests()
        return index.turns.filter(pl.all_horizontal(*tests)) if tests else index.turns

    def findings(self, report: Report) -> Mask:
        table = report.findings.table
        index = report.index
        mask = np.ones(table.height, dtype=bool)
        if tests := self._finding_tests(report.rules):
            mask &= _mask(table, tests)
        if tests := self._conversation_tests(report.dataset):
            mask &= report.findings.placed(index).in_conversations(_mask(index.conversations, tests))
        if tests := self._turn_tests():
            mask &= report.findings.placed(index).in_turns(_mask(index.turns, tests))
        for turns, word in self._said(report.dataset):
            said = report.findings.placed(index).in_turns(turn_mask(turns, index))
            if word is not None:
                named = [
                    n
                    for n, rule in enumerate(report.rules)
                    if word in rule.code.lower() or word in rule.title.lower()
                ]
                said |= np.isin(table["rule"].to_numpy(), named)
            mask &= said
        return mask

    def conversations(self, dataset: Dataset, report: Report | None) -> list[int]:
        index = dataset.index if report is None else report.index
        rows = index.conversations.with_row_index("row")
        for test in self._conversation_tests(dataset):
            rows = rows.filter(test)
        turns: pl.DataFrame | None = None
        if self._turn_tests():
            turns = self.turns(index).select("conversation", "turn")
            rows = rows.filter(pl.col("row").is_in(turns["conversation"].unique().implode()))
        if report is not None and (tests := self._finding_tests(report.rules)):
            table = report.findings.table.filter(pl.all_horizontal(*tests))
            named = [place[:2] for place in _related(report, table)]
            behind = pl.DataFrame(named, schema={"source": pl.UInt16, "index": pl.UInt32}, orient="row")
            own = table.drop_nulls("index").select(
                pl.col("source").cast(pl.UInt16), pl.col("index").cast(pl.UInt32)
            )
            keys = pl.concat([own, behind]).unique()
            rows = rows.join(keys, on=["source", "index"], how="semi", maintain_order="left")
        for hits, word in self._said(dataset):
            places = hits.select(pl.col("source").cast(pl.UInt16), pl.col("index").cast(pl.UInt32), "turn")
            said = rows.select("row", "source", "index").join(places, on=["source", "index"])
            if turns is not None:
                said = said.join(
                    turns, left_on=["row", "turn"], right_on=["conversation", "turn"], how="semi"
                )
            kept = said["row"].unique()
            if word is not None:
                titled = rows.filter(
                    pl.col("title").str.to_lowercase().str.contains(word, literal=True)
                    | pl.col("id").str.to_lowercase().str.contains(word, literal=True)
                )["row"]
                kept = pl.concat([titled, kept])
            rows = rows.filter(pl.col("row").is_in(kept.implode()))
        return rows["row"].to_list()


def _related(report: Report, findings: pl.DataFrame) -> Iterable[Sequence[int]]:
    """The places that findings about the whole dataset name."""
    for detail in findings.filter(pl.col("index").is_null())["detail"].to_list():
        if detail >= 0:
            yield from report.findings.details[detail].get("related", ())


def _mask(table: pl.DataFrame, tests: Sequence[pl.Expr]) -> Mask:
    """The rows of a table for which all tests hold."""
    held = table.select(held=pl.all_horizontal(*tests).fill_null(False))
    return (
        held["held"].to_numpy().copy()
        if held.height == table.height
        else np.full(table.height, held["held"][0])
    )


def _is_one_of(named: Iterable[Named]) -> pl.Expr:
    """Whether a conversation is one of these, each named by the number of its source and its id."""
    names = [f"{source}:{name}" for source, name in named]
    return pl.concat_str(pl.col("source"), pl.lit(":"), pl.col("id")).is_in(names)
