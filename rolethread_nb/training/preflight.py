"""Preflight: what trainers would do with each conversation of a dataset, before the run."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import polars as pl

from ..core.dataset import Dataset
from ..core.errors import QueryError
from ..core.model import Conversation
from .file_shape import FileShape
from .lengths import Lengths, Strategy, strategy_in
from .notes import notes_on, notes_on_trainer
from .running import Run
from .shares import By, shares
from .targets.registry import chosen
from .targets.target import OUTCOMES, Context, Forecast, Outcome, Reason, Target
from .templates import ChatTemplate
from .tokens import Tokens, tokens_around, tokens_of
from .verdicts import Verdicts

if TYPE_CHECKING:
    from threading import RLock

    import pandas as pd

    from ..core.repair import Plan


# Verdicts that are made at once where a preflight is shown; with more to do, what is known is shown, and grows.
_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one trainer would do with one conversation."""

    conversation: Conversation
    target: str
    forecast: Forecast


class Preflight:
    """What trainers would do with each conversation of a dataset.

    It is there at once, and looks at the dataset a piece at a time: whatever needs the whole (a table, a count, ``print``) does
    the work that is left first. It is about the dataset as it was when the preflight was made, whatever is changed after.

    Attributes:
        dataset: the dataset that is looked at.
        targets: the trainers.
        template: the chat template conversations are rendered with.
        tokens: how tokens are counted; ``tokens.exact`` is false for an estimate.
        settings: the settings of each trainer, by its name.
        refused: by trainer, why it refuses the file as a whole.
        records: how many records there are to look at, those that cannot be read counted.
    """

    def __init__(
        self,
        dataset: Dataset,
        targets: Sequence[Target],
        template: ChatTemplate,
        tokens: Tokens,
        settings: Mapping[str, Mapping[str, Any]],
        around: tuple[int, int] = (0, 0),
    ) -> None:
        self.dataset = dataset
        self.targets = tuple(targets)
        self.template = template
        self.tokens = tokens
        self.settings = {name: dict(values) for name, values in settings.items()}
        self._file = FileShape.of(dataset, self.settings)
        self._shape = self._file.shape
        contexts = {
            one.name: Context(template, tokens, self.settings[one.name], around) for one in self.targets
        }
        self._contexts = contexts
        self.refused = {
            one.name: why
            for one in self.targets
            if one.refuses_file is not None
            and (why := one.refuses_file(self._shape, contexts[one.name])) is not None
        }
        judges = {one.name: one.judge(self._shape, contexts[one.name]) for one in self.targets}
        self.records = self._file.records
        self._run = Run(dataset, judges, self.records)

    # ------------------------------------------------------------------ the work

    @property
    def done(self) -> bool:
        """Whether every record has been looked at."""
        return self._run.done

    @property
    def lock(self) -> RLock:
        """Whoever holds it sees everything at one moment: the work in the background waits."""
        return self._run.lock

    @property
    def is_short(self) -> bool:
        """Whether all of the work is a matter of a second."""
        return self.records * len(self.targets) <= _AT_ONCE

    @property
    def looked_at(self) -> int:
        """How many of the ``records`` have been looked at so far."""
        return self._run.looked_at

    def advance(self) -> int:
        """Look at the next few conversations. Returns how many records have been looked at by then.

        Raises:
            SourceError: a file has changed or cannot be read any more.
        """
        self._run.advance()
        return self.looked_at

    def finish(self) -> Preflight:
        """Look at all that is left. Interrupted, it keeps what it has, and goes on from there when called again.

        Raises:
            SourceError: a file has changed or cannot be read any more.
        """
        self._run.finish()
        return self

    @property
    def conversation_count(self) -> int:
        """How many conversations have been judged so far."""
        return self._run.conversations

    @property
    def rejected_count(self) -> int:
        """How many of the records looked at so far could not be read as conversations."""
        return self._run.rejected

    @property
    def speakers(self) -> Mapping[str, int]:
        """The names of turns as far as the dataset has been read, numbered as they come up."""
        return self._run.speakers

    @property
    def so_far(self) -> Verdicts:
        """What is known by now. A verdict that is there stays as it is; others come behind it."""
        return self._run.so_far()

    @property
    def changed(self) -> bool:
        """Whether the dataset has changed since; the preflight is about it as it was before."""
        return self.dataset.edits is not self._run.edits

    @property
    def frame(self) -> pl.DataFrame:
        """One row a conversation and trainer, with the columns of `VERDICTS`."""
        return self._run.finish().frame

    @property
    def reason_frame(self) -> pl.DataFrame:
        """One row a reason, with the columns of `REASONS`."""
        return self._run.finish().reasons

    @property
    def notes(self) -> list[str]:
        """What a reader has to know besides, in plain sentences."""
        return [*notes_on(self, self._file), *self._notes_on_trainers]

    @cached_property
    def _notes_on_trainers(self) -> list[str]:
        return [said for one in self.targets for said in notes_on_trainer(one)]

    # ------------------------------------------------------------------ looking

    def verdicts(self) -> pd.DataFrame:
        """One row a conversation and trainer: source, index, id, target, outcome, tokens, kept_tokens, trained_tokens."""
        return _pandas(self.frame.drop("first_trained", "last_trained", "title"))

    def reasons(self) -> pd.DataFrame:
        """One row a reason: source, index, id, target, code, outcome, turn, says."""
        return _pandas(self.reason_frame)

    def table(self) -> pd.DataFrame:
        """One row a trainer: conversations by outcome, tokens, and which share of the tokens that are left is trained."""
        return _pandas(self.numbers.drop("longest"))

    @property
    def numbers(self) -> pl.DataFrame:
        """The same as columns: target, conversations, taken, altered, dropped, refused, tokens, kept_tokens, trained_tokens, share."""
        return self._run.finish().numbers

    @property
    def causes(self) -> pl.DataFrame:
        """How often each reason occurs: target, code, outcome, conversations, an example's sentence; the worst and commonest first."""
        return self._run.finish().causes

    def conversations(
        self, *, target: str | None = None, outcome: Outcome | None = None, reason: str | None = None
    ) -> list[Conversation]:
        """The conversations with a verdict, in file order.

        Args:
            target: by this trainer; None: by any.
            outcome: ``taken``, ``altered``, ``dropped`` or ``refused``; None: all but ``taken``, unless a reason is named.
            reason: with this reason, by its code.

        Raises:
            QueryError: if the trainer or the outcome is none of this preflight's.
        """
        if target is not None and target not in self.settings:
            raise QueryError(
                f"This preflight is not about {target!r}, only about {', '.join(self.settings)}."
            )
        if outcome is not None and outcome not in OUTCOMES:
            raise QueryError(f"{outcome!r} is no outcome; there are {', '.join(OUTCOMES)}.")
        frame = self.frame if reason is None else self.reason_frame.filter(pl.col("code") == reason)
        if target is not None:
            frame = frame.filter(pl.col("target") == target)
        if outcome is not None:
            frame = frame.filter(pl.col("outcome") == outcome)
        elif reason is None:
            frame = frame.filter(pl.col("outcome") != "taken")
        places = frame.select("source", "index").unique().sort("source", "index")
        found = (self.conversation_at(source, index) for source, index in places.rows())
        return [conversation for conversation in found if conversation is not None]

    def forecast(
        self,
        conversation: Conversation | str | int,
        target: str | None = None,
        *,
        max_tokens: int | None = None,
    ) -> Forecast:
        """What a trainer would do with one conversation, in full: the text, what of it is trained and what is cut.

        Args:
            conversation: one of the dataset's, its id or its position.
            target: the trainer; None: the first of this preflight.
            max_tokens: another length limit than the preflight's; None: the same.

        Raises:
            QueryError: if the trainer is none of this preflight's.
            KeyError, IndexError: if there is no such conversation.
        """
        one = self.targets[0] if target is None else self._target(target)
        context = self._contexts[one.name]
        if max_tokens is not None and one.limit is not None:
            context = replace(context, settings={**context.settings, one.limit: max_tokens})
        found = conversation if isinstance(conversation, Conversation) else self.dataset[conversation]
        with self.lock:
            return one.judge(self._shape, context)(found)

    def lengths(self, target: str | None = None) -> Lengths:
        """How long the conversations are that a trainer renders: ``.quantiles()``, and what any limit would do to them: ``.at(512)``.

        Args:
            target: the trainer; None: the first of this preflight.

        Raises:
            QueryError: if the trainer is none of this preflight's.
        """
        name = (self.targets[0] if target is None else self._target(target)).name
        return self._run.finish().lengths(name, self.strategy_of(name))

    def shares(self, by: By = "role", target: str | None = None) -> pd.DataFrame:
        """How the loss is spread: which share of the tokens of each role, speaker, opening or conversation is trained.

        One row each, the most trained first, with the columns ``by`` (its name), ``tokens``, ``kept`` (of those, the ones within the
        length limit), ``trained``, ``share`` (trained of kept) and ``of_loss`` (its part of all trained tokens). Only conversations that
        the trainer takes are counted. A token counts to the turn in which it begins; those that the template writes around the turns,
        and turns without such a name, stand in the row without a name. All but ``conversation`` render the dataset once more.

        Args:
            by: ``role``; ``speaker`` (the name of a turn); ``opening`` (the first three words of the assistant's turns, in small
                letters); ``conversation`` (its id, with the columns ``source`` and ``index`` before).
            target: the trainer; None: the first of this preflight.

        Raises:
            QueryError: if the trainer is none of this preflight's, or ``by`` is none of these.
        """
        one = self.targets[0] if target is None else self._target(target)
        context, frame = self._contexts[one.name], self.frame.filter(pl.col("target") == one.name)
        judge = one.judge(self._shape, context)
        return _pandas(shares(by, frame, self.conversation_at, judge, self.tokens))

    def limit_of(self, target: str) -> int | None:
        """The length limit of a trainer in tokens, None where it has none."""
        one = self._target(target)
        limit = None if one.limit is None else self.settings[one.name][one.limit]
        return limit if isinstance(limit, int) else None

    def strategy_of(self, target: str) -> Strategy | None:
        """What a trainer does with a conversation over the limit, None where it is none of those that `Lengths.at` knows."""
        return strategy_in(self.settings[self._target(target).name], target)

    def _target(self, name: str) -> Target:
        found = next((one for one in self.targets if one.name == name), None)
        if found is None:
            raise QueryError(f"This preflight is not about {name!r}, only about {', '.join(self.settings)}.")
        return found

    def repairs(
        self,
        target: str | None = None,
        select: Iterable[str] | str | None = None,
        *,
        greeting: Literal["into_system", "opener"] | None = None,
        opener: str | None = None,
        overlap: int = 0,
    ) -> Plan:
        """What would mend the conversations that a trainer refuses, drops or alters. Nothing changes before ``plan.apply()``.

        Args:
            target: the trainer; None: the first of this preflight.
            select: only these repairs: ``merge_neighbours``, ``system_into_user``, ``greeting``, ``trim_tail``, ``roles``,
                ``arguments``, ``tool_ids``, ``drop_keys``, ``split_long``; None: all that the trainer's reasons call for.
                ``split_long`` is done only when named.
            greeting: what becomes of a greeting where the assistant may not speak first: ``into_system`` moves it into the system
                prompt, ``opener`` puts a user turn before it; None: such conversations are left.
            opener: the text of that user turn.
            overlap: with so many exchanges of the part before each part of a split conversation begins, or as many as fit.

        Raises:
            QueryError: if the trainer is none of this preflight's, a repair is not known, the opener's text is missing, or ``overlap``
                is negative.
            StalePlanError: if the dataset has changed since.
        """
        from .repairs import check_current, repairs_for

        one = self.targets[0] if target is None else self._target(target)
        check_current(self.dataset, self._run.edits)
        judge = one.judge(self._shape, self._contexts[one.name])
        reasons = self.reason_frame.filter(pl.col("target") == one.name)
        return repairs_for(
            self.dataset, judge, reasons, select=select, greeting=greeting, opener=opener, overlap=overlap
        )

    def conversation_at(self, source: int, index: int) -> Conversation | None:
        """A conversation as it was when it was looked at, None if there is none."""
        return self._run.conversation_at(source, index)

    @property
    def ok(self) -> bool:
        """Whether every conversation is taken as it is by every trainer."""
        return not self.refused and bool((self.frame["outcome"] == "taken").all())

    def to_dict(self) -> dict[str, Any]:
        """The form of ``rolethread-nb preflight --json`` (docs/preflight.md)."""
        from ..outputs.preflight_json import preflight_dict

        return preflight_dict(self.finish())

    def __repr__(self) -> str:
        from ..outputs.preflight_text import preflight_text

        return preflight_text(self.finish())

    def _repr_html_(self) -> str:
        from ..outputs.static_preflight import preflight_html

        return preflight_html(self.finish())

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        """In a notebook, the panel while there is much left to look at; None, and it is shown as text and as a table."""
        if self.done or self.is_short or "ipykernel" not in sys.modules:
            return None
        from ..widgets.preflight import PreflightPanel

        return PreflightPanel(self)._repr_mimebundle_(include=include, exclude=exclude)


def preflight(
    dataset: Dataset,
    tokenizer: Any = None,
    *,
    template: Any = None,
    targets: Iterable[str] | str | None = None,
    max_tokens: int | None = None,
    settings: Mapping[str, Any] | None = None,
) -> Preflight:
    """See :meth:`Dataset.preflight`."""
    if max_tokens is not None and max_tokens < 1:
        raise QueryError(f"A length limit is at least 1 token, not {max_tokens}.")
    made = chosen(targets)
    given = dict(settings or {})
    unknown = [name for name in given if not any(name in one.settings for one in made)]
    if unknown:
        known = sorted({name for one in made for name in one.settings})
        raise QueryError(f"No trainer here has a setting {unknown[0]!r}; there are {', '.join(known)}.")
    values: dict[str, dict[str, Any]] = {}
    for one in made:
        own = {**one.settings, **{name: value for name, value in given.items() if name in one.settings}}
        if max_tokens is not None and one.limit is not None:
            own[one.limit] = max_tokens
        values[one.name] = own
    is_of_transformers = callable(tokenizer) and hasattr(tokenizer, "convert_tokens_to_ids")
    around = tokens_around(tokenizer) if is_of_transformers else (0, 0)
    has_own = getattr(tokenizer, "chat_template", None)
    written = template if template is not None else tokenizer if has_own else None
    return Preflight(dataset, made, ChatTemplate.of(written), tokens_of(tokenizer), values, around)


def _pandas(frame: pl.DataFrame) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame({name: frame[name].to_list() for name in frame.columns})


__all__ = ["Preflight", "Reason", "Verdict", "preflight"]
