"""Groups: which of many things hang together, pair by pair."""

from __future__ import annotations

import numpy as np

from .word_table import Flags, Places


class Groups:
    """Which of many things hang together."""

    def __init__(self, count: int) -> None:
        self._parent = np.arange(count)

    def of(self, numbers: Places) -> Places:
        """The lowest number that each of these hangs together with."""
        found = self._parent[numbers]
        while not np.array_equal(above := self._parent[found], found):
            found = above
        self._parent[numbers] = found
        return found

    def apart(self, left: Places, right: Places) -> Flags:
        """Which of these pairs do not hang together yet."""
        found: Flags = self.of(left) != self.of(right)
        return found

    def join(self, left: Places, right: Places) -> None:
        """Let pairs hang together."""
        for one, other in zip(left.tolist(), right.tolist(), strict=True):
            self.tie(one, other)

    def tie(self, one: int, other: int) -> None:
        """Let one pair hang together."""
        top, beneath = sorted((self.top(one), self.top(other)))
        self._parent[beneath] = top

    def top(self, number: int) -> int:
        """The lowest number that one hangs together with."""
        parent = self._parent
        while (above := int(parent[number])) != number:
            parent[number] = parent[above]
            number = above
        return number
