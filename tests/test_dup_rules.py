"""What occurs more than once: whole conversations, dialogues, prompts, and prompts that are nearly the same."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

import rolethread_nb as rt

FAMILIES = ["dup", "prompt"]


def record(question: str, answer: str, system: str | None = None, **more: Any) -> dict[str, Any]:
    turns = [] if system is None else [{"role": "system", "content": system}]
    turns += [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    return {"messages": turns, **more}


def found(*records: dict[str, Any]) -> list[tuple[str, int | None]]:
    return [(i.code, i.conversation) for i in rt.load(list(records)).check(select=FAMILIES)]


LONG = "Tell me a story about a fox, please"


# ---------------------------------------------------------------- dialogues


def test_the_same_dialogue_under_another_prompt_names_the_first() -> None:
    records = [
        record("Hi", "Ho", "Be kind."),
        record("A", "B"),
        record("Hi", "Ho", "Sing."),
        record("Hi", "Ho"),
    ]
    report = rt.load(records).check(select="dup")

    assert [(i.code, i.conversation, i.severity, i.related) for i in report] == [
        ("dup.dialogue", 2, "info", [{"source": 0, "conversation": 0}]),
        ("dup.dialogue", 3, "info", [{"source": 0, "conversation": 0}]),
    ]


def test_what_is_an_exact_duplicate_is_said_once() -> None:
    one, two = record("Hi", "Ho", "Be kind."), record("Hi", "Ho", "Sing.")

    assert found(one, two, one, two) == [("dup.dialogue", 1), ("dup.exact", 2), ("dup.exact", 3)]
    assert found(one, {**one, "id": "x"}) == [("dup.exact", 1)]


def test_a_prompt_beside_the_turns_is_a_prompt() -> None:
    beside = [
        {"system": s, "conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Ho"}]}
        for s in "ab"
    ]

    assert found(*beside) == [("dup.dialogue", 1)]


def test_other_words_order_tools_or_label_make_another_dialogue() -> None:
    one = record("Hi", "Ho", "Be kind.")
    for other in (
        record("Hi", "Ho!", "Sing."),
        record("Ho", "Hi", "Sing."),
        record("Hi", "Ho", "Sing.", tools=[{"name": "f"}]),
        record("Hi", "Ho", "Sing.", label=True),
        {
            "messages": [
                {"role": "system", "content": "Sing."},
                {"role": "assistant", "content": "Hi"},
                {"role": "user", "content": "Ho"},
            ]
        },
        {"messages": [{"role": "system", "content": "Sing."}]},
    ):
        assert "dup.dialogue" not in {code for code, _ in found(one, other)}


def test_calls_are_part_of_a_dialogue() -> None:
    def called(name: str, system: str) -> dict[str, Any]:
        call = {
            "role": "assistant",
            "tool_calls": [{"id": "1", "function": {"name": name, "arguments": "{}"}}],
        }
        one = record("Hi", "Ho", system)
        one["messages"][2:2] = [call, {"role": "tool", "tool_call_id": "1", "content": "4"}]
        return one

    assert found(called("f", "Be kind."), called("g", "Sing.")) == []
    assert found(called("f", "Be kind."), called("f", "Sing.")) == [("dup.dialogue", 1)]


def test_blocks_do_not_matter() -> None:
    filler = [record(f"Question {n}", f"Answer {n} " + "word " * 200) for n in range(5000)]

    assert found(record("Hi", "Ho", "A"), *filler, record("Hi", "Ho", "B")) == [("dup.dialogue", 5001)]


# ---------------------------------------------------------------- one prompt, several answers


def test_prompts_with_several_answers_are_one_finding_that_names_them() -> None:
    records = [
        record(LONG, "Once."),
        record("x", "y"),
        record(LONG, "No."),
        record(LONG + "!", "a"),
        record(LONG + "!", "b"),
    ]
    (issue,) = rt.load(records).check(select="dup.prompt")

    assert (issue.conversation, issue.severity) == (None, "info")
    assert [place["conversation"] for place in issue.related] == [0, 2, 3, 4]
    assert (issue.evidence["groups"], issue.evidence["conversations"]) == (2, 4)
    assert issue.message == "4 conversations share 2 prompts and answer differently"


def test_short_prompts_other_system_prompts_and_equal_answers_do_not_count() -> None:
    assert found(record("How are you?", "Fine."), record("How are you?", "Well.")) == []
    assert (
        found(record(LONG, "Once.", "You are kind to everybody"), record(LONG, "No.", "Sing like a bird"))
        == []
    )
    assert found(record(LONG, "Once."), record(LONG, "Once.")) == [("dup.exact", 1)]


def test_pairs_and_thumbs_are_made_of_repeated_prompts() -> None:
    assert found(record(LONG, "Once.", label=True), record(LONG, "No.", label=False)) == []
    pairs = [{"prompt": LONG, "chosen": a, "rejected": b} for a, b in (("One.", "Two."), ("Two.", "Three."))]
    assert found(*pairs) == []


def test_a_completion_answers_its_whole_prompt() -> None:
    def packed(last: str, completion: str) -> dict[str, str]:
        return {"prompt": f"User: {LONG}\nBot: Once.\nUser: {last}\nBot:", "completion": completion}

    assert found(packed("And then?", " It ran."), packed("Why?", " So.")) == []
    assert found(packed("And then?", " It ran."), packed("And then?", " It sat.")) == [("dup.prompt", None)]


# ---------------------------------------------------------------- variants of system prompts

PROMPT = (
    "You are a patient teacher of physics. You explain one step at a time, ask what the learner thinks, and never give"
    " the whole answer away before the learner has tried it alone."
)


def variants(*prompts: str) -> list[Any]:
    records = [record(f"Q{n}", f"A{n}", prompt) for n, prompt in enumerate(prompts)]
    return list(rt.load(records).check(select="prompt"))


def test_a_pair_of_prompts_shows_its_word_diff() -> None:
    long = f"{PROMPT} When the learner is right, say so at once; when not, ask for a reason. End each reply with a question."
    other = long.replace("physics", "chemistry").replace("at once", "soon")
    (issue,) = variants(long, "You are a pirate.", other)

    assert issue.conversation is None
    assert [place["conversation"] for place in issue.related] == [0, 2]
    assert issue.evidence["diff"] == [
        {"before": "physics.", "after": "chemistry."},
        {"before": "at once;", "after": "soon;"},
    ]
    assert 0.8 <= issue.evidence["similarity"] < 1
    assert issue.evidence["threshold"] == 0.8


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("You are a helpful assistant.", "You are a helpful assistant"),
        ("You are a helpful assistant.", "you are a helpful  assistant."),
        ("你是一个乐于助人的助手，请用中文回答所有问题。", "你是一个乐于助人的助手，请用英文回答所有问题。"),
        ("تو یک دستیار مهربان هستی و کوتاه پاسخ می‌دهی.", "تو یک دستیار مهربان هستی و کوتاه پاسخ می‌دهی"),
    ],
)
def test_case_punctuation_and_one_word_in_many_make_variants(one: str, other: str) -> None:
    assert len(variants(one, other)) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("You are Kai, a pirate.", "You are Mara, a nurse."),
        (PROMPT, PROMPT),
        (PROMPT, "You are a patient teacher."),
        ("🙂", "🙃"),
        ("Be kind.", "Be terse."),
    ],
)
def test_other_prompts_and_equal_ones_are_no_variants(one: str, other: str) -> None:
    assert variants(one, other) == []


def test_each_group_of_variants_is_found_among_many_prompts() -> None:
    rng = random.Random(7)
    words = ["".join(rng.choices("abcdefghijklmnop", k=6)) for _ in range(3000)]
    shared = " ".join(rng.choices(words, k=200))
    prompts = [f"{shared} {' '.join(rng.choices(words, k=200))}" for _ in range(600)]
    prompts += [prompt.replace(prompt.split()[300], "changed", 1) for prompt in prompts[:40]]
    issues = variants(*prompts)

    assert [i.evidence["variants"] for i in issues] == [2] * 40
    assert all(i.evidence["diff"][0]["after"] == "changed" for i in issues)


def test_what_differs_is_said_of_the_largest_groups_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rolethread_nb.checks.prompts._EXPLAINED", 3)
    words = "alpha bravo carbon delta ember falcon gravel harbour island jasmine kettle lantern".split()
    prompts = [
        f"{' '.join(f'{word}{n}' for word in words)} {end}" for n in range(10) for end in ("one", "two")
    ]
    issues = variants(*prompts, prompts[-1])

    assert len(issues) == 10
    explained = [issue for issue in issues if issue.evidence["diff"]]
    assert len(explained) == 3
    assert explained[-1].evidence["diff"] == [{"before": "one", "after": "two"}]
    assert any(issue.evidence["conversations"] == 3 for issue in explained)


def test_a_template_filled_in_is_one_group() -> None:
    (issue,) = variants(*(f"{PROMPT} The learner is called Kai{n}." for n in range(300)))

    assert issue.evidence["variants"] == 300
    assert len(issue.related) == 300


def test_the_threshold_is_kept_and_the_result_is_the_same_each_time() -> None:
    prompts = [f"{PROMPT} {' '.join(f'w{n}' for n in range(extra))}" for extra in range(0, 60, 3)]
    once, again = variants(*prompts), variants(*prompts)

    assert once
    assert [i.as_dict() for i in once] == [i.as_dict() for i in again]
    assert all(i.evidence["similarity"] >= i.evidence["threshold"] for i in once)


def test_very_long_and_very_repetitive_prompts_cost_nothing() -> None:
    many = " ".join(f"w{n % 500}" for n in range(40_000))
    (issue,) = variants("word " * 40_000, many, many + " end", "a b " * 20_000, "b a " * 20_000 + "c")

    assert [place["conversation"] for place in issue.related] == [1, 2]
    assert issue.evidence["diff"] == [{"before": "", "after": "end"}]


# ---------------------------------------------------------------- real data


def test_glaive_repeats_35_records_and_one_prompt(shared_data: Path) -> None:
    report = rt.load(shared_data / "sharegpt_glaive_toolcall.json").check(select=FAMILIES)

    assert report.counts == {"dup.exact": 35, "dup.prompt": 1, "dup.near": 17}
    (prompt,) = [i for i in report if i.code == "dup.prompt"]
    assert [place["conversation"] for place in prompt.related] == [59, 164, 236]


def test_the_tutor_repeats_8_records(shared_data: Path) -> None:
    report = rt.load(shared_data / "completion_tutor_transcripts.jsonl").check(select=FAMILIES)

    assert report.counts["dup.exact"] == 8
    assert "dup.dialogue" not in report.counts


def test_repeated_prompts_in_pairs_are_no_finding_of_their_own(shared_data: Path) -> None:
    report = rt.load(shared_data / "preference_dpo_en_sharegpt.json").check(select=FAMILIES)
    pairs = {i.conversation: i.evidence["first"] for i in report if i.code == "dup.exact"}

    assert set(report.counts) == {"dup.exact"}
    assert pairs == {157: 13, 186: 111, 230: 84, 248: 28, 275: 117}


def test_untranslated_examples_under_two_prompts_are_found(shared_data: Path) -> None:
    report = rt.load(shared_data / "rtl_persona_agents_ar_fa.jsonl.gz").check(select="dup.dialogue")

    assert report.counts == {"dup.dialogue": 10}
    for issue in report:
        assert issue.evidence["first"] == (issue.conversation or 0) - 1  # Arabic, then Persian
