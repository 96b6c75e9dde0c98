"""Layouts of a question and its answer: what of a conversation fits into them."""

from __future__ import annotations

from typing import Any

from ..core.model import Conversation, Message
from .layouts import CannotHold, Losses, messages_of, with_turns


def to_prompt_completion(conversation: Conversation, losses: Losses) -> dict[str, Any]:
    """The record as TRL's ``{"prompt": [messages], "completion": [message]}``: the last answer, and all that leads to it."""
    turns = _one_answer(conversation, losses)
    if not turns or turns[-1][1].role != "assistant":
        raise CannotHold("that end without an answer of the assistant")
    prompt, completion = messages_of(turns[:-1], losses), messages_of(turns[-1:], losses)
    return with_turns(conversation, {"prompt": prompt, "completion": completion}, losses)


def to_preference(conversation: Conversation, losses: Losses) -> dict[str, Any]:
    """The record as TRL's ``{"prompt": [messages], "chosen": [messages], "rejected": [messages]}``."""
    turns = list(enumerate(conversation.messages))
    sides = {
        "prompt": [turn for turn in turns if turn[1].side is None],
        "chosen": [turn for turn in turns if turn[1].side == "chosen"],
        "rejected": [turn for turn in turns if turn[1].side == "rejected"],
    }
    if not (sides["chosen"] and sides["rejected"]):
        raise CannotHold("that have no two answers to choose from")
    return with_turns(conversation, {name: messages_of(side, losses) for name, side in sides.items()}, losses)


def to_alpaca(conversation: Conversation, losses: Losses) -> dict[str, Any]:
    """The record as ``{"instruction", "input", "output"}``, earlier exchanges under ``history``, the prompt under ``system``.

    The names are those LLaMA-Factory reads. What a turn has beside its text has no place.
    """
    raw = conversation.raw
    key = conversation.reading.system_key
    if conversation.format == "alpaca" and isinstance(raw, dict) and (key == "system" or "system" not in raw):
        return _renamed(raw, key)
    turns = _one_answer(conversation, losses)
    texts = [(turn, message, _plain(message, turn, losses)) for turn, message in turns]
    system = [text for _, message, text in texts if message.role in ("system", "developer")]
    if len(system) > 1:
        raise CannotHold("that have more than one system message")
    if system and texts[0][1].role not in ("system", "developer"):
        raise CannotHold("whose system message is not the first")
    spoken = texts[len(system) :]
    if not spoken or spoken[-1][1].role != "assistant":
        raise CannotHold("that end without an answer of the assistant")
    for at, (_, message, _) in enumerate(spoken):
        if message.role != ("user", "assistant")[at % 2]:
            raise CannotHold("whose turns are not user and assistant by turns")
    said = [text for _, _, text in spoken]
    laid: dict[str, Any] = {"instruction": said[-2], "input": "", "output": said[-1]}
    if system and system[0]:
        laid["system"] = system[0]
    elif system:
        losses.add(0, "An empty system message was left out")
    if len(said) > 2:
        laid["history"] = [list(pair) for pair in zip(said[:-2:2], said[1:-2:2], strict=True)]
    return with_turns(conversation, laid, losses)


def _renamed(raw: dict[str, Any], system: str) -> dict[str, Any]:
    """An Alpaca record of other spelling with the usual keys."""
    names = {"response": "output"} if "output" not in raw else {}
    if "input" not in raw and isinstance(raw.get("context"), str):
        names["context"] = "input"
    names[system] = "system"
    record = {names.get(key, key): value for key, value in raw.items()}
    return record if "input" in record else {**record, "input": ""}


def _one_answer(conversation: Conversation, losses: Losses) -> list[tuple[int, Message]]:
    """The turns without the rejected side of a preference pair."""
    turns = [
        (turn, message) for turn, message in enumerate(conversation.messages) if message.side != "rejected"
    ]
    if len(turns) < len(conversation.messages):
        losses.add(None, "The rejected answer was left out, since the layout has one answer")
    return turns


def _plain(message: Message, turn: int, losses: Losses) -> str:
    """The text of a turn for a layout that holds nothing else of it."""
    if message.kind == "call":
        raise CannotHold("that call tools")
    if message.role == "tool":
        raise CannotHold("that hold results of tools")
    if message.role is None:
        raise CannotHold("with a role that is not known")
    if not isinstance(message.content, str):
        raise CannotHold("with content that is no text")
    if message.role == "developer":
        losses.add(turn, "The role developer became system")
    if message.name is not None:
        losses.add(turn, "A speaker's name was left out")
    if isinstance(message.raw, dict) and not message.parts:
        for key, value in message.raw.items():
            if key not in (message.role_key, message.content_key, "name") and value is not None:
                losses.add(turn, f"The key {key} of a turn was left out")
    return message.content
