"""The entries of a dataset as RoleThread Lite holds them once it has loaded the file.

It imports a file from ShareGPT if most of its records are, and then tidies every entry: roles that fit their place are written in the
usual way, contents lose the blanks at their ends, tags become slugs. These are facts about that program (its ``core/dataset.py``,
commit 992ec7d); the code is ours.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..core.errors import StalePlanError
from ..sources.decoding import Bad, decode, decode_exactly
from .diagnosis import SPELLINGS, Layout, imported, layout_of, majority

if TYPE_CHECKING:
    from ..core.report import Report

_NO_SLUG = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry: the record it was made from, and what the app makes of it.

    Attributes:
        place: source and record.
        data: the entry as the app holds it.
    """

    place: tuple[int, int]
    data: dict[str, Any]

    @property
    def messages(self) -> list[Any]:
        """The messages; none where they are no list."""
        found = self.data.get("messages")
        return found if isinstance(found, list) else []

    @property
    def tags(self) -> list[str]:
        """The tags."""
        found: list[str] = self.data["tags"]
        return found

    @property
    def stamp(self) -> dict[str, Any]:
        """The app's own mark, empty where there is none."""
        found = self.data.get("_rolethread")
        return found if isinstance(found, dict) else {}

    def named(self, key: str) -> str | None:
        """An id in the mark: ``entry_uuid`` or ``dataset_uuid``."""
        found = self.stamp.get(key)
        return found if isinstance(found, str) and found else None

    @property
    def prompt(self) -> str:
        """The system prompt: the text of the first message, if that is the system's."""
        first = self.messages[0] if self.messages else None
        return text_of(first) if isinstance(first, dict) and first.get("role") == "system" else ""

    def said_by(self, role: str) -> list[str]:
        """The texts of the messages of a role."""
        return [text_of(one) for one in self.messages if isinstance(one, dict) and one.get("role") == role]

    @property
    def exchanges(self) -> int:
        """Half of the messages that are not the system's."""
        spoken = [one for one in self.messages if isinstance(one, dict) and one.get("role") != "system"]
        return len(spoken) // 2


def entries_of(report: Report) -> Iterator[Entry]:
    """The entries of the dataset that was checked: those that are conversations in file order, then the others. What is no object is none.

    Raises:
        StalePlanError: if the dataset has changed since it was checked.
    """
    if report.dataset.edits is not report.edits:
        raise StalePlanError("The dataset has changed since it was checked; check it again for a score.")
    layouts: dict[int, dict[Layout, int]] = {}
    for (source, _), record in _records(report):
        counts = layouts.setdefault(source, {"chatml": 0, "sharegpt": 0, "unknown": 0})
        counts[layout_of(record)] += 1
    shared = {source for source, counts in layouts.items() if majority(counts) == "sharegpt"}
    for place, record in _records(report):
        yield Entry(place, _tidied(imported(record)[0] if place[0] in shared else record))


def _records(report: Report) -> Iterator[tuple[tuple[int, int], dict[str, Any]]]:
    """Every record that is an object, once."""
    dataset, last = report.dataset, None
    for block in dataset.blocks():
        for index, raw in zip(block.indices, block.raws, strict=True):
            place = (block.source, index)
            if isinstance(raw, dict) and place != last:  # a record may hold several conversations
                yield place, raw
            last = place
    for rejected in report.index.rejected:
        data = dataset.record_bytes(rejected.source, rejected.index, report.edits)
        if not rejected.code.startswith("record.") or data is None or isinstance(decode(data), Bad):
            continue
        if isinstance(record := decode_exactly(data), dict):
            yield (rejected.source, rejected.index), record


def _tidied(record: dict[str, Any]) -> dict[str, Any]:
    messages = record.get("messages")
    if isinstance(messages, list):
        messages = [_message(one, at) for at, one in enumerate(messages)]
    tags = record.get("tags")
    slugs = map(slug, tags if isinstance(tags, list) else ())
    tidied = {**record, "tags": list(dict.fromkeys(one for one in slugs if one))}
    return tidied if messages is None else {**tidied, "messages": messages}


def _message(message: Any, at: int) -> Any:
    if not isinstance(message, dict):
        return message
    role, content = message.get("role"), message.get("content")
    changed = dict(message)
    expected = "system" if at == 0 else "user" if at % 2 else "assistant"
    if isinstance(role, str) and SPELLINGS.get(role.strip().lower()) == expected:
        changed["role"] = expected
    if isinstance(content, str):
        changed["content"] = content.strip()
    return changed


def slug(tag: Any) -> str:
    """A tag as the app writes it; empty for what is no text, and for what has no letter from a to z and no digit."""
    return _NO_SLUG.sub("_", tag.strip().lower()).strip("_") if isinstance(tag, str) else ""


def text_of(message: dict[str, Any]) -> str:
    """The text of a message. For a content that stops the app nothing is counted."""
    content = message.get("content", "")
    return content if isinstance(content, str) else ""
