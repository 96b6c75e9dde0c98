"""The engine: runs rules over blocks and keeps what they find in compact columns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import polars as pl

from ..core.blocks import Block
from ..core.duplicate_search import Found
from ..core.findings import Findings, FindingsBuilder
from ..core.marks import bits
from ..core.model import Conversation, Span
from ..core.word_table import Flags
from ..sources.decoding import SEPARATORS
from .placed import turns_for
from .profiles import runs
from .rule import FindsDuplicates, Mark, Rule, SeesRejected, Wave
from .vocabulary import Condition

_WHOLE = Span(0, 0)


def _with_marks(turns: pl.DataFrame, needs: int, *conditions: pl.Expr) -> pl.DataFrame:
    """The turns that have one of the marks (all, where none is asked for), with what the conditions ask of them."""
    if not needs:
        return turns
    asked = {name for condition in conditions for name in condition.meta.root_names()}
    narrow = turns.select("conversation", "turn", *sorted(asked - {"conversation", "turn"}))
    return narrow.filter((turns["marks"] & needs) != 0)


class Check:
    """One run of a set of rules: feed it blocks, then ``finish``."""

    def __init__(self, rules: Sequence[Rule], profile: str) -> None:
        self._rules = list(rules)
        self._numbers = {rule.code: number for number, rule in enumerate(self._rules)}
        self._conditions = [
            (n, rule.when.compile()) for n, rule in enumerate(self._rules) if rule.when is not None
        ]
        self._needs = {n: bits(rule.needs) for n, rule in enumerate(self._rules)}
        self._looks = [n for n, rule in enumerate(self._rules) if rule.look or rule.look_at]
        self._among = {n: among.compile() for n in self._looks if (among := self._rules[n].among) is not None}
        self._within = {n: among.within for n in self._among if (among := self._rules[n].among) is not None}
        self._asked = [condition for _, condition in self._conditions] + list(self._among.values())
        self._seen: set[int] = set()
        self._profile = profile
        self._broken: set[str] = set()
        self._waves: list[tuple[int, Wave]] = []
        self._beside = ThreadPoolExecutor(1)
        self._sources: set[int] = set()
        self._in_waves = {rule.code for rule in self._rules if rule.wave is not None}
        self._found = FindingsBuilder([rule.severity_in(profile) for rule in self._rules])
        made: set[tuple[object, ...]] = set()
        for number, rule in enumerate(self._rules):
            if rule.wave is not None and (key := (rule.wave, *sorted(rule.thresholds.items()))) not in made:
                made.add(key)
                try:
                    self._waves.append((number, rule.wave(**rule.thresholds)))
                except Exception as problem:
                    self._failed(rule, problem)

    def add(self, block: Block, also: Callable[[Block], None] | None = None) -> None:
        """Run every rule on one block, and beside them something else."""
        self._sources.add(block.source)
        self._note_records(block)
        block.fresh = self._fresh(block)
        placed = turns_for(block, self._asked)
        # Waves know nothing of the other rules, and most of their work needs no interpreter.
        running = self._beside.submit(self._run_waves, block)
        if placed.height:
            self._run_conditions(block, placed)
        if self._looks:
            self._look(block, placed)
        if also is not None:
            also(block)
        for number, wave, problem in running.result():
            self._waves.remove((number, wave))
            self._failed(self._rules[number], problem)

    def _run_waves(self, block: Block) -> list[tuple[int, Wave, Exception]]:
        """Let the waves see a block; gives those that fail."""
        failed = []
        for number, wave in self._waves:
            try:
                wave.partial(block)
            except Exception as problem:
                failed.append((number, wave, problem))
        return failed

    def _note_records(self, block: Block) -> None:
        """What reading a block has said of its records already."""
        for rejected in block.rejected:
            evidence = {
                "reason": rejected.reason,
                "column": rejected.column,
                "line": rejected.line,
                "head": rejected.head,
            }
            self._note(rejected.code, block.source, rejected.index, None, evidence)
        for at, remark in block.remarks:
            self._remark(block, at, remark.code, remark.detail)
        for index, (own, first) in block.repeated.items():
            named: dict[str, Any] = {"id": own, "related": [(block.source, first)], "first": first}
            self._note("record.duplicate_id", block.source, index, None, named)
        for at, reading in enumerate(block.readings):
            if reading.ambiguous:
                keys = {"keys": list(reading.ambiguous), "read": reading.pointer.lstrip("/")}
                self._note("record.ambiguous", block.source, block.indices[at], None, keys)
            if not reading.turns and reading.system is None:
                self._note("record.empty", block.source, block.indices[at], None, {})
        if block.notes:
            places = block.turns.select("conversation", "turn").rows()
            for row, code, detail in block.notes:
                if code in self._in_waves:
                    continue
                at, turn = places[row]
                self._note(code, block.source, block.indices[at], turn, detail)

    def _fresh(self, block: Block) -> Flags:
        """Which conversations no earlier block, and nothing before them in this one, has word for word."""
        if not self._waves:
            return np.ones(len(block), dtype=bool)
        fresh = np.zeros(len(block), dtype=bool)
        for at, key in enumerate(map(hash, block.content_keys)):
            if key not in self._seen:
                self._seen.add(key)
                fresh[at] = True
        return fresh

    def note_source(self, code: str, source: int, evidence: dict[str, Any]) -> None:
        """A finding about a source as a whole."""
        self._note(code, source, None, None, evidence)

    def _note(
        self, code: str, source: int, index: int | None, turn: int | None, detail: dict[str, Any]
    ) -> None:
        if (number := self._numbers.get(code)) is not None:
            self._found.add(number, source, index, turn, 0, 0, detail, self._severity(number, detail))

    def _severity(self, number: int, evidence: dict[str, Any]) -> str | None:
        rule = self._rules[number]
        if rule.severity_of is None:
            return None
        level = rule.severity_of(evidence)
        return rule.severity_in(self._profile) if level == rule.severity else level

    def _remark(self, block: Block, at: int, code: str, detail: dict[str, Any]) -> None:
        """A remark of the decoder belongs to the turns in whose text it shows, else to the conversation."""
        index, placed = block.indices[at], False
        if (number := self._numbers.get(code)) is None:
            return
        if code in ("file.control_separator", "file.lone_surrogate"):
            marks = SEPARATORS if code == "file.control_separator" else None
            for turn, message in enumerate(block.conversation(at).messages):
                for start, char in enumerate(message.text):
                    if char in marks if marks is not None else "\ud800" <= char <= "\udfff":
                        name = marks[char] if marks is not None else f"U+{ord(char):04X}"
                        evidence = {**detail, "character": name}
                        self._found.add(number, block.source, index, turn, start, start + 1, evidence)
                        placed = True
        if not placed:
            self._found.add(number, block.source, index, None, 0, 0, detail)

    def _together(
        self, conditions: Iterable[tuple[int, pl.Expr]]
    ) -> dict[tuple[int, Condition | None], list[tuple[int, pl.Expr]]]:
        """Conditions that can be asked of the same turns: by the marks these must have, and by what is asked first."""
        groups: dict[tuple[int, Condition | None], list[tuple[int, pl.Expr]]] = {}
        for number, expression in conditions:
            if self._rules[number].code not in self._broken:
                key = self._needs[number], self._within.get(number)
                groups.setdefault(key, []).append((number, expression))
        return groups

    def _run_conditions(self, block: Block, turns: pl.DataFrame) -> None:
        for (needs, _), conditions in self._together(self._conditions).items():
            met = _with_marks(turns, needs, *(condition for _, condition in conditions))
            if met.height:
                self._run_on(met, conditions, block)

    def _flags(self, turns: pl.DataFrame, conditions: list[tuple[int, pl.Expr]]) -> pl.DataFrame:
        """Which turns meet which conditions, each under the number of its rule; those that cannot be evaluated are left out."""
        try:
            return turns.select(expression.alias(str(n)) for n, expression in conditions)
        except Exception:  # one rule cannot be evaluated: find out which
            return self._one_by_one(turns, conditions)

    def _run_on(self, turns: pl.DataFrame, conditions: list[tuple[int, pl.Expr]], block: Block) -> None:
        flags = self._flags(turns, conditions)
        places = turns.select("conversation", "turn")
        for name in flags.columns:
            rule = self._rules[int(name)]
            if rule.code in self._broken or not flags[name].any():
                continue
            flagged = places.filter(flags[name])
            if rule.scope == "conversation" or (rule.spans is None and rule.severity_of is None):
                indices = [block.indices[at] for at in flagged["conversation"].to_list()]
                whole = rule.scope == "conversation"
                self._found.add_turns(
                    int(name), block.source, indices, None if whole else flagged["turn"].to_list()
                )
                continue
            for at, turn in flagged.iter_rows():
                try:
                    self._flag(rule, int(name), block, at, turn)
                except Exception as problem:
                    self._failed(rule, problem)
                    break

    def _one_by_one(self, turns: pl.DataFrame, conditions: list[tuple[int, pl.Expr]]) -> pl.DataFrame:
        columns: dict[str, pl.Series] = {}
        for number, expression in conditions:
            try:
                columns[str(number)] = turns.select(flag=expression)["flag"]
            except Exception as problem:
                self._failed(self._rules[number], problem)
        return pl.DataFrame(columns)

    def _flag(self, rule: Rule, number: int, block: Block, at: int, turn: int) -> None:
        index = block.indices[at]
        if rule.spans is None:
            severity = None
            if rule.severity_of is not None and rule.evidence is not None:
                message = block.conversation(at).message(turn)
                severity = self._severity(number, rule.evidence(message, _WHOLE))
            self._found.add(number, block.source, index, turn, 0, 0, None, severity)
        else:
            message = block.conversation(at).message(turn)
            for span in rule.spans(message):
                severity = None
                if rule.severity_of is not None and rule.evidence is not None:
                    severity = self._severity(number, rule.evidence(message, span))
                self._found.add(number, block.source, index, turn, span.start, span.end, None, severity)

    def _look(self, block: Block, turns: pl.DataFrame) -> None:
        among = self._looked_at(turns)
        for number in self._looks:
            rule, at = self._rules[number], 0
            if rule.code in self._broken:
                continue
            try:
                places = (
                    among.get(number, ()) if number in self._among else ((at, ()) for at in range(len(block)))
                )
                for at, having in places:
                    for mark in self._marks(rule, block.conversation(at), having):
                        place = (block.source, block.indices[at], mark.turn, *mark.span)
                        severity = self._severity(number, mark.evidence or {})
                        self._found.add(number, *place, mark.evidence, severity)
            except Exception as problem:
                self._failed(rule, problem, [(block.source, block.indices[at])] if len(block) else [])

    @staticmethod
    def _marks(rule: Rule, conversation: Conversation, turns: Sequence[int]) -> Iterator[Mark]:
        """What a rule finds when it looks at a conversation, or at some turns of it."""
        if rule.look is not None:
            yield from rule.look(conversation)
        if rule.look_at is not None:
            for turn in turns:
                yield from rule.look_at(conversation, turn)

    def _looked_at(self, turns: pl.DataFrame) -> dict[int, list[tuple[int, Sequence[int]]]]:
        """The conversations that each rule looks at, of those that ask for a condition, with the turns that meet it."""
        found: dict[int, list[tuple[int, Sequence[int]]]] = {}
        for (needs, within), conditions in self._together(self._among.items()).items():
            met = _with_marks(turns, needs, *(condition for _, condition in conditions))
            if within is not None:
                met = self._meeting(met, within)
            flags = self._flags(met, conditions)
            for name in flags.columns:
                places = met.select("conversation", "turn").filter(flags[name])
                having = places.group_by("conversation", maintain_order=True).agg("turn").sort("conversation")
                found[int(name)] = list(having.iter_rows())
        return found

    @staticmethod
    def _meeting(turns: pl.DataFrame, condition: Condition) -> pl.DataFrame:
        """The turns that meet a condition; all, where it cannot be asked: then so cannot the one that it is part of, which says it."""
        try:
            return turns.filter(condition.compile())
        except Exception:
            return turns

    @property
    def sees_rejected(self) -> bool:
        """Whether a rule looks at records that are no conversation."""
        return any(isinstance(wave, SeesRejected) for _, wave in self._waves)

    def show_rejected(self, source: int, index: int, line: int | None, record: Any) -> None:
        """Let the rules that look at them see a record that is no conversation."""
        for number, wave in list(self._waves):
            if isinstance(wave, SeesRejected):
                try:
                    wave.rejected(source, index, line, record)
                except Exception as problem:
                    self._waves.remove((number, wave))
                    self._failed(self._rules[number], problem)

    def duplicates(self) -> Iterator[tuple[float, Found]]:
        """What is known of duplicates after :meth:`finish`: the Jaccard index from which on two are nearly the same, and all that are."""
        for _, wave in self._waves:
            if isinstance(wave, FindsDuplicates):
                yield wave.duplicates()

    def _failed(self, rule: Rule, problem: Exception, where: Sequence[tuple[int, int]] = ()) -> None:
        if rule.code in self._broken:
            return
        self._broken.add(rule.code)
        detail: dict[str, Any] = {"rule": rule.code, "error": f"{type(problem).__name__}: {problem}"}
        if where:
            detail["related"] = list(where)
        self._note("rule.failed", 0, None, None, detail)

    def found_since(self, seen: int) -> list[tuple[Any, ...]]:
        """The findings from number ``seen`` on, in the order in which they were made."""
        return self._found.since(seen)

    def detail(self, number: int) -> dict[str, Any]:
        """The evidence that was noted with a finding."""
        return self._found.details[number]

    def finish(self) -> Findings:
        """All findings, in order."""
        only = next(iter(self._sources)) if len(self._sources) == 1 else None
        for number, wave in self._waves:
            rule = self._rules[number]
            try:
                for found in wave.finish():
                    whose = number if found.code is None else self._numbers.get(found.code)
                    if whose is None:
                        continue
                    source, index = found.conversation or (
                        only if found.source is None else found.source,
                        None,
                    )
                    turn = found.evidence.get("turn") if found.conversation else None
                    evidence = {**found.evidence, "related": list(found.related)}
                    severity = self._severity(whose, found.evidence)
                    self._found.add(whose, source, index, turn, *found.span, evidence, severity)
            except Exception as problem:
                self._failed(rule, problem)
        return self._found.finish()


def select_rules(
    rules: Iterable[Rule], select: Sequence[str] | None, ignore: Sequence[str] | None, profile: str
) -> list[Rule]:
    """The rules that run: those of the profile, narrowed by codes or families."""

    kept = []
    for rule in rules:
        if not runs(profile, rule.code, named=select or ()):
            continue
        if rule.preview and not rule.goes_by(*(select or ())):
            continue
        if rule.code == "rule.failed" or (
            (select is None or rule.goes_by(*select)) and not rule.goes_by(*(ignore or ()))
        ):
            kept.append(rule)
    return kept
