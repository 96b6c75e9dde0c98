"""The spreadsheet views in a real JupyterLab: a canvas, so rows are met where they are drawn and Python says what happened."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("playwright", reason="the browser tests need playwright, see make test-browser")

from jupyterlab import Lab, browser, jupyterlab, write_notebook
from playwright.sync_api import Locator, expect

pytestmark = pytest.mark.browser

HEADER, ROW = 30, 26
LONG = 100_000
WORDS = "river castle goes south the a of and".split()


def record(n: int, *texts: str, **more: Any) -> dict[str, Any]:
    roles = ("user", "assistant")
    return {
        "id": f"c{n:06d}",
        **more,
        "messages": [{"role": roles[k % 2], "content": t} for k, t in enumerate(texts)],
    }


def short() -> list[dict[str, Any]]:
    """Twelve conversations; the words fall, so that sorting by them turns the rows round. One tries to be more than text."""
    made = [
        record(n, "Where to?", " ".join(WORDS[: 8 - n % 8] * (13 - n)), title=f"Talk {n}") for n in range(12)
    ]
    made[2]["title"] = "<img src=x onerror='window.broken=1'>"
    made[5]["messages"][1]["content"] = ""
    return made


def write(path: Path, records: Any) -> None:
    path.write_text("".join(json.dumps(one) + "\n" for one in records), encoding="utf-8")


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    expect.set_options(timeout=20_000)
    files = tmp_path_factory.mktemp("files")
    write(files / "short.jsonl", short())
    write(
        files / "long.jsonl",
        (record(n, "Where to?", " ".join(WORDS[: n % 8]), title=f"Talk {n}") for n in range(LONG)),
    )
    cells = [
        "import rolethread_nb as rt\nds = rt.load('short.jsonl')\ngrid = ds.datagrid()\ngrid",
        "findings = grid.report.datagrid()\nfindings",
        "long = rt.load('long.jsonl', progress=False)\nrows = long.datagrid(long.check(select=['turn']))\nrows",
    ]
    write_notebook(files / "grids.ipynb", cells)
    with jupyterlab(tmp_path_factory.mktemp("lab"), files) as address, browser(address) as page:
        page.open("grids.ipynb")
        page.hide_sidebar()
        page.run_all()
        yield page


def said(lab: Lab, expression: str) -> Any:
    """What an expression is in the kernel."""
    printed = lab.page.evaluate(
        """async code => {
            const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
            const asked = kernel.requestExecute({ code, silent: false, store_history: false });
            let out = '';
            asked.onIOPub = message => { out += message.content.text ?? message.content.evalue ?? ''; };
            await asked.done;
            return out;
        }""",
        f"import json; print(json.dumps({expression}))",
    )
    return json.loads(printed)


def becomes(lab: Lab, expression: str, value: Any) -> None:
    """Wait until an expression is something in the kernel."""
    for _ in range(100):
        if (now := said(lab, expression)) == value:
            return
        lab.page.wait_for_timeout(200)
    assert now == value


def sheet(lab: Lab, n: int) -> Locator:
    found = lab.page.locator(".jp-OutputArea .datagrid-container").nth(n)
    found.scroll_into_view_if_needed()
    return found


def thread(lab: Lab, n: int) -> Locator:
    return lab.page.locator(".jp-OutputArea .rt-datagrid").nth(n).get_by_role("region", name="conversation #")


def cell(lab: Lab, n: int, grid: str, position: int, column: str) -> tuple[float, float]:
    """Where a cell is drawn."""
    box = sheet(lab, n).bounding_box()
    assert box is not None
    widths = said(lab, f"[[name, {grid}.sheet.column_widths[name]] for name in {grid}._rows.columns]")
    left = sum(width for _, width in widths[: [name for name, _ in widths].index(column)])
    return box["x"] + 2 + left + 12, box["y"] + 2 + HEADER + ROW * position + ROW / 2


def click(lab: Lab, n: int, grid: str, position: int, column: str) -> None:
    lab.page.mouse.click(*cell(lab, n, grid, position, column))


def fill(lab: Lab, n: int, grid: str, position: int, column: str, text: str) -> None:
    lab.page.mouse.dblclick(*cell(lab, n, grid, position, column))
    editor = lab.page.locator(".lm-DataGrid-cellEditorInput")
    editor.fill(text)
    editor.press("Enter")


KEY = "json.loads({}.selection)['key']"


def test_choosing_a_row_opens_its_conversation_also_with_the_arrow_keys(lab: Lab) -> None:
    click(lab, 0, "grid", 3, "title")
    becomes(lab, KEY.format("grid"), "0:3")
    expect(thread(lab, 0)).to_have_attribute("aria-label", "conversation #3")
    lab.page.keyboard.press("ArrowDown")
    expect(thread(lab, 0)).to_have_attribute("aria-label", "conversation #4")


def test_d_d_in_the_sheet_leaves_the_notebook_alone(lab: Lab) -> None:
    count = lab.cell_count()
    for grid, n in (("grid", 0), ("findings", 1)):
        click(lab, n, grid, 0, "id")
        for key in ("d", "d", "b", "x"):
            lab.page.keyboard.press(key)
        lab.page.keyboard.press("Escape")
    assert lab.cell_count() == count
    assert said(lab, "dict(ds.decisions)") == {}


def test_an_edited_cell_is_in_the_journal_and_a_wrong_value_goes_back(lab: Lab) -> None:
    fill(lab, 0, "grid", 1, "decision", "kee")
    becomes(lab, "dict(ds.decisions)", {"c000001": "keep"})
    becomes(lab, "dict(rt.load('short.jsonl').decisions)", {"c000001": "keep"})
    fill(lab, 0, "grid", 1, "decision", "maybe")
    expect(lab.page.get_by_role("alert").filter(has_text="'maybe' is no decision")).to_be_visible()
    assert said(lab, "grid.sheet.data['decision'].tolist()[:3]") == ["", "keep", ""]
    fill(lab, 0, "grid", 2, "title", "Other")
    expect(
        lab.page.get_by_role("alert").filter(has_text="The column title comes from the data")
    ).to_be_visible()


def test_a_sorted_sheet_opens_and_writes_what_stands_there_now(lab: Lab) -> None:
    said(lab, "grid.sheet.transform([{'type': 'sort', 'column': 'title', 'desc': True}])")
    becomes(lab, "grid.sheet._visible_rows[:2]", [9, 8])
    click(lab, 0, "grid", 1, "id")
    expect(thread(lab, 0)).to_have_attribute("aria-label", "conversation #8")
    fill(lab, 0, "grid", 1, "tags", "late, calm")
    becomes(lab, "ds.tags('c000008')", ["calm", "late"])
    said(lab, "[ds.undo(), grid.refresh()][1]")
    assert said(lab, "grid.sheet.data['tags'].tolist()") == [""] * 12
    said(lab, "grid.sheet.revert()")


def test_a_finding_opens_at_its_turn(lab: Lab) -> None:
    row = said(lab, "findings._rows.column('code').to_list().index('turn.empty')")
    click(lab, 1, "findings", row, "message")
    expect(thread(lab, 1)).to_have_attribute("aria-label", "conversation #5")
    becomes(lab, "json.loads(findings.selection)['turn']", 1)


def test_a_hundred_thousand_rows_scroll_and_open(lab: Lab) -> None:
    assert said(lab, "[rows.sheet._row_count, rows.sheet.editable]") == [LONG, False]
    box = sheet(lab, 2).bounding_box()
    assert box is not None
    lab.page.mouse.move(box["x"] + 200, box["y"] + 200)
    for _ in range(20):
        lab.page.mouse.wheel(0, 2600)
    lab.page.wait_for_timeout(500)
    lab.page.mouse.click(box["x"] + 200, box["y"] + 200)
    place = f"int({KEY.format('rows')}[2:])"
    becomes(lab, f"{place} > 500", True)
    expect(thread(lab, 2)).to_have_attribute("aria-label", f"conversation #{said(lab, place)}")


def test_it_follows_the_theme(lab: Lab) -> None:
    for theme in ("Light", "Dark"):
        lab.theme(f"JupyterLab {theme}")
        lab.page.wait_for_timeout(500)
        for n, name in enumerate(("conversations", "findings", "long")):
            lab.picture(
                lab.page.locator(".jp-OutputArea .rt-datagrid").nth(n), f"datagrid-{name}-{theme.lower()}"
            )
    lab.theme("JupyterLab Light")


def test_nothing_went_wrong_no_text_ran_and_nothing_left_the_machine(lab: Lab) -> None:
    assert lab.page.evaluate("() => window.broken ?? null") is None
    assert lab.problems == []
    assert lab.foreign == []
