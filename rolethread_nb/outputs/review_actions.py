"""What a person does in a panel: each request is one step of the journal, or a look at what a step would do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ..core.errors import QueryError
from ..core.model import Conversation
from ..core.turns import encodable
from ..core.wording import plural
from ..sources.roles import ROLES, Role
from .requests import address, whole
from .shortening import NAME, SENTENCE, shortened
from .thread_view import Payload

if TYPE_CHECKING:
    from ..core.live import Live
    from ..core.repair import Plan

_SHOWN = 20  # repairs of a plan that are shown

# The numbers of the findings, and the keys of the conversations, that match a query.
Numbers = Callable[[str], Sequence[int]]
Keys = Callable[[str], Sequence[str]]


class Actions:
    """Carries out the requests ``do`` and ``plan`` of docs/protocol.md."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._dataset = live.report.dataset
        self._ops: dict[str, Callable[[Payload], str | None]] = {
            "edit": self._edit,
            "insert": self._insert,
            "remove": lambda args: self._dataset.remove_turn(self._one(args), whole(args.get("turn"))),
            "merge": lambda args: self._dataset.merge_turns(self._one(args), whole(args.get("turn"))),
            "split": self._split,
            "join": self._join,
            "undo": lambda _: self._took("Nothing to undo.", "Took back", self._dataset.undo()),
            "redo": lambda _: self._took("Nothing to make again.", "Made again", self._dataset.redo()),
            "query": self._query,
        }

    def do(self, args: Payload, numbers: Numbers, keys: Keys) -> str:
        """One step. Returns what was done, in a sentence.

        Raises:
            RolethreadError: in one sentence, and nothing was done.
        """
        op = str(args.get("op"))
        self._live.follow()
        before = self._dataset.journal.serial
        said: str | None = None
        if op in ("decide", "note", "tag", "untag", "retag", "exclude"):
            self._for_many(op, args, self._many(args, keys))
        elif op in ("ignore", "restore"):
            self._findings(op, args, numbers)
        elif op == "repair":
            said = self._repair(args, numbers)
        elif op in self._ops:
            said = self._ops[op](args)
        else:
            raise QueryError(f"Nothing is known about {op!r}.")
        if said is not None:
            return said
        steps = self._dataset.journal.steps
        return (
            "Nothing changed."
            if self._dataset.journal.serial == before
            else _sentence(str(steps[-1].op["what"]))
        )

    def plan(self, args: Payload, numbers: Numbers) -> Payload:
        """What the repairs of some findings would change: their number by code, the first of them, and what is left."""
        self._live.follow()
        plan = self._planned(args, numbers)
        preview = plan.preview(_SHOWN)
        return {
            "repairs": len(plan),
            "counts": plan.counts,
            "unsafe": sum(repair.safety == "unsafe" for repair in plan),
            "left": len(plan.left),
            "lines": [[kind, encodable(text)] for kind, text in preview.lines()],
        }

    # ------------------------------------------------------------------ what it is about

    def _conversation(self, key: str) -> Conversation:
        found = self._dataset.conversation_at(*address(key))
        if found is None:
            raise QueryError(f"There is no conversation {key!r} any more.")
        return found

    def _one(self, args: Payload) -> Conversation:
        return self._conversation(str(args.get("key", "")))

    def _many(self, args: Payload, keys: Keys) -> list[Conversation | str]:
        """The conversations that are named, or all that match a query; these by their ids, which asks for no reading."""
        named = args.get("keys")
        if isinstance(named, list):
            return [self._conversation(str(key)) for key in named]
        index = self._dataset.index
        ids: list[Conversation | str] = []
        for key in keys(str(args.get("query", ""))):
            row = index.row(*address(key))
            name = None if row is None else index.conversations["id"][row]
            ids.append(name if name is not None and index.row_of_id[name] == row else self._conversation(key))
        return ids

    def _numbers(self, args: Payload, numbers: Numbers) -> list[int]:
        named = args.get("findings")
        return (
            [whole(n) for n in named]
            if isinstance(named, list)
            else list(numbers(str(args.get("query", ""))))
        )

    # ------------------------------------------------------------------ steps

    def _for_many(self, op: str, args: Payload, conversations: list[Conversation | str]) -> None:
        dataset = self._dataset
        if op == "decide":
            decision = args.get("as")
            dataset.decide(
                conversations, None if decision is None else str(decision), note=str(args.get("note", ""))
            )
        elif op == "note":
            self._note(conversations, str(args.get("note", "")))
        elif op == "exclude":
            dataset.exclude(conversations)
        elif op == "untag":
            dataset.untag(conversations, *self._known_tags(args.get("tags", ())))
        else:
            gone = self._known_tags(args.get("without", ()))
            dataset.tag(conversations, *map(str, args.get("tags", ())), without=gone)

    def _known_tags(self, named: Sequence[Any]) -> list[str]:
        """Tags by the names that a panel has for them: of a long one it knows the beginning and the length."""
        review = self._dataset.journal.review
        asked = [str(tag) for tag in named]
        if all(len(tag) <= NAME for tag in asked):
            return asked
        full = {shortened(encodable(tag)): tag for tags in review.tags.values() for tag in tags}
        return [full.get(tag, tag) for tag in asked]

    def _note(self, conversations: list[Conversation | str], text: str) -> None:
        """A note in place of one that the panel shows whole, so that none is lost that it does not show."""
        review = self._dataset.journal.review
        for one in conversations:
            if not text or isinstance(one, str):
                continue
            if len(review.note((one.source_index, one.id))) > SENTENCE:
                raise QueryError(
                    f"The note of {shortened(one.id)} is longer than what is shown of it; change it with ds.note(...)."
                )
        self._dataset.note(conversations, text)

    def _findings(self, op: str, args: Payload, numbers: Numbers) -> None:
        report = self._live.report if op == "ignore" else self._live.everything
        issues = [report.issue(n) for n in self._numbers(args, numbers)]
        (self._dataset.ignore if op == "ignore" else self._dataset.restore)(*issues)

    def _planned(self, args: Payload, numbers: Numbers) -> Plan:
        chosen = self._live.report.with_findings(self._numbers(args, numbers))
        return chosen.repairs(unsafe=bool(args.get("unsafe", False)))

    def _repair(self, args: Payload, numbers: Numbers) -> str:
        plan = self._planned(args, numbers)
        if not len(plan):
            reasons = list(dict.fromkeys(left.reason for left in plan.left))
            raise QueryError(
                f"Nothing was repaired: {reasons[0]}." if reasons else "There is nothing to repair here."
            )
        plan.apply()
        return f"Repaired {plural(len(plan), 'place')}: {', '.join(plan.counts)}."

    def _edit(self, args: Payload) -> None:
        given: dict[str, Any] = {
            name: str(args[name]) for name in ("text", "role", "speaker") if args.get(name) is not None
        }
        self._dataset.edit(self._one(args), whole(args.get("turn")), **given)

    def _insert(self, args: Payload) -> None:
        self._dataset.insert_turn(
            self._one(args), whole(args.get("at")), _role(args.get("role")), str(args.get("text", ""))
        )

    def _split(self, args: Payload) -> None:
        self._dataset.split(self._one(args), *(whole(turn) for turn in args.get("turns", ())))

    def _join(self, args: Payload) -> None:
        self._dataset.join(self._one(args), self._conversation(str(args.get("other", ""))))

    def _query(self, args: Payload) -> None:
        query = args.get("query")
        self._dataset.save_query(str(args.get("name", "")), None if query is None else str(query))

    def _took(self, nothing: str, what: str, step: str | None) -> str:
        return nothing if step is None else f"{what}: {step}."


def _role(value: object) -> Role:
    for role in ROLES:
        if role == value:
            return role
    raise QueryError(f"No role is called {value!r}; there are {', '.join(ROLES)}.")


def _sentence(what: str) -> str:
    return f"{what[:1].upper()}{what[1:]}."
