"""Rules about the tense in which a story is told."""

from __future__ import annotations

import re

import polars as pl

from ...language.packs import Pack, pack
from ...language.verb_forms import pasts, third, verbs
from ..rule import Evidence, Page, Rule
from .drift import Drift
from .narrated import words_pattern

_WAYS = ("past", "present")


def _patterns(words: Pack) -> tuple[str, str]:
    """Verbs in the past and in the present: behind a pronoun that is their subject, or joined to such a verb by ``and``."""
    between = f"(?:(?:\\w+ly|{words_pattern(words.get('narration', 'between'))})\\s+)?"
    ambiguous = set(words.get("verbs", "ambiguous"))
    every = [
        verb
        for verb in verbs(words, "action", "decision", "feeling", "speech", "perception", "other")
        if " " not in verb
    ]
    clear = [verb for verb in every if verb not in ambiguous]
    past = words_pattern([form for verb in ["be", *clear] for form in pasts(verb, words)])
    # A verb of five letters or more in -ed is past whether the pack has it or not; "need" and "feed" are none.
    past = f"{past}|\\w{{2,}}[^\\We]ed"
    shown = words_pattern(["is", "does", *(third(verb) for verb in every)])
    base = words_pattern(["am", "are", *clear])
    return (
        rf"(?i)\b(?:(?:he|she|it|they|i|you|we|who)\s+{between}|and\s+)(?:{past})\b",
        rf"(?i)\b(?:(?:(?:he|she|it|who)\s+{between}|and\s+)(?:{shown})|(?:i|you|we|they)\s+{between}(?:{base}))\b|\bI'm\b|\b(?:he|she)'s\b",
    )


class _Tense(Drift):
    """Counts finite verbs in the past and in the present in narration."""

    def __init__(self, share: float, turns: float, hits: float, decided: float) -> None:
        past, present = _patterns(pack("en"))

        def decide(told: pl.DataFrame) -> pl.DataFrame:
            read = pl.col("told").str.replace_all("’", "'", literal=True)
            counted = told.with_columns(
                past=read.str.count_matches(past), present=read.str.count_matches(present)
            )
            most, total = pl.max_horizontal("past", "present"), pl.col("past") + pl.col("present")
            way = (
                pl.when(pl.col("past") > pl.col("present")).then(pl.lit("past")).otherwise(pl.lit("present"))
            )
            clear = (most >= hits) & (most >= decided * total)
            return counted.with_columns(way=pl.when(clear).then(way), hits=most)

        marks = {"past": re.compile(past), "present": re.compile(present)}
        super().__init__(_WAYS, decide, marks, {"threshold": int(hits), "decided": decided}, share, turns)


def _says(evidence: Evidence) -> str:
    told = f"Told in the {evidence['way']} tense"
    if evidence["against"] == "dataset":
        return f"{told}; {evidence['share']:.0%} of the dataset is told in the {evidence['other']} tense"
    return f"{told}, while turn {evidence['other_turn']} is told in the {evidence['other']} tense"


def _scene(*replies: str) -> list[dict[str, str]]:
    return [
        {"role": role, "content": content}
        for reply in replies
        for role, content in (("user", "Go on."), ("assistant", reply))
    ]


_PAST = '"Wait," she said. She took her coat, and she ran after him. He laughed.'
_PRESENT = '"Wait," she says. She takes her coat, and she runs after him. He laughs.'

RULES: tuple[Rule, ...] = (
    Rule(
        code="style.tense_drift",
        severity="info",
        scope="turn",
        title="The story changes its tense",
        wave=_Tense,
        thresholds={"hits": 3, "decided": 0.8, "share": 0.85, "turns": 20},
        says=_says,
        where="content",
        preview=True,
        page=Page(
            "Finds replies told in the past tense in a conversation whose other replies are told in the present, or the other way round. Only"
            " English narration counts, marked or in plain prose that tells a scene. A reply is decided by three verbs (threshold hits) behind a pronoun or joined to one by and, four fifths of"
            " them (decided) in one tense; forms that may be either (put, read, cut) are left out. A conversation in the other tense than 85 %"
            " (share) of at least 20 decided turns (turns) of the dataset is named as well.",
            "The model learns to change tense within a scene.",
            "“She took the coat.” in one reply, “She takes the coat.” in the next.",
        ),
        fires=(
            _scene(_PAST, _PRESENT),
            _scene(
                "*He sits and reads. He nods, and he smiles.* Hm.",
                "*He sat and slept. He woke, and he ate.* Hm.",
            ),
            _scene(
                "She waits. She opens the door. She looks out.",
                "She waited. She opened the door. She looked out.",
            ),
        ),
        silent=(
            _scene(_PAST, _PAST.replace("coat", "hat")),
            _scene(
                '"I saw it, I took it, I ate it," she says. She nods and she laughs.',
                '"Oh," he says. He sits, he thinks, and he waits.',
            ),
            _scene(
                "She is a nurse. She works. She likes tea.", "She was a nurse. She worked. She liked tea."
            ),
            _scene(
                "*I put it down. I cut it. I let it be.* Hm.",
                "*She puts it down. She cuts it. She sits.* Hm.",
            ),
        ),
    ),
)
