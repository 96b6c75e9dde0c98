"""Shortening: a name, a sentence or a mark of a megabyte does not travel to the browser; what is left out is said."""

from __future__ import annotations

from typing import Any

NAME = 300  # characters of a name, an id, a tag, a label
SENTENCE = 1_000  # of a finding's message, a note, a step
QUERY = 2_000  # of a query: one that is longer cannot be shortened, as it would mean something else


def shortened(text: str, most: int = NAME) -> str:
    """The text, or its beginning, an ellipsis and its length."""
    return text if len(text) <= most else f"{text[:most]}… ({len(text):,} characters)"


def shortened_each(value: Any, most: int = NAME, rows: int | None = None) -> Any:
    """A payload whose texts are shortened, and whose lists end after ``rows``; a ``filter`` that is too long is emptied."""
    if isinstance(value, str):
        return shortened(value, most)
    if isinstance(value, list):
        return [shortened_each(one, most, rows) for one in value[:rows]]
    if not isinstance(value, dict):
        return value
    return {
        name: _query(one) if name in ("filter", "query") else shortened_each(one, most, rows)
        for name, one in value.items()
    }


def _query(value: Any) -> Any:
    return "" if isinstance(value, str) and len(value) > QUERY else value
