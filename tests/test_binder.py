"""What Binder will do with binder/, rehearsed without building an image."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import tomllib
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
BINDER = ROOT / "binder"

if not BINDER.is_dir():
    pytest.skip("binder/ is not part of this copy", allow_module_level=True)


def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def pins() -> dict[str, Requirement]:
    lines = (line.split("#")[0].strip() for line in (BINDER / "requirements.txt").read_text().splitlines())
    requirements = [Requirement(line) for line in lines if line]
    return {canonicalize_name(requirement.name): requirement for requirement in requirements}


def install_command() -> list[str]:
    script = (BINDER / "postBuild").read_text()
    return next(shlex.split(line) for line in script.splitlines() if line.startswith("pip install"))


def test_the_python_of_the_image_is_one_the_package_supports() -> None:
    version = (BINDER / "runtime.txt").read_text().strip().removeprefix("python-")
    assert SpecifierSet(project()["requires-python"]).contains(version)


def test_every_heavy_package_is_pinned_to_one_version() -> None:
    for requirement in pins().values():
        assert [specifier.operator for specifier in requirement.specifier] == ["=="], str(requirement)
    assert {"jupyterlab", "notebook", "pandas", "polars", "ipydatagrid"} <= set(pins())


def test_every_pin_lies_inside_the_range_the_package_asks_for() -> None:
    extras = project()["optional-dependencies"]
    asked = [Requirement(text) for text in [*project()["dependencies"], *extras["demo"]]]
    ranges = {canonicalize_name(requirement.name): requirement.specifier for requirement in asked}
    for name, pin in pins().items():
        (specifier,) = pin.specifier
        assert ranges[name].contains(specifier.version), f"{pin} against {name}{ranges[name]}"


def test_postbuild_is_a_program_that_stops_at_the_first_error() -> None:
    script = BINDER / "postBuild"
    assert os.access(script, os.X_OK)
    assert script.read_text().startswith("#!")
    assert "set -e" in script.read_text()
    assert subprocess.run(["bash", "-n", script], check=False).returncode == 0


def test_postbuild_installs_this_repository_with_extras_that_exist() -> None:
    target = install_command()[-1]
    path, extras = re.fullmatch(r"(.+?)\[(.+)\]", target).groups()
    assert path == "."
    assert set(extras.split(",")) <= set(project()["optional-dependencies"])


def test_the_documented_link_opens_a_notebook_that_is_here() -> None:
    for document in (BINDER / "postBuild", ROOT / "README.md"):
        link = re.search(r"\S+\?urlpath=[^\s)>`]+", document.read_text()).group()
        (urlpath,) = parse_qs(urlsplit(link).query)["urlpath"]
        assert urlpath.startswith("lab/tree/"), link
        assert (ROOT / urlpath.removeprefix("lab/tree/")).is_file(), link


def test_the_badge_and_the_colab_notebook_name_the_same_repository() -> None:
    badge = re.search(r"mybinder\.org/v2/gh/([\w.-]+/[\w.-]+)/", (ROOT / "README.md").read_text())
    colab = re.search(
        r"https://github\.com/([\w.-]+/[\w.-]+)", (ROOT / "example_notebooks" / "04_colab.ipynb").read_text()
    )
    assert badge is not None
    assert colab is not None
    assert badge[1] == colab[1]
