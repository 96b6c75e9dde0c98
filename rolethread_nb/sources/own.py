"""Layouts of the user's own: a function that lists the turns of a record."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, overload

from ..core.errors import QueryError
from . import formats
from .reading import Part, Reading, Slot, Slots, steps
from .roles import Role

_NAME = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*\Z")
_RESERVED = frozenset(("auto", "same", "csv", "parquet"))


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn, as a layout of your own says it.

    Attributes:
        role: the label of its role, for example ``user``; any label that :func:`rolethread_nb.load` understands, or maps by ``roles=``.
        path: JSON Pointer of the text in the record, for example ``"/posts/0/body"``. With it a finding says where the text
            stands, and a repair changes it there.
        text: the text, where it does not stand in the record as it is; it can be checked but not repaired.
        name: the speaker's name.
    """

    role: str
    path: str | None = None
    text: str | None = None
    name: str | None = None


Read = Callable[[Any], Sequence[Turn | dict[str, Any]] | None]
Write = Callable[[list[dict[str, Any]], Any], Any]
_Read = TypeVar("_Read", bound=Read)


class OwnFormat:
    """A layout whose turns are listed by a function of the user's."""

    def __init__(self, name: str, read: Read, write: Write | None) -> None:
        self.name = name
        self.write = write
        self._read = read
        self._last: tuple[Any, Reading | None] = (None, None)
        self.problem: str | None = (
            None  # why the last record was not taken, where the function stopped with an error
        )

    def matches(self, record: Any) -> bool:
        """Whether the function knows the record. One that raises does not."""
        self.problem = None
        try:
            turns = self._read(record)
            reading = None if turns is None else self._reading(record, turns)
        except Exception as problem:
            self.problem = f"the format {self.name} stopped with {type(problem).__name__}: {problem}"
            reading = None
        self._last = (record, reading)
        return reading is not None

    def read(self, record: Any) -> Reading:
        """The turns of a record that was just matched."""
        if self._last[0] is not record:
            self.matches(record)
        reading = self._last[1]
        assert reading is not None
        self._last = (None, None)
        return reading

    def _reading(self, record: Any, turns: Sequence[Turn | dict[str, Any]]) -> Reading:
        slots = Slots(self.name)
        for turn in turns:
            if isinstance(turn, Turn):
                slots.slot(*_placed(record, turn))
            elif isinstance(turn, dict):
                slots.slot(turn, Slot("", placed=False))
            else:
                raise TypeError(
                    f"a turn is a Turn or a dict with role and content, not {type(turn).__name__}"
                )
        return slots.reading


def _placed(record: Any, turn: Turn) -> tuple[Any, Slot]:
    found = turn.text if turn.path is None else at_pointer(record, turn.path)
    role: Role | None = None
    if turn.path is not None and (turn.text is None or turn.text == found):
        parts = (Part(turn.path, found),) if type(found) is str else ()
        return found, Slot(turn.path, turn.role, role, turn.name, parts=parts)
    text = turn.text if turn.text is not None else ""
    return text, Slot(
        turn.path or "", turn.role, role, turn.name, parts=(Part(turn.path or "", text),), placed=False
    )


def at_pointer(record: Any, pointer: str) -> Any:
    """The value at a JSON Pointer.

    Raises:
        LookupError: if there is none.
    """
    value = record
    for key in steps(pointer):
        try:
            value = value[int(key)] if isinstance(value, list) else value[key]
        except (KeyError, IndexError, TypeError, ValueError):
            raise LookupError(f"nothing stands at {pointer}") from None
    return value


@overload
def register_format(
    name: str, read: None = None, *, write: Write | None = None
) -> Callable[[_Read], _Read]: ...
@overload
def register_format(name: str, read: _Read, *, write: Write | None = None) -> _Read: ...
def register_format(
    name: str, read: _Read | None = None, *, write: Write | None = None
) -> _Read | Callable[[_Read], _Read]:
    """Teach :func:`rolethread_nb.load` a layout of your own. It is asked before the built-in ones, from the next ``load`` on.

    Also a decorator: ``@rt.register_format("forum")``. Running the cell again replaces the layout.

    Args:
        name: small letters, digits and hyphens; what ``conversation.format`` and ``load(format=...)`` call it.
        read: given a record, lists its turns as :class:`Turn` or as messages (dicts with ``role`` and ``content``), or returns
            None where the record is not laid out so. An error it raises makes the record a refused one that says so.
        write: given messages and the record they came from, the record in this layout; for ``ds.export(path, format=name)``.

    Raises:
        QueryError: if the name is one of ours, or no name.
    """
    if not _NAME.match(name):
        raise QueryError(f"{name!r} is no name for a format; it takes small letters, digits and hyphens.")
    if name in _RESERVED or any(form.name == name for form in formats.BUILT_IN):
        raise QueryError(f"A format called {name!r} is built in; choose another name.")

    def add(function: _Read) -> _Read:
        formats.register(OwnFormat(name, function, write))
        return function

    return add if read is None else add(read)


def forget_format(name: str) -> None:
    """Take a layout out again that :func:`register_format` added. One that is not there is no error."""
    formats.forget(name)
