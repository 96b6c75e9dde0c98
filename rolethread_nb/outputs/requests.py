"""Requests: what the browser asks of a view, and the answer that always comes (docs/protocol.md)."""

from __future__ import annotations

import math
from typing import Protocol

from ..core.errors import QueryError, RolethreadError
from .thread_view import Payload

PAGE = 100
MOST_ROWS = 500
_MOST = 2**31  # more than there are of anything


class View(Protocol):
    """What a component draws, answered on request."""

    def answer(self, name: str, args: Payload) -> Payload:
        """The result of a request.

        Raises:
            RolethreadError: in one sentence, for the person who asked.
        """
        ...


def page_args(args: Payload, sort: str) -> tuple[str, str, bool, int, int]:
    """Query, sort, direction, offset and limit of a request for a page."""
    return (
        str(args.get("query", "")),
        str(args.get("sort", sort)),
        bool(args.get("descending", False)),
        whole(args.get("offset", 0)),
        min(whole(args.get("limit", PAGE)), MOST_ROWS),
    )


def page_of(position: int | None, offset: int, limit: int) -> int:
    """Where the page begins that holds a position; ``offset`` where there is none."""
    return offset if position is None or not limit else position - position % limit


def address(key: str) -> tuple[int, int]:
    """Source and record of a conversation's key.

    Raises:
        QueryError: if it is none.
    """
    source, _, index = key.partition(":")
    if not (source.isdecimal() and index.isdecimal()):
        raise QueryError(f"There is no conversation {key!r}.")
    return int(source), int(index)


def whole(value: object) -> int:
    """A number from the browser as a count."""
    number = value if isinstance(value, int | float) and not math.isnan(value) else 0
    return int(min(max(number, 0), _MOST))


def answered(view: View, name: str, args: Payload) -> Payload:
    """The reply to a request, which always comes: a result, or one sentence."""
    try:
        return {"ok": True, "result": view.answer(name, args)}
    except RolethreadError as problem:
        return {"ok": False, "error": str(problem)}
    except Exception as problem:  # a fault of ours must not leave the browser waiting
        return {"ok": False, "error": f"{type(problem).__name__}: {problem}"}
