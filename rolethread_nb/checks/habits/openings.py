"""Rules about replies that begin alike."""

from __future__ import annotations

from ..rule import Rule

RULES: tuple[Rule, ...] = ()
