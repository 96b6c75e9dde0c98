"""Replies that stop before their end: in the middle of a sentence, of quoted speech, of a block of code."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass

import numpy as np
import polars as pl

from ...core.blocks import Block
from ...core.model import Span, count_words
from ...core.word_table import Flags
from ...language.phrases import english
from ...language.scripts import scripts
from ..rule import DatasetFinding, Evidence, Page, Rule
from .replied import exchange, place_columns, records, replied, reply_rows

_TAIL = (
    60  # characters at the end by which a turn is judged column by column, and so many by which its script is
)
_LETTERS = 20
_FENCE = r"(?m)^[ \t]*```"
_FENCED = re.compile(_FENCE)
_PROSE = 5  # words of a line that may be a sentence behind a block of code
_COMMAS = ",;、，；،"
_BEFORE_QUOTE = " ([—–-\t*_"
# A letter or a comma at the end. A keycap and what makes an emoji of a character are no letters.
_OPEN = r"(?:\p{L}[\p{M}--[\x{fe0f}\x{20e3}]]*|[,;、，；،])$"
# The last quotation mark of the last line opens.
_QUOTE = r"(?:(?:^|[\s(\[—–-])\"[^\"\s][^\"\n]*|[“«„「『][^”»“」』\"\n]*)$"
_UNMARKED = ("Thai", "Lao", "Tibetan", "Yi")  # scripts that are written without full stops
_STOP = re.compile(r"[.!?…。！？।॥؟۔։።።៕។။፧;·][\"'”’»“」』)*_]*(?=\s|$)|[。！？」』]")
_ITEM = re.compile(
    r"\s*(?:[-*+•·–—▪◦‣~#>|]|\(?\d+[.):、]|\(?[A-Za-z][.)]\s|\[\d|\p{So})".replace(
        r"\p{So}", "[\u2600-\u27bf\U0001f300-\U0001faff]"
    )
)
_LITERAL = re.compile(r"https?://\S*$|[#@]\S+$|[={}<>|\\`]|->|→|\S+\(\S*\)")
_LABEL = re.compile(r"[^\s:：]+(?: [^\s:：]+){0,3}\s*[:：]\s")
_SIGNED = re.compile(r"[\"”»’'*]\s*[-–—~]+\s*[^.!?]{1,60}$|\s[-–—]\s?[A-Z]\S*(?: [A-Z]\S*){0,3}$")
_CLOSED_BY = {"“": "”", "«": "»", "„": "“”", "「": "」", "『": "』", '"': '"'}  # in one line


@dataclass(frozen=True)
class _Open:
    """A reply that may stop too early: what is left open, and the stretch of text."""

    kind: str
    span: Span
    words: int


class _Endings:
    """Counts which replies come to an end, by script; keeps those that do not, to be reported where most do."""

    def __init__(self, share: float, replies: float, words: float, long: float, verse: float) -> None:
        self._share, self._fewest, self._words, self._long, self._verse = share, replies, words, long, verse
        self._ended: Counter[str] = Counter()
        self._counted: Counter[str] = Counter()
        self._kept: list[tuple[int, int, int, str, _Open]] = []

    def partial(self, block: Block) -> None:
        if not block.turns.height:
            return
        rows = np.flatnonzero(reply_rows(block))
        if not len(rows):
            return
        text = block.turns["text"].gather(rows)
        tail = text.str.tail(_TAIL).str.strip_chars_end()
        script = scripts(tail.str.tail(_LETTERS)).fill_null("")
        stops = tail.str.contains(_OPEN).to_numpy()
        at = block.turns["conversation"].to_numpy()[rows]
        long = (block.turns["words"].gather(rows) >= self._words).to_numpy()
        counted = np.flatnonzero(block.fresh[at] & long)
        for total, some in ((self._counted, counted), (self._ended, counted[~stops[counted]])):
            total.update(dict(script.gather(some).value_counts().iter_rows()))
        fenced = (text.str.contains("```", literal=True)).to_numpy()
        fenced[fenced] = (text.filter(fenced).str.count_matches(_FENCE) % 2 == 1).to_numpy()
        quoted = text.str.contains(_QUOTE).to_numpy()
        may = (stops & long & ~_habit(at, stops)) | fenced | quoted
        may &= ~script.is_in(_UNMARKED).to_numpy()
        self._keep(block, rows[may], script.filter(may))

    def _keep(
        self, block: Block, rows: np.ndarray[tuple[int], np.dtype[np.int64]], script: pl.Series
    ) -> None:
        places = zip(
            *place_columns(block, rows).values(), script, block.turns["text"].gather(rows), strict=True
        )
        for source, index, turn, name, text in places:
            if (found := _left_open(text, self._words, self._long, self._verse)) is not None:
                self._kept.append((source, index, turn, name, found))

    def finish(self) -> list[DatasetFinding]:
        found = []
        for source, index, turn, script, one in self._kept:
            ended, replies = self._ended[script], self._counted[script]
            if replies < self._fewest:
                ended, replies = self._ended.total(), self._counted.total()
            if replies >= self._fewest and ended < self._share * replies:
                continue
            evidence: Evidence = {
                "turn": turn,
                "kind": one.kind,
                "words": one.words,
                "ended": ended,
                "replies": replies,
                "threshold": self._share,
            }
            found.append(DatasetFinding(evidence, (), conversation=(source, index), span=one.span))
        return found


def _habit(at: np.ndarray[tuple[int], np.dtype[np.uint32]], stops: Flags) -> Flags:
    """Replies of conversations in which over half of at least three replies end so."""
    open_, every = np.bincount(at, weights=stops), np.bincount(at)
    found: Flags = ((every > 2) & (2 * open_ > every))[at]
    return found


def _left_open(text: str, words: float, long: float, verse: float) -> _Open | None:
    """What a text leaves open at its end."""
    body = text.rstrip()
    if (fence := _open_fence(body)) is not None:
        return _Open("code", Span(fence, len(body)), count_words(body[fence:]))
    begin = body.rfind("\n") + 1
    line = body[begin:]
    if not line or _ITEM.match(line) or line.startswith("    ") or _LITERAL.search(line):
        return None
    if (quote := _open_quote(body, begin)) is not None:
        return _Open("speech", Span(quote, len(body)), count_words(body[quote:]))
    if unicodedata.category(line[-1])[0] not in "LM" and line[-1] not in _COMMAS:
        return None
    return _open_sentence(body, begin, words, long, verse)


def _open_fence(body: str) -> int | None:
    """Where a block of code begins that is not closed; what ends as prose does is none."""
    fences = [found.start() for found in _FENCED.finditer(body)]
    if len(fences) % 2 == 0 or body.endswith("```"):
        return None
    last = body[body.rfind("\n") + 1 :]
    return None if _STOP.search(last[-3:]) and count_words(last) > _PROSE else fences[-1]


def _open_sentence(body: str, begin: int, words: float, long: float, verse: float) -> _Open | None:
    line = body[begin:]
    if _SIGNED.search(line):
        return None
    stops = list(_STOP.finditer(line))
    start = begin + (stops[-1].end() if stops else 0)
    said = body[start:]
    start += len(said) - len(said.lstrip())
    count = count_words(said)
    if count < words or (not stops and (not _runs_on(body[:begin]) or _LABEL.match(line))):
        return None
    if _is_verse(body, begin, verse) or not (count_words(body) >= long or _goes_on(said)):
        return None
    return _Open("sentence", Span(start, len(body)), count)


def _runs_on(before: str) -> bool:
    """Whether the lines before the last are sentences with an end, no verse, list, letter or label."""
    lines = before.split()
    return bool(lines) and _STOP.search(lines[-1][-4:]) is not None


def _is_verse(body: str, begin: int, words: float) -> bool:
    """Whether the last two lines stand directly below one another and have no more than so many words."""
    if begin < 2 or body[begin - 2] == "\n":
        return False
    above = body[body.rfind("\n", 0, begin - 1) + 1 : begin]
    return bool(above.strip()) and max(count_words(above), count_words(body[begin:])) <= words


def _goes_on(said: str) -> bool:
    """Whether something must follow: a comma, or an English word such as "the" at the end."""
    last = said.rsplit(maxsplit=1)[-1].casefold()
    return last[-1] in _COMMAS or last in english("endings", "go_on")


def _open_quote(body: str, begin: int) -> int | None:
    """Where speech begins in the last line that is not closed."""
    last = max(body.rfind(mark, begin) for mark in '“”«»„「」『』"')
    if last < 0 or body[last] not in _CLOSED_BY or not body[last + 1 :].strip():
        return None
    mark, before = body[last], body[begin:last]
    if mark == '"':
        after = not before or before[-1] in _BEFORE_QUOTE
        opens = before.count('"') % 2 == 0 and after and body[last + 1] != " "
    else:
        opens = body.count(mark) > sum(map(body.count, _CLOSED_BY[mark]))
        opens &= mark != "“" or body.count("„") < body.count("“")
    return last if opens else None


_ENDS = "It rained all night. In the morning the boat was gone and nobody had seen it leave."
_STOPS = "It rained all night. In the morning the boat was gone and nobody had seen the"
_TOLD = [exchange(f"And on day {n}?", f"On day {n}. {_ENDS}") for n in range(30)]
_NO_ENDS = [
    exchange(f"And on day {n}?", f"on day {n} it rained all night and the boat was gone") for n in range(30)
]

RULES: tuple[Rule, ...] = (
    Rule(
        code="reply.truncated",
        severity="warning",
        scope="turn",
        preview=True,
        title="The reply stops too early",
        wave=_Endings,
        thresholds={"share": 0.7, "replies": 20, "words": 8, "long": 20, "verse": 14},
        says=lambda e: (
            f"The reply stops in the middle of {'a sentence' if e['kind'] == 'sentence' else e['kind']}"
        ),
        where="content",
        page=Page(
            "Finds replies that stop in the middle: of a sentence (its last 8 words or more have no full stop, behind a sentence that has one), of quoted"
            " speech, of a fenced block of code. A reply of under 20 words (long) must end in a comma or in an"
            " English word that something follows (the, and). Full stops of every script count; Thai and Lao, which have none, are left alone, and so are lists, tables,"
            " verse (two lines of at most 14 words each, threshold verse), letters with a signature, links, formulas, and an ellipsis, a dash or an emoji at the end. Where under 70 % (share) of at least 20"
            " (replies) in a script end with a mark, or most of the same conversation do not, that is the custom and nothing is reported.",
            "The model learns to stop in the middle. Mostly such replies were cut off by a limit of tokens when they were made.",
            "... and then the inspector opened the",
        ),
        fires=(
            *replied(
                _STOPS,
                'He came in. "Where have you been',
                "Like so:\n\n```python\nfor row in rows:\n    print(row",
            ),
            records(*_TOLD, exchange("And then?", _STOPS)),
        ),
        silent=(
            *replied(
                _ENDS,
                f"{_STOPS}...",
                f"{_ENDS}\n\nYours,\nAnna",
                f"{_ENDS}\n- a boat that somebody else had left at the pier",
                "Jane Austen",
            ),
            records(*_NO_ENDS, exchange("And then?", _STOPS)),
        ),
    ),
)
