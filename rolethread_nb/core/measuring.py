"""Measuring: a dataset is checked, weighed, rehearsed and divided. :class:`Dataset` is put together from it and other parts."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from ..settings import flat_thresholds
from .changing import Changing
from .errors import QueryError
from .model import Conversation
from .part import Part, Which
from .wording import names_in

if TYPE_CHECKING:
    from ..balance import Distributions
    from ..training.preflight import Preflight
    from .dataset import Dataset
    from .dividing import Division, Key
    from .duplicate_groups import Duplicates
    from .leakage import Leakage
    from .model import Issue
    from .report import Report


class Measuring(Part):
    """The part of a dataset that says what is in it. :class:`Dataset` has all of it."""

    def check(
        self,
        profile: str | None = None,
        *,
        select: Sequence[str] | str | None = None,
        ignore: Sequence[str] | str | None = None,
        where: str | None = None,
        thresholds: Mapping[str, Any] | None = None,
        baseline: str | os.PathLike[str] | bool | None = None,
        balance: bool = False,
    ) -> Report:
        """Run the rules over every conversation. What is not said here is taken from :attr:`settings`, else from the defaults.

        Args:
            profile: ``chat``, ``roleplay``, ...: which rules run, and how severe a finding is (default ``chat``).
            select: only these codes or families, for example ``["turn", "leak.macro"]``.
            ignore: not these.
            where: only findings that match this query (docs/queries.md).
            thresholds: numbers of rules that are to be other than usual, ``{"dup.prompt": {"words": 8}}``; ``report.settings`` and
                ``rolethread-nb rules CODE`` name them.
            baseline: a file of ``report.write_baseline``; only findings that are not in it are reported. False: none, whatever the settings say.
            balance: gather every facet of the balance in the same pass: :meth:`balance`, the card and the gates then read nothing again.

        Raises:
            QueryError: if a name is not known or the query is not understood.
            SourceError: if the baseline cannot be read.
        """
        from .checking import run_check

        own = self._dataset.settings
        settings = own.without("baseline") if baseline is False else own
        named = None if baseline is None or isinstance(baseline, bool) else Path(baseline).absolute()
        given = {
            "profile": profile,
            "select": names_in(select),
            "ignore": names_in(ignore),
            "where": where,
            "baseline": named,
            "thresholds": None if thresholds is None else flat_thresholds(thresholds),
        }
        return run_check(self._dataset, settings.given(given), balance=balance)

    def iter_issues(self, profile: str | None = None) -> Iterator[Issue]:
        """Findings as they are found, block by block; those about the whole dataset come last.

        The settings hold as in :meth:`check`, but for a baseline: findings that one knows come along.
        """
        from .checking import stream_issues

        return stream_issues(self._dataset, self._dataset.settings.given({"profile": profile}))

    def balance(self, *, where: str | None = None, tokens: Any = None) -> Distributions:
        """What the dataset consists of, in numbers: lengths, roles, speakers, openings, point of view, languages (docs/balance.md).

        ``balance.facets`` lists what there is, ``balance["reply_words"]`` is one distribution, ``balance.numbers`` a row for each,
        ``balance.table("speaker", "viewpoint")`` one against another, ``balance.along("reply_words")`` the drift. Each is computed
        when it is first asked for.

        Args:
            where: only the conversations that match this query (docs/queries.md). None: all.
            tokens: what counts tokens: a tokenizer, a function of a text, the path of a ``tokenizer.json``, or ``"approx"`` for the
                estimate. None: no tokens are counted.

        Raises:
            QueryError: if the query is not understood.
            SourceError: if the tokenizer cannot be read.
        """
        from ..balance import Distributions

        return Distributions(self._dataset, where=where, tokens=tokens)

    def preflight(
        self,
        tokenizer: Any = None,
        *,
        template: Any = None,
        targets: Sequence[str] | str | None = None,
        max_tokens: int | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> Preflight:
        """What trainers would do with each conversation: taken as it is, altered, dropped or refused, and why.

        Args:
            tokenizer: counts the tokens, and has the chat template: a Hugging Face tokenizer; or anything with ``encode``, a callable
                from text to a count, the path of a ``tokenizer.json``. None: tokens are estimated.
            template: the chat template, above the tokenizer's: its text, a ``.jinja`` file, a tokenizer's folder or
                ``tokenizer_config.json``, ``"trl:qwen3"`` for one of an installed package. None and no tokenizer that has one:
                our own ChatML.
            targets: the trainers, by name, ``"all"`` for every one (docs/preflight.md lists them). None: TRL's supervised fine-tuning.
            max_tokens: the length limit, in tokens. None: each trainer's own default.
            settings: other settings of the trainers, ``{"assistant_only_loss": True}``.

        Raises:
            QueryError: if a trainer or a setting is not known, or the limit is below 1.
            SourceError: if the template or the tokenizer cannot be read.
        """
        from ..training.preflight import preflight

        return preflight(
            self._dataset,
            tokenizer,
            template=template,
            targets=targets,
            max_tokens=max_tokens,
            settings=settings,
        )

    def duplicates(self, near: float | None = 0.7) -> Duplicates:
        """Conversations that are the same, or nearly, as groups with a representative (docs/duplicates.md).

        Kinds are ``exact`` (as ``dup.exact`` has it), ``dialogue`` (the same turns under another system prompt) and ``near``. What
        user and assistant say counts; the system prompt and the rejected side of a pair do not. They are looked for once for each
        state of the dataset.

        Args:
            near: from this Jaccard index of the sets of word 3-shingles on, two conversations are near-duplicates; above 0, at most 1.
                None: look for exact ones and dialogues only.

        Raises:
            QueryError: if ``near`` is no such number.
        """
        from .duplicate_groups import Duplicates

        return Duplicates(self._dataset, near)

    @overload
    def split(self, which: Which, *turns: int) -> list[Conversation]: ...
    @overload
    def split(
        self,
        which: float | Mapping[str, float],
        *,
        seed: int = 0,
        by: Key | Sequence[Key] | None = "duplicates",
        stratify: Key | None = None,
        near: float = 0.7,
    ) -> Division: ...
    def split(
        self,
        which: Which | float | Mapping[str, float],
        *turns: int,
        seed: int = 0,
        by: Key | Sequence[Key] | None = "duplicates",
        stratify: Key | None = None,
        near: float = 0.7,
    ) -> list[Conversation] | Division:
        """Divide the dataset in parts (docs/splitting.md); or, with a conversation and turns, split that conversation.

        ``train, validation = ds.split(0.1)``. The parts hold places and no text; nothing is changed. The draw hangs on the seed and on
        ids alone: the same seed gives the same parts, and what is added later moves little.

        Args:
            which: the share of the validation part, above 0 and below 1; or the share of every part by name,
                ``{"train": 0.8, "validation": 0.1, "test": 0.1}``; or a conversation, its id or position, which is split before
                each of ``turns`` into ``<id>/1``, ``<id>/2`` and so on.
            turns: where a conversation is split.
            seed: another seed draws other parts.
            by: what is not torn apart: ``duplicates`` (groups of exact and near-duplicates), ``source``, ``character`` (names under
                which the assistant speaks; else the system prompt), ``system`` (prompt; those that are nearly the same are one), ``prompt``
                (what was asked), a function of a conversation (None: it stands alone), or several of them; None: every conversation stands alone.
            stratify: each part has its share of every ``source``, ``format``, ``character``, ``system`` prompt, quarter by number of
                ``turns``, or value of a function, as far as groups allow.
            near: the Jaccard index from which on two conversations are near-duplicates, for ``by="duplicates"``.

        Raises:
            QueryError: if a share, ``by`` or ``stratify`` is not understood, or the conversation cannot be split there.
            KeyError, IndexError: if there is no such conversation.
        """
        from .dividing import divide

        if isinstance(which, Conversation | str | int):
            if not all(isinstance(turn, int) for turn in turns):
                raise QueryError(
                    f"A conversation is split before turns, which are whole numbers, not {turns!r}."
                )
            return Changing.split(self._dataset, which, *turns)
        return divide(self._dataset, which, seed=seed, by=by, stratify=stratify, near=near)

    def leakage(self, other: Dataset, near: float | None = 0.7) -> Leakage:
        """The duplicates, exact and near, the prompts and the system prompts that this dataset shares with another: an evaluation set, say, or an earlier version.

        Args:
            other: the other dataset.
            near: as for :meth:`duplicates`.

        Raises:
            QueryError: if ``near`` is no Jaccard index above 0.
        """
        from .dividing import leakage_between

        return leakage_between(self._dataset, other, near)
