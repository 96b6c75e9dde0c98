"""Every layout that is written: what it can hold comes back, what it cannot is said before it is written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import real_files
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import rolethread_nb as rt

SYSTEM = {"role": "system", "content": "Be kind."}
U, A = {"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}
BAD = {"role": "assistant", "content": "Meh"}
TARGETS = ("messages", "sharegpt", "alpaca", "prompt-completion", "preference", "csv", "parquet")


def said(conversation: rt.Conversation) -> list[tuple[str | None, str]]:
    return [(m.role, m.text) for m in conversation]


def lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_bytes().split(b"\n") if line]


TEXTS = st.text(max_size=6) | st.sampled_from(
    ["a\u2028b", "😀", '"', '"x"', "[1]", "{}", "=1+1", "a,b\r\nc", " x "]
)
EXTRA = st.dictionaries(st.sampled_from(["id", "title", "note"]), st.text(max_size=4), max_size=2)


@st.composite
def conversations(draw: st.DrawFn) -> dict[str, Any]:
    system = draw(st.none() | st.text(min_size=1, max_size=6))
    pairs = draw(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=3))
    turns = [] if system is None else [{"role": "system", "content": system}]
    for asked, answered in pairs:
        turns += [{"role": "user", "content": asked}, {"role": "assistant", "content": answered}]
    return {**draw(EXTRA), "messages": turns}


@pytest.mark.parametrize("format", ["messages", "sharegpt", "alpaca", "prompt-completion", "csv", "parquet"])
@settings(deadline=None, max_examples=40, suppress_health_check=list(HealthCheck))
@given(made=st.lists(conversations(), min_size=1, max_size=3))
def test_what_a_layout_can_hold_comes_back(
    format: str, made: list[Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("out") / f"out.{format if format in ('csv', 'parquet') else 'jsonl'}"
    before = rt.load(made)
    done = before.export(path, format)
    after = rt.load(path)

    assert [said(c) for c in after] == [said(c) for c in before]
    others = [{k: v for k, v in c.raw.items() if k in ("id", "title", "note")} for c in after]
    expected = [{k: v for k, v in record.items() if k != "messages"} for record in made]
    if format == "csv":  # an empty cell stands for a missing key as well
        assert [{k: v for k, v in other.items() if v} for other in others] == [
            {k: v for k, v in other.items() if v} for other in expected
        ]
    else:
        assert others == expected
        assert done.losses == []
    if format in ("csv", "parquet"):
        assert [c.raw["messages"] for c in after] == [record["messages"] for record in made]


@pytest.mark.parametrize("path", real_files(), ids=lambda path: path.name)
def test_no_record_of_a_real_file_is_dropped_in_silence(path: Path, tmp_path: Path) -> None:
    dataset = rt.load(path)
    for name in TARGETS if path.stat().st_size < 700_000 else ("alpaca", "preference", "parquet"):
        hold_all(dataset, name, tmp_path)


def hold_all(dataset: rt.Dataset, format: str, tmp_path: Path) -> None:
    out = tmp_path / f"{format}.{format if format in ('csv', 'parquet') else 'jsonl'}"
    done = dataset.export(out, format)

    total = sum(dataset.record_count(n) for n in range(len(dataset.sources)))
    assert done.conversations + sum(done.left_out.values()) == total
    assert len(done.refused) == sum(done.left_out.values()) - len(dataset.rejected)
    again = rt.load(out)
    if not done.conversations:
        return
    assert len(again) == done.conversations
    lossy = {loss.conversation for loss in (*done.refused, *done.losses)}
    refused = {loss.conversation for loss in done.refused}
    kept = [c for c in dataset if c.index not in refused]
    for before, after in zip(kept, again, strict=True):
        if before.index not in lossy:
            assert [text for _, text in said(after)] == [text for _, text in said(before)]


def test_earlier_exchanges_and_the_system_prompt_have_their_keys_in_alpaca(tmp_path: Path) -> None:
    more = {"role": "user", "content": "And?"}
    rt.load([{"n": 1.10, "messages": [SYSTEM, U, A, more, BAD]}]).export(tmp_path / "a.jsonl", "alpaca")

    assert lines(tmp_path / "a.jsonl") == [
        {
            "n": 1.1,
            "instruction": "And?",
            "input": "",
            "output": "Meh",
            "system": "Be kind.",
            "history": [["Hi", "Ho"]],
        }
    ]


@pytest.mark.parametrize(
    ("turns", "reason"),
    [
        ([U], "end without an answer"),
        ([A, U, A], "not user and assistant by turns"),
        ([U, U, A], "not user and assistant by turns"),
        ([SYSTEM, SYSTEM, U, A], "more than one system"),
        ([U, {"role": "assistant", "tool_calls": [{"function": {"name": "f"}}]}], "call tools"),
        ([{"role": "user", "content": [{"type": "text", "text": "x"}]}, A], "content that is no text"),
        ([{"role": "Mara", "content": "x"}, A], "role that is not known"),
    ],
)
def test_what_alpaca_has_no_place_for_is_left_out_and_named(
    turns: list[Any], reason: str, tmp_path: Path
) -> None:
    dataset = rt.load([{"messages": [U, A]}, {"messages": turns}])
    done = dataset.export(tmp_path / "a.jsonl", "alpaca")

    assert done.conversations == 1
    assert [(loss.conversation, reason in loss.what) for loss in done.refused] == [(1, True)]
    assert any(reason in line and "#1" in line for line in done.summary)
    assert not done.lossless


def test_a_pair_goes_over_with_both_its_answers(tmp_path: Path) -> None:
    record = {"id": "p", "chosen": [U, A], "rejected": [U, BAD]}
    dataset = rt.load([record])
    dataset.export(tmp_path / "p.jsonl", "preference")
    assert lines(tmp_path / "p.jsonl") == [{"id": "p", "prompt": [U], "chosen": [A], "rejected": [BAD]}]

    done = dataset.export(tmp_path / "m.jsonl", "messages")
    assert lines(tmp_path / "m.jsonl") == [{"id": "p", "messages": [U, A]}]
    assert [loss.what for loss in done.losses] == [
        "The rejected answer was left out, since the layout has one answer"
    ]


PERSONA: list[dict[str, Any]] = [
    {"n": 1.10, "persona": "Be kind.", "messages": [U, A]},
    {"persona": "Be kind.", "dialog": [U, A]},
    {"persona": "Be kind.", "instruction": "Hi", "input": "", "output": "Ho"},
    {"persona": "Be kind.", "prompt": "Hi", "completion": "Ho"},
    {"persona": "Be kind.", "prompt": [U], "completion": [A]},
    {"persona": "Be kind.", "prompt": "Hi", "chosen": "Ho", "rejected": "Meh"},
    {"persona": "Be kind.", "prompt": [U], "chosen": [A], "rejected": [BAD]},
]


@pytest.mark.parametrize("clean", [False, True])
@pytest.mark.parametrize("format", ["messages", "sharegpt", "alpaca", "prompt-completion", "preference"])
def test_a_system_prompt_under_a_key_of_ones_own_goes_over_once(
    format: str, clean: bool, tmp_path: Path
) -> None:
    dataset = rt.load(PERSONA, fields={"system": "persona"})
    done = dataset.export(tmp_path / "out.jsonl", format, clean=clean)
    written = lines(tmp_path / "out.jsonl")

    assert done.conversations == (2 if format == "preference" else len(PERSONA))
    assert not any("persona" in record for record in written)
    for conversation in rt.load(tmp_path / "out.jsonl"):
        assert said(conversation)[:3] == [("system", "Be kind."), ("user", "Hi"), ("assistant", "Ho")]


def test_two_system_prompts_do_not_become_one_in_silence(tmp_path: Path) -> None:
    record = {"persona": "P", "system": "S", "instruction": "Hi", "input": "", "output": "Ho"}
    done = rt.load([record], fields={"system": "persona"}).export(tmp_path / "a.jsonl", "alpaca")

    assert lines(tmp_path / "a.jsonl") == [{"instruction": "Hi", "input": "", "output": "Ho", "system": "P"}]
    assert [loss.what for loss in done.losses] == ["What stood under system was left out"]


def test_a_system_prompt_under_a_key_of_ones_own_leaves_as_it_came(tmp_path: Path) -> None:
    source = b'{"n": 1.10,  "persona":"Be kind.", "messages": [{"role": "user","content": "Hi"}]}\r\n'
    (tmp_path / "in.jsonl").write_bytes(source)
    rt.load(tmp_path / "in.jsonl", fields={"system": "persona"}).export(tmp_path / "out.jsonl", "same")

    assert (tmp_path / "out.jsonl").read_bytes() == source


def test_openai_pairs_keep_their_tools(tmp_path: Path) -> None:
    record = {
        "input": {"messages": [U], "tools": [1]},
        "preferred_output": [A],
        "non_preferred_output": [BAD],
    }
    rt.load([record]).export(tmp_path / "p.jsonl", "preference")
    (written,) = lines(tmp_path / "p.jsonl")
    assert written == {"prompt": [U], "chosen": [A], "rejected": [BAD], "tools": [1]}


def test_other_keys_keep_their_bytes(tmp_path: Path) -> None:
    record = b'{"n": 1.10, "big": 123456789012345678901234567890, "e": "\\u00e9", "instruction": "Hi", "output": "Ho", "z" :[1,2]}'
    rt.load(record).export(tmp_path / "m.jsonl", "messages")

    written = (tmp_path / "m.jsonl").read_bytes()
    assert written.startswith(
        b'{"n": 1.10, "big": 123456789012345678901234567890, "e": "\\u00e9", "messages": '
    )
    assert written.endswith(b'"z": [1,2]}\n')


def test_clean_leaves_training_keys_only_and_says_what_went(tmp_path: Path) -> None:
    turns = [{**U, "mood": "glad", "name": "Kai"}, {**A, "weight": 1}]
    record = {"id": 1, "messages": turns, "tools": [], "metadata": {}, "label": True}
    done = rt.load([record]).export(tmp_path / "m.jsonl", clean=True)

    assert lines(tmp_path / "m.jsonl") == [
        {"messages": [{**U, "name": "Kai"}, {**A, "weight": 1}], "tools": [], "label": True}
    ]
    assert sorted({loss.what.partition(" was")[0] for loss in done.losses}) == [
        "The key id",
        "The key metadata",
        "The key mood of a turn",
    ]
    assert done.lossless
    with pytest.raises(rt.ExportError, match="as they came"):
        rt.load([record]).export(tmp_path / "s.jsonl", "same", clean=True)


def test_a_dry_run_writes_nothing_and_says_the_same(tmp_path: Path) -> None:
    dataset = rt.load([{"messages": [U, A]}, {"messages": [U]}])
    dry = dataset.export(tmp_path / "a.jsonl", "alpaca", dry_run=True)
    assert not list(tmp_path.iterdir())
    done = dataset.export(tmp_path / "a.jsonl", "alpaca")

    assert dry.summary[1:] == done.summary[1:]
    assert "not written" in dry.summary[0]


@pytest.mark.parametrize("format", ["alpaca", "preference", "sharegpt"])
def test_strict_writes_nothing_where_something_would_be_lost(format: str, tmp_path: Path) -> None:
    dataset = rt.load([{"messages": [{"role": "developer", "content": "x"}, U, A]}])
    with pytest.raises(rt.ExportError, match=rf"{format} cannot hold all of 1 conversation"):
        dataset.export(tmp_path / "a.jsonl", format, strict=True)
    assert not list(tmp_path.iterdir())
    dataset.export(tmp_path / "m.jsonl", "messages", strict=True)


def test_a_query_and_validity_choose_what_leaves(tmp_path: Path) -> None:
    dataset = rt.load([{"messages": [U, A]}, {"messages": [U]}, {"messages": [SYSTEM, U, A]}])

    assert dataset.export(tmp_path / "a.jsonl", only_valid=True).conversations == 2
    done = dataset.export(tmp_path / "b.jsonl", only_valid=True, where="system:yes")
    assert (done.conversations, done.left_out) == (1, {"not asked for": 2})


def test_a_layout_of_ones_own_can_be_written(tmp_path: Path) -> None:
    def write(messages: list[dict[str, Any]], record: Any) -> Any:
        return {"posts": [message["content"] for message in messages], "n": record["n"]}

    rt.register_format("forum", lambda record: None, write=write)
    try:
        done = rt.load([{"messages": [U, A], "n": 1}, {"messages": [U, A]}]).export(
            tmp_path / "f.jsonl", "forum"
        )
    finally:
        rt.forget_format("forum")
    assert lines(tmp_path / "f.jsonl") == [{"posts": ["Hi", "Ho"], "n": 1}]
    assert [loss.what for loss in done.refused] == ["for which the format forum stopped with KeyError: 'n'"]


@pytest.mark.parametrize("format", ["csv", "parquet"])
def test_tables_hold_records_of_any_layout_as_they_are(format: str, tmp_path: Path) -> None:
    records = [
        {"instruction": "Hi", "input": "", "output": "Ho"},
        {"messages": [U, {**A, "weight": 1}], "tools": [{"type": "function"}]},
    ]
    done = rt.load(records).export(tmp_path / f"t.{format}", format)
    back = [c.raw for c in rt.load(tmp_path / f"t.{format}")]

    if format == "parquet":
        assert back == records
        assert done.losses == []
    else:
        assert [{k: v for k, v in record.items() if v != "" or k == "input"} for record in back] == [
            records[0],
            {**records[1], "input": ""},
        ]
        assert any("empty cell" in loss.what for loss in done.losses)


@pytest.mark.parametrize(
    "record",
    [
        {"messages": [{"role": "user", "text": "Hi"}, {"speaker": "assistant", "text": "Ho"}]},
        {"conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Ho"}], "label": True},
        {"messages": [{"from": "user", "value": "Hi"}, {"from": "assistant", "value": "Ho"}], "label": True},
        {"prompt": "Hi", "completion": "Ho"},
        {"conversations": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}]},
    ],
)
@pytest.mark.parametrize("clean", [False, True])
def test_whatever_the_keys_were_the_layout_has_its_own(
    record: dict[str, Any], clean: bool, tmp_path: Path
) -> None:
    dataset = rt.load([record])
    keys = {"messages": ("messages", "role", "content"), "sharegpt": ("conversations", "from", "value")}
    for name, (listed, role, text) in keys.items():
        dataset.export(tmp_path / name, name, clean=clean)
        (written,) = lines(tmp_path / name)
        assert [set(turn) for turn in written[listed]] == [{role, text}] * 2
        assert [turn[text] for turn in written[listed]] == ["Hi", "Ho"]
    dataset.export(tmp_path / "p", "prompt-completion", clean=clean)
    (written,) = lines(tmp_path / "p")
    assert (written["prompt"], written["completion"]) == ([U], [A])


def test_what_an_exchange_carries_beside_its_turns_is_named(tmp_path: Path) -> None:
    record = {"conversation": [{"input": "Hi", "output": "Yo", "output_with_loss": False}]}
    with pytest.raises(rt.ExportError, match="output_with_loss"):
        rt.load([record]).export(tmp_path / "m.jsonl", strict=True)


def test_a_tool_call_stays_one_beside_a_system_prompt(tmp_path: Path) -> None:
    turns = [
        {"from": "human", "value": "w?"},
        {"from": "function_call", "value": '{"name": "f", "arguments": {}}'},
        {"from": "observation", "value": "{}"},
        {"from": "gpt", "value": "ok"},
    ]
    rt.load([{"system": "s", "conversations": turns}]).export(tmp_path / "s.jsonl", "sharegpt")
    assert lines(tmp_path / "s.jsonl") == [{"conversations": [{"from": "system", "value": "s"}, *turns]}]


def test_strict_refuses_what_could_not_be_read(tmp_path: Path) -> None:
    with pytest.raises(rt.ExportError, match="could not be read"):
        rt.load([{"messages": [U, A]}, {"foo": 1}]).export(tmp_path / "m.jsonl", strict=True)
