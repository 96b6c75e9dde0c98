"""Samples: which conversations to read when nobody reads them all, and what those that were read say of the rest."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from .errors import QueryError
from .model import Conversation
from .wording import plural

if TYPE_CHECKING:
    import pandas as pd

    from .dataset import Dataset
    from .report import Report

_Z = 1.959963984540054  # the 97.5 % point of the normal distribution: 95 % lie between it and its negative
STRATA = ("source", "format", "system", "turns")


def wilson(bad: int, read: int) -> tuple[float, float]:
    """The 95 % confidence interval of a share, after E. B. Wilson (1927), "Probable inference, the law of succession, and statistical
    inference", JASA 22: 209-212. Nothing read says nothing: 0 to 1.
    """
    if read == 0:
        return 0.0, 1.0
    share, spread = bad / read, _Z * _Z / read
    middle = (share + spread / 2) / (1 + spread)
    half = _Z / (1 + spread) * math.sqrt(share * (1 - share) / read + spread / (4 * read))
    return (max(0.0, middle - half) if bad else 0.0), (min(1.0, middle + half) if bad < read else 1.0)


@dataclass(frozen=True, slots=True)
class Estimate:
    """What the conversations that were read say of all of them.

    Attributes:
        read: conversations of the sample that were decided on (``later`` does not count).
        bad: those of them whose decision is one of the bad ones.
        low, high: between these shares of the whole dataset the bad ones are, with 95 % confidence (Wilson).
        skipped: conversations that came before the last one read, and were not decided on.
        size: conversations in the sample.
    """

    read: int
    bad: int
    low: float
    high: float
    skipped: int
    size: int

    def __str__(self) -> str:
        if not self.read:
            return f"None of {plural(self.size, 'conversation')} of the sample is decided on yet."
        said = f"{self.read:,} read at random, {self.bad:,} bad: {self.low:.1%} to {self.high:.1%} (Wilson, 95 %)."
        if self.skipped:
            said += f" {plural(self.skipped, 'conversation')} before the last one read {'was' if self.skipped == 1 else 'were'} passed over; if not by chance, the estimate is off."
        return said

    __repr__ = __str__


@dataclass(frozen=True)
class Sample:
    """Conversations drawn at random, in the order in which they are to be read. Any number of the first of them is a random sample, too.

    Attributes:
        dataset: what it was drawn from.
        keys: source and id of each.
        seed: what it was drawn with; the same seed draws the same.
        by: what it was stratified by, None if by nothing.
    """

    dataset: Dataset = field(repr=False)
    keys: tuple[tuple[int, str], ...] = field(repr=False)
    seed: int
    by: str | None

    def __len__(self) -> int:
        return len(self.keys)

    def __iter__(self) -> Iterator[Conversation]:
        for source, name in self.keys:
            record = self.dataset.record_named(source, name)
            found = None if record is None else self.dataset.conversation_at(*record)
            if found is not None:
                yield found

    @property
    def ids(self) -> list[str]:
        """The ids, in order."""
        return [name for _, name in self.keys]

    def estimate(self, bad: Collection[str] = ("reject", "fix")) -> Estimate:
        """How many conversations of the whole dataset are bad, by what was decided on those of the sample.

        Of a stratified sample the interval is that of a simple one of the same size, which is no narrower than need be.
        """
        made = self.dataset.journal.review.decisions
        decided = [made[key].decision if key in made else None for key in self.keys]
        read = [at for at, one in enumerate(decided) if one not in (None, "later")]
        count = sum(decided[at] in bad for at in read)
        skipped = read[-1] + 1 - len(read) if read else 0
        return Estimate(len(read), count, *wilson(count, len(read)), skipped, len(self))


def draw(dataset: Dataset, size: int, seed: int, by: str | None) -> Sample:
    """See :meth:`Dataset.sample`."""
    if size < 1:
        raise QueryError(f"A sample has at least one conversation, not {size}.")
    if by is not None and by not in STRATA:
        raise QueryError(f"A sample can be stratified by {', '.join(STRATA)}, not by {by!r}.")
    frame = dataset.index.conversations
    order = drawn(frame, seed)
    if by is not None:
        order = _stratified(_strata(frame, by), order, min(size, frame.height))
    rows = frame[order[:size]].select("source", "id").iter_rows()
    return Sample(dataset, tuple(rows), seed, by)


def drawn(conversations: pl.DataFrame, seed: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    """The rows in the order in which a seed draws them. It hangs on the ids alone, so that what is added draws no other sample."""
    names = zip(conversations["source"].to_list(), conversations["id"].to_list(), strict=True)
    marks = [
        hashlib.blake2b(f"{seed}:{source}:{name}".encode(), digest_size=8).digest() for source, name in names
    ]
    return np.argsort(np.frombuffer(b"".join(marks), dtype=">u8"), kind="stable")


def _strata(frame: pl.DataFrame, by: str) -> list[Any]:
    """The stratum of each conversation; for turns its quarter of the dataset by number of turns."""
    if by != "turns":
        return frame[by].to_list()
    edges = [frame["turns"].quantile(share) or 0 for share in (0.25, 0.5, 0.75)]
    return np.searchsorted(edges, frame["turns"].to_numpy(), side="left").tolist()  # type: ignore[no-any-return]


def _stratified(
    strata: Sequence[Any], order: np.ndarray[Any, np.dtype[np.int64]], size: int
) -> np.ndarray[Any, np.dtype[np.int64]]:
    """The order in which every stratum comes as often as it does in the dataset, rounded by the largest remainders.

    Within the sample the strata alternate, so that its first conversations are spread over them as well.
    """
    rows: dict[Any, list[int]] = {}
    for row in order.tolist():
        rows.setdefault(strata[row], []).append(row)
    quotas = {name: size * len(own) / len(order) for name, own in rows.items()}
    counts = {name: int(quota) for name, quota in quotas.items()}
    for name in sorted(quotas, key=lambda name: counts[name] - quotas[name])[: size - sum(counts.values())]:
        counts[name] += 1
    placed = [
        ((at + 0.5) / count, number, row)
        for number, (name, count) in enumerate(counts.items())
        for at, row in enumerate(rows[name][:count])
    ]
    return np.array([row for _, _, row in sorted(placed)], dtype=np.int64)


def precision(report: Report) -> pd.DataFrame:
    """See :meth:`Report.precision`."""
    import pandas as pd

    wrong = {} if report.ignored is None else report.ignored.counts
    right = _in_decided(report)
    rows = []
    for code in dict.fromkeys([*report.counts, *wrong]):
        judged = right.get(code, 0) + wrong.get(code, 0)
        share = right.get(code, 0) / judged if judged else None
        found = report.counts.get(code, 0) + wrong.get(code, 0)
        rows.append((code, found, judged, wrong.get(code, 0), share, *wilson(right.get(code, 0), judged)))
    columns = ["code", "found", "judged", "ignored", "precision", "low", "high"]
    return pd.DataFrame(rows, columns=columns)


def _in_decided(report: Report) -> dict[str, int]:
    """Findings by code, of those in conversations that were decided on."""
    dataset = report.dataset
    decided = [
        record
        for (source, name), made in dataset.journal.review.decisions.items()
        if made.decision != "later" and (record := dataset.record_named(source, name)) is not None
    ]
    places = pl.DataFrame(decided, schema={"source": pl.Int64, "index": pl.Int64}, orient="row")
    table = report.findings.table.select("rule", pl.col("source", "index").cast(pl.Int64))
    rules = table.join(places, on=["source", "index"], how="semi").group_by("rule").len()
    return {report.rules[number].code: count for number, count in rules.iter_rows()}
