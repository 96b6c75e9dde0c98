"""Replies that tell a story in English: the turns that rules about narration read."""

from __future__ import annotations

import re
import weakref
from collections.abc import Sequence

import polars as pl

from ...core.blocks import Block
from ...core.model import Conversation, Message, Span
from ...language.packs import pack
from ...language.prose import tells
from ...language.sentences import sentences
from ...language.speech import marked_narration, parts_of

# Quotation marks stand around words, titles and buttons as well. Something is said where they hold a sentence of its own: it begins with a
# capital, ends with a mark, and stands at the beginning of a line or behind a mark.
_SAID = (
    r"(?:^|[\n.!?…,—–*_])\s?"
    r"(?:[\"“„«‹＂][A-Z…'’—-][^\"“”„«»‹›＂\n]*[.,!?…—–-][\"”“»›＂]"
    r"|‘[A-Z…—-][^‘’\n]*(?:’[A-Za-z][^‘’\n]*)*[.,!?…—–]’)"
)
# An action has two words or more; one alone is mostly stressed.
_ACTED = r"(?:^|[\s(])[*_][^\s*_]+\s[^*_\n]*[^\s*_][*_](?:$|[^\w*])"
# Manuals and essays: lists, headings, code. One such line may be chance.
_LISTED = r"(?m)^\s*(?:[-•]|\*\s|\d+[.)]|#{1,6}\s|\|)"
_MOST_LISTED = 1
_CODE = "`"
_QUOTING = 2  # replies of a conversation that say something in quotes; one may cite

# The narration of the last block, kept for the next rule that asks.
_last: list[tuple[weakref.ref[Block], pl.DataFrame]] = []


def told_replies(block: Block) -> pl.DataFrame:
    """The English replies of a block in which something is told.

    Speech or actions are marked, or the reply is plain prose that tells a scene. Two more kinds are told for what stands around them. Where
    two replies of a conversation, and half of all, quote what is said, so is one without any mark in which somebody does something. Beside
    another reply that tells, so is prose that alone might be somebody's account of his own deeds, or a manual.

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
    english = pl.Series(pack("en").spoken(block.words))
    replies = turns.filter(
        english
        & (pl.col("role") == "assistant")
        & pl.col("kind").is_in(["text", "parts"])
        & (pl.col("side") != "rejected").fill_null(True)
    )
    told = _narrations(replies["conversation"], replies["text"])
    stories = replies.select("row", "conversation", "turn", "text").with_columns(told=told)
    stories = stories.filter(told.is_not_null())
    fresh = pl.Series(block.fresh[stories["conversation"].to_numpy()], dtype=pl.Boolean)
    return stories.with_columns(fresh=fresh)


def _narrations(conversation: pl.Series, texts: pl.Series) -> pl.Series:
    """The narration of English replies; null where nothing is told."""
    frame = pl.DataFrame({"conversation": conversation, "text": texts, "told": marked_narration(texts)})
    text, unmarked = pl.col("text"), pl.col("told").is_null()
    scenes = tells(frame.select(pl.when(unmarked).then(text))["text"])
    running = ~text.str.contains(_CODE, literal=True) & (text.str.count_matches(_LISTED) <= _MOST_LISTED)
    said, acted = (~unmarked & text.str.contains(mark) & running for mark in (_SAID, _ACTED))
    frame = frame.hstack(scenes).with_columns(said=said, marked=said | acted)
    telling = pl.col("marked") | pl.col("prose")
    count = pl.col("said").sum().over("conversation")
    quoting = pl.col("hints") & (count >= _QUOTING) & (2 * count >= pl.len().over("conversation"))
    beside = pl.col("beside") & telling.any().over("conversation")
    whole = pl.col("prose") | (unmarked & running & (quoting | beside))
    return frame.select(told=pl.when(whole).then(text).when("marked").then("told"))["told"]


def told_sentences(text: str) -> list[Span]:
    """The sentences of the narration of one text, of which something is told: all of them where it has no marks."""
    parts = parts_of(text)
    stretches = parts.narration if parts.by else (Span(0, len(text)),)
    return [sentence for stretch in stretches for sentence in sentences(text, stretch)]


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
