"""Facts that a text states of somebody: the colour of eyes, an age, a name, an occupation."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import polars as pl

from ...core.model import Span
from ...language.packs import Pack
from ...language.sentences import sentences
from ...language.speech import parts_of
from .heights import HINTS, NEAR, SAME_HEIGHT, Heights, without_marks
from .narrated import plain, words_pattern
from .numerals import Numerals
from .occupations import Occupations

_NAME = r"[A-Z][\w'-]+(?:\s[A-Z][\w'-]+)?"
_FULL_NAME = r"[A-Z][\w'-]+(?:\s[A-Z][\w'-]+){0,2}"
_TITLED = rf"(?:[A-Z][a-z]{{1,3}}\.\s)?{_NAME}"
_SOME = r"(?:older |younger |little |big |grown |grown-up |small |young |beautiful |lovely )?"
_ENDS = r"(?=\s*(?:[.,;!?]|$|\b(?:of|who|with|and|that|from|in|so|by|at|on|now)\b))"
_LONGEST = 2_000  # characters of a sentence that is read
_FIGURATIVE = ("height", "occupation")  # tonight I am a cook; beside you I am two feet tall
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
        value: what it says, in small letters; a number for ages and counts, centimetres for heights.
        span: where it stands.
    """

    who: str
    slot: str
    value: str | int
    span: Span


@dataclass(frozen=True, slots=True)
class _Person:
    """How a text speaks of one person: patterns for "I am", "I have", "my" and "I"."""

    who: str
    be: str
    have: str
    own: str
    subject: str

    def does(self, verb: str) -> str:
        return rf"{self.subject} {verb}{'' if self.who else 's'}"


_PERSONS = (
    _Person("I", r"(?:\bI am|\bI'm)", r"\b(?:I have|I've got|I've)", r"\b[Mm]y", r"\bI"),
    _Person(
        "you",
        r"(?:\b[Yy]ou are|\b[Yy]ou're)",
        r"\b(?:[Yy]ou have|[Yy]ou've got)",
        r"\b[Yy]our",
        r"\b[Yy]ou",
    ),
    _Person(
        "",
        rf"\b(?P<who>{_NAME}) is",
        rf"\b(?P<who>{_NAME}) has",
        rf"\b(?P<who>{_NAME})'s",
        rf"\b(?P<who>{_NAME})",
    ),
)


def _clause(read: str, start: int, end: int) -> str:
    """What stands before a place in its clause."""
    return re.split(r"[,;:—–(]", read[start:end])[-1]


def _any_in(span: Span, places: list[int]) -> bool:
    """Whether a span has one of some places, which are in order."""
    return bisect_left(places, span.start) != bisect_left(places, span.end)


class Facts:
    """Reads facts by the words of a language pack, and tells which two cannot both be true."""

    def __init__(self, pack: Pack) -> None:
        self._colours = {
            slot: [frozenset(line) for line in pack.get("facts", slot)] for slot in ("eyes", "hair")
        }
        self._numerals = Numerals(pack.get("facts", "numbers"))
        self._heights = Heights(self._numerals)
        self._occupations = Occupations(pack)
        self._changes = {
            slot: re.compile(rf"(?i)\b(?:{words_pattern(words)})\b")
            for slot, words in pack.get("facts", "changes").items()
        }
        self._synonyms: Mapping[str, str] = pack.get("facts", "synonyms")
        self._none = {
            word.capitalize() for word in (*pack.get("words", "stop_words"), *pack.get("facts", "unique"))
        }
        self._joins = frozenset(pack.get("facts", "joins"))
        self._conditional = re.compile(rf"(?i)\b(?:{words_pattern(pack.get('facts', 'conditional'))})\b")
        self._cancels = re.compile(rf"(?i)\b(?:{words_pattern(pack.get('facts', 'cancels'))})\b")
        self._new_parts = re.compile(rf"(?i)\b(?:{words_pattern(pack.get('facts', 'new_parts'))})\b")
        hints = [
            *("eyes", "hair", "handed", "years", "year-old", "only child", "name"),
            *(f"m {digit}" for digit in range(1, 10)),
            *(word for name in ("counted", "one_child", "species") for word in pack.get("facts", name)),
        ]
        # What a text has to hold to be worth a look: one of these, letter for letter.
        self._hints = [*hints, *HINTS]
        near = {"height": NEAR, "occupation": self._occupations.near}
        others = re.compile(words_pattern(hints))
        # Patterns by what a sentence has to hold for them.
        self._patterns: dict[re.Pattern[str], list[tuple[str, str, re.Pattern[str]]]] = {}
        for person in _PERSONS:
            for slot, pattern in self._of(pack, person):
                group = self._patterns.setdefault(near.get(slot, others), [])
                group.append((person.who, slot, re.compile(pattern)))

    def candidates(self, texts: pl.Series) -> pl.Series:
        """Which texts may state a fact."""
        return texts.str.contains_any(self._hints) | self._occupations.candidates(texts)

    def _of(self, pack: Pack, person: _Person) -> Iterator[tuple[str, str]]:
        """The patterns of one person; the value is group ``value`` or ``other``."""
        be, have, own = person.be, person.have, person.own
        shade = rf"(?:(?:{words_pattern(pack.get('facts', 'shades'))}),?\s+)*"
        for slot, lines in self._colours.items():
            colour = words_pattern(sorted({word for line in lines for word in line}))
            yield slot, rf"{own}\s+{shade}{_value(colour)}\s+{slot}\b"
            yield slot, rf"{have}\s+{shade}{_value(colour)}\s+{slot}\b"
            yield slot, rf"{own}\s+{slot}\s+(?:is|are)\s+{shade}{_value(colour)}\b(?!-)"
            yield slot, rf"{be}\b[^.;!?]{{0,40}}?\bwith\s+{shade}{_value(colour)}\s+{slot}\b"
        age = self._numerals.pattern
        yield (
            "age",
            rf"{be}\s+(?:only |just |about |already )?{_value(age)}(?:\s+years?\s+old|\s+years\s+of\s+age)\b",
        )
        yield "age", rf"{be}\b[^.;!?]{{0,30}}?\ban?\s+{_value(age)}[\s-]year[\s-]old\b"
        yield "years", rf"{be}\s+(?:only |just |already )?{_value(age)}(?=\s*(?:[.;!](?!\d)|,\s|$))"
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
        for pattern in self._heights.patterns(be, person.does("stand"), own, _TITLED):
            yield "height", pattern
        for pattern in self._occupations.patterns(be, person.does("work"), _TITLED):
            yield "occupation", pattern

    def of(self, text: str, *, spoken: bool = True) -> Iterator[Fact]:
        """The facts of a text, in its order. ``spoken`` False: what stands in quotation marks, which anybody may say, is left out."""
        read = plain(text)
        seen = {near: [found.start() for found in near.finditer(read)] for near in self._patterns}
        if not any(seen.values()) or self._cancels.search(read):
            return
        text, read = without_marks(text), without_marks(read)
        parts = parts_of(text)
        stretches = parts.narration if parts.by == "quotes" and not spoken else (Span(0, len(text)),)
        for stretch in stretches:
            for sentence in sentences(text, stretch):
                near = [one for one, places in seen.items() if _any_in(sentence, places)]
                if not near or sentence.end - sentence.start > _LONGEST:
                    continue
                if not read[sentence.start : sentence.end].rstrip('*_"”) ').endswith("?"):
                    for one in near:
                        yield from self._in(read, sentence, self._patterns[one])

    def _in(
        self, read: str, sentence: Span, patterns: list[tuple[str, str, re.Pattern[str]]]
    ) -> Iterator[Fact]:
        for who, slot, pattern in patterns:
            for found in pattern.finditer(read, sentence.start, sentence.end):
                named = who or found["who"]
                if named.split()[0] in self._none and not who:
                    continue
                if self._conditional.search(_clause(read, sentence.start, found.start())):
                    continue
                fact = self._fact(named, slot, found, of_a_name=not who)
                before = read[sentence.start : found.start()]
                if fact is not None and (slot not in _FIGURATIVE or self._plainly(slot, read, before)):
                    yield fact

    def _plainly(self, slot: str, read: str, before: str) -> bool:
        """Whether a height or an occupation is meant as it is said, by its turn and by what stands before it in its sentence."""
        if self._conditional.search(before) or self.changes(slot, read):
            return False
        led = _clause(before, 0, len(before)).strip(' \n*_"“')
        return (not led or led.lower().split()[-1] in self._joins) and not (
            slot == "occupation" and self._occupations.in_doubt(read)
        )

    def _fact(self, who: str, slot: str, found: re.Match[str], *, of_a_name: bool) -> Fact | None:
        said, span = found["value"], Span(*found.span())
        if slot == "height":
            height = self._heights.centimetres(said, of_a_name=of_a_name)
            return None if height is None else Fact(who, slot, height, span)
        if slot in ("age", "years"):
            age = self._numerals.value(said)
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
        number = 0 if said == "no" else self._numerals.value(said)
        return (
            None if number is None else Fact(who, f"number of {self._synonyms.get(what, what)}", number, span)
        )

    def conflict(self, one: Fact, other: Fact) -> bool:
        """Whether two facts of one person cannot both be true."""
        if one.slot != other.slot or one.value == other.value:
            return False
        left, right = one.value, other.value
        if one.slot == "siblings at all":
            return "none" in (left, right)
        if isinstance(left, int) and isinstance(right, int):
            return one.slot != "height" or abs(left - right) > SAME_HEIGHT
        if isinstance(left, int) or isinstance(right, int):
            return True
        if one.slot == "occupation":
            return not self._occupations.together(left, right)
        if one.slot in self._colours:
            return not any(left in line and right in line for line in self._colours[one.slot])
        if "name" in one.slot:
            return not (
                left in right
                or right in left
                or bool({*left.split()} & {*right.split()} and len(left.split()) != len(right.split()))
            )
        return True

    def changes(self, slot: str, text: str) -> bool:
        """Whether a text says that a fact of a kind need not be what it was, for example that somebody grew or has a new job."""
        changes = self._changes.get(slot)
        return changes is not None and changes.search(text) is not None

    def new_part(self, said: str) -> bool:
        """Whether a user's turn gives out another part."""
        return self._new_parts.search(said) is not None
