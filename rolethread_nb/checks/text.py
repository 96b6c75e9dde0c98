"""Rules about text itself: blanks, broken encodings, characters nobody sees."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from ..core.model import Conversation, Message, Span
from .rule import Edit, Evidence, Mend, Page, Repair, Rule
from .vocabulary import text

# ---------------------------------------------------------------- what counts as invisible

ZERO_WIDTH = "\u200b\u200c\u200d\u2060\ufeff\u00ad\u180e"
# Blanks in the sense of str.strip(), and what has no width at all: a text of these alone has nothing to read.
INVISIBLE_OR_BLANK = (
    " \t\n\r\x0b\x0c\x1c\x1d\x1e\x1f\x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
    + ZERO_WIDTH
)
VISIBLE = f"[^{INVISIBLE_OR_BLANK}]"
_SEEN = re.compile(VISIBLE)
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
        broken = [match.span() for match in _broken(value)]
        found = [at for at in found if not any(start <= at < end for start, end in broken)]
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
    return _stripped("".join(char for at, char in enumerate(value) if at not in gone)) or value


def _invisible_evidence(message: Message, span: Span) -> Evidence:
    char = message.text[span.start]
    name = _NAMES.get(char, "tag character")
    return {"character": f"U+{ord(char):04X}", "name": name, "count": span.end - span.start}


# ---------------------------------------------------------------- blanks at the ends


def _stripped(value: str) -> str:
    """Without blanks at the ends."""
    start, end = _inner(value)
    return value[start:end]


def _inner(value: str) -> tuple[int, int]:
    """Where a text begins and ends without blanks around it. U+3000 before the first word indents it and belongs to it."""
    end = len(value.rstrip())
    start = end - len(value[:end].lstrip())
    if end < len(value):
        for match in _broken(value):  # a blank that is half of a letter is none: voilÃ\u00a0
            if match.start() < end < match.end():
                end = match.end()
    while 0 < start < end and value[start - 1] == "\u3000":
        start -= 1
    return start, end


def _edge_spans(message: Message) -> list[Span]:
    value = message.text
    if not _SEEN.search(value):
        return []  # an empty turn is another rule's
    start, end = _inner(value)
    spans = [Span(0, start), Span(end, len(value))]
    return [span for span in spans if span.end > span.start]


def _edge_evidence(message: Message, span: Span) -> Evidence:
    return {"where": "start" if span.start == 0 else "end", "count": span.end - span.start}


# ---------------------------------------------------------------- mojibake

# UTF-8 read byte by byte as Latin-1 or Windows-1252: a lead byte (C2 to F4) followed by continuation bytes, both as they look
# in those encodings.
_CP1252 = "€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ"
_CONTINUES = f"[\u0080-\u00bf{_CP1252}]"
_MOJIBAKE_PATTERN = f"[\u00c2-\u00df]{_CONTINUES}|[\u00e0-\u00ef]{_CONTINUES}{{2}}|[\u00f0-\u00f4]{_CONTINUES}{{3}}|\ufffd+|[\u0080-\u0084\u0086-\u009f]+"
_MOJIBAKE = re.compile(f"(?:{_MOJIBAKE_PATTERN})+")


def _as_bytes(value: str) -> bytes:
    """The bytes that a text had before it was read in the wrong encoding."""
    parts = []
    for char in value:
        try:
            parts.append(char.encode("cp1252"))
        except UnicodeEncodeError:
            parts.append(char.encode("latin-1"))
    return b"".join(parts)


def demojibake(value: str) -> str | None:
    """The text that was meant, or None if the characters are not UTF-8 read in a wrong encoding.

    A capital letter with an accent before a quotation mark or a dash (``VOILÀ»``, ``Ã–``) is legal text, so a
    pair must decode to a letter, or to a mark that is common in prose.
    """
    try:
        meant = _as_bytes(value).decode("utf-8")
    except UnicodeError:
        return None
    return meant if len(meant) < len(value) else None


_COMMON_MARKS = frozenset("‘’“”„–—…•·«»°£€©®™×÷¿¡ª²³½¼¾º\u00a0\u200b\ufeff\u200d\u200e\u200f")


# What stands behind a letter with an accent in sound text: blanks, closing marks, dashes, signs.
_AFTER_A_LETTER = frozenset("\u00a0»«›‹”“„’‘‚–—…•·¡¿®©™°§¶¹²³€£¥¢ªº±¬¦")
_LENGTHS = {0xC: 2, 0xD: 2, 0xE: 3, 0xF: 4}  # bytes of a UTF-8 character by its lead byte


def _meant(match: re.Match[str]) -> str | None:
    """What a match stands for, if that is what people write: letters, common marks, symbols beyond Latin."""
    seen, value = match.group(), match.string
    meant = demojibake(seen)
    if meant is None:
        return None
    one = len(seen) == _LENGTHS[ord(seen[0]) >> 4] and not seen.startswith("â€")
    if one and all(char in _AFTER_A_LETTER for char in seen[1:]):
        # A letter and what is written after it: „MENÜ“, « café », CAFÉ™. Ã and Â are letters only at the end of a word in capitals.
        before, after = value[match.start() - 1 : match.start()], value[match.end() : match.end() + 1]
        if seen[0] not in "ÂÃ" or (before.isupper() and not after.isalpha()):
            return None
    sound = (
        char.isalpha() or char in _COMMON_MARKS or ord(char) > 0x2000 or 0x300 <= ord(char) < 0x370
        for char in meant
    )
    return meant if all(sound) else None


def _broken(value: str) -> Iterator[re.Match[str]]:
    """The places of ``value`` where UTF-8 was read in a wrong encoding, and what was meant is known."""
    return (match for match in _MOJIBAKE.finditer(value) if _meant(match) is not None)


def _mojibake_spans(message: Message) -> list[Span]:
    spans = []
    for match in _MOJIBAKE.finditer(message.text):
        seen = match.group()
        if seen.strip("\ufffd") == "":
            spans.append(Span(*match.span()))
        elif demojibake(seen) is not None:
            if _meant(match) is not None:
                spans.append(Span(*match.span()))
        else:
            spans.extend(
                Span(match.start() + part.start(), match.start() + part.end())
                for part in re.finditer("[\u0080-\u0084\u0086-\u009f]+|\ufffd+", seen)
            )
    return spans


def _mojibake_evidence(message: Message, span: Span) -> Evidence:
    seen = message.text[span.start : span.end]
    meant = demojibake(seen)
    if "\ufffd" in seen:
        return {
            "seen": seen,
            "meant": None,
            "what": "a replacement character stands where a character was lost",
        }
    if meant is None:
        return {"seen": seen, "meant": None, "what": "a control character from a wrong encoding"}
    return {"seen": seen, "meant": meant, "what": f"“{_shown(seen)}” stands where “{meant}” was meant"}


def _shown(value: str) -> str:
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in value)


def _remade(value: str) -> str:
    def mend(match: re.Match[str]) -> str:
        meant = _meant(match)
        return match.group() if meant is None else meant

    return _MOJIBAKE.sub(mend, value)


# ---------------------------------------------------------------- mending


def rewriting(change: Callable[[str], str]) -> Mend:
    """A mend that rewrites the text of a turn, also inside typed parts."""

    def mend(conversation: Conversation, turn: int | None, evidence: Evidence) -> Sequence[Edit]:
        if turn is None:
            return []
        message = conversation.messages[turn]
        if isinstance(message.content, str):
            pieces = [(message.content_pointer, message.content)]
        elif isinstance(message.content, list):
            pieces = [
                (f"{message.content_pointer}/{at}/text", part["text"])
                for at, part in enumerate(message.content)
                if isinstance(part, dict) and isinstance(part.get("text"), str)
            ]
        else:
            return []
        return [Edit(path, before, after) for path, before in pieces if (after := change(before)) != before]

    return mend


def _says_edges(evidence: Evidence) -> str:
    blanks = "blank" if evidence["count"] == 1 else "blanks"
    return f"{evidence['count']} {blanks} at the {evidence['where']}"


def _says_invisible(evidence: Evidence) -> str:
    times = "" if evidence["count"] == 1 else f", {evidence['count']} times"
    return f"{evidence['character']} ({evidence['name']}) in the text{times}"


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
        spans=_edge_spans,
        evidence=_edge_evidence,
        says=_says_edges,
        where="content",
        page=Page(
            "Finds blanks and line breaks at either end of a turn. A full-width blank that indents a paragraph is none.",
            "Some templates strip them, some train on them; the model learns to begin or end with a blank.",
            '{"role": "user", "content": "Hi \\n"}',
            "Strips them. Safe: no visible character changes.",
        ),
        repair=Repair("safe", rewriting(lambda value: _stripped(value) or value), "strip"),
        fires=(_says("Hi \n"), _says("\tHi")),
        silent=(_says("Hi"), _says("\u3000段落"), _says("   ")),
    ),
    Rule(
        code="text.mojibake",
        severity="warning",
        scope="turn",
        title="Text read in a wrong encoding",
        when=text.matches(_MOJIBAKE_PATTERN),
        beyond_ascii=True,
        spans=_mojibake_spans,
        evidence=_mojibake_evidence,
        says=lambda e: e["what"][0].upper() + e["what"][1:],
        where="content",
        page=Page(
            "Finds UTF-8 that was read as Latin-1 or Windows-1252, C1 control characters, and U+FFFD.",
            "The model learns to write the broken characters.",
            "FranÃ§oise, â€™",
            "Reads the bytes as UTF-8 again, where that gives letters. Unsafe: what was lost stays lost.",
        ),
        repair=Repair("unsafe", rewriting(_remade), "read as UTF-8 again"),
        fires=(
            _says("FranÃ§oise"),
            _says("itâ€™s"),
            _says("Belle Ã\x89poque"),
            _says("caf\ufffd"),
            _says("x\x93y\x94"),
        ),
        silent=(
            _says("São João, AÇÃO, Ã"),
            _says("«VOILÀ»"),
            _says("Ünïcödé — naïve, Málaga"),
            _says("MAÇÃ – IRMÃ—"),
            _says("5 × 3 ± 2 °C"),
            _says("Nästa år på ön"),
        ),
    ),
    Rule(
        code="text.invisible",
        severity="warning",
        scope="turn",
        title="Invisible characters",
        when=text.matches(_CANDIDATE) & text.matches(VISIBLE),
        beyond_ascii=True,
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
