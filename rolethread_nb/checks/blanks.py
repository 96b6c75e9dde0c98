"""Blanks: what can be seen in a text, and what stands unseen at its ends."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..core.model import Conversation, Message, Span
from .latex import EATEN
from .mending import rewritten
from .mojibake import broken
from .rule import Edit, Evidence, Page, Repair, Rule
from .vocabulary import text

ZERO_WIDTH = "\u200b\u200c\u200d\u2060\ufeff\u00ad\u180e"
# Blanks in the sense of str.strip(), and what has no width at all: a text of these alone has nothing to read.
INVISIBLE_OR_BLANK = (
    " \t\n\r\x0b\x0c\x1c\x1d\x1e\x1f\x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
    + ZERO_WIDTH
)
VISIBLE = f"[^{INVISIBLE_OR_BLANK}]"
SEEN = re.compile(VISIBLE)


def stripped(value: str) -> str:
    """Without blanks at the ends."""
    start, end = inner(value)
    return value[start:end]


def inner(value: str) -> tuple[int, int]:
    """Where a text begins and ends without blanks around it. U+3000 before the first word indents it and belongs to it."""
    end = len(value.rstrip())
    start = end - len(value[:end].lstrip())
    if not value[end:].isascii():
        for match in broken(value):  # a blank that is half of a letter is none: voilÃ\u00a0
            if match.start() < end < match.end():
                end = match.end()
    while 0 < start < end and value[start - 1] == "\u3000":
        start -= 1
    if start and EATEN.match(value, start - 1):
        start -= 1  # a form feed before "rac" is what is left of \\frac, and no blank
    return start, end


def _edge_spans(message: Message) -> list[Span]:
    value = message.text
    if not SEEN.search(value):
        return []  # an empty turn is another rule's
    start, end = inner(value)
    spans = [Span(_excused(message), start), Span(end, len(value))]
    return [span for span in spans if span.end > span.start]


def _excused(message: Message) -> int:
    """The blank that a completion begins with parts it from the prompt it is joined to: it is none too many."""
    return 1 if message.pointer == "/completion" and message.parts and message.text[:1] in (" ", "\n") else 0


def _strip(conversation: Conversation, turn: int | None, evidence: Evidence) -> Sequence[Edit]:
    if turn is None:
        return []
    kept = _excused(conversation.messages[turn])
    return rewritten(
        conversation, turn, lambda value: value[:kept] + stripped(value[kept:]) if stripped(value) else value
    )


def _edge_evidence(message: Message, span: Span) -> Evidence:
    return {"where": "start" if span.end < len(message.text) else "end", "count": span.end - span.start}


def _says_edges(evidence: Evidence) -> str:
    blanks = "blank" if evidence["count"] == 1 else "blanks"
    return f"{evidence['count']} {blanks} at the {evidence['where']}"


_REPLY = {"role": "assistant", "content": "Hello"}


def _says(content: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": content}, _REPLY]


RULES: tuple[Rule, ...] = (
    Rule(
        code="text.whitespace",
        severity="info",
        scope="turn",
        title="Blanks at the edge",
        when=text.matches(r"\A[\s\x1c-\x1f]") | text.matches(r"[\s\x1c-\x1f]\z"),
        needs=("edge",),
        spans=_edge_spans,
        evidence=_edge_evidence,
        says=_says_edges,
        where="content",
        page=Page(
            "Finds blanks and line breaks at either end of a turn. A full-width blank that indents a paragraph is none, nor"
            " is the one that a completion begins with.",
            "Some templates strip them, some train on them; the model learns to begin or end with a blank.",
            '{"role": "user", "content": "Hi \\n"}',
            "Strips them. Safe: no visible character changes.",
        ),
        repair=Repair("safe", _strip, "strip"),
        fires=(_says("Hi \n"), _says("\tHi")),
        silent=(_says("Hi"), _says("\u3000段落"), _says("   "), b'{"prompt": "Hi", "completion": " Hello"}'),
    ),
)
