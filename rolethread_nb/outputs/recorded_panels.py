"""What is recorded of each component: what its reader reaches by reading on, sorting and one click on a filter."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..core.model import SEVERITIES
from ..core.wording import plural
from .recording import ROWS, SOME_ROWS, Recording
from .thread_view import Payload

_COLUMNS = ("severity", "code", "conversation", "turn", "role")
_COLUMN_ORDERS = [(column, descending) for column in _COLUMNS for descending in (False, True)]
_CONVERSATION_ORDERS = [(sort, False) for sort in ("findings", "turns", "words")]


def record_findings(recording: Recording, query: str, roles: Sequence[str]) -> str:
    """The findings in every order, and narrowed down to each severity, code and role. Returns the sentence for the rest."""
    head = _list_of_findings(recording, query, ROWS)
    for narrower in _narrower(head, query, roles):
        _list_of_findings(recording, narrower, SOME_ROWS, [("severity", False)])
    here = _part(len(head["rows"]), head["matched"], "finding")
    return f"This file holds {here}. Other filters and decisions need the notebook."


def record_review(recording: Recording, query: str, roles: Sequence[str], opened: str | None) -> str:
    """Findings and conversations, narrowed down together, and the conversations themselves. Returns the sentence for the rest."""
    findings = _list_of_findings(recording, query, ROWS)
    listed = recording.rows("conversations", query, most=ROWS)
    if listed["matched"] <= ROWS:
        recording.rows_sorted("conversations", query, _CONVERSATION_ORDERS)
    for narrower in _narrower(findings, query, roles):
        _list_of_findings(recording, narrower, SOME_ROWS, [("severity", False)])
        recording.rows("conversations", narrower, most=SOME_ROWS)
    recording.conversations(_to_read(opened, findings["rows"], listed["rows"]))
    here = _part(recording.count("conversation"), listed["total"], "conversation")
    found = _part(len(findings["rows"]), findings["total"], "finding")
    return (
        f"This file holds {here} and {found}, and charts of all conversations. "
        "Other filters, edits and decisions need the notebook."
    )


def record_thread(recording: Recording, key: str | None) -> str:
    """The conversation of a thread."""
    if key is not None:
        recording.conversations(iter([key]))
    return "This file holds one conversation. Others, edits and decisions need the notebook."


def record_preflight(recording: Recording, query: str, preflight: Payload, opened: Sequence[Payload]) -> str:
    """The cases by trainer, outcome and reason, and the first of them with what the model gets."""
    lists = [recording.rows("cases", one) for one in dict.fromkeys((query, ""))]
    lists += [recording.rows("cases", one, most=SOME_ROWS) for one in _queries_of(preflight)]
    rows = [*opened, *(row for page in lists for row in page["rows"])]
    keys = ((row["key"], row["target"]) for row in rows)
    recording.items(
        "case",
        ((f"{key} {target}", {"key": key, "target": target, "max_tokens": None}) for key, target in keys),
    )
    here = _part(recording.count("case"), len({(row["key"], row["target"]) for row in rows}), "case")
    return f"This file holds what the model gets in {here}. Others, and other limits, need the notebook."


def _queries_of(preflight: Payload) -> Iterator[str]:
    for target in preflight["targets"]:
        name = f"target:{target['name']}"
        yield name
        yield from (f"{name} outcome:{outcome}" for outcome in preflight["outcomes"])
        yield from (f"{name} reason:{code}" for code in {one["code"]: None for one in target["reasons"]})


def record_witness(recording: Recording, query: str, states: Sequence[str]) -> str:
    """The list, by what befell a conversation, and the first conversations of each."""
    queries = dict.fromkeys((query, "", *(f"state:{state}" for state in states)))
    lists = [recording.rows("witnessed", one) for one in queries]
    rows = sorted((row for page in lists for row in page["rows"]), key=lambda row: not row["states"])
    recording.items("witness", ((row["key"], {"key": row["key"]}) for row in rows))
    total = max(page["total"] for page in lists)
    here = _part(recording.count("witness"), total, "conversation")
    return f"This file holds {here}. What is not in it needs the notebook."


def _list_of_findings(
    recording: Recording, query: str, most: int, orders: Sequence[tuple[str, bool]] = _COLUMN_ORDERS
) -> Payload:
    head = recording.rows("findings", query, "group", most=most)
    if head["matched"] <= most:
        recording.rows_sorted("findings", query, orders, most)
    return head


def _narrower(findings: Payload, query: str, roles: Sequence[str]) -> Iterator[str]:
    """The queries that one click leads to; the empty one among them where there is something to clear."""
    if query.strip():
        yield ""
    terms = [f"severity:{name}" for name in SEVERITIES if findings["severities"].get(name)]
    terms += [f"code:{code}" for code in dict.fromkeys(group["code"] for group in findings["groups"])]
    terms += [f"role:{role}" for role in roles]
    present = query.split()
    yield from (" ".join([*present, term]) for term in terms if term not in present)


def _to_read(opened: str | None, findings: Sequence[Payload], listed: Sequence[Payload]) -> Iterator[str]:
    """Conversations in the order in which a reader comes to them: the open one, those of the findings, those of the list."""
    keys = [opened, *(row["key"] for row in findings), *(row["key"] for row in listed)]
    yield from dict.fromkeys(key for key in keys if key is not None)


def _part(here: int, total: int, what: str) -> str:
    if here < total:
        return f"{here:,} of {plural(total, what)}"
    return plural(total, what) if total <= 1 else f"all {plural(total, what)}"
