"""Rules about preference pairs and thumbs: whether there is anything to prefer."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from ..core.blocks import Block
from ..core.hashing import hashed
from .hashes import summed, turn_hashes
from .rule import RELATED_LIMIT, DatasetFinding, Page, Rule


class _Sides:
    """Compares the two answers of each pair by hashes of their turns."""

    def __init__(self) -> None:
        self._found: list[DatasetFinding] = []

    def partial(self, block: Block) -> None:
        if not block.turns.height or block.turns["side"].null_count() == block.turns.height:
            return
        said = turn_hashes(block) ^ hashed(block.turns["role"].fill_null("").hash(1).to_numpy())
        sides = {name: self._side(block, said, name) for name in ("chosen", "rejected")}
        (one, ones, first, whose), (other, others, second, whose_else) = sides.values()
        both = (ones > 0) & (others > 0)
        for at in np.flatnonzero(both).tolist():
            place = (block.source, block.indices[at])
            if one[at] == other[at] and ones[at] == others[at]:
                evidence = {"turns": int(ones[at])}
                self._found.append(DatasetFinding(evidence, (), conversation=place, code="pref.same"))
            elif first[at] != second[at] and {whose[at], whose_else[at]} & {"user", "system", "developer"}:
                asked = {"chosen": whose[at], "rejected": whose_else[at]}
                self._found.append(DatasetFinding(asked, (), conversation=place, code="pref.prompt_differs"))

    def _side(self, block: Block, said: Any, name: str) -> tuple[Any, Any, Any, list[str | None]]:
        """Of each conversation on this side: a hash of its turns, how many, the hash and the role of the first."""
        mask = (block.turns["side"] == name).fill_null(False)
        rows = mask.to_numpy()
        at = block.turns["conversation"].to_numpy()[rows]
        whole, counts = summed(at, said[rows], len(block))
        first = np.zeros(len(block), dtype=np.uint64)
        roles: list[str | None] = [None] * len(block)
        starts = np.flatnonzero(np.diff(at.astype(np.int64), prepend=-1))
        first[at[starts]] = said[rows][starts]
        own = block.turns["role"].filter(mask)
        for where, role in zip(at[starts].tolist(), own.gather(pl.Series(starts)).to_list(), strict=True):
            roles[where] = role
        return whole, counts, first, roles

    def finish(self) -> list[DatasetFinding]:
        return self._found


class _Labels:
    """Counts thumbs up and down."""

    def __init__(self) -> None:
        self._counts = {True: 0, False: 0}
        self._where: list[tuple[int, int]] = []

    def partial(self, block: Block) -> None:
        for index, raw, reading in zip(block.indices, block.raws, block.readings, strict=True):
            if reading.format == "kto" and type(label := raw.get("label")) is bool:
                self._counts[label] += 1
                if len(self._where) < RELATED_LIMIT:
                    self._where.append((block.source, index))

    def finish(self) -> list[DatasetFinding]:
        count = sum(self._counts.values())
        if count < 2 or all(self._counts.values()):
            return []
        return [DatasetFinding({"label": self._counts[True] > 0, "count": count}, self._where)]


_ASK = {"role": "user", "content": "Name a colour"}
_RED = {"role": "assistant", "content": "Red"}
_BLUE = {"role": "assistant", "content": "Blue"}


def _pair(chosen: object, rejected: object, **more: object) -> bytes:
    return json.dumps({**more, "chosen": chosen, "rejected": rejected}).encode()


def _thumbs(*labels: bool) -> bytes:
    records: Sequence[object] = [
        {"messages": [_ASK, {**_RED, "content": f"Red {n}"}], "label": up} for n, up in enumerate(labels)
    ]
    return "\n".join(json.dumps(record) for record in records).encode()


RULES: tuple[Rule, ...] = (
    Rule(
        code="pref.same",
        severity="error",
        scope="conversation",
        title="Chosen and rejected are the same",
        wave=_Sides,
        says="The chosen and the rejected answer are the same",
        page=Page(
            "Finds preference pairs whose two answers are equal.",
            "There is nothing to prefer, and the pair costs as much as any other. TRL takes it without a word, Together refuses it.",
            '{"prompt": "Name a colour", "chosen": "Red", "rejected": "Red"}',
        ),
        fires=(
            _pair("Red", "Red", prompt="Name a colour"),
            _pair([_ASK, _RED], [_ASK, _RED]),
            _pair([_RED], [_RED], prompt=[_ASK]),
        ),
        silent=(_pair("Red", "Blue", prompt="Name a colour"), _pair([_ASK, _RED], [_ASK, _BLUE])),
    ),
    Rule(
        code="pref.prompt_differs",
        severity="error",
        scope="conversation",
        title="Two answers to two prompts",
        wave=_Sides,
        says="The chosen and the rejected side begin with different prompts",
        page=Page(
            "Finds preference pairs in which the two sides carry their prompt themselves and the prompts are not the same.",
            "The answers are compared as if one question had been asked. TRL stops at such a pair, since no common prompt is left.",
            "chosen: [user A, assistant], rejected: [user B, assistant]",
        ),
        fires=(
            _pair([_ASK, _RED], [{**_ASK, "content": "Name a dye"}, _BLUE]),
            _pair([{"role": "system", "content": "Be terse."}, _ASK, _RED], [_ASK, _BLUE]),
        ),
        silent=(
            _pair([_ASK, _RED], [_ASK, _BLUE]),
            _pair([_ASK, _RED, _ASK, _BLUE], [_ASK, _BLUE, {**_ASK, "content": "And a dye?"}, _RED]),
            _pair("Red", "Blue", prompt="Name a colour"),
        ),
    ),
    Rule(
        code="pref.one_label",
        severity="error",
        scope="dataset",
        title="All labels are alike",
        wave=_Labels,
        says=lambda e: f"All {e['count']:,} labels are {str(e['label']).lower()}",
        page=Page(
            "Finds KTO data in which every label is true, or every one is false.",
            "KTO weighs good answers against bad ones; with one kind only there is nothing to weigh, and TRL trains on without a word.",
            "300 records, all with label true.",
        ),
        fires=(_thumbs(True, True), _thumbs(False, False, False)),
        silent=(_thumbs(True, False), _thumbs(True), json.dumps({"messages": [_ASK, _RED]}).encode()),
    ),
)
