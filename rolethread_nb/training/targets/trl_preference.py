"""TRL's DPOTrainer and KTOTrainer 1.16.0: read line by line, DPO measured (tests/trainers/witness_agreement.py)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ...core.model import Conversation
from ..rows import Row, UnreadableRowError, prompt_and_answer
from ..templates import TemplateRefusedError
from .reasons import because, template_refused
from .target import Context, Forecast, Reason, Shape, Target
from .trl import Judge
from .turn_reasons import in_order

_DPO: Mapping[str, Any] = {"max_length": 1024, "truncation_mode": "keep_start"}
_KTO: Mapping[str, Any] = {"max_length": 1024}

# To the judge of texts and turns, each answer is a completion after its prompt.
_COMPLETIONS = Shape({"prompt": "", "completion": ""}, ("prompt", "completion"), 1)

_SIDES = ("chosen", "rejected")


class _Preference:
    """Says of one conversation after the other what a trainer of preferences would do with it."""

    def __init__(self, shape: Shape, context: Context, *, paired: bool) -> None:
        settings = {name: context.settings[name] for name in _DPO if name in context.settings}
        self._limit: int | None = settings.get("max_length", 1024)
        self._drops = settings.get("truncation_mode", "keep_start") == "keep_start"
        self._paired = paired
        self._judge = Judge(_COMPLETIONS, Context(context.template, context.tokens, settings, context.around))
        self._eos_token = context.template.special_tokens.get("eos_token")
        self._columns = shape.keys
        self._refused = refusal(shape, paired=paired)

    def __call__(self, conversation: Conversation) -> Forecast:
        if self._refused is not None:
            return Forecast(reasons=(because(*self._refused),))
        record = {key: conversation.raw.get(key) for key in self._columns} if _is_object(conversation) else {}
        sides = _SIDES if all(side in self._columns for side in _SIDES) else ("completion",)
        try:
            rows = [prompt_and_answer(record, side, self._eos_token) for side in sides]
            begins = [self._judge.prompt_tokens(row) for row in rows]
        except UnreadableRowError as error:
            return Forecast(reasons=(because(error.code, error.says),))
        except TemplateRefusedError as error:
            reason = template_refused(error)
            return Forecast(
                reasons=(replace(reason, says=f"{reason.says} It ends the whole run.", turn=None),)
            )
        if self._paired:
            # One prompt for both: what all three begin with alike.
            begins = [min(begins)] * len(begins)
        found = [
            self._judge.of_row(conversation, row, begin) for row, begin in zip(rows, begins, strict=True)
        ]
        return self._together(conversation, rows, begins, found)

    def _together(
        self,
        conversation: Conversation,
        rows: Sequence[Row],
        begins: Sequence[int],
        found: Sequence[Forecast],
    ) -> Forecast:
        """The forecast of the first answer, with what there is to say of the other."""
        reasons: dict[Reason, None] = {}
        pointers = [set(row.pointers) for row in rows]
        elsewhere = set().union(*pointers)
        for forecast, own in zip(found, pointers, strict=True):
            for reason in forecast.reasons:
                place = None if reason.turn is None else conversation.messages[reason.turn].pointer
                of_the_other = place is not None and place in elsewhere - own
                # What is left out is decided here, and by the prompt alone.
                told = any((one.code, one.says) == (reason.code, reason.says) for one in reasons)
                if of_the_other or reason.outcome == "dropped" or (reason.turn is None and told):
                    continue
                reasons[reason] = None
        if self._drops and self._limit is not None:
            full = [begin >= self._limit for begin in begins]
            if all(full):
                says = f"The prompt alone fills the limit of {self._limit} tokens. The row is left out, and not a word said."
                reasons[because("nothing_trained", says, outcome="dropped")] = None
        if len(found) > 1 and found[0].text == found[1].text:
            reasons[because("answers_alike", "Chosen and rejected are the same.")] = None
        return replace(found[0], reasons=in_order(list(reasons)))


def refusal(shape: Shape, *, paired: bool) -> tuple[str, str] | None:
    """Why the run ends before a row is read: code and sentence."""
    columns = shape.keys
    if {"image", "images"} & set(columns):
        return (
            "part_refused",
            "There is a column `image` or `images`: ValueError: The dataset appears to be vision-related.",
        )
    has_pairs = all(side in columns for side in _SIDES)
    wanted: Sequence[str] = _SIDES
    if not paired and not has_pairs and "prompt" in columns:
        wanted = ("completion", "label")
    missing = next((name for name in wanted if name not in columns), None)
    if missing is not None:
        return "key_missing", f"TRL looks for a column `{missing}` and finds none: KeyError: '{missing}'."
    return None


def _is_object(conversation: Conversation) -> bool:
    return isinstance(conversation.raw, Mapping)


def _dpo(shape: Shape, context: Context) -> _Preference:
    return _Preference(shape, context, paired=True)


def _kto(shape: Shape, context: Context) -> _Preference:
    return _Preference(shape, context, paired=False)


def _dpo_refuses(shape: Shape, _context: Context) -> str | None:
    found = refusal(shape, paired=True)
    return found[1] if found else None


def _kto_refuses(shape: Shape, _context: Context) -> str | None:
    found = refusal(shape, paired=False)
    return found[1] if found else None


_NOTE = "Text and tokens are those of the chosen answer; what there is to say of the rejected one stands among the reasons."

TARGETS = (
    Target(
        name="trl-dpo",
        title="TRL DPO",
        package="trl",
        version="1.16.0",
        basis="measured",
        settings=_DPO,
        judge=_dpo,
        refuses_file=_dpo_refuses,
        notes=(_NOTE, "Pairs whose prompt alone fills the limit are left out without a word."),
        limit="max_length",
    ),
    Target(
        name="trl-kto",
        title="TRL KTO",
        package="trl",
        version="1.16.0",
        basis="measured",
        settings=_KTO,
        judge=_kto,
        refuses_file=_kto_refuses,
        notes=(_NOTE, "Of a pair it makes two rows, one liked and one not."),
        limit="max_length",
    ),
)
