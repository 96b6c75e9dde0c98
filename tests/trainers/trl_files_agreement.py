"""How far our forecasts of TRL agree with real SFT, DPO and KTO trainers on whole files, the case files and real ones.

Run it in an environment with trl, torch, datasets and accelerate:

    python tests/trainers/trl_files_agreement.py [--verbose] [trl] [trl-dpo] [trl-kto]

A real trainer is built for each file. If it takes the file, every row is compared: is it left, what of it is harmed, are its
tokens and labels as we said. If it refuses the file, its rows are files of their own, of long files the same few every time.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from agreement import case_files, real_files, shape_of, some
from harm import GAP, Held, harm_of
from preference_agreement import built, pair
from real_trl import ExactTokens, labelled, quiet, rows_of, sft, tokenizer
from tables import Table, Theirs
from trl_agreement import differing, trained_stretches
from witness_agreement import with_prompts

import rolethread_nb as rt
from rolethread_nb.core.model import Conversation
from rolethread_nb.training.targets.registry import target
from rolethread_nb.training.targets.target import Context, Forecast
from rolethread_nb.training.templates import ChatTemplate

QWEN = "trl:qwen3"
LIMIT = 1024
ALONE = 8
TOKENIZER = tokenizer(QWEN)
# What stands in no text by right: the special tokens but those of reasoning.
CONTROLS = frozenset(
    str(token) for token in TOKENIZER.added_tokens_decoder.values() if "think" not in str(token)
)


@dataclass(frozen=True)
class Setting:
    """One way of building a trainer.

    Attributes:
        target: name of the trainer.
        name: what differs from its defaults.
        options: its settings.
        layout: what is made of the rows of a file: nothing, or a prompt and a completion, or a pair.
    """

    target: str
    name: str
    options: Mapping[str, Any] = field(default_factory=dict)
    layout: str = "as they are"


SETTINGS = (
    Setting("trl", "default"),
    Setting("trl", "completion_only", {"completion_only_loss": True}),
    Setting("trl", "completion_only, the last turn as completion", {"completion_only_loss": True}, "prompts"),
    Setting("trl", "assistant_only", {"assistant_only_loss": True}),
    Setting("trl-dpo", "default"),
    Setting("trl-dpo", "rows as pairs", layout="pairs"),
    Setting("trl-kto", "default"),
    Setting("trl-kto", "rows as labelled answers", layout="labelled"),
)


def laid_out(rows: list[Any], layout: str) -> list[Any]:
    """The rows of a file that can be had in a layout; the same rows every time."""
    if layout == "as they are":
        return rows
    if layout == "pairs":
        return [
            pair(row) for row in rows if isinstance(row, dict) and "chosen" in row and "conversations" in row
        ] or [
            {
                **row,
                "chosen": row["completion"],
                "rejected": [{"role": "assistant", "content": "No."}],
                "completion": None,
            }
            for row in with_prompts(rows)
        ]
    made = with_prompts(rows)
    return made if layout == "prompts" else [{**row, "label": at % 2 == 0} for at, row in enumerate(made)]


@dataclass
class Row:
    """One row as a trainer holds it: ids, labels, and what text that is."""

    ids: list[int]
    labels: list[int]
    held: Held
    alike: bool = False


def sft_rows(rows: Sequence[Any], setting: Setting) -> list[Row]:
    trainer = sft(rows_of(rows), TOKENIZER, **setting.options)
    return [Row(ids, labels, held_of(ids, labels)) for ids, labels in labelled(trainer)]


def held_of(ids: Sequence[int], labels: Sequence[int]) -> Held:
    trained = GAP.join(trained_stretches(ids, labels, TOKENIZER))
    return Held(TOKENIZER.decode(ids), trained, len(ids) == LIMIT)


def preference_rows(rows: Sequence[Any], setting: Setting) -> list[Row]:
    """Each row with its first answer; what is harmed is looked for in both."""
    trainer = built(setting.target, list(rows), QWEN, LIMIT)
    data = list(trainer.train_dataset)
    paired = "chosen" in rows[0]
    if setting.target == "trl-kto" and paired:
        data = [{**one, "rejected_ids": other["completion_ids"]} for one, other in halves(data)]
    made = []
    for one in data:
        answers = [one[key] for key in ("chosen_ids", "completion_ids", "rejected_ids") if key in one]
        whole = [one["prompt_ids"] + answer for answer in answers]
        begin = len(one["prompt_ids"])
        parts = [held_of(ids[:LIMIT], ([-100] * begin + ids[begin:])[:LIMIT]) for ids in whole]
        held = Held(
            GAP.join(part.text for part in parts),
            GAP.join(part.trained for part in parts),
            any(len(ids) > LIMIT for ids in whole),
        )
        labels = ([-100] * begin + whole[0][begin:])[:LIMIT]
        made.append(Row(whole[0][:LIMIT], labels, held, len(whole) > 1 and whole[0] == whole[1]))
    return made


def halves(data: list[Any]) -> Iterator[tuple[Any, Any]]:
    """The rows that KTO makes of pairs: first all liked ones, then the others."""
    half = len(data) // 2
    return zip(data[:half], data[half:], strict=True)


def foretold(rows: Sequence[Any], setting: Setting) -> tuple[list[Conversation], list[Forecast]]:
    profile = target(setting.target)
    settings = {**profile.settings, **setting.options, "max_length": LIMIT}
    context = Context(ChatTemplate.of(TOKENIZER), ExactTokens(TOKENIZER), settings)
    judge = profile.judge(shape_of(rows), context)
    conversations = list(rt.load(list(rows)))
    return conversations, [judge(one) for one in conversations]


WHOLE = ("default", "assistant_only")
CHANCE = (
    "which of several columns TRL looks at first is left to chance (the order of a set of strings), so that a run ends with an"
    " error or does not; we say refused, and say that it is chance"
)


class Tables:
    """The three tables of one setting."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.files = Table(setting.target, setting.name, "files", self._explained)
        self._chance = False
        self.outcomes = Table(setting.target, setting.name)
        self.labels = Table(setting.target, setting.name, "tokens and labels")

    def _explained(self, name: str, row: Any, theirs: str, ours: str) -> str | None:
        return CHANCE if self._chance and ours == "refused" else None

    def compare(self, name: str, rows: Sequence[Any]) -> bool:
        """One file; returns whether the trainer takes it."""
        conversations, ours = foretold(rows, self.setting)
        if len(conversations) != len(rows):
            self.files.add(name, rows[0], ("", ""), None)
            return True
        build = sft_rows if self.setting.target == "trl" else preference_rows
        refused = any(one.outcome == "refused" for one in ours)
        says = [reason.says for one in ours for reason in one.reasons if reason.outcome == "refused"][:1]
        self._chance = any("left to chance" in one for one in says)
        try:
            found = build(rows, self.setting)
        except Exception as error:
            words = f"{type(error).__name__}: {error}"
            self.files.add(name, rows[0], ("refused", words), "refused" if refused else "taken")
            return False
        self.files.add(name, rows[0], ("taken", ""), "refused" if refused else "taken", says)
        if not refused:
            self._rows(name, rows, conversations, ours, found)
        return True

    def _rows(
        self,
        name: str,
        rows: Sequence[Any],
        conversations: Sequence[Conversation],
        ours: Sequence[Forecast],
        found: Sequence[Row],
    ) -> None:
        left = [at for at, one in enumerate(ours) if one.outcome != "dropped"]
        if len(found) != len(left):
            words = f"{len(found)} rows are left"
            self.outcomes.add(name, rows[0], (words, ""), f"{len(left)} rows are left")
            return
        held = dict(zip(left, found, strict=True))
        for at, forecast in enumerate(ours):
            reasons = [f"{one.code}: {one.says}" for one in forecast.reasons]
            if at not in held:
                self.outcomes.add(name, rows[at], ("dropped", ""), forecast.outcome)
                continue
            row = held[at]
            self.outcomes.add(
                name, rows[at], self._outcome(conversations[at], row), forecast.outcome, reasons
            )
            problems = list(differing(forecast, (row.ids, row.labels), TOKENIZER))
            self.labels.add(name, rows[at], ("equal", ""), "; ".join(problems) or "equal", reasons)

    def _outcome(self, conversation: Conversation, row: Row) -> Theirs:
        harm = harm_of(conversation, row.held, controls=CONTROLS) | ({"alike"} if row.alike else set())
        if self.setting.options.get("completion_only_loss") and self.setting.layout == "as they are":
            harm |= {"prompt"} if "prompt" not in conversation.raw else set()
        return ("altered" if harm else "taken", str(harm))

    def done(self) -> int:
        # Where a trainer refuses every file there is no row to compare.
        tables = [table for table in (self.files, self.outcomes, self.labels) if table.files]
        return max(table.done() for table in tables)


def main() -> int:
    failed = 0
    wanted = [one for one in sys.argv[1:] if not one.startswith("-")]
    files = [*case_files(), *real_files()]
    for setting in SETTINGS:
        if wanted and setting.target not in wanted:
            continue
        tables = Tables(setting)
        for name, given in files:
            # Every row under two settings; under the others a part of each long file.
            rows = laid_out(given if setting.name in WHOLE else some(given), setting.layout)
            if rows and not tables.compare(name, rows) and len(rows) > 1:
                for row in some(rows, ALONE):
                    tables.compare(f"{name}, row by row", [row])
        failed |= tables.done()
    return failed


if __name__ == "__main__":
    quiet()
    sys.exit(main())
