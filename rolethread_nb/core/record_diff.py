"""The difference between two states of a record, as instructions that a person can read and that give the same bytes again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher
from itertools import groupby, pairwise
from operator import itemgetter
from typing import Any

from ..sources.decoding import Bad, decode, decode_exactly
from ..sources.reading import escaped, unescaped
from . import splice
from .blocks import canonical_json

_DIGITS = 16  # of a SHA-256, in hexadecimal: 64 bits

# ["set", pointer, before, after], ["remove", pointer, before], ["insert", pointer, after] before what stands there,
# ["append", pointer of the list, after], ["add", pointer of the object, key, after]; or the whole record as a text.
Instructions = list[list[Any]] | str


class OtherStateError(Exception):
    """Instructions do not fit a record."""


def state_of(data: bytes | None) -> str | None:
    """A short name for the bytes of a record, None where there are none."""
    return None if data is None else hashlib.sha256(data).hexdigest()[:_DIGITS]


def instructions(before: bytes, after: bytes) -> Instructions:
    """How the one becomes the other: value by value where that gives the very bytes, else the record as it is afterwards."""
    if not isinstance(decode(before), Bad) and not isinstance(decode(after), Bad):
        found: list[list[Any]] = []
        if _differences(decode_exactly(before), decode_exactly(after), "", found):
            # Values first, while the pointers hold; then what comes and goes, from the end on.
            ordered = [one for one in found if one[0] == "set"]
            ordered += [one for one in reversed(found) if one[0] in ("remove", "insert")]
            ordered += [one for one in found if one[0] in ("append", "add")]
            try:
                if followed(before, ordered) == after:
                    return ordered
            except OtherStateError:
                pass
    return after.decode("utf-8", "surrogateescape")


def followed(data: bytes, steps: Instructions) -> bytes:
    """The record after the instructions.

    Raises:
        OtherStateError: if they are about another record.
    """
    if isinstance(steps, str):
        return steps.encode("utf-8", "surrogateescape")
    try:
        for name, run in groupby(steps, key=lambda step: step[0]):
            data = _run(data, name, list(run))
    except (KeyError, ValueError, TypeError) as problem:
        raise OtherStateError(str(problem)) from None
    return data


def _run(data: bytes, name: str, steps: list[list[Any]]) -> bytes:
    """The record after instructions of one kind. Many in one list cost one pass over the record, not one each."""
    if name == "set":
        new = {pointer: given[-1] for _, pointer, *given in steps}
        if len(new) == len(steps) and "" not in new and not _nested(new):
            return splice.replace_all(data, new)
        for _, pointer, *given in steps:
            data = splice.replace(data, pointer, given[-1])
        return data
    if name == "remove":
        for parent, run in groupby((pointer.rpartition("/") for _, pointer, *_ in steps), key=itemgetter(0)):
            data = _without(data, parent, [last for _, _, last in run])
        return data
    for _, pointer, *values in steps:
        if name == "insert":
            data = splice.insert(data, pointer, values[-1])
        elif name == "append":
            data = splice.append(data, pointer, values[-1])
        elif name == "add":
            data = splice.append(data, pointer, values[-1], key=str(values[0]))
        else:
            raise OtherStateError(name)
    return data


def _without(data: bytes, parent: str, names: list[str]) -> bytes:
    """The record without some items of one list, or members of one object."""
    places = [int(name) if name.isascii() and name.isdigit() else None for name in names]
    falling = all(one is None or other is None or one > other for one, other in pairwise(places))
    if falling and len(set(names)) == len(names):
        return splice.remove_all(data, parent, [unescaped(name) for name in names])
    for name in names:
        data = splice.remove(data, f"{parent}/{name}")
    return data


def _nested(pointers: Iterable[str]) -> bool:
    """Whether one of some pointers lies inside another."""
    ordered = sorted(f"{pointer}/" for pointer in pointers)
    return any(later.startswith(earlier) for earlier, later in pairwise(ordered))


def _differences(before: Any, after: Any, pointer: str, found: list[list[Any]]) -> bool:
    """Collect what differs; False where these instructions cannot say it."""
    if type(before) is type(after) is dict:
        return _members(before, after, pointer, found)
    if type(before) is type(after) is list:
        return _items(before, after, pointer, found)
    if canonical_json(before) != canonical_json(after) or type(before) is not type(after):
        found.append(["set", pointer, before, after])
    return True


def _members(before: dict[str, Any], after: dict[str, Any], pointer: str, found: list[list[Any]]) -> bool:
    kept = [key for key in before if key in after]
    new = [key for key in after if key not in before]
    if [*kept, *new] != list(after):
        return False  # they stand in another order
    for key, value in before.items():
        below = f"{pointer}/{escaped(key)}"
        if key not in after:
            found.append(["remove", below, value])
        elif not _differences(value, after[key], below, found):
            return False
    found += [["add", pointer, key, after[key]] for key in new]
    return True


def _items(before: list[Any], after: list[Any], pointer: str, found: list[list[Any]]) -> bool:
    if len(before) == len(after):
        return all(
            _differences(one, other, f"{pointer}/{at}", found)
            for at, (one, other) in enumerate(zip(before, after, strict=True))
        )
    old, new = ([canonical_json(item) for item in items] for items in (before, after))
    for tag, low, high, start, stop in _opcodes(old, new):
        if tag == "equal":
            continue
        both = min(high - low, stop - start)
        for at in range(both):
            if not _differences(before[low + at], after[start + at], f"{pointer}/{low + at}", found):
                return False
        found += [["remove", f"{pointer}/{at}", before[at]] for at in range(low + both, high)]
        more = after[start + both : stop]
        if low + both >= len(before):
            found += [["append", pointer, item] for item in more]
        else:
            found += [["insert", f"{pointer}/{low + both}", item] for item in more]
    return True


def _opcodes(old: list[bytes], new: list[bytes]) -> Sequence[tuple[str, int, int, int, int]]:
    """How a list becomes another, as of difflib; where items only go, found in one pass however many are equal."""
    kept = 0
    gone: list[int] = []
    for at, item in enumerate(old):
        if kept < len(new) and item == new[kept]:
            kept += 1
        else:
            gone.append(at)
    if kept == len(new):
        before = [at - n for n, at in enumerate(gone)]  # so many items are kept before each
        return [("delete", at, at + 1, place, place) for at, place in zip(gone, before, strict=True)]
    return SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
