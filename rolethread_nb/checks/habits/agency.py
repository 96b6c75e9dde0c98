"""Rules about replies that act or speak for the user."""

from __future__ import annotations

from ..rule import Rule

RULES: tuple[Rule, ...] = ()
