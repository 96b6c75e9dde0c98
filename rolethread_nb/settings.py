"""Options that stand in ``rolethread_nb.toml`` or in ``[tool.rolethread_nb]`` of ``pyproject.toml``."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from .core.errors import QueryError
from .core.model import SEVERITIES

FAIL_ON = (*SEVERITIES, "never")
_KNOWN: dict[str, type] = {"profile": str, "fail-on": str, "select": list, "ignore": list, "roles": dict}


def read_settings(folder: Path) -> dict[str, Any]:
    """The settings that hold in a folder: those of the nearest file above it that has any.

    Raises:
        QueryError: if the file is no TOML, or holds an option that does not exist.
    """
    for place in (folder, *folder.parents):
        for name, table in (("rolethread_nb.toml", ()), ("pyproject.toml", ("tool", "rolethread_nb"))):
            path = place / name
            if not path.is_file():
                continue
            try:
                found: Any = tomllib.loads(path.read_text(encoding="utf-8"))
            except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
                if table:
                    continue  # somebody else's file
                raise QueryError(f"{path} is not valid TOML: {problem}.") from None
            for step in table:
                found = found.get(step, {}) if isinstance(found, dict) else {}
            if found and isinstance(found, dict):
                return _checked(found, path)
    return {}


def _checked(found: dict[str, Any], path: Path) -> dict[str, Any]:
    for key, value in found.items():
        if key not in _KNOWN:
            raise QueryError(f"{path} sets {key!r}; there are {', '.join(_KNOWN)}.")
        if not isinstance(value, _KNOWN[key]):
            raise QueryError(f"{path} sets {key!r} to {value!r}, which is no {_KNOWN[key].__name__}.")
    for key in ("select", "ignore"):
        if not all(isinstance(name, str) for name in found.get(key, ())):
            raise QueryError(f"{path} sets {key!r} to {found[key]!r}; it takes a list of codes or families.")
    if (fail_on := found.get("fail-on", "error")) not in FAIL_ON:
        raise QueryError(f"{path} sets 'fail-on' to {fail_on!r}; it takes {', '.join(FAIL_ON)}.")
    return found
