"""How tall somebody is said to be: feet and inches, metres and centimetres, in digits and in words."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .numerals import Numerals

#: Centimetres by which two statements of one height may differ. Whole inches and round metric heights are up to 2.9 apart: 6 feet are 1.80 m.
SAME_HEIGHT = 3
_OF_A_NAME = (40, 280)  # centimetres; what has a capital and another height is a building, a mountain, a ship
_INCH, _FOOT, _METRE = 2.54, 30.48, 100.0

#: What a text has to hold to state a height, letter for letter. An age in digits behind "I am" is a hint of its own.
HINTS = (
    *(" tall", "-tall", "in height", "height is", " foot ", "-foot", " ft", " cm", " centim"),
    *(f"{digit}{unit}" for digit in range(10) for unit in ("cm", "ft")),
    *(f"{feet}{mark}{digit}" for feet in range(3, 9) for mark in ("'", "’") for digit in range(10)),
)
#: Where in a text the height may be.
NEAR = re.compile(r"\d\s?(?:['’′]\s?\d|cm|ft|m\s?\d)|[\s-](?:tall|foot|ft|cm)\b|centim|height")
_EXACTLY = r"(?:only |just |exactly |precisely |a full )?"
_TALL = r"(?:[\s-]+tall\b|\s+in\s+height\b)(?!,?\s+(?:or|give|in(?! the\b)|on|at|when|if|than)\b)"
_ENDS = r"(?=\s*(?:[.,;!?)*\"”]|$|\b(?:and|with|but|so|barefoot|in the)\b))(?!,?\s+(?:or|give)\b)"
_ADJECTIVES = r"(?:(?!(?:of|for|with|to|in|on|at|by|from|than|like)\b)[\w-]+,?\s+){0,4}?"
# Marks of inches are no quotation marks, and the stops of "6 ft. 2 in. tall" end no sentence.
_MARKS = re.compile(r"(?<=\d)['’′]\s?\d{1,2}(?P<inches>[\"”])")
_STOPS = re.compile(r"(?:(?<=\dft)|(?<=\d\sft)|(?<=\din)|(?<=\d\sin))\.(?=\s+(?:\d|tall\b))")


def without_marks(text: str) -> str:
    """The text without what marks inches and would be read as a quotation mark or an end; every character keeps its place."""
    if not NEAR.search(text):
        return text
    marked = _MARKS.sub(lambda found: found[0][:-1] + "″", text)
    return _STOPS.sub(" ", marked)


class Heights:
    """Reads heights of people."""

    def __init__(self, numerals: Numerals) -> None:
        self._numerals = numerals
        number = numerals.pattern
        inches = r"(?:[\s-]?(?:inches|inch|in\b))"
        half = r"(?:[\s-]and[\s-]a[\s-]half)?"
        marked = r"(?P<feet>\d)\s?['′]\s?(?P<inches>\d{1,2})(?:\s?(?:[\"″”]|''))?"
        named = (
            rf"(?P<feet>{number})[\s-]?(?:feet|foot|ft)[\s,-]*(?:and\s)?(?P<inches>{number}){half}{inches}?"
        )
        metric = rf"(?P<cm>\d{{3}}|{number})[\s-]?(?:cm|centimet(?:er|re)s?)"
        mixed = r"(?P<metres>\d)\s?m\s?(?P<cm>\d{2})"
        metres = rf"(?P<metres>\d+[.,]\d{{1,2}}|{number})[\s-]?(?:m|met(?:er|re)s?)"
        feet = rf"(?P<feet>\d{{1,2}}\.\d|{number})(?:[\s-]?(?:feet|foot|ft)|['′])"
        small = rf"(?P<inches>{number}){inches}"
        self._forms = [re.compile(form) for form in (marked, named, mixed, metres, metric, feet, small)]
        #: Heights that need no "tall" to be understood, and all of them.
        self._plain = _either(marked, named, mixed, r"(?P<cm>\d{3})[\s-]?(?:cm|centimet(?:er|re)s)")
        self._every = _either(marked, named, mixed, metres, metric, feet, small)

    def patterns(self, be: str, stand: str, own: str, name: str) -> Iterator[str]:
        """The patterns of one person, the height in group ``value``.

        Args:
            be: a pattern for "I am".
            stand: for "I stand".
            own: for "my".
            name: for the name in "I am Tom, six feet tall".
        """
        tall, plainly = rf"(?P<value>{self._every}){_TALL}", rf"(?P<value>{self._plain}){_ENDS}"
        are = rf"{be}\s+(?:{name},\s+)?"
        for said in (tall, plainly):
            yield rf"{are}{_EXACTLY}{said}"
            yield rf"{stand}\s+(?:at\s+)?{_EXACTLY}{said}"
        yield rf"{own}\s+height\s+is\s+{_EXACTLY}(?P<value>{self._every}){_ENDS}"
        yield rf"{are}an?\s+{_ADJECTIVES}{tall}"
        yield rf"{are}an?\s+{_ADJECTIVES}(?P<value>{_either(*_compounds(self._numerals.pattern))})(?=\s+\w)"

    def centimetres(self, said: str, *, of_a_name: bool) -> int | None:
        """A height in whole centimetres. None for what no person is, of a name that may be that of a thing."""
        found = next((match for form in self._forms if (match := form.fullmatch(said))), None)
        if found is None:
            return None
        parts = found.groupdict()
        units = (("feet", _FOOT), ("inches", _INCH), ("metres", _METRE), ("cm", 1.0))
        height = round(sum(self._number(parts.get(unit)) * length for unit, length in units))
        if not height or (of_a_name and not _OF_A_NAME[0] <= height <= _OF_A_NAME[1]):
            return None
        return height

    def _number(self, said: str | None) -> float:
        if said is None:
            return 0.0
        if said[0].isdigit():
            return float(said.replace(",", "."))
        return float(self._numerals.value(said) or 0)


def _compounds(number: str) -> tuple[str, str]:
    """A height before a noun: a 6'2" man, a six-foot-two man."""
    return r"\d\s?['′]\s?\d{1,2}(?:\s?[\"″”]|'')?", rf"{number}-(?:foot|ft)-{number}"


def _either(*forms: str) -> str:
    """One of some forms, without their named groups, which a pattern may have once."""
    return "(?:" + "|".join(re.sub(r"\(\?P<\w+>", "(?:", form) for form in forms) + ")"
