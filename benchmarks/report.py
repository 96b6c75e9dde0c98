"""The full report: every rule of a profile, the groups of duplicates, every facet of the balance. Time and memory beside a plain json.loads pass.

    python benchmarks/report.py                       100,000 conversations put together from the turns of real ones (as of benchmarks/duplicates.py)
    python benchmarks/report.py --file chats.jsonl    from the turns of a file of yours
    python benchmarks/report.py --file chats.jsonl --whole    that file as it is
    python benchmarks/report.py --generated           conversations of made-up text (as of benchmarks/check.py)

Everything happens in one process. A check with ``balance=True`` gathers all of it in one pass; the time of the steps after it is what they
still have to do. Rules that are preview do not run, as they do not for anybody who does not ask for them; ``--preview`` lets them.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from check import generate
from duplicates import REAL, plant

import rolethread_nb as rt
from rolethread_nb.checks.catalogue import rules


def timed(what: Callable[[], Any]) -> tuple[float, float, Any]:
    """Seconds on the clock, seconds of processor time, and what came of it."""
    clock, cpu = time.perf_counter(), time.process_time()
    made = what()
    return time.perf_counter() - clock, time.process_time() - cpu, made


def plain(path: Path) -> None:
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            json.loads(line)


def run(path: Path, *, preview: bool = False) -> None:
    before = timed(lambda: plain(path))
    ds = rt.load(path, review=False)
    every = [rule.code for rule in rules()] if preview else None
    steps: list[tuple[str, Callable[[], Any]]] = [
        ("check, with balance", lambda: ds.check("roleplay", select=every, balance=True)),
        ("duplicates", ds.duplicates),
        ("balance, every facet", lambda: ds.balance().compute(_facets())),
    ]
    done = [(name, timed(step)) for name, step in steps]
    after = timed(lambda: plain(path))
    # The speed of a shared machine changes within a minute, so the pass is timed on both sides.
    base, base_cpu = (before[0] + after[0]) / 2, (before[1] + after[1]) / 2
    print(
        f"{path.name}, {path.stat().st_size / 2**20:.1f} MiB\n{'':24} {'seconds':>8} {'ratio':>6} {'cpu s':>7} {'ratio':>6}"
    )

    def row(name: str, wall: float, cpu: float, more: str = "") -> None:
        print(f"{name:24} {wall:8.2f} {wall / base:6.1f} {cpu:7.2f} {cpu / base_cpu:6.1f}   {more}")

    row("json.loads before", *before[:2])
    row("json.loads after", *after[:2])
    for name, (wall, cpu, made) in done:
        row(name, wall, cpu, repr(made).split(":")[0][:40])
    total, total_cpu = (sum(one[at] for _, one in done) for at in (0, 1))
    row("full report", total, total_cpu)
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MiB")


def _facets() -> list[str]:
    """All but those of findings, which the check has."""
    from rolethread_nb.balance.registry import facets

    return [facet.name for facet in facets() if not facet.name.startswith("finding")]


def main() -> None:
    parser = argparse.ArgumentParser(description="time of the full report")
    parser.add_argument("--file", type=Path, default=REAL)
    parser.add_argument("--whole", action="store_true")
    parser.add_argument("--generated", action="store_true")
    parser.add_argument("--preview", action="store_true")
    parser.add_argument("--size", type=int, default=100_000)
    asked = parser.parse_args()
    if asked.whole:
        run(asked.file, preview=asked.preview)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{asked.size}.jsonl"
        if asked.generated:
            generate(path, asked.size)
        else:
            plant(asked.file, path, asked.size)
        run(path, preview=asked.preview)


if __name__ == "__main__":
    main()
