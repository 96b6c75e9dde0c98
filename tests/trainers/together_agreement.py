"""How far our profile of Together agrees with the file check of its client.

Run it in an environment with together==2.14.0 and what rolethread_nb needs:

    python tests/trainers/together_agreement.py [--verbose]

Every row is checked as a file of its own, and every file as a whole.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
os.environ["TOGETHER_DISABLE_TQDM"] = "true"

from agreement import Ours, case_files, mutations, real_files
from tables import Table, Theirs
from together.lib.utils.files import check_file

FILE = Path(tempfile.mkdtemp(), "rows.jsonl")


def theirs(rows: Sequence[Any]) -> tuple[Theirs, int | None]:
    """The verdict on a file, and the line it stops at."""
    FILE.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    try:
        report = check_file(FILE)
    except Exception as error:
        return ("refused", f"{type(error).__name__}: {error}"), None
    return ("taken" if report["is_check_passed"] else "refused", report["message"]), report.get("line_number")


ASKED = {"role": "user", "content": "Which way is the wind?"}
WEST, EAST = ({"role": "assistant", "content": text} for text in ("From the west.", "From the east."))
MORE = (
    {"input": {"messages": [ASKED]}, "preferred_output": [WEST], "non_preferred_output": [EAST]},
    {"prompt": "Which way is the wind?", "completion": "From the west."},
)


def main() -> int:
    alone = Table("together", "every row a file of its own")
    whole = Table("together", "whole files", "outcome and line")
    files = [*case_files(), *real_files(None)]
    for name, rows in [*files, ("mutations", mutations(1000, *MORE))]:
        ours = Ours.of("together", rows, alone=True)
        for at, row in enumerate(rows):
            alone.add(name, row, theirs([row])[0], ours.outcome(at), ours.says(at))
    for name, rows in files:
        ours = Ours.of("together", rows)
        outcomes = [ours.outcome(at) for at in range(len(rows))]
        first = next((at + 1 for at, outcome in enumerate(outcomes) if outcome == "refused"), None)
        (verdict, words), line = theirs(rows)
        whole.add(name, rows[0], (f"{verdict} {line}", words), f"{'refused' if first else 'taken'} {first}")
    return alone.done() | whole.done()


if __name__ == "__main__":
    sys.exit(main())
