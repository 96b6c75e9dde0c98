"""Reviewing: what a person does to a dataset, one step at a time. Each step is in the journal and can be undone."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..checks.rule import CannotMendError
from ..sources.roles import ROLES, Role
from . import editing
from .baseline import fingerprint
from .edits import Change, Record
from .errors import QueryError, StalePlanError
from .journal import Journal, checked_decision
from .model import Conversation, Issue
from .parting import Parts, parted
from .record_diff import state_of
from .review_state import Decision, Facet, Named
from .wording import plural

if TYPE_CHECKING:
    import pandas as pd

    from ..widgets.datagrid import ConversationGrid
    from ..widgets.review import Review
    from .dataset import Dataset
    from .report import Report
    from .sampling import Sample

_MARKED = 200  # of more conversations at a time the journal keeps no hashes of turns

# A conversation, its id, or its position among the conversations.
Which = Conversation | str | int


class Reviewing:
    """The part of a dataset that is changed. :class:`Dataset` has all of it."""

    journal: Journal
    _lock: threading.RLock

    # ------------------------------------------------------------------ deciding

    @property
    def decisions(self) -> Mapping[str, str]:
        """What was decided, by the id of the conversation: ``keep``, ``fix``, ``reject`` or ``later``; the undecided are not in it."""
        return {name: made.decision for (_, name), made in self.journal.review.decisions.items()}

    def decision(self, which: Which) -> Decision | None:
        """What was decided on a conversation, with note, time and author; None if nothing was."""
        return self.journal.review.decisions.get(self._named(self._conversation(which)))

    def decide(self, which: Which | Iterable[Which], decision: str | None, *, note: str = "") -> None:
        """Decide on conversations.

        Args:
            which: a conversation, its id or position, or several of them.
            decision: ``keep``, ``fix``, ``reject`` or ``later``; None takes a decision back.
            note: a word on why.

        Raises:
            QueryError: if there is no such decision.
            KeyError, IndexError: if there is no such conversation.
            JournalError: if the journal's disk does not take it.
        """
        checked_decision(decision)
        with self._lock:
            facets: list[Facet] = []
            items: list[dict[str, Any]] = []
            places = self._places(which)
            for record, name in places:
                before = self.journal.review.decisions.get((record[0], name))
                if before is None and decision is None:
                    continue
                after = None if decision is None else Decision(decision, note)
                facets.append(Facet("decisions", (record[0], name), before, after))
                items.append(
                    {
                        **self.journal.named(record, name, marked=len(places) <= _MARKED),
                        "state": state_of(self._dataset.record_bytes(*record)),
                        "was": None if before is None else before.operation,
                    }
                )
            if facets:
                what = f"decided {decision or 'nothing'} on {_these(items)}"
                op = {
                    "op": "decide",
                    "what": what,
                    "as": decision,
                    **({"note": note} if note else {}),
                    "each": items,
                }
                self.journal.set(op, facets)

    def tags(self, which: Which) -> list[str]:
        """The tags that a review gave a conversation, in order; those of the record itself are ``conversation.tags``."""
        return sorted(self.journal.review.tags.get(self._named(self._conversation(which)), ()))

    def tag(self, which: Which | Iterable[Which], *tags: str) -> None:
        """Tag conversations. The records stay as they are; the query ``tag:`` finds these tags and those of the records.

        Raises:
            QueryError: if a tag is empty.
            KeyError, IndexError: if there is no such conversation.
        """
        self._tagged("tag", which, tags, lambda before: before | set(tags))

    def untag(self, which: Which | Iterable[Which], *tags: str) -> None:
        """Take tags of a review away again."""
        self._tagged("untag", which, tags, lambda before: before - set(tags))

    def _tagged(
        self,
        op: str,
        which: Which | Iterable[Which],
        tags: Sequence[str],
        change: Callable[[frozenset[str]], frozenset[str]],
    ) -> None:
        if not all(tag.strip() for tag in tags):
            raise QueryError("A tag is a text that is not empty.")
        with self._lock:
            facets: list[Facet] = []
            items: list[dict[str, Any]] = []
            places = self._places(which)
            for record, name in places:
                before = self.journal.review.tags.get((record[0], name), frozenset())
                if (after := change(before)) != before:
                    facets.append(Facet("tags", (record[0], name), before, after))
                    items.append(self.journal.named(record, name, marked=len(places) <= _MARKED))
            if facets:
                what = f"{op}ged {', '.join(tags)}: {_these(items)}"
                self.journal.set({"op": op, "what": what, "tags": list(tags), "each": items}, facets)

    def ignore(self, *issues: Issue) -> None:
        """Ignore findings: they are not reported again as long as what they were found in stays the same.

        Raises:
            KeyError: if the conversation of a finding is gone.
        """
        self._ignored("ignore", issues)

    def restore(self, *issues: Issue) -> None:
        """Report findings again that were ignored."""
        self._ignored("restore", issues)

    def _ignored(self, op: str, issues: Sequence[Issue]) -> None:
        with self._lock:
            facets: dict[Any, Facet] = {}
            items: list[dict[str, Any]] = []
            for issue in issues:
                key, print_, record = self._finding(issue)
                held = facets.get(key)
                before = self.journal.review.ignored.get(key, frozenset()) if held is None else held.after
                after = before | {print_} if op == "ignore" else before - {print_}
                if after == before:
                    continue
                facets[key] = Facet("ignored", key, before if held is None else held.before, after)
                name = {"on": None} if record is None else self.journal.named(record)
                items.append({**name, "code": issue.code, "turn": issue.turn, "finding": print_})
            if facets:
                codes = ", ".join(dict.fromkeys(item["code"] for item in items))
                what = f"{op}d {codes}: {plural(len(items), 'finding')}"
                self.journal.set({"op": op, "what": what, "each": items}, list(facets.values()))

    def _finding(self, issue: Issue) -> tuple[Any, str, Record | None]:
        """Under what an ignored finding is kept, its fingerprint, and its record."""
        if issue.source is None or issue.conversation is None:
            return (None, None), fingerprint(issue, ""), None
        conversation = self._dataset.conversation_at(issue.source, issue.conversation)
        if conversation is None:
            raise KeyError(f"The conversation of the finding {issue.code} is gone.")
        messages = conversation.messages
        text = messages[issue.turn].text if issue.turn is not None and issue.turn < len(messages) else ""
        return self._named(conversation), fingerprint(issue, text), (issue.source, issue.conversation)

    def save_query(self, name: str, query: str | None) -> None:
        """Keep a query under a name in the journal; None takes it away. ``ds.queries`` has them all.

        Raises:
            QueryError: if the query is not understood.
        """
        if query is not None:
            from .query import Query

            Query(query)
        with self._lock:
            before = self.journal.review.queries.get(name)
            if before != query:
                what = f"{'saved' if query is not None else 'removed'} the query {name}"
                op = {"op": "query", "what": what, "name": name, "query": query}
                self.journal.set(op, [Facet("queries", name, before, query)])

    @property
    def queries(self) -> Mapping[str, str]:
        """The queries that were kept, by name."""
        return dict(self.journal.review.queries)

    def sample(self, size: int, *, seed: int = 0, by: str | None = None) -> Sample:
        """Conversations drawn at random, to be read instead of all, and ``.estimate()`` of what they say of the rest.

        The query ``sample:200`` (``sample:200@7`` with another seed) stands for the same conversations in the panel and in exports.

        Args:
            size: how many; the first of them are those of a smaller sample with the same seed.
            seed: the same seed draws the same conversations, also when others are added.
            by: stratify: draw from each ``source``, ``format``, ``system`` prompt or quarter by number of ``turns`` as many as its share.

        Raises:
            QueryError: if the size is below 1, or ``by`` is none of these.
        """
        from .sampling import draw

        return draw(self._dataset, size, seed, by)

    # ------------------------------------------------------------------ editing

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

    # ------------------------------------------------------------------ steps

    def apply(self, changes: Mapping[Record, Change], what: str, *, op: str = "change", **about: Any) -> None:
        """Change records, as one step that can be undone.

        Args:
            changes: (source, record) to its new bytes, None to remove it, or several records that take its place: these have the
                ids ``<id>/1``, ``<id>/2``, and so on.
            what: what ``undo`` says that it took back.
            op: what the journal calls it.
            about: what else the journal's line is to say.

        Raises:
            JournalError: if the journal's disk does not take it; nothing is changed then.
        """
        with self._lock:
            self.journal.change(changes, op, what, **about)

    def undo(self) -> str | None:
        """Take the last step back, whatever it was. Returns what it was, None if there is none."""
        with self._lock:
            return self.journal.undo()

    def redo(self) -> str | None:
        """Make the step again that was last taken back. Returns what it was, None if there is none."""
        with self._lock:
            return self.journal.redo()

    def history(self) -> pd.DataFrame:
        """Every operation, oldest first, with the columns at, by, op, what, conversations, id, note, state, n.

        ``state`` is ``holds``, ``taken back``, ``set aside`` (or ``in part``), and empty for undo and redo themselves; ``id`` names
        the conversation where there is one only; ``n`` is the operation's id in the journal.
        """
        from .history import history_frame

        with self._lock:
            return history_frame(self.journal)

    def save_review(self, path: str | os.PathLike[str]) -> Path:
        """Keep the journal in a folder from now on, with everything that was done so far.

        Raises:
            JournalError: if the folder cannot be written to, or holds a journal already.
        """
        with self._lock:
            return self.journal.save(Path(path))

    def datagrid(
        self, report: Report | None = None, *, where: str | None = None
    ) -> ConversationGrid | Review:
        """A spreadsheet with one row a conversation: its size, its findings, and cells for decision, tags and note (docs/datagrid.md).

        Args:
            report: whose findings are counted. None: those of :meth:`Dataset.check`.
            where: only the conversations that match this query.

        Returns:
            The spreadsheet; where ipydatagrid cannot be shown the panel, which says why.

        Raises:
            QueryError: if the query is not understood.
        """
        from ..widgets.datagrid import conversation_grid

        return conversation_grid(self._dataset, report, where)

    # ------------------------------------------------------------------ naming

    @property
    def _dataset(self) -> Dataset:
        from .dataset import Dataset

        assert isinstance(self, Dataset)
        return self

    def _conversation(self, which: Which) -> Conversation:
        if not isinstance(which, Conversation):
            return self._dataset[which]
        now = self._dataset.conversation_at(which.source_index, which.index)
        if now is None:
            raise KeyError(f"The conversation {which.id} is gone.")
        if now.raw != which.raw:
            raise StalePlanError(f"{which.id} has changed since it was looked at; look at it again.")
        return now

    def _places(self, which: Which | Iterable[Which]) -> list[tuple[Record, str]]:
        """Record and id of conversations. Those that are named by their id are not read."""
        several = [which] if isinstance(which, Conversation | str | int) else list(which)
        index = self._dataset.index
        sources, indices = index.conversations["source"], index.conversations["index"]
        found: list[tuple[Record, str]] = []
        for one in several:
            if isinstance(one, str) and (row := index.row_of_id.get(one)) is not None:
                found.append(((int(sources[row]), int(indices[row])), one))
            else:
                conversation = self._conversation(one)
                found.append(((conversation.source_index, conversation.index), conversation.id))
        return found

    @staticmethod
    def _named(conversation: Conversation) -> Named:
        return conversation.source_index, conversation.id


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


def _these(items: Sequence[Mapping[str, Any]]) -> str:
    return str(items[0]["on"]) if len(items) == 1 else plural(len(items), "conversation")
