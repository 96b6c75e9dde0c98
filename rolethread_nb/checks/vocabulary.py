"""The words that a rule's condition is written in.

They compile to polars expressions over the turn table, so a rule says ``role == "assistant"`` and no rule, ours or a
user's, depends on polars. Regular expressions are Rust's: linear in time, without look-around and back-references.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import polars as pl

from ..language.packs import pack
from .measures import IN_LANGUAGE, NARRATION


class Condition:
    """Something about a turn that is true or false. Combine with ``&``, ``|`` and ``~``.

    Attributes:
        within: of ``a & b``, ``a``: what is asked first, so that ``b`` need only be asked of the turns that meet it. None otherwise.
    """

    def __init__(self, build: Callable[[], pl.Expr], within: Condition | None = None) -> None:
        self._build = build
        self.within = within

    def compile(self) -> pl.Expr:
        """The polars expression; null counts as false."""
        return self._build().fill_null(False)

    def __and__(self, other: Condition) -> Condition:
        return Condition(lambda: self.compile() & other.compile(), within=self)

    def __or__(self, other: Condition) -> Condition:
        return Condition(lambda: self.compile() | other.compile())

    def __invert__(self) -> Condition:
        return Condition(lambda: ~self.compile())

    def __bool__(self) -> bool:
        raise TypeError("Combine conditions with & | ~, not with and, or, not.")


class Field:
    """A column of the turn table, for comparisons."""

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, name: str, build: Callable[[], pl.Expr] | None = None) -> None:
        self.name = name
        self.build = build or (lambda: pl.col(name))

    def _condition(self, make: Callable[[pl.Expr], pl.Expr]) -> Condition:
        return Condition(lambda: make(self.build()))

    def __eq__(self, other: object) -> Condition:  # type: ignore[override]
        if isinstance(other, Field):
            return Condition(lambda: self.build() == other.build())
        return self._condition(lambda column: column.eq(other))

    def __ne__(self, other: object) -> Condition:  # type: ignore[override]
        if isinstance(other, Field):
            return Condition(lambda: self.build() != other.build())
        return self._condition(lambda column: column.ne(other))

    def __lt__(self, other: float) -> Condition:
        return self._condition(lambda column: column < other)

    def __le__(self, other: float) -> Condition:
        return self._condition(lambda column: column <= other)

    def __gt__(self, other: float) -> Condition:
        return self._condition(lambda column: column > other)

    def __ge__(self, other: float) -> Condition:
        return self._condition(lambda column: column >= other)

    def is_in(self, values: Iterable[object]) -> Condition:
        """Whether the value is one of ``values``."""
        wanted = list(values)
        return self._condition(lambda column: column.is_in(wanted))

    @property
    def is_missing(self) -> Condition:
        """Whether there is no value."""
        return self._condition(lambda column: column.is_null())

    @property
    def holds(self) -> Condition:
        """Whether a true-or-false column is true."""
        return self._condition(lambda column: column)


class Text(Field):
    """The text of a turn."""

    def matches(self, pattern: str) -> Condition:
        """Whether the regular expression is found anywhere in the text."""
        return self._condition(lambda column: column.str.contains(pattern))

    def contains(self, *words: str) -> Condition:
        """Whether one of the strings stands in the text, letter for letter."""
        if len(words) == 1:
            return self._condition(lambda column: column.str.contains(words[0], literal=True))
        return self._condition(lambda column: column.str.contains_any(list(words)))

    def count(self, pattern: str) -> Field:
        """How often the regular expression is found in the text."""
        return Field(self.name, lambda: self.build().str.count_matches(pattern))

    def strip(self, characters: str | None = None) -> Text:
        """The text without blanks (or ``characters``) at both ends."""
        return Text(self.name, lambda: self.build().str.strip_chars(characters))


def in_language(language: str) -> Condition:
    """Whether a turn is in a language that there is a pack of (``rolethread_nb.language_pack``).

    Raises:
        QueryError: if there is none.
    """
    pack(language)
    return Field(f"{IN_LANGUAGE}{language}").holds


text = Text("text")
narration = Text(
    NARRATION
)  # what is told; missing where a turn shows neither quotes nor actions and tells no scene
role = Field("role")
role_raw = Text("role_raw")
speaker = Field("speaker")
kind = Field("kind")
turn = Field("turn")
words = Field("words")
chars = Field("chars")
weight = Field("weight")
calls = Field("calls")
alias = Field("alias")

# The place of a turn in its conversation (see ``placed.with_place``).
ordered = Field("ordered")  # every label of the conversation is understood, so order can be judged
is_first = Field("is_first")  # first turn that is no system prompt
is_last = Field("is_last")  # last turn
is_second_system = Field("is_second_system")  # a system prompt after another one
after_other_role = Field("after_other_role")  # a turn of another role came before
previous_role = Field("previous_role")
previous_speaker = Field("previous_speaker")
previous_kind = Field("previous_kind")
prompt_only = Field("prompt_only")  # the layout of the conversation leaves the answer open
has_assistant = Field("has_assistant")  # the conversation has an assistant turn
