"""The tables of hosts in README.md and docs/hosts.md, made from the record of the last run, tests/hosts/hosts.json."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
RECORD = ROOT / "tests" / "hosts" / "hosts.json"
README, PAGE = ROOT / "README.md", ROOT / "docs" / "hosts.md"
BEGIN = "<!-- Hosts: made by tools/hosts_page.py; do not edit. -->\n"
END = "<!-- End of hosts. -->\n"

Entry = Mapping[str, Any]

# In the order of the columns: the name of a check, and the head of its column (docs/hosts.md says what is done).
CHECKS = {
    "shown": "shown",
    "opens": "click",
    "decides": "decision",
    "busy": "while a cell runs",
    "theme": "light, dark",
    "keys": "keys",
    "grid": "grid",
    "sheet": "spreadsheet",
    "twin": "without a kernel",
}
BRIEF = ("shown", "opens", "decides", "busy", "theme", "sheet", "twin")


def read_record() -> list[Entry]:
    """The hosts of the record."""
    entries: list[Entry] = json.loads(RECORD.read_text(encoding="utf-8"))
    return entries


def written_record(entries: Sequence[Entry]) -> str:
    """The record as JSON."""
    return json.dumps(entries, ensure_ascii=False, indent=1) + "\n"


def readme_markdown(entries: Sequence[Entry]) -> str:
    """One row a host, in brief, with how it was tested."""
    return "\n".join([*_table(entries, BRIEF, how=True), ""])


def page_markdown(entries: Sequence[Entry]) -> str:
    """Every check of every host, with remarks, versions and requests to other machines."""
    lines = ["## What was seen", "", *_table(entries, tuple(CHECKS)), ""]
    lines += ["## Remarks", "", *_remarks(entries), ""]
    lines += ["## Versions", "", *_versions(entries), ""]
    lines += ["## Requests to other machines", "", *_requests(entries), ""]
    return "\n".join(lines)


def _table(entries: Sequence[Entry], checks: Sequence[str], *, how: bool = False) -> Iterator[str]:
    heads = ["host", *(CHECKS[name] for name in checks), *(["tested in"] if how else [])]
    yield _row(heads)
    yield "|" + "---|" * len(heads)
    for entry in entries:
        cells = [_cell(entry, name) for name in checks]
        yield _row([entry["title"], *cells, *([entry["how"]] if how else [])])


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(entry: Entry, name: str) -> str:
    if name not in entry["works"] or entry["works"][name] is None:
        return "·"
    if entry["works"][name]:
        return {"says that it waits, and answers when the cell has ended": "waits, says so"}.get(
            entry["remarks"].get(name, ""), "yes"
        )
    return "the grid, says why" if "; this is the" in entry["remarks"].get(name, "") else "**no**"


def _remarks(entries: Sequence[Entry]) -> Iterator[str]:
    for entry in entries:
        told: dict[str, list[str]] = {}
        for name, text in entry["remarks"].items():
            if text:
                told.setdefault(text, []).append(CHECKS[name])
        sentences = [f"{', '.join(names).capitalize()}: {_ended(text)}" for text, names in told.items()]
        yield " ".join([f"* **{entry['title']}**: {entry['how']}.", *sentences])


def _ended(text: str) -> str:
    return text if text.endswith(".") else f"{text}."


def _versions(entries: Sequence[Entry]) -> Iterator[str]:
    for entry in entries:
        yield f"* {entry['title']}: " + ", ".join(
            f"{name} {found}" for name, found in entry["versions"].items()
        )


def _requests(entries: Sequence[Entry]) -> Iterator[str]:
    for entry in entries:
        asked = ", ".join(f"`{url}`" for url in entry["requests"])
        yield f"* {entry['title']}: {asked or 'none'}"


def write_pages() -> None:
    """Writes both tables anew from the record."""
    entries = read_record()
    for path, made in ((README, readme_markdown(entries)), (PAGE, page_markdown(entries))):
        before, _, rest = path.read_text(encoding="utf-8").partition(BEGIN)
        _, _, after = rest.partition(END)
        path.write_text(f"{before}{BEGIN}\n{made}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    write_pages()
