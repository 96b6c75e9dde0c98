"""The issue grid in a real JupyterLab: choosing, deciding, repairing and undoing, and how it looks."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

pytest.importorskip("playwright", reason="the browser tests need playwright, see make test-browser")

from jupyterlab import Lab, browser, jupyterlab, write_notebook
from playwright.sync_api import Locator, expect

pytestmark = pytest.mark.browser

CELLS = [
    """import rolethread_nb as rt
flaws = ["{} ", "{}<|im_end|>", "caf\\u00c3\\u00a9 {}", "{}", ""]
def record(n):
    texts = [flaws[(n + at) % 5].format(f"Night {n} at the harbour, turn {at}.") for at in range(6)]
    roles = ("user", "assistant")
    turns = [{"role": roles[at % 2], "content": text} for at, text in enumerate(texts)]
    return {"id": f"c{n}", "title": f"Night {n} at the harbour", "messages": turns}
ds = rt.load([record(n) for n in range(2000)])
from rolethread_nb.widgets.issues import Issues
Issues(ds)""",
    """Issues(rt.load([{"messages": [{"role": "user", "content": "One blank too many "}, {"role": "assistant", "content": "Yes."}]}]))""",
    """Issues(rt.load([{"messages": [{"role": "user", "content": "Where?"}, {"role": "assistant", "content": "South."}]}]))""",
]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    expect.set_options(timeout=30_000)
    files = tmp_path_factory.mktemp("files")
    write_notebook(files / "grid.ipynb", CELLS)
    with jupyterlab(tmp_path_factory.mktemp("lab"), files) as address, browser(address) as page:
        page.open("grid.ipynb")
        page.hide_sidebar()
        page.run_all()
        yield page


@pytest.fixture
def panel(lab: Lab) -> Iterator[Locator]:
    panel = lab.page.locator(".jp-OutputArea .rtnb").first
    panel.scroll_into_view_if_needed()
    yield panel
    for name in ("Choose nothing", "Clear", "Close"):
        button = panel.get_by_role("button", name=name, exact=True)
        if button.is_visible() and button.is_enabled():
            button.click()
    panel.get_by_role("button", name="By code").click()


def rows(panel: Locator) -> Locator:
    return panel.get_by_role("grid").get_by_role("row").filter(has_text=re.compile(r"#\d+"))


def boxes(panel: Locator) -> Locator:
    return panel.get_by_role("grid").locator("[data-check] input")


def toolbar(panel: Locator) -> Locator:
    return panel.get_by_role("toolbar", name="what was chosen")


def test_findings_are_chosen_with_the_keyboard_and_decided_on_in_one_step(lab: Lab, panel: Locator) -> None:
    rows(panel).first.click()
    keys = lab.page.keyboard
    keys.press("Space")
    for _ in range(2):
        keys.press("Shift+ArrowDown")
    expect(toolbar(panel)).to_contain_text("3 findings in 2 conversations")
    lab.picture(panel, "grid-chosen")
    toolbar(panel).get_by_role("button", name="keep").click()
    expect(panel).to_contain_text("Decided keep on 2 conversations.")
    expect(toolbar(panel)).to_have_count(0)
    panel.get_by_role("button", name=re.compile("^Decision")).click()
    expect(panel.get_by_role("menuitemcheckbox", name=re.compile("^keep"))).to_be_visible()
    keys.press("Escape")
    panel.get_by_role("button", name="Undo").click()
    expect(panel).to_contain_text("Took back")


def test_all_that_match_are_chosen_as_a_query(lab: Lab, panel: Locator) -> None:
    panel.get_by_role("searchbox", name="Query").fill("code:turn.empty index:0..9")
    expect(rows(panel)).to_have_count(12)
    rows(panel).first.click()
    lab.page.keyboard.press("Control+a")
    expect(toolbar(panel)).to_contain_text("All 12 findings that match")
    toolbar(panel).get_by_role("button", name="tag…").click()
    lab.page.keyboard.type("calm")
    lab.page.keyboard.press("Enter")
    expect(panel).to_contain_text(re.compile("Tagged calm"))
    panel.get_by_role("button", name="Undo").click()
    expect(panel).to_contain_text("Took back")


def test_a_repair_is_shown_before_it_is_made(lab: Lab, panel: Locator) -> None:
    search = panel.get_by_role("searchbox", name="Query")
    search.fill("code:text.whitespace index:0..19")
    expect(panel.get_by_role("status").filter(has_text=re.compile(r"^24 of"))).to_have_count(1)
    rows(panel).first.click()
    lab.page.keyboard.press("Control+a")
    toolbar(panel).get_by_role("button", name="repair…").click()
    dialog = panel.get_by_role("dialog", name="repairs")
    expect(dialog).to_contain_text("24 places would change.")
    lab.picture(panel, "grid-repair")
    dialog.get_by_role("button", name="Repair 24 places").click()
    expect(panel).to_contain_text("No finding matches this query.")
    panel.get_by_role("button", name="Undo").click()
    expect(rows(panel).first).to_be_visible()


def test_what_is_ignored_is_counted_and_can_be_restored(lab: Lab, panel: Locator) -> None:
    boxes(panel).first.click()
    toolbar(panel).get_by_role("button", name="ignore").click()
    panel.get_by_role("button", name="1 ignored").click()
    expect(boxes(panel)).to_have_count(1)
    boxes(panel).first.click()
    toolbar(panel).get_by_role("button", name="restore").click()
    expect(panel.get_by_role("button", name="1 ignored")).to_have_count(0)


def test_it_is_drawn_in_every_presentation_theme_and_width(lab: Lab, panel: Locator) -> None:
    for row, decision in ((0, "keep"), (3, "reject"), (6, "later"), (9, "fix")):
        boxes(panel).nth(row).click()
        toolbar(panel).get_by_role("button", name=decision).click()
        expect(panel).to_contain_text(f"Decided {decision} on c")
    panel.get_by_role("button", name="By conversation").click()
    expect(panel.get_by_role("grid", name="findings by conversation")).to_contain_text(
        "Night 0 at the harbour"
    )
    lab.picture(panel, "grid-conversations")
    panel.get_by_role("button", name="Table").click()
    expect(panel.get_by_role("columnheader").nth(2)).to_have_text("Code")
    lab.picture(panel, "grid-light")
    lab.theme("JupyterLab Dark")
    lab.picture(panel, "grid-dark")
    lab.theme("JupyterLab Light")
    panel.evaluate("root => { root.style.width = '480px'; }")
    lab.picture(panel, "grid-480")
    panel.get_by_role("button", name="By code").click()
    lab.picture(panel, "grid-480-code")
    panel.evaluate("root => { root.style.width = ''; root.dir = 'rtl'; }")
    panel.get_by_role("button", name="Table").click()
    lab.picture(panel, "grid-rtl")
    panel.evaluate("root => { root.removeAttribute('dir'); }")
    panel.get_by_role("searchbox", name="Query").fill("colour:red")
    expect(panel).to_contain_text("No term is called colour:")
    lab.picture(panel, "grid-error")
    outputs = lab.page.locator(".jp-OutputArea .rtnb")
    lab.picture(outputs.nth(1), "grid-one")
    lab.picture(outputs.nth(2), "grid-empty")
    assert lab.foreign == []
