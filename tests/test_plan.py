"""The plan of repairs: chosen from, looked at, applied once, taken back; and it never makes things worse."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import real_files
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import rolethread_nb as rt
from rolethread_nb.checks import catalogue

relaxed = settings(deadline=None, suppress_health_check=list(HealthCheck))


def user(content: Any, **more: Any) -> dict[str, Any]:
    return {"role": "user", "content": content, **more}


def reply(content: Any, **more: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": content, **more}


def system(content: Any) -> dict[str, Any]:
    return {"role": "system", "content": content}


def told(dataset: rt.Dataset) -> list[list[tuple[str, Any]]]:
    """Roles and texts of every conversation."""
    return [[(message.role_raw or "", message.text) for message in conversation] for conversation in dataset]


def errors(report: rt.Report) -> Counter[tuple[Any, ...]]:
    """Errors by code and conversation. What stands in ``related`` counts for each conversation that is named."""
    found: Counter[tuple[Any, ...]] = Counter()
    for issue in report:
        if issue.severity == "error":
            found[issue.code, issue.source, issue.conversation] += 1
    return found


THREE = [
    {"id": "a", "messages": [user("Hi "), reply("Yes<|im_end|> ")]},
    {"id": "b", "messages": [{**user(" Hi"), "role": "USER"}, reply("Ho")]},
    {"id": "c", "messages": [user("And you?"), reply("Ho ")]},
]


# ---------------------------------------------------------------- choosing


def test_a_plan_is_a_list_of_repairs() -> None:
    plan = rt.load(THREE).check().repairs()

    assert [(r.code, r.conversation, r.turn) for r in plan] == [
        ("text.whitespace", 0, 0),
        ("text.whitespace", 0, 1),
        ("role.alias", 1, 0),
        ("text.whitespace", 1, 0),
        ("text.whitespace", 2, 1),
    ]
    assert (plan[0].before, plan[0].after, plan[0].safety, plan[0].id) == ("Hi ", "Hi", "safe", "a")
    assert plan[-1].conversation == 2
    frame = plan.to_pandas()
    assert list(frame.columns[:5]) == ["code", "source", "conversation", "id", "turn"]
    assert len(frame) == len(plan) == 5
    assert rt.load([THREE[2] | {"messages": [user("x"), reply("y")]}]).check().repairs().to_pandas().empty


@pytest.mark.parametrize(
    ("how", "chosen"),
    [
        ({"codes": "role"}, [1]),
        ({"codes": ["text.whitespace"]}, [0, 0, 1, 2]),
        ({"conversations": [0]}, [0, 0, 0]),
        ({"conversations": ["c", (0, 1)]}, [1, 1, 2]),
        ({"safe": True}, [0, 0, 1, 1, 2]),
        ({"safe": False}, [0]),
        ({"where": "code:role.alias"}, [1]),
        ({"codes": "text", "conversations": [1]}, [1]),
        ({"codes": "file"}, []),
    ],
)
def test_what_is_chosen_is_applied_and_nothing_else(how: dict[str, Any], chosen: list[int]) -> None:
    dataset = rt.load(THREE)
    plan = dataset.check().repairs(unsafe=True)
    part = plan.select(**how)

    assert sorted(repair.conversation or 0 for repair in part) == chosen
    part.apply()
    changed = {n for n, record in enumerate(THREE) if dataset[n].raw != record}
    assert changed == set(chosen)
    assert (
        dict(Counter(i.code for i in rt.load(THREE).check().repairs(unsafe=True).select(**how)))
        == part.counts
    )


def test_a_slice_of_a_plan_is_a_plan() -> None:
    dataset = rt.load(THREE)
    dataset.check().repairs()[1:3].apply()

    assert told(dataset) == [
        [("user", "Hi "), ("assistant", "Yes<|im_end|>")],
        [("user", " Hi"), ("assistant", "Ho")],
        [("user", "And you?"), ("assistant", "Ho ")],
    ]


def test_part_of_a_record_can_be_repaired_and_the_rest_later() -> None:
    dataset = rt.load([{"messages": [user("a"), user(""), user("b "), reply("c")]}])
    plan = dataset.check().repairs(unsafe=True)
    plan.select(codes="text").apply()
    assert told(dataset) == [[("user", "a"), ("user", ""), ("user", "b"), ("assistant", "c")]]
    dataset.check().repairs(unsafe=True).select(codes="turn").apply()
    assert told(dataset) == [[("user", "a"), ("user", "b"), ("assistant", "c")]]


def test_a_choice_that_is_not_understood_is_refused() -> None:
    plan = rt.load(THREE).check().repairs()
    for wrong in ({"codes": "text.whitespaces"}, {"conversations": ["zzz"]}, {"where": "severity:loud"}):
        with pytest.raises(rt.QueryError):
            plan.select(**wrong)
    assert len(plan.select(conversations=[99])) == 0


def test_applied_twice_is_applied_once() -> None:
    dataset = rt.load(THREE)
    plan = dataset.check().repairs()
    plan.apply()
    version = dataset.version
    plan.apply()

    assert dataset.version == version
    assert dataset.undo() is not None
    assert [c.raw for c in dataset] == THREE
    plan.apply()
    dataset.check().repairs(unsafe=True).apply()
    with pytest.raises(rt.StalePlanError):
        plan.apply()


# ---------------------------------------------------------------- never worse


def test_a_repair_that_would_make_an_error_is_left_with_its_reason() -> None:
    dataset = rt.load(
        [{"messages": [user("Hi"), reply("")]}, {"messages": [user("a"), reply("b"), user(""), reply("c")]}]
    )
    plan = dataset.check().repairs(unsafe=True, select="turn.empty")

    assert [(r.conversation, r.turn) for r in plan] == [(1, 2)]
    (left,) = plan.left
    assert (left.code, left.conversation, left.turn) == ("turn.empty", 0, 1)
    assert "order.no_assistant" in left.reason
    assert "left as" in repr(plan)
    assert "order.no_assistant" in str(plan.preview())


def test_a_control_token_that_is_the_whole_turn_is_not_removed() -> None:
    dataset = rt.load([{"messages": [user("Hi"), reply("<|im_end|>")]}])
    plan = dataset.check().repairs(unsafe=True, select="leak")

    assert len(plan) == 0
    assert "turn.empty" in plan.left[0].reason or not plan.left


def test_what_follows_from_a_repair_is_repaired_with_it() -> None:
    turns = [user("a"), user("b"), reply(""), user("c"), reply("d")]
    dataset = rt.load([{"messages": turns}])
    dataset.check().repairs(unsafe=True, select=["turn.empty", "order.repeat"]).apply()

    assert told(dataset) == [[("user", "a\n\nb\n\nc"), ("assistant", "d")]]


def test_turns_that_share_one_text_do_not_overwrite_one_another() -> None:
    record = {
        "prompt": "User:  hi there \u200bfriend\nBot: sure\u200b thing\nUser: so\u200b what\nBot:",
        "completion": " ok",
    }
    dataset = rt.load([record])
    dataset.check().repairs().apply()

    assert "\u200b" not in dataset[0].raw["prompt"]
    assert [m.text for m in dataset[0].messages][-1].strip() == "ok"
    for word in ("hi there", "sure", "thing", "so", "what"):
        assert word in dataset[0].raw["prompt"]


def test_a_layout_with_a_place_for_each_turn_loses_none() -> None:
    record = {"instruction": "Say hello", "input": "", "output": ""}
    dataset = rt.load([record])
    report = dataset.check()

    assert report.counts.get("turn.empty") == 1
    assert [i.repair for i in report if i.code == "turn.empty"] == [None]
    plan = report.repairs(unsafe=True)
    assert "turn.empty" not in plan.counts
    plan.apply()
    assert dataset[0].raw == record


CONTENTS: list[Any] = [
    "Hi",
    " Hi ",
    "",
    None,
    5,
    "Yes.<|im_end|> ",
    "<|im_end|>",
    "a\u200b",
    "MarÃ\u00ada",
    "&amp; co",
    "x\ufffd",
]
TURNS = st.one_of(
    st.builds(
        lambda role, content, extra: {"role": role, "content": content, **extra},
        st.sampled_from(["system", "user", "assistant", "user", "assistant", "Bot", "tool", "Mara", "input"]),
        st.sampled_from(CONTENTS),
        st.sampled_from([{}, {}, {}, {"name": "Kai"}, {"weight": 2}, {"tool_calls": [{"id": "1"}]}]),
    ),
    st.sampled_from([None, "role:", {}, {"role": "user"}]),
)
RECORDS = st.one_of(
    st.builds(
        lambda turns, extra: {**extra, "messages": turns},
        st.lists(TURNS, max_size=6),
        st.sampled_from([{}, {"system": " Be kind."}]),
    ),
    st.builds(
        lambda turns: {"conversations": [{"from": role, "value": text} for role, text in turns]},
        st.lists(
            st.tuples(st.sampled_from(["human", "gpt", "system", "User 1"]), st.sampled_from(CONTENTS)),
            max_size=5,
        ),
    ),
    st.builds(
        lambda one, two: {"instruction": one, "output": two},
        st.sampled_from(CONTENTS),
        st.sampled_from(CONTENTS),
    ),
    st.builds(
        lambda one, two: {"prompt": one, "chosen": two, "rejected": "No."},
        st.sampled_from(CONTENTS),
        st.sampled_from(CONTENTS),
    ),
)


def check_promise(dataset: rt.Dataset, plan: rt.Plan, before: rt.Report) -> None:
    """After a plan: none of the repaired findings, no new error, and all of it can be taken back."""
    raws = [conversation.raw for conversation in dataset]
    done = {
        (repair.code, repair.source, repair.conversation)
        for repair in plan
        if repair.conversation is not None
    }
    plan.apply()
    after = dataset.check()

    left = {(left.code, left.source, left.conversation) for left in plan.left}
    again = {(repair.code, repair.source, repair.conversation) for repair in after.repairs(unsafe=True)}
    assert not (again & done) - left
    mapped = {place for code, *place in done if code == "role.unknown"}
    assert not [
        (key, count)
        for key, count in (errors(after) - errors(before)).items()
        if key[0] != "role.unknown" and not mapped
    ]
    if done:
        assert dataset.undo() is not None
    assert [conversation.raw for conversation in dataset] == raws


@settings(relaxed, max_examples=150)
@given(st.lists(RECORDS, min_size=1, max_size=3))
def test_damaged_records_are_never_made_worse(made: list[Any]) -> None:
    dataset = rt.load(made)
    report = dataset.check()
    for unsafe in (False, True):
        check_promise(dataset, report.repairs(unsafe=unsafe), report)


@pytest.mark.parametrize("path", real_files(), ids=lambda path: path.name)
def test_real_files_are_never_made_worse(path: Path) -> None:
    dataset = rt.load(path, review=False)
    report = dataset.check()
    check_promise(dataset, report.repairs(unsafe=True), report)


# ---------------------------------------------------------------- labels and greetings


def test_a_label_becomes_the_role_that_is_named_and_stays_as_the_name() -> None:
    line = b'{"n":1.10, "conversations": [{"from": "User 1", "value": "Hi"}, {"from":"User 2", "value":"Ho","name":"Kai"}]}'
    dataset = rt.load(line)
    report = dataset.check()
    assert [issue.repair for issue in report if issue.code == "role.unknown"] == ["unsafe", "unsafe"]
    assert "role.unknown" not in report.repairs(unsafe=True).counts

    plan = report.repairs(roles={"User 1": "user", "User 2": "assistant"})
    assert plan.counts == {"role.unknown": 2}
    assert (plan[0].before, plan[0].after) == ("User 1", "human")
    plan.apply()
    assert dataset[0].raw["conversations"] == [
        {"from": "human", "name": "User 1", "value": "Hi"},
        {"from": "gpt", "value": "Ho", "name": "Kai"},
    ]
    assert "role.unknown" not in dataset.check().counts
    dataset.undo()
    assert dataset[0].raw == json.loads(line)


def test_a_mapping_goes_beyond_the_turns_that_the_finding_names() -> None:
    records = [{"messages": [{"role": "Mara", "content": f"a{n}"}, reply("b")]} for n in range(1500)]
    dataset = rt.load(records)
    report = dataset.check(select="role")
    assert len(next(iter(report)).related) == 1000
    report.repairs(roles={"Mara": "user"}).apply()

    assert {message.role for conversation in dataset for message in conversation} == {"user", "assistant"}
    assert {conversation.messages[0].name for conversation in dataset} == {"Mara"}


@pytest.mark.parametrize(
    ("roles", "after"),
    [
        ({"SYSTEM": "system"}, ["system", "human", "gpt"]),
        ({"human": "assistant", "gpt": "user"}, ["SYSTEM", "assistant", "user"]),
        ({"SYSTEM": "user", "human": "system"}, ["user", "system", "gpt"]),
    ],
)
def test_a_word_that_is_understood_can_be_named_another_role(roles: Any, after: list[str]) -> None:
    turns = [("SYSTEM", "s"), ("human", "a"), ("gpt", "b")]
    record = {"messages": [{"role": role, "content": text} for role, text in turns]}
    dataset = rt.load([record])
    plan = dataset.check().repairs(roles=roles, select="role").select(codes="role")
    named = [repair for repair in plan if repair.before in roles]
    assert len(named) == len(roles)
    for repair in named:
        assert repair.safety == (
            "safe" if (repair.before, repair.after) == ("SYSTEM", "system") else "unsafe"
        )
    plan[:0].apply()
    chosen = [repair for repair in plan if repair.before in roles]
    where = " ".join(f"index:{repair.conversation}" for repair in chosen)
    plan.select(where=where).apply()

    words = {repair.turn: repair.after for repair in plan}
    assert [words.get(turn, turns[turn][0]) for turn in range(3)] == [m.role_raw for m in dataset[0]]
    assert [words[turn] for turn in range(3) if turns[turn][0] in roles] == [
        after[turn] for turn in range(3) if turns[turn][0] in roles
    ]
    assert all("name" not in turn for turn in dataset[0].raw["messages"])
    dataset.undo()
    assert dataset[0].raw == record


def test_a_system_that_answers_can_be_made_the_assistant() -> None:
    turns = [{"role": role, "content": "x"} for role in ("USER", "SYSTEM", "USER", "SYSTEM")]
    dataset = rt.load([{"messages": turns}])
    dataset.check().repairs(roles={"SYSTEM": "assistant"}).apply()

    assert [message.role for message in dataset[0]] == ["user", "assistant", "user", "assistant"]


def test_a_label_that_was_given_its_role_at_loading_is_kept_as_the_name() -> None:
    dataset = rt.load([{"messages": [{"role": "Mara", "content": "a"}, reply("b")]}], roles={"Mara": "user"})
    dataset.check().repairs(roles={"Mara": "user"}).apply()

    assert dataset[0].raw["messages"][0] == {"role": "user", "name": "Mara", "content": "a"}


def test_a_role_or_label_that_does_not_exist_is_refused() -> None:
    report = rt.load([{"messages": [{"role": "Mara", "content": "a"}, reply("b")]}]).check()
    with pytest.raises(rt.QueryError, match="there are system"):
        report.repairs(roles={"Mara": "bard"})  # type: ignore[dict-item]
    with pytest.raises(rt.QueryError, match="'Kai'"):
        report.repairs(roles={"Kai": "user"})
    with pytest.raises(rt.QueryError, match="'assistant' is read as assistant already"):
        report.repairs(roles={"assistant": "assistant"})


@pytest.mark.parametrize(
    ("turns", "after"),
    [
        (
            [system("Be kind."), reply("Welcome!"), user("Hi"), reply("Ho")],
            [("system", "Be kind.\n\nWelcome!"), ("user", "Hi"), ("assistant", "Ho")],
        ),
        (
            [reply("Welcome!"), user("Hi"), reply("Ho")],
            [("system", "Welcome!"), ("user", "Hi"), ("assistant", "Ho")],
        ),
        (
            [reply("One."), reply("Two."), user("Hi"), reply("Ho")],
            [("system", "One.\n\nTwo."), ("user", "Hi"), ("assistant", "Ho")],
        ),
        ([system("Be kind."), reply("Welcome!")], [("system", "Be kind."), ("assistant", "Welcome!")]),
    ],
)
def test_a_greeting_moves_into_the_system_prompt_and_no_text_is_lost(
    turns: list[Any], after: list[tuple[str, str]]
) -> None:
    dataset = rt.load([{"messages": turns}])
    plan = dataset.check().repairs(unsafe=True, select="order.first_assistant")
    plan.apply()

    assert told(dataset) == [after]


def test_a_greeting_moves_into_a_system_prompt_beside_the_turns() -> None:
    record = {
        "system": "Be kind.",
        "conversations": [
            {"from": "gpt", "value": "Welcome!"},
            {"from": "human", "value": "Hi"},
            {"from": "gpt", "value": "Ho"},
        ],
    }
    dataset = rt.load([record])
    dataset.check().repairs(unsafe=True).apply()

    assert dataset[0].raw == {
        **record,
        "system": "Be kind.\n\nWelcome!",
        "conversations": record["conversations"][1:],
    }


# ---------------------------------------------------------------- rules that fail


def broken(*_: Any, **__: Any) -> Any:
    raise ZeroDivisionError("by the number of words")


@pytest.mark.parametrize("part", ["spans", "evidence", "says", "severity_of", "wave", "mend", "fits"])
def test_a_rule_that_raises_somewhere_stops_nothing(part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rule = catalogue.rule("text.whitespace")
    assert rule.repair is not None
    if part in ("mend", "fits"):
        bad = replace(rule, repair=replace(rule.repair, **{part: broken}))
    elif part == "wave":
        bad = replace(rule, when=None, spans=None, wave=broken)
    else:
        bad = replace(
            rule, **{part: broken}, **({"evidence": lambda *_: {}} if part == "severity_of" else {})
        )
    others = [other for other in catalogue.rules() if other.code != rule.code]
    monkeypatch.setattr(catalogue, "_CATALOGUE", [bad, *others])
    turns = [user(" Hi "), {"role": "gpt", "content": "Ho"}]
    dataset = rt.load([{"messages": turns}, {"messages": turns[::-1]}] * 3)
    report = dataset.check()

    assert report.counts["role.alias"] == 6
    assert report.counts.get("rule.failed", 0) == (part in ("spans", "severity_of", "wave"))
    assert all(issue.message for issue in report)
    assert report.to_json()
    plan = report.repairs()
    assert plan.counts["role.alias"] == 6
    if part == "mend":
        assert all("ZeroDivisionError" in left.reason for left in plan.left)
        assert plan.left
