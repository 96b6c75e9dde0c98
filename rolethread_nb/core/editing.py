"""Editing by hand: what a record becomes when a turn is rewritten, put in, taken out, or two conversations are joined."""

from __future__ import annotations

import copy
from typing import Any

from ..sources.roles import Role, role_word
from . import splice
from .blocks import canonical_json
from .errors import QueryError
from .model import Conversation, Message


class EditError(QueryError):
    """A turn cannot be edited that way in the layout of its record."""


def with_text(conversation: Conversation, data: bytes, turn: int, text: str) -> bytes:
    """The record with another text in a turn.

    Raises:
        EditError: if the turn's text is not one string of the record.
    """
    message = _message(conversation, turn)
    changes = message.rewritten(lambda before: text)
    if not changes and message.placed and message.content is None and message.content_key is not None:
        changes = [(message.content_pointer, "", text)]
    if len(changes) != 1:
        if not changes and message.text == text:
            return data
        parts = f"{len(changes)} parts" if changes else "no text that could be edited"
        raise EditError(f"Turn {turn} of {conversation.id} has {parts}; edit the record itself.")
    ((pointer, _, after),) = changes
    return splice.replace(data, pointer, after)


def with_role(conversation: Conversation, data: bytes, turn: int, role: Role) -> bytes:
    """The record with another role for a turn, in the word of its layout.

    Raises:
        EditError: if the layout says the role by the place of the turn.
    """
    message = _message(conversation, turn)
    if message.role_key is None or not message.placed:
        raise EditError(f"Turn {turn} of {conversation.id} says no role that could be changed.")
    return splice.replace(data, message.role_pointer, role_word(role, conversation.format))


def with_speaker(conversation: Conversation, data: bytes, turn: int, name: str | None) -> bytes:
    """The record with another speaker's name in a turn; None takes the name away.

    Raises:
        EditError: if the turn cannot hold a name.
    """
    message = _message(conversation, turn)
    if not isinstance(message.raw, dict) or not message.placed:
        raise EditError(f"Turn {turn} of {conversation.id} has no place for a speaker's name.")
    pointer = f"{message.pointer}/name"
    if "name" not in message.raw:
        return data if name is None else splice.append(data, message.pointer, name, key="name")
    return splice.remove(data, pointer) if name is None else splice.replace(data, pointer, name)


def with_turn(conversation: Conversation, data: bytes, at: int, role: Role, text: str) -> bytes:
    """The record with one more turn before the one at ``at`` (behind the last: its number of turns).

    Raises:
        EditError: if the layout has one place for each turn, or no turn shows how one is written.
    """
    messages = conversation.messages
    _refuse_fixed(conversation, "put in")
    if not 0 <= at <= len(messages):
        raise EditError(f"{conversation.id} has {len(messages)} turns; a turn cannot be put before {at}.")
    model = next((one for one in messages if one.role_key is not None and one.content_key is not None), None)
    if model is None or model.role_key is None or model.content_key is None:
        raise EditError(f"No turn of {conversation.id} shows how a turn is written in its layout.")
    turn = {model.role_key: role_word(role, conversation.format), model.content_key: text}
    listed = [one for one in messages[at:] if _in_list(conversation, one)]
    if listed:
        return splice.insert(data, listed[0].pointer, turn)
    return splice.append(data, conversation.reading.pointer, turn)


def without_turn(conversation: Conversation, data: bytes, turn: int) -> bytes:
    """The record without a turn.

    Raises:
        EditError: if the layout has one place for each turn.
    """
    message = _message(conversation, turn)
    _refuse_fixed(conversation, "taken out")
    return splice.remove(data, message.pointer)


def with_merged(conversation: Conversation, data: bytes, turn: int) -> bytes:
    """The record with a turn and the next one made one: their texts with an empty line between.

    Raises:
        EditError: if they are not two texts of one role, or differ in more than their text.
    """
    first, second = _message(conversation, turn), _message(conversation, turn + 1)
    _refuse_fixed(conversation, "joined")
    if first.role != second.role or _beside(first) != _beside(second):
        raise EditError(f"Turns {turn} and {turn + 1} of {conversation.id} differ in more than their text.")
    if not (isinstance(first.content, str) and isinstance(second.content, str)):
        raise EditError(f"Turns {turn} and {turn + 1} of {conversation.id} are not both plain texts.")
    return splice.remove(
        splice.replace(data, first.content_pointer, f"{first.text}\n\n{second.text}"), second.pointer
    )


def joined(first: Conversation, data: bytes, second: Conversation) -> bytes:
    """The record of the first with the turns of the second behind its own; a system prompt both have is said once.

    Raises:
        EditError: if the two are not written alike.
    """
    _refuse_fixed(first, "joined")
    if first.format != second.format or second.reading.slots is not None:
        raise EditError(
            f"{first.id} and {second.id} stand in different layouts ({first.format}, {second.format})."
        )
    system, other = (_system(one) for one in (first, second))
    if other is not None and (system is None or system.text != other.text):
        raise EditError(f"{first.id} and {second.id} have different system prompts.")
    for message in second.messages:
        if message is not other:
            data = splice.append(data, first.reading.pointer, copy.deepcopy(message.raw))
    return data


def _message(conversation: Conversation, turn: int) -> Message:
    messages = conversation.messages
    if not 0 <= turn < len(messages):
        raise EditError(f"{conversation.id} has {len(messages)} turns; {turn} is none of them.")
    return messages[turn]


def _refuse_fixed(conversation: Conversation, what: str) -> None:
    if conversation.fixed or conversation.reading.slots is not None:
        raise EditError(
            f"In the layout {conversation.format} each turn has its own place; none can be {what}."
        )


def _in_list(conversation: Conversation, message: Message) -> bool:
    return message.pointer.rpartition("/")[0] == conversation.reading.pointer


def _beside(message: Message) -> Any:
    """What a turn holds besides its text, to be compared."""
    if not isinstance(message.raw, dict):
        return None
    return canonical_json({key: value for key, value in message.raw.items() if key != message.content_key})


def _system(conversation: Conversation) -> Message | None:
    first = conversation.messages[0] if conversation.messages else None
    return first if first is not None and first.role in ("system", "developer") else None
