"""What the repairs that a trainer calls for have to do in one conversation: the tasks of each, by its name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ..checks.catalogue import rule as rule_of
from ..checks.rule import CannotMendError, Rule
from ..core.mending import Left, Mended, Task, mend
from ..core.model import Conversation
from ..core.parting import Parting, Parts
from ..sources.roles import role_word
from . import fit_rules as fit
from .splitting import parts_of
from .targets.target import OUTCOMES, Forecast, Judge, Reason
from .tool_ids import turns_to_write

if TYPE_CHECKING:
    from ..core.dataset import Dataset

Greeting = Literal["into_system", "opener"]

_KEY = re.compile(r"[`\"]([^`\"]+)[`\"]")
_NINE = re.compile(r"\blength (?:of )?9\b")
_ORDER = ("trim_tail", "greeting", "system_into_user", "merge_neighbours")

# Which repairs may mend what a reason's code says. Those a conversation does not need are left out again.
MENDED_BY: Mapping[str, tuple[str, ...]] = {
    "role_order": _ORDER,
    "template_refused": ("roles", "arguments", "tool_ids", *_ORDER),
    "trainer_fails": ("roles", "arguments"),
    "system_lost": ("roles", "system_into_user"),
    "turn_lost": ("roles",),
    "role_unknown": ("roles",),
    "role_as_text": ("roles",),
    "role_changed": ("roles",),
    "nothing_trained": ("roles",),
    "tools_invalid": ("arguments", "tool_ids"),
    "call_lost": ("arguments",),
    "text_altered": ("arguments",),
    "key_unknown": ("drop_keys",),
}
# Reasons that have to do with the length limit.
LENGTH_CODES = frozenset(("answer_cut", "answer_cut_off", "text_cut", "too_long"))


@dataclass(frozen=True, slots=True)
class Trainer:
    """The trainer whose verdicts are mended, and the user's choices.

    Attributes:
        judge: what it would do with a conversation.
        dataset: whose conversations they are.
        names: the repairs that may be made.
        greeting: what becomes of a greeting, None if nobody has said.
        opener: the text of the turn that opens.
        overlap: with how many exchanges of the part before a part begins.
    """

    judge: Judge
    dataset: Dataset
    names: frozenset[str]
    greeting: Greeting | None
    opener: str | None
    overlap: int = 0


@dataclass(frozen=True, slots=True)
class After:
    """A conversation as it is after some tasks; None if it is none any more."""

    mended: Mended
    conversation: Conversation | None


def after(trainer: Trainer, conversation: Conversation, tasks: Sequence[Task]) -> After:
    """What the tasks make of a conversation. Nothing changes in the dataset."""
    data = trainer.dataset.record_bytes(conversation.source_index, conversation.index)
    mended = Mended(None) if data is None else mend(trainer.dataset, conversation, data, tasks)
    again = trainer.dataset.reread(conversation, mended.data) if mended.data is not None else None
    return After(mended, again)


Tasks = Callable[[Trainer, Conversation, Sequence[Reason]], Iterator[Task]]


def task_at(rule: Rule, conversation: Conversation, turn: int | None, **evidence: object) -> Task:
    return Task(rule, conversation.source_index, conversation.index, turn, evidence)


def _greeting(trainer: Trainer, conversation: Conversation, reasons: Sequence[Reason]) -> Iterator[Task]:
    turn = fit.greeting_of(conversation)
    if turn is not None and trainer.greeting is not None:
        yield task_at(fit.GREETING, conversation, turn, opener=trainer.opener)


def _arguments(trainer: Trainer, conversation: Conversation, reasons: Sequence[Reason]) -> Iterator[Task]:
    """Those who check the rows want a text, those who render them an object."""
    wanted = "text" if any(reason.code == "tools_invalid" for reason in reasons) else "object"
    for turn, message in enumerate(conversation.messages):
        if any(isinstance(value, str) != (wanted == "text") for _, value in fit.arguments_of(message)):
            yield task_at(fit.ARGUMENTS, conversation, turn, to=wanted)


def _drop_keys(trainer: Trainer, conversation: Conversation, reasons: Sequence[Reason]) -> Iterator[Task]:
    """The keys that the trainer's sentences name, and that are there."""
    keys: dict[int | None, dict[str, None]] = {}
    for reason in reasons:
        if reason.code == "key_unknown":
            owner = conversation.raw if reason.turn is None else conversation.messages[reason.turn].raw
            named = [key for key in _KEY.findall(reason.says) if isinstance(owner, dict) and key in owner]
            keys.setdefault(reason.turn, {}).update(dict.fromkeys(named))
    for turn, found in keys.items():
        if found:
            yield task_at(fit.DROP_KEYS, conversation, turn, keys=list(found))


def _each(rule: Rule, turns_of: Callable[[Conversation], list[int]]) -> Tasks:
    def tasks(trainer: Trainer, conversation: Conversation, reasons: Sequence[Reason]) -> Iterator[Task]:
        return (task_at(rule, conversation, turn) for turn in turns_of(conversation))

    return tasks


def _tool_ids(trainer: Trainer, conversation: Conversation, reasons: Sequence[Reason]) -> Iterator[Task]:
    """Nine letters or digits where the trainer, or the template, says that it wants them."""
    short = any(_NINE.search(reason.says) for reason in reasons)
    for turn in turns_to_write(conversation, short=short):
        yield task_at(fit.TOOL_IDS, conversation, turn, short=short)


def _roles(trainer: Trainer, conversation: Conversation, reasons: Sequence[Reason]) -> Iterator[Task]:
    """The first of the words that the roles could have with which the trainer minds least."""
    ways = [list(_written(conversation, words)) for words in fit.role_words(conversation)]
    if len(ways) > 1:
        ways.sort(key=lambda tasks: _minds(trainer, conversation, tasks))
    return iter(ways[0])


def _written(conversation: Conversation, words: Mapping[int, str]) -> Iterator[Task]:
    usual = set(fit.aliases_of(conversation))
    for turn, word in words.items():
        message = conversation.messages[turn]
        if (
            turn in usual
            and message.role is not None
            and word == role_word(message.role, conversation.format)
        ):
            yield task_at(rule_of("role.alias"), conversation, turn)
        else:
            yield task_at(fit.ROLES, conversation, turn, word=word)


def _minds(trainer: Trainer, conversation: Conversation, tasks: Sequence[Task]) -> tuple[int, int]:
    """How much a trainer minds of a conversation after some tasks: what the worst leads to, and how much is about roles."""
    tried = after(trainer, conversation, tasks)
    if tried.conversation is None:
        return len(OUTCOMES), 0
    forecast = trainer.judge(tried.conversation)
    about_roles = sum("roles" in MENDED_BY.get(reason.code, ()) for reason in forecast.reasons)
    return OUTCOMES.index(forecast.outcome), about_roles


TASKS: Mapping[str, Tasks] = {
    "merge_neighbours": _each(fit.MERGE_NEIGHBOURS, fit.neighbours_of),
    "system_into_user": _each(fit.SYSTEM_INTO_USER, fit.systems_of),
    "greeting": _greeting,
    "trim_tail": _each(fit.TRIM_TAIL, fit.tail_of),
    "roles": _roles,
    "arguments": _arguments,
    "drop_keys": _drop_keys,
    "tool_ids": _tool_ids,
}


# Under which codes a repair stands in a plan.
CODES_OF: Mapping[str, tuple[str, ...]] = {
    **{name: (f"fit.{name}",) for name in TASKS},
    "roles": ("role.alias", fit.ROLES.code),
}


# ---------------------------------------------------------------- splitting


def split(trainer: Trainer, conversation: Conversation, tasks: Sequence[Task]) -> Task | Left | None:
    """The task that splits a conversation where it is too long after the others, or why it is not split; None if it is not too long."""
    tried = after(trainer, conversation, tasks)
    whole, data = tried.conversation, tried.mended.data
    if whole is None or data is None or not _is_too_long(trainer.judge(whole)):
        return None

    def fits(turns: Sequence[int]) -> bool:
        part = trainer.dataset.reread(whole, parting.record(turns))
        forecast = trainer.judge(part) if part is not None else None
        if forecast is not None and _is_too_long(forecast):
            return False
        if forecast is None or forecast.outcome in ("refused", "dropped"):
            why = forecast.reasons[0].says.rstrip(".") if forecast is not None else "it is no conversation"
            raise CannotMendError(f"a part of it would not be taken: {why}")
        return True

    rule, source, index = fit.SPLIT_LONG, conversation.source_index, conversation.index
    try:
        parting = Parting(whole, data)
        found = parts_of(whole.messages, fits, trainer.overlap)
    except CannotMendError as reason:
        return Left(rule.code, source, index, None, str(reason))
    parts = Parts(tuple(tuple(part) for part in found))
    return task_at(rule, conversation, None, parts=parts, turns=len(whole.messages))


def _is_too_long(forecast: Forecast) -> bool:
    """Whether something is cut off at the limit, be it only what the template writes."""
    kept, tokens = forecast.kept_tokens, forecast.tokens
    is_cut = kept is not None and tokens is not None and kept < tokens
    return is_cut or any(reason.code in LENGTH_CODES for reason in forecast.reasons)
