"""Python objects as JSON records: what lists, iterators and Hugging Face datasets hold becomes bytes like a file's."""

from __future__ import annotations

import json
from collections.abc import Mapping


def encode_record(record: object) -> bytes:
    """One record as compact JSON in UTF-8.

    NaN stays NaN and a lone surrogate stays an escape, so that they can be reported. A value that JSON cannot hold
    (a date, a NumPy number) is written as its own plain form, or else as its text.
    """
    try:
        text = json.dumps(record, ensure_ascii=False, separators=(",", ":"), default=_plain)
        return text.encode("utf-8")
    except UnicodeEncodeError:
        return json.dumps(record, separators=(",", ":"), default=_plain).encode("ascii")
    except (TypeError, ValueError, RecursionError):  # keys that are no strings, a circle, thousands of levels
        try:
            return json.dumps(repr(record)).encode("ascii")
        except RecursionError:
            return json.dumps(f"a {type(record).__name__} nested too deeply to be read").encode("ascii")


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    for form in ("tolist", "isoformat"):  # NumPy arrays and scalars, dates
        if callable(method := getattr(value, form, None)):
            return method()
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, set | frozenset):
        return sorted(value, key=repr)
    return str(value)
