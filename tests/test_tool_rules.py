"""Tool calls, weights and preference pairs: what is found in them, and what is left in peace."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rolethread_nb as rt

FAMILIES = ["tool", "weight", "pref"]


def found(*records: Any) -> list[tuple[str, int | None]]:
    """Codes of these families with their turns."""
    return [(i.code, i.turn) for i in rt.load(list(records)).check(select=FAMILIES)]


def call(name: str = "f", own_id: str | None = "c1", arguments: Any = "{}") -> dict[str, Any]:
    one: dict[str, Any] = {"type": "function", "function": {"name": name, "arguments": arguments}}
    return one if own_id is None else {"id": own_id, **one}


def calling(*calls: Any, **more: Any) -> dict[str, Any]:
    return {"role": "assistant", "tool_calls": list(calls), **more}


def result(own_id: str | None = "c1", **more: Any) -> dict[str, Any]:
    return {"role": "tool", "content": "42", **({} if own_id is None else {"tool_call_id": own_id}), **more}


ASK = {"role": "user", "content": "Well?"}
REPLY = {"role": "assistant", "content": "42"}


def sharegpt(*turns: tuple[str, str], **more: Any) -> dict[str, Any]:
    return {"conversations": [{"from": role, "value": text} for role, text in turns], **more}


# ---------------------------------------------------------------- calls and results


@pytest.mark.parametrize(
    "messages",
    [
        [ASK, calling(call()), result(), REPLY],
        [ASK, calling(call(own_id="a"), call(own_id="b")), result("b"), result("a"), REPLY],
        [ASK, calling(call(own_id=None), call(own_id=None)), result(None), result(None), REPLY],
        [ASK, calling(call()), result(None), REPLY],
        [ASK, calling(call("f", "a"), call("g", "b")), result(None, name="g"), result(None, name="f"), REPLY],
        [ASK, calling(call()), result(), ASK, calling(call()), result(), REPLY],
        [ASK, calling(call()), result(), result(), REPLY],
        [ASK, {**REPLY, "content": "[TOOL_CALLS][{}]"}, result(None), REPLY],
        [ASK, {**REPLY, "function_call": {"name": "f", "arguments": "{}"}}, {"role": "function", "content": "4"}],
        [ASK, {**REPLY, "tool_calls": None}, ASK, {**REPLY, "tool_calls": []}],
        [ASK, {"role": "assistant", "content": [{"type": "tool_call", "name": "f", "arguments": {}}]}, result(None)],
    ],
)  # fmt: skip
def test_calls_with_their_results_are_left_in_peace(messages: list[Any]) -> None:
    assert found({"messages": messages}) == []


def test_a_result_with_a_wrong_id_names_the_call_that_waits() -> None:
    report = rt.load([{"messages": [ASK, calling(call()), result("c2"), REPLY]}]).check(select="tool")

    assert [(i.code, i.turn, i.severity) for i in report] == [
        ("tool.unanswered", 1, "warning"),
        ("tool.orphan_result", 2, "error"),
    ]
    assert "c1 waits for one" in next(i.message for i in report if i.turn == 2)


def test_one_of_two_parallel_calls_can_be_unanswered() -> None:
    messages = [ASK, calling(call("f", "a"), call("g", "b")), result("a"), REPLY]
    (issue,) = rt.load([{"messages": messages}]).check(select="tool")

    assert (issue.code, issue.turn, issue.severity) == ("tool.unanswered", 1, "warning")
    assert dict(issue.evidence) == {"name": "g", "id": "b", "final": False}


def test_a_call_at_the_end_is_only_a_note() -> None:
    for messages in ([ASK, calling(call())], [ASK, calling(call()), calling(call(own_id="d"))]):
        report = rt.load([{"messages": messages}]).check(select="tool")
        assert {(i.code, i.severity) for i in report} == {("tool.unanswered", "info")}


def test_calls_wait_for_labels_that_are_not_understood() -> None:
    assert found({"messages": [ASK, calling(call()), {"role": "calculator", "content": "42"}, REPLY]}) == []


def test_sharegpt_calls_are_read_from_their_text() -> None:
    good = ("function_call", '{"name": "f", "arguments": {"a": 1}}')
    two = ("function_call", '[{"name": "f", "arguments": {}}, {"name": "g", "arguments": {}}]')
    seen, end = ("observation", "4"), ("gpt", "4")
    ask = ("human", "Well?")

    assert found(sharegpt(ask, good, seen, end)) == []
    assert found(sharegpt(ask, two, seen, end)) == []
    assert found(sharegpt(ask, two, seen, seen, end)) == []
    assert found(sharegpt(ask, good, seen, seen, end)) == [("tool.orphan_result", 3)]
    assert found(sharegpt(ask, seen, end)) == [("tool.orphan_result", 1)]
    assert found(sharegpt(ask, good, end)) == [("tool.unanswered", 1)]
    assert found(sharegpt(ask, ("function_call", "f(1)"), seen, end)) == [("tool.call_shape", 1)]
    bad = ("function_call", '{"name": "f", "arguments": "{\'a\': 1}"}')
    assert found(sharegpt(ask, bad, seen, end)) == [("tool.bad_arguments", 1)]


def test_a_broken_call_says_what_it_lacks() -> None:
    def said(one: Any) -> str:
        (issue,) = rt.load([{"messages": [ASK, calling(one), result(None), REPLY]}]).check(
            select=["tool.call_shape", "tool.bad_arguments"]
        )
        return issue.message

    assert said({"function": {"arguments": "{}"}}) == "The tool call has no function name"
    assert said({"function": {}}) == "The tool call has no function name and no arguments"
    assert said("f") == "The tool call is a text, not an object"
    assert said(call(arguments=[1])) == "The arguments of f are a list of 1, neither an object nor JSON text"
    assert "no JSON text (" in said(call(arguments="{'a': 1}"))
    assert said(call(arguments="[1]")) == "The arguments of f are JSON text of a list of 1, not of an object"


def test_the_tools_of_a_record_are_read_in_every_form() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}}
    nested = [{"type": "function", "function": {"name": "f", "parameters": schema}}]
    flat = [{"name": "f", "parameters": schema}]
    messages = [ASK, calling(call()), result(), REPLY]

    for tools in (nested, flat, json.dumps(nested), json.dumps(flat), None, ""):
        assert found({"messages": messages, "tools": tools}) == []
    assert found({"messages": messages, "functions": flat}) == []
    other = json.dumps(nested).replace('"f"', '"g"')
    assert found({"messages": messages, "tools": other}) == [("tool.undeclared", 1)]
    for tools in ("[{", "f(a)", {"f": schema}, 5, ["f"], [{"parameters": schema}]):
        assert found({"messages": messages, "tools": tools}) == [("tool.bad_schema", None)]


def test_a_schema_names_the_place_that_is_wrong() -> None:
    deep = {"type": "object", "properties": {"a/b": {"type": "array", "items": {"type": "str"}}}}
    (issue,) = rt.load([{"messages": [ASK, REPLY], "tools": [{"name": "f", "parameters": deep}]}]).check(
        select="tool"
    )
    assert issue.evidence["place"] == "/0/parameters/properties/a~1b/items/type"
    assert '"str"' in issue.message


def test_calls_in_one_answer_are_not_answered_by_the_other() -> None:
    pair = {
        "prompt": [ASK],
        "chosen": [calling(call()), result(), REPLY],
        "rejected": [calling(call("g", "c2")), {**REPLY, "content": "No."}],
    }
    assert found(pair) == [("tool.unanswered", 4)]


KEYS = "id name function arguments properties items required enum tool_call tool_use tool_result".split()


def json_values(*more_keys: str) -> st.SearchStrategy[Any]:
    leaves = (
        st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from(["", "f", "{}", "[", '{"name": 1}'])
    )
    return st.recursive(
        leaves,
        lambda inner: (
            st.lists(inner, max_size=2)
            | st.dictionaries(st.sampled_from([*KEYS, *more_keys]), inner, max_size=3)
        ),
        max_leaves=8,
    )


@settings(deadline=None, max_examples=200)
@given(json_values("type"), json_values("type"), json_values(), json_values(), json_values())
def test_no_value_in_any_place_stops_a_rule(
    calls: Any, tools: Any, content: Any, own_id: Any, weight: Any
) -> None:
    messages = [
        {
            "role": "assistant",
            "tool_calls": calls,
            "content": content,
            "weight": weight,
            "function_call": tools,
        },
        {"role": "tool", "tool_call_id": own_id, "content": content},
        {"role": "function_call", "content": content},
    ]
    records = [
        {"messages": messages, "tools": tools},
        {"conversations": [{"from": "function_call", "value": content}], "tools": tools},
        {"prompt": content, "chosen": calls, "rejected": tools},
    ]
    report = rt.load(records).check()

    assert "rule.failed" not in report.counts
    assert all(issue.message for issue in report)


def test_deeply_nested_and_long_arguments_are_read_in_no_time() -> None:
    for text in ("[" * 40_000, '{"a":' * 40_000, "<tool_call>" * 8_000, "{" + '"a": 1,' * 10_000):
        record = sharegpt(("human", "x"), ("function_call", text), ("observation", text), ("gpt", text))
        assert "rule.failed" not in rt.load([record]).check(select="tool").counts


# ---------------------------------------------------------------- weights


def test_weights_are_judged_by_their_value_and_by_their_turn() -> None:
    def of(role: str, **more: Any) -> list[str]:
        other = {"role": "user" if role == "assistant" else "assistant", "content": "x"}
        return [code for code, _ in found({"messages": [other, {"role": role, "content": "y", **more}]})]

    for good in (0, 1, True, False, None):
        assert of("assistant", weight=good) == []
    for bad in (2, -1, 0.5, "1", "yes", [], {}):
        assert of("assistant", weight=bad) == ["weight.value"]
        assert of("assistant", train=bad) == ["weight.value"]
    assert of("user", weight=0) == []
    assert of("user", weight=1) == ["weight.role"]
    assert of("user", train=True) == ["weight.role"]
    assert of("user", weight=7) == ["weight.value"]


# ---------------------------------------------------------------- preference


def test_pairs_are_compared_side_by_side() -> None:
    other = {**REPLY, "content": "43"}
    assert found({"prompt": "Well?", "chosen": "a", "rejected": "b"}) == []
    assert found({"prompt": "Well?", "chosen": "a", "rejected": "a"}) == [("pref.same", None)]
    assert found({"chosen": [ASK, REPLY], "rejected": [ASK, other]}) == []
    assert found({"chosen": [ASK, REPLY], "rejected": [{**ASK, "content": "Why?"}, other]}) == [
        ("pref.prompt_differs", None)
    ]
    assert found(
        {"input": {"messages": [ASK]}, "preferred_output": [REPLY], "non_preferred_output": [REPLY]}
    ) == [("pref.same", None)]


def test_thumbs_that_all_point_one_way_are_one_finding() -> None:
    def record(n: int, up: bool) -> dict[str, Any]:
        return {"messages": [ASK, {**REPLY, "content": str(n)}], "label": up}

    (issue,) = rt.load([record(n, True) for n in range(3)]).check(select="pref")
    assert (issue.code, issue.conversation, issue.severity) == ("pref.one_label", None, "error")
    assert len(issue.related) == issue.evidence["count"] == 3
    assert found(record(1, True), record(2, False)) == []
    assert found(record(1, True)) == []


# ---------------------------------------------------------------- real data


def test_every_retail_record_ends_on_a_call_and_has_nothing_else(shared_data: Path) -> None:
    dataset = rt.load(shared_data / "openai_toolcalls_retail.jsonl.gz")
    report = dataset.check(select=FAMILIES)

    assert report.counts == {"tool.unanswered": 103}
    assert {(i.severity, i.turn) for i in report} == {("info", len(c) - 1) for c in dataset}
    assert sum("content" not in m.raw for c in dataset for m in c if m.role == "assistant") == 584
    assert not {"turn.null", "turn.empty"} & set(dataset.check(select="turn").counts)


def test_sound_tool_calls_and_pairs_have_no_finding(shared_data: Path) -> None:
    for name in ("sharegpt_glaive_toolcall.json", "preference_dpo_en_sharegpt.json", "messages_kto_en.json"):
        assert rt.load(shared_data / name).check(select=FAMILIES).counts == {}, name


def test_one_broken_call_in_real_data_is_found_where_it_stands(shared_data: Path) -> None:
    records = json.loads((shared_data / "sharegpt_glaive_toolcall.json").read_text())
    turns = records[0]["conversations"]
    turns[3]["value"] = turns[3]["value"].replace('"arguments"', '"arg"')
    del records[0]["conversations"][4]
    report = rt.load(records).check(select="tool")

    assert Counter((i.code, i.conversation, i.turn) for i in report) == {
        ("tool.call_shape", 0, 3): 1,
        ("tool.unanswered", 0, 3): 1,
    }
