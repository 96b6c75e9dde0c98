"""Rules about system prompts."""

from __future__ import annotations

import difflib
import json
import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from itertools import zip_longest
from operator import itemgetter

import numpy as np
import polars as pl
import zstandard

from ..core.blocks import Block
from ..core.groups import Groups
from ..core.model import IDEOGRAPHS
from ..core.wording import plural
from .rule import RELATED_LIMIT, DatasetFinding, Evidence, Page, Rule
from .sketches import Sketches

_SIMILARITY = 0.8
# A word, or a character of a script without blanks.
_TOKEN = re.compile(rf"[{IDEOGRAPHS}]|[^\s{IDEOGRAPHS}]+")
_APART = "\x00\ufdd0\x00"  # stands between texts that are kept together
_EXPLAINED = 200  # groups of which it is said what differs
_CHANGES = 20  # so many changes of a pair are kept
_SHOWN = 160  # characters of one change
_COMPARED = 1_000  # words that are aligned; where more differ, they are one change


class _Variants:
    """Sketches every distinct system prompt once; their texts are kept compressed for the word diff."""

    def __init__(self, similarity: float = _SIMILARITY) -> None:
        self._similarity = similarity
        self._known: dict[int, int] = {}
        self._packs: list[tuple[int, bytes]] = []
        self._places: list[pl.DataFrame] = []
        self._sketches = Sketches()
        self._pack = zstandard.ZstdCompressor(level=1)

    def partial(self, block: Block) -> None:
        if not block.turns.height:
            return
        prompts = block.turns.filter(pl.col("role").is_in(["system", "developer"]) & (pl.col("words") > 0))
        if not prompts.height:
            return
        keys = prompts["text"].hash(7)
        numbers: list[int] = []
        first: list[int] = []
        for row, key in enumerate(keys.to_list()):
            if (number := self._known.get(key)) is None:
                number = self._known[key] = len(self._known)
                first.append(row)
            numbers.append(number)
        if first:
            fresh = prompts["text"].gather(first)
            self._sketches.add(fresh)
            data = _APART.join(fresh.to_list()).encode()
            self._packs.append((len(self._known) - len(first), self._pack.compress(data)))
        indices = np.array(block.indices)[prompts["conversation"].to_numpy()]
        self._places.append(
            pl.DataFrame(
                {
                    "prompt": pl.Series(numbers, dtype=pl.UInt32),
                    "source": pl.Series([block.source] * len(numbers), dtype=pl.Int32),
                    "index": pl.Series(indices, dtype=pl.Int64),
                }
            )
        )

    def _texts(self, numbers: Iterable[int]) -> dict[int, str]:
        """The texts of some prompts; what is packed together is unpacked once."""
        of_pack: dict[int, list[int]] = {}
        for number in numbers:
            at = bisect_right(self._packs, number, key=itemgetter(0)) - 1
            of_pack.setdefault(at, []).append(number)
        found: dict[int, str] = {}
        for at, wanted in of_pack.items():
            first, pack = self._packs[at]
            texts = zstandard.decompress(pack).decode().split(_APART)
            found |= {number: texts[number - first] for number in wanted}
        return found

    def finish(self) -> list[DatasetFinding]:
        pairs = self._sketches.neighbours(self._similarity)
        if not pairs:
            return []
        group_of = _groups(pairs)
        places = (
            pl.concat(self._places)
            .unique()
            .join(
                pl.DataFrame(
                    {"prompt": list(group_of), "group": list(group_of.values())},
                    schema={"prompt": pl.UInt32, "group": pl.UInt32},
                ),
                on="prompt",
            )
            .sort("source", "index", "prompt")
        )
        used = dict(places.group_by("prompt").len().iter_rows())
        groups: dict[int, list[tuple[int, int]]] = {}
        for group, source, index in places.select("group", "source", "index").iter_rows():
            groups.setdefault(group, []).append((source, index))
        best: dict[int, tuple[int, int, float]] = {}
        for pair in pairs:
            group = group_of[pair[0]]
            if group not in best or _weight(pair, used) > _weight(best[group], used):
                best[group] = pair
        sizes: dict[int, int] = {}
        for group in group_of.values():
            sizes[group] = sizes.get(group, 0) + 1
        largest = sorted(groups, key=lambda group: -len(groups[group]))[:_EXPLAINED]
        texts = self._texts({number for group in largest for number in best[group][:2]})
        return [
            DatasetFinding(
                self._evidence(best[group], sizes[group], len(set(where)), texts),
                list(dict.fromkeys(where))[:RELATED_LIMIT],
            )
            for group, where in groups.items()
        ]

    def _evidence(
        self, pair: tuple[int, int, float], variants: int, conversations: int, texts: Mapping[int, str]
    ) -> Evidence:
        one, other = texts.get(pair[0], ""), texts.get(pair[1], "")
        return {
            "variants": variants,
            "conversations": conversations,
            "similarity": round(pair[2], 3),
            "threshold": self._similarity,
            "diff": word_changes(one, other),
        }


def _weight(pair: tuple[int, int, float], used: dict[int, int]) -> tuple[int, int, int]:
    return min(used[pair[0]], used[pair[1]]), -pair[0], -pair[1]


def _groups(pairs: list[tuple[int, int, float]]) -> dict[int, int]:
    """The group of each prompt that has a variant: the number of the group's first prompt."""
    numbers = sorted({number for left, right, _ in pairs for number in (left, right)})
    groups = Groups(numbers[-1] + 1)
    for left, right, _ in pairs:
        groups.tie(left, right)
    return {number: groups.top(number) for number in numbers}


def word_changes(before: str, after: str) -> list[dict[str, str]]:
    """What differs between two texts, word by word: ``[{"before": ..., "after": ...}]``, the first 20 changes.

    Where only the blanks differ, there is one change whose two sides are equal but for them.
    """
    places, elsewhere = (list(_TOKEN.finditer(text)) for text in (before, after))
    one, other = ([match.group() for match in found] for found in (places, elsewhere))
    if one == other:
        return [] if before == after else [_change(before, after)]
    start = next(n for n, (a, b) in enumerate(zip_longest(one, other)) if a != b)
    tails = zip(reversed(one[start:]), reversed(other[start:]), strict=False)
    stop = next((n for n, (a, b) in enumerate(tails) if a != b), min(len(one), len(other)) - start)
    left, right = one[start : len(one) - stop], other[start : len(other) - stop]
    blocks = [("replace", 0, len(left), 0, len(right))]
    if max(len(left), len(right)) <= _COMPARED:
        blocks = list(difflib.SequenceMatcher(None, left, right, autojunk=True).get_opcodes())
    changes = [
        (_stretch(before, places, start + a, start + b), _stretch(after, elsewhere, start + c, start + d))
        for kind, a, b, c, d in blocks
        if kind != "equal"
    ]
    return [_change(*change) for change in changes[:_CHANGES]]


def _stretch(text: str, words: list[re.Match[str]], first: int, stop: int) -> str:
    return text[words[first].start() : words[stop - 1].end()] if first < stop else ""


def _change(before: str, after: str) -> dict[str, str]:
    """One change; two long sides are cut to where they differ."""
    if max(len(before), len(after)) > _SHOWN:
        start = next((n for n, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), 0)
        begin = max(0, start - _SHOWN // 4)
        lead = "…" if begin else ""
        before, after = (lead + text[begin : begin + _SHOWN] for text in (before, after))
    return {"before": before, "after": after}


def _says(evidence: Evidence) -> str:
    many = f"{evidence['variants']:,} system prompts are nearly the same"
    changes = evidence["diff"]
    if not changes:
        return many
    before, after = (changes[0][side] for side in ("before", "after"))
    more = f" and {plural(len(changes) - 1, 'more change')}" if len(changes) > 1 else ""
    if not before or not after:
        return f"{many}: “{before or after}” stands in one only{more}"
    return f"{many}: “{before}” in one is “{after}” in another{more}"


def _under(*prompts: str) -> bytes:
    records = [
        {
            "messages": [
                {"role": "system", "content": prompt},
                {"role": "user", "content": f"Question {n}"},
                {"role": "assistant", "content": f"Answer {n}"},
            ]
        }
        for n, prompt in enumerate(prompts)
    ]
    return "\n".join(json.dumps(record) for record in records).encode()


_LONG = (
    "You are a patient teacher of physics. You explain one step at a time, ask what the learner thinks, and never give the whole answer"
    " away before the learner has tried."
)

RULES: tuple[Rule, ...] = (
    Rule(
        code="prompt.variants",
        severity="info",
        scope="dataset",
        title="System prompts that are nearly the same",
        wave=_Variants,
        thresholds={"similarity": _SIMILARITY},
        says=_says,
        page=Page(
            "Groups system prompts that share at least 0.8 of their words and pairs of neighbouring words (Jaccard index; case and"
            " punctuation do not count), and shows what differs in one pair of each of the 200 largest groups, word by word. Long prompts are compared by a"
            " sample of about 100 hashes, so the index is exact to about 0.05 there.",
            "Edits of one prompt that were not carried through teach small differences that nobody meant, and a prompt at run time fits"
            " only some of the data.",
            "“You are a helpful assistant.” in one half, “You are a helpful assistent.” in the other.",
        ),
        fires=(
            _under("You are a helpful assistant.", "You are a helpful assistant"),
            _under(_LONG, _LONG.replace("physics", "chemistry")),
            _under(_LONG, _LONG + "\n", _LONG),
        ),
        silent=(
            _under(_LONG, _LONG),
            _under(_LONG, "You are a pirate."),
            _under("You are Kai, a pirate.", "You are Mara, a nurse."),
        ),
    ),
)
