"""What a review knows besides the records: decisions, tags, findings that are ignored, saved queries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from .edits import Edits

DECISIONS = ("keep", "fix", "reject", "later")

# A conversation by the number of its source and its id, which stays when it is edited.
Named = tuple[int, str]
Kind = Literal["decisions", "tags", "ignored", "queries"]


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided on a conversation.

    Attributes:
        decision: ``keep``, ``fix``, ``reject`` or ``later``.
        note: what was written beside it, or empty.
        by: who decided.
        at: when, as ISO 8601 in UTC.
        operation: the id of the operation, by which a later one says what it was made on.
    """

    decision: str
    note: str = ""
    by: str = ""
    at: str = ""
    operation: str = ""


class Facet(NamedTuple):
    """One thing that a step changes: what it was before, and what it is after; None where there is nothing."""

    kind: Kind
    key: Any
    before: Any
    after: Any


@dataclass(slots=True, eq=False)
class Step:
    """One operation that was carried out.

    Attributes:
        op: the operation as it stands in the journal.
        facets: what it changed besides records.
        version: the version of the records that it made, None if it changed none.
        before, after: the records' edits around it.
    """

    op: Mapping[str, Any]
    facets: tuple[Facet, ...]
    version: int | None
    before: Edits
    after: Edits


@dataclass(slots=True)
class ReviewState:
    """The facets as they are now."""

    decisions: dict[Named, Decision] = field(default_factory=dict)
    tags: dict[Named, frozenset[str]] = field(default_factory=dict)
    ignored: dict[tuple[int | None, str], frozenset[str]] = field(default_factory=dict)
    queries: dict[str, str] = field(default_factory=dict)

    def get(self, kind: Kind, key: Any) -> Any:
        """A facet's value, None where there is none."""
        held: dict[Any, Any] = getattr(self, kind)
        return held.get(key)

    def put(self, facets: Iterable[tuple[Kind, Any, Any]]) -> None:
        """Set facets; what is None or empty is taken away."""
        for kind, key, value in facets:
            held: dict[Any, Any] = getattr(self, kind)
            if value:
                held[key] = value
            else:
                held.pop(key, None)
