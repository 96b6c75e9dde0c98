"""Rules about replies that give back what was said."""

from __future__ import annotations

from ..rule import Rule

RULES: tuple[Rule, ...] = ()
