"""Rules about facts that contradict one another."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from ...core.blocks import Block
from ...core.model import Conversation, Message, Severity
from ...language.packs import pack
from ..rule import DatasetFinding, Evidence, Page, Rule
from .statements import Fact, Facts

_PROMPTS = ("system", "developer")
# Whose "I" and whose "you" it is, by who speaks. A prompt speaks to the assistant.
_SPEAKERS = {
    "assistant": ("assistant", "user"),
    "user": ("user", None),
    "system": (None, "assistant"),
    "developer": (None, "assistant"),
}


@dataclass(frozen=True, slots=True)
class _Stated:
    """A fact with its place."""

    fact: Fact
    turn: int
    source: int
    index: int


class _Contradictions:
    """Keeps the facts of one conversation at a time, and of each character the first of a kind."""

    def __init__(self) -> None:
        self._facts = Facts(pack("en"))
        self._found: list[DatasetFinding] = []
        self._first: dict[tuple[str, str], _Stated] = {}

    def partial(self, block: Block) -> None:
        turns = block.turns
        if not turns.height:
            return
        english = pl.Series(pack("en").spoken(block.words))
        read = turns.select("conversation", "turn", "text", "kind", "side").filter(english)
        may = read.filter(
            pl.col("kind").is_in(["text", "parts"]) & (pl.col("side") != "rejected").fill_null(True)
        )
        may = may.filter(self._facts.candidates(may["text"])).select("conversation", "turn")
        for at, numbers in may.group_by("conversation", maintain_order=True).agg("turn").iter_rows():
            self._look(block, at, numbers)

    def _look(self, block: Block, at: int, turns: list[int]) -> None:
        conversation = block.conversation(at)
        known: dict[tuple[str, str], list[_Stated]] = {}
        said: set[tuple[str, str]] = set()
        character = _character(conversation)
        for turn in turns:
            message = conversation.messages[turn]
            for fact in self._facts.of(message.text, spoken=message.role != "assistant"):
                if (owner := _owner(message, fact.who)) is None:
                    continue
                stated = _Stated(fact, turn, block.source, block.indices[at])
                earlier = known.setdefault((owner, fact.slot), [])
                against = next(
                    (one for one in earlier if one.turn != turn and self._facts.conflict(one.fact, fact)),
                    None,
                )
                earlier.append(stated)
                if against is None:
                    if owner == "assistant" and message.role == "assistant" and character and block.fresh[at]:
                        self._compare(character, stated, said)
                elif (owner, fact.slot) not in said and not self._other_since(conversation, against, stated):
                    said.add((owner, fact.slot))
                    self._find(stated, against, owner)

    def _compare(self, character: str, stated: _Stated, said: set[tuple[str, str]]) -> None:
        """A fact that a character states of itself with the first of its kind, from another conversation."""
        first = self._first.setdefault((character, stated.fact.slot), stated)
        if first.index == stated.index and first.source == stated.source:
            return
        if ("assistant", stated.fact.slot) not in said and self._facts.conflict(first.fact, stated.fact):
            said.add(("assistant", stated.fact.slot))
            self._find(stated, first, "assistant")

    def _other_since(self, conversation: Conversation, first: _Stated, last: _Stated) -> bool:
        """Whether the user gives out another part between two facts, or somebody says that the fact changes."""
        between = conversation.messages[first.turn : last.turn]
        return any(
            self._facts.changes(last.fact.slot, message.text)
            or (message.role == "user" and self._facts.new_part(message.text))
            for message in between
        )

    def _find(self, stated: _Stated, against: _Stated, owner: str) -> None:
        place, other = (stated.source, stated.index), (against.source, against.index)
        evidence: Evidence = {
            "turn": stated.turn,
            "slot": stated.fact.slot,
            "owner": owner,
            "value": stated.fact.value,
            "other": against.fact.value,
            "other_turn": against.turn,
            "other_span": list(against.fact.span),
            "other_conversation": None if place == other else list(other),
        }
        related = () if place == other else ((*other, against.turn),)
        self._found.append(DatasetFinding(evidence, related, conversation=place, span=stated.fact.span))

    def finish(self) -> list[DatasetFinding]:
        return self._found


def _owner(message: Message, who: str) -> str | None:
    """Of whom a statement is: a role, a speaker whose role nobody knows, a name."""
    if who not in ("I", "you"):
        return who if message.role != "user" else None
    if message.role is None:
        return (message.name or message.role_raw) if who == "I" else None
    own, other = _SPEAKERS.get(message.role, (None, None))
    return own if who == "I" else other


def _character(conversation: Conversation) -> str | None:
    """What makes the assistant of two conversations the same: its name, or the system prompt."""
    names = {
        message.name for message in conversation.messages if message.role == "assistant" and message.name
    }
    prompt = next((message.text for message in conversation.messages if message.role in _PROMPTS), "")
    if not prompt.strip() and not names:
        return None
    return f"{min(names, default='')}\n{prompt.strip()}"


def _severity(evidence: Evidence) -> Severity:
    return "info" if evidence.get("other_conversation") else "warning"


def _says(evidence: Evidence) -> str:
    where = f"turn {evidence['other_turn']}"
    if evidence["other_conversation"]:
        where = f"conversation #{evidence['other_conversation'][1]}"
    unit = " cm" if evidence["slot"] == "height" else ""
    value, other = f"{evidence['value']}{unit}", f"{evidence['other']}{unit}"
    return f"{evidence['slot'].capitalize()}: {value} here, {other} in {where}"


def _chat(*texts: str, system: str = "") -> list[dict[str, str]]:
    turns = [{"role": "system", "content": system}] if system else []
    return [
        *turns,
        *({"role": ("user", "assistant")[at % 2], "content": text} for at, text in enumerate(texts)),
    ]


RULES: tuple[Rule, ...] = (
    Rule(
        code="roleplay.contradiction",
        severity="warning",
        scope="turn",
        title="Two facts that cannot both be true",
        wave=_Contradictions,
        severity_of=_severity,
        says=_says,
        where="content",
        preview=True,
        page=Page(
            "Compares what English turns state of the assistant's character, of the user and of people by name: colour of eyes and hair, age,"
            " handedness, species, name, height, occupation, number of brothers, sisters and children, names of parents and spouses. Number words count as"
            " numbers, kin colours as one (auburn, red), and heights within 3 cm (6 feet, 183 cm, 1.80 m). Of occupations it knows those that take a"
            " person's days, by a list of which go together (doctor and surgeon, cook and innkeeper); where a turn speaks of a second, an earlier or a"
            " later one (also, part-time, retired, in training), or somebody grows, quits or is hired in between, nothing is compared. A turn that says that something changed (used to, no longer, dyed, in disguise) states nothing, nor does"
            " a question or a condition; where the user gives out another part in between, nothing is compared. Between two conversations of one"
            " character or system prompt it is a note.",
            "The model learns that what was said before does not bind it.",
            "“I have green eyes.” and three turns later “my blue eyes”.",
        ),
        fires=(
            _chat("You?", "I have green eyes.", "And?", "People look at my blue eyes."),
            _chat("How old are you?", "I'm 34 years old.", system="You are Tom, a 27-year-old fisherman."),
            _chat("Family?", "I have two sisters.", "Nice.", "I have three sisters, you know."),
            _chat("How tall are you?", "I'm 6'2\" tall.", "Reach up!", "I can't, I'm only five foot four."),
            _chat("Your work?", "I work as a nurse.", system="You are Tom, a young blacksmith."),
        ),
        silent=(
            _chat("You?", "I have green eyes.", "And?", "I have emerald eyes."),
            _chat("Hair?", "My hair is black.", "It was red!", "I dyed it. My red hair was dull."),
            _chat("Age?", "I'm 25 years old.", "Young!", "I am twenty-five years old."),
            _chat("Be Tom.", "My name is Tom.", "Now pretend to be Eve.", "My name is Eve."),
            _chat("How tall?", "I'm six feet tall.", "In metres?", "I am 1.83 m tall."),
            _chat("Your work?", "I'm a doctor.", "Of what?", "I'm a surgeon by trade."),
            _chat("Who?", "Elena has grey eyes.", "And Tom?", "Tom has brown eyes."),
        ),
    ),
)
