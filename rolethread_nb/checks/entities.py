"""Characters written as HTML entities where there is no HTML."""

from __future__ import annotations

import re
import unicodedata
from html.entities import name2codepoint

from ..core.model import Message, Span
from .blanks import SEEN
from .mending import breaks_json, forges_a_token, rewriting
from .prose import code
from .rule import Evidence, Page, Repair, Rule
from .vocabulary import kind, text

# HTML 4's names of Latin-1 characters and punctuation. Greek and mathematics (&sum; &phi;) look like addresses in code.
_MEANINGS = {
    name: chr(point)
    for name, point in name2codepoint.items()
    if (point < 0x180 or 0x2013 <= point <= 0x203A or point in (0x20AC, 0x2122)) and name != "not"
} | {"apos": "'"}
_AMPERSAND = "(?:amp|#0*38|#[xX]0*26);"  # what was escaped twice: &amp;lt;
_CANDIDATE = "&(?:[A-Za-z]{2,8}[0-9]{0,2}|#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6});"
_ENTITY = re.compile(
    f"&(?:{_AMPERSAND})*(?:(?P<name>{'|'.join(sorted(_MEANINGS))})|#(?P<decimal>[0-9]{{1,7}})|#[xX](?P<hex>[0-9a-fA-F]{{1,6}}));"
)
# A text with tags, or one that speaks of markup, holds its entities rightly.
_MARKUP = re.compile(
    r"</[A-Za-z][\w:\-]*\s?>|<(?:br|hr|img|input|meta|link|p|li|!DOCTYPE|\?xml)\b|\b(?:X?HTML|XML|entit(?:y|ies))\b",
    re.IGNORECASE,
)


def _meant(match: re.Match[str]) -> str | None:
    """The character of an entity; None for what no text should hold."""
    if (name := match["name"]) is not None:
        return _MEANINGS[name]
    point = int(match["decimal"]) if match["decimal"] else int(match["hex"], 16)
    if point > 0x10FFFF:
        return None
    char = chr(point)
    return char if unicodedata.category(char)[0] in "LMNPSZ" and char not in "\u2028\u2029" else None


def _found(value: str) -> list[tuple[re.Match[str], str]]:
    if _MARKUP.search(value):
        return []
    excused = code(value)
    return [
        (match, meant)
        for match in _ENTITY.finditer(value)
        if match.start() not in excused and (meant := _meant(match)) is not None
    ]


def _spans(message: Message) -> list[Span]:
    if message.kind not in ("text", "parts"):
        return []
    return [Span(*match.span()) for match, _ in _found(message.text)]


def _evidence(message: Message, span: Span) -> Evidence:
    seen = message.text[span.start : span.end]
    match = _ENTITY.match(seen)
    return {"seen": seen, "meant": None if match is None else _meant(match)}


def _once(value: str) -> str:
    parts, end = [], 0
    for match, meant in _found(value):
        parts += [value[end : match.start()], meant]
        end = match.end()
    return "".join((*parts, value[end:]))


def _mended(value: str) -> str:
    """With characters in place of entities, as long as no control string comes of it."""
    result = value
    for _ in range(8):  # what was decoded may close an entity around it
        result, before = _once(result), result
        if result == before:
            break
    worse = forges_a_token(value, result) or breaks_json(value, result)
    return value if worse or not SEEN.search(result) else result


def _turn(content: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": content}, {"role": "assistant", "content": "Hello"}]


RULES: tuple[Rule, ...] = (
    Rule(
        code="text.entity",
        severity="info",
        scope="turn",
        title="HTML entities in prose",
        when=text.contains("&") & text.matches(_CANDIDATE) & ~kind.is_in(["call", "result"]),
        needs=("&",),
        spans=_spans,
        evidence=_evidence,
        says="{seen} stands in the text where “{meant}” was meant",
        where="content",
        page=Page(
            "Finds &amp; &lt; &#39; and other entities in text. Code, text with tags, text that speaks of HTML or XML, and what tools return are left"
            " alone.",
            "The text was taken from a web page and not decoded: the model learns to write entities where nothing decodes them.",
            "R&amp;B, doesn&#39;t",
            "Puts the characters in their place. Unsafe: a text may be about the entity itself.",
        ),
        repair=Repair("unsafe", rewriting(_mended), "decode"),
        fires=(
            _turn("R&amp;B"),
            _turn("doesn&#39;t, &#x27;doped&#x27;"),
            _turn("a &lt; b &amp;&amp; c"),
            _turn("x&nbsp;y"),
            _turn("&amp;quot;"),
        ),
        silent=(
            _turn("R&B; AT&T; a&b;"),
            _turn("<p>R&amp;B</p>"),
            _turn("`&amp;` and ```\n&lt;\n```"),
            _turn("In HTML, write &amp; for an ampersand."),
            _turn("f(&sum;, &phi;)"),
            _turn("&#0; &#55296; &#9999999;"),
            [{"role": "user", "content": "Hi"}, {"role": "tool", "content": "R&amp;B"}],
        ),
    ),
)
