"""Reviewing: what a person does to a dataset, one step at a time. Each step is in the journal and can be undone."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .baseline import fingerprint
from .edits import Change, Record
from .errors import QueryError
from .journal import checked_decision
from .model import Issue
from .part import Part, Which
from .record_diff import state_of
from .review_state import Decision, Facet, Note
from .wording import plural

if TYPE_CHECKING:
    import pandas as pd

    from ..widgets.datagrid import ConversationGrid
    from ..widgets.review import Review
    from .report import Report
    from .sampling import Sample

_MARKED = 200  # of more conversations at a time the journal keeps no hashes of turns


class Reviewing(Part):
    """Decisions, tags, ignored findings, samples and the steps back and forth. :class:`Dataset` has all of it."""

    # ------------------------------------------------------------------ deciding

    @property
    def decisions(self) -> Mapping[str, str]:
        """What was decided, by the id of the conversation: ``keep``, ``fix``, ``reject`` or ``later``; the undecided are not in it."""
        return {name: made.decision for (_, name), made in self.journal.review.decisions.items()}

    def decision(self, which: Which) -> Decision | None:
        """What was decided on a conversation, with note, time and author; None if nothing was."""
        key = self._named(self._conversation(which))
        review = self.journal.review
        made = review.decisions.get(key)
        return None if made is None else replace(made, note=review.note(key))

    def decide(self, which: Which | Iterable[Which], decision: str | None, *, note: str = "") -> None:
        """Decide on conversations.

        Args:
            which: a conversation, its id or position, or several of them.
            decision: ``keep``, ``fix``, ``reject`` or ``later``; None takes a decision back.
            note: a word on why, in place of the note that is there; without it that one stays.

        Raises:
            QueryError: if there is no such decision.
            KeyError, IndexError: if there is no such conversation.
            JournalError: if the journal's disk does not take it.
        """
        checked_decision(decision)
        review = self.journal.review
        with self._lock:
            facets: list[Facet] = []
            items: list[dict[str, Any]] = []
            places = self._places(which)
            for record, name in places:
                key = (record[0], name)
                before, noted = review.decisions.get(key), review.notes.get(key)
                if before is None and decision is None:
                    continue
                facets.append(
                    Facet("decisions", key, before, None if decision is None else Decision(decision))
                )
                if note and note != review.note(key):
                    facets.append(Facet("notes", key, noted, Note(note)))
                items.append(
                    {
                        **self.journal.named(record, name, marked=len(places) <= _MARKED),
                        "state": state_of(self._dataset.record_bytes(*record)),
                        "was": None if before is None else before.operation,
                        **({"noted": _by(noted)} if note else {}),
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

    @property
    def notes(self) -> Mapping[str, str]:
        """The notes, by the id of the conversation, with a decision or without; those without a note are not in it."""
        return {name: note.text for (_, name), note in self.journal.review.notes.items()}

    def note(self, which: Which | Iterable[Which], text: str) -> None:
        """Write a note on conversations; an empty text takes it away. It needs no decision, and stays when one is made or taken back.

        Raises:
            KeyError, IndexError: if there is no such conversation.
            JournalError: if the journal's disk does not take it.
        """
        review = self.journal.review
        with self._lock:
            facets: list[Facet] = []
            items: list[dict[str, Any]] = []
            places = self._places(which)
            for record, name in places:
                key = (record[0], name)
                if text == review.note(key):
                    continue
                before = review.notes.get(key)
                facets.append(Facet("notes", key, before, Note(text) if text else None))
                named = self.journal.named(record, name, marked=len(places) <= _MARKED)
                items.append({**named, "noted": _by(before)})
            if facets:
                what = f"noted {_these(items)}" if text else f"took away the note of {_these(items)}"
                self.journal.set({"op": "note", "what": what, "note": text, "each": items}, facets)

    def tags(self, which: Which) -> list[str]:
        """The tags that a review gave a conversation, in order; those of the record itself are ``conversation.tags``."""
        return sorted(self.journal.review.tags.get(self._named(self._conversation(which)), ()))

    def tag(self, which: Which | Iterable[Which], *tags: str, without: Iterable[str] = ()) -> None:
        """Tag conversations. The records stay as they are; the query ``tag:`` finds these tags and those of the records.

        Args:
            which: a conversation, its id or position, or several of them.
            tags: what they are tagged with.
            without: tags of the review that are taken away in the same step.

        Raises:
            QueryError: if a tag is empty, or is to be added and taken away.
            KeyError, IndexError: if there is no such conversation.
        """
        self._retag(which, tags, list(without))

    def untag(self, which: Which | Iterable[Which], *tags: str) -> None:
        """Take tags of a review away again."""
        self._retag(which, (), tags)

    def _retag(self, which: Which | Iterable[Which], added: Sequence[str], gone: Sequence[str]) -> None:
        if not all(tag.strip() for tag in (*added, *gone)):
            raise QueryError("A tag is a text that is not empty.")
        if twice := sorted(set(added).intersection(gone)):
            raise QueryError(f"The tag {twice[0]!r} cannot be both added and taken away.")
        with self._lock:
            facets: list[Facet] = []
            items: list[dict[str, Any]] = []
            places = self._places(which)
            for record, name in places:
                before = self.journal.review.tags.get((record[0], name), frozenset())
                if (after := (before - set(gone)) | set(added)) != before:
                    facets.append(Facet("tags", (record[0], name), before, after))
                    items.append(self.journal.named(record, name, marked=len(places) <= _MARKED))
            if facets:
                self.journal.set({**_tag_op(added, gone, _these(items)), "each": items}, facets)

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


def _by(note: Note | None) -> str | None:
    """The operation that wrote a note."""
    return None if note is None else note.operation


def _tag_op(added: Sequence[str], gone: Sequence[str], these: str) -> dict[str, Any]:
    """What the journal says of tags that are added, taken away, or both."""
    if not gone:
        return {"op": "tag", "what": f"tagged {', '.join(added)}: {these}", "tags": list(added)}
    if not added:
        return {"op": "untag", "what": f"untagged {', '.join(gone)}: {these}", "tags": list(gone)}
    what = f"tagged {', '.join(added)}, untagged {', '.join(gone)}: {these}"
    return {"op": "retag", "what": what, "tags": list(added), "without": list(gone)}


def _these(items: Sequence[Mapping[str, Any]]) -> str:
    return str(items[0]["on"]) if len(items) == 1 else plural(len(items), "conversation")
