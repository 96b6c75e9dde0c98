"""The order of findings in the grid, worked out over columns of small numbers: a million take milliseconds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..core.errors import QueryError
from ..core.model import SEVERITIES
from ..sources.roles import ROLES
from .thread_view import Payload

if TYPE_CHECKING:
    from ..core.placing import Mask, Rows
    from ..core.report import Report

Numbers = npt.NDArray[Any]
SORTS = ("group", "severity", "code", "conversation", "turn", "role")
_NONE = 255  # the role of a finding that has no turn, or whose turn has no known one


class Groups(NamedTuple):
    """How many findings there are of each code and severity, in the order of sort ``group``; and the rank of each kind of finding."""

    listed: list[Payload]
    ranks: npt.NDArray[np.uint16]


@dataclass(frozen=True)
class Order:
    """Findings in an order.

    Attributes:
        rows: where each stands in the table of the report.
        heads: for sort ``conversation``, the positions at which another conversation begins; else None.
    """

    rows: Rows
    heads: Rows | None = None

    @cached_property
    def head_lines(self) -> Rows:
        """The line of each heading, if each conversation has one above its findings."""
        assert self.heads is not None
        return self.heads + np.arange(len(self.heads))

    @property
    def line_count(self) -> int:
        """Findings and headings together."""
        return len(self.rows) + len(self.head_lines)

    def line_of(self, position: int) -> int:
        """The line of the finding at a position."""
        assert self.heads is not None
        return position + int(np.searchsorted(self.heads, position, side="right"))

    def lines(self, offset: int, limit: int) -> list[tuple[int, bool]]:
        """Lines as the position of their finding; true for a heading, with that of the first finding below it."""
        heads = self.head_lines
        found = []
        for line in range(offset, min(offset + limit, self.line_count)):
            before = int(np.searchsorted(heads, line, side="right"))
            is_head = before > 0 and int(heads[before - 1]) == line
            found.append((line - before + is_head, is_head))
        return found


def roles_of(report: Report) -> npt.NDArray[np.uint8]:
    """The role of the turn of each finding, as its position in ``ROLES``."""
    codes = report.index.turns["role"].to_physical().fill_null(_NONE).to_numpy().astype(np.uint8)
    return np.append(codes, np.uint8(_NONE))[report.findings.placed(report.index).turns]


def kinds_of(report: Report) -> npt.NDArray[np.uint32]:
    """Code and severity of each finding as one number: severity times the number of rules, plus the rule."""
    table = report.findings.table
    severity = table["severity"].to_numpy().astype(np.uint32)
    kinds: npt.NDArray[np.uint32] = severity * max(1, len(report.rules)) + table["rule"].to_numpy()
    return kinds


def group_findings(report: Report, mask: Mask | None) -> Groups:
    """The findings of a mask (all without one) by severity, then code by count."""
    rules = report.rules
    size = max(1, len(rules))
    kinds = kinds_of(report)
    counts = np.bincount(kinds if mask is None else kinds[mask], minlength=size * len(SEVERITIES))
    present = [(*divmod(int(kind), size), int(counts[kind])) for kind in np.flatnonzero(counts)]
    present.sort(key=lambda group: (group[0], -group[2], rules[group[1]].code))
    ranks = np.zeros(len(counts), dtype=np.uint16)
    listed: list[Payload] = []
    for rank, (severity, rule, count) in enumerate(present):
        ranks[severity * size + rule] = rank
        titled = {"code": rules[rule].code, "severity": SEVERITIES[severity], "title": rules[rule].title}
        listed.append({**titled, "count": count})
    return Groups(listed, ranks)


def order_findings(report: Report, mask: Mask | None, groups: Groups, sort: str, descending: bool) -> Order:
    """The findings of a mask in an order. Those that have nothing to be sorted by come last.

    Raises:
        QueryError: if there is no such order.
    """
    if sort not in SORTS:
        raise QueryError(f"Findings cannot be sorted by {sort!r}.")
    table = report.findings.table
    if sort == "conversation":
        rows = np.arange(table.height) if mask is None else np.flatnonzero(mask)
        return Order(*_by_conversation(report, rows, descending))
    if sort == "group":
        key: Numbers = groups.ranks[kinds_of(report)]
    elif sort == "severity":
        key = table["severity"].to_numpy()
        key = len(SEVERITIES) - key if descending else key
    elif sort == "code":
        key = _ranks([rule.code for rule in report.rules], descending)[table["rule"].to_numpy()]
    elif sort == "role":
        key = _ranks(ROLES, descending)[roles_of(report)]
    else:
        key = _turn_ranks(table["turn"].fill_null(-1).to_numpy(), descending)
    if mask is None:
        return Order(np.argsort(key, kind="stable"))
    rows = np.flatnonzero(mask)
    return Order(rows[np.argsort(key[rows], kind="stable")])


def _ranks(names: Sequence[str], descending: bool) -> Numbers:
    """The rank of each name in alphabetical order; what has none comes last. Numbers of 8 or 16 bits are sorted by radix, 8 in one pass."""
    kind = np.uint8 if len(names) < _NONE else np.uint16
    ranks: Numbers = np.full(max(len(names), _NONE) + 1, np.iinfo(kind).max, dtype=kind)
    for rank, at in enumerate(sorted(range(len(names)), key=names.__getitem__, reverse=descending)):
        ranks[at] = rank
    return ranks


def _turn_ranks(turns: Numbers, descending: bool) -> Numbers:
    """Turns to sort by, in as few bits as they need; those that are missing (-1) come last."""
    most = int(turns.max(initial=0)) + 1
    kind = np.uint8 if most < 2**8 else np.uint16 if most < 2**16 else np.uint32
    ranks: Numbers = (most - 1 - turns if descending else turns).astype(kind)
    ranks[turns < 0] = most
    return ranks


def _by_conversation(report: Report, rows: Rows, descending: bool) -> tuple[Rows, Rows]:
    """Conversations in file order or against it, the findings of each as they stand; and where each begins."""
    table = report.findings.table
    index = table["index"].fill_null(-1).to_numpy()[rows]
    source = table["source"].fill_null(-1).to_numpy()[rows]
    if not len(rows):
        return rows, rows
    changed = (index[1:] != index[:-1]) | (source[1:] != source[:-1])
    begins = np.flatnonzero(np.concatenate(([True], changed)))
    if not descending:
        return rows, begins
    runs = np.arange(len(begins))
    of_records = int((index[begins] >= 0).sum())  # what is about no record stays last
    runs[:of_records] = runs[:of_records][::-1].copy()
    sizes = np.diff(np.append(begins, len(rows)))[runs]
    heads = np.cumsum(sizes) - sizes
    return rows[np.repeat(begins[runs] - heads, sizes) + np.arange(len(rows))], heads
