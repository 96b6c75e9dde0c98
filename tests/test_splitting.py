"""Splitting long conversations: no turn is lost, every part is within the limit, and the bytes of what stays are those that came."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import rolethread_nb as rt
from rolethread_nb.checks.rule import CannotMendError
from rolethread_nb.core.parting import Parts, parted
from rolethread_nb.training.fit_tasks import LENGTH_CODES
from rolethread_nb.training.repairs import repairs_for
from rolethread_nb.training.splitting import parts_of

relaxed = settings(deadline=None, suppress_health_check=list(HealthCheck))

U, A, S = ("user", "u" * 10), ("assistant", "a" * 10), ("system", "s" * 5)
RESULT = {"role": "tool", "tool_call_id": "c1", "content": "42"}


def messages_of(*turns: Any) -> list[Any]:
    return [turn if isinstance(turn, dict) else {"role": turn[0], "content": turn[1]} for turn in turns]


def conversation_of(*turns: Any, **more: Any) -> rt.Conversation:
    return rt.load([{**more, "messages": messages_of(*turns)}])[0]


def calling(name: str | None = "c1", text: str = "") -> dict[str, Any]:
    call: dict[str, Any] = {"type": "function", "function": {"name": "f", "arguments": "{}"}}
    return {
        "role": "assistant",
        "content": text,
        "tool_calls": [call if name is None else {"id": name, **call}],
    }


def within(conversation: rt.Conversation, limit: int) -> Any:
    def fits(turns: Sequence[int]) -> bool:
        return sum(len(conversation.messages[turn].text) for turn in turns) <= limit

    return fits


def split(conversation: rt.Conversation, limit: int, overlap: int = 0) -> list[list[int]]:
    return parts_of(conversation.messages, within(conversation, limit), overlap)


# ---------------------------------------------------------------- where it is cut


@pytest.mark.parametrize(
    ("turns", "limit", "overlap", "parts"),
    [
        ([U, A, U, A, U, A], 40, 0, [[0, 1, 2, 3], [4, 5]]),
        ([U, A, U, A, U, A], 100, 0, [[0, 1, 2, 3, 4, 5]]),
        ([S, U, A, U, A], 25, 0, [[0, 1, 2], [0, 3, 4]]),
        ([S, S, U, A, U, A], 30, 0, [[0, 1, 2, 3], [0, 1, 4, 5]]),
        ([U, A, U, A, U, A], 40, 1, [[0, 1, 2, 3], [2, 3, 4, 5]]),
        ([S, U, A, U, A, U, A], 45, 1, [[0, 1, 2, 3, 4], [0, 3, 4, 5, 6]]),
        ([U, A, U, A, U, A], 20, 1, [[0, 1], [2, 3], [4, 5]]),  # nothing else fits beside an exchange
        ([A, U, A, U, A], 30, 0, [[0, 1, 2], [3, 4]]),  # a greeting is no part of its own
        ([U, U, A, U, A], 30, 0, [[0, 1, 2], [3, 4]]),  # what the user says in two turns stays together
        ([U, A, A, U, A], 30, 0, [[0, 1, 2], [3, 4]]),
        ([U, A, U, A, U], 30, 0, [[0, 1], [2, 3, 4]]),  # a part without an answer teaches nothing
    ],
)
def test_a_conversation_is_cut_before_turns_of_the_user(
    turns: list[Any], limit: int, overlap: int, parts: list[list[int]]
) -> None:
    assert split(conversation_of(*turns), limit, overlap) == parts


@pytest.mark.parametrize(
    "turns",
    [
        [U, A, U, calling(), RESULT, A],
        [U, A, U, calling(), U, RESULT, A],  # the user speaks before the tool has answered
        [U, A, U, calling(None), U, {"role": "tool", "content": "42"}, A],
    ],
)
def test_a_call_and_its_result_are_not_parted(turns: list[Any]) -> None:
    assert split(conversation_of(*turns), 41) == [[0, 1], list(range(2, len(turns)))]


@pytest.mark.parametrize(
    ("turns", "limit", "why"),
    [
        ([U, A, ("user", "x" * 50), A], 40, "turns 2 to 3 cannot be parted"),
        ([S, U, A, U, A], 24, "turns 1 to 2 cannot be parted"),
        ([("user", "x" * 50)], 40, "turn 0 cannot be parted"),
        ([U, A, S, U, A], 30, "a system prompt stands between its turns"),
    ],
)
def test_what_cannot_be_split_is_left_with_its_reason(turns: list[Any], limit: int, why: str) -> None:
    with pytest.raises(CannotMendError, match=why):
        split(conversation_of(*turns), limit)


def test_a_pair_of_answers_is_not_split() -> None:
    pair = {"prompt": messages_of(U), "chosen": messages_of(A), "rejected": messages_of(A)}
    with pytest.raises(CannotMendError, match="two answers"):
        parts_of(rt.load([pair])[0].messages, lambda turns: False)


# ---------------------------------------------------------------- promises

TURNS = st.lists(
    st.one_of(
        st.tuples(
            st.sampled_from(["user", "assistant", "user", "assistant", "tool", "narrator"]),
            st.integers(0, 30).map(lambda count: "x" * count),
        ),
        st.just(calling()),
        st.just(calling(None, "let me look")),
        st.just(RESULT),
    ),
    min_size=1,
    max_size=14,
)


@settings(relaxed, max_examples=400)
@given(TURNS, st.sampled_from([[], [S], [S, S]]), st.integers(10, 120), st.integers(0, 3))
def test_every_part_keeps_the_promises(turns: list[Any], system: list[Any], limit: int, overlap: int) -> None:
    conversation = conversation_of(*system, *turns)
    messages, lead = conversation.messages, list(range(len(system)))
    try:
        parts = split(conversation, limit, overlap)
    except CannotMendError:
        assume(False)

    fits = within(conversation, limit)
    said = [[turn for turn in part if turn not in lead] for part in parts]
    assert all(fits(part) for part in parts)
    assert [part[: len(lead)] for part in parts] == [lead] * len(parts)
    assert all(part == list(range(part[0], part[-1] + 1)) for part in said)
    assert said[0][0] == len(lead)
    assert said[-1][-1] == len(messages) - 1
    for before, after in pairwise(said):
        assert messages[after[0]].role == "user"
        assert before[0] < after[0] <= before[-1] + 1
        assert after[-1] > before[-1], "every part says something new"
        assert "assistant" in [messages[turn].role for turn in after]
        if not overlap:
            assert after[0] == before[-1] + 1
    if not overlap:
        assert [turn for part in said for turn in part] == list(range(len(lead), len(messages)))


# ---------------------------------------------------------------- bytes


@pytest.mark.parametrize(
    ("line", "parts", "after"),
    [
        (
            b'{"id":"x","n":1.10,"messages":[ {"role":"user","content":"\\u00e9"} ,\n {"role":"assistant","content":"b"} ],"m":{"k":1E2}}',
            [[0], [1], [0, 1]],
            [
                b'{"id":"x/1","n":1.10,"messages":[ {"role":"user","content":"\\u00e9"} ],"m":{"k":1E2}}',
                b'{"id":"x/2","n":1.10,"messages":[ {"role":"assistant","content":"b"} ],"m":{"k":1E2}}',
                b'{"id":"x/3","n":1.10,"messages":[ {"role":"user","content":"\\u00e9"} ,\n {"role":"assistant","content":"b"} ],"m":{"k":1E2}}',
            ],
        ),
        (
            b'{"system": "s", "conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}], "id": 7}',
            [[0, 1], [0, 2]],
            [
                b'{"system": "s", "conversations": [{"from": "human", "value": "a"}], "id": "7/1"}',
                b'{"system": "s", "conversations": [{"from": "gpt", "value": "b"}], "id": "7/2"}',
            ],
        ),
        (
            b'[{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]',
            [[0], [1]],
            [b'[{"role": "user", "content": "a"}]', b'[{"role": "assistant", "content": "b"}]'],
        ),
        (
            b'{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}], "_rolethread": {"entry_uuid": "u"}, "id": null}',
            [[0], [1]],
            [
                b'{"messages": [{"role": "user", "content": "a"}], "_rolethread": {"entry_uuid": "u/1"}, "id": null}',
                b'{"messages": [{"role": "assistant", "content": "b"}], "_rolethread": {"entry_uuid": "u/2"}, "id": null}',
            ],
        ),
    ],
)
def test_the_records_of_the_parts_hold_everything_else_as_it_came(
    line: bytes, parts: list[list[int]], after: list[bytes]
) -> None:
    dataset = rt.load(b"[" + line + b"]")
    assert list(parted(dataset[0], line, Parts(tuple(map(tuple, parts))))) == after


def test_a_layout_with_a_place_for_each_turn_is_not_parted() -> None:
    line = json.dumps({"instruction": "a", "input": "", "output": "b"}).encode()
    with pytest.raises(CannotMendError, match="its own place"):
        parted(rt.load(line)[0], line, Parts(((0,), (1,))))


# ---------------------------------------------------------------- for a trainer

LIMITED = ("trl", "axolotl", "llamafactory", "unsloth")


def long_record(exchanges: int, **more: Any) -> dict[str, Any]:
    turns = messages_of(
        S, *(one for n in range(exchanges) for one in ((U[0], f"q{n} " * 8), (A[0], f"a{n} " * 8)))
    )
    return {**more, "messages": turns}


@pytest.mark.parametrize("target", LIMITED)
def test_what_is_too_long_for_a_trainer_is_split_so_that_nothing_is_cut(target: str) -> None:
    dataset = rt.load([long_record(2, id="short"), long_record(12, id="long", n=1)])
    before = [dataset.record_bytes(0, n) for n in range(2)]
    flight = dataset.preflight(targets=target, max_tokens=200)
    assert {one.id for one in flight.conversations()} == {"long"}
    plan = flight.repairs(select="split_long")

    assert plan.counts == {"fit.split_long": 1}
    assert len(plan.select(safe=True)) == 0
    assert "conversations, before turn" in str(plan.preview())
    plan.apply()
    again = dataset.preflight(targets=target, max_tokens=200)
    assert again.ok, again.reasons()
    assert max(again.frame["tokens"]) <= 200
    assert [one.id for one in dataset] == ["short", *(f"long/{n}" for n in range(1, len(dataset)))]
    assert [one.raw["id"] for one in dataset] == [one.id for one in dataset]
    said = [m.raw for one in dataset if one.id != "short" for m in one if m.role != "system"]
    assert said == long_record(12)["messages"][1:]
    assert {one.messages[0].text for one in dataset} == {S[1]}
    dataset.undo()
    assert [dataset.record_bytes(0, n) for n in range(len(dataset))] == before


@settings(relaxed, max_examples=30)
@given(TURNS, st.sampled_from([[], [S]]), st.integers(20, 90), st.sampled_from(LIMITED))
def test_what_is_split_is_within_the_limit_and_comes_back_by_undo(
    turns: list[Any], system: list[Any], limit: int, target: str
) -> None:
    record = {"id": "x", "messages": messages_of(*system, *turns), "n": 1.5}
    line = json.dumps(record).encode().replace(b'"n": 1.5', b'"n":1.50')
    dataset = rt.load(line)
    plan = dataset.preflight(targets=target, max_tokens=limit).repairs(select="split_long")
    plan.apply()
    again = dataset.preflight(targets=target, max_tokens=limit)
    if len(plan):
        assert not LENGTH_CODES & set(again.reason_frame["code"])
        said = [message.raw for one in dataset for message in one.messages[len(system) :]]
        assert said == record["messages"][len(system) :]
        assert len(dataset) > 1
        dataset.undo()
    assert dataset.record_bytes(0, 0) == line
    assert len(dataset) == 1


def test_nothing_is_split_unasked_and_what_cannot_be_is_named() -> None:
    record = {"messages": messages_of(U, A, (U[0], "long " * 300), A)}
    flight = rt.load([record]).preflight(targets="trl", max_tokens=100)
    assert len(flight.repairs()) == 0
    plan = flight.repairs(select="split_long")

    assert len(plan) == 0
    assert "turns 2 to 3 cannot be parted" in plan.left[0].reason
    assert "turns 2 to 3" in str(plan.preview())


def test_it_is_split_as_it_stands_after_the_other_repairs() -> None:
    record = long_record(12)
    record["messages"].insert(2, {"role": "user", "content": "And?"})
    dataset = rt.load([record])
    dropping = (
        "{%- for m in messages if m.role != 'system' %}{{ m.role + ': ' + m.content + '\\n' }}{% endfor %}"
    )
    flight = dataset.preflight(targets="trl", template=dropping, max_tokens=200)
    plan = flight.repairs(select=["system_into_user", "split_long"])
    assert plan.counts == {"fit.system_into_user": 1, "fit.split_long": 1}
    alone = plan.select(codes="fit.split_long")
    assert len(alone) == 0
    assert "the other repairs" in alone.left[0].reason
    plan.apply()

    assert dataset.preflight(targets="trl", template=dropping, max_tokens=200).ok
    assert sum(len(one.messages) for one in dataset) == len(record["messages"]) - 1


def test_parts_begin_with_the_last_exchanges_of_the_part_before_on_request() -> None:
    dataset = rt.load([long_record(12, id="x")])
    flight = dataset.preflight(targets="trl", max_tokens=200)
    how: dict[str, Any] = {"select": "split_long", "greeting": None, "opener": None}
    repairs_for(dataset, flight.forecast, flight.reason_frame, **how, overlap=1).apply()

    assert dataset.preflight(targets="trl", max_tokens=200).ok
    said = [[m.text for m in one if m.role != "system"] for one in dataset]
    for before, after in pairwise(said):
        assert after[:2] == before[-2:]
        assert len(after) > 2
    assert said[0] + [text for part in said[1:] for text in part[2:]] == [
        turn["content"] for turn in long_record(12)["messages"][1:]
    ]
    with pytest.raises(rt.QueryError, match="-1"):
        repairs_for(dataset, flight.forecast, flight.reason_frame, **how, overlap=-1)
