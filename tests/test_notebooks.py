"""Notebooks: conversations are read from their cells, and written to cells that are read as equal records."""

from __future__ import annotations

import gzip
import json
import tempfile
from pathlib import Path
from typing import Any

import nbformat
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_raw_cell

import rolethread_nb as rt

relaxed = settings(deadline=None, suppress_health_check=list(HealthCheck), max_examples=150)

RECORD: dict[str, Any] = {
    "messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
}
TYPED = "user: Hi\n\nassistant: Hello"
TAGGED = {"tags": ["conversation"]}


def notebook(*cells: Any) -> bytes:
    """The bytes of a notebook of format 4.5 whose cells are called a, b, c."""
    for cell, name in zip(cells, "abcdefgh", strict=False):
        cell["id"] = name
    return nbformat.writes(new_notebook(cells=list(cells))).encode()


def raws(source: Any) -> list[Any]:
    return [conversation.raw for conversation in rt.load(source)]


def as_json(value: Any) -> str:
    """A value in a form in which NaN equals itself and 1 is not true."""
    return json.dumps(value, sort_keys=True)


# ---------------------------------------------------------------- reading


@pytest.mark.parametrize(
    "cell",
    [
        new_code_cell(f"%%thread\n{TYPED}"),
        new_code_cell(f"\n\n%%thread --into ds\n{TYPED}\n"),
        new_code_cell(TYPED, metadata=TAGGED),
        new_raw_cell(TYPED),
        new_markdown_cell(TYPED),
        new_markdown_cell(f"%%thread\n{TYPED}"),
        new_raw_cell(json.dumps(RECORD)),
        new_raw_cell(json.dumps(RECORD, indent=2)),
        new_raw_cell(json.dumps([RECORD])),
        new_markdown_cell(json.dumps(RECORD), metadata=TAGGED),
    ],
)
def test_a_conversation_in_a_cell(cell: Any) -> None:
    ds = rt.load(notebook(new_markdown_cell("# Draft"), cell))

    assert [conversation.raw for conversation in ds] == [RECORD]
    assert ds[0].id == "b"


@pytest.mark.parametrize(
    "cell",
    [
        new_markdown_cell("# Draft\n\nuser: a\nassistant: b"),
        new_markdown_cell("System: Linux"),
        new_code_cell(TYPED),
        new_code_cell("user: str = 'x'\nassistant: str = 'y'"),
        new_code_cell("%%threads\nuser: x"),
        new_code_cell('{"messages": []}'),
        new_raw_cell("[a link] to a page"),
        new_raw_cell("{\\bf bold}"),
        new_raw_cell(""),
    ],
)
def test_what_is_no_conversation_is_left_alone(cell: Any) -> None:
    ds = rt.load(notebook(cell))

    assert len(ds) == 0
    assert ds.index.rejected == []


def test_where_each_comes_from_is_known() -> None:
    lines = [json.dumps(RECORD), "", json.dumps({**RECORD, "id": "mine"})]
    ds = rt.load(notebook(new_raw_cell("\n".join(["", *lines])), new_code_cell(f"\n%%thread\n{TYPED}")))

    assert [(c.id, c.line) for c in ds] == [("a:1", 2), ("mine", 4), ("b", 2)]
    found = ds.sources[0].notebook
    assert found is not None
    assert [(cell.number, cell.id, cell.line) for cell in found.cells] == [
        (1, "a", 2),
        (1, "a", 4),
        (2, "b", 2),
    ]


@pytest.mark.parametrize(
    ("cell", "line", "reason"),
    [
        (new_code_cell("%%thread\n\nHello\nuser: x"), 3, "cell 1 (a): a turn begins with its role"),
        (new_code_cell("%%thread --colour red\nuser: x"), 1, "cell 1 (a): %%thread has no option '--colour'"),
        (new_raw_cell("Hello\nuser: x", metadata=TAGGED), 1, "cell 1 (a): a turn begins with its role"),
        (new_raw_cell(f'{json.dumps(RECORD)}\n{{"messages": ['), 2, "cell 1 (a): "),
        (new_raw_cell('{\n "messages": [,]\n}'), 2, "cell 1 (a): "),
    ],
)
def test_what_cannot_be_read_is_listed_with_its_cell_and_line(cell: Any, line: int, reason: str) -> None:
    ds = rt.load(notebook(cell, new_code_cell(f"%%thread\n{TYPED}")))

    (rejected,) = ds.index.rejected
    assert rejected.line == line
    assert rejected.reason.startswith(reason)
    assert ds["b"].raw == RECORD
    assert ds.check().counts["file.bad_json"] == 1


@pytest.mark.parametrize("minor", range(6))
def test_every_minor_format_is_read(minor: int) -> None:
    made = json.loads(notebook(new_code_cell(f"%%thread\n{TYPED}"), new_raw_cell(json.dumps(RECORD))))
    made["nbformat_minor"] = minor
    if minor < 5:
        for cell in made["cells"]:
            del cell["id"]
    nbformat.validate(made)

    ds = rt.load(json.dumps(made).encode())

    assert [conversation.raw for conversation in ds] == [RECORD, RECORD]


def test_a_notebook_of_format_3_is_read() -> None:
    cells = [{"cell_type": "code", "input": f"%%thread\n{TYPED}", "outputs": []}]
    made = {"metadata": {}, "nbformat": 3, "nbformat_minor": 0, "worksheets": [{"cells": cells}]}

    assert raws(json.dumps(made).encode()) == [RECORD]


def test_the_content_decides_not_the_extension(tmp_path: Path) -> None:
    data = notebook(new_code_cell(f"%%thread\n{TYPED}"))
    (tmp_path / "draft.jsonl").write_bytes(data)
    (tmp_path / "draft.ipynb.gz").write_bytes(gzip.compress(data))
    (tmp_path / "lines.ipynb").write_text(json.dumps(RECORD) + "\n")

    for name in ("draft.jsonl", "draft.ipynb.gz", "lines.ipynb"):
        assert raws(tmp_path / name) == [RECORD], name
    assert raws(b"\xef\xbb\xbf" + data) == [RECORD]
    assert raws(json.dumps(json.loads(data)).encode()) == [RECORD]


def test_records_with_the_keys_of_a_notebook_are_no_notebook() -> None:
    lines = [{"cells": [1], **RECORD}, {"metadata": {"nbformat": "cell_type"}, **RECORD}]

    assert raws("\n".join(map(json.dumps, lines)).encode()) == lines


def test_a_notebook_that_is_cut_off_gives_the_cells_that_are_whole() -> None:
    data = notebook(*(new_code_cell(f"%%thread {n}\n{TYPED}") for n in range(4)))
    ds = rt.load(data[: data.index(b"%%thread 2")])

    assert [conversation.title for conversation in ds] == ["0", "1"]
    assert [rejected.reason.partition(":")[0] for rejected in ds.index.rejected] == [
        "cell 3",
        "the notebook is damaged (line 36",
    ]


def test_cells_that_are_damaged_do_not_hide_the_others() -> None:
    made = json.loads(notebook(new_code_cell(f"%%thread\n{TYPED}")))
    odd: list[Any] = [None, 5, {}, {"source": 5}, {"cell_type": 7, "source": ["a", 5]}]
    odd += [
        {"cell_type": "raw", "source": "\r"},
        {"cell_type": "raw", "source": TYPED, "metadata": 5, "id": 7},
    ]
    made["cells"] = [*odd, *made["cells"]]

    ds = rt.load(json.dumps(made).encode())

    assert [conversation.raw for conversation in ds] == [RECORD, RECORD]
    assert len(ds.index.rejected) == 5


def test_a_notebook_leaves_as_it_came(tmp_path: Path) -> None:
    data = notebook(new_markdown_cell("# Draft"), new_code_cell(f"%%thread\n{TYPED}"))

    rt.load(data).export(tmp_path / "same.ipynb", "same")

    assert (tmp_path / "same.ipynb").read_bytes() == data


# ---------------------------------------------------------------- there and back


def test_a_dataset_is_written_one_conversation_a_cell(tmp_path: Path) -> None:
    call = {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]}
    records = [{**RECORD, "id": "lamp", "tags": ["calm"]}, {"messages": [RECORD["messages"][0], call]}]
    done = rt.load(records).to_notebook(tmp_path / "draft.ipynb")

    made = nbformat.read(tmp_path / "draft.ipynb", as_version=4)
    nbformat.validate(made)
    assert [(cell.cell_type, cell.source.partition("\n")[0]) for cell in made.cells] == [
        ("code", "%load_ext rolethread_nb"),
        ("code", "%%thread --tags calm --id lamp"),
        ("raw", "{"),
    ]
    assert made.cells[2].metadata.tags == ["conversation"]
    assert done.conversations == 2
    assert raws(tmp_path / "draft.ipynb") == records


def test_ids_and_the_metadata_of_cells_are_kept(tmp_path: Path) -> None:
    data = json.loads(
        notebook(
            new_code_cell(f"%%thread --into ds\n{TYPED}", metadata={"slideshow": {"slide_type": "slide"}}),
            new_raw_cell(json.dumps({**RECORD, "source": "forum"}), metadata={"tags": ["mine"]}),
        )
    )
    data["metadata"] = {
        "kernelspec": {"name": "deno", "display_name": "Deno"},
        "widgets": {},
        "title": "Draft",
    }
    ds = rt.load(json.dumps(data).encode())
    ds.to_notebook(tmp_path / "draft.ipynb")

    made = json.loads((tmp_path / "draft.ipynb").read_bytes())
    assert [cell["id"] for cell in made["cells"]] == ["setup", "a", "b"]
    assert made["cells"][1]["source"][0] == "%%thread --into ds\n"
    assert made["cells"][1]["metadata"] == {"slideshow": {"slide_type": "slide"}}
    assert made["cells"][2]["metadata"] == {"tags": ["mine", "conversation"]}
    assert made["metadata"] == {"kernelspec": {"name": "deno", "display_name": "Deno"}, "title": "Draft"}
    assert [c.id for c in rt.load(tmp_path / "draft.ipynb")] == [c.id for c in ds]


def test_a_source_is_never_written_to(tmp_path: Path) -> None:
    path = tmp_path / "draft.ipynb"
    path.write_bytes(data := notebook(new_code_cell(f"%%thread\n{TYPED}")))

    with pytest.raises(rt.ExportError, match="is the source itself"):
        rt.load(path).to_notebook(path, overwrite=True)
    with pytest.raises(rt.ExportError, match="exists already"):
        rt.load([RECORD]).to_notebook(path)
    assert path.read_bytes() == data


def test_changes_and_a_query_decide_what_is_written(tmp_path: Path) -> None:
    ds = rt.load([{"messages": [{"role": "user", "content": f"{text} "}]} for text in ("lamp", "boat")])
    ds.check().repairs().apply()
    done = ds.to_notebook(tmp_path / "draft.ipynb", where="lamp")

    assert raws(tmp_path / "draft.ipynb") == [ds[0].raw]
    assert done.left_out == {"not asked for": 1}


def test_what_a_split_made_is_written_too(tmp_path: Path) -> None:
    ds = rt.load(notebook(new_code_cell(f"%%thread\n{TYPED}\n\n{TYPED}", metadata={"mine": 1})))
    ds.split(ds[0], 2)
    ds.to_notebook(tmp_path / "draft.ipynb")

    assert raws(tmp_path / "draft.ipynb") == [RECORD, RECORD]


VALUES: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=2), st.dictionaries(st.text(max_size=4), inner, max_size=2)
    ),
    max_leaves=4,
)
LINES = st.sampled_from(
    ["", " ", "\\", "user:", "\\user: x", "```", "text ", "\r", "\ud800", "{", "%%thread", "\x0c"]
)
TEXTS = st.one_of(st.lists(LINES, max_size=4).map("\n".join), st.text(max_size=6))
TURNS = st.one_of(
    st.fixed_dictionaries(
        {"role": st.sampled_from(["user", "assistant", "tool", "human"]), "content": TEXTS}
    ),
    st.fixed_dictionaries(
        {"role": st.just("assistant"), "content": st.one_of(TEXTS, VALUES)},
        optional={"name": VALUES, "tool_calls": VALUES, "weight": VALUES},
    ),
    VALUES,
)
CONVERSATIONS = st.one_of(
    st.fixed_dictionaries(
        {"messages": st.lists(TURNS, max_size=3)},
        optional={"id": VALUES, "title": TEXTS, "tags": VALUES, "x": VALUES},
    ),
    st.fixed_dictionaries({"prompt": TEXTS, "completion": TEXTS}),
    st.lists(TURNS, min_size=1, max_size=3),
)


@relaxed
@given(st.lists(CONVERSATIONS, max_size=4))
def test_any_conversation_that_is_written_to_a_notebook_is_read_as_an_equal_one(records: list[Any]) -> None:
    ds = rt.load(records, review=False)
    with tempfile.TemporaryDirectory() as folder:
        ds.to_notebook(Path(folder) / "draft.ipynb")
        made = json.loads((Path(folder) / "draft.ipynb").read_bytes())
        nbformat.validate(made)
        again = rt.load(Path(folder) / "draft.ipynb", review=False)

        assert [as_json(c.raw) for c in again] == [as_json(c.raw) for c in ds]
        assert again.index.rejected == []
        assert len(made["cells"]) == len(ds) + 1


@pytest.mark.parametrize(
    "line",
    [
        b'{"messages": [], "n": 123456789012345678901234567890, "x": 1.50}',
        b'{"messages": [{"role": "user", "content": "a", "content": "b"}]}',
        b'{"messages": [], "n": NaN, "m": 1e999}',
        '{"messages": [{"role": "user", "content": "a\u2028b\x85\x0c"}]}'.encode(),
    ],
)
def test_what_json_readers_differ_in_comes_back_too(line: bytes, tmp_path: Path) -> None:
    ds = rt.load(line)
    ds.to_notebook(tmp_path / "draft.ipynb")
    again = rt.load(tmp_path / "draft.ipynb")

    assert [as_json(c.raw) for c in again] == [as_json(c.raw) for c in ds]
    assert again.check().counts.get("file.duplicate_key") == ds.check().counts.get("file.duplicate_key")


# ---------------------------------------------------------------- whatever a notebook holds

SOURCES = st.one_of(
    TEXTS,
    st.lists(st.one_of(TEXTS, VALUES), max_size=3),
    st.sampled_from(
        [f"%%thread\n{TYPED}", TYPED, json.dumps(RECORD), '[{"a": [}]', "[" * 300, '{"messages": [']
    ),
    VALUES,
)
CELLS = st.one_of(
    st.fixed_dictionaries(
        {"cell_type": st.sampled_from(["code", "raw", "markdown"]), "source": SOURCES},
        optional={"id": st.one_of(st.just("a"), VALUES), "metadata": st.one_of(st.just(TAGGED), VALUES)},
    ),
    VALUES,
)
NOTEBOOKS = st.fixed_dictionaries(
    {"cells": st.one_of(st.lists(CELLS, max_size=4), VALUES)},
    optional={"metadata": VALUES, "nbformat": VALUES, "worksheets": VALUES},
)


@settings(relaxed, max_examples=50)
@given(NOTEBOOKS, st.data())
def test_whatever_a_notebook_holds_nothing_is_raised(made: dict[str, Any], data: st.DataObject) -> None:
    written = json.dumps(made).encode()
    cut, middle = (data.draw(st.integers(0, len(written))) for _ in range(2))
    for damaged in (written, written[:cut], written[:middle] + b'"\xff' + written[middle:]):
        ds = rt.load(damaged)
        ds.check()
        with tempfile.TemporaryDirectory() as folder:
            ds.to_notebook(Path(folder) / "draft.ipynb")
            ds.export(Path(folder) / "same", "same")
            assert (Path(folder) / "same").read_bytes() == damaged
