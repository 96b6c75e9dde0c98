"""RoleThread Lite's score of a dataset: four parts of 25 points, by its own formulas, each with what it was reckoned from.

The formulas are facts about that program (its ``core/qualitative_analysis.py``, commit 992ec7d); the code is ours. They are shown
beside every number: a quarter of the points is for stamps, tags and the sidecar, whatever the conversations say.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .measures import SHORT_PROMPT, Tally, tally
from .registry import BUILT_IN, Sidecar, sidecar_beside

if TYPE_CHECKING:
    from ..core.model import Conversation
    from ..core.report import Report

MOST = 25
_GRADES = ((90, "Excellent"), (70, "Good"), (50, "Fair"), (30, "Needs Attention"))
_LOWEST = "Significant Issues"


@dataclass(frozen=True, slots=True)
class Term:
    """One summand of a part: its formula, what stands in it, and what it comes to."""

    formula: str
    inputs: Mapping[str, float]
    points: float


@dataclass(frozen=True, slots=True)
class Part:
    """One of the four parts.

    Attributes:
        name: ``response quality``, ``diversity``, ``structure`` or ``metadata``.
        score: its points, from 0 to 25, on two digits.
        terms: what they are the sum of. Nothing where there is nothing to reckon with.
        flagged: the records that the app would point at, as (source, record).
    """

    name: str
    score: float
    terms: tuple[Term, ...]
    flagged: tuple[tuple[int, int], ...]


class RolethreadScore:
    """The score of a dataset.

    Attributes:
        parts: the four parts, by name.
        composite: their sum, from 0 to 100.
        label: the app's word for it, ``Excellent`` to ``Significant Issues``.
        entries: how many entries there are.
        sidecar: what is beside the file.
    """

    def __init__(self, report: Report, parts: Sequence[Part], entries: int, sidecar: Sidecar) -> None:
        self._report = report
        self.parts = {part.name: part for part in parts}
        self.composite = round(max(0.0, min(sum(part.score for part in parts), 100.0)), 2)
        self.label = label_of(self.composite)
        self.entries = entries
        self.sidecar = sidecar

    @property
    def name(self) -> str:
        """What the dataset is called."""
        return self._report.dataset.name

    def conversations(self, part: str) -> list[Conversation]:
        """The conversations that the app would point at for a part, in file order. Records that are none are left out.

        Raises:
            KeyError: if no part is called so.
        """
        found = (self._report.conversation(source, index) for source, index in self.parts[part].flagged)
        return [conversation for conversation in found if conversation is not None]

    def as_dict(self) -> dict[str, Any]:
        """Every number, with its formula."""
        return {
            "composite": self.composite,
            "label": self.label,
            "entries": self.entries,
            "parts": {
                part.name: {
                    "score": part.score,
                    "terms": [
                        {"formula": term.formula, "inputs": dict(term.inputs), "points": term.points}
                        for term in part.terms
                    ],
                }
                for part in self.parts.values()
            },
        }

    def __repr__(self) -> str:
        lines = [f"<RoleThread Lite's score of {self.name}: {self.composite:g} of 100, {self.label}"]
        for part in self.parts.values():
            lines.append(f"  {part.score:g} of {MOST}  {part.name}")
            lines += [f"    {said(term.points)} = {term.formula}; {inputs_of(term)}" for term in part.terms]
        return "\n".join(lines) + ">"

    def _repr_html_(self) -> str:
        from ..outputs.score_view import score_html

        return score_html(self)


def label_of(score: float) -> str:
    """The app's word for a sum of points."""
    return next((word for least, word in _GRADES if score >= least), _LOWEST)


def said(number: float) -> str:
    """A number as it is shown beside its formula."""
    number += 0.0  # no minus before nothing
    return f"{number:,.4g}" if abs(number) < 1000 else f"{number:,.0f}"


def inputs_of(term: Term) -> str:
    """What stands in a formula, in words."""
    return ", ".join(f"{name} {said(value)}" for name, value in term.inputs.items())


def rolethread_score(report: Report, tags: Mapping[str, str | None] | None = None) -> RolethreadScore:
    """The score of the dataset that was checked (see :meth:`Report.rolethread_score`)."""
    sources = report.dataset.sources
    sidecar = sidecar_beside(sources[0].path if len(sources) == 1 else None)
    known = {**BUILT_IN, **sidecar.tags} if tags is None else tags
    found = tally(report, known, sidecar)
    parts = [_response_quality(found), _diversity(found, known), _structure(found), _metadata(found, sidecar)]
    return RolethreadScore(report, parts, found.entries, sidecar)


def _part(name: str, found: Tally, score: float, terms: Iterator[Term] | tuple[Term, ...]) -> Part:
    """A part with its points held between 0 and 25."""
    flagged = tuple(sorted(found.flagged[name]))
    return Part(name, round(max(0.0, min(score, float(MOST))), 2), tuple(terms), flagged)


def _response_quality(found: Tally) -> Part:
    name = "response quality"
    if not found.replies:
        return _part(name, found, 0.0, ())
    mean = found.reply_words / found.replies
    mean_user = found.user_words / found.user_turns if found.user_turns else 0.0
    ratio = mean_user / mean if mean > 0 else 0.0
    empty, placeholders, short = (
        count / found.replies for count in (found.empty, found.placeholders, found.short)
    )
    length = 15.0 * min(mean / 300.0, 1.0)
    content = 5.0 * (1.0 - min(empty + placeholders, 1.0))
    balance = 5.0 if 0.2 <= ratio <= 2.0 else 3.0 if 0.1 <= ratio <= 5.0 else 0.0
    terms = (
        Term("15 × min(mean words of a reply / 300, 1)", {"mean words of a reply": mean}, length),
        Term(
            "5 × (1 - min(share of empty replies + share of placeholders, 1))",
            {"share of empty replies": empty, "share of placeholders": placeholders},
            content,
        ),
        Term(
            "5 where mean words of a user's turn / mean words of a reply is 0.2 to 2, 3 where 0.1 to 5, else 0",
            {"ratio": ratio},
            balance,
        ),
        Term(
            "-5 × share of replies below 20 words", {"share of replies below 20 words": short}, -5.0 * short
        ),
    )
    return _part(name, found, length + content + balance - 5.0 * short, terms)


def _diversity(found: Tally, known: Mapping[str, str | None]) -> Part:
    name = "diversity"
    count = found.entries
    if not count:
        return _part(name, found, 0.0, ())
    categories = len({category for tag in found.tags if (category := known.get(tag))})
    tagged, paired, unknown = (
        _share(part, count) for part in (found.tagged, found.paired, found.unknown_tags)
    )
    entropy = _entropy(found.tags)
    terms = (
        Term(
            "8 × min(different system prompts / min(entries, 10), 1)",
            {"different system prompts": len(found.prompts), "entries": count},
            8.0 * min(len(found.prompts) / min(count, 10), 1.0),
        ),
        Term("6 × share of tagged entries", {"share of tagged entries": tagged}, 6.0 * tagged),
        Term("5 × evenness of the tags (entropy / its largest value)", {"evenness": entropy}, 5.0 * entropy),
        Term(
            "3 × min(categories of tags / 4, 1)",
            {"categories of tags": categories},
            3.0 * min(categories / 4.0, 1.0),
        ),
        Term(
            "3 × (1 - min(share of entries with a near-duplicate / 0.25, 1))",
            {"share of entries with a near-duplicate": paired},
            3.0 * (1.0 - min(found.paired / count / 0.25, 1.0)),
        ),
        Term(
            "-2 × share of entries with an unknown tag",
            {"share of entries with an unknown tag": unknown},
            -2.0 * min(unknown, 1.0),
        ),
    )
    return _part(name, found, sum(term.points for term in terms), terms)


def _structure(found: Tally) -> Part:
    name = "structure"
    count = found.entries
    if not count:
        return _part(name, found, 0.0, ())
    valid, fitting = _share(found.valid, count), _share(found.fitting, count)
    prompted, long = found.prompted / count, found.long_prompts / count
    terms = (
        Term("10 × share of valid entries", {"share of valid entries": valid}, 10.0 * valid),
        Term(
            "8 × share of entries of 3 to 7 exchanges",
            {"share of entries of 3 to 7 exchanges": fitting},
            8.0 * fitting,
        ),
        Term(
            "3 × share of entries with a system prompt",
            {"share of entries with a system prompt": prompted},
            3.0 * prompted,
        ),
        Term(
            f"4 × share of entries with one of {SHORT_PROMPT} characters or more",
            {"share of these entries": long},
            4.0 * found.long_prompts / count,
        ),
    )
    points = [term.points for term in terms]
    return _part(name, found, points[0] + points[1] + (points[2] + points[3]), terms)


def _metadata(found: Tally, sidecar: Sidecar) -> Part:
    name = "metadata"
    count = found.entries
    if not count:
        return _part(name, found, 0.0, ())
    stamped, tagged = _share(found.stamped, count), _share(found.tagged, count)
    mapped = _share(found.mapped, count) if sidecar.mapped else 1.0
    current = (
        sidecar.readable
        and sidecar.entries == count
        and (len(found.datasets) != 1 or sidecar.dataset in found.datasets)
    )
    terms = (
        Term(
            "8 × share of entries with the app's stamp",
            {"share of entries with the app's stamp": stamped},
            8.0 * stamped,
        ),
        Term("7 × share of tagged entries", {"share of tagged entries": tagged}, 7.0 * tagged),
        Term(
            "5 × share of entries mapped to characters (1 where the sidecar maps none)",
            {"share of entries mapped": mapped},
            5.0 * mapped,
        ),
        Term("2 where there is a sidecar", {"sidecar": sidecar.present}, 2.0 * sidecar.present),
        Term("3 where it is of these entries", {"sidecar of these entries": current}, 3.0 * current),
    )
    return _part(name, found, sum(term.points for term in terms), terms)


def _share(part: int, whole: int) -> float:
    """A share the way the app reckons it, in percent and back, so that the last digit is the same."""
    return part / whole * 100.0 / 100.0


def _entropy(counts: Counter[str]) -> float:
    total = sum(counts.values())
    if len(counts) <= 1:
        return 0.0
    shares = [count / total for count in counts.values()]
    return -sum(share * math.log2(share) for share in shares) / math.log2(len(counts))
