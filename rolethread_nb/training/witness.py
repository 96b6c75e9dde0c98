"""The witness: what a built trainer really trains on, row by row, beside what we foretold.

The rows are read from the trainer's own data, each through the trainer's own collator, in the order of the data; nothing is
trained and nothing of the trainer is changed. A row is matched to a conversation by what it holds: trainers of TRL keep the
columns they have read beside the tokens. Where those are gone (packed rows), the tokens are compared with those we foretold;
where that fails too, the order is taken if no row can be missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from ..core.dataset import Dataset
from ..core.loading import load
from ..core.model import Conversation
from .row_matching import Matched, Matching, Place, is_a, shape_of
from .targets.registry import installed, target
from .targets.target import Context, Forecast, Target
from .template_files import TemplateSourceError
from .templates import ChatTemplate
from .tokens import tokens_of
from .trainer_data import (
    IGNORED,
    PART_OF_A_CHARACTER,
    Example,
    Side,
    Vocabulary,
    WitnessError,
    data_of,
    examples,
)
from .witness_preference import Answers, Foretold, answers_foretold
from .witnessed import Difference, Missing, What, Witness, WitnessRow

__all__ = ["Difference", "Missing", "Witness", "WitnessError", "WitnessRow", "witness"]

# Trainers we foretell, by their class in TRL.
_FORETOLD = {"SFTTrainer": "trl", "DPOTrainer": "trl-dpo", "KTOTrainer": "trl-kto"}


def witness(trainer: Any, dataset: Any = None, *, split: str = "train", limit: int | None = None) -> Witness:
    """Read from a built trainer what it really trains on. Nothing is trained, nothing of the trainer is changed.

    Args:
        trainer: a ``SFTTrainer``, ``DPOTrainer`` or ``KTOTrainer`` of TRL, or any ``Trainer`` of transformers whose batches
            have labels.
        dataset: the conversations it was given: a :class:`Dataset`, or anything :func:`load` opens. With it, rows are matched
            to conversations, missing ones are named, and for the trainers of TRL our forecast, made with the trainer's own
            settings, is compared with what is found.
        split: ``train``, ``eval``, or the name of one of several evaluation sets.
        limit: read so many rows of the trainer's data at most. Conversations after them are not missed.

    Raises:
        WitnessError: it is no such trainer, it has no rows of that split, or its batches have no labels.
    """
    data = data_of(trainer, split)
    vocabulary = Vocabulary(_processing_class(trainer))
    found = list(examples(trainer, data, limit))
    return _Reading(trainer, vocabulary, found, dataset, limit).result()


def _processing_class(trainer: Any) -> Any:
    for name in ("processing_class", "tokenizer"):
        if (found := getattr(trainer, name, None)) is not None:
            return found
    raise WitnessError(
        "The trainer has no tokenizer (processing_class), so that its rows cannot be read as text."
    )


class _Reading:
    """One look at a trainer."""

    def __init__(
        self, trainer: Any, vocabulary: Vocabulary, found: list[Example], dataset: Any, limit: int | None
    ) -> None:
        self._trainer = trainer
        self._args = getattr(trainer, "args", None)
        self._vocabulary = vocabulary
        self._examples = found
        self._limited = limit is not None and len(found) == limit
        self._notes: list[str] = []
        self._conversations: list[Conversation] | None = None
        if dataset is not None:
            opened = dataset if isinstance(dataset, Dataset) else load(dataset)
            self._conversations = list(opened)
            if rejected := len(opened.rejected):
                self._notes.append(
                    f"{rejected:,} records are no conversations to us; their rows are not matched."
                )
        self._packed = any(len(one.sequences) > 1 and one.sequences[0].side is None for one in found)

    def result(self) -> Witness:
        conversations = self._conversations
        forecasts = self._forecasts() if conversations is not None else None
        places, how = self._matched(forecasts)
        rows = tuple(self._rows(places, forecasts))
        missing = tuple(self._missing(rows, forecasts)) if how is not None else ()
        differences = tuple(self._differences(rows, missing, forecasts)) if forecasts is not None else ()
        if self._packed:
            self._notes.append(
                "Rows are packed: several sequences share one. They are told apart where the trainer says their lengths."
            )
        elif getattr(self._args, "packing", False):
            self._notes.append(
                "Rows are packed, and the trainer does not say where one ends: they are shown as they are."
            )
        if how is not None:
            self._notes.append(_HOW[how])
        return Witness(
            type(self._trainer).__name__,
            rows,
            missing,
            differences,
            None if conversations is None else len(conversations),
            how,
            tuple(self._notes),
            self._vocabulary.decode,
            tuple(conversations or ()),
        )

    # ------------------------------------------------------------------ forecast

    def _forecasts(self) -> list[Foretold] | None:
        """What we foretell of each conversation with the trainer's own settings; None where we do not know the trainer."""
        conversations = self._conversations or []
        name = next((one for name, one in _FORETOLD.items() if is_a(self._trainer, name)), None)
        if name is None or not conversations:
            return None
        if (why := self._not_foretold()) is not None:
            self._notes.append(f"No forecast to compare with: {why}.")
            return None
        one = target(name)
        if (here := installed(one)) is not None and here != one.version:
            self._notes.append(f"TRL is {here} here; our forecast is about {one.version}.")
        context = self._context(one)
        if name != "trl":
            return answers_foretold(one, context, conversations)
        judge = one.judge(shape_of([conversation.raw for conversation in conversations]), context)
        return [{None: judge(conversation)} for conversation in conversations]

    def _context(self, one: Target) -> Context:
        # A tokenizer without a template can only be given texts, and then none is needed.
        template = self._template() or ChatTemplate.of("chatml")
        settings = {name: getattr(self._args, name, value) for name, value in one.settings.items()}
        settings["eos_token"] = getattr(self._vocabulary.tokenizer, "eos_token", None)
        return Context(template, tokens_of(self._vocabulary.tokenizer), settings, self._vocabulary.around)

    def _not_foretold(self) -> str | None:
        if getattr(self._trainer, "_formatting_func", None) is not None:
            return "a formatting function makes the texts"
        if getattr(self._trainer, "_skip_prepare_dataset", False):
            return "the rows were made before the trainer got them"
        return None

    def _template(self) -> ChatTemplate | None:
        """The template the trainer renders with: TRL may have put its own in the place of the tokenizer's."""
        tokenizer = self._vocabulary.tokenizer
        now = datetime.now().astimezone()
        try:
            own = ChatTemplate.of(tokenizer, clock=now)
        except TemplateSourceError:
            return None
        swapped = getattr(self._trainer, "chat_template", None)
        if not isinstance(swapped, str):
            return own
        return ChatTemplate.of(swapped, special_tokens=own.special_tokens, clock=now)

    # ------------------------------------------------------------------ rows

    def _matched(
        self, forecasts: list[Foretold] | None
    ) -> tuple[dict[Place, tuple[int, Side | None]], Matched | None]:
        """Conversation and side of each sequence."""
        conversations = self._conversations
        if conversations is None:
            return {}, None
        eos_token = getattr(self._vocabulary.tokenizer, "eos_token", None)
        if is_a(self._trainer, "KTOTrainer"):
            expected = {
                (position, side): ids
                for position, told in enumerate(forecasts or ())
                for side, one in told.items()
                if (ids := self._expected(one)) is not None
            }
            return Answers(self._examples, conversations, eos_token, expected).find()
        foretold = (
            None if forecasts is None else [self._expected(next(iter(told.values()))) for told in forecasts]
        )
        places, how = Matching(self._trainer, self._examples, conversations, eos_token).find(foretold)
        sides = {
            (one.number, at): sequence.side
            for one in self._examples
            for at, sequence in enumerate(one.sequences)
        }
        return {place: (position, sides[place]) for place, position in places.items()}, how

    def _expected(self, forecast: Forecast) -> tuple[int, ...] | None:
        """The tokens of a row we foretold; None where we foretold no row."""
        return None if forecast.outcome in ("dropped", "refused") else self._ids(forecast)

    def _ids(self, forecast: Forecast) -> tuple[int, ...]:
        """The tokens that are left of a text."""
        text, left = forecast.text or "", forecast.kept_tokens or 0
        ids = self._vocabulary.bare(text)
        if len(ids) != forecast.tokens:
            ids = self._vocabulary.wrapped(text)
        at_the_end = getattr(self._args, "truncation_mode", None) == "keep_end" and not self._packed
        return tuple(ids[len(ids) - left :] if at_the_end else ids[:left])

    def _rows(
        self, places: Mapping[Place, tuple[int, Side | None]], forecasts: list[Foretold] | None
    ) -> Iterator[WitnessRow]:
        conversations, limit = self._conversations or [], getattr(self._args, "max_length", None)
        for example in self._examples:
            for at, one in enumerate(example.sequences):
                place, side = places.get((example.number, at), (None, one.side))
                forecast = forecasts[place].get(side) if forecasts is not None and place is not None else None
                text, trained = self._vocabulary.stretches(
                    one.ids, [label != IGNORED for label in one.labels]
                )
                if forecast is not None and forecast.tokens is not None:
                    cut: bool | None = forecast.tokens > len(one.ids)
                else:
                    cut = False if limit is None or len(one.ids) < limit else None
                yield WitnessRow(
                    example.number,
                    place,
                    None if place is None else conversations[place].id,
                    side,
                    text,
                    trained,
                    one.ids,
                    one.labels,
                    cut,
                    forecast,
                )

    def _missing(self, rows: Sequence[WitnessRow], forecasts: list[Foretold] | None) -> Iterator[Missing]:
        there = {row.conversation for row in rows if row.conversation is not None}
        conversations = self._conversations or []
        until = max(there, default=-1) if self._limited else len(conversations)
        for position, conversation in enumerate(conversations[:until]):
            if position not in there:
                told = next(iter(forecasts[position].values())) if forecasts else None
                yield Missing(position, conversation.id, told)

    # ------------------------------------------------------------------ differences

    def _differences(
        self, rows: Sequence[WitnessRow], missing: Sequence[Missing], forecasts: Sequence[Foretold] | None
    ) -> Iterator[Difference]:
        for one in missing:
            if one.forecast is not None and one.forecast.outcome != "dropped":
                yield Difference(
                    one.conversation, one.id, "row", f"it is {one.forecast.outcome}", "there is no row of it"
                )
        for row in rows:
            if row.forecast is not None and row.conversation is not None and row.id is not None:
                difference = self._difference(row, row.forecast)
                if difference is not None:
                    yield Difference(row.conversation, row.id, *difference, row.side)
        if not self._limited:
            yield from self._answers_without_a_row(rows, forecasts or ())

    def _answers_without_a_row(
        self, rows: Sequence[WitnessRow], forecasts: Sequence[Foretold]
    ) -> Iterator[Difference]:
        """Of a pair, one answer is there and the other is not."""
        there = {
            (row.conversation, row.side): row.id
            for row in rows
            if row.conversation is not None and row.side is not None
        }
        for (position, _), name in there.items():
            for other, told in forecasts[position].items():
                if (position, other) not in there and told.outcome not in ("dropped", "refused"):
                    said = f"its {other} answer is {told.outcome}"
                    yield Difference(position, name or "", "row", said, "there is no row of it", other)

    def _difference(self, row: WitnessRow, forecast: Forecast) -> tuple[What, str, str] | None:
        if forecast.outcome in ("dropped", "refused"):
            return "row", f"it is {forecast.outcome}", "there is a row of it"
        if self._ids(forecast) != row.ids:
            start, end = forecast.kept or (0, len(forecast.text or ""))
            ours = (forecast.text or "")[start:end]
            return (
                ("text", *_apart(ours, row.text))
                if ours != row.text
                else ("tokens", "other tokens", "these tokens")
            )
        stretches = [(forecast.text or "")[one.start : one.end] for one in forecast.trained]
        theirs = [row.text[one.start : one.end].strip(PART_OF_A_CHARACTER) for one in row.trained]
        if stretches != theirs and not self._only_the_first(forecast, row):
            return "trained", f"trained is {_short(stretches)}", _short(theirs)
        if forecast.trained_tokens != row.trained_tokens and not self._only_the_first(forecast, row):
            return "tokens", f"{forecast.trained_tokens} trained tokens", f"{row.trained_tokens}"
        return None

    def _only_the_first(self, forecast: Forecast, row: WitnessRow) -> bool:
        """Where rows are not padded, the first token of each, which no token comes before, has no label: no loss is lost."""
        free = getattr(self._trainer, "padding_free", False) and row.labels[:1] == (IGNORED,)
        return bool(free) and forecast.trained_tokens == row.trained_tokens + 1


_HOW: Mapping[Matched, str] = {
    "content": "Rows were matched to conversations by the columns the trainer has kept beside the tokens.",
    "tokens": "Rows were matched to conversations by their tokens, which we foretold.",
    "order": "Rows were matched to conversations by their order: there are as many of the one as of the other.",
}


def _apart(ours: str, theirs: str) -> tuple[str, str]:
    """Two texts from where they differ on."""
    at = next(
        (n for n, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b), min(len(ours), len(theirs))
    )
    start = max(0, at - 20)
    return f"the text goes on {ours[start : at + 40]!r}", repr(theirs[start : at + 40])


def _short(texts: Sequence[str]) -> str:
    shown = repr(list(texts))
    return shown if len(shown) <= 200 else f"{shown[:120]} … {shown[-60:]}"
