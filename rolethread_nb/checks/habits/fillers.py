"""Filler: whole replies that would fit anywhere and say nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator

import polars as pl

from ...core.model import Conversation, Span, count_words
from ...core.word_table import words_of
from ...language.packs import pack
from ...language.phrases import alternatives, compiled, english
from ..rule import Evidence, Mark, Page, Rule
from ..vocabulary import text
from .looked_at import LookedAt
from .replied import Reply, exchange, replied

# Words of the turn before: after a shorter one "Okay." is an answer, and "How can I help you?" the right question.
_THRESHOLDS = {"words": 8, "offered": 10}
_LISTS = ("empty", "answers", "offers")
_THANKS = re.compile(r"\b(?:thanks?|thank you)\b", re.IGNORECASE)
_BETWEEN = r"(?:[\s.!?,…。！？\p{So}]+|$)"


def _whole(*names: str) -> str:
    phrases = [phrase for name in names for phrase in english("replies", "filler", name)]
    return rf"^\W*(?:{alternatives(phrases)}{_BETWEEN})+$"


class _Fillers(LookedAt):
    """Looks at replies that consist of such phrases. They are read when a check begins, so that a pack of one's own counts."""

    def __init__(self, words: float, offered: float) -> None:
        super().__init__(text.matches("(?i)" + _whole(*_LISTS)).compile(), self._marks)
        self._least = {"answers": words, "offers": offered}

    def _marks(self, conversation: Conversation, turn: int) -> Iterator[Mark]:
        reply = Reply(conversation, turn)
        if reply.text and (kind := self._kind(reply)) is not None:
            evidence: Evidence = {
                "said": reply.text.strip(),
                "kind": kind,
                "list": f"filler.{kind}",
                "asked": count_words(reply.question),
                "threshold": self._least.get(kind, 0),
            }
            yield Mark(turn, Span(0, len(reply.text)), evidence)

    def _kind(self, reply: Reply) -> str | None:
        """Which words the reply consists of, where they say nothing to the turn before it."""
        said, words = reply.question, count_words(reply.question)
        polite = compiled(rf"\b{alternatives(english('replies', 'filler', 'polite'))}\b")
        if words < self._least["offers"] and polite.search(said):
            return None
        if not _is_english(said) or reply.text.strip(" .!?,…").casefold() in said.casefold():
            return None  # or the word was offered as an answer
        if _consists(reply.text, "empty"):
            return "empty"
        if "?" in said or words < self._least["answers"] or _THANKS.search(said):
            return None
        if _consists(reply.text, "empty", "answers"):
            return "answers"
        return "offers" if words >= self._least["offers"] and _consists(reply.text, *_LISTS) else None


def _is_english(value: str) -> bool:
    return bool(pack("en").spoken(words_of(pl.Series([value])))[0])


def _consists(value: str, *names: str) -> bool:
    pattern = _whole(*names).replace(r"\p{So}", "\U0001f300-\U0001faff\u2600-\u27bf\ufe0f")
    return compiled(pattern).fullmatch(value.strip()) is not None and "\n" not in value.strip()


RULES: tuple[Rule, ...] = (
    Rule(
        code="reply.filler",
        severity="info",
        scope="turn",
        title="A reply that fits anywhere",
        preview=True,
        wave=_Fillers,
        thresholds=_THRESHOLDS,
        says="“{said}” is the whole reply to a turn of {asked} words",
        where="content",
        page=Page(
            "Finds English replies that consist of nothing but phrases such as “I see.”, “Interesting!”, “Tell me more.”, “Okay, great.” or “I'm here to"
            " help.” Greetings, thanks and farewells are answered so; “Okay.” and “Sure.” are answers to a question or to a short turn (under 8"
            " words, words), an offer to help is one to a turn under 10 words (offered). The phrases stand in the language pack (replies.toml).",
            "The model learns to get away with it: such a reply is never wrong and never worth reading.",
            "I see. Tell me more.",
        ),
        fires=(
            *replied("I see.", "That's interesting!", "I see. Tell me more."),
            exchange("I walked all night and at dawn the wolves had caught up with me.", "Okay, great."),
        ),
        silent=(
            exchange("Thank you!", "No problem!"),
            exchange("Can you hear me?", "Sure."),
            exchange("Hi", "How can I help you?"),
            *replied("I see a light.", "Okay, but why?", "Interesting: the door is open."),
        ),
    ),
)
