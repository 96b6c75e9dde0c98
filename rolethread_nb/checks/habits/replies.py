"""Rules about what a reply is: a refusal, talk about itself, a placeholder, filler."""

from __future__ import annotations

from ..rule import Rule

RULES: tuple[Rule, ...] = ()
