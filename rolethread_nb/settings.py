"""Options that stand in ``rolethread_nb.toml`` or in ``[tool.rolethread_nb]`` of ``pyproject.toml``, and where each value came from.

The command line and Python look in the same place: above the data, so that a check says the same in a notebook and in CI.
"""

from __future__ import annotations

import math
import os
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Any

from .core.errors import QueryError
from .core.model import SEVERITIES

FAIL_ON = (*SEVERITIES, "never")
DEFAULT, ARGUMENT = "default", "argument"

_DEFAULTS: dict[str, Any] = {
    "profile": "chat",
    "select": None,
    "ignore": None,
    "where": None,
    "baseline": None,
    "fail-on": "error",
    "gate": None,
}
_TABLES = ("roles", "fields", "thresholds")
_KNOWN: dict[str, type] = {
    "profile": str,
    "select": list,
    "ignore": list,
    "fail-on": str,
    "baseline": str,
    "gate": str,
    "roles": dict,
    "fields": dict,
    "thresholds": dict,
}
_KINDS: dict[type, str] = {str: "text", list: "list", dict: "table"}


@dataclass(frozen=True, slots=True)
class Setting:
    """One value, and where it came from: ``default``, ``argument``, or the name of a file."""

    value: Any
    origin: str = DEFAULT


class Settings:
    """The values that hold for a dataset.

    ``settings["profile"]`` is a value; tables are flat (``settings["roles.client"]``, ``settings["thresholds.dup.prompt.words"]``)
    and :meth:`table` gives one of them. Never changed in place.
    """

    def __init__(self, values: Mapping[str, Setting] | None = None) -> None:
        self._values = {name: Setting(value) for name, value in _DEFAULTS.items()} | dict(values or {})

    def __getitem__(self, name: str) -> Any:
        return self._values[name].value

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __contains__(self, name: object) -> bool:
        return name in self._values

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Settings) and self._values == other._values

    __hash__ = None  # type: ignore[assignment]

    def origin(self, name: str) -> str:
        """Where a value came from."""
        return self._values[name].origin

    def table(self, name: str) -> dict[str, Any]:
        """The entries of ``roles``, ``fields`` or ``thresholds``."""
        start = f"{name}."
        return {
            key.removeprefix(start): one.value for key, one in self._values.items() if key.startswith(start)
        }

    def given(self, values: Mapping[str, Any], origin: str = ARGUMENT) -> Settings:
        """These settings with others on top; None says nothing, entries of a table are put beside those that are there."""
        changed = dict(self._values)
        for name, value in values.items():
            if value is None:
                continue
            if name in _TABLES:
                changed |= {f"{name}.{key}": Setting(entry, origin) for key, entry in value.items()}
            else:
                changed[name] = Setting(value, origin)
        return Settings(changed)

    def without(self, name: str) -> Settings:
        """These settings with one value as it is by default, because it was asked for."""
        return Settings({**self._values, name: Setting(_DEFAULTS[name], ARGUMENT)})

    def blamed(self, name: str, problem: QueryError) -> QueryError:
        """The refusal of a value, with the file that it stands in."""
        origin = self.origin(name)
        return problem if origin in (DEFAULT, ARGUMENT) else QueryError(f"{origin}: {problem}")

    def as_dict(self) -> dict[str, dict[str, Any]]:
        """Every value as ``{"value": ..., "from": ...}``; paths as they are shown."""
        return {name: {"value": _plain(one.value), "from": one.origin} for name, one in self._values.items()}

    @property
    def summary(self) -> str:
        """One line: the profile, and every value that is not the default with where it came from."""
        said = []
        for name, one in self._values.items():
            if one.origin == DEFAULT and name != "profile":
                continue
            value = _plain(one.value)
            text = (
                ",".join(value)
                if isinstance(value, list)
                else f"{value:g}"
                if isinstance(value, float)
                else value
            )
            origin = "" if one.origin == DEFAULT else f" ({one.origin})"
            said.append(f"{name.removeprefix('thresholds.')} {text}{origin}")
        return ", ".join(said)

    @property
    def changed(self) -> bool:
        """Whether any value is not the default."""
        return any(one.origin != DEFAULT for one in self._values.values())

    def __repr__(self) -> str:
        return f"<Settings: {self.summary}; the rest by default>"


def find_settings(paths: Sequence[Path]) -> Settings:
    """The settings for data at some paths.

    They are those of the nearest settings file above the data (above the folder that several files share). Where there is none, or
    the data is no file: of the nearest above the working directory. Of two files in one folder ``rolethread_nb.toml`` counts.

    Raises:
        QueryError: if the file is no TOML, or holds an option that does not exist.
    """
    folders = []
    if paths:
        places = [os.path.dirname(os.path.abspath(path)) for path in paths]  # noqa: PTH100, PTH120 - without ".."
        try:
            folders.append(Path(os.path.commonpath(places)))
        except ValueError:  # on different drives
            folders.append(Path(places[0]))
    for folder in (*folders, _here()):
        for place in (folder, *folder.parents):
            for name in ("rolethread_nb.toml", "pyproject.toml"):
                if (found := _read(place / name)) is not None:
                    return found
    return Settings()


def read_settings(path: Path) -> Settings:
    """The settings of one file.

    Raises:
        QueryError: if there is no such file, or it holds no settings of ours, or ones that do not exist.
    """
    if not path.is_file():
        raise QueryError(f"There is no settings file {path}.")
    found = _read(path, asked=True)
    if found is None:
        raise QueryError(f"{path} holds no table [tool.rolethread_nb].")
    return found


def _read(path: Path, *, asked: bool = False) -> Settings | None:
    """The settings of a file, None where it says nothing to us."""
    try:
        stamp = path.stat()
        if not path.is_file():
            return None
        table = _table(path, stamp.st_mtime_ns, stamp.st_size, asked)
    except OSError as problem:
        if asked:
            raise QueryError(f"The settings {path} cannot be read: {problem.strerror}.") from None
        return None
    if table is None:
        return None
    checked = _checked(table, path)
    return Settings().given(checked, shown(path))


@lru_cache(maxsize=64)
def _table(path: Path, _changed: int, _size: int, asked: bool) -> dict[str, Any] | None:
    somebody_elses = path.name == "pyproject.toml"
    try:
        found: Any = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as problem:
        if somebody_elses and not asked:
            return None
        raise QueryError(f"{path} is not valid TOML: {problem}.") from None
    if somebody_elses:
        for step in ("tool", "rolethread_nb"):
            found = found.get(step) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else None


def _checked(found: Mapping[str, Any], path: Path) -> dict[str, Any]:
    for key, value in found.items():
        if key not in _KNOWN:
            near = get_close_matches(key, _KNOWN, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(_KNOWN)}."
            raise QueryError(f"{path} sets {key!r}; {hint}")
        if not isinstance(value, _KNOWN[key]):
            raise QueryError(f"{path} sets {key!r} to {value!r}, which is no {_KINDS[_KNOWN[key]]}.")
    for key in ("select", "ignore"):
        if not all(isinstance(name, str) for name in found.get(key, ())):
            raise QueryError(f"{path} sets {key!r} to {found[key]!r}; it takes a list of codes or families.")
    for key in ("roles", "fields"):
        for name, value in found.get(key, {}).items():
            if not isinstance(value, str):
                raise QueryError(f"{path} sets {name!r} in {key!r} to {value!r}, which is no text.")
    if (fail_on := found.get("fail-on", "error")) not in FAIL_ON:
        raise QueryError(f"{path} sets 'fail-on' to {fail_on!r}; it takes {', '.join(FAIL_ON)}.")
    checked = dict(found)
    if "thresholds" in found:
        try:
            checked["thresholds"] = flat_thresholds(found["thresholds"])
        except QueryError as problem:
            raise QueryError(f"{path}: {problem}") from None
    for key in ("baseline", "gate"):
        if key in found:
            checked[key] = path.absolute().parent / found[key]
    return checked


def flat_thresholds(given: Mapping[str, Any]) -> dict[str, float]:
    """Thresholds as ``{"dup.prompt.words": 5}``, from that or from tables by code (``{"dup.prompt": {"words": 5}}``).

    Raises:
        QueryError: if a value is no number.
    """
    flat: dict[str, float] = {}
    for name, value in given.items():
        if isinstance(value, Mapping):
            flat |= {f"{name}.{rest}": number for rest, number in flat_thresholds(value).items()}
        elif isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
            raise QueryError(f"The threshold {name!r} is set to {value!r}, which is no number.")
        else:
            flat[str(name)] = value
    return flat


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return shown(value)
    return list(value) if isinstance(value, tuple) else value


def _here() -> Path:
    try:
        return Path.cwd()
    except OSError:  # the folder is gone
        return Path(os.sep)


def shown(path: Path) -> str:
    """A path as a person would type it here: relative where it is above or below the working directory."""
    path, here = Path(os.path.abspath(path)), _here()  # noqa: PTH100 - without ".."
    if path.is_relative_to(here) or here.is_relative_to(path.parent):
        return os.path.relpath(path, here)
    return str(path)
