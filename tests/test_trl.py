"""TRL's SFTTrainer: what we foretell of it, against verdicts recorded from the trainer itself.

tests/trainers/trl_agreement.py --record writes the recorded verdicts; it asks a real SFTTrainer of trl 1.16.0.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rolethread_nb as rt
from rolethread_nb.core.model import Span
from rolethread_nb.training.row_matching import shape_of
from rolethread_nb.training.targets.reasons import CODES, because
from rolethread_nb.training.targets.registry import target
from rolethread_nb.training.targets.target import OUTCOMES, Context, Forecast
from rolethread_nb.training.targets.trl import TARGETS
from rolethread_nb.training.templates import ChatTemplate

TRL = TARGETS[0]
HERE = Path(__file__).parent
RECORDED = json.loads((HERE / "recorded" / "trl_sft.json").read_text(encoding="utf-8"))


class Letters:
    """Every character is a token."""

    name = "letters"
    exact = True
    exact_spans = True
    band = (0.0, 0.0)

    def count(self, text: str) -> int:
        return len(text)

    def count_many(self, texts: Sequence[str]) -> Any:
        return np.array([len(text) for text in texts])

    def spans(self, text: str) -> list[Span]:
        return [Span(at, at + 1) for at in range(len(text))]


def foretold(
    records: list[Any], *, template: Any = "chatml", around: tuple[int, int] = (0, 0), **settings: Any
) -> list[Forecast]:
    context = Context(ChatTemplate.of(template), Letters(), {**TRL.settings, **settings}, around)
    judge = TRL.judge(shape_of(records), context)
    return [judge(conversation) for conversation in rt.load(list(records))]


def refusal(records: list[Any], *, template: Any = "chatml", **settings: Any) -> str | None:
    assert TRL.refuses_file is not None
    context = Context(ChatTemplate.of(template), Letters(), {**TRL.settings, **settings})
    return TRL.refuses_file(shape_of(records), context)


def user(text: Any, **more: Any) -> dict[str, Any]:
    return {"role": "user", "content": text, **more}


def assistant(text: Any, **more: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": text, **more}


def trained(forecast: Forecast) -> list[str]:
    return [(forecast.text or "")[start:end] for start, end in forecast.trained]


def codes(forecast: Forecast) -> list[str]:
    return [reason.code for reason in forecast.reasons]


TRANSCRIPT = "user: Hello\nassistant: Good morning\nuser: Thanks\nassistant: Bye"
HELLO = {"messages": [user("Hello"), assistant("Good morning")]}


# ---------------------------------------------------------------- recorded


@pytest.mark.parametrize("one", RECORDED, ids=lambda one: f"{one['case']}-{one['setting']}")
def test_a_verdict_is_the_trainers_own(one: dict[str, Any]) -> None:
    path = HERE / "trainers" / "cases" / f"{one['case']}.jsonl"
    records = [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]
    ours = foretold(records, **one["options"])
    if one["rows"] is None:
        assert any(forecast.outcome == "refused" for forecast in ours)
        return
    left = [forecast for forecast in ours if forecast.outcome != "dropped"]
    assert [forecast.text for forecast in left] == [row["text"] for row in one["rows"]]
    assert [trained(forecast) for forecast in left] == [row["trained"] for row in one["rows"]]


# ---------------------------------------------------------------- what is read


def test_every_token_is_trained_unless_told_otherwise() -> None:
    (one,) = foretold([HELLO])
    assert one.outcome == "taken"
    assert trained(one) == [one.text]
    assert one.trained_tokens == one.tokens == len(one.text or "")


def test_only_the_completion_is_trained_where_there_are_prompts() -> None:
    record = {"prompt": [user("Hello")], "completion": [assistant("Good morning")]}
    assert trained(foretold([record])[0]) == ["Good morning<|im_end|>\n"]
    (whole,) = foretold([record], completion_only_loss=False)
    assert trained(whole) == [whole.text]


def test_asking_for_completions_where_there_are_none_trains_everything_and_is_said() -> None:
    (one,) = foretold([HELLO], completion_only_loss=True)
    assert trained(one) == [one.text]
    assert codes(one) == ["prompt_trained"]


def test_a_text_is_ended_and_trained_whole() -> None:
    first, second = foretold([{"text": "user: a\nbot: b"}, {"text": "user: c\nbot: d<|im_end|>"}])
    assert (first.text, second.text) == ("user: a\nbot: b<|im_end|>", "user: c\nbot: d<|im_end|>")
    assert trained(first) == [first.text]


def test_tokens_around_a_plain_text_count_against_the_limit() -> None:
    record = {"prompt": "2+2=", "completion": "4"}
    (one,) = foretold([record], around=(1, 0), max_length=6)
    assert one.tokens == 1 + len("2+2=4<|im_end|>")
    assert trained(one) == ["4"]


def test_sharegpt_labels_are_kept_and_so_mean_nothing_to_the_template() -> None:
    record = {"conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Yes"}]}
    (one,) = foretold([record])
    assert one.text == "<|im_start|>human\nHi<|im_end|>\n<|im_start|>gpt\nYes<|im_end|>\n"
    assert [(reason.code, reason.turn) for reason in one.reasons] == [
        ("role_as_text", 0),
        ("role_as_text", 1),
    ]


def test_a_system_prompt_beside_the_turns_is_not_read() -> None:
    (one,) = foretold([{"system": "Be kind.", **HELLO}])
    assert [(reason.code, reason.turn) for reason in one.reasons] == [("system_lost", 0)]
    assert [located.turn for located in one.located] == [1, 2]


def test_the_first_row_decides_for_all() -> None:
    _, second = foretold([HELLO, {"text": TRANSCRIPT}])
    assert second.text == TRANSCRIPT  # and no end token, as the first row is a conversation
    first, second = foretold([{"text": TRANSCRIPT}, HELLO])
    assert (first.outcome, second.outcome) == ("taken", "refused")


# ---------------------------------------------------------------- what ends the run


@pytest.mark.parametrize(
    ("record", "code"),
    [
        ({"messages": []}, "no_turns"),
        ({"prompt": "a", "chosen": "b", "rejected": "c"}, "key_missing"),
        ({"prompt": [user("a")], "completion": "b"}, "content_type"),
        ({"prompt": [user("a")], "completion": []}, "no_turns"),
        ({"messages": [user("a"), assistant("b")], "tools": "[oops"}, "tools_invalid"),
        ({"messages": [user("a"), assistant("b")], "images": []}, "part_refused"),
        ({"instruction": "a", "output": "b"}, "not_a_conversation"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_a_row_that_ends_the_run_is_refused(record: Any, code: str) -> None:
    (one,) = foretold([record])
    assert (one.outcome, codes(one)) == ("refused", [code])


def test_arguments_for_the_template_in_some_rows_end_the_run_at_the_others() -> None:
    first, second = foretold([{**HELLO, "chat_template_kwargs": {}}, HELLO])
    assert (first.outcome, second.outcome) == ("taken", "refused")


def test_a_file_whose_columns_say_different_things_is_left_to_chance() -> None:
    (one,) = foretold([{"messages": [user("Hello"), assistant("Good morning")], "chosen": assistant("Hm")}])
    assert codes(one) == ["not_a_conversation"]
    assert "left to chance" in one.reasons[0].says


def test_turns_named_from_and_value_in_messages_are_thrown_away() -> None:
    record = {"messages": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Yes"}]}
    (one,) = foretold([record])
    assert (one.outcome, codes(one)) == ("dropped", ["not_a_conversation"])


def test_the_assistant_alone_is_trained_only_where_the_first_row_has_roles_and_the_template_marks() -> None:
    unmarked = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}"
    shared = {"conversations": [{"from": "user", "value": "Hi"}, {"from": "assistant", "value": "Yes"}]}
    assert refusal([HELLO], assistant_only_loss=True) is None
    assert "not conversational" in (refusal([shared], assistant_only_loss=True) or "")
    assert "not training-compatible" in (refusal([HELLO], template=unmarked, assistant_only_loss=True) or "")
    assert refusal([HELLO], template=unmarked) is None


def test_one_conversation_without_an_assistant_ends_a_run_that_trains_the_assistant_alone() -> None:
    first, second = foretold([HELLO, {"messages": [user("Anyone?")]}], assistant_only_loss=True)
    assert trained(first) == ["Good morning<|im_end|>\n"]
    assert (second.outcome, codes(second)) == ("refused", ["nothing_trained"])


# ---------------------------------------------------------------- what is harmed


def test_weights_are_said_where_they_ask_for_another_loss() -> None:
    record = {"messages": [user("a"), assistant("b", weight=0), user("c"), assistant("d", weight=1)]}
    assert [(reason.code, reason.turn) for reason in foretold([record])[0].reasons] == [
        ("weights_ignored", 1)
    ]


def test_control_strings_in_a_turn_are_named() -> None:
    (one,) = foretold([{"messages": [user("Say <|im_end|> now"), assistant("No")]}])
    assert [(reason.code, reason.turn) for reason in one.reasons] == [("control_string", 0)]


def test_a_picture_among_the_parts_is_lost() -> None:
    parts = [{"type": "image_url", "image_url": {"url": "x"}}, {"type": "text", "text": "What is it?"}]
    (one,) = foretold([{"messages": [user(parts), assistant("A lamp")]}])
    assert [(reason.code, reason.turn) for reason in one.reasons] == [("part_lost", 0)]


def test_tools_that_the_template_does_not_write_are_said() -> None:
    (one,) = foretold([{**HELLO, "tools": [{"type": "function", "function": {"name": "f"}}]}])
    assert codes(one) == ["tools_ignored"]


# ---------------------------------------------------------------- the limit


def test_an_answer_that_is_cut_is_named_with_its_turn() -> None:
    (whole,) = foretold([HELLO])
    end = (whole.text or "").index("morning")
    (one,) = foretold([HELLO], max_length=end)
    assert (one.outcome, one.kept, one.kept_tokens) == ("altered", Span(0, end), end)
    assert [(reason.code, reason.turn) for reason in one.reasons] == [("answer_cut", 1)]


def test_a_row_of_which_nothing_trained_is_left_is_dropped() -> None:
    (one,) = foretold([HELLO], max_length=10, assistant_only_loss=True)
    assert (one.outcome, codes(one)) == ("dropped", ["nothing_trained"])
    (without_limit,) = foretold([HELLO], max_length=None, assistant_only_loss=True)
    assert without_limit.outcome == "taken"


def test_the_end_is_kept_where_asked_for() -> None:
    (one,) = foretold([HELLO], max_length=12, truncation_mode="keep_end")
    assert trained(one) == [(one.text or "")[-12:]]


def test_packed_rows_are_cut_by_one_strategy_only_and_never_dropped() -> None:
    (cut,) = foretold([HELLO], max_length=10, packing=True)
    assert cut.kept == Span(0, 10)
    (split,) = foretold([HELLO], max_length=10, packing=True, packing_strategy="bfd_split")
    assert split.kept is None
    (kept,) = foretold([HELLO], max_length=10, packing=True, assistant_only_loss=True)
    assert kept.outcome == "altered"
    assert "nothing_trained" in codes(kept)


def test_a_row_without_tokens_is_left_out_packed_or_not() -> None:
    silent = "{% for m in messages %}{% if m.role == 'user' %}{{ m.content }}{% endif %}{% endfor %}"
    record = {"messages": [{"role": "human", "content": "Hi"}, {"role": "gpt", "content": "Yes"}]}
    for packing in (False, True):
        (one,) = foretold([record], template=silent, packing=packing)
        assert (one.outcome, one.tokens) == ("dropped", 0)
        assert codes(one) == ["turn_lost", "turn_lost", "nothing_trained"]


# ---------------------------------------------------------------- preferences

PAIR = {"prompt": [user("Which way?")], "chosen": [assistant("West.")], "rejected": [assistant("East.")]}


def preferred(name: str, records: list[Any], **settings: Any) -> list[Forecast]:
    one = target(name)
    context = Context(ChatTemplate.of("chatml"), Letters(), {**one.settings, **settings})
    judge = one.judge(shape_of(records), context)
    return [judge(conversation) for conversation in rt.load(list(records))]


@pytest.mark.parametrize("name", ["trl-dpo", "trl-kto"])
def test_of_a_pair_the_answers_are_trained(name: str) -> None:
    (one,) = preferred(name, [PAIR])
    assert one.outcome == "taken"
    assert trained(one) == ["West.<|im_end|>\n"]


def test_the_prompt_of_a_pair_may_stand_in_both_answers() -> None:
    chosen, rejected = ([*PAIR["prompt"], *PAIR[side]] for side in ("chosen", "rejected"))
    (one,) = preferred("trl-dpo", [{"chosen": chosen, "rejected": rejected}])
    assert (one.outcome, trained(one)) == ("taken", ["West.<|im_end|>\n"])


def test_a_pair_whose_prompt_fills_the_limit_is_left_out() -> None:
    (one,) = preferred("trl-dpo", [PAIR], max_length=20)
    assert (one.outcome, one.reasons[-1].code) == ("dropped", "nothing_trained")
    (kept,) = preferred("trl-dpo", [PAIR], max_length=20, truncation_mode="keep_end")
    assert kept.outcome == "altered"


def test_a_pair_of_the_same_answers_teaches_nothing() -> None:
    (one,) = preferred("trl-dpo", [{**PAIR, "rejected": PAIR["chosen"]}])
    assert (one.outcome, codes(one)) == ("altered", ["answers_alike"])


@pytest.mark.parametrize(
    ("record", "code"),
    [
        ({**PAIR, "prompt": "Which way?"}, "content_type"),
        ({"chosen": [user("a"), assistant("b")], "rejected": [user("x"), assistant("c")]}, "no_turns"),
        (HELLO, "key_missing"),
    ],
    ids=["prompt is text", "first turns differ", "messages"],
)
def test_pairs_that_end_the_run_are_refused(record: Any, code: str) -> None:
    (one,) = preferred("trl-dpo", [record])
    assert (one.outcome, codes(one)) == ("refused", [code])


# ---------------------------------------------------------------- the words


def test_a_reason_has_its_usual_outcome_or_another() -> None:
    assert because("role_unknown", "It is.").outcome == "refused"
    assert because("role_unknown", "It is.", 2, "dropped").outcome == "dropped"
    with pytest.raises(KeyError):
        because("no_such_code", "It is.")
    assert all(one.outcome in OUTCOMES and one.means.endswith(".") for one in CODES.values())
