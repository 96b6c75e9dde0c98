"""The rules of the family text, in order."""

from __future__ import annotations

from . import blanks, controls, entities, escapes, invisible, mojibake
from .rule import Rule

RULES: tuple[Rule, ...] = (
    *blanks.RULES,
    *mojibake.RULES,
    *invisible.RULES,
    *controls.RULES,
    *entities.RULES,
    *escapes.RULES,
)
