"""Together: what its client checks of a row before the upload, up to version 2.14.0."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ...core.model import Conversation
from .reasons import because
from .records import Numbering, loss_weights, numbering, shown
from .target import Context, Forecast, Judge, Reason, Shape, Target

# The keys a row of each format has to have, and those it may have besides.
_FORMATS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "text": (("text",), ()),
    "messages": (("messages",), ("tools",)),
    "prompt and completion": (("prompt", "completion"), ()),
    "preference": (("input", "preferred_output", "non_preferred_output"), ()),
}
_ROLES = ("system", "user", "assistant", "tool")
_IMAGES = 10
_IMAGE_STARTS = tuple(f"data:image/{kind};base64," for kind in ("jpeg", "png", "webp"))
_IMAGE_LENGTH = len("data:image/jpeg;base64,") + 4 * 10 * 1024 * 1024 // 3


def _judge(shape: Shape, context: Context) -> Judge:
    first = _format_of(shape.first)
    checked = context.settings["client_check"] == "rows"

    def judge(conversation: Conversation) -> Forecast:
        reasons = tuple(_row(conversation, first)) if checked else ()
        return Forecast(reasons, weights=loss_weights(conversation, _given_weight))

    return judge


def _format_of(record: Any) -> str | None:
    """The first format whose keys are all there."""
    if not isinstance(record, Mapping):
        return None
    return next((name for name, (keys, _) in _FORMATS.items() if all(key in record for key in keys)), None)


def _row(conversation: Conversation, first: str | None) -> Iterator[Reason]:
    record = conversation.raw
    if not isinstance(record, dict):
        yield because("not_a_conversation", "The line is not an object.")
        return
    found = _format_of(record)
    if found is None:
        keys = ", ".join(map(repr, record)) or "no keys"
        yield because("not_a_conversation", f"Together could not detect a format for a line with {keys}.")
        return
    required, more = _FORMATS[found]
    for key in record:
        if key not in required + more:
            yield because("key_unknown", f'Together: Found extra column "{key}".')
    if found == "messages":
        yield from _messages(record["messages"], numbering(conversation, "messages"))
    elif found == "preference":
        yield from _preference(record, numbering(conversation, "input", "messages"))
    else:
        for key in required:
            role = "assistant" if key == "completion" else "user"
            yield from _content(record[key], role, None)
    if first is not None and found != first:
        says = f"All rows of a file must have one format; the first has {first}, this one {found}."
        yield because("not_a_conversation", says)


def _messages(messages: Any, turn_of: Numbering, needs_assistant: bool = True) -> Iterator[Reason]:
    if not isinstance(messages, list | str | dict):
        says = f"Together's check itself ends with an error: messages is {shown(messages)}, not a list."
        yield because("trainer_fails", says)
        return
    if not messages:
        yield because("no_turns", "Together: The `messages` column must not be empty.")
        return
    for at, message in enumerate(messages):
        if not isinstance(message, dict):
            says = f"Together wants a list of objects; this message is {shown(message)}."
            yield because("not_a_conversation", says, turn_of(at))
            return
    spoken = list(messages)
    for at, message in enumerate(spoken):
        yield from _message(message, turn_of(at))
    yield from _alike(spoken, turn_of)
    if needs_assistant and not any(message.get("role") == "assistant" for message in spoken):
        yield because("no_answer", "Together: At least one message with the assistant role must be present.")


def _message(message: dict[str, Any], turn: int | None) -> Iterator[Reason]:
    if "role" not in message:
        yield because("key_missing", "Together: Missing required column `role` in message.", turn)
        return
    role = message["role"]
    if "content" not in message and role != "assistant":
        yield because("key_missing", "Together: Missing required column `content` in message.", turn)
    elif "content" not in message and "tool_calls" not in message:
        says = "Together: Missing required column `content` or `tool_calls` in message."
        yield because("key_missing", says, turn)
    if not isinstance(role, str) or role not in _ROLES:
        says = f"Together: Invalid role {shown(role)}. Possible roles: {', '.join(_ROLES)}."
        yield because("role_unknown", says, turn)
    yield from _weight(message, turn)
    content = message.get("content")
    if content:
        yield from _content(content, role, turn)
        if _pictures(content) and message.get("weight"):
            says = "Together: Messages with images cannot have non-zero weights."
            yield because("weight_invalid", says, turn)


def _weight(message: Mapping[str, Any], turn: int | None) -> Iterator[Reason]:
    if "weight" in message:
        weight = message["weight"]
        if not isinstance(weight, int):
            says = f"Together: Weight must be an integer; it is {shown(weight)}."
            yield because("weight_invalid", says, turn)
        elif weight not in (0, 1):
            yield because("weight_invalid", f"Together: Weight must be either 0 or 1; it is {weight}.", turn)


def _content(content: Any, role: Any, turn: int | None) -> Iterator[Reason]:
    """A text, or a list of text and image parts."""
    if isinstance(content, str):
        return
    if not isinstance(content, list):
        says = f"Together wants a text or a list of parts; the content is {shown(content)}."
        yield because("content_type", says, turn)
        return
    for part in content:
        yield from _part(part, role, turn)
    if (pictures := _pictures(content)) > _IMAGES:
        yield because("part_refused", f"Together takes at most {_IMAGES} images; there are {pictures}.", turn)


def _part(part: Any, role: Any, turn: int | None) -> Iterator[Reason]:
    if not isinstance(part, dict):
        yield because("content_type", f"Together wants parts that are objects, not {shown(part)}.", turn)
    elif "type" not in part:
        yield because("content_type", "Together wants a `type` in every part.", turn)
    elif part["type"] == "text":
        if not isinstance(part.get("text"), str):
            says = f"Together wants a text under `text`, not {shown(part.get('text'))}."
            yield because("content_type", says, turn)
    elif part["type"] == "image_url":
        if (wrong := _image(part, role)) is not None:
            yield because("part_refused", wrong, turn)
    else:
        says = f"Together takes parts of type 'text' or 'image_url', not {shown(part['type'])}."
        yield because("part_refused", says, turn)


def _image(part: Mapping[str, Any], role: Any) -> str | None:
    """What is wrong with an image part."""
    if role != "user":
        return "Together: only user messages can contain images."
    holder = part.get("image_url")
    url = holder.get("url") if isinstance(holder, dict) else None
    if not isinstance(url, str) or not url:
        return "Together wants the image as a text under `image_url`, `url`."
    if not url.startswith(_IMAGE_STARTS):
        return "Together takes images only as base64 of JPEG, PNG or WEBP inside the row."
    if len(url) > _IMAGE_LENGTH:
        return "Together takes images of up to 10 MB."
    return None


def _pictures(content: Any) -> int:
    if not isinstance(content, list):
        return 0
    return sum(isinstance(part, dict) and part.get("type") == "image_url" for part in content)


def _alike(messages: list[dict[str, Any]], turn_of: Numbering) -> Iterator[Reason]:
    """All contents that say something are texts, or all are lists of parts; images count over the row."""
    kinds = [
        (at, isinstance(message["content"], list))
        for at, message in enumerate(messages)
        if message.get("content") and isinstance(message["content"], str | list)
    ]
    other = next((at for at, listed in kinds if listed != kinds[0][1]), None)
    if other is not None:
        says = "Together: Messages in the conversation must be either all in multimodal or all in text-only format."
        yield because("content_type", says, turn_of(other))
    pictures = [_pictures(message.get("content")) for message in messages]
    if sum(pictures) > _IMAGES >= max(pictures):
        says = f"Together takes at most {_IMAGES} images in a row; there are {sum(pictures)}."
        yield because("part_refused", says)


def _preference(record: Mapping[str, Any], turn_of: Numbering) -> Iterator[Reason]:
    asked = record["input"]
    if not isinstance(asked, dict) or "messages" not in asked:
        yield because("key_missing", "Together wants an object with `messages` under `input`.")
        return
    messages = asked["messages"]
    before = list(_messages(messages, turn_of, needs_assistant=False))
    yield from before
    if not before and messages[-1]["role"] == "assistant":
        says = "Together: The last message in the input conversation must not be from the assistant."
        yield because("role_order", says, turn_of(len(messages) - 1))
    for key in ("preferred_output", "non_preferred_output"):
        yield from _answer(key, record[key])


def _answer(key: str, answer: Any) -> Iterator[Reason]:
    """One side of a preference: a list of exactly one assistant message."""
    if not isinstance(answer, list) or len(answer) != 1 or not isinstance(answer[0], dict):
        yield because("not_a_conversation", f"Together wants a list of exactly one message under `{key}`.")
        return
    (message,) = answer
    if message.get("role") != "assistant":
        yield because("role_unknown", f"Together wants the role assistant under `{key}`.")
    if "content" in message:
        yield from _content(message["content"], "assistant", None)
    elif "tool_calls" not in message:
        yield because("key_missing", f"Together wants `content` or `tool_calls` under `{key}`.")


def _given_weight(message: Mapping[str, Any]) -> float:
    weight = message.get("weight", 1)
    return weight if isinstance(weight, int) else 1


TARGETS = (
    Target(
        name="together",
        title="Together",
        package="together",
        version="2.14.0",
        basis="measured",
        settings={"client_check": "rows"},
        judge=_judge,
        notes=(
            "Together's client stops at the first row it refuses, and uploads nothing.",
            "From 2.15.0 on Together's client checks only that the file is UTF-8 and JSON"
            " (client_check: json); the rows are looked at after the upload.",
        ),
    ),
)
