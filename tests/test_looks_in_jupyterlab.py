"""The panels at 200 % zoom, in 480 pixels and in forced colours: nothing is cut, every mark is told by a word or a shape, focus is seen."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

pytest.importorskip("playwright", reason="the browser tests need playwright, see make test-browser")

from conftest import ROOT
from jupyterlab import Lab, browser, jupyterlab, write_notebook
from playwright.sync_api import Locator, expect

pytestmark = pytest.mark.browser

AXE = ROOT / "js" / "node_modules" / "axe-core" / "axe.min.js"
SETUP = """
import rolethread_nb as rt
flaws = ["{} ", "{}<|im_end|>", "caf\\u00c3\\u00a9 {}", "{}", "{{{{user}}}} said: {}"]
def record(n):
    texts = [flaws[(n + at) % 5].format(f"Night {n} at the harbour, turn {at}, and the tide turns at four.") for at in range(6)]
    turns = [{"role": ("user", "assistant")[at % 2], "name": ("Kai", "Captain Mara")[at % 2], "content": text} for at, text in enumerate(texts)]
    if n % 4 == 1:
        turns[-1]["content"] = ""
    return {"id": f"c{n}", "title": f"Night {n} at the harbour", "messages": [{"role": "system", "content": "You are a pilot."}, *turns]}
ds = rt.load([record(n) for n in range(60)])
ds.decide([0, 5], "keep")
ds.decide([1], "fix", note="the tone we want")
ds.decide([2, 3], "reject")
ds.tag(0, "calm", "sea")
report = ds.check()
"""
PANELS = {
    "review": "rt.review(report, at=0)",
    "issues": "rt.Issues(report)",
    "thread": "rt.Thread(report, at=0)",
    "balance": "rt.Balance(report)",
    "preflight": "rt.PreflightPanel(ds.preflight(targets=['trl', 'openai']))",
}
# Width of the window, how large a CSS pixel is, and whether the system chooses the colours.
LOOKS = {
    "480": (480, 1, "none"),
    "zoom": (800, 2, "none"),
    "forced": (1400, 1, "active"),
    "forced-480": (480, 1, "active"),
}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    expect.set_options(timeout=30_000)
    files = tmp_path_factory.mktemp("files")
    write_notebook(files / "looks.ipynb", (SETUP, *PANELS.values()))
    with jupyterlab(tmp_path_factory.mktemp("lab"), files) as address, browser(address) as page:
        page.open("looks.ipynb")
        page.hide_sidebar()
        page.run_all()
        yield page


@pytest.mark.parametrize("name", PANELS)
def test_a_panel_looks_the_same_alone_and_among_others(lab: Lab, name: str) -> None:
    """Every output brings its style sheet, and all of them hold for the whole page, whichever came last."""
    own = (ROOT / "rolethread_nb" / "widgets" / "static" / f"{name}.css").read_text("utf-8")
    changed = shown(lab, name).evaluate(
        """(root, own) => {
            const derived = /^--|width$|height$|-size$|origin$|^(top|right|bottom|left|inset.*|grid-template-.*|transform)$/;
            const looks = () => Array.from(root.querySelectorAll("*"), one => {
                const style = getComputedStyle(one);
                const told = Array.from(style).filter(property => !derived.test(property)).sort();
                return told.map(property => `${property}: ${style.getPropertyValue(property)}`);
            });
            const sheets = Array.from(document.querySelectorAll("style")).filter(one => one.textContent.includes(".rtnb"));
            const others = sheets.filter(one => one.textContent.trim() !== own.trim()).map(one => one.sheet);
            if (others.length !== sheets.length - 1) return [`${sheets.length} sheets, ${others.length} others`];
            const among = looks();
            others.forEach(sheet => (sheet.disabled = true));
            const alone = looks();
            others.forEach(sheet => (sheet.disabled = false));
            return Array.from(root.querySelectorAll("*")).flatMap((one, at) => {
                const differs = alone[at].filter((line, n) => line !== among[at][n]);
                return differs.length ? [`${one.getAttribute("class") ?? one.localName}: ${differs.slice(0, 4).join("; ")}`] : [];
            });
        }""",
        own,
    )
    assert sorted(set(changed))[:20] == []


@pytest.fixture(scope="module", params=LOOKS)
def look(lab: Lab, request: pytest.FixtureRequest) -> Iterator[str]:
    """The name of a look, while the page has it. Zoomed in, a window of 1,600 pixels is 800 of CSS wide, drawn twice as large."""
    width, scale, forced = LOOKS[request.param]
    lab.page.set_viewport_size({"width": width, "height": 1100})
    lab.page.emulate_media(forced_colors=forced)
    session = lab.page.context.new_cdp_session(lab.page)
    if scale != 1:
        size = {"width": width, "height": 1100, "deviceScaleFactor": scale, "mobile": False}
        session.send("Emulation.setDeviceMetricsOverride", size)
    lab.page.wait_for_timeout(500)
    yield request.param
    session.send("Emulation.clearDeviceMetricsOverride")
    session.detach()
    lab.page.emulate_media(forced_colors="none")


def shown(lab: Lab, name: str) -> Locator:
    panel = lab.page.locator(".jp-OutputArea .rtnb").nth(list(PANELS).index(name))
    panel.scroll_into_view_if_needed()
    return panel


def wrongs(panel: Locator) -> list[str]:
    if not panel.page.evaluate("() => 'axe' in window"):
        # JupyterLab's own loader of modules would take the script for itself.
        source = AXE.read_text(encoding="utf-8")
        panel.page.evaluate(f"() => {{ const define = undefined, module = undefined; {source} }}")
    found: list[str] = panel.evaluate(
        """async root => (await axe.run(root)).violations.flatMap(({ id, nodes }) =>
            nodes.slice(0, 3).map(node => `${id}: ${node.html.slice(0, 200)} ${node.failureSummary.slice(0, 200)}`))"""
    )
    return found


def reaching_out(panel: Locator) -> list[str]:
    """What stands beyond the edge of the panel, in no box that can be scrolled or ends with an ellipsis."""
    found: list[str] = panel.evaluate(
        """root => {
            const edge = root.getBoundingClientRect();
            const out = [];
            for (const one of root.querySelectorAll("*")) {
                if (one.closest("svg") && one.localName !== "svg") continue;
                const own = one.getBoundingClientRect();
                if (!own.width || !own.height || getComputedStyle(one).clipPath !== "none") continue;
                let free = false;
                for (let up = one.parentElement; up !== root.parentElement; up = up.parentElement) {
                    const { overflowX, textOverflow, clipPath } = getComputedStyle(up);
                    free ||= clipPath !== "none" || ["auto", "scroll"].includes(overflowX) || textOverflow === "ellipsis";
                }
                if (free) continue;
                if (own.right > edge.right + 1 || own.left < edge.left - 1) out.push(`${Math.round(own.right - edge.right)} ${one.outerHTML.slice(0, 140)}`);
            }
            return out.slice(0, 5);
        }"""
    )
    return found


@pytest.mark.parametrize("name", PANELS)
def test_nothing_is_cut_and_axe_finds_nothing(lab: Lab, look: str, name: str) -> None:
    panel = shown(lab, name)
    lab.picture(panel, f"looks-{name}-{look}")
    assert panel.evaluate("root => root.scrollWidth - root.clientWidth") <= 1
    assert reaching_out(panel) == []
    assert wrongs(panel) == []


@pytest.mark.parametrize("name", PANELS)
def test_focus_is_seen(lab: Lab, look: str, name: str) -> None:
    panel = shown(lab, name)
    stops = panel.locator(
        "button:visible, input:visible, select:visible, summary:visible, [tabindex='0']:visible"
    )
    lab.page.keyboard.press("Shift")  # from here on focus is the keyboard's
    unseen = stops.evaluate_all(
        """all => all.slice(0, 60).flatMap(one => {
            one.focus();
            if (document.activeElement !== one) return [];
            const { outlineStyle, outlineWidth } = getComputedStyle(one);
            return outlineStyle === "none" || parseFloat(outlineWidth) < 1 ? [one.outerHTML.slice(0, 140)] : [];
        })"""
    )
    assert unseen == []
    lab.page.evaluate("() => document.activeElement.blur()")


def test_severities_are_told_by_shape_and_choices_by_more_than_a_tint(lab: Lab) -> None:
    panel = shown(lab, "issues")
    signs = [
        set(
            panel.locator(f".rt-shape.rt-{name}").evaluate_all(
                "all => all.map(one => one.firstChild.textContent.trim() || getComputedStyle(one, '::before').content)"
            )
        )
        for name in ("error", "warning", "info")
    ]
    assert [len(one) for one in signs] == [1, 1, 1]
    assert len(set.union(*signs)) == 3
    lab.page.emulate_media(forced_colors="active")
    chosen, other = (
        panel.locator(f"button[aria-pressed={pressed}]").first.evaluate(
            "one => getComputedStyle(one).outlineStyle"
        )
        for pressed in ("true", "false")
    )
    assert (chosen, other) == ("solid", "none")
    lab.page.emulate_media(forced_colors="none")


def test_nothing_went_wrong_and_nothing_left_the_machine(lab: Lab) -> None:
    assert lab.problems == []
    assert lab.foreign == []
