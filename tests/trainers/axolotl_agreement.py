"""How far our profile of Axolotl agrees with its `type: chat_template`.

Run it in an environment with axolotl==0.19.0 (`--no-deps`), colorama, addict, torch, transformers and what rolethread_nb
needs:

    python tests/trainers/axolotl_agreement.py [--verbose] [SETTING ...]

It takes some minutes; SETTING (``weight``) runs one of its comparisons alone.

Nothing is stubbed: the strategy that Axolotl tokenizes with is called on every row; what it does with rows that are too
long, or without a trained token, is two comparisons here, as in its `utils/data/utils.py` and `utils/trainer.py`.
"""

from __future__ import annotations

import copy
import logging
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from agreement import (
    Characters,
    Ours,
    case_files,
    forecast_text,
    mutations,
    real_files,
    shape_of,
    some,
    tokenizer_of,
    trained_text,
)
from axolotl.prompt_strategies.chat_template import ChatTemplatePrompter, ChatTemplateStrategy
from harm import Held, harm_of
from tables import Table

from rolethread_nb.training.chatml import CHATML
from rolethread_nb.training.targets.records import message_keys, turns_key
from rolethread_nb.training.templates import ChatTemplate

logging.disable(logging.CRITICAL)
LIMIT = 2048
# A template that trims, writes any role, and ends every turn alike.
TRIMMING = (
    "{%- for message in messages %}"
    "{{- '<|im_start|>' + message['role'] + '\\n' + message['content'] | trim + '<|im_end|>' }}"
    "{%- endfor %}{{- '<|im_start|>assistant\\n' if add_generation_prompt }}"
)
SETTINGS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "defaults": (CHATML, {}),
    "train_on_eos all": (CHATML, {"train_on_eos": "all"}),
    "train_on_eos last": (CHATML, {"train_on_eos": "last"}),
    "user too": (CHATML, {"roles_to_train": ["user", "assistant"]}),
    "weight": (CHATML, {"message_field_training": "weight"}),
    "a trimming template": (TRIMMING, {}),
}
TOKENS = Characters("<|im_start|>", "<|im_end|>")


class Theirs:
    """One configuration of Axolotl for one file."""

    def __init__(
        self, rows: Sequence[Any], template: str, settings: Mapping[str, Any], tokenizer: Any
    ) -> None:
        key = turns_key(shape_of(rows))
        role, content = message_keys(shape_of(rows), key)
        prompter = ChatTemplatePrompter(
            tokenizer,
            template,
            max_length=LIMIT + 1,
            field_messages=key,
            message_property_mappings=(
                None
                if role == "role"
                else {"role": role, "content": content, "reasoning_content": "reasoning_content"}
            ),
            message_field_training=settings.get("message_field_training"),
        )
        self.strategy = ChatTemplateStrategy(
            prompter,
            tokenizer,
            train_on_inputs=False,
            sequence_len=LIMIT,
            roles_to_train=settings.get("roles_to_train", ["assistant"]),
            train_on_eos=settings.get("train_on_eos", "turn"),
        )

    def verdict(self, row: Any, text: str | None) -> tuple[str, str]:
        """What becomes of a row, and which of the text is trained; the words of the error if it is refused."""
        try:
            done = self.strategy._tokenize_single_prompt(_without_none(row))
        except Exception as error:
            return "refused", f"{type(error).__name__}: {error}"
        labels = done["labels"]
        shown = trained_text(text, labels, TOKENS) if text is not None else "?"
        if len(labels) > LIMIT or all(label == -100 for label in labels):
            return "dropped", shown
        return "kept", shown


def _without_none(row: Any) -> Any:
    from axolotl.utils.dict import remove_none_values

    return remove_none_values(copy.deepcopy(row))


class Explained:
    """Where we are right to say something else than what is measured, under some settings."""

    def __init__(self, template: str, settings: Mapping[str, Any]) -> None:
        self._reads_calls = "tool_calls" in template
        self._roles = {*settings.get("roles_to_train", ["assistant"]), "gpt"}
        self._field = settings.get("message_field_training")

    def __call__(self, name: str, row: Any, theirs: str, ours: str) -> str | None:
        turns = _turns(row)
        if not self._reads_calls and ours == "refused" and any("tool_calls" in one for one in turns):
            return "a template that reads no `tool_calls` is not given them, however odd they are; which it reads is not known"
        silent = any(self._trains(one) and not one.get("content", one.get("value")) for one in turns)
        if (theirs, ours) == ("taken", "altered") and silent:
            return (
                "a turn without text leaves nothing to look for in what is trained; Axolotl trains neither it nor the token"
                " that ends it, and we say so"
            )
        return None

    def _trains(self, turn: Any) -> bool:
        """Whether a turn is one that the settings train."""
        return turn.get("role", turn.get("from")) in self._roles or bool(
            self._field and turn.get(self._field)
        )


def _turns(row: Any) -> list[Any]:
    turns = row.get("messages", row.get("conversations"))
    return [one for one in turns if isinstance(one, dict)] if isinstance(turns, list) else []


def compare(
    name: str, rows: Sequence[Any], ours: Ours, trainer: Theirs, tables: tuple[Table, Table], weights: bool
) -> None:
    """One file: what becomes of each row, and which text of it is trained."""
    outcomes, labels = tables
    for at, row in enumerate(rows):
        forecast, conversation = ours.forecasts[at], ours.conversations[at]
        if forecast is None or conversation is None:
            outcomes.add(name, row, ("", ""), None)
            continue
        outcome, shown = trainer.verdict(row, forecast.text)
        if outcome == "kept":
            held = Held(forecast.text or "", shown)
            harm = harm_of(conversation, held, controls=TOKENS.controls, answers=True, weights=weights)
            outcomes.add(
                name, row, ("altered" if harm else "taken", str(harm)), forecast.outcome, ours.says(at)
            )
        else:
            outcomes.add(name, row, (outcome, shown), forecast.outcome, ours.says(at))
        if outcome != "refused" and forecast.outcome != "refused":
            labels.add(name, row, (shown, ""), forecast_text(forecast, len(shown)), ours.says(at))


def main() -> int:
    failed = 0
    files = [*case_files(), *real_files()]
    wanted = [one for one in sys.argv[1:] if not one.startswith("-")] or list(SETTINGS)
    for title, (template, settings) in ((title, SETTINGS[title]) for title in wanted):
        tokenizer = tokenizer_of(template, "<|im_end|>", "<|im_start|>")
        ours_template = ChatTemplate.of(template, special_tokens={"eos_token": "<|im_end|>"})
        explained = Explained(template, settings)
        tables = Table("axolotl", title, explained=explained), Table("axolotl", title, "labels")
        groups = [(name, rows if title == "defaults" else some(rows)) for name, rows in files]
        groups += [("mutations", [row]) for row in mutations(400)]
        for name, rows in groups:
            ours = Ours.of("axolotl", rows, settings, ours_template, TOKENS)
            if all(isinstance(row, dict) for row in rows):
                trainer = Theirs(rows, template, settings, tokenizer)
                compare(name, rows, ours, trainer, tables, "message_field_training" in settings)
        for table in tables:
            failed |= table.done()
    return failed


if __name__ == "__main__":
    sys.exit(main())
