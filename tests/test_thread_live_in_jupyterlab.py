"""A thread that stands by itself, beside a panel: what is done in one or from Python is seen in the other, and nobody loses their place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("playwright", reason="the browser tests need playwright, see make test-browser")

from jupyterlab import Lab, browser, jupyterlab, write_notebook
from playwright.sync_api import Locator, expect

pytestmark = pytest.mark.browser

CELLS = [
    """
import rolethread_nb as rt
turns = [{"role": ("user", "assistant")[n % 2], "content": f"turn {n} speaks of the river " * 6 + "."} for n in range(300)]
ds = rt.load([{"id": "long", "messages": turns}, {"id": "short", "messages": turns[:2]}])
report = ds.check()
""",
    "rt.Thread(report, at='long#150')",
    "rt.review(report, at='long')",
]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    expect.set_options(timeout=60_000)
    files = tmp_path_factory.mktemp("files")
    write_notebook(files / "live.ipynb", CELLS)
    with jupyterlab(tmp_path_factory.mktemp("lab"), files) as address, browser(address) as page:
        page.open("live.ipynb")
        page.hide_sidebar()
        page.run_all()
        yield page


def part(lab: Lab, number: int) -> Locator:
    return lab.page.locator(".jp-OutputArea .rtnb").nth(number)


def run(lab: Lab, code: str) -> None:
    """Run Python in the kernel, as a cell elsewhere would."""
    lab.page.evaluate(
        """async code => {
            const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
            const reply = await kernel.requestExecute({ code, store_history: false }).done;
            if (reply.content.status !== 'ok') throw new Error(reply.content.evalue);
        }""",
        code,
    )


def place(lab: Lab) -> dict[str, Any]:
    """How far the thread is scrolled, where turn 150 stands in its box, and what has the focus."""
    found: dict[str, Any] = part(lab, 0).evaluate(
        """root => {
            const box = root.querySelector(".rt-thread-box");
            const turn = box.querySelector('[data-turn="150"]');
            return {
                top: Math.round(turn.getBoundingClientRect().top - box.getBoundingClientRect().top),
                focus: root.ownerDocument.activeElement?.getAttribute("aria-label"),
            };
        }"""
    )
    return found


def test_an_edit_from_python_is_seen_and_the_place_stays(lab: Lab) -> None:
    thread = part(lab, 0)
    expect(thread.locator("[data-turn='299']")).to_be_attached()
    thread.scroll_into_view_if_needed()
    thread.locator("[data-turn='150'] .rt-number").click()
    thread.locator("[data-turn='150'] .rt-number").focus()
    lab.page.wait_for_timeout(500)
    before = place(lab)
    assert before["focus"] == "turn 150, actions"
    run(lab, "ds.edit('long', 151, text='The river runs backwards today.')")
    expect(thread.locator("[data-turn='151']")).to_contain_text("backwards today")
    expect(thread.locator(".rt-edited")).to_have_text("edited")
    lab.page.wait_for_timeout(500)
    assert place(lab) == before
    # What is far above grows: the text that is read stays where it is.
    run(lab, "ds.edit('long', 3, text='A much longer turn than before. ' * 40)")
    expect(thread.locator("[data-turn='3']")).to_contain_text("A much longer turn")
    lab.page.wait_for_timeout(500)
    after = place(lab)
    assert after["focus"] == before["focus"]
    assert abs(after["top"] - before["top"]) <= 2


def test_what_is_decided_noted_and_tagged_in_a_panel_is_seen(lab: Lab) -> None:
    panel, keys = part(lab, 1), lab.page.keyboard
    panel.locator(".rt-frame").focus()
    keys.press("m")
    keys.type("ask Mara about this")
    keys.press("Enter")
    standing = part(lab, 0).locator(".rt-standing")
    expect(standing).to_have_text("“ask Mara about this”")
    keys.press("t")
    keys.type("sea, wild")
    keys.press("Enter")
    expect(standing).to_contain_text("sea")
    keys.press("t")
    keys.type("calm, -wild")
    keys.press("Enter")
    expect(panel.locator(".rt-said")).to_contain_text("Tagged calm, untagged wild: long.")
    keys.press("1")
    expect(standing.locator("bdi")).to_have_text(["keep", "calm", "sea", "“ask Mara about this”"])
    lab.picture(part(lab, 0), "thread-live-light")
    run(lab, "assert ds.notes == {'long': 'ask Mara about this'} and len(ds.history()) == 6")


def test_what_is_undone_is_as_it_was(lab: Lab) -> None:
    run(lab, "while ds.undo(): pass")
    thread = part(lab, 0)
    expect(thread.locator(".rt-standing")).to_have_count(0)
    expect(thread.locator(".rt-edited")).to_have_count(0)
    expect(thread.locator("[data-turn='151']")).to_contain_text("turn 151 speaks")
    run(lab, "ds.exclude('long')")
    expect(thread.get_by_role("alert")).to_contain_text("There is no conversation")
    run(lab, "ds.undo()")
    expect(thread.get_by_role("alert")).to_have_count(0)
    assert lab.problems == []
    assert lab.foreign == []
