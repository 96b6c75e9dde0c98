"""Values of 1 MB in a real JupyterLab: the panel opens, shows them, and a turn that is edited keeps all of its text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("playwright", reason="the browser tests need playwright, see make test-browser")

from huge import HUGE, corpus
from jupyterlab import Lab, browser, jupyterlab, write_notebook
from playwright.sync_api import Locator, expect

pytestmark = pytest.mark.browser

CELLS = [
    """
import json
import rolethread_nb as rt
ds = rt.load("huge.jsonl")
huge = "x" * 1_000_000
ds.tag("review", huge)
ds.decide("review", "keep", note=huge)
ds.save_query(huge, "castle")
report = ds.check(profile="roleplay")
""",
    "rt.review(report, at='word')",
    "rt.Balance(report)",
    "rt.PreflightPanel(ds.preflight(targets=['openai']))",
]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    expect.set_options(timeout=60_000)
    files: Path = tmp_path_factory.mktemp("files")
    text = "".join(json.dumps(one) + "\n" for one in corpus().values())
    (files / "huge.jsonl").write_text(text, encoding="utf-8")
    write_notebook(files / "huge.ipynb", CELLS)
    with jupyterlab(tmp_path_factory.mktemp("lab"), files) as address, browser(address) as page:
        page.open("huge.ipynb")
        page.hide_sidebar()
        page.run_all()
        yield page


def part(lab: Lab, number: int) -> Locator:
    return lab.page.locator(".jp-OutputArea .rtnb").nth(number)


@pytest.mark.parametrize(("number", "name"), list(enumerate(["review", "balance", "preflight"])))
def test_every_panel_is_drawn_within_its_box(lab: Lab, number: int, name: str) -> None:
    panel = part(lab, number)
    panel.scroll_into_view_if_needed()
    expect(panel).to_be_visible()
    expect(panel.locator("[aria-busy=true]")).to_have_count(0)
    assert panel.evaluate("root => root.scrollWidth - root.clientWidth") <= 1
    lab.picture(panel, f"huge-{name}")


def test_every_conversation_opens_and_keys_still_work(lab: Lab) -> None:
    panel = part(lab, 0)
    panel.scroll_into_view_if_needed()
    panel.get_by_role("tab", name=re.compile("^Conversations")).click()
    rows = panel.get_by_role("grid").get_by_role("row")
    for n, name in enumerate(corpus()):
        rows.filter(has_text=re.compile(rf"^#{n}\D")).first.click()
        thread = panel.get_by_role("region", name=re.compile(rf"^conversation #{n}$"))
        expect(thread, name).to_have_attribute("aria-busy", "false")
    expect(panel.locator(".rt-tag")).to_contain_text("… (1,000,000 characters)")
    panel.locator(".rt-tag").click()
    expect(panel.locator(".rt-tag")).to_have_count(0)
    panel.locator(".rt-frame").focus()
    lab.page.keyboard.press("u")
    expect(panel.locator(".rt-tag")).to_have_count(1)


def test_an_edited_turn_keeps_its_whole_text(lab: Lab) -> None:
    panel = part(lab, 0)
    panel.get_by_role("grid").get_by_role("row").filter(has_text=re.compile(r"^#2\D")).first.click()
    expect(panel.get_by_role("region", name="conversation #2")).to_have_attribute("aria-busy", "false")
    panel.locator("[data-turn='0'] .rt-number").click()
    panel.get_by_role("button", name=re.compile("^Edit")).first.click()
    field = panel.locator("textarea")
    expect(field).to_be_visible()
    assert field.evaluate("field => field.value.length") == len(HUGE)
    field.press("Control+Home")
    lab.page.keyboard.type("y")
    lab.page.keyboard.press("Control+Enter")
    expect(panel.locator(".rt-said")).to_contain_text("Edited turn 0 of word.")
    lab.page.evaluate(
        """async code => {
            const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
            const reply = await kernel.requestExecute({ code, store_history: false }).done;
            if (reply.content.status !== 'ok') throw new Error(reply.content.evalue);
        }""",
        "assert ds['word'].messages[0].text == 'y' + huge",
    )
    assert lab.problems == []
    assert lab.foreign == []
