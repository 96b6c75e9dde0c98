"""Whether a dataset is mostly openings."""

from __future__ import annotations

from ..rule import Rule

RULES: tuple[Rule, ...] = ()
