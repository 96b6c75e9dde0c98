"""The report: what a check found. Sentences are made when somebody looks."""

from __future__ import annotations

import contextlib
import csv
import gc
import io
import json
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from .._version import __version__
from ..checks.catalogue import PROFILES, check_codes, rule, rules
from ..checks.engine import Check, select_rules
from ..checks.rule import Rule
from ..sources.opening import UTF8_BOM
from .blocks import Block
from .dataset import Dataset
from .errors import QueryError
from .findings import Findings
from .index import Index
from .journal import Edits
from .model import SEVERITIES, Conversation, Issue, Span
from .wording import plural

if TYPE_CHECKING:
    import pandas as pd

    from .repair import Plan

_COLUMNS = list(Issue.__slots__)


def run_check(
    dataset: Dataset,
    profile: str = "chat",
    *,
    select: Sequence[str] | str | None = None,
    ignore: Sequence[str] | str | None = None,
    where: str | None = None,
) -> Report:
    """Run the rules of a profile (see :meth:`Dataset.check`)."""
    began = time.perf_counter()
    chosen = _chosen(profile, select, ignore)
    edits = dataset.edits
    check = Check(chosen, profile)
    with _no_garbage_search(), ThreadPoolExecutor(1) as beside:
        # The rules run on one block while the next one is read: regular expressions need no interpreter.
        running: Future[None] | None = None
        for block in _blocks(dataset, check):
            if running is not None:
                running.result()
            running = beside.submit(check.add, block)
        if running is not None:
            running.result()
    report = Report(dataset, chosen, profile, check.finish(), dataset.index, edits)
    if where is not None:
        report = report.narrowed(where)
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


def stream_issues(dataset: Dataset, profile: str = "chat") -> Iterator[Issue]:
    """Findings block by block, then those about the dataset."""
    chosen = _chosen(profile, None, None)
    check = Check(chosen, profile)
    edits, seen = dataset.edits, 0
    for block in _blocks(dataset, check):
        check.add(block)
        rows = check.found_since(seen)
        seen += len(rows)
        places = {index: at for at, index in enumerate(block.indices)}
        for number, severity, source, index, turn, start, end, detail in rows:
            conversation = block.conversation(places[index]) if index in places else None
            evidence = None if detail < 0 else check.detail(detail)
            span = Span(start, end)
            yield _issue(chosen[number], severity, source, index, turn, span, evidence, conversation)
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


def _chosen(
    profile: str, select: Sequence[str] | str | None, ignore: Sequence[str] | str | None
) -> list[Rule]:
    if profile not in PROFILES:
        raise QueryError(f"No profile is called {profile!r}; there are {', '.join(PROFILES)}.")
    wanted, unwanted = _names(select), _names(ignore)
    check_codes([*(wanted or ()), *(unwanted or ())])
    return select_rules(rules(), wanted, unwanted, profile)


def _names(names: Sequence[str] | str | None) -> list[str] | None:
    if names is None:
        return None
    parts = names.split(",") if isinstance(names, str) else names
    return [name.strip() for name in parts if name.strip()]


class Report:
    """What one check found in a dataset, as it was then.

    Attributes:
        dataset: the dataset that was checked.
        profile: the profile it was checked with.
        findings: all findings in compact columns.
        counts: findings by code, in the order of the catalogue.
        seconds: how long the check took.
    """

    def __init__(
        self,
        dataset: Dataset,
        chosen: Sequence[Rule],
        profile: str,
        findings: Findings,
        index: Index,
        edits: Edits,
    ) -> None:
        self.dataset = dataset
        self.profile = profile
        self.rules = list(chosen)
        self.findings = findings
        self.index = index
        self.edits = edits
        self.seconds = 0.0
        per_rule = dict(findings.table.group_by("rule").len().iter_rows())
        self.counts: dict[str, int] = {r.code: per_rule[n] for n, r in enumerate(self.rules) if n in per_rule}

    def __len__(self) -> int:
        return len(self.findings)

    @property
    def ok(self) -> bool:
        """True if no finding is an error."""
        return self.severities["error"] == 0

    @property
    def severities(self) -> dict[str, int]:
        """Findings by severity."""
        found = dict(self.findings.table.group_by("severity").len().iter_rows())
        return {name: found.get(number, 0) for number, name in enumerate(SEVERITIES)}

    def issue(self, n: int) -> Issue:
        """One finding in full, by its number (0 is the first)."""
        number, severity, source, index, turn, start, end, detail = self.findings.table.row(n)
        conversation = None if index is None else self.conversation(source, index)
        evidence = None if detail < 0 else self.findings.details[detail]
        return _issue(
            self.rules[number], severity, source, index, turn, Span(start, end), evidence, conversation
        )

    def conversation(self, source: int, index: int) -> Conversation | None:
        """A conversation as it was when it was checked."""
        return self.dataset.conversation_at(source, index, self.edits)

    def __iter__(self) -> Iterator[Issue]:
        return (self.issue(n) for n in range(len(self)))

    @property
    def issues(self) -> pd.DataFrame:
        """Every finding as a pandas frame; the columns are the keys of ``check --json``."""
        import pandas as pd

        rows = [issue.as_dict() for issue in self]
        numbers = dict.fromkeys(("source", "conversation", "line", "turn", "start", "end"), "Int64")
        return pd.DataFrame(rows, columns=_COLUMNS).astype(numbers)

    def narrowed(self, query: str) -> Report:
        """The report with only the findings that match a query."""
        from .query import Query

        rows = Query(query).finding_rows(self)
        findings = Findings(self.findings.table[rows], self.findings.details)
        return Report(self.dataset, self.rules, self.profile, findings, self.index, self.edits)

    def valid_keys(self) -> set[str]:
        """Keys (``"source:record"``) of the conversations without an error."""
        wrong = self.findings.table.filter((pl.col("severity") == 0) & pl.col("index").is_not_null())
        bad = set(wrong.select("source", "index").iter_rows())
        for row in self.findings.table.filter((pl.col("severity") == 0) & pl.col("index").is_null())[
            "detail"
        ].to_list():
            if row >= 0:
                bad.update((place[0], place[1]) for place in self.findings.details[row].get("related", ()))
        return {f"{source}:{index}" for source, index in self.index.row_of if (source, index) not in bad}

    def repairs(self, *, unsafe: bool = False, select: Sequence[str] | str | None = None) -> Plan:
        """What could be repaired, as a plan that can be read and applied.

        Args:
            unsafe: offer repairs as well that may change what is meant.
            select: only these codes or families.
        """
        from .repair import make_plan

        wanted = _names(select)
        if wanted is not None:
            check_codes(wanted)
        return make_plan(self, unsafe=unsafe, select=wanted)

    def explain(self, code: str) -> str:
        """The manual page of a rule, as text.

        Raises:
            QueryError: if no rule has this code.
        """
        from ..checks.manual import page_text

        return page_text(rule(code))

    def as_dict(self) -> dict[str, Any]:
        """The object of ``check --json``."""
        frame = self.index.conversations
        formats: dict[int, dict[str, int]] = {}
        by_format = (
            frame.group_by("source", "format")
            .len()
            .sort("source", "len", "format", descending=[False, True, False])
        )
        for source, name, count in by_format.iter_rows():
            formats.setdefault(source, {})[name] = count
        rejected: dict[int, int] = {}
        for record in self.index.rejected:
            rejected[record.source] = rejected.get(record.source, 0) + 1
        return {
            "schema": 1,
            "version": __version__,
            "profile": self.profile,
            "sources": [
                {
                    "path": source.name,
                    "records": sum(formats.get(number, {}).values()) + rejected.get(number, 0),
                    "conversations": sum(formats.get(number, {}).values()),
                    "formats": formats.get(number, {}),
                    "rejected": rejected.get(number, 0),
                }
                for number, source in enumerate(self.dataset.sources)
            ],
            "conversations": frame.height,
            "turns": self.index.turns.height,
            "rejected": [record.as_dict() for record in self.index.rejected],
            "issues": [issue.as_dict() for issue in self],
            "counts": self.counts,
            "balance": self._balance(),
            "seconds": round(self.seconds, 3),
        }

    def _balance(self) -> dict[str, Any]:
        turns, frame = self.index.turns, self.index.conversations
        roles = turns.group_by(pl.col("role").cast(pl.String).fill_null("unknown")).len().sort("role")
        words = (
            turns.group_by(pl.col("role").cast(pl.String).fill_null("unknown"))
            .agg(pl.col("words").sum())
            .sort("role")
        )
        return {
            "roles": dict(roles.iter_rows()),
            "words": dict(words.iter_rows()),
            "system_prompts": frame["system"].drop_nulls().n_unique(),
            "without_system_prompt": int(frame["system"].is_null().sum()),
        }

    def to_json(self, path: str | Path | None = None) -> str:
        """The report as JSON text; written to ``path`` as well if one is given."""
        text = json.dumps(self.as_dict(), indent=1)
        return self._kept(text + "\n", path)

    def to_csv(self, path: str | Path | None = None) -> str:
        """The findings as CSV. Cells that a spreadsheet would take for a formula get a quotation mark in front."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\r\n")  # so that a cell with either of the two is quoted
        writer.writerow(_COLUMNS)
        for issue in self:
            cells = (
                json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value
                for value in issue.as_dict().values()
            )
            writer.writerow([_defused(cell) for cell in cells])
        return self._kept(out.getvalue(), path)

    def to_html(self, path: str | Path | None = None) -> str:
        """The findings and charts as one static HTML page part, without scripts."""
        from ..outputs.static import review_html
        from ..outputs.views import ReviewView

        return self._kept(review_html(ReviewView(self).state()), path)

    def _kept(self, text: str, path: str | Path | None) -> str:
        if path is not None:
            from ..outputs.export import refuse_a_source
            from ..outputs.writing import write_atomically

            refuse_a_source(self.dataset, Path(path))
            write_atomically(Path(path), [text.encode("utf-8", "replace")], overwrite=True)
        return text

    def __repr__(self) -> str:
        severities = ", ".join(
            plural(count, "note" if name == "info" else name)
            for name, count in self.severities.items()
            if count
        )
        return f"<Report on {self.dataset.name}: {severities or 'no findings'} in {self.index.conversations.height:,} conversations>"

    def _repr_html_(self) -> str:
        return self.to_html()


def _defused(cell: object) -> object:
    text = cell.encode("utf-8", "replace").decode() if isinstance(cell, str) else cell
    return f"'{text}" if isinstance(text, str) and text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def _issue(
    found: Rule,
    severity: int,
    source: int | None,
    index: int | None,
    turn: int | None,
    span: Span,
    noted: dict[str, Any] | None,
    conversation: Conversation | None,
) -> Issue:
    messages = conversation.messages if conversation is not None else []
    message = messages[turn] if turn is not None and turn < len(messages) else None
    evidence: dict[str, Any] = {}
    if noted is not None:
        evidence = dict(noted)
    elif found.evidence is not None and message is not None:
        evidence = dict(found.evidence(message, span))
    related = [
        dict(zip(("source", "conversation", "turn"), place, strict=False))
        for place in evidence.pop("related", ())
    ]
    path = None
    if message is not None:
        path = {
            "content": message.content_pointer,
            "role": message.role_pointer,
            "message": message.pointer,
        }[found.where]
        if found.code == "turn.stray_key":
            path = f"{message.pointer}/{evidence['key'].replace('~', '~0').replace('/', '~1')}"
    elif conversation is not None:
        path = conversation.reading.pointer
    return Issue(
        code=found.code,
        severity=SEVERITIES[severity],
        source=source,
        conversation=index,
        id=conversation.id if conversation is not None else None,
        line=noted_line(conversation, noted),
        turn=turn,
        path=path,
        start=span.start if turn is not None else None,
        end=span.end if turn is not None else None,
        message=found.message(evidence),
        evidence={key: value for key, value in evidence.items() if key not in ("turn", "line")},
        related=related,
        repair=found.repair_of(evidence),
    )


def noted_line(conversation: Conversation | None, noted: dict[str, Any] | None) -> int | None:
    """The line of a finding: its conversation's, or the one a rejected record was noted with."""
    if conversation is not None:
        return conversation.line
    line = (noted or {}).get("line")
    return line if isinstance(line, int) else None
