"""Mistral: what mistral-common takes in its fine-tuning mode, as mistral-finetune calls it (messages and tools of a row)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby, pairwise
from typing import Any

from ...core.model import Conversation
from .mistral_messages import flag, message_problems, tool_problems
from .reasons import because
from .records import Numbering, loss_weights, numbering, shown
from .target import Context, Forecast, Judge, Reason, Shape, Target
from .turn_reasons import unread

_VERSIONS = ("v3", "v7", "v11", "v13")
_AFTER: Mapping[str, tuple[str, ...]] = {
    "system": ("user", "assistant", "system"),
    "user": ("assistant", "system", "user"),
    "assistant": ("assistant", "user", "tool"),
    "tool": ("assistant", "tool", "user"),
}
_NO_ID = "null"
_ID = re.compile(r"^[a-zA-Z0-9]{9}$")

Messages = Sequence[Mapping[str, Any]]


def _judge(shape: Shape, context: Context) -> Judge:
    version = _VERSIONS.index(context.settings["tokenizer_version"])
    images = bool(context.settings["images"])

    def judge(conversation: Conversation) -> Forecast:
        reasons = tuple(_row(conversation, version, images))
        refused = any(reason.outcome == "refused" for reason in reasons)
        return Forecast(reasons, weights={} if refused else loss_weights(conversation, _given_weight))

    return judge


def _row(conversation: Conversation, version: int, images: bool) -> Iterator[Reason]:
    record = conversation.raw
    messages = record.get("messages") if isinstance(record, dict) else None
    if not isinstance(messages, list):
        says = f"Mistral reads a list under `messages`, which is {shown(messages)} here."
        yield because("not_a_conversation", says)
        return
    if not messages:
        yield because("no_turns", "Mistral: Conversation must have at least one message.")
        return
    turn_of = numbering(conversation, "messages")
    # As pydantic does, all that is wrong with the types first; nothing else is looked at then.
    wrong = [
        reason
        for at, message in enumerate(messages)
        for reason in message_problems(message, turn_of(at), images, _VERSIONS[version])
    ]
    wrong += tool_problems(record.get("tools"))
    yield from wrong
    if not wrong:
        yield from _order(messages, turn_of)
        yield from _calls(messages, turn_of, version)
        yield from _answers(messages, turn_of, version)
        yield from _trimmed(messages, turn_of)
        yield from unread(conversation, {turn_of(at) for at in range(len(messages))}, "Mistral")


def _order(messages: Messages, turn_of: Numbering) -> Iterator[Reason]:
    roles = [message["role"] for message in messages]
    if len(messages) == 1 and roles[0] not in ("user", "system"):
        says = (
            "Mistral: Conversation must start with a user message or system message (it has only this one)."
        )
        yield because("role_order", says, turn_of(0))
    last = len(messages) - 1
    if roles[last] != "assistant":
        says = f"Mistral: Expected last role Assistant for finetuning but got {roles[last]}."
        yield because("role_order", says, turn_of(last))
    for at, message in enumerate(messages):
        if flag(message.get("prefix")):
            says = (
                "Mistral: Cannot continue final message in finetuning mode."
                if at == last
                else "Mistral: Assistant message with prefix True must be last message."
            )
            yield because("role_order", says, turn_of(at))
    for at, (before, after) in enumerate(pairwise(roles), start=1):
        if after not in _AFTER[before]:
            says = f"Mistral: Unexpected role '{after}' after role '{before}'."
            yield because("role_order", says, turn_of(at))


def _calls(messages: Messages, turn_of: Numbering, version: int) -> Iterator[Reason]:
    yield from _ids(messages, turn_of, version)
    yield from (
        _paired(messages, turn_of) if version >= _VERSIONS.index("v11") else _counted(messages, turn_of)
    )


def _ids(messages: Messages, turn_of: Numbering, version: int) -> Iterator[Reason]:
    """The ids of calls and of the tools' answers."""
    last, short = len(messages) - 1, version < _VERSIONS.index("v13")
    for at, message in enumerate(messages):
        ids = [call.get("id", _NO_ID) for call in message.get("tool_calls") or ()]
        if message["role"] == "tool":
            ids = [message.get("tool_call_id")]
        for one in ids:
            if not short:
                wrong = not one or one == _NO_ID
                says = (
                    f"Mistral: a tool call id must be a non-empty text other than 'null'; it is {shown(one)}."
                )
            else:
                left_open = message["role"] == "assistant" and at == last and one == _NO_ID
                wrong = not left_open and not (isinstance(one, str) and _ID.match(one))
                says = f"Mistral: Tool call id was {one} but must be a-z, A-Z, 0-9, with a length of 9."
            if wrong:
                yield because("tools_invalid", says, turn_of(at))


def _counted(messages: Messages, turn_of: Numbering) -> Iterator[Reason]:
    """As many answers of tools as calls before the assistant speaks again. The first message is not looked at."""
    open_calls = 0
    for at, message in enumerate(messages[1:], start=1):
        if message["role"] == "tool":
            open_calls -= 1
        elif message["role"] == "assistant":
            if open_calls:
                says = "Mistral: Not the same number of function calls and responses."
                yield because("tools_invalid", says, turn_of(at))
            calls = message.get("tool_calls")
            open_calls = len(calls) if calls is not None else 0
    if open_calls < 0:
        yield because("tools_invalid", "Mistral: More tool responses than tool calls.")


def _paired(messages: Messages, turn_of: Numbering) -> Iterator[Reason]:
    """Each answer of a tool names a call of the assistant's turn before, no call twice. The first message is not looked at."""
    asked: set[str] = set()
    answered: set[str | None] = set()
    for at, message in enumerate(messages[1:], start=1):
        turn = turn_of(at)
        if message["role"] == "tool":
            one = message.get("tool_call_id")
            if one in answered:
                yield because(
                    "tools_invalid", f"Mistral: Duplicate tool call id {one} in tool results.", turn
                )
            elif one not in asked:
                yield because(
                    "tools_invalid", f"Mistral: Unexpected tool call id {one} in tool results.", turn
                )
            answered.add(one)
        elif message["role"] == "assistant":
            if len(asked) != len(answered):
                says = "Mistral: Not the same number of function calls and responses."
                yield because("tools_invalid", says, turn)
            ids = [call.get("id", _NO_ID) for call in message.get("tool_calls") or ()]
            if len(set(ids)) < len(ids):
                yield because("tools_invalid", "Mistral: Duplicate tool call id in assistant message.", turn)
            asked, answered = set(ids), set()


def _answers(messages: Messages, turn_of: Numbering, version: int) -> Iterator[Reason]:
    """Each answer of the assistant says something or calls a tool; before v7 not both.

    Neighbouring turns of one role and weight are made one before they become tokens, so that a text and a call may meet.
    """
    both_allowed = version >= _VERSIONS.index("v7")
    places = enumerate(messages)
    for (role, _), group in groupby(places, key=lambda one: (one[1]["role"], _weight(one[1]))):
        if role != "assistant":
            continue
        turns = list(group)
        wrong = False
        for at, message in turns:
            # A list without text counts as a content here, and as none below.
            if bool(message.get("content")) == bool(message.get("tool_calls")) and not both_allowed:
                says = "Mistral: Assistant message must have either content or tool_calls, but not both."
                code = "tools_invalid" if message.get("tool_calls") else "content_empty"
                yield because(code, says, turn_of(at))
                wrong = True
        says_something = any(_text(message) for _, message in turns)
        calls = any(message.get("tool_calls") for _, message in turns)
        at = turns[-1][0]
        if not wrong and not says_something and not calls:
            yield because(
                "content_empty", "Mistral: Invalid assistant message, it says nothing.", turn_of(at)
            )
        elif not wrong and not both_allowed and says_something and calls:
            says = (
                "Mistral joins this turn with the assistant's turn before it, and then: Cannot have tool calls and"
                " content defined in the same assistant message."
            )
            yield because("tools_invalid", says, turn_of(at))


def _text(message: Mapping[str, Any]) -> str:
    content = message.get("content")
    if isinstance(content, list):
        return "".join(part.get("text") or part.get("thinking") or "" for part in content)
    return content or ""


def _weight(message: Mapping[str, Any]) -> float | None:
    weight = message.get("weight")
    return None if weight is None else float(weight)


def _trimmed(messages: Messages, turn_of: Numbering) -> Iterator[Reason]:
    """Replies that end in blanks; of several in a row, which become one, the last."""
    for role, run in groupby(enumerate(messages), key=lambda one: one[1]["role"]):
        said = [(at, text) for at, message in run if (text := _text(message))]
        if role == "assistant" and said and said[-1][1].endswith(" "):
            yield because(
                "text_trimmed", "Blanks at the end of the reply are taken off.", turn_of(said[-1][0])
            )


def _given_weight(message: Mapping[str, Any]) -> float:
    weight = _weight(message)
    return 1 if weight is None else weight


TARGETS = (
    Target(
        name="mistral",
        title="Mistral",
        package="mistral-common",
        version="1.13.1",
        basis="measured",
        settings={"tokenizer_version": "v3", "images": False},
        judge=_judge,
        notes=(
            "Mistral joins neighbouring turns of one role with a blank line, and the system prompts likewise.",
            "With tokenizer v3 the system prompt is written before the last user turn, not at the beginning.",
        ),
    ),
)
