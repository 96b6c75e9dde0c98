"""Which tokens are trained, and what a length limit leaves of a dataset.

That the tokens are those of `transformers` is tried against its own (tests/trainers/witness_agreement.py); the cases here keep its
habits.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import rolethread_nb as rt
from rolethread_nb.core.model import Span
from rolethread_nb.training.labels import Labels, tokens_of_stretches
from rolethread_nb.training.lengths import Lengths, Strategy

TOKENS = [Span(0, 3), Span(3, 6), Span(6, 12), Span(12, 16), Span(16, 22)]


class TestTheTokenMask:
    def test_goes_from_the_token_of_the_first_character_to_that_of_the_last(self) -> None:
        assert tokens_of_stretches(TOKENS, [Span(4, 13)]) == [False, True, True, True, False]
        assert tokens_of_stretches(TOKENS, [Span(3, 6), Span(16, 22)]) == [False, True, False, False, True]

    def test_has_of_a_last_character_in_several_tokens_only_the_first(self) -> None:
        tokens = [Span(0, 1), Span(1, 2), Span(1, 2), Span(1, 2), Span(2, 3)]
        assert tokens_of_stretches(tokens, [Span(0, 2)]) == [True, True, False, False, False]
        assert tokens_of_stretches(tokens, [Span(1, 3)]) == [False, True, True, True, True]

    def test_goes_to_the_end_where_the_last_character_is_in_the_first_token_or_in_none(self) -> None:
        assert all(tokens_of_stretches(TOKENS, [Span(0, 2)]))
        gap = [Span(0, 1), Span(1, 3), Span(4, 6)]
        assert tokens_of_stretches(gap, [Span(2, 4)]) == [False, True, True]

    def test_ends_at_a_stretch_that_begins_in_no_token(self) -> None:
        gap = [Span(0, 1), Span(1, 3), Span(4, 6), Span(6, 7)]
        assert tokens_of_stretches(gap, [Span(1, 3), Span(3, 5), Span(6, 7)]) == [False, True, False, False]

    def test_passes_over_an_empty_stretch(self) -> None:
        assert not any(tokens_of_stretches(TOKENS, [Span(0, 0), Span(6, 6)]))
        assert not any(tokens_of_stretches([], [Span(0, 3)]))


# Which tokens of some conversations are trained.
ROWS = st.lists(st.lists(st.booleans(), max_size=12), max_size=8)
SIDES = st.sampled_from(["keep_start", "keep_end"])


def lengths_of(rows: list[list[bool]], strategy: Strategy | None = "keep_start") -> Lengths:
    """The lengths of conversations of which so many tokens are there, and these are trained."""
    ranges = [Labels([Span(0, 1)] * len(row), row, (0, len(row))).trained_range for row in rows]
    edges = np.array(ranges, dtype=np.int64).reshape(-1, 2)
    return Lengths(np.array([len(row) for row in rows], dtype=np.int64), edges[:, 0], edges[:, 1], strategy)


class TestADataset:
    @given(ROWS, st.integers(1, 13), SIDES)
    def test_is_cut_and_dropped_as_its_conversations_are(
        self, rows: list[list[bool]], limit: int, side: str
    ) -> None:
        lengths = lengths_of(rows, side)  # type: ignore[arg-type]
        stretches = [slice(-limit, None) if side == "keep_end" else slice(None, limit)] * len(rows)
        left = [row[stretch] for row, stretch in zip(rows, stretches, strict=True)]
        alive = [n for n, row in enumerate(left) if any(row)]
        cut = [n for n in alive if len(left[n]) < len(rows[n])]
        found = lengths.at(limit)
        assert found.longer == sum(len(row) > limit for row in rows)
        assert found.cut == len(cut)
        assert found.clipped == sum(sum(left[n]) < sum(rows[n]) for n in cut)
        assert found.dropped == len(rows) - len(alive)
        assert found.tokens == sum(len(left[n]) for n in alive)

    @given(ROWS, st.integers(1, 13))
    def test_loses_what_is_too_long_where_that_is_dropped(self, rows: list[list[bool]], limit: int) -> None:
        found = lengths_of(rows, "drop").at(limit)
        alive = [row for row in rows if len(row) <= limit and any(row)]
        assert (found.cut, found.clipped) == (0, 0)
        assert (found.dropped, found.tokens) == (len(rows) - len(alive), sum(map(len, alive)))

    def test_has_lengths_that_so_many_conversations_do_not_exceed(self) -> None:
        assert lengths_of([[True] * n for n in range(1, 201)]).quantiles() == (100, 180, 190, 198, 200)
        assert lengths_of([[False] * 7]).quantiles() == (7, 7, 7, 7, 7)
        assert lengths_of([]).quantiles() is None

    def test_of_which_all_is_trained_loses_only_empty_conversations(self) -> None:
        found = lengths_of([[True] * n for n in (0, 3, 10)]).at(5)
        assert (found.longer, found.cut, found.clipped, found.dropped, found.tokens) == (1, 1, 1, 1, 8)

    def test_of_which_the_trainer_cuts_in_its_own_way_is_not_guessed_at(self) -> None:
        with pytest.raises(rt.QueryError, match=r"ds\.preflight\(max_tokens=5\)"):
            lengths_of([[True]], None).at(5)

    def test_needs_a_limit_of_one_token_at_least(self) -> None:
        with pytest.raises(ValueError, match="at least 1 token"):
            lengths_of([[True] * 3]).at(0)
