"""Rules about phrases that are used too often."""

from __future__ import annotations

from ..rule import Rule

RULES: tuple[Rule, ...] = ()
