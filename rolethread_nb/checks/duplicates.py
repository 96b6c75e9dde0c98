"""Rules about conversations that occur more than once, as a whole or in part."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from ..core.blocks import Block
from ..core.duplicate_keys import beside, dialogue_keys
from ..core.hashing import Words
from ..core.wording import plural
from .hashes import summed, turn_hashes
from .records import drop_record
from .rule import RELATED_LIMIT, DatasetFinding, Page, Repair, Rule

_GROUPS = 50  # so many groups are listed in the evidence of a finding about the dataset
_WORDS = 5


class _Exact:
    """Remembers the content of every conversation by its hashes; a second occurrence names the first."""

    def __init__(self) -> None:
        self._first: dict[tuple[object, ...], tuple[int, int]] = {}
        self._found: list[DatasetFinding] = []

    def partial(self, block: Block) -> None:
        for index, key, reading in zip(block.indices, block.content_keys, block.readings, strict=True):
            if not reading.turns:
                continue
            place = (block.source, index)
            first = self._first.setdefault(key, place)
            if first != place:
                evidence = {"first": first[1], "source": first[0]}
                self._found.append(DatasetFinding(evidence, [first], conversation=place))

    def finish(self) -> list[DatasetFinding]:
        return self._found


class _Dialogue:
    """Compares what user and assistant say apart from what the system prompt says, by hashes of 64 bits each."""

    def __init__(self) -> None:
        self._parts: list[pl.DataFrame] = []

    def partial(self, block: Block) -> None:
        if not block.turns.height:
            return
        dialogue, prompt = dialogue_keys(block)
        frame = _frame(block, dialogue=dialogue, prompt=prompt)
        self._parts.append(frame.filter(pl.Series(dialogue != 0)))

    def finish(self) -> list[DatasetFinding]:
        found: list[DatasetFinding] = []
        first: dict[int, tuple[int, int]] = {}
        seen: set[tuple[int, int]] = set()
        for source, index, dialogue, prompt in _repeated(self._parts, "dialogue", "prompt"):
            place = (source, index)
            if (dialogue, prompt) in seen:
                continue  # under the same prompt it is dup.exact
            seen.add((dialogue, prompt))
            if (other := first.setdefault(dialogue, place)) != place:
                evidence = {"first": other[1], "source": other[0]}
                found.append(DatasetFinding(evidence, [other], conversation=place))
        return found


class _Prompts:
    """Groups conversations by what comes before the first reply, and compares the replies."""

    def __init__(self, words: float = _WORDS) -> None:
        self._words = words
        self._parts: list[pl.DataFrame] = []

    def partial(self, block: Block) -> None:
        asked = [reading.format not in ("kto", "preference") for reading in block.readings]
        if not block.turns.height or not any(asked):
            return
        said = turn_hashes(block)
        at = block.turns["conversation"].to_numpy()
        reply = (block.turns["role"] == "assistant").fill_null(False).to_numpy()
        whole = np.array([reading.format == "prompt-completion" for reading in block.readings])
        reply &= ~whole[at] | (
            np.diff(at.astype(np.int64), append=-1) != 0
        )  # the completion alone is the reply
        earlier = np.cumsum(reply) - reply
        begins = np.flatnonzero(np.diff(at.astype(np.int64), prepend=-1))
        since = earlier - earlier[begins][np.cumsum(np.diff(at.astype(np.int64), prepend=-1) != 0) - 1]
        before = ~reply & (since == 0)
        first = reply & (since == 0)
        user = (block.turns["role"] == "user").fill_null(False).to_numpy()
        words = np.zeros(len(block))
        np.add.at(words, at[before & user], block.turns["words"].to_numpy()[before & user])
        who = block.turns["role"].fill_null("").hash(1).to_numpy()
        prompt, _ = summed(at[before], said[before] ^ who[before], len(block))
        answer, answers = summed(at[first], said[first], len(block))
        frame = _frame(block, prompt=prompt ^ beside(block), answer=answer)
        kept = (words > self._words) & (answers > 0) & np.array(asked)
        self._parts.append(frame.filter(pl.Series(kept)))

    def finish(self) -> list[DatasetFinding]:
        groups: dict[int, list[tuple[int, int]]] = {}
        for source, index, prompt, _ in _repeated(self._parts, "prompt", "answer"):
            groups.setdefault(prompt, []).append((source, index))
        if not groups:
            return []
        ordered = sorted(groups.values(), key=lambda places: (-len(places), places[0]))
        places = sorted(place for group in ordered for place in group)
        evidence = {
            "groups": len(ordered),
            "conversations": len(places),
            "largest": len(ordered[0]),
            "members": [[list(place) for place in group[:_GROUPS]] for group in ordered[:_GROUPS]],
            "words": self._words,
        }
        return [DatasetFinding(evidence, places[:RELATED_LIMIT])]


def _frame(block: Block, **columns: Words) -> pl.DataFrame:
    places = {
        "source": pl.Series([block.source] * len(block), dtype=pl.Int32),
        "index": pl.Series(block.indices, dtype=pl.Int64),
    }
    return pl.DataFrame({**places, **{name: pl.Series(values) for name, values in columns.items()}})


def _repeated(parts: Sequence[pl.DataFrame], key: str, other: str) -> list[tuple[Any, ...]]:
    """The rows whose ``key`` stands with more than one ``other``, in the order of the source."""
    if not parts:
        return []
    rows = pl.concat(parts)
    rows = rows.filter(rows[key].is_duplicated())
    rows = rows.filter(pl.col(other).n_unique().over(key) > 1)
    return rows.sort("source", "index").rows()


def _record(question: str, answer: str, system: str = "", **extra: Any) -> bytes:
    turns = [{"role": "system", "content": system}] if system else []
    turns += [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    return json.dumps({**extra, "messages": turns}).encode()


_ONE = '{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}'
_LONG = "Tell me a story about a fox, please"

RULES: tuple[Rule, ...] = (
    Rule(
        code="dup.exact",
        severity="warning",
        scope="conversation",
        title="The same conversation again",
        wave=_Exact,
        says="The same as conversation #{first}",
        page=Page(
            "Finds conversations whose messages, label, tools and preference sides equal an earlier one's. The first is not flagged.",
            "What stands twice is learned twice as hard, and leaks from training into evaluation.",
            "The same line twice.",
            "Drops the later one. Unsafe: ids and other keys of the record go with it.",
        ),
        repair=Repair("unsafe", drop_record, "drop the record"),
        fires=(
            f"{_ONE}\n{_ONE}".encode(),
            b'{"id": 1, ' + _ONE.encode()[1:] + b'\n{"id": 2, ' + _ONE.encode()[1:],
        ),
        silent=(_ONE.encode(), f'{_ONE}\n{{"label": true, {_ONE[1:]}'.encode()),
    ),
    Rule(
        code="dup.dialogue",
        severity="info",
        scope="conversation",
        title="The same turns under another system prompt",
        wave=_Dialogue,
        says="The same turns as conversation #{first}, under another system prompt",
        page=Page(
            "Finds conversations in which user and assistant say what they say in an earlier one, while the system prompt is another"
            " or missing. Where the prompt is the same it is dup.exact. Other tools or another label make it another conversation.",
            "The model learns that the prompt does not matter: the same words are right under both.",
            "One exchange, copied under two personas.",
        ),
        fires=(
            _record("Hi", "Hello", "Be kind.") + b"\n" + _record("Hi", "Hello", "Be terse."),
            _record("Hi", "Hello") + b"\n" + _record("Hi", "Hello", "Be terse."),
        ),
        silent=(
            f"{_ONE}\n{_ONE}".encode(),
            _record("Hi", "Hello", "Be kind.") + b"\n" + _record("Hi", "Hello!", "Be terse."),
            _record("Hi", "Hello", "Be kind.", tools=[]) + b"\n" + _record("Hi", "Hello", "Be terse."),
            _record("Hi", "Hello", id=1, mood=1) + b"\n" + _record("Hi", "Hello", id=2),
        ),
    ),
    Rule(
        code="dup.prompt",
        severity="info",
        scope="dataset",
        title="One prompt, several answers",
        wave=_Prompts,
        thresholds={"words": _WORDS},
        says=lambda e: (
            f"{e['conversations']:,} conversations share {plural(e['groups'], 'prompt')} and answer differently"
        ),
        page=Page(
            "Finds groups of conversations that begin with the same system prompt and the same question (over 5 words) and go on with"
            " different replies. Of a prompt with its completion the whole prompt counts. Preference pairs and KTO, which are made so, are left out.",
            "With one such prompt in training and its twin in evaluation the score lies; and answers that contradict one another are"
            " averaged.",
            "Two records ask for the same story and get two.",
        ),
        fires=(_record(_LONG, "Once.") + b"\n" + _record(_LONG, "There was a fox."),),
        silent=(
            _record(_LONG, "Once.") + b"\n" + _record(_LONG, "Once."),
            _record("Hi", "Hello") + b"\n" + _record("Hi", "Ho"),
            _record(_LONG, "Once.", "Be kind.") + b"\n" + _record(_LONG, "No.", "Be terse."),
            _record(_LONG, "Once.", label=True) + b"\n" + _record(_LONG, "No.", label=True),
        ),
    ),
)
