"""Replaying: the operations of a journal's files are carried out again. What does not fit is set aside, never applied blindly."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from .edits import Change, Record
from .record_diff import OtherStateError, followed, state_of
from .review_state import Decision, Facet, Kind, SetAside, Step
from .segments import Line

if TYPE_CHECKING:
    from .dataset import Dataset
    from .journal import Journal

Op = dict[str, Any]

# Operations that change records. They differ in what they are called; what they do stands in their items.
_CHANGES = frozenset("edit role speaker insert remove merge repair split join exclude change".split())
_WHOLE = frozenset(("join",))  # carried out for all their conversations or for none
_FACETS = frozenset("decide tag untag ignore restore query".split())
_OTHER_STATE = "it was made on another state of the conversation"


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
    """The operations; one that was written to several folders, to each what is about its sources, is one again."""
    found: dict[str, Op] = {}
    for line in lines:
        op = dict(line.op)
        if (known := found.get(op["n"])) is not None:
            new = [item for item in op.get("each", ()) if item not in known["each"]]
            known["each"] = [*known.get("each", ()), *new]
        else:
            found[op["n"]] = op
    return iter(found.values())


class _Replaying:
    def __init__(self, journal: Journal, dataset: Dataset) -> None:
        self._journal = journal
        self._dataset = dataset

    def one(self, op: Op) -> None:
        """One operation."""
        name, journal = op["op"], self._journal
        if name == "undo":
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
            if (facet := self._facet(op, item, found)) is not None:
                found[facet.kind, facet.key] = facet
        if found:
            self._journal.carry_out(op, list(found.values()), None)
        else:
            self._journal.operations.append(op)

    def _facet(
        self, op: Op, item: Mapping[str, Any], known: Mapping[tuple[Kind, Any], Facet]
    ) -> Facet | None:
        """What an operation changes beside the records for one conversation; None if it is set aside or changes nothing."""
        review = self._journal.review
        if op["op"] == "query":
            return Facet("queries", op["name"], review.get("queries", op["name"]), op["query"])
        record = self._journal.record_of(item)
        if item.get("on") is not None and record is None:
            self._set_aside(op, item, "there is no such conversation any more")
            return None
        if op["op"] == "decide":
            return self._decision(op, item, record)
        kind: Kind = "tags" if op["op"] in ("tag", "untag") else "ignored"
        key = (None if record is None or item.get("on") is None else record[0], item.get("on"))
        held = known.get((kind, key))
        first = review.get(kind, key) or frozenset()
        before: frozenset[str] = first if held is None else held.after
        more = frozenset(op["tags"] if kind == "tags" else [item["finding"]])
        after = before | more if op["op"] in ("tag", "ignore") else before - more
        return Facet(kind, key, first, after) if after != before else held

    def _decision(self, op: Op, item: Mapping[str, Any], record: Record | None) -> Facet | None:
        assert record is not None
        key = (record[0], item["on"])
        before: Decision | None = self._journal.review.get("decisions", key)
        after = None
        if op["as"] is not None:
            after = Decision(op["as"], op.get("note", ""), op.get("by", ""), op["at"], op["n"])
        if (None if before is None else before.operation) != item.get("was"):
            if (before and (before.decision, before.note)) == (after and (after.decision, after.note)):
                return None
            said = "nothing" if before is None else before.decision
            self._set_aside(op, item, f"{said} was decided meanwhile")
            return None
        if state_of(self._dataset.record_bytes(*record)) != item["state"]:
            self._set_aside(op, item, _OTHER_STATE)
            return None
        return Facet("decisions", key, before, after)

    def _set_aside(self, op: Op, item: Mapping[str, Any], why: str) -> None:
        record = self._journal.record_of(item) if item else None
        untouched = record is None or self._journal.edits.since(record) == 0
        source_changed = bool(item) and untouched and not why.endswith("decided meanwhile")
        self._journal.set_aside.append(SetAside(op, item, why, source_changed))


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
