"""What a built trainer would train on: its own rows through its own collator, and nothing of it changed.

Nothing here imports torch, transformers or trl: whoever has built a trainer has them.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

from ..core.errors import RolethreadError
from ..core.model import Span
from .tokens import tokens_around

IGNORED = -100
PART_OF_A_CHARACTER = "\ufffd"

# Which answer of a pair.
Side = Literal["chosen", "rejected"]

# Where a trainer remembers which columns its model takes.
_CACHE = "_signature_columns"


class WitnessError(RolethreadError):
    """A trainer does not show what it trains on."""


@dataclass(frozen=True, slots=True)
class Tokenized:
    """One sequence of tokens as the model gets it."""

    ids: tuple[int, ...]
    labels: tuple[int, ...]
    side: Side | None = None


@dataclass(frozen=True, slots=True)
class Example:
    """One row of the trainer's data, and the sequences its collator makes of it: several where rows are packed or paired.

    Attributes:
        number: 0-based place in the trainer's data.
        columns: the row as it stands there.
    """

    number: int
    columns: Mapping[str, Any]
    sequences: tuple[Tokenized, ...]


def data_of(trainer: Any, split: str) -> Any:
    """The trainer's own rows of a split.

    Raises:
        WitnessError: it has none.
    """
    data = getattr(trainer, "train_dataset" if split == "train" else "eval_dataset", None)
    if split not in ("train", "eval") and isinstance(data, Mapping):
        data = data.get(split)
    elif isinstance(data, Mapping) and "column_names" not in dir(data):
        raise WitnessError(f"The trainer has several evaluation sets; name one: {', '.join(map(str, data))}.")
    if data is None:
        raise WitnessError(f"The trainer has no rows to show for split={split!r}.")
    return data


def examples(trainer: Any, data: Any, limit: int | None) -> Iterator[Example]:
    """The rows in the order of the data, each collated by itself.

    Raises:
        WitnessError: the collator's batches hold no labels.
    """
    collate = getattr(trainer, "data_collator", None)
    if not callable(collate):
        raise WitnessError("This is no trainer with a data collator.")
    with unchanged():
        wanted = _columns_for_the_model(trainer)
        for number, row in enumerate(islice(_rows(data), limit)):
            columns = row if isinstance(row, Mapping) else {}
            given = {key: row[key] for key in columns if wanted is None or key in wanted} if columns else row
            batch = collate([given])
            yield Example(number, columns, tuple(_sequences(batch, columns)))


def _rows(data: Any) -> Iterator[Any]:
    if hasattr(data, "__iter__"):
        return iter(data)
    return (data[at] for at in range(len(data)))


def _columns_for_the_model(trainer: Any) -> frozenset[str] | None:
    """The columns the trainer's own loader gives to the collator; None: all."""
    if not getattr(getattr(trainer, "args", None), "remove_unused_columns", False):
        return None
    find = getattr(trainer, "_set_signature_columns_if_needed", None)
    if find is None:
        return None
    before = getattr(trainer, _CACHE, None)
    try:
        find()
        found = getattr(trainer, _CACHE, None)
        return None if found is None else frozenset(found)
    finally:
        setattr(trainer, _CACHE, before)


def _sequences(batch: Mapping[str, Any], columns: Mapping[str, Any]) -> Iterator[Tokenized]:
    """The sequences of a batch of one row, without padding."""
    if "input_ids" not in batch or not ("labels" in batch or "completion_mask" in batch):
        held = ", ".join(map(str, batch))
        raise WitnessError(
            f"The trainer's batches hold no labels, only {held}: there is nothing to read off."
        )
    lines = _plain(batch["input_ids"])
    masks = (
        _plain(batch["attention_mask"]) if "attention_mask" in batch else [[1] * len(ids) for ids in lines]
    )
    if "labels" in batch:
        labels = _plain(batch["labels"])
    else:
        labels = [
            [one if trained else IGNORED for one, trained in zip(ids, mask, strict=True)]
            for ids, mask in zip(lines, _plain(batch["completion_mask"]), strict=True)
        ]
    paired = "labels" not in batch and len(lines) == 2
    sides: Sequence[Side | None] = ("chosen", "rejected") if paired else (None,) * len(lines)
    lengths = columns.get("seq_lengths")
    for ids, label, mask, side in zip(lines, labels, masks, sides, strict=True):
        left = [at for at, seen in enumerate(mask) if seen]
        kept_ids, kept_labels = [ids[at] for at in left], [label[at] for at in left]
        start = 0
        for length in lengths or [len(kept_ids)]:
            end = start + length
            yield Tokenized(tuple(kept_ids[start:end]), tuple(kept_labels[start:end]), side)
            start = end


def _plain(values: Any) -> list[list[int]]:
    """Lists out of a tensor, an array or lists."""
    listed = values.tolist() if hasattr(values, "tolist") else values
    return [list(line) for line in listed]


@contextmanager
def unchanged() -> Iterator[None]:
    """Random numbers go on afterwards as if nothing had been drawn: some collators draw."""
    torch, numpy = sys.modules.get("torch"), sys.modules.get("numpy")
    plain = random.getstate()
    array = numpy.random.get_state() if numpy is not None else None
    tensor = torch.get_rng_state() if torch is not None else None
    cuda = torch.cuda.get_rng_state_all() if torch is not None and torch.cuda.is_initialized() else None
    try:
        yield
    finally:
        random.setstate(plain)
        if numpy is not None:
            numpy.random.set_state(array)
        if torch is not None:
            torch.set_rng_state(tensor)
            if cuda is not None:
                torch.cuda.set_rng_state_all(cuda)


class Vocabulary:
    """The trainer's tokenizer: ids back to text, and a text to ids.

    Attributes:
        around: how many tokens it puts before and after a plain text of its own accord.
    """

    def __init__(self, processing_class: Any) -> None:
        self.tokenizer = getattr(processing_class, "tokenizer", processing_class)
        if not callable(getattr(self.tokenizer, "decode", None)):
            raise WitnessError("The trainer has no tokenizer that could decode its rows.")
        self.around = tokens_around(self.tokenizer)

    def bare(self, text: str) -> list[int]:
        """Ids of a text, without special tokens around it."""
        return list(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    def wrapped(self, text: str) -> list[int]:
        """Ids of a text with the special tokens that belong around it."""
        return list(self.tokenizer(text)["input_ids"])

    def decode(self, ids: Sequence[int]) -> str:
        return str(
            self.tokenizer.decode(list(ids), skip_special_tokens=False, clean_up_tokenization_spaces=False)
        )

    def stretches(self, ids: Sequence[int], flags: Sequence[bool]) -> tuple[str, tuple[Span, ...]]:
        """The text of some tokens, and the stretches that the flagged ones write, in code points of it.

        A character of which only a part is flagged is not in a stretch.
        """
        text = self.decode(ids)
        found: list[Span] = []
        start: int | None = None
        for at, flag in enumerate([*flags, False]):
            if flag and start is None:
                start = at
            elif not flag and start is not None:
                found.append(Span(self._length(ids, start, text), self._length(ids, at, text)))
                start = None
        return text, tuple(found)

    def _length(self, ids: Sequence[int], at: int, text: str) -> int:
        """Where in the text a token begins."""
        return len(text) if at == len(ids) else len(self.decode(ids[:at]).rstrip(PART_OF_A_CHARACTER))
