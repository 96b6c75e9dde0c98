"""Decoding one record: JSON bytes become a value, or a sentence that says why not.

msgspec decodes what is clean. Python's own ``json`` is asked only for what msgspec refuses (NaN, lone surrogates, raw
form feeds) and for the words of an error. What a strict reader would trip over is kept as **remarks** of the record.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

Places = np.ndarray[Any, np.dtype[np.int64]]

_decoder = msgspec.json.Decoder()
_decode = _decoder.decode

# Characters at which str.splitlines() cuts, so that readers built on it tear a record apart (Python documentation,
# str.splitlines). NEL, LS and PS may stand raw in JSON; VT and FF may not, but occur.
SEPARATORS = {"\u2028": "U+2028", "\u2029": "U+2029", "\x85": "U+0085", "\x0b": "U+000B", "\x0c": "U+000C"}
_SURROGATE = re.compile("[\ud800-\udfff]")
_RAW_CONTROL = re.compile("[\x0b\x0c]")
_BRACKET = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)
_COLON, _SPACE, _QUOTE = b': "'
# No conversation is nested so deeply; what is would be read or refused by how deep the caller's own stack is.
DEEPEST = 200


@dataclass(frozen=True, slots=True)
class Remark:
    """Something about a record that is no turn's fault: a rule code and what was measured."""

    code: str
    detail: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Bad:
    """Why a record cannot be read. ``line`` and ``column`` are 0-based and 1-based, counted within the record."""

    code: str
    reason: str
    line: int = 0
    column: int = 1


TOO_DEEP = Bad("file.bad_json", "the record is nested too deeply to be read")


class TooDeepError(ValueError):
    """A value is nested more than ``DEEPEST`` levels deep."""


def decode(data: bytes, *, last: bool = False, measured: bool = False) -> tuple[Any, list[Remark]] | Bad:
    """The value of one record with its remarks.

    ``last`` says that the source ends with these bytes; ``measured``, that the caller counts the keys of the value, which
    notices by itself what is nested too deeply.
    """
    if not measured and data.count(b"[") + data.count(b"{") > DEEPEST and _depth(data) > DEEPEST:
        return TOO_DEEP
    try:
        value = _decode(data)
        return value, []
    except (ValueError, RecursionError):  # msgspec's and Unicode's errors are ValueErrors
        remarks: list[Remark] = []
        value = _decode_leniently(data, remarks, last)
        if isinstance(value, Bad):
            return value
    return value, remarks


def decode_together(data: bytes, count: int, *, commas: bool) -> list[Any] | None:
    """The values of ``count`` records, one a line or with commas between them, where all of them are sound; else None."""
    try:
        values = _decode(b"[" + data + b"]") if commas else _decoder.decode_lines(data)
    except (ValueError, RecursionError):
        return None
    return values if len(values) == count else None


def may_hold_separator(data: bytes) -> bool:
    """Whether bytes hold a character at which ``str.splitlines()`` cuts, beside the line breaks of files."""
    if b"\x0b" in data or b"\x0c" in data:
        return True
    if data.isascii():
        return False
    codes = np.frombuffer(data, dtype=np.uint8)
    at = np.flatnonzero(codes[:-2] == 0xE2)  # U+2028 is E2 80 A8, U+2029 is E2 80 A9
    if ((codes[at + 1] == 0x80) & (codes[at + 2] & 0xFE == 0xA8)).any():
        return True
    at = np.flatnonzero(codes[:-1] == 0xC2)  # U+0085 is C2 85
    return bool((codes[at + 1] == 0x85).any())


def separators(data: bytes) -> list[Remark]:
    """The remark on such characters in a record that parses."""
    text = data.decode()
    found = [name for mark, name in SEPARATORS.items() if mark in text]
    return [Remark("file.control_separator", {"characters": found})] if found else []


def may_repeat_keys(data: bytes, starts: Places, ends: Places, keys: Sequence[int]) -> list[int]:
    """Which of the records in ``data`` may hold a key twice; ``keys`` are the keys that were decoded of each.

    Every key is followed by a colon, and so is some text in quotation marks: where the colons are as many as the keys, no key was
    lost. Where they are not, ``repeated_keys`` looks closely.
    """
    codes = np.frombuffer(data, dtype=np.uint8)
    colons = np.flatnonzero(codes == _COLON)
    before = codes[colons - 1]
    apart = colons[(before == _SPACE) & (codes[colons - 2] == _QUOTE)]
    colons = colons[before == _QUOTE]

    def within(places: Places) -> Places:
        counted: Places = np.searchsorted(places, ends) - np.searchsorted(places, starts)
        return counted

    close = within(colons)
    suspects: list[int] = np.flatnonzero((close != keys) & (close + within(apart) != keys)).tolist()
    return suspects


def duplicate_keys(data: bytes) -> list[Remark]:
    """The remark on keys that stand twice in a record."""
    return [Remark("file.duplicate_key", {"keys": keys})] if (keys := repeated_keys(data)) else []


def _depth(data: bytes) -> int:
    """How deep the brackets of a record go."""
    depth = deepest = 0
    for match in _BRACKET.finditer(data):
        mark = match.group()
        if mark in (b"[", b"{"):
            depth += 1
            deepest = max(deepest, depth)
        elif mark in (b"]", b"}"):
            depth -= 1
    return deepest


def _decode_leniently(data: bytes, remarks: list[Remark], last: bool) -> Any:
    try:
        text = data.decode()
    except UnicodeDecodeError as problem:
        if last and problem.reason == "unexpected end of data":
            return Bad("file.bad_json", "the record is cut off: the file ends inside a character")
        before = data[: problem.start].decode(errors="replace")
        return Bad(
            "file.not_utf8",
            f"byte 0x{data[problem.start]:02X} is not UTF-8",
            before.count("\n"),
            len(before) - (before.rfind("\n") + 1) + 1,
        )
    constants: list[str] = []

    def constant(name: str) -> float:
        constants.append(name)
        return float(name)

    try:
        value = json.loads(_with_escapes(text), parse_constant=constant, parse_int=_integer)
    except json.JSONDecodeError as problem:
        return _explained(problem, text, last)
    except RecursionError:
        return TOO_DEEP
    if constants:
        remarks.append(Remark("file.nonfinite", {"values": sorted(set(constants))}))
    if count := sum(len(_SURROGATE.findall(string)) for string in strings_of(value)):
        remarks.append(Remark("file.lone_surrogate", {"count": count}))
    return value


def _explained(problem: json.JSONDecodeError, text: str, last: bool) -> Bad:
    at = _place_before_escapes(text, problem.pos)
    line, column = text.count("\n", 0, at), at - (text.rfind("\n", 0, at) + 1) + 1
    at_end = at >= len(text.rstrip())
    if last and (at_end or problem.msg.startswith("Unterminated string")):
        return Bad("file.bad_json", "the record is cut off: the file ends inside it", line, column)
    after_comma = at > 0 and text[:at].rstrip().endswith(",")
    if after_comma and text[at : at + 1] in ("]", "}"):
        return Bad("file.bad_json", "a comma before the closing bracket", line, column)
    if problem.msg.startswith("Illegal trailing comma"):  # Python 3.13 points at the comma
        return Bad("file.bad_json", "a comma before the closing bracket", line, column)
    return Bad("file.bad_json", problem.msg[0].lower() + problem.msg[1:], line, column)


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) < 4300 else float(digits)


def key_count(value: Any, level: int = 1) -> int:
    """How many keys a decoded value holds, at all depths. ``level`` is where the value itself stands in its record.

    Raises:
        TooDeepError: beyond ``DEEPEST`` levels.
    """
    if type(value) is dict:
        count, items = len(value), list(value.values())
    elif type(value) is list:
        count, items = 0, value
    else:
        return 0
    if level > DEEPEST:
        raise TooDeepError
    for item in items:
        if type(item) is dict or type(item) is list:
            count += key_count(item, level + 1)
    return count


def repeated_keys(data: bytes) -> list[str]:
    """Keys that stand twice in one object of a record, in order of appearance."""
    found: dict[str, None] = {}

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        merged = dict(items)
        if len(merged) < len(items):
            seen: set[str] = set()
            for key, _ in items:
                if key in seen:
                    found[key] = None
                seen.add(key)
        return merged

    try:
        json.loads(data, object_pairs_hook=pairs, parse_int=str, strict=False)
    except (ValueError, RecursionError):
        return []
    return list(found)


def strings_of(value: Any) -> Iterator[str]:
    """Every string in a decoded value, keys included."""
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, dict):
            stack.extend(item)
            stack.extend(item.values())
        elif isinstance(item, list):
            stack.extend(item)


def clean_text(text: str) -> str:
    """``text`` with one U+FFFD for each lone surrogate, so that it can be encoded."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _place_before_escapes(text: str, at: int) -> int:
    """A position in ``_with_escapes(text)`` as a position in ``text``."""
    for match in _RAW_CONTROL.finditer(text):
        if match.start() >= at:
            break
        at -= len(_with_escapes(match.group())) - 1
    return at


def decode_string(data: bytes) -> str:
    """The text of a JSON string, by its bytes."""
    return str(json.loads(_with_escapes(data.decode())))


def decode_exactly(data: bytes) -> Any:
    """The value of a record known to parse, with integers of any size kept whole."""
    return json.loads(_with_escapes(data.decode()), parse_int=_integer)


def _with_escapes(text: str) -> str:
    """``text`` with the escapes for vertical tabs and form feeds, which JSON forbids to stand raw."""
    return text.replace("\x0b", "\\u000b").replace("\x0c", "\\f")
