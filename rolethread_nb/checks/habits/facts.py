"""Rules about facts that contradict one another."""

from __future__ import annotations

from ..rule import Rule

RULES: tuple[Rule, ...] = ()
