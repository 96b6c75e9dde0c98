"""Preflight: what trainers would do with each conversation of a dataset, before the run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import polars as pl

from ..core.dataset import Dataset
from ..core.errors import QueryError
from ..core.model import Conversation
from .lengths import Lengths
from .targets.registry import chosen, installed
from .targets.target import OUTCOMES, Context, Forecast, Judge, Outcome, Reason, Shape, Target
from .templates import ChatTemplate
from .tokens import Tokens, tokens_around, tokens_of

if TYPE_CHECKING:
    import pandas as pd

    from ..core.repair import Plan

VERDICTS: dict[str, Any] = {
    "source": pl.Int32,
    "index": pl.Int64,
    "id": pl.String,
    "target": pl.String,
    "outcome": pl.Enum(OUTCOMES),
    "tokens": pl.UInt32,
    "kept_tokens": pl.UInt32,
    "trained_tokens": pl.UInt32,
    "first_trained": pl.Int64,
    "last_trained": pl.Int64,
}
REASONS: dict[str, Any] = {
    "source": pl.Int32,
    "index": pl.Int64,
    "id": pl.String,
    "target": pl.String,
    "code": pl.String,
    "outcome": pl.Enum(OUTCOMES),
    "turn": pl.Int32,
    "says": pl.String,
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one trainer would do with one conversation."""

    conversation: Conversation
    target: str
    forecast: Forecast


class Preflight:
    """What trainers would do with each conversation of a dataset.

    Attributes:
        dataset: the dataset that was looked at.
        targets: the trainers.
        template: the chat template conversations were rendered with.
        tokens: how tokens were counted; ``tokens.exact`` is false for an estimate.
        settings: the settings of each trainer, by its name.
        refused: by trainer, why it refuses the file as a whole.
        notes: what a reader has to know besides, in plain sentences.
        frame: one row a conversation and trainer, with the columns of `VERDICTS`.
        reason_frame: one row a reason, with the columns of `REASONS`.
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
        self._edits = dataset.edits
        self._shape = _shape(dataset)
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
        self.notes = list(self._notes())
        self.frame, self.reason_frame = self._run()

    def _run(self) -> tuple[pl.DataFrame, pl.DataFrame]:
        verdicts: list[tuple[Any, ...]] = []
        reasons: list[tuple[Any, ...]] = []
        parts: list[tuple[pl.DataFrame, pl.DataFrame]] = []
        for verdict in self._stream():
            conversation, forecast = verdict.conversation, verdict.forecast
            place = (conversation.source_index, conversation.index, conversation.id, verdict.target)
            counts = (forecast.tokens, forecast.kept_tokens, forecast.trained_tokens, *forecast.trained_range)
            verdicts.append((*place, forecast.outcome, *counts))
            reasons += [(*place, one.code, one.outcome, one.turn, one.says) for one in forecast.reasons]
            if len(verdicts) >= _ROWS:
                parts.append(_frames(verdicts, reasons))
                verdicts, reasons = [], []
        parts.append(_frames(verdicts, reasons))
        return pl.concat([part for part, _ in parts]), pl.concat([part for _, part in parts])

    def _stream(self) -> Iterator[Verdict]:
        judges = self._judges()
        for block in self.dataset.blocks():
            for at in range(len(block)):
                conversation = block.conversation(at)
                for name, judge in judges.items():
                    yield Verdict(conversation, name, judge(conversation))

    def _judges(self) -> dict[str, Judge]:
        return {one.name: one.judge(self._shape, self._contexts[one.name]) for one in self.targets}

    def _notes(self) -> Iterator[str]:
        if not self.tokens.exact:
            low, high = self.tokens.band
            yield (
                f"Tokens are an estimate ({low:+.0%} to {high:+.0%} on the texts it was tried on); give a tokenizer to count them."
            )
        if self.template.missing_tokens:
            yield f"The template reads {', '.join(self.template.missing_tokens)}, which nobody has given."
        if rejected := len(self.dataset.rejected):
            yield f"{rejected:,} records could not be read as conversations; what trainers make of them is not said here."
        for one in self.targets:
            here = installed(one)
            if here is not None and here != one.version:
                yield f"{one.title} is installed here as {here}; what is said of it is about {one.version}."
            if one.basis == "documentation":
                yield f"{one.title}: from its documentation ({one.version}), not measured."
            yield from one.notes

    # ------------------------------------------------------------------ looking

    def verdicts(self) -> pd.DataFrame:
        """One row a conversation and trainer: source, index, id, target, outcome, tokens, kept_tokens, trained_tokens."""
        return _pandas(self.frame.drop("first_trained", "last_trained"))

    def reasons(self) -> pd.DataFrame:
        """One row a reason: source, index, id, target, code, outcome, turn, says."""
        return _pandas(self.reason_frame)

    def table(self) -> pd.DataFrame:
        """One row a trainer: conversations by outcome, tokens, and which share of the tokens that are left is trained."""
        return _pandas(self.numbers.drop("longest"))

    @property
    def numbers(self) -> pl.DataFrame:
        """The same as columns: target, conversations, taken, altered, dropped, refused, tokens, kept_tokens, trained_tokens, share."""
        stays = pl.col("outcome").is_in(["taken", "altered"])
        counted = self.frame.group_by("target").agg(
            pl.len().alias("conversations"),
            *[(pl.col("outcome") == outcome).sum().alias(outcome) for outcome in OUTCOMES],
            pl.col("tokens").sum(),
            *[pl.col(name).filter(stays).sum().alias(name) for name in ("kept_tokens", "trained_tokens")],
            pl.col("tokens").max().alias("longest"),
        )
        share = pl.when(pl.col("kept_tokens") > 0).then(pl.col("trained_tokens") / pl.col("kept_tokens"))
        order = pl.DataFrame({"target": [one.name for one in self.targets]})
        return order.join(counted, on="target", how="left", maintain_order="left").with_columns(share=share)

    @property
    def causes(self) -> pl.DataFrame:
        """How often each reason occurs: target, code, outcome, conversations, an example's sentence; the worst and commonest first."""
        place = pl.struct("source", "index")
        return (
            self.reason_frame.group_by("target", "code", "outcome", maintain_order=True)
            .agg(place.n_unique().alias("conversations"), pl.col("says").first(), pl.col("id").first())
            .sort(
                pl.col("target").replace_strict({one.name: n for n, one in enumerate(self.targets)}),
                pl.col("outcome").to_physical(),
                "conversations",
                descending=[False, True, True],
                maintain_order=True,
            )
        )

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
        return one.judge(self._shape, context)(found)

    def lengths(self, target: str | None = None) -> Lengths:
        """How long the conversations are that a trainer renders: ``.quantiles()``, and what any limit would do to them: ``.at(512)``.

        Args:
            target: the trainer; None: the first of this preflight.

        Raises:
            QueryError: if the trainer is none of this preflight's.
        """
        name = (self.targets[0] if target is None else self._target(target)).name
        rows = self.frame.filter((pl.col("target") == name) & pl.col("tokens").is_not_null())
        columns = ("tokens", "first_trained", "last_trained")
        return Lengths(*(rows[column].cast(pl.Int64).to_numpy() for column in columns))

    def limit_of(self, target: str) -> int | None:
        """The length limit of a trainer in tokens, None where it has none."""
        one = self._target(target)
        limit = None if one.limit is None else self.settings[one.name][one.limit]
        return limit if isinstance(limit, int) else None

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
    ) -> Plan:
        """What would mend the conversations that a trainer refuses, drops or alters. Nothing changes before ``plan.apply()``.

        Args:
            target: the trainer; None: the first of this preflight.
            select: only these repairs: ``merge_neighbours``, ``system_into_user``, ``greeting``, ``trim_tail``, ``roles``,
                ``arguments``, ``drop_keys``; None: all that the trainer's reasons call for.
            greeting: what becomes of a greeting where the assistant may not speak first: ``into_system`` moves it into the system
                prompt, ``opener`` puts a user turn before it; None: such conversations are left.
            opener: the text of that user turn.

        Raises:
            QueryError: if the trainer is none of this preflight's, a repair is not known, or the opener's text is missing.
            StalePlanError: if the dataset has changed since.
        """
        from .repairs import check_current, repairs_for

        one = self.targets[0] if target is None else self._target(target)
        check_current(self.dataset, self._edits)
        judge = one.judge(self._shape, self._contexts[one.name])
        reasons = self.reason_frame.filter(pl.col("target") == one.name)
        return repairs_for(self.dataset, judge, reasons, select=select, greeting=greeting, opener=opener)

    def conversation_at(self, source: int, index: int) -> Conversation | None:
        """A conversation as it was when it was looked at, None if there is none."""
        return self.dataset.conversation_at(source, index, self._edits)

    @property
    def ok(self) -> bool:
        """Whether every conversation is taken as it is by every trainer."""
        return not self.refused and bool((self.frame["outcome"] == "taken").all())

    def to_dict(self) -> dict[str, Any]:
        """The form of ``rolethread-nb preflight --json`` (docs/preflight.md)."""
        rows = {row["target"]: row for row in self.numbers.rows(named=True)}
        causes = self.causes.rows(named=True)
        return {
            "schema": 1,
            "conversations": len(self.dataset),
            "rejected": len(self.dataset.rejected),
            "template": self.template.name,
            "tokens": {
                "counted_by": self.tokens.name,
                "exact": self.tokens.exact,
                "band": list(self.tokens.band),
            },
            "notes": self.notes,
            "targets": [
                {
                    "target": one.name,
                    "title": one.title,
                    "version": one.version,
                    "basis": one.basis,
                    "settings": self.settings[one.name],
                    "refused": self.refused.get(one.name),
                    **{
                        key: rows[one.name][key] or 0
                        for key in (*OUTCOMES, "tokens", "kept_tokens", "trained_tokens")
                    },
                    "trained_share": rows[one.name]["share"],
                    "reasons": [
                        {key: cause[key] for key in ("code", "outcome", "conversations", "says")}
                        for cause in causes
                        if cause["target"] == one.name
                    ],
                }
                for one in self.targets
            ],
            "verdicts": self._listed(),
        }

    def _listed(self) -> list[dict[str, Any]]:
        """Every verdict that is not ``taken``, with its reasons."""
        why: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
        for source, index, _, target, code, outcome, turn, says in self.reason_frame.iter_rows():
            why.setdefault((source, index, target), []).append(
                {"code": code, "outcome": outcome, "turn": turn, "says": says}
            )
        harmed = self.frame.filter(pl.col("outcome") != "taken")
        return [
            {
                "source": source,
                "conversation": index,
                "id": name,
                "target": target,
                "outcome": outcome,
                "reasons": why.get((source, index, target), []),
            }
            for source, index, name, target, outcome in harmed.select(list(VERDICTS)[:5]).iter_rows()
        ]

    def __repr__(self) -> str:
        from ..outputs.preflight_text import preflight_text

        return preflight_text(self)

    def _repr_html_(self) -> str:
        from ..outputs.static_preflight import preflight_html

        return preflight_html(self)


_ROWS = 20_000


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


def _shape(dataset: Dataset) -> Shape:
    """What trainers look at before the rows: the first records and all top-level keys."""
    head: list[Any] = []
    keys: dict[str, None] = {}
    rows = 0
    for block in dataset.blocks():
        head += block.raws[: 10 - len(head)]
        for raw in block.raws:
            if type(raw) is dict:
                keys.update(dict.fromkeys(raw))
        rows += len(block)
    return Shape(head[0] if head else None, tuple(keys), rows, tuple(head))


def _frames(
    verdicts: list[tuple[Any, ...]], reasons: list[tuple[Any, ...]]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    return (
        pl.DataFrame(verdicts, schema=VERDICTS, orient="row"),
        pl.DataFrame(reasons, schema=REASONS, orient="row"),
    )


def _pandas(frame: pl.DataFrame) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame({name: frame[name].to_list() for name in frame.columns})


__all__ = ["Preflight", "Reason", "Verdict", "preflight"]
