"""Rules about what a reply is: a refusal, talk about itself, a placeholder, filler."""

from __future__ import annotations

from ..rule import Rule
from . import fillers, placeholders, refusals, selves

RULES: tuple[Rule, ...] = (*refusals.RULES, *selves.RULES, *placeholders.RULES, *fillers.RULES)
