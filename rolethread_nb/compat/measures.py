"""What RoleThread Lite counts in the entries of a dataset for its score."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .diagnosis import diagnose
from .entries import Entry, entries_of, text_of
from .near_duplicates import near_duplicates
from .registry import Sidecar
from .rolethread_lite import RULES

if TYPE_CHECKING:
    from ..core.report import Report

SHORT_PROMPT = 50  # characters
_SHORT_REPLY = 20  # words
_EXCHANGES = range(3, 8)
_WORD = re.compile(r"\b[\w']+\b")
_PLACEHOLDERS = "test|testing|asdf|placeholder|todo|tbd|lorem ipsum|[insert|<insert|n/a".split("|")
_ERRORS = frozenset(rule.code for rule in RULES if rule.severity == "error")
_POINTED_AT = frozenset(
    f"chatml.{name}"
    for name in ("duplicate_system_message", "ai_refusal_language", "split_candidate", "formatting_leakage")
)

Place = tuple[int, int]


@dataclass
class Tally:
    """Counts over all entries, and by part of the score the records that the app would point at."""

    entries: int = 0
    replies: int = 0
    reply_words: int = 0
    user_turns: int = 0
    user_words: int = 0
    short: int = 0
    empty: int = 0
    placeholders: int = 0
    prompts: set[str] = field(default_factory=set)
    tags: Counter[str] = field(default_factory=Counter)
    tagged: int = 0
    unknown_tags: int = 0
    paired: int = 0
    valid: int = 0
    fitting: int = 0
    prompted: int = 0
    long_prompts: int = 0
    stamped: int = 0
    mapped: int = 0
    datasets: set[str] = field(default_factory=set)
    flagged: dict[str, set[Place]] = field(
        default_factory=lambda: {
            name: set() for name in ("response quality", "diversity", "structure", "metadata")
        }
    )


def tally(report: Report, known: Mapping[str, str | None], sidecar: Sidecar) -> Tally:
    """Count.

    Args:
        report: the check whose dataset is counted.
        known: the tags that count as known.
        sidecar: what is beside the file.
    """
    found = Tally()
    places: list[Place] = []
    names: list[object] = []
    words: list[frozenset[str]] = []
    met: dict[str, str] = {}  # one text for all entries that have the word
    for entry in entries_of(report):
        found.entries += 1
        _count_replies(found, entry)
        _count_prompt_and_shape(found, entry)
        _count_tags(found, entry, known)
        _count_marks(found, entry, sidecar)
        places.append(entry.place)
        names.append(entry.named("entry_uuid") or entry.place)
        words.append(frozenset(met.setdefault(word, word) for word in _words_of(entry)))
    found.mapped = len(sidecar.mapped.intersection(names))
    paired = near_duplicates(words)
    found.paired = len({names[at] for at in paired})  # it takes entries with the same id for one
    found.flagged["diversity"].update(places[at] for at in paired)
    return found


def _count_replies(found: Tally, entry: Entry) -> None:
    replies, asked = entry.said_by("assistant"), entry.said_by("user")
    lengths = [_length(text) for text in replies]
    user_words = sum(map(_length, asked))
    placeholders = [_is_placeholder(text, length) for text, length in zip(replies, lengths, strict=True)]
    found.replies += len(replies)
    found.reply_words += sum(lengths)
    found.user_turns += len(asked)
    found.user_words += user_words
    found.empty += lengths.count(0)
    found.short += sum(length < _SHORT_REPLY for length in lengths)
    found.placeholders += sum(placeholders)
    odd = not user_words or not sum(lengths) or not 0.1 <= user_words / sum(lengths) <= 5.0
    if odd or any(placeholders) or any(length < _SHORT_REPLY for length in lengths):
        found.flagged["response quality"].add(entry.place)


def _count_prompt_and_shape(found: Tally, entry: Entry) -> None:
    prompt = entry.prompt
    codes = {one.code for one in diagnose(entry.data)}
    valid, long = not codes & _ERRORS, len(prompt.strip()) >= SHORT_PROMPT
    if folded := _folded(prompt):
        found.prompts.add(folded)
    found.valid += valid
    found.fitting += entry.exchanges in _EXCHANGES
    found.prompted += bool(prompt.strip())
    found.long_prompts += long
    if not valid or not long or codes & _POINTED_AT:
        found.flagged["structure"].add(entry.place)


def _count_tags(found: Tally, entry: Entry, known: Mapping[str, str | None]) -> None:
    tags = [tag for tag in entry.tags if tag in known]
    found.tags.update(tags)
    found.tagged += bool(tags)
    if len(tags) < len(entry.tags):
        found.unknown_tags += 1
        found.flagged["diversity"].add(entry.place)
    if not tags:
        found.flagged["metadata"].add(entry.place)


def _count_marks(found: Tally, entry: Entry, sidecar: Sidecar) -> None:
    stamped = entry.stamp.get("native") is True
    found.stamped += stamped
    if (name := entry.named("dataset_uuid")) is not None:
        found.datasets.add(name)
    if not stamped or (sidecar.mapped and entry.named("entry_uuid") not in sidecar.mapped):
        found.flagged["metadata"].add(entry.place)


def _words_of(entry: Entry) -> set[str]:
    """The words of all messages, in small letters."""
    texts = " ".join(text_of(one) for one in entry.messages if isinstance(one, dict))
    return {word.lower() for word in _WORD.findall(texts)}


def _length(text: str) -> int:
    return len(_WORD.findall(text))


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())


def _is_placeholder(text: str, length: int) -> bool:
    """One word, or one of ten texts anywhere in it; an empty reply is none."""
    folded = _folded(text)
    return bool(folded) and (length == 1 or any(one in folded for one in _PLACEHOLDERS))
