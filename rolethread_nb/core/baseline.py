"""Baselines: findings that are known, as hashes in a file, so that a check fails on new ones only.

A finding is known by its code, its conversation and what it was found in (the text of the turn, the label, the names in its
evidence), not by line or position. So records may be added, dropped and put in another order; a turn that was edited is looked at anew.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from .blocks import Block, canonical_json, written_id
from .errors import ExportError, SourceError, StalePlanError

if TYPE_CHECKING:
    from .model import Issue
    from .report import Report

_SCHEMA = 1
_HEAD = {"rolethread_nb": "baseline", "schema": _SCHEMA}
_DIGITS = 16  # of a SHA-256, in hexadecimal: 64 bits

# (rule code, hash) to how many such findings there are
Baseline = Counter[tuple[str, str]]

# Names in the evidence that say where, not what.
_PLACES = frozenset(
    ("first", "source", "related", "line", "column", "index", "conversation", "turn", "members")
)


@dataclass(frozen=True)
class Known:
    """What a baseline knew of the findings of a check.

    Attributes:
        path: the file, as it is shown.
        known: findings of the check that it knew; they are not in the report.
        gone: findings in it that are no more, of the rules that ran.
        rows: numbers of the known findings in ``report.everything``.
    """

    path: str
    known: int
    gone: int
    rows: Sequence[int] = ()

    def as_dict(self) -> dict[str, Any]:
        """The form of ``check --json``."""
        return {"path": self.path, "known": self.known, "gone": self.gone}

    def __str__(self) -> str:
        gone = f", {self.gone:,} of its findings gone" if self.gone else ""
        return f"{self.known:,} known from {self.path}{gone}"


def read_baseline(path: Path) -> Baseline:
    """The findings that a file knows.

    Raises:
        SourceError: if there is no such file, or it is no baseline.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        raise SourceError(
            f"There is no baseline {path} yet; write it with report.write_baseline(path) (--write-baseline)."
        ) from None
    except OSError as problem:
        raise SourceError(f"The baseline {path} cannot be read: {problem.strerror}.") from None
    head = _object(lines[0])
    if head is None or head.get("rolethread_nb") != "baseline":
        raise SourceError(f"{path} is no baseline; its first line does not say so.")
    if head.get("schema") != _SCHEMA:
        raise SourceError(
            f"{path} is a baseline of another version ({head.get('schema')!r}); write it again with this one."
        )
    known: Baseline = Counter()
    for number, line in enumerate(lines[1:], 2):
        if not line.strip():
            continue
        match _object(line):
            case {"code": str(code), "hash": str(digest), "count": int(count)} if (
                count > 0 and count is not True
            ):
                known[code, digest] = max(known[code, digest], count)  # a merge may leave a line twice
            case _:
                raise SourceError(
                    f"{path} line {number} is no entry of a baseline; write the baseline again."
                )
    return known


def _object(line: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def write_baseline(report: Report, path: Path) -> int:
    """Write the findings of a report (see :meth:`Report.write_baseline`)."""
    from ..outputs.export import refuse_a_source
    from ..outputs.writing import write_atomically

    refuse_a_source(report.dataset, path)
    ran = {rule.code for rule in report.rules}
    kept: Baseline = Counter()
    if path.is_file() and path.stat().st_size:
        try:
            kept = Counter({key: count for key, count in read_baseline(path).items() if key[0] not in ran})
        except SourceError:
            with path.open("rb") as file:
                ours = (_object(file.readline(1000)) or {}).get("rolethread_nb") == "baseline"
            if not ours:
                raise ExportError(f"{path} is there and is no baseline; choose another name.") from None
    counts = kept + Counter(_keys(report))
    entries = [
        {"code": code, "hash": digest, "count": counts[code, digest]} for code, digest in sorted(counts)
    ]
    lines = (json.dumps(line).encode() + b"\n" for line in (_HEAD, *entries))
    write_atomically(path, lines, overwrite=True)
    return counts.total()


def without_known(report: Report, known: Baseline, path: Path) -> Report:
    """A report of what a baseline does not know, in ``report.baseline`` how much it did."""
    from ..settings import shown

    left = known.copy()
    old: list[int] = []
    fresh: list[int] = []
    for n, key in enumerate(_keys(report)):
        if left[key] > 0:
            left[key] -= 1
            old.append(n)
        else:
            fresh.append(n)
    ran = {rule.code for rule in report.rules}
    gone = sum(count for (code, _), count in left.items() if code in ran)
    narrowed = report.with_findings(fresh)
    narrowed.baseline = Known(shown(path), len(old), gone, old)
    return narrowed


def _keys(report: Report) -> list[tuple[str, str]]:
    """Code and hash of every finding of a check, in its order."""
    findings = report.everything
    if report.dataset.edits is not report.edits:
        raise StalePlanError("The dataset has changed since it was checked; check it again for a baseline.")
    codes = [rule.code for rule in report.rules]
    table = findings.table
    keys: list[tuple[str, str]] = []
    for rule, index, detail in table.select("rule", "index", "detail").iter_rows():
        noted = {} if detail < 0 else findings.details[detail]
        # A finding in a conversation gets its place below; what is left here is about the dataset or a record that is none.
        keys.append((codes[rule], _hash("" if index is None else "record", codes[rule], *_named(noted))))
    if table["index"].null_count() < table.height:
        placed = table.with_row_index("n").filter(pl.col("index").is_not_null())
        contents: dict[tuple[int, int], str] = {}
        firsts = {_first_of(findings.details[n]) for n in table["detail"].to_list() if n >= 0}
        by_source = {key[0]: part for key, part in placed.partition_by("source", as_dict=True).items()}
        for block in report.dataset.blocks():
            for at, index in enumerate(block.indices):
                if (block.source, index) in firsts:
                    contents[block.source, index] = _content(block, at)
            if len(block) and (part := by_source.get(block.source)) is not None:
                part = part.filter(pl.col("index").is_between(block.indices[0], block.indices[-1]))
                for n, code, digest in _in_block(part, block, report, contents):
                    keys[n] = (code, digest)
    return keys


def _in_block(
    table: pl.DataFrame, block: Block, report: Report, contents: Mapping[tuple[int, int], str]
) -> Iterator[tuple[int, str, str]]:
    places = pl.DataFrame({"index": pl.Series(block.indices, dtype=pl.Int64)}).with_row_index("conversation")
    turns = block.turns.select(
        "conversation",
        "turn",
        "role_raw",
        "text",
        pl.col("text").shift(1).over("conversation").alias("before"),
    )
    rows = table.join(places, on="index", how="inner").join(turns, on=["conversation", "turn"], how="left")
    names = ["n", "rule", "conversation", "turn", "start", "end", "detail", "role_raw", "text", "before"]
    for n, rule, at, turn, start, end, detail, label, text, before in rows.select(names).iter_rows():
        noted = {} if detail < 0 else report.everything.details[detail]
        code = report.rules[rule].code
        own = written_id(block.raws[at])
        if (first := _first_of(noted)) is not None and first in contents:
            # Two conversations that are alike, whichever of them comes first.
            pair = sorted((contents[first], _content(block, at)))
            yield n, code, _hash("pair", code, *pair, *_named(noted))
        elif turn is None:
            yield n, code, _hash("conversation", code, block.ids[at] if own is None else own, *_named(noted))
        else:
            # Without an id of its own a conversation is named after its content; then the turn and the one before it have to do,
            # so that an edit elsewhere in it makes no other finding new.
            whose = ("id", own) if own is not None else ("after", before or "")
            found = (*whose, label or "", text or "", f"{start}:{end}")
            yield n, code, _hash("turn", code, *found, *_named(noted))


def fingerprint(issue: Issue, text: str) -> str:
    """What a finding is known by within its conversation: its code, the text it was found in, where in it, the names in its evidence."""
    return _hash("finding", issue.code, text, f"{issue.start}:{issue.end}", *_named(issue.evidence))


def _first_of(noted: Mapping[str, Any]) -> tuple[int, int] | None:
    """The earlier conversation that a finding names, as (source, record)."""
    source, first = noted.get("source"), noted.get("first")
    return (source, first) if isinstance(source, int) and isinstance(first, int) else None


def _content(block: Block, at: int) -> str:
    return hashlib.sha256(canonical_json(block.readings[at].turns)).hexdigest()


def _named(value: Any, name: str = "") -> Iterator[str]:
    """The texts in the evidence of a finding. Numbers are left out: they grow with the dataset."""
    if isinstance(value, str):
        yield f"{name}={value}"
    elif isinstance(value, Mapping):
        for key in sorted(value, key=str):
            if key not in _PLACES:
                yield str(key)
                yield from _named(value[key], str(key))
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _named(part, name)


def _hash(*parts: str) -> str:
    return hashlib.sha256(_packed(parts)).hexdigest()[:_DIGITS]


def _packed(parts: Iterable[str]) -> bytes:
    """Parts with their lengths, so that no two lists of parts make the same bytes."""
    encoded = [part.encode("utf-8", "surrogatepass") for part in parts]
    return b"".join(b"%d:%b" % (len(part), part) for part in encoded)
