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
    case_files,
    forecast_text,
    mutations,
    real_files,
    some,
    tokenizer_of,
    trained_text,
)

package = types.ModuleType("unsloth_zoo")
package.__path__ = list(find_spec("unsloth_zoo").submodule_search_locations or ())  # type: ignore[union-attr]
sys.modules["unsloth_zoo"] = package

import datasets
from harm import Held, harm_of
from tables import Table
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
datasets.logging.set_verbosity_error()
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


def theirs(rows: Sequence[Any]) -> tuple[str, list[tuple[bool, str, bool]]]:
    """Why the file is refused, or of each row whether it is kept, what of it is trained, and whether it is cut."""
    try:
        done = standardize_data_formats(loaded(rows))
        column = "conversations" if "conversations" in done.column_names else "messages"
        found = []
        for row in done:
            text = TOKENIZER.apply_chat_template(row[column], tokenize=False)
            ids = TOKENIZER(text, add_special_tokens=False, truncation=True, max_length=LIMIT).input_ids
            labels = MASK({"input_ids": [ids]})["labels"][0]
            shown = trained_text(text, labels, TOKENS)
            kept = any(label != -100 for label in labels)
            found.append((kept, shown, TOKENS.count(text) > LIMIT))
    except Exception as error:
        return f"{type(error).__name__}: {error}", []
    return "", found


def compare(name: str, rows: Sequence[Any], files: Table, outcomes: Table, labels: Table) -> None:
    """One file: is it refused, what becomes of each row, and which text of it is trained."""
    ours = Ours.of("unsloth", rows, template=TEMPLATE, tokens=TOKENS)
    unread = any(forecast is None for forecast in ours.forecasts)
    refused = bool(ours.file) or any(ours.outcome(at) == "refused" for at in range(len(rows)))
    words, found = theirs(rows)
    verdict = None if unread else "refused" if refused else "taken"
    files.add(name, rows[:2], ("refused" if words else "taken", words), verdict, [ours.says(0), ours.file])
    for at, (kept, shown, cut) in enumerate(found):
        forecast, conversation = ours.forecasts[at], ours.conversations[at]
        if forecast is None or conversation is None or refused:
            continue
        harm = harm_of(
            conversation, Held(forecast.text or "", shown, cut), controls=TOKENS.controls, answers=True
        )
        outcome = "dropped" if not kept else "altered" if harm else "taken"
        outcomes.add(name, rows[at], (outcome, str(harm)), forecast.outcome, ours.says(at))
        labels.add(name, rows[at], (shown, ""), forecast_text(forecast, len(shown)))


def main() -> int:
    mine = markers_of(TEMPLATE)
    print("markers", repr(INSTRUCTION), repr(RESPONSE), mine)
    failed = int(mine is None or (mine.instruction, mine.response) != (INSTRUCTION, RESPONSE))
    tables = [Table("unsloth", compares=what) for what in ("files", "outcome", "labels")]
    groups = [*case_files(), *real_files(), *(("mutations", [row]) for row in mutations(400))]
    for name, rows in groups:
        compare(name, rows, *tables)
        # Where one row ends the run for all, the others are seen alone.
        if len(rows) > 1 and theirs(rows)[0]:
            for row in some(rows):
                compare(f"{name}, row by row", [row], *tables)
    for table in tables:
        failed |= table.done()
    return failed


if __name__ == "__main__":
    sys.exit(main())
