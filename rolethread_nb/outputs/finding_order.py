"""The order of findings in the grid, worked out over columns of small numbers: a million take milliseconds."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

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


@dataclass(frozen=True)
class Order:
    """Findings in an order.

    Attributes:
        rows: where each stands in the table of the report.
        groups: how many there are of each code and severity, in the order of sort ``group``.
        heads: for sort ``conversation``, the positions at which another conversation begins; else None.
    """

    rows: Rows
    groups: list[Payload]
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


def order_findings(report: Report, mask: Mask | None, sort: str, descending: bool) -> Order:
    """The findings of a mask (all without one) in an order. Those that have nothing to be sorted by come last.

    Raises:
        QueryError: if there is no such order.
    """
    if sort not in SORTS:
        raise QueryError(f"Findings cannot be sorted by {sort!r}.")
    table = report.findings.table
    rows = np.arange(table.height) if mask is None else np.flatnonzero(mask)
    kinds = kinds_of(report)[rows]
    groups, ranks = _groups(report, kinds)
    if sort == "conversation":
        ordered, heads = _by_conversation(report, rows, descending)
        return Order(ordered, groups, heads)
    if sort == "group":
        return Order(rows[_sorted(ranks[kinds], False)], groups)
    if sort == "severity":
        key: Numbers = table["severity"].to_numpy()[rows]
    elif sort == "code":
        codes = [rule.code for rule in report.rules]
        alphabetical = np.empty(max(1, len(codes)), dtype=np.uint16)
        alphabetical[sorted(range(len(codes)), key=codes.__getitem__)] = np.arange(len(codes))
        key = alphabetical[table["rule"].to_numpy()[rows]]
    elif sort == "turn":
        key = table["turn"].fill_null(-1).to_numpy()[rows]
    else:
        names = sorted(range(len(ROLES)), key=ROLES.__getitem__)
        alphabetical = np.full(_NONE + 1, -1, dtype=np.int16)
        alphabetical[names] = np.arange(len(ROLES))
        key = alphabetical[roles_of(report)[rows]]
    return Order(rows[_sorted(key, descending)], groups)


def _groups(report: Report, kinds: npt.NDArray[np.uint32]) -> tuple[list[Payload], npt.NDArray[np.uint16]]:
    """The groups in order, and the rank of the group of each kind."""
    rules = report.rules
    size = max(1, len(rules))
    counts = np.bincount(kinds, minlength=size * len(SEVERITIES))
    present = [(*divmod(int(kind), size), int(counts[kind])) for kind in np.flatnonzero(counts)]
    present.sort(key=lambda group: (group[0], -group[2], rules[group[1]].code))
    ranks = np.zeros(len(counts), dtype=np.uint16)
    listed = []
    for rank, (severity, rule, count) in enumerate(present):
        ranks[severity * size + rule] = rank
        listed.append(
            {
                "code": rules[rule].code,
                "severity": SEVERITIES[severity],
                "title": rules[rule].title,
                "count": count,
            }
        )
    return listed, ranks


def _sorted(key: Numbers, descending: bool) -> Rows:
    """A stable order by a key; what is below 0 comes last. Keys of 16 bits are sorted by radix."""
    if not len(key):
        return np.empty(0, dtype=np.int64)
    wide = key.astype(np.int64)
    most = int(wide.max()) + 1
    wide = np.where(wide < 0, most, most - 1 - wide if descending else wide)
    return np.argsort(wide.astype(np.uint16) if most < 2**16 else wide, kind="stable")


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
