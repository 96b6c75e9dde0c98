"""Interactive files in a real browser: nothing of the data is markup, nothing is asked of a network, what is left out is said."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from test_witness import CHATS, sft

import rolethread_nb as rt

pytest.importorskip("playwright", reason="the browser tests need playwright, see make test-browser")

from jupyterlab import FLAGS
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

RESULTS = Path(__file__).parent.parent / "test-results"
EVIL = (
    "</script><script>window.broken=1</script><!--<script>\u2028</noscript></style>"
    "<img src=x onerror='window.broken=1'>&lt;b&gt;${1}`\\u003c\x00"
)

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    expect.set_options(timeout=20_000)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=os.environ.get("CHROMIUM"), args=FLAGS)
        yield started
        started.close()


@contextmanager
def opened(chromium: Browser, path: Path, **options: Any) -> Iterator[Page]:
    """A file in a browser without a network. It must make no request, say nothing in the console and raise nothing."""
    context = chromium.new_context(**{"offline": True, "viewport": {"width": 1300, "height": 900}, **options})
    page = context.new_page()
    problems: list[str] = []
    page.on("console", lambda said: problems.append(f"console: {said.text}"))
    page.on("pageerror", lambda error: problems.append(f"page: {error}"))
    page.on("dialog", lambda dialog: problems.append(f"dialog: {dialog.message}"))
    page.on("request", lambda request: requests.append(request.url))
    requests: list[str] = []
    page.goto(path.as_uri())
    yield page
    assert problems == []
    assert requests == [path.as_uri()]
    context.close()


def panel(page: Page) -> Locator:
    return page.locator("#rolethread .rtnb")


def harbour(count: int) -> rt.Dataset:
    """Conversations of which every third ends without an answer."""
    return rt.load(
        [
            {
                "id": f"c{n}",
                "title": f"Harbour {n}",
                "messages": [
                    {"role": "user", "content": f"Where does river {n} go?"},
                    {"role": "assistant", "content": "" if n % 3 == 0 else f"South, past mile {n}."},
                ],
            }
            for n in range(count)
        ]
    )


def test_hostile_text_is_text_in_every_component(chromium: Browser, tmp_path: Path) -> None:
    name = EVIL.replace("\x00", "")
    ds = rt.load(
        [
            {
                "id": name,
                "title": name,
                EVIL: EVIL,
                "messages": [
                    {"role": EVIL, "name": EVIL, "content": EVIL, EVIL: EVIL},
                    {"role": "user", "content": f"{EVIL} "},
                    {"role": "assistant", "content": EVIL, "tool_calls": [{"function": {"name": EVIL}}]},
                ],
            }
        ]
    )
    report = ds.check()
    for at, component in enumerate(
        [
            rt.Thread(report, at=0),
            rt.Issues(report),
            rt.Balance(report),
            rt.review(report),
            rt.PreflightPanel(ds.preflight()),
            rt.WitnessPanel(rt.witness(sft(*CHATS), CHATS)),
        ]
    ):
        with opened(chromium, component.to_html(tmp_path / f"{at}.html")) as page:
            expect(panel(page)).to_be_visible()
            expect(page.locator("#rolethread .rt-empty[aria-busy=true]")).to_have_count(0)
            assert page.evaluate("[window.broken, document.scripts.length, document.images.length]") == [
                None,
                2,
                0,
            ]
            if at in (0, 3):
                shown = page.locator("#rolethread article").nth(1)
                expect(shown).to_contain_text("</script><script>window.broken=1</script><!--<script>")


def test_a_review_is_read_with_the_keyboard_and_filtered_and_says_what_is_left(
    chromium: Browser, tmp_path: Path
) -> None:
    path = rt.review(harbour(250).check()).to_html(tmp_path / "review.html", conversations=100)
    with opened(chromium, path) as page:
        says = page.locator(".rt-page-says")
        expect(says).to_contain_text(
            re.compile(r"^This file holds 100 of 250 conversations and all \d+ findings")
        )
        title = page.locator("#rolethread .rt-pane b").first
        expect(title).to_have_text("#0")
        panel(page).locator(".rt-thread-box").click()
        page.keyboard.press("j")
        expect(title).to_have_text("#3")
        page.keyboard.press("n")
        expect(title).to_have_text("#4")

        # One of the findings that is here leads to a conversation that is here; the last of the list does not.
        page.get_by_role("tab", name="Conversations").click()
        rows = page.locator("#rolethread [role=row]")
        page.locator("#rolethread [role=grid]").evaluate("box => box.scrollTo(0, box.scrollHeight)")
        expect(rows.get_by_text("Harbour 248")).to_be_visible()
        rows.get_by_text("Harbour 248").click()
        notice = page.locator("#rolethread [role=alert]")
        expect(notice).to_contain_text("That is not here. This file holds 100 of 250 conversations")
        page.screenshot(path=RESULTS / "file-review.png")

        page.get_by_role("tab", name="Findings").click()
        page.get_by_role("button", name=re.compile("error")).first.click()
        expect(page.locator("#rolethread .rt-issues-bar .rt-facts")).to_contain_text("84 of ")
        search = page.get_by_role("searchbox", name="Query")
        search.fill("mile")
        expect(notice.first).to_contain_text("The filter mile is not here.")
        page.get_by_role("button", name="Clear").click()
        expect(notice.filter(has_text="The filter")).to_have_count(0)


def test_a_table_sorts_and_a_thread_searches_and_folds(chromium: Browser, tmp_path: Path) -> None:
    report = harbour(30).check()
    with opened(chromium, rt.Issues(report).to_html(tmp_path / "issues.html")) as page:
        page.get_by_role("button", name="Table").click()
        page.get_by_role("columnheader", name="Conv").click()
        expect(page.locator("#rolethread [role=row]").nth(1)).to_contain_text("#0")
        page.get_by_role("columnheader", name="Conv").click()
        expect(page.locator("#rolethread [role=row]").nth(1)).to_contain_text("#27")
    messages = [
        {"role": ("user", "assistant")[n % 2], "content": f"Turn {n}. " + "The tide turns. " * 120}
        for n in range(450)
    ]
    thread = rt.Thread(rt.load([{"id": "long", "messages": messages}]), at="long#0")
    with opened(chromium, thread.to_html(tmp_path / "thread.html")) as page:
        expect(panel(page)).to_contain_text("Turn 0.")
        panel(page).locator(".rt-thread-box").click()
        before = page.locator("#rolethread article").first.bounding_box()
        page.keyboard.press("f")
        page.wait_for_timeout(300)
        assert page.locator("#rolethread article").first.bounding_box() != before
        count = page.locator("#rolethread article").count()
        page.get_by_role("button", name=re.compile("more|turns")).last.click()
        expect(page.locator("#rolethread article")).not_to_have_count(count)


def test_a_chart_that_cannot_be_filtered_by_says_so(chromium: Browser, tmp_path: Path) -> None:
    path = rt.Balance(harbour(30).check()).to_html(tmp_path / "balance.html")
    with opened(chromium, path, color_scheme="dark") as page:
        page.locator(
            "#rolethread [role=button][aria-pressed=false], #rolethread g[aria-pressed=false]"
        ).first.click()
        expect(page.locator("#rolethread [role=alert]")).to_contain_text("Filtering them needs the notebook.")
        page.screenshot(path=RESULTS / "file-balance-dark.png")


def test_the_cases_of_a_preflight_open(chromium: Browser, tmp_path: Path) -> None:
    ds = harbour(30)
    path = rt.PreflightPanel(ds.preflight(targets=["trl", "openai"])).to_html(tmp_path / "preflight.html")
    with opened(chromium, path) as page:
        head = page.locator("#rolethread .rt-case b").first
        first = head.text_content()
        panel(page).locator(".rt-case").click()
        page.keyboard.press("j")
        expect(head).not_to_have_text(first or "")
        expect(page.locator("#rolethread [role=alert]")).to_have_count(0)
        page.screenshot(path=RESULTS / "file-preflight.png")


def test_without_scripts_the_file_shows_the_static_twin(chromium: Browser, tmp_path: Path) -> None:
    path = rt.Thread(harbour(3).check(), at=1).to_html(tmp_path / "thread.html")
    context = chromium.new_context(java_script_enabled=False, offline=True)
    page = context.new_page()
    page.goto(path.as_uri())
    expect(page.locator("noscript pre").filter(visible=True).first).to_be_visible()
    assert "South, past mile 1." in page.locator("noscript").inner_text()
    context.close()
