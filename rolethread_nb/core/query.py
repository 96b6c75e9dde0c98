"""The query: one line of text that stands for findings or conversations, in the panel and in code."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from .errors import QueryError
from .model import SEVERITIES

if TYPE_CHECKING:
    from ..checks.rule import Rule
    from .dataset import Dataset
    from .report import Report

_TERM = re.compile(r'(?:(?P<name>[a-z]+):)?(?:"(?P<quoted>[^"]*)"?|(?P<plain>\S+))')
_RANGE = re.compile(r"(\d*)(\.\.)?(\d*)$")

_MOST, _DIGITS = 2**31, 9  # more than there are of anything

FINDING_TERMS = ("code", "severity")
TURN_TERMS = ("role", "speaker", "words")
CONVERSATION_TERMS = ("exchanges", "turns", "system", "format", "id", "index")


@dataclass(frozen=True, slots=True)
class Term:
    """One term: a name and its value; the name is ``text`` for free words."""

    name: str
    value: str


def parse(query: str) -> list[Term]:
    """The terms of a query.

    Raises:
        QueryError: in one sentence, if a name is not known or a range is not one.
    """
    terms = []
    for match in _TERM.finditer(query):
        name, quoted, plain = match.group("name", "quoted", "plain")
        value = quoted if quoted is not None else plain
        if name is None and quoted is None and re.fullmatch(r"#\d+", value):
            terms.append(Term("index", value[1:]))
        elif name is None:
            if value:
                terms.append(Term("text", value))
        elif name in (*FINDING_TERMS, *TURN_TERMS, *CONVERSATION_TERMS):
            if name in ("words", "exchanges", "turns", "index"):
                _range(name, value)
            if name == "severity" and value not in SEVERITIES:
                raise QueryError(f"severity: takes {', '.join(SEVERITIES)}, not {value!r}.")
            terms.append(Term(name, value))
        else:
            known = ", ".join((*FINDING_TERMS, *TURN_TERMS, *CONVERSATION_TERMS))
            raise QueryError(
                f"No term is called {name}:; there are {known}. Put words with a colon in quotation marks."
            )
    return terms


def _range(name: str, value: str) -> tuple[int, int]:
    match = _RANGE.match(value)
    if match is None or not value.strip("."):
        raise QueryError(f"{name}: takes a number or a range such as 3..5, not {value!r}.")
    low, dots, high = match.groups()
    if not dots:
        return _number(low), _number(low)
    return _number(low or "0"), _number(high) if high else _MOST


def _number(digits: str) -> int:
    return _MOST if len(digits) > _DIGITS else int(digits)


def without(query: str, name: str) -> str:
    """The query without its terms of one name."""
    kept = [m.group() for m in _TERM.finditer(query) if m.group("name") != name]
    return " ".join(kept)


class Query:
    """A parsed query. Terms of the same name are alternatives; words and different names must all hold."""

    def __init__(self, query: str) -> None:
        self.text = query.strip()
        self._terms: dict[str, list[str]] = {}
        self._words: list[str] = []
        for term in parse(query):
            if term.name == "text":
                self._words.append(term.value.lower())
            else:
                self._terms.setdefault(term.name, []).append(term.value)

    def _any(self, name: str, test: Callable[[str], pl.Expr]) -> Iterable[pl.Expr]:
        if name in self._terms:
            yield pl.any_horizontal(*(test(value) for value in self._terms[name]))

    def _conversation_tests(self) -> list[pl.Expr]:
        def between(column: str, name: str) -> Callable[[str], pl.Expr]:
            return lambda value: pl.col(column).is_between(*_range(name, value))

        def system(value: str) -> pl.Expr:
            if value in ("yes", "no"):
                return pl.col("system").is_null() == (value == "no")
            return (pl.col("system") == value).fill_null(False)

        return [
            *self._any("exchanges", between("exchanges", "exchanges")),
            *self._any("turns", between("turns", "turns")),
            *self._any("index", between("index", "index")),
            *self._any("system", system),
            *self._any("format", lambda value: pl.col("format") == value),
            *self._any("id", lambda value: pl.col("id").str.contains(value, literal=True)),
        ]

    def _turn_tests(self) -> list[pl.Expr]:
        def role(value: str) -> pl.Expr:
            column = pl.col("role").cast(pl.String)
            return column.is_null() if value == "unknown" else (column == value).fill_null(False)

        return [
            *self._any("role", role),
            *self._any(
                "speaker", lambda value: (pl.col("speaker").cast(pl.String) == value).fill_null(False)
            ),
            *self._any("words", lambda value: pl.col("words").is_between(*_range("words", value))),
        ]

    def _finding_tests(self, rules: Sequence[Rule]) -> list[pl.Expr]:
        def code(value: str) -> pl.Expr:
            numbers = [n for n, rule in enumerate(rules) if rule.goes_by(value)]
            return pl.col("rule").is_in(numbers)

        return [
            *self._any("code", code),
            *self._any("severity", lambda value: pl.col("severity") == SEVERITIES.index(value)),
        ]

    def finding_rows(self, report: Report) -> list[int]:
        """Numbers of the findings that match, in the report's order."""
        table = report.findings.table.with_row_index("n")
        for test in self._finding_tests(report.rules):
            table = table.filter(test)
        if tests := self._conversation_tests():
            rows = report.index.conversations.filter(pl.all_horizontal(*tests)).select(
                pl.col("source").cast(pl.Int32), pl.col("index").cast(pl.Int64)
            )
            table = table.join(rows, on=["source", "index"], how="semi", maintain_order="left")
        turn_tests = self._turn_tests()
        if turn_tests or self._words:
            places = _places(report)
            if turn_tests:
                kept = places.filter(pl.all_horizontal(*turn_tests)).select("source", "index", "turn")
                table = table.join(kept, on=["source", "index", "turn"], how="semi", maintain_order="left")
            for word in self._words:
                named = [
                    n
                    for n, rule in enumerate(report.rules)
                    if word in rule.code.lower() or word in rule.title.lower()
                ]
                hits = (
                    report.dataset.turns_with(word)
                    .select("source", "index", "turn")
                    .with_columns(hit=pl.lit(True))
                )
                table = (
                    table.join(hits, on=["source", "index", "turn"], how="left", maintain_order="left")
                    .filter(pl.col("rule").is_in(named) | pl.col("hit").fill_null(False))
                    .drop("hit")
                )
        return table["n"].to_list()

    def conversation_rows(self, dataset: Dataset, report: Report | None = None) -> list[int]:
        """Rows (in the index) of the conversations that match, in file order."""
        index = dataset.index if report is None else report.index
        rows = index.conversations.with_row_index("row")
        for test in self._conversation_tests():
            rows = rows.filter(test)
        if tests := self._turn_tests():
            having = index.turns.filter(pl.all_horizontal(*tests))["conversation"].unique()
            rows = rows.filter(pl.col("row").is_in(having.implode()))
        if any(name in self._terms for name in FINDING_TERMS):
            report = dataset.check() if report is None else report
            table = report.findings.table
            for test in self._finding_tests(report.rules):
                table = table.filter(test)
            keys = table.select(pl.col("source").cast(pl.UInt16), pl.col("index").cast(pl.UInt32)).unique()
            rows = rows.join(keys, on=["source", "index"], how="semi", maintain_order="left")
        for word in self._words:
            hits = dataset.turns_with(word).select(
                pl.col("source").cast(pl.UInt16), pl.col("index").cast(pl.UInt32)
            )
            titled = rows.filter(
                pl.col("title").str.to_lowercase().str.contains(word, literal=True)
                | pl.col("id").str.to_lowercase().str.contains(word, literal=True)
            )["row"]
            said = rows.join(hits.unique(), on=["source", "index"], how="semi")["row"]
            rows = rows.filter(pl.col("row").is_in(pl.concat([titled, said]).implode()))
        return rows["row"].to_list()


def _places(report: Report) -> pl.DataFrame:
    """The turns of a report's index with the address of their conversation."""
    keys = report.index.conversations.select(
        pl.col("source").cast(pl.Int32), pl.col("index").cast(pl.Int64)
    ).with_row_index("conversation")
    return report.index.turns.join(keys, on="conversation", how="left", maintain_order="left")
