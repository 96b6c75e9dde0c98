"""Reading: whatever bytes come in, records come out, and the same bytes leave again."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import re
import tempfile
from pathlib import Path
from typing import Any

import pytest
import zstandard
from conftest import real_files
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import rolethread_nb as rt
from rolethread_nb.sources import records
from rolethread_nb.sources.decoding import decode

GOOD = b'{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello "}]}'
SHAREGPT = b'{"conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello"}]}'
BARE = b'[{"role": "user", "content": "x"}, {"role": "assistant", "content": "y"}]'
DEEP = b'{"messages": [{"role": "user", "content": "Hi"}], "x": ' + b"[" * 900 + b"]" * 900 + b"}"
# One record or piece of one, as damaged files hold them.
PIECES = [
    GOOD,
    SHAREGPT,
    BARE,
    DEEP,
    b'{\n  "messages": [\n    {"role": "user",\n     "content": "pretty"}\n  ]\n}',
    b'{"messages": [{"role": "user", "content": "cut',
    b'{"messages": [{"role": "user", "content": "cut \xe4\xb8',
    b'{"messages": [{"role": "user", "content": "a comma"},]}',
    b'{"messages": [], "id": 123456789012345678901234567890, "score": 1e999}',
    b'{"messages": [{"role": "user", "role": "x", "content": "twice"}], "messages": []}',
    b'{"messages": [{"role": "user", "content": "NaN"}], "score": NaN, "low": -Infinity}',
    b'{"messages": [{"role": "\\ud800", "content": "\\udc00 ", "\\ud801": 1, "name": "\\udfff"}], "id": "\\ud802"}',
    '{"messages": [{"role": "user", "content": "a\u2028b\u2029c\x85 "}]}'.encode(),
    b'{"messages": [{"role": "user", "content": "a\x0bb\x0cc "}], "k\x0c": 1}',
    b'{"messages": [null, 5, ["a"], "x", {}, {"role": 5}, {"role": "user", "content": [{"type": "text", "text": " a "}, 7]}]}',
    b'{"messages": "Hi"}',
    b'{"system": "Be kind. ", "conversations": [{"from": "human", "value": ""}], "messages": [{"role": "user", "content": "x"}]}',
    b'"role:"',
    b"5",
    b"null",
    b"",
    b"   ",
    b"\xef\xbb\xbf",
    b"\xff\xfe",
    b"\x00\x01\x02",
    b"[",
    b"]",
    b"{",
    b"}",
    b",",
    b'"',
    b"\\",
    b"[" * 3000,
    b'{"a":' * 3000,
]
SEPARATORS = [b"\n", b"\r\n", b"\r", b",\n", b",", b" ", b"", b"\n\n"]


def joined(pieces: list[tuple[bytes, bytes]]) -> bytes:
    return b"".join(piece + separator for piece, separator in pieces)


LINES = st.lists(st.tuples(st.sampled_from(PIECES), st.sampled_from(SEPARATORS)), max_size=8).map(joined)
ARRAYS = st.lists(st.sampled_from(PIECES), max_size=6).map(
    lambda items: b"[\n" + b",\n".join(items) + b"\n]\n"
)
FILES = st.one_of(st.binary(max_size=80), LINES, ARRAYS)

relaxed = settings(deadline=None, suppress_health_check=list(HealthCheck))


def same(data: bytes, name: str = "out.jsonl") -> bytes:
    """What an export of ``data`` as it came holds."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / name
        rt.load(data).export(out, "same")
        return out.read_bytes()


@settings(relaxed, max_examples=120)
@given(FILES)
def test_no_bytes_make_it_fail_and_the_same_bytes_leave(data: bytes) -> None:
    dataset = rt.load(data)
    report = dataset.check()

    assert json.loads(report.to_json())["sources"][0]["records"] == len(dataset) + len(dataset.rejected)
    assert [issue.code for issue in report] == [row["code"] for row in json.loads(report.to_json())["issues"]]
    if not data.startswith((b"\x1f\x8b", b"\x28\xb5\x2f\xfd")):
        assert same(data) == data


@settings(relaxed, max_examples=60)
@given(FILES)
def test_every_record_is_a_conversation_or_rejected_and_none_is_both(data: bytes) -> None:
    dataset = rt.load(data)
    conversations = [conversation.index for conversation in dataset]
    rejected = [record.index for record in dataset.rejected]

    assert sorted(conversations + rejected) == list(range(len(conversations) + len(rejected)))
    for record in dataset.rejected:
        assert record.reason
        assert len(record.head) <= 200
        assert record.line is not None
        assert 1 <= record.line <= data.count(b"\n") + 1


@settings(relaxed, max_examples=40)
@given(FILES, st.integers(1, 3), st.integers(1, 40))
def test_findings_are_equal_whatever_the_size_of_a_block(data: bytes, count: int, size: int) -> None:
    def findings() -> list[dict[str, Any]]:
        return [issue.as_dict() for issue in rt.load(data).check()]

    whole = findings()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(records, "BLOCK_RECORDS", count)
        patch.setattr(records, "BLOCK_BYTES", size)
        assert findings() == whole


@settings(relaxed, max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "b", None]),
            st.lists(st.sampled_from(["x", "y", "z"]), min_size=1, max_size=2),
        ),
        max_size=7,
    )
)
def test_ids_are_stable_and_each_names_one_conversation(drawn: list[tuple[str | None, list[str]]]) -> None:
    made: list[dict[str, Any]] = [
        {"messages": [{"role": "user", "content": text} for text in texts], **({"id": own} if own else {})}
        for own, texts in drawn
    ]
    ids = [conversation.id for conversation in rt.load(made)]

    assert len(set(ids)) == len(ids)
    assert ids == [conversation.id for conversation in rt.load(made)]
    for at, name in enumerate(ids):
        assert rt.load(made)[name].index == at


@settings(relaxed, max_examples=40)
@given(st.permutations(["a", "b", "c", "d", "e"]))
def test_ids_do_not_move_when_records_do(order: list[str]) -> None:
    def ids(texts: list[str]) -> dict[str, str]:
        dataset = rt.load([{"messages": [{"role": "user", "content": text}]} for text in texts])
        return {conversation.messages[0].text: conversation.id for conversation in dataset}

    assert ids(order) == ids(["a", "b", "c", "d", "e"])


def test_an_id_is_the_hash_of_the_messages_where_none_is_written() -> None:
    messages = [{"role": "user", "content": "Größe"}, {"content": "x", "role": "assistant"}]
    canonical = json.dumps(messages, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    hashed = hashlib.sha256(canonical.encode()).hexdigest()[:16]

    dataset = rt.load([{"messages": messages}, {"messages": messages, "id": 7}, {"messages": messages}])

    assert [conversation.id for conversation in dataset] == [hashed, "7", f"{hashed}~2"]
    stamped = {"messages": messages, "id": 7, "_rolethread": {"entry_uuid": "u-1"}}
    assert rt.load([stamped])[0].id == "u-1"


def test_an_edit_keeps_the_id() -> None:
    dataset = rt.load(
        [{"messages": [{"role": "user", "content": "Hi "}, {"role": "assistant", "content": "Ho"}]}]
    )
    name = dataset[0].id
    dataset.check().repairs().apply()

    assert dataset[0].messages[0].text == "Hi"
    assert dataset[name].index == 0


def test_many_equal_records_get_an_id_each() -> None:
    dataset = rt.load(b'{"messages": [{"role": "user", "content": "x"}]}\n' * 30_000)

    assert dataset[29_999].id.endswith("~30000")


# ---------------------------------------------------------------- containers and encodings


@pytest.mark.parametrize("ending", [b"\n", b"\r\n", b"", b"\n\n\n"])
def test_lines_are_cut_at_line_feeds_only(ending: bytes) -> None:
    text = "one\u2028two\u0085three\x7f"
    line = json.dumps({"messages": [{"role": "user", "content": text}]}, ensure_ascii=False).encode()
    dataset = rt.load(line + b"\n" + line + ending)

    assert [conversation.messages[0].text for conversation in dataset] == [text, text]
    assert [conversation.line for conversation in dataset] == [1, 2]


@pytest.mark.parametrize(
    "data",
    [
        b"[" + GOOD + b", " + GOOD + b"]",
        b"[\n" + GOOD + b",\n" + GOOD + b"\n]\n",
        b"\n\n  [\n\n" + GOOD + b"\n,\n" + GOOD + b"]",
        GOOD + b"\n" + GOOD,
        b"\xef\xbb\xbf" + GOOD + b"\r\n\r\n" + GOOD + b"\r\n",
        json.dumps([json.loads(GOOD)] * 2, indent=2).encode(),
        json.dumps(json.loads(GOOD), indent=2).encode()
        + b"\n"
        + json.dumps(json.loads(GOOD), indent=2).encode(),
        (GOOD.decode() + "\n" + GOOD.decode()).encode("utf-16"),
        ("\ufeff" + GOOD.decode() + "\n" + GOOD.decode()).encode("utf-16-be"),
        gzip.compress(GOOD + b"\n" + GOOD, mtime=0),
        zstandard.compress(GOOD + b"\n" + GOOD),
        gzip.compress(zstandard.compress((GOOD.decode() + "\n" + GOOD.decode()).encode("utf-16")), mtime=0),
    ],
)
def test_the_content_decides_how_a_file_is_read(data: bytes) -> None:
    dataset = rt.load(data)

    assert [len(conversation) for conversation in dataset] == [2, 2]
    assert not dataset.rejected


def test_utf_16_leaves_as_it_came_with_its_mark() -> None:
    text = '{"messages": [{"role": "user", "content": "Größe 😀"}]}\n'
    for data in (text.encode("utf-16"), ("\ufeff" + text).encode("utf-16-be")):
        assert same(data) == data
        assert "file.bom" not in rt.load(data).check().counts


def test_a_record_in_an_array_knows_its_line() -> None:
    data = b"[\n" + GOOD + b",\n\n{\n" + GOOD[1:] + b"\n]"

    assert [conversation.line for conversation in rt.load(data)] == [2, 4]


def test_data_that_never_was_a_file_has_no_lines() -> None:
    dataset = rt.load([json.loads(GOOD), 5])

    assert dataset[0].line is None
    assert [record.line for record in dataset.rejected] == [None]


def test_a_bad_line_says_where_and_the_others_load() -> None:
    dataset = rt.load(GOOD + b"\n\n" + b'{"messages": [{"role": "user" "content": "x"}]}\n' + GOOD)

    (bad,) = dataset.rejected
    assert (bad.index, bad.line, bad.column) == (1, 3, 31)
    assert "delimiter" in bad.reason
    assert bad.head.startswith('{"messages"')
    assert [conversation.index for conversation in dataset] == [0, 2]


def test_a_column_counts_characters_also_behind_a_raw_form_feed() -> None:
    (bad,) = rt.load(b'{"messages": [{"role": "user", "content": "\x0c\x0c\xc3\xa9"},]}\n').rejected

    assert bad.reason == "a comma before the closing bracket"
    assert bad.column == 50


def test_a_column_in_a_record_over_several_lines_counts_from_its_line() -> None:
    (bad,) = rt.load(b'{\n "messages": [\n  {"role": "user", "content": tru}\n ]\n}\n').rejected

    assert (bad.line, bad.column) == (3, 31)


def test_a_lost_quotation_mark_spoils_one_record_of_an_array() -> None:
    data = b"[\n" + GOOD + b',\n{"messages": [{"role": "user, "content": "x"}]},\n' + GOOD + b"\n]"
    dataset = rt.load(data)

    assert [conversation.index for conversation in dataset] == [0, 2]
    assert [(record.index, record.line) for record in dataset.rejected] == [(1, 3)]


def test_a_damaged_archive_gives_what_could_be_unpacked_and_says_so() -> None:
    lines = b"".join(
        GOOD.replace(b"Hi", hashlib.sha256(b"%d" % n).hexdigest().encode()) + b"\n" for n in range(2000)
    )
    dataset = rt.load(gzip.compress(lines, mtime=0)[:-4000])

    assert 0 < len(dataset) < 2000
    assert "gzip" in dataset.rejected[-1].reason
    report = dataset.check()
    assert not report.ok
    assert [issue.message for issue in report if "gzip" in issue.message]


def test_a_file_that_ends_inside_a_record_is_named_as_cut_off() -> None:
    for cut in (
        b'{"messages": [{"role": "us',
        b'{"messages": [',
        '{"messages": [{"role": "userä'.encode()[:-1],
    ):
        assert "cut off" in rt.load(GOOD + b"\n" + cut).rejected[0].reason


@pytest.mark.parametrize("depth", [150, 250, 500, 990, 5000, 200_000])
def test_depth_is_read_or_refused_the_same_everywhere(depth: int) -> None:
    data = b'{"messages": [{"role": "user", "content": "Hi "}], "x": ' + b"[" * depth + b"]" * depth + b"}"

    def deeper(levels: int) -> tuple[int, list[str]]:
        if levels:
            return deeper(levels - 1)
        dataset = rt.load(data)
        dataset.check().repairs(unsafe=True).apply()
        return len(list(dataset)), [record.reason for record in dataset.rejected]

    assert deeper(0) == deeper(300)
    assert deeper(0) == ((1, []) if depth < 200 else (0, ["the record is nested too deeply to be read"]))


def test_integers_of_any_size_are_kept_whole() -> None:
    (conversation,) = rt.load(
        b'{"messages": [{"role": "user", "content": "x"}], "n": 123456789012345678901234567890}'
    )

    assert conversation.raw["n"] == 123456789012345678901234567890


@settings(relaxed, max_examples=60)
@given(FILES)
def test_decoding_says_why_or_gives_a_value_python_agrees_with(data: bytes) -> None:
    decoded = decode(data)
    if isinstance(decoded, tuple):
        plain = re.sub(rb"\x0b", b"\\\\u000b", re.sub(rb"\x0c", b"\\\\f", data))
        assert repr(json.loads(plain, parse_int=float)) == repr(
            json.loads(json.dumps(decoded[0]), parse_int=float)
        )


# ---------------------------------------------------------------- what can be loaded


def test_lists_iterators_files_and_paths_hold_the_same(tmp_path: Path) -> None:
    record = json.loads(GOOD)
    path = tmp_path / "chats.jsonl"
    path.write_bytes(GOOD + b"\n")

    for source in (
        [record],
        iter([record]),
        GOOD,
        io.BytesIO(GOOD),
        io.StringIO(GOOD.decode()),
        path,
        str(path),
    ):
        dataset = rt.load(source)
        assert [conversation.raw for conversation in dataset] == [record]
    with path.open() as text, path.open("rb") as binary:
        assert len(rt.load(text)) == len(rt.load(binary)) == 1


def test_a_glob_and_a_list_of_paths_are_several_sources(tmp_path: Path) -> None:
    for name in ("b.jsonl", "a.jsonl"):
        (tmp_path / name).write_bytes(GOOD)

    several = rt.load(str(tmp_path / "*.jsonl"))
    assert [Path(conversation.source).name for conversation in several] == ["a.jsonl", "b.jsonl"]
    assert len(rt.load([tmp_path / "a.jsonl", tmp_path / "b.jsonl"])) == 2


def test_a_file_with_brackets_in_its_name_is_no_glob(tmp_path: Path) -> None:
    (tmp_path / "chats[1].jsonl").write_bytes(GOOD)

    assert len(rt.load(str(tmp_path / "chats[1].jsonl"))) == 1


def test_a_hugging_face_dataset_goes_in_and_out() -> None:
    datasets = pytest.importorskip("datasets")
    record = {
        "messages": [{"role": "user", "content": "Hi "}, {"role": "assistant", "content": "Ho"}],
        "n": 1,
    }
    given_set = datasets.Dataset.from_list([record, record])

    dataset = rt.load(given_set)
    dataset.check().repairs().apply()
    back = dataset.to_hf()

    assert back.features == given_set.features
    assert back[0]["messages"][0]["content"] == "Hi"
    assert back[1]["n"] == 1


@pytest.mark.parametrize(
    ("odd", "text"),
    [
        ({"messages": ("a", "b"), 5: {1, 2}, "when": __import__("datetime").date(2024, 1, 2)}, "messages"),
        ({("a", "b"): 1}, "a text"),
        (object(), "not an object"),
        ("Hi", "a text"),
        (None, "null"),
    ],
)
def test_python_objects_that_json_cannot_hold_are_records_too(odd: Any, text: str) -> None:
    dataset = rt.load([odd, json.loads(GOOD)])

    assert len(dataset) + len(dataset.rejected) == 2
    assert text in repr([conversation.raw for conversation in dataset]) + repr(dataset.rejected)


def test_circles_and_endless_nesting_in_objects_are_records_too() -> None:
    circle: dict[str, Any] = {}
    circle["messages"] = [circle]
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]

    assert len(rt.load([circle, deep, json.loads(GOOD)]).rejected) == 2


def test_what_holds_no_records_is_refused_in_a_sentence() -> None:
    with pytest.raises(rt.SourceError, match="int"):
        rt.load(5)


# ---------------------------------------------------------------- layouts


def test_each_record_is_read_by_its_own_layout() -> None:
    kto = GOOD[:-1] + b', "label": true}'
    dataset = rt.load(b"\n".join([GOOD, SHAREGPT, BARE, kto]))

    assert [conversation.format for conversation in dataset] == ["messages", "sharegpt", "bare", "kto"]
    assert {tuple(m.role for m in conversation) for conversation in dataset} == {("user", "assistant")}


@pytest.mark.parametrize("role_key", ["from", "role", "speaker"])
@pytest.mark.parametrize("text_key", ["value", "content", "text"])
@pytest.mark.parametrize("list_key", ["conversations", "messages"])
def test_every_spelling_of_the_keys_is_read(role_key: str, text_key: str, list_key: str) -> None:
    (conversation,) = rt.load(
        [{list_key: [{role_key: "user", text_key: "Hi"}, {role_key: "assistant", text_key: "Ho"}]}]
    )

    assert [(message.role, message.text) for message in conversation] == [("user", "Hi"), ("assistant", "Ho")]


def test_a_system_prompt_beside_the_list_is_turn_0() -> None:
    (conversation,) = rt.load([{"system": "Be kind.", "conversations": [{"from": "human", "value": "Hi"}]}])

    assert [(m.role, m.text, m.pointer) for m in conversation] == [
        ("system", "Be kind.", "/system"),
        ("user", "Hi", "/conversations/0"),
    ]


def test_labels_and_keys_can_be_named() -> None:
    record = {"a/b": [{"who~": "client", "said/": "Hi "}, {"who~": "counselor", "said/": "Ho"}]}
    dataset = rt.load(
        [record],
        fields={"messages": "a/b", "role": "who~", "text": "said/"},
        roles={"client": "user", "counselor": "assistant"},
    )

    assert [(m.role, m.text) for m in dataset[0]] == [("user", "Hi "), ("assistant", "Ho")]
    assert [(issue.code, issue.path) for issue in dataset.check()] == [("text.whitespace", "/a~1b/0/said~1")]
    dataset.check().repairs().apply()
    assert dataset[0].raw["a/b"][0]["said/"] == "Hi"


def test_what_does_not_exist_is_refused_in_a_sentence() -> None:
    for wrong in ({"format": "chatmal"}, {"roles": {"x": "boss"}}, {"fields": {"turns": "x"}}):
        with pytest.raises(rt.QueryError, match=r"there are|mapped to|it can name"):
            rt.load(GOOD, **wrong)


def test_an_asked_for_layout_takes_no_other() -> None:
    dataset = rt.load(GOOD + b"\n" + SHAREGPT, format="messages")

    assert [conversation.index for conversation in dataset] == [0]
    assert [record.index for record in dataset.rejected] == [1]


def test_typed_parts_are_joined_and_null_is_no_text() -> None:
    parts = [
        {"type": "text", "text": "one"},
        {"type": "image_url", "image_url": {}},
        {"type": "text", "text": "two"},
    ]
    (conversation,) = rt.load(
        [{"messages": [{"role": "user", "content": parts}, {"role": "assistant", "content": None}]}]
    )

    assert [(m.text, m.kind) for m in conversation] == [("one\ntwo", "parts"), ("", "null")]
    assert conversation.messages[0].content == parts


def test_slices_negative_positions_and_ids_find_conversations() -> None:
    dataset = rt.load([{"id": f"c{n}", "messages": [{"role": "user", "content": str(n)}]} for n in range(5)])

    assert [c.id for c in dataset[1:4:2]] == ["c1", "c3"]
    assert dataset[-1].id == "c4"
    assert dataset["c2"].index == 2
    with pytest.raises(IndexError, match="5 conversations"):
        dataset[5]
    with pytest.raises(KeyError, match="nope"):
        dataset["nope"]


# ---------------------------------------------------------------- a file changed under us


@pytest.mark.parametrize("change", ["rewritten", "cut", "replaced", "removed"])
def test_a_file_changed_under_us_is_one_sentence_and_never_wrong_text(tmp_path: Path, change: str) -> None:
    path = tmp_path / "chats.jsonl"
    path.write_bytes((GOOD + b"\n") * 50)
    dataset = rt.load(path)
    report = dataset.check()
    if change == "removed":
        path.unlink()
    elif change == "replaced":
        (tmp_path / "new").write_bytes((GOOD.replace(b"Hi", b"Ho") + b"\n") * 50)
        (tmp_path / "new").replace(path)
    elif change == "cut":
        os.truncate(path, 40)
    else:
        path.write_bytes((GOOD.replace(b"Hi", b"Ho") + b"\n") * 50)
        os.utime(path, ns=(1, 1))

    for look in (
        lambda: dataset[40],
        report.to_json,
        dataset.check,
        lambda: dataset.export(tmp_path / "out", "same"),
    ):
        with pytest.raises(rt.SourceChangedError, match=r"load it again\.$"):
            look()
    assert not (tmp_path / "out").exists()


def test_a_packed_file_is_unpacked_once_and_stays_readable(tmp_path: Path) -> None:
    path = tmp_path / "chats.jsonl.gz"
    path.write_bytes(gzip.compress(GOOD, mtime=0))
    dataset = rt.load(path)
    path.unlink()

    assert dataset[0].messages[0].text == "Hi"


@pytest.mark.parametrize("path", real_files(), ids=lambda path: path.name)
def test_real_files_leave_as_they_came(path: Path, tmp_path: Path) -> None:
    data = path.read_bytes()
    data = gzip.decompress(data) if path.suffix == ".gz" else data
    out = tmp_path / "out.jsonl"
    rt.load(path).export(out, "same")

    assert out.read_bytes() == data
    rt.load(out).export(tmp_path / "again.jsonl.zst", "same")
    assert (
        zstandard.ZstdDecompressor().decompressobj().decompress((tmp_path / "again.jsonl.zst").read_bytes())
        == data
    )


def test_an_id_is_in_the_dataset_that_has_it() -> None:
    dataset = rt.load([{"id": "a", "messages": []}])
    assert "a" in dataset
    assert dataset[0] in dataset
    assert "b" not in dataset


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"[%s,]", "a comma before the closing bracket of the array"),
        (b"[%s,,%s]", "a comma too many or too few between two records of the array"),
        (b"[%s", "the array is not closed"),
        (b"[%s,%s]", None),
        (b"[", "the array is not closed"),
        (b"[]", None),
    ],
)
def test_a_damaged_array_is_a_finding_and_its_records_load(text: bytes, says: str | None) -> None:
    dataset = rt.load(text.replace(b"%s", GOOD))
    found = [issue for issue in dataset.check(select="file.bad_json") if issue.conversation is None]
    assert [issue.evidence["reason"] for issue in found] == ([says] if says else [])
    assert len(dataset) == text.count(b"%s")
