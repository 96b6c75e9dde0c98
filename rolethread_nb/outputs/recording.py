"""Recordings: the answers of a view that are written into a page which has no kernel to ask (js/src/lib/saved.ts reads them)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from ..core.errors import RolethreadError
from .requests import PAGE, View
from .thread_view import Payload

CONVERSATIONS = 200  # that are recorded unless another number is asked for
ROWS = 2_000  # of a list
SOME_ROWS = 500  # of a list that is narrowed down
MOST_BYTES = 10_000_000  # of conversations; the lists have their own limits
_BLOCK = 200  # turns of one answer, as the thread asks for them (js/src/thread/blocks.ts)
_MOST_TURNS = 1_000  # of one conversation

# Whole pages only: the next one is then asked for, and the answer says that it is not there.
assert ROWS % PAGE == SOME_ROWS % PAGE == 0


class Recording:
    """Answers of one view.

    Args:
        view: what is asked.
        most: how many conversations are recorded.
    """

    def __init__(self, view: View, most: int = CONVERSATIONS) -> None:
        self._view = view
        self._most = most
        self._room = MOST_BYTES
        self._lists: dict[str, _Rows] = {}
        self._items: dict[str, dict[str, list[Payload]]] = {}

    def answers(self, says: str) -> dict[str, Any]:
        """What the page reads; ``says`` is the sentence for what is not here."""
        lists = {name: {"rows": rows.rows, "orders": rows.orders} for name, rows in self._lists.items()}
        return {"says": says, "lists": lists, "items": self._items}

    def count(self, name: str) -> int:
        """How many items of a name are here."""
        return len(self._items.get(name, ()))

    def rows(
        self, name: str, query: str = "", sort: str = "file", *, descending: bool = False, most: int = ROWS
    ) -> Payload:
        """Record the first rows of a list; gives what its pages say of the whole, with these rows."""
        args = {"query": query, "sort": sort, "descending": descending, "limit": PAGE}
        page = self._view.answer(name, {**args, "offset": 0})
        rows = list(page["rows"])
        while len(rows) < min(page["matched"], most):
            more = self._view.answer(name, {**args, "offset": len(rows)})["rows"]
            if not more:
                break
            rows += more
        head = {key: value for key, value in page.items() if key not in ("rows", "offset")}
        self._lists.setdefault(name, _Rows()).add(head, rows)
        return {**head, "rows": rows}

    def rows_sorted(self, name: str, query: str, sorts: Sequence[tuple[str, bool]], most: int = ROWS) -> None:
        """Record a list in other orders as well. Only for lists that are here whole: the first rows of another order are other rows."""
        for sort, descending in sorts:
            self.rows(name, query, sort, descending=descending, most=most)

    def conversations(self, keys: Iterator[str]) -> None:
        """Record conversations, as many as there is room for."""
        for key in keys:
            if self.count("conversation") >= self._most or not self._conversation(key):
                break

    def _conversation(self, key: str) -> bool:
        blocks: list[Payload] = []
        end = 0
        while end == 0 or end < min(blocks[-1]["turn_count"], _MOST_TURNS):
            try:
                block = self._view.answer("conversation", {"key": key, "from": end, "count": _BLOCK})
            except RolethreadError:  # it has gone meanwhile
                break
            blocks.append(block)
            if not block["turns"]:
                break
            end = block["from"] + len(block["turns"])
        return self._keep("conversation", key, blocks)

    def items(self, name: str, wanted: Iterator[tuple[str, Payload]]) -> None:
        """Record single answers, each under its key, as many as there is room for."""
        for key, args in wanted:
            if key in self._items.get(name, ()):
                continue
            if self.count(name) >= self._most:
                break
            try:
                answer = self._view.answer(name, args)
            except RolethreadError:
                continue
            if not self._keep(name, key, [answer]):
                break

    def _keep(self, name: str, key: str, answers: list[Payload]) -> bool:
        """Keep answers if there is room for them; the first conversation is kept whatever its size."""
        known = self._items.setdefault(name, {})
        if key in known or not answers:
            return True
        self._room -= len(json.dumps(answers))
        if self._room < 0 and known:
            return False
        known[key] = answers
        return True


class _Rows:
    """The rows of a list, each once, and the orders that name them by position."""

    def __init__(self) -> None:
        self.rows: list[Payload] = []
        self.orders: list[dict[str, Any]] = []
        self._known: dict[str, int] = {}

    def add(self, head: Payload, rows: Sequence[Payload]) -> None:
        self.orders.append({"head": head, "rows": [self._position(row) for row in rows]})

    def _position(self, row: Payload) -> int:
        text = json.dumps(row)
        if text not in self._known:
            self._known[text] = len(self.rows)
            self.rows.append(row)
        return self._known[text]
