"""The facets, in the order in which they are shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from ..checks.charts import wording
from ..sources.roles import ROLES
from .facet import Collector, Each, Facet, FromIndex, Unit, unsayable
from .findings import codes_of, count_of
from .of_texts import LANGUAGES, TEXTS, VOICE, each
from .prompts import AGAIN, FIRST, ONLY, Copies, Variants, near_copies
from .tags import Tags

if TYPE_CHECKING:
    from ..training.tokens import TokenCounter
    from .gathered import Gathered

_WHO: dict[Unit, str] = {"turn": "turn", "reply": "reply", "user turn": "user"}
_OF: dict[Unit, str] = {"turn": "a turn", "reply": "a reply", "user turn": "a user turn"}
_HEAD = 60


def facets(tokens: TokenCounter | None = None) -> tuple[Facet, ...]:
    """All facets; with something that counts tokens those of tokens too."""
    return (
        *_CONVERSATIONS,
        *(_length(unit, measure) for unit in _WHO for measure in ("words", "characters")),
        *(() if tokens is None else (_tokens(unit, tokens) for unit in ("reply", "user turn"))),
        *_PLACES,
        *_SPEAKERS,
        *_PROMPTS,
        *TEXTS,
        *VOICE,
        *LANGUAGES,
        *_QUALITY,
    )


def _term(name: str) -> Callable[[str], str]:
    """The query term that finds a value."""
    return lambda value: wording.term(name, value) if value else ""


def _measure(title: str, name: str, about: str, column: str, term: str = "") -> Facet:
    """A number of the conversations that the index has."""
    query = (lambda value: f"{term}:{value}") if term else None
    values = FromIndex(lambda gathered: gathered.index.conversations[column])
    return Facet(name, title, "conversation", "number", about, lambda: values, column, query=query)


def _index_category(column: str) -> Callable[[], Collector]:
    return lambda: FromIndex(lambda gathered: gathered.index.conversations[column].cast(pl.String))


def _length(unit: Unit, measure: str) -> Facet:
    column, short = ("words", "words") if measure == "words" else ("chars", "chars")
    about = (
        "Words, by the rule of the turn table: a character of a script without blanks is one."
        if measure == "words"
        else "Characters (code points)."
    )
    return Facet(
        f"{_WHO[unit]}_{short}",
        f"{measure.capitalize()} {_OF[unit]}",
        unit,
        "number",
        about,
        lambda: Each(lambda view: view.of(unit, column)),
        measure,
    )


def _tokens(unit: Unit, tokens: TokenCounter) -> Facet:
    def counted(texts: pl.Series) -> pl.Series:
        return pl.Series("tokens", np.asarray(tokens.count_many(texts.to_list()), dtype=np.int64))

    how = "" if tokens.exact else ", estimated"
    about = f"Tokens of the text alone, without the chat template, counted by {tokens.name}{how}."
    return Facet(
        f"{_WHO[unit]}_tokens",
        f"Tokens {_OF[unit]}",
        unit,
        "number",
        about,
        each(unit, counted),
        "tokens",
        query=unsayable,
        apart=True,
    )


def _user_share(gathered: Gathered) -> pl.Series:
    turns = gathered.index.turns
    at, words = turns["conversation"].to_numpy(), turns["words"].to_numpy()
    role = turns["role"].cast(pl.String).fill_null("").to_numpy()
    count = gathered.index.conversations.height
    user, reply = (
        np.bincount(at[role == name], weights=words[role == name], minlength=count)
        for name in ("user", "assistant")
    )
    share = np.rint(100 * user / np.maximum(user + reply, 1)).astype(np.int64)
    return pl.Series("share", np.where(user + reply > 0, share, -1))


def _roles(gathered: Gathered) -> pl.Series:
    return gathered.index.turns["role"].cast(pl.String).fill_null("unknown")


def _speakers(gathered: Gathered) -> pl.Series:
    names = gathered.index.turns["speaker"].cast(pl.String)
    return names.to_frame("name").select(pl.when(pl.col("name").str.contains(r"\S")).then("name"))["name"]


def _prompt(gathered: Gathered, value: str) -> str:
    return " ".join(gathered.index.prompts.get(value, value).split())[:_HEAD]


_CONVERSATIONS = (
    _measure("Turns a conversation", "turns", "All turns, of whatever role.", "turns", "turns"),
    _measure(
        "Exchanges a conversation",
        "exchanges",
        "Assistant turns right after a turn of the user.",
        "exchanges",
        "exchanges",
    ),
    _measure(
        "Words a conversation",
        "conversation_words",
        "Words of all its turns, the system prompt included.",
        "words",
    ),
    Facet(
        "user_share",
        "The user’s share of the words",
        "conversation",
        "number",
        "Words of the user, in whole percent of those of user and assistant together; none where neither says a word.",
        lambda: FromIndex(_user_share),
        "%",
    ),
)
_PLACES = (
    Facet(
        "reply_number",
        "Which reply it is",
        "reply",
        "number",
        "1 for the first reply of a conversation, and so on.",
        lambda: Each(lambda view: pl.Series(view.first_of("reply") + 1)),
        "",
    ),
    Facet(
        "position",
        "Place in the conversation",
        "turn",
        "number",
        "Number of the turn in its conversation, from 0.",
        lambda: FromIndex(lambda gathered: gathered.index.turns["turn"]),
        "",
    ),
)
_SPEAKERS = (
    Facet(
        "role",
        "Role",
        "turn",
        "category",
        "The role of a turn; unknown where its label is not understood.",
        lambda: FromIndex(_roles),
        query=_term("role"),
        values=(*ROLES, "unknown"),
    ),
    Facet(
        "label",
        "Role as it is written",
        "turn",
        "category",
        "The label that the record gives a turn; none where it has none.",
        lambda: Each(lambda view: view.of("turn", "role_raw")),
    ),
    Facet(
        "speaker",
        "Speaker",
        "turn",
        "category",
        "The name of the speaker; none where a turn has no name.",
        lambda: FromIndex(_speakers),
        query=_term("speaker"),
    ),
)
_PROMPTS = (
    Facet(
        "system",
        "System prompt",
        "conversation",
        "category",
        "The first system prompt of a conversation, word for word, under a short name; none where it has none.",
        _index_category("system"),
        label=_prompt,
        query=_term("system"),
    ),
    Facet(
        "system_variant",
        "System prompt, near-identical ones as one",
        "conversation",
        "category",
        "As system, but prompts that share at least 0.8 of their words and pairs of words (Jaccard index, as of prompt.variants)"
        " go by the name of the most frequent of them.",
        Variants,
        label=_prompt,
    ),
    Facet(
        "tag",
        "Tag",
        "conversation",
        "list",
        "The tags of the record (tags, or metadata.tags) and those that the review gave, without regard to case.",
        Tags,
        query=_term("tag"),
    ),
    Facet(
        "format",
        "Layout",
        "conversation",
        "category",
        "The layout of the record.",
        _index_category("format"),
        query=_term("format"),
    ),
    Facet(
        "source",
        "Source",
        "conversation",
        "category",
        "The source, by its number from 0.",
        _index_category("source"),
        label=lambda gathered, value: gathered.dataset.sources[int(value)].name,
        query=_term("source"),
    ),
)
_QUALITY = (
    Facet(
        "copies",
        "Exact duplicates",
        "conversation",
        "category",
        "Whether the conversation occurs more than once, word for word (as of dup.exact); none where it has no turns.",
        Copies,
        values=(ONLY, FIRST, AGAIN),
    ),
    Facet(
        "near_copies",
        "Size of the group of duplicates",
        "conversation",
        "number",
        "Conversations in its group of duplicates, itself included: word for word, the same dialogue, and those that share 0.7 of their runs of"
        " three words (Jaccard index, as of dup.near); 1 for one that has none, no value where it has no turns.",
        lambda: FromIndex(near_copies),
        "conversations",
        apart=True,
        searches=True,
    ),
    Facet(
        "findings",
        "Findings a conversation",
        "conversation",
        "number",
        "Findings of a check with the dataset’s settings.",
        lambda: FromIndex(count_of),
        "findings",
        apart=True,
    ),
    Facet(
        "finding",
        "Kinds of findings",
        "conversation",
        "list",
        "The codes of its findings, each once.",
        lambda: FromIndex(codes_of),
        query=_term("code"),
        apart=True,
    ),
)
