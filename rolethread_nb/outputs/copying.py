"""A turn or a conversation as text for the clipboard."""

from __future__ import annotations

import re

from ..core.model import Conversation, Message
from ..core.splice import locate
from .literal_json import indented, laid_out
from .turn_parts import Links, parts_payload

_FENCE = re.compile("`{3,}")


def as_json_text(conversation: Conversation, turn: int | None, record: bytes | None) -> str:
    """The turn, or the record, token for token as it is written there; only its lines are laid out anew."""
    message = None if turn is None else conversation.messages[turn]
    raw = conversation.raw if message is None else message.raw
    if record is None:
        return laid_out(raw) if not isinstance(raw, str) else indented(_quoted(raw))
    if message is None:
        return indented(record.decode(errors="replace"))
    try:
        place = locate(record, message.pointer)
    except (KeyError, ValueError):  # packed into a text, or beside the turns: it has no place of its own
        return _of_text(message)
    return indented(record[place.start : place.end].decode(errors="replace"))


def as_markdown(conversation: Conversation, turn: int | None) -> str:
    """Turns with a heading each; their text is not escaped, so what is Markdown in it stays so."""
    messages = conversation.messages
    if turn is not None:
        return _markdown_of(turn, messages[turn])
    title = conversation.title or conversation.id
    return "\n\n".join([f"# {title}", *(_markdown_of(at, message) for at, message in enumerate(messages))])


def _markdown_of(turn: int, message: Message) -> str:
    who = " · ".join(
        filter(None, [message.role or message.role_raw or "no role", message.side, message.name])
    )
    pieces = [f"### {turn} · {who}"]
    held = parts_payload(turn, message, Links())
    pieces += [_fenced(text, name) for name, text in held.get("reasoning", ())]
    if message.text:
        pieces.append(message.text)
    for call in held.get("calls", ()):
        pieces += [f"Calls `{call['name'] or 'no function'}`:", _fenced(call["arguments"], "json")]
    pieces += [_fenced(result["text"]) for result in held.get("results", ()) if result["text"] is not None]
    pieces += [
        " · ".join([f"[{part['type']}]", *part["facts"], *filter(None, [part["where"]])])
        for part in held.get("parts", ())
    ]
    return "\n\n".join(pieces)


def _fenced(text: str, label: str = "") -> str:
    longest = max(map(len, _FENCE.findall(text)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}{label}\n{text}\n{fence}"


def _of_text(message: Message) -> str:
    label = message.role or message.role_raw
    return laid_out({"role": label, "content": message.text})


def _quoted(text: str) -> str:
    return laid_out([text])[4:-2]
