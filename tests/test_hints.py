"""Records that no layout takes say what they are and how they can be read; what the data says itself is read."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rolethread_nb as rt
from rolethread_nb.cli import main

TREE = {
    "message_tree_id": "a",
    "tree_state": "ready",
    "prompt": {
        "text": "Hi",
        "role": "prompter",
        "replies": [{"text": t, "role": "assistant", "replies": []} for t in ("Ho", "Hey")],
    },
}
ANSWERS = {
    "source": "evol",
    "instruction": "Write a line",
    "models": ["a", "b"],
    "completions": [{"model": m, "response": f"by {m}", "annotations": {}} for m in "ab"],
}
PIPPA = {
    "bot_id": "b",
    "bot_name": "Mara",
    "conversation": [
        {"message": "Hello ", "is_human": False},
        {"message": "Hi", "is_human": True},
        {"message": "Well?", "is_human": False},
    ],
}
TAVERN = [
    {"name": "Mara", "is_user": False, "is_system": False, "mes": "Hello"},
    {"name": "Kai", "is_user": True, "is_system": False, "mes": "Hi"},
    {"name": "Mara", "is_user": False, "is_system": False, "mes": "Well?"},
]
HEAD = {"user_name": "Kai", "character_name": "Mara", "create_date": "2024"}


def said(record: Any) -> str:
    """What is said of a record that is refused."""
    ds = rt.load([record])
    assert len(ds) == 0
    (message,) = ds.check().issues["message"]
    return str(message)


@pytest.mark.parametrize(
    ("record", "words"),
    [
        (TREE, ["a tree of messages", '"prompt"', '"replies"', "several conversations", '"message_tree_id"']),
        (
            {"root": {"text": "a", "children": [{"text": "b", "children": []}]}},
            ["a tree", '"root"', '"children"'],
        ),
        (
            ANSWERS,
            [
                "parallel answers",
                '"instruction"',
                '"completions"',
                '"model", "response"',
                "none chosen",
            ],
        ),
        (
            {"prompt": "Hi", "generations": [{"text": "a"}, {"text": "b"}]},
            ["2 parallel answers", '"generations"'],
        ),
    ],
)
def test_trees_and_parallel_answers_are_named_with_their_keys(record: Any, words: list[str]) -> None:
    message = said(record)

    for word in (*words, "rt.register_format"):
        assert word in message


@pytest.mark.parametrize(
    ("text", "family"),
    [
        ("<s>[INST] <<SYS>>\nBe kind\n<</SYS>>\n\nHi [/INST] Ho </s>", "Llama 2"),
        ("<s>[INST] Hi [/INST] Ho</s>", "Mistral"),
        ("<|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|>", "Llama 3"),
        ("<start_of_turn>user\nHi<end_of_turn>\n<start_of_turn>model\nHo<end_of_turn>", "Gemma"),
        ("<|system|>\nx</s>\n<|user|>\nHi</s>\n<|assistant|>\nHo</s>", "Zephyr"),
        ("<|im_start|>user<|im_sep|>Hi<|im_end|><|im_start|>assistant<|im_sep|>Ho<|im_end|>", "Phi-4"),
    ],
)
@pytest.mark.parametrize("key", ["text", "prompt", "formatted"])
def test_a_text_that_a_template_made_is_named_by_its_family(text: str, family: str, key: str) -> None:
    message = said({key: text, "split": "train"})

    assert f'"{key}" is already rendered with a ' in message
    assert family in message
    assert "rt.register_format" in message


@pytest.mark.parametrize(
    "text", ["<|im_start|>", "What does <|im_start|> mean?", "<|im_start|>user\nHi<|im_end|>"]
)
def test_a_text_with_a_mark_of_chatml_and_no_chat_is_refused_and_nothing_raises(text: str) -> None:
    assert "ChatML" in said({"text": text})


def test_a_text_without_the_marks_of_a_template_is_not_called_rendered() -> None:
    assert "rendered" not in said({"text": "Once upon a time [1] <b>there</b> was <user>"})


def test_flags_that_say_who_speaks_are_read() -> None:
    (conversation,) = rt.load([PIPPA])

    assert conversation.format == "named"
    assert [(m.role, m.text) for m in conversation.messages] == [
        ("assistant", "Hello "),
        ("user", "Hi"),
        ("assistant", "Well?"),
    ]
    assert not {"role.unknown", "role.missing"} & set(rt.load([PIPPA]).check().counts)


@pytest.mark.parametrize("key", ["messages", "conversations", "chat", "anything"])
def test_flags_are_read_under_any_key_with_the_names_of_the_speakers(key: str) -> None:
    (conversation,) = rt.load([{key: TAVERN, "system": "Be kind."}])

    assert [(m.role, m.name, m.text) for m in conversation.messages] == [
        ("system", None, "Be kind."),
        ("assistant", "Mara", "Hello"),
        ("user", "Kai", "Hi"),
        ("assistant", "Mara", "Well?"),
    ]


def test_a_file_of_one_record_with_flags_is_one_conversation(tmp_path: Path) -> None:
    (tmp_path / "one.json").write_text(json.dumps(PIPPA, indent=1))
    (tmp_path / "all.json").write_text(json.dumps([PIPPA, PIPPA]))

    assert [len(c.messages) for c in rt.load(tmp_path / "one.json")] == [3]
    assert [len(c.messages) for c in rt.load(tmp_path / "all.json")] == [3, 3]


def test_a_repair_changes_the_flagged_turn_where_it_stands() -> None:
    ds = rt.load([PIPPA])
    ds.check(select=["text.whitespace"]).repairs().apply()

    assert ds[0].raw["conversation"][0] == {"message": "Hello", "is_human": False}
    assert ds[0].raw["conversation"][1:] == PIPPA["conversation"][1:]


def test_flagged_turns_leave_as_messages(tmp_path: Path) -> None:
    rt.load([{"chat": TAVERN}]).export(tmp_path / "out.jsonl", "messages")
    (record,) = map(json.loads, (tmp_path / "out.jsonl").read_text().splitlines())

    assert [(m["role"], m["content"]) for m in record["messages"]] == [
        ("assistant", "Hello"),
        ("user", "Hi"),
        ("assistant", "Well?"),
    ]


def test_a_role_that_is_written_goes_before_a_flag() -> None:
    turn = {"role": "assistant", "content": "Hi", "is_user": True}
    (conversation,) = rt.load([{"messages": [turn]}])

    assert (conversation.format, conversation.messages[0].role) == ("messages", "assistant")


@pytest.mark.parametrize("flag", ["true", 1, None])
def test_a_flag_that_is_no_boolean_is_not_guessed(flag: Any) -> None:
    ds = rt.load(
        [{"conversation": [{"message": "Hi", "is_human": flag}, {"message": "Ho", "is_human": False}]}]
    )

    assert not any(m.role for c in ds for m in c.messages)


def test_a_note_of_sillytavern_is_not_guessed_to_be_anybodys_turn() -> None:
    note = {"name": "Note", "is_user": False, "is_system": True, "mes": "The chat was reset."}
    ds = rt.load([{"chat": [*TAVERN, note]}])

    assert [m.role for m in ds[0].messages] == ["assistant", "user", "assistant", None]
    assert ds.check().counts["role.unknown"] == 1


def test_a_sillytavern_file_says_that_it_is_one_chat_and_the_call_it_names_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "Mara.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in (HEAD, *TAVERN)))
    ds = rt.load(path)
    head, *rest = ds.check().issues["message"]

    assert len(ds) == 0
    assert "the first line of a SillyTavern chat" in head
    assert len(rest) == 3
    assert all(
        "one message a line: a SillyTavern chat" in line and "rt.load([{'chat': lines}])" in line
        for line in rest
    )
    lines = [json.loads(line) for line in path.read_text().splitlines()[1:]]
    assert [m.role for m in rt.load([{"chat": lines}])[0].messages] == ["assistant", "user", "assistant"]


# ---------------------------------------------------------------- a system that answers


def dialogue(answering: str = "SYSTEM", asking: str = "USER", times: int = 3) -> dict[str, Any]:
    return {
        "turns": [
            {"speaker": label, "utterance": f"{label} {n}"}
            for n in range(times)
            for label in (asking, answering)
        ]
    }


def test_a_system_that_answers_is_one_finding_with_the_call_that_reads_it() -> None:
    ds = rt.load([dialogue(), dialogue()])
    report = ds.check()

    assert report.counts["role.unknown"] == 1
    assert not {"order.no_assistant", "order.system_late", "order.system_repeat"} & set(report.counts)
    (message,) = report.issues.query("code == 'role.unknown'")["message"]
    assert "6 turns in 2 conversations" in message
    assert "roles={'SYSTEM': 'assistant'}" in message
    assert '--role "SYSTEM=assistant"' in message
    mapped = rt.load([dialogue(), dialogue()], roles={"SYSTEM": "assistant"})
    assert [m.role for m in mapped[0].messages] == ["user", "assistant"] * 3
    assert "role.unknown" not in mapped.check().counts


@pytest.mark.parametrize("unsafe", [False, True])
def test_no_repair_makes_a_system_prompt_of_an_answer(unsafe: bool) -> None:
    ds = rt.load([dialogue()])
    ds.check().repairs(unsafe=unsafe).apply()

    assert [turn["speaker"] for turn in ds[0].raw["turns"]] == ["user", "SYSTEM"] * 3


@settings(deadline=None, max_examples=60)
@given(st.lists(st.sampled_from(["USER", "SYSTEM", "assistant", "tool"]), min_size=1, max_size=8))
def test_only_a_system_that_speaks_in_turn_with_the_user_is_taken_for_the_answering_side(
    labels: list[str],
) -> None:
    record = {"messages": [{"role": label, "content": f"text {n}"} for n, label in enumerate(labels)]}
    found = "role.unknown" in rt.load([record]).check(ignore=["dup"]).counts

    in_turn = all(one != other for one, other in itertools.pairwise(labels))
    assert found == (set(labels) == {"USER", "SYSTEM"} and in_turn and labels[1:].count("SYSTEM") > 1)


def test_the_command_line_takes_the_call_it_is_given(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "woz.jsonl"
    path.write_text(json.dumps(dialogue()) + "\n")

    assert main(["check", str(path)]) == 1
    assert "SYSTEM=assistant" in capsys.readouterr().out
    assert main(["check", str(path), "--role", "SYSTEM=assistant"]) == 0
