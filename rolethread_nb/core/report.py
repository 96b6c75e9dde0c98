"""The report: what a check found. Sentences are made when somebody looks."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from ..checks.catalogue import check_codes, rule
from ..checks.rule import Rule
from ..settings import Settings
from .dataset import Dataset
from .edits import Edits
from .findings import Findings
from .index import Index
from .issues import issue_of
from .model import SEVERITIES, Conversation, Issue, Span
from .wording import names_in, plural

if TYPE_CHECKING:
    import os

    import pandas as pd

    from ..compat.score import RolethreadScore
    from ..gates import Gates
    from ..health import Card
    from ..sources.roles import Role
    from ..widgets.datagrid import FindingGrid
    from ..widgets.issues import Issues
    from .baseline import Known
    from .repair import Plan

_COLUMNS = list(Issue.__slots__)


class Report:
    """What one check found in a dataset, as it was then.

    Attributes:
        dataset: the dataset that was checked.
        profile: the profile it was checked with.
        findings: all findings in compact columns.
        counts: findings by code, in the order of the catalogue.
        settings: every value the check ran with, and where it came from.
        baseline: what a baseline file already knew, None if there was none.
        ignored: a report of the findings that the review ignores (:meth:`Dataset.ignore`), None if there are none; they are not in this one.
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
        *,
        settings: Settings | None = None,
    ) -> None:
        self.dataset = dataset
        self.profile = profile
        self.rules = list(chosen)
        self.findings = findings
        self.index = index
        self.edits = edits
        self.settings = settings or Settings()
        self.baseline: Known | None = None
        self.everything = findings
        self.ignored: Report | None = None
        self.seconds = 0.0
        self._gated: tuple[Path, Gates] | None = None
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
        number, severity, source, index, turn, start, end, detail = self.findings.table.row(
            self.findings.position(n)
        )
        conversation = None if index is None else self.conversation(source, index)
        evidence = None if detail < 0 else self.findings.details[detail]
        return issue_of(
            self.rules[number], severity, source, index, turn, Span(start, end), evidence, conversation
        )

    def conversation(self, source: int, index: int) -> Conversation | None:
        """A conversation as it was when it was checked."""
        return self.dataset.conversation_at(source, index, self.edits)

    def __iter__(self) -> Iterator[Issue]:
        numbers = self.findings.numbers
        return (self.issue(n) for n in (range(len(self)) if numbers is None else numbers.to_list()))

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

        return self.with_findings(Query(query).finding_numbers(self))

    def with_findings(self, numbers: Sequence[int] | pl.Series) -> Report:
        """The report with only the findings of these numbers. There they are numbered anew, from 0."""
        rows = self.findings.positions(numbers)
        table = self.findings.table[rows if isinstance(rows, pl.Series) else list(rows)]
        findings = Findings(table, self.findings.details)
        kept = Report(
            self.dataset, self.rules, self.profile, findings, self.index, self.edits, settings=self.settings
        )
        kept.baseline, kept.everything, kept.seconds = self.baseline, self.everything, self.seconds
        kept.ignored = self.ignored
        return kept

    def write_baseline(self, path: str | Path) -> int:
        """Write a baseline file: a later check that is given it (``ds.check(baseline=path)``) reports only what is new.

        It holds every finding of the check, also those that a query left out or an older baseline knew; hashes, no text of the
        dataset (docs/settings.md). A baseline that stands there is replaced, but for findings of rules that did not run; any other
        file is not. Returns how many findings it holds.

        Raises:
            StalePlanError: if the dataset has changed since it was checked.
            ExportError: if the file is something else, or cannot be written.
        """
        from .baseline import write_baseline

        return write_baseline(self, Path(path))

    def precision(self) -> pd.DataFrame:
        """How often each rule was right on this dataset, by what was ignored: one row a code.

        A finding is judged once it is ignored, or a decision other than ``later`` was made on its conversation. Columns: code, found,
        judged, ignored, precision (the share of the judged that were not ignored, missing where none is judged), low and high (its
        95 % interval, :func:`rolethread_nb.core.sampling.wilson`).
        """
        from .sampling import precision

        return precision(self)

    def valid_keys(self) -> set[str]:
        """Keys (``"source:record"``) of the conversations without an error."""
        wrong = self.findings.table.filter((pl.col("severity") == 0) & pl.col("index").is_not_null())
        bad = set(wrong.select("source", "index").iter_rows())
        for row in self.findings.table.filter((pl.col("severity") == 0) & pl.col("index").is_null())[
            "detail"
        ].to_list():
            if row >= 0:
                bad.update((place[0], place[1]) for place in self.findings.details[row].get("related", ()))
        places = self.index.conversations.select("source", "index").iter_rows()
        return {f"{source}:{index}" for source, index in places if (source, index) not in bad}

    def repairs(
        self,
        *,
        unsafe: bool = False,
        select: Sequence[str] | str | None = None,
        roles: Mapping[str, Role] | None = None,
    ) -> Plan:
        """What could be repaired, as a plan that can be read and applied.

        Args:
            unsafe: offer repairs as well that may change what is meant.
            select: only these codes or families.
            roles: which role an unknown label is, for example ``{"User 1": "user"}``: the layout's word for the role is written in
                its place, and the label kept as ``name``.

        Raises:
            QueryError: if a code, a role or a label is not known.
            StalePlanError: with ``roles``, if the dataset has changed since it was checked.
        """
        from .repair import make_plan

        wanted = names_in(select)
        if wanted is not None:
            check_codes(wanted)
        return make_plan(self, unsafe=unsafe, select=wanted, roles=roles)

    def explain(self, code: str) -> str:
        """The manual page of a rule, as text.

        Raises:
            QueryError: if no rule has this code.
        """
        from ..checks.manual import page_text

        return page_text(self.rule(code))

    def rule(self, code: str) -> Rule:
        """A rule as it was when the check ran, also if it was replaced or forgotten since; else the one of this code now.

        Raises:
            QueryError: if no rule has this code.
        """
        return next((ran for ran in self.rules if ran.code == code), None) or rule(code)

    def gates(self, gates: str | os.PathLike[str] | Mapping[str, Any] | None = None) -> Gates:
        """Measure what was found against limits (docs/gates.md).

        Args:
            gates: a file with a table ``[gates]``, or such a table as a mapping: ``{"severity:error": 0}``. None: the file that the
                settings name.

        Raises:
            QueryError: if a gate makes no sense.
            SourceError: if the file cannot be read.
            StalePlanError: if a gate is about the balance or about replies, and the dataset has changed.
        """
        from ..gates import run_gates

        return run_gates(self, gates)

    @property
    def gated(self) -> Gates | None:
        """The results of the gates that the settings name, None if they name none."""
        named = self.settings["gate"]
        if named is None:
            return None
        if self._gated is None or self._gated[0] != named:
            self._gated = named, self.gates()
        return self._gated[1]

    def rolethread_score(self, *, tags: Mapping[str, str | None] | None = None) -> RolethreadScore:
        """RoleThread Lite's score of the dataset, by its own formulas, with what each was reckoned from (docs/rolethread-lite.md).

        Args:
            tags: the tags that count as known, each with its category. None: those the app comes with, and those of the sidecar
                beside the file.

        Raises:
            StalePlanError: if the dataset has changed since it was checked.
        """
        from ..compat.score import rolethread_score

        return rolethread_score(self, tags)

    def as_dict(self) -> dict[str, Any]:
        """The object of ``check --json``."""
        from ..outputs.report_files import report_dict

        gated = self.gated
        return report_dict(self) if gated is None else {**report_dict(self), "gates": gated.as_dict()}

    def to_json(self, path: str | Path | None = None) -> str:
        """The report as JSON text; written to ``path`` as well if one is given."""
        text = json.dumps(self.as_dict(), indent=1)
        return self._kept(text + "\n", path)

    def to_csv(self, path: str | Path | None = None) -> str:
        """The findings as CSV. Cells that a spreadsheet would take for a formula get a quotation mark in front."""
        from ..outputs.report_files import report_csv

        return self._kept(report_csv(self), path)

    def to_html(self, path: str | Path | None = None) -> str:
        """The findings and charts as one static HTML page part, without scripts."""
        from ..outputs.static import review_html
        from ..outputs.views import ReviewView

        return self._kept(review_html(ReviewView(self).state(), limit=50, footer=self.footer), path)

    def to_sarif(self, path: str | Path | None = None) -> str:
        """The findings as SARIF 2.1.0, for code scanning (docs/ci.md); written to ``path`` as well if one is given."""
        from ..outputs.sarif import report_sarif

        return self._kept(report_sarif(self), path)

    def to_markdown(self, path: str | Path | None = None) -> str:
        """A summary in Markdown, for the page of a CI job (docs/ci.md); written to ``path`` as well if one is given."""
        from ..outputs.markdown import report_markdown

        return self._kept(report_markdown(self), path)

    def card(self) -> Card:
        """The health card: what was measured, in plain sentences with their numbers, the worst first (docs/card.md).

        Raises:
            StalePlanError: if the dataset has changed since it was checked.
        """
        from ..health import Card

        return Card(self)

    def datagrid(self) -> FindingGrid | Issues:
        """The findings as a spreadsheet, one row each, with cells for the review of their conversations (docs/datagrid.md).

        Returns:
            The spreadsheet; where ipydatagrid cannot be shown the issue grid, which says why.
        """
        from ..widgets.datagrid import finding_grid

        return finding_grid(self)

    @property
    def footer(self) -> str:
        """The settings of the check in a sentence or two, with what a baseline knew."""
        rest = ", everything else by default"
        known = "" if self.baseline is None else f" Baseline: {self.baseline}."
        return f"Settings: {self.settings.summary}{rest}.{known}"

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
        held = f"{self.index.conversations.height:,} conversations"
        more = "" if self.baseline is None else f"; {self.baseline}"
        return f"<Report on {self.dataset.name}: {severities or 'no findings'} in {held}; {self.settings.summary}{more}>"

    def _repr_html_(self) -> str:
        return self.to_html()
