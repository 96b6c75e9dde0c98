"""Rules about files: what cannot be read, and what only some readers can."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..core.model import Conversation
from ..sources.decoding import Bad, clean_text, decode
from .mending import rewriting
from .rule import ESCAPE, Edit, Evidence, Page, Repair, Rule


def _escape_separators(conversation: Conversation, turn: int | None, evidence: Evidence) -> Sequence[Edit]:
    return [Edit("", ", ".join(evidence["characters"]), ESCAPE)]


def _no_edits(conversation: Conversation, turn: int | None, evidence: Evidence) -> Sequence[Edit]:
    return []  # bytes outside of any conversation; the plan sees to them


_STRING_OR_COMMA = re.compile(rb'"(?:[^"\\]|\\.)*"|,(?=[ \t\r\n]*[\]}])', re.DOTALL)


def _without_commas(data: bytes) -> bytes | None:
    """The record without commas before a closing bracket, if it parses then."""
    mended = _STRING_OR_COMMA.sub(lambda match: match.group() if match.group()[:1] == b'"' else b"", data)
    return None if isinstance(decode(mended), Bad) else mended


def _says_bad_json(evidence: Evidence) -> str:
    if evidence.get("container"):
        return f"The records can be read, but the file is not valid JSON: {evidence['reason']}"
    column = f" (column {evidence['column']})" if evidence.get("column") else ""
    return f"The record does not parse: {evidence['reason']}{column}"


_LINE = '{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}'

RULES: tuple[Rule, ...] = (
    Rule(
        code="file.not_utf8",
        severity="error",
        scope="record",
        title="Bytes that are not UTF-8",
        says="The record cannot be read: {reason}",
        page=Page(
            "Finds records with bytes that are not valid UTF-8. UTF-16 and compressed files are recognised by their first bytes and read.",
            "Every trainer reads UTF-8; one foreign byte makes most of them refuse the whole file.",
            "A file saved as Latin-1, where é is the single byte 0xE9.",
        ),
        fires=(b'{"messages": [{"role": "user", "content": "caf\xe9"}]}\n',),
        silent=('{"messages": [{"role": "user", "content": "café"}]}\n'.encode("utf-16"),),
    ),
    Rule(
        code="file.bad_json",
        severity="error",
        scope="record",
        title="A record that does not parse",
        says=_says_bad_json,
        page=Page(
            "Finds records that are not valid JSON, with line, column and reason. A download that broke off is named as such.",
            "Some loaders stop at the first such line, others drop it without a word.",
            '{"messages": [{"role": "user", "content": "Hi"},]}',
            "Leaves out commas before a closing bracket. Unsafe: an element may be missing after the comma. Other damage has no repair.",
        ),
        repair=Repair(
            "unsafe",
            _no_edits,
            "leave the comma out",
            rewrite=_without_commas,
            fits=lambda evidence: (
                str(evidence["reason"]).startswith("a comma before") and not evidence.get("container")
            ),
        ),
        fires=(
            b"[" + _LINE.encode() + b",]",
            b'{"messages": [{"role": "user", "content": "Hi"},]}\n' + _LINE.encode(),
            b'{"messages": [{"role": "us',
        ),
        silent=(
            _LINE.encode(),
            b"\n\n" + _LINE.encode() + b"\n\n",
            b"[" + _LINE.encode() + b",\n" + _LINE.encode() + b"]",
        ),
    ),
    Rule(
        code="file.bom",
        severity="info",
        scope="file",
        title="A byte order mark at the start",
        says="The file begins with a byte order mark, which some trainers take for part of the first record",
        page=Page(
            "Finds a UTF-8 byte order mark (EF BB BF) at the start of a file.",
            "Readers that do not expect it fail on the first line, or lose it.",
            "A file saved by an editor as “UTF-8 with BOM”.",
            "Leaves the three bytes out of an export. Safe: no text changes.",
        ),
        repair=Repair("safe", _no_edits, "leave the mark out"),
        fires=(b"\xef\xbb\xbf" + _LINE.encode(),),
        silent=(_LINE.encode(),),
    ),
    Rule(
        code="file.control_separator",
        severity="info",
        scope="record",
        title="A line separator inside text",
        says=lambda e: (
            f"{e.get('character') or ', '.join(e['characters'])} stands inside a string; readers that cut"
            " lines there tear the record apart"
        ),
        page=Page(
            "Finds U+2028, U+2029, U+0085, vertical tabs and form feeds that stand raw inside a string.",
            "Readers built on a general line splitter (Python's str.splitlines) cut the record in two and lose both halves.",
            "Text pasted from a PDF or a web page, with U+2028 between two paragraphs.",
            "Writes the character as a \\u escape. Safe: the text stays the same.",
        ),
        repair=Repair("safe", _escape_separators, "write as an escape"),
        fires=('{"messages": [{"role": "user", "content": "a\u2028b"}]}'.encode(),),
        silent=(b'{"messages": [{"role": "user", "content": "a\\u2028b"}]}',),
    ),
    Rule(
        code="file.duplicate_key",
        severity="warning",
        scope="record",
        title="A key that stands twice",
        says=lambda e: (
            f"{_quoted(e['keys'])} {'stands' if len(e['keys']) == 1 else 'stand'} twice in one object; readers keep only the last"
        ),
        page=Page(
            "Finds objects in which a key occurs more than once.",
            "JSON readers keep the last value without a word, so text is lost; some refuse the file.",
            '{"role": "user", "content": "one", "content": "two"}',
        ),
        fires=(b'{"messages": [{"role": "user", "content": "one", "content": "two"}]}',),
        silent=(
            b'{"messages": [{"role": "user", "content": "say \\"a\\": 1, \\"a\\": 2"}]}',
            b'{"messages": [{"role": "user", "content": ":"}, {"role": "assistant", "content": ": x"}]}',
        ),
    ),
    Rule(
        code="file.nonfinite",
        severity="warning",
        scope="record",
        title="NaN or Infinity",
        says=lambda e: f"{_quoted(e['values'])} is not JSON; strict readers refuse the record",
        page=Page(
            "Finds NaN, Infinity and -Infinity as values.",
            "They are not JSON. Python writes and reads them, most other readers refuse the line.",
            '{"messages": [], "score": NaN}',
        ),
        fires=(b'{"messages": [{"role": "user", "content": "Hi"}], "score": NaN}',),
        silent=(b'{"messages": [{"role": "user", "content": "NaN"}], "score": null}',),
    ),
    Rule(
        code="file.lone_surrogate",
        severity="error",
        scope="record",
        title="Half a character",
        says=lambda e: (
            f"{e.get('character', 'A surrogate')} stands without its other half; the text cannot be encoded"
        ),
        page=Page(
            "Finds \\ud83d-like escapes without the second half of the pair.",
            "The text cannot be encoded as UTF-8; loaders fail, or shift rows.",
            '{"role": "user", "content": "\\\\ud83d"}',
            "Replaces each with U+FFFD. Unsafe: the character that was meant is lost.",
        ),
        repair=Repair("unsafe", rewriting(clean_text), "replace with U+FFFD"),
        fires=(b'{"messages": [{"role": "user", "content": "a \\ud83d b"}]}',),
        silent=(b'{"messages": [{"role": "user", "content": "a \\ud83d\\ude00 b"}]}',),
    ),
)


def _quoted(names: Sequence[str]) -> str:
    return " and ".join(f"“{name}”" for name in names)
