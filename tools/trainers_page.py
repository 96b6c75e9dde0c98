"""The part of docs/trainers.md that is made from the record of agreement, tests/trainers/agreement.json."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
RECORD = ROOT / "tests" / "trainers" / "agreement.json"
PAGE = ROOT / "docs" / "trainers.md"
MARK = "<!-- From here on made by tools/trainers_page.py; do not edit. -->\n"

# Where the rows of a file come from, by the beginning of its name; all others are made for the comparison.
KINDS = {"cases": "cases", "real/": "real files", "dirty/": "real files", "real conversations": "real files"}
COLUMNS = ("cases", "real files", "made rows")
MENDED = "repairs_agreement"

Table = Mapping[str, Any]


def read_record() -> list[Table]:
    """The tables of the record."""
    tables: list[Table] = json.loads(RECORD.read_text(encoding="utf-8"))
    return tables


def written_record(tables: Sequence[Table]) -> str:
    """The record as JSON, with one line a file, so that a change of one shows as one line."""
    return "[\n" + ",\n".join(_written(table) for table in tables) + "\n]\n"


def _written(table: Table) -> str:
    head = {key: value for key, value in table.items() if key != "files"}
    files = ",\n".join(f"   {_json(name)}: {_json(file)}" for name, file in table["files"].items())
    return f'{_json(head)[:-1]}, "files": {{\n{files}\n }}}}'


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def agreement_markdown(tables: Sequence[Table]) -> str:
    """Versions, agreement, what differs and why, repairs and exports."""
    verdicts = [table for table in tables if table["script"] != MENDED]
    mended = [table for table in tables if table["script"] == MENDED]
    lines = [
        *_versions(tables),
        *_agreement("## Verdicts", verdicts),
        *_agreement("## Repairs and exports", mended),
        *_differences(tables),
    ]
    return "\n".join([*lines, ""])


def _versions(tables: Sequence[Table]) -> Iterator[str]:
    found = {table["package"]: table["version"] for table in tables}
    listed = ", ".join(f"`{package}` {version}" for package, version in sorted(found.items()))
    yield from (f"Measured with {listed}.", "")


def _agreement(title: str, tables: Sequence[Table]) -> Iterator[str]:
    yield from (title, "", "| trainer | setting | compared | " + " | ".join(COLUMNS) + " | explained |")
    yield "|---|---|---|" + "--:|" * (len(COLUMNS) + 1)
    for table in tables:
        cells = [f"`{table['target']}`", table["setting"], table["compares"]]
        cells += [_of(table, column) for column in COLUMNS]
        cells.append(str(_explained(table).total() or ""))
        yield "| " + " | ".join(cells) + " |"
    yield ""


def _of(table: Table, column: str) -> str:
    files = [file for name, file in table["files"].items() if _kind(name) == column]
    rows = sum(file["rows"] for file in files)
    return f"{sum(file['agree'] for file in files):,} of {rows:,}" if rows else ""


def _kind(name: str) -> str:
    return next((kind for begin, kind in KINDS.items() if name.startswith(begin)), COLUMNS[-1])


def _explained(table: Table) -> Counter[str]:
    return sum((Counter(file.get("explained", {})) for file in table["files"].values()), Counter())


def _differences(tables: Sequence[Table]) -> Iterator[str]:
    yield from ("## What differs, and why", "")
    found: dict[str, Counter[str]] = {}
    for table in tables:
        for why, count in _explained(table).items():
            found.setdefault(why, Counter())[f"`{table['target']}`, {table['setting']}"] += count
    for why, places in found.items():
        where = "; ".join(f"{place}: {count}" for place, count in places.items())
        yield f"* {why}. ({where})"
    unexplained = sum(file.get("different", 0) for table in tables for file in table["files"].values())
    yield f"* Not explained: {unexplained}."


def write_page() -> None:
    """Writes the page anew from the record."""
    written, mark, _ = PAGE.read_text(encoding="utf-8").partition(MARK)
    PAGE.write_text(f"{written}{mark}\n{agreement_markdown(read_record())}", encoding="utf-8")


if __name__ == "__main__":
    write_page()
