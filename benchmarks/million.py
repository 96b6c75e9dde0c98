"""A grid of a million findings in a real JupyterLab, and its picture.

    python benchmarks/million.py FILE                  # real chats; of each code those with most findings are written again and again
    python benchmarks/million.py FILE --picture docs/gallery/grid-million.png
    python benchmarks/million.py FILE --findings 100000 --requests

Each copy has new ids and in each longer text one other word (seeded). Needs what the browser tests need (`make test-browser`). Times are of
one machine that does nothing else: from the end of the cell to the frame that shows rows, and of requests in Python.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import polars as pl
from check import multiply
from panel import Page, notebook, show

import rolethread_nb as rt
from rolethread_nb.outputs.views import ReviewView

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from jupyterlab import browser, jupyterlab

OF_EACH = 40  # records of each code
MOST = 1_200  # bytes of a record
FILE = Path(__file__).parent.parent.parent / "shared" / "data" / "big" / "real_mixed.jsonl.zst"


def choose(source: Path, out: Path) -> int:
    """Write the records with most findings for their size, of each code some. Returns the number of their findings."""
    ds = rt.load(source, review=False)
    report = ds.check(ignore="dup")
    table = report.findings.table.filter(pl.col("index").is_not_null() & pl.col("turn").is_not_null())
    of_record = table.group_by("index").agg(pl.len(), pl.col("rule").unique())
    sizes = pl.Series([len(ds.record_bytes(0, index) or b"") for index in of_record["index"]])
    dense = of_record.filter(sizes <= MOST).with_columns(share=pl.col("len") / sizes.filter(sizes <= MOST))
    dense = dense.sort("share", "index", descending=True)
    best = dense.explode("rule").group_by("rule", maintain_order=True).head(OF_EACH)["index"].unique().sort()
    with out.open("wb") as lines:
        for index in best:
            record = json.loads(ds.record_bytes(0, index) or b"{}")
            lines.write(json.dumps(record, ensure_ascii=False).encode() + b"\n")
    return int(dense.filter(pl.col("index").is_in(best.implode()))["len"].sum())


def requests(path: Path) -> dict[str, float]:
    """Milliseconds of what the grid asks for, each for the first time."""
    view = ReviewView(rt.load(path, review=False).check(ignore="dup"))
    view.findings()
    found: dict[str, float] = {}
    for sort in ("severity", "code", "turn", "role", "conversation"):
        taken = []
        for descending in (False, True):
            began = time.perf_counter()
            view.findings(sort=sort, descending=descending)
            taken.append(1000 * (time.perf_counter() - began))
        found[sort] = statistics.mean(taken)
    return found


def main() -> None:
    """Write the file, measure, and take the picture."""
    parser = argparse.ArgumentParser(description="a grid of a million findings")
    parser.add_argument("file", nargs="?", type=Path, default=FILE)
    parser.add_argument("--findings", type=int, default=1_000_000)
    parser.add_argument("--requests", action="store_true", help="measure the requests of the grid, too")
    parser.add_argument("--picture", type=Path)
    arguments = parser.parse_args()
    if not arguments.file.exists():
        print(f"left out: {arguments.file} is not there")
        return
    os.environ.setdefault("CHROMIUM", "/usr/bin/chromium")
    with tempfile.TemporaryDirectory() as folder:
        files = Path(folder) / "files"
        files.mkdir()
        chosen, data = Path(folder) / "chosen.jsonl", files / "data.jsonl"
        each = choose(arguments.file, chosen)
        multiply(data, chosen, int(1.05 * arguments.findings / each) + 1)  # in some copies a finding is gone
        print(f"{data.stat().st_size / 1e6:,.0f} MB, {each:,} findings in each copy", flush=True)
        if arguments.requests:
            show("requests, sorted by", requests(data))
        load = "import rolethread_nb as rt\nreport = rt.load('data.jsonl', review=False).check(ignore='dup')"
        (files / "grid.ipynb").write_text(notebook(load, "rt.Issues(report)"))
        with (
            jupyterlab(Path(folder) / "lab", files) as address,
            browser(address, width=1200, height=900) as lab,
        ):
            page = Page(lab)
            show("grid", page.run("grid.ipynb", ".rtnb [role=grid] [data-position] .rt-message"))
            panel = lab.page.locator(".jp-OutputArea .rtnb").first
            print(panel.locator(".rt-facts").first.inner_text())
            if arguments.picture:
                panel.scroll_into_view_if_needed()
                panel.screenshot(path=arguments.picture, animations="disabled")


if __name__ == "__main__":
    main()
