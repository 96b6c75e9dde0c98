"""Placeholders: what somebody meant to replace by a reply."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ...core.model import Conversation, Span
from ..rule import Evidence, Mark, Page, Rule
from ..vocabulary import text
from .looked_at import LookedAt
from .replied import Reply, exchange, replied, told

# Whole replies, in the languages where such words were seen. "todo" in small letters is left to _TODO.
_STANDS_IN = (
    r"test(?:ing)?[ _-]?\d*(?:[ ,.]+test(?:ing)?[ _-]?\d*)*|tbd|tba|to be (?:added|determined|done|written|filled(?: in)?|completed)|n/a|fixme|wip"
    r"|placeholder(?: text)?|dummy(?: text| reply| response)?|sample (?:text|reply|response|answer)|null|nan|undefined"
    r"|(?:your |the )?(?:reply|response|answer|text|output|content)(?: goes)? here|(?:insert|add|write|put) (?:your |a |the )?(?:reply|response|answer|text) here"
    r"|(?:asdf|sdf|qwer|qwert[yz]|hjkl|zxcv|dfgh)[asdfghjklqwertyzxcv;]*|foo ?bar(?: baz)?|blah(?: blah)+|xx+x+x"
    r"|platzhalter|espace réservé|à compléter|marcador de posición|por completar|a completar|segnaposto|тест|заглушка|测试|測試|占位符|佔位符|待补充|待補充"
    r"|テスト|プレースホルダー?|테스트|플레이스홀더|اختبار|تست|परीक्षण"
)
_FRAME = r"[\s\p{P}\p{S}]*"
_WHOLE = rf"^{_FRAME}(?i:{_STANDS_IN}|todo){_FRAME}$"
_WORD = re.compile(rf"[\W_]*({_STANDS_IN}|todo)[\W_]*", re.IGNORECASE)
_HOLDS = re.compile(r"(?i:\blorem ipsum\b)|\b(?:TODO|FIXME)(?:\([^()\n]{1,40}\))?:")
_COMMENT = re.compile(r"(?m)^.*(?://|#|--|/\*|<!--|;;|%|\{/\*|'').*\b(?:TODO|FIXME)\b.*$")
_LONG = 80  # characters: a longer reply is no placeholder as a whole
_ASKED = re.compile(r"to-?do|lorem|fixme|placeholder|filler text|dummy text|tbd", re.IGNORECASE)
# Languages in which "todo" is a word: their letters, and a few of their most frequent words.
_TODO = re.compile(
    r"[¿¡ñáéíóúãõçêâô]|\b(?:que|de|el|la|los|las|un|una|por|para|con|es|eu|você|não|uma|os|eso|esto|isso|quiero|quieres|hola|oi|olá)\b",
    re.IGNORECASE,
)


def _whole(reply: Reply) -> Span | None:
    """The placeholder that a reply consists of."""
    found = _WORD.fullmatch(reply.text)
    if found is None:
        return None
    word, asked = found[1].casefold(), reply.question
    if (
        word == "todo"
        and found[1] != "TODO"
        and (found[1] != reply.text.strip() or not _means_to_do(found[1], asked))
    ):
        return None
    named = rf"(?<!\w){re.escape(word)}(?!\w)"
    if _WORD.fullmatch(asked) is None and (
        re.search(named, asked.casefold()) or re.search(named, reply.system.casefold())
    ):
        return None  # an answer that was offered
    return Span(*found.span(1))


def _means_to_do(word: str, question: str) -> bool:
    """Whether "todo" is no word of a sentence: in small letters, after a turn in none of the languages that have it."""
    return word == "todo" and bool(question) and _TODO.search(question) is None


def _part(reply: Reply) -> Span | None:
    """The placeholder that stands in a reply."""
    if _ASKED.search(reply.question) or _ASKED.search(reply.system):
        return None
    own, _ = told(reply.text)
    found = _HOLDS.search(_COMMENT.sub(lambda line: " " * len(line[0]), own))
    return None if found is None else Span(*found.span())


class _Placeholders(LookedAt):
    """Looks at replies that hold such words."""

    def __init__(self, characters: float) -> None:
        may = text.matches(_WHOLE) | text.contains("TODO", "FIXME") | text.matches("(?i)lorem ipsum")
        super().__init__(may.compile(), self._marks)
        self._longest = characters

    def _marks(self, conversation: Conversation, turn: int) -> Iterator[Mark]:
        reply = Reply(conversation, turn)
        whole = _whole(reply) if len(reply.text) <= self._longest else None
        span = whole or _part(reply)
        if span is not None:
            evidence: Evidence = {
                "said": reply.text[span.start : span.end],
                "whole": whole is not None,
                "list": "words that stand for a reply" if whole is not None else "words that are left over",
                "characters": len(reply.text),
                "threshold": self._longest,
            }
            yield Mark(turn, span, evidence)


RULES: tuple[Rule, ...] = (
    Rule(
        code="reply.placeholder",
        severity="warning",
        scope="turn",
        title="A placeholder instead of a reply",
        wave=_Placeholders,
        thresholds={"characters": _LONG},
        says=lambda e: (
            f"{'The whole reply is' if e['whole'] else 'The reply holds'} the placeholder “{e['said']}”"
        ),
        where="content",
        page=Page(
            "Finds replies of up to 80 characters (characters) that are nothing but a placeholder (test, TODO, tbd, n/a, asdf, null, and words for it in other languages), and replies of any length that"
            " hold lorem ipsum or TODO: in capitals. A word that the question or the system prompt offers as an answer, code, quoted speech, and lists of"
            " things to do that were asked for are left alone; so is “todo” in small letters after a turn in a language that has the word.",
            "The model learns that an empty form is an answer.",
            '{"role": "assistant", "content": "TODO"}',
        ),
        fires=(
            *replied(
                "test",
                "TBD.",
                "n/a",
                "asdf",
                "TODO",
                "Lorem ipsum dolor sit amet.",
                "Yes. TODO: say why.",
                "测试",
            ),
            exchange("Hi", "todo"),
        ),
        silent=(
            *replied(
                "The latest contest.",
                "This is a test of your faith.",
                "Lo sé todo.",
                "```\n# TODO: sort\n```",
                "N",
            ),
            exchange("¿Qué quieres?", "todo"),
            exchange("Is it a test or an exam?", "test"),
            exchange("Write my to-do list.", "TODO: buy milk"),
        ),
    ),
)
