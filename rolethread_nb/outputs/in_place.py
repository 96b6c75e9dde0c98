"""A record changed where it stands: what is not another value keeps its bytes, blanks and escapes included."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..core import splice
from ..sources.reading import escaped


class _AnewError(Exception):
    """The record cannot become the other by changes in its place."""


def in_place(data: bytes, before: Any, after: Any) -> bytes | None:
    """The bytes of a record after values of it have changed; None where it is laid out anew.

    Args:
        data: the record.
        before: what it was decoded to.
        after: what it has to be read as.
    """
    if not isinstance(before, dict) or not isinstance(after, dict):
        return None
    if list(after) != [key for key in before if key in after]:
        return None
    try:
        for key, value in after.items():
            if value != before[key]:
                data = _member(data, f"/{escaped(key)}", before[key], value)
    except _AnewError:
        return None
    for key in before:
        if key not in after:
            data = splice.remove(data, f"/{escaped(key)}")
    return data


def _member(data: bytes, pointer: str, before: Any, after: Any) -> bytes:
    """The record with another value for one of its keys; of a list of turns only those that differ are looked at."""
    if not _are_lists(before, after):
        return _set(data, pointer, after)
    places = splice.locate(data, f"{pointer}/0").siblings
    for (start, end), old, new in reversed(list(zip(places, before, after, strict=True))):
        if old != new:
            data = data[:start] + _changed(data[start:end], old, new) + data[end:]
    return data


def _changed(data: bytes, before: Any, after: Any) -> bytes:
    """A value of the record, changed where it differs."""
    for pointer, key, value in _differences("", before, after):
        if key is not None:
            _check(value)
            data = splice.append(data, pointer, value, key)
        else:
            data = splice.remove(data, pointer) if value is _GONE else _set(data, pointer, value)
    return data


_GONE = object()


def _differences(pointer: str, before: Any, after: Any) -> Iterator[tuple[str, str | None, Any]]:
    """What is another value: where, under which new key (None: there already), and the value."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key, value in after.items():
            if key not in before:
                yield pointer, key, value
            elif value != before[key]:
                yield from _differences(f"{pointer}/{escaped(key)}", before[key], value)
        yield from ((f"{pointer}/{escaped(key)}", None, _GONE) for key in before if key not in after)
    elif _are_lists(before, after):
        for at, (old, new) in enumerate(zip(before, after, strict=True)):
            if old != new:
                yield from _differences(f"{pointer}/{at}", old, new)
    else:
        yield pointer, None, after


def _are_lists(before: Any, after: Any) -> bool:
    return isinstance(before, list) and isinstance(after, list) and 0 < len(before) == len(after)


def _set(data: bytes, pointer: str, value: Any) -> bytes:
    _check(value)
    return splice.replace(data, pointer, value)


def _check(value: Any) -> None:
    """Numbers with a fraction would not be written as they were."""
    if isinstance(value, float):
        raise _AnewError
    if isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            _check(one)
