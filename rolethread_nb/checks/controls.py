"""Control characters inside text."""

from __future__ import annotations

import re
import unicodedata

from ..core.model import Message, Span
from .blanks import SEEN, inner, stripped
from .latex import EATEN, meant_by
from .mending import forges_a_token, rewriting
from .rule import Evidence, Page, Repair, Rule
from .vocabulary import text

# C0 but tab, newline and carriage return; and delete. The second set, C1, is what a wrong encoding leaves (text.mojibake).
_CANDIDATE = "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]"
# A code point whose first two digits were read as an escape of their own: "\u00b7" became U+0000 and "b7".
_TORN = "\x00[a-f][0-9](?![0-9])"
_CONTROL = re.compile(
    f"(?P<eaten>{EATEN.pattern})|(?P<torn>{_TORN})|(?:(?!{EATEN.pattern}|{_TORN}){_CANDIDATE})+"
)
_NAMES = {
    "\x00": "null",
    "\x07": "bell",
    "\x08": "backspace",
    "\x0b": "vertical tab",
    "\x0c": "form feed",
    "\x1a": "substitute",
    "\x1b": "escape",
    "\x7f": "delete",
}


def _meant(match: re.Match[str]) -> str | None:
    """What stood there before an escape was misread, if that is evident."""
    if match["eaten"] is not None:
        return meant_by(match.group())
    if match["torn"] is not None:
        char = chr(int(match.group()[1:3], 16))
        return char if unicodedata.category(char)[0] in "LPSN" else None
    return None


def _spans(message: Message) -> list[Span]:
    value = message.text
    if not SEEN.search(value):
        return []  # an empty turn is another rule's
    start, end = inner(value)  # and so are blanks at the ends
    return [Span(*match.span()) for match in _CONTROL.finditer(value, start, end)]


def _evidence(message: Message, span: Span) -> Evidence:
    match = _CONTROL.match(message.text, span.start)
    seen = message.text[span.start : span.end]
    char = seen[0]
    return {
        "character": f"U+{ord(char):04X}",
        "name": _NAMES.get(char, "control character"),
        "meant": None if match is None else _meant(match),
        "count": 1 if match is not None and _meant(match) else len(seen),
    }


def _says(evidence: Evidence) -> str:
    what = f"{evidence['character']} ({evidence['name']})"
    if evidence["meant"] is not None:
        return f"{what} stands in the text where “{evidence['meant']}” was meant"
    times = "" if evidence["count"] == 1 else f", {evidence['count']} times"
    return f"{what} stands in the text{times}"


def _mended(value: str) -> str:
    """With what was meant where that is evident, and without the other control characters. Never empty."""
    result = stripped(_CONTROL.sub(lambda match: _meant(match) or "", value))
    return value if not SEEN.search(result) or forges_a_token(value, result) else result


def _turn(content: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": content}, {"role": "assistant", "content": "Hello"}]


RULES: tuple[Rule, ...] = (
    Rule(
        code="text.control",
        severity="warning",
        scope="turn",
        title="Control characters",
        when=text.matches(f"(?-u:{_CANDIDATE})"),
        needs=("control",),
        spans=_spans,
        evidence=_evidence,
        says=_says,
        where="content",
        page=Page(
            "Finds control characters inside text; tab, newline and carriage return are none. A form feed before “rac” is named for what it was:"
            " the \\f of \\frac, read as an escape.",
            "They are odd tokens that nobody sees, and the formula or letter they come from is broken: the model learns to write it so.",
            "A form feed in \\(\\x0crac{1}{2}\\).",
            "Puts back what was meant where that is evident, and removes the others. Unsafe: a removed character may have stood for another one.",
        ),
        repair=Repair("unsafe", rewriting(_mended), "restore or remove"),
        fires=(
            _turn("\\(\x0crac{y - 19}{x}\\)"),
            _turn("\x0crac{1}{2}"),
            _turn("\x08eta"),
            _turn("a\x00b"),
            _turn("the \x00b7Platform\x00b7"),
            _turn("a\x7fb"),
            _turn("\x1b[31mred"),
        ),
        silent=(_turn("a\tb\r\nc"), _turn("Hi\x0c"), _turn("\x1f"), _turn("x\x85y"), _turn("\\frac")),
    ),
)
