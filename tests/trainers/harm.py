"""What is not as it was in a row that a trainer keeps, measured on the trainer's own text and labels.

It knows nothing of our forecasts: it looks for each text of the record in the text that was trained on.
"""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rolethread_nb.core.model import Conversation, Message

COMMON_ROLES = {"system", "user", "assistant", "tool"}
# Stands where nothing is trained; it is in no text.
GAP = "\0"


@dataclass(frozen=True)
class Held:
    """One row as a trainer holds it.

    Attributes:
        text: its tokens as text.
        trained: what of it is trained, with a gap between two stretches.
        cut: whether the length limit has cut it.
    """

    text: str
    trained: str
    cut: bool = False


def harm_of(
    conversation: Conversation,
    held: Held,
    *,
    controls: Collection[str] = (),
    header: str = "<|im_start|>",
    answers: bool = False,
    weights: bool = False,
) -> set[str]:
    """What is harmed.

    Args:
        conversation: the row as we read it.
        held: the row as the trainer holds it.
        controls: control strings that stand in no text by right.
        header: what the template writes before a role.
        answers: every reply should be trained.
        weights: the trainer honours weights.
    """
    found = {"cut"} if held.cut else set()
    if not held.trained.strip(GAP):
        found.add("nothing trained")
    for message in conversation.messages:
        role = message.role_raw
        if role is not None and role not in COMMON_ROLES and f"{header}{role}" in held.text:
            found.add("role")
        for piece in pieces(message):
            found |= _harm_of_piece(message, piece, held, controls, weights)
    if answers and any(held.trained.count(piece) < times for piece, times in _answers(conversation).items()):
        found.add("untrained")
    tools = conversation.raw.get("tools") if isinstance(conversation.raw, Mapping) else None
    if any(words not in held.text for words in _described(tools)):
        found.add("tools")
    return found


def _harm_of_piece(
    message: Message, piece: str | None, held: Held, controls: Collection[str], weights: bool
) -> set[str]:
    if piece is None or piece not in held.text:
        return {"lost"}
    found = {"control"} if any(control in piece for control in controls) else set()
    weight = message.raw.get("weight") if isinstance(message.raw, Mapping) else None
    if piece.strip():
        trained = piece in held.trained
        if not weights and isinstance(weight, int | float) and weight != trained:
            found.add("weight")
    return found


def _answers(conversation: Conversation) -> Counter[str]:
    """What the assistant says, and how often; what has the weight 0 need not be trained."""
    found: Counter[str] = Counter()
    for message in conversation.messages:
        weight = message.raw.get("weight") if isinstance(message.raw, Mapping) else None
        if message.role == "assistant" and weight != 0:
            found.update(piece for piece in pieces(message) if piece and piece.strip())
    return found


def pieces(message: Message) -> Iterator[str | None]:
    """The texts of a turn, a reasoning block apart, and the names of the tools it calls; None for what is no text."""
    content = message.content
    if isinstance(content, str):
        for piece in content.replace("</think>", "<think>").split("<think>"):
            yield piece.strip("\n") if "<think>" in content else piece
    elif isinstance(content, list):
        for part in content:
            if isinstance(part, Mapping) and "text" not in part and "type" not in part:
                continue
            text = part.get("text") if isinstance(part, Mapping) else part
            yield text if isinstance(text, str) else None
    elif content is not None:
        yield None
    raw = message.raw if isinstance(message.raw, Mapping) else {}
    yield from _names(raw.get("tool_calls"))


def _names(calls: Any) -> Iterator[str]:
    for call in calls if isinstance(calls, list) else ():
        function = call.get("function") if isinstance(call, Mapping) else None
        name = function.get("name") if isinstance(function, Mapping) else None
        if isinstance(name, str) and name:
            yield name


def _described(tools: Any) -> Iterator[str]:
    """What each tool definition says in words, else its name; definitions may be a text of JSON."""
    if isinstance(tools, str):
        with contextlib.suppress(ValueError):
            tools = json.loads(tools)
    for tool in tools if isinstance(tools, list) else ():
        function = tool.get("function", tool) if isinstance(tool, Mapping) else None
        described = (
            function.get("description") or function.get("name") if isinstance(function, Mapping) else None
        )
        if isinstance(described, str):
            yield json.dumps(described, ensure_ascii=False)[1:-1]
