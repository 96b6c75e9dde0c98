"""Refusals: a reply that will not do what was asked, in the words of an assistant."""

from __future__ import annotations

import re
from collections.abc import Iterator

import polars as pl

from ...core.model import Conversation, Span, count_words
from ...language.phrases import alternatives, compiled, english, holds_any
from ..rule import Evidence, Mark, Page, Rule
from ..vocabulary import Condition
from .replied import REPLY, exchange, replied, told

_HEAD = 200  # characters: a refusal begins within them
_SHORT = 80  # words: a longer reply must speak of the request, of a policy or of the assistant
_LONG = 500  # characters of a reply that are looked at
_SENTENCE = re.compile(r"[^.!?。！？\n]+[.!?。！？]*")
_ENDS = r"\s*(?:$|[.!;:]|,?\s+(?:but|however|because|as|since|for|right|at|directly)\b)"


def _words(name: str) -> str:
    return alternatives(english("replies", "refusal", name))


def _begins() -> pl.Expr:
    """Whether the beginning of a turn holds words of a refusal. They are read when a check begins, so that a pack of one's own counts."""
    phrases = [*english("replies", "refusal", "unable"), *english("replies", "refusal", "declined")]
    return holds_any(pl.col("text").str.slice(0, _LONG), phrases)


def _refusal(text: str) -> tuple[Span, str] | None:
    """The sentence that refuses, and by what it is known: ``policy``, ``matter`` or ``bare``."""
    own, played = told(text[:_LONG])
    short = count_words(text) <= _SHORT
    for found in _SENTENCE.finditer(own):
        if found.start() >= _HEAD:
            break
        said = found[0]
        if (why := _known_by(said, played=played, short=short)) is not None:
            start = found.start() + len(said) - len(said.lstrip())
            return Span(start, found.start() + len(said.rstrip())), why
    return None


def _known_by(said: str, *, played: bool, short: bool) -> str | None:
    if compiled(rf"\b{_words('declined')}\b").search(said):
        return "policy"
    between = rf"(?:\W+{_words('between')}){{0,3}}"
    asked = compiled(rf"\b{_words('unable')}{between}?\W+{_words('serve')}\b").search(said)
    bare = compiled(rf"\b{_words('unable')}{between}?\W+{_words('bare')}(?P<end>{_ENDS})").search(said)
    if asked is None and bare is None:
        return None
    begins = min(match.start() for match in (asked, bare) if match is not None)
    behind = said[begins:]
    if compiled(rf"\b{_words('unless')}\b").search(behind):
        return None
    if compiled(rf"\b{_words('policy')}\b").search(said):
        return "policy"
    if played or not short:
        return None
    if asked is not None and compiled(rf"\b{_words('matter')}\b").search(behind):
        return "matter"
    formal = rf"\b(?:{_words('sorry')}|{_words('said_formally')})\b"
    if (
        asked is not None
        and compiled(formal).search(said)
        and compiled(rf"\b{_words('formal')}\b").search(behind)
    ):
        return "matter"
    return "bare" if bare is not None else None


def _look_at(conversation: Conversation, turn: int) -> Iterator[Mark]:
    text = conversation.message(turn).text
    if (found := _refusal(text)) is not None:
        span, why = found
        evidence: Evidence = {"said": text[span.start : span.end], "by": why}
        yield Mark(turn, span, evidence)


RULES: tuple[Rule, ...] = (
    Rule(
        code="reply.refusal",
        severity="warning",
        scope="turn",
        title="The reply refuses",
        look_at=_look_at,
        among=REPLY & Condition(_begins),
        says="The reply refuses: “{said}”",
        where="content",
        page=Page(
            "Finds English replies that begin (first 200 characters) with a refusal in the words of an assistant: “I cannot”, “I'm unable to” and"
            " the like before what an assistant is asked for (help, write, provide ...), in a sentence that speaks of the request, of a policy or of the"
            " assistant itself; in a reply of up to 80 words also of malware, legal advice and such, or with an apology of instructions, content, a story. Speech in quotation"
            " marks, code, replies played between asterisks, and what is only put off (“until”, “without”) are left alone. The words stand in the language"
            " pack (replies.toml).",
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
