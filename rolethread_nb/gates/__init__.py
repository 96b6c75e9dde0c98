"""Gates: limits that a dataset must keep, from a file, over what a check found and what was counted (docs/gates.md)."""

from __future__ import annotations

from .reading import Gate, gates_in, read_gates
from .results import Gates, Result, run_gates

__all__ = ["Gate", "Gates", "Result", "gates_in", "read_gates", "run_gates"]
