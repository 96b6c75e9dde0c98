"""Replies that tell a story in English: the turns that rules about narration read."""

from __future__ import annotations

import re
import weakref
from collections.abc import Sequence

import polars as pl

from ...core.blocks import Block
from ...core.model import Conversation, Message, Span
from ...language.packs import pack
from ...language.sentences import sentences
from ...language.speech import narration, parts_of

# Quotation marks stand around words, titles and buttons as well. Something is said where they hold a sentence of its own: it begins with a
# capital, ends with a mark, and stands at the beginning of a line or behind a mark.
_SAID = r"(?:^|[\n.!?…,—–*_])\s?[\"“][A-Z…'’—-][^\"“”\n]*[.,!?…—–-][\"”]"
# An action has two words or more; one alone is mostly stressed.
_ACTED = r"(?:^|[\s(])[*_][^\s*_]+\s[^*_\n]*[^\s*_][*_](?:$|[^\w*])"
# Manuals and essays: lists, headings, code. One such line may be chance.
_LISTED = r"(?m)^\s*(?:[-•]|\*\s|\d+[.)]|#{1,6}\s|\|)"
_MOST_LISTED = 1
_CODE = "`"

# The narration of the last block, kept for the next rule that asks.
_last: list[tuple[weakref.ref[Block], pl.DataFrame]] = []


def told_replies(block: Block) -> pl.DataFrame:
    """The English replies of a block in which something is told beside what is said.

    Columns: ``row`` (of the turn table), ``conversation``, ``turn``, ``text``, ``told`` (the narration), ``fresh`` (its conversation is
    no repetition of an earlier one).
    """
    if not _last or _last[0][0]() is not block:
        _last[:] = [(weakref.ref(block), _told(block))]
    return _last[0][1]


def _told(block: Block) -> pl.DataFrame:
    turns = block.turns.with_row_index("row").select(
        "row", "conversation", "turn", "role", "kind", "side", "text"
    )
    if not turns.height:
        return turns.select("row", "conversation", "turn", "text", told="text", fresh=pl.lit(True))
    text = pl.col("text")
    english = pl.Series(pack("en").spoken(block.words))
    replies = turns.filter(
        english
        & (pl.col("role") == "assistant")
        & pl.col("kind").is_in(["text", "parts"])
        & (pl.col("side") != "rejected").fill_null(True)
        & text.str.contains_any(['"', "“", "*", "_"])
    )
    stories = replies.filter(
        (text.str.contains(_SAID) | text.str.contains(_ACTED))
        & ~text.str.contains(_CODE, literal=True)
        & (text.str.count_matches(_LISTED) <= _MOST_LISTED)
    )
    fresh = pl.Series(block.fresh[stories["conversation"].to_numpy()], dtype=pl.Boolean)
    told = narration(stories["text"])
    return (
        stories.select("row", "conversation", "turn", "text")
        .with_columns(told=told, fresh=fresh)
        .filter(pl.col("told").is_not_null())
    )


def told_sentences(text: str) -> list[Span]:
    """The sentences of the narration of one text."""
    return [sentence for stretch in parts_of(text).narration for sentence in sentences(text, stretch)]


def words_pattern(words: Sequence[str]) -> str:
    """A pattern for one of some words; the longest first."""
    return "|".join(re.escape(word) for word in sorted(words, key=lambda word: (-len(word), word)))


def plain(text: str) -> str:
    """The text with straight apostrophes, as the packs have them; every character keeps its place."""
    return text.replace("’", "'")


def asks_for_second_person(conversation: Conversation) -> bool:
    """Whether the system prompt or the user wants to be told what he does."""
    phrases: Sequence[str] = pack("en").get("narration", "asks_for_second_person")
    asked = (
        message.text for message in conversation.messages if message.role in ("system", "developer", "user")
    )
    return any(phrase in text.lower() for text in asked for phrase in phrases)


def user_names(messages: Sequence[Message]) -> tuple[str, ...]:
    """The names by which a conversation calls its user: speakers and labels of user turns that no assistant has."""
    found: dict[str, None] = {}
    others: set[str] = set()
    for message in messages:
        for name in (message.name, message.role_raw):
            if name is None or name.casefold() in _PLAIN_LABELS:
                continue
            if message.role == "user":
                found[name] = None
            else:
                others.add(name)
    return tuple(name for name in found if name not in others)


_PLAIN_LABELS = frozenset(
    ("user", "human", "assistant", "gpt", "bot", "system", "tool", "prompt", "instruction", "input")
)
