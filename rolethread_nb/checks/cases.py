"""The cases of a rule, run: what must fire and what must not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..core.errors import RuleError
from .engine import Check
from .placed import turns_for
from .rule import Case, Rule
from .vocabulary import Condition

if TYPE_CHECKING:
    from ..core.dataset import Dataset

_TURN = [{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}]


def loaded(case: Case) -> Dataset:
    """A case as a dataset: the bytes of a file, a record, a list of records, or the messages of one conversation."""
    from ..core.loading import load

    if isinstance(case, bytes):
        return load(case)
    if isinstance(case, dict):
        return load([case])
    records = bool(case) and all(isinstance(one, dict) and not _speaks(one) for one in case)
    return load(list(case) if records else [{"messages": list(case)}])


def _speaks(value: dict[str, Any]) -> bool:
    return any(key in value for key in ("role", "from", "speaker"))


def check_condition(code: str, name: str, condition: object) -> None:
    """Refuse what is no condition, or one that cannot be evaluated.

    Raises:
        RuleError: in one sentence.
    """
    if not isinstance(condition, Condition):
        raise RuleError(
            f"{name}= of {code} takes a condition, for example vocabulary.text.contains('sighs'), not {condition!r}."
        )
    try:
        for block in loaded(_TURN).blocks():
            compiled = condition.compile()
            turns_for(block, [compiled]).select(compiled)
    except Exception as problem:
        why = " ".join(str(problem).split())[:200] or type(problem).__name__
        raise RuleError(f"{name}= of {code} cannot be evaluated: {why}.") from None


def check_cases(rule: Rule) -> None:
    """Run a rule on its cases, and its repair on those that fire.

    Raises:
        RuleError: if one is not met.
    """
    for kind, cases in (("fires", rule.fires), ("silent", rule.silent)):
        for number, case in enumerate(cases):
            turns = _flagged(rule, case, f"case {number} of {kind}")
            if (turns is not None) != (kind == "fires"):
                says = "does not fire on" if kind == "fires" else "fires on"
                raise RuleError(f"{rule.code} {says} case {number} of {kind}=.")
            if turns and rule.repair is not None and (mended := _mended(rule, case, turns)) is not None:
                again = _flagged(rule, mended, f"case {number} of {kind}, repaired") or set()
                if turns & again:
                    raise RuleError(
                        f"{rule.code} fires again on case {number} of fires= once it is repaired."
                    )


def _flagged(rule: Rule, case: Case, which: str) -> set[tuple[int, int]] | None:
    """The turns with a finding, by record and turn; None if the rule is silent."""
    from .catalogue import rule as known

    check = Check([rule, known("rule.failed")], "chat")
    for block in loaded(case).blocks():
        check.add(block)
    findings = check.finish()
    if findings.table.filter(findings.table["rule"] == 1).height:
        raise RuleError(f"{rule.code} stopped on {which}, with {findings.details[0]['error']}.")
    if not len(findings):
        return None
    places = findings.table.drop_nulls(["index", "turn"])
    return set(places.select("index", "turn").iter_rows())


def _mended(rule: Rule, case: Case, turns: set[tuple[int, int]]) -> list[Any] | None:
    """The messages of a case after the repair of the turns; None for cases that are no plain messages."""
    if not isinstance(case, list | tuple):
        return None
    messages = [dict(message) if isinstance(message, dict) else message for message in case]
    conversation = next(iter(loaded(case)), None)
    if conversation is None or len(conversation.messages) != len(messages) or rule.repair is None:
        return None
    for _, turn in turns:
        for edit in rule.repair.mend(conversation, turn, {"turn": turn}):
            message = conversation.messages[turn]
            if edit.path == message.content_pointer and message.content_key is not None:
                messages[turn][message.content_key] = edit.after
    return messages
