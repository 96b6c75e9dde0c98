"""Export for a trainer: the file is one it takes, no text is changed, and what it needs lies beside it."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from conftest import SHIPPED
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import rolethread_nb as rt
from rolethread_nb.cli import main
from rolethread_nb.core.errors import ExportError, QueryError
from rolethread_nb.training.targets.registry import NAMES

PAIRS = ("trl-dpo", "trl-kto")
CHATS = tuple(name for name in NAMES if name not in PAIRS)
# Trainers that have a place for tool calls.
CALLERS = tuple(name for name in CHATS if name != "unsloth")
BESIDE = {
    "trl": "out.jsonl.trl.py",
    "trl-dpo": "out.jsonl.trl.py",
    "trl-kto": "out.jsonl.trl.py",
    "unsloth": "out.jsonl.unsloth.py",
    "axolotl": "out.jsonl.axolotl.yml",
    "llamafactory": "out.jsonl.dataset_info.json",
}

SYSTEM = {"role": "system", "content": "Be kind."}
U, A = {"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}
WORSE = {"role": "assistant", "content": "Meh"}
SHAREGPT = {
    "id": "s",
    "conversations": [
        {"from": "system", "value": "Be kind."},
        {"from": "human", "value": "Hi "},
        {"from": "gpt", "value": "Ho"},
    ],
}
TOOL = {
    "type": "function",
    "function": {
        "name": "tide",
        "description": "The tide at a port",
        "parameters": {"type": "object", "properties": {"port": {"type": "string"}}},
    },
}


def calling(arguments: Any, **more: Any) -> dict[str, Any]:
    call = {"id": "a1b2c3d4e", "type": "function", "function": {"name": "tide", "arguments": arguments}}
    asked = {"role": "assistant", "content": None, "tool_calls": [call]}
    answer = {"role": "tool", "content": "14:05", "tool_call_id": "a1b2c3d4e"}
    return {"messages": [U, asked, answer, A], "tools": [TOOL], **more}


def lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_bytes().split(b"\n") if line]


def texts(dataset: rt.Dataset) -> list[list[str]]:
    return [[message.text for message in conversation] for conversation in dataset]


def exported(records: list[Any], target: str, folder: Path, **more: Any) -> tuple[Any, list[Any]]:
    done = rt.load(copy.deepcopy(records)).export(folder / "out.jsonl", target=target, **more)
    return done, lines(folder / "out.jsonl")


def not_taken(path: Path, target: str) -> list[int]:
    """The records of a file that the trainer's own judge refuses or drops; lengths aside, which no export changes."""
    flight = rt.load(path, settings=False).preflight(targets=target, max_tokens=1_000_000)
    return [
        conversation.index
        for outcome in ("refused", "dropped")
        for conversation in flight.conversations(target=target, outcome=outcome)
    ]


# ---------------------------------------------------------------- what the trainer makes of it


@pytest.mark.parametrize("target", CHATS)
def test_the_trainer_takes_all_of_a_real_file_but_what_is_named(target: str, tmp_path: Path) -> None:
    dataset = rt.load(SHIPPED / "persona_agents_en.jsonl", review=False)
    done = dataset.export(tmp_path / "out.jsonl", target=target)

    assert done.conversations + sum(done.left_out.values()) == len(dataset) + len(dataset.rejected)
    assert len(done.will_refuse) < 5
    assert len(not_taken(tmp_path / "out.jsonl", target)) == len(done.will_refuse)
    assert done.refuses_file is None
    named = {loss.conversation for loss in done.refused} - {one.loss.conversation for one in done.will_refuse}
    before = [[m.text for m in conversation] for conversation in dataset if conversation.index not in named]
    assert texts(rt.load(tmp_path / "out.jsonl")) == before


@pytest.mark.parametrize("target", CHATS)
def test_with_only_valid_nothing_is_left_that_it_would_refuse(target: str, tmp_path: Path) -> None:
    silent = {"messages": [SYSTEM, U]}
    done, written = exported([{"messages": [SYSTEM, U, A]}, silent], target, tmp_path, only_valid=True)

    assert len(written) == 1 if target != "trl" else 2  # TRL trains every token, the prompt's too
    assert not_taken(tmp_path / "out.jsonl", target) == []
    assert done.will_refuse == []


def test_what_will_be_refused_is_written_and_named_with_its_id_and_reason(tmp_path: Path) -> None:
    named = {"id": "second", "messages": [U, A, U]}
    done, written = exported([{"messages": [U, A]}, named], "mistral", tmp_path)

    assert len(written) == done.conversations == 2
    assert [(one.id, one.reason.code) for one in done.will_refuse] == [("second", "role_order")]
    assert [loss.conversation for loss in done.refused] == [1]
    assert any(
        "1 conversation" in line and "#1 (second)" in line and "last role" in line for line in done.summary
    )
    assert not done.lossless


@pytest.mark.parametrize("target", CHATS)
def test_sharegpt_goes_over_with_the_roles_the_trainer_knows(target: str, tmp_path: Path) -> None:
    done, written = exported([SHAREGPT], target, tmp_path)

    assert done.refused == []
    if target == "llamafactory":
        assert written == [{"conversations": SHAREGPT["conversations"]}]
    else:
        key = "conversations" if target == "unsloth" else "messages"
        asked = {"role": "user", "content": "Hi "}
        assert written == [{key: [SYSTEM, asked, A]}]
    assert not_taken(tmp_path / "out.jsonl", target) == []


@pytest.mark.parametrize("target", CALLERS)
@pytest.mark.parametrize("arguments", ['{"port": "Brest"}', {"port": "Brest"}], ids=["text", "object"])
def test_arguments_of_a_call_are_what_the_trainer_wants(arguments: Any, target: str, tmp_path: Path) -> None:
    done, (written,) = exported([calling(arguments)], target, tmp_path)

    assert done.refused == []
    assert not_taken(tmp_path / "out.jsonl", target) == []
    if target == "llamafactory":
        call = json.loads(written["conversations"][1]["value"])
        assert (call["name"], call["arguments"]) == ("tide", {"port": "Brest"})
        assert json.loads(written["tools"]) == [TOOL]
        return
    found = written["messages"][1]["tool_calls"][0]["function"]["arguments"]
    if target == "trl":
        assert found == {"port": "Brest"}
    else:
        assert json.loads(found) == {"port": "Brest"}
    assert written["tools"] == [TOOL]


def test_a_text_that_is_a_tool_call_already_keeps_its_spelling(tmp_path: Path) -> None:
    said = '{"name":"tide", "arguments":{"port":"Brest"}}'
    turns = [
        {"from": "human", "value": "Hi"},
        {"from": "function_call", "value": said},
        {"from": "observation", "value": "14:05"},
        {"from": "gpt", "value": "Ho"},
    ]
    _, written = exported([{"conversations": turns}], "llamafactory", tmp_path)

    assert written == [{"conversations": turns}]


def test_llama_factory_gets_parallel_calls_as_one_turn(tmp_path: Path) -> None:
    record = calling({"port": "Brest"})
    record["messages"][1]["tool_calls"] *= 2
    done, (written,) = exported([record], "llamafactory", tmp_path)

    assert [turn["from"] for turn in written["conversations"]] == [
        "human",
        "function_call",
        "observation",
        "gpt",
    ]
    assert len(json.loads(written["conversations"][1]["value"])) == 2
    assert done.refused == []


def test_a_text_beside_a_call_is_kept_where_the_trainer_has_no_place_for_both(tmp_path: Path) -> None:
    record = calling("{}")
    record["messages"][1]["content"] = "Let me look."
    done, (_, written) = exported([{"messages": [U, A]}, record], "llamafactory", tmp_path)

    assert written["conversations"][1] == {"from": "gpt", "value": "Let me look."}
    assert [(one.reason.code, one.reason.turn) for one in done.will_refuse] == [("role_order", None)]


def test_the_old_form_of_a_call_becomes_the_new_one_where_only_that_is_read(tmp_path: Path) -> None:
    old = {"role": "assistant", "content": None, "function_call": {"name": "tide", "arguments": "{}"}}
    answer = {"role": "function", "name": "tide", "content": "14:05"}
    (tmp_path / "openai").mkdir()
    done, (kept,) = exported([{"messages": [U, old, answer, A]}], "openai", tmp_path / "openai")
    assert kept == {"messages": [U, old, answer, A]}
    assert (done.refused, done.unchanged) == ([], 1)

    _, (written,) = exported([{"messages": [U, old, answer, A]}], "trl", tmp_path)
    assert written["messages"][1]["tool_calls"][0]["function"] == {"name": "tide", "arguments": {}}
    assert written["messages"][2]["role"] == "tool"


@pytest.mark.parametrize("target", CHATS)
def test_keys_that_are_not_read_go_and_are_named(target: str, tmp_path: Path) -> None:
    turn = {**U, "mood": "glad"}
    done, (written,) = exported([{"id": "x", "messages": [turn, A], "note": 1}], target, tmp_path)

    assert len(written) == 1
    assert not_taken(tmp_path / "out.jsonl", target) == []
    said = [(loss.turn, loss.what.partition(" was")[0]) for loss in done.losses]
    assert sorted(said, key=str) == sorted(
        [(0, "The key mood of a turn"), (None, "The key id"), (None, "The key note")], key=str
    )
    assert not done.lossless

    done, _ = exported([{"id": "x", "messages": [turn, A]}], target, tmp_path, overwrite=True, clean=True)
    assert done.lossless


@pytest.mark.parametrize("target", CHATS)
def test_a_role_that_is_not_known_is_not_guessed(target: str, tmp_path: Path) -> None:
    strange = {"messages": [{"role": "narrator", "content": "Night."}, U, A]}
    done, written = exported([{"messages": [U, A]}, strange], target, tmp_path)

    assert len(written) == done.conversations == 1
    assert [(loss.conversation, loss.what) for loss in done.refused] == [(1, "with a role that is not known")]


def test_what_unsloth_has_no_place_for_does_not_spoil_the_file(tmp_path: Path) -> None:
    parts = {"messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}, A]}
    done, written = exported([calling("{}"), parts, {"messages": [U, A]}], "unsloth", tmp_path)

    assert written == [{"conversations": [U, A]}]
    assert [loss.conversation for loss in done.refused] == [0, 1]
    assert not_taken(tmp_path / "out.jsonl", "unsloth") == []


@pytest.mark.parametrize("target", PAIRS)
def test_pairs_go_to_the_trainers_of_preferences(target: str, tmp_path: Path) -> None:
    done, written = exported(
        [{"id": "p", "chosen": [U, A], "rejected": [U, WORSE]}, {"messages": [U, A]}], target, tmp_path
    )

    assert written == [{"prompt": [U], "chosen": [A], "rejected": [WORSE]}]
    assert [loss.conversation for loss in done.refused] == [1]
    assert not_taken(tmp_path / "out.jsonl", target) == []


def test_kto_takes_one_answer_with_its_label(tmp_path: Path) -> None:
    done, written = exported([{"messages": [U, A], "label": True}], "trl-kto", tmp_path)

    assert written == [{"prompt": [U], "completion": [A], "label": True}]
    assert done.refused == []
    assert not_taken(tmp_path / "out.jsonl", "trl-kto") == []


def test_too_few_examples_are_said_of_the_file(tmp_path: Path) -> None:
    done, _ = exported([{"messages": [U, A]}], "openai", tmp_path)

    assert done.refuses_file is not None
    assert any("OpenAI will refuse the file" in line and "at least 10" in line for line in done.summary)


# ---------------------------------------------------------------- nothing else changes

TEXTS = st.text(max_size=6) | st.sampled_from(["a\u2028b", "😀", '{"x": 1}', " x ", "<think>a</think>b"])


@st.composite
def chats(draw: st.DrawFn) -> dict[str, Any]:
    roles = draw(st.lists(st.sampled_from(["user", "assistant", "system"]), min_size=1, max_size=5))
    turns = [{"role": role, "content": draw(TEXTS)} for role in roles]
    if draw(st.booleans()):
        words = {"user": "human", "assistant": "gpt", "system": "system"}
        return {"conversations": [{"from": words[turn["role"]], "value": turn["content"]} for turn in turns]}
    return {"messages": turns, **draw(st.dictionaries(st.just("id"), st.text(max_size=3)))}


@pytest.mark.parametrize("target", CHATS)
@settings(deadline=None, max_examples=12, suppress_health_check=list(HealthCheck))
@given(made=st.lists(chats(), min_size=1, max_size=3))
def test_every_text_of_every_turn_stays_in_its_order(
    target: str, made: list[Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("out") / "out.jsonl"
    before = rt.load(made)
    done = before.export(path, target=target)

    after = rt.load(path)
    assert done.conversations == len(made)
    assert texts(after) == texts(before)
    assert [[m.role for m in c] for c in after] == [[m.role for m in c] for c in before]


def test_a_record_that_is_right_already_keeps_its_bytes(tmp_path: Path) -> None:
    line = b'{"messages":[{"content":"\\u00e9", "role":"user"},{"role":"assistant","content":"b"}]}\n'
    (tmp_path / "in.jsonl").write_bytes(line)
    done = rt.load(tmp_path / "in.jsonl").export(tmp_path / "out.jsonl", target="together")

    assert (tmp_path / "out.jsonl").read_bytes() == line
    assert done.unchanged == 1


TURNS = b'[ {"content":"\\u00e9","role":"user"} ,  {"role":"assistant", "content":"1.10"}]'
SAID = b'{"role": "assistant", "content": "b"}'


@pytest.mark.parametrize(
    ("target", "line", "after"),
    [
        ("together", b'{"id":"x","messages":%b,"n":1.10}' % TURNS, b'{"messages":%b}' % TURNS),
        ("openai", b'{ "messages" : %b , "n" : 1.10 }' % TURNS, b'{ "messages" : %b }' % TURNS),
        (
            "mistral",
            b'{"messages":[{"role":"user","x":1,"content":"\\/"}, %b]}' % SAID,
            b'{"messages":[{"role":"user","content":"\\/"}, %b]}' % SAID,
        ),
        (
            "trl",
            b'{"messages":[{"role":"Human","content":"\\/"}, %b]}' % SAID,
            b'{"messages":[{"role":"user","content":"\\/"}, %b]}' % SAID,
        ),
        (
            "trl",
            b'{"messages":[{"role":"user","content":"\\/"},{"role":"assistant","tool_calls":[{"function":{"name":"f",'
            b'"arguments":"{\\"a\\": 1}"}}],"content":null}],"tools":[{"min":1.10}]}',
            b'{"messages":[{"role":"user","content":"\\/"},{"role":"assistant","tool_calls":[{"function":{"name":"f",'
            b'"arguments":{"a": 1}}}],"content":""}],"tools":[{"min":1.10}]}',
        ),
        (
            "llamafactory",
            b'{"conversations":[{"from":"human", "value":"\\/"},{"from":"gpt","value":"b"}],"tools":"[{\\"min\\": 1.10}]","k":0}',
            b'{"conversations":[{"from":"human", "value":"\\/"},{"from":"gpt","value":"b"}],"tools":"[{\\"min\\": 1.10}]"}',
        ),
        (
            "together",
            b'{"id": 1,\n "messages":\n  [{"role": "user", "content": "a\\nb"},\n   %b]}' % SAID,
            b'{"messages": [{"role": "user", "content": "a\\nb"}, %b]}' % SAID,
        ),
    ],
)
def test_of_a_record_that_changes_only_the_changed_values_are_written_anew(
    target: str, line: bytes, after: bytes, tmp_path: Path
) -> None:
    (tmp_path / "in.json").write_bytes(b"[" + line + b"]")
    rt.load(tmp_path / "in.json").export(tmp_path / "out.jsonl", target=target)

    assert (tmp_path / "out.jsonl").read_bytes() == after + b"\n"


NUMBERS = b'{"min": 1.10, "max": 1E400, "big": 123456789012345678901234567890, "low": -0.0}'


@pytest.mark.parametrize("target", CALLERS)
@pytest.mark.parametrize("form", ["text", "object", "sharegpt"])
def test_numbers_stay_as_they_are_written_where_a_record_is_laid_out_anew(
    form: str, target: str, tmp_path: Path
) -> None:
    arguments = {"text": json.dumps(NUMBERS.decode()).encode(), "object": NUMBERS, "sharegpt": NUMBERS}[form]
    function = b'{"name": "f", "arguments": %b}' % arguments
    if form == "sharegpt":
        turns = (
            b'{"from": "human", "value": "a"}, {"from": "function_call", "value": %b}'
            % json.dumps(function.decode()).encode()
        )
        key, end = (
            b"conversations",
            b'{"from": "observation", "value": "1.50"}, {"from": "gpt", "value": "b"}',
        )
    else:
        turns = (
            b'{"role": "Human", "content": "a"}, {"role": "assistant", "content": null, "tool_calls": [%b]}'
            % (b'{"id": "abcdefghi", "type": "function", "function": %b}' % function)
        )
        key, end = b"messages", b'{"role": "tool", "content": "1.50", "tool_call_id": "abcdefghi"}, ' + SAID
    line = b'{"tools": [{"type": "function", "function": {"name": "f", "parameters": {"default": 2.50}}}], "%b": [%b, %b]}'
    (tmp_path / "in.jsonl").write_bytes(line % (key, turns, end))
    rt.load(tmp_path / "in.jsonl").export(tmp_path / "out.jsonl", target=target)

    written = (tmp_path / "out.jsonl").read_bytes().replace(b'\\"', b'"').replace(b'\\"', b'"')
    for number in (b"1.10", b"1E400", b"123456789012345678901234567890", b"-0.0", b"2.50", b'"1.50"'):
        assert number in written, written


@pytest.mark.parametrize("target", CALLERS)
def test_that_a_call_has_no_id_is_said_where_the_trainer_asks_for_one(target: str, tmp_path: Path) -> None:
    turns = [
        {"from": "human", "value": "Hi"},
        {"from": "function_call", "value": '{"name": "f", "arguments": {}}'},
        {"from": "observation", "value": "1"},
        {"from": "gpt", "value": "Ho"},
    ]
    done, _ = exported([{"conversations": turns}], target, tmp_path)

    said = [loss.what for loss in done.losses if " id" in loss.what]
    title = {"openai": "OpenAI", "mistral": "Mistral"}
    assert said == ([f"A tool call has no id, which {title[target]} asks for"] if target in title else [])


def test_what_is_asked_for_is_asked_once(tmp_path: Path) -> None:
    asked: list[int] = []

    def first(conversation: rt.Conversation) -> bool:
        asked.append(conversation.index)
        return len(asked) == 1

    done, written = exported([{"messages": [U, A]}] * 3, "trl", tmp_path, keep=first)
    assert asked == [0, 1, 2]
    assert (len(written), done.left_out) == (1, {"not asked for": 2})


# ---------------------------------------------------------------- beside the file


@pytest.mark.parametrize("target", NAMES)
def test_beside_the_file_lies_what_the_trainer_needs(target: str, tmp_path: Path) -> None:
    pair = {"prompt": [U], "chosen": [A], "rejected": [WORSE]}
    done, _ = exported([pair if target in PAIRS else {"messages": [U, A]}], target, tmp_path)

    beside = [BESIDE[target]] if target in BESIDE else []
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["out.jsonl", *beside])
    assert [path.name for path in done.beside] == beside
    assert any(("Beside it: " + beside[0] if beside else "needs no file") in line for line in done.summary)
    for name in beside:
        said = (tmp_path / name).read_text(encoding="utf-8")
        assert "out.jsonl" in said
        assert str(tmp_path) not in said
        if name.endswith(".py"):
            compile(said, name, "exec")


def test_the_entry_for_llama_factory_names_columns_and_tags(tmp_path: Path) -> None:
    exported([calling("{}")], "llamafactory", tmp_path)
    (entry,) = json.loads((tmp_path / "out.jsonl.dataset_info.json").read_bytes()).values()

    assert entry["file_name"] == "out.jsonl"
    assert entry["formatting"] == "sharegpt"
    assert entry["columns"] == {"messages": "conversations", "tools": "tools"}
    (row,) = lines(tmp_path / "out.jsonl")
    tags = set(entry["tags"].values())
    assert {turn["from"] for turn in row["conversations"]} <= tags


def test_the_lines_for_axolotl_name_the_weight_where_there_is_one(tmp_path: Path) -> None:
    exported([{"messages": [U, A]}], "axolotl", tmp_path)
    plain = (tmp_path / "out.jsonl.axolotl.yml").read_text(encoding="utf-8")
    exported([{"messages": [U, {**A, "weight": 0}, U, A]}], "axolotl", tmp_path, overwrite=True)
    weighted = (tmp_path / "out.jsonl.axolotl.yml").read_text(encoding="utf-8")

    assert '  - path: "out.jsonl"\n    ds_type: json\n    type: chat_template\n' in plain
    assert "      user: [user]\n      assistant: [assistant]\n" in plain
    assert "message_field_training" not in plain
    assert "    message_field_training: weight\n" in weighted


def test_no_file_is_replaced_unasked(tmp_path: Path) -> None:
    beside = tmp_path / "out.jsonl.axolotl.yml"
    beside.write_text("mine", encoding="utf-8")
    with pytest.raises(ExportError, match="exists already"):
        exported([{"messages": [U, A]}], "axolotl", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [beside.name]
    assert beside.read_text(encoding="utf-8") == "mine"

    exported([{"messages": [U, A]}], "axolotl", tmp_path, overwrite=True)
    assert "chat_template" in beside.read_text(encoding="utf-8")


def test_a_source_is_not_replaced_by_what_lies_beside(tmp_path: Path) -> None:
    source = tmp_path / "out.jsonl.dataset_info.json"
    source.write_text(json.dumps([{"messages": [U, A]}]), encoding="utf-8")
    with pytest.raises(ExportError, match="source itself"):
        rt.load(source).export(tmp_path / "out.jsonl", target="llamafactory", overwrite=True)
    assert not (tmp_path / "out.jsonl").exists()


def test_a_dry_run_and_a_strict_one_leave_nothing_behind(tmp_path: Path) -> None:
    dataset = rt.load([{"id": "x", "messages": [U, A]}])
    done = dataset.export(tmp_path / "out.jsonl", target="trl", dry_run=True)
    assert (done.conversations, done.written) == (1, False)
    assert [path.name for path in done.beside] == ["out.jsonl.trl.py"]
    with pytest.raises(ExportError, match="strict"):
        dataset.export(tmp_path / "out.jsonl", target="trl", strict=True)
    assert list(tmp_path.iterdir()) == []


def test_wrong_use_is_one_sentence(tmp_path: Path) -> None:
    dataset = rt.load([{"messages": [U, A]}])
    with pytest.raises(QueryError, match="No trainer is called 'trll'"):
        dataset.export(tmp_path / "out.jsonl", target="trll")
    with pytest.raises(ExportError, match="its own layout"):
        dataset.export(tmp_path / "out.jsonl", "alpaca", target="trl")
    with pytest.raises(ExportError, match=r"ends? in \.jsonl"):
        dataset.export(tmp_path / "out.json", target="together")
    assert list(tmp_path.iterdir()) == []


# ---------------------------------------------------------------- from the command line


def test_the_command_writes_the_same_and_names_the_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text(json.dumps(SHAREGPT) + "\n" + json.dumps({"messages": [U]}) + "\n", encoding="utf-8")
    words = ["export", str(source), "-o", str(out), "--target", "axolotl"]

    assert main(words) == 0
    said = capsys.readouterr().out
    assert "Axolotl will not take 1 conversation" in said
    assert "Beside it: out.jsonl.axolotl.yml." in said
    assert len(lines(out)) == 2

    assert main(words) == 2
    assert "exists already" in capsys.readouterr().err
    assert main([*words, "--only-valid", "--force"]) == 0
    assert len(lines(out)) == 1
