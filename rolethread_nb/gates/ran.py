"""Which rules behind a gate ran. One that did not finds nothing, and a gate that passes for that reason would be a lie."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..checks.catalogue import check_codes, compat_rules, rules
from ..checks.profiles import goes_by, runs
from ..checks.rule import Rule

if TYPE_CHECKING:
    from ..core.report import Report


@dataclass(frozen=True, slots=True)
class Ran:
    """What ran of some codes and families.

    Attributes:
        why_not: why one of them cannot be measured at all; empty if all can.
        missing: the codes of the families that did not run, in the order of the catalogue.
    """

    why_not: str = ""
    missing: tuple[str, ...] = ()


def ran(report: Report, names: Iterable[str]) -> Ran:
    """What ran of some codes and families.

    Raises:
        QueryError: if nothing is called so.
    """
    missing: list[str] = []
    for name in names:
        check_codes([name])
        behind = _behind(name)
        absent = [rule for rule in behind if why_not(report, rule)]
        if len(absent) == len(behind):
            return Ran(f"{name!r} {why_not(report, absent[0])}")
        missing += [rule.code for rule in absent]
    return Ran(missing=tuple(dict.fromkeys(missing)))


def why_not(report: Report, rule: Rule) -> str:
    """Why a rule did not run to its end, and what to do about it; empty if it did."""
    if any(one.code == rule.code for one in report.rules):
        return "stopped with an error (rule.failed)" if rule.code in _stopped(report) else ""
    return f"did not run: {_reason(report, rule)}"


def _behind(name: str) -> list[Rule]:
    """The rules of a name. Those that reproduce another tool count only where it is one of theirs."""
    own = [rule for rule in rules() if rule.goes_by(name)]
    return own or [rule for rule in compat_rules() if rule.goes_by(name)]


def _reason(report: Report, rule: Rule) -> str:
    select, ignore = report.settings["select"], report.settings["ignore"]
    if goes_by(rule.code, ignore or ()):
        return "'ignore' leaves it out"
    if not runs(report.profile, rule.code, named=[rule.code]):
        return f"profile {report.profile!r} never runs it; check with another one"
    if rule.code in {one.code for one in compat_rules()}:
        return "it runs in profile 'rolethread' alone"
    if not runs(report.profile, rule.code, named=select or ()):
        return f"profile {report.profile!r} leaves it out; name it in 'select'"
    if rule.preview and not rule.goes_by(*(select or ())):
        return "it is a preview rule; name it in 'select'"
    if select is not None and not rule.goes_by(*select):
        return "'select' leaves it out"
    return "it was not there when the check ran; check again"


def _stopped(report: Report) -> set[str]:
    """The rules that raised an error in the check."""
    return set(_raised(report))


def _raised(report: Report) -> Iterator[str]:
    for number, rule in enumerate(report.rules):
        if rule.code == "rule.failed":
            table = report.everything.table
            for detail in table["detail"].filter(table["rule"] == number).to_list():
                yield report.everything.details[detail]["rule"]
