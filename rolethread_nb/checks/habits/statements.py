"""Facts that a text states of somebody: the colour of eyes, an age, a name."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ...core.model import Span
from ...language.packs import Pack
from ...language.sentences import sentences
from ...language.speech import parts_of
from .narrated import plain, words_pattern

_NAME = r"[A-Z][\w'-]+(?:\s[A-Z][\w'-]+)?"
_FULL_NAME = r"[A-Z][\w'-]+(?:\s[A-Z][\w'-]+){0,2}"
_SOME = r"(?:older |younger |little |big |grown |grown-up |small |young |beautiful |lovely )?"
_ENDS = r"(?=\s*(?:[.,;!?]|$|\b(?:of|who|with|and|that|from|in|so|by|at|on|now)\b))"
_LONGEST = 2_000  # characters of a sentence that is read
_AGES = (5, 120)  # without "years old" a number is an age only between these


def _value(pattern: str) -> str:
    """The group of a pattern that holds what is said."""
    return f"(?P<value>{pattern})"


def _other(pattern: str) -> str:
    """The group of a pattern that holds of whom or of what else it is said."""
    return f"(?P<other>{pattern})"


@dataclass(frozen=True, slots=True)
class Fact:
    """One statement.

    Attributes:
        who: ``I``, ``you``, or a name.
        slot: what it is about, for example ``eyes``.
        value: what it says, in small letters; a number for ages and counts.
        span: where it stands.
    """

    who: str
    slot: str
    value: str | int
    span: Span


def _clause(read: str, start: int, end: int) -> str:
    """What stands before a place in its clause."""
    return re.split(r"[,;:—–(]", read[start:end])[-1]


class Facts:
    """Reads facts by the words of a language pack, and tells which two cannot both be true."""

    def __init__(self, pack: Pack) -> None:
        self._colours = {
            slot: [frozenset(line) for line in pack.get("facts", slot)] for slot in ("eyes", "hair")
        }
        self._numbers: Mapping[str, int] = pack.get("facts", "numbers")
        self._synonyms: Mapping[str, str] = pack.get("facts", "synonyms")
        self._none = {word.capitalize() for word in pack.get("words", "stop_words")}
        self._conditional = re.compile(rf"(?i)\b(?:{words_pattern(pack.get('facts', 'conditional'))})\b")
        self._cancels = re.compile(rf"(?i)\b(?:{words_pattern(pack.get('facts', 'cancels'))})\b")
        self._new_parts = re.compile(rf"(?i)\b(?:{words_pattern(pack.get('facts', 'new_parts'))})\b")
        words = words_pattern(list(self._numbers))
        number = rf"(\d{{1,4}}|(?:{words})(?:[\s-](?:and\s)?(?:{words})){{0,3}})"
        self._patterns = [
            (who, slot, re.compile(pattern))
            for who, be, have, own in (
                ("I", r"(?:\bI am|\bI'm)", r"\b(?:I have|I've got|I've)", r"\b[Mm]y"),
                ("you", r"(?:\b[Yy]ou are|\b[Yy]ou're)", r"\b(?:[Yy]ou have|[Yy]ou've got)", r"\b[Yy]our"),
                ("", rf"\b(?P<who>{_NAME}) is", rf"\b(?P<who>{_NAME}) has", rf"\b(?P<who>{_NAME})'s"),
            )
            for slot, pattern in self._of(pack, be, have, own, number)
        ]
        #: What a text has to hold to be worth a look: one of these, letter for letter.
        self.hints = list(
            dict.fromkeys(
                [
                    "eyes",
                    "hair",
                    "handed",
                    "years",
                    "year-old",
                    "only child",
                    "name",
                    "m 1",
                    "m 2",
                    "m 3",
                    "m 4",
                    "m 5",
                    "m 6",
                    "m 7",
                    "m 8",
                    "m 9",
                ]
                + [word for name in ("counted", "one_child", "species") for word in pack.get("facts", name)]
            )
        )
        self._hint = re.compile(words_pattern(self.hints))

    def _of(self, pack: Pack, be: str, have: str, own: str, number: str) -> Iterator[tuple[str, str]]:
        """The patterns of one person; the value is group ``value`` or ``other``."""
        shade = rf"(?:(?:{words_pattern(pack.get('facts', 'shades'))}),?\s+)*"
        for slot, lines in self._colours.items():
            colour = words_pattern(sorted({word for line in lines for word in line}))
            yield slot, rf"{own}\s+{shade}{_value(colour)}\s+{slot}\b"
            yield slot, rf"{have}\s+{shade}{_value(colour)}\s+{slot}\b"
            yield slot, rf"{own}\s+{slot}\s+(?:is|are)\s+{shade}{_value(colour)}\b(?!-)"
            yield slot, rf"{be}\b[^.;!?]{{0,40}}?\bwith\s+{shade}{_value(colour)}\s+{slot}\b"
        age = number.replace("(", "(?:", 1)
        yield (
            "age",
            rf"{be}\s+(?:only |just |about |already )?{_value(age)}(?:\s+years?\s+old|\s+years\s+of\s+age)\b",
        )
        yield "age", rf"{be}\b[^.;!?]{{0,30}}?\ban?\s+{_value(age)}[\s-]year[\s-]old\b"
        yield "years", rf"{be}\s+(?:only |just |already )?{_value(age)}(?=\s*(?:[.;!]|,\s|$))"
        yield "handedness", rf"{be}\s+{_value('left|right')}[-\s‑]handed\b"
        if not own.endswith("our"):  # "you are an angel" is a compliment
            species = words_pattern(pack.get("facts", "species"))
            yield (
                "species",
                rf"{be}\s+(?:{_NAME},\s+)?an?\s+(?:young |old |proud |poor |simple )?{_value(species)}\b{_ENDS}",
            )
        if own.startswith(r"\b["):
            yield "name", rf"{own}\s+name(?:'s|\s+is)\s+{_value(_FULL_NAME)}"
        counted = words_pattern(pack.get("facts", "counted"))
        yield "count", rf"{have}\s+{_value(f'{age}|no')}\s+{_SOME}{_other(counted)}\b(?!-)"
        yield "count", rf"{be}\s+an\s+{_value('only')}\s+{_other('child')}\b"
        one = words_pattern(pack.get("facts", "one_child"))
        yield "count", rf"{own}\s+{_SOME}{_value(one)}\b(?!-|\s+in\b){_other('')}"
        unique = words_pattern(pack.get("facts", "unique"))
        yield "kin", rf"{own}\s+{_other(unique)}'s\s+name\s+(?:is|was)\s+{_value(_NAME)}"

    def of(self, text: str, *, spoken: bool = True) -> Iterator[Fact]:
        """The facts of a text, in its order. ``spoken`` False: what stands in quotation marks, which anybody may say, is left out."""
        read = plain(text)
        seen = [found.start() for found in self._hint.finditer(read)]
        if not seen or self._cancels.search(read):
            return
        parts = parts_of(text)
        stretches = parts.narration if parts.by == "quotes" and not spoken else (Span(0, len(text)),)
        for stretch in stretches:
            for sentence in sentences(text, stretch):
                if sentence.end - sentence.start > _LONGEST or bisect_left(
                    seen, sentence.start
                ) == bisect_left(seen, sentence.end):
                    continue
                if not read[sentence.start : sentence.end].rstrip('*_"”) ').endswith("?"):
                    yield from self._in(read, sentence)

    def _in(self, read: str, sentence: Span) -> Iterator[Fact]:
        for who, slot, pattern in self._patterns:
            for found in pattern.finditer(read, sentence.start, sentence.end):
                named = who or found["who"]
                if named.split()[0] in self._none and not who:
                    continue
                if self._conditional.search(_clause(read, sentence.start, found.start())):
                    continue
                fact = self._fact(named, slot, found)
                if fact is not None:
                    yield fact

    def _fact(self, who: str, slot: str, found: re.Match[str]) -> Fact | None:
        said, span = found["value"], Span(*found.span())
        if slot in ("age", "years"):
            age = self._number(said)
            if age is None or (slot == "years" and not _AGES[0] <= age <= _AGES[1]):
                return None
            return Fact(who, "age", age, span)
        if slot == "count":
            return self._count(who, said.lower(), found["other"].lower(), span)
        if slot == "kin":
            kin = found["other"].lower()
            return Fact(who, f"name of the {self._synonyms.get(kin, kin)}", said.lower(), span)
        return Fact(who, slot, said.lower(), span)

    def _count(self, who: str, said: str, what: str, span: Span) -> Fact | None:
        if what == "child":
            return Fact(who, "siblings at all", "none", span)
        if not what:
            return Fact(who, "siblings at all", said, span)
        number = 0 if said == "no" else self._number(said)
        return (
            None if number is None else Fact(who, f"number of {self._synonyms.get(what, what)}", number, span)
        )

    def _number(self, said: str) -> int | None:
        """A number in digits or in words."""
        if said.isdigit():
            return int(said)
        total = 0
        for word in re.findall(r"[a-z]+", said.lower()):
            if word == "and":
                continue
            if (one := self._numbers.get(word)) is None:
                return None
            total = max(total, 1) * one if one == 100 else total + one
        return total or None

    def conflict(self, one: Fact, other: Fact) -> bool:
        """Whether two facts of one person cannot both be true."""
        if one.slot != other.slot or one.value == other.value:
            return False
        left, right = one.value, other.value
        if one.slot == "siblings at all":
            return "none" in (left, right)
        if isinstance(left, int) or isinstance(right, int):
            return True
        if one.slot in self._colours:
            return not any(left in line and right in line for line in self._colours[one.slot])
        if "name" in one.slot:
            return not (
                left in right
                or right in left
                or bool({*left.split()} & {*right.split()} and len(left.split()) != len(right.split()))
            )
        return True

    def new_part(self, said: str) -> bool:
        """Whether a user's turn gives out another part."""
        return self._new_parts.search(said) is not None
