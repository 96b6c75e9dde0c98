"""The witness panel in a real JupyterLab: what real labels look like on the threads, and that it can be worked with.

The trainer is a stand-in whose rows hold labels recorded from a real SFTTrainer (tests/recorded/trl_sft.json), so that no torch
is needed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest

pytest.importorskip("playwright", reason="the browser tests need playwright, see make test-browser")

from jupyterlab import Lab, browser, jupyterlab
from playwright.sync_api import Locator, expect

ROOT = Path(__file__).parent.parent

pytestmark = pytest.mark.browser

# What the notebook's cells need to stand in for a trainer of TRL: characters are its tokens.
STAND_IN = """
import json
from types import SimpleNamespace

import rolethread_nb as rt
from rolethread_nb.training.chatml import CHATML


class Letters:
    is_fast, eos_token, chat_template, name_or_path = True, "<|im_end|>", CHATML, "letters"

    def __call__(self, text, return_offsets_mapping=False, **_):
        found = {"input_ids": [ord(one) for one in text]}
        if return_offsets_mapping:
            found["offset_mapping"] = [(at, at + 1) for at in range(len(text))]
        return found

    def decode(self, ids, **_):
        return "".join(map(chr, ids))


def row(text, trained, record):
    labels, at = [-100] * len(text), 0
    for stretch in trained:
        at = text.index(stretch, at)
        labels[at : at + len(stretch)] = map(ord, stretch)
        at += len(stretch)
    return {"input_ids": [ord(one) for one in text], "labels": labels, **record}


def collate(rows):
    (one,) = rows
    return {"input_ids": [one["input_ids"]], "labels": [one["labels"]]}


def trainer(rows, **args):
    made = type("SFTTrainer", (), {"__module__": "trl.trainer"})()
    made.train_dataset, made.eval_dataset, made.data_collator = rows, None, collate
    made.processing_class = Letters()
    made.args = SimpleNamespace(truncation_mode="keep_start", packing=False, **args)
    return made
"""

RECORDED = """
given = json.load(open("given.json"))
rows = [row(one["text"], one["trained"], record) for one, record in zip(given["rows"], given["kept"])]
found = rt.witness(trainer(rows, max_length=given["max_length"], assistant_only_loss=True), given["records"])
rt.WitnessPanel(found)
"""

# The first answer of the first row is masked where we foretold that it is trained.
RIGHT_TO_LEFT = """
chats = list(rt.load("persona_agents_ar_fa.jsonl"))[:16]
records = [{"messages": [{"role": one.role, "content": one.text} for one in chat]} for chat in chats]
told = rt.load(records).preflight(Letters(), max_tokens=2400, settings={"assistant_only_loss": True})
forecasts = [told.forecast(at) for at in range(len(records))]
records = [one for one, forecast in zip(records, forecasts) if forecast.outcome != "refused"]
rows = []
for record, forecast in zip(records, [one for one in forecasts if one.outcome != "refused"]):
    if forecast.outcome != "dropped":
        start, end = forecast.kept or (0, len(forecast.text))
        trained = [forecast.text[a:b] for a, b in forecast.trained]
        rows.append(row(forecast.text[start:end], trained if rows else trained[1:], record))
rt.WitnessPanel(rt.witness(trainer(rows, max_length=2400, assistant_only_loss=True), records))
"""


def recorded() -> dict[str, object]:
    """Rows of a real SFTTrainer, with the records they were made of and two that it has dropped."""
    cases = [
        one
        for one in json.loads((ROOT / "tests" / "recorded" / "trl_sft.json").read_text("utf-8"))
        if one["setting"] == "assistant" and one.get("rows")
    ]
    records, rows = [], []
    for case in cases:
        file = ROOT / "tests" / "trainers" / "cases" / f"{case['case']}.jsonl"
        held = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
        plain = all(
            list(message) == ["role", "content"] and isinstance(message["content"], str)
            for record in held
            for message in record.get("messages", ({},))
        )
        if plain and all(list(record) == ["messages"] for record in held) and len(held) == len(case["rows"]):
            records += held
            rows += case["rows"]
    long = {"messages": [{"role": "user", "content": "Tell me of the sea. " * 1200}]}
    long["messages"].append({"role": "assistant", "content": "It is wide."})
    return {"records": [*records, long], "kept": records, "rows": rows, "max_length": 20_000}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    expect.set_options(timeout=20_000)
    files = tmp_path_factory.mktemp("files")
    cells = [nbformat.v4.new_code_cell(source) for source in (STAND_IN, RECORDED, "found", RIGHT_TO_LEFT)]
    kernel = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), files / "witness.ipynb")
    (files / "given.json").write_text(json.dumps(recorded()), encoding="utf-8")
    data = ROOT / "example_notebooks" / "data" / "persona_agents_ar_fa.jsonl"
    (files / data.name).write_bytes(data.read_bytes())
    with jupyterlab(tmp_path_factory.mktemp("lab"), files) as address, browser(address) as page:
        page.open("witness.ipynb")
        page.hide_sidebar()
        page.run_all()
        yield page


@pytest.fixture
def panel(lab: Lab) -> Locator:
    """The panel with recorded labels."""
    panel = lab.page.locator(".jp-OutputArea .rtnb").first
    panel.scroll_into_view_if_needed()
    panel.get_by_role("toolbar").get_by_role("button", name=re.compile("^all")).click()
    return panel


def rows(panel: Locator) -> Locator:
    return panel.get_by_role("grid").get_by_role("row").filter(has_text=re.compile(r"^#\d+"))


def open_the_first(lab: Lab, panel: Locator) -> None:
    """By the keyboard, since the list may be scrolled down to the conversation that is open."""
    rows(panel).first.focus()
    for key in ("Home", "Enter"):
        lab.page.keyboard.press(key)
    expect(thread(panel)).to_have_attribute("aria-label", "conversation #0")


def thread(panel: Locator) -> Locator:
    return panel.get_by_role("region", name=re.compile("^conversation #"))


def test_the_text_that_is_marked_as_trained_is_what_the_labels_train(lab: Lab, panel: Locator) -> None:
    open_the_first(lab, panel)
    wanted = recorded()["rows"][0]["trained"]  # type: ignore[index]
    marked = thread(panel).locator(".rt-witnessed-text .rt-loss-trained").all_text_contents()
    assert "".join(marked) == "".join(wanted)


def test_a_dropped_conversation_is_found_and_says_why(lab: Lab, panel: Locator) -> None:
    panel.get_by_role("button", name=re.compile("dropped")).click()
    expect(rows(panel)).to_have_count(1)
    rows(panel).first.click()
    expect(thread(panel)).to_contain_text("beyond the limit of 20000 tokens")
    expect(thread(panel).locator("del.rt-said").first).to_be_visible()
    lab.picture(panel, "witness-dropped")


def test_keys_walk_through_the_conversations_and_leave_the_notebook_alone(lab: Lab, panel: Locator) -> None:
    count = lab.cell_count()
    open_the_first(lab, panel)
    lab.page.keyboard.press("n")
    expect(thread(panel)).to_have_attribute("aria-label", "conversation #1")
    lab.page.keyboard.press("p")
    expect(thread(panel)).to_have_attribute("aria-label", "conversation #0")
    for key in ("d", "d", "b", "a", "x"):
        lab.page.keyboard.press(key)
    assert lab.cell_count() == count
    lab.page.keyboard.press("Escape")
    assert not lab.page.evaluate("() => document.activeElement.closest('.rtnb') !== null")


def test_the_summary_has_a_static_twin(lab: Lab) -> None:
    shown = lab.page.locator(".jp-OutputArea .jp-RenderedHTMLCommon section").first
    expect(shown).to_contain_text("SFTTrainer")
    expect(shown).to_contain_text("Our forecast is right")
    lab.picture(shown, "witness-static")


def test_light_dark_and_a_narrow_cell(lab: Lab, panel: Locator) -> None:
    open_the_first(lab, panel)
    lab.page.keyboard.press("n")
    for theme in ("JupyterLab Light", "JupyterLab Dark"):
        lab.theme(theme)
        expect(panel).to_have_attribute("data-theme", theme.split()[1].lower())
        lab.picture(panel, f"witness-{theme.split()[1].lower()}")
    lab.theme("JupyterLab Light")
    lab.page.set_viewport_size({"width": 596, "height": 1200})
    lab.page.wait_for_timeout(300)
    assert panel.evaluate("root => root.clientWidth") <= 480
    assert panel.evaluate("root => root.scrollWidth - root.clientWidth") <= 1
    lab.picture(panel, "witness-narrow")
    lab.page.set_viewport_size({"width": 1600, "height": 1200})


def test_right_to_left_text_and_a_forecast_that_was_wrong(lab: Lab) -> None:
    panel = lab.page.locator(".jp-OutputArea .rtnb").last
    panel.scroll_into_view_if_needed()
    expect(panel).to_contain_text("That is a fault of ours, not of your data.")
    expect(panel.locator(".rt-foretold")).to_have_count(1)
    expect(panel.locator(".rt-witnessed-text[dir=rtl]").first).to_be_visible()
    lab.picture(panel, "witness-arabic")
    lab.theme("JupyterLab Dark")
    lab.picture(panel, "witness-arabic-dark")
    lab.theme("JupyterLab Light")


def test_nothing_went_wrong_and_nothing_left_the_machine(lab: Lab) -> None:
    assert lab.problems == []
    assert lab.foreign == []
