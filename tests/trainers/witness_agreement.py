"""How far the witness agrees with the labels of real trainers, and our forecast with the witness.

Run it in an environment with trl, torch, datasets and accelerate:

    python tests/trainers/witness_agreement.py [SETTING ...]

For each file, setting and length a real SFTTrainer is built. The rows of the witness have to be the rows of its data, token
by token and label by label; the forecast has to be the witness, row by row; and the trainer has to be unchanged. It prints a
table and every disagreement, and ends with 1 if there is one.
"""

from __future__ import annotations

import random
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from real_trl import CASES, SCRATCH, labelled, model, quiet, rows_of, sft, tokenizer
from tables import Table
from trl_agreement import forecasts

import rolethread_nb as rt
from rolethread_nb.training.witness import Witness, witness

DATA = Path(__file__).parents[3] / "shared" / "data"
LENGTHS = (64, 1024)
ROWS = 25

# Real files in a layout that TRL reads.
MESSAGES = (
    "roleplay_drama_scenes_chatml.jsonl.gz",
    "persona_agents_en.jsonl.gz",
    "rtl_persona_agents_ar_fa.jsonl.gz",
    "openai_toolcalls_retail.jsonl.gz",
    "messages_kto_en.json",
    "rtl_drama_yiddish_named_roles.jsonl.gz",
    "sharegpt_glaive_toolcall.json",
)
TEXTS = ("completion_tutor_transcripts.jsonl",)


@dataclass
class Setting:
    """One way of building a trainer."""

    name: str
    template: str
    options: dict[str, Any] = field(default_factory=dict)
    prompts: bool = False
    begins: bool = False


SETTINGS = (
    Setting("default", "trl:qwen3"),
    Setting("default, chatml", "chatml"),
    Setting("completion only", "trl:qwen3", prompts=True),
    Setting("completion off", "chatml", {"completion_only_loss": False}, prompts=True),
    Setting("assistant only", "trl:qwen3", {"assistant_only_loss": True}),
    Setting("assistant only, chatml", "chatml", {"assistant_only_loss": True}),
    Setting("assistant only, llama3", "trl:llama3", {"assistant_only_loss": True}),
    Setting("both", "chatml", {"assistant_only_loss": True}, prompts=True),
    Setting("keep end", "chatml", {"truncation_mode": "keep_end"}),
    Setting("packed", "trl:qwen3", {"packing": True}),
    Setting("a token before texts", "chatml", begins=True),
    Setting("the same, prompts", "trl:qwen3", prompts=True, begins=True),
)


def files() -> Iterator[tuple[str, list[Any]]]:
    for path in sorted(CASES.glob("*.jsonl")):
        yield f"cases/{path.stem}", [one.raw for one in rt.load(str(path))]
    for name in (*MESSAGES, *TEXTS):
        if (DATA / name).is_file():
            dataset = rt.load(str(DATA / name))
            yield f"real/{name}", [dataset[at].raw for at in range(min(ROWS, len(dataset)))]


def with_prompts(records: list[Any]) -> list[Any]:
    """Messages as prompt and completion: the last turn is the completion."""
    made = []
    for record in records:
        messages = record.get("messages") if isinstance(record, dict) else None
        if isinstance(messages, list) and len(messages) > 1:
            rest = {key: value for key, value in record.items() if key in ("tools", "id")}
            made.append({**rest, "prompt": messages[:-1], "completion": messages[-1:]})
    return made


def problems_of(trainer: Any, found: Witness, records: list[Any], packed: bool) -> Iterator[str]:
    """Where the witness is not the trainer's labels, or the forecast not the witness."""
    real = labelled(trainer)
    seen = [(list(row.ids), list(row.labels)) for row in found.rows]
    if packed:
        # What is joined in the trainer's rows is told apart in the witness; without padding the first token has no label.
        joined: dict[int, list[int]] = {}
        for row in found.rows:
            joined.setdefault(row.number, []).extend(row.ids)
        if list(joined.values()) != [ids for ids, _ in real]:
            yield "the packed rows are not the trainer's"
    elif seen != real:
        yield f"{len(seen)} rows of the witness are not the {len(real)} of the trainer"
    decoder = trainer.processing_class
    for row in found.rows:
        runs = [row.text[start:end] for start, end in row.trained]
        trained = [label for label in row.labels if label != -100]
        if "\ufffd" not in decoder.decode(trained) and "".join(runs) != decoder.decode(trained):
            yield f"row {row.number}: trained {runs!r}"[:200]
    for one in found.differences:
        yield f"{one.id} {one.what}: we said {one.foretold}; trainer: {one.found}"[:400]
    gone = {row.conversation for row in found.rows} | {one.conversation for one in found.missing}
    if found.matched_by is not None and gone != set(range(len(records))):
        yield f"conversations that are neither there nor missing, or of no file: {gone ^ set(range(len(records)))}"


def state(trainer: Any) -> Any:
    """What must not change."""
    weights = sum(float(parameter.detach().double().abs().sum()) for parameter in trainer.model.parameters())
    arrays = np.random.get_state()[1].tolist()  # noqa: NPY002 - the state that collators draw from
    drawn = (random.getstate(), arrays, torch.get_rng_state().tolist())
    return weights, drawn, trainer._signature_columns, trainer.state.global_step, trainer.model.training


def compare(
    setting: Setting, name: str, records: list[Any], length: int, total: Counter[str], table: Table
) -> None:
    options = {"max_length": length, **setting.options}
    packed = bool(options.get("packing"))
    try:
        trainer = sft(rows_of(records), tokenizer(setting.template, begins=setting.begins), **options)
    except Exception as error:
        ours = forecasts(records, setting.template, tokenizer(setting.template), **options)
        said = any(one.outcome == "refused" for one in ours)
        # Each verdict is about one conversation; that all of them are empty, which cannot be packed, is seen from all.
        said = said or (packed and all(one.outcome == "dropped" for one in ours))
        total["trainer refuses, so we said" if said else "files DIFFERENT"] += 1
        table.count(name, 1, int(said))
        if not said:
            print(f"   {setting.name}, {length}, {name}: not refused by us: {error!r}"[:300])
        return
    before = state(trainer)
    found = witness(trainer, records)
    changed = ["the trainer has changed"] if state(trainer) != before else []
    problems = changed + list(problems_of(trainer, found, records, packed))
    total["files equal" if not problems else "files DIFFERENT"] += 1
    rows = max(1, len(found.rows))
    table.count(name, rows, rows - min(rows, len(problems)))
    total["rows"] += len(found.rows)
    total["missing"] += len(found.missing)
    total["compared"] += sum(row.forecast is not None for row in found.rows)
    total[f"matched by {found.matched_by}"] += 1
    for problem in problems[:4]:
        print(f"   {setting.name}, {length}, {name}: {problem}")


def pairs() -> int:
    """A DPOTrainer: both answers of every pair, their own tokens trained."""
    from trl import DPOConfig, DPOTrainer

    path = DATA / "preference_dpo_en_sharegpt.json"
    records = [pair(one.raw) for one in list(rt.load(str(path)))[:ROWS]] if path.is_file() else []
    bad = 0
    for layout in ("prompt", "no prompt", "text"):
        given = [as_layout(one, layout) for one in records]
        for length in LENGTHS:
            arguments = DPOConfig(
                output_dir=SCRATCH.name,
                report_to=[],
                use_cpu=True,
                bf16=False,
                max_length=length,
                save_strategy="no",
            )
            trainer = DPOTrainer(
                model=model(),
                ref_model=model(),
                args=arguments,
                train_dataset=rows_of(given),
                processing_class=tokenizer("chatml"),
            )
            before = state(trainer)
            found = witness(trainer, given)
            same = state(trainer) == before
            wrong = 0
            for number, row in enumerate(trainer.train_dataset):
                for side, one in zip(
                    ("chosen", "rejected"), found.rows[2 * number : 2 * number + 2], strict=True
                ):
                    ids = (row["prompt_ids"] + row[f"{side}_ids"])[:length]
                    labels = ([-100] * len(row["prompt_ids"]) + row[f"{side}_ids"])[:length]
                    wrong += (list(one.ids), list(one.labels), one.side) != (ids, labels, side)
                    wrong += (row["prompt"], row[side]) != answers(given[one.conversation], row, side)
            gone = {row.conversation for row in found.rows} | {one.conversation for one in found.missing}
            wrong += gone != set(range(len(given)))
            print(
                f"DPO, {layout:10} {length:5}  {len(found.rows)} sequences, {len(found.missing)} missing, {wrong} wrong, {same=}"
            )
            bad += wrong + (not same)
    return bad


def pair(record: Any) -> dict[str, Any]:
    """A pair of the file as TRL reads it."""
    roles = {"human": "user", "gpt": "assistant", "system": "system"}

    def turn(one: Any) -> dict[str, str]:
        return {"role": roles[one["from"]], "content": one["value"]}

    prompt = [turn(one) for one in record["conversations"]]
    return {"prompt": prompt, "chosen": [turn(record["chosen"])], "rejected": [turn(record["rejected"])]}


def as_layout(record: dict[str, Any], layout: str) -> dict[str, Any]:
    prompt, chosen, rejected = record["prompt"], record["chosen"], record["rejected"]
    if layout == "text":
        written = "\n".join(one["content"] for one in prompt)
        return {"prompt": written, "chosen": chosen[0]["content"], "rejected": rejected[0]["content"]}
    return record if layout == "prompt" else {"chosen": prompt + chosen, "rejected": prompt + rejected}


def answers(record: dict[str, Any], row: Any, side: str) -> tuple[Any, Any]:
    """Prompt and answer of our record as the trainer has made them."""
    if "prompt" not in record:
        return record[side][: len(row["prompt"])], record[side][len(row["prompt"]) :]
    if isinstance(record[side], str):
        return record["prompt"], record[side] + "<|im_end|>"
    return record["prompt"], record[side]


def plain_trainer() -> int:
    """A Trainer of transformers, with rows that are tokens already, and a collator that masks at random."""
    from transformers import DataCollatorForLanguageModeling, Trainer, TrainingArguments

    made = tokenizer("chatml")
    made.add_special_tokens({"mask_token": "<s>"})
    texts = ["The wind comes from the west.", "Tomorrow it turns north.", "A lighthouse, far away."]
    rows = [{"input_ids": made(text)["input_ids"], "note": "left out"} for text in texts]
    bad = 0
    for masked in (False, True):
        trainer = Trainer(
            model=model(),
            args=TrainingArguments(output_dir=SCRATCH.name, report_to=[], use_cpu=True),
            train_dataset=rows_of(rows),
            data_collator=DataCollatorForLanguageModeling(made, mlm=masked, mlm_probability=0.4),
            processing_class=made,
        )
        before = state(trainer)
        torch.manual_seed(3)
        found = witness(trainer, [{"messages": [{"role": "user", "content": text}]} for text in texts])
        torch.manual_seed(3)
        real = [trainer.data_collator([{"input_ids": row["input_ids"]}]) for row in trainer.train_dataset]
        torch.set_rng_state(torch.tensor(before[1][2], dtype=torch.uint8))
        equal = all(
            list(one.ids) == batch["input_ids"][0].tolist()
            and list(one.labels) == batch["labels"][0].tolist()
            for one, batch in zip(found.rows, real, strict=True)
        )
        same = state(trainer) == before
        print(
            f"Trainer, masked at random: {masked}: {len(found.rows)} rows, matched by {found.matched_by}, {equal=}, {same=}"
        )
        bad += (not equal) + (not same)
    return bad


def main() -> int:
    wanted = sys.argv[1:]
    bad = 0 if wanted else pairs() + plain_trainer()
    read = list(files())
    for setting in SETTINGS:
        if wanted and setting.name not in wanted:
            continue
        lengths = " and ".join(map(str, LENGTHS))
        table = Table(
            "trl", f"witness: {setting.name}, {lengths} tokens", "labels, and the forecast beside them"
        )
        for length in LENGTHS:
            total: Counter[str] = Counter()
            for name, records in read:
                given = with_prompts(records) if setting.prompts else records
                if given:
                    compare(setting, name, given, length, total, table)
            print(f"{setting.name:24} {length:5}  {dict(sorted(total.items()))}", flush=True)
        bad += table.done()
    return bad


if __name__ == "__main__":
    quiet()
    sys.exit(min(1, main()))
