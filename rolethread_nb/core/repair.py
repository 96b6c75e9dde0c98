"""Repairs as data: a plan says what would change, turn by turn, before anything does."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..checks.rule import ESCAPE, REMOVE, Edit, Rule, Safety
from ..sources.decoding import SEPARATORS
from . import splice
from .dataset import Dataset
from .errors import StalePlanError
from .journal import Edits
from .model import Conversation
from .visible import visible
from .wording import plural

if TYPE_CHECKING:
    from .report import Report

_RAW_SEPARATOR = re.compile("|".join(re.escape(mark) for mark in SEPARATORS))
_SHOWN = 160
BOM = -1  # the place of a byte order mark among the records of a source


@dataclass(frozen=True, slots=True)
class Repaired:
    """One repair of a plan. ``before`` and ``after`` are None where bytes change and no text does."""

    code: str
    source: int
    conversation: int | None
    id: str | None
    turn: int | None
    path: str
    before: str | None
    after: str | None
    safety: Safety
    says: str


class Plan:
    """What would be repaired. Look at it with ``preview()`` or as a list, then ``apply()`` it."""

    def __init__(
        self,
        dataset: Dataset,
        repairs: Sequence[Repaired],
        changes: dict[tuple[int, int], bytes | None],
        edits: Edits,
    ) -> None:
        self._dataset = dataset
        self._repairs = list(repairs)
        self._changes = changes
        self._edits = edits

    def __len__(self) -> int:
        return len(self._repairs)

    def __iter__(self) -> Iterator[Repaired]:
        return iter(self._repairs)

    @property
    def counts(self) -> dict[str, int]:
        """Repairs by code."""
        return dict(Counter(repair.code for repair in self._repairs))

    def preview(self, limit: int = 20) -> Preview:
        """The plan as a diff: text in a terminal, colours in a notebook. At most ``limit`` repairs are shown, and it says so."""
        return Preview(self._repairs, limit)

    def apply(self) -> Dataset:
        """Make the changes in the dataset, as one step that ``ds.undo()`` takes back. The source stays as it is.

        Raises:
            StalePlanError: if the dataset is not what the check saw.
        """
        if self._dataset.edits is not self._edits:
            raise StalePlanError("The dataset has changed since this plan was made; check it again.")
        if self._changes:
            what = ", ".join(f"{code} × {count}" for code, count in self.counts.items())
            self._dataset.apply(self._changes, f"repaired {what}")
        return self._dataset

    def __repr__(self) -> str:
        if not self._repairs:
            return "<Plan: nothing to repair>"
        parts = ", ".join(f"{code} × {count:,}" for code, count in self.counts.items())
        return f"<Plan: {plural(len(self), 'repair')} in {plural(len(self._changes), 'record')}: {parts}>"

    def _repr_html_(self) -> str:
        return self.preview()._repr_html_()


class Preview:
    """Repairs as a diff. Blanks and invisible characters that differ are written out."""

    def __init__(self, repairs: Sequence[Repaired], limit: int) -> None:
        self._shown = list(repairs[:limit])
        self._total = len(repairs)

    def lines(self) -> Iterator[tuple[str, str]]:
        """The diff as (kind, text); kind is ``head``, ``-``, ``+`` or ``note``."""
        for repair in self._shown:
            place = "file" if repair.conversation in (None, BOM) else f"#{repair.conversation}"
            turn = "" if repair.turn is None else f" turn {repair.turn}"
            mark = "" if repair.safety == "safe" else " (unsafe)"
            yield "head", f"{place}{turn}  {repair.code}: {repair.says}{mark}"
            if repair.before is not None:
                before, after = difference(repair.before, repair.after or "")
                yield "-", before
                if repair.after is not None:
                    yield "+", after
        if self._total > len(self._shown):
            yield "note", f"… and {self._total - len(self._shown):,} more"
        if not self._total:
            yield "note", "Nothing to repair."

    def __str__(self) -> str:
        prefix = {"head": "", "-": "  - ", "+": "  + ", "note": ""}
        return "\n".join(prefix[kind] + text for kind, text in self.lines())

    __repr__ = __str__

    def _repr_html_(self) -> str:
        from ..outputs.static import diff_html

        return diff_html(list(self.lines()))


def difference(before: str, after: str) -> tuple[str, str]:
    """Two texts cut to where they differ, with a little of what stands around, invisible characters written out."""
    start = 0
    while start < min(len(before), len(after)) and before[start] == after[start]:
        start += 1
    stop = 0
    while (
        stop < min(len(before), len(after)) - start
        and before[len(before) - 1 - stop] == after[len(after) - 1 - stop]
    ):
        stop += 1
    left = max(0, start - 30)

    def cut(text: str) -> str:
        end = min(len(text), max(len(text) - stop + 30, left))
        piece = text[left:end]
        if len(piece) > _SHOWN:
            piece = piece[: _SHOWN // 2] + " … " + piece[-_SHOWN // 2 :]
        return ("…" if left else "") + visible(piece) + ("…" if end < len(text) else "")

    return cut(before), cut(after)


def make_plan(report: Report, *, unsafe: bool, select: Sequence[str] | None) -> Plan:
    """The repairs of a report, and the bytes they lead to."""
    dataset = report.dataset
    wanted: dict[tuple[int, int], list[tuple[Rule, int | None, dict[str, Any]]]] = {}
    repairs: list[Repaired] = []
    changes: dict[tuple[int, int], bytes | None] = {}
    for n, (number, source, index, turn, detail) in enumerate(
        report.findings.table.select("rule", "source", "index", "turn", "detail").iter_rows()
    ):
        rule = report.rules[number]
        if (
            rule.repair is None
            or (rule.repair.safety == "unsafe" and not unsafe)
            or not (select is None or rule.goes_by(*select))
        ):
            continue
        if rule.code == "file.bom":
            changes[source, BOM] = b""
            repairs.append(
                Repaired(rule.code, source, None, None, None, "", None, None, "safe", rule.repair.says)
            )
        elif rule.repair.rewrite is not None and index is not None:
            data = dataset.record_bytes(source, index, report.edits)
            mended = None if data is None else rule.repair.rewrite(data)
            if mended is not None and data is not None:
                changes[source, index] = mended
                before, after = data.decode(errors="replace"), mended.decode(errors="replace")
                place = (rule.code, source, index, None, None, "", before, after)
                repairs.append(Repaired(*place, rule.repair.safety, rule.repair.says))
        elif index is not None:
            noted = report.findings.details[detail] if detail >= 0 else report.issue(n).evidence
            wanted.setdefault((source, index), []).append((rule, turn, dict(noted)))
    for (source, index), tasks in wanted.items():
        conversation = report.conversation(source, index)
        data = dataset.record_bytes(source, index, report.edits)
        if conversation is None or data is None:
            continue
        changed, done = _mend(dataset, conversation, data, tasks)
        if done:
            changes[source, index] = changed
            repairs.extend(done)
    return Plan(dataset, repairs, changes, report.edits)


def _mend(
    dataset: Dataset,
    conversation: Conversation,
    data: bytes,
    tasks: Sequence[tuple[Rule, int | None, dict[str, Any]]],
) -> tuple[bytes | None, list[Repaired]]:
    """Apply the tasks of one record to its bytes: texts first, then what removes turns from the end on, then the record.

    A repair mends the whole of a turn, so several findings of a rule in one turn are one task.
    """
    ordered = sorted(
        {(rule.code, turn): (rule, turn, evidence) for rule, turn, evidence in reversed(tasks)}.values(),
        key=_order,
    )
    first = next((n for n, task in enumerate(ordered) if _order(task)[0] > 0), len(ordered))
    data, conversation, done = _mend_texts(dataset, conversation, data, ordered[:first])
    places: list[int | None] = list(range(len(conversation.messages)))
    for rule, turn, evidence in ordered[first:]:
        at = None if turn is None else places[turn]
        if turn is not None and at is None:
            continue  # the turn is gone
        assert rule.repair is not None
        edits = rule.repair.mend(conversation, at, evidence)
        before = data
        for edit in edits:
            if edit.path == "" and edit.after is REMOVE:
                done.append(_repaired(rule, conversation, turn, edit))
                return None, done
            data = _spliced(data, edit)
            if edit.after is REMOVE:
                pointers = [message.pointer for message in conversation.messages]
                places = _without(places, pointers.index(edit.path))
        if edits:
            done.append(
                _repaired(rule, conversation, turn, edits[-1] if edits[-1].after is REMOVE else edits[0])
            )
        if data != before:
            if (again := dataset.reread(conversation, data)) is None:
                return data, done
            conversation = again
    return data, done


def _mend_texts(
    dataset: Dataset,
    conversation: Conversation,
    data: bytes,
    texts: Sequence[tuple[Rule, int | None, dict[str, Any]]],
) -> tuple[bytes, Conversation, list[Repaired]]:
    """Apply what changes values and removes nothing: one task a turn in each round, so that a round is one pass over the record."""
    done: list[Repaired] = []
    while texts:
        values: dict[str, Any] = {}
        touched: set[int | None] = set()
        later = []
        for rule, turn, evidence in texts:
            if turn in touched:
                later.append((rule, turn, evidence))
                continue
            touched.add(turn)
            assert rule.repair is not None
            if edits := rule.repair.mend(conversation, turn, evidence):
                values |= {edit.path: edit.after for edit in edits}
                done.append(_repaired(rule, conversation, turn, edits[0]))
        texts = later
        if values:
            data = splice.replace_all(data, values)
            if (again := dataset.reread(conversation, data)) is None:
                break  # no conversation any more
            conversation = again
    return data, conversation, done


def _without(places: Sequence[int | None], gone: int) -> list[int | None]:
    """Where each original turn stands once the turn at ``gone`` was taken out."""
    return [None if at is None or at == gone else at - 1 if at > gone else at for at in places]


def _order(task: tuple[Rule, int | None, dict[str, Any]]) -> tuple[int, int, str]:
    rule, turn, _ = task
    group = {"turn.empty": 1, "record.empty": 4, "dup.exact": 4, "file.control_separator": 3}.get(
        rule.code, 0
    )
    if rule.family == "order":
        group = 2
    return group, -(turn or 0) if group in (1, 2) else (turn or 0), rule.code


def _spliced(data: bytes, edit: Edit) -> bytes:
    if edit.after is ESCAPE:
        return _RAW_SEPARATOR.sub(lambda match: f"\\u{ord(match.group()):04x}", data.decode()).encode()
    if edit.after is REMOVE:
        return splice.remove(data, edit.path)
    return splice.replace(data, edit.path, edit.after)


def _repaired(rule: Rule, conversation: Conversation, turn: int | None, edit: Edit) -> Repaired:
    assert rule.repair is not None
    before = edit.before if isinstance(edit.before, str) and edit.after is not ESCAPE else None
    after = edit.after if isinstance(edit.after, str) else None
    return Repaired(
        rule.code,
        conversation.source_index,
        conversation.index,
        conversation.id,
        turn,
        edit.path,
        before,
        after,
        rule.repair.safety,
        rule.repair.says,
    )
