"""Where each turn's own text stands in the rendered conversation, and what of it is changed or missing.

A rendered conversation is the pieces of its messages with the template's own text between them. That text between, the
*gaps*, is learnt by rendering once more with a mark in place of each piece. Where the gaps and the pieces together give the
rendered text again, letter for letter, nothing is left to guess, whatever the pieces hold: control strings, the template's
own words, the same turn ten times over. The gaps of simple conversations are remembered, so that most need no second
rendering. Pieces that do not come out this way are replaced one at a time, and stand where the two renderings differ.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from ..core.model import Span
from .pieces import NOT_THINKING, Piece, Skeleton, What
from .prepared import REASONING_KEYS
from .templates import ChatTemplate, Messages, Rendered, TemplateRefusedError

State = Literal["whole", "trimmed", "escaped", "altered", "lost"]

# The least harmed first: of several pieces of one text the most harmed one counts.
_STATES: tuple[State, ...] = ("whole", "trimmed", "escaped", "altered", "lost")

# Code points that no text has: they are not characters, and Unicode keeps them for such use.
_MARKS = "\ufdd0\ufdd2\ufdd4\ufdd6"

# Different gaps remembered between the same two roles; a template that needs more is rendered twice.
_GAPS_REMEMBERED = 6

# Messages that may be rendered again to place the doubtful pieces of one conversation; beyond, they are searched for.
_MESSAGES_TO_RENDER_AGAIN = 200_000

# Keys beside the content whose texts have to arrive, too.
_MORE_TEXTS = frozenset((*REASONING_KEYS, "tool_calls", "function_call"))


@dataclass(frozen=True, slots=True)
class Located:
    """What became of one text of a message.

    Attributes:
        turn: index of the message.
        what: ``content``; ``reasoning``; ``name`` or ``arguments`` of a tool call.
        pointer: JSON Pointer into the message (``/content``, ``/tool_calls/0/function/arguments/city``).
        spans: where it stands in the rendered text, in code points; empty if it is lost. A text that is written twice,
            or in parts, has several.
        state: ``whole``; ``trimmed`` (only blanks at its ends are missing); ``escaped`` (written as a JSON string);
            ``altered``; ``lost``.
    """

    turn: int
    what: What
    pointer: str
    spans: tuple[Span, ...]
    state: State

    def as_turn(self, turn: int) -> Located:
        """The same under another number of its message."""
        return self if turn == self.turn else replace(self, turn=turn)


@dataclass(slots=True)
class _Place:
    """Where one piece was found."""

    spans: list[Span]
    state: State


class Locator:
    """Finds the turns of conversations that one template has rendered; it learns from each how the template writes."""

    def __init__(self, template: ChatTemplate) -> None:
        self.template = template
        self._gaps: dict[tuple[str | None, str | None], list[str]] = {}

    def locate(
        self,
        messages: Messages,
        rendered: Rendered | None = None,
        tools: Sequence[Any] | None = None,
        **variables: Any,
    ) -> tuple[Located, ...]:
        """What became of each text of each message, in the order of the messages.

        Args:
            messages: as given to `ChatTemplate.render`.
            rendered: what came of it, if it is at hand; it has to come from the same arguments.
            tools: as given to `ChatTemplate.render`.
            variables: as given to `ChatTemplate.render`.

        Raises:
            TemplateRefusedError: the template does not render this conversation.
        """
        if rendered is None:
            rendered = self.template.render(messages, tools, **variables)
        simple = _simple(messages)
        if simple is not None and (known := self._by_known_gaps(rendered.text, simple)) is not None:
            return tuple(
                Located(turn, "content", "/content", (span,), state)
                for turn, (span, state) in enumerate(known)
            )
        search = _Search(self.template, messages, rendered.text, {"tools": tools, **variables})
        places = search.places()
        if simple is not None:
            self._remember(rendered.text, simple, places)
        return tuple(_merged(search.pieces, places))

    def _by_known_gaps(
        self, text: str, simple: list[tuple[str | None, str]]
    ) -> list[tuple[Span, State]] | None:
        """The turns, if known gaps and the turns' texts make up the rendered text exactly."""
        found: list[tuple[Span, State]] = []
        cursor, before = 0, None
        for role, content in simple:
            gaps = self._gaps.get((before, role), ())
            place = _after(text, cursor, gaps, content, "whole")
            if place is None and (bare := content.strip()) != content:
                place = _after(text, cursor, gaps, bare, "trimmed")
            if place is None:
                return None
            found.append(place)
            cursor, before = place[0].end, role
        return found if text[cursor:] in self._gaps.get((before, None), ()) else None

    def _remember(self, text: str, simple: list[tuple[str | None, str]], places: list[_Place]) -> None:
        """Keep the gaps of a conversation whose every turn was found in its order."""
        cursor, before = 0, None
        gaps: list[tuple[tuple[str | None, str | None], str]] = []
        for (role, _), place in zip(simple, places, strict=True):
            if place.state not in ("whole", "trimmed") or len(place.spans) != 1:
                return
            (start, end) = place.spans[0]
            if start < cursor:
                return
            gaps.append(((before, role), text[cursor:start]))
            cursor, before = end, role
        gaps.append(((before, None), text[cursor:]))
        for key, gap in gaps:
            known = self._gaps.setdefault(key, [])
            if gap not in known and len(known) < _GAPS_REMEMBERED:
                # The longer first: a gap may begin with another.
                known.append(gap)
                known.sort(key=len, reverse=True)


def locate(
    template: ChatTemplate, messages: Messages, tools: Sequence[Any] | None = None, **variables: Any
) -> tuple[Located, ...]:
    """`Locator.locate` for one conversation; for many, a `Locator` is faster."""
    return Locator(template).locate(messages, None, tools, **variables)


def _simple(messages: Messages) -> list[tuple[str | None, str]] | None:
    """Role and text of each turn, if each is one text and nothing else."""
    simple = []
    for message in messages:
        role, content = message.get("role"), message.get("content")
        if type(content) is not str or not (type(role) is str or role is None):
            return None
        if "think>" in content and role not in NOT_THINKING:
            return None
        if not _MORE_TEXTS.isdisjoint(message) and any(message.get(key) is not None for key in _MORE_TEXTS):
            return None
        simple.append((role, content))
    return simple


def _after(
    text: str, cursor: int, gaps: Sequence[str], content: str, state: State
) -> tuple[Span, State] | None:
    """The place of a content that follows one of these gaps."""
    for gap in gaps:
        start = cursor + len(gap)
        if text.startswith(gap, cursor) and text.startswith(content, start):
            return Span(start, start + len(content)), state
    return None


class _Search:
    """The search for the pieces of one conversation."""

    def __init__(
        self, template: ChatTemplate, messages: Messages, text: str, options: dict[str, Any]
    ) -> None:
        self._template = template
        self._text = text
        self._options = options
        self._skeleton = Skeleton.of(messages)
        self.pieces = self._skeleton.pieces
        self._turns, self._to_render = len(messages), _MESSAGES_TO_RENDER_AGAIN
        self._mark = next((mark for mark in _MARKS if mark not in text), _MARKS[0])

    def places(self) -> list[_Place]:
        """One place a piece."""
        texts = [at for at, piece in enumerate(self.pieces) if piece.text is not None]
        said = [at for at in texts if self.pieces[at].text]
        for together in (texts, said) if len(said) < len(texts) else (texts,):
            if together and (found := self._all_at_once(together)) is not None:
                break
        else:
            found = {}
        return [
            self._with_nothing_lost(at, found.get(at) or self._alone(at)) for at in range(len(self.pieces))
        ]

    def _with_nothing_lost(self, at: int, place: _Place) -> _Place:
        """An empty text that is not written, or one of blanks, is not lost."""
        text = self.pieces[at].text
        if place.state == "lost" and text is not None and not text.strip():
            place.state = "trimmed" if text else "whole"
        return place

    def _sentinel(self, at: int) -> str:
        return f"{self._mark}{at}{self._mark}"

    def _marked(self, pieces: Sequence[int]) -> str | None:
        """The conversation with marks in place of some pieces; None if the template refuses it so."""
        try:
            messages = self._skeleton.filled({at: self._sentinel(at) for at in pieces})
            return self._template.render(messages, **self._options).text
        except TemplateRefusedError:
            return None

    def _all_at_once(self, pieces: Sequence[int]) -> dict[int, _Place] | None:
        """The places of these pieces, if the gaps between them and their texts make up the rendered text exactly."""
        marked = self._marked(pieces)
        if marked is None:
            return None
        gap, *rest = re.split(f"{self._mark}(\\d+){self._mark}", marked)
        if not self._text.startswith(gap):
            return None
        cursor = len(gap)
        places = {at: _Place([], "lost") for at in pieces}
        for at, gap in zip(map(int, rest[::2]), rest[1::2], strict=True):
            written = next(
                (
                    (state, len(variant))
                    for state, variant in _variants(self.pieces[at].text or "")
                    if self._text.startswith(variant, cursor)
                    and self._text.startswith(gap, cursor + len(variant))
                ),
                None,
            )
            if written is None:
                return None
            state, length = written
            place = places[at]
            place.state = max(state, place.state, key=_STATES.index) if place.spans else state
            place.spans.append(Span(cursor, cursor + length))
            cursor += length + len(gap)
        return places if cursor == len(self._text) else None

    def _alone(self, at: int) -> _Place:
        """Where the rendered text differs when only this piece is another."""
        piece = self.pieces[at]
        self._to_render -= self._turns
        marked = self._marked([at]) if self._to_render > 0 else None
        if marked is None:
            return self._by_search(piece)
        if marked == self._text:
            return _Place([], "lost")
        before, *after = marked.split(self._sentinel(at))
        if len(after) == 1 and self._text.startswith(before) and self._text.endswith(after[0]):
            start, end = len(before), len(self._text) - len(after[0])
            if start <= end:
                return _judged(self._text, start, end, piece.text)
        start = common_prefix(self._text, marked)
        end = len(self._text) - common_prefix(self._text[start:][::-1], marked[start:][::-1])
        return _judged(self._text, start, end, piece.text)

    def _by_search(self, piece: Piece) -> _Place:
        """The last resort, where the template takes no other text or too much is in doubt: the piece's only occurrence."""
        for state, variant in _variants(piece.text or ""):
            if variant and self._text.count(variant) == 1:
                start = self._text.index(variant)
                return _Place([Span(start, start + len(variant))], state)
        return _Place([], "altered" if piece.text is None or piece.text in self._text else "lost")


def _variants(text: str) -> Iterator[tuple[State, str]]:
    """How templates write a text, the most faithful first."""
    yield "whole", text
    for trimmed in (text.strip(), text.strip("\n"), text.lstrip("\n"), text.rstrip("\n"), text.rstrip()):
        if trimmed != text:
            yield "trimmed", trimmed
    for ascii_only in (False, True):
        as_json = json.dumps(text, ensure_ascii=ascii_only)[1:-1]
        if as_json != text:
            yield "escaped", as_json


def _judged(text: str, start: int, end: int, wanted: str | None) -> _Place:
    """A piece that stands somewhere in a stretch of the rendered text."""
    found = text[start:end]
    if wanted is None:
        return _Place([Span(start, end)] if found else [], "altered" if found else "lost")
    for state, variant in _variants(wanted):
        at = found.find(variant)
        if at >= 0 and (variant or not found.strip()):
            return _Place([Span(start + at, start + at + len(variant))], state)
    return _Place([Span(start, end)] if found.strip() else [], "altered" if found.strip() else "lost")


def common_prefix(one: str, other: str) -> int:
    """Length of what two texts begin with alike, by halving: comparing slices is quick, characters one by one are not."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _merged(pieces: Sequence[Piece], places: Sequence[_Place]) -> Iterator[Located]:
    """One answer for the pieces of one text: the parts of a content that has its reasoning in the middle."""
    together: dict[tuple[int, What, str], list[_Place]] = {}
    for piece, place in zip(pieces, places, strict=True):
        together.setdefault((piece.turn, piece.what, piece.pointer), []).append(place)
    for (turn, what, pointer), parts in together.items():
        states = {part.state for part in parts}
        # One part lost is not the whole lost.
        worst = "altered" if "lost" in states and len(states) > 1 else max(states, key=_STATES.index)
        spans = tuple(sorted(span for part in parts for span in part.spans))
        yield Located(turn, what, pointer, spans, worst)
