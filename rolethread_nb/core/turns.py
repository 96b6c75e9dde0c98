"""The turn table: one row a message, the one thing that every rule and every chart reads.

Most messages are ``{"role": text, "content": text}`` and nothing else. Their labels and texts are collected as two lists
and everything else about them is worked out column by column; only the others are looked at one by one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from ..language.speech import QUOTED
from ..sources.decoding import clean_text, key_count
from ..sources.reading import Reading, Slot
from ..sources.roles import Role, fits_position, understand
from .marks import MARKS, marks_of
from .model import (
    IDEOGRAPHS,
    KNOWN_KEYS,
    UNSPACED,
    WORD_PATTERN,
    content_key_of,
    has_calls,
    kind_of,
    part_problem,
    slot_kind,
    text_of,
)

SCHEMA: dict[str, Any] = {
    "conversation": pl.UInt32,
    "turn": pl.Int32,
    "role": pl.String,
    "role_raw": pl.String,
    "speaker": pl.String,
    "side": pl.String,
    "prompt_only": pl.Boolean,
    "text": pl.String,
    "kind": pl.String,
    "calls": pl.Boolean,
    "alias": pl.Boolean,
    "weight": pl.Float64,
    "trained": pl.Boolean,
    "chars": pl.UInt32,
    "marks": pl.UInt16,
    "odd": pl.Boolean,
    "words": pl.UInt32,
}


class _Meanings(dict[str, Role | None]):
    """Role by label, worked out once a label."""

    def __init__(self, own: Mapping[str, Role]) -> None:
        self._own = dict(own)
        self.aliases: set[str] = set()
        self.by_position: set[str] = set()

    def __missing__(self, label: str) -> Role | None:
        meant = understand(label, self._own)
        if meant.alias:
            self.aliases.add(label)
        if meant.by_position:
            self.by_position.add(label)
        self[label] = meant.role
        return meant.role


class TurnRows:
    """Collects the turns of a block of conversations.

    ``notes`` are facts that no column holds: ``(row, code, detail)`` for a content part of an unknown type, a key that no format
    knows.
    """

    def __init__(self, roles: Mapping[str, Role]) -> None:
        self._user_roles = roles
        self._counts: list[int] = []
        self._meanings: dict[tuple[tuple[str, Role], ...], _Meanings] = {}
        self._labels: list[str | None] = []
        self._roles: list[Role | None] = []
        self._aliases: list[int] = []
        self._texts: list[str] = []
        self._named: dict[int, list[str | None]] = {}
        self._sides: dict[int, str] = {}
        self._prompts_only: list[int] = []
        self._odd: list[tuple[int, str | None, str, bool, float | None]] = []
        self.notes: list[tuple[int, str, dict[str, Any]]] = []

    def __len__(self) -> int:
        return len(self._texts)

    def add(self, reading: Reading) -> int:
        """Append the turns of the next conversation. Returns how many keys its messages have.

        Raises:
            TooDeepError: if one of them is nested too deeply; nothing is appended then.
        """
        meanings = self._meanings_of(reading)
        if reading.slots is not None:
            return self._add_slots(reading, reading.slots, meanings)
        turns = reading.turns
        clean = _clean_columns(turns, reading.role_keys[0], reading.text_keys[0])
        keys = sum([key_count(raw, 3) for raw in turns]) if clean is None else sum(map(len, turns))
        before = len(self._texts)
        if reading.system is not None:
            self._labels.append("system")
            self._texts.append(reading.system)
        if clean is None:
            for raw in turns:
                self._add_one(raw, reading)
        else:
            labels, texts, names = clean
            if names is not None:
                self._named[len(self._texts)] = names
            self._labels += labels
            self._texts += texts
        added = self._labels[before:]
        self._roles += [None if label is None else meanings[label] for label in added]
        if meanings.aliases and not meanings.aliases.isdisjoint(added):
            self._mark_aliases(before, meanings)
        self._counts.append(len(self._texts) - before)
        return keys

    def _meanings_of(self, reading: Reading) -> _Meanings:
        own = tuple(reading.own.items())
        if (meanings := self._meanings.get(own)) is None:
            meanings = self._meanings[own] = _Meanings({**reading.own, **self._user_roles})
        return meanings

    def _add_slots(self, reading: Reading, slots: Sequence[Slot], meanings: _Meanings) -> int:
        """Append turns that have their own places in the record. Returns 0: the caller counts the keys of the whole record."""
        for raw in reading.turns:
            if type(raw) is dict or type(raw) is list:
                key_count(raw, 3)
        before = len(self._texts)
        if reading.prompt_only:
            self._prompts_only.append(len(self._counts))
        given: list[Role | None] = []
        for raw, slot in zip(reading.turns, slots, strict=True):
            row = len(self._texts)
            if slot.side is not None:
                self._sides[row] = slot.side
            if slot.label is None:
                self._add_one(raw, reading)
                given.append(None)
                continue
            given.append(slot.role)
            self._labels.append(slot.label)
            if slot.name is not None:
                self._named[row] = [slot.name]
            if slot.parts:
                self._texts.append(raw if type(raw) is str else slot.text())
                continue
            if type(raw) is list:
                self._note_parts(row, raw)
            self._texts.append(text_of(raw))
            self._odd.append((row, None, slot_kind(slot, raw), False, None))
        for label, role in zip(self._labels[before:], given, strict=True):
            if role is not None and label is not None:
                self._roles.append(self._user_roles.get(label, role))
            else:
                self._roles.append(None if label is None else meanings[label])
        if meanings.aliases and not meanings.aliases.isdisjoint(self._labels[before:]):
            self._mark_aliases(before, meanings, given)
        self._counts.append(len(self._texts) - before)
        return 0

    def _mark_aliases(self, before: int, meanings: _Meanings, given: Sequence[Role | None] = ()) -> None:
        """Note other spellings; a word that names a role only in its place is judged in its place."""
        for row in range(before, len(self._labels)):
            label, role = self._labels[row], self._roles[row]
            if label not in meanings.aliases or role is None or (given and given[row - before] is not None):
                continue
            previous = self._roles[row - 1] if row > before else None
            if label in meanings.by_position and not fits_position(role, row - before, previous):
                self._roles[row] = None
            else:
                self._aliases.append(row)

    def _add_one(self, raw: Any, reading: Reading) -> None:
        row = len(self._texts)
        if type(raw) is not dict:
            self._labels.append(None)
            self._texts.append("")
            self._odd.append((row, None, "not_object", False, None))
            return
        label = next((raw[key] for key in reading.role_keys if type(raw.get(key)) is str), None)
        key = content_key_of(raw, reading.text_keys)
        content = None if key is None else raw[key]
        name = raw.get("name")
        self._note_strays(row, raw, reading)
        if type(content) is list:
            self._note_parts(row, content)
        self._labels.append(label)
        self._texts.append(text_of(content))
        kind = kind_of(content, None, label, raw)
        speaker = name if isinstance(name, str) and name else None
        self._odd.append((row, speaker, kind, has_calls(raw), _weight(raw)))

    def _note_strays(self, row: int, raw: dict[Any, Any], reading: Reading) -> None:
        for key, value in raw.items():
            if key in KNOWN_KEYS or value is None or key in reading.role_keys or key in reading.text_keys:
                continue
            self.notes.append((row, "turn.stray_key", {"key": key}))

    def _note_parts(self, row: int, parts: list[Any]) -> None:
        for part in parts:
            if (problem := part_problem(part)) is not None:
                self.notes.append((row, *problem))

    def _only_prompts(self) -> np.ndarray[Any, Any]:
        flags = np.zeros(len(self._counts), dtype=bool)
        flags[self._prompts_only] = True
        return flags

    def _side_column(self, height: int) -> pl.Series:
        if not self._sides:
            return pl.Series("side", [None], dtype=pl.String).new_from_index(0, height)
        sides: list[str | None] = [None] * height
        for row, side in self._sides.items():
            sides[row] = side
        return pl.Series("side", sides, dtype=pl.String)

    def frame(self) -> pl.DataFrame:
        """The table, with the measures of each turn: characters and words."""
        texts = self._texts
        if not texts:
            return pl.DataFrame(schema=SCHEMA)
        counts = np.array(self._counts, dtype=np.int64)
        starts = np.cumsum(counts) - counts
        alias = np.zeros(len(texts), dtype=bool)
        alias[self._aliases] = True
        text = _strings("text", texts)
        chars = text.str.len_chars()
        speakers: list[str | None] = [None] * len(texts)
        for row, names in self._named.items():
            speakers[row : row + len(names)] = names
        calls = np.zeros(len(texts), dtype=bool)
        weight: list[float | None] = [None] * len(texts)
        for row, name, _, calling, own in self._odd:
            speakers[row] = speakers[row] if name is None else name
            calls[row], weight[row] = calling, own
        words, marks = _counted(text)
        frame = pl.DataFrame(
            [
                pl.Series("conversation", np.repeat(np.arange(len(counts), dtype=np.uint32), counts)),
                pl.Series("turn", (np.arange(len(texts)) - np.repeat(starts, counts)).astype(np.int32)),
                pl.Series("role", self._roles, dtype=pl.String),
                _strings("role_raw", self._labels),
                _strings("speaker", speakers),
                self._side_column(len(texts)),
                pl.Series("prompt_only", np.repeat(self._only_prompts(), counts)),
                text,
                pl.Series("calls", calls),
                pl.Series("alias", alias),
                pl.Series("weight", weight, dtype=pl.Float64),
                chars.alias("chars"),
                marks,
                words,
            ]
        )
        trained = (
            (pl.col("role") == "assistant")
            & (pl.col("weight").fill_null(1.0) != 0)
            & (pl.col("side").fill_null("chosen") != "rejected")
        )
        kind, odd = self._kinds(frame)
        return frame.with_columns(kind, odd, trained=trained.fill_null(False)).select(list(SCHEMA))

    def _kinds(self, frame: pl.DataFrame) -> tuple[pl.Series, pl.Series]:
        """What sort of turn each is, and which are not plain messages; only those had to be asked."""
        called = pl.col("role_raw").is_in(["function_call", "tool_call"]).fill_null(False)
        result = (pl.col("role") == "tool").fill_null(False)
        kind = frame.select(
            pl.when(called)
            .then(pl.lit("call"))
            .when(result)
            .then(pl.lit("result"))
            .otherwise(pl.lit("text"))
            .alias("kind")
        )["kind"]
        odd = np.zeros(frame.height, dtype=bool)
        odd[[row for row, *_ in self._odd]] = True
        told = [(row, kind) for row, _, kind, _, _ in self._odd if kind != "text"]
        if told:
            kind = kind.scatter([row for row, _ in told], [kind for _, kind in told])
        return kind, pl.Series("odd", odd)


def _clean_columns(
    turns: list[Any], role_key: str, text_key: str
) -> tuple[list[str], list[str], list[str | None] | None] | None:
    """Labels, texts and names of the turns, if each is an object of exactly a role, a text and perhaps a name."""
    try:
        labels = [turn[role_key] for turn in turns]
        texts = [turn[text_key] for turn in turns]
    except (KeyError, TypeError):
        return None
    if not set(map(type, labels)) <= _STR or not set(map(type, texts)) <= _STR:
        return None
    keys = sum(map(len, turns))
    if keys == 2 * len(turns):
        return labels, texts, None
    names = [turn.get("name") for turn in turns]
    named = [name for name in names if type(name) is str and name]
    return (labels, texts, names) if keys == 2 * len(turns) + len(named) else None


def _strings(name: str, values: list[Any]) -> pl.Series:
    try:
        return pl.Series(name, values, dtype=pl.String)
    except UnicodeEncodeError:  # a lone surrogate cannot be held as UTF-8; U+FFFD keeps every position
        return pl.Series(name, [None if v is None else encodable(v) for v in values], dtype=pl.String)


def _counted(texts: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Words of each turn, by the rule of ``model.WORD_PATTERN``, and its marks.

    Where only the blanks of ASCII part words, the starts of words are found in the bytes of the whole block at once.
    """
    lengths = texts.str.len_bytes().to_numpy().astype(np.int64)
    data = texts.str.join("\n").cast(pl.Binary).item() + b"\n"
    visible = np.frombuffer(data, dtype=np.uint8) > _LAST_BLANK
    begins = visible.copy()
    np.greater(visible[1:], visible[:-1], out=begins[1:])
    first = np.cumsum(lengths + 1) - lengths - 1
    counts = np.add.reduceat(begins.view(np.uint8), first, dtype=np.uint32)
    marks = marks_of(data, lengths)
    apart = marks & np.uint16(MARKS["apart"]) != 0
    apart[apart] = texts.filter(apart).str.contains(_PARTED_OTHERWISE).to_numpy()
    if apart.any():
        counts[apart] = texts.filter(apart).str.count_matches(WORD_PATTERN).to_numpy()
    return pl.Series("words", counts), pl.Series("marks", marks)


def quote_share() -> pl.Expr:
    """Share of a turn's characters that stand in quotation marks, 0 to 1; 0 for an empty turn."""
    text = pl.col("text")
    quoted = text.str.extract_all(QUOTED).list.join("").str.len_chars()
    return (quoted / pl.max_horizontal(text.str.len_chars(), pl.lit(1))).alias("quote_share")


def encodable(text: str) -> str:
    """``text`` itself, or with one U+FFFD for each lone surrogate where it holds any."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return clean_text(text)
    return text


def _weight(raw: dict[Any, Any]) -> float | None:
    value = raw.get("weight", raw.get("train"))
    return float(value) if isinstance(value, int | float) and abs(value) < 1e300 else None


_STR = {str}
_LAST_BLANK = 32  # in ASCII, the space and everything below it stand between words
# Blanks beyond ASCII, and scripts without any.
_PARTED_OTHERWISE = f"[\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000{IDEOGRAPHS}{UNSPACED}]"
