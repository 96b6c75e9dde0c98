"""The witness: what a built trainer trains on, read from its own rows, beside what we foretold.

The trainers here are stand-ins with the attributes of the real ones; tests/trainers/witness_agreement.py asks the real ones.
"""

from __future__ import annotations

import random
from types import SimpleNamespace
from typing import Any

import pytest

import rolethread_nb as rt
from rolethread_nb.training.chatml import CHATML
from rolethread_nb.training.witness import WitnessError, witness

ASK, SAY = "<|im_start|>user\n{}<|im_end|>\n", "<|im_start|>assistant\n{}<|im_end|>\n"


class Letters:
    """A tokenizer whose tokens are the characters."""

    is_fast = True
    eos_token = "<|im_end|>"
    chat_template = CHATML
    name_or_path = "letters"

    def __call__(self, text: str, return_offsets_mapping: bool = False, **_: Any) -> dict[str, Any]:
        found: dict[str, Any] = {"input_ids": [ord(one) for one in text]}
        if return_offsets_mapping:
            found["offset_mapping"] = [(at, at + 1) for at in range(len(text))]
        return found

    def decode(self, ids: list[int], **_: Any) -> str:
        return "".join(map(chr, ids))


def collate(rows: list[dict[str, Any]]) -> dict[str, Any]:
    (row,) = rows
    return {"input_ids": [row["input_ids"]], "labels": [row["labels"]]}


def trainer(rows: list[dict[str, Any]], *, collator: Any = collate, of: str = "Trainer", **args: Any) -> Any:
    """A stand-in for a trainer of transformers, or of TRL."""
    kind = type(of, (), {"__module__": "transformers.trainer" if of == "Trainer" else "trl.trainer"})
    made = kind()
    made.train_dataset = rows
    made.eval_dataset = None
    made.data_collator = collator
    made.processing_class = Letters()
    made.args = SimpleNamespace(max_length=1024, truncation_mode="keep_start", packing=False, **args)
    return made


def row(text: str, *trained: str, **columns: Any) -> dict[str, Any]:
    """A row of the trainer's data; with no stretch named, all of it is trained."""
    labels = [ord(one) for one in text] if not trained else [-100] * len(text)
    for stretch in trained:
        at = text.index(stretch)
        labels[at : at + len(stretch)] = map(ord, stretch)
    return {"input_ids": [ord(one) for one in text], "labels": labels, **columns}


def chat(ask: str, say: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": ask}, {"role": "assistant", "content": say}]}


def rendered(record: dict[str, Any]) -> str:
    ask, say = record["messages"]
    return ASK.format(ask["content"]) + SAY.format(say["content"])


def sft(*records: dict[str, Any]) -> Any:
    return trainer([row(rendered(one), **one) for one in records], of="SFTTrainer")


CHATS = [chat("Hello", "Hi"), chat("And you?", "Well"), chat("Bye", "Bye")]


def test_the_rows_are_read_with_what_is_trained_of_them() -> None:
    found = witness(trainer([row("user: Hi\nbot: Yes\n", "Yes\n"), row("all of it")]))
    assert [one.text for one in found.rows] == ["user: Hi\nbot: Yes\n", "all of it"]
    assert [one.text[start:end] for one in found.rows for start, end in one.trained] == ["Yes\n", "all of it"]
    assert [one.trained_tokens for one in found.rows] == [4, 9]
    assert found.tokens(found.rows[0])[-4:] == [("Y", True), ("e", True), ("s", True), ("\n", True)]
    assert found.missing == found.differences == ()


def test_where_the_trainer_does_as_we_foretold_it_is_said() -> None:
    found = witness(sft(*CHATS), CHATS)
    assert found.differences == ()
    assert [one.conversation for one in found.rows] == [0, 1, 2]
    assert "Every one of 3 conversations has its row." in found.summary
    assert "Our forecast is right for 3 sequences, token by token." in found.summary


def test_a_conversation_without_a_row_is_named() -> None:
    silent = {"messages": [{"role": "user", "content": None}, {"role": "assistant", "content": "x" * 2000}]}
    given = [CHATS[0], silent, CHATS[2]]
    found = witness(sft(CHATS[0], CHATS[2]), given)
    assert [one.conversation for one in found.rows] == [0, 2]
    assert [one.conversation for one in found.missing] == [1]
    # We foretold a row, cut at the limit: that there is none is our fault, and is said.
    (difference,) = found.differences
    assert (difference.what, difference.found) == ("row", "there is no row of it")
    assert "a fault of ours" in found.summary


def test_where_the_trainer_does_otherwise_it_is_a_finding_about_us() -> None:
    first, *others = [row(rendered(one), **one) for one in CHATS]
    masked = row(rendered(CHATS[0]), "Hi<|im_end|>\n", **CHATS[0])
    found = witness(trainer([masked, *others], of="SFTTrainer"), CHATS)
    (difference,) = found.differences
    assert (difference.conversation, difference.what) == (0, "trained")
    assert "Hi<|im_end|>" in difference.found
    assert len(first["labels"]) == len(masked["labels"])


def test_rows_in_another_order_are_matched_by_what_they_hold() -> None:
    twice = [CHATS[0], CHATS[1], CHATS[0]]
    found = witness(sft(CHATS[1], CHATS[0], CHATS[0]), twice)
    assert found.matched_by == "content"
    assert [one.conversation for one in found.rows] == [1, 0, 2]


def test_packed_rows_are_told_apart_and_matched_by_their_tokens() -> None:
    texts = [rendered(one) for one in (CHATS[2], CHATS[0])]
    packed = {**row("".join(texts)), "seq_lengths": [len(text) for text in texts]}
    made = trainer(
        [packed, {**row(rendered(CHATS[1])), "seq_lengths": [len(rendered(CHATS[1]))]}], of="SFTTrainer"
    )
    made.args.packing = True
    found = witness(made, CHATS)
    assert found.matched_by == "tokens"
    assert [(one.number, one.conversation) for one in found.rows] == [(0, 2), (0, 0), (1, 1)]
    assert found.missing == ()
    assert any("packed" in note for note in found.notes)


def test_both_answers_of_a_pair_belong_to_one_conversation() -> None:
    def pairs(rows: list[dict[str, Any]]) -> dict[str, Any]:
        (one,) = rows
        ids = [one["prompt_ids"] + one[side] for side in ("chosen_ids", "rejected_ids")]
        masks = [
            [0] * len(one["prompt_ids"]) + [1] * len(one[side]) for side in ("chosen_ids", "rejected_ids")
        ]
        longest = max(map(len, ids))
        return {
            "input_ids": [line + [0] * (longest - len(line)) for line in ids],
            "attention_mask": [[1] * len(line) + [0] * (longest - len(line)) for line in ids],
            "completion_mask": [mask + [0] * (longest - len(mask)) for mask in masks],
        }

    record = {"prompt": "Hello ", "chosen": "Hi", "rejected": "Go away"}
    held = {
        **record,
        "prompt_ids": [ord(one) for one in "Hello "],
        "chosen_ids": [ord(one) for one in "Hi"],
        "rejected_ids": [ord(one) for one in "Go away"],
    }
    found = witness(trainer([held], collator=pairs, of="DPOTrainer"), [record])
    assert [(one.side, one.conversation, one.text) for one in found.rows] == [
        ("chosen", 0, "Hello Hi"),
        ("rejected", 0, "Hello Go away"),
    ]
    assert [one.text[start:end] for one in found.rows for start, end in one.trained] == ["Hi", "Go away"]


def test_a_row_at_the_limit_is_cut() -> None:
    long = chat("Hello", "x" * 2000)
    made = trainer([row(rendered(long)[:1024], **long), row(rendered(CHATS[0]), **CHATS[0])], of="SFTTrainer")
    found = witness(made, [long, CHATS[0]])
    assert [one.conversation for one in found.cut] == [0]
    assert found.differences == ()
    assert "1 sequence is cut at the length limit." in found.summary


def test_with_a_limit_later_conversations_are_not_missed() -> None:
    found = witness(sft(*CHATS), CHATS, limit=2)
    assert [one.conversation for one in found.rows] == [0, 1]
    assert found.missing == ()


def test_a_trainer_that_has_no_rows_has_lost_them_all() -> None:
    found = witness(sft(), CHATS)
    assert [one.conversation for one in found.missing] == [0, 1, 2]


def test_padding_is_left_out() -> None:
    def padded(rows: list[dict[str, Any]]) -> dict[str, Any]:
        (one,) = rows
        return {
            "input_ids": [[0, 0, *one["input_ids"]]],
            "labels": [[-100, -100, *one["labels"]]],
            "attention_mask": [[0, 0] + [1] * len(one["input_ids"])],
        }

    assert witness(trainer([row("Yes")], collator=padded)).rows[0].text == "Yes"


def test_columns_that_the_model_does_not_take_are_kept_from_the_collator() -> None:
    def strict(rows: list[dict[str, Any]]) -> dict[str, Any]:
        assert set(rows[0]) == {"input_ids", "labels"}
        return collate(rows)

    made = trainer([row("Yes", note="left out")], collator=strict, remove_unused_columns=True)
    made._signature_columns = None
    made._set_signature_columns_if_needed = lambda: setattr(
        made, "_signature_columns", ["input_ids", "labels"]
    )
    assert witness(made).rows[0].text == "Yes"
    assert made._signature_columns is None


def test_random_numbers_go_on_as_if_nothing_had_been_drawn() -> None:
    def drawing(rows: list[dict[str, Any]]) -> dict[str, Any]:
        random.random()
        return collate(rows)

    random.seed(7)
    expected = random.random()
    random.seed(7)
    witness(trainer([row("Yes"), row("No")], collator=drawing))
    assert random.random() == expected


def test_another_split_is_read_by_its_name() -> None:
    made = trainer([row("train")])
    made.eval_dataset = {"first": [row("one")], "second": [row("two")]}
    assert witness(made, split="second").rows[0].text == "two"
    with pytest.raises(WitnessError, match="name one: first, second"):
        witness(made, split="eval")


def test_what_shows_no_labels_is_refused_in_words() -> None:
    with pytest.raises(WitnessError, match="no labels, only input_ids"):
        witness(trainer([row("Yes")], collator=lambda rows: {"input_ids": [rows[0]["input_ids"]]}))
    with pytest.raises(WitnessError, match="no rows"):
        witness(trainer([row("Yes")]), split="eval")
    with pytest.raises(WitnessError, match="no tokenizer"):
        witness(SimpleNamespace(train_dataset=[row("Yes")], data_collator=collate))


def test_the_dataset_may_be_one_that_is_open_already() -> None:
    assert witness(sft(*CHATS), rt.load(CHATS)).of(1)[0].text == rendered(CHATS[1])
