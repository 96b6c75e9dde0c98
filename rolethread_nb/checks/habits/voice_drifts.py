"""Where a character's voice changes: from one source to another, and along its conversations."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, combinations, islice, zip_longest
from typing import Any

import numpy as np

from ...core.word_table import Places
from ..rule import RELATED_LIMIT, DatasetFinding, Evidence
from .effects import Effect, between, least_z, within
from .voice_measures import FIRST, LAST, MEASURES, Amounts, Numbers, Sums, amounts, has_words

_SOURCES = 10  # of a character, the largest; their pairs are compared
_FEWEST = 3  # characters of which most do the same make it a matter of the dataset
_SHOWN = 3
Pair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Character:
    """What a character says, one row a conversation.

    Attributes:
        name: of the speaker, or the beginning of the system prompt.
        places: source, index, turn of the first reply, turn of the last reply.
        sums: see :func:`counted`.
        turns: replies.
    """

    name: str
    places: Places
    sums: Sums
    turns: Places


@dataclass(frozen=True, slots=True)
class _Comparison:
    """One character, compared with itself. ``related`` gives the places behind one measure, the typical ones first."""

    name: str
    sizes: tuple[int, ...]
    effect: Effect
    related: Callable[[int], Iterable[tuple[int, ...]]]


class Drifts:
    """Compares characters with themselves.

    Args:
        conversations: so many are needed in each of two sources, and along conversations.
        replies: a conversation with fewer has no thirds.
        delta: Cliff's delta from which on a measure is named.
        chance: the probability that chance alone gives a finding, over all that is compared.
        most: what more than this share of the characters does alike is said once, of all.
    """

    def __init__(
        self, conversations: float, replies: float, delta: float, chance: float, most: float
    ) -> None:
        self._fewest, self._replies = conversations, replies
        self._delta, self._chance, self._most = delta, chance, most

    def between_sources(
        self, characters: Sequence[Character], names: Mapping[int, str]
    ) -> list[DatasetFinding]:
        """A character in two sources, and two sources in which most characters differ alike."""
        compared: dict[Pair, list[_Comparison]] = defaultdict(list)
        for character in characters:
            source = character.places[:, 0]
            numbers, counts = np.unique(source, return_counts=True)
            largest = np.argsort(-counts, kind="stable")[:_SOURCES]
            enough = sorted(numbers[at] for at in largest.tolist() if counts[at] >= self._fewest)
            for pair in combinations(map(int, enough), 2):
                compared[pair].append(
                    _of_sources(character, *(np.flatnonzero(source == one) for one in pair))
                )
        tests = len(MEASURES) * sum(map(len, compared.values()))
        return [
            found
            for pair, own in sorted(compared.items())
            for found in self._findings(
                own,
                tests,
                {
                    "against": "source",
                    "sources": list(pair),
                    "source_names": [names.get(one, "") for one in pair],
                },
            )
        ]

    def along_conversations(self, characters: Sequence[Character]) -> list[DatasetFinding]:
        """A character that changes from the first third of its conversations to the last, and what most characters change."""
        compared = []
        for character in characters:
            long = (
                (character.turns >= self._replies)
                & has_words(character.sums, FIRST)
                & has_words(character.sums, LAST)
            )
            if long.sum() >= self._fewest:
                compared.append(_along(character, np.flatnonzero(long)))
        return list(self._findings(compared, len(MEASURES) * len(compared), {"against": "last third"}))

    def _findings(
        self, compared: Sequence[_Comparison], tests: int, evidence: Evidence
    ) -> Iterable[DatasetFinding]:
        if not compared:
            return
        limit = least_z(self._chance, tests)
        evidence = {**evidence, "threshold": self._delta, "least_z": round(limit, 2)}
        alike = self._alike(compared, limit)
        if alike.any():
            yield self._of_all(compared, alike, evidence)
        for one in compared:
            effect = one.effect
            beyond = (np.abs(effect.delta) >= self._delta) & (np.abs(effect.z) >= limit)
            named = _ordered(beyond & (np.sign(effect.delta) != alike), effect.delta)
            if named:
                yield DatasetFinding(
                    {
                        **evidence,
                        "character": one.name,
                        "conversations": list(one.sizes),
                        "features": _features(named, effect),
                    },
                    list(islice(one.related(named[0]), RELATED_LIMIT)),
                )

    def _alike(self, compared: Sequence[_Comparison], limit: float) -> Numbers:
        """For each measure 1 or -1 where most characters have more or less of it, else 0. Their z are joined by Stouffer's method."""
        found = np.zeros(len(MEASURES))
        if len(compared) < _FEWEST:
            return found
        delta, z = _stacked(compared)
        joined = z.sum(axis=0) / len(compared) ** 0.5
        for way in (1, -1):
            most = (way * delta >= self._delta).mean(axis=0) > self._most
            found[most & (way * joined >= limit)] = way
        return found

    def _of_all(self, compared: Sequence[_Comparison], alike: Numbers, evidence: Evidence) -> DatasetFinding:
        effects = [one.effect for one in compared]
        delta, z = _stacked(compared)
        middle = Effect(
            np.median(delta, axis=0),
            z.sum(axis=0) / len(compared) ** 0.5,
            (_middle([one.medians[0] for one in effects]), _middle([one.medians[1] for one in effects])),
            (_middle([one.totals[0] for one in effects]), _middle([one.totals[1] for one in effects])),
        )
        named = _ordered(alike != 0, middle.delta)
        changing = alike[named[0]] * delta[:, named[0]] >= self._delta
        own = [one for one, does in zip(compared, changing.tolist(), strict=True) if does]
        related = chain.from_iterable(one.related(named[0]) for one in own)
        return DatasetFinding(
            {
                **evidence,
                "characters": len(compared),
                "changing": len(own),
                "conversations": np.sum([one.sizes for one in compared], axis=0).tolist(),
                "features": _features(named, middle),
            },
            list(islice(related, RELATED_LIMIT)),
        )


def _of_sources(character: Character, one: Places, other: Places) -> _Comparison:
    """The conversations of a character in two sources, by their rows."""
    whole = amounts(character.sums)
    sides = [(rows, Amounts(whole.counts[rows], whole.of[rows])) for rows in (one, other)]

    def related(measure: int) -> Iterable[tuple[int, ...]]:
        nearest = []
        for rows, side in sides:
            values = side.values[:, measure]
            order = np.argsort(np.abs(values - np.median(values)), kind="stable")
            nearest.append([tuple(place) for place in character.places[rows[order], :3].tolist()])
        return (place for both in zip_longest(*nearest) for place in both if place is not None)

    return _Comparison(character.name, (len(one), len(other)), between(sides[0][1], sides[1][1]), related)


def _along(character: Character, rows: Places) -> _Comparison:
    """The first third of a character's conversations and the last, in the conversations of some rows."""
    first, last = (amounts(character.sums[rows], third) for third in (FIRST, LAST))
    effect = within(first, last)

    def related(measure: int) -> Iterable[tuple[int, ...]]:
        change = np.sign(effect.delta[measure]) * (last.values[:, measure] - first.values[:, measure])
        for at in np.argsort(-change, kind="stable").tolist():
            if change[at] > 0:
                source, index, begin, end = character.places[rows[at]].tolist()
                yield source, index, begin
                yield source, index, end

    return _Comparison(character.name, (len(rows),), effect, related)


def _stacked(compared: Sequence[_Comparison]) -> tuple[Numbers, Numbers]:
    return np.array([one.effect.delta for one in compared]), np.array([one.effect.z for one in compared])


def _ordered(chosen: Any, delta: Numbers) -> list[int]:
    """The chosen measures, the largest delta first."""
    return [at for at in np.argsort(-np.abs(delta), kind="stable").tolist() if chosen[at]]


def _middle(values: Sequence[Numbers]) -> Numbers:
    found: Numbers = np.median(values, axis=0)
    return found


def _features(named: Sequence[int], effect: Effect) -> list[dict[str, Any]]:
    found = []
    for at in named:
        numbers = {
            "first": effect.totals[0],
            "second": effect.totals[1],
            "first_median": effect.medians[0],
            "second_median": effect.medians[1],
            "delta": effect.delta,
            "z": effect.z,
        }
        rounded = {name: round(float(values[at]), 3) for name, values in numbers.items()}
        found.append({"feature": MEASURES[at], **rounded})
    return found


def says(evidence: Evidence) -> str:
    """The sentence of a finding."""
    shown = [
        f"{one['feature']} {_number(one['first'])} → {_number(one['second'])} (Cliff's delta {one['delta']:+.2f})"
        for one in evidence["features"][:_SHOWN]
    ]
    more = len(evidence["features"]) - len(shown)
    named = ", ".join(shown) + (f", and {more} more" if more else "")
    counts = [f"{count:,}" for count in evidence["conversations"]]
    if evidence["against"] == "source":
        names = evidence["source_names"]
        if names[0] == names[1]:
            names = [f"{name} (source {at})" for name, at in zip(names, evidence["sources"], strict=True)]
        where = f"in “{names[1]}” than in “{names[0]}” ({counts[0]} and {counts[1]} conversations)"
        if "characters" in evidence:
            return f"{evidence['changing']:,} of {evidence['characters']:,} characters have another voice {where}: {named}"
        return f"“{_line(evidence['character'])}” has another voice {where}: {named}"
    where = f"from the first third of a conversation to the last ({counts[0]} conversations)"
    if "characters" in evidence:
        return f"{evidence['changing']:,} of {evidence['characters']:,} characters change {where}: {named}"
    return f"“{_line(evidence['character'])}” changes {where}: {named}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _line(name: str) -> str:
    flat = " ".join(name.split())
    return flat if len(flat) <= 60 else flat[:59] + "…"
