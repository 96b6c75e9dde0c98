"""Replaying: the operations of a journal's files are carried out again. What does not fit is set aside, never applied blindly."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from .edits import Change, Record
from .record_diff import OtherStateError, followed, state_of
from .review_state import Decision, Facet, Kind, Named, Note, SetAside, Step
from .segments import Line

if TYPE_CHECKING:
    from .dataset import Dataset
    from .journal import Journal

Op = dict[str, Any]

# Operations that change records. They differ in what they are called; what they do stands in their items.
_CHANGES = frozenset("edit role speaker insert remove merge repair split join exclude change".split())
_WHOLE = frozenset(("join",))  # carried out for all their conversations or for none
_FACETS = frozenset("decide note tag untag retag ignore restore query".split())
_OTHER_STATE = "it was made on another state of the conversation"
_OTHER_NOTE = "another note was written meanwhile"


def replay(journal: Journal, dataset: Dataset, lines: Iterable[Line]) -> None:
    """Carry out operations that are in the journal's files, in order."""
    replaying = _Replaying(journal, dataset)
    for op in _whole(lines):
        try:
            replaying.one(op)
        except (KeyError, TypeError, ValueError, AttributeError) as problem:
            journal.lost.append(
                f"The operation {op['n']} ({op['op']}) is not understood ({problem}) and was left out."
            )


def _whole(lines: Iterable[Line]) -> Iterator[Op]:
    """The operations; one that was written to several folders, to each what is about its sources, is one again.

    What is known of its other parts, and is in none of the folders, stands under ``elsewhere``.
    """
    found: dict[str, Op] = {}
    for line in lines:
        op = dict(line.op)
        if (known := found.get(op["n"])) is not None:
            for key in ("each", "elsewhere"):
                if op.get(key):
                    held = known.get(key, [])
                    known[key] = [*held, *(item for item in op[key] if item not in held)]
        else:
            found[op["n"]] = op
    for op in found.values():
        if "elsewhere" in op:
            op["elsewhere"] = [item for item in op["elsewhere"] if item not in op.get("each", ())]
            if not op["elsewhere"]:
                del op["elsewhere"]
    return iter(found.values())


class _Replaying:
    def __init__(self, journal: Journal, dataset: Dataset) -> None:
        self._journal = journal
        self._dataset = dataset

    def one(self, op: Op) -> None:
        """One operation."""
        name, journal = op["op"], self._journal
        unwritten = [item for item in op.pop("elsewhere", ()) if item.get("in") in journal.shelf.names]
        for item in unwritten:
            why = (
                f"its part for {item['in']} was not written (the kernel stopped, or the disk did not take it)"
            )
            journal.set_aside.append(SetAside(op, item, why, source_changed=False))
        if unwritten and name in _WHOLE:
            for item in op["each"]:
                self._set_aside(op, item, "a part of it was not written")
            journal.operations.append(op)
        elif name == "undo":
            self._again(op, journal.steps, journal.take_back)
        elif name == "redo":
            self._again(op, journal.undone, journal.make_again)
        elif name == "settle":
            journal.settle(op)
            journal.operations.append(op)
        elif name in _CHANGES:
            self._change(op)
        elif name in _FACETS:
            self._facets(op)
        else:
            journal.lost.append(f"The operation {op['n']} ({name}) is of a newer version and was left out.")
            journal.operations.append(op)

    def _again(self, op: Op, stack: list[Step], move: Callable[[Step], None]) -> None:
        journal = self._journal
        journal.operations.append(op)
        step = next((step for step in reversed(stack) if step.op["n"] == op["of"]), None)
        if step is None:
            return  # it was set aside, or another kernel took it back as well
        back = stack is journal.steps
        left = step.after if back else step.before
        built_upon = step.version is not None and any(
            journal.edits.state(record) is not left.state(record)
            for record in journal.history.changed_by(step.version)
        )
        if built_upon or not journal.review.stands(step.facets, back=back):
            self._set_aside(op, {}, "what it takes back was changed again by an operation that still holds")
            return
        move(step)

    def _change(self, op: Op) -> None:
        changes: dict[Record, Change] = {}
        aside: list[tuple[Mapping[str, Any], str]] = []
        for item in op["each"]:
            record = self._journal.record_of(item)
            data = None if record is None else self._dataset.record_bytes(*record)
            if record is not None and state_of(data) == item["then"]:
                continue  # it is so already
            if record is not None and record[1] < 0 and item["then"] == state_of(b""):
                changes[record] = b""
            elif record is None or data is None or state_of(data) != item["state"]:
                aside.append((item, _OTHER_STATE))
            else:
                try:
                    changes[record] = _result(data, item)
                except OtherStateError:
                    aside.append((item, "it does not lead to what it says it leads to"))
        if aside and op["op"] in _WHOLE:
            changes = {}
        for item, why in aside:
            self._set_aside(op, item, why)
        if changes:
            self._journal.carry_out(op, (), self._journal.states(changes))
        else:
            self._journal.operations.append(op)

    def _facets(self, op: Op) -> None:
        found: dict[tuple[Kind, Any], Facet] = {}
        for item in op.get("each", [{}]):
            for facet in self._facets_of(op, item, found):
                found[facet.kind, facet.key] = facet
        if found:
            self._journal.carry_out(op, list(found.values()), None)
        else:
            self._journal.operations.append(op)

    def _facets_of(
        self, op: Op, item: Mapping[str, Any], known: Mapping[tuple[Kind, Any], Facet]
    ) -> Iterator[Facet]:
        """What an operation changes beside the records for one conversation; nothing if it is set aside."""
        review = self._journal.review
        if op["op"] == "query":
            yield Facet("queries", op["name"], review.get("queries", op["name"]), op["query"])
            return
        record = self._journal.record_of(item)
        if item.get("on") is not None and record is None:
            self._set_aside(op, item, "there is no such conversation any more")
        elif op["op"] in ("decide", "note"):
            assert record is not None
            key = (record[0], item["on"])
            yield from (self._decided if op["op"] == "decide" else self._noted)(op, item, record, key)
        else:
            kind: Kind = "ignored" if op["op"] in ("ignore", "restore") else "tags"
            place = (None if record is None or item.get("on") is None else record[0], item.get("on"))
            held = known.get((kind, place))
            first = review.get(kind, place) or frozenset()
            before: frozenset[str] = first if held is None else held.after
            if (after := _set_after(op, item, before)) != before:
                yield Facet(kind, place, first, after)

    def _decided(self, op: Op, item: Mapping[str, Any], record: Record, key: Named) -> Iterator[Facet]:
        before: Decision | None = self._journal.review.get("decisions", key)
        made, text = op["as"], op.get("note", "")
        if (None if before is None else before.operation) != item.get("was"):
            same_note = text in ("", self._journal.review.note(key))
            if (before and before.decision) != made or not same_note:
                said = "nothing" if before is None else before.decision
                self._set_aside(op, item, f"{said} was decided meanwhile")
        elif state_of(self._dataset.record_bytes(*record)) != item["state"]:
            self._set_aside(op, item, _OTHER_STATE)
        elif text and "noted" in item and self._noted_meanwhile(item, key, text):
            self._set_aside(op, item, _OTHER_NOTE)
        else:
            after = None if made is None else Decision(made, "", op.get("by", ""), op["at"], op["n"])
            yield Facet("decisions", key, before, after)
            if text not in ("", self._journal.review.note(key)):
                yield self._note(op, key, text)

    def _noted(self, op: Op, item: Mapping[str, Any], _: Record, key: Named) -> Iterator[Facet]:
        text = op["note"]
        if self._noted_meanwhile(item, key, text):
            self._set_aside(op, item, _OTHER_NOTE)
        elif text != self._journal.review.note(key):
            yield self._note(op, key, text)

    def _noted_meanwhile(self, item: Mapping[str, Any], key: Named, text: str) -> bool:
        """Whether a note was made on another one than the one that stands, and says something else."""
        held: Note | None = self._journal.review.get("notes", key)
        return (held and held.operation) != item.get("noted") and self._journal.review.note(key) != text

    def _note(self, op: Op, key: Named, text: str) -> Facet:
        after = Note(str(text), op.get("by", ""), op["at"], op["n"]) if text else None
        return Facet("notes", key, self._journal.review.get("notes", key), after)

    def _set_aside(self, op: Op, item: Mapping[str, Any], why: str) -> None:
        record = self._journal.record_of(item) if item else None
        untouched = record is None or self._journal.edits.since(record) == 0
        source_changed = bool(item) and untouched and not why.endswith("meanwhile")
        self._journal.set_aside.append(SetAside(op, item, why, source_changed))


def _set_after(op: Op, item: Mapping[str, Any], before: frozenset[str]) -> frozenset[str]:
    """The tags of a conversation, or its ignored findings, after an operation."""
    if op["op"] in ("ignore", "restore"):
        one = frozenset([item["finding"]])
        return before | one if op["op"] == "ignore" else before - one
    if op["op"] == "untag":
        return before - frozenset(op["tags"])
    return (before - frozenset(op.get("without", ()))) | frozenset(op["tags"])


def _result(data: bytes, item: Mapping[str, Any]) -> Change:
    """What a record becomes, checked against what the journal says that it became.

    Raises:
        OtherStateError: if it becomes something else.
    """
    if item["then"] is None:
        return None
    if "parts" in item:
        parts = tuple(part.encode("utf-8", "surrogateescape") for part in item["parts"])
        if [state_of(part) for part in parts] != item["then"]:
            raise OtherStateError("parts")
        return parts
    after = followed(data, item["do"])
    if state_of(after) != item["then"]:
        raise OtherStateError("record")
    return after
