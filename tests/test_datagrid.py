"""The spreadsheet views: what a row is, that choosing goes by what a row is about, and that cells write to the journal."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rolethread_nb as rt
from rolethread_nb.outputs import datagrid_rows
from rolethread_nb.outputs.datagrid_cells import joined, write
from rolethread_nb.widgets import spreadsheet
from rolethread_nb.widgets.datagrid import ConversationGrid, FindingGrid


def record(name: str, *texts: str, **more: Any) -> dict[str, Any]:
    roles = ("user", "assistant")
    return {
        "id": name,
        **more,
        "messages": [{"role": roles[n % 2], "content": t} for n, t in enumerate(texts)],
    }


RECORDS = [
    record("calm", "Where does the river go?", "South, it seems to me.", title="The river"),
    record("empty", "Hello there, you.", ""),
    record("leak", "And who are you, then?", "I am {{char}}, of course.", "One more?", ""),
    5,
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "chats.jsonl"
    file.write_text("".join(json.dumps(one) + "\n" for one in RECORDS), encoding="utf-8")
    return file


def conversations(path: Path, **more: Any) -> ConversationGrid:
    grid = rt.load(path).datagrid(**more)
    assert isinstance(grid, ConversationGrid)
    return grid


def findings(path: Path) -> FindingGrid:
    grid = rt.load(path).check().datagrid()
    assert isinstance(grid, FindingGrid)
    return grid


def typed(grid: Any, row: int, column: str, value: Any) -> None:
    """What the browser says when a cell was edited; ``row`` is the row's number before anybody sorts."""
    number = grid._rows.columns.index(column) - 1
    told = {
        "event_type": "cell-changed",
        "region": "body",
        "row": row,
        "column_index": number,
        "value": value,
    }
    grid.sheet._handle_custom_msg(told, [])


def clicked(grid: Any, position: int) -> None:
    grid.sheet.selections = [{"r1": position, "c1": 0, "r2": position, "c2": 3}]


def cells(grid: Any, column: str) -> list[Any]:
    return grid._rows.column(column).to_list()


def chosen(grid: Any) -> tuple[str | None, int | None]:
    place = json.loads(grid.selection)
    return place.get("key"), place.get("turn")


# ---------------------------------------------------------------- rows


def test_a_row_is_a_conversation_with_its_size_its_findings_and_its_review(path: Path) -> None:
    dataset = rt.load(path)
    dataset.decide("calm", "keep", note="the tone\nwe want")
    dataset.tag("calm", "water", "short")
    frame = dataset.datagrid().sheet.data

    assert frame.index.name == "id"
    assert list(frame.columns) == [
        *("title", "turns", "words", "exchanges"),
        *("■ errors", "▲ warnings", "○ notes"),
        *("decision", "tags", "note"),
    ]
    shown = frame.loc["calm"].to_list()
    assert shown == ["The river", 2, 10, 1, 0, 0, 0, "keep", "short, water", "the tone↵we want"]
    assert [frame[name].to_list() for name in ("■ errors", "▲ warnings")] == [[0, 1, 1], [0, 0, 1]]


def test_a_row_is_a_finding_the_gravest_first(path: Path) -> None:
    grid = findings(path)
    severities = cells(grid, "severity")

    assert severities == sorted(severities)  # the shapes sort as the severities do
    assert set(severities) <= {"■ error", "▲ warning", "○ note"}
    report = grid.report
    for row in range(len(report)):
        issue = report.issue(grid._rows.place(row).n)
        shown = grid._rows.cells([row]).row(0, named=True)
        assert (shown["id"], shown["code"], shown["turn"]) == (issue.id or "", issue.code, issue.turn)
        assert shown["message"] == issue.message
    assert set(cells(grid, "role")) == {"", "assistant"}


def test_ids_that_two_sources_share_are_told_apart(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / f"{name}.jsonl").write_text(json.dumps(record("same", "Question?", f"Answer {name}.")))
    dataset = rt.load(sorted(tmp_path.glob("*.jsonl")))
    grid = dataset.datagrid()

    assert cells(grid, "file") == ["one.jsonl", "two.jsonl"]
    typed(grid, 1, "decision", "keep")
    assert cells(grid, "decision") == ["", "keep"]
    clicked(grid, 1)
    assert chosen(grid) == ("1:0", None)


def test_a_query_narrows_the_rows(path: Path) -> None:
    assert cells(conversations(path, where="code:leak"), "id") == ["leak"]
    with pytest.raises(rt.QueryError):
        conversations(path, where="colour:red")


def test_a_report_that_was_made_is_not_made_again(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = rt.load(path)
    report = dataset.check(select=["leak"])
    monkeypatch.setattr(rt.Dataset, "check", lambda *_, **__: pytest.fail("checked again"))

    assert dataset.datagrid(report).sheet.data["▲ warnings"].to_list() == [0, 0, 1]


def test_of_too_many_rows_the_gravest_are_shown_and_a_sentence_says_so(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(datagrid_rows, "MOST_ROWS", 2)
    grid, found = conversations(path), findings(path)

    assert cells(grid, "id") == ["empty", "leak"]
    assert "The 2 conversations with the gravest findings, of 3" in grid.children[0].value
    assert len(cells(found, "id")) == 2
    assert f"The 2 gravest findings, of {len(found.report)}" in found.children[0].value


def test_texts_are_shown_literally(tmp_path: Path) -> None:
    hostile = ["<img src=x onerror=alert(1)>", "=1+1", "$NaN$", "a\nb\u202ec\u200b ", "x" * 100_000, "\ud800"]
    records = [record(f"{n}", "Question?", "Answer.", title=title) for n, title in enumerate(hostile)]
    grid = rt.load(records).datagrid()

    shown = cells(grid, "title")
    assert shown[:3] == hostile[:3]
    assert shown[3] == "a↵b⟨U+202E⟩c⟨U+200B⟩·"
    assert len(shown[4]) == 201
    sent = json.loads(json.dumps(grid.sheet.get_state(["_data"])))
    assert sent["_data"]["data"]["title"] == shown  # as plain lists: nothing in them is taken for a number


def test_a_sheet_of_nothing_says_so_in_its_thread() -> None:
    grid = rt.load([5]).datagrid()
    assert len(grid.sheet.data) == 0
    assert json.loads(grid.thread.state)["thread"] is None


# ---------------------------------------------------------------- choosing


def test_choosing_a_row_opens_its_conversation_at_the_turn_of_the_finding(path: Path) -> None:
    grid = findings(path)
    row = next(row for row, code in enumerate(cells(grid, "code")) if code == "leak.macro")
    clicked(grid, row)

    assert chosen(grid) == ("0:2", 1)
    assert json.loads(grid.thread.selection) == json.loads(grid.selection)


def test_a_sorted_or_filtered_sheet_is_understood_by_what_its_rows_are_about(path: Path) -> None:
    grid = conversations(path)
    clicked(grid, 1)
    assert chosen(grid)[0] == "0:1"

    grid.sheet.selections = []  # as the browser does when it sorts
    grid.sheet._visible_rows = [2, 0, 1]
    assert chosen(grid)[0] == "0:1"
    assert grid.sheet.selections[-1]["r1"] == 2  # the mark has moved with its row
    clicked(grid, 0)
    assert chosen(grid)[0] == "0:2"

    grid.sheet._visible_rows = [0, 1]
    assert chosen(grid)[0] == "0:2"
    assert grid.sheet.selections == []


def test_a_row_can_be_chosen_from_python_and_from_the_thread(path: Path) -> None:
    grid = conversations(path)
    grid.sheet._visible_rows = [2, 1, 0]
    grid.select("leak#1")
    assert json.loads(grid.thread.selection) == {"key": "0:2", "turn": 1}
    assert grid.sheet.selections[-1]["r1"] == 0

    grid.thread.selection = json.dumps({"key": "0:0", "turn": 1})
    assert grid.sheet.selections[-1]["r1"] == 2
    with pytest.raises(rt.QueryError, match="No conversation has the id 'nobody'"):
        grid.select("nobody")


# ---------------------------------------------------------------- editing


def test_cells_write_to_the_journal(path: Path) -> None:
    grid = conversations(path)
    typed(grid, 0, "decision", "keep")
    typed(grid, 0, "note", "so calm")
    typed(grid, 2, "tags", 'macro, "one, two"')

    again = rt.load(path)
    made = again.decision("calm")
    assert made is not None
    assert (made.decision, made.note) == ("keep", "so calm")
    assert again.tags("leak") == ["macro", "one, two"]
    assert cells(grid, "tags")[2] == 'macro, "one, two"'


def test_the_first_letters_of_a_decision_are_enough_and_the_note_stays(path: Path) -> None:
    grid = conversations(path)
    grid.dataset.decide("calm", "later", note="look again")
    grid.refresh()
    typed(grid, 0, "decision", "K")

    assert grid.sheet.data["decision"].iloc[0] == "keep"
    assert grid.sheet.data["note"].iloc[0] == "look again"
    typed(grid, 0, "decision", "")
    assert grid.dataset.decision("calm") is None
    assert grid.sheet.data["note"].iloc[0] == "look again"
    typed(grid, 0, "note", "")
    assert grid.sheet.data["note"].iloc[0] == ""


@pytest.mark.parametrize(
    ("column", "value", "why"),
    [
        ("decision", "maybe", "is no decision; there are keep, fix, reject, later"),
        ("title", "Other", "The column title comes from the data"),
        ("words", 3, "The column words comes from the data"),
        ("words", None, "The column words comes from the data"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence_and_the_cell_goes_back(
    path: Path, column: str, value: Any, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    grid = conversations(path)
    before = grid.sheet.data
    sent: list[dict[str, Any]] = []
    monkeypatch.setattr(grid.sheet, "send", lambda content, buffers=None: sent.append(content))
    typed(grid, 0, column, value)

    assert why in grid._said.value
    assert grid.sheet.data.equals(before)
    assert [(told["event_type"], told["row"]) for told in sent] == [("row-changed", 0)]
    assert sent[0]["value"] == list(grid._rows.cells([0]).row(0)[1:])
    assert grid.dataset.history().empty
    typed(grid, 0, "decision", "keep")
    assert grid._said.value == ""


def test_a_sentence_about_what_was_typed_is_no_html(path: Path) -> None:
    grid = conversations(path)
    typed(grid, 0, "decision", "<img src=x onerror=alert(1)>")
    assert "<img" not in grid._said.value


def test_every_finding_of_a_conversation_shows_what_is_decided_on_it(path: Path) -> None:
    grid = findings(path)
    rows = [row for row, name in enumerate(cells(grid, "id")) if name == "leak"]
    assert len(rows) > 1
    typed(grid, rows[0], "decision", "fix")
    assert [grid.sheet.data["decision"].iloc[row] for row in rows] == ["fix"] * len(rows)


def test_a_finding_about_no_conversation_takes_no_decision(path: Path) -> None:
    grid = findings(path)
    row = cells(grid, "code").index("record.not_object")
    clicked(grid, row)
    assert grid._decision.disabled
    typed(grid, row, "decision", "keep")
    assert "This row is about no conversation" in grid._said.value


def test_a_finding_is_ignored_and_reported_again_by_its_cell(path: Path) -> None:
    grid = findings(path)
    row = cells(grid, "code").index("leak.macro")
    typed(grid, row, "ignored", "ignored")
    assert grid.dataset.check().ignored is not None
    typed(grid, row, "ignored", "")
    assert grid.dataset.check().ignored is None


def test_the_fields_below_the_sheet_do_the_same_as_its_cells(path: Path) -> None:
    grid = conversations(path)
    clicked(grid, 1)
    grid._decision.value = "reject"
    grid._note.value = "no answer"
    grid._tags.value = "empty"

    assert grid.sheet.data.loc["empty", ["decision", "tags", "note"]].to_list() == [
        "reject",
        "empty",
        "no answer",
    ]
    clicked(grid, 0)
    assert (grid._decision.value, grid._tags.value, grid._note.value) == ("", "", "")
    assert len(grid.dataset.history()) == 3


def test_undo_is_shown_by_refresh_in_every_grid(path: Path) -> None:
    dataset = rt.load(path)
    one, other = dataset.datagrid(), dataset.check().datagrid()
    typed(one, 2, "decision", "fix")
    other.refresh()
    row = cells(other, "id").index("leak")
    assert other.sheet.data["decision"].iloc[row] == "fix"

    dataset.undo()
    one.refresh()
    other.refresh()
    assert set(one.sheet.data["decision"]) == set(other.sheet.data["decision"]) == {""}


def test_refresh_counts_again_what_was_changed_and_leaves_out_what_is_gone(path: Path) -> None:
    grid = conversations(path)
    grid.select("empty")
    grid.dataset.edit("empty", 1, text="An answer, at last, of some length.")
    grid.refresh()
    assert cells(grid, "■ errors") == [0, 0, 1]
    assert chosen(grid)[0] == "0:1"

    grid.dataset.exclude("calm")
    grid.refresh()
    assert cells(grid, "id") == ["empty", "leak"]
    assert chosen(grid)[0] == "0:1"
    assert grid.sheet.selections[-1]["r1"] == 0
    typed(grid, 1, "decision", "keep")
    assert dict(grid.dataset.decisions) == {"leak": "keep"}


@settings(deadline=None)
@given(tags=st.sets(st.text(min_size=1, max_size=12), max_size=4))
def test_any_tags_come_back_from_their_cell_as_they_were(tags: set[str]) -> None:
    dataset = rt.load(RECORDS[:1])
    given_tags = {clean for tag in tags if (clean := tag.replace("↵", "").replace("\r", "").strip())}
    given_tags = {tag.encode("utf-8", "replace").decode() for tag in given_tags}
    write(dataset, dataset[0], None, "tags", joined(given_tags))
    assert set(dataset.tags(0)) == given_tags


# ---------------------------------------------------------------- long sheets


@pytest.fixture
def streamed(path: Path, monkeypatch: pytest.MonkeyPatch) -> ConversationGrid:
    monkeypatch.setattr(spreadsheet, "STREAMED_ABOVE", 2)
    return conversations(path)


def asked(grid: Any, monkeypatch: pytest.MonkeyPatch, **content: Any) -> Any:
    """What a streamed sheet answers to its browser."""
    sent: list[dict[str, Any]] = []
    monkeypatch.setattr(grid.sheet, "send", lambda content, buffers=None: sent.append(content))
    grid.sheet._handle_custom_msg(content, [])
    (reply,) = sent
    return reply["value"]["data"]


def test_a_long_sheet_is_sent_only_what_is_in_sight(
    streamed: ConversationGrid, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert streamed.sheet._model_name == "StreamingDataGridModel"
    assert not streamed.sheet.editable
    assert "read only" in streamed.children[0].value
    assert streamed.sheet.get_state(["_data"])["_data"]["data"] == {"id": [], "ipydguuid": []}
    page = asked(streamed, monkeypatch, type="data-request", r1=1, r2=1, c1=0, c2=3)
    assert page["id"] == ["empty"]
    assert page["words"] == [3]


@pytest.mark.parametrize(
    ("transforms", "order"),
    [
        ([{"type": "sort", "column": "■ errors", "desc": True}], [1, 2, 0]),
        ([{"type": "filter", "column": "id", "operator": "contains", "value": "E"}], [1, 2]),
        ([{"type": "filter", "column": "id", "operator": "contains", "value": "."}], []),
        ([{"type": "filter", "column": "id", "operator": "!contains", "value": "e"}], [0]),
        ([{"type": "filter", "column": "id", "operator": "startswith", "value": "l"}], [2]),
        ([{"type": "filter", "column": "id", "operator": "endswith", "value": "m"}], [0]),
        ([{"type": "filter", "column": "id", "operator": "in", "value": ["calm", "leak"]}], [0, 2]),
        ([{"type": "filter", "column": "■ errors", "operator": "in", "value": [1]}], [1, 2]),
        ([{"type": "filter", "column": "■ errors", "operator": ">=", "value": 1}], [1, 2]),
        ([{"type": "filter", "column": "■ errors", "operator": "!=", "value": "1"}], [0]),
        ([{"type": "filter", "column": "■ errors", "operator": "between", "value": [1, 2]}], [1, 2]),
        ([{"type": "filter", "column": "title", "operator": "notempty", "value": None}], [0]),
        (
            [
                {"type": "filter", "column": "id", "operator": "!=", "value": "calm"},
                {"type": "sort", "column": "words", "desc": False},
            ],
            [1, 2],
        ),
    ],
)
def test_a_long_sheet_sorts_and_filters_here(
    streamed: ConversationGrid, transforms: list[dict[str, Any]], order: list[int]
) -> None:
    streamed.sheet._transforms = transforms
    assert [streamed.sheet.at(n) for n in range(streamed.sheet._row_count)] == order


def test_in_a_long_sheet_the_mark_moves_with_its_row(streamed: ConversationGrid) -> None:
    clicked(streamed, 0)
    streamed.sheet._transforms = [{"type": "sort", "column": "▲ warnings", "desc": True}]
    assert chosen(streamed)[0] == "0:0"
    assert streamed.sheet.selections[-1]["r1"] == 1
    clicked(streamed, 0)
    assert chosen(streamed)[0] == "0:2"


def test_a_long_sheet_is_edited_by_the_fields_below_it(
    streamed: ConversationGrid, monkeypatch: pytest.MonkeyPatch
) -> None:
    streamed.select("leak")
    streamed._decision.value = "fix"
    page = asked(streamed, monkeypatch, type="data-request", r1=0, r2=9, c1=0, c2=3)
    assert page["decision"] == ["", "", "fix"]
    assert asked(streamed, monkeypatch, type="unique-values-request", column="decision") == {
        "decision": ["", "fix"]
    }


def test_the_heads_of_the_columns_follow_the_theme(path: Path) -> None:
    grid = conversations(path)
    before = grid.sheet.header_renderer
    grid._page.theme = "light"
    assert grid.sheet.header_renderer is before
    grid._page.theme = "dark"
    assert grid.sheet.header_renderer is not before


def test_a_long_sheet_follows_the_theme_and_stays_sorted(streamed: ConversationGrid) -> None:
    clicked(streamed, 0)
    streamed.sheet.transform([{"type": "sort", "column": "▲ warnings", "desc": True}])
    before = streamed.sheet
    streamed._page.theme = "light"
    assert streamed.sheet is before
    streamed._page.theme = "dark"
    assert streamed.sheet is not before
    assert streamed.sheet in streamed.children
    assert before not in streamed.children
    assert streamed.sheet.selections[-1]["r1"] == 1
    clicked(streamed, 0)
    assert chosen(streamed)[0] == "0:2"


def test_a_sheet_that_has_become_short_can_be_edited_again(streamed: ConversationGrid) -> None:
    streamed.dataset.exclude("calm")
    streamed.refresh()
    assert streamed.sheet.editable
    typed(streamed, 0, "decision", "keep")
    assert dict(streamed.dataset.decisions) == {"empty": "keep"}


# ---------------------------------------------------------------- where it can be shown


@pytest.mark.parametrize("module", ["google.colab", "marimo", "pyodide"])
def test_where_ipydatagrid_cannot_be_shown_the_components_say_so_and_take_its_place(
    path: Path, module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, ModuleType(module))
    dataset = rt.load(path)
    panel, issues = dataset.datagrid(where="code:leak"), dataset.check().datagrid()

    assert isinstance(panel, rt.Review)
    assert isinstance(issues, rt.Issues)
    assert panel.filters == "code:leak"
    for shown in (panel, issues):
        assert "does not show ipydatagrid; this is the" in shown.error


def test_marimo_that_is_merely_imported_is_no_hindrance(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    marimo = ModuleType("marimo")
    marimo.running_in_notebook = lambda: False  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "marimo", marimo)
    assert conversations(path) is not None


def test_without_ipydatagrid_everything_else_works(path: Path) -> None:
    story = f"""
import sys
import rolethread_nb as rt
dataset = rt.load({str(path)!r})
report = dataset.check()
assert "ipydatagrid" not in sys.modules and "ipywidgets" not in sys.modules
sys.modules["ipydatagrid"] = None
shown = dataset.datagrid()
assert isinstance(shown, rt.Review), shown
assert shown.error.startswith("ipydatagrid cannot be imported"), shown.error
"""
    subprocess.run([sys.executable, "-c", story], check=True)


def test_without_a_kernel_the_static_page_is_there(path: Path) -> None:
    for grid, part in ((conversations(path), "turn.empty"), (findings(path), "leak.macro")):
        data, _ = grid._repr_mimebundle_()
        assert part in data["text/html"]
        assert "<script" not in data["text/html"]
        assert data["text/plain"] == repr(grid)
