"""Users' own rules, registered in a notebook cell."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from ..core.errors import RuleError
from ..core.model import SEVERITIES, Conversation, Message, Severity, Span
from .answers import evidence_of, marks_of, said, wave_of
from .cases import check_cases, check_condition
from .catalogue import add_own, own_rules, remove_own, shipped_families
from .mending import rewriting
from .rule import Case, Edit, Evidence, Page, Repair, Rule
from .vocabulary import Condition

Spans = str | re.Pattern[str] | Callable[[Message], Iterable[tuple[int, int]] | None]
Looks = TypeVar("Looks", bound=Callable[..., Any])

_CODE = re.compile(r"[^\W\d]\w*(\.\w+)+")
_RESERVED = ("train",)  # findings of the preflight


def rule(
    code: str,
    *,
    title: str,
    severity: Severity = "warning",
    when: Condition | None = None,
    spans: Spans | None = None,
    among: Condition | None = None,
    says: str = "",
    why: str = "",
    example: str = "",
    repair: Callable[[str], str] | None = None,
    safe: bool = False,
    fires: Sequence[Case] = (),
    silent: Sequence[Case] = (),
) -> OwnRule:
    """Register a rule of your own. It then runs in every check (but not in profile ``rolethread``).

    With ``when`` the rule is complete: it flags the turns that meet the condition. Without, it is put above a function that
    looks at a conversation, or above a class that looks at the whole dataset::

        rt.rule("my.sighs", title="A sigh", when=text.contains("sighs") & (role == "assistant"))


        @rt.rule("my.monologue", title="One side does the talking")
        def monologue(conversation):
            yield from (at for at, message in enumerate(conversation) if len(message.text) > 2000)

    Running the cell again replaces the rule.

    Args:
        code: a dotted name whose first word is yours, for example ``my.sighs``.
        title: a few words.
        severity: ``error``, ``warning`` or ``info``.
        when: condition on a turn, in the words of :mod:`rolethread_nb.vocabulary`.
        spans: which characters of a flagged turn are meant: a regular expression (Python's), or a function of the message that
            gives ``(start, end)`` in code points; where the function gives none, the flag is withdrawn. Default: the whole turn.
        among: for a function: only conversations with a turn that meets this condition are handed to it. Default: all, one after
            the other, in Python.
        says: the message of a finding; ``{name}`` stands for a value that the function gave with it, ``{text}`` for the characters
            that are meant. Default: the title.
        why: why it is bad for training, for the page of the rule.
        example: an example for the page.
        repair: a function from the text of a turn to the text it should be.
        safe: whether the repair may be applied unasked. Default: no.
        fires: cases that must fire: the messages of a conversation, a record, a list of records, or the bytes of a file.
        silent: cases that must not fire.

    Returns:
        The rule; without ``when``, what stands above the function or class.

    Raises:
        RuleError: if the code is one of ours or no dotted name, the condition cannot be evaluated, or a case is not met.
    """
    _check_code(code)
    if severity not in SEVERITIES:
        raise RuleError(f"The severity of {code} is one of {', '.join(SEVERITIES)}, not {severity!r}.")
    for name, condition in (("when", when), ("among", among)):
        if condition is not None:
            check_condition(code, name, condition)
    if when is not None and among is not None:
        raise RuleError(
            f"{code} has when=, which is the rule itself, and among=, which belongs to a function."
        )
    if spans is not None and when is None:
        raise RuleError(f"{code} has spans= without when=; a function says itself where its findings are.")
    made = Rule(
        code=code,
        severity=severity,
        scope="turn",
        title=title,
        when=when,
        spans=None if spans is None else _spans(spans),
        evidence=None if spans is None else _piece,
        says=(lambda evidence: said(says, evidence)) if says else "",
        where="content",
        among=among,
        since="",
        page=Page(
            "Finds turns that meet the condition of the rule.",
            why or "The author of the rule does not say.",
            example or "The author of the rule gives none.",
            *([] if repair is None else [_about(repair)]),
        ),
        repair=None if repair is None else _repair(code, repair, safe=safe),
        fires=tuple(fires),
        silent=tuple(silent),
    )
    return OwnRule(made, complete=when is not None)


def forget_rule(code: str) -> None:
    """Take one of your own rules away again.

    Raises:
        RuleError: if you have registered none of that code.
    """
    if not remove_own(code):
        known = ", ".join(rule.code for rule in own_rules()) or "none"
        raise RuleError(f"No rule of yours has the code {code!r}; registered: {known}.")


class OwnRule:
    """A rule of the user's: registered, or waiting for the function or class that it stands above."""

    def __init__(self, made: Rule, *, complete: bool) -> None:
        self._rule = made
        self._complete = complete
        if complete:
            self._register(made)

    @property
    def code(self) -> str:
        """Its code."""
        return self._rule.code

    def __call__(self, looks: Looks) -> Looks:
        """Register the rule with a function over a conversation, or a class with ``partial`` and ``finish``."""
        code, page = self.code, self._rule.page
        if self._complete:
            raise RuleError(
                f"{code} is complete with when=; for a function, name its candidates with among=."
            )
        page = replace(page, does=(looks.__doc__ or "Finds what its function says.").strip())
        if isinstance(looks, type):
            if not (hasattr(looks, "partial") and hasattr(looks, "finish")):
                raise RuleError(f"{code} stands above a class without partial(block) and finish().")
            if self._rule.among is not None:
                raise RuleError(f"{code} looks at the whole dataset, so among= has nothing to narrow.")
            whole = replace(self._rule, scope="dataset", wave=wave_of(looks), repair=None, page=page)
            self._register(whole)
        elif callable(looks):

            def look(conversation: Conversation) -> Iterable[Any]:
                return marks_of(conversation, looks(conversation))

            self._register(replace(self._rule, scope="conversation", look=look, page=page))
        else:
            raise RuleError(f"{code} stands above {looks!r}, which is no function over a conversation.")
        self._complete = True
        return looks

    def _register(self, made: Rule) -> None:
        check_cases(made)
        add_own(made)
        self._rule = made

    def __repr__(self) -> str:
        if self._complete:
            return f"<Rule {self.code}: {self._rule.title} ({self._rule.severity})>"
        return f"<Rule {self.code}: not registered yet; give it when=, or put it above a function>"


def _check_code(code: str) -> None:
    if not _CODE.fullmatch(str(code)):
        raise RuleError(f"A code is words with dots between them, for example my.sighs; {code!r} is none.")
    family = code.partition(".")[0]
    if family in (*shipped_families(), *_RESERVED):
        raise RuleError(
            f"{family!r} is a family of rolethread_nb's own rules; begin the code with a word of yours, for example"
            f" my.{code.rpartition('.')[2]}."
        )


def _spans(given: Spans) -> Callable[[Message], Sequence[Span]]:
    if callable(given):

        def asked(message: Message) -> list[Span]:
            return [_span(message, *pair) for pair in given(message) or ()]

        return asked
    try:
        pattern = re.compile(given)
    except re.error as problem:
        raise RuleError(f"spans= is no regular expression: {problem}.") from None

    def found(message: Message) -> list[Span]:
        met = [Span(*match.span()) for match in pattern.finditer(message.text) if match.group()]
        return met or [Span(0, 0)]  # the condition holds all the same: the turn as a whole

    return found


def _span(message: Message, start: int, end: int) -> Span:
    if not 0 <= start <= end <= len(message.text):
        raise ValueError(f"characters {start} to {end} of a text of {len(message.text)}")
    return Span(int(start), int(end))


def _piece(message: Message, span: Span) -> Evidence:
    return evidence_of({"text": message.text[span.start : min(span.end, span.start + 80)]})


def _repair(code: str, change: Callable[[str], str], *, safe: bool) -> Repair:
    def checked(text: str) -> str:
        changed: object = change(text)
        if not isinstance(changed, str):
            raise TypeError(f"it gave {type(changed).__name__}, not a text")
        return changed

    rewrites = rewriting(checked)

    def mend(conversation: Conversation, turn: int | None, evidence: Evidence) -> Sequence[Edit]:
        try:
            return rewrites(conversation, turn, evidence)
        except Exception as problem:
            raise RuleError(
                f"The repair of {code} stopped with {type(problem).__name__}: {problem}, at turn {turn} of conversation"
                f" #{conversation.index}."
            ) from problem

    # A finding about a whole conversation names no text that could be rewritten.
    return Repair("safe" if safe else "unsafe", mend, _about(change).rstrip("."), fits=_has_turn)


def _has_turn(evidence: Evidence) -> bool:
    return evidence.get("turn", 0) is not None


def _about(change: Callable[[str], str]) -> str:
    lines = (change.__doc__ or "").strip().splitlines()
    return lines[0] if lines else f"Rewrites the text with {getattr(change, '__name__', 'a function')}."
