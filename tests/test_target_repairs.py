"""Repairs for a trainer: what it refused or lost it takes then, every text is still there, and undo gives the bytes back."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import rolethread_nb as rt
from rolethread_nb.training.preflight import Preflight

relaxed = settings(deadline=None, suppress_health_check=list(HealthCheck))

# As Gemma's: the system prompt goes into the first user turn, and the roles alternate.
ALTERNATING = """\
{%- set ns = namespace(prefix='', rest=messages) %}
{%- if messages[0].role == 'system' %}
    {%- set ns.prefix = messages[0].content + '\\n\\n' %}
    {%- set ns.rest = messages[1:] %}
{%- endif %}
{%- for message in ns.rest %}
    {%- if (message.role == 'user') != (loop.index0 % 2 == 0) %}
        {{- raise_exception('Roles must alternate.') }}
    {%- endif %}
    {{- '<turn>' + message.role + '\\n' + (ns.prefix if loop.first else '') + message.content + '<end>\\n' }}
{%- endfor %}
"""
# As Mistral-Nemo's: the system prompt is written only where the user speaks last.
DROPPING = """\
{%- for message in messages %}
    {%- if message.role == 'user' %}
        {{- '[INST] ' + message.content + ' [/INST]' }}
    {%- elif message.role == 'assistant' %}
        {{- ' ' + message.content + '</s>' }}
    {%- endif %}
{%- endfor %}
"""
# Alternation, and no system prompt anywhere: as Gemma 2's.
STRICT = (
    "{%- for message in messages if message.role == 'system' %}{{ raise_exception('No system role') }}{% endfor %}"
    + ALTERNATING
)
# Writes out arguments by their items, as Qwen 3 Coder's and GLM's do.
ITEMS = """\
{%- for message in messages %}
    {{- '<' + message.role + '>' + (message.content or '') }}
    {%- for call in message.tool_calls or [] %}
        {{- call.function.name }}
        {%- for key, value in call.function.arguments.items() %}{{ ' ' + key + '=' + value }}{% endfor %}
    {%- endfor %}
{%- endfor %}
"""


def user(content: Any, **more: Any) -> dict[str, Any]:
    return {"role": "user", "content": content, **more}


def reply(content: Any, **more: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": content, **more}


def system(content: Any) -> dict[str, Any]:
    return {"role": "system", "content": content}


def flight_of(records: Any, target: str = "trl", template: str | None = None) -> Preflight:
    return rt.load(records).preflight(targets=target, template=template, max_tokens=1_000_000)


def told(flight: Preflight) -> list[list[tuple[str | None, str]]]:
    return [[(one.role, one.text) for one in conversation] for conversation in flight.dataset]


def again(flight: Preflight) -> Preflight:
    name = flight.targets[0].name
    return flight.dataset.preflight(targets=name, template=flight.template, max_tokens=1_000_000)


def reasons(flight: Preflight) -> Counter[tuple[int, str]]:
    return Counter(flight.reason_frame.select("index", "code").iter_rows())


def errors(dataset: rt.Dataset) -> Counter[tuple[Any, ...]]:
    found = dataset.check()
    return Counter((one.code, one.conversation) for one in found if one.severity == "error")


def raws(dataset: rt.Dataset) -> list[bytes | None]:
    return [dataset.record_bytes(0, one.index) for one in dataset]


CASES: dict[str, tuple[str, str | None, list[Any], dict[str, Any], list[tuple[str, str]]]] = {
    "neighbours": (
        "trl",
        ALTERNATING,
        [user("a"), user("b"), reply("c"), reply("d"), reply("e")],
        {},
        [("user", "a\n\nb"), ("assistant", "c\n\nd\n\ne")],
    ),
    "neighbours with a system prompt that is taken": (
        "trl",
        ALTERNATING,
        [system("s"), user("a"), user("b"), reply("c")],
        {},
        [("system", "s"), ("user", "a\n\nb"), ("assistant", "c")],
    ),
    "a system prompt that is lost": (
        "trl",
        DROPPING,
        [system("s"), user("a"), reply("b")],
        {},
        [("user", "s\n\na"), ("assistant", "b")],
    ),
    "a system prompt that is refused": (
        "trl",
        STRICT,
        [system("s"), user("a"), reply("b")],
        {},
        [("user", "s\n\na"), ("assistant", "b")],
    ),
    "a system prompt between two turns of the user": (
        "trl",
        STRICT,
        [user("a"), system("s"), user("b"), reply("c")],
        {},
        [("user", "a\n\ns\n\nb"), ("assistant", "c")],
    ),
    "a greeting into the system prompt": (
        "trl",
        ALTERNATING,
        [system("s"), reply("Welcome!"), user("a"), reply("b")],
        {"greeting": "into_system"},
        [("system", "s\n\nWelcome!"), ("user", "a"), ("assistant", "b")],
    ),
    "a greeting where there is no system prompt to be": (
        "trl",
        STRICT,
        [reply("Welcome!"), user("a"), reply("b")],
        {"greeting": "into_system"},
        [("user", "Welcome!\n\na"), ("assistant", "b")],
    ),
    "a greeting after an opener": (
        "trl",
        ALTERNATING,
        [system("s"), reply("Welcome!"), user("a"), reply("b")],
        {"greeting": "opener", "opener": "(enters)"},
        [("system", "s"), ("user", "(enters)"), ("assistant", "Welcome!"), ("user", "a"), ("assistant", "b")],
    ),
    "a tail": (
        "mistral",
        None,
        [user("a"), reply("b"), user("c"), user("d")],
        {},
        [("user", "a"), ("assistant", "b")],
    ),
    "other spellings of a role": (
        "mistral",
        None,
        [{"role": "Human", "content": "a"}, {"role": "bot", "content": "b"}],
        {},
        [("user", "a"), ("assistant", "b")],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_the_trainer_minded_is_mended_and_can_be_taken_back(case: str) -> None:
    target, template, turns, how, after = CASES[case]
    line = json.dumps({"messages": turns, "n": 1.10}, indent=1).encode()
    flight = flight_of(b"[" + line + b"]", target, template)
    assert flight.reason_frame.height
    bytes_before = raws(flight.dataset)
    plan = flight.repairs(**how)
    assert told(flight) == told(flight_of(b"[" + line + b"]")), "nothing happens before it is applied"
    plan.apply()

    assert told(flight) == [after]
    assert not plan.left
    assert not reasons(again(flight))
    assert flight.dataset.undo() is not None
    assert raws(flight.dataset) == bytes_before


@pytest.mark.parametrize(
    ("target", "template", "turns"),
    [
        ("trl", None, [system("s"), user("a"), user("b"), reply("c")]),
        ("mistral", None, [user("a"), user("b"), reply("c")]),
        ("mistral", None, [reply("Welcome!"), user("a"), reply("b")]),
        ("trl", None, [user("a"), reply("b"), user("c")]),
        ("trl", ALTERNATING, [system("s"), user("a"), reply("b")]),
        ("openai", None, [user("a"), reply("b", weight=0)]),
    ],
)
def test_what_the_trainer_takes_is_left_alone(target: str, template: str | None, turns: list[Any]) -> None:
    plan = flight_of([{"messages": turns}], target, template).repairs(greeting="into_system")

    assert len(plan) == 0
    assert not plan.left


def test_no_more_is_done_than_the_trainer_needs() -> None:
    turns = [system("s"), user("a"), user("b"), reply("c"), user("d")]
    assert flight_of([{"messages": turns}], template=ALTERNATING).repairs().counts == {
        "fit.merge_neighbours": 1
    }


def test_repairs_can_be_named_and_chosen_from() -> None:
    records = [
        {"messages": [user("a"), user("b"), reply("c")]},
        {"messages": [system("s"), user("a"), reply("b")]},
    ]
    flight = flight_of(records, template=STRICT)

    assert flight.repairs(select="merge_neighbours").counts == {"fit.merge_neighbours": 1}
    plan = flight.repairs()
    assert plan.counts == {"fit.merge_neighbours": 1, "fit.system_into_user": 1}
    assert {repair.safety for repair in plan} == {"unsafe"}
    assert plan.select(codes="fit.system_into_user").counts == {"fit.system_into_user": 1}
    assert len(plan.select(safe=True)) == 0
    assert len(plan[:1]) == 1
    plan.select(codes="fit.system_into_user").apply()
    assert told(flight)[0] == [("user", "a"), ("user", "b"), ("assistant", "c")]


def test_a_plan_says_what_it_would_do() -> None:
    shown = str(
        flight_of([{"messages": [user("a"), reply("b"), user("so long")]}], "mistral").repairs().preview()
    )

    assert "fit.trim_tail" in shown
    assert "its text is lost (unsafe)" in shown
    assert "- so long" in shown


def test_an_opener_is_never_made_up() -> None:
    turns = [reply("Welcome!"), user("a"), reply("b")]
    flight = flight_of([{"messages": turns}], template=ALTERNATING)
    for wrong in (
        {"greeting": "opener"},
        {"greeting": "opener", "opener": " "},
        {"opener": "Hi"},
        {"greeting": "x"},
    ):
        with pytest.raises(rt.QueryError):
            flight.repairs(**wrong)  # type: ignore[arg-type]
    plan = flight.repairs()

    assert len(plan) == 0
    assert "greeting='into_system'" in plan.left[0].reason


def test_an_opener_is_written_as_the_layout_writes_turns() -> None:
    line = b'{"conversations": [{"from": "gpt", "value": "Welcome!"},  {"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}]}'
    flight = flight_of(line, "llamafactory")
    flight.repairs(greeting="opener", opener="Hi").apply()

    assert flight.dataset.record_bytes(0, 0) == line.replace(
        b'[{"from": "gpt", "value": "Welcome!"},',
        b'[{"from": "human", "value": "Hi"},  {"from": "gpt", "value": "Welcome!"},',
    )


def test_names_and_trainers_that_are_not_there_are_refused() -> None:
    flight = flight_of([{"messages": [user("a"), reply("b")]}])
    for wrong in ({"target": "mistral"}, {"select": "merge"}):
        with pytest.raises(rt.QueryError):
            flight.repairs(**wrong)  # type: ignore[arg-type]


def test_a_preflight_of_another_state_plans_nothing() -> None:
    flight = flight_of([{"messages": [user("a "), user("b"), reply("c")]}], template=ALTERNATING)
    flight.dataset.check().repairs().apply()
    with pytest.raises(rt.StalePlanError):
        flight.repairs()


# ---------------------------------------------------------------- what is left


@pytest.mark.parametrize(
    ("target", "template", "record", "why"),
    [
        (
            "trl",
            ALTERNATING,
            {"messages": [user([{"type": "text", "text": "a"}]), user("b"), reply("c")]},
            "not a plain text",
        ),
        (
            "trl",
            ALTERNATING,
            {"messages": [user("a"), reply("b", weight=0), reply("c", weight=1)]},
            "differ in more than their text",
        ),
        (
            "trl",
            STRICT,
            {"messages": [system("s"), user([{"type": "text", "text": "a"}]), reply("c")]},
            "not a plain text",
        ),
        (
            "mistral",
            None,
            {"messages": [{"role": "Mara", "content": "a"}, reply("b")]},
            "the role is not known",
        ),
        (
            "mistral",
            None,
            {"messages": [user("a"), reply("b", reasoning_content="c")]},
            "what the model is to learn",
        ),
    ],
)
def test_what_cannot_be_done_is_listed_with_a_plain_sentence(
    target: str, template: str | None, record: Any, why: str
) -> None:
    flight = flight_of([record], target, template)
    before = raws(flight.dataset)
    plan = flight.repairs(greeting="into_system")
    plan.apply()

    assert raws(flight.dataset) == before
    assert why in plan.left[0].reason, plan.left
    assert why in str(plan.preview())


def test_a_layout_with_a_place_for_each_turn_is_left() -> None:
    record = {"prompt": [system("s"), user("a")], "completion": [reply("b")]}
    plan = flight_of([record], template=STRICT).repairs()

    assert len(plan) == 0
    assert [one.reason for one in plan.left] == [
        "in this layout each turn has its own place, and none can be taken out"
    ]


def test_a_layout_that_the_trainer_does_not_read_is_left() -> None:
    records = [
        {"instruction": "a", "input": "", "output": "b"},
        {"messages": [user("a"), reply("b"), user("c")]},
    ]
    plan = flight_of(records, "mistral").repairs()

    assert plan.counts == {"fit.trim_tail": 1}
    assert [one.conversation for one in plan.left] == [0]
    assert "export it in a layout it reads" in plan.left[0].reason


def test_a_repair_that_would_make_a_new_error_is_left() -> None:
    plan = flight_of([{"messages": [system("s"), reply("a")]}], template=ALTERNATING).repairs(
        greeting="into_system"
    )

    assert len(plan) == 0
    assert "order.no_assistant" in plan.left[0].reason


def test_what_comes_to_light_after_a_repair_is_told() -> None:
    record = {"messages": [user("a", mood="calm")]}
    plan = flight_of([record], "mistral").repairs()

    assert plan.counts == {"fit.drop_keys": 1}
    assert "Expected last role Assistant" in plan.left[0].reason


def test_turns_of_the_two_answers_of_a_preference_pair_are_no_neighbours() -> None:
    record = {"prompt": [user("a")], "chosen": [reply("b")], "rejected": [reply("c")]}
    plan = flight_of([record], "trl-dpo", ALTERNATING).repairs()

    assert "fit.merge_neighbours" not in plan.counts


# ---------------------------------------------------------------- tools and keys


def call(arguments: Any) -> dict[str, Any]:
    one = {"id": "abcdefghi", "type": "function", "function": {"name": "f", "arguments": arguments}}
    return reply(None, tool_calls=[one])


@pytest.mark.parametrize(
    ("target", "template", "before", "after"),
    [
        ("openai", None, {"a": "ü"}, '{"a": "ü"}'),
        ("trl", ITEMS, '{"a": "ü"}', {"a": "ü"}),
        ("openai", None, '{"a": 1}', None),
        ("trl", ITEMS, "no JSON", None),
    ],
)
def test_arguments_are_written_as_the_trainer_wants_them(
    target: str, template: str | None, before: Any, after: Any
) -> None:
    result = {"role": "tool", "tool_call_id": "abcdefghi", "content": "42"}
    record = {"messages": [user("a"), call(before), result, reply("b")]}
    flight = flight_of([record], target, template)
    plan = flight.repairs()
    assert all(repair.safety == "safe" for repair in plan)
    plan.apply()

    held = flight.dataset[0].raw["messages"][1]["tool_calls"][0]["function"]["arguments"]
    assert held == (before if after is None else after)
    if after is not None:
        assert not {code for _, code in reasons(again(flight))} & {"tools_invalid", "template_refused"}
        flight.dataset.undo()
    assert flight.dataset[0].raw == record


def test_keys_that_are_not_allowed_go_and_all_others_stay() -> None:
    record = {"n": 1, "messages": [user("a", mood="calm", x=[1]), reply("b", weight=1)], "m": {"k": 2}}
    flight = flight_of([record], "mistral")
    plan = flight.repairs()

    assert plan.counts == {"fit.drop_keys": 1}
    assert "calm" in str(plan.preview())
    plan.apply()
    assert flight.dataset[0].raw == {**record, "messages": [user("a"), reply("b", weight=1)]}
    flight.dataset.undo()
    assert flight.dataset[0].raw == record

    flight = flight_of([record], "openai")
    flight.repairs().apply()
    assert flight.dataset[0].raw == {"messages": [user("a"), reply("b", weight=1)]}


# ---------------------------------------------------------------- promises


def check_promise(flight: Preflight, plan: rt.Plan) -> None:
    dataset = flight.dataset
    bytes_before, texts, wrong, minded = raws(dataset), told(flight), errors(dataset), reasons(flight)
    changed = {repair.conversation for repair in plan}
    lost = {(one.conversation, one.code) for one in plan if one.code == "fit.trim_tail"}
    plan.apply()

    assert not errors(dataset) - wrong
    texts_after = told(flight)
    for index in changed:
        assert index is not None
        whole = "\n".join(text for _, text in texts_after[index])
        if (index, "fit.trim_tail") not in lost:
            assert all(text in whole for _, text in texts[index])
    if changed:
        left = {one.conversation for one in plan.left}
        after = reasons(again(flight))
        for index in changed - left:
            gone = {"template_refused", "role_order", "system_lost", "role_unknown", "key_unknown"}
            assert not [code for place, code in after if place == index and code in gone], (index, minded)
        assert dataset.undo() is not None
    assert raws(dataset) == bytes_before


TURNS = st.lists(
    st.builds(
        lambda role, content, more: {"role": role, "content": content, **more},
        st.sampled_from(["user", "assistant", "user", "assistant", "system", "Human", "tool"]),
        st.one_of(
            st.sampled_from(["Hi", "", "ü\u2028", "</s>", 'a "b"\n']),
            st.sampled_from([None, [{"type": "text", "text": "part"}]]),
        ),
        st.sampled_from([{}, {}, {}, {"weight": 1}, {"name": "Kai"}, {"mood": "calm"}]),
    ),
    max_size=6,
)


@settings(relaxed, max_examples=120)
@given(
    st.lists(TURNS, min_size=1, max_size=3),
    st.sampled_from(
        [
            ("trl", ALTERNATING),
            ("trl", STRICT),
            ("trl", DROPPING),
            ("mistral", None),
            ("openai", None),
            ("llamafactory", None),
        ]
    ),
    st.sampled_from([{}, {"greeting": "into_system"}, {"greeting": "opener", "opener": "(enters)"}]),
)
def test_texts_survive_and_bytes_come_back(
    made: list[Any], trainer: tuple[str, str | None], how: dict[str, Any]
) -> None:
    flight = flight_of([{"messages": turns} for turns in made], *trainer)
    check_promise(flight, flight.repairs(**how))


@pytest.mark.parametrize(("target", "template"), [("trl", ALTERNATING), ("trl", STRICT), ("mistral", None)])
def test_a_real_file_is_mended_for_a_strict_trainer(
    target: str, template: str | None, shared_data: Path
) -> None:
    dataset = rt.load(shared_data / "persona_agents_en.jsonl.gz")
    flight = dataset.preflight(targets=target, template=template, max_tokens=1_000_000)
    plan = flight.repairs(greeting="into_system")

    assert len({repair.conversation for repair in plan}) + len({one.conversation for one in plan.left}) > 0
    check_promise(flight, plan)
