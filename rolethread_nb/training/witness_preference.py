"""Rows of answers: what we foretell of each answer of a pair, and which row a KTOTrainer has made of it."""

from __future__ import annotations

import json
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..core.loading import load
from ..core.model import Conversation
from .row_matching import Matched, Place, shape_of
from .rows import Row, UnreadableRowError, prompt_and_answer
from .targets.target import Context, Forecast, Judge, Shape, Target
from .trainer_data import Example, Side

# What we foretell of each sequence that a conversation becomes: of both answers of a pair, else of the one there is.
Foretold = Mapping[Side | None, Forecast]

SIDES: tuple[Side, Side] = ("chosen", "rejected")
_OTHER = {"chosen": "rejected", "rejected": "chosen"}


def has_pairs(shape: Shape) -> bool:
    """Whether the records of a file hold two answers each."""
    return all(side in shape.keys for side in SIDES)


def answers_foretold(
    target: Target, context: Context, conversations: Sequence[Conversation]
) -> list[Foretold]:
    """What a trainer of preferences would do with each answer of each conversation."""
    records = [one.raw for one in conversations]
    shape = shape_of(records)
    judge = target.judge(shape, context)
    told = [judge(one) for one in conversations]
    if not has_pairs(shape):
        return [{None: one} for one in told]
    others = _of_the_other(target.judge(shape_of(_turned(records)), context), conversations)
    if others is None:
        return [{"chosen": one} for one in told]
    return [{"chosen": one, "rejected": other} for one, other in zip(told, others, strict=True)]


def _of_the_other(judge: Judge, conversations: Sequence[Conversation]) -> list[Forecast] | None:
    """A forecast is about the chosen answer, so the rejected one is asked for in its place."""
    turned = list(load(_turned([one.raw for one in conversations])))
    if len(turned) != len(conversations):
        return None
    return [_turned_back(judge(one), one, own) for one, own in zip(turned, conversations, strict=True)]


def _turned(records: Sequence[Any]) -> list[Any]:
    """The records with their answers in each other's place."""
    return [
        {key: record.get(_OTHER.get(key, key)) for key in dict.fromkeys((*record, *SIDES))}
        if isinstance(record, Mapping)
        else record
        for record in records
    ]


def _turned_back(forecast: Forecast, turned: Conversation, own: Conversation) -> Forecast:
    """The same with the turns numbered as in the conversation itself."""
    numbers = {message.pointer: turn for turn, message in enumerate(own.messages)}
    places = [_elsewhere(message.pointer) for message in turned.messages]
    located = tuple(
        one.as_turn(numbers[places[one.turn]]) for one in forecast.located if places[one.turn] in numbers
    )
    reasons = tuple(
        one if one.turn is None else replace(one, turn=numbers.get(places[one.turn]))
        for one in forecast.reasons
    )
    return replace(forecast, located=located, reasons=reasons)


def _elsewhere(pointer: str) -> str:
    for side, other in _OTHER.items():
        if pointer == f"/{side}" or pointer.startswith(f"/{side}/"):
            return f"/{other}{pointer[len(side) + 1 :]}"
    return pointer


class Answers:
    """The answers of all conversations, and the rows that a KTOTrainer holds of them: one each, and no longer in pairs.

    Args:
        foretold: the tokens that we expect of each answer, by conversation and side; None: nothing was foretold.
    """

    def __init__(
        self,
        rows: Sequence[Example],
        conversations: Sequence[Conversation],
        eos_token: str | None,
        foretold: Mapping[tuple[int, Side | None], tuple[int, ...]] | None,
    ) -> None:
        self._rows = rows
        self._records = [one.raw for one in conversations]
        self._eos_token = eos_token
        self._foretold = foretold or {}

    def find(self) -> tuple[dict[Place, tuple[int, Side | None]], Matched | None]:
        """Conversation and side of each sequence, and how that was found; None: it was not."""
        if not self._rows:
            return {}, "content"
        by_content = self._by_key(dict(self._keys()), lambda row: self._key(row.columns))
        if by_content:
            return by_content, "content"
        by_tokens = self._by_key(self._foretold, lambda row: row.sequences[0].ids)
        return by_tokens, "tokens" if by_tokens else None

    def _by_key(
        self, keys: Mapping[tuple[int, Side | None], Any], key_of: Callable[[Example], Any]
    ) -> dict[Place, tuple[int, Side | None]]:
        waiting: dict[Any, deque[tuple[int, Side | None]]] = defaultdict(deque)
        for place, key in keys.items():
            waiting[key].append(place)
        found = {}
        for row in self._rows:
            if waiting.get(key := key_of(row)):
                found[row.number, 0] = waiting[key].popleft()
        return found

    def _keys(self) -> Iterator[tuple[tuple[int, Side | None], str]]:
        columns = shape_of(self._records).keys
        sides: Sequence[Side | None] = SIDES if all(side in columns for side in SIDES) else (None,)
        for position, record in enumerate(self._records):
            if not isinstance(record, Mapping):
                continue
            whole = {name: record.get(name) for name in columns}
            for side in sides:
                try:
                    row = prompt_and_answer(whole, side or "completion", self._eos_token)
                except (UnreadableRowError, KeyError):
                    continue
                label = whole.get("label") if side is None else side == "chosen"
                yield (position, side), self._key({**_columns_of(row), "label": label})

    def _key(self, columns: Mapping[str, Any]) -> str:
        held = [_without_nulls(columns.get(name)) for name in ("prompt", "completion", "label")]
        return json.dumps(held, sort_keys=True, ensure_ascii=False, default=str)


def _columns_of(row: Row) -> dict[str, Any]:
    """The columns that TRL makes of one answer."""
    if row.messages is not None:
        return {
            "prompt": list(row.messages[: row.prompt]),
            "completion": list(row.messages[row.prompt or 0 :]),
        }
    prompt, text = row.prompt_text or "", row.text or ""
    return {"prompt": prompt, "completion": text[len(prompt) :]}


def _without_nulls(value: Any) -> Any:
    """Without the keys that a table adds to every row."""
    if isinstance(value, Mapping):
        return {str(key): _without_nulls(item) for key, item in value.items() if item is not None}
    return [_without_nulls(item) for item in value] if isinstance(value, list | tuple) else value
