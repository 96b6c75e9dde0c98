"""The turn table: one row a message, the one thing that every rule and every chart reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from ..sources.formats import Reading
from ..sources.roles import NO_LABEL, Label, Role, fits_position, understand
from .model import KNOWN_KEYS, WORD_PATTERN, has_calls, kind_of, part_problem, text_of

SCHEMA: dict[str, Any] = {
    "conversation": pl.UInt32,
    "turn": pl.Int32,
    "role": pl.String,
    "role_raw": pl.String,
    "speaker": pl.String,
    "text": pl.String,
    "kind": pl.String,
    "calls": pl.Boolean,
    "alias": pl.Boolean,
    "weight": pl.Float64,
    "trained": pl.Boolean,
}

# Quoted speech in the quotation marks of the scripts at hand: straight, curly, guillemets, low-high, CJK corners.
_QUOTED = (
    '"[^"\\n]*"|\u201c[^\u201d\\n]*\u201d|\u201e[^\u201c\u201d\\n]*[\u201c\u201d]|\u00ab[^\u00bb\\n]*\u00bb|\u00bb[^\u00ab\\n]*\u00ab'
    "|\u300c[^\u300d]*\u300d|\u300e[^\u300f]*\u300f"
)
_MISSING = object()


class TurnRows:
    """Collects the turns of a block of conversations as columns.

    ``notes`` are facts that no column holds: ``(row, code, detail)`` for a message that is no object, a content part of an
    unknown type, a key that no format knows.
    """

    def __init__(self, roles: Mapping[str, Role]) -> None:
        self._roles = roles
        self._labels: dict[tuple[bool, str], Label] = {}
        self._columns: dict[str, list[Any]] = {name: [] for name in SCHEMA}
        self.notes: list[tuple[int, str, dict[str, Any]]] = []

    def __len__(self) -> int:
        return len(self._columns["turn"])

    def add(self, conversation: int, reading: Reading) -> int:
        """Append the turns of one conversation; returns how many."""
        c = self._columns
        count = 0
        if reading.system is not None:
            self._append(conversation, 0, Label("system"), "system", None, reading.system, "text", False, 1.0)
            count = 1
        role_key, text_key = reading.role_keys[0], reading.text_keys[0]
        for raw in reading.turns:
            if type(raw) is not dict:
                self._append(conversation, count, NO_LABEL, None, None, "", "not_object", False, None)
                count += 1
                continue
            label_text = raw.get(role_key)
            if type(label_text) is not str:
                label_text = next((raw[k] for k in reading.role_keys if type(raw.get(k)) is str), None)
            content = raw.get(text_key, _MISSING)
            if content is _MISSING:
                content = next((raw[key] for key in reading.text_keys if key in raw), None)
            label = NO_LABEL if label_text is None else self._meaning(label_text, reading)
            if label.by_position and label.role is not None:
                previous = c["role"][-1] if count else None
                label = label if fits_position(label.role, count, previous) else NO_LABEL
            if type(content) is str and len(raw) == 2:
                c["conversation"].append(conversation)
                c["turn"].append(count)
                c["role"].append(label.role)
                c["role_raw"].append(label_text)
                c["speaker"].append(None)
                c["text"].append(content)
                c["kind"].append(kind_of(content, label.role, label_text, raw))
                c["calls"].append(False)
                c["alias"].append(label.alias)
                c["weight"].append(None)
                c["trained"].append(label.role == "assistant")
                if label_text is None:
                    self._note_strays(raw)
            else:
                name = raw.get("name")
                weight = _weight(raw)
                kind = kind_of(content, label.role, label_text, raw)
                if type(content) is list:
                    self._note_parts(content)
                self._note_strays(raw)
                self._append(
                    conversation,
                    count,
                    label,
                    label_text,
                    name if isinstance(name, str) and name else None,
                    text_of(content),
                    kind,
                    has_calls(raw),
                    weight,
                )
            count += 1
        return count

    def _meaning(self, text: str, reading: Reading) -> Label:
        key = (bool(reading.own), text)
        if (label := self._labels.get(key)) is None:
            label = self._labels[key] = understand(text, {**reading.own, **self._roles})
        return label

    def _append(
        self,
        conversation: int,
        turn: int,
        label: Label,
        role_raw: str | None,
        speaker: str | None,
        text: str,
        kind: str,
        calls: bool,
        weight: float | None,
    ) -> None:
        row = (
            conversation,
            turn,
            label.role,
            role_raw,
            speaker,
            text,
            kind,
            calls,
            label.alias,
            weight,
            label.role == "assistant" and weight != 0,
        )
        for column, value in zip(self._columns.values(), row, strict=True):
            column.append(value)

    def _note_strays(self, raw: dict[Any, Any]) -> None:
        for key, value in raw.items():
            if key not in KNOWN_KEYS and value is not None:
                self.notes.append((len(self), "turn.stray_key", {"key": key}))

    def _note_parts(self, parts: list[Any]) -> None:
        for part in parts:
            if (problem := part_problem(part)) is not None:
                self.notes.append((len(self), *problem))

    def frame(self) -> pl.DataFrame:
        """The table, with the measures of each turn: characters, words, share of quoted speech."""
        columns = self._columns
        try:
            frame = pl.DataFrame(columns, schema=SCHEMA)
        except (UnicodeEncodeError, pl.exceptions.PolarsError, TypeError):
            # A lone surrogate cannot be held as UTF-8; one U+FFFD for each keeps every position.
            clean = {
                name: [clean_text(v) if isinstance(v, str) else v for v in values]
                for name, values in columns.items()
            }
            frame = pl.DataFrame(clean, schema=SCHEMA)
        text = pl.col("text")
        return frame.with_columns(
            chars=text.str.len_chars(),
            words=text.str.count_matches(WORD_PATTERN),
        )


def quote_share() -> pl.Expr:
    """Share of a turn's characters that stand in quotation marks, 0 to 1; 0 for an empty turn."""
    text = pl.col("text")
    quoted = text.str.extract_all(_QUOTED).list.join("").str.len_chars()
    return (quoted / pl.max_horizontal(text.str.len_chars(), pl.lit(1))).alias("quote_share")


def clean_text(text: str) -> str:
    """``text`` with one U+FFFD for each lone surrogate, so that it can be encoded."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


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
