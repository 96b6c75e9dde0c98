"""What a gate is about, as a number of a report, and the conversations behind that number."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from ..checks.catalogue import check_codes
from ..core.errors import QueryError
from ..core.query import Query
from ..core.query_terms import ANYWHERE, FINDING_TERMS, parse
from ..core.wording import plural
from .balanced import Balance
from .measured import Measured, share_of
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
        QueryError: if nothing is called so, the rules behind it did not run, or it cannot be a share.
    """
    name = gate.measure
    if name in _COUNTS:
        if gate.where:
            raise gate.refused("'where' is about findings; this is none of them.")
        return _counted(report, gate)
    if _is_code(name) or ":" in name or name in _FINDINGS:
        return _found(report, gate)
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


# ---------------------------------------------------------------- findings


def _found(report: Report, gate: Gate) -> Measured:
    """Findings that match, or the share of conversations or replies that have one."""
    try:
        text = _query_of(gate)
        _refuse_what_did_not_run(report, text)
        mask = Query(text).finding_mask(report)
    except QueryError as problem:
        raise gate.refused(str(problem)) from None
    rows = _conversations(report, mask)
    if gate.of == "replies":
        count, whole = _replies(report, mask)
        return share_of(count, whole, "reply", "replies", text, rows)
    if gate.of == "conversations":
        return share_of(
            len(rows), report.index.conversations.height, "conversation", "conversations", text, rows
        )
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
        )
    if twice := names & more - {ANYWHERE}:
        raise QueryError(f"'where' says {min(twice)}: again, and terms of one name are alternatives.")
    return f"{own} {gate.where}".strip()


def _refuse_what_did_not_run(report: Report, query: str) -> None:
    """A rule that did not run finds nothing; a gate that passes for that reason would be a lie."""
    for term in parse(query):
        if term.name != "code" or term.negated:
            continue
        check_codes([term.value])
        if not any(rule.goes_by(term.value) for rule in report.rules):
            raise QueryError(
                f"{term.value!r} did not run in this check (profile {report.profile!r}, select, ignore), so there is nothing to measure."
            )


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


def _replies(report: Report, mask: Mask) -> tuple[int, int]:
    """Replies with a finding, and all."""
    reply = (report.index.turns["role"] == "assistant").fill_null(False).to_numpy()
    turns = report.findings.placed(report.index).turns[mask]
    having = np.unique(turns[turns >= 0])
    return int(reply[having].sum()), int(reply.sum())


# ---------------------------------------------------------------- counts


def _counted(report: Report, gate: Gate) -> Measured:
    count, one, many, query = _count(report, gate.measure)
    everything = range(report.index.conversations.height) if query is not None else ()
    if gate.of is None:
        return Measured(count, f"{count:,} {one if count == 1 else many}", query, everything)
    if gate.measure != "rejected" or gate.of != "conversations":
        raise gate.refused("'share' is about findings, or rejected; say 'max' or 'min'.")
    records = sum(report.dataset.record_count(source) for source in range(len(report.dataset.sources)))
    return share_of(count, records, "record", "records", query, everything)


def _count(report: Report, name: str) -> tuple[int, str, str, str | None]:
    """How many, what one and several of them are called, and the query behind it: None where it is about no conversation."""
    index = report.index
    match name:
        case "conversations":
            return index.conversations.height, "conversation", "conversations", ""
        case "turns":
            return index.turns.height, "turn", "turns", ""
        case "replies":
            replies = (index.turns["role"] == "assistant").fill_null(False)
            return int(replies.sum()), "reply", "replies", "role:assistant"
        case "words":
            return int(index.turns["words"].sum()), "word", "words", ""
        case _:
            return len(index.rejected), "rejected record", "rejected records", None
