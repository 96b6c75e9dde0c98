"""Detectors on passages that were written by hand and on real ones: how often they are right, and what they find."""

from __future__ import annotations

import copy
import random
import sys

import pytest
from labelled import DATA, FOLDER, ROOT, codes, passages, score

from rolethread_nb.checks.catalogue import rule, rules

sys.path.insert(0, str(ROOT / "benchmarks"))
import detectors
import planted
from planted_sets import KINDS

_ENOUGH = 30
# A rule that is on by default is right at least so often on its passages; one that is not yet is `preview`.
_PRECISION, _PREVIEW, _RECALL = 0.95, 0.8, 0.7
shared = pytest.mark.skipif(not DATA.is_dir(), reason="the real data is not here")
_STALE = "docs/detectors.md is stale: python benchmarks/detectors.py write"


@pytest.mark.parametrize("code", codes())
def test_a_set_has_thirty_passages_on_either_side_of_more_than_one_genre(code: str) -> None:
    every = list(passages(code))
    fires, silent = ([one for one in every if one.fires is wanted] for wanted in (True, False))
    assert min(len(fires), len(silent)) >= _ENOUGH
    assert min(len({one.genre for one in side}) for side in (fires, silent)) >= 2
    assert len({(one.among, str(one.messages)) for one in every}) == len(every)
    if DATA.is_dir():
        assert any(
            '"file"' in line for line in (FOLDER / f"{code}.jsonl").read_text(encoding="utf-8").splitlines()
        )


@pytest.mark.parametrize("code", codes())
def test_a_detector_is_right_and_finds_what_is_there_as_the_page_says(code: str) -> None:
    found = score(code)
    least = _PREVIEW if rule(code).preview else _PRECISION
    assert found.precision >= least, [
        f"{one.line}: {one.messages[-1]['content'][:80]}" for one in found.false
    ]
    assert found.recall >= _RECALL, [
        f"{one.line}: {one.messages[-1]['content'][:80]}" for one in found.missed
    ]
    if DATA.is_dir():
        assert _is_on_the_page(detectors.passage_row(code)), _STALE


def _is_on_the_page(row: list[str]) -> bool:
    line = detectors.as_markdown([[""], row]).splitlines()[-1]
    return line in detectors.PAGE.read_text(encoding="utf-8").splitlines()


def test_every_set_belongs_to_a_rule() -> None:
    assert set(codes()) <= {rule.code for rule in rules()}


def test_every_detector_has_a_set() -> None:
    detectors_ = {one.code: one.scope for one in rules() if one.code.startswith(detectors.FAMILIES)}
    planted_ = {kind.code for kind in KINDS}

    assert {code for code, scope in detectors_.items() if scope == "turn"} <= set(codes())
    assert set(detectors_) <= set(codes()) | planted_
    assert {code for code, scope in detectors_.items() if scope == "dataset"} <= planted_


# ---------------------------------------------------------------------- what is planted


@shared
@pytest.mark.parametrize("number", range(len(KINDS)), ids=[kind.code for kind in KINDS])
def test_the_page_says_how_a_detector_does_on_planted_sets(number: int) -> None:
    assert _is_on_the_page(detectors.set_row(number)), _STALE


def test_no_planted_habit_is_a_labelled_passage() -> None:
    known = {turn["content"] for code in codes() for one in passages(code) for turn in one.messages[-1:]}
    chat = [
        {"role": "user", "content": "Hello there, keeper."},
        {"role": "assistant", "content": "Good evening."},
    ]
    said = {
        turn["content"]
        for plant in planted.HABITS.values()
        for seed in range(30)
        for turn in plant(random.Random(seed), copy.deepcopy(chat))
        if turn["role"] == "assistant" and len(turn["content"]) > 12
    }
    assert said & known == set()


@shared
def test_planted_conversations_keep_their_names() -> None:
    chats = planted.clean(400, random.Random(7))
    assert any("name" in turn for chat in chats for turn in chat)
    assert not planted.found_in(
        [planted.Record("", n, chat) for n, chat in enumerate(chats)], ["order.first_assistant"]
    )


@shared
def test_what_stood_there_before_is_told_apart_from_what_was_planted() -> None:
    head, *rows = planted.table(60, 2, 7)
    by_code = {row[0]: dict(zip(head[1:], map(int, row[1:]), strict=True)) for row in rows}

    assert by_code["turn.empty"] == {"planted": 2, "found": 2, "missed": 0, "before": 0, "besides": 0}
    assert by_code["text.whitespace"]["before"] > 10  # real, and nobody planted it
    assert by_code["text.whitespace"]["besides"] == 0
