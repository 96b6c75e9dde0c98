"""Compares what we say of trainers with the trainers' own packages, each in an environment of its own (make test-trainers).

    python tools/trainers.py FOLDER [NAME ...] [--jobs N]

FOLDER gets the environments, which a second run takes as they are. NAME: ``trl``, ``together``, ``mistral``, ``others``.
What is found goes into tests/trainers/agreement.json and docs/trainers.md.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from own_environments import python_in
from trainers_page import RECORD, read_record, write_page, written_record

ROOT = Path(__file__).parent.parent
SCRIPTS = ROOT / "tests" / "trainers"
# What rolethread_nb itself needs there; it is read from this folder.
OWN = (
    "polars>=1.30,<3",
    "msgspec>=0.19",
    "jinja2>=3.1",
    "zstandard>=0.23",
    "tqdm>=4.66",
    "pandas>=2.2.2,<4",
    "pip",
)


# In the order in which they are shown.
TARGETS = ("trl", "trl-dpo", "trl-kto", "unsloth", "axolotl", "llamafactory", "together", "mistral")


@dataclass(frozen=True)
class Environment:
    """Packages, and the scripts that need them.

    Attributes:
        requires: packages with all they depend on.
        alone: packages without: they would bring a GPU's libraries along.
        scripts: scripts in ``tests/trainers``, with their arguments.
    """

    requires: tuple[str, ...]
    scripts: tuple[str, ...]
    alone: tuple[str, ...] = ()


ENVIRONMENTS = {
    "trl": Environment(
        (
            "torch==2.13.0",
            "trl==1.16.0",
            "transformers==5.23.0",
            "datasets==5.2.0",
            "accelerate==1.15.0",
            "nbclient",
            "nbformat>=5.11,<6",
            "ipykernel",
            "ipywidgets>=8,<9",
            "anywidget>=0.9.21,<1",
        ),
        (
            "render_agreement",
            "trl_agreement",
            "trl_files_agreement trl",
            "trl_files_agreement trl-dpo",
            "trl_files_agreement trl-kto",
            "witness_agreement",
            "witness_pairs",
            "notebook_03",
            "preference_agreement",
            "repairs_agreement trl",
            "repairs_agreement trl-dpo trl-kto",
        ),
    ),
    "together": Environment(("together==2.14.0",), ("together_agreement", "repairs_agreement together")),
    "mistral": Environment(
        ("mistral-common[sentencepiece]==1.13.1",), ("mistral_agreement", "repairs_agreement mistral")
    ),
    "others": Environment(
        (
            "torch==2.13.0",
            "transformers==5.23.0",
            "datasets==5.2.0",
            "trl==1.16.0",
            "peft==0.21.2",
            "sentencepiece==0.2.3",
            "colorama==0.4.6",
            "addict==2.4.0",
        ),
        (
            "unsloth_agreement",
            "axolotl_agreement",
            "llamafactory_agreement",
            "repairs_agreement unsloth",
            "repairs_agreement axolotl",
            "repairs_agreement llamafactory",
        ),
        ("unsloth_zoo==2026.10.9", "axolotl==0.19.0", "llamafactory==0.9.5"),
    ),
}


def python_of(folder: Path, name: str) -> Path:
    """The interpreter of an environment, which is made if it is not there."""
    wanted = ENVIRONMENTS[name]
    first = wanted.requires[:1]  # torch, so that nothing else chooses it
    alone = [("--no-deps", *wanted.alone)] if wanted.alone else []
    return python_in(folder / name, first, (*wanted.requires, *OWN), *alone)


def run(python: Path, script: str, record: Path) -> bool:
    """One script, whose output is printed when it is done; returns whether all agrees, or is explained."""
    name, *arguments = script.split()
    began = time.monotonic()
    # One thread each, since several run beside each other. The order of sets is the same every time: in some places
    # a trainer leaves its choice to that.
    # Thousands of small files are written for the trainers to read: they go with the run.
    own = {
        "AGREEMENT_RECORD": str(record),
        "PYTHONHASHSEED": "0",
        "OMP_NUM_THREADS": "1",
        "TMPDIR": str(record.parent),
    }
    done = subprocess.run(
        [str(python), str(SCRIPTS / f"{name}.py"), *arguments],
        env={**os.environ, **own},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    print(f"== {script}, {time.monotonic() - began:.0f} s\n{done.stdout}", end="", flush=True)
    return done.returncode == 0


def remember(found: Path) -> None:
    """Puts new tables into the record in the place of older ones, and writes the page anew."""
    if not found.is_file():
        return
    new = [json.loads(line) for line in found.read_text(encoding="utf-8").split("\n") if line]
    tables = {_key(table): table for table in (read_record() if RECORD.is_file() else [])}
    tables |= {_key(table): table for table in new}
    scripts = [script.split()[0] for one in ENVIRONMENTS.values() for script in one.scripts]
    ordered = sorted(
        tables.values(), key=lambda table: (TARGETS.index(table["target"]), scripts.index(table["script"]))
    )
    RECORD.write_text(written_record(ordered), encoding="utf-8")
    write_page()


def _key(table: dict[str, Any]) -> tuple[str, ...]:
    return table["script"], table["target"], table["setting"], table["compares"]


def main() -> int:
    """Run the scripts; returns 1 if one of them disagrees."""
    parser = argparse.ArgumentParser(description="compare our forecasts with the trainers' packages")
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(ENVIRONMENTS))
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="so many scripts at once")
    arguments = parser.parse_args()
    names = arguments.names or list(ENVIRONMENTS)
    pythons = {name: python_of(arguments.folder.resolve(), name) for name in names}
    with (
        tempfile.TemporaryDirectory(prefix="agreement-") as folder,
        ThreadPoolExecutor(arguments.jobs) as pool,
    ):
        found = Path(folder) / "record.jsonl"
        jobs = [(pythons[name], script, found) for name in names for script in ENVIRONMENTS[name].scripts]
        agree = list(pool.map(run, *zip(*jobs, strict=True)))
        remember(found)
    failed = [script for (_, script, _), agrees in zip(jobs, agree, strict=True) if not agrees]
    print("all agree" if not failed else f"disagreements: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
