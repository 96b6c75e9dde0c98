"""The witness: what a built trainer really trains on, row by row, beside what we foretold.

The rows are read from the trainer's own data, each through the trainer's own collator, in the order of the data; nothing is
trained and nothing of the trainer is changed. A row is matched to a conversation by what it holds: trainers of TRL keep the
columns they have read beside the tokens. Where those are gone (packed rows), the tokens are compared with those we foretold;
where that fails too, the order is taken if no row can be missing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, Literal

from ..core.dataset import Dataset
from ..core.loading import load
from ..core.model import Conversation, Span
from .row_matching import Matched, Matching, Place, is_a, shape_of
from .targets.registry import installed, target
from .targets.target import Context, Forecast
from .template_files import TemplateSourceError
from .templates import ChatTemplate
from .tokens import tokens_of
from .trainer_data import (
    IGNORED,
    PART_OF_A_CHARACTER,
    Example,
    Vocabulary,
    WitnessError,
    data_of,
    examples,
)

__all__ = ["Difference", "Missing", "Witness", "WitnessError", "WitnessRow", "witness"]


@dataclass(frozen=True, slots=True)
class WitnessRow:
    """One sequence of tokens the trainer trains on.

    Attributes:
        number: 0-based place of its row in the trainer's data. Sequences packed into one row have the same.
        conversation: position of the conversation in the dataset, None where it is not known.
        id: the conversation's id, None where it is not known.
        side: ``chosen`` or ``rejected`` where rows are pairs.
        text: the tokens as text, control strings and all.
        trained: what of the text the loss is computed on, in code points, in order.
        ids: the tokens.
        labels: a token's label; -100: the loss is not computed on it.
        cut: whether something of the conversation is missing at the length limit; None where that is not known.
        forecast: what we foretold, None where nothing was.
    """

    number: int
    conversation: int | None
    id: str | None
    side: Literal["chosen", "rejected"] | None
    text: str
    trained: tuple[Span, ...]
    ids: tuple[int, ...] = field(repr=False)
    labels: tuple[int, ...] = field(repr=False)
    cut: bool | None = None
    forecast: Forecast | None = field(default=None, repr=False)

    @property
    def trained_tokens(self) -> int:
        """How many tokens the loss is computed on."""
        return sum(label != IGNORED for label in self.labels)


@dataclass(frozen=True, slots=True)
class Missing:
    """A conversation the trainer has no row of.

    Attributes:
        conversation: its position in the dataset.
        id: its id.
        forecast: what we foretold, None where nothing was.
    """

    conversation: int
    id: str
    forecast: Forecast | None = field(default=None, repr=False)

    @property
    def why(self) -> str | None:
        """The reason we foretold, None where we did not foretell it."""
        if self.forecast is None:
            return None
        return next((one.says for one in self.forecast.reasons if one.outcome == "dropped"), None)


@dataclass(frozen=True, slots=True)
class Difference:
    """Where the trainer does something else than we foretold: a finding about us.

    Attributes:
        conversation: position of the conversation in the dataset.
        id: its id.
        what: ``row`` (there or not), ``text``, ``trained`` (which tokens) or ``tokens`` (how many).
        foretold: what we said.
        found: what the trainer does.
    """

    conversation: int
    id: str
    what: Literal["row", "text", "trained", "tokens"]
    foretold: str
    found: str


@dataclass(frozen=True)
class Witness:
    """What a trainer trains on.

    Attributes:
        trainer: its class.
        rows: the sequences, in the order of the trainer's data.
        missing: conversations of the dataset that the trainer has no row of; empty without a dataset.
        differences: where the trainer does something else than we foretold.
        conversations: how many conversations the dataset has, None without one.
        matched_by: how rows were matched to conversations: by ``content``, by ``tokens`` or by ``order``; None: not at all.
        notes: what a reader has to know besides, in plain sentences.
    """

    trainer: str
    rows: tuple[WitnessRow, ...]
    missing: tuple[Missing, ...]
    differences: tuple[Difference, ...]
    conversations: int | None
    matched_by: Matched | None
    notes: tuple[str, ...]
    _decode: Callable[[Sequence[int]], str] = field(repr=False)

    @cached_property
    def cut(self) -> tuple[WitnessRow, ...]:
        """The rows that are cut at the length limit."""
        return tuple(row for row in self.rows if row.cut)

    def of(self, conversation: int | str) -> list[WitnessRow]:
        """The rows of one conversation, by its position or its id."""
        return [row for row in self.rows if conversation in (row.conversation, row.id)]

    def tokens(self, row: WitnessRow) -> list[tuple[str, bool]]:
        """Each token of a row as text, and whether the loss is computed on it."""
        return [
            (self._decode([one]), label != IGNORED) for one, label in zip(row.ids, row.labels, strict=True)
        ]

    @property
    def summary(self) -> str:
        """What was found, in plain sentences, one a line."""
        return "\n".join(self._sentences())

    def _sentences(self) -> Iterator[str]:
        rows, tokens = len(self.rows), sum(len(row.ids) for row in self.rows)
        trained = sum(row.trained_tokens for row in self.rows)
        share = f" ({trained / tokens:.1%})" if tokens else ""
        yield f"{self.trainer} holds {_many(rows, 'sequence')} of {tokens:,} tokens; {trained:,}{share} of them are trained."
        if nothing := sum(not row.trained_tokens for row in self.rows):
            yield f"Nothing is trained in {_many(nothing, 'of the sequences', 'of the sequences')}."
        if self.cut:
            yield f"{_many(len(self.cut), 'sequence is', 'sequences are')} cut at the length limit."
        if self.conversations is not None:
            yield from self._about_the_dataset(self.conversations)
        yield from self.notes

    def _about_the_dataset(self, conversations: int) -> Iterator[str]:
        if self.missing:
            yield f"Of {_many(conversations, 'conversation')}, {len(self.missing):,} are missing."
            for why, count in Counter(one.why for one in self.missing).most_common():
                yield f"  {count:,}: {why or 'we did not foresee it.'}"
        elif self.matched_by is not None:
            yield f"Every one of {_many(conversations, 'conversation')} has its row."
        if unknown := sum(row.conversation is None for row in self.rows):
            yield f"{_many(unknown, 'sequence')} could not be matched to a conversation."
        compared = sum(row.forecast is not None for row in self.rows)
        if self.differences:
            wrong = len({one.conversation for one in self.differences})
            yield f"We foretold something else of {_many(wrong, 'conversation')}. That is a fault of ours, not of your data:"
            for one in self.differences[:5]:
                yield f"  {one.id}: we said {one.foretold}; the trainer: {one.found}."
        elif compared:
            yield f"Our forecast is right for {_many(compared, 'sequence')}, token by token."

    def __repr__(self) -> str:
        return self.summary


def witness(trainer: Any, dataset: Any = None, *, split: str = "train", limit: int | None = None) -> Witness:
    """Read from a built trainer what it really trains on. Nothing is trained, nothing of the trainer is changed.

    Args:
        trainer: a ``SFTTrainer`` or ``DPOTrainer`` of TRL, or any ``Trainer`` of transformers whose batches have labels.
        dataset: the conversations it was given: a :class:`Dataset`, or anything :func:`load` opens. With it, rows are matched
            to conversations, missing ones are named, and for ``SFTTrainer`` our forecast, made with the trainer's own
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
        )

    # ------------------------------------------------------------------ forecast

    def _forecasts(self) -> list[Forecast] | None:
        """What we foretell of each conversation with the trainer's own settings; None where we do not know the trainer."""
        conversations = self._conversations or []
        if not is_a(self._trainer, "SFTTrainer") or not conversations:
            return None
        if (why := self._not_foretold()) is not None:
            self._notes.append(f"No forecast to compare with: {why}.")
            return None
        one = target("trl")
        if (here := installed(one)) is not None and here != one.version:
            self._notes.append(f"TRL is {here} here; our forecast is about {one.version}.")
        template = self._template()
        if template is None:
            # A tokenizer without one can only be given texts, and then none is needed.
            template = ChatTemplate.of("chatml")
        settings = {name: getattr(self._args, name, value) for name, value in one.settings.items()}
        settings["eos_token"] = getattr(self._vocabulary.tokenizer, "eos_token", None)
        context = Context(template, tokens_of(self._vocabulary.tokenizer), settings, self._vocabulary.around)
        judge = one.judge(shape_of([conversation.raw for conversation in conversations]), context)
        return [judge(conversation) for conversation in conversations]

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

    def _matched(self, forecasts: list[Forecast] | None) -> tuple[dict[Place, int], Matched | None]:
        if self._conversations is None:
            return {}, None
        foretold = None
        if forecasts is not None:
            foretold = [
                None if one.outcome in ("dropped", "refused") else self._ids(one) for one in forecasts
            ]
        eos_token = getattr(self._vocabulary.tokenizer, "eos_token", None)
        return Matching(self._trainer, self._examples, self._conversations, eos_token).find(foretold)

    def _ids(self, forecast: Forecast) -> tuple[int, ...]:
        """The tokens that are left of a row we foretold."""
        text, left = forecast.text or "", forecast.kept_tokens or 0
        ids = self._vocabulary.bare(text)
        if len(ids) != forecast.tokens:
            ids = self._vocabulary.wrapped(text)
        at_the_end = getattr(self._args, "truncation_mode", None) == "keep_end" and not self._packed
        return tuple(ids[len(ids) - left :] if at_the_end else ids[:left])

    def _rows(self, places: Mapping[Place, int], forecasts: list[Forecast] | None) -> Iterator[WitnessRow]:
        conversations, limit = self._conversations or [], getattr(self._args, "max_length", None)
        for example in self._examples:
            for at, one in enumerate(example.sequences):
                place = places.get((example.number, at))
                forecast = forecasts[place] if forecasts is not None and place is not None else None
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
                    one.side,
                    text,
                    trained,
                    one.ids,
                    one.labels,
                    cut,
                    forecast,
                )

    def _missing(self, rows: Sequence[WitnessRow], forecasts: list[Forecast] | None) -> Iterator[Missing]:
        there = {row.conversation for row in rows if row.conversation is not None}
        conversations = self._conversations or []
        until = max(there, default=-1) if self._limited else len(conversations)
        for position, conversation in enumerate(conversations[:until]):
            if position not in there:
                yield Missing(position, conversation.id, forecasts[position] if forecasts else None)

    # ------------------------------------------------------------------ differences

    def _differences(
        self, rows: Sequence[WitnessRow], missing: Sequence[Missing], forecasts: list[Forecast] | None
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
                    what, foretold, found = difference
                    yield Difference(row.conversation, row.id, what, foretold, found)

    def _difference(
        self, row: WitnessRow, forecast: Forecast
    ) -> tuple[Literal["row", "text", "trained", "tokens"], str, str] | None:
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


def _many(count: int, one: str, more: str | None = None) -> str:
    return f"{count:,} {one if count == 1 else more or one + 's'}"
