"""Characters that nobody sees and that do no work in the text."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..core.model import Message, Span
from .blanks import VISIBLE, stripped
from .mending import rewriting
from .mojibake import broken
from .prose import Stretches
from .rule import Evidence, Page, Repair, Rule
from .vocabulary import text

_CANDIDATE = "[\u200b\ufeff\u00ad\u202a-\u202e\u2066-\u2069\U000e0000-\U000e007f]"
_INVISIBLE = re.compile(_CANDIDATE)
_NAMES = {
    "\u200b": "zero-width space",
    "\ufeff": "byte order mark",
    "\u00ad": "soft hyphen",
    "\u202a": "bidi embedding",
    "\u202b": "bidi embedding",
    "\u202d": "bidi override",
    "\u202e": "bidi override",
    "\u202c": "bidi pop",
    "\u2066": "bidi isolate",
    "\u2067": "bidi isolate",
    "\u2068": "bidi isolate",
    "\u2069": "bidi pop isolate",
}
# Scripts written without blanks, in which U+200B marks where a line may break: Thai, Lao, Myanmar, Khmer, Tibetan, and others.
_BREAKS_WITHOUT_BLANKS = (
    "\u0e00-\u0eff\u0f00-\u0fff\u1000-\u109f\u1780-\u17ff\u1950-\u19df\u1a20-\u1aaf\ua9e0-\ua9ff\uaa60-\uaa7f"
)
_BETWEEN_LETTERS = re.compile(f"(?<=[{_BREAKS_WITHOUT_BLANKS}])\u200b+(?=[{_BREAKS_WITHOUT_BLANKS}])")
_FLAG = re.compile("\U0001f3f4[\U000e0020-\U000e007e]+\U000e007f")
_RTL = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff]")
_OPENS, _CLOSES = (
    {"\u202a": "\u202c", "\u202b": "\u202c", "\u202d": "\u202c", "\u202e": "\u202c"},
    {"\u202c", "\u2069"},
)
_OPENS |= {"\u2066": "\u2069", "\u2067": "\u2069", "\u2068": "\u2069"}


def invisible_positions(value: str) -> list[int]:
    """Positions of characters that nobody sees and that do no work in the text."""
    excused: set[int] = set()
    for pattern in (_BETWEEN_LETTERS, _FLAG):
        for match in pattern.finditer(value):
            excused.update(range(*match.span()))
    stack: list[tuple[str, int]] = []
    right_to_left = _RTL.search(value) is not None
    for at, char in enumerate(value):
        if char in _OPENS:
            stack.append((_OPENS[char], at))
        elif char in _CLOSES and stack and stack[-1][0] == char:
            excused.update((stack.pop()[1], at))
    found = []
    for match in _INVISIBLE.finditer(value):
        at, char = match.start(), match.group()
        bidi = char in _OPENS or char in _CLOSES
        if at not in excused and not (bidi and right_to_left):
            found.append(at)
    if found:  # half of a letter that was read in a wrong encoding: taking it away would lose the letter
        letters = Stretches(match.span() for match in broken(value))
        found = [at for at in found if at not in letters]
    return found


def _runs(positions: Sequence[int]) -> list[Span]:
    spans: list[Span] = []
    for at in positions:
        if spans and spans[-1].end == at:
            spans[-1] = Span(spans[-1].start, at + 1)
        else:
            spans.append(Span(at, at + 1))
    return spans


def _invisible_spans(message: Message) -> list[Span]:
    return _runs(invisible_positions(message.text))


def _without_invisible(value: str) -> str:
    """Without invisible characters, nor the blanks at the ends that stood behind them. Never empty."""
    gone = set(invisible_positions(value))
    if not gone:
        return value
    return stripped("".join(char for at, char in enumerate(value) if at not in gone)) or value


def _invisible_evidence(message: Message, span: Span) -> Evidence:
    char = message.text[span.start]
    name = _NAMES.get(char, "tag character")
    return {"character": f"U+{ord(char):04X}", "name": name, "count": span.end - span.start}


def _says_invisible(evidence: Evidence) -> str:
    times = "" if evidence["count"] == 1 else f", {evidence['count']} times"
    return f"{evidence['character']} ({evidence['name']}) in the text{times}"


_REPLY = {"role": "assistant", "content": "Hello"}


def _says(content: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": content}, _REPLY]


RULES: tuple[Rule, ...] = (
    Rule(
        code="text.invisible",
        severity="warning",
        scope="turn",
        title="Invisible characters",
        when=text.matches(_CANDIDATE) & text.matches(VISIBLE),
        needs=("invisible",),
        spans=_invisible_spans,
        evidence=_invisible_evidence,
        says=_says_invisible,
        where="content",
        page=Page(
            "Finds zero-width spaces, byte order marks, soft hyphens, tag characters and unpaired direction controls inside text."
            " Joiners in Persian, Indic scripts and emoji, direction marks in right-to-left text, breaks between Khmer, Thai,"
            " Lao or Myanmar letters, and flags are none.",
            "They split words into odd tokens, and the model learns to write them.",
            "A word copied from a web page with U+200B in it.",
            "Removes them. Safe: nothing that is seen changes.",
        ),
        repair=Repair("safe", rewriting(_without_invisible), "remove"),
        fires=(
            _says("zero\u200bwidth"),
            _says("\ufeffHi"),
            _says("soft\u00adhyphen"),
            _says("a\u202eb"),
            _says("a\U000e0041b"),
        ),
        silent=(
            _says("می\u200cخواهم"),
            _says("👩\u200d🚀"),
            _says("क\u094d\u200dष"),
            _says("שלום\u200f!"),
            _says("\u202bשלום\u202c"),
            _says("ភាសា\u200bខ្មែរ"),
            _says("🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"),
        ),
    ),
)
