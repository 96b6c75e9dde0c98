"""How much of a reply is new: for the few conversations that are looked at one by one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ...core.model import IDEOGRAPHS, UNSPACED
from ...language.tongues import function_words

_LEAST = 3  # replies that can be a loop
_unspaced = re.compile(f"[{IDEOGRAPHS}{UNSPACED}]")
_BETWEEN = re.compile(
    "[\\s!-/:-@\\[-`{-~\u00a0-\u00bf\u2000-\u200b\u2010-\u206f\u060c\u061b\u061f\u06d4\u0964\u3000-\u303f\uff00-\uff0f\uff1a-\uff20]+"
)
_ENDS = re.compile(r"[.!?。！？؟।…]+[\"”»」’*_)\]]*\s*|\n+")
_FORM = re.compile(r"```|\]\(|^\s*[{\[<|]|(?m:^\s*(?:[-*•+]|\d+[.)]) .*\n+\s*(?:[-*•+]|\d+[.)]) )")
_function_words = frozenset().union(*function_words().values())


@dataclass(frozen=True, slots=True)
class Signs:
    """What shows that replies go round in circles.

    Attributes:
        kind: ``novelty``, ``alike`` or ``repeated``.
        value: what was measured: the share of new content words, the Jaccard index, the share of sentences.
        threshold: what it was measured against.
        rows: the replies that show it.
        row: the reply in which it is plain, and ``span`` where.
    """

    kind: str
    value: float
    threshold: float
    rows: tuple[int, ...]
    row: int
    span: tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Reply:
    row: int
    text: str
    words: frozenset[str]


def signs_of(
    replies: Iterable[tuple[int, str]],
    *,
    novelty: float,
    run: float,
    alike: float,
    repeated: float,
    window: float = 8,
    content: float = 5,
    nearly: float = 0.8,
    sentence: float = 5,
    again: float = 3,
) -> Signs | None:
    """The first sign of a loop in the replies of one conversation, None if there is none. Forms are left out.

    Args:
        replies: rows and texts.
        novelty, run, window: the share of new content words, below which so many replies on end are stale, against so many before each.
        alike, nearly: the Jaccard index beyond which two pairs of neighbours are alike, and from which on one is enough.
        repeated, sentence, again: the share of sentences, of so many words, that were said before; so many of them at least.
        content: content words that a reply needs to be judged.
    """
    judged = [
        _Reply(row, text, words)
        for row, text in replies
        if not is_form(text) and len(words := content_words(text)) >= content
    ]
    if len(judged) < _LEAST:
        return None
    return (
        _repeated(judged, repeated, sentence, again)
        or _alike(judged, alike, nearly)
        or _stale(judged, novelty, int(run), int(window))
    )


def is_form(text: str) -> bool:
    """Whether a text is code, data, a list or verse, which repeat what their form asks for."""
    if _FORM.search(text):
        return True
    lines = [line for line in text.splitlines() if line.strip()]
    return len(lines) >= 3 and sum(len(line) for line in lines) / len(lines) < 60


def content_words(text: str) -> frozenset[str]:
    """The words of a text that are no function words, in lower case; in a script without blanks, pairs of characters."""
    words = _words(text)
    if not _unspaced.search(text):
        return frozenset(words) - _function_words
    single = [bool(_unspaced.match(word)) for word in words]
    found = {word for word, one in zip(words, single, strict=True) if not one and word not in _function_words}
    found |= {words[n] + words[n + 1] for n in range(len(words) - 1) if single[n] and single[n + 1]}
    return frozenset(found)


def _words(text: str) -> list[str]:
    """The words of a text in lower case; a character of a script without blanks is one."""
    parted = _BETWEEN.sub(" ", text.lower())
    return _unspaced.sub(r" \g<0> ", parted).split()


def _stale(replies: Sequence[_Reply], limit: float, run: int, window: int) -> Signs | None:
    """So many replies on end with few words that are new."""
    row: list[_Reply] = []
    shares: list[float] = []
    for n, reply in enumerate(replies):
        before = frozenset().union(*(one.words for one in replies[max(0, n - window) : n]))
        fresh = len(reply.words - before) / len(reply.words) if n else 1.0
        if fresh >= limit:
            if len(row) >= run:
                break
            row, shares = [], []
        else:
            row.append(reply)
            shares.append(fresh)
    if len(row) < run:
        return None
    rows = tuple(one.row for one in row)
    return Signs("novelty", sum(shares) / len(shares), limit, rows, rows[0], (0, len(row[0].text)))


def _alike(replies: Sequence[_Reply], limit: float, nearly: float) -> Signs | None:
    """Two pairs of neighbours that are alike, or one that is nearly the same."""
    pairs = []
    for left, right in pairwise(replies):
        jaccard = len(left.words & right.words) / len(left.words | right.words)
        if jaccard > limit:
            pairs.append((jaccard, left, right))
    if not pairs or (len(pairs) < 2 and pairs[0][0] < nearly):
        return None
    jaccard, _, right = max(pairs, key=lambda pair: pair[0])
    rows = sorted({reply.row for _, *both in pairs for reply in both})
    return Signs("alike", jaccard, limit, tuple(rows), right.row, (0, len(right.text)))


def _repeated(replies: Sequence[_Reply], limit: float, least: float, times: float) -> Signs | None:
    """Sentences that an earlier reply has word for word."""
    known: dict[tuple[str, ...], int] = {}
    again: list[tuple[_Reply, tuple[int, int], int]] = []
    total = 0
    for reply in replies:
        for words, span in _sentences(reply.text, least):
            total += 1
            first = known.setdefault(words, reply.row)
            if first != reply.row:
                again.append((reply, span, first))
    if len(again) < max(1, times) or len(again) <= limit * total:
        return None
    rows = sorted({reply.row for reply, _, _ in again} | {first for *_, first in again})
    return Signs("repeated", len(again) / total, limit, tuple(rows), again[0][0].row, again[0][1])


def _sentences(text: str, least: float) -> Iterable[tuple[tuple[str, ...], tuple[int, int]]]:
    """The sentences of so many words and more, in lower case, with their places."""
    start = 0
    for stop in [*(end.end() for end in _ENDS.finditer(text)), len(text)]:
        words = _words(text[start:stop])
        worth = sum(0.5 if _unspaced.match(word) else 1 for word in words)
        if worth >= least:
            yield tuple(words), (start, start + len(text[start:stop].rstrip()))
        start = stop
