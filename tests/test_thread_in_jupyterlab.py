"""The thread in a real JupyterLab: a conversation of 5,859 turns, hostile text, the clipboard, and how it looks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest

pytest.importorskip("playwright", reason="the browser tests need playwright, see make test-browser")

from jupyterlab import Lab, browser, jupyterlab
from playwright.sync_api import Locator, expect

AXE = Path(__file__).parent.parent / "js" / "node_modules" / "axe-core" / "axe.min.js"
TURNS = 5_859
OPENS = 300  # milliseconds on a quiet machine
PATIENCE = 5  # times as long on one that others use as well

pytestmark = pytest.mark.browser

LONG = f"""
import rolethread_nb as rt
names = ("Kai", "Captain Mara")
words = "The tide turns at four and the ferry does not wait for anyone who counts the gulls. ".split()
turns = [
    {{"role": ("user", "assistant")[n % 2], "name": names[n % 2], "content": " ".join(words[: 3 + n % 14]) + f" ({{n}})"}}
    for n in range({TURNS})
]
turns[3000]["content"] += " <|im_end|>"
turns[5800]["content"] = ("Only here stands the word " + "alba" + "tross. ") * 60  # not found in this cell
long = rt.Thread(rt.load([{{"id": "long", "title": "A very long watch", "messages": turns}}]), at="long#3000")
long
"""
HOSTILE = """
import rolethread_nb as rt
evil = '<img src=x onerror="window.broken=1"><script>window.broken=1</script><a href="javascript:window.broken=1">x</a>'
texts = [evil, "x" * 1_000_000, "e" + "\\u0301" * 10_000, "\\u202e\\u2067 turned \\u202d", "<div>" * 5_000, "javascript:alert(1)"]
messages = [{"role": ("user", "assistant")[n % 2], "name": text[:3_000], "content": text} for n, text in enumerate(texts)]
parts = [{"type": "image_url", "image_url": {"url": "https://foreign.example/a.png"}}, {"type": evil, "image": evil}]
messages += [
    {"role": "user", "content": parts},
    {"role": "assistant", "content": evil, "reasoning_content": evil, evil: evil,
     "tool_calls": [{"id": evil, "function": {"name": evil, "arguments": evil}}]},
]
rt.Thread(rt.load([{"id": evil, "title": evil, "messages": messages}]), at=0)
"""
TOOLS = """
import rolethread_nb as rt
rt.Thread(rt.load([{"id": "tools", "messages": [
    {"role": "system", "content": "You are a harbour pilot. Think before you answer."},
    {"role": "user", "name": "Kai", "content": [
        {"type": "text", "text": "What does the gauge say, and when is high water?"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 4000}}]},
    {"role": "assistant", "name": "Captain Mara", "content": "<think>\\nThe gauge is at the left.\\n</think>\\n\\nIt says “3.2”.",
     "tool_calls": [{"id": "call_a", "type": "function", "function": {"name": "tide", "arguments": '{"day": 3, "harbour": "Lisbon"}'}}]},
    {"role": "tool", "tool_call_id": "call_a", "content": '{"high": ["04:10", "16:35"]}'},
    {"role": "assistant", "name": "Captain Mara", "content": "High water is at 04:10 and 16:35. "},
]}]).check(profile="tools"))
"""
RIGHT_TO_LEFT = """
import rolethread_nb as rt
rt.Thread(rt.load([{"id": "yiddish", "title": "דאָס גרויסע געווינס", "messages": [
    {"role": "user", "name": "שמעון", "content": "וווּ גייט דער טייך? (south)"},
    {"role": "assistant", "name": "كاي", "content": "يصب النهر في البحر، عند “المرفأ” القديم."}]}]), at=0)
"""
EMPTY = """
import rolethread_nb as rt
rt.Thread(rt.load([{"id": "empty", "messages": []}]), at=0)
"""
NOTEBOOKS = {"long": LONG, "hostile": HOSTILE, "tools": TOOLS, "right-to-left": RIGHT_TO_LEFT, "empty": EMPTY}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    expect.set_options(timeout=60_000)
    files = tmp_path_factory.mktemp("notebooks")
    for name, source in NOTEBOOKS.items():
        cell = nbformat.v4.new_code_cell(source.strip())
        kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
        notebook = nbformat.v4.new_notebook(cells=[cell], metadata=kernel)
        nbformat.write(notebook, files / f"{name}.ipynb")
    with jupyterlab(tmp_path_factory.mktemp("lab"), files) as address, browser(address) as page:
        yield page


def shown(lab: Lab, notebook: str) -> Locator:
    """The thread of a notebook, with everything drawn."""
    lab.open(f"{notebook}.ipynb")
    lab.hide_sidebar()
    lab.run_all()
    panel = lab.page.locator(".jp-OutputArea .rtnb").first
    expect(panel).to_be_visible()
    return panel


def offset(panel: Locator, turn: int) -> float:
    """How far below the top of the box a turn stands."""
    place: float = panel.evaluate(
        """(root, turn) => root.querySelector(`[data-turn="${turn}"]`).getBoundingClientRect().top
            - root.querySelector(".rt-thread-box").getBoundingClientRect().top""",
        turn,
    )
    return place


def violations(panel: Locator) -> list[str]:
    panel.page.evaluate(AXE.read_text(encoding="utf-8") + "; null")
    found: list[str] = panel.evaluate(
        """async root => (await axe.run(root)).violations.flatMap(({ id, nodes }) =>
            nodes.slice(0, 3).map(node => `${id}: ${node.html.slice(0, 200)} ${node.any.map(one => one.message)}`))"""
    )
    return found


def test_a_conversation_of_5859_turns_opens_at_once_and_stays_in_its_place(lab: Lab) -> None:
    panel = shown(lab, "long")
    expect(panel.locator("article")).to_have_count(TURNS)
    expect(panel.locator("article[aria-current=true]")).to_be_in_viewport()
    # The turns above came in later, and the chosen one is where it was.
    assert 0 <= offset(panel, 3000) <= 400

    lab.page.evaluate(
        """() => {
            window.seen = {};
            new MutationObserver(() => {
                const root = document.querySelector(".jp-OutputArea .rtnb");
                if (root && !seen.begun) seen.begun = performance.now();
                if (!root?.querySelector("article") || seen.drawn) return;
                seen.drawn = performance.now();
                requestAnimationFrame(() => setTimeout(() => (seen.painted = performance.now())));
            }).observe(document.body, { childList: true, subtree: true });
        }"""
    )
    lab.command("notebook:clear-all-cell-outputs")
    lab.page.wait_for_function("() => !document.querySelector('.jp-OutputArea .rtnb')")
    lab.page.evaluate("() => { window.seen = {}; }")
    lab.run_all()
    lab.page.wait_for_function("() => seen.painted")
    seen = lab.page.evaluate("() => seen")
    took = seen["painted"] - seen["begun"]
    print(f"\n{TURNS:,} turns: painted {took:.0f} ms after the component was there")
    assert took <= OPENS * PATIENCE
    expect(panel.locator("article")).to_have_count(TURNS)


def test_all_of_it_can_be_found_selected_and_scrolled_to(lab: Lab) -> None:
    panel = lab.page.locator(".jp-OutputArea .rtnb").first
    expect(panel.locator("article")).to_have_count(TURNS)
    assert lab.page.evaluate("() => window.find('word albatross')")
    assert (
        lab.page.evaluate("() => getSelection().anchorNode.parentElement.closest('article').dataset.turn")
        == "5800"
    )
    lab.page.evaluate("() => getSelection().removeAllRanges()")
    place = panel.evaluate(
        """async root => {
            const box = root.querySelector(".rt-thread-box");
            const moved = [];
            for (let step = 0; step < 25; step++) {
                const { left, top } = box.getBoundingClientRect();
                const turn = document.elementFromPoint(left + 300, top + 300)?.closest("article");
                const before = turn?.getBoundingClientRect().top;
                box.scrollTop -= 200;
                for (let frame = 0; frame < 3; frame++) await new Promise(requestAnimationFrame);
                if (turn) moved.push(Math.round(turn.getBoundingClientRect().top - before));
            }
            return moved;
        }"""
    )
    # Turns that were never laid out have guessed heights, and nobody sees them being found out.
    assert set(place) == {200}


def test_the_search_finds_what_is_not_in_sight_and_the_notebook_keeps_its_cells(lab: Lab) -> None:
    panel = lab.page.locator(".jp-OutputArea .rtnb").first
    cells = lab.cell_count()
    panel.locator(".rt-thread-box").focus()
    lab.page.keyboard.press("/")
    field = panel.get_by_role("searchbox", name="find in this conversation")
    expect(field).to_be_focused()
    field.fill("albatross")
    status = panel.get_by_role("search").get_by_role("status")
    expect(status).to_have_text("1 of 60")
    expect(panel.locator("[data-turn='5800']")).to_be_in_viewport()
    lab.page.keyboard.press("Shift+Enter")
    expect(status).to_have_text("60 of 60")
    # The last one stood in the folded part.
    expect(panel.locator("[data-turn='5800'] .rt-rest")).to_be_visible()
    assert lab.page.evaluate("() => CSS.highlights.get('rt-found-current').size") == 1
    lab.picture(panel, "thread-long")
    lab.page.keyboard.press("Escape")
    expect(panel.get_by_role("search")).to_have_count(0)
    for key in ("d", "d", "x", "b"):
        lab.page.keyboard.press(key)
    assert lab.cell_count() == cells


def test_white_space_is_shown_and_not_copied(lab: Lab) -> None:
    panel = lab.page.locator(".jp-OutputArea .rtnb").first
    panel.evaluate("root => { root.querySelector('.rt-thread-box').scrollTop = 0; }")
    text = panel.locator("[data-turn='1'] .rt-text")
    plain = text.evaluate("e => { getSelection().selectAllChildren(e); return getSelection().toString(); }")
    panel.get_by_role("switch", name="White space").click()
    expect(text.locator("[data-sign]").first).to_be_attached()
    assert (
        text.evaluate("e => { getSelection().selectAllChildren(e); return getSelection().toString(); }")
        == plain
    )
    panel.get_by_role("switch", name="White space").click()
    lab.page.evaluate("() => getSelection().removeAllRanges()")


def test_a_turn_is_copied_by_the_clipboard_or_by_the_old_way(lab: Lab) -> None:
    panel = lab.page.locator(".jp-OutputArea .rtnb").first
    lab.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    panel.get_by_role("button", name="turn 1, actions").click()
    actions = panel.get_by_role("group", name="turn 1", exact=True)
    actions.get_by_role("button", name="copy as Markdown").click()
    expect(actions.get_by_role("status")).to_have_text("copied")
    assert lab.page.evaluate("() => navigator.clipboard.readText()").startswith(
        "### 1 · assistant · Captain Mara"
    )
    lab.page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error('no')); }")
    actions.get_by_role("button", name="copy as JSON").click()
    for _ in range(100):
        if lab.page.evaluate("() => navigator.clipboard.readText()").startswith("{"):
            break
        lab.page.wait_for_timeout(100)
    assert '"role": "assistant"' in lab.page.evaluate("() => navigator.clipboard.readText()")


def test_hostile_text_is_text_and_breaks_no_layout(lab: Lab) -> None:
    panel = shown(lab, "hostile")
    articles = panel.locator("article")
    expect(articles).to_have_count(8)
    panel.get_by_role("button", name="Unfold all").click()
    panel.get_by_role("switch", name="White space").click()
    expect(panel.get_by_role("switch", name="White space")).to_have_attribute("aria-checked", "true")
    assert lab.page.evaluate("() => window.broken") is None
    assert panel.locator("script, img, a, iframe, [onerror], [src], [href]").count() == 0
    assert panel.evaluate("root => root.scrollWidth - root.clientWidth") <= 1
    tall = panel.evaluate(
        "root => Array.from(root.querySelectorAll('article')).map(one => one.scrollWidth - one.clientWidth)"
    )
    assert max(tall) <= 1
    assert panel.locator("[data-turn='2']").evaluate("one => one.offsetHeight") < 2_000
    panel.get_by_role("button", name="Fold all").click()
    lab.picture(panel, "thread-hostile")
    panel.evaluate(
        "root => { const box = root.querySelector('.rt-thread-box'); box.scrollTop = box.scrollHeight; }"
    )
    lab.picture(panel, "thread-hostile-end")
    assert not [address for address in lab.foreign if "foreign.example" in address]


@pytest.mark.parametrize("notebook", ["tools", "right-to-left", "empty"])
def test_it_is_legible_and_accessible_in_every_light_and_width(lab: Lab, notebook: str) -> None:
    panel = shown(lab, notebook)
    for width, size in ((1600, "wide"), (596, "narrow")):
        lab.page.set_viewport_size({"width": width, "height": 1200})
        for theme in ("Light", "Dark"):
            lab.theme(f"JupyterLab {theme}")
            expect(panel).to_have_attribute("data-theme", theme.lower())
            assert panel.evaluate("root => root.scrollWidth - root.clientWidth") <= 1
            assert violations(panel) == []
            lab.picture(panel, f"thread-{notebook}-{size}-{theme.lower()}")
    lab.theme("JupyterLab Light")
    lab.page.set_viewport_size({"width": 1600, "height": 1200})


def test_a_call_and_its_result_stand_together(lab: Lab) -> None:
    panel = shown(lab, "tools")
    panel.get_by_role("button", name="Unfold all").click()
    expect(panel.locator("[data-turn='2'] .rt-call pre")).to_have_text(
        '{\n  "day": 3,\n  "harbour": "Lisbon"\n}'
    )
    panel.get_by_role("button", name="result in turn 3").click()
    expect(panel.locator("[data-turn='3']")).to_be_in_viewport()
    assert violations(panel) == []
    lab.picture(panel, "thread-tools-unfolded")


def test_nothing_went_wrong_and_nothing_left_the_machine(lab: Lab) -> None:
    assert lab.problems == []
    assert lab.foreign == []
