"""Cells that are edited: what a typed text means, and the step of the review that it is."""

from __future__ import annotations

import csv
from collections.abc import Collection

from ..core.dataset import Dataset
from ..core.errors import QueryError
from ..core.model import Conversation, Issue
from ..core.review_state import DECISIONS
from ..core.turns import encodable

IGNORED = "ignored"
_BREAK = "↵"


def line_of(text: str) -> str:
    """A text on one line: its line breaks are written as ↵."""
    return encodable(text).replace("\r\n", _BREAK).replace("\n", _BREAK).replace("\r", _BREAK)


def joined(tags: Collection[str]) -> str:
    """Tags as one cell has them: with commas between; one that has a comma itself stands in quotation marks."""
    return ", ".join(_quoted(line_of(tag)) for tag in sorted(tags))


def write(
    dataset: Dataset, conversation: Conversation | None, issue: Issue | None, column: str, cell: str
) -> None:
    """Carry out what was typed into a cell, as a step of the review.

    Args:
        dataset: what is reviewed.
        conversation: the row's conversation as it is now; None: the row is about none.
        issue: the row's finding, where rows are findings.
        column: ``decision``, ``tags``, ``note`` or ``ignored``; other columns are refused.
        cell: the text. ↵ is a line break; the first letters of a decision are enough.

    Raises:
        RolethreadError: in one sentence, if it cannot be; nothing is changed then.
    """
    cell = cell.strip()
    if column == IGNORED and issue is not None:
        _ignore(dataset, issue, cell)
    elif column not in ("decision", "tags", "note"):
        raise QueryError(f"The column {column} comes from the data; decision, tags and note can be edited.")
    elif conversation is None:
        raise QueryError(f"This row is about no conversation, so it has no {column}.")
    elif column == "tags":
        _tag(dataset, conversation, cell)
    elif column == "decision":
        dataset.decide(conversation, _decision(cell))
    else:
        dataset.note(conversation, _text(cell))


def _decision(cell: str) -> str | None:
    if not cell:
        return None
    meant = [name for name in DECISIONS if name.startswith(cell.lower())]
    if not meant:
        raise QueryError(
            f"{cell!r} is no decision; there are {', '.join(DECISIONS)}, and an empty cell for none."
        )
    return meant[0]


def _tag(dataset: Dataset, conversation: Conversation, cell: str) -> None:
    wanted = {_text(tag.strip()) for tag in next(csv.reader([line_of(cell)], skipinitialspace=True), [])} - {
        ""
    }
    before = set(dataset.tags(conversation))
    dataset.tag(conversation, *sorted(wanted - before), without=sorted(before - wanted))


def _ignore(dataset: Dataset, issue: Issue, cell: str) -> None:
    if not cell:
        dataset.restore(issue)
    elif IGNORED.startswith(cell.lower()):
        dataset.ignore(issue)
    else:
        raise QueryError(f"A finding is {IGNORED}, or the cell is empty; {cell!r} is neither.")


def _quoted(tag: str) -> str:
    if "," not in tag and not tag.startswith('"'):
        return tag
    return '"' + tag.replace('"', '""') + '"'


def _text(cell: str) -> str:
    return cell.replace(_BREAK, "\n")
