"""How charts say numbers, labels and queries, and the round axes they stand on."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Any

Chart = dict[str, Any]

LABEL = 60


def counted(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"


def percent(part: int, whole: int) -> str:
    """A share in whole percent that says 0 and 100 only when it is exactly that."""
    share = 100 * part / whole
    if 0 < share <= 0.5:  # 0.5 would be rounded to 0
        return "under 1 %"
    if 99.5 <= share < 100:
        return "over 99 %"
    return f"{share:.0f} %"


def sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def label(text: str) -> str:
    """One line of at most 60 characters; a cut is shown."""
    line = " ".join(text.split())
    return line if len(line) <= LABEL else line[: LABEL - 1].rstrip() + "…"


def isolated(name: str) -> str:
    """A name for a sentence; a right-to-left one is set apart so that it does not turn the words around it."""
    turns = any(unicodedata.bidirectional(letter) in ("R", "AL", "AN") for letter in name)
    return f"\u2068{name}\u2069" if turns else name


def term(name: str, value: str) -> str:
    """The query term `name:value`, or nothing where the query language has no way to write the value."""
    if '"' in value or not value.isprintable():
        return ""
    return f'{name}:"{value}"' if any(letter.isspace() for letter in value) else f"{name}:{value}"


def round_step(span: float, most: int, digits: Sequence[float] = (1, 2, 5)) -> int:
    """The smallest of 1, 2, 5, 10, 20, 50, … that divides `span` into at most `most` steps."""
    power = 1
    while True:
        for digit in digits:
            step = int(digit * power)
            if step == digit * power and step * most >= span:
                return step
        power *= 10


def value_axis(label: str, highest: int, steps: int) -> tuple[dict[str, Any], int]:
    """An axis of counts from zero to a round number, and that number."""
    step = round_step(max(highest, 1), steps)
    top = step * -(-max(highest, 1) // step)
    ticks = [[round(value / top, 5), f"{value:,}"] for value in range(0, top + 1, step)]
    return {"label": label, "ticks": ticks}, top
