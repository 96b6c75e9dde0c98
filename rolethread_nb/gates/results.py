"""What came of gates: which passed, which did not, and the conversations behind each number."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.errors import QueryError
from ..settings import shown
from .balanced import Balance
from .measured import Measured
from .measuring import measure
from .reading import Gate, gates_in, read_gates
from .wording import beside, limit

if TYPE_CHECKING:
    import pandas as pd

    from ..core.model import Conversation
    from ..core.report import Report

SIGNS = {True: "✓", False: "✗"}
_COLUMNS = ["name", "ok", "value", "min", "max", "share_of", "says", "not_run", "query"]
_NAMED = 5  # codes that a sentence lists


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one gate.

    Attributes:
        gate: the gate.
        ok: whether the number keeps the limits. False where it was not measured.
        value: the number; a share goes from 0 to 1; None where it was not measured, since there is nothing to measure or the rule did not
            run.
        says: the outcome in a sentence: ``severity:error: 12 findings, at most 0``.
        query: the query that finds what is behind the number; empty for every conversation, None where no query can say it.
        report: the report that was measured.
        rows: the conversations behind the number, as rows of ``report.index``.
        not_run: the codes of the rules of a family that did not run, so that their findings are not in the number.
    """

    gate: Gate
    ok: bool
    value: float | None
    says: str
    query: str | None
    report: Report
    rows: Sequence[int]
    not_run: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What the gate is called."""
        return self.gate.name

    def conversations(self) -> list[Conversation]:
        """The conversations behind the number, in file order, as they were when they were checked."""
        frame = self.report.index.conversations
        places = frame.select("source", "index")[list(self.rows)].iter_rows()
        found = (self.report.conversation(source, index) for source, index in places)
        return [conversation for conversation in found if conversation is not None]

    def as_dict(self) -> dict[str, Any]:
        """The form of ``check --json``."""
        gate = self.gate
        return {
            "name": gate.name,
            "measure": gate.measure,
            "ok": self.ok,
            "value": self.value,
            "min": gate.least,
            "max": gate.most,
            "share_of": gate.of,
            "says": self.says,
            "not_run": list(self.not_run),
            "query": self.query,
        }

    def __repr__(self) -> str:
        return f"<Result {SIGNS[self.ok]} {self.says}>"


class Gates:
    """The results of some gates, in their order: ``len(gates)``, ``gates["severity:error"]``, iteration.

    Attributes:
        path: the file of the gates as it is shown, None if they came from a mapping.
    """

    def __init__(self, results: Sequence[Result], path: str | None = None) -> None:
        self._results = tuple(results)
        self.path = path

    @property
    def ok(self) -> bool:
        """True if every gate passed."""
        return all(result.ok for result in self._results)

    @property
    def failed(self) -> list[Result]:
        """The gates that did not pass."""
        return [result for result in self._results if not result.ok]

    @property
    def results(self) -> pd.DataFrame:
        """One row a gate: name, ok, value, min, max, share_of, says, not_run, query."""
        import pandas as pd

        return pd.DataFrame([result.as_dict() for result in self._results], columns=_COLUMNS)

    @property
    def summary(self) -> str:
        """How many passed, in a few words."""
        failed, count = len(self.failed), len(self._results)
        return f"{failed:,} of {count:,} failed" if failed else f"all {count:,} passed"

    def as_dict(self) -> dict[str, Any]:
        """The object of ``check --json``."""
        return {"ok": self.ok, "file": self.path, "results": [result.as_dict() for result in self._results]}

    def __len__(self) -> int:
        return len(self._results)

    def __iter__(self) -> Iterator[Result]:
        return iter(self._results)

    def __getitem__(self, name: str) -> Result:
        """The result of a gate.

        Raises:
            QueryError: if none is called so.
        """
        for result in self._results:
            if result.name == name:
                return result
        known = ", ".join(result.name for result in self._results)
        raise QueryError(f"No gate is called {name!r}; there are {known}.")

    def __bool__(self) -> bool:
        """A set of gates is no number: say ``ok``."""
        raise TypeError("Say .ok to know whether the gates passed.")

    def __str__(self) -> str:
        head = f"gates{'' if self.path is None else f' {self.path}'}: {self.summary}"
        return "\n".join([head, *(f"  {SIGNS[result.ok]} {result.says}" for result in self._results)])

    def __repr__(self) -> str:
        return f"<{str(self).replace('gates', 'Gates', 1)}>"

    def _repr_html_(self) -> str:
        from ..outputs.gates_view import gates_html

        return gates_html(self)


def run_gates(report: Report, given: str | PathLike[str] | Mapping[str, Any] | None) -> Gates:
    """Measure a report against gates (see :meth:`Report.gates`)."""
    if given is None:
        given = report.settings["gate"]
    if given is None:
        raise QueryError(
            'Say which gates: report.gates("gates.toml"), or gate = "gates.toml" in the settings.'
        )
    if isinstance(given, Mapping):
        path, gates = None, gates_in(given)
    elif isinstance(given, str | PathLike):
        path, gates = shown(Path(given)), read_gates(Path(given))
    else:
        raise QueryError(f"Gates are a file or a mapping, not {given!r}.")
    balance = Balance(report, gates)
    return Gates([_result(report, gate, balance) for gate in gates], path)


def _result(report: Report, gate: Gate, balance: Balance) -> Result:
    measured = measure(report, gate, balance)
    value = measured.value
    ok = (
        value is not None
        and (gate.most is None or value <= gate.most)
        and (gate.least is None or value >= gate.least)
    )
    says, not_run = _says(gate, measured), tuple(measured.not_run)
    return Result(gate, ok, value, says, measured.query, report, measured.rows, not_run)


def _says(gate: Gate, measured: Measured) -> str:
    """The outcome in one line: what was measured, and what it has to keep."""
    name = gate.name if gate.name == gate.measure else f"{gate.name} ({gate.measure})"
    where = f" with {gate.where}" if gate.where else ""
    number = measured.says
    if gate.of is not None and measured.value is not None and measured.parts is not None:
        edges = [] if gate.most is None else [gate.most]
        number += f" ({beside(measured.value, edges, 100)} %)"
    return f"{name}{where}: {number}, {_limits(gate)}{_without(measured.not_run)}"


def _without(codes: Sequence[str]) -> str:
    if not codes:
        return ""
    more = len(codes) - _NAMED
    return f"; not run: {', '.join(codes[:_NAMED])}{f' and {more:,} more' if more > 0 else ''}"


def _limits(gate: Gate) -> str:
    if gate.of is not None and gate.most is not None:
        return f"at most {limit(gate.most, 100)} %"
    if gate.most is not None and gate.least is not None:
        return f"from {limit(gate.least)} to {limit(gate.most)}"
    return f"at most {limit(gate.most)}" if gate.most is not None else f"at least {limit(gate.least or 0)}"
