"""Rules about languages and scripts that mix."""

from __future__ import annotations

from ..rule import Rule

RULES: tuple[Rule, ...] = ()
