"""Which conversation a trainer's row was made of."""

from __future__ import annotations

import json
from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, Literal

from ..core.model import Conversation
from .rows import Layout, UnreadableRowError, converted, layout
from .targets.target import Shape
from .trainer_data import Example, Tokenized

Matched = Literal["content", "tokens", "order"]
# Row in the trainer's data, sequence in the row.
Place = tuple[int, int]

_PAIRS = ("chosen", "rejected")


class Matching:
    """Rows and conversations of one trainer, side by side."""

    def __init__(
        self,
        trainer: Any,
        rows: Sequence[Example],
        conversations: Sequence[Conversation],
        eos_token: str | None,
    ) -> None:
        args = getattr(trainer, "args", None)
        self._packing = bool(getattr(args, "packing", False))
        self._text_field = str(getattr(args, "dataset_text_field", "text"))
        self._supervised = is_a(trainer, "SFTTrainer")
        self._eos_token = eos_token
        self._rows = rows
        self._conversations = conversations

    def find(
        self, foretold: Sequence[tuple[int, ...] | None] | None
    ) -> tuple[dict[Place, int], Matched | None]:
        """The position of each sequence's conversation, and how that was found; None: it was not.

        Args:
            foretold: the tokens we expect of each conversation, None for one that we expect no row of.
        """
        if not self._rows:
            return {}, "content"
        if self._columns:
            keys = [self._key_of_record(one.raw) for one in self._conversations]
            by_content = self._by_key(keys, lambda row, _: self._key(row.columns))
            if by_content:
                return by_content, "content"
        if foretold is not None and (by_tokens := self._by_key(foretold, lambda _, one: one.ids)):
            return by_tokens, "tokens"
        if len(self._rows) == len(self._conversations) and not self._packing:
            return {
                (one.number, at): one.number for one in self._rows for at in range(len(one.sequences))
            }, "order"
        return {}, None

    def _by_key(self, keys: Sequence[Any], key_of: Callable[[Example, Tokenized], Any]) -> dict[Place, int]:
        """Sequences and conversations with the same key; several alike in their order."""
        waiting: dict[Any, deque[int]] = defaultdict(deque)
        for position, key in enumerate(keys):
            if key is not None:
                waiting[key].append(position)
        found: dict[Place, int] = {}
        for row in self._rows:
            for at, one in enumerate(row.sequences):
                if one.side == "rejected" and (row.number, 0) in found:
                    found[row.number, at] = found[row.number, 0]
                elif waiting.get(key := key_of(row, one)):
                    found[row.number, at] = waiting[key].popleft()
        return found

    @cached_property
    def _columns(self) -> tuple[str, ...]:
        """The columns that hold what was read, as far as the trainer has kept them."""
        kept = self._rows[0].columns
        if all(name in kept for name in _PAIRS):
            return _PAIRS
        wanted = ("messages", "prompt", "completion", self._text_field)
        return tuple(name for name in wanted if name in kept)

    @cached_property
    def _layout(self) -> Layout | None:
        raws = [one.raw for one in self._conversations]
        try:
            return layout(shape_of(raws))
        except UnreadableRowError:
            return None

    def _key_of_record(self, record: Any) -> str | None:
        if not isinstance(record, Mapping):
            return None
        if self._supervised and self._layout is not None:
            try:
                record = converted(record, self._layout, self._text_field, self._eos_token)
            except UnreadableRowError:
                return None
        return self._key(record)

    def _key(self, columns: Mapping[str, Any]) -> str:
        held = [columns.get(name) for name in self._columns]
        if self._columns == _PAIRS:
            # TRL takes the prompt out of the answers, and ends them.
            held = [self._whole(columns.get("prompt"), answer) for answer in held]
        return json.dumps(_without_nulls(held), sort_keys=True, ensure_ascii=False, default=str)

    def _whole(self, prompt: Any, answer: Any) -> Any:
        if isinstance(prompt, list) and isinstance(answer, list):
            return prompt + answer
        if isinstance(answer, str):
            return (prompt if isinstance(prompt, str) else "") + answer.removesuffix(self._eos_token or "")
        return answer


def shape_of(records: Sequence[Any]) -> Shape:
    """What a trainer sees of a file of these records."""
    keys = dict.fromkeys(key for one in records if isinstance(one, dict) for key in one)
    return Shape(records[0] if records else None, tuple(keys), len(records), tuple(records[:10]))


def is_a(trainer: Any, name: str) -> bool:
    """Whether a trainer is TRL's of that name, or made from it."""
    return any(
        one.__name__ == name and one.__module__.partition(".")[0] == "trl" for one in type(trainer).__mro__
    )


def _without_nulls(value: Any) -> Any:
    """Without the keys that a table adds to every row."""
    if isinstance(value, Mapping):
        return {str(key): _without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [_without_nulls(item) for item in value]
    return value
