"""What a rule is: data. Its code, its severity, when it fires, what it says, and its page of the manual."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

from ..core.model import Conversation, Message, Severity, Span
from .profiles import severity_change
from .vocabulary import Condition

if TYPE_CHECKING:
    from ..core.blocks import Block
    from ..core.duplicate_search import Found

Scope = Literal["file", "record", "turn", "conversation", "dataset"]
Safety = Literal["safe", "unsafe"]
Evidence = dict[str, Any]

# So many places are named by a finding about the dataset; its evidence holds the full count.
RELATED_LIMIT = 1000

# A case: the messages of one conversation, or whole records where a rule looks at more.
Case = Any


class Mend(Protocol):
    """How a finding is repaired: the conversation and the finding give the edits that would mend it."""

    def __call__(
        self, conversation: Conversation, turn: int | None, evidence: Evidence
    ) -> Sequence[Edit]: ...


@dataclass(frozen=True, slots=True)
class Edit:
    """One change to a record.

    ``path`` is a JSON Pointer into it; ``after`` the new value. The pseudo-values ``REMOVE`` (the element goes),
    ``ESCAPE`` (the bytes are re-written as escapes, the value stays) and an ``Insert`` stand in for a value.
    """

    path: str
    before: Any
    after: Any


class Marker:
    """A pseudo-value of an edit."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return self._name


REMOVE = Marker("(removed)")
ESCAPE = Marker("(escaped)")


@dataclass(frozen=True, slots=True)
class Insert:
    """A pseudo-value of an edit: a turn that is put before the one at the edit's path."""

    turn: Mapping[str, Any]
    text: str


class CannotMendError(Exception):
    """Raised by a mend that cannot be done here. Its text is the reason, as a plain sentence without a full stop."""


@dataclass(frozen=True, slots=True)
class Repair:
    """A mend and whether it may be applied unasked.

    Attributes:
        safety: ``safe`` or ``unsafe``.
        mend: the edits that mend a finding in a conversation.
        says: what it does, in a few words.
        rewrite: for records that are no conversation: their bytes mended, None where that is not possible.
        fits: whether a finding can be mended, by its evidence; None: every one.
        removes_turns: it takes turns out of the conversation, which layouts with one place for each turn cannot do.
        needs_roles: it is offered only where the user said which role a label is.
    """

    safety: Safety
    mend: Mend
    says: str
    rewrite: Callable[[bytes], bytes | None] | None = None
    fits: Callable[[Evidence], bool] | None = None
    removes_turns: bool = False
    needs_roles: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """The manual page of a rule, in four parts."""

    does: str
    why: str
    example: str
    repair: str = "There is no automatic repair."


WHOLE = Span(0, 0)  # no stretch of text in particular


@dataclass(frozen=True, slots=True)
class Mark:
    """A finding in one conversation: its turn (None: the conversation as a whole), the stretch of text, measured values."""

    turn: int | None = None
    span: Span = WHOLE
    evidence: Evidence | None = None


@dataclass(frozen=True, slots=True)
class DatasetFinding:
    """A finding about a dataset: its evidence, and the conversations behind it as (source, index) or (source, index, turn)."""

    evidence: Evidence
    related: Sequence[tuple[int, ...]]
    source: int | None = None
    conversation: tuple[int, int] | None = None  # set where the finding is about one conversation after all
    span: tuple[int, int] = (0, 0)  # the stretch of text, where its evidence names a turn
    code: str | None = None  # the rule it belongs to, where several rules share the wave


class Wave(Protocol):
    """The part of a dataset rule that runs: one object a check, fed block after block."""

    def partial(self, block: Block) -> None:
        """Take what is needed from a block."""
        ...

    def finish(self) -> Sequence[DatasetFinding]:
        """The findings, once every block has been seen."""
        ...


@runtime_checkable
class FindsDuplicates(Protocol):
    """A wave that knows all duplicates of what it has seen, and not only those that it reports."""

    def duplicates(self) -> tuple[float, Found]:
        """The Jaccard index from which on two conversations are nearly the same, and the duplicates."""
        ...


@runtime_checkable
class SeesRejected(Protocol):
    """A wave that also looks at records which parse and are no conversation."""

    def rejected(self, source: int, index: int, line: int | None, record: Any) -> None:
        """Take such a record; all of them come after the blocks."""
        ...


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One rule.

    Attributes:
        code: stable dotted name, for example ``turn.empty``.
        severity: ``error``, ``warning`` or ``info`` in profile ``chat``; ``profiles`` holds what others change.
        scope: what a finding is about.
        title: a few words, sentence case.
        when: condition on a turn; None where findings come from reading (``noted``) or from a ``wave``.
        needs: the condition (``when`` or ``among``) can hold only where the text has one of these marks (``core/marks.py``); other turns
            are not asked.
        spans: for a flagged turn, the stretches of text that are meant. None: the turn as a whole. An empty answer withdraws the flag.
        evidence: measured values of one finding, given the message and the span.
        says: message of one finding, a format string over the evidence or a callable.
        where: which part of the message the finding's path points to.
        look: a function that looks at a conversation, in Python, one after the other; ``among`` narrows them down to those with
            a turn that meets the condition.
        look_at: the same for a turn, given its number: those that meet ``among``.
        wave: factory for rules that look at the whole dataset; called with ``thresholds`` as keywords. Rules that name the same
            wave and thresholds share one run of it; its findings say whose they are.
        thresholds: numbers that settings may change, by name, with their defaults.
        severity_of: severity of one finding where it depends on its evidence.
        fires, silent: cases that must and must not fire; every one is run by the tests.
    """

    code: str
    severity: Severity
    scope: Scope
    title: str
    page: Page
    since: str = "0.1"
    preview: bool = False
    when: Condition | None = None
    needs: tuple[str, ...] = ()
    spans: Callable[[Message], Sequence[Span]] | None = None
    evidence: Callable[[Message, Span], Evidence] | None = None
    says: str | Callable[[Evidence], str] = ""
    where: Literal["content", "role", "message"] = "message"
    look: Callable[[Conversation], Iterable[Mark]] | None = None
    look_at: Callable[[Conversation, int], Iterable[Mark]] | None = None
    among: Condition | None = None
    wave: Callable[..., Wave] | None = None
    thresholds: Mapping[str, float] = field(default_factory=dict)
    severity_of: Callable[[Evidence], Severity] | None = None
    repair: Repair | None = None
    profiles: Mapping[str, Severity] = field(default_factory=dict)
    fires: tuple[Case, ...] = ()
    silent: tuple[Case, ...] = ()

    @property
    def family(self) -> str:
        """The part of the code before the dot."""
        return self.code.partition(".")[0]

    def goes_by(self, *names: str) -> bool:
        """Whether one of the names is this rule's code, or a family it belongs to."""
        return any(self.code == name or self.code.startswith(f"{name}.") for name in names)

    def severity_in(self, profile: str) -> Severity:
        """Severity under a profile: what the rule says of it, else what the profile says of the rule."""
        return self.profiles.get(profile) or severity_change(profile, self.code) or self.severity

    def repair_of(self, evidence: Evidence, *, fixed: bool = False) -> Safety | None:
        """Whether a finding can be repaired, and how safely. ``fixed``: no turn can be taken out of its conversation."""
        if self.repair is None or (fixed and self.repair.removes_turns):
            return None
        try:
            fits = self.repair.fits is None or self.repair.fits(evidence)
        except Exception:
            return None  # the page that shows the finding must still be drawn
        return self.repair.safety if fits else None

    def measured(self, message: Message, span: Span) -> Evidence:
        """The evidence of one finding; what went wrong where the rule stops while it measures."""
        if self.evidence is None:
            return {}
        try:
            return dict(self.evidence(message, span))
        except Exception as problem:
            return {"error": f"{type(problem).__name__}: {problem}"}

    def message(self, evidence: Evidence) -> str:
        """The sentence of one finding; the rule's title where the rule stops while it makes one."""
        try:
            if callable(self.says):
                return self.says(evidence)
            return self.says.format_map(evidence) if self.says else self.title
        except Exception as problem:
            return f"{self.title} (its sentence stopped with {type(problem).__name__}: {problem})"
