"""How well the detectors do: on labelled passages, on planted flaws and sets, and on real files.

    python benchmarks/detectors.py            everything
    python benchmarks/detectors.py passages   a part of it; also: planted, sets, real
    python benchmarks/detectors.py write      everything, into docs/detectors.md

A passage is a reply written by hand, or a real one, beside which stands whether the rule should fire
(``rolethread_nb/checks/labelled``). Flaws of a conversation are planted among real ones (``planted.py``), those of a
whole dataset into sets (``planted_sets.py``). The last tables count what is
found in the main files of the shared data, and how much of it is right: ``judged.jsonl`` holds what a reader made of up to twelve findings
of each rule, drawn at random, and of up to twelve more in the two files whose labels have to be mapped first.

The passages were written, and the findings judged, by those who wrote the rules, and the rules were mended until they did well on them.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import rolethread_nb as rt
from rolethread_nb.checks.catalogue import rule, rules

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

import planted
from labelled import DATA, ROOT, codes, score
from planted_sets import KINDS, SEED, SETS, outcome

Table = list[list[str]]

JUDGED = ROOT / "benchmarks" / "judged.jsonl"
PAGE = ROOT / "docs" / "detectors.md"
FAMILIES = ("reply.", "style.", "roleplay.", "leak.template", "leak.markup", "balance.")
# Who answers, where the labels do not say it.
ROLES = {
    "chinese_counselling_smile.jsonl": {"client": "user", "counselor": "assistant"},
    "personachat_named_speakers_en.jsonl": {"User 1": "user", "User 2": "assistant"},
}


def passages() -> list[Table]:
    head = ["rule", "preview", "precision", "recall", "found", "missed", "false", "silent", "clean flagged"]
    return [[head, *map(passage_row, codes())]]


def passage_row(code: str) -> list[str]:
    """``clean flagged`` is the share of the passages without the flaw in which the rule finds it."""
    one = score(code)
    flagged = len(one.false) / max(1, len(one.false) + one.silent)
    counts = (one.right, len(one.missed), len(one.false), one.silent)
    preview = "yes" if rule(code).preview else ""
    return [code, preview, f"{one.precision:.2f}", f"{one.recall:.2f}", *map(str, counts), f"{flagged:.1%}"]


def sets() -> list[Table]:
    head = ["rule", "what is planted", "planted", "found", "missed", "before", "false", "replies"]
    return [[head, *map(set_row, range(len(KINDS)))]]


def set_row(number: int) -> list[str]:
    """``before``: findings in the same conversations before; ``false``: those that came in besides what was planted."""
    kind = KINDS[number]
    one = outcome(kind, SETS, SEED)
    counts = (one.planted, one.found, one.planted - one.found, one.before, one.false)
    return [kind.code, kind.what, *map(str, counts), f"{one.replies:,}"]


def judged() -> dict[tuple[str, str, int, int | None], bool]:
    """What a reader made of findings: whether what the rule says is so, and nobody asked for it."""
    lines = JUDGED.read_text(encoding="utf-8").splitlines()
    return {
        (one["code"], one["file"], one["index"], one["turn"]): one["right"] for one in map(json.loads, lines)
    }


def real() -> list[Table]:
    """The share of replies that is flagged, by file; by rule, how many of the judged findings are right, and the share of all replies that is
    flagged wrongly: the findings, times the share of the judged ones that are wrong."""
    wanted = [one.code for one in rules() if one.code.startswith(FAMILIES)]
    verdicts = judged()
    found: Counter[str] = Counter()
    seen: dict[str, list[bool]] = {}
    replies = 0
    files: Table = [["file", "replies", "flagged"]]
    for file in sorted(path for path in DATA.glob("*.json*") if path.is_file()):
        ds = rt.load(file, roles=ROLES.get(file.name), review=False)
        own = int((ds.index.turns["role"] == "assistant").sum())
        if not own:
            continue
        issues = [issue for issue in ds.check("roleplay", select=wanted) if issue.conversation is not None]
        turns = {(issue.conversation, issue.turn) for issue in issues if issue.turn is not None}
        files.append([file.name, f"{own:,}", f"{len(turns) / own:.2%}"])
        replies += own
        for issue in issues:
            found[issue.code] += 1
            verdict = verdicts.get((issue.code, file.name, issue.conversation or 0, issue.turn))
            if verdict is not None:
                seen.setdefault(issue.code, []).append(verdict)
    by_rule: Table = [["rule", "findings", "judged", "right", "precision", "clean flagged"]]
    for code, count in found.most_common():
        own_verdicts = seen.get(code, [])
        right = sum(own_verdicts) / max(1, len(own_verdicts))
        said = [f"{right:.2f}", f"{count * (1 - right) / replies:.2%}"] if own_verdicts else ["", ""]
        by_rule.append([code, str(count), str(len(own_verdicts)), str(sum(own_verdicts)), *said])
    return [files, by_rule]


TABLES: dict[str, Callable[[], list[Table]]] = {
    "passages": passages,
    "planted": lambda: [planted.table(1_000, 20, SEED)],
    "sets": sets,
    "real": real,
}


def as_text(table: Table) -> str:
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in table)


def as_markdown(table: Table) -> str:
    head, *rows = [
        [f"`{cell}`" if "." in cell and cell[0].isalpha() else cell for cell in row] for row in table
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *rows])


def write() -> None:
    """Put the tables into the page, each set below its mark."""
    page = PAGE.read_text(encoding="utf-8")
    for name, made in TABLES.items():
        before, _, rest = page.partition(f"<!-- {name} -->\n")
        _, _, after = rest.partition(f"<!-- end of {name} -->")
        shown = "\n\n".join(map(as_markdown, made()))
        page = f"{before}<!-- {name} -->\n\n{shown}\n\n<!-- end of {name} -->{after}"
    PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    if not DATA.is_dir():
        sys.exit("The shared data are not here.")
    if sys.argv[1:] == ["write"]:
        write()
    else:
        for name in sys.argv[1:] or TABLES:
            print(name, *map(as_text, TABLES[name]()), sep="\n\n", end="\n\n", flush=True)
