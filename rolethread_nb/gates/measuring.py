"""What a gate is about, as a number of a report, and the conversations behind that number."""

from __future__ import annotations

from dataclasses import replace
from difflib import get_close_matches
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from ..checks.catalogue import check_codes
from ..core.errors import QueryError
from ..core.query import Query
from ..core.query_terms import ANYWHERE, FINDING_TERMS, parse
from ..core.wording import plural
from .balanced import REPLIES, Balance
from .measured import Measured, not_measured, share_of
from .ran import ran
from .reading import Gate

if TYPE_CHECKING:
    from ..core.placing import Mask
    from ..core.report import Report

_COUNTS = ("conversations", "turns", "replies", "words", "rejected")
# What stands for a query over findings.
_FINDINGS = {"findings": "", "duplicates": "code:dup.exact code:dup.near"}


def measure(report: Report, gate: Gate, balance: Balance) -> Measured:
    """The number that a gate is about; ``balance`` is that of the report.

    Raises:
        QueryError: if nothing is called so, or it cannot be a share.
    """
    name = gate.measure
    if name in _COUNTS:
        if gate.where:
            raise gate.refused("'where' is about findings; this is none of them.")
        return _counted(report, gate, balance)
    if _is_range(gate, balance):
        return balance.measure_range(gate)
    if _is_code(name) or ":" in name or name in _FINDINGS:
        return _found(report, gate, balance)
    if balance.knows(name):
        return balance.measure(gate)
    codes = [part for rule in report.rules for part in (rule.code, rule.family)]
    near = get_close_matches(name, [*codes, *_FINDINGS, *_COUNTS, *balance.names], 1)
    hint = f"did you mean {near[0]}?" if near else "docs/gates.md lists what can be measured."
    raise gate.refused(f"no code, family, count or facet is called {name!r}; {hint}")


def _is_code(name: str) -> bool:
    """Whether a name is a code or a family."""
    try:
        check_codes([name])
    except QueryError:
        return False
    return True


def _is_range(gate: Gate, balance: Balance) -> bool:
    """Whether a name is a range of a number of the balance, as ``reply_words:..4``."""
    if ":" not in gate.measure:
        return False
    try:
        terms = parse(gate.measure)
    except QueryError as problem:
        raise gate.refused(str(problem)) from None
    names = [term.name for term in terms]
    return bool(names) and not {*names} & {*FINDING_TERMS} and balance.is_number(names[0])


# ---------------------------------------------------------------- findings


def _found(report: Report, gate: Gate, balance: Balance) -> Measured:
    """Findings that match, or the share of conversations or replies that have one."""
    try:
        text = _query_of(gate)
        codes = [term.value for term in parse(text) if term.name == "code" and not term.negated]
        looked = ran(report, codes)
        mask = Query(text).finding_mask(report)
    except QueryError as problem:
        raise gate.refused(str(problem)) from None
    if looked.why_not:
        return not_measured(looked.why_not)
    return replace(_matching(report, gate, balance, text, mask), not_run=looked.missing)


def _matching(report: Report, gate: Gate, balance: Balance, text: str, mask: Mask) -> Measured:
    rows = _conversations(report, mask)
    if gate.of == "replies":
        turns = report.findings.placed(report.index).turns[mask]
        reply = balance.replies()
        having = np.unique(turns[turns >= 0])
        return share_of(int(reply[having].sum()), int(reply.sum()), "reply", "replies", text, rows)
    if gate.of == "conversations":
        whole = report.index.conversations.height
        return share_of(len(rows), whole, "conversation", "conversations", text, rows)
    count = int(mask.sum())
    return Measured(count, plural(count, "finding"), text, rows)


def _query_of(gate: Gate) -> str:
    """The query that finds what a gate is about."""
    name = gate.measure
    own = _FINDINGS.get(name, name if ":" in name else f"code:{name}")
    names, more = ({term.name for term in parse(said)} for said in (own, gate.where))
    if ":" in name and not names & set(FINDING_TERMS):
        raise QueryError(
            "this finds no findings; name them with code: or severity:, and put the rest into 'where'."
            " Ranges are of the numbers of ds.balance(), as reply_words:..4; a value of another facet is said with a dot, as role.user."
        )
    if twice := names & more - {ANYWHERE}:
        raise QueryError(f"'where' says {min(twice)}: again, and terms of one name are alternatives.")
    return f"{own} {gate.where}".strip()


def _conversations(report: Report, mask: Mask) -> list[int]:
    """Rows of the conversations that findings are in, or that findings about the dataset name."""
    rows = report.findings.placed(report.index).conversations[mask]
    found = set(rows[rows >= 0].tolist())
    about_all = report.findings.table.filter(
        pl.Series(mask) & pl.col("index").is_null() & (pl.col("detail") >= 0)
    )
    for detail in about_all["detail"].to_list():
        for source, index, *_ in report.findings.details[detail].get("related", ()):
            if (row := report.index.row(source, index)) is not None:
                found.add(row)
    return sorted(found)


# ---------------------------------------------------------------- counts


def _counted(report: Report, gate: Gate, balance: Balance) -> Measured:
    index, name = report.index, gate.measure
    if name == "replies":
        rows = np.unique(index.turns["conversation"].to_numpy()[balance.replies()]).tolist()
        query: str | None = REPLIES
    else:
        query = None if name == "rejected" else ""
        rows = () if name == "rejected" else range(index.conversations.height)
    count, one, many = _count(report, name, balance)
    if gate.of is None:
        return Measured(count, f"{count:,} {one if count == 1 else many}", query, rows)
    if name != "rejected" or gate.of != "conversations":
        raise gate.refused("'share' is about findings, or rejected; say 'max' or 'min'.")
    records = sum(report.dataset.record_count(source) for source in range(len(report.dataset.sources)))
    return share_of(count, records, "record", "records", query, rows)


def _count(report: Report, name: str, balance: Balance) -> tuple[int, str, str]:
    """How many there are, and what one and several of them are called."""
    index = report.index
    match name:
        case "conversations":
            return index.conversations.height, "conversation", "conversations"
        case "turns":
            return index.turns.height, "turn", "turns"
        case "replies":
            return int(balance.replies().sum()), "reply", "replies"
        case "words":
            return int(index.turns["words"].sum()), "word", "words"
        case _:
            return len(index.rejected), "rejected record", "rejected records"
