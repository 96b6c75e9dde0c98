"""The balance of a dataset: any facet as a distribution, any two as a table, and how one drifts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import polars as pl

from ..core.errors import QueryError
from ..core.model import Conversation
from ..core.query import Query
from ..core.query_terms import CONVERSATION_TERMS, parse
from ..core.wording import plural
from .bands import range_of
from .examples import example
from .facet import MISSING, Facet
from .frames import crossed, frame_of, places_frame
from .gathered import Gathered
from .measures import QUANTILES, effective_number, spread
from .registry import facets
from .selection import OTHERS, Selection, by_count, common_unit

if TYPE_CHECKING:
    import pandas as pd

    from ..core.dataset import Dataset
    from ..core.report import Report

Share = Literal["row", "column", "all"]
Axis = Literal["conversation", "file"]

_ABOUT = ("title", "unit", "kind")
_OF_CATEGORIES = ("distinct", "effective", "top", "top_share", "top3_share")
_MOST = 5  # values of a category in as_dict


class Distributions:
    """What a dataset consists of, in numbers: see :meth:`Dataset.balance`.

    It follows the dataset: after a change the numbers are those of what it is now. A facet is computed when it is first asked for, and
    kept; :meth:`compute` takes several in one pass. All conversations count, as a trainer would take them; ``where="-code:dup.exact"``
    leaves repeated ones out.
    """

    def __init__(
        self, dataset: Dataset, *, where: str | None = None, tokens: Any = None, report: Report | None = None
    ) -> None:
        counter = None
        if tokens is not None:
            from ..training.tokens import tokens_of

            counter = tokens_of(tokens)
        self.dataset = dataset
        self.where = "" if where is None else where.strip()
        Query(self.where)
        self._report = report
        self._facets = {facet.name: facet for facet in facets(counter)}
        self._gathered: Gathered | None = None
        self._selection: Selection | None = None
        self._reviewed = 0

    # ------------------------------------------------------------------ what there is

    @property
    def facets(self) -> pd.DataFrame:
        """The facets: name, title, unit (what has a value), kind (number, category, list) and how each is defined."""
        import pandas as pd

        rows = [(one.name, one.title, one.unit, one.kind, one.about) for one in self._facets.values()]
        return pd.DataFrame(rows, columns=["name", *_ABOUT, "about"])

    def compute(self, names: Iterable[str] | None = None) -> Distributions:
        """Compute facets in one pass over the dataset; None: all but ``near_copies``. Returns itself.

        The facets of findings need a check besides, which runs then if no report was given. ``near_copies`` needs a search through the whole
        dataset, so it is computed where it is named, and for :attr:`numbers` and :meth:`as_dict`.

        Raises:
            QueryError: if there is no such facet.
        """
        every = (name for name, facet in self._facets.items() if not facet.searches)
        self.selection(*(every if names is None else names))
        return self

    @property
    def numbers(self) -> pd.DataFrame:
        """One row a facet, by its name. All are computed when this is first looked at.

        * ``count``: turns or conversations (see ``unit``) that have a value; ``missing``: those that have none.
        * ``min`` to ``max``, ``mean``: of numbers. A quantile is the smallest value that so large a share does not exceed.
        * ``distinct``, ``effective``: of categories, how many there are, and how many equally frequent ones would be as varied (exp of
          the Shannon entropy, with the natural logarithm).
        * ``top``, ``top_share``, ``top3_share``: the most frequent value, and the share that has it, or has one of the first three; of what
          has a value, for lists of all turns or conversations.
        """
        self.compute()
        rows = {name: self.described(name) for name in self._facets}
        return frame_of(rows, "name", [*_ABOUT, "count", "missing", *QUANTILES, "mean", *_OF_CATEGORIES])

    def __getitem__(self, name: str) -> pd.DataFrame:
        """The distribution of a facet: value, label (the value for people), count, share, query.

        A value of a number is a band (``20..39``). Bands are round and equally wide, but for an open last one; those of percents are
        tenths, with 0 and 100 apart. Bands rise; categories come by how often they occur, then by where they first do. ``share`` is that
        of what has a value (of lists: of all turns or conversations), 0 to 1. ``query`` finds the conversations (docs/queries.md); it is empty where the language cannot say it.
        :meth:`places` and :meth:`conversations` always can.

        Raises:
            QueryError: if there is no such facet.
        """
        import pandas as pd

        facet = self.facet(name)
        selection = self.selection(name)
        units, values = selection.pairs(facet)
        keys, codes = selection.keyed(facet, values)
        counts = np.bincount(codes, minlength=len(keys))
        order = np.arange(len(keys)) if facet.kind == "number" else by_count(counts)
        keys, counts = [keys[at] for at in order.tolist()], counts[order]
        whole = int(selection.units(facet.unit).sum()) if facet.kind == "list" else len(units)
        return pd.DataFrame(
            {
                "value": pd.Series(keys, dtype=object),
                "label": pd.Series(selection.labels(facet, keys), dtype=object),
                "count": counts,
                "share": counts / max(whole, 1),
                "query": pd.Series([self._query(facet, key) for key in keys], dtype=object),
            }
        )

    # ------------------------------------------------------------------ one against another

    def table(
        self, rows: str, columns: str, *, share: Share | None = None, most: int = 20, missing: bool = False
    ) -> pd.DataFrame:
        """How often the values of two facets come together; their labels stand at rows and columns.

        Turns are counted; conversations where both facets are of conversations. The value of a conversation is that of each of its
        turns. Where one facet is of replies and the other of user turns, replies are counted, each with the user turn before it: the
        last one in its conversation, whatever stands between. Numbers are in bands.

        Args:
            rows, columns: two facets.
            share: None for counts; else shares, 0 to 1: of the ``row``, of the ``column``, or of ``all`` that is counted.
            most: so many values of a category at most; the less frequent ones are added up as ``(others)``.
            missing: also what has no value, as ``(none)``.

        Raises:
            QueryError: if there is no such facet.
        """
        import pandas as pd

        if share not in (None, "row", "column", "all"):
            raise QueryError(f"share takes row, column or all, not {share!r}.")
        selection = self.selection(rows, columns)
        joined, labels = crossed(selection, self.facet(rows), self.facet(columns), most)
        if not missing:
            joined = joined.filter(~pl.any_horizontal(pl.col("one", "other") == MISSING))
        shown = [[at for at in range(MISSING, len(own) - 1) if at != MISSING or missing] for own in labels]
        counts = np.zeros((len(labels[0]), len(labels[1])), dtype=np.int64)
        pairs = joined.select("unit", "one", "other").unique()  # several values may be among the others
        np.add.at(counts, (pairs["one"].to_numpy(), pairs["other"].to_numpy()), 1)
        frame = pd.DataFrame(
            counts[np.ix_(*shown)],
            index=pd.Index([labels[0][at] for at in shown[0]], name=rows),
            columns=pd.Index([labels[1][at] for at in shown[1]], name=columns),
        )
        if share is None:
            return frame
        if share == "all":
            return frame / max(joined["unit"].n_unique(), 1)
        side = 0 if share == "row" else 1
        wholes = np.ones(len(labels[side]))
        for at, units in pairs.group_by(("one", "other")[side]).agg(pl.col("unit").n_unique()).iter_rows():
            wholes[at] = units
        return frame.div(wholes[shown[side]], axis="index" if side == 0 else "columns")

    def by(self, name: str, of: str, *, most: int = 50) -> pd.DataFrame:
        """The numbers of one facet for each value of another: the words of replies by speaker. Columns as of :attr:`numbers`.

        Args:
            name: the facet that is described.
            of: the facet whose values are the rows.
            most: so many values of a category at most, the most frequent ones.

        Raises:
            QueryError: if there is no such facet.
        """
        facet, selection = self.facet(name), self.selection(name, of)
        joined, (_, labels) = crossed(selection, facet, self.facet(of), most, raw=True)
        rows = {}
        for at, label in enumerate(labels[:-1]):
            part = joined.filter(pl.col("other") == at)
            known = part.filter(pl.col("one") != MISSING)
            if label != OTHERS and part.height:
                total = part["unit"].n_unique()
                rows[label] = selection.described(
                    facet, known["unit"].to_numpy(), known["one"].to_numpy(), total
                )
        measured = [*QUANTILES, "mean"] if facet.kind == "number" else list(_OF_CATEGORIES)
        return frame_of(rows, of, ["count", "missing", *measured])

    def along(
        self, name: str, axis: Axis = "conversation", *, parts: int | None = None, most: int = 8
    ) -> pd.DataFrame:
        """How a facet drifts along conversations, or along the file: one row a part, in order.

        Columns: ``count`` and ``missing`` as of :attr:`numbers`; of a number ``q25``, ``median``, ``q75``, ``mean``; of categories
        ``distinct``, ``effective`` and the share of each of the most frequent values.

        Args:
            name: the facet.
            axis: ``conversation``: where a turn stands among those of its unit in its conversation; the first is always in the first
                part, the last in the last, and conversations with a single one are left out. ``file``: where the conversation stands
                among all; parts hold equally many conversations.
            parts: how many. None: ten; along conversations fewer where they are shorter, as many as half of them have such turns.
            most: so many values of a category.

        Raises:
            QueryError: if there is no such facet or axis, or the facet has one value a conversation and the axis is ``conversation``.
        """
        facet = self.facet(name)
        selection = self.selection(name)
        parts = selection.usual_parts(facet, axis) if parts is None else parts
        where = selection.parts(facet, axis, parts)
        units, values = selection.pairs(facet)
        units, values = units[where[units] >= 0], values[where[units] >= 0]
        labels: list[str] = []
        if facet.kind != "number":
            keys, values = selection.keyed(facet, values)
            shown = by_count(np.bincount(values, minlength=len(keys)))[:most]
            labels = selection.labels(facet, [keys[at] for at in shown.tolist()])
        rows: dict[Any, dict[str, Any]] = {}
        for part in range(parts):
            own = where[units] == part
            having = len(np.unique(units[own]))
            row: dict[str, Any] = {"count": having, "missing": int((where == part).sum()) - having}
            if facet.kind == "number":
                measured = spread(values[own])
                row |= {key: measured[key] for key in ("q25", "median", "q75", "mean")}
            else:
                counts = np.bincount(values[own], minlength=len(keys))
                row |= {"distinct": int((counts > 0).sum()), "effective": effective_number(counts)}
                whole = having + (row["missing"] if facet.kind == "list" else 0)
                row |= dict(zip(labels, (counts[shown] / max(whole, 1)).tolist(), strict=True))
            rows[part + 1] = row
        return frame_of(rows, "part", list(rows[1]))

    # ------------------------------------------------------------------ what is behind a number

    def top(self, name: str, n: int = 10) -> pd.DataFrame:
        """The most frequent values of a category or a list, with an example of each.

        Columns: value, label, count, share, ``conversations`` (in how many it stands), ``example`` (a line of the first turn that has it;
        empty for facets of conversations), ``id``, ``source``, ``index``, ``turn`` (where that is), query.

        Raises:
            QueryError: if there is no such facet, or it is a number.
        """
        facet = self.facet(name)
        if facet.kind == "number":
            raise QueryError(f"{name} is a number; its distribution is balance[{name!r}].")
        selection = self.selection(name)
        frame = self[name].head(n)
        conversation = selection.gathered.conversation(facet.unit)
        own = [
            np.flatnonzero(selection.having(facet.unit, facet, value) & selection.units(facet.unit))
            for value in frame["value"]
        ]
        first = np.array([units[0] for units in own], dtype=np.int64)
        lines = [
            example(selection.gathered, facet, at, value)
            for at, value in zip(first.tolist(), frame["value"], strict=True)
        ]
        frame.insert(4, "conversations", [len(np.unique(conversation[units])) for units in own])
        frame.insert(5, "example", lines)
        places = places_frame(selection.placed(facet.unit, first))
        for at, column in enumerate(places.columns, start=6):
            frame.insert(at, column, places[column])
        return frame

    def places(self, name: str, value: Any, also: Mapping[str, Any] | None = None) -> pd.DataFrame:
        """What a number counts: one row a turn or conversation, in file order, with the columns id, source, index, turn.

        Args:
            name: the facet.
            value: one of its values; of a number also any other range (``"20..39"``). None: what has no value.
            also: values of other facets that must hold too, as in a cell of :meth:`table`.

        Raises:
            QueryError: if there is no such facet or value.
        """
        asked = [(self.facet(key), one) for key, one in {name: value, **(also or {})}.items()]
        base = common_unit(*(facet for facet, _ in asked))
        selection = self.selection(name, *(also or {}))
        held = selection.units(base)
        for facet, one in asked:
            held = held & selection.having(base, facet, one)
        return places_frame(selection.placed(base, np.flatnonzero(held)))

    def conversations(
        self, name: str, value: Any, also: Mapping[str, Any] | None = None
    ) -> list[Conversation]:
        """The conversations behind a number, in file order; the arguments are those of :meth:`places`."""
        found = self.places(name, value, also)
        records = dict.fromkeys(zip(found["source"].tolist(), found["index"].tolist(), strict=True))
        looked = (self.dataset.conversation_at(*record) for record in records)
        return [one for one in looked if one is not None]

    def narrowed(self, where: str) -> Distributions:
        """The balance of the conversations that match a query as well. What was computed is shared, not computed again.

        Raises:
            QueryError: if the query is not understood.
        """
        made = Distributions(self.dataset, where=f"{self.where} {where}".strip(), report=self._report)
        self.selection()
        made._facets, made._gathered = self._facets, self._gathered
        return made

    def facet(self, name: str) -> Facet:
        """A facet by its name.

        Raises:
            QueryError: if there is none.
        """
        if name not in self._facets:
            near = get_close_matches(str(name), self._facets, 1)
            meant = f"did you mean {near[0]}? There are" if near else "there are"
            raise QueryError(f"No facet is called {name!r}; {meant} {', '.join(self._facets)}.")
        return self._facets[name]

    def described(self, name: str) -> dict[str, Any]:
        """The row of one facet in :attr:`numbers`, without the others being computed."""
        return self.selection(name).described(self.facet(name))

    def selection(self, *names: str) -> Selection:
        """What is counted now, as compact columns, with some facets computed."""
        wanted = [self.facet(name) for name in names]
        if self._gathered is None or self._gathered.version != self.dataset.version:
            self._gathered, self._selection = Gathered(self.dataset, self._report), None
        self._gathered.compute(wanted)
        reviewed = self.dataset.journal.serial  # a query may ask for what was decided or tagged
        if self._selection is None or self._reviewed != reviewed:
            rows = Query(self.where).conversation_rows(self.dataset) if self.where else None
            self._selection, self._reviewed = Selection(self._gathered, rows), reviewed
        return self._selection

    def as_dict(self) -> dict[str, Any]:
        """The balance as compact JSON data, the same for equal input: for each facet its unit and what :attr:`numbers` says of it; of
        categories also the five most frequent values with their counts (``most``).

        Shares and means are rounded to 4 digits. Facets that nothing has a value of are left out.
        """
        self.compute()
        found = {}
        for name, facet in self._facets.items():
            described = self.described(name)
            if not described["count"]:
                continue
            kept = [
                key for key in described if key not in ("title", "kind", "top") and described[key] is not None
            ]
            told = {key: round(one, 4) if isinstance(one := described[key], float) else one for key in kept}
            if facet.kind != "number":
                first = self[name].head(_MOST)
                told["most"] = [
                    list(pair) for pair in zip(first["value"], first["count"].tolist(), strict=True)
                ]
            found[name] = told
        return found

    def __repr__(self) -> str:
        about = f" where {self.where}" if self.where else ""
        return f"<Distributions of {self.dataset.name}{about}: {plural(len(self._facets), 'facet')}>"

    # ------------------------------------------------------------------ how

    def _query(self, facet: Facet, value: str) -> str:
        """The query that finds what is counted, where there is one that finds nothing else."""
        query = facet.found_by(value)
        if not query:
            return ""
        if facet.query is not None and facet.unit in ("reply", "user turn"):
            with_text, without = self.selection(facet.name).gathered.beside
            if with_text or (without and facet.kind == "number" and range_of(facet.name, value)[0] == 0):
                return ""
        names = {term.name for term in parse(self.where)}
        if names and (not names <= set(CONVERSATION_TERMS) or names & {term.name for term in parse(query)}):
            return ""
        return f"{self.where} {query}".strip()
