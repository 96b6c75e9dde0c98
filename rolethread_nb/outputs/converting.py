"""Conversations one by one in another layout, each with what the layout cannot hold of it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from ..core import splice
from ..core.dataset import Dataset
from ..core.errors import ExportError
from ..core.model import Conversation
from ..sources.decoding import repeated_keys
from ..sources.formats import formats
from ..sources.roles import role_word
from .answers import to_alpaca, to_preference, to_prompt_completion
from .cleaning import cleaned
from .exported import Exported
from .layouts import CannotHold, Loss, Losses, Target, as_message, to_messages, to_sharegpt

Keep = Callable[[Conversation], bool]

TARGETS: dict[str, Target] = {
    "messages": to_messages,
    "sharegpt": to_sharegpt,
    "alpaca": to_alpaca,
    "prompt-completion": to_prompt_completion,
    "preference": to_preference,
}
_LINE_BREAK = re.compile(rb"[ \t\r]*\n[ \t\r\n]*")


def target(name: str) -> Target | None:
    """The layout of a name: one of ours, or the user's own where it can be written."""
    if name in TARGETS:
        return TARGETS[name]
    own = next((form for form in formats() if form.name == name), None)
    write = getattr(own, "write", None)
    return None if write is None else _by_own(name, write)


def _by_own(name: str, write: Callable[[list[dict[str, Any]], Any], Any]) -> Target:
    def lay(conversation: Conversation, losses: Losses) -> Any:
        messages = [as_message(message, turn, losses) for turn, message in enumerate(conversation.messages)]
        try:
            record = write(messages, conversation.raw)
            json.dumps(record)
        except Exception as problem:
            raise CannotHold(
                f"for which the format {name} stopped with {type(problem).__name__}: {problem}"
            ) from None
        return record

    return lay


def converted(
    dataset: Dataset, name: str, keep: Keep | None, done: Exported, *, clean: bool, one_line: bool
) -> Iterator[bytes]:
    """The records in the layout ``name``, as JSON. ``one_line`` lays a record that was spread over lines onto one."""
    lay = target(name)
    if lay is None:
        raise ExportError(f"No format is called {name!r} to export to.")
    for conversation in kept(dataset, keep, done):
        data = dataset.record_bytes(conversation.source_index, conversation.index)
        assert data is not None
        if _is_laid_out_so(conversation, name) and not clean:
            if any(message.label.alias and message.role_key for message in conversation.messages):
                data = _with_standard_roles(conversation, data, done)
            else:
                done.unchanged += (conversation.source_index, conversation.index) not in dataset.edits
            yield on_one_line(data) if one_line and b"\n" in data else data
        else:
            losses = Losses(conversation)
            try:
                record = (
                    conversation.raw if _is_laid_out_so(conversation, name) else lay(conversation, losses)
                )
            except CannotHold as reason:
                refuse(done, conversation, str(reason))
                continue
            if clean:
                record = cleaned(record, losses)
            done.losses.extend(losses.found)
            if repeated_keys(data):
                done.losses.append(_loss(conversation, "Of a key that stood twice the last one was kept"))
            yield _encoded(record, conversation.raw, data)
        done.conversations += 1


def kept(dataset: Dataset, keep: Keep | None, done: Exported) -> Iterator[Conversation]:
    """The conversations that are asked for; the others are counted."""
    for _ in dataset.index.rejected:
        done.leave_out("that could not be read")
    for conversation in dataset:
        if keep is None or keep(conversation):
            yield conversation
        else:
            done.leave_out("not asked for")


def refuse(done: Exported, conversation: Conversation, reason: str) -> None:
    """Note a conversation that the target has no place for."""
    done.leave_out(reason)
    done.refused.append(_loss(conversation, reason))


def _loss(conversation: Conversation, what: str, turn: int | None = None) -> Loss:
    return Loss(conversation.index, turn, what, conversation.source_index)


def _is_laid_out_so(conversation: Conversation, name: str) -> bool:
    """Whether a record is what was asked for already, so that its bytes can stay."""
    raw, reading = conversation.raw, conversation.reading
    if not isinstance(raw, dict) or reading.system is not None:
        return False
    if name == "alpaca":
        usual = reading.system_key == "system" and {"instruction", "input", "output"} <= raw.keys()
        return conversation.format == name and usual
    if name in _LISTS:
        place, role, text = _LISTS[name]
        return reading.pointer == place and reading.slots is None and _has_keys(conversation, role, text)
    if name in _SIDES:
        lists = all(isinstance(raw.get(key), list) for key in _SIDES[name])
        return conversation.format == name and lists and _has_keys(conversation, "role", "content")
    return conversation.format == name


_LISTS = {"messages": ("/messages", "role", "content"), "sharegpt": ("/conversations", "from", "value")}
_SIDES = {"prompt-completion": ("prompt", "completion"), "preference": ("prompt", "chosen", "rejected")}


def _has_keys(conversation: Conversation, role: str, text: str) -> bool:
    """Whether every message keeps its role and its text under the layout's own keys."""
    return all(
        message.role_key in (role, None) and message.content_key in (text, None) and not message.parts
        for message in conversation.messages
    )


def _encoded(record: Any, raw: Any, data: bytes) -> bytes:
    """A record as JSON in the escape style of ``data``; what stands in both under one key keeps its bytes."""
    if not isinstance(record, dict) or not isinstance(raw, dict):
        return splice.encoded_like(data, record)
    members = splice.members(data)
    pieces = []
    for key, value in record.items():
        stays = key in raw and raw[key] is value and key in members
        said = on_one_line(members[key]) if stays else splice.encoded_like(data, value)
        pieces.append(splice.encoded_like(data, key) + b": " + said)
    return b"{" + b", ".join(pieces) + b"}"


def _with_standard_roles(conversation: Conversation, data: bytes, done: Exported) -> bytes:
    """A record that is laid out as asked for, with the standard words for its roles."""
    words = {}
    for turn, message in enumerate(conversation.messages):
        if message.label.alias and message.role is not None and message.role_key is not None:
            words[message.role_pointer] = role_word(message.role, conversation.format)
            done.losses.append(
                _loss(conversation, "Another spelling of a role became the standard word", turn)
            )
    return splice.replace_all(data, words)


def on_one_line(data: bytes) -> bytes:
    """A record that was spread over lines, on one. A line break cannot stand inside a JSON string, so only layout goes."""
    return _LINE_BREAK.sub(b" ", data) if b"\n" in data else data
