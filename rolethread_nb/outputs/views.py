"""Views: what the widgets and the static pages draw, as plain data (see docs/protocol.md)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np
import polars as pl

from ..core.errors import QueryError
from ..core.live import Live
from ..core.model import SEVERITIES, Conversation, Issue, Message
from ..core.placing import Mask, Rows
from ..core.query import Query
from ..core.query_terms import without
from ..core.report import Report
from ..core.turns import encodable
from ..core.wording import plural
from ..gates import Gates
from ..sources.roles import ROLES
from ..training.tokens import TokenCounter
from .charts_view import ChartsView
from .conversation_list import TITLE, ConversationList
from .conversation_view import ConversationView
from .finding_order import Groups, Order, group_findings, order_findings
from .gates_view import gates_view
from .requests import PAGE, address, page_args, page_of
from .review_actions import Actions
from .review_state_view import finding_facets, review_status, sample_estimate
from .shortening import SENTENCE, shortened
from .thread_view import Payload

_KEPT = 16  # orders and queries of one state that are kept


class ReviewView:
    """Everything a panel asks for, answered from one report. Safe to call from two threads.

    Attributes:
        gates: the gates that the header shows, None for none.

    Args:
        report: the report.
        whole_balance: draw all of the balance, not only what is known without reading the texts.
        tables: pairs of facets to draw one against the other besides.
        tokens: counts the tokens of each turn. Default: the estimate.
    """

    def __init__(
        self,
        report: Report,
        *,
        whole_balance: bool = False,
        tables: Sequence[tuple[str, str]] = (),
        tokens: TokenCounter | None = None,
    ) -> None:
        self._live = Live(report)
        self._whole, self._tables = whole_balance, tables
        self.gates: Gates | None = None
        self._seen = self._live.serial
        self._lock = threading.RLock()
        self._tokens = tokens
        self.threads = ConversationView(self._live.report, tokens)
        self._orders: dict[tuple[str, str, bool], Order] = {}
        self._masks: dict[str, Mask | None] = {}
        self._groups: dict[str, Groups] = {}
        self._actions = Actions(self._live)

    @property
    def _report(self) -> Report:
        """The report as it is now."""
        self._live.follow()
        if self._seen != self._live.serial:
            self._seen = self._live.serial
            self._orders.clear()
            self._masks.clear()
            self._groups.clear()
            self.threads = ConversationView(self._live.report, self._tokens)
            for name in ("_list", "_charts"):
                self.__dict__.pop(name, None)
        return self._live.report

    # ------------------------------------------------------------------ requests

    def answer(self, name: str, args: Payload) -> Payload:
        """The result of a request.

        Raises:
            RolethreadError: in one sentence, for the person who asked.
        """
        requests: dict[str, Callable[[Payload], Payload]] = {
            "findings": self._asked_findings,
            "lines": self._asked_lines,
            "ignored": self._asked_ignored,
            "conversations": self._asked_conversations,
            "conversation": lambda args: self.threads.answer("conversation", args),
            "copy": lambda args: self.threads.answer("copy", args),
            "charts": lambda args: {"charts": self.charts(str(args.get("query", "")))},
            "facets": lambda args: self.facets(str(args.get("query", ""))),
            "status": lambda args: {
                **self.status,
                "estimate": sample_estimate(self._report.dataset, str(args.get("query", ""))),
            },
            "plan": lambda args: self._actions.plan(args, self.matching_numbers),
            "do": self._asked_to_do,
        }
        if name not in requests:
            raise QueryError(f"Nothing is known about the request {name!r}.")
        with self._lock:
            _ = self._report  # takes in what changed
            return requests[name](args)

    def _asked_to_do(self, args: Payload) -> Payload:
        said = self._actions.do(args, self.matching_numbers, self._matching_keys)
        return {"said": shortened(said, SENTENCE), "status": self.status}

    def _asked_findings(self, args: Payload) -> Payload:
        query, sort, descending, offset, limit = page_args(args, "group")
        if isinstance(near := args.get("near"), int):
            offset = page_of(self._position(self._ordered(query, sort, descending), near), offset, limit)
        return self.findings(query, sort, descending, offset, limit)

    def _asked_lines(self, args: Payload) -> Payload:
        query, _, descending, offset, limit = page_args(args, "conversation")
        if isinstance(near := args.get("near"), int):
            order = self._ordered(query, "conversation", descending)
            at = self._position(order, near)
            offset = page_of(None if at is None else order.line_of(at), offset, limit)
        return self.lines(query, descending, offset, limit)

    def _asked_ignored(self, args: Payload) -> Payload:
        _, _, _, offset, limit = page_args(args, "file")
        return self.ignored(offset, limit)

    def _asked_conversations(self, args: Payload) -> Payload:
        query, sort, descending, offset, limit = page_args(args, "file")
        if isinstance(near := args.get("near"), str):
            source, index = address(near)
            here = (pl.col("source") == source) & (pl.col("index") == index)
            at = (
                self._listed.ordered(query, sort, descending)
                .with_row_index("at")
                .filter(here)["at"]
                .to_list()
            )
            offset = page_of(at[0] if at else None, offset, limit)
        return self.conversations(query, sort, descending, offset, limit)

    # ------------------------------------------------------------------ findings

    def findings(
        self,
        query: str = "",
        sort: str = "group",
        descending: bool = False,
        offset: int = 0,
        limit: int = PAGE,
    ) -> Payload:
        """One page of findings, with the counts of all that match."""
        order = self._ordered(query, sort, descending)
        severities = dict.fromkeys(SEVERITIES, 0)
        for group in self._grouped(without(query, "severity")).listed:
            severities[group["severity"]] += group["count"]
        return {
            "query": query,
            "sort": sort,
            "descending": descending,
            "offset": offset,
            "matched": len(order.rows),
            "total": len(self._report),
            "severities": severities,
            "groups": self._grouped(query).listed,
            "rows": [self._finding_row(n) for n in self._numbers(order.rows[offset : offset + limit])],
        }

    def lines(self, query: str = "", descending: bool = False, offset: int = 0, limit: int = PAGE) -> Payload:
        """One page of findings by conversation, with a heading above each conversation; the page counts lines."""
        order = self._ordered(query, "conversation", descending)
        places = order.lines(offset, limit)
        numbers = self._numbers(order.rows[[at for at, _ in places]]) if places else []
        ends = np.append(order.heads if order.heads is not None else [], len(order.rows))
        rows = []
        for (at, is_head), n in zip(places, numbers, strict=True):
            row = self._finding_row(n)
            if is_head:
                count = int(ends[np.searchsorted(ends, at, side="right")]) - at
                row = self._heading(row, count)
            rows.append(row)
        return {
            "query": query,
            "sort": "conversation",
            "descending": descending,
            "offset": offset,
            "matched": order.line_count,
            "total": len(self._report),
            "rows": rows,
        }

    def _heading(self, row: Payload, count: int) -> Payload:
        """What stands above the findings of a conversation, or of what is none."""
        found = None if row["key"] is None else self._report.conversation(*address(row["key"]))
        shown = {name: row[name] for name in ("key", "index", "source", "line", "decision")}
        return {
            "head": True,
            **shown,
            "id": None if found is None else shortened(encodable(found.id)),
            "title": "" if found is None else encodable(found.title[:TITLE]),
            "count": count,
        }

    def ignored(self, offset: int = 0, limit: int = PAGE) -> Payload:
        """One page of the findings that the review ignores, in file order."""
        self._live.follow()
        numbers = self._live.ignored
        return {
            "query": "",
            "sort": "file",
            "descending": False,
            "offset": offset,
            "matched": len(numbers),
            "total": len(numbers),
            "rows": [self._finding_row(n, self._live.everything) for n in numbers[offset : offset + limit]],
        }

    def _mask(self, query: str) -> Mask | None:
        """Which findings match; None for all."""
        findings = self._report  # takes in what changed, so that nothing older is found below
        if not query.strip():
            return None
        if query not in self._masks:
            if len(self._masks) > _KEPT:
                self._masks.clear()
            self._masks[query] = Query(query).finding_mask(findings)
        return self._masks[query]

    def _grouped(self, query: str) -> Groups:
        report = self._report
        query = query.strip()
        if query not in self._groups:
            if len(self._groups) > _KEPT:
                self._groups.clear()
            self._groups[query] = group_findings(report, self._mask(query))
        return self._groups[query]

    def _numbers(self, rows: Rows) -> list[int]:
        """The numbers of the findings at some rows of the table."""
        numbers = self._report.findings.numbers
        return rows.tolist() if numbers is None else numbers.gather(rows).to_list()

    def _position(self, order: Order, n: int) -> int | None:
        """Where a finding stands in an order, None if it is not there."""
        try:
            row = self._report.findings.position(n)
        except IndexError:
            return None
        at = np.flatnonzero(order.rows == row)
        return int(at[0]) if len(at) else None

    def matching_numbers(self, query: str) -> list[int]:
        """The numbers of the findings that match a query."""
        mask = self._mask(query)
        return self._numbers(np.arange(len(self._report)) if mask is None else np.flatnonzero(mask))

    def _matching_keys(self, query: str) -> list[str]:
        """The keys of the conversations that match a query."""
        frame = self._listed.ordered(query)
        return [f"{source}:{index}" for source, index in frame.select("source", "index").iter_rows()]

    @property
    def status(self) -> Payload:
        """How far the review is (docs/protocol.md)."""
        return review_status(self._report.dataset, len(self._live.ignored), self._live.checked_anew)

    def facets(self, query: str) -> Payload:
        """How many findings there are of each severity, code, role and decision, if all else of the query stays."""
        return {"query": query, **finding_facets(self._report, self._mask, query)}

    def _ordered(self, query: str, sort: str, descending: bool) -> Order:
        report = self._report
        key = (query, sort, descending)
        if key not in self._orders:
            if len(self._orders) > _KEPT:
                self._orders.clear()
            self._orders[key] = order_findings(
                report, self._mask(query), self._grouped(query), sort, descending
            )
        return self._orders[key]

    def _finding_row(self, n: int, report: Report | None = None) -> Payload:
        issue = (report or self._report).issue(n)
        message = self._message_of(issue)
        known = issue.conversation is not None and self._conversation(issue) is not None
        return {
            "n": n,
            "code": issue.code,
            "severity": issue.severity,
            "key": f"{issue.source}:{issue.conversation}" if known else None,
            "index": issue.conversation,
            "source": issue.source,
            "line": issue.line,
            "turn": issue.turn,
            "role": message.role if message is not None else None,
            "message": shortened(encodable(issue.message), SENTENCE),
            "decision": self._decision(issue),
        }

    def _decision(self, issue: Issue) -> str | None:
        made = self._report.dataset.journal.review.decisions.get((issue.source or 0, issue.id or ""))
        return None if made is None or issue.source is None else made.decision

    def _conversation(self, issue: Issue) -> Conversation | None:
        if issue.source is None or issue.conversation is None:
            return None
        return self._report.conversation(issue.source, issue.conversation)

    def _message_of(self, issue: Issue) -> Message | None:
        conversation = self._conversation(issue)
        if conversation is None or issue.turn is None or issue.turn >= len(conversation.messages):
            return None
        return conversation.messages[issue.turn]

    # ------------------------------------------------------------------ conversations

    def conversations(
        self,
        query: str = "",
        sort: str = "file",
        descending: bool = False,
        offset: int = 0,
        limit: int = PAGE,
    ) -> Payload:
        """One page of the list of conversations. By findings, turns or words, those with most come first."""
        return self._listed.page(query, sort, descending, offset, limit)

    @property
    def _listed(self) -> ConversationList:
        _ = self._report  # a new one forgets what was listed
        return self._list

    @cached_property
    def _list(self) -> ConversationList:
        return ConversationList(self._live.report)

    # ------------------------------------------------------------------ charts and state

    def charts(self, query: str = "") -> list[Payload]:
        """The balance charts of the conversations that match a query."""
        _ = self._report  # takes in what changed, so that nothing older is shown
        return self._charts.charts(query)

    @cached_property
    def _charts(self) -> ChartsView:
        return ChartsView(self._report, whole=self._whole, tables=self._tables)

    @property
    def header(self) -> Payload:
        """Name and numbers of the dataset."""
        index = self._report.index
        numbers = [plural(index.conversations.height, "conversation"), plural(index.turns.height, "turn")]
        if index.rejected:
            numbers.append(f"{plural(len(index.rejected), 'record')} could not be read")
        header = {
            "name": shortened(encodable(self._report.dataset.name)),
            "numbers": " · ".join(numbers),
            "profile": self._report.profile,
        }
        return header if self.gates is None else {**header, "gates": gates_view(self.gates)}

    @property
    def empty(self) -> str:
        """What stands where findings would be."""
        count = plural(self._report.index.conversations.height, "conversation")
        return f"No findings. {count} checked with profile {self._report.profile}."

    @property
    def roles(self) -> list[str]:
        """The roles that occur."""
        found = set(self._report.index.turns["role"].cast(pl.String).unique().to_list())
        return [role for role in ROLES if role in found] + (["unknown"] if None in found else [])

    def first_place(self, query: str = "") -> Payload:
        """What to open first: the first finding that has a conversation, else the first conversation."""
        rows = self._ordered(query, "group", False).rows
        placed = self._report.findings.placed(self._report.index).conversations[rows]
        for n in self._numbers(rows[placed >= 0][:1]):
            found = self._finding_row(n)
            return {"key": found["key"], "turn": found["turn"], "n": n}
        frame = self._report.index.conversations
        return {"key": f"{frame['source'][0]}:{frame['index'][0]}"} if frame.height else {}

    def thread(self, key: str | None, turn: int | None = None) -> Payload | None:
        """The page to open a conversation with, as it is now; None where there is none."""
        report = self._report
        if key is None or report.conversation(*address(key)) is None:
            return None
        return self.threads.first_page(key, turn)

    def state(self, key: str | None = None, query: str = "", turn: int | None = None) -> Payload:
        """The state of the review panel (those of the single components are parts of it)."""
        if key is None:
            place = self.first_place(query)
            key, turn = place.get("key"), place.get("turn")
        return {
            "header": self.header,
            "findings": self.findings(query),
            "conversations": self.conversations(query),
            "thread": None if key is None else self.threads.first_page(key, turn),
            "charts": self.charts(query),
            "roles": self.roles,
            "empty": self.empty,
            "status": self.status,
        }
