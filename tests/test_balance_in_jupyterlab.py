"""The balance in a real JupyterLab: charts that filter one another, and what a screen reader finds in every component."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("playwright", reason="the browser tests need playwright, see make test-browser")

from conftest import ROOT
from jupyterlab import Lab, browser, jupyterlab
from playwright.sync_api import Locator, expect

pytestmark = pytest.mark.browser

AXE = ROOT / "js" / "node_modules" / "axe-core" / "axe.min.js"
GROUPS = ["Shape", "Length", "How it is told", "Habits", "What it is made of"]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    expect.set_options(timeout=30_000)
    examples = ROOT / "example_notebooks"
    with jupyterlab(tmp_path_factory.mktemp("lab"), examples) as address, browser(address) as page:
        page.open("02_balance.ipynb")
        page.hide_sidebar()
        page.run_all()
        yield page


@pytest.fixture
def charts(lab: Lab) -> Locator:
    """The balance of the personas, the second one of the notebook."""
    found = lab.page.locator(".jp-OutputArea .rtnb").nth(1)
    found.scroll_into_view_if_needed()
    return found


def chart(charts: Locator, name: str) -> Locator:
    return charts.locator(f"[data-chart={name}]")


def wrongs(lab: Lab, part: Locator) -> list[Any]:
    """What axe finds in a component as it is painted, contrast included."""
    if not lab.page.evaluate("() => 'axe' in window"):
        # JupyterLab's own loader of modules would take the script for itself.
        source = AXE.read_text(encoding="utf-8")
        lab.page.evaluate(f"() => {{ const define = undefined, module = undefined; {source} }}")
    handle = part.element_handle()
    found: list[Any] = lab.page.evaluate(
        """async root => {
            const { violations } = await axe.run(root);
            return violations.map(one => [one.id, one.nodes.length, one.nodes[0].html.slice(0, 200), one.nodes[0].failureSummary.slice(0, 300)]);
        }""",
        handle,
    )
    return found


def test_the_charts_stand_under_headings_and_say_what_they_show(lab: Lab, charts: Locator) -> None:
    expect(charts.get_by_role("heading")).to_have_text(GROUPS)
    expect(chart(charts, "phrase")).to_contain_text("of replies have one of three phrases")
    expect(
        chart(charts, "phrase").get_by_role("button", name="Would you like me", exact=True)
    ).to_be_visible()
    expect(chart(charts, "words_by_role").locator("svg")).to_have_count(2)


def test_a_choice_filters_the_other_charts_and_is_a_line_of_python(lab: Lab, charts: Locator) -> None:
    before = chart(charts, "exchanges").locator("small").inner_text()
    chart(charts, "phrase").get_by_role("button", name="Would you like me", exact=True).click()
    expect(chart(charts, "exchanges").locator("small")).to_have_text(
        "exchanges a conversation, 30 conversations"
    )
    expect(chart(charts, "phrase")).to_contain_text("505 replies")
    python = charts.get_by_role("button", name="Copy as Python").get_attribute("title")
    assert python == r'ds.where("phrase:\"would you like me\"")'
    charts.get_by_role("button", name="Clear").click()
    expect(chart(charts, "exchanges").locator("small")).to_have_text(before)


def test_a_chart_is_saved_as_a_picture_of_its_own(lab: Lab, charts: Locator, tmp_path: Path) -> None:
    with lab.page.expect_download() as waiting:
        chart(charts, "words_by_role").get_by_role("button", name="Save this chart").click()
    saved = tmp_path / "chart.svg"
    waiting.value.save_as(saved)
    assert waiting.value.suggested_filename == "words_by_role.svg"
    assert "<svg" in saved.read_text(encoding="utf-8")
    assert "rt-" not in saved.read_text(encoding="utf-8")


def test_keys_walk_over_the_marks_and_choose(lab: Lab, charts: Locator) -> None:
    mark = chart(charts, "roles").get_by_role("button", name="user: ")
    chart(charts, "roles").locator("[tabindex='0']").last.focus()
    lab.page.keyboard.press("Home")
    lab.page.keyboard.press("ArrowDown")
    expect(mark).to_be_focused()
    lab.page.keyboard.press("Enter")
    expect(mark).to_have_attribute("aria-pressed", "true")
    lab.page.keyboard.press("Enter")
    expect(mark).to_have_attribute("aria-pressed", "false")


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_axe_finds_nothing_in_the_charts(lab: Lab, charts: Locator, theme: str) -> None:
    lab.theme(theme)
    lab.page.mouse.move(0, 0)
    lab.picture(charts, f"balance-{theme.split()[1].lower()}")
    assert wrongs(lab, charts) == []
    lab.theme("JupyterLab Light")


def test_a_narrow_cell_cuts_nothing(lab: Lab, charts: Locator) -> None:
    lab.page.set_viewport_size({"width": 640, "height": 1100})
    lab.page.wait_for_timeout(400)
    assert charts.evaluate("root => root.scrollWidth - root.clientWidth") <= 1
    lab.page.mouse.move(0, 0)
    lab.picture(charts, "balance-640")
    lab.page.set_viewport_size({"width": 1600, "height": 1200})


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
@pytest.mark.parametrize(
    ("notebook", "at"),
    [
        ("01_review.ipynb", 0),
        ("02_right_to_left.ipynb", 1),
        ("02_right_to_left.ipynb", 2),
        ("03_before_training.ipynb", 0),
    ],
)
def test_axe_finds_nothing_in_the_other_components(lab: Lab, notebook: str, at: int, theme: str) -> None:
    if not lab.page.url.endswith(notebook):
        lab.open(notebook)
        lab.hide_sidebar()
        lab.run_all()
    lab.theme(theme)
    part = lab.page.locator(".jp-OutputArea .rtnb").nth(at)
    part.scroll_into_view_if_needed()
    assert wrongs(lab, part) == []
    lab.theme("JupyterLab Light")


def test_nothing_went_wrong_and_nothing_left_the_machine(lab: Lab) -> None:
    assert lab.problems == []
    assert lab.foreign == []
