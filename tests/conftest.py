"""What several tests need: the real data, and conversations written down briefly."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SHARED = ROOT.parent / "shared" / "data"
SHIPPED = ROOT / "example_notebooks" / "data"


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
