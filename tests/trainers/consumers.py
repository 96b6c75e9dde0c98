"""Each trainer's own check of a file of rows, under one name: which of the rows it keeps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

# A number that no conversation reaches, where a length limit is no matter.
NO_LIMIT = 1_000_000
# Rows of a file, and the words of each refusal or ``dropped``; "" for a row that is kept.
Consumer = Callable[[Sequence[Any]], list[str]]


def together() -> Consumer:
    from together_agreement import theirs

    def check(rows: Sequence[Any]) -> list[str]:
        return [_words(*theirs([row])[0]) for row in rows]

    return check


def mistral() -> Consumer:
    from mistral_agreement import theirs

    def check(rows: Sequence[Any]) -> list[str]:
        return [_words(*theirs(row, "v3")) for row in rows]

    return check


def _words(verdict: str, words: str) -> str:
    return "" if verdict in ("taken", "altered") else words or verdict


def axolotl() -> Consumer:
    import axolotl_agreement
    from agreement import tokenizer_of

    from rolethread_nb.training.chatml import CHATML

    axolotl_agreement.LIMIT = NO_LIMIT
    tokenizer = tokenizer_of(CHATML, "<|im_end|>", "<|im_start|>")

    def check(rows: Sequence[Any]) -> list[str]:
        trainer = axolotl_agreement.Theirs(rows, CHATML, {}, tokenizer)
        verdicts = [trainer.verdict(row, None) for row in rows]
        return ["" if outcome == "kept" else f"{outcome} {words}" for outcome, words in verdicts]

    return check


def llamafactory() -> Consumer:
    from llamafactory_agreement import Theirs

    def check(rows: Sequence[Any]) -> list[str]:
        trainer = Theirs(rows, {"cutoff_len": NO_LIMIT})
        verdicts = [trainer.verdict(row)[:2] for row in rows]
        return ["" if outcome == "kept" else f"{outcome} {words}" for outcome, words in verdicts]

    return check


def unsloth() -> Consumer:
    import unsloth_agreement

    unsloth_agreement.LIMIT = NO_LIMIT

    def check(rows: Sequence[Any]) -> list[str]:
        words, found = unsloth_agreement.theirs(rows)
        if words:
            return _one_by_one(check, rows, words)
        return ["" if kept else "dropped" for kept, _, _ in found]

    return check


def trl(name: str, template: str) -> Consumer:
    """A trainer of TRL; a row that is left out without a word is told by the number of rows, where they are checked alone."""
    from preference_agreement import built
    from real_trl import labelled, quiet, rows_of, sft, tokenizer

    quiet()

    def check(rows: Sequence[Any]) -> list[str]:
        try:
            if name == "trl":
                options = {"max_length": NO_LIMIT}
                left = len(labelled(sft(rows_of(rows), tokenizer(template), **options)))
            else:
                left = len(built(name, list(rows), template, NO_LIMIT).train_dataset)
                left //= 2 if name == "trl-kto" and "chosen" in rows[0] else 1
            words = "dropped" if left < len(rows) else ""
        except Exception as error:
            words = f"{type(error).__name__}: {error}"
        return _one_by_one(check, rows, words) if words else [""] * len(rows)

    return check


def _one_by_one(check: Consumer, rows: Sequence[Any], words: str) -> list[str]:
    """The rows of a refused file as files of their own."""
    return [words] if len(rows) == 1 else [one for row in rows for one in check([row])]


CONSUMERS: dict[str, Callable[[], Consumer]] = {
    "together": together,
    "mistral": mistral,
    "axolotl": axolotl,
    "llamafactory": llamafactory,
    "unsloth": unsloth,
    "trl": lambda: trl("trl", "chatml"),
    "trl, Gemma 3's template": lambda: trl("trl", "trl:gemma3"),
    "trl-dpo": lambda: trl("trl-dpo", "chatml"),
    "trl-kto": lambda: trl("trl-kto", "chatml"),
}
