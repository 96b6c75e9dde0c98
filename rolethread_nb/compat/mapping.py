"""What stands here for each code of RoleThread Lite, as data; ``docs/rolethread-lite.md`` is made from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .rolethread_lite import RULES


@dataclass(frozen=True, slots=True)
class Counterpart:
    """The codes of ours that say what one of theirs says, and what is different. Without codes: why it is no issue here."""

    theirs: str
    ours: tuple[str, ...]
    difference: str


COUNTERPARTS: Sequence[Counterpart] = (
    Counterpart(
        "base.not_dict", ("record.not_object",), "A bare list of messages is read as a conversation."
    ),
    Counterpart(
        "base.unknown_top_level_key",
        ("record.key_drift",),
        "No issue as such: a key nobody knows is kept. Said once a source, where keys differ between records.",
    ),
    Counterpart("base.missing_tags", (), "No issue here: no trainer asks for tags."),
    Counterpart(
        "base.tags_not_list",
        ("record.key_drift",),
        "No issue as such: the value is kept. Said once a source, where its type differs between records.",
    ),
    Counterpart("base.invalid_tag_value", (), "No issue here: the value is kept and is no tag."),
    Counterpart("base.empty_tag", (), "No issue here: the value is kept and changes nothing."),
    Counterpart("chatml.missing_messages", ("record.no_messages",), "Other layouts are read, not refused."),
    Counterpart("chatml.messages_not_list", ("record.no_messages",), "The same."),
    Counterpart(
        "chatml.duplicate_system_message",
        ("order.system_repeat", "order.system_late"),
        "At the message itself, and apart from one that merely comes late.",
    ),
    Counterpart(
        "chatml.insufficient_messages",
        ("record.empty", "order.no_assistant", "order.last_not_assistant"),
        "An exchange without a system prompt is whole here; what is missing is named.",
    ),
    Counterpart(
        "chatml.incomplete_exchanges",
        ("order.last_not_assistant", "order.repeat", "order.first_assistant", "order.no_assistant"),
        "At the turn where the order breaks. Only a missing system prompt is no break, and the turns behind it are still judged.",
    ),
    Counterpart("chatml.system_not_dict", ("turn.not_object",), "The turns behind it are still judged."),
    Counterpart(
        "chatml.missing_system_role",
        ("order.no_system", "role.unknown"),
        "No issue where no conversation has a system prompt; said once a dataset where some have one.",
    ),
    Counterpart("chatml.empty_system_content", ("turn.empty", "turn.null"), "The same."),
    Counterpart("chatml.message_not_dict", ("turn.not_object",), "The same."),
    Counterpart(
        "chatml.role_canonicalization",
        ("role.alias",),
        "human and gpt are ShareGPT's own words and no issue there.",
    ),
    Counterpart(
        "chatml.wrong_role",
        ("role.unknown", "role.missing", "order.repeat", "order.first_assistant", "order.system_late"),
        "An unknown label, a missing partner and a late system prompt are told apart; tool turns are known.",
    ),
    Counterpart("chatml.content_whitespace", ("text.whitespace",), "A note, not a warning."),
    Counterpart(
        "chatml.empty_content",
        ("turn.empty", "turn.null"),
        "No content beside tool calls is legal; zero-width characters count as nothing.",
    ),
    Counterpart(
        "chatml.ai_refusal_language",
        (),
        "Not looked for yet: its eight phrases stand in ordinary sentences and quoted speech as well.",
    ),
    Counterpart(
        "chatml.formatting_leakage",
        ("leak.markup", "leak.control_token", "leak.template"),
        "Markup that the data uses throughout is its habit and no issue; control tokens and templates are told apart.",
    ),
    Counterpart(
        "chatml.split_candidate",
        (),
        "No issue here: what is too long depends on the trainer's limit in tokens, not on exchanges.",
    ),
)


def mapping_markdown() -> str:
    """The table of ``docs/rolethread-lite.md``: their code, its severity and trigger, and ours."""
    by_code = {rule.code: rule for rule in RULES}
    lines = ["| RoleThread Lite | severity | trigger | here | difference |", "|---|---|---|---|---|"]
    for one in COUNTERPARTS:
        theirs = by_code[one.theirs]
        ours = ", ".join(f"[`{code}`](rules.md#{code.replace('.', '')})" for code in one.ours) or "none"
        does = theirs.page.does.replace("<", "\\<")
        lines.append(f"| `{one.theirs}` | {theirs.severity} | {does} | {ours} | {one.difference} |")
    return "\n".join(lines) + "\n"
