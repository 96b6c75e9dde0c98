"""The command line: the same core without a notebook, for scripts and CI.

Exit status 0: nothing at or above ``--fail-on``; 1: findings; 2: wrong use, or no record at all could be parsed.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from ._version import __version__
from .checks.catalogue import PROFILES, compat_rules, rule, rules
from .checks.manual import catalogue_dicts, catalogue_markdown, catalogue_text, page_text
from .core.compare import Comparison
from .core.dataset import Dataset
from .core.errors import RolethreadError, SourceError
from .core.loading import load
from .core.model import SEVERITIES
from .core.repair import Plan
from .core.report import Report
from .core.wording import names_in, plural
from .outputs.comparison import comparison_text
from .outputs.terminal import report_text
from .settings import FAIL_ON


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    for stream in (sys.stdout, sys.stderr):  # a terminal that knows fewer characters than the data
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        parser = _parser()
        words = list(sys.argv[1:] if argv is None else argv)
        own, others = words, []
        if "--" in words and words[:1] == ["review"]:
            own, others = words[: words.index("--")], words[words.index("--") + 1 :]
        arguments = parser.parse_args(own)
        arguments.others = others
        run: Callable[[argparse.Namespace], int] = arguments.run
        return run(arguments)
    except RolethreadError as problem:
        print(f"rolethread-nb: {problem}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # the reader of a pipe has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="rolethread-nb", description="Look at, check and mend conversational fine-tuning datasets."
    )
    parser.add_argument("--version", action="version", version=f"rolethread-nb {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    check = commands.add_parser("check", help="report what is wrong with a dataset")
    _reading(check)
    check.add_argument("--fail-on", choices=FAIL_ON, help="exit 1 from this severity on (default: error)")
    _choosing(check)
    check.add_argument("--baseline", metavar="FILE", help="report only findings that this file does not know")
    check.add_argument(
        "--write-baseline",
        action="store_true",
        help="write all findings into the baseline: they are known from now on",
    )
    check.add_argument("--json", action="store_true", help="print one JSON object")
    check.set_defaults(run=_check)

    repair = commands.add_parser("repair", help="write a repaired copy")
    _reading(repair)
    repair.add_argument("-o", "--output", metavar="OUT", help="the copy; its extension picks the compression")
    _choosing(repair)
    repair.add_argument("--unsafe", action="store_true", help="also repair what may change the meaning")
    repair.add_argument("--diff", action="store_true", help="only show what would change")
    repair.add_argument("--force", action="store_true", help="replace OUT if it exists")
    repair.set_defaults(run=_repair)

    export = commands.add_parser("export", help="write the dataset in another layout")
    _reading(export)
    export.add_argument("-o", "--output", metavar="OUT", required=True)
    export.add_argument(
        "--format",
        default="messages",
        help="messages, sharegpt, alpaca, prompt-completion, preference, csv, parquet, or same for the records as they came",
    )
    export.add_argument(
        "--target", metavar="T", help="a trainer: the layout it reads best, and beside OUT what it needs"
    )
    export.add_argument("--clean", action="store_true", help="only the keys that trainers read")
    export.add_argument(
        "--only-valid",
        action="store_true",
        help="leave conversations with errors out, and what the target would refuse",
    )
    export.add_argument("--where", metavar="QUERY", help="only conversations that match")
    export.add_argument(
        "--only",
        choices=("kept", "not-rejected"),
        help="by what was decided on the conversations in a review",
    )
    export.add_argument(
        "--strict", action="store_true", help="write nothing if the format cannot hold everything"
    )
    export.add_argument("--dry-run", action="store_true", help="write nothing, only say what would be lost")
    export.add_argument("--force", action="store_true", help="replace OUT if it exists")
    export.set_defaults(run=_export)

    _preflight_options(
        commands.add_parser("preflight", help="say what trainers would do with each conversation")
    )

    compared = commands.add_parser("compare", help="say what differs between two versions of a dataset")
    compared.add_argument("before", metavar="BEFORE")
    compared.add_argument("after", metavar="AFTER", help="one of the two may be - for standard input")
    _meaning(compared)
    compared.add_argument("--json", action="store_true", help="print one JSON object")
    compared.set_defaults(run=_compare)

    catalogue = commands.add_parser("rules", help="list the rules, or show the page of one")
    catalogue.add_argument("code", nargs="?", metavar="CODE", help="a code for its page, or a family")
    catalogue.add_argument("--json", action="store_true")
    catalogue.add_argument("--markdown", action="store_true", help="the reference page of the documentation")
    catalogue.set_defaults(run=_rules)

    review = commands.add_parser(
        "review", help="write a review notebook beside the file and open it in JupyterLab"
    )
    review.add_argument("file", metavar="FILE")
    _meaning(review, PROFILES)
    review.add_argument("--no-open", action="store_true", help="only write the notebook")
    review.set_defaults(run=_review)
    return parser


def _preflight_options(parser: argparse.ArgumentParser) -> None:
    _reading(parser)
    parser.add_argument(
        "--target", action="append", metavar="T", help="a trainer, or all (default: trl); may be repeated"
    )
    parser.add_argument(
        "--template",
        metavar="T",
        help="a .jinja file, a tokenizer's folder or tokenizer_config.json, trl:NAME (default: ChatML)",
    )
    parser.add_argument("--tokenizer", metavar="F", help="a tokenizer.json, or the folder that holds it")
    parser.add_argument(
        "--max-tokens", type=int, metavar="N", help="the length limit (default: the trainer's)"
    )
    parser.add_argument(
        "--set", action="append", metavar="NAME=VALUE", help="a setting of the trainers; may be repeated"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=_preflight)


def _reading(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "files", nargs="+", metavar="FILE", help="a file, folder or pattern; - is standard input"
    )
    _meaning(parser)


def _meaning(parser: argparse.ArgumentParser, profiles: Sequence[str] | None = None) -> None:
    """The options that say how the data is to be understood."""
    parser.add_argument(
        "--profile", choices=profiles, help=f"what is normal: {', '.join(PROFILES)} (default: chat)"
    )
    parser.add_argument(
        "--role", action="append", metavar="LABEL=ROLE", help="what an unknown label means; may be repeated"
    )
    parser.add_argument(
        "--field",
        action="append",
        metavar="PART=KEY",
        help="a key that is not known: messages=dialog, role=who, text=utterance, ...; may be repeated",
    )
    parser.add_argument(
        "--settings", metavar="FILE", help="take the settings from this file (default: above FILE)"
    )
    parser.add_argument("--no-settings", action="store_true", help="take no settings from files")
    parser.add_argument(
        "--no-review",
        action="store_true",
        help="the files as they are, without the decisions and edits of a review beside them",
    )


def _choosing(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--select", action="append", metavar="C", help="only these codes or families")
    parser.add_argument("--ignore", action="append", metavar="C", help="not these codes or families")
    parser.add_argument("--where", metavar="QUERY", help="only findings that match")


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


def _checked(arguments: argparse.Namespace, *, baseline: str | bool | None = False) -> tuple[Dataset, Report]:
    dataset = _load(arguments, arguments.files)
    report = dataset.check(
        arguments.profile,
        select=_named(arguments.select),
        ignore=_named(arguments.ignore),
        where=arguments.where,
        baseline=baseline,
    )
    return dataset, report


def _check(arguments: argparse.Namespace) -> int:
    dataset, report = _checked(arguments, baseline=False if arguments.write_baseline else arguments.baseline)
    if arguments.write_baseline:
        return _write_baseline(arguments.baseline or dataset.settings["baseline"], report)
    report.settings = report.settings.given({"fail-on": arguments.fail_on})
    fail_on = report.settings["fail-on"]
    if arguments.json:
        print(report.to_json(), end="")
    else:
        print(report_text(report, colour=sys.stdout.isatty() and "NO_COLOR" not in os.environ))
    if fail_on == "never":
        return 0
    counted = SEVERITIES[: SEVERITIES.index(fail_on) + 1]
    return 1 if any(report.severities[name] for name in counted) else 0


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
    dataset, report = _checked(arguments)
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
    )
    print(f"{path} written." if fresh else f"{path} is there already and stays as it is.")
    if arguments.no_open:
        return 0
    return open_in_jupyterlab(path, arguments.others)
