"""Layouts: the one registry of adapters, and what is said of a record that none of them takes.

An adapter says whether a record is its own (``matches``) and where the turns are (``read``). The layout is decided for each
record, the richer one first where several fit. What no adapter matches is reported, never guessed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from .flags import Flagged
from .hints import hint
from .lists import LIST_KEYS, Bare, Described, Messages, Named, ShareGPT, are_texts, is_preference
from .pairs import KTO, Alpaca, DescribedAnswer, Packed, Pairs, PromptCompletion, QueryResponse
from .preference import Preference, text_lists
from .reading import Format, Reading, Slot, escaped, looks_like_message
from .roles import SHAREGPT, understand
from .system_prompt import SystemUnder

__all__ = [
    "Format",
    "Reading",
    "Slot",
    "described",
    "escaped",
    "formats",
    "looks_like_message",
    "no_layout",
    "recognise",
]

BUILT_IN: tuple[Format, ...] = (
    Preference(),
    KTO(),
    Flagged(),
    Messages(),
    ShareGPT(),
    PromptCompletion(),
    Alpaca(),
    QueryResponse(),
    Pairs(),
    Bare(),
    Named(),
    Packed(),
)
_own: dict[str, Format] = {}

_LABEL_LENGTH = 40
# What ``fields`` can name.
LIST_FIELDS = ("messages", "role", "text", "system")
ANSWER_FIELDS = ("prompt", "completion")


def formats() -> tuple[Format, ...]:
    """Every layout that is known: the user's own first, then ours, the richer before the plainer."""
    return (*_own.values(), *BUILT_IN)


def register(form: Format) -> None:
    """Add a layout of the user's; one of the same name is replaced."""
    _own[form.name] = form


def forget(name: str) -> None:
    """Take a layout of the user's out again."""
    _own.pop(name, None)


def described(fields: Mapping[str, str], known: Sequence[Format] | None = None) -> list[Format]:
    """The layouts that the user describes by naming keys.

    Where they name the key of the system prompt, every layout that is ``known`` (None: all) follows, with that key.
    """
    found: list[Format] = []
    if any(name in fields for name in ANSWER_FIELDS):
        found.append(DescribedAnswer(fields))
    if any(name in fields for name in LIST_FIELDS if name != "system"):
        found.append(Described(fields))
    if "system" not in fields:
        return found
    own = _own.values()  # their functions say themselves where the system prompt is
    found += formats() if known is None else known
    return [form if form in own else SystemUnder(form, fields["system"]) for form in found]


def recognise(record: Any, known: tuple[Format, ...] = BUILT_IN) -> Reading | None:
    """The reading of a record by the first layout that matches it."""
    for form in known:
        if form.matches(record):
            return form.read(record)
    return None


# ---------------------------------------------------------------- what no adapter takes


def no_layout(record: Any, known: tuple[Format, ...] = BUILT_IN) -> tuple[str, str]:
    """Why no format took a record: the rule code, and a reason that names what was seen and how it could be read."""
    if isinstance(record, list):
        return "record.no_messages", "a list without a single message in it"
    if not isinstance(record, dict):
        return "record.not_object", f"the record is {describe(record)}, not an object"
    if not record:
        return "record.no_messages", "the object is empty"
    stopped = dict.fromkeys(problem for form in known if (problem := getattr(form, "problem", None)))
    return "record.no_messages", "; ".join([*stopped, _reason(record)])


def _reason(record: dict[str, Any]) -> str:
    if known := hint(record):
        return f"{known}; the keys are {_keys(record)}"
    for key in LIST_KEYS:
        if key in record and not isinstance(record[key], list):
            return f"{key} is {describe(record[key])}, not a list of turns"
        if key in record and are_texts(record[key]):
            return f"{key} is a list of texts, which do not say who speaks; the keys are {_keys(record)}"
    if is_preference(record) and (lists := text_lists(record)):
        are = "is a list" if len(lists) == 1 else "are lists"
        return (
            f"{' and '.join(lists)} {are} of texts, which do not say who speaks; the keys are {_keys(record)}"
        )
    if is_preference(record):
        return f"a preference pair whose sides are no turns; the keys are {_keys(record)}"
    if one := next((key for key in ("chosen", "rejected") if key in record), None):
        other = "rejected" if one == "chosen" else "chosen"
        return f"half of a preference pair: {one} without {other}; the keys are {_keys(record)}"
    seen = f"the keys are {_keys(record)}"
    if tree := next(
        (key for key in ("mapping", "children", "replies") if isinstance(record.get(key), dict | list)), None
    ):
        return f"a tree of messages under {_quoted(tree)}, of which no path is chosen; {seen}"
    if parallel := _parallel(record):
        named = " and ".join(_quoted(key) for key in parallel)
        return f"parallel lists under {named}, which do not say who speaks; {seen}"
    if call := _suggestion(record):
        return f"no list of turns under a known name; {seen}. If they are right, {call} reads it"
    return f"no list of turns under a known name; {seen}"


def _keys(record: dict[str, Any]) -> str:
    named = ", ".join(_quoted(key) for key in list(record)[:12])
    return named + (f" and {len(record) - 12} more" if len(record) > 12 else "")


def _quoted(key: str) -> str:
    return json.dumps(key if len(key) <= 60 else key[:60] + "…", ensure_ascii=False)


def _parallel(record: dict[str, Any]) -> list[str]:
    """Keys of lists of equal length that hold texts, none of which is a list of turns by itself."""
    lists = {
        key: value
        for key, value in record.items()
        if type(value) is list and len(value) > 1 and type(value[0]) in (str, int)
    }
    texts = [key for key, value in lists.items() if type(value[0]) is str]
    same = [key for key in lists if texts and len(lists[key]) == len(lists[texts[0]])]
    return same if texts and (len(same) > 1 or len(texts) == 1) else []


def _suggestion(record: dict[str, Any]) -> str:
    """The call that would read the record, guessed from the shapes of its values: a list of objects, or two texts."""
    for key, value in record.items():
        if type(value) is list and len(value) > 1 and all(type(turn) is dict for turn in value):
            texts = [name for name in value[0] if all(type(turn.get(name)) is str for turn in value)]
            labels = [name for name in texts if _are_labels([turn[name] for turn in value])]
            rest = [name for name in texts if name not in labels]
            if len(labels) == 1 and rest:
                said = max(rest, key=lambda name: sum(len(turn[name]) for turn in value))
                return _call({"messages": key, "role": labels[0], "text": said})
    own = {name: said for name, said in record.items() if not name.endswith("id")}
    if len(own) == 2 and all(type(said) is str for said in own.values()):
        ask, answer = own
        return _call({"prompt": ask, "completion": answer})
    return ""


def _are_labels(values: list[str]) -> bool:
    """Whether texts look like the labels of speakers: words for roles, or names that come again."""
    roles = all(understand(value, SHAREGPT).role is not None for value in values)
    return roles or (len(set(values)) < len(values) and max(map(len, values)) <= _LABEL_LENGTH)


def _call(fields: dict[str, str]) -> str:
    options = " ".join(f"--field {_shell(name, key)}" for name, key in fields.items())
    return f"load(..., fields={fields!r}) ({options})"


def _shell(name: str, key: str) -> str:
    pair = f"{name}={key}"
    return pair if key.replace("_", "").replace("-", "").isalnum() else json.dumps(pair, ensure_ascii=False)


def describe(value: Any) -> str:
    """A value of the wrong kind in words: ``null``, ``the number 5``, ``a text``, ``a list of 3``."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return f"the number {value}"
    if isinstance(value, str):
        return "a text" if value.strip() else "an empty text"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    return "an object"
