"""Rules about characters: how they are named and whether they stay themselves."""

from __future__ import annotations

from ..rule import Rule
from . import prefixes, voices

RULES: tuple[Rule, ...] = (*prefixes.RULES, *voices.RULES)
