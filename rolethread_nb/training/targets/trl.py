"""TRL's SFTTrainer 1.16.0: read line by line, and measured (tests/trainers/trl_agreement.py, witness_agreement.py)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

from ...core.model import Conversation, Span
from ..labels import AllTrained, Labels, kept_tokens, tokens_alike, tokens_of_stretches
from ..locating import Located, Locator
from ..masking import AssistantMask
from ..rows import Layout, LostRowError, Row, UnreadableRowError, layout, read
from ..templates import ChatTemplate, Rendered, TemplateRefusedError
from .reasons import because, control_reasons, control_strings, parts_lost, template_refused, text_reasons
from .target import Context, Forecast, Reason, Shape, Target
from .trl_twins import training_template, twin_of
from .turn_reasons import RolesWritten, cut, in_order, tools_unwritten, unread, with_weights

SETTINGS: Mapping[str, Any] = {
    "max_length": 1024,
    "truncation_mode": "keep_start",
    "assistant_only_loss": False,
    "completion_only_loss": None,
    "packing": False,
    "packing_strategy": "bfd",
    "dataset_text_field": "text",
    "eos_token": None,
}

_NO_ASSISTANT = (
    "Nothing in it is the assistant's: RuntimeError: You're using `assistant_only_loss=True`, but at least one example has"
    " no assistant tokens. It ends the whole run."
)

_THROWN_AWAY = (
    "The first row has no `role` in `messages`, so that TRL takes none for a conversation, throws the column away, and goes"
    " on without a row or a word."
)


class _Setting:
    """What is the same for all rows of a file: columns, template, settings."""

    def __init__(self, shape: Shape, context: Context) -> None:
        self.context = context
        self.settings = {**SETTINGS, **context.settings}
        self.file: Layout | None = None
        self.refused: Reason | None = None
        try:
            self.file = layout(shape)
            self.refused = self._refusal(shape)
        except UnreadableRowError as error:
            self.refused = because(error.code, error.says)

    @property
    def assistant_only(self) -> bool:
        return bool(self.settings["assistant_only_loss"])

    @cached_property
    def completion_only(self) -> bool:
        wanted = self.settings["completion_only_loss"]
        has_completions = self.file is not None and self.file.has_completions
        # Asked for where there are no completions, it is done without, and not a word said.
        return has_completions and (True if wanted is None else bool(wanted))

    @cached_property
    def eos_token(self) -> str | None:
        return self.settings["eos_token"] or self.context.template.special_tokens.get("eos_token")

    @cached_property
    def template(self) -> ChatTemplate:
        """The template that conversations are rendered with: where TRL takes its own in its place, that one."""
        own = self.context.template
        if not self.assistant_only or own.has_generation_marks:
            return own
        # Without trl its template cannot be read; the span method comes near to its marks.
        return training_template(own) or own

    @cached_property
    def locator(self) -> Locator:
        return self.context.locator if self.template is self.context.template else Locator(self.template)

    @cached_property
    def mask(self) -> AssistantMask:
        return AssistantMask(self.locator)

    def _refusal(self, shape: Shape) -> Reason | None:
        """Why the run ends before a row is read."""
        if {"image", "images"} & set(shape.keys):
            return because(
                "part_refused",
                "There is a column `image` or `images`: ValueError: The dataset appears to be vision-related."
                " (It is said here of models that read text only.)",
            )
        if not self.assistant_only:
            return None
        if self.file is None or self.file.from_value or not self.file.conversational:
            return because(
                "not_a_conversation",
                "ValueError: You set `assistant_only_loss=True`, but the dataset is not conversational."
                " (The first row decides; `from` and `value` do not count.)",
            )
        if not self.context.template.has_generation_marks and twin_of(self.context.template) is None:
            return because(
                "template_refused",
                "The template has no `generation` marks, and is none of those TRL knows a training template for:"
                " ValueError: The chat template is not training-compatible.",
            )
        return None


class Judge:
    """Says of one conversation after the other what SFTTrainer would do with it."""

    def __init__(self, shape: Shape, context: Context) -> None:
        self._setting = _Setting(shape, context)
        self._tokens = context.tokens
        self._roles = RolesWritten(self._setting.template)
        self._packing = bool(self._setting.settings["packing"])
        strategy = self._setting.settings["packing_strategy"]
        # Packed rows are cut by one strategy only; the others go on in the next block.
        cuts = not self._packing or strategy == "bfd"
        self._limit: int | None = self._setting.settings["max_length"] if cuts else None
        self._mode = "keep_start" if self._packing else str(self._setting.settings["truncation_mode"])

    def __call__(self, conversation: Conversation) -> Forecast:
        setting = self._setting
        if setting.refused is not None or setting.file is None:
            return Forecast(reasons=(setting.refused,) if setting.refused else ())
        try:
            row = read(
                conversation.raw, setting.file, str(setting.settings["dataset_text_field"]), setting.eos_token
            )
        except UnreadableRowError as error:
            return Forecast(reasons=(because(error.code, error.says),))
        except LostRowError:
            return Forecast(reasons=(because("not_a_conversation", _THROWN_AWAY, outcome="dropped"),))
        return self.of_row(conversation, row)

    def of_row(self, conversation: Conversation, row: Row, begin: int | None = None) -> Forecast:
        """What would happen to a conversation that is read as this row.

        Args:
            conversation: whose turns are named.
            row: what the trainer reads of it.
            begin: the first token of the completion, where that is not simply where the prompt ends.
        """
        if row.messages is None:
            return self._of_text(conversation, row, begin)
        return self._of_turns(conversation, row, begin)

    def prompt_tokens(self, row: Row) -> int:
        """How many tokens of a row are its prompt: as many as the prompt and the whole begin with alike.

        Raises:
            TemplateRefusedError: the template does not render it.
        """
        if row.messages is not None:
            text = self._setting.template.render(row.messages, row.tools, **row.variables).text
            return self._prompt_tokens(row, text)
        text, prompt = row.text or "", row.prompt_text or ""
        return tokens_alike(self._wrapped(text), text, self._wrapped(prompt), prompt)

    # ------------------------------------------------------------------ texts

    def _of_text(self, conversation: Conversation, row: Row, begin: int | None) -> Forecast:
        text = row.text or ""
        if begin is None:
            has_prompt = self._setting.completion_only and row.prompt_text is not None
            begin = self.prompt_tokens(row) if has_prompt else 0
        labels = self._labels(text, begin, wrapped=True)
        located = tuple(_turns_in_text(conversation, text))
        answers = _answers(conversation, range(len(conversation.messages)))
        return self._forecast(text, labels, located, answers, [])

    def _wrapped(self, text: str) -> list[Span]:
        """The tokens of a plain text, with those a tokenizer puts around it; a conversation has none of these."""
        front, back = self._setting.context.around
        return [Span(0, 0)] * front + self._tokens.spans(text) + [Span(len(text), len(text))] * back

    # ------------------------------------------------------------------ conversations

    def _of_turns(self, conversation: Conversation, row: Row, begin: int | None) -> Forecast:
        setting, messages = self._setting, row.messages or ()
        numbers = {message.pointer: turn for turn, message in enumerate(conversation.messages)}
        turns = [numbers.get(pointer) for pointer in row.pointers]
        try:
            rendered = setting.template.render(messages, row.tools, **row.variables)
            if begin is None:
                begin = self._prompt_tokens(row, rendered.text) if setting.completion_only else 0
        except TemplateRefusedError as error:
            where = turns[error.turn] if error.turn is not None and error.turn < len(turns) else None
            reason = template_refused(error)
            return Forecast(
                reasons=(replace(reason, says=f"{reason.says} It ends the whole run.", turn=where),)
            )
        labels = self._labels_of_turns(row, rendered, begin)
        if labels is None:
            return Forecast(reasons=(because("nothing_trained", _NO_ASSISTANT, outcome="refused"),))
        found = setting.locator.locate(messages, rendered, row.tools, **row.variables)
        reasons = list(self._text_reasons(conversation, row, rendered, found, turns))
        located = tuple(one.as_turn(turn) for one in found if (turn := turns[one.turn]) is not None)
        forecast = self._forecast(rendered.text, labels, located, _answers(conversation, turns), reasons)
        return with_weights(conversation, forecast, "TRL")

    def _labels_of_turns(self, row: Row, rendered: Rendered, begin: int) -> Labels | AllTrained | None:
        """The labels of a conversation; None where the assistant alone is trained, and is not there."""
        if not self._setting.assistant_only:
            return self._labels(rendered.text, begin)
        spans = self._tokens.spans(rendered.text)
        generated = self._setting.mask.spans(row.messages or (), rendered, row.tools, **row.variables)
        flags = tokens_of_stretches(spans, generated)
        if True not in flags:
            return None
        flags[:begin] = [False] * begin
        return Labels(spans, flags, kept_tokens(len(spans), self._limit, self._mode))

    def _prompt_tokens(self, row: Row, text: str) -> int:
        """How many tokens the prompt and the whole begin with alike."""
        if row.prompt is None or row.messages is None:
            return 0
        prompt = self._setting.template.render(
            row.messages[: row.prompt], row.tools, add_generation_prompt=True, **row.variables
        ).text
        return tokens_alike(self._tokens.spans(text), text, self._tokens.spans(prompt), prompt)

    def _text_reasons(
        self,
        conversation: Conversation,
        row: Row,
        rendered: Rendered,
        located: Sequence[Located],
        turns: Sequence[int | None],
    ) -> Iterator[Reason]:
        """What of the conversation is not in the text, or is something else there."""
        messages = row.messages or ()
        found = [
            *text_reasons(located, messages, rendered.text),
            *control_reasons(messages, self._controls),
            *parts_lost(messages),
            *self._roles.reasons(messages, located, row.tools, **row.variables),
            *tools_unwritten(self._setting.template, messages, row.tools, rendered.text, **row.variables),
        ]
        for reason in found:
            yield replace(reason, turn=turns[reason.turn] if reason.turn is not None else None)
        yield from unread(conversation, set(turns), "TRL")

    @cached_property
    def _controls(self) -> frozenset[str]:
        return control_strings(self._setting.template)

    # ------------------------------------------------------------------ both

    def _labels(self, text: str, begin: int, *, wrapped: bool = False) -> Labels | AllTrained:
        """The labels of a text that is trained from one token on. ``wrapped``: with the tokens around a plain text."""
        if not begin:
            count = self._tokens.count(text) + (sum(self._setting.context.around) if wrapped else 0)
            if self._limit is None or count <= self._limit:
                return AllTrained(count, len(text))
        spans = self._wrapped(text) if wrapped else self._tokens.spans(text)
        flags = [False] * begin + [True] * (len(spans) - begin)
        return Labels(spans, flags, kept_tokens(len(spans), self._limit, self._mode))

    def _forecast(
        self,
        text: str,
        labels: Labels | AllTrained,
        located: tuple[Located, ...],
        answers: Collection[int],
        reasons: list[Reason],
    ) -> Forecast:
        kept = labels.stretch_kept()
        reasons += self._loss_reasons(labels)
        if kept is not None and not any(reason.outcome == "dropped" for reason in reasons):
            reasons += cut(located, kept, answers, self._limit)
        start, end = labels.kept
        return Forecast(
            reasons=in_order(reasons),
            text=text,
            trained=labels.stretches(),
            kept=kept,
            located=located,
            tokens=labels.count,
            trained_tokens=labels.trained_count,
            trained_range=labels.trained_range,
            kept_tokens=end - start,
        )

    def _loss_reasons(self, labels: Labels | AllTrained) -> Iterator[Reason]:
        if labels.trained_count:
            wanted = self._setting.settings["completion_only_loss"]
            if wanted and not self._setting.completion_only:
                yield because(
                    "prompt_trained",
                    "`completion_only_loss` does nothing here: there are no columns `prompt` and `completion`.",
                )
            return
        if labels.anything:
            says = f"All that would be trained lies beyond the limit of {self._limit} tokens."
        elif labels.count:
            says = "None of its tokens is trained."
        else:
            says = "The template writes nothing of it: there are no tokens."
        unlimited = self._setting.settings["max_length"] is None or self._packing
        # A row without tokens is nothing to pack.
        if unlimited and not (self._packing and not labels.count):
            yield because("nothing_trained", says)
        else:
            yield because(
                "nothing_trained", f"{says} The row is left out, and not a word said.", outcome="dropped"
            )


def _turns_in_text(conversation: Conversation, text: str) -> Iterator[Located]:
    """Where the turns stand in a text that TRL takes as it is: each after the one before."""
    cursor = 0
    for turn, message in enumerate(conversation.messages):
        at = text.find(message.text, cursor) if message.text else -1
        if at >= 0:
            cursor = at + len(message.text)
            yield Located(turn, "content", message.content_pointer, (Span(at, cursor),), "whole")


def _answers(conversation: Conversation, turns: Iterable[int | None]) -> set[int]:
    """Those of these turns that are the assistant's."""
    messages = conversation.messages
    return {turn for turn in turns if turn is not None and messages[turn].role == "assistant"}


def _refuses_file(shape: Shape, context: Context) -> str | None:
    refused = _Setting(shape, context).refused
    return refused.says if refused is not None else None


TARGETS = (
    Target(
        name="trl",
        title="TRL SFT",
        package="trl",
        version="1.16.0",
        basis="measured",
        settings=SETTINGS,
        judge=Judge,
        refuses_file=_refuses_file,
        notes=(
            "TRL trains on every token of a conversation, prompts included, unless told otherwise.",
            "Rows without a trained token are left out without a word.",
        ),
        limit="max_length",
    ),
)
