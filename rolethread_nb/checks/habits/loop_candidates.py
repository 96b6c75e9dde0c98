"""Which conversations may go round in circles, found column by column: nothing in Python is asked of the others.

Each word is looked up in a table of a fixed size under a mix of its hash and its conversation. The table holds where the word stood
last before, so what is new in a reply is known in one pass; two words that fall on one place make a reply look staler than it is,
never fresher.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...core.blocks import Block
from ...core.hashing import Words, hashed
from ...core.model import IDEOGRAPHS, UNSPACED
from ...core.word_table import Flags, Places
from ...language.tongues import function_word_flags

_FEWEST = 3
_SLOTS = 1 << 22
_COUNT = np.uint64(_SLOTS)
_SLACK = (
    1.4  # so much looser than the rule is what makes a candidate: words are counted here, not kinds of words
)
_NEARLY = 0.1  # so much less than the rule wants shows that a reply is nearly the one before
_UNSPACED = f"[{IDEOGRAPHS}{UNSPACED}]"


def candidates(block: Block, rows: Places, limits: Mapping[str, float]) -> list[int]:
    """The conversations of a block, of the replies at some rows, that may be loops."""
    if not len(rows):
        return []
    chats = block.turns["conversation"].to_numpy()[rows].astype(np.int64)
    enough = np.bincount(chats, minlength=len(block))[chats] >= _FEWEST
    rows, chats = rows[enough], chats[enough]
    if not len(rows):
        return []
    table = block.words.part(rows)
    content = ~function_word_flags(table)
    words, reply = table.hashes[content], table.rows[content]
    total = np.maximum(np.bincount(reply, minlength=len(rows)), 1)
    spread = hashed(chats.astype(np.uint64))
    words = np.where(_unspaced(block, rows)[reply], _after(words), words)
    fresh = np.bincount(reply[_new(words ^ spread[reply], reply)], minlength=len(rows)) / total
    again = 1 - np.bincount(reply[_new(_after(words) ^ spread[reply], reply)], minlength=len(rows)) / total
    follows = np.zeros(len(rows), dtype=bool)
    follows[1:] = chats[1:] == chats[:-1]
    again[~follows] = 0
    shared = np.bincount(reply[_in_previous(words, reply)], minlength=len(rows)) / total
    like = follows & (shared > limits["alike"] / _SLACK) & _of_a_size(total)
    found: Flags = np.bincount(chats[like], minlength=len(block)) > 1
    found[chats[like & (shared > limits["nearly"] - _NEARLY)]] = True
    found[chats[_on_end(fresh < limits["novelty"] * _SLACK, chats, int(limits["run"]))]] = True
    length = np.bincount(chats, weights=total, minlength=len(block))
    said_again = np.bincount(chats, weights=again * total, minlength=len(block))
    found |= said_again > np.maximum(length, 1) * limits["repeated"] / _SLACK / _SLACK
    return np.flatnonzero(found).tolist()


def _unspaced(block: Block, rows: Places) -> Flags:
    """Which replies begin in a script without blanks: their words are read in pairs of characters."""
    found: Flags = block.turns["text"].gather(rows).str.head(20).str.contains(_UNSPACED).to_numpy()
    return found


def _in_previous(words: Words, reply: Places) -> Flags:
    """Which words stand in the reply before, too."""
    marks = np.zeros(_SLOTS, dtype=np.uint32)
    own = hashed(words ^ hashed(reply.astype(np.uint64)))
    marks[(own % _COUNT).astype(np.int64)] = own >> np.uint64(32)
    other = hashed(words ^ hashed((reply - 1).astype(np.uint64)))
    found: Flags = marks[(other % _COUNT).astype(np.int64)] == (other >> np.uint64(32)).astype(np.uint32)
    return found


def _of_a_size(total: Places) -> Flags:
    """Which replies are neither twice as long as the one before nor half as long."""
    found = np.ones(len(total), dtype=bool)
    ratio = total[1:] / total[:-1]
    found[1:] = (ratio < 2 * _SLACK) & (ratio > 0.5 / _SLACK)
    return found


def _new(keys: Words, reply: Places) -> Flags:
    """Which keys stand in their reply for the first time in their conversation."""
    if not len(keys):
        return np.zeros(0, dtype=bool)
    slots = (keys % _COUNT).astype(np.int64)
    first = np.empty(_SLOTS, dtype=np.int32)  # only what was written is read
    first[slots[::-1]] = np.arange(len(slots) - 1, -1, -1, dtype=np.int32)
    found: Flags = reply[first[slots]] == reply
    return found


def _after(words: Words) -> Words:
    """A hash of each word with the next."""
    following = np.zeros_like(words)
    following[:-1] = words[1:]
    return hashed(hashed(words) + following)


def _on_end(flags: Flags, chats: Places, run: int) -> Any:
    """Which replies end a run of so many flagged ones of one conversation."""
    found = flags.copy()
    for step in range(1, run):
        found[step:] &= flags[:-step] & (chats[step:] == chats[:-step])
        found[:step] = False
    return found
