"""Labelled passages: what a detector must find and must leave alone, with what it makes of them.

One file a rule, ``rolethread_nb/checks/labelled/<code>.jsonl``. A line is a passage:

    {"fires": true, "genre": "fantasy", "text": "..."}                        a reply; the question before it is "Go on."
    {"fires": false, "genre": "support", "messages": [...], "turn": 3}        a conversation, and the turn that is meant (any, if left out)
    {"fires": false, "file": "persona_agents_en.jsonl.gz", "index": 4, "turn": 2}   a turn of the shared real data, alone with what comes before

Every passage is checked alone, so that no convention of a dataset speaks for or against it; but for those of rules that speak of a
reply against its dataset. These are judged in the small dataset that ``among`` names (``surroundings.py``). ``times`` says a text so many
times over; ``seen`` are the characters that should be marked.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from surroundings import surroundings

import rolethread_nb as rt

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "rolethread_nb" / "checks" / "labelled"
DATA = ROOT.parent / "shared" / "data"
_QUESTION = {"role": "user", "content": "Go on."}
_AMONG = {"leak.markup": "prose"}  # where a line does not say it


@dataclass(frozen=True)
class Passage:
    """One line of a labelled file."""

    code: str
    line: int
    fires: bool
    genre: str
    messages: tuple[dict[str, Any], ...]
    turn: int | None
    among: str = ""
    seen: str = ""

    @property
    def flagged(self) -> bool:
        """Whether the rule finds something in it."""
        return bool(self.found)

    @cached_property
    def found(self) -> list[str]:
        """What the rule marks in it."""
        others = surroundings(self.among) if self.among else []
        ds = rt.load([{"messages": list(one)} for one in (*others, self.messages)], review=False)
        return [
            "" if issue.turn is None else ds[len(others)].messages[issue.turn].text[issue.start : issue.end]
            for issue in ds.check("roleplay", select=[self.code])
            if issue.conversation == len(others) and self.turn in (None, issue.turn)
        ]


@dataclass(frozen=True)
class Score:
    """How a rule did: passages that it should find, and the others."""

    right: int
    missed: tuple[Passage, ...]
    false: tuple[Passage, ...]
    silent: int

    @property
    def precision(self) -> float:
        return self.right / max(1, self.right + len(self.false))

    @property
    def recall(self) -> float:
        return self.right / max(1, self.right + len(self.missed))


def codes() -> list[str]:
    return sorted(file.name.removesuffix(".jsonl") for file in FOLDER.glob("*.jsonl"))


def passages(code: str) -> Iterator[Passage]:
    """The passages of a rule; those of real data are left out where that is not there."""
    for number, line in enumerate((FOLDER / f"{code}.jsonl").read_text(encoding="utf-8").splitlines(), 1):
        one = json.loads(line)
        turn = one.get("turn")
        if "file" in one:
            if not DATA.is_dir():
                continue
            messages = tuple(_real(one["file"])[one["index"]])[: None if turn is None else turn + 1]
            genre = one.get("genre", f"real: {one['file']}")
        else:
            messages = tuple(
                one.get("messages")
                or (
                    _QUESTION,
                    {"role": "assistant", "content": " ".join([one["text"]] * one.get("times", 1))},
                )
            )
            genre = one["genre"]
        among = one.get("among", _AMONG.get(code, ""))
        yield Passage(code, number, one["fires"], genre, messages, turn, among, one.get("seen", ""))


@cache
def _real(name: str) -> list[list[dict[str, Any]]]:
    ds = rt.load(DATA / name, review=False)
    return [[{"role": m.role or "user", "content": m.text} for m in chat.messages] for chat in ds]


@cache
def score(code: str) -> Score:
    """Every passage of a rule, checked."""
    right, silent = 0, 0
    missed: list[Passage] = []
    false: list[Passage] = []
    for passage in passages(code):
        flagged = passage.flagged
        right += flagged and passage.fires
        silent += not flagged and not passage.fires
        if flagged != passage.fires:
            (missed if passage.fires else false).append(passage)
    return Score(right, tuple(missed), tuple(false), silent)
