"""Lists of openings, closings and phrases, each with places where it stands."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from ...checks.charts.wording import Chart, counted, label, percent, sentence
from ...core.turns import encodable
from ...core.word_table import word_spans
from ..distributions import Distributions
from ..facet import Facet
from ..texts import words_in
from .said import HABITS, having_any, rows_of

_SHOWN = 8
_LINES = 2
TOLD = 3  # of them the title adds up
_BEFORE, _AFTER = 20, 60  # characters around a phrase: a narrow chart shows what it is told for, the phrase
FEWEST = 3  # replies that share it

RARE = 0.01  # share of the replies below which none of them is a habit

_SAID = {
    "opening": ("of replies open with", "how replies begin"),
    "closing": ("of replies end with", "how replies end"),
    "phrase": ("of replies have", "phrases of four words"),
}
_FEW = {1: "the same words", 2: "one of two phrases", 3: "one of three phrases"}
_FIRST = {1: "first stands", 2: "first two stand", 3: "first three stand"}
_NO = {"opening": "No opening is shared by three replies", "closing": "No closing is shared by three replies"}


def phrases(balance: Distributions, name: str) -> Chart | None:
    """What several replies have in common, the most frequent first; None where there is nothing to compare."""
    frame = balance[name]
    facet = balance.facet(name)
    replies = balance.described("reply_words")["count"]
    shown = frame[frame["count"] >= FEWEST].head(_SHOWN)
    if not replies or (shown.empty and name not in _NO):
        return None
    most = int(shown["count"].max()) if len(shown) else 1
    marks = []
    for row in rows_of(shown):
        lines = _lines(balance, facet, row["value"])
        marks.append(
            {
                "label": label(lines[0]["phrase"] if lines else row["label"]),
                "length": round(row["count"] / most, 5),
                "value": row["count"],
                "text": f"{counted(row['count'], 'reply', 'replies')}, {percent(row['count'], replies)}",
                "tone": "assistant",
                "filter": facet.found_by(row["value"]),
                "lines": lines,
            }
        )
    return {
        "id": name,
        "kind": "phrases",
        "group": HABITS,
        "title": _title(balance, name, list(shown["value"].head(TOLD)), replies),
        "subtitle": f"{_SAID[name][1]}, {counted(replies, 'reply', 'replies')}",
        "x": {"label": "replies"},
        "marks": marks,
    }


def _title(balance: Distributions, name: str, first: Sequence[str], replies: int) -> str:
    if not first:
        return _NO[name]
    count, few = having_any(balance, name, first), len(first)
    if count < RARE * replies:
        return f"No {name} is frequent: the {_FIRST[few]} in {count:,} of {replies:,} replies"
    return sentence(f"{percent(count, replies)} {_SAID[name][0]} {_FEW[few]}")


def _lines(balance: Distributions, facet: Facet, value: str) -> list[dict[str, Any]]:
    """The first places where a phrase stands, each in another conversation where there are several."""
    places = balance.places(facet.name, value).drop_duplicates(["source", "index"]).head(_LINES)
    words = words_in(value)
    found = []
    for place in rows_of(places):
        conversation = balance.dataset.conversation_at(place["source"], place["index"])
        if conversation is None:
            continue
        text = encodable(conversation.message(place["turn"]).text)
        start, end = _where(text, words, last=facet.name == "closing")
        before = " ".join(text[max(0, start - _BEFORE) : start].split())
        after = text[end : end + _AFTER]
        found.append(
            {
                "before": f"{'…' if start > _BEFORE else ''}{before}{' ' if before and text[start - 1 : start].isspace() else ''}",
                "phrase": " ".join(text[start:end].split()),
                "after": re.sub(r"\s+", " ", after) + ("…" if end + _AFTER < len(text) else ""),
                "key": f"{place['source']}:{place['index']}",
                "turn": place["turn"],
            }
        )
    return found


def _where(text: str, words: Sequence[str], *, last: bool) -> tuple[int, int]:
    """Where a run of words stands in a text, the first or the last time."""
    spans = word_spans(text)
    said = [text[start:end].lower() for start, end in spans]
    split = [part for word in words for part in re.split("['’]", word)]
    found = [at for at in range(len(said) - len(split) + 1) if said[at : at + len(split)] == split]
    if not found or not split:
        return 0, 0
    at = found[-1] if last else found[0]
    return spans[at].start, spans[at + len(split) - 1].end
