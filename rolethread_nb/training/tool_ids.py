"""Ids of tool calls: which result answers which call, and ids for those that have none, made of the conversation itself."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeGuard

from ..checks.rule import CannotMendError, Edit
from ..checks.tool_calls import NAMES, first_text
from ..core.blocks import canonical_json
from ..core.mending import NewKey
from ..core.model import Conversation, Message

# Mistral's up to its tokenizer v11 takes no other; every other trainer takes these, too.
_SHORT = re.compile(r"[a-zA-Z0-9]{9}")
_LENGTH = 9
_LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class Place:
    """Where an id stands, or should.

    Attributes:
        turn: of the conversation.
        number: of the call in its turn; 0 for a result.
        pointer: of the object that holds the id.
        key: under which it holds it.
        held: the object.
        name: of the function, None where it does not say.
    """

    turn: int
    number: int
    pointer: str
    key: str
    held: dict[str, Any]
    name: str | None

    @property
    def id(self) -> str | None:
        """The id as a text, None where there is none."""
        return first_text(self.held, (self.key,))

    def edit(self, new: str) -> Edit | None:
        """What writes another id; None if it is this one already."""
        if self.held.get(self.key) == new:
            return None
        if self.key in self.held:
            return Edit(f"{self.pointer}/{self.key}", self.id or "", new)
        return Edit(self.pointer, "", NewKey(self.key, new))


@dataclass(slots=True)
class Exchange:
    """Calls that follow each other, and the results right after them."""

    calls: list[Place] = field(default_factory=list)
    results: list[Place] = field(default_factory=list)

    @property
    def turn(self) -> int:
        """Its first turn."""
        return (self.calls or self.results)[0].turn


def exchanges(messages: Sequence[Message]) -> Iterator[Exchange]:
    """The calls and results of a conversation, in the form that trainers ask ids of: ``tool_calls`` and turns of a tool."""
    current = Exchange()
    for turn, message in enumerate(messages):
        calls, result = _calls(message, turn), _result(message, turn)
        if current.results and result is None:
            yield current
            current = Exchange()
        if result is not None:
            current.results.append(result)
        elif calls:
            current.calls += calls
        elif current.calls:
            yield current
            current = Exchange()
    if current.calls or current.results:
        yield current


def _calls(message: Message, turn: int) -> list[Place]:
    calls = message.raw.get("tool_calls") if isinstance(message.raw, dict) else None
    if message.role != "assistant" or not isinstance(calls, list):
        return []
    return [
        Place(turn, at, f"{message.pointer}/tool_calls/{at}", "id", call, _function(call))
        for at, call in enumerate(calls)
        if isinstance(call, dict)
    ]


def _function(call: dict[str, Any]) -> str | None:
    function = call.get("function")
    return first_text(function, NAMES) if isinstance(function, dict) else None


def _result(message: Message, turn: int) -> Place | None:
    if message.role != "tool" or not isinstance(message.raw, dict):
        return None
    return Place(turn, 0, message.pointer, "tool_call_id", message.raw, message.name)


def answers(exchange: Exchange) -> list[int]:
    """For each result the number of the call that it answers: by its id, else by the function's name, else by order.

    Raises:
        CannotMendError: it is not clear which.
    """
    found: dict[int, int] = {}
    for at, result in enumerate(exchange.results):
        named = (n for n, call in enumerate(exchange.calls) if call.id is not None and call.id == result.id)
        free = next((n for n in named if n not in found.values()), None)
        if free is not None:
            found[at] = free
    calls = [n for n in range(len(exchange.calls)) if n not in found.values()]
    results = [n for n in range(len(exchange.results)) if n not in found]
    found |= _in_order(exchange, calls, results)
    return [found[at] for at in range(len(exchange.results))]


def _in_order(exchange: Exchange, calls: Sequence[int], results: Sequence[int]) -> dict[int, int]:
    """The calls that results without a known id answer."""
    if len(results) > len(calls):
        raise CannotMendError("a tool result stands where no call before it waits for one")
    names = [exchange.calls[n].name for n in calls], [exchange.results[n].name for n in results]
    if results and all(name is not None for name in names[1]):
        return _by_name(names[0], names[1], calls, results)
    if results and len(results) < len(calls):
        raise CannotMendError(
            "there are more calls than results, and it is not clear which of them are answered"
        )
    paired = dict(zip(results, calls, strict=False))
    for result, call in paired.items():
        if exchange.results[result].name not in (None, exchange.calls[call].name):
            raise CannotMendError("a tool result names another function than the call in its order")
    return paired


def _by_name(
    called: Sequence[str | None], answered: Sequence[str | None], calls: Sequence[int], results: Sequence[int]
) -> dict[int, int]:
    for name, count in Counter(answered).items():
        if called.count(name) < count:
            raise CannotMendError(f"a tool result names {name}, and no call of it waits for one")
        if called.count(name) > count:
            raise CannotMendError(
                f"there are more calls of {name} than results, and it is not clear which are answered"
            )
    waiting = {name: [n for n, own in zip(calls, called, strict=True) if own == name] for name in set(called)}
    return {
        result: waiting[name].pop(0)
        for result, name in zip(results, answered, strict=True)
        if name in waiting
    }


def turns_to_write(conversation: Conversation, *, short: bool) -> Iterator[int]:
    """The first turns of the exchanges whose ids have to be written, also where it turns out not to be clear how."""
    ids = _Ids(conversation, short)
    for exchange in exchanges(conversation.messages):
        try:
            is_wanted = bool(ids.edits(exchange))
        except CannotMendError:
            is_wanted = True
        if is_wanted:
            yield exchange.turn


def id_edits(conversation: Conversation, turn: int, *, short: bool) -> list[Edit]:
    """What writes the ids of the exchange that begins at a turn. An id that is right stays.

    Args:
        conversation: as it stands.
        turn: of the first call.
        short: an id has to be nine letters or digits.

    Raises:
        CannotMendError: it is not clear which result answers which call.
    """
    found = next((one for one in exchanges(conversation.messages) if one.turn == turn), None)
    return [] if found is None else _Ids(conversation, short).edits(found)


class _Ids:
    """The ids of one conversation."""

    def __init__(self, conversation: Conversation, short: bool) -> None:
        self._short = short
        self._taken: set[str | None] = set()
        self._called: set[str | None] = set()
        for exchange in exchanges(conversation.messages):
            self._taken.update(place.id for place in (*exchange.calls, *exchange.results))
            self._called.update(call.id for call in exchange.calls)
        said = [message.text for message in conversation.messages]
        self._seed = canonical_json([conversation.id, said])

    def edits(self, exchange: Exchange) -> list[Edit]:
        own = {call.id for call in exchange.calls}
        for result in exchange.results:
            if result.id is not None and result.id not in own and result.id in self._called:
                raise CannotMendError("a tool result answers a call that is not right before it")
        answered = answers(exchange)
        new: list[str] = []
        for call in exchange.calls:
            kept = call.held.get("id")
            new.append(kept if self._is_right(kept) and kept not in new else self._made(call))
        found = [call.edit(own) for call, own in zip(exchange.calls, new, strict=True)]
        found += [result.edit(new[call]) for result, call in zip(exchange.results, answered, strict=True)]
        return [edit for edit in found if edit is not None]

    def _is_right(self, written: Any) -> TypeGuard[str]:
        if not isinstance(written, str) or not written.strip():
            return False
        return not self._short or _SHORT.fullmatch(written) is not None

    def _made(self, call: Place) -> str:
        """An id made of what is said in the conversation and of the call's place in it, unlike any that is there."""
        more = 0
        while True:
            digest = hashlib.sha256(b"%b\n%d/%d/%d" % (self._seed, call.turn, call.number, more)).digest()
            number, letters = int.from_bytes(digest[:8]), ""
            for _ in range(_LENGTH):
                number, digit = divmod(number, len(_LETTERS))
                letters += _LETTERS[digit]
            if letters not in self._taken:
                return letters
            more += 1
