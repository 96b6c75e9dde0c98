"""Views: what the widgets and the static pages draw, as plain data (see docs/protocol.md)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import cached_property

import polars as pl

from ..checks.charts import charts
from ..core.errors import QueryError, RuleError
from ..core.live import Live
from ..core.model import SEVERITIES, Conversation, Issue, Message, count_words
from ..core.query import Query, without
from ..core.report import Report
from ..core.turns import encodable
from ..core.wording import plural
from ..sources.roles import ROLES
from .requests import PAGE, address, page_args, page_of, whole
from .review_actions import Actions
from .review_state_view import decided, finding_facets, review_status
from .thread_view import Difference, Payload, issue_payload, repair_difference, turn_payload

MOST_TURNS = 200
MOST_DIFFERENCES = 200  # findings of one thread whose repair is shown
HUES = 8
_TITLE = 80


class ReviewView:
    """Everything a panel asks for, answered from one report. Safe to call from two threads."""

    def __init__(self, report: Report) -> None:
        self._live = Live(report)
        self._seen = self._live.serial
        self._lock = threading.RLock()
        self._orders: dict[tuple[str, str, bool], tuple[pl.DataFrame, list[Payload]]] = {}
        self._actions = Actions(self._live)

    @property
    def _report(self) -> Report:
        """The report as it is now."""
        self._live.follow()
        if self._seen != self._live.serial:
            self._seen = self._live.serial
            self._orders.clear()
            for name in ("_conversation_table", "_hues"):
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
            "conversations": self._asked_conversations,
            "conversation": self._asked_conversation,
            "charts": lambda _: {"charts": self.charts()},
            "facets": lambda args: self.facets(str(args.get("query", ""))),
            "status": lambda _: self.status,
            "plan": lambda args: self._actions.plan(args, self.matching_numbers),
            "do": self._asked_to_do,
        }
        if name not in requests:
            raise QueryError(f"Nothing is known about the request {name!r}.")
        with self._lock:
            return requests[name](args)

    def _asked_to_do(self, args: Payload) -> Payload:
        said = self._actions.do(args, self.matching_numbers, self._matching_keys)
        return {"said": said, "status": self.status}

    def _asked_findings(self, args: Payload) -> Payload:
        query, sort, descending, offset, limit = page_args(args, "group")
        if isinstance(near := args.get("near"), int):
            order = self._ordered(query, sort, descending)[0]["n"]
            offset = page_of(order.index_of(near), offset, limit)
        return self.findings(query, sort, descending, offset, limit)

    def _asked_conversations(self, args: Payload) -> Payload:
        query, sort, descending, offset, limit = page_args(args, "file")
        if isinstance(near := args.get("near"), str):
            source, index = address(near)
            here = (pl.col("source") == source) & (pl.col("index") == index)
            at = self._listed(query, sort, descending).with_row_index("at").filter(here)["at"].to_list()
            offset = page_of(at[0] if at else None, offset, limit)
        return self.conversations(query, sort, descending, offset, limit)

    def _asked_conversation(self, args: Payload) -> Payload:
        count = min(whole(args.get("count", MOST_TURNS)), MOST_TURNS)
        return self.thread(str(args.get("key", "")), whole(args.get("from", 0)), count)

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
        table, groups = self._ordered(query, sort, descending)
        numbers = table["n"].slice(offset, limit).to_list()
        everyone = self._matching(without(query, "severity"))
        severities = dict(everyone.group_by("severity").len().iter_rows())
        return {
            "query": query,
            "sort": sort,
            "descending": descending,
            "offset": offset,
            "matched": table.height,
            "total": len(self._report),
            "severities": {name: severities.get(level, 0) for level, name in enumerate(SEVERITIES)},
            "groups": groups,
            "rows": [self._finding_row(n) for n in numbers],
        }

    def _matching(self, query: str) -> pl.DataFrame:
        table = self._report.findings.numbered
        if not query.strip():
            return table
        numbers = Query(query).finding_numbers(self._report)
        return pl.DataFrame({"n": numbers}).join(table, on="n", how="left", maintain_order="left")

    def matching_numbers(self, query: str) -> list[int]:
        """The numbers of the findings that match a query."""
        return self._matching(query)["n"].to_list()

    def _matching_keys(self, query: str) -> list[str]:
        """The keys of the conversations that match a query."""
        frame = self._listed(query, "file", False)
        return [f"{source}:{index}" for source, index in frame.select("source", "index").iter_rows()]

    @property
    def status(self) -> Payload:
        """How far the review is (docs/protocol.md)."""
        return review_status(self._report.dataset, len(self._live.ignored), self._live.checked_anew)

    def facets(self, query: str) -> Payload:
        """How many findings there are of each severity, code, role and decision, if all else of the query stays."""
        return {"query": query, **finding_facets(self._report, self._matching, query)}

    def _ordered(self, query: str, sort: str, descending: bool) -> tuple[pl.DataFrame, list[Payload]]:
        key = (query, sort, descending)
        if key not in self._orders:
            if len(self._orders) > 16:
                self._orders.clear()
            self._orders[key] = self._order(query, sort, descending)
        return self._orders[key]

    def _order(self, query: str, sort: str, descending: bool) -> tuple[pl.DataFrame, list[Payload]]:
        table = self._matching(query)
        names = pl.DataFrame(
            {"rule": range(len(self._report.rules)), "code": [rule.code for rule in self._report.rules]},
            schema={"rule": pl.UInt16, "code": pl.String},
        )
        groups = (
            table.group_by("severity", "rule")
            .len()
            .join(names, on="rule")
            .sort("severity", "len", "code", descending=[False, True, False])
            .with_row_index("rank")
        )
        listed = [
            {
                "code": code,
                "severity": SEVERITIES[severity],
                "title": self._report.rules[rule].title,
                "count": count,
            }
            for _, severity, rule, count, code in groups.iter_rows()
        ]
        if sort == "group":
            ranks = groups.select("severity", "rule", "rank")
            table = table.join(ranks, on=["severity", "rule"], how="left", maintain_order="left").sort(
                "rank", maintain_order=True
            )
        elif sort == "role":
            table = self._with_role(table).sort(
                "role", nulls_last=True, descending=descending, maintain_order=True
            )
        elif sort == "code":
            table = table.join(names, on="rule", maintain_order="left").sort(
                "code", descending=descending, maintain_order=True
            )
        elif sort in ("severity", "turn"):
            table = table.sort(sort, descending=descending, nulls_last=True, maintain_order=True)
        elif sort == "conversation":
            table = table.sort("source", "index", descending=descending, nulls_last=True, maintain_order=True)
        else:
            raise QueryError(f"Findings cannot be sorted by {sort!r}.")
        return table, listed

    def _with_role(self, table: pl.DataFrame) -> pl.DataFrame:
        index = self._report.index
        keys = index.conversations.select(
            pl.col("source").cast(pl.Int32), pl.col("index").cast(pl.Int64)
        ).with_row_index("conversation")
        roles = index.turns.join(keys, on="conversation").select(
            "source", "index", "turn", pl.col("role").cast(pl.String)
        )
        return table.join(roles, on=["source", "index", "turn"], how="left", maintain_order="left")

    def _finding_row(self, n: int) -> Payload:
        issue = self._report.issue(n)
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
            "message": encodable(issue.message),
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
        frame = self._listed(query, sort, descending)
        return {
            "query": query,
            "sort": sort,
            "descending": descending,
            "offset": offset,
            "matched": frame.height,
            "total": self._conversation_table.height,
            "rows": [
                {
                    "key": f"{row['source']}:{row['index']}",
                    "index": row["index"],
                    "id": row["id"],
                    "title": row["title"][:_TITLE],
                    **{name: row[name] for name in ("turns", "words", "errors", "warnings", "infos")},
                    **decided(self._report.dataset, row["source"], row["id"]),
                }
                for row in frame.slice(offset, limit).iter_rows(named=True)
            ],
        }

    def _listed(self, query: str, sort: str, descending: bool) -> pl.DataFrame:
        frame = self._conversation_table
        if query.strip():
            frame = frame[Query(query).conversation_rows(self._report.dataset, self._report)]
        columns = {
            "file": [],
            "findings": ["errors", "warnings", "infos"],
            "turns": ["turns"],
            "words": ["words"],
        }
        if sort not in columns:
            raise QueryError(f"Conversations cannot be sorted by {sort!r}.")
        if columns[sort]:
            return frame.sort(columns[sort], descending=not descending, maintain_order=True)
        return frame.reverse() if descending else frame

    @cached_property
    def _conversation_table(self) -> pl.DataFrame:
        counts = (
            self._report.findings.table.filter(pl.col("index").is_not_null())
            .group_by(pl.col("source").cast(pl.UInt16), pl.col("index").cast(pl.UInt32))
            .agg(
                errors=(pl.col("severity") == 0).sum(),
                warnings=(pl.col("severity") == 1).sum(),
                infos=(pl.col("severity") == 2).sum(),
            )
        )
        return self._report.index.conversations.join(
            counts, on=["source", "index"], how="left", maintain_order="left"
        ).with_columns(pl.col("errors", "warnings", "infos").fill_null(0))

    # ------------------------------------------------------------------ one thread

    def thread(self, key: str, first: int = 0, count: int = MOST_TURNS) -> Payload:
        """A conversation with its findings, ready to draw.

        Raises:
            QueryError: if there is no such conversation.
        """
        source, index = address(key)
        conversation = self._report.conversation(source, index)
        if conversation is None:
            raise QueryError(f"There is no conversation {key!r}.")
        table = self._report.findings.numbered
        numbers = table.filter((pl.col("source") == source) & (pl.col("index") == index))["n"].to_list()
        issues = [self._report.issue(n) for n in numbers]
        by_turn: dict[int, list[int]] = {}
        for at, issue in enumerate(issues):
            if issue.turn is not None:
                by_turn.setdefault(issue.turn, []).append(at)
        messages = conversation.messages
        known: dict[tuple[str, int | None], Difference] = {}
        turns = [
            turn_payload(turn, messages[turn], by_turn.get(turn, []), issues, self._hue(messages[turn].name))
            for turn in range(first, min(first + count, len(messages)))
        ]
        return {
            "key": conversation.key,
            "index": index,
            "id": encodable(conversation.id),
            "title": encodable(conversation.title[:_TITLE]),
            "format": conversation.format,
            "source": encodable(conversation.source.rpartition("/")[2]),
            "line": conversation.line,
            "turn_count": len(messages),
            "words": sum(count_words(message.text) for message in messages),
            "from": first,
            "turns": turns,
            "issues": [
                issue_payload(
                    n,
                    issue,
                    self._report.rule(issue.code),
                    self._difference(issue, conversation, known) if at < MOST_DIFFERENCES else (None, None),
                )
                for at, (n, issue) in enumerate(zip(numbers, issues, strict=True))
            ],
        }

    def _difference(
        self, issue: Issue, conversation: Conversation, known: dict[tuple[str, int | None], Difference]
    ) -> Difference:
        """What the repair of a finding would change. It is the same for all findings of a rule in a turn."""
        place = (issue.code, issue.turn)
        if place not in known:
            try:
                known[place] = repair_difference(issue, self._report.rule(issue.code), conversation)
            except RuleError:  # a user's repair that raises says so when it is applied
                known[place] = None, None
        return known[place]

    def _hue(self, speaker: str | None) -> int | None:
        return None if speaker is None else self._hues.get(speaker)

    @cached_property
    def _hues(self) -> dict[str, int]:
        speakers = (
            self._report.index.turns["speaker"].cast(pl.String).drop_nulls().unique(maintain_order=True)
        )
        return {name: at % HUES for at, name in enumerate(speakers.to_list())}

    # ------------------------------------------------------------------ charts and state

    def charts(self) -> list[Payload]:
        """The balance charts of the dataset."""
        index = self._report.index
        turns = index.turns.with_columns(pl.col("role", "speaker", "kind").cast(pl.String))
        conversations = index.conversations.with_row_index("conversation").join(
            index.system_heads, on="system", how="left", maintain_order="left"
        )
        severities = {rule.code: rule.severity for rule in self._report.rules}
        return charts(turns, conversations, self._report.counts, severities)

    @property
    def header(self) -> Payload:
        """Name and numbers of the dataset."""
        index = self._report.index
        numbers = [plural(index.conversations.height, "conversation"), plural(index.turns.height, "turn")]
        if index.rejected:
            numbers.append(f"{plural(len(index.rejected), 'record')} could not be read")
        return {
            "name": encodable(self._report.dataset.name),
            "numbers": " · ".join(numbers),
            "profile": self._report.profile,
        }

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
        table, _ = self._ordered(query, "group", False)
        having = table.filter(pl.col("index").is_not_null()).select("n", "source", "index", "turn")
        for n, source, index, turn in having.head(50).iter_rows():
            if self._report.conversation(source, index) is not None:
                return {"key": f"{source}:{index}", "turn": turn, "n": n}
        frame = self._report.index.conversations
        return {"key": f"{frame['source'][0]}:{frame['index'][0]}"} if frame.height else {}

    def state(self, key: str | None = None, query: str = "") -> Payload:
        """The state of the review panel (those of the single components are parts of it)."""
        key = self.first_place(query).get("key") if key is None else key
        return {
            "header": self.header,
            "findings": self.findings(query),
            "conversations": self.conversations(query),
            "thread": None if key is None else self.thread(key),
            "charts": self.charts(),
            "roles": self.roles,
            "empty": self.empty,
            "status": self.status,
        }
