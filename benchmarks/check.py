"""Load and check against a plain ``json.loads`` pass over the same file, in the same run.

For 1,000, 10,000 and 100,000 generated conversations (seeded) it prints the time of the plain pass, of load + check with the balance
numbers, their ratio, the time to the first finding, the time to open one of the last conversations, and the peak memory each
adds to the interpreter, as a multiple of the file.
Every measurement is a fresh process.

    python benchmarks/check.py            all three sizes
    python benchmarks/check.py --sizes 1000 1000000
    python benchmarks/check.py FILE       a file of your own instead
    python benchmarks/check.py FILE --times 7   the same written seven times, with seeded changes in each copy
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

NARRATION = (
    "the lamp river harbour night she smiled turned away slowly and said nothing about it while rain fell on old stones"
    " a letter waits under every door in town where nobody asks for names or money before morning comes"
).split()
ELSEWHERE = "лодка тихо шла по реке и фонарь горел · القمر فوق البحر والمدينة نائمة · 月が静かな港を照らしていた".split()
RUNS = 3
OPENED = 200  # conversations at the end of the file, opened one after the other
WARM_UP = {"messages": [{"role": "user", "content": "Grüße"}, {"role": "assistant", "content": "Hello"}]}


def generate(path: Path, count: int, seed: int = 7) -> None:
    """Roleplay of 3 to 17 turns, one in ten not in English; about 2 % of the conversations have a flaw."""
    rng = random.Random(seed)
    with path.open("w", encoding="utf-8") as out:
        for number in range(count):
            words = ELSEWHERE if number % 10 == 0 else NARRATION
            messages = [{"role": "system", "content": text(rng, words, 30)}]
            for _ in range(rng.randint(1, 8)):
                messages.append({"role": "user", "content": text(rng, words, 20)})
                messages.append({"role": "assistant", "content": text(rng, words, 45)})
            if rng.random() < 0.02:
                flaw = rng.choice(["", "  " + text(rng, words, 5), "Done.<|im_end|>", "caf\u00c3\u00a9"])
                messages[-1]["content"] = flaw
            out.write(json.dumps({"id": f"c{number}", "messages": messages}, ensure_ascii=False) + "\n")


def multiply(path: Path, source: Path, times: int, seed: int = 7) -> None:
    """The records of a file several times: in each copy, ids are new and one word of each text is another of its words."""
    rng = random.Random(seed)

    def changed(value: Any, copy: int) -> Any:
        if isinstance(value, list):
            return [changed(item, copy) for item in value]
        if isinstance(value, dict):
            return {
                key: f"{item}-{copy}" if key == "id" else changed(item, copy) for key, item in value.items()
            }
        if not isinstance(value, str) or len(words := value.split(" ")) < 8:
            return value
        words[rng.randrange(len(words))] = rng.choice(words)
        return " ".join(words)

    with path.open("w", encoding="utf-8") as out:
        for copy in range(times):
            with source.open(encoding="utf-8") as lines:
                for line in lines:
                    record = json.loads(line)
                    if copy:
                        record = changed(record, copy)
                    out.write(json.dumps(record, ensure_ascii=False) + "\n")


def text(rng: random.Random, words: list[str], mean: int) -> str:
    """Some sentences: narration, speech in quotation marks, a new paragraph now and then."""
    left = max(1, int(rng.gauss(mean, mean / 3)))
    sentences = []
    while left > 0:
        size = min(left, rng.randint(4, 14))
        sentence = " ".join(rng.choices(words, k=size)).capitalize() + "."
        sentences.append(rng.choice(["{}", "{}", '"{}"', "\u201c{}\u201d", "*{}*"]).format(sentence))
        left -= size
    return "".join(part + rng.choice([" ", " ", "\n\n"]) for part in sentences).strip()


def measured(task: str, path: Path) -> dict[str, float]:
    """Run one task in a process of its own."""
    done = subprocess.run(
        [sys.executable, __file__, "--task", task, str(path)], capture_output=True, text=True, check=True
    )
    result: dict[str, float] = json.loads(done.stdout)
    return result


def peak() -> float:
    """Peak memory of this process in MiB (Linux counts in KiB)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def plain(path: Path) -> dict[str, float]:
    """Every line through json.loads, nothing kept."""
    before, began = peak(), time.perf_counter()
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            json.loads(line)
    return {"seconds": time.perf_counter() - began, "memory": peak() - before}


def check(path: Path) -> dict[str, float]:
    """Load and check."""
    import rolethread_nb as rt
    from rolethread_nb.outputs.report_files import balance

    rt.load([WARM_UP]).check()  # imports and compiled patterns are not the file's fault
    before, began = peak(), time.perf_counter()
    dataset = rt.load(path)
    report = dataset.check()
    balance(report.index)
    seconds, memory = time.perf_counter() - began, peak() - before
    began = time.perf_counter()
    for row in range(len(dataset) - OPENED, len(dataset)):
        _ = dataset[row].messages
    opening = (time.perf_counter() - began) / OPENED
    return {"seconds": seconds, "memory": memory, "findings": len(report), "open": opening}


def first(path: Path) -> dict[str, float]:
    """Load, and wait for the first finding."""
    import rolethread_nb as rt

    rt.load([WARM_UP]).check()
    began = time.perf_counter()
    next(iter(rt.load(path).iter_issues()), None)
    return {"seconds": time.perf_counter() - began}


def report(path: Path, runs: int) -> None:
    """Measure one file and print a row."""
    megabytes = path.stat().st_size / 2**20
    rounds = [{task: measured(task, path) for task in ("plain", "check", "first")} for _ in range(runs)]
    ratio = statistics.median(one["check"]["seconds"] / one["plain"]["seconds"] for one in rounds)

    def median(task: str, key: str) -> float:
        return statistics.median(one[task][key] for one in rounds)

    print(
        f"{path.name:>16} {megabytes:8.1f} MiB   json.loads {median('plain', 'seconds'):7.3f} s"
        f"   load + check {median('check', 'seconds'):7.3f} s   ratio {ratio:5.2f}"
        f"   first finding {median('first', 'seconds'):6.3f} s"
        f"   open one {1000 * median('check', 'open'):5.2f} ms"
        f"   memory +{median('check', 'memory'):6.1f} MiB = {median('check', 'memory') / megabytes:5.2f} x file",
        flush=True,
    )


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description="time and memory of load + check")
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--task", choices=["plain", "check", "first"], help=argparse.SUPPRESS)
    parser.add_argument("--times", type=int, default=1, help="write FILE so many times, with seeded changes")
    parser.add_argument("--runs", type=int, default=RUNS, help="medians are of so many runs")
    parser.add_argument("file", type=Path, nargs="?")
    arguments = parser.parse_args()
    if arguments.task:
        print(json.dumps({"plain": plain, "check": check, "first": first}[arguments.task](arguments.file)))
        return
    if arguments.file is not None and arguments.times == 1:
        report(arguments.file, arguments.runs)
        return
    if arguments.file is not None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"{arguments.times} x {arguments.file.name}"
            multiply(path, arguments.file, arguments.times)
            report(path, arguments.runs)
        return
    with tempfile.TemporaryDirectory() as folder:
        for size in arguments.sizes:
            path = Path(folder) / f"{size}.jsonl"
            generate(path, size)
            report(path, arguments.runs)


if __name__ == "__main__":
    main()
