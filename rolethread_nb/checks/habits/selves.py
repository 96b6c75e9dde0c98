"""Talk of the assistant about itself: that it is one, its policies, asides out of character, disclaimers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import polars as pl

from ...core.model import Conversation, Severity, Span
from ...language.phrases import alternatives, compiled, english, holds_any
from ..rule import Evidence, Mark, Page, Rule
from ..vocabulary import Condition
from .refusals import refusal_in
from .replied import REPLY, Reply, exchange, replied, told

_ASIDE = r"[(\[]{1,2}\s*(?:OOC|out of character)\b|(?m:^\s*\**(?:OOC|out of character)\**\s*[:\-–—])"
_DISCLAIMER = r"(?m:^\W*disclaimer\W*:)"
_KINDS = {
    "identity": "The reply speaks of being an AI",
    "aside": "The reply steps out of its character",
    "disclaimer": "The reply holds a disclaimer",
}


def _words(name: str) -> str:
    return alternatives(english("replies", "meta", name))


def _may() -> pl.Expr:
    """Whether a turn holds words of such talk. They are read when a check begins, so that a pack of one's own counts."""
    beings = [
        f"{article} {being}" for being in english("replies", "meta", "beings") for article in ("a", "an")
    ]
    said = [*english("replies", "meta", "said"), *english("replies", "meta", "disclaimers")]
    return holds_any(pl.col("text"), [*beings, *said, "OOC", "out of character", "disclaimer"])


def _patterns() -> Sequence[tuple[str, str]]:
    # Each list has a group of its name, so that what is found can say which it was.
    follows = rf"(?=\s*(?:$|[,;.:!?)\]–—-]|\s{_words('after')}\b))"
    am = r"I(?:['’]?m| am)(?: really| actually)?(?: just| only| merely| simply| still)?"
    identity = (
        rf"\b(?:(?:as|{am}) an? (?P<beings>{_words('beings')})\b{follows}|(?P<said>{_words('said')})\b)"
    )
    return (
        ("aside", rf"(?P<aside>{_ASIDE})"),
        ("disclaimer", rf"\b(?P<disclaimers>{_words('disclaimers')})|(?P<heading>{_DISCLAIMER})"),
        ("identity", identity),
    )


def _look_at(conversation: Conversation, turn: int) -> Iterator[Mark]:
    reply = Reply(conversation, turn)
    own, _ = told(reply.text)
    places = []
    for kind, pattern in _patterns():
        found = compiled(pattern).search(own)
        if found is not None and kind == "identity":
            # "As an AI, I cannot ...": that it refuses says more.
            found = compiled(pattern).search(_without_refusal(own, reply.text))
        if found is not None:
            places.append((found.start(), found.end(), kind, found.lastgroup or kind))
    if places:
        start, end, kind, among = min(places)
        asked = compiled(rf"\b{_words('asked')}\b")
        about = asked.search(reply.question) or asked.search(reply.system)
        evidence: Evidence = {
            "said": reply.text[start:end].strip(),
            "kind": kind,
            "list": f"meta.{among}",
            "asked": about is not None,
            "asked_by": "" if about is None else about[0],
        }
        yield Mark(turn, Span(start, end), evidence)


def _without_refusal(own: str, text: str) -> str:
    """A text without the sentence for which it is a ``reply.refusal``. Every character keeps its place."""
    refusal = refusal_in(text)
    if refusal is None:
        return own
    start, end = refusal.span
    return own[:start] + " " * (end - start) + own[end:]


def _severity(evidence: Evidence) -> Severity:
    return "info" if evidence.get("asked") else "warning"


RULES: tuple[Rule, ...] = (
    Rule(
        code="reply.meta",
        severity="warning",
        scope="turn",
        title="The reply speaks about itself",
        look_at=_look_at,
        among=REPLY & Condition(_may),
        says=lambda e: f"{_KINDS[e['kind']]}: “{e['said']}”",
        severity_of=_severity,
        where="content",
        page=Page(
            "Finds English replies in which the assistant speaks of itself: “as an AI”, its training, its policies; asides out of character (OOC);"
            " disclaimers. Quoted speech and code are left alone. Where the user's turn or the system prompt speaks of such things, it is info; a"
            " sentence that refuses as an AI is reply.refusal. The words stand in the language pack (replies.toml); what is found names"
            " them and their list.",
            "A character that says it is a language model is none, and the phrase spreads to every subject.",
            "As an AI language model, I don't have a favourite colour.",
            "There is no automatic repair. Cut the sentence where the rest of the reply stands without it.",
        ),
        fires=(
            *replied(
                "As an AI language model, I don't have feelings.",
                "I’m just an AI, but I like it.",
                "(OOC: shall we go on?)",
                "Disclaimer: all of it is made up.",
            ),
            exchange("Are you a robot?", "I am an AI assistant."),
        ),
        silent=replied(
            '"As an AI, I do not dream," said the ship.',
            "As an AI researcher, she knew better.",
            "I'm an aide to the queen.",
            "Language models predict words.",
            "He was out of character that day.",
        ),
    ),
)
