"""A review with the keyboard alone in a real JupyterLab, and what is left of it when the kernel dies."""

from __future__ import annotations

import ast
import json
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest

pytest.importorskip("playwright", reason="the browser tests need playwright, see make test-browser")

from jupyterlab import Lab, browser, jupyterlab
from playwright.sync_api import Locator, expect

pytestmark = pytest.mark.browser

COUNT = 24  # conversations
PATIENCE = 60_000  # milliseconds


def record(n: int) -> dict[str, object]:
    """Every conversation has a blank at the end of its question; every third one ends with an empty answer as well."""
    turns = [(f"question {n} ", f"answer {n}"), ("and then?", "" if n % 3 == 2 else f"so it was {n}")]
    roles = ("user", "assistant")
    return {
        "id": f"c{n}",
        "messages": [
            {"role": role, "content": text} for pair in turns for role, text in zip(roles, pair, strict=True)
        ],
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    files = tmp_path_factory.mktemp("files")
    text = "".join(json.dumps(record(n)) + "\n" for n in range(COUNT))
    (files / "chats.jsonl").write_text(text, encoding="utf-8")
    notebook = nbformat.v4.new_notebook()
    source = "import rolethread_nb as rt\nds = rt.load('chats.jsonl')\nrt.review(ds)"
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook.cells = [nbformat.v4.new_code_cell(source)]
    nbformat.write(notebook, files / "review.ipynb")
    return files


@pytest.fixture(scope="module")
def lab(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    expect.set_options(timeout=PATIENCE)
    place = tmp_path_factory.mktemp("lab")
    with jupyterlab(place, folder) as address, browser(address) as page:
        page.open("review.ipynb")
        page.hide_sidebar()
        page.run_all()
        yield page


def panel(lab: Lab) -> Locator:
    return lab.page.locator(".jp-OutputArea .rtnb").first


def said(lab: Lab, text: str) -> None:
    expect(panel(lab).locator(".rt-said")).to_contain_text(text)


def opened(lab: Lab, index: int) -> None:
    thread = panel(lab).get_by_role("region", name=re.compile("^conversation #"))
    expect(thread).to_have_attribute("aria-label", f"conversation #{index}")
    expect(thread).to_have_attribute("aria-busy", "false")


def decide(lab: Lab, index: int, key: str, decision: str) -> None:
    opened(lab, index)
    lab.page.keyboard.press(key)
    said(lab, f"Decided {decision} on c{index}.")


def reviewed(lab: Lab, count: int) -> None:
    expect(panel(lab).locator(".rt-progress-text")).to_have_text(f"{count} of {COUNT} reviewed")


def inside(lab: Lab) -> bool:
    found: bool = lab.page.evaluate("() => document.activeElement.closest('.rtnb') !== null")
    return found


def python(lab: Lab, code: str) -> str:
    """What an expression is in the notebook's kernel."""
    return str(
        lab.page.evaluate(
            """async code => {
                const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
                const asked = kernel.requestExecute({ code: '', user_expressions: { found: code }, silent: true, store_history: false });
                const reply = await asked.done;
                const found = reply.content.user_expressions.found;
                return found.data ? found.data['text/plain'] : `${found.ename}: ${found.evalue}`;
            }""",
            code,
        )
    )


def back_to_the_first(lab: Lab) -> None:
    """With p, from wherever one is, until the panel stays there: it goes on by itself to the next finding after a step."""
    first = panel(lab).get_by_role("region", name="conversation #0")
    stays = 0
    for _ in range(60):
        lab.page.wait_for_timeout(400)
        stays = stays + 1 if first.count() else 0
        if stays == 4:
            break
        if not stays:
            lab.page.keyboard.press("p")
    opened(lab, 0)


def test_thirty_findings_are_reviewed_with_the_keyboard_alone(lab: Lab) -> None:
    keys = lab.page.keyboard
    cells = lab.cell_count()
    panel(lab).locator(".rt-frame").focus()
    keys.press("/")
    keys.type("decision:none")
    keys.press("Enter")
    keys.press("Escape")
    back_to_the_first(lab)

    keys.press("j")
    keys.press("a")
    said(lab, "Repaired 1 place: text.whitespace.")
    back_to_the_first(lab)
    decide(lab, 0, "1", "keep")
    decide(lab, 1, "3", "reject")
    decide(lab, 2, "2", "fix")

    opened(lab, 3)
    keys.press("t")
    keys.type("calm, sea")
    keys.press("Enter")
    said(lab, "Tagged calm, sea: c3.")
    keys.press("m")
    keys.type("the tone we want")
    keys.press("Enter")
    decide(lab, 3, "1", "keep")

    opened(lab, 4)
    keys.press("j")
    keys.press("e")
    field = panel(lab).locator("textarea")
    expect(field).to_be_focused()
    expect(field).to_have_value("question 4 ")
    keys.press("Control+a")
    keys.type("question four")
    keys.press("Control+Enter")
    said(lab, "Edited turn 0 of c4.")
    decide(lab, 4, "1", "keep")

    decide(lab, 5, "3", "reject")
    keys.press("u")
    said(lab, "Took back: decided reject on c5.")
    decide(lab, 5, "1", "keep")
    opened(lab, 6)
    keys.press("j")
    keys.press("i")
    said(lab, "Ignored text.whitespace: 1 finding.")
    keys.press("u")
    said(lab, "Took back: ignored text.whitespace: 1 finding.")
    for n in range(6, COUNT - 1):
        decide(lab, n, "13"[n % 2], ("keep", "reject")[n % 2])
    opened(lab, COUNT - 1)
    keys.press("13"[(COUNT - 1) % 2])
    said(lab, "Nothing here is left to decide on.")
    reviewed(lab, COUNT)
    assert inside(lab)
    assert lab.cell_count() == cells
    lab.picture(panel(lab), "review-done")


def kept() -> list[str]:
    """Ids that were decided to be kept."""
    return ["c0", "c3", "c4", "c5", *(f"c{n}" for n in range(6, COUNT, 2))]


def test_after_the_kernel_was_killed_every_decision_is_there(lab: Lab) -> None:
    pid = int(python(lab, "__import__('os').getpid()"))
    os.kill(pid, signal.SIGKILL)
    expect(panel(lab)).to_contain_text("The kernel is gone.")
    lab.page.wait_for_function(
        "() => window.jupyterapp.shell.currentWidget.sessionContext.session?.kernel?.status === 'idle'"
    )
    lab.page.locator(".jp-Dialog").get_by_role("button", name="Ok").click()  # JupyterLab says that it died
    panel(lab).locator(".rt-frame").focus()
    lab.page.keyboard.press("3")
    expect(panel(lab).get_by_role("alert").filter(has_text="Not saved: ")).to_be_visible()
    lab.run_all()
    reviewed(lab, COUNT)

    decisions = python(lab, "sorted(name for name, one in ds.decisions.items() if one == 'keep')")
    assert ast.literal_eval(decisions) == sorted(kept())
    assert python(lab, "len(ds.decisions)") == str(COUNT)
    about = python(lab, "(ds.decision('c3').note, ds.tags('c3'))")
    assert ast.literal_eval(about) == ("the tone we want", ["calm", "sea"])


def test_the_export_holds_exactly_what_was_kept_and_edited(lab: Lab) -> None:
    python(lab, "ds.export('kept.jsonl', only='kept')")
    lines = python(lab, "open('kept.jsonl', encoding='utf-8').read().splitlines()")
    written = {one["id"]: one for one in map(json.loads, ast.literal_eval(lines))}
    assert sorted(written) == sorted(kept())
    texts = {name: one["messages"][0]["content"] for name, one in written.items()}
    assert texts["c0"] == "question 0"  # repaired
    assert texts["c4"] == "question four"  # edited
    assert all(text == f"question {name[1:]} " for name, text in texts.items() if name not in ("c0", "c4"))


def test_a_reloaded_page_shows_the_same_place(lab: Lab) -> None:
    panel(lab).get_by_role("button", name="All", exact=True).click()
    panel(lab).get_by_role("tab", name=re.compile("^Conversations")).click()
    panel(lab).get_by_role("grid").get_by_role("row").filter(has_text=re.compile("^#7")).first.click()
    opened(lab, 7)
    lab.command("docmanager:save")
    lab.page.reload(wait_until="domcontentloaded")
    expect(panel(lab).locator(".rt-frame")).to_be_visible()
    opened(lab, 7)
    reviewed(lab, COUNT)


def test_two_panels_of_a_dataset_are_in_step_and_a_busy_kernel_makes_a_step_once(lab: Lab) -> None:
    lab.page.evaluate(
        """() => {
            const notebook = window.jupyterapp.shell.currentWidget.content;
            notebook.model.sharedModel.addCell({ cell_type: 'code', source: 'rt.review(ds)' });
            notebook.model.sharedModel.addCell({ cell_type: 'code', source: 'import time; time.sleep(4)' });
        }"""
    )
    cells = lab.cell_count()
    lab.page.evaluate(
        """async at => {
            const panel = window.jupyterapp.shell.currentWidget;
            panel.content.activeCellIndex = at;
            await window.jupyterapp.commands.execute('notebook:run-cell');
        }""",
        cells - 2,
    )
    both = lab.page.locator(".jp-OutputArea .rtnb")
    expect(both).to_have_count(2)
    before = int(python(lab, "len(ds.history())"))
    both.first.locator(".rt-frame").focus()
    lab.page.keyboard.press("4")
    expect(both.nth(1).get_by_role("button", name="1 later")).to_be_visible()

    lab.page.evaluate(
        """at => {
            window.jupyterapp.shell.currentWidget.content.activeCellIndex = at;
            void window.jupyterapp.commands.execute('notebook:run-cell');
        }""",
        cells - 1,
    )
    both.first.locator(".rt-frame").focus()
    lab.page.keyboard.press("u")
    expect(both.first.get_by_role("button", name="1 later")).to_have_count(0)
    expect(both.nth(1).get_by_role("button", name="1 later")).to_have_count(0)
    assert int(python(lab, "len(ds.history())")) == before + 2


def test_nothing_left_the_machine(lab: Lab) -> None:
    assert lab.foreign == []
