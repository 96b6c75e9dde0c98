"""Trying a repair: what a check would find in records as they would be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from ..checks.catalogue import rules_of
from ..checks.engine import Check, select_rules
from ..checks.rule import Rule
from .dataset import Dataset
from .model import SEVERITIES, Span

_AT_ONCE = 2000  # records tried in one block
_ERROR = SEVERITIES.index("error")
_WHOLE = Span(0, 0)


@dataclass(slots=True)
class Tried:
    """What was found in one record: errors by code, and findings as (rule, turn, evidence)."""

    errors: Counter[str] = field(default_factory=Counter)
    findings: list[tuple[Rule, int | None, dict[str, Any]]] = field(default_factory=list)


class Trial:
    """Runs the rules that look at single records; what only a whole dataset can show is left out."""

    def __init__(self, dataset: Dataset, profile: str) -> None:
        self._dataset = dataset
        self._profile = profile
        chosen = select_rules(rules_of(profile), None, None, profile)
        self._rules = [rule for rule in chosen if rule.wave is None]

    def errors(self, datas: Sequence[bytes]) -> list[Counter[str]]:
        """Errors by code in each of the records."""
        return [tried.errors for tried in self.run(datas)]

    def run(self, datas: Sequence[bytes], remade: Sequence[frozenset[str]] = ()) -> list[Tried]:
        """What is found in each of the records; findings only of the codes in ``remade`` (one set a record)."""
        found: list[Tried] = []
        for start in range(0, len(datas), _AT_ONCE):
            codes = remade[start : start + _AT_ONCE]
            found += self._run(datas[start : start + _AT_ONCE], codes)
        return found

    def _run(self, datas: Sequence[bytes], remade: Sequence[frozenset[str]]) -> list[Tried]:
        tried = [Tried() for _ in datas]
        block = self._dataset.block_of(datas)
        position = {index: at for at, index in enumerate(block.indices)}
        check = Check(self._rules, self._profile)
        check.add(block)
        for number, severity, _, index, turn, start, end, detail in check.found_since(0):
            rule = self._rules[number]
            if index is None or rule.code == "rule.failed":
                continue
            if severity == _ERROR:
                tried[index].errors[rule.code] += 1
            if remade and rule.code in remade[index] and index in position:
                evidence = {} if detail < 0 else dict(check.detail(detail))
                if detail < 0 and rule.evidence is not None and turn is not None:
                    message = block.conversation(position[index]).messages[turn]
                    evidence = dict(rule.evidence(message, Span(start, end)))
                tried[index].findings.append((rule, turn, evidence))
        if block.turns.height:
            unknown = block.turns.filter(pl.col("role").is_null() & pl.col("role_raw").str.contains(r"\S"))
            for at in unknown["conversation"].to_list():
                tried[block.indices[at]].errors["role.unknown"] += 1
        return tried
