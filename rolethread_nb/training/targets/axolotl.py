"""Axolotl: a dataset of ``type: chat_template``, which masks turn by turn and leaves out what is too long."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from ...core.model import Conversation, Span
from ..labels import Labels, kept_tokens
from ..locating import common_prefix
from ..templates import TemplateRefusedError
from .axolotl_rows import THINKING, Reader, Turn
from .reasons import RowError, because, part_lost
from .records import numbering
from .rendering import Text, Writer, answers, numbered
from .target import Context, Forecast, Reason, Shape, Target
from .turn_reasons import cut, in_order, unread, with_weights

_UNTOLD = "Axolotl, without `message_field_training: weight`,"
# How far behind a turn its end-of-turn token may stand, in tokens.
_NEAR = 3
# In place of a turn, to see where it stands; no two begin or end alike.
_DUMMIES = ("[[dummy_message]]", "zzdummymessagezz")


class _Judge:
    def __init__(self, shape: Shape, context: Context) -> None:
        settings = context.settings
        self._settings = settings
        self._writer = Writer(context)
        self._rows = Reader(shape, context)
        roles = self._rows.roles
        self._trained_roles = {roles.get(role, role) for role in settings["roles_to_train"] or ()}
        self._eos_when: str | None = settings["train_on_eos"]
        self._limit: int = settings["sequence_len"]
        self._eos = settings["eos_token"] or context.template.special_tokens.get("eos_token")

    def __call__(self, conversation: Conversation) -> Forecast:
        turn_of = numbering(conversation, self._rows.key)
        try:
            turns = self._rows.turns(conversation, turn_of)
            tools = self._rows.tools(conversation.raw)
        except RowError as error:
            where = turn_of(error.at) if error.at is not None else None
            return Forecast((because(error.code, error.says, where),))
        text = self._writer.write([one.message for one in turns], [one.turn for one in turns], tools)
        if isinstance(text, Reason):
            return Forecast((text,))
        reasons = [
            *self._writer.text_reasons(text),
            *[part_lost(one.lost, one.turn) for one in turns if one.lost is not None],
            *unread(conversation, text.turns, "Axolotl"),
        ]
        forecast = self._forecast(text, turns, reasons)
        return (
            forecast
            if self._settings["message_field_training"]
            else with_weights(conversation, forecast, _UNTOLD)
        )

    # ------------------------------------------------------------------ turns

    # ------------------------------------------------------------------ loss

    def _forecast(self, text: Text, turns: Sequence[Turn], reasons: list[Reason]) -> Forecast:
        spans = self._writer.tokens.spans(text.text)
        flags = [False] * len(spans)
        last_end = -1
        for at, one in enumerate(turns):
            wanted = self._wanted(one)
            if not wanted and self._eos_when != "all":
                continue
            place = self._place(text, at)
            if place is None:
                if wanted:
                    says = (
                        "Its text is not found in what the template writes, so that nothing of it is trained."
                    )
                    reasons.append(because("answer_not_trained", says, one.turn))
                continue
            first, after = _tokens_of(spans, place)
            if wanted:
                self._flag(flags, spans, one, first, after)
            end = self._end_token(text.text, spans, after)
            if end is not None:
                last_end = end
                if self._eos_when == "all" or (self._eos_when == "turn" and wanted):
                    flags[end] = True
        if self._eos_when == "last" and last_end >= 0:
            flags[last_end] = True
        return self._cut(text, Labels(spans, flags, (0, len(spans))), reasons)

    def _wanted(self, one: Turn) -> bool:
        if one.wish is not None:
            return bool(one.wish)
        if one.parts:
            return True
        return bool(self._settings["train_on_inputs"]) or one.message["role"] in self._trained_roles

    def _place(self, text: Text, at: int) -> Span | None:
        """The stretch of a turn, as Axolotl finds it: what differs when other text stands in its place."""
        found = [one for one in text.located if one.turn == at]
        message = text.messages[at]
        only_text = not (message.keys() & {"tool_calls", "function_call", THINKING, "reasoning", "thinking"})
        if only_text and len(found) == 1 and found[0].state == "whole" and len(found[0].spans) == 1:
            span = found[0].spans[0]
            return span if span.end > span.start else None
        return self._by_difference(text, at)

    def _by_difference(self, text: Text, at: int) -> Span | None:
        start, end = len(text.text), 0
        for dummy in _DUMMIES:
            instead = {"role": text.messages[at].get("role"), "content": dummy}
            messages = [*text.messages[:at], instead, *text.messages[at + 1 :]]
            try:
                other = self._writer.template.render(messages, text.tools).text
            except TemplateRefusedError:
                return None
            alike = common_prefix(text.text, other)
            room = min(len(text.text), len(other)) - alike
            behind = min(room, common_prefix(text.text[::-1], other[::-1]))
            start, end = min(start, alike), max(end, len(text.text) - behind)
        return Span(start, end) if end > start else None

    def _flag(self, flags: list[bool], spans: Sequence[Span], one: Turn, first: int, after: int) -> None:
        if not one.parts:
            flags[first:after] = [True] * (after - first)
            return
        # The parts' tokens are counted alone, and laid on from the beginning of the turn.
        content = "".join(part for part, _ in one.parts)
        alone = self._writer.tokens.spans(content)
        begin = 0
        for part, trained in one.parts:
            end = begin + len(part)
            for at, (start, stop) in enumerate(alone):
                if trained and start >= begin and stop <= end and first + at < len(flags):
                    flags[first + at] = True
            begin = end

    def _end_token(self, text: str, spans: Sequence[Span], after: int) -> int | None:
        """The end-of-turn token that stands right behind a turn."""
        for at in range(after, min(after + _NEAR + 1, len(spans))):
            if text[spans[at].start : spans[at].end] == self._eos:
                return at
        return None

    # ------------------------------------------------------------------ what is left out

    def _cut(self, text: Text, labels: Labels, reasons: list[Reason]) -> Forecast:
        count, how = len(labels.spans), self._settings["excess_length_strategy"] or "drop"
        limit = self._limit
        if count > limit and how == "truncate":
            labels.kept = kept_tokens(count, limit, "keep_start")
            kept = labels.stretch_kept()
            reasons += cut(numbered(text), kept, answers(text), limit) if kept is not None else ()
        elif count > limit:
            outcome = "refused" if how == "raise" else "dropped"
            says = f"{count:,} tokens are more than sequence_len {limit:,}: Axolotl " + (
                "stops." if how == "raise" else "leaves the row out."
            )
            reasons.append(because("too_long", says, None, outcome))  # type: ignore[arg-type]
        trained = labels.trained
        if not trained:
            says = "No token of it is trained; Axolotl leaves the row out, and counts it."
            reasons.append(because("nothing_trained", says, None, "dropped"))
        start, end = labels.kept
        return Forecast(
            reasons=in_order(reasons),
            text=text.text,
            trained=labels.stretches(),
            kept=labels.stretch_kept(),
            located=numbered(text),
            tokens=count,
            trained_tokens=len(trained),
            kept_tokens=end - start,
            trained_range=labels.trained_range,
        )


def _tokens_of(spans: Sequence[Span], place: Span) -> tuple[int, int]:
    """The tokens that have a part in a stretch: the first, and the one after the last."""
    return (
        bisect_right(spans, place.start, key=lambda span: span.end),
        bisect_left(spans, place.end, key=lambda span: span.start),
    )


TARGETS = (
    Target(
        name="axolotl",
        title="Axolotl",
        package="axolotl",
        version="0.19.0",
        basis="measured",
        settings={
            "field_messages": None,
            "field_role": None,
            "field_content": None,
            "field_system": "system",
            "field_tools": "tools",
            "roles": None,
            "roles_to_train": ("assistant",),
            "train_on_inputs": False,
            "train_on_eos": "turn",
            "eos_token": None,
            "message_field_training": None,
            "drop_system_message": False,
            "sequence_len": 2048,
            "excess_length_strategy": "drop",
        },
        judge=_Judge,
        notes=(
            "Where field_messages, role and content are not set, they are taken as a configuration for this file would name"
            " them: after its first record.",
            "Axolotl trains the end of a turn only as the token that eos_token (or eot_tokens) names.",
        ),
        limit="sequence_len",
    ),
)
