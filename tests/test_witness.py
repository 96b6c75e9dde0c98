"""The witness: what a built trainer trains on, read from its own rows, beside what we foretold.

The trainers here are stand-ins with the attributes of the real ones; tests/trainers/witness_agreement.py asks the real ones.
"""

from __future__ import annotations

import json
import random
from types import SimpleNamespace
from typing import Any

import pytest

import rolethread_nb as rt
from rolethread_nb.core.errors import QueryError
from rolethread_nb.outputs.witness_view import WitnessView
from rolethread_nb.training.chatml import CHATML
from rolethread_nb.training.witness import Witness, WitnessError, witness
from rolethread_nb.training.witness_turns import fate_of, turns_of

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


# Pairs and answers ------------------------------------------------------------------------------------------------

PAIR = {
    "prompt": [{"role": "user", "content": "Which way?"}],
    "chosen": [{"role": "assistant", "content": "West."}],
    "rejected": [{"role": "assistant", "content": "East, I think."}],
}
PROMPT = ASK.format("Which way?") + "<|im_start|>assistant\n"
ANSWERS = {side: f"{PAIR[side][0]['content']}<|im_end|>\n" for side in ("chosen", "rejected")}


def ids(text: str) -> list[int]:
    return [ord(one) for one in text]


def collate_answers(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """As DPOTrainer and KTOTrainer do: prompts and answers, and which of the tokens are the answer's."""
    (one,) = rows
    answers = [one[name] for name in ("chosen_ids", "rejected_ids", "completion_ids") if name in one]
    longest = len(one["prompt_ids"]) + max(map(len, answers))
    lines, masks, seen = [], [], []
    for answer in answers:
        held = len(one["prompt_ids"]) + len(answer)
        lines.append(one["prompt_ids"] + answer + [0] * (longest - held))
        masks.append([0] * len(one["prompt_ids"]) + [1] * len(answer) + [0] * (longest - held))
        seen.append([1] * held + [0] * (longest - held))
    return {"input_ids": lines, "completion_mask": masks, "attention_mask": seen}


def dpo(prompt: str = PROMPT) -> Any:
    held = {**PAIR, "prompt_ids": ids(prompt), **{f"{side}_ids": ids(text) for side, text in ANSWERS.items()}}
    return trainer([held], collator=collate_answers, of="DPOTrainer")


def kto(*sides: str) -> Any:
    rows = [
        {
            "prompt": PAIR["prompt"],
            "completion": PAIR[side],
            "label": side == "chosen",
            "prompt_ids": ids(PROMPT),
            "completion_ids": ids(ANSWERS[side]),
        }
        for side in sides
    ]
    return trainer(rows, collator=collate_answers, of="KTOTrainer")


def test_of_a_pair_both_answers_are_compared_with_the_forecast() -> None:
    found = witness(dpo(), [PAIR])
    assert [one.side for one in found.rows if one.forecast is not None] == ["chosen", "rejected"]
    assert found.differences == ()
    assert "Our forecast is right for 2 sequences, token by token." in found.summary


def test_an_answer_that_we_foretold_wrongly_is_named_by_its_side() -> None:
    found = witness(dpo(PROMPT.removesuffix("assistant\n")), [PAIR])
    assert [(one.side, one.what) for one in found.differences] == [("chosen", "text"), ("rejected", "text")]


def test_answers_that_are_no_longer_in_pairs_find_their_pair() -> None:
    found = witness(kto("rejected", "chosen"), [PAIR])
    assert [(one.conversation, one.side) for one in found.rows] == [(0, "rejected"), (0, "chosen")]
    assert found.matched_by == "content"
    assert found.differences == ()


def test_one_answer_of_a_pair_without_a_row_is_a_finding_about_us() -> None:
    (difference,) = witness(kto("chosen"), [PAIR]).differences
    assert (difference.what, difference.side) == ("row", "rejected")


def test_answers_with_a_label_are_conversations_of_their_own() -> None:
    given = [
        {"prompt": PAIR["prompt"], "completion": PAIR[side], "label": side == "chosen"} for side in ANSWERS
    ]
    found = witness(kto("rejected", "chosen"), given)
    assert [one.conversation for one in found.rows] == [1, 0]
    assert found.differences == ()


# Turn by turn -----------------------------------------------------------------------------------------------------


def fates(found: Witness, at: int = 0) -> list[tuple[int | None, str]]:
    """What becomes of each turn of a row."""
    row = found.rows[at]
    conversation = None if row.conversation is None else found.given[row.conversation]
    return [(one.turn, one.fate) for one in turns_of(row, conversation)]


def test_each_turn_says_what_becomes_of_it() -> None:
    masked = row(rendered(CHATS[0]), "Hi<|im_end|>\n", **CHATS[0])
    assert fates(witness(trainer([masked], of="SFTTrainer"), [CHATS[0]])) == [(0, "masked"), (1, "trained")]
    long = chat("Hello", "x" * 2000)
    made = trainer([row(rendered(long)[:1024], **long)], of="SFTTrainer")
    assert fates(witness(made, [long])) == [(0, "trained"), (1, "cut short")]


def test_a_turn_that_is_nowhere_is_missing_in_its_place() -> None:
    made = trainer([row("system: gone\nuser: Hi\nbot: Yes\n", "Yes\n")])
    given = {
        "messages": [
            {"role": "system", "content": "Be kind."},
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": "Yes"},
        ]
    }
    found = witness(made, [given])
    assert [(turn, fate) for turn, fate in fates(found) if turn is not None] == [
        (0, "missing"),
        (1, "masked"),
        (2, "trained"),
    ]


@pytest.mark.parametrize("kept", [5, 30, 47, 60, 1000])
def test_the_stretches_of_the_turns_are_the_row_and_nothing_else(kept: int) -> None:
    one = chat("Which way is the wind?", "From the west, and it turns.")
    text = rendered(one)[:kept]
    for given in ("SFTTrainer", "Trainer"):  # with a forecast, and without
        made = trainer([row(text, text[-4:], **one)], of=given)
        made.args.max_length = kept
        found = witness(made, [one])
        stretches = [part for turn in turns_of(found.rows[0], found.given[0]) for part in turn.stretches]
        assert "".join(part.text for part in stretches if part.mark in ("trained", "masked")) == text
        assert "".join(part.text for part in stretches if part.mark == "trained") == text[-4:]


def test_our_forecast_is_set_beside_a_turn_only_where_it_is_another() -> None:
    masked = row(rendered(CHATS[0]), "Hi<|im_end|>\n", **CHATS[0])
    found = witness(trainer([masked], of="SFTTrainer"), [CHATS[0]])
    asked, said = turns_of(found.rows[0], found.given[0], differs=True)
    assert asked.foretold is not None
    assert {part.mark for part in asked.foretold} == {"trained"}
    assert said.foretold is not None  # the opening of the answer was foretold as trained too
    assert said.fate == fate_of(said.turn, said.foretold) == "trained"


# Looking ----------------------------------------------------------------------------------------------------------


def test_the_table_has_every_sequence_and_every_missing_conversation() -> None:
    silent = {"messages": [{"role": "user", "content": None}, {"role": "assistant", "content": "x" * 2000}]}
    table = witness(sft(CHATS[0], CHATS[2]), [CHATS[0], silent, CHATS[2]]).table()
    assert table["state"].tolist() == ["kept", "kept", "missing"]
    assert table["conversation"].tolist() == [0, 2, 1]
    assert table["trained"].tolist()[:2] == [len(rendered(CHATS[0])), len(rendered(CHATS[2]))]
    assert table["differs"].tolist()[2] == "row"


def test_tokens_that_nobody_knows_are_no_zero() -> None:
    made = trainer([row("x" * 1024)])
    assert witness(made).totals == {"trained": 1024, "masked": 0, "cut": None}
    assert witness(sft(*CHATS), CHATS).totals["cut"] == 0


def test_the_list_is_narrowed_and_paged() -> None:
    many = [chat(f"Hello {number}", "Hi") for number in range(250)]
    view = WitnessView(witness(sft(*many[5:]), many))
    dropped = view.answer("witnessed", {"query": "state:dropped"})
    assert [one["index"] for one in dropped["rows"]] == [0, 1, 2, 3, 4]
    page = view.answer("witnessed", {"query": "", "offset": 0, "limit": 100, "near": "0:231"})
    assert (page["offset"], page["matched"], len(page["rows"])) == (200, 250, 50)
    with pytest.raises(QueryError, match="state:dropped"):
        view.answer("witnessed", {"query": "colour:red"})
    with pytest.raises(QueryError, match="no conversation"):
        view.answer("witness", {"key": "0:999"})


def test_what_is_sent_with_the_panel_does_not_grow_with_the_data() -> None:
    def size(count: int) -> int:
        many = [chat(f"Hello {number}", "Hi") for number in range(count)]
        return len(json.dumps(WitnessView(witness(sft(*many), many)).state()))

    assert size(600) < 1.1 * size(150)


def test_the_panel_opens_with_what_was_not_simply_taken() -> None:
    panel = rt.WitnessPanel(witness(sft(*CHATS[1:]), CHATS))
    opened = json.loads(panel.state)["open"]
    assert (opened["index"], opened["states"]) == (0, ["dropped", "different"])
    assert json.loads(rt.WitnessPanel(panel.witness, at=2).state)["open"]["index"] == 2
    with pytest.raises(QueryError):
        rt.WitnessPanel(panel.witness, at=9)


def test_without_a_dataset_the_rows_are_shown_as_they_are() -> None:
    state = WitnessView(witness(trainer([row("user: Hi\nbot: Yes\n", "Yes\n")]))).state()
    (turn,) = state["open"]["sequences"][0]["turns"]
    assert turn["pieces"] == [["user: Hi\nbot: ", "masked", True], ["Yes\n", "trained", True]]
    assert state["witness"]["agreement"]["holds"] is None


def test_the_static_twin_is_complete_and_takes_no_text_for_markup() -> None:
    evil = chat("<script>alert(1)</script>", "<b>no</b>")
    html = witness(sft(evil), [evil, CHATS[0]])._repr_html_()
    assert "<script" not in html
    assert "&lt;script&gt;" in html or "Hello" in html
    assert "1</b> " in html
    assert "That is a fault of ours" in html


def test_lone_surrogates_reach_neither_a_trait_nor_a_page() -> None:
    odd = chat("a\ud83d", "b")
    json.dumps(WitnessView(witness(sft(odd), [odd])).state(), ensure_ascii=False).encode()
