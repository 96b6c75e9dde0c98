"""Repairs as data: a plan says what would change, turn by turn, before anything does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, overload

from .._version import __version__
from ..checks.catalogue import check_codes
from .dataset import Dataset
from .edits import Change, Edits, Record
from .errors import QueryError, StalePlanError
from .mending import Left, Mended, Repaired, Task
from .model import Conversation
from .planning import BOM, as_findings, mended_records, tasks_of
from .visible import visible
from .wording import plural

if TYPE_CHECKING:
    import pandas as pd

    from ..sources.roles import Role
    from .report import Report

__all__ = ["BOM", "Left", "Plan", "Preview", "Repaired", "difference", "make_plan"]

_SHOWN = 160
_REASONS = 5  # so many reasons why findings are left are told
_COLUMNS = list(Repaired.__slots__)


class Plan:
    """What would be repaired. Look at it with ``preview()`` or as a list, choose with ``select()``, then ``apply()`` it.

    ``plan[3]`` is one repair, ``plan[:10]`` a plan of the first ten, ``len(plan)`` how many there are.

    Attributes:
        left: findings that could be repaired as such and are left as they are, each with its reason: the layout cannot take a turn
            out, the repair would make a new error, or it raised one.
    """

    def __init__(
        self, report: Report, tasks: Sequence[Task], known: Mapping[Record, Mended] | None = None
    ) -> None:
        self._report = report
        self._tasks = list(tasks)
        self._records = mended_records(report, self._tasks) if known is None else dict(known)
        self._repairs = [repair for mended in self._records.values() for repair in mended.repaired]
        self._applied: Edits | None = None
        self.left: list[Left] = [left for mended in self._records.values() for left in mended.left]

    def __len__(self) -> int:
        return len(self._repairs)

    def __iter__(self) -> Iterator[Repaired]:
        return iter(self._repairs)

    @overload
    def __getitem__(self, which: int) -> Repaired: ...
    @overload
    def __getitem__(self, which: slice) -> Plan: ...
    def __getitem__(self, which: int | slice) -> Repaired | Plan:
        if not isinstance(which, slice):
            return self._repairs[which]
        chosen = {
            (repair.code, repair.source, repair.conversation, repair.turn) for repair in self._repairs[which]
        }
        return self._of(
            task
            for task in self._tasks
            if (task.rule.code, task.source, None if task.index == BOM else task.index, task.turn) in chosen
        )

    @property
    def counts(self) -> dict[str, int]:
        """Repairs by code."""
        return dict(Counter(repair.code for repair in self._repairs))

    def select(
        self,
        *,
        codes: Sequence[str] | str | None = None,
        where: str | None = None,
        conversations: Iterable[int | str | tuple[int, int] | Conversation] | None = None,
        safe: bool | None = None,
    ) -> Plan:
        """A plan of some of these repairs. The choices narrow one another.

        A repair that follows from another one in the same record (two turns of a role meet once the empty one between them is gone)
        comes and goes with it.

        Args:
            codes: only these codes or families.
            where: only findings that match this query (the language of the review panel). What is repaired for a trainer was found by
                no rule; there its turn counts, and its own code: ``code:fit.merge_neighbours role:user``.
            conversations: only these: numbers (as in ``issue.conversation``; with several sources as (source, number)), ids, or
                conversations.
            safe: True for the safe ones only, False for the unsafe ones only.

        Raises:
            QueryError: if a code or the query is not understood.
        """
        tasks = self._tasks
        if codes is not None:
            names = [name.strip() for name in codes.split(",")] if isinstance(codes, str) else list(codes)
            own = {task.rule.code: task.rule for task in self._tasks}  # of a trainer, and in no catalogue
            check_codes([name for name in names if not any(rule.goes_by(name) for rule in own.values())])
            tasks = [task for task in tasks if task.rule.goes_by(*names)]
        if safe is not None:
            tasks = [
                task for task in tasks if task.rule.repair and (task.rule.repair.safety == "safe") is safe
            ]
        if conversations is not None:
            places = {place for wanted in conversations for place in self._places(wanted)}
            tasks = [task for task in tasks if (task.source, task.index) in places]
        if where is not None:
            tasks = self._matching(where, tasks)
        return self._of(tasks)

    def _matching(self, where: str, tasks: Sequence[Task]) -> list[Task]:
        """The tasks of findings that match a query. A task that comes from no finding is taken for one itself."""
        from .query import Query

        query = Query(where)
        found = set(query.finding_rows(self._report))
        own = [task for task in tasks if not task.found]
        matching = (
            {id(own[row]) for row in query.finding_rows(as_findings(self._report, own))} if own else set()
        )
        return [task for task in tasks if id(task) in matching or not found.isdisjoint(task.found)]

    def _places(self, wanted: int | str | tuple[int, int] | Conversation) -> list[Record]:
        if isinstance(wanted, Conversation):
            return [(wanted.source_index, wanted.index)]
        if isinstance(wanted, tuple):
            return [wanted]
        if isinstance(wanted, int):
            if len(self._report.dataset.sources) > 1:
                raise QueryError(
                    f"There are several sources; say which one: (0, {wanted}) instead of {wanted}."
                )
            return [(0, wanted)]
        index = self._report.index
        if wanted not in index.row_of_id:
            raise QueryError(f"No conversation has the id {wanted!r}.")
        row = index.conversations.row(index.row_of_id[wanted], named=True)
        return [(row["source"], row["index"])]

    def _of(self, tasks: Iterable[Task]) -> Plan:
        """A plan of some of the tasks. Records in which all of them are chosen need no second look."""
        chosen = list(tasks)
        before, now = (Counter((task.source, task.index) for task in some) for some in (self._tasks, chosen))
        same = {place for place, count in now.items() if before[place] == count}
        fresh = mended_records(
            self._report, [task for task in chosen if (task.source, task.index) not in same]
        )
        records = {**{place: self._records[place] for place in same if place in self._records}, **fresh}
        return Plan(self._report, chosen, {place: records[place] for place in now if place in records})

    def preview(self, limit: int = 20) -> Preview:
        """The plan as a diff: text in a terminal, colours in a notebook. At most ``limit`` repairs are shown, and it says so."""
        return Preview(self._repairs, limit, self.left)

    def to_pandas(self) -> pd.DataFrame:
        """One row a repair: code, source, conversation, id, turn, path, before, after, safety, says, also."""
        import pandas as pd

        rows = [[getattr(repair, name) for name in _COLUMNS] for repair in self._repairs]
        numbers = dict.fromkeys(("source", "conversation", "turn"), "Int64")
        return pd.DataFrame(rows, columns=_COLUMNS).astype(numbers)

    def apply(self) -> Dataset:
        """Make the changes in the dataset, as one step that ``ds.undo()`` takes back. The source stays as it is.

        Applied once more, it changes nothing.

        Raises:
            StalePlanError: if the dataset is neither what the check saw nor what this plan made of it.
        """
        dataset = self._report.dataset
        if self._applied is not None and dataset.edits is self._applied:
            return dataset
        if dataset.edits is not self._report.edits:
            raise StalePlanError("The dataset has changed since this plan was made; check it again.")
        if changes := self._changes():
            what = ", ".join(f"{code} × {count}" for code, count in self.counts.items())
            dataset.apply(changes, f"repaired {what}", op="repair", codes=self.counts, version=__version__)
            self._applied = dataset.edits
        return dataset

    def _changes(self) -> dict[Record, Change]:
        return {
            place: mended.parts or mended.data for place, mended in self._records.items() if mended.repaired
        }

    def __repr__(self) -> str:
        left = f"; {plural(len(self.left), 'finding')} left as they are" if self.left else ""
        if not self._repairs:
            return f"<Plan: nothing to repair{left}>"
        parts = ", ".join(f"{code} × {count:,}" for code, count in self.counts.items())
        return f"<Plan: {plural(len(self), 'repair')} in {plural(len(self._changes()), 'record')}: {parts}{left}>"

    def _repr_html_(self) -> str:
        return self.preview()._repr_html_()


class Preview:
    """Repairs as a diff. Blanks and invisible characters that differ are written out."""

    def __init__(self, repairs: Sequence[Repaired], limit: int, left: Sequence[Left] = ()) -> None:
        self._shown = list(repairs[:limit])
        self._total = len(repairs)
        self._reasons = Counter((one.code, one.reason) for one in left)

    def lines(self) -> Iterator[tuple[str, str]]:
        """The diff as (kind, text); kind is ``head``, ``-``, ``+`` or ``note``."""
        for repair in self._shown:
            place = "file" if repair.conversation in (None, BOM) else f"#{repair.conversation}"
            turn = "" if repair.turn is None else f" turn {repair.turn}"
            mark = "" if repair.safety == "safe" else " (unsafe)"
            yield "head", f"{place}{turn}  {repair.code}: {repair.says}{mark}"
            yield from _changed(repair)
        if self._total > len(self._shown):
            yield "note", f"… and {self._total - len(self._shown):,} more"
        if not self._total:
            yield "note", "Nothing to repair."
        for (code, reason), count in self._reasons.most_common(_REASONS):
            yield "note", f"Not repaired: {code}, {plural(count, 'time')}: {reason}."

    def __str__(self) -> str:
        prefix = {"head": "", "-": "  - ", "+": "  + ", "note": ""}
        return "\n".join(prefix[kind] + text for kind, text in self.lines())

    __repr__ = __str__

    def _repr_html_(self) -> str:
        from ..outputs.static import diff_html

        return diff_html(list(self.lines()))


def _changed(repair: Repaired) -> Iterator[tuple[str, str]]:
    """The texts that a repair changes; where they are several, each with its turn."""
    texts = [] if repair.before is None else [(repair.turn, repair.before, repair.after)]
    texts += repair.also
    for turn, before, after in sorted(texts, key=lambda one: -1 if one[0] is None else one[0]):
        place = "" if turn is None or len(texts) == 1 else f"turn {turn}: "
        was, becomes = difference(before, after or "")
        yield "-", place + was
        if after is not None:
            yield "+", place + becomes


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


def make_plan(
    report: Report, *, unsafe: bool, select: Sequence[str] | None, roles: Mapping[str, Role] | None = None
) -> Plan:
    """The repairs of a report, and the bytes they lead to (see :meth:`Report.repairs`)."""
    return Plan(report, tasks_of(report, unsafe=unsafe, select=select, roles=roles or {}))
