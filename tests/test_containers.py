"""Containers: whatever holds the records, the records come out equal, and leave as they came."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import rolethread_nb as rt
from rolethread_nb.core import progress
from rolethread_nb.sources import csv_rows
from rolethread_nb.sources.cells_csv import cell_of, json_of, value_of
from rolethread_nb.sources.records import regions

relaxed = settings(deadline=None, suppress_health_check=list(HealthCheck))

TEXTS = st.one_of(
    st.text(max_size=12),
    st.text(alphabet='"[]{}\\,:;\n\r\t1a ', max_size=12),
    st.text(max_size=4).map(json.dumps),
    st.text(max_size=4).map(json.dumps).map(json.dumps),
    st.sampled_from(
        ["[]", "{}", '"[]"', '"\\"[]\\""', '"Hello."', "true", "7", "", "\ud800", '"\\ud800"', "[1"]
    ),
)
JSON: st.SearchStrategy[Any] = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), TEXTS
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXTS, inner, max_size=3)),
    max_leaves=8,
)


# ---------------------------------------------------------------- cells of CSV


@settings(relaxed, max_examples=500)
@given(TEXTS)
def test_every_text_comes_back_from_a_cell(text: str) -> None:
    assert value_of(cell_of(text)) == text


@settings(relaxed, max_examples=300)
@given(st.one_of(st.lists(JSON, max_size=3), st.dictionaries(TEXTS, JSON, max_size=3)))
def test_lists_and_objects_come_back_from_a_cell(value: Any) -> None:
    cell = cell_of(value)

    assert value_of(cell) == value
    assert json_of(cell.encode()) == cell.encode()


@settings(relaxed, max_examples=300)
@given(TEXTS.filter(lambda text: text.isprintable()))
def test_a_cell_means_the_same_as_json_and_as_a_value(cell: str) -> None:
    assert json.loads(json_of(cell.encode())) == value_of(cell)


@pytest.mark.parametrize(
    "speech", ['"Hello."', '"Hello," she said, "you."', "'Hi'", "7", "true", "null", "[draft", ""]
)
def test_ordinary_texts_stand_in_a_cell_as_they_are(speech: str) -> None:
    assert cell_of(speech) == speech == value_of(speech)


@pytest.mark.parametrize(("value", "cell"), [(7, "7"), (True, "true"), (None, "null"), (1.5, "1.5")])
def test_numbers_and_the_like_come_back_as_texts(value: Any, cell: str) -> None:
    assert cell_of(value) == cell == value_of(cell)


# ---------------------------------------------------------------- CSV


def csv_text(
    records: list[dict[str, Any]], delimiter: str = ",", ending: str = "\n", quoting: Any = csv.QUOTE_MINIMAL
) -> str:
    """Records as the CSV file that Python's own writer makes of them."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=delimiter, lineterminator=ending, quoting=quoting)
    writer.writerow(records[0])
    writer.writerows([[cell_of(value) for value in record.values()] for record in records])
    return buffer.getvalue()


def called_csv(data: bytes) -> io.BytesIO:
    """An open file with the name of a CSV file."""
    file = io.BytesIO(data)
    file.name = "chats.csv"
    return file


def raws(source: Any, **how: Any) -> list[Any]:
    return [conversation.raw for conversation in rt.load(source, **how)]


def same(source: Any, tmp_path: Path, **how: Any) -> bytes:
    """What an export of a source as it came holds."""
    out = tmp_path / f"out{len(list(tmp_path.iterdir()))}"
    (source if isinstance(source, rt.Dataset) else rt.load(source)).export(out, "same", **how)
    return out.read_bytes()


ONE = {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}], "id": "c1"}
TWO = {
    "messages": [
        {"role": "user", "content": 'She said "no",\nthen; left\t…'},
        {"role": "assistant", "content": "Größe 😀"},
    ],
    "id": "c2",
}


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_csv_comes_back_equal_and_leaves_as_it_came(
    delimiter: str, ending: str, encoding: str, tmp_path: Path
) -> None:
    data = csv_text([ONE, TWO], delimiter, ending).encode(encoding)
    path = tmp_path / "chats.csv.gz"
    path.write_bytes(gzip.compress(data))

    for source in (data, path, io.BytesIO(zstandard.compress(data))):
        dataset = rt.load(source)
        assert [conversation.raw for conversation in dataset] == [ONE, TWO]
        assert [conversation.line for conversation in dataset] == [2, 3]
        assert same(dataset, tmp_path) == data


@settings(relaxed, max_examples=60)
@given(
    st.lists(st.tuples(st.lists(TEXTS, min_size=1, max_size=3), TEXTS), min_size=1, max_size=5),
    st.sampled_from([",", ";", "\t"]),
    st.sampled_from(["\n", "\r\n"]),
)
def test_conversations_survive_a_csv_whatever_their_texts(
    drawn: list[tuple[list[str], str]], delimiter: str, ending: str
) -> None:
    records = [
        {"messages": [{"role": "user", "content": text} for text in texts], "note": note}
        for texts, note in drawn
    ]
    data = csv_text(records, delimiter, ending, csv.QUOTE_ALL).encode()
    dataset = rt.load(data)

    assert [conversation.raw for conversation in dataset] == records
    assert not dataset.rejected
    with tempfile.TemporaryDirectory() as folder:
        assert same(dataset, Path(folder)) == data


@settings(relaxed, max_examples=100)
@given(
    st.lists(
        st.sampled_from(['"', '""', ",", ";", "\n", "\r\n", "\r", "a", "[]", "é", "\x00", "\u2028"]),
        max_size=30,
    )
)
def test_no_csv_makes_it_fail_and_the_same_bytes_leave(pieces: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "odd.csv"
        path.write_bytes(b"messages,id\n" + "".join(pieces).encode())
        dataset = rt.load(path)
        dataset.check()
        assert same(dataset, Path(folder)) == path.read_bytes()


@settings(relaxed, max_examples=150)
@given(
    st.lists(st.sampled_from(['"', '""', ",", "\n", "\r\n", "a", '"a",b\n', '"[]"', "é"]), max_size=25),
    st.integers(1, 9),
    st.integers(1, 3),
)
def test_rows_are_equal_whatever_the_size_of_a_block(pieces: list[str], size: int, count: int) -> None:
    data = b"messages,id\n" + "".join(pieces).encode()

    def rows() -> list[Any]:
        source = rt.load(called_csv(data)).sources[0]
        found = [
            (region.first + at, *region.spans[at], region.lines[at], region.record(at), region.bad.get(at))
            for region in regions(source)
            for at in range(len(region.spans))
        ]
        for _, start, end, _, record, bad in found:
            assert bad is not None or source.record(start, end) == record
        return found

    whole = rows()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_rows, "BLOCK_BYTES", size)
        patch.setattr(csv_rows, "BLOCK_ROWS", count)
        assert rows() == whole


def test_a_row_of_the_wrong_length_is_one_rejected_record_and_the_others_load() -> None:
    rows = csv_text([ONE, TWO]).encode().split(b"\n", 1)
    dataset = rt.load(called_csv(rows[0] + b"\nonly one\na,b,c\n" + rows[1]))

    assert [(bad.line, bad.reason) for bad in dataset.rejected] == [
        (2, "the row has 1 cell, the first row names 2"),
        (3, "the row has 3 cells, the first row names 2"),
    ]
    assert [conversation.raw for conversation in dataset] == [ONE, TWO]
    assert dataset.rejected[0].head == "only one"
    assert [issue.code for issue in dataset.check() if issue.severity == "error"] == ["file.bad_json"] * 2


@pytest.mark.parametrize(
    ("row", "reason"), [('"open,c0', "text behind"), ('"a"b,c0', "text behind"), ("caf\xe9,c", "0xE9")]
)
def test_a_damaged_row_spoils_itself_alone(row: str, reason: str) -> None:
    rows = csv_text([ONE, TWO]).encode().split(b"\n", 1)
    dataset = rt.load(called_csv(rows[0] + b"\n" + row.encode("latin-1") + b"\n" + rows[1]))

    assert [conversation.raw for conversation in dataset] == [ONE, TWO]
    assert [bad.line for bad in dataset.rejected] == [2]
    assert reason in dataset.rejected[0].reason


def test_a_csv_that_ends_inside_a_cell_gives_what_came_before() -> None:
    dataset = rt.load(called_csv(csv_text([ONE, TWO]).encode()[:-40]))

    assert [conversation.raw for conversation in dataset] == [ONE]
    assert (dataset.rejected[0].line, dataset.rejected[0].reason) == (
        3,
        "a quotation mark that is never closed",
    )


def test_a_huge_cell_is_a_cell() -> None:
    long = {"messages": [{"role": "user", "content": 'a "word" ' * 600_000}], "id": "long"}

    assert raws(csv_text([ONE, long, TWO]).encode()) == [ONE, long, TWO]


def test_labels_of_a_whole_column_are_booleans_and_other_cells_are_texts() -> None:
    rows = [{**ONE, "label": True, "score": 1}, {**TWO, "label": False, "score": None}]
    dataset = rt.load(csv_text(rows).encode())

    assert [(c.raw["label"], c.raw["score"], c.format) for c in dataset] == [
        (True, "1", "kto"),
        (False, "null", "kto"),
    ]
    mixed = csv_text([*rows, {**ONE, "label": "maybe", "score": 1}]).encode()
    assert [raw["label"] for raw in raws(mixed)] == ["true", "false", "maybe"]


def test_an_empty_cell_is_an_empty_text_and_blank_lines_are_no_rows() -> None:
    dataset = rt.load(b"\n\ninstruction,input,output\n\nSay hi,,Hi\n\n")

    assert [(c.raw, c.line) for c in dataset] == [({"instruction": "Say hi", "input": "", "output": "Hi"}, 5)]


def test_json_in_a_cell_keeps_its_digits_and_one_edited_cell_is_rewritten_alone(tmp_path: Path) -> None:
    cell = (
        '"[ {""role"": ""user"", ""content"": ""Hi "", ""n"": 123456789012345678901234567890, ""f"": 1.10}]"'
    )
    data = f'id,messages,note\n"c1",{cell},"x"\nc2,"[{{""role"":""user"",""content"":""ok""}}]", y\n'.encode()
    dataset = rt.load(data)
    dataset.check(select="text.whitespace").repairs().apply()

    assert dataset[0].raw["messages"][0]["n"] == 123456789012345678901234567890
    assert same(dataset, tmp_path) == data.replace(b"Hi ", b"Hi")


def test_a_removed_row_takes_its_line_along(tmp_path: Path) -> None:
    data = csv_text([ONE, TWO, {**ONE, "id": "c3"}]).encode()
    for gone in range(3):
        rest = [record for at, record in enumerate([ONE, TWO, {**ONE, "id": "c3"}]) if at != gone]
        assert same(data, tmp_path, keep=lambda c, gone=gone: c.index != gone) == csv_text(rest).encode()


BAD_LINE = b'{"messages": [{"role": "user", "content": "a,b"}'
GOOD_LINE = json.dumps(ONE).encode()


@pytest.mark.parametrize(
    "data",
    [
        BAD_LINE + b"\n" + GOOD_LINE,
        b'"messages": [1,2]}\n' + GOOD_LINE,
        b"messages,id\n" + GOOD_LINE + b"\n" + GOOD_LINE,
        b"prompt, completion and more, all in prose.\nThe next line, too, has commas.",
        b"version https://example.org, x\nmessages,id",
        b"a,b,c\n1,2,3\n",
        b"",
    ],
)
def test_broken_json_lines_and_prose_are_no_csv(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "chats.jsonl"
    path.write_bytes(data)

    assert rt.load(path).sources[0].csv is None
    assert rt.load(data).sources[0].csv is None


def test_json_lines_in_a_file_called_csv_are_json_lines(tmp_path: Path) -> None:
    for data in (GOOD_LINE + b"\n" + GOOD_LINE, b"broken\n" + GOOD_LINE + b"\n" + GOOD_LINE):
        path = tmp_path / "chats.csv"
        path.write_bytes(data)
        assert raws(path) == [ONE, ONE]


def test_a_damaged_archive_of_a_csv_gives_the_rows_before_the_damage(tmp_path: Path) -> None:
    many = [{**ONE, "id": hashlib.sha256(b"%d" % n).hexdigest()} for n in range(3000)]
    path = tmp_path / "chats.csv.gz"
    path.write_bytes(gzip.compress(csv_text(many).encode())[:-4000])
    dataset = rt.load(path)

    assert 0 < len(dataset) < 3000
    assert [conversation.raw for conversation in dataset] == many[: len(dataset)]
    assert "gzip" in dataset.rejected[-1].reason


def test_a_pointer_to_data_is_named_whatever_its_ending(tmp_path: Path) -> None:
    for name in ("a.csv", "b.parquet", "c.jsonl"):
        (tmp_path / name).write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 1\n")
    dataset = rt.load(tmp_path)

    assert len(dataset) == 0
    assert all("Git LFS pointer" in str(source.foreign) for source in dataset.sources)


def test_real_conversations_go_through_csv_and_back(shared_data: Path) -> None:
    for name in ("messages_kto_en.json", "sharegpt_glaive_toolcall.json", "alpaca_roleplay_gpteacher.json"):
        records = json.loads((shared_data / name).read_bytes())
        assert raws(csv_text(records).encode()) == records


def test_real_conversations_go_through_frames_and_back(shared_data: Path) -> None:
    for name in ("messages_kto_en.json", "sharegpt_glaive_toolcall.json", "preference_dpo_en_sharegpt.json"):
        records = json.loads((shared_data / name).read_bytes())
        dataset = rt.load(shared_data / name)
        assert raws(dataset.to_pandas()) == raws(dataset.to_polars()) == records


# ---------------------------------------------------------------- Parquet and Arrow

CALL = [{"id": "1", "function": {"name": "f", "arguments": "{}"}}]
UNEVEN = [
    {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "tool_calls": CALL}], "n": 1},
    {"messages": [{"role": "user", "content": "Hi", "name": "Ann"}, {"role": "assistant", "content": "Ho"}]},
]


@pytest.mark.parametrize("ending", [".parquet", ".arrow", ".parquet.gz"])
def test_a_table_in_a_file_gives_back_records_without_the_nulls_that_the_table_added(
    ending: str, tmp_path: Path
) -> None:
    buffer = io.BytesIO()
    frame = pl.DataFrame(UNEVEN)
    frame.write_ipc(buffer) if "arrow" in ending else frame.write_parquet(buffer)
    data = gzip.compress(buffer.getvalue()) if ending.endswith("gz") else buffer.getvalue()
    path = tmp_path / f"chats{ending}"
    path.write_bytes(data)

    dataset = rt.load(path)
    assert [conversation.raw for conversation in dataset] == UNEVEN
    assert [conversation.line for conversation in dataset] == [None, None]
    assert not {"turn.null", "turn.stray_key"} & set(dataset.check().counts)
    assert raws(data) == UNEVEN
    assert same(path, tmp_path) == buffer.getvalue()


def test_a_parquet_file_that_was_changed_does_not_leave_as_it_came(tmp_path: Path) -> None:
    path = tmp_path / "chats.parquet"
    pl.DataFrame([{"messages": [{"role": "user", "content": "Hi "}]}]).write_parquet(path)
    dataset = rt.load(path)

    with pytest.raises(rt.ExportError, match="parquet, messages or sharegpt"):
        dataset.export(tmp_path / "out", "same", keep=lambda _: False)
    dataset.check(select="text.whitespace").repairs().apply()
    with pytest.raises(rt.ExportError, match="parquet, messages or sharegpt"):
        dataset.export(tmp_path / "out", "same")
    with pytest.raises(rt.ExportError, match="never written to"):
        dataset.export(path, "messages", overwrite=True)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("head", [b"PAR1", b"ARROW1\0\0"])
def test_a_damaged_table_is_one_sentence(head: bytes, tmp_path: Path) -> None:
    dataset = rt.load(head + b"not at all")

    assert "that cannot be read" in repr(dataset)
    assert "\n" not in (dataset.sources[0].foreign or "")
    assert same(dataset, tmp_path) == head + b"not at all"


# ---------------------------------------------------------------- objects in memory


@pytest.mark.parametrize(
    "kind", ["pandas", "polars", "lazy", "arrow", "batch", "reader", "columns", "hf", "generator", "file"]
)
def test_a_table_in_memory_gives_back_its_rows(kind: str) -> None:
    rows = [ONE, TWO]
    if kind in ("arrow", "batch", "reader"):
        pa = pytest.importorskip("pyarrow")
        table = pa.Table.from_pylist(rows)
        source: Any = {"arrow": table, "batch": table.to_batches()[0], "reader": table.to_reader()}[kind]
    elif kind == "hf":
        source = pytest.importorskip("datasets").Dataset.from_list(rows)
    else:
        source = {
            "pandas": pd.DataFrame(rows),
            "polars": pl.DataFrame(rows),
            "lazy": pl.LazyFrame(rows),
            "columns": {"messages": [ONE["messages"], TWO["messages"]], "id": ["c1", "c2"]},
            "generator": (row for row in rows),
            "file": io.StringIO(csv_text(rows)),
        }[kind]

    assert raws(source) == rows


def test_what_a_pandas_frame_lacks_is_left_out_and_none_is_null() -> None:
    frame = pd.DataFrame(
        {
            "messages": pd.Series([ONE["messages"], np.array(TWO["messages"], dtype=object)], dtype=object),
            "score": [1.5, float("nan")],
            "n": np.array([1, 2], dtype=np.int64),
            "when": [pd.Timestamp("2024-01-02"), pd.NaT],
            "odd": pd.Series([None, {"a": None}], dtype=object),
        }
    )

    assert raws(frame) == [
        {"messages": ONE["messages"], "score": 1.5, "n": 1, "when": "2024-01-02T00:00:00", "odd": None},
        {"messages": TWO["messages"], "n": 2, "odd": {"a": None}},
    ]


def test_two_columns_of_one_name_and_other_shapes_are_refused_in_a_sentence() -> None:
    with pytest.raises(rt.SourceError, match="called 'a'"):
        rt.load(pd.DataFrame([[1, 2]], columns=["a", "a"]))
    for shape in (pd.Series([1]), pl.Series([1])):
        with pytest.raises(rt.SourceError, match="pass a data frame"):
            rt.load(shape)


def test_each_split_of_a_dataset_dict_is_a_source_of_its_name() -> None:
    datasets = pytest.importorskip("datasets")
    splits = {"train": datasets.Dataset.from_list([ONE, TWO]), "test": datasets.Dataset.from_list([ONE])}
    dataset = rt.load(datasets.DatasetDict(splits))

    assert [(conversation.source, conversation.raw) for conversation in dataset] == [
        ("train", ONE),
        ("train", TWO),
        ("test", ONE),
    ]
    assert dataset.to_hf().features == splits["train"].features


@pytest.mark.parametrize(
    "record",
    [
        ONE,
        {"messages": []},
        {"messages": [{"role": "user", "content": "Hi"}]},
        {"conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}]},
        {"instruction": "a", "input": "", "output": "b"},
        {"prompt": "a", "completion": "b"},
        {"chosen": ONE["messages"], "rejected": TWO["messages"]},
        {"conversation": [{"system": "s", "input": "a", "output": "b"}]},
        {"dialog": ONE["messages"], "topic": "x"},
        {"query": "a", "response": "b", "history": [["c", "d"], ["e", "f"]]},
    ],
)
@pytest.mark.parametrize("indent", [None, 2])
def test_one_conversation_is_one_record_in_a_dict_and_in_a_file(
    record: dict[str, Any], indent: int | None
) -> None:
    assert raws(record) == [record]
    assert raws(json.dumps(record, indent=indent).encode()) == [record]


# ---------------------------------------------------------------- objects that hold records

PLAIN = {"messages": ONE["messages"]}
BARE = ONE["messages"]


@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize(
    ("container", "records", "ids"),
    [
        (
            {"conv-1": PLAIN, "conv-2": {**PLAIN, "id": "own"}},
            [PLAIN, {**PLAIN, "id": "own"}],
            ["conv-1", "own"],
        ),
        ({"a": PLAIN, "b": BARE}, [PLAIN, BARE], ["a", "b"]),
        ({"a": BARE, "b": BARE, "c": BARE}, [BARE, BARE, BARE], ["a", "b", "c"]),
        ({"version": "[1], {", "a": PLAIN, "b": PLAIN}, [PLAIN, PLAIN], ["a", "b"]),
        ({"data": [ONE, TWO]}, [ONE, TWO], ["c1", "c2"]),
        ({"version": 2, "data": [ONE, TWO], "n": 2}, [ONE, TWO], ["c1", "c2"]),
        ({"conversations": [ONE, TWO]}, [ONE, TWO], ["c1", "c2"]),
        ({"train": [ONE], "test": [TWO]}, [ONE, TWO], ["c1", "c2"]),
        ({"train": [], "test": [TWO]}, [TWO], ["c2"]),
    ],
)
def test_an_object_of_records_is_a_container(
    container: dict[str, Any], records: list[Any], ids: list[str], indent: int | None, tmp_path: Path
) -> None:
    data = json.dumps(container, indent=indent, ensure_ascii=False).encode() + b"\n"
    dataset = rt.load(data)

    assert [conversation.raw for conversation in dataset] == records
    assert [conversation.id for conversation in dataset] == ids
    assert not dataset.rejected
    assert same(dataset, tmp_path) == data
    assert raws(container) == records


PARTS = st.recursive(
    st.sampled_from(
        [
            PLAIN,
            BARE,
            ONE,
            {},
            [],
            None,
            5,
            "[1], {",
            {"prompt": "a", "completion": "b"},
            [ONE],
            {"role": "user"},
        ]
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(
            st.sampled_from(["a", "b", 'k"', "data", "train", "messages", "conversations", ""]),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=8,
)


@settings(relaxed, max_examples=200)
@given(PARTS, st.sampled_from([None, 1]), st.integers(0, 40))
def test_objects_within_objects_leave_as_they_came_and_stay_json_when_records_go(
    value: Any, indent: int | None, gone: int
) -> None:
    data = json.dumps(value, indent=indent).encode()
    with tempfile.TemporaryDirectory() as folder:
        assert same(data, Path(folder)) == data
        assert same(data[:-gone], Path(folder)) == data[:-gone]
        if (isinstance(value, dict) and len(rt.load(data)) + len(rt.load(data).rejected) > 1) or value == [
            ONE,
            ONE,
        ]:
            json.loads(same(data, Path(folder), keep=lambda c: c.index % 2 == gone % 2))


def test_an_edit_in_an_object_of_records_changes_that_record_alone(tmp_path: Path) -> None:
    data = b'{"a": {"messages": [{"role": "user", "content": "Hi "}], "n": 1.10},\n "b" :{"messages": [{"role": "user", "content": "ok"}]}}'
    dataset = rt.load(data)
    dataset.check(select="text.whitespace").repairs().apply()

    assert same(dataset, tmp_path) == data.replace(b"Hi ", b"Hi")


@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize(
    "container",
    [
        {"a": PLAIN, "v": 1, "b": PLAIN, "c": PLAIN},
        {"v": "], [", "train": [ONE, TWO], "test": [ONE, TWO, ONE]},
        {"train": [ONE], "n": 2, "test": [TWO], "m": {"x": [1]}},
    ],
)
def test_records_left_out_take_their_keys_along_and_no_other(
    container: dict[str, Any], indent: int | None, tmp_path: Path
) -> None:
    data = json.dumps(container, indent=indent).encode()
    count = len(rt.load(data))
    for gone in range(1 << count):
        left = json.loads(same(data, tmp_path, keep=lambda c, gone=gone: not gone >> c.index & 1))
        seen = 0
        expected: dict[str, Any] = {}
        for key, value in container.items():
            if isinstance(value, list):
                expected[key] = [item for at, item in enumerate(value, seen) if not gone >> at & 1]
                seen += len(value)
            elif value == PLAIN:
                if not gone >> seen & 1:
                    expected[key] = value
                seen += 1
            else:
                expected[key] = value
        assert left == expected


def test_a_truncated_object_of_records_gives_those_that_are_whole() -> None:
    for container in ({"a": PLAIN, "b": PLAIN, "c": PLAIN}, {"data": [PLAIN, PLAIN, PLAIN]}):
        dataset = rt.load(json.dumps(container, indent=1).encode()[:-60].rstrip())
        assert [conversation.raw for conversation in dataset] == [PLAIN, PLAIN]
        assert "cut off" in dataset.rejected[0].reason


def test_a_list_of_records_on_a_line_is_as_many_records(tmp_path: Path) -> None:
    data = b"\n".join([json.dumps([ONE, TWO]).encode(), json.dumps(BARE).encode(), GOOD_LINE, b"[1, 2]"])
    dataset = rt.load(data)

    assert [(c.raw, c.line) for c in dataset] == [(ONE, 1), (TWO, 1), (BARE, 2), (ONE, 3)]
    assert [bad.line for bad in dataset.rejected] == [4]
    assert same(dataset, tmp_path) == data
    left = same(data, tmp_path, keep=lambda c: c.index == 1)
    assert json.loads(left.split(b"\n")[0]) == [TWO]


# ---------------------------------------------------------------- folders and patterns


def test_a_folder_gives_its_data_files_in_order(tmp_path: Path) -> None:
    for name in (
        "b.jsonl",
        "a.json",
        "sub/c.ndjson",
        "sub/d.txt",
        "z.jsonl.gz",
        "z.jsonl.zst",
        "notes.md",
        ".hidden.jsonl",
        "a.json.review/1.jsonl",
        ".git/x.json",
        "sub/.ipynb_checkpoints/c.json",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        packed = {".gz": gzip.compress, ".zst": zstandard.compress}.get(path.suffix, bytes)
        path.write_bytes(packed(GOOD_LINE))
    (tmp_path / "e.csv").write_text(csv_text([ONE]))
    pl.DataFrame([ONE]).write_parquet(tmp_path / "sub" / "p.parquet")
    dataset = rt.load(tmp_path)

    names = [Path(conversation.source).relative_to(tmp_path).as_posix() for conversation in dataset]
    assert names == [
        "a.json",
        "b.jsonl",
        "e.csv",
        "sub/c.ndjson",
        "sub/d.txt",
        "sub/p.parquet",
        "z.jsonl.gz",
        "z.jsonl.zst",
    ]
    assert all(conversation.raw == ONE for conversation in dataset)
    assert len(rt.load([str(tmp_path / "sub"), tmp_path / "a.json"])) == 4


def test_patterns_leave_review_folders_out(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl.review").mkdir()
    for name in ("a.jsonl", "a.jsonl.review/1.jsonl"):
        (tmp_path / name).write_bytes(GOOD_LINE)

    assert len(rt.load(str(tmp_path / "**" / "*.jsonl"))) == 1
    assert len(rt.load(str(tmp_path / "*"))) == 1
    with pytest.raises(rt.SourceError, match="no file matches"):
        rt.load(str(tmp_path / "*.csv"))


def test_a_folder_without_data_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_text("x")

    with pytest.raises(rt.SourceError, match="a folder without data files"):
        rt.load(tmp_path)


# ---------------------------------------------------------------- out

WORDS = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=6)
SIMPLE = st.fixed_dictionaries(
    {
        "messages": st.lists(
            st.fixed_dictionaries({"role": st.sampled_from(["user", "assistant"]), "content": WORDS}),
            max_size=3,
        )
    },
    optional={
        "id": WORDS.filter(bool),
        "n": st.integers(-(2**40), 2**40),
        "ok": st.booleans(),
        "tags": st.lists(WORDS, max_size=2),
        "meta": st.fixed_dictionaries({"a": WORDS}, optional={"b": st.integers(-9, 9)}),
    },
)


@settings(relaxed, max_examples=60)
@given(st.lists(SIMPLE, min_size=1, max_size=5))
def test_records_go_through_data_frames_and_back(records: list[dict[str, Any]]) -> None:
    dataset = rt.load(records)

    assert raws(dataset.to_pandas()) == records
    assert raws(dataset.to_polars()) == records
    buffer = io.BytesIO()
    dataset.to_polars().write_parquet(buffer)
    assert raws(buffer.getvalue()) == records


@settings(relaxed, max_examples=60)
@given(
    st.lists(st.fixed_dictionaries({"messages": st.just([])}, optional={"x": JSON, "y": JSON}), max_size=4)
)
def test_a_pandas_frame_holds_any_json(records: list[dict[str, Any]]) -> None:
    assert raws(rt.load(records).to_pandas()) == records


@settings(relaxed, max_examples=60)
@given(
    st.lists(st.fixed_dictionaries({"messages": st.just([])}, optional={"x": JSON, "y": JSON}), max_size=4)
)
def test_a_polars_frame_is_made_of_any_json(records: list[dict[str, Any]]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert rt.load(records).to_polars().height == len(records)


def test_a_column_of_several_types_is_json_text_in_polars_and_says_so() -> None:
    dataset = rt.load([{**PLAIN, "x": 1}, {**PLAIN, "x": ["a"]}, PLAIN])

    with pytest.warns(UserWarning, match="'x'"):
        frame = dataset.to_polars()
    assert frame["x"].to_list() == ["1", '["a"]', None]
    assert dataset.to_pandas()["x"].tolist()[:2] == [1, ["a"]]


def test_a_bare_list_has_no_columns() -> None:
    for leave in (rt.load([BARE]).to_pandas, rt.load([BARE]).to_polars):
        with pytest.raises(rt.SourceError, match="objects only"):
            leave()


def test_a_hugging_face_dataset_keeps_keys_that_the_first_record_lacks() -> None:
    pytest.importorskip("datasets")

    assert rt.load([PLAIN, {**PLAIN, "n": 2}]).to_hf()[1]["n"] == 2


def test_frames_show_the_records_as_they_are_now() -> None:
    dataset = rt.load([{"messages": [{"role": "user", "content": "Hi "}]}])
    dataset.check(select="text.whitespace").repairs().apply()

    assert dataset.to_pandas()["messages"][0][0]["content"] == "Hi"
    assert dataset.to_polars()["messages"][0][0]["content"] == "Hi"


# ---------------------------------------------------------------- progress


def test_no_bar_is_shown_where_nobody_looks_and_one_where_it_is_wanted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data = (GOOD_LINE + b"\n") * 9000
    monkeypatch.setattr(progress, "DELAY", 0.0)
    len(rt.load(data))
    len(rt.load(data, progress=False))
    assert capsys.readouterr().err == ""

    len(rt.load(data, progress=True))
    assert "Reading" in capsys.readouterr().err


def test_no_bar_is_shown_for_less_than_a_second(capsys: pytest.CaptureFixture[str]) -> None:
    len(rt.load(GOOD_LINE * 2, progress=True))

    assert capsys.readouterr().err == ""
