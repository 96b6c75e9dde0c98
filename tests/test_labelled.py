"""Detectors on passages that were written by hand and on real ones: how often they are right, and what they find."""

from __future__ import annotations

import pytest
from labelled import DATA, FOLDER, codes, passages, score

from rolethread_nb.checks.catalogue import rule, rules

_ENOUGH = 30
# A rule that is on by default is right at least so often on its passages; one that is not yet is `preview`.
_PRECISION, _PREVIEW, _RECALL = 0.95, 0.8, 0.7


@pytest.mark.parametrize("code", codes())
def test_a_set_has_thirty_passages_on_either_side_of_more_than_one_genre(code: str) -> None:
    every = list(passages(code))
    fires, silent = ([one for one in every if one.fires is wanted] for wanted in (True, False))
    assert min(len(fires), len(silent)) >= _ENOUGH
    assert min(len({one.genre for one in side}) for side in (fires, silent)) >= 2
    assert len({str(one.messages) for one in every}) == len(every)
    if DATA.is_dir():
        assert any(
            '"file"' in line for line in (FOLDER / f"{code}.jsonl").read_text(encoding="utf-8").splitlines()
        )


@pytest.mark.parametrize("code", codes())
def test_a_detector_is_right_and_finds_what_is_there(code: str) -> None:
    found = score(code)
    least = _PREVIEW if rule(code).preview else _PRECISION
    assert found.precision >= least, [
        f"{one.line}: {one.messages[-1]['content'][:80]}" for one in found.false
    ]
    assert found.recall >= _RECALL, [
        f"{one.line}: {one.messages[-1]['content'][:80]}" for one in found.missed
    ]


def test_every_set_belongs_to_a_rule() -> None:
    assert set(codes()) <= {rule.code for rule in rules()}
