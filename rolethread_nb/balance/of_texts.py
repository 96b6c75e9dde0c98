"""Facets that are read from the texts of replies and turns: openings, phrases, form, speech, language."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import polars as pl

from ..language.scripts import JAPANESE, SCRIPTS
from ..language.speech import FAMILIES
from ..language.spoken import READ
from ..language.tongues import language_names
from .facet import Collector, Each, Facet, Unit
from .phrases import CHARACTERS, MOST, WORDS, Phrases
from .speech import ACTIONS, tenses, viewpoints
from .texts import ENDINGS, FORMS, PLAIN, closings, endings, forms, openings

if TYPE_CHECKING:
    from .view import View

#: The query terms that find the turns of a unit.
ROLES: dict[Unit, str] = {"reply": "role:assistant ", "user turn": "role:user ", "turn": ""}
_PERSONS = {
    "first": "first person",
    "second": "second person",
    "third": "third person",
    "mixed": "mixed persons",
}
_TENSES = {"past": "past", "present": "present", "mixed": "mixed tenses"}


def each(unit: Unit, of: Callable[[pl.Series], pl.Series]) -> Callable[[], Collector]:
    """Gathers something that is known from the text of each turn of a unit."""
    return lambda: Each(lambda view: of(view.of(unit, "text")))


def _narrated(view: View, of: Callable[[pl.Series, pl.Series], pl.Series]) -> pl.Series:
    english = view.language.gather(view.rows("reply")) == "en"
    return of(view.speech.narration, english.fill_null(False))


def _languages(view: View) -> pl.Series:
    frame = pl.DataFrame({"language": view.language, "script": view.script})
    return frame.select(found=pl.coalesce("language", pl.col("script") + " script"))["found"]


TEXTS = (
    Facet(
        "opening",
        "How replies begin",
        "reply",
        "category",
        "The first three words in lower case, without punctuation (six characters of a script without blanks).",
        each("reply", openings),
    ),
    Facet(
        "closing",
        "How replies end",
        "reply",
        "category",
        "The last three words, as of opening.",
        each("reply", closings),
    ),
    Facet(
        "ending",
        "What stands at the end of replies",
        "reply",
        "category",
        "What kind of character a reply ends with, blanks apart.",
        each("reply", endings),
        values=ENDINGS,
    ),
    Facet(
        "user_opening",
        "How user turns begin",
        "user turn",
        "category",
        "As opening, of the turns of the user.",
        each("user turn", openings),
    ),
    Facet(
        "phrase",
        "Phrases of replies",
        "reply",
        "list",
        f"Runs of {WORDS} words ({CHARACTERS} characters in scripts without blanks) that stand in three replies at least: the {MOST} that stand"
        " in most; of two that overlap and are about as frequent, one. A reply counts once.",
        Phrases,
    ),
    Facet(
        "form",
        "Marks of form",
        "reply",
        "list",
        "Headings, lists, tables, code, emphasis, links, several paragraphs and the like; plain text where there is nothing of them.",
        each("reply", forms),
        values=(*(name for name, *_ in FORMS), PLAIN),
    ),
)
VOICE = (
    Facet(
        "dialogue",
        "Dialogue share",
        "reply",
        "number",
        "Characters in quotation marks (of all families, the marks included; blanks apart), in whole percent of what is said or told; code and lines with"
        " a mark left over do not count. Where actions stand between asterisks, what stands outside them is said. None where no quotes are"
        " in use: fewer than half of the replies of the conversation have either, or less than a tenth of them is said.",
        lambda: Each(lambda view: pl.Series(view.speech.share)),
        "%",
    ),
    Facet(
        "speech_marks",
        "How speech is marked",
        "reply",
        "category",
        "The family of quotation marks of the first quote, or that actions stand between asterisks or underscores; none without either.",
        lambda: Each(lambda view: view.speech.marks),
        values=(*FAMILIES, ACTIONS),
    ),
    Facet(
        "viewpoint",
        "Point of view",
        "reply",
        "category",
        "The person that the narration is told in, by its pronouns (English alone). None where nothing is narrated, or fewer than two"
        " pronouns stand in it.",
        lambda: Each(lambda view: _narrated(view, viewpoints)),
        label=lambda gathered, value: _PERSONS[value],
        values=tuple(_PERSONS),
    ),
    Facet(
        "tense",
        "Tense",
        "reply",
        "category",
        "The tense of the narration, by frequent verb forms (English alone). None where nothing is narrated, or fewer than two forms stand in it.",
        lambda: Each(lambda view: _narrated(view, tenses)),
        label=lambda gathered, value: _TENSES[value],
        values=tuple(_TENSES),
    ),
)
LANGUAGES = (
    Facet(
        "language",
        "Language",
        "turn",
        "category",
        f"One of some thirty languages, by a vote of the function words among its first {READ} words, else by that of its whole conversation if it is"
        " in the same script. Where neither tells, the script alone. None without letters.",
        lambda: Each(_languages),
        label=lambda gathered, value: language_names().get(value, value),
    ),
    Facet(
        "script",
        "Script",
        "turn",
        "category",
        "The script that most letters of the first 100 characters are in; Han characters among kana are Japanese. None without letters.",
        lambda: Each(lambda view: view.script),
        values=(*SCRIPTS, JAPANESE),
    ),
)
