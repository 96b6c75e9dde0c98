"""What the preflight panel draws, as plain data (docs/protocol.md)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from itertools import pairwise
from typing import Any

import polars as pl

from ..core.errors import QueryError
from ..core.model import Conversation
from ..core.turns import encodable
from ..core.wording import plural
from ..training.preflight import VERDICTS, Preflight
from ..training.targets.target import OUTCOMES, Forecast
from .preflight_text import counted_by, trained_of
from .requests import PAGE, address, page_args, page_of, whole
from .thread_view import Payload, direction
from .views import HUES

_TITLE = 80
_TERMS = ("target", "outcome", "reason")
_MOST_TEXT = 400_000  # characters of a rendered text that are sent
_MOST_LOST = 2_000


class PreflightView:
    """Everything the preflight panel asks for. Safe to call from two threads."""

    def __init__(self, preflight: Preflight) -> None:
        self._preflight = preflight
        self._lock = threading.RLock()

    def answer(self, name: str, args: Payload) -> Payload:
        """The result of a request.

        Raises:
            RolethreadError: in one sentence, for the person who asked.
        """
        requests: dict[str, Callable[[Payload], Payload]] = {
            "cases": self._asked_cases,
            "case": self._asked_case,
        }
        if name not in requests:
            raise QueryError(f"Nothing is known about the request {name!r}.")
        with self._lock:
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

    # ------------------------------------------------------------------ the whole

    def summary(self) -> Payload:
        """The trainers, what they make of the dataset, and why."""
        preflight = self._preflight
        rows = {row["target"]: row for row in preflight.numbers.rows(named=True)}
        causes = preflight.causes.rows(named=True)
        return {
            "name": encodable(preflight.dataset.name),
            "numbers": f"{plural(len(preflight.dataset), 'conversation')} · template {preflight.template.name}"
            f" · {counted_by(preflight)}",
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

    @property
    def empty(self) -> str:
        """What stands where cases would be."""
        count = len(self._preflight.dataset)
        return (
            f"All {count:,} conversations are taken as they are." if count else "No conversation to look at."
        )

    def state(self, query: str = "", key: str | None = None) -> Payload:
        """What is drawn at once."""
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
        places = self._preflight.frame.select("source", "index").head(1).rows()
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
            "total": self._preflight.frame.height,
            "rows": [
                {
                    "key": f"{row['source']}:{row['index']}",
                    "target": row["target"],
                    "index": row["index"],
                    "id": row["id"],
                    "title": self._title(row["source"], row["index"]),
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
        frame = self._preflight.frame
        if "reason" in terms:
            having = self._preflight.reason_frame.filter(pl.col("code") == terms["reason"])
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
        having = self._preflight.reason_frame.join(
            page.select(list(VERDICTS)[:2]).unique(),
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

    def _title(self, source: int, index: int) -> str:
        row = self._preflight.dataset.index.row(source, index)
        return "" if row is None else str(self._preflight.dataset.index.conversations["title"][row])[:_TITLE]

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
                    "hue": self._hues.get(message.name) if message.name else None,
                }
                for turn, message in enumerate(conversation.messages)
            ],
            "pieces": list(pieces(text[:_MOST_TEXT], forecast)),
            "left_out": max(0, len(text) - _MOST_TEXT),
            "lost": list(_lost(conversation, forecast)),
        }

    @cached_property
    def _hues(self) -> dict[str, int]:
        speakers = self._preflight.dataset.index.turns["speaker"].cast(pl.String).drop_nulls()
        return {name: at % HUES for at, name in enumerate(speakers.unique(maintain_order=True).to_list())}


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
