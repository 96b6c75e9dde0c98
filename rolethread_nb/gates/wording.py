"""How gates say numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence


def beside(value: float, edges: Sequence[float], unit: float = 1) -> str:
    """A number with as many digits as it takes to see on which side of its limits it is; ``unit`` 100 says it in percent."""
    said = 0.0
    for digits in (2, 4, 6, 10):
        said = float(f"{unit * value:.{digits}g}")
        if all(_side(said, unit * edge) == _side(value, edge) for edge in edges):
            break
    exact = isinstance(value, int) or (unit == 1 and value.is_integer())
    return f"{value:,.0f}" if exact else f"{said:,.10g}"


def limit(value: float, unit: float = 1) -> str:
    """A limit as it was given; ``unit`` 100 says it in percent."""
    return f"{value:,}" if isinstance(value, int) and unit == 1 else f"{unit * value:,.10g}"


def _side(number: float, edge: float) -> int:
    return 0 if math.isclose(number, edge) else 1 if number > edge else -1
