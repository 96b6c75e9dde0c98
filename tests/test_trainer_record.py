"""The record of `make test-trainers`: it is of the versions that the profiles are about, and docs/trainers.md is made of it."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

from rolethread_nb.training.targets.registry import NAMES, target

ROOT = Path(__file__).parent.parent
PAGE = runpy.run_path(str(ROOT / "tools" / "trainers_page.py"))
RECORD: list[dict[str, Any]] = PAGE["read_record"]()
MEASURED = [name for name in NAMES if target(name).basis == "measured"]
CASES = {f"cases/{path.stem}" for path in (ROOT / "tests" / "trainers" / "cases").glob("*.jsonl")}


def test_the_page_of_agreement_is_what_the_record_gives() -> None:
    page = (ROOT / "docs" / "trainers.md").read_text(encoding="utf-8")
    assert page.partition(PAGE["MARK"])[2] == f"\n{PAGE['agreement_markdown'](RECORD)}"


def test_the_record_is_written_as_it_is_read() -> None:
    assert PAGE["RECORD"].read_text(encoding="utf-8") == PAGE["written_record"](RECORD)


@pytest.mark.parametrize("name", MEASURED)
def test_a_profile_is_about_the_version_it_was_measured_with(name: str) -> None:
    measured = {(table["package"], table["version"]) for table in RECORD if table["target"] == name}
    assert measured == {(target(name).package, target(name).version)}


@pytest.mark.parametrize("name", MEASURED)
def test_a_trainer_is_measured_on_every_case_and_with_repairs_and_exports(name: str) -> None:
    tables = [table for table in RECORD if table["target"] == name]
    assert len(CASES) == 48
    assert any(table["files"].keys() >= CASES for table in tables)
    assert {"repairs_agreement"} < {table["script"] for table in tables}


@pytest.mark.parametrize(
    "table", RECORD, ids=lambda table: f"{table['target']}-{table['setting']}-{table['compares']}"
)
def test_every_row_agrees_or_is_explained(table: dict[str, Any]) -> None:
    for name, file in table["files"].items():
        explained = file.get("explained", {})
        assert file["agree"] + sum(explained.values()) == file["rows"], name
        assert all(len(why.split()) > 5 for why in explained)
