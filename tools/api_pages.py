"""The pages of the API, made from the docstrings, and the table of docs/api.md that leads to them."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from types import FunctionType
from typing import Any

import rolethread_nb as rt


@dataclass(frozen=True)
class Group:
    """One page: names of ``rolethread_nb``, or ``module.Name`` below it for what its functions give back.

    Attributes:
        title: the heading.
        says: a sentence or two about all of them.
        names: in the order of the page.
        without: members that the rooms of the package use among themselves.
    """

    title: str
    says: str
    names: tuple[str, ...]
    without: tuple[str, ...] = ()


GROUPS = {
    "load": Group(
        "Loading and comparing",
        "Where everything begins.",
        ("load", "compare", "Comparison", "register_format", "forget_format", "Turn"),
    ),
    "dataset": Group(
        "Dataset",
        "What `rt.load` gives back: conversations, and everything that is done with them.",
        ("Dataset", "core.dividing.Division", "core.sampling.Sample", "outputs.exported.Exported"),
        tuple(
            "blocks index some edits version record_count record_span record_bytes conversation_at reread"
            " block_of states_of record_named apply".split()
        ),
    ),
    "conversation": Group(
        "Conversation and message",
        "What a dataset consists of.",
        ("Conversation", "Message"),
        ("pointer_at", "rewritten", "placed", "parts", "label"),
    ),
    "report": Group(
        "Report, findings and repairs",
        "What a check gives back.",
        (
            "Report",
            "Issue",
            "core.repair.Plan",
            "core.repair.Preview",
            "health.card.Card",
            "gates.results.Gates",
        ),
    ),
    "rules": Group(
        "Rules and language packs",
        "Rules of your own and the words that they read.",
        ("rule", "forget_rule", "language_pack", "forget_language_pack", "vocabulary"),
    ),
    "balance": Group(
        "Balance and duplicates",
        "What a dataset consists of, in numbers.",
        (
            "balance.distributions.Distributions",
            "core.duplicate_groups.Duplicates",
            "core.duplicate_groups.DuplicateGroup",
            "core.duplicate_groups.Dropped",
            "core.leakage.Leakage",
        ),
    ),
    "training": Group(
        "Preflight and witness",
        "What a trainer would do, and what it does.",
        ("Preflight", "training.lengths.Lengths", "witness", "Witness", "training.witnessed.WitnessRow"),
        ("lock",),
    ),
    "components": Group(
        "Components",
        "What is shown in a notebook. Each has the traits `state`, `selection`, `filters`, `changes` and `error`"
        " ([protocol](../protocol.md#traits)) and can be written to [a file of its own](../freeze.md).",
        ("review", "Review", "Thread", "Issues", "Balance", "PreflightPanel", "WitnessPanel", "freeze"),
    ),
    "errors": Group(
        "Errors",
        "Every error that is raised on purpose is one plain sentence; [troubleshooting](../troubleshooting.md)"
        " begins with them.",
        (
            "RolethreadError",
            "SourceError",
            "SourceChangedError",
            "QueryError",
            "RuleError",
            "StalePlanError",
            "ExportError",
            "WitnessError",
        ),
    ),
}


def api_pages() -> dict[str, str]:
    """The pages by the name of their files."""
    return {f"api/{name}.md": _page(group) for name, group in GROUPS.items()}


def api_table() -> str:
    """Every public name with the first sentence of its docstring, page by page."""
    return "\n".join(line for name, group in GROUPS.items() for line in _rows(name, group))


def with_links(page: str) -> str:
    """The text of docs/api.md with a link from each name and heading to where it is described."""
    pages = {group.title: name for name, group in GROUPS.items()}
    page = re.sub(r"^\| `rt\.(\w+)`", r"| {py:obj}`rt.\1 <rolethread_nb.\1>`", page, flags=re.MULTILINE)
    page = re.sub(
        r"^\| `rolethread_nb\.([\w.]+)\.(\w+)`",
        r"| {py:obj}`\2 <rolethread_nb.\1.\2>`",
        page,
        flags=re.MULTILINE,
    )
    page = re.sub(
        r"^## (.+)$",
        lambda m: f"## [{m[1]}](api/{pages[m[1]]}.md)" if m[1] in pages else m[0],
        page,
        flags=re.MULTILINE,
    )
    return page + "\n```{toctree}\n:hidden:\n\n" + "\n".join(f"api/{name}" for name in GROUPS) + "\n```\n"


def _rows(name: str, group: Group) -> Iterator[str]:
    yield from (f"## {group.title}", "", "| name | what it is |", "|---|---|")
    for dotted in group.names:
        shown = f"rolethread_nb.{dotted}" if "." in dotted else f"rt.{dotted}"
        yield f"| `{shown}` | {_first_sentence(_found(dotted))} |"
    yield ""


def _found(dotted: str) -> Any:
    module, _, name = dotted.rpartition(".")
    return getattr(import_module(f"rolethread_nb.{module}") if module else rt, name)


def _first_sentence(thing: Any) -> str:
    text = " ".join((inspect.getdoc(thing) or "").split("\n\n")[0].split())
    sentence = re.match(r".*?[.:](?= [A-Z]|$)", text)
    text = (sentence[0] if sentence else text).rstrip(":")
    return re.sub(r":\w+:`([^`]+)`", r"`\1`", text).replace("``", "`").replace("|", "\\|")


def _page(group: Group) -> str:
    return f"# {group.title}\n\n{group.says}\n\n```{{eval-rst}}\n" + "".join(_directives(group)) + "```\n"


def _directives(group: Group) -> Iterator[str]:
    for dotted in group.names:
        thing = _found(dotted)
        target = f"rolethread_nb.{dotted}"
        if inspect.ismodule(thing):
            yield f".. automodule:: {target}\n   :no-members:\n\n"
        elif inspect.isclass(thing) and issubclass(thing, BaseException):
            yield f".. autoexception:: {target}\n   :show-inheritance:\n\n"
        elif inspect.isclass(thing):
            members = ", ".join(_members(thing, group.without))
            yield f".. autoclass:: {target}\n"
            yield (f"   :members: {members}\n" if members else "") + "\n"
        else:
            yield f".. autofunction:: {target}\n\n"


def _members(thing: type, without: Sequence[str]) -> list[str]:
    """What a class of ours has in public, as it stands in the source; nothing of the libraries it rests on."""
    ours = [base for base in thing.__mro__ if base.__module__.startswith("rolethread_nb")]
    names = [name for base in ours for name, value in vars(base).items() if _is_described(name, value)]
    return [name for name in dict.fromkeys(names) if name not in without]


def _is_described(name: str, value: Any) -> bool:
    kinds = (FunctionType, property, cached_property, classmethod, staticmethod)
    return not name.startswith("_") and isinstance(value, kinds) and bool(value.__doc__)
