"""What the witness panel draws, as plain data (docs/witness.md)."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import Any

from ..core.errors import QueryError
from ..core.model import Conversation
from ..core.turns import encodable
from ..core.wording import plural
from ..training.witness_turns import Stretch, WitnessTurn, fate_of, turns_of
from ..training.witnessed import Difference, Missing, Witness, WitnessRow
from .requests import PAGE, page_args, page_of
from .speakers import hue_of
from .thread_view import Payload, direction

_TITLE = 80
_MOST_TEXT = 400_000  # characters of a conversation that are sent

# What a list can be narrowed to, and what it is called.
STATES = {
    "dropped": "dropped",
    "cut": "cut",
    "untrained": "nothing trained",
    "different": "not as foretold",
}


@dataclass(frozen=True, slots=True)
class _Entry:
    """One conversation of the list, or one sequence that belongs to none we know."""

    key: str
    conversation: int | None
    rows: tuple[WitnessRow, ...]
    missing: Missing | None
    differences: tuple[Difference, ...]

    @property
    def states(self) -> list[str]:
        """Which of `STATES` hold of it."""
        held = {
            "dropped": self.missing is not None,
            "cut": any(row.cut for row in self.rows),
            "untrained": bool(self.rows) and not any(row.trained_tokens for row in self.rows),
            "different": bool(self.differences),
        }
        return [state for state, holds in held.items() if holds]


class WitnessView:
    """Everything the witness panel asks for. Safe to call from two threads."""

    def __init__(self, witness: Witness) -> None:
        self._witness = witness
        self._lock = threading.RLock()

    def answer(self, name: str, args: Payload) -> Payload:
        """The result of a request.

        Raises:
            RolethreadError: in one sentence, for the person who asked.
        """
        requests: dict[str, Callable[[Payload], Payload]] = {
            "witnessed": self._asked_list,
            "witness": lambda args: self.open(str(args.get("key", ""))),
        }
        if name not in requests:
            raise QueryError(f"Nothing is known about the request {name!r}.")
        with self._lock:
            return requests[name](args)

    def _asked_list(self, args: Payload) -> Payload:
        query, _, descending, offset, limit = page_args(args, "file")
        if isinstance(near := args.get("near"), str):
            listed = self._listed(query, descending)
            at = next((at for at, one in enumerate(listed) if one.key == near), None)
            offset = page_of(at, offset, limit)
        return self.entries(query, descending, offset, limit)

    # ------------------------------------------------------------------ the whole

    def state(self, query: str = "", key: str | None = None) -> Payload:
        """What is drawn at once: the first conversation open is one that was not simply taken."""
        page = self.entries(query)
        key = key or self._first_key()
        return {
            "witness": self.summary(),
            "entries": page,
            "open": None if key is None else self.open(key),
            "empty": self.empty,
        }

    def _first_key(self) -> str | None:
        for state in ("different", "untrained", "cut", "dropped"):
            if self._by_state[state]:
                return self._by_state[state][0].key
        return self._entries[0].key if self._entries else None

    @property
    def empty(self) -> str:
        """What stands where a conversation would be."""
        return f"{self._witness.trainer} holds no rows."

    def summary(self) -> Payload:
        """The trainer, what of the conversations arrives, what the loss sees, and whether we foretold it."""
        found = self._witness
        return {
            "name": encodable(found.trainer),
            "facts": [[name, said] for name, said in facts(found)],
            "tokens": dict(found.totals),
            "agreement": {"holds": self._agrees, "says": agreement(found)},
            "states": [
                {"name": state, "title": title, "count": len(self._by_state[state])}
                for state, title in STATES.items()
            ],
            "of": found.conversations is not None,
            "notes": [encodable(note) for note in found.notes],
        }

    @property
    def _agrees(self) -> bool | None:
        return None if self._witness.agreement is None else not self._witness.differences

    # ------------------------------------------------------------------ the list

    @cached_property
    def _entries(self) -> list[_Entry]:
        found = self._witness
        rows: dict[int, list[WitnessRow]] = defaultdict(list)
        for row in found.rows:
            if row.conversation is not None:
                rows[row.conversation].append(row)
        differences: dict[int, list[Difference]] = defaultdict(list)
        for one in found.differences:
            differences[one.conversation].append(one)
        missing = {one.conversation: one for one in found.missing}
        known = [
            _Entry(conversation.key, at, tuple(rows[at]), missing.get(at), tuple(differences[at]))
            for at, conversation in enumerate(found.given)
            if at in rows or at in missing
        ]
        return [*known, *self._unmatched()]

    def _unmatched(self) -> Iterator[_Entry]:
        """Sequences that belong to no conversation we know; both answers of a pair together."""
        unknown = (row for row in self._witness.rows if row.conversation is None)
        for number, together in groupby(unknown, key=lambda row: row.number):
            rows = tuple(together)
            parts = [rows] if rows[0].side is not None else [(row,) for row in rows]
            for at, part in enumerate(parts):
                yield _Entry(f"row:{number}.{at}", None, part, None, ())

    @cached_property
    def _by_state(self) -> dict[str, list[_Entry]]:
        found: dict[str, list[_Entry]] = {state: [] for state in STATES}
        for entry in self._entries:
            for state in entry.states:
                found[state].append(entry)
        return found

    @cached_property
    def _by_key(self) -> dict[str, _Entry]:
        return {entry.key: entry for entry in self._entries}

    def _listed(self, query: str, descending: bool) -> Sequence[_Entry]:
        listed = self._entries if not query.strip() else self._by_state[_state(query)]
        return listed[::-1] if descending else listed

    def entries(
        self, query: str = "", descending: bool = False, offset: int = 0, limit: int = PAGE
    ) -> Payload:
        """One page of the list, in the order of the dataset; ``query`` is empty or ``state:dropped``."""
        listed = self._listed(query, descending)
        return {
            "query": query,
            "sort": "file",
            "descending": descending,
            "offset": offset,
            "matched": len(listed),
            "total": len(self._entries),
            "rows": [self._line(entry) for entry in listed[offset : offset + limit]],
        }

    def _line(self, entry: _Entry) -> Payload:
        return {
            **self._name(entry),
            "states": entry.states,
            "tokens": sum(len(row.ids) for row in entry.rows),
            "trained": sum(row.trained_tokens for row in entry.rows),
        }

    def _name(self, entry: _Entry) -> Payload:
        """What a conversation is called; a sequence without one goes by its place in the trainer's data."""
        conversation = self._conversation(entry)
        if conversation is None:
            first = entry.rows[0]
            title = encodable(" ".join(first.text[: 4 * _TITLE].split())[:_TITLE])
            return {"key": entry.key, "index": None, "row": first.number, "id": None, "title": title}
        title = conversation.title or " ".join(
            next((one.text for one in conversation.messages if one.role == "user" and one.text), "").split()
        )
        return {
            "key": entry.key,
            "index": conversation.index,
            "row": entry.rows[0].number if entry.rows else None,
            "id": encodable(conversation.id),
            "title": encodable(title[:_TITLE]),
        }

    def _conversation(self, entry: _Entry) -> Conversation | None:
        return None if entry.conversation is None else self._witness.given[entry.conversation]

    # ------------------------------------------------------------------ one conversation

    def open(self, key: str) -> Payload:
        """One conversation as the trainer has it, ready to draw.

        Raises:
            QueryError: if there is no such conversation.
        """
        entry = self._by_key.get(key)
        if entry is None:
            raise QueryError(f"There is no conversation {key!r}.")
        conversation = self._conversation(entry)
        return {
            **self._name(entry),
            "line": None if conversation is None else conversation.line,
            "states": entry.states,
            "why": None if entry.missing is None else encodable(entry.missing.why or UNFORESEEN),
            "differences": [
                {
                    "what": one.what,
                    "side": one.side,
                    "foretold": encodable(one.foretold),
                    "found": encodable(one.found),
                }
                for one in entry.differences
            ],
            "sequences": [self._sequence(entry, row, conversation) for row in entry.rows]
            or [self._nothing_of(conversation)],
        }

    def _sequence(self, entry: _Entry, row: WitnessRow, conversation: Conversation | None) -> Payload:
        differs = any(one.side == row.side for one in entry.differences)
        turns = turns_of(row, conversation, differs=differs)
        return {
            "side": row.side,
            "row": row.number,
            "trained": row.trained_tokens,
            "masked": len(row.ids) - row.trained_tokens,
            "cut": row.cut_tokens,
            **self._drawn(turns, conversation),
        }

    def _nothing_of(self, conversation: Conversation | None) -> Payload:
        """A dropped conversation: all of its turns are missing."""
        messages = [] if conversation is None else conversation.messages
        turns = [
            WitnessTurn(turn, (Stretch(message.text, "missing", True),) if message.text else ())
            for turn, message in enumerate(messages)
        ]
        nothing = {"side": None, "row": None, "trained": 0, "masked": 0, "cut": None}
        return {**nothing, **self._drawn(turns, conversation)}

    def _drawn(self, turns: Sequence[WitnessTurn], conversation: Conversation | None) -> Payload:
        room, left_out, drawn = _MOST_TEXT, 0, []
        for one in turns:
            size = sum(len(stretch.text) for stretch in one.stretches)
            if size > room:
                left_out += size
                continue
            room -= size
            drawn.append(self._turn(one, conversation))
        return {"turns": drawn, "left_out": left_out}

    def _turn(self, one: WitnessTurn, conversation: Conversation | None) -> Payload:
        message = None if conversation is None or one.turn is None else conversation.messages[one.turn]
        own = "".join(stretch.text for stretch in one.stretches if stretch.own)
        name = None if message is None else message.name
        role = None if message is None else message.role or message.role_raw
        return {
            "turn": one.turn,
            "role": None if role is None else encodable(role),
            "speaker": None if name is None else encodable(name),
            "hue": None if name is None else hue_of(name),
            "dir": direction(own),
            "fate": one.fate,
            "pieces": _pieces(one.stretches),
            "foretold": None
            if one.foretold is None
            else {"fate": fate_of(one.turn, one.foretold), "pieces": _pieces(one.foretold)},
            "lost": list(one.lost),
        }


UNFORESEEN = "The trainer has no row of it, and we did not foresee it."


def facts(found: Witness) -> Iterator[tuple[str, str]]:
    """What arrives, as name and value."""
    if found.conversations is not None:
        yield "given", plural(found.conversations, "conversation")
        if found.matched_by is not None:
            yield "arrive", f"{found.conversations - len(found.missing):,}"
            yield "dropped", f"{len(found.missing):,}"
    arrived = None if found.conversations is None else found.conversations - len(found.missing)
    if len(found.rows) != arrived:
        yield "held", plural(len(found.rows), "sequence")


def agreement(found: Witness) -> str:
    """Whether forecast and witness agree, in one plain sentence."""
    if found.agreement is not None:
        return found.agreement
    if found.conversations is None:
        return (
            "No forecast to compare with: the conversations were not given. rt.witness(trainer, ds) compares."
        )
    return next(
        (note for note in found.notes if note.startswith("No forecast")), "No forecast to compare with."
    )


def _pieces(stretches: Sequence[Stretch]) -> list[list[Any]]:
    return [[encodable(one.text), one.mark, one.own] for one in stretches]


def _state(query: str) -> str:
    """The state that a query asks for.

    Raises:
        QueryError: if it is none.
    """
    name, sign, value = query.strip().partition(":")
    if not sign or name != "state" or value not in STATES:
        raise QueryError(
            f"{query!r} is not understood; a list is narrowed by state:{', state:'.join(STATES)}."
        )
    return value
