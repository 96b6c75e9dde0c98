"""How RoleThread Lite 1.0.0 judges one entry: its 22 codes, their triggers, their order, and where it stops.

The triggers are facts about that program (its ``core/entry_analysis.py``, commit 992ec7d); the code is ours. What it cannot
judge because it stops with an error itself is judged here as what comes closest, and says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from ..sources.formats import describe

Layout = Literal["chatml", "sharegpt", "unknown"]

_SPELLINGS = {
    "user": "user usr uesr useer human humans person player input prompt instruction",
    "assistant": "assistant assistnt assitant assitstant asistant asst bot chatbot gpt model ai completion response output",
    "system": "system sys sytem systm system_prompt context",
}
# The 31 spellings it knows, compared without regard to case and to blanks at the ends.
SPELLINGS: dict[str, str] = {word: role for role, words in _SPELLINGS.items() for word in words.split()}

KNOWN_KEYS = frozenset("messages conversations tags metadata source id _rolethread".split())
# It counts eight exchanges, or more than 2,000 words of the assistant, as long enough to be split.
SPLIT_EXCHANGES = 8
SPLIT_WORDS = 2000
REFUSALS = (
    "as an ai language model",
    "i cannot assist",
    "i'm just a language model",
    "i don't have personal",
    "i'm not able to",
    "as an artificial intelligence",
    "i must remind you that",
    "it's important to note that i",
)
# What it puts before a ShareGPT conversation that has no system prompt.
IMPORTED_PROMPT = (
    "This entry was imported from ShareGPT format. This system prompt is used internally by RoleThread and will not be"
    " included in ShareGPT exports."
)
_ROLE_KEYS = ("from", "role", "speaker")
_TEXT_KEYS = ("value", "content", "text")

_WORD = re.compile(r"\b[\w']+\b")
_HEADING = re.compile(r"^\s{0,3}#{1,6}\s+\S", re.MULTILINE)
_JSON_KEY = re.compile(r'\{\s*"[^"]+"\s*:')
_BOLD_OPENS = re.compile(r"\*\*[^*\n]")
_BOLD_CLOSES = re.compile(r"[^*\n](?=\*\*)")


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One finding of RoleThread Lite: its code, the position in ``messages`` it is about (None: the entry), measured values."""

    code: str
    at: int | None = None
    evidence: dict[str, Any] = field(default_factory=dict)


def layout_of(record: Any) -> Layout:
    """What RoleThread Lite takes a record for: it must have one of the two lists, and not both."""
    lists = (
        [isinstance(record.get(key), list) for key in ("messages", "conversations")]
        if isinstance(record, dict)
        else []
    )
    if lists == [True, False]:
        return "chatml"
    return "sharegpt" if lists == [False, True] else "unknown"


def majority(counts: dict[Layout, int]) -> Layout:
    """What it takes a whole file for: the layout of most records; where two lead, none."""
    ordered = sorted(counts.values(), reverse=True)
    if not ordered or (len(ordered) > 1 and ordered[0] == ordered[1]):
        return "unknown"
    return next(layout for layout, count in counts.items() if count == ordered[0])


def imported(record: dict[str, Any]) -> tuple[dict[str, Any], list[int | None]]:
    """A record as it stands after the import from ShareGPT, and for each message the turn it was made from.

    Turns without a label are gone, system turns are joined and come first, and where there is none (or a blank one) a fixed prompt
    stands in their place.
    """
    turns = record.get("conversations")
    prompts: list[str] = []
    first_prompt: int | None = None
    messages: list[dict[str, str]] = []
    origin: list[int | None] = []
    for at, turn in enumerate(turns if isinstance(turns, list) else []):
        if not isinstance(turn, dict) or (label := _first(turn, _ROLE_KEYS)) is None:
            continue
        content = _first(turn, _TEXT_KEYS)
        text = "" if content is None else _as_text(content)
        role = SPELLINGS.get(_as_text(label).strip().lower())
        if role == "system":
            prompts.append(text)
            first_prompt = at if first_prompt is None else first_prompt
        else:
            messages.append({"role": role or _as_text(label), "content": text})
            origin.append(at)
    prompt = "\n\n".join(text for text in prompts if text.strip())
    entry = {key: value for key, value in record.items() if key not in ("messages", "conversations")}
    entry["messages"] = [{"role": "system", "content": prompt or IMPORTED_PROMPT}, *messages]
    return entry, [first_prompt if prompt else None, *origin]


def diagnose(entry: Any) -> list[Diagnosis]:
    """What RoleThread Lite says about one entry, in its order."""
    if not isinstance(entry, dict):
        return [Diagnosis("base.not_dict", None, {"seen": describe(entry)})]
    return [*_of_keys(entry), *_of_messages(entry)]


def _of_keys(entry: dict[str, Any]) -> Iterator[Diagnosis]:
    for key in sorted(entry):
        if key not in KNOWN_KEYS:
            yield Diagnosis("base.unknown_top_level_key", None, {"key": key})
    if "tags" not in entry:
        yield Diagnosis("base.missing_tags")
    elif not isinstance(entry["tags"], list):
        yield Diagnosis("base.tags_not_list", None, {"seen": describe(entry["tags"])})
    else:
        for place, tag in enumerate(entry["tags"]):
            if not isinstance(tag, str):
                yield Diagnosis("base.invalid_tag_value", None, {"place": place, "seen": describe(tag)})
            elif not tag.strip():
                yield Diagnosis("base.empty_tag", None, {"place": place})


def _of_messages(entry: dict[str, Any]) -> Iterator[Diagnosis]:
    if "messages" not in entry:
        yield Diagnosis("chatml.missing_messages")
        return
    messages = entry["messages"]
    if not isinstance(messages, list):
        yield Diagnosis("chatml.messages_not_list", None, {"seen": describe(messages)})
        return
    prompts = sum(isinstance(message, dict) and message.get("role") == "system" for message in messages)
    if prompts > 1:
        yield Diagnosis("chatml.duplicate_system_message", None, {"count": prompts})
    if len(messages) < 3:
        yield Diagnosis("chatml.insufficient_messages", None, {"count": len(messages)})
    elif len(messages) % 2 == 0:
        yield Diagnosis("chatml.incomplete_exchanges", None, {"count": len(messages)})
    elif not isinstance(messages[0], dict):
        yield Diagnosis("chatml.system_not_dict", 0, {"seen": describe(messages[0])})
    else:
        yield from _of_prompt(messages[0])
        yield from _of_turns(messages)
        yield from _of_length(messages)


def _of_prompt(message: dict[str, Any]) -> Iterator[Diagnosis]:
    label = message.get("role")
    if label != "system":
        if _meant(label) == "system":
            yield Diagnosis("chatml.role_canonicalization", 0, {"label": label, "role": "system"})
        else:
            yield Diagnosis("chatml.missing_system_role", 0, {"label": _shown(label)})
    yield from _of_blanks(message, 0, "chatml.empty_system_content")


def _of_turns(messages: list[Any]) -> Iterator[Diagnosis]:
    reported: set[str] = set()
    for at, message in enumerate(messages[1:], 1):
        if not isinstance(message, dict):
            yield Diagnosis("chatml.message_not_dict", at, {"seen": describe(message)})
            continue
        expected = "user" if at % 2 else "assistant"
        label = message.get("role")
        meant = _meant(label)
        if label != expected:
            if meant == expected:
                yield Diagnosis("chatml.role_canonicalization", at, {"label": label, "role": expected})
            else:
                own = label.strip().casefold() if isinstance(label, str) and meant is None else ""
                if own not in reported:
                    yield Diagnosis("chatml.wrong_role", at, {"label": _shown(label), "role": expected})
                if own:
                    reported.add(own)
        yield from _of_blanks(message, at, "chatml.empty_content")
        if meant == "assistant":
            yield from _of_reply(message.get("content"), at)


def _of_blanks(message: dict[str, Any], at: int, empty: str) -> Iterator[Diagnosis]:
    content = message.get("content", "")
    if not isinstance(content, str):  # RoleThread Lite stops with an error here
        yield Diagnosis(empty, at, {"seen": describe(content), "stops": True})
        return
    if content != content.strip():
        yield Diagnosis("chatml.content_whitespace", at)
    if not content.strip():
        yield Diagnosis(empty, at)


def _of_reply(content: Any, at: int) -> Iterator[Diagnosis]:
    if not isinstance(content, str) or not content.strip():
        return
    folded = content.casefold()
    phrase = next((phrase for phrase in REFUSALS if phrase in folded), None)
    if phrase is not None:
        yield Diagnosis("chatml.ai_refusal_language", at, {"phrase": phrase})
    if (form := _formatting(content, folded)) is not None:
        yield Diagnosis("chatml.formatting_leakage", at, {"form": form})


def _formatting(content: str, folded: str) -> str | None:
    """The first kind of markup that it would see, None if there is none."""
    if "```" in content:
        return "a code fence"
    if _bold(content):
        return "bold text"
    if _HEADING.search(content):
        return "a heading"
    if "<html" in folded or "<div" in folded:
        return "HTML"
    return "JSON" if _JSON_KEY.search(content) else None


def _bold(content: str) -> bool:
    """Two asterisks at something, and later something at two asterisks, at least two characters between. In one pass."""
    opens = _BOLD_OPENS.search(content)
    if opens is None:
        return False
    return any(True for _ in _BOLD_CLOSES.finditer(content, opens.end()))


def _of_length(messages: list[Any]) -> Iterator[Diagnosis]:
    objects = [message for message in messages if isinstance(message, dict)]
    exchanges = sum(message.get("role") != "system" for message in objects) // 2
    words = sum(
        len(_WORD.findall(_as_text(message.get("content", ""))))
        for message in objects
        if message.get("role") == "assistant"
    )
    if exchanges >= SPLIT_EXCHANGES or words > SPLIT_WORDS:
        yield Diagnosis("chatml.split_candidate", None, {"exchanges": exchanges, "words": words})


def _meant(label: Any) -> str | None:
    return SPELLINGS.get(label.strip().lower()) if isinstance(label, str) else None


def _shown(label: Any) -> str:
    return label if isinstance(label, str) else describe(label)


def _first(turn: dict[str, Any], keys: tuple[str, ...]) -> Any:
    return next((turn[key] for key in keys if key in turn), None)


def _as_text(value: Any) -> str:
    try:
        return str(value)
    except (ValueError, RecursionError):  # a whole number of more than 4,300 digits
        return describe(value) if not isinstance(value, int) else "0"
