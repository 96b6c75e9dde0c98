"""Rules about the weight of a turn: whether the trainer's loss counts it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import polars as pl

from ..core.blocks import Block
from .rule import DatasetFinding, Evidence, Page, Rule

_KEYS = ("weight", "train")
_SHOWN = 60


class _Weights:
    """Looks at the conversations in which a message is more than a role and a text."""

    def __init__(self) -> None:
        self._found: list[DatasetFinding] = []

    def partial(self, block: Block) -> None:
        turns = block.turns
        if not turns.height or not turns["odd"].any():
            return
        for at in turns.filter(pl.col("odd"))["conversation"].unique().sort().to_list():
            reading = block.readings[at]
            if not any(type(raw) is dict and not _UNWEIGHTED(raw) for raw in reading.turns):
                continue
            place = (block.source, block.indices[at])
            for turn, message in enumerate(block.conversation(at).messages):
                for code, evidence in _findings(turn, message.raw, message.role):
                    self._found.append(DatasetFinding(evidence, (), conversation=place, code=code))

    def finish(self) -> list[DatasetFinding]:
        return self._found


_UNWEIGHTED = frozenset(_KEYS).isdisjoint


def _findings(turn: int, raw: Any, role: str | None) -> Iterator[tuple[str, Evidence]]:
    if not isinstance(raw, dict):
        return
    for key in _KEYS:
        value = raw.get(key)
        if value is None:
            continue
        evidence = {"turn": turn, "key": key, "seen": json.dumps(value, ensure_ascii=False)[:_SHOWN]}
        if not isinstance(value, int | float) or value not in (0, 1):
            yield "weight.value", evidence
        elif value and role not in (None, "assistant"):
            yield "weight.role", {**evidence, "role": role}


_USER = {"role": "user", "content": "Hi"}
_REPLY = {"role": "assistant", "content": "Hello"}
_UNUSED = [_USER, {**_REPLY, "weight": 0}, _USER, {**_REPLY, "weight": 1}]
_MASKED = [{**_USER, "train": False}, {**_REPLY, "train": True}]

RULES: tuple[Rule, ...] = (
    Rule(
        code="weight.value",
        severity="error",
        scope="turn",
        title="A weight that is neither 0 nor 1",
        wave=_Weights,
        says="The {key} is {seen}, not 0 or 1",
        page=Page(
            "Finds weight and train of a message that are something else than 0, 1, true or false.",
            "OpenAI, Mistral and Together refuse the file; other trainers ignore the value, so the turn is trained after all.",
            '{"role": "assistant", "content": "Hello", "weight": 0.5}',
        ),
        fires=(
            [_USER, {**_REPLY, "weight": 0.5}],
            [_USER, {**_REPLY, "weight": "1"}],
            [_USER, {**_REPLY, "weight": -1}],
            [_USER, {**_REPLY, "train": "no"}],
        ),
        silent=(_UNUSED, _MASKED, [_USER, {**_REPLY, "weight": None}], [_USER, {**_REPLY, "weight": 1.0}]),
    ),
    Rule(
        code="weight.role",
        severity="warning",
        scope="turn",
        title="A weight on another role",
        wave=_Weights,
        says="The {key} of this {role} turn is {seen}; only the assistant's turns are trained",
        page=Page(
            "Finds a weight that is not zero on a turn that is not the assistant's.",
            "OpenAI and Together refuse it; a trainer that heeds it teaches the model to write the user's turns.",
            '{"role": "user", "content": "Hi", "weight": 1}',
        ),
        fires=([{**_USER, "weight": 1}, _REPLY], [{**_USER, "train": True}, _REPLY]),
        silent=(
            _UNUSED,
            _MASKED,
            [{**_USER, "weight": 0}, _REPLY],
            [{"role": "Mara", "content": "x", "weight": 1}],
        ),
    ),
)
