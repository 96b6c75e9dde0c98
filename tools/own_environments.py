"""Environments of their own for what must not share one with this project: trainers, hosts."""

from __future__ import annotations

import subprocess
import venv
from collections.abc import Sequence
from pathlib import Path


def python_in(home: Path, *steps: Sequence[str]) -> Path:
    """The interpreter of an environment, which is made if it is not there, or was made of other packages.

    Args:
        home: the environment's folder.
        steps: what each run of pip installs, options among it, one after the other.
    """
    python = home / "bin" / "python"
    asked = dict.fromkeys(one for step in steps for one in step if not one.startswith("-"))
    packages, made = "\n".join(asked), home / ".made"
    if made.exists() and made.read_text(encoding="utf-8") == packages:
        return python
    print(f"set-up: environment {home.name}", flush=True)
    if not python.exists():
        venv.create(home, with_pip=True)
    for step in steps:
        subprocess.run(
            [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", *step], check=True
        )
    made.write_text(packages, encoding="utf-8")
    return python
