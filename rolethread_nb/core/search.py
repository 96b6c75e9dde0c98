"""Looking for text: all patterns of a query in one pass over the blocks, and the places they were found at.

The regular expressions are Rust's: linear in time, without look-around and back-references.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import polars as pl

from .blocks import Block
from .errors import QueryError
from .model import tags_of
from .turns import encodable

if TYPE_CHECKING:
    from .dataset import Dataset
    from .edits import Edits
    from .query import Query
    from .report import Report

_KEPT = 32  # so many answers are kept
_KEPT_TEXT = (
    256 * 2**20
)  # bytes of text that are kept after the first search, so that the next one reads no file
_AROUND = 40  # characters of an excerpt on either side of what was found
_BEGINNING = 80  # characters of a turn that is found as a whole

_PLACES: dict[str, Any] = {"source": pl.Int32, "index": pl.Int64, "turn": pl.Int32}
_TAGS: dict[str, Any] = {"source": pl.UInt16, "index": pl.UInt32, "tag": pl.String}
HITS: dict[str, Any] = {
    "id": pl.String,
    "source": pl.Int32,
    "index": pl.Int64,
    "turn": pl.Int32,
    "start": pl.Int64,
    "end": pl.Int64,
    "text": pl.String,
}

# Characters of scripts whose words stand without blanks: there no edge of a word can be asked for.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)
# Characters that no text should hold, to mark places with.
_MARKS = [*map(chr, range(0xFDD0, 0xFDF0)), *map(chr, range(0xE000, 0xF900))]


def literal_pattern(words: str) -> str:
    """Letter for letter, without regard to case."""
    return "(?i)" + re.escape(encodable(words))


def word_pattern(word: str) -> str:
    """A whole word, or several, without regard to case."""
    begins = "" if _UNSPACED.match(word[0]) else r"\b{start-half}"
    ends = "" if _UNSPACED.match(word[-1]) else r"\b{end-half}"
    return f"(?i){begins}{re.escape(encodable(word))}{ends}"


def regex_pattern(pattern: str) -> str:
    """A regular expression as it was typed.

    Raises:
        QueryError: if Rust does not understand it, or it would take more than 10 MB.
    """
    pattern = encodable(pattern)
    try:
        pl.Series([""]).str.contains(pattern)
    except pl.exceptions.ComputeError as problem:
        reasons = re.findall(r"^error: (.*)$", str(problem), re.MULTILINE)
        reason = reasons[-1] if reasons else "it is too large"
        raise QueryError(f"re: takes a regular expression of Rust, not {pattern[:80]!r}: {reason}.") from None
    return pattern


class Texts:
    """The texts of all turns, once something was looked for in them, as long as they are not too many. They follow the changes."""

    def __init__(self) -> None:
        self._frame: pl.DataFrame | None = None
        self._edits: Edits | None = None

    def now(self, dataset: Dataset) -> pl.DataFrame | None:
        """Columns source, index, turn, text; None if they are not kept."""
        frame, before, edits = self._frame, self._edits, dataset.edits
        if frame is None or before is None or before is edits:
            return frame
        history = dataset.journal.history
        first, last = sorted((before.version, edits.version))
        changed = [
            record
            for record in history.touched(first, max(last, history.version))
            if record[1] >= 0 and before.state(record) is not edits.state(record)
        ]
        gone = pl.DataFrame(changed, schema={"source": pl.Int32, "index": pl.Int64}, orient="row")
        kept = frame.join(gone, on=["source", "index"], how="anti", maintain_order="left")
        blocks = (block for block in dataset.some(changed) if block.turns.height)
        self._frame = pl.concat([kept, *map(_texts, blocks)])
        self._edits = edits
        return self._frame

    def keep(self, parts: Sequence[pl.DataFrame], edits: Edits) -> None:
        """Keep the texts of a complete pass."""
        self._frame = pl.concat([pl.DataFrame(schema={**_PLACES, "text": pl.String}), *parts])
        self._edits = edits


class Searches:
    """What was looked for in a dataset; kept as long as it does not change."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._version = -1
        self._turns: dict[str, pl.DataFrame] = {}
        self._tags: pl.DataFrame | None = None
        self._texts = Texts()
        # What the facets of the balance are asked of; a room above puts it there.
        self.balance: Any = None

    def look(self, dataset: Dataset, patterns: Sequence[str], *, tags: bool = False) -> None:
        """Find the turns in which each of the patterns stands, and the tags, in one pass; what is known is not looked for again."""
        with self._lock:
            if self._version != dataset.version:
                self._turns, self._tags, self._version = {}, None, dataset.version
            fresh = [pattern for pattern in dict.fromkeys(patterns) if pattern not in self._turns]
            if not fresh and not (tags and self._tags is None):
                return
            if len(self._turns) + len(fresh) > _KEPT:
                self._turns = {
                    pattern: self._turns[pattern] for pattern in patterns if pattern in self._turns
                }
            if not (tags and self._tags is None) and (texts := self._texts.now(dataset)) is not None:
                for pattern in fresh:
                    hits = texts.filter(pl.col("text").str.contains(pattern))
                    self._turns[pattern] = hits.select(list(_PLACES))
                return
            found: list[list[pl.DataFrame]] = [[pl.DataFrame(schema=_PLACES)] for _ in fresh]
            edits, kept, room = dataset.edits, [], _KEPT_TEXT
            tagged: list[tuple[int, int, str]] = []
            for block in dataset.blocks():
                for parts, part in zip(found, _matching(block, fresh), strict=True):
                    parts.append(part)
                if room >= 0 and block.turns.height:
                    kept.append(_texts(block))
                    room -= int(block.turns["text"].estimated_size())
                if tags:
                    tagged += _tags_of(block)
            if room >= 0:
                self._texts.keep(kept, edits)
            for pattern, parts in zip(fresh, found, strict=True):
                self._turns[pattern] = pl.concat(parts)
            if tags:
                self._tags = pl.DataFrame(tagged, schema=_TAGS, orient="row")

    def turns(self, dataset: Dataset, pattern: str) -> pl.DataFrame:
        """The turns in which a pattern is found: columns source, index, turn."""
        with self._lock:
            self.look(dataset, [pattern])
            return self._turns[pattern]

    def tags(self, dataset: Dataset) -> pl.DataFrame:
        """The tags of the conversations: columns source, index, tag."""
        with self._lock:
            self.look(dataset, [], tags=True)
            assert self._tags is not None
            return self._tags


def _matching(block: Block, patterns: Sequence[str]) -> list[pl.DataFrame]:
    if not patterns:
        return []
    text = pl.col("text")
    flags = block.turns.select(text.str.contains(pattern).alias(str(n)) for n, pattern in enumerate(patterns))
    return [_places(block, block.turns.filter(flags[name])) for name in flags.columns]


def _places(block: Block, turns: pl.DataFrame) -> pl.DataFrame:
    indices = pl.Series("index", block.indices, dtype=pl.Int64)
    return pl.DataFrame(
        {
            "source": pl.Series([block.source], dtype=pl.Int32).new_from_index(0, turns.height),
            "index": indices.gather(turns["conversation"]),
            "turn": turns["turn"],
        },
        schema=_PLACES,
    )


def _texts(block: Block) -> pl.DataFrame:
    return _places(block, block.turns).with_columns(block.turns["text"])


def _tags_of(block: Block) -> Iterator[tuple[int, int, str]]:
    for at, raw in enumerate(block.raws):
        for tag in tags_of(raw):
            yield block.source, block.indices[at], encodable(tag)


def find(dataset: Dataset, query: Query, report: Report | None = None) -> pl.DataFrame:
    """Where a query holds (see :meth:`Dataset.find`): a frame of the columns of ``HITS``, in file order."""
    rows = query.conversation_rows(dataset, report)
    if not query.names.isdisjoint(("code", "severity")):
        checked = dataset.check(baseline=False) if report is None else report
        table = checked.findings.table[query.finding_rows(checked)]
        return _with_texts(dataset, table.select(*_PLACES, pl.col("start", "end").cast(pl.Int64)))
    index = dataset.index
    keys = index.conversations.select(
        pl.col("source").cast(pl.Int32), pl.col("index").cast(pl.Int64)
    ).with_row_index("conversation")
    keys = keys[rows]
    if not query.patterns and not query.about_turns:
        return _with_texts(dataset, keys.select("source", "index"))
    turns = query.turns(dataset).join(keys, on="conversation", maintain_order="left")
    if not query.patterns:
        whole = turns.select(
            *_PLACES, pl.lit(0, dtype=pl.Int64).alias("start"), pl.col("chars").cast(pl.Int64).alias("end")
        )
        return _with_texts(dataset, whole)
    places = turns.select(list(_PLACES))
    blocks = (block for block in dataset.blocks() if block.turns.height)
    found = pl.concat(
        [pl.DataFrame(schema=HITS), *(_hits(block, query.patterns, places) for block in blocks)]
    )
    # A word that stands in the title or id alone is a hit, too: the conversation's.
    titled = keys.join(found, on=["source", "index"], how="anti", maintain_order="left")
    titles = _with_texts(dataset, titled.select("source", "index"))
    return pl.concat([found, titles]).sort("source", "index", "turn", "start", "end", maintain_order=True)


def _hits(block: Block, patterns: Sequence[str], places: pl.DataFrame) -> pl.DataFrame:
    """The stretches of text in a block at which one of the patterns is found, among some turns."""
    matches = [block.turns["text"].str.contains(pattern) for pattern in patterns]
    flagged = block.turns.select("conversation", "turn", "text").with_columns(
        pl.Series(str(n), flags) for n, flags in enumerate(matches)
    )
    flagged = flagged.filter(pl.any_horizontal(*map(str, range(len(patterns)))))
    spots = _places(block, flagged).with_row_index("row").join(places, on=list(_PLACES), how="semi")
    flagged = flagged[spots["row"].sort()]
    if not flagged.height:
        return pl.DataFrame(schema=HITS)
    spans: list[set[tuple[int, int]]] = [set() for _ in range(flagged.height)]
    for n, pattern in enumerate(patterns):
        hit = flagged.with_row_index("row").filter(pl.col(str(n)))
        for row, found in zip(hit["row"].to_list(), _spans(hit["text"], pattern), strict=True):
            spans[row].update(found)
    lines = []
    for (at, turn, text), places_in in zip(
        flagged.select("conversation", "turn", "text").iter_rows(), spans, strict=True
    ):
        for start, end in sorted(places_in):
            excerpt = text[max(0, start - _AROUND) : end + _AROUND]
            lines.append(
                (encodable(block.ids[at]), block.source, block.indices[at], turn, start, end, excerpt)
            )
    return pl.DataFrame(lines, schema=HITS, orient="row")


def _spans(texts: pl.Series, pattern: str) -> list[list[tuple[int, int]]]:
    """Where a pattern is found in each text, as Rust sees it; the whole text where that is nowhere in particular."""
    free = (mark for mark in _MARKS if not texts.str.contains(mark, literal=True).any())
    begin, end = next(free, None), next(free, None)
    if begin is None or end is None:
        return [[(0, len(text))] for text in texts.to_list()]
    marked = texts.str.replace_all(pattern, f"{begin}${{0}}{end}")
    return [list(_marked_spans(text, begin, end)) or [(0, 0)] for text in marked.to_list()]


def _marked_spans(text: str, begin: str, end: str) -> Iterator[tuple[int, int]]:
    first, *pieces = text.split(begin)
    at = len(first)
    for piece in pieces:
        hit, _, rest = piece.partition(end)
        if hit:
            yield at, at + len(hit)
        at += len(hit) + len(rest)


def _with_texts(dataset: Dataset, places: pl.DataFrame) -> pl.DataFrame:
    """Places with the id of their conversation and the beginning of what stands there."""
    names = dataset.index.conversations.select(
        pl.col("source").cast(pl.Int32), pl.col("index").cast(pl.Int64), "id", "title"
    )
    frame = places.join(names, on=["source", "index"], how="left", maintain_order="left")
    if "turn" not in frame.columns:
        return frame.with_columns(
            *(pl.lit(None, dtype=HITS[name]).alias(name) for name in ("turn", "start", "end")),
            text=pl.col("title"),
        ).select(list(HITS))
    wanted = frame.select(list(_PLACES)).drop_nulls().unique()
    parts = [pl.DataFrame(schema={**_PLACES, "whole": pl.String})]
    if wanted.height:
        for block in dataset.blocks():
            if block.turns.height:
                turns = _places(block, block.turns).with_columns(block.turns["text"].alias("whole"))
                parts.append(turns.join(wanted, on=list(_PLACES), how="semi"))
    frame = frame.join(pl.concat(parts), on=list(_PLACES), how="left", maintain_order="left")
    start, length = pl.col("start"), pl.col("end") - pl.col("start")
    first = pl.max_horizontal(start - _AROUND, pl.lit(0))
    around = pl.col("whole").str.slice(first, start - first + length + _AROUND)
    chars = pl.col("whole").str.len_chars().cast(pl.Int64)
    whole = (length == 0) | (length >= chars)
    return frame.with_columns(
        start=pl.when(pl.col("turn").is_null()).then(None).otherwise(start),
        end=pl.when(pl.col("turn").is_null()).then(None).otherwise(pl.col("end")),
        text=pl.when(pl.col("turn").is_null())
        .then(pl.col("title"))
        .when(whole)
        .then(pl.col("whole").str.slice(0, _BEGINNING))
        .otherwise(around)
        .fill_null(""),
    ).select(list(HITS))
