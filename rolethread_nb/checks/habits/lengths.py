"""Rules about how long a reply is, and whether it ends."""

from __future__ import annotations

from ..rule import Rule

RULES: tuple[Rule, ...] = ()
