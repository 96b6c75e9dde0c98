"""Changing: turns are rewritten, put in and taken out, conversations split, joined and left out. Each is a step of the journal."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import Any

from ..checks.rule import CannotMendError
from ..sources.roles import ROLES, Role
from . import editing
from .errors import QueryError
from .model import Conversation
from .part import Part, Which
from .parting import Parts, parted
from .wording import plural


class Changing(Part):
    """The part of a dataset that changes its records. :class:`Dataset` has all of it."""

    def edit(
        self,
        which: Which,
        turn: int,
        *,
        text: str | None = None,
        role: Role | None = None,
        speaker: str | None = None,
    ) -> None:
        """Rewrite a turn: its text, its role, its speaker's name (``""`` takes the name away). The source stays as it is.

        Args:
            which: the conversation, its id or position.
            turn: which of its messages.
            text, role, speaker: what changes; None: it stays.

        Raises:
            QueryError: if the layout cannot hold it, in one sentence.
            KeyError, IndexError: if there is no such conversation.
        """
        if role is not None and role not in ROLES:
            raise QueryError(f"No role is called {role!r}; there are {', '.join(ROLES)}.")

        def change(conversation: Conversation, data: bytes) -> bytes:
            if role is not None:
                data = editing.with_role(conversation, data, turn, role)
            if speaker is not None:
                data = editing.with_speaker(conversation, data, turn, speaker or None)
            return data if text is None else editing.with_text(conversation, data, turn, text)

        op = "edit" if text is not None else "role" if role is not None else "speaker"
        self._edited(op, which, f"edited turn {turn}", change, turn=turn)

    def insert_turn(self, which: Which, at: int, role: Role, text: str) -> None:
        """Put a turn before the one at ``at``; ``at`` may be the number of turns.

        Raises:
            QueryError: if the layout has one place for each turn.
        """
        if role not in ROLES:
            raise QueryError(f"No role is called {role!r}; there are {', '.join(ROLES)}.")
        what = f"put in a turn before turn {at}"
        self._edited(
            "insert", which, what, lambda c, data: editing.with_turn(c, data, at, role, text), turn=at
        )

    def remove_turn(self, which: Which, turn: int) -> None:
        """Take a turn out.

        Raises:
            QueryError: if the layout has one place for each turn.
        """
        what = f"took out turn {turn}"
        self._edited("remove", which, what, lambda c, data: editing.without_turn(c, data, turn), turn=turn)

    def merge_turns(self, which: Which, turn: int) -> None:
        """Make a turn and the next one, of the same role, one; an empty line stands between their texts.

        Raises:
            QueryError: if they differ in more than their text.
        """
        what = f"merged turns {turn} and {turn + 1}"
        self._edited("merge", which, what, lambda c, data: editing.with_merged(c, data, turn), turn=turn)

    def split(self, which: Which, *turns: int) -> list[Conversation]:
        """Split a conversation before each of these turns. A system prompt at its head is in every part.

        Returns:
            The parts; their ids are ``<id>/1``, ``<id>/2`` and so on.

        Raises:
            QueryError: if there is nothing before or behind a turn, or the layout has one place for each turn.
        """
        with self._lock:
            conversation = self._conversation(which)
            record = conversation.source_index, conversation.index
            data = self._dataset.record_bytes(*record)
            try:
                parts = parted(conversation, data or b"", Parts(_cuts(conversation, turns)))
            except CannotMendError as why:
                raise QueryError(f"{conversation.id} cannot be split: {why}.") from None
            what = f"split {conversation.id} before turn {', '.join(map(str, turns))}"
            self.journal.change({record: parts}, "split", what, turns=list(turns))
            return [self._dataset[f"{conversation.id}/{number}"] for number in range(1, len(parts) + 1)]

    def join(self, first: Which, second: Which) -> Conversation:
        """Put the turns of the second conversation behind those of the first, which keeps its id; the second is gone.

        Raises:
            QueryError: if they are the same, stand in different layouts, or have different system prompts.
        """
        with self._lock:
            one, other = self._conversation(first), self._conversation(second)
            if one.key == other.key:
                raise QueryError("A conversation cannot be joined to itself.")
            records = [(c.source_index, c.index) for c in (one, other)]
            data = editing.joined(one, self._dataset.record_bytes(*records[0]) or b"", other)
            what = f"joined {other.id} to {one.id}"
            self.journal.change({records[0]: data, records[1]: None}, "join", what)
            return self._dataset[one.id]

    def exclude(self, which: Which | Iterable[Which]) -> None:
        """Take conversations out of the dataset; the source keeps them, and ``undo`` brings them back."""
        with self._lock:
            gone = {record: None for record, _ in self._places(which)}
            if gone:
                self.journal.change(dict(gone), "exclude", f"excluded {plural(len(gone), 'conversation')}")

    def _edited(
        self, op: str, which: Which, what: str, change: Callable[[Conversation, bytes], bytes], **about: Any
    ) -> None:
        with self._lock:
            conversation = self._conversation(which)
            record = conversation.source_index, conversation.index
            data = self._dataset.record_bytes(*record)
            assert data is not None
            after = change(conversation, data)
            if after == data:
                return
            if self._dataset.reread(conversation, after) is None:
                raise QueryError(f"{conversation.id} would be no conversation any more.")
            self.journal.change({record: after}, op, f"{what} of {conversation.id}", **about)


def _cuts(conversation: Conversation, turns: Sequence[int]) -> tuple[tuple[int, ...], ...]:
    """The turns of each part, system prompts at the head in all of them."""
    count = len(conversation.messages)
    head = 0
    while head < count and conversation.messages[head].role in ("system", "developer"):
        head += 1
    cuts = sorted(set(turns))
    if not cuts or not all(head < cut < count for cut in cuts):
        raise QueryError(
            f"{conversation.id} has {plural(count, 'turn')}; it can be split before turn {head + 1} and later ones."
            if count > head + 1
            else f"{conversation.id} has too few turns to be split."
        )
    edges = [head, *cuts, count]
    return tuple((*range(head), *range(low, high)) for low, high in pairwise(edges))
