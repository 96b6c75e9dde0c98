"""Rules about conversations that go round in circles."""

from __future__ import annotations

from ..rule import Rule

RULES: tuple[Rule, ...] = ()
