"""What a record is that no adapter takes, where its keys or its text say so, and how it can be read.

A hint names the thing and the keys that showed it. It never leads to a reading by itself.
"""

from __future__ import annotations

import json
from typing import Any

from .flags import flag_of
from .reading import ROLE_KEYS

_BRANCHES = ("replies", "children")
_ASKS = ("instruction", "prompt", "question", "query", "input")
_ANSWERS = ("response", "completion", "answer", "output", "text", "content", "generation")
# The marks of chat templates, the more telling ones first.
_RENDERED = (
    ("<|start_header_id|>", "Llama 3"),
    ("<|header_start|>", "Llama 4"),
    ("<start_of_turn>", "Gemma"),
    ("<|START_OF_TURN_TOKEN|>", "Cohere"),
    ("<|start_of_role|>", "Granite"),
    ("<|im_sep|>", "Phi-4"),
    ("<|im_start|>", "ChatML"),
    ("<｜User｜>", "DeepSeek"),
    ("<<SYS>>", "Llama 2"),
    ("[INST]", "Llama 2 or Mistral"),
    ("<|user|>", "Zephyr or Phi-3"),
    ("<|assistant|>", "Zephyr or Phi-3"),
)
_HEAD = ("user_name", "character_name")


def hint(record: dict[str, Any]) -> str:
    """What a record is and how it could be read; empty if nothing is known about it."""
    return (
        _rendered(record)
        or _tree(record)
        or _several_answers(record)
        or _one_message(record)
        or _head(record)
    )


def _quoted(text: str) -> str:
    return json.dumps(text if len(text) <= 60 else text[:60] + "…", ensure_ascii=False)


def _named(keys: Any) -> str:
    listed = list(keys)
    return ", ".join(map(_quoted, listed[:8])) + (f" and {len(listed) - 8} more" if len(listed) > 8 else "")


def _rendered(record: dict[str, Any]) -> str:
    for key, text in record.items():
        if type(text) is not str:
            continue
        for mark, family in _RENDERED:
            if mark in text:
                return (
                    f"{_quoted(key)} is already rendered with a {family} chat template ({mark}): rt.register_format can cut it,"
                    " or load what it was made from"
                )
    return ""


def _tree(record: dict[str, Any]) -> str:
    for key, value in record.items():
        if type(value) is not dict:
            continue
        branch = next((name for name in _BRANCHES if type(value.get(name)) is list), None)
        if branch is not None:
            return (
                f"a tree of messages under {_quoted(key)}, {_quoted(branch)} are its branches: several conversations;"
                f" rt.register_format can list a path; a message has {_named(value)}"
            )
    return ""


def _several_answers(record: dict[str, Any]) -> str:
    ask = next((key for key in _ASKS if type(record.get(key)) is str), None)
    if ask is None:
        return ""
    for key, answers in record.items():
        if type(answers) is not list or not answers or not all(type(one) is dict for one in answers):
            continue
        text = next((name for name in _ANSWERS if all(type(one.get(name)) is str for one in answers)), None)
        if text is None or any(name in one for one in answers for name in ROLE_KEYS):
            continue
        return (
            f"{len(answers)} parallel answers to {_quoted(ask)} under {_quoted(key)} ({_quoted(text)}), none chosen:"
            f" rt.register_format can take one; an answer has {_named(answers[0])}"
        )
    return ""


def _one_message(record: dict[str, Any]) -> str:
    if (keys := flag_of(record)) is None:
        return ""
    whose = "a SillyTavern chat" if "mes" in record else "a chat"
    return f"one message a line: {whose} ({_named(keys)}); rt.load([{{'chat': lines}}]) reads its lines as one conversation"


def _head(record: dict[str, Any]) -> str:
    if not all(key in record for key in _HEAD):
        return ""
    return (
        f"the first line of a SillyTavern chat ({_named(_HEAD)}), without a message; rt.load([{{'chat': lines}}]) reads the lines"
        " after it"
    )
