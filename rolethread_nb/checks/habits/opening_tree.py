"""Openings as a tree of prefixes: which of the openings that begin with each other is the habit."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...core.model import IDEOGRAPHS, UNSPACED
from ...core.word_table import Places, word_spans
from ...language.tongues import only_function_words

LENGTHS = (1, 2, 3, 4, 5, 6, 8, 12)  # words of the openings that are counted, a level of the tree each
#: Code, data, headings, tables, numbered lists: they begin alike because their form asks for it.
FORM = re.compile(r'\s*(?:[{\[<`|#!]|\*\*|\d+[.)]|---|"[^"\n]{0,80}"\s*[,:]\s*")')
_MOST = 0.5  # of the replies: what these go on with says more than function words alone
_contracted = re.compile(r"\w['’]\w{1,2}\b")
_unspaced = re.compile(f"[{IDEOGRAPHS}{UNSPACED}]")


@dataclass(frozen=True, eq=False)
class Opening:
    """Words that replies begin with.

    Attributes:
        level: index of their number in ``LENGTHS``.
        text: the words as they stand in one of the replies.
        form: whether that reply begins with code, data, a heading or a number.
        rows: the replies, rising.
    """

    level: int
    text: str
    form: bool
    rows: Places

    @property
    def words(self) -> int:
        """How many there are."""
        return LENGTHS[self.level]


class OpeningTree:
    """The openings of all replies.

    Args:
        hashes: of the opening of each reply, a row a level; 0 where it has fewer words.
        chats: the conversation of each reply, counted from 0 in their order.
        heads: by level and hash, a text that begins so; for those that ``fewest`` and the smallest share of the replies have.
        fewest: an opening is common if so many conversations have it,
        shares: and this share of the replies and of the conversations: openings of one word, of two, of more.
        nearly: a longer opening that this share of the replies with a shorter one have is named in its place.
    """

    def __init__(
        self,
        hashes: np.ndarray[Any, np.dtype[np.uint32]],
        chats: Places,
        heads: Mapping[tuple[int, int], str],
        fewest: float,
        shares: tuple[float, float, float],
        nearly: float,
    ) -> None:
        self._hashes, self._chats, self._heads = hashes, chats, heads
        self._fewest, self._shares, self._nearly = fewest, shares, nearly
        self._least = max(fewest, min(shares) * len(chats))

    def common(self) -> list[Opening]:
        """The openings that are habits; none of them begins with another one."""
        return list(self._habits(self._of_level(0, np.arange(len(self._chats)))))

    def continuations(self, opening: Opening) -> list[Opening]:
        """How the replies with an opening go on, the most frequent first; what is rare among all replies is left out."""
        return [self._whole(one, self._nearly) for one in self._longer(opening) if not one.form]

    def needed(self, opening: Opening) -> float | None:
        """The share that an opening has to have; None for a form, for less than a word, and for one function word.

        A contraction (“that's”) is one word here, though an apostrophe parts words elsewhere.
        """
        words = _words(opening)
        worth = sum(0.5 if _unspaced.match(word) else 1 for word in words)
        worth -= len(_contracted.findall(opening.text))
        if opening.form or worth < 1:
            return None
        share = self._shares[min(int(worth), 3) - 1]
        if not only_function_words(words):
            return share
        return 2 * share if worth > 1 else None

    def conversations(self, opening: Opening) -> int:
        """How many conversations have a reply that begins so."""
        return len(np.unique(self._chats[opening.rows]))

    def _habits(self, openings: list[Opening]) -> Iterator[Opening]:
        """Walk down to the first opening on each way that is common and says something."""
        for one in openings:
            if self._is_common(one) and not self._says_little(one):
                yield self._whole(one, self._nearly)
            else:
                yield from self._habits(self._longer(one))

    def _says_little(self, opening: Opening) -> bool:
        """Whether these are function words alone that most replies follow up with the same, less common words."""
        if not only_function_words(_words(opening)):
            return False
        return not only_function_words(_words(self._whole(opening, _MOST)))

    def _whole(self, opening: Opening, share: float) -> Opening:
        """The longest common opening that begins with one and that such a share of its replies have."""
        found = one = opening
        while (longer := next(iter(self._longer(one)), None)) is not None:
            if len(longer.rows) < share * len(opening.rows):
                break
            one = longer
            if self._is_common(one):
                found = one
        return found

    def _longer(self, opening: Opening) -> list[Opening]:
        """What begins with an opening and is one level longer."""
        return self._of_level(opening.level + 1, opening.rows)

    def _of_level(self, level: int, rows: Places) -> list[Opening]:
        """The openings of some replies, by one of the lengths, that may be common; the most frequent first."""
        if level == len(LENGTHS):
            return []
        values, which, counts = np.unique(self._hashes[level][rows], return_inverse=True, return_counts=True)
        found = []
        for n in np.argsort(-counts, kind="stable").tolist():
            if counts[n] < self._least:
                break
            head = self._heads.get((level, int(values[n])))
            if values[n] and head is not None:
                spans = word_spans(head)[: LENGTHS[level]]
                text = head[spans[0].start : spans[-1].end]
                found.append(Opening(level, text, bool(FORM.match(head)), rows[which == n]))
        return found

    def _is_common(self, opening: Opening) -> bool:
        """Whether the replies, and the conversations they stand in, are enough."""
        share = self.needed(opening)
        if share is None or len(opening.rows) < share * len(self._chats):
            return False
        everywhere = int(self._chats[-1]) + 1
        return self.conversations(opening) >= max(self._fewest, share * everywhere)


def _words(opening: Opening) -> list[str]:
    return [opening.text[span.start : span.end] for span in word_spans(opening.text)]
