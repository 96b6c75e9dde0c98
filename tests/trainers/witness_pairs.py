"""How far the witness of preferences agrees with real trainers, and our forecast of both answers with the witness.

Run it in an environment with trl, torch, datasets and accelerate:

    python tests/trainers/witness_pairs.py

For each set of pairs, template and length a real DPOTrainer and KTOTrainer is built. Every sequence has to be the trainer's,
token by token and label by label, and to have found its conversation and its side; and the forecast has to be the witness. It
ends with 1 if one is not.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any

from preference_agreement import built, files
from real_trl import quiet

from rolethread_nb.training.witness import Witness, witness

LENGTHS = (16, 200, 1024)
TEMPLATES = ("chatml", "trl:qwen3")


def sets() -> dict[str, list[Any]]:
    """The sets of preference_agreement.py, and the pairs as text and as answers with a label."""
    found = files()
    pairs = found.get("real pairs", [])
    found["real answers"] = [
        {"prompt": one["prompt"], "completion": one[side], "label": side == "chosen"}
        for one in pairs
        for side in ("chosen", "rejected")
    ]
    found["real texts"] = [
        {
            "prompt": "\n".join(turn["content"] for turn in one["prompt"]),
            "chosen": one["chosen"][0]["content"],
            "rejected": one["rejected"][0]["content"],
        }
        for one in pairs
    ]
    return {name: records for name, records in found.items() if records}


def sequences(trainer: Any, length: int) -> list[tuple[list[int], list[int]]]:
    """Ids and labels of every answer, straight from the trainer's data."""
    made = []
    for row in trainer.train_dataset:
        for name in ("chosen_ids", "rejected_ids", "completion_ids"):
            if name in row:
                ids = row["prompt_ids"] + row[name]
                made.append((ids[:length], ([-100] * len(row["prompt_ids"]) + row[name])[:length]))
    return made


def problems(trainer: Any, found: Witness, records: list[Any], length: int) -> Iterator[str]:
    if [(list(row.ids), list(row.labels)) for row in found.rows] != sequences(trainer, length):
        yield "the sequences are not the trainer's"
    for one in found.differences:
        yield f"{one.id}, {one.side}, {one.what}: we said {one.foretold}; trainer: {one.found}"[:400]
    if any(row.conversation is None or row.forecast is None for row in found.rows):
        yield "a sequence has no conversation, or no forecast"
    for row in found.rows:
        label = trainer.train_dataset[row.number].get("label")
        if label is not None and row.side is not None and label is not (row.side == "chosen"):
            yield f"row {row.number} is no {row.side} answer"
    gone = {row.conversation for row in found.rows} | {one.conversation for one in found.missing}
    if gone != set(range(len(records))):
        yield f"conversations that are neither there nor missing: {gone ^ set(range(len(records)))}"


def main() -> int:
    bad = 0
    for name in ("trl-dpo", "trl-kto"):
        total: Counter[str] = Counter()
        for of, records in sets().items():
            for template in TEMPLATES:
                for length in LENGTHS:
                    try:
                        trainer = built(name, records, template, length)
                    except Exception:
                        # Whether we said so is preference_agreement.py's to ask.
                        total["refused"] += 1
                        continue
                    found = witness(trainer, records)
                    wrong = list(problems(trainer, found, records, length))
                    total["DIFFERENT" if wrong else "equal"] += 1
                    total["sequences"] += len(found.rows)
                    total["missing"] += len(found.missing)
                    for problem in wrong[:3]:
                        print(f"   {name}, {of}, {template}, {length}: {problem}")
        print(f"{name}: {dict(total)}", flush=True)
        bad += total["DIFFERENT"]
    return bad


if __name__ == "__main__":
    quiet()
    sys.exit(min(1, main()))
