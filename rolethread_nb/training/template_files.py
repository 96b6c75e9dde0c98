"""Where chat templates are kept: a tokenizer, its folder or files, an installed package, a text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..core.errors import SourceError
from .chatml import CHATML

SPECIAL_TOKENS = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")

# Installed packages that ship templates, and where.
PACKAGES = {"trl": "chat_templates", "axolotl": "utils/chat_templates/templates"}

_CONFIG = "tokenizer_config.json"
_SINGLE = "chat_template.jinja"
_NAMED = "additional_chat_templates"
_TOKENS = "special_tokens_map.json"


class TemplateSourceError(SourceError):
    """A chat template cannot be found, read or understood."""


@dataclass(frozen=True, slots=True)
class Found:
    """Templates as they were found.

    Attributes:
        name: what to call them before a person.
        texts: template by name; the usual one is ``default``, the one for conversations with tools ``tool_use``.
        special_tokens: texts of the special tokens by the name a template knows them under.
    """

    name: str
    texts: Mapping[str, str]
    special_tokens: Mapping[str, str] = field(default_factory=dict)


def find(source: object) -> Found:
    """The templates of ``source`` (ChatTemplate.of says what it may be).

    Raises:
        TemplateSourceError: there is none, or it cannot be read.
    """
    if source is None or source == "chatml":
        return Found("chatml", {"default": CHATML}, {"bos_token": "", "eos_token": "<|im_end|>"})
    if isinstance(source, Path):
        return _of_path(source)
    if isinstance(source, str):
        return _of_text(source)
    if hasattr(source, "chat_template"):
        return _of_tokenizer(source)
    raise TemplateSourceError(
        f"A chat template is read from a tokenizer, a path, a template's text or a name, not from {type(source).__name__}."
    )


def _of_text(source: str) -> Found:
    package, colon, name = source.partition(":")
    if colon and package in PACKAGES:
        return _of_package(package, name)
    if "{{" in source or "{%" in source:
        return Found("template", {"default": source})
    return _of_path(Path(source).expanduser())


def _of_package(package: str, name: str) -> Found:
    spec = find_spec(package)  # finds a package without importing it
    if spec is None or not spec.submodule_search_locations:
        raise TemplateSourceError(f"{package} is not installed, so its template {name!r} cannot be read.")
    folder = Path(next(iter(spec.submodule_search_locations)), PACKAGES[package])
    known = {path.stem: path for path in sorted(folder.glob("*.jinja"))}
    if name not in known:
        close = get_close_matches(name, known, n=3)
        meant = f"; did you mean {' or '.join(close)}?" if close else "."
        raise TemplateSourceError(f"{package} has no chat template {name!r}{meant}")
    return Found(f"{package}:{name}", {"default": _read(known[name])})


def _of_path(path: Path) -> Found:
    if path.is_dir():
        return _of_folder(path)
    if not path.is_file():
        raise TemplateSourceError(f"There is no chat template {str(path)!r}: no such file, folder or name.")
    if path.suffix == ".json":
        return _of_folder(path.parent, path)
    return Found(path.name, {"default": _read(path)}, _tokens_beside(path.parent))


def _of_folder(folder: Path, config: Path | None = None) -> Found:
    config = config or folder / _CONFIG
    settings = _json(config) if config.is_file() else {}
    texts = _texts(settings.get("chat_template"), str(config))
    # Files of their own stand above the settings, as in `transformers`.
    if (single := folder / _SINGLE).is_file():
        texts["default"] = _read(single)
    texts |= {path.stem: _read(path) for path in sorted(folder.glob(f"{_NAMED}/*.jinja"))}
    if not texts:
        raise TemplateSourceError(
            f"{folder} holds no chat template: neither in {config.name} nor in {_SINGLE}."
        )
    return Found(folder.name, texts, _tokens_beside(folder) | _tokens(settings))


def _of_tokenizer(tokenizer: Any) -> Found:
    name = getattr(tokenizer, "name_or_path", None)
    name = name if isinstance(name, str) and name else type(tokenizer).__name__
    texts = _texts(tokenizer.chat_template, name)
    if not texts:
        raise TemplateSourceError(f"The tokenizer {name} has no chat template.")
    tokens = {key: value for key in SPECIAL_TOKENS if (value := getattr(tokenizer, key, None)) is not None}
    known = getattr(tokenizer, "special_tokens_map", None)
    return Found(name, texts, _tokens(tokens) | _tokens(known if isinstance(known, Mapping) else {}))


def _texts(given: Any, where: str) -> dict[str, str]:
    if given is None:
        return {}
    if isinstance(given, str):
        return {"default": given}
    if isinstance(given, Mapping):
        named = dict(given)
    elif isinstance(given, list) and all(isinstance(one, Mapping) for one in given):
        named = {one.get("name"): one.get("template") for one in given}
    else:
        named = {"": None}
    if not all(isinstance(key, str) and isinstance(text, str) for key, text in named.items()):
        raise TemplateSourceError(f"The chat template of {where} is neither a text nor named texts.")
    return named


def _tokens(given: Mapping[str, Any]) -> dict[str, str]:
    """The special tokens of a tokenizer's settings: texts, or objects that hold one under ``content``."""
    found = {}
    for key in SPECIAL_TOKENS:
        value = given.get(key)
        content = value.get("content") if isinstance(value, Mapping) else getattr(value, "content", value)
        if isinstance(content, str):
            found[key] = content
    return found


def _tokens_beside(folder: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in (_TOKENS, _CONFIG):
        if (path := folder / name).is_file():
            found |= _tokens(_json(path))
    return found


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise TemplateSourceError(f"{path} cannot be read: {error}.") from None


def _json(path: Path) -> Mapping[str, Any]:
    try:
        settings = json.loads(_read(path))
    except (ValueError, RecursionError) as error:
        raise TemplateSourceError(f"{path} is not JSON: {error}.") from None
    if not isinstance(settings, dict):
        raise TemplateSourceError(f"{path} holds no settings of a tokenizer.")
    return settings
