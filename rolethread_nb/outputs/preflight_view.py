"""What the preflight panel draws, as plain data (docs/protocol.md)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import polars as pl

from ..core.errors import QueryError
from ..core.model import Conversation
from ..core.turns import encodable
from ..core.wording import plural
from ..training.preflight import Preflight
from ..training.targets.target import OUTCOMES, Forecast
from .preflight_text import counted_by, trained_of
from .requests import PAGE, address, page_args, page_of, whole
from .speakers import hue_of
from .thread_view import Payload, direction

_TITLE = 80
_TERMS = ("target", "outcome", "reason")
_MOST_TEXT = 400_000  # characters of a rendered text that are sent
_MOST_LOST = 2_000


class PreflightView:
    """Everything the preflight panel asks for. Safe to call from two threads.

    It answers from what is known by now, which is all of a short preflight, and some of a long one.

    Attributes:
        working: whether a preflight that is not done is gone on with, for as long as somebody asks how far it is.
        on_look: called when somebody does.
    """

    def __init__(self, preflight: Preflight) -> None:
        self.working = False
        self.on_look: Callable[[], None] = lambda: None
        self._preflight = preflight
        if preflight.is_short:
            preflight.finish()
        elif not preflight.conversation_count:
            preflight.advance()

    def answer(self, name: str, args: Payload) -> Payload:
        """The result of a request.

        Raises:
            RolethreadError: in one sentence, for the person who asked.
        """
        requests: dict[str, Callable[[Payload], Payload]] = {
            "cases": self._asked_cases,
            "case": self._asked_case,
            "limit": self._asked_limit,
            "progress": self._asked_progress,
        }
        if name not in requests:
            raise QueryError(f"Nothing is known about the request {name!r}.")
        with self._preflight.lock:
            return requests[name](args)

    def _asked_cases(self, args: Payload) -> Payload:
        query, _, descending, offset, limit = page_args(args, "file")
        if isinstance(near := args.get("near"), str):
            source, index = address(near)
            here = (pl.col("source") == source) & (pl.col("index") == index)
            at = self._listed(query, descending).with_row_index("at").filter(here)["at"].to_list()
            offset = page_of(at[0] if at else None, offset, limit)
        return self.cases(query, descending, offset, limit)

    def _asked_case(self, args: Payload) -> Payload:
        limit = args.get("max_tokens")
        return self.case(
            str(args.get("key", "")), str(args.get("target", "")), None if limit is None else whole(limit)
        )

    def _asked_limit(self, args: Payload) -> Payload:
        return self.limit(str(args.get("target", "")), whole(args.get("max_tokens")))

    def _asked_progress(self, args: Payload) -> Payload:
        self.on_look()
        return self.progress(str(args.get("query", "")))

    # ------------------------------------------------------------------ the whole

    def summary(self) -> Payload:
        """The trainers, what they make of the dataset, and why."""
        preflight = self._preflight
        known = preflight.so_far
        rows = {row["target"]: row for row in known.numbers.rows(named=True)}
        causes = known.causes.rows(named=True)
        return {
            "name": encodable(preflight.dataset.name),
            "numbers": f"{self._size()} · template {preflight.template.name} · {counted_by(preflight)}",
            "progress": None
            if preflight.done
            else {
                "looked_at": preflight.looked_at,
                "records": preflight.records,
                "working": self.working,
            },
            "exact": preflight.tokens.exact,
            "outcomes": list(OUTCOMES),
            "targets": [
                {
                    "name": one.name,
                    "title": one.title,
                    "version": one.version,
                    "basis": one.basis,
                    "refused": preflight.refused.get(one.name),
                    "counts": {outcome: rows[one.name][outcome] or 0 for outcome in OUTCOMES},
                    "trained": trained_of(rows[one.name]) or "",
                    "limit": preflight.limit_of(one.name),
                    "longest": rows[one.name]["longest"],
                    "effect": self._effect(one.name, preflight.limit_of(one.name)),
                    "reasons": [
                        {
                            "code": cause["code"],
                            "outcome": cause["outcome"],
                            "count": cause["conversations"],
                            "says": encodable(cause["says"]),
                        }
                        for cause in causes
                        if cause["target"] == one.name
                    ],
                }
                for one in preflight.targets
            ],
            "notes": [encodable(said) for said in preflight.notes],
        }

    def _size(self) -> str:
        preflight = self._preflight
        if preflight.done:
            return plural(preflight.conversation_count, "conversation")
        return plural(preflight.records, "record")

    def progress(self, query: str = "") -> Payload:
        """How far the work has come, and what is known by now; ``matched`` is about the cases of the query."""
        return {
            "preflight": self.summary(),
            "query": query,
            "matched": self._listed(query, descending=False).height,
            "empty": self.empty,
        }

    def limit(self, target: str, max_tokens: int) -> Payload:
        """What a length limit does to all conversations that a trainer renders, in a sentence; empty where that is not foretold.

        Raises:
            QueryError: if there is no such trainer, or the limit is below 1.
        """
        if max_tokens < 1:
            raise QueryError(f"A length limit is at least 1 token, not {max_tokens}.")
        return {"target": target, "max_tokens": max_tokens, "says": self._effect(target, max_tokens)}

    def _effect(self, target: str, limit: int | None) -> str:
        lengths = self._preflight.so_far.lengths(target, self._preflight.strategy_of(target))
        if limit is None or lengths.strategy is None:
            return ""
        found = lengths.at(limit)
        lost = [
            f"{count:,} {one if count == 1 else many}"
            for count, one, many in (
                (found.clipped, "loses trained text", "lose trained text"),
                (found.dropped, "is left out", "are left out"),
            )
            if count
        ]
        of = plural(len(lengths.tokens), "conversation")
        far = "" if self._preflight.done else " looked at so far"
        return f"Of {of}{far}, {', '.join(lost) or 'none loses trained text'}."

    @property
    def empty(self) -> str:
        """What stands where cases would be."""
        if not self._preflight.done:
            return "All conversations looked at so far are taken as they are."
        count = self._preflight.conversation_count
        return (
            f"All {count:,} conversations are taken as they are." if count else "No conversation to look at."
        )

    def state(self, query: str = "", key: str | None = None) -> Payload:
        """What is drawn at once."""
        with self._preflight.lock:
            return self._state(query, key)

    def _state(self, query: str, key: str | None) -> Payload:
        cases = self.cases(query)
        first = cases["rows"][0] if cases["rows"] else None
        if key is None and first is not None:
            return {**self._head(cases), "case": self.case(first["key"], first["target"])}
        target = self._preflight.targets[0].name
        key = self._first_key() if key is None else key
        return {**self._head(cases), "case": None if key is None else self.case(key, target)}

    def _head(self, cases: Payload) -> Payload:
        return {"preflight": self.summary(), "cases": cases, "empty": self.empty}

    def _first_key(self) -> str | None:
        places = self._preflight.so_far.frame.select("source", "index").head(1).rows()
        return f"{places[0][0]}:{places[0][1]}" if places else None

    # ------------------------------------------------------------------ cases

    def cases(self, query: str = "", descending: bool = False, offset: int = 0, limit: int = PAGE) -> Payload:
        """One page of conversations with a verdict, in file order."""
        frame = self._listed(query, descending)
        page = frame.slice(offset, limit)
        why = self._codes(page)
        return {
            "query": query,
            "sort": "file",
            "descending": descending,
            "offset": offset,
            "matched": frame.height,
            "total": self._preflight.so_far.frame.height,
            "rows": [
                {
                    "key": f"{row['source']}:{row['index']}",
                    "target": row["target"],
                    "index": row["index"],
                    "id": row["id"],
                    "title": encodable(row["title"]),
                    "outcome": row["outcome"],
                    "reasons": why.get((row["source"], row["index"], row["target"]), []),
                    "tokens": row["tokens"],
                    "trained": row["trained_tokens"],
                }
                for row in page.iter_rows(named=True)
            ],
        }

    def _listed(self, query: str, descending: bool) -> pl.DataFrame:
        terms = _terms(query)
        known = self._preflight.so_far
        frame = known.frame
        if "reason" in terms:
            having = known.reasons.filter(pl.col("code") == terms["reason"])
            frame = frame.join(having, on=["source", "index", "target"], how="semi", maintain_order="left")
        if "target" in terms:
            frame = frame.filter(pl.col("target") == terms["target"])
        if "outcome" in terms:
            if terms["outcome"] not in OUTCOMES:
                raise QueryError(f"{terms['outcome']!r} is no outcome; there are {', '.join(OUTCOMES)}.")
            frame = frame.filter(pl.col("outcome") == terms["outcome"])
        elif "reason" not in terms:
            frame = frame.filter(pl.col("outcome") != "taken")
        return frame.reverse() if descending else frame

    def _codes(self, page: pl.DataFrame) -> dict[tuple[int, int, str], list[str]]:
        """The reasons of each case of a page, each code once."""
        having = self._preflight.so_far.reasons.join(
            page.select("source", "index").unique(),
            on=["source", "index"],
            how="semi",
            maintain_order="left",
        )
        found: dict[tuple[int, int, str], list[str]] = {}
        for source, index, target, code in having.select("source", "index", "target", "code").iter_rows():
            codes = found.setdefault((source, index, target), [])
            if code not in codes:
                codes.append(code)
        return found

    # ------------------------------------------------------------------ one case

    def case(self, key: str, target: str, max_tokens: int | None = None) -> Payload:
        """What one trainer would do with one conversation, ready to draw.

        Raises:
            QueryError: if there is no such conversation or trainer.
        """
        source, index = address(key)
        conversation = self._preflight.conversation_at(source, index)
        if conversation is None:
            raise QueryError(f"There is no conversation {key!r}.")
        forecast = self._preflight.forecast(conversation, target, max_tokens=max_tokens)
        text = encodable(forecast.text or "")
        limit = self._preflight.limit_of(target)
        return {
            "key": key,
            "target": target,
            "index": index,
            "id": encodable(conversation.id),
            "title": encodable(conversation.title[:_TITLE]),
            "source": encodable(conversation.source.rpartition("/")[2]),
            "line": conversation.line,
            "outcome": forecast.outcome,
            "limit": limit if max_tokens is None else max_tokens,
            "tokens": forecast.tokens,
            "kept": forecast.kept_tokens,
            "trained": forecast.trained_tokens,
            "exact": self._preflight.tokens.exact,
            "dir": direction(text),
            "reasons": [
                {
                    "code": one.code,
                    "outcome": one.outcome,
                    "turn": one.turn,
                    "says": encodable(one.says),
                }
                for one in forecast.reasons
            ],
            "turns": [
                {
                    "turn": turn,
                    "role": message.role or (message.role_raw and encodable(message.role_raw)),
                    "speaker": None if message.name is None else encodable(message.name),
                    "hue": hue_of(message.name),
                }
                for turn, message in enumerate(conversation.messages)
            ],
            "pieces": list(pieces(text[:_MOST_TEXT], forecast)),
            "left_out": max(0, len(text) - _MOST_TEXT),
            "lost": list(_lost(conversation, forecast)),
        }


def pieces(text: str, forecast: Forecast) -> Iterator[list[Any]]:
    """A rendered text cut where its loss, its turn or the limit changes: ``[piece, "trained" | "masked" | "cut", turn or None]``."""
    kept = forecast.kept
    begin, end = (0, len(text)) if kept is None else (min(kept.start, len(text)), min(kept.end, len(text)))
    trained = [(span.start, span.end) for span in forecast.trained]
    turns = sorted((span.start, span.end, one.turn) for one in forecast.located for span in one.spans)
    edges = {0, len(text), begin, end}
    edges |= {at for span in trained for at in span} | {
        at for start, stop, _ in turns for at in (start, stop)
    }
    here, there = 0, 0
    for left, right in pairwise(sorted(at for at in edges if 0 <= at <= len(text))):
        while here < len(trained) and trained[here][1] <= left:
            here += 1
        while there < len(turns) and turns[there][1] <= left:
            there += 1
        loss = "trained" if here < len(trained) and trained[here][0] <= left else "masked"
        if left >= end or right <= begin:
            loss = "cut"
        turn = turns[there][2] if there < len(turns) and turns[there][0] <= left else None
        yield [text[left:right], loss, turn]


def _lost(conversation: Conversation, forecast: Forecast) -> Iterator[Payload]:
    """Texts of turns that the model does not get as they are."""
    messages: Sequence[Any] = conversation.messages
    for one in forecast.located:
        if one.state in ("whole", "escaped") or one.turn >= len(messages):
            continue
        message = messages[one.turn]
        text = message.text if one.what == "content" else ""
        yield {
            "turn": one.turn,
            "role": message.role or (message.role_raw and encodable(message.role_raw)),
            "what": one.what,
            "state": one.state,
            "text": encodable(text[:_MOST_LOST]),
        }


def _terms(query: str) -> dict[str, str]:
    """``target:trl outcome:dropped`` as a dict.

    Raises:
        QueryError: if a term is none of these.
    """
    terms = {}
    for term in query.split():
        name, sign, value = term.partition(":")
        if not sign or name not in _TERMS:
            raise QueryError(f"{term!r} is not understood; cases are chosen by {', '.join(_TERMS)}.")
        terms[name] = value
    return terms
