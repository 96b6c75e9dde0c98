"""One conversation at a time, as the thread draws it: its turns in pages, and its text for the clipboard."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence

import polars as pl

from ..checks.rule import Rule
from ..core.errors import QueryError, RuleError
from ..core.model import WORD_PATTERN, Conversation, Issue, Message
from ..core.record_diff import state_of
from ..core.report import Report
from ..core.turns import encodable, quote_share
from ..training.estimate import Estimate
from ..training.tokens import TokenCounter
from .copying import as_json_text, as_markdown
from .requests import address, whole
from .review_state_view import decided
from .shortening import NAME, shortened, shortened_each
from .speakers import hue_of
from .thread_view import Difference, Payload, issue_payload, repair_difference, turn_payload
from .turn_parts import Links, links_of

FIRST_TURNS = 200  # what travels with a widget, and is saved with its notebook
FIRST_BYTES = 100_000
MOST_TURNS = 1_000  # what one request gives
MOST_BYTES = 1_000_000
MOST_DIFFERENCES = 200  # findings of one page whose repair is shown
BEFORE = 20  # turns shown above the one that is gone to
_TITLE = 80
_BEGUN = 50  # pieces, findings and other parts of a turn of which only the beginning is sent


class ConversationView:
    """Answers what a thread asks for, from one report. Safe to call from two threads.

    Args:
        report: the report whose findings are marked.
        tokens: counts the tokens of each turn. Default: the estimate, which is marked as one.
    """

    def __init__(self, report: Report, tokens: TokenCounter | None = None) -> None:
        self._report = report
        self._tokens: TokenCounter = Estimate() if tokens is None else tokens
        self._lock = threading.RLock()
        self._linked: tuple[Conversation, Links, int] | None = None

    def answer(self, name: str, args: Payload) -> Payload:
        """The result of a request.

        Raises:
            RolethreadError: in one sentence, for the person who asked.
        """
        key = str(args.get("key", ""))
        with self._lock:
            if name == "conversation":
                count = min(whole(args.get("count", MOST_TURNS)), MOST_TURNS)
                return self.page(key, whole(args.get("from", 0)), count)
            if name == "copy":
                turn = args.get("turn")
                return self.copied(key, None if turn is None else whole(turn), str(args.get("form", "json")))
        raise QueryError(f"Nothing is known about the request {name!r}.")

    def first_page(self, key: str, turn: int | None = None) -> Payload:
        """The page to open a conversation with, so that ``turn`` is on it.

        Raises:
            QueryError: if there is no such conversation.
        """
        return self.page(key, max(0, (turn or 0) - BEFORE), FIRST_TURNS, FIRST_BYTES)

    def page(
        self, key: str, first: int = 0, count: int = MOST_TURNS, most_bytes: int = MOST_BYTES
    ) -> Payload:
        """Turns of a conversation with their findings. It ends early where it would be larger than ``most_bytes``.

        Where the first turn alone is larger, it comes whole if ``most_bytes`` is that of a request; else only its beginning comes, and ``cut`` says so.

        Raises:
            QueryError: if there is no such conversation.
        """
        conversation = self._conversation(key)
        messages = conversation.messages
        with self._lock:
            links, words = self._facts(conversation)
        found, finding_count = self._findings(conversation, first, first + count)
        drawn = _Drawn(self._report, conversation)
        drawn.add(found.get(None, ()))
        shown = messages[first : first + count]
        tokens, quoted = self._measures(shown)
        turns: list[Payload] = []
        room = most_bytes - len(json.dumps(drawn.payloads))
        cut = False
        for at, message in enumerate(shown):
            turn = first + at
            before = len(drawn.payloads)
            positions = drawn.add(found.get(turn, ()))
            payload = turn_payload(turn, message, positions, drawn.issues, hue_of(message.name), links)
            payload |= {"tokens": tokens[at], "quoted": quoted[at]}
            room -= len(json.dumps(payload)) + len(json.dumps(drawn.payloads[before:]))
            if room < 0 and turns:
                drawn.drop(before)
                break
            if room < 0 and most_bytes < MOST_BYTES:
                drawn.drop(before + _BEGUN)
                payload, cut = _beginning_of(payload, before + _BEGUN, most_bytes), True
            turns.append(payload)
        return {
            "key": conversation.key,
            "index": conversation.index,
            "id": shortened(encodable(conversation.id)),
            "title": encodable(conversation.title[:_TITLE]),
            "format": conversation.format,
            "source": shortened(encodable(conversation.source.rpartition("/")[2])),
            "line": conversation.line,
            **self._reviewed(conversation),
            "turn_count": len(messages),
            "finding_count": finding_count,
            "words": words,
            "exact": self._tokens.exact,
            "counted_by": self._tokens.name,
            "from": first,
            **({"cut": True} if cut else {}),
            "turns": turns,
            "issues": drawn.payloads,
        }

    def copied(self, key: str, turn: int | None, form: str) -> Payload:
        """A turn, or with None the whole conversation, as text: ``json`` as it stands in the record, or ``markdown``.

        Raises:
            QueryError: if there is no such conversation, turn or form.
        """
        conversation = self._conversation(key)
        if turn is not None and turn >= len(conversation.messages):
            raise QueryError(f"The conversation has no turn {turn}.")
        if form == "markdown":
            return {"text": encodable(as_markdown(conversation, turn))}
        if form != "json":
            raise QueryError(f"A conversation cannot be copied as {form!r}.")
        source, index = address(key)
        record = self._report.dataset.record_bytes(source, index, self._report.edits)
        return {"text": encodable(as_json_text(conversation, turn, record))}

    def _conversation(self, key: str) -> Conversation:
        conversation = self._report.conversation(*address(key))
        if conversation is None:
            raise QueryError(f"There is no conversation {key!r}.")
        return conversation

    def _facts(self, conversation: Conversation) -> tuple[Links, int]:
        """What is known only from all turns: which result belongs to which call, and the number of words."""
        if self._linked is None or self._linked[0] is not conversation:
            texts = pl.Series([encodable(message.text) for message in conversation.messages], dtype=pl.String)
            words = texts.str.count_matches(WORD_PATTERN).sum()
            self._linked = conversation, links_of(conversation.messages), int(words or 0)
        return self._linked[1:]

    def _reviewed(self, conversation: Conversation) -> Payload:
        """What the review made of a conversation. ``state`` is the same as long as its record and its findings are."""
        record = conversation.source_index, conversation.index
        edits = self._report.edits
        data = self._report.dataset.record_bytes(*record, edits) or b""
        here = (pl.col("source") == record[0]) & (pl.col("index") == record[1])
        found = self._report.findings.numbered.lazy().filter(here).select("n").collect()["n"].to_list()
        return {
            "state": state_of(data + json.dumps(found).encode()),
            "edited": edits.state(record) is not None,
            **decided(self._report.dataset, record[0], conversation.id),
        }

    def _findings(
        self, conversation: Conversation, first: int, end: int
    ) -> tuple[dict[int | None, list[int]], int]:
        """The numbers of findings by turn, for some turns and (None) the conversation as a whole, and how many it has in all."""
        here = (pl.col("source") == conversation.source_index) & (pl.col("index") == conversation.index)
        table = self._report.findings.numbered.select("n", "source", "index", "turn").filter(here)
        wanted = pl.col("turn").is_null() | pl.col("turn").is_between(first, end, closed="left")
        found: dict[int | None, list[int]] = {}
        for n, turn in table.filter(wanted).select("n", "turn").iter_rows():
            found.setdefault(turn, []).append(n)
        return found, table.height

    def _measures(self, messages: Sequence[Message]) -> tuple[list[int], list[int]]:
        """Tokens of each text, and the share of it in quotation marks in percent (of a tool's JSON it would say nothing)."""
        texts = [encodable(message.text) for message in messages]
        shown = [
            text if message.kind in ("text", "parts") else ""
            for text, message in zip(texts, messages, strict=True)
        ]
        shares = pl.DataFrame({"text": shown}, schema={"text": pl.String}).select(quote_share())[
            "quote_share"
        ]
        return self._tokens.count_many(texts).tolist(), (shares * 100).round().cast(pl.Int64).to_list()


def _beginning_of(turn: Payload, findings: int, most_bytes: int) -> Payload:
    """A turn with the beginnings of its texts and lists, and the findings up to a position."""
    within = {
        **turn,
        "issues": [one for one in turn["issues"] if one < findings],
        "segments": [
            [text, [one for one in over if one < findings]] for text, over in turn["segments"][:_BEGUN]
        ],
    }
    for most in (8_000, 1_000, NAME):
        payload: Payload = shortened_each(within, most, _BEGUN)
        if len(json.dumps(payload)) <= most_bytes:
            break
    return payload


class _Drawn:
    """The findings of a page, in the order in which its turns come to them."""

    def __init__(self, report: Report, conversation: Conversation) -> None:
        self._report = report
        self._conversation = conversation
        self._known: dict[tuple[str, int | None], Difference] = {}
        self.issues: list[Issue] = []
        self.payloads: list[Payload] = []

    def add(self, numbers: Sequence[int]) -> range:
        """Draw some findings; the positions they have on the page."""
        first = len(self.issues)
        for n in numbers:
            issue = self._report.issue(n)
            rule = self._report.rule(issue.code)
            self.issues.append(issue)
            self.payloads.append(issue_payload(n, issue, rule, self._difference(issue, rule)))
        return range(first, len(self.issues))

    def drop(self, first: int) -> None:
        """Take back the findings from a position on."""
        del self.issues[first:], self.payloads[first:]

    def _difference(self, issue: Issue, rule: Rule) -> Difference:
        place = (issue.code, issue.turn)  # a repair is the same for all findings of a rule in a turn
        if place not in self._known:
            if len(self._known) >= MOST_DIFFERENCES:
                return None, None
            try:
                self._known[place] = repair_difference(issue, rule, self._conversation)
            except RuleError:  # a user's repair that raises says so when it is applied
                self._known[place] = None, None
        return self._known[place]
