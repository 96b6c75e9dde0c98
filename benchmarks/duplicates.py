"""Near-duplicates: recall, precision, time and memory, with copies planted in real text.

The text is real: every conversation of FILE (JSON lines with ``messages``, also .zst). Where more are asked for than it has, new ones are
put together from turns of different conversations, each turn used for one place of it, so that two conversations share no more than a turn
or two; they are real words and no real talk, and the same turn does occur in several. Of one conversation in fifty a copy is planted, with
so many words replaced that the Jaccard index of the word 3-shingles lies between 0.75 and 0.95.

For every size it prints the share of the planted pairs that came into one group (recall), the share of the reported pairs that hold when
both texts are compared again in plain Python (precision), the seconds of ``ds.duplicates()`` and of the rule ``dup.near`` within
a check, a plain ``json.loads`` pass over the same file, and the peak memory that each adds. Every measurement is a fresh process. At 3,000
conversations every pair is compared in plain Python, too. datasketch and rensa are measured where they can be imported.

    python benchmarks/duplicates.py                   real chats of many languages
    python benchmarks/duplicates.py FILE
    python benchmarks/duplicates.py FILE --sizes 10000 100000 1000000
    python benchmarks/duplicates.py FILE --sizes 100000 --tasks polars datasketch rensa --python OTHER/bin/python
"""

from __future__ import annotations

import argparse
import gc
import io
import json
import random
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

REAL = Path(__file__).parent.parent.parent / "shared" / "data" / "big" / "real_mixed.jsonl.zst"
THRESHOLD = 0.7
PLANTED = 50  # one conversation in so many gets a copy
QUADRATIC = 3_000
# About the product's rule: in scripts without blanks a character is a word.
UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
WORD = re.compile(rf"[{UNSPACED}]|[^\W_{UNSPACED}]+")
Result = dict[str, Any]


# ---------------------------------------------------------------- the data


def lines_of(path: Path) -> Iterator[str]:
    """The lines of a file, unpacked."""
    if path.suffix == ".zst":
        import zstandard

        with path.open("rb") as packed, zstandard.ZstdDecompressor().stream_reader(packed) as data:
            yield from io.TextIOWrapper(data, encoding="utf-8", newline="\n")
    else:
        with path.open(encoding="utf-8", newline="\n") as lines:
            yield from lines


def spoken(record: Any) -> list[tuple[str, str]]:
    """Role and text of the turns that count."""
    turns = record.get("messages") or []
    return [
        (turn["role"], turn["content"])
        for turn in turns
        if isinstance(turn, dict)
        and turn.get("role") in ("user", "assistant")
        and isinstance(turn.get("content"), str)
    ]


def plant(source: Path, out: Path, count: int, seed: int = 3) -> None:
    """Write so many conversations, and beside them which of them are copies: (original, copy) in ``<out>.pairs``."""
    rng = random.Random(seed)
    real = [turns for line in lines_of(source) if (turns := spoken(json.loads(line)))]
    stock: dict[str, list[str]] = {"user": [], "assistant": []}
    for turns in real:
        for role, text in turns:
            stock[role].append(text)
    copies = count // PLANTED
    pairs = []
    chosen = set(rng.sample(range(count - copies), copies))
    waiting: list[tuple[int, list[tuple[str, str]]]] = []
    at = 0
    with out.open("w", encoding="utf-8") as file:

        def write(turns: list[tuple[str, str]]) -> None:
            messages = [{"role": role, "content": text} for role, text in turns]
            file.write(json.dumps({"id": f"c{at}", "messages": messages}, ensure_ascii=False) + "\n")

        for number in range(count - copies):
            # The shape of a real conversation; beyond the real ones, every turn comes from another.
            turns = real[number % len(real)]
            if number >= len(real):
                turns = [(role, rng.choice(stock[role])) for role, _ in turns]
            write(turns)
            if number in chosen:
                waiting.append((at, edited(turns, rng.uniform(0.75, 0.95), rng)))
            at += 1
            if waiting and (rng.random() < 1 / PLANTED or number + 1 == count - copies):
                rng.shuffle(waiting)
                done, waiting = waiting, []
                for original, copy in done:
                    write(copy)
                    pairs.append((original, at))
                    at += 1
    Path(f"{out}.pairs").write_text(json.dumps(pairs), encoding="utf-8")


def edited(turns: list[tuple[str, str]], goal: float, rng: random.Random) -> list[tuple[str, str]]:
    """A copy with words replaced, about so many that this Jaccard index is left."""
    words = sum(len(WORD.findall(text)) for _, text in turns)
    left = max(1, round(words * (1 - goal) / (3 * (1 + goal))))
    changed = [list(turn) for turn in turns]
    for _ in range(left):
        turn = rng.choice(changed)
        found = list(WORD.finditer(turn[1]))
        if found:
            one = rng.choice(found)
            turn[1] = f"{turn[1][: one.start()]}changed{rng.randrange(10**6)}{turn[1][one.end() :]}"
    return [(role, text) for role, text in changed]


def shingles(turns: list[tuple[str, str]]) -> set[tuple[str, ...]]:
    """Word 3-shingles in plain Python, by the product's rule for words."""
    from rolethread_nb.core.word_table import word_spans

    words = [text[span.start : span.end].lower() for _, text in turns for span in word_spans(text)]
    return {tuple(words[at : at + 3]) for at in range(max(len(words) - 2, 1))} if words else set()


def jaccard(one: set[Any], other: set[Any]) -> float:
    """The Jaccard index of two sets."""
    shared = len(one & other)
    return shared / (len(one) + len(other) - shared or 1)


# ---------------------------------------------------------------- tasks, each in a process of its own


def plain(path: Path) -> Result:
    """Every line through json.loads, nothing kept."""
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            json.loads(line)
    return {}


def duplicates(path: Path) -> Result:
    """``ds.duplicates()``."""
    import rolethread_nb as rt

    found = rt.load(path, review=False, progress=False).duplicates()
    pairs = found._found.pairs  # noqa: SLF001 (numbers of conversations; the public frame has ids)
    return {"pairs": list(zip(pairs.left.tolist(), pairs.right.tolist(), strict=True))}


def rule(path: Path) -> Result:
    """A check with the rule dup.near alone."""
    import rolethread_nb as rt

    return {"findings": len(rt.load(path, review=False, progress=False).check(select="dup.near"))}


def without_rule(path: Path) -> Result:
    """A check with next to no rule, to be subtracted."""
    import rolethread_nb as rt

    return {"findings": len(rt.load(path, review=False, progress=False).check(select="turn.empty"))}


def quadratic(path: Path) -> Result:
    """Each conversation with each, in plain Python."""
    with path.open(encoding="utf-8") as lines:
        sets = [shingles(spoken(json.loads(line))) for line in lines]
    found = []
    for right, one in enumerate(sets):
        for left in range(right):
            other = sets[left]
            small, large = sorted((len(one), len(other)))
            if small >= THRESHOLD * large > 0 and jaccard(one, other) >= THRESHOLD:
                found.append((left, right))
    return {"pairs": found}


def hashed_texts(path: Path) -> Iterator[tuple[int, list[str]]]:
    """The shingles of each conversation as texts, for the libraries."""
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines):
            words = WORD.findall(" ".join(text for _, text in spoken(json.loads(line))).lower())
            yield (
                number,
                [" ".join(words[at : at + 3]) for at in range(max(len(words) - 2, 1))] if words else [],
            )


def with_datasketch(path: Path) -> Result:
    """datasketch: MinHash of 128 permutations, MinHashLSH at the threshold; its candidates, which are estimates."""
    from datasketch import MinHash, MinHashLSH

    lsh = MinHashLSH(threshold=THRESHOLD, num_perm=128)
    found = []
    for number, texts in hashed_texts(path):
        if texts:
            sketch = MinHash(num_perm=128)
            sketch.update_batch([text.encode() for text in set(texts)])
            found += [(int(other), number) for other in lsh.query(sketch)]
            lsh.insert(number, sketch)
    return {"pairs": found}


def with_rensa(path: Path) -> Result:
    """rensa: R-MinHash of 128 permutations and its LSH with 16 bands; its candidates, which are estimates."""
    from rensa import RMinHash, RMinHashLSH

    lsh = RMinHashLSH(threshold=THRESHOLD, num_perm=128, num_bands=16)
    found = []
    for number, texts in hashed_texts(path):
        if texts:
            sketch = RMinHash(num_perm=128, seed=7)
            sketch.update(texts)
            found += [(int(other), number) for other in lsh.query(sketch)]
            lsh.insert(number, sketch)
    return {"pairs": found}


def with_polars(path: Path) -> Result:
    """Hashed shingles in polars: those below 1/32 of the range, joined on themselves, verified on the full sets."""
    import polars as pl

    with path.open(encoding="utf-8") as lines:
        texts = [" ".join(text for _, text in spoken(json.loads(line))).lower() for line in lines]
    words = (
        pl.DataFrame({"text": texts})
        .with_row_index("n")
        .select("n", pl.col("text").str.extract_all(rf"[{UNSPACED}]|[\p{{L}}\p{{N}}--{UNSPACED}]+"))
    )
    del texts
    parts = []
    for start in range(0, words.height, 5_000):
        flat = (
            words.slice(start, 5_000)
            .explode("text", empty_as_null=False)
            .with_columns(pl.col("text").hash(1))
        )
        three = flat.with_columns(
            h=(pl.col("text") * 3 + pl.col("text").shift(-1) * 5 + pl.col("text").shift(-2) * 7).hash(2),
            same=pl.col("n") == pl.col("n").shift(-2),
        )
        parts.append(three.filter("same").select("n", "h").unique())
    full = pl.concat(parts)
    del words, parts
    counts = full.group_by("n").len()
    low = full.filter((pl.col("h") % 32) == 0)
    low = low.filter(pl.len().over("h") <= 50)
    pairs = low.join(low, on="h", suffix="_right").filter(pl.col("n") < pl.col("n_right"))
    size = low.group_by("n").len()
    pairs = (
        pairs.group_by("n", "n_right")
        .len("shared")
        .join(size, on="n")
        .join(size, left_on="n_right", right_on="n", suffix="_right")
    )
    pairs = pairs.filter(pl.col("shared") >= 0.5 * pl.min_horizontal("len", "len_right"))
    asked = pl.concat([pairs["n"], pairs["n_right"]]).unique()
    sets = full.filter(pl.col("n").is_in(asked.implode()))
    shared = (
        pairs.select("n", "n_right")
        .join(sets, on="n")
        .join(sets, left_on=["n_right", "h"], right_on=["n", "h"], how="semi")
        .group_by("n", "n_right")
        .len("both")
        .join(counts, on="n")
        .join(counts, left_on="n_right", right_on="n", suffix="_right")
    )
    held = shared.filter(pl.col("both") >= THRESHOLD * (pl.col("len") + pl.col("len_right") - pl.col("both")))
    return {"pairs": held.select("n", "n_right").rows()}


TASKS: dict[str, Callable[[Path], Result]] = {
    "plain": plain,
    "duplicates": duplicates,
    "rule": rule,
    "without_rule": without_rule,
    "quadratic": quadratic,
    "polars": with_polars,
    "datasketch": with_datasketch,
    "rensa": with_rensa,
}


def run(task: str, path: Path, out: Path) -> None:
    """Run one task in this process and write its result."""
    if task in ("datasketch", "rensa"):
        __import__(task)
    elif task != "plain":
        import rolethread_nb as rt

        rt.load(
            [{"messages": [{"role": "user", "content": "Grüße"}]}]
        ).duplicates()  # imports are not the file's fault
    gc.collect()
    before, began, busy = peak(), time.perf_counter(), time.process_time()
    result = TASKS[task](path)
    used = time.process_time() - busy
    result |= {"seconds": time.perf_counter() - began, "used": used, "memory": peak() - before}
    out.write_text(json.dumps(result), encoding="utf-8")


def peak() -> float:
    """Peak memory of this process in MiB (Linux counts in KiB)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


# ---------------------------------------------------------------- the report


def measured(task: str, path: Path, python: str) -> Result | None:
    """Run one task in a fresh process; None where a library is not there."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "result.json"
        done = subprocess.run(
            [python, __file__, "--task", task, "--out", str(out), str(path)],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            if "ModuleNotFoundError" in done.stderr:
                return None
            raise RuntimeError(done.stderr)
        found: Result = json.loads(out.read_text(encoding="utf-8"))
        return found


def group_of(count: int, pairs: list[tuple[int, int]]) -> list[int]:
    """The lowest number that each conversation hangs together with."""
    parent = list(range(count))

    def top(one: int) -> int:
        while parent[one] != one:
            parent[one] = one = parent[parent[one]]
        return one

    for left, right in pairs:
        one, other = sorted((top(left), top(right)))
        parent[other] = one
    return [top(one) for one in range(count)]


def judged(path: Path, count: int, planted: list[tuple[int, int]], pairs: list[tuple[int, int]]) -> str:
    """Recall of the planted pairs that are at or above the threshold, and precision of those reported."""
    asked = {number for pair in (*planted, *pairs) for number in pair}
    sets: dict[int, set[Any]] = {}
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines):
            if number in asked:
                sets[number] = {hash(one) for one in shingles(spoken(json.loads(line)))}
    true = [pair for pair in planted if jaccard(sets[pair[0]], sets[pair[1]]) >= THRESHOLD]
    groups = group_of(count, pairs)
    found = sum(groups[left] == groups[right] for left, right in true)
    holding = sum(jaccard(sets[left], sets[right]) >= THRESHOLD - 1e-6 for left, right in pairs)
    return (
        f"recall {found / max(len(true), 1):.4f} of {len(true):,} planted   "
        f"precision {holding / max(len(pairs), 1):.4f} of {len(pairs):,} reported"
    )


def report(source: Path, size: int, tasks: list[str], folder: Path, python: str) -> None:
    """Measure one size."""
    path = folder / f"{size}.jsonl"
    plant(source, path, size)
    planted = [tuple(pair) for pair in json.loads(Path(f"{path}.pairs").read_text(encoding="utf-8"))]
    base = measured("plain", path, sys.executable)
    assert base is not None
    megabytes = path.stat().st_size / 2**20
    print(
        f"{size:,} conversations, {megabytes:,.0f} MiB, json.loads {base['seconds']:.2f} s, processor {base['used']:.1f} s",
        flush=True,
    )
    for task in tasks:
        if task == "quadratic" and size > QUADRATIC:
            continue
        found = measured(task, path, python if task in ("datasketch", "rensa") else sys.executable)
        if found is None:
            print(f"  {task:>12}: left out, it cannot be imported here", flush=True)
            continue
        said = (
            f"  {task:>12}: {found['seconds']:8.2f} s = {found['seconds'] / base['seconds']:6.2f} x json.loads"
            f"   processor {found['used']:.1f} s   memory +{found['memory']:,.0f} MiB"
        )
        if "pairs" in found:
            said += "   " + judged(path, size, planted, [tuple(pair) for pair in found["pairs"]])  # type: ignore[misc, arg-type]
        print(said, flush=True)
    path.unlink()


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(
        description="recall, precision, time and memory of the search for near-duplicates"
    )
    parser.add_argument("file", type=Path, nargs="?", default=REAL)
    parser.add_argument("--sizes", type=int, nargs="+", default=[QUADRATIC, 10_000, 100_000])
    parser.add_argument(
        "--tasks", nargs="+", choices=[*TASKS], default=["duplicates", "rule", "without_rule", "quadratic"]
    )
    parser.add_argument(
        "--python",
        default=sys.executable,
        help="runs datasketch and rensa, where they are installed elsewhere",
    )
    parser.add_argument("--task", choices=[*TASKS], help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.task:
        run(arguments.task, arguments.file, arguments.out)
        return
    with tempfile.TemporaryDirectory() as folder:
        for size in arguments.sizes:
            report(arguments.file, size, arguments.tasks, Path(folder), arguments.python)


if __name__ == "__main__":
    main()
