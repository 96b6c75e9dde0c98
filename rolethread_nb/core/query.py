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
        """The turns that meet the terms about turns and texts: columns conversation (row), turn, chars."""
        held = self._wanted.turns(dataset, dataset.index)
        return dataset.index.turns.select("conversation", "turn", "chars").filter(pl.Series(held))

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
            if value.lower() in ("yes", "no"):
                return pl.col("system").is_null() == (value.lower() == "no")
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

        def note(value: str) -> pl.Expr:
            asked = value.lower()
            having = [
                name
                for name, one in review.notes.items()
                if asked in ("yes", "no") or asked in one.text.lower()
            ]
            return ~_is_one_of(having) if asked == "no" else _is_one_of(having)

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
            *self._any("format", lambda value: _spelled("format", value)),
            *self._any("id", lambda value: pl.col("id").str.contains(value, literal=True)),
            *self._any("source", source),
            *self._any("tag", tag),
            *self._any("decision", decision),
            *self._any("note", note),
            *(test for name in self._facets(of_conversations=True) for test in self._any(name, facet(name))),
        ]

    def _turn_tests(self) -> list[pl.Expr]:
        def role(value: str) -> pl.Expr:
            name = value.lower()
            if name == "unknown":
                return pl.col("role").is_null()
            return (pl.col("role") == name).fill_null(False) if name in ROLES else pl.lit(False)

        def between(name: str) -> Callable[[str], pl.Expr]:
            return lambda value: pl.col(name).is_between(*range_of(name, value))

        return [
            *self._any("role", role),
            *self._any("speaker", lambda value: _spelled("speaker", value)),
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

    def _named(self, dataset: Dataset) -> Iterable[pl.DataFrame]:
        """For each term of texts and each facet of turns: the places where one of its values holds."""
        for name in TEXT_TERMS:
            if name in self._values:
                patterns = [pattern_of(name, value) for value in self._values[name]]
                yield pl.concat([dataset.searches.turns(dataset, pattern) for pattern in patterns])
        for name in self._facets(of_conversations=False):
            hits = [facet_hits(dataset, name, value) for value in self._values[name]]
            yield pl.concat([found.select("source", "index", "turn") for found in hits])

    def _alone(self, dataset: Dataset, index: Index) -> Iterable[tuple[str, Mask]]:
        """The words that stand alone, in lower case, each with the turns that have it."""
        for word in self._words:
            places = dataset.searches.turns(dataset, literal_pattern(word))
            yield word.lower(), turn_mask(places, index)

    @property
    def about_turns(self) -> bool:
        return not self.names.isdisjoint(TURN_TERMS) or bool(self._facets(of_conversations=False))

    def turns(self, dataset: Dataset, index: Index) -> Mask:
        """The turns for which all terms about turns and texts hold, but for words that stand alone."""
        tests = self._turn_tests()
        held = _mask(index.turns, tests) if tests else np.ones(index.turns.height, dtype=bool)
        for places in self._named(dataset):
            held &= turn_mask(places, index)
        return held

    @property
    def _asks_for_turns(self) -> bool:
        """Whether a term is about turns or their texts, but for words that stand alone."""
        return self.about_turns or not self.names.isdisjoint(TEXT_TERMS)

    def findings(self, report: Report) -> Mask:
        table = report.findings.table
        index = report.index
        mask = np.ones(table.height, dtype=bool)
        if tests := self._finding_tests(report.rules):
            mask &= _mask(table, tests)
        if tests := self._conversation_tests(report.dataset):
            mask &= report.findings.placed(index).in_conversations(_mask(index.conversations, tests))
        if self._asks_for_turns:
            mask &= report.findings.placed(index).in_turns(self.turns(report.dataset, index))
        for word, turns in self._alone(report.dataset, index):
            named = [
                n
                for n, rule in enumerate(report.rules)
                if word in rule.code.lower() or word in rule.title.lower()
            ]
            said = report.findings.placed(index).in_turns(turns)
            mask &= said | np.isin(table["rule"].to_numpy(), named)
        return mask

    def conversations(self, dataset: Dataset, report: Report | None) -> list[int]:
        index = dataset.index if report is None else report.index
        rows = index.conversations.with_row_index("row")
        if tests := self._conversation_tests(dataset):
            rows = rows.filter(pl.all_horizontal(*tests))
        of_turn, turns = index.turns["conversation"], self.turns(dataset, index)
        if self._asks_for_turns:
            rows = rows.filter(pl.col("row").is_in(of_turn.filter(pl.Series(turns)).unique().implode()))
        if report is not None and (tests := self._finding_tests(report.rules)):
            table = report.findings.table.filter(pl.all_horizontal(*tests))
            named = [place[:2] for place in _related(report, table)]
            behind = pl.DataFrame(named, schema={"source": pl.UInt16, "index": pl.UInt32}, orient="row")
            own = table.drop_nulls("index").select(
                pl.col("source").cast(pl.UInt16), pl.col("index").cast(pl.UInt32)
            )
            keys = pl.concat([own, behind]).unique()
            rows = rows.join(keys, on=["source", "index"], how="semi", maintain_order="left")
        for word, having in self._alone(dataset, index):
            titled = rows.filter(
                pl.col("title").str.to_lowercase().str.contains(word, literal=True)
                | pl.col("id").str.to_lowercase().str.contains(word, literal=True)
            )["row"]
            said = of_turn.filter(pl.Series(having & turns)).unique().cast(titled.dtype)
            rows = rows.filter(pl.col("row").is_in(pl.concat([titled, said]).implode()))
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


def _spelled(column: str, value: str) -> pl.Expr:
    """Whether a name is the one that was asked for; case counts only where some have it just as it is written."""
    names = pl.col(column).cast(pl.String)
    exact = (names == value).fill_null(False)
    return (
        pl.when(exact.any())
        .then(exact)
        .otherwise((names.str.to_lowercase() == value.lower()).fill_null(False))
    )


def _is_one_of(named: Iterable[Named]) -> pl.Expr:
    """Whether a conversation is one of these, each named by the number of its source and its id."""
    names = [f"{source}:{name}" for source, name in named]
    return pl.concat_str(pl.col("source"), pl.lit(":"), pl.col("id")).is_in(names)
