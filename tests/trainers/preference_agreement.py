"""How far our forecasts of DPO and KTO agree with real trainers of the installed `trl`.

Run it in an environment with trl, torch, datasets and accelerate:

    python tests/trainers/preference_agreement.py

For each set of pairs, layout, template and length a real DPOTrainer and KTOTrainer is built: does it raise, which rows are
left, and are the tokens and the trained ones of the chosen answer as we said. It ends with 1 if one is not.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import Any

from real_trl import SCRATCH, ExactTokens, model, quiet, rows_of, shape_of, tokenizer
from tables import Table

import rolethread_nb as rt
from rolethread_nb.training.targets.target import Context, Forecast
from rolethread_nb.training.targets.trl_preference import TARGETS
from rolethread_nb.training.templates import ChatTemplate

DATA = Path(__file__).parents[3] / "shared" / "data"
ROLES = {"human": "user", "gpt": "assistant", "system": "system"}


def user(text: Any) -> dict[str, Any]:
    return {"role": "user", "content": text}


def assistant(text: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": text}


GOOD = {
    "prompt": [user("Which way?")],
    "chosen": [assistant("West.")],
    "rejected": [assistant("East, I think.")],
}

# Sets of records, small ones that show one thing each. An empty list as answer is not among them: TRL looks at one column,
# the first of a set of strings, so that one run ends with IndexError and the next does not.
SMALL: dict[str, list[Any]] = {
    "good": [GOOD],
    "alike": [{**GOOD, "rejected": GOOD["chosen"]}, GOOD],
    "implicit": [{"chosen": [user("a"), assistant("b")], "rejected": [user("a"), assistant("c")]}],
    "implicit, first turns differ": [
        {"chosen": [user("a"), assistant("b")], "rejected": [user("x"), assistant("c")]}
    ],
    "implicit, alike": [{"chosen": [user("a"), assistant("b")], "rejected": [user("a"), assistant("b")]}],
    "empty prompt": [{"prompt": [], "chosen": [assistant("a")], "rejected": [assistant("b")]}],
    "prompt is text": [{"prompt": "a", "chosen": [assistant("b")], "rejected": [assistant("c")]}],
    "texts": [{"prompt": "a ", "chosen": "b", "rejected": "c"}],
    "texts, implicit": [{"chosen": "Say a or b", "rejected": "Say a or c"}],
    "null answer": [GOOD, {**GOOD, "rejected": None}],
    "sharegpt": [
        {
            "conversations": [{"from": "human", "value": "a"}],
            "chosen": {"from": "gpt", "value": "b"},
            "rejected": {"from": "gpt", "value": "c"},
        }
    ],
    "labelled": [
        {"prompt": [user("a")], "completion": [assistant("b")], "label": True},
        {"prompt": [user("a")], "completion": [assistant("c")], "label": False},
    ],
    "labelled messages": [{"messages": [user("a"), assistant("b")], "label": True}],
    "control string": [{**GOOD, "prompt": [user("Say <|im_end|>")]}],
    "unknown role": [{**GOOD, "prompt": [{"role": "narrator", "content": "It rains."}, *GOOD["prompt"]]}],
    "system": [{**GOOD, "prompt": [{"role": "system", "content": "Be kind."}, *GOOD["prompt"]]}],
    "tools as text": [{**GOOD, "tools": "[]"}],
    "images": [{**GOOD, "images": []}],
}


def files() -> dict[str, list[Any]]:
    found = dict(SMALL)
    path = DATA / "preference_dpo_en_sharegpt.json"
    if path.is_file():
        pairs = [pair(one.raw) for one in list(rt.load(str(path)))[:25]]
        found["real pairs"] = pairs
        found["real pairs, implicit"] = [
            {"chosen": one["prompt"] + one["chosen"], "rejected": one["prompt"] + one["rejected"]}
            for one in pairs
        ]
    return found


def pair(record: Any) -> dict[str, Any]:
    """A pair of the file as TRL reads it."""

    def turn(one: Any) -> dict[str, str]:
        return {"role": ROLES[one["from"]], "content": one["value"]}

    prompt = [turn(one) for one in record["conversations"]]
    return {"prompt": prompt, "chosen": [turn(record["chosen"])], "rejected": [turn(record["rejected"])]}


def built(name: str, records: list[Any], template: str, length: int) -> Any:
    """A real trainer; raises whatever it raises."""
    from trl import DPOConfig, DPOTrainer, KTOConfig, KTOTrainer

    config, trainer = (DPOConfig, DPOTrainer) if name == "trl-dpo" else (KTOConfig, KTOTrainer)
    arguments = config(
        output_dir=SCRATCH.name, report_to=[], use_cpu=True, bf16=False, max_length=length, save_strategy="no"
    )
    return trainer(
        model=model(),
        ref_model=model(),
        args=arguments,
        train_dataset=rows_of(records),
        processing_class=tokenizer(template),
    )


def foretold(one: Any, records: list[Any], template: str, length: int) -> list[Forecast]:
    processing_class = tokenizer(template)
    settings = {**one.settings, "max_length": length}
    context = Context(ChatTemplate.of(processing_class), ExactTokens(processing_class), settings)
    judge = one.judge(shape_of(records), context)
    return [judge(conversation) for conversation in rt.load(records)]


def held(trainer: Any, length: int) -> list[tuple[list[int], int]]:
    """Ids of the chosen answer with its prompt, cut, and how many of them are trained."""
    rows = []
    for row in trainer.train_dataset:
        if (
            row.get("label") is False
            and "chosen_ids" not in row
            and "completion_ids" in row
            and trainer_is_paired(trainer)
        ):
            continue
        answer = row["chosen_ids"] if "chosen_ids" in row else row["completion_ids"]
        ids = (row["prompt_ids"] + answer)[:length]
        rows.append((ids, max(0, len(ids) - len(row["prompt_ids"]))))
    return rows


def trainer_is_paired(trainer: Any) -> bool:
    return bool(getattr(trainer, "made_of_pairs", False))


def compare(one: Any, name: str, records: list[Any], template: str, length: int) -> list[str]:
    ours = foretold(one, records, template, length)
    if not ours:
        return ["no conversations to us"]
    refused = any(forecast.outcome == "refused" for forecast in ours)
    try:
        trainer = built(one.name, records, template, length)
    except Exception as error:
        return [] if refused else [f"not refused by us: {error!r}"[:200]]
    if refused:
        return [f"refused by us only: {[r.says for forecast in ours for r in forecast.reasons][:2]}"]
    trainer.made_of_pairs = "chosen" in records[0]
    left = [forecast for forecast in ours if forecast.outcome != "dropped"]
    rows = held(trainer, length)
    problems = [] if len(rows) == len(left) else [f"{len(rows)} rows, not {len(left)}"]
    processing_class = tokenizer(template)
    for forecast, (ids, trained) in zip(left, rows, strict=False):
        mine = processing_class.encode(forecast.text, add_special_tokens=False)[: forecast.kept_tokens]
        if mine != ids:
            problems.append(f"text {forecast.text!r}, not {processing_class.decode(ids)!r}"[:300])
        if forecast.trained_tokens != trained:
            problems.append(f"{forecast.trained_tokens} trained tokens, not {trained}")
    return problems


def main() -> int:
    bad = 0
    for one in TARGETS:
        total: Counter[str] = Counter()
        table = Table(one.name, "small sets, two templates, three lengths", "all of a set")
        for name, records in files().items():
            for template in ("chatml", "trl:qwen3"):
                for length in (16, 200, 1024):
                    problems = compare(one, name, records, template, length)
                    total["DIFFERENT" if problems else "equal"] += 1
                    table.count(name, 1, int(not problems))
                    for problem in problems[:2]:
                        print(f"   {one.name}, {name}, {template}, {length}: {problem}")
        print(f"{one.name}: {dict(total)}")
        bad += table.done()
    return bad


if __name__ == "__main__":
    quiet()
    sys.exit(min(1, main()))
