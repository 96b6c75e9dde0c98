"""What a template is given: messages rebuilt from plain JSON values, as `transformers` rebuilds them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

# Names a message's reasoning is passed under. Templates read the first; those of GPT-OSS read the second.
REASONING_KEYS = ("reasoning_content", "thinking", "reasoning")
_REASONING = frozenset(REASONING_KEYS)

_EXACT = frozenset({str, int, float, bool, type(None)})


def prepared(messages: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Copies of the messages: keys whose value is null left out, reasoning under the names that templates read."""
    ready = []
    for message in messages:
        copy = {
            key: value if type(value) is str else plain(value)
            for key, value in message.items()
            if value is not None
        }
        if not _REASONING.isdisjoint(copy):
            reasoning = next(copy[key] for key in REASONING_KEYS if key in copy)
            copy = {"thinking": reasoning, **copy, "reasoning_content": reasoning}
        ready.append(copy)
    return ready


def plain(value: Any) -> Any:
    """The same out of plain JSON types; an object of another kind becomes its type's name, ``<Image>``."""
    kind = type(value)
    if kind in _EXACT:
        return value
    if isinstance(value, Mapping):
        return {plain(key): plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, tuple):
        return tuple(plain(item) for item in value)
    # Of a subclass only the plain value: its own methods are nothing for a template.
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int.__int__(value)
    if isinstance(value, float):
        return float.__float__(value)
    return f"<{kind.__name__}>"
