"""The command line's options: what each command takes, and what its help says."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import NoReturn

from ._version import __version__
from .checks.catalogue import PROFILES
from .settings import FAIL_ON


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}\n")


def parser() -> argparse.ArgumentParser:
    """The parser of the command line; ``command`` of what it gives names the command."""
    whole = _Parser(
        prog="rolethread-nb", description="Look at, check and mend conversational fine-tuning datasets."
    )
    whole.add_argument("--version", action="version", version=f"rolethread-nb {__version__}")
    commands = whole.add_subparsers(dest="command", required=True, metavar="COMMAND")

    check = commands.add_parser("check", help="report what is wrong with a dataset")
    _reading(check)
    check.add_argument(
        "--fail-on",
        choices=FAIL_ON,
        help="exit 1 from this severity on (default: error; with gates: what they say)",
    )
    check.add_argument("--gate", metavar="FILE", help="exit 1 if a limit in this file is not kept")
    _choosing(check)
    check.add_argument("--baseline", metavar="FILE", help="report only findings that this file does not know")
    check.add_argument(
        "--write-baseline",
        action="store_true",
        help="write all findings into the baseline: they are known from now on",
    )
    check.add_argument("--json", action="store_true", help="print one JSON object")
    check.add_argument(
        "--sarif", metavar="FILE", help="write the findings as SARIF as well, for code scanning"
    )
    check.add_argument("--markdown", metavar="FILE", help="write a summary in Markdown as well")

    repair = commands.add_parser("repair", help="write a repaired copy")
    _reading(repair)
    repair.add_argument("-o", "--output", metavar="OUT", help="the copy; its extension picks the compression")
    _choosing(repair)
    repair.add_argument("--unsafe", action="store_true", help="also repair what may change the meaning")
    repair.add_argument("--diff", action="store_true", help="only show what would change")
    repair.add_argument("--force", action="store_true", help="replace OUT if it exists")

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

    _preflight_options(
        commands.add_parser("preflight", help="say what trainers would do with each conversation")
    )

    compared = commands.add_parser("compare", help="say what differs between two versions of a dataset")
    compared.add_argument("before", metavar="BEFORE")
    compared.add_argument("after", metavar="AFTER", help="one of the two may be - for standard input")
    _meaning(compared)
    compared.add_argument("--json", action="store_true", help="print one JSON object")

    catalogue = commands.add_parser("rules", help="list the rules, or show the page of one")
    catalogue.add_argument("code", nargs="?", metavar="CODE", help="a code for its page, or a family")
    catalogue.add_argument("--json", action="store_true")
    catalogue.add_argument("--markdown", action="store_true", help="the reference page of the documentation")

    review = commands.add_parser(
        "review", help="write a review notebook beside the file and open it in JupyterLab"
    )
    review.add_argument("file", metavar="FILE", help="a file or folder")
    _meaning(review, PROFILES)
    review.add_argument("--no-open", action="store_true", help="only write the notebook")

    _freeze_options(commands.add_parser("freeze", help="make a notebook's outputs readable without a kernel"))
    return whole


def _freeze_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("notebook", metavar="NOTEBOOK")
    parser.add_argument("-o", "--output", metavar="OUT", help="default: NOTEBOOK itself is replaced")
    parser.add_argument("--force", action="store_true", help="replace OUT if it exists")


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
