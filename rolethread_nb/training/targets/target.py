"""What a trainer is to us: a profile of one version of it, and what it would do with one conversation after the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from ...core.model import Conversation, Span
from ..locating import Located, Locator
from ..templates import ChatTemplate
from ..tokens import Tokens

Outcome = Literal["taken", "altered", "dropped", "refused"]
# From the least to the most harm.
OUTCOMES: tuple[Outcome, ...] = ("taken", "altered", "dropped", "refused")


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a conversation is not simply taken.

    Attributes:
        code: stable name, ``system_lost``; the same word for the same thing at every trainer.
        says: one plain sentence, with the trainer's own words where it has some.
        outcome: what it leads to.
        turn: the turn it is about, as numbered in ``Conversation.messages``; None for the conversation as a whole.
    """

    code: str
    says: str
    outcome: Outcome
    turn: int | None = None


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a trainer would do with one conversation.

    Attributes:
        reasons: why it is not simply taken, in the order of its turns; the worst of them decides.
        text: the text that is made into tokens, None where there is none (refused before).
        trained: what of the text the loss is computed on, in code points, in order. What is cut off is not trained.
        kept: the stretch of the text that is left at the length limit, None without a limit or if all is left.
        located: where the turns stand in the text; their numbers are those of ``Conversation.messages``.
        tokens: tokens of the whole text; an estimate where ``Tokens.exact`` is false.
        trained_tokens: tokens the loss is computed on.
        kept_tokens: tokens that are left at the length limit.
        trained_range: numbers of the first and the last trained token before anything is cut; (-1, -1) where none is trained.
        weights: loss weight by turn where a trainer honours weights, and not all are 1.
    """

    reasons: tuple[Reason, ...] = ()
    text: str | None = None
    trained: tuple[Span, ...] = ()
    kept: Span | None = None
    located: tuple[Located, ...] = ()
    tokens: int | None = None
    trained_tokens: int | None = None
    kept_tokens: int | None = None
    trained_range: tuple[int, int] = (-1, -1)
    weights: Mapping[int, float] = field(default_factory=dict)

    @property
    def outcome(self) -> Outcome:
        """The worst of what the reasons lead to."""
        return max((reason.outcome for reason in self.reasons), key=OUTCOMES.index, default="taken")


@dataclass(frozen=True)
class Shape:
    """What a trainer sees of a file before it reads a row: several decide by the first row what all of them are.

    Attributes:
        first: the first record, as decoded; None if there is none.
        keys: top-level keys of all records, in the order in which they come up.
        rows: how many records there are.
        head: the first ten records.
    """

    first: Any
    keys: tuple[str, ...]
    rows: int
    head: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Context:
    """What one preflight is about: the model's template and tokens, and the settings of one trainer.

    Attributes:
        template: the model's chat template.
        tokens: how tokens are counted.
        settings: every setting that matters to the trainer, with its value.
        around: how many tokens the tokenizer puts before and after a plain text of its own accord (a ``<s>``); it puts none
            around a rendered conversation.
    """

    template: ChatTemplate
    tokens: Tokens
    settings: Mapping[str, Any] = field(default_factory=dict)
    around: tuple[int, int] = (0, 0)

    @cached_property
    def locator(self) -> Locator:
        """Finds turns in what the template renders; it learns from each."""
        return Locator(self.template)


# One conversation after the other, in the order of the file.
Judge = Callable[[Conversation], Forecast]


@dataclass(frozen=True, kw_only=True)
class Target:
    """One trainer, in the version its behaviour was read or measured in.

    Attributes:
        name: what to type, ``trl``.
        title: what to show, ``TRL SFT``.
        package: distribution whose installed version is compared with ``version``; None for a hosted service.
        version: the version the profile is about; for documentation the day it was read.
        basis: ``measured`` against the package itself, or from its ``documentation`` alone.
        settings: the settings that matter, with the trainer's own defaults.
        judge: made once for a file, it then says of each conversation what would happen to it.
        refuses_file: why the whole file is refused whatever its rows are, one plain sentence; None if it is not.
        notes: what a user has to know about the trainer as a whole.
        limit: the setting that holds the length limit in tokens, which ``max_tokens`` sets; None if there is none.
    """

    name: str
    title: str
    package: str | None
    version: str
    basis: Literal["measured", "documentation"]
    settings: Mapping[str, Any]
    judge: Callable[[Shape, Context], Judge]
    refuses_file: Callable[[Shape, Context], str | None] | None = None
    notes: tuple[str, ...] = ()
    limit: str | None = None


def documented(
    name: str,
    title: str,
    judge: Callable[[Shape, Context], Judge],
    refuses_file: Callable[[Shape, Context], str | None],
    note: str,
) -> Target:
    """A hosted service that offers no check of its own: what is said of it is from its documentation."""
    return Target(
        name=name,
        title=title,
        package=None,
        version="2026-11",
        basis="documentation",
        settings={},
        judge=judge,
        refuses_file=refuses_file,
        notes=(note,),
    )
