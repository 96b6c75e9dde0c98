"""Conversations that are nearly the same."""

from __future__ import annotations

from .rule import Rule

RULES: tuple[Rule, ...] = ()
