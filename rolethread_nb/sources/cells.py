"""Conversations as people type them in a cell (docs/cells.md): text to a record, and a record to the same text.

A line that begins with a role and a colon begins a turn. Whatever else stands there is text; a text that would be read as something
else gets a backslash, and only a line that would be read as something else loses one. So every text comes back as it was, and
LaTeX and paths stand in a cell as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..core.errors import SourceError
from .roles import ROLES

MAGIC = "%%thread"
# What editors of cells cannot hold: controls other than line break and tab, and half characters.
_UNWRITABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_LABEL = rf"(?i:{'|'.join(ROLES)})(?:[ \t]*\([^\n]+?\))?:"
_FENCE = r" {0,3}(`{3,})[^`\n]*$"
_label = re.compile(rf"((?i:{'|'.join(ROLES)}))(?:[ \t]*\(([^\n]+?)\))?: ?")
_opening = re.compile(_FENCE)
_closing = re.compile(r" {0,3}(`{3,})[ \t]*$")
_special = re.compile(rf"{_LABEL}|{_FENCE}|[ \t]*$")
_escaped = re.compile(rf"\\+(?:{_LABEL}|{_FENCE}|[ \t]*$)")
_magic = re.compile(rf"{MAGIC}(?:[ \t]+(.*))?$", re.DOTALL)
_token = re.compile(r'(--\w+=)?"((?:[^"\\]|\\.)*)"(?=\s|$)|(\S+)', re.DOTALL)
_plain = re.compile(r'(?!--)[^\s"]\S*')
_escape = re.compile(r"\\(.)", re.DOTALL)

OPTIONS = ("tags", "id", "into")


class CellError(SourceError):
    """A cell that holds no conversation. Its text is the reason alone.

    Attributes:
        line: the line of the cell, counted from 1.
    """

    def __init__(self, reason: str, line: int) -> None:
        super().__init__(reason)
        self.line = line


@dataclass(frozen=True, slots=True)
class Header:
    """What stands behind ``%%thread``.

    Attributes:
        title: the name of the conversation, None if it has none.
        tags: its tags, None if none were given.
        id: its id, None if it has none.
        into: the variable of the dataset that takes it, None for the usual one.
    """

    title: str | None = None
    tags: tuple[str, ...] | None = None
    id: str | None = None
    into: str | None = None

    def record(self, messages: list[dict[str, str]]) -> dict[str, Any]:
        """The record of a conversation with this header."""
        record: dict[str, Any] = {}
        if self.id is not None:
            record["id"] = self.id
        if self.title is not None:
            record["title"] = self.title
        if self.tags is not None:
            record["tags"] = list(self.tags)
        return {**record, "messages": messages}


@dataclass(slots=True)
class _Turn:
    """One turn while it is read: its lines, and for each whether it is a blank one that only keeps turns apart."""

    role: str
    name: str | None
    lines: list[str] = field(default_factory=list)
    apart: list[bool] = field(default_factory=list)

    def add(self, line: str, *, apart: bool = False) -> None:
        self.lines.append(line)
        self.apart.append(apart)

    def message(self) -> dict[str, str]:
        start, end = 0, len(self.lines)
        while start < end and self.apart[start]:
            start += 1
        while end > start and self.apart[end - 1]:
            end -= 1
        named = {} if self.name is None else {"name": self.name}
        return {"role": self.role, **named, "content": "\n".join(self.lines[start:end])}


# ---------------------------------------------------------------- reading


def read_cell(source: str) -> dict[str, Any]:
    """The record of a whole cell, with or without its line ``%%thread``.

    Raises:
        CellError: if it holds no conversation.
    """
    lines = lines_of(source)
    first = first_line(lines)
    if first == len(lines) or (magic := _magic.match(lines[first])) is None:
        return Header().record(read_turns(lines))
    header = read_header(magic[1] or "", first + 1)
    return header.record(read_turns(lines[first + 1 :], first + 2))


def read_header(line: str, number: int = 1) -> Header:
    """What stands behind ``%%thread``. ``number`` is the line of the cell, for errors.

    Raises:
        CellError: if an option is not known, stands twice or lacks its value.
    """
    tokens = _tokens(line)
    words: list[str] = []
    given: dict[str, str] = {}
    at = 0
    while at < len(tokens):
        word, quoted = tokens[at]
        at += 1
        if quoted or not word.startswith("--"):
            words.append(word)
            continue
        name, inline, value = word[2:].partition("=")
        if name not in OPTIONS:
            raise CellError(
                f"{MAGIC} has no option {word!r}; there are {', '.join('--' + o for o in OPTIONS)}", number
            )
        if name in given:
            raise CellError(f"--{name} stands twice", number)
        if not inline:
            if at == len(tokens) or (tokens[at][0].startswith("--") and not tokens[at][1]):
                raise CellError(f"--{name} needs a value", number)
            value, quoted = tokens[at]
            at += 1
        while name == "tags" and not quoted and value.endswith(",") and at < len(tokens):
            more, quoted = tokens[at]  # a blank behind the comma
            value += more
            at += 1
        given[name] = value
    tags = given.get("tags")
    return Header(
        " ".join(words) if words else None,
        None if tags is None else tuple(tag.strip() for tag in tags.split(",") if tag.strip()),
        given.get("id"),
        given.get("into"),
    )


def _tokens(line: str) -> list[tuple[str, bool]]:
    """The words of a line, each with whether it stands in quotation marks, which is no option then."""
    tokens: list[tuple[str, bool]] = []
    for match in _token.finditer(line):
        option, quoted, bare = match.groups()
        if bare is None and option is None:
            tokens.append((_escape.sub(r"\1", quoted), True))
        else:
            tokens.append((bare if bare is not None else option + _escape.sub(r"\1", quoted), False))
    return tokens


def read_turns(lines: Sequence[str], number: int = 1) -> list[dict[str, str]]:
    """The messages that lines hold. ``number`` is that of the first line, for errors.

    Raises:
        CellError: if there is text before the first label.
    """
    turns: list[_Turn] = []
    unclosed = _Unclosed()
    at = 0
    while at < len(lines):
        line = lines[at]
        if label := _label.match(line):
            turns.append(_Turn(label[1].lower(), label[2] and label[2].strip()))
            line = line[label.end() :]
        elif not turns:
            if not _is_blank(line):
                raise CellError(
                    f"a turn begins with its role at the start of a line ({', '.join(role + ':' for role in ROLES)}),"
                    f" and before the first one stands {line.strip()[:40]!r}",
                    number + at,
                )
            at += 1
            continue
        turn = turns[-1]
        if (end := unclosed.end_of_fence(line, lines, at)) is not None:
            for inside in (line, *lines[at + 1 : end]):
                turn.add(inside)
            at = end
            continue
        if label is None and _escaped.match(line):
            turn.add(line[1:])
        else:
            turn.add(line, apart=_is_blank(line))
        at += 1
    return [turn.message() for turn in turns]


class _Unclosed:
    """Finds the ends of code fences, and remembers which cannot have one."""

    def __init__(self) -> None:
        self._hopeless = 1 << 62

    def end_of_fence(self, line: str, lines: Sequence[str], at: int) -> int | None:
        """The line behind the fence that ``line`` opens, None if it opens none or none that is closed."""
        fence = _opening.match(line)
        if fence is None or (length := len(fence[1])) >= self._hopeless:
            return None
        for end in range(at + 1, len(lines)):
            closed = _closing.match(lines[end])
            if closed is not None and len(closed[1]) >= length:
                return end + 1
        self._hopeless = length
        return None


def lines_of(source: str) -> list[str]:
    """The lines of a cell; those of Windows end like all others."""
    return source.replace("\r\n", "\n").split("\n")


def first_line(lines: Sequence[str]) -> int:
    """The first line that is not blank, counted from 0; how many there are if all of them are."""
    return next((at for at, line in enumerate(lines) if not _is_blank(line)), len(lines))


def is_magic(line: str) -> bool:
    """Whether a line is ``%%thread``, with what may stand behind it."""
    return _magic.match(line) is not None


def is_label(line: str) -> bool:
    """Whether a line begins a turn."""
    return _label.match(line) is not None


def _is_blank(line: str) -> bool:
    return not line.strip(" \t")


# ---------------------------------------------------------------- writing


def written(record: Any, into: str | None = None) -> str | None:
    """The cell of a record, that is read as an equal record; None if the syntax cannot hold it.

    ``into`` is the variable that the cell names for its dataset.
    """
    if type(record) is not dict or not record.keys() <= {"id", "title", "tags", "messages"}:
        return None
    messages = record.get("messages")
    if type(messages) is not list or not all(_is_typed(message) for message in messages):
        return None
    words = _header(record)
    if words is None:
        return None
    words += f" --into {into}" if into is not None and into.isidentifier() else ""
    text = "\n\n".join(_written_turn(message) for message in messages)
    cell = f"{MAGIC}{words}\n{text}" if text else f"{MAGIC}{words}"
    if _UNWRITABLE.search(cell):
        return None
    try:
        return cell if read_cell(cell) == record else None
    except CellError:
        return None


def _is_typed(message: Any) -> bool:
    """Whether a message is a role, a text and perhaps a name, and nothing else."""
    return (
        type(message) is dict
        and message.keys() <= {"role", "name", "content"}
        and all(type(value) is str for value in message.values())
        and message.get("role") in ROLES
        and "content" in message
    )


def _header(record: dict[str, Any]) -> str | None:
    """What stands behind ``%%thread``, with a blank before it; None if it cannot stand on one line."""
    title, tags, name = record.get("title"), record.get("tags"), record.get("id")
    words = ""
    if type(title) is str:
        bare = all(_plain.fullmatch(word) for word in title.split(" "))
        words += f" {title if bare else _quoted(title)}"
    if type(tags) is list and all(type(tag) is str for tag in tags):
        words += f" --tags {_quoted(','.join(tags))}"
    if type(name) is str:
        words += f" --id {_quoted(name)}"
    return words if len(words.splitlines()) <= 1 else None


def _quoted(value: str) -> str:
    if _plain.fullmatch(value) and not value.endswith(","):
        return value
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _written_turn(message: dict[str, str]) -> str:
    label = message["role"] + (f" ({message['name']})" if "name" in message else "") + ":"
    lines = list(_written_lines(message["content"]))
    if not lines:
        return label
    first, escaped = lines[0]
    rest = [line for line, _ in lines[1:]]
    return "\n".join([label, first, *rest] if escaped else [f"{label} {first}", *rest])


def _written_lines(text: str) -> Iterator[tuple[str, bool]]:
    """The lines of a text, each with whether it got a backslash."""
    if not text:
        return
    lines = text.split("\n")
    unclosed = _Unclosed()
    outer = [at for at, line in enumerate(lines) if not _is_blank(line)] or [len(lines)]
    at = 0
    while at < len(lines):
        if (end := unclosed.end_of_fence(lines[at], lines, at)) is not None:
            yield from ((line, False) for line in lines[at:end])
            at = end
            continue
        line = lines[at]
        inner = _is_blank(line) and outer[0] < at < outer[-1]
        special = not inner and _special.match(line) is not None
        escaped = special or _escaped.match(line) is not None
        yield ("\\" + line if escaped else line), escaped
        at += 1
