"""Labels that are no role, or hardly the one they name."""

from __future__ import annotations

import numpy as np
import polars as pl

from ..core.blocks import Block
from ..core.wording import plural
from .rule import RELATED_LIMIT, DatasetFinding, Evidence
from .vocabulary import Condition

_TIMES = 2  # so often a system must answer a user


def _among(columns: pl.Series) -> pl.Series:
    """Whether the conversation of each turn is one that a system answers, worked out for a whole block at once."""
    turns = columns.struct.unnest()
    first = (turns["turn"] == 0).to_numpy()
    system = (turns["role"] == "system").fill_null(False).to_numpy()
    answers = system & ~first
    if not answers.any():
        return pl.Series([False], dtype=pl.Boolean).new_from_index(0, len(columns))
    user = (turns["role"] == "user").fill_null(False).to_numpy()
    in_turn = user | system
    in_turn[1:] &= first[1:] | (system[1:] != system[:-1])
    begins = np.flatnonzero(np.diff(turns["conversation"].to_numpy().astype(np.int64), prepend=-1))
    holds = np.logical_and.reduceat(in_turn, begins) & (np.add.reduceat(answers, begins, dtype=int) >= _TIMES)
    return pl.Series(np.repeat(holds, np.diff(begins, append=len(columns))))


def _answered_by_system() -> pl.Expr:
    return pl.struct("conversation", "turn", "role").map_batches(_among, return_dtype=pl.Boolean)


# User and system speak in turn and nobody else does. Dialogue corpora (MultiWOZ, Schema-Guided Dialogue) call the answering side so.
answered_by_system = Condition(_answered_by_system)


class UnknownLabels:
    """Collects labels that are no role, and those of a system that answers: one finding a label."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._conversations: dict[str, int] = {}
        self._last: dict[str, tuple[int, int]] = {}
        self._where: dict[str, list[tuple[int, int, int]]] = {}
        self._answering: set[str] = set()

    def partial(self, block: Block) -> None:
        unknown = pl.col("role").is_null() & pl.col("role_raw").str.contains(r"\S")
        answers = answered_by_system.compile() & (pl.col("role") == "system")
        odd = block.turns.select("conversation", "turn", "role_raw", unknown=unknown, answers=answers)
        odd = odd.filter(pl.col("unknown") | pl.col("answers"))
        for at, turn, label, is_unknown, _ in odd.iter_rows():
            if not is_unknown:
                self._answering.add(label)
            place = (block.source, block.indices[at])
            self._counts[label] = self._counts.get(label, 0) + 1
            if self._last.get(label) != place:
                self._conversations[label] = self._conversations.get(label, 0) + 1
                self._last[label] = place
            where = self._where.setdefault(label, [])
            if len(where) < RELATED_LIMIT:
                where.append((*place, turn))

    def finish(self) -> list[DatasetFinding]:
        found = []
        for label, count in sorted(self._counts.items(), key=lambda item: (-item[1], item[0])):
            answers = label in self._answering
            role = "assistant" if answers else "user"
            evidence = {
                "label": label,
                "turns": count,
                "conversations": self._conversations[label],
                "mapping": f'roles={{{label!r}: {role!r}}} (--role "{label}={role}")',
                **({"answers": True} if answers else {}),
            }
            found.append(DatasetFinding(evidence, self._where[label]))
        return found


def says_of_label(evidence: Evidence) -> str:
    """What a label is, where it stands, and how to say what it means."""
    label, mapping = evidence["label"], evidence["mapping"]
    where = f"{plural(evidence['turns'], 'turn')} in {plural(evidence['conversations'], 'conversation')}"
    if evidence.get("answers"):
        return (
            f"“{label}” seems to be the answering side, and no assistant speaks ({where}); if so: {mapping}"
        )
    return f"“{label}” is no known role ({where}); say what it is, for example {mapping}"


def is_unknown(evidence: Evidence) -> bool:
    """Whether a label is no role at all, so that a repair can put one there."""
    return not evidence.get("answers")
