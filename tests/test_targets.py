"""What each trainer but TRL does with a conversation: the recorded verdicts on 48 cases, and what the reasons say.

The verdicts were measured with the trainers' own packages; tests/trainers/*_agreement.py measures them again.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rolethread_nb as rt
from rolethread_nb.core.model import Conversation, Span
from rolethread_nb.training.targets.reasons import CODES
from rolethread_nb.training.targets.registry import target
from rolethread_nb.training.targets.target import OUTCOMES, Context, Forecast, Shape
from rolethread_nb.training.templates import ChatTemplate

CASES = Path(__file__).parent / "trainers" / "cases"

# ok: taken; alt: altered, or dropped by all but LLaMA-Factory; no: refused, or dropped by LLaMA-Factory.
COLUMNS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "together": ("together", {}),
    "mistral": ("mistral", {}),
    "lf-sharegpt": ("llamafactory", {"cutoff_len": 100_000}),
    "lf-openai": ("llamafactory", {"formatting": "openai", "cutoff_len": 100_000}),
    "axolotl": ("axolotl", {}),
    "unsloth": ("unsloth", {"max_seq_length": 100_000}),
}
RECORDED = """
case                together mistral lf-sharegpt lf-openai axolotl unsloth
ok                  ok  ok  ok  ok  ok  ok
ends_user           ok  no  no  no  alt ok
greeting_first_sys  ok  ok  no  no  ok  ok
greeting_first      ok  ok  no  no  ok  ok
two_users           ok  ok  no  no  ok  ok
two_assistants      ok  ok  no  no  ok  ok
two_systems         ok  ok  no  no  ok  ok
system_mid          ok  no  no  no  ok  ok
system_user_only    no  no  no  no  alt alt
assistant_only_msg  ok  no  no  no  ok  ok
no_messages         no  no  no  no  no  no
empty_assistant     ok  no  ok  ok  alt ok
blank_assistant     ok  ok  ok  ok  ok  ok
empty_user          ok  ok  ok  ok  ok  ok
null_content        ok  no  ok  ok  no  ok
no_content_key      no  no  no  no  no  ok
number_content      no  no  ok  ok  no  no
role_narrator       no  no  no  no  ok  ok
role_capital        no  no  no  no  alt alt
role_human_gpt      no  no  no  no  ok  alt
role_developer      no  no  no  no  ok  ok
role_function       no  no  no  no  ok  ok
extra_row_keys      no  ok  ok  ok  ok  ok
extra_msg_name      ok  no  ok  ok  ok  ok
weight_01           ok  ok  ok  ok  ok  ok
weight_half         no  no  ok  ok  ok  ok
weight_on_user      ok  no  ok  ok  ok  ok
tools_str_args      ok  ok  ok  ok  ok  ok
tools_dict_args     ok  ok  ok  ok  ok  ok
tools_no_content    ok  ok  no  no  no  ok
tools_openai_id     ok  no  ok  ok  ok  ok
tool_orphan         ok  no  no  no  ok  ok
parts_text          ok  ok  ok  ok  ok  ok
parts_image         ok  no  ok  ok  ok  ok
parts_mixed         no  ok  ok  ok  ok  no
rows_differ_types   no  ok  ok  ok  ok  no
rows_differ_keys    ok  ok  ok  ok  ok  ok
control_tokens      ok  ok  ok  ok  ok  ok
think_history       ok  ok  ok  ok  ok  ok
long_prompt         ok  ok  ok  ok  alt ok
padded_text         ok  ok  ok  ok  ok  ok
sg_ok               no  no  ok  no  ok  ok
sg_system           no  no  ok  no  ok  ok
sg_gpt_first        no  no  no  no  ok  ok
sg_user_assistant   no  no  no  no  ok  ok
sg_extra_key        no  no  ok  no  ok  no
sg_null_value       no  no  ok  no  no  no
sg_narrator         no  no  no  no  ok  no
"""
# Said by us, and not counted as harm in the recorded verdicts.
NOT_COUNTED = frozenset(
    {
        "weights_ignored",
        "text_added",
        "control_string",
        "role_as_text",
        "tools_ignored",
        "part_lost",
        "text_trimmed",
    }
)

_ENCODED = "the record is of the converter alone; where the text is encoded: Expected a string"
_CHATML = "the record is of another ChatML, which refuses a message without content; ours writes none"
_LOADED = "the record is of rows handed over as they are; `datasets` makes a missing key null, and loads mixed types"
# Where the packages, run on these very files by tests/trainers/*_agreement.py, do otherwise than was recorded, and why.
OTHERWISE: Mapping[tuple[str, str], tuple[str, str]] = {
    ("ends_user", "axolotl"): (
        "ok",
        "the record counts a line in the log; what is trained is as it should be",
    ),
    ("rows_differ_types", "together"): ("ok", "each row is alike in itself, which is all that is checked"),
    ("tools_no_content", "lf-openai"): ("ok", _LOADED),
    ("parts_mixed", "unsloth"): ("ok", _LOADED),
    ("rows_differ_types", "unsloth"): ("ok", _LOADED),
    **{
        (name, column): ("no", _ENCODED)
        for name in (
            "null_content",
            "number_content",
            "parts_text",
            "parts_image",
            "parts_mixed",
            "rows_differ_types",
        )
        for column in ("lf-sharegpt", "lf-openai")
    },
    ("sg_null_value", "lf-sharegpt"): ("no", _ENCODED),
    **{(case, "axolotl"): ("alt", _CHATML) for case in ("null_content", "no_content_key", "sg_null_value")},
    ("tools_no_content", "axolotl"): ("ok", _CHATML),
}


def context(given_settings: Mapping[str, Any], name: str) -> Context:
    return Context(
        ChatTemplate.of(None, special_tokens={"eos_token": "<|im_end|>"}),
        Letters(),
        {**target(name).settings, **given_settings},
    )


class Letters:
    """One token a character, a control string of ChatML one token."""

    name, exact, band = "letters", True, (0.0, 0.0)

    def spans(self, text: str) -> list[Span]:
        found, at = [], 0
        while at < len(text):
            length = next((len(one) for one in ("<|im_start|>", "<|im_end|>") if text.startswith(one, at)), 1)
            found.append(Span(at, at + length))
            at += length
        return found

    def count(self, text: str) -> int:
        return len(self.spans(text))


def forecasts(
    name: str, rows: list[Any], conversations: Sequence[Conversation] | None = None, **more: Any
) -> tuple[list[Forecast], str | None]:
    """What a trainer does with each row, and why it refuses the file."""
    profile, about = target(name), context(more, name)
    keys = {key: None for row in rows if isinstance(row, dict) for key in row}
    shape = Shape(rows[0], tuple(keys), len(rows), tuple(rows[:10]))
    judge = profile.judge(shape, about)
    refused = profile.refuses_file(shape, about) if profile.refuses_file else None
    return [judge(one) for one in conversations or rt.load(copy.deepcopy(rows))], refused


@cache
def case(name: str) -> tuple[list[Any], list[Conversation]]:
    """The rows of a case, and the conversations we read in them."""
    lines = (CASES / f"{name}.jsonl").read_text(encoding="utf-8").split("\n")[:-1]
    rows = [json.loads(line) for line in lines]
    return rows, list(rt.load(copy.deepcopy(rows)))


def one(name: str, *messages: dict[str, Any], **more: Any) -> Forecast:
    found, _ = forecasts(name, [{"messages": list(messages)}], **more)
    return found[0]


def user(text: str = "Which way is the wind?", **more: Any) -> dict[str, Any]:
    return {"role": "user", "content": text, **more}


def assistant(text: str = "From the west.", **more: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": text, **more}


def trained(forecast: Forecast) -> list[str]:
    return [(forecast.text or "")[start:end] for start, end in forecast.trained]


def codes(forecast: Forecast) -> list[tuple[str, int | None]]:
    return [(reason.code, reason.turn) for reason in forecast.reasons]


def recorded() -> list[tuple[str, str, str]]:
    head, *lines = RECORDED.strip().split("\n")
    columns = head.split()[1:]
    return [
        (name, column, verdict)
        for name, *verdicts in map(str.split, lines)
        for column, verdict in zip(columns, verdicts, strict=True)
    ]


def verdict_on(name: str, column: str) -> str:
    trainer, more = COLUMNS[column]
    found, refused = forecasts(trainer, *case(name), **more)
    outcomes = [reason.outcome for each in found for reason in each.reasons if reason.code not in NOT_COUNTED]
    worst = max(outcomes, key=OUTCOMES.index, default="taken")
    if refused or worst == "refused" or (worst == "dropped" and trainer == "llamafactory"):
        return "no"
    return "ok" if worst == "taken" else "alt"


@pytest.mark.parametrize(("name", "column", "verdict"), recorded())
def test_the_verdict_on_every_case_is_the_recorded_one(name: str, column: str, verdict: str) -> None:
    expected, why = OTHERWISE.get((name, column), (verdict, ""))
    assert verdict_on(name, column) == expected, why


@pytest.mark.parametrize(
    "name", ["together", "mistral", "openai", "fireworks", "unsloth", "axolotl", "llamafactory"]
)
def test_every_reason_has_a_known_code_a_sentence_and_a_turn_of_the_conversation(name: str) -> None:
    for path in sorted(CASES.glob("*.jsonl")):
        rows, conversations = case(path.stem)
        found, _ = forecasts(name, rows, conversations)
        for forecast, length in zip(found, map(len, conversations), strict=True):
            for reason in forecast.reasons:
                assert reason.code in CODES
                assert reason.says.strip()
                assert reason.turn is None or 0 <= reason.turn < length


JSON = st.recursive(
    st.sampled_from([None, True, 0, 1, 0.5, "", "user", "assistant", "tool", "text", "[]"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["role", "content", "type", "text", "function", "name", "id"]), inner, max_size=4
        )
    ),
    max_leaves=6,
)
MESSAGES = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "role": st.sampled_from(["system", "user", "assistant", "tool", "narrator", 1, None]),
            "content": JSON,
            "tool_calls": JSON,
            "weight": JSON,
            "prefix": JSON,
            "tool_call_id": JSON,
            "name": JSON,
            "reasoning_content": JSON,
        },
    ),
    max_size=4,
)


@settings(deadline=None, max_examples=30)
@given(messages=MESSAGES, tools=JSON, key=st.sampled_from(["messages", "conversations"]))
def test_no_record_is_too_odd_for_a_forecast(messages: list[Any], tools: Any, key: str) -> None:
    rows = [{key: messages, "tools": tools}]
    conversations = list(rt.load(copy.deepcopy(rows)))
    for name in ("together", "mistral", "openai", "fireworks", "unsloth", "axolotl", "llamafactory"):
        for forecast in forecasts(name, rows, conversations)[0]:
            assert forecast.outcome in OUTCOMES


# ---------------------------------------------------------------- what is trained


def test_axolotl_trains_the_answers_and_the_token_that_ends_them() -> None:
    forecast = one("axolotl", user(), assistant("West."), user("And now?"), assistant("Still."))
    assert trained(forecast) == ["West.<|im_end|>", "Still.<|im_end|>"]
    assert forecast.outcome == "taken"


@pytest.mark.parametrize(
    ("when", "expected"),
    [("all", ["<|im_end|>", "West.<|im_end|>"]), ("last", ["West.<|im_end|>"]), (None, ["West."])],
)
def test_axolotl_trains_end_tokens_as_it_is_told(when: str | None, expected: list[str]) -> None:
    assert trained(one("axolotl", user(), assistant("West."), train_on_eos=when)) == expected


def test_axolotl_honours_a_weight_only_under_the_key_it_is_told() -> None:
    talk = (user(), assistant("West.", weight=0), user("Now?"), assistant("Still.", weight=1))
    assert trained(one("axolotl", *talk, message_field_training="weight")) == ["Still.<|im_end|>"]
    unread = one("axolotl", *talk)
    assert trained(unread) == ["West.<|im_end|>", "Still.<|im_end|>"]
    assert codes(unread) == [("weights_ignored", 1)]


def test_axolotl_leaves_out_what_is_over_the_limit_or_cuts_it_if_told_so() -> None:
    talk = (user("a" * 60), assistant("b" * 60))
    assert one("axolotl", *talk, sequence_len=100).outcome == "dropped"
    cut = one("axolotl", *talk, sequence_len=120, excess_length_strategy="truncate")
    assert cut.outcome == "altered"
    assert ("answer_cut", 1) in codes(cut)
    assert cut.kept_tokens == 120


def test_unsloth_finds_answers_by_the_marker_before_them() -> None:
    talk = (user(), assistant("West."), user("And now?"), assistant("Still."))
    assert trained(one("unsloth", *talk)) == ["West.<|im_end|>", "Still.<|im_end|>"]
    assert trained(one("unsloth", *talk, last_response_only=True)) == ["Still.<|im_end|>"]


def test_unsloth_removes_a_row_whose_answers_have_another_header() -> None:
    forecast = one("unsloth", user(), {"role": "Assistant", "content": "West."})
    assert forecast.outcome == "dropped"
    assert "nothing_trained" in [code for code, _ in codes(forecast)]


def test_unsloth_refuses_a_role_that_comes_up_after_the_tenth_row() -> None:
    rows = [
        {"conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": f"Ho {at}"}]}
        for at in range(12)
    ]
    rows[11]["conversations"][1]["from"] = "narrator"
    found, refused = forecasts("unsloth", rows)
    assert refused is None
    assert [forecast.outcome for forecast in found] == ["taken"] * 11 + ["refused"]
    assert codes(found[11]) == [("role_unknown", 1)]


def test_llamafactory_shares_the_limit_out_between_question_and_answer() -> None:
    forecast = one("llamafactory", user("a" * 400), assistant("b" * 40), cutoff_len=100)
    assert forecast.kept_tokens == 100
    assert codes(forecast) == [("text_cut", 0)]
    assert trained(forecast) == ["b" * 40 + "<|im_end|>\n"]


def test_llamafactory_trains_the_last_answer_only_where_history_is_masked() -> None:
    talk = (user(), assistant("West."), user("Now?"), assistant("Still."))
    forecast = one("llamafactory", *talk, mask_history=True)
    assert trained(forecast) == ["Still.<|im_end|>\n"]
    assert codes(forecast) == [("answer_not_trained", 1)]


def test_llamafactory_writes_into_the_system_prompt_of_openai_rows() -> None:
    forecast = one("llamafactory", user(), assistant(), formatting="openai")
    assert "detailed thinking off" in (forecast.text or "")
    assert codes(forecast) == [("text_added", None)]


@pytest.mark.parametrize("name", ["unsloth", "axolotl", "llamafactory"])
def test_a_weight_that_asks_for_another_loss_is_said_whoever_speaks(name: str) -> None:
    assert codes(one(name, user(weight=1), assistant())) == [("weights_ignored", 0)]
    assert codes(one(name, user(weight=0), assistant(weight=1))) == []


@pytest.mark.parametrize("name", ["unsloth", "axolotl"])
def test_an_answer_that_stands_beside_the_turns_is_lost(name: str) -> None:
    said = {"from": "gpt", "value": "From the west."}
    row = {
        "conversations": [{"from": "human", "value": "Which way?"}, said],
        "chosen": said,
        "rejected": said,
    }
    (forecast,), _ = forecasts(name, [row])
    assert codes(forecast) == [("turn_lost", 2), ("turn_lost", 3)]
    assert forecast.outcome == "altered"


def test_unsloth_ignores_tools_only_where_there_are_any() -> None:
    talk = {"messages": [user(), assistant()]}
    found, _ = forecasts("unsloth", [{**talk, "tools": "[]"}, {**talk, "tools": '[{"name": "tide"}]'}])
    assert [codes(forecast) for forecast in found] == [[], [("tools_ignored", None)]]


def test_axolotl_leaves_out_a_picture_and_it_is_said() -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
    asked = {"role": "user", "content": [picture, {"type": "text", "text": "What is this?"}]}
    assert codes(one("axolotl", asked, assistant())) == [("part_lost", 0)]


def test_axolotl_says_that_a_template_writes_no_tools() -> None:
    tool = {"type": "function", "function": {"name": "tide", "parameters": {"type": "object"}}}
    (forecast,), _ = forecasts("axolotl", [{"messages": [user(), assistant()], "tools": [tool]}])
    assert codes(forecast) == [("tools_ignored", None)]


def test_llamafactory_says_it_where_the_limit_cuts_only_what_ends_a_turn() -> None:
    whole = one("llamafactory", user(), assistant(), cutoff_len=1000).tokens
    assert whole is not None
    forecast = one("llamafactory", user(), assistant(), cutoff_len=whole - 1)
    assert codes(forecast) == [("text_cut", None)]


# ---------------------------------------------------------------- hosted services


def test_together_honours_weights_and_says_which() -> None:
    forecast = one("together", user(), assistant(weight=0), user(), assistant(weight=1))
    assert dict(forecast.weights) == {1: 0.0, 3: 1.0}
    assert forecast.outcome == "taken"


def test_together_looks_at_no_row_from_version_2_15_on() -> None:
    assert one("together", user(), assistant(weight=0.5)).outcome == "refused"
    assert one("together", user(), assistant(weight=0.5), client_check="json").outcome == "taken"


def test_mistral_takes_ids_of_any_length_from_tokenizer_13_on() -> None:
    call = {"id": "call_12345678", "type": "function", "function": {"name": "tide", "arguments": "{}"}}
    talk = (
        user(),
        {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "content": "14:05", "tool_call_id": "call_12345678"},
        assistant(),
    )
    assert codes(one("mistral", *talk)) == [("tools_invalid", 1), ("tools_invalid", 2)]
    assert one("mistral", *talk, tokenizer_version="v13").outcome == "taken"


def test_mistral_takes_blanks_off_the_end_of_a_reply() -> None:
    assert codes(one("mistral", user(" Which way? "), assistant(" From the west. "))) == [("text_trimmed", 1)]
    joined = one("mistral", user(), assistant("From the west. "), assistant("And rising."))
    assert codes(joined) == []
    assert codes(one("mistral", user(), assistant("West.\n"))) == []


def test_a_system_prompt_beside_the_messages_is_not_read_by_mistral() -> None:
    row = {"system": "Be brief.", "messages": [user(), assistant(weight=0)]}
    (forecast,), _ = forecasts("mistral", [row])
    assert codes(forecast) == [("system_lost", 0)]
    assert dict(forecast.weights) == {2: 0.0}


def test_openai_wants_ten_examples_and_weights_on_the_assistant_only() -> None:
    rows = [{"messages": [user(weight=1), assistant()]}] * 2
    found, refused = forecasts("openai", rows)
    assert refused is not None
    assert "10" in refused
    assert codes(found[0]) == [("weight_invalid", 0)]


def test_fireworks_wants_a_row_weight_on_every_row_or_on_none() -> None:
    rows = [{"messages": [user(), assistant()], "weight": 0.5}, *[{"messages": [user(), assistant()]}] * 2]
    found, refused = forecasts("fireworks", rows)
    assert refused is None
    assert [codes(forecast) for forecast in found] == [
        [],
        [("weight_invalid", None)],
        [("weight_invalid", None)],
    ]
    assert dict(found[0].weights) == {1: 0.5}


def test_what_comes_from_documentation_says_so() -> None:
    assert {target(name).basis for name in ("openai", "fireworks")} == {"documentation"}
