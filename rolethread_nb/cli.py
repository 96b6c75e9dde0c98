"""The command line: the same core without a notebook, for scripts and CI.

Exit status 0: nothing at or above ``--fail-on``; 1: findings; 2: wrong use, or no record at all could be parsed.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from ._version import __version__
from .checks.catalogue import PROFILES, rule, rules
from .checks.manual import catalogue_dicts, catalogue_markdown, catalogue_text, page_text
from .core.dataset import Dataset
from .core.errors import RolethreadError, SourceError
from .core.loading import load
from .core.model import SEVERITIES
from .core.report import Report
from .core.wording import plural
from .outputs.terminal import report_text
from .settings import FAIL_ON, read_settings


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
        "--format", default="messages", help="messages, sharegpt, or same for the records as they came"
    )
    export.add_argument("--clean", action="store_true", help="apply the safe repairs first")
    export.add_argument("--only-valid", action="store_true", help="leave conversations with errors out")
    export.add_argument("--where", metavar="QUERY", help="only conversations that match")
    export.add_argument("--force", action="store_true", help="replace OUT if it exists")
    export.set_defaults(run=_export)

    catalogue = commands.add_parser("rules", help="list the rules, or show the page of one")
    catalogue.add_argument("code", nargs="?", metavar="CODE", help="a code for its page, or a family")
    catalogue.add_argument("--json", action="store_true")
    catalogue.add_argument("--markdown", action="store_true", help="the reference page of the documentation")
    catalogue.set_defaults(run=_rules)

    review = commands.add_parser(
        "review", help="write a review notebook beside the file and open it in JupyterLab"
    )
    review.add_argument("file", metavar="FILE")
    review.add_argument("--profile", choices=PROFILES, default="chat", help="what is normal (default: chat)")
    review.add_argument(
        "--role", action="append", metavar="LABEL=ROLE", help="what an unknown label means; may be repeated"
    )
    review.add_argument("--no-open", action="store_true", help="only write the notebook")
    review.set_defaults(run=_review)
    return parser


def _reading(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", nargs="+", metavar="FILE", help="- is standard input")
    parser.add_argument("--profile", help=f"what is normal: {', '.join(PROFILES)} (default: chat)")
    parser.add_argument(
        "--role", action="append", metavar="LABEL=ROLE", help="what an unknown label means; may be repeated"
    )


def _choosing(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--select", action="append", metavar="C", help="only these codes or families")
    parser.add_argument("--ignore", action="append", metavar="C", help="not these codes or families")


def _names(given: Sequence[str] | None, settings: Mapping[str, Any], key: str) -> list[str] | None:
    if given is None:
        found = settings.get(key)
        return None if found is None else list(found)
    return [name.strip() for part in given for name in part.split(",") if name.strip()]


def _load(arguments: argparse.Namespace, settings: Mapping[str, Any]) -> Dataset:
    roles = _role_map(arguments, settings)
    dataset: Dataset
    if arguments.files == ["-"]:
        dataset = load(sys.stdin.buffer, roles=roles)
    else:
        dataset = load(list(arguments.files), roles=roles)
    _refuse_what_is_no_data(dataset)
    return dataset


def _role_map(arguments: argparse.Namespace, settings: Mapping[str, Any]) -> dict[str, str]:
    roles = dict(settings.get("roles", {}))
    for pair in arguments.role or ():
        label, sign, role = pair.rpartition("=")
        if not sign:
            raise RolethreadError(f"--role takes LABEL=ROLE, not {pair!r}.")
        roles[label] = role
    return roles


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


def _checked(arguments: argparse.Namespace) -> tuple[Dataset, Report]:
    settings = read_settings(Path.cwd())
    dataset = _load(arguments, settings)
    report = dataset.check(
        arguments.profile or settings.get("profile", "chat"),
        select=_names(arguments.select, settings, "select"),
        ignore=_names(arguments.ignore, settings, "ignore"),
    )
    return dataset, report


def _check(arguments: argparse.Namespace) -> int:
    _, report = _checked(arguments)
    fail_on = arguments.fail_on or read_settings(Path.cwd()).get("fail-on", "error")
    if arguments.json:
        print(report.to_json(), end="")
    else:
        print(report_text(report, colour=sys.stdout.isatty() and "NO_COLOR" not in os.environ))
    if fail_on == "never":
        return 0
    counted = SEVERITIES[: SEVERITIES.index(fail_on) + 1]
    return 1 if any(report.severities[name] for name in counted) else 0


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
    print("\n".join([f"{plural(len(plan), 'repair')}. {done.summary[0]}", *done.summary[1:]]))
    return 0


def _refuse_standard_output(path: str | None) -> None:
    if path == "-":
        raise RolethreadError(
            "OUT must be a file: it is written whole or not at all, which a pipe cannot promise."
        )


def _export(arguments: argparse.Namespace) -> int:
    settings = read_settings(Path.cwd())
    _refuse_standard_output(arguments.output)
    dataset = _load(arguments, settings)
    if not len(dataset) and arguments.format != "same":
        raise SourceError(f"Nothing to export: no record of {dataset.name} was recognised as a conversation.")
    profile = arguments.profile or settings.get("profile", "chat")
    if arguments.clean:
        dataset.check(profile).repairs().apply()
    kept: set[str] | None = None
    if arguments.where is not None:
        kept = {conversation.key for conversation in dataset.where(arguments.where)}
    if arguments.only_valid:
        valid = dataset.check(profile).valid_keys()
        kept = valid if kept is None else kept & valid
    wanted = kept
    keep = None if wanted is None else (lambda conversation: conversation.key in wanted)
    done = dataset.export(arguments.output, arguments.format, overwrite=arguments.force, keep=keep)
    print("\n".join(done.summary))
    return 0


def _rules(arguments: argparse.Namespace) -> int:
    chosen = [one for one in rules() if arguments.code in (None, one.family)]
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

    roles = _role_map(arguments, {})
    _refuse_what_is_no_data(load(arguments.file, roles=roles))
    path, fresh = write_review_notebook(Path(arguments.file), profile=arguments.profile, roles=roles)
    print(f"{path} written." if fresh else f"{path} is there already and stays as it is.")
    if arguments.no_open:
        return 0
    return open_in_jupyterlab(path, arguments.others)
