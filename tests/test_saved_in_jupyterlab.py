"""What a panel leaves in a notebook that JupyterLab saves: few enough bytes for a repository, whatever was read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from conftest import SHARED, SHIPPED

pytest.importorskip("playwright", reason="the browser tests need playwright, see make test-browser")

from jupyterlab import browser, jupyterlab, write_notebook

pytestmark = pytest.mark.browser

MOST = 300_000  # bytes a panel may take: its output with the twin, and its widget state
MANY = 20_000  # conversations
PERSONAS = "persona_agents_en.jsonl.gz"

SETUP = f"""
import rolethread_nb as rt
words = "The tide turns at four and the ferry does not wait for anyone who counts the gulls. ".split()
def record(n):
    texts = [f"Night {{n}}, " + " ".join(words[(n + at) % 7 :]) + "  " * (at == n % 5) for at in range(6)]
    turns = [{{"role": ("user", "assistant")[at % 2], "name": f"Speaker {{(n * 7 + at) % 900}}", "content": text}} for at, text in enumerate(texts)]
    return {{"id": f"night-{{n:05d}}", "title": f"Night {{n}} at the harbour", "tags": [f"t{{n % 40}}"], "messages": turns}}
personas = rt.load("{PERSONAS}", review=False)
many = rt.load([record(n) for n in range({MANY})])
reports = {{"personas": personas.check(), "many": many.check()}}
"""
PANELS = {
    "Review": "rt.review(reports['{0}'])",
    "Issues": "rt.Issues(reports['{0}'])",
    "Thread": "rt.Thread(reports['{0}'])",
    "Balance": "rt.Balance(reports['{0}'])",
    "PreflightPanel": "preflight = reports['{0}'].dataset.preflight()\npreflight.finish()\nrt.PreflightPanel(preflight)",
}
CASES = [(name, data) for data in ("personas", "many") for name in PANELS]


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """The notebook as JupyterLab has written it."""
    files = tmp_path_factory.mktemp("files")
    held = [folder / PERSONAS for folder in (SHARED, SHIPPED) if (folder / PERSONAS).exists()]
    if not held:
        pytest.skip("left out: the personas of ../shared/data are not beside this clone")
    (files / PERSONAS).write_bytes(held[0].read_bytes())
    sources = [SETUP, *(PANELS[name].format(data) for name, data in CASES)]
    write_notebook(files / "saved.ipynb", sources)
    place = tmp_path_factory.mktemp("lab")
    with jupyterlab(place, files) as address, browser(address) as lab:
        lab.open("saved.ipynb")
        lab.run_all()
        lab.command("@jupyter-widgets/jupyterlab-manager:saveWidgetState")
        lab.command("docmanager:save")
        yield json.loads((place / "work" / "saved.ipynb").read_text(encoding="utf-8"))


def states(notebook: dict[str, Any], model: str) -> dict[str, Any]:
    """The states of a widget and of all that it refers to."""
    held = notebook["metadata"]["widgets"]["application/vnd.jupyter.widget-state+json"]["state"]
    found, waiting = {}, [model]
    while waiting:
        name = waiting.pop()
        found[name] = held[name]
        text = json.dumps(held[name])
        waiting += [other for other in held if other not in found and f"IPY_MODEL_{other}" in text]
    return found


@pytest.mark.parametrize(("name", "data"), CASES)
def test_a_panel_takes_at_most_300_kb_of_a_saved_notebook(
    saved: dict[str, Any], name: str, data: str
) -> None:
    cell = saved["cells"][CASES.index((name, data)) + 1]
    outputs = cell["outputs"]
    view = outputs[-1]["data"]["application/vnd.jupyter.widget-view+json"]
    held = states(saved, view["model_id"])
    # As nbformat writes it: UTF-8, indented by one.
    sizes = [len(json.dumps(one, indent=1, ensure_ascii=False).encode()) for one in (outputs, held)]
    parts = {key: len(json.dumps(value)) for key, value in held[view["model_id"]]["state"].items()}
    biggest = sorted(parts.items(), key=lambda part: -part[1])[:3]
    print(f"\n{name} of {data}: {len(outputs)} output {sizes[0]:,}, state {sizes[1]:,} ({biggest})")
    assert sum(sizes) <= MOST
