"""From a file of gates, or a mapping, to gates. What makes no sense is refused in a sentence that names the file and the gate."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, get_args

from ..core.errors import QueryError, SourceError
from ..core.query_terms import parse
from ..settings import shown

Of = Literal["conversations", "replies"]

_OF: tuple[Of, ...] = get_args(Of)
_MOST = 2**53  # larger whole numbers are not told apart as floats
_KEYS = ("max", "min", "share", "of", "where", "measure")


@dataclass(frozen=True, slots=True)
class Gate:
    """A limit over one number.

    Attributes:
        name: what the gate is called; without a ``measure`` of its own also what is measured.
        measure: what is measured, as docs/gates.md names it.
        most: the largest number that passes, None for no such limit.
        least: the smallest number that passes, None for no such limit.
        of: set where the number is a share, from 0 to 1: of what.
        where: a query that the findings must match as well.
        origin: where the gate stands, for refusals: the file, as it is shown.
    """

    name: str
    measure: str
    most: float | None = None
    least: float | None = None
    of: Of | None = None
    where: str = ""
    origin: str = ""

    def refused(self, why: str) -> QueryError:
        """The refusal of this gate in one sentence."""
        return _refused(self.origin, self.name, why)


def read_gates(path: Path) -> list[Gate]:
    """The gates of a TOML file, in its order.

    Raises:
        SourceError: if the file cannot be read.
        QueryError: if it is no TOML, holds no table ``gates``, or a gate makes no sense.
    """
    name = shown(path)
    try:
        text = path.read_bytes().decode("utf-8-sig")
        found = tomllib.loads(text)
    except FileNotFoundError:
        raise SourceError(f"There is no file of gates {name}.") from None
    except OSError as problem:
        raise SourceError(f"The gates {name} cannot be read: {problem.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as problem:
        raise QueryError(f"{name} is not valid TOML: {problem}.") from None
    more = [key for key in found if key != "gates"]
    if more:
        raise QueryError(
            f"{name} sets {more[0]!r}; a file of gates holds the table [gates] and nothing else."
        )
    table = found.get("gates")
    if not isinstance(table, dict):
        raise QueryError(f"{name} holds no table [gates].")
    return gates_in(table, name)


def gates_in(table: Mapping[str, Any], origin: str = "") -> list[Gate]:
    """The gates of a mapping, as the table ``gates`` of a file has it.

    Raises:
        QueryError: if there are none, or one makes no sense.
    """
    gates = [_gate(name, said, origin) for name, said in _flat(table)]
    if not gates:
        raise QueryError(f"{origin or 'The mapping'} holds no gate.")
    return gates


def _flat(table: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """Names and what is said of them. In TOML ``dup.exact = 0`` without quotation marks is a table in a table."""
    for key, said in table.items():
        if not isinstance(key, str):
            raise QueryError(f"Gates: the name of a gate is {key!r}, which is no text.")
        name = f"{before}{key}"
        if isinstance(said, Mapping) and said and not any(one in _KEYS for one in said):
            yield from _flat(said, f"{name}.")
        else:
            yield name, said


def _gate(name: str, said: Any, origin: str) -> Gate:
    if not isinstance(said, Mapping):
        return Gate(name, name, most=_limit(said, "the limit", name, origin), origin=origin)
    for key in said:
        if key not in _KEYS:
            near = get_close_matches(str(key), _KEYS, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(_KEYS)}."
            raise _refused(origin, name, f"{key!r} is no part of a gate; {hint}")
    share = "share" in said
    if share and ("max" in said or "min" in said):
        raise _refused(origin, name, "'share' is a limit of its own; say it without 'max' and 'min'.")
    if not share and "max" not in said and "min" not in said:
        raise _refused(origin, name, "there is no limit; say 'max', 'min' or 'share'.")
    if "of" in said and not share:
        raise _refused(origin, name, "'of' says what a share is of; say 'share' as well.")
    of = said.get("of", _OF[0])
    if of not in _OF:
        raise _refused(origin, name, f"'of' takes {' or '.join(_OF)}, not {of!r}.")
    limits = {
        key: _limit(said[key], repr(key), name, origin) for key in ("max", "min", "share") if key in said
    }
    most, least = limits.get("share", limits.get("max")), limits.get("min")
    if share and most is not None and most > 1:
        raise _refused(origin, name, f"'share' goes from 0 to 1 (0.01 is 1 %), not to {most:g}.")
    if share and most == 1:
        raise _refused(origin, name, "'share' 1 is everything, so this can never fail.")
    if most is None and least == 0:
        raise _refused(origin, name, "'min' 0 without 'max' can never fail.")
    if most is not None and least is not None and least > most:
        raise _refused(origin, name, f"'min' {least:g} is above 'max' {most:g}, which nothing can keep.")
    where = _text(said, "where", "", name, origin)
    try:
        parse(where)
    except QueryError as problem:
        raise _refused(origin, name, f"'where' is not understood: {problem}") from None
    measure = _text(said, "measure", name, name, origin)
    return Gate(name, measure, most, least, of if share else None, where, origin)


def _text(said: Mapping[str, Any], key: str, usual: str, name: str, origin: str) -> str:
    value = said.get(key, usual)
    if not isinstance(value, str):
        raise _refused(origin, name, f"{key!r} is {value!r}, which is no text.")
    return value.strip()


def _limit(value: Any, what: str, name: str, origin: str) -> float:
    known = isinstance(value, int | float) and not isinstance(value, bool)
    if not known or (isinstance(value, float) and math.isnan(value)):
        raise _refused(origin, name, f"{what} is {value!r}, which is no number.")
    if abs(value) > _MOST:
        raise _refused(origin, name, f"{what} is beyond anything that can be counted; leave it out.")
    if value < 0:
        raise _refused(origin, name, f"{what} is {value:g}, and nothing is below 0.")
    number: float = value
    return number


def _refused(origin: str, name: str, why: str) -> QueryError:
    where = f"{origin}: " if origin else ""
    return QueryError(f"{where}gate {name!r}: {why}")
