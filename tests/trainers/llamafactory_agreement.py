"""How far our profile of LLaMA-Factory agrees with its converters, its ChatML and its loss.

Run it in an environment with llamafactory==0.9.5 (`--no-deps`), torch, transformers, datasets, peft, accelerate and trl
(all without their dependencies), and what rolethread_nb needs:

    python tests/trainers/llamafactory_agreement.py [--verbose] [SETTING ...]

Stubbed: `torchaudio`, which it imports and does not use here; and `llamafactory.data` as an empty package, whose own
`__init__` imports the trainer. A row is converted, encoded with LLaMA-Factory's template `chatml`, and compared with our
forecast under our ChatML. A key that a message has not is null, as `datasets` hands it over.
"""

from __future__ import annotations

import copy
import json
import logging
import sys
import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from agreement import (
    Characters,
    Ours,
    case_files,
    mutations,
    real_files,
    shape_of,
    some,
    tokenizer_of,
)

from rolethread_nb.training.chatml import CHATML

TOKENS = Characters("<|im_start|>", "<|im_end|>")
# transformers looks for torchaudio by itself, so that it comes first.
TOKENIZER = tokenizer_of(CHATML, "<|im_end|>", "<|im_start|>")
sys.modules["torchaudio"] = types.ModuleType("torchaudio")
package = types.ModuleType("llamafactory.data")
(home,) = find_spec("llamafactory").submodule_search_locations or ()  # type: ignore[union-attr]
package.__path__ = [f"{home}/data"]
sys.modules["llamafactory.data"] = package

from harm import GAP, Held, harm_of
from llamafactory.data.converter import OpenAIDatasetConverter, SharegptDatasetConverter
from llamafactory.data.parser import DatasetAttr
from llamafactory.data.processor.supervised import SupervisedDatasetProcessor
from llamafactory.data.template import TEMPLATES
from tables import Table

from rolethread_nb.training.targets.llamafactory_rows import Columns
from rolethread_nb.training.templates import ChatTemplate

logging.disable(logging.CRITICAL)
# What its OpenAI formatter writes into every system prompt.
ADDED = "detailed thinking o"
SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "sharegpt": {},
    "openai": {"formatting": "openai"},
    "sharegpt, train_on_prompt": {"train_on_prompt": True},
    "sharegpt, mask_history": {"mask_history": True},
    "sharegpt, cutoff_len 100": {"cutoff_len": 100},
    "openai, cutoff_len 200, mask_history": {"formatting": "openai", "cutoff_len": 200, "mask_history": True},
}


@dataclass
class Theirs:
    """LLaMA-Factory with one entry of dataset_info.json."""

    rows: Sequence[Any]
    settings: Mapping[str, Any]

    def __post_init__(self) -> None:
        openai = self.settings.get("formatting") == "openai"
        entry = Columns.of(shape_of(self.rows), "openai" if openai else "sharegpt")
        self.columns = entry
        attr = DatasetAttr(
            "file",
            "rows",
            messages=entry.messages,
            system=entry.system,
            tools=entry.tools,
            role_tag=entry.role,
            content_tag=entry.content,
            user_tag=entry.user,
            assistant_tag=entry.assistant,
            observation_tag=entry.observation,
            function_tag=entry.function,
            system_tag=entry.system_role,
        )
        limits = {"cutoff_len": 2048, "train_on_prompt": False, "mask_history": False, **self.settings}
        options = SimpleNamespace(**limits)
        self.converter = (OpenAIDatasetConverter if openai else SharegptDatasetConverter)(attr, options)
        self.processor = SupervisedDatasetProcessor(TEMPLATES["chatml"], TOKENIZER, None, options)

    def verdict(self, row: Any) -> tuple[str, str, Sequence[int], Sequence[int]]:
        try:
            done = self.converter(self._filled(row))
            made = self.processor.preprocess_dataset({key: [value] for key, value in done.items()})
        except Exception as error:
            return "refused", f"{type(error).__name__}: {error}", [], []
        if not made.get("input_ids"):
            return "dropped", "", [], []
        return "kept", "", made["input_ids"][0], made["labels"][0]

    def _filled(self, row: Any) -> Any:
        """The row with null for every key that is named in the entry, as `datasets` gives it."""
        full = copy.deepcopy(row)
        entry = self.columns
        for key in (entry.messages, entry.system, entry.tools):
            if key is not None:
                full.setdefault(key, None)
        for message in full[entry.messages] if isinstance(full[entry.messages], list) else ():
            if isinstance(message, dict):
                message.setdefault(entry.role, None)
                message.setdefault(entry.content, None)
        return full


def odd_tool(name: str, row: Any, theirs: str, ours: str) -> str | None:
    """A tool definition that is no JSON Schema within."""
    if theirs == "refused" and ours in ("taken", "altered") and isinstance(row.get("tools"), list):
        return "the template chatml reads the schema of each tool and stops at an odd one; others write it as it is"
    return None


def main() -> int:
    failed = 0
    template = ChatTemplate.of(CHATML, special_tokens={"eos_token": "<|im_end|>"})
    files = [*case_files(), *real_files()]
    wanted = [one for one in sys.argv[1:] if not one.startswith("-")] or list(SETTINGS)
    for title, settings in ((title, SETTINGS[title]) for title in wanted):
        outcomes = Table("llamafactory", title, explained=odd_tool)
        labels = Table("llamafactory", title, "text and labels")
        groups = [(name, rows if title in ("sharegpt", "openai") else some(rows)) for name, rows in files]
        for name, rows in [*groups, *(("mutations", [row]) for row in mutations(400))]:
            ours = Ours.of("llamafactory", rows, settings, template, TOKENS)
            if all(isinstance(row, dict) for row in rows):
                compare(name, rows, ours, Theirs(rows, settings), outcomes, labels)
        failed |= outcomes.done() | labels.done()
    return failed


def compare(
    name: str, rows: Sequence[Any], ours: Ours, trainer: Theirs, outcomes: Table, labels: Table
) -> None:
    """One file: what becomes of each row, and which text of it is trained."""
    for at, row in enumerate(rows):
        forecast, conversation = ours.forecasts[at], ours.conversations[at]
        if forecast is None or conversation is None:
            outcomes.add(name, row, ("", ""), None)
            continue
        outcome, words, ids, trained = trainer.verdict(row)
        written = _has_tools(row)
        if outcome != "kept":
            outcomes.add(name, row, (outcome, words), forecast.outcome, ours.says(at))
        elif written:
            # Its own templates write tools and calls in other words, so that only whether it is kept can be compared.
            kept = forecast.outcome in ("taken", "altered")
            outcomes.add(name, row, ("kept", ""), "kept" if kept else forecast.outcome, ours.says(at))
        else:
            harm = harm_of_row(conversation, forecast, ids, trained)
            outcomes.add(
                name, row, ("altered" if harm else "taken", str(harm)), forecast.outcome, ours.says(at)
            )
        if outcome == "kept" and not written and forecast.outcome in ("taken", "altered"):
            compare_labels(labels, name, row, forecast, ids, trained)


def harm_of_row(conversation: Any, forecast: Any, ids: Sequence[int], labels: Sequence[int]) -> set[str]:
    text = "".join(_letter(one) for one in ids)
    trained = "".join(GAP if label == -100 else _letter(label) for label in labels)
    cut = forecast.kept is not None
    harm = harm_of(conversation, Held(text, trained, cut), controls=TOKENS.controls, answers=True)
    return harm | ({"added"} if ADDED in text else set())


def _has_tools(row: Any) -> bool:
    """Tools and calls are written in another way by each of LLaMA-Factory's templates, and by the model's own."""
    words = json.dumps(row)
    return any(word in words for word in ('"tools"', '"tool_calls"', '"function_call"', '"tool"'))


def compare_labels(
    table: Table, name: str, row: Any, forecast: Any, ids: Sequence[int], labels: Sequence[int]
) -> None:
    theirs = "".join(_letter(one) for one in ids), "".join(_letter(one) for one in labels if one != -100)
    text = forecast.text or ""
    mine = "".join(text[start:end] for start, end in forecast.trained)
    if forecast.kept is None:
        table.add(name, row, (repr((theirs[0], theirs[1])), ""), repr((text, mine)))
    else:
        counts = (len(ids), sum(one != -100 for one in labels), theirs[1])
        table.add(name, row, (repr(counts), ""), repr((forecast.kept_tokens, forecast.trained_tokens, mine)))


def _letter(one: int) -> str:
    return str(TOKENIZER.convert_ids_to_tokens(one))


if __name__ == "__main__":
    sys.exit(main())
