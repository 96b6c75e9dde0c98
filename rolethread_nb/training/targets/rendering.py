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
from .reasons import because, control_reasons, control_strings, parts_lost, template_refused, text_reasons
from .target import Context, Forecast, Reason

# Roles that every template is expected to know.
_COMMON_ROLES = frozenset({"system", "user", "assistant", "tool"})
_NO_ROLE = "\ufdd8"


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
            *self._roles_written(text),
        ]
        for reason in found:
            turn = text.turns[reason.turn] if reason.turn is not None else None
            if turn is not None or reason.turn is None:
                yield replace(reason, turn=turn)

    def _roles_written(self, text: Text) -> Iterator[Reason]:
        """Turns whose role is written out as it stands, because the template writes any."""
        written = {one.turn for one in text.located if one.spans and one.state != "lost"}
        for turn, message in enumerate(text.messages):
            role = message.get("role")
            if not isinstance(role, str) or role in _COMMON_ROLES or turn not in written:
                continue
            other = [{**one, "role": _NO_ROLE} if at == turn else one for at, one in enumerate(text.messages)]
            try:
                if _NO_ROLE not in self.template.render(other, text.tools).text:
                    continue
            except TemplateRefusedError:
                continue
            says = f"The role {role!r} is written out as the speaker: the template writes any role."
            yield because("role_as_text", says, turn)

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
        more = list(cut_reasons(text, kept, limit)) if kept is not None else []
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


def in_order(reasons: Sequence[Reason]) -> tuple[Reason, ...]:
    """Reasons in the order of their turns, those about the whole conversation last."""
    return tuple(sorted(reasons, key=lambda one: (one.turn is None, one.turn or 0)))


def cut_reasons(text: Text, kept: Span, limit: int | None) -> Iterator[Reason]:
    """Which turns are cut, or lie wholly beyond the end of what is kept."""
    told = False
    for one in text.located:
        spans = [span for span in one.spans if span.end > span.start]
        if one.what != "content" or not spans or spans[-1].end <= kept.end:
            continue
        answer = text.messages[one.turn].get("role") == "assistant"
        turn = text.turns[one.turn]
        told = True
        if spans[0].start < kept.end:
            code = "answer_cut" if answer else "text_cut"
            yield because(code, f"The limit of {limit} tokens cuts off its end.", turn)
        elif answer:
            yield because("answer_cut_off", f"It lies wholly beyond the limit of {limit} tokens.", turn)
        else:
            yield because("text_cut", f"It lies wholly beyond the limit of {limit} tokens.", turn)
    if not told:
        yield because(
            "text_cut", f"The limit of {limit} tokens cuts off what the template writes around the turns."
        )
