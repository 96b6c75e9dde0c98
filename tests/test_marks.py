"""Marks: a rule that says what its turns need is asked of every turn that has it."""

from __future__ import annotations

import re

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

import rolethread_nb as rt
from rolethread_nb.checks.catalogue import rules
from rolethread_nb.core.marks import MARKS, bits, marks_of

BLANK = "[\x00-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]"
HOLDS = {
    "control": "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]",
    "0": "[0-9]",
    "latin": "[\x80-\xff\ufffd]",
    "apart": "[\x85\xa0\u2000-\u200a\u2028\u2029\u202f\u205f\u0800-\u1fff\u3000-\uffff\U00010000-\U0010ffff]",
    "edge": rf"\A{BLANK}|{BLANK}\Z",
    "invisible": "[\xad\u200b\u202a-\u202e\u2066-\u2069\ufeff\U000e0000-\U000e007f]",
}
CHARACTERS = "a \n\t\x00\x0c\x1f\x7f<>[]{}\\&@#:DK05é\xa0\xad\u200b\u2014\u202b\u2067\ufeff\ufffd\U000e0041漢😀ÿ\x85\u1680\u2000\u2028\u202f\u205f\u3000\u201d"


@given(
    st.lists(st.text(st.sampled_from(CHARACTERS), max_size=6) | st.text(max_size=4), min_size=1, max_size=6)
)
def test_a_mark_is_set_where_its_character_stands_and_its_bit_nowhere_else(texts: list[str]) -> None:
    data = [text.encode() for text in texts]
    found = marks_of(b"".join(one + b"\n" for one in data), np.array([len(one) for one in data]))

    for text, marks in zip(texts, found.tolist(), strict=True):
        expected = 0
        for name, bit in MARKS.items():
            if re.search(HOLDS.get(name, re.escape(name)), text, re.DOTALL):
                expected |= bit
        assert marks == expected, text


def test_every_case_of_a_rule_with_needs_has_what_it_needs() -> None:
    asked = [rule for rule in rules() if rule.needs]
    assert len(asked) > 8
    for rule in asked:
        for case in rule.fires:
            (block,) = rt.load([{"messages": case}]).blocks()
            assert (block.turns["marks"].to_numpy() & bits(rule.needs)).any(), rule.code
