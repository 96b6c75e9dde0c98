"""What a user's function may answer, as findings."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from operator import index
from typing import TYPE_CHECKING, Any

from ..core.model import Conversation, Span
from .rule import RELATED_LIMIT, DatasetFinding, Evidence, Mark

if TYPE_CHECKING:
    from ..core.blocks import Block

_PLACE = ("turn", "start", "end")


def marks_of(conversation: Conversation, answer: Any) -> Iterator[Mark]:
    """The findings of a function's answer about a conversation.

    An answer is None or False (nothing), True (the conversation as a whole), a turn, a tuple ``(turn, start, end)``, a mapping
    with any of ``turn``, ``start``, ``end`` and measured values, or an iterable of these. Turns count from 0, from the end if
    negative.

    Raises:
        TypeError, ValueError, IndexError: if it is none of these, or names a turn or characters that do not exist.
    """
    single = isinstance(answer, bool | int | tuple | Mapping | Mark | str) or not isinstance(answer, Iterable)
    for one in [answer] if single else answer:
        if one is not None and one is not False:
            yield _mark(conversation, one)


def _mark(conversation: Conversation, one: Any) -> Mark:
    if one is True:
        return Mark(None, evidence={"turn": None})
    if isinstance(one, Mark):
        return one
    if isinstance(one, Mapping):
        evidence = evidence_of({key: value for key, value in one.items() if key not in _PLACE})
        turn, start, end = (one.get(key) for key in _PLACE)
    elif isinstance(one, tuple):
        if len(one) not in (1, 3):
            raise ValueError(f"{one!r} is not (turn, start, end)")
        evidence, (turn, start, end) = {}, (*one, None, None)[:3]
    else:
        evidence, turn, start, end = {}, index(one), None, None
    if turn is None:
        return Mark(None, evidence={**evidence, "turn": None})
    count = len(conversation.messages)
    if not -count <= index(turn) < count:
        raise IndexError(f"turn {turn} of a conversation of {count}")
    at = index(turn) % count
    text = conversation.messages[at].text
    if start is None and end is None:
        return Mark(at, evidence=evidence)
    first, last = index(start or 0), len(text) if end is None else index(end)
    if not 0 <= first <= last <= len(text):
        raise ValueError(f"characters {first} to {last} of turn {at}, whose text has {len(text)}")
    return Mark(at, Span(first, last), {"text": text[first : min(last, first + 80)], **evidence})


def wave_of(made: type) -> type:
    """A user's class as a wave: what its ``finish`` gives becomes findings about the dataset."""

    class Wave:
        def __init__(self) -> None:
            self._own = made()

        def partial(self, block: Block) -> None:
            self._own.partial(block)

        def finish(self) -> list[DatasetFinding]:
            given = []
            for one in self._own.finish() or ():
                if not isinstance(one, Mapping):
                    raise TypeError(f"finish() gave {one!r}, not a mapping of measured values")
                related = [_place(place) for place in one.get("related", ())]
                evidence = evidence_of({key: value for key, value in one.items() if key != "related"})
                if len(related) > RELATED_LIMIT:
                    evidence.setdefault("count", len(related))
                given.append(DatasetFinding(evidence, related[:RELATED_LIMIT]))
            return given

    return Wave


def _place(place: Any) -> tuple[int, ...]:
    if isinstance(place, Conversation):
        return place.source_index, place.index
    return tuple(index(number) for number in place)


def evidence_of(values: Mapping[Any, Any]) -> Evidence:
    """Measured values as JSON can hold them; what it cannot is written out."""
    return {str(key): _plain(value) for key, value in values.items()}


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int | float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, Mapping):
        return evidence_of(value)
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(one) for one in value]
    if callable(item := getattr(value, "item", None)):  # a number of numpy's
        return _plain(item())
    return str(value)


class _Blanks(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return f"{{{key}}}"


def said(template: str, evidence: Evidence) -> str:
    """The message of a finding; a name that it has no value for stays as it stands."""
    try:
        return template.format_map(_Blanks(evidence))
    except (ValueError, TypeError, AttributeError, LookupError):
        return template
