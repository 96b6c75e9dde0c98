"""Which characters of a rendered conversation the assistant has to write itself, and so which a trainer trains on.

A template with ``generation`` marks says it. For the others this is how the training templates of TRL place their marks:

* A turn begins where the generation prompt ends (``<|im_start|>assistant\\n``), which the model is given and does not write.
  A ``<think>`` at the end of that prompt is counted to the turn. Where the template has no such prompt, or writes the turn
  without it, the turn begins with its first text.
* It ends after what closes the turn (``<|im_end|>\\n``, ``<end_of_turn>\\n``, ``</s>``), which the model has to write in order
  to stop: all that the template writes after an assistant turn before the header of the next one.
* The last turn of a conversation ends with the text, so that a closing ``eos_token`` is trained too.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ..core.model import Span
from .locating import Located, Locator, common_prefix
from .pieces import role_of
from .templates import Messages, Rendered, TemplateRefusedError

# What templates set their control strings in: <|im_end|>, </s>, [INST], <｜User｜>.
_CONTROL = re.compile(r"<[^<>\s]+>|\[/?[A-Z_]+\]")

# Texts for trying a template out; no template writes such words.
_ASKED, _SAID = "\ufdd0asked\ufdd0", "\ufdd0said\ufdd0"


@dataclass(frozen=True, slots=True)
class Extent:
    """The whole of one turn in the rendered text, with what closes it and without the header before it."""

    turn: int
    start: int
    end: int


class AssistantMask:
    """The assistant's part of conversations that one template renders."""

    def __init__(self, locator: Locator, roles: Collection[str] = ("assistant",)) -> None:
        """``roles``: the roles, as the messages spell them, whose turns count as the assistant's."""
        self._locator = locator
        self._roles = frozenset(roles)
        self._prompt, self._closing = _habits(locator)
        self._openings: dict[str, int] = {}
        self._closings: dict[str, int] = {}

    def spans(
        self,
        messages: Messages,
        rendered: Rendered,
        tools: Sequence[Any] | None = None,
        **variables: Any,
    ) -> tuple[Span, ...]:
        """What the assistant has to write, in code points of ``rendered.text``, in order."""
        if self._locator.template.has_generation_marks:
            return rendered.generated
        return tuple(Span(one.start, one.end) for one in self.extents(messages, rendered, tools, **variables))

    def extents(
        self,
        messages: Messages,
        rendered: Rendered,
        tools: Sequence[Any] | None = None,
        **variables: Any,
    ) -> tuple[Extent, ...]:
        """The assistant's turns by the span method, in order. A turn of which nothing is rendered has none; one that
        holds another turn (a tool's answer) has two."""
        located = self._locator.locate(messages, rendered, tools, **variables)
        turns = _by_turn(located)
        found = []
        text, before = rendered.text, 0
        for at, (turn, start, end) in enumerate(turns):
            following = turns[at + 1][1] if at + 1 < len(turns) else len(text)
            if role_of(messages[turn]) in self._roles:
                opening = self._opening(text[before:start])
                last = following == len(text) and turn == len(messages) - 1
                closing = len(text) - end if last else self._close(text[end:following])
                found.append(Extent(turn, start - opening, end + closing))
            before = max(before, end)
        if len({turn for turn, _, _ in turns}) < len(messages):
            found += self._silent(messages, text, turns)
            found.sort(key=lambda one: (one.start, one.turn))
        return tuple(found)

    def _silent(
        self, messages: Messages, text: str, turns: Sequence[tuple[int, int, int]]
    ) -> Iterator[Extent]:
        """The turns of which no text is rendered, but the header and what closes them: a null content."""
        if not self._prompt:
            return
        ends = {turn: end for turn, _, end in turns}  # of several stretches the last
        starts = {turn: start for turn, start, _ in reversed(turns)}
        cursor = 0
        for turn, message in enumerate(messages):
            if turn in ends:
                cursor = max(cursor, ends[turn])
            elif role_of(message) in self._roles:
                until = min((start for later, start in starts.items() if later > turn), default=len(text))
                at = text.find(self._prompt, cursor, until)
                if at < 0:
                    continue
                start = at + len(self._prompt)
                closed = text.find(self._closing, start, until)
                cursor = until if closed < 0 else closed + len(self._closing)
                yield Extent(turn, start, len(text) if turn == len(messages) - 1 else cursor)

    def _opening(self, gap: str) -> int:
        """How many characters before a turn's first text belong to the turn: those after the header."""
        if gap not in self._openings:
            at = gap.rfind(self._prompt) if self._prompt else -1
            self._openings[gap] = 0 if at < 0 else len(gap) - at - len(self._prompt)
        return self._openings[gap]

    def _close(self, gap: str) -> int:
        """How many characters after a turn's last text belong to the turn: those before the next header."""
        if gap not in self._closings:
            self._closings[gap] = _closing(gap, self._closing, self._prompt)
        return self._closings[gap]


def _by_turn(located: Sequence[Located]) -> list[tuple[int, int, int]]:
    """Turn, start and end of each stretch that holds one turn's texts alone, in the order of the rendered text.

    A turn has two where the template writes another one into it: a tool's answer between a call and what is said next.
    """
    spoken = {one.turn for one in located for start, end in one.spans if end > start}
    every = sorted(
        (start, end, one.turn)
        for one in located
        # The name of a called tool is often written again, in the header of its answer.
        for start, end in (one.spans[:1] if one.what == "name" else one.spans)
        if end > start or one.turn not in spoken
    )
    found: list[tuple[int, int, int]] = []
    for start, end, turn in every:
        if found and found[-1][0] == turn:
            found[-1] = (turn, found[-1][1], max(end, found[-1][2]))
        else:
            found.append((turn, start, end))
    return found


def _habits(locator: Locator) -> tuple[str, str]:
    """The prompt the template gives the assistant, and what it writes after an assistant's turn; empty where it has none."""
    asked, said = {"role": "user", "content": _ASKED}, {"role": "assistant", "content": _SAID}
    prompt = closing = ""
    try:
        plain = locator.template.render([asked]).text
        prompted = locator.template.render([asked], add_generation_prompt=True).text
        # Without a prompt some templates write an eos_token instead, which may begin like the prompt.
        alike = _whole_controls(common_prefix(plain, prompted), prompted)
        prompt = prompted[alike:].partition("<think>")[0]
        closing = locator.template.render([asked, said]).text.partition(_SAID)[2]
    except TemplateRefusedError:
        pass
    return prompt, closing


def _closing(gap: str, closing: str, prompt: str) -> int:
    if gap.startswith(closing):
        return len(closing)
    # The last turn is closed in another way (an eos_token besides): what both begin with, in whole control strings.
    alike = _whole_controls(common_prefix(gap, closing), closing)
    header = _CONTROL.match(prompt)
    if not alike and header and (at := gap.find(header.group())) > 0:
        return at
    return alike


def _whole_controls(length: int, text: str) -> int:
    """A length of ``text``, less so many characters that no control string is cut in two."""
    cut = (one.start() for one in _CONTROL.finditer(text) if one.start() < length < one.end())
    return next(cut, length)
