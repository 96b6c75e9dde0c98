"""Rules about the person in which a story is told."""

from __future__ import annotations

import re

import polars as pl

from ...core.model import Severity
from ...language.packs import pack
from ...language.speech import ACTION
from ..rule import Evidence, Page, Rule
from .drift import Drift
from .narrated import words_pattern

_WAYS = ("first", "third")
_PERSON = {"first": "first person (I)", "third": "third person (he, she)"}
_THOUGHT = f"(?m){ACTION}"


def _any_case(words: list[str]) -> list[str]:
    """Words as they stand inside a sentence and at its beginning; ``I`` is never small."""
    return [form for word in words for form in dict.fromkeys((word, word.capitalize()))]


class _Viewpoint(Drift):
    """Counts pronouns of the first and of the third person in narration.

    A story in the first person is full of others, so three of its pronouns decide; one in the third person never says I outside of speech.
    """

    def __init__(self, share: float, turns: float, hits: float) -> None:
        words = pack("en")
        first, third, subjects = (
            rf"\b(?:{words_pattern(_any_case(words.get('narration', name)))})\b"
            for name in ("first", "third", "third_subjects")
        )

        ours = rf"(?i)\b(?:{words_pattern(words.get('narration', 'first_plural'))})\b"

        def decide(told: pl.DataFrame) -> pl.DataFrame:
            counted = told.with_columns(
                first=_narrator(told).str.count_matches(first),
                third=pl.col("told").str.count_matches(third),
                subjects=pl.col("told").str.count_matches(subjects),
                ours=pl.col("told").str.contains(ours),
            )
            way = (
                pl.when(pl.col("first") >= hits)
                .then(pl.lit("first"))
                .when(
                    (pl.col("first") == 0)
                    & ~pl.col("ours")
                    & (pl.col("third") >= hits)
                    & (pl.col("subjects") > 1)
                )
                .then(pl.lit("third"))
            )
            return counted.with_columns(way=way).with_columns(
                hits=pl.when(pl.col("way") == "first").then("first").otherwise("third")
            )

        marks = {"first": re.compile(first), "third": re.compile(subjects)}
        super().__init__(_WAYS, decide, marks, {"threshold": int(hits)}, share, turns)


def _narrator(told: pl.DataFrame) -> pl.Series:
    """The narration without what stands in asterisks where other narration stands around it: thoughts, which say I in any story."""
    outside = told["told"].str.replace_all(_THOUGHT, " ")
    return pl.DataFrame({"all": told["told"], "outside": outside}).select(
        pl.when(pl.col("outside").str.contains(r"\w\W+\w")).then("outside").otherwise("all")
    )["outside"]


def _severity(evidence: Evidence) -> Severity:
    return "info" if evidence.get("against") == "dataset" else "warning"


def _says(evidence: Evidence) -> str:
    told = f"Told in the {_PERSON[evidence['way']]}"
    if evidence["against"] == "dataset":
        return f"{told}; {evidence['share']:.0%} of the dataset is told in the {_PERSON[evidence['other']]}"
    return f"{told}, while turn {evidence['other_turn']} is told in the {_PERSON[evidence['other']]}"


def _scene(*replies: str) -> list[dict[str, str]]:
    return [
        {"role": role, "content": content}
        for reply in replies
        for role, content in (("user", "Go on."), ("assistant", reply))
    ]


_FIRST = '"Wait," I said. I took my coat, and I ran after him.'
_THIRD = '"Wait," she said. She took her coat, and she ran after him.'

RULES: tuple[Rule, ...] = (
    Rule(
        code="style.pov_drift",
        severity="warning",
        scope="turn",
        title="The teller changes person",
        wave=_Viewpoint,
        thresholds={"hits": 3, "share": 0.85, "turns": 20},
        severity_of=_severity,
        says=_says,
        where="content",
        preview=True,
        page=Page(
            "Finds replies that tell in the first person (I) in a conversation whose other replies tell in the third (he, she), or the other way"
            " round. Only English narration counts: what stands outside quotation marks, or between asterisks where nothing is quoted, and replies"
            " without either that tell a scene (in the first person, where another reply of the conversation tells as well). A reply is"
            " decided by three pronouns (threshold hits): I, me, my for the first person; he, she and their forms, with no I and no we at all, for the third."
            " A conversation in the other person than 85 % (share) of at least 20 decided turns (turns) of the dataset is a note.",
            "The model learns to change person at random, and slips out of its character.",
            "“I take your hand.” in one reply, “She takes your hand.” in the next.",
        ),
        fires=(
            _scene(_FIRST, _THIRD),
            _scene("*I nod. I sit, and I smile.* Hm.", "*She nods. She sits, and she smiles.* Hm."),
            _scene("I wait. I sit down. I yawn.", "She waits. She sits down. She yawns."),
        ),
        silent=(
            _scene(_FIRST, _FIRST.replace("coat", "hat")),
            _scene(
                '"I came, I saw, I won," he said. He laughed, and he left.',
                '"I will," he said. He turned, and he went.',
            ),
            _scene(
                "I like tea. I drink it in bed. I have my own cup.",
                "She is a nurse. She likes tea. Her cup is blue.",
            ),
        ),
    ),
)
