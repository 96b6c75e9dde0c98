"""Whether one prompt, speaker, opening or tag holds more than its share."""

from __future__ import annotations

from ..rule import Rule

RULES: tuple[Rule, ...] = ()
