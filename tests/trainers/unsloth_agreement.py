"""How far our profile of Unsloth agrees with unsloth_zoo.

Run it in an environment with unsloth_zoo==2026.10.9 (`--no-deps`), torch, transformers, datasets and what rolethread_nb
needs:

    python tests/trainers/unsloth_agreement.py [--verbose]

The package wants `unsloth` and a GPU to be imported; its module `dataset_utils` needs neither and is imported alone.
A file is standardised as a `datasets.Dataset`, rendered with our ChatML and masked with `train_on_responses_only`.
"""

from __future__ import annotations

import json
import sys
import tempfile
import types
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from agreement import (
    Characters,
    Ours,
    Table,
    case_files,
    forecast_text,
    mutations,
    real_files,
    tokenizer_of,
    trained_text,
)

package = types.ModuleType("unsloth_zoo")
package.__path__ = list(find_spec("unsloth_zoo").submodule_search_locations or ())  # type: ignore[union-attr]
sys.modules["unsloth_zoo"] = package

import datasets
from unsloth_zoo.dataset_utils import (
    get_chat_template_parts,
    standardize_data_formats,
    train_on_responses_only,
)

from rolethread_nb.training.chatml import CHATML
from rolethread_nb.training.targets.unsloth import markers_of
from rolethread_nb.training.templates import ChatTemplate

datasets.disable_progress_bars()
datasets.disable_caching()
FOLDER = Path(tempfile.mkdtemp())
LIMIT = 2048
TOKENS = Characters("<|im_start|>", "<|im_end|>")
TOKENIZER = tokenizer_of(CHATML, "<|im_end|>", "<|im_start|>")
TEMPLATE = ChatTemplate.of(CHATML, special_tokens={"eos_token": "<|im_end|>"})
INSTRUCTION, RESPONSE = get_chat_template_parts(TOKENIZER)
MASK = train_on_responses_only(None, INSTRUCTION, RESPONSE, tokenizer=TOKENIZER, return_function=True)


def loaded(rows: Sequence[Any]) -> Any:
    path = FOLDER / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return datasets.load_dataset("json", data_files=str(path), split="train", cache_dir=str(FOLDER / "cache"))


def theirs(rows: Sequence[Any]) -> tuple[str, list[tuple[str, str]]]:
    """Why the file is refused, or what of each row is trained."""
    try:
        done = standardize_data_formats(loaded(rows))
        column = "conversations" if "conversations" in done.column_names else "messages"
        found = []
        for row in done:
            text = TOKENIZER.apply_chat_template(row[column], tokenize=False)
            ids = TOKENIZER(text, add_special_tokens=False, truncation=True, max_length=LIMIT).input_ids
            labels = MASK({"input_ids": [ids]})["labels"][0]
            shown = trained_text(text, labels, TOKENS)
            found.append(("dropped" if all(label == -100 for label in labels) else "kept", shown))
    except Exception as error:
        return f"{type(error).__name__}: {error}", []
    return "", found


def main() -> int:
    mine = markers_of(TEMPLATE)
    print("markers", repr(INSTRUCTION), repr(RESPONSE), mine)
    failed = int(mine is None or (mine.instruction, mine.response) != (INSTRUCTION, RESPONSE))
    table, masks = Table("unsloth_zoo 2026.10.9, files"), Table("unsloth_zoo 2026.10.9, what is trained")
    groups = [(name, rows, name) for name, rows in [*case_files(), *real_files()]]
    groups += [("mutations", [row], "mutations") for row in mutations(400)]
    for _, rows, group in groups:
        ours = Ours.of("unsloth", rows, template=TEMPLATE, tokens=TOKENS)
        unread = any(forecast is None for forecast in ours.forecasts)
        refused = ours.file or any(ours.outcome(at) == "refused" for at in range(len(rows)))
        words, found = theirs(rows)
        verdict = None if unread else "refused" if refused else "taken"
        table.add(
            group, rows[:2], ("refused" if words else "taken", words), verdict, [ours.says(0), ours.file]
        )
        for at, (outcome, shown) in enumerate(found):
            forecast = ours.forecasts[at]
            if forecast is None or refused:
                continue
            theirs_row = f"{outcome} {shown!r}"
            ours_outcome = "dropped" if ours.outcome(at) == "dropped" else "kept"
            masks.add(
                group, rows[at], (theirs_row, ""), f"{ours_outcome} {forecast_text(forecast, len(shown))!r}"
            )
    return failed | table.done() | masks.done()


if __name__ == "__main__":
    sys.exit(main())
