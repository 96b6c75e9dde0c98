"""Comparing: two versions of a dataset, conversation by conversation."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from .._version import __version__
from .blocks import canonical_json
from .dataset import Dataset
from .differences import TurnChange, turn_changes
from .errors import QueryError, StalePlanError
from .index import Index
from .loading import load
from .matching import Matched, Pair, Print, beside, match, moved
from .model import Conversation
from .wording import plural

if TYPE_CHECKING:
    import pandas as pd

    from .report import Report

_STATUS = ("added", "removed", "changed", "moved")


@dataclass(frozen=True)
class Change:
    """What differs in one conversation that is in both versions.

    Attributes:
        before, after: the conversation as it was and as it is.
        by: how it was found again: by ``id``, by ``content``, by most of its ``turns``, or by its ``words``.
        what: what differs: ``turns``, ``layout`` (the same turns are written otherwise), ``keys`` (something beside them).
        turns: the turns that differ.
        keys: top-level keys of the record, beside those that hold the turns, whose values differ.
    """

    before: Conversation
    after: Conversation
    by: str
    what: tuple[str, ...]
    turns: Sequence[TurnChange]
    keys: Sequence[str]

    def as_dict(self) -> dict[str, Any]:
        """The form of ``compare --json``."""
        return {
            "id": self.after.id,
            "id_before": self.before.id,
            "by": self.by,
            "what": list(self.what),
            "before": {"source": self.before.source_index, "conversation": self.before.index},
            "after": {"source": self.after.source_index, "conversation": self.after.index},
            "keys": list(self.keys),
            "turns": [turn.as_dict() for turn in self.turns],
        }


class Comparison:
    """Two versions of a dataset, side by side (see :func:`compare`).

    Attributes:
        before, after: the two datasets.
        added, removed, changed, moved: ids of conversations. A changed one is in both and differs; a moved one is in both and stands
            elsewhere among the others; one may be both. Those of ``removed`` are ids of the first version, all others of the second.
    """

    def __init__(self, before: Dataset, after: Dataset, profile: str | None = None) -> None:
        self.before, self.after = before, after
        self._profile = profile
        prints = Print(before), Print(after)
        self._indexes = before.index, after.index
        self._edits = before.edits, after.edits
        self._matched: Matched = match(*prints)
        self._moved = [self._matched.pairs[at] for at in moved(self._matched.pairs)]
        self._rejected_alike = prints[0].rejected == prints[1].rejected
        self.added = _ids(after.index, self._matched.added)
        self.removed = _ids(before.index, self._matched.removed)
        self.changed = _ids(after.index, [pair.after for pair in self._differing])
        self.moved = _ids(after.index, [pair.after for pair in self._moved])

    @property
    def _differing(self) -> list[Pair]:
        return [pair for pair in self._matched.pairs if pair.what]

    @property
    def equal(self) -> bool:
        """Whether both hold the same records in the same order, apart from blanks and the order of keys."""
        return self._rejected_alike and not (self.added or self.removed or self.changed or self.moved)

    @property
    def unchanged(self) -> int:
        """Conversations that are the same in both, wherever they stand."""
        return len(self._matched.pairs) - len(self.changed)

    def change(self, id: str) -> Change:
        """What differs in one conversation, by its id (after, or before).

        Raises:
            QueryError: if no conversation of this id is in both versions.
        """
        before, after = (index.row_of_id.get(id) for index in self._indexes)
        for pair in self._matched.pairs:
            if pair.after == after:
                return self._change(pair)
        for pair in self._matched.pairs:
            if pair.before == before:
                return self._change(pair)
        raise QueryError(f"No conversation {id!r} is in both versions.")

    def changes(self) -> Iterator[Change]:
        """What differs, for each changed conversation, in the order of the second version. They are decoded one by one."""
        return (self._change(pair) for pair in self._differing)

    def _change(self, pair: Pair) -> Change:
        before, after = self._conversation(0, pair.before), self._conversation(1, pair.after)
        turns = turn_changes(before, after) if "turns" in pair.what else []
        keys = _keys(before, after) if "keys" in pair.what else []
        return Change(before, after, pair.by, pair.what, turns, keys)

    def _conversation(self, side: int, row: int) -> Conversation:
        _, source, index = _place(self._indexes[side], row)
        found = (self.before, self.after)[side].conversation_at(source, index, self._edits[side])
        assert found is not None
        return found

    @cached_property
    def reports(self) -> tuple[Report, Report]:
        """The checks of both versions, with the settings of the second, no baseline, and the profile that was asked for."""
        if (self.before.edits, self.after.edits) != self._edits:
            raise StalePlanError("A dataset has changed since it was compared; compare again.")
        settings = self.after.settings
        values = {name: settings[name] for name in ("profile", "select", "ignore")}
        if self._profile is not None:
            values["profile"] = self._profile
        thresholds = settings.table("thresholds")
        before, after = (
            dataset.check(**values, thresholds=thresholds, baseline=False)
            for dataset in (self.before, self.after)
        )
        return before, after

    @cached_property
    def counts(self) -> dict[str, tuple[int, int]]:
        """Findings by code, before and after, in the order of the catalogue. Both versions are checked when this is first looked at."""
        before, after = (report.counts for report in self.reports)
        codes = [rule.code for rule in self.reports[1].rules]
        return {
            code: (before.get(code, 0), after.get(code, 0))
            for code in codes
            if code in before or code in after
        }

    @cached_property
    def balance(self) -> dict[str, tuple[float, float]]:
        """Measures before and after: conversations, turns, words and turns by role, system prompts, lengths (medians and 90 % points)."""
        before, after = map(_measures, self._indexes)
        names = dict.fromkeys([*before, *after])
        return {name: (before.get(name, 0), after.get(name, 0)) for name in names}

    def to_pandas(self) -> pd.DataFrame:
        """One row a conversation that was added, removed, changed or moved: status, id, id_before, by, what, and where it stands.

        ``source`` and ``index`` are its place after, ``source_before`` and ``index_before`` before; missing where there is none.
        """
        import pandas as pd

        columns = [
            "status",
            "id",
            "id_before",
            "by",
            "what",
            "source",
            "index",
            "source_before",
            "index_before",
        ]
        rows: list[tuple[Any, ...]] = []
        for status, pairs in (("changed", self._differing), ("moved", self._moved)):
            for pair in pairs:
                old, new = _place(self._indexes[0], pair.before), _place(self._indexes[1], pair.after)
                what = ", ".join(pair.what)
                rows.append((status, new[0], old[0], pair.by, what, *new[1:], *old[1:]))
        rows += [
            ("added", new[0], None, None, "", *new[1:], None, None)
            for new in (_place(self._indexes[1], row) for row in self._matched.added)
        ]
        rows += [
            ("removed", None, old[0], None, "", None, None, *old[1:])
            for old in (_place(self._indexes[0], row) for row in self._matched.removed)
        ]
        rows.sort(key=lambda row: _STATUS.index(row[0]))
        frame = pd.DataFrame(rows, columns=columns)
        return frame.astype(dict.fromkeys(("source", "index", "source_before", "index_before"), "Int64"))

    def as_dict(self) -> dict[str, Any]:
        """The object of ``compare --json``."""
        return {
            "schema": 1,
            "version": __version__,
            "equal": self.equal,
            "before": _described(self.before, self._indexes[0]),
            "after": _described(self.after, self._indexes[1]),
            "unchanged": self.unchanged,
            "added": [_placed(self._indexes[1], row) for row in self._matched.added],
            "removed": [_placed(self._indexes[0], row) for row in self._matched.removed],
            "moved": [_placed(self._indexes[1], pair.after) for pair in self._moved],
            "changed": [change.as_dict() for change in self.changes()],
            "profile": self.reports[1].profile,
            "counts": {code: list(numbers) for code, numbers in self.counts.items()},
            "balance": {name: list(numbers) for name, numbers in self.balance.items()},
        }

    def to_json(self, path: str | Path | None = None) -> str:
        """The comparison as JSON text; written to ``path`` as well if one is given."""
        text = json.dumps(self.as_dict(), indent=1) + "\n"
        if path is not None:
            from ..outputs.export import refuse_a_source
            from ..outputs.writing import write_atomically

            for dataset in (self.before, self.after):
                refuse_a_source(dataset, Path(path))
            write_atomically(Path(path), [text.encode()], overwrite=True)
        return text

    @property
    def summary(self) -> str:
        """What differs, in a line."""
        if self.equal:
            return f"the same {plural(self._indexes[1].conversations.height, 'conversation')}"
        counts = [f"{len(ids):,} {name}" for name in _STATUS if (ids := getattr(self, name))]
        if not self._rejected_alike:
            counts.append("other records that cannot be read")
        return ", ".join([*counts, f"{self.unchanged:,} unchanged"])

    def __repr__(self) -> str:
        return f"<Comparison of {self.before.name} with {self.after.name}: {self.summary}>"

    def _repr_html_(self) -> str:
        from ..outputs.comparison import comparison_html

        return comparison_html(self)


def compare(
    before: Any,
    after: Any,
    *,
    profile: str | None = None,
    roles: dict[str, str] | None = None,
    fields: dict[str, str] | None = None,
) -> Comparison:
    """Compare two versions of a dataset.

    Conversations are found again by id, those left over by content, those still left over by their turns, if at least half of them
    are the same, and the last by their words: all of them in the same order (blanks, case and punctuation do not count), else at least
    half of them (Jaccard index; words that more than a fifth of what is left over holds do not count, nor do turns that many
    conversations share). By words, only conversations are measured that share a rare word or stand in nearly the same place between
    the same neighbours. Only changed conversations are decoded as a whole, when they are looked at.

    Args:
        before, after: datasets, or anything that :func:`load` takes.
        profile: the profile that findings are counted with; by default that of the settings of ``after``.
        roles, fields: as for :func:`load`, for what is not a dataset yet.

    Raises:
        SourceError: if one of them cannot be opened.
        QueryError: if ``profile``, ``roles`` or ``fields`` name something that does not exist.
    """
    opened = [
        one if isinstance(one, Dataset) else load(one, roles=roles, fields=fields) for one in (before, after)
    ]
    return Comparison(opened[0], opened[1], profile)


def _ids(index: Index, rows: Sequence[int]) -> list[str]:
    found: list[str] = index.conversations["id"].gather(list(rows)).to_list()
    return found


def _place(index: Index, row: int) -> tuple[str, int, int]:
    frame = index.conversations
    return frame["id"][row], frame["source"][row], frame["index"][row]


def _placed(index: Index, row: int) -> dict[str, Any]:
    return dict(zip(("id", "source", "conversation"), _place(index, row), strict=True))


def _described(dataset: Dataset, index: Index) -> dict[str, Any]:
    return {
        "sources": [source.name for source in dataset.sources],
        "conversations": index.conversations.height,
        "turns": index.turns.height,
        "rejected": len(index.rejected),
    }


def _keys(before: Conversation, after: Conversation) -> list[str]:
    """Top-level keys with other values, apart from those that the turns were read from."""
    old, new = beside(before.raw, before.reading), beside(after.raw, after.reading)
    named = dict.fromkeys([*old, *new])
    return [key for key in named if _value(old, key) != _value(new, key)]


def _value(record: dict[Any, Any], key: Any) -> bytes | None:
    return canonical_json(record[key]) if key in record else None


def _measures(index: Index) -> dict[str, float]:
    frame, turns = index.conversations, index.turns
    role = pl.col("role").cast(pl.String).fill_null("unknown")
    by_role = (
        turns.group_by(role)
        .agg(
            turns=pl.len(),
            words=pl.col("words").sum(),
            median=pl.col("words").median(),
            high=pl.col("words").quantile(0.9, "nearest"),
        )
        .sort("role")
    )
    measures: dict[str, float] = {
        "conversations": frame.height,
        "turns": turns.height,
        "words": int(frame["words"].sum()),
        "system prompts": frame["system"].drop_nulls().n_unique(),
        "conversations without a system prompt": int(frame["system"].is_null().sum()),
        "turns a conversation, median": _number(frame["turns"].median()),
        "turns a conversation, 90 %": _number(frame["turns"].quantile(0.9, "nearest")),
    }
    for name, count, words, median, high in by_role.iter_rows():
        measures[f"turns of {name}"] = count
        measures[f"words of {name}"] = words
        measures[f"words a turn of {name}, median"] = _number(median)
        measures[f"words a turn of {name}, 90 %"] = _number(high)
    return measures


def _number(value: Any) -> float:
    return 0 if value is None else int(value) if value == int(value) else float(value)
