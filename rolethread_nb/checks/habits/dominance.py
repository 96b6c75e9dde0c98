"""Rules about one prompt, speaker, beginning or tag that stands for most of the dataset."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from ...core.blocks import Block
from ...core.model import tags_of
from ...core.turns import encodable
from ...core.word_table import word_spans
from ..rule import RELATED_LIMIT, DatasetFinding, Page, Rule
from .lengths import prompts_of
from .replied import exchange, records, reply_rows

_WORDS = 3  # words of a beginning
_LONG = 80  # characters of a prompt that are shown
_KEPT = (
    3  # values of a block whose wording is kept: one that has over half of all is among those of some block
)
_NAMES = {
    "prompt": "The system prompt",
    "speaker": "The speaker",
    "opening": "The beginning",
    "tag": "The tag",
}
_SCHEMA = {"at": pl.UInt32, "value": pl.UInt64, "shown": pl.String}


class _Dominance:
    """Collects one number a conversation and facet; the wording is kept of what is frequent in a block."""

    def __init__(self, share: float, most: float, values: float, conversations: float) -> None:
        self._share, self._most, self._values, self._fewest = share, most, values, conversations
        self._parts: dict[str, list[pl.DataFrame]] = {name: [] for name in _NAMES}
        self._shown: dict[str, dict[int, str]] = {name: {} for name in _NAMES}

    def partial(self, block: Block) -> None:
        if not block.turns.height:
            return
        facets = {
            "prompt": _prompts(block),
            "speaker": _speakers(block),
            "opening": _openings(block),
            "tag": _tags(block),
        }
        for name, found in facets.items():
            fresh = found.filter(pl.Series(block.fresh[found["at"].to_numpy()])) if found.height else found
            if not fresh.height:
                continue
            often = fresh.group_by("value").agg(pl.len(), pl.col("shown").first()).top_k(_KEPT, by="len")
            self._shown[name].update(often.select("value", "shown").iter_rows())
            self._parts[name].append(
                fresh.select(
                    pl.lit(block.source, pl.Int32).alias("source"),
                    pl.Series("index", block.indices, dtype=pl.Int64).gather(fresh["at"]),
                    "value",
                )
            )

    def finish(self) -> list[DatasetFinding]:
        found = (self._finding(name, pl.concat(parts)) for name, parts in self._parts.items() if parts)
        return [one for one in found if one is not None]

    def _finding(self, name: str, rows: pl.DataFrame) -> DatasetFinding | None:
        conversations = rows.select("source", "index").n_unique()
        counts = rows["value"].value_counts().sort("count", "value", descending=[True, False])
        value, count = counts.row(0)
        share = count / conversations
        if (
            conversations < self._fewest
            or len(counts) < self._values
            or not self._share < share <= self._most
        ):
            return None
        parts = counts["count"].to_numpy() / counts["count"].sum()
        evidence = {
            "facet": name,
            "value": self._shown[name].get(value, ""),
            "count": count,
            "conversations": conversations,
            "share": round(share, 3),
            "threshold": self._share,
            "values": len(counts),
            "effective": round(float(np.exp(-(parts * np.log(parts)).sum())), 1),
        }
        behind = rows.filter(pl.col("value") == value).select("source", "index").head(RELATED_LIMIT)
        return DatasetFinding(evidence, behind.rows())


def _prompts(block: Block) -> pl.DataFrame:
    system = block.turns.filter(
        pl.col("role").is_in(["system", "developer"]).fill_null(False) & (pl.col("words") > 0)
    )
    first = system.unique("conversation", keep="first", maintain_order=True)
    return pl.DataFrame(
        {
            "at": first["conversation"],
            "value": pl.Series(prompts_of(block), dtype=pl.UInt64).gather(first["conversation"]),
            "shown": first["text"].str.slice(0, _LONG),
        }
    )


def _speakers(block: Block) -> pl.DataFrame:
    named = block.turns.filter(pl.Series(reply_rows(block)) & pl.col("speaker").is_not_null())
    pairs = named.select("conversation", "speaker").unique(maintain_order=True)
    return pl.DataFrame(
        {"at": pairs["conversation"], "value": pairs["speaker"].hash(1), "shown": pairs["speaker"]}
    )


def _openings(block: Block) -> pl.DataFrame:
    """The first words of each conversation, the system prompt left out."""
    said = block.turns.select("conversation", "text", value=pl.Series(block.words.openings(_WORDS))).filter(
        ~block.turns["role"].is_in(["system", "developer"]).fill_null(False)
    )
    first = said.unique("conversation", keep="first", maintain_order=True).filter(pl.col("value") != 0)
    return first.select(at="conversation", value="value", shown="text")


def _first_words(text: str) -> str:
    spans = word_spans(text)[:_WORDS]
    return text[spans[0].start : spans[-1].end] if spans else ""


def _tags(block: Block) -> pl.DataFrame:
    pairs = [(at, encodable(tag)) for at, raw in enumerate(block.raws) for tag in dict.fromkeys(tags_of(raw))]
    frame = pl.DataFrame(pairs, schema={"at": pl.UInt32, "shown": pl.String}, orient="row")
    return frame.select("at", pl.col("shown").hash(1).alias("value"), "shown")


def _says(evidence: dict[str, Any]) -> str:
    shown = _first_words(evidence["value"]) if evidence["facet"] == "opening" else evidence["value"]
    return (
        f"{_NAMES[evidence['facet']]} “{shown}” has {evidence['share']:.0%} of {evidence['conversations']:,} conversations; there are"
        f" {evidence['values']:,}, as good as {evidence['effective']:g} of equal size"
    )


_MANY = [
    exchange(f"{n} boats are there?", f"{n} boats.", f"You keep the log of harbour {n}.") for n in range(20)
]
_ONE = [
    exchange(f"{n} ships are there?", f"{n} ships.", "You are the keeper of the lighthouse.")
    for n in range(30)
]

RULES: tuple[Rule, ...] = (
    Rule(
        code="balance.dominant",
        severity="info",
        scope="dataset",
        title="One stands for most",
        wave=_Dominance,
        thresholds={"share": 0.5, "most": 0.95, "values": 3, "conversations": 30},
        says=_says,
        page=Page(
            "Finds one system prompt, one speaker of replies (its name), one beginning (the first 3 words that anybody says) or one tag that over half of the"
            " conversations (share) have, where there are at least 3 (values) in at least 30 conversations. Beside it stands the effective number: so many of"
            " equal size would be as varied (the exponential of the entropy). Over 95 % (most) it is what the dataset is about, and nothing is reported."
            " Conversations that occur again count once.",
            "What fills half of the data becomes the model's answer to everything else.",
            'Of 500 conversations 400 are with "Captain Mara"; twenty other characters share the rest.',
            "There is no automatic repair. Leave some of them out, or add others.",
        ),
        fires=(records(*_MANY, *_ONE),),
        silent=(records(*_MANY, *_ONE[:15]), records(*_ONE), records(*_MANY), records(*_MANY[:5], *_ONE[:6])),
    ),
)
