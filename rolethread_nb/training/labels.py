"""Labels: which tokens of a row the loss is computed on, and which are left at a limit."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..core.model import Span


@dataclass(slots=True)
class Labels:
    """Tokens of a row, which of them are trained, and which are left.

    Attributes:
        spans: of each token.
        flags: whether the loss is computed on it, before anything is cut.
        kept: first token that is left, and the one after the last.
    """

    spans: Sequence[Span]
    flags: list[bool]
    kept: tuple[int, int]

    @property
    def count(self) -> int:
        """How many tokens there are, before anything is cut."""
        return len(self.spans)

    @property
    def trained(self) -> list[int]:
        """The trained tokens that are left."""
        return [at for first, after in self._runs() for at in range(first, after)]

    @property
    def trained_count(self) -> int:
        """How many trained tokens are left."""
        start, end = self.kept
        return self.flags[start:end].count(True)

    @property
    def anything(self) -> bool:
        """Whether a token would be trained if nothing were cut."""
        return True in self.flags

    @property
    def trained_range(self) -> tuple[int, int]:
        """The first and the last trained token if nothing were cut; (-1, -1) where none is trained."""
        if not self.anything:
            return -1, -1
        return self.flags.index(True), len(self.flags) - 1 - self.flags[::-1].index(True)

    def stretches(self) -> tuple[Span, ...]:
        """Trained text, as one stretch where trained tokens follow each other."""
        return tuple(self._stretch(*one) for one in self._runs())

    def stretch_kept(self) -> Span | None:
        """What of the text is left; None if all is."""
        start, end = self.kept
        if (start, end) == (0, len(self.spans)):
            return None
        return Span(0, 0) if start == end else self._stretch(start, end)

    def _runs(self) -> Iterator[tuple[int, int]]:
        """First token and the one after the last, of trained tokens that follow each other."""
        at, end = self.kept
        while True:
            try:
                first = self.flags.index(True, at, end)
            except ValueError:
                return
            try:
                at = self.flags.index(False, first, end)
            except ValueError:
                at = end
            yield first, at

    def _stretch(self, first: int, after: int) -> Span:
        """The text of some tokens, without a character of which one token has a part and a token beside them the other."""
        start, end = self.spans[first].start, self.spans[after - 1].end
        if first > 0:
            start = max(start, self.spans[first - 1].end)
        if after < len(self.spans):
            end = min(end, self.spans[after].start)
        return Span(start, max(start, end))


@dataclass(frozen=True, slots=True)
class AllTrained:
    """Labels of a row of which every token is trained and left: where they stand does not matter.

    Attributes:
        count: how many tokens there are.
        length: of the text, in code points.
    """

    count: int
    length: int

    @property
    def kept(self) -> tuple[int, int]:
        return 0, self.count

    @property
    def trained_count(self) -> int:
        return self.count

    @property
    def anything(self) -> bool:
        return self.count > 0

    @property
    def trained_range(self) -> tuple[int, int]:
        return (0, self.count - 1) if self.count else (-1, -1)

    def stretches(self) -> tuple[Span, ...]:
        return (Span(0, self.length),) if self.count else ()

    def stretch_kept(self) -> Span | None:
        return None


def tokens_of_stretches(spans: Sequence[Span], stretches: Sequence[Span]) -> list[bool]:
    """Which tokens `transformers` counts to stretches of the text: from the first's to the last character's token.

    Where a character is several tokens, its first is meant.
    """
    ends = [end for _, end in spans]
    flags = [False] * len(spans)

    def token(at: int) -> int | None:
        found = bisect_right(ends, at)
        return found if found < len(spans) and spans[found].start <= at else None

    for start, end in stretches:
        if end <= 0:
            continue
        first, last = token(start), token(end - 1)
        if first is None:
            break
        # Its own slip: where the last is the very first token, or none, all that follows is counted too.
        after = last + 1 if last else len(spans)
        flags[first:after] = [True] * (after - first)
    return flags


def kept_tokens(count: int, limit: int | None, mode: str) -> tuple[int, int]:
    """First token that is left at a limit, and the one after the last."""
    if limit is None:
        return 0, count
    start, end, _ = (slice(-limit, None) if mode == "keep_end" else slice(limit)).indices(count)
    return start, max(start, end)


def tokens_alike(spans: Sequence[Span], text: str, others: Sequence[Span], other: str) -> int:
    """How many tokens two texts begin with alike."""
    for at, (one, two) in enumerate(zip(spans, others, strict=False)):
        if one != two or text[one.start : one.end] != other[two.start : two.end]:
            return at
    return min(len(spans), len(others))
