"""What a trainer needs beside the file: an entry, lines of a configuration, or a few lines of Python."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..training.targets.registry import target as trainer
from .for_target import Survey


def beside(name: str, path: Path, survey: Survey) -> dict[Path, bytes]:
    """The files that a trainer needs beside ``path``, by their paths; none for a hosted service.

    Args:
        name: the trainer's.
        path: the exported file; it is named without its folder.
        survey: what the records have in common.
    """
    if name not in _WRITERS:
        return {}
    ending, write = _WRITERS[name]
    return {path.with_name(path.name + ending): write(name, path, survey).encode()}


def _dataset_info(name: str, path: Path, survey: Survey) -> str:
    columns = {"messages": "conversations"}
    columns |= {key: key for key in ("tools", "images", "videos", "audios") if key in survey.keys}
    entry = {
        "file_name": path.name,
        "formatting": "sharegpt",
        "columns": columns,
        "tags": {
            "role_tag": "from",
            "content_tag": "value",
            "user_tag": "human",
            "assistant_tag": "gpt",
            "observation_tag": "observation",
            "function_tag": "function_call",
            "system_tag": "system",
        },
    }
    return json.dumps({path.stem: entry}, ensure_ascii=False, indent=2) + "\n"


def _axolotl(name: str, path: Path, survey: Survey) -> str:
    roles = ("system", "user", "assistant", "tool")
    field = next((key for key in ("weight", "train") if key in survey.message_keys), None)
    thinking = "reasoning_content" in survey.message_keys
    lines = [
        "# For the configuration of Axolotl; the path is relative to where it is started.",
        "datasets:",
        f"  - path: {_quoted(path.name)}",
        "    ds_type: json",
        "    type: chat_template",
        "    field_messages: messages",
        "    message_property_mappings:",
        "      role: role",
        "      content: content",
        *(["      reasoning_content: reasoning_content"] if thinking else []),
        "    roles:",
        *(f"      {role}: [{role}]" for role in roles),
        "    roles_to_train: [assistant]",
        "    train_on_eos: turn",
        *([f"    message_field_training: {field}"] if field else []),
        f"# A conversation of more tokens is left out: the default is {_default(name, 'sequence_len')}.",
        f"sequence_len: {_default(name, 'sequence_len')}",
    ]
    return "\n".join(lines) + "\n"


_TRAINERS = {"trl": "SFT", "trl-dpo": "DPO", "trl-kto": "KTO"}


def _trl(name: str, path: Path, survey: Survey) -> str:
    kind = _TRAINERS[name]
    lines = [
        "from datasets import load_dataset",
        f"from trl import {kind}Config, {kind}Trainer",
        "",
        "# The path is relative to where this runs.",
        f'dataset = load_dataset("json", data_files={_quoted(path.name)}, split="train")',
        "",
        f"settings = {kind}Config(",
        '    output_dir="out",',
        "    # Tokens: of what is longer the end is cut off, without a word.",
        f"    max_length={_default(name, 'max_length')},",
    ]
    if kind == "SFT":
        lines += [
            "    # False trains every token, prompts too. True wants a template with generation marks, or one TRL knows.",
            "    assistant_only_loss=False,",
            "    packing=False,",
        ]
    lines += [")"]
    if "tool_calls" in survey.message_keys:
        lines += [
            "",
            "# Arguments of tool calls are objects; datasets before 4.7 gives each call the keys of all, as null.",
        ]
    lines += [
        "",
        "# model, tokenizer = ...",
        f"# trainer = {kind}Trainer(model, args=settings, train_dataset=dataset, processing_class=tokenizer)",
        "# rolethread_nb.witness(trainer) says what is really trained.",
    ]
    return "\n".join(lines) + "\n"


_UNSLOTH = """\
from unsloth import FastLanguageModel
from unsloth.chat_templates import standardize_data_formats, train_on_responses_only
from datasets import load_dataset
from trl import SFTConfig, SFTTrainer

# The path is relative to where this runs.
dataset = load_dataset("json", data_files={file}, split="train")
dataset = standardize_data_formats(dataset)

# Tokens: what is longer is cut.
limit = {limit}


def trainer_of(model_name):
    \"\"\"A trainer for this model and file, with the loss on the assistant's turns alone.\"\"\"
    model, tokenizer = FastLanguageModel.from_pretrained(model_name, max_seq_length=limit)

    def as_text(rows):
        return {{"text": [tokenizer.apply_chat_template(turns, tokenize=False) for turns in rows["conversations"]]}}

    trainer = SFTTrainer(
        model=model,
        processing_class=tokenizer,
        train_dataset=dataset.map(as_text, batched=True),
        args=SFTConfig(output_dir="out", dataset_text_field="text", max_length=limit),
    )
    # instruction_part and response_part: what a turn of the user and of the assistant begins with in the model's
    # template, where Unsloth does not find them by itself.
    return train_on_responses_only(trainer)
"""


def _unsloth(name: str, path: Path, survey: Survey) -> str:
    return _UNSLOTH.format(file=_quoted(path.name), limit=_default(name, "max_seq_length"))


def _default(name: str, setting: str) -> Any:
    return trainer(name).settings[setting]


def _quoted(text: str) -> str:
    """A text in double quotes, as JSON, YAML and Python read it alike."""
    return json.dumps(text, ensure_ascii=False)


_WRITERS: Mapping[str, tuple[str, Callable[[str, Path, Survey], str]]] = {
    "trl": (".trl.py", _trl),
    "trl-dpo": (".trl.py", _trl),
    "trl-kto": (".trl.py", _trl),
    "unsloth": (".unsloth.py", _unsloth),
    "axolotl": (".axolotl.yml", _axolotl),
    "llamafactory": (".dataset_info.json", _dataset_info),
}
