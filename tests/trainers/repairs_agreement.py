"""Whether the real trainers take what our repairs mend, and what our export for a trainer writes.

Run it in an environment with the package of the trainer, and what rolethread_nb needs:

    python tests/trainers/repairs_agreement.py together [--verbose]

Of each file the repairs for a trainer are planned and applied. Then the trainer itself has to take what we say it takes, no
text is gone but what the plan says, and undo gives the bytes back. The same file is exported for the trainer: it has to take
each row but those the export names, and every text is there but those it names. No length limit is set: neither changes one.
"""

from __future__ import annotations

import contextlib
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from agreement import case_files, real_files, some
from consumers import CONSUMERS, NO_LIMIT, Consumer
from harm import pieces
from tables import Table

import rolethread_nb as rt
from rolethread_nb.core.model import Conversation
from rolethread_nb.training.targets.target import Forecast

FOLDER = Path(tempfile.mkdtemp())
GEMMA = "trl, Gemma 3's template"
# Trainers that stop at one row with the whole file; each row is tried alone then, so that there are fewer.
BY_FILE = ("trl", "trl-dpo", "trl-kto", "unsloth")
FEW = 12
PARTLY = (
    "of several reasons some are mended, and one is left that no repair mends (a turn that is no object, a role that is not known);"
    " the preflight afterwards says so"
)
KEPT = ("taken", "altered")
# Repairs that say themselves that text goes.
LOSING = {"fit.trim_tail"}


def texts(conversation: Conversation, *, calls: bool = True) -> Counter[str]:
    """The texts of a conversation, line by line: where turns are joined, lines are not.

    Args:
        calls: take the text of a turn that is a call as it is; else what it holds, since an export may write it as a call.
    """
    found: Counter[str] = Counter()
    for message in conversation.messages:
        if message.kind == "call" and not calls:
            with contextlib.suppress(ValueError):
                found += lines_of(json.loads(message.text))
                continue
        for piece in pieces(message):
            found.update(line.strip() for line in (piece or "").split("\n") if line.strip())
    return found


class Trial:
    """One trainer, and its tables."""

    def __init__(self, name: str, consumer: Consumer) -> None:
        self.target, _, more = name.partition(", ")
        self.consumer = consumer
        self.exports = name != GEMMA  # an export looks at rows with our own template
        self.given = {"targets": self.target, "max_tokens": NO_LIMIT, "tokenizer": None}
        if self.target.startswith("trl"):
            from real_trl import tokenizer

            self.given["tokenizer"] = tokenizer("trl:gemma3" if name == GEMMA else "chatml")
        where = f" with {more}" if more else ""
        self.verdicts = Table(self.target, f"repaired{where}", "taken as we say, before and after")
        self.mended = Table(
            self.target,
            f"repaired{where}",
            "what is mended is taken",
            lambda *_: PARTLY if self.left else None,
        )
        # Whether we say of the row at hand that it is not taken yet.
        self.left = False
        self.kept = Table(self.target, f"repaired{where}", "no text is gone but what the plan says")
        self.undone = Table(self.target, f"repaired{where}", "undo gives the bytes back")
        self.exported = Table(self.target, f"exported{where}", "taken but what the export names")
        self.said = Table(self.target, f"exported{where}", "no text is gone but what the export names")
        self.tables = [self.verdicts, self.mended, self.kept, self.undone, self.exported, self.said]

    def file(self, name: str, rows: Sequence[Any]) -> None:
        path = FOLDER / "rows.jsonl"
        path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
        self.repaired(name, path)
        if self.exports:
            self.export(name, path)

    # ------------------------------------------------------------------ repairs

    def repaired(self, name: str, path: Path) -> None:
        dataset = rt.load(str(path), settings=False)
        before = self._bytes(dataset)
        old = list(dataset)
        taken = self._agree(name, dataset)
        flight = dataset.preflight(**self.given)
        plan = flight.repairs(self.target, greeting="into_system")
        codes: dict[int, set[str]] = {}
        for repair in plan:
            if repair.conversation is not None:
                codes.setdefault(repair.conversation, set()).add(repair.code)
        if not codes:
            return
        plan.apply()
        after = self._agree(name, dataset)
        new = {conversation.index: conversation for conversation in dataset}
        for one in old:
            if one.index in codes:
                self._mended(name, one, new[one.index], codes[one.index], taken, after)
        while dataset.undo() is not None:
            pass
        for one, data in zip(old, self._bytes(dataset), strict=True):
            if one.index in codes:
                self.undone.add(
                    name, one.raw, ("equal", ""), "equal" if data == before[one.index] else "other"
                )

    def _bytes(self, dataset: rt.Dataset) -> list[bytes | None]:
        return [dataset.record_bytes(one.source_index, one.index) for one in dataset]

    def _agree(self, name: str, dataset: rt.Dataset) -> dict[int, str]:
        """The trainer's words by conversation, after a look whether we say the same; it stops at a row or goes on without it."""
        flight = dataset.preflight(**self.given)
        rows = [one for one in dataset if isinstance(one.raw, dict)]
        if not rows:
            return {}
        found = self.consumer([one.raw for one in rows])
        whole = not any(found)
        for one, words in zip(rows, found, strict=True):
            # What is refused is looked at row by row, so that we judge each as a file of its own too.
            forecast = flight.forecast(one) if whole else self._alone(one.raw)
            ours = "kept" if forecast.outcome in KEPT else "not kept"
            theirs = "not kept" if words else "kept"
            self.verdicts.add(
                name, one.raw, (theirs, words), ours, [reason.says for reason in forecast.reasons]
            )
        return dict(zip((one.index for one in rows), found, strict=True))

    def _alone(self, row: Any) -> Forecast:
        """What we say of a row as a file of its own."""
        dataset = rt.load([row], settings=False)
        return dataset.preflight(**self.given).forecast(0)

    def _taken(self, conversation: Conversation) -> bool:
        return self._alone(conversation.raw).outcome in KEPT

    def _mended(
        self,
        name: str,
        old: Conversation,
        new: Conversation,
        codes: set[str],
        before: dict[int, str],
        after: dict[int, str],
    ) -> None:
        if before.get(old.index):
            words = after.get(old.index, "")
            self.left = not self._taken(new)
            self.mended.add(name, old.raw, ("refused" if words else "taken", words), "taken", sorted(codes))
        gone = texts(old) - texts(new)
        said = "gone" if gone and not codes & LOSING else "kept"
        self.kept.add(name, old.raw, (said, str(list(gone)[:2])), "kept", sorted(codes))

    # ------------------------------------------------------------------ export

    def export(self, name: str, path: Path) -> None:
        dataset = rt.load(str(path), settings=False)
        done = dataset.export(FOLDER / "out.jsonl", target=self.target, overwrite=True)
        written = (FOLDER / "out.jsonl").read_text(encoding="utf-8").split("\n")[:-1]
        rows = [json.loads(line) for line in written]
        left_out = {loss.conversation for loss in done.refused} - {
            one.loss.conversation for one in done.will_refuse
        }
        old = [one for one in dataset if one.index not in left_out]
        if len(old) != len(rows):
            self.exported.add(name, rows[:1], (f"{len(rows)} rows", ""), f"{len(old)} rows")
            return
        named = {one.loss.conversation: one.reason.says for one in done.will_refuse}
        lossy = {loss.conversation for loss in done.losses}
        found = self.consumer(rows) if rows else []
        alone = self.target in BY_FILE and any(found)
        if alone:
            self.exported.add(
                name, rows[:1], ("refused", ""), "refused" if named or done.refuses_file else "taken"
            )
        for one, row, words in zip(old, rows, found, strict=True):
            theirs = "refused" if words else "taken"
            taken = self._alone(row).outcome in KEPT if alone else one.index not in named
            ours = "taken" if taken else "refused"
            self.exported.add(name, row, (theirs, words), ours, named.get(one.index, ""))
            gone = texts(one, calls=False) - lines_of(row)
            kept = "gone" if gone and one.index not in lossy else "kept"
            self.said.add(name, one.raw, (kept, str(list(gone)[:2])), "kept")

    def done(self) -> int:
        failed = 0
        for table in self.tables:
            if table.files:
                failed |= table.done()
        return failed


def lines_of(value: Any) -> Counter[str]:
    """All lines of all strings of a record, its numbers and keys."""
    found: Counter[str] = Counter()
    if isinstance(value, str):
        found.update(line.strip() for line in value.split("\n") if line.strip())
        if value.startswith(("{", "[")):
            with contextlib.suppress(ValueError):
                found += lines_of(json.loads(value))
    elif isinstance(value, dict | list):
        for item in (*value, *value.values()) if isinstance(value, dict) else value:
            found += lines_of(item)
    elif value is not None:
        found[json.dumps(value)] += 1
    return found


def main() -> int:
    failed = 0
    wanted = [one for one in sys.argv[1:] if not one.startswith("-")]
    for name, consumer in CONSUMERS.items():
        if name.partition(", ")[0] not in wanted:
            continue
        trial = Trial(name, consumer())
        for file, rows in [*case_files(), *real_files()]:
            trial.file(file, some(rows, FEW) if trial.target in BY_FILE else some(rows))
        failed |= trial.done()
    return failed


if __name__ == "__main__":
    sys.exit(main())
