"""Text read in a wrong encoding."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..core.model import Message, Span
from .mending import rewriting
from .rule import Evidence, Page, Repair, Rule
from .vocabulary import text

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


def broken(value: str) -> Iterator[re.Match[str]]:
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


_REPLY = {"role": "assistant", "content": "Hello"}


def _says(content: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": content}, _REPLY]


RULES: tuple[Rule, ...] = (
    Rule(
        code="text.mojibake",
        severity="warning",
        scope="turn",
        title="Text read in a wrong encoding",
        when=text.matches(_MOJIBAKE_PATTERN),
        needs=("latin",),
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
)
