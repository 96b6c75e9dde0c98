"""A preflight against a bare jinja2 rendering of the same conversations, in the same run.

For 1,000, 10,000 and 100,000 generated conversations of nine messages (seeded) and a template with the branches of Llama 3.1's it
prints the time of jinja2 alone, of rendering with the loss mask and of the whole preflight (TRL's defaults, estimated tokens), each as
a multiple of jinja2, the time to the first verdicts, and the peak memory that the preflight adds, as a multiple of the file.
Every measurement is a fresh process; the records are decoded before the clock of the first two starts.

    python benchmarks/preflight.py            all three sizes
    python benchmarks/preflight.py --sizes 10000
    python benchmarks/preflight.py FILE       a file of your own instead, in the layout ``messages``
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from check import NARRATION, peak, text

RUNS = 3
EXCHANGES = 4  # with the system prompt: nine messages

# Written for this benchmark: the headers of Llama 3.1, a day, tools in the system prompt, calls and answers of tools.
TEMPLATE = """{{- bos_token }}
{%- set day = day if day is defined else strftime_now("%d %b %Y") %}
{%- if messages[0]["role"] == "system" %}
    {%- set system = messages[0]["content"] | trim %}
    {%- set rest = messages[1:] %}
{%- else %}
    {%- set system = "" %}
    {%- set rest = messages %}
{%- endif %}
{{- "<|start_header_id|>system<|end_header_id|>\n\n" }}
{%- if tools is defined and tools is not none %}
    {{- "Environment: ipython\n" }}
{%- endif %}
{{- "Knowledge ends: December 2023\nToday: " + day + "\n\n" }}
{%- if tools is defined and tools is not none %}
    {%- for tool in tools %}
        {{- tool | tojson(indent=4) }}
    {%- endfor %}
{%- endif %}
{{- system + "<|eot_id|>" }}
{%- for message in rest %}
    {%- if not (message.role == "ipython" or message.role == "tool" or "tool_calls" in message) %}
        {{- "<|start_header_id|>" + message["role"] + "<|end_header_id|>\n\n" + message["content"] | trim + "<|eot_id|>" }}
    {%- elif "tool_calls" in message %}
        {%- if message.tool_calls | length != 1 %}
            {{- raise_exception("Only one call at a time.") }}
        {%- endif %}
        {{- "<|start_header_id|>assistant<|end_header_id|>\n\n" + message.tool_calls[0].function | tojson + "<|eot_id|>" }}
    {%- else %}
        {{- "<|start_header_id|>ipython<|end_header_id|>\n\n" + message.content | tojson + "<|eot_id|>" }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- "<|start_header_id|>assistant<|end_header_id|>\n\n" }}
{%- endif %}
"""
BOS = "<|begin_of_text|>"
DAY = "01 Jan 2025"


def generate(path: Path, count: int, seed: int = 3) -> None:
    """Roleplay in nine messages, in the words of benchmarks/check.py."""
    rng = random.Random(seed)
    with path.open("w", encoding="utf-8") as out:
        for number in range(count):
            messages = [{"role": "system", "content": text(rng, NARRATION, 30)}]
            for _ in range(EXCHANGES):
                messages.append({"role": "user", "content": text(rng, NARRATION, 20)})
                messages.append({"role": "assistant", "content": text(rng, NARRATION, 45)})
            out.write(json.dumps({"id": f"c{number}", "messages": messages}) + "\n")


def conversations(path: Path) -> list[list[dict[str, Any]]]:
    """The messages of every record."""
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line)["messages"] for line in lines]


def bare(path: Path) -> dict[str, float]:
    """Every conversation through jinja2's sandbox as `transformers` sets it up, nothing kept."""
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    environment.globals["strftime_now"] = lambda _: DAY
    template = environment.from_string(TEMPLATE)
    every = conversations(path)
    began = time.perf_counter()
    for messages in every:
        template.render(messages=messages, bos_token=BOS, tools=None, add_generation_prompt=False)
    return {"seconds": time.perf_counter() - began}


def masked(path: Path) -> dict[str, float]:
    """Every conversation rendered, its turns found and what the assistant has to write marked, nothing kept."""
    from rolethread_nb.training.locating import Locator
    from rolethread_nb.training.masking import AssistantMask

    template = _template()
    mask = AssistantMask(Locator(template))
    every = conversations(path)
    began = time.perf_counter()
    for messages in every:
        mask.spans(messages, template.render(messages))
    return {"seconds": time.perf_counter() - began}


def whole(path: Path) -> dict[str, float]:
    """Load and preflight, to the last number of the table."""
    import rolethread_nb as rt

    _warm_up()
    before, began = peak(), time.perf_counter()
    flight = rt.load(path).preflight(template=_template())
    flight.table()
    return {"seconds": time.perf_counter() - began, "memory": peak() - before}


def first(path: Path) -> dict[str, float]:
    """Load, and wait for the first verdicts."""
    import rolethread_nb as rt

    _warm_up()
    began = time.perf_counter()
    flight = rt.load(path).preflight(template=_template())
    known = flight.advance()
    return {"seconds": time.perf_counter() - began, "known": known}


def _template() -> Any:
    from rolethread_nb.training.templates import ChatTemplate

    return ChatTemplate.of(TEMPLATE, special_tokens={"bos_token": BOS})


def _warm_up() -> None:
    """Imports and compiled patterns are not the file's fault."""
    import rolethread_nb as rt

    said = [{"role": "user", "content": "Grüße"}, {"role": "assistant", "content": "Hello"}]
    rt.load([{"messages": said}]).preflight().table()


TASKS = {"bare": bare, "masked": masked, "whole": whole, "first": first}


def measured(task: str, path: Path) -> dict[str, float]:
    """Run one task in a process of its own."""
    done = subprocess.run(
        [sys.executable, __file__, "--task", task, str(path)], capture_output=True, text=True, check=True
    )
    result: dict[str, float] = json.loads(done.stdout)
    return result


def report(path: Path, runs: int) -> None:
    """Measure one file and print a row."""
    megabytes = path.stat().st_size / 2**20
    rounds = [{task: measured(task, path) for task in TASKS} for _ in range(runs)]

    def median(task: str, key: str = "seconds") -> float:
        return statistics.median(one[task][key] for one in rounds)

    def ratio(task: str) -> float:
        return statistics.median(one[task]["seconds"] / one["bare"]["seconds"] for one in rounds)

    print(
        f"{path.name:>16} {megabytes:8.1f} MiB   jinja2 {median('bare'):7.3f} s"
        f"   rendered + masked {median('masked'):7.3f} s = {ratio('masked'):5.2f} x"
        f"   preflight {median('whole'):7.3f} s = {ratio('whole'):5.2f} x"
        f"   first {median('first', 'known'):,.0f} verdicts {median('first'):6.3f} s"
        f"   memory +{median('whole', 'memory'):6.1f} MiB = {median('whole', 'memory') / megabytes:5.2f} x file",
        flush=True,
    )


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description="time and memory of a preflight")
    parser.add_argument(
        "--sizes",
        type=lambda said: [int(one) for one in said.split(",")],
        default=[1_000, 10_000, 100_000],
        help="numbers of conversations, with commas between",
    )
    parser.add_argument("--task", choices=list(TASKS), help=argparse.SUPPRESS)
    parser.add_argument("--runs", type=int, default=RUNS, help="medians are of so many runs")
    parser.add_argument("file", type=Path, nargs="?")
    arguments = parser.parse_args()
    if arguments.task:
        print(json.dumps(TASKS[arguments.task](arguments.file)))
        return
    if arguments.file is not None:
        report(arguments.file, arguments.runs)
        return
    with tempfile.TemporaryDirectory() as folder:
        for size in arguments.sizes:
            path = Path(folder) / f"{size}.jsonl"
            generate(path, size)
            report(path, arguments.runs)


if __name__ == "__main__":
    main()
