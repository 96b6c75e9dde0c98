"""What a reply is, and what was said before it, for the rules about replies."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl

from ...core.blocks import Block
from ...core.model import Conversation, Message
from ...core.word_table import Flags
from ...language.speech import parts_of
from ..vocabulary import Condition, Field, kind, prompt_only, role

# Code, fenced, in a line or indented, and quoted lines.
_LITERAL = re.compile(r"(?s:```.*?(?:```|\Z))|`[^`\n]+`|(?m:^(?:>| {4}|\t).*$)")
_VISIBLE = re.compile(r"\S")

# A text turn of the assistant: no call, no rejected side of a pair, no prompt that leaves the answer open.
REPLY: Condition = (
    (role == "assistant") & (kind == "text") & ~(Field("side") == "rejected") & ~prompt_only.holds
)


@dataclass(frozen=True)
class Reply:
    """One reply in its conversation."""

    conversation: Conversation
    turn: int

    @property
    def text(self) -> str:
        return self.message.text

    @property
    def message(self) -> Message:
        return self.conversation.message(self.turn)

    @cached_property
    def question(self) -> str:
        """The text of the user's turn before it, empty where there is none."""
        for message in reversed(self.conversation.messages[: self.turn]):
            if message.role == "user":
                return message.text
        return ""

    @cached_property
    def system(self) -> str:
        """The system prompts before it."""
        earlier = self.conversation.messages[: self.turn]
        return "\n".join(message.text for message in earlier if message.role in ("system", "developer"))


def replies_of(conversation: Conversation) -> Iterator[Reply]:
    """The replies of a conversation, as the condition :data:`REPLY` has them."""
    if conversation.reading.prompt_only:
        return
    for turn, message in enumerate(conversation.messages):
        if message.role == "assistant" and message.kind == "text" and message.side != "rejected":
            yield Reply(conversation, turn)


def reply_rows(block: Block) -> Flags:
    """Which rows of a turn table are replies."""
    found: Flags = block.turns.select(reply=REPLY.compile())["reply"].to_numpy()
    return found


def place_columns(block: Block, rows: np.ndarray[Any, Any]) -> dict[str, pl.Series]:
    """Source, record and turn of some rows of the turn table, as columns."""
    places = block.turns.select("conversation", "turn")[rows]
    return {
        "source": pl.Series([block.source], dtype=pl.Int32).new_from_index(0, len(rows)),
        "index": pl.Series(block.indices, dtype=pl.Int64).gather(places["conversation"]),
        "turn": places["turn"],
    }


def told(text: str) -> tuple[str, bool]:
    """A text with its quoted speech, code and quoted lines blanked out, and whether it is played (actions between asterisks).

    Every character keeps its place.
    """
    parts = parts_of(text)
    spans: list[tuple[int, int]] = [*parts.speech, *parts.unsure] if parts.by == "quotes" else []
    spans += [found.span() for found in _LITERAL.finditer(text)]
    pieces, at = [], 0
    for start, end in sorted(spans):
        if end > at:
            begins = max(start, at)
            pieces += [text[at:begins], _VISIBLE.sub(" ", text[begins:end])]
            at = end
    return "".join([*pieces, text[at:]]), parts.by == "actions"


def exchange(question: str, reply: str, system: str = "") -> list[dict[str, str]]:
    """A case: one question with its reply."""
    turns = [{"role": "user", "content": question}, {"role": "assistant", "content": reply}]
    return [{"role": "system", "content": system}, *turns] if system else turns


def replied(*replies: str) -> tuple[list[dict[str, str]], ...]:
    """Cases: each reply alone, to a turn that asks for nothing in particular."""
    return tuple(exchange("Go on with it.", reply) for reply in replies)


def records(*chats: list[dict[str, str]]) -> bytes:
    """A case: a file of conversations."""
    return "\n".join(json.dumps({"messages": chat}) for chat in chats).encode()
