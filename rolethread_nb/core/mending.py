"""Mending one record: the repairs of its findings, applied to its bytes in an order in which they do not disturb one another."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from ..checks.rule import ESCAPE, REMOVE, CannotMendError, Edit, Insert, Rule, Safety
from ..sources.decoding import SEPARATORS
from . import splice
from .dataset import Dataset
from .errors import RolethreadError
from .model import Conversation
from .parting import Parts, parted

_RAW_SEPARATOR = re.compile("|".join(re.escape(mark) for mark in SEPARATORS))

# A text that changes: its turn (None: the conversation as a whole), before and after; after is None where the turn goes.
Changed = tuple[int | None, str, str | None]


@dataclass(frozen=True, slots=True)
class NewKey:
    """A pseudo-value of an edit: a key that the object at the edit's path gets, behind those it has."""

    key: str
    value: str


@dataclass(frozen=True, slots=True)
class Repaired:
    """One repair of a plan. ``before`` and ``after`` are None where bytes change and no text does.

    ``also`` holds the other texts that change by it, each as (turn, before, after): the turn that another one is joined to.
    """

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
    also: tuple[Changed, ...] = ()


@dataclass(frozen=True, slots=True)
class Left:
    """A finding that was to be repaired and is left as it is, and why."""

    code: str
    source: int
    conversation: int | None
    turn: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be repaired: a rule's findings in one turn (or in the conversation). ``found`` are their numbers in the report."""

    rule: Rule
    source: int
    index: int
    turn: int | None
    evidence: dict[str, Any] = field(hash=False)
    found: tuple[int, ...] = ()

    @property
    def key(self) -> tuple[str, int, int, int | None]:
        return self.rule.code, self.source, self.index, self.turn

    def left(self, reason: str) -> Left:
        return Left(self.rule.code, self.source, self.index, self.turn, reason)


@dataclass(slots=True)
class Mended:
    """A record after its repairs: its bytes (None: removed), what was done, what was not.

    ``places`` says where each turn of the record stands now, None where it is gone. ``parts`` are the records that take its place,
    where it becomes several.
    """

    data: bytes | None
    repaired: list[Repaired] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)
    places: list[int | None] = field(default_factory=list)
    parts: tuple[bytes, ...] = ()


def mend(
    dataset: Dataset,
    conversation: Conversation,
    data: bytes,
    tasks: Iterable[Task],
    shown: Sequence[int | None] = (),
) -> Mended:
    """Apply tasks to a record: texts first, then what removes turns from the end on, then the record.

    ``shown`` are the numbers under which its turns are known, where they have moved already.
    """
    ordered = sorted(tasks, key=_order)
    first = next((n for n, task in enumerate(ordered) if _order(task)[0] > 0), len(ordered))
    mending = _Mending(dataset, conversation, data, shown)
    mending.texts(ordered[:first])
    for group, tasks_of_group in groupby(ordered[first:], key=lambda task: _order(task)[0]):
        same = list(tasks_of_group)
        if group == _DROPS and mending.drops(same):
            continue
        for task in same:
            if mending.result.data is None or mending.lost:
                return mending.result
            mending.one(task)
    return mending.result


class _Mending:
    def __init__(
        self, dataset: Dataset, conversation: Conversation, data: bytes, shown: Sequence[int | None]
    ) -> None:
        self._dataset = dataset
        self._conversation = conversation
        self._shown = shown
        self._data = data
        self.lost = False  # it is no conversation any more
        self.result = Mended(data, places=list(range(len(conversation.messages))))

    def texts(self, tasks: Sequence[Task]) -> None:
        """What changes values and removes nothing: one task a turn and place in each round, a round being one pass over the record."""
        while tasks and not self.lost:
            values: dict[str, Any] = {}
            touched: set[int | None] = set()
            later: list[Task] = []
            for task in tasks:
                if task.turn in touched:
                    later.append(task)
                    continue
                touched.add(task.turn)
                edits = self._edits(task, task.turn)
                if any(_overlaps(edit.path, values) for edit in edits):
                    later.append(task)  # two turns in one string of the record
                    continue
                values |= {edit.path: edit.after for edit in edits}
                self._note(task, edits)
            tasks = later
            if values:
                self._set(splice.replace_all(self._data, values))

    def drops(self, tasks: Sequence[Task]) -> bool:
        """What takes out turns of one list, in one pass over the record; False, and nothing is done, where it is more than that."""
        conversation, places = self._conversation, self.result.places
        if len(tasks) < 2 or self.lost or self.result.data is None or conversation.reading.fixed:
            return False
        turns = [None if task.turn is None else places[task.turn] for task in tasks]
        edits = [
            task.rule.repair.mend(conversation, at, task.evidence)
            for task, at in zip(tasks, turns, strict=True)
            if task.rule.repair
        ]
        paths = [edit.path for one in edits for edit in one if edit.after is REMOVE]
        parent = conversation.reading.pointer
        names = [path.removeprefix(f"{parent}/") for path in paths]
        if (
            not all(len(one) == 1 for one in edits)
            or len(set(names)) < len(tasks)
            or not all(map(str.isdigit, names))
        ):
            return False
        for task, one in zip(tasks, edits, strict=True):
            self._note(task, one)
        gone = {at for at in turns if at is not None}
        left = iter(range(len(conversation.messages) - len(gone)))
        now = {at: next(left) for at in range(len(conversation.messages)) if at not in gone}
        self.result.places = [None if at is None else now.get(at) for at in places]
        self._set(splice.remove_all(self._data, parent, names))
        return True

    def one(self, task: Task) -> None:
        """What removes turns, or the record."""
        assert task.rule.repair is not None
        at = None if task.turn is None else self.result.places[task.turn]
        if task.turn is not None and at is None:
            return  # the turn is gone
        if task.rule.repair.removes_turns and self._conversation.reading.fixed:
            self.result.left.append(
                task.left("in this layout each turn has its own place, and none can be taken out")
            )
            return
        edits = self._edits(task, at)
        self._note(task, edits)
        data = self._data
        pointers = [message.pointer for message in self._conversation.messages]
        for edit in edits:
            if edit.path == "" and edit.after is REMOVE:
                self.result.data = None
                break
            if isinstance(edit.after, Parts):
                self.result.parts = parted(self._conversation, data, edit.after)
                break
            data = _spliced(data, edit)
            if edit.path not in pointers:
                continue
            if edit.after is REMOVE:
                self.result.places = _without(self.result.places, pointers.index(edit.path))
            elif isinstance(edit.after, Insert):
                self.result.places = _with(self.result.places, pointers.index(edit.path))
        if self.result.data is not None and data != self._data:
            self._set(data)

    def _edits(self, task: Task, at: int | None) -> Sequence[Edit]:
        assert task.rule.repair is not None
        try:
            return task.rule.repair.mend(self._conversation, at, task.evidence)
        except RolethreadError:
            raise
        except CannotMendError as why:
            self.result.left.append(task.left(str(why)))
            return []
        except Exception as problem:
            self.result.left.append(task.left(f"the repair stopped with {type(problem).__name__}: {problem}"))
            return []

    def _set(self, data: bytes) -> None:
        self._data = self.result.data = data
        again = self._dataset.reread(self._conversation, data)
        if again is None:
            self.lost = True
        else:
            self._conversation = again

    def _note(self, task: Task, edits: Sequence[Edit]) -> None:
        """Say what a task does: what it takes out, else what it changes first, and the other texts that change with it."""
        repair = task.rule.repair
        if not edits or repair is None:
            return
        edit = edits[-1] if edits[-1].after is REMOVE else edits[0]
        turn = self._known(task.turn)
        before, after = _texts(edit)
        self.result.repaired.append(
            Repaired(
                task.rule.code,
                task.source,
                task.index,
                self._conversation.id,
                turn,
                edit.path,
                before,
                after,
                repair.safety,
                edit.after.says if isinstance(edit.after, Parts) else repair.says,
                self._others(edits, edit) if len(edits) > 1 else (),
            )
        )

    def _others(self, edits: Sequence[Edit], told: Edit) -> tuple[Changed, ...]:
        """What the edits beside the one that is told do to texts."""
        found: list[Changed] = []
        for edit in edits:
            before, after = _texts(edit)
            both_go = edit.after is REMOVE and told.after is REMOVE and edit.before == told.before
            if edit.path != told.path and before is not None and not both_go:
                found.append((self._turn_of(edit.path), before, after))
        return tuple(found)

    def _turn_of(self, path: str) -> int | None:
        """The turn that a JSON Pointer leads into, by its number before any repair."""
        pointers = [message.pointer for message in self._conversation.messages]
        at = next((n for n, pointer in enumerate(pointers) if f"{path}/".startswith(f"{pointer}/")), None)
        if at is None or at not in self.result.places:
            return None
        return self._known(self.result.places.index(at))

    def _known(self, turn: int | None) -> int | None:
        """The number under which a turn is known."""
        return self._shown[turn] if self._shown and turn is not None else turn


def _texts(edit: Edit) -> tuple[str | None, str | None]:
    """The text before and after an edit, None where it is no text, or gone."""
    after = edit.after
    if isinstance(after, splice.WithKey | NewKey):
        after = after.value
    elif isinstance(after, Insert):
        after = after.text
    before = edit.before if isinstance(edit.before, str) and edit.after is not ESCAPE else None
    return before, after if isinstance(after, str) else None


def _overlaps(path: str, others: Iterable[str]) -> bool:
    """Whether a JSON Pointer is one of the others, or one lies inside the other."""
    return any(
        path == other or path.startswith(f"{other}/") or other.startswith(f"{path}/") for other in others
    )


def _without(places: Sequence[int | None], gone: int) -> list[int | None]:
    """Where each original turn stands once the turn at ``gone`` was taken out."""
    return [None if at is None or at == gone else at - 1 if at > gone else at for at in places]


def _with(places: Sequence[int | None], new: int) -> list[int | None]:
    """Where each original turn stands once a turn was put in at ``new``."""
    return [at if at is None or at < new else at + 1 for at in places]


# What does not simply change texts comes after what does, in this order. Neighbours are merged last: they meet when what stood between is gone.
_DROPS = 1
_GROUPS = {
    "turn.empty": _DROPS,
    "file.control_separator": 3,
    "record.empty": 4,
    "dup.exact": 4,
    "dup.near": 4,
    "fit.drop_keys": 5,
    "fit.tool_ids": 5,
    "fit.trim_tail": 6,
    "fit.greeting": 7,
    "fit.system_into_user": 8,
    "fit.merge_neighbours": 9,
    "fit.split_long": 10,
}


def _order(task: Task) -> tuple[int, int, str]:
    group = _GROUPS.get(task.rule.code, 2 if task.rule.family == "order" else 0)
    from_the_end = group in (_DROPS, 2) or group > 5
    return group, -(task.turn or 0) if from_the_end else (task.turn or 0), task.rule.code


def _spliced(data: bytes, edit: Edit) -> bytes:
    if edit.after is ESCAPE:
        return _RAW_SEPARATOR.sub(lambda match: f"\\u{ord(match.group()):04x}", data.decode()).encode()
    if edit.after is REMOVE:
        return splice.remove(data, edit.path)
    if isinstance(edit.after, Insert):
        return splice.insert(data, edit.path, edit.after.turn)
    if isinstance(edit.after, NewKey):
        return splice.append(data, edit.path, edit.after.value, edit.after.key)
    return splice.replace(data, edit.path, edit.after)
