"""Checking: the rules run over the blocks of a dataset, and a report is made of what they find."""

from __future__ import annotations

import contextlib
import gc
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import polars as pl

from ..checks.catalogue import PROFILES, check_codes, compat_rules, rules, rules_of
from ..checks.engine import Check, select_rules
from ..checks.rule import Rule
from ..settings import DEFAULT, Settings
from ..sources.decoding import Bad, decode, decode_exactly
from ..sources.opening import UTF8_BOM
from .baseline import read_baseline, without_known
from .blocks import Block
from .dataset import Dataset
from .edits import Edits
from .errors import QueryError
from .found_duplicates import remember
from .ignoring import without_ignored
from .issues import issue_of
from .model import Issue, Span
from .query import Query
from .report import Report
from .wording import names_in


def run_check(dataset: Dataset, settings: Settings, *, balance: bool = False) -> Report:
    """Run the rules that the settings name, and gather the balance beside them if it is asked for (see :meth:`Dataset.check`)."""
    from ..balance.gathered import everything

    began = time.perf_counter()
    settings, chosen = _chosen(settings)
    profile = settings["profile"]
    query = None if settings["where"] is None else Query(settings["where"])
    known = None if settings["baseline"] is None else read_baseline(Path(settings["baseline"]))
    edits = dataset.edits
    check = Check(chosen, profile)
    gathering = everything(dataset) if balance else None
    also = None if gathering is None else gathering.add
    with _no_garbage_search(), ThreadPoolExecutor(1) as beside:
        # The rules run on one block while the next one is read: regular expressions need no interpreter.
        running: Future[None] | None = None
        before: Block | None = None
        for block in _blocks(dataset, check):
            if before is not None and "words" in vars(before):
                _ = block.words  # the rules want them, and have more to do than the reading
            if running is not None:
                running.result()
            running, before = beside.submit(check.add, block, also), block
        if running is not None:
            running.result()
        _show_rejected(dataset, check, edits)
    if gathering is not None:
        gathering.finish()
    report = Report(dataset, chosen, profile, check.finish(), dataset.index, edits, settings=settings)
    for near, found in check.duplicates():
        remember(dataset, edits, near, found)
    if known is not None:
        report = without_known(report, known, Path(settings["baseline"]))
    report = without_ignored(report)
    if query is not None:
        report = report.narrowed(query.text)
    report.seconds = time.perf_counter() - began
    return report


@contextlib.contextmanager
def _no_garbage_search() -> Iterator[None]:
    """A block is many objects that live shortly and hold no circles; looking for circles among them costs 6 % of a check."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def stream_issues(dataset: Dataset, settings: Settings) -> Iterator[Issue]:
    """Findings block by block, then those about the dataset."""
    settings, chosen = _chosen(settings)
    profile = settings["profile"]
    check = Check(chosen, profile)
    edits, seen = dataset.edits, 0
    for block in _blocks(dataset, check):
        check.add(block)
        rows = check.found_since(seen)
        seen += len(rows)
        places = {index: at for at, index in enumerate(block.indices)}
        for number, severity, source, index, turn, start, end, detail in rows:
            if chosen[number].code == "rule.failed":
                continue  # it comes with those about the dataset
            conversation = block.conversation(places[index]) if index in places else None
            evidence = None if detail < 0 else check.detail(detail)
            span = Span(start, end)
            yield issue_of(chosen[number], severity, source, index, turn, span, evidence, conversation)
    _show_rejected(dataset, check, edits)
    findings = check.finish()
    report = Report(dataset, chosen, profile, findings, dataset.index, edits)
    waves = {n for n, r in enumerate(chosen) if r.wave is not None or r.code == "rule.failed"}
    for row in findings.table.with_row_index("n").filter(pl.col("rule").is_in(list(waves)))["n"].to_list():
        yield report.issue(row)


def _blocks(dataset: Dataset, check: Check) -> Iterator[Block]:
    """The blocks of a dataset, after what there is to say about its sources."""
    for number, source in enumerate(dataset.sources):
        marked = source.start == len(UTF8_BOM) and source.encoding == "utf-8"  # UTF-16 needs its mark
        if marked and (number, -1) not in dataset.edits:
            check.note_source("file.bom", number, {"bytes": 3})
    yield from dataset.blocks()
    for number, source in enumerate(dataset.sources):
        for remark in source.remarks:
            check.note_source(remark.code, number, remark.detail)


def _show_rejected(dataset: Dataset, check: Check, edits: Edits) -> None:
    """Records that are no conversation, to the rules that look at them."""
    if not check.sees_rejected:
        return
    for rejected in dataset.index.rejected:
        data = dataset.record_bytes(rejected.source, rejected.index, edits)
        if rejected.code.startswith("record.") and data is not None and not isinstance(decode(data), Bad):
            check.show_rejected(rejected.source, rejected.index, rejected.line, decode_exactly(data))


def _chosen(settings: Settings) -> tuple[Settings, list[Rule]]:
    """The rules that run, with their thresholds; and the settings with every threshold of theirs said."""
    profile = settings["profile"]
    if profile not in PROFILES:
        refused = QueryError(f"No profile is called {profile!r}; there are {', '.join(PROFILES)}.")
        raise settings.blamed("profile", refused)
    wanted, unwanted = names_in(settings["select"]), names_in(settings["ignore"])
    for name, names, among in (("select", wanted, profile), ("ignore", unwanted, None)):
        try:
            check_codes(names or (), among)
        except QueryError as problem:
            raise settings.blamed(name, problem) from None
    thresholds = settings.table("thresholds")
    for name in thresholds:
        try:
            _check_threshold(name)
        except QueryError as problem:
            raise settings.blamed(f"thresholds.{name}", problem) from None
    chosen = []
    said: dict[str, float] = {}
    for one in select_rules(rules_of(profile), wanted, unwanted, profile):
        values = {name: thresholds.get(f"{one.code}.{name}", usual) for name, usual in one.thresholds.items()}
        said |= {f"{one.code}.{name}": value for name, value in values.items()}
        chosen.append(one if values == one.thresholds else replace(one, thresholds=values))
    usual = {name: value for name, value in said.items() if name not in thresholds}
    return settings.given({"thresholds": usual}, DEFAULT), chosen


def _check_threshold(name: str) -> None:
    """Refuse a threshold that no rule has."""
    code, _, last = name.rpartition(".")
    known = {one.code: list(one.thresholds) for one in (*rules(), *compat_rules())}
    if code not in known:
        if name in known:
            raise QueryError(f"{name!r} is a rule; say which threshold of it: {_listed(name, known[name])}.")
        having = [f"{one}.{own}" for one, owns in known.items() for own in owns]
        raise QueryError(f"No rule has a threshold {name!r}; there are {', '.join(having)}.")
    if last not in known[code]:
        raise QueryError(f"{code} has no threshold {last!r}; {_listed(code, known[code])}.")


def _listed(code: str, names: Sequence[str]) -> str:
    return f"it has {', '.join(names)}" if names else "it has none"
