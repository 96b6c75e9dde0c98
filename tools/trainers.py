"""Compares what we say of trainers with the trainers' own packages, each in an environment of its own (make test-trainers).

    python tools/trainers.py FOLDER [NAME ...]

FOLDER gets the environments, which a second run takes as they are. NAME: ``trl``, ``together``, ``mistral``, ``others``.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

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


@dataclass(frozen=True)
class Environment:
    """Packages, and the scripts that need them.

    Attributes:
        requires: packages with all they depend on.
        alone: packages without: they would bring a GPU's libraries along.
        scripts: names of scripts in ``tests/trainers``.
    """

    requires: tuple[str, ...]
    scripts: tuple[str, ...]
    alone: tuple[str, ...] = ()


ENVIRONMENTS = {
    "trl": Environment(
        ("torch==2.13.0", "trl==1.16.0", "transformers==5.23.0", "datasets==5.2.0", "accelerate==1.15.0"),
        ("render_agreement", "trl_agreement", "witness_agreement", "preference_agreement"),
    ),
    "together": Environment(("together==2.14.0",), ("together_agreement",)),
    "mistral": Environment(("mistral-common[sentencepiece]==1.13.1",), ("mistral_agreement",)),
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
        ("unsloth_agreement", "axolotl_agreement", "llamafactory_agreement"),
        ("unsloth_zoo==2026.10.9", "axolotl==0.19.0", "llamafactory==0.9.5"),
    ),
}


def python_of(folder: Path, name: str) -> Path:
    """The interpreter of an environment, which is made if it is not there."""
    home = folder / name
    python = home / "bin" / "python"
    if (home / ".made").exists():
        return python
    print(f"set-up: environment for {name}", flush=True)
    venv.create(home, with_pip=True, clear=True)
    install = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    wanted = ENVIRONMENTS[name]
    subprocess.run(
        [*install, *wanted.requires[:1]], check=True
    )  # torch first, so that nothing else chooses it
    subprocess.run([*install, *wanted.requires, *OWN], check=True)
    if wanted.alone:
        subprocess.run([*install, "--no-deps", *wanted.alone], check=True)
    (home / ".made").touch()
    return python


def main() -> int:
    """Run the scripts; returns 1 if one of them disagrees."""
    parser = argparse.ArgumentParser(description="compare our forecasts with the trainers' packages")
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(ENVIRONMENTS))
    arguments = parser.parse_args()
    failed = []
    for name in arguments.names or ENVIRONMENTS:
        python = python_of(arguments.folder.resolve(), name)
        for script in ENVIRONMENTS[name].scripts:
            print(f"== {script}", flush=True)
            if subprocess.run([str(python), str(SCRIPTS / f"{script}.py")], check=False).returncode:
                failed.append(script)
    print("all agree" if not failed else f"disagreements: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
