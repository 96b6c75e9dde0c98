"""Refusals: a reply that will not do what was asked, in the words of an assistant."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from ...core.model import Conversation, Span, count_words
from ...language.phrases import alternatives, compiled, english, holds_any
from ..rule import Evidence, Mark, Page, Rule
from .looked_at import LookedAt
from .replied import exchange, replied, told

# A refusal begins within so many characters; a reply of more words must speak of the request, of a policy or of the assistant; so many
# characters of a reply are looked at.
_THRESHOLDS = {"begins": 200, "words": 80, "characters": 500}
_SENTENCE = re.compile(r"[^.!?。！？\n]+[.!?。！？]*")
_ENDS = r"\s*(?:$|[.!;:]|,?\s+(?:but|however|because|as|since|for|right|at|directly)\b)"


def _words(name: str) -> str:
    return alternatives(english("replies", "refusal", name))


@dataclass(frozen=True)
class Refusal:
    """The sentence of a reply that refuses.

    Attributes:
        span: where it stands.
        by: what it is known by: ``policy``, ``matter`` or ``bare``.
        matched: the words that refuse.
        among: the list of the language pack that has them.
    """

    span: Span
    by: str
    matched: str
    among: str


def refusal_in(
    text: str,
    *,
    begins: float = _THRESHOLDS["begins"],
    words: float = _THRESHOLDS["words"],
    characters: float = _THRESHOLDS["characters"],
) -> Refusal | None:
    """The first sentence that refuses; the numbers are the thresholds of ``reply.refusal``."""
    own, played = told(text[: int(characters)])
    short = count_words(text) <= words
    for found in _SENTENCE.finditer(own):
        start = found.start() + len(found[0]) - len(found[0].lstrip())
        if found.start() >= begins:
            break
        if (known := _known_by(found[0], played=played, short=short)) is not None:
            return Refusal(Span(start, found.start() + len(found[0].rstrip())), *known)
    return None


def _known_by(said: str, *, played: bool, short: bool) -> tuple[str, str, str] | None:
    """What a sentence is known by, the words that refuse in it, and their list."""
    if (found := compiled(rf"\b{_words('declined')}\b").search(said)) is not None:
        return "policy", found[0], "refusal.declined"
    unable = rf"\b(?P<unable>{_words('unable')})(?:\W+{_words('between')}){{0,3}}?"
    asked = compiled(rf"{unable}\W+{_words('serve')}\b").search(said)
    bare = compiled(rf"{unable}\W+{_words('bare')}(?P<end>{_ENDS})").search(said)
    matches = [match for match in (asked, bare) if match is not None]
    if not matches:
        return None
    first = min(matches, key=lambda match: match.start())
    by = _by(said, first.start(), asked=asked is not None, bare=bare is not None, played=played, short=short)
    return None if by is None else (by, first["unable"], "refusal.unable")


def _by(said: str, begins: int, *, asked: bool, bare: bool, played: bool, short: bool) -> str | None:
    """What a sentence is known by that says from some place on that somebody is unable to do something."""
    behind = said[begins:]
    if compiled(rf"\b{_words('unless')}\b").search(behind):
        return None
    if compiled(rf"\b{_words('policy')}\b").search(said):
        return "policy"
    if played or not short:
        return None
    if asked and compiled(rf"\b{_words('matter')}\b").search(behind):
        return "matter"
    formal = rf"\b(?:{_words('sorry')}|{_words('said_formally')})\b"
    if asked and compiled(formal).search(said) and compiled(rf"\b{_words('formal')}\b").search(behind):
        return "matter"
    return "bare" if bare else None


class _Refusals(LookedAt):
    """Looks at replies that begin with words of a refusal. They are read when a check begins, so that a pack of one's own counts."""

    def __init__(self, begins: float, words: float, characters: float) -> None:
        phrases = [*english("replies", "refusal", "unable"), *english("replies", "refusal", "declined")]
        super().__init__(holds_any(pl.col("text").str.slice(0, int(characters)), phrases), self._marks)
        self._begins, self._words, self._characters = begins, words, characters

    def _marks(self, conversation: Conversation, turn: int) -> Iterator[Mark]:
        text = conversation.message(turn).text
        found = refusal_in(text, begins=self._begins, words=self._words, characters=self._characters)
        if found is not None:
            evidence: Evidence = {
                "said": text[found.span.start : found.span.end],
                "by": found.by,
                "matched": found.matched,
                "list": found.among,
                "begins": found.span.start,
                "threshold": self._begins,
                "words": count_words(text),
                "short": self._words,
            }
            yield Mark(turn, found.span, evidence)


RULES: tuple[Rule, ...] = (
    Rule(
        code="reply.refusal",
        severity="warning",
        scope="turn",
        title="The reply refuses",
        wave=_Refusals,
        thresholds=_THRESHOLDS,
        says="The reply refuses: “{said}”",
        where="content",
        page=Page(
            "Finds English replies that begin (first 200 characters, begins) with a refusal in the words of an assistant: “I cannot”, “I'm unable to” and"
            " the like before what an assistant is asked for (help, write, provide ...), in a sentence that speaks of the request, of a policy or of the"
            " assistant itself; in a reply of up to 80 words (words) also of malware, legal advice and such, or with an apology of instructions, content, a story. Speech in quotation"
            " marks, code, replies played between asterisks, and what is only put off (“until”, “without”) are left alone. The words stand in the language"
            " pack (replies.toml); the first 500 characters (characters) of a reply are looked at. What is found names the words, their list, and where they begin.",
            "A few refusals teach a model to refuse at random, also what is harmless, and to fall out of its role to do so.",
            "I'm sorry, but I can't assist with that request.",
        ),
        fires=replied(
            "I'm sorry, but I can't assist with that.",
            "I’m unable to fulfil this request, as it goes against the content policy.",
            "As an AI language model, I cannot write explicit scenes.",
            "I must respectfully decline.",
        ),
        silent=(
            *replied(
                '"I cannot help you with that request," said the guard.',
                "I cannot let you pass, traveler.",
                "*She turns away.* I can't help you with this.",
                "I can't process the request without your order number.",
                "I can't help but smile.",
                "```\nraise Refusal('I cannot fulfil this request')\n```",
            ),
            exchange("What can't you do?", "Cats cannot provide instructions."),
        ),
    ),
)
