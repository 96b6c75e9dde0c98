"""What is said of one distribution in a line: quantiles, effective number, top shares."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .facet import Codes, Rows

QUANTILES = {"min": 0, "q05": 5, "q25": 25, "median": 50, "q75": 75, "q95": 95, "max": 100}


def quantile(ordered: Codes, percent: int) -> int:
    """The smallest of some values, which are in order, that so many of 100 do not exceed; it always occurs."""
    rank = max(1, -(-percent * len(ordered) // 100))
    return int(ordered[rank - 1])


def spread(values: Codes) -> dict[str, Any]:
    """Quantiles and mean of whole numbers; None where there are none."""
    if not len(values):
        return dict.fromkeys((*QUANTILES, "mean"))
    ordered = np.sort(values)
    found: dict[str, Any] = {name: quantile(ordered, percent) for name, percent in QUANTILES.items()}
    return {**found, "mean": float(values.mean(dtype=np.float64))}


def effective_number(counts: Rows) -> float:
    """How many equally frequent values would be as varied: exp of the Shannon entropy; 0 for none, at most the number of values."""
    shares = counts[counts > 0] / max(counts.sum(), 1)
    return math.exp(-float((shares * np.log(shares)).sum())) if len(shares) else 0.0
