"""A report that keeps up: conversations that changed since the check are looked at again, by themselves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from ..checks.engine import Check
from .edits import Record
from .findings import Findings
from .ignoring import ignored_rows
from .report import Report

_SAME = ["rule", "source", "index", "turn", "start", "end"]
_RECORDS = 1 << 32  # more than a source has records
_ORDER = ("source", "index", "turn", "start", "rule", "end")


class Live:
    """A report that follows the changes of its dataset.

    What a rule says of a turn or a conversation is found again in those that changed. What it says of the whole dataset stays as the check
    said it, as long as the turn is there: only another check counts anew. Findings that the review ignores are left out. A finding
    keeps its number as long as it is there; a new one gets a number of its own.

    Attributes:
        report: the report as it is now.
        everything: the same with the findings that are ignored.
        ignored: numbers of these, in order.
        serial: that of the journal when it was taken in.
    """

    def __init__(self, report: Report) -> None:
        self.report = self.everything = report
        self.ignored: list[int] = []
        self._base = report
        self._all = report.findings  # the ignored ones, too
        self._next = len(report)
        self.serial = -1
        self.follow()

    @property
    def checked_anew(self) -> int:
        """Records that differ from what was checked."""
        return len(self._changed(self._base))

    def follow(self) -> bool:
        """Take in what changed. Returns whether anything did."""
        dataset = self._base.dataset
        if self.serial == dataset.journal.serial:
            return False
        self.serial = dataset.journal.serial
        report = self.report
        if report.edits is not dataset.edits:
            self._all = self._looked_at_again(self._changed(report))
        self.everything = self._with(self._all)
        ignored = ignored_rows(self.everything)
        if ignored:
            numbered = self._all.numbered.filter(~pl.col("n").is_in(ignored))
            self.report = self._with(Findings(numbered.drop("n"), self._all.details, numbered["n"]))
        else:
            self.report = self.everything
        self.ignored = ignored
        return True

    def _with(self, findings: Findings) -> Report:
        base = self._base
        dataset = base.dataset
        made = Report(
            dataset, base.rules, base.profile, findings, dataset.index, dataset.edits, settings=base.settings
        )
        made.baseline, made.everything, made.seconds = base.baseline, base.everything, base.seconds
        made.ignored = base.ignored
        return made

    def _changed(self, report: Report) -> list[Record]:
        """The records that are in another state than the report saw them in."""
        history, edits = report.dataset.journal.history, report.dataset.edits
        first, last = sorted((report.edits.version, edits.version))
        return [
            record
            for record in history.touched(first, max(last, history.version))
            if record[1] >= 0 and report.edits.state(record) is not edits.state(record)
        ]

    def _looked_at_again(self, changed: list[Record]) -> Findings:
        rules = self._base.rules
        numbered = self._all.numbered.with_columns(pl.col("n").cast(pl.Int64))
        kept, before = _parted(numbered, sorted(changed))
        of_all = pl.col("rule").is_in([n for n, rule in enumerate(rules) if rule.wave is not None])
        details = self._all.details if self._all is not self._base.findings else list(self._all.details)
        check = Check(rules, self._base.profile)
        for block in self._base.dataset.some(changed):
            check.add(block)
        fresh: list[tuple[Any, ...]] = []
        for *row, detail in check.found_since(0):
            if rules[row[0]].code != "rule.failed":
                fresh.append((*row, detail if detail < 0 else len(details)))
                details += [check.detail(detail)] if detail >= 0 else []
        made = pl.DataFrame(fresh, schema=self._all.table.schema, orient="row")
        parts = [self._still_there(before.filter(of_all)), self._numbered(made, before.filter(~of_all))]
        now = pl.concat([part.select(numbered.columns) for part in parts])
        now = now.sort(*[pl.col(name).fill_null(-1) for name in _ORDER], maintain_order=True)
        table = _put_in(kept, now)
        return Findings(table.drop("n"), details, table["n"])

    def _numbered(self, made: pl.DataFrame, before: pl.DataFrame) -> pl.DataFrame:
        """New findings with the numbers that the same ones had before; the others get numbers of their own."""
        known = before.select("n", *_SAME).unique(_SAME, keep="first", maintain_order=True)
        joined = made.join(known, on=_SAME, how="left", nulls_equal=True, maintain_order="left")
        new = joined["n"].is_null()
        own = pl.Series(range(self._next, self._next + int(new.sum())), dtype=pl.Int64)
        self._next += len(own)
        numbers = joined["n"].fill_null(-1).to_numpy().copy()
        numbers[new.to_numpy()] = own.to_numpy()
        return joined.with_columns(n=pl.Series(numbers, dtype=pl.Int64))

    def _still_there(self, findings: pl.DataFrame) -> pl.DataFrame:
        """Those whose conversation and turn are there."""
        index = self._base.dataset.index.conversations.select(
            pl.col("source").cast(pl.Int32), pl.col("index").cast(pl.Int64), pl.col("turns").alias("count")
        )
        held = findings.join(index, on=["source", "index"], how="inner", maintain_order="left")
        return held.filter(pl.col("turn").is_null() | (pl.col("turn") < pl.col("count"))).drop("count")


def _keys(findings: pl.DataFrame) -> npt.NDArray[np.int64]:
    """Source and record of each finding as one number, which rises from the first to the last; those of no record stand behind all."""
    key = pl.col("source").cast(pl.Int64) * _RECORDS + pl.col("index")
    return findings.select(key=key.fill_null(_RECORDS * _RECORDS))["key"].to_numpy()


def _parted(findings: pl.DataFrame, records: Sequence[Record]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The findings of all other records, and those of these, which are in order."""
    keys = _keys(findings)
    wanted = np.array([source * _RECORDS + index for source, index in records], dtype=np.int64)
    edges = np.stack((np.searchsorted(keys, wanted), np.searchsorted(keys, wanted, side="right")), axis=1)
    kept, gone, at = [], [findings.clear()], 0
    for start, end in edges.tolist():
        kept.append(findings.slice(at, start - at))
        gone.append(findings.slice(start, end - start))
        at = end
    return pl.concat([*kept, findings.slice(at)]), pl.concat(gone)


def _put_in(findings: pl.DataFrame, more: pl.DataFrame) -> pl.DataFrame:
    """Findings with others, of records that they have none of, each in its place."""
    parts, at, keys = [], 0, _keys(findings)
    for part in more.partition_by("source", "index", maintain_order=True):
        place = int(np.searchsorted(keys, _keys(part)[0]))
        parts += [findings.slice(at, place - at), part]
        at = place
    return pl.concat([*parts, findings.slice(at)]).rechunk()
