"""How far two groups of conversations are apart in a measure, and whether chance alone does as much.

The size is Cliff's delta (N. Cliff, "Dominance statistics", Psychological Bulletin 114, 1993): how often a value of the one group is above one
of the other, less how often it is below, as a share of all pairs. By J. Romano and others (2006) 0.147 is small, 0.33 medium, 0.474 large.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from .voice_measures import Amounts, Numbers

_MOST = 40.0  # of a z; where nothing varies within the groups it has no end


@dataclass(frozen=True, slots=True)
class Effect:
    """How two groups differ, one element a measure.

    Attributes:
        delta: Cliff's delta, -1 to 1; above 0 where the second group has more.
        z: how sure that is, in standard deviations: the weaker of two tests, 0 where they contradict each other.
        medians: of the first group and of the second.
        totals: the same of all conversations taken together; a mark that most of them do not have has a median of 0.
    """

    delta: Numbers
    z: Numbers
    medians: tuple[Numbers, Numbers]
    totals: tuple[Numbers, Numbers]


def between(first: Amounts, second: Amounts) -> Effect:
    """Two groups of conversations. The tests: Mann-Whitney, with the correction for ties, and the totals."""
    pairs = zip(first.values.T, second.values.T, strict=True)
    delta, z = np.array([_dominance(one, other) for one, other in pairs]).T
    variance = (_spread(first) ** 2).sum(axis=0) + (_spread(second) ** 2).sum(axis=0)
    return _effect(first, second, delta, z, variance)


def within(first: Amounts, second: Amounts) -> Effect:
    """The same conversations before and after. Delta is that of pairs, and the tests are the sign test and the totals."""
    signs = np.sign(second.values - first.values)
    changed, surplus = np.abs(signs).sum(axis=0), signs.sum(axis=0)
    z = np.sign(surplus) * np.maximum(np.abs(surplus) - 1, 0) / np.sqrt(np.maximum(changed, 1))
    variance = ((_spread(second) - _spread(first)) ** 2).sum(axis=0)
    return _effect(first, second, signs.mean(axis=0), z, variance)


def least_z(chance: float, tests: int) -> float:
    """The z that one of so many tests reaches by chance with this probability (two-sided, corrected by Bonferroni)."""
    return NormalDist().inv_cdf(1 - chance / (2 * max(tests, 1)))


def _dominance(one: Numbers, other: Numbers) -> tuple[float, float]:
    """Cliff's delta of one measure, and the z of Mann and Whitney."""
    ordered, pairs, total = np.sort(one), len(one) * len(other), len(one) + len(other)
    above = np.searchsorted(ordered, other, "left") + np.searchsorted(ordered, other, "right") - len(one)
    delta = float(above.sum()) / pairs
    _, ties = np.unique(np.concatenate([one, other]), return_counts=True)
    tied = float((ties.astype(np.float64) ** 3 - ties).sum())
    variance = pairs / 12 * (total + 1 - tied / (total * (total - 1)))
    return delta, delta * pairs / 2 / variance**0.5 if variance > 0 else 0.0


def _spread(group: Amounts) -> Numbers:
    """What each conversation adds to the error of the total count by the total amount (linearised, as in survey sampling)."""
    found: Numbers = (group.counts - group.of * _total(group)) / group.of.sum(axis=0)
    return found


def _effect(first: Amounts, second: Amounts, delta: Numbers, z: Numbers, variance: Numbers) -> Effect:
    """With the test of the totals, by the variance of their difference.

    A rare mark stands in fewer of the short conversations than of the long ones, which ranks and signs take for a change; totals do not.
    """
    totals = (_total(first), _total(second))
    with np.errstate(divide="ignore", invalid="ignore"):
        of_totals = (totals[1] - totals[0]) / np.sqrt(variance)
    of_totals = np.clip(np.nan_to_num(of_totals, posinf=_MOST, neginf=-_MOST), -_MOST, _MOST)
    medians = (np.median(first.values, axis=0), np.median(second.values, axis=0))
    return Effect(delta, _weaker(z, of_totals), medians, totals)


def _total(group: Amounts) -> Numbers:
    found: Numbers = group.counts.sum(axis=0) / group.of.sum(axis=0)
    return found


def _weaker(one: Numbers, other: Numbers) -> Numbers:
    same = np.sign(one) == np.sign(other)
    found: Numbers = np.where(same, np.sign(one) * np.minimum(np.abs(one), np.abs(other)), 0.0)
    return found
