"""Shows the example notebook in every host, each in an environment of its own with a real browser (make test-hosts).

    python tools/hosts.py FOLDER [NAME ...]

FOLDER gets the environments, which a second run takes as they are. NAME: a host of the table below, or the first letters of some.
What was seen goes into tests/hosts/hosts.json, docs/hosts.md and README.md; screenshots go into test-results/hosts.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from hosts_page import RECORD, read_record, write_pages, written_record
from own_environments import python_in
from playwright.sync_api import Error, expect

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "hosts")]
from host_story import Place, Seen  # noqa: E402

# What rolethread_nb itself needs there; it is read from this folder.
OWN = (
    "polars>=1.30,<3",
    "msgspec>=0.19",
    "jinja2>=3.1.6",
    "zstandard>=0.23",
    "tqdm>=4.66",
    "pandas>=2.2.2,<4",
    "nbformat>=5.11,<6",
    "ipydatagrid==1.4.0",
)
OLDEST, NEWEST = "anywidget==0.9.21", "anywidget==0.11.0"
TODAY = ("jupyterlab==4.6.6", "notebook==7.6.5", "voila==0.5.13", "ipykernel==7.4.0", "ipywidgets==8.1.9")
# What Colab publishes of its runtime.
COLAB = (
    "ipywidgets==7.7.1",
    "ipykernel==6.17.1",
    "ipython==7.34.0",
    "traitlets==5.7.1",
    "notebook==6.5.7",
    "pandas==2.2.3",
    "numpy==2.1.3",
    "psygnal==0.15.1",
    "bqplot==0.12.47",
    "setuptools<81",  # ipython 7 asks for pkg_resources
)

ENVIRONMENTS = {
    "today": (*TODAY, NEWEST),
    "today-oldest-anywidget": (*TODAY, OLDEST),
    # The base image of Binder has these.
    "binder": ("jupyterlab==4.4.9", "notebook==7.4.7", "ipykernel==6.30.1", "ipywidgets==8.1.7", OLDEST),
    "marimo": ("marimo==0.25.2", NEWEST),
    "marimo-oldest-anywidget": ("marimo==0.25.2", OLDEST),
    "colab": (*COLAB, OLDEST),
    "colab-newest-anywidget": (*COLAB, NEWEST),
}


@dataclass(frozen=True)
class Host:
    """A host, and how it is looked at.

    Attributes:
        how: how it is tested, for the table.
        script: the function in ``tests/hosts`` that looks at it, as ``module:function``.
        server: the environment the host runs in.
        kernel: the environment the notebook runs in.
        more: further arguments of the function.
    """

    title: str
    how: str
    script: str
    server: str
    kernel: str
    more: tuple[tuple[str, Any], ...] = ()


REAL = "the host itself"
MIXED = "the host itself; anywidget 0.9.21 on the server, 0.11.0 in the kernel"
OLDER = "the host itself; anywidget 0.11.0 on the server, 0.9.21 in a kernel of ipykernel 6"
IN_FRAME = "a page with its theme variables and white container, on ipywidgets 8"
AS_COLAB = "a page with its own manager of widgets and the versions of its runtime"
LAB, NOTEBOOK = (("module", "jupyterlab"),), (("module", "notebook"),)

HOSTS = {
    "lab46": Host("JupyterLab 4.6", REAL, "in_jupyter:look", "today", "today", LAB),
    "lab46-mixed": Host(
        "JupyterLab 4.6, mixed", MIXED, "in_jupyter:look", "today-oldest-anywidget", "today", LAB
    ),
    "lab46-older-kernel": Host(
        "JupyterLab 4.6, older kernel", OLDER, "in_jupyter:look", "today", "binder", LAB
    ),
    "lab44": Host("JupyterLab 4.4", REAL, "in_jupyter:look", "binder", "binder", LAB),
    "lab44-mixed": Host("JupyterLab 4.4, mixed", MIXED, "in_jupyter:look", "binder", "today", LAB),
    "notebook76": Host("Notebook 7.6", REAL, "in_jupyter:look", "today", "today", NOTEBOOK),
    "notebook76-mixed": Host(
        "Notebook 7.6, mixed", MIXED, "in_jupyter:look", "today-oldest-anywidget", "today", NOTEBOOK
    ),
    "notebook74": Host("Notebook 7.4", REAL, "in_jupyter:look", "binder", "binder", NOTEBOOK),
    "notebook74-mixed": Host("Notebook 7.4, mixed", MIXED, "in_jupyter:look", "binder", "today", NOTEBOOK),
    "voila": Host("Voila 0.5", REAL, "in_voila:look", "today", "today"),
    "voila-mixed": Host("Voila 0.5, mixed", MIXED, "in_voila:look", "today-oldest-anywidget", "today"),
    "marimo": Host("marimo 0.25", REAL, "in_marimo:look", "marimo", "marimo"),
    "marimo-oldest": Host(
        "marimo 0.25, anywidget 0.9.21",
        REAL,
        "in_marimo:look",
        "marimo-oldest-anywidget",
        "marimo-oldest-anywidget",
    ),
    "html-frozen": Host(
        "HTML, frozen", "`nbconvert` of a frozen notebook", "in_static_html:look_frozen", "today", "today"
    ),
    "html-saved": Host(
        "HTML, saved widgets",
        "`nbconvert --execute`; its CDN answered from the same packages",
        "in_static_html:look_saved",
        "today",
        "today",
    ),
    "vscode": Host("VS Code-like", IN_FRAME, "in_frames:look", "today", "today", (("host", "vscode"),)),
    "vscode-ipykernel6": Host(
        "VS Code-like, ipykernel 6", IN_FRAME, "in_frames:look", "today", "binder", (("host", "vscode"),)
    ),
    "colab": Host("Colab-like", AS_COLAB, "in_frames:look", "today", "colab", (("host", "colab"),)),
    "colab-newest": Host(
        "Colab-like, anywidget 0.11.0",
        AS_COLAB,
        "in_frames:look",
        "today",
        "colab-newest-anywidget",
        (("host", "colab"),),
    ),
}


def python_of(folder: Path, name: str) -> Path:
    """The interpreter of an environment, which is made if it is not there."""
    return python_in(folder / name, (*ENVIRONMENTS[name], *OWN))


def look_at(folder: Path, name: str) -> dict[str, Any]:
    """What is seen in a host; where it cannot be looked at, why not."""
    host = HOSTS[name]
    module, function = host.script.split(":")
    seen = Seen(name)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        try:
            place = Place(folder, host.kernel, python_of(folder, host.server), python_of(folder, host.kernel))
            getattr(import_module(module), function)(seen, Path(scratch), place, **dict(host.more))
        except (OSError, RuntimeError, AssertionError, subprocess.SubprocessError, Error) as problem:
            seen.failed(problem)
    entry = {"host": name, "title": host.title, "how": host.how, **seen.as_json()}
    works = ", ".join(f"{check} {WORDS[held]}" for check, held in entry["works"].items())
    print(f"{name}: {works}, {time.monotonic() - began:.0f} s", flush=True)
    return entry


WORDS = {True: "yes", False: "NO", None: "-"}


def remember(found: list[dict[str, Any]]) -> None:
    """Puts what was found into the record in the place of what was found before, and writes the tables anew."""
    entries = {entry["host"]: entry for entry in (read_record() if RECORD.is_file() else [])}
    entries |= {entry["host"]: entry for entry in found}
    told = [
        {**entries[name], "title": host.title, "how": host.how}
        for name, host in HOSTS.items()
        if name in entries
    ]
    RECORD.write_text(written_record(told), encoding="utf-8")
    write_pages()


def main() -> int:
    """Look at the hosts; returns 1 if something that worked before does not work."""
    parser = argparse.ArgumentParser(description="show the example notebook in every host")
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(HOSTS))
    arguments = parser.parse_args()
    expect.set_options(timeout=30_000)
    begins = tuple(arguments.names)
    names = [name for name in HOSTS if not begins or name.startswith(begins)]
    before = {
        (entry["host"], check): held
        for entry in (read_record() if RECORD.is_file() else [])
        for check, held in entry["works"].items()
    }
    found = []
    for name in names:
        found.append(look_at(arguments.folder.resolve(), name))
        remember(found[-1:])
    lost = [
        f"{entry['host']} {check}"
        for entry in found
        for check, held in entry["works"].items()
        if held is False and before.get((entry["host"], check))
    ]
    print(f"worked before: {', '.join(lost)}" if lost else "nothing that worked before is lost")
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
