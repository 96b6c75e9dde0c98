"""Which stretches of a text are prose and which are code."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable

_FENCED = re.compile(r"```.*?(?:```|\Z)|`[^`\n]+`", re.DOTALL)


class Stretches:
    """Stretches of a text that do not overlap; ``at in stretches`` costs a search by halves."""

    def __init__(self, spans: Iterable[tuple[int, int]]) -> None:
        self._spans = sorted(spans)
        self._starts = [start for start, _ in self._spans]

    def __contains__(self, at: int) -> bool:
        place = bisect_right(self._starts, at) - 1
        return place >= 0 and at < self._spans[place][1]


def code(value: str) -> Stretches:
    """Fenced and inline code of Markdown; an open fence reaches to the end."""
    if "`" not in value:
        return Stretches(())
    return Stretches(match.span() for match in _FENCED.finditer(value))


def between(value: str, opens: str, closes: str) -> Stretches:
    """The stretches from an opening mark to the next closing one."""
    spans: list[tuple[int, int]] = []
    start = value.find(opens)
    while start >= 0 and (end := value.find(closes, start + len(opens))) >= 0:
        spans.append((start, end + len(closes)))
        start = value.find(opens, end + len(closes))
    return Stretches(spans)
