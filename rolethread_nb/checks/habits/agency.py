"""Rules about replies that act or speak for the user."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from ...core.blocks import Block
from ...core.model import Conversation, Severity, Span
from ...language.packs import pack
from ..rule import RELATED_LIMIT, DatasetFinding, Evidence, Page, Rule
from . import speaking
from .deeds import Deeds, Reader
from .narrated import asks_for_second_person, told_replies, user_names

_MACROS = ["{{user}}", "{{ user }}", "<USER>"]
_SHOWN = 5  # so many sentences are kept in the evidence


class _Agency:
    """Reads the narration of replies; where most of them act for the user, or are asked to, it is said once of the dataset."""

    def __init__(self, sentences: float, share: float, convention: float, turns: float) -> None:
        self._sentences, self._share = sentences, share
        self._convention, self._fewest = convention, turns
        self._reader = Reader(pack("en"))
        self._found: list[DatasetFinding] = []
        self._asked: list[tuple[int, int, int]] = []
        self._told = self._acting = 0

    def partial(self, block: Block) -> None:
        told = told_replies(block)
        if not told.height:
            return
        self._told += int(told["fresh"].sum())
        holds_you = pl.col("told").str.contains(self._reader.hint) | pl.col("told").str.contains_any(_MACROS)
        by_name = _with_a_name_of_the_user(block, told)
        may = told.filter(holds_you | pl.col("row").is_in(by_name["row"].implode()))
        for conversation, turns in may.group_by("conversation", maintain_order=True):
            self._look(block, int(str(conversation[0])), turns)

    def _look(self, block: Block, at: int, turns: pl.DataFrame) -> None:
        conversation = block.conversation(at)
        names = user_names(conversation.messages)
        asked: bool | None = None
        for turn, text, fresh in turns.select("turn", "text", "fresh").iter_rows():
            deeds = self._reader.deeds(text, names, _said_before(conversation, turn))
            acts = self._too_much(deeds)
            if not acts and len(deeds.sensed) < self._sentences:
                continue
            asked = asks_for_second_person(conversation) if asked is None else asked
            place = (block.source, block.indices[at])
            if acts and asked:
                self._asked.append((*place, turn))
                self._told -= fresh
                continue
            self._acting += acts and fresh
            spans = deeds.done if acts else deeds.sensed
            self._found.append(
                DatasetFinding(self._evidence(turn, deeds, acts), (), conversation=place, span=spans[0])
            )

    def _too_much(self, deeds: Deeds) -> bool:
        done = len(deeds.done)
        return done >= self._sentences or 0 < done >= self._share * deeds.of

    def _evidence(self, turn: int, deeds: Deeds, acts: bool) -> Evidence:
        spans: Sequence[Span] = deeds.done if acts else deeds.sensed
        return {
            "turn": turn,
            "acts": acts,
            "count": len(spans),
            "narration": deeds.of,
            "sentences": [list(span) for span in spans[:_SHOWN]],
            "threshold": int(self._sentences),
            "share": self._share,
        }

    def finish(self) -> list[DatasetFinding]:
        if self._told >= self._fewest and self._acting > self._convention * self._told:
            acting = [
                (*found.conversation, found.evidence["turn"]) for found in self._found if found.conversation
            ]
            evidence = {
                "convention": "habit",
                "acting": self._acting,
                "told": self._told,
                "threshold": self._convention,
            }
            return [DatasetFinding(evidence, [*acting, *self._asked][:RELATED_LIMIT])]
        if not self._asked:
            return self._found
        evidence = {"convention": "asked", "acting": len(self._asked), "told": self._told + len(self._asked)}
        return [*self._found, DatasetFinding(evidence, self._asked[:RELATED_LIMIT])]


def _with_a_name_of_the_user(block: Block, told: pl.DataFrame) -> pl.DataFrame:
    """The narration that holds the name of a speaker of user turns."""
    users = block.turns.filter((pl.col("role") == "user") & pl.col("speaker").is_not_null())
    names = users.select("conversation", "speaker").unique()
    return told.join(names, on="conversation").filter(
        pl.col("told").str.contains(pl.col("speaker"), literal=True)
    )


def _said_before(conversation: Conversation, turn: int) -> str:
    """The user's last turn before another."""
    return next(
        (message.text for message in reversed(conversation.messages[:turn]) if message.role == "user"), ""
    )


def _severity(evidence: Evidence) -> Severity:
    return "info" if evidence.get("convention") or not evidence.get("acts") else "warning"


def _says(evidence: Evidence) -> str:
    if evidence.get("convention") == "habit":
        return f"{evidence['acting']:,} of {evidence['told']:,} narrated replies say what the user does; in this dataset it is the rule"
    if evidence.get("convention") == "asked":
        return f"{evidence['acting']:,} replies say what the user does, as their prompts ask for"
    what = "does, feels or says" if evidence["acts"] else "perceives"
    return f"{evidence['count']} of {evidence['narration']} sentences of narration say what the user {what}"


def _reply(*replies: str, question: str = "Go on.") -> list[dict[str, str]]:
    return [
        {"role": role, "content": text}
        for reply in replies
        for role, text in (("user", question), ("assistant", reply))
    ]


RULES: tuple[Rule, ...] = (
    *speaking.RULES,
    Rule(
        code="roleplay.user_agency",
        severity="warning",
        scope="turn",
        title="A reply that acts for the user",
        wave=_Agency,
        thresholds={"sentences": 2, "share": 0.08, "convention": 0.6, "turns": 20},
        severity_of=_severity,
        says=_says,
        where="content",
        preview=True,
        page=Page(
            "Finds replies whose narration says what the user does, decides, feels or says: you, {{user}} or the user's name as the subject of such"
            " a verb, in two sentences or more (threshold sentences) or in 8 % of them (share). Only English narration counts: what stands outside"
            " quotation marks, or between asterisks where nothing is quoted. Questions, conditions, imperatives and what the user has just said"
            " himself are left out; what he perceives is a note. If more than 60 % (convention) of at least 20 narrated replies (turns) do it, or"
            " the prompt asks for it, it is said once of the dataset.",
            "The model learns to play the user's part, and leaves nothing for him to do.",
            "“You nod and draw your sword. You follow her into the dark.”",
        ),
        fires=(
            _reply('"Come," she says. You nod and follow her. You draw your sword.'),
            _reply("*He waves. {{user}} runs to him and hugs him.* Hello!"),
            _reply("The troll roars. You draw your sword and step inside. You decide to fight."),
        ),
        silent=(
            _reply('"You nod, you follow, you fight," she says. She turns away.'),
            _reply('"Come," she says. Do you follow her? If you stay, you freeze.'),
            _reply('"Come," she says, and you follow her down.', question="I follow her."),
            _reply("You open the settings. You pick a language. The app asks for your password."),
        ),
    ),
)
