"""The journal: every decision and change of a dataset, in order. Each is on disk before it counts, and each can be taken back."""

from __future__ import annotations

import getpass
import os
import secrets
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .edits import Change, Edits, History, Record, State
from .errors import QueryError
from .record_diff import instructions, state_of
from .replaying import replay
from .review_state import DECISIONS, Decision, Facet, Note, ReviewState, SetAside, Step
from .segments import Folder
from .shelf import Shelf
from .warning import warn
from .wording import plural

if TYPE_CHECKING:
    from .attaching import Offer
    from .dataset import Dataset

Op = dict[str, Any]


class Journal:
    """What was done to a dataset, as steps that can be taken back.

    Attributes:
        author: who the next operations are by.
        edits: the records that differ from their sources.
        review: decisions, notes, tags, ignored findings and saved queries as they are now.
        steps: the steps that hold, oldest first.
        undone: those that were taken back and can be made again, the last of them first to be.
        set_aside: operations that were not carried out, each with its reason.
        lost: what could not be read of the journal's files, in sentences.
        operations: every operation, oldest first, also those that were taken back or set aside.
    """

    def __init__(self, dataset: Dataset, folders: Sequence[Folder | None]) -> None:
        self.author = os.environ.get("JUPYTERHUB_USER") or _user()
        self.history = History()
        self.edits = Edits(self.history, 0)
        self.review = ReviewState()
        self.steps: list[Step] = []
        self.set_aside: list[SetAside] = []
        self.lost: list[str] = []
        self.operations: list[Op] = []
        self.serial = 0
        self.undone: list[Step] = []
        self._watching: list[weakref.WeakMethod[Callable[[], None]]] = []
        self._dataset = dataset
        self.shelf = Shelf([Path(source.name).name or source.name for source in dataset.sources], folders)
        self._latest = datetime.fromtimestamp(0, UTC)

    @property
    def version(self) -> int:
        """Rises with every step that changes records, also with one that is taken back."""
        return self.history.version

    def watch(self, notify: Callable[[], None]) -> None:
        """Call a bound method after every step, as long as its object lives."""
        self._watching.append(weakref.WeakMethod(notify))

    def _changed(self) -> None:
        self.serial += 1
        for reference in list(self._watching):
            if (notify := reference()) is None:
                self._watching.remove(reference)
            else:
                notify()

    # ------------------------------------------------------------------ where it is kept

    @property
    def folders(self) -> list[Path]:
        """The folders that operations are written to; none: they are kept in memory only."""
        return self.shelf.paths

    @property
    def notice(self) -> str | None:
        """Why what is done now may be lost, and what to do; None if it is on a disk that lasts."""
        return self.shelf.notice

    @property
    def place(self) -> dict[str, Any]:
        """Where the author was reading last, as a panel left it; empty if nowhere."""
        return self.shelf.place(self.author)

    def remember(self, place: dict[str, Any]) -> None:
        """Keep where the author is reading: no step, and lost without harm. On disk once there is a journal."""
        self.shelf.put_place(self.author, place)

    def save(self, path: Path) -> Path:
        """Keep the journal in a folder from now on; what was done so far is written there first.

        Raises:
            JournalError: if the folder cannot be written to, or holds a journal already.
        """
        self.shelf.move_to(path, self.operations)
        return path

    def keep_in_memory(self) -> None:
        """Write nothing from now on."""
        self.shelf.clear()

    def close(self) -> None:
        """Seal the segments; the next operation begins others."""
        self.shelf.seal()

    # ------------------------------------------------------------------ doing

    def change(self, changes: Mapping[Record, Change], op: str, what: str, **about: Any) -> None:
        """Change records, as one step.

        Args:
            changes: (source, record) to what becomes of it.
            op: what the journal calls it (docs/journal.md lists the names).
            what: a sentence for the history.
            about: what else stands in the journal's line.

        Raises:
            JournalError: if the disk does not take it; nothing is changed then.
        """
        items = [self._item(record, change) for record, change in changes.items()]
        states = self.states(changes)
        self._do({"op": op, "what": what, **about, "each": items}, (), states)

    def set(self, op: Op, facets: Sequence[Facet]) -> None:
        """Change something beside the records, as one step.

        Raises:
            JournalError: if the disk does not take it; nothing is changed then.
        """
        self._do(op, facets, None)

    def _do(self, op: Op, facets: Sequence[Facet], states: Mapping[Record, State | None] | None) -> None:
        op = {"op": op["op"], "n": secrets.token_hex(6), "at": self._now(), "by": self.author, **op}
        facets = [
            facet._replace(after=replace(facet.after, by=op["by"], at=op["at"], operation=op["n"]))
            if isinstance(facet.after, Decision | Note)
            else facet
            for facet in facets
        ]
        self.shelf.write(op)
        self.carry_out(op, facets, states)

    def carry_out(
        self, op: Op, facets: Sequence[Facet], states: Mapping[Record, State | None] | None
    ) -> None:
        """A step that is in the journal's files already."""
        before, version = self.edits, None
        if states:
            self.edits = self.history.put(states)
            version = self.history.version
        self.review.turn(facets)
        self.steps.append(Step(op, tuple(facets), version, before, self.edits))
        self.undone.clear()
        self.operations.append(op)
        self._changed()

    @property
    def next_undo(self) -> str | None:
        """What ``undo`` would take back."""
        return _what(self.steps[-1]) if self.steps else None

    @property
    def next_redo(self) -> str | None:
        """What ``redo`` would make again."""
        return _what(self.undone[-1]) if self.undone else None

    def undo(self) -> str | None:
        """Take the last step back. Returns what it was, None if there is none."""
        return self._again("undo", self.steps)

    def redo(self) -> str | None:
        """Make the step again that was last taken back; there is none once another was made. Returns what it was."""
        return self._again("redo", self.undone)

    def _again(self, name: str, stack: list[Step]) -> str | None:
        if not stack:
            return None
        step = stack[-1]
        op: Op = {
            "op": name,
            "n": secrets.token_hex(6),
            "at": self._now(),
            "by": self.author,
            "of": step.op["n"],
        }
        self.shelf.write(op, step.op.get("each", ()))
        (self.take_back if name == "undo" else self.make_again)(step)
        self.operations.append(op)
        return _what(step)

    def take_back(self, step: Step) -> None:
        """Undo a step, wherever it stands among the others."""
        if step.version is not None:
            now = self.history.put_back(step.version, step.before)
            self.edits = step.before if self.edits is step.after else now
        self.review.turn(step.facets, back=True)
        self.steps.remove(step)
        self.undone.append(step)
        self._changed()

    def make_again(self, step: Step) -> None:
        """Redo a step that was taken back."""
        if step.version is not None:
            now = self.history.put_back(step.version, step.after)
            self.edits = step.after if self.edits is step.before else now
        self.review.turn(step.facets)
        self.undone.remove(step)
        self.steps.append(step)
        self._changed()

    # ------------------------------------------------------------------ writing

    def _now(self) -> str:
        """The time, later than that of every operation before, whatever the clock says."""
        self._latest = max(datetime.now(UTC), self._latest + timedelta(microseconds=1))
        return self._latest.isoformat(timespec="microseconds")

    def _item(self, record: Record, change: Change) -> Op:
        """What the journal says of a record that changes."""
        dataset = self._dataset
        before = dataset.record_bytes(*record)
        item: Op = {**self.named(record), "state": state_of(before)}
        if isinstance(change, tuple):
            parts = [part.decode("utf-8", "surrogateescape") for part in change]
            return {**item, "then": [state_of(part) for part in change], "parts": parts}
        item["then"] = state_of(change)
        if change is not None:
            item["do"] = instructions(before or b"", change)
        return item

    def named(self, record: Record, name: str | None = None, *, marked: bool = True) -> Op:
        """How the journal names a record: the source's name, the conversation's id, and hashes of its turns to know it again by.

        Args:
            record: its source and place.
            name: the id of its conversation, if it is known.
            marked: whether the hashes are wanted; for them the record is read.
        """
        source, place = record
        said: Op = {"in": self.shelf.names[source]}
        if name is not None and not marked:
            return {**said, "on": name}
        if place < 0:
            return {**said, "on": None}  # the source's byte order mark
        conversation = self._dataset.conversation_at(source, place)
        if conversation is None:
            return {**said, "on": None, "record": place}
        marks = turn_marks(message.text for message in conversation.messages) if marked else []
        return {**said, "on": conversation.id, **({"turns": marks} if marked else {})}

    def states(self, changes: Mapping[Record, Change]) -> dict[Record, State | None]:
        return {
            record: state
            for changed, change in changes.items()
            for record, state in self._dataset.states_of(changed, change)
        }

    # ------------------------------------------------------------------ reading

    def read(self) -> None:
        """Carry out what the journal's files hold. What does not fit is set aside, never applied blindly.

        Raises:
            JournalError: if a folder is there and cannot be read.
        """
        found = self.shelf.read()
        self.lost += [sentence for read in found for sentence in read.lost]
        lines = sorted(
            (line for read in found for line in read.lines),
            key=lambda line: (line.at, line.segment, line.number),
        )
        replay(self, self._dataset, lines)
        self._latest = max([self._latest, *(_time(line.at) for line in lines)])
        if self.lost:
            warn("Journal: " + " ".join(self.lost))

    def record_of(self, item: Mapping[str, Any]) -> Record | None:
        """The record that an operation is about, None if there is none."""
        if item.get("in") not in self.shelf.names:
            return None
        source = self.shelf.names.index(item["in"])
        if item.get("on") is not None:
            return self._dataset.record_named(source, item["on"])
        return (source, item.get("record", -1))

    # ------------------------------------------------------------------ what was set aside

    def offers(self) -> list[Offer]:
        """For each operation that lost its conversation when the source changed the one that is most like it."""
        from .attaching import offers

        return offers(self._dataset, self.set_aside)

    def take(self, chosen: Offer | SetAside) -> None:
        """Carry out what was set aside after all: on the conversation offered, or on the one of the same id as it is now.

        Raises:
            QueryError: if there is none, or what it changes is not there.
        """
        from .attaching import take

        take(self._dataset, chosen)

    def dismiss(self, *aside: SetAside) -> None:
        """Set operations aside for good: they are not listed again."""
        from .attaching import settled

        for op in list(settled(self, aside)):
            made = {"op": "settle", "n": secrets.token_hex(6), "at": self._now(), "by": self.author, **op}
            self.shelf.write(made)
            self.settle(made)
            self.operations.append(made)

    def settle(self, op: Op) -> None:
        """Take what an operation dismisses off the list."""
        names = {(item.get("in"), item.get("on")) for item in op["each"]}
        self.set_aside = [
            one
            for one in self.set_aside
            if one.op["n"] != op["of"] or (one.item and (one.item.get("in"), one.item.get("on")) not in names)
        ]
        self._changed()

    def __repr__(self) -> str:
        parts = [plural(len(self.steps), "step")]
        if self.set_aside:
            parts.append(f"{len(self.set_aside):,} set aside")
        kept = ", ".join(str(path) for path in self.folders) or "in memory only"
        return f"<Journal: {', '.join(parts)}; {kept}>"


_MARKS = 6  # turns from either end that a conversation is known again by
_MARK = 8  # hexadecimal digits of each


def turn_marks(texts: Iterable[str]) -> list[str]:
    """Short hashes of the first and last turns of a conversation, by which it is known again where its id has changed."""
    said = list(texts)
    chosen = said if len(said) <= 2 * _MARKS else [*said[:_MARKS], *said[-_MARKS:]]
    return [(state_of(text.encode("utf-8", "surrogatepass")) or "")[:_MARK] for text in chosen]


def _what(step: Step) -> str:
    return str(step.op.get("what") or step.op["op"])


def _time(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return datetime.fromtimestamp(0, UTC)
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return ""


def checked_decision(decision: str | None) -> str | None:
    """A decision, refused if it is none.

    Raises:
        QueryError: in one sentence.
    """
    if decision is not None and decision not in DECISIONS:
        raise QueryError(
            f"{decision!r} is no decision; there are {', '.join(DECISIONS)}, and None to take one back."
        )
    return decision
