"""Repairs: they change what they say and nothing else, twice is once, and every step can be taken back."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from conftest import real_files
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import rolethread_nb as rt
from rolethread_nb.core import splice

relaxed = settings(deadline=None, suppress_health_check=list(HealthCheck))

CONTENTS: list[Any] = [
    "Hi",
    " Hi \n",
    "",
    "\u200b ",
    None,
    5,
    "MarÃ\u00ada",
    "voilÃ\u00a0",
    "zero\u200bwidth\u00a0",
    "Yes.<|im_end|>",
    "{{char}} smiles",
    "a\u2028b",
    "\ud83d",
    [],
    [
        {"type": "text", "text": " one "},
        {"type": "text", "text": "tw\u200bo"},
        {"type": "image_url", "image_url": {}},
    ],
    [" x "],
]
TURNS = st.one_of(
    st.builds(
        lambda role, content, extra: {"role": role, "content": content, **extra},
        st.sampled_from(["system", "user", "assistant", "User", "bot", "human", "tool", "Mara", ""]),
        st.sampled_from(CONTENTS),
        st.sampled_from(
            [{}, {}, {}, {"name": "Kai"}, {"mood": 1}, {"tool_calls": [{"function": {"name": "f"}}]}]
        ),
    ),
    st.sampled_from([None, "role:", {}, {"role": "user"}, [{"role": "user", "content": " x "}]]),
)
RECORDS = st.builds(
    lambda turns, extra: {**extra, "messages": turns},
    st.lists(TURNS, max_size=6),
    st.sampled_from([{}, {}, {"id": "a"}, {"system": "Be kind. "}, {"n": 123456789012345678901234567890}]),
)


def user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


def reply(content: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": content}


def repaired(messages: list[Any], **how: Any) -> list[tuple[str, Any]]:
    """Roles and contents of a conversation after its repairs, unsafe ones included."""
    dataset = rt.load([{"messages": messages}])
    dataset.check().repairs(unsafe=True, **how).apply()
    return [(message["role"], message["content"]) for message in dataset[0].raw["messages"]]


def as_it_is(dataset: rt.Dataset) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        dataset.export(Path(folder) / "out.jsonl", "same")
        return (Path(folder) / "out.jsonl").read_bytes()


def serious(report: rt.Report) -> set[tuple[Any, ...]]:
    return {(i.code, i.conversation) for i in report if i.severity == "error"}


@settings(relaxed, max_examples=120)
@given(st.lists(RECORDS, min_size=1, max_size=3))
def test_safe_repairs_leave_nothing_to_repair_and_nothing_worse(made: list[Any]) -> None:
    dataset = rt.load(made)
    before = dataset.check()
    source = as_it_is(dataset)
    plan = before.repairs()
    mended = {(repair.code, repair.conversation) for repair in plan}

    plan.apply()
    after = dataset.check()

    assert not {(i.code, i.conversation) for i in after} & mended
    assert serious(after) <= serious(before)
    assert len(after.repairs()) == 0
    assert [len(c) for c in dataset] == [len(c) for c in rt.load(made)]
    if plan.counts:
        done = as_it_is(dataset)
        assert dataset.undo() is not None
        assert as_it_is(dataset) == source
        assert dataset.redo() is not None
        assert as_it_is(dataset) == done
    assert len(dataset.check().repairs()) == 0


@settings(relaxed, max_examples=120)
@given(st.lists(RECORDS, min_size=1, max_size=3))
def test_unsafe_repairs_come_to_an_end_and_can_be_taken_back(made: list[Any]) -> None:
    dataset = rt.load(made)
    source = as_it_is(dataset)
    steps = 0
    while len(plan := dataset.check().repairs(unsafe=True)):
        assert str(plan.preview(limit=len(plan)))
        plan.apply()
        steps += 1
        assert steps < 10
    while dataset.undo():
        steps -= 1

    assert steps == 0
    assert as_it_is(dataset) == source


@settings(relaxed, max_examples=80)
@given(RECORDS)
def test_unsafe_repairs_lose_no_visible_text_but_what_they_name(record: dict[str, Any]) -> None:
    record["messages"] = [
        {**turn, "content": f"t{at}{turn['content']}"}
        if isinstance(turn, dict)
        and isinstance(turn.get("content"), str)
        and turn["content"].strip(" \u200b\n")
        else turn
        for at, turn in enumerate(record["messages"])
    ]
    dataset = rt.load([record])
    report = dataset.check()
    plan = report.repairs(
        unsafe=True, select=["turn.empty", "order.repeat", "order.system_late", "order.system_repeat"]
    )
    if not len(dataset):  # turns that are nothing but texts may be no conversation at all
        return
    if dataset[0].messages:
        plan.apply()
    kept = json.dumps(dataset[0].raw, ensure_ascii=False)

    for at, turn in enumerate(record["messages"]):
        if (
            isinstance(turn, dict)
            and isinstance(turn.get("content"), str)
            and turn["content"].startswith(f"t{at}")
        ):
            assert f"t{at}" in kept


@pytest.mark.parametrize("path", real_files(), ids=lambda path: path.name)
def test_real_files_are_repaired_once_and_come_back(path: Path) -> None:
    dataset = rt.load(path, review=False)
    before = dataset.check()
    source = as_it_is(dataset)
    plan = before.repairs()
    plan.apply()
    after = dataset.check()

    assert not set(plan.counts) & set(after.counts)
    assert serious(after) == serious(before)
    new = Counter(i.code for i in after if i.severity == "warning")
    new -= Counter(i.code for i in before if i.severity == "warning")
    assert set(new) <= {"dup.exact", "dup.near"}  # what differed in blanks alone is now equal
    if len(plan):
        dataset.undo()
    assert as_it_is(dataset) == source


# ---------------------------------------------------------------- turns that go, turns that stay


def test_dropping_an_empty_turn_takes_no_other_along() -> None:
    assert repaired([user("a"), user(""), reply("b")]) == [("user", "a"), ("assistant", "b")]
    assert repaired([user("a"), user(""), user("c"), reply("d")]) == [("user", "a\n\nc"), ("assistant", "d")]
    assert repaired([user("a"), reply("b"), user("")]) == [("user", "a"), ("assistant", "b")]


def test_turns_of_two_roles_are_never_merged() -> None:
    assert repaired([user("a"), reply(""), reply("b")]) == [("user", "a"), ("assistant", "b")]


def test_a_tail_is_dropped_only_behind_a_reply() -> None:
    assert repaired([user("a"), reply("b"), user("c"), user("d")]) == [("user", "a"), ("assistant", "b")]
    assert repaired([user("a"), reply(""), user("b")], select=["turn", "order.last_not_assistant"]) == [
        ("user", "a"),
        ("assistant", ""),  # without it there would be no reply at all, which is an error
    ]


def test_runs_become_one_turn_each() -> None:
    assert repaired([user("a"), user("b"), user("c"), reply("d"), reply("e")]) == [
        ("user", "a\n\nb\n\nc"),
        ("assistant", "d\n\ne"),
    ]


def test_late_system_prompts_go_to_the_first_one_once() -> None:
    turns = [{"role": "system", "content": "s"}, user("a"), {"role": "system", "content": "t"}, reply("b")]

    assert repaired(turns) == [("system", "s\n\nt"), ("user", "a"), ("assistant", "b")]


# ---------------------------------------------------------------- what changes, to the byte


def test_only_the_bytes_of_the_repaired_value_change() -> None:
    line = (
        b'{ "n":123456789012345678901234567890 , "x": 1.10,\t"messages" : [ {"role":"USER" ,"content":"caf\\u00e9 "},'
        b'{"role":"assistant","content":"Ho"} ] , "z":[1,2] }'
    )
    dataset = rt.load(line)
    dataset.check().repairs().apply()

    assert as_it_is(dataset) == line.replace(b'"USER"', b'"user"').replace(b'"caf\\u00e9 "', b'"caf\\u00e9"')


def test_a_record_that_escapes_keeps_escaping_and_one_that_does_not_does_not() -> None:
    for content in ('"Gr\\u00f6\\u00dfe\\u200b"', '"Größe\u200b"'):
        line = f'{{"messages": [{{"role": "user", "content": {content}}}, {{"role": "assistant", "content": "Ho"}}]}}'
        dataset = rt.load(line.encode())
        dataset.check().repairs().apply()

        expected = line.replace("\\u200b", "").replace("\u200b", "")
        assert as_it_is(dataset).decode() == expected


def test_line_separators_become_escapes_and_the_text_stays() -> None:
    data = '{"messages": [{"role": "user", "content": "a\u2028b\x85c"}, {"role": "assistant", "content": "Ho"}]}\n'.encode()
    dataset = rt.load(data)
    text = dataset[0].messages[0].text
    dataset.check().repairs().apply()

    assert dataset[0].messages[0].text == text
    assert as_it_is(dataset) == data.replace("\u2028".encode(), b"\\u2028").replace(
        "\x85".encode(), b"\\u0085"
    )


def test_a_byte_order_mark_is_left_out_and_comes_back() -> None:
    data = b'\xef\xbb\xbf{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}]}\n'
    dataset = rt.load(data)
    dataset.check().repairs().apply()

    assert as_it_is(dataset) == data[3:]
    assert dataset.check().counts == {}
    dataset.undo()
    assert as_it_is(dataset) == data


def test_utf_16_stays_utf_16() -> None:
    text = '{"messages": [{"role": "user", "content": "Größe "}, {"role": "assistant", "content": "Ho"}]}\n'
    dataset = rt.load(text.encode("utf-16"))
    dataset.check().repairs().apply()

    assert as_it_is(dataset) == text.replace("Größe ", "Größe").encode("utf-16")


def test_records_that_cannot_be_read_stay_between_repaired_ones() -> None:
    good = b'{"messages": [{"role": "user", "content": "Hi "}, {"role": "assistant", "content": "Ho"}]}'
    data = b"[\n" + good + b',\n{"messages": [{"role": "us},\n' + good.replace(b"Ho", b"Hu") + b"\n]\n"
    dataset = rt.load(data)
    dataset.check().repairs().apply()

    assert as_it_is(dataset) == data.replace(b"Hi ", b"Hi")


def test_unsafe_repairs_happen_only_when_asked_for() -> None:
    dataset = rt.load([{"messages": [user("FranÃ§oise<|im_end|> "), reply("Ho"), user("And?"), reply("")]}])
    report = dataset.check()

    assert report.repairs().counts == {"text.whitespace": 1}
    assert {"text.mojibake", "leak.control_token", "turn.empty"} <= set(report.repairs(unsafe=True).counts)
    assert report.repairs(unsafe=True, select="text.mojibake").counts == {"text.mojibake": 1}
    with pytest.raises(rt.QueryError, match="there are"):
        report.repairs(select="text.mojibak")


def test_a_plan_shows_before_and_after_and_says_what_it_does_not_show() -> None:
    dataset = rt.load([{"messages": [user(f"Hi{n} "), reply("Ho")]} for n in range(30)])
    plan = dataset.check().repairs()

    assert len(plan) == 30
    text = str(plan.preview())
    assert "- Hi0·" in text
    assert "+ Hi0\n" in text
    assert text.endswith("… and 10 more")
    assert len(dataset.edits) == 0


def test_a_plan_made_before_another_change_is_not_applied() -> None:
    dataset = rt.load([{"messages": [user("Hi "), reply("Ho")]}])
    first, second = dataset.check().repairs(), dataset.check().repairs()
    first.apply()

    with pytest.raises(Exception, match="check it again"):
        second.apply()


def test_undo_and_redo_have_an_end() -> None:
    dataset = rt.load([{"messages": [user("Hi "), reply("Ho")]}])
    assert (dataset.undo(), dataset.redo()) == (None, None)
    dataset.check().repairs().apply()

    assert "text.whitespace" in (dataset.undo() or "")
    assert dataset.undo() is None
    assert "text.whitespace" in (dataset.redo() or "")
    assert dataset.redo() is None


def test_a_long_conversation_is_repaired_in_one_go() -> None:
    turns = [turn for _ in range(1500) for turn in (user(" word " * 20), reply("reply " * 20))]
    dataset = rt.load([{"messages": turns}])
    dataset.check().repairs().apply()

    assert dataset.check().counts == {}


LAYOUTS = st.sampled_from(
    [
        {"ensure_ascii": False},
        {"ensure_ascii": True},
        {"separators": (",", ":"), "ensure_ascii": False},
        {"indent": 2, "ensure_ascii": False},
        {"separators": (" ,\t", " :\r\n ")},
    ]
)


@settings(relaxed, max_examples=40)
@given(st.lists(st.booleans(), min_size=2, max_size=12).filter(lambda gone: not all(gone)), LAYOUTS)
def test_empty_turns_go_together_as_they_would_one_by_one(empty: list[bool], layout: dict[str, Any]) -> None:
    record = {"messages": [user("" if gone else f"turn {n}") for n, gone in enumerate(empty)], "more": [1]}
    one_by_one = json.dumps(record, **layout).encode()
    for at in reversed(range(len(empty))):
        if empty[at]:
            one_by_one = splice.remove(one_by_one, f"/messages/{at}")
    dataset = rt.load(json.dumps(record, **layout).encode())
    plan = dataset.check(select=["turn.empty"]).repairs(unsafe=True)
    assert sorted(one.turn for one in plan if one.turn is not None) == [
        at for at, gone in enumerate(empty) if gone
    ]
    plan.apply()

    assert dataset.record_bytes(0, 0) == one_by_one
    dataset.undo()
    assert dataset.record_bytes(0, 0) == json.dumps(record, **layout).encode()


# ---------------------------------------------------------------- splices

KEYS = st.sampled_from(["a", "b", "ä", 'q"', "\\", "/", "~", "a/b", "", "\u2028", "]", "}"])
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=6)
    | st.sampled_from(["]", '"}', "\\", "😀", "\\u0041"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=12,
)


def pointers(value: Any, at: str = "") -> list[str]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = [at]
    for key, item in items:
        found += pointers(item, f"{at}/{str(key).replace('~', '~0').replace('/', '~1')}")
    return found


def changed(value: Any, pointer: str, new: Any, *, remove: bool = False) -> Any:
    """What a replacement or removal means, by JSON's own terms."""
    if not pointer:
        return new
    step, _, rest = pointer[1:].partition("/")
    key: Any = step.replace("~1", "/").replace("~0", "~")
    key = int(key) if isinstance(value, list) else key
    copy = value.copy()
    if rest or "/" in pointer[1:]:
        copy[key] = changed(value[key], "/" + rest, new, remove=remove)
    elif remove:
        del copy[key]
    else:
        copy[key] = new
    return copy


@settings(relaxed, max_examples=150)
@given(st.data(), VALUES, LAYOUTS, VALUES)
def test_a_splice_changes_one_value_and_keeps_every_other_byte(
    data: st.DataObject, value: Any, layout: dict[str, Any], new: Any
) -> None:
    record = json.dumps(value, **layout).encode()
    pointer = data.draw(st.sampled_from(pointers(value)))

    spliced = splice.replace(record, pointer, new)
    place = splice.locate(record, pointer)
    assert json.loads(spliced) == changed(value, pointer, new)
    assert spliced.startswith(record[: place.start])
    assert spliced.endswith(record[place.end :])
    assert splice.replace_all(record, {pointer: new} if pointer else {}) == (spliced if pointer else record)
    if pointer:
        assert json.loads(splice.remove(record, pointer)) == changed(value, pointer, None, remove=True)


@settings(relaxed, max_examples=60)
@given(st.data(), st.lists(VALUES, max_size=4), LAYOUTS)
def test_many_splices_at_once_are_those_one_by_one(
    data: st.DataObject, values: list[Any], layout: dict[str, Any]
) -> None:
    record = one_by_one = json.dumps(values, **layout).encode()
    chosen = (
        data.draw(st.lists(st.sampled_from([f"/{at}" for at in range(len(values))]), unique=True))
        if values
        else []
    )
    for pointer in chosen:
        one_by_one = splice.replace(one_by_one, pointer, pointer * 3)

    assert json.loads(splice.replace_all(record, {pointer: pointer * 3 for pointer in chosen})) == json.loads(
        one_by_one
    )


@settings(relaxed, max_examples=100)
@given(st.data(), st.lists(VALUES, min_size=1, max_size=6), LAYOUTS, st.booleans())
def test_many_removals_at_once_are_those_from_the_last_on(
    data: st.DataObject, values: list[Any], layout: dict[str, Any], members: bool
) -> None:
    held: Any = {f"k/{at}": value for at, value in enumerate(values)} if members else values
    record = one_by_one = json.dumps({"a": 1, "in": held, "z": 2}, **layout).encode()
    chosen = data.draw(st.lists(st.sampled_from(range(len(values))), unique=True))
    names = [f"k/{at}" if members else str(at) for at in chosen]
    for at in sorted(chosen, reverse=True):
        one_by_one = splice.remove(one_by_one, f"/in/k~1{at}" if members else f"/in/{at}")

    assert splice.remove_all(record, "/in", names) == one_by_one
    with pytest.raises(KeyError):
        splice.remove_all(record, "/in", [*names, "99"])


def test_of_a_key_that_stands_twice_the_last_is_changed() -> None:
    record = b'{"a": 1, "a": {"b": 2, "b": 3}}'

    assert splice.replace(record, "/a/b", 4) == b'{"a": 1, "a": {"b": 2, "b": 4}}'
    assert splice.replace_all(record, {"/a/b": 4}) == b'{"a": 1, "a": {"b": 2, "b": 4}}'
    for wrong in ("/x", "/a/b/c", "/a/0"):
        with pytest.raises(KeyError):
            splice.replace(record, wrong, 1)
        with pytest.raises(KeyError):
            splice.replace_all(record, {wrong: 1})


def test_removing_what_nobody_sees_leaves_no_blank_at_the_end_and_no_empty_turn() -> None:
    for text, after in (("word \u202c", "word"), ("a\u200b", "a")):
        dataset = rt.load(
            [{"messages": [{"role": "user", "content": text}, {"role": "assistant", "content": "ok"}]}]
        )
        dataset.check().repairs().apply()
        assert dataset[0].messages[0].text == after
        assert len(dataset.check().repairs()) == 0
    hidden = rt.load(
        [{"messages": [{"role": "user", "content": "\u200b\u202e"}, {"role": "assistant", "content": "ok"}]}]
    )
    assert hidden.check().counts == {"turn.empty": 1}


def test_many_findings_of_a_rule_in_a_turn_are_one_repair() -> None:
    text = "a\u200b" * 5000
    dataset = rt.load(
        [{"messages": [{"role": "user", "content": text}, {"role": "assistant", "content": "ok"}]}]
    )
    report = dataset.check()
    assert report.counts["text.invisible"] == 5000
    assert len(report.repairs()) == 1
    report.repairs().apply()
    assert dataset[0].messages[0].text == "a" * 5000


def test_a_plan_from_an_old_report_never_overwrites_a_newer_change() -> None:
    messages = [{"role": "user", "content": "Hi "}, {"role": "assistant", "content": "Yes<|im_end|>"}]
    dataset = rt.load([{"messages": messages}])
    report = dataset.check()
    report.repairs().apply()
    late = report.repairs(unsafe=True, select="leak")
    with pytest.raises(rt.StalePlanError):
        late.apply()
    assert dataset[0].messages[0].text == "Hi"
    dataset.undo()
    late.apply()  # the dataset is again what the report saw
    assert dataset[0].messages[1].text == "Yes"
