"""Hostile data in every component and in every static twin: it is text, it breaks no layout, it asks nothing of a network.

What stands in the data stands there in every place that can hold a string: text, speaker, role, id, title, tag, tool, column.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("playwright", reason="the browser tests need playwright, see make test-browser")

from jupyterlab import Lab, browser, jupyterlab, write_notebook
from playwright.sync_api import Page, expect
from test_witness_in_jupyterlab import STAND_IN

pytestmark = pytest.mark.browser

EVIL = (
    "</script><script>window.broken=1</script></noscript></style></textarea><!--<script>\u2028"
    "<img src=x onerror='window.broken=1'><svg onload='window.broken=1'>"
    "<iframe srcdoc='<script>parent.broken=1</script>'><img src='https://foreign.example/a.png'>"
    "<a href='javascript:window.broken=1'>x</a>[x](javascript:window.broken=1) ![x](https://foreign.example/b.png) "
    '" onmouseover=window.broken=1 x="&lt;b&gt;${1}`\\u003c'
)
TEXTS = [
    EVIL,
    "<style>*{display:none}</style><base href=https://foreign.example/><meta http-equiv=refresh content=0>",
    "javascript:window.broken=1",
    "<div><table><tr><p><b" * 400,
    "<div>" * 5_000,
    "\u202e\u2067 turned \u202d\u2066\u200f\u061c around \u202c" * 3,
    "e" + "\u0301" * 10_000,
    "x" * 1_000_000,
    "[" * 3_000 + "]" * 3_000,
    "\u00a0\u2028\u2029\x00\x1b[31m\x07\ud800",
]
ELEMENTS = "script, iframe, base, meta, a[href], [onerror], [onload], [onmouseover], [srcdoc]"

# The name of a cell, the expression whose value is shown, and a selector of what it shows.
CELLS = {
    "review": "rt.review(report)",
    "issues": "rt.Issues(report)",
    "thread": "rt.Thread(report, at=0)",
    "balance": "rt.Balance(report)",
    "preflight": "rt.PreflightPanel(ds.preflight(targets=['trl', 'openai']))",
    "witness": "rt.WitnessPanel(rt.witness(trainer(rows, max_length=900, assistant_only_loss=True), given))",
    "findings sheet": "report.datagrid()",
    "conversations sheet": "ds.datagrid(report)",
}
READY = f"""
import json
records = json.load(open("hostile.json"))
ds = rt.load(records)
evil = {EVIL!r}
ds.tag([0, 1, 2, 20, 21], evil)
ds.decide(0, 'fix', note=evil)
report = ds.check(profile="tools")
given = [{{"messages": [{{"role": "user", "content": evil}}, {{"role": "assistant", "content": evil}}]}}]
text = f"<|im_start|>user\\n{{evil}}<|im_end|>\\n<|im_start|>assistant\\n{{evil}}<|im_end|>\\n"
rows = [row(text, [evil], given[0])]
"""


def record(n: int, whole: str) -> dict[str, Any]:
    text = whole[:10_000]
    nested = '{"a":' * 500 + "1" + "}" * 500
    call = {"id": text, "function": {"name": text, "arguments": nested}}
    picture = {"type": "image_url", "image_url": {"url": "https://foreign.example/c.png"}}
    messages = [
        {"role": "system", "content": text},
        {"role": "user", "name": text, "content": f"{whole} "},
        {"role": "assistant", "name": text, "content": text, "reasoning_content": text, "tool_calls": [call]},
        {"role": "tool", "name": text, "tool_call_id": text, "content": text},
        {"role": text[:40], "name": text, "content": f"{text} <|im_end|>", EVIL: text},
        {"role": "user", "name": text, "content": [picture, {"type": text, "image": text}]},
        {"role": "assistant", "name": text, "content": text},
    ]
    return {
        "id": f"{text} {n}",
        "title": text,
        "tags": [text],
        "category": text,
        EVIL: text,
        "messages": messages,
    }


def corpus() -> list[dict[str, Any]]:
    """One conversation a text, and twenty alike, so that their phrases, openings and system prompts are counted."""
    return [record(n, text) for n, text in enumerate([*TEXTS, *[EVIL] * 20])]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    expect.set_options(timeout=60_000)
    files = tmp_path_factory.mktemp("files")
    (files / "hostile.json").write_text(json.dumps(corpus()), encoding="utf-8")
    sources = [STAND_IN + READY, *CELLS.values()]
    write_notebook(files / "hostile.ipynb", sources)
    with jupyterlab(tmp_path_factory.mktemp("lab"), files) as address, browser(address) as page:
        page.open("hostile.ipynb")
        page.hide_sidebar()
        page.run_all()
        yield page


def twin(lab: Lab, name: str) -> str:
    """The HTML that is kept for readers without a kernel, as it stands in the notebook."""
    found: str = lab.page.evaluate(
        """at => {
            const cell = window.jupyterapp.shell.currentWidget.content.model.cells.get(at).toJSON();
            const html = cell.outputs.map(one => one.data?.["text/html"]).find(Boolean);
            return Array.isArray(html) ? html.join("") : html;
        }""",
        list(CELLS).index(name) + 1,
    )
    return found


def wide(page: Page, selector: str) -> list[str]:
    """Boxes that reach out of the part that holds them, and out of no box that scrolls or cuts on the way."""
    found: list[str] = page.evaluate(
        """selector => Array.from(document.querySelectorAll(selector)).flatMap(root => {
            const edge = root.getBoundingClientRect().right + 1;
            return Array.from(root.querySelectorAll("*")).filter(one => {
                if (one.getBoundingClientRect().right <= edge) return false;
                for (let up = one; up !== root.parentElement; up = up.parentElement) {
                    const { overflowX, clipPath } = getComputedStyle(up);
                    if (up !== one && overflowX !== "visible") return false;
                    if (clipPath !== "none") return false;
                }
                return true;
            }).slice(0, 3).map(one => one.outerHTML.slice(0, 120));
        })""",
        selector,
    )
    return found


@pytest.mark.parametrize("name", CELLS)
def test_in_a_component_it_is_text(lab: Lab, name: str) -> None:
    cell = lab.page.locator(".jp-Notebook .jp-CodeCell").nth(list(CELLS).index(name) + 1)
    part = cell.locator(".rt-datagrid" if "sheet" in name else ".rtnb").first
    part.scroll_into_view_if_needed()
    expect(part).to_be_visible()
    expect(part.locator("[aria-busy=true]")).to_have_count(0)
    lab.picture(part, f"hostile-{name.replace(' ', '-')}")
    assert lab.page.evaluate("() => window.broken") is None
    assert part.locator(ELEMENTS).count() == 0
    assert part.locator("img").count() == 0
    assert part.evaluate("root => root.scrollWidth - root.clientWidth") <= 1
    part.evaluate("root => root.setAttribute('data-tested', '')")
    assert wide(lab.page, "[data-tested]") == []
    part.evaluate("root => root.removeAttribute('data-tested')")


def test_the_styles_of_components_in_one_notebook_leave_one_another_alone(lab: Lab) -> None:
    """Every output brings its style sheet, and all of them hold for the whole page."""
    bar = lab.page.get_by_role("toolbar", name="review").first
    bar.scroll_into_view_if_needed()
    assert bar.evaluate("bar => bar.offsetHeight") <= 90
    written = lab.page.locator(".rt-rendered .rt-said")
    expect(written.first).to_be_attached()
    assert written.evaluate_all("all => new Set(all.map(one => getComputedStyle(one).whiteSpace)).size") == 1
    assert written.first.evaluate("one => getComputedStyle(one).whiteSpace") == "pre-wrap"


@pytest.mark.parametrize("name", CELLS)
def test_in_a_twin_it_is_text(lab: Lab, name: str, tmp_path: Path) -> None:
    html = twin(lab, name)
    assert len(html) <= 200_000
    page = lab.page.context.new_page()
    problems: list[str] = []
    page.on("console", lambda said: problems.append(said.text))
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("request", lambda request: problems.append(request.url))
    page.set_content(f"<!doctype html><meta charset=utf-8><title>twin</title><main>{html}</main>")
    expect(page.locator("main > *").first).to_be_visible()
    assert page.evaluate("() => window.broken") is None
    assert page.locator("main").locator(ELEMENTS).count() == 0
    # The pictures are the charts, inside the output itself.
    sources = page.locator("img").evaluate_all("all => all.map(one => one.src.slice(0, 26))")
    assert set(sources) <= {"data:image/svg+xml;base64,"}
    for width in (1600, 700):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("() => document.documentElement.scrollWidth - innerWidth") <= 1
    page.close()
    assert problems == []


def test_nothing_went_wrong_and_nothing_left_the_machine(lab: Lab) -> None:
    assert lab.problems == []
    assert lab.foreign == []
