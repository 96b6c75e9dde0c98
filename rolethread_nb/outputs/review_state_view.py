"""What a panel shows of the review: how far it is, what was decided, and the facets of the findings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ..core.model import SEVERITIES
from ..core.query_terms import sample_of, without
from ..core.review_state import DECISIONS
from ..core.turns import encodable
from ..sources.roles import ROLES
from .finding_order import roles_of
from .shortening import NAME, QUERY, SENTENCE, shortened
from .thread_view import Payload

if TYPE_CHECKING:
    from ..core.dataset import Dataset
    from ..core.placing import Mask
    from ..core.report import Report

Column = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]

_MOST = 200  # values of a facet that are listed
_MOST_LOST = 20  # sentences on what could not be read of a journal
_NONE = 2**16 - 1  # what has no value of its own


def review_status(dataset: Dataset, ignored: int, changed: int) -> Payload:
    """How far a review is, and what a person has to know of its journal.

    Args:
        dataset: what is reviewed.
        ignored: findings of the report that are ignored.
        changed: records that changed since they were checked.
    """
    journal = dataset.journal
    made = Counter(one.decision for one in journal.review.decisions.values())
    return {
        "serial": journal.serial,
        "conversations": len(dataset),
        "decided": {name: made[name] for name in ("keep", "fix", "reject", "later")},
        "ignored": ignored,
        "changed": changed,
        "undo": _sentence(journal.next_undo),
        "redo": _sentence(journal.next_redo),
        "notice": journal.notice,
        "set_aside": len(journal.set_aside),
        "lost": [shortened(one, SENTENCE) for one in journal.lost[:_MOST_LOST]],
        "queries": {
            encodable(name): encodable(query)
            for name, query in journal.review.queries.items()
            if len(name) <= NAME and len(query) <= QUERY
        },
    }


def _sentence(what: str | None) -> str | None:
    return None if what is None else shortened(encodable(what), SENTENCE)


def sample_estimate(dataset: Dataset, query: str) -> str | None:
    """What the decisions made so far on the sample of a query say of all conversations, in a sentence; None where it has none.

    Raises:
        QueryError: if the query is not understood.
    """
    sample = sample_of(query)
    return None if sample is None else str(dataset.sample(sample[0], seed=sample[1]).estimate())


def decided(dataset: Dataset, source: int, name: str) -> Payload:
    """What the review says of one conversation: decision, note and tags."""
    review = dataset.journal.review
    made = review.decisions.get((source, name))
    return {
        "decision": None if made is None else made.decision,
        "note": shortened(encodable(review.note((source, name))), SENTENCE),
        "tags": sorted(shortened(encodable(tag)) for tag in review.tags.get((source, name), ())),
    }


def finding_facets(report: Report, masked: Callable[[str], Mask | None], query: str) -> Payload:
    """Findings by severity, code, role and decision: each counted under the rest of the query."""
    table = report.findings.table
    codes = [rule.code for rule in report.rules]
    columns: dict[str, tuple[list[str], Callable[[], Column]]] = {
        "severity": (list(SEVERITIES), table["severity"].to_numpy),
        "code": (codes, table["rule"].to_numpy),
        "role": ([*ROLES, "unknown"], lambda: _roles(report)),
        "decision": (["none", *DECISIONS], lambda: _decisions(report)),
    }
    facets = {}
    for name, (values, column) in columns.items():
        numbers = column()
        mask = masked(without(query, name))
        held = numbers if mask is None else numbers[mask]
        counts = np.bincount(held[held != _NONE], minlength=len(values)).tolist()
        listed = [[value, count] for value, count in zip(values, counts, strict=True) if count]
        facets[name] = sorted(listed, key=lambda one: -one[1])[:_MOST]
    return facets


def _roles(report: Report) -> Column:
    """The role of each finding as its position in ``ROLES``, after them where it is not known; none without a turn."""
    roles = roles_of(report)
    of_turn = report.findings.placed(report.index).turns >= 0
    return np.where(roles < len(ROLES), roles, np.where(of_turn, len(ROLES), _NONE)).astype(np.uint16)


def _decisions(report: Report) -> Column:
    """The decision on the conversation of each finding: 0 for none, then as in ``DECISIONS``."""
    index = report.index
    held = np.zeros(index.conversations.height + 1, dtype=np.uint16)
    for (source, name), made in report.dataset.journal.review.decisions.items():
        place = index.place_of(source, name)
        row = None if place is None else index.row(source, place)
        if row is not None:
            held[row] = DECISIONS.index(made.decision) + 1
    held[-1] = _NONE
    return held[report.findings.placed(index).conversations]
