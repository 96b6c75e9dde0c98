"""Writes the tables of the documentation that are made from the code: docs/profiles.md, docs/rolethread-lite.md, docs/preflight.md,
docs/api.md."""

from __future__ import annotations

from pathlib import Path

from api_pages import api_table

from rolethread_nb.checks.catalogue import rules
from rolethread_nb.checks.manual import profiles_markdown
from rolethread_nb.compat.mapping import mapping_markdown
from rolethread_nb.training.targets.manual import preflight_markdown

DOCS = Path(__file__).parent.parent / "docs"
MARK = "<!-- From here on made by tools/reference_pages.py; do not edit. -->\n"
PAGES = {
    "profiles.md": lambda: profiles_markdown(rules()),
    "rolethread-lite.md": mapping_markdown,
    "preflight.md": preflight_markdown,
    "api.md": api_table,
}

if __name__ == "__main__":
    for name, table in PAGES.items():
        page = DOCS / name
        written, mark, _ = page.read_text(encoding="utf-8").partition(MARK)
        page.write_text(f"{written}{mark}\n{table()}", encoding="utf-8")
