"""Repairs for a trainer: what would mend the conversations that it refuses, drops or alters, as a plan."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from ..core.edits import Record
from ..core.errors import QueryError, StalePlanError
from ..core.mending import Left, Mended, Task
from ..core.model import Conversation
from ..core.planning import mended_records
from ..core.repair import Plan
from ..core.wording import names_in
from . import fit_rules as fit
from .fit_tasks import CODES_OF, LENGTH_CODES, MENDED_BY, TASKS, Greeting, Trainer, after, split
from .targets.target import OUTCOMES, Forecast, Judge, Reason

if TYPE_CHECKING:
    from ..core.dataset import Dataset

# Reasons that have other causes as well, which are nothing a repair could be expected for.
_OFTEN_OTHERWISE = frozenset(
    (
        "trainer_fails",
        "turn_lost",
        "role_changed",
        "nothing_trained",
        "tools_invalid",
        "call_lost",
        "text_altered",
    )
)
# From the one that costs most to the one that costs least: in this order they are tried to be spared.
NAMES = (
    "trim_tail",
    "system_into_user",
    "greeting",
    "merge_neighbours",
    "drop_keys",
    "arguments",
    "tool_ids",
    "roles",
)
# Only where it is asked for: it makes more conversations of one.
ON_REQUEST = "split_long"
_ROUNDS = 3  # a template that refuses no more may lose the system prompt instead


def repairs_for(
    dataset: Dataset,
    judge: Judge,
    reasons: pl.DataFrame,
    *,
    select: Iterable[str] | str | None,
    greeting: Greeting | None,
    opener: str | None,
    overlap: int = 0,
) -> Plan:
    """See :meth:`Preflight.repairs`. ``reasons`` are those of the trainer, ``judge`` says what it would do with a repaired one."""
    names = names_in(select if select is None or isinstance(select, str) else list(select))
    _check(names or (), greeting, opener, overlap)
    trainer = Trainer(judge, dataset, frozenset(names or NAMES), greeting, opener, overlap)
    called = {code for code, by in MENDED_BY.items() if not trainer.names.isdisjoint(by)}
    splits = ON_REQUEST in trainer.names
    called |= LENGTH_CODES if splits else frozenset()
    rows = reasons.filter(pl.col("code").is_in(called)).select("source", "index").unique(maintain_order=True)
    tasks: dict[Record, list[Task]] = {}
    left: dict[Record, list[Left]] = {} if names else _of_another_layout(reasons)
    for place in rows.iter_rows():
        conversation = dataset.conversation_at(*place)
        if conversation is None:
            continue
        tasks[place], left[place] = _fitted(trainer, conversation)
        cut = split(trainer, conversation, tasks[place]) if splits else None
        if isinstance(cut, Task):
            tasks[place].append(cut)
        elif cut is not None:
            left[place].append(cut)
    report = dataset.check(select=["role.alias"], baseline=False)
    known = mended_records(report, [task for own in tasks.values() for task in own])
    for place, mended in known.items():
        if mended.left:  # mended in part it would still be refused
            known[place], tasks[place] = Mended(None, left=mended.left), []
    for place, not_done in left.items():
        if not_done:
            known.setdefault(place, Mended(None)).left += not_done
    chosen = [task for place in sorted(tasks) for task in tasks[place]]
    return Plan(report, chosen, {place: known[place] for place in sorted(known)})


def _of_another_layout(reasons: pl.DataFrame) -> dict[Record, list[Left]]:
    """The rows in which the trainer finds no conversation: that is no matter of turns."""
    rows = reasons.filter(pl.col("code") == "not_a_conversation").select("source", "index", "says")
    return {
        (source, index): [
            Left("fit.layout", source, index, None, f"{says.rstrip('.')}; export it in a layout it reads")
        ]
        for source, index, says in rows.iter_rows()
    }


def _check(names: Sequence[str], greeting: str | None, opener: str | None, overlap: int) -> None:
    known = (*NAMES, ON_REQUEST)
    for name in names:
        if name not in known:
            raise QueryError(f"No repair for a trainer is called {name!r}; there are {', '.join(known)}.")
    if overlap < 0:
        raise QueryError(f"Parts share no exchange or some, not {overlap}.")
    if greeting not in (None, "into_system", "opener"):
        raise QueryError(f"A greeting can go into_system or get an opener, not {greeting!r}.")
    if (greeting == "opener") != (isinstance(opener, str) and bool(opener.strip())):
        raise QueryError(
            "greeting='opener' needs the text of the user turn that opens: opener='...'; nothing is made up."
        )


def check_current(dataset: Dataset, edits: object) -> None:
    """Refuse a preflight that is about another state of the dataset.

    Raises:
        StalePlanError: in one sentence.
    """
    if dataset.edits is not edits:
        raise StalePlanError("The dataset has changed since this preflight; make it again.")


# ---------------------------------------------------------------- one conversation


@dataclass(frozen=True, slots=True)
class _Tried:
    """A conversation with some repairs made, and what the trainer says then."""

    names: tuple[str, ...]
    tasks: tuple[Task, ...]
    left: tuple[Left, ...]
    forecast: Forecast | None  # None: it is no conversation any more

    @property
    def codes(self) -> set[str]:
        """The codes of the reasons that a repair may mend."""
        return (
            {reason.code for reason in self.forecast.reasons if reason.code in MENDED_BY}
            if self.forecast
            else set()
        )


def _fitted(trainer: Trainer, conversation: Conversation) -> tuple[list[Task], list[Left]]:
    """The fewest repairs that mend a conversation for the trainer, and what cannot be mended."""
    before = trainer.judge(conversation)
    reasons = [reason for reason in before.reasons if _names_for(trainer, [reason])]
    met = list(reasons)
    attempt = _Tried((), (), (), before)
    for _ in range(_ROUNDS):
        names = _names_for(trainer, met)
        attempt = _attempt(trainer, conversation, names, met)
        new = (
            [one for one in attempt.forecast.reasons if _names_for(trainer, [one])]
            if attempt.forecast
            else []
        )
        if set(_names_for(trainer, [*met, *new])) == set(names):
            break
        met += new
    open_codes = attempt.codes & {reason.code for reason in met}
    best = _spared(trainer, conversation, attempt, met, open_codes)
    if best is not None and not {reason.code for reason in reasons} - best.codes:
        best = None  # it mends only what came up on the way
    after = reasons if best is None or best.forecast is None else best.forecast.reasons
    left = [_left(trainer, conversation, one, attempt) for one in after if _names_for(trainer, [one])]
    tasks = list(best.tasks) if best is not None else []
    return tasks, list(dict.fromkeys(one for one in left if one is not None))


def _spared(
    trainer: Trainer,
    conversation: Conversation,
    attempt: _Tried,
    met: Sequence[Reason],
    open_codes: set[str],
) -> _Tried | None:
    """The attempt without the repairs it does not need; None if nothing is left of it, or it does harm."""
    goal = {reason.code for reason in met} - open_codes
    useful = tuple(name for name in attempt.names if any(name in MENDED_BY[code] for code in goal))
    if not goal or not useful:
        return None
    best = attempt if useful == attempt.names else _attempt(trainer, conversation, useful, met)
    if not _reaches(best, goal, attempt):
        return None
    for name in best.names:
        fewer = tuple(one for one in best.names if one != name)
        if fewer:
            without = _attempt(trainer, conversation, fewer, met)
            best = without if _reaches(without, goal, attempt) else best
    return best if not best.left else None


def _reaches(tried: _Tried, goal: set[str], attempt: _Tried) -> bool:
    """Whether the reasons are gone, and the trainer does no worse than after the whole attempt."""
    if tried.forecast is None or attempt.forecast is None or tried.codes & goal:
        return False
    return OUTCOMES.index(tried.forecast.outcome) <= OUTCOMES.index(attempt.forecast.outcome)


def _names_for(trainer: Trainer, reasons: Iterable[Reason]) -> tuple[str, ...]:
    wanted = {name for reason in reasons for name in MENDED_BY.get(reason.code, ())}
    return tuple(name for name in NAMES if name in wanted & trainer.names)


def _attempt(
    trainer: Trainer,
    conversation: Conversation,
    names: Sequence[str],
    reasons: Sequence[Reason],
) -> _Tried:
    made = {name: tuple(TASKS[name](trainer, conversation, reasons)) for name in names}
    tasks = tuple(task for own in made.values() for task in own)
    tried = after(trainer, conversation, tasks)
    forecast = trainer.judge(tried.conversation) if tried.conversation is not None else None
    done = tuple(name for name, own in made.items() if own)
    return _Tried(done, tasks, tuple(tried.mended.left), forecast)


def _left(trainer: Trainer, conversation: Conversation, reason: Reason, attempt: _Tried) -> Left | None:
    """Why a conversation is left as it is: what a repair says, else what the user has not said, else what the trainer says."""
    names = _names_for(trainer, [reason])
    codes = {code for name in names for code in CODES_OF[name]}
    for one in attempt.left:
        if one.code in codes:
            return one
    code, why = reason.code, f"no repair here mends this: {reason.says.rstrip('.')}"
    if "greeting" in names and trainer.greeting is None and fit.greeting_of(conversation) is not None:
        code = fit.GREETING.code
        why = "the assistant speaks first; say greeting='into_system', or greeting='opener' with the text of the opener"
    elif "roles" in names and any(message.role is None for message in conversation.messages):
        code, why = "role.alias", "the role is not known; report.repairs(roles=...) takes your answer"
    elif reason.code in _OFTEN_OTHERWISE:
        return None
    return Left(code, conversation.source_index, conversation.index, reason.turn, why)
