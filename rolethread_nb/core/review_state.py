"""What a review knows besides the records: decisions, notes, tags, findings that are ignored, saved queries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from .edits import Edits

DECISIONS = ("keep", "fix", "reject", "later")

# A conversation by the number of its source and its id, which stays when it is edited.
Named = tuple[int, str]
Kind = Literal["decisions", "notes", "tags", "ignored", "queries"]
_SETS = ("tags", "ignored")


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided on a conversation.

    Attributes:
        decision: ``keep``, ``fix``, ``reject`` or ``later``.
        note: the note of the conversation, or empty.
        by: who decided.
        at: when, as ISO 8601 in UTC.
        operation: the id of the operation, by which a later one says what it was made on.
    """

    decision: str
    note: str = ""
    by: str = ""
    at: str = ""
    operation: str = ""


@dataclass(frozen=True, slots=True)
class Note:
    """What was written on a conversation, with a decision or without one.

    Attributes:
        text: the note; it is not empty.
        by, at: who wrote it, and when, as ISO 8601 in UTC.
        operation: the id of the operation, by which a later one says what it was made on.
    """

    text: str
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
    notes: dict[Named, Note] = field(default_factory=dict)
    tags: dict[Named, frozenset[str]] = field(default_factory=dict)
    ignored: dict[tuple[int | None, str], frozenset[str]] = field(default_factory=dict)
    queries: dict[str, str] = field(default_factory=dict)

    def get(self, kind: Kind, key: Any) -> Any:
        """A facet's value, None where there is none."""
        held: dict[Any, Any] = getattr(self, kind)
        return held.get(key)

    def note(self, key: Named) -> str:
        """The note of a conversation, empty where there is none."""
        held = self.notes.get(key)
        return "" if held is None else held.text

    def turn(self, facets: Iterable[Facet], *, back: bool = False) -> None:
        """Make the changes of a step, or take them back. Of sets only what the step put in or took out is moved."""
        for facet in facets:
            source, target = (facet.after, facet.before) if back else (facet.before, facet.after)
            if facet.kind in _SETS:
                source, target = source or frozenset(), target or frozenset()
                target = ((self.get(facet.kind, facet.key) or frozenset()) - (source - target)) | (
                    target - source
                )
            self._put(facet.kind, facet.key, target)

    def stands(self, facets: Iterable[Facet], *, back: bool) -> bool:
        """Whether what a step left (with ``back``) or found is still so, but for sets, whose members go by themselves."""
        return all(
            facet.kind in _SETS or self.get(facet.kind, facet.key) == (facet.after if back else facet.before)
            for facet in facets
        )

    def _put(self, kind: Kind, key: Any, value: Any) -> None:
        held: dict[Any, Any] = getattr(self, kind)
        if value:
            held[key] = value
        else:
            held.pop(key, None)


@dataclass(frozen=True, slots=True, eq=False)
class SetAside:
    """An operation on one conversation that was not carried out when the journal was read.

    Attributes:
        op: the operation as it stands in the journal.
        item: what it says of this conversation.
        why: in one sentence.
        source_changed: whether the conversation is gone or another since; else an earlier operation on the same state stands.
    """

    op: Mapping[str, Any] = field(repr=False)
    item: Mapping[str, Any] = field(repr=False)
    why: str
    source_changed: bool
