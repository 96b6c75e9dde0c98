"""The example notebooks in a real JupyterLab: what a person does with the panel, and what must not happen."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("playwright", reason="the browser tests need playwright, see make test-browser")

from jupyterlab import Lab, browser, jupyterlab
from playwright.sync_api import Locator, expect

EXAMPLES = Path(__file__).parent.parent / "example_notebooks"

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    expect.set_options(timeout=20_000)
    with jupyterlab(tmp_path_factory.mktemp("lab"), EXAMPLES) as address, browser(address) as page:
        page.open("01_review.ipynb")
        page.hide_sidebar()
        page.run_all()
        yield page


@pytest.fixture
def panel(lab: Lab) -> Iterator[Locator]:
    """The review panel of the notebook, with nothing filtered."""
    panel = lab.page.locator(".jp-OutputArea .rtnb").first
    panel.scroll_into_view_if_needed()
    yield panel
    clear = panel.get_by_role("button", name="Clear")
    if clear.is_enabled():
        clear.click()


def rows(panel: Locator) -> Locator:
    """The findings in the grid (not the headings of their groups)."""
    return panel.get_by_role("grid").get_by_role("row").filter(has_text=re.compile(r"^#\d+"))


def thread(panel: Locator) -> Locator:
    return panel.get_by_role("region", name=re.compile("^conversation #"))


def matched(panel: Locator) -> int:
    """How many findings the panel says it lists."""
    text = panel.get_by_role("tab", name=re.compile("^Findings")).inner_text()
    return int(re.sub(r"\D", "", text))


def test_choosing_a_finding_opens_its_conversation_at_the_turn(lab: Lab, panel: Locator) -> None:
    row = rows(panel).filter(has_text="#114").first
    row.click()
    expect(thread(panel)).to_have_attribute("aria-label", "conversation #114")
    expect(thread(panel).locator("article[aria-current=true], article.rt-selected").first).to_be_in_viewport()


def test_the_keys_j_and_k_walk_through_findings_and_the_thread_follows(lab: Lab, panel: Locator) -> None:
    rows(panel).first.click()
    before = thread(panel).get_attribute("aria-label")
    for _ in range(8):
        lab.page.keyboard.press("j")
    expect(thread(panel)).not_to_have_attribute("aria-label", str(before))
    for _ in range(8):
        lab.page.keyboard.press("k")
    expect(thread(panel)).to_have_attribute("aria-label", str(before))


def test_choosing_a_bar_filters_the_grid(lab: Lab, panel: Locator) -> None:
    everything = matched(panel)
    bar = panel.locator("[data-chart=findings]").get_by_role("button", name=re.compile("^leak.macro"))
    bar.scroll_into_view_if_needed()
    bar.click()
    expect(panel.get_by_role("searchbox", name="Query")).to_have_value("code:leak.macro")
    expect(panel.get_by_role("tab", name=re.compile("^Findings"))).not_to_contain_text(str(everything))
    assert 0 < matched(panel) < everything


def test_a_query_reaches_python_and_comes_back_as_text(lab: Lab, panel: Locator) -> None:
    panel.get_by_role("searchbox", name="Query").fill("severity:error turn.not_object")
    expect(panel.get_by_role("tab", name=re.compile("^Findings"))).to_contain_text("4")
    panel.get_by_role("searchbox", name="Query").fill("colour:red")
    expect(panel).to_contain_text("No term is called colour:")


def test_d_d_and_b_inside_the_panel_leave_the_notebook_alone(lab: Lab, panel: Locator) -> None:
    count = lab.cell_count()
    rows(panel).first.click()
    for target in (
        rows(panel).first,
        panel.get_by_role("button", name="All keys"),
        thread(panel).get_by_role("switch"),
    ):
        target.focus()
        for key in ("d", "d", "b", "a", "x", "z", "Shift+M"):
            lab.page.keyboard.press(key)
    assert lab.cell_count() == count
    if panel.get_by_role("button", name="Show charts").is_visible():  # b is the panel's own key as well
        lab.page.keyboard.press("b")


def test_escape_gives_the_keys_back_to_the_notebook(lab: Lab, panel: Locator) -> None:
    rows(panel).first.click()
    lab.page.keyboard.press("Escape")
    inside = lab.page.evaluate("() => document.activeElement.closest('.rtnb') !== null")
    assert not inside


def test_white_space_is_written_out_on_demand(lab: Lab, panel: Locator) -> None:
    switch = panel.get_by_role("switch", name="White space")
    blank = thread(panel).locator("article").first.locator("i[data-sign='·']")
    expect(blank).to_have_count(0)
    switch.click()
    expect(blank.first).to_be_visible()
    switch.click()
    expect(blank).to_have_count(0)


def test_the_panel_fits_a_narrow_and_a_wide_cell(lab: Lab, panel: Locator) -> None:
    for width in (900, 1600):
        lab.page.set_viewport_size({"width": width, "height": 1200})
        lab.page.wait_for_timeout(300)
        overflow = panel.evaluate("root => root.scrollWidth - root.clientWidth")
        assert overflow <= 1
        lab.picture(panel, f"review-{width}")
    lab.page.set_viewport_size({"width": 1600, "height": 1200})


def test_light_and_dark_are_legible(lab: Lab, panel: Locator) -> None:
    rows(panel).first.click()
    for _ in range(60):  # as far as a placeholder left open in the text of #7
        if thread(panel).get_attribute("aria-label") == "conversation #7":
            break
        lab.page.keyboard.press("j")
        lab.page.wait_for_timeout(100)
    expect(thread(panel)).to_have_attribute("aria-label", "conversation #7")
    for theme in ("JupyterLab Light", "JupyterLab Dark"):
        lab.theme(theme)
        name = theme.split()[1].lower()
        expect(panel).to_have_attribute("data-theme", name)
        text, ground = panel.evaluate(
            "root => { const s = getComputedStyle(root.firstElementChild); return [s.color, s.backgroundColor]; }"
        )
        assert contrast(text, ground) >= 7
        lab.picture(panel, f"review-{name}")
    lab.theme("JupyterLab Light")


def test_every_output_carries_a_static_twin(lab: Lab) -> None:
    bundles = lab.page.evaluate(
        """() => Array.from(window.jupyterapp.shell.currentWidget.content.model.cells).flatMap(cell =>
            (cell.toJSON().outputs ?? []).map(o => o.data ?? {}).filter(d => 'application/vnd.jupyter.widget-view+json' in d))"""
    )
    assert len(bundles) == 1
    assert "turn.not_object" in "".join(bundles[0]["text/html"])
    assert "<script" not in "".join(bundles[0]["text/html"])


def test_right_to_left_text_reads_from_right_to_left(lab: Lab) -> None:
    lab.open("02_right_to_left.ipynb")
    lab.hide_sidebar()
    lab.run_all()
    panel = lab.page.locator(".jp-OutputArea .rtnb").first
    turn = thread(panel).locator("article").first
    assert turn.locator("[dir=rtl]").count() > 0
    expect(panel).to_have_css("direction", "ltr")
    parts = lab.page.locator(".jp-OutputArea .rtnb")
    expect(parts).to_have_count(4)
    for at, name in enumerate(("review-arabic", "issues-arabic", "thread-arabic", "balance-arabic")):
        lab.picture(parts.nth(at), name)
    lab.theme("JupyterLab Dark")
    lab.picture(parts.first, "review-arabic-dark")
    lab.theme("JupyterLab Light")


def test_parts_that_are_linked_move_together(lab: Lab) -> None:
    parts = lab.page.locator(".jp-OutputArea .rtnb")
    expect(thread(parts.nth(2))).to_have_attribute("aria-label", "conversation #1")
    rows(parts.nth(1)).filter(has_text="#3").first.click()
    expect(thread(parts.nth(2))).to_have_attribute("aria-label", "conversation #3")


def test_the_preflight_opens_what_it_counts_and_the_limit_moves_the_cut(lab: Lab) -> None:
    lab.open("03_before_training.ipynb")
    lab.hide_sidebar()
    lab.run_all()
    panel = lab.page.locator(".jp-OutputArea .rtnb").first
    panel.scroll_into_view_if_needed()
    panel.get_by_role("button", name="1 refused by TRL SFT").click()
    cases = panel.get_by_role("grid", name=re.compile("^conversations,")).get_by_role("row")
    expect(cases.filter(has_text=re.compile(r"^#\d+"))).to_have_count(1)
    panel.get_by_role("region", name="reasons, TRL SFT").get_by_role("button").filter(
        has_text=re.compile("answer_cut(?!_)")
    ).click()
    cases.filter(has_text="answer_cut").first.click()
    cut = panel.locator(".rt-rendered s")
    shown = cut.count()
    assert shown > 0
    panel.get_by_role("spinbutton").fill("64")
    expect(cut.nth(shown)).to_be_attached()
    expect(panel.locator("output")).to_have_text(re.compile(r"^Of \d+ conversations, \d+ "))
    for theme in ("JupyterLab Light", "JupyterLab Dark"):
        lab.theme(theme)
        lab.picture(panel, f"preflight-{theme.split()[1].lower()}")
    lab.theme("JupyterLab Light")
    lab.page.set_viewport_size({"width": 700, "height": 1200})
    lab.page.wait_for_timeout(300)
    assert panel.evaluate("root => root.scrollWidth - root.clientWidth") <= 1
    lab.picture(panel, "preflight-700")
    lab.page.set_viewport_size({"width": 1600, "height": 1200})


def test_nothing_went_wrong_and_nothing_left_the_machine(lab: Lab) -> None:
    assert lab.problems == []
    assert lab.foreign == []


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two ``rgb()`` colours (WCAG 2.2, relative luminance)."""

    def luminance(colour: str) -> float:
        channels = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)
