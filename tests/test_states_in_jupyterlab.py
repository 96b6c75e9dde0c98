"""Every component with one finding, with nothing, and with something that went wrong: each has a sentence, none a blank box."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

pytest.importorskip("playwright", reason="the browser tests need playwright, see make test-browser")

from jupyterlab import Lab, browser, jupyterlab, write_notebook
from playwright.sync_api import Locator, expect

pytestmark = pytest.mark.browser

SETUP = """
import rolethread_nb as rt

def chat(*texts):
    return {"messages": [{"role": ("user", "assistant")[at % 2], "content": text} for at, text in enumerate(texts)]}

one = rt.load([chat("Where does the river go? ", "South, past the lamp at the harbour.")]).check()
good = rt.load([chat("Where does the river go?", "South, past the lamp at the harbour.")])
none = rt.load([])
gone = rt.load([{"id": "harbour", **chat("Where does the river go?", "South, past the lamp at the harbour.")}])
arabic = rt.load([chat("أين يذهب النهر؟", "إلى الجنوب، يا قبطان."), chat("ومتى نبحر؟", "عند الفجر. ", "والريح؟")])
"""
# The name of a picture, the expression that is shown, and words that have to be there.
STATES = {
    "review-one": ("rt.review(one)", "1 finding"),
    "review-empty": ("rt.review(none)", "No findings. 0 conversations"),
    "review-error": ("asked = [rt.review(one)]\nasked[0]", "No term is called colour:"),
    "thread-one": ("rt.Thread(one)", "1 of 1"),
    "thread-empty": ("rt.Thread(none)", "No conversation to show."),
    "thread-error": ("leaving = rt.Thread(gone, at='harbour')\nleaving", "There is no conversation"),
    "balance-one": ("rt.Balance(one)", "1"),
    "balance-empty": ("rt.Balance(none)", "No conversations, so nothing to weigh."),
    "balance-error": ("asked += [rt.Balance(one)]\nasked[1]", "No term is called colour:"),
    "preflight-one": (
        "rt.PreflightPanel(good.preflight(targets=['trl'], max_tokens=12))",
        "altered",
    ),
    "preflight-empty": (
        "rt.PreflightPanel(good.preflight(targets=['trl']))",
        "taken as",
    ),
    "preflight-error": (
        "asked += [rt.PreflightPanel(good.preflight(targets=['trl']))]\nasked[2]",
        "colour:red",
    ),
    "preflight-arabic": ("rt.PreflightPanel(arabic.preflight(targets=['trl']))", "أين يذهب النهر؟"),
}

# What goes wrong once they are drawn: a conversation is taken out, a query is not understood.
WRONG = "gone.exclude('harbour')\nfor panel in asked:\n    panel.filters = 'colour:red'"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    expect.set_options(timeout=60_000)
    files = tmp_path_factory.mktemp("files")
    write_notebook(files / "states.ipynb", [SETUP, *(shown for shown, _ in STATES.values()), WRONG])
    with (
        jupyterlab(tmp_path_factory.mktemp("lab"), files) as address,
        browser(address, width=1240, height=1000) as page,
    ):
        page.open("states.ipynb")
        page.hide_sidebar()
        page.run_all()
        yield page


def part(lab: Lab, name: str) -> Locator:
    cell = lab.page.locator(".jp-Notebook .jp-CodeCell").nth(list(STATES).index(name) + 1)
    return cell.locator(".rtnb").first


@pytest.mark.parametrize("name", STATES)
def test_it_says_what_is_there_and_what_is_not(lab: Lab, name: str) -> None:
    panel = part(lab, name)
    panel.scroll_into_view_if_needed()
    expect(panel).to_contain_text(STATES[name][1])
    expect(panel.locator("[aria-busy=true]")).to_have_count(0)
    lab.page.wait_for_timeout(300)
    lab.picture(panel, name)


def test_nothing_went_wrong(lab: Lab) -> None:
    assert lab.problems == []
    assert lab.foreign == []
