"""What conversations are compared by when duplicates are looked for: their words, their turns without system prompts, all they hold."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from ..checks.hashes import of_bytes, summed, turn_hashes
from .blocks import Block, canonical_json
from .hashing import Words, hashed
from .near_duplicates import NearDuplicates
from .word_table import Flags, Places, WordTable

SYSTEM = ("system", "developer")
_NOT_SAID = (*SYSTEM, "tool")
_PAIRED = ("preference", "kto")  # several records share a prompt by design


def add_block(search: NearDuplicates, block: Block) -> None:
    """Feed a block to the search for near-duplicates.

    The words of a conversation are those of its user and its assistant, and of speakers whose role is not known, one turn after the
    other; a call of a tool is one word; the rejected side of a preference pair is left out. The same question with replies that share nothing
    is another matter (``dup.prompt``); where records share prompts by design, replies must be alike. So must labels, always.
    """
    turns = block.turns
    said = ~turns["role"].is_in(_NOT_SAID).fill_null(False) & (turns["side"] != "rejected").fill_null(True)
    strict = np.array([reading.format in _PAIRED for reading in block.readings], dtype=bool)
    replies = _answers(block)
    words, answered = _words(block, said.to_numpy(), replies)
    answers = WordTable(words.hashes[answered], words.rows[answered], words.texts)
    few = (answers.counts <= (1 - search.similarity) / search.similarity * words.counts) | strict
    questions, _ = summed(words.rows[~answered], words.hashes[~answered], len(block))
    spoken = np.flatnonzero(said.to_numpy())
    owners = turns["conversation"].to_numpy()[spoken]
    opens = np.diff(owners.astype(np.int64), prepend=-1) != 0
    questions[owners[opens & replies[spoken]]] = 0  # where a reply opens the conversation, nothing was asked
    search.add(words, _among(answers, few), strict, _labels(block), questions)


def _words(block: Block, kept: Flags, replies: Flags) -> tuple[WordTable, Flags]:
    """The words of some turns, by conversation; and which of them stand in replies."""
    words = _with_calls(block)
    at = block.turns["conversation"].to_numpy().astype(np.int64)
    within = np.flatnonzero(kept[words.rows])
    turn = words.rows[within]
    return WordTable(words.hashes[within], at[turn], len(block)), replies[turn]


def _with_calls(block: Block) -> WordTable:
    """The words of each turn; the calls that it makes are one word more."""
    words = block.words
    calling = block.turns.with_row_index("row").filter("calls").select("row", "conversation", "turn")
    if not calling.height:
        return words
    made = [_call(block.conversation(at).messages[turn].raw) for _, at, turn in calling.iter_rows()]
    rows = np.concatenate([words.rows, calling["row"].to_numpy().astype(np.int64)])
    order = np.argsort(rows, kind="stable")
    hashes = np.concatenate([words.hashes, np.array(made, dtype=np.uint64)])
    return WordTable(hashes[order], rows[order], words.texts)


def _call(raw: Any) -> int:
    """A hash of what a message calls; the ids of calls, which are drawn anew each time, do not count."""
    calls = raw.get("tool_calls") or raw.get("function_call")
    several = calls if type(calls) is list else [calls]
    told = [
        {key: value for key, value in one.items() if key != "id"} if type(one) is dict else one
        for one in several
    ]
    return of_bytes(canonical_json(told))


def _among(words: WordTable, texts: Flags) -> WordTable:
    """The words of some texts; the others have none."""
    within = texts[words.rows]
    return WordTable(words.hashes[within], words.rows[within], words.texts)


def _labels(block: Block) -> Words:
    """A number for the label of each record, 0 for none."""
    found = np.zeros(len(block), dtype=np.uint64)
    for at, raw in enumerate(block.raws):
        if type(raw) is dict and raw.get("label") is not None:
            found[at] = of_bytes(canonical_json(raw["label"]))
    return found


def _answers(block: Block) -> Flags:
    """Which turns are replies: the chosen side of a pair, the last turn of KTO; else all of the assistant."""
    turns = block.turns
    formats = [reading.format for reading in block.readings]
    at = turns["conversation"].to_numpy().astype(np.int64)
    kto = np.array([name == "kto" for name in formats], dtype=bool)[at]
    pair = np.array([name == "preference" for name in formats], dtype=bool)[at]
    last = np.diff(at, append=-1) != 0
    chosen = (turns["side"] == "chosen").fill_null(False).to_numpy()
    assistant = (turns["role"] == "assistant").fill_null(False).to_numpy()
    found: Flags = np.where(kto, last, np.where(pair, chosen, assistant))
    return found


def exact_keys(block: Block) -> Places:
    """A number for each conversation, the same for two exactly if ``dup.exact`` takes them for the same; 0 without turns.

    It is the same within one run only.
    """
    keys = zip(block.content_keys, block.readings, strict=True)
    return np.array([hash(key) if reading.turns else 0 for key, reading in keys], dtype=np.int64)


def dialogue_keys(block: Block) -> tuple[Words, Words]:
    """Two hashes for each conversation: what is said in it, tools and label included, and its system prompts.

    The first is 0 where nobody replies.
    """
    if not block.turns.height:
        return np.zeros(len(block), dtype=np.uint64), np.zeros(len(block), dtype=np.uint64)
    turns = block.turns
    system = turns["role"].is_in(SYSTEM).fill_null(False).to_numpy()
    who = (
        turns.select(pl.col("role").fill_null(pl.col("role_raw")).hash(1).fill_null(0)).to_series().to_numpy()
    )
    said = turn_hashes(block)
    at = turns["conversation"].to_numpy()
    key, _ = summed(at[~system], said[~system] ^ who[~system], len(block))
    prompt, _ = summed(at[system], said[system], len(block))
    replies = np.bincount(
        at[(turns["role"] == "assistant").fill_null(False).to_numpy()], minlength=len(block)
    )
    return (key ^ beside(block)) * (replies > 0), prompt


def beside(block: Block) -> Words:
    """A hash of what stands beside the turns and makes the same words another matter: tools and label."""
    found = np.zeros(len(block), dtype=np.uint64)
    read: dict[Any, int] = {}
    for at, raw in enumerate(block.raws):
        if type(raw) is not dict:
            continue
        tools, label = raw.get("tools"), raw.get("label")
        if tools is None and label is None:
            continue
        if type(tools) is str:
            if (known := read.get((tools, str(label)))) is None:
                known = read[tools, str(label)] = of_bytes(canonical_json([tools, label]))
            found[at] = known
        else:
            found[at] = of_bytes(canonical_json([tools, label]))
    return hashed(found)
