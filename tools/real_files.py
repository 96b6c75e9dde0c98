"""Makes docs/real-files.md: what is read and found in real datasets, file by file.

python tools/real_files.py ../shared/data > docs/real-files.md
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import rolethread_nb as rt

_HEAD = """# What is found in real files

Made by `make docs` from datasets that nobody of this project wrote; do not edit. Each is read and checked with the default profile (`chat`) and without being told anything: where
speakers have names, `role.unknown` asks what they are, and the order of roles waits for the answer.

| file | layout | conversations | turns | rejected | findings |
|---|---|--:|--:|--:|---|
"""


def data_files(folder: Path) -> list[Path]:
    """The datasets below a folder, the damaged and the big ones last."""
    files = [path for path in folder.rglob("*.*") if path.suffix in (".json", ".jsonl", ".gz", ".zst")]
    return sorted(files, key=lambda path: (len(path.relative_to(folder).parts), str(path)))


def row(path: Path, folder: Path) -> str:
    """One line of the table."""
    dataset = rt.load(path, settings=False, progress=False)
    report = dataset.check()
    formats = Counter(dataset.index.conversations["format"].to_list())
    layouts = ", ".join(
        f"{name} {count:,}" if len(formats) > 1 else name for name, count in formats.most_common()
    )
    findings = ", ".join(f"`{code}` {count:,}" for code, count in report.counts.items())
    cells = [
        f"`{path.relative_to(folder)}`",
        layouts or "none",
        f"{len(dataset):,}",
        f"{dataset.index.turns.height:,}",
        f"{len(dataset.rejected):,}",
        findings or "none",
    ]
    return "| " + " | ".join(cells) + " |\n"


def page(folder: Path) -> str:
    """The page over every dataset below a folder."""
    return _HEAD + "".join(row(path, folder) for path in data_files(folder))


if __name__ == "__main__":
    sys.stdout.write(page(Path(sys.argv[1])))
