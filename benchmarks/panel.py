"""The review panel in a real JupyterLab, beside ipydatagrid and a plain pandas table in the same run.

    python benchmarks/panel.py                                # 100,000 conversations, 1,000,000 findings
    python benchmarks/panel.py --size 10000 --grid 10000      # smaller

Needs what the browser tests need (`make test-browser`); CHROMIUM names the browser. Times are of one machine that does nothing else.
Painted: from the end of the cell to the frame that shows its rows. Heap: after a garbage collection, above the empty notebook. A filter,
a sort and a step are measured in the page, from the event to the frame that shows what it led to.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from jupyterlab import Lab, browser, jupyterlab

WORDS = (
    "the lamp river harbour night she smiled turned away slowly and said nothing about it while rain fell on old stones"
    " a letter waits under every door in town where nobody asks for names or money before morning comes"
).split()
# Each turn gets one of these; each has one finding.
FLAWS = ["{} ", "{} ", "{} ", "{}\n\n", "{}<|im_end|>", "{} caf\u00c3\u00a9", "&amp; {}", "{}\u200b"]
TURNS = 10
STEPS = 12
GOALS = {
    "painted": "500 ms", "sent": "400 kB", "heap": "60 MB", "filter": "150 ms", "sort": "150 ms", "next finding": "50 ms",
    "long tasks": "0",
}  # fmt: skip

# Resolves with the milliseconds from `act` to the frame after the one in which `done` first holds.
WATCH = """async ([act, done]) => {
    const root = document.querySelector('.jp-OutputArea .rtnb');
    const holds = new Function('root', `return ${done}`), before = new Function('root', act);
    const began = performance.now();
    before(root);
    for (;;) {
        await new Promise(frame => requestAnimationFrame(frame));
        if (holds(root)) return performance.now() - began;
        if (performance.now() - began > 120000) throw new Error(`never: ${done}`);
    }
}"""
SCROLL = """async () => {
    const grid = document.querySelector('.jp-OutputArea .rtnb [role=grid]');
    const long = [];
    const watcher = new PerformanceObserver(list => long.push(...list.getEntries().map(entry => entry.duration)));
    watcher.observe({ entryTypes: ['longtask'] });
    for (let frame = 0; frame < 120; frame++) {
        grid.scrollTop = frame < 60 ? frame * 90 : grid.scrollHeight * (frame - 59) / 61;
        await new Promise(done => requestAnimationFrame(done));
    }
    await new Promise(done => setTimeout(done, 1000));
    watcher.disconnect();
    return long;
}"""


def generate(path: Path, count: int, seed: int = 7) -> None:
    """Conversations of ten turns, each turn with a flaw: ten findings each."""
    rng = random.Random(seed)
    with path.open("w", encoding="utf-8") as out:
        for number in range(count):
            texts = [" ".join(rng.choices(WORDS, k=rng.randint(6, 24))).capitalize() for _ in range(TURNS)]
            messages = [
                {"role": ("user", "assistant")[at % 2], "content": rng.choice(FLAWS).format(f"{text}.")}
                for at, text in enumerate(texts)
            ]
            record = {"id": f"c{number}", "title": f"Night {number} at the harbour", "messages": messages}
            out.write(json.dumps(record, ensure_ascii=False) + "\n")


class Page:
    """The notebook with counters: bytes that came in, memory, and time."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.received = 0
        self._session = lab.page.context.new_cdp_session(lab.page)
        self._session.send("Network.enable")
        self._session.on("Network.webSocketFrameReceived", self._on_frame)

    def _on_frame(self, frame: dict[str, Any]) -> None:
        self.received += len(frame["response"]["payloadData"])

    def heap(self) -> float:
        """Megabytes of JavaScript that are in use."""
        self._session.send("HeapProfiler.collectGarbage")
        return float(self._session.send("Runtime.getHeapUsage")["usedSize"]) / 1e6

    def run(self, notebook: str, rows: str) -> dict[str, float]:
        """Open a notebook, run its first cell unmeasured and its second one measured, until ``rows`` is in the page."""
        self.lab.open(notebook)
        self.lab.hide_sidebar()
        self.lab.page.evaluate("() => { window.jupyterapp.shell.currentWidget.content.activeCellIndex = 0; }")
        self.lab.page.set_default_timeout(1_800_000)
        self.lab.command("notebook:run-cell-and-select-next")
        before, came = self.heap(), self.received
        began = time.perf_counter()
        painted = self.lab.page.evaluate(
            """async rows => {
                await window.jupyterapp.commands.execute('notebook:run-cell');
                const ran = performance.now();
                while (!document.querySelector(rows)) await new Promise(done => requestAnimationFrame(done));
                await new Promise(done => requestAnimationFrame(done));
                return performance.now() - ran;
            }""",
            rows,
        )
        cell = 1000 * (time.perf_counter() - began) - painted
        self.lab.page.wait_for_timeout(1500)
        return {
            "cell": cell,
            "painted": painted,
            "sent": (self.received - came) / 1000,
            "heap": self.heap() - before,
        }

    def watched(self, act: str, done: str) -> float:
        """Milliseconds from an action in the page to the frame that shows what it led to."""
        taken: float = self.lab.page.evaluate(WATCH, [act, done])
        return taken


def panel(page: Page) -> dict[str, float]:
    """What a reviewer does."""
    found = page.run("panel.ipynb", ".rtnb [role=grid] [data-position] .rt-message")
    count = "root.querySelector('[role=grid]').getAttribute('aria-rowcount')"
    everything = page.lab.page.evaluate(
        f"() => {{ const root = document.querySelector('.rtnb'); return {count}; }}"
    )
    settled = "root.querySelector('[role=grid]').getAttribute('aria-busy') === 'false'"
    chip = "root.querySelector('.rt-chip-error').click()"
    found["filter"] = page.watched(chip, f"{settled} && {count} !== '{everything}'")
    page.watched(chip, f"{settled} && {count} === '{everything}'")
    table = "[...root.querySelectorAll('button')].find(b => b.textContent === 'Table').click()"
    page.watched(table, f"{settled} && root.querySelector('[role=columnheader]')")
    sorts = []
    for name in ("role", "turn", "code"):
        head = f"root.querySelector('.rt-head [aria-label={name}]')"
        sorts.append(
            page.watched(
                f"{head}.click()",
                f"{settled} && !root.querySelector('.rt-stale') && {head}.parentElement.getAttribute('aria-sort') !== 'none'",
            )
        )
    found["sort"] = statistics.median(sorts)
    key = "root.querySelector('.rt-frame').dispatchEvent(new KeyboardEvent('keydown', { key: 'j', bubbles: true }))"
    at = "root.querySelector('[data-position][aria-selected=true]')?.dataset.position"
    steps = []
    for _ in range(STEPS):
        page.lab.page.wait_for_timeout(300)
        page.lab.page.evaluate(
            f"() => {{ const root = document.querySelector('.rtnb'); window.before = {at}; }}"
        )
        steps.append(page.watched(key, f"{at} !== undefined && {at} !== window.before"))
    found["next finding"] = statistics.median(steps)
    long = page.lab.page.evaluate(SCROLL)
    found["long tasks"] = len(long)
    found["longest"] = max(long, default=0)
    return found


def notebook(*cells: str) -> str:
    """A notebook of these cells."""
    made = [
        {
            "cell_type": "code",
            "id": f"c{n}",
            "metadata": {},
            "outputs": [],
            "execution_count": None,
            "source": cell,
        }
        for n, cell in enumerate(cells)
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return json.dumps({"cells": made, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5})


def show(name: str, found: dict[str, float]) -> None:
    """Print a row."""
    units = {"sent": "kB", "heap": "MB", "long tasks": ""}
    parts = [f"{key} {value:,.0f} {units.get(key, 'ms')}".strip() for key, value in found.items()]
    print(f"{name:34} {'   '.join(parts)}", flush=True)


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description="the review panel in a browser")
    parser.add_argument(
        "--size", type=int, default=100_000, help="conversations, with ten findings each (default 100,000)"
    )
    parser.add_argument("--grid", type=int, default=100_000, help="findings in ipydatagrid (default 100,000)")
    parser.add_argument(
        "--table", type=int, default=5_000, help="findings in the pandas table (default 5,000)"
    )
    arguments = parser.parse_args()
    os.environ.setdefault("CHROMIUM", "/usr/bin/chromium")
    frame = (
        "import pandas as pd\n"
        "from rolethread_nb.outputs.views import ReviewView\n"
        "view = ReviewView(report)\n"
        "def frame(count):\n"
        "    return pd.DataFrame([row for at in range(0, count, 500) for row in view.findings(offset=at, limit=min(500, count - at))['rows']])"
    )
    with tempfile.TemporaryDirectory() as folder:
        files = Path(folder) / "files"
        files.mkdir()
        generate(files / "data.jsonl", arguments.size)
        load = "import rolethread_nb as rt\nreport = rt.load('data.jsonl', review=False).check()"
        small = load.replace("'data.jsonl'", "'small.jsonl'")
        generate(files / "small.jsonl", max(arguments.grid, arguments.table) // TURNS + 100)
        (files / "panel.ipynb").write_text(notebook(load, "rt.review(report)"))
        (files / "grid.ipynb").write_text(
            notebook(
                f"{small}\n{frame}\nfrom ipydatagrid import DataGrid\nrows = frame({arguments.grid})",
                "DataGrid(rows)",
            )
        )
        (files / "table.ipynb").write_text(
            notebook(
                f"{small}\n{frame}\nrows = frame({arguments.table})\npd.set_option('display.max_rows', None)",
                "rows",
            )
        )
        with jupyterlab(Path(folder) / "lab", files) as address:
            with browser(address) as lab:
                show(f"review, {arguments.size * TURNS:,} findings", panel(Page(lab)))
            with browser(address) as lab:
                show(
                    f"ipydatagrid, {arguments.grid:,} findings",
                    Page(lab).run("grid.ipynb", ".ipydatagrid-widget canvas, .lm-DataGrid canvas"),
                )
            with browser(address) as lab:
                show(
                    f"pandas table, {arguments.table:,} findings",
                    Page(lab).run("table.ipynb", "table.dataframe td"),
                )
    print("goals:", ", ".join(f"{name} {goal}" for name, goal in GOALS.items()))


if __name__ == "__main__":
    main()
