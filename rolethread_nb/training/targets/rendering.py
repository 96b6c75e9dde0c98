"""From messages as a trainer hands them to the template to a forecast: text, turns, what is lost, what is cut."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from ...core.model import Span
from ..labels import Labels, kept_tokens, tokens_of_stretches
from ..locating import Located
from ..templates import Rendered, TemplateRefusedError
from .reasons import control_reasons, control_strings, parts_lost, template_refused, text_reasons
from .target import Context, Forecast, Reason
from .turn_reasons import RolesWritten, cut, in_order, tools_unwritten


@dataclass(frozen=True, slots=True)
class Text:
    """A conversation as the template wrote it.

    Attributes:
        messages: as given to the template.
        turns: the number of each in ``Conversation.messages``; None for one that the trainer made.
        tools: as given to the template.
        rendered: what came of it.
        located: where the texts of the messages stand; numbered as the messages are.
    """

    messages: Sequence[Mapping[str, Any]]
    turns: Sequence[int | None]
    tools: Sequence[Any] | None
    rendered: Rendered
    located: tuple[Located, ...]

    @property
    def text(self) -> str:
        return self.rendered.text


class Writer:
    """Renders conversations of one file, and says what became of them."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.template = context.template
        self.tokens = context.tokens
        self._roles = RolesWritten(context.template)

    @cached_property
    def _controls(self) -> frozenset[str]:
        return control_strings(self.template)

    def write(
        self,
        messages: Sequence[Mapping[str, Any]],
        turns: Sequence[int | None],
        tools: Sequence[Any] | None = None,
    ) -> Text | Reason:
        """The conversation as the template writes it, or why it does not."""
        try:
            rendered = self.template.render(messages, tools)
        except TemplateRefusedError as error:
            where = turns[error.turn] if error.turn is not None and error.turn < len(turns) else None
            return replace(template_refused(error), turn=where)
        located = self._context.locator.locate(messages, rendered, tools)
        return Text(messages, turns, tools, rendered, located)

    def text_reasons(self, text: Text) -> Iterator[Reason]:
        """What of the conversation is not in the text, or is something else there."""
        found = [
            *text_reasons(text.located, text.messages, text.text),
            *control_reasons(text.messages, self._controls),
            *parts_lost(text.messages),
            *self._roles.reasons(text.messages, text.located, text.tools),
            *tools_unwritten(self.template, text.messages, text.tools, text.text),
        ]
        for reason in found:
            turn = text.turns[reason.turn] if reason.turn is not None else None
            if turn is not None or reason.turn is None:
                yield replace(reason, turn=turn)

    def forecast(
        self,
        text: Text,
        trained: Sequence[Span],
        reasons: Sequence[Reason],
        limit: int | None = None,
    ) -> Forecast:
        """The forecast for a text that is cut at its end, with the reasons for what is cut."""
        spans = self.tokens.spans(text.text)
        labels = Labels(
            spans, tokens_of_stretches(spans, trained), kept_tokens(len(spans), limit, "keep_start")
        )
        kept = labels.stretch_kept()
        more = list(cut(numbered(text), kept, answers(text), limit)) if kept is not None else []
        start, end = labels.kept
        return Forecast(
            reasons=in_order([*reasons, *more]),
            text=text.text,
            trained=labels.stretches(),
            kept=kept,
            located=numbered(text),
            tokens=len(spans),
            trained_tokens=labels.trained_count,
            trained_range=labels.trained_range,
            kept_tokens=end - start,
        )


def numbered(text: Text) -> tuple[Located, ...]:
    """Where the turns stand, with the numbers of ``Conversation.messages``."""
    return tuple(one.as_turn(turn) for one in text.located if (turn := text.turns[one.turn]) is not None)


def answers(text: Text) -> set[int]:
    """The assistant's turns, with the numbers of ``Conversation.messages``."""
    return {
        turn
        for turn, message in zip(text.turns, text.messages, strict=True)
        if turn is not None and message.get("role") == "assistant"
    }
