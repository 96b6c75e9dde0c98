"""Numbers in words, and lists of names as they are typed."""

from __future__ import annotations

from collections.abc import Sequence


def plural(count: int, noun: str) -> str:
    """``1 turn``, ``2 turns``, ``1,000 turns``."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def names_in(names: Sequence[str] | str | None) -> list[str] | None:
    """The names of a list, or of a text with commas between them; None for None."""
    if names is None:
        return None
    parts = names.split(",") if isinstance(names, str) else names
    return [name.strip() for name in parts if name.strip()]
