"""Placeholders that were never filled in, and the names that a record itself gives for them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..core.model import Conversation, Message, Severity, Span
from .mending import forges_a_token, rewritten
from .prose import between, code
from .rule import Edit, Evidence, Mark, Page, Repair, Rule
from .vocabulary import text

_PATTERN = (
    r"(?i)\{\{ ?(?:user|char|bot|persona|scenario|name|character|username|char_name|user_name)(?:'s)? ?\}\}"
    r"|<(?:USER|BOT|CHAR)>"
    r"|\[(?:insert|your|(?:enter|add) (?:your|the|an?)) [a-z][a-z' /\-]{1,40}\]"
)
_MACRO = re.compile(_PATTERN)
_WHO = re.compile(
    r"(?i)\{\{ ?(?:(?P<user>user|username|user_name)|char|bot|character|char_name)(?P<of>'s)? ?\}\}|<(?:(?P<tag>USER)|BOT|CHAR)>"
)
# Where a record may say who is who: keys of the record or of its metadata.
_NAME_KEYS = {
    "user": ("user_name", "username", "name_of_user"),
    "assistant": ("char_name", "character_name", "character", "char", "bot_name", "assistant_name"),
}
_NAME_LENGTH = 60


def spans(message: Message) -> list[Span]:
    """The placeholders of a turn; code, templates, links and brackets with a backslash are none."""
    value = message.text
    excused, template = code(value), between(value, "{%", "%}")
    is_template = "{%" in value
    found = []
    for match in _MACRO.finditer(value):
        seen, at = match.group(), match.start()
        if seen[0] == "<" and not seen[1:-1].isupper():
            continue
        if is_template and seen.startswith("{{"):
            continue  # a template, not a placeholder
        if at in excused or at in template:
            continue
        if seen[0] == "[" and (
            value[match.end() : match.end() + 1] in ("(", "[") or value[at - 1 : at] == "\\"
        ):
            continue  # the text of a link, or a bracket that is meant as one
        found.append(Span(*match.span()))
    return found


def names(conversation: Conversation) -> Mapping[str, str]:
    """The user's and the character's name by role, where the record says them and says one."""
    places = _places(conversation.raw)
    found: dict[str, str] = {}
    for role, keys in _NAME_KEYS.items():
        said = {value.strip() for place in places for key in keys if isinstance(value := place.get(key), str)}
        said |= {
            message.name
            for message in conversation.messages
            if message.role == role and message.name is not None
        }
        if len(said) == 1 and _is_name(name := said.pop()):
            found[role] = name
    return found


def has_names(raw: Any) -> bool:
    """Whether a record has a key for a name of the user or the character, whatever stands there."""
    return any(key in place for place in _places(raw) for keys in _NAME_KEYS.values() for key in keys)


def _places(raw: Any) -> list[dict[str, Any]]:
    """Where names may stand in a record."""
    places = [raw, raw.get("metadata")] if isinstance(raw, dict) else []
    return [place for place in places if isinstance(place, dict)]


def _is_name(value: str) -> bool:
    return (
        0 < len(value) <= _NAME_LENGTH and value.isprintable() and not any(mark in value for mark in "{}<>[]")
    )


def _filling(match: re.Match[str], known: Mapping[str, str]) -> str | None:
    """What a placeholder stands for, if the record says it."""
    name = known.get("user" if match["user"] or match["tag"] else "assistant")
    return None if name is None else name + (match["of"] or "")


def _marks(conversation: Conversation) -> Iterator[Mark]:
    known: Mapping[str, str] | None = None
    for turn, message in enumerate(conversation.messages):
        for span in spans(message):
            known = names(conversation) if known is None else known
            seen = message.text[span.start : span.end]
            who = _WHO.fullmatch(seen)
            filling = None if who is None else _filling(who, known)
            explains = seen[0] == "[" and message.role in ("system", "developer")
            # What can be measured again from the turn is not kept.
            evidence = (
                {"macro": seen, "meant": filling, "explains": explains} if filling or explains else None
            )
            yield Mark(turn, span, evidence)


def _evidence(message: Message, span: Span) -> Evidence:
    return {"macro": message.text[span.start : span.end], "meant": None, "explains": False}


def _severity(evidence: Evidence) -> Severity:
    return "info" if evidence.get("explains") else "warning"


def _says(evidence: Evidence) -> str:
    filling = f"; the record says {evidence['meant']}" if evidence["meant"] else ""
    return f"The placeholder {evidence['macro']} was never filled in{filling}"


def _substitute(conversation: Conversation, turn: int | None, evidence: Evidence) -> Sequence[Edit]:
    if turn is None or not (known := names(conversation)):
        return []
    message = conversation.messages[turn]
    places = {span.start for span in spans(message)}

    def filled(value: str) -> str:
        def fill(match: re.Match[str]) -> str:
            left_alone = value == message.text and match.start() not in places
            return match.group() if left_alone else _filling(match, known) or match.group()

        result = _WHO.sub(fill, value)
        return value if forges_a_token(value, result) else result

    return rewritten(conversation, turn, filled)


def _cases(*texts: str) -> tuple[list[dict[str, str]], ...]:
    return tuple(
        [{"role": "user", "content": value}, {"role": "assistant", "content": "Hello"}] for value in texts
    )


RULES: tuple[Rule, ...] = (
    Rule(
        code="leak.macro",
        severity="warning",
        scope="turn",
        title="A placeholder left open",
        look=_marks,
        among=text.matches(_PATTERN),
        needs=("{", "[", "<"),
        evidence=_evidence,
        severity_of=_severity,
        says=_says,
        where="content",
        page=Page(
            "Finds {{user}}, {{char}}, <USER> and [insert name] in text. Code blocks, templates, links and brackets behind a backslash are left"
            " alone; [insert ...] in a system prompt, which may explain a form, is a note.",
            "The model learns to write the placeholder instead of a name.",
            '{"role": "assistant", "content": "{{char}} smiles."}',
            "Fills in the names of the user and of the character where the record says them: in the name of its messages, or under a key such as"
            " char_name. Unsafe: a placeholder may be filled in later, by the program that trains.",
        ),
        repair=Repair(
            "unsafe",
            _substitute,
            "fill in the name that the record says",
            fits=lambda evidence: evidence.get("meant") is not None,
        ),
        fires=_cases("{{char}} smiles.", "Hello {{ user }}", "Dear [insert name],", "<USER> nods"),
        silent=_cases(
            "[Enter BENEDICK]",
            "```\n{{user}}\n```",
            "{% if user %}{{ user }}{% endif %}",
            "see [your guide](x)",
            "Explain \\[insert topic] simply.",
            "{{total}}",
            "<user>",
        ),
    ),
)
