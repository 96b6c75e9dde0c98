"""Shares: groups of conversations are dealt out to parts, so that each part has about the share that is wanted and no group is torn."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from numbers import Real

import numpy as np

from .errors import QueryError
from .word_table import Places

TRAIN, VALIDATION = "train", "validation"
_EPSILON = 1e-9


def shares_of(wanted: float | Mapping[str, float]) -> dict[str, float]:
    """The share of each part, by name. A number is that of ``validation``; the rest is ``train``.

    Raises:
        QueryError: in one sentence, if they are no shares.
    """
    if not isinstance(wanted, Mapping):
        if not _is_share(wanted):
            raise QueryError(
                f"The share of the validation part is a number between 0 and 1, not {wanted!r:.60}; several parts are named, "
                '{"train": 0.8, "validation": 0.1, "test": 0.1}.'
            )
        return {TRAIN: 1 - wanted, VALIDATION: float(wanted)}
    if len(wanted) < 2:
        raise QueryError("A split has at least two parts.")
    if not all(map(_is_name, wanted)):
        raise QueryError(f"The name of a part is a text that is not empty: {dict(wanted)!r}.")
    if not all(map(_is_share, wanted.values())):
        raise QueryError(f"The share of each part is a number between 0 and 1: {dict(wanted)!r}.")
    if not math.isclose(total := sum(wanted.values()), 1, abs_tol=1e-6):
        raise QueryError(f"The shares of the parts make 1 together, not {total:g}.")
    return {name: float(share) for name, share in wanted.items()}


def _is_name(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_share(value: object) -> bool:
    return isinstance(value, Real) and 0 < float(value) < 1


def dealt(
    sizes: Places, order: Places, strata: Sequence[Places], shares: Sequence[float]
) -> tuple[Places, Places]:
    """The part of each group, and the groups that are too large for the smallest part.

    Too large ones go first, each to the part that lacks most. Then each part but the largest takes groups in the given order as long as
    they bring it nearer to its share, stratum by stratum: what one lacks, the next makes up for. The largest part has the rest.

    Args:
        sizes: conversations of each group.
        order: the groups, drawn.
        strata: the groups of each stratum, in the order in which strata come.
        shares: the share of each part.
    """
    count = int(sizes.sum())
    part = np.full(len(sizes), -1)
    taken = np.zeros(len(shares))
    large = order[sizes[order] > max(min(shares) * count, 1)]
    large = large[np.argsort(-sizes[large], kind="stable")]
    for group in large.tolist():
        part[group] = int(np.argmax(np.array(shares) * count - taken))
        taken[part[group]] += sizes[group]
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    *small, largest = np.argsort(shares, kind="stable").tolist()
    seen = 0
    for stratum in strata:
        seen += int(sizes[stratum].sum())
        open_ = stratum[part[stratum] < 0]
        open_ = open_[np.argsort(rank[open_])]
        for number in small:
            open_ = _filled(part, sizes, open_, number, shares[number] * seen, taken)
        part[open_] = largest
    return part, large


def _filled(
    part: Places,
    sizes: Places,
    groups: Places,
    number: int,
    wanted: float,
    taken: np.ndarray[tuple[int], np.dtype[np.float64]],
) -> Places:
    """Give groups to a part until it has what is wanted, or the next ones are too large for it. Returns those that are left."""
    left: list[int] = []
    for at, group in enumerate(groups.tolist()):
        if wanted - taken[number] < 0.5 - _EPSILON:
            return np.array([*left, *groups[at:].tolist()], dtype=np.int64)
        if taken[number] + sizes[group] / 2 <= wanted + _EPSILON:
            part[group] = number
            taken[number] += sizes[group]
        else:
            left.append(group)
    return np.array(left, dtype=np.int64)
