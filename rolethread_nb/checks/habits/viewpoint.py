"""Rules about the person in which a story is told."""

from __future__ import annotations

from ..rule import Rule

RULES: tuple[Rule, ...] = ()
