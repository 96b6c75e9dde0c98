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


# Knows no role but these three, and writes no other.
THREE_ROLES = """\
{%- for message in messages if message.role in ('ROLE', 'user', 'assistant') %}
    {{- '<' + message.role + '>' + message.content }}
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


# ---------------------------------------------------------------- roles


def developer(content: Any) -> dict[str, Any]:
    return {"role": "developer", "content": content}


def words(flight: Preflight) -> list[str | None]:
    return [one.role_raw for one in flight.dataset[0]]


@pytest.mark.parametrize(
    ("target", "template", "turns", "after"),
    [
        ("mistral", None, [developer("s"), user("a"), reply("b")], ["system", "user", "assistant"]),
        ("openai", None, [developer("s"), user("a"), reply("b")], ["system", "user", "assistant"]),
        (
            "trl",
            THREE_ROLES.replace("ROLE", "system"),
            [developer("s"), user("a"), reply("b")],
            ["system", "user", "assistant"],
        ),
        (
            "trl",
            THREE_ROLES.replace("ROLE", "developer"),
            [system("s"), user("a"), reply("b")],
            ["developer", "user", "assistant"],
        ),
        (
            "mistral",
            None,
            [developer("s"), {"role": "Human", "content": "a"}, reply("b")],
            ["system", "user", "assistant"],
        ),
        (
            "llamafactory",
            None,
            [
                {"from": "system", "value": "s"},
                {"from": "user", "value": "a"},
                {"from": "assistant", "value": "b"},
            ],
            ["system", "human", "gpt"],
        ),
        (
            "trl",
            THREE_ROLES.replace("ROLE", "system"),
            [
                {"from": "system", "value": "s"},
                {"from": "human", "value": "a"},
                {"from": "gpt", "value": "b"},
            ],
            ["system", "user", "assistant"],
        ),
    ],
)
def test_roles_get_the_words_that_the_trainer_knows(
    target: str, template: str | None, turns: list[Any], after: list[str]
) -> None:
    key = "messages" if "role" in turns[0] else "conversations"
    flight = flight_of([{key: turns}], target, template)
    plan = flight.repairs()
    assert {repair.safety for repair in plan} == {"safe"}
    assert not plan.left
    texts = [one.text for one in flight.dataset[0]]
    plan.apply()

    assert words(flight) == after
    assert [one.text for one in flight.dataset[0]] == texts
    assert not reasons(again(flight))
    flight.dataset.undo()
    assert flight.dataset[0].raw == {key: turns}


@pytest.mark.parametrize(
    ("target", "template"),
    [("trl", THREE_ROLES.replace("ROLE", "system")), ("axolotl", None), ("openai", None)],
)
def test_words_that_the_trainer_knows_are_left_alone(target: str, template: str | None) -> None:
    flight = flight_of([{"messages": [system("s"), user("a"), reply("b")]}], target, template)
    assert len(flight.repairs()) == 0


def test_a_label_that_says_that_the_text_is_a_call_is_no_other_spelling() -> None:
    turns = [
        {"from": "user", "value": "a"},
        {"from": "function_call", "value": '{"name": "f", "arguments": {}}'},
        {"from": "observation", "value": "1"},
        {"from": "assistant", "value": "b"},
    ]
    flight = flight_of([{"conversations": turns}], "llamafactory")
    flight.repairs().apply()

    assert words(flight) == ["human", "function_call", "observation", "gpt"]
    assert not reasons(again(flight))


# ---------------------------------------------------------------- ids of tool calls


def calls(*ids: str | None, name: str = "f", content: Any = None) -> dict[str, Any]:
    function = {"name": name, "arguments": "{}"}
    made = [{"type": "function", "function": function} | ({"id": one} if one else {}) for one in ids]
    return reply(content, tool_calls=made)


def result(own_id: str | None = None, content: str = "42", **more: Any) -> dict[str, Any]:
    return {"role": "tool", "content": content, **({"tool_call_id": own_id} if own_id else {}), **more}


def ids_of(record: Any) -> list[tuple[str, Any]]:
    """The ids of calls and of results, in their order."""
    found: list[tuple[str, Any]] = []
    for turn in record["messages"]:
        found += [("call", call.get("id")) for call in turn.get("tool_calls") or ()]
        found += [("result", turn.get("tool_call_id"))] if turn["role"] == "tool" else []
    return found


NINE = "abcdefghi"


@pytest.mark.parametrize("target", ["openai", "mistral"])
@pytest.mark.parametrize(
    ("turns", "pairs"),
    [
        ([user("a"), calls(None), result(), reply("b")], [(0, 1)]),
        ([user("a"), calls(NINE), result(), reply("b")], [(0, 1)]),
        ([user("a"), calls(None, None), result(), result(), reply("b")], [(0, 2), (1, 3)]),
        ([user("a"), calls(NINE, None), result(), result(NINE), reply("b")], [(0, 3), (1, 2)]),
        ([user("a"), calls(None), result("x"), calls(None), result("x"), reply("b")], [(0, 1), (2, 3)]),
    ],
)
def test_calls_and_results_get_ids_that_name_each_other(
    turns: list[Any], pairs: list[tuple[int, int]], target: str
) -> None:
    line = json.dumps({"messages": turns}).encode()
    flight = flight_of(line, target)
    plan = flight.repairs()
    assert plan.counts.keys() == {"fit.tool_ids"}
    assert {repair.safety for repair in plan} == {"safe"}
    assert not plan.left
    plan.apply()

    held = ids_of(flight.dataset[0].raw)
    assert all(held[call][1] == held[answer][1] for call, answer in pairs)
    made = [one for kind, one in held if kind == "call"]
    assert len(set(made)) == len(made)
    assert all(len(one) == 9 and one.isascii() and one.isalnum() for one in made)
    assert not reasons(again(flight))
    assert [one.text for one in flight.dataset[0]] == [turn["content"] or "" for turn in turns]
    second = flight_of(line, target)
    second.repairs().apply()
    assert second.dataset.record_bytes(0, 0) == flight.dataset.record_bytes(0, 0), "the same on every run"
    flight.dataset.undo()
    assert flight.dataset.record_bytes(0, 0) == line


@pytest.mark.parametrize("target", ["openai", "mistral"])
def test_results_that_name_their_function_go_with_its_call(target: str) -> None:
    both = reply(None, tool_calls=[*calls(None)["tool_calls"], *calls(None, name="g")["tool_calls"]])
    turns = [user("a"), both, result(name="g"), result(name="f"), reply("b")]
    flight = flight_of([{"messages": turns}], target)
    flight.repairs().apply()

    f, g, of_g, of_f = (one for _, one in ids_of(flight.dataset[0].raw))
    assert (f, g) == (of_f, of_g)
    assert f != g
    assert not reasons(again(flight))


def test_an_id_that_the_trainer_takes_stays() -> None:
    turns = [user("a"), calls("call_1"), result("call_1"), user("c"), calls(NINE), result(NINE), reply("b")]
    assert len(flight_of([{"messages": turns}], "openai").repairs()) == 0
    flight = flight_of([{"messages": turns}], "mistral")
    flight.repairs().apply()

    (_, first), (_, answer), *rest = ids_of(flight.dataset[0].raw)
    assert first == answer != "call_1"
    assert rest == [("call", NINE), ("result", NINE)]


def test_a_key_is_put_in_with_every_other_byte_as_it_was() -> None:
    line = (
        b'{"messages":[{"role":"user","content":"\\u00e9"},{"role":"assistant","content":null, "tool_calls":'
        b'[{"function":{"name":"f","arguments":"{}"}}]},\n {"role":"tool", "content":"1"},{"role":"assistant","content":"b"}]}'
    )
    flight = flight_of(b"[" + line + b"]", "openai")
    flight.repairs().apply()
    ((_, made), _) = ids_of(flight.dataset[0].raw)
    after = line.replace(b'"{}"}}]', b'"{}"}, "id": "%b"}]' % made.encode())
    after = after.replace(b'"1"}', b'"1", "tool_call_id": "%b"}' % made.encode())

    assert flight.dataset.record_bytes(0, 0) == after


@pytest.mark.parametrize(
    ("turns", "why"),
    [
        ([user("a"), calls(None, None), result(), reply("b")], "more calls than results"),
        ([user("a"), calls(None), result(), result(), reply("b")], "no call before it waits for one"),
        ([user("a"), calls(None), reply("c"), result(), reply("b")], "no call before it waits for one"),
        ([user("a"), calls(None), result(name="g"), reply("b")], "names g, and no call of it"),
        ([user("a"), calls(NINE), reply("c"), calls(None), result(NINE), reply("b")], "not right before it"),
        ([user("a"), calls(None, None), result(name="f"), reply("b")], "more calls of f than results"),
    ],
)
def test_what_is_not_clear_is_left_without_ids(turns: list[Any], why: str) -> None:
    flight = flight_of([{"messages": turns}], "mistral")
    plan = flight.repairs(select="tool_ids")

    assert len(plan) == 0
    assert why in plan.left[0].reason


def test_ids_are_nine_letters_where_the_template_says_so() -> None:
    template = """\
{%- for message in messages %}
    {%- for call in message.tool_calls or [] if call.id is not defined or call.id|length != 9 %}
        {{- raise_exception('Tool call IDs should be alphanumeric strings with length 9!') }}
    {%- endfor %}
    {{- message.role + ':' + (message.content or '') }}
{%- endfor %}
"""
    turns = [user("a"), calls("call_12", content=""), result("call_12"), reply("b")]
    flight = flight_of([{"messages": turns}], "trl", template)
    flight.repairs().apply()

    (_, call), (_, answer) = ids_of(flight.dataset[0].raw)
    assert call == answer
    assert len(call) == 9


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


def test_of_a_merge_both_turns_are_shown() -> None:
    flight = flight_of([{"messages": [user("a"), user("b"), reply("c")]}], template=ALTERNATING)
    (repair,) = plan = flight.repairs()

    assert (repair.turn, repair.before, repair.after) == (1, "b", None)
    assert repair.also == ((0, "a", "a\n\nb"),)
    lines = list(plan.preview().lines())[1:]
    assert [kind for kind, _ in lines] == ["-", "+", "-"]
    assert lines[0] == ("-", "turn 0: a")
    assert lines[1][1].startswith("turn 0: a")
    assert lines[1][1].endswith("b")
    assert lines[2] == ("-", "turn 1: b")


def test_what_joins_several_turns_shows_each_by_its_own_number() -> None:
    flight = flight_of([{"messages": [user("a"), user("b"), user("c"), reply("d")]}], template=ALTERNATING)
    shown = [(one.turn, one.before, one.also) for one in flight.repairs()]

    assert shown == [(2, "c", ((1, "b", "b\n\nc"),)), (1, "b\n\nc", ((0, "a", "a\n\nb\n\nc"),))]


@pytest.mark.parametrize(
    ("query", "chosen"),
    [
        ("code:fit.merge_neighbours", [(0, 1), (2, 2)]),
        ("code:fit", [(0, 1), (1, 0), (2, 2)]),
        ("role:assistant", [(2, 2)]),
        ("role:system", [(1, 0)]),
        ("index:2", [(2, 2)]),
        ("id:b", [(1, 0)]),
        ("turns:3", [(0, 1), (1, 0), (2, 2)]),
        ("turns:4..", []),
        ("text:needle", [(0, 1)]),
        ("needle", [(0, 1)]),
        ("-role:user code:fit.merge_neighbours", [(2, 2)]),
        ("severity:error", []),
    ],
)
def test_repairs_for_a_trainer_are_chosen_by_a_query(query: str, chosen: list[tuple[int, int]]) -> None:
    records = [
        {"id": "a", "messages": [user("x"), user("needle"), reply("y")]},
        {"id": "b", "messages": [system("s"), user("needle"), reply("y")]},
        {"id": "c", "messages": [user("x"), reply("y"), reply("z")]},
    ]
    plan = flight_of(records, template=STRICT).repairs()
    part = plan.select(where=query)

    assert [(one.conversation, one.turn) for one in part] == chosen
    part.apply()


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
        st.sampled_from(["user", "assistant", "user", "assistant", "system", "Human", "tool", "developer"]),
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


IDS = st.sampled_from([None, None, "call_1", NINE, "jklmnopqr", ""])
CALLING = st.one_of(
    st.builds(user, st.sampled_from(["Hi", "Ho"])),
    st.builds(reply, st.sampled_from(["Hi", "Ho"])),
    st.lists(IDS, min_size=1, max_size=3).map(lambda ids: calls(*ids)),
    st.builds(result, IDS, st.sampled_from(["1", "2"])),
    st.builds(lambda own_id: result(own_id, name="f"), IDS),
)


@settings(relaxed, max_examples=120)
@given(st.lists(CALLING, min_size=1, max_size=8), st.sampled_from(["openai", "mistral"]))
def test_ids_pair_whatever_is_given_one_and_nothing_else_changes(turns: list[Any], target: str) -> None:
    flight = flight_of([{"messages": turns}], target)
    bytes_before, wrong = raws(flight.dataset), errors(flight.dataset)
    plan = flight.repairs(select="tool_ids")
    assert all(one.code in ("fit.tool_ids", *(code for _, code in reasons(flight))) for one in plan.left)
    plan.apply()

    record = flight.dataset[0].raw
    bare = [
        {**turn, "tool_calls": [{**one, "id": 0} for one in turn.get("tool_calls", ())]}
        for turn in record["messages"]
    ]
    same = [
        {**turn, "tool_calls": [{**one, "id": 0} for one in turn.get("tool_calls", ())]} for turn in turns
    ]
    assert [{**turn, "tool_call_id": 0} for turn in bare] == [{**turn, "tool_call_id": 0} for turn in same]
    assert not errors(flight.dataset) - wrong
    if len(plan):
        assert (0, "tools_invalid") not in reasons(again(flight))
        held = ids_of(record)
        known: set[str] = set()
        for kind, one in held:
            assert one
            assert kind == "call" or one in known
            known.add(one)
        flight.dataset.undo()
    assert raws(flight.dataset) == bytes_before


@pytest.mark.parametrize(("target", "template"), [("trl", ALTERNATING), ("trl", STRICT), ("mistral", None)])
def test_a_real_file_is_mended_for_a_strict_trainer(
    target: str, template: str | None, shared_data: Path
) -> None:
    dataset = rt.load(shared_data / "persona_agents_en.jsonl.gz", review=False)
    flight = dataset.preflight(targets=target, template=template, max_tokens=1_000_000)
    plan = flight.repairs(greeting="into_system")

    assert len({repair.conversation for repair in plan}) + len({one.conversation for one in plan.left}) > 0
    check_promise(flight, plan)
