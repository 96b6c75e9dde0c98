"""The registry of trainers."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from functools import cache
from importlib import metadata

from ...core.errors import QueryError
from ...core.wording import names_in
from .target import Target

# In the order in which they are shown. A module is imported when its trainer is asked for.
_MODULES = {
    "trl": "trl",
    "trl-dpo": "trl_preference",
    "trl-kto": "trl_preference",
    "unsloth": "unsloth",
    "axolotl": "axolotl",
    "llamafactory": "llamafactory",
    "together": "together",
    "mistral": "mistral",
    "openai": "openai",
    "fireworks": "fireworks",
}
NAMES = tuple(_MODULES)


@cache
def target(name: str) -> Target:
    """The trainer of a name.

    Raises:
        QueryError: if none has it.
    """
    if name not in _MODULES:
        raise QueryError(f"No trainer is called {name!r}; there are {', '.join(NAMES)}.")
    module = importlib.import_module(f".{_MODULES[name]}", __package__)
    found: Target = next(one for one in module.TARGETS if one.name == name)
    return found


def chosen(names: Iterable[str] | str | None) -> list[Target]:
    """Several trainers by name, ``all`` for every one; None: TRL's supervised fine-tuning.

    Raises:
        QueryError: if a name is not known.
    """
    wanted = names_in(names if names is None or isinstance(names, str) else list(names)) or ["trl"]
    if "all" in wanted:
        wanted = list(NAMES)
    return [target(name) for name in dict.fromkeys(wanted)]


def installed(one: Target) -> str | None:
    """The version of the trainer's package that is installed here; None if it is not, or is a hosted service."""
    if one.package is None:
        return None
    try:
        return metadata.version(one.package)
    except metadata.PackageNotFoundError:
        return None
