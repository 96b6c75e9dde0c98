"""Planning repairs: which tasks follow from a report, and what the records become by them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import polars as pl

from ..checks.catalogue import rule as rule_of
from ..checks.rule import Edit, Evidence, Repair, Rule
from ..sources.roles import ROLES, SHAREGPT, Role, role_word, understand
from .blocks import Block
from .edits import Record
from .errors import QueryError, StalePlanError
from .findings import Findings
from .mending import Left, Mended, Repaired, Task, mend
from .model import SEVERITIES, Conversation
from .trial import Trial, Tried

if TYPE_CHECKING:
    from .report import Report

BOM = -1  # the place of a byte order mark among the records of a source
_ROUNDS = 8  # so often is looked for what follows from a repair


def tasks_of(
    report: Report, *, unsafe: bool, select: Sequence[str] | None, roles: Mapping[str, Role]
) -> list[Task]:
    """What is to be repaired: one task for all findings of a rule in a turn, since a repair mends the whole of it."""
    tasks: dict[tuple[Any, ...], Task] = {}
    table = report.findings.table.select("rule", "source", "index", "turn", "start", "end", "detail")
    for n, (number, source, index, turn, _, _, detail) in enumerate(table.iter_rows()):
        rule = report.rules[number]
        if not _wanted(rule, unsafe, select) or source is None or (index is None and rule.code != "file.bom"):
            continue
        key = (rule.code, source, BOM if index is None else index, turn)
        if (known := tasks.get(key)) is not None:
            tasks[key] = replace(known, found=(*known.found, n))
            continue
        evidence: Mapping[str, Any] = {}
        if detail >= 0:
            evidence = report.findings.details[detail]
        elif rule.evidence is not None:
            evidence = report.issue(n).evidence
        if rule.repair_of(dict(evidence)) is not None:
            tasks[key] = Task(rule, source, BOM if index is None else index, turn, dict(evidence), (n,))
    if roles:
        tasks |= {task.key: task for task in _mapped(report, roles, select)}
    return list(tasks.values())


def _wanted(rule: Rule, unsafe: bool, select: Sequence[str] | None) -> bool:
    return (
        rule.repair is not None
        and not rule.repair.needs_roles
        and (unsafe or rule.repair.safety == "safe")
        and (select is None or rule.goes_by(*select))
    )


def _mapped(report: Report, roles: Mapping[str, Role], select: Sequence[str] | None) -> Iterator[Task]:
    """A task for each turn whose label the user said the role of: one that is no role, or one that is read as another."""
    for label, role in roles.items():
        if role not in ROLES:
            raise QueryError(f"No role is called {role!r}; there are {', '.join(ROLES)}.")
        if not isinstance(label, str):
            raise QueryError(f"A label is a text; {label!r} is none.")
    if report.dataset.edits is not report.edits:
        raise StalePlanError("The dataset has changed since it was checked; check it again.")
    numbers = [n for n, ran in enumerate(report.rules) if ran.code == "role.unknown"]
    table = report.findings.table.with_row_index("n").filter(pl.col("rule").is_in(numbers))
    found = {
        report.findings.details[detail]["label"]: n for n, detail in table.select("n", "detail").iter_rows()
    }
    seen: set[str] = set()
    changed: set[str] = set()
    for block in report.dataset.blocks():
        named = block.turns.filter(pl.col("role_raw").is_in(list(roles)))
        for at, turn, label, is_now in named.select(
            "conversation", "turn", "role_raw", pl.col("role").cast(pl.String)
        ).iter_rows():
            rule = _rule_for(label, is_now, roles[label])
            seen.add(label)
            if is_now == roles[label] and role_word(roles[label], _layout(block, at)) == label:
                continue
            changed.add(label)
            if select is None or rule.goes_by(*select):
                evidence = {"label": label, "role": roles[label]}
                rows = (found[label],) if label in found else ()
                yield Task(rule, block.source, block.indices[at], turn, evidence, rows)
    for label, role in roles.items():
        if label not in seen:
            raise QueryError(f"No turn has the label {label!r}.")
        if label not in changed:
            raise QueryError(
                f"Every {label!r} is read as {role} already, and written as its layout writes it."
            )


def _layout(block: Block, at: int) -> str:
    return block.readings[at].format


def _named_role(conversation: Conversation, turn: int | None, evidence: Evidence) -> Sequence[Edit]:
    """The layout's word for the role the user named, in the place of a word for another role."""
    message = conversation.messages[turn] if turn is not None else None
    if message is None or message.role_key is None or message.role_raw != evidence.get("label"):
        return []
    return [Edit(message.role_pointer, message.role_raw, role_word(evidence["role"], conversation.format))]


def _rule_for(label: str, read_as: str | None, role: Role) -> Rule:
    """Whose repair writes the role that the user named for a label. What is no word for a role is kept as the name."""
    if read_as is None or understand(label, SHAREGPT).role is None:
        return rule_of("role.unknown")
    alias = rule_of("role.alias")
    if read_as == role:
        return alias
    return replace(alias, repair=Repair("unsafe", _named_role, "write the word for the role you named"))


def as_findings(report: Report, tasks: Sequence[Task]) -> Report:
    """The report as it would be if each of these tasks were a finding, of the same number."""
    from .report import Report

    rules = {task.rule.code: task.rule for task in tasks}
    numbers = {code: n for n, code in enumerate(rules)}
    places = [
        (
            numbers[task.rule.code],
            SEVERITIES.index(task.rule.severity_in(report.profile)),
            task.source,
            task.index,
            task.turn,
        )
        for task in tasks
    ]
    kinds = {"rule": pl.UInt16, "severity": pl.UInt8, "source": pl.Int32, "index": pl.Int64, "turn": pl.Int32}
    table = pl.DataFrame(places, schema=kinds, orient="row").with_columns(
        start=pl.lit(0, pl.UInt32), end=pl.lit(0, pl.UInt32), detail=pl.lit(-1, pl.Int64)
    )
    found = Findings(table, [])
    return Report(report.dataset, list(rules.values()), report.profile, found, report.index, report.edits)


@dataclass(slots=True)
class _Case:
    """A record on its way."""

    conversation: Conversation
    before: bytes
    tasks: list[Task]
    mended: Mended


def mended_records(report: Report, tasks: Sequence[Task]) -> dict[Record, Mended]:
    """What each record becomes by its tasks, in the order in which they come.

    A repair that would make an error where there was none is not made: none of the rule's repairs in that record then. What the
    repairs of a rule leave to the same rule (two turns meet when the one between them goes) is repaired as well.
    """
    wanted: dict[Record, list[Task]] = {}
    for task in tasks:
        wanted.setdefault((task.source, task.index), []).append(task)
    done: dict[Record, Mended] = {}
    open_cases: dict[Record, _Case] = {}
    for place, own in wanted.items():
        done[place] = Mended(None)
        if place[1] == BOM:
            done[place] = Mended(b"", [_file_repair(own[0])])
            continue
        data = report.dataset.record_bytes(*place, report.edits)
        conversation = report.conversation(*place)
        if data is None:
            continue
        if conversation is None:
            done[place] = _rewritten(data, own[0])
            continue
        mended = done[place] = mend(report.dataset, conversation, data, own)
        if mended.data is not None and any(_risky(task) for task in own):
            open_cases[place] = _Case(conversation, data, own, mended)
    if open_cases:
        done |= _tried(report, open_cases)
    return done


def _risky(task: Task) -> bool:
    return task.rule.repair is not None and task.rule.repair.safety == "unsafe"


def _file_repair(task: Task) -> Repaired:
    assert task.rule.repair is not None
    safety, says = task.rule.repair.safety, task.rule.repair.says
    return Repaired(task.rule.code, task.source, None, None, None, "", None, None, safety, says)


def _rewritten(data: bytes, task: Task) -> Mended:
    """A record that is no conversation, with its bytes mended."""
    repair = task.rule.repair
    after = repair.rewrite(data) if repair is not None and repair.rewrite is not None else None
    if repair is None or after is None:
        return Mended(data)
    texts = data.decode(errors="replace"), after.decode(errors="replace")
    place = (task.rule.code, task.source, task.index, None, None, "", *texts)
    return Mended(after, [Repaired(*place, repair.safety, repair.says)])


def _tried(report: Report, cases: Mapping[Record, _Case]) -> dict[Record, Mended]:
    """The cases as they stand when no repair makes an error, and nothing is left to the rules that repaired."""
    trial = Trial(report.dataset, report.profile)
    done = {place: case.mended for place, case in cases.items()}
    before = dict(zip(cases, trial.errors([case.before for case in cases.values()]), strict=True))
    left = list(cases)
    followed: dict[Record, Mended] = {}  # as it was before what follows was repaired
    for _ in range(_ROUNDS):
        left = [place for place in left if done[place].data is not None and done[place].repaired]
        codes = [frozenset(repair.code for repair in done[place].repaired) for place in left]
        found = trial.run([done[place].data or b"" for place in left], codes)
        again: list[Record] = []
        for place, tried in zip(left, found, strict=True):
            if _new_errors(before[place], tried, done[place]):
                if place in followed:
                    done[place] = followed[place]
                    continue
                done[place] = _sparing(report, trial, cases[place], before[place])
                again.append(place)
            elif (more := _following(report, cases[place], done[place], tried)) is not None:
                followed[place], done[place] = done[place], more
                again.append(place)
        left = again
        if not left:
            break
    return done


def _new_errors(before: Counter[str], tried: Tried, mended: Mended) -> list[str]:
    """Errors that there are more of than before. The order of roles is judged once labels are known; that makes no new damage."""
    mapped = any(repair.code == "role.unknown" for repair in mended.repaired)
    return [
        code
        for code, count in tried.errors.items()
        if count > before[code] and not (mapped and code.startswith("order."))
    ]


def _sparing(report: Report, trial: Trial, case: _Case, before: Counter[str]) -> Mended:
    """The record with the repairs of those rules that make no error, and the others named."""
    kept: list[Task] = []
    left: list[Left] = []
    for code in dict.fromkeys(task.rule.code for task in case.tasks):
        own = [task for task in case.tasks if task.rule.code == code]
        mended = mend(report.dataset, case.conversation, case.before, [*kept, *own])
        if mended.data is not None:
            (tried,) = trial.run([mended.data])
            if new := _new_errors(before, tried, mended):
                reason = f"its repair would make a new error, {' and '.join(new)}"
                left += [task.left(reason) for task in own]
                continue
        kept += own
    mended = mend(report.dataset, case.conversation, case.before, kept)
    mended.left += left
    return mended


def _following(report: Report, case: _Case, mended: Mended, tried: Tried) -> Mended | None:
    """The record with what its repairs left to the same rules repaired as well; None if there is nothing."""
    spared = {left.code for left in mended.left}
    tasks = {
        (rule.code, turn): Task(rule, case.conversation.source_index, case.conversation.index, turn, evidence)
        for rule, turn, evidence in reversed(tried.findings)
        if rule.repair is not None and rule.code not in spared
    }
    if not tasks or mended.data is None or mended.parts:
        return None
    conversation = report.dataset.reread(case.conversation, mended.data)
    if conversation is None:
        return None
    known: list[int | None] = [None] * len(conversation.messages)
    for turn, at in enumerate(mended.places):
        if at is not None and at < len(known):
            known[at] = turn
    more = mend(report.dataset, conversation, mended.data, tasks.values(), known)
    if not more.repaired:
        return None
    places = [None if at is None or at >= len(more.places) else more.places[at] for at in mended.places]
    return Mended(more.data, [*mended.repaired, *more.repaired], [*mended.left, *more.left], places)
