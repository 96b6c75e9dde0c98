"""Layouts: whatever the turns are called and wherever they stand, they are read, and what is not known is said."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rolethread_nb as rt

U, A = {"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}
H, G = {"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Ho"}
BAD = {"role": "assistant", "content": "Meh"}
HI_HO = [("user", "Hi"), ("assistant", "Ho")]

# record, format, turns as (role, text), pointers of their contents
LAYOUTS: dict[str, tuple[Any, str, list[tuple[str, str]], list[str]]] = {
    "messages": ({"messages": [U, A]}, "messages", HI_HO, ["/messages/0/content", "/messages/1/content"]),
    "sharegpt": (
        {"conversations": [H, G]},
        "sharegpt",
        HI_HO,
        ["/conversations/0/value", "/conversations/1/value"],
    ),
    "sharegpt with markdown": (
        {
            "conversations": [
                {"from": "human", "text": "Hi", "markdown": None},
                {"from": "gpt", "text": None, "markdown": "Ho"},
            ]
        },
        "sharegpt",
        HI_HO,
        ["/conversations/0/text", "/conversations/1/markdown"],
    ),
    "a text beside null": (
        {"messages": [{"role": "user", "content": None, "text": "Hi"}, A]},
        "messages",
        HI_HO,
        ["/messages/0/text", "/messages/1/content"],
    ),
    "bare": ([U, A], "bare", HI_HO, ["/0/content", "/1/content"]),
    "alpaca": (
        {"instruction": "Hi", "input": "", "output": "Ho"},
        "alpaca",
        HI_HO,
        ["/instruction", "/output"],
    ),
    "alpaca with response": (
        {"instruction": "Hi", "response": "Ho"},
        "alpaca",
        HI_HO,
        ["/instruction", "/response"],
    ),
    "alpaca with input": (
        {"instruction": "Add.", "input": "1 2", "output": "3"},
        "alpaca",
        [("user", "Add.\n1 2"), ("assistant", "3")],
        ["/instruction", "/output"],
    ),
    "alpaca with system and history": (
        {"instruction": "Hi", "input": "", "output": "Ho", "system": "Be kind.", "history": [["a", "b"]]},
        "alpaca",
        [("system", "Be kind."), ("user", "a"), ("assistant", "b"), *HI_HO],
        ["/system", "/history/0/0", "/history/0/1", "/instruction", "/output"],
    ),
    "dolly": (
        {"instruction": "Hi", "context": "", "response": "Ho", "category": "x"},
        "alpaca",
        HI_HO,
        ["/instruction", "/response"],
    ),
    "prompt and completion": (
        {"prompt": "Hi", "completion": "Ho"},
        "prompt-completion",
        HI_HO,
        ["/prompt", "/completion"],
    ),
    "prompt and completion as messages": (
        {"prompt": [U], "completion": [A]},
        "prompt-completion",
        HI_HO,
        ["/prompt/0/content", "/completion/0/content"],
    ),
    "question and answer": (
        {"question": "Hi", "answer": "Ho"},
        "prompt-completion",
        HI_HO,
        ["/question", "/answer"],
    ),
    "a packed prompt": (
        {"prompt": "Be kind.\nUser: Hi\nTIM: Ho\nUser: More?\nTIM:", "completion": " Yes"},
        "prompt-completion",
        [("system", "Be kind."), *HI_HO, ("user", "More?"), ("assistant", " Yes")],
        ["/prompt", "/prompt", "/prompt", "/prompt", "/completion"],
    ),
    "a prompt that only ends with a colon": (
        {"prompt": "Passage: x\nQuestion: Why?\nAnswer:", "completion": "So."},
        "prompt-completion",
        [("user", "Passage: x\nQuestion: Why?\nAnswer:"), ("assistant", "So.")],
        ["/prompt", "/completion"],
    ),
    "query and response": (
        {"query": "Hi", "response": "Ho", "history": [["a", "b"]]},
        "query-response",
        [("user", "a"), ("assistant", "b"), *HI_HO],
        ["/history/0/0", "/history/0/1", "/query", "/response"],
    ),
    "pairs under a key": (
        {"conversation": [{"system": "S", "input": "Hi", "output": "Ho"}, {"input": "a", "output": "b"}]},
        "pairs",
        [("system", "S"), *HI_HO, ("user", "a"), ("assistant", "b")],
        [f"/conversation/{n}" for n in ("0/system", "0/input", "0/output", "1/input", "1/output")],
    ),
    "pairs by themselves": (
        [{"system": "S", "input": "Hi", "output": "Ho"}],
        "pairs",
        [("system", "S"), *HI_HO],
        ["/0/system", "/0/input", "/0/output"],
    ),
    "pairs of texts": (
        {"conversations": [["Hi", "Ho"], ["a", "b"]]},
        "pairs",
        [*HI_HO, ("user", "a"), ("assistant", "b")],
        ["/conversations/0/0", "/conversations/0/1", "/conversations/1/0", "/conversations/1/1"],
    ),
    "dialog": ({"id": "1", "dialog": [U, A]}, "named", HI_HO, ["/dialog/0/content", "/dialog/1/content"]),
    "a turn list under another key": (
        {"traj": [U, A], "tools": []},
        "named",
        HI_HO,
        ["/traj/0/content", "/traj/1/content"],
    ),
    "an unheard-of key": ({"x/y": [U, A]}, "named", HI_HO, ["/x~1y/0/content", "/x~1y/1/content"]),
    "speaker and utterance": (
        {"turns": [{"speaker": "USER", "utterance": "Hi"}, {"speaker": "SYSTEM", "utterance": "Ho"}]},
        "named",
        [("user", "Hi"), ("system", "Ho")],
        ["/turns/0/utterance", "/turns/1/utterance"],
    ),
    "agent and message": (
        {"content": [{"agent": "user", "message": "Hi"}, {"agent": "assistant", "message": "Ho"}]},
        "named",
        HI_HO,
        ["/content/0/message", "/content/1/message"],
    ),
    "sentences": (
        {
            "dialogue": [
                {"speaker": "user", "sentences": ["Hi", "there"]},
                {"speaker": "assistant", "sentences": ["Ho"]},
            ]
        },
        "named",
        [("user", "Hi\nthere"), ("assistant", "Ho")],
        ["/dialogue/0/sentences/0", "/dialogue/1/sentences/0"],
    ),
    "a transcript": (
        {"text": "User: Hi\nAssistant: Ho\n"},
        "transcript",
        HI_HO,
        ["/text", "/text"],
    ),
    "a transcript with headings": (
        {"text": "### Human: Hi### Assistant: Ho"},
        "transcript",
        HI_HO,
        ["/text", "/text"],
    ),
    "a transcript in ChatML": (
        {
            "text": "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nHo<|im_end|>\n"
        },
        "transcript",
        [("system", "S"), *HI_HO],
        ["/text", "/text", "/text"],
    ),
    "kto": (
        {"messages": [U, A], "label": True},
        "kto",
        HI_HO,
        ["/messages/0/content", "/messages/1/content"],
    ),
    "kto of TRL": (
        {"prompt": "Hi", "completion": "Ho", "label": False},
        "kto",
        HI_HO,
        ["/prompt", "/completion"],
    ),
    "preference with an explicit prompt": (
        {"prompt": [U], "chosen": [A], "rejected": [BAD]},
        "preference",
        [*HI_HO, ("assistant", "Meh")],
        ["/prompt/0/content", "/chosen/0/content", "/rejected/0/content"],
    ),
    "preference of texts": (
        {"prompt": "Hi", "chosen": "Ho", "rejected": "Meh"},
        "preference",
        [*HI_HO, ("assistant", "Meh")],
        ["/prompt", "/chosen", "/rejected"],
    ),
    "preference with an implicit prompt": (
        {"chosen": [U, A], "rejected": [U, BAD]},
        "preference",
        [*HI_HO, ("assistant", "Meh")],
        ["/chosen/0/content", "/chosen/1/content", "/rejected/1/content"],
    ),
    "preference with its prompt twice": (
        {"prompt": "Hi", "chosen": [U, A], "rejected": [U, BAD]},
        "preference",
        [*HI_HO, ("assistant", "Meh")],
        ["/chosen/0/content", "/chosen/1/content", "/rejected/1/content"],
    ),
    "preference of LLaMA-Factory": (
        {"conversations": [H], "chosen": G, "rejected": {"from": "gpt", "value": "Meh"}},
        "preference",
        [*HI_HO, ("assistant", "Meh")],
        ["/conversations/0/value", "/chosen/value", "/rejected/value"],
    ),
    "preference of OpenAI": (
        {"input": {"messages": [U], "tools": []}, "preferred_output": [A], "non_preferred_output": [BAD]},
        "preference",
        [*HI_HO, ("assistant", "Meh")],
        ["/input/messages/0/content", "/preferred_output/0/content", "/non_preferred_output/0/content"],
    ),
    "preference of lists of one text": (
        {"prompt": ["Hi"], "chosen": ["Ho"], "rejected": ["Meh"]},
        "preference",
        [*HI_HO, ("assistant", "Meh")],
        ["/prompt/0", "/chosen/0", "/rejected/0"],
    ),
    "preference of packed texts": (
        {"chosen": "\n\nHuman: Hi\n\nAssistant: Ho", "rejected": "\n\nHuman: Hi\n\nAssistant: Meh"},
        "preference",
        [*HI_HO, ("assistant", "Meh")],
        ["/chosen", "/chosen", "/rejected"],
    ),
    "speaker and text in pairs": (
        {"messages": [["user", "Hi"], ["assistant", "Ho"]]},
        "pairs",
        HI_HO,
        ["/messages/0/1", "/messages/1/1"],
    ),
    "turns named by their role": (
        {"turns": [{"user": "Hi"}, {"assistant": "Ho"}]},
        "named",
        HI_HO,
        ["/turns/0/user", "/turns/1/assistant"],
    ),
    "other names for role and text under messages": (
        {"messages": [{"author": "user", "message": "Hi"}, {"author": "assistant", "message": "Ho"}]},
        "named",
        HI_HO,
        ["/messages/0/message", "/messages/1/message"],
    ),
    "question, context and answer": (
        {"context": "Paris is big.", "question": "What is big?", "answer": "Paris."},
        "prompt-completion",
        [("user", "Paris is big.\nWhat is big?"), ("assistant", "Paris.")],
        ["/context", "/answer"],
    ),
    "a prompt, a question and a response": (
        {"system_prompt": "S", "question": "Hi", "response": "Ho"},
        "prompt-completion",
        [("system", "S"), *HI_HO],
        ["/system_prompt", "/question", "/response"],
    ),
    "examples in a prompt": (
        {"prompt": "English: cat\nFrench: chat\nEnglish: dog\nFrench:", "completion": "chien"},
        "prompt-completion",
        [("user", "English: cat\nFrench: chat\nEnglish: dog\nFrench:"), ("assistant", "chien")],
        ["/prompt", "/completion"],
    ),
    "a tool in a transcript": (
        {"chat": "USER: Hi\n\n\nASSISTANT: Wait.\n\n\nFUNCTION RESPONSE: {}\n\n\nASSISTANT: Ho"},
        "transcript",
        [("user", "Hi"), ("assistant", "Wait."), ("tool", "{}"), ("assistant", "Ho")],
        ["/chat", "/chat", "/chat", "/chat"],
    ),
    "messages beat an instruction": (
        {"instruction": "x", "output": "y", "messages": [U, A]},
        "messages",
        HI_HO,
        ["/messages/0/content", "/messages/1/content"],
    ),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_layout_is_read(name: str) -> None:
    record, form, turns, pointers = LAYOUTS[name]
    (conversation,) = rt.load([record])

    assert conversation.format == form
    assert [(m.role, m.text) for m in conversation] == turns
    assert [m.pointer_at(0) for m in conversation] == pointers
    assert conversation.raw == record


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_sound_conversation_has_no_finding_in_any_layout(name: str) -> None:
    record, _, turns, _ = LAYOUTS[name]
    if ("assistant", " Yes") in turns or ("system", "Ho") in turns:
        return  # a completion's leading blank, a speaker called SYSTEM: cases of their own
    assert rt.load([record]).check(ignore=["leak"]).counts == {}


def test_a_repair_changes_the_string_it_stands_in_and_nothing_else() -> None:
    record = b'{"n": 1.10, "prompt": "User:  Hi \\nTIM: Ho\\nUser: So? \\nTIM:" , "completion": " Yes "}'
    dataset = rt.load(record)
    dataset.check(select="text.whitespace").repairs().apply()

    changed = dataset.record_bytes(0, 0)
    assert changed is not None
    assert changed.startswith(
        b'{"n": 1.10, "prompt": "User: Hi\\nTIM: Ho\\nUser: So?\\nTIM:" , "completion": "'
    )
    assert not dataset.check(select="text.whitespace").counts


def test_the_sides_of_a_pair_are_told_apart_and_order_is_judged_on_the_chosen_one() -> None:
    record = {"prompt": [U], "chosen": [A, U, A], "rejected": [BAD, BAD]}
    dataset = rt.load([record])

    assert [m.side for m in dataset[0]] == [None, "chosen", "chosen", "chosen", "rejected", "rejected"]
    assert dataset.check(select="order").counts == {}
    assert dataset.turns()["trained"].tolist() == [False, True, False, True, False, False]


@pytest.mark.parametrize("prompt", [[U], "Say it."])
def test_a_prompt_alone_lacks_no_answer(prompt: Any) -> None:
    dataset = rt.load([{"prompt": prompt, "completion": None}, {"prompt": [U], "answer_hash": "x"}])
    alone = dataset[1]

    assert [m.role for m in alone] == ["user"]
    assert not [i for i in dataset.check(select="order") if i.conversation == 1]


REFUSED: list[tuple[Any, str]] = [
    ({"mapping": {"a": {"message": None, "children": []}}}, "a tree of messages"),
    ({"dialog": ["Hi", "Ho"], "act": [1, 2]}, "parallel lists"),
    ({"roles": ["user", "assistant"], "texts": ["Hi", "Ho"]}, "parallel lists"),
    ({"chosen": "a", "prompt": "b"}, "half of a preference pair"),
    (
        {"chosen": ["Hi", "Ho"], "rejected": ["Hi", "Meh"]},
        "chosen and rejected are lists of texts, which do not say who speaks",
    ),
    (
        {"prompt": "Hi", "chosen": ["Ho", "So"], "rejected": "Meh"},
        "chosen is a list of texts, which do not say who speaks",
    ),
    (
        {"prompt": ["Hi", "Ho"], "preferred_output": "So", "non_preferred_output": "Meh"},
        "prompt is a list of texts, which do not say who speaks",
    ),
    ({"messages": "Hi"}, "messages is a text"),
    (
        {"conversations": ["Hi", "Ho"], "source": "x"},
        "conversations is a list of texts, which do not say who speaks",
    ),
    ({"question": "Q", "answers": ["A"], "history": [["x", "y"]]}, "no list of turns"),
    ({"text": "Once upon a time there was a user: me."}, 'the keys are "text"'),
]


@pytest.mark.parametrize(("record", "says"), REFUSED)
def test_what_is_not_known_is_refused_with_the_keys_it_has(record: dict[str, Any], says: str) -> None:
    dataset = rt.load([record])
    (issue,) = dataset.check(select="record.no_messages")

    assert len(dataset) == 0
    assert says in issue.message
    assert all(f'"{key}"' in issue.message or key in issue.message for key in record)


@pytest.mark.parametrize(
    "record",
    [
        {"log": [{"who's": "user", "said": "Hi, you there"}, {"who's": "assistant", "said": "Ho, yes I am"}]},
        {"ask": "Hi", "reply": "Ho"},
    ],
)
def test_the_refusal_prints_the_call_that_reads_the_record(record: dict[str, Any]) -> None:
    (issue,) = rt.load([record]).check(select="record.no_messages")
    call = issue.message.partition("load(..., fields=")[2].partition(")")[0]
    (conversation,) = rt.load([record], fields=eval(call, {"__builtins__": {}}))  # noqa: S307 - the test's own text

    assert [m.role for m in conversation] == ["user", "assistant"]


def test_two_turn_lists_side_by_side_are_said() -> None:
    dataset = rt.load([{"messages": [U, A], "conversations": [H]}, {"dialog": [U, A], "draft": [U]}])
    found = [(i.evidence["keys"], i.evidence["read"]) for i in dataset.check(select="record.ambiguous")]

    assert found == [(["messages", "conversations"], "messages"), (["dialog", "draft"], "dialog")]


PERSONA: dict[str, tuple[Any, dict[str, str], str]] = {
    "messages": ({"messages": [U, A]}, {}, "messages"),
    "sharegpt": ({"conversations": [H, G]}, {}, "sharegpt"),
    "a named list": ({"dialog": [U, A]}, {}, "named"),
    "a list that is named by hand": ({"x/y": [U, A]}, {"messages": "x/y"}, "named"),
    "turns named by their role": ({"turns": [{"user": "Hi"}, {"assistant": "Ho"}]}, {}, "named"),
    "sentences": (
        {
            "dialogue": [
                {"speaker": "user", "sentences": ["Hi"]},
                {"speaker": "assistant", "sentences": ["Ho"]},
            ]
        },
        {},
        "named",
    ),
    "two halves": ({"prompt": "Hi", "completion": "Ho"}, {}, "prompt-completion"),
    "two halves that are named by hand": (
        {"ask": "Hi", "reply": "Ho"},
        {"prompt": "ask", "completion": "reply"},
        "prompt-completion",
    ),
    "alpaca": ({"instruction": "Hi", "input": "", "output": "Ho"}, {}, "alpaca"),
    "query and response": ({"query": "Hi", "response": "Ho"}, {}, "query-response"),
    "pairs": ({"conversation": [{"input": "Hi", "output": "Ho"}]}, {}, "pairs"),
    "a transcript": ({"text": "User: Hi\nAssistant: Ho"}, {}, "transcript"),
    "kto": ({"messages": [U, A], "label": True}, {}, "kto"),
    "a preference pair": ({"prompt": "Hi", "chosen": "Ho", "rejected": "Meh"}, {}, "preference"),
}


@pytest.mark.parametrize("key", ["persona", "a/b~c"])
@pytest.mark.parametrize("name", PERSONA)
def test_a_system_prompt_under_a_key_of_ones_own_is_the_first_turn_and_is_repaired_there(
    name: str, key: str
) -> None:
    record, fields, form = PERSONA[name]
    dataset = rt.load([{"n": 1, key: "Be kind. ", **record}], fields={**fields, "system": key})
    place = "/" + key.replace("~", "~0").replace("/", "~1")

    assert dataset[0].format == form
    assert [(m.role, m.text) for m in dataset[0]][:3] == [("system", "Be kind. "), *HI_HO]
    assert [m.role for m in dataset[0]] == dataset.turns()["role"].tolist()
    assert dataset[0].messages[0].pointer_at(0) == dataset[0].messages[0].content_pointer == place
    report = dataset.check(select="text.whitespace")
    assert [(issue.turn, issue.path) for issue in report] == [(0, place)]
    report.repairs().apply()
    assert dataset[0].raw == {"n": 1, key: "Be kind.", **record}


def test_the_key_of_the_system_prompt_is_part_of_nothing_else() -> None:
    record = {"instruction": "Be kind.", "input": "Hi", "output": "Ho"}
    (conversation,) = rt.load([record], fields={"system": "instruction"})

    assert [(m.role, m.text) for m in conversation] == [("system", "Be kind."), *HI_HO]


@pytest.mark.parametrize(
    ("beside", "system"),
    [
        ({"persona": "P", "system": "S"}, ["P"]),
        ({"system": "S"}, ["S"]),
        ({"persona": "", "system": "S"}, ["S"]),
        ({"persona": None}, []),
        ({"persona": ["P"]}, []),
        ({}, []),
    ],
)
@pytest.mark.parametrize("turns", [{"messages": [U, A]}, {"prompt": "Hi", "completion": "Ho"}])
def test_the_named_key_of_the_system_prompt_comes_before_the_usual_one(
    beside: dict[str, Any], system: list[str], turns: dict[str, Any]
) -> None:
    dataset = rt.load([{**turns, **beside}], fields={"system": "persona"})

    assert [(m.role, m.text) for m in dataset[0]] == [*(("system", text) for text in system), *HI_HO]
    assert dataset[0].raw == {**turns, **beside}


def test_conversations_that_differ_in_their_system_prompt_are_no_duplicates() -> None:
    turns = [{**U, "mood": 1}, A]
    dataset = rt.load([{"persona": name, "messages": turns} for name in "PQP"], fields={"system": "persona"})

    assert [issue.conversation for issue in dataset.check(select="dup.exact")] == [2]


def test_a_system_prompt_under_a_key_of_ones_own_is_no_key_beside_the_turns() -> None:
    records = [{"a/b": said, "system": "S", "messages": [U, A]} for said in ("P", "Q")]
    before, after = (rt.load([record], fields={"system": "a/b"}) for record in records)

    assert [pair.what for pair in rt.compare(before, after).changes()] == [("turns",)]


def test_the_one_layout_that_is_asked_for_stays_the_one() -> None:
    record = {"persona": "P", "prompt": "Hi", "completion": "Ho"}

    assert len(rt.load([record], format="messages", fields={"system": "persona"})) == 0


def test_a_system_prompt_beside_sentences_is_a_turn_of_the_table_as_well() -> None:
    turns = [{"speaker": "user", "sentences": ["Hi"]}, {"speaker": "assistant", "sentences": ["Ho"]}]
    dataset = rt.load([{"system": "S", "dialogue": turns}])

    assert [m.text for m in dataset[0]] == dataset.turns()["text"].tolist() == ["S", "Hi", "Ho"]


def test_what_stands_as_the_system_prompt_of_a_pair_and_is_no_text_is_no_turn() -> None:
    (conversation,) = rt.load([{"system": ["S"], "chosen": [U, A], "rejected": [U, BAD]}])

    assert [m.text for m in conversation] == ["Hi", "Ho", "Meh"]


KEYS = (
    "messages conversations conversation dialog turns text prompt completion response instruction input output query history"
    " chosen rejected preferred_output non_preferred_output label system role from content value sentences speaker question answer"
).split()
TEXTS = st.sampled_from(
    ["", "Hi", "User: Hi\nAssistant: Ho", "User: Hi\nTIM:", "\n\nHuman: a\n\nAssistant:", "a: b:\n c:", ":"]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=3),
    max_leaves=12,
)


@given(st.lists(VALUES | st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=4), max_size=4))
def test_no_record_makes_it_fail_and_the_table_says_what_the_messages_say(records: list[Any]) -> None:
    dataset = rt.load([{}, *records])
    dataset.check().to_json()
    (block,) = list(dataset.blocks()) or [None]
    if block is None:
        return
    rows = block.turns.select("conversation", "role", "role_raw", "text", "side", "speaker").rows()
    expected = [
        (at, m.role, m.role_raw, m.text, m.side, m.name)
        for at in range(len(block))
        for m in block.conversation(at).messages
    ]
    assert rows == expected
    for conversation in dataset:
        for message in conversation:
            for part in message.parts:
                assert part.text in part.whole


@pytest.mark.parametrize("name", LAYOUTS)
def test_one_message_alone_is_the_one_among_all(name: str) -> None:
    (conversation,) = rt.load([LAYOUTS[name][0]])
    (other,) = rt.load([LAYOUTS[name][0]])

    assert [other.message(turn) for turn in range(len(conversation))] == conversation.messages
