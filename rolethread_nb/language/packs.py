"""Language packs: folders of TOML files with the words that rules of one language read.

A pack is a folder named by its language (``en``), one file a subject. ``words.toml`` has the ``stop_words`` by which a text is told
to be in that language, and the ``share`` of its words that they have to be; the other files are read by the rules they are named after.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import QueryError
from ..core.word_table import Flags, WordSet, WordTable
from .pack_shape import check_shape, laid_over

_SHIPPED = Path(__file__).parent / "packs"
_loaded: dict[str, Pack] = {}


@dataclass(frozen=True)
class Pack:
    """The words of one language.

    Attributes:
        language: its code, for example ``en``.
        subjects: what each file holds, by its name without the suffix.
    """

    language: str
    subjects: Mapping[str, Mapping[str, Any]]

    def get(self, subject: str, name: str) -> Any:
        """A value of a file.

        Raises:
            QueryError: if the pack has none.
        """
        try:
            return self.subjects[subject][name]
        except KeyError:
            raise QueryError(
                f"The language pack {self.language!r} has no {name!r} in {subject}.toml."
            ) from None

    @cached_property
    def stop_words(self) -> WordSet:
        """The words by which a text is told to be in this language."""
        return WordSet(self.get("words", "stop_words"))

    def spoken(self, words: WordTable) -> Flags:
        """Which texts are in this language: so large a share of their words are stop words of it."""
        share = float(self.get("words", "share"))
        found: Flags = words.count(self.stop_words) >= np.maximum(1, share * words.counts)
        return found


def pack(language: str) -> Pack:
    """The pack of a language.

    Raises:
        QueryError: if there is none.
    """
    if language not in _loaded:
        folder = _SHIPPED / language
        if not folder.is_dir():
            raise QueryError(f"There is no language pack {language!r}; there are {', '.join(languages())}.")
        _loaded[language] = _read(folder)
    return _loaded[language]


def languages() -> Sequence[str]:
    """The languages that there are packs of."""
    return sorted({*_loaded, *(folder.name for folder in _SHIPPED.iterdir() if folder.is_dir())})


def language_pack(folder: str | Path) -> Pack:
    """Use the words of a folder for the language that it is named after, in place of those that are shipped or beside them.

    What a file of the folder says replaces what the shipped file of its name says; the rest stays. Checks that begin after it use it.

    Raises:
        QueryError: if the folder or one of its files cannot be read, a file has another key or type than the shipped English one, or there
            is no ``words.toml``.
    """
    own = _read(Path(folder))
    known, shipped = _read(_SHIPPED / "en").subjects, _SHIPPED / own.language
    subjects = dict(_read(shipped).subjects) if shipped.is_dir() else {}
    for subject, found in own.subjects.items():
        subjects[subject] = laid_over(subjects.get(subject, {}), found, (subject,))
        check_shape(Path(folder) / f"{subject}.toml", subjects[subject], known)
    made = Pack(own.language, subjects)
    made.get("words", "share")  # without it no text could be told to be in the language
    _loaded[own.language] = made
    return made


def forget_language_pack(language: str) -> None:
    """Go back to the words that are shipped."""
    _loaded.pop(language, None)


def _read(folder: Path) -> Pack:
    if not folder.is_dir():
        raise QueryError(f"{folder} is no folder.")
    subjects = {}
    for file in sorted(folder.glob("*.toml")):
        try:
            subjects[file.stem] = tomllib.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as problem:
            raise QueryError(f"{file} cannot be read: {problem}.") from None
    return Pack(folder.name, subjects)
