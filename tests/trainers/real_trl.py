"""Real trainers of the installed `trl`, with a model and a tokenizer small enough to build on the spot.

No test: trl_agreement.py and witness_agreement.py build on it. Needs trl, torch, datasets and accelerate.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import tempfile
import warnings
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("HF_DATASETS_OFFLINE", "1")
SCRATCH = tempfile.TemporaryDirectory(prefix="real-trl-")
os.environ["HF_HOME"] = SCRATCH.name

import datasets
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

sys.path.insert(0, str(Path(__file__).parents[2]))

from rolethread_nb.core.model import Span
from rolethread_nb.training.targets.target import Shape
from rolethread_nb.training.template_files import find

CASES = Path(__file__).parent / "cases"
SPECIAL = "<|endoftext|> <|im_start|> <|im_end|> <s> </s> <|begin_of_text|> <|start_header_id|> <|end_header_id|> <|eot_id|>".split()


def quiet() -> None:
    """No progress bars, and no word of what is built on purpose."""
    datasets.disable_progress_bars()
    transformers.utils.logging.disable_progress_bar()
    for name in ("datasets", "transformers", "trl", "accelerate"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    warnings.filterwarnings("ignore")


@cache
def _vocabulary() -> Tokenizer:
    """Byte-level BPE learnt from the case files, so that any text can be written and words are several tokens."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=900,
        special_tokens=SPECIAL,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    texts = [line for path in sorted(CASES.glob("*.jsonl")) for line in path.read_text("utf-8").splitlines()]
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def tokenizer(
    template: str | None, *, eos: str = "<|im_end|>", begins: bool = False
) -> PreTrainedTokenizerFast:
    """A tokenizer with a chat template: ``trl:qwen3``, ``chatml`` or a text. ``begins``: it puts a token before every text."""
    backend = Tokenizer.from_str(_vocabulary().to_str())
    if begins:
        first = "<|begin_of_text|>"
        number = backend.token_to_id(first)
        backend.post_processor = processors.TemplateProcessing(
            f"{first} $A", special_tokens=[(first, number)]
        )
    made = PreTrainedTokenizerFast(
        tokenizer_object=backend,
        eos_token=eos,
        pad_token="<|endoftext|>",
        bos_token="<|begin_of_text|>",
    )
    if template is not None:
        made.chat_template = find(template).texts["default"]
    return made


def model() -> LlamaForCausalLM:
    """Random weights, one layer."""
    shape = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    return LlamaForCausalLM(LlamaConfig(vocab_size=len(_vocabulary().get_vocab()), **shape))


def rows_of_file(path: Path) -> Any:
    """The dataset as `datasets` reads the file."""
    return datasets.load_dataset("json", data_files=str(path), split="train")


def rows_of(records: Iterable[Any]) -> Any:
    """The dataset as `datasets` reads a file of these records."""
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl", encoding="utf-8", delete=False) as file:
        file.writelines(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
    return rows_of_file(Path(file.name))


def sft(rows: Any, processing_class: Any, **settings: Any) -> Any:
    """A real SFTTrainer; raises whatever it raises."""
    from trl import SFTConfig, SFTTrainer

    arguments = SFTConfig(
        output_dir=SCRATCH.name, report_to=[], use_cpu=True, bf16=False, save_strategy="no", **settings
    )
    return SFTTrainer(model=model(), args=arguments, train_dataset=rows, processing_class=processing_class)


def labelled(trainer: Any) -> list[tuple[list[int], list[int]]]:
    """Ids and labels of each row, straight from the trainer's data."""
    return [(list(row["input_ids"]), list(row["labels"])) for row in trainer.train_dataset]


class ExactTokens:
    """The tokens of a `transformers` tokenizer."""

    exact = True
    band = (0.0, 0.0)

    def __init__(self, processing_class: Any) -> None:
        self.name = "exact"
        self._tokenizer = processing_class

    def count(self, text: str) -> int:
        return len(self.spans(text))

    def spans(self, text: str) -> list[Span]:
        found = self._tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
        return [Span(*one) for one in found["offset_mapping"]]


def shape_of(records: Sequence[Any]) -> Shape:
    keys = dict.fromkeys(key for one in records if isinstance(one, dict) for key in one)
    return Shape(records[0] if records else None, tuple(keys), len(records), tuple(records[:10]))
