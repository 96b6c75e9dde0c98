"""What became of the turns of a conversation in the text that is trained on: the words that all trainers share."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ...core.model import Conversation, Span
from ..locating import Located
from ..templates import ChatTemplate, TemplateRefusedError
from .reasons import because
from .target import Forecast, Reason

# Roles that every template is expected to know.
_COMMON_ROLES = frozenset({"system", "user", "assistant", "tool"})
_NO_ROLE = "\ufdd8"

Messages = Sequence[Mapping[str, Any]]


def in_order(reasons: Sequence[Reason]) -> tuple[Reason, ...]:
    """Reasons in the order of their turns, those about the whole conversation last."""
    return tuple(sorted(reasons, key=lambda one: (one.turn is None, one.turn or 0)))


class RolesWritten:
    """Roles that a template writes out as they stand, because it writes any."""

    def __init__(self, template: ChatTemplate) -> None:
        self._template = template
        self._any: dict[str, bool] = {}

    def reasons(
        self,
        messages: Messages,
        located: Sequence[Located],
        tools: Sequence[Any] | None = None,
        **variables: Any,
    ) -> Iterator[Reason]:
        """Turns whose role is none that the template knows; numbered as the messages are."""
        written = {one.turn for one in located if one.spans and one.state != "lost"}
        for turn, message in enumerate(messages):
            role = message.get("role")
            if not isinstance(role, str) or role in _COMMON_ROLES or turn not in written:
                continue
            if role not in self._any:
                self._any[role] = self._writes_any(role, messages, tools, **variables)
            if self._any[role]:
                says = f"The role {role!r} is written out as the speaker: the template writes any role."
                yield because("role_as_text", says, turn)

    def _writes_any(
        self, role: str, messages: Messages, tools: Sequence[Any] | None, **variables: Any
    ) -> bool:
        """Whether another role in its place is written in the same way, so that this one means nothing to the template."""
        other = [{**one, "role": _NO_ROLE} if one.get("role") == role else one for one in messages]
        try:
            text = self._template.render(other, tools, **variables).text
        except TemplateRefusedError:
            return False
        return _NO_ROLE in text


def tools_unwritten(
    template: ChatTemplate, messages: Messages, tools: Sequence[Any] | None, text: str, **variables: Any
) -> Iterator[Reason]:
    """Whether the template writes the same without the tool definitions."""
    if tools and template.render(messages, None, **variables).text == text:
        yield because("tools_ignored", "The template does not write the tool definitions of the row.")


def unread(conversation: Conversation, read: Collection[int | None], trainer: str) -> Iterator[Reason]:
    """Turns that stand where the trainer does not look. ``read``: numbers of those it does read."""
    for turn, message in enumerate(conversation.messages):
        if turn in read or not message.text.strip():
            continue
        where = message.pointer or "the record"
        if message.role == "system":
            says = f"{trainer} does not read {where}, which holds the system prompt."
            yield because("system_lost", says, turn)
        else:
            yield because("turn_lost", f"{trainer} does not read {where}.", turn)


def cut(
    located: Sequence[Located], kept: Span, answers: Collection[int], limit: int | None
) -> Iterator[Reason]:
    """What is cut: the turns that begin before the cut one by one, those wholly beyond it together.

    Args:
        located: where the turns stand.
        kept: what of the text is left.
        answers: numbers of the assistant's turns.
        limit: in tokens.
    """
    gone: dict[bool, list[int]] = {True: [], False: []}
    told = False
    for one in located:
        spans = [span for span in one.spans if span.end > span.start]
        if one.what != "content" or not spans or all(kept.start <= s and e <= kept.end for s, e in spans):
            continue
        told, answer = True, one.turn in answers
        if any(s < kept.end and e > kept.start for s, e in spans):
            end = "beginning" if kept.start else "end"
            code = "answer_cut" if answer else "text_cut"
            yield because(code, f"The limit of {limit} tokens cuts off its {end}.", one.turn)
        else:
            gone[answer].append(one.turn)
    for answer, lost in gone.items():
        if lost:
            many = f"This turn and {len(lost) - 1} more lie" if len(lost) > 1 else "It lies"
            code = "answer_cut_off" if answer else "text_cut"
            yield because(code, f"{many} wholly beyond the limit of {limit} tokens.", lost[0])
    if not told:
        yield cut_around(limit)


def cut_around(limit: int | None) -> Reason:
    """The limit cuts nothing of the turns themselves."""
    says = f"The limit of {limit} tokens cuts off what the template writes around the turns."
    return because("text_cut", says)


def with_weights(conversation: Conversation, forecast: Forecast, trainer: str) -> Forecast:
    """The forecast with a reason for each turn whose weight asks for another loss, where the trainer looks at no weight."""
    found = list(_weights_ignored(conversation, forecast, trainer))
    return replace(forecast, reasons=in_order([*forecast.reasons, *found])) if found else forecast


def _weights_ignored(conversation: Conversation, forecast: Forecast, trainer: str) -> Iterator[Reason]:
    kept = forecast.kept or Span(0, len(forecast.text or ""))
    for turn, message in enumerate(conversation.messages):
        raw = message.raw if isinstance(message.raw, Mapping) else {}
        weight = raw.get("weight", raw.get("train"))
        if not isinstance(weight, int | float):
            continue
        places = [
            span
            for one in forecast.located
            if one.turn == turn and one.what == "content"
            for span in one.spans
            if span.start < kept.end and span.end > kept.start
        ]
        trained = any(
            start < stretch.end and end > stretch.start
            for start, end in places
            for stretch in forecast.trained
        )
        if places and weight != int(trained):
            how = "trained like any other" if trained else "not trained"
            says = f"{trainer} does not look at its weight {weight}: the turn is {how}."
            yield because("weights_ignored", says, turn)
