"""Escapes that were never decoded: a backslash and an n where a line should end."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from ..core.model import Message, Span
from .blanks import SEEN, stripped
from .latex import LIKE_ESCAPES
from .mending import breaks_json, forges_a_token, rewriting
from .prose import code
from .rule import Evidence, Page, Repair, Rule
from .vocabulary import kind, text

_CANDIDATE = r'\\[nrt"]|\\u[0-9a-fA-F]{4}'
_ESCAPE = re.compile(r'(?:\\[nrt])+|\\"|(?:\\u[0-9a-fA-F]{4})+')
_QUOTED = re.compile(r'(?<!\\)"')
# JSON, program code, TeX, or a text that speaks of escapes: there they are right.
_ELSEWHERE = re.compile(
    r"\"\s?:\s?[\"{\[\d]|[{\[]\s*\"|\{\\\"|\w\([\"'`]"  # JSON, and calls with a string
    r"|\\\\|\\[A-Za-mo-qsv-z](?:[A-Za-z]|\[)|\$\$|\d ?[\^_] ?\{"  # TeX, and other languages of backslashes
    r"|\b(?:regex|newlines?|escape[sd]?|backslash|grep|sed)\b"
    r"|^\s*(?:def|import|return|const|var|let|function|public|#include)\s[\w\"<{ ]|;$",  # a line of code
    re.MULTILINE,
)
_SHOWN = 40  # characters of an escape in a message
_AROUND = 60  # characters of the word around an escape that are looked at
_PATH = re.compile(r"[\\/~]|\b[A-Za-z]: |\.[A-Za-z0-9]")
_DRIVE = re.compile(r"\b[A-Za-z]:(?:\\|\Z)")
_LETTERS = re.compile("[A-Za-z]+")
# Names of files and folders that begin with n, as in data\names.
_FOLDERS = frozenset(
    "new names name node nodes null next notes news net network number numbers nav npm none not".split()
)


def _word(value: str, start: int, end: int) -> str:
    """What stands without blanks around a place, at most so many characters to each side."""
    before = re.split(r"\s", value[max(0, start - _AROUND) : start])[-1]
    after = re.split(r"\s", value[end : end + _AROUND])[0]
    return f"{before} {after}" if _DRIVE.search(before) else re.sub(r"\\[nrt]", " ", f"{before} {after}")


def _is_break(value: str, match: re.Match[str]) -> bool:
    """Whether line breaks or tabs were meant, and not a command, a path or a pattern. In doubt it is not."""
    seen, start, end = match.group(), match.start(), match.end()
    before, after = value[start - 1 : start], value[end : end + 1]
    if (before and before in "[(/|^") or (after and after in "+?{|]/`"):
        return False  # a pattern
    if after and after in "\"'" and value[end + 1 : end + 2] in (")", ",", ";", "]", before):
        return False  # a string of a program
    if _PATH.search(_word(value, start, end)):
        return False
    single = len(seen) == 2
    if not "a" <= after <= "z":
        return not (single and seen != "\\n" and before.isalnum() and after.isalnum())
    # Behind it goes a small letter: a command, a folder, or a line that goes on.
    letters = _LETTERS.match(value, end - 1, end + _AROUND)
    name = "" if letters is None else letters.group()
    if name in LIKE_ESCAPES:
        return False
    return not single or (seen == "\\n" and before != "" and not (before.isalnum() and name in _FOLDERS))


def decoded(seen: str) -> str | None:
    """The characters that an escape stands for; None for halves of pairs and what no text should hold."""
    if seen.startswith("\\u"):
        units = bytes.fromhex(seen.replace("\\u", ""))
        try:
            meant = units.decode("utf-16-be")
        except UnicodeDecodeError:
            return None
        sound = all(
            unicodedata.category(char)[0] in "LMNPSZ" and char not in "\\\u2028\u2029" for char in meant
        )
        return meant if sound else None
    return (
        seen.replace("\\r\\n", "\n")
        .replace("\\n", "\n")
        .replace("\\r", "\n")
        .replace("\\t", "\t")
        .replace('\\"', '"')
    )


def _found(value: str) -> Iterator[tuple[int, int, str]]:
    if _ELSEWHERE.search(value):
        return
    excused = code(value)
    quoted = '\\"' in value and not _QUOTED.search(value) and value.count('\\"') % 2 == 0
    for match in _ESCAPE.finditer(value):
        seen = match.group()
        if match.start() in excused or (meant := decoded(seen)) is None:
            continue
        if seen == '\\"':
            right = quoted
        elif seen.startswith("\\u"):
            right = value[match.start() - 1 : match.start()] not in ("\\", "[", "-")
        else:
            right = _is_break(value, match)
        if right:
            yield (*match.span(), meant)


def _spans(message: Message) -> list[Span]:
    if message.kind not in ("text", "parts"):
        return []
    return [Span(start, end) for start, end, _ in _found(message.text)]


def _evidence(message: Message, span: Span) -> Evidence:
    seen = message.text[span.start : span.end]
    return {"seen": seen, "meant": decoded(seen)}


def _says(evidence: Evidence) -> str:
    seen, meant = evidence["seen"], evidence["meant"] or ""
    if len(seen) > _SHOWN:
        seen = seen[:_SHOWN] + "…"
    if meant.strip("\n\t"):
        return f"{seen} stands in the text where “{meant[:_SHOWN]}” was meant"
    what = "a tab" if meant == "\t" else "a line break" if meant == "\n" else "line breaks"
    return f"{seen} stands in the text where {what} {'were' if what == 'line breaks' else 'was'} meant"


def _mended(value: str) -> str:
    """With the characters that escapes stand for, as long as no control string comes of it. Never empty."""
    result = value
    for _ in range(8):
        parts, end = [], 0
        for start, stop, meant in _found(result):
            parts += [result[end:start], meant]
            end = stop
        if not parts:
            break
        result = "".join((*parts, result[end:]))
    if result != value:
        result = stripped(result)
    worse = forges_a_token(value, result) or breaks_json(value, result)
    return value if worse or not SEEN.search(result) else result


def _turn(content: str, role: str = "user") -> list[dict[str, str]]:
    return [{"role": role, "content": content}, {"role": "assistant", "content": "Hello"}]


RULES: tuple[Rule, ...] = (
    Rule(
        code="text.escape",
        severity="info",
        scope="turn",
        title="Escapes in prose",
        when=text.contains("\\") & text.matches(_CANDIDATE) & ~kind.is_in(["call", "result"]),
        needs=("\\",),
        spans=_spans,
        evidence=_evidence,
        says=_says,
        where="content",
        page=Page(
            "Finds a backslash with n, t, r, a quotation mark or u and four digits, written out in prose. Code, JSON, LaTeX, paths, patterns, and text that"
            " speaks of escapes are left alone; where it is not certain, nothing is said.",
            "The text was encoded once too often: the model learns to write \\n instead of ending the line.",
            "Follow these steps:\\n1. Read the task.",
            "Puts the characters in their place. Unsafe: a text may be about the escape itself.",
        ),
        repair=Repair("unsafe", rewriting(_mended), "decode"),
        fires=(
            _turn("Follow these steps:\\n1. Read the task."),
            _turn("Indeed it does.\\r"),
            _turn("First line.\\nsecond line"),
            _turn("deep.\\n\\nanswer this"),
            _turn('He said \\"hello\\" to me.'),
            _turn("caf\\u00e9 \\ud83d\\ude00"),
        ),
        silent=(
            _turn("$\\nu \\neq \\theta$ and \\text{a} \\times b"),
            _turn("C:\\new\\test and data\\names.csv, src\\test"),
            _turn('{"a": "b\\nc", "d": "\\"e\\""}'),
            _turn('```\nprintf("%d\\n");\n``` and `\\n`'),
            _turn('print("a\\n")'),
            _turn("/a\\n+/ and [\\u4e00-\\u9fa5]"),
            _turn("Use \\n for a newline."),
            _turn("\\ud83d alone"),
            [{"role": "user", "content": "Hi"}, {"role": "tool", "content": "a\\nb"}],
        ),
    ),
)
