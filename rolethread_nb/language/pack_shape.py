"""The shape of a language pack: which files, keys and types there are. The English pack that is shipped has them all."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from reprlib import repr as shortened
from typing import Any

from ..core.errors import QueryError
from ..core.word_table import WordSet

# Tables whose keys are words or names of the writer's own.
_FREE = {("families",), ("facts", "numbers"), ("facts", "synonyms"), ("verbs", "past")}
# Files whose lists are looked up word by word, and those whose lists would be found everywhere if they were empty.
_SINGLE = ("words", "telling")
_NEVER_EMPTY = ("facts", "narration", "prose", "verbs", "words")

_Path = tuple[str, ...]


def check_shape(file: Path, found: Mapping[str, Any], known: Mapping[str, Mapping[str, Any]]) -> None:
    """Refuse a file of a pack that rules could not read.

    Args:
        file: where it stands; it is named after its subject.
        found: what it holds.
        known: the files of the English pack, by subject.

    Raises:
        QueryError: in one sentence with file and key.
    """
    if file.stem not in known:
        names = ", ".join(f"{subject}.toml" for subject in known)
        raise QueryError(f"{file}: no file of a language pack is called so; there are {names}.")
    for problem in _of_table((file.stem,), found, known[file.stem]):
        raise QueryError(f"{file}: {problem}.")


def laid_over(shipped: Mapping[str, Any], own: Mapping[str, Any], path: _Path) -> dict[str, Any]:
    """What is shipped with the values of one's own in their places. A table whose keys are the writer's is taken as a whole."""
    if path in _FREE:
        return dict(own)
    made = {**shipped, **own}
    for key, value in own.items():
        if isinstance(value, dict) and isinstance(shipped.get(key), dict):
            made[key] = laid_over(shipped[key], value, (*path, key))
    return made


def _of_value(path: _Path, value: Any, example: Any) -> Iterator[str]:
    """What is wrong with a value, beside the one that is shipped."""
    if isinstance(example, dict):
        yield from _of_table(path, value, example)
    elif isinstance(example, list):
        yield from _of_list(path, value, example[0])
    elif isinstance(example, str):
        if not isinstance(value, str):
            yield f"{_name(path)} is {shortened(value)}, which is no text"
    else:
        yield from _of_number(path, value, whole=isinstance(example, int))


def _of_table(path: _Path, table: Any, example: Mapping[str, Any]) -> Iterator[str]:
    if not isinstance(table, dict):
        yield f"{_name(path)} is {shortened(table)}, which is no table"
        return
    if path in _FREE:
        one = next(iter(example.values()))
        for key, value in table.items():
            yield from _of_value((*path, key), value, one)
        return
    for key in table:
        if key not in example:
            there = ", ".join(".".join((*path[1:], one)) for one in example)
            yield f"{_name((*path, key))} is no key of it; there are {there}"
    for key, one in example.items():
        if key not in table:
            yield f"there is no {_name((*path, key))}"
        else:
            yield from _of_value((*path, key), table[key], one)


def _of_list(path: _Path, value: Any, example: Any) -> Iterator[str]:
    name = _name(path)
    if not isinstance(value, list):
        yield f"{name} is {shortened(value)}, which is no list"
        return
    if not value and path[0] in _NEVER_EMPTY:
        yield f"{name} is an empty list; leave it out to keep what is shipped"
    for one in value:
        if isinstance(example, list):
            if not isinstance(one, list):
                yield f"{name} holds {shortened(one)}, which is no list"
            yield from _of_list(path, one, example[0])
        elif not isinstance(one, str):
            yield f"{name} holds {shortened(one)}, which is no text"
        elif not one.strip():
            yield f"{name} holds {shortened(one)}, which is no word"
    if path[0] in _SINGLE:
        try:
            WordSet(value)
        except ValueError as problem:
            yield f"{name} is to hold single words, and {problem}"


def _of_number(path: _Path, value: Any, *, whole: bool) -> Iterator[str]:
    name, said = _name(path), shortened(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        yield f"{name} is {said}, which is no number"
    elif whole and not isinstance(value, int):
        yield f"{name} is {said}, which is no whole number"
    elif value < 0:
        yield f"{name} is {said}, and nothing is below 0"
    elif path[-1].endswith("share") and value > 1:
        yield f"{name} is {said}, and a share goes from 0 to 1"


def _name(path: _Path) -> str:
    return repr(".".join(path[1:]))
