"""What a journal set aside: where it may belong now, taking it there, or dismissing it. Nothing is taken unasked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..sources.reading import steps
from .blocks import canonical_json
from .errors import QueryError
from .journal import Journal, turn_marks
from .model import Conversation
from .record_diff import OtherStateError, followed
from .review_state import SetAside

if TYPE_CHECKING:
    from .dataset import Dataset

_LEAST = 0.5  # so large a share of the turns must be the same for an offer


@dataclass(frozen=True, slots=True)
class Offer:
    """A conversation that an operation may have been made on, before the source changed.

    Attributes:
        aside: the operation that was set aside.
        conversation: what is most like the conversation it was made on.
        likeness: the share of turns whose text is the same, of those that the journal knows (the first and last six).
    """

    aside: SetAside = field(repr=False)
    conversation: Conversation
    likeness: float


def offers(dataset: Dataset, aside: Sequence[SetAside]) -> list[Offer]:
    """For each operation that lost its conversation the one that is most like it, where half of the turns are the same."""
    lost = [one for one in aside if one.source_changed and one.item.get("turns")]
    if not lost:
        return []
    wanted = {mark for one in lost for mark in one.item["turns"]}
    holding: dict[str, list[tuple[int, int]]] = {}
    sizes: dict[tuple[int, int], int] = {}
    for block in dataset.blocks():
        texts = block.turns.group_by("conversation", maintain_order=True).agg("text")
        for at, said in texts.iter_rows():
            marks = turn_marks(said)
            place = block.source, block.indices[at]
            for mark in wanted.intersection(marks):
                holding.setdefault(mark, []).append(place)
                sizes[place] = len(marks)
    found = []
    for one in lost:
        marks = one.item["turns"]
        shared = Counter(place for mark in dict.fromkeys(marks) for place in holding.get(mark, ()))
        best = max(shared, key=lambda place: shared[place] / max(len(marks), sizes[place]), default=None)
        if best is None:
            continue
        likeness = shared[best] / max(len(marks), sizes[best])
        conversation = dataset.conversation_at(*best)
        if likeness >= _LEAST and conversation is not None:
            found.append(Offer(one, conversation, likeness))
    return found


def take(dataset: Dataset, chosen: Offer | SetAside) -> None:
    """Carry out what was set aside, on the conversation that is offered or on the one of the same id as it is now.

    Raises:
        QueryError: if there is none, or what it changes is not there.
    """
    aside = chosen if isinstance(chosen, SetAside) else chosen.aside
    op, item = aside.op, aside.item
    if isinstance(chosen, SetAside):
        conversation = _of_the_same_id(dataset, item)
    else:
        place = chosen.conversation.source_index, chosen.conversation.index
        conversation = dataset.conversation_at(*place) or chosen.conversation
    match op["op"]:
        case "decide":
            dataset.decide(conversation, op["as"], note=op.get("note", ""))
        case "note":
            dataset.note(conversation, op["note"])
        case "tag" | "retag":
            dataset.tag(conversation, *op["tags"], without=op.get("without", ()))
        case "untag":
            dataset.untag(conversation, *op["tags"])
        case "exclude":
            dataset.exclude(conversation)
        case _ if isinstance(item.get("do"), list):
            _change(dataset, conversation, op, item)
        case name:
            raise QueryError(f"What was set aside ({name}) is made for the record as it was; do it by hand.")
    dataset.journal.dismiss(aside)


def _of_the_same_id(dataset: Dataset, item: Mapping[str, Any]) -> Conversation:
    name = item.get("on")
    if not isinstance(name, str) or name not in dataset:
        raise QueryError("Its conversation is gone; journal.offers() says which are like it.")
    return dataset[name]


def _change(
    dataset: Dataset, conversation: Conversation, op: Mapping[str, Any], item: Mapping[str, Any]
) -> None:
    for step in item["do"]:
        if step[0] in ("set", "remove") and not _stands(conversation.raw, step[1], step[2]):
            raise QueryError(f"{conversation.id} has something else at {step[1]}; edit it by hand.")
    record = conversation.source_index, conversation.index
    try:
        after = followed(dataset.record_bytes(*record) or b"", item["do"])
    except OtherStateError:
        raise QueryError(f"{conversation.id} has no place for the change; edit it by hand.") from None
    dataset.apply({record: after}, str(op.get("what", op["op"])), op=op["op"])


def _stands(value: Any, pointer: str, expected: Any) -> bool:
    """Whether a value stands at a JSON Pointer."""
    for step in steps(pointer):
        if isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        elif isinstance(value, dict) and step in value:
            value = value[step]
        else:
            return False
    return canonical_json(value) == canonical_json(expected)


def settled(journal: Journal, aside: Sequence[SetAside]) -> Iterator[dict[str, Any]]:
    """The operations that dismiss what was set aside, one for each operation."""
    by_op: dict[str, list[dict[str, Any]]] = {}
    for one in aside:
        items = by_op.setdefault(one.op["n"], [])
        items += [{key: one.item[key] for key in ("in", "on") if key in one.item}] if one.item else []
    for n, items in by_op.items():
        yield {"op": "settle", "what": "dismissed what was set aside", "of": n, "each": items}
