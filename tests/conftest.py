"""What several tests need: the real data, and conversations written down briefly."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).parent.parent
# What is fine once, and a habit when it is everywhere: not what a test of structure or text is about.
HABITS = ["reply", "style", "roleplay", "balance", "dup.near"]
SHARED = ROOT.parent / "shared" / "data"
SHIPPED = ROOT / "example_notebooks" / "data"


# `make test` draws the same examples everywhere, so that what is green here is green there; `make explore`
# draws new ones, many more of them, and is where new failures are looked for.
# Nothing is timed: the machine may be busy.
settings.register_profile("same", derandomize=True, database=None, deadline=None)
settings.register_profile("explore", print_blob=True, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))


@pytest.fixture(scope="session", autouse=True)
def nothing_is_left_beside_the_real_data() -> Iterator[None]:
    """A test that changes a real dataset has to load it with ``review=False``: its journal would be taken up by all others."""

    def journals() -> set[Path]:
        return {path for folder in (SHARED, SHIPPED) if folder.is_dir() for path in folder.rglob("*.review")}

    before = journals()
    yield
    assert journals() <= before


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real datasets; it is not part of the repository, so a stranger's clone has none."""
    if not SHARED.is_dir():
        pytest.skip("left out: the real datasets of ../shared/data are not beside this clone")
    return SHARED


def real_files() -> list[Path]:
    """Every real dataset at hand: those of ../shared/data, else the ones that are shipped with the notebooks."""
    folders = [SHARED, SHARED / "dirty"] if SHARED.is_dir() else [SHIPPED]
    names = ("*.json", "*.jsonl", "*.jsonl.gz")
    return sorted(path for folder in folders for name in names for path in folder.glob(name))
