"""The record of `make test-hosts`: the tables in README.md and docs/hosts.md are made of it, and every host has been looked at."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("playwright", reason="the scripts that look at hosts need playwright")

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tools"))  # the scripts there import each other
PAGE = runpy.run_path(str(ROOT / "tools" / "hosts_page.py"))
RECORD: list[dict[str, Any]] = PAGE["read_record"]()
HOSTS = runpy.run_path(str(ROOT / "tools" / "hosts.py"))["HOSTS"]


@pytest.mark.parametrize(
    ("page", "made"), [("README.md", "readme_markdown"), ("docs/hosts.md", "page_markdown")]
)
def test_the_tables_are_what_the_record_gives(page: str, made: str) -> None:
    _, _, rest = (ROOT / page).read_text(encoding="utf-8").partition(PAGE["BEGIN"])
    assert rest.partition(PAGE["END"])[0] == f"\n{PAGE[made](RECORD)}\n"


def test_the_record_is_written_as_it_is_read() -> None:
    assert PAGE["RECORD"].read_text(encoding="utf-8") == PAGE["written_record"](RECORD)


def test_every_host_was_looked_at_as_the_table_of_hosts_says() -> None:
    assert [(entry["host"], entry["title"], entry["how"]) for entry in RECORD] == [
        (name, host.title, host.how) for name, host in HOSTS.items()
    ]


@pytest.mark.parametrize("entry", RECORD, ids=[entry["host"] for entry in RECORD])
def test_what_does_not_work_in_a_host_is_said(entry: dict[str, Any]) -> None:
    assert entry["versions"]
    assert set(entry["works"]) <= set(PAGE["CHECKS"])
    for name, held in entry["works"].items():
        if held is False:
            assert entry["remarks"][name]


@pytest.mark.parametrize("entry", RECORD, ids=[entry["host"] for entry in RECORD])
def test_nothing_of_ours_asks_another_machine(entry: dict[str, Any]) -> None:
    """Voila and nbconvert ask for libraries of their own; a widget without a server is loaded from a CDN."""
    hosts_own = (
        "/mathjax/",
        "/require.js/",
        "/@fortawesome/",
        "/font-awesome@",
        "/html-manager@",
        "/anywidget@",
    )
    assert [url for url in entry["requests"] if not any(part in url for part in hosts_own)] == []
