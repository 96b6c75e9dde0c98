"""The command line: the same core without a notebook, for scripts and CI.

Exit status 0: nothing at or above ``--fail-on``, and every gate passed; 1: findings, or a gate that failed; 2: wrong use, or no record at all could be parsed.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from .checks.catalogue import compat_rules, rule, rules
from .checks.manual import catalogue_dicts, catalogue_markdown, catalogue_text, page_text
from .core.compare import Comparison
from .core.dataset import Dataset
from .core.errors import RolethreadError, SourceError
from .core.loading import load
from .core.model import SEVERITIES
from .core.repair import Plan
from .core.report import Report
from .core.wording import names_in, plural
from .gates import read_gates
from .options import parser
from .outputs.comparison import comparison_text
from .outputs.terminal import report_text
from .settings import DEFAULT, Settings


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    for stream in (sys.stdout, sys.stderr):  # a terminal that knows fewer characters than the data
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        words = list(sys.argv[1:] if argv is None else argv)
        own, others = words, []
        if "--" in words and words[:1] == ["review"]:
            own, others = words[: words.index("--")], words[words.index("--") + 1 :]
        arguments = parser().parse_args(own)
        arguments.others = others
        return _COMMANDS[arguments.command](arguments)
    except RolethreadError as problem:
        print(f"rolethread-nb: {problem}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # the reader of a pipe has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130


def _named(given: Sequence[str] | None) -> list[str] | None:
    return None if given is None else names_in(",".join(given))


def _load(arguments: argparse.Namespace, files: Sequence[str]) -> Dataset:
    if "-" in files and len(files) > 1:
        raise RolethreadError("Standard input (-) cannot be read beside files; name one or the other.")
    source: Any = sys.stdin.buffer if files[0] == "-" else list(files)
    settings = False if arguments.no_settings else True if arguments.settings is None else arguments.settings
    roles, fields = _pairs(arguments.role, "--role LABEL=ROLE"), _pairs(arguments.field, "--field PART=KEY")
    dataset: Dataset = load(
        source,
        roles=roles,
        fields=fields,
        settings=settings,
        review=False if arguments.no_review else "read-only",
    )
    _refuse_what_is_no_data(dataset)
    return dataset


def _pairs(given: Sequence[str] | None, option: str) -> dict[str, str]:
    """``left=right`` pairs; a label may hold the sign, what it is mapped to may not."""
    pairs = {}
    name, _, form = option.partition(" ")
    for pair in given or ():
        left, sign, right = pair.rpartition("=") if name == "--role" else pair.partition("=")
        if not sign or not left:
            raise RolethreadError(f"{name} takes {form}, not {pair!r}.")
        pairs[left] = right
    return pairs


def _refuse_what_is_no_data(dataset: Dataset) -> None:
    """Stop with one sentence where not one record could be parsed."""
    foreign = [source for source in dataset.sources if source.foreign is not None]
    if len(foreign) == len(dataset.sources):
        raise SourceError(f"{foreign[0].name} is {foreign[0].foreign}.")
    unparsed = [record for record in dataset.rejected if not record.code.startswith("record.")]
    if len(dataset) or len(unparsed) < len(dataset.rejected):
        return
    name = dataset.sources[0].name
    if not unparsed:
        raise SourceError(f"{name} is empty.")
    damaged = next((source for source in dataset.sources if source.damage is not None), None)
    if damaged is not None:
        raise SourceError(f"{damaged.name} is no dataset: {damaged.damage}.")
    first = unparsed[0]
    where = (
        ""
        if first.line is None
        else f" (line {first.line}" + (f", column {first.column})" if first.column else ")")
    )
    raise SourceError(f"{dataset.sources[first.source].name} is no dataset: {first.reason}{where}.")


def _checked(
    dataset: Dataset, arguments: argparse.Namespace, *, baseline: str | bool | None = False
) -> Report:
    return dataset.check(
        arguments.profile,
        select=_named(arguments.select),
        ignore=_named(arguments.ignore),
        where=arguments.where,
        baseline=baseline,
    )


def _check(arguments: argparse.Namespace) -> int:
    dataset = _load(arguments, arguments.files)
    if arguments.write_baseline:
        report = _checked(dataset, arguments)
        return _write_baseline(arguments.baseline or dataset.settings["baseline"], report)
    gate = None if arguments.gate is None else Path(arguments.gate).absolute()
    dataset.settings = dataset.settings.given({"fail-on": arguments.fail_on, "gate": gate})
    if (named := dataset.settings["gate"]) is not None:
        read_gates(named)  # what makes no sense is said before the work, not after it
    _refuse_inputs(arguments, dataset.settings)
    report = _checked(dataset, arguments, baseline=arguments.baseline)
    gates = report.gated
    for path, write in ((arguments.sarif, report.to_sarif), (arguments.markdown, report.to_markdown)):
        if path is not None:
            write(path)
    if arguments.json:
        print(report.to_json(), end="")
    else:
        print(report_text(report, colour=sys.stdout.isatty() and "NO_COLOR" not in os.environ))
        if gates is not None:
            print(f"\n{gates}")
    return 1 if _fails(report) or not (gates is None or gates.ok) else 0


def _refuse_inputs(arguments: argparse.Namespace, settings: Settings) -> None:
    """Outputs may not stand in for one another, nor for what the check reads."""
    read = [Path(settings[name]).absolute() for name in ("gate", "baseline") if settings[name] is not None]
    written = [Path(path).absolute() for path in (arguments.sarif, arguments.markdown) if path is not None]
    for path in written:
        if path in read:
            raise RolethreadError(f"{path} is read by this check; name another file.")
    if len(set(written)) < len(written):
        raise RolethreadError("--sarif and --markdown name one file; name two.")


def _fails(report: Report) -> bool:
    """Whether a finding is as severe as ``fail-on`` says. With gates only if somebody has said it: they are the limits then."""
    fail_on = report.settings["fail-on"]
    if report.settings["gate"] is not None and report.settings.origin("fail-on") == DEFAULT:
        return False
    counted = SEVERITIES[: SEVERITIES.index(fail_on) + 1] if fail_on != "never" else ()
    return any(report.severities[name] for name in counted)


def _write_baseline(path: str | Path | None, report: Report) -> int:
    if path is None:
        raise RolethreadError("Say which file is to hold the baseline: --baseline FILE --write-baseline.")
    count = report.write_baseline(path)
    print(f"{path}: {plural(count, 'finding')} known from now on.")
    return 0


def _repair(arguments: argparse.Namespace) -> int:
    if arguments.output is None and not arguments.diff:
        raise RolethreadError("Say where the repaired copy goes (-o OUT), or --diff to only look.")
    _refuse_standard_output(arguments.output)
    dataset = _load(arguments, arguments.files)
    report = _checked(dataset, arguments)
    plan = report.repairs(unsafe=arguments.unsafe)
    if arguments.diff:
        print(plan.preview(limit=len(plan)))
        return 0
    plan.apply()
    done = dataset.export(arguments.output, "same", overwrite=arguments.force)
    print("\n".join([f"{plural(len(plan), 'repair')}. {done.summary[0]}", *done.summary[1:], *_left(plan)]))
    return 0


def _left(plan: Plan) -> list[str]:
    """Why findings stay that could be repaired as such: a sentence for each reason."""
    reasons = Counter((left.code, left.reason) for left in plan.left)
    return [
        f"Not repaired: {code}, {plural(count, 'time')}: {why}." for (code, why), count in reasons.items()
    ]


def _refuse_standard_output(path: str | None) -> None:
    if path == "-":
        raise RolethreadError(
            "OUT must be a file: it is written whole or not at all, which a pipe cannot promise."
        )


def _export(arguments: argparse.Namespace) -> int:
    _refuse_standard_output(arguments.output)
    dataset = _load(arguments, arguments.files)
    if not len(dataset) and arguments.format != "same":
        raise SourceError(f"Nothing to export: no record of {dataset.name} was recognised as a conversation.")
    dataset.settings = dataset.settings.given({"profile": arguments.profile})
    done = dataset.export(
        arguments.output,
        arguments.format,
        target=arguments.target,
        overwrite=arguments.force,
        where=arguments.where,
        only=arguments.only,
        only_valid=arguments.only_valid,
        clean=arguments.clean,
        strict=arguments.strict,
        dry_run=arguments.dry_run,
    )
    print("\n".join(done.summary))
    return 0


def _preflight(arguments: argparse.Namespace) -> int:
    dataset = _load(arguments, arguments.files)
    settings = {name: _value(said) for name, said in _pairs(arguments.set, "--set NAME=VALUE").items()}
    found = dataset.preflight(
        arguments.tokenizer,
        template=arguments.template,
        targets=_named(arguments.target),
        max_tokens=arguments.max_tokens,
        settings=settings,
    )
    print(json.dumps(found.to_dict(), ensure_ascii=False, indent=1) if arguments.json else found)
    return 0 if found.ok else 1


def _value(said: str) -> Any:
    """A setting's value as JSON has it (true, 0.5, null), else the text itself."""
    try:
        return json.loads(said)
    except ValueError:
        return said


def _compare(arguments: argparse.Namespace) -> int:
    if arguments.before == arguments.after == "-":
        raise RolethreadError("Standard input (-) can be only one of the two.")
    before, after = (_load(arguments, [name]) for name in (arguments.before, arguments.after))
    comparison = Comparison(before, after, arguments.profile)
    print(
        comparison.to_json() if arguments.json else comparison_text(comparison),
        end="" if arguments.json else "\n",
    )
    return 0 if comparison.equal else 1


def _rules(arguments: argparse.Namespace) -> int:
    known = rules() if arguments.code is None else (*rules(), *compat_rules())
    chosen = [one for one in known if arguments.code in (None, one.family)]
    one = not chosen
    if one:
        chosen = [rule(arguments.code)]
    if arguments.json:
        listed = catalogue_dicts(chosen)
        print(json.dumps(listed[0] if one else listed, indent=1))
    elif arguments.markdown:
        print(catalogue_markdown(chosen), end="")
    else:
        print(page_text(chosen[0]) if one else catalogue_text(chosen))
    return 0


def _review(arguments: argparse.Namespace) -> int:
    from .notebook.review_notebook import open_in_jupyterlab, write_review_notebook

    _load(arguments, [arguments.file])
    path, fresh = write_review_notebook(
        Path(arguments.file),
        profile=arguments.profile,
        roles=_pairs(arguments.role, "--role LABEL=ROLE"),
        fields=_pairs(arguments.field, "--field PART=KEY"),
        settings=False if arguments.no_settings else arguments.settings,
        journal=not arguments.no_review,
    )
    said = os.path.relpath(path)
    if path.parent != Path(os.path.abspath(arguments.file)).parent:  # noqa: PTH100 - a link stays the link it is
        print("Beside the data nothing can be written, so the notebook is in this folder.")
    print(f"{said} written." if fresh else f"{said} is there already and stays as it is.")
    if arguments.no_open:
        return 0
    return open_in_jupyterlab(path, arguments.others)


def _freeze(arguments: argparse.Namespace) -> int:
    from .notebook.freeze import freeze

    _refuse_standard_output(arguments.output)
    done = freeze(arguments.notebook, arguments.output, overwrite=arguments.force)
    print(done)
    return 1 if done.unfrozen else 0


_COMMANDS: Mapping[str, Callable[[argparse.Namespace], int]] = {
    "check": _check,
    "repair": _repair,
    "export": _export,
    "preflight": _preflight,
    "compare": _compare,
    "rules": _rules,
    "review": _review,
    "freeze": _freeze,
}
