"""Rules about roles and their order."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from ..core.blocks import Block
from ..core.model import Conversation, Message, Span
from ..core.splice import WithKey
from ..sources.roles import role_word
from .labels import UnknownLabels, answered_by_system, is_unknown, says_of_label
from .rule import RELATED_LIMIT, REMOVE, DatasetFinding, Edit, Evidence, Page, Repair, Rule
from .vocabulary import (
    after_other_role,
    alias,
    has_assistant,
    is_first,
    is_last,
    is_second_system,
    kind,
    ordered,
    previous_kind,
    previous_role,
    previous_speaker,
    prompt_only,
    role,
    role_raw,
    speaker,
)


def _canonical_role(conversation: Conversation, turn: int | None, evidence: Evidence) -> Sequence[Edit]:
    if turn is None or (message := conversation.messages[turn]).role is None or message.role_key is None:
        return []
    word = role_word(message.role, conversation.format)
    return [Edit(message.role_pointer, message.role_raw, word)]


def _merge_into(conversation: Conversation, target: int, turn: int) -> Sequence[Edit]:
    first, second = conversation.messages[target], conversation.messages[turn]
    if not (isinstance(first.content, str) and isinstance(second.content, str)):
        return []
    return [
        Edit(first.content_pointer, first.text, f"{first.text}\n\n{second.text}"),
        Edit(second.pointer, second.text, REMOVE),
    ]


def _merge_repeat(conversation: Conversation, turn: int | None, evidence: Evidence) -> Sequence[Edit]:
    if not turn or conversation.messages[turn - 1].role != conversation.messages[turn].role:
        return []  # the turn before was repaired away
    return _merge_into(conversation, turn - 1, turn)


def _merge_system(conversation: Conversation, turn: int | None, evidence: Evidence) -> Sequence[Edit]:
    systems = [
        n for n, message in enumerate(conversation.messages) if message.role in ("system", "developer")
    ]
    return (
        []
        if turn is None or not systems or systems[0] == turn
        else _merge_into(conversation, systems[0], turn)
    )


def _drop_tail(conversation: Conversation, turn: int | None, evidence: Evidence) -> Sequence[Edit]:
    last = max(
        (n for n, message in enumerate(conversation.messages) if message.role == "assistant"), default=-1
    )
    tail = conversation.messages[last + 1 :] if last >= 0 else []
    return [Edit(message.pointer, message.text, REMOVE) for message in reversed(tail)]


def _greeting_to_system(conversation: Conversation, turn: int | None, evidence: Evidence) -> Sequence[Edit]:
    """The turns before the user's first one become part of the system prompt, or the system prompt where there is none."""
    messages = conversation.messages
    systems = [n for n, message in enumerate(messages) if message.role in ("system", "developer")]
    if turn is None or any(n > turn for n in systems):
        return []
    last = next((n for n in range(turn, len(messages)) if messages[n].role != "assistant"), len(messages))
    greeting = messages[turn:last]
    if not all(message.kind == "text" and message.placed for message in greeting):
        return []
    target = messages[systems[-1]] if systems else greeting[0]
    rest = greeting if systems else greeting[1:]
    if not isinstance(target.content, str) or (not systems and target.role_key is None):
        return []
    edits = (
        [Edit(target.content_pointer, target.text, "\n\n".join(m.text for m in (target, *rest)))]
        if rest
        else []
    )
    if not systems:
        word = role_word("system", conversation.format)
        edits.insert(0, Edit(target.role_pointer, target.role_raw, word))
    return [*edits, *(Edit(message.pointer, message.text, REMOVE) for message in reversed(rest))]


def _map_label(conversation: Conversation, turn: int | None, evidence: Evidence) -> Sequence[Edit]:
    """The layout's word for the role the user named; the label stays as the name."""
    if turn is None or "role" not in evidence:
        return []
    message = conversation.messages[turn]
    if message.role_key is None or not message.placed or message.role_raw != evidence["label"]:
        return []
    word: object = role_word(evidence["role"], conversation.format)
    if message.raw.get("name") is None and "name" not in message.raw:
        word = WithKey(word, "name", message.role_raw)
    return [Edit(message.role_pointer, message.role_raw, word)]


class _NoSystem:
    """Counts conversations with and without a system prompt."""

    def __init__(self) -> None:
        self._total = 0
        self._without = 0
        self._where: list[tuple[int, int]] = []

    def partial(self, block: Block) -> None:
        turns = block.turns
        having = turns.filter(pl.col("role").is_in(["system", "developer"]))["conversation"].unique()
        present = turns["conversation"].unique(maintain_order=True)
        self._total += len(present)
        self._without += len(present) - len(having)
        if len(having) < len(present) and len(self._where) < RELATED_LIMIT:
            missing = present.filter(~present.is_in(having.implode())).to_list()
            self._where.extend((block.source, block.indices[at]) for at in missing)

    def finish(self) -> list[DatasetFinding]:
        if not 0 < self._without < self._total:
            return []
        evidence = {
            "count": self._without,
            "total": self._total,
            "share": round(self._without / self._total, 4),
        }
        return [DatasetFinding(evidence, self._where[:RELATED_LIMIT])]


def _alias_evidence(message: Message, span: Span) -> Evidence:
    return {"label": message.role_raw, "role": message.role}


def _repeat_evidence(message: Message, span: Span) -> Evidence:
    return {"role": message.role}


_SYSTEM = {"role": "system", "content": "You are kind."}
_USER = {"role": "user", "content": "Hi"}
_REPLY = {"role": "assistant", "content": "Hello"}
_CALL = {"role": "assistant", "content": None, "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]}
_RESULT = {"role": "tool", "content": "42"}
_CLEAN = [_SYSTEM, _USER, _REPLY]

RULES: tuple[Rule, ...] = (
    Rule(
        code="role.missing",
        severity="error",
        scope="turn",
        title="A turn without a role",
        when=(role_raw.is_missing & (kind != "not_object")) | (role_raw.strip() == ""),
        says="The turn has no role",
        page=Page(
            "Finds messages without a role, or with a role that is no text.",
            "Chat templates fail, or print the text outside any turn.",
            '{"content": "Hi"}',
        ),
        fires=([{"content": "Hi"}, _REPLY], [{"role": None, "content": "Hi"}, _REPLY]),
        silent=(_CLEAN,),
    ),
    Rule(
        code="role.alias",
        severity="warning",
        scope="turn",
        title="Another spelling of a role",
        when=alias.holds & ~(answered_by_system & (role == "system")),
        evidence=_alias_evidence,
        says="The role “{label}” is read as {role}",
        where="role",
        page=Page(
            "Finds known spellings of a standard role that are not the layout's own word: SYSTEM, Bot, human in messages."
            " Words that may mean something else (context, prompt, player, input) count only where the place agrees."
            " A SYSTEM that answers is left to role.unknown.",
            "Most templates compare letter for letter: the turn is dropped, or the odd word is trained on.",
            '{"role": "Human", "content": "Hi"}',
            "Writes the standard word. Safe: the role was read so already.",
        ),
        repair=Repair("safe", _canonical_role, "write the standard word"),
        fires=(
            [{"role": "USER", "content": "Hi"}, _REPLY],
            [_USER, {"role": " Bot", "content": "Hello"}],
            [{"role": "human", "content": "Hi"}, {"role": "gpt", "content": "Hello"}],
            [{"role": "prompter", "content": "Hi"}, _REPLY],
        ),
        silent=(_CLEAN, [{"role": "client", "content": "Hi"}, _REPLY], [_USER, _CALL, _RESULT, _REPLY]),
    ),
    Rule(
        code="role.unknown",
        severity="error",
        scope="dataset",
        title="A label that is no role",
        wave=UnknownLabels,
        says=says_of_label,
        page=Page(
            "Collects role labels that are not known, such as a speaker's name: one finding a label. So is a system that answers: user"
            " and system speak in turn, the system answers at least twice, and nobody else speaks, as in dialogue corpora.",
            "Templates drop such turns, refuse the record, or train on the label. The order of the roles is judged once they are mapped.",
            '{"from": "User 1", "value": "Hi"}',
            "Writes the layout's word for the role and keeps the label as name. Unsafe, and only with an answer from you:"
            " report.repairs(roles={'User 1': 'user'}). To read a label so without changing the data: load(path, roles={'User 1': 'user'}).",
        ),
        repair=Repair(
            "unsafe",
            _map_label,
            "write the role, keep the label as name",
            fits=is_unknown,
            needs_roles=True,
        ),
        profiles={"roleplay": "warning"},
        fires=(
            [{"role": "Mara", "content": "Hi"}, _REPLY],
            [{"role": role, "content": "Hi"} for role in ("USER", "SYSTEM", "USER", "SYSTEM")],
        ),
        silent=(
            _CLEAN,
            [_SYSTEM, _USER, _SYSTEM],
            [_USER, _SYSTEM, _USER, _SYSTEM, _USER, _REPLY],
            [_USER, _CALL, _RESULT, _REPLY],
            [{"role": "developer", "content": "x"}, _USER, _REPLY],
        ),
    ),
    Rule(
        code="order.system_late",
        severity="warning",
        scope="turn",
        title="A system message after another role",
        when=ordered.holds
        & role.is_in(["system", "developer"])
        & after_other_role.holds
        & ~answered_by_system,
        says="A system message stands after other turns",
        page=Page(
            "Finds system messages that come after a turn of another role.",
            "Several templates refuse them, others leave them out.",
            "user, system, assistant",
            "Merges the text into the first system message, where there is one. Unsafe: the place of the text is lost.",
        ),
        repair=Repair("unsafe", _merge_system, "merge into the first system message", removes_turns=True),
        fires=([_USER, _SYSTEM, _REPLY],),
        silent=(_CLEAN, [_SYSTEM, _SYSTEM, _USER, _REPLY]),
    ),
    Rule(
        code="order.system_repeat",
        severity="warning",
        scope="turn",
        title="A second system message",
        when=ordered.holds & is_second_system.holds & ~answered_by_system,
        says="A second system message",
        page=Page(
            "Finds system messages beyond the first.",
            "Several templates keep only one of them.",
            "system, system, user, assistant",
            "Merges the text into the first one. Unsafe: two messages become one.",
        ),
        repair=Repair("unsafe", _merge_system, "merge into the first system message", removes_turns=True),
        fires=([_SYSTEM, _SYSTEM, _USER, _REPLY],),
        silent=(_CLEAN,),
    ),
    Rule(
        code="order.first_assistant",
        severity="warning",
        scope="turn",
        title="The assistant speaks first",
        when=ordered.holds & is_first.holds & (role == "assistant"),
        says="The assistant speaks before the user does",
        page=Page(
            "Finds conversations that begin with an assistant turn.",
            "Gemma, Mistral and Cohere templates refuse them, LLaMA-Factory drops them. In roleplay a greeting first is normal.",
            "assistant, user, assistant",
            "Moves what the assistant says before the user into the system prompt, or makes it the system prompt where there is none."
            " Unsafe: it is read as an instruction then, and no longer trained. No text is lost and none is made up.",
        ),
        repair=Repair(
            "unsafe", _greeting_to_system, "move the opening into the system prompt", removes_turns=True
        ),
        profiles={"roleplay": "info"},
        fires=([_REPLY, _USER, _REPLY], [_SYSTEM, _REPLY]),
        silent=(_CLEAN, [_USER, _REPLY]),
    ),
    Rule(
        code="order.repeat",
        severity="warning",
        scope="turn",
        title="The same role twice in a row",
        when=ordered.holds
        & (role == previous_role)
        & ~role.is_in(["system", "developer", "tool"])
        & kind.is_in(["text", "parts", "null", "other"])
        & (previous_kind != "call")
        & ~(
            (speaker != previous_speaker)
            | (speaker.is_missing & ~previous_speaker.is_missing)
            | (~speaker.is_missing & previous_speaker.is_missing)
        ),
        evidence=_repeat_evidence,
        says="Two {role} turns in a row",
        page=Page(
            "Finds two turns of the same role in a row. Tool calls and results are no repetition, nor are turns of different speakers.",
            "Strict templates refuse the record; others train on a reply to nothing.",
            "user, user, assistant",
            "Merges the two texts with an empty line between them. Unsafe: it may not be what was meant.",
        ),
        repair=Repair("unsafe", _merge_repeat, "merge with the turn before", removes_turns=True),
        profiles={"roleplay": "info"},
        fires=([_USER, _USER, _REPLY], [_USER, _REPLY, _REPLY]),
        silent=(
            _CLEAN,
            [_USER, _CALL, _RESULT, _RESULT, _REPLY],
            [{**_USER, "name": "Kai"}, {**_USER, "name": "Mara"}, _REPLY],
        ),
    ),
    Rule(
        code="order.last_not_assistant",
        severity="warning",
        scope="turn",
        title="Nothing to learn at the end",
        when=ordered.holds & is_last.holds & has_assistant.holds & ~prompt_only.holds & (role != "assistant"),
        evidence=_repeat_evidence,
        says="The conversation ends with a {role} turn, so its end teaches nothing",
        page=Page(
            "Finds conversations whose last turn is not the assistant's.",
            "There is no reply to learn from; some trainers drop the record.",
            "user, assistant, user",
            "Drops the turns after the last reply. Unsafe: text is left out.",
        ),
        repair=Repair("unsafe", _drop_tail, "drop the turns after the last reply", removes_turns=True),
        profiles={"roleplay": "info"},
        fires=([_USER, _REPLY, _USER],),
        silent=(_CLEAN, [_USER, _CALL]),
    ),
    Rule(
        code="order.no_assistant",
        severity="error",
        scope="conversation",
        title="No assistant turn",
        when=ordered.holds & is_last.holds & ~has_assistant.holds & ~prompt_only.holds & ~answered_by_system,
        says="The conversation has no assistant turn",
        page=Page(
            "Finds conversations without a single assistant turn.",
            "Nothing can be learned from them; with loss on replies only, the row counts as empty.",
            "system, user",
        ),
        fires=([_SYSTEM, _USER], [_USER]),
        silent=(_CLEAN,),
    ),
    Rule(
        code="order.no_system",
        severity="info",
        scope="dataset",
        title="Some conversations have no system prompt",
        wave=_NoSystem,
        says=lambda e: f"{e['count']:,} of {e['total']:,} conversations have no system prompt",
        page=Page(
            "Counts conversations without a system prompt, where others have one.",
            "The model learns two habits; which one it shows depends on the prompt at hand.",
            "One record begins with system, the next with user.",
        ),
        fires=(
            b'{"messages": [{"role": "system", "content": "x"}, {"role": "user", "content": "x"}]}\n'
            b'{"messages": [{"role": "user", "content": "x"}]}',
        ),
        silent=(
            b'{"messages": [{"role": "user", "content": "x"}]}\n{"messages": [{"role": "user", "content": "y"}]}',
        ),
    ),
)
