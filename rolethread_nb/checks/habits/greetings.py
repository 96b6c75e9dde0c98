"""Rules about conversations that are mostly opening: greetings with nothing after them, a first reply that says it all."""

from __future__ import annotations

from typing import Any

import polars as pl

from ...core.blocks import Block
from ...core.wording import plural
from ...language.phrases import alternatives, english
from ..rule import RELATED_LIMIT, DatasetFinding, Page, Rule
from .replied import exchange, records, reply_rows

_HEAD = 80  # characters of a turn in which it greets
_REPLIES = 3  # a conversation of fewer shows nothing: its first reply is a large part of it anyway


class _Openings:
    """Of each conversation that is new: whether it greets and ends, and how many of the assistant's words its first reply has."""

    def __init__(self, greeting: float, first: float, exchanges: float, conversations: float) -> None:
        self._greeting, self._first, self._exchanges, self._fewest = greeting, first, exchanges, conversations
        self._parts: list[pl.DataFrame] = []

    def partial(self, block: Block) -> None:
        if not block.turns.height:
            return
        turns = block.turns.select(
            "conversation",
            "words",
            reply=pl.Series(reply_rows(block)),
            user=(pl.col("role") == "user").fill_null(False),
            text=pl.col("text").str.slice(0, _HEAD),
        ).filter(pl.Series(block.fresh[block.turns["conversation"].to_numpy()]))
        greets = rf"(?i)^\W*{alternatives(english('balance', 'greetings'))}(?:[\s,.!?…~:;)\-]|$)"
        reply = pl.col("reply")
        found = turns.group_by("conversation", maintain_order=True).agg(
            replies=reply.sum(),
            first=pl.col("words").filter(reply).first(),
            all=pl.col("words").filter(reply).sum(),
            asked=pl.col("text").filter("user").first(),
            answered=pl.col("text").filter(reply).first(),
        )
        found = found.filter(pl.col("replies") > 0).with_columns(
            greets=(
                pl.col("asked").str.contains(greets)
                & pl.col("answered").str.contains(greets)
                & (pl.col("replies") <= self._exchanges)
            ).fill_null(False),
            source=pl.lit(block.source, pl.Int32),
            index=pl.Series(block.indices, dtype=pl.Int64).gather(
                found.filter(pl.col("replies") > 0)["conversation"]
            ),
        )
        self._parts.append(found.select("source", "index", "replies", "first", "all", "greets"))

    def finish(self) -> list[DatasetFinding]:
        if not self._parts:
            return []
        chats = pl.concat(self._parts)
        return [*self._greetings(chats), *self._first_replies(chats)]

    def _greetings(self, chats: pl.DataFrame) -> list[DatasetFinding]:
        greeting = chats.filter("greets")
        if chats.height < self._fewest or greeting.height <= self._greeting * chats.height:
            return []
        evidence = {
            "by": "greetings",
            "count": greeting.height,
            "conversations": chats.height,
            "share": round(greeting.height / chats.height, 3),
            "threshold": self._greeting,
        }
        return [_finding(evidence, greeting)]

    def _first_replies(self, chats: pl.DataFrame) -> list[DatasetFinding]:
        """Whether the first replies of conversations that go on have over half of all that the assistant says in them."""
        going_on = chats.filter((pl.col("replies") >= _REPLIES) & (pl.col("all") > 0))
        if going_on.height < self._fewest:
            return []
        first, every = going_on.select(pl.col("first", "all").cast(pl.Float64).sum()).row(0)
        share = first / every
        if share <= self._first:
            return []
        heavy = going_on.filter(pl.col("first") > self._first * pl.col("all"))
        evidence = {
            "by": "first replies",
            "count": heavy.height,
            "conversations": going_on.height,
            "share": round(share, 3),
            "threshold": self._first,
        }
        return [_finding(evidence, heavy)]


def _finding(evidence: dict[str, Any], behind: pl.DataFrame) -> DatasetFinding:
    places = behind.select("source", "index").head(RELATED_LIMIT).rows()
    return DatasetFinding(evidence, places)


def _says(evidence: dict[str, Any]) -> str:
    if evidence["by"] == "greetings":
        return f"{evidence['count']:,} of {plural(evidence['conversations'], 'conversation')} are an exchange of greetings and little more"
    return (
        f"First replies hold {evidence['share']:.0%} of the assistant's words in {plural(evidence['conversations'], 'conversation')}"
        " that go on after them"
    )


_TALK = [exchange(f"Where is boat {n}?", f"Boat {n} lies behind the mill.") for n in range(30)]
_HELLO = [exchange(f"Hi! I am number {n}.", "Hello! How are you today?") for n in range(10)]


def _long_talk(first: str, then: str, count: int = 24) -> bytes:
    chats = [
        [turn for at in range(4) for turn in exchange(f"{n} and {at}?", f"{n} {first if at == 0 else then}.")]
        for n in range(count)
    ]
    return records(*chats)


RULES: tuple[Rule, ...] = (
    Rule(
        code="balance.opening_heavy",
        severity="info",
        scope="dataset",
        title="Mostly openings",
        wave=_Openings,
        thresholds={"greeting": 0.2, "first": 0.5, "exchanges": 2, "conversations": 20},
        says=_says,
        page=Page(
            "Finds datasets (of at least 20 conversations) over 20 % of whose conversations (greeting) begin with an English greeting by the user and one by"
            " the assistant and end after at most 2 replies (exchanges); and, in every language, datasets in which first replies hold over half (first) of"
            " what the assistant says in conversations of 3 replies and more. Conversations that occur again count once. The greetings stand in the"
            " language pack (balance.toml).",
            "A model trained on openings opens well and does not know how to go on.",
            "Hi! -> Hello, how are you?",
            "There is no automatic repair. Add longer conversations, or leave some of these out.",
        ),
        fires=(records(*_TALK, *_HELLO), _long_talk("the boat lay behind the mill all night", "no")),
        silent=(
            records(*_TALK, *_HELLO[:4]),
            records(*_HELLO),
            records(*_TALK),
            _long_talk("the boat lay there", "it lay behind the mill all night"),
            _long_talk("the boat lay behind the mill all night", "no", count=5),
        ),
    ),
)
