"""How well the detectors do: precision and recall on labelled passages, and what they flag in real data.

    python benchmarks/detectors.py            both
    python benchmarks/detectors.py passages   the labelled passages alone

A passage is a reply written by hand, or a real one, beside which stands whether the rule should fire
(``rolethread_nb/checks/labelled``). The second table counts the turns of every file of the shared data that a rule flags; the
data are mostly clean, so a high share is a rule that cries wolf.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import rolethread_nb as rt
from rolethread_nb.checks.catalogue import rules

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from labelled import DATA, codes, score

_FAMILIES = ("reply.", "style.", "roleplay.", "leak.template", "leak.markup", "balance.", "dup.near")


def labelled() -> None:
    print(f"{'rule':28} {'precision':>9} {'recall':>7} {'found':>6} {'missed':>7} {'false':>6} {'silent':>7}")
    for code in codes():
        one = score(code)
        counts = f"{one.right:6} {len(one.missed):7} {len(one.false):6} {one.silent:7}"
        print(f"{code:28} {one.precision:9.2f} {one.recall:7.2f} {counts}")


def real() -> None:
    wanted = [rule.code for rule in rules() if rule.code.startswith(_FAMILIES)]
    for file in sorted(path for path in DATA.glob("*.json*") if path.is_file()):
        ds = rt.load(file, review=False)
        report = ds.check("roleplay", select=wanted)
        replies = int((ds.index.turns["role"] == "assistant").sum())
        turns = {(issue.source, issue.conversation, issue.turn) for issue in report if issue.turn is not None}
        found = Counter(issue.code for issue in report)
        print(f"\n{file.name}: {replies:,} replies, {len(turns) / max(1, replies):.2%} of them flagged")
        for code, count in found.most_common():
            print(f"    {code:28} {count:6}")


if __name__ == "__main__":
    labelled()
    if sys.argv[1:] != ["passages"]:
        if not DATA.is_dir():
            sys.exit("The shared data are not here.")
        real()
