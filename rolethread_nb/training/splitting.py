"""Splitting a conversation that is too long: where it may be cut, and which of its exchanges go together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from ..checks.rule import CannotMendError
from ..checks.tool_calls import calls_of, results_of
from ..core.model import Message

_SYSTEM = ("system", "developer")

# Whether a conversation of these turns is within the limit.
Fits = Callable[[Sequence[int]], bool]


def parts_of(messages: Sequence[Message], fits: Fits, overlap: int = 0) -> list[list[int]]:
    """The turns of each part, as few parts as the order allows. Without overlap every turn but the system prompt is in one part.

    A part begins with the system prompt, if there is one, and a turn of the user; a greeting before it stays in the first part. A
    tool call and its result are in the same part, and each part has an answer of the assistant.

    Args:
        messages: of the conversation.
        fits: whether turns, by their numbers, are within the limit.
        overlap: with so many exchanges of the part before each part begins, or as many of them as fit.

    Raises:
        CannotMendError: it cannot be split so that every part is within the limit.
    """
    if any(message.side is not None for message in messages):
        raise CannotMendError("it has two answers to choose from, and is not split")
    lead = _length_of_lead(messages)
    if any(message.role in _SYSTEM for message in messages[lead:]):
        raise CannotMendError("a system prompt stands between its turns, and parts after it would lack it")
    begins = [lead, *_cuts(messages, lead)]
    exchanges = [list(range(*ends)) for ends in zip(begins, [*begins[1:], len(messages)], strict=True)]
    system = list(range(lead))
    parts: list[list[int]] = []
    at = 0
    while at < len(exchanges):
        shared = _shared(exchanges, at, overlap, system, fits)
        end = _furthest(exchanges, at, shared, fits)
        parts.append([*shared, *_joined(exchanges[at:end])])
        at = end
    return parts


def _furthest(exchanges: Sequence[list[int]], at: int, shared: Sequence[int], fits: Fits) -> int:
    """The end of the longest part from an exchange on that is within the limit; the exchange itself is known to be."""
    end, step, beyond = at + 1, 1, len(exchanges) + 1
    while end + 1 < beyond:
        tried = min(end + step, beyond - 1)
        if fits([*shared, *_joined(exchanges[at:tried])]):
            end, step = tried, step * 2
        else:
            beyond, step = tried, max(1, (tried - end) // 2)
    return end


def _shared(
    exchanges: Sequence[list[int]], at: int, overlap: int, system: Sequence[int], fits: Fits
) -> list[int]:
    """What a part begins with before its own first exchange."""
    for first in range(max(0, at - overlap), at + 1):
        turns = [*system, *_joined(exchanges[first:at])]
        if fits([*turns, *exchanges[at]]):
            return turns
    own = exchanges[at]
    where = f"turn {own[0]}" if len(own) == 1 else f"turns {own[0]} to {own[-1]}"
    raise CannotMendError(f"{where} cannot be parted, and are over the limit by themselves")


def _joined(exchanges: Sequence[list[int]]) -> Iterator[int]:
    return (turn for exchange in exchanges for turn in exchange)


def _length_of_lead(messages: Sequence[Message]) -> int:
    """How many turns at the beginning are the system prompt."""
    return next((n for n, message in enumerate(messages) if message.role not in _SYSTEM), len(messages))


def _cuts(messages: Sequence[Message], lead: int) -> Iterator[int]:
    """The turns of the user before which the conversation may be cut."""
    roles = [message.role for message in messages]
    bound = _bound(messages)
    last = lead
    for turn in range(lead + 1, len(messages)):
        if roles[turn] != "user" or roles[turn - 1] not in ("assistant", "tool") or turn in bound:
            continue
        asked_and_answered = {"user", "assistant"} <= set(roles[last:turn])
        if asked_and_answered and "assistant" in roles[turn:]:
            yield turn
            last = turn


def _bound(messages: Sequence[Message]) -> set[int]:
    """The turns before which a cut would part a tool call from its result."""
    by_id: dict[str, int] = {}
    bound: set[int] = set()
    latest: int | None = None
    for turn, message in enumerate(messages):
        for own_id, _ in results_of(message):
            called = latest if own_id is None else by_id.get(own_id, latest)
            if called is not None:
                bound.update(range(called + 1, turn + 1))
        for call in calls_of(message):
            latest = turn
            if call.id is not None:
                by_id[call.id] = turn
    return bound
