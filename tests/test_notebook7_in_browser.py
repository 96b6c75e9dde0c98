"""The example notebook in a real Notebook 7: the panel, the issue grid and the spreadsheet, and what the keyboard must not do."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("playwright", reason="the browser tests need playwright, see make test-browser")
pytest.importorskip("notebook", reason="Notebook 7 is not installed, see the extra demo")

from conftest import ROOT
from jupyterlab import browser
from playwright.sync_api import Locator, expect

sys.path.insert(0, str(ROOT / "tests" / "hosts"))
from host_servers import DATA, example, jupyter_command, jupyter_environment, serving
from host_story import brightness, contrast, decide, rows, thread
from in_jupyter import JupyterPage

pytestmark = pytest.mark.browser

HERE = Path(sys.executable)


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the example notebook, to which the grid and the spreadsheet were added."""
    return example(tmp_path_factory.mktemp("notebook") / "work").parent


@pytest.fixture(scope="module")
def notebook(work: Path) -> Iterator[JupyterPage]:
    expect.set_options(timeout=30_000)
    command = jupyter_command(HERE, "notebook", work)
    environment = jupyter_environment(work.parent, HERE)
    with serving(command, work, environment=environment) as address, browser(address) as page:
        shown = JupyterPage(page.page, address, module="notebook")
        shown.open("01_review.ipynb")
        shown.run_all()
        yield shown


@pytest.fixture
def panel(notebook: JupyterPage) -> Locator:
    panel = notebook.panels.first
    panel.scroll_into_view_if_needed()
    return panel


def test_a_finding_opens_its_conversation_and_a_decision_is_in_the_journal(
    notebook: JupyterPage, panel: Locator, work: Path
) -> None:
    row = rows(panel).filter(has_text="#114").first
    row.click()
    expect(thread(panel)).to_have_attribute("aria-label", "conversation #114")
    decide(panel, work / DATA)


def test_no_key_in_a_panel_or_a_sheet_edits_the_notebook(notebook: JupyterPage, panel: Locator) -> None:
    count = notebook.cell_count()
    for target in (
        panel.get_by_role("button", name="All keys"),
        rows(panel).first,
        thread(panel).get_by_role("switch"),
        rows(notebook.panels.nth(1)).first,
    ):
        target.focus()
        for key in ("d", "d", "x", "Shift+M"):
            notebook.page.keyboard.press(key)
        assert notebook.cell_count() == count
    notebook.page.locator(".datagrid-container").click(position={"x": 60, "y": 60})
    for key in ("d", "d", "x"):
        notebook.page.keyboard.press(key)
    assert notebook.cell_count() == count


def test_escape_gives_the_keys_back_to_the_notebook(notebook: JupyterPage, panel: Locator) -> None:
    rows(panel).first.click()
    notebook.page.keyboard.press("Escape")
    assert not notebook.page.evaluate("() => document.activeElement.closest('.rtnb') !== null")


def test_the_grid_and_the_spreadsheet_are_shown(notebook: JupyterPage) -> None:
    grid = notebook.panels.nth(1)
    expect(rows(grid).first).to_be_visible()
    expect(notebook.page.locator(".datagrid-container canvas").first).to_be_visible()
    sheet = notebook.page.locator(".rt-datagrid")
    expect(thread(sheet).get_by_role("article").first).to_be_visible()
    expect(notebook.page.get_by_text(re.compile("does not show ipydatagrid"))).to_have_count(0)
    notebook.picture(sheet, "notebook7-datagrid")


def test_light_and_dark_are_those_of_the_notebook(notebook: JupyterPage, panel: Locator) -> None:
    for theme in ("Dark", "Light"):
        notebook.theme(f"JupyterLab {theme}")
        expect(panel).to_have_attribute("data-theme", theme.lower())
        assert (brightness(panel) > 0.5) is (theme == "Light")
        assert contrast(panel) >= 7
        notebook.picture(panel, f"notebook7-{theme.lower()}")


def test_nothing_went_wrong_and_nothing_left_the_machine(notebook: JupyterPage) -> None:
    # Notebook 7.6 raises this one on an empty notebook, too.
    own = [problem for problem in notebook.problems if "reading 'schema'" not in problem]
    assert own == []
    assert notebook.foreign == []
