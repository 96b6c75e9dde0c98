"""What one step of a review costs, beside a bare append and fsync of the same bytes in the same run.

python benchmarks/journal.py [--sizes 1000,100000] [--steps 200]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import rolethread_nb as rt


def written(path: Path, count: int) -> Path:
    """A file of conversations of nine turns."""
    with path.open("w", encoding="utf-8") as file:
        for n in range(count):
            turns = [
                {
                    "role": ("user", "assistant")[turn % 2],
                    "content": f"Turn {turn} of conversation {n}, " + "word " * 30,
                }
                for turn in range(9)
            ]
            file.write(json.dumps({"messages": turns}) + "\n")
    return path


def timed(step: Callable[[int], object], steps: int) -> float:
    """The median of a step, in milliseconds."""
    times = []
    for n in range(steps):
        began = time.perf_counter()
        step(n)
        times.append(time.perf_counter() - began)
    return statistics.median(times) * 1000


def measured(folder: Path, size: int, steps: int) -> str:
    """The line of one size."""
    path = written(folder / "data.jsonl", size)
    dataset = rt.load(path, progress=False)
    _ = dataset.index
    edit = timed(lambda n: dataset.edit(n * 7 % size, n % 9, text=f"another text {n}"), steps)
    decide = timed(lambda n: dataset.decide(n * 7 % size, "keep"), steps)
    undo = timed(lambda _: dataset.undo(), steps)
    dataset.journal.close()
    (segment,) = path.with_name("data.jsonl.review").glob("*.jsonl")
    lines = segment.read_bytes().splitlines(keepends=True)
    with (folder / "bare").open("ab") as bare:

        def append(n: int) -> None:
            bare.write(lines[n])
            bare.flush()
            os.fsync(bare.fileno())

        alone = timed(append, steps)
    began = time.perf_counter()
    _ = rt.load(path, progress=False).index
    loaded = time.perf_counter() - began
    began = time.perf_counter()
    _ = rt.load(path, progress=False, review=False).index
    plain = time.perf_counter() - began
    return (
        f"{size:>9,} conversations   append + fsync {alone:.2f} ms   edit + {edit - alone:.2f} ms"
        f"   decide + {decide - alone:.2f} ms   undo + {undo - alone:.2f} ms"
        f"   load with {len(lines):,} steps {loaded / plain:.2f} x without"
    )


def main() -> None:
    """Print a line for each size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default="1000,100000")
    parser.add_argument("--steps", type=int, default=200)
    arguments = parser.parse_args()
    for size in map(int, arguments.sizes.split(",")):
        with tempfile.TemporaryDirectory() as folder:
            print(measured(Path(folder), size, arguments.steps), flush=True)


if __name__ == "__main__":
    main()
