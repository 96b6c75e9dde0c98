"""The rows of the spreadsheet views: what a dataset, or a report, has in each cell. Built from columns; sentences are made for the rows that are asked for."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import polars as pl

from ..core.ignoring import ignored_rows
from ..core.query import Query
from ..core.report import Report
from ..core.turns import encodable
from ..core.visible import visible
from .datagrid_cells import IGNORED, joined, line_of

MOST_ROWS = 100_000
SHAPES = {"error": "■", "warning": "▲", "info": "○"}  # in this order also when they are sorted as text
WORDS = {"error": "error", "warning": "warning", "info": "note"}
COUNTED = {name: f"{SHAPES[name]} {WORDS[name]}s" for name in SHAPES}


_LONGEST = 200  # characters of a cell; a canvas measures a text again and again until it fits
_LONGEST_ID = 80
_UNSEEN = r"^ | $|[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]|[\p{Zs}--\x20]"
_TEXT = pl.String


@dataclass(frozen=True, slots=True)
class Place:
    """What a row is about: a record (None for a finding about a source or the dataset), a turn of it, a finding by its number."""

    source: int | None
    index: int | None
    turn: int | None = None
    n: int | None = None


class Rows:
    """The rows of a grid, in the order in which they stand in it before anybody sorts.

    Attributes:
        report: where the rows are from.
        columns: the names of the columns; the first one stays in sight.
        editable: those whose cells can be edited.
        notice: one sentence on what was left out, or empty.
    """

    editable: ClassVar[tuple[str, ...]] = ("decision", "tags", "note")

    def __init__(self, report: Report, table: pl.DataFrame, columns: Sequence[str], notice: str) -> None:
        self.report = report
        self.columns = list(columns)
        self.notice = notice
        self._table = table
        self._review = self._reviewed()

    def __len__(self) -> int:
        return self._table.height

    def place(self, row: int) -> Place | None:
        """What a row is about; None where there is no such row."""
        return Place(*self._places.row(row)) if 0 <= row < len(self) else None

    @cached_property
    def _places(self) -> pl.DataFrame:
        return self._table.select(
            pl.col(name) if name in self._table.columns else pl.lit(None).alias(name)
            for name in ("source", "index", "turn", "n")
        )

    def row_of(self, source: int, index: int, turn: int | None = None, n: int | None = None) -> int | None:
        """The row of a finding; else of the turn; else the first row of the conversation. None where it has none."""
        places = self._places.with_row_index("row").filter(
            (pl.col("source") == source) & (pl.col("index") == index)
        )
        for found in (
            places.filter(pl.col("n").eq_missing(n)) if n is not None else places.clear(),
            places.filter(pl.col("turn").eq_missing(turn)),
            places,
        ):
            if found.height:
                return int(found["row"][0])
        return None

    def row_of_finding(self, n: int) -> int | None:
        """The row of a finding by its number, None where it has none."""
        rows = self._places.with_row_index("row").filter(pl.col("n") == n)["row"].head(1).to_list()
        return int(rows[0]) if rows else None

    def cells(self, rows: Sequence[int]) -> pl.DataFrame:
        """The cells of some rows, in the order of ``columns``."""
        return self._all()[list(rows)].select(self.columns)

    def column(self, name: str) -> pl.Series:
        """All cells of a column."""
        return self._all()[name]

    def differing(self, other: Rows) -> list[int] | None:
        """The rows that another list of rows has other cells in; None where its rows are about something else."""
        if self.columns != other.columns or not self._places.equals(other._places):
            return None
        before, after = self._all(), other._all()
        shared = [name for name in self.columns if name in before.columns]
        differs = pl.any_horizontal(before[name].ne_missing(after[name]) for name in shared)
        return pl.select(differs.arg_true()).to_series().to_list()

    def reread(self) -> list[int]:
        """Take up what the review says now. Returns the rows that are different from before."""
        before, self._review = self._review, self._reviewed()
        differs = pl.any_horizontal(before[name] != self._review[name] for name in self._review.columns)
        return pl.select(differs.arg_true()).to_series().to_list()

    def _all(self) -> pl.DataFrame:
        return pl.concat(
            [self._table.drop(self._review.columns, strict=False), self._review], how="horizontal"
        )

    def _reviewed(self) -> pl.DataFrame:
        review = self.report.dataset.journal.review
        decided = [
            (source, encodable(name), made.decision)
            for (source, name), made in list(review.decisions.items())
        ]
        noted = [
            (source, encodable(name), line_of(note.text))
            for (source, name), note in list(review.notes.items())
        ]
        tagged = [
            (source, encodable(name), joined(tags)) for (source, name), tags in list(review.tags.items())
        ]
        named = {"source": pl.Int32, "name": _TEXT}
        decisions = pl.DataFrame(decided, {**named, "decision": _TEXT}, orient="row")
        notes = pl.DataFrame(noted, {**named, "note": _TEXT}, orient="row")
        tags = pl.DataFrame(tagged, {**named, "tags": _TEXT}, orient="row")
        found = self._table.select(pl.col("source").cast(pl.Int32), "name")
        for frame in (decisions, notes, tags):
            found = found.join(frame, on=["source", "name"], how="left", maintain_order="left")
        return found.select(pl.col(self.editable[:3]).fill_null(""))


class ConversationRows(Rows):
    """One row a conversation, in file order; of more than 100,000 those with the gravest findings.

    Args:
        report: the report whose findings are counted.
        where: only the conversations that match this query.

    Raises:
        QueryError: if the query is not understood.
    """

    def __init__(self, report: Report, where: str | None = None) -> None:
        listed = report.index.conversations.with_row_index("row")
        if where is not None:
            listed = listed[Query(where).conversation_rows(report.dataset, report)]
        counts = (
            report.findings.table.filter(pl.col("index").is_not_null())
            .group_by(pl.col("source").cast(pl.UInt16), pl.col("index").cast(pl.UInt32))
            .agg(
                (pl.col("severity") == level).sum().alias(name) for level, name in enumerate(COUNTED.values())
            )
        )
        table = listed.join(counts, on=["source", "index"], how="left", maintain_order="left")
        table = table.with_columns(pl.col(*COUNTED.values()).fill_null(0))
        notice = ""
        if table.height > MOST_ROWS:
            notice = (
                f"The {MOST_ROWS:,} conversations with the gravest findings, of {table.height:,}; "
                "ds.datagrid(where=...) shows others."
            )
            worst = table.sort(*COUNTED.values(), descending=True, maintain_order=True)
            table = worst.head(MOST_ROWS).sort("row")
        several = len(report.dataset.sources) > 1
        columns = ["id", *(["file"] if several else []), "title", "turns", "words", "exchanges"]
        super().__init__(
            report,
            table.select(
                "source",
                "index",
                pl.col("id").alias("name"),
                literal(table["id"], _LONGEST_ID),
                _file_names(report, table["source"]),
                literal(table["title"]),
                "turns",
                "words",
                "exchanges",
                *COUNTED.values(),
            ),
            [*columns, *COUNTED.values(), *self.editable],
            notice,
        )


class FindingRows(Rows):
    """One row a finding, the gravest first and then in file order; of more than 100,000 the first of these.

    Args:
        report: the report.
    """

    editable = ("decision", "tags", "note", IGNORED)

    def __init__(self, report: Report) -> None:
        found = report.findings.numbered.sort("severity", maintain_order=True).head(MOST_ROWS)
        notice = ""
        if len(report) > MOST_ROWS:
            notice = (
                f"The {MOST_ROWS:,} gravest findings, of {len(report):,}; "
                "report.narrowed(query).datagrid() shows others."
            )
        conversations = report.index.conversations.select(
            pl.col("source").cast(pl.Int32), pl.col("index").cast(pl.Int64), pl.col("id").alias("name")
        ).with_row_index("conversation")
        roles = report.index.turns.select("conversation", "turn", pl.col("role").cast(_TEXT))
        table = found.join(conversations, on=["source", "index"], how="left", maintain_order="left").join(
            roles, on=["conversation", "turn"], how="left", maintain_order="left"
        )
        severities = pl.Series([f"{SHAPES[name]} {WORDS[name]}" for name in SHAPES])
        codes = pl.Series([rule.code for rule in report.rules], dtype=_TEXT)
        several = len(report.dataset.sources) > 1
        columns = ["id", *(["file"] if several else []), "severity", "code", "turn", "role", "message"]
        self._messages: dict[int, str] = {}
        super().__init__(
            report,
            table.select(
                "source",
                "index",
                "n",
                "rule",
                "detail",
                "name",
                literal(table["name"].fill_null("").alias("id"), _LONGEST_ID),
                _file_names(report, table["source"]),
                severities.gather(table["severity"]).alias("severity"),
                codes.gather(table["rule"]).alias("code"),
                "turn",
                pl.col("role").fill_null(""),
            ),
            [*columns, *self.editable],
            notice,
        )

    def cells(self, rows: Sequence[int]) -> pl.DataFrame:
        return self._all()[list(rows)].with_columns(self._said(self._table[list(rows)])).select(self.columns)

    def column(self, name: str) -> pl.Series:
        return self._said(self._table) if name == "message" else super().column(name)

    def _said(self, found: pl.DataFrame) -> pl.Series:
        """The sentences of findings. A conversation is read only where the sentence depends on its text."""
        sentences = []
        for n, rule, detail in found.select("n", "rule", "detail").iter_rows():
            ran = self.report.rules[rule]
            if detail >= 0:
                sentences.append(ran.message(self.report.findings.details[detail]))
            elif ran.evidence is None:
                sentences.append(ran.message({}))
            else:
                if n not in self._messages:
                    self._messages[n] = encodable(self.report.issue(n).message)
                sentences.append(self._messages[n])
        return literal(pl.Series("message", [encodable(text) for text in sentences], dtype=_TEXT))

    def _reviewed(self) -> pl.DataFrame:
        ignored: Collection[int] = ignored_rows(self.report)
        said = pl.when(self._table["n"].is_in(list(ignored))).then(pl.lit(IGNORED)).otherwise(pl.lit(""))
        return super()._reviewed().with_columns(pl.select(said.alias(IGNORED)).to_series())


def literal(texts: pl.Series, longest: int = _LONGEST) -> pl.Series:
    """Texts for cells: cut, and what nobody sees written out, as in a thread's literal view."""
    cut = texts.str.len_chars() > longest
    if cut.any():
        texts = texts.to_frame().select(
            pl.when(cut).then(texts.str.slice(0, longest) + "…").otherwise(texts).alias(texts.name)
        )[texts.name]
    odd = texts.str.contains(_UNSEEN)
    if not odd.any():
        return texts
    return texts.scatter(odd.arg_true(), [visible(text) for text in texts.filter(odd).to_list()])


def _file_names(report: Report, numbers: pl.Series) -> pl.Series:
    names = [encodable(source.name.rpartition("/")[2]) for source in report.dataset.sources]
    return literal(pl.Series("file", names, dtype=_TEXT)).gather(numbers).fill_null("").alias("file")
