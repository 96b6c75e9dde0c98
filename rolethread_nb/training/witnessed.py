"""What was read off a built trainer: its sequences, what is missing, and where our forecast was wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from ..core.model import Conversation, Span
from .row_matching import Matched
from .targets.target import Forecast
from .trainer_data import IGNORED, Side

if TYPE_CHECKING:
    import pandas as pd

What = Literal["row", "text", "trained", "tokens"]


@dataclass(frozen=True, slots=True)
class WitnessRow:
    """One sequence of tokens the trainer trains on.

    Attributes:
        number: 0-based place of its row in the trainer's data. Sequences packed into one row have the same.
        conversation: position of the conversation in the dataset, None where it is not known.
        id: the conversation's id, None where it is not known.
        side: ``chosen`` or ``rejected`` where it is an answer of a pair.
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
    side: Side | None
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

    @property
    def cut_tokens(self) -> int | None:
        """How many tokens of the conversation are missing at the length limit; None where that is not known."""
        if self.forecast is not None and self.forecast.tokens is not None:
            return max(0, self.forecast.tokens - len(self.ids))
        return 0 if self.cut is False else None


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
        side: which answer, where the conversation is a pair.
    """

    conversation: int
    id: str
    what: What
    foretold: str
    found: str
    side: Side | None = None


@dataclass(frozen=True)
class Witness:
    """What a trainer trains on. A notebook shows it as a summary; ``rt.WitnessPanel(found)`` opens every conversation.

    Attributes:
        trainer: its class.
        rows: the sequences, in the order of the trainer's data.
        missing: conversations of the dataset that the trainer has no row of; empty without a dataset.
        differences: where the trainer does something else than we foretold.
        conversations: how many conversations the dataset has, None without one.
        matched_by: how rows were matched to conversations: by ``content``, by ``tokens`` or by ``order``; None: not at all.
        notes: what a reader has to know besides, in plain sentences.
        given: the conversations of the dataset, in its order; empty without one.
    """

    trainer: str
    rows: tuple[WitnessRow, ...]
    missing: tuple[Missing, ...]
    differences: tuple[Difference, ...]
    conversations: int | None
    matched_by: Matched | None
    notes: tuple[str, ...]
    _decode: Callable[[Sequence[int]], str] = field(repr=False)
    given: tuple[Conversation, ...] = field(default=(), repr=False)

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

    @cached_property
    def totals(self) -> dict[str, int | None]:
        """Tokens that are ``trained``, ``masked`` and ``cut`` in all rows together; ``cut`` is None where it is not known."""
        held = sum(len(row.ids) for row in self.rows)
        trained = sum(row.trained_tokens for row in self.rows)
        cut = [row.cut_tokens for row in self.rows]
        known = [one for one in cut if one is not None]
        return {
            "trained": trained,
            "masked": held - trained,
            "cut": sum(known) if len(known) == len(cut) else None,
        }

    def table(self) -> pd.DataFrame:
        """One row a sequence in the order of the trainer's data, then one for each missing conversation.

        Columns: ``row``, ``conversation``, ``id``, ``side``, ``state`` (``kept``, ``cut`` or ``missing``), ``tokens``,
        ``trained`` and ``cut`` (in tokens), and where our forecast was wrong ``differs``, ``foretold`` and ``found``.
        """
        import pandas as pd

        wrong = {(one.conversation, one.side): one for one in reversed(self.differences)}
        lines: list[tuple[Any, ...]] = []
        for row in self.rows:
            told = _told(None if row.conversation is None else wrong.get((row.conversation, row.side)))
            state = "cut" if row.cut else "kept"
            counts = (len(row.ids), row.trained_tokens, row.cut_tokens)
            lines.append((row.number, row.conversation, row.id, row.side, state, *counts, *told))
        for one in self.missing:
            told = _told(wrong.get((one.conversation, None)))
            lines.append((None, one.conversation, one.id, None, "missing", None, None, None, *told))
        whole = ("row", "conversation", "tokens", "trained", "cut")
        return pd.DataFrame(lines, columns=_COLUMNS).astype(dict.fromkeys(whole, "Int64"))

    @property
    def summary(self) -> str:
        """What was found, in plain sentences, one a line."""
        return "\n".join(self._sentences())

    @property
    def agreement(self) -> str | None:
        """Whether our forecast was right, in one sentence; None where there was none."""
        if self.differences:
            wrong = len({one.conversation for one in self.differences})
            return f"We foretold something else of {_many(wrong, 'conversation')}. That is a fault of ours, not of your data."
        if compared := sum(row.forecast is not None for row in self.rows):
            return f"Our forecast is right for {_many(compared, 'sequence')}, token by token."
        if self.missing and all(one.forecast is not None for one in self.missing):
            return "Our forecast is right: it has no row of any conversation."
        return None

    def _sentences(self) -> Iterator[str]:
        rows, trained = len(self.rows), self.totals["trained"] or 0
        tokens = trained + (self.totals["masked"] or 0)
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
            yield f"Of {_many(conversations, 'conversation')}, {_many(len(self.missing), 'is', 'are')} missing."
            for why, count in Counter(one.why for one in self.missing).most_common():
                yield f"  {count:,}: {why or 'we did not foresee it.'}"
        elif self.matched_by is not None:
            yield f"Every one of {_many(conversations, 'conversation')} has its row."
        if unknown := sum(row.conversation is None for row in self.rows):
            yield f"{_many(unknown, 'sequence')} could not be matched to a conversation."
        if (agreement := self.agreement) is not None:
            yield agreement
        for one in self.differences[:5]:
            yield f"  {one.id}: we said {one.foretold}; the trainer: {one.found}."

    def __repr__(self) -> str:
        return self.summary

    def _repr_html_(self) -> str:
        from ..outputs.witness_static import witness_html

        return witness_html(self)


_COLUMNS = ["row", "conversation", "id", "side", "state", "tokens", "trained", "cut"]
_COLUMNS += ["differs", "foretold", "found"]


def _told(difference: Difference | None) -> tuple[Any, ...]:
    return (None,) * 3 if difference is None else (difference.what, difference.foretold, difference.found)


def _many(count: int, one: str, more: str | None = None) -> str:
    return f"{count:,} {one if count == 1 else more or one + 's'}"
