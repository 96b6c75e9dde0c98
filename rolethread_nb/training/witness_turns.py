"""One sequence of a trainer turn by turn: what of each turn's text is trained, masked, cut or missing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

from ..core.model import Conversation, Message, Span
from .targets.target import Forecast
from .trainer_data import PART_OF_A_CHARACTER
from .witnessed import WitnessRow

Mark = Literal["trained", "masked", "cut", "missing"]
Fate = Literal[
    "trained", "partly trained", "masked", "cut short", "cut off", "missing", "no text", "template"
]

# What templates set their control strings in: <|im_end|>, </s>, [INST].
_CONTROL = re.compile(r"<[^<>\s]+>|\[/?[A-Z_]+\]")
_LINE = re.compile(r"\n+(?=[^\n])")
# So much of a text's beginning has to stand at the end of a row for it to be taken for a text that is cut there.
_SURE = 8


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of text with one part in the loss. ``own``: it is the turn's own text, not the template's."""

    text: str
    mark: Mark
    own: bool


@dataclass(frozen=True, slots=True)
class WitnessTurn:
    """One turn as the trainer has it.

    Attributes:
        turn: as numbered in ``Conversation.messages``; None for text that belongs to no turn.
        stretches: its text with what the template writes around it, in order.
        foretold: the same as we foretold it, None where that is no different.
        lost: other texts of the turn (``reasoning``, ``arguments`` of a call) that the model does not get.
    """

    turn: int | None
    stretches: tuple[Stretch, ...]
    foretold: tuple[Stretch, ...] | None = None
    lost: tuple[str, ...] = ()

    @property
    def fate(self) -> Fate:
        """What becomes of the turn's own text, in two words at most."""
        return fate_of(self.turn, self.stretches)


@dataclass(frozen=True, slots=True)
class _Marked:
    """A text with its parts in the loss, and where turns stand in it."""

    text: str
    trained: tuple[Span, ...]
    kept: Span
    places: tuple[tuple[Span, int], ...]


def fate_of(turn: int | None, stretches: Sequence[Stretch]) -> Fate:
    """What becomes of a turn of which these stretches are left."""
    marks = {one.mark for one in stretches if one.own and one.text}
    if not marks:
        return "template" if turn is None else "no text"
    if "missing" in marks:
        return "missing"
    if "cut" in marks:
        return "cut off" if marks == {"cut"} else "cut short"
    return "partly trained" if len(marks) > 1 else ("trained" if marks == {"trained"} else "masked")


def turns_of(
    row: WitnessRow, conversation: Conversation | None, *, differs: bool = False
) -> list[WitnessTurn]:
    """The turns of one sequence in the order of its text, missing ones in their place.

    Args:
        conversation: the one the sequence was made of; None: the text is given as it is.
        differs: whether our forecast was wrong; where it was not, it is not set beside the turns.
    """
    if conversation is None:
        whole = Span(0, len(row.text))
        return [WitnessTurn(None, _stretches(_Marked(row.text, row.trained, whole, ()), *whole, [whole]))]
    wanted = {
        turn: message
        for turn, message in enumerate(conversation.messages)
        if row.side is None or message.side in (None, row.side)
    }
    seen = _seen(row, wanted)
    turns = [WitnessTurn(turn, stretches) for turn, stretches in _by_turn(seen)]
    turns = _with_missing(turns, wanted)
    if row.forecast is not None:
        turns = [_with_lost(one, row.forecast) for one in turns]
    if differs and row.forecast is not None and row.forecast.text is not None:
        ours = dict(_by_turn(_told(row.forecast)))
        turns = [
            one if ours.get(one.turn, ()) == one.stretches else replace(one, foretold=ours.get(one.turn, ()))
            for one in turns
        ]
    return turns


def _seen(row: WitnessRow, wanted: dict[int, Message]) -> _Marked:
    """The sequence, with what is cut off where our forecast knows that text."""
    forecast = row.forecast
    if forecast is not None and forecast.text is not None:
        kept = _kept(forecast)
        if forecast.text[kept.start : kept.end] == row.text.strip(PART_OF_A_CHARACTER):
            shift = kept.start - (len(row.text) - len(row.text.lstrip(PART_OF_A_CHARACTER)))
            trained = tuple(
                Span(max(one.start + shift, kept.start), min(one.end + shift, kept.end))
                for one in row.trained
            )
            return _Marked(forecast.text, trained, kept, _places(forecast))
    places, rest = _searched(row.text, wanted, row.cut is not False)
    text = row.text
    for turn, left in rest:
        places.append((Span(len(text), len(text) + len(left)), turn))
        text += left
    return _Marked(text, row.trained, Span(0, len(row.text)), tuple(places))


def _told(forecast: Forecast) -> _Marked:
    return _Marked(forecast.text or "", forecast.trained, _kept(forecast), _places(forecast))


def _kept(forecast: Forecast) -> Span:
    return forecast.kept or Span(0, len(forecast.text or ""))


def _places(forecast: Forecast) -> tuple[tuple[Span, int], ...]:
    return tuple(sorted((span, one.turn) for one in forecast.located for span in one.spans))


def _searched(
    text: str, wanted: dict[int, Message], may_be_cut: bool
) -> tuple[list[tuple[Span, int]], list[tuple[int, str]]]:
    """Where turns stand in a text, one after the other; and, where it is cut, what is not in it any more."""
    places: list[tuple[Span, int]] = []
    rest: list[tuple[int, str]] = []
    cursor = 0
    for turn, message in wanted.items():
        place = _whole(text, cursor, message.text)
        if place is not None:
            places.append((place, turn))
            rest, cursor = [], place.end
        elif may_be_cut:
            held = 0 if rest else _held(text, cursor, message.text)
            if held:
                places.append((Span(len(text) - held, len(text)), turn))
                cursor = len(text)
            # Taken for cut off as long as no later turn is there.
            rest.append((turn, message.text[held:]))
    return places, rest


def _whole(text: str, cursor: int, said: str) -> Span | None:
    """Where a turn's text stands next, without the blanks at its ends if need be."""
    for wanted in dict.fromkeys((said, said.strip())):
        at = text.find(wanted, cursor) if wanted else -1
        if at >= 0:
            return Span(at, at + len(wanted))
    return None


def _held(text: str, cursor: int, said: str) -> int:
    """How much of a text's beginning is the end of another."""
    at = text.find(said[:_SURE], cursor) if len(said) > _SURE else -1
    while at >= 0:
        if said.startswith(text[at:].rstrip(PART_OF_A_CHARACTER)):
            return len(text) - at
        at = text.find(said[:_SURE], at + 1)
    return 0


def _by_turn(marked: _Marked) -> Iterator[tuple[int | None, tuple[Stretch, ...]]]:
    """The text cut into turns. What the template writes between two of them is parted where the first one is closed."""
    edges = [(span, turn) for span, turn in marked.places if span.end > span.start]
    begin = _head(marked.text[: edges[0][0].start]) if edges else 0
    if begin:
        yield None, _stretches(marked, 0, begin, ())
    open_at, own = begin, []
    for (span, turn), (coming, following) in pairwise(
        [*edges, (Span(len(marked.text), len(marked.text)), None)]
    ):
        own.append(span)
        if following == turn:
            continue
        between = marked.text[span.end : max(span.end, coming.start)]
        end = span.end + (len(between) if following is None else _closing(between))
        yield turn, _stretches(marked, open_at, end, own)
        open_at, own = end, []
    if not edges and marked.text:
        yield None, _stretches(marked, 0, len(marked.text), ())


def _head(text: str) -> int:
    """How much of what stands before the first turn is no opening of it: all but its last line."""
    starts = [match.end() for match in _LINE.finditer(text)]
    return starts[-1] if starts else 0


def _closing(between: str) -> int:
    """How much of what stands between two turns closes the first: up to a line break, else the first control string."""
    if (line := _LINE.search(between)) is not None:
        return line.end()
    control = _CONTROL.search(between)
    return control.end() if control is not None else 0


def _stretches(marked: _Marked, begin: int, end: int, own: Sequence[Span]) -> tuple[Stretch, ...]:
    """A part of the text, cut where its part in the loss or its owner changes."""
    spans = [*marked.trained, *own, marked.kept]
    cuts = {at for span in spans for at in span if begin < at < end}
    made: list[Stretch] = []
    for left, right in pairwise(sorted({begin, end} | cuts)):
        is_own = any(span.start <= left < span.end for span in own)
        if not marked.kept.start <= left < marked.kept.end:
            mark: Mark = "cut"
        else:
            mark = "trained" if any(span.start <= left < span.end for span in marked.trained) else "masked"
        made.append(Stretch(marked.text[left:right], mark, is_own))
    return tuple(made)


def _with_missing(turns: list[WitnessTurn], wanted: dict[int, Message]) -> list[WitnessTurn]:
    """With the turns that are nowhere in the text, each before the first one that comes after it."""
    there = {one.turn for one in turns}
    for turn, message in wanted.items():
        if turn in there:
            continue
        stretches = (Stretch(message.text, "missing", True),) if message.text.strip() else ()
        at = next((n for n, one in enumerate(turns) if one.turn is not None and one.turn > turn), len(turns))
        turns = [*turns[:at], WitnessTurn(turn, stretches), *turns[at:]]
    return turns


def _with_lost(one: WitnessTurn, forecast: Forecast) -> WitnessTurn:
    lost = [place.what for place in forecast.located if place.turn == one.turn and place.state == "lost"]
    return replace(one, lost=tuple(dict.fromkeys(what for what in lost if what != "content")))
