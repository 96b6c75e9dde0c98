"""Rules about habits: what is fine once and is learned when it is everywhere."""

from __future__ import annotations

from ..rule import Rule
from . import (
    agency,
    agreement,
    characters,
    dominance,
    echo,
    facts,
    formatting,
    greetings,
    lengths,
    loops,
    openings,
    phrases,
    replies,
    tense,
    tongues,
    viewpoint,
)

RULES: tuple[Rule, ...] = (
    *replies.RULES,
    *lengths.RULES,
    *echo.RULES,
    *openings.RULES,
    *phrases.RULES,
    *loops.RULES,
    *formatting.RULES,
    *viewpoint.RULES,
    *tense.RULES,
    *tongues.RULES,
    *agency.RULES,
    *characters.RULES,
    *facts.RULES,
    *greetings.RULES,
    *agreement.RULES,
    *dominance.RULES,
)
